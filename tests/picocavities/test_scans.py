"""Simulated scans: what is promised in the truth is what is in the counts."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.interpolate import interp1d

from helpers.picocavities import formations, scans
from helpers.picocavities.configurations import (
    SCALES,
    WINDOW,
    configurations,
    scaled_wavenumbers,
)
from helpers.picocavities.molecule import shipped
from helpers.picocavities.preprocess import GRID, preprocess
from helpers.picocavities.varieties import FIRST, POWER_EXPONENT, SECOND, VARIETIES
from helpers.registry import DataError


@pytest.fixture(scope="module")
def thiolate():
    return shipped("Au", "xtb")


@pytest.fixture(scope="module")
def ways(thiolate):
    return configurations(np.random.default_rng(0), thiolate)


@pytest.fixture(scope="module")
def many(thiolate, ways):
    """Forty scans of one variety: 4000 s."""
    return [
        scans.scan(np.random.default_rng([7, seed]), thiolate, ways, "Au-Au") for seed in range(40)
    ]


def test_configurations_are_on_both_sides_with_lines_in_the_window(thiolate, ways):
    assert [one.side for one in ways] == ["substrate"] * 4 + ["NP"] * 2
    assert [one.number for one in ways] == list(range(6))
    for side in ("substrate", "NP"):
        assert sum(one.share for one in ways if one.side == side) == pytest.approx(1)
    scaled = scaled_wavenumbers(thiolate)
    for one in ways:
        assert 3 <= len(one.wavenumbers) <= 8 and one.strengths.max() == 1
        assert (np.diff(one.wavenumbers) >= 0).all()
        assert WINDOW[0] <= one.wavenumbers[0] and one.wavenumbers[-1] <= WINDOW[1]
        assert np.abs(one.wavenumbers - scaled[one.modes]).max() < 40
        assert (one.adatom_A[2] > 0) == (one.side == "NP")


def test_strong_lines_of_the_free_molecule_are_near_the_measured_ones():
    free = shipped("H", "xtb")
    scaled = scaled_wavenumbers(free)
    strong = scaled[np.argsort(free.activity * (scaled < 1650))[::-1][:2]]
    np.testing.assert_allclose(np.sort(strong), [1280, 1585], atol=20)
    with pytest.raises(DataError, match="No scale for HF"):
        scaled_wavenumbers(replace(free, method="HF"))
    assert all(0.9 < scale <= 1 for scale in SCALES.values())


def test_counts_are_the_truth_with_dark_counts_and_noise(many):
    one = next(scan for scan in many if len(scan.events) > 1)
    expected = one.stable + one.picocavity + 300.0
    off = (one.counts.values - expected) / np.sqrt(expected + 36)
    assert abs(off.mean()) < 0.01 and off.std() == pytest.approx(1, abs=0.01)


def test_picocavity_counts_are_the_lines_of_the_table(many):
    one = next(scan for scan in many if len(scan.events) == 1)
    event = one.events.iloc[0]
    steps = np.arange(event["first_step"], event["last_step"] + 1)
    outside = np.setdiff1d(np.arange(500), steps)
    assert (one.picocavity[outside] == 0).all()
    axis = one.counts["wavenumber"].values
    for step, rows in one.lines.groupby("step"):
        width = formations.SINGLE_WIDTH_CM + SECOND.width_cm
        shapes = 1 / (1 + (2 * (axis - rows["wavenumber_cm"].values[:, None]) / width) ** 2)
        np.testing.assert_allclose(
            one.picocavity[step], rows["peak_counts"].values @ shapes, rtol=1e-4, atol=1e-2
        )
    assert sorted(one.lines["step"].unique()) == list(steps)


def test_rates_shares_and_lives_are_those_of_the_variety(many):
    kind = VARIETIES["Au-Au"]
    time_s = 40 * SECOND.step_s * SECOND.steps
    tables = [scan.events for scan in many]
    fresh = [table[table["repeat_of"] == -1] for table in tables]
    for side, rate in kind.rates_per_s.items():
        formed = sum((table["side"] == side).sum() for table in fresh)
        assert abs(formed - rate * time_s) < 4 * np.sqrt(rate * time_s)
        here = [table[table["side"] == side] for table in tables]
        ended = sum(table["ended"].sum() for table in here)
        life = sum(table["duration_s"].sum() for table in here) / ended  # censored ones counted
        assert abs(life - kind.lives_s[side]) < 4 * life / np.sqrt(ended)
    first = np.array([scan.formation_s for scan in many])
    assert (first[np.isfinite(first)] < 100).all()


def test_some_picocavities_come_back_as_they_were(many):
    returned = [
        (table.iloc[row["repeat_of"]], row)
        for table in (scan.events for scan in many)
        for _, row in table[table["repeat_of"] >= 0].iterrows()
    ]
    fresh = sum((scan.events["repeat_of"] == -1).sum() for scan in many)
    assert 0.08 * fresh < len(returned) < 0.35 * fresh
    for before, after in returned:
        assert before["configuration"] == after["configuration"]
        pause = (after["start_s"] - before["start_s"] - before["duration_s"]) / SECOND.step_s
        assert 9.9 < pause < 100.1


def test_lines_of_one_event_blink_together(many):
    lines = next(scan.lines for scan in many if (scan.lines["peak_counts"] == 0).any())
    dark = lines.assign(dark=lines["peak_counts"] == 0).groupby(["event", "step"])["dark"]
    assert (dark.all() == dark.any()).all()


def test_lines_wander_and_stay_near_their_place(many, ways):
    for one in many[:10]:
        for _, event in one.events.iterrows():
            lines = one.lines[one.lines["event"] == event["event"]]
            home = ways[event["configuration"]].wavenumbers[lines["line"]]
            off = lines["wavenumber_cm"] - home
            assert off.abs().max() < 6 * formations.WANDER_CM
            assert (off[lines["step"] == event["first_step"]] == 0).all()


def test_a_scan_without_events_has_none_and_a_seed_gives_the_same_scan(thiolate, ways):
    quiet, again = (
        scans.scan(np.random.default_rng(3), thiolate, ways, events=False) for _ in range(2)
    )
    assert quiet.counts.equals(again.counts)
    assert len(quiet.events) == len(quiet.lines) == 0 and not quiet.picocavity.any()
    assert quiet.formation_s == np.inf
    assert quiet.counts.shape == (1000, 640)
    assert quiet.counts["time"].values[1] == pytest.approx(0.035)


def test_scans_pass_the_preprocessing(many):
    done = preprocess(many[0].counts)
    assert done.shape == (500, 512) and (done["wavenumber"].values == GRID).all()


def test_power_makes_picocavities_form_faster_and_scans_brighter(thiolate, ways):
    kind = VARIETIES["Au-Pd/Au"]
    low, high = kind.rates(50), kind.rates(200)
    assert high["NP"] / low["NP"] == pytest.approx(4**POWER_EXPONENT)
    dim, bright = (
        scans.scan(np.random.default_rng(0), thiolate, ways, "Au-Pd/Au", power, events=False)
        for power in (50.0, 200.0)
    )
    assert bright.stable[0].max() == pytest.approx(4 * dim.stable[0].max(), rel=1e-3)


@pytest.mark.parametrize(("variety", "published"), [("commercial", 2.3e-3), ("Au-Au", 4.8e-4)])
def test_noise_of_scaled_scans_is_of_the_order_of_the_published_loss(
    thiolate, ways, variety, published
):
    left = []
    for seed, power in enumerate(VARIETIES[variety].powers_uw):
        rng = np.random.default_rng(seed)
        one = scans.scan(rng, thiolate, ways, variety, power, events=False)
        done = preprocess(one.counts)
        clean = interp1d(one.counts["wavenumber"], one.stable, kind="cubic")(GRID)
        clean = (clean - done.attrs["lowest_counts"]) / done.attrs["counts_per_unit"]
        left.append(((done.values - clean) ** 2).mean())
    assert published / 2 < np.mean(left) < published * 1.5


def test_the_second_instrument_resolves_more(thiolate):
    for instrument in (FIRST, SECOND):
        axis = instrument.wavenumbers
        assert (np.diff(axis) > 0).all() and axis[0] < GRID[0] and axis[-1] > GRID[-1]
        assert np.diff(axis)[0] > np.diff(axis)[-1]
    wide, narrow = (
        scans.gap_spectrum(thiolate, GRID, scans.GAP_WIDTH_CM + instrument.width_cm)
        for instrument in (FIRST, SECOND)
    )
    assert (narrow > 0.5).sum() < (wide > 0.5).sum()


def test_shares_on_the_nanoparticle_are_the_papers():
    shares = [kind.share_np for kind in VARIETIES.values()]
    np.testing.assert_allclose(shares, [0.24, 0.264, 0.88, 0.19], atol=0.005)


def test_requests_that_make_no_sense_are_refused(thiolate, ways):
    rng = np.random.default_rng(0)
    with pytest.raises(DataError, match="variety is 'Ag-Ag'"):
        scans.scan(rng, thiolate, ways, "Ag-Ag")
    with pytest.raises(DataError, match="power_uw is -1"):
        scans.scan(rng, thiolate, ways, power_uw=-1)
    with pytest.raises(DataError, match="No configuration is on the side"):
        scans.scan(rng, thiolate, [one for one in ways if one.side == "NP"])
