"""Make study.csv: how well networks and baselines predict, by split, latents and seed.

One row per run: ``direction`` (im2spec or spec2im), ``method`` (a baseline, ``published``: the
paper's recipe, ``ours``: see `helpers.plasmons.learn`, for im2spec with the symmetries of the
square), ``split`` (random; block: the lower end of film 0; film: film 0 left out, twelve others to
train on), ``latent``, ``seed``. ``error`` is the mean relative error in per cent over test windows
against what was measured, ``error_truth`` against the truth without noise, ``floor`` that of the
truth against what was measured. ``epochs``, ``seconds`` (processor time) and ``setting`` tell of
the run.

A run that stands in the table is not made again, and a training that was stopped goes on from its
last epoch. Weights of trained networks are kept in _build/plasmons.

    python data/ch04/make_study.py --baselines          # a few minutes
    python data/ch04/make_study.py --networks           # hours: 6 latents, 3 seeds, 3 splits
    python data/ch04/make_study.py --networks --latents 10 --splits film --seeds 0
"""

import argparse
import time

import numpy as np
import pandas as pd
import torch
from film_library import KEPT, pairs_of

from helpers.plasmons import baselines, learn
from helpers.plasmons.errors import relative_error
from helpers.plasmons.networks import Im2Spec, Spec2Im
from helpers.plasmons.pairs import scale_of
from helpers.plasmons.splits import block_split, random_split
from helpers.registry import ROOT
from helpers.weights import save_weights

TABLE = ROOT / "data" / "ch04" / "study.csv"
DIRECTIONS = ("im2spec", "spec2im")
SPLITS = ("random", "block", "film")
LATENTS = (1, 2, 3, 5, 10, 20)
TRAIN_FILMS, VALIDATION_FILM, TEST_FILM = range(1, 13), 13, 0
PUBLISHED_EPOCHS, OUR_EPOCHS = 120, 30
PER_EPOCH = 2048  # of ours: 32 batches
VALIDATION_EVERY = 3  # windows; neighbours are nearly the same
KEY = ["direction", "method", "split", "latent", "seed"]


def divided(split):
    """Pairs and truths of a split, with indices of training, validation and test."""
    films = [*TRAIN_FILMS, VALIDATION_FILM, TEST_FILM] if split == "film" else [TEST_FILM]
    pairs, truth = pairs_of(films), pairs_of(films, spectra="truth")
    if split == "film":
        rows = [np.isin(pairs.film, f) for f in (TRAIN_FILMS, VALIDATION_FILM, TEST_FILM)]
        train, validation, test = (np.flatnonzero(row) for row in rows)
        return pairs, truth, train, validation[::VALIDATION_EVERY], test
    if split == "block":
        # the edge of film 0 runs down its right side: blocks across it hold particles and outside
        train, test = block_split(pairs, axis="y")
        train, validation = block_split(pairs, 0.2, "x", last=False, within=train)
    else:
        train, test = random_split(pairs)
        train, validation = random_split(pairs, within=train)
    return pairs, truth, train, validation, test


class Task:
    """Scaled inputs and targets of one direction and split."""

    def __init__(self, direction, split):
        pairs, truth, *self.rows = divided(split)
        scale = scale_of(pairs[self.rows[0]])
        images, spectra = scale.images(pairs.images), scale.spectra(pairs.spectra)
        clean = scale.spectra(truth.spectra)
        forward = direction == "im2spec"
        self.inputs, self.targets = (images, spectra) if forward else (spectra, images)
        self.truth = clean if forward else images
        self.axes = (-1,) if forward else (-2, -1)
        self.direction, self.split = direction, split

    def part(self, which):
        """Inputs and targets of training (0), validation (1) or test (2)."""
        return self.inputs[self.rows[which]], self.targets[self.rows[which]]

    def errors(self, predict):
        """Errors on the test windows."""
        x, y = self.part(2)
        found, truth = predict(x), self.truth[self.rows[2]]
        return {
            "error": relative_error(found, y, self.axes).mean(),
            "error_truth": relative_error(found, truth, self.axes).mean(),
            "floor": relative_error(truth, y, self.axes).mean(),
            "train": len(self.rows[0]), "test": len(x),
        }  # fmt: skip


