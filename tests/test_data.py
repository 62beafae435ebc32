import pickle
import re

import numpy as np
import pytest
import tifffile
from PIL import Image

from helpers.data import PT_NC_PIXEL_NM, DataError, open_image, open_points, sha256

ROWS, COLUMNS = 48, 64


@pytest.fixture
def counts():
    """An image wider than high whose value tells the pixel: 1000 y + x."""
    y, x = np.mgrid[:ROWS, :COLUMNS]
    return (1000 * y + x).astype(np.float32)


@pytest.fixture
def save(tmp_path, counts):
    """Write an array as npy and return the path."""

    def write(values, name="image.npy"):
        np.save(tmp_path / name, values)
        return tmp_path / name

    return write


def write_signal(plugin, path, values, units, steps=(0.03, 0.03)):
    """Write an image with calibrated axes through rosettasciio."""
    import importlib

    axes = [
        dict(_type="UniformDataAxis", name=name, size=size, offset=0.0, scale=step, units=units,
             navigate=False, index_in_array=i, is_binned=False)
        for i, (name, size, step) in enumerate(zip("yx", values.shape, steps))
    ]  # fmt: skip
    signal = dict(
        data=values, axes=axes, package_info={}, learning_results={}, models={},
        metadata={"General": {"title": "HAADF"}, "Signal": {"signal_type": ""}},
        original_metadata={}, tmp_parameters={}, attributes={"_lazy": False, "ragged": False},
    )  # fmt: skip
    if plugin == "zspy":
        # rosettasciio reads this format with zarr 2 and 3 but offers to write it with zarr 2 only.
        import zarr
        from rsciio.zspy._api import ZspyWriter

        root = zarr.open_group(path, mode="w", zarr_format=2)
        root.attrs.update(file_format="ZSpy", file_format_version="3.3")
        ZspyWriter(None, signal, root.create_group("Experiments").create_group("HAADF")).write()
    else:
        importlib.import_module(f"rsciio.{plugin}").file_writer(str(path), signal)
    return path


def imagej(path, values, unit, per_unit, per_unit_y=None):
    tifffile.imwrite(
        path, values, imagej=True, resolution=(per_unit, per_unit_y or per_unit),
        metadata={"unit": unit} if unit else None,
    )  # fmt: skip
    return path


# ---- what an open image is


def test_open_image_is_labelled_in_nm(save, counts):
    path = save(counts)
    image = open_image(path, pixel_size_nm=0.05)
    assert image.dims == ("y", "x") and image.dtype == np.float32
    assert image.attrs == {
        "source": "image.npy", "sha256": sha256(path), "units": "nm", "pixel_size_nm": 0.05,
        "pixel_size_from": "argument", "warnings": [],
    }  # fmt: skip
    assert image.x.attrs["units"] == image.y.attrs["units"] == "nm"
    assert float(image.x[-1]) == pytest.approx(0.05 * (COLUMNS - 1))
    assert float(image.y[-1]) == pytest.approx(0.05 * (ROWS - 1))
    np.testing.assert_array_equal(image, counts)


def test_x_is_the_column_and_y_the_row(save, counts, tmp_path):
    image = open_image(save(counts), 1.0)
    assert float(image.sel(x=60, y=7)) == 7060
    table = tmp_path / "points.csv"
    table.write_text(" ,X,Y\n1,60,7\n")
    point = open_points(table, image).iloc[0]
    assert (point.x_px, point.y_px) == (60, 7)
    assert float(image[int(point.y_px), int(point.x_px)]) == 7060


def test_values_of_every_type_arrive(save, counts):
    for dtype in ("uint8", "uint16", "int32", "uint32", "float16", "float64", ">i2"):
        values = (counts % 251).astype(dtype)
        np.testing.assert_array_equal(open_image(save(values), 1.0), counts % 251)


@pytest.mark.parametrize("name", ["a.tif", "a.TIFF", "a.npz", "a.png"])
def test_formats_keep_rows_and_columns(name, tmp_path, counts):
    path, values = tmp_path / name, (counts % 251).astype(np.uint8)
    if name.endswith("npz"):
        np.savez(path, image=values, other=np.zeros(3))
    elif name.endswith("png"):
        Image.fromarray(values).save(path)
    else:
        tifffile.imwrite(path, values)
    np.testing.assert_array_equal(open_image(path, 1.0), values)


