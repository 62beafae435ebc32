"""How close may two atoms come before they are counted as one? Splitting judged on known multimers.

Simulated images (`helpers.atoms.dense.conditions`: Pt, Pd and a random mixture of Ni and Pd at 80
kV, Ni at 200 kV) of 36 multimers each, far from each other and turned at random: 12 dimers, 6
single atoms, 6 trimers in a chain and 6 in a triangle, 3 tetramers in a chain and 3 in a rhombus;
bonds of 2 to 4 A. All methods see the likelihood maps of the SAC-CNN with hard negatives
(make_sac_cnn.py), its regions above the published threshold and above the validated one.

A multimer is resolved when the atoms reported within 2.5 A of any of its atoms are as many as it
has, and each lies within 1 A of one of its own. The position error is the root mean square distance
of the atoms of resolved multimers, so it never exceeds 1 A.

    python data/ch02/make_multimers.py calibrate
        One validation image per metal with bonds of 2.0 and of 2.5 A (seeds 1000-1003, 1008-1011),
        regions above the validated threshold. Writes multimers_calibration.csv: the share resolved
        (mean over metals and shapes) with every setting tried. Column ``elsewhere`` (atoms reported
        near none, per image) counts the whole image for the maxima, but for the mixtures only the
        regions close to a multimer: compare within a method.
    python data/ch02/make_multimers.py
        One test image each (seeds 2000-2035). Writes multimers.csv (threshold, method, metal,
        shape, bond) and multimers_single.csv (single atoms: left whole, split or missed; and the
        atoms invented anywhere in the images, where most regions are specks of noise).

The published criterion and BIC try three atoms at most, so they resolve a tetramer only where it
falls into several regions; the calibrated one tries four, as many as the largest multimer here has.
All multimers of an image share its dose, blur and support, and each metal and bond has one image:
the intervals, which take multimers as independent, are too narrow for comparing bonds or metals.
Methods are compared on the same multimers.

A few minutes each on one core; finished images are kept in _build/multimers.
"""

import argparse
import itertools
import pickle
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from scipy import ndimage
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.stats import binomtest

from helpers.atoms.dense import conditions
from helpers.atoms.dense_detection import PUBLISHED_THRESHOLD, load_detector
from helpers.atoms.multimers import (
    BIC,
    CALIBRATED,
    EXACT,
    PUBLISHED,
    fit_mixture,
    split,
    split_maxima,
    weighted_pixels,
)
from helpers.atoms.peaks import components, maxima
from helpers.atoms.preprocess import NETWORK_PIXEL_NM
from helpers.atoms.simulate import acstem
from helpers.data import ROOT

FOLDER = ROOT / "data" / "ch02"
PARTS = ROOT / "_build" / "multimers"
METALS = {"Pt": ["Pt"], "Pd": ["Pd"], "Ni": ["Ni"], "NiPd": ["Ni", "Pd"]}
BONDS_A = np.arange(2.0, 4.01, 0.25)
SHAPES = {
    "dimer": 12,
    "single": 6,
    "trimer, chain": 6,
    "trimer, triangle": 6,
    "tetramer, chain": 3,
    "tetramer, rhombus": 3,
}
THRESHOLDS = {"published": PUBLISHED_THRESHOLD, "validated": load_detector("published").threshold}
SMALLEST_PX2 = 30
CELLS = 6
SIDE = 512
NEAR_PX = 0.25 / NETWORK_PIXEL_NM
WITHIN_PX = 0.1 / NETWORK_PIXEL_NM
PX_A = 10 * NETWORK_PIXEL_NM


