"""Figures of chapter 2 on the elements of atoms.

Every function returns a Matplotlib figure of at most two columns of panels, as wide as
`helpers.figures.WIDTH`.
"""

import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import to_rgba

from helpers.figures import COLOURS, WIDTH, legend_below, micrograph, panels

ELEMENTS = {"Ni": ("sky", "o"), "Pd": ("orange", "s"), "Rh": ("green", "^"), "Pt": ("purple", "D")}
METHODS = {
    "fit": ("blue", "o"), "intensity": ("green", "^"), "pca": ("orange", "s"),
    "vae": ("vermilion", "D"), "vae, tuned": ("purple", "v"),
    "fit, free mixture": ("black", "x"), "fit, told the truth": ("sky", "P"),
}  # fmt: skip
# The methods of `data/ch02/make_species.py` in words, in the order of tables.
WORDS = {
    "fit": "heights, bound to Z-contrast (default)",
    "fit, free mixture": "heights, free mixture",
    "intensity": "sum of the counts",
    "pca": "principal components",
    "vae": "autoencoder as published",
    "vae, all 53": "autoencoder, angle and shifts grouped too",
    "vae, code ranking": "autoencoder, ranked as in the code",
    "vae, tuned": "autoencoder, tuned",
    "fit, told the truth": "heights, true means and widths known",
}
PLACES = {"true": "known places", "detected": "detected places"}


def in_words(system):
    """Name of a combination of elements: "NiPdPt" is Ni-Pd-Pt."""
    return "-".join(re.findall("[A-Z][a-z]?", system))


def coloured(image, atoms, pixel_size_nm, **limits):
    """
    Draw a micrograph with its atoms, coloured by element; doubtful ones are pale (Fig. 5b).

    Parameters
    ----------
    image : (H, W) array
    atoms : DataFrame
        ``x_px``, ``y_px``, ``element``, ``confidence``.
    pixel_size_nm : float
    **limits
        ``vmin`` and ``vmax`` of the grey scale.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, ax = plt.subplots(figsize=(WIDTH, WIDTH), layout="constrained")
    micrograph(ax, image, pixel_size_nm, **limits)
    styles = dict(zip(sorted(set(atoms["element"]) - set(ELEMENTS)), [("vermilion", "v")] * 9))
    for element, rows in atoms.groupby("element"):
        colour, marker = (ELEMENTS | styles)[element]
        strength = 0.25 + 0.75 * (rows["confidence"] - 0.5).clip(0, 0.5) / 0.5
        edges = [to_rgba(COLOURS[colour], alpha) for alpha in strength]
        ax.scatter(
            rows["x_px"], rows["y_px"], s=34, marker=marker, facecolors="none", linewidths=1.3,
            edgecolors=edges, label=f"{element} ({len(rows)})",
        )  # fmt: skip
    ax.legend(loc="upper right", facecolor="0.2", labelcolor="white", frameon=True)
    return fig


def reconstructions(crops, drawn, rotated=None):
    """
    Draw crops above what the autoencoder makes of them, and optionally turned ones below.

    Parameters
    ----------
    crops, drawn : (n, h, w) arrays
    rotated : (n, h, w) array, optional
        The decoder's drawing with the angle changed and everything else kept.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = {"crop": crops, "drawn": drawn} | ({"turned": rotated} if rotated is not None else {})
    fig, axes = plt.subplots(
        len(rows), len(crops), figsize=(WIDTH, 0.95 * len(rows) + 0.2), layout="constrained"
    )
    highest = np.quantile(crops, 0.999)
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        for ax, image in zip(line, images, strict=True):
            ax.imshow(image, cmap="gray", vmin=0, vmax=highest)
            ax.set(xticks=[], yticks=[])
        line[0].set_ylabel(name)
    return fig


def rotation(table):
    """
    Draw what turning a crop does to its latent numbers, one line per model.

    Parameters
    ----------
    table : DataFrame
        ``model``, ``rotation_deg``, ``angle_error_deg`` (between the rotation and the change of the
        angle) and ``content_share`` (change of the content over the distance of two crops).

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.9), layout="constrained")
    looks = (("vermilion", "o-", 8), ("blue", "s-", 4), ("black", "^--", 4))
    for (model, part), (colour, line, size) in zip(table.groupby("model", sort=False), looks):
        for ax, column in zip(axes, ("angle_error_deg", "content_share"), strict=True):
            ax.plot(part["rotation_deg"], part[column], line, ms=size, mfc="none",
                    color=COLOURS[colour], label=model)  # fmt: skip
            highest = 1.08 * table[column].max()
            ax.set(xlabel="crop turned by (degrees)", xticks=range(0, 181, 45), ylim=(0, highest))
    axes[0].set_ylabel("error of the angle (degrees)")
    axes[1].set_ylabel("change of the content")
    legend_below(fig, 1)
    return fig


def accuracy(table, column, xlabel, methods):
    """
    Draw balanced accuracy against density or dose, mean and SD over images.

    Parameters
    ----------
    table : DataFrame
        ``system`` (such as "NiPd"), ``positions``, ``method``, ``column``, ``balanced_accuracy``,
        ``image_seed``; one panel per positions and system, in the order of the rows.
    column, xlabel : str
        What varies, and its name on the axis.
    methods : list of str

    Returns
    -------
    matplotlib.figure.Figure
    """
    cells = list(table.groupby(["positions", "system"], sort=False))
    fig, axes = panels(len(cells), 3.0, xlabel, "balanced accuracy", sharey=True)
    for ax, ((positions, system), part) in zip(axes, cells, strict=True):
        for method in methods:
            colour, marker = METHODS[method]
            image = part[part["method"] == method].groupby([column, "image_seed"])
            by = image["balanced_accuracy"].mean().groupby(level=0)
            mean, spread = by.mean(), by.std()
            ax.errorbar(mean.index, mean, spread, fmt=f"{marker}-", ms=4, lw=1.2,
                        color=COLOURS[colour], label=WORDS[method])  # fmt: skip
        elements = in_words(system)
        ax.axhline(1 / (1 + elements.count("-")), color="grey", ls="--", lw=1)
        ax.set(title=f"{elements}, {PLACES[positions]}", ylim=(0, 1))
    legend_below(fig, 2)
    return fig


def reliability(tables):
    """
    Draw the share of right labels against the stated confidence, raw and calibrated.

    Parameters
    ----------
    tables : dict of str to DataFrame
        Title of a panel to ``confidence_from`` ("raw" or "calibrated"), ``confidence`` and
        ``correct``.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, axes = panels(len(tables), 3.0, "confidence", "share rightly named", sharey=True)
    every = pd.concat(tables.values())
    lowest = min(0.3, every[["confidence", "correct"]].min().min() - 0.03)
    for ax, (title, table) in zip(axes, tables.items(), strict=True):
        ax.plot([0, 1], [0, 1], color="grey", lw=1)
        for kind, colour, marker in (("raw", "orange", "s"), ("calibrated", "blue", "o")):
            rows = table[table["confidence_from"] == kind]
            ax.plot(rows["confidence"], rows["correct"], f"{marker}-", ms=4,
                    color=COLOURS[colour], label=kind)  # fmt: skip
        ax.set(title=title, xlim=(lowest, 1), ylim=(lowest, 1))
    axes[0].legend()
    return fig
