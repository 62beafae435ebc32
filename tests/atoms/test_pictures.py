import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from helpers.atoms import pictures
from helpers.atoms.pictures import MARKS, WIDTH
from helpers.figures import COLOURS


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture
def image():
    return np.random.default_rng(0).random((40, 60))


def points(*xy):
    return pd.DataFrame(xy, columns=["x_px", "y_px"])


def drawn(ax):
    """Label to positions, marker and colour of the lines on these axes."""
    return {
        line.get_label(): (line.get_xydata().tolist(), line.get_marker(), line.get_color())
        for line in ax.lines
    }


@pytest.mark.parametrize("number, shape", [(2, (1, 2)), (3, (2, 2)), (4, (2, 2))])
def test_micrographs_stand_in_two_columns(image, number, shape):
    panels = {f"panel {i}": image + i for i in range(number)}
    fig = pictures.micrographs(panels, 0.03)
    assert fig.axes[0].get_gridspec().get_geometry() == shape
    assert [ax.get_title(loc="left") or ax.get_title() for ax in fig.axes[:number]] == list(panels)
    for ax, panel in zip(fig.axes, panels.values()):
        np.testing.assert_array_equal(ax.images[0].get_array(), panel)
        assert len(ax.artists) == 1  # the scale bar
    assert not any(ax.axison for ax in fig.axes[number:])
    assert fig.get_figwidth() == WIDTH


def test_only_a_coloured_panel_has_a_colour_bar(image):
    options = {"b": {"vmin": 0, "vmax": 1, "cmap": "cividis"}, "a": {"vmax": 0.5}}
    fig = pictures.micrographs({"a": image, "b": image}, 0.03, options)
    first, second, bar = fig.axes
    assert first.images[0].get_clim()[1] == 0.5 and second.images[0].get_clim() == (0, 1)
    assert bar.get_xlabel() == "b"


def test_marks_lie_where_the_atoms_are(image):
    atoms, labels = points((3, 5), (50, 30)), points((4, 5))
    fig = pictures.marked(image, {"detected": atoms, "labelled": labels}, 0.03, vmax=0.7)
    (ax,) = fig.axes
    found = drawn(ax)
    assert found["detected"] == ([[3, 5], [50, 30]], "x", COLOURS["sky"])
    assert found["labelled"] == ([[4, 5]], "o", COLOURS["vermilion"])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["detected", "labelled"]
    assert ax.images[0].get_extent() == [-0.5, 59.5, 39.5, -0.5]
    assert ax.images[0].get_clim()[1] == 0.7


def test_a_rescaled_image_spans_the_pixels_of_the_positions(image):
    fig = pictures.marked(image, {"detected": points((119, 79))}, 0.015, factor=2)
    ax = fig.axes[0]
    assert ax.images[0].get_extent() == [-0.5, 119.5, 79.5, -0.5]
    assert ax.get_xlim() == (-0.5, 119.5) and ax.get_ylim() == (79.5, -0.5)


def test_outline_follows_the_mask(image):
    mask = np.zeros((40, 60), bool)
    mask[10:30, 20:50] = True
    recorded = xr.DataArray(image, dims=("y", "x"), attrs={"pixel_size_nm": 0.03})
    ax = pictures.marked(recorded, {"atom": points((25, 15))}, outline=mask).axes[0]
    contour = next(c for c in ax.collections if len(c.get_paths()[0].vertices) > 4)
    x, y = contour.get_paths()[0].vertices.T
    assert (x.min(), x.max(), y.min(), y.max()) == (19.5, 49.5, 9.5, 29.5)
    assert ax.get_legend() is None


def test_close_up_keeps_what_lies_in_the_square(image):
    atoms = points((12, 8), (31, 28), (32, 8), (11, 8))
    fig = pictures.close_up({"a": image, "b": 2 * image}, {"labelled": atoms}, (12, 8), 20, 0.03)
    np.testing.assert_array_equal(fig.axes[1].images[0].get_array(), 2 * image[8:28, 12:32])
    for ax in fig.axes[:2]:
        assert drawn(ax)["labelled"][0] == [[0, 0]]
    fig = pictures.close_up({"a": image}, {"detected": atoms}, (12, 9), 20, 0.03)
    assert drawn(fig.axes[0])["detected"][0] == [[19, 19]]


def test_close_up_draws_a_panel_on_the_scale_it_is_given(image):
    options = {"b": {"vmin": 0, "vmax": 1}}
    fig = pictures.close_up({"a": image, "b": image}, {}, (12, 8), 20, 0.03, options)
    assert fig.axes[1].images[0].get_clim() == (0, 1) != fig.axes[0].images[0].get_clim()


def test_close_up_explains_its_marks_in_the_free_place(image):
    panels = {name: image for name in "abc"}
    marks = {"detected": points((1, 1)), "labelled": points((2, 2))}
    legend = pictures.close_up(panels, marks, (0, 0), 20, 0.03).axes[3].get_legend()
    assert {text.get_text() for text in legend.get_texts()} == set(marks)
    assert {handle.get_marker() for handle in legend.legend_handles} == {
        MARKS[kind][0] for kind in marks
    }


def test_crop_rows_take_squares_evenly():
    squares = np.arange(40)[:, None, None] * np.ones((5, 5))
    fig = pictures.crop_rows({"many": squares, "few": squares[:3]}, 40, columns=4)
    shown = [ax.images[0].get_array()[0, 0] if ax.images else None for ax in fig.axes]
    assert shown == [0, 10, 20, 30, 0, 1, 2, None]
    assert not any(ax.axison for ax in fig.axes)


def test_errors_have_a_box_per_case_with_its_median():
    squares = {"invented": np.ones((8, 5, 5)), "missed": np.zeros((2, 5, 5))}
    background = {"found": [1, 2, 3], "missed": [4, 5, 6], "invented": [7, 8, 9]}
    fig = pictures.errors(squares, background)
    ax = fig.subfigs[1].axes[0]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["invented", "missed", "found"]
    medians = [line.get_xdata()[0] for line in ax.lines if len(set(line.get_xdata())) == 1]
    assert {8, 5, 2} <= set(medians)
    assert sum(bool(ax.images) for ax in fig.subfigs[0].axes) == 8


def test_simulated_stands_beside_measured_above_their_spectra(image):
    recorded = xr.DataArray(image, dims=("y", "x"), attrs={"pixel_size_nm": 0.03})
    k = np.array([0.0, 1.0, 2.0])
    power = np.array([[9.0, 4.0, 2.0], [9.0, 2.0, 0.0]])
    spectra = {"cycles_per_nm": k, "measured": power, "simulated": 2 * power}
    fig = pictures.simulated_beside_measured(recorded, recorded * 2, spectra, "stand-in")
    first, second, below = fig.axes
    assert first.get_title(loc="left") + first.get_title() == "stand-in"
    np.testing.assert_array_equal(second.images[0].get_array(), 2 * image)
    curves = {line.get_label(): line.get_xydata().tolist() for line in below.lines}
    assert curves == {"measured": [[1, 3], [2, 1]], "simulated": [[1, 6], [2, 2]]}
    assert "nm" in below.get_xlabel() and below.get_yscale() == "log"
    assert below.get_xlim()[1] == pictures.HIGHEST_PER_NM
