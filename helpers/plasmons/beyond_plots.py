"""Figures of chapter 4 beyond the paper: peaks, intervals, back-projection, other films, design.

Every function takes rows of the tables that data/ch04/make_beyond.py and make_design.py write, and
returns a Matplotlib figure at most `helpers.figures.WIDTH` wide.
"""

import matplotlib.pyplot as plt
import numpy as np

from helpers.figures import COLOURS, WIDTH, legend_below, micrograph, panels
from helpers.plasmons.peaks import BANDS_EV, PLACES

METHODS = {"ours": ("blue", "o", "im2spec"), "boosted trees": ("green", "s", "boosted trees")}
KINDS = {
    "spread as it is": ("orange", ":", "spread taken as standard deviation"),
    "scaled spread": ("blue", "-", "scaled on film 13"),
    "one width for all": ("green", "--", "one width for all windows"),
}
SIGNS = {"window": "unlike window", "spread": "networks disagree"}
WAYS = ("random", "latent space", "spec2im", "nearest examples", "random changes", "guided changes")


def peak_energies(table, least_pairs=20):
    """
    Draw the error of every peak's energy by place.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of peaks.csv.
    least_pairs : int
        Fewer windows that show a peak in truth and prediction make no median.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, axes = plt.subplots(
        1, len(BANDS_EV), figsize=(WIDTH, 3.3), sharey=True, layout="constrained"
    )
    for ax, (band, (low, high)) in zip(axes, BANDS_EV.items()):
        here = table[table["peak"] == band]
        for k, (method, (colour, marker, label)) in enumerate(METHODS.items()):
            part = here[(here["method"] == method) & (here["pairs"] >= least_pairs)]
            each = part.groupby("place")["energy_mev"].agg(["mean", "std"]).reindex(PLACES)
            ax.errorbar(
                np.arange(len(PLACES)) + 0.2 * (k - 0.5), each["mean"], each["std"].fillna(0),
                fmt=marker, ms=6, capsize=2, color=COLOURS[colour], label=label,
            )  # fmt: skip
        for k, place in enumerate(PLACES):
            if here.loc[here["place"] == place, "pairs"].max() < least_pairs:
                ax.text(k, 0.3, "not resolved", rotation=90, ha="center", va="bottom")
        ax.set(xticks=range(len(PLACES)), ylim=(0, None), xlim=(-0.6, len(PLACES) - 0.4),
               title=f"{band}\n{1e3 * low:.0f}–{1e3 * high:.0f} meV")  # fmt: skip
        ax.set_xticklabels(PLACES, rotation=35, ha="right")
    axes[0].set_ylabel("median error of energy (meV)")
    legend_below(fig, 2)
    return fig


def coverage(by_energy, by_place, level=0.95):
    """
    Draw the share of measured values inside intervals, by energy and by place.

    Parameters
    ----------
    by_energy : pandas.DataFrame
        Rows of intervals_energy.csv.
    by_place : pandas.DataFrame
        Rows of intervals.csv.
    level : float
        Of the right panel; the left one shows all levels.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, (left, right) = panels(2, 3.6, "", "share inside (%)", sharey=True)
    for kind, (colour, line, label) in KINDS.items():
        for one in sorted(by_energy["level"].unique()):
            part = by_energy[(by_energy["kind"] == kind) & (by_energy["level"] == one)]
            left.plot(part["energy_eV"], 100 * part["measured"], line, color=COLOURS[colour],
                      label=label if one == level else None)  # fmt: skip
    for one in sorted(by_energy["level"].unique()):
        left.axhline(100 * one, color="0.6", lw=0.8)
    left.set(xlabel="energy loss (eV)", ylim=(0, 101), title="68 % and 95 %, by energy")
    for k, (kind, (colour, _, _)) in enumerate(KINDS.items()):
        part = by_place[(by_place["kind"] == kind) & (by_place["level"] == level)]
        films = part.pivot_table(values="measured", index="place", columns="film").reindex(PLACES)
        at = np.arange(len(PLACES)) + 0.22 * (k - 1)
        for number in films:
            right.plot(at, 100 * films[number], "o", ms=4, color=COLOURS[colour])
    right.axhline(100 * level, color="0.6", lw=0.8)
    right.set(xticks=range(len(PLACES)), title=f"{100 * level:.0f} %, by place; a point per film")
    right.set_xticklabels(PLACES)
    right.set_ylabel("")
    legend_below(fig, 2)
    return fig


