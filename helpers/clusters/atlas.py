"""The field's own way: compare an image with every image of a simulation atlas and take the best.

How alike two images are is their normalised cross-correlation within a disc, the best over all
in-plane rotations, over mirror images and over small shifts. Rotations are found all at once: on
polar coordinates a rotation is a shift, and the correlation of all shifts is a product of Fourier
transforms. Isomers that are built of mirror planes look mirrored from mirrored directions, so that
the mirror image of an atlas image is one as well.
"""

from dataclasses import dataclass

import numpy as np
from scipy import fft, sparse
from scipy.ndimage import fourier_shift, gaussian_filter

ANGLES = 128  # in-plane rotations compared; 2.8 degrees apart, 1.2 px at the rim of 309 atoms
HARMONICS = 49  # finer detail around the rim than a source of 0.08 nm leaves is noise
STEP_PX = 0.5  # shifts compared: a grid of 5 x 5 around the centre
REFINED = 8  # best atlas images of each class that are compared at all shifts
BATCH = 16


@dataclass(frozen=True)
class Atlas:
    """Images of known isomers and orientations, ready to be compared.

    Attributes
    ----------
    spectra : array (harmonics, T, radii) complex64
        Angular Fourier transforms of the T images on polar coordinates, of unit norm.
    classes : array (T,) of int
    polar : scipy.sparse matrix
        Samples an image on polar coordinates.
    profile : array (H, W)
        Mean of all images, averaged over rotations: what an image is centred with.
    blur_px : float
        Standard deviation of a Gaussian that images are smoothed with before the comparison.
    """

    spectra: np.ndarray
    classes: np.ndarray
    polar: sparse.csr_matrix
    profile: np.ndarray
    blur_px: float


def build_atlas(images, classes, source_px, blur_px=0.0):
    """
    Make an atlas.

    Parameters
    ----------
    images : array (T, H, H)
        Noise-free, the cluster in the middle.
    classes : array (T,) of int
    source_px : float
        Standard deviation of the source size in the images that will be compared.
    blur_px : float
        Of additional smoothing of both, against noise.

    Returns
    -------
    Atlas
    """
    blurred = _smooth(np.asarray(images, np.float32), np.hypot(source_px, blur_px))
    side = blurred.shape[-1]
    polar = _polar_matrix(side)
    radial = (polar @ blurred.mean(0).ravel()).reshape(-1, ANGLES).mean(1)
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    profile = np.interp(np.hypot(x, y), np.arange(len(radial)) + 0.5, radial)
    return Atlas(_spectra(blurred, polar), np.asarray(classes), polar, profile, blur_px)


def similarities(atlas, frames):
    """
    Best normalised cross-correlation of frames with each image of the atlas.

    Parameters
    ----------
    atlas : Atlas
    frames : array (N, H, H)
        Of the size of the atlas images, a cluster near the middle.

    Returns
    -------
    array (N, T) float32
        In [-1, 1]. The best `REFINED` of each class are compared at all shifts, the others as
        they lie after centring.
    """
    frames = _smooth(np.asarray(frames, np.float32), atlas.blur_px)
    found = np.empty((len(frames), len(atlas.classes)), np.float32)
    everything = np.arange(len(atlas.classes))
    for start in range(0, len(frames), BATCH):
        part = centred(frames[start : start + BATCH], atlas.profile)
        found[start : start + BATCH] = _best(atlas, part, everything)
        for k, frame in enumerate(part, start):
            some = np.concatenate([_highest(found[k], atlas.classes == c) for c in _present(atlas)])
            shifted = _best(atlas, _shifted(frame), some).max(0)
            found[k, some] = np.maximum(found[k, some], shifted)
    return found


def class_similarities(atlas, similarity, n=4, without=None):
    """
    Highest similarity to an image of each class.

    Parameters
    ----------
    atlas : Atlas
    similarity : array (N, T)
        From `similarities`.
    n : int
        Number of classes.
    without : array (N,) of int, optional
        An atlas image that does not count, for each frame: itself, when the frame is one of them.

    Returns
    -------
    array (N, n)
        -inf for a class that the atlas lacks.
    """
    similarity = np.array(similarity)
    if without is not None:
        similarity[np.arange(len(similarity)), without] = -np.inf
    best = np.full((len(similarity), n), -np.inf, np.float32)
    for c in _present(atlas):
        best[:, c] = similarity[:, atlas.classes == c].max(1)
    return best


