"""Amorphous clusters from molecular dynamics, and the order parameter that earns them the name.

data/ch03/make_amorphous.py melts a cluster and quenches snapshots of the melt. A snapshot may have
crystallised, so each is tried by common-neighbour analysis [Honeycutt and Andersen 1987] before it
is called amorphous. The potential (ase's effective-medium theory) gives plausible shapes; its
energies are not used.
"""

from functools import lru_cache

import numpy as np
from scipy.spatial import cKDTree

from helpers.clusters.structures import bulk_lattice_nm, needs
from helpers.registry import ROOT, DataError

PATH = ROOT / "data" / "ch03" / "amorphous.npz"
UNIT_NM = 1e-4  # of the stored coordinates
LATTICE_NM = 0.408  # gold; stored clusters have the bonds that go with it
BOND_NM = LATTICE_NM / np.sqrt(2)
MOST_ORDER = 0.05  # share of ordered atoms above which a cluster is not amorphous


def amorphous(k, atoms=309, element="Au"):
    """Give one of the shipped amorphous clusters.

    Parameters
    ----------
    k : int
        Which; below `count`.
    atoms : int
        55, 147, 309 or 561.
    element : str
        Other metals than gold are scaled to their bulk lattice constant.

    Returns
    -------
    ase.Atoms
        Centred at the origin.

    Raises
    ------
    DataError
        There is no such cluster.
    """
    positions = 10 * geometry(k, atoms)
    if element != "Au":
        positions = positions * bulk_lattice_nm(element) / LATTICE_NM
    return needs("ase").Atoms(f"{element}{atoms}", positions=positions)


def geometry(k, atoms=309):
    """Positions (nm, (atoms, 3)) of the shipped amorphous gold cluster `k`."""
    if not 0 <= k < count(atoms):
        raise DataError(f"amorphous cluster {k} asked for, but only {count(atoms)} are shipped.")
    return _shipped()[f"positions_{atoms}"][k] * UNIT_NM


def count(atoms=309):
    """How many amorphous clusters of a size are shipped."""
    return len(runs(atoms))


def runs(atoms=309):
    """Molecular-dynamics run that each shipped cluster comes from, (count,) int."""
    name = f"run_{atoms}"
    if name not in _shipped():
        raise DataError(f"no amorphous cluster of {atoms} atoms is shipped: try 55 to 561.")
    return _shipped()[name]


def parts(atoms=309):
    """Part of the data (train, validation, test) of each shipped cluster, by its run."""
    pattern = np.array(["train", "test", "train", "validation", "train", "test"])
    return pattern[runs(atoms) % len(pattern)]


def ordered_share(positions_nm, bond_nm=BOND_NM):
    """Share of the atoms whose surroundings are a crystal's, a twin plane's or a five-fold axis's.

    An atom counts when it has twelve neighbours and its bonds have the common-neighbour signatures
    421 twelve times (fcc), 421 and 422 six times each (twin plane), or 422 ten times and 555 twice
    (five-fold axis). Atoms at the surface never count, so that a perfect isomer of 309 atoms
    reaches 0.48 only.

    Parameters
    ----------
    positions_nm : numpy.ndarray
        (N, 3).
    bond_nm : float
        Length of a bond; neighbours are closer than 1.2 times as much.

    Returns
    -------
    float
        From 0 to 1.
    """
    n = len(positions_nm)
    bonded = np.zeros((n, n), bool)
    pairs = cKDTree(positions_nm).query_pairs(1.2 * bond_nm, output_type="ndarray")
    bonded[pairs[:, 0], pairs[:, 1]] = bonded[pairs[:, 1], pairs[:, 0]] = True
    kinds = np.zeros((n, 3), int)
    for i, j in pairs:
        common = np.flatnonzero(bonded[i] & bonded[j])
        degree = bonded[np.ix_(common, common)].sum(0)
        signature = (len(common), degree.sum() // 2, degree.max(initial=0))
        if signature in _SIGNATURES:
            kinds[[i, j], _SIGNATURES.index(signature)] += 1
    whole = bonded.sum(0) == 12
    ordered = (kinds[:, None] == _CRYSTAL).all(-1).any(-1)
    return float((whole & ordered).mean())


# Common neighbours, bonds among them, most bonds of one of them: 421, 422, 555.
_SIGNATURES = [(4, 2, 1), (4, 2, 2), (5, 5, 2)]
_CRYSTAL = np.array([[12, 0, 0], [6, 6, 0], [0, 10, 2]])


@lru_cache
def _shipped():
    if not PATH.is_file():
        raise DataError(f"{PATH.name} is missing: run data/ch03/make_amorphous.py.")
    with np.load(PATH) as file:
        return {name: file[name] for name in file.files}
