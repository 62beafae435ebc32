"""Make specimen_features.npz: feature samples from which the specimen forest is trained.

The rectangles in specimen_scribbles.csv were drawn by eye on the 21 public images (contrast
stretched to the darkest 40 electrons per pixel), well inside regions whose kind is plain:
specimen, or background, which means vacuum or bare support film.  The rows y0 <= y < y1 and
columns x0 <= x < x1 belong to a rectangle.  Only the eleven training images give samples; the
rectangles on the ten test images are there to test the forest.

Each image is seen whole and in its four quarters, so that the forest also knows fields without
any background, and fields of nothing else.
"""

import argparse

import numpy as np
import pandas as pd

from helpers import data
from helpers.atoms.specimen import COARSE_PIXEL_NM, SAMPLES, held_out_accuracy, pixel_features

SCRIBBLES = SAMPLES.with_name("specimen_scribbles.csv")
PER_RECTANGLE_AND_VIEW = 40


def scribbled(scribbles, name, shape):
    """Map of one image: 1 specimen, 0 background, -1 not scribbled."""
    kinds = np.full(shape, -1, np.int8)
    for row in scribbles[scribbles.image == name].itertuples():
        kinds[row.y0_px : row.y1_px, row.x0_px : row.x1_px] = row.kind == "specimen"
    return kinds


def views(shape):
    """The whole image and its quarters, as pairs of slices."""
    (height, width) = shape
    rows = slice(0, height // 2), slice(height // 2, height)
    columns = slice(0, width // 2), slice(width // 2, width)
    yield slice(None), slice(None)
    yield from ((r, c) for r in rows for c in columns)


def samples(labelled, scribbles, rng):
    """Features and kinds of randomly chosen scribbled pixels of one image.

    Every rectangle gives the same number, so that a small one on a thin rim counts.
    """
    image = labelled.image.to_numpy()
    size = labelled.image.attrs["pixel_size_nm"]
    step = max(1, round(COARSE_PIXEL_NM / size))
    features, kinds = [], []
    for view in views(image.shape):
        coarse = pixel_features(image[view], size)
        for rectangle in scribbles[scribbles.image == labelled.name].index:
            there = scribbled(scribbles.loc[[rectangle]], labelled.name, image.shape)[view]
            there = there[step // 2 :: step, step // 2 :: step]
            pixels = rng.permutation(np.argwhere(there >= 0))[:PER_RECTANGLE_AND_VIEW]
            features.append(coarse[tuple(pixels.T)])
            kinds.append(there[tuple(pixels.T)] == 1)
    return np.concatenate(features), np.concatenate(kinds)


def main():
    """Write the samples and print how well held-out images are told apart."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    scribbles = pd.read_csv(SCRIBBLES, dtype={"image": str})
    rng = np.random.default_rng(20221)
    parts = [(item.name, *samples(item, scribbles, rng)) for item in data.pt_nc("train")]
    features = np.concatenate([part[1] for part in parts]).astype(np.float16)
    is_specimen = np.concatenate([part[2] for part in parts])
    image = np.concatenate([[name] * len(kinds) for name, _, kinds in parts])
    np.savez_compressed(SAMPLES, features=features, is_specimen=is_specimen, image=image)
    accuracy = held_out_accuracy()
    print(accuracy.round(3).to_string())
    print(f"leave-one-image-out accuracy {accuracy.mean():.3f}, {len(features)} samples")


if __name__ == "__main__":
    main()
