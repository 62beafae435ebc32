import numpy as np
import pytest
from scipy.linalg import expm

from helpers.clusters.counts import Proportions, one_hot, proportions
from helpers.clusters.kinetics import arrhenius, free_energy, vant_hoff
from helpers.clusters.landscape import AU309, BOLTZMANN_EV_K, simulate
from helpers.clusters.precision import (
    energy_sd,
    frames_needed,
    log_ratio_variance,
    validation_variance,
)
from helpers.clusters.rates import count_jumps
from helpers.registry import DataError

TEMPERATURES = np.array([340, 360, 380, 400])
CONFUSION = np.full((4, 4), 0.05) + 0.8 * np.eye(4)


def known(populations, sd=0.03, draws=2000, seed=0):
    """Proportions as if measured with a known scatter of their logarithms."""
    rng = np.random.default_rng(seed)
    found = []
    for p in populations:
        drawn = p * np.exp(rng.normal(0, sd, (draws, len(p))))
        found.append(Proportions(p, drawn / drawn.sum(1, keepdims=True), 100, np.ones(4), 20))
    return found


def test_energies_and_entropies_come_back():
    found = known([AU309.populations(t) for t in TEMPERATURES])
    for isomer in (0, 1, 3):
        line = vant_hoff(TEMPERATURES, found, isomer, 2)
        assert line.energy_ev == pytest.approx(AU309.energy_ev[isomer], abs=1e-9)
        assert line.intercept == pytest.approx(AU309.entropy_kb[isomer], abs=1e-7)
        expected = energy_sd(TEMPERATURES, np.full(4, 2 * 0.03**2))
        assert np.sqrt(line.covariance[0, 0]) == pytest.approx(expected, rel=0.08)
        low, high = line.interval()
        assert low < line.energy_ev < high and high - low == pytest.approx(3.92 * expected, rel=0.1)
        height, sd = line.at(TEMPERATURES)
        ratio = np.array([p.value[isomer] / p.value[2] for p in found])
        np.testing.assert_allclose(height, np.log(ratio), atol=1e-7)
        assert sd.min() < 0.045 and sd.argmin() in (1, 2)  # the middle is known best


def test_free_energy_of_one_temperature():
    found = known([AU309.populations(360)], sd=0.05)[0]
    value, low, high = free_energy(360, found, 1, 2)
    assert value == pytest.approx(0.04 - 0.5 * BOLTZMANN_EV_K * 360)
    assert high - low == pytest.approx(3.92 * BOLTZMANN_EV_K * 360 * 0.05 * np.sqrt(2), rel=0.1)


def test_a_temperature_without_the_isomer_is_left_out():
    populations = np.array([AU309.populations(t) for t in TEMPERATURES])
    populations[0, 3] = 0
    line = vant_hoff(TEMPERATURES, known(populations), 3, 2)
    assert line.used.tolist() == [False, True, True, True]
    assert line.energy_ev == pytest.approx(0.16, abs=1e-9)
    populations[1:3, 3] = 0
    with pytest.raises(DataError, match="seen at 1 of 4 temperatures.*needs two"):
        vant_hoff(TEMPERATURES, known(populations), 3, 2)


def test_barriers_come_back_from_counts():
    rates = np.array([AU309.rates(t)[2, 3] for t in TEMPERATURES])
    line = arrhenius(TEMPERATURES, rates * 1000, np.full(4, 1000))
    assert line.energy_ev == pytest.approx(0.97, abs=1e-6)
    assert line.intercept == pytest.approx(np.log(1e13), abs=1e-4)


def test_barriers_from_few_jumps_are_in_their_interval_as_often_as_said():
    rng = np.random.default_rng(3)
    rates = np.array([AU309.rates(t)[2, 3] for t in TEMPERATURES])
    dwell = np.array([20, 20, 10, 5])
    inside, zeros = [], 0
    for _ in range(400):
        jumps = rng.poisson(rates * dwell)
        zeros += (jumps == 0).any()
        low, high = arrhenius(TEMPERATURES, jumps, dwell).interval()
        inside.append(low < 0.97 < high)
    assert zeros > 50 and 0.92 < np.mean(inside) < 0.98


