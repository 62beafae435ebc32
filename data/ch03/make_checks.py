"""How good the simulated images are: PRISM, the linear model and the film, each put to a test.

multislice.csv: PRISM and the linear model against multislice on every third pixel, for test views
at 309 atoms. ``r``: correlation; ``ratio``: of the summed signal; ``_source``: after a source of
0.04 nm. multislice.npz: one of these views on all pixels, the three ways.

linear.csv: the linear model against PRISM for the images of the library, one row per isomer, part
and size: mean and lowest correlation, root-mean-square difference over the mean signal.

checks.csv: one number a row, after a source of 0.04 nm. ``displacements``: correlation of two sets
of thermal displacements of one view. ``film alone``: a film of explicit carbon atoms by PRISM
against the linear model of these atoms. ``film under`` and ``film beside``: the same for what the
film adds below a cluster of 309 atoms, where the gold has spread the beam, and next to it.
``film in all``: the whole image against the sum of its parts. ``film mean`` and ``film speckle``:
mean and standard deviation of a film by `helpers.clusters.recording`, over those by PRISM.

The film is 3 nm thick. Six core-minutes:

    python data/ch03/make_checks.py
"""

import numpy as np
import pandas as pd
import torch
from make_library import VIEWS, orientation, plan
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from helpers.clusters import amorphous, recording
from helpers.clusters.imaging import (
    FIELD_PX,
    Microscope,
    linear_image,
    multislice_image,
    prism_image,
    turned,
)
from helpers.clusters.library import FOLDER, SPLITS, library
from helpers.clusters.structures import ISOMERS, isomer
from helpers.registry import ROOT

KEPT = ROOT / "_build" / "checks"
SOURCE_PX = 0.04 / 0.05
EVERY = 3
FILM_NM = 3.0
TEST = SPLITS.index("test")


def atoms_of(atoms, isomer_number, split, number, seed=()):
    """Displaced atoms of one image of the library (nm); with another `seed`, displaced anew."""
    rotation, source = orientation(atoms, isomer_number, split, number)
    still = isomer(ISOMERS[isomer_number], atoms) if source < 0 else None
    place = amorphous.geometry(source, atoms) if still is None else still.get_positions() / 10
    rng = np.random.default_rng([atoms, isomer_number, split, number, *seed])
    return turned(place, rotation, rng, Microscope().thermal_nm)


def compared(image, truth, blur):
    """Correlation and ratio, sharp and after the source if the pixels are all there."""
    row = {"r": _r(image, truth), "ratio": image.sum() / truth.sum()}
    if blur:
        row["r_source"] = _r(_source(image), _source(truth))
    return row


def _r(a, b):
    return np.corrcoef(a.ravel(), b.ravel())[0, 1]


def _source(image):
    return gaussian_filter(image, SOURCE_PX)


def multislice():
    """Write multislice.csv and multislice.npz."""
    rows = []
    for i, name in enumerate(ISOMERS):
        for number in range(2):
            place = atoms_of(309, i, TEST, number)
            every = 1 if (i, number) == (0, 0) else EVERY
            path = KEPT / f"multislice_{i}_{number}.npy"
            if not path.exists():
                np.save(path, multislice_image("Au309", place, FIELD_PX[309], every=every))
                print("multislice", name, number, flush=True)
            truth = np.load(path)
            whole = {
                "PRISM": prism_image("Au309", place, FIELD_PX[309]),
                "linear": linear_image(place, FIELD_PX[309]),
            }
            for model, image in whole.items():
                row = compared(image[::every, ::every], truth, every == 1)
                rows.append({"isomer": name, "view": number, "model": model, **row})
            if every == 1:
                np.savez_compressed(
                    FOLDER / "multislice.npz", multislice=truth.astype(np.float32), **whole
                )
    pd.DataFrame(rows).round(5).to_csv(FOLDER / "multislice.csv", index=False)


