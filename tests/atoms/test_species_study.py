"""The tables of data/ch02/make_species.py: consistent in themselves, and made by this code."""

import importlib.util

import numpy as np
import pandas as pd
import pytest

from helpers.atoms import contrast, species
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
    for method, membership, _ in study.simple_runs(image, points, truth, order):
        row = runs[
            (runs["system"] == system) & (runs["method"] == method) & (runs["positions"] == "true")
            & (runs["density_per_nm2"] == study.MAIN[0]) & (runs["dose"] == study.MAIN[1])
            & (runs["image_seed"] == 2000)
        ]  # fmt: skip
        assert len(row) == 1
        accuracy = (membership.argmax(1) == truth).mean()
        assert accuracy == pytest.approx(row["accuracy"].item(), abs=0.01)


@pytest.mark.parametrize("positions", ["true", "detected"])
def test_the_default_method_is_the_best_one(runs, positions):
    main = runs[runs["method"].isin(species.METHODS) & (runs["positions"] == positions)]
    if positions == "detected":
        main = main[(main["density_per_nm2"] == 2) & (main["dose"] == 1)]
    keys = ["system", "density_per_nm2", "dose"]
    mean = main.pivot_table("accuracy", keys, "method", aggfunc="mean")
    best = mean.idxmax(axis=1)
    assert (best == "fit").all(), best[best != "fit"]


def test_the_contrast_of_elements_keeps_the_default_from_failing(runs):
    main = runs[
        (runs["positions"] == "detected") & (runs["density_per_nm2"] == 2) & (runs["dose"] == 1)
    ]
    lowest = main.pivot_table("accuracy", "system", "method", aggfunc="min")
    assert (lowest["fit"] > 0.75).all()
    assert (lowest["fit, free mixture"] < 0.5).all()


@pytest.mark.parametrize("positions", ["true", "detected"])
def test_calibrated_confidence_of_the_default_is_nearly_a_frequency(positions):
    bins = pd.read_csv(FOLDER / "species_reliability.csv")
    bins = bins[
        (bins["method"] == "fit") & (bins["positions"] == positions)
        & (bins["confidence_from"] == "calibrated")
    ]  # fmt: skip
    for _, part in bins.groupby("system"):
        gap = (part["confidence"] - part["correct"]).abs()
        assert np.average(gap, weights=part["atoms"]) < 0.1


def test_images_whose_labels_fail_are_doubted_and_few_others_are(runs):
    fit = runs[runs["method"] == "fit"]
    doubted = fit["doubted"].astype(bool)
    failed = fit["accuracy"] < 0.7
    assert failed.any() and doubted[failed].all()
    assert not doubted[fit["positions"] == "true"].any()
    assert doubted[~failed].mean() < 0.15


def test_shipped_settings_of_the_mixture_are_close_to_the_best_on_validation_images():
    tried = pd.read_csv(FOLDER / "species_mixture.csv")
    tried = tried[tried["positions"] == "detected"]
    keys = ["power", "power_spread", "width_spread"]
    score = (tried["accuracy"] + tried["balanced_accuracy"]) / 2
    mean = score.groupby([tried[k] for k in keys], dropna=False).mean()
    used = mean.loc[(contrast.POWER, contrast.POWER_SPREAD, contrast.WIDTH_SPREAD)]
    assert used > mean.max() - 0.01
    assert used > mean[mean.index.get_level_values(0).isna()].item() + 0.05


def test_the_lightest_element_is_the_one_that_is_missed():
    found = pd.read_csv(FOLDER / "species_detected.csv", keep_default_na=False)
    found = found[found["element"] != ""].groupby(["system", "element"])[["atoms", "found"]].sum()
    share = found["found"] / found["atoms"]
    for system, part in share.groupby(level=0):
        assert part.droplevel(0).sort_values().index.tolist() == ["Ni", "Pd", "Pt"][: len(part)], (
            system
        )
