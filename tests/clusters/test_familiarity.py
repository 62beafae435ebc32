"""Frames like the training pass; what is wrong with others is named."""

import json

import numpy as np
import pytest
from scipy.ndimage import zoom

from helpers.clusters import familiarity
from helpers.clusters.library import library
from helpers.clusters.recording import record
from helpers.data import DataError


@pytest.fixture(scope="module")
def images():
    return library(309).only("test").images[::40]


def frames_of(images, dose=1e4, **settings):
    return record(np.random.default_rng(0), images, dose, side=64, **settings)


def flagged(frames, pixel_size_nm=0.05):
    table = familiarity.compare_with_training(frames, pixel_size_nm)
    assert (table["reason"] == "").equals(table["verdict"] == "ok")
    return set(table.loc[table["verdict"] != "ok", "property"])


@pytest.mark.parametrize("dose", [200, 1e4, 9e4])
def test_frames_as_in_training_pass(images, dose):
    frames = frames_of(images, dose)
    assert flagged(frames) == set()
    assert flagged(frames[0]) == set()


def test_gain_and_offset_do_not_matter(images):
    frame = frames_of(images)[0]
    one = familiarity.image_properties(frame, 0.05)
    assert familiarity.image_properties(3 * frame + 1000, 0.05) == pytest.approx(one, rel=1e-3)


def test_finer_pixels_are_no_fault_but_coarser_ones_are(images):
    frame = frames_of(images)[0]
    assert "pixel size (nm)" not in flagged(zoom(frame, 2, order=1), 0.025)
    assert "pixel size (nm)" in flagged(frame, 0.07)


def test_a_wrong_pixel_size_shows_in_the_diameter(images):
    assert "diameter (nm)" in flagged(frames_of(images)[0], 0.09)


def test_too_few_electrons_are_noticed(images):
    assert flagged(frames_of(images, 20))


def test_noise_alone_is_unlike_any_training_frame():
    noise = np.random.default_rng(4).normal(100, 10, (128, 128))
    assert "height / noise" in flagged(noise)


def test_an_object_cut_by_the_border_is_noticed(images):
    frame = frames_of(images)[0]
    assert "share of the border covered" in flagged(frame[:, 20:])


def test_an_object_that_fills_the_image_still_gets_numbers():
    y, x = np.mgrid[:200, :200]
    image = np.random.default_rng(1).poisson(100 + 50 * np.cos(x / 3) * np.cos(y / 3))
    found = familiarity.image_properties(image, 0.02)
    assert all(np.isfinite(value) for value in found.values())


def test_ranges_are_asked_for_when_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(familiarity, "RANGES", tmp_path / "none.json")
    familiarity.training_ranges.cache_clear()
    with pytest.raises(DataError, match="make_training_ranges"):
        familiarity.training_ranges()
    familiarity.training_ranges.cache_clear()


def test_shipped_ranges_have_every_property():
    known = json.loads(familiarity.RANGES.read_text())
    assert set(known["ranges"]) == set(familiarity.REASONS)
    assert "98 %" in familiarity.rule()
