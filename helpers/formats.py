"""File formats: the values of a file as stored, and its pixel size in nm."""

import importlib
import re

import numpy as np

from helpers.registry import DataError

_ROSETTA = {
    ".dm3": "digitalmicrograph", ".dm4": "digitalmicrograph", ".emd": "emd", ".ser": "tia",
    ".hspy": "hspy", ".zspy": "zspy", ".mrc": "mrc",
}  # fmt: skip
_TIFF, _PICTURE = (".tif", ".tiff"), (".png", ".jpg", ".jpeg")
_IN_NM = {
    "pm": 1e-3, "a": 0.1, "å": 0.1, "angstrom": 0.1, "nm": 1.0, "nanometer": 1.0, "um": 1e3,
    "micron": 1e3, "micrometer": 1e3, "mm": 1e6, "millimeter": 1e6, "cm": 1e7, "inch": 2.54e7,
    "in": 2.54e7, "m": 1e9, "meter": 1e9,
}  # fmt: skip
HINT = "pass pixel_size_nm (side of a pixel in nm)"
_UNCALIBRATED = ("", "pixel", "px", "none", "<undefined>", "undefined")


def check_file(path):
    """Refuse a path that is missing, a folder, or an empty file."""
    if not path.exists():
        raise DataError(f"{path} does not exist: check the path.")
    if path.is_dir() and path.suffix.lower() != ".zspy":
        raise DataError(f"{path} is a folder: pass one file.")
    if path.is_file() and path.stat().st_size == 0:
        raise DataError(f"{path} is empty (0 bytes): copy or export it again.")


def read(path):
    """Read a file.

    Parameters
    ----------
    path : pathlib.Path
        Its ending tells the format.

    Returns
    -------
    values : numpy.ndarray
        As stored, of any shape and type.
    axes : tuple or None
        Calibration as ((y step, unit), (x step, unit)); None where the file has none.

    Raises
    ------
    DataError
        The file is missing, empty, damaged, or of an unknown format.
    """
    check_file(path)
    suffix = path.suffix.lower()
    readers = dict.fromkeys(_ROSETTA, _read_rosetta) | dict.fromkeys(_PICTURE, _read_picture)
    readers |= dict.fromkeys(_TIFF, _read_tiff) | {".npy": _read_numpy, ".npz": _read_numpy}
    if suffix not in readers:
        raise DataError(
            f"{path} has the unknown ending {suffix!r}: expected one of {' '.join(sorted(readers))}"
        )
    try:
        return readers[suffix](path)
    except (DataError, MemoryError):
        raise
    except Exception as exc:  # readers raise anything from struct.error to KeyError
        raise DataError(
            f"{path} could not be read as {suffix[1:]} ({type(exc).__name__}: {exc}): the file is"
            " truncated, damaged or of another format; copy or export it again."
        ) from exc


def _read_tiff(path):
    import tifffile

    with tifffile.TiffFile(path) as tif:
        series = tif.series[0]
        values = series.asarray()
        if "S" in series.axes:
            values = np.moveaxis(values, series.axes.index("S"), -1)
        tags = tif.pages[0].tags
        if tif.is_imagej:
            unit = (tif.imagej_metadata or {}).get("unit", "")
            steps = [_step(tags, key) for key in ("YResolution", "XResolution")]
            return values, tuple((step, unit) for step in steps)
        unit = {2: "inch", 3: "cm"}.get(int(tags.valueof("ResolutionUnit", 1)), "")
        steps = tuple((_step(tags, key), unit) for key in ("YResolution", "XResolution"))
    # The tags of microscope makers are left to rosettasciio.
    from rsciio import tiff

    axes = _calibration(tiff.file_reader(str(path))[0]["axes"])
    return values, axes if axes and axes[0][1] else steps


def _step(tags, key):
    """Size of a pixel from a TIFF resolution tag (pixels per unit, as a fraction)."""
    pixels, units = tags.valueof(key, (0, 1))
    return units / pixels if pixels else 0.0


def _read_rosetta(path):
    reader = importlib.import_module(f"rsciio.{_ROSETTA[path.suffix.lower()]}")
    signals = reader.file_reader(str(path))
    images = [s for s in signals if np.ndim(s["data"]) == 2] or signals[:1]
    if len(images) > 1:
        titles = [s.get("metadata", {}).get("General", {}).get("title", "") for s in images]
        haadf = [s for s, title in zip(images, titles) if "haadf" in title.lower()]
        if len(haadf) != 1:
            raise DataError(
                f"{path} holds {len(images)} images ({', '.join(t or 'untitled' for t in titles)})"
                " and not exactly one is called HAADF: export the one you want as tif."
            )
        images = haadf
    return np.asarray(images[0]["data"]), _calibration(images[0]["axes"])


def _calibration(axes):
    if len(axes) < 2:
        return None
    return tuple((float(a.get("scale", 0) or 0), str(a.get("units") or "")) for a in axes[-2:])


def _read_numpy(path):
    with open(path, "rb") as file:
        start = file.read(6)
    if not start.startswith((b"\x93NUMPY", b"PK")):
        raise DataError(f"{path} is not a NumPy file (a pickle is never opened): use numpy.save.")
    try:
        content = np.load(path, allow_pickle=False)
        if path.suffix.lower() == ".npy":
            return content, None
        with content:
            arrays = {key: content[key] for key in content.files}
    except ValueError as exc:
        if "pickle" in str(exc).lower():
            raise DataError(
                f"{path} holds pickled Python objects, which can run code and are never opened:"
                " save a plain array of numbers."
            ) from exc
        raise
    size = arrays.pop("pixel_size_nm", None)
    if "image" not in arrays and len(arrays) != 1:
        raise DataError(f"{path} holds {list(arrays)}: expected one array, or one called 'image'.")
    values = arrays.get("image", next(iter(arrays.values())))
    return values, None if size is None else ((float(size), "nm"),) * 2


def _read_picture(path):
    from PIL import Image

    with Image.open(path) as picture:
        if picture.mode in ("P", "CMYK", "YCbCr"):
            picture = picture.convert("RGB")
        return np.asarray(picture), None


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
