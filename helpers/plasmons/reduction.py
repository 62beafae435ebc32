"""From a spectrum image of any energy resolution to the losses that networks learn."""

import numpy as np

from helpers.data import DataError
from helpers.plasmons.networks import POOLING
from helpers.plasmons.spectra import (
    FIT_RANGES_EV,
    PEAK_HALF_WIDTH_EV,
    PLASMONS_FROM_EV,
    align,
    per_electron,
    plasmon_losses,
)

MOST_CHANNELS = 256
FINE_EV = 0.15  # widest zero-loss peak, or ten channels, with which infrared plasmons are seen


def learnable(counts, low_ev=PLASMONS_FROM_EV, high_ev=0.0):
    """Losses to learn from, of any spectrum image.

    Where channels and zero-loss peak are narrow enough for infrared plasmons, those of
    `helpers.plasmons.spectra.plasmon_losses`. Where they are not, spectra are aligned and divided
    by the zero-loss peak, and energies that belong to that peak are left out. Where that peak was
    not recorded, all spectra are divided by one number. More than `MOST_CHANNELS` channels are
    averaged in groups.

    Parameters
    ----------
    counts : xarray.DataArray ("y", "x", "energy")
    low_ev, high_ev : float
        Energies outside are left out; 0 as the higher one keeps all.

    Returns
    -------
    losses : xarray.DataArray ("y", "x", "energy")
        Loss probability per eV.
    told : str
        What was done, in sentences.

    Raises
    ------
    DataError
        As `plasmon_losses`, energies asked for are not recorded, or fewer channels are left than
        the networks need.
    """
    energy, name = counts.energy.to_numpy(), counts.attrs.get("source", "the spectrum image")
    step = energy[1] - energy[0]
    if high_ev > energy[-1] + step or (low_ev != PLASMONS_FROM_EV and low_ev < energy[0] - step):
        raise DataError(
            f"{name} holds energies from {energy[0]:g} to {energy[-1]:g} eV, and losses from"
            f" {low_ev:g} to {high_ev or energy[-1]:g} eV were asked for: change low_ev or high_ev."
        )
    if not energy[0] < 0 < energy[-1]:
        low = low_ev
        losses = counts.sel(energy=slice(low - 1e-9, None))
        losses = losses / float(losses.mean(("y", "x")).sum() * step)
        done = "Spectra do not hold the zero-loss peak, so that they were not aligned;"
        done += " all were divided by one number"
    else:
        ready = per_electron(align(counts))
        width = zero_loss_width(ready)
        done = "Spectra were aligned and divided by the zero-loss peak"
        if max(width, 10 * step) <= FINE_EV and energy[-1] > FIT_RANGES_EV[1][1]:
            low = max(low_ev, FIT_RANGES_EV[0][0])
            losses = plasmon_losses(counts, low)
            done += "; the fitted tail of the zero-loss peak was subtracted"
        else:
            low = max(low_ev, 1.5 * max(PEAK_HALF_WIDTH_EV, 3 * step, width))
            losses = ready.sel(energy=slice(low - 1e-9, None))
            done += (
                f"; no tail was subtracted, because that peak is {1000 * width:.0f} meV wide, too"
                " wide for infrared plasmons: what is seen are bulk plasmons and thickness"
            )
    if high_ev:
        losses = losses.sel(energy=slice(None, high_ev + 1e-9))
    groups = -(-losses.sizes["energy"] // MOST_CHANNELS)
    if groups > 1:
        losses = losses.coarsen(energy=groups, boundary="trim").mean(keep_attrs=True)
    if losses.sizes["energy"] < 2 * POOLING:
        raise DataError(
            f"{name}: {losses.sizes['energy']} channels lie between {low:g} and"
            f" {high_ev or energy[-1]:g} eV, at least {2 * POOLING} are needed: its axis runs from"
            f" {energy[0]:g} to {energy[-1]:g} eV in steps of {step:g} eV; change low_ev or"
            " high_ev."
        )
    losses.attrs = {**counts.attrs, "quantity": "loss probability per eV"}
    first, last = losses.energy.to_numpy()[[0, -1]]
    grouped = f", means of {groups} each," if groups > 1 else ""
    kept = f"Kept: {losses.sizes['energy']} channels{grouped} from {first:.3g} to {last:.3g} eV."
    return losses.rename("loss_per_ev"), f"{done}. {kept}"


def zero_loss_width(spectra):
    """Full width at half maximum (eV) of the zero-loss peak of the mean of aligned spectra."""
    energy = spectra.energy.to_numpy()
    mean = spectra.mean(spectra.dims[:-1]).to_numpy()
    top = int(np.abs(energy).argmin())
    half = mean[top] / 2
    ends = []
    for way in (-1, 1):
        side = mean[top::way]
        k = int(np.argmax(side < half)) or len(side) - 1
        part = (side[k - 1] - half) / max(side[k - 1] - side[k], 1e-30)
        ends.append(k - 1 + min(max(part, 0), 1))
    return float(sum(ends) * (energy[1] - energy[0]))
