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

    def some(films, spectra="losses"):
        return pairs.join([pairs.make_pairs(values[..., 0], values, film=f) for f in films])

    monkeypatch.setattr(study, "pairs_of", some)


def test_block_and_film_share_no_pixel_and_random_does(study, numbers):
    for split in study.SPLITS:
        every, _, train, validation, test = study.divided(split)
        shared = splits.overlap(every, train, test[::20]).max()
        seen = splits.overlap(every, train, validation[::20]).max()
        assert (max(shared, seen) > 0.9) if split == "random" else (shared == seen == 0)
        assert len(train) > len(validation) > 100


def test_rows_are_kept_and_replaced(study, tmp_path, monkeypatch):
    monkeypatch.setattr(study, "TABLE", tmp_path / "study.csv")
    row = {"error": 1.0, "error_truth": 2.0}
    study.record(("im2spec", "mean", "block", 0, 0), row)
    study.record(("im2spec", "ours", "block", 10, 0), row)
    study.record(("im2spec", "ours", "block", 10, 0), row | {"error": 3.0})
    table = study.done()
    assert table.error.to_list() == [1.0, 3.0]


def test_shipped_rows_are_complete():
    path = ROOT / "data" / "ch04" / "study.csv"
    if not path.exists():
        pytest.skip("no study.csv yet: data/ch04/make_study.py makes it")
    table = pd.read_csv(path)
    assert not table.duplicated(["direction", "method", "split", "latent", "seed"]).any()
    assert (table.error > 0).all() and (table.error_truth > 0).all()
    spectra = table[table.direction == "im2spec"]
    assert (spectra.floor < 5).all()
    score = spectra.set_index(["method", "split"]).error
    assert score["nearest neighbours", "random"] < 0.7 * score["nearest neighbours", "block"]
