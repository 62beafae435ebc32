"""predict and predict_frames: scale, window, refusals."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr

from helpers.clusters import classify
from helpers.clusters.calibration import NoiseScaling
from helpers.clusters.network import IsomerNet
from helpers.clusters.outline import resampled
from helpers.clusters.structures import ISOMERS
from helpers.data import DataError
from helpers.weights import save_weights


@pytest.fixture(scope="module")
def classifier():
    torch.manual_seed(0)
    net = IsomerNet().eval()
    return classify.Classifier(net, 0.05, NoiseScaling(2.0, 1.0), 0.0, (1, 4))


def disc(side, centre, radius):
    y, x = np.mgrid[:side, :side]
    return (np.hypot(x - centre[0], y - centre[1]) < radius).astype(np.float32)


def textured(side=64, seed=0):
    rng = np.random.default_rng(seed)
    return disc(side, (side / 2, side / 2), side / 3) * (2 + rng.random((side, side)))


def test_prediction_says_what_predict_frames_says(classifier):
    image = textured()
    said = classify.predict(image, 0.05, classifier)
    p = classify.predict_frames(image[None], 0.05, classifier)[0]
    assert list(said.probabilities) == list(ISOMERS)
    assert list(said.probabilities.values()) == pytest.approx(p)
    assert p.sum() == pytest.approx(1)
    assert said.isomer == ISOMERS[p.argmax()] and said.probability == pytest.approx(p.max())


def test_rejection_gives_its_reason(classifier):
    image = textured()
    for threshold, accepted in ((0.0, True), (1.1, False)):
        other = replace(classifier, threshold=threshold)
        said = classify.predict(image, 0.05, other)
        assert said.accepted is accepted
        assert (said.reason == "") is accepted
    assert "below 1.10" in said.reason
    small = replace(classifier, diameters_nm=(0.5, 1.0))
    assert "2.1 nm wide" in classify.predict(image, 0.05, small).reason


def test_pixel_size_of_the_image_is_used(classifier):
    image = xr.DataArray(textured(), dims=("y", "x"), attrs={"pixel_size_nm": 0.04})
    with_attribute = classify.predict(image, classifier=classifier)
    assert with_attribute == classify.predict(image.to_numpy(), 0.04, classifier)
    assert with_attribute != classify.predict(image.to_numpy(), 0.05, classifier)


@pytest.mark.parametrize("size", [None, 0, -0.05, np.nan])
def test_an_unknown_pixel_size_is_refused(classifier, size):
    with pytest.raises(DataError, match="pixel size is .*give pixel_size_nm"):
        classify.predict(textured(), size, classifier)


@pytest.mark.parametrize(
    ("image", "size", "says"),
    [
        (np.zeros((2, 64, 64)), 0.05, "3 axes"),
        (textured(), 0.2, "do not resolve atomic columns"),
        (textured(20), 0.05, "field is 1 x 1 nm"),
        (np.ones((64, 64)), 0.05, "no contrast"),
        (np.where(textured() > 2.5, np.nan, textured()), 0.05, "not finite"),
        (textured().astype(complex), 0.05, "real numbers"),
    ],
)
def test_unusable_images_are_refused(classifier, image, size, says):
    with pytest.raises(DataError, match=says):
        classify.predict(image, size, classifier)


def test_frames_of_other_pixels_get_the_network_s():
    fine = np.kron(textured(48), np.ones((3, 3)))
    coarse = resampled(fine[None], 0.05 / 3, 0.05)[0]
    assert coarse.shape == (48, 48)
    assert np.corrcoef(coarse.ravel(), textured(48).ravel())[0, 1] > 0.95
    assert (resampled(fine[None], 0.05, 0.05)[0] == fine.astype("f4")).all()


def test_the_window_holds_the_cluster():
    frames = np.stack([disc(150, (40, 110), 20), disc(150, (5, 5), 20), disc(150, (75, 75), 20)])
    frames[2, 3, 3] = 50  # a hot pixel
    seen = classify.around_brightest(frames, 64)
    assert seen.shape == (3, 64, 64)
    assert [s.sum() for s in seen] == [f.sum() - (50 if f.max() > 1 else 0) for f in frames]
    assert (
        classify.around_brightest(frames, 160) is frames
        or (classify.around_brightest(frames, 160) == frames).all()
    )


def test_no_frames_give_no_rows(classifier):
    assert classify.predict_frames(np.empty((0, 64, 64)), 0.05, classifier).shape == (0, 4)


def test_a_file_brings_everything(classifier, tmp_path):
    path = tmp_path / "isomers.safetensors"
    save_weights(
        path, classifier.network, pixel_size_nm=0.05, factor=2.0, power=1.0, branches=3,
        threshold=0.0, diameters_nm=[1, 4],
    )  # fmt: skip
    read = classify.load_classifier(path)
    assert classify.predict(textured(), 0.05, read) == classify.predict(
        textured(), 0.05, classifier
    )
