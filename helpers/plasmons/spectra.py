"""From counted spectra to plasmon losses: alignment, zero-loss tail, truncation.

Names follow HyperSpy: a spectrum image has navigation axes and one signal axis; the zero-loss peak
is aligned to 0 eV, its tail is a background fitted in signal ranges. The tail model is the sum of
an exponential and a power law, our reading of the paper's "two-term exponential power law".
"""

from itertools import product

import numpy as np
import xarray as xr
from scipy.optimize import nnls

from helpers.data import DataError

PLASMONS_FROM_EV = 0.2  # below lies the phonon of the membrane (Roccapriore et al. 2021, methods)
FIT_RANGES_EV = ((0.0745, 0.0805), (0.18, 0.30))  # on both sides of the phonon
DECAYS_EV = np.geomspace(0.01, 0.08, 30)
POWERS = np.linspace(1.0, 4.0, 31)
PEAK_HALF_WIDTH_EV = 0.05


def zero_loss_centre(spectra):
    """Energy of the zero-loss peak of every pixel.

    The maximum, refined by the centre of mass of what lies above half of it.

    Parameters
    ----------
    spectra : xarray.DataArray (..., "energy")

    Returns
    -------
    numpy.ndarray (...)
        In eV.

    Raises
    ------
    DataError
        The energy axis does not contain zero, or a pixel holds no counts there.
    """
    energy = _energy(spectra)
    if not energy[0] < 0 < energy[-1]:
        raise DataError(
            f"{_name(spectra)}: the energy axis runs from {energy[0]:g} to {energy[-1]:g} eV and"
            " does not contain the zero-loss peak, which is needed to align and normalise."
        )
    values = spectra.values.reshape(-1, len(energy))
    empty = ~(values.max(1) > 0)
    if empty.any():
        raise DataError(
            f"{_name(spectra)}: {empty.sum()} of {len(values)} pixels hold no counts (the first is"
            f" number {np.flatnonzero(empty)[0]}): crop the image or mask the blanked beam."
        )
    top = values.max(1, keepdims=True)
    near = np.abs(energy - energy[values.argmax(1)][:, None]) <= _least_width(energy)
    weight = np.where(near, np.clip(values - top / 2, 0, None), 0)
    return ((weight * energy).sum(1) / weight.sum(1)).reshape(spectra.shape[:-1])


def align(spectra):
    """Shift every spectrum so that its zero-loss peak lies at 0 eV.

    Parameters
    ----------
    spectra : xarray.DataArray (..., "energy")

    Returns
    -------
    xarray.DataArray
        Same axes; linear interpolation, counts outside the axis are those of its ends.

    Raises
    ------
    DataError
        As `zero_loss_centre`.
    """
    energy, centre = _energy(spectra), zero_loss_centre(spectra)
    step = energy[1] - energy[0]
    values = spectra.values.reshape(-1, len(energy))
    shift = centre.ravel() / step
    low = np.floor(shift).astype(int)
    part = (shift - low)[:, None].astype(values.dtype)
    channel = np.arange(len(energy)) + low[:, None]
    pick = [np.clip(channel + k, 0, len(energy) - 1) for k in (0, 1)]
    first, second = (np.take_along_axis(values, at, 1) for at in pick)
    moved = first * (1 - part) + second * part
    return spectra.copy(data=moved.reshape(spectra.shape))


def per_electron(spectra):
    """Counts as probability per eV: over the counts of the zero-loss peak and the channel width.

    The zero-loss peak is summed over `PEAK_HALF_WIDTH_EV` (or three channels) on both sides.

    Parameters
    ----------
    spectra : xarray.DataArray (..., "energy")
        Aligned.

    Returns
    -------
    xarray.DataArray

    Raises
    ------
    DataError
        As `zero_loss_centre`.
    """
    zero_loss_centre(spectra)
    energy = _energy(spectra)
    near = np.abs(energy) <= _least_width(energy)
    number = spectra.values[..., near].sum(-1, keepdims=True)
    values = spectra.values / (number * (energy[1] - energy[0]))
    return spectra.copy(data=values.astype(np.float32))


