"""Grouping of events: on spectra whose groups are plain to see, step by step and in one."""

import numpy as np
import pandas as pd
import pytest

from helpers.picocavities import grouping
from helpers.picocavities.distances import cosine, wasserstein
from helpers.picocavities.preprocess import GRID
from helpers.registry import DataError

PLACES = [(300, 500), (700, 900), (1100, 1300), (400, 1500)]


def made(rng, labels, wander=3.0):
    """Spectra of two lines, at the places of their group."""
    return np.array(
        [
            sum(
                rng.uniform(0.7, 1) * np.exp(-(((GRID - p - rng.normal(0, wander)) / 7) ** 2))
                for p in PLACES[label]
            )
            + 0.002 * rng.random(512)
            for label in labels
        ]
    )


@pytest.fixture(scope="module")
def campaign():
    """Forty events of four groups, each in a scan of its own but the last four."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2, 3], [16, 12, 7, 5])
    events = pd.DataFrame({"scan": np.arange(40), "first_step": 10, "last_step": 19})
    events.loc[36:, "scan"] = 99
    # one adatom, seen three times, then another visit much later
    events.loc[36:, "first_step"] = [10, 100, 300, 700]
    events.loc[36:, "last_step"] = [19, 219, 349, 709]
    return made(rng, labels), events, labels


def test_groups_are_found_with_their_number_and_ranked(campaign):
    spectra, events, labels = campaign
    for measure in (wasserstein, cosine):
        found = grouping.group(spectra, events, measure)
        assert found.k == grouping.best_k(found.first_scores) == 4
        assert (found.labels == labels).all()  # the largest is group 0
        assert found.sizes()["events"].tolist() == [16, 12, 7, 3]
        assert found.sizes()["spectra"].tolist() == [160, 120, 70, 10 + 10 + 120 + 50 + 10]
        assert found.scores["k"].tolist() == list(range(2, 31))


def test_repeats_in_one_scan_within_100_steps_are_one_event(campaign):
    spectra, events, _ = campaign
    found = grouping.group(spectra, events)
    assert len(found.events) == 38
    one = found.events[found.events["scan"] == 99]
    assert one["members"].tolist() == [(36, 37, 38), (39,)]
    assert one["first_step"].tolist() == [10, 700] and one["last_step"].tolist() == [349, 709]
    parts = spectra / spectra.sum(1, keepdims=True)
    expected = np.average(parts[36:39], 0, [10, 120, 50])
    row = one.index[0]
    np.testing.assert_allclose(found.spectra[row], expected, rtol=1e-12)


def test_repeats_of_another_group_or_later_stay_apart():
    first, last = [0, 50, 260, 0, 30], [9, 159, 270, 9, 200]
    events = pd.DataFrame({"scan": [1, 1, 1, 2, 1], "first_step": first, "last_step": last})
    spectra = np.eye(5, 512)
    merged, means = grouping.merge_repeats(events, spectra, np.array([0, 0, 0, 0, 1]))
    # 159 to 260 is 101 steps, and the event up to 200 is of another group
    assert merged["members"].tolist() == [(0, 1), (2,), (3,), (4,)]
    assert merged["spectra"].tolist() == [120, 11, 10, 171]
    np.testing.assert_allclose(means[0, :2], [10 / 120, 110 / 120])
    # an event inside a longer one does not end the chain
    merged, _ = grouping.merge_repeats(events, spectra, np.zeros(5, int))
    assert merged["members"].tolist() == [(0, 1, 2, 4), (3,)]


def test_events_with_negative_silhouette_are_left_out():
    rng = np.random.default_rng(3)
    spectra = made(rng, [0] * 10 + [1] * 10)
    spectra[0] = 0.35 * spectra[0] + 0.65 * spectra[15]  # neither the one nor the other
    events = pd.DataFrame({"scan": range(20), "first_step": 0, "last_step": 4})
    found = grouping.group(spectra, events, cosine, most=2)
    score = found.events["silhouette"]
    assert ((found.events["configuration"] == -1) == (score < 0)).all()
    assert sorted(set(found.labels[1:])) == [0, 1]
    means = found.mean_spectra()
    assert means.shape == (2, 512) and means.sum(1) == pytest.approx(1)


def test_number_of_groups_of_the_published_code_starts_at_six(campaign):
    spectra, events, _ = campaign
    found = grouping.group(spectra, events, fewest=6, most=20)
    assert found.k >= 6 and found.scores["k"].tolist() == list(range(6, 21))


def test_affinity_and_embedding_are_those_of_the_papers():
    distance = np.array([[0, 1.0, 4], [1, 0, 4], [4, 4, 0]])
    similar = grouping.affinity(distance)
    assert similar[0, 1] == pytest.approx(np.exp(-(0.25**2) / (2 * 0.275**2)))
    vectors = grouping.embedding(similar, 3)
    similar = similar - np.eye(3)
    normalised = similar / np.sqrt(np.outer(similar.sum(0), similar.sum(0)))
    values = np.diag(vectors.T @ normalised @ vectors)
    assert (np.diff(values) < 0).all() and values[0] == pytest.approx(1)


def test_stability_is_high_for_plain_groups_and_low_for_none(campaign):
    spectra, events, _ = campaign
    rng = np.random.default_rng(4)
    for data, low, high in ((spectra, 0.95, 1.0), (rng.random((40, 512)) ** 9, -0.1, 0.7)):
        distance = cosine(data)
        labels, _ = grouping.cluster(distance)
        found = grouping.stability(
            rng, distance, labels, 4 if low > 0 else labels.max() + 1, draws=10
        )
        assert low <= found.mean() <= high


def test_a_seed_gives_the_same_groups(campaign):
    spectra, events, _ = campaign
    one, other = (grouping.group(spectra, events, seed=5) for _ in range(2))
    assert one.events.equals(other.events)


def test_too_little_is_refused(campaign):
    spectra, events, _ = campaign
    with pytest.raises(DataError, match="2 events cannot be grouped"):
        grouping.group(spectra[:2], events[:2])
    with pytest.raises(DataError, match="40 spectra for 39 events"):
        grouping.group(spectra, events[1:])
    with pytest.raises(DataError, match="same spectrum"):
        grouping.cluster(np.zeros((5, 5)))
