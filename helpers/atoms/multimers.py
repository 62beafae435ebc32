"""Split merged detections: how many atoms does one region of a likelihood map hold, and where?

Atoms less than about 0.4 nm apart share one region above the threshold. Rossi et al. 2024
(Materials and Methods) fit mixtures of one, two and three Gaussians to the likelihood inside a
large region and keep the one with the best penalised likelihood, the "modified Bayesian
information criterion"; its form and constants are in their code only (nccr-catalysis-org/
atom-detection). Here every constant is a field of `Criterion`, so that the published choice, the
textbook criterion and the one calibrated on simulated multimers run through the same code.

Departure: the published code draws 600 positions from the likelihood, and for regions that are not
square exchanges their rows and columns. The draw is a draw of counts per pixel; here the counts go
to the pixels they belong to, whatever the shape of the region, and the draw can be left out: the
expected counts are the likelihood itself, and the result no longer depends on chance.

A map is flat where the network is sure; the micrograph is not. `split_maxima` reads the atoms of a
region from the filtered micrograph instead. It is not in the paper, needs no mixture and resolves
more (``data/ch02/make_multimers.py``), so it is the one to use where the image is at hand.

Positions are pixels, x the column and y the row.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import ndimage

from helpers.atoms.baselines import log_response
from helpers.atoms.peaks import maxima, vertex
from helpers.data import DataError

# A pixel is a square of 1 px, not a point: its own variance along each axis (px^2). It also keeps
# a Gaussian from collapsing on one row of pixels.
_PIXEL_VARIANCE = 1 / 12
SIGMA_PX = 2.0  # of the Laplacian of Gaussian: 0.06 nm, about the width of an atom in focus
AREA_PX2 = 30.0  # of a bounding box; that of a lone atom at 34 px/nm is about 50
SHARE = 0.3  # of the largest response in a region, below which a maximum is no atom
_COLUMNS = ["x_px", "y_px", "probability", "region"]


@dataclass(frozen=True)
class Mixture:
    """A mixture of k Gaussians fitted to weighted pixels.

    Attributes
    ----------
    shares : numpy.ndarray
        Weight of every Gaussian, (k,), sum 1.
    means : numpy.ndarray
        Centres (x, y) in px, (k, 2).
    covariances : numpy.ndarray
        In px^2, (k, 2, 2).
    log_likelihood : float
        Mean over the weighted pixels, in nats.
    """

    shares: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    log_likelihood: float


@dataclass(frozen=True)
class Criterion:
    """When a region is split, and which number of atoms wins: the one with the highest score.

    Attributes
    ----------
    extent : float
        Cost per px^2 of the Frobenius norm of all covariances stacked (nats).
    atom : float
        Cost of every Gaussian (nats).
    pair : float
        Cost of two centres d px apart: ``pair * max(reach_px - d, 0) ** 2`` (nats).
    reach_px : float
        Distance at which two atoms stop to disturb each other.
    area_px2 : float
        Smallest bounding box that is split. Its area is taken as published: last minus first
        column, times last minus first row, so that a box of 15 x 15 px counts 196.
    max_atoms : int
        Largest number of Gaussians tried.
    samples : int or None
        Positions drawn from the likelihood; None takes the likelihood itself.
    """

    extent: float = 0.03
    atom: float = 0.33
    pair: float = 0.11
    reach_px: float = 12.0
    area_px2: float = 200.0
    max_atoms: int = 3
    samples: int | None = None

    def score(self, mixture: Mixture) -> float:
        """Penalised mean log-likelihood of a mixture, in nats."""
        first, second = np.triu_indices(len(mixture.means), 1)
        distance = np.linalg.norm(mixture.means[first] - mixture.means[second], axis=1)
        return float(
            mixture.log_likelihood
            - self.extent * np.linalg.norm(mixture.covariances)
            - self.atom * len(mixture.means)
            - self.pair * (np.clip(self.reach_px - distance, 0, None) ** 2).sum()
        )


PUBLISHED = Criterion(samples=600)
# The textbook criterion per sample, -BIC / 2n, for n = 600: a Gaussian more costs six parameters.
BIC = Criterion(extent=0, pair=0, atom=6 * np.log(600) / (2 * 600), samples=600)
EXACT = replace(PUBLISHED, samples=None)  # the published one without the draw
# of 200 random settings on simulated validation images, the one that resolves most among those that
# leave as many single atoms whole as the published criterion (data/ch02/multimers_calibration.csv)
CALIBRATED = Criterion(extent=0.045, atom=0.1, pair=0.0, area_px2=60.0, max_atoms=4)


def split(
    likelihood: np.ndarray,
    threshold: float = 0.8,
    criterion: Criterion = CALIBRATED,
    seed: int = 0,
) -> pd.DataFrame:
    """
    Read positions from a likelihood map, several from a region that holds several atoms.

    Parameters
    ----------
    likelihood : (H, W) array
        Probability of an atom at every pixel, 0 to 1.
    threshold : float
        Regions are 4-connected pixels above it; 0.8 is the published one.
    criterion : Criterion
    seed : int
        For a criterion that draws samples; every region has its own stream, so that it is split
        alike whatever else the map holds.

    Returns
    -------
    DataFrame
        ``x_px``, ``y_px``, ``probability`` (of all atoms of a region its largest likelihood, as
        published) and ``region`` (from 0, in reading order). An undivided small region lies at the
        centre of its bounding box, rounded down.

    Raises
    ------
    helpers.data.DataError
        If the map is not two-dimensional or holds anything but numbers from 0 to 1.
    """
    likelihood = checked_map(likelihood)
    labels, _ = ndimage.label(likelihood > threshold)
    found = []
    for region, (rows, columns) in enumerate(ndimage.find_objects(labels)):
        inside = np.where(labels[rows, columns] == region + 1, likelihood[rows, columns], 0)
        height, width = np.array(inside.shape) - 1
        if height * width < criterion.area_px2:
            centres = [(columns.start + width // 2, rows.start + height // 2)]
        else:
            pixels, weights = weighted_pixels(inside, criterion, [seed, *inside.shape])
            mixtures = (fit_mixture(pixels, weights, k + 1) for k in range(criterion.max_atoms))
            centres = max(mixtures, key=criterion.score).means + (columns.start, rows.start)
        found += [(x, y, inside.max(), region) for x, y in centres]
    return pd.DataFrame(found, columns=_COLUMNS).astype(dict.fromkeys(_COLUMNS[:3], float))


def split_maxima(
    likelihood: np.ndarray,
    threshold: float,
    image: np.ndarray,
    sigma_px: float = SIGMA_PX,
    share: float = SHARE,
    area_px2: float = AREA_PX2,
) -> pd.DataFrame:
    """
    Read positions from the micrograph, inside the regions of its likelihood map.

    The atoms of a region are the maxima of the Laplacian of Gaussian of the image, at least 2 px
    apart and not much fainter than the brightest of the region; the parabola through a maximum and
    its neighbours gives the fraction of a pixel. Every region keeps at least one atom.

    Parameters
    ----------
    likelihood : (H, W) array
        Probability of an atom at every pixel, 0 to 1.
    threshold : float
        Regions are 4-connected pixels above it.
    image : (H, W) array
        In any unit, at about `preprocess.NETWORK_PIXEL_NM` per pixel.
    sigma_px : float
        Width of the filter; half of it more and dimers of 0.2 nm merge.
    share : float
        A maximum needs this share of the region's largest response.
    area_px2 : float
        Regions with a smaller bounding box (counted as in `Criterion`) keep their largest response
        only: specks of noise are one false atom, not two.

    Returns
    -------
    DataFrame
        As of `split`.

    Raises
    ------
    helpers.data.DataError
        If the map is no map of probabilities, or the image has another shape or holds NaN.
    """
    likelihood, image = checked_map(likelihood), np.asarray(image, float)
    if image.shape != likelihood.shape or not np.isfinite(image).all():
        raise DataError(
            f"image: found shape {image.shape} for a map of shape {likelihood.shape}, "
            f"{(~np.isfinite(image)).sum()} values that are no numbers; expected the image that "
            "belongs to the map, without gaps."
        )
    labels, n = ndimage.label(likelihood > threshold)
    if n == 0:
        return pd.DataFrame(columns=_COLUMNS, dtype=float)
    response = log_response((image - image.min()) / max(np.ptp(image), 1e-12), sigma_px)
    response = response.astype(float)
    numbers = np.arange(1, n + 1)
    # a region whose largest response lies on its rim has no maximum inside: that pixel stands in
    best = np.array(ndimage.maximum_position(response, labels, numbers))
    peaks = maxima(np.where(labels > 0, response, -np.inf), -np.inf, min_distance=2)
    at = np.unique(np.concatenate([best, peaks[["y_px", "x_px"]].to_numpy(int)]), axis=0)
    y, x = at.T
    region = labels[y, x] - 1
    top = response[best[:, 0], best[:, 1]]
    sides = [[side.stop - 1 - side.start for side in box] for box in ndimage.find_objects(labels)]
    needed = np.where(np.prod(sides, axis=1) < area_px2, top, np.minimum(share * top, top))
    kept = (region >= 0) & (response[y, x] >= needed[region])
    y, x, region = y[kept], x[kept], region[kept]
    dy, dx = vertex(response, y, x)
    largest = np.asarray(ndimage.maximum(likelihood, labels, numbers), float)
    table = pd.DataFrame({"x_px": x + dx, "y_px": y + dy, "probability": largest[region]})
    return table.assign(region=region).sort_values("region", kind="stable", ignore_index=True)


def checked_map(likelihood: np.ndarray) -> np.ndarray:
    """The map as an array, or a DataError if it is not one of probabilities."""
    likelihood = np.asarray(likelihood)
    if likelihood.ndim != 2:
        raise DataError(f"likelihood map: found shape {likelihood.shape}, expected one map (H, W)")
    if not ((likelihood >= 0) & (likelihood <= 1)).all():  # NaN fails every comparison
        raise DataError(
            f"likelihood map: found values from {np.min(likelihood)} to {np.max(likelihood)}, "
            "expected probabilities from 0 to 1; give it the map of a network, not its logits."
        )
    return likelihood


def weighted_pixels(
    inside: np.ndarray, criterion: Criterion, seed: int | list[int] = 0
) -> tuple[np.ndarray, np.ndarray]:
    """
    Pixels (x, y) of one region and the weight of each: its likelihood, or how often it was drawn.

    Parameters
    ----------
    inside : (h, w) array
        Likelihood in the bounding box of a region, 0 outside the region.
    criterion : Criterion
        Its ``samples`` says how many positions to draw.
    seed : int or list of int

    Returns
    -------
    pixels : (N, 2) array
    weights : (N,) array, sum 1
    """
    share = inside / inside.sum(dtype=float)
    if criterion.samples:
        # by inverse CDF: the uniform number falls into the step of one pixel
        uniform = np.random.default_rng(seed).random(criterion.samples)
        cdf = np.cumsum(share.ravel())
        drawn = np.searchsorted(cdf, uniform * cdf[-1], side="right")
        share = np.bincount(drawn, minlength=share.size).reshape(share.shape) / criterion.samples
    y, x = np.nonzero(share)
    return np.column_stack([x, y]).astype(float), share[y, x]


def fit_mixture(pixels: np.ndarray, weights: np.ndarray, k: int, steps: int = 300) -> Mixture:
    """
    Fit k Gaussians with full covariance by expectation maximisation; no chance is involved.

    The better of two starts is kept: centres that lie as far from each other as possible, counted
    from the far end of the region or from its middle.

    Parameters
    ----------
    pixels : (N, 2) array
    weights : (N,) array, sum 1
    k : int
    steps : int
        At most; the fit ends when the mean log-likelihood grows by less than 1e-4 nats.
    """
    middle = weights @ pixels
    fits = []
    for begin in (np.argmax, np.argmin):
        far = np.linalg.norm(pixels - middle, axis=1)
        chosen = [begin(far)]
        while len(chosen) < k:
            apart = np.linalg.norm(pixels[:, None] - pixels[chosen], axis=2)
            chosen.append(np.argmax(apart.min(axis=1)))
        fits.append(_maximise(pixels, weights, pixels[chosen], steps))
        if k == 1:
            break
    return max(fits, key=lambda fit: fit.log_likelihood)


def _maximise(pixels, weights, means, steps):
    """Expectation maximisation from given centres."""
    k, spread = len(means), (weights @ (pixels - weights @ pixels) ** 2).mean()
    shares = np.full(k, 1 / k)
    covariances = np.tile(np.eye(2) * (spread / k + _PIXEL_VARIANCE), (k, 1, 1))
    last = -np.inf
    for _ in range(steps):
        off = pixels[:, None] - means
        inverse, volume = np.linalg.inv(covariances), np.linalg.det(covariances)
        square = np.einsum("nki,kij,nkj->nk", off, inverse, off)
        density = shares / (2 * np.pi * np.sqrt(volume)) * np.exp(-square / 2)
        total = density.sum(axis=1) + 1e-300
        now = weights @ np.log(total)
        if now - last < 1e-4:
            break
        last = now
        part = density / total[:, None] * weights[:, None]
        shares = part.sum(axis=0) + 1e-12
        means = part.T @ pixels / shares[:, None]
        off = pixels[:, None] - means
        covariances = np.einsum("nk,nki,nkj->kij", part, off, off) / shares[:, None, None]
        covariances += _PIXEL_VARIANCE * np.eye(2)
    return Mixture(shares, means, covariances, float(now))
