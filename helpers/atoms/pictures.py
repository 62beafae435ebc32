"""Pictures of chapter 1: micrographs, crops and maps with marks on them.

Every function takes finished arrays and tables and returns a Matplotlib figure of at most two
columns of panels, `WIDTH` wide: letters stay readable when a phone shrinks the page to 358 px.
Positions are pixels, x the column and y the row.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D

from helpers.figures import COLOURS, WIDTH, micrograph

HIGHEST_PER_NM = 6  # of the power spectra; beyond, what shot noise leaves scatters about zero
BRIGHTEST = 0.999  # quantile of a flattened image that is drawn white

# Marker, colour and size in points of what is drawn on a micrograph.
MARKS = {
    "labelled": ("o", "vermilion", 11),
    "detected": ("x", "sky", 6),
    "first frame": ("o", "vermilion", 10),
    "second frame": ("s", "sky", 10),
    "atom": ("+", "yellow", 6),
}


def micrographs(panels, pixel_size_nm, options=None):
    """
    Draw images of one field beside and below each other, with scale bars.

    Parameters
    ----------
    panels : dict of str to array (H, W)
        Title to image.
    pixel_size_nm : float
        Side of a pixel.
    options : dict of str to dict, optional
        Title to options of ``imshow`` for that panel, such as ``vmax``; a panel with a ``cmap``
        of its own gets a colour bar.

    Returns
    -------
    matplotlib.figure.Figure
    """
    options, rows = options or {}, -(-len(panels) // 2)
    bar = 0.75 * any("cmap" in chosen for chosen in options.values())  # inches
    fig, axes = plt.subplots(rows, 2, figsize=(WIDTH, 3.5 * rows + bar), layout="constrained")
    for ax, (title, image) in zip(axes.flat, panels.items()):
        chosen = options.get(title, {})
        drawn = micrograph(ax, image, pixel_size_nm, title=title, **chosen)
        if "cmap" in chosen:
            fig.colorbar(drawn, ax=ax, location="bottom", label=title, shrink=0.8)
    for ax in axes.flat[len(panels) :]:
        ax.set_axis_off()
    return fig


def white(flat):
    """Upper end of the grey scale for a flattened image: its brightest pixels are few."""
    return float(np.quantile(flat, BRIGHTEST))


def mark(ax, points, kind, shift=(0, 0)):
    """
    Draw positions on an image as `MARKS` says for their kind, which labels them in a legend.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    points : DataFrame
        ``x_px`` and ``y_px``.
    kind : str
        Key of `MARKS`.
    shift : (float, float)
        Subtracted from x and y, for a part of an image.
    """
    marker, colour, size = MARKS[kind]
    ax.plot(
        points["x_px"] - shift[0], points["y_px"] - shift[1], marker,
        ms=size, mfc="none", color=COLOURS[colour], label=kind,
    )  # fmt: skip


def outline(ax, likelihood, threshold):
    """
    Draw the edge of what exceeds a threshold on a map; nothing where nothing does.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    likelihood : array (H, W)
    threshold : float
    """
    if likelihood.min() <= threshold < likelihood.max():
        ax.contour(likelihood, [threshold], colors=COLOURS["orange"], linewidths=1)


def marked(image, points, pixel_size_nm=None, factor=1.0, outline=None, **limits):
    """
    Draw one micrograph with atoms on it.

    Parameters
    ----------
    image : array or DataArray (H, W)
    points : dict of str to DataFrame
        Kind of mark (a key of `MARKS`) to positions.
    pixel_size_nm : float, optional
        Side of a pixel of the positions; a DataArray brings its own.
    factor : float
        Pixels of the positions per pixel of the image, where the image was rescaled.
    outline : bool array (H, W), optional
        Area to draw the edge of.
    **limits
        ``vmin`` and ``vmax`` of the grey scale.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, ax = plt.subplots(figsize=(WIDTH, WIDTH), layout="constrained")
    height, width = np.shape(image)
    # Pixel centres of the rescaled image in pixels of the positions.
    extent = (-0.5, width * factor - 0.5, height * factor - 0.5, -0.5)
    micrograph(ax, image, pixel_size_nm, extent=extent, **limits)
    if outline is not None:
        ax.contour(outline, [0.5], colors=COLOURS["sky"], linewidths=2)
    for kind, table in points.items():
        mark(ax, table, kind)
    if len(points) > 1:
        ax.legend(loc="upper right", facecolor="0.2", labelcolor="white", frameon=True)
    return fig