def linear():
    """Write linear.csv."""
    rows = []
    for atoms in (309, 147, 561):
        shipped = library(atoms)
        views = [(i, *view) for view in plan(atoms, "focus") for i in range(len(ISOMERS))]
        found = []
        for i, split, number in views:
            place = atoms_of(atoms, i, split, number)
            quaternion = orientation(atoms, i, split, number)[0].as_quat()
            same = np.abs(shipped.rotations @ quaternion) > 1 - 1e-6
            same &= shipped.classes == i
            if same.sum() != 1:
                continue
            truth, image = shipped.images[same][0], linear_image(place, FIELD_PX[atoms])
            found.append(
                {
                    "atoms": atoms, "isomer": ISOMERS[i], "split": SPLITS[split],
                    "r": _r(image, truth), "r_source": _r(_source(image), _source(truth)),
                    "rms": np.sqrt(np.mean((image - truth) ** 2)) / truth.mean(),
                }
            )  # fmt: skip
        table = pd.DataFrame(found).groupby(["atoms", "isomer", "split"], sort=False)
        rows.append(
            table.agg(
                images=("r", "size"), r=("r", "mean"), lowest_r=("r", "min"),
                r_source=("r_source", "mean"), lowest_r_source=("r_source", "min"),
                rms=("rms", "mean"),
            ).reset_index()
        )  # fmt: skip
        print("linear", atoms, len(found), "of", 4 * sum(VIEWS[atoms, "focus"]), flush=True)
    pd.concat(rows).round(4).to_csv(FOLDER / "linear.csv", index=False)


def carbon(rng, side_nm, top_nm):
    """Carbon atoms of a film thrown one by one, none too close to another (nm)."""
    wanted = round(recording.CARBON_PER_NM3 * side_nm**2 * FILM_NM)
    box = np.array([side_nm, side_nm, FILM_NM])
    placed = np.empty((0, 3))
    while len(placed) < wanted:
        new = rng.uniform(0, box, (wanted, 3))
        tree = cKDTree(new, boxsize=[side_nm, side_nm, 0])
        later = {b for _, b in sorted(tree.query_pairs(recording.CARBON_NM))}
        new = new[[k for k in range(len(new)) if k not in later]]
        if len(placed):
            near = cKDTree(placed, boxsize=[side_nm, side_nm, 0]).query(new)[0]
            new = new[near > recording.CARBON_NM]
        placed = np.concatenate([placed, new])[:wanted]
    return placed - [side_nm / 2, side_nm / 2, 0] + [0, 0, top_nm]


def checks():
    """Write checks.csv."""
    field, rows = FIELD_PX[309], []

    def note(check, value, what):
        rows.append({"check": check, "value": value, "what": what})

    for i, name in enumerate(ISOMERS):
        one, other = (
            _source(prism_image("Au309", atoms_of(309, i, TEST, 2, seed), field))
            for seed in ((1,), (2,))
        )
        note("displacements", _r(one, other), name)
    recorded = recording.record(
        np.random.default_rng(0), np.zeros((200, field, field)), 1e9, support_nm=FILM_NM,
        background=0, jitter_px=0, drift_px=0,
    ) / (1e9 * (10 * recording.PIXEL_NM) ** 2)  # fmt: skip
    films = []
    for i, name in enumerate(ISOMERS):
        rng = np.random.default_rng([5, i])
        gold = atoms_of(309, i, TEST, 2)
        film = carbon(rng, 2.7, recording.CLUSTER_NM)
        number = len(film)
        alone = _source(prism_image(f"C{number}", film, field))
        bare = _source(prism_image("Au309", gold, field))
        both = _source(prism_image(f"Au309C{number}", np.concatenate([gold, film]), field))
        added = _source(linear_image(film, field, number=6))
        added *= alone.mean() / added.mean()
        covered = bare > 0.1 * bare.max()
        note("film alone", _r(alone, added), name)
        note("film under", _r((both - bare)[covered], added[covered]), name)
        note("film beside", _r((both - bare)[~covered], added[~covered]), name)
        note("film in all", _r(both, bare + added), name)
        films.append(alone)
        print("film", name, flush=True)
    mean, spread = np.mean(films), np.mean([f.std() for f in films])
    note("film mean", recorded.mean() / mean, f"of {mean:.2e}")
    note("film speckle", np.mean([f.std() for f in recorded]) / spread, f"of {spread:.2e}")
    pd.DataFrame(rows).round(4).to_csv(FOLDER / "checks.csv", index=False)


if __name__ == "__main__":
    KEPT.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    multislice()
    checks()
    linear()
