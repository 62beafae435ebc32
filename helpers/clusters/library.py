"""The shipped library of simulated images (data/ch03/make_library.py), read with numpy alone."""

from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np

from helpers.registry import ROOT, DataError

FOLDER = ROOT / "data" / "ch03"
SPLITS = ("train", "validation", "test")
SIZES = (147, 309, 561)


@dataclass(frozen=True)
class Library:
    """Noise-free images of clusters of one size, and what is true about each.

    Attributes
    ----------
    images : numpy.ndarray
        Fraction of the beam that reaches the detector, (n, side, side) float32: 52 pixels of
        0.05 nm at 309 atoms. Stored in 255 steps of each image's maximum.
    classes : numpy.ndarray
        Position of the isomer in `helpers.clusters.structures.ISOMERS`, (n,) int.
    rotations : numpy.ndarray
        Quaternions (x, y, z, w) from the frame of the isomer to the microscope, (n, 4); as
        `scipy.spatial.transform.Rotation.from_quat` reads them.
    split : numpy.ndarray
        "train", "validation" or "test", (n,) str.
    defocus_nm : numpy.ndarray
        See `helpers.clusters.imaging.Microscope`, (n,).
    source : numpy.ndarray
        Which amorphous cluster (`helpers.clusters.amorphous.amorphous`), -1 for the others, (n,).
    atoms : int
    """

    images: np.ndarray
    classes: np.ndarray
    rotations: np.ndarray
    split: np.ndarray
    defocus_nm: np.ndarray
    source: np.ndarray
    atoms: int

    def __len__(self):
        """Number of images."""
        return len(self.images)

    def only(self, chosen):
        """Part of the library: a boolean or integer index, or the name of a split."""
        if isinstance(chosen, str):
            chosen = self.split == chosen
        arrays = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "atoms"}
        return Library(**{name: array[chosen] for name, array in arrays.items()}, atoms=self.atoms)


def library(atoms=309, kind="focus"):
    """Read the library of one size.

    Parameters
    ----------
    atoms : {147, 309, 561}
    kind : {"focus", "defocus"}
        "defocus": some of the views of the test part at 309 atoms, each at several defoci.

    Returns
    -------
    Library

    Raises
    ------
    DataError
        There is no such library.
    """
    stored = _stored(atoms, kind)
    return Library(
        images=stored["images"] * (stored["scale"] / 255)[:, None, None],
        classes=stored["classes"].astype(int),
        rotations=stored["rotations"].astype(float),
        split=np.array(SPLITS)[stored["split"]],
        defocus_nm=stored["defocus_nm"].astype(float),
        source=stored["source"].astype(int),
        atoms=atoms,
    )


def path(atoms, kind="focus"):
    """File of a library."""
    return FOLDER / (f"library_{atoms}.npz" if kind == "focus" else f"library_{atoms}_{kind}.npz")


@lru_cache(maxsize=4)
def _stored(atoms, kind):
    file = path(atoms, kind)
    if not file.is_file():
        raise DataError(
            f"{file.name} is not there: clusters of {SIZES} atoms are shipped in focus, 309 also "
            "out of focus; data/ch03/make_library.py makes them."
        )
    with np.load(file) as opened:
        return {name: opened[name] for name in opened.files}
