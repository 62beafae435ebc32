"""From a window of the dark-field image to a list of cubes, with the film around it, and back.

A window is 24 nm wide, and plasmons see farther. To simulate what an electron at its middle would
lose, something must stand around it: here every site of the lattice that the window does not show
repeats the nearest one that it does, empty or with a cube, with the scatter and the vacancies of
the films. The rule is the same for measured windows, decoded ones and made ones, so that they can
be compared; an island of that radius is what would have to be built.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import least_squares

from helpers.data import DataError
from helpers.plasmons.arrays import (
    GAP_NM,
    PIXEL_NM,
    PLACE_SCATTER_NM,
    SIDE_NM,
    SIDE_SCATTER,
    VACANCIES,
    ParticleArray,
    apart,
)
from helpers.plasmons.pairs import WINDOW
from helpers.plasmons.particle import thickness
from helpers.plasmons.recording import ENERGY_EV, Instrument
from helpers.plasmons.simulate import loss_probability

MICROSCOPE = Instrument()
PITCH_NM = SIDE_NM + GAP_NM
REACH_NM = 45.0  # of the film that is simulated around the beam
ANGLES_DEG = np.arange(-45, 45, 3.0)  # of the lattice; a quarter turn changes nothing
ORIGINS = 8  # along an edge of the cell
SEEN = 0.12  # least share of a cube inside the window for the window to tell whether it is there
FILLED = 0.5  # least amount over that of a whole cube
PLACE_NM, SIDE_SD_NM, NOISE_NM = 1.0, 0.65, 0.6  # scatter expected of places, sides and images
SIDES_NM = (0.85 * SIDE_NM, 1.15 * SIDE_NM)

_STEPS = (np.arange(WINDOW) - WINDOW // 2) * PIXEL_NM
PIXELS = np.stack([side.ravel() for side in np.meshgrid(_STEPS, _STEPS)], 1)
"""Middles (x, y) of the pixels of a window from the one its spectrum belongs to."""


@dataclass(frozen=True)
class Sites:
    """A piece of a film around the beam, which stands at (0, 0).

    Attributes
    ----------
    places_nm : numpy.ndarray (K, 2)
        Middles (x, y) of the sites of the lattice that the window shows.
    sides_nm : numpy.ndarray (K,)
    filled : numpy.ndarray (K,) of bool
        Whether a cube stands there.
    angle_deg : float
        Of the lattice and of all cubes.
    origin_nm : numpy.ndarray (2,)
        A site of the ideal lattice.
    surroundings : int
        Seed of the scatter and the vacancies of what the window does not show.
    """

    places_nm: np.ndarray
    sides_nm: np.ndarray
    filled: np.ndarray
    angle_deg: float
    origin_nm: np.ndarray
    surroundings: int = 0

    def particles(self, reach_nm=REACH_NM):
        """All cubes with a middle that close to the beam, as `ParticleArray` takes them.

        Cubes that would touch are pushed apart as those of the films are.
        """
        places, sides = self._cubes(reach_nm)
        return pd.DataFrame(
            {"x_nm": places[:, 0], "y_nm": places[:, 1], "side_nm": sides,
             "angle_deg": self.angle_deg}
        )  # fmt: skip

    def window(self):
        """Thickness (w, w) in nm that a window around the beam shows."""
        places, sides = self._cubes(PITCH_NM + 18)
        return _rendered(places, sides, self.angle_deg).reshape(WINDOW, WINDOW)

    def _cubes(self, reach_nm):
        beyond, more = self._beyond(reach_nm)
        places = np.concatenate([self.places_nm[self.filled], beyond])
        sides = np.concatenate([self.sides_nm[self.filled], more])
        if len(places):
            places = apart(places, sides, np.deg2rad(self.angle_deg))
        return places, sides

    def _beyond(self, reach_nm):
        """Cubes that the window does not show: sites are as the nearest that it does."""
        rng = np.random.default_rng(self.surroundings)
        number = int(np.ceil(REACH_NM / PITCH_NM)) + 3
        steps = np.mgrid[-number : number + 1, -number : number + 1].reshape(2, -1).T
        scatter = rng.normal(0, PLACE_SCATTER_NM, steps.shape)
        sides = SIDE_NM * (1 + SIDE_SCATTER * rng.normal(size=len(steps)).clip(-2, 2))
        kept = rng.random(len(steps)) > VACANCIES
        ideal = _turn(steps * PITCH_NM, self.angle_deg) + self.origin_nm
        kept &= np.hypot(*ideal.T) <= reach_nm
        ideal, scatter, sides = ideal[kept], scatter[kept], sides[kept]
        gaps = ideal[:, None] - self.places_nm[None]
        far = np.hypot(gaps[..., 0], gaps[..., 1])
        new = (far.min(1) > PITCH_NM / 2) & self.filled[far.argmin(1)]
        return (ideal + scatter)[new], sides[new]


def thickness_of(counts, instrument=MICROSCOPE):
    """Thickness (nm) of the cubes behind counts of the dark-field detector."""
    return 10 * np.asarray(counts, float) / instrument.haadf_electrons - instrument.membrane_nm


def segment(window_nm):
    """Find the cubes of a window.

    A square lattice of the mean pitch is laid over the window, with the angle and origin at which
    cubes on its sites explain most of it; then place and side of every cube are fitted.

    Parameters
    ----------
    window_nm : array (w, w)
        Thickness, `thickness_of` a window as wide as those of `helpers.plasmons.pairs`.

    Returns
    -------
    Sites
    """
    image = np.asarray(window_nm, float)
    if image.shape != (WINDOW, WINDOW):
        raise DataError(f"A window has shape {image.shape}: expected {WINDOW} x {WINDOW} pixels.")
    angle, origin, places, filled = _lattice(image.ravel())
    sides = np.full(len(places), SIDE_NM)
    if filled.any():
        start = np.column_stack([places, sides])[filled]
        found, angle = _refined(image.ravel(), start, angle)
        places[filled], sides[filled] = found[:, :2], found[:, 2]
    return Sites(places, sides, filled, angle, origin)


def simulated_spectrum(sites, energy_ev=None, instrument=MICROSCOPE):
    """Loss per eV at the beam, widened by the resolution, by the physics of the films.

    Parameters
    ----------
    sites : Sites
        With a cube at least.
    energy_ev : array (E,), optional
        Some of `helpers.plasmons.recording.ENERGY_EV`; by default those from 0.2 eV on.
    instrument : Instrument
    """
    wanted = ENERGY_EV[80:] if energy_ev is None else np.asarray(energy_ev, float)
    array = ParticleArray(sites.particles(), (1, 1), PIXEL_NM)
    loss = loss_probability(array, ENERGY_EV, [[0.0, 0.0]])[0]
    step = ENERGY_EV[1] - ENERGY_EV[0]
    widened = gaussian_filter1d(loss, instrument.resolution_ev / 2.3548 / step)
    return np.interp(wanted, ENERGY_EV, widened)


def mutated(sites, rng):
    """A neighbour of a geometry: moved, turned, a cube more or less, sides and places changed."""
    filled = sites.filled.copy()
    if rng.random() < 0.3:
        at = rng.integers(len(filled))
        filled[at] = not filled[at]
    places = sites.places_nm + rng.normal(0, 0.4, sites.places_nm.shape)
    sides = (sites.sides_nm + rng.normal(0, 0.4, len(filled))).clip(*SIDES_NM)
    move, turn = rng.normal(0, 1.5, 2), rng.normal(0, 3.0)
    return replace(
        sites, places_nm=_turn(places, turn) + move, sides_nm=sides, filled=filled,
        angle_deg=sites.angle_deg + turn, origin_nm=_turn(sites.origin_nm, turn) + move,
    )  # fmt: skip


def _lattice(image):
    """Angle, origin and sites of the lattice that explains most of a flat window."""
    x, y = PIXELS.T
    best = (np.inf,)
    steps = (np.arange(ORIGINS) + 0.5) / ORIGINS * PITCH_NM
    shifts = np.stack([side.ravel() for side in np.meshgrid(steps, steps)], 1)
    for angle in ANGLES_DEG:
        u, v = _turn(np.stack([x, y], 1), -angle).T
        cells, offsets = [], []
        for along, shift in ((u, shifts[:, 0]), (v, shifts[:, 1])):
            from_origin = (along[None] - shift[:, None]) / PITCH_NM
            cells.append(np.rint(from_origin).astype(int))
            offsets.append((from_origin - cells[-1]) * PITCH_NM / SIDE_NM)
        template = SIDE_NM * thickness(*offsets)
        site = (cells[0] + 3) * 7 + cells[1] + 3 + 49 * np.arange(len(shifts))[:, None]
        sums = [np.bincount(site.ravel(), part.ravel(), 49 * len(shifts)).reshape(-1, 49)
                for part in (image * template, template**2)]  # fmt: skip
        amount = (sums[0] / np.maximum(sums[1], 1e-9)).clip(0, 1.2)
        gain = (amount * (2 * sums[0] - amount * sums[1])).sum(1)
        if -gain.max() < best[0]:
            k = gain.argmax()
            best = (-gain[k], angle, shifts[k], amount[k], sums[1][k])
    _, angle, shift, amount, shown = best
    fine = (np.arange(-20, 20) + 0.5) * PIXEL_NM / SIDE_NM
    whole = ((SIDE_NM * thickness(*np.meshgrid(fine, fine))) ** 2).sum()
    seen = np.flatnonzero(shown > SEEN * whole)
    steps = np.stack([seen // 7 - 3, seen % 7 - 3], 1)
    places = _turn(steps * PITCH_NM + shift, angle)
    return float(angle), _turn(shift, angle), places, amount[seen] > FILLED


def _refined(image, start, angle):
    """Places, sides and angle of cubes fitted to a flat window, held near where they started."""

    def left(flat):
        cubes = flat[1:].reshape(-1, 3)
        pull = (cubes - start) / [PLACE_NM, PLACE_NM, SIDE_SD_NM]
        off = _rendered(cubes[:, :2], cubes[:, 2], 10 * flat[0]) - image
        return np.concatenate([off / NOISE_NM, 0.5 * pull.ravel()])

    # the angle in tens of degrees changes the image about as much as a place in nm
    found = least_squares(left, np.append(angle / 10, start.ravel()), max_nfev=12).x
    cubes = found[1:].reshape(-1, 3)
    cubes[:, 2] = cubes[:, 2].clip(*SIDES_NM)
    return cubes, float(10 * found[0])


def _turn(points, angle_deg):
    """Points (..., 2) turned from x towards y."""
    angle = np.deg2rad(angle_deg)
    c, s = np.cos(angle), np.sin(angle)
    return points @ np.array([[c, s], [-s, c]])


def _rendered(places, sides, angle):
    """Thickness (w * w,) that a window shows of cubes."""
    x, y = _turn(PIXELS, -angle).T
    a, b = _turn(places, -angle).T
    near = np.maximum(np.abs(x[:, None] - a), np.abs(y[:, None] - b)) < sides / 2
    pixel, cube = np.nonzero(near)
    side = sides[cube]
    depth = side * thickness((x[pixel] - a[cube]) / side, (y[pixel] - b[cube]) / side)
    return np.bincount(pixel, depth, len(x))
