"""Curves of chapter 2 on how atoms arrange themselves: envelopes, interactions, order, isolation.

Every function takes finished tables and returns a Matplotlib figure of at most two columns of
panels, as wide as `helpers.figures.WIDTH`.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers.atoms.aggregates import CUTOFF_NM, random_share
from helpers.atoms.dense_score_plots import METHODS
from helpers.atoms.element_plots import in_words
from helpers.atoms.neighbours import random_mean_distance
from helpers.figures import COLOURS, WIDTH, legend_below, panels

# Colour, marker and line of a source of positions and of an arrangement.
SOURCES = {
    "true": ("black", "o", "-"), "published": (*METHODS["published"], "--"),
    "validated": (*METHODS["sac-cnn + maxima"], ":"), "dense": (*METHODS["dense"], "-."),
    "dense, corrected": ("vermilion", "D", ":"), "labels": ("black", "o", "-"),
    "ensemble": (*METHODS["ensemble"], "--"),
}  # fmt: skip
ARRANGEMENTS = {
    "random": ("black", "-"), "attractive": ("vermilion", "--"), "repulsive": ("blue", "-."),
    "neutral": ("black", "-"), "energies": ("purple", ":"),
}  # fmt: skip
STATISTICS = {
    "L": "L(r) − r (nm)", "g": "g(r)", "G": "neighbour within r (share)",
}  # fmt: skip


def _envelope(ax, test, colour="blue"):
    table = test.table
    ax.fill_between(table["r_nm"], table["low"], table["high"], color="0.85", label="envelope")
    ax.plot(table["r_nm"], table["mean"], color="grey", lw=1, label="mean by chance")
    ax.plot(table["r_nm"], table["observed"], color=COLOURS[colour], label="observed")


def envelopes(tests, statistics=("L", "g", "G")):
    """
    Draw curves of one or more arrangements with their global envelopes (Fig. S31).

    Parameters
    ----------
    tests : dict of str to dict
        Title to what `helpers.atoms.ripley.envelopes` returns.
    statistics : tuple of str
        Keys of it, one panel each.

    Returns
    -------
    matplotlib.figure.Figure
    """
    drawn = [(title, found[name], name) for title, found in tests.items() for name in statistics]
    fig, axes = panels(len(drawn), 2.8, "r (nm)", sharex=True)
    for ax, (title, test, name) in zip(axes, drawn, strict=True):
        _envelope(ax, test)
        ax.set_title(f"{title}, p = {test.p:.3g}")
        ax.set_ylabel(STATISTICS[name])
        if name == "g":  # chance alone reaches any height where hardly any pair is expected
            ax.set_ylim(0, max(3, 1.1 * test.table["observed"].max()))
    legend_below(fig)
    return fig


def pooled(tables):
    """
    Draw L(r) - r and g(r) of several images of a sample with intervals, one line per source.

    Parameters
    ----------
    tables : dict of str to DataFrame
        A key of `SOURCES` to what `helpers.atoms.replicates.pooled_statistics` returns.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, axes = panels(2, 3.6, "r (nm)")
    for source, table in tables.items():
        colour, _, line = SOURCES[source]
        label = "default" if source == "dense" else source
        r = table["r_nm"]
        curves = (
            (r, *(table[f"L{end}_nm"] - r for end in ("", "_low", "_high"))),
            (table["ring_nm"], *(table[f"g{end}"] for end in ("", "_low", "_high"))),
        )
        for ax, (x, middle, low, high) in zip(axes, curves, strict=True):
            ax.plot(x, middle, line, color=COLOURS[colour], label=label)
            ax.fill_between(x, low, high, color=COLOURS[colour], alpha=0.2, lw=0)
    for ax, name, by_chance in zip(axes, ("L", "g"), (0, 1), strict=True):
        ax.axhline(by_chance, color="grey", lw=1)
        ax.set_ylabel(STATISTICS[name])
    legend_below(fig)
    return fig


