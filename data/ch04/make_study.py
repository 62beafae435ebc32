"""Make study.csv and coarse.csv: how well networks and baselines predict, by split and seed.

One row per run and test film: ``direction`` (im2spec or spec2im), ``method`` (a baseline,
``published``: the paper's recipe, ``ours``: see `helpers.plasmons.learn`, ``ours together``: the
mean of what the networks of three seeds say), ``split``, ``film``, ``latent``, ``seed``. Splits:
``random`` and ``block`` know film 0 alone, of which ``block`` leaves out the lower end; ``block and
films`` tests on the same block and trains on films 1 to 12 besides; ``film`` trains on films 1 to
12 and tests on whole films. Films 14 to 16 were first looked at when all recipes stood; on film 0,
the one the chapter shows, im2spec's was found, and film 13 is there to choose epochs and settings.

``error`` is the mean relative error in per cent over test windows against what was measured,
``error_truth`` against the truth without noise, ``floor`` that of the truth against what was
measured; ``correlation`` and ``difference`` compare the map of errors with the dark-field image
(`helpers.plasmons.errors.structure_correlation`). ``epochs`` were trained, of which ``best`` was
kept; ``seconds`` is processor time, of a baseline with the choice of its setting. Every network
gets the same number of batches, 640 of 64 windows: for the published recipe, at a constant rate
and without anything to start from, that is few. coarse.csv has the rows of other films with pixels
of 3 nm, whose windows, 48 nm wide, hold nine particles in place of two or three.

A run that stands in the table is not made again, and a training that was stopped goes on from its
last epoch. Weights of trained networks are kept in _build/plasmons.

A network takes 60 to 80 s of one core that knows bfloat16, twice that of others. Not every
combination is in the tables: few seeds beside 2 and 10 latents, and two latents seldom beside whole
films.

    python data/ch04/make_study.py --baselines          # ten minutes of one core
    python data/ch04/make_study.py --networks           # all 288 combinations: six hours
    python data/ch04/make_study.py --networks --latents 10 --splits film --seeds 0 --methods ours
    python data/ch04/make_study.py --together --latents 10 2 --splits film "block and films"
    python data/ch04/make_study.py --coarse --baselines --networks --latents 10 2 --splits film
"""

import argparse
import fcntl
import time

import numpy as np
import pandas as pd
import torch
from film_library import KEPT, film, pairs_of

from helpers.plasmons import baselines, learn
from helpers.plasmons.errors import relative_error, structure_correlation
from helpers.plasmons.networks import Im2Spec, Spec2Im
from helpers.plasmons.pairs import WINDOW, on_map, scale_of
from helpers.plasmons.splits import block_split, random_split
from helpers.registry import ROOT
from helpers.weights import load_weights, save_weights

FOLDER = ROOT / "data" / "ch04"
TABLE = FOLDER / "study.csv"
COARSE = {"pixel_nm": 3.0, "shape": (40, 46)}
DIRECTIONS = ("im2spec", "spec2im")
SPLITS = ("film", "block and films", "block", "random")
METHODS = ("ours", "published")
LATENTS = (10, 2, 1, 3, 5, 20)
SEEDS = (0, 1, 2)
TOGETHER = "ours together"
SHOWN_FILM, TRAIN_FILMS, VALIDATION_FILM, TEST_FILMS = 0, range(1, 13), 13, (14, 15, 16)
EPOCHS = 20
PER_EPOCH = 2048  # windows, 32 batches
VALIDATION_EVERY = 3  # windows; neighbours are nearly the same
KEY = ["direction", "method", "split", "film", "latent", "seed"]
KINDS = {"im2spec": Im2Spec, "spec2im": Spec2Im}


