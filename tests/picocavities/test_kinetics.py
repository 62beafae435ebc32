"""Shares of sides, formation times, lives and suppression from tables with known answers."""

import numpy as np
import pandas as pd
import pytest

from helpers.picocavities import kinetics
from helpers.registry import DataError


def table(**columns):
    return pd.DataFrame(columns)


def test_shares_by_events_and_by_spectra():
    events = table(
        scan=[0, 0, 1, 2], side=["NP", "substrate", "substrate", "substrate"],
        first_step=[0, 10, 0, 5], last_step=[9, 39, 19, 44],
    )  # fmt: skip
    found = kinetics.side_shares(np.random.default_rng(0), events)
    assert found.loc["events", ["NP", "substrate", "share_NP"]].tolist() == [1, 3, 0.25]
    assert found.loc["spectra", ["NP", "substrate", "share_NP"]].tolist() == [10, 90, 0.1]
    assert (found["low"] <= found["share_NP"]).all() and (found["share_NP"] <= found["high"]).all()
    assert found.loc["spectra", "low"] == 0  # scan 0 may not be drawn


def test_the_papers_counts_give_its_shares_of_events_but_not_of_spectra():
    # homemade Au-Au: 19 events of 976 spectra on the particle, 53 of 4511 on the substrate
    steps = np.r_[np.full(18, 51), 976 - 18 * 51, np.full(52, 85), 4511 - 52 * 85]
    events = table(
        scan=range(72), side=["NP"] * 19 + ["substrate"] * 53, first_step=0, last_step=steps - 1
    )
    found = kinetics.side_shares(np.random.default_rng(0), events)["share_NP"]
    assert found["events"] == pytest.approx(0.264, abs=0.001)
    assert found["spectra"] == pytest.approx(0.178, abs=0.001)  # the text says 15:85


def test_intervals_of_spectra_hold_the_truth_although_spectra_of_an_event_hang_together():
    rng, inside = np.random.default_rng(1), []
    for _ in range(100):
        on_np = rng.random(80) < 0.3
        steps = rng.geometric(np.where(on_np, 1 / 50, 1 / 20))
        side = np.where(on_np, "NP", "substrate")
        events = table(scan=range(80), side=side, first_step=0, last_step=steps - 1)
        row = kinetics.side_shares(rng, events, draws=200).loc["spectra"]
        inside.append(row["low"] < 15 / 29 < row["high"])
    assert 0.86 < np.mean(inside) <= 1


def test_scans_without_event_are_censored_at_their_end():
    events = table(scan=[3, 3, 5], start_s=[20.0, 7.0, 30.0])
    times = kinetics.first_formations(events, [3, 4, 5], 35.0)
    assert times["time_s"].tolist() == [7, 35, 30] and times["seen"].tolist() == [True, False, True]
    found = kinetics.formation_times(times.assign(power_uw=1.0), ["power_uw"]).iloc[0]
    assert found["mean_s"] == 72 / 2 and found["dropped_s"] == 37 / 2
    assert (found["scans"], found["seen"], found["median_s"]) == (3, 2, 30)
    with pytest.raises(DataError, match="not listed"):
        kinetics.first_formations(events, [3, 4], 35.0)


def test_scans_of_a_particle_can_be_joined():
    times = table(
        scan=range(5), particle=list("aabba"), time_s=[35.0, 35, 35, 4, 9],
        seen=[False, False, False, True, True],
    )  # fmt: skip
    found = kinetics.joined(times, 35.0).set_index("particle")
    assert found["time_s"].to_dict() == {"a": 79, "b": 39} and found["seen"].all()
    none = kinetics.joined(times.assign(seen=False, time_s=35.0), 35.0).set_index("particle")
    assert none["time_s"].to_dict() == {"a": 105, "b": 70} and not none["seen"].any()


