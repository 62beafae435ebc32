"""Scans made comparable as the paper does it: dark counts off, one axis, one scale per scan.

Poppe et al. 2023: 300 counts are taken away, spectra are cropped to 268-1611 cm^-1, interpolated by
a cubic spline to 512 equal bins, and normalised to [0, 1]. What the text leaves open follows the
published code: bins are 2.625 cm^-1 wide, what the spectrometer did not record is 0, and a scan has
one scale, not one per spectrum.
"""

from functools import lru_cache

import numpy as np
import xarray as xr
from scipy.interpolate import make_interp_spline

from helpers.registry import DataError

DARK_COUNTS = 300.0
FIRST, STEP, BINS = 268.0, 2.625, 512
GRID = FIRST + STEP * np.arange(BINS)  # cm^-1; ends at 1609.4
LEAST_SHARE = 0.8  # of the grid that a scan has to cover


def preprocess(scan, dark_counts=DARK_COUNTS):
    """Dark counts off, on the grid of the paper, scaled to [0, 1] over the whole scan.

    Parameters
    ----------
    scan : xarray.DataArray
        Counts, dims ("time", "wavenumber"), with a coordinate "wavenumber" in cm^-1, in rising or
        falling order.
    dark_counts : float

    Returns
    -------
    xarray.DataArray
        Float32, dims ("time", "wavenumber"), 512 bins. The attributes ``lowest_counts`` and
        ``counts_per_unit`` turn it back into counts over the dark ones.

    Raises
    ------
    DataError
        Not a scan, no or a broken axis, missing values, or nothing that changes.
    """
    axis = check(scan)
    order = np.argsort(axis)
    axis = axis[order]
    outside = (GRID < axis[0]) | (GRID > axis[-1])
    if outside.mean() > 1 - LEAST_SHARE:
        raise DataError(
            f"The scan runs from {axis[0]:.0f} to {axis[-1]:.0f} cm^-1, but"
            f" {GRID[0]:.0f} to {GRID[-1]:.0f} cm^-1 are compared: check the axis and its units."
        )
    values = np.asarray(scan.values, np.float32)[:, order] - np.float32(dark_counts)
    values = on_grid(values, axis)
    values[:, outside] = 0
    lowest, highest = float(values.min()), float(values.max())
    values -= lowest
    values /= highest - lowest
    return xr.DataArray(
        values,
        dims=("time", "wavenumber"),
        coords={"wavenumber": GRID} | ({"time": scan["time"]} if "time" in scan.coords else {}),
        attrs={**scan.attrs, "lowest_counts": lowest, "counts_per_unit": highest - lowest},
    )


def on_grid(spectra, axis):
    """Spectra interpolated to the grid of the paper by a cubic spline.

    Parameters
    ----------
    spectra : ndarray, shape (T, W)
    axis : ndarray, shape (W,)
        Their wavenumbers in cm^-1, rising. Outside of them the values at the ends are held.

    Returns
    -------
    ndarray, shape (T, 512)
    """
    return np.asarray(spectra, np.float32) @ _spline(np.asarray(axis, float).tobytes())


def check(scan):
    """Refuse what is not a scan; return its axis.

    Parameters
    ----------
    scan : xarray.DataArray

    Returns
    -------
    ndarray
        Wavenumbers in cm^-1 as they are in the scan.

    Raises
    ------
    DataError
        As in :func:`preprocess`.
    """
    if scan.dims != ("time", "wavenumber"):
        raise DataError(
            f"A scan has dims ('time', 'wavenumber'), this one {scan.dims}: transpose or rename."
        )
    if scan.sizes["time"] < 2:
        raise DataError("This is a single spectrum: events are found in scans of many spectra.")
    if "wavenumber" not in scan.coords:
        raise DataError("The scan has no wavenumber axis: give one in cm^-1.")
    axis = np.asarray(scan["wavenumber"].values, float)
    steps = np.diff(axis)
    if len(axis) < 4 or not (np.all(steps > 0) or np.all(steps < 0)):
        raise DataError(
            "The wavenumber axis neither rises nor falls all along: every pixel needs its own"
            " place, in order."
        )
    missing = int(np.size(scan.values) - np.isfinite(scan.values).sum())
    if missing:
        raise DataError(
            f"{missing} values of the scan are missing or infinite: remove or repair those spectra."
        )
    if np.min(scan.values) == np.max(scan.values):
        raise DataError("All values of the scan are the same: is the file complete?")
    return axis


@lru_cache(maxsize=8)
def _spline(axis):
    """Matrix (pixels, 512) that interpolates: a spline is linear in the values it goes through."""
    axis = np.frombuffer(axis)
    inside = np.clip(GRID, axis[0], axis[-1])
    return make_interp_spline(axis, np.eye(len(axis)), k=3)(inside).T.astype(np.float32)
