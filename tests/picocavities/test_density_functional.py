"""The DFT engine on water: the field terms of the gradient, against dipole moments."""

import importlib.util

import numpy as np
import pytest

pytest.importorskip("pyscf", reason="PySCF makes the shipped molecules; nothing else needs it")
from helpers.picocavities import raman, tight_binding
from helpers.picocavities.density_functional import gradient_and_dipole
from helpers.registry import ROOT

WATER = ["O", "H", "H"]
PLACE = np.array([[0, 0, 0.2], [0, 1.45, -0.9], [0.2, -1.4, -0.85]])
FIELD = np.array([0.01, 0.004, -0.006])


def test_gradients_in_a_field_are_the_derivatives_of_the_dipole_moment():
    """d mu_i / dR = - dg / dF_i: one side from dipoles at moved atoms, the other from fields."""
    by_field = np.empty((3, 3))
    atom, step, small = 1, 0.01, 0.002
    for i, axis in enumerate(np.eye(3)):
        up, down = (gradient_and_dipole(WATER, PLACE, FIELD + s * small * axis)[0] for s in (1, -1))
        by_field[i] = -(up - down)[atom] / (2 * small)
    by_dipole = np.empty((3, 3))
    for c, axis in enumerate(np.eye(3)):
        move = np.zeros((3, 3))
        move[atom] = step * axis
        up, down = (gradient_and_dipole(WATER, PLACE + s * move, FIELD)[1] for s in (1, -1))
        by_dipole[:, c] = (up - down) / (2 * step)
    assert np.abs(by_dipole).max() > 0.2
    np.testing.assert_allclose(by_field, by_dipole, atol=2e-3)


def test_a_field_does_not_push_a_neutral_molecule_away():
    gradient, _, _ = gradient_and_dipole(WATER, PLACE, FIELD)
    assert np.abs(gradient).max() > 0.01
    assert np.abs(gradient.sum(0)).max() < 1e-3  # of the finite grid


def test_hydrogen_sulfide_by_the_whole_chain(tmp_path):
    """Three real modes near the measured fundamentals, and Raman tensors that turn rightly.

    Measured: 1183, 2615 and 2626 cm^-1 (NIST Chemistry WebBook); harmonic ones lie some percent
    higher.
    """
    pytest.importorskip("tblite", reason="the cubic term is that of GFN2-xTB")
    path = ROOT / "data" / "ch05" / "make_molecule.py"
    spec = importlib.util.spec_from_file_location("make_molecule", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    symbols = np.array(["S", "H", "H"])
    start = np.array([[0, 0, 0], [0.96, 0.1, 0.93], [-0.96, 0.1, 0.93]])
    _, place, second = tight_binding.spectrum(symbols, start)
    gradients = script.Gradients(symbols, tmp_path / "kept", tmp_path / "pack.npz")
    made, left = script.by_dft(gradients, place, second, "test")
    assert left < script.RELAXED
    np.testing.assert_allclose(made.wavenumbers, [1183, 2615, 2626], rtol=0.08)
    translation, rotation = raman.broken_sum_rules(
        made.positions_A, made.tensors, made.polarisability
    )
    assert translation < 0.01 and rotation < 0.02
    assert made.activity[1] > 5 * made.activity[0]  # the symmetric stretch is the strong line
