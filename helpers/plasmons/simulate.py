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
    seen = energy > LEAST_EV
    nodes = _nodes(*energy[seen][[0, -1]])
    weights = _lagrange(nodes, energy[seen]).astype(np.float32)
    films = [film_modes(array, even) for even in (True, False)]
    responses = [response(energy[seen], film.factors, **material) for film in films]
    for at, node in enumerate(nodes):
        single = _couplings(array, places, node, beam)
        for even, film, strength in zip((True, False), films, responses):
            squared = (single[even] @ film.vectors) ** 2
            answer[:, seen] += squared @ (strength.astype(np.float32) * weights[at])
    bulk = response(energy[seen], [1.0], **material)
    answer[:, seen] += np.outer(_bulk(array, places), bulk[0])
    return beam.scale * answer.clip(0)


def film_modes(array, even):
    """Modes of a whole film that are even or odd in z.

    Returns
    -------
    FilmModes
        ``factors`` (M,) and ``vectors`` (M, M), float32: columns are modes, rows the modes of
        single cubes, cube by cube.
    """
    found = modes(array.power)
    chosen = (found.parity[:, 2] > 0) == even
    upper = found.surface.points[:, 2] > 0
    points, charges = found.surface.points[upper], found.charges[np.ix_(upper, chosen)]
    coarse = _merged(points, found.surface.areas[upper], charges)
    cubes = list(array.particles.itertuples())
    fine, rough = ([_placed(*pair, cube) for cube in cubes] for pair in ((points, charges), coarse))
    size, sign = charges.shape[1], 1 if even else -1
    matrix = np.diag(np.tile(found.factors[chosen], len(cubes)))
    for a, one in enumerate(cubes):
        for b, other in enumerate(cubes[:a]):
            apart = np.hypot(one.x_nm - other.x_nm, one.y_nm - other.y_nm)
            near = apart < NEIGHBOUR * (one.side_nm + other.side_nm) / 2
            used = fine if near else rough
            block = _energy(*used[a], *used[b], sign)
            matrix[a * size : (a + 1) * size, b * size : (b + 1) * size] = block
    factors, vectors = eigh(matrix, lower=True, overwrite_a=True, driver="evd")
    return FilmModes(factors, vectors.astype(np.float32))


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


def _energy(points, charges, others, other_charges, sign):
    """Coulomb energy of the modes of two cubes, each the upper half of mirror images."""
    level = np.subtract.outer(points[:, 0], others[:, 0]) ** 2
    level += np.subtract.outer(points[:, 1], others[:, 1]) ** 2
    kernel = 1 / np.sqrt(level + np.subtract.outer(points[:, 2], others[:, 2]) ** 2)
    kernel += np.float32(sign) / np.sqrt(level + np.add.outer(points[:, 2], others[:, 2]) ** 2)
    return charges.T @ kernel @ other_charges * (2 / (4 * np.pi))


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
