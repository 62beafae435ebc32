import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from helpers.atoms import interaction_plots as plots
from helpers.atoms import ordering, processes, replicates, ripley
from helpers.data import ROOT

PIXEL_NM = 0.05
MASK = np.ones((120, 120), bool)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def mixture():
    rng = np.random.default_rng(0)
    positions = processes.neutral(rng, 60, (6, 6)) - PIXEL_NM / 2
    labels = np.repeat(["Ni", "Pd"], [40, 20])
    return positions, labels, ordering.random_labelling(positions, labels, rng, runs=39)


def test_envelopes_have_a_row_per_arrangement_and_say_p(mixture):
    rng = np.random.default_rng(1)
    found = ripley.envelopes(mixture[0], MASK, PIXEL_NM, rng, 39, r_max=1.0, step=0.1)
    fig = plots.envelopes({"random": found, "again": found}, ("L", "g"))
    assert len(fig.axes) == 4
    assert f"p = {found['L'].p:.3g}" in fig.axes[0].get_title()
    np.testing.assert_array_equal(fig.axes[1].lines[1].get_ydata(), found["g"].table.observed)


def test_envelopes_draw_three_statistics(mixture):
    rng = np.random.default_rng(1)
    found = ripley.envelopes(mixture[0], MASK, PIXEL_NM, rng, 39, r_max=1.0, step=0.1)
    fig = plots.envelopes({"random": found})
    assert sum(ax.axison for ax in fig.axes) == 3
    np.testing.assert_array_equal(fig.axes[2].lines[1].get_ydata(), found["G"].table.observed)


def test_pooled_curves_stand_in_their_intervals():
    rng = np.random.default_rng(3)
    fields = [(processes.neutral(rng, n, (5.9, 5.9)), MASK, PIXEL_NM) for n in (40, 60, 50)]
    table = replicates.pooled_statistics(fields, 1.0, 0.1)
    fig = plots.pooled({"true": table, "dense": table})
    assert [t.get_text() for t in fig.legends[0].get_texts()] == ["true", "default"]
    np.testing.assert_allclose(fig.axes[0].lines[0].get_ydata(), table.L_nm - table.r_nm)
    np.testing.assert_allclose(fig.axes[1].lines[1].get_ydata(), table.g)


def test_models_say_their_share_in_multimers():
    rng = np.random.default_rng(2)
    runs, histogram = processes.model_statistics(lambda r: processes.neutral(r, 50), rng, 3)
    share = runs.multimer_share.mean()
    fig = plots.model_distances({"0.5": {"random": (histogram, share)}})
    assert fig.axes[0].get_legend().get_texts()[0].get_text() == f"random, {share:.0%}"


def test_directional_distances_stand_over_chance(mixture):
    positions, labels, test = mixture
    kinds = [(a, b) for a in ("Ni", "Pd") for b in ("Ni", "Pd")]
    distances = {k: ordering.directional_distances(positions, labels, *k) for k in kinds}
    fig = plots.directional(distances, test)
    assert len(fig.axes) == 4
    bars, line = (patch.get_data() for patch in fig.axes[1].patches[:2])
    inside = np.mean(distances["Ni", "Pd"] < bars[1][-1])
    assert np.sum(bars[0] * np.diff(bars[1])) == pytest.approx(inside)
    assert np.sum(line[0] * np.diff(line[1])) <= 1
    assert f"{distances['Ni', 'Pd'].mean():.2f} nm" in fig.axes[1].get_title()


def test_connections_have_a_panel_per_pair_of_elements(mixture):
    fig = plots.connections(mixture[2])
    titles = [ax.get_title() for ax in fig.axes if ax.get_title()]
    assert [t.split(",")[0] for t in titles] == ["Ni–Ni", "Ni–Pd", "Pd–Pd"]


def test_forest_marks_what_leaves_the_axis():
    rows = pd.DataFrame(
        {
            "label": ["inside", "strong", "unknown"],
            "gamma": [0.5, 0.0, np.nan],
            "low": [0.4, 0.0, np.nan],
            "high": [0.7, 0.3, np.nan],
            "colour": ["black", "blue", "green"],
        }
    )
    ax = plots.forest(rows, limits=(0.1, 2)).axes[0]
    markers = [line.get_marker() for line in ax.lines[1:]]
    assert markers == ["None", "o", "None", "<"]
    assert [label.get_text() for label in ax.get_yticklabels()] == rows.label.tolist()


def test_estimates_of_the_shipped_tables_are_gathered_by_name():
    simulated, measured = (
        pd.read_csv(ROOT / "data" / "ch02" / f"{name}.csv", keep_default_na=False, na_values=[""])
        for name in ("interaction", "interaction_measured")
    )
    rows = plots.estimates(simulated, measured).set_index("label")
    assert len(rows) == 19 and rows["gamma"].notna().all()
    labels = measured.query("image == 'all' and source == 'labels' and fit == 'plain'")
    assert rows.loc["measured: labels", "gamma"] == labels["gamma"].item()
    assert rows.loc["random: true", "low"] < 1 < rows.loc["random: true", "high"]


def test_isolation_draws_arrows_where_the_limit_is_not_reached():
    table = pd.DataFrame(
        {
            "label": ["random", "repulsive"],
            "density_nm2": [0.34, np.inf],
            "low": [0.3, np.inf],
            "high": [0.4, np.inf],
            "highest_nm2": [8.0, 8.0],
            "colour": ["black", "blue"],
        }
    )
    ax = plots.isolation(table).axes[0]
    assert [patch.get_width() for patch in ax.patches] == [0.34]
    assert ax.lines[-1].get_marker() == ">" and ax.lines[-1].get_xdata()[0] == 8.0


@pytest.mark.parametrize(
    ("name", "draw"),
    [
        ("bias", plots.against_density),
        ("ordering_power", plots.power),
        ("interaction_potential", lambda t: plots.potentials(t, ["measured", "simulated random"])),
    ],
)
def test_shipped_tables_are_drawn(name, draw):
    fig = draw(pd.read_csv(ROOT / "data" / "ch02" / f"{name}.csv"))
    fig.canvas.draw()
    assert any(len(ax.lines) > 3 for ax in fig.axes)


def test_bars_of_nuclearity_stack_up_to_the_share_in_multimers():
    rows = [(source, rho, n, share) for source in ("true", "published", "validated", "dense")
            for rho in (1.0, 2.0) for n, share in enumerate((0.5, 0.2, 0.2, 0.1), 1)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["source", "density_nm2", "nuclearity", "share"])
    fig = plots.by_nuclearity(table)
    assert [bar.get_label() for bar in fig.axes[0].containers] == ["dimers", "trimers", "4 or more"]
    tops = [bar.get_y() + bar.get_height() for bar in fig.axes[0].containers[-1]]
    assert tops == pytest.approx([0.5, 0.5])
