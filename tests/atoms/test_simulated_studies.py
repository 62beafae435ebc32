"""The scripts that run detectors on simulated images, with detectors whose answer is known."""

import numpy as np
import pandas as pd
import pytest

from helpers.data import ROOT

FOLDER = ROOT / "data" / "ch01"


@pytest.fixture()
def studies(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import make_simulated_tests

    return make_simulated_tests


@pytest.fixture()
def series(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import make_time_series

    return make_time_series


def atoms_at(points, in_focus=True):
    x, y = np.transpose(points).astype(float)
    return pd.DataFrame(
        {"x_px": x, "y_px": y, "height_nm": 0.0, "in_focus": in_focus, "contrast": 3.0}
    )


def test_a_detection_belongs_to_the_atom_in_focus(studies):
    atoms = pd.concat(
        [atoms_at([(51, 50)], in_focus=False), atoms_at([(48, 50), (150, 90)])], ignore_index=True
    )
    found = pd.DataFrame({"x_px": [50.5], "y_px": [50.0], "probability": [1.0]})
    judged = studies.judge(atoms, found, (200, 200))
    assert judged["found"].tolist() == [False, True, False]
    assert not judged["by_chance"].any()


def test_mirrored_detections_count_as_chance(studies):
    found = pd.DataFrame({"x_px": [20.0], "y_px": [50.0], "probability": [1.0]})
    judged = studies.judge(atoms_at([(179, 50), (20, 50)]), found, (200, 200))
    assert judged["found"].tolist() == [False, True]
    assert judged["by_chance"].tolist() == [True, False]


def test_recall_by_bin(studies):
    judged = pd.DataFrame(
        {
            "detector": "d",
            "height_nm": [0.5] * 4 + [1.5] * 4,
            "found": [True] * 3 + [False] + [True] + [False] * 3,
            "by_chance": False,
        }
    )
    table = studies.binned(judged, "height_nm", [0, 1, 2, 3])
    assert table["recall"].tolist() == [0.75, 0.25]
    assert table[["height_nm_from", "height_nm_to"]].to_numpy().tolist() == [[0, 1], [1, 2]]
    assert (table["low"] < table["recall"]).all() and (table["recall"] < table["high"]).all()


def test_invented_atoms_per_area(studies):
    scores = pd.DataFrame(
        {"detector": "d", "setting": 1.0, "detections": [1, 0, 2], "area_nm2": 100.0}
    )
    row = studies.invented(scores).iloc[0]
    assert row["per_nm2"] == pytest.approx(0.01)
    assert row["low_per_nm2"] < 0.01 < row["high_per_nm2"]


def test_iron_is_recorded_finer_and_brought_to_the_network(studies):
    specimen, microscope = studies.iron_on_carbon_nitride(0, 4.0)
    positions = pd.DataFrame({"x_px": [41.0], "y_px": [80.0], "height_nm": [0.0]})
    simulated = studies.acstem(0, specimen, microscope, (120, 120), positions)
    counts, atoms = studies.at_network_scale(simulated)
    assert counts.shape == (60, 60)
    row, column = atoms.loc[0, ["y_px", "x_px"]].astype(float)
    assert (column, row) == pytest.approx((20.25, 39.75), abs=0.2)
    assert set(simulated.atoms["element"]) == {"Fe"}


def test_estimates_of_a_detector_that_misses_atoms(series):
    rows = []
    for mobility, stayed in ((0.0, 60), (0.5, 30)):
        for seed in range(3):
            rows.append(
                {"detector": "d", "mobility": mobility, "seed": seed, "true_share": mobility,
                 "registration_error_px": 0.0, "first": 100, "second": 100, "stayed": stayed,
                 "moved": 0, "vanished": 100 - stayed, "appeared": 100 - stayed,
                 "stayed_by_chance": 0.0, "moved_by_chance": 0.0, "f1_between_frames": stayed / 100}
            )  # fmt: skip
    table = series.estimates(pd.DataFrame(rows)).set_index("mobility")
    assert table.loc[0.5, "apparent_share"] == pytest.approx(0.7)
    assert table.loc[0.5, "corrected_share"] == pytest.approx(0.5)
    assert table.loc[0.0, "repeat_share"] == pytest.approx(0.6)


def test_histogram_counts_every_link(series):
    links = pd.DataFrame(
        {"detector": "d", "mobility": 0.2, "fate": "moved", "distance_nm": [0.01, 0.02, 0.30, 0.31]}
    )
    table = series.histogram(links)
    assert table["links"].tolist() == [2, 2]
    assert (table["distance_nm_from"] <= [0.01, 0.30]).all()
    assert (table["distance_nm_to"] >= [0.02, 0.31]).all()


def test_shipped_mobility_study_recovers_the_true_share():
    table = pd.read_csv(FOLDER / "simulated_mobility.csv")
    for _, row in table[table["detector"] != "truth"].iterrows():
        assert row["apparent_share"] > row["true_share"]  # missed atoms pass for motion
        spread = max(3 * row["corrected_se"], 0.05)
        assert abs(row["corrected_share"] - row["true_share"]) < spread


@pytest.mark.parametrize("name", ["height", "contrast", "dose", "metal_free", "iron"])
def test_shipped_studies_have_every_detector_once_per_setting(name):
    table = pd.read_csv(FOLDER / f"simulated_{name}.csv")
    settings = [c for c in table if c.endswith("_from") or c == "relative_dose"]
    assert {"log", "template"} <= set(table["detector"])
    assert not table.duplicated(["detector", *settings]).any()


def test_shipped_recall_falls_with_height_and_rises_with_contrast_and_dose():
    for name, column, sign in (
        ("height", "height_nm_from", -1), ("contrast", "contrast_from", 1),
        ("dose", "relative_dose", 1),
    ):  # fmt: skip
        table = pd.read_csv(FOLDER / f"simulated_{name}.csv")
        for detector, part in table.groupby("detector"):
            trend = np.corrcoef(part[column].rank(), part["recall"].rank())[0, 1]
            assert sign * trend > 0.8, (name, detector)
