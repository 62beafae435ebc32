"""Films, their losses and their records."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from helpers.data import DataError
from helpers.plasmons import arrays, recording, simulate
from helpers.plasmons.electron import Beam
from helpers.registry import ROOT

ENERGY = np.arange(0.3, 1.1, 0.01)


def two(distance, power=2.0, angle=0.0):
    table = pd.DataFrame({"x_nm": [0, distance], "y_nm": 0.0, "side_nm": 13.0, "angle_deg": angle})
    return arrays.ParticleArray(table, (1, 1), 1.0, power)


def test_films_differ_by_seed_alone_and_no_two_cubes_touch():
    first, again, other = (arrays.draw_array(seed) for seed in (5, 5, 6))
    pd.testing.assert_frame_equal(first.particles, again.particles)
    assert len(first.particles) != len(other.particles)
    for seed in range(8):
        film = arrays.draw_array(seed)
        assert 35 < len(film.particles) < 90
        place = film.particles[["x_nm", "y_nm"]].to_numpy()
        gaps = np.hypot(*(place[:, None] - place[None]).T)
        np.fill_diagonal(gaps, np.inf)
        side = film.particles.side_nm.to_numpy()
        least = np.add.outer(side, side) / 2
        assert (gaps > least).all()
        bare = (film.thickness_nm() < 0.5).mean()
        assert 0.3 < bare < 0.7  # gaps, hole and outside


def test_a_film_needs_room():
    with pytest.raises(DataError, match="need at least 62 nm"):
        arrays.draw_array(0, shape=(20, 20))
    with pytest.raises(DataError, match="must be positive"):
        arrays.draw_array(0, pixel_nm=-1)


def test_spheres_far_apart_do_not_know_of_each_other():
    factors = simulate.film_modes(two(400))[True].factors
    assert factors[:4] == pytest.approx(1 / 3, rel=0.003)
    pair = simulate.film_modes(two(15.5))[True].factors
    assert pair[0] == pytest.approx(0.2647, abs=0.002)  # multipole expansion to degree 40


def test_turning_everything_changes_nothing():
    straight = two(15.5, power=8.0)
    angle = np.deg2rad(30)
    turned = straight.particles.assign(
        x_nm=[0, 15.5 * np.cos(angle)], y_nm=[0, 15.5 * np.sin(angle)], angle_deg=30.0
    )
    at = np.array([7.75, 9.0])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    first = simulate.loss_probability(straight, ENERGY, [at])
    second = simulate.loss_probability(replace(straight, particles=turned), ENERGY, [turn @ at])
    assert second == pytest.approx(first, rel=0.02, abs=1e-5)


def test_coupling_red_shifts_the_gap_and_bulk_shows_inside_only():
    cubes = two(15.5, power=8.0)
    end, inside = simulate.loss_probability(cubes, ENERGY, [[-9.0, 0.0], [0.0, 0.0]])
    alone = replace(cubes, particles=cubes.particles[:1])
    single = simulate.loss_probability(alone, ENERGY, [[-9.0, 0.0]])[0]
    assert ENERGY[end.argmax()] < ENERGY[single.argmax()]
    at = np.abs(ENERGY - 0.9).argmin()
    assert inside[at] > 5 * end[at]


def test_the_field_of_a_faster_electron_reaches_farther():
    cubes = two(15.5, power=8.0)
    places = [[-9.0, 0.0], [-80.0, 0.0]]
    near, far = (
        simulate.loss_probability(cubes, ENERGY, places, Beam(kv)).max(1) for kv in (30, 200)
    )
    assert far[1] / far[0] > near[1] / near[0]


def test_bad_energies_and_empty_films_are_refused():
    with pytest.raises(DataError, match="must increase"):
        simulate.loss_probability(two(15.5), [0.5, 0.4])
    nothing = replace(two(15.5), particles=two(15.5).particles[:0])
    with pytest.raises(DataError, match="no particle"):
        simulate.loss_probability(nothing, ENERGY)


def test_a_record_holds_what_was_put_in(small):
    energy = small.counts.energy.to_numpy()
    assert small.counts.shape == (34, 36, 280)
    assert {part.dtype for part in (small.counts, small.haadf, small.loss)} == {np.dtype("f4")}
    assert (energy > 0.1999).sum() == 200
    expected = small.instrument.electrons * np.exp(-small.thickness_nm / 80)
    total = small.counts.to_numpy()[..., np.abs(energy) < 0.06].sum(-1)
    assert total == pytest.approx(expected, rel=0.03)
    thick = small.thickness_nm
    assert np.corrcoef(small.haadf.to_numpy().ravel(), thick.ravel())[0, 1] > 0.98
    assert small.loss.to_numpy().min() >= 0
    peak = small.loss.sel(energy=slice(0.3, None)).mean(("y", "x")).idxmax("energy")
    assert 0.5 < float(peak) < 0.65


def test_resolution_is_that_of_the_instrument():
    energy = np.arange(-0.1, 0.1, 0.0005)
    profile = recording.Instrument().zero_loss(energy)
    above = energy[profile > profile.max() / 2]
    assert above[-1] - above[0] == pytest.approx(0.040, abs=0.002)


def test_the_shipped_validation_keeps_its_promises():
    table = pd.read_csv(ROOT / "data" / "ch04" / "validation.csv")
    spheres = table[table.case.str.contains("sphere") & (table.quantity == "peak")]
    assert len(spheres) == 5
    assert spheres.difference.abs().max() < 0.003
    cubes = table[table.case.str.startswith("cube")]  # against pyGDM2
    peaks = cubes[cubes.quantity == "peak"]
    assert len(peaks) == 4
    assert peaks.difference.abs().max() < 0.020
    heights = cubes[cubes.quantity == "height"]
    assert (heights.ours / heights.other).between(0.95, 1.05).all()
