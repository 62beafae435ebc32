"""Make training_ranges.json: how the eleven training images look, property by property.

Only ranges are kept.  The test images take no part: they are compared with these ranges in the
tests as images nobody has seen.
"""

import argparse
import json

import pandas as pd

from helpers import data
from helpers.atoms.familiarity import RANGES, image_properties


def main():
    """Measure the training images and write the ranges."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    table = pd.DataFrame({i.name: image_properties(i.image) for i in data.pt_nc("train")})
    print(table.round(3).to_string())
    content = {
        "data": "measured: 11 training images of the public Pt on N-doped carbon set (pt-nc)",
        "are": "are the extremes of the eleven training images",
        "slack": [0.5, 1.5],
        "images": list(table.columns),
        "ranges": {name: [float(f"{v:.5g}") for v in (row.min(), row.max())]
                   for name, row in table.iterrows()},
    }  # fmt: skip
    RANGES.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
