import numpy as np
import pandas as pd
import pytest

from helpers.atoms import evaluate


def points(*xy, **extra):
    return pd.DataFrame(np.array(xy, float).reshape(-1, 2), columns=["x_px", "y_px"]).assign(
        **extra
    )


EMPTY = points()


def test_one_to_one_even_when_detections_crowd_a_label():
    result = evaluate.score(points((50, 50)), points((50, 50), (51, 50), (49, 50)))
    assert (result["tp"], result["fp"], result["fn"]) == (1, 2, 0)
    assert result["precision"] == pytest.approx(1 / 3)
    assert result["recall"] == 1
    assert result["f1"] == pytest.approx(0.5)


def test_empty_tables():
    assert evaluate.score(EMPTY, points((1, 1)))["f1"] == 0
    assert evaluate.score(points((1, 1)), EMPTY)["precision"] == 0
    assert np.isnan(evaluate.score(EMPTY, EMPTY)["f1"])
    assert evaluate.is_atom(EMPTY, points((1, 1))).tolist() == [False]


def test_threshold_curve_from_tables_and_from_functions():
    labels = [points((10, 10), (50, 50)), points((30, 30))]
    tables = [
        points((10, 10), (50, 50), (90, 90), probability=[0.9, 0.4, 0.3]),
        points((30, 30), probability=[0.8]),
    ]
    curve = evaluate.threshold_curve(labels, tables, [0.2, 0.35, 0.5, 0.95])
    assert curve["recall"].tolist() == [1, 1, 0.75, 0]
    assert curve["f1"].tolist() == pytest.approx([0.9, 1, (2 / 3 + 1) / 2, 0])
    assert curve["f1_sd"][0] == pytest.approx(np.std([0.8, 1], ddof=1))
    functions = [lambda t, c=c: c[c["probability"] > t] for c in tables]
    again = evaluate.threshold_curve(labels, functions, [0.2, 0.35, 0.5, 0.95])
    pd.testing.assert_frame_equal(curve, again)
    assert evaluate.choose_threshold(curve) == 0.35


def test_chosen_threshold_is_the_middle_of_a_plateau():
    curve = pd.DataFrame({"threshold": [0.1, 0.2, 0.3, 0.4, 0.5], "f1": [0.1, 0.6, 0.6, 0.6, 0.2]})
    assert evaluate.choose_threshold(curve) == 0.3


def test_bootstrap_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for k in range(200):
        low, high = evaluate.bootstrap_interval(rng.normal(0.7, 0.05, 30), seed=k, draws=500)
        hits += low < 0.7 < high
    assert 0.88 <= hits / 200 <= 0.99
    values = [0.6, 0.7, 0.8]
    assert evaluate.bootstrap_interval(values, 1) == evaluate.bootstrap_interval(values, 1)


def test_reliability_finds_calibration_and_its_lack():
    rng = np.random.default_rng(1)
    p = rng.uniform(0, 1, 20_000)
    good = evaluate.reliability(p, rng.uniform(size=p.size) < p)
    assert (good["count"].sum(), len(good)) == (20_000, 10)
    assert np.allclose(good["probability"], good["fraction"], atol=0.05)
    assert ((good["low"] < good["fraction"]) & (good["fraction"] < good["high"])).all()
    bad = evaluate.reliability(p, rng.uniform(size=p.size) < p**3)
    assert (bad["probability"] - bad["fraction"]).max() > 0.3
    assert len(evaluate.reliability([1.0], [True])) == 1


def test_localisation_error_recovers_bias_and_spread():
    rng = np.random.default_rng(2)
    pairs = pd.DataFrame({"dx_px": rng.normal(0.5, 1.0, 5000), "dy_px": rng.normal(0, 2.0, 5000)})
    error = evaluate.localisation_error(pairs)
    assert error["bias_x"] == pytest.approx(0.5, abs=0.05)
    assert error["sd_y"] == pytest.approx(2, abs=0.1)
    assert error["rms"] == pytest.approx(np.sqrt(0.25 + 1 + 4), abs=0.1)


def test_froc_counts_false_atoms_per_area():
    labels = [points((10, 10), (50, 50))]
    table = [points((10, 10), (90, 90), probability=[0.9, 0.3])]
    curve = evaluate.froc(labels, table, [4.0], [0.2, 0.5])
    assert curve["false_per_nm2"].tolist() == [0.25, 0]
    assert curve["recall"].tolist() == [0.5, 0.5]


def test_cases_name_found_missed_and_invented():
    labels = pd.DataFrame({"x_px": [50.0, 90.0], "y_px": [50.0, 50.0]})
    found = pd.DataFrame({"x_px": [52.0, 200.0], "y_px": [50.0, 10.0], "probability": [0.9, 0.8]})
    table = evaluate.cases(labels, found)
    assert table.to_numpy().tolist() == [
        [50.0, 50.0, "found"], [90.0, 50.0, "missed"], [200.0, 10.0, "invented"],
    ]  # fmt: skip
    assert evaluate.cases(labels, found.iloc[:0])["case"].tolist() == ["missed", "missed"]


def test_summary_averages_seeds_before_images():
    scores = pd.DataFrame({
        "method": "m", "image": ["a", "b", "a", "b"], "seed": [0, 0, 1, 1], "threshold": 0.5,
        "precision": 0.5, "recall": 0.5, "f1": [0.2, 0.6, 0.4, 0.8],
    })  # fmt: skip
    row = evaluate.summarise(scores, ["method"]).iloc[0]
    assert row["f1"] == pytest.approx(0.5) and row["seeds"] == 2
    assert row["f1_sd_images"] == pytest.approx(np.std([0.3, 0.7], ddof=1))
    assert row["f1_sd_seeds"] == pytest.approx(np.std([0.4, 0.6], ddof=1))
    assert 0.3 <= row["f1_low"] <= row["f1"] <= row["f1_high"] <= 0.7
