"""Pairs of a window of the dark-field image and the spectrum of its middle, and honest splits.

Centring: a window of even width w around pixel (row, column) spans rows row - w/2 to row + w/2 - 1,
so that its spectrum belongs to the window's pixel [w/2, w/2], half a pixel below and right of its
geometric middle. This is the rule of the published code. Windows that do not fit are left out.
"""

from dataclasses import dataclass

import numpy as np

from helpers.data import DataError

WINDOW = 16


@dataclass(frozen=True)
class Pairs:
    """Windows and the spectra of their middles.

    Attributes
    ----------
    images : numpy.ndarray (N, w, w), float32
    spectra : numpy.ndarray (N, E), float32
    x_px, y_px : numpy.ndarray (N,) of int
        Column and row of the middle in the spectrum image.
    film : numpy.ndarray (N,) of int
        Which spectrum image.
    """

    images: np.ndarray
    spectra: np.ndarray
    x_px: np.ndarray
    y_px: np.ndarray
    film: np.ndarray

    def __len__(self):
        """Number of pairs."""
        return len(self.images)

    def __getitem__(self, chosen):
        """Some of the pairs, by indices or a mask."""
        parts = (self.images, self.spectra, self.x_px, self.y_px, self.film)
        return Pairs(*(part[chosen] for part in parts))

    @property
    def window(self):
        """Width of the windows in pixels."""
        return self.images.shape[1]


