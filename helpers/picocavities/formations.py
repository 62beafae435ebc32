"""When picocavities form in a scan, how long they live, and how their lines shine (simulated)."""

import numpy as np
import pandas as pd

from helpers.registry import DataError

SINGLE_WIDTH_CM = 4.0  # full width of a line of one molecule
BRIGHTNESS = 1.5  # median of the strongest line of an event, of the strongest stable line
WANDER_CM, WANDER_S = 4.0, 3.0  # standard deviation and memory of the places of lines
FLICKER = 0.15  # of the intensity, from step to step
OFF_PER_S, ON_PER_S = 0.3, 3.0  # blinking
RETURNS, RETURN_STEPS = 0.2, (10, 100)  # share of events that come back, and after how many steps


def lorentz(wavenumbers, centre, width):
    """Lines of height 1 at `centre`, of full width `width`."""
    return 1 / (1 + ((wavenumbers - centre) * (2 / width)) ** 2)


def form(rng, kind, power_uw, configurations):
    """Draw the formations of one scan: when, how long, which configuration.

    On each side they form at random at the rate of the variety, live an exponential time, and some
    come back: the same adatom, after a pause.

    Parameters
    ----------
    rng : numpy.random.Generator
    kind : helpers.picocavities.varieties.Variety
    power_uw : float
    configurations : list of helpers.picocavities.configurations.Configuration

    Returns
    -------
    list of dict
        In order of time; keys ``configuration``, ``first_step``, ``last_step`` (included),
        ``start_s``, ``duration_s`` inside the scan, ``ended``, ``repeat_of``.

    Raises
    ------
    DataError
        No configuration for a side.
    """
    step, steps = kind.instrument.step_s, kind.instrument.steps
    whole = step * steps
    formed = []
    for side, rate in kind.rates(power_uw).items():
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


def shine(rng, one, gain, instrument):
    """Lines of one event from its first to its last step.

    Parameters
    ----------
    rng : numpy.random.Generator
    one : dict
        From :func:`form`.
    gain : float
        Counts of the strongest stable line.
    instrument : helpers.picocavities.varieties.Instrument

    Returns
    -------
    tuple
        Table of ``line``, ``mode``, ``step``, ``wavenumber_cm`` and ``peak_counts``; and expected
        counts (steps, W).
    """
    lines = one["configuration"]
    steps, count = one["last_step"] - one["first_step"] + 1, len(lines.wavenumbers)
    wander = _wander(rng, steps, instrument.step_s, 1) + _wander(
        rng, steps, instrument.step_s, count
    )
    centres = lines.wavenumbers + wander / np.sqrt(2)
    on = _telegraph(rng, steps, instrument.step_s)
    flicker = np.exp(rng.normal(0, FLICKER, (steps, 1)))
    # Lorentzian lines seen through a Lorentzian instrument: the widths add.
    width = SINGLE_WIDTH_CM + instrument.width_cm
    heights = gain * BRIGHTNESS * rng.lognormal(0, 0.5) * lines.strengths * flicker * on[:, None]
    shapes = lorentz(instrument.wavenumbers, centres[:, :, None], width)
    index = np.indices((steps, count)).reshape(2, -1)
    table = pd.DataFrame(
        {
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
