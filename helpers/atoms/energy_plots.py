"""Figures on the energies of coordination sites and metal centres (simulated, chapter 2).

Every function takes finished tables of `helpers.atoms.energetics` and returns a Matplotlib figure
as wide as `helpers.atoms.pictures.WIDTH`.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator

from helpers.atoms.pictures import WIDTH
from helpers.figures import COLOURS

KINDS = {"4N-4N": ("blue", "o"), "3N-3N": ("vermilion", "s"), "3N-4N": ("green", "^")}
METALS = {"Ni": ("blue", "o"), "Pd": ("orange", "s"), "Pt": ("purple", "D"), "Ru": ("green", "^")}


def site_energies(curves):
    """
    Draw energies of two sites against separation, charge and carbons between (Fig. 4b, 4c, S33).

    Parameters
    ----------
    curves : dict of str to DataFrame
        A key of `KINDS` to ``separation_A``, ``relative_eV``, ``nitrogen_charge_e`` (mean over the
        first site's) and ``carbons_between`` (0 where two nitrogens are bonded to each other;
        drawn open). Charges are drawn against that of the arrangement of lowest energy.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, axes = plt.subplot_mosaic(
        [["apart", "apart"], ["charge", "between"]], figsize=(WIDTH, 6.6), layout="constrained"
    )
    axes["between"].sharey(axes["charge"])
    for shift, (name, curve) in zip((-0.15, 0.0, 0.15), curves.items()):
        colour, marker = KINDS[name]
        colour = COLOURS[colour]
        lowest = curve.groupby("separation_A")["relative_eV"].min()
        axes["apart"].plot(lowest.index, lowest, color=colour, lw=1, alpha=0.5)
        bonded, energy = curve["carbons_between"] == 0, curve["relative_eV"]
        charge = curve["nitrogen_charge_e"] - curve["nitrogen_charge_e"][energy.idxmin()]
        drawn = {
            "apart": curve["separation_A"],
            "charge": charge,
            "between": curve["carbons_between"] + shift,
        }
        for part, face in ((~bonded, colour), (bonded, "none")):
            for panel, x in drawn.items():
                axes[panel].plot(
                    x[part], energy[part], marker, ms=5, color=colour, mfc=face,
                    label=name if face != "none" else None,
                )  # fmt: skip
    for ax in axes.values():
        ax.axhline(0, color="grey", lw=0.8)
    axes["apart"].set(
        xlabel="separation of the two sites (Å)", ylabel="energy against the farthest (eV)"
    )
    axes["apart"].legend()
    axes["charge"].set(xlabel="charge of the nitrogens (e)", ylabel="energy (eV)")
    axes["charge"].xaxis.set_major_locator(MaxNLocator(4))
    last = int(max(curve["carbons_between"].max() for curve in curves.values()))
    axes["between"].set(xlabel="carbon atoms between (0: N-N bond)", xticks=range(last + 1))
    return fig


def metals_in_sites(dimers, near):
    """
    Draw what metals do to sites: dimers (Fig. 4a, S27) and neighbouring centres (S35, S36, S40).

    Parameters
    ----------
    dimers : DataFrame
        From `helpers.atoms.energy_tables.dimers`.
    near : DataFrame
        From `helpers.atoms.energy_tables.near_against_far`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, axes = plt.subplots(2, 2, figsize=(WIDTH, 6.8), layout="constrained")
    kinds = sorted(dimers["kind"].unique())
    metals = [metal for metal in METALS if metal in set(dimers["metal"])]
    width = 0.8 / max(len(metals), 1)
    for place, metal in enumerate(metals):
        rows = dimers[dimers["metal"] == metal].set_index("kind").reindex(kinds)
        x = np.arange(len(kinds)) + (place - (len(metals) - 1) / 2) * width
        colour, marker = METALS[metal]
        axes[0, 0].bar(x, rows["formation_eV"], width, color=COLOURS[colour], label=metal)
        axes[0, 1].plot(x, rows["metal_distance_A"], marker, color=COLOURS[colour], label=metal)
    axes[0, 0].axhline(0, color="black", lw=0.8)
    axes[0, 0].set(ylabel="formation of a dimer (eV)")
    axes[0, 1].axhline(2.2, color="grey", ls="--", lw=1)
    axes[0, 1].set(ylabel="metal-metal distance (Å)")
    axes[0, 0].legend(fontsize="small", loc="upper left")
    for ax in axes[0]:
        ax.set_xticks(range(len(kinds)), kinds)
        ax.set_xlabel("site")
    pairs = [kind for kind in KINDS if kind in set(near["kinds"])]
    for row in near.itertuples():
        plain = row.first.removesuffix("Cl2")
        colour, marker = METALS[plain]
        hollow = plain != row.first or row.first != row.second
        look = dict(color=COLOURS[colour], marker=marker, ms=6, mfc="none" if hollow else None)
        if row.kinds == "4N-4N":
            filled = [row.bare_eV, row.one_filled_eV, row.both_filled_eV]
            axes[1, 0].plot([0, 1, 2], filled, ls=":" if hollow else "-", lw=1, **look)
        place = list(METALS).index(plain) + (0.4 if hollow else 0)
        x = pairs.index(row.kinds) + (place - 1.5) * width
        axes[1, 1].plot(x, row.e_int_eV, ls="none", **look)
    for ax in axes[1]:
        ax.axhline(0, color="black", lw=0.8)
    axes[1, 0].set(
        xlabel="4N sites with metal", ylabel="energy near against far (eV)", xticks=[0, 1, 2]
    )
    axes[1, 1].set(xlabel="sites", ylabel="interaction energy, near (eV)")
    axes[1, 1].set_xticks(range(len(pairs)), pairs)
    axes[1, 1].set_xlim(-0.6, len(pairs) - 0.4)
    return fig
