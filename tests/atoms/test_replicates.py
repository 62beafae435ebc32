"""Pooled pair statistics: a ratio of sums, unbiased, with intervals that hold."""

import numpy as np
import pytest

from helpers.atoms import processes, replicates, ripley
from helpers.data import DataError

PIXEL_NM = 0.05
MASK = np.ones((100, 120), bool)
MASK[20:40, 30:60] = False


def sample(rng, numbers, mask=MASK):
    return [(ripley.random_in(mask, PIXEL_NM, n)(rng), mask, PIXEL_NM) for n in numbers]


def test_pooled_k_is_the_ratio_of_the_sums():
    fields = sample(np.random.default_rng(0), (20, 50, 80))
    pooled = replicates.pooled_statistics(fields, 1.0, 0.1)
    single = [ripley.pair_statistics(*field, 1.0, 0.1) for field in fields]
    pairs = np.array([20 * 19, 50 * 49, 80 * 79])  # the masks are alike
    for name in ("K_nm2", "g"):
        expected = pairs @ np.array([t[name] for t in single]) / pairs.sum()
        np.testing.assert_allclose(pooled[name], expected)
    np.testing.assert_allclose(np.pi * pooled["L_nm"] ** 2, pooled["K_nm2"])


def test_equal_images_have_no_spread_and_their_own_k():
    field = sample(np.random.default_rng(1), (40,))[0]
    pooled = replicates.pooled_statistics([field] * 3, 1.0, 0.1)
    single = ripley.pair_statistics(*field, 1.0, 0.1)
    for name in ("K_nm2", "L_nm", "g"):
        np.testing.assert_allclose(pooled[name], single[name])
    np.testing.assert_allclose(pooled["g_low"], pooled["g_high"], atol=1e-12)


def test_intervals_of_random_samples_hold_one():
    rng, inside = np.random.default_rng(2), []
    for _ in range(120):
        table = replicates.pooled_statistics(sample(rng, (60, 40, 80, 60, 50, 70)), 1.0, 0.25)
        truth = np.pi * table["r_nm"] ** 2
        inside.append((table["K_low_nm2"] <= truth) & (truth <= table["K_high_nm2"]))
    assert 0.88 <= np.mean(inside) <= 0.985


def test_pooling_finds_a_repulsion_that_one_image_hides():
    rng = np.random.default_rng(3)
    mask, fields = np.ones((120, 120), bool), []
    for _ in range(8):
        points = processes.strauss(rng, 36, 0.4, 0.4, (6, 6)) - PIXEL_NM / 2
        fields.append((points, mask, PIXEL_NM))
    together = replicates.pooled_envelope(fields, rng, 99, 1.0, 0.1)
    assert together["L"].p <= 0.05
    alone = [ripley.envelopes(*f, rng, 99, r_max=1.0, step=0.1)["L"].p for f in fields]
    assert np.mean(np.array(alone) <= 0.05) < 0.75
    assert together["L"].p <= np.median(alone)
    chance = replicates.pooled_envelope(sample(rng, (36,) * 8, mask), rng, 99, 1.0, 0.1)
    assert chance["L"].p > 0.01


def test_one_image_is_refused():
    with pytest.raises(DataError, match="found 1 images, expected at least two"):
        replicates.pooled_statistics(sample(np.random.default_rng(4), (30,)))
