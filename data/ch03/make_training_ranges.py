"""Make training_ranges.json: how the frames look from which the network learnt.

Every property of `helpers.clusters.familiarity`, of frames of the training images of all sizes,
recorded as in training. Half a minute on one core:

    python data/ch03/make_training_ranges.py
"""

import json

import numpy as np
import pandas as pd

from helpers.clusters import augment, network
from helpers.clusters.familiarity import NETWORK_NM, RANGES, image_properties
from helpers.clusters.library import SIZES, library


def main():
    """Record the training images once each and write the ranges."""
    rng = np.random.default_rng(4)
    rows = []
    for atoms in SIZES:
        images = library(atoms).only("train").images
        frames = augment.random_frames(rng, images, side=max(network.FIELDS_PX))
        rows += [image_properties(frame, NETWORK_NM) for frame in frames]
    table = pd.DataFrame(rows)
    print(table.describe(percentiles=[0.01, 0.05, 0.5, 0.95, 0.99]).round(3).to_string())
    ranges = {
        name: [float(f"{v:.4g}") for v in column.quantile([0.01, 0.99])]
        for name, column in table.items()
    }
    content = {
        "data": f"simulated: {len(table)} frames of the training images", "slack": [0.1, 0.5],
        "ranges": ranges,
    }  # fmt: skip
    RANGES.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
