import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from helpers.clusters import kinetics_plots
from helpers.clusters.counts import Proportions
from helpers.clusters.kinetics import arrhenius, vant_hoff
from helpers.clusters.landscape import AU309, BOLTZMANN_EV_K
from helpers.clusters.rates import RateFit
from helpers.clusters.structures import ISOMERS

TEMPERATURES = np.array([340, 360, 380])


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture
def found():
    rng = np.random.default_rng(0)
    every = []
    for t in TEMPERATURES:
        p = AU309.populations(t)
        draws = p * np.exp(rng.normal(0, 0.1, (500, 4)))
        draws /= draws.sum(axis=1, keepdims=True)
        every.append(Proportions(p, draws, 1000, np.full(4, 100.0), 20))
    return every


def test_timeline_shows_truth_labels_path_and_posterior():
    time = np.arange(6) * 0.04
    true, labels = np.array([0, 0, 1, 1, 2, 3]), np.array([0, 2, 1, -1, 2, 3])
    path, posterior = np.array([0, 0, 1, 1, 2, 3]), np.eye(4)[true]
    above, below = kinetics_plots.timeline(time, true, labels, path, posterior).axes
    lines = {line.get_label(): line for line in above.lines}
    assert set(lines) == {"true", "argmax", "Viterbi"}
    np.testing.assert_array_equal(lines["argmax"].get_ydata(), [0, 2, 1, 2, 3])  # one is missing
    np.testing.assert_array_equal(lines["Viterbi"].get_ydata(), path)
    assert [tick.get_text() for tick in above.get_yticklabels()] == list(ISOMERS)
    assert len(below.collections) == 4 and len({c.get_hatch() for c in below.collections}) == 4
    unknown = kinetics_plots.timeline(time, None, labels, path, posterior).axes[0]
    assert "true" not in [line.get_label() for line in unknown.lines]


def test_vant_hoff_panels_hold_points_line_and_truth(found):
    lines = {name: vant_hoff(TEMPERATURES, found, ISOMERS.index(name), 2)
             for name in ("decahedron", "amorphous")}  # fmt: skip
    fig = kinetics_plots.vant_hoff(TEMPERATURES, {"corrected": found}, lines, AU309)
    for ax, (name, line) in zip(fig.axes, lines.items()):
        i = ISOMERS.index(name)
        assert ax.get_title().startswith(f"{name}: {1e3 * line.energy_ev:.0f} [")
        assert ax.get_title().endswith(f"true {1e3 * AU309.energy_ev[i]:.0f}")
        points = ax.containers[0][0].get_xydata()
        np.testing.assert_allclose(points[:, 0], 1 / (BOLTZMANN_EV_K * TEMPERATURES), rtol=1e-3)
        expected = [np.log(p.value[i] / p.value[2]) for p in found]
        np.testing.assert_allclose(points[:, 1], expected)
        true = next(drawn for drawn in ax.lines if drawn.get_label() == "true")
        slope = np.polyfit(*true.get_data(), 1)[0]
        assert slope == pytest.approx(-AU309.energy_ev[i], abs=1e-6)


def test_arrhenius_panels_leave_out_rates_without_interval():
    fits = []
    for t in TEMPERATURES:
        rates = AU309.rates(t)
        sd = np.full((4, 4), 0.2)
        if t == 340:
            sd[2, 0] = np.nan
        fits.append(RateFit(rates, 10 * rates.clip(0), np.full(4, 10.0), sd, 0.0, True))
    lines = {}
    for i, j in ((1, 3), (2, 0)):
        jumps = [fit.jumps[i, j] for fit in fits]
        lines[i, j] = arrhenius(TEMPERATURES, jumps, [10.0] * 3)
    fig = kinetics_plots.arrhenius(TEMPERATURES, fits, lines, AU309)
    assert [len(ax.containers[0][0].get_xdata()) for ax in fig.axes] == [3, 2]
    assert fig.axes[0].get_title().startswith("deca → amor: 0.90 eV")
    drawn = fig.axes[0].containers[0][0].get_ydata()
    np.testing.assert_allclose(drawn, [np.log(AU309.rates(t)[1, 3]) for t in TEMPERATURES])


def test_coverage_is_the_mean_over_isomers_and_temperatures():
    table = pd.DataFrame({
        "scenario": ["a", "a", "b", "a"], "quantity": ["energy"] * 3 + ["barrier"],
        "estimate": ["counted", "counted", "counted", "hidden Markov"],
        "coverage": [0.5, 0.7, 0.9, 0.95],
    })  # fmt: skip
    above, below = kinetics_plots.coverage(table, ("energy", "barrier")).axes
    np.testing.assert_allclose(above.lines[0].get_ydata(), [0.6, 0.9])
    assert above.lines[-1].get_ydata()[0] == 0.95  # what was promised
    assert [tick.get_text() for tick in below.get_xticklabels()] == ["a", "b"]


def test_errors_stand_beside_their_closed_form():
    table = pd.DataFrame({
        "quantity": ["energy"] * 4, "isomer": ["decahedron"] * 3 + ["amorphous"],
        "estimate": ["corrected", "corrected", "counted", "corrected"],
        "frames_per_temperature": [100, 1000, 100, 100], "error_68_mev": [30.0, 9.0, 20.0, 1.0],
        "closed_form_mev": [29.0, 9.2, np.nan, 1.0],
    })  # fmt: skip
    ax = kinetics_plots.error_against_frames(table).axes[0]
    lines = {line.get_label(): line.get_ydata().tolist() for line in ax.lines[:3]}
    assert lines == {"corrected": [30.0, 9.0], "closed form": [29.0, 9.2], "counted": [20.0]}
    assert ax.get_xscale() == ax.get_yscale() == "log" and "meV" in ax.get_ylabel()


def test_window_compares_with_the_true_changes():
    table = pd.DataFrame({
        "temperature_k": [300, 400] * 2, "estimate": ["argmax labels"] * 2 + ["hidden Markov"] * 2,
        "changes_per_s": [5.0, 10.0, 0.1, 15.0], "right": [0.9, 0.7, 1.0, 0.8],
        "true_changes_per_s": [0.1, 20.0] * 2, "shortest_life_frames": [900, 0.5] * 2,
    })  # fmt: skip
    left, right = kinetics_plots.window(table).axes
    np.testing.assert_allclose(left.lines[0].get_ydata(), [50, 0.5])
    np.testing.assert_allclose(left.lines[1].get_ydata(), [1, 0.75])
    np.testing.assert_allclose(right.lines[1].get_ydata(), [1.0, 0.8])
    assert left.lines[2].get_xdata()[0] == 400  # where a life is as short as a frame


def test_timeline_shows_frames_in_their_order_above_itself():
    time = np.arange(40) * 0.04
    state = np.repeat([0, 1, 2, 3], 10)
    frames = np.arange(40.0)[:, None, None] + np.eye(6)
    fig = kinetics_plots.timeline(time, None, state, state, np.eye(4)[state], frames, 0.05, "s")
    strip, plots = fig.subfigs
    shown = [int(ax.images[0].get_array().min()) for ax in strip.axes]
    assert len(shown) == kinetics_plots.SHOWN and shown == sorted(shown)
    marks = {text.get_text(): text.xy[0] for text in plots.axes[0].texts}
    assert marks["1"] == pytest.approx(time[shown[0]])
    assert marks["8"] == pytest.approx(time[shown[-1]])
