"""Videos: files of several frames as one labelled array in time."""

from pathlib import Path

import numpy as np
import xarray as xr

from helpers.calibration import frame_time, pixel_size
from helpers.formats import read_stack
from helpers.pixels import as_float32, grey, places_nm, refuse_small
from helpers.registry import DataError, sha256


def open_series(path, pixel_size_nm=None, frame_s=None):
    """Open a video: frames of one field of view, one after the other.

    Frames that are constant, or hold a value that is not finite, are left out, as when the beam was
    blanked; the times of the others stay.

    Parameters
    ----------
    path : str or pathlib.Path
        A stack: tif, dm3, dm4, emd, ser, hspy, zspy, mrc, hdf5, npy or npz (one array, or one
        called ``image``). One image is a video of one frame.
    pixel_size_nm : float, optional
        Side of a pixel in nm. Needed when the file does not say; wins over the file when it does.
    frame_s : float, optional
        Time from frame to frame in s; wins over the file.

    Returns
    -------
    xarray.DataArray
        float32, dims ("time", "y", "x"), y and x in nm from the centre of the first pixel.
        Coordinate ``time`` is in s, or counts frames (``units`` "frame") where nobody says how long
        a frame takes; ``frame`` (along time) counts from 0 and misses the frames left out.
        ``attrs``: as of `helpers.data.open_image`, and ``frame_s`` (NaN if not known) and
        ``frames_in_file``.

    Raises
    ------
    DataError
        The file is missing, damaged, not frames of at least 32 x 32 grey pixels, its pixel size is
        unknown or not square, or no frame can be used.
    """
    path = Path(path)
    values, axes, interval = read_stack(path)
    values = _frames(path, values)
    size, origin, warnings = pixel_size(path, axes, pixel_size_nm)
    seconds, more = frame_time(path, interval, frame_s)
    usable = np.isfinite(values).all(axis=(1, 2)) & (
        values.min(axis=(1, 2)) < values.max(axis=(1, 2))
    )
    if not usable.any():
        raise DataError(
            f"{path} holds {len(values)} frames, all of them constant or with values that are not"
            " finite: there is nothing to analyse; check the export."
        )
    if not usable.all():
        out = np.flatnonzero(~usable)
        named = ", ".join(map(str, out[:5])) + (", ..." if len(out) > 5 else "")
        more.append(
            f"{len(out)} of {len(values)} frames ({named}) are constant or hold values that are"
            " not finite, and were left out."
        )
    number = np.flatnonzero(usable)
    known = np.isfinite(seconds)
    return xr.DataArray(
        values[usable] if not usable.all() else values,
        dims=("time", "y", "x"), name="intensity",
        coords={
            "time": ("time", number * (seconds if known else 1.0),
                     {"units": "s" if known else "frame"}),
            "frame": ("time", number),
            **places_nm(values.shape[1:], size),
        },
        attrs={
            "source": path.name, "sha256": sha256(path), "units": "nm", "pixel_size_nm": size,
            "pixel_size_from": origin, "frame_s": seconds, "frames_in_file": len(values),
            "warnings": warnings + more,
        },
    )  # fmt: skip


def _frames(path, values):
    """Check that `values` are frames (n, H, W) of one grey video, and return them as float32."""
    values = grey(path, values)
    while values.ndim > 3 and 1 in values.shape[:-2]:  # one channel, one slice
        values = values.squeeze(values.shape[:-2].index(1))
    if values.ndim == 2:
        values = values[None]
    if values.ndim != 3:
        raise DataError(
            f"{path} holds {values.ndim}-dimensional data (shape {values.shape}): expected frames"
            " of one video (frames, rows, columns); export one channel."
        )
    refuse_small(path, values)
    return as_float32(values)
