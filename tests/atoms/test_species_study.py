"""The tables of data/ch02/make_species.py: consistent in themselves, and made by this code."""

import importlib.util

import numpy as np
import pandas as pd
import pytest

from helpers.atoms import species
from helpers.data import ROOT

FOLDER = ROOT / "data" / "ch02"


@pytest.fixture(scope="module")
def study():
    spec = importlib.util.spec_from_file_location("make_species", FOLDER / "make_species.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def runs():
    return pd.read_csv(FOLDER / "species.csv")


def test_counts_of_every_run_give_its_accuracy(runs):
    for row in runs.itertuples():
        counts = np.array(row.confusion.split(), int)
        counts = counts.reshape(round(np.sqrt(counts.size)), -1)
        assert counts.sum() == row.atoms
        assert np.trace(counts) / row.atoms == pytest.approx(row.accuracy, abs=1e-3)
        assert counts.sum(1).max() / row.atoms == pytest.approx(row.majority, abs=1e-3)


def test_only_test_images_are_reported(runs):
    assert runs["image_seed"].between(2000, 2999).all()


@pytest.mark.parametrize("system", ["NiPd", "NiPdPt"])
def test_the_table_is_made_by_this_code(study, runs, system):
    simulated, image = study.image_of(system, *study.MAIN, 2000)
    points, which = study.places(simulated, "true")
    order = species.by_atomic_number(study.SYSTEMS[system])
    truth = simulated.atoms["element"].map(order.index).to_numpy()[which]
    for method, membership, _ in study.simple_runs(image, points, truth, len(order)):
        row = runs[
            (runs["system"] == system) & (runs["method"] == method) & (runs["positions"] == "true")
            & (runs["density_per_nm2"] == study.MAIN[0]) & (runs["dose"] == study.MAIN[1])
            & (runs["image_seed"] == 2000)
        ]  # fmt: skip
        assert len(row) == 1
        accuracy = (membership.argmax(1) == truth).mean()
        assert accuracy == pytest.approx(row["accuracy"].item(), abs=0.01)


def test_the_default_method_is_the_best_one(runs):
    main = runs[runs["method"].isin(species.METHODS) & (runs["positions"] == "true")]
    keys = ["system", "density_per_nm2", "dose"]
    mean = main.pivot_table("accuracy", keys, "method", aggfunc="mean")
    best = mean.idxmax(axis=1)
    assert (best == "fit").all(), best[best != "fit"]


def test_calibrated_confidence_of_the_default_is_nearly_a_frequency():
    bins = pd.read_csv(FOLDER / "species_reliability.csv")
    bins = bins[
        (bins["method"] == "fit") & (bins["positions"] == "true")
        & (bins["confidence_from"] == "calibrated")
    ]  # fmt: skip
    for _, part in bins.groupby("system"):
        gap = (part["confidence"] - part["correct"]).abs()
        assert np.average(gap, weights=part["atoms"]) < 0.05


def test_images_whose_labels_fail_are_doubted_and_the_others_are_not(runs):
    fit = runs[runs["method"] == "fit"]
    failed = fit["accuracy"] < 0.7
    assert failed.any()
    assert (fit["doubted"].astype(bool) == failed).all()
