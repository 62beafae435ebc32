"""Figures of chapter 2 on how well atoms are detected in dense images.

Every function takes finished tables of ``data/ch02/make_detection.py`` and returns a Matplotlib
figure of at most two columns of panels, as wide as `helpers.figures.WIDTH`.
"""

import matplotlib.pyplot as plt
import numpy as np

from helpers.atoms.dense_detection import PUBLISHED_THRESHOLD
from helpers.figures import COLOURS, WIDTH, legend_below, panels

# One colour and marker per method in all figures of the chapter.
METHODS = {
    "dense": ("blue", "^"), "published": ("orange", "s"), "sac-cnn + maxima": ("green", "v"),
    "sac-cnn": ("sky", "P"), "ensemble": ("purple", "D"), "log": ("black", "o"),
}  # fmt: skip
METALS = {"Ni": ("blue", "o"), "Rh": ("green", "^"), "Pd": ("orange", "s"), "Pt": ("purple", "D")}


def by_density(table, methods, value="f1", label="F1"):
    """
    Draw a score against density, one panel per metal, with 95 % intervals (Fig. 2d).

    Parameters
    ----------
    table : DataFrame
        ``metal``, ``density_nm2``, ``method``, and ``value`` with ``_low`` and ``_high``.
    methods : list of str
    value, label : str
        Column and its name on the axis.

    Returns
    -------
    matplotlib.figure.Figure
    """
    metals = [metal for metal in METALS if metal in set(table["metal"])]
    fig, axes = panels(len(metals), 2.9, "atoms per nm²", label, sharex=True, sharey=True)
    for ax, metal in zip(axes, metals, strict=True):
        for method in methods:
            colour, marker = METHODS[method]
            part = table[(table["metal"] == metal) & (table["method"] == method)]
            part = part.sort_values("density_nm2")
            ax.errorbar(
                part["density_nm2"], part[value], fmt=f"{marker}-", ms=4, lw=1.2,
                color=COLOURS[colour], label=method,
                yerr=[part[value] - part[f"{value}_low"], part[f"{value}_high"] - part[value]],
            )  # fmt: skip
        ax.set(title=metal, ylim=(0, 1.02))
    legend_below(fig)
    return fig


def roc(table, methods):
    """
    Draw the true against the false positive rate of candidates, one panel per method (S23).

    Atoms that no candidate stands for are left out: they would cap every curve without a say about
    how candidates are ranked, which is what the area is for. The title has their share.

    Parameters
    ----------
    table : DataFrame
        ``metal``, ``method``, ``threshold``, ``false_positive_rate``, ``true_positive_rate`` (of
        all atoms), and ``auc``, the area for atoms among the candidates.
    methods : list of str

    Returns
    -------
    matplotlib.figure.Figure
    """
    rates = "false positive rate", "true positive rate"
    fig, axes = panels(len(methods), 3.6, *rates, sharey=True)
    for ax, method in zip(axes, methods, strict=True):
        ax.plot([0, 1], [0, 1], color="grey", lw=1)
        among = table[table["method"] == method].groupby("metal")["true_positive_rate"].max()
        for metal, (colour, _) in METALS.items():
            part = table[(table["metal"] == metal) & (table["method"] == method)]
            part = part.sort_values("threshold")
            if len(part):
                label = f"{metal} ({part['auc'].iloc[0]:.2f})"
                rate = np.append(part["true_positive_rate"] / among[metal], 0)
                ax.plot(np.append(part["false_positive_rate"], 0), rate, color=COLOURS[colour],
                        label=label)  # fmt: skip
        ax.set(title=f"{method}: {among.mean():.0%} of the atoms", xlim=(0, 1), ylim=(0, 1.01))
        ax.legend(title="metal (area)", loc="lower right", fontsize="small")
    return fig


def by_neighbour(table, methods, metals=("Ni", "Pt")):
    """
    Draw recall and precision against the distance of the nearest neighbour, with 95 % intervals.

    Parameters
    ----------
    table : DataFrame
        ``metal``, ``method``, ``what`` ("recall" or "precision"), ``from_nm``, ``to_nm``,
        ``share``, ``low``, ``high``.
    methods : list of str
    metals : tuple of str
        One column of panels each.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, axes = plt.subplots(
        2, len(metals), figsize=(WIDTH, 5.6), sharex=True, sharey=True, squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for column, metal in zip(axes.T, metals, strict=True):
        for ax, what in zip(column, ("recall", "precision"), strict=True):
            for method in methods:
                colour, marker = METHODS[method]
                part = table[(table["metal"] == metal) & (table["method"] == method)]
                part = part[(part["what"] == what) & (part["to_nm"] <= 1)].sort_values("from_nm")
                middle = (part["from_nm"] + part["to_nm"]) / 2
                ax.plot(middle, part["share"], f"{marker}-", ms=4, lw=1.2, color=COLOURS[colour],
                        label=method)  # fmt: skip
                ax.fill_between(middle, part["low"], part["high"], color=COLOURS[colour], alpha=0.2)
            ax.set(ylim=(0, 1.02), xlim=(0, 1))
            if metal == metals[0]:
                ax.set_ylabel(what)
        column[0].set_title(metal)
        column[1].set_xlabel("distance of the next atom (nm)")
    legend_below(fig)
    return fig


def thresholds(table, methods, chosen):
    """
    Draw F1 against the threshold on the images that thresholds are chosen on.

    Parameters
    ----------
    table : DataFrame
        ``data`` ("simulated": validation images, or "measured": training images), ``method``,
        ``threshold``, ``f1``.
    methods : list of str
    chosen : dict of str to dict of str to float
        Method to data to threshold, marked on the curve; dotted, the published threshold.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, axes = panels(2, 4.0, "threshold", "F1", sharey=True)
    for ax, kind, what in zip(axes, ("simulated", "measured"), ("validation", "training")):
        for method in methods:
            colour, marker = METHODS[method]
            part = table[(table["method"] == method) & (table["data"] == kind)]
            at = chosen[method][kind]
            height = np.interp(at, part["threshold"], part["f1"])
            ax.plot(part["threshold"], part["f1"], color=COLOURS[colour])
            ax.plot(at, height, marker, ms=8, color=COLOURS[colour], label=method)
        ax.axvline(PUBLISHED_THRESHOLD, color="grey", ls=":")
        ax.set(title=f"{kind}, {what} images", xlim=(0, 1), ylim=(0, 1))
    legend_below(fig)
    return fig
