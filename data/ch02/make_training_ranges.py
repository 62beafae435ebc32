"""Make training_ranges.json: how the images look from which the dense detector learnt most.

Every property of chapter 1's check, of the 240 simulated training images (seeds 0-239). The
detector has seen the measured training images too, but too few of them to be at home there
(detection.csv): they take no part. About a minute on one core.

    python data/ch02/make_training_ranges.py
"""

import json

import pandas as pd
from dense_images import training_image
from make_dense_detector import SIMULATED

from helpers.atoms.familiarity import SIMULATED_RANGES, image_properties


def main():
    """Measure the training images and write the ranges."""
    table = pd.DataFrame([image_properties(training_image(seed).image) for seed in SIMULATED])
    print(table.describe().round(3).to_string())
    content = {
        "data": f"simulated: data/ch02/dense_images.py, seeds {SIMULATED[0]}-{SIMULATED[-1]}",
        "are": f"hold 98 % of the {len(table)} simulated training images",
        "slack": [0.1, 0.5],
        "ranges": {name: [float(f"{v:.5g}") for v in column.quantile([0.01, 0.99])]
                   for name, column in table.items()},
    }  # fmt: skip
    SIMULATED_RANGES.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
