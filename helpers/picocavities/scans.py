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
from helpers.picocavities.varieties import COUNTS_PER_UW_S, VARIETIES
from helpers.registry import DataError

GAP_WIDTH_CM, SINGLE_WIDTH_CM = 8.0, 4.0  # full widths: many molecules, and one, cm^-1
INTENSITY_WALK, BACKGROUND_WALK, TILT_WALK = 0.02, 0.027, 0.01  # relative, per root second
BLEACHING_S = 440.0  # at the reference power of a variety
BRIGHTNESS = 1.5  # median of the strongest line of an event, of the strongest stable line
WANDER_CM, WANDER_S = 4.0, 3.0  # standard deviation and memory of the places of lines
FLICKER = 0.15  # of the intensity, from step to step
OFF_PER_S, ON_PER_S = 0.3, 3.0  # blinking
RETURNS, RETURN_STEPS = 0.2, (10, 100)  # share of events that come back, and after how many steps


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
    variety : str
        Of `helpers.picocavities.varieties.VARIETIES`.
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
    if variety not in VARIETIES:
        raise DataError(f"variety is {variety!r}: give one of {', '.join(VARIETIES)}.")
    kind = VARIETIES[variety]
    power = kind.reference_uw if power_uw is None else power_uw
    if not power > 0:
        raise DataError(f"power_uw is {power}: give a laser power in microwatt.")
    instrument = kind.instrument
    gain = COUNTS_PER_UW_S * power * instrument.step_s * rng.lognormal(0, 0.25)
    stable = gain * _stable(rng, molecule, instrument, BLEACHING_S * kind.reference_uw / power)
    formed = _form(rng, kind, power, configurations) if events else []
    picocavity = np.zeros_like(stable)
    rows, lines = [], []
    noise = np.sqrt(stable.mean(0) + instrument.dark_counts + instrument.read_noise_counts**2)
    for number, one in enumerate(formed):
        table, bright = _shine(rng, one, gain, instrument, number)
        picocavity[one["first_step"] : one["last_step"] + 1] += bright
        strongest = table.groupby("line")["peak_counts"].mean()
        at = table.loc[table["line"] == strongest.idxmax(), "wavenumber_cm"].mean()
        place = dict(zip(("x_A", "y_A", "z_A"), one["configuration"].adatom_A))
        rows.append(
            {"event": number}
            | one
            | {"configuration": one["configuration"].number, "side": one["configuration"].side}
            | place
            | {"peak_counts": strongest.max()}
            | {"snr": strongest.max() / np.interp(at, instrument.wavenumbers, noise)}
        )
        lines.append(table)
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
            attrs={"source": "simulated", "units": "counts", "variety": variety, "power_uw": power},
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
    shape = strengths @ _lorentz(wavenumbers, scaled_wavenumbers(molecule)[:, None], width_cm)
    return shape / shape.max()


def _lorentz(wavenumbers, centre, width):
    """Lines of height 1 and full width `width`."""
    return 1 / (1 + ((wavenumbers - centre) * (2 / width)) ** 2)


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


def _form(rng, kind, power, configurations):
    """Formations of one scan, in order of time: when, how long, which configuration."""
    step, steps = kind.instrument.step_s, kind.instrument.steps
    whole = step * steps
    formed = []
    for side, rate in kind.rates(power).items():
        here = [one for one in configurations if one.side == side]
        if not here:
            raise DataError(f"No configuration is on the side {side!r}: draw at least one.")
        shares = np.array([one.share for one in here])
        for start in rng.uniform(0, whole, rng.poisson(rate * whole)):
            one = here[rng.choice(len(here), p=shares / shares.sum())]
            formed.append({"configuration": one, "start_s": start, "repeat_of": None})
    formed.sort(key=lambda one: one["start_s"])
    for one in list(formed):
        one["life_s"] = rng.exponential(kind.lives_s[one["configuration"].side])
        if rng.random() < RETURNS:
            pause = step * rng.integers(*RETURN_STEPS)
            start = one["start_s"] + one["life_s"] + pause
            if start < whole:
                life = rng.exponential(kind.lives_s[one["configuration"].side])
                formed.append(one | {"start_s": start, "life_s": life, "repeat_of": one})
    formed.sort(key=lambda one: one["start_s"])
    numbers = {id(one): number for number, one in enumerate(formed)}
    return [_steps(one, numbers, step, steps) for one in formed]


def _steps(one, numbers, step, steps):
    """Times of a formation as steps of the scan."""
    first = min(int(one["start_s"] / step), steps - 1)
    end = one["start_s"] + one["life_s"]
    return {
        "configuration": one["configuration"],
        "first_step": first,
        "last_step": min(max(first, int(np.ceil(end / step)) - 1), steps - 1),
        "start_s": one["start_s"],
        "duration_s": min(end, step * steps) - one["start_s"],
        "ended": end < step * steps,
        "repeat_of": -1 if one["repeat_of"] is None else numbers[id(one["repeat_of"])],
    }


def _shine(rng, one, gain, instrument, number):
    """Lines of one event: a table, and its expected counts (steps of the event, W)."""
    lines = one["configuration"]
    steps, count = one["last_step"] - one["first_step"] + 1, len(lines.wavenumbers)
    wander = _wander(rng, steps, instrument.step_s, 1) + _wander(
        rng, steps, instrument.step_s, count
    )
    centres = lines.wavenumbers + wander / np.sqrt(2)
    on = _telegraph(rng, steps, instrument.step_s)
    flicker = np.exp(rng.normal(0, FLICKER, (steps, 1)))
    # A sharp line spread over a wider instrument is lower by the ratio of the widths.
    width = SINGLE_WIDTH_CM + instrument.width_cm
    heights = gain * BRIGHTNESS * rng.lognormal(0, 0.5) * lines.strengths * flicker * on[:, None]
    shapes = _lorentz(instrument.wavenumbers, centres[:, :, None], width)
    index = np.indices((steps, count)).reshape(2, -1)
    table = pd.DataFrame(
        {
            "event": number,
            "line": index[1],
            "mode": lines.modes[index[1]],
            "step": index[0] + one["first_step"],
            "wavenumber_cm": centres.ravel(),
            "peak_counts": heights.ravel(),
        }
    )
    return table, np.einsum("tl,tlw->tw", heights, shapes)


def _wander(rng, steps, step_s, count):
    """Random walks that are pulled back, (steps, count), starting at 0, cm^-1."""
    keep = np.exp(-step_s / WANDER_S)
    kicks = rng.normal(0, WANDER_CM * np.sqrt(1 - keep**2), (steps, count))
    kicks[0] = 0
    for step in range(1, steps):
        kicks[step] += keep * kicks[step - 1]
    return kicks


def _telegraph(rng, steps, step_s):
    """Whether a picocavity is on at each step: on at first, then blinking at random."""
    off, on = 1 - np.exp(-OFF_PER_S * step_s), 1 - np.exp(-ON_PER_S * step_s)
    state, draws = np.ones(steps), rng.random(steps)
    for step in range(1, steps):
        turned = draws[step] < (off if state[step - 1] else on)
        state[step] = state[step - 1] != turned
    return state
