from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage
from sklearn.mixture import GaussianMixture

from helpers.atoms import detect
from helpers.atoms.multimers import (
    BIC,
    CALIBRATED,
    PUBLISHED,
    Criterion,
    Mixture,
    fit_mixture,
    split,
    split_maxima,
    weighted_pixels,
)
from helpers.data import DataError

# splits whatever is better described by two Gaussians
KEEN = Criterion(extent=0.03, atom=0.1, pair=0.01, area_px2=50)


def blobs(shape, centres, sigma=4.0):
    """A map with a round maximum of 1 at every (x, y)."""
    y, x = np.indices(shape)
    return np.max(
        [np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * sigma**2)) for a, b in centres], axis=0
    )


def found(likelihood, criterion, threshold=0.3):
    """Positions (x, y), sorted, of the split map."""
    table = split(likelihood, threshold, criterion)
    return np.array(sorted(table[["x_px", "y_px"]].to_numpy().tolist()))


@pytest.mark.parametrize("criterion", [KEEN, Criterion(0.03, 0.1, 0.01, area_px2=50, samples=600)])
@pytest.mark.parametrize(
    ("shape", "centres"),
    [((40, 90), [(30, 20), (42, 21)]), ((90, 40), [(19, 30), (21, 42)])],
    ids=["wide", "tall"],
)
def test_two_atoms_in_one_region_are_told_apart(shape, centres, criterion):
    likelihood = blobs(shape, centres)
    assert len(detect.components(likelihood, 0.3)) == 1
    np.testing.assert_allclose(found(likelihood, criterion), centres, atol=1.0)


def test_the_transpose_of_a_map_is_split_into_transposed_positions():
    likelihood = blobs((50, 80), [(30, 20), (43, 24), (56, 28)])
    here = split(likelihood, 0.3, KEEN)[["x_px", "y_px"]].to_numpy()
    there = split(likelihood.T, 0.3, KEEN)[["y_px", "x_px"]].to_numpy()
    assert len(here) == 3
    np.testing.assert_allclose(sorted(here.tolist()), sorted(there.tolist()), atol=1e-6)


def test_three_atoms_around_a_corner():
    corner = [(20, 20), (20, 33), (33, 33)]
    np.testing.assert_allclose(found(blobs((60, 55), corner), KEEN), corner, atol=1.5)


def test_atoms_at_the_border_stay_inside():
    centres = [(1, 30), (2, 43)]
    positions = found(blobs((60, 60), centres), KEEN)
    assert len(positions) == 2
    assert (positions >= 0).all()
    np.testing.assert_allclose(positions, centres, atol=2.0)


@pytest.mark.parametrize(
    ("criterion", "radius"), [(PUBLISHED, 8), (replace(CALIBRATED, area_px2=60), 6)]
)
def test_round_regions_are_one_atom_each(criterion, radius):
    y, x = np.indices((60, 100))
    disc = 0.99 * (np.hypot(x - 30, y - 30) < radius) + 0.9 * (np.hypot(x - 70, y - 25) < 4)
    table = split(disc, 0.8, criterion)
    assert sorted(table["region"]) == [0, 1]
    at = table.set_index("probability")
    np.testing.assert_allclose(at.loc[0.99, ["x_px", "y_px"]], [30, 30], atol=0.6)
    np.testing.assert_allclose(at.loc[0.9, ["x_px", "y_px"]], [70, 25], atol=0.6)


def test_what_the_published_criterion_splits_and_what_not():
    # 0.44 nm apart, beyond its reach; 0.29 nm apart, which it fines with 0.4 nats
    far, near = blobs((60, 60), [(20, 30), (36, 30)], 6), blobs((60, 60), [(25, 30), (33, 30)], 6)
    assert len(found(far, PUBLISHED, 0.3)) == 2
    assert len(found(near, PUBLISHED, 0.3)) == 1


def test_small_regions_are_left_whole_where_components_puts_them():
    likelihood = blobs((50, 60), [(20, 20), (28, 20), (45, 40)], 2)
    whole = split(likelihood, 0.3, Criterion(area_px2=np.inf))
    expected = detect.components(likelihood, 0.3)
    np.testing.assert_array_equal(whole[["x_px", "y_px", "probability"]], expected)


def test_the_area_of_a_box_is_counted_one_pixel_short():
    square = np.zeros((40, 40))
    square[5:20, 5:26] = 0.9  # 15 x 21 px: counts 14 x 20 = 280
    eager = Criterion(extent=1e-9, atom=-1.0, pair=0, max_atoms=2)
    assert len(split(square, 0.8, eager)) == 2
    square[:, 20:] = 0  # 15 x 15 px: counts 196, although it covers 225
    assert len(split(square, 0.8, eager)) == 1