def multimer(rng, shape):
    """Positions of the atoms about their centre, bonds of length 1, turned at random."""
    number = {"single": 1, "dimer": 2, "trimer": 3, "tetramer": 4}[shape.split(",")[0]]
    if shape.endswith(("triangle", "rhombus")):
        at = np.array([[0, 0], [1, 0], [0.5, 0.75**0.5], [1.5, 0.75**0.5]])[:number]
    else:  # every bond of a chain turns by at most 60 degrees
        turns = rng.uniform(-np.pi / 3, np.pi / 3, number)
        turns[0] = 0
        heading = np.cumsum(turns)[: number - 1]
        steps = np.column_stack([np.cos(heading), np.sin(heading)])
        at = np.concatenate([[[0, 0]], np.cumsum(steps, axis=0)])
    angle = rng.uniform(0, 2 * np.pi)
    cos, sin = np.cos(angle), np.sin(angle)
    return (at - at.mean(axis=0)) @ np.array([[cos, sin], [-sin, cos]])


def case(seed):
    """One image: metal, bond (A), counts (H, W) and the atoms with their multimer and its shape."""
    metals, bonds = list(METALS), len(BONDS_A)
    metal = metals[seed % 1000 % len(metals)]
    bond_a = float(BONDS_A[seed % 1000 // len(metals) % bonds])
    rng = np.random.default_rng(seed)
    specimen, microscope = conditions(rng, METALS[metal])
    step = SIDE / CELLS
    rows = []
    shapes = rng.permutation(np.repeat(list(SHAPES), list(SHAPES.values())))
    for cell, shape in enumerate(shapes):
        centre = (np.array([cell % CELLS, cell // CELLS]) + 0.5) * step + rng.uniform(-4, 4, 2)
        for x, y in centre + multimer(rng, shape) * bond_a / PX_A:
            rows.append((x, y, rng.choice(METALS[metal]), cell, shape))
    atoms = pd.DataFrame(rows, columns=["x_px", "y_px", "element", "multimer", "shape"])
    simulated = acstem(rng, specimen, microscope, (SIDE, SIDE), atoms)
    if len(simulated.atoms) != len(atoms):
        raise ValueError(f"seed {seed}: an atom lies outside the field")
    found = simulated.atoms.assign(multimer=atoms["multimer"], shape=atoms["shape"])
    return metal, bond_a, simulated.image.to_numpy(), found


def prepared_and_map(counts):
    """Prepared image and likelihood map of the published route."""
    detector = load_detector("published")
    prepared = detector.prepare(counts)
    return prepared, detector.likelihood(prepared)


METHODS = {
    "one atom per region": lambda prepared, map_, t: components(map_, t),
    "local maxima": lambda prepared, map_, t: maxima(map_, t, min_distance=2),
    "mixture, published": lambda prepared, map_, t: split(map_, t, PUBLISHED),
    "mixture, BIC": lambda prepared, map_, t: split(map_, t, BIC),
    "mixture, calibrated": lambda prepared, map_, t: split(map_, t, CALIBRATED),
    "maxima of the image": lambda prepared, map_, t: split_maxima(map_, t, prepared),
}


def judge(atoms, positions):
    """One row per multimer: atoms, found (reported nearby), resolved and the summed squared error.

    Parameters
    ----------
    atoms : DataFrame
        Of `case`.
    positions : (N, 2) array
        Reported x and y.
    """
    distance = cdist(atoms[["x_px", "y_px"]], np.reshape(positions, (-1, 2)))
    rows = []
    for _, group in atoms.groupby("multimer"):
        mine = distance[group.index]
        mine = mine[:, (mine <= NEAR_PX).any(axis=0)]
        i, j = linear_sum_assignment(np.where(mine <= WITHIN_PX, mine, 1e6))
        good = mine.shape[1] == len(group) and (mine[i, j] <= WITHIN_PX).all()
        error = (mine[i, j] ** 2).sum() if good else np.nan
        rows.append((group["shape"].iloc[0], len(group), mine.shape[1], good, error))
    return pd.DataFrame(rows, columns=["shape", "atoms", "found", "resolved", "square_px2"])


def elsewhere(atoms, positions):
    """Number of reported atoms that are near no atom."""
    distance = cdist(np.reshape(positions, (-1, 2)), atoms[["x_px", "y_px"]])
    return int((distance.min(axis=1) > NEAR_PX).sum())


def judged(seed):
    """Every method on one image; kept once computed."""
    part = PARTS / f"{seed}.csv"
    if not part.exists():
        metal, bond_a, counts, atoms = case(seed)
        prepared, map_ = prepared_and_map(counts)
        found = {
            (method, rule): find(prepared, map_, threshold)
            for method, find in METHODS.items()
            for rule, threshold in THRESHOLDS.items()
        }
        tables = []
        for (method, rule), table in found.items():
            at = table[["x_px", "y_px"]].to_numpy()
            tables.append(judge(atoms, at).assign(elsewhere=elsewhere(atoms, at)))
            tables[-1] = tables[-1].assign(threshold_rule=rule, method=method)
        table = pd.concat(tables).assign(metal=metal, bond_a=bond_a)
        PARTS.mkdir(parents=True, exist_ok=True)
        table.to_csv(part, index=False)
        print(seed, metal, bond_a, flush=True)
    return pd.read_csv(part)


def share(table, column, name):
    """Share of True with its 95 % Wilson interval."""
    hits, n = int(table[column].sum()), len(table)
    interval = binomtest(hits, n).proportion_ci(method="wilson")
    return {name: hits / n, f"{name}_low": interval.low, f"{name}_high": interval.high}


def summary(table):
    """Row of numbers for a group of multimers."""
    atoms = table.loc[table["resolved"], "atoms"].sum()
    square = table["square_px2"].sum()
    return {
        "n": len(table),
        **share(table, "resolved", "resolved"),
        **share(table.assign(same=table["found"] == table["atoms"]), "same", "count_right"),
        "found_per_atom": table["found"].sum() / table["atoms"].sum(),
        "position_error_a": np.sqrt(square / atoms) * PX_A if atoms else np.nan,
    }


def test(seeds):
    """Judge all methods on test images and write the tables."""
    table = pd.concat([judged(seed) for seed in seeds])
    several = table[table["shape"] != "single"]
    keys = ["threshold_rule", "method", "metal", "shape", "bond_a"]
    rows = [
        dict(zip(keys, key)) | summary(group) for key, group in several.groupby(keys, sort=False)
    ]
    pd.DataFrame(rows).round(4).to_csv(FOLDER / "multimers.csv", index=False)
    area_nm2 = (SIDE * NETWORK_PIXEL_NM) ** 2
    rows = []
    keys = ["threshold_rule", "method", "metal"]
    for key, group in table[table["shape"] == "single"].groupby(keys, sort=False):
        group = group.assign(split=group["found"] > 1, missed=group["found"] == 0)
        rows.append(
            dict(zip(keys, key))
            | summary(group)
            | share(group, "split", "split")
            | share(group, "missed", "missed")
            | {"invented_per_nm2": group.groupby("bond_a")["elsewhere"].first().mean() / area_nm2}
        )
    pd.DataFrame(rows).round(4).to_csv(FOLDER / "multimers_single.csv", index=False)


# Calibration


def candidates(seed):
    """What the settings choose from: mixtures of every region near a multimer."""
    part = PARTS / f"{seed}.pickle"
    if not part.exists():
        metal, bond_a, counts, atoms = case(seed)
        prepared, map_ = prepared_and_map(counts)
        labels, _ = ndimage.label(map_ > THRESHOLDS["validated"])
        near = ndimage.distance_transform_edt(~drawn(atoms)) <= 12
        regions = []
        for label, box in enumerate(ndimage.find_objects(labels), start=1):
            mine = labels[box] == label
            if not near[box][mine].any():
                continue
            height, width = np.array(mine.shape) - 1
            corner = np.array([box[1].start, box[0].start])
            region = {"area": height * width, "whole": [corner + (width // 2, height // 2)]}
            region["mixtures"] = []
            if region["area"] >= SMALLEST_PX2:
                pixels, weights = weighted_pixels(np.where(mine, map_[box], 0), EXACT)
                region["mixtures"] = [fit_mixture(pixels + corner, weights, k) for k in range(1, 6)]
            regions.append(region)
        PARTS.mkdir(parents=True, exist_ok=True)
        part.write_bytes(pickle.dumps((metal, atoms, prepared, map_, regions)))
        print(seed, metal, bond_a, flush=True)
    return pickle.loads(part.read_bytes())


def drawn(atoms):
    """Mask of the pixels that hold an atom."""
    mask = np.zeros((SIDE, SIDE), bool)
    mask[tuple(atoms[["y_px", "x_px"]].to_numpy().round().astype(int).clip(0, SIDE - 1).T)] = True
    return mask


def by_mixture(criterion, prepared, map_, regions):
    """Positions when a criterion chooses the mixture of every region."""
    chosen = []
    for region in regions:
        mixtures = region["mixtures"][: criterion.max_atoms]
        if region["area"] >= criterion.area_px2 and mixtures:
            chosen.append(max(mixtures, key=criterion.score).means)
        else:
            chosen.append(region["whole"])
    return np.concatenate(chosen)


def by_log(sigma, share, area, prepared, map_, regions):
    """Positions of the maxima of the image."""
    found = split_maxima(map_, THRESHOLDS["validated"], prepared, sigma, share, area)
    return found[["x_px", "y_px"]].to_numpy()


def settings():
    """Every setting tried: (method, its name, function of prepared image, map and regions)."""
    grid = itertools.product((2.0, 2.5), (0.3, 0.4, 0.5), (0.0, 30.0, 60.0, 100.0))
    for sigma, least, area in grid:
        name = f"sigma_px={sigma}, share={least}, area_px2={area}"
        yield "maxima of the image", name, partial(by_log, sigma, least, area)
    yield "mixture", "published, no draw", partial(by_mixture, EXACT)
    rng = np.random.default_rng(0)
    for _ in range(200):
        criterion = replace(
            EXACT,
            extent=float(rng.choice([0, 0.015, 0.03, 0.045, 0.06, 0.08])),
            atom=float(rng.choice([-0.1, 0, 0.05, 0.1, 0.15, 0.2, 0.33])),
            pair=float(rng.choice([0, 0.003, 0.01, 0.02, 0.04, 0.11])),
            reach_px=float(rng.choice([6, 8, 10, 12])),
            area_px2=float(rng.choice([30, 60, 100, 130, 160])),
            max_atoms=int(rng.choice([3, 4, 5])),
        )
        yield "mixture", str(criterion), partial(by_mixture, criterion)


def calibrate(seeds):
    """Score every setting on validation images and write the table."""
    images = [candidates(seed) for seed in seeds]
    rows = []
    for method, name, find in settings():
        found = [find(*image) for _, _, *image in images]
        table = pd.concat(
            judge(atoms, at).assign(metal=metal, elsewhere=elsewhere(atoms, at))
            for (metal, atoms, *_), at in zip(images, found, strict=True)
        )
        resolved = table.groupby(["metal", "shape"])["resolved"].mean()
        single = resolved.xs("single", level="shape").mean()
        rows.append((method, name, resolved.mean(), single, table["elsewhere"].mean()))
    table = pd.DataFrame(
        rows, columns=["method", "setting", "resolved", "single_whole", "elsewhere"]
    )
    table = table.sort_values(["method", "resolved"], ascending=[True, False])
    table.round(4).to_csv(FOLDER / "multimers_calibration.csv", index=False)
    print(table.groupby("method").head(8).to_string())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("step", nargs="?", choices=["test", "calibrate"], default="test")
    if parser.parse_args().step == "calibrate":
        calibrate([*range(1000, 1004), *range(1008, 1012)])
    else:
        test(range(2000, 2000 + len(METALS) * len(BONDS_A)))
