"""Figures of chapter 4 on its tables: splits, latents, baselines, and the plane of two latents.

Every function takes rows of ``data/ch04/study.csv`` or finished arrays and returns a Matplotlib
figure at most `helpers.figures.WIDTH` wide. Errors are in per cent.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import NullFormatter

from helpers.figures import COLOURS, WIDTH, legend_below, micrograph, panels, scale_bar

METHODS = {
    "ours": ("blue", "o", "network, our recipe"),
    "ours together": ("vermilion", "*", "three networks together"),
    "published": ("sky", "^", "network, the paper's recipe"),
    "boosted trees": ("green", "s", "boosted trees"),
    "nearest neighbours": ("orange", "D", "nearest neighbours"),
    "relative neighbours": ("yellow", "P", "nearest neighbours, relative"),
    "PCA and ridge": ("purple", "v", "PCA and ridge"),
    "mean": ("black", "x", "mean of the training targets"),
}
DIRECTIONS = ("im2spec", "spec2im")
ERROR = "relative error (%)"


def by_split(table, ways):
    """
    Draw how the error of every method depends on the split.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``direction``, ``method``, ``split``, ``error`` and ``sd``.
    ways : dict of str to str
        Split to what is written below it, in this order.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, axes = panels(2, 3.4, "", ERROR)
    for ax, direction in zip(axes, DIRECTIONS):
        here = table[table["direction"] == direction]
        names = [name for name in METHODS if name in set(here["method"])]
        for at, name in enumerate(names):
            colour, marker, label = METHODS[name]
            part = here[here["method"] == name].set_index("split").reindex(ways)
            x = np.arange(len(ways)) + (at - (len(names) - 1) / 2) * 0.09
            ax.errorbar(
                x, part["error"], part["sd"].fillna(0), fmt=marker, ms=6, capsize=2, lw=1,
                color=COLOURS[colour], label=label,
            )  # fmt: skip
        ax.set(xticks=range(len(ways)), ylim=(0, None), title=direction)
        ax.set_xticklabels(ways.values())
    legend_below(fig, 2)
    return fig


def by_latents(table, paper, floor=None):
    """
    Draw errors and what maps of errors share with the image, against the number of latents (S3).

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``direction``, ``latent``, ``error``, ``error_sd``, ``correlation``,
        ``correlation_sd``, ``difference``, ``difference_sd``.
    paper : dict of str to dict of int to float
        The paper's errors by direction and latents.
    floor : float, optional
        Error of the true spectra, which no prediction can better.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, axes = panels(4, 2.7, "latent variables")
    for column, direction in enumerate(DIRECTIONS):
        part = table[table["direction"] == direction].sort_values("latent")
        above, below = axes[column], axes[2 + column]
        style = {"marker": "o", "ms": 5, "capsize": 2}
        above.errorbar(part["latent"], part["error"], part["error_sd"], label="ours", **style,
                       color=COLOURS["blue"])  # fmt: skip
        told = paper[direction]
        above.plot(list(told), list(told.values()), "*", ms=10, color=COLOURS["vermilion"],
                   label="paper")  # fmt: skip
        if floor is not None and direction == "im2spec":
            above.axhline(floor, color="grey", lw=1, ls=":", label="noise")
        for name, colour, marker, label in (
            ("correlation", "green", "s", "correlation with the image"),
            ("difference", "orange", "D", "mean squared difference"),
        ):
            below.errorbar(part["latent"], part[name], part[f"{name}_sd"], marker=marker, ms=5,
                           capsize=2, color=COLOURS[colour], label=label)  # fmt: skip
        below.axhline(0, color="grey", lw=0.8)
        above.set(title=direction, ylim=(0, None))
        for ax in (above, below):
            ax.set_xscale("log")
            ax.set_xticks(part["latent"].unique(), part["latent"].unique())
            ax.xaxis.set_minor_formatter(NullFormatter())
    axes[0].set_ylabel(ERROR)
    axes[2].set_ylabel("error map and image")
    pairs = [ax.get_legend_handles_labels() for ax in (axes[0], axes[2])]
    handles, names = ([*first, *second] for first, second in zip(*pairs))
    fig.legend(handles, names, loc="outside lower center", ncols=2)
    return fig


def plane(tiles, energy=None, step=2):
    """
    Draw what a grid of points of the latent plane stands for, tile by tile (Figs. 3 and 5).

    Parameters
    ----------
    tiles : dict of str to array (rows, columns, w, w) or (rows, columns, E)
        Title to images or spectra at the grid's points, the second latent variable upwards.
    energy : array (E,), optional
        Of the spectra.
    step : int
        Every so many points of the grid are drawn.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, axes = plt.subplots(
        1, len(tiles), figsize=(WIDTH, WIDTH / len(tiles) + 0.5), layout="constrained",
        squeeze=False,
    )  # fmt: skip
    for ax, (title, grid) in zip(axes[0], tiles.items()):
        grid = np.asarray(grid)[::-step, ::step]  # the lowest row at the bottom
        rows, columns = grid.shape[:2]
        if grid.ndim == 4:
            side = grid.shape[-1]
            framed = np.pad(grid, [(0, 0)] * 2 + [(1, 1)] * 2, constant_values=np.nan)
            mosaic = framed.transpose(0, 2, 1, 3).reshape(rows * (side + 2), -1)
            ax.imshow(mosaic, vmin=np.nanpercentile(grid, 1), vmax=np.nanpercentile(grid, 99))
        else:
            low, high = min(0, grid.min()), grid.max()
            x = (np.asarray(energy) - energy[0]) / (energy[-1] - energy[0]) * 0.86 + 0.07
            for row in range(rows):
                for column in range(columns):
                    y = (grid[row, column] - low) / (high - low) * 0.86 + 0.07
                    ax.plot(column + x, rows - 1 - row + y, color=COLOURS["blue"], lw=0.8)
            ax.set(xlim=(0, columns), ylim=(0, rows), aspect="equal")
            ax.set_xticks(range(columns + 1), [])
            ax.set_yticks(range(rows + 1), [])
            ax.grid(color="0.85", lw=0.5)
            ax.tick_params(length=0)
        if grid.ndim == 4:
            ax.set(xticks=[], yticks=[])
        ax.set(xlabel="first latent variable", title=title)
        ax.spines[:].set_visible(False)
    axes[0, 0].set_ylabel("second latent variable")
    return fig


