"""The study of chapter 4: its splits and its table."""

import importlib
import sys

import numpy as np
import pandas as pd
import pytest

from helpers.plasmons import pairs, splits
from helpers.registry import ROOT


@pytest.fixture(scope="module")
def study():
    sys.path.insert(0, str(ROOT / "data" / "ch04"))
    yield importlib.import_module("make_study")
    sys.path.pop(0)


@pytest.fixture
def numbers(study, monkeypatch):
    """Noise in place of films."""
    values = np.random.default_rng(0).normal(size=(61, 74, 5)).astype(np.float32)

    def some(films, spectra="losses", window=16):
        return pairs.join([pairs.make_pairs(values[..., 0], values, window, f) for f in films])

    monkeypatch.setattr(study, "pairs_of", some)
    monkeypatch.setattr(study, "film", lambda number: {"haadf": values[..., 0]})


def test_only_the_random_split_shares_pixels(study, numbers):
    for split in study.SPLITS:
        every, _, train, validation, test = study.divided(split)
        seen = [splits.overlap(every, train, some[::20]).max() for some in (test, validation)]
        assert (max(seen) > 0.9) if split == "random" else (max(seen) == 0)
        assert len(train) > len(validation) > 100


def test_test_films_are_neither_trained_nor_chosen_on(study, numbers):
    every, _, *rows = study.divided("film")
    train, validation, test = (set(every.film[part].tolist()) for part in rows)
    assert train == set(study.TRAIN_FILMS)
    assert validation == {study.VALIDATION_FILM}
    assert test == {study.SHOWN_FILM, *study.TEST_FILMS}
    every, _, train, _, test = study.divided("block and films")
    assert set(every.film[test].tolist()) == {study.SHOWN_FILM}
    assert set(every.film[train].tolist()) == {study.SHOWN_FILM, *study.TRAIN_FILMS}


def test_a_row_for_every_test_film(study, numbers):
    task = study.Task("im2spec", "film")
    rows = study.baseline(task, "mean")
    assert list(rows) == [study.SHOWN_FILM, *study.TEST_FILMS]
    assert rows[0]["train"] == 12 * 2714 and rows[0]["test"] == 2714
    assert rows[14]["floor"] == 0  # noise is the truth here
    assert rows[14]["error"] > rows[14]["floor"]
    assert abs(rows[14]["correlation"]) < 1


def test_rows_are_kept_and_replaced(study, tmp_path, monkeypatch):
    monkeypatch.setattr(study, "KEPT", tmp_path)
    table = tmp_path / "study.csv"
    row = {0: {"error": 1.0}, 14: {"error": 2.0}}
    study.record(table, "im2spec", "mean", "film", 0, 0, row)
    study.record(table, "im2spec", "ours", "film", 10, 0, row)
    study.record(table, "im2spec", "ours", "film", 10, 0, {14: {"error": 3.0}})
    assert study.done(table).error.to_list() == [1.0, 2.0, 1.0, 3.0]


def test_shipped_rows_are_complete():
    path = ROOT / "data" / "ch04" / "study.csv"
    if not path.exists():
        pytest.skip("no study.csv yet: data/ch04/make_study.py makes it")
    table = pd.read_csv(path)
    assert not table.duplicated(["direction", "method", "split", "film", "latent", "seed"]).any()
    assert (table.error > table.floor).all() and (table.error_truth > 0).all()
    assert (table.floor < 5).all()
    score = table[table.direction == "im2spec"].groupby(["method", "split"]).error.mean()
    assert score["nearest neighbours", "random"] < 0.7 * score["nearest neighbours", "block"]