@pytest.mark.parametrize(
    ("plugin", "name"), [("hspy", "a.hspy"), ("zspy", "a.zspy"), ("emd", "a.emd")]
)
def test_formats_of_the_microscopes_bring_their_pixel_size(plugin, name, tmp_path, counts):
    path = write_signal(plugin, tmp_path / name, counts, "nm")
    image = open_image(path)
    np.testing.assert_array_equal(image, counts)
    assert image.pixel_size_nm == pytest.approx(0.03) and image.pixel_size_from == "file"
    assert image.sha256 == sha256(path)


def test_mrc(tmp_path, counts):
    path = tmp_path / "a.mrc"
    mrcz = pytest.importorskip("mrcz")
    mrcz.writeMRC(counts, str(path), pixelsize=[0.3, 0.3], pixelunits="\\AA")
    image = open_image(path, 0.03)
    np.testing.assert_array_equal(image, counts)


# ---- pixel size


@pytest.mark.parametrize(
    ("unit", "per_unit", "expected"),
    [
        ("nm", 34.0, 1 / 34), ("um", 34000.0, 1 / 34),
        ("\\u00B5m", 34000.0, 1 / 34), ("micron", 34000.0, 1 / 34), ("angstrom", 3.4, 1 / 34),
        ("pm", 0.034, 1 / 34),
    ],
)  # fmt: skip
def test_imagej_tags(unit, per_unit, expected, tmp_path, counts):
    image = open_image(imagej(tmp_path / "a.tif", counts, unit, per_unit))
    assert image.pixel_size_nm == pytest.approx(expected, rel=1e-4)
    assert image.pixel_size_from == "file"


@pytest.mark.parametrize("units", ["nm", "Å", "A", "µm", "μm", "um"])
def test_units_of_axes(units, tmp_path, counts):
    step = {"nm": 0.03, "Å": 0.3, "A": 0.3}.get(units, 0.03e-3)
    image = open_image(write_signal("hspy", tmp_path / "a.hspy", counts, units, (step, step)))
    assert image.pixel_size_nm == pytest.approx(0.03)


def test_resolution_tags_of_a_microscope_are_used_and_those_of_a_printer_are_not(tmp_path, counts):
    fine, print_ = tmp_path / "fine.tif", tmp_path / "print.tif"
    tifffile.imwrite(fine, counts, resolution=(4e8, 4e8), resolutionunit="CENTIMETER")
    tifffile.imwrite(print_, counts, resolution=(300, 300), resolutionunit="INCH")
    assert open_image(fine).pixel_size_nm == pytest.approx(0.025)
    with pytest.raises(DataError, match="pass pixel_size_nm"):
        open_image(print_)


def test_tif_of_digital_micrograph(tmp_path, counts):
    """The maker's own tags, which only rosettasciio reads."""
    words = [(code, 2, 0, "nm", True) for code in (65003, 65004)]
    numbers = [(code, 12, 1, value, True) for code, value in
               ((65006, 0.0), (65007, 0.0), (65009, 0.04), (65010, 0.04))]  # fmt: skip
    tifffile.imwrite(tmp_path / "a.tif", counts, extratags=words + numbers, metadata=None)
    image = open_image(tmp_path / "a.tif")
    assert image.pixel_size_nm == pytest.approx(0.04) and image.pixel_size_from == "file"


@pytest.mark.parametrize("units", ["nm", "µm"])
def test_tif_of_hyperspy(units, tmp_path, counts):
    step = 0.03 if units == "nm" else 0.03e-3
    path = write_signal("tiff", tmp_path / "a.tif", counts, units, (step, step))
    assert open_image(path).pixel_size_nm == pytest.approx(0.03, rel=1e-4)


def test_several_images_in_one_file(tmp_path, counts):
    """A file of the microscope with several detectors: the HAADF one, or none."""
    import h5py

    path = write_signal("hspy", tmp_path / "a.hspy", counts, "nm")
    with h5py.File(path, "a") as file:
        experiments = file["Experiments"]
        experiments.copy("HAADF", "BF")
        experiments["BF/metadata/General"].attrs["title"] = "BF"
        experiments["BF/data"][...] = 1 + counts
    np.testing.assert_array_equal(open_image(path), counts)
    with h5py.File(path, "a") as file:
        file["Experiments/HAADF/metadata/General"].attrs["title"] = "DF4"
    with pytest.raises(DataError, match="holds 2 images.*BF.*export the one you want"):
        open_image(path)


def test_npz_brings_its_pixel_size(tmp_path, counts):
    np.savez(tmp_path / "a.npz", image=counts, pixel_size_nm=0.04)
    assert open_image(tmp_path / "a.npz").pixel_size_nm == 0.04


