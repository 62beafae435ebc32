"""Make kinetics.csv and measured_index.csv: formation, sides and lives against truth; real scans.

kinetics.csv: one row per ``quantity``, ``variety``, ``power_uw`` (empty over all powers), ``side``,
    ``seen_by`` and ``seed`` (2000-2009), with ``value``, ``low``, ``high`` (95 %) and ``truth``.
    Formations are simulated in as many scans as the paper has at each power, without spectra.
    ``seen_by`` is ``all``, or ``3 steps``: only events that a detector can see.
    Quantities: ``formation_s`` (scans without event censored), ``formation_s_dropped`` (such scans
    left out), ``formation_s_published`` (ten scans of a particle joined, particles without event
    left out), ``formation_s_median`` (Kaplan-Meier), ``exponent`` of the laser power,
    ``share_np_events``, ``share_np_spectra`` (truth from very many scans), ``life_s``,
    ``life_s_dropped`` (events that the scan cut left out), and ``suppression``, the rate on a side
    over that on the same side of Au-Au.
measured_index.csv: share of the 3667 measured scans that hold a picocavity, by variety and power
    (the public set is needed), and the mean formation time that a constant rate would give.

    python data/ch05/make_kinetics.py [--simulated] [--measured]
"""

import argparse

import numpy as np
import pandas as pd

from helpers.picocavities import kinetics
from helpers.picocavities.configurations import configurations
from helpers.picocavities.formations import form
from helpers.picocavities.measured import scan_index
from helpers.picocavities.molecule import shipped
from helpers.picocavities.varieties import POWER_EXPONENT, SECOND, VARIETIES
from helpers.registry import ROOT

FOLDER = ROOT / "data" / "ch05"
SEEDS = range(2000, 2010)
MANY = 4  # times the scans, for shares of spectra, which have no closed form
FEWEST_STEPS = 3
SCANS_OF_A_PARTICLE = 10  # of half the particles of the measured list
SCANS = {  # by power; the paper tells only the total of the commercial ones, 1415
    "commercial": (472, 472, 471),
    "Au-Au": (346, 327, 393, 540),
    "Au-Pd/Au": (517, 304, 0, 491),
    "Au@Pd-Au": (46, 150, 269, 284),
}
COLUMNS = ["quantity", "variety", "power_uw", "side", "seen_by", "seed", "value", "low", "high",
           "truth"]  # fmt: skip


def formed(rng, variety, ways, times=1):
    """Tables of events and of scans of one campaign, without spectra."""
    kind = VARIETIES[variety]
    rows, powers = [], np.repeat(kind.powers_uw, times * np.array(SCANS[variety]))
    for scan, power in enumerate(powers):
        for one in form(rng, kind, power, ways):
            rows.append(one | {"scan": scan, "side": one["configuration"].side})
    events = pd.DataFrame(rows).drop(columns="configuration")
    events["steps"] = events["last_step"] - events["first_step"] + 1
    return events, pd.DataFrame({"scan": range(len(powers)), "power_uw": powers})


def simulated():
    """Make kinetics.csv."""
    ways = configurations(np.random.default_rng(0), shipped("Au", "xtb").upright())
    truths = {}
    for variety in VARIETIES:
        events, _ = formed(np.random.default_rng(1), variety, ways, MANY)
        share = kinetics.side_shares(np.random.default_rng(0), events, draws=2)["share_NP"]
        truths[variety] = share["spectra"]
    rows = []
    for seed in SEEDS:
        made = {v: formed(np.random.default_rng([seed, n]), v, ways)
                for n, v in enumerate(VARIETIES)}  # fmt: skip
        for seen_by in ("all", f"{FEWEST_STEPS} steps"):
            least = 1 if seen_by == "all" else FEWEST_STEPS
            seen = {v: (e[e["steps"] >= least], s) for v, (e, s) in made.items()}
            for variety in VARIETIES:
                for row in quantities(variety, seen, truths[variety], seed):
                    rows.append(row | {"variety": variety, "seen_by": seen_by, "seed": seed})
    table = pd.DataFrame(rows)[COLUMNS]
    table.round(5).to_csv(FOLDER / "kinetics.csv", index=False)
    summary(table)


