"""Make triage.csv and triage.json: how well an image's score says whether it holds atoms.

With atoms: the 21 measured images, whole and their middle quarter (where it holds at least three
labelled atoms).  Without: simulated metal-free supports (38, drawn from the spread of the training
images), and a counterpart of every measured image with randomised phases, in the same two views.

The level is chosen on the training images, their counterparts and every other simulated one;
error rates come from the rest.  Every image counts once in a view, so that the intervals of
the rates, which take images as independent, are right.

Scores that are in triage.csv already are not computed again; delete the file to repeat them.  The
ensemble takes seven core-minutes, the blob filter one:

    python data/ch01/make_triage.py [detector ...]
"""

import argparse
import dataclasses
import json
from functools import cache, partial
from itertools import product

import numpy as np
import pandas as pd

from helpers import data
from helpers.atoms import detect, simulate, triage

TABLE = triage.LEVELS.with_suffix(".csv")
COLUMNS = ["detector", "kind", "image", "split", "view", "atoms", "score"]
KEY = ["detector", "kind", "image", "view"]
SIDE = 512  # px, of every image
VIEWS = {"whole": np.s_[:, :], "quarter": np.s_[SIDE // 4 : -SIDE // 4, SIDE // 4 : -SIDE // 4]}
SIMULATED = 38
SEED = 20223
FEWEST_ATOMS = 3


def images():
    """Every image: its origin (columns of triage.csv), its labels, a function giving its counts."""
    none = pd.DataFrame({"x_px": [], "y_px": []})
    for item in data.pt_nc():
        about = {"image": item.name, "split": item.split}
        yield about | {"kind": "measured"}, item.labels, item.image.to_numpy
        yield about | {"kind": "randomised phases"}, none, partial(randomised, item)
    for number in range(SIMULATED):
        about = {"image": f"sim{number:02d}", "split": "test" if number % 2 else "train"}
        yield about | {"kind": "simulated, metal-free"}, none, partial(simulated, number)


def randomised(item):
    """A measured image without its atoms."""
    rng = np.random.default_rng([SEED, int(item.name)])
    return triage.without_atoms(item.image.to_numpy(), rng)


def simulated(number):
    """A support without metal."""
    specimen, microscope = simulate.varied(SEED + number)
    specimen = dataclasses.replace(specimen, density_per_nm2=0.0)
    return simulate.acstem(SEED + number, specimen, microscope).image.to_numpy()


def labels_in(labels, cut):
    """Number of labels in a view."""
    inside = np.zeros((SIDE, SIDE), bool)
    inside[cut] = True
    return int(inside[labels["y_px"].astype(int), labels["x_px"].astype(int)].sum())


def scores(methods):
    """Read triage.csv, and add to it, view by view, what the detectors lack."""
    if not TABLE.is_file():
        pd.DataFrame(columns=COLUMNS).to_csv(TABLE, index=False)
    known = set(pd.read_csv(TABLE, dtype=str)[KEY].itertuples(index=False, name=None))
    for about, labels, counts_of in images():
        counts_of = cache(counts_of)
        for (view, cut), method in product(VIEWS.items(), methods):
            row = about | {"view": view, "atoms": labels_in(labels, cut), "detector": method}
            too_few = row["kind"] == "measured" and row["atoms"] < FEWEST_ATOMS
            if too_few or tuple(row[name] for name in KEY) in known:
                continue
            found = triage.score(counts_of()[cut], detect.load_detector(method))
            row["score"] = round(found, 5)
            pd.DataFrame([row])[COLUMNS].to_csv(TABLE, mode="a", header=False, index=False)
            print(row, flush=True)
    table = pd.read_csv(TABLE, dtype={"image": str}).sort_values(KEY, ignore_index=True)
    table.to_csv(TABLE, index=False)
    return table


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
    """Score every field, choose levels, write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("detectors", nargs="*", default=["log", "ensemble"])
    levels, rates = summary(scores(parser.parse_args().detectors))
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