def test_all_atoms_of_a_region_have_its_largest_likelihood():
    likelihood = 0.5 * blobs((40, 90), [(30, 20), (42, 21)])
    likelihood[20, 30] = 0.75
    table = split(likelihood, 0.15, KEEN)
    assert table["probability"].tolist() == [0.75, 0.75]
    assert table["region"].tolist() == [0, 0]


def test_an_empty_map_has_no_atoms():
    table = split(np.zeros((30, 20)))
    assert len(table) == 0
    assert {"x_px", "y_px", "probability"} <= set(table.columns)


@pytest.mark.parametrize("bad", [np.nan, -0.1, 1.2, np.inf])
def test_what_is_not_a_probability_is_refused(bad):
    likelihood = np.full((30, 30), 0.1)
    likelihood[3, 4] = bad
    with pytest.raises(DataError, match="0 to 1"):
        split(likelihood)


def test_stacks_are_refused():
    with pytest.raises(DataError, match=r"\(2, 30, 30\)"):
        split(np.zeros((2, 30, 30)))


def test_score_by_hand():
    mixture = Mixture(
        shares=np.array([0.5, 0.5]),
        means=np.array([[10.0, 10.0], [14.5, 16.0]]),  # 7.5 px apart
        covariances=np.array([[[3.0, 0.0], [0.0, 4.0]], [[12.0, 0.0], [0.0, 0.0]]]),
        log_likelihood=-5.0,
    )
    # norm of (3, 4, 12) = 13; (12 - 7.5)^2 = 20.25
    assert PUBLISHED.score(mixture) == pytest.approx(-5 - 0.03 * 13 - 0.33 * 2 - 0.11 * 20.25)
    # no extent, no pairs; the parameters of two Gaussians cost 2 * 6 * ln(600) / (2 * 600)
    assert BIC.score(mixture) == pytest.approx(-5 - 0.06397, abs=1e-5)


def test_bic_ranks_mixtures_as_the_textbook_does():
    likelihood = blobs((50, 50), [(18, 25), (30, 25)])
    inside = np.where(likelihood > 0.3, likelihood, 0)
    pixels, weights = weighted_pixels(inside, BIC, seed=1)
    drawn = np.repeat(pixels, np.rint(weights * 600).astype(int), axis=0)
    ours = [BIC.score(fit_mixture(pixels, weights, k)) for k in (1, 2)]
    theirs = [
        GaussianMixture(k, n_init=2, random_state=0, reg_covar=1 / 12).fit(drawn).bic(drawn)
        for k in (1, 2)
    ]
    assert ours[1] - ours[0] == pytest.approx((theirs[0] - theirs[1]) / 1200, abs=0.005)


def test_draws_follow_the_likelihood_of_a_region_that_is_not_square():
    inside = np.zeros((3, 40))
    inside[0, 5], inside[2, 30] = 0.9, 0.3
    pixels, weights = weighted_pixels(inside, PUBLISHED, seed=3)
    assert pixels.tolist() == [[5, 0], [30, 2]]
    assert weights[0] == pytest.approx(0.75, abs=4 * np.sqrt(0.75 * 0.25 / 600))
    assert weights.sum() == pytest.approx(1)
    exact = weighted_pixels(inside, KEEN)[1]
    np.testing.assert_allclose(exact, [0.75, 0.25])


def test_one_gaussian_has_the_moments_of_the_pixels():
    rng = np.random.default_rng(0)
    pixels = rng.normal(size=(300, 2)) * (2, 5) + (7, 9)
    weights = rng.random(300)
    weights /= weights.sum()
    mixture = fit_mixture(pixels, weights, 1)
    np.testing.assert_allclose(mixture.means[0], weights @ pixels)
    expected = np.cov(pixels.T, aweights=weights, ddof=0) + np.eye(2) / 12
    np.testing.assert_allclose(mixture.covariances[0], expected)


def test_the_likelihood_reaches_that_of_scikit_learn():
    rng = np.random.default_rng(1)
    points = np.concatenate([rng.normal(m, 2, (400, 2)) for m in ((0, 0), (9, 2), (4, 11))])
    ours = fit_mixture(points, np.full(1200, 1 / 1200), 3)
    theirs = GaussianMixture(3, n_init=5, random_state=0, reg_covar=1 / 12, tol=1e-5).fit(points)
    assert ours.log_likelihood == pytest.approx(theirs.score(points), abs=2e-3)


