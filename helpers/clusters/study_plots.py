"""Figures of chapter 3 that put several studies of the classifier side by side.

Every function takes tables of ``data/ch03/make_classifier.py`` or ``make_evaluation.py`` and
returns a Matplotlib figure. Methods look as in `helpers.clusters.classifier_plots`.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import PercentFormatter

from helpers.clusters.classifier_plots import METHODS, SHORT
from helpers.clusters.structures import ISOMERS
from helpers.figures import COLOURS, WIDTH, micrograph, panels

PERCENT = PercentFormatter(1, decimals=0)


def losses(long, short):
    """
    Draw the loss on validation frames over the batches of a training.

    Parameters
    ----------
    long : DataFrame
        ``seed``, ``epoch`` and ``validation_loss`` of the shipped networks.
    short : DataFrame
        ``epoch`` and ``validation_loss`` of a short training.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 3.2), layout="constrained")
    for k, (_, part) in enumerate(long.groupby("seed")):
        ax.plot(part["epoch"] + 1, part["validation_loss"], color=COLOURS["blue"], lw=1,
                alpha=0.7, label="shipped networks, one per seed" if k == 0 else None)  # fmt: skip
    ax.plot(short["epoch"] + 1, short["validation_loss"], "s-", color=COLOURS["vermilion"],
            label="short training")  # fmt: skip
    ax.axhline(np.log(len(ISOMERS)), color="grey", lw=1, ls=":", label="a guess")
    ax.set(xlabel="epoch", ylabel="loss on validation frames (nats)", ylim=(0, None))
    ax.legend(loc="upper right")
    return fig


def confusions(matrices):
    """
    Draw confusion matrices side by side, in per cent of the true isomer.

    Parameters
    ----------
    matrices : dict of str to tuple of array (4, 4)
        Title to shares (true isomers in rows) and their standard deviation over training seeds.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, axes = plt.subplots(
        1, len(matrices), figsize=(WIDTH, 0.5 * WIDTH + 0.5), sharey=True, squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for ax, (title, (mean, spread)) in zip(axes[0], matrices.items(), strict=True):
        ax.imshow(mean, cmap="Blues", vmin=0, vmax=1)
        for i, j in np.ndindex(*np.shape(mean)):
            text = f"{100 * mean[i][j]:.0f}"
            if np.isfinite(spread[i][j]):
                text += f"\n± {100 * spread[i][j]:.0f}"
            ax.text(j, i, text, ha="center", va="center", fontsize="small",
                    color="white" if mean[i][j] > 0.55 else "black")  # fmt: skip
        ax.set(xticks=range(4), xticklabels=[SHORT[name] for name in ISOMERS], xlabel="named")
        ax.set_title(title, loc="center")
        ax.spines[:].set_visible(False)
    axes[0, 0].set(yticks=range(4), yticklabels=ISOMERS, ylabel="true")
    return fig


def conditions(studies):
    """
    Draw the share named rightly against several conditions, one panel each, with 95 % intervals.

    Parameters
    ----------
    studies : list of tuple
        Table (``method``, ``accuracy``, ``accuracy_low``, ``accuracy_high``), column of the
        condition, and its name.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, axes = panels(len(studies), 2.7, "", "named rightly", sharey=True)
    seen = {}
    for ax, (table, column, label) in zip(axes, studies, strict=True):
        for name, part in table.groupby("method", sort=False):
            colour, marker = METHODS[name]
            part = part.sort_values(column)
            away = [(part["accuracy"] - part["accuracy_low"]).clip(lower=0),
                    (part["accuracy_high"] - part["accuracy"]).clip(lower=0)]  # fmt: skip
            seen[name] = ax.errorbar(
                part[column], part["accuracy"], away, fmt=f"{marker}-", ms=5, capsize=2,
                color=COLOURS[colour],
            )  # fmt: skip
        ax.set(xlabel=label, ylim=(0, 1.02))
        ax.yaxis.set_major_formatter(PERCENT)
    fig.legend(seen.values(), seen, loc="outside lower center", ncols=3)
    return fig


