"""Energies, gradients and dipoles of a molecule by GFN2-xTB, live in seconds.

GFN2-xTB (Bannwarth, Ehlert and Grimme, J. Chem. Theory Comput. 15, 1652, 2019) is an extended
tight-binding method fitted to geometries, vibrations and interactions; its Raman intensities are
good for trends. The paper uses density-functional theory instead, whose results are shipped
(`helpers.picocavities.molecule.shipped`). Everything is simulated.
"""

from functools import lru_cache

import numpy as np
from threadpoolctl import threadpool_limits

from helpers.picocavities import geometry, molecule, raman, vibrations
from helpers.registry import DataError, DataUnavailable

METHOD = "GFN2-xTB"
NUMBERS = {"H": 1, "C": 6, "S": 16, "Pd": 46, "Au": 79}
ACCURACY = 1e-3  # of tblite: gradients good enough to be differentiated twice


def gradient_and_dipole(symbols, positions, field=(0, 0, 0), method=METHOD):
    """Gradient of the energy and dipole moment, in a uniform electric field.

    Parameters
    ----------
    symbols : sequence of str
        Elements of `NUMBERS`.
    positions : array (N, 3)
        In bohr.
    field : array (3,)
        In atomic units.
    method : str
        "GFN2-xTB" or, to compare with, "GFN1-xTB".

    Returns
    -------
    tuple
        Gradient (N, 3) in hartree/bohr, dipole moment (3,) in e bohr.

    Raises
    ------
    DataUnavailable
        Without tblite.
    DataError
        When the charges do not converge.
    """
    try:
        from tblite.exceptions import TBLiteRuntimeError
        from tblite.interface import Calculator
        from tblite.library import ffi
    except ImportError as missing:
        raise DataUnavailable(
            "new molecules need tblite: pip install 'atoms-to-spectra[simulate]'"
        ) from missing
    numbers = np.array([NUMBERS[symbol] for symbol in symbols])
    engine = Calculator(method, numbers, np.ascontiguousarray(positions, float))
    engine.set("verbosity", 0)
    engine.set("accuracy", ACCURACY)
    if np.any(field):
        # tblite 0.8 takes the field only as a pointer: an array raises a TypeError.
        values = np.ascontiguousarray(field, float)
        engine.add("electric-field", ffi.cast("double*", ffi.from_buffer(values)))
    try:
        with threadpool_limits(1):
            result = engine.singlepoint()
    except TBLiteRuntimeError as error:
        raise DataError(
            f"{method} did not converge for {''.join(symbols)}: {error}; look at the positions."
        ) from error
    return result.get("gradient"), result.get("dipole")


@lru_cache
def biphenylthiol(end="H"):
    """Relaxed biphenyl-4-thiol with its modes and Raman tensors, computed here in seconds.

    Parameters
    ----------
    end : str
        "H" for the free molecule, "Au" for the thiolate on one gold atom.

    Returns
    -------
    helpers.picocavities.molecule.Molecule
    """
    return relaxed_biphenylthiol(end)[0]


def relaxed_biphenylthiol(end="H"):
    """The molecule of :func:`biphenylthiol`, its positions in bohr and its Hessian there."""
    made, relaxed, second = spectrum(*geometry.biphenylthiol(end))
    return made.upright(), relaxed, second


def spectrum(symbols, positions):
    """Relax a molecule, then its modes and Raman tensors.

    Parameters
    ----------
    symbols : sequence of str
    positions : array (N, 3)
        In A.

    Returns
    -------
    tuple
        The :class:`~helpers.picocavities.molecule.Molecule`, relaxed positions (bohr), and the
        Hessian there (hartree/bohr^2).
    """

    def gradient(at):
        return gradient_and_dipole(symbols, at)[0]

    start = np.asarray(positions) / vibrations.BOHR_A
    relaxed, second = vibrations.minimum(gradient, start, molecule.masses(symbols))
    tensors, polarisability = raman.atom_tensors(
        lambda field: gradient_and_dipole(symbols, relaxed, field)
    )
    made = molecule.assemble(symbols, relaxed, second, tensors, polarisability, METHOD)
    return made, relaxed, second
