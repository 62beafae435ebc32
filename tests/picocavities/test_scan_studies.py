"""The tables of chapter 5 that come from long runs say what the page says of them."""

import sys

import numpy as np
import pandas as pd
import pytest

from helpers.registry import ROOT

FOLDER = ROOT / "data" / "ch05"


@pytest.fixture(scope="module")
def library():
    sys.path.insert(0, str(FOLDER))
    try:
        import scan_library

        yield scan_library
    finally:
        sys.path.remove(str(FOLDER))


def test_faint_scans_are_dimmed_in_all_of_their_truth(library):
    seed = next(k for k in range(3000, 3020) if len(library.faint_scan(k)[0].events))
    one, factor = library.faint_scan(seed)
    assert library.FAINTEST <= factor <= 1
    expected = one.stable + one.picocavity + 300
    off = (one.counts.to_numpy() - expected) / np.sqrt(expected + 36)
    assert abs(off.mean()) < 0.01 and off.std() == pytest.approx(1, abs=0.01)
    strongest = one.lines.groupby(["event", "line"])["peak_counts"].mean().groupby("event").max()
    np.testing.assert_allclose(strongest, one.events["peak_counts"].astype(float), rtol=1e-6)


def test_stable_states_are_on_the_scale_of_the_scan(library):
    from helpers.picocavities.preprocess import preprocess

    one = library.scan(3000, "second", events=False)
    done = preprocess(one.counts)
    off = done.to_numpy() - library.scaled_stable(one, done)
    assert abs(off.mean()) < 1e-3 and off.std() < 0.04


def test_thresholds_were_not_chosen_on_test_scans():
    table = pd.read_csv(FOLDER / "detection.csv")
    thresholds = table.pivot_table("threshold", "method", "set")
    np.testing.assert_array_equal(thresholds["test"], thresholds["validation"])


def test_ours_finds_more_at_no_more_false_alarms():
    table = pd.read_csv(FOLDER / "detection.csv").set_index(["set", "method"])
    theirs = table.loc[("test", "published")]
    ours = table.loc[("test", "ours, false alarms of published")]
    assert ours["false_events"] <= theirs["false_events"] <= 0.1
    assert ours["recall_low"] > theirs["recall"]
    assert ours["recall"] > theirs["recall"] and ours["line_recall"] > theirs["line_recall"]
    assert ours["track_precision"] > 0.9


def test_false_alarms_on_fresh_scans_are_those_chosen_as_far_as_forty_scans_can_say():
    table = pd.read_csv(FOLDER / "detection.csv").set_index(["method", "set"])
    for rate in (1, 0.1):
        chosen, fresh = (
            table.loc[(f"ours, {rate:g} false alarms a scan", part)]
            for part in ("validation", "test")
        )
        assert chosen["false_events"] == rate
        assert fresh["false_low"] < chosen["false_high"]
        assert chosen["false_low"] < fresh["false_high"]


def test_without_events_the_autoencoder_is_nearest_to_the_truth():
    table = pd.read_csv(FOLDER / "backgrounds.csv")
    assert table.groupby("method")["seed"].nunique().min() >= 3
    mean = table.groupby("method")[["error_quiet", "error_events", "kept"]].mean()
    quiet = mean["error_quiet"]
    assert (
        quiet["autoencoder"]
        < quiet.drop([name for name in quiet.index if name.startswith("autoencoder")]).min()
    )


def test_cutting_events_off_keeps_more_of_them():
    table = pd.read_csv(FOLDER / "backgrounds.csv").pivot_table("kept", "seed", "method")
    for name in ("autoencoder, every 8", "principal components"):
        assert (table[f"{name}, clipped"] > table[name]).all()


def test_training_went_down_to_the_noise():
    table = pd.read_csv(FOLDER / "autoencoder.csv").set_index("run")
    for name, published in (("first", 2.5e-3), ("second", 5.1e-4)):
        assert table.loc[name, "loss"] < 1.05 * table.loc[name, "floor"] < 2 * published