def test_given_pixel_size_wins_with_a_warning(tmp_path, counts):
    path = imagej(tmp_path / "a.tif", counts, "nm", 20.0)
    agrees = open_image(path, 0.0502)
    assert agrees.pixel_size_nm == 0.0502 and agrees.warnings == []
    differs = open_image(path, 0.06)
    assert differs.pixel_size_nm == 0.06 and differs.pixel_size_from == "argument"
    assert len(differs.warnings) == 1
    assert "0.05 nm" in differs.warnings[0] and "0.06 nm" in differs.warnings[0]


def test_unknown_unit(tmp_path, counts):
    path = imagej(tmp_path / "a.tif", counts, "furlong", 20.0)
    with pytest.raises(DataError, match="furlong.*pass pixel_size_nm"):
        open_image(path)
    assert "furlong" in open_image(path, 0.05).warnings[0]
    pattern = write_signal("hspy", tmp_path / "a.hspy", counts, "1/nm")
    with pytest.raises(DataError, match="1/nm"):
        open_image(pattern)


@pytest.mark.parametrize("unit", ["pixel", ""])
def test_no_pixel_size(unit, tmp_path, counts):
    with pytest.raises(DataError, match="a.tif.*pass pixel_size_nm"):
        open_image(imagej(tmp_path / "a.tif", counts, unit, 20.0))


@pytest.mark.parametrize("size", [0, -1, np.nan, np.inf, "wide"])
def test_impossible_pixel_size(size, save, counts):
    with pytest.raises(DataError, match="positive number"):
        open_image(save(counts), size)


def test_pixels_that_are_not_square(tmp_path, counts):
    path = imagej(tmp_path / "a.tif", counts, "nm", 20.0, 40.0)
    with pytest.raises(DataError, match="0.05 x 0.025 nm.*square"):
        open_image(path)
    with pytest.raises(DataError, match="square"):
        open_image(path, 0.05)


# ---- grey and colour


@pytest.mark.parametrize("channels", [3, 4])
def test_grey_screenshot_is_grey(channels, tmp_path, counts):
    grey = (counts % 251).astype(np.uint8)
    rgb = np.stack([grey] * 3 + [np.full_like(grey, 255)] * (channels - 3), axis=-1)
    Image.fromarray(rgb).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "a.tif", rgb, photometric="rgb")
    for name in ("a.png", "a.tif"):
        np.testing.assert_array_equal(open_image(tmp_path / name, 1.0), grey)


def test_colour_is_refused(tmp_path, counts):
    rgb = np.stack([(counts % 251).astype(np.uint8)] * 3, axis=-1)
    rgb[5, 6, 0] ^= 1
    Image.fromarray(rgb).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="colour image.*differ at 1 pixels"):
        open_image(tmp_path / "a.png", 1.0)


# ---- files that cannot be used


def test_missing_file_folder_and_empty_file(tmp_path):
    with pytest.raises(DataError, match="gone.tif does not exist"):
        open_image(tmp_path / "gone.tif")
    with pytest.raises(DataError, match="is a folder"):
        open_image(tmp_path)
    (tmp_path / "empty.tif").touch()
    with pytest.raises(DataError, match="empty"):
        open_image(tmp_path / "empty.tif")


def test_unknown_ending(tmp_path):
    (tmp_path / "a.docx").write_text("no image")
    with pytest.raises(DataError, match=r"'\.docx'.*\.dm4"):
        open_image(tmp_path / "a.docx")


@pytest.mark.parametrize(
    "name",
    ["a.tif", "a.dm3", "a.dm4", "a.emd", "a.ser", "a.hspy", "a.mrc", "a.npz", "a.png", "a.jpg"],
)
def test_noise_in_place_of_a_file(name, tmp_path):
    (tmp_path / name).write_bytes(np.random.default_rng(1).bytes(3000))
    with pytest.raises(DataError, match=name):
        open_image(tmp_path / name, 1.0)


