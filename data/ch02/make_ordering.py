"""Would chemical order be found? Size and power of the random-labelling test, with labels in error.

ordering_power.csv: drawn arrangements, 7.5 x 7.5 nm, Ni and Pd two to one, ordered by the exchange
model with a strength in kT per pair of near neighbours (two each; positive: like seeks like).
Labels are then wrong at a rate that does not depend on anything. Shares of 60 runs with p <= 0.05:
"size" where the strength is 0. ``null``: "labelling" permutes labels; "species" is the paper's
comparison with two independent random species, also on positions that keep their distance.

ordering_images.csv: simulated Ni-Pd images at 80 kV, 256 x 256 px (seeds 2500-2579), labels from
the image at the true positions, by two methods of `helpers.atoms.species`; one row per image and
labels: share of right labels, p-values, and for the default method ``p_drawn``, twice the median
over 20 draws from the confidences. Here errors do depend on neighbours.

Finished parts are kept in _build/ordering. Six core-minutes:

    python data/ch02/make_ordering.py
"""

import numpy as np
import pandas as pd

from helpers.atoms import ordering, processes
from helpers.atoms.dense import dense_image
from helpers.atoms.dense_detection import prepare
from helpers.atoms.species import assign_elements
from helpers.data import ROOT

FOLDER = ROOT / "data" / "ch02"
KEPT = ROOT / "_build" / "ordering"
PIXEL_NM = 15 / 512
FRAME = np.ones((256, 256), bool)
BOX_NM = (7.5, 7.5)
STRENGTHS = (-1.0, -0.5, 0.0, 0.5, 1.0)
ERRORS = (0.0, 0.05, 0.1, 0.2)
COUNTS = (112, 225)
RUNS = 60
PERMUTATIONS = 199
IMAGES = [(2.0, 0.0, 40), (2.0, 1.0, 20), (4.0, 0.0, 20)]  # density, strength, images
METHODS = ("fit", "intensity")


def two_to_one(n):
    """Counts of Ni and Pd."""
    return {"Ni": n - n // 3, "Pd": n // 3}


def mistaken(labels, error, rng):
    """Labels of which a share is the other element."""
    other = np.where(labels == "Ni", "Pd", "Ni")
    return np.where(rng.random(len(labels)) < error, other, labels)


def rejections(positions, null, n, strength, error, rng):
    """A row of ordering_power.csv."""
    model = {"random": processes.neutral, "repulsive": processes.repulsive}[positions]
    p = []
    for _ in range(RUNS):
        points = model(rng, n, BOX_NM) - PIXEL_NM / 2
        labels = processes.ordered_labels(rng, points, two_to_one(n), strength)
        labels = mistaken(labels, error, rng)
        if null == "labelling":
            test = ordering.random_labelling(points, labels, rng, PERMUTATIONS)
        else:
            test = ordering.independent_species(points, labels, FRAME, PIXEL_NM, rng, PERMUTATIONS)
        p.append((test.p_nearest, test.p_connection, test.p))
    share = np.mean(np.array(p) <= 0.05, 0)
    return {
        "positions": positions, "null": null, "atoms": n, "strength_kt": strength, "error": error,
        "runs": RUNS, "rejected_nearest": share[0], "rejected_connection": share[1],
        "rejected": share[2],
    }  # fmt: skip


def power():
    """All rows of ordering_power.csv, cell by cell."""
    cells = [("random", "labelling", n, s, e) for n in COUNTS for s in STRENGTHS for e in ERRORS]
    cells += [("repulsive", "labelling", n, s, 0.0) for n in COUNTS for s in (0.0, 1.0)]
    cells += [(p, "species", n, 0.0, 0.0) for n in COUNTS for p in ("random", "repulsive")]
    path = KEPT / "power.csv"
    rows = pd.read_csv(path).to_dict("records") if path.exists() else []
    for number, cell in enumerate(cells[len(rows) :], len(rows)):
        rows.append(rejections(*cell, np.random.default_rng([2003, number])))
        pd.DataFrame(rows).to_csv(path, index=False)
        print(*cell, rows[-1]["rejected"], flush=True)
    return pd.DataFrame(rows)


def image_rows(density, strength, seed):
    """Tests of one image with true and with assigned labels."""
    rng = np.random.default_rng([seed, 3])

    def arrangement(draw, n, box):
        points = processes.neutral(draw, n, box)
        return points, processes.ordered_labels(draw, points, two_to_one(n), strength)

    metals = {"Ni": density * 2 / 3, "Pd": density / 3}
    simulated = dense_image(seed, metals, arrangement, shape=FRAME.shape)
    atoms, image = simulated.atoms, prepare(simulated.image.to_numpy())
    positions, truth = atoms[["x_px", "y_px"]].to_numpy() * PIXEL_NM, atoms.element.to_numpy(str)
    rows = []
    for method in ("truth", *METHODS):
        labels, confidence = truth, np.ones(len(truth))
        if method != "truth":
            assigned = assign_elements(image, atoms[["x_px", "y_px"]], ["Ni", "Pd"], method)
            labels, confidence = assigned.element.to_numpy(str), assigned.confidence.to_numpy()
        row = {"density_nm2": density, "strength_kt": strength, "seed": seed, "labels": method}
        row |= {"atoms": len(atoms), "right": np.mean(labels == truth)}
        test = ordering.random_labelling(positions, labels, rng, PERMUTATIONS)
        row |= {"p_nearest": test.p_nearest, "p_connection": test.p_connection, "p": test.p}
        if method == METHODS[0]:
            draws = ordering.uncertain_labelling(positions, labels, confidence, rng, 20, 99)
            row["p_drawn"] = ordering.combined_p(draws.p)
        rows.append(row)
    return rows


def images():
    """All rows of ordering_images.csv, image by image."""
    path = KEPT / "images.csv"
    rows = pd.read_csv(path).to_dict("records") if path.exists() else []
    done, seed = {row["seed"] for row in rows}, 2500
    for density, strength, number in IMAGES:
        for _ in range(number):
            if seed not in done:
                rows += image_rows(density, strength, seed)
                pd.DataFrame(rows).to_csv(path, index=False)
                print(density, strength, seed, flush=True)
            seed += 1
    return pd.DataFrame(rows)


def main():
    """Make what is missing, write both tables."""
    KEPT.mkdir(parents=True, exist_ok=True)
    for name, make in {"ordering_power": power, "ordering_images": images}.items():
        make().round(4).to_csv(FOLDER / f"{name}.csv", index=False)


if __name__ == "__main__":
    main()
