"""Harmonic normal modes from a Hessian, and Hessians from gradients.

The same functions serve extended tight binding (live) and density-functional theory (shipped):
a method only has to give the gradient of the energy at given positions. Atomic units inside: bohr,
hartree, electron masses.
"""

import numpy as np
from scipy.constants import physical_constants

from helpers.registry import DataError

BOHR_A = physical_constants["Bohr radius"][0] * 1e10
_ELECTRONS_PER_AMU = (
    physical_constants["atomic mass constant"][0] / physical_constants["electron mass"][0]
)
_HARTREE_CM = physical_constants["hartree-inverse meter relationship"][0] / 100
STEP = 0.01  # bohr


def hessian(gradient, positions, step=STEP):
    """Second derivatives of the energy by central differences of gradients.

    Parameters
    ----------
    gradient : callable
        Of positions (N, 3) in bohr; returns hartree/bohr, (N, 3).
    positions : array (N, 3)
        In bohr.
    step : float
        Displacement to either side, bohr.

    Returns
    -------
    ndarray, shape (3 N, 3 N)
        In hartree/bohr^2, made symmetric.
    """
    rows = []
    for coordinate in range(positions.size):
        up, down = (gradient(displaced(positions, coordinate, s)) for s in (step, -step))
        rows.append((up - down).ravel())
    second = np.array(rows) / (2 * step)
    return (second + second.T) / 2


def displaced(positions, coordinate, step=STEP):
    """Positions (N, 3) with one of their 3 N coordinates changed."""
    moved = positions.copy()
    moved.flat[coordinate] += step
    return moved


def rigid_motions(masses, positions):
    """Orthonormal mass-weighted translations and rotations, shape (3 N, 6).

    Parameters
    ----------
    masses : array (N,)
    positions : array (N, 3)
        Of a molecule whose atoms are not all on one line.
    """
    root = np.sqrt(masses)[:, None]
    arm = positions - (masses[:, None] * positions).sum(0) / masses.sum()
    axes = np.eye(3)
    moves = [root * axis for axis in axes] + [root * np.cross(axis, arm) for axis in axes]
    return np.linalg.qr(np.array(moves).reshape(6, -1).T)[0]


def normal_modes(masses, positions, second):
    """Wavenumbers and displacements of the 3 N - 6 vibrations.

    Translations and rotations are projected out, so that noise of the Hessian cannot mix them
    with soft vibrations.

    Parameters
    ----------
    masses : array (N,)
        In amu.
    positions : array (N, 3)
        In any unit of length.
    second : array (3 N, 3 N)
        Hessian in hartree/bohr^2.

    Returns
    -------
    tuple
        Wavenumbers (3 N - 6,) in cm^-1, ascending, imaginary ones negative; and displacements
        (3 N - 6, N, 3) per unit of the normal coordinate, in amu^-1/2:
        sum over atoms of mass times displacement squared is 1.
    """
    weights = np.repeat(np.sqrt(masses), 3)
    rigid = rigid_motions(masses, positions)
    # A basis of what is left over, so that exactly six eigenvalues are gone.
    inner = np.linalg.svd(rigid, full_matrices=True)[0][:, 6:]
    squares, vectors = np.linalg.eigh(inner.T @ (second / np.outer(weights, weights)) @ inner)
    wavenumbers = np.sign(squares) * np.sqrt(np.abs(squares) / _ELECTRONS_PER_AMU) * _HARTREE_CM
    displacements = (inner @ vectors / weights[:, None]).T.reshape(-1, len(masses), 3)
    return wavenumbers, displacements


