"""Films of nanocubes, one layer thick, with the disorder of self-assembly.

A square lattice with scatter in place, size and angle, missing cubes, a hole, and a wavy edge
beyond which there is only the membrane. The film continues beyond the field of view.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.data import DataError
from helpers.plasmons.particle import POWER, thickness

SHAPE = (61, 74)  # (rows, columns): 2714 windows of 16 x 16 pixels, as in the paper
PIXEL_NM = 1.5  # a window is 24 nm wide: one particle with its neighbours
SIDE_NM, SIDE_SCATTER = 13.0, 0.05
GAP_NM, LEAST_GAP_NM = 2.5, 1.2
PLACE_SCATTER_NM = 0.5
ANGLE_SCATTER_DEG = 3.0
VACANCIES = 0.04
HOLE_NM = 17.0  # radius
OUTSIDE = 0.25  # share of the field beyond the edge of the film
WAVE_NM = 6.0  # of the edge
MARGIN_NM = 20.0  # of film simulated beyond the field of view
BASES = {"square": ((1, 0), (0, 1)), "hexagonal": ((1, 0), (0.5, 0.75**0.5))}


@dataclass(frozen=True)
class ParticleArray:
    """Particles and the field of view that looks at them.

    Attributes
    ----------
    particles : pandas.DataFrame
        One row per particle: ``x_nm``, ``y_nm`` of its middle from the centre of the first pixel,
        ``side_nm`` (its height too) and ``angle_deg``, from x towards y.
    shape : tuple of int
        Rows and columns of the field.
    pixel_nm : float
    power : float
        Of the superellipsoids: 8 for cubes with rounded edges, 2 for spheres.
    """

    particles: pd.DataFrame
    shape: tuple
    pixel_nm: float
    power: float = POWER

    def places_nm(self):
        """Middles of the pixels (rows * columns, 2) as x, y."""
        rows, columns = self.shape
        y, x = np.mgrid[:rows, :columns] * self.pixel_nm
        return np.stack([x.ravel(), y.ravel()], 1)

    def thickness_nm(self, places=None):
        """Thickness (P,) at places (P, 2); by default at the pixels, (rows, columns)."""
        if places is None:
            return self.thickness_nm(self.places_nm()).reshape(self.shape)
        total = np.zeros(len(places))
        for cube in self.particles.itertuples():
            x, y = own_frame(places, cube)
            total += cube.side_nm * thickness(x, y, self.power)
        return total


def own_frame(places, cube):
    """Places (P, 2) from the middle of a cube, along its edges, in units of its side: x, y."""
    angle = np.deg2rad(cube.angle_deg)
    x, y = places[:, 0] - cube.x_nm, places[:, 1] - cube.y_nm
    right = (x * np.cos(angle) + y * np.sin(angle)) / cube.side_nm
    down = (y * np.cos(angle) - x * np.sin(angle)) / cube.side_nm
    return right, down


def draw_array(
    seed, shape=SHAPE, pixel_nm=PIXEL_NM, side_nm=SIDE_NM, gap_nm=GAP_NM, tilt_deg=None,
    lattice="square",
):  # fmt: skip
    """Draw a film of nanocubes.

    Parameters
    ----------
    seed : int
        Of everything: equal seeds give equal films.
    shape : tuple of int
        Rows and columns of the field of view.
    pixel_nm : float
    side_nm, gap_nm : float
        Means of the sides and of the gaps between them.
    tilt_deg : float, optional
        Of the lattice; by default within 15 degrees of the field.
    lattice : {"square", "hexagonal"}

    Returns
    -------
    ParticleArray

    Raises
    ------
    DataError
        The field is narrower than four lattice spacings, or a length is not positive.
    """
    spacing = side_nm + gap_nm
    if min(pixel_nm, side_nm, gap_nm) <= 0:
        raise DataError(
            f"pixel_nm={pixel_nm}, side_nm={side_nm}, gap_nm={gap_nm}: all must be positive."
        )
    size = np.array([shape[1], shape[0]]) * pixel_nm
    if size.min() < 4 * spacing:
        raise DataError(
            f"The field is {size[0]:g} x {size[1]:g} nm: a hole and an edge need at least"
            f" {4 * spacing:g} nm a side; take more or larger pixels."
        )
    rng = np.random.default_rng(seed)
    tilt = rng.uniform(-15, 15) if tilt_deg is None else tilt_deg
    lattice = _lattice(rng, size, spacing * np.array(BASES[lattice]), tilt)
    outward = rng.uniform(0, 2 * np.pi)
    film = _inside_film(rng, lattice, size, outward)
    middle = size / 2 - 0.18 * size * [np.cos(outward), np.sin(outward)]
    hole = np.hypot(*(lattice - middle - rng.normal(0, 4, 2)).T) < HOLE_NM
    kept = film & ~hole & (rng.random(len(lattice)) > VACANCIES)
    lattice = lattice[kept] + rng.normal(0, PLACE_SCATTER_NM, (kept.sum(), 2))
    sides = side_nm * (1 + SIDE_SCATTER * rng.normal(size=len(lattice)).clip(-2, 2))
    lattice = apart(lattice, sides, np.deg2rad(tilt))
    particles = pd.DataFrame(
        {
            "x_nm": lattice[:, 0],
            "y_nm": lattice[:, 1],
            "side_nm": sides,
            "angle_deg": tilt + ANGLE_SCATTER_DEG * rng.normal(size=len(lattice)).clip(-2, 2),
        }
    )
    return ParticleArray(particles, tuple(shape), pixel_nm)


def _lattice(rng, size, basis, tilt):
    """Points of a turned lattice in the field and its margin."""
    reach = int(np.ceil(np.hypot(*size) / basis[1, 1])) + 2
    steps = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1).T + rng.random(2)
    angle = np.deg2rad(tilt)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    points = steps @ basis @ turn + size / 2
    return points[((points > -MARGIN_NM) & (points < size + MARGIN_NM)).all(1)]


def _inside_film(rng, points, size, outward):
    """Whether points lie on the film: up to a wavy line that leaves `OUTSIDE` of the field."""
    ahead = np.array([np.cos(outward), np.sin(outward)])
    wave, phase = rng.uniform(40, 80), rng.uniform(0, 2 * np.pi)

    def height(places):
        along = places @ [-ahead[1], ahead[0]]
        return places @ ahead + WAVE_NM * np.sin(2 * np.pi * along / wave + phase)

    field = np.stack(np.meshgrid(*[np.linspace(0, s, 60) for s in size]), -1).reshape(-1, 2)
    return height(points) < np.quantile(height(field), 1 - OUTSIDE)


def apart(points, sides, tilt):
    """Push cubes that would come closer than `LEAST_GAP_NM` apart, along an edge."""
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    local = points @ turn
    least = np.add.outer(sides, sides) / 2 * 1.03 + LEAST_GAP_NM  # 1.03: turned cubes are wider
    for _ in range(50):
        gaps = local[:, None] - local[None]
        far = np.abs(gaps).max(-1)
        np.fill_diagonal(far, np.inf)
        near = np.argwhere(np.triu(far < least - 1e-6))
        if not len(near):
            break
        for a, b in near:
            axis = np.abs(gaps[a, b]).argmax()
            push = (least[a, b] - far[a, b]) / 2 * np.sign(gaps[a, b, axis])
            local[a, axis] += push
            local[b, axis] -= push
    return local @ turn.T
