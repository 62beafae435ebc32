"""File formats: the values of a file as stored, with what it says of its axes."""

import importlib

import numpy as np

from helpers.registry import DataError

_ROSETTA = {
    ".dm3": "digitalmicrograph", ".dm4": "digitalmicrograph", ".emd": "emd", ".ser": "tia",
    ".hspy": "hspy", ".zspy": "zspy", ".mrc": "mrc",
}  # fmt: skip
_TIFF, _PICTURE = (".tif", ".tiff"), (".png", ".jpg", ".jpeg")
_HDF5 = (".hdf5", ".h5")


def check_file(path):
    """Refuse a path that is missing, a folder, or an empty file."""
    if not path.exists():
        raise DataError(f"{path} does not exist: check the path.")
    if path.is_dir() and path.suffix.lower() != ".zspy":
        raise DataError(f"{path} is a folder: pass one file.")
    if path.is_file() and path.stat().st_size == 0:
        raise DataError(f"{path} is empty (0 bytes): copy or export it again.")


def read(path):
    """Read the image of a file.

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
    return _read(path, 2)[:2]


def read_stack(path):
    """Read the frames of a file, in the order of the file.

    As `read`, but of several data sets in a file the first of three dimensions is taken, and a
    third answer is the time from frame to frame as (number, unit), or None where the file has none.
    """
    return _read(path, 3)


def _read(path, dimensions):
    check_file(path)
    suffix = path.suffix.lower()
    readers = dict.fromkeys(_ROSETTA, _read_rosetta) | dict.fromkeys(_PICTURE, _read_picture)
    readers |= dict.fromkeys(_TIFF, _read_tiff) | {".npy": _read_numpy, ".npz": _read_numpy}
    readers |= dict.fromkeys(_HDF5, _read_hdf5)
    if suffix not in readers:
        raise DataError(
            f"{path} has the unknown ending {suffix!r}: expected one of {' '.join(sorted(readers))}"
        )
    try:
        return readers[suffix](path, dimensions)
    except (DataError, MemoryError):
        raise
    except Exception as exc:  # readers raise anything from struct.error to KeyError
        raise DataError(
            f"{path} could not be read as {suffix[1:]} ({type(exc).__name__}: {exc}): the file is"
            " truncated, damaged or of another format; copy or export it again."
        ) from exc


def _read_tiff(path, _):
    import tifffile

    with tifffile.TiffFile(path) as tif:
        series = tif.series[0]
        values = series.asarray()
        if "S" in series.axes:
            values = np.moveaxis(values, series.axes.index("S"), -1)
        tags = tif.pages[0].tags
        if tif.is_imagej:
            described = tif.imagej_metadata or {}
            steps = [_step(tags, key) for key in ("YResolution", "XResolution")]
            interval = (described.get("finterval", 0), described.get("tunit", "s"))
            return values, tuple((step, described.get("unit", "")) for step in steps), interval
        unit = {2: "inch", 3: "cm"}.get(int(tags.valueof("ResolutionUnit", 1)), "")
        steps = tuple((_step(tags, key), unit) for key in ("YResolution", "XResolution"))
    # The tags of microscope makers are left to rosettasciio.
    from rsciio import tiff

    every = tiff.file_reader(str(path))[0]["axes"]
    axes = _calibration(every)
    return values, axes if axes and axes[0][1] else steps, _interval(every)


def _step(tags, key):
    """Size of a pixel from a TIFF resolution tag (pixels per unit, as a fraction)."""
    pixels, units = tags.valueof(key, (0, 1))
    return units / pixels if pixels else 0.0


def _read_rosetta(path, dimensions):
    reader = importlib.import_module(f"rsciio.{_ROSETTA[path.suffix.lower()]}")
    signals = reader.file_reader(str(path))
    images = [s for s in signals if np.ndim(s["data"]) == dimensions] or signals[:1]
    if len(images) > 1 and dimensions == 2:
        titles = [s.get("metadata", {}).get("General", {}).get("title", "") for s in images]
        haadf = [s for s, title in zip(images, titles) if "haadf" in title.lower()]
        if len(haadf) != 1:
            raise DataError(
                f"{path} holds {len(images)} images ({', '.join(t or 'untitled' for t in titles)})"
                " and not exactly one is called HAADF: export the one you want as tif."
            )
        images = haadf
    axes = images[0]["axes"]
    return np.asarray(images[0]["data"]), _calibration(axes), _interval(axes)


def _calibration(axes):
    if len(axes) < 2:
        return None
    return tuple((float(a.get("scale", 0) or 0), str(a.get("units") or "")) for a in axes[-2:])


def _interval(axes):
    """Step of the axis before the two of the image."""
    if len(axes) < 3:
        return None
    return float(axes[-3].get("scale", 0) or 0), str(axes[-3].get("units") or "")


def _read_numpy(path, _):
    with open(path, "rb") as file:
        start = file.read(6)
    if not start.startswith((b"\x93NUMPY", b"PK")):
        raise DataError(f"{path} is not a NumPy file (a pickle is never opened): use numpy.save.")
    try:
        content = np.load(path, allow_pickle=False)
        if path.suffix.lower() == ".npy":
            return content, None, None
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
    return values, None if size is None else ((float(size), "nm"),) * 2, None


def _read_hdf5(path, _):
    """The one image at the top of a file, as atomap writes it; no calibration is agreed on."""
    import h5py

    with h5py.File(path) as file:
        images = {k: v for k, v in file.items() if isinstance(v, h5py.Dataset) and v.ndim > 1}
        if len(images) != 1:
            raise DataError(
                f"{path} holds {list(images) or 'no image'} at its top: expected exactly one array"
                " of two or more axes there; export the one you want as tif."
            )
        return next(iter(images.values()))[()], None, None


def _read_picture(path, _):
    from PIL import Image

    with Image.open(path) as picture:
        if picture.mode in ("P", "CMYK", "YCbCr"):
            picture = picture.convert("RGB")
        return np.asarray(picture), None, None
