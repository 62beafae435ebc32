"""Make windows.csv: how far does a plasmon see?

Spectra from windows of 8 to 32 pixels (12 to 48 nm) around the same places, which are those where
the largest window fits: films 1 to 12 to train on, 13 to choose on, 14 to 16 and 0 to test on. One
row per window, method, seed and film, columns as in study.csv.

    python data/ch04/make_windows.py                              # baselines, five minutes
    python data/ch04/make_windows.py --networks 8 16 --seeds 0    # ours, 10 latents: a minute each
    python data/ch04/make_windows.py --networks 32 --seeds 0      # five minutes
"""

import argparse

import pandas as pd
import torch
from make_study import FOLDER, Task, baseline, network

TABLE = FOLDER / "windows.csv"
WINDOWS = (8, 12, 16, 24, 32)
METHODS = ("PCA and ridge", "boosted trees")
KEY = ["window", "method", "latent", "seed", "film"]


def task_of(window):
    """Task of a window, on the places where the largest fits."""
    task = Task("im2spec", "film", window)
    pairs, most = task.pairs, WINDOWS[-1] // 2
    high, wide = (int(place.max()) + window // 2 for place in (pairs.y_px, pairs.x_px))
    fits = (pairs.y_px >= most) & (pairs.y_px <= high - most)
    fits &= (pairs.x_px >= most) & (pairs.x_px <= wide - most)
    task.rows = [rows[fits[rows]] for rows in task.rows]
    task.split = f"window-{window}"
    return task


def record(window, method, latent, seed, rows):
    """Add rows to the table, or replace their older version."""
    keys = [(window, method, latent, seed, film) for film in rows]
    new = pd.DataFrame([dict(zip(KEY, key)) | rows[key[-1]] for key in keys]).round(4)
    old = [pd.read_csv(TABLE, keep_default_na=False)] if TABLE.exists() else []
    every = pd.concat([*old, new]).drop_duplicates(KEY, keep="last").sort_values(KEY)
    every.to_csv(TABLE, index=False)
    print(*keys[0][:-1], "done", flush=True)


def main():
    """Make the rows asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--networks", nargs="*", type=int, default=(), metavar="WINDOW")
    parser.add_argument("--seeds", nargs="+", type=int, default=(0, 1, 2))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    for window in asked.networks or WINDOWS:
        task = task_of(window)
        if not asked.networks:
            for method in METHODS:
                record(window, method, 0, 0, baseline(task, method))
        for seed in asked.seeds if asked.networks else ():
            record(window, "ours", 10, seed, network(task, "ours", 10, seed))


if __name__ == "__main__":
    main()
