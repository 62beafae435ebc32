"""Make configurations.csv and measured_events.csv: events grouped, against truth and as published.

configurations.csv: one row per ``variety``, ``seed``, ``extra_shift_cm`` and ``method``. Events are
    moved along wavenumber, each by a random amount of that standard deviation on top of the wander
    of their lines, to see what each distance stands. ``ari_first`` is the adjusted Rand index of
    the first clustering with the true configurations, of all events; ``ari`` that of the last one,
    of those kept (``kept``, a share); ``k_first``, ``k`` and ``k_true`` are numbers of groups (of
    configurations with two or more events); ``ari_k_true`` is of the first clustering into as many
    groups as there are; ``events_merged`` after merging repeats, ``events_true`` if each adatom
    counts once; ``stability`` the mean adjusted Rand index of bootstrap groupings with the first.
    Methods: ``wasserstein`` (the paper), ``cosine`` in its place, and ``published code``:
    histograms of intensities, k from 6 to 20. Nothing is tuned: the width of the radial basis
    function is the published one for all.
measured_events.csv: the 56 measured events (the public set is needed): each distance against the
    published groups and against the scans that the events come from.

A row that is there is not made again.

    python data/ch05/make_configurations.py [--study] [--measured]
"""

import argparse
import time
from functools import lru_cache

import numpy as np
import pandas as pd
from simulated_events import simulated_events
from sklearn.metrics import adjusted_rand_score, silhouette_score

from helpers.picocavities import grouping
from helpers.picocavities.distances import DISTANCES
from helpers.picocavities.measured import event_spectra
from helpers.picocavities.preprocess import GRID
from helpers.picocavities.varieties import VARIETIES
from helpers.registry import ROOT

FOLDER = ROOT / "data" / "ch05"
STUDY, MEASURED = FOLDER / "configurations.csv", FOLDER / "measured_events.csv"
SEEDS = {variety: range(2000, 2010) for variety in VARIETIES} | {"commercial": range(2000, 2006)}
EVENTS, DRAWS = 60, 20
SHIFTS_CM = {variety: (0,) for variety in VARIETIES} | {"commercial": (0, 5, 10, 20)}
PUBLISHED_CODE = {"fewest": 6, "most": 20}
METHODS = {
    "wasserstein": {"measure": DISTANCES["wasserstein"]},
    "cosine": {"measure": DISTANCES["cosine"]},
    "published code": {"measure": DISTANCES["histogram"]} | PUBLISHED_CODE,
}


@lru_cache(maxsize=4)
def campaign(seed, variety):
    """Events of a campaign."""
    return simulated_events(seed, variety, EVENTS)


def moved(rng, spectra, shift_cm):
    """Spectra moved along wavenumber, each by its own random amount."""
    by = rng.normal(0, shift_cm, len(spectra))
    return np.array([np.interp(GRID - d, GRID, one) for d, one in zip(by, spectra)])


def true_events(events):
    """Number of events when an adatom that comes back counts once."""
    there = set(zip(events["scan"], events["event"]))
    return sum(
        (scan, before) not in there for scan, before in zip(events["scan"], events["repeat_of"])
    )


def study():
    """Fill the table of the study."""
    table = pd.read_csv(STUDY) if STUDY.is_file() else pd.DataFrame()
    key = ["variety", "seed", "extra_shift_cm", "method"]
    done = set(map(tuple, table[key].to_numpy())) if len(table) else set()
    for variety in VARIETIES:
        for seed in SEEDS[variety]:
            for shift in SHIFTS_CM[variety]:
                for method, settings in METHODS.items():
                    if (variety, seed, shift, method) in done:
                        continue
                    row = dict(zip(key, (variety, seed, shift, method)))
                    row |= one_run(seed, variety, shift, settings)
                    table = pd.concat([table, pd.DataFrame([row])], ignore_index=True)
                    table.round(4).to_csv(STUDY, index=False)
    means = ["k_true", "k_first", "k", "ari_first", "ari_k_true", "ari", "kept", "stability"]
    print(table.groupby(key[:1] + key[2:])[means].mean().round(2).to_string())


