"""Raman tensors atom by atom from gradients in electric fields, and what follows from them.

The energy of a molecule in a uniform field is E(F) = E0 - mu.F - F.alpha.F / 2, so that the second
derivative of the gradient by the field is the change of the polarisability when one atom moves:

    d alpha_ij / d R_A = - d2 g_A / (dF_i dF_j),    g_A = dE / dR_A.

Thirteen gradients give the tensors of all atoms and so of all modes; summed with the displacements
of a mode they are its Raman tensor. That an atom's share can be told is what makes them useful in
a picocavity, where every atom feels another field (`helpers.picocavities.nearfield`).
"""

import numpy as np
from scipy.constants import c, h, k

from helpers.picocavities.vibrations import BOHR_A

FIELD = 0.002  # atomic units, 1.03 V/nm
LASER_NM, ROOM_K = 633.0, 295.0


def atom_tensors(in_field, step=FIELD):
    """Change of the polarisability with the position of each atom.

    Parameters
    ----------
    in_field : callable
        Of a field (3,) in atomic units; returns the gradient (N, 3) in hartree/bohr and the
        dipole moment (3,) in e bohr.
    step : float
        Field in atomic units.

    Returns
    -------
    tuple
        Tensors (N, 3, 3, 3) in A^2: atom, direction of its displacement, then the two of the
        polarisability; and the polarisability (3, 3) in A^3.
    """
    axes = step * np.eye(3)
    rest = in_field(np.zeros(3))[0]
    tensors = np.empty((*rest.shape, 3, 3))
    polarisability = np.empty((3, 3))
    alone = []
    for i in range(3):
        up, down = in_field(axes[i]), in_field(-axes[i])
        alone.append(up[0] + down[0] - 2 * rest)
        tensors[..., i, i] = -alone[i] / step**2
        polarisability[i] = (up[1] - down[1]) / (2 * step)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        both = in_field(axes[i] + axes[j])[0] + in_field(-axes[i] - axes[j])[0] - 2 * rest
        tensors[..., i, j] = tensors[..., j, i] = -(both - alone[i] - alone[j]) / (2 * step**2)
    symmetric = (polarisability + polarisability.T) / 2
    return tensors * BOHR_A**2, symmetric * BOHR_A**3


def broken_sum_rules(positions, tensors, polarisability):
    """How far the tensors are from what a rigid motion of the molecule demands, relative.

    A translation leaves the polarisability alone: the sum over atoms is 0. A rotation turns it:
    the sum over atoms of tensors along the rotation is its commutator with the polarisability.

    Parameters
    ----------
    positions : array (N, 3)
        In A.
    tensors : array (N, 3, 3, 3)
        In A^2.
    polarisability : array (3, 3)
        In A^3.

    Returns
    -------
    tuple of float
        Largest violation by translations, as a share of the largest tensor element; and by
        rotations, as a share of the largest polarisability element.
    """
    translation = np.abs(tensors.sum(0)).max() / np.abs(tensors).max()
    worst = 0.0
    for axis in np.eye(3):
        turned = np.einsum("ac,acij->ij", np.cross(axis, positions), tensors)
        spin = np.cross(axis, np.eye(3)).T  # spin @ v = axis x v
        demanded = spin @ polarisability - polarisability @ spin
        worst = max(worst, np.abs(turned - demanded).max() / np.abs(polarisability).max())
    return translation, worst


def mode_tensors(modes, tensors):
    """Raman tensor of each mode, (M, 3, 3) in A^2 amu^-1/2."""
    return np.einsum("kac,acij->kij", modes, tensors)


def activity(tensor):
    """Raman activity 45 a^2 + 7 g^2 of modes averaged over all orientations, A^4/amu.

    Parameters
    ----------
    tensor : array (..., 3, 3)
        From :func:`mode_tensors`; a is its mean diagonal, g^2 its anisotropy.
    """
    a = np.trace(tensor, axis1=-2, axis2=-1) / 3
    part = tensor - a[..., None, None] * np.eye(3)
    return 45 * a**2 + 7 * 1.5 * (part**2).sum((-2, -1))


def stokes_factor(wavenumbers, laser_nm=LASER_NM, temperature_k=ROOM_K):
    """What turns squared Raman amplitudes into Stokes intensities, relative to 1000 cm^-1.

    (nu0 - nu)^4 / (nu (1 - exp(-h c nu / k T))): scattering grows with the fourth power of the
    frequency of the scattered light, the zero-point motion falls with that of the mode, and warm
    modes scatter more.

    Parameters
    ----------
    wavenumbers : array
        Positive, cm^-1.
    laser_nm : float
    temperature_k : float
    """

    def factor(nu):
        return (1e7 / laser_nm - nu) ** 4 / nu / -np.expm1(-h * c * 100 * nu / (k * temperature_k))

    return factor(np.asarray(wavenumbers, float)) / factor(1000.0)
