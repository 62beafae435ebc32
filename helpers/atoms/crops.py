"""Labelled 21 x 21 px crops: what the SAC-CNN learns from (Mitchell et al. 2022, Methods).

One crop per labelled atom, and as many of places without one. Two defects of the published code can
be switched on, to measure what they do: ``transposed`` looks the forbidden places up with x and y
exchanged, so that some "empty" crops hold an atom; ``twice`` normalises every training crop once
more by itself, which inference never does.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from helpers.atoms.preprocess import median_background
from helpers.data import DataError

HALF = 10


def crops_at(image: np.ndarray, points: pd.DataFrame, half: int = HALF) -> np.ndarray:
    """
    Cut squares of ``2 half + 1`` px around points; outside the image there are zeros.

    Parameters
    ----------
    image : (H, W) array
    points : DataFrame
        ``x_px`` (column) and ``y_px`` (row), rounded to whole pixels.
    half : int

    Returns
    -------
    (len(points), 2 half + 1, 2 half + 1) float32 array

    Raises
    ------
    DataError
        If a point lies outside the image.
    """
    padded = np.pad(np.asarray(image, np.float32), half)
    x, y = np.rint(points[["x_px", "y_px"]].to_numpy(float)).astype(int).T
    height, width = np.shape(image)
    outside = (x < 0) | (y < 0) | (x >= width) | (y >= height)
    if outside.any():
        i = int(np.argmax(outside))
        raise DataError(
            f"crop {i} at x={x[i]}, y={y[i]} px: outside the image of {width} x {height} px;"
            " check that the labels belong to this image and that x is the column."
        )
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * half + 1, 2 * half + 1))
    return windows[y, x].copy()


def negatives(
    rng: np.random.Generator,
    labels: pd.DataFrame,
    shape: tuple[int, int],
    n: int,
    clear: int = HALF,
    transposed: bool = False,
) -> pd.DataFrame:
    """
    Draw places whose crop holds no labelled atom.

    Parameters
    ----------
    rng : numpy Generator
    labels : DataFrame with ``x_px`` and ``y_px``
    shape : (H, W) of the image
    n : int
        How many, without repetition.
    clear : int
        No label within this many px along both axes.
    transposed : bool
        Reproduce the published defect: the map of forbidden places is read with row and column
        exchanged (square images only).

    Returns
    -------
    DataFrame with ``x_px`` and ``y_px``

    Raises
    ------
    DataError
        If there are fewer than ``n`` such places, or a transposed look-up is asked of an image that
        is not square.
    """
    height, width = shape
    if transposed and height != width:
        raise DataError(f"transposed look-up: found an image of {shape} px, expected a square one")
    allowed = np.ones(shape, bool)
    for x, y in np.rint(labels[["x_px", "y_px"]].to_numpy(float)).astype(int):
        allowed[max(y - clear, 0) : y + clear + 1, max(x - clear, 0) : x + clear + 1] = False
    if transposed:
        allowed = allowed.T
    places = np.flatnonzero(allowed)
    if len(places) < n:
        raise DataError(f"negatives: found {len(places)} places without an atom, expected {n}")
    y, x = np.divmod(rng.choice(places, n, replace=False), width)
    return pd.DataFrame({"x_px": x, "y_px": y}, dtype=float)


def normalise_each(crops: np.ndarray) -> np.ndarray:
    """Subtract every crop's own median background and scale it to [0, 1] (a published defect)."""
    out = np.empty_like(crops)
    for i in np.ndindex(crops.shape[:-2]):
        signal = crops[i] - median_background(crops[i])
        span = np.ptp(signal)
        out[i] = (signal - signal.min()) / (span if span > 0 else 1)
    return out


def labelled_crops(
    images: Sequence[tuple[np.ndarray, pd.DataFrame]], empty: Sequence[pd.DataFrame]
) -> tuple[np.ndarray, np.ndarray]:
    """
    Crops of the atoms and of the empty places of every image, as `training_crops` returns them.

    Parameters
    ----------
    images : list of (image, labels)
    empty : list of DataFrame with ``x_px`` and ``y_px``, one per image
    """
    pairs = list(zip(images, empty, strict=True))
    crops = [crops_at(image, p) for (image, labels), holes in pairs for p in (labels, holes)]
    is_atom = [np.repeat([1, 0], [len(labels), len(holes)]) for (_, labels), holes in pairs]
    return np.concatenate(crops)[:, None], np.concatenate(is_atom).astype(np.int64)


def training_crops(
    images: Sequence[tuple[np.ndarray, pd.DataFrame]],
    rng: np.random.Generator,
    transposed: bool = False,
    twice: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """
    Crops of every labelled atom, and of as many empty places, equally many from every image.

    Parameters
    ----------
    images : list of (normalised image, labels)
    rng : numpy Generator
    transposed, twice : bool
        The published defects (see the module's head).

    Returns
    -------
    crops : (N, 1, 21, 21) float32 array
    is_atom : (N,) int64 array
    """
    total, n = sum(len(labels) for _, labels in images), len(images)
    shares = [total // n + (i < total % n) for i in range(n)]
    empty = [
        negatives(rng, labels, image.shape, share, transposed=transposed)
        for (image, labels), share in zip(images, shares, strict=True)
    ]
    crops, is_atom = labelled_crops(images, empty)
    return (normalise_each(crops) if twice else crops), is_atom