def baseline(task, method):
    """One row of a baseline."""
    start = time.process_time()
    predict, setting = baselines.fit_baseline(method, *task.part(0), task.part(1))
    spent = time.process_time() - start
    return task.errors(predict) | {"seconds": spent, "setting": setting, "epochs": 0}


def network(task, method, latent, seed):
    """One row of a network."""
    kind = {"im2spec": Im2Spec, "spec2im": Spec2Im}[task.direction]
    channels = task.inputs.shape[1] if task.direction == "spec2im" else task.targets.shape[1]
    ours = method == "ours"
    name = f"{task.direction}_{method}_{task.split}_{latent}_{seed}"
    start = time.process_time()
    found, history = learn.train(
        lambda: kind(latent, channels), *task.part(0), seed=seed,
        epochs=OUR_EPOCHS if ours else PUBLISHED_EPOCHS,
        validation=task.part(1) if ours else None, cycle=ours, relative=ours,
        symmetries=ours and task.direction == "im2spec",
        per_epoch=PER_EPOCH if ours else None,
        checkpoint=KEPT / f"{name}.ckpt", progress=False,
    )  # fmt: skip
    spent = time.process_time() - start
    row = task.errors(lambda x: learn.predict(found, x))
    save_weights(
        KEPT / f"{name}.safetensors", found, latent=latent, channels=channels, seed=seed,
        split=task.split, epochs=len(history), error=row["error"],
    )  # fmt: skip
    (KEPT / f"{name}.ckpt").unlink()
    return row | {"seconds": spent, "setting": "", "epochs": len(history)}


def done():
    """Table so far."""
    if TABLE.exists():
        return pd.read_csv(TABLE, keep_default_na=False)
    return pd.DataFrame(columns=KEY)


def record(key, row):
    """Add a row to the table, or replace its older version."""
    old = done()
    kept = old[~(old[KEY].astype(str) == [str(k) for k in key]).all(axis=1)]
    new = pd.DataFrame([dict(zip(KEY, key)) | row]).round(4)
    pd.concat([kept, new] if len(kept) else [new]).to_csv(TABLE, index=False)
    print(*key, f"{row['error']:.2f} %, truth {row['error_truth']:.2f} %", flush=True)


def main():
    """Make the rows asked for that the table lacks."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--baselines", action="store_true")
    parser.add_argument("--networks", action="store_true")
    parser.add_argument("--directions", nargs="+", default=DIRECTIONS, choices=DIRECTIONS)
    parser.add_argument("--splits", nargs="+", default=SPLITS, choices=SPLITS)
    parser.add_argument("--methods", nargs="+", default=("ours", "published"))
    parser.add_argument("--latents", nargs="+", type=int, default=LATENTS)
    parser.add_argument("--seeds", nargs="+", type=int, default=(0, 1, 2))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    for direction in asked.directions:
        for split in asked.splits:
            keys = []
            if asked.baselines:
                keys += [(direction, m, split, 0, 0) for m in baselines.METHODS]
            if asked.networks:
                keys += [
                    (direction, method, split, latent, seed)
                    for seed in asked.seeds
                    for latent in asked.latents
                    for method in asked.methods
                ]
            have = set(done()[KEY].astype(str).itertuples(index=False, name=None))
            keys = [key for key in keys if tuple(map(str, key)) not in have]
            task = Task(direction, split) if keys else None
            for key in keys:
                if key[1] in baselines.METHODS:
                    record(key, baseline(task, key[1]))
                else:
                    record(key, network(task, key[1], key[3], key[4]))


if __name__ == "__main__":
    main()
