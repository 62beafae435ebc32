"""Spectra of simulated events with known configurations, as a perfect detector would give them.

The scans are those of `helpers.picocavities.scans`. The stable state is subtracted as it truly was,
and the events are cut out at their true first and last steps, so that what is studied here is the
grouping alone. Noise, overlap with other events and blinking are left as they are.
"""

import numpy as np
import pandas as pd

from helpers.picocavities.configurations import configurations
from helpers.picocavities.events import spectra
from helpers.picocavities.molecule import shipped
from helpers.picocavities.preprocess import on_grid, preprocess
from helpers.picocavities.scans import scan
from helpers.picocavities.tracks import residual

FEWEST_STEPS = 3  # shorter tracks do not pass the opening of the published detection
MOST_SCANS = 400


def over_true_stable(made):
    """Scan less its true stable state, over the floor, on the grid of the paper, (T, 512)."""
    done = preprocess(made.counts)
    stable = on_grid(made.stable, made.counts["wavenumber"].to_numpy())
    stable = (stable - done.attrs["lowest_counts"]) / done.attrs["counts_per_unit"]
    return residual(done, stable)


def simulated_events(seed, variety="commercial", least=60, power_uw=None, molecule=None):
    """Events of one simulated campaign: one set of configurations, many scans.

    Parameters
    ----------
    seed : int
    variety : str
    least : int
        Events to stop at.
    power_uw : float, optional
    molecule : helpers.picocavities.molecule.Molecule, optional
        Upright; the shipped thiolate by GFN2-xTB without.

    Returns
    -------
    tuple
        Spectra (N, 512); table of their events, with ``scan``; configurations; number of scans.
    """
    molecule = molecule or shipped("Au", "xtb").upright()
    ways = configurations(np.random.default_rng([seed, 0]), molecule)
    parts, tables, found, number = [], [], 0, 0
    while found < least and number < MOST_SCANS:
        made = scan(np.random.default_rng([seed, 1, number]), molecule, ways, variety, power_uw)
        steps = made.events["last_step"] - made.events["first_step"] + 1
        events = made.events[steps >= FEWEST_STEPS]
        if len(events):
            parts.append(spectra(over_true_stable(made), events))
            tables.append(events.assign(scan=number))
            found += len(events)
        number += 1
    return np.concatenate(parts), pd.concat(tables, ignore_index=True), ways, number
