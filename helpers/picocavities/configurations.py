"""Configurations: a place of an adatom and the lines that a molecule shows beside it."""

from dataclasses import dataclass

import numpy as np

from helpers.picocavities import nearfield
from helpers.registry import DataError

# Harmonic wavenumbers come out too high; these factors bring the strong lines of the free
# molecule near 1080, 1285 and 1585 cm^-1, where the nanocavity has them. The lowest is measured in
# gaps at 32.4 THz, 1081 cm^-1 (Chen et al., Science 374, 1264, 2021). With one ring more, in
# terphenylthiol, the same gap shows 1080, 1256 and 1585 cm^-1 (Lombardi et al., ACS Photonics 3,
# 471, 2016, Fig. 3): the outer two stay. For the middle one of this molecule, the stretch between
# its rings, no published number was found; Poppe et al. print a figure only.
SCALES = {"GFN2-xTB": 0.99, "B3LYP-D3(BJ)/def2-SVP": 0.97}
WINDOW = (280.0, 1600.0)  # cm^-1, inside the paper's
WEAKEST = 0.05  # of the strongest line: lines below are left out
MOST_LINES, FEWEST_LINES = 8, 3
SHIFT_CM = 8.0  # standard deviation of what contact with an adatom does to a line


@dataclass(frozen=True)
class Configuration:
    """One way in which an adatom and a molecule meet.

    Attributes
    ----------
    number : int
        From 0, over both sides.
    side : str
        "NP" or "substrate".
    adatom_A : ndarray, shape (3,)
        In the frame of the upright molecule.
    modes : ndarray of int, shape (L,)
        Which modes of the molecule its lines are.
    wavenumbers : ndarray, shape (L,)
        Of the lines, scaled and shifted, cm^-1, ascending.
    strengths : ndarray, shape (L,)
        Of the lines, relative to the strongest.
    share : float
        Of the formations on its side.
    """

    number: int
    side: str
    adatom_A: np.ndarray
    modes: np.ndarray
    wavenumbers: np.ndarray
    strengths: np.ndarray
    share: float


def scaled_wavenumbers(molecule):
    """Wavenumbers of a molecule brought to where they are measured, cm^-1.

    Raises
    ------
    DataError
        No factor is known for its method.
    """
    if molecule.method not in SCALES:
        raise DataError(f"No scale for {molecule.method}: known are {', '.join(SCALES)}.")
    return molecule.wavenumbers * SCALES[molecule.method]


def configurations(rng, molecule, substrate=4, nanoparticle=2, normal=None, **field):
    """Draw configurations, each with its adatom in contact with one end of the molecule.

    Places beside which fewer than `FEWEST_LINES` lines show are drawn again, as events of one line
    are not analysed.

    Parameters
    ----------
    rng : numpy.random.Generator
    molecule : helpers.picocavities.molecule.Molecule
        Upright.
    substrate, nanoparticle : int
        How many on each side.
    normal, **field
        As in :func:`helpers.picocavities.nearfield.amplitudes`.

    Returns
    -------
    list of Configuration
        Those of the substrate first; their shares are drawn too and unequal.
    """
    drawn = []
    for side, count in (("substrate", substrate), ("NP", nanoparticle)):
        shares = rng.dirichlet(np.full(count, 3.0)) if count else ()
        for share in np.sort(shares)[::-1]:
            drawn.append(_draw(rng, molecule, side, len(drawn), float(share), normal, field))
    return drawn


def _draw(rng, molecule, side, number, share, normal, field):
    """One configuration."""
    scaled = scaled_wavenumbers(molecule)
    inside = np.flatnonzero((scaled > WINDOW[0]) & (scaled < WINDOW[1]))
    while True:
        place = nearfield.place_adatom(rng, molecule, side)
        strengths = nearfield.line_strengths(molecule, place, normal, **field)[inside]
        strengths = strengths / strengths.max()
        strongest = np.argsort(strengths)[::-1][:MOST_LINES]
        kept = strongest[strengths[strongest] > WEAKEST]
        if len(kept) >= FEWEST_LINES:
            break
    shifted = scaled[inside[kept]] + rng.normal(0, SHIFT_CM, len(kept))
    shifted = np.clip(shifted, *WINDOW)
    order = np.argsort(shifted)
    return Configuration(
        number,
        side,
        place,
        inside[kept][order],
        shifted[order],
        strengths[kept][order],
        share,
    )
