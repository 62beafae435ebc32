"""The isomers of a magic-number cluster, and the symmetry of each.

The closed-shell icosahedron (Mackay), decahedron (Ino) and cuboctahedron of k shells have the same
number of atoms, so a picture cannot give its isomer away by its brightness. All three have bulk
bonds on average: in the icosahedron those along the radius are 5 % shorter than the others.
"""

from functools import lru_cache

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from helpers.registry import DataError

ISOMERS = ("icosahedron", "decahedron", "cuboctahedron", "amorphous")
ORDERED = ISOMERS[:3]
MAGIC = (55, 147, 309, 561, 923)  # 3 to 7 shells, the atom in the middle counted as the first


def isomer(name, atoms=309, element="Au"):
    """Build one ordered isomer.

    Parameters
    ----------
    name : str
        One of `ISOMERS`. An amorphous cluster has no one structure: the first of the shipped ones
        (`helpers.clusters.amorphous.amorphous`) is given.
    atoms : int
        One of `MAGIC`.
    element : str
        A metal that is face-centred cubic in bulk; its lattice constant is ase's.

    Returns
    -------
    ase.Atoms
        Centred at the origin (Angstrom, as everything in ase). The five-fold axis of the
        decahedron and the cube axes of the cuboctahedron are along the axes of coordinates.

    Raises
    ------
    DataError
        An unknown name, number or element, or ase is not installed.
    """
    _known(name, atoms)
    cluster = needs("ase.cluster")
    lattice = bulk_lattice_nm(element) * 10
    if name == "amorphous":
        from helpers.clusters.amorphous import amorphous

        return amorphous(0, atoms, element)
    k = MAGIC.index(atoms) + 3
    if name == "icosahedron":
        built = cluster.Icosahedron(element, k, lattice)
    elif name == "decahedron":
        built = cluster.Decahedron(element, k, k, 0, lattice)
    else:
        built = cluster.Octahedron(element, 2 * k - 1, cutoff=k - 1, latticeconstant=lattice)
    place = built.get_positions() - built.get_positions().mean(0)
    place *= lattice / np.sqrt(2) / bond_lengths(place, 1.2 * lattice / np.sqrt(2)).mean()
    return needs("ase").Atoms(f"{element}{atoms}", positions=place)


def bulk_lattice_nm(element):
    """Lattice constant of a face-centred cubic metal, from the tables of ase (nm)."""
    data = needs("ase.data")
    reference = data.reference_states[data.atomic_numbers.get(element, 0)]
    if not reference or reference.get("symmetry") != "fcc":
        raise DataError(f"{element!r} is not a face-centred cubic metal: try 'Au', 'Pt' or 'Pd'.")
    return reference["a"] / 10


def bond_lengths(positions, longest):
    """Lengths of all pairs of atoms closer than `longest`, in the units given."""
    pairs = cKDTree(positions).query_pairs(longest, output_type="ndarray")
    return np.linalg.norm(positions[pairs[:, 0]] - positions[pairs[:, 1]], axis=1)


PLACES = ("inside", "facet {111}", "facet {100}", "edge or corner")


def places(positions_nm, longest_nm=0.34):
    """Say where each atom of a cluster sits, by its neighbours and the bonds among them.

    On a {111} facet an atom has nine neighbours with fifteen bonds among them, on a {100} facet
    eight with twelve; on the edge between two {111} facets of an icosahedron it has eight as well,
    but with thirteen bonds.

    Parameters
    ----------
    positions_nm : numpy.ndarray
        (N, 3).
    longest_nm : float
        Longest bond; the default ends halfway to the second neighbours of gold.

    Returns
    -------
    numpy.ndarray
        One of `PLACES` for each atom, (N,) str. "inside" has ten neighbours or more; whatever else
        an amorphous surface has counts as edge.
    """
    bonded = np.zeros((len(positions_nm),) * 2)
    pairs = cKDTree(positions_nm).query_pairs(longest_nm, output_type="ndarray")
    bonded[pairs[:, 0], pairs[:, 1]] = bonded[pairs[:, 1], pairs[:, 0]] = 1
    neighbours = bonded.sum(0)
    among = ((bonded @ bonded) * bonded).sum(0) / 2
    kinds = [neighbours >= 10, (neighbours == 9) & (among == 15), (neighbours == 8) & (among == 12)]
    return np.select(kinds, PLACES[:3], PLACES[3])


@lru_cache
def symmetry(name):
    """Point group of an isomer, in the orientation in which `isomer` builds it.

    Parameters
    ----------
    name : str
        One of `ISOMERS`.

    Returns
    -------
    numpy.ndarray
        Orthogonal matrices, (n, 3, 3), the identity first: 120 (Ih) for the icosahedron, 20 (D5h)
        for the decahedron, 48 (Oh) for the cuboctahedron and one for an amorphous cluster.
    """
    _known(name, 55)
    golden = (1 + np.sqrt(5)) / 2
    mirror_x, mirror_z = np.diag([-1.0, 1, 1]), np.diag([1.0, 1, -1])
    cycle = np.eye(3)[[2, 0, 1]]
    generators = {
        "icosahedron": [mirror_x, cycle, _turn([golden, 0, 1], 5)],
        "decahedron": [mirror_x, mirror_z, _turn([0, 0, 1], 5)],
        "cuboctahedron": [mirror_x, cycle, _turn([0, 0, 1], 4)],
        "amorphous": [],
    }[name]
    group = [np.eye(3)]
    for operation in group:  # grows until every product is in it
        for generator in generators:
            product = generator @ operation
            if not any(np.allclose(product, known) for known in group):
                group.append(product)
    return np.array(group)


def _turn(axis, fold):
    """Rotation by one part in `fold` of a turn."""
    axis = np.array(axis) / np.linalg.norm(axis)
    return Rotation.from_rotvec(2 * np.pi / fold * axis).as_matrix()


def needs(module):
    """Import a module of the optional extra ``simulate``, or say how to install it."""
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError as error:
        raise DataError(
            f"{module.split('.')[0]} is not installed, but building and imaging clusters need it: "
            'install the extra with pip install "atoms-to-spectra[simulate]".'
        ) from error


def _known(name, atoms):
    if name not in ISOMERS:
        raise DataError(f"{name!r} is not an isomer: expected one of {', '.join(ISOMERS)}.")
    if atoms not in MAGIC:
        raise DataError(f"{atoms} atoms is no closed shell: expected one of {MAGIC}.")
