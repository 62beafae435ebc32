"""Measured files as labelled arrays and tables: images, point lists, and the public data by name.

Everywhere x is the column and y the row.
"""

import importlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from helpers.registry import (
    ROOT,
    DataError,
    DataUnavailable,
    available,
    fetch,
    registry,
    sha256,
)

__all__ = [
    "ROOT",
    "DataError",
    "DataUnavailable",
    "Labelled",
    "available",
    "fetch",
    "open_image",
    "open_points",
    "pt_nc",
    "registry",
    "sha256",
]

# Field of view 15 nm on 512 pixels (Mitchell 2022, Fig. 1; the tags of the files agree).
PT_NC_PIXEL_NM = 15 / 512
SMALLEST_SIDE_PX = 32

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
_UNCALIBRATED = ("", "pixel", "px", "none", "<undefined>", "undefined")


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
        tif, dm3, dm4, emd, ser, hspy, zspy, mrc, npy, npz, png or jpg. An npz holds one array, or
        one called ``image``, and optionally a number ``pixel_size_nm``.
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
    values, axes = _read(path)
    values = _one_image(path, values)
    size, origin, warnings = _pixel_size(path, axes, pixel_size_nm)
    rows, columns = values.shape
    return xr.DataArray(
        values, dims=("y", "x"), name="intensity",
        coords={
            "y": ("y", np.arange(rows) * size, {"units": "nm"}),
            "x": ("x", np.arange(columns) * size, {"units": "nm"}),
        },
        attrs={
            "source": path.name, "sha256": sha256(path), "units": "nm", "pixel_size_nm": size,
            "pixel_size_from": origin, "warnings": warnings,
        },
    )  # fmt: skip


def open_points(path, image=None):
    """Open a table of positions in pixels.

    Parameters
    ----------
    path : str or pathlib.Path
        Text table with a header, columns separated by comma, semicolon or tab. The columns are
        called X and Y, x and y, or x_px and y_px; others are ignored.
    image : xarray.DataArray, optional
        The image to which the points belong; points outside it are an error.

    Returns
    -------
    pandas.DataFrame
        Columns ``x_px`` (column) and ``y_px`` (row), float64, in the order of the file.

    Raises
    ------
    DataError
        The table cannot be read, lacks the columns, holds a value that is no number, or a point
        outside the image.
    """
    path = Path(path)
    _check_file(path)
    try:
        with open(path, encoding="utf-8-sig") as file:
            header = file.readline()
        separator = max(",;\t", key=header.count)
        table = pd.read_csv(path, sep=separator, encoding="utf-8-sig", skipinitialspace=True)
    except (ValueError, OSError) as exc:
        raise DataError(
            f"{path} could not be read as a table of points ({exc}): expected a text file with a"
            " header and columns X, Y separated by commas."
        ) from exc
    points = pd.DataFrame({f"{axis}_px": _column(path, table, axis) for axis in "xy"})
    if image is not None:
        _check_inside(path, points, image)
    return points


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


def _check_file(path):
    if not path.exists():
        raise DataError(f"{path} does not exist: check the path.")
    if path.is_dir() and path.suffix.lower() != ".zspy":
        raise DataError(f"{path} is a folder: pass one file.")
    if path.is_file() and path.stat().st_size == 0:
        raise DataError(f"{path} is empty (0 bytes): copy or export it again.")


def _read(path):
    """Values as stored and the calibration as ((y step, unit), (x step, unit)), or None."""
    _check_file(path)
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


