import json
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

from helpers.atoms import triage
from helpers.atoms.baselines import log_response
from helpers.atoms.detect import Detector
from helpers.atoms.peaks import maxima
from helpers.data import DataError

LOG = Detector(partial(log_response, sigma=3.5), maxima, 0.0, {})


def field(rng, atoms, shape=(300, 300), height=20):
    """Poisson counts of a cloudy support with so many blobs of Pt's size."""
    clouds = gaussian_filter(rng.normal(size=shape), 8)
    spots = np.zeros(shape)
    spots[tuple(rng.integers(20, min(shape) - 20, (2, atoms)))] = 1
    spots = height * 2 * np.pi * 3.2**2 * gaussian_filter(spots, 3.2)
    return rng.poisson(60 * (1 + 0.05 * clouds / clouds.std()) + spots).astype(np.float32)


def test_atoms_raise_the_score_and_noise_does_not():
    rng = np.random.default_rng(0)
    empty = [triage.score(field(rng, 0), LOG) for _ in range(6)]
    filled = [triage.score(field(rng, 25), LOG) for _ in range(6)]
    assert min(filled) > max(empty) + 0.03
    assert abs(np.mean(empty)) < 0.04
    # dark spots are no atoms: the negative of a filled field scores below an empty one
    assert triage.score(100 - field(rng, 25), LOG) < min(empty)


def test_the_score_does_not_depend_on_gain_and_offset():
    counts = field(np.random.default_rng(1), 20)
    assert triage.score(1e4 * counts + 2e5, LOG) == pytest.approx(
        triage.score(counts, LOG), abs=0.003
    )


def test_image_and_negative_share_one_scale():
    counts = field(np.random.default_rng(2), 20)
    image, negative = triage.image_and_negative(counts)
    assert image.max() == 1 and image.min() == 0 and negative.min() == 0
    assert not np.any((image > 0) & (negative > 0))
    plain, mirrored = triage.image_and_negative(counts, prepare=np.asarray)
    np.testing.assert_array_equal(plain, counts)
    assert mirrored.mean() < plain.mean()
    with pytest.raises(DataError, match="constant"):
        triage.image_and_negative(np.full((80, 80), 3.0))


def test_randomised_phases_keep_texture_and_noise_but_no_atoms():
    rng = np.random.default_rng(3)
    counts = field(rng, 30)
    bare = triage.without_atoms(counts, rng)
    assert bare.shape == counts.shape and bare.dtype == np.float32
    for low, high in ((0.5, 1), (1, 3), (3, 6)):
        bands = [gaussian_filter(a, low) - gaussian_filter(a, high) for a in (counts, bare)]
        assert bands[1].std() == pytest.approx(bands[0].std(), rel=0.15)
    assert triage.score(bare, LOG) < 0.4 * triage.score(counts, LOG)


def test_roc_of_a_known_case():
    scores, truth = [0.9, 0.8, 0.7, 0.1], [True, False, True, False]
    curve = triage.roc(scores, truth)
    assert curve.true_positive_rate.tolist() == [0, 0.5, 0.5, 1, 1]
    assert curve.false_positive_rate.tolist() == [0, 0, 0.5, 0.5, 1]
    assert triage.area_under(curve) == pytest.approx(0.75)  # 3 of 4 pairs in order


def test_level_lies_in_the_gap():
    assert triage.choose_level([0.1, 0.2, 0.6, 0.9], [0, 0, 1, 1]) == pytest.approx(0.4)
    rates = triage.error_rates([0.1, 0.5, 0.3, 0.9], [0, 0, 1, 1], level=0.4)
    assert rates.loc["false positive", "rate"] == 0.5
    assert rates.loc["false negative", ["errors", "n"]].tolist() == [1, 2]
    assert (rates.low < rates.rate).all() and (rates.high > rates.rate).all()


def test_shipped_rates_follow_from_the_shipped_scores():
    table = pd.read_csv(triage.LEVELS.with_suffix(".csv"))
    shipped = json.loads(triage.LEVELS.read_text())
    assert set(shipped["levels"]) == {"log", "ensemble"}
    assert not table.duplicated(["detector", "kind", "image", "view"]).any()
    for row in shipped["error_rates_on_test"]:
        seen = table[(table.detector == row["detector"]) & (table["view"] == row["view"])]
        seen = seen[seen.split == "test"]
        level = triage.decision_level(row["detector"])
        rates = triage.error_rates(seen.score, seen.atoms > 0, level)
        assert rates.loc[row["error"], "rate"] == pytest.approx(row["rate"], abs=1e-3)
        if row["view"] == "whole":
            assert row["area_under_roc"] > 0.95


def test_a_detector_sees_image_and_negative_as_it_prepares_them():
    """What reads micrographs as recorded gets no background taken off, and no value clipped."""
    seen = []

    def likelihood(image):
        seen.append(image)
        return log_response(image, sigma=3.5)

    counts = field(np.random.default_rng(5), 20)
    triage.score(counts, Detector(likelihood, maxima, 0.0, {}, prepare=np.asarray))
    np.testing.assert_array_equal(seen[0], counts)
    assert seen[1].mean() == pytest.approx(counts.mean(), rel=0.1)
    assert np.mean(seen[1] == 0) < 0.01


def test_unknown_method_is_named():
    with pytest.raises(DataError, match="no level for 'eye'"):
        triage.decision_level("eye")


@pytest.mark.measured
def test_measured_images_hold_atoms_and_their_counterparts_do_not(pt_nc):
    rng = np.random.default_rng(4)
    for item in pt_nc[11:15]:
        verdict = triage.holds_atoms(item.image)
        assert verdict.holds_atoms, item.name
        bare = item.image.copy(data=triage.without_atoms(item.image.to_numpy(), rng))
        bare.attrs = item.image.attrs
        assert not triage.holds_atoms(bare).holds_atoms, item.name


@pytest.mark.measured
def test_the_default_detector_tells_a_field_with_atoms_too(pt_nc):
    item = pt_nc[12]
    view = item.image[128:384, 128:384]
    assert triage.holds_atoms(view, "ensemble").holds_atoms
    bare = view.copy(data=triage.without_atoms(view.to_numpy(), np.random.default_rng(6)))
    assert not triage.holds_atoms(bare, "ensemble").holds_atoms


def test_a_verdict_against_atoms_contradicts_a_count():
    without = triage.Triage(False, 0.0361, 0.0364)
    assert without.doubt(0).endswith("'log' for sorting: 0.0361, and more than 0.0364 is needed.")
    assert "contradicts the 12 detected" in without.doubt(12)
    assert triage.Triage(True, 0.1, 0.0364).doubt(12) == ""
