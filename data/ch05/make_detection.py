"""Make detection.csv: published detection and ours, on simulated scans with known events.

Scans of the first instrument with about two events each, made fainter by factors down to 0.05, and
as many scans without events. Thresholds of ours come from validation scans without events, so that
there are as many false events a scan as the published way gives, as it gives when events of a
single track count, or 1, 0.1; the rows ``validation`` show what they were chosen on, ``test`` what
holds on fresh scans.

``false_events`` are events per scan without any, with 95 % intervals (bootstrap over scans),
``false_tracks`` the tracks of these. ``precision`` is the share of the events found that are paired
with a true one, ``on_event`` of those that overlap one at all (parts of it, mostly); ``recall_*``
the share of true events of at least 3 steps that are found, in all and by signal to noise of the
strongest line in one pixel; ``line_recall_*`` the same of lines; ``track_precision`` the share of
tracks of events that lie on a line. Events of published detection have two tracks or more.

    python data/ch05/make_detection.py                 # 2 minutes on one core
    python data/ch05/make_detection.py --sets validation

Scans that were analysed stay in _build/picocavities and are not analysed again.
"""

import argparse
import pickle

import numpy as np
import pandas as pd
from scan_library import KEPT, TEST, VALIDATION, faint_scan, scan
from tqdm import tqdm

from helpers.picocavities import autoencoder, calibrated, evaluate
from helpers.picocavities import events as grouping
from helpers.picocavities.analysis import EVERY, analyse_values
from helpers.picocavities.preprocess import preprocess
from helpers.picocavities.tracks import OFFSET
from helpers.registry import ROOT

TABLE = ROOT / "data" / "ch05" / "detection.csv"
SETS = {"validation": VALIDATION + 100, "test": TEST}
SCANS = 40  # with events, and as many without
FLOORS = {"published": 1, "published, floor x4": 4}
SINGLE = "published, single tracks too"
BINS = (0, 1, 2, 4, 8, np.inf)  # of signal to noise
FEWEST_STEPS = 3
RATES = (1.0, 0.1)
BOOTSTRAP = 1000


def analysed(seed, quiet):
    """Truth and what every method finds in one scan, kept on disk."""
    path = KEPT / "detection" / f"{'quiet' if quiet else 'faint'}_{seed}.pickle"
    if path.is_file():
        return pickle.loads(path.read_bytes())
    one = scan(seed, events=False) if quiet else faint_scan(seed)[0]
    values = preprocess(one.counts)
    network, _ = autoencoder.shipped("first")
    stable = autoencoder.reconstruct(network, values.values, EVERY)
    found = {}
    for name, times in FLOORS.items():
        made = analyse_values(values, stable, OFFSET * times)
        found[name] = (made.events.assign(score=1.0), made.tracks)
    found[SINGLE] = singles(found["published"][1])
    ours = calibrated.detect(values.values, stable)
    found["ours"] = (ours.events, ours.tracks)
    noise = np.sqrt(one.stable.mean(0) + 300 + 36)
    lines = one.lines.astype(float)
    lines["noise"] = np.interp(lines["wavenumber_cm"], one.counts["wavenumber"].values, noise)
    kept = {"events": one.events, "lines": lines, "found": found}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".part").write_bytes(pickle.dumps(kept))
    path.with_suffix(".part").rename(path)
    return kept


def singles(tracks):
    """Published tracks with events of one track kept."""
    return grouping.events(tracks, fewest=1).assign(score=1.0), tracks


def judged(one, method, threshold):
    """Counts of one scan: events and lines by bins of signal to noise, tracks."""
    table = one["found"][method][0]
    table = table[table["score"] > threshold]
    tracks = tracks_over(one, method, threshold)
    true = one["events"]
    pairs = evaluate.match_events(true, table)
    long = (true["last_step"] - true["first_step"] + 1 >= FEWEST_STEPS).to_numpy(bool)
    hit = np.zeros(len(true), bool)
    hit[pairs["truth"].to_numpy(int)] = True
    level = np.digitize(true["snr"].to_numpy(float), BINS[1:-1])
    right, lines = evaluate.match_tracks(one["lines"], tracks)
    noise = one["lines"].groupby(["event", "line"])["noise"].mean()
    pair = pd.MultiIndex.from_frame(lines[["event", "line"]])
    strength = lines["peak_counts"] / noise.reindex(pair).to_numpy()
    seen = (lines["steps"] >= FEWEST_STEPS).to_numpy(bool)
    line_level = np.digitize(strength.to_numpy(float), BINS[1:-1])
    count = len(BINS) - 1
    begin, end = (table[key].to_numpy()[:, None] for key in ("first_step", "last_step"))
    on = (true["first_step"].to_numpy(int) <= end) & (true["last_step"].to_numpy(int) >= begin)
    return {
        "on_event": on.any(1).sum(), "found": len(table), "matched": len(pairs),
        "tracks": len(right), "right": right.sum(),
        "events": np.bincount(level[long], minlength=count),
        "hits": np.bincount(level[long & hit], minlength=count),
        "lines": np.bincount(line_level[seen], minlength=count),
        "line_hits": np.bincount(line_level[seen & lines["found"].to_numpy(bool)], minlength=count),
    }  # fmt: skip


