import numpy as np
import pytest

from helpers.clusters.counts import (
    autocorrelation_time,
    corrected,
    draw_confusions,
    one_hot,
    proportions,
)
from helpers.clusters.landscape import AU309, simulate
from helpers.clusters.observation import ASSUMED

CONFUSION = np.array([[0.8, 0.1, 0.1], [0.05, 0.9, 0.05], [0.2, 0.1, 0.7]])


def series(seed, temperature=370, frames=4000, count=4):
    rng = np.random.default_rng(seed)
    return [simulate(rng, AU309.rates(temperature), frames, 0.04) for _ in range(count)]


def test_labels_as_rows():
    np.testing.assert_array_equal(
        one_hot(np.array([2, -1, 0]), 3), [[0, 0, 1], [np.nan] * 3, [1, 0, 0]]
    )


def test_autocorrelation_time_of_a_known_process():
    """A chain of two states: autocorrelation c^k, time (1 + c) / (1 - c)."""
    rng = np.random.default_rng(0)
    for keep, expected in ((0.5, 1.0), (0.9, 9.0), (0.98, 49.0)):
        flips = rng.random(400_000) > keep
        labels = np.cumsum(flips) % 2
        found = autocorrelation_time([one_hot(part, 2) for part in np.split(labels, 4)])
        np.testing.assert_allclose(found, expected, rtol=0.12)


def test_white_labels_are_independent():
    labels = np.random.default_rng(1).integers(0, 4, 20_000)
    np.testing.assert_allclose(autocorrelation_time([one_hot(labels)]), 1, atol=0.1)


def test_missing_frames_do_not_count_as_a_class():
    labels = np.random.default_rng(2).choice(3, 9000, p=[0.6, 0.3, 0.1])
    gaps = labels.copy()
    gaps[::3] = -1
    found = proportions(np.random.default_rng(3), [one_hot(gaps, 3)], draws=50)
    np.testing.assert_allclose(found.value, np.bincount(gaps[gaps >= 0]) / 6000)
    assert found.frames == 6000
    np.testing.assert_allclose(autocorrelation_time([one_hot(gaps, 3)]), 1, atol=0.25)


def test_correction_undoes_the_confusion():
    true = np.array([[0.5, 0.3, 0.2], [0.02, 0.9, 0.08]])
    seen = true @ CONFUSION
    found = corrected(seen, np.broadcast_to(CONFUSION, (2, 3, 3)))
    np.testing.assert_allclose(found, true, atol=1e-12)
    assert np.abs(seen - true).max() > 0.05  # what the naive count is off


def test_correction_outside_the_simplex_is_the_most_likely_inside():
    seen = np.array([[0.03, 0.92, 0.05], [0.01, 0.98, 0.01]])
    assert (np.linalg.solve(CONFUSION.T, seen.T) < 0).any(axis=0).all()
    found = corrected(seen, np.broadcast_to(CONFUSION, (2, 3, 3)))
    grid = np.random.default_rng(4).dirichlet(np.full(3, 0.3), 200_000)
    for q, p in zip(seen, found):
        assert p.min() >= 0 and p.sum() == pytest.approx(1)
        best = (np.log(grid @ CONFUSION) @ q).max()
        assert np.log(p @ CONFUSION) @ q >= best - 1e-6


def test_confusion_draws_are_as_wide_as_their_counts():
    counts = np.array([[80, 20], [5, 95]])
    drawn = draw_confusions(np.random.default_rng(5), counts, 20_000)
    np.testing.assert_allclose(drawn.sum(axis=2), 1)
    np.testing.assert_allclose(drawn[0, 0], [80.5 / 101, 20.5 / 101])
    np.testing.assert_allclose(drawn[1:].mean(axis=0), drawn[0], atol=0.002)
    sd = np.sqrt(0.8 * 0.2 / 100)
    assert drawn[1:, 0, 0].std() == pytest.approx(sd, rel=0.05)


def test_independent_labels_have_the_binomial_interval():
    labels = np.random.default_rng(6).choice(3, 3000, p=[0.5, 0.3, 0.2])
    found = proportions(np.random.default_rng(7), [one_hot(labels, 3)], draws=4000)
    sd = np.sqrt(found.value * (1 - found.value) / 3000)
    np.testing.assert_allclose(found.draws.std(axis=0), sd, rtol=0.15)
    np.testing.assert_allclose(found.effective_frames, 3000, rtol=0.15)
    low, high = found.interval()
    np.testing.assert_allclose(high - low, 2 * 1.96 * sd, rtol=0.2)


def test_a_slow_cluster_gives_fewer_effective_frames_and_wider_intervals():
    slow, fast = (
        proportions(np.random.default_rng(8), [s.shares for s in series(9, t)], draws=500)
        for t in (345, 370)
    )
    assert (slow.effective_frames < fast.effective_frames / 3).all()
    assert (slow.draws.std(axis=0) > 2 * fast.draws.std(axis=0)).all()
    assert slow.blocks < fast.blocks and fast.frames == 16_000


def test_corrected_proportions_hold_the_truth_and_naive_ones_do_not():
    rng = np.random.default_rng(10)
    counts = ASSUMED.confusion_counts(rng, 500)
    held = series(11, 380, 20_000, 4)
    labels = [one_hot(ASSUMED.probabilities(rng, s.shares).argmax(axis=1)) for s in held]
    true = AU309.populations(380)
    confusions = draw_confusions(rng, counts, 500)
    naive, better = proportions(rng, labels, draws=500), proportions(rng, labels, confusions, 500)
    inside = [(p.interval()[0] < true) & (true < p.interval()[1]) for p in (naive, better)]
    assert inside[1].all() and not inside[0].all()
    assert np.abs(better.value - true).max() < np.abs(naive.value - true).max()
    exact = proportions(rng, labels, np.broadcast_to(confusions[0], confusions.shape), 500)
    assert (exact.draws.std(axis=0) < better.draws.std(axis=0)).all()  # validation adds its share


def test_series_without_changes_do_not_pretend_to_know():
    rng = np.random.default_rng(12)
    still = [one_hot(np.zeros(500, int))] * 3
    found = proportions(rng, still, draws=10)
    assert found.value.tolist() == [1, 0, 0, 0]
    np.testing.assert_allclose(found.effective_frames, 3)
    assert found.blocks == 3
    once = proportions(rng, [one_hot(np.repeat([0, 1], 250))], draws=10)
    assert once.blocks == 1 and once.effective_frames.max() < 10
    assert np.isnan(once.draws).all()


def test_an_isomer_never_seen_has_the_time_of_the_slowest():
    labels = np.repeat(np.random.default_rng(13).integers(0, 2, 2000), 20)
    times = autocorrelation_time([one_hot(labels)])
    np.testing.assert_allclose(times, times[0])
    assert times[0] == pytest.approx(20, rel=0.2)