def test_truncated_files(tmp_path, counts):
    grey = np.random.default_rng(2).integers(0, 255, (64, 64), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", counts)
    tifffile.imwrite(tmp_path / "b.tif", counts, compression="zlib")
    np.save(tmp_path / "a.npy", counts)
    np.savez(tmp_path / "a.npz", counts)
    Image.fromarray(grey).save(tmp_path / "a.png")
    Image.fromarray(grey).save(tmp_path / "a.jpg")
    write_signal("hspy", tmp_path / "a.hspy", counts, "nm")
    write_signal("emd", tmp_path / "a.emd", counts, "nm")
    files = sorted(tmp_path.iterdir())
    assert len(files) == 8
    for path in files:
        open_image(path, 0.03)
        whole = path.read_bytes()
        for share in (0.02, 0.5, 0.9):
            path.write_bytes(whole[: int(len(whole) * share)])
            with pytest.raises(DataError, match=f"{path.name}.*(truncated|not a NumPy)"):
                open_image(path, 0.03)


def test_dimensions(save, counts):
    with pytest.raises(DataError, match="1-dimensional"):
        open_image(save(counts.ravel()), 1.0)
    with pytest.raises(DataError, match=r"stack of 7 frames.*pass one frame"):
        open_image(save(np.stack([counts] * 7)), 1.0)
    with pytest.raises(DataError, match=r"stack of 6 frames"):
        open_image(save(np.ones((2, 3, 40, 40)) * counts[:40, :40]), 1.0)
    np.testing.assert_array_equal(open_image(save(counts[None]), 1.0), counts)


def test_stack_in_a_tif(tmp_path, counts):
    tifffile.imwrite(tmp_path / "a.tif", np.stack([counts] * 3), photometric="minisblack")
    with pytest.raises(DataError, match="stack of 3 frames"):
        open_image(tmp_path / "a.tif", 1.0)


def test_values_that_are_no_numbers(save, counts):
    broken = counts.copy()
    broken[3, 5], broken[9, 9], broken[10, 0] = np.nan, np.nan, np.inf
    with pytest.raises(DataError, match="2 NaN and 1 infinite.*x=5, row y=3"):
        open_image(save(broken), 1.0)
    with pytest.raises(DataError, match="infinite"):
        open_image(save(counts.astype(np.float64) * 1e300), 1.0)
    for values in (counts.astype(complex), counts > 5, counts.astype("S5")):
        with pytest.raises(DataError, match="real numbers"):
            open_image(save(values), 1.0)


def test_constant_and_small_images(save, counts):
    with pytest.raises(DataError, match="constant.*7"):
        open_image(save(np.full((40, 40), 7)), 1.0)
    with pytest.raises(DataError, match="31 x 40 pixels.*at least 32"):
        open_image(save(counts[:40, :31]), 1.0)
    assert open_image(save(counts[:32, :32]), 1.0).shape == (32, 32)


class Bomb:
    def __reduce__(self):
        raise_alarm = "raise SystemExit('the pickle ran')"
        return exec, (raise_alarm,)


def test_pickles_are_never_opened(tmp_path, counts):
    array = np.empty(3, dtype=object)
    array[:] = [Bomb()] * 3
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    np.savez(tmp_path / "a.npz", array)
    (tmp_path / "b.npy").write_bytes(pickle.dumps(Bomb()))
    for name in ("a.npy", "a.npz", "b.npy"):
        with pytest.raises(DataError, match="pickle"):
            open_image(tmp_path / name, 1.0)


def test_npz_with_several_arrays(tmp_path, counts):
    np.savez(tmp_path / "a.npz", first=counts, second=counts)
    with pytest.raises(DataError, match="first.*second.*'image'"):
        open_image(tmp_path / "a.npz", 1.0)


# ---- the measured images


@pytest.mark.measured
def test_pt_nc(pt_nc):
    names = {split: [f.name for f in pt_nc if f.split == split] for split in ("train", "test")}
    assert names["train"] == "021 025 027 034 037 038 045 047 048 049 051".split()
    assert names["test"] == "053 055 057 066 072 075 078 080 083 091".split()
    assert sum(len(f.labels) for f in pt_nc if f.split == "train") == 481
    assert sum(len(f.labels) for f in pt_nc if f.split == "test") == 607
    for frame in pt_nc:
        assert frame.image.shape == (512, 512)
        assert frame.image.pixel_size_nm == PT_NC_PIXEL_NM
        assert frame.image.warnings == []  # the tags of the files agree with the paper
        assert re.match(frame.name, frame.image.source)


@pytest.mark.measured
def test_labels_lie_on_bright_pixels_only_with_x_as_column(pt_nc):
    """Labels sit on atoms: exchanging x and y must lose the contrast."""
    right, wrong = [], []
    for frame in pt_nc:
        values = frame.image.to_numpy()
        x, y = frame.labels.to_numpy().astype(int).T
        right.append(np.mean(values[y, x]) / np.median(values))
        wrong.append(np.mean(values[x, y]) / np.median(values))
    assert np.mean(np.array(right) > np.array(wrong)) > 0.8