def tracks_over(one, method, threshold):
    """Tracks of the events that a method reports, numbered anew."""
    table, tracks = one["found"][method]
    tracks = tracks[tracks["event"].isin(table.loc[table["score"] > threshold, "event"])]
    return tracks.assign(track=pd.factorize(tracks["track"])[0])


def interval(values, weights, rng):
    """95 % interval of sum(values) / sum(weights) over scans."""
    rows = rng.integers(len(values), size=(BOOTSTRAP, len(values)))
    ratio = np.asarray(values)[rows].sum(1) / np.maximum(np.asarray(weights)[rows].sum(1), 1)
    return np.quantile(ratio, [0.025, 0.975])


def row(part, name, method, threshold, faint, quiet):
    """One row of the table."""
    rng = np.random.default_rng(0)
    false = [len(t[t["score"] > threshold]) for t in (one["found"][method][0] for one in quiet)]
    each = pd.DataFrame([judged(one, method, threshold) for one in faint])
    sums = {name: np.sum(np.stack(each[name]), 0) for name in each}
    hits, events = (np.array([v.sum() for v in each[name]]) for name in ("hits", "events"))
    false_tracks = [len(set(tracks_over(one, method, threshold)["track"])) for one in quiet]
    low, high = interval(false, np.ones(len(false)), rng)
    recall_low, recall_high = interval(hits, events, rng)
    out = {
        "set": part, "method": name, "threshold": threshold, "scans": len(faint),
        "false_events": np.mean(false), "false_low": low, "false_high": high,
        "false_tracks": np.mean(false_tracks),
        "events": sums["events"].sum(), "precision": sums["matched"] / max(sums["found"], 1),
        "on_event": sums["on_event"] / max(sums["found"], 1),
        "recall": hits.sum() / events.sum(), "recall_low": recall_low, "recall_high": recall_high,
        "track_precision": sums["right"] / max(sums["tracks"], 1),
        "line_recall": sums["line_hits"].sum() / sums["lines"].sum(),
    }  # fmt: skip
    for kind, hit, every in (
        ("recall", "hits", "events"),
        ("line_recall", "line_hits", "lines"),
    ):
        for k, low in enumerate(BINS[:-1]):
            key = f"{kind}_{low}" + ("_up" if BINS[k + 1] == np.inf else f"_{BINS[k + 1]}")
            out[key] = sums[hit][k] / sums[every][k] if sums[every][k] else np.nan
    return out


def main():
    """Analyse the scans that are missing, and make the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--scans", type=int, default=SCANS)
    asked = parser.parse_args()
    rows, thresholds = [], None
    for part in SETS:
        if part not in asked.sets and part != "validation":
            continue
        seeds = range(SETS[part], SETS[part] + asked.scans)
        pairs = [(analysed(seed, False), analysed(seed + 400, True)) for seed in tqdm(seeds, part)]
        faint, quiet = zip(*pairs)
        if thresholds is None:
            thresholds = choose(quiet)
        for name in (*FLOORS, SINGLE):
            rows.append(row(part, name, name, 0.0, faint, quiet))
        for name, threshold in thresholds.items():
            rows.append(row(part, f"ours, {name}", "ours", threshold, faint, quiet))
    table = pd.DataFrame(rows).round(4)
    table.to_csv(TABLE, index=False)
    shown = [
        "set",
        "method",
        "false_events",
        "false_tracks",
        "precision",
        "recall",
        "track_precision",
    ]
    print(table[[*shown, "line_recall"]].to_string())


def choose(quiet):
    """Thresholds of ours from validation scans without events."""
    scores = np.concatenate([one["found"]["ours"][0]["score"] for one in quiet])
    wanted = {
        f"false alarms of {name}": np.mean([len(one["found"][name][0]) for one in quiet])
        for name in ("published", SINGLE)
    }
    wanted |= {f"{rate:g} false alarms a scan": rate for rate in RATES}
    return {name: calibrated.threshold(scores, len(quiet), rate) for name, rate in wanted.items()}


if __name__ == "__main__":
    main()
