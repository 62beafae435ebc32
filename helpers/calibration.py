"""Pixel size and frame time: what a file says, what its user says, and which of them holds."""

import re

import numpy as np

from helpers.registry import DataError

_IN_NM = {
    "pm": 1e-3, "a": 0.1, "å": 0.1, "angstrom": 0.1, "nm": 1.0, "nanometer": 1.0, "um": 1e3,
    "micron": 1e3, "micrometer": 1e3, "mm": 1e6, "millimeter": 1e6, "cm": 1e7, "inch": 2.54e7,
    "in": 2.54e7, "m": 1e9, "meter": 1e9,
}  # fmt: skip
_IN_S = {
    "s": 1.0, "sec": 1.0, "second": 1.0, "ms": 1e-3, "msec": 1e-3, "millisecond": 1e-3, "us": 1e-6,
    "microsecond": 1e-6, "ns": 1e-9, "min": 60.0, "minute": 60.0,
}  # fmt: skip
HINT = "pass pixel_size_nm (side of a pixel in nm)"
_UNCALIBRATED = ("", "pixel", "px", "none", "<undefined>", "undefined")


def frame_time(path, interval, given):
    """Decide the time from frame to frame of a video.

    Parameters
    ----------
    path : pathlib.Path
        The file, for messages.
    interval : tuple or None
        (number, unit) as `read_stack` returns it.
    given : float or None
        What the user says, in s; wins over the file.

    Returns
    -------
    seconds : float
        NaN where neither says.
    warnings : list of str
        Where file and user disagree by more than 1 %.

    Raises
    ------
    DataError
        `given` is not a positive number.
    """
    step, unit = interval or (0, "")
    stored = step * _IN_S.get(_plain(unit), 0)
    stored = float(stored) if np.isfinite(stored) and stored > 0 else np.nan
    if given is None:
        return stored, []
    try:
        given = float(given)
    except (TypeError, ValueError):
        given = np.nan
    if not (np.isfinite(given) and given > 0):
        raise DataError("frame_s must be a positive number of seconds.")
    if abs(stored / given - 1) > 0.01:
        return given, [
            f"{path.name} says {stored:.5g} s per frame, but {given:.5g} s was given and used."
        ]
    return given, []


def pixel_size(path, axes, given):
    """Decide the pixel size of an image.

    Parameters
    ----------
    path : pathlib.Path
        The file, for messages.
    axes : tuple or None
        Calibration as returned by `read`.
    given : float or None
        What the user says; wins over the file.

    Returns
    -------
    size : float
        In nm.
    origin : {"file", "argument"}
        Where it comes from.
    warnings : list of str
        Where file and user disagree by more than 1 %.
    """
    warnings = []
    if given is not None:
        try:
            given = float(given)
        except (TypeError, ValueError):
            given = np.nan
        if not (np.isfinite(given) and given > 0):
            raise DataError("pixel_size_nm must be a positive number of nanometres.")
    try:
        stored = _stored_size(path, axes)
    except _UnknownUnit as exc:
        if given is None:
            raise
        stored = None
        warnings.append(f"{exc} The given {given:g} nm was used.")
    if given is None:
        if stored is None:
            raise DataError(f"{path} does not say how large its pixels are: {HINT}.")
        return stored, "file", warnings
    if stored is not None and abs(stored / given - 1) > 0.01:
        warnings.append(
            f"{path.name} says {stored:.5g} nm per pixel, but {given:.5g} nm was given and used."
        )
    return given, "argument", warnings


class _UnknownUnit(DataError):
    """The file is calibrated in a unit that is no length known here."""


def _stored_size(path, axes):
    if axes is None:
        return None
    sizes = []
    for step, unit in axes:
        name = _plain(unit)
        if name in _UNCALIBRATED or not np.isfinite(step) or step == 0:
            return None
        if name not in _IN_NM:
            raise _UnknownUnit(
                f"{path} is calibrated in {unit!r}, which is no length known here (nm, um,"
                f" angstrom, pm): if it is an image in real space, {HINT}."
            )
        sizes.append(abs(step) * _IN_NM[name])
        if name in ("inch", "in", "cm") and sizes[-1] > 1e3:
            return None  # dots per inch of a printer or screen, not of the microscope
    if abs(sizes[0] / sizes[1] - 1) > 0.01:
        raise DataError(
            f"{path} has pixels of {sizes[1]:.5g} x {sizes[0]:.5g} nm: expected square pixels;"
            " resample the image first."
        )
    return float(np.mean(sizes))


def _plain(unit):
    """Unit in lower case, with micro as u and without plural or escape (ImageJ writes \\u00B5m)."""
    unit = re.sub(r"\\u00b5|\\u03bc|µ|μ", "u", str(unit).strip().lower())
    unit = unit.replace("\\u00c5", "å").replace("\u212b".lower(), "å").replace("metre", "meter")
    return unit[:-1] if len(unit) > 3 and unit.endswith("s") else unit
