"""Coordination sites in a graphene sheet: three, four or six pyridinic nitrogens around a vacancy.

The model carrier of Rossi et al. 2024 (Experimental Section, DFT Simulations): a periodic sheet of
9 x 6 rectangular cells, 216 carbon atoms, 22.14 A x 25.56 A, in which carbon is removed and the
atoms left with a dangling bond become nitrogen.

=====  =========================================  ==================  ====================
kind   removed                                    nitrogens           centre of the site
=====  =========================================  ==================  ====================
3N     one atom                                   3, trigonal         the atom
4N     two bonded atoms                           4, rectangular      middle of the bond
6N     the six atoms of one ring                  6, hexagonal        middle of the ring
=====  =========================================  ==================  ====================

Lengths are in angstrom, as everywhere in atomistic modelling; tables say so in their column names.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path

from helpers.data import DataError

LATTICE = 2.46  # graphene, A; 9 x 6 cells give the paper's 22.14 A x 25.56 A
BOND = LATTICE / np.sqrt(3)
PAPER_CELLS = (9, 6)
SMALL_CELLS = (6, 4)  # 96 atoms: a single point takes 2 s; both keep the Dirac point at Gamma
KINDS = ("3N", "4N", "6N")


@dataclass(frozen=True)
class Sheet:
    """A periodic graphene sheet; bonds along y are whole, x is the zigzag direction.

    Attributes
    ----------
    positions : ndarray, shape (N, 2)
    cell : ndarray, shape (2,)
        Side lengths of the periodic rectangle.
    bonded : ndarray of bool, shape (N, N)
    """

    positions: np.ndarray
    cell: np.ndarray
    bonded: np.ndarray

    def nearest_image(self, vectors):
        """Shortest periodic equivalents of vectors, shape (..., 2)."""
        vectors = np.asarray(vectors, float)
        return vectors - np.rint(vectors / self.cell) * self.cell


@dataclass(frozen=True)
class Site:
    """A coordination site in a given sheet.

    Attributes
    ----------
    kind : str
        "3N", "4N" or "6N".
    centre : ndarray, shape (2,)
    removed, nitrogen : tuple of int
        Atoms of the sheet taken out, and atoms turned into nitrogen.
    """

    kind: str
    centre: np.ndarray
    removed: tuple
    nitrogen: tuple


@dataclass(frozen=True)
class Arrangement:
    """Two sites at a distance, one of all that symmetry makes equal.

    Attributes
    ----------
    kinds : tuple of str
        Of the seed site and of the second one.
    vector : ndarray, shape (2,)
        From the seed's centre to the second site's.
    separation : float
        Length of ``vector``.
    name : str
        Separation and a letter, "4.92b"; the same arrangement has the same name in any sheet.
    equivalents : tuple of ndarray
        Vectors of all second sites that symmetry makes equal to this one, itself included; their
        number is the weight of the arrangement when sites are placed at random.
    """

    kinds: tuple
    vector: np.ndarray
    separation: float
    name: str
    equivalents: tuple


@dataclass(frozen=True)
class Structure:
    """Atoms in a periodic box; the sheet lies at z = 0.

    Attributes
    ----------
    symbols : list of str
    positions : ndarray, shape (N, 3)
    cell : ndarray, shape (3,)
    seed_nitrogen : ndarray of int
        Rows of the nitrogens of the first site.
    carbons_between : int
        Atoms on the shortest chain of bonds between the nitrogens of the first two sites; 0 when
        they share an N-N bond, -1 with fewer than two sites.
    """

    symbols: list
    positions: np.ndarray
    cell: np.ndarray
    seed_nitrogen: np.ndarray
    carbons_between: int


VACUUM = 20.0  # height of the box, A


def graphene(columns=PAPER_CELLS[0], rows=PAPER_CELLS[1]):
    """Periodic sheet of ``columns`` x ``rows`` rectangular cells of four atoms."""
    cell = np.array([LATTICE, 3 * BOND])
    basis = np.array([[0, 0], [0, BOND], [LATTICE / 2, 1.5 * BOND], [LATTICE / 2, 2.5 * BOND]])
    corners = np.array([(i, j) for i in range(columns) for j in range(rows)]) * cell
    positions = (corners[:, None] + basis).reshape(-1, 2)
    cell = cell * (columns, rows)
    vectors = positions[:, None] - positions
    lengths = np.linalg.norm(vectors - np.rint(vectors / cell) * cell, axis=-1)
    return Sheet(positions, cell, (lengths > 0.1) & (lengths < 1.1 * BOND))


def sites(sheet, kind):
    """All sites of a kind that the sheet can hold, as a list of :class:`Site`.

    Raises
    ------
    helpers.data.DataError
        For a kind that is not "3N", "4N" or "6N".
    """
    if kind not in KINDS:
        raise DataError(f"no coordination site is called {kind!r}; there are {', '.join(KINDS)}")
    if kind == "3N":
        groups = [(i,) for i in range(len(sheet.positions))]
    elif kind == "4N":
        groups = [tuple(pair) for pair in np.argwhere(np.triu(sheet.bonded)).tolist()]
    else:
        # The ring's centre lies one bond length from an atom, opposite to its bond along y.
        first = sheet.positions[0::4]
        groups = [_around(sheet, corner - (0, BOND)) for corner in first]
        groups += [_around(sheet, corner + (LATTICE / 2, BOND / 2)) for corner in first]
    return [_site(sheet, kind, group) for group in groups]


def _around(sheet, centre):
    away = np.linalg.norm(sheet.nearest_image(sheet.positions - centre), axis=1)
    return tuple(np.flatnonzero(away < 1.1 * BOND).tolist())


def _site(sheet, kind, removed):
    edge = np.flatnonzero(sheet.bonded[list(removed)].any(axis=0))
    nitrogen = tuple(i for i in edge.tolist() if i not in removed)
    first = sheet.positions[removed[0]]
    offsets = sheet.nearest_image(sheet.positions[list(removed)] - first)
    return Site(kind, (first + offsets.mean(axis=0)) % sheet.cell, removed, nitrogen)


def seed(sheet, kind):
    """The site of a kind nearest the middle; a 4N site with its bond along y, always."""
    candidates = sites(sheet, kind)
    if kind == "3N":
        candidates = candidates[0::4]
    elif kind == "4N":
        pairs = sheet.positions[np.array([s.removed for s in candidates])]
        along = np.abs(sheet.nearest_image(pairs[:, 1] - pairs[:, 0])[:, 0]) < 0.1
        candidates = [s for s, vertical in zip(candidates, along) if vertical]
    return min(candidates, key=lambda s: round(np.linalg.norm(s.centre - sheet.cell / 2), 3))


def arrangements(kinds, farthest, nearest=0.0):
    """All symmetry-inequivalent pairs of sites, by separation.

    Two pairs are equal when all distances among their atoms are: removed atoms and nitrogens of
    one against those of the other. Sites that would share an atom are no pair.

    Parameters
    ----------
    kinds : tuple of str
        For example ("3N", "4N"); the first is the seed.
    farthest, nearest : float
        Separations of the centres, A.

    Returns
    -------
    list of Arrangement
        Ordered by separation; every orientation of the second site is there.
    """
    reach = farthest + 8
    columns, rows = int(np.ceil(2 * reach / LATTICE)), int(np.ceil(2 * reach / (3 * BOND)))
    sheet = graphene(columns, rows)
    first = seed(sheet, kinds[0])
    classes = {}
    for second in sites(sheet, kinds[1]):
        vector = sheet.nearest_image(second.centre - first.centre)
        separation = np.linalg.norm(vector)
        taken = {*first.removed, *first.nitrogen} & {*second.removed, *second.nitrogen}
        if nearest <= separation <= farthest + 1e-6 and not taken:
            key = round(separation, 3), *_fingerprint(sheet, first, second)
            classes.setdefault(key, []).append(vector)
    found, letters = [], {}
    for key in sorted(classes):
        vectors = sorted(classes[key], key=lambda v: (-round(v[1], 3), -round(v[0], 3)))
        length = float(np.linalg.norm(vectors[0]))
        label = f"{length:.2f}"
        letter = letters[label] = letters.get(label, -1) + 1
        name = label + "abcdefgh"[letter]
        found.append(Arrangement(tuple(kinds), vectors[0], length, name, tuple(vectors)))
    return found


def _fingerprint(sheet, first, second):
    """Sorted squared distances, in squared bond lengths (whole numbers on this lattice)."""
    parts = []
    one = {"N": first.nitrogen, "C": first.removed}
    two = {"N": second.nitrogen, "C": second.removed}
    for a, b in (("N", "N"), ("N", "C"), ("C", "N"), ("C", "C")):
        vectors = sheet.positions[list(one[a])][:, None] - sheet.positions[list(two[b])]
        squares = (sheet.nearest_image(vectors) ** 2).sum(-1) / BOND**2
        parts.append(tuple(np.sort(np.rint(squares).astype(int).ravel()).tolist()))
    if first.kind == second.kind:  # which of two equal sites is the seed does not matter
        parts[1:3] = sorted(parts[1:3])
    return tuple(parts)


def place(sheet, arrangement):
    """Put an arrangement into a periodic sheet.

    Of the equivalent directions the one is taken whose periodic images stay farthest.

    Returns
    -------
    (Site, Site), float
        And the distance from the seed to the nearest image of the second site other than the one
        meant, in A: what the energy may feel besides the pair.
    """
    shifts = np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]) * sheet.cell
    images = [np.linalg.norm(v + shifts, axis=1).min() for v in arrangement.equivalents]
    best = int(np.argmax(np.round(images, 3)))
    first = seed(sheet, arrangement.kinds[0])
    target = first.centre + arrangement.equivalents[best]
    for second in sites(sheet, arrangement.kinds[1]):
        if np.linalg.norm(sheet.nearest_image(second.centre - target)) < 0.1:
            break
    overlap = {*first.removed, *first.nitrogen} & {*second.removed, *second.nitrogen}
    if overlap or images[best] < arrangement.separation - 1e-6:
        raise DataError(
            f"{'-'.join(arrangement.kinds)} at {arrangement.name} A does not fit into a cell of "
            f"{sheet.cell[0]:.2f} A x {sheet.cell[1]:.2f} A; use a larger one"
        )
    return (first, second), float(images[best])


def structure(sheet, chosen=(), metals=()):
    """Atoms of a sheet with sites and metals.

    Parameters
    ----------
    sheet : Sheet
    chosen : sequence of Site
    metals : sequence of (str, array_like)
        Element and position (x, y, z); z = 0 is the plane.

    Returns
    -------
    Structure
        Carbon and nitrogen in the order of the sheet, metals last.
    """
    removed = {i for site in chosen for i in site.removed}
    nitrogen = {i for site in chosen for i in site.nitrogen}
    kept = [i for i in range(len(sheet.positions)) if i not in removed]
    row = {atom: index for index, atom in enumerate(kept)}
    symbols = ["N" if i in nitrogen else "C" for i in kept] + [element for element, _ in metals]
    flat = np.column_stack([sheet.positions[kept], np.zeros(len(kept))])
    positions = np.vstack([flat, *[np.reshape(place, (1, 3)) for _, place in metals]])
    between = -1
    if len(chosen) > 1:
        graph = csr_array(sheet.bonded[np.ix_(kept, kept)])
        starts, ends = ([row[i] for i in site.nitrogen] for site in chosen[:2])
        between = int(shortest_path(graph, unweighted=True, indices=starts)[:, ends].min()) - 1
    of_seed = np.array([row[i] for i in chosen[0].nitrogen] if chosen else [], int)
    return Structure(symbols, positions, np.append(sheet.cell, VACUUM), of_seed, between)
