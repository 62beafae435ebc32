import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

from helpers import data
from helpers.atoms import simulate, specimen

PIXEL_NM = 0.029296875


def particle(rng, shape=(512, 512), thin=15, thick=80, vacuum=2, edge=220):
    """A speckled half plane of growing thickness beside vacuum, in Poisson counts."""
    y, x = np.indices(shape)
    inside = x > edge + 12 * np.sin(y / 40)
    depth = np.clip((x - edge) / (shape[1] - edge), 0, 1)
    speckle = gaussian_filter(rng.normal(size=shape), 6)
    speckle *= 0.12 / speckle.std()
    electrons = np.where(inside, (thin + (thick - thin) * depth) * (1 + speckle), vacuum)
    electrons = gaussian_filter(electrons, 4)
    return rng.poisson(np.maximum(electrons, 0)).astype(np.float32), inside


def test_finds_a_simulated_particle_whatever_gain_and_offset():
    counts, inside = particle(np.random.default_rng(3))
    mask = specimen.specimen_mask(counts, PIXEL_NM)
    assert mask.shape == counts.shape and mask.dtype == bool
    assert np.mean(mask == inside) > 0.95
    recorded = specimen.specimen_mask(1e4 * counts + 1.7e5, PIXEL_NM)
    assert np.mean(recorded == mask) > 0.999


@pytest.mark.parametrize("seed", [1, 8])
def test_agrees_with_the_known_outline_of_a_simulated_support(seed):
    found = simulate.acstem(seed, *simulate.varied(seed))
    mask = specimen.specimen_mask(found.image)
    truth = found.thickness_nm > 1
    assert 0.5 < truth.mean() < 0.9
    assert np.mean(mask == truth) > 0.97
    assert mask.mean() == pytest.approx(truth.mean(), rel=0.04)


def test_area_follows_the_pixel_size():
    mask = np.zeros((40, 60), bool)
    mask[:10, :20] = True
    assert specimen.area_nm2(mask, 0.1) == pytest.approx(2.0)


@pytest.mark.parametrize("shape", [(301, 517), (1024, 300)])
def test_any_shape(shape):
    counts, inside = particle(np.random.default_rng(1), shape, edge=120)
    mask = specimen.specimen_mask(counts, PIXEL_NM)
    assert mask.shape == shape
    assert np.mean(mask == inside) > 0.9


def test_bad_images_are_named():
    with pytest.raises(data.DataError, match="constant"):
        specimen.specimen_mask(np.full((300, 300), 7.0), PIXEL_NM)
    with pytest.raises(data.DataError, match="too small"):
        specimen.specimen_mask(np.random.default_rng(0).random((20, 60)), PIXEL_NM)


def test_forest_knows_images_it_has_not_seen():
    accuracy = specimen.held_out_accuracy()
    assert len(accuracy) == 11
    assert accuracy.mean() > 0.98
    assert accuracy.min() > 0.95


@pytest.mark.measured
def test_masks_agree_with_scribbles_on_the_test_images(pt_nc):
    table = specimen.SAMPLES.with_name("specimen_scribbles.csv")
    scribbles = pd.read_csv(table, dtype={"image": str})
    for item in pt_nc:
        if item.split == "train":
            continue
        mask = specimen.specimen_mask(item.image)
        for row in scribbles[scribbles.image == item.name].itertuples():
            inside = mask[row.y0_px : row.y1_px, row.x0_px : row.x1_px]
            assert np.mean(inside == (row.kind == "specimen")) > 0.9, (item.name, row)
        labels = item.labels.astype(int)
        assert mask[labels.y_px, labels.x_px].mean() > 0.95
