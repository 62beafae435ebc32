"""Figures of chapter 3 on the atlas of isomers and on how well they are named.

Every function takes finished arrays or tables of ``data/ch03/make_evaluation.py`` and returns a
Matplotlib figure at most `helpers.figures.WIDTH` wide. An isomer or method has the same colour and
marker in all of them.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import PercentFormatter
from scipy.spatial import cKDTree

from helpers.clusters.structures import ISOMERS
from helpers.figures import COLOURS, WIDTH, legend_below, micrograph

STYLES = {
    "icosahedron": ("blue", "o"), "decahedron": ("vermilion", "s"),
    "cuboctahedron": ("green", "^"), "amorphous": ("purple", "D"),
}  # fmt: skip
METHODS = {
    "network": ("blue", "o"), "network, ambiguous views left out": ("sky", "v"),
    "atlas": ("vermilion", "s"), "atlas of all sizes": ("orange", "P"),
    "trained on 309 atoms": ("green", "^"),
    "trained on the linear model": ("purple", "D"),
}  # fmt: skip
SHORT = {"icosahedron": "ico", "decahedron": "deca", "cuboctahedron": "cubo", "amorphous": "amor"}


def motifs(images, pixel_size_nm):
    """
    Draw views of each isomer in a row, as in Fig. 1 of the paper.

    Parameters
    ----------
    images : dict of str to dict of str to array (H, W)
        Isomer to title to image; the same number of views for each isomer.
    pixel_size_nm : float

    Returns
    -------
    matplotlib.figure.Figure
    """
    columns = max(len(views) for views in images.values())
    fig, axes = plt.subplots(
        len(images), columns, figsize=(WIDTH, WIDTH * len(images) / columns * 1.18), squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for row, (isomer, views) in zip(axes, images.items(), strict=True):
        for ax in row:
            ax.set_axis_off()
        for ax, (title, image) in zip(row, views.items(), strict=False):
            ax.set_axis_on()
            first = ax is row[0]
            micrograph(ax, image, pixel_size_nm if first else None, vmin=0, vmax=image.max())
            ax.set_title(title, fontsize="small", loc="center")
            if first:
                ax.set_ylabel(isomer, fontsize="small")
    return fig


def ambiguity_map(views, symmetries, label, axes=None, limit=None):
    """
    Draw a number over the orientation sphere, one half of it for each isomer, in equal areas.

    Every place has the value of the nearest view, symmetric copies included.

    Parameters
    ----------
    views : DataFrame
        ``isomer``, ``x``, ``y``, ``z`` (unit vectors, frame of the isomer), ``value``.
    symmetries : dict of str to array (n, 3, 3)
        Isomer to the matrices that map directions to equivalent ones
        (`helpers.clusters.orientations.views`).
    label : str
        What the value is.
    axes : dict of str to dict of str to array (3,), optional
        Isomer to label to direction of zone axes, which are marked.
    limit : tuple of float, optional
        Range of the colours.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, panels = plt.subplots(
        1, len(symmetries), figsize=(WIDTH, WIDTH / len(symmetries) + 1.1), squeeze=False,
        layout="constrained",
    )  # fmt: skip
    limit = limit or (views["value"].min(), views["value"].max())
    x, y = np.meshgrid(*2 * [np.linspace(-1, 1, 181)])
    inside = np.hypot(x, y) <= 1
    places = _on_sphere(x[inside], y[inside])
    for ax, (isomer, group) in zip(panels[0], symmetries.items(), strict=True):
        part = views[views["isomer"] == isomer]
        copies = np.concatenate([part[["x", "y", "z"]].to_numpy() @ m.T for m in group])
        nearest = cKDTree(copies).query(places)[1] % len(part)
        filled = np.full(x.shape, np.nan)
        filled[inside] = part["value"].to_numpy()[nearest]
        drawn = ax.imshow(filled, extent=(-1, 1, -1, 1), origin="lower", cmap="viridis",
                          vmin=limit[0], vmax=limit[1])  # fmt: skip
        ax.add_patch(plt.Circle((0, 0), 1, fill=False, lw=0.8))
        marks = (axes or {}).get(isomer, {})
        for (name, direction), (marker, size) in zip(marks.items(), (("o", 7), ("^", 6), ("s", 4))):
            flat = np.array([_flat(m @ direction) for m in group])
            ax.plot(*flat.T, marker, ms=size, mfc="none", mec="black", mew=0.8, clip_on=False,
                    label=name)  # fmt: skip
        ax.set(title=isomer, xticks=[], yticks=[], xlim=(-1.05, 1.05), ylim=(-1.05, 1.05))
        ax.spines[:].set_visible(False)
        if marks:
            ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=3, fontsize="small",
                      handletextpad=0, columnspacing=0.6)  # fmt: skip
    fig.colorbar(drawn, ax=panels[0], location="bottom", label=label, shrink=0.6, aspect=30)
    return fig