def model_distances(histograms):
    """
    Draw nearest-neighbour distances of the point models, one panel per density (Fig. 3d).

    Parameters
    ----------
    histograms : dict of str to dict of str to (DataFrame, float)
        Title to arrangement (a key of `ARRANGEMENTS`) to the histogram of
        `helpers.atoms.processes.model_statistics` and the mean share of atoms in multimers.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, axes = panels(len(histograms), 3.9, "nearest neighbour (nm)", "per nm")
    for ax, (title, models) in zip(axes, histograms.items()):
        for name, (table, share) in models.items():
            colour, line = ARRANGEMENTS[name]
            middle, value = table["distance_nm"], table["density_per_nm"]
            ax.plot(middle, value, line, color=COLOURS[colour], label=f"{name}, {share:.0%}")
        ax.axvline(CUTOFF_NM, color="grey", ls=":")
        ax.set(title=title, ylim=(0, None), xlim=(0, None))
        ax.legend(title="and in multimers", loc="upper right", fontsize="small")
    return fig


def against_density(bias, arrangement="random"):
    """
    Draw share in multimers and mean nearest-neighbour distance against density (Fig. 3a, b).

    One row of panels per metal. Every source stands at the density that it sees itself.

    Parameters
    ----------
    bias : DataFrame
        ``data/ch02/bias.csv``.
    arrangement : str
        Rows to draw.

    Returns
    -------
    matplotlib.figure.Figure
    """
    bias = bias[bias["arrangement"] == arrangement].sort_values("asked_nm2")
    metals = [metal for metal in ("Ni", "Rh", "Pd", "Pt") if metal in set(bias["metal"])]
    fig, axes = panels(2 * len(metals), 2.6, "atoms per nm²", sharex=True)
    rho = np.linspace(0.15, 8.5, 200)
    quantities = [
        ("share_multimers", "share of atoms in multimers", random_share(rho)),
        ("mean_distance_nm", "mean nearest distance (nm)", random_mean_distance(rho)),
    ]
    series = [("true", "true", "dense"), ("published", "apparent", "published")]
    series += [("default", "apparent", "dense"), ("default, corrected", "corrected", "dense")]
    for ax, (metal, quantity) in zip(axes, ((m, q) for m in metals for q in quantities)):
        name, label, curve = quantity
        ax.plot(rho, curve, color="grey", lw=1, label="random, closed form")
        for source, what, method in series:
            part = bias[(bias["metal"] == metal) & (bias["method"] == method)]
            colour, marker, line = SOURCES[source.replace("default", "dense")]
            y = part[f"{what}_{name}"]
            error = None
            if what != "true":
                low, high = part[f"{what}_{name}_low"], part[f"{what}_{name}_high"]
                error = np.clip([y - low, high - y], 0, None)
            ax.errorbar(
                part[f"{what}_density_nm2"], y, error, fmt=marker + line, ms=5, mfc="none",
                color=COLOURS[colour], label=source,
            )  # fmt: skip
        ax.set(title=f"{metal}: {label}", xlim=(0, 9), ylim=(0, 1))
    legend_below(fig)
    return fig


def by_nuclearity(table):
    """
    Draw the share of atoms in dimers, trimers and so on against density, a panel per source.

    Parameters
    ----------
    table : DataFrame
        From `helpers.atoms.detection_bias.nuclearity_shares`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    titles = {"true": "true places", "published": "published pipeline",
              "validated": "sac-cnn + maxima (validated)", "dense": "default"}  # fmt: skip
    fig, axes = panels(len(titles), 2.7, "atoms per nm²", "share of atoms", sharey=True)
    largest = table["nuclearity"].max()
    colours = plt.get_cmap("cividis")(np.linspace(0.05, 0.95, largest - 1))
    words = ["dimers", "trimers", "tetramers"] + [str(n) for n in range(5, largest + 1)]
    words[largest - 2] = f"{largest} or more"
    for ax, (source, title) in zip(axes, titles.items(), strict=True):
        shares = table[table["source"] == source].pivot_table("share", "density_nm2", "nuclearity")
        places, bottom = np.arange(len(shares)), np.zeros(len(shares))
        for size, colour, word in zip(range(2, largest + 1), colours, words, strict=True):
            ax.bar(places, shares[size], 0.8, bottom, color=colour, ec="black", lw=0.4, label=word)
            bottom += shares[size]
        ax.set(
            title=title, ylim=(0, 1), xticks=places, xticklabels=[f"{d:g}" for d in shares.index]
        )
    legend_below(fig, 4)
    return fig


