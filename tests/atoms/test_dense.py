"""Simulated dense images: as many atoms as asked for, where asked, as bright as their element."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.atoms.dense import FLAKE, SETTINGS, conditions, dense_image, on_specimen
from helpers.atoms.simulate import MARGIN_PX

QUIET = {
    metal: replace(
        microscope, row_noise=0, current_noise=0, slow_current=0, jitter_px=0, drift_px=0
    )
    for metal, microscope in SETTINGS.items()
}
EMPTY = replace(FLAKE, thickness_nm=0.0)  # no support that could hold an atom


def apart(rng, n, box_nm):
    """Atoms on a square lattice, too far from each other to overlap."""
    x, y = np.meshgrid(*(np.arange(0.5, side, 1.0) for side in box_nm))
    return np.column_stack([x.ravel(), y.ravel()])[:n]


def test_density_on_the_specimen_is_what_was_asked_for():
    simulated = [dense_image(seed, {"Pt": 6.0}, shape=(256, 320)) for seed in range(4)]
    pixel = simulated[0].image.attrs["pixel_size_nm"]
    area = sum(on_specimen(s).sum() for s in simulated) * pixel**2
    count = sum(len(s.atoms) for s in simulated)
    assert abs(count - 6.0 * area) < 4 * np.sqrt(6.0 * area)
    assert simulated[0].image.shape == (256, 320)


def test_metals_come_in_the_shares_asked_for_and_mixed_at_random():
    atoms = dense_image(3, {"Ni": 4.0, "Pd": 2.0, "Pt": 1.0}, shape=(384, 384)).atoms
    counts = atoms["element"].value_counts()
    for metal, share in {"Ni": 4 / 7, "Pd": 2 / 7, "Pt": 1 / 7}.items():
        error = np.sqrt(share * (1 - share) / len(atoms))
        assert counts[metal] / len(atoms) == pytest.approx(share, abs=4 * error)
    half = atoms["x_px"] < 192
    assert (atoms["element"][half] == "Ni").mean() == pytest.approx(4 / 7, abs=0.12)


def test_the_same_seed_gives_the_same_image():
    first, again, other = (dense_image(s, {"Rh": 2.0}, shape=(96, 96)) for s in (5, 5, 6))
    np.testing.assert_array_equal(first.image, again.image)
    assert first.atoms.equals(again.atoms)
    assert not np.array_equal(first.image, other.image)


def test_the_metal_lies_on_a_flat_surface_in_focus():
    for seed in range(3):
        heights = dense_image(seed, {"Pt": 4.0}, shape=(192, 192)).atoms["height_nm"]
        assert heights.abs().max() < 2.0
        assert 0.1 < heights.std() < 0.6


def test_brightness_follows_the_cross_sections():
    # the same seed and number of atoms: the same support, which the differences take away
    images = {
        metal: dense_image(0, {metal: 1.0}, apart, FLAKE, QUIET["Pt"], shape=(128, 128))
        for metal in ("Rh", "Pd", "Pt")
    }
    pt, pd, rh = (images[m].noiseless.sum(dtype=float) for m in ("Pt", "Pd", "Rh"))
    ratio = [QUIET["Pt"].cross_section(m) for m in ("Pt", "Pd", "Rh")]
    expected = (ratio[0] - ratio[1]) / (ratio[0] - ratio[2])
    assert (pt - pd) / (pt - rh) == pytest.approx(expected, rel=0.01)
    # a lone atom sends its whole cross-section to the detector
    atoms, microscope = len(images["Pt"].atoms), QUIET["Pt"]
    per_atom = (pt - pd) / atoms
    electrons = (ratio[0] - ratio[1]) * microscope.electrons_per_pixel
    assert per_atom == pytest.approx(electrons / microscope.pixel_size_nm**2, rel=0.2)


def test_atoms_are_where_the_arrangement_puts_them_on_a_grid_that_is_not_square():
    simulated = dense_image(0, {"Pt": 1.0}, apart, EMPTY, QUIET["Pt"], shape=(96, 160))
    assert len(simulated.atoms) == 0  # nothing holds them
    flake = replace(FLAKE, texture=0, relief=0)
    atoms = dense_image(0, {"Pt": 1.0}, apart, flake, QUIET["Pt"], shape=(96, 160)).atoms
    margin = MARGIN_PX * QUIET["Pt"].pixel_size_nm
    beyond = (atoms[["x_nm", "y_nm"]].to_numpy() + margin - 0.5) % 1.0
    np.testing.assert_allclose(np.minimum(beyond, 1 - beyond), 0, atol=1e-6)
    assert atoms["x_px"].max() > 96


def test_an_arrangement_may_say_which_element_is_where():
    def split(rng, n, box_nm):
        positions = apart(rng, n, box_nm)
        return positions, np.where(positions[:, 0] < box_nm[0] / 2, "Ni", "Pd")

    atoms = dense_image(0, {"Ni": 0.5, "Pd": 0.5}, split, FLAKE, shape=(128, 128)).atoms
    assert set(atoms["element"][atoms["x_px"] < 60]) == {"Ni"}
    assert set(atoms["element"][atoms["x_px"] > 68]) == {"Pd"}


def test_atoms_stand_only_on_the_support():
    flake = replace(FLAKE, coverage=0.5, edge_width_nm=2.0)
    simulated = dense_image(1, {"Pt": 8.0}, specimen=flake, shape=(192, 192))
    mask = on_specimen(simulated)
    assert 0.2 < mask.mean() < 0.9
    x, y = simulated.atoms[["x_px", "y_px"]].to_numpy().round().astype(int).T
    assert mask[y, x].mean() > 0.97  # the scan shifts rows by part of a pixel
    covered = mask.sum() * simulated.image.attrs["pixel_size_nm"] ** 2
    assert len(simulated.atoms) == pytest.approx(8.0 * covered, rel=0.25)


def test_conditions_follow_the_paper_and_vary_between_images():
    rng = np.random.default_rng(0)
    assert {conditions(rng, [m])[1].voltage_kv for m in ("Rh", "Pd", "Pt")} == {80}
    assert conditions(rng, ["Ni"])[1].voltage_kv == 200
    assert conditions(rng, ["Ni", "Pd"])[1].voltage_kv == 80
    drawn = [conditions(rng, ["Pt"]) for _ in range(3)]
    assert len({s.thickness_nm for s, _ in drawn}) == 3


def test_what_cannot_be_simulated_is_refused():
    with pytest.raises(ValueError, match="Au"):
        dense_image(0, {"Au": 1.0}, shape=(64, 64))
    with pytest.raises(ValueError, match="densities"):
        dense_image(0, {"Pt": -1.0}, shape=(64, 64))
    with pytest.raises(ValueError, match="outside its box"):
        dense_image(0, {"Pt": 1.0}, lambda rng, n, box: np.full((n, 2), 99.0), shape=(64, 64))
