"""Measured files as labelled arrays and tables: images, videos, points, public data by name.

Everywhere x is the column and y the row.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from helpers.calibration import pixel_size
from helpers.formats import read
from helpers.pixels import as_float32, grey, places_nm, refuse_small
from helpers.points import open_points
from helpers.registry import (
    ROOT,
    DataError,
    DataUnavailable,
    available,
    fetch,
    registry,
    sha256,
)
from helpers.series import open_series

__all__ = [
    "ROOT",
    "DataError",
    "DataUnavailable",
    "Labelled",
    "available",
    "fetch",
    "open_image",
    "open_points",
    "open_series",
    "pt_nc",
    "registry",
    "sha256",
]

# Field of view 15 nm on 512 pixels (Mitchell 2022, Fig. 1; the tags of the files agree).
PT_NC_PIXEL_NM = 15 / 512


@dataclass(frozen=True)
class Labelled:
    """One hand-labelled image of the public Pt on N-doped carbon set.

    Attributes
    ----------
    name : str
        Frame number as published, for example "053".
    image : xarray.DataArray
        Counts, dims ("y", "x"), coordinates in nm.
    labels : pandas.DataFrame
        One row per labelled atom, columns ``x_px`` and ``y_px``.
    split : str
        "train" or "test", as in the paper.
    """

    name: str
    image: xr.DataArray
    labels: pd.DataFrame
    split: str


def open_image(path, pixel_size_nm=None):
    """Open one measured micrograph.

    Parameters
    ----------
    path : str or pathlib.Path
        tif, dm3, dm4, emd, ser, hspy, zspy, mrc, npy, npz, hdf5, png or jpg. An npz holds one
        array, or one called ``image``, and optionally a number ``pixel_size_nm``; an hdf5 has one
        image at its top, as atomap writes it. Of several images in a file of the microscope, the
        one called HAADF is taken.
    pixel_size_nm : float, optional
        Side of a pixel in nm. Needed when the file does not say; wins over the file when it does.

    Returns
    -------
    xarray.DataArray
        float32, dims ("y", "x"), coordinates in nm from the centre of the first pixel. ``attrs``:
        ``source`` (file name), ``sha256``, ``units`` ("nm"), ``pixel_size_nm``,
        ``pixel_size_from`` ("file" or "argument") and ``warnings`` (list of str).

    Raises
    ------
    DataError
        The file is missing, damaged, not one grey two-dimensional image of at least 32 x 32
        finite values that differ, or its pixel size is unknown or not square.
    """
    path = Path(path)
    values, axes = read(path)
    values = _one_image(path, values)
    size, origin, warnings = pixel_size(path, axes, pixel_size_nm)
    return xr.DataArray(
        values, dims=("y", "x"), name="intensity", coords=places_nm(values.shape, size),
        attrs={
            "source": path.name, "sha256": sha256(path), "units": "nm", "pixel_size_nm": size,
            "pixel_size_from": origin, "warnings": warnings,
        },
    )  # fmt: skip


def pt_nc(split=None):
    """Open the 21 hand-labelled images of Pt single atoms on N-doped carbon (Mitchell 2022).

    Parameters
    ----------
    split : {"train", "test"}, optional
        Only the 11 training or the 10 test images; all 21 by default.

    Returns
    -------
    list of Labelled
        In the order of the published table.

    Raises
    ------
    DataUnavailable
        The set is neither on this computer nor reachable.
    """
    if split not in (None, "train", "test"):
        raise DataError(f"The split is 'train' or 'test', not {split!r}.")
    folder = fetch("pt-nc")
    pairs = pd.read_csv(folder / "dataset" / "Coordinate_image_pairs.csv")
    frames = []
    for row in pairs.itertuples():
        if split in (None, row.Split):
            image = open_image(folder / "data" / "tif_data" / row.Filename, PT_NC_PIXEL_NM)
            labels = open_points(folder / "data" / "label_coordinates" / row.Coords, image)
            frames.append(Labelled(row.Filename[:3], image, labels, row.Split))
    return frames


def _one_image(path, values):
    """Check that `values` is one usable grey image and return it as float32."""
    values = grey(path, values)
    while values.ndim > 2 and values.shape[0] == 1:
        values = values[0]
    if values.ndim != 2:
        frames = int(np.prod(values.shape[:-2])) if values.ndim > 2 else 0
        what = f"a stack of {frames} frames" if frames else f"{values.ndim}-dimensional data"
        raise DataError(
            f"{path} holds {what} (shape {values.shape}): expected one image; pass one frame."
            " helpers.data.open_series opens a video."
        )
    refuse_small(path, values)
    values = as_float32(values)
    bad = ~np.isfinite(values)
    if bad.any():
        y, x = np.argwhere(bad)[0]
        raise DataError(
            f"{path} holds {np.isnan(values).sum()} NaN and {np.isinf(values).sum()} infinite"
            f" values, the first at column x={x}, row y={y}: repair or crop the image."
        )
    if values.min() == values.max():
        raise DataError(
            f"{path} is constant (every pixel is {values.flat[0]:g}): there is nothing to analyse;"
            " check the export."
        )
    return values
