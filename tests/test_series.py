import numpy as np
import pytest
import tifffile

from helpers.data import DataError, open_image, open_series, sha256

FRAMES, ROWS, COLUMNS = 5, 40, 48


@pytest.fixture
def counts():
    """Frames whose value tells frame and pixel: 10000 t + 100 y + x."""
    t, y, x = np.mgrid[:FRAMES, :ROWS, :COLUMNS]
    return (10_000 * t + 100 * y + x).astype(np.float32)


@pytest.fixture
def save(tmp_path, counts):
    def write(values, name="video.npy"):
        np.save(tmp_path / name, values)
        return tmp_path / name

    return write


def write_signal(plugin, path, values, steps=(0.04, 0.05, 0.05), units=("s", "nm", "nm")):
    """Write a stack with calibrated axes through rosettasciio."""
    import importlib

    axes = [
        dict(_type="UniformDataAxis", name=name, size=size, offset=0.0, scale=step, units=unit,
             navigate=name == "t", index_in_array=i, is_binned=False)
        for i, (name, size, step, unit) in enumerate(zip("tyx", values.shape, steps, units))
    ]  # fmt: skip
    signal = dict(
        data=values, axes=axes, package_info={}, learning_results={}, models={},
        metadata={"General": {"title": "HAADF"}, "Signal": {"signal_type": ""}},
        original_metadata={}, tmp_parameters={}, attributes={"_lazy": False, "ragged": False},
    )  # fmt: skip
    importlib.import_module(f"rsciio.{plugin}").file_writer(str(path), signal)
    return path


def test_a_video_is_labelled_in_s_and_nm(save, counts):
    path = save(counts)
    video = open_series(path, 0.05, frame_s=0.04)
    assert video.dims == ("time", "y", "x") and video.dtype == np.float32
    np.testing.assert_array_equal(video, counts)
    assert video.attrs == {
        "source": "video.npy", "sha256": sha256(path), "units": "nm", "pixel_size_nm": 0.05,
        "pixel_size_from": "argument", "frame_s": 0.04, "frames_in_file": FRAMES, "warnings": [],
    }  # fmt: skip
    assert video.time.attrs["units"] == "s" and video.x.attrs["units"] == "nm"
    assert float(video.time[-1]) == pytest.approx(0.04 * (FRAMES - 1))
    assert float(video.sel(x=1.5, y=0.35, method="nearest").isel(time=2)) == 20_730


def test_without_a_frame_time_frames_are_counted(save, counts):
    video = open_series(save(counts), 0.05)
    assert video.time.attrs["units"] == "frame" and np.isnan(video.frame_s)
    np.testing.assert_array_equal(video.time, np.arange(FRAMES))


def test_values_of_every_type_arrive(save, counts):
    for dtype in ("uint8", "uint16", "int32", "float64", ">i2"):
        values = (counts % 251).astype(dtype)
        np.testing.assert_array_equal(open_series(save(values), 1.0), counts % 251)


@pytest.mark.parametrize("imagej", [True, False])
def test_stack_in_a_tif(imagej, tmp_path, counts):
    path = tmp_path / "a.tif"
    meta = {"unit": "nm", "finterval": 0.04, "axes": "TYX"} if imagej else None
    resolution = (20.0, 20.0)
    tifffile.imwrite(
        path, counts, imagej=imagej, resolution=resolution, metadata=meta, photometric="minisblack",
        **({} if imagej else {"resolutionunit": "NONE"}),
    )  # fmt: skip
    video = open_series(path, None if imagej else 0.05)
    np.testing.assert_array_equal(video, counts)
    assert video.pixel_size_nm == pytest.approx(0.05)
    assert video.pixel_size_from == ("file" if imagej else "argument")
    if imagej:
        assert video.frame_s == pytest.approx(0.04)


@pytest.mark.parametrize("name", ["a.hspy", "a.emd"])
def test_stacks_of_the_microscopes_bring_pixel_size_and_frame_time(name, tmp_path, counts):
    path = write_signal(name[2:], tmp_path / name, counts)
    video = open_series(path)
    np.testing.assert_array_equal(video, counts)
    assert video.pixel_size_nm == pytest.approx(0.05) and video.pixel_size_from == "file"
    assert video.frame_s == pytest.approx(0.04)


def test_dm4(tmp_path, counts, dm4):
    video = open_series(dm4(tmp_path / "a.dm4", counts))
    np.testing.assert_array_equal(video, counts)
    assert video.pixel_size_nm == pytest.approx(0.05)
    assert video.frame_s == pytest.approx(0.04)


@pytest.mark.parametrize(("unit", "step"), [("s", 0.04), ("ms", 40.0), ("µs", 4e4), ("sec", 0.04)])
def test_units_of_time(unit, step, tmp_path, counts):
    path = write_signal("hspy", tmp_path / "a.hspy", counts, (step, 0.05, 0.05), (unit, "nm", "nm"))
    assert open_series(path).frame_s == pytest.approx(0.04)


def test_an_axis_that_is_no_time_is_not_taken_for_one(tmp_path, counts):
    path = write_signal("hspy", tmp_path / "a.hspy", counts, (2.0, 0.05, 0.05), ("nm", "nm", "nm"))
    assert np.isnan(open_series(path).frame_s)


def test_who_disagrees_with_the_file_is_told(tmp_path, counts):
    path = write_signal("hspy", tmp_path / "a.hspy", counts)
    video = open_series(path, 0.06, frame_s=0.5)
    assert video.frame_s == 0.5 and video.pixel_size_nm == 0.06
    assert video.warnings == [
        "a.hspy says 0.05 nm per pixel, but 0.06 nm was given and used.",
        "a.hspy says 0.04 s per frame, but 0.5 s was given and used.",
    ]


