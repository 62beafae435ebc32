"""Spectrum images on disk, and the dark-field images that belong to them."""

import numpy as np
import pytest
import tifffile
import xarray as xr

from helpers.data import DataError
from helpers.spectrum_images import open_pair, open_spectrum_image, pair, save_spectrum_image

ROWS, COLUMNS, CHANNELS = 32, 40, 24
ENERGY = -0.1 + 0.05 * np.arange(CHANNELS)


@pytest.fixture
def cube():
    """Counts that tell row, column and channel."""
    y, x, e = np.mgrid[:ROWS, :COLUMNS, :CHANNELS]
    return (10_000 * y + 100 * x + e + 1).astype(np.float32)


@pytest.fixture
def labelled(cube):
    places = {"y": 2.0 * np.arange(ROWS), "x": 2.0 * np.arange(COLUMNS), "energy": ENERGY}
    return xr.DataArray(cube, places, ("y", "x", "energy"), "counts", {"source": "a.dm4"})


@pytest.fixture
def dark_field(tmp_path, cube):
    path = tmp_path / "haadf.npy"
    np.save(path, cube[..., 0])
    return path


def npz(folder, counts, energy=ENERGY, **more):
    np.savez(folder / "a.npz", counts=counts, energy_ev=energy, **{"pixel_size_nm": 2.0, **more})
    return folder / "a.npz"


def as_expected(found, cube):
    assert found.dims == ("y", "x", "energy") and found.dtype == np.float32
    np.testing.assert_array_equal(found, cube)
    np.testing.assert_allclose(found.energy, ENERGY, atol=1e-6)
    assert found.attrs["pixel_size_nm"] == pytest.approx(2.0)
    assert float(found.x[-1]) == pytest.approx(2.0 * (COLUMNS - 1))


def test_what_is_written_opens_again(tmp_path, labelled, cube):
    save_spectrum_image(tmp_path / "a.hspy", labelled)
    as_expected(open_spectrum_image(tmp_path / "a.hspy"), cube)
    with pytest.raises(DataError, match="as .hspy"):
        save_spectrum_image(tmp_path / "a.tif", labelled)


def test_what_is_written_is_an_eels_signal_to_hyperspy(tmp_path, labelled, cube):
    hs = pytest.importorskip("hyperspy.api", reason="HyperSpy is not installed")
    save_spectrum_image(tmp_path / "a.hspy", labelled)
    signal = hs.load(tmp_path / "a.hspy")
    assert signal.metadata.Signal.signal_type == "EELS"
    np.testing.assert_array_equal(signal.data, cube)
    (axis,) = signal.axes_manager.signal_axes
    assert (axis.units, axis.scale, axis.offset) == ("eV", pytest.approx(0.05), pytest.approx(-0.1))
    assert [a.units for a in signal.axes_manager.navigation_axes] == ["nm", "nm"]


def test_hspy_with_the_energy_axis_first_and_in_meV(tmp_path, labelled, cube):
    from rsciio import hspy

    save_spectrum_image(tmp_path / "a.hspy", labelled)
    (signal,) = hspy.file_reader(str(tmp_path / "a.hspy"))
    axes = [signal["axes"][k] for k in (2, 0, 1)]
    axes[0] |= {"units": "meV", "scale": 50.0, "offset": -100.0}
    for k, axis in enumerate(axes):
        axis["index_in_array"] = k
    signal |= {"data": np.moveaxis(signal["data"], -1, 0), "axes": axes}
    signal |= {"learning_results": {}, "models": {}, "tmp_parameters": {}, "package_info": {}}
    hspy.file_writer(str(tmp_path / "b.hspy"), signal)
    as_expected(open_spectrum_image(tmp_path / "b.hspy"), cube)


def test_dm4(tmp_path, cube, dm4):
    # DigitalMicrograph stores energies first, and origins in channels
    values = np.moveaxis(cube, -1, 0)
    path = dm4(tmp_path / "a.dm4", values, (0.05, 2.0, 2.0), ("eV", "nm", "nm"), (2.0, 0.0, 0.0))
    as_expected(open_spectrum_image(path), cube)


def test_numpy_files_with_axes_given_or_inside(tmp_path, cube):
    as_expected(open_spectrum_image(npz(tmp_path, cube)), cube)
    np.save(tmp_path / "a.npy", cube)
    as_expected(open_spectrum_image(tmp_path / "a.npy", 2.0, 0.05, -0.1), cube)
    with pytest.raises(DataError, match="which energies.* pass ev_per_channel and first_ev"):
        open_spectrum_image(tmp_path / "a.npy", 2.0)
    with pytest.raises(DataError, match="how large its pixels are: pass pixel_size_nm"):
        open_spectrum_image(tmp_path / "a.npy", None, 0.05)


def test_given_energies_win_with_a_warning(tmp_path, cube):
    path = npz(tmp_path, cube, ENERGY + 5)
    found = open_spectrum_image(path, None, 0.05, -0.1)
    as_expected(found, cube)
    (warning,) = found.attrs["warnings"]
    assert "says 4.9 to 6.05 eV, but -0.1 to 1.05 eV was given" in warning
    assert not open_spectrum_image(npz(tmp_path, cube), None, 0.05, -0.1).attrs["warnings"]


def test_uncalibrated_hspy_is_opened_with_the_energies_given(tmp_path, labelled, cube):
    from rsciio import hspy

    save_spectrum_image(tmp_path / "a.hspy", labelled)
    (signal,) = hspy.file_reader(str(tmp_path / "a.hspy"))
    for axis in signal["axes"]:
        axis |= {"units": "", "scale": 1.0, "offset": 0.0}
    signal |= {"learning_results": {}, "models": {}, "tmp_parameters": {}, "package_info": {}}
    hspy.file_writer(str(tmp_path / "b.hspy"), signal)
    as_expected(open_spectrum_image(tmp_path / "b.hspy", 2.0, 0.05, -0.1), cube)
    with pytest.raises(DataError, match="exactly one energy axis.* pass ev_per_channel"):
        open_spectrum_image(tmp_path / "b.hspy", 2.0)