def relax(gradient, positions, second, largest=1e-4, steps=200, trust=0.3):
    """Walk to the nearest minimum by quasi-Newton steps (BFGS) from a first Hessian.

    With the Hessian of a cheap method to start from, an expensive one needs few gradients.

    Parameters
    ----------
    gradient : callable
        Of positions (N, 3) in bohr; returns hartree/bohr, (N, 3).
    positions : array (N, 3)
        In bohr.
    second : array (3 N, 3 N)
        Hessian to start with, hartree/bohr^2.
    largest : float
        Done when no component of the gradient is larger, hartree/bohr.
    steps : int
        At most.
    trust : float
        Longest displacement of a coordinate in one step, bohr.

    Returns
    -------
    tuple
        Positions in bohr, and the number of gradients taken.

    Raises
    ------
    DataError
        Not there after `steps`.
    """
    place, slope = positions.copy(), gradient(positions).ravel()
    for taken in range(1, steps):
        if np.abs(slope).max() < largest:
            return place, taken
        stiffness, directions = np.linalg.eigh(second)
        # Soft and rigid motions, whose curvature is noise, must not run away.
        stiffness = np.maximum(np.abs(stiffness), 2e-3)
        move = -directions @ (directions.T @ slope / stiffness)
        move *= min(1, trust / np.abs(move).max())
        place = place + move.reshape(place.shape)
        new = gradient(place).ravel()
        change, pushed = new - slope, second @ move
        if change @ move > 0:
            second = second + np.outer(change, change) / (change @ move)
            second -= np.outer(pushed, pushed) / (move @ pushed)
        slope = new
    raise DataError(
        f"The molecule is not relaxed after {steps} gradients: the largest is still"
        f" {np.abs(slope).max():.1e} hartree/bohr, wanted {largest:.0e}; start from elsewhere."
    )


def minimum(gradient, positions, masses, tries=4, push=0.3):
    """Relax until every mode is real: a saddle point is left along its imaginary mode.

    Parameters
    ----------
    gradient : callable
        As in :func:`relax`.
    positions : array (N, 3)
        In bohr.
    masses : array (N,)
        In amu.
    tries : int
        Relaxations at most.
    push : float
        Largest displacement along an imaginary mode, bohr.

    Returns
    -------
    tuple
        Positions in bohr and the Hessian there.

    Raises
    ------
    DataError
        Still a saddle point, or not relaxed.
    """
    second = hessian(gradient, positions)
    for _ in range(tries):
        positions, _ = relax(gradient, positions, second)
        second = hessian(gradient, positions)
        wavenumbers, modes = normal_modes(masses, positions, second)
        if wavenumbers[0] > 0:
            return positions, second
        positions = positions + push * modes[0] / np.abs(modes[0]).max()
    raise DataError(
        f"No minimum found in {tries} relaxations: a mode of {-wavenumbers[0]:.0f}i cm^-1 is left."
    )


def hessian_with_cheap_cubic(gradient, cheap, positions, step=STEP):
    """Hessian of an expensive method from half as many gradients.

    A difference to one side only, [g(x + h) - g(x)] / h, is off by h/2 times the third derivative
    of the energy. A cheap method knows that error well, because it can afford both sides, and it is
    taken away. What is left of it is the difference of the two methods' third derivatives, times
    half the step: in biphenylthiol, with GFN2-xTB as the expensive method and GFN1-xTB as the cheap
    one, at most 0.2 cm^-1 below 1650 cm^-1, against 6 cm^-1 from one side alone.

    Parameters
    ----------
    gradient, cheap : callable
        Of positions (N, 3) in bohr; return hartree/bohr, (N, 3).
    positions : array (N, 3)
        In bohr.
    step : float
        In bohr.

    Returns
    -------
    ndarray, shape (3 N, 3 N)
        In hartree/bohr^2, made symmetric.
    """
    rest, cheap_rest, rows = gradient(positions), cheap(positions), []
    for coordinate in range(positions.size):
        up, down = (displaced(positions, coordinate, s) for s in (step, -step))
        error = (cheap(up) + cheap(down)) / 2 - cheap_rest
        rows.append((gradient(up) - rest - error).ravel())
    second = np.array(rows) / step
    return (second + second.T) / 2
