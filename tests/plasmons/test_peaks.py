"""Peaks of loss spectra, intervals of predictions and windows unlike the training set."""

import numpy as np
import pytest

from helpers.data import DataError
from helpers.plasmons import intervals, peaks, unlike
from helpers.plasmons.exploration import REGIONS

ENERGY = np.arange(40, 240) * 0.005


def line(centre, width, height, mixing=0.5):
    offset = ((ENERGY - centre) / width) ** 2
    shape = mixing / (1 + 4 * offset) + (1 - mixing) * np.exp(-4 * np.log(2) * offset)
    return height * shape


def test_three_peaks_are_found_to_a_millielectronvolt():
    spectrum = line(0.55, 0.16, 4e-3) + line(0.76, 0.11, 2e-3) + line(0.90, 0.08, 3e-3)
    found = peaks.fit_peaks(spectrum, ENERGY)
    assert np.abs(found.energy_mev[0] - [550, 760, 900]).max() < 1
    assert np.abs(found.width_mev[0] - [160, 110, 80]).max() < 2
    area = [line(c, w, h).sum() * 0.005 for c, w, h in ((0.76, 0.11, 2e-3),)]
    assert found.area[0, 1] == pytest.approx(area[0], rel=0.05)  # wings end with the axis
    assert found.resolved.all() and found.misfit[0] < 1e-3
    assert np.allclose(peaks.model_spectra(found, ENERGY)[0], spectrum, atol=2e-5)


def test_a_peak_that_is_not_there_is_not_resolved():
    found = peaks.fit_peaks(line(0.55, 0.16, 1.0) + line(0.76, 0.11, 0.5), ENERGY)
    assert found.resolved[0].tolist() == [True, True, False]
    alone = peaks.fit_peaks(line(0.55, 0.16, 1.0), ENERGY)
    assert alone.resolved[0].tolist() == [True, False, False]


def test_peak_errors_count_only_what_both_show():
    low, middle = line(0.55, 0.16, 1.0), line(0.76, 0.11, 0.5)
    true = peaks.fit_peaks(np.stack([low + middle, low + middle, low]), ENERGY)
    moved = line(0.56, 0.16, 1.1)
    found = peaks.fit_peaks(np.stack([moved + middle, moved, moved + middle]), ENERGY)
    table = peaks.peak_errors(found, true).set_index("peak")
    assert table.pairs.to_list() == [3, 1, 0]
    assert table.shift_mev["low"] == pytest.approx(10, abs=1)
    assert table.missed["middle"] == 0.5 and table.invented["middle"] == 1
    assert np.isnan(table.energy_mev["bulk"])


def test_peaks_need_their_energies():
    with pytest.raises(DataError, match="0.96 eV"):
        peaks.fit_peaks(np.ones((1, 50)), ENERGY[:50])


def test_gaps_near_a_hole_are_edges():
    found = np.full((40, 60), REGIONS.index("gap"))
    found[:, :10] = REGIONS.index("hole")
    place = peaks.places(found, 2.0)
    assert place[0, 0] == peaks.PLACES.index("void")
    assert place[0, 12] == peaks.PLACES.index("edge")
    assert place[0, 40] == peaks.PLACES.index("gap")


@pytest.fixture
def draws():
    """Predictions whose spread tells the size of their errors: mean, spread, true."""
    rng = np.random.default_rng(0)
    spread = rng.choice([0.1, 1.0], (4000, 5))
    mean = rng.normal(size=spread.shape)
    return mean, spread, mean + 3 * spread * rng.normal(size=spread.shape)


def test_scaled_intervals_hold_what_they_promise(draws):
    fit, new = [part[:2000] for part in draws], [part[2000:] for part in draws]
    scaling = intervals.fit_scaling(*fit)
    for level in intervals.LEVELS:
        share = intervals.covered(scaling.interval(*new[:2], level), new[2])
        assert share.mean() == pytest.approx(level, abs=0.02)
    # taken for a standard deviation the spread holds far too little
    raw = intervals.covered(intervals.gaussian(*new[:2], 0.95), new[2])
    assert raw.mean() < 0.6


def test_one_width_for_all_covers_on_average_only(draws):
    fit, new = [part[:2000] for part in draws], [part[2000:] for part in draws]
    scaling = intervals.fit_scaling(*fit, constant=True)
    held = intervals.covered(scaling.interval(*new[:2], 0.68), new[2])
    sure = new[1] < 0.5
    assert held.mean() == pytest.approx(0.68, abs=0.03)
    assert held[sure].mean() > 0.95 and held[~sure].mean() < 0.5


def test_intervals_need_enough_pairs(draws):
    with pytest.raises(DataError, match="at least 20"):
        intervals.fit_scaling(*[part[:10] for part in draws])
    with pytest.raises(ValueError, match="level"):
        intervals.fit_scaling(*draws).interval(*draws[:2], 0.5)


def test_unlike_windows_are_flagged():
    rng = np.random.default_rng(0)
    film = np.repeat(np.arange(4), 200)
    ramp = np.linspace(0, 1, 16)

    def windows(number):
        waves = np.sin(8 * ramp + rng.uniform(0, 6, (number, 1)))
        return (waves[:, None] * waves[:, :, None] + 1) / 2 + 0.01 * rng.normal(
            size=(number, 16, 16)
        )

    familiar = unlike.Familiar(windows(800), film, components=6)
    assert familiar.unlike(windows(300)).mean() < 0.15
    assert familiar.unlike(1 - windows(300)).mean() > 0.9
    assert familiar.unlike(rng.random((50, 16, 16))).all()
    with pytest.raises(DataError, match="one spectrum image"):
        unlike.Familiar(windows(800), film * 0)