def clusters(latent, label, field, haadf, pixel_nm):
    """
    Draw clusters of the latent space in their first two variables and on the array (Fig. S1).

    Parameters
    ----------
    latent : array (N, 2)
    label : array (N,) of int
    field : array (y, x)
        Cluster of every pixel, NaN without window.
    haadf : array (y, x)
    pixel_nm : float

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, mosaic = plt.subplot_mosaic(
        [["plane", "plane"], ["clusters", "image"]], figsize=(WIDTH, 6.0), layout="constrained"
    )
    axes = mosaic["plane"], mosaic["clusters"], mosaic["image"]
    number = int(label.max()) + 1
    names = ("blue", "vermilion", "green", "orange", "purple", "sky", "yellow", "black")
    colours = [COLOURS[names[k % len(names)]] for k in range(number)]
    markers = "osD^v<>P"
    for k in range(number):
        here = label == k
        axes[0].plot(*latent[here].T, markers[k % 8], ms=2, color=colours[k], label=f"{k + 1}")
    axes[0].set(xlabel="first latent variable", ylabel="second latent variable")
    handles, names = axes[0].get_legend_handles_labels()
    fig.legend(
        handles, names, loc="outside lower center", ncols=8, markerscale=2.5, handletextpad=0
    )
    shown = np.ones((*field.shape, 3))
    for k in range(number):
        shown[field == k] = plt.matplotlib.colors.to_rgb(colours[k])
    axes[1].imshow(shown)
    axes[1].set(xticks=[], yticks=[], title="clusters")
    axes[1].spines[:].set_visible(False)
    scale_bar(axes[1], pixel_nm)
    micrograph(axes[2], haadf, None, "dark field")
    return fig


def by_window(table, pixel_nm=1.5):
    """
    Draw the error against the width of the window.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``window`` (pixels), ``method``, ``error`` and ``sd``.
    pixel_nm : float

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 3.2), layout="constrained")
    for name in (one for one in METHODS if one in set(table["method"])):
        colour, marker, label = METHODS[name]
        part = table[table["method"] == name].sort_values("window")
        ax.errorbar(
            part["window"] * pixel_nm, part["error"], part["sd"].fillna(0), fmt=f"{marker}-", ms=6,
            capsize=2, color=COLOURS[colour], label=label,
        )  # fmt: skip
    ax.set(xlabel="width of the window (nm)", ylabel=ERROR, ylim=(0, None))
    ax.legend()
    return fig


def breaks(table):
    """
    Draw errors as horizontal bars.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``image`` (what it is) and ``error``.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 0.5 + 0.36 * len(table)), layout="constrained")
    at = np.arange(len(table))[::-1]
    ax.barh(at, table["error"], color=COLOURS["sky"], edgecolor="black", lw=0.6)
    for y, value in zip(at, table["error"]):
        ax.text(value, y, f" {value:.1f}", va="center")
    ax.set(yticks=at, xlabel=ERROR)
    ax.set_yticklabels(table["image"])
    return fig
