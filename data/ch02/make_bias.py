"""Is the repulsion real? Known arrangements through the image, the detector and the statistics.

Random, attractive and repulsive arrangements of Ni and Pt at six densities, 256 x 256 px, five test
images per cell (seeds 2200-2379), and random ones of Rh and Pd, three per cell (seeds 2380-2415).
Two validation images per cell of Ni and Pt (seeds 1200-1271) give the corrections, which are then
checked on the test images; for Rh and Pd, seen at the voltage of Pt, that of Pt is used.

Three detectors: "published", the SAC-CNN with hard negatives, regions above 0.8, large ones split
by the published criterion; "validated", the same map above the threshold chosen on validation
images, its regions read by the maxima of the filtered image; "dense", the default of chapter 2.

Writes, beside this file,

    bias.csv              apparent, corrected and true statistics per cell, with intervals
    bias_correction.json  corrections and their errors on the test images
    bias_positions.npz    true and detected positions of the test images of Ni and Pt, in px/16

About 6 minutes on one core, after make_dense_detector.py and make_sac_cnn.py; finished images are
kept in _build/bias:

    python data/ch02/make_bias.py
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from dense_images import SHAPE, arranged_images

from helpers.atoms import detection_bias as bias
from helpers.atoms.dense_detection import PUBLISHED_THRESHOLD, load_detector
from helpers.atoms.evaluate import bootstrap_interval
from helpers.atoms.preprocess import NETWORK_PIXEL_NM
from helpers.data import ROOT

HERE = Path(__file__).parent
PARTS = ROOT / "_build" / "bias"
METALS = ("Ni", "Pt")
OTHERS = ("Rh", "Pd")
METHODS = {
    "published": (load_detector("published"), PUBLISHED_THRESHOLD),
    "validated": (load_detector("sac-cnn + maxima"), None),
    "dense": (load_detector("dense"), None),
}
IMAGES = {  # first seed, images per cell, metals, arrangements
    "validation": [(1200, 2, METALS)],
    "test": [(2200, 5, METALS), (2380, 3, OTHERS, ("random",))],
}
PIXEL_NM = NETWORK_PIXEL_NM
FRAME = np.ones(SHAPE, bool)  # the flake covers the field
VALUES = [*bias.QUANTITIES, "ratio_to_random"]


def positions(seed, simulate):
    """True and detected positions (px/16, whole numbers) in one image; kept once computed."""
    path = PARTS / f"{seed}.npz"
    if not path.exists():
        simulated = simulate()
        points, maps = {"true": simulated.atoms}, {}
        for method, (detector, threshold) in METHODS.items():
            prepared = detector.prepare(simulated.image.to_numpy())
            network = detector.header["weights_sha256"]
            if network not in maps:  # two readings of one map
                maps[network] = detector.likelihood(prepared)
            points[method] = detector.read(prepared, maps[network], threshold)
        arrays = {k: np.rint(t[["x_px", "y_px"]].to_numpy(float) * 16) for k, t in points.items()}
        np.savez_compressed(path, **{k: a.astype(np.int16) for k, a in arrays.items()})
        print(seed, flush=True)
    with np.load(path) as stored:
        return dict(stored)


def measure(kind):
    """Statistics of the truth and of every method per image, and the positions (px/16)."""
    rows, kept = [], []
    for images in IMAGES[kind]:
        for metal, arrangement, density, seed, simulate in arranged_images(*images):
            points = positions(seed, simulate)
            head = {"metal": metal, "arrangement": arrangement, "asked_nm2": density, "seed": seed}
            kept.append(head | points)
            for source, xy in points.items():
                found = bias.statistics(xy / 16 * PIXEL_NM, FRAME, PIXEL_NM)
                rows.append(head | {"source": source} | found)
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
        arrays[f"{source}_xy"] = np.concatenate(parts)
    np.savez_compressed(HERE / "bias_positions.npz", **arrays)


def fitted(validation, test):
    """Corrections from the validation images and their errors on the test images."""
    corrections, tables = {}, []
    for method in METHODS:
        for metal in (*METALS, *OTHERS):

            def rows(table, source, metal=metal):
                chosen = (table["source"] == source) & (table["metal"] == metal)
                return table[chosen].reset_index(drop=True)

            like = bias.BORROWED.get(metal, metal)
            seen = (rows(validation, source, like) for source in (method, "true"))
            correction = bias.fit_correction(*seen)
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
        tables[kind], kept = measure(kind)
    store([image for image in kept if image["metal"] in METALS])
    corrections, apparent = fitted(tables["validation"], tables["test"])
    true = tables["test"][tables["test"]["source"] == "true"]
    summary(apparent, true).round(4).to_csv(HERE / "bias.csv", index=False)
    how = {
        "made_by": "data/ch02/make_bias.py",
        "data": "simulated",
        "fitted_on": "validation images, seeds 1200-1271",
        "checked_on": "test images, seeds 2200-2415",
        "corrections": corrections,
    }
    (HERE / "bias_correction.json").write_text(json.dumps(how, indent=1) + "\n")


if __name__ == "__main__":
    main()
