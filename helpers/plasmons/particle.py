"""The plasmon modes of one particle in the electrostatic limit.

Inside a particle of one permittivity the polarisation of a surface mode is the gradient of a
harmonic function, so its charge sits on the surface. Rayleigh and Ritz: on harmonic polynomials,
the electrostatic energy of that surface charge over the norm of the polarisation is stationary at
the depolarisation factors n of the modes; a mode resonates where 1 / (permittivity - 1) = -n. For
a sphere every polynomial is a mode and n = l / (2 l + 1). The formulation is that of Ouyang and
Isaacson 1989 and of Boudarham and Kociak 2012; harmonic polynomials as its basis are our choice.

Modes do not depend on the size of the particle. All lengths here are in units of its side.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.linalg import eigh

POWER = 8.0  # |2x|^8 + |2y|^8 + |2z|^8 = 1: a cube with rounded edges
DEGREE = 5  # of the polynomials: 35 modes
PATCHES = 12  # along each edge of the cube that is inflated to the surface
# The sum of 1 / distance over a square lattice without its origin differs from the integral by this
# over the pitch (Epstein's zeta function, -3.90026...): what a patch adds at its own middle.
OWN_PATCH = 3.900265


@dataclass(frozen=True)
class Surface:
    """Patches of a closed surface around the origin.

    Attributes
    ----------
    points, normals : numpy.ndarray (N, 3)
        Middles of the patches and outward unit normals.
    areas : numpy.ndarray (N,)
    """

    points: np.ndarray
    normals: np.ndarray
    areas: np.ndarray


@dataclass(frozen=True)
class Modes:
    """Plasmon modes of one particle, normalised to a polarisation of unit norm.

    Attributes
    ----------
    factors : numpy.ndarray (K,)
        Depolarisation factors.
    parity : numpy.ndarray (K, 3)
        +1 or -1: what a mirror along x, y and z does to the potential of the mode.
    charges : numpy.ndarray (N, K)
        Charge on every patch.
    surface : Surface
    """

    factors: np.ndarray
    parity: np.ndarray
    charges: np.ndarray
    surface: Surface


def superellipsoid(power=POWER, patches=PATCHES):
    """Surface |2x|^p + |2y|^p + |2z|^p = 1: a sphere for p = 2, nearly a cube from 8 on.

    Parameters
    ----------
    power : float
    patches : int
        Along each edge of the cube whose faces are projected onto the surface.

    Returns
    -------
    Surface
        6 patches^2 patches.
    """
    steps = (np.arange(patches) + 0.5) / patches * 2 - 1
    u, v = (side.ravel() for side in np.meshgrid(steps, steps))
    face = np.stack([u, v, np.ones_like(u)], -1)
    cube = np.concatenate(
        [np.roll(face * sign, axis, axis=-1) for axis in range(3) for sign in (1, -1)]
    )
    size = np.linalg.norm(cube, axis=1)
    points = cube / (2 * (np.abs(cube) ** power).sum(1) ** (1 / power))[:, None]
    normals = np.sign(points) * np.abs(2 * points) ** (power - 1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    distance = np.linalg.norm(points, axis=1)
    # area = r^2 times solid angle over the cosine between normal and radius
    solid = (2 / patches) ** 2 / size**3
    areas = distance**3 * solid / (points * normals).sum(1)
    return Surface(points, normals, areas)


def solid_harmonics(points, degree):
    """Harmonic polynomials of degree 1 to `degree`, with gradients.

    Recurrences of the regular solid harmonics r^l P_l^m exp(i m phi) / (l + m)!, real and
    imaginary part.

    Parameters
    ----------
    points : array (N, 3)
    degree : int

    Returns
    -------
    values : numpy.ndarray (N, K)
        K = (degree + 1)^2 - 1.
    gradients : numpy.ndarray (N, K, 3)
    parity : numpy.ndarray (K, 3)
        Sign under a mirror along x, y and z.
    """
    x, y, z = np.asarray(points, float).T
    square = x**2 + y**2 + z**2
    zero = np.zeros(len(x), complex)
    solid = {(0, 0): zero + 1}
    for m in range(degree + 1):
        if m:
            solid[m, m] = -(x + 1j * y) / (2 * m) * solid[m - 1, m - 1]
        for n in range(m, degree):
            below = solid.get((n - 1, m), zero)
            above = (2 * n + 1) * z * solid[n, m] - square * below
            solid[n + 1, m] = above / ((n + 1) ** 2 - m**2)

    def at(n, m):  # negative orders mirror the positive ones
        if abs(m) > n:
            return zero
        return solid[n, m] if m >= 0 else (-1) ** m * solid[n, -m].conj()

    values, gradients, parity = [], [], []
    for n in range(1, degree + 1):
        for m in range(n + 1):
            plus, minus = at(n - 1, m + 1), -at(n - 1, m - 1)  # d/dx + i d/dy, d/dx - i d/dy
            slope = np.stack([(plus + minus) / 2, (plus - minus) / 2j, at(n - 1, m)], -1)
            up = (-1) ** (n - m)
            values.append(solid[n, m].real)
            gradients.append(slope.real)
            parity.append(((-1) ** m, 1, up))
            if m:
                values.append(solid[n, m].imag)
                gradients.append(slope.imag)
                parity.append(((-1) ** (m - 1), -1, up))
    return np.stack(values, 1), np.stack(gradients, 1), np.array(parity)


@lru_cache(maxsize=8)
def modes(power=POWER, degree=DEGREE, patches=PATCHES):
    """Plasmon modes of one particle.

    Parameters
    ----------
    power : float
        Of the `superellipsoid`.
    degree : int
        Largest degree of the polynomials.
    patches : int

    Returns
    -------
    Modes
        Those even in z first; in each half by depolarisation factor.
    """
    surface = superellipsoid(power, patches)
    values, gradients, parity = solid_harmonics(surface.points, degree)
    charges = (gradients * surface.normals[:, None, :]).sum(-1) * surface.areas[:, None]
    norm = values.T @ charges
    norm = (norm + norm.T) / 2
    energy = charges.T @ (inverse_distances(surface.points, surface.areas) @ charges) / (4 * np.pi)
    found = []
    for sign in np.unique(parity, axis=0):
        own = np.flatnonzero((parity == sign).all(1))
        factors, mixed = eigh(energy[np.ix_(own, own)], norm[np.ix_(own, own)])
        found += [
            (-sign[2], n, tuple(sign), charges[:, own] @ column)
            for n, column in zip(factors, mixed.T)
        ]
    found.sort(key=lambda mode: mode[:3])
    return Modes(
        np.array([mode[1] for mode in found]),
        np.array([mode[2] for mode in found]),
        np.stack([mode[3] for mode in found], 1),
        surface,
    )


def inverse_distances(points, areas):
    """1 / distance between patches (N, N), the diagonal such that sums are integrals."""
    gaps = points[:, None] - points[None]
    distance = np.sqrt((gaps**2).sum(-1))
    np.fill_diagonal(distance, np.sqrt(areas) / OWN_PATCH)
    return 1 / distance


def thickness(x, y, power=POWER):
    """How much of a particle of side 1 lies above and below a place (0 beside it).

    Parameters
    ----------
    x, y : array_like
        From its middle, in units of its side.
    power : float

    Returns
    -------
    numpy.ndarray
        From 0 to 1.
    """
    left = 1 - np.abs(2 * np.asarray(x)) ** power - np.abs(2 * np.asarray(y)) ** power
    return np.clip(left, 0, None) ** (1 / power)


def polarisability(found, permittivity):
    """Static polarisability over volume along z, (P / E) / volume: 3 for a metal sphere.

    Parameters
    ----------
    found : Modes
    permittivity : float or complex

    Returns
    -------
    float or complex
    """
    moments = found.surface.points[:, 2] @ found.charges
    volume = (found.surface.points * found.surface.normals).sum(1) @ found.surface.areas / 3
    # without damping 1 / (permittivity - 1) is 0 for a conductor
    x = 1 / (permittivity - 1) if np.isfinite(permittivity) else 0.0
    return (moments**2 / (x + found.factors)).sum() / volume