def test_the_same_seed_gives_the_same_atoms_and_only_draws_need_one():
    likelihood = blobs((60, 90), [(30, 20), (45, 21), (37, 33)], 5)
    drawn = [split(likelihood, 0.3, PUBLISHED, seed)["x_px"].to_numpy() for seed in (4, 4, 5)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert len(drawn[0]) != len(drawn[2]) or (drawn[0] != drawn[2]).any()
    exact = [split(likelihood, 0.3, KEEN, seed)["x_px"].to_numpy() for seed in (4, 5)]
    np.testing.assert_array_equal(*exact)


def test_a_region_is_split_alike_whatever_else_the_map_holds():
    alone = blobs((60, 140), [(30, 30), (41, 31)])
    joined = np.maximum(alone, blobs((60, 140), [(100, 8), (111, 9)]))
    mine = split(alone, 0.3, PUBLISHED)
    both = split(joined, 0.3, PUBLISHED)
    near = both[both["x_px"] < 70]
    np.testing.assert_array_equal(near[["x_px", "y_px"]], mine[["x_px", "y_px"]])
    assert ndimage.label(joined > 0.3)[1] == 2


def flat_map(image):
    """The map of a network that is sure wherever an atom is near."""
    return np.where(image > 0.15, 0.99, 0.01)


@pytest.mark.parametrize(
    "centres",
    [
        [(40.3, 25.2)],
        [(36.4, 25.1), (43.8, 26.3)],
        [(30.2, 24.0), (38.5, 26.0), (45.1, 31.7)],
        [(36.0, 20.0), (44.5, 20.0), (40.2, 27.5)],
        [(2.0, 20.0), (2.5, 29.0)],
    ],
    ids=["atom", "dimer", "chain", "triangle", "border"],
)
def test_the_image_tells_atoms_apart_that_the_map_does_not(centres):
    image = sum(blobs((50, 80), [centre], 2.4) for centre in centres)
    likelihood = flat_map(image)
    for micrograph, level, order in (
        (image, likelihood, ["x_px", "y_px"]),
        (3e4 + 2e4 * image.T, likelihood.T, ["y_px", "x_px"]),
    ):
        table = split_maxima(level, 0.8, micrograph)
        np.testing.assert_allclose(
            sorted(table[order].to_numpy().tolist()), sorted(centres), atol=0.7
        )
        assert (table["region"] == 0).all()
        assert (table["probability"] == 0.99).all()


def test_lone_atoms_are_placed_to_a_fraction_of_a_pixel():
    centres = [(20.4, 20.3), (50.0, 22.6), (21.7, 51.5)]
    image = sum(blobs((70, 70), [centre], 2.4) for centre in centres)
    table = split_maxima(flat_map(image), 0.8, image)
    at = table.sort_values("region")[["x_px", "y_px"]].to_numpy()
    np.testing.assert_allclose(sorted(at.tolist()), sorted(centres), atol=0.1)
    assert sorted(table["region"]) == [0, 1, 2]


def test_every_region_keeps_an_atom_and_faint_maxima_go():
    image = blobs((40, 90), [(30, 20)], 2.4) + 0.2 * blobs((40, 90), [(42, 20)], 2.4)
    likelihood = np.zeros((40, 90))
    likelihood[10:30, 20:50] = 0.9
    likelihood[10:30, 70:80] = 0.85  # a slope without a maximum
    table = split_maxima(likelihood, 0.8, image)
    assert table["region"].tolist() == [0, 1]
    np.testing.assert_allclose(table.loc[0, ["x_px", "y_px"]].astype(float), (30, 20), atol=0.2)
    assert table["probability"].tolist() == [0.9, 0.85]
    assert len(split_maxima(likelihood, 0.8, image, share=0.1)) >= 3


def test_maxima_of_an_empty_map_and_of_a_flat_image():
    assert split_maxima(np.zeros((30, 20)), 0.8, np.ones((30, 20))).empty
    one = np.zeros((30, 20))
    one[5:9, 5:9] = 0.9
    assert set(split_maxima(one, 0.8, np.ones((30, 20)))["region"]) == {0}


def test_an_image_that_does_not_belong_to_the_map_is_refused():
    with pytest.raises(DataError, match="belongs to the map"):
        split_maxima(np.zeros((20, 30)), 0.8, np.ones((30, 20)))
    bad = np.ones((30, 20))
    bad[2, 3] = np.nan
    with pytest.raises(DataError, match="no numbers"):
        split_maxima(np.zeros((30, 20)), 0.8, bad)
    with pytest.raises(DataError, match="0 to 1"):
        split_maxima(bad * 2, 0.8, np.ones((30, 20)))
