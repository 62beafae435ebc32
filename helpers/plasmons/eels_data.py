"""Spectrum images on disk: measured pairs of a spectrum image and its dark-field image.

Files are those of HyperSpy (hspy, zspy), Gatan (dm3, dm4) and npz with axes; what is written opens
in HyperSpy as an EELS signal.
"""

import importlib
import json
from pathlib import Path

import numpy as np
import xarray as xr

from helpers.calibration import pixel_size
from helpers.data import DataError, fetch, open_image
from helpers.formats import check_file
from helpers.pixels import as_float32, places_nm
from helpers.registry import sha256

READERS = {
    ".hspy": "hspy",
    ".zspy": "zspy",
    ".dm3": "digitalmicrograph",
    ".dm4": "digitalmicrograph",
}
_EV = {"ev": 1.0, "mev": 1e-3, "kev": 1e3}


def open_spectrum_image(path, pixel_size_nm=None):
    """Open a spectrum image.

    Parameters
    ----------
    path : str or pathlib.Path
        hspy, zspy, dm3, dm4 with axes; or npz with arrays ``counts`` (rows, columns, channels),
        ``energy_ev`` and, unless given, the number ``pixel_size_nm``.
    pixel_size_nm : float, optional
        Side of a pixel; needed when the file does not say; wins over the file when it does.

    Returns
    -------
    xarray.DataArray ("y", "x", "energy")
        float32 with coordinates in nm and eV; ``attrs`` as of `helpers.data.open_image`.

    Raises
    ------
    DataError
        The file is missing, damaged or of another kind; its axes are not two of space and one of
        energy in eV, meV or keV; it holds values that are not finite, or pixels without counts.
    """
    path = Path(path)
    check_file(path)
    if path.suffix.lower() == ".npz":
        values, energy, axes = _read_npz(path)
    elif path.suffix.lower() in READERS:
        values, energy, axes = _read_rosetta(path)
    else:
        raise DataError(
            f"{path} has the ending {path.suffix!r}: expected a spectrum image as"
            f" {' '.join(sorted([*READERS, '.npz']))}."
        )
    size, origin, warnings = pixel_size(path, axes, pixel_size_nm)
    values = as_float32(values)
    _check(path, values, energy)
    return xr.DataArray(
        values, dims=("y", "x", "energy"), name="counts",
        coords=places_nm(values.shape[:2], size) | {"energy": ("energy", energy, {"units": "eV"})},
        attrs={
            "source": path.name, "sha256": sha256(path), "units": "nm", "pixel_size_nm": size,
            "pixel_size_from": origin, "warnings": warnings,
        },
    )  # fmt: skip


def save_spectrum_image(path, spectra):
    """Write a spectrum image as .hspy, which HyperSpy opens as an EELS signal.

    Parameters
    ----------
    path : str or pathlib.Path
        Ends in .hspy; an existing file is replaced.
    spectra : xarray.DataArray ("y", "x", "energy")
        Evenly spaced axes.
    """
    from rsciio import hspy

    path = Path(path)
    if path.suffix != ".hspy":
        raise DataError(f"{path}: a spectrum image is written as .hspy.")
    axes = []
    for index, name in enumerate(spectra.dims):
        places = spectra[name].values
        axes.append(
            {
                "_type": "UniformDataAxis", "name": "Energy loss" if name == "energy" else name,
                "units": "eV" if name == "energy" else "nm", "size": len(places),
                "scale": float((places[-1] - places[0]) / max(len(places) - 1, 1)),
                "offset": float(places[0]), "navigate": name != "energy",
                "index_in_array": index, "is_binned": name == "energy",
            }
        )  # fmt: skip
    general = {"title": str(spectra.name), "original_filename": spectra.attrs.get("source", "")}
    signal = {
        "data": spectra.values, "axes": axes, "original_metadata": {}, "learning_results": {},
        "attributes": {"_lazy": False, "ragged": False}, "models": {}, "tmp_parameters": {},
        "package_info": {},
        "metadata": {"General": general, "Signal": {"signal_type": "EELS"}},
    }  # fmt: skip
    path.unlink(missing_ok=True)
    hspy.file_writer(str(path), signal)


