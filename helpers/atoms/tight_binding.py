"""Energies of a carbon sheet with sites and metals by extended tight binding (tblite).

Rossi et al. 2024 compute the energies behind their Fig. 4 with density-functional theory (PBE-D3).
Here GFN1-xTB stands in for it: a semi-empirical method (Grimme et al., J. Chem. Theory Comput. 13,
1989, 2017), run on the paper's periodic sheet at the Gamma point. It is good for trends; its
numbers are not those of PBE. Everything is simulated.

The electrons are smeared (a temperature of 1500 K by default, so that the half-metallic sheet
converges), and an energy is the free energy of the electrons that goes with it. An odd number of
electrons, as in a sheet with one 3N site, leaves one unpaired.
"""

import warnings
from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from helpers.registry import DataError, DataUnavailable

METHOD = "GFN1-xTB"
ELECTRONS_K = 1500.0
LARGEST_FORCE = 0.05  # eV/A: a relaxation ends here


@dataclass(frozen=True)
class Result:
    """One converged calculation (simulated).

    Attributes
    ----------
    energy_eV : float
    charges : ndarray, shape (N,)
        Mulliken charges in e, positive for a loss of electrons.
    positions : ndarray, shape (N, 3)
        In A; moved when relaxed.
    steps : int
    largest_force : float
        In eV/A.
    """

    energy_eV: float
    charges: np.ndarray
    positions: np.ndarray
    steps: int
    largest_force: float


def available():
    """Whether tblite and ASE are installed."""
    try:
        import tblite.ase  # noqa: F401
    except ImportError:
        return False
    return True


def energy(
    structure,
    method=METHOD,
    electrons_k=ELECTRONS_K,
    unpaired=0,
    spin_polarised=False,
    largest_force=None,
    steps=60,
):
    """Energy of a structure from :func:`helpers.atoms.coordination.structure`.

    Parameters
    ----------
    structure : Structure
    method : str
        "GFN1-xTB" or "GFN2-xTB".
    electrons_k : float
        Temperature of the electrons, K.
    unpaired : int
        Unpaired electrons; an odd number of electrons has at least one whatever is asked for.
    spin_polarised : bool
        Lets the two spins have different orbitals (twice the time).
    largest_force : float, optional
        Relax until no force is larger than this (eV/A); as it stands without.
    steps : int
        At most, when relaxing.

    Returns
    -------
    Result

    Raises
    ------
    helpers.data.DataUnavailable
        Without tblite and ASE.
    helpers.data.DataError
        When the electrons do not converge.
    """
    if not available():
        raise DataUnavailable(
            "new energies need tblite and ASE: pip install 'atoms-to-spectra[simulate]'"
        )
    from ase import Atoms
    from ase.calculators.calculator import CalculationFailed
    from ase.optimize.precon import Exp, PreconLBFGS
    from tblite.ase import TBLite

    lift = (0, 0, structure.cell[2] / 2)
    atoms = Atoms(structure.symbols, structure.positions + lift, cell=structure.cell, pbc=True)
    atoms.calc = TBLite(
        method=method,
        electronic_temperature=electrons_k,
        multiplicity=unpaired + 1,
        spin_polarization=1.0 if spin_polarised else None,
        mixer_damping=0.3,  # with the default of 0.4 some larger cells swing between two states
        verbosity=0,
    )
    done = 0
    try:
        # One thread: a second one gains little here and waits for long when cores are shared.
        with threadpool_limits(1):
            if largest_force is not None:
                # Knows which atoms are neighbours: half the steps of a search that does not.
                search = PreconLBFGS(
                    atoms, precon=Exp(A=3), use_armijo=False, maxstep=0.1, logfile=None
                )
                with warnings.catch_warnings():  # that a flat sheet has no thickness
                    warnings.simplefilter("ignore", UserWarning)
                    search.run(fmax=largest_force, steps=steps)
                done = search.nsteps
            total, charges = atoms.get_potential_energy(), atoms.calc.results["charges"]
            force = float(np.linalg.norm(atoms.get_forces(), axis=1).max())
    except CalculationFailed as error:
        raise DataError(
            f"{method} at {electrons_k:g} K did not converge for {atoms.symbols}: {error}; "
            "a higher temperature of the electrons helps"
        ) from error
    return Result(float(total), np.array(charges), atoms.positions - lift, done, force)


def rattled(structure, amplitude, seed):
    """The structure with every atom moved out of the plane at random (A, standard deviation)."""
    heights = np.random.default_rng(seed).normal(0, amplitude, len(structure.positions))
    return replace(structure, positions=structure.positions + heights[:, None] * (0, 0, 1))
