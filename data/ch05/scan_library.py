"""Simulated scans on which the scripts of this chapter agree, by seed.

Seeds below 1000 are for training, 1000 to 1999 for every choice and threshold, 2000 to 2999 for
the errors that are reported. Every seed draws its own configurations, so that adatoms of test
scans are nowhere else; powers go round. Molecule: biphenyl-4-thiol on one gold atom (GFN2-xTB).
"""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from helpers.picocavities import scans
from helpers.picocavities.configurations import configurations
from helpers.picocavities.molecule import shipped
from helpers.picocavities.preprocess import on_grid, preprocess
from helpers.picocavities.varieties import VARIETIES
from helpers.registry import ROOT

KEPT = ROOT / "_build" / "picocavities"
VALIDATION, TEST = 1000, 2000
INSTRUMENTS = {"first": "commercial", "second": "Au-Au"}
FAINTEST = 0.05
COMMERCIAL = VARIETIES["commercial"]
MANY = replace(
    COMMERCIAL, rates_per_s={side: 6 * rate for side, rate in COMMERCIAL.rates_per_s.items()}
)


@lru_cache(maxsize=1)
def molecule():
    """The molecule of all scans."""
    return shipped("Au", "xtb").upright()


def scan(seed, instrument="first", events=True):
    """One scan with its truth."""
    variety = INSTRUMENTS[instrument]
    powers = VARIETIES[variety].powers_uw
    ways = configurations(np.random.default_rng([seed, 1]), molecule())
    rng = np.random.default_rng([seed, 0])
    return scans.scan(rng, molecule(), ways, variety, powers[seed % len(powers)], events)


def faint_scan(seed, events=True):
    """Scan of the first instrument with about two events, all dimmed by one factor, and the factor.

    Events of the varieties are mostly brighter than the noise; factors down to 0.05, evenly on a
    logarithmic scale, make the scans that tell detectors apart. Only the noise is drawn again.
    """
    ways = configurations(np.random.default_rng([seed, 1]), molecule())
    rng = np.random.default_rng([seed, 2])
    power = COMMERCIAL.powers_uw[seed % len(COMMERCIAL.powers_uw)]
    one = scans.scan(rng, molecule(), ways, MANY, power, events)
    factor = float(np.exp(rng.uniform(np.log(FAINTEST), 0)))
    instrument = COMMERCIAL.instrument
    expected = one.stable + factor * one.picocavity + instrument.dark_counts
    counts = rng.poisson(expected) + rng.normal(0, instrument.read_noise_counts, expected.shape)
    dimmed = {"peak_counts": factor * one.events["peak_counts"], "snr": factor * one.events["snr"]}
    return replace(
        one,
        counts=one.counts.copy(data=np.rint(counts).astype(np.float32)),
        picocavity=factor * one.picocavity,
        events=one.events.assign(**dimmed),
        lines=one.lines.assign(peak_counts=factor * one.lines["peak_counts"]),
    ), factor


def scaled_stable(one, done):
    """Noise-free stable state of a scan on the scale of its preprocessed values."""
    there = on_grid(one.stable, one.counts["wavenumber"].values)
    return (there - done.attrs["lowest_counts"]) / done.attrs["counts_per_unit"]


def event_free(seeds, instrument="first", every=1):
    """Preprocessed values and stable states (scans, T / every, 512), kept on disk whole."""
    stem = f"quiet_{instrument}_{seeds[0]}_{seeds[-1]}"
    paths = [KEPT / f"{stem}_{part}.npy" for part in ("values", "truth")]
    if not all(path.is_file() for path in paths):
        made = []
        for seed in seeds:
            one = scan(seed, instrument, events=False)
            done = preprocess(one.counts)
            made.append((done.values, scaled_stable(one, done).astype(np.float32)))
        KEPT.mkdir(parents=True, exist_ok=True)
        for path, parts in zip(paths, zip(*made)):
            np.save(path, np.array(parts))
    return tuple(np.load(path, mmap_mode="r")[:, ::every] for path in paths)
