"""What a fast electron does to the modes of a particle beside or below it.

The potential of an electron that flies along z at a distance R, at energy E, goes as
2 K0(E R / (hbar v gamma)) exp(i E z / (hbar v)), in units of its charge over its speed [Garcia de
Abajo, Rev. Mod. Phys. 82, 209 (2010)]. A mode feels the sum of its charges times this potential.
Lengths are in units of the side of the particle; ``decay`` is the side times E / (hbar v).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.special import iv, k0, kv

from helpers.plasmons.particle import POWER, Modes, modes, thickness

FINE_STRUCTURE = 7.2973525693e-3
HBAR_C_EV_NM = 197.3269804
REST_KEV = 510.99895

NEAR = 1.0  # |x| and |y| of beams whose couplings are tabulated; beyond they are a series
STEP = 0.04  # of the table
ORDERS = 9  # of the series around the axis of the particle


@dataclass(frozen=True)
class Beam:
    """Electrons of one speed.

    Attributes
    ----------
    voltage_kv : float
        Acceleration voltage.
    """

    voltage_kv: float = 60.0

    @property
    def gamma(self):
        """Lorentz factor, 1.117 at 60 kV."""
        return 1 + self.voltage_kv / REST_KEV

    @property
    def beta(self):
        """Speed over that of light, 0.446 at 60 kV."""
        return np.sqrt(1 - self.gamma**-2)

    def per_nm(self, energy_ev):
        """E / (hbar v) (1/nm): the field reaches as far as its inverse, 88 nm at 1 eV, 60 kV."""
        return np.asarray(energy_ev, float) / (HBAR_C_EV_NM * self.beta)

    @property
    def scale(self):
        """From squared couplings (nm) times Im 1 / (x + n) to losses per eV."""
        return FINE_STRUCTURE / (4 * np.pi**2 * HBAR_C_EV_NM * self.beta**2)


def couple(x, y, decay, gamma, power=POWER):
    """Couplings of beams to the modes of one particle.

    Parameters
    ----------
    x, y : array (P,)
        Places of the beams from the middle of the particle, along its edges, in units of its side.
    decay : float
        Side times E / (hbar v).
    gamma : float
        Lorentz factor of the electron.
    power : float
        Of the superellipsoid.

    Returns
    -------
    numpy.ndarray (P, K)
        Real; a coupling to a mode odd in z is the amount of an imaginary number, and does not
        interfere with one to an even mode. In units of side^(1/2).
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    found = modes(power)
    answer = np.empty((len(x), len(found.factors)))
    near = np.maximum(np.abs(x), np.abs(y)) < NEAR
    # the table forgets a few per cent of difference in `decay` between particles: see `_table`
    where = np.abs(np.stack([y[near], x[near]])) / STEP
    signs = np.where(x[near, None] < 0, found.parity[:, 0], 1)
    signs = signs * np.where(y[near, None] < 0, found.parity[:, 1], 1)
    for mode, sheet in enumerate(_table(round(decay, 3), gamma, power)):
        answer[near, mode] = map_coordinates(sheet, where, order=1, mode="nearest")
    answer[near] *= signs
    answer[~near] = _series(found, x[~near], y[~near], decay, gamma)
    return answer


def exact(found: Modes, x, y, decay, gamma):
    """Couplings (P, K) as the sum over all charges; `couple` is faster."""
    points = found.surface.points
    gaps = np.hypot(np.subtract.outer(x, points[:, 0]), np.subtract.outer(y, points[:, 1]))
    # a beam through a patch sees a disc of its area: the mean of ln R is that at 0.6 radii
    gaps = np.maximum(gaps, 0.6 * np.sqrt(found.surface.areas / np.pi))
    return 2 * k0(decay / gamma * gaps) @ _along_z(found, decay, gamma)


def bulk_strength(x, y, cutoff, power=POWER):
    """Squared coupling to the bulk plasmon of beams through a particle.

    The squared field of the electron over the particle, less what its surface modes take of it
    (the begrenzung). The field is that of a static line of charge; it is cut off near the beam.

    Parameters
    ----------
    x, y : array_like
        As in `couple`; beams beside the particle get 0.
    cutoff : float
        Side times the largest wave number of the plasmon.
    power : float

    Returns
    -------
    numpy.ndarray
        In units of the side.
    """
    x, y = np.broadcast_arrays(np.abs(x), np.abs(y))
    where = np.stack([y, x]) / STEP
    inside = map_coordinates(_bulk_table(round(cutoff), power), where, order=1, mode="nearest")
    return np.where(thickness(x, y, power) > 0, inside, 0.0)


def _along_z(found, decay, gamma):
    """Charges with the phase of the electron; the field along z is weaker by gamma squared."""
    phase = decay * found.surface.points[:, 2:]
    even = found.parity[:, 2] > 0
    return found.charges * np.where(even, np.cos(phase), np.sin(phase) / gamma**2)


def _grid():
    steps = np.arange(0, NEAR + STEP, STEP)
    return [side.ravel() for side in np.meshgrid(steps, steps)], len(steps)


@lru_cache(maxsize=32)
def _table(decay, gamma, power):
    """Couplings (K, Y, X) on a quadrant of places; mirrors give the other three."""
    (x, y), n = _grid()
    return exact(modes(power), x, y, decay, gamma).T.reshape(-1, n, n)


def _series(found, x, y, decay, gamma):
    """Couplings of beams beside the particle: Graf's addition theorem for K0."""
    reach = decay / gamma
    across = np.hypot(*found.surface.points[:, :2].T)
    turn = np.arctan2(found.surface.points[:, 1], found.surface.points[:, 0])
    charges = _along_z(found, decay, gamma)
    argument, angle = reach * np.hypot(x, y), np.arctan2(y, x)
    below, here = k0(argument), kv(1, argument)
    total = 2 * np.outer(below, iv(0, reach * across) @ charges)
    for order in range(1, ORDERS):
        weight = iv(order, reach * across)
        cosine = (weight * np.cos(order * turn)) @ charges
        sine = (weight * np.sin(order * turn)) @ charges
        total += 4 * np.outer(here * np.cos(order * angle), cosine)
        total += 4 * np.outer(here * np.sin(order * angle), sine)
        below, here = here, below + 2 * order / argument * here
    return total


@lru_cache(maxsize=8)
def _bulk_table(cutoff, power):
    (x, y), n = _grid()
    angle = (np.arange(48) + 0.5) / 48 * 2 * np.pi
    # the square of 2 / R over the area is an integral over ln R
    logs = np.linspace(np.log(1 / cutoff), np.log(1.5), 97)
    radius, width = np.exp(logs), np.gradient(logs)
    width[[0, -1]] /= 2
    total = np.zeros(len(x))
    for a in angle:
        right, up = x[:, None] + radius * np.cos(a), y[:, None] + radius * np.sin(a)
        total += 4 * (thickness(right, up, power) @ width) * 2 * np.pi / len(angle)
    surface = exact(modes(power), x, y, 0.1, 1.0)[:, modes(power).parity[:, 2] > 0]
    return np.clip(total - (surface**2).sum(1), 0, None).reshape(n, n)
