import base64
import io
import subprocess
import sys

import matplotlib
import matplotlib.pyplot as plt
import nbclient
import nbformat
import numpy as np
import pytest
import xarray as xr
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar
from PIL import Image

from helpers import figures
from helpers.data import ROOT
from helpers.figures import COLOURS, WIDTH, micrograph, scale_bar, show, use_style


@pytest.fixture
def ax():
    fig, ax = plt.subplots()
    yield ax
    plt.close(fig)


@pytest.fixture
def image():
    values = np.random.default_rng(0).normal(100, 10, (48, 64))
    values[3, 5] = 1e6
    return xr.DataArray(values, dims=("y", "x"), attrs={"pixel_size_nm": 0.05})


def bars(ax):
    return [artist for artist in ax.artists if isinstance(artist, AnchoredSizeBar)]


def test_import_changes_no_setting():
    code = (
        "import matplotlib; before = dict(matplotlib.rcParams); import helpers.figures;"
        "assert before == dict(matplotlib.rcParams)"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, cwd=ROOT)


def test_style_uses_the_palette():
    with matplotlib.rc_context():
        use_style()
        cycle = matplotlib.rcParams["axes.prop_cycle"].by_key()["color"]
        assert set(cycle) <= set(COLOURS.values()) and len(set(cycle)) == len(cycle) == 7
        assert matplotlib.rcParams["image.interpolation"] == "nearest"


def luminance(colour):
    """Relative luminance of WCAG 2, from sRGB."""
    channels = np.array(matplotlib.colors.to_rgb(colour))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


def test_first_colours_of_lines_stand_out_from_white():
    assert len(COLOURS) == 8
    for name in ("blue", "vermilion", "green"):
        assert 1.05 / (luminance(COLOURS[name]) + 0.05) > 3, name


@pytest.mark.parametrize(
    ("pixels", "pixel_size_nm", "length"),
    [(512, 15 / 512, 2.0), (100, 0.01, 0.2), (4096, 0.03, 20.0), (64, 0.05, 0.5), (100, 40, 1000)],
)
def test_scale_bar_is_round_and_to_scale(ax, pixels, pixel_size_nm, length):
    ax.imshow(np.zeros((50, pixels)))
    assert scale_bar(ax, pixel_size_nm) == pytest.approx(length)
    (bar,) = bars(ax)
    assert bar.txt_label.get_text() == f"{length:g} nm"
    # Drawn length in pixels of the image, measured on the canvas.
    ax.figure.canvas.draw()
    box = bar.size_bar.get_children()[0].get_window_extent()
    drawn = ax.transData.inverted().transform([(box.x0, 0), (box.x1, 0)])
    assert np.ptp(drawn[:, 0]) == pytest.approx(length / pixel_size_nm, rel=0.01)


def test_micrograph_draws_rows_down_and_a_bar(ax, image):
    drawn = micrograph(ax, image, title="Frame")
    np.testing.assert_array_equal(drawn.get_array(), image)
    assert list(drawn.get_extent()) == [-0.5, 63.5, 47.5, -0.5]
    assert drawn.get_clim() == pytest.approx(tuple(np.percentile(image, (0.5, 99.5))))
    assert len(bars(ax)) == 1 and ax.get_title(loc="left") + ax.get_title() == "Frame"


def test_micrograph_without_pixel_size_has_no_bar(ax, image):
    drawn = micrograph(ax, image.to_numpy(), vmin=0, vmax=1)
    assert bars(ax) == [] and drawn.get_clim() == (0, 1)
    micrograph(ax, image.to_numpy(), pixel_size_nm=0.1)
    assert len(bars(ax)) == 1


@pytest.mark.parametrize("alt", ["", "  \n "])
def test_a_figure_without_alt_text_is_refused(ax, alt):
    with pytest.raises(ValueError, match="alt text"):
        show(ax.figure, alt)


def test_show_closes_the_figure(ax):
    show(ax.figure, "Nothing yet.")
    assert not plt.fignum_exists(ax.figure.number)


CODE = """
import matplotlib.pyplot as plt
from helpers.figures import show, use_style
use_style()
fig, ax = plt.subplots()
ax.plot([0, 1])
show(fig, 'A rising line,\\n   with <b> & "quotes".', name="fig-line")
"""


def test_alt_text_travels_with_the_png():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CODE)] * 2)
    nbclient.NotebookClient(
        notebook, kernel_name="python3", timeout=120, resources={"metadata": {"path": str(ROOT)}}
    ).execute()
    first, second = (cell.outputs for cell in notebook.cells)
    assert len(first) == len(second) == 1  # no second copy from the inline backend
    alt = 'A rising line, with <b> & "quotes".'
    assert first[0].metadata["image/png"] == {"alt": alt, "name": "fig-line"}
    assert first[0].data["text/plain"] == alt
    png = base64.b64decode(first[0].data["image/png"])
    assert Image.open(io.BytesIO(png)).width > 600
    assert png == base64.b64decode(second[0].data["image/png"])


@pytest.mark.parametrize("number", [1, 2, 3])
def test_panels_stand_in_two_columns_and_name_their_outer_axes(number):
    fig, axes = figures.panels(number, 2.0, "x", "y", sharex=True)
    assert len(axes) == number and fig.get_figwidth() == WIDTH
    assert [ax.get_ylabel() for ax in axes] == ["y", "", "y"][:number]
    assert [ax.get_xlabel() for ax in axes] == ["", "x", "x"][3 - number :]
    assert [ax.axison for ax in fig.axes] == [True] * number + [False] * (len(fig.axes) - number)
    plt.close(fig)


def test_the_legend_below_is_that_of_the_first_panel():
    fig, axes = figures.panels(2, 2.0)
    axes[0].plot([0, 1], label="measured")
    figures.legend_below(fig)
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["measured"]
    plt.close(fig)
