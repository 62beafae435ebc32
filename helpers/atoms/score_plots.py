"""Curves of chapter 1 on how well atoms are found: losses, scores, reliability, simulated tests.

Every function takes finished tables and returns a Matplotlib figure of at most two columns of
panels, as wide as `helpers.figures.WIDTH`.
"""

import matplotlib.pyplot as plt
import numpy as np

from helpers.atoms.evaluate import METRICS, bootstrap_interval
from helpers.figures import COLOURS, WIDTH, panels

METRIC_COLOURS = {"precision": "blue", "recall": "orange", "f1": "black"}
DETECTORS = {"log": ("black", "o"), "published": ("orange", "s"), "sac-cnn": ("sky", "^"),
             "template": ("green", "v"), "ensemble": ("purple", "D")}  # fmt: skip


def training_loss(history, theirs):
    """
    Draw the loss on crops left out, one line per seed, with the paper's last values dashed.

    Parameters
    ----------
    history : DataFrame
        ``method``, ``seed``, ``epoch`` (from 0) and ``validation_loss``.
    theirs : dict of str to float
        Method to the paper's final loss; the methods to draw.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 3.4), layout="constrained")
    for (method, level), colour in zip(theirs.items(), ("blue", "vermilion")):
        colour = COLOURS[colour]
        for seed, part in history[history["method"] == method].groupby("seed"):
            label = method if seed == history["seed"].min() else None
            ax.plot(
                part["epoch"] + 1, part["validation_loss"], color=colour, alpha=0.6, label=label
            )
        ax.axhline(level, color=colour, ls="--", lw=1)
    ax.set(xlabel="epoch", ylabel="loss on crops left out")
    ax.legend()
    return fig


def threshold_curves(curves, chosen, source):
    """
    Draw precision, recall and F1 against the threshold, with bands of one SD over images.

    Parameters
    ----------
    curves : dict of str to DataFrame
        Name of the network to its `helpers.atoms.evaluate.threshold_curve`.
    chosen : dict of str to (float, str)
        Name to the threshold that is marked, and its line style.
    source : str
        "measured" or "simulated".

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, axes = panels(len(curves), 3.6, "threshold on the likelihood", "metric", sharey=True)
    for ax, (name, curve) in zip(axes, curves.items()):
        for metric in METRICS:
            mean, sd, colour = curve[metric], curve[f"{metric}_sd"], COLOURS[METRIC_COLOURS[metric]]
            ax.plot(curve["threshold"], mean, color=colour, label=metric.replace("f1", "F1"))
            ax.fill_between(curve["threshold"], mean - sd, mean + sd, color=colour, alpha=0.15)
        threshold, style = chosen[name]
        ax.axvline(threshold, color="grey", linestyle=style)
        ax.set(title=f"{name} ({source})", ylim=(0, 1))
        ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])  # short: two panels meet
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return fig


def scores_by_method(scores, seed=0):
    """
    Draw F1 per method, worst first from below: images as dots over the interval of their mean.

    Parameters
    ----------
    scores : DataFrame
        ``method``, ``image``, ``f1``; several training seeds of an image are averaged.
    seed : int
        Of the bootstrap.

    Returns
    -------
    matplotlib.figure.Figure
    """
    images = scores.groupby(["method", "image"])["f1"].mean()
    order = images.groupby("method").mean().sort_values().index
    fig, ax = plt.subplots(figsize=(WIDTH, 3.6), layout="constrained")
    for position, method in enumerate(order):
        f1 = images[method]
        ax.plot(f1, np.full(len(f1), position + 0.25), ".", color="grey", alpha=0.6)
        interval = bootstrap_interval(f1, seed=seed)
        ax.plot(interval, [position] * 2, lw=3, color=COLOURS["blue"])
        ax.plot(f1.mean(), position, "o", color=COLOURS["vermilion"])
    ax.set(yticks=range(len(order)), yticklabels=order, xlabel="F1 on the test images (measured)")
    return fig


def reliability(diagram, tolerance, paper_f1):
    """
    Draw the share of true atoms against the stated likelihood, and F1 against the matching radius.

    Parameters
    ----------
    diagram : DataFrame
        From `helpers.atoms.evaluate.reliability`.
    tolerance : Series
        Mean F1, indexed by the largest distance that counts, in nm.
    paper_f1 : float
        F1 by the paper's matching rule.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.4), layout="constrained")
    left.plot([0, 1], [0, 1], color="grey", lw=1)
    share = diagram["fraction"]
    left.errorbar(
        diagram["probability"], share, fmt="o", color=COLOURS["blue"],
        yerr=[share - diagram["low"], diagram["high"] - share],
    )  # fmt: skip
    whole = {"xlim": (0, 1.04), "ylim": (0, 1.04)}  # a share of one is not cut
    left.set(xlabel="stated likelihood", ylabel="share of labelled atoms", **whole)
    right.plot(tolerance.index, tolerance, "o-")
    right.axhline(paper_f1, color="grey", ls="--")
    right.set(xlabel="distance that counts (nm)", ylabel="F1", ylim=(0, 1))
    return fig


def recall_and_dose(height, contrast, dose):
    """
    Draw recall against defocus and contrast, and F1 against dose; the legend takes the last place.

    Parameters
    ----------
    height, contrast : DataFrame
        ``detector``, ``recall``, ``low``, ``high`` and the edges of the bins, ``height_nm_from``
        and ``height_nm_to`` or ``contrast_from`` and ``contrast_to``.
    dose : DataFrame
        ``detector``, ``relative_dose``, ``f1`` and ``f1_sd``.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, axes = plt.subplots(2, 2, figsize=(WIDTH, 6), layout="constrained")
    for ax, table, column in (
        (axes[0, 0], height, "height_nm"),
        (axes[0, 1], contrast, "contrast"),
    ):
        for name, part in table.groupby("detector"):
            middle = (part[f"{column}_from"] + part[f"{column}_to"]) / 2
            colour, marker = COLOURS[DETECTORS[name][0]], DETECTORS[name][1]
            ax.plot(middle, part["recall"], marker + "-", ms=4, color=colour, label=name)
            ax.fill_between(middle, part["low"], part["high"], color=colour, alpha=0.15)
        ax.set(ylabel="recall", ylim=(0, 1), xlim=(0, None))
    axes[0, 0].set(xlabel="distance from focus (nm)", xlim=(0, 15))
    axes[0, 1].set_xlabel("peak / shot noise")
    ax, corner = axes[1]
    for name, part in dose.groupby("detector"):
        colour, marker = COLOURS[DETECTORS[name][0]], DETECTORS[name][1]
        ax.errorbar(
            part["relative_dose"], part["f1"], part["f1_sd"], fmt=marker + "-", ms=4, color=colour
        )
    ax.set(xlabel="dose / dose of the measured images", ylabel="F1", xscale="log", ylim=(0, 1))
    ax.set_xticks([0.25, 0.5, 1, 2, 4], ["¼", "½", "1", "2", "4"])
    ax.minorticks_off()
    corner.set_axis_off()
    corner.legend(*axes[0, 0].get_legend_handles_labels(), loc="center", title="detector")
    return fig
