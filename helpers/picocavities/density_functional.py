"""Energies, gradients and dipoles of a molecule by B3LYP-D3(BJ), hours for a whole spectrum.

The functional and the dispersion correction are those of Poppe et al. 2023 (Gaussian 09,
def2-TZVP); the basis here is def2-SVP, five times cheaper, with Coulomb and exchange integrals by
density fitting, in PySCF (Sun et al., J. Chem. Phys. 153, 024109, 2020). Only the script that makes
the shipped molecules needs it (the `molecules` extra).
"""

import numpy as np
from threadpoolctl import threadpool_limits

from helpers.registry import DataError, DataUnavailable

FUNCTIONAL, DISPERSION, BASIS = "b3lyp", "b3lyp", "def2-svp"
GRID = 2  # of PySCF's 0 to 9
CONVERGED = 3e-7  # orbital gradient: the gradient of the energy is differentiated once or twice


def gradient_and_dipole(symbols, positions, field=(0, 0, 0), guess=None, basis=BASIS, grid=GRID):
    """Gradient of the energy and dipole moment, in a uniform electric field.

    The energy in a field F is that of the Hamiltonian with F.r for each electron and -Z F.R for
    each nucleus. Its gradient has two terms more than without: the basis functions that F.r is
    taken between move along with their atoms, and each nucleus is pushed by -Z F.

    Parameters
    ----------
    symbols : sequence of str
    positions : array (N, 3)
        In bohr.
    field : array (3,)
        In atomic units.
    guess : ndarray, optional
        Density matrix of a similar geometry.
    basis : str
        A def2 basis; gold gets the pseudopotential that belongs to it.
    grid : int

    Returns
    -------
    tuple
        Gradient (N, 3) in hartree/bohr, dipole moment (3,) in e bohr, density matrix.

    Raises
    ------
    DataUnavailable
        Without PySCF and dftd3.
    DataError
        When the orbitals do not converge.
    """
    try:
        from dftd3.interface import DispersionModel, RationalDampingParam
        from pyscf import dft, gto, lib
    except ImportError as missing:
        raise DataUnavailable(
            "new DFT needs PySCF and dftd3: pip install 'atoms-to-spectra[molecules]'"
        ) from missing
    field = np.asarray(field, float)
    lib.num_threads(1)
    molecule = gto.M(
        atom=list(zip(symbols, positions)),
        unit="Bohr",
        basis=basis,
        ecp={"Au": basis} if "Au" in symbols else {},
        verbose=0,
    )
    charges, shape = molecule.atom_charges(), (3, 3, molecule.nao, molecule.nao)
    method = dft.RKS(molecule, xc=FUNCTIONAL).density_fit()
    method.grids.level = grid
    method.conv_tol, method.conv_tol_grad = 1e-10, CONVERGED
    place = molecule.intor("int1e_r")
    core = method.get_hcore() + np.einsum("x,xij->ij", field, place)
    method.get_hcore = lambda *_: core
    with threadpool_limits(1):
        method.kernel(guess)
        if not method.converged:
            raise DataError(f"B3LYP did not converge for {''.join(symbols)}: see its positions.")
        slope = method.nuc_grad_method()
        # <i| r_x d_c |j>, transposed, is the derivative of the basis function to the left.
        moved = molecule.intor("int1e_irp").reshape(shape)
        core_slope = slope.get_hcore(molecule) - np.einsum("x,xcij->cji", field, moved)
        slope.get_hcore = lambda *_: core_slope
        gradient = slope.kernel() - np.outer(charges, field)
    dispersion = DispersionModel(
        np.array([gto.charge(symbol) for symbol in symbols]), molecule.atom_coords()
    ).get_dispersion(RationalDampingParam(method=DISPERSION), grad=True)
    density = method.make_rdm1()
    dipole = charges @ molecule.atom_coords() - np.einsum("xij,ji->x", place, density)
    return gradient + dispersion["gradient"], dipole, density
