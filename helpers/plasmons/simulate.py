"""Energy losses of an electron over a film of nanocubes, from coupled oscillators.

Every cube has the surface modes of `helpers.plasmons.particle`; their charges act on each other by
Coulomb's law. As all cubes share one permittivity, the modes of the whole film come from one
symmetric eigenproblem, whatever the energy: mode k has depolarisation factor n_k, responds as
Im 1 / (x + n_k), and the electron at R loses energy at the rate of its squared coupling to k.

Left out: retardation (wavelengths are ten times the field), image charges in the membrane beyond a
mean permittivity of the surroundings, and tilt.
"""

from collections import namedtuple

import numpy as np
from scipy.linalg import eigh

from helpers.data import DataError
from helpers.plasmons.arrays import ParticleArray, own_frame
from helpers.plasmons.electron import Beam, bulk_strength, couple
from helpers.plasmons.particle import modes
from helpers.plasmons.permittivity import BULK_CUTOFF_PER_NM, response

LEAST_EV = 0.02  # below it nothing but the zero-loss peak is seen, and Drude's formula diverges
NODES = 5  # energies at which couplings are computed; they are polynomials in between
NEIGHBOUR = 1.7  # sides: pairs closer than this meet with all their patches

BEAM = Beam()
FilmModes = namedtuple("FilmModes", "factors vectors")


def loss_probability(array: ParticleArray, energy_ev, places_nm=None, beam=BEAM, **material):
    """Loss probability of an electron.

    Parameters
    ----------
    array : ParticleArray
    energy_ev : array (E,)
        Increasing energies (eV); losses below `LEAST_EV` are 0.
    places_nm : array (P, 2), optional
        x and y of the beam; the middles of all pixels by default.
    beam : Beam
    **material
        As `helpers.plasmons.permittivity.response` takes it.

    Returns
    -------
    numpy.ndarray (P, E), float32
        Probability per eV, without instrument.

    Raises
    ------
    DataError
        Energies do not increase or none is above `LEAST_EV`, or there is no particle.
    """
    energy = np.asarray(energy_ev, float)
    if energy.ndim != 1 or (np.diff(energy) <= 0).any() or energy[-1] <= LEAST_EV:
        raise DataError(f"energies must increase to above {LEAST_EV} eV, got {energy_ev}.")
    if not len(array.particles):
        raise DataError("The array holds no particle: there is nothing to excite.")
    places = array.places_nm() if places_nm is None else np.asarray(places_nm, float)
    answer = np.zeros((len(places), len(energy)), np.float32)
    seen = slice(np.searchsorted(energy, LEAST_EV, "right"), None)
    nodes = _nodes(*energy[seen][[0, -1]])
    weights = _lagrange(nodes, energy[seen]).astype(np.float32)
    films = film_modes(array)
    strengths = {
        even: response(energy[seen], film.factors, **material).astype(np.float32)
        for even, film in films.items()
    }
    for at, node in enumerate(nodes):
        single = _couplings(array, places, node, beam)
        for even, film in films.items():
            squared = (single[even] @ film.vectors) ** 2
            answer[:, seen] += squared @ (strengths[even] * weights[at])
    bulk = response(energy[seen], [1.0], **material)
    answer[:, seen] += np.outer(_bulk(array, places), bulk[0])
    return float(beam.scale) * answer.clip(0)


def film_modes(array):
    """Modes of a whole film.

    Returns
    -------
    dict
        True -> `FilmModes` even in z, False -> those odd in z: ``factors`` (M,) and ``vectors``
        (M, M), float32, whose columns are modes and whose rows are modes of single particles,
        particle by particle.
    """
    found = modes(array.power)
    even = found.parity[:, 2] > 0
    upper = found.surface.points[:, 2] > 0
    fine = found.surface.points[upper], found.charges[upper]
    rough = _merged(fine[0], found.surface.areas[upper], fine[1])
    cubes = list(array.particles.itertuples())
    placed = {near: [_placed(*kind, cube) for cube in cubes] for near, kind in
              ((True, fine), (False, rough))}  # fmt: skip
    matrices = {
        which: np.diag(np.tile(found.factors[even == which], len(cubes))) for which in (True, False)
    }
    for a, one in enumerate(cubes):
        for b, other in enumerate(cubes[:a]):
            apart = np.hypot(one.x_nm - other.x_nm, one.y_nm - other.y_nm)
            used = placed[apart < NEIGHBOUR * (one.side_nm + other.side_nm) / 2]
            for which, block in _energies(used[a], used[b], even).items():
                rows, columns = (slice(k * len(block), (k + 1) * len(block)) for k in (a, b))
                matrices[which][rows, columns] = block
    solved = {
        which: eigh(matrix, lower=True, overwrite_a=True, driver="evd")
        for which, matrix in matrices.items()
    }
    return {
        which: FilmModes(factors, vectors.astype(np.float32))
        for which, (factors, vectors) in solved.items()
    }


