"""Make triage.csv and triage.json: how well an image's score says whether it holds atoms.

With atoms: the 21 measured images and their quarters (those with at least three labelled atoms).
Without: simulated metal-free supports (60, drawn from the spread of the training images), and a
counterpart of every measured image with randomised phases; both whole and in quarters.

The level is chosen on the training images, their counterparts and the first half of the simulated
ones; error rates come from the rest.  Quarters of one image are no independent samples: their
intervals are too narrow, those of whole images are right.

A detector whose rows are in triage.csv already is not run again; delete its rows to repeat it.
"""

import argparse
import dataclasses
import json

import numpy as np
import pandas as pd

from helpers import data
from helpers.atoms import detect, simulate, triage

TABLE = triage.LEVELS.with_suffix(".csv")
SIMULATED = 60
SEED = 20223
FEWEST_ATOMS = 3


def fields():
    """Every field of view with its origin: (row of triage.csv, counts)."""
    for item in data.pt_nc():
        counts = item.image.to_numpy()
        for row, view, labels in views(counts, item.labels):
            row |= {"image": item.name, "split": item.split, "kind": "measured"}
            if labels >= FEWEST_ATOMS:
                yield row | {"atoms": labels}, view
        bare = triage.without_atoms(counts, np.random.default_rng([SEED, int(item.name)]))
        for row, view, _ in views(bare):
            row |= {"image": item.name, "split": item.split, "kind": "randomised phases"}
            yield row | {"atoms": 0}, view
    for number in range(SIMULATED):
        specimen, microscope = simulate.varied(SEED + number)
        specimen = dataclasses.replace(specimen, density_per_nm2=0.0)
        counts = simulate.acstem(SEED + number, specimen, microscope).image.to_numpy()
        split = "train" if number < SIMULATED // 2 else "test"
        for row, view, _ in views(counts):
            row |= {"image": f"sim{number:02d}", "split": split, "kind": "simulated, metal-free"}
            yield row | {"atoms": 0}, view


def views(counts, labels=None):
    """The whole image and its quarters: (row, counts, number of labels in it)."""
    half_y, half_x = (size // 2 for size in counts.shape)
    corners = [(y, x) for y in (0, half_y) for x in (0, half_x)]
    cuts = [("whole", slice(None), slice(None))]
    cuts += [("quarter", slice(y, y + half_y), slice(x, x + half_x)) for y, x in corners]
    for view, rows, columns in cuts:
        inside = np.zeros(counts.shape, bool)
        inside[rows, columns] = True
        number = 0
        if labels is not None:
            number = int(inside[labels.y_px.astype(int), labels.x_px.astype(int)].sum())
        yield {"view": view}, counts[rows, columns], number


def shipped_detectors():
    """Detectors whose weights and settings are there."""
    for method in ("log", "sac-cnn", "ensemble"):
        try:
            detect.load_detector(method)
        except (ValueError, FileNotFoundError, data.DataError) as reason:
            print(f"{method}: left out ({reason})")
        else:
            yield method


def summary(table):
    """Levels from the training half, error rates from the rest, per detector."""
    levels, rates = {}, []
    for method, rows in table.groupby("detector", sort=False):
        train, test = rows[rows.split == "train"], rows[rows.split == "test"]
        levels[method] = round(triage.choose_level(train.score, train.atoms > 0), 5)
        for view, seen in test.groupby("view", sort=False):
            auc = triage.area_under(triage.roc(seen.score, seen.atoms > 0))
            for error, rate in triage.error_rates(
                seen.score, seen.atoms > 0, levels[method]
            ).iterrows():
                row = {"detector": method, "view": view, "error": error, "area_under_roc": auc}
                rates.append(row | rate.to_dict())
    return levels, pd.DataFrame(rates)


def main():
    """Score every field with every detector, choose levels, write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--detectors", nargs="*", help="keys of helpers.atoms.detect.METHODS")
    methods = parser.parse_args().detectors
    methods = list(shipped_detectors()) if methods is None else methods
    done = pd.read_csv(TABLE, dtype={"image": str}) if TABLE.is_file() else None
    known = set() if done is None else set(done.detector)
    missing = [method for method in methods if method not in known]
    detectors = {method: detect.load_detector(method) for method in missing}
    rows = []
    for row, counts in fields() if detectors else []:
        for method, detector in detectors.items():
            found = round(triage.score(counts, detector), 5)
            rows.append(row | {"detector": method, "score": found})
        if row["view"] == "whole":
            print(row, flush=True)
    table = pd.concat([done, pd.DataFrame(rows)], ignore_index=True)
    columns = ["detector", "kind", "image", "split", "view", "atoms", "score"]
    table[columns].to_csv(TABLE, index=False)
    levels, rates = summary(table)
    content = {
        "data": "measured images; simulated and phase-randomised negatives (see triage.csv)",
        "levels": levels,
        "error_rates_on_test": json.loads(rates.round(4).to_json(orient="records")),
    }
    triage.LEVELS.write_text(json.dumps(content, indent=1) + "\n")
    print(levels)
    print(rates.round(3).to_string())


if __name__ == "__main__":
    main()
