"""The AC-STEM generator: its truth, its physics and its randomness."""

import dataclasses
import importlib.util
import json

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

from helpers.atoms.cross_sections import cross_section_nm2
from helpers.atoms.microscope import peak_electrons
from helpers.atoms.simulate import IN_FOCUS_NM, Microscope, Specimen, acstem, time_series, varied
from helpers.data import ROOT
from helpers.probe import probe_transfer, wavelength_nm

# Everything that is not the atoms or the counting switched off.
STEADY = Microscope(
    row_noise=0, current_noise=0, slow_current=0, jitter_px=0, drift_px=0, stray_electrons=0,
    gain=1.0, offset=0.0,
)  # fmt: skip
BARE = Specimen(thickness_nm=0)  # metal atoms without a support
FLAT = Specimen(
    density_per_nm2=0, thickness_nm=20, coverage=1, relief=0, texture=0, undulation_nm=0,
    edge_width_nm=0,
)  # fmt: skip


def at(points, height=0.0):
    x, y = np.transpose(points)
    return pd.DataFrame({"x_px": x, "y_px": y, "height_nm": height})


def test_wavelength_of_the_microscopes_in_the_book():
    assert wavelength_nm(60) == pytest.approx(4.866e-3, rel=1e-3)
    assert wavelength_nm(200) == pytest.approx(2.508e-3, rel=1e-3)


