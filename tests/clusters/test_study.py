"""Scores with intervals over groups of views."""

import numpy as np
import pytest

from helpers.clusters import study


def test_classes_count_alike_however_many_frames_they_have():
    right = np.r_[np.ones(90, bool), np.zeros(10, bool)]
    groups = np.r_[np.arange(90), 1000 + np.arange(10)]
    found = study.with_interval(right, groups, np.random.default_rng(0))
    assert found["accuracy"] == pytest.approx(0.5)
    assert found["frames"] == 100 and found["views"] == 100
    assert study.balanced(right, groups // 1000) == pytest.approx(0.5)


def test_interval_knows_that_copies_are_no_new_views():
    rng = np.random.default_rng(1)
    right = rng.random(40) < 0.7
    few = study.with_interval(np.repeat(right, 25), np.repeat(np.arange(40), 25), rng)
    many = study.with_interval(np.repeat(right, 25), np.arange(1000), rng)
    width = {k: v["accuracy_high"] - v["accuracy_low"] for k, v in (("few", few), ("many", many))}
    assert width["few"] > 3 * width["many"]
    assert few["accuracy_low"] < few["accuracy"] < few["accuracy_high"]
    assert few["views"] == 40


def test_spread_over_seeds():
    right = np.array([[1, 1, 1, 1], [1, 1, 0, 0]], bool)
    found = study.with_interval(right, np.arange(4), np.random.default_rng(2))
    assert found["accuracy"] == pytest.approx(0.75)
    assert found["accuracy_sd"] == pytest.approx(np.std([1, 0.5], ddof=1))
    assert np.isnan(
        study.with_interval(right[0], np.arange(4), np.random.default_rng(2))["accuracy_sd"]
    )


def test_confusion_in_shares_of_the_true_class():
    matrix = study.confusion([0, 1, 1, 3], [0, 0, 1, 2])
    assert matrix[0].tolist() == [0.5, 0.5, 0, 0]
    assert matrix[2].tolist() == [0, 0, 0, 1] and matrix[3].tolist() == [0, 0, 0, 0]