def trust(bins, curves, chosen):
    """
    Draw how far probabilities are frequencies, and what refusing the least certain frames gains.

    Parameters
    ----------
    bins : DataFrame
        ``scaling`` ("before", "after"), ``seed``, ``confidence``, ``correct``.
    curves : DataFrame
        ``method``, ``seed``, ``coverage``, ``risk``.
    chosen : tuple of float
        Coverage and risk at the threshold in use.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.3), layout="constrained")
    left.plot([0, 1], [0, 1], color="grey", lw=1)
    for name, colour, marker in (("before", "grey", "x"), ("after", COLOURS["blue"], "o")):
        part = bins[bins["scaling"] == name].copy()
        part["bin"] = part.groupby("seed").cumcount()
        mean = part.groupby("bin")[["confidence", "correct"]].agg(["mean", "std"])
        left.errorbar(
            mean["confidence", "mean"], mean["correct", "mean"], mean["correct", "std"].fillna(0),
            fmt=f"{marker}-", ms=4, capsize=2, color=colour, label=f"{name} scaling",
        )  # fmt: skip
    left.set(xlabel="probability of the named isomer", ylabel="share correct", aspect="equal",
             xlim=(0.2, 1.02), ylim=(0.2, 1.02))  # fmt: skip
    left.legend(loc="upper left")
    at = np.linspace(0.02, 1, 50)
    for name in ("network", "atlas"):
        parts = [p for _, p in curves[curves["method"] == name].groupby("seed")]
        if parts:
            each = [np.interp(at, p["coverage"], p["risk"]) for p in parts]
            right.plot(at, np.mean(each, axis=0), "-" if name == "network" else "--",
                       color=COLOURS[METHODS[name][0]], label=name)  # fmt: skip
    right.plot(*chosen, "o", color="black", ms=7, mfc="none", label="threshold in use")
    right.set(xlabel="accepted frames", ylabel="wrong among them", xlim=(0, 1.02), ylim=(0, None))
    for axis in (right.xaxis, right.yaxis):
        axis.set_major_formatter(PERCENT)
    right.legend(loc="upper left")
    return fig


def breaks(table):
    """
    Draw the share named rightly and the share accepted under conditions unlike the training.

    Parameters
    ----------
    table : DataFrame
        ``clusters`` (what differs), ``right``, ``half`` (half the 95 % interval), ``accepted``.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 0.34 * len(table) + 1.2), layout="constrained")
    y = np.arange(len(table))[::-1]
    away = [
        np.minimum(table["half"], table["right"]),
        np.minimum(table["half"], 1 - table["right"]),
    ]
    ax.barh(y, table["right"], height=0.6, color=COLOURS["sky"], label="named rightly",
            xerr=away, error_kw={"lw": 1, "capsize": 2})  # fmt: skip
    ax.plot(table["accepted"], y, "D", color=COLOURS["vermilion"], ms=6, label="accepted")
    ax.set(yticks=y, yticklabels=table["clusters"], xlim=(0, 1.02), xlabel="share of the frames")
    ax.xaxis.set_major_formatter(PERCENT)
    fig.legend(loc="outside lower center", ncols=2)
    return fig


def unrolled(frames, strips, pixel_size_nm):
    """
    Draw frames, and beside each the circles around its middle as the rows of a strip.

    Parameters
    ----------
    frames : dict of str to array (H, W)
        Title to frame.
    strips : dict of str to array (circles, angles)
        With the same titles.
    pixel_size_nm : float
        Of the frames; circles are one pixel apart.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, axes = plt.subplots(
        len(frames), 2, figsize=(WIDTH, 1.75 * len(frames)), width_ratios=(1, 2.6), squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for (left, right), (title, frame) in zip(axes, frames.items(), strict=True):
        micrograph(left, frame, pixel_size_nm, title)
        strip = strips[title]
        right.imshow(strip, aspect="auto", extent=(0, 360, len(strip) * pixel_size_nm, 0),
                     vmin=np.percentile(strip, 0.5), vmax=np.percentile(strip, 99.5))  # fmt: skip
        right.set(ylabel="radius (nm)", xticks=range(0, 361, 90))
    axes[-1, 1].set_xlabel("angle (degrees)")
    return fig


def errors(table):
    """
    Draw the share named wrong against dose, both on logarithmic axes, with 95 % intervals.

    Parameters
    ----------
    table : DataFrame
        ``method``, ``dose_per_A2``, ``accuracy``, ``accuracy_low``, ``accuracy_high``, ``frames``.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 4.0), layout="constrained")
    methods = list(table["method"].unique())
    for k, name in enumerate(methods):
        part = table[table["method"] == name].sort_values("dose_per_A2")
        colour, marker = METHODS[name]
        least = 0.5 / part["frames"]  # none wrong is drawn as half a frame
        wrong, low, high = (
            np.maximum(1 - part[f"accuracy{end}"], least) for end in ("", "_high", "_low")
        )
        aside = part["dose_per_A2"] * 10 ** (0.05 * (k - (len(methods) - 1) / 2))
        ax.errorbar(aside, wrong, [wrong - low, high - wrong], fmt=f"{marker}-", ms=5, capsize=2,
                    lw=1, color=COLOURS[colour], label=name)  # fmt: skip
    ax.set(xscale="log", yscale="log", xlabel="dose (electrons per Å²)", ylabel="named wrong")
    ax.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g}%")
    fig.legend(loc="outside lower center", ncols=2)
    return fig