@pytest.mark.parametrize("defocus", [0.0, 3.0, -6.0])
def test_transfer_equals_the_fourier_transform_of_the_probe(defocus):
    size, pixel = 512, 0.0146
    k = np.fft.fftfreq(size, pixel)
    k2 = k[:, None] ** 2 + k**2
    wavelength = wavelength_nm(60)
    wave = (k2 <= (0.032 / wavelength) ** 2) * np.exp(-1j * np.pi * wavelength * k2 * defocus)
    intensity = np.abs(np.fft.ifft2(wave)) ** 2
    direct = np.fft.fft2(intensity / intensity.sum()).real[0, : size // 2]
    ours = probe_transfer(k[: size // 2], defocus, 60, 32)
    np.testing.assert_allclose(ours, direct, atol=2e-3)


def test_cross_sections_follow_the_atomic_number_and_the_born_limit():
    at60 = {e: cross_section_nm2(e, 60, 32, 90, 185) for e in ("C", "N", "Fe", "Pt")}
    exponent = np.polyfit(np.log([6, 7, 26, 78]), np.log(list(at60.values())), 1)[0]
    assert 1.5 < exponent < 2
    # Carbon scatters nearly in first order; a convergent beam adds about a tenth.
    assert at60["C"] == pytest.approx(4.96e-6, rel=0.15)


def test_atoms_are_where_the_truth_says_with_x_the_column():
    points = [(20, 90), (100.5, 30.25), (60, 60)]
    simulated = acstem(0, BARE, STEADY, shape=(110, 140), positions=at(points))
    assert simulated.image.dims == ("y", "x") and simulated.image.shape == (110, 140)
    rows, columns = np.mgrid[:110, :140]
    for x, y in points:
        near = np.hypot(columns - x, rows - y) < 12
        weight = simulated.noiseless * near
        assert (weight * columns).sum() / weight.sum() == pytest.approx(x, abs=0.1)
        assert (weight * rows).sum() / weight.sum() == pytest.approx(y, abs=0.1)
    np.testing.assert_allclose(simulated.atoms[["x_px", "y_px"]], points)
    pixel = simulated.image.attrs["pixel_size_nm"]
    np.testing.assert_allclose(simulated.atoms["x_nm"], simulated.atoms["x_px"] * pixel)


def test_truth_follows_the_drift_of_the_scan():
    shaky = dataclasses.replace(STEADY, drift_px=0.3)
    points = [(x, y) for x in range(20, 240, 40) for y in range(20, 240, 40)]
    simulated = acstem(3, BARE, shaky, shape=(256, 256), positions=at(points))
    moved = simulated.atoms[["x_px", "y_px"]].to_numpy() - points
    assert np.abs(moved).max() > 0.5
    smooth = gaussian_filter(simulated.noiseless, 1)
    for x, y in simulated.atoms[["x_px", "y_px"]].to_numpy():
        column, row = round(x), round(y)
        patch = smooth[row - 8 : row + 9, column - 8 : column + 9]
        dy, dx = np.unravel_index(patch.argmax(), patch.shape)
        assert np.hypot(dx - 8, dy - 8) < 2.5


def test_one_atom_scatters_its_cross_section():
    simulated = acstem(0, BARE, STEADY, shape=(96, 96), positions=at([(48, 48)]))
    expected = STEADY.electrons_per_pixel * STEADY.cross_section("Pt") / STEADY.pixel_size_nm**2
    assert simulated.noiseless.sum() == pytest.approx(expected, rel=0.01)


def test_defocus_lowers_the_peak_and_keeps_the_electrons():
    peaks, sums = [], []
    for height in (0, 3, 6, 10):
        signal = acstem(0, BARE, STEADY, (128, 128), at([(64, 64)], height)).noiseless
        peaks.append(signal.max())
        sums.append(signal.sum())
    assert peaks[0] > peaks[1] > peaks[2] > peaks[3]
    assert peaks[2] < 0.6 * peaks[0]
    np.testing.assert_allclose(sums[:3], sums[0], rtol=0.02)


def test_peak_electrons_is_the_brightest_pixel():
    for height in (0.5, 4.5):  # the middle of a slab
        drawn = acstem(0, BARE, STEADY, (96, 96), at([(48, 48)], height)).noiseless.max()
        assert peak_electrons("Pt", [height], STEADY) == pytest.approx(drawn, rel=0.05)


def test_counts_are_poisson_and_dose_scales_them():
    counts = {}
    for dose in (1000.0, 4000.0):
        microscope = dataclasses.replace(STEADY, electrons_per_pixel=dose)
        simulated = acstem(1, FLAT, microscope)
        excess = simulated.image.to_numpy() - simulated.noiseless
        assert excess.var() == pytest.approx(simulated.noiseless.mean(), rel=0.02)
        counts[dose] = simulated.noiseless.mean()
    assert counts[4000.0] == pytest.approx(4 * counts[1000.0], rel=1e-3)


def test_gain_and_offset_turn_electrons_into_counts():
    plain = acstem(1, FLAT, STEADY, shape=(64, 64)).image
    amplified = dataclasses.replace(STEADY, gain=100.0, offset=7.0)
    np.testing.assert_allclose(acstem(1, FLAT, amplified, (64, 64)).image, 7 + 100 * plain)


def test_support_brightness_is_thickness_times_cross_section():
    simulated = acstem(2, FLAT, STEADY, shape=(128, 128))
    share = 0.92 * STEADY.cross_section("C") + 0.08 * STEADY.cross_section("N")
    expected = STEADY.electrons_per_pixel * 95 * simulated.thickness_nm.mean() * share
    assert simulated.noiseless.mean() == pytest.approx(expected, rel=0.02)


def test_streaks_run_along_the_fast_axis():
    specimen = dataclasses.replace(FLAT, thickness_nm=40)
    simulated = acstem(1, specimen, dataclasses.replace(STEADY, row_noise=0.03))
    noise = simulated.image.to_numpy() - simulated.noiseless
    mean = simulated.noiseless.mean()
    shot = np.sqrt(mean / 512)
    assert noise.mean(axis=1).std() == pytest.approx(np.hypot(shot, 0.03 * mean), rel=0.1)
    assert noise.mean(axis=0).std() == pytest.approx(shot, rel=0.15)


def test_seeds_reproduce_and_differ():
    first, again, other = (acstem(seed, shape=(64, 64)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.image, again.image)
    pd.testing.assert_frame_equal(first.atoms, again.atoms)
    assert not np.array_equal(first.image, other.image)


def test_number_of_atoms_is_the_density_times_the_area():
    specimen = dataclasses.replace(FLAT, density_per_nm2=2.0)
    numbers = [len(acstem(seed, specimen, shape=(128, 128)).atoms) for seed in range(20)]
    expected = 2.0 * (127 * 15 / 512) ** 2
    assert np.mean(numbers) == pytest.approx(expected, abs=4 * np.sqrt(expected / 20))


def test_truth_of_the_heights():
    atoms = acstem(0).atoms
    assert atoms["in_focus"].equals(atoms["height_nm"].abs() < IN_FOCUS_NM)
    assert 0.2 < atoms["in_focus"].mean() < 0.8
    assert set(atoms["element"]) == {"Pt"}


def test_metal_free_support_has_no_atoms_but_a_signal():
    simulated = acstem(0, Specimen(density_per_nm2=0), shape=(128, 128))
    assert len(simulated.atoms) == 0
    assert simulated.noiseless.max() > 30


def test_vacuum_shows_the_stray_electrons_only():
    simulated = acstem(4, Specimen(coverage=0.5))
    vacuum = simulated.thickness_nm < 1e-3
    assert vacuum.mean() > 0.2
    assert simulated.noiseless[vacuum].mean() == pytest.approx(8, rel=0.3)
    assert simulated.noiseless[~vacuum].mean() > 40


def test_series_hops_and_drifts_as_stated():
    frames = time_series(
        0, 5, dataclasses.replace(FLAT, density_per_nm2=1.0), STEADY, (256, 256),
        mobility=0.3, hop_nm=0.4, drift_px_per_frame=(3.0, -1.5),
    )  # fmt: skip
    moved, steps = [], []
    for before, after in zip(frames[:-1], frames[1:]):
        pairs = before.atoms.merge(after.atoms, on="atom", suffixes=("", "_next"))
        shift = (pairs[["x_px_next", "y_px_next"]].to_numpy() - pairs[["x_px", "y_px"]]) - (3, -1.5)
        still = ~pairs["moved_next"].to_numpy()
        np.testing.assert_allclose(shift[still], 0, atol=1e-9)
        moved.append(pairs["moved_next"])
        steps.append(shift[~still])
    share = pd.concat(moved).mean()
    assert share == pytest.approx(0.3, abs=0.12)
    sigma_px = 0.4 / STEADY.pixel_size_nm
    assert np.concatenate(steps).std() == pytest.approx(sigma_px, rel=0.3)


def test_series_keeps_the_support_and_draws_new_noise():
    first, second = time_series(0, 2, FLAT, STEADY, (96, 96))
    np.testing.assert_allclose(first.noiseless, second.noiseless, rtol=1e-5)
    assert not np.array_equal(first.image, second.image)


def test_half_the_pixel_rebins_to_the_same_picture():
    fine = dataclasses.replace(
        STEADY, pixel_size_nm=STEADY.pixel_size_nm / 2,
        electrons_per_pixel=STEADY.electrons_per_pixel / 4,
    )  # fmt: skip
    coarse = acstem(0, BARE, STEADY, (96, 96), at([(40, 40)])).noiseless
    signal = acstem(0, BARE, fine, (192, 192), at([(80.5, 80.5)])).noiseless
    rebinned = signal.reshape(96, 2, 96, 2).sum(axis=(1, 3))
    np.testing.assert_allclose(rebinned, coarse, atol=0.03 * coarse.max())


def test_varied_draws_usable_parameters():
    drawn = [varied(seed) for seed in range(5)]
    assert len({specimen.thickness_nm for specimen, _ in drawn}) == 5
    assert varied(1) == varied(1)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Specimen(support="glass"), "glass"),
        (lambda: Specimen(coverage=1.5), "coverage is 1.5"),
        (lambda: Specimen(thickness_nm=float("nan")), "thickness_nm is nan"),
        (lambda: Microscope(electrons_per_pixel=0), "electrons_per_pixel is 0"),
        (lambda: acstem(0, Specimen(element="Xx")), "element 'Xx'"),
        (lambda: acstem(0, None, Microscope(voltage_kv=77)), "77 kV"),
        (lambda: acstem(0, shape=(8, 8)), "at least"),
        (lambda: acstem(0, shape=(64, 64), positions=at([(500, 5)])), "outside"),
        (lambda: time_series(0, 2, mobility=2), "mobility is 2"),
    ],
)
def test_bad_arguments_say_what_is_wrong(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_shipped_calibration_describes_this_generator():
    path = ROOT / "data" / "ch01" / "make_calibration.py"
    spec = importlib.util.spec_from_file_location("make_calibration", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    shipped = json.loads((path.parent / "calibration.json").read_text())
    row = next(r for r in shipped["images"] if r["name"] == f"seed {script.FIRST_SEED}")
    rng = np.random.default_rng(script.FIRST_SEED)
    simulated = acstem(rng, *varied(rng))
    now, _ = script.describe(simulated.image, simulated.atoms[simulated.atoms["in_focus"]])
    for name, value in now.items():
        assert row[name] == pytest.approx(value, rel=0.02), name


def test_shipped_calibration_is_close_to_the_measured_images():
    shipped = json.loads((ROOT / "data" / "ch01" / "calibration.json").read_text())
    measured, simulated = (shipped["quantiles"][kind] for kind in ("measured", "simulated"))
    assert len(shipped["images"]) == 11 + 22
    for name in ("mean_electrons", "atom_sigma_px", "amplitude_over_noise", "roughness_6_24_px"):
        assert measured[name]["q10"] < simulated[name]["median"] < measured[name]["q90"], name
