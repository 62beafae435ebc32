"""Is the repulsion real? Known arrangements through the image, the detector and the statistics.

Random, attractive and repulsive arrangements of Ni and Pt at six densities, 256 x 256 px. Detected
by the published pipeline (SAC-CNN with hard negatives, regions above 0.8, large ones split by the
published criterion), by the same network at the threshold chosen on measured training images with
the calibrated criterion, and by the default of chapter 2. Five test images per cell (seeds
2200-2379); two validation images per cell (seeds 1200-1271) for the corrections, which are then
checked on the test images.

Writes, beside this file,

    bias.csv              apparent, corrected and true statistics per cell, with intervals
    bias_correction.json  corrections and their errors on the test images
    bias_positions.npz    true and detected positions of the test images, in px/16

About 8 minutes on one core, after make_dense_detector.py and make_sac_cnn.py:

    python data/ch02/make_bias.py
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from dense_images import arranged_images

from helpers.atoms import detection_bias as bias
from helpers.atoms.dense import on_specimen
from helpers.atoms.dense_detection import PUBLISHED_THRESHOLD, load_detector
from helpers.atoms.evaluate import bootstrap_interval
from helpers.data import ROOT

HERE = Path(__file__).parent
PARTS = ROOT / "_build" / "bias"
METALS = ("Ni", "Pt")
METHODS = {
    "published": (load_detector("published"), PUBLISHED_THRESHOLD),
    "validated": (load_detector("sac-cnn + mixtures"), load_detector("sac-cnn").threshold),
    "dense": (load_detector("dense"), load_detector("dense").threshold),
}
IMAGES = {"validation": (1200, 2), "test": (2200, 5)}
VALUES = [*bias.QUANTITIES, "ratio_to_random"]


def measure(kind):
    """Statistics of the truth and of every method per image, and the positions (px)."""
    rows, kept = [], []
    for metal, arrangement, density, seed, simulated in arranged_images(*IMAGES[kind], METALS):
        image, pixel = simulated.image.to_numpy(), simulated.image.attrs["pixel_size_nm"]
        mask = on_specimen(simulated)
        points = {"true": simulated.atoms}
        maps = {}
        for method, (detector, threshold) in METHODS.items():
            network = detector.header["weights_sha256"]
            if network not in maps:  # two readings of one map
                maps[network] = detector.likelihood(detector.prepare(image))
            points[method] = detector.positions(maps[network], threshold)
        head = {"metal": metal, "arrangement": arrangement, "asked_nm2": density, "seed": seed}
        for source, table in points.items():
            xy = table[["x_px", "y_px"]].to_numpy(float)
            rows.append(head | {"source": source} | bias.statistics(xy * pixel, mask, pixel))
        kept.append(head | {s: t[["x_px", "y_px"]].to_numpy(float) for s, t in points.items()})
    return pd.DataFrame(rows), kept


def store(kept):
    """Keep the positions of the test images in a small file."""
    arrays = {
        key: np.array([image[name] for image in kept])
        for key, name in (("metal", "metal"), ("arrangement", "arrangement"), ("seed", "seed"),
                          ("density", "asked_nm2"))
    }  # fmt: skip
    for source in ("true", *METHODS):
        # sorted by row: close numbers follow each other, and pack better
        parts = [image[source][np.argsort(image[source][:, 1])] for image in kept]
        arrays[f"{source}_n"] = np.array([len(p) for p in parts], np.int16)
        arrays[f"{source}_xy"] = np.rint(np.concatenate(parts) * 16).astype(np.int16)
    np.savez_compressed(HERE / "bias_positions.npz", **arrays)


def fitted(validation, test):
    """Corrections from the validation images and their errors on the test images."""
    corrections, tables = {}, []
    for method in METHODS:
        for metal in METALS:

            def rows(table, source, metal=metal):
                chosen = (table["source"] == source) & (table["metal"] == metal)
                return table[chosen].reset_index(drop=True)

            correction = bias.fit_correction(rows(validation, method), rows(validation, "true"))
            apparent, true = rows(test, method), rows(test, "true")
            better = bias.correct(apparent, correction)
            errors = {}
            for name in bias.QUANTITIES:
                for what, arrangement in (("all", None), *((a, a) for a in
                                          apparent["arrangement"].unique())):  # fmt: skip
                    some = slice(None) if arrangement is None else apparent["arrangement"] == what
                    before, after = ((t[name] - true[name])[some] for t in (apparent, better))
                    errors.setdefault(name, {})[what] = {
                        "rms_apparent": float(np.sqrt((before**2).mean())),
                        "rms_corrected": float(np.sqrt((after**2).mean())),
                        "bias_corrected": float(after.mean()),
                    }
            corrections.setdefault(method, {})[metal] = correction | {"test_errors": errors}
            tables.append(apparent.assign(**better.add_prefix("corrected_")))
    return corrections, pd.concat(tables)


def summary(apparent, true):
    """One row per cell and method: means over the images with their bootstrap intervals."""
    out = []
    joined = apparent.merge(true, on=["seed"], suffixes=("", "_true"))
    for (method, metal, arrangement, density), some in joined.groupby(
        ["source", "metal", "arrangement", "asked_nm2"]
    ):
        row = {"method": method, "metal": metal, "arrangement": arrangement, "asked_nm2": density,
               "images": len(some)}  # fmt: skip
        for name in VALUES:
            row[f"true_{name}"] = some[f"{name}_true"].mean()
            columns = {"apparent": name}
            if name in bias.QUANTITIES:
                columns["corrected"] = f"corrected_{name}"
            for what, column in columns.items():
                values = some[column].dropna()
                low, high = bootstrap_interval(values) if len(values) else (np.nan, np.nan)
                row |= {f"{what}_{name}": values.mean(), f"{what}_{name}_low": low,
                        f"{what}_{name}_high": high}  # fmt: skip
        out.append(row)
    return pd.DataFrame(out)


def main():
    """Measure, correct, check."""
    PARTS.mkdir(parents=True, exist_ok=True)
    tables = {}
    for kind in IMAGES:
        path = PARTS / f"{kind}.csv"
        if not path.exists():
            table, kept = measure(kind)
            if kind == "test":
                store(kept)
            table.to_csv(path, index=False)
        tables[kind] = pd.read_csv(path)
    corrections, apparent = fitted(tables["validation"], tables["test"])
    true = tables["test"][tables["test"]["source"] == "true"]
    summary(apparent, true).round(4).to_csv(HERE / "bias.csv", index=False)
    how = {
        "made_by": "data/ch02/make_bias.py",
        "data": "simulated",
        "fitted_on": "validation images, seeds 1200-1271",
        "checked_on": "test images, seeds 2200-2379",
        "corrections": corrections,
    }
    (HERE / "bias_correction.json").write_text(json.dumps(how, indent=1) + "\n")


if __name__ == "__main__":
    main()
