"""Where an image shows clusters: what stands out from the support.

Everything runs on pixels of 0.1 nm, so that neither atomic columns nor the size of the pixels
matter.
"""

import numpy as np
import torch
from scipy import ndimage
from skimage.filters import threshold_otsu
from torch.nn import functional as F

from helpers.registry import DataError

PIXEL_NM = 0.1
SMOOTH_NM = 0.2  # bridges the gaps between atomic columns
SMALLEST_FIELD_NM = 1.4  # no cluster of 147 atoms, 1.7 nm wide, fits in
LARGEST_PIXEL_NM = 0.1  # atomic columns of gold, 0.2 nm apart, are not resolved with larger ones


def outline(image, pixel_size_nm):
    """
    Separate clusters from the support by a threshold on the smoothed image (Otsu's).

    Parameters
    ----------
    image : array (H, W)
    pixel_size_nm : float

    Returns
    -------
    tuple of array (h, w)
        The smoothed image on pixels of `PIXEL_NM`, and whether a pixel belongs to a cluster.
    """
    coarse = resampled(np.asarray(image)[None], pixel_size_nm, PIXEL_NM)[0]
    smooth = ndimage.gaussian_filter(coarse, SMOOTH_NM / PIXEL_NM)
    return smooth, ndimage.binary_fill_holes(smooth > threshold_otsu(smooth))


def diameter_nm(image, pixel_size_nm):
    """Diameter (nm) of a disc with the area of the object that is brightest in the image."""
    smooth, mask = outline(image, pixel_size_nm)
    parts, _ = ndimage.label(mask)
    area = (parts == parts.flat[smooth.argmax()]).sum() * PIXEL_NM**2
    return float(2 * np.sqrt(area / np.pi))


def noise(frames):
    """
    Standard deviation of white noise in frames (N, H, W), array (N,).

    From second differences along both axes [Immerkaer 1996].
    """
    once = torch.tensor([1.0, -2.0, 1.0])
    x = torch.as_tensor(np.asarray(frames, np.float32))[:, None]
    return F.conv2d(x, (once[:, None] * once)[None, None]).flatten(1).std(1).numpy() / 6


def noise_share(frames):
    """
    Share of noise in frames (N, H, W) that have the network's pixels, array (N,).

    Its standard deviation over that of everything, both of the mean of 2 x 2 pixels, so that it
    hardly changes where frames were resampled: about 1 for noise alone, less than 0.4 where there
    are electrons enough.
    """
    x = F.avg_pool2d(torch.as_tensor(np.asarray(frames, np.float32))[:, None], 2)[:, 0].numpy()
    return noise(x) / np.maximum(x.std((1, 2)), 1e-12)


def resampled(frames, pixel_size_nm, target_nm):
    """Frames (N, H, W) on pixels of `target_nm`, float32, smoothed first where these are larger."""
    frames = np.asarray(frames, np.float32)
    factor = pixel_size_nm / target_nm
    if abs(factor - 1) < 0.01:
        return frames
    shape = tuple(max(round(n * factor), 1) for n in frames.shape[1:])
    x = torch.as_tensor(frames)[:, None]
    return F.interpolate(x, shape, mode="bicubic", antialias=True)[:, 0].numpy()


def checked(frames, pixel_size_nm):
    """
    Frames (N, H, W) as an array, if isomers can be told in them.

    Raises
    ------
    DataError
        Frames of another shape or type, an unknown pixel size or one that does not resolve atomic
        columns, a field smaller than a cluster, or a frame without contrast.
    """
    frames = np.asarray(frames)
    if frames.ndim != 3 or frames.dtype.kind not in "iufb":
        raise DataError(
            f"The frames are an array of shape {frames.shape} and type {frames.dtype}: expected"
            " real numbers (frames, rows, columns)."
        )
    if pixel_size_nm is None or not np.isfinite(pixel_size_nm) or pixel_size_nm <= 0:
        raise DataError(
            f"The pixel size is {pixel_size_nm}: expected the side of a pixel in nm; without it"
            " nobody can tell 147 atoms from 561, give pixel_size_nm."
        )
    if pixel_size_nm > LARGEST_PIXEL_NM:
        raise DataError(
            f"The pixels are {pixel_size_nm:g} nm wide: expected at most {LARGEST_PIXEL_NM} nm,"
            " as wider ones do not resolve atomic columns; take an image at higher magnification."
        )
    height, width = (n * pixel_size_nm for n in frames.shape[1:])
    if min(height, width) < SMALLEST_FIELD_NM:
        raise DataError(
            f"The field is {width:.2g} x {height:.2g} nm: expected at least {SMALLEST_FIELD_NM} nm"
            " on each side, the size of the smallest cluster; crop less."
        )
    low, high = frames.min((1, 2)).astype(float), frames.max((1, 2)).astype(float)
    bad = np.flatnonzero(~(np.isfinite(low) & np.isfinite(high) & (high > low)))
    if bad.size:
        raise DataError(
            f"Frame {bad[0]} has no contrast or values that are not finite: expected an image of"
            " a cluster; leave it out."
        )
    return frames