def confusers(own, best):
    """
    How alike an image is to the most similar one of another isomer.

    Parameters
    ----------
    own : array (N,) of int
        Classes of the images.
    best : array (N, n)
        From `class_similarities`.

    Returns
    -------
    tuple of array (N,)
        The highest similarity to another class, and that class.
    """
    others = np.array(best)
    others[np.arange(len(own)), own] = -np.inf
    return others.max(1), others.argmax(1)


def centred(frames, profile):
    """Move each frame by whole pixels to where it fits a profile in the middle best."""
    side = frames.shape[-1]
    pattern = fft.rfft2(profile - profile.mean())
    overlap = fft.irfft2(fft.rfft2(frames) * pattern.conj(), s=frames.shape[-2:])
    places = overlap.reshape(len(frames), -1).argmax(1)
    moves = [(-(p // side), -(p % side)) for p in places]
    return np.stack([np.roll(f, m, (0, 1)) for f, m in zip(frames, moves, strict=True)])


def _present(atlas):
    return np.unique(atlas.classes)


def _highest(values, among):
    places = np.flatnonzero(among)
    return places[np.argsort(-values[places])[:REFINED]]


def _smooth(images, sigma):
    return gaussian_filter(images, (0, sigma, sigma), mode="nearest") if sigma else images


def _shifted(frame):
    """The frame and its 24 neighbours on a grid of half pixels, (25, H, H)."""
    spectrum = fft.fft2(frame)
    steps = STEP_PX * np.arange(-2, 3)
    moved = [fourier_shift(spectrum, (dy, dx)) for dy in steps for dx in steps]
    return fft.ifft2(np.stack(moved)).real.astype(np.float32)


def _polar_matrix(side):
    """Bilinear interpolation of an image on circles around its middle: (radii * angles, pixels)."""
    radius = np.arange((side - 3) // 2) + 0.5
    angle = 2 * np.pi * np.arange(ANGLES) / ANGLES
    middle = (side - 1) / 2
    x = (middle + radius[:, None] * np.cos(angle)).ravel()
    y = (middle + radius[:, None] * np.sin(angle)).ravel()
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    fx, fy = x - column, y - row
    sample = np.arange(len(x))
    parts = [
        sparse.coo_matrix((wy * wx, (sample, (row + dy) * side + column + dx)), (len(x), side**2))
        for dy, wy in ((0, 1 - fy), (1, fy))
        for dx, wx in ((0, 1 - fx), (1, fx))
    ]
    return sum(parts[1:], parts[0]).tocsr().astype(np.float32)


def _spectra(images, polar):
    """Angular spectra (harmonics, N, radii), scaled so that products are correlations."""
    circles = (polar @ images.reshape(len(images), -1).T).T.reshape(len(images), -1, ANGLES)
    area = np.arange(circles.shape[1], dtype=np.float32)[:, None] + 0.5
    weight = area / area.sum()
    circles = circles - (circles.mean(2, keepdims=True) * weight).sum(1, keepdims=True)
    circles *= np.sqrt(area)
    circles /= np.sqrt((circles**2).sum((1, 2), keepdims=True)) + 1e-12
    return np.ascontiguousarray(fft.rfft(circles, axis=2)[:, :, :HARMONICS].transpose(2, 0, 1))


def _best(atlas, frames, some):
    """Correlations (N, len(some)), the best over in-plane rotations and mirror images."""
    seen = _spectra(frames, atlas.polar)
    known = atlas.spectra[:, some].transpose(0, 2, 1)
    best = np.full((len(frames), len(some)), -np.inf, np.float32)
    for turned in (seen.conj(), seen):  # a mirror image runs around the circles the other way
        products = turned @ known
        padded = np.zeros((ANGLES // 2 + 1, *products.shape[1:]), np.complex64)
        padded[: len(products)] = products
        best = np.maximum(best, fft.irfft(padded, n=ANGLES, axis=0).max(0))
    return best
