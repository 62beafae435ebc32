"""Make the tables of density, neighbours and errors in the 21 measured images.

statistics.csv has one row per image and source of positions: the published labels, and every
detector.  The correction of a detector's
density is learnt on the training images; a training image is corrected by the other ten.  For the
ensemble the training images use detections of networks that never saw them (out_of_fold.csv), as
its memory of them would make it look too good.

thickness.csv has one row per label or detection: true positive, false positive or false negative,
and how bright the background under it is, in electrons per pixel and relative to the median of the
specimen in that image.  Brightness stands for thickness because support atoms scatter alike.

training_scores.csv holds true and false positives and false negatives of every detector in every
training image: what the correction of a density in a new image is learnt from.
"""

import argparse

import numpy as np
import pandas as pd

from helpers import data
from helpers.atoms import detect
from helpers.atoms.arrangement import describe
from helpers.atoms.density import detection_ratio
from helpers.atoms.evaluate import cases, score
from helpers.atoms.noise import electron_scale
from helpers.atoms.preprocess import median_background
from helpers.atoms.specimen import specimen_mask

FOLDER = data.ROOT / "data" / "ch01"
SEED = 20222


def statistics(item, mask, source, points, ratio=None):
    """One row of statistics.csv."""
    # Every row draws from a stream of its own, so that adding a detector changes no other row.
    rng = np.random.default_rng([SEED, int(item.name), *source.encode()])
    size = item.image.attrs["pixel_size_nm"]
    row = {"image": item.name, "split": item.split, "source": source}
    return row | describe(points, mask, size, rng, ratio)


def errors(item, mask, source, found):
    """Rows of thickness.csv: every label and detection of one image with its background."""
    counts = item.image.to_numpy()
    background = electron_scale(counts).electrons(median_background(counts))
    typical = np.median(background[mask])
    kinds = {"found": "tp", "missed": "fn", "invented": "fp"}
    rows = cases(item.labels, found)
    rows = rows.assign(kind=rows["case"].map(kinds)).drop(columns="case")
    there = background[rows.y_px.astype(int), rows.x_px.astype(int)]
    rows.insert(0, "image", item.name)
    rows.insert(1, "split", item.split)
    rows.insert(2, "source", source)
    return rows.assign(background_e=there, background_relative=there / typical)


def detections(item, method):
    """Atoms of one image above the detector's own threshold."""
    if method == "ensemble" and item.split == "train":
        table = pd.read_csv(FOLDER / "out_of_fold.csv", dtype={"image": str})
        threshold = detect.load_detector(method).threshold
        return table[(table.image == item.name) & (table.probability > threshold)].reset_index()
    return detect.detect(item.image.to_numpy(), method)


def main():
    """Write the three tables."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    items = data.pt_nc()
    masks = {item.name: specimen_mask(item.image) for item in items}
    rows = [statistics(item, masks[item.name], "labels", item.labels) for item in items]
    thickness, training = [], []
    for method in sorted(detect.METHODS):
        found = {item.name: detections(item, method) for item in items}
        scores = {i.name: score(i.labels, found[i.name]) for i in items if i.split == "train"}
        scores = pd.DataFrame(scores).T
        training.append(scores[["tp", "fp", "fn"]].astype(int).assign(method=method))
        for item in items:
            ratio = detection_ratio(scores.drop(index=item.name, errors="ignore"))
            rows.append(statistics(item, masks[item.name], method, found[item.name], ratio))
            thickness.append(errors(item, masks[item.name], method, found[item.name]))
        print(f"{method}: done", flush=True)
    table = pd.DataFrame(rows)
    table.round(5).to_csv(FOLDER / "statistics.csv", index=False)
    pd.concat(thickness).round(3).to_csv(FOLDER / "thickness.csv", index=False)
    training = pd.concat(training).rename_axis("image").reset_index()
    training.to_csv(FOLDER / "training_scores.csv", index=False)
    means = table.groupby(["source", "split"])[["density_nm2", "nnd_mean_nm", "nnd_random_nm"]]
    print(means.agg(["min", "mean", "max"]).round(3).to_string())


if __name__ == "__main__":
    main()