@pytest.mark.parametrize(
    "change, match",
    [
        (
            lambda v, e: (np.where(v == v.max(), np.nan, v), e),
            "1 values that are not finite.* x=39",
        ),
        (lambda v, e: (np.where(v // 10_000 == 2, 0, v), e), "40 of 1280 pixels hold only zeros"),
        (lambda v, e: (v, e[::-1]), "do not increase"),
        (lambda v, e: (v[..., 1:], e), r"\(32, 40, 23\) and energy_ev \(24,\): expected"),
        (lambda v, e: (np.moveaxis(v, -1, 0), e), "the energy axis must be the last one"),
        (lambda v, e: (v[0], e), "an image or a line of spectra .*: expected one spectrum image"),
        (lambda v, e: (v[0, 0], e), "a single spectrum .*: expected one spectrum image"),
    ],
)
def test_bad_spectrum_images_are_refused(tmp_path, cube, change, match):
    with pytest.raises(DataError, match=match):
        open_spectrum_image(npz(tmp_path, *change(cube, ENERGY)))


def test_an_image_given_as_spectrum_image_is_refused(tmp_path, cube, dm4):
    image = dm4(tmp_path / "a.dm4", cube[..., 0], (2.0, 2.0), ("nm", "nm"), (0, 0))
    with pytest.raises(DataError, match="an image or a line of spectra"):
        open_spectrum_image(image)
    with pytest.raises(DataError, match="energies.*: pass ev_per_channel|an image"):
        np.save(tmp_path / "a.npy", cube[..., 0])
        open_spectrum_image(tmp_path / "a.npy", 2.0)


def test_a_stack_of_images_is_no_spectrum_image(tmp_path, cube, dm4):
    path = dm4(tmp_path / "a.dm4", cube)
    with pytest.raises(DataError, match="expected exactly one energy axis"):
        open_spectrum_image(path)


def test_other_files_are_refused(tmp_path, cube):
    (tmp_path / "a.txt").write_text("x")
    for name in ("a.hspy", "a.npz", "a.npy", "a.dm3"):
        (tmp_path / name).write_text("x")
        with pytest.raises(DataError, match="could not be read|is not a NumPy file"):
            open_spectrum_image(tmp_path / name, 1.0, 0.1)
    np.save(tmp_path / "pickled.npy", np.array([{}], dtype=object))
    with pytest.raises(DataError, match="pickle"):
        open_spectrum_image(tmp_path / "pickled.npy", 1.0, 0.1)
    with pytest.raises(DataError, match="ending"):
        open_spectrum_image(tmp_path / "a.txt")
    with pytest.raises(DataError, match="does not exist"):
        open_spectrum_image(tmp_path / "none.hspy")
    np.savez(tmp_path / "b.npz", other=cube)
    with pytest.raises(DataError, match="expected an array counts"):
        open_spectrum_image(tmp_path / "b.npz")


def test_images_are_binned_onto_the_spectra(labelled, cube):
    fine = xr.DataArray(np.kron(cube[..., 0], np.ones((2, 2))), dims=("y", "x"))
    np.testing.assert_allclose(pair(labelled, fine), cube[..., 0])
    with pytest.raises(DataError, match="32 x 40: .*whole multiple of it; crop or bin"):
        pair(labelled, fine[:-1])
    with pytest.raises(DataError, match="rows and columns .* exchanged, transpose"):
        pair(labelled, fine.T)


def test_a_pair_of_files(tmp_path, cube, dark_field):
    spectra, haadf = open_pair(npz(tmp_path, cube), dark_field)
    as_expected(spectra, cube)
    np.testing.assert_array_equal(haadf, cube[..., 0])
    assert float(haadf.y[-1]) == 2.0 * (ROWS - 1)
    with pytest.raises(DataError, match="without its dark-field image"):
        open_pair(npz(tmp_path, cube), "")


def test_axes_in_the_wrong_order_are_told_from_the_image(tmp_path, cube, dark_field):
    np.save(tmp_path / "a.npy", np.moveaxis(cube, -1, 0))
    with pytest.raises(DataError, match=r"\(energy, rows, columns\).*moveaxis"):
        open_pair(tmp_path / "a.npy", dark_field, 2.0, 0.05)
    np.save(tmp_path / "a.npy", cube.swapaxes(0, 1))
    with pytest.raises(DataError, match="exchanged, transpose"):
        open_pair(tmp_path / "a.npy", dark_field, 2.0, 0.05)


def test_a_survey_image_is_refused_by_its_field(tmp_path, cube):
    def tif(nm):
        image = np.kron(cube[..., 0], np.ones((2, 2))).astype(np.float32)
        tifffile.imwrite(
            tmp_path / "a.tif", image, imagej=True, resolution=(1 / nm, 1 / nm),
            metadata={"unit": "nm"},
        )  # fmt: skip
        return tmp_path / "a.tif"

    path = npz(tmp_path, cube)
    assert open_pair(path, tif(1.0))[0].attrs["warnings"] == []
    with pytest.raises(
        DataError, match="is 192 nm high and the spectrum image 64 nm.*not a survey"
    ):
        open_pair(path, tif(3.0))
    spectra, _ = open_pair(path, tif(3.0), 2.0)
    assert "192 nm" in spectra.attrs["warnings"][0]
