"""Raman lines of a molecule beside one adatom, and maps of them over the adatom's position.

A gold atom that stands out of a facet draws the light of the gap together to less than a
nanometre, so that each atom of a molecule nearby feels another field. Zhang, Dong and Aizpurua
(J. Raman Spectrosc. 52, 296, 2021) treat this with charge densities; here it is done with the
atom-resolved tensors, to the first order in the displacement u_A = e_A Q of each atom:

    amplitude = sum over atoms of  E_A.(e_A.d alpha/dR_A).E_A  +  2 E_A.alpha_A.(e_A.grad) E_A.

The first term is the change of the polarisability where the atom is; in a uniform field it alone is
left, and it is the ordinary Raman tensor. The second is the induced dipole of an atom that moves
through a field that changes; it lights up modes that are silent otherwise.

Assumptions: the field is that of a dipole along the gap at the adatom, uniform inside its radius,
on top of the uniform field of the gap; each atom has an isotropic polarisability, in the ratios of
`SHARES`; light scattered follows the same field out. No chemical change of the tensors.
"""

import numpy as np

from helpers.picocavities import raman
from helpers.registry import DataError

RADIUS_A = 1.5  # of the adatom: nearer than this its field does not grow
GAP_FIELD = 0.05  # of the gap, where the adatom has 2 on its top
TILT_DEG = 29.0  # of the long axis from the normal of the gap (the paper, after its ref. 40)
SHARES = {"H": 2.7, "C": 8.9, "S": 19.0, "Pd": 32.0, "Au": 35.0}  # bohr^3, only ratios count


def gap_normal(tilt_deg=TILT_DEG):
    """Unit vector across the gap for an upright molecule: tilted in the x, z plane."""
    tilt = np.deg2rad(tilt_deg)
    return np.array([np.sin(tilt), 0, np.cos(tilt)])


def adatom_field(points, adatom, normal, radius_A=RADIUS_A, gap_field=GAP_FIELD):
    """Electric field and its gradient around one adatom.

    Parameters
    ----------
    points : array (..., 3)
        In A.
    adatom : array (3,) or broadcastable to `points`
        Centre of the adatom, A.
    normal : array (3,)
        Unit vector across the gap, along which the adatom is polarised.
    radius_A : float
    gap_field : float

    Returns
    -------
    tuple
        Field (..., 3), where the dipole gives 2 along its axis at its radius; and gradient
        (..., 3, 3) in A^-1: direction of the change, then component of the field.
    """
    away = np.asarray(points) - adatom
    distance = np.linalg.norm(away, axis=-1)
    inside = distance < radius_A
    # Inside, the field of the nearest point of the surface: it stays finite and has no gradient.
    safe = np.maximum(distance, 1e-9)[..., None]
    u = np.where(safe > 1e-6, away / safe, normal)
    reach = np.maximum(distance, radius_A)[..., None]
    strength = (radius_A / reach) ** 3
    along = (u @ normal)[..., None]
    field = strength * (3 * u * along - normal) + gap_field * normal
    uu = u[..., :, None] * u[..., None, :]
    un = u[..., :, None] * normal
    gradient = (3 * strength / reach)[..., None] * (
        along[..., None] * (np.eye(3) - 5 * uu) + un + np.swapaxes(un, -1, -2)
    )
    return field, np.where(inside[..., None, None], 0, gradient)


def amplitudes(molecule, adatoms, normal=None, radius_A=RADIUS_A, gap_field=GAP_FIELD):
    """Raman amplitude of every mode for adatoms at given places.

    Parameters
    ----------
    molecule : helpers.picocavities.molecule.Molecule
    adatoms : array (..., 3)
        In A, in the frame of the molecule.
    normal : array (3,), optional
        Across the gap; :func:`gap_normal` without.
    radius_A : float
    gap_field : float

    Returns
    -------
    ndarray, shape (..., M)
        In A^2 amu^-1/2, for a field in the units of :func:`adatom_field`.
    """
    normal = gap_normal() if normal is None else np.asarray(normal, float)
    adatoms = np.asarray(adatoms, float)[..., None, :]
    field, gradient = adatom_field(
        molecule.positions_A, adatoms, normal, radius_A=radius_A, gap_field=gap_field
    )
    shares = np.array([SHARES[symbol] for symbol in molecule.symbols])
    atoms = shares * np.trace(molecule.polarisability) / 3 / shares.sum()  # A^3
    # What moving each atom by a unit does, then the displacements of the modes.
    still = np.einsum("...ai,acij,...aj->...ac", field, molecule.tensors, field, optimize=True)
    moving = 2 * atoms[:, None] * np.einsum("...aci,...ai->...ac", gradient, field)
    flat = (still + moving).reshape(*still.shape[:-2], -1)
    return flat @ molecule.modes.reshape(len(molecule.modes), -1).T


def line_strengths(molecule, adatoms, normal=None, **field):
    """Stokes intensity of every mode for adatoms at given places, (..., M).

    Modes below 50 cm^-1, imaginary ones too, are given the thermal factor of 50 cm^-1.
    """
    factor = raman.stokes_factor(np.maximum(molecule.wavenumbers, 50))
    return amplitudes(molecule, adatoms, normal, **field) ** 2 * factor


def gap_line_strengths(molecule, normal=None):
    """Stokes intensity of every mode in the uniform field of the gap alone, (M,)."""
    normal = gap_normal() if normal is None else np.asarray(normal, float)
    amplitude = np.einsum("i,kij,j->k", normal, molecule.raman_tensors, normal)
    return amplitude**2 * raman.stokes_factor(np.maximum(molecule.wavenumbers, 50))


def maps(molecule, x_A, z_A, y_A=0.0, normal=None, **field):
    """Strength of every mode over places of the adatom in a plane along the molecule.

    Parameters
    ----------
    molecule : helpers.picocavities.molecule.Molecule
        Upright.
    x_A, z_A : arrays (W,), (H,)
    y_A : float
        Distance of the plane from that of the ring at the sulfur.
    normal, **field
        As in :func:`amplitudes`.

    Returns
    -------
    ndarray, shape (M, H, W)
    """
    z, x = np.meshgrid(z_A, x_A, indexing="ij")
    places = np.stack([x, np.full_like(x, y_A), z], -1)
    return np.moveaxis(line_strengths(molecule, places, normal, **field), -1, 0)


SIDES = ("substrate", "NP")
CONTACT_A = (2.2, 2.8)  # from an adatom to the nearest atom of the molecule
ENDS_A = {"substrate": (-6.5, -2.5), "NP": (2.5, 6.5)}  # along the molecule, 0 between the rings


def place_adatom(rng, molecule, side):
    """Draw a place for an adatom in contact with one end of an upright molecule.

    Parameters
    ----------
    rng : numpy.random.Generator
    molecule : helpers.picocavities.molecule.Molecule
        Upright: the sulfur, bound to the substrate, is below.
    side : str
        "substrate" or "NP" (the nanoparticle, above).

    Returns
    -------
    ndarray, shape (3,)
        In A.

    Raises
    ------
    DataError
        No such side.
    """
    if side not in SIDES:
        raise DataError(f"side is {side!r}: give 'substrate' or 'NP'.")
    low, high = ENDS_A[side]
    while True:
        place = rng.uniform((-4, -4, low), (4, 4, high))
        nearest = np.linalg.norm(molecule.positions_A - place, axis=1).min()
        if CONTACT_A[0] < nearest < CONTACT_A[1]:
            return place
