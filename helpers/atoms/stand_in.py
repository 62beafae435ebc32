"""Simulated labelled images, for readers who cannot have the measured ones."""

import numpy as np

from helpers.atoms import simulate
from helpers.data import Labelled


def labelled_images(train=3, test=3, seed=0):
    """Simulate a labelled set in the place of the public one.

    Specimen and microscope vary from image to image as in the public set. The labels are the atoms
    in focus: those are what a person would mark.

    Parameters
    ----------
    train, test : int
        Number of images of either part.
    seed : int

    Returns
    -------
    list of helpers.data.Labelled
        Named "sim-0", "sim-1", ...; training images first.
    """
    images = []
    for i, rng in enumerate(np.random.default_rng(seed).spawn(train + test)):
        simulated = simulate.acstem(rng, *simulate.varied(rng))
        atoms = simulated.atoms.query("in_focus")[["x_px", "y_px"]].reset_index(drop=True)
        part = "train" if i < train else "test"
        images.append(Labelled(f"sim-{i}", simulated.image, atoms, part))
    return images