def _placed(points, charges, cube):
    """Points (nm) and charges of a cube; of its upper half, as the lower is its mirror image."""
    angle = np.deg2rad(cube.angle_deg)
    x, y, z = cube.side_nm * points.T
    right = x * np.cos(angle) - y * np.sin(angle) + cube.x_nm
    down = x * np.sin(angle) + y * np.cos(angle) + cube.y_nm
    placed = np.stack([right, down, z], 1), charges * np.sqrt(cube.side_nm)
    return tuple(part.astype(np.float32) for part in placed)


def _merged(points, areas, charges):
    """One patch for every few: those in one cell of a grid of a sixth of the side."""
    cells = np.floor(points * 6 - 1e-9)
    _, cell = np.unique(cells, axis=0, return_inverse=True)
    share = np.eye(cell.max() + 1)[cell.ravel()].T
    middles = share @ (points * areas[:, None]) / (share @ areas)[:, None]
    return middles, share @ charges


def _energies(one, other, even):
    """Coulomb energies of the modes of two cubes: even in z? -> (K, K).

    Cubes are the upper halves of mirror images, with which the lower halves act alike.
    """
    (points, charges), (others, other_charges) = one, other
    level = np.subtract.outer(points[:, 0], others[:, 0]) ** 2
    level += np.subtract.outer(points[:, 1], others[:, 1]) ** 2
    direct = 1 / np.sqrt(level + np.subtract.outer(points[:, 2], others[:, 2]) ** 2)
    mirror = 1 / np.sqrt(level + np.add.outer(points[:, 2], others[:, 2]) ** 2)
    return {
        which: charges[:, even == which].T @ kernel @ other_charges[:, even == which] / (2 * np.pi)
        for which, kernel in ((True, direct + mirror), (False, direct - mirror))
    }


def _couplings(array, places, energy, beam):
    """Couplings of beams to the modes of single cubes at one energy: even? -> (P, cubes * K)."""
    even = modes(array.power).parity[:, 2] > 0
    # one decay for all cubes: their sides differ by a few per cent, see `couple`
    decay = float(beam.per_nm(energy) * array.particles.side_nm.mean())
    parts = {True: [], False: []}
    for cube in array.particles.itertuples():
        x, y = own_frame(places, cube)
        both = couple(x, y, decay, beam.gamma, array.power).astype(np.float32) * np.sqrt(
            cube.side_nm
        )
        for which in parts:
            parts[which].append(both[:, even == which])
    return {which: np.concatenate(blocks, 1) for which, blocks in parts.items()}


def _bulk(array, places):
    total = np.zeros(len(places))
    cutoff = BULK_CUTOFF_PER_NM * array.particles.side_nm.mean()
    for cube in array.particles.itertuples():
        total += cube.side_nm * bulk_strength(*own_frame(places, cube), cutoff, array.power)
    return total


def _nodes(low, high):
    """Chebyshev points of an interval of energies."""
    turn = np.pi * (np.arange(NODES) + 0.5) / NODES
    return (low + high) / 2 - (high - low) / 2 * np.cos(turn)


def _lagrange(nodes, energy):
    """Weights (nodes, E) with which values at the nodes make the polynomial through them."""
    gaps = nodes[:, None] - nodes[None]
    weights = np.ones((len(nodes), len(energy)))
    for k in range(len(nodes)):
        for other in range(len(nodes)):
            if other != k:
                weights[k] *= (energy - nodes[other]) / gaps[k, other]
    return weights
