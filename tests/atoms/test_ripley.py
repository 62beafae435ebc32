import numpy as np
import pytest
from scipy import stats

from helpers.atoms import processes, ripley
from helpers.data import DataError

PIXEL_NM = 0.05


def window(width, height):
    """A whole rectangle, and how far its corner lies from the centre of the first pixel."""
    return np.ones((round(height / PIXEL_NM), round(width / PIXEL_NM)), bool), -PIXEL_NM / 2


@pytest.fixture
def ragged():
    """A wide mask with a slanted edge and two holes."""
    y, x = np.indices((90, 160))
    return (x + 0.4 * y > 20) & (np.hypot(x - 60, y - 40) > 15) & (np.hypot(x - 120, y - 60) > 9)


def squares_shared(mask, dx, dy):
    """Area of a set of unit squares shared with itself moved by (dx, dy), square by square."""
    pixels = np.argwhere(mask)
    apart = np.abs(pixels[:, None] - pixels[None] - np.array([dy, dx]))
    return np.prod(np.clip(1 - apart, 0, None), axis=2).sum()


def all_pairs(positions, others, shared_area, radii):
    """Translation-corrected sum over ordered pairs, one pair at a time."""
    total = np.zeros(len(radii))
    for i, a in enumerate(positions):
        for j, b in enumerate(positions if others is None else others):
            if others is None and i == j:
                continue
            total += (np.hypot(*(b - a)) <= radii) / shared_area(*(b - a))
    return total


def test_shared_area_is_exact_between_pixels():
    rng = np.random.default_rng(0)
    mask = rng.random((9, 14)) < 0.6
    area = ripley.shared_area(mask, 1.0, 4)
    centre = len(area) // 2
    for dx, dy in [(0, 0), (3, -2), (-1, 4)]:
        assert area[centre + dy, centre + dx] == squares_shared(mask, dx, dy)
    np.testing.assert_array_equal(area, area[::-1, ::-1])


def test_k_of_a_rectangle_equals_the_sum_over_all_pairs():
    mask, corner = window(6, 3)
    points = processes.neutral(np.random.default_rng(1), 60, (6, 3))
    table = ripley.pair_statistics(points + corner, mask, PIXEL_NM, r_max=1.4, step=0.1)
    sums = all_pairs(points, None, lambda x, y: (6 - abs(x)) * (3 - abs(y)), table.r_nm.to_numpy())
    np.testing.assert_allclose(table.K_nm2, sums * 18**2 / (60 * 59), rtol=1e-9)
    np.testing.assert_allclose(table.L_nm, np.sqrt(table.K_nm2 / np.pi))
    rings = np.diff(np.append(0, table.K_nm2)) / np.diff(np.append(0, np.pi * table.r_nm**2))
    np.testing.assert_allclose(table.g, rings)


@pytest.mark.parametrize("cross", [False, True])
def test_k_of_any_mask_equals_the_sum_over_all_pairs(cross):
    rng = np.random.default_rng(2)
    mask = rng.random((12, 20)) < 0.7
    mask[4:7, 8:12] = False
    points = ripley.random_in(mask, 0.1, 25)(rng)
    others = ripley.random_in(mask, 0.1, 15)(rng) if cross else None
    table = ripley.pair_statistics(points, mask, 0.1, r_max=0.6, step=0.05, others=others)

    def shared(dx, dy):
        return squares_shared(mask, dx / 0.1, dy / 0.1) * 0.01

    sums = all_pairs(points, others, shared, table.r_nm.to_numpy())
    product = 25 * 15 if cross else 25 * 24
    np.testing.assert_allclose(table.K_nm2, sums * (mask.sum() * 0.01) ** 2 / product, rtol=1e-9)