def one_run(seed, variety, shift, settings):
    """One grouping against the truth."""
    spectra, events, _, scans = campaign(seed, variety)
    rng = np.random.default_rng([seed, shift, 2])
    spectra = moved(rng, spectra, shift) if shift else spectra
    start = time.process_time()
    found = grouping.group(spectra, events, **settings)
    seconds = time.process_time() - start
    truth, labels = events["configuration"].to_numpy(), found.labels
    distance, k = settings["measure"](spectra), grouping.best_k(found.first_scores)
    again = grouping.stability(rng, distance, found.first_labels, k, draws=DRAWS)
    k_true = int((np.bincount(truth) > 1).sum())
    known = grouping.spectral_labels(grouping.embedding(grouping.affinity(distance)), k_true)
    kept = labels >= 0
    return {
        "scans": scans,
        "events": len(events),
        "events_true": true_events(events),
        "events_merged": len(found.events),
        "k_true": k_true,
        "k_first": k,
        "k": found.k,
        "silhouette": found.scores["silhouette"].max(),
        "ari_first": adjusted_rand_score(truth, found.first_labels),
        "ari_k_true": adjusted_rand_score(truth, known),
        "ari": adjusted_rand_score(truth[kept], labels[kept]),
        "kept": kept.mean(),
        "stability": again.mean(),
        "stability_sd": again.std(ddof=1),
        "seconds": seconds,
    }


def measured():
    """Both distances, and that of the published code, on the measured events."""
    events, spectra, published = event_spectra()
    labels, rows = events["published"].to_numpy(), []
    for name, measure in DISTANCES.items():
        distance = measure(spectra)
        vectors = grouping.embedding(grouping.affinity(distance))
        six = grouping.spectral_labels(vectors, labels.max() + 1)
        for rule, limits in (("paper", {}), ("published code", PUBLISHED_CODE)):
            found = grouping.group(spectra, events, measure, **limits)
            first = found.first_labels
            again = grouping.stability(
                np.random.default_rng(0), distance, first, grouping.best_k(found.first_scores)
            )
            rows.append(
                {
                    "distance": name,
                    "k_range": rule,
                    "largest_difference_to_published": np.abs(distance - published).max()
                    if name == "histogram"
                    else np.nan,
                    "silhouette_published_groups": _silhouette(distance, labels),
                    "silhouette_scans": _silhouette(distance, events["scan"]),
                    "k_first": grouping.best_k(found.first_scores),
                    "silhouette": found.first_scores["silhouette"].max(),
                    "ari_published": adjusted_rand_score(labels, first),
                    "ari_published_k6": adjusted_rand_score(labels, six),
                    "ari_scan_k6": adjusted_rand_score(events["scan"], six),
                    "stability": again.mean(),
                    "stability_sd": again.std(ddof=1),
                    "events_merged": len(found.events),
                    "k": found.k,
                    "left_out": int((found.events["configuration"] < 0).sum()),
                    "sizes": " ".join(map(str, found.sizes()["events"])),
                }
            )
    table = pd.DataFrame(rows)
    table.round(4).to_csv(MEASURED, index=False)
    print(table.T.to_string())
    print("ARI of the published groups with the scans", adjusted_rand_score(events["scan"], labels))


def _silhouette(distance, labels):
    return float(silhouette_score(distance, labels, metric="precomputed"))


def main():
    """Make what is asked for; everything without an argument."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--study", action="store_true")
    arguments.add_argument("--measured", action="store_true")
    asked = arguments.parse_args()
    if asked.study or not asked.measured:
        study()
    if asked.measured or not asked.study:
        measured()


if __name__ == "__main__":
    main()