def pair(spectra, haadf):
    """Bring a dark-field image onto the pixels of the spectrum image it belongs to.

    Parameters
    ----------
    spectra : xarray.DataArray ("y", "x", "energy")
    haadf : xarray.DataArray ("y", "x")
        Of the same field, with the same pixels or a whole number of pixels for each.

    Returns
    -------
    xarray.DataArray ("y", "x")

    Raises
    ------
    DataError
        Rows or columns of the image are no multiple of those of the spectrum image, or not by the
        same factor.
    """
    shape = spectra.shape[:2]
    factors = [a / b for a, b in zip(haadf.shape, shape)]
    if factors[0] != factors[1] or factors[0] != int(factors[0]):
        raise DataError(
            f"The dark-field image has {haadf.shape[0]} x {haadf.shape[1]} pixels, the spectrum"
            f" image {shape[0]} x {shape[1]}: expected the same field with the same number of"
            " pixels, or a whole multiple of it; crop or bin the image."
        )
    n = int(factors[0])
    values = haadf.values.reshape(shape[0], n, shape[1], n).mean((1, 3))
    places = {axis: spectra[axis] for axis in ("y", "x")}
    return xr.DataArray(values, places, ("y", "x"), "haadf", dict(haadf.attrs))


def eels_si():
    """Open the measured pair: a spectrum image of 32 x 32 pixels and its dark-field image.

    Its energy resolution shows the bulk plasmon and the thickness, no infrared plasmons.

    Returns
    -------
    spectra : xarray.DataArray ("y", "x", "energy")
    haadf : xarray.DataArray ("y", "x")
        On the pixels of the spectrum image.

    Raises
    ------
    DataUnavailable
        The set is neither on this computer nor reachable.
    """
    folder = fetch("eels-si")
    spectra = open_spectrum_image(folder / "coreloss_map1_aligned_binned.hspy")
    about = json.loads((folder / "HADFmap1.json").read_text(encoding="utf-8"))
    haadf = open_image(folder / "HADFmap1.npy", _nm_per_pixel(about))
    return spectra, pair(spectra, haadf)


def _nm_per_pixel(about):
    return about["spatial_calibrations"][0]["scale"]


def _read_npz(path):
    with np.load(path, allow_pickle=False) as file:
        missing = {"counts", "energy_ev"} - set(file.files)
        if missing:
            raise DataError(
                f"{path} holds {file.files}: expected arrays counts and energy_ev (and the number"
                " pixel_size_nm)."
            )
        values, energy = file["counts"], file["energy_ev"].astype(float)
        size = float(file["pixel_size_nm"]) if "pixel_size_nm" in file.files else 0.0
    if values.ndim != 3 or energy.shape != values.shape[2:]:
        raise DataError(
            f"{path}: counts have shape {values.shape} and energy_ev {energy.shape}: expected"
            " (rows, columns, channels) and (channels,)."
        )
    return values, energy, ((size, "nm"),) * 2


def _read_rosetta(path):
    reader = importlib.import_module(f"rsciio.{READERS[path.suffix.lower()]}")
    try:
        signals = reader.file_reader(str(path))
    except Exception as exc:  # readers raise anything from struct.error to KeyError
        raise DataError(
            f"{path} could not be read ({type(exc).__name__}: {exc}): the file is truncated,"
            " damaged or of another format; copy or export it again."
        ) from exc
    cubes = [s for s in signals if np.ndim(s["data"]) == 3]
    if len(cubes) != 1:
        shapes = [np.shape(s["data"]) for s in signals]
        raise DataError(f"{path} holds data of shapes {shapes}: expected one spectrum image.")
    axes, values = cubes[0]["axes"], np.asarray(cubes[0]["data"])
    units = [str(a.get("units") or "").strip().lower() for a in axes]
    spectral = [k for k, unit in enumerate(units) if unit in _EV]
    if len(spectral) != 1:
        raise DataError(
            f"{path} has axes in {[a.get('units') for a in axes]}: expected exactly one energy axis"
            " in eV, meV or keV; calibrate it first."
        )
    k = spectral[0]
    energy = (axes[k]["offset"] + axes[k]["scale"] * np.arange(values.shape[k])) * _EV[units[k]]
    space = [a for i, a in enumerate(axes) if i != k]
    calibration = tuple((float(a.get("scale", 0) or 0), str(a.get("units") or "")) for a in space)
    return np.moveaxis(values, k, -1), energy, calibration


def _check(path, values, energy):
    bad = ~np.isfinite(values)
    if bad.any():
        y, x, channel = np.argwhere(bad)[0]
        raise DataError(
            f"{path} holds {bad.sum()} values that are not finite, the first at column x={x}, row"
            f" y={y}, channel {channel}: repair or crop the spectrum image."
        )
    if not (np.diff(energy) > 0).all():
        raise DataError(f"{path}: its energies do not increase; reverse or repair the axis.")
    empty = ~(values != 0).any(-1)
    if empty.any():
        y, x = np.argwhere(empty)[0]
        raise DataError(
            f"{path}: {empty.sum()} of {empty.size} pixels hold only zeros, the first at column"
            f" x={x}, row y={y}: crop them away; was the beam blanked?"
        )
