"""Spectrum images on disk, each with the dark-field image recorded with it.

Files are those of HyperSpy (hspy, zspy), Gatan (dm3, dm4) and NumPy; what is written opens in
HyperSpy as an EELS signal.
"""

import contextlib
import importlib
from pathlib import Path

import numpy as np
import xarray as xr

from helpers.calibration import pixel_size
from helpers.data import open_image
from helpers.formats import check_file, read
from helpers.pixels import as_float32, places_nm
from helpers.registry import DataError, sha256

READERS = {
    ".hspy": "hspy",
    ".zspy": "zspy",
    ".dm3": "digitalmicrograph",
    ".dm4": "digitalmicrograph",
}
FIELDS_DIFFER = 0.05  # share by which the fields of view of one scan may differ
_EV = {"ev": 1.0, "mev": 1e-3, "kev": 1e3}
_HINT = "pass ev_per_channel and first_ev (energies in eV of a channel and of the first one)"


def open_spectrum_image(path, pixel_size_nm=None, ev_per_channel=None, first_ev=0.0):
    """Open a spectrum image.

    Parameters
    ----------
    path : str or pathlib.Path
        hspy, zspy, dm3, dm4; npy (rows, columns, channels); or npz with such an array ``counts``
        and, unless they are given here, ``energy_ev`` and the number ``pixel_size_nm``.
    pixel_size_nm : float, optional
        Side of a pixel; needed when the file does not say; wins over the file when it does.
    ev_per_channel, first_ev : float, optional
        Width of a channel and energy of the first; needed when the file does not say; win over
        the file when it does. Both are taken when ``ev_per_channel`` is given.

    Returns
    -------
    xarray.DataArray ("y", "x", "energy")
        float32 with coordinates in nm and eV; ``attrs`` as of `helpers.data.open_image`.

    Raises
    ------
    DataError
        The file is missing, damaged or of another kind; it is no spectrum image, or which of its
        axes is the energy is not known; a calibration is missing; it holds values that are not
        finite, or pixels without counts.
    """
    path = Path(path)
    check_file(path)
    readers = dict.fromkeys(READERS, _read_rosetta) | {".npz": _read_npz, ".npy": _read_npy}
    if path.suffix.lower() not in readers:
        raise DataError(
            f"{path} has the ending {path.suffix!r}: expected a spectrum image as"
            f" {' '.join(sorted(readers))}."
        )
    values, energy, axes = readers[path.suffix.lower()](path, bool(ev_per_channel))
    size, origin, warnings = pixel_size(path, axes, pixel_size_nm)
    if ev_per_channel:
        stored, energy = energy, first_ev + ev_per_channel * np.arange(values.shape[2])
        warnings = [*warnings, *_disagreement(path, stored, energy)]
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


def open_pair(path, image_path, pixel_size_nm=None, ev_per_channel=None, first_ev=0.0):
    """Open a spectrum image and the dark-field image of the same scan.

    Parameters
    ----------
    path, image_path : str or pathlib.Path
        The image as `helpers.data.open_image` takes it; it need not be calibrated.
    pixel_size_nm, ev_per_channel, first_ev : float, optional
        Of the spectrum image, as `open_spectrum_image`.

    Returns
    -------
    spectra : xarray.DataArray ("y", "x", "energy")
    haadf : xarray.DataArray ("y", "x")
        On the pixels of the spectrum image.

    Raises
    ------
    DataError
        As `open_spectrum_image`, `helpers.data.open_image` and `pair`; or the two show fields of
        different size.
    """
    if not str(image_path):
        raise DataError(
            f"{path} was given without its dark-field image: pass that of the same scan (haadf)."
        )
    spectra = open_spectrum_image(path, pixel_size_nm, ev_per_channel, first_ev)
    image = open_image(image_path, spectra.attrs["pixel_size_nm"])
    with contextlib.suppress(DataError):  # of the image's calibration, which is not needed
        image = open_image(image_path)
    found = pair(spectra, image)
    fields = [len(a.y) * a.attrs["pixel_size_nm"] for a in (image, spectra)]
    calibrated = image.attrs["pixel_size_from"] == "file"
    if calibrated and abs(fields[0] / fields[1] - 1) > FIELDS_DIFFER:
        text = (
            f"{image_path} is {fields[0]:.4g} nm high and the spectrum image {fields[1]:.4g} nm, by"
            " their own calibrations"
        )
        if not pixel_size_nm:
            raise DataError(
                f"{text}: expected the dark-field image of the same scan, not a survey image; if"
                " it is, pass pixel_size_nm of the spectrum image."
            )
        spectra.attrs["warnings"] = [*spectra.attrs["warnings"], f"{text}."]
    return spectra, found


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
    n = _times(haadf.shape, shape)
    if not n:
        hint = "crop or bin the image"
        if _times(haadf.shape, shape[::-1]):
            hint = "rows and columns of one of the two seem to be exchanged, transpose it"
        elif _times(haadf.shape, spectra.shape[1:]):
            hint = (
                "the spectrum image seems to be stored as (energy, rows, columns), save it with"
                " numpy.moveaxis(values, 0, -1)"
            )
        raise DataError(
            f"The dark-field image has {haadf.shape[0]} x {haadf.shape[1]} pixels, the spectrum"
            f" image {shape[0]} x {shape[1]}: expected the same field with the same number of"
            f" pixels, or a whole multiple of it; {hint}."
        )
    values = haadf.values.reshape(shape[0], n, shape[1], n).mean((1, 3))
    places = {axis: spectra[axis] for axis in ("y", "x")}
    return xr.DataArray(values, places, ("y", "x"), "haadf", dict(haadf.attrs))


