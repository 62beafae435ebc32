"""Probabilities that are frequencies, and what is gained by refusing."""

import numpy as np
import pytest
from scipy.special import softmax

from helpers.clusters import calibration
from helpers.data import DataError


@pytest.fixture(scope="module")
def frames():
    """Scores whose softmax is exact, and classes drawn from it."""
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 2, (6000, 4))
    p = softmax(scores, axis=1)
    classes = (rng.random(len(p))[:, None] > p.cumsum(1)).sum(1)
    return scores, classes


def test_temperature_is_recovered(frames):
    scores, classes = frames
    scaling = calibration.fit_noise_scaling(3 * scores, np.ones(len(scores)), classes)
    assert scaling.factor == pytest.approx(1 / 3, rel=0.05)
    assert scaling.power == 0


def test_dependence_on_noise_is_recovered(frames):
    scores, classes = frames
    noise = np.random.default_rng(1).uniform(0.4, 1, len(scores))
    given = scores * noise[:, None] ** 1.5 / 2  # too sure of noisy frames, if one factor is for all
    scaling = calibration.fit_noise_scaling(given, noise, classes)
    assert (scaling.factor, scaling.power) == pytest.approx((2, 1.5), rel=0.1)
    p = scaling(given, noise)
    assert p == pytest.approx(softmax(scores, axis=1), abs=0.05)
    assert p == pytest.approx(softmax(scaling.scaled(given, noise), axis=1))
    one = calibration.fit_noise_scaling(given, np.ones(len(noise)), classes)
    noisy = noise > 0.8
    assert calibration.calibration_error(p[noisy], classes[noisy]) < (
        calibration.calibration_error(one(given, noise)[noisy], classes[noisy])
    )


def test_clear_frames_share_one_factor():
    scaling = calibration.NoiseScaling(1.0, 2.0)
    low, floor, high = scaling.scaled(np.ones((3, 4)), [0.01, calibration.LEAST_NOISE, 1.0])[:, 0]
    assert low == floor == pytest.approx(calibration.LEAST_NOISE**-2) and high == 1


def test_vector_scaling_undoes_what_one_temperature_cannot(frames):
    scores, classes = frames
    spoiled = scores * [1, 2, 0.5, 1] + [0, 1, 0, -1]
    vector = calibration.fit_scaling(spoiled, classes)
    same = np.ones(len(classes))
    one = calibration.fit_noise_scaling(spoiled, same, classes)
    assert vector.factor == pytest.approx([1, 0.5, 2, 1], rel=0.12)
    exact = calibration.log_loss(scores, classes)
    loss = -np.log(vector(spoiled)[np.arange(len(classes)), classes]).mean()
    assert loss == pytest.approx(exact, abs=0.003)
    assert -np.log(one(spoiled, same)[np.arange(len(classes)), classes]).mean() > exact + 0.05


def test_scores_of_any_size_are_scaled(frames):
    scores, classes = frames
    for size in (1e-3, 1e3):
        scaling = calibration.fit_scaling(size * scores, classes)
        assert scaling.factor == pytest.approx(np.full(4, 1 / size), rel=0.1)
        noise = np.ones(len(scores))
        assert calibration.fit_noise_scaling(size * scores, noise, classes).factor == (
            pytest.approx(1 / size, rel=0.05)
        )


def test_the_place_of_the_scores_does_not_matter(frames):
    scores, classes = frames
    similar = 0.8 + 1e-3 * (scores * [1, 2, 0.5, 1] + [0, 1, 0, -1])  # as those to an atlas are
    scaling = calibration.fit_scaling(similar, classes)
    loss = calibration.log_loss(similar * scaling.factor + scaling.offset, classes)
    assert loss == pytest.approx(calibration.log_loss(scores, classes), abs=0.003)


def test_a_class_without_frames_is_refused(frames):
    scores, classes = frames
    with pytest.raises(DataError, match="class 2 of 4 has none"):
        calibration.fit_scaling(scores[classes != 2], classes[classes != 2])


def test_calibration_error_sees_overconfidence_and_only_that(frames):
    scores, classes = frames
    exact = calibration.calibration_error(softmax(scores, axis=1), classes)
    sharp = calibration.calibration_error(softmax(3 * scores, axis=1), classes)
    chance = calibration.chance_error(softmax(scores, axis=1), np.random.default_rng(1))
    assert exact < np.quantile(chance, 0.99)
    assert sharp > 0.1


def test_reliability_of_hand_counted_frames():
    p = np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.45, 0.55]])
    table = calibration.reliability(p, [0, 1, 1, 0], bins=2)
    assert list(table["frames"]) == [2, 2]
    assert list(table["confidence"]) == pytest.approx([0.575, 0.85])
    assert list(table["correct"]) == [0.5, 0.5]
    assert calibration.calibration_error(p, [0, 1, 1, 0], 2) == pytest.approx(0.2125)


def test_risk_and_threshold_of_hand_counted_frames():
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.4, 0.6]])
    classes = [0, 1, 1, 1]  # the third is wrong
    curve = calibration.risk_coverage(p, classes)
    assert list(curve["risk"]) == pytest.approx([0, 0, 1 / 3, 1 / 4])
    assert list(curve["coverage"]) == [0.25, 0.5, 0.75, 1.0]
    assert calibration.choose_threshold(p, classes, 0.1) == 0.8
    assert calibration.choose_threshold(p, classes, 0.25) == 0.6
    with pytest.raises(DataError, match="least risk is 1.000"):
        calibration.choose_threshold(p, [1, 0, 1, 0], 0.05)


def test_equally_certain_frames_are_accepted_together():
    p = np.array([[0.9, 0.1], [0.8, 0.2], [0.8, 0.2]])
    assert calibration.choose_threshold(p, [0, 0, 1], 0.05) == 0.9


def test_copies_of_an_orientation_do_not_narrow_the_interval():
    rng = np.random.default_rng(2)
    right = rng.random(60) < 0.8
    copies = np.repeat(right, 20)
    groups = np.repeat(np.arange(60), 20)

    def width(values, which):
        low, high = calibration.grouped_interval(
            lambda i: values[i].mean(), which, np.random.default_rng(3)
        )
        return high - low

    one = width(right, np.arange(60))
    assert width(copies, groups) == pytest.approx(one, rel=0.15)
    assert width(copies, np.arange(1200)) < one / 3