def test_formation_times_and_exponent_come_back():
    rng, rows = np.random.default_rng(2), []
    for power in (447.0, 564.0, 709.0):
        time = rng.exponential(100 * (564 / power) ** 0.7, 4000)
        rows.append(table(power_uw=power, time_s=np.minimum(time, 35), seen=time < 35))
    times = pd.concat(rows)
    found = kinetics.formation_times(times, ["power_uw"]).set_index("power_uw")
    assert found.loc[564.0, "mean_s"] == pytest.approx(100, rel=0.08)
    assert found.loc[564.0, "low_s"] < 100 < found.loc[564.0, "high_s"]
    expected = kinetics.expected_if_dropped(100, 35)
    assert found.loc[564.0, "dropped_s"] == pytest.approx(expected, rel=0.03)
    assert expected == pytest.approx(16.5, abs=0.05)
    exponent, rate = kinetics.power_exponent(times, 564.0)
    assert exponent.low < 0.7 < exponent.high and exponent.high - exponent.low < 0.5
    assert rate.value == pytest.approx(0.01, rel=0.06) and rate.low < rate.value < rate.high
    with pytest.raises(DataError, match="fewer than two powers"):
        kinetics.power_exponent(times[times["power_uw"] == 447], 564.0)


def test_lives_cut_by_the_end_of_the_scan_count():
    rng = np.random.default_rng(3)
    life, left = rng.exponential(5, 4000), rng.uniform(0, 20, 4000)
    events = table(side="NP", duration_s=np.minimum(life, left), ended=life < left)
    found = kinetics.lifetimes(events).iloc[0]
    assert found["low_s"] < 5 < found["high_s"]
    assert found["dropped_s"] < 4.5 and found["ended"] == (life < left).sum()


def test_suppression_is_recovered_from_samples_measured_at_other_powers():
    rng, inside = np.random.default_rng(4), []
    for _ in range(200):
        parts = []
        for powers, rate in (((50.0, 100.0), 0.0034), ((100.0, 150.0, 200.0), 0.033)):
            time_s = np.full(len(powers), 3e4)
            mean = rate * (np.array(powers) / 100) ** 0.7 * time_s
            parts.append(table(power_uw=powers, count=rng.poisson(mean), time_s=time_s))
        found = kinetics.suppression(*parts)
        inside.append(found.low < 0.0034 / 0.033 < found.high)
    assert 0.9 < np.mean(inside) <= 0.99
    with pytest.raises(DataError, match="no ratio"):
        kinetics.suppression(parts[0].assign(count=0), parts[1])


def test_adatoms_that_come_back_form_once():
    events = table(scan=[0, 0, 2], repeat_of=[-1, 0, -1])
    scans = table(scan=[0, 1, 2], power_uw=[50.0, 50, 200])
    found = kinetics.formations(events, scans, 100.0)
    assert found["power_uw"].tolist() == [50, 200]
    assert found["count"].tolist() == [1, 1] and found["time_s"].tolist() == [200, 100]


def test_shares_of_scans_have_wider_intervals_over_particles_than_over_scans():
    rng = np.random.default_rng(5)
    rows = [
        table(variety="Au-Au", power_uw=50.0, particle=str(p), picocavity=[hit] * 10)
        for p, hit in enumerate(rng.random(40) < 0.7)
    ]
    index = pd.concat(rows)
    found = kinetics.scans_with_picocavity(rng, index).iloc[0]
    assert (found["scans"], found["particles"]) == (400, 40)
    assert found["share"] == index["picocavity"].mean()
    assert found["high"] - found["low"] > 2 * (found["wilson_high"] - found["wilson_low"])


def test_sides_that_are_none_are_refused():
    with pytest.raises(DataError, match="no events"):
        kinetics.side_shares(np.random.default_rng(0), table(side=[], scan=[]))
    events = table(scan=[0], side=["top"], first_step=0, last_step=1)
    with pytest.raises(DataError, match="top"):
        kinetics.side_shares(np.random.default_rng(0), events)
