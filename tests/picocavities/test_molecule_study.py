"""The script of the shipped molecules: stops, goes on, and shares its work."""

import importlib.util

import numpy as np
import pytest

pytest.importorskip("tblite", reason="GFN1-xTB stands in for DFT")
from helpers.picocavities import molecule, raman, tight_binding
from helpers.registry import ROOT

SYMBOLS = np.array(["S", "H", "H"])
START = np.array([[0, 0, 0], [0.96, 0, 0.93], [-0.96, 0, 0.93]])  # A


@pytest.fixture
def study(monkeypatch):
    """The script, with GFN1-xTB in the place of DFT; counts its calculations."""
    path = ROOT / "data" / "ch05" / "make_molecule.py"
    spec = importlib.util.spec_from_file_location("make_molecule", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.calls = 0

    def stand_in(symbols, positions, field, guess):
        script.calls += 1
        result = tight_binding.gradient_and_dipole(symbols, positions, field, "GFN1-xTB")
        return *result, None

    monkeypatch.setattr(script.density_functional, "gradient_and_dipole", stand_in)
    return script


@pytest.fixture(scope="module")
def sulfide():
    _, place, second = tight_binding.spectrum(SYMBOLS, START)
    return place, second


def test_a_finished_molecule_is_that_of_both_sided_differences(study, sulfide, tmp_path):
    made, left = study.by_dft(
        study.Gradients(SYMBOLS, tmp_path / "kept", tmp_path / "pack.npz"), *sulfide, "test"
    )
    place = made.positions_A / molecule.vibrations.BOHR_A

    def gradient(at):
        return tight_binding.gradient_and_dipole(SYMBOLS, at, method="GFN1-xTB")[0]

    second = molecule.vibrations.hessian(gradient, place)
    expected, _ = molecule.vibrations.normal_modes(molecule.masses(SYMBOLS), place, second)
    np.testing.assert_allclose(made.wavenumbers, expected, atol=2)
    assert made.wavenumbers.min() > 900 and left < study.RELAXED
    rules = raman.broken_sum_rules(made.positions_A, made.tensors, made.polarisability)
    assert rules[0] < 1e-6 and rules[1] < 0.02


def test_it_goes_on_where_it_stopped(study, sulfide, tmp_path):
    with pytest.raises(study.OutOfTime):
        study.by_dft(
            study.Gradients(SYMBOLS, tmp_path / "kept", tmp_path / "pack.npz", until=0),
            *sulfide,
            "test",
        )
    assert study.calls == 0
    whole, _ = study.by_dft(
        study.Gradients(SYMBOLS, tmp_path / "kept", tmp_path / "pack.npz"), *sulfide, "test"
    )
    needed = study.calls
    assert needed == len(list((tmp_path / "kept").glob("*.npz"))) > 9 + 12
    for path in sorted((tmp_path / "kept").glob("*.npz"))[-3:]:
        path.unlink()
    again, _ = study.by_dft(
        study.Gradients(SYMBOLS, tmp_path / "kept", tmp_path / "pack.npz"), *sulfide, "test"
    )
    assert study.calls == needed + 3
    np.testing.assert_allclose(again.tensors, whole.tensors, rtol=1e-6, atol=1e-6)


def test_a_second_process_from_the_other_end_does_nothing_twice(study, sulfide, tmp_path):
    study.by_dft(
        study.Gradients(SYMBOLS, tmp_path / "kept", tmp_path / "pack.npz"),
        *sulfide,
        "test",
        backwards=True,
    )
    needed = study.calls
    study.by_dft(
        study.Gradients(SYMBOLS, tmp_path / "kept", tmp_path / "pack.npz"), *sulfide, "test"
    )
    assert study.calls == needed


def test_what_is_packed_is_not_computed_again(study, sulfide, tmp_path):
    first = study.Gradients(SYMBOLS, tmp_path / "kept", tmp_path / "pack.npz")
    whole, _ = study.by_dft(first, *sulfide, "test")
    first.write_pack()
    needed = study.calls
    elsewhere = study.Gradients(SYMBOLS, tmp_path / "other", tmp_path / "pack.npz")
    place, second = sulfide
    # Another machine's GFN2-xTB ends a little elsewhere: the relaxed positions are those packed.
    again, _ = study.by_dft(elsewhere, place + 1e-6, second, "test")
    assert study.calls == needed
    np.testing.assert_allclose(again.wavenumbers, whole.wavenumbers, atol=0.01)


def test_minus_zero_is_zero(study, tmp_path):
    gradients = study.Gradients(SYMBOLS, tmp_path / "kept", tmp_path / "pack.npz")
    for zero in (0.0, -0.0):
        gradients(START, np.array([0.003, zero, zero]))
    assert study.calls == 1