def _times(fine, coarse):
    """How many pixels of an image make one of another along both axes; 0 if none do."""
    factors = [a / b for a, b in zip(fine, coarse)]
    return int(factors[0]) if factors[0] == factors[1] == int(factors[0]) else 0


def _disagreement(path, stored, energy):
    """A warning where the energies of a file are not those that were given."""
    if stored is None or np.allclose(stored, energy, atol=0.01 * np.ptp(energy)):
        return []
    spans = [f"{a[0]:.5g} to {a[-1]:.5g} eV" for a in (stored, energy)]
    return [f"{path.name} says {spans[0]}, but {spans[1]} was given and used."]


def _read_npz(path, given):
    try:
        with np.load(path, allow_pickle=False) as file:
            kept = {name: file[name] for name in file.files}
    except Exception as exc:  # NumPy and zipfile raise anything from ValueError to BadZipFile
        raise _unreadable(path, exc) from exc
    if "counts" not in kept:
        raise DataError(
            f"{path} holds {list(kept)}: expected an array counts (rows, columns, channels), and"
            " energy_ev and the number pixel_size_nm unless they are given."
        )
    size = float(kept.get("pixel_size_nm", 0))
    energy = kept["energy_ev"].astype(float) if "energy_ev" in kept else None
    return *_cube(path, kept["counts"], energy, given), ((size, "nm"),) * 2


def _read_npy(path, given):
    return *_cube(path, read(path)[0], None, given), None


def _cube(path, values, energy, given):
    """Counts and energies of a file that says nothing of its axes."""
    _refuse_flat(path, [values.shape])
    if energy is None and not given:
        raise DataError(f"{path} does not say which energies its channels have: {_HINT}.")
    if energy is not None and energy.shape != values.shape[2:]:
        order = "; the energy axis must be the last one" if len(energy) in values.shape else ""
        raise DataError(
            f"{path}: counts have shape {values.shape} and energy_ev {energy.shape}: expected"
            f" (rows, columns, channels) and (channels,){order}."
        )
    return values, energy


def _refuse_flat(path, shapes):
    """Refuse what is not one array of three axes."""
    if [len(shape) for shape in shapes].count(3) == 1:
        return
    kinds = {1: "a single spectrum", 2: "an image or a line of spectra"}
    what = kinds.get(len(shapes[0]), "no single spectrum image") if len(shapes) == 1 else "data"
    raise DataError(
        f"{path} holds {what} (of shape {', '.join(map(str, shapes))}): expected one spectrum"
        " image, that is rows, columns and energies."
    )


def _read_rosetta(path, given):
    reader = importlib.import_module(f"rsciio.{READERS[path.suffix.lower()]}")
    try:
        signals = reader.file_reader(str(path))
    except Exception as exc:  # readers raise anything from struct.error to KeyError
        raise _unreadable(path, exc) from exc
    _refuse_flat(path, [np.shape(s["data"]) for s in signals])
    cube = next(s for s in signals if np.ndim(s["data"]) == 3)
    axes, values = cube["axes"], np.asarray(cube["data"])
    k, factor = _spectral(path, axes, given)
    energy = None
    if factor:
        energy = (axes[k]["offset"] + axes[k]["scale"] * np.arange(values.shape[k])) * factor
    space = [a for i, a in enumerate(axes) if i != k]
    calibration = tuple((float(a.get("scale", 0) or 0), str(a.get("units") or "")) for a in space)
    return np.moveaxis(values, k, -1), energy, calibration


def _unreadable(path, exc):
    return DataError(
        f"{path} could not be read ({type(exc).__name__}: {exc}): the file is truncated, damaged"
        " or of another format; copy or export it again."
    )


def _spectral(path, axes, given):
    """Which axis is the energy, and its unit in eV, or None where it has none."""
    units = [str(a.get("units") or "").strip().lower() for a in axes]
    energies = [k for k, unit in enumerate(units) if unit in _EV]
    if len(energies) == 1:
        return energies[0], _EV[units[energies[0]]]
    signal = [k for k, a in enumerate(axes) if a.get("navigate") is False]
    if not energies and given and len(signal) == 1:
        return signal[0], None
    raise DataError(
        f"{path} has axes in {[a.get('units') for a in axes]}: expected exactly one energy axis in"
        f" eV, meV or keV; {_HINT}."
    )


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