def _flat(direction):
    """Place of a direction, or of its opposite, on Lambert's map of the upper half sphere."""
    x, y, z = direction if direction[2] >= 0 else -direction
    return np.array([x, y]) / np.sqrt(1 + z)


def _on_sphere(x, y):
    """Directions (n, 3) of places on Lambert's map."""
    z = 1 - x**2 - y**2
    return np.stack([x * np.sqrt(1 + z), y * np.sqrt(1 + z), z], -1)


def confusion(matrix, spread=None):
    """
    Draw a confusion matrix in per cent of the true isomer.

    Parameters
    ----------
    matrix : array (4, 4)
        Shares, true isomers in rows.
    spread : array (4, 4), optional
        Standard deviation over training seeds.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, ax = plt.subplots(figsize=(4.9, 4.0), layout="constrained")
    drawn = ax.imshow(matrix, cmap="Blues", vmin=0, vmax=1)
    for i, j in np.ndindex(*np.shape(matrix)):
        text = f"{100 * matrix[i][j]:.1f}"
        text += f"\n± {100 * spread[i][j]:.1f}" if spread is not None else ""
        ax.text(j, i, text, ha="center", va="center", fontsize="small",
                color="white" if matrix[i][j] > 0.55 else "black")  # fmt: skip
    names = [SHORT[isomer] for isomer in ISOMERS]
    ax.set(xticks=range(4), yticks=range(4), xticklabels=names, yticklabels=ISOMERS,
           xlabel="named", ylabel="true")  # fmt: skip
    ax.spines[:].set_visible(False)
    fig.colorbar(drawn, ax=ax, label="share of the true isomer",
                 format=PercentFormatter(1, decimals=0))  # fmt: skip
    return fig


def against(table, x, label, series="method", log=False, value="accuracy", ylabel="accuracy"):
    """
    Draw a share against a condition, one line for each method or isomer, with 95 % intervals.

    Parameters
    ----------
    table : DataFrame
        The columns `x`, `series`, `value`, and `value` with ``_low`` and ``_high``.
    x, label : str
        Column and its name on the axis.
    series : str
        Column whose values become lines.
    log : bool
        Logarithmic axis.
    value, ylabel : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 3.8), layout="constrained")
    for name, part in table.groupby(series, sort=False):
        colour, marker = (METHODS | STYLES).get(name, ("black", "x"))
        part = part.sort_values(x)
        ax.errorbar(
            part[x], part[value], fmt=f"{marker}-", ms=5, capsize=2, color=COLOURS[colour],
            label=name,
            yerr=[(part[value] - part[f"{value}_low"]).clip(lower=0),
                  (part[f"{value}_high"] - part[value]).clip(lower=0)],
        )  # fmt: skip
    if log:
        ax.set_xscale("log")
    ax.set(xlabel=label, ylabel=ylabel, ylim=(0, 1.02))
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    legend_below(fig, ncols=2)
    return fig