def fit_zero_loss(spectra, ranges=FIT_RANGES_EV):
    """Fit the tail of the zero-loss peak: an exponential and a power law.

    Least squares on the mean spectrum, amplitudes not below zero, decay and power from a grid,
    weighted for counting noise. What the particles lose far below their resonance E0 grows as
    E / (1 - (E / E0)^2)^2: a third term of that form takes part in the fit and is not part of the
    tail, which would otherwise take that much away from every spectrum.

    Parameters
    ----------
    spectra : xarray.DataArray (..., "energy")
        Aligned, per electron of the zero-loss peak: its tail is then the same in all pixels.
    ranges : sequence of (low, high)
        Energies (eV) to fit: above the peak itself, without the phonon, below the plasmons.

    Returns
    -------
    xarray.DataArray ("energy",)
        The tail from the first range on, NaN below. ``attrs``: ``decay_ev`` and ``power``.

    Raises
    ------
    DataError
        Fewer than eight channels lie in the ranges.
    """
    energy = _energy(spectra)
    used = np.any([(energy >= low) & (energy <= high) for low, high in ranges], axis=0)
    if used.sum() < 8:
        raise DataError(
            f"{_name(spectra)}: {used.sum()} channels lie in the fit ranges {ranges} eV, at least 8"
            " are needed: channels are too wide for infrared plasmons, or other ranges are needed."
        )
    mean = spectra.values.reshape(-1, len(energy)).mean(0, dtype=float)
    above = energy > ranges[-1][1]
    resonance = energy[above][mean[above].argmax()] if above.any() else energy[-1]
    far = energy / (1 - np.minimum(energy / resonance, 0.9) ** 2) ** 2
    weight = 1 / np.sqrt(np.clip(mean[used], 1e-12, None))
    best = (np.inf,)
    for decay, power in product(DECAYS_EV, POWERS):
        terms = np.stack([*_terms(energy[used], decay, power), far[used]], 1)
        amplitudes, error = nnls(terms * weight[:, None], mean[used] * weight)
        if error < best[0]:
            best = (error, decay, power, amplitudes[:2])
    _, decay, power, amplitudes = best
    tail = np.full(len(energy), np.nan)
    seen = energy >= ranges[0][0]
    tail[seen] = amplitudes @ _terms(energy[seen], decay, power)
    about = {"decay_ev": float(decay), "power": float(power)}
    return xr.DataArray(tail, {"energy": spectra.energy}, ("energy",), "zero_loss_tail", about)


def plasmon_losses(counts, from_ev=PLASMONS_FROM_EV):
    """Everything the paper does before learning: align, subtract the tail, truncate.

    Parameters
    ----------
    counts : xarray.DataArray ("y", "x", "energy")
    from_ev : float
        Energies below are left out.

    Returns
    -------
    xarray.DataArray
        Loss probability per eV (of the electrons in the zero-loss peak).

    Raises
    ------
    DataError
        As `zero_loss_centre` and `fit_zero_loss`.
    """
    aligned = per_electron(align(counts))
    left = (aligned - fit_zero_loss(aligned)).sel(energy=slice(from_ev - 1e-9, None))
    left = left.astype(np.float32)
    left.attrs = {**counts.attrs, "quantity": "loss probability per eV"}
    return left.rename("loss_per_ev")


def _terms(energy, decay, power):
    return np.stack([np.exp(-energy / decay), (energy / 0.1) ** -power])


def _least_width(energy):
    return max(PEAK_HALF_WIDTH_EV, 3 * (energy[1] - energy[0]))


def _energy(spectra):
    if not isinstance(spectra, xr.DataArray) or "energy" not in spectra.dims:
        raise DataError("Spectra must be an xarray.DataArray with an axis called energy, in eV.")
    if spectra.dims[-1] != "energy":
        raise DataError(f"The energy axis must be the last one, the axes are {spectra.dims}.")
    return spectra.energy.values


def _name(spectra):
    return spectra.attrs.get("source", "the spectrum image")
