"""Training crops with hard negatives (Rossi et al. 2024, Materials and Methods).

A quarter of the negative crops is taken close to an atom, so that the network learns that an atom
in a corner of the crop is none in its centre, and its map becomes sharp enough for neighbours to
stay apart. The paper says 18 px; the default of the published code is 11 px.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from helpers.atoms.crops import labelled_crops, negatives
from helpers.data import DataError

HARD_DISTANCE = 18.0  # px
HARD_SHARE = 0.25


def hard_negatives(
    rng: np.random.Generator,
    labels: pd.DataFrame,
    shape: tuple[int, int],
    n: int,
    distance: float = HARD_DISTANCE,
) -> pd.DataFrame:
    """
    Draw places exactly ``distance`` px away from an atom, in a random direction.

    Places outside the image, or at which another atom is nearer than ``distance``, are drawn anew
    (the paper does not say what happens to them; a crop with an atom in it would teach nonsense).

    Parameters
    ----------
    rng : numpy Generator
    labels : DataFrame with ``x_px`` and ``y_px``
    shape : (H, W) of the image
    n : int
    distance : float

    Returns
    -------
    DataFrame with ``x_px`` and ``y_px`` (not rounded)

    Raises
    ------
    DataError
        If the atoms lie so densely that hardly a place qualifies.
    """
    atoms = labels[["x_px", "y_px"]].to_numpy(float)
    tree, found, tries = cKDTree(atoms), np.empty((0, 2)), 0
    limit = np.array(shape[::-1]) - 1
    while len(found) < n:
        if tries >= 100:
            raise DataError(
                f"hard negatives: found {len(found)} places {distance:g} px from an atom with no"
                f" other atom nearer, expected {n}; the image is too dense for this distance."
            )
        angle = rng.uniform(0, 2 * np.pi, n)
        around = distance * np.column_stack([np.cos(angle), np.sin(angle)])
        place = atoms[rng.integers(len(atoms), size=n)] + around
        inside = ((place >= 0) & (place <= limit)).all(axis=1)
        free = tree.query(place)[0] > distance - 1e-6
        found, tries = np.concatenate([found, place[inside & free]]), tries + 1
    return pd.DataFrame(found[:n], columns=["x_px", "y_px"])


def training_crops(
    images: Sequence[tuple[np.ndarray, pd.DataFrame]],
    rng: np.random.Generator,
    hard: float | None = HARD_DISTANCE,
) -> tuple[np.ndarray, np.ndarray]:
    """
    Crops of every labelled atom, and as many negatives: a quarter hard, the others anywhere else.

    Parameters
    ----------
    images : list of (prepared image, labels)
    rng : numpy Generator
    hard : float or None
        Distance of the hard negatives in px; None for the ablation without them.

    Returns
    -------
    crops : (N, 1, 21, 21) float32 array
    is_atom : (N,) int64 array
    """
    empty = []
    for image, labels in images:
        n_hard = round(HARD_SHARE * len(labels)) if hard is not None else 0
        empty.append(negatives(rng, labels, image.shape, len(labels) - n_hard))
        if n_hard:
            close = hard_negatives(rng, labels, image.shape, n_hard, hard)
            empty[-1] = pd.concat([empty[-1], close])
    return labelled_crops(images, empty)