def close_up(panels, points, corner, side, pixel_size_nm, options=None):
    """
    Draw the same square of several images with the atoms in it; a legend takes the last place.

    Parameters
    ----------
    panels : dict of str to array (H, W)
        Title to image.
    points : dict of str to DataFrame
        Kind of mark to positions in the whole image.
    corner : (int, int)
        x and y of the upper left corner.
    side : int
        Side of the square in px.
    pixel_size_nm : float
    options : dict of str to dict, optional
        As for `micrographs`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    left, top = corner
    parts = {title: image[top : top + side, left : left + side] for title, image in panels.items()}
    fig = micrographs(parts, pixel_size_nm, options)
    inside = {}
    for kind, table in points.items():
        x, y = table["x_px"] - left, table["y_px"] - top
        inside[kind] = table[(x >= 0) & (x < side) & (y >= 0) & (y < side)]
    for ax in fig.axes[: len(panels)]:
        for kind, table in inside.items():
            mark(ax, table, kind, corner)
    handles = [
        Line2D([], [], ls="", marker=m, color=COLOURS[c], ms=s, mfc="none", label=kind)
        for kind, (m, c, s) in MARKS.items()
        if kind in points
    ]
    legend = fig.axes[-1].legend(handles=handles, loc="center", facecolor="0.2", frameon=True)
    plt.setp(legend.get_texts(), color="white")
    return fig


def crop_rows(rows, highest, columns=10, fig=None):
    """
    Draw small squares, one row per kind, evenly taken from all of that kind.

    Parameters
    ----------
    rows : dict of str to array (N, H, W)
        Title of the row to its squares.
    highest : float
        Value that is drawn white.
    columns : int
        Squares per row.
    fig : Figure or SubFigure, optional

    Returns
    -------
    matplotlib.figure.Figure
    """
    if fig is None:
        size = (WIDTH, len(rows) * (WIDTH / columns + 0.3))
        fig = plt.figure(figsize=size, layout="constrained")
    axes = fig.subplots(len(rows), columns, squeeze=False)
    for row, (title, squares) in zip(axes, rows.items()):
        for ax, square in zip(row, squares[:: max(1, len(squares) // columns)]):
            ax.imshow(square, cmap="gray", vmin=0, vmax=highest)
        for ax in row:
            ax.set_axis_off()
        row[0].set_title(title)
    return fig


def errors(squares, background, highest=0.7):
    """
    Draw squares around errors above a box plot of the background under atoms of every case.

    Parameters
    ----------
    squares : dict of str to array (N, H, W)
        Case ("invented", "missed") to squares of the flattened images.
    background : dict of str to array
        Case to the background under its atoms, in units of the median of the image.
    highest : float
        Value of a square that is drawn white.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig = plt.figure(figsize=(WIDTH, 5.6), layout="constrained")
    above, below = fig.subfigures(2, 1, height_ratios=(1.35, 1))
    crop_rows(squares, highest, 6, above)
    ax = below.subplots()
    cases = list(background)[::-1]  # the first one on top
    ax.boxplot(
        [background[case] for case in cases], tick_labels=cases, showfliers=False,
        orientation="horizontal",
    )  # fmt: skip
    ax.set_xlabel("background / median of the image")
    return fig


def simulated_beside_measured(measured, simulated, spectra, source="measured"):
    """
    Draw a measured and a simulated micrograph above the power spectra of their sets.

    Parameters
    ----------
    measured, simulated : xarray.DataArray (H, W)
    spectra : mapping
        ``cycles_per_nm`` (K,), and ``measured`` and ``simulated`` (images, K): power per image.
    source : str
        Title of the first image: "measured", or what stands in for it.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, axes = plt.subplot_mosaic(
        [["measured", "simulated"], ["power", "power"]], figsize=(WIDTH, 6.3),
        height_ratios=(1.25, 1), layout="constrained",
    )  # fmt: skip
    micrograph(axes["measured"], measured, title=source)
    micrograph(axes["simulated"], simulated, title="simulated")
    for name, colour, line in (("measured", "black", "-"), ("simulated", "vermilion", "--")):
        axes["power"].loglog(
            spectra["cycles_per_nm"][1:], spectra[name].mean(0)[1:],
            color=COLOURS[colour], ls=line, label=name,
        )  # fmt: skip
    axes["power"].set(
        xlabel="spatial frequency (1/nm)", ylabel="power of the\nrelative contrast",
        xlim=(0.06, HIGHEST_PER_NM), ylim=(1e-4, None),
    )  # fmt: skip
    axes["power"].legend()
    return fig
