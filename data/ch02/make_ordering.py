"""Would chemical order be found? Size and power of the random-labelling test, with labels in error.

ordering_power.csv: drawn arrangements, 7.5 x 7.5 nm, Ni and Pd two to one or Ni, Pd and Pt in equal
parts, ordered by the exchange model with a strength in kT per pair of near neighbours (two each;
positive: like seeks like). Labels are then wrong at a rate that does not depend on anything. Shares
of 60 runs with p <= 0.05: "size" where the strength is 0. ``null``: "labelling" permutes labels;
"species" is the paper's comparison with two independent random species, also on positions that keep
their distance.

ordering_images.csv: simulated images at 80 kV, 320 x 320 px (seeds 2500-2559), one row per image
and kind of labels:

    truth            every atom at its place, with its element
    named            the same places, elements by the default method of `helpers.atoms.species`
    found            places from the dense detector, true elements (of those that are atoms)
    found and named  what a reader has: places from the detector, elements by the default method

with the atoms there are, the share that is named rightly, p-values (none where all atoms got one
name), and for the last ``p_drawn``, twice the median over 10 draws from the confidences. Here atoms
are missed by their element and by their neighbours, and so are errors made.

Finished parts are kept in _build/ordering. Four core-minutes:

    python data/ch02/make_ordering.py
"""

from itertools import product

import numpy as np
import pandas as pd

from helpers.atoms import ordering, processes
from helpers.atoms.dense import dense_image
from helpers.atoms.dense_detection import detect, prepare
from helpers.atoms.matching import match
from helpers.atoms.species import assign_elements
from helpers.data import ROOT

FOLDER = ROOT / "data" / "ch02"
KEPT = ROOT / "_build" / "ordering"
PIXEL_NM = 15 / 512
FRAME = np.ones((256, 256), bool)
SHAPE = (320, 320)  # of the images
BOX_NM = (7.5, 7.5)
PARTS = {"NiPd": {"Ni": 2, "Pd": 1}, "NiPdPt": {"Ni": 1, "Pd": 1, "Pt": 1}}
STRENGTHS = (-1.0, -0.5, 0.0, 0.5, 1.0)
ERRORS = (0.0, 0.05, 0.1, 0.2)
COUNTS = (112, 225)
RUNS = 60
PERMUTATIONS = 199
DRAWS = 10
MATCH_PX = 6
IMAGES = [  # system, density, strength, images
    ("NiPd", 2.0, 0.0, 20), ("NiPd", 2.0, 1.0, 10), ("NiPdPt", 2.0, 0.0, 20),
    ("NiPdPt", 2.0, 1.0, 10),
]  # fmt: skip


