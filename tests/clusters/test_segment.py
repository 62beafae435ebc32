"""Clusters found in a wide field, touching ones cut apart, neighbours blanked."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.clusters import scenes, segment
from helpers.clusters.calibration import NoiseScaling
from helpers.clusters.classify import Classifier
from helpers.clusters.network import IsomerNet
from helpers.clusters.structures import ISOMERS
from helpers.data import DataError

PIXEL_NM = 0.05


@pytest.fixture(scope="module")
def images():
    """Round clusters of columns 5 px apart, 1.7 to 2.3 nm wide, thicker in the middle."""
    y, x = np.mgrid[:52, :52] - 25.5
    lattice = 0.6 + 0.4 * np.cos(2 * np.pi * x / 5) * np.cos(2 * np.pi * y / 5)
    return np.array(
        [lattice * np.sqrt(np.clip(r**2 - x**2 - y**2, 0, None)) / r for r in (17, 20, 23)] * 4,
        np.float32,
    )


def noisy(rng, field):
    return rng.poisson(40 * field + 8)


@pytest.fixture(scope="module")
def field(images):
    rng = np.random.default_rng(0)
    clean, truth = scenes.scene(rng, images, np.arange(12) % 4, 400, 9, pairs=2)
    return noisy(rng, clean), truth


def test_scene_is_what_its_table_says(images):
    clean, truth = scenes.scene(np.random.default_rng(1), images, np.arange(12) % 4, 400, 6)
    assert clean.sum() == pytest.approx(images[truth["image"]].sum(), rel=1e-4)
    for row in truth.itertuples():
        top, left = round(row.y_px - 25.5), round(row.x_px - 25.5)
        assert clean[top : top + 52, left : left + 52] == pytest.approx(images[row.image], abs=1e-5)
    assert (truth["class"] == truth["image"] % 4).all()


def test_pairs_touch_and_others_do_not(images):
    _, truth = scenes.scene(np.random.default_rng(2), images, np.zeros(12, int), 400, 8, pairs=2)
    place, radius = truth[["x_px", "y_px"]].to_numpy(), truth["radius_px"].to_numpy()
    gap = np.linalg.norm(place[:, None] - place, axis=-1) - radius[:, None] - radius
    pair = truth["pair"].to_numpy()
    same = (pair[:, None] == pair) & (pair >= 0)
    off = ~np.eye(8, dtype=bool)
    assert abs(gap[same & off]).max() < 1.5
    assert gap[~same & off].min() > 14


def test_a_full_field_is_refused(images):
    with pytest.raises(DataError, match="does not hold 12 clusters"):
        scenes.scene(np.random.default_rng(3), images, np.zeros(12, int), 120, 12)


def test_every_cluster_is_found_once(field):
    image, truth = field
    found, labels = segment.find_clusters(image, PIXEL_NM)
    apart = np.linalg.norm(
        truth[["x_px", "y_px"]].to_numpy()[:, None] - found[["x_px", "y_px"]].to_numpy(), axis=-1
    )
    assert len(found) == len(truth)
    assert (apart.min(1) < 5).all() and len(set(apart.argmin(1))) == len(truth)
    matched = found.iloc[apart.argmin(1)].reset_index()
    assert (matched["touches"] == (truth["pair"] >= 0)).all()
    assert matched["diameter_nm"].to_numpy() == pytest.approx(
        2 * truth["radius_px"].to_numpy() * PIXEL_NM, abs=0.35
    )
    for k, row in enumerate(found.itertuples(), 1):
        assert labels[round(row.y_px), round(row.x_px)] == k


def test_pixel_size_does_not_matter(field):
    image, truth = field
    fine, _ = segment.find_clusters(np.kron(image, np.ones((2, 2))), PIXEL_NM / 2)
    coarse, _ = segment.find_clusters(image, PIXEL_NM)
    assert len(fine) == len(coarse)
    assert fine["x_px"].to_numpy() / 2 == pytest.approx(coarse["x_px"].to_numpy(), abs=1)


def test_clusters_cut_by_the_border_are_left_out(images):
    clean = np.pad(images[0], ((100, 100), (100, 100)))
    clean[:30, 60:112] += images[1][22:]
    image = noisy(np.random.default_rng(4), clean)
    found, _ = segment.find_clusters(image, PIXEL_NM)
    assert len(found) == 1 and found["y_px"].item() == pytest.approx(125.5, abs=2)


def test_neighbours_are_blanked(field):
    image, truth = field
    found, labels = segment.find_clusters(image, PIXEL_NM)
    pieces = segment.crops(image, found, labels, PIXEL_NM, 3.2, np.random.default_rng(5))
    assert pieces.shape == (len(found), 64, 64)
    support = np.median(image)
    rim = np.ones((64, 64), bool)
    rim[6:-6, 6:-6] = False
    assert pieces[:, rim].mean() == pytest.approx(support, abs=1.5)
    assert pieces[:, 28:36, 28:36].mean() > 2 * support


def test_table_of_a_field_names_every_cluster(field):
    torch.manual_seed(0)
    classifier = Classifier(IsomerNet().eval(), PIXEL_NM, NoiseScaling(1.0, 0.0), 0.3, (1, 3))
    found, _ = segment.classify_field(field[0], PIXEL_NM, classifier)
    assert set(found["isomer"]) <= set(ISOMERS)
    assert (found["accepted"] == (found["probability"] >= 0.3)).all()
    narrow = replace(classifier, diameters_nm=(2.0, 2.05))
    found, _ = segment.classify_field(field[0], PIXEL_NM, narrow)
    inside = found["diameter_nm"].between(2.0, 2.05) & (found["probability"] >= 0.3)
    assert (found["accepted"] == inside).all() and not found["accepted"].all()
    assert found.loc[~inside, "reason"].str.contains("nm wide|probability").all()
    blank = np.random.default_rng(6).poisson(8, (200, 200))
    assert list(segment.classify_field(blank, PIXEL_NM, classifier)[0].columns) == list(
        found.columns
    )