def make_pairs(haadf, losses, window=WINDOW, film=0):
    """Cut all windows that fit.

    Parameters
    ----------
    haadf : xarray.DataArray or array (y, x)
    losses : xarray.DataArray or array (y, x, E)
        On the same pixels.
    window : int
        Width in pixels.
    film : int
        Number of the spectrum image.

    Returns
    -------
    Pairs
        Row by row; 2714 of a spectrum image of 61 x 74 pixels.

    Raises
    ------
    DataError
        Shapes differ, or no window fits.
    """
    image, spectra = (np.asarray(part, np.float32) for part in (haadf, losses))
    if image.ndim != 2 or spectra.ndim != 3 or image.shape != spectra.shape[:2]:
        raise DataError(
            f"The dark-field image has shape {image.shape}, the spectrum image {spectra.shape}:"
            " expected the same rows and columns; see helpers.plasmons.eels_data.pair."
        )
    if window < 2 or min(image.shape) < window:
        raise DataError(
            f"Windows of {window} pixels do not fit an image of {image.shape[0]} x"
            f" {image.shape[1]}: take smaller windows."
        )
    cut = np.lib.stride_tricks.sliding_window_view(image, (window, window))
    rows, columns = cut.shape[:2]
    y, x = (place.ravel() + window // 2 for place in np.mgrid[:rows, :columns])
    images = cut.reshape(-1, window, window).copy()
    return Pairs(images, spectra[y, x], x, y, np.full(len(x), film))


def join(several):
    """Pairs of several spectrum images as one.

    Parameters
    ----------
    several : sequence of Pairs
        With windows and energies of one kind.
    """
    kinds = {(p.images.shape[1:], p.spectra.shape[1:]) for p in several}
    if len(kinds) != 1:
        raise DataError(f"Pairs of different windows or energies cannot be joined: {kinds}.")
    names = ("images", "spectra", "x_px", "y_px", "film")
    return Pairs(*(np.concatenate([getattr(p, name) for p in several]) for name in names))


@dataclass(frozen=True)
class Scale:
    """Minimum and maximum of images and of spectra, one for all, to bring both to [0, 1].

    Made from training pairs alone. The paper does not say how it scales; published code takes the
    extremes of everything, test windows included.
    """

    image: tuple
    spectrum: tuple

    def images(self, values):
        """Images in units of the training range."""
        return ((values - self.image[0]) / (self.image[1] - self.image[0])).astype(np.float32)

    def spectra(self, values):
        """Spectra in units of the training range."""
        low, high = self.spectrum
        return ((values - low) / (high - low)).astype(np.float32)

    def image_back(self, values):
        """Images in their own units."""
        return values * (self.image[1] - self.image[0]) + self.image[0]

    def spectra_back(self, values):
        """Spectra in their own units."""
        return values * (self.spectrum[1] - self.spectrum[0]) + self.spectrum[0]


def scale_of(pairs):
    """The `Scale` of training pairs."""
    return Scale(*(_extremes(part) for part in (pairs.images, pairs.spectra)))


def _extremes(values):
    low, high = float(values.min()), float(values.max())
    if low == high:
        raise DataError(f"All training values are {low:g}: there is nothing to learn.")
    return low, high


def random_split(pairs, share=0.15, seed=1, within=None):
    """Test windows drawn at random, as published code does: they overlap training windows.

    Parameters
    ----------
    pairs : Pairs
    share : float
        Of the windows to test on.
    seed : int
    within : array of int, optional
        Only these pairs.

    Returns
    -------
    train, test : numpy.ndarray of int
    """
    chosen = _within(pairs, within)
    order = np.random.default_rng(seed).permutation(chosen)
    number = round(share * len(order))
    return np.sort(order[number:]), np.sort(order[:number])


def block_split(pairs, share=0.25, axis="x", last=True, gap=None, within=None):
    """Test windows in a block at one end of every spectrum image, without any pixel in common.

    Parameters
    ----------
    pairs : Pairs
    share : float
        Of the width (or height) of middles to test on.
    axis : {"x", "y"}
        Along which the image is divided.
    last : bool
        Test on the right (or lower) end, else on the other.
    gap : int, optional
        Least distance in pixels between middles of training and test; one window by default,
        which is the least at which windows share no pixel.
    within : array of int, optional
        Only these pairs, as to take a validation block from a training block.

    Returns
    -------
    train, test : numpy.ndarray of int

    Raises
    ------
    DataError
        Nothing is left to train or to test on.
    """
    chosen = _within(pairs, within)
    gap = pairs.window if gap is None else gap
    place = {"x": pairs.x_px, "y": pairs.y_px}[axis][chosen]
    place = place if last else -place
    edge = place.max() - max(round(share * (place.max() - place.min() + 1)), 1) + 1
    test, train = chosen[place >= edge], chosen[place <= edge - gap]
    if not len(train) or not len(test):
        raise DataError(
            f"A block of {share:.0%} along {axis} and a gap of {gap} pixels leave {len(train)}"
            f" windows to train and {len(test)} to test on: the field is too small; take a smaller"
            " window or share, or several spectrum images."
        )
    return train, test


def film_split(pairs, film):
    """Test on one spectrum image, train on all others.

    Returns
    -------
    train, test : numpy.ndarray of int
    """
    if not (pairs.film == film).any() or (pairs.film == film).all():
        raise DataError(
            f"Spectrum image {film} is not one of several: there are {np.unique(pairs.film)}."
        )
    return np.flatnonzero(pairs.film != film), np.flatnonzero(pairs.film == film)


def overlap(pairs, train, test):
    """Largest share of its pixels that every test window has in common with a training window.

    Returns
    -------
    numpy.ndarray (len(test),)
    """
    answer = np.zeros(len(test))
    for film in np.unique(pairs.film[test]):
        here = np.flatnonzero(pairs.film[test] == film)
        there = train[pairs.film[train] == film]
        for at in here if len(there) else ():
            common = [
                np.clip(pairs.window - np.abs(place[there] - place[test[at]]), 0, None)
                for place in (pairs.x_px, pairs.y_px)
            ]
            answer[at] = (common[0] * common[1]).max() / pairs.window**2
    return answer


def turned(images, symmetry):
    """Windows turned and mirrored around the pixel their spectrum belongs to.

    Loss spectra do not change when all is turned, so the eight symmetries of the square are free
    training pairs for spectra from images. A window of even width has that pixel beside its middle:
    it gets one more row and column, copies of its last, and loses a row and a column afterwards.

    Parameters
    ----------
    images : array (N, w, w)
    symmetry : int
        0 to 7: quarter turns, and from 4 on mirrored before.

    Returns
    -------
    numpy.ndarray (N, w, w)
    """
    even = images.shape[1] % 2 == 0
    wide = np.pad(images, [(0, 0), (0, 1), (0, 1)], "edge") if even else images
    wide = wide[:, :, ::-1] if symmetry >= 4 else wide
    wide = np.rot90(wide, symmetry % 4, (1, 2))
    return np.ascontiguousarray(wide[:, :-1, :-1] if even else wide)


def on_map(values, pairs, shape):
    """Values (N,) of the pairs of one spectrum image on its pixels, NaN elsewhere (y, x)."""
    answer = np.full(shape, np.nan)
    answer[pairs.y_px, pairs.x_px] = values
    return answer


def _within(pairs, within):
    return np.arange(len(pairs)) if within is None else np.asarray(within)