def test_of_several_data_sets_the_stack_is_taken(tmp_path, counts):
    import h5py

    path = write_signal("hspy", tmp_path / "a.hspy", counts)
    with h5py.File(path, "a") as file:
        experiments = file["Experiments"]
        experiments.copy("HAADF", "AAA")
        del experiments["AAA/data"], experiments["AAA/axis-0"]
        experiments["AAA"].move("axis-1", "axis-0")
        experiments["AAA"].move("axis-2", "axis-1")
        experiments["AAA/data"] = counts[0]
    assert open_series(path).shape == counts.shape
    np.testing.assert_array_equal(open_image(path), counts[0])


def test_one_image_is_a_video_of_one_frame(save, counts):
    video = open_series(save(counts[0]), 0.05)
    assert video.shape == (1, ROWS, COLUMNS)
    np.testing.assert_array_equal(video[0], counts[0])
    np.testing.assert_array_equal(open_series(save(counts[:, None]), 0.05), counts)


def test_grey_frames_stored_as_colour(save, counts):
    rgb = np.repeat((counts % 251).astype(np.uint8)[..., None], 3, axis=-1)
    np.testing.assert_array_equal(open_series(save(rgb), 0.05), counts % 251)
    rgb[2, 3, 4, 0] += 9
    with pytest.raises(DataError, match="colour image .the channels differ at 1 pixels"):
        open_series(save(rgb), 0.05)


def test_blanked_and_damaged_frames_are_left_out_and_named(save, counts):
    counts[1] = 7
    counts[3, 5, 6] = np.nan
    video = open_series(save(counts), 0.05, frame_s=0.5)
    assert video.frame.to_numpy().tolist() == [0, 2, 4] and video.frames_in_file == FRAMES
    np.testing.assert_allclose(video.time, [0, 1.0, 2.0])
    np.testing.assert_array_equal(video, counts[[0, 2, 4]])
    assert video.warnings == [
        "2 of 5 frames (1, 3) are constant or hold values that are not finite, and were left out."
    ]


def test_frames_without_anything_are_refused(save, counts):
    with pytest.raises(DataError, match="holds 5 frames, all of them constant"):
        open_series(save(np.zeros_like(counts)), 0.05)


def test_bad_shapes_and_types_are_refused(save, counts):
    with pytest.raises(DataError, match=r"4-dimensional data .shape \(2, 5, 40, 48\).*one channel"):
        open_series(save(np.stack([counts, counts])), 0.05)
    with pytest.raises(DataError, match="1-dimensional data"):
        open_series(save(np.arange(50.0)), 0.05)
    with pytest.raises(DataError, match="48 x 20 pixels: expected at least 32 a side"):
        open_series(save(counts[:, :20]), 0.05)
    with pytest.raises(DataError, match="values of type complex"):
        open_series(save(counts.astype(complex)), 0.05)


def test_missing_damaged_and_unknown_files_are_refused(tmp_path, save, counts, dm4):
    with pytest.raises(DataError, match="does not exist"):
        open_series(tmp_path / "none.tif", 0.05)
    (tmp_path / "empty.tif").touch()
    with pytest.raises(DataError, match="is empty .0 bytes"):
        open_series(tmp_path / "empty.tif", 0.05)
    whole = write_signal("hspy", tmp_path / "a.hspy", counts).read_bytes()
    (tmp_path / "half.hspy").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="could not be read as hspy"):
        open_series(tmp_path / "half.hspy", 0.05)
    cut = dm4(tmp_path / "a.dm4", counts).read_bytes()
    (tmp_path / "cut.dm4").write_bytes(cut[:500])
    with pytest.raises(DataError, match="could not be read as dm4"):
        open_series(tmp_path / "cut.dm4", 0.05)
    (tmp_path / "a.avi").write_bytes(b"RIFF")
    with pytest.raises(DataError, match="unknown ending '.avi'"):
        open_series(tmp_path / "a.avi", 0.05)


@pytest.mark.parametrize("size", [0, -1, np.nan, "wide"])
def test_sizes_and_times_that_are_none_are_refused(size, save, counts):
    with pytest.raises(DataError, match="pixel_size_nm must be a positive number"):
        open_series(save(counts), size)
    with pytest.raises(DataError, match="frame_s must be a positive number"):
        open_series(save(counts), 0.05, frame_s=size)


def test_a_video_needs_its_pixel_size(save, counts):
    with pytest.raises(DataError, match="does not say how large its pixels are"):
        open_series(save(counts))


def test_open_image_names_the_way_to_open_a_video(save, counts):
    with pytest.raises(DataError, match="stack of 5 frames.*open_series"):
        open_image(save(counts), 0.05)


def test_the_one_array_at_the_top_of_an_hdf5_file_is_read(tmp_path, counts):
    import h5py

    path = tmp_path / "lattice.hdf5"
    with h5py.File(path, "w") as file:
        file["image_data0"] = counts[0]
        file["_sublattice/original_image_data"] = counts[1]
    assert (open_image(path, 0.05).to_numpy() == counts[0]).all()
    assert (open_series(path, 0.05).to_numpy() == counts[:1]).all()
    with pytest.raises(DataError, match="does not say how large"):
        open_image(path)
    with h5py.File(path, "a") as file:
        file["image_data1"] = counts[1]
    with pytest.raises(DataError, match="exactly one array"):
        open_image(path, 0.05)
