"""Residual, stages, tracks, Zipper and events on scans made by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import binary_opening, gaussian_filter1d
from scipy.signal import savgol_filter

from helpers.picocavities import events, tracks, zipper
from helpers.registry import DataError


def line(values, rows, column, height, width=3):
    """A line of a few pixels in a scan."""
    values[rows, column - width // 2 : column + width // 2 + 1] += height
    return values


def peaks(*of_tracks):
    """Table of tracks from lists of (step, centre)."""
    rows = [
        (number, step, centre, centre, centre)
        for number, one in enumerate(of_tracks)
        for step, centre in one
    ]
    columns = ["track", "step", "first_px", "last_px", "centre_px"]
    return pd.DataFrame(rows, columns=columns)


def count(table, name="track"):
    return len(set(table[name]))


def straight(centre, *steps):
    return [(step, centre) for step in steps]


def test_residual_is_the_smoothed_difference_over_the_floor():
    rng = np.random.default_rng(0)
    values, stable = rng.random((30, 20)), rng.random((30, 20))
    floor = 0.05 * values.std()
    smooth = savgol_filter(values, 7, 2, axis=0) - savgol_filter(stable, 7, 2, axis=0)
    np.testing.assert_allclose(
        tracks.residual(values, stable), np.maximum(smooth, floor) - floor, atol=1e-5
    )


def test_residual_of_a_scan_equal_to_its_stable_state_is_nothing():
    values = np.random.default_rng(0).random((10, 8))
    assert not tracks.residual(values, values).any()


def test_residual_refuses_what_does_not_fit():
    with pytest.raises(DataError, match="differ in shape"):
        tracks.residual(np.zeros((9, 5)), np.zeros((9, 4)))
    with pytest.raises(DataError, match="3 spectra are too few"):
        tracks.residual(np.zeros((3, 5)), np.zeros((3, 5)))


def test_opening_is_that_of_scipy():
    mask = np.random.default_rng(0).random((40, 50)) < 0.8
    np.testing.assert_array_equal(tracks.opened(mask), binary_opening(mask, np.ones((3, 3))))
    assert not tracks.opened(np.ones((2, 9), bool)).any()


def test_the_first_stage_takes_two_per_cent_and_none_of_the_floor():
    values = np.zeros((100, 100), np.float32)
    values[20:30, 50:55] = 1 + np.random.default_rng(0).random((10, 5))
    found = tracks.stages(values)
    expected = np.zeros((100, 100), bool)
    expected[20:30, 50:55] = True  # fewer than 200 pixels are over the floor
    np.testing.assert_array_equal(found.first, expected)
    np.testing.assert_array_equal(found.third, expected)
    assert not tracks.stages(np.zeros((50, 50), np.float32)).third.any()


def test_the_first_stage_takes_the_highest():
    values = np.random.default_rng(0).random((100, 100)).astype(np.float32)
    high, highest = tracks._top(values, 96, 98)
    assert high.sum() == 400 and highest.sum() == 200
    assert values[highest].min() > values[~highest].max()


def test_the_second_stage_looks_where_rows_and_columns_were_found():
    values = np.zeros((100, 100), np.float32)
    line(values, slice(10, 60), 20, 10.0)  # 150 px
    line(values, slice(10, 30), 80, 9.0)  # 60 px: most of the two per cent
    line(values, slice(40, 46), 80, 5.0)  # in rows and columns found
    line(values, slice(80, 86), 20, 5.0)  # in columns found only
    line(values, slice(40, 46), 50, 5.0)  # in rows found only
    found = tracks.stages(values)
    assert found.first[15, 80] and not found.first[42, 80]
    assert found.second[42, 80] and not found.second[83, 20] and not found.second[42, 50]
    words = tracks.stages(values, either=True)
    assert words.second[83, 20] and words.second[42, 50]


def test_short_gaps_of_rows_are_filled():
    rows = np.zeros(30, bool)
    rows[[3, 8, 14, 20]] = True  # gaps of 4, 5 and 5 rows
    filled = tracks._filled(rows)
    assert filled[3:9].all() and not filled[9:14].any() and filled[14] and filled[20]


def highest(line_of_values, percentile):
    """Places of the highest positive values of one line, in the plainest way."""
    count = int(len(line_of_values) * (1 - percentile / 100))
    order = np.argsort(line_of_values)[::-1][:count]
    return [place for place in order if line_of_values[place] > 0]


def test_the_third_stage_adds_what_is_high_in_busy_rows_and_columns():
    values = np.zeros((400, 260), np.float32)
    line(values, slice(50, 60), 20, 7.0, 5)
    line(values, slice(60, 66), 20, 1.0, 5)  # too faint for four per cent of all
    line(values, slice(50, 66), 60, 7.0, 5)
    values[200:280, 150:202] = 5.0  # four per cent of all
    values[values > 0] += 0.01 * np.random.default_rng(3).random((values > 0).sum(), np.float32)
    found = tracks.stages(values)
    rows, columns = found.second.sum(1), gaussian_filter1d(found.second.sum(0).astype(float), 5)
    by_row = np.zeros(values.shape, bool)
    by_column = np.zeros(values.shape, bool)
    for t, share in enumerate((rows - rows.min()) / np.ptp(rows)):
        by_row[t, highest(values[t], 96 - 6 * share if share else 100)] = True
    for w, share in enumerate((columns - columns.min()) / np.ptp(columns)):
        by_column[highest(values[:, w], 96 - 6 * share if share else 100), w] = True
    expected = binary_opening(by_row & by_column | found.second, np.ones((3, 3)))
    np.testing.assert_array_equal(found.third, expected)
    assert not found.second[63, 20] and found.third[63, 20]


def test_pixels_are_picked_when_high_in_row_and_column():
    values = np.array([[5, 0, 9], [4, 8, 7], [6, 1, 2]], np.float32)
    picked = tracks._pick(values, np.array([1, 2, 3]), np.array([1, 3, 2]))
    np.testing.assert_array_equal(picked, [[0, 0, 1], [0, 1, 1], [1, 1, 0]])
    none = tracks._pick(values, np.zeros(3, int), np.full(3, 3))
    assert not none.any()


def test_tracks_are_connected_by_edges_and_corners():
    mask = np.zeros((8, 12), bool)
    mask[0:3, 1:4] = True
    mask[3, 4:6] = True  # by a corner
    mask[5:8, 1:3] = True
    table = tracks.tracks(mask)
    assert list(table["track"]) == [0] * 4 + [1] * 3
    assert list(table["step"]) == [0, 1, 2, 3, 5, 6, 7]
    assert list(table["centre_px"]) == [2, 2, 2, 4.5, 1.5, 1.5, 1.5]
    assert table.iloc[3][["first_px", "last_px"]].tolist() == [4, 5]
    assert tracks.tracks(np.zeros((4, 4), bool)).empty


def test_peaks_of_one_track_are_parted_by_more_than_two_pixels():
    mask = np.zeros((2, 14), bool)
    mask[0, :] = True
    mask[1, [0, 1, 3, 7, 8]] = True
    table = tracks.tracks(mask)
    assert table["track"].max() == 0
    assert table.loc[table["step"] == 1, "centre_px"].tolist() == [1.5, 7.5]


def test_zipper_merges_what_is_near_in_both():
    near = peaks(straight(10.0, 1, 2, 3), straight(14.0, 3, 4, 5))
    assert count(zipper.zipped(near)) == 1
    far = peaks(straight(10.0, 1, 2, 3), straight(16.0, 3, 4, 5))
    assert count(zipper.zipped(far)) == 2
    gap = peaks(straight(10.0, 1, 2, 3), straight(10.0, 5, 6))  # one step is missing
    assert count(zipper.zipped(gap)) == 1
    late = peaks(straight(10.0, 1, 2, 3), straight(10.0, 6, 7))
    assert count(zipper.zipped(late)) == 2


def test_zipper_merges_chains():
    table = peaks(straight(10.0, 1, 2), straight(13.0, 2, 3, 4), straight(16.0, 4, 5))
    merged = zipper.zipped(table)
    assert count(merged) == 1
    assert merged["step"].is_monotonic_increasing and len(merged) == len(table)
    assert zipper.zipped(peaks()).empty


def test_separation_is_the_mean_over_windows_that_hold_both():
    a, b = np.array([0, 1, 2]), np.array([2, 3])
    # windows from 0 (steps 0-2), 1 (1-3) and 2 (2-4)
    got = zipper.separation(a, [10.0, 10.0, 13.0], b, [14.0, 15.0])
    expected = (abs(11 - 14) + abs(11.5 - 14.5) + abs(13 - 14.5)) / 3
    assert got == pytest.approx(expected)
    assert zipper.separation([0], [1.0], [5], [1.0]) == np.inf
    assert zipper.separation([0], [1.0], [0], [20.0]) == np.inf  # not in one window


def test_windows_with_too_unequal_tracks_do_not_count():
    many = np.zeros(5, int)
    assert zipper.separation(many, [8.0, 9, 10, 11, 12], [0], [10.0]) == np.inf
    assert zipper.separation(many[:4], [9.0, 9, 11, 11], [0], [10.0]) == pytest.approx(0)


def test_tracks_are_numbered_by_their_first_step():
    table = peaks(straight(50.0, 8, 9), straight(10.0, 1, 2), straight(12.0, 2, 3))
    merged = zipper.zipped(table)
    assert merged.groupby("track")["step"].min().tolist() == [1, 8]


def test_events_are_tracks_that_share_seven_tenths():
    both = peaks(straight(10.0, *range(10)), straight(90.0, *range(3, 10)))
    assert events.with_events(both)["event"].tolist() == [0] * 17
    less = peaks(straight(10.0, *range(10)), straight(90.0, *range(4, 10)))
    assert count(events.with_events(less), "event") == 2
    gaps = peaks(straight(10.0, *range(10)), straight(90.0, 0, 1, 2, 3, 4, 8, 9))
    assert count(events.with_events(gaps), "event") == 1
    assert events.with_events(peaks()).empty


def test_events_join_through_a_third_track():
    table = peaks(
        straight(10.0, *range(10)), straight(50.0, *range(2, 12)), straight(90.0, *range(4, 14))
    )
    grouped = events.with_events(table)
    assert count(grouped, "event") == 1
    listed = events.events(grouped)
    assert listed.iloc[0].to_dict() == {"event": 0, "first_step": 0, "last_step": 13, "tracks": 3}


def test_events_of_one_track_are_left_out_unless_asked_for():
    table = events.with_events(
        peaks(straight(10.0, 20, 21), straight(5.0, 1, 2, 3), straight(50.0, 1, 2, 3))
    )
    assert events.events(table)["first_step"].tolist() == [1]
    assert events.events(table, fewest=1)["tracks"].tolist() == [2, 1]
    assert events.events(table.iloc[:0]).empty


def test_event_spectra_are_normalised_means():
    over = np.zeros((6, 4), np.float32)
    over[2:4, 1], over[2, 3] = 3, 2
    listed = pd.DataFrame({"first_step": [2], "last_step": [3]})
    np.testing.assert_allclose(events.spectra(over, listed), [[0, 0.75, 0, 0.25]])
    assert events.spectra(over, listed.iloc[:0]).shape == (0, 4)


def test_a_scan_from_residual_to_events():
    rng = np.random.default_rng(0)
    stable = np.tile(0.3 + 0.1 * np.sin(np.arange(256) / 20), (300, 1))
    values = stable + rng.normal(0, 0.01, stable.shape)
    for column in (40, 120, 200):
        line(values, slice(100, 140), column, 0.2, 5)
    over = tracks.residual(values, stable)
    merged = zipper.zipped(tracks.tracks(tracks.stages(over).third))
    listed = events.events(events.with_events(merged))
    largest = listed.loc[listed["tracks"].idxmax()]
    assert abs(largest["first_step"] - 100) <= 2 and abs(largest["last_step"] - 139) <= 2
    assert largest["tracks"] == 3
