"""Molecules: GFN2-xTB live and shipped, turning, saving."""

import numpy as np
import pytest

from helpers.picocavities import geometry, molecule, raman, vibrations
from helpers.registry import DataError, DataUnavailable

ETHANE = np.array(["C", "C", *["H"] * 6])


def eclipsed():
    """Ethane with its hydrogens opposite each other (A): a saddle point by symmetry."""
    angles = np.deg2rad([0, 120, 240])
    rim = np.c_[1.02 * np.cos(angles), 1.02 * np.sin(angles)]
    lower, upper = np.c_[rim, np.full(3, -1.16)], np.c_[rim, np.full(3, 1.16)]
    return np.vstack([[[0, 0, -0.77], [0, 0, 0.77]], lower, upper])


@pytest.fixture(scope="module")
def ethane():
    pytest.importorskip("tblite", reason="new molecules need the simulate extra")
    from helpers.picocavities import tight_binding

    return tight_binding.spectrum(ETHANE, eclipsed())


def test_a_saddle_point_is_left_and_all_modes_are_real(ethane):
    made, _, _ = ethane
    assert made.wavenumbers.shape == (18,)
    assert made.wavenumbers.min() > 200  # the torsion, imaginary in the eclipsed form
    carbons, hydrogens = made.positions_A[:2], made.positions_A[2:]
    axis = (carbons[1] - carbons[0]) / np.linalg.norm(carbons[1] - carbons[0])
    flat = hydrogens - carbons.mean(0) - np.outer((hydrogens - carbons.mean(0)) @ axis, axis)
    cosines = flat[:3] @ flat[3:].T / np.linalg.norm(flat, axis=1)[0] ** 2
    assert cosines.min() == pytest.approx(-1, abs=0.01)  # staggered


def test_raman_tensor_of_a_mode_is_the_change_of_the_polarisability_along_it(ethane):
    from helpers.picocavities import tight_binding

    made, place, second = ethane
    masses = molecule.masses(ETHANE)
    _, modes = vibrations.normal_modes(masses, place, second)
    strongest = made.activity.argmax()
    alphas = []
    for sign in (1, -1):
        moved = place + sign * 0.02 * modes[strongest]

        def in_field(field, moved=moved):
            return tight_binding.gradient_and_dipole(ETHANE, moved, field)

        alphas.append(raman.atom_tensors(in_field)[1])
    by_moving = (alphas[0] - alphas[1]) / (0.04 * vibrations.BOHR_A)
    by_fields = made.raman_tensors[strongest]
    assert raman.activity(by_moving) == pytest.approx(made.activity[strongest], rel=0.01)
    assert np.trace(by_moving) == pytest.approx(np.trace(by_fields), rel=0.01)


def test_half_the_gradients_give_the_same_wavenumbers(ethane):
    """GFN1-xTB knows the cubic error of GFN2-xTB well enough."""
    from helpers.picocavities.tight_binding import gradient_and_dipole

    made, place, _ = ethane

    def dear(at):
        return gradient_and_dipole(ETHANE, at)[0]

    def cheap(at):
        return gradient_and_dipole(ETHANE, at, method="GFN1-xTB")[0]

    masses = molecule.masses(ETHANE)
    half, alone = (
        vibrations.normal_modes(
            masses, place, vibrations.hessian_with_cheap_cubic(dear, other, place)
        )[0]
        for other in (cheap, np.zeros_like)
    )
    assert np.abs(half - made.wavenumbers).max() < 1
    assert np.abs(alone - made.wavenumbers).max() > 5


def test_turning_a_molecule_changes_no_activity_and_keeps_the_sum_rules(ethane):
    from scipy.spatial.transform import Rotation

    made = ethane[0]
    turned = made.turned(Rotation.from_euler("xyz", (20, 50, -70), degrees=True).as_matrix())
    np.testing.assert_allclose(turned.activity, made.activity, rtol=1e-9, atol=1e-9)
    rules = raman.broken_sum_rules(turned.positions_A, turned.tensors, turned.polarisability)
    assert rules[0] < 1e-6 and rules[1] < 0.01


