"""Split merged detections by a fit to the micrograph itself: equal round spots, counted by BIC.

A likelihood map says where atoms may be, but is flat where the network is sure, and two atoms 0.2
nm apart leave no more than a long region in it. The counts still show them. Here the pixels of a
region and a rim around it are described by a level and k equal Gaussian spots; the Bayesian
information criterion decides on k. Not in the paper; `data/ch02/make_multimers.py` compares it with
the mixtures of `multimers`, which it replaces as the default.

Equal spots are what makes neighbours countable: a spot twice as bright and wider than the others
is two atoms. Atoms of different metals are not equally bright, and pairs of them are where this
model errs first.
"""

import numpy as np
import pandas as pd
from scipy import ndimage
from scipy.optimize import least_squares

from helpers.atoms.multimers import CALIBRATED, checked_map, fit_mixture, weighted_pixels
from helpers.data import DataError

RIM_PX = 4  # pixels around a region that belong to its fit: most of an atom's flank
SIGMA_PX = (1.8, 3.6)  # widths of a spot: 0.053 to 0.105 nm at 34 px/nm, an atom in or near focus
AREA_PX2 = 40.0  # of the bounding box: smaller regions are specks of one atom or none
ATOM_COST = 2.0  # times ln(pixels): the two coordinates of an atom


def fit_spots(image, pixels, centres):
    """
    Fit a level and equal Gaussian spots, least squares, beginning from given centres.

    Parameters
    ----------
    image : (N,) array
        Values of the pixels, any unit.
    pixels : (N, 2) array
        Their x and y.
    centres : (k, 2) array

    Returns
    -------
    centres : (k, 2) array
        Not further out than the pixels.
    misfit : float
        Sum of squared residuals over the variance of the pixels.
    """
    k = len(centres)
    values = (image - image.mean()) / max(image.std(), 1e-12)
    low, high = pixels.min(axis=0), pixels.max(axis=0)

    def spots(p):
        off = pixels[:, None] - p[3:].reshape(k, 2)
        square = (off**2).sum(axis=2)
        return off, square, np.exp(-square / (2 * p[2] ** 2))

    def residual(p):
        return p[0] + p[1] * spots(p)[2].sum(axis=1) - values

    def jacobian(p):
        off, square, spot = spots(p)
        moved = p[1] * off * spot[..., None] / p[2] ** 2
        wider = p[1] * (square * spot).sum(axis=1) / p[2] ** 3
        return np.column_stack(
            [np.ones(len(values)), spot.sum(axis=1), wider, moved.reshape(-1, 2 * k)]
        )

    start = np.clip(centres, low + 1e-3, high - 1e-3).ravel()
    result = least_squares(
        residual,
        np.concatenate([[-0.5, 2.0, 2.6], start]),
        jacobian,
        bounds=(
            np.concatenate([[-20, 0, SIGMA_PX[0]], np.tile(low, k)]),
            np.concatenate([[20, 100, SIGMA_PX[1]], np.tile(high, k)]),
        ),
        ftol=1e-4,
        xtol=1e-4,
        max_nfev=40,
    )
    return result.x[3:].reshape(k, 2), 2 * result.cost


def split_spots(
    image: np.ndarray,
    likelihood: np.ndarray,
    threshold: float = 0.8,
    atom_cost: float = ATOM_COST,
    max_atoms: int = 8,
) -> pd.DataFrame:
    """
    Find atoms in a micrograph, several in a region of its likelihood map that holds several.

    Parameters
    ----------
    image : (H, W) array
        As recorded, in any unit; at about `preprocess.NETWORK_PIXEL_NM` per pixel.
    likelihood : (H, W) array
        Probability of an atom at every pixel, 0 to 1.
    threshold : float
        Regions are 4-connected pixels above it.
    atom_cost : float
        Cost of an atom in units of ln(pixels); 2, its two coordinates, is the textbook's.
    max_atoms : int
        Largest number tried in a region; the search ends before when two more atoms in a row do
        not pay.

    Returns
    -------
    DataFrame
        ``x_px``, ``y_px``, ``probability`` (largest likelihood of the region) and ``region``, as
        `multimers.split` gives. Small regions lie at the centre of their bounding box.

    Raises
    ------
    helpers.data.DataError
        If the map is no map of probabilities or the image has another shape.
    """
    likelihood, image = checked_map(likelihood), np.asarray(image, float)
    if image.shape != likelihood.shape:
        raise DataError(
            f"image and likelihood map: found shapes {image.shape} and {likelihood.shape}, "
            "expected the map of this very image."
        )
    if not np.isfinite(image).all():
        raise DataError("image: found values that are no numbers; crop the image or fill them in.")
    labels, _ = ndimage.label(likelihood > threshold)
    found = []
    for region, box in enumerate(ndimage.find_objects(labels)):
        inside = np.where(labels[box] == region + 1, likelihood[box], 0)
        height, width = np.array(inside.shape) - 1
        corner = np.array([box[1].start, box[0].start])
        if height * width < AREA_PX2:
            centres = [corner + (width // 2, height // 2)]
        else:
            centres = _best(image, labels, region, inside, corner, atom_cost, max_atoms)
        found += [(x, y, inside.max(), region) for x, y in centres]
    table = pd.DataFrame(found, columns=["x_px", "y_px", "probability", "region"])
    return table.astype({"x_px": float, "y_px": float, "probability": float})


def _best(image, labels, region, inside, corner, atom_cost, max_atoms):
    """Centres of the spots of one region, by the Bayesian information criterion."""
    first = np.maximum(corner - RIM_PX, 0)
    last = corner + inside.shape[::-1] + RIM_PX
    window = (slice(first[1], last[1]), slice(first[0], last[0]))
    mine = labels[window] == region + 1
    # the rim ends where another region begins: its atoms are not described here
    fitted = ndimage.binary_dilation(mine, iterations=RIM_PX) & (mine | (labels[window] == 0))
    y, x = np.nonzero(fitted)
    values, pixels = image[window][fitted], np.column_stack([x, y]) + first
    likely, weights = weighted_pixels(inside, CALIBRATED)
    best, best_cost, worse = None, np.inf, 0
    for k in range(1, max_atoms + 1):
        centres, misfit = fit_spots(values, pixels, fit_mixture(likely, weights, k).means + corner)
        # misfits below a thousandth of the variance are no evidence, as in a flat region
        n = len(values)
        cost = n * np.log(misfit / n + 1e-3) + atom_cost * k * np.log(n)
        worse = worse + 1 if cost > best_cost else 0
        if cost < best_cost:
            best, best_cost = centres, cost
        if worse == 2:
            break
    return best
