import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from helpers.atoms import arrangement_plots


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture
def statistics():
    table = pd.DataFrame(
        {
            "image": ["b", "a", "b", "a"],
            "source": ["labels", "labels", "ensemble", "ensemble"],
            "density_nm2": [0.3, 0.2, 0.4, 0.3],
            "corrected_nm2": [np.nan, np.nan, 0.35, 0.25],
            "nnd_mean_nm": [1.0, 1.2, 1.1, 1.3],
            "nnd_random_nm": [0.9, 1.1, 1.0, 1.2],
        }
    )
    for name in ("density", "corrected"):
        table[f"{name}_low_nm2"] = table[f"{name}_nm2"] - 0.1
        table[f"{name}_high_nm2"] = table[f"{name}_nm2"] + 0.2
    return table


def test_densities_stand_over_their_image(statistics):
    fig = arrangement_plots.densities(statistics, (0.2, 0.5), {"mean": 0.25, "sd": 0.05})
    above, below = fig.axes
    assert [label.get_text() for label in above.get_xticklabels()] == ["a", "b"]
    values = {c.get_label(): c[0].get_ydata().tolist() for c in above.containers}
    assert values == {
        "labels": [0.2, 0.3], "ensemble": [0.3, 0.4], "ensemble, corrected": [0.25, 0.35],
    }  # fmt: skip
    labels = above.containers[0]
    bars = [segment[:, 1] for segment in labels[2][0].get_segments()]
    np.testing.assert_allclose(bars, [[0.1, 0.4], [0.2, 0.5]])
    x = np.array([c[0].get_xdata() for c in above.containers])
    assert (abs(x - [0, 1]) < 0.5).all() and len(np.unique(x)) == x.size  # side by side
    bell = below.lines[0].get_xydata()
    assert bell[bell[:, 1].argmax(), 0] == pytest.approx(0.25, abs=0.01)
    area = sum(p.get_width() * p.get_height() for p in below.patches[1:])
    assert area == pytest.approx(1)
    assert "nm²" in above.get_ylabel() and "nm²" in below.get_xlabel()


def test_rayleigh_curves_have_the_mean_of_their_density():
    distances = np.array([0.4, 0.9, 1.1])
    ax = arrangement_plots.neighbour_distances(distances, {"fit": 0.4, "random": 0.3}, 0.28).axes[0]
    counts = sum(p.get_width() * p.get_height() for p in ax.patches)
    assert counts == pytest.approx(1)
    fit, random, bond = ax.lines
    r, density = fit.get_data()
    assert r[density.argmax()] == pytest.approx(1 / np.sqrt(2 * np.pi * 0.4), abs=0.01)
    assert bond.get_xdata()[0] == 0.28
    assert [fit.get_label(), random.get_label()] == ["fit", "random"]
    assert fit.get_linestyle() != random.get_linestyle()


def test_parity_has_one_point_per_image_and_source(statistics):
    fig = arrangement_plots.parity(statistics, {"plane": "nnd_random_nm"})
    (ax,) = fig.axes
    labels, ensemble, diagonal = ax.lines
    assert labels.get_xydata().tolist() == [[0.9, 1.0], [1.1, 1.2]]
    assert ensemble.get_xydata().tolist() == [[1.0, 1.1], [1.2, 1.3]]
    assert (diagonal.get_xdata() == diagonal.get_ydata()).all()
    assert ax.get_xlim() == ax.get_ylim() and "nm" in ax.get_xlabel()


def test_motion_compares_known_with_found():
    mobility = pd.DataFrame(
        {"true_share": [0.0, 0.3], "apparent_share": [0.2, 0.4], "apparent_se": 0.02,
         "corrected_share": [0.0, 0.3], "corrected_se": 0.03}
    )  # fmt: skip
    hops = pd.DataFrame(
        {"distance_nm_from": [0.24, 1.32], "distance_nm_to": [0.3, 1.38], "links": [7, 2]}
    )
    found = pd.DataFrame(
        {"distance_nm_from": [0.0, 0.24], "distance_nm_to": [0.06, 0.3], "links": [90, 6]}
    )
    measured = {"labels": np.array([0.05, 0.05, 0.5])}
    fig = arrangement_plots.motion(mobility, {0.3: (hops, found)}, measured, 0.18)
    shares, frames, below = fig.axes[:3]
    lines = {c.get_label(): c[0].get_xydata().tolist() for c in shares.containers}
    assert lines == {"apparent": [[0, 0.2], [0.3, 0.4]], "corrected": [[0, 0], [0.3, 0.3]]}
    assert frames.patches[0].get_xy()[:, 1].max() == 2
    true, linked = (patch.get_data()[0] for patch in below.patches)
    assert (true[4], true[22], true.sum()) == (7, 2, 9)
    assert (linked[0], linked[4], linked.sum()) == (90, 6, 96)
    for ax in (frames, below):
        assert [line.get_xdata()[0] for line in ax.lines] == [0.18]
        assert ax.get_xlabel() == "displacement (nm)"