def counts_of(system, n):
    """Atoms of every element; what does not divide goes to the first."""
    parts = PARTS[system]
    found = {e: n * part // sum(parts.values()) for e, part in parts.items()}
    found["Ni"] += n - sum(found.values())
    return found


def mistaken(labels, error, rng):
    """Labels of which a share is another element, any other with equal probability."""
    names, codes = np.unique(labels, return_inverse=True)
    other = (codes + rng.integers(1, len(names), len(codes))) % len(names)
    return names[np.where(rng.random(len(codes)) < error, other, codes)]


def rejections(system, positions, null, n, strength, error, rng):
    """A row of ordering_power.csv."""
    model = {"random": processes.neutral, "repulsive": processes.repulsive}[positions]
    p = []
    for _ in range(RUNS):
        points = model(rng, n, BOX_NM) - PIXEL_NM / 2
        labels = processes.ordered_labels(rng, points, counts_of(system, n), strength)
        labels = mistaken(labels, error, rng)
        if null == "labelling":
            test = ordering.random_labelling(points, labels, rng, PERMUTATIONS)
        else:
            test = ordering.independent_species(points, labels, FRAME, PIXEL_NM, rng, PERMUTATIONS)
        p.append((test.p_nearest, test.p_connection, test.p))
    share = np.mean(np.array(p) <= 0.05, 0)
    return {
        "system": system, "positions": positions, "null": null, "atoms": n,
        "strength_kt": strength, "error": error, "runs": RUNS, "rejected_nearest": share[0],
        "rejected_connection": share[1], "rejected": share[2],
    }  # fmt: skip


def power():
    """All rows of ordering_power.csv, cell by cell."""
    steps = list(product(STRENGTHS, ERRORS))
    cells = [("NiPd", "random", "labelling", n, *step) for n in COUNTS for step in steps]
    cells += [("NiPd", "repulsive", "labelling", n, s, 0.0) for n in COUNTS for s in (0.0, 1.0)]
    cells += [("NiPd", p, "species", n, 0.0, 0.0) for n in COUNTS for p in ("random", "repulsive")]
    cells += [
        ("NiPdPt", "random", "labelling", COUNTS[1], s, e) for s in STRENGTHS for e in (0.0, 0.2)
    ]
    path = KEPT / "power.csv"
    rows = pd.read_csv(path).to_dict("records") if path.exists() else []
    for number, cell in enumerate(cells[len(rows) :], len(rows)):
        rows.append(rejections(*cell, np.random.default_rng([2003, number])))
        pd.DataFrame(rows).to_csv(path, index=False)
        print(*cell, rows[-1]["rejected"], flush=True)
    return pd.DataFrame(rows)


def image_rows(system, density, strength, seed):
    """Tests of one image with true, with assigned and with found labels."""
    rng = np.random.default_rng([seed, 3])

    def arrangement(draw, n, box):
        points = processes.neutral(draw, n, box)
        return points, processes.ordered_labels(draw, points, counts_of(system, n), strength)

    parts = PARTS[system]
    metals = {e: density * part / sum(parts.values()) for e, part in parts.items()}
    simulated = dense_image(seed, metals, arrangement, shape=SHAPE)
    atoms, image = simulated.atoms[["x_px", "y_px"]], prepare(simulated.image.to_numpy())
    truth = simulated.atoms["element"].to_numpy(str)
    found = detect(simulated.image.to_numpy())[["x_px", "y_px"]]
    pairs = match(atoms, found, rule="distance", radius=MATCH_PX)
    of_found = np.full(len(found), "", truth.dtype)
    of_found[pairs["detection"]] = truth[pairs["label"]]
    named = assign_elements(image, atoms, parts, places="true")
    found_named = assign_elements(image, found, parts)
    is_atom = of_found != ""
    kinds = {
        "truth": (atoms, truth, truth),
        "named": (atoms, named["element"].to_numpy(str), truth),
        "found": (found[is_atom], of_found[is_atom], of_found[is_atom]),
        "found and named": (found, found_named["element"].to_numpy(str), of_found),
    }
    rows = []
    for kind, (points, labels, true) in kinds.items():
        row = {"system": system, "density_nm2": density, "strength_kt": strength, "seed": seed}
        row |= {"labels": kind, "atoms": len(points), "right": (labels == true)[true != ""].mean()}
        positions = points.to_numpy() * PIXEL_NM
        numbers = np.unique_counts(labels).counts
        if len(numbers) < 2 or numbers.min() < 2:  # nothing to test: all atoms have one name
            rows.append(row)
            continue
        test = ordering.random_labelling(positions, labels, rng, PERMUTATIONS)
        row |= {"p_nearest": test.p_nearest, "p_connection": test.p_connection, "p": test.p}
        if kind == "found and named":
            sure = found_named["confidence"].to_numpy()
            draws = ordering.uncertain_labelling(positions, labels, sure, rng, DRAWS, 99)
            row["p_drawn"] = ordering.combined_p(draws.p)
        rows.append(row)
    return rows


def images():
    """All rows of ordering_images.csv, image by image."""
    path = KEPT / "images.csv"
    rows = pd.read_csv(path).to_dict("records") if path.exists() else []
    done, seed = {row["seed"] for row in rows}, 2500
    for system, density, strength, number in IMAGES:
        for _ in range(number):
            if seed not in done:
                rows += image_rows(system, density, strength, seed)
                pd.DataFrame(rows).to_csv(path, index=False)
                print(system, density, strength, seed, flush=True)
            seed += 1
    return pd.DataFrame(rows)


def main():
    """Make what is missing, write both tables."""
    KEPT.mkdir(parents=True, exist_ok=True)
    for name, make in {"ordering_images": images, "ordering_power": power}.items():
        make().round(4).to_csv(FOLDER / f"{name}.csv", index=False)


if __name__ == "__main__":
    main()
