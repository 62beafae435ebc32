"""Curves of chapter 1 on where atoms are: densities, distances of neighbours, and motion.

Every function takes finished tables and returns a Matplotlib figure of at most two columns of
panels, as wide as `helpers.figures.WIDTH`.
"""

import matplotlib.pyplot as plt
import numpy as np

from helpers.figures import COLOURS, WIDTH, panels

BINS_NM = np.arange(0, 1.51, 0.06)  # of displacements; a third of the largest that counts as a stay


def densities(statistics, paper, normal):
    """
    Draw the density of every image, from labels and from detections, above its distribution.

    Parameters
    ----------
    statistics : DataFrame
        ``image``, ``source`` ("labels" or a method) and, for ``density`` and ``corrected``, the
        columns ``*_nm2``, ``*_low_nm2`` and ``*_high_nm2``.
    paper : (float, float)
        The paper's range, shaded.
    normal : dict
        ``mean`` and ``sd`` of the normal curve over the labelled densities.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, (ax, below) = plt.subplots(
        2, 1, figsize=(WIDTH, 6.2), height_ratios=(1.6, 1), layout="constrained"
    )
    ax.axhspan(*paper, color="0.9")
    for offset, (source, column, colour, marker) in zip((-0.25, 0, 0.25), (
        ("labels", "density", "black", "o"), ("ensemble", "density", "sky", "s"),
        ("ensemble", "corrected", "vermilion", "D"),
    )):  # fmt: skip
        rows = statistics[statistics["source"] == source].sort_values("image")
        value = rows[f"{column}_nm2"]
        ax.errorbar(
            np.arange(len(rows)) + offset, value, fmt=marker, ms=4, color=COLOURS[colour],
            yerr=[value - rows[f"{column}_low_nm2"], rows[f"{column}_high_nm2"] - value],
            label=f"{source}, corrected" if column == "corrected" else source,
        )  # fmt: skip
    ax.set(xticks=range(len(rows)), xlabel="image", ylabel="atoms per nm²")
    ax.set_xticklabels(rows["image"], rotation=90)
    ax.set_ylim(0, 1.2 * ax.get_ylim()[1])  # room for the legend
    ax.legend(ncols=3, loc="upper left")
    labelled = statistics.loc[statistics["source"] == "labels", "density_nm2"]
    below.axvspan(*paper, color="0.9")
    below.hist(labelled, bins=8, density=True, color="0.7")
    x = np.linspace(0, 1.5 * labelled.max(), 100)
    bell = np.exp(-0.5 * ((x - normal["mean"]) / normal["sd"]) ** 2)
    below.plot(x, bell / (normal["sd"] * np.sqrt(2 * np.pi)), color=COLOURS["black"])
    below.set(xlabel="atoms per nm², from labels", ylabel="share of images\nper 1/nm²")
    return fig


def neighbour_distances(distances, densities, bond_nm):
    """
    Draw a histogram of nearest-neighbour distances with Rayleigh densities.

    Parameters
    ----------
    distances : array (N,)
        Distances in nm.
    densities : dict of str to float
        Label of a curve to its atoms per nm²; the mean distance of such a curve is half the
        inverse root of it.
    bond_nm : float
        Distance below which atoms count as bonded, dashed.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 3.6), layout="constrained")
    ax.hist(distances, np.arange(0, distances.max() + 0.2, 0.1), density=True, color="0.8")
    r = np.linspace(0, distances.max() * 1.1, 200)
    for (label, rho), colour, line in zip(densities.items(), ("blue", "vermilion"), ("-", "-.")):
        rayleigh = 2 * np.pi * rho * r * np.exp(-np.pi * rho * r**2)
        ax.plot(r, rayleigh, line, color=COLOURS[colour], label=label)
    ax.axvline(bond_nm, color=COLOURS["purple"], ls="--", label="bond")
    ax.set(xlabel="distance of the nearest neighbour (nm)", ylabel="per nm")
    ax.legend()
    return fig