def _one_image(path, values):
    """Check that `values` is one usable grey image and return it as float32."""
    if values.dtype.names:  # colour as a structured type
        values = np.stack([values[field] for field in values.dtype.names], axis=-1)
    if values.dtype.kind not in "iuf":
        raise DataError(
            f"{path} holds values of type {values.dtype}: expected real numbers, one per pixel."
        )
    while values.ndim > 2 and values.shape[0] == 1:
        values = values[0]
    if values.ndim == 3 and values.shape[-1] in (2, 3, 4) and min(values.shape[:2]) > 4:
        colours = values[..., : 1 if values.shape[-1] == 2 else 3]
        differ = np.any(colours != colours[..., :1], axis=-1)
        if differ.any():
            raise DataError(
                f"{path} is a colour image (the channels differ at {differ.sum()} pixels): a"
                " micrograph is grey; export the data themselves, not a coloured picture."
            )
        values = colours[..., 0]
    if values.ndim != 2:
        frames = int(np.prod(values.shape[:-2])) if values.ndim > 2 else 0
        what = f"a stack of {frames} frames" if frames else f"{values.ndim}-dimensional data"
        raise DataError(
            f"{path} holds {what} (shape {values.shape}): expected one image; pass one frame."
        )
    if min(values.shape) < SMALLEST_SIDE_PX:
        raise DataError(
            f"{path} is {values.shape[1]} x {values.shape[0]} pixels: expected at least"
            f" {SMALLEST_SIDE_PX} a side."
        )
    with np.errstate(over="ignore"):
        values = np.ascontiguousarray(values, dtype=np.float32)
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


def _pixel_size(path, axes, given):
    """Pixel size in nm, where it comes from, and warnings."""
    hint = "pass pixel_size_nm (side of a pixel in nm)"
    warnings = []
    if given is not None:
        try:
            given = float(given)
        except (TypeError, ValueError):
            given = np.nan
        if not (np.isfinite(given) and given > 0):
            raise DataError("pixel_size_nm must be a positive number of nanometres.")
    try:
        stored = _stored_size(path, axes, hint)
    except _UnknownUnit as exc:
        if given is None:
            raise
        stored = None
        warnings.append(f"{exc} The given {given:g} nm was used.")
    if given is None:
        if stored is None:
            raise DataError(f"{path} does not say how large its pixels are: {hint}.")
        return stored, "file", warnings
    if stored is not None and abs(stored / given - 1) > 0.01:
        warnings.append(
            f"{path.name} says {stored:.5g} nm per pixel, but {given:.5g} nm was given and used."
        )
    return given, "argument", warnings


class _UnknownUnit(DataError):
    """The file is calibrated in a unit that is no length known here."""


def _stored_size(path, axes, hint):
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
                f" angstrom, pm): if it is an image in real space, {hint}."
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


def _column(path, table, axis):
    names = [c for c in table.columns if str(c).strip().lower() in (axis, f"{axis}_px")]
    if len(names) != 1:
        what = "no column" if not names else f"{len(names)} columns"
        raise DataError(
            f"{path} has {what} {axis.upper()} (columns: {', '.join(map(str, table.columns))}):"
            " expected one X (column) and one Y (row), in pixels."
        )
    column = table[names[0]]
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    bad = np.flatnonzero(~np.isfinite(numbers))
    if bad.size:
        raise DataError(
            f"{path} has {bad.size} values in column {names[0]} that are no numbers, the first"
            f" {str(column.iloc[bad[0]])!r} in row {bad[0] + 1} of the table: correct the file."
        )
    return numbers.to_numpy()


def _check_inside(path, points, image):
    rows, columns = image.shape[-2:]
    x, y = points["x_px"], points["y_px"]
    outside = ~(x.between(-0.5, columns - 0.5) & y.between(-0.5, rows - 0.5))
    if not outside.any():
        return
    count, first = int(outside.sum()), int(outside.to_numpy().argmax())
    message = (
        f"{path} has {count} of {len(points)} points outside the image of {columns} x {rows}"
        f" pixels, the first at x={x.iloc[first]:g}, y={y.iloc[first]:g}"
    )
    if (x.between(-0.5, rows - 0.5) & y.between(-0.5, columns - 0.5)).all():
        advice = "all would be inside with X and Y exchanged: X is the column, Y the row"
    elif count > len(points) / 2:
        advice = (
            f"the points reach x={x.max():g}, y={y.max():g}, so they probably belong to an image"
            " of another size; pass the image they were marked on"
        )
    else:
        advice = "remove or correct them"
    raise DataError(f"{message}: {advice}.")
