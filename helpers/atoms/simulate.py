"""Annular dark-field micrographs of single atoms on a support, with their ground truth.

A stand-in for the Pt on N-doped carbon images of Mitchell 2022 (60 kV, 32 mrad, detector 90-185
mrad) in which the place and height of every atom is known. The support is drawn atom by atom, so
that its speckle has the statistics of a real one.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from scipy import fft

from helpers.atoms.microscope import (
    Microscope,
    expose,
    metal_signal,
    slab_probes,
    support_signal,
)
from helpers.atoms.support import SOLID_NM, Specimen, given_metal, make_support, place_metal

__all__ = ["IN_FOCUS_NM", "Microscope", "Simulated", "Specimen", "acstem", "time_series", "varied"]

# An atom further than this from the focal plane has lost most of its peak: "in focus" is within.
IN_FOCUS_NM = 4.5
MARGIN_PX = 32  # simulated around the field, so that borders and drift see real neighbours


@dataclass(frozen=True)
class Simulated:
    """One simulated micrograph and everything that is true about it.

    Attributes
    ----------
    image : xarray.DataArray
        Counts (float32), dims ("y", "x"), coordinates in nm, as `helpers.data.open_image` gives.
    atoms : pandas.DataFrame
        The metal atoms in the field: ``x_px``, ``y_px``, ``x_nm``, ``y_nm``, ``height_nm`` (from
        the focal plane), ``element``, ``in_focus`` (closer than `IN_FOCUS_NM`), ``atom`` (number
        that stays the same through a series) and ``moved`` (hopped since the frame before).
    thickness_nm : numpy.ndarray
        Thickness of the support, (H, W).
    noiseless : numpy.ndarray
        Expected electrons per pixel under a steady current, (H, W).
    """

    image: xr.DataArray
    atoms: pd.DataFrame
    thickness_nm: np.ndarray
    noiseless: np.ndarray


def acstem(rng, specimen=None, microscope=None, shape=(512, 512), positions=None):
    """Simulate one annular dark-field micrograph.

    Parameters
    ----------
    rng : numpy.random.Generator or int
        Source of randomness, or a seed.
    specimen : Specimen, optional
    microscope : Microscope, optional
    shape : tuple of int
        Rows and columns.
    positions : pandas.DataFrame, optional
        The metal atoms, instead of a Poisson process: ``x_px``, ``y_px``; and, if given,
        ``height_nm`` (else on the surfaces of the support) and ``element``.

    Returns
    -------
    Simulated

    Raises
    ------
    ValueError
        An unknown element, voltage or support, or a number out of range.
    """
    return time_series(rng, 1, specimen, microscope, shape, positions)[0]


def time_series(
    rng,
    frames,
    specimen=None,
    microscope=None,
    shape=(512, 512),
    positions=None,
    mobility=0.0,
    hop_nm=0.5,
    drift_px_per_frame=(0.0, 0.0),
):
    """Simulate consecutive frames of one field in which metal atoms hop.

    The support and its atoms stay; between frames every metal atom hops with probability
    `mobility` to a place on the same flake, the field drifts, and all noise is fresh.

    Parameters
    ----------
    rng : numpy.random.Generator or int
    frames : int
        Number of frames.
    specimen, microscope, shape, positions
        As in `acstem`.
    mobility : float
        Probability that an atom hops between two frames, 0 to 1.
    hop_nm : float
        Standard deviation of a hop along each axis (Rayleigh-distributed lengths).
    drift_px_per_frame : tuple of float
        Displacement (x, y) of the specimen in the image from one frame to the next.

    Returns
    -------
    list of Simulated
    """
    rng = np.random.default_rng(rng)
    specimen, microscope = specimen or Specimen(), microscope or Microscope()
    if not 0 <= mobility <= 1:
        raise ValueError(f"mobility is {mobility}: expected a probability from 0 to 1.")
    if frames < 1 or min(shape) < 32:
        raise ValueError(f"{frames} frames of {shape} px: expected at least 1 of 32 x 32.")
    pixel = microscope.pixel_size_nm
    travel = np.abs(np.asarray(drift_px_per_frame, float)) * (frames - 1)
    margin = MARGIN_PX + int(np.ceil(travel.max()))
    padded = tuple(fft.next_fast_len(n + 2 * margin, real=True) for n in shape)
    support = make_support(rng, specimen, padded, pixel)
    if positions is None:
        metal = place_metal(rng, specimen, support, pixel)
    else:
        metal = given_metal(rng, positions, specimen, support, margin)
    metal["atom"], metal["moved"] = np.arange(len(metal)), False

    probes = slab_probes(microscope, padded)
    carbon = support_signal(rng, specimen, support, microscope, probes)
    series = []
    for number in range(frames):
        if number:
            metal = _hop(rng, metal, support, mobility, hop_nm / pixel)
        signal = carbon + metal_signal(metal, microscope, padded, probes)
        signal = np.clip(fft.irfft2(signal, s=padded), 0, None) * microscope.electrons_per_pixel
        signal += microscope.stray_electrons
        offset = margin - number * np.asarray(drift_px_per_frame, float)
        series.append(_record(rng, signal, metal, support, microscope, shape, offset))
    return series


def varied(rng):
    """A specimen and a microscope drawn from the spread of the public training images.

    Returns
    -------
    tuple
        (`Specimen`, `Microscope`).
    """
    rng = np.random.default_rng(rng)
    specimen = Specimen(
        density_per_nm2=rng.uniform(0.4, 1.1),
        thickness_nm=rng.uniform(23, 75),
        coverage=min(1.0, rng.uniform(0.6, 1.05)),
        edge_width_nm=rng.uniform(3, 15),
        second_layer=rng.choice([0.0, rng.uniform(0.3, 1.0)]),
        relief=rng.uniform(0.0, 0.03),
        texture=rng.uniform(0.15, 0.29),
    )
    microscope = Microscope(
        electrons_per_pixel=3000 * rng.uniform(0.8, 1.25),
        source_blur_nm=rng.uniform(0.065, 0.09),
    )
    return specimen, microscope


def _hop(rng, metal, support, mobility, hop_px):
    """The metal atoms one frame later; hops that would leave the support do not happen."""
    metal = metal.copy()
    target = metal[["x_px", "y_px"]] + rng.normal(0, hop_px, (len(metal), 2))
    rows, columns = support.top.shape
    x, y = target["x_px"].round().astype(int), target["y_px"].round().astype(int)
    inside = x.between(0, columns - 1) & y.between(0, rows - 1)
    x, y = x.clip(0, columns - 1), y.clip(0, rows - 1)
    moves = inside & (support.thickness[y, x] > SOLID_NM) & (rng.random(len(metal)) < mobility)
    # The atom follows the surface that it is nearer to, at the same depth.
    old_x, old_y = metal["x_px"].round().astype(int), metal["y_px"].round().astype(int)
    height = metal["height_nm"]
    above = height > (support.top + support.bottom)[old_y, old_x] / 2
    climb = np.where(
        above,
        support.top[y, x] - support.top[old_y, old_x],
        support.bottom[y, x] - support.bottom[old_y, old_x],
    )
    metal["moved"] = moves
    metal.loc[moves, ["x_px", "y_px"]] = target[moves]
    metal["height_nm"] = height + climb * moves
    return metal


def _record(rng, signal, metal, support, microscope, shape, offset):
    """One frame with its truth in the coordinates of the image."""
    rows, columns = shape
    noiseless, counts, walk = expose(rng, signal, microscope, shape, offset)
    # Where an atom appears: the row that the scan had reached when it passed over the atom.
    row = np.interp(
        metal["y_px"] - offset[1], np.arange(rows) + walk[1], np.arange(rows), left=-1, right=rows
    )
    column = metal["x_px"] - offset[0] - np.interp(row, np.arange(rows), walk[0])
    pixel = microscope.pixel_size_nm
    atoms = pd.DataFrame(
        {
            "x_px": column,
            "y_px": row,
            "x_nm": column * pixel,
            "y_nm": row * pixel,
            "height_nm": metal["height_nm"],
            "element": metal["element"],
            "in_focus": metal["height_nm"].abs() < IN_FOCUS_NM,
            "atom": metal["atom"],
            "moved": metal["moved"],
        }
    )
    seen = atoms["x_px"].between(0, columns - 1) & atoms["y_px"].between(0, rows - 1)
    left, above = (int(round(start)) for start in offset)
    image = xr.DataArray(
        counts,
        dims=("y", "x"),
        name="intensity",
        coords={
            "y": ("y", np.arange(rows) * pixel, {"units": "nm"}),
            "x": ("x", np.arange(columns) * pixel, {"units": "nm"}),
        },
        attrs={
            "source": "simulated AC-STEM",
            "sha256": "",
            "units": "nm",
            "pixel_size_nm": pixel,
            "pixel_size_from": "argument",
            "warnings": [],
        },
    )
    thickness = support.thickness[above : above + rows, left : left + columns]
    return Simulated(image, atoms[seen].reset_index(drop=True), thickness, noiseless)
