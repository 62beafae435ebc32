"""Make limits.npz: PRISM images of clusters that the network was not trained on.

Sizes below and above those of the library (55 and 923 atoms of gold), and other metals at 309
atoms (silver, lighter; platinum, nearly as heavy but smaller), each of the three ordered isomers
from the same 16 random directions. Thermal displacements are gold's throughout. Images are stored
in 255 steps of each one's maximum, as in the library; keys are "<metal><atoms>", with
"classes_<metal><atoms>" and "scale_<metal><atoms>" beside them.

Finished groups are kept in _build/limits. Seven core-minutes:

    python data/ch03/make_limits.py
"""

import numpy as np
import torch

from helpers.clusters import imaging, orientations
from helpers.clusters.library import FOLDER
from helpers.clusters.structures import ORDERED, isomer
from helpers.registry import ROOT

KEPT = ROOT / "_build" / "limits"
GROUPS = (("Au", 55), ("Ag", 309), ("Pt", 309), ("Au", 923))
VIEWS = 16


def group(metal, atoms):
    """Images of one kind of cluster, and their classes."""
    path = KEPT / f"{metal}{atoms}.npz"
    if not path.exists():
        images, classes = [], []
        for number, name in enumerate(ORDERED):
            still = isomer(name, atoms, metal).get_positions() / 10
            for view in range(VIEWS):
                rng = np.random.default_rng([6000, number, view])
                rotation = orientations.rotations(rng, 1)[0]
                place = imaging.turned(still, rotation, rng, imaging.Microscope().thermal_nm)
                field = imaging.FIELD_PX[atoms]
                images.append(imaging.prism_image(f"{metal}{atoms}", place, field))
                classes.append(number)
        np.savez(path, images=np.stack(images), classes=np.array(classes))
        print(metal, atoms, flush=True)
    with np.load(path) as kept:
        return kept["images"], kept["classes"]


def main():
    """Make what is missing and write limits.npz."""
    KEPT.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    arrays = {}
    for metal, atoms in GROUPS:
        images, classes = group(metal, atoms)
        scale, name = images.max((1, 2)), f"{metal}{atoms}"
        arrays[name] = np.round(images / scale[:, None, None] * 255).astype(np.uint8)
        arrays[f"scale_{name}"] = scale.astype(np.float32)
        arrays[f"classes_{name}"] = classes.astype(np.uint8)
    np.savez_compressed(FOLDER / "limits.npz", **arrays)


if __name__ == "__main__":
    main()
