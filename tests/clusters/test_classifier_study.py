"""What the scripts of the classifier shipped: consistent in itself, and made by this code."""

import importlib.util

import numpy as np
import pandas as pd
import pytest
import torch

from helpers.clusters import augment, classify, network
from helpers.clusters.library import library
from helpers.clusters.structures import ISOMERS
from helpers.data import ROOT
from helpers.weights import read_header

FOLDER = ROOT / "data" / "ch03"


@pytest.fixture(scope="module")
def study():
    spec = importlib.util.spec_from_file_location("make_evaluation", FOLDER / "make_evaluation.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def table():
    return pd.read_csv(FOLDER / "evaluation.csv")


def usual(table, method, views="all"):
    """Accuracy against dose on views of 309 atoms in focus."""
    chosen = (
        (table["method"] == method) & (table["atoms"] == 309) & (table["defocus_nm"] == 0)
        & (table["views_of"] == views)
    )  # fmt: skip
    return table[chosen].set_index("dose_per_A2")["accuracy"]


def test_confusion_of_the_shipped_network_is_made_by_this_code(study):
    header = read_header(classify.PATH)
    part = library(309).only("test")
    frames = study.frames_of(part.images, study.HIGH, study.COPIES, seed=3)
    called = classify.shipped().scores(frames).argmax(1)
    found = study.study.confusion(called, np.repeat(part.classes, study.COPIES))
    shares = pd.read_csv(FOLDER / "evaluation_confusion.csv")
    shares = shares[
        (shares["method"] == "network") & (shares["seed"] == header["seed"])
        & (shares["dose_per_A2"] == study.HIGH)
    ]  # fmt: skip
    stored = shares.pivot_table("share", "true", "named").loc[list(ISOMERS), list(ISOMERS)]
    assert found == pytest.approx(stored.to_numpy(), abs=0.02)


def test_predict_names_what_is_in_the_library():
    part = library(309).only("test")
    frames = augment.random_frames(np.random.default_rng(0), part.images[:120], 1e4, side=64)
    p = classify.predict_frames(frames, 0.05)
    assert (p.argmax(1) == part.classes[:120]).mean() > 0.8
    said = classify.predict(frames[0], 0.05)
    assert said.isomer == ISOMERS[p[0].argmax()]


def test_more_electrons_tell_more(table):
    accuracy = usual(table, "network")
    assert (accuracy.diff().dropna() > -0.02).all() and accuracy.iloc[-1] > accuracy.iloc[0] + 0.1


def test_almost_all_is_right_where_there_are_electrons_enough(table):
    for method in ("network", "trained on 309 atoms"):
        assert usual(table, method)[1e4:].min() > 0.95
    # what knows the size is compared with what knows it, and what does not with what does not
    for method, other in (("network", "atlas of all sizes"), ("trained on 309 atoms", "atlas")):
        gain = usual(table, method) - usual(table, other)
        assert gain[:1e3].min() > 0 and gain.min() > -0.005


def test_probabilities_are_frequencies():
    table = pd.read_csv(FOLDER / "evaluation_calibration.csv")
    pooled = table[table["dose_per_A2"].isna()].set_index("scaling")["calibration_error"]
    assert pooled["after"].max() < 0.03
    assert pooled["after"].mean() < pooled["before"].mean()
    of_dose = table[table["scaling"] == "after"].groupby("dose_per_A2")
    of_dose = of_dose[["calibration_error", "by_chance", "overconfidence"]].mean()
    assert of_dose["overconfidence"].abs().max() < 0.03
    assert (of_dose["calibration_error"] - of_dose["by_chance"]).max() < 0.03


def test_intervals_hold_their_mean(table):
    assert (table["accuracy_low"] <= table["accuracy"] + 1e-4).all()
    assert (table["accuracy_high"] >= table["accuracy"] - 1e-4).all()


def test_accuracy_is_the_mean_diagonal_of_the_confusion_matrix(table):
    shares = pd.read_csv(FOLDER / "evaluation_confusion.csv")
    right = shares[shares["true"] == shares["named"]]
    mean = right.groupby(["method", "dose_per_A2"])["share"].mean()
    for method in ("network", "atlas"):
        assert usual(table, method).to_numpy() == pytest.approx(mean[method].to_numpy(), abs=1e-3)


def test_onnx_gives_the_same_scores():
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(FOLDER / "isomers.onnx")
    net = classify.shipped().network
    x = torch.randn(3, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    (scores,) = session.run(None, {"image": x.numpy()})
    assert scores == pytest.approx(network.logits(net, x).numpy(), abs=1e-3)


def test_limit_of_ambiguity_of_hand_counted_views(study):
    similarity = np.array([0.5, 0.6, 0.7, 0.8])
    assert study.ambiguity_limit(similarity, np.array([0, 0, 0.5, 1.0])) == 0.7
    assert study.ambiguity_limit(similarity, np.zeros(4)) == 1
    assert study.ambiguity_limit(similarity, np.array([1.0, 0.5, 0, 0])) == 1
