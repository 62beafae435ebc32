"""Modes of one particle against what is known exactly."""

import numpy as np
import pytest

from helpers.plasmons import electron, particle, permittivity


def test_a_sphere_has_its_multipoles():
    found = particle.modes(2.0)
    exact = np.sort(np.concatenate([[n / (2 * n + 1)] * (2 * n + 1) for n in range(1, 6)]))
    assert np.sort(found.factors)[:15] == pytest.approx(exact[:15], rel=0.005)
    assert np.sort(found.factors) == pytest.approx(exact, rel=0.03)
    assert particle.polarisability(found, np.inf) == pytest.approx(3, rel=0.005)
    assert particle.polarisability(found, 0.0) == pytest.approx(-1.5, rel=0.005)


def test_sharper_cubes_approach_the_ideal_one():
    value = [particle.polarisability(particle.modes(p, 7, 12), np.inf) for p in (2.0, 8.0, 16.0)]
    assert value[0] < value[1] < value[2] < 3.6442  # Sihvola et al. 2004
    assert value[2] == pytest.approx(3.49, abs=0.03)


def test_harmonics_are_harmonic_with_right_gradients_and_parities():
    places = np.random.default_rng(0).normal(size=(6, 3))
    values, gradients, parity = particle.solid_harmonics(places, 5)
    assert values.shape == (6, 35)
    laplacian = np.zeros_like(values)
    for axis in range(3):
        move = np.zeros(3)
        move[axis] = 1e-4
        above = particle.solid_harmonics(places + move, 5)
        below = particle.solid_harmonics(places - move, 5)
        slope = (above[0] - below[0]) / 2e-4
        assert slope == pytest.approx(gradients[..., axis], abs=1e-5)
        laplacian += (above[1] - below[1])[..., axis] / 2e-4
        mirrored = particle.solid_harmonics(places * np.where(move > 0, -1, 1), 5)[0]
        assert mirrored == pytest.approx(values * parity[:, axis])
    assert np.abs(laplacian).max() < 1e-4


def test_modes_have_unit_norm_and_no_net_charge():
    found = particle.modes()
    assert np.abs(found.charges.sum(0)).max() < 1e-2 * np.abs(found.charges).sum(0).max()
    assert ((found.factors > 0) & (found.factors < 1)).all()
    up = found.parity[:, 2] > 0
    assert up[:20].all() and not up[20:].any()


@pytest.mark.parametrize("decay", [0.03, 0.15])
def test_couplings_from_table_and_series_are_the_sums_over_charges(decay):
    x, y = np.random.default_rng(1).uniform(-2.5, 2.5, (2, 300))
    quick = electron.couple(x, y, decay, 1.117)
    full = electron.exact(particle.modes(), x, y, decay, 1.117)
    far = np.maximum(abs(x), abs(y)) > electron.NEAR
    assert np.abs(quick - full)[far].max() < 0.005 * np.abs(full).max()
    assert np.sqrt(((quick - full) ** 2).sum() / (full**2).sum()) < 0.01


def test_a_beam_through_the_middle_moves_no_dipole_in_the_plane():
    found = particle.modes()
    coupled = electron.couple([0.0, 0.6], [0.0, 0.0], 0.1, 1.1)
    dipoles = (found.parity == [-1, 1, 1]).all(1)
    assert np.abs(coupled[0, dipoles]).max() < 1e-9
    assert np.abs(coupled[1, dipoles]).max() > 0.5


def test_bulk_plasmon_only_inside_and_weaker_at_the_border():
    strength = electron.bulk_strength([0.0, 0.3, 0.45, 0.7], [0.0, 0.0, 0.0, 0.0], 20.0)
    assert strength[3] == 0
    assert strength[0] > strength[1] > strength[2] > 0


def test_resonances_lie_where_the_response_is_largest():
    energy = np.arange(0.2, 1.2, 0.001)
    for factor in (0.2, 1 / 3, 1.0):
        found = permittivity.response(energy, [factor], damping_ev=0.02)[0]
        expected = permittivity.resonance_ev(factor)
        assert energy[found.argmax()] == pytest.approx(expected, abs=0.002)
    assert permittivity.resonance_ev(1.0) == pytest.approx(0.9)
    loss = (-1 / permittivity.drude(energy)).imag
    assert permittivity.response(energy, [1.0])[0] == pytest.approx(loss)


def test_thickness_is_that_of_the_surface():
    surface = particle.superellipsoid(8.0, 24)
    top = surface.points[:, 2] > 0
    x, y, z = surface.points[top].T
    assert particle.thickness(x, y, 8.0) == pytest.approx(2 * z, abs=1e-6)
    assert particle.superellipsoid(2.0).areas.sum() == pytest.approx(np.pi, rel=0.01)


def test_electrons_at_60_kv():
    beam = electron.Beam()
    assert beam.beta == pytest.approx(0.446, abs=5e-4)
    assert beam.gamma == pytest.approx(1.117, abs=5e-4)
    assert 1 / beam.per_nm(1.0) == pytest.approx(88, abs=0.5)
