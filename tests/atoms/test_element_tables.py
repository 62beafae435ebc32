"""Tables on elements: means over images, words, and tests that find order."""

import numpy as np
import pandas as pd
import pytest

from helpers.atoms import element_plots, element_tables


def runs():
    rows = [
        {"system": system, "density_per_nm2": 2.0, "dose": 1.0, "positions": places,
         "image_seed": image, "method": method, "accuracy": 0.6 + 0.1 * image,
         "balanced_accuracy": 0.5 + 0.1 * image, "majority": 0.6}
        for system in ("NiPd", "NiPdPt") for places in ("true", "detected")
        for method in ("fit", "vae") for image in (0, 1, 2)
    ]  # fmt: skip
    rows.append(rows[-1] | {"accuracy": 0.6, "balanced_accuracy": 0.5})  # a second training
    rows.append(rows[0] | {"dose": 2.0, "accuracy": 0.0})
    return pd.DataFrame(rows)


def test_naming_is_the_mean_over_images_at_one_setting():
    found = element_tables.naming(runs())
    row = found.loc[("NiPd", "true", "fit")]
    assert row["accuracy"] == pytest.approx(0.7) and row["sd"] == pytest.approx(0.1)
    twice = found.loc[("NiPdPt", "detected", "vae")]  # 0.6, 0.7 and the mean of 0.8 and 0.6
    assert twice["accuracy"] == pytest.approx(2 / 3) and twice["images"] == 3


def test_naming_in_words_has_a_column_per_system_and_places():
    words = element_tables.naming_in_words(element_tables.naming(runs()))
    assert words["method"].tolist() == [element_plots.WORDS[name] for name in ("fit", "vae")]
    assert words["Ni-Pd, known places"].iloc[0] == "0.60 ± 0.10 (3)"
    assert list(words.columns[1:]) == [
        "Ni-Pd, known places", "Ni-Pd-Pt, known places",
        "Ni-Pd, detected places", "Ni-Pd-Pt, detected places",
    ]  # fmt: skip


def test_calibration_weighs_bins_by_their_atoms():
    trust = pd.DataFrame(
        {"system": "NiPd", "positions": "true", "method": "fit", "atoms": [30, 10, 40],
         "confidence_from": ["raw", "raw", "calibrated"], "confidence": [0.9, 0.6, 0.8],
         "correct": [0.8, 0.8, 0.8]}
    )  # fmt: skip
    error = element_tables.calibration(trust).loc[("NiPd", "true", "fit")]
    assert error["raw"] == pytest.approx((0.1 * 30 + 0.2 * 10) / 40, abs=1e-3)
    assert error["calibrated"] == 0


def test_order_counts_tests_below_five_per_cent():
    tests = pd.DataFrame(
        {"system": "NiPd", "density_nm2": 2.0, "strength_kt": 1.0,
         "labels": ["truth", "truth", "found and named", "found and named"],
         "atoms": [100, 110, 60, 70], "right": [1, 1, 0.8, 0.9],
         "p": [0.01, np.nan, 0.05, 0.5], "p_drawn": [np.nan, np.nan, 0.04, 0.6]}
    )  # fmt: skip
    table = element_tables.order_through_images(tests).set_index("labels")
    assert table["tests with p ≤ 0.05"].to_dict() == {"truth": 1, "found and named": 1}
    assert table.loc["found and named", "named rightly"] == pytest.approx(0.85)
    assert table["tested"].to_dict() == {"truth": 1, "found and named": 2}
    assert np.isnan(table.loc["truth", "with drawn labels"])
    assert table.loc["found and named", "with drawn labels"] == 1