def estimates(simulated, measured, metal="Pt", density_nm2=2):
    """
    Gather fits to true, detected and measured arrangements for `forest`.

    Parameters
    ----------
    simulated, measured : DataFrame
        ``data/ch02/interaction.csv`` and ``interaction_measured.csv``.
    metal : str
    density_nm2 : float

    Returns
    -------
    DataFrame
        ``label``, ``colour``, ``gamma``, ``low``, ``high``, ``energy_kt``.
    """
    simulated = simulated[(simulated["metal"] == metal) & (simulated["asked_nm2"] == density_nm2)]
    measured = measured[measured["image"] == "all"].assign(arrangement="measured")
    fits = pd.concat([simulated, measured]).set_index(["arrangement", "source", "fit"])
    wanted = {
        (arrangement, source, fit): (f"{arrangement}: {label}", colour)
        for arrangement in ("random", "attractive", "repulsive")
        for source, fit, label, colour in (
            ("true", "plain", "true", "black"),
            ("published", "plain", "published", "orange"),
            ("published", "over random", "published, over random", "orange"),
            ("dense", "plain", "default", "sky"),
            ("dense", "over random", "default, over random", "blue"),
        )
    } | {
        ("measured", "labels", "plain"): ("measured: labels", "vermilion"),
        ("measured", "labels", "core"): ("measured: labels, with a core", "vermilion"),
        ("measured", "ensemble", "plain"): ("measured: ensemble", "purple"),
        ("measured", "ensemble", "core over random"): ("measured: ensemble, over random", "green"),
    }
    rows = fits.loc[list(wanted), ["gamma", "low", "high", "energy_kt"]].reset_index(drop=True)
    labels = pd.DataFrame(list(wanted.values()), columns=["label", "colour"])
    return labels.join(rows)


def forest(rows, title="", limits=(0.1, 3)):
    """
    Draw estimates of gamma with their intervals below each other; 1 is no interaction.

    Parameters
    ----------
    rows : DataFrame
        ``label``, ``gamma``, ``low``, ``high`` from top to bottom, and ``colour``, a name of
        `helpers.figures.COLOURS`. Intervals that reach over the limits end in an arrow;
        a point without one has none.
    title : str
    limits : (float, float)
        Of the axis; its upper scale is the energy in kT.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 1.4 + 0.27 * len(rows)), layout="constrained")
    low_end, high_end = limits
    ax.axvline(1, color="grey", lw=1)
    for position, row in enumerate(rows.itertuples()):
        colour = COLOURS[row.colour]
        if np.isfinite(row.high):
            ends = np.clip([row.low, row.high], low_end, high_end)
            ax.plot(ends, [position] * 2, color=colour)
            for end, beyond, marker in zip(ends, (row.low < low_end, row.high > high_end), "<>"):
                if beyond:
                    ax.plot(end, position, marker, color=colour, ms=6)
        if low_end <= row.gamma <= high_end:
            ax.plot(row.gamma, position, "o", color=colour, ms=5)
    ax.set(
        xscale="log", xlim=limits, ylim=(len(rows) - 0.4, -0.6), yticks=range(len(rows)),
        yticklabels=rows["label"], xlabel="γ: below 1 repels, above 1 attracts",
    )  # fmt: skip
    ticks = [t for t in (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5) if low_end <= t <= high_end]
    ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
    ax.minorticks_off()
    energy = ax.secondary_xaxis("top", functions=(lambda x: x, lambda x: x))
    kt = [e for e in (3, 2, 1, 0, -1) if low_end <= np.exp(-e) <= high_end]
    energy.set_xticks(np.exp(-np.array(kt, float)), [f"{e:g}".replace("-", "−") for e in kt])
    energy.minorticks_off()
    energy.set_xlabel(f"{title}\nenergy of a pair (kT)" if title else "energy of a pair (kT)")
    return fig


def potentials(table, arrangements):
    """
    Draw fitted potentials as steps with intervals, one panel per arrangement.

    Parameters
    ----------
    table : DataFrame
        ``data/ch02/interaction_potential.csv``.
    arrangements : list of str
        Panels, from its column ``arrangement``.

    Returns
    -------
    matplotlib.figure.Figure
    """
    shared = dict(sharex=True, sharey=True)
    fig, axes = panels(len(arrangements), 3, "distance (nm)", "energy of a pair (kT)", **shared)
    for ax, arrangement in zip(axes, arrangements):
        ax.axhline(0, color="grey", lw=1)
        part = table[table["arrangement"] == arrangement]
        for number, (source, steps) in enumerate(part.groupby("source", sort=False)):
            colour, marker, line = SOURCES[source]
            steps = steps[np.isfinite(steps["energy_kt"])]
            shift = 0.02 * (number - 1)
            middle = (steps["from_nm"] + steps["to_nm"]) / 2 + shift
            value = steps["energy_kt"]
            error = [value - steps["energy_low_kt"], steps["energy_high_kt"] - value]
            label = "default" if source == "dense" else source
            ax.errorbar(
                middle, value, error, fmt=marker + line, ms=5, color=COLOURS[colour], label=label
            )
        ax.set(title=arrangement, xlim=(0, 1.05), ylim=(-2, 4))
        ax.legend(loc="upper right", fontsize="small")
    return fig


def directional(distances, test):
    """
    Draw distances from every element to the nearest of every element (Fig. 5c).

    Parameters
    ----------
    distances : dict of (str, str) to array
        From and to, from `helpers.atoms.ordering.directional_distances`.
    test : helpers.atoms.ordering.OrderTest
        Gives what chance makes: the distribution (line), and the 95 % range of the mean (grey).

    Returns
    -------
    matplotlib.figure.Figure
    """
    names = list(dict.fromkeys(one for one, _ in distances))
    shared = dict(sharex=True, sharey=True)
    fig, axes = panels(len(distances), 2.6, "distance (nm)", "per nm", **shared)
    reached = next(iter(test.nearest.values())).table["r_nm"].to_numpy()
    edges = np.append(0, reached[1::2])  # two steps of the test to a bar
    colours = dict(zip(names, ("blue", "vermilion", "green", "orange")))
    means = test.means.set_index(["element", "neighbour"])
    for ax, ((one, two), values) in zip(axes, distances.items()):
        shares = np.histogram(values, edges)[0] / len(values) / np.diff(edges)
        ax.stairs(shares, edges, fill=True, color=COLOURS[colours[one]], alpha=0.35)
        row = means.loc[(one, two)]
        by_chance = np.append(0, test.nearest[one, two].table["mean"].to_numpy()[1::2])
        ax.stairs(np.diff(by_chance) / np.diff(edges), edges, color="black", lw=1)
        ax.axvspan(row["null_low_nm"], row["null_high_nm"], color="0.8", zorder=0)
        ax.axvline(row["mean_nm"], color=COLOURS[colours[one]])
        ax.set_title(f"{one} to {two}, mean {row['mean_nm']:.2f} nm")
    return fig


def connections(test):
    """
    Draw mark-connection functions with their envelopes, one panel per pair of elements.

    Parameters
    ----------
    test : helpers.atoms.ordering.OrderTest

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, axes = panels(len(test.connection), 2.8, "r (nm)", "share of the pairs", sharex=True)
    for ax, ((one, two), found) in zip(axes, test.connection.items()):
        _envelope(ax, found)
        ax.set(title=f"{one}–{two}, p = {found.p:.3g}", ylim=(0, None))
    legend_below(fig)
    return fig


