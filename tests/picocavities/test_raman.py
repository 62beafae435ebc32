"""Atom-resolved Raman tensors and what follows from them."""

import numpy as np
import pytest

from helpers.picocavities import raman
from helpers.picocavities.vibrations import BOHR_A

RNG = np.random.default_rng(0)


def test_tensors_are_those_of_an_energy_written_down():
    """E = x.(c - m F - F T F / 2) per coordinate: g = c - m F - F T F / 2."""
    true = RNG.normal(size=(4, 3, 3, 3))
    true = true + np.swapaxes(true, -1, -2)
    alpha = np.diag([1.0, 2.0, 5.0])

    def in_field(field):
        gradient = 0.1 - 0.3 * field.sum() - np.einsum("acij,i,j->ac", true, field, field) / 2
        return gradient, alpha @ field

    tensors, polarisability = raman.atom_tensors(in_field)
    np.testing.assert_allclose(tensors, true * BOHR_A**2, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(polarisability, alpha * BOHR_A**3)


def test_sum_rules_hold_for_rigid_response_and_see_what_breaks_them():
    """Two atoms that share a polarisability along their bond, which turns with it."""
    bond, size = 1.7, 4.0
    places = np.array([[0, 0, 0], [0, 0, bond]])
    tensors = np.zeros((2, 3, 3, 3))
    for c in (0, 1):  # moving the upper atom sideways turns the bond by 1 / bond
        tensors[1, c, c, 2] = tensors[1, c, 2, c] = size / bond
    tensors[0] = -tensors[1]
    alpha = np.diag([0.0, 0, size])
    np.testing.assert_allclose(raman.broken_sum_rules(places, tensors, alpha), 0, atol=1e-12)
    assert raman.broken_sum_rules(places, -tensors, alpha)[1] == pytest.approx(2)
    tensors[0] = 0
    assert raman.broken_sum_rules(places, tensors, alpha)[0] == pytest.approx(1)


def test_activity_of_textbook_tensors():
    assert raman.activity(np.eye(3)) == pytest.approx(45)  # isotropic: a = 1, g = 0
    assert raman.activity(np.diag([1.0, 0, 0])) == pytest.approx(45 / 9 + 7)
    shear = np.zeros((3, 3))
    shear[0, 1] = shear[1, 0] = 1
    assert raman.activity(shear) == pytest.approx(7 * 3)


def test_stokes_factor_is_one_at_1000_and_rises_to_soft_modes():
    wavenumbers = np.array([300.0, 1000.0, 1600.0])
    factor = raman.stokes_factor(wavenumbers)
    assert factor[1] == pytest.approx(1)
    assert factor[0] > 3 > 1 > factor[2]
