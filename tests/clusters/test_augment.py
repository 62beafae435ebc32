"""Frames under conditions drawn at random."""

import numpy as np
import pytest

from helpers.clusters import augment
from helpers.clusters.recording import SHARPEST_NM


@pytest.fixture(scope="module")
def images():
    y, x = np.mgrid[:40, :40] - 19.5
    return np.repeat((0.05 * (np.hypot(x, y) < 14))[None], 300, 0).astype(np.float32)


def test_a_dose_is_the_one_asked_for_or_drawn_on_a_logarithmic_scale(images):
    rng = np.random.default_rng(0)
    asked = augment.random_frames(rng, images, 1e3, side=52)
    assert asked.shape == (300, 52, 52)
    # 0.25 square Angstrom a pixel
    assert asked[:, 24:28, 24:28].mean() == pytest.approx(0.05 * 250, rel=0.1)
    drawn = augment.random_frames(rng, images)[:, 18:22, 18:22].mean((1, 2)) / 0.05 / 0.25
    assert np.median(np.log10(drawn)) == pytest.approx(3.5, abs=0.25)
    assert drawn.min() < 300 and drawn.max() > 3e4


def test_training_frames_are_more_often_noisy(images):
    frames = augment.training_frames(np.random.default_rng(2), images, side=40)
    dose = frames[:, 18:22, 18:22].mean((1, 2)) / 0.05 / 0.25
    assert np.median(np.log10(dose)) == pytest.approx(2.75, abs=0.15)
    assert dose.max() > 3e4


def test_equal_generators_give_equal_frames_and_no_two_frames_are_equal(images):
    first, second = (
        augment.random_frames(np.random.default_rng(1), images[:20], 1e4) for _ in range(2)
    )
    assert (first == second).all()
    assert len(np.unique(first.reshape(20, -1), axis=0)) == 20


def test_the_source_is_never_sharper_than_the_library_allows():
    assert augment.SOURCE_NM[0] >= SHARPEST_NM
    assert augment.SOURCE_NM[0] < augment.USUAL_SOURCE_NM < augment.SOURCE_NM[1]
