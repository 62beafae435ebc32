"""Clusters found in a wide field, cropped, scaled and classified.

A threshold separates clusters from the support (`helpers.clusters.outline`); a watershed on the
distance from the outline cuts touching ones apart.
"""

import numpy as np
import pandas as pd
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.measure import regionprops
from skimage.segmentation import clear_border, watershed

from helpers.clusters.classify import WINDOW_PX, shipped, why_not
from helpers.clusters.outline import PIXEL_NM, checked, outline, resampled
from helpers.clusters.structures import ISOMERS

SMALLEST_NM = 1.0  # diameter; 147 atoms of gold have 1.7 nm
SEEDS_APART_NM = 0.8  # tops of the distance map closer than this belong to one cluster
MARGIN_NM = 0.15  # of a crop, around what was found


def find_clusters(image, pixel_size_nm):
    """
    Find clusters that lie wholly in the field.

    Parameters
    ----------
    image : array (H, W)
    pixel_size_nm : float

    Returns
    -------
    tuple
        A table with one row per cluster, ``x_px``, ``y_px``, ``diameter_nm`` (of a disc of the same
        area) and ``touches`` (it borders on another cluster, or on one cut by the border), and the
        label of every pixel (H, W), 0 for the support and row number plus 1.

    Raises
    ------
    DataError
        As `helpers.clusters.classify.predict`.
    """
    image = checked(np.asarray(image)[None], pixel_size_nm)[0]
    _, mask = outline(image, pixel_size_nm)
    depth = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), 1.0)
    seeds = np.zeros(mask.shape, int)
    apart = round(SEEDS_APART_NM / PIXEL_NM)
    # without the mask as labels a seed could be lost to one of another, nearby cluster
    parts, _ = ndimage.label(mask)
    places = peak_local_max(depth, min_distance=apart, labels=parts, exclude_border=False)
    seeds[tuple(places.T)] = np.arange(1, len(places) + 1)
    everything = watershed(-depth, seeds, mask=mask)
    labels = clear_border(everything)
    scale = np.array(image.shape) / mask.shape
    rows, fine = [], np.zeros(labels.shape, int)
    for region in regionprops(labels):
        diameter = region.equivalent_diameter_area * PIXEL_NM
        if diameter >= SMALLEST_NM:
            y, x = (np.array(region.centroid) + 0.5) * scale - 0.5
            grown = ndimage.binary_dilation(everything == region.label, iterations=2)
            others = np.setdiff1d(everything[grown], [0, region.label])
            rows.append((x, y, diameter, others.size > 0))
            fine[labels == region.label] = len(rows)
    found = pd.DataFrame(rows, columns=["x_px", "y_px", "diameter_nm", "touches"])
    take = [np.minimum(np.arange(n) * m // n, m - 1) for n, m in zip(image.shape, labels.shape)]
    return found.astype({"touches": bool}), fine[np.ix_(*take)]


def crops(image, found, labels, pixel_size_nm, side_nm, rng):
    """
    Cut a square around each cluster; pixels of its neighbours are replaced by support.

    Parameters
    ----------
    image : array (H, W)
    found : DataFrame
    labels : array (H, W) of int
        Both from `find_clusters`.
    pixel_size_nm : float
    side_nm : float
        Of the square. At the border of the image it is filled up with support.
    rng : numpy.random.Generator
        Draws the pixels of support that replace others.

    Returns
    -------
    array (N, side, side)
    """
    side = round(side_nm / pixel_size_nm)
    reach = max(round(MARGIN_NM / pixel_size_nm), 1)
    covered = ndimage.maximum_filter(labels > 0, 2 * reach + 1)
    cut = []
    for k, row in enumerate(found.itertuples(), 1):
        own = ndimage.maximum_filter(labels == k, 2 * reach + 1) & ((labels == 0) | (labels == k))
        top, left = round(row.y_px - side / 2), round(row.x_px - side / 2)
        rows, columns = np.arange(top, top + side), np.arange(left, left + side)
        at = np.ix_(rows.clip(0, len(image) - 1), columns.clip(0, image.shape[1] - 1))
        inside = np.logical_and.outer(
            (rows >= 0) & (rows < len(image)), (columns >= 0) & (columns < image.shape[1])
        )
        piece = image[at].astype(np.float32)
        support = piece[inside & ~covered[at]]
        if not support.size:
            support = image[~covered] if (~covered).any() else piece.ravel()
        wrong = ~inside | (covered[at] & ~own[at])
        piece[wrong] = rng.choice(support, wrong.sum())
        cut.append(piece)
    return np.stack(cut) if cut else np.empty((0, side, side), np.float32)


def classify_field(image, pixel_size_nm, classifier=None, seed=0):
    """
    Find the clusters of a wide field and name their isomers.

    Parameters
    ----------
    image : array (H, W)
    pixel_size_nm : float
    classifier : helpers.clusters.classify.Classifier, optional
        The shipped one by default.
    seed : int
        Of the support that replaces neighbours.

    Returns
    -------
    tuple
        The table of `find_clusters` with ``isomer``, ``probability``, ``reason`` (why it is not
        accepted) and ``accepted``, and the labels.

    Raises
    ------
    DataError
        As `helpers.clusters.classify.predict`.
    """
    classifier = classifier or shipped()
    found, labels = find_clusters(image, pixel_size_nm)
    side_nm = WINDOW_PX * classifier.pixel_size_nm
    pieces = crops(
        np.asarray(image), found, labels, pixel_size_nm, side_nm, np.random.default_rng(seed)
    )
    if len(found):
        pieces = resampled(pieces, pixel_size_nm, classifier.pixel_size_nm)
    probabilities = classifier.probabilities(pieces)
    found["isomer"] = [ISOMERS[k] for k in probabilities.argmax(1)]
    found["probability"] = probabilities.max(1)
    rows = zip(found["diameter_nm"], found["probability"])
    found["reason"] = [why_not(*row, classifier) for row in rows]
    found["accepted"] = found["reason"] == ""
    return found, labels
