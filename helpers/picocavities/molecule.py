"""A molecule with its normal modes and atom-resolved Raman tensors; the shipped ones."""

from dataclasses import dataclass, replace

import numpy as np

from helpers.picocavities import raman, vibrations
from helpers.registry import ROOT, DataError, DataUnavailable

FOLDER = ROOT / "data" / "ch05"
MASSES = {"H": 1.008, "C": 12.011, "S": 32.06, "Pd": 106.42, "Au": 196.96657}  # amu
METHODS = {"dft": "B3LYP-D3(BJ)/def2-SVP", "xtb": "GFN2-xTB"}


@dataclass(frozen=True)
class Molecule:
    """A relaxed molecule, its harmonic modes and its response to fields (simulated).

    Attributes
    ----------
    symbols : ndarray of str, shape (N,)
    positions_A : ndarray, shape (N, 3)
    wavenumbers : ndarray, shape (M,)
        Harmonic, as computed (not scaled), cm^-1; M = 3 N - 6, ascending.
    modes : ndarray, shape (M, N, 3)
        Displacements per unit of the normal coordinate, amu^-1/2.
    tensors : ndarray, shape (N, 3, 3, 3)
        Change of the polarisability (last two axes) when an atom moves in a direction, A^2.
    polarisability : ndarray, shape (3, 3)
        In A^3.
    method : str
    """

    symbols: np.ndarray
    positions_A: np.ndarray
    wavenumbers: np.ndarray
    modes: np.ndarray
    tensors: np.ndarray
    polarisability: np.ndarray
    method: str

    @property
    def raman_tensors(self):
        """Raman tensor of each mode, (M, 3, 3) in A^2 amu^-1/2."""
        return raman.mode_tensors(self.modes, self.tensors)

    @property
    def activity(self):
        """Raman activity of each mode, A^4/amu."""
        return raman.activity(self.raman_tensors)

    def turned(self, rotation):
        """The molecule turned by a 3 x 3 matrix, everything with it."""
        r = np.asarray(rotation)
        return replace(
            self,
            positions_A=self.positions_A @ r.T,
            modes=self.modes @ r.T,
            tensors=np.einsum("cd,ik,jl,adkl->acij", r, r, r, self.tensors),
            polarisability=r @ self.polarisability @ r.T,
        )

    def upright(self):
        """Biphenylthiol with its long axis along z and the ring at the sulfur in the x, z plane.

        The sulfur is below; the origin is the mean of the carbons. A hydrogen or metal at the
        sulfur is on the side of positive x or, where it stands off the plane, of positive y.
        """
        carbons = self.positions_A[self.symbols == "C"]
        sulfur = self.positions_A[self.symbols == "S"][0]
        end = self.positions_A[-1] - sulfur
        z = _unit(carbons.mean(0) - sulfur)
        near = carbons[np.argsort(np.linalg.norm(carbons - sulfur, axis=1))[:6]]
        normal = np.linalg.svd(near - near.mean(0))[2][2]
        y = _unit(normal - (normal @ z) * z)
        y = y if end @ y > 0 else -y
        if np.cross(y, z) @ end < 0 and abs(end @ y) < abs(end @ np.cross(y, z)):
            y = -y
        turned = self.turned([np.cross(y, z), y, z])
        middle = turned.positions_A[self.symbols == "C"].mean(0)
        return replace(turned, positions_A=turned.positions_A - middle)


def masses(symbols):
    """Atomic masses in amu, (N,)."""
    return np.array([MASSES[symbol] for symbol in symbols])


def assemble(symbols, positions, second, tensors, polarisability, method):
    """Make a molecule of what a calculation gives.

    Parameters
    ----------
    symbols : sequence of str
    positions : array (N, 3)
        In bohr.
    second : array (3 N, 3 N)
        Hessian in hartree/bohr^2.
    tensors, polarisability : arrays
        From :func:`helpers.picocavities.raman.atom_tensors`.
    method : str

    Returns
    -------
    Molecule
    """
    place = np.asarray(positions) * vibrations.BOHR_A
    wavenumbers, modes = vibrations.normal_modes(masses(symbols), place, second)
    return Molecule(np.array(symbols), place, wavenumbers, modes, tensors, polarisability, method)


def save(path, made):
    """Write a molecule to an npz file (32-bit floats: 7 digits)."""
    parts = {name: np.asarray(value) for name, value in vars(made).items()}
    floats = {n: v.astype(np.float32) for n, v in parts.items() if v.dtype.kind == "f"}
    np.savez_compressed(path, **parts | floats)


def load(path):
    """Read a molecule that :func:`save` wrote.

    Raises
    ------
    DataError
        The file lacks a part.
    """
    with np.load(path, allow_pickle=False) as kept:
        missing = set(Molecule.__dataclass_fields__) - set(kept.files)
        if missing:
            raise DataError(f"{path} has no {', '.join(sorted(missing))}: is it a molecule?")
        parts = {name: kept[name] for name in Molecule.__dataclass_fields__}
    floats = {n: v.astype(float) if v.dtype.kind == "f" else v for n, v in parts.items()}
    return Molecule(**floats | {"method": str(parts["method"])})


def shipped(end="Au", method="dft"):
    """Biphenyl-4-thiol as shipped with the book.

    Parameters
    ----------
    end : str
        "H" for the free molecule, "Au" for the thiolate on one gold atom.
    method : str
        "dft" (B3LYP-D3(BJ)/def2-SVP) or "xtb" (GFN2-xTB).

    Returns
    -------
    Molecule

    Raises
    ------
    DataUnavailable
        The file is not there; names the script that makes it.
    """
    path = FOLDER / f"molecule_{end}_{method}.npz"
    if not path.is_file():
        raise DataUnavailable(f"{path.name} is not shipped: python data/ch05/make_molecule.py")
    return load(path)


def _unit(vector):
    return vector / np.linalg.norm(vector)