def test_k_of_a_random_arrangement_is_unbiased_in_any_mask(ragged):
    rng = np.random.default_rng(3)
    simulate = ripley.random_in(ragged, PIXEL_NM, 80)
    tables = [
        ripley.pair_statistics(simulate(rng), ragged, PIXEL_NM, r_max=1.6, step=0.1)
        for _ in range(400)
    ]
    for name, expected in [("K_nm2", np.pi * tables[0].r_nm ** 2), ("g", 1)]:
        values = np.array([table[name] for table in tables])
        error = values.std(0, ddof=1) / 20
        assert np.all(abs(values.mean(0) - expected) < 4 * error), name
    # and without the correction it would not be
    r = 1.6
    area = ragged.sum() * PIXEL_NM**2
    close = [
        area * 2 * np.sum(np.linalg.norm(p[:, None] - p[None], axis=2)[np.triu_indices(80, 1)] < r)
        for p in (simulate(rng) for _ in range(50))
    ]
    assert np.mean(close) / (80 * 79) < 0.9 * np.pi * r**2


def test_cross_k_of_independent_species_is_that_of_a_random_arrangement(ragged):
    rng = np.random.default_rng(4)
    one, two = (ripley.random_in(ragged, PIXEL_NM, n) for n in (60, 30))
    k = np.array(
        [
            ripley.pair_statistics(one(rng), ragged, PIXEL_NM, 1, 0.5, others=two(rng)).K_nm2
            for _ in range(300)
        ]
    )
    error = k.std(0, ddof=1) / np.sqrt(300)
    assert np.all(abs(k.mean(0) - np.pi * np.array([0.25, 1])) < 4 * error)


def test_attraction_raises_and_repulsion_lowers():
    rng = np.random.default_rng(5)
    mask, corner = window(10, 10)
    g = {
        model.__name__: ripley.pair_statistics(
            model(rng, 400) + corner, mask, PIXEL_NM, r_max=2, step=0.2
        ).g
        for model in (processes.attractive, processes.neutral, processes.repulsive)
    }
    assert g["attractive"][0] > 1.5 > g["neutral"][0] > 0.6
    assert g["repulsive"][0] == 0 and g["repulsive"][1] < 0.9


def test_matern_clusters_meet_their_closed_form():
    """Pairs of one parent add (m - 1) x their own distance distribution / density to K."""
    rng = np.random.default_rng(6)
    side, radius, offspring = 12, 0.4, 6
    mask, corner = window(side, side)
    values = []
    for _ in range(60):
        parents = processes.neutral(rng, 160, (side + 2, side + 2)) - 1
        turn, away = rng.random((2, 160, offspring))
        away = radius * np.sqrt(away)
        disc = np.stack([away * np.cos(turn * 2 * np.pi), away * np.sin(turn * 2 * np.pi)], -1)
        points = (parents[:, None] + disc).reshape(-1, 2)
        points = points[np.all((points > 0) & (points < side), axis=1)]
        table = ripley.pair_statistics(points + corner, mask, PIXEL_NM, r_max=1, step=0.1)
        values.append(table.K_nm2)
    # beyond two radii all offspring of the same parent are counted: 5 more atoms each
    density = 160 * offspring / (side + 2) ** 2
    expected = np.pi * 1.0**2 * (1 - 1 / 160) + (offspring - 1) / density
    mean, error = np.mean(values, 0)[-1], np.std(values, 0)[-1] / np.sqrt(60)
    assert abs(mean - expected) < 4 * error + 0.01


# Global tests


def test_rank_test_orders_curves_by_their_most_extreme_ranks():
    """Five curves, ranks written out by hand."""
    curves = np.array([[9.0, 9, 9], [1, 2, 3], [2, 1, 2], [3, 3, 1], [4, 4, 4]])
    # ranks from the nearer end: (1,1,1), (1,2,3), (2,1,2), (3,3,1), (2,2,2)
    tests = [
        ripley.global_test(np.arange(3), curves[i], np.delete(curves, i, 0), level=0.6)
        for i in range(5)
    ]
    assert [test.p for test in tests] == pytest.approx([0.2, 0.6, 0.4, 0.8, 1.0])
    low, high = curves[[1, 3, 4]].min(0), curves[[1, 3, 4]].max(0)
    # at level 0.6 the curves with p <= 0.4 are left out
    np.testing.assert_array_equal(tests[0].table.low, low)
    np.testing.assert_array_equal(tests[0].table.high, high)
    mean = curves.mean(0)
    largest = np.abs(curves - mean).max(1)
    assert tests[1].p_deviation == np.mean(largest >= largest[1])


