import itertools

import numpy as np
import pytest
from scipy.linalg import expm

from helpers.clusters.hidden_markov import (
    forward_backward,
    log_emission,
    log_emission_of_labels,
    viterbi,
)
from helpers.clusters.landscape import AU309, simulate
from helpers.clusters.observation import ASSUMED
from helpers.clusters.rates import fit_rates
from helpers.registry import DataError

PRIOR = np.full(4, 0.25)


@pytest.fixture
def small():
    """Six frames, the fourth missing, of three states: emission, transition, initial."""
    rng = np.random.default_rng(4)
    emission = rng.normal(0, 2, (6, 3))
    emission[3] = 0
    transition = rng.dirichlet(np.ones(3) * 2, 3)
    return emission, transition, rng.dirichlet(np.ones(3))


def every_path(emission, transition, initial):
    """Probability of every path together with the frames, by brute force."""
    frames, n = emission.shape
    paths = np.array(list(itertools.product(range(n), repeat=frames)))
    log = np.log(initial[paths[:, 0]]) + emission[np.arange(frames), paths].sum(axis=1)
    log += np.log(transition[paths[:, :-1], paths[:, 1:]]).sum(axis=1)
    return paths, np.exp(log)


def test_forward_backward_sums_over_every_path(small):
    paths, weight = every_path(*small)
    posterior, pairs, log_likelihood = forward_backward(*small)
    assert log_likelihood == pytest.approx(np.log(weight.sum()))
    states = np.eye(3)[paths]
    expected = np.einsum("p,pts->ts", weight, states) / weight.sum()
    np.testing.assert_allclose(posterior, expected, rtol=1e-9)
    expected = np.einsum("p,pti,ptj->ij", weight, states[:, :-1], states[:, 1:]) / weight.sum()
    np.testing.assert_allclose(pairs, expected, rtol=1e-9)


def test_viterbi_finds_the_best_of_every_path(small):
    paths, weight = every_path(*small)
    np.testing.assert_array_equal(viterbi(*small), paths[weight.argmax()])


def test_a_path_that_cannot_be_is_not_taken(small):
    emission, _, initial = small
    stay = np.array([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.0, 0.5, 0.5]])
    assert set(viterbi(emission, stay, initial)) in ({0}, {1, 2}, {1}, {2})
    posterior, *_ = forward_backward(emission, stay, np.array([1.0, 0.0, 0.0]))
    np.testing.assert_allclose(posterior[:, 0], 1)


def test_long_series_of_unlikely_frames_do_not_underflow():
    emission = np.tile([[-900.0, -905.0]], (5000, 1))
    transition = np.array([[0.9, 0.1], [0.2, 0.8]])
    posterior, pairs, log_likelihood = forward_backward(emission, transition, PRIOR[:2] * 2)
    assert -901 * 5000 < log_likelihood < -900 * 5000
    np.testing.assert_allclose(posterior.sum(axis=1), 1)
    assert pairs.sum() == pytest.approx(4999)


def test_missing_frames_take_time_but_say_nothing():
    rows = np.array([[0.9, 0.1], [np.nan, np.nan], [np.nan, np.nan], [0.1, 0.9]])
    emission = log_emission(rows, np.array([0.5, 0.5]))
    np.testing.assert_array_equal(emission[1:3], 0)
    np.testing.assert_array_equal(
        log_emission_of_labels(np.array([0, -1]), np.array([[8, 2], [1, 9]])),
        [np.log([0.8, 0.1]), [0, 0]],
    )
    transition = np.array([[0.8, 0.2], [0.3, 0.7]])
    posterior, *_ = forward_backward(emission, transition, np.array([0.5, 0.5]))
    three = np.linalg.matrix_power(transition, 3)
    both, *_ = forward_backward(emission[[0, 3]], three, np.array([0.5, 0.5]))
    np.testing.assert_allclose(posterior[[0, 3]], both)


def test_a_rare_class_in_training_counts_for_more():
    same = log_emission(np.array([[0.5, 0.5]]), np.array([0.9, 0.1]))
    assert same[0, 1] - same[0, 0] == pytest.approx(np.log(9))