def quantities(variety, seen, share_of_spectra, seed):
    """Everything that is estimated from one campaign."""
    kind, (events, scans) = VARIETIES[variety], seen[variety]
    length = kind.instrument.step_s * kind.instrument.steps
    times = kinetics.first_formations(events, scans["scan"], length)
    times["power_uw"] = scans["power_uw"].to_numpy()
    for row in kinetics.formation_times(times, ["power_uw"]).itertuples():
        mean = 1 / sum(kind.rates(row.power_uw).values())
        at = {"power_uw": row.power_uw}
        yield _row("formation_s", row.mean_s, row.low_s, row.high_s, mean) | at
        yield _row("formation_s_dropped", row.dropped_s, truth=mean) | at
        yield _row("formation_s_median", row.median_s, truth=mean * np.log(2)) | at
        part = times[times["power_uw"] == row.power_uw].reset_index(drop=True)
        particles = kinetics.joined(part.assign(particle=part.index // SCANS_OF_A_PARTICLE), length)
        published = particles.loc[particles["seen"], "time_s"].mean()
        yield _row("formation_s_published", published, truth=mean) | at
    exponent, _ = kinetics.power_exponent(times, kind.reference_uw)
    yield _row("exponent", exponent.value, exponent.low, exponent.high, POWER_EXPONENT)
    shares = kinetics.side_shares(np.random.default_rng(seed), events)
    for unit, truth in (("events", kind.share_np), ("spectra", share_of_spectra)):
        one = shares.loc[unit]
        yield _row(f"share_np_{unit}", one["share_NP"], one["low"], one["high"], truth)
    for row in kinetics.lifetimes(events).itertuples():
        at, life = {"side": row.side}, kind.lives_s[row.side]
        yield _row("life_s", row.mean_s, row.low_s, row.high_s, life) | at
        yield _row("life_s_dropped", row.dropped_s, truth=life) | at
    if variety != "Au-Au" and kind.instrument is SECOND:
        for side in kinetics.SIDES:
            coated, bare = (
                kinetics.formations(table[table["side"] == side], all_scans, length)
                for table, all_scans in (seen[variety], seen["Au-Au"])
            )
            found = kinetics.suppression(coated, bare)
            truth = kind.rates_per_s[side] / VARIETIES["Au-Au"].rates_per_s[side]
            yield _row("suppression", found.value, found.low, found.high, truth) | {"side": side}


def _row(quantity, value, low=np.nan, high=np.nan, truth=np.nan):
    return {"quantity": quantity, "power_uw": np.nan, "side": "", "value": value, "low": low,
            "high": high, "truth": truth}  # fmt: skip


def summary(table):
    """Print means over seeds, truth, and how often the intervals hold it."""
    table = table.assign(
        covered=((table["low"] <= table["truth"]) & (table["truth"] <= table["high"])).where(
            table["low"].notna()
        )
    )
    keys = ["quantity", "variety", "side", "power_uw", "seen_by"]
    means = table.groupby(keys, dropna=False)[["truth", "value", "low", "high", "covered"]].mean()
    print(means.astype(float).round(3).to_string())


def measured():
    """Make measured_index.csv."""
    table = kinetics.scans_with_picocavity(np.random.default_rng(0), scan_index())
    length = SECOND.step_s * SECOND.steps
    # exp(-length / mean) of the scans have none; where all have one, only a bound is known
    for name, share in (("formation_s", "share"), ("formation_low_s", "wilson_high"),
                        ("formation_high_s", "wilson_low")):  # fmt: skip
        with np.errstate(divide="ignore"):
            table[name] = -length / np.log1p(-table[share])
    table.round(4).to_csv(FOLDER / "measured_index.csv", index=False)
    print(table.round(3).to_string())


def main():
    """Make what is asked for; both without an argument."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--simulated", action="store_true")
    arguments.add_argument("--measured", action="store_true")
    asked = arguments.parse_args()
    if asked.simulated or not asked.measured:
        simulated()
    if asked.measured or not asked.simulated:
        measured()


if __name__ == "__main__":
    main()