def test_tensors_of_a_molecule_that_was_turned_first_are_the_turned_ones(ethane):
    """Computed again at turned positions: no axis of the calculation is special."""
    from scipy.spatial.transform import Rotation

    from helpers.picocavities import tight_binding

    _, place, second = ethane
    turn = Rotation.from_euler("xyz", (20, 50, -70), degrees=True).as_matrix()
    tensors = [
        raman.atom_tensors(
            lambda field, at=at: tight_binding.gradient_and_dipole(ETHANE, at, field)
        )[0]
        for at in (place, place @ turn.T)
    ]
    expected = np.einsum("cd,ik,jl,adkl->acij", turn, turn, turn, tensors[0])
    np.testing.assert_allclose(tensors[1], expected, atol=0.01 * np.abs(expected).max())


@pytest.mark.parametrize("method", ["xtb", "dft"])
@pytest.mark.parametrize("end", ["H", "Au"])
def test_shipped_biphenylthiol(end, method):
    try:
        made = molecule.shipped(end, method)
    except DataUnavailable as missing:
        if method == "xtb":
            raise
        pytest.skip(str(missing))
    assert made.method == molecule.METHODS[method]
    assert made.wavenumbers.shape == (63,) and made.wavenumbers.min() > 0
    assert list(made.symbols[[0, 1, -1]]) == ["S", "C", end]
    rules = raman.broken_sum_rules(made.positions_A, made.tensors, made.polarisability)
    assert rules[0] < 1e-4 and rules[1] < 0.01
    norms = np.einsum("a,kac,kac->k", molecule.masses(made.symbols), made.modes, made.modes)
    np.testing.assert_allclose(norms, 1, rtol=1e-4)
    # upright: sulfur below on the axis, its ring in the x, z plane
    sulfur, lower = made.positions_A[0], made.positions_A[1:7]
    assert sulfur[2] < -5 and np.abs(sulfur[:2]).max() < 1e-3
    assert np.abs(lower[:, 1]).max() < 0.15
    # the ring stretch near 1585 cm^-1 is the strongest line for light along the axis
    along = made.raman_tensors[:, 2, 2] ** 2 * raman.stokes_factor(made.wavenumbers)
    assert 1560 < made.wavenumbers[along.argmax()] < 1670


def test_live_biphenylthiol_is_the_shipped_one():
    pytest.importorskip("tblite", reason="new molecules need the simulate extra")
    from helpers.picocavities import tight_binding

    live, kept = tight_binding.biphenylthiol("H"), molecule.shipped("H", "xtb")
    np.testing.assert_allclose(live.wavenumbers, kept.wavenumbers, atol=1)
    strong = kept.activity > 0.05 * kept.activity.max()
    np.testing.assert_allclose(live.activity[strong], kept.activity[strong], rtol=0.02)


def test_saving_and_loading_keeps_seven_digits(tmp_path):
    made = molecule.shipped("H", "xtb")
    molecule.save(tmp_path / "a.npz", made)
    again = molecule.load(tmp_path / "a.npz")
    assert again.method == made.method and list(again.symbols) == list(made.symbols)
    np.testing.assert_allclose(again.tensors, made.tensors, rtol=1e-6)
    np.savez(tmp_path / "b.npz", symbols=made.symbols)
    with pytest.raises(DataError, match="b.npz has no .*tensors"):
        molecule.load(tmp_path / "b.npz")


def test_what_is_not_shipped_names_its_script(tmp_path, monkeypatch):
    monkeypatch.setattr(molecule, "FOLDER", tmp_path)
    with pytest.raises(DataUnavailable, match="make_molecule.py"):
        molecule.shipped("H", "dft")


@pytest.mark.parametrize(("end", "bond"), [("H", 1.345), ("Au", 2.27)])
def test_start_geometry_has_bonds_of_the_right_length(end, bond):
    symbols, positions = geometry.biphenylthiol(end)
    distance = np.linalg.norm(positions[:, None] - positions, axis=-1)
    distance[np.diag_indices(23)] = np.inf
    carbon, hydrogen = symbols == "C", np.arange(23)[13:22]
    assert np.allclose(distance[hydrogen].min(1), geometry.CARBON_HYDROGEN)
    assert distance[0, 22] == pytest.approx(bond)
    assert distance[7, 4] == pytest.approx(geometry.LINK)  # ring to ring
    assert (
        (distance[carbon][:, carbon] < 1.5).sum(1) == [2, 2, 2, 3, 2, 2, 3, 2, 2, 2, 2, 2]
    ).all()
    assert distance.min() > 1.08
