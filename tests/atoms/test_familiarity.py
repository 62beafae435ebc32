import numpy as np
import pytest
import xarray as xr
from scipy.ndimage import gaussian_filter, zoom
from skimage import data as pictures

from helpers.atoms import familiarity
from helpers.atoms.dense import dense_image
from helpers.atoms.noise import electron_scale
from helpers.data import DataError

PIXEL_NM = 15 / 512


def as_image(values, pixel_size_nm=PIXEL_NM):
    attrs = {"pixel_size_nm": pixel_size_nm}
    return xr.DataArray(np.asarray(values, np.float32), dims=("y", "x"), attrs=attrs)


def verdict(image):
    """The worst verdict of all properties."""
    order = ("ok", "warn", "bad")
    return max(familiarity.compare_with_training(image)["verdict"], key=order.index)


def flagged(image):
    table = familiarity.compare_with_training(image)
    return set(table.property[table.verdict != "ok"])


@pytest.fixture
def micrograph():
    """Blobs as strong as Pt atoms on a cloudy, shaded support, at the training images' dose."""
    rng = np.random.default_rng(7)
    y, x = np.indices((512, 512))
    support = 30 + 50 * x / 512
    clouds = gaussian_filter(rng.normal(size=x.shape), 7)
    spots = np.zeros(x.shape)
    spots[tuple(rng.integers(12, 500, (2, 60)))] = 1
    spots = 20 * gaussian_filter(spots, 3.1) * 2 * np.pi * 3.1**2
    electrons = np.where(x > 60, support * (1 + 0.07 * clouds / clouds.std()) + spots, 5)
    return 1.02e4 * rng.poisson(gaussian_filter(electrons, 1)) + 1.72e5


def test_a_familiar_image_passes(micrograph):
    table = familiarity.compare_with_training(as_image(micrograph))
    assert list(table.columns) == ["property", "value", "low", "high", "verdict", "reason"]
    assert (table.verdict == "ok").all(), table
    assert (table.reason == "").all()


def test_gain_and_offset_do_not_matter(micrograph):
    one = familiarity.image_properties(as_image(micrograph))
    other = familiarity.image_properties(as_image(micrograph / 1e4 - 10))
    assert other == pytest.approx(one, rel=0.01)


@pytest.mark.parametrize("stated", [2 * PIXEL_NM, PIXEL_NM / 2])
def test_wrong_pixel_size_is_flagged(micrograph, stated):
    assert "pixel size (nm)" in flagged(as_image(micrograph, stated))


def test_wrong_but_plausible_pixel_size_shows_in_the_blobs(micrograph):
    """The file claims the network's pixel size, the pixels are twice as fine or coarse."""
    assert verdict(as_image(zoom(micrograph, 2, order=3))) == "bad"
    coarse = micrograph.reshape(256, 2, 256, 2).mean((1, 3))
    assert verdict(as_image(coarse)) != "ok"


def test_noise_blur_and_particles_are_flagged(micrograph):
    scale = electron_scale(micrograph)
    rng = np.random.default_rng(8)
    few = rng.poisson(np.clip(scale.electrons(micrograph), 0, None) / 8)
    noisy = flagged(as_image(8 * scale.gain * few + scale.offset))
    assert noisy & {"dose (electrons/px)", "blob SD (nm)", "blob height / noise"}
    assert verdict(as_image(gaussian_filter(micrograph, 2))) == "bad"
    hot = micrograph.copy()
    hot[200, 200] += 30 * np.ptp(micrograph)
    assert "blob height / brightest pixel" in flagged(as_image(hot))


@pytest.mark.parametrize("name", ["camera", "coins", "moon", "text"])
def test_unrelated_pictures_are_bad(name):
    assert verdict(as_image(getattr(pictures, name)())) == "bad"


def test_noise_without_specimen_is_bad():
    assert verdict(as_image(np.random.default_rng(0).poisson(20, (512, 512)))) == "bad"


def test_the_reason_for_an_unreadable_dose_is_the_right_one(micrograph):
    def reason(values):
        table = familiarity.compare_with_training(as_image(values)).set_index("property")
        return table.loc["dose (electrons/px)", "reason"]

    rng = np.random.default_rng(1)
    # true counts, but nothing in the field that is brighter or darker
    for electrons in (20, 1000):
        assert "too even" in reason(rng.poisson(electrons, (512, 512)))
    assert "neighbouring pixels" in reason(gaussian_filter(micrograph, 2))
    shading = np.linspace(0, 100, 512) * np.ones((512, 1))
    assert "no counts" in reason(100 + shading + rng.normal(0, 10, (512, 512)))
    assert reason(micrograph) == ""


def test_an_image_without_noise_is_refused():
    y, x = np.indices((256, 256))
    with pytest.raises(DataError, match="no noise"):
        familiarity.compare_with_training(as_image(np.where(x > 100, x + y, 0)))


@pytest.mark.measured
def test_most_test_images_are_familiar(pt_nc):
    verdicts = {i.name: verdict(i.image) for i in pt_nc if i.split == "test"}
    assert sum(v == "ok" for v in verdicts.values()) >= 8, verdicts
    assert "bad" not in verdicts.values()


@pytest.mark.measured
def test_a_published_image_is_told_by_its_split(pt_nc):
    said = {item.name: familiarity.published(item.image) for item in pt_nc}
    for item in pt_nc:
        words = {"train": "were trained on", "test": "no detector was trained on"}[item.split]
        assert f"image {item.name} of" in said[item.name] and words in said[item.name]
    other = pt_nc[0].image.assign_attrs(sha256="0" * 64)
    assert familiarity.published(other) == ""


def test_simulated_dense_images_are_familiar_to_the_detector_that_learnt_from_such():
    def flags(image, path):
        return (familiarity.compare_with_training(image, path)["verdict"] != "ok").sum()

    dense = [dense_image(2700 + k, {"Pt": 2.0}, shape=(256, 256)).image for k in range(4)]
    assert sum(flags(image, familiarity.SIMULATED_RANGES) for image in dense) <= 1
    assert all(flags(image, familiarity.RANGES) for image in dense)
    assert "simulated" in familiarity.rule(familiarity.SIMULATED_RANGES)
    assert "eleven" in familiarity.rule()


@pytest.mark.measured
def test_thick_measured_flakes_are_strange_to_the_dense_detector(pt_nc):
    strange = 0
    for item in (i for i in pt_nc if i.split == "test"):
        table = familiarity.compare_with_training(item.image, familiarity.SIMULATED_RANGES)
        strange += (table["verdict"] != "ok").any()
    assert strange >= 8
