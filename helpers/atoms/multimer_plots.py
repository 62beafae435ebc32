"""Figures of chapter 2 on atoms that touch: how a region is split, and how often rightly.

Every function returns a Matplotlib figure of at most two columns of panels, as wide as
`helpers.figures.WIDTH`.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Ellipse
from scipy.stats import binomtest

from helpers.atoms.dense_score_plots import METHODS
from helpers.figures import COLOURS, WIDTH, legend_below, panels

# In the order of the chapter; what a detection method uses has the colour of that method.
STYLES = [METHODS["sac-cnn + maxima"], ("black", "o"), METHODS["published"], ("vermilion", "D"),
          ("purple", "X"), METHODS["sac-cnn"]]  # fmt: skip


def mixtures(region, fits, scores, truth=None):
    """
    Draw one region of a likelihood map with the mixtures fitted to it (S7 of Rossi 2024).

    Parameters
    ----------
    region : (h, w) array
        Likelihood, 0 outside the region.
    fits : list of helpers.atoms.multimers.Mixture
        One panel each; positions in pixels of the region.
    scores : list of float
        Value of the criterion for each.
    truth : (n, 2) array, optional
        True positions x, y in pixels of the region.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = -(-len(fits) // 2)
    fig, axes = plt.subplots(rows, 2, figsize=(WIDTH, 2.9 * rows), layout="constrained")
    best = int(np.argmax(scores))
    for number, (ax, fit, score) in enumerate(zip(axes.flat, fits, scores, strict=False)):
        ax.imshow(region, cmap="gray", vmin=0, vmax=1)
        for mean, covariance in zip(fit.means, fit.covariances, strict=True):
            size, axis = np.linalg.eigh(covariance)
            angle = np.degrees(np.arctan2(axis[1, 1], axis[0, 1]))
            width, height = 2 * np.sqrt(size[::-1])
            ax.add_patch(Ellipse(mean, width, height, angle=angle, fill=False,
                                 color=COLOURS["sky"], lw=2))  # fmt: skip
            ax.plot(*mean, "+", color=COLOURS["sky"], ms=12, mew=2)
        if truth is not None:
            ax.plot(*np.transpose(truth), "o", mfc="none", color=COLOURS["vermilion"], ms=10)
        ax.set_title(f"{len(fit.means)}: {score:.2f}" + (" (best)" if number == best else ""))
        ax.set_axis_off()
    for ax in axes.flat[len(fits) :]:
        ax.set_axis_off()
    return fig


def _wilson(hits, n):
    """Ends of the 95 % intervals of some shares, (2, len(n))."""
    pairs = zip(hits.round().astype(int), n, strict=True)
    ends = [binomtest(k, int(of)).proportion_ci(method="wilson") for k, of in pairs]
    return np.array([(interval.low, interval.high) for interval in ends]).T


def against_bond(table, methods, value, label):
    """
    Draw a share against the true bond length, one panel per shape, with 95 % Wilson intervals.

    Rows of one method, shape and bond, such as those of several metals, are pooled.

    Parameters
    ----------
    table : DataFrame
        ``method``, ``shape``, ``bond_a`` (angstrom), ``n``, and ``value``, a share of the n.
    methods : list of str
        In the order of the legend.
    value : str
        Column to draw.
    label : str
        Of the vertical axis.

    Returns
    -------
    matplotlib.figure.Figure
    """
    kinds = ["dimer", "trimer", "tetramer"]
    shapes = sorted(table["shape"].unique(), key=lambda s: (kinds.index(s.split(",")[0]), s))
    fig, axes = panels(
        len(shapes), 2.9, "distance of the atoms (Å)", label, sharex=True, sharey=True
    )
    for ax, shape in zip(axes, shapes, strict=True):
        for method, (colour, marker) in zip(methods, STYLES, strict=False):
            part = table[(table["shape"] == shape) & (table["method"] == method)]
            part = part.assign(hits=part[value] * part["n"]).groupby("bond_a")[["hits", "n"]].sum()
            share, ends = part["hits"] / part["n"], _wilson(part["hits"], part["n"])
            ax.fill_between(part.index, *ends, color=COLOURS[colour], alpha=0.13, lw=0)
            ax.plot(share, f"{marker}-", ms=4, lw=1.4, color=COLOURS[colour], label=method)
        ax.set(title=shape, ylim=(-0.03, 1.03))
    legend_below(fig, ncols=2)
    return fig
