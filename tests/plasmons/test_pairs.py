"""Windows, splits and symmetries; regions and factors."""

import numpy as np
import pytest

from helpers.data import DataError
from helpers.plasmons import exploration, pairs, splits


@pytest.fixture(scope="module")
def numbered():
    """Every pixel of image and spectrum says where it is."""
    image = np.arange(61 * 74).reshape(61, 74).astype(np.float32)
    return pairs.make_pairs(image, np.repeat(image[..., None], 3, 2))


def test_there_are_as_many_windows_as_in_the_paper(numbered):
    assert len(numbered) == 2714
    assert numbered.images.shape == (2714, 16, 16)


def test_the_spectrum_belongs_to_pixel_8_8(numbered):
    assert (numbered.images[:, 8, 8] == numbered.spectra[:, 0]).all()
    assert (numbered.spectra[:, 0] == numbered.y_px * 74 + numbered.x_px).all()
    odd = pairs.make_pairs(np.eye(20), np.repeat(np.eye(20)[..., None], 2, 2), 5)
    assert (odd.images[:, 2, 2] == odd.spectra[:, 0]).all()


def test_symmetries_turn_around_that_pixel(numbered):
    some = numbered.images[::300]
    seen = set()
    for kind in range(8):
        turned = pairs.turned(some, kind)
        assert turned.shape == some.shape
        assert (turned[:, 8, 8] == some[:, 8, 8]).all()
        near = {turned[0, 8, 9], turned[0, 9, 8], turned[0, 7, 8], turned[0, 8, 7]}
        assert near == {some[0, 8, 9], some[0, 9, 8], some[0, 7, 8], some[0, 8, 7]}
        seen.add(turned[0].tobytes())
    assert len(seen) == 8
    assert (pairs.turned(some, 0) == some).all()


def test_random_splits_overlap_and_blocks_do_not(numbered):
    train, test = splits.random_split(numbered)
    assert len(test) == 407
    assert len(np.intersect1d(train, test)) == 0
    assert np.median(splits.overlap(numbered, train, test)) == pytest.approx(15 / 16)
    for axis in ("x", "y"):
        for last in (True, False):
            train, test = splits.block_split(numbered, axis=axis, last=last)
            assert splits.overlap(numbered, train, test).max() == 0
            place = {"x": numbered.x_px, "y": numbered.y_px}[axis]
            gap = np.abs(np.subtract.outer(place[train], place[test])).min()
            assert gap == 16
            assert (place[test].min() > place[train].max()) == last
    closer = splits.block_split(numbered, gap=15)
    assert splits.overlap(numbered, *closer).max() > 0


def test_a_validation_block_lies_inside_the_training_block(numbered):
    train, test = splits.block_split(numbered)
    inner, validation = splits.block_split(numbered, 0.2, "y", within=train)
    assert np.isin(inner, train).all() and np.isin(validation, train).all()
    assert splits.overlap(numbered, inner, validation).max() == 0
    assert len(inner) > len(validation) > 50


def test_one_film_is_left_out(numbered):
    rows = np.arange(61 * 74).reshape(61, 74).astype(np.float32)
    other = pairs.make_pairs(rows, rows[..., None].repeat(3, 2), film=1)
    both = pairs.join([numbered, other])
    train, test = splits.film_split(both, 1)
    assert len(train) == len(test) == 2714
    assert (both.film[test] == 1).all() and (both.film[train] == 0).all()
    assert splits.overlap(both, train, test).max() == 0
    with pytest.raises(DataError, match="not one of several"):
        splits.film_split(numbered, 0)


def test_scales_come_from_training_pairs(numbered):
    train, _ = splits.block_split(numbered)
    scale = pairs.scale_of(numbered[train])
    assert scale.images(numbered[train].images).min() == 0
    assert scale.images(numbered[train].images).max() == 1
    assert scale.images(numbered.images).max() > 1
    back = scale.spectra_back(scale.spectra(numbered.spectra))
    assert back == pytest.approx(numbered.spectra, abs=1e-2)
    back = scale.image_back(scale.images(numbered.images))
    assert back == pytest.approx(numbered.images, abs=1e-2)


def test_bad_input_is_refused(numbered):
    image = np.zeros((20, 20))
    with pytest.raises(DataError, match="same rows and columns"):
        pairs.make_pairs(image, np.zeros((19, 20, 4)))
    with pytest.raises(DataError, match="do not fit"):
        pairs.make_pairs(image, np.zeros((20, 20, 4)), 24)
    with pytest.raises(DataError, match="cannot be joined"):
        pairs.join([numbered, pairs.make_pairs(image, np.zeros((20, 20, 3)), 12)])
    with pytest.raises(DataError, match="nothing to learn"):
        pairs.scale_of(pairs.make_pairs(image, np.zeros((20, 20, 4))))
    with pytest.raises(DataError, match="too small"):
        splits.block_split(pairs.make_pairs(image, np.zeros((20, 20, 4))))


def test_maps_put_values_where_they_belong(numbered):
    found = pairs.on_map(numbered.spectra[:, 0], numbered, (61, 74))
    assert found[20, 30] == 20 * 74 + 30
    assert np.isnan(found[:8]).all() and np.isnan(found[:, :8]).all()
    assert np.isfinite(found).sum() == 2714


def test_regions_are_what_they_are_called(small):
    found = exploration.regions(small.haadf, 2.0)
    thick = small.thickness_nm
    assert thick[found == 0].min() > 6
    assert thick[found == 1].mean() < 3
    assert thick[found >= 2].max() < 1
    names = exploration.region_spectra(small.loss, found)
    assert set(names.region.to_numpy()) >= {"particle", "gap", "outside"}
    energy = small.loss.energy.to_numpy()
    bulk = np.abs(energy - 0.9).argmin()
    values = names.to_numpy()[:, bulk]
    assert values[0] > 1.5 * values[1:].max()
    with pytest.raises(DataError, match="constant"):
        exploration.regions(np.ones((40, 40)), 2.0)


def test_four_factors_explain_a_film(small):
    losses = small.loss.sel(energy=slice(0.2, None))
    found = exploration.factorise(losses)
    assert found.loadings.shape == (4, 34, 36)
    assert (found.loadings >= 0).all() and (found.factors >= 0).all()
    assert found.factors.max(1) == pytest.approx(1)
    assert found.error < 0.1
    bulk = found.factors[:, np.abs(losses.energy.to_numpy() - 0.9).argmin()].argmax()
    r = np.corrcoef(found.loadings[bulk].ravel(), small.thickness_nm.ravel())[0, 1]
    assert r > 0.7
