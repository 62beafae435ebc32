"""Pairs of a window of the dark-field image and the spectrum of its middle.

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
            " expected the same rows and columns; see helpers.spectrum_images.pair."
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
