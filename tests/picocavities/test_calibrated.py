"""Our detector, and how detections are judged, on scans made by hand."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from helpers import data
from helpers.picocavities import analysis, backgrounds, calibrated, evaluate


def noise_and_lines(seed, height, rows=slice(100, 130), columns=(60, 150)):
    rng = np.random.default_rng(seed)
    stable = np.tile(0.4 + 0.1 * np.sin(np.arange(220) / 15), (300, 1)).astype(np.float32)
    values = stable + rng.normal(0, 0.03, stable.shape).astype(np.float32)
    shape = 1 / (1 + (np.arange(-6, 7) / 2.3) ** 2)
    for column in columns:
        values[rows, column - 6 : column + 7] += 0.03 * height * shape.astype(np.float32)
    return values, stable


def test_noise_is_read_off_the_scan():
    values, stable = noise_and_lines(0, 0)
    over = calibrated.in_noise(values, stable)
    assert over.std() == pytest.approx(1, abs=0.05)
    values[:, 7] = stable[:, 7] = 0  # not recorded
    assert not calibrated.in_noise(values, stable)[:, 7].any()


def test_an_offset_of_the_stable_state_is_taken_off():
    values, stable = noise_and_lines(0, 0)
    over = calibrated.in_noise(values, stable + np.linspace(-0.2, 0.2, 220, dtype=np.float32))
    assert abs(np.median(over, axis=0)).max() < 0.5


def test_the_line_filter_sees_no_flat_background():
    weights = calibrated.line_filter(4.6)
    assert weights.sum() == pytest.approx(0, abs=1e-6)
    assert (weights**2).sum() == pytest.approx(1)
    assert weights.argmax() == len(weights) // 2


def test_filters_are_plain_sums():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(9, 20)).astype(np.float32)
    weights = calibrated.line_filter(1.5)
    expected = [np.convolve(row, weights, mode="same") for row in values]
    np.testing.assert_allclose(calibrated._along(values, weights), expected, atol=1e-5)
    box = calibrated._box(values, 3)
    np.testing.assert_allclose(box[4], values[3:6].sum(0), atol=1e-5)
    np.testing.assert_allclose(box[0], values[:2].sum(0), atol=1e-5)
    np.testing.assert_allclose(box[-1], values[-2:].sum(0), atol=1e-5)
    even = calibrated._box(values, 4)
    np.testing.assert_allclose(even[4], values[2:6].sum(0), atol=1e-5)


@pytest.mark.parametrize("height", [1.0, 6.0])
def test_lines_are_found_where_they_are(height):
    values, stable = noise_and_lines(1, height)
    found = calibrated.detect(values, stable, width_cm=12)
    best = found.events.loc[found.events["score"].idxmax()]
    assert best["tracks"] == 2
    slack = 2 if height > 3 else 8
    assert abs(best["first_step"] - 100) <= slack and abs(best["last_step"] - 129) <= slack
    centres = found.tracks.groupby("track")["centre_px"].mean().to_numpy()
    assert all(np.abs(centres - column).min() < 3 for column in (60, 150))


def test_noise_alone_scores_less_than_lines():
    quiet = [calibrated.detect(*noise_and_lines(seed, 0)).events for seed in range(4)]
    scores = np.concatenate([one["score"] for one in quiet])
    least = calibrated.threshold(scores, 4, 0.25)
    assert (scores > least).sum() <= 1
    with_lines = calibrated.detect(*noise_and_lines(9, 2.0))
    assert len(calibrated.events(with_lines, least)) >= 1


def test_thresholds_let_as_many_pass_as_asked_for():
    scores = [9.0, 5.0, 7.0, 3.0]
    for rate, passing in ((0, 0), (0.1, 1), (0.2, 2), (0.3, 3)):
        assert (np.array(scores) > calibrated.threshold(scores, 10, rate)).sum() == passing
    assert calibrated.threshold(scores, 10, 1) == 3.0
    assert calibrated.threshold([], 10, 0.1) == 0


def test_events_are_paired_best_first_and_once():
    truth = pd.DataFrame({"first_step": [10, 20, 90], "last_step": [19, 29, 99]})
    found = pd.DataFrame({"first_step": [12, 10, 95], "last_step": [21, 18, 160]})
    pairs = evaluate.match_events(truth, found)
    assert pairs[["truth", "found"]].to_numpy().tolist() == [[0, 1]]
    assert pairs["shared"][0] == pytest.approx(0.9)
    assert evaluate.match_events(truth.iloc[:0], found).empty
    assert evaluate.match_events(truth, found.iloc[:0]).empty


def test_tracks_are_right_on_lines_that_shine():
    steps = np.arange(10)
    lines = pd.DataFrame(
        {
            "event": 0,
            "line": np.repeat([0, 1], 10),
            "step": np.tile(steps, 2),
            "wavenumber_cm": np.repeat([400.0, 800.0], 10),
            "peak_counts": np.r_[np.full(10, 5.0), np.full(4, 2.0), np.zeros(6)],
        }
    )
    at = [(cm - 268) / 2.625 for cm in (400.0, 800.0)]
    on = [(0, step, at[0] + 4) for step in range(6)]
    dark = [(1, step, at[1]) for step in range(4, 10)]
    far = [(2, step, at[0] + 6) for step in range(10)]
    tracks = pd.DataFrame(on + dark + far, columns=["track", "step", "centre_px"])
    right, found = evaluate.match_tracks(lines, tracks)
    assert right.tolist() == [True, False, False]
    assert found["found"].tolist() == [True, False]
    assert found["covered"].tolist() == [0.6, 0]
    assert found["steps"].tolist() == [10, 4] and found["peak_counts"].tolist() == [5, 2]
    none, missed = evaluate.match_tracks(lines, tracks.iloc[:0])
    assert none.empty and not missed["found"].any()


def test_rates():
    assert evaluate.rates(1, 4, 2) == {"precision": 0.25, "recall": 0.5}
    assert np.isnan(evaluate.rates(0, 0, 0)["precision"])


@pytest.mark.measured
def test_the_strong_transients_of_a_measured_series_are_found():
    if not data.available("sers-series"):
        pytest.skip("measured data: sers-series is not here")
    path = data.fetch("sers-series") / "three-vitamins-R1.csv"
    counts = np.loadtxt(path, delimiter=",", dtype=np.float32)
    values = (counts - counts.min()) / np.ptp(counts)
    stable = backgrounds.running_median(values, 51)
    ours = calibrated.detect(values, stable, durations=(1, 2, 3, 6, 12)).events
    theirs = analysis.analyse_values(xr.DataArray(values, dims=("time", "wavenumber")), stable)
    strength = [
        theirs.over[first : last + 1].max()
        for first, last in zip(theirs.events["first_step"], theirs.events["last_step"])
    ]
    for table, by in ((ours, ours["score"]), (theirs.events, np.array(strength))):
        first, second = table.iloc[np.argsort(by)[::-1][:2]][["first_step", "last_step"]].to_numpy()
        assert 77 <= first[0] <= 80 <= first[1] <= 83
        assert 157 <= second[0] <= 160 <= second[1] <= 162