def test_hidden_jumps_widen_the_interval():
    jumps, dwell = np.array([20.0, 50, 100, 200]), np.full(4, 10.0)
    plain = arrhenius(TEMPERATURES, jumps, dwell)
    hidden = arrhenius(TEMPERATURES, jumps, dwell, log_sd=2 / np.sqrt(jumps))
    assert hidden.energy_ev == pytest.approx(plain.energy_ev, rel=1e-6)
    assert hidden.covariance[0, 0] == pytest.approx(4 * plain.covariance[0, 0], rel=1e-4)


def test_jumps_at_one_temperature_give_no_barrier():
    with pytest.raises(DataError, match="seen at 1 temperatures.*needs two"):
        arrhenius(TEMPERATURES, [0, 0, 0, 5], np.ones(4))


def test_jumps_of_a_path():
    jumps, dwell = count_jumps(np.array([0, 0, 1, 1, 1, 0, 2]), 0.5, 3)
    assert jumps.tolist() == [[0, 1, 1], [1, 0, 0], [0, 0, 0]]
    assert dwell.tolist() == [1.5, 1.5, 0.5]


def test_variance_of_the_closed_form_is_that_of_chains():
    """Chains of instants through a confusion matrix, corrected exactly: 400 of 4000 frames."""
    rng = np.random.default_rng(4)
    rates, frame_s, frames = AU309.rates(390), 0.04, 4000
    transition, p = expm(rates * frame_s), AU309.populations(390)
    state = rng.choice(4, 400, p=p)
    counts = np.zeros((400, 4))
    edges, seen_edges = transition.cumsum(axis=1), CONFUSION.cumsum(axis=1)
    for _ in range(frames):
        state = (rng.random((400, 1)) > edges[state]).sum(axis=1).clip(0, 3)
        seen = (rng.random((400, 1)) > seen_edges[state]).sum(axis=1).clip(0, 3)
        counts[np.arange(400), seen] += 1
    found = np.linalg.solve(CONFUSION.T, counts.T / frames)
    for isomer in (0, 3):
        expected = log_ratio_variance(rates, frame_s, CONFUSION, isomer, 2) / frames
        assert np.log(found[isomer] / found[2]).var() == pytest.approx(expected, rel=0.25)


def test_independent_frames_have_the_textbook_variance():
    p = AU309.populations(390)
    found = log_ratio_variance(AU309.rates(390) * 1e6, 0.04, np.eye(4), 0, 2)
    assert found == pytest.approx(1 / p[0] + 1 / p[2], rel=1e-6)


def test_frames_needed_give_the_wanted_error():
    variance = log_ratio_variance(AU309.rates(360), 0.04, CONFUSION, 1, 2)
    frames = frames_needed(0.01, 360, variance)
    kt = BOLTZMANN_EV_K * 360
    assert kt * np.sqrt(variance / frames) == pytest.approx(0.01)
    assert frames_needed(0.005, 360, variance) == pytest.approx(4 * frames)


def test_variance_of_the_validation_set():
    rng = np.random.default_rng(5)
    p = AU309.populations(370)
    drawn = rng.multinomial(200, CONFUSION, size=(4000, 4)) / 200
    found = np.linalg.solve(np.swapaxes(drawn, 1, 2), (p @ CONFUSION)[:, None])[..., 0]
    expected = validation_variance(p, CONFUSION, 200, 0, 2)
    assert np.log(found[:, 0] / found[:, 2]).var() == pytest.approx(expected, rel=0.2)


def test_the_whole_way_at_high_temperature():
    rng = np.random.default_rng(6)
    found = []
    for t in TEMPERATURES:
        held = [simulate(rng, AU309.rates(t), 20_000, 0.04) for _ in range(4)]
        found.append(proportions(rng, [s.shares for s in held], draws=400))
    for isomer in (0, 1, 3):
        low, high = vant_hoff(TEMPERATURES, found, isomer, 2).interval(0.999)
        assert low < AU309.energy_ev[isomer] < high and high - low < 0.3


def test_labels_of_one_class_have_no_energy():
    found = [proportions(np.random.default_rng(0), [one_hot(np.zeros(99, int))], draws=9)] * 4
    assert free_energy(360, found[0], 1, 0)[0] == np.inf
    with pytest.raises(DataError, match="seen at 0 of 4"):
        vant_hoff(TEMPERATURES, found, 1, 2)