def power(table):
    """
    Draw the share of tests that find order, against its strength, per elements and atoms.

    Parameters
    ----------
    table : DataFrame
        ``data/ch02/ordering_power.csv``.

    Returns
    -------
    matplotlib.figure.Figure
    """
    table = table[(table["null"] == "labelling") & (table["positions"] == "random")]
    labels = "preference for like (kT)", "share with p ≤ 0.05"
    cells = list(table.groupby(["system", "atoms"]))
    fig, axes = panels(len(cells), 3.0, *labels, sharey=True)
    looks = (("black", "o"), ("blue", "s"), ("green", "^"), ("vermilion", "D"))
    looks = dict(zip(sorted(table["error"].unique()), looks))
    for ax, ((system, atoms), part) in zip(axes, cells, strict=True):
        ax.axhline(0.05, color="grey", ls=":")
        for error, rows in part.groupby("error"):
            colour, marker = looks[error]
            ax.plot(
                rows["strength_kt"], rows["rejected"], marker + "-", color=COLOURS[colour], ms=5,
                label=f"{error:.0%}",
            )  # fmt: skip
        ax.set(title=f"{in_words(system)}, {atoms} atoms", ylim=(0, 1.02))
    axes[0].legend(title="wrong labels")
    return fig


def isolation(table, paper_nm2=1.0):
    """
    Draw the density at which 5 % of the atoms are in multimers, with intervals.

    Parameters
    ----------
    table : DataFrame
        ``label``, ``density_nm2``, ``low``, ``high``, ``highest_nm2`` and ``colour`` (a name of
        `helpers.figures.COLOURS`), from top to bottom. A density that was never reached is drawn
        as an arrow from the highest one that was looked at.
    paper_nm2 : float
        The paper's criterion, dashed.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 1.1 + 0.3 * len(table)), layout="constrained")
    ax.axvline(paper_nm2, color="grey", ls="--")
    for position, row in enumerate(table.itertuples()):
        colour = COLOURS[row.colour]
        if np.isinf(row.density_nm2):
            ax.plot(row.highest_nm2, position, ">", color=colour, ms=8)
            continue
        ax.barh(position, row.density_nm2, color=colour, alpha=0.45, height=0.7)
        if np.isfinite(row.low):
            high = min(row.high, row.highest_nm2)
            ax.plot([row.low, high], [position] * 2, color=colour)
            if np.isinf(row.high):
                ax.plot(high, position, ">", color=colour, ms=6)
    ax.set(
        yticks=range(len(table)), yticklabels=table["label"], ylim=(len(table) - 0.4, -0.6),
        xlabel="atoms per nm² at which 5 % touch",
    )  # fmt: skip
    return fig