def back_projection(table):
    """
    Draw how alike neighbours in the latent space are, against the number of latent variables.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of consistency.csv.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, axes = panels(2, 3.6, "latent variables", "distance, neighbours over random", sharey=True)
    names = {"im2spec": ("window", "spectrum"), "spec2im": ("spectrum", "window")}
    for ax, (direction, (encoded, decoded)) in zip(axes, names.items()):
        here = table[table["direction"] == direction]
        words = {
            "features": encoded, "features, turned alike": f"{encoded}, turned alike",
            "targets": decoded, "targets, turned alike": f"{decoded}, turned alike",
        }  # fmt: skip
        colour_of = {"window": "orange", "window, turned alike": "vermilion", "spectrum": "blue"}
        for what, name in words.items():
            part = here[(here["what"] == what) & (here["space"] == "network")]
            if not len(part):
                continue
            each = part.groupby("latent")["ratio"].mean()
            ax.plot(each.index, each, "o-", color=COLOURS[colour_of[name]], label=name)
        plain = here[(here["what"] == "features") & (here["space"] == "principal components")]
        plain = plain.groupby("latent")["ratio"].mean()
        ax.plot(plain.index, plain, "x--", color="0.5", label="encoded, principal components")
        best = here[(here["what"] == "features") & (here["space"] == "the features themselves")]
        ax.axhline(best["ratio"].mean(), color="0.5", lw=0.8, ls=":",
                   label="encoded, nearest of all")  # fmt: skip
        ax.set(xscale="log", ylim=(0, 1.05), title=direction)
        ax.set_xticks(each.index, [f"{n}" for n in each.index])
        ax.minorticks_off()
    legend_below(fig, 2)
    return fig


def other_films(errors, flagged):
    """
    Draw errors on films of other kinds, and how many of their windows are flagged.

    Parameters
    ----------
    errors : pandas.DataFrame
        Columns ``kind``, ``method`` (those of `METHODS`) and ``error`` (%).
    flagged : pandas.DataFrame
        Columns ``kind``, ``sign`` (window or spread) and ``flagged`` (share).

    Returns
    -------
    matplotlib.figure.Figure
    """
    kinds = list(dict.fromkeys(errors["kind"]))
    fig, (left, right) = plt.subplots(
        1, 2, figsize=(WIDTH, 1.1 + 0.42 * len(kinds)), sharey=True, layout="constrained"
    )
    at = np.arange(len(kinds))[::-1]
    for k, (method, (colour, _, label)) in enumerate(METHODS.items()):
        values = errors[errors["method"] == method].groupby("kind")["error"].mean().reindex(kinds)
        left.barh(at + 0.2 - 0.4 * k, values, 0.38, color=COLOURS[colour], label=label)
    left.set(yticks=at, xlabel="relative error (%)")
    left.set_yticklabels(kinds)
    for k, (sign, colour) in enumerate((("window", "orange"), ("spread", "purple"))):
        part = flagged[flagged["sign"] == sign].set_index("kind")["flagged"].reindex(kinds)
        right.barh(at + 0.2 - 0.4 * k, 100 * part, 0.38, color=COLOURS[colour],
                   label=SIGNS[sign])  # fmt: skip
    right.set(xlabel="windows flagged (%)", xlim=(0, 100))
    for ax in (left, right):
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return fig


def design_errors(table):
    """
    Draw the error of the best geometry of every way for every wish.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of design.csv.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 3.3), layout="constrained")
    wishes = list(dict.fromkeys(table["wish"]))
    for kind, marker, colour in (("film", "o", "blue"), ("made", "^", "vermilion")):
        for k, way in enumerate(WAYS):
            part = table[(table["way"] == way) & (table["kind"] == kind)]
            shift = [wishes.index(name) / len(wishes) - 0.5 for name in part["wish"]]
            ax.plot(part["error"], len(WAYS) - 1 - k + 0.4 * np.array(shift), marker, ms=4,
                    color=COLOURS[colour], alpha=0.8,
                    label={"film": "spectra of films", "made": "peak moved"}[kind] if k == 0
                    else None)  # fmt: skip
    for k, way in enumerate(WAYS):
        middle = table.loc[table["way"] == way, "error"].median()
        ax.plot([middle, middle], np.array([-0.3, 0.3]) + len(WAYS) - 1 - k, "k-", lw=1.5)
    ax.set(yticks=range(len(WAYS)), xscale="log", xlabel="least relative error (%), simulated")
    least, most = 0.85 * table["error"].min(), 1.15 * table["error"].max()
    ticks = [t for t in (1, 2, 5, 10, 20, 50, 100) if least <= t <= most]
    ax.set_xticks(ticks, [f"{t}" for t in ticks])
    ax.minorticks_off()
    ax.set_xlim(least, most)
    ax.set_yticklabels(WAYS[::-1])
    legend_below(fig, 2)
    return fig


def designs(examples, energy):
    """
    Draw wishes with what geometries made of them, and the geometries.

    Parameters
    ----------
    examples : dict of str to (array (E,), dict of str to (array (E,), array (w, w)))
        Name of the wish to its spectrum and, by way, spectrum and window of the best geometry.
    energy : array (E,)

    Returns
    -------
    matplotlib.figure.Figure
    """
    ways = list(next(iter(examples.values()))[1])
    fig, axes = plt.subplots(
        len(examples), 1 + len(ways), figsize=(WIDTH, 1.75 * len(examples)), squeeze=False,
        width_ratios=[2.2] + [1] * len(ways), layout="constrained",
    )  # fmt: skip
    colours = ("blue", "vermilion", "green")
    for at, (row, (name, (wish, found))) in enumerate(zip(axes, examples.items())):
        row[0].plot(energy, 1e3 * wish, color="black", lw=1, label="wish")
        for ax, colour, (way, (spectrum, image)) in zip(row[1:], colours, found.items()):
            row[0].plot(energy, 1e3 * spectrum, "--", color=COLOURS[colour], label=way)
            micrograph(ax, image.astype(float), vmin=0, vmax=14)
            ax.plot(image.shape[1] // 2, image.shape[0] // 2, "+", ms=8, color=COLOURS["vermilion"])
            if at == 0:
                ax.set_title(way.replace(" ", "\n"))
        row[0].set_title(name)
        row[0].set_ylabel("loss per keV")
    axes[-1, 0].set_xlabel("energy loss (eV)")
    handles, names = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, names, loc="outside lower center", ncols=3)
    return fig
