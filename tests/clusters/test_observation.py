from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from helpers.clusters import orientations
from helpers.clusters.observation import ASSUMED, Classifier, Recorded

N = 40_000


@pytest.fixture(scope="module")
def seen():
    """Probabilities of `N` frames of each class, and their true class."""
    shares = np.repeat(np.eye(4), N, axis=0)
    return ASSUMED.probabilities(np.random.default_rng(0), shares), np.repeat(np.arange(4), N)


def test_centres_have_their_distances():
    centres = ASSUMED.centres()
    found = np.linalg.norm(centres[:, None] - centres[None], axis=2)
    np.testing.assert_allclose(found, ASSUMED.separation, atol=1e-9)


def test_probabilities_are_calibrated(seen):
    probabilities, true = seen
    for k in range(4):
        edges = np.quantile(probabilities[:, k], np.linspace(0, 1, 11))
        part = np.digitize(probabilities[:, k], edges[1:-1])
        for p in range(10):
            said, was = probabilities[part == p, k], true[part == p] == k
            assert was.mean() == pytest.approx(said.mean(), abs=0.012)


def test_overconfidence_says_more_than_is_true(seen):
    _, true = seen
    shares = np.repeat(np.eye(4), N, axis=0)
    over = replace(ASSUMED, overconfidence=2.0)
    loud = over.probabilities(np.random.default_rng(0), shares)
    right = loud.argmax(axis=1) == true
    assert loud.max(axis=1).mean() - right.mean() > 0.04
    np.testing.assert_array_equal(loud.argmax(axis=1), seen[0].argmax(axis=1))


def test_confusion_of_two_classes_follows_from_their_distance():
    two = Classifier(np.array([[0.0, 2.0], [2.0, 0.0]]))
    counts = two.confusion_counts(np.random.default_rng(1), N)
    np.testing.assert_array_equal(counts.sum(axis=1), N)
    np.testing.assert_allclose(counts[[0, 1], [1, 0]] / N, norm.cdf(-1), atol=0.006)


def test_persistent_views_change_nothing_but_the_order_of_errors(seen):
    rng = np.random.default_rng(2)
    stuck = replace(ASSUMED, persistent=0.8, memory_frames=20)
    shares = np.tile(np.eye(4)[0], (200_000, 1))
    wrong = stuck.probabilities(rng, shares).argmax(axis=1) != 0
    fresh = seen[0][seen[1] == 0].argmax(axis=1) != 0
    assert wrong.mean() == pytest.approx(fresh.mean(), abs=0.01)
    assert np.corrcoef(wrong[:-1], wrong[1:])[0, 1] > 0.3
    assert abs(np.corrcoef(fresh[:-1], fresh[1:])[0, 1]) < 0.03
    far = np.corrcoef(wrong[:-200], wrong[200:])[0, 1]
    assert abs(far) < 0.05


def test_a_blend_lies_between_its_classes():
    blend = np.tile([0.5, 0.5, 0.0, 0.0], (N, 1))
    mean = ASSUMED.probabilities(np.random.default_rng(3), blend).mean(axis=0)
    pure = [
        ASSUMED.probabilities(np.random.default_rng(3), np.tile(row, (N, 1))).mean(axis=0)
        for row in np.eye(4)[:2]
    ]
    assert pure[1][0] < mean[0] < pure[0][0] and pure[0][1] < mean[1] < pure[1][1]


@pytest.fixture(scope="module")
def recorded():
    """Ten views of each isomer; the answers name the view: its number over forty."""
    rng = np.random.default_rng(1)
    classes = np.repeat(np.arange(4), 10)
    answers = np.zeros((40, 3, 4))
    answers[..., 0] = np.arange(40)[:, None] / 40
    answers[..., 1] = [0, 1, 2]
    turns = orientations.rotations(rng, 40)
    return Recorded(turns.as_quat(), classes, answers, np.full((4, 4), 0.25), tilt_deg=40.0), turns


def test_recorded_answers_are_those_of_the_isomer_held_longest(recorded):
    shares = np.eye(4)[np.repeat([0, 1, 2, 3], 500)] * 0.6
    shares[:, 2] += 0.4
    said = recorded[0].probabilities(np.random.default_rng(2), shares)
    view = np.round(said[:, 0] * 40).astype(int)
    assert (view // 10 == shares.argmax(axis=1)).all()
    assert np.bincount(said[:, 1].astype(int)).min() > 500  # every recording is drawn
    assert (view[1:] == view[:-1]).mean() > 0.3  # a view lasts; by chance one in ten


def test_recorded_answers_are_those_of_the_nearest_view(recorded, monkeypatch):
    classifier, turns = recorded
    monkeypatch.setattr("helpers.clusters.observation.tumble", lambda rng, *_: turns)
    said = classifier.probabilities(np.random.default_rng(3), np.eye(4)[np.repeat(range(4), 10)])
    np.testing.assert_allclose(said[:, 0], np.arange(40) / 40)


def test_recorded_confusion_counts_are_shares_of_the_images(recorded):
    np.testing.assert_allclose(recorded[0].confusion_counts(None, 20), 5.0)