def divided(split, **kind):
    """Pairs and truths of a split, with indices of training, validation and test.

    Further settings go to `film_library.pairs_of`.
    """
    films = [SHOWN_FILM]
    if split in ("film", "block and films"):
        films += [*TRAIN_FILMS, VALIDATION_FILM]
    if split == "film":
        films += TEST_FILMS
    pairs, truth = pairs_of(films, **kind), pairs_of(films, spectra="truth", **kind)
    shown, training = pairs.film == SHOWN_FILM, np.isin(pairs.film, TRAIN_FILMS)
    checked = np.flatnonzero(pairs.film == VALIDATION_FILM)[::VALIDATION_EVERY]
    if split == "film":
        test = np.flatnonzero(shown | np.isin(pairs.film, TEST_FILMS))
        return pairs, truth, np.flatnonzero(training), checked, test
    if split == "random":
        train, test = random_split(pairs)
        train, validation = random_split(pairs, within=train)
        return pairs, truth, train, validation, test
    # the edge of film 0 runs down its right side: blocks across it hold particles and outside
    train, test = block_split(pairs, axis="y", within=np.flatnonzero(shown))
    train, validation = block_split(pairs, 0.2, "x", last=False, within=train)
    if split == "block and films":
        train, validation = np.concatenate([train, np.flatnonzero(training)]), checked
    return pairs, truth, train, validation, test


class Task:
    """Scaled inputs and targets of one direction and split."""

    def __init__(self, direction, split, window=WINDOW, **kind):
        self.pairs, truth, *self.rows = divided(split, window=window, **kind)
        self.kind = kind
        self.scale = scale_of(self.pairs[self.rows[0]])
        images, spectra = self._scaled(self.pairs)
        true_images, true_spectra = self._scaled(truth)
        forward = direction == "im2spec"
        self.inputs, self.targets = (images, spectra) if forward else (spectra, images)
        self.truth = true_spectra if forward else true_images
        self.axes = (-1,) if forward else (-2, -1)
        self.channels = spectra.shape[1]
        self.direction, self.split = direction, split

    def _scaled(self, pairs):
        return self.scale.images(pairs.images), self.scale.spectra(pairs.spectra)

    def part(self, which):
        """Inputs and targets of training (0) or validation (1)."""
        return self.inputs[self.rows[which]], self.targets[self.rows[which]]

    def errors(self, predict):
        """Errors on the test windows of every test film: film -> dict."""
        answer, test = {}, self.rows[2]
        for number in np.unique(self.pairs.film[test]).tolist():
            rows = test[self.pairs.film[test] == number]
            found, seen, true = predict(self.inputs[rows]), self.targets[rows], self.truth[rows]
            errors = relative_error(found, seen, self.axes)
            image = film(number, **self.kind)["haadf"]
            alike = structure_correlation(on_map(errors, self.pairs[rows], image.shape), image)
            answer[number] = {
                "error": errors.mean(),
                "error_truth": relative_error(found, true, self.axes).mean(),
                "floor": relative_error(true, seen, self.axes).mean(),
                "correlation": alike[0], "difference": alike[1],
                "train": len(self.rows[0]), "test": len(rows),
            }  # fmt: skip
        return answer


def baseline(task, method):
    """Rows of a baseline."""
    start = time.process_time()
    predict, setting = baselines.fit_baseline(method, *task.part(0), task.part(1))
    about = {"seconds": time.process_time() - start, "setting": setting, "epochs": 0, "best": 0}
    return {number: row | about for number, row in task.errors(predict).items()}


def trained(task, method, latent, seed, checkpoint=None):
    """A network and the history of its training."""
    chosen = task.part(1) if method == "ours" else None
    return learn.train(
        lambda: KINDS[task.direction](latent, task.channels, task.pairs.window), *task.part(0),
        seed=seed,
        epochs=EPOCHS, per_epoch=PER_EPOCH, validation=chosen, half=learn.knows_half(),
        checkpoint=checkpoint, progress=False, **learn.RECIPES[method, task.direction],
    )  # fmt: skip


def kept(task, method, latent, seed):
    """Where the weights of a network are, or will be."""
    name = f"{task.direction}_{method}_{task.split}_{latent}_{seed}.safetensors".replace(" ", "-")
    return KEPT / (f"coarse_{name}" if task.kind else name)


