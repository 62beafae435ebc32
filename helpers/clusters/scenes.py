"""Wide fields of several clusters with known truth, composed of noise-free images of single ones.

Clusters lie beside each other on the support, so that their signals add; what one casts on its
neighbour by multiple scattering is left out.
"""

import numpy as np
import pandas as pd

from helpers.registry import DataError

RIM = 0.05  # share of the maximum of an image that is its outline
TRIES = 2000


def scene(rng, images, classes, side_px, clusters, pairs=0, clearance_px=16):
    """
    Place clusters in a field at random.

    Parameters
    ----------
    rng : numpy.random.Generator
    images : array (N, h, w)
        Noise-free, to draw from without replacement.
    classes : array (N,) of int
    side_px : int
        Side of the field.
    clusters : int
        How many, all together.
    pairs : int
        How many pairs of them touch.
    clearance_px : float
        Least distance between the outlines of clusters that do not touch, and to the border.

    Returns
    -------
    tuple
        The noise-free field (side, side), and a table with one row per cluster: ``x_px``, ``y_px``,
        ``radius_px``, ``class``, ``image`` (its number) and ``pair`` (-1: alone).

    Raises
    ------
    DataError
        The field is too small for so many.
    """
    chosen = rng.choice(len(images), clusters, replace=False)
    radii = np.array([_radius(images[k]) for k in chosen])
    placed = []
    for k, radius in enumerate(radii):
        mate = k - 1 if k < 2 * pairs and k % 2 else None
        for _ in range(TRIES):
            if mate is None:
                x, y = rng.uniform(radius + clearance_px, side_px - radius - clearance_px, 2)
            else:
                angle = rng.uniform(0, 2 * np.pi)
                reach = radius + radii[mate]
                x = placed[mate][0] + reach * np.cos(angle)
                y = placed[mate][1] + reach * np.sin(angle)
            inside = radius < min(x, y) and max(x, y) < side_px - radius - 1
            free = all(
                np.hypot(x - u, y - v) >= radius + radii[j] + clearance_px
                for j, (u, v) in enumerate(placed)
                if j != mate
            )
            if inside and free:
                placed.append((round(x), round(y)))
                break
        else:
            raise DataError(
                f"A field of {side_px} px does not hold {clusters} clusters {clearance_px} px"
                " apart: give fewer, or a larger side_px."
            )
    field = np.zeros((side_px, side_px), np.float32)
    h, w = images.shape[1:]
    padded = np.pad(field, ((h, h), (w, w)))
    for k, (x, y) in zip(chosen, placed):
        top, left = y + h - h // 2, x + w - w // 2
        padded[top : top + h, left : left + w] += images[k]
    truth = pd.DataFrame(
        {
            # an image of even side has its middle half a pixel before the pixel it was put at
            "x_px": [x - (w % 2 == 0) / 2 for x, _ in placed],
            "y_px": [y - (h % 2 == 0) / 2 for _, y in placed],
            "radius_px": radii,
            "class": np.asarray(classes)[chosen],
            "image": chosen,
            "pair": [k // 2 if k < 2 * pairs else -1 for k in range(clusters)],
        }
    )
    return padded[h:-h, w:-w], truth


def _radius(image):
    """Half the mean diameter of the outline, in pixels."""
    return np.sqrt((image > RIM * image.max()).sum() / np.pi)
