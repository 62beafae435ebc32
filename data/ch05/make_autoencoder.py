"""Make autoencoder_first.safetensors, autoencoder_second.safetensors and autoencoder.csv.

Trains on simulated scans without picocavities (80 of the first instrument; 24 of the second, on
which the first network is fine-tuned), and for comparison as published, with normalisation over
each spectrum and across the batch. ``loss`` is the mean square on validation scans; ``floor`` that
of the truth without noise, ``loss_truth`` that of the reconstruction against this truth.

    python data/ch05/make_autoencoder.py              # 3 minutes on one core
    python data/ch05/make_autoencoder.py --ablations  # 4 minutes more a seed

A run that stands in the table is not made again; one that was stopped goes on from its last epoch.
"""

import argparse
import time

import numpy as np
import pandas as pd
from scan_library import KEPT, VALIDATION, event_free

from helpers.picocavities import autoencoder
from helpers.registry import ROOT
from helpers.weights import save_weights

FOLDER = ROOT / "data" / "ch05"
TABLE = FOLDER / "autoencoder.csv"
TRAIN, FINE_TUNE, HELD = range(80), range(24), range(VALIDATION, VALIDATION + 12)
RUNS = {
    "first": dict(epochs=6),
    "second": dict(epochs=4, highest_rate=1e-3),  # a third of the rate that made the first
    "first, on the second": dict(epochs=0),  # the same network before it is fine-tuned
    "as published": dict(epochs=2, published=True, batch=500),
    "across batch": dict(epochs=2, published=True, batch=500, across_batch=True),
}


def make(name, seed):
    """One row of the table, and its weights."""
    instrument = "second" if name.endswith("second") else "first"
    published = RUNS[name].get("published", False)  # its batches are halves of scans
    seeds = FINE_TUNE if instrument == "second" else TRAIN
    train, _ = event_free(seeds, instrument, every=2 if published else 4)
    values, truth = (part[:, :500] for part in event_free(HELD, instrument))
    start = autoencoder.shipped("first")[0] if instrument == "second" else None
    key = f"{name}_{seed}".replace(" ", "_")
    began = time.process_time()
    network, history = autoencoder.train(
        train, values[:4] if published else values[:, ::20], seed=seed, network=start,
        checkpoint=KEPT / f"{key}.ckpt", progress=False, **RUNS[name],
    )  # fmt: skip
    seconds = time.process_time() - began
    found = np.array([autoencoder.reconstruct(network, one) for one in values])
    row = {
        "run": name, "seed": seed, "scans": len(train),
        "spectra_seen": len(history) * train.shape[0] * train.shape[1],
        "processor_s": round(seconds),
        "loss": float(((found - values) ** 2).mean()),
        "floor": float(((truth - values) ** 2).mean()),
        "loss_truth": float(((found - truth) ** 2).mean()),
    }  # fmt: skip
    if name in autoencoder.NAMES and seed == 0:
        save_weights(
            FOLDER / f"autoencoder_{name}.safetensors", network, **row,
            training=f"simulated scans without events, {instrument} instrument",
        )  # fmt: skip
    return row


def main():
    """Make the rows that the table lacks."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ablations", action="store_true")
    parser.add_argument("--seeds", nargs="+", type=int, default=(0,))
    asked = parser.parse_args()
    names = list(RUNS)[2:] if asked.ablations else list(RUNS)[:2]
    for seed in asked.seeds:
        for name in names:
            table = pd.read_csv(TABLE) if TABLE.is_file() else pd.DataFrame(columns=["run", "seed"])
            if ((table["run"] == name) & (table["seed"] == seed)).any():
                continue
            row = pd.DataFrame([make(name, seed)])
            print(row.to_string(header=False), flush=True)
            pd.concat([table, row] if len(table) else [row]).to_csv(
                TABLE, index=False, float_format="%.5g"
            )


if __name__ == "__main__":
    main()