@pytest.mark.parametrize("row", [[0.7, 0.7], [-0.1, 1.1], [np.nan, 1.0]])
def test_rows_that_are_no_distribution_are_refused(row):
    rows = np.array([[0.5, 0.5], [np.nan, np.nan], row])
    with pytest.raises(DataError, match="Frame 2 has the probabilities.*expected"):
        log_emission(rows, np.array([0.5, 0.5]))


@pytest.fixture(scope="module")
def hot():
    """Two series at 365 K: what they hold, and what is seen of them."""
    rng = np.random.default_rng(8)
    series = [simulate(rng, AU309.rates(365), 6000, 0.04) for _ in range(2)]
    seen = [log_emission(ASSUMED.probabilities(rng, s.shares), PRIOR) for s in series]
    return series, seen


def test_the_likelihood_rises_with_every_step(hot):
    _, seen = hot
    found = [fit_rates(seen, 0.04, steps=k, tolerance=-np.inf) for k in (1, 2, 4, 8, 16)]
    assert (np.diff([f.log_likelihood for f in found]) > 0).all()
    assert not found[0].converged


def test_rates_are_recovered_within_their_intervals(hot):
    series, seen = hot
    found = fit_rates(seen, 0.04)
    true = AU309.rates(365)
    assert found.converged
    np.testing.assert_allclose(found.rates.sum(axis=1), 0, atol=1e-9)
    many = found.jumps > 10
    z = np.log(found.rates[many] / true[many]) / found.log_sd[many]
    assert many.sum() >= 8 and np.abs(z).max() < 4 and 0.3 < z.std() < 2
    assert (found.log_sd[many] > 0.9 / np.sqrt(found.jumps[many])).all()  # hidden costs more
    assert found.jumps.sum() == pytest.approx(sum(s.jumps for s in series), rel=0.1)
    assert found.dwell_s.sum() == pytest.approx(2 * 5999 * 0.04)


def test_expected_jumps_and_dwell_times_are_those_of_the_chain():
    """With every frame known, the sums equal those of paths simulated between the frames."""
    rng = np.random.default_rng(9)
    fine = simulate(rng, AU309.rates(385), 600_000, 0.001)
    seen = np.where(np.eye(4)[fine.state[::40]] > 0, 0.0, -500.0)
    found = fit_rates([seen], 0.04, start=AU309.rates(385), steps=1)
    assert found.jumps.sum() == pytest.approx(fine.jumps, rel=0.03)
    np.testing.assert_allclose(found.dwell_s, fine.shares.sum(axis=0) * 0.001, rtol=0.03)


def test_smoothing_beats_single_frames(hot):
    series, seen = hot
    rates = fit_rates(seen, 0.04).rates
    state = np.concatenate([s.state for s in series])
    single = np.mean(np.concatenate(seen).argmax(axis=1) == state)
    transition = expm(rates * 0.04)
    path = np.concatenate([viterbi(e, transition, PRIOR) for e in seen])
    posterior = np.concatenate([forward_backward(e, transition, PRIOR)[0] for e in seen])
    assert single < 0.9 < 0.95 < np.mean(path == state)
    assert np.mean(posterior.argmax(axis=1) == state) > 0.95
    sure = posterior.max(axis=1) > 0.99
    assert np.mean(posterior.argmax(axis=1)[sure] == state[sure]) > 0.98


def test_labels_do_as_well_as_their_confusion_matrix_allows(hot):
    series, seen = hot
    counts = ASSUMED.confusion_counts(np.random.default_rng(1), 5000)
    labels = [log_emission_of_labels(e.argmax(axis=1), counts) for e in seen]
    found, full = fit_rates(labels, 0.04), fit_rates(seen, 0.04)
    busy = full.jumps > 50
    np.testing.assert_allclose(np.log(found.rates[busy] / full.rates[busy]), 0, atol=0.3)
    assert np.nanmedian(found.log_sd[busy] / full.log_sd[busy]) > 1  # labels know less


def test_an_isomer_that_never_came_has_no_rate():
    seen = np.log(np.tile([[0.97, 0.01, 0.01, 0.01]], (500, 1)))
    found = fit_rates([seen], 0.04)
    assert (found.jumps < 0.5).all() and np.isnan(found.log_sd).all()