def test_envelope_is_left_exactly_when_p_is_small():
    rng = np.random.default_rng(7)
    rejected = 0
    for shift in np.linspace(0, 4, 60):
        curves = rng.normal(size=(99, 12)).cumsum(1)
        observed = rng.normal(size=12).cumsum() + shift * np.sqrt(np.arange(1, 13))
        test = ripley.global_test(np.arange(12), observed, curves)
        outside = np.any((observed < test.table.low) | (observed > test.table.high))
        assert outside == (test.p <= 0.05)
        rejected += outside
    assert 10 < rejected < 50


def test_p_values_are_uniform_under_the_null(ragged):
    """Rejection rates over 200 small patterns, in a mask with holes."""
    rng = np.random.default_rng(8)
    simulate = ripley.random_in(ragged, PIXEL_NM, 40)
    p = []
    for _ in range(200):
        found = ripley.envelopes(
            simulate(rng), ragged, PIXEL_NM, rng, runs=39, r_max=1.5, step=0.05
        )
        p.append([(test.p, test.p_deviation) for test in found.values()])
    p = np.array(p).reshape(200, -1)
    for values in p.T:
        # an exact test of 39 simulations has p on a grid of 1/40
        jittered = values - rng.random(200) / 40
        assert stats.kstest(jittered, "uniform").pvalue > 0.001
        assert np.sum(values <= 0.05) <= stats.binom.ppf(0.9999, 200, 0.05)


@pytest.mark.parametrize("model", [processes.repulsive, processes.attractive])
def test_power_on_repulsion_and_attraction(model):
    rng = np.random.default_rng(9)
    mask, corner = window(10, 10)
    points = model(rng, 100) + corner
    found = ripley.envelopes(points, mask, PIXEL_NM, rng, runs=99, r_max=1.5, step=0.05)
    assert found["L"].p == found["G"].p == 0.01
    assert found["L"].p_deviation <= 0.02
    assert found["L"].runs == 99
    away = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(away, np.inf)
    share = [np.mean(away.min(1) < r) for r in found["G"].table.r_nm]
    np.testing.assert_allclose(found["G"].table.observed, share)
    table = found["L"].table
    side = np.sign(np.mean(table.observed - table["mean"]))
    assert side == (1 if model is processes.attractive else -1)


def test_another_null_model_explains_its_own_patterns():
    rng = np.random.default_rng(10)
    mask, corner = window(10, 10)

    def null(rng):
        return processes.repulsive(rng, 150) + corner

    observed = null(rng)
    by_chance = ripley.envelopes(observed, mask, PIXEL_NM, rng, runs=39, r_max=1)
    by_model = ripley.envelopes(observed, mask, PIXEL_NM, rng, runs=39, simulate=null, r_max=1)
    assert by_chance["G"].p <= 0.05 < by_model["G"].p
    with pytest.raises(DataError, match="run 1 returned 5"):
        ripley.envelopes(
            observed, mask, PIXEL_NM, rng, simulate=lambda rng: rng.random((5, 2)) + 50, r_max=1
        )


def test_bad_input_is_named(ragged):
    inside = ripley.random_in(ragged, PIXEL_NM, 20)(np.random.default_rng(0))
    for wrong, words in [
        ((inside, np.zeros((5, 5), bool), PIXEL_NM), "no specimen"),
        ((inside[:1], ragged, PIXEL_NM), "N >= 2"),
        ((inside + 100, ragged, PIXEL_NM), "20 of 20 atoms lie off the mask"),
        ((inside, ragged, PIXEL_NM, 3.0), "shorter side, 2.25 nm"),
        ((inside, ragged, PIXEL_NM, 1.0, 0.0), "steps of 0 nm"),
    ]:
        with pytest.raises(DataError, match=words):
            ripley.pair_statistics(*wrong)
    with pytest.raises(DataError, match="run at least 39"):
        ripley.global_test(np.arange(3), np.zeros(3), np.zeros((38, 3)))
    with pytest.raises(DataError, match="not finite"):
        ripley.global_test(np.arange(3), np.full(3, np.nan), np.zeros((39, 3)))