def reliability(bins):
    """
    Draw the share correct against the probability of the named isomer.

    Parameters
    ----------
    bins : DataFrame
        ``scaling`` (before and after), ``confidence``, ``correct``, ``correct_low``,
        ``correct_high``.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, ax = plt.subplots(figsize=(4.6, 4.2), layout="constrained")
    ax.plot([0, 1], [0, 1], color="grey", lw=1)
    looks = (("grey", "x"), (COLOURS["blue"], "o"))
    for (name, part), (colour, marker) in zip(bins.groupby("scaling", sort=False), looks):
        part = part.sort_values("confidence")
        ax.errorbar(
            part["confidence"], part["correct"], fmt=f"{marker}-", color=colour, ms=5, label=name,
            yerr=[(part["correct"] - part["correct_low"]).clip(lower=0),
                  (part["correct_high"] - part["correct"]).clip(lower=0)],
        )  # fmt: skip
    ax.set(xlabel="probability of the named isomer", ylabel="share correct", xlim=(0.2, 1.02),
           ylim=(0.2, 1.02), aspect="equal")  # fmt: skip
    ax.legend(loc="upper left")
    return fig


def risk_coverage(curves, chosen=None):
    """
    Draw the share wrong among accepted frames against the share accepted.

    Parameters
    ----------
    curves : DataFrame
        ``method``, ``coverage``, ``risk``.
    chosen : tuple of float, optional
        Coverage and risk at the threshold that was chosen on validation frames.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 3.6), layout="constrained")
    for name, part in curves.groupby("method", sort=False):
        part = part.sort_values("coverage")
        ax.plot(part["coverage"], part["risk"], color=COLOURS[METHODS[name][0]], label=name)
    if chosen:
        ax.plot(*chosen, "o", color="black", ms=7, mfc="none", label="threshold of predict")
    ax.set(xlabel="accepted frames", ylabel="wrong among them", xlim=(0, 1.02), ylim=(0, None))
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.legend(loc="upper left")
    return fig


def orientation_error(table):
    """
    Draw the angle between the true view and the one retrieved, against dose.

    Parameters
    ----------
    table : DataFrame
        ``isomer``, ``dose_per_A2``, ``median_deg``, ``ninetieth_deg``.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 3.8), layout="constrained")
    for name, part in table.groupby("isomer", sort=False):
        colour, marker = STYLES[name]
        part = part.sort_values("dose_per_A2")
        ax.plot(part["dose_per_A2"], part["median_deg"], f"{marker}-", color=COLOURS[colour],
                label=f"{name}, median")  # fmt: skip
        ax.plot(part["dose_per_A2"], part["ninetieth_deg"], f"{marker}--", color=COLOURS[colour],
                mfc="none", label=f"{name}, 90th percentile")  # fmt: skip
    ax.set(xscale="log", xlabel="dose (electrons per Å²)", ylabel="error of the view (degrees)",
           ylim=(0, None))  # fmt: skip
    legend_below(fig, ncols=2)
    return fig


def field(image, found, pixel_size_nm, truth=None):
    """
    Draw a wide field with the outline of each cluster found and its name.

    Parameters
    ----------
    image : array (H, W)
    found : DataFrame
        From `helpers.clusters.segment.classify_field`.
    pixel_size_nm : float
    truth : DataFrame, optional
        ``x_px``, ``y_px``, ``class``: a wrong name gets the true one behind it.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, ax = plt.subplots(figsize=(WIDTH, WIDTH), layout="constrained")
    micrograph(ax, image, pixel_size_nm)
    for row in found.itertuples():
        colour, _ = STYLES[row.isomer]
        radius = row.diameter_nm / 2 / pixel_size_nm
        name = SHORT[row.isomer] + ("" if row.accepted else "?")
        if truth is not None:
            apart = np.hypot(truth["x_px"] - row.x_px, truth["y_px"] - row.y_px)
            true = ISOMERS[truth["class"].iloc[apart.argmin()]]
            name += f" (is {SHORT[true]})" if true != row.isomer else ""
        ax.add_patch(plt.Circle((row.x_px, row.y_px), radius * 1.12, fill=False, lw=1.4,
                                ec=COLOURS[colour], ls="-" if row.accepted else ":"))  # fmt: skip
        ax.text(row.x_px, row.y_px - 1.2 * radius, name, color="white", ha="center", va="bottom",
                fontsize="small", bbox=dict(fc="black", ec="none", alpha=0.55, pad=1))  # fmt: skip
    return fig
