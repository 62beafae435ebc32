"""Make motifs.npz: PRISM images of each ordered isomer along its zone axes and halfway between.

309 gold atoms with thermal displacements; "images" (18, 52, 52) as fraction of the beam, "classes"
and "labels". Half a minute on one core:

    python data/ch03/make_motifs.py
"""

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from helpers.clusters import imaging, orientations
from helpers.clusters.library import FOLDER
from helpers.clusters.structures import ORDERED, isomer


def wanted(name):
    """Directions from which an isomer is shown: label -> unit vector."""
    axes = orientations.zone_axes(name)
    first = list(axes)
    between = {}
    for a, b in zip(first, first[1:] + first[:1]):
        half = axes[a] + axes[b]
        between[f"{a.removesuffix('-fold')} / {b.removesuffix('-fold')}"] = half
    return {k: v / np.linalg.norm(v) for k, v in (axes | between).items()}


def main():
    """Image every motif once."""
    torch.set_num_threads(1)
    images, classes, labels = [], [], []
    for number, name in enumerate(ORDERED):
        still = isomer(name, 309).get_positions() / 10
        for k, (label, direction) in enumerate(wanted(name).items()):
            rotation, _ = Rotation.align_vectors([[0, 0, 1]], [direction])
            rng = np.random.default_rng([7000, number, k])
            place = imaging.turned(still, rotation, rng, imaging.Microscope().thermal_nm)
            images.append(imaging.prism_image("Au309", place, imaging.FIELD_PX[309]))
            classes.append(number)
            labels.append(label)
    np.savez_compressed(
        FOLDER / "motifs.npz", images=np.stack(images).astype(np.float16).astype(np.float32),
        classes=np.array(classes), labels=np.array(labels),
    )  # fmt: skip


if __name__ == "__main__":
    main()
