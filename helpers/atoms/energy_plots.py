"""Figures on the energies of coordination sites and metal centres (simulated, chapter 2).

Every function takes finished tables of `helpers.atoms.energetics` and returns a Matplotlib figure
as wide as `helpers.atoms.pictures.WIDTH`.
"""

import matplotlib.pyplot as plt
import numpy as np

from helpers.atoms.pictures import WIDTH
from helpers.figures import COLOURS

KINDS = {"4N-4N": ("blue", "o"), "3N-3N": ("vermilion", "s"), "3N-4N": ("green", "^")}
METALS = {"Ni": ("blue", "o"), "Pd": ("orange", "s"), "Pt": ("purple", "D"), "Ru": ("green", "^")}


def against_separation(curves, bonded_below=None):
    """
    Draw the energy of two sites against their separation (Fig. 4b of Rossi 2024).

    Parameters
    ----------
    curves : dict of str to DataFrame
        Legend to ``separation_A`` and ``relative_eV``; a legend that begins with a key of `KINDS`
        has its colour and marker.
    bonded_below : dict of str to bool array, optional
        Legend to which points share an N-N bond; those are drawn open.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 4), layout="constrained")
    for name, curve in curves.items():
        colour, marker = KINDS[name[:5]]
        colour = COLOURS[colour]
        lowest = curve.groupby("separation_A")["relative_eV"].min()
        ax.plot(lowest.index, lowest, color=colour, lw=1, alpha=0.5)
        bonded = (bonded_below or {}).get(name, np.zeros(len(curve), bool))
        for part, face in ((curve[~bonded], colour), (curve[bonded], "none")):
            ax.plot(
                part["separation_A"], part["relative_eV"], marker, ms=5, color=colour, mfc=face,
                label=name if face != "none" else None,
            )  # fmt: skip
    ax.axhline(0, color="grey", lw=0.8)
    ax.set(xlabel="separation of the two sites (Å)", ylabel="energy against the farthest (eV)")
    ax.legend()
    return fig


def charges(table):
    """
    Draw energies against the charge of the nitrogens, and against the carbons between (Fig. 4c).

    Parameters
    ----------
    table : DataFrame
        ``relative_eV``, ``nitrogen_charge_e`` (mean over the seed site), ``carbons_between`` (0
        where two nitrogens are bonded to each other).

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.4), sharey=True, layout="constrained")
    colour = COLOURS["blue"]
    axes[0].plot(table["nitrogen_charge_e"], table["relative_eV"], "o", ms=5, color=colour)
    axes[0].set(xlabel="charge of the nitrogens (e)", ylabel="energy (eV)")
    axes[1].plot(table["carbons_between"], table["relative_eV"], "o", ms=5, color=colour)
    ticks = np.arange(0, table["carbons_between"].max() + 1).astype(int)
    axes[1].set(xlabel="carbon atoms between the nitrogens")
    axes[1].set_xticks(ticks, ["0 (N-N)", *ticks[1:]])
    return fig


def metal_interactions(curves):
    """
    Draw the interaction energy of two metal centres against their separation (S35).

    Parameters
    ----------
    curves : dict of str to DataFrame
        Metal (a key of `METALS`), or two joined by a hyphen, to ``separation_A`` and ``e_int_eV``.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, ax = plt.subplots(figsize=(WIDTH, 3.6), layout="constrained")
    for name, curve in curves.items():
        colour, marker = METALS.get(name, ("black", "x"))
        ax.plot(
            curve["separation_A"],
            curve["e_int_eV"],
            marker,
            ms=5,
            color=COLOURS[colour],
            label=name,
        )
    ax.axhline(0, color="grey", lw=0.8)
    ax.set(xlabel="separation of the two sites (Å)", ylabel="interaction energy (eV)")
    ax.legend(ncols=2)
    return fig


def dimers(table):
    """
    Draw the formation energy of metal dimers per site, and their bond lengths (Fig. 4a, S27).

    Parameters
    ----------
    table : DataFrame
        From `helpers.atoms.energetics.dimers`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.4), layout="constrained")
    kinds = sorted(table["kind"].unique())
    metals = [metal for metal in METALS if metal in set(table["metal"])]
    width = 0.8 / max(len(metals), 1)
    for place, metal in enumerate(metals):
        rows = table[table["metal"] == metal].set_index("kind").reindex(kinds)
        x = np.arange(len(kinds)) + (place - (len(metals) - 1) / 2) * width
        colour, marker = METALS[metal]
        axes[0].bar(x, rows["formation_eV"], width, color=COLOURS[colour], label=metal)
        axes[1].plot(x, rows["metal_distance_A"], marker, color=COLOURS[colour], label=metal)
    axes[0].axhline(0, color="black", lw=0.8)
    axes[0].set(ylabel="formation energy of a dimer (eV)")
    axes[1].axhline(2.2, color="grey", ls="--", lw=1)
    axes[1].set(ylabel="metal-metal distance (Å)")
    for ax in axes:
        ax.set_xticks(range(len(kinds)), kinds)
        ax.set_xlabel("site")
    axes[1].legend(fontsize="small")
    return fig