def parity(statistics, columns, limits=(0.6, 1.6)):
    """
    Draw mean nearest-neighbour distances against those of random arrangements, one point an image.

    Parameters
    ----------
    statistics : DataFrame
        ``source`` ("labels", "ensemble"), ``nnd_mean_nm`` and the columns asked for.
    columns : dict of str to str
        Title of a panel to the column of its random mean distance in nm.
    limits : (float, float)
        Of both axes, in nm.

    Returns
    -------
    matplotlib.figure.Figure
    """
    names = "random mean distance (nm)", "found mean distance (nm)"
    fig, axes = panels(len(columns), 3.9, *names, sharey=True)
    for ax, (title, column) in zip(axes, columns.items()):
        for source, colour, marker in (("labels", "black", "o"), ("ensemble", "vermilion", "x")):
            rows = statistics[statistics["source"] == source]
            ax.plot(
                rows[column], rows["nnd_mean_nm"], marker, mfc="none", color=COLOURS[colour],
                label=source,
            )  # fmt: skip
        ax.plot(limits, limits, color="grey", lw=1)
        ax.set(title=title, xlim=limits, ylim=limits)
        ax.set_xticks([0.8, 1.1, 1.4])  # none at the ends, where panels meet
        ax.set_aspect("equal")
    axes[0].legend()
    return fig


def motion(mobility, simulated, measured, stay_nm):
    """
    Draw the share of atoms that moved, found against true, and displacements between two frames.

    Parameters
    ----------
    mobility : DataFrame
        Of one detector in simulated pairs: ``true_share``, and ``apparent`` and ``corrected``
        with ``_share`` and ``_se``.
    simulated : dict of float to (DataFrame, DataFrame)
        Known mobility to the histograms of true hops and of found links: ``distance_nm_from``,
        ``distance_nm_to`` and ``links``.
    measured : dict of str to array
        Source of the positions to displacements in nm between the measured frames.
    stay_nm : float
        Largest displacement of an atom that stayed, dashed.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, axes = plt.subplots(2, 2, figsize=(WIDTH, 6.6), layout="constrained")
    fig.get_layout_engine().set(h_pad=0.12, w_pad=0.1)
    ax, last = axes[0]
    axes[1, 1].sharey(axes[1, 0])
    for column, colour, marker in (("apparent", "orange", "s"), ("corrected", "blue", "o")):
        ax.errorbar(
            mobility["true_share"], mobility[f"{column}_share"], mobility[f"{column}_se"],
            fmt=marker + "-", color=COLOURS[colour], label=column,
        )  # fmt: skip
    ax.plot([0, 0.6], [0, 0.6], color="grey", lw=1)
    ax.set(title="simulated", xlabel="true share that hopped", ylabel="estimated share")
    ax.legend()
    for (name, distances), colour, line in zip(measured.items(), ("black", "vermilion"), "-:"):
        last.hist(
            distances, BINS_NM, histtype="step", lw=2, ls=line,
            color=COLOURS[colour], label=name,
        )  # fmt: skip
    last.set(title="measured, 047 to 048", ylabel="linked atoms", xlim=(0, 0.75))
    last.legend()
    for ax, (share, (hops, links)) in zip(axes[1], simulated.items()):
        for table, label, style in (
            (hops, "true hops", {"color": "0.75", "fill": True}),
            (links, "links found", {"color": COLOURS["blue"], "lw": 2}),
        ):
            middle = (table["distance_nm_from"] + table["distance_nm_to"]) / 2
            number, edges = np.histogram(middle, BINS_NM, weights=table["links"])
            ax.stairs(number, edges, label=label, **style)
        ax.set(title=f"simulated, mobility {share:g}", yscale="log", ylim=(0.7, None))
        ax.set_ylabel("atoms" if ax is axes[1, 0] else "")
    axes[1, 0].legend()
    for ax in (last, *axes[1]):
        ax.axvline(stay_nm, color="grey", ls="--")
        ax.set_xlabel("displacement (nm)")
    return fig
