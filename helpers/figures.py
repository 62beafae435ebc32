"""Figures of the book: one style, micrographs with scale bars, and alt text that travels along."""

import base64
import io

import matplotlib.pyplot as plt
import numpy as np
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

# Okabe and Ito's palette: told apart with the common forms of colour blindness.
COLOURS = {
    "black": "#000000", "orange": "#E69F00", "sky": "#56B4E9", "green": "#009E73",
    "yellow": "#F0E442", "blue": "#0072B2", "vermilion": "#D55E00", "purple": "#CC79A7",
}  # fmt: skip
PNG_DPI = 140
WIDTH = 6.6  # inches; letters of 10 points are then 7.5 px high on a phone


def use_style():
    """Set Matplotlib's defaults for the book: palette, sizes, layout; no ticks are invented."""
    order = ("blue", "vermilion", "green", "orange", "purple", "sky", "black")
    plt.rcParams.update({
        "axes.prop_cycle": plt.cycler(color=[COLOURS[name] for name in order]),
        "axes.spines.top": False, "axes.spines.right": False,
        "axes.titlesize": "medium", "axes.titlelocation": "left",
        "figure.figsize": (6.4, 4.0), "figure.constrained_layout.use": True,
        "font.size": 10.0, "legend.frameon": False, "lines.linewidth": 1.6,
        "image.cmap": "gray", "image.interpolation": "nearest",
        "savefig.facecolor": "white",
    })  # fmt: skip


def panels(number, height, xlabel="", ylabel="", **more):
    """Make panels in at most two columns, so that letters stay readable on a phone.

    Parameters
    ----------
    number : int
        Of panels.
    height : float
        Of a row, inches.
    xlabel, ylabel : str
        Written below the lowest panel of a column, and left of a row.
    **more
        Passed to ``plt.subplots``, such as ``sharey=True``.

    Returns
    -------
    matplotlib.figure.Figure, list of matplotlib.axes.Axes
    """
    rows, columns = -(-number // 2), min(number, 2)
    fig, axes = plt.subplots(
        rows, columns, figsize=(WIDTH, rows * height), squeeze=False, layout="constrained", **more
    )
    axes = list(axes.flat)
    for ax in axes[:number:columns]:
        ax.set_ylabel(ylabel)
    for ax in axes[max(number - columns, 0) : number]:
        ax.tick_params(labelbottom=True)
        ax.set_xlabel(xlabel)
    for ax in axes[number:]:
        ax.set_axis_off()
    return fig, axes[:number]


def legend_below(fig, ncols=3):
    """Write the legend of the first panel, which holds for all, below the figure."""
    handles, names = fig.axes[0].get_legend_handles_labels()
    fig.legend(handles, names, loc="outside lower center", ncols=ncols)


def scale_bar(ax, pixel_size_nm, colour="white"):
    """Draw a scale bar of a round length, about a quarter of the width of the axes.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Axes with x in pixels and its final limits.
    pixel_size_nm : float
        Side of a pixel in nm.
    colour : str
        Colour of bar and label; they stand on a dark ground.

    Returns
    -------
    float
        Length of the bar in nm.
    """
    left, right = ax.get_xlim()
    length = _round_length(0.25 * abs(right - left) * pixel_size_nm)
    low, high = sorted(ax.get_ylim())
    bar = AnchoredSizeBar(
        ax.transData, length / pixel_size_nm, f"{length:g} nm", loc="lower left", color=colour,
        size_vertical=(high - low) / 100, sep=3, pad=0.3, borderpad=0.4,
    )  # fmt: skip
    bar.patch.set(facecolor="black", alpha=0.55, edgecolor="none")
    ax.add_artist(bar)
    return length


def micrograph(ax, image, pixel_size_nm=None, title="", **options):
    """Draw a micrograph in grey with its scale bar; x and y of the axes are pixels.

    The grey scale runs from the 0.5th to the 99.5th percentile unless `vmin` and `vmax` say
    otherwise, so that single hot pixels do not darken the rest.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    image : xarray.DataArray or numpy.ndarray, shape (H, W)
        Rows are y. A DataArray brings its pixel size.
    pixel_size_nm : float, optional
        Side of a pixel in nm; without it, and with none in `image`, no bar is drawn.
    title : str
        Title of the axes.
    **options
        Passed to ``imshow``.

    Returns
    -------
    matplotlib.image.AxesImage
    """
    if pixel_size_nm is None:
        pixel_size_nm = getattr(image, "attrs", {}).get("pixel_size_nm")
    values = np.asarray(image)
    low, high = np.nanpercentile(values, (0.5, 99.5))
    drawn = ax.imshow(values, **{"cmap": "gray", "vmin": low, "vmax": high} | options)
    ax.set(xticks=[], yticks=[], title=title)
    ax.spines[:].set_visible(False)
    if pixel_size_nm:
        scale_bar(ax, pixel_size_nm)
    return drawn


def show(fig, alt, name=""):
    """Display a figure as PNG with its alt text, and close it.

    Alt text and name go into the metadata of the output, where notebook, book and report find
    them.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        The finished figure.
    alt : str
        What the figure shows, for readers who cannot see it.
    name : str
        File name without ending, under which a rerun saves the figure.

    Raises
    ------
    ValueError
        `alt` is empty.
    """
    alt = " ".join(alt.split())
    if not alt:
        raise ValueError("A figure needs alt text: say in a sentence what it shows.")
    png = io.BytesIO()
    # Without the version of Matplotlib in the file, equal figures are equal files.
    fig.savefig(png, format="png", dpi=PNG_DPI, bbox_inches="tight", metadata={"Software": None})
    plt.close(fig)
    if InteractiveShell.initialized():
        data = {"image/png": base64.b64encode(png.getvalue()).decode(), "text/plain": alt}
        display(data, raw=True, metadata={"image/png": {"alt": alt, "name": name}})


def _round_length(longest):
    """Largest of 1, 2, 5, 10, 20, 50, ... (and 0.5, 0.2, ...) not above `longest`."""
    decade = 10.0 ** np.floor(np.log10(longest))
    return float(max(step for step in (1, 2, 5) if step * decade <= longest) * decade)
