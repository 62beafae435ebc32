"""The best match in an atlas: rotated, mirrored and shifted copies are found."""

import numpy as np
import pytest
from scipy.ndimage import affine_transform, gaussian_filter

from helpers.clusters import atlas

SIDE = 52


def blobs(rng, n, reach=18):
    """Images of 40 spots each, the brightness centred."""
    images = []
    for _ in range(n):
        radius, angle = reach * np.sqrt(rng.random(40)), rng.uniform(0, 2 * np.pi, 40)
        place = np.stack([radius * np.sin(angle), radius * np.cos(angle)], 1)
        place += (SIDE - 1) / 2 - place.mean(0)
        y, x = np.mgrid[:SIDE, :SIDE]
        images.append(sum(np.exp(-((y - v) ** 2 + (x - u) ** 2) / 2 / 1.6**2) for v, u in place))
    return np.array(images, np.float32)


def moved(image, degrees, shift, mirror=False):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.array([[c, -s], [s, c]]) @ np.diag([1, -1 if mirror else 1])
    middle = (np.array(image.shape) - 1) / 2
    return affine_transform(image, matrix, middle - matrix @ (middle + shift), order=3)


@pytest.fixture(scope="module")
def images():
    return blobs(np.random.default_rng(0), 40)


@pytest.fixture(scope="module")
def made(images):
    return atlas.build_atlas(images, np.arange(40) % 4, source_px=0)


def test_an_image_is_most_like_itself(made, images):
    found = atlas.similarities(made, images[:6])
    assert found.argmax(1).tolist() == list(range(6))
    assert found.max(1) == pytest.approx(np.ones(6), abs=0.01)


@pytest.mark.parametrize("mirror", [False, True])
def test_rotated_shifted_and_mirrored_copies_are_found(made, images, mirror):
    rng = np.random.default_rng(1)
    frames = [moved(i, rng.uniform(0, 360), rng.uniform(-3, 3, 2), mirror) for i in images[:12]]
    found = atlas.similarities(made, np.array(frames))
    assert found.argmax(1).tolist() == list(range(12))
    assert found.max(1).min() > 0.92
    assert np.sort(found, axis=1)[:, -2].max() < 0.85


def test_brightness_and_background_do_not_matter(made, images):
    plain = atlas.similarities(made, images[:2])
    assert atlas.similarities(made, 7 * images[:2] + 100) == pytest.approx(plain, abs=1e-3)


def test_smoothing_helps_against_noise(images):
    rng = np.random.default_rng(2)
    frames = np.repeat(images[:12], 2, 0)
    frames = frames + rng.normal(0, 4 * images.std(), frames.shape)
    right = {}
    for blur in (0.0, 1.5):
        made = atlas.build_atlas(images, np.arange(40) % 4, 0, blur)
        found = atlas.similarities(made, frames)
        right[blur] = (found.argmax(1) == np.repeat(np.arange(12), 2)).mean()
    assert right[1.5] > right[0.0]


def test_source_size_is_applied_to_the_atlas_only(images):
    made = atlas.build_atlas(images, np.zeros(40, int), source_px=1.5)
    blurred = np.array([gaussian_filter(i, 1.5) for i in images[:3]])
    assert atlas.similarities(made, blurred).max(1) == pytest.approx(np.ones(3), abs=0.01)
    assert atlas.similarities(made, images[:3]).max(1).max() < 0.98


def test_centring_recovers_whole_pixels(made, images):
    rolled = np.array([np.roll(images[0], (5, -7), (0, 1)), images[0]])
    both = atlas.centred(rolled, made.profile)
    assert (both[0] == both[1]).all()


def test_best_of_each_class_and_confusers_of_hand_counted_similarities(made):
    few = atlas.Atlas(made.spectra[:, :4], np.array([0, 0, 1, 3]), made.polar, made.profile, 0.0)
    similarity = np.array([[0.9, 0.8, 0.7, 0.6], [0.2, 0.9, 0.95, 0.1]])
    best = atlas.class_similarities(few, similarity)
    expected = np.array([[0.9, 0.7, -np.inf, 0.6], [0.9, 0.95, -np.inf, 0.1]], np.float32)
    assert (best == expected).all()
    alone = atlas.class_similarities(few, similarity, without=[0, 2])
    assert alone[:, 0] == pytest.approx([0.8, 0.9]) and alone[1, 1] == -np.inf
    highest, which = atlas.confusers(np.array([0, 0]), best)
    assert highest == pytest.approx([0.7, 0.95]) and which.tolist() == [1, 1]