def network(task, method, latent, seed):
    """Rows of a network."""
    path = kept(task, method, latent, seed)
    checkpoint = path.with_suffix(".ckpt")
    start = time.process_time()
    found, history = trained(task, method, latent, seed, checkpoint)
    checked = history.get("validation_loss")
    about = {
        "seconds": time.process_time() - start,
        "setting": "bfloat16" if learn.knows_half() else "float32",
        "epochs": len(history),
        "best": len(history) if checked is None else 1 + int(checked.argmin()),
    }
    films = np.unique(task.pairs.film[task.rows[0]]).tolist()
    save_weights(
        path, found, direction=task.direction, method=method, latent=latent,
        channels=task.channels, seed=seed, split=task.split, epochs=about["best"],
        scale=[task.scale.image, task.scale.spectrum], training=f"simulated films {films}",
        validation_error=None if checked is None else 100 * checked.min(),
    )  # fmt: skip
    checkpoint.unlink()
    rows = task.errors(lambda x: learn.predict(found, x))
    return {number: row | about for number, row in rows.items()}


def together(task, latent):
    """Rows of the mean of the predictions of all seeds."""
    networks = []
    for seed in SEEDS:
        networks.append(KINDS[task.direction](latent, task.channels, task.pairs.window))
        load_weights(kept(task, "ours", latent, seed), networks[-1])
    about = {"seconds": 0, "setting": f"{len(SEEDS)} seeds", "epochs": 0, "best": 0}
    rows = task.errors(lambda x: np.mean([learn.predict(one, x) for one in networks], 0))
    return {number: row | about for number, row in rows.items()}


def done(table):
    """Table so far."""
    if table.exists():
        return pd.read_csv(table, keep_default_na=False)
    return pd.DataFrame(columns=KEY)


def record(table, direction, method, split, latent, seed, rows):
    """Add rows, one per test film, to the table, or replace their older version."""
    keys = [(direction, method, split, number, latent, seed) for number in rows]
    new = pd.DataFrame([dict(zip(KEY, key)) | rows[key[3]] for key in keys]).round(4)
    KEPT.mkdir(parents=True, exist_ok=True)
    with open(KEPT / "study.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two of these may run side by side
        old = done(table)
        others = old[~pd.MultiIndex.from_frame(old[KEY]).isin(keys)]
        every = pd.concat([others, new]) if len(others) else new
        every.sort_values(KEY).to_csv(table, index=False)
    print(direction, method, split, latent, seed, "done", flush=True)


def main():
    """Make the rows asked for that the table lacks."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--baselines", action="store_true")
    parser.add_argument("--networks", action="store_true")
    parser.add_argument("--together", action="store_true", help="means over seeds, once trained")
    parser.add_argument("--directions", nargs="+", default=DIRECTIONS, choices=DIRECTIONS)
    parser.add_argument("--splits", nargs="+", default=SPLITS, choices=SPLITS)
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS)
    parser.add_argument("--latents", nargs="+", type=int, default=LATENTS)
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--coarse", action="store_true", help="pixels of 3 nm, coarse.csv")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    table, kind = (FOLDER / "coarse.csv", COARSE) if asked.coarse else (TABLE, {})
    for direction in asked.directions:
        for split in asked.splits:
            keys = []
            if asked.baselines:
                keys += [(direction, m, split, 0, 0) for m in baselines.METHODS]
            if asked.networks:
                keys += [
                    (direction, method, split, latent, seed)
                    for latent in asked.latents
                    for seed in asked.seeds
                    for method in asked.methods
                ]
            if asked.together:
                keys += [(direction, TOGETHER, split, latent, 0) for latent in asked.latents]
            parts = [k for k in KEY if k != "film"]
            have = set(done(table)[parts].itertuples(index=False, name=None))
            keys = [key for key in keys if key not in have]
            task = Task(direction, split, **kind) if keys else None
            for key in keys:
                _, method, _, latent, seed = key
                if method in baselines.METHODS:
                    rows = baseline(task, method)
                elif method == TOGETHER:
                    rows = together(task, latent)
                else:
                    rows = network(task, method, latent, seed)
                record(table, *key, rows)


if __name__ == "__main__":
    main()
