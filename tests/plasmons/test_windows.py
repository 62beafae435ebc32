"""The tables of chapter 4 beside study.csv."""

import numpy as np
import pandas as pd

from helpers.registry import ROOT

FOLDER = ROOT / "data" / "ch04"


def test_every_width_is_tested_on_the_same_windows():
    table = pd.read_csv(FOLDER / "windows.csv")
    assert not table.duplicated(["window", "method", "latent", "seed", "film"]).any()
    assert all(np.ptp(table[name]) == 0 for name in ("train", "test"))
    assert np.ptp(table.groupby("film").floor.mean()) < 1
    trees = table[table.method == "boosted trees"].groupby("window").error.mean()
    assert trees.index.to_list() == [8, 12, 16, 24, 32]
    assert trees.is_monotonic_decreasing  # more of the film is seen


def test_coarse_films_are_those_of_the_study():
    coarse, study = (pd.read_csv(FOLDER / f"{name}.csv") for name in ("coarse", "study"))
    assert set(coarse.film) == set(study.film)
    assert coarse.columns.equals(study.columns)
    assert (coarse.error > coarse.floor).all()


def test_training_is_faster_and_better_than_with_atomai():
    table = pd.read_csv(FOLDER / "speed.csv")
    both = table[table.direction == "im2spec"].set_index(["method", "split"]).sort_index()
    ratio = both.loc["ours", ["error", "seconds"]] / both.loc["AtomAI", ["error", "seconds"]]
    assert (ratio.error < 1).all() and (ratio.seconds < 0.5).all()
