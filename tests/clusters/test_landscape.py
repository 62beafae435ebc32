import numpy as np
import pytest
from scipy.linalg import expm

from helpers.clusters.landscape import AU309, BOLTZMANN_EV_K, Landscape, simulate, stationary
from helpers.clusters.structures import ISOMERS

TEMPERATURES = (300, 340, 400)


def test_there_is_one_energy_per_isomer():
    assert AU309.energy_ev.shape == AU309.entropy_kb.shape == (len(ISOMERS),)
    np.testing.assert_array_equal(AU309.saddle_ev, AU309.saddle_ev.T)
    assert np.nanmin(AU309.barriers_ev()) > 0


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_rates_keep_the_populations_jump_for_jump(temperature):
    rates, populations = AU309.rates(temperature), AU309.populations(temperature)
    flow = populations[:, None] * rates
    np.testing.assert_allclose(flow, flow.T, rtol=1e-10)
    np.testing.assert_allclose(rates.sum(axis=1), 0, atol=1e-9)
    np.testing.assert_allclose(stationary(rates), populations, rtol=1e-6)


def test_two_states_by_hand():
    two = Landscape(
        energy_ev=np.array([0.1, 0.0]), entropy_kb=np.array([np.log(3), 0.0]),
        saddle_ev=np.array([[0.0, 0.5], [0.5, 0.0]]), attempts_per_s=1e9,
    )  # fmt: skip
    kt = 1 / 25
    temperature = kt / BOLTZMANN_EV_K
    share = 3 * np.exp(-2.5) / (1 + 3 * np.exp(-2.5))
    np.testing.assert_allclose(two.populations(temperature), [share, 1 - share])
    rates = two.rates(temperature)
    assert rates[0, 1] == pytest.approx(1e9 / 3 * np.exp(-10))
    assert rates[1, 0] == pytest.approx(1e9 * np.exp(-12.5))


def test_slopes_are_energies_and_barriers():
    x = 1 / (BOLTZMANN_EV_K * np.array(TEMPERATURES))
    populations = np.array([AU309.populations(t) for t in TEMPERATURES])
    slope = np.polyfit(x, np.log(populations[:, 1] / populations[:, 2]), 1)
    np.testing.assert_allclose(slope, [-0.04, 0.5], atol=1e-9)
    rates = np.array([AU309.rates(t)[3, 2] for t in TEMPERATURES])
    slope, intercept = np.polyfit(x, np.log(rates), 1)
    assert -slope == pytest.approx(AU309.barriers_ev()[3, 2])
    assert intercept == pytest.approx(np.log(1e13) - 4)


def test_frames_are_filled_and_follow_the_populations():
    rates = AU309.rates(380)
    series = simulate(np.random.default_rng(0), rates, 60_000, 0.04)
    np.testing.assert_allclose(series.shares.sum(axis=1), 1, atol=1e-8)
    np.testing.assert_array_equal(series.state, series.shares.argmax(axis=1))
    np.testing.assert_allclose(series.shares.mean(axis=0), AU309.populations(380), atol=0.02)
    expected = -AU309.populations(380) @ np.diag(rates) * 60_000 * 0.04
    assert series.jumps == pytest.approx(expected, rel=0.05)


def test_a_frame_of_no_time_sees_the_transition_matrix():
    rates, frame_s = AU309.rates(380), 0.04
    fine = simulate(np.random.default_rng(1), rates, 400_000, frame_s / 40)
    seen = fine.state[::40]
    pairs = np.zeros((4, 4))
    np.add.at(pairs, (seen[:-1], seen[1:]), 1)
    found = pairs / pairs.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, expm(rates * frame_s), atol=0.05)


def test_a_cold_cluster_stays_where_it_started():
    series = simulate(np.random.default_rng(2), AU309.rates(150), 100, 0.04, start=1)
    assert series.jumps == 0
    np.testing.assert_allclose(series.shares[:, 1], 1)


def test_jumps_within_one_frame_leave_a_blend():
    series = simulate(np.random.default_rng(3), AU309.rates(500), 20, 0.04)
    assert series.jumps > 2000
    assert ((series.shares > 0).sum(axis=1) == 4).all()
    np.testing.assert_allclose(series.shares.mean(axis=0), AU309.populations(500), atol=0.05)


def test_chance_comes_from_the_generator():
    one, same, other = (
        simulate(np.random.default_rng(seed), AU309.rates(370), 500, 0.04).shares
        for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
