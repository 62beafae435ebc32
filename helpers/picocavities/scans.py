"""Simulated SERS scans of nanoparticles on a mirror, with all that is in them known.

A stable spectrum (the lines of the molecules in the gap, and a broad background) drifts in
intensity and bleaches. Picocavities form at random on either side: an adatom in one of a few
configurations lights up correlated lines, which wander, flicker, blink, disappear after a random
life and sometimes come back. The detector adds dark counts and noise. What the numbers are called
here is what they do; where they come from is said in `helpers.picocavities.varieties` and below.
Everything is simulated.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from helpers.picocavities import nearfield
from helpers.picocavities.configurations import scaled_wavenumbers
from helpers.picocavities.formations import form, lorentz, shine
from helpers.picocavities.varieties import VARIETIES, Variety
from helpers.registry import DataError

GAP_WIDTH_CM = 8.0  # full width of a line of the many molecules in a gap
INTENSITY_WALK, BACKGROUND_WALK, TILT_WALK = 0.02, 0.027, 0.01  # relative, per root second
BLEACHING_S = 440.0  # at the reference power of a variety


@dataclass(frozen=True)
class Scan:
    """One simulated scan and its truth.

    Attributes
    ----------
    counts : xarray.DataArray
        As recorded: dims ("time", "wavenumber") in s and cm^-1, dark counts and noise included.
    stable, picocavity : ndarray, shape of counts
        Expected counts of the stable state and of the picocavities, over the dark counts.
    events : pandas.DataFrame
        One row per formation, in order: ``event``, ``configuration``, ``side``, ``first_step``,
        ``last_step`` (included), ``start_s``, ``duration_s`` (inside the scan), ``ended`` (inside
        the scan), ``repeat_of`` (an earlier event of the same adatom, or -1), ``x_A``, ``y_A``,
        ``z_A`` of the adatom, ``peak_counts`` of its strongest line (mean over its steps), and
        ``snr``, that over the noise of one pixel there.
    lines : pandas.DataFrame
        One row per event, line and step: ``event``, ``line``, ``mode``, ``step``,
        ``wavenumber_cm``, ``peak_counts`` (0 while it blinks off).
    """

    counts: xr.DataArray
    stable: np.ndarray
    picocavity: np.ndarray
    events: pd.DataFrame
    lines: pd.DataFrame

    @property
    def formation_s(self):
        """Time of the first formation in s; infinite without one."""
        return float(self.events["start_s"].min()) if len(self.events) else np.inf


def scan(rng, molecule, configurations, variety="commercial", power_uw=None, events=True):
    """Simulate one scan.

    Parameters
    ----------
    rng : numpy.random.Generator
    molecule : helpers.picocavities.molecule.Molecule
        Upright.
    configurations : list of helpers.picocavities.configurations.Configuration
    variety : str or Variety
        Name in `helpers.picocavities.varieties.VARIETIES`, or a variety of your own.
    power_uw : float, optional
        Laser power; the reference power of the variety without.
    events : bool
        Whether picocavities form.

    Returns
    -------
    Scan

    Raises
    ------
    DataError
        No such variety, a power that is not positive, or no configuration for a side.
    """
    kind = variety if isinstance(variety, Variety) else VARIETIES.get(variety)
    if kind is None:
        raise DataError(f"variety is {variety!r}: give one of {', '.join(VARIETIES)}.")
    power = kind.reference_uw if power_uw is None else power_uw
    if not power > 0:
        raise DataError(f"power_uw is {power}: give a laser power in microwatt.")
    instrument = kind.instrument
    gain = instrument.counts_per_uw_s * power * instrument.step_s * rng.lognormal(0, 0.25)
    stable = gain * _stable(rng, molecule, instrument, BLEACHING_S * kind.reference_uw / power)
    formed = form(rng, kind, power, configurations) if events else []
    picocavity = np.zeros_like(stable)
    rows, lines = [], []
    noise = np.sqrt(stable.mean(0) + instrument.dark_counts + instrument.read_noise_counts**2)
    for number, one in enumerate(formed):
        table, bright = shine(rng, one, gain, instrument)
        picocavity[one["first_step"] : one["last_step"] + 1] += bright
        rows.append(_row(number, one, table, instrument.wavenumbers, noise))
        lines.append(table.assign(event=number)[list(_LINE_COLUMNS)])
    expected = stable + picocavity + instrument.dark_counts
    counts = rng.poisson(expected) + rng.normal(0, instrument.read_noise_counts, expected.shape)
    return Scan(
        xr.DataArray(
            np.rint(counts).astype(np.float32),
            dims=("time", "wavenumber"),
            coords={
                "time": instrument.step_s * np.arange(instrument.steps),
                "wavenumber": instrument.wavenumbers,
            },
            attrs={
                "source": "simulated",
                "units": "counts",
                "variety": kind.title,
                "power_uw": power,
            },  # fmt: skip
        ),
        stable.astype(np.float32),
        picocavity.astype(np.float32),
        pd.DataFrame(rows, columns=_EVENT_COLUMNS),
        pd.concat(lines, ignore_index=True) if lines else pd.DataFrame(columns=_LINE_COLUMNS),
    )


_EVENT_COLUMNS = (
    "event", "configuration", "side", "first_step", "last_step", "start_s", "duration_s", "ended",
    "repeat_of", "x_A", "y_A", "z_A", "peak_counts", "snr",
)  # fmt: skip
_LINE_COLUMNS = ("event", "line", "mode", "step", "wavenumber_cm", "peak_counts")


def _row(number, one, table, axis, noise):
    """Row of the table of events."""
    way = one["configuration"]
    means = table.groupby("line")[["wavenumber_cm", "peak_counts"]].mean()
    strongest = means.loc[means["peak_counts"].idxmax()]
    return one | {
        "event": number,
        "configuration": way.number,
        "side": way.side,
        **dict(zip(("x_A", "y_A", "z_A"), way.adatom_A)),
        "peak_counts": strongest["peak_counts"],
        "snr": strongest["peak_counts"] / np.interp(strongest["wavenumber_cm"], axis, noise),
    }


def gap_spectrum(molecule, wavenumbers, width_cm=GAP_WIDTH_CM):
    """Spectrum of the molecules in the gap, largest value 1.

    Parameters
    ----------
    molecule : helpers.picocavities.molecule.Molecule
        Upright.
    wavenumbers : array (W,)
        In cm^-1.
    width_cm : float
        Full width of a line.
    """
    strengths = nearfield.gap_line_strengths(molecule)
    shape = strengths @ lorentz(wavenumbers, scaled_wavenumbers(molecule)[:, None], width_cm)
    return shape / shape.max()


def _walk(rng, steps, per_step):
    """Positive random walk around 1."""
    return np.exp(np.cumsum(rng.normal(0, per_step, steps)))


def _stable(rng, molecule, instrument, bleaching_s):
    """Stable state in units of its strongest line at the beginning, (T, W)."""
    axis, steps = instrument.wavenumbers, instrument.steps
    root = np.sqrt(instrument.step_s)
    x = (axis - axis[0]) / (axis[-1] - axis[0])
    lines = gap_spectrum(molecule, axis, GAP_WIDTH_CM + instrument.width_cm)
    hump = np.exp(-(((x - rng.uniform(0.1, 0.9)) / 0.6) ** 2))
    background = (0.6 + 0.5 * hump + 0.2 * x) * rng.uniform(0.25, 0.7)
    bleaching = np.exp(-instrument.step_s * np.arange(steps) / bleaching_s)
    signal = _walk(rng, steps, INTENSITY_WALK * root) * bleaching
    # Ratios of lines drift a little, as the plasmon of the particle moves over them.
    tilt = np.cumsum(rng.normal(0, TILT_WALK * root, steps))[:, None] * (x - 0.5)
    glow = _walk(rng, steps, BACKGROUND_WALK * root) * np.sqrt(bleaching)
    return signal[:, None] * lines * np.exp(tilt) + glow[:, None] * background
