"""The tables of data/ch02/make_ordering.py: consistent, and what the chapter says of them."""

import importlib.util

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.data import ROOT

FOLDER = ROOT / "data" / "ch02"


@pytest.fixture(scope="module")
def study():
    spec = importlib.util.spec_from_file_location("make_ordering", FOLDER / "make_ordering.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def images():
    return pd.read_csv(FOLDER / "ordering_images.csv")


def test_counts_and_mistakes_are_as_asked(study):
    assert study.counts_of("NiPd", 100) == {"Ni": 67, "Pd": 33}
    assert study.counts_of("NiPdPt", 100) == {"Ni": 34, "Pd": 33, "Pt": 33}
    labels = np.repeat(["Ni", "Pd", "Pt"], 2000)
    spoilt = study.mistaken(labels, 0.3, np.random.default_rng(0))
    assert (spoilt != labels).mean() == pytest.approx(0.3, abs=0.02)
    wrong = spoilt[(labels == "Ni") & (spoilt != labels)]
    assert (wrong == "Pd").mean() == pytest.approx(0.5, abs=0.06)


def test_every_image_has_every_kind_of_labels(study, images):
    for system, density, strength, number in study.IMAGES:
        part = images[
            (images["system"] == system) & (images["density_nm2"] == density)
            & (images["strength_kt"] == strength)
        ]  # fmt: skip
        assert part["seed"].nunique() == number
        assert (part.groupby("seed")["labels"].nunique() == 4).all()
    assert (images["seed"] >= 2000).all()
    p = images[["p_nearest", "p_connection"]].min(axis=1)
    np.testing.assert_allclose(images["p"], np.minimum(1, 2 * p), atol=2e-4)


def test_a_row_is_made_by_this_code(study, images):
    seed = int(images["seed"].iloc[0])
    first = images[images["seed"] == seed]
    found = pd.DataFrame(study.image_rows("NiPd", 2.0, 0.0, seed))
    for name in ("atoms", "right", "p_nearest", "p_connection"):
        np.testing.assert_allclose(found[name], first[name], atol=0.02)


@pytest.mark.parametrize("labels", ["truth", "named", "found", "found and named"])
def test_without_order_hardly_more_than_one_test_in_twenty_rejects(images, labels):
    some = images[(images["strength_kt"] == 0) & (images["labels"] == labels)]
    rejected = int((some["p"] <= 0.05).sum())
    assert stats.binom.sf(rejected - 1, len(some), 0.05) > 0.001


def test_order_is_found_with_the_truth_and_less_often_through_the_image(images):
    some = images[images["strength_kt"] == 1].assign(found=images["p"] <= 0.05)
    share = some.groupby("labels")["found"].mean()
    assert share["truth"] > 0.9
    assert share["found and named"] <= share["truth"]
