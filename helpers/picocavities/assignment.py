"""What the modes of biphenyl-4-thiol are, and which mode of one calculation is which of another."""

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from helpers.picocavities.configurations import scaled_wavenumbers
from helpers.picocavities.molecule import masses

# Indices of atoms as `helpers.picocavities.geometry.biphenylthiol` orders them.
SULFUR, LOWER, UPPER, END = 0, np.arange(1, 7), np.arange(7, 13), 22
LOWER_H, UPPER_H = np.arange(13, 17), np.arange(17, 22)


def mode_table(molecule):
    """Where each mode lives and what it stretches.

    Parameters
    ----------
    molecule : helpers.picocavities.molecule.Molecule
        Biphenylthiol, upright.

    Returns
    -------
    pandas.DataFrame
        One row per mode: ``wavenumber_cm`` (as computed), ``scaled_cm``, ``activity_A4_amu``;
        shares of its kinetic energy in the ring at the ``sulfur_ring``, the ``outer_ring`` (both
        with their hydrogens) and the ``thiol`` (sulfur and what ends it), and in the
        ``hydrogens`` of both rings; ``out_of_plane``, the share across the rings' own planes; and
        how much it stretches the bonds ``C-S`` and ``C-C link`` (A amu^-1/2); and ``assignment``,
        these numbers in words.
    """
    weights = masses(molecule.symbols)
    energy = weights[:, None] * molecule.modes**2  # (M, N, 3), sums to 1 for each mode
    by_atom = energy.sum(2)
    lower, upper = np.r_[LOWER, LOWER_H], np.r_[UPPER, UPPER_H]
    across = np.zeros(len(energy))
    for ring in (lower, upper):
        carbons = molecule.positions_A[ring[:6]]
        normal = np.linalg.svd(carbons - carbons.mean(0))[2][2]
        across += (weights[ring] * (molecule.modes[:, ring] @ normal) ** 2).sum(1)
    scaled = scaled_wavenumbers(molecule)
    table = pd.DataFrame(
        {
            "wavenumber_cm": molecule.wavenumbers,
            "scaled_cm": scaled,
            "activity_A4_amu": molecule.activity,
            "sulfur_ring": by_atom[:, lower].sum(1),
            "outer_ring": by_atom[:, upper].sum(1),
            "thiol": by_atom[:, [SULFUR, END]].sum(1),
            "hydrogens": by_atom[:, np.r_[LOWER_H, UPPER_H]].sum(1),
            "out_of_plane": across,
            "C-S": _stretch(molecule, SULFUR, LOWER[0]),
            "C-C link": _stretch(molecule, LOWER[3], UPPER[0]),
        }
    )
    return table.assign(assignment=[_words(row) for _, row in table.iterrows()])


def _words(row):
    """What a mode is: the first of these that it is for the most part, and where."""
    if row["wavenumber_cm"] > 2900:
        kind = "C-H stretch"
    elif row["thiol"] > 0.5:
        return "S-H stretch" if row["wavenumber_cm"] > 2300 else "motion of the thiol"
    elif row["out_of_plane"] > 0.6:
        kind = "C-H out of plane" if row["hydrogens"] > 0.5 else "ring out of plane"
    elif row["C-C link"] > 0.2:
        return "stretch between the rings"
    elif row["C-S"] > 0.09:
        kind = "C-S stretch with the ring"
    elif row["hydrogens"] > 0.5:
        kind = "C-H bend in the plane"
    else:
        kind = "ring stretch" if row["wavenumber_cm"] > 1400 else "ring deformation"
    if max(row["sulfur_ring"], row["outer_ring"]) < 0.7:
        return kind
    return f"{kind}, {'sulfur' if row['sulfur_ring'] > 0.5 else 'outer'} ring"


def _stretch(molecule, one, other):
    """Change of a bond length per unit of each normal coordinate, without its sign."""
    bond = molecule.positions_A[other] - molecule.positions_A[one]
    bond = bond / np.linalg.norm(bond)
    return np.abs((molecule.modes[:, other] - molecule.modes[:, one]) @ bond)


def match_modes(one, other):
    """Pair the modes of two molecules of the same atoms by what moves.

    The end at the sulfur may differ (hydrogen or gold): it is left out.

    Parameters
    ----------
    one, other : helpers.picocavities.molecule.Molecule
        Upright, with atoms in the same order and as many modes.

    Returns
    -------
    pandas.DataFrame
        One row per mode of the first: ``mode``, ``other``, their wavenumbers as computed
        ``wavenumber_cm`` and ``other_cm``, and ``overlap``, 1 for the same motion. The pairs are
        those with the largest sum of overlaps.
    """
    inside = slice(0, END)
    weight = np.sqrt(masses(one.symbols))[inside, None]
    vectors = [(m.modes[:, inside] * weight).reshape(len(m.modes), -1) for m in (one, other)]
    overlap = (vectors[0] @ vectors[1].T) ** 2
    rows, columns = linear_sum_assignment(-overlap)
    return pd.DataFrame(
        {
            "mode": rows,
            "other": columns,
            "wavenumber_cm": one.wavenumbers[rows],
            "other_cm": other.wavenumbers[columns],
            "overlap": overlap[rows, columns],
        }
    )


def strong_lines(molecule, strengths, weakest=0.05, window=(268.0, 1611.0)):
    """Lines of a calculated spectrum above a share of the strongest.

    Parameters
    ----------
    molecule : helpers.picocavities.molecule.Molecule
    strengths : array (M,)
        Of its modes, as from :func:`helpers.picocavities.nearfield.gap_line_strengths`.
    weakest : float
    window : tuple of float
        In cm^-1, of scaled wavenumbers.

    Returns
    -------
    pandas.DataFrame
        ``mode``, ``scaled_cm``, ``strength`` (of the strongest in the window), strongest first.
    """
    scaled = scaled_wavenumbers(molecule)
    inside = np.flatnonzero((scaled > window[0]) & (scaled < window[1]))
    relative = np.asarray(strengths)[inside] / np.asarray(strengths)[inside].max()
    table = pd.DataFrame({"mode": inside, "scaled_cm": scaled[inside], "strength": relative})
    table = table[table["strength"] >= weakest]
    return table.sort_values("strength", ascending=False, ignore_index=True)
