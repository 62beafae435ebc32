import time

import numpy as np
import pandas as pd
import pytest
from scipy.spatial import cKDTree

from helpers.atoms import processes as pro
from helpers.data import DataError

FLAT = pd.DataFrame({"distance_nm": [0.4, 0.9], "energy_ev": [0.0, 0.0]})
WELL = pd.DataFrame(
    {"distance_nm": [0.40, 0.44, 0.48, 0.52, 0.60, 0.90], "energy_ev": [0.6, 0.6, -0.4, -0.4, 0, 0]}
)
BOX = (12.0, 7.0)
MODELS = {
    "neutral": pro.neutral,
    "attractive": pro.attractive,
    "repulsive": pro.repulsive,
    "energy_weighted": lambda rng, n, box: pro.energy_weighted(rng, n, WELL, 600, box),
    "strauss": lambda rng, n, box: pro.strauss(rng, n, 0.3, 0.4, box),
}


def nearest(points):
    return cKDTree(points).query(points, k=2)[0][:, 1]


def disc_in_box(radius, box=pro.BOX_NM, steps=60):
    """Area of discs about points of the box that lies in it, one value per point of a grid."""
    x = (np.arange(steps) + 0.5) / steps
    centres = np.stack(np.meshgrid(x * box[0], x * box[1]), -1).reshape(-1, 1, 2)
    t = (np.arange(400) + 0.5) / 400 * 2 - 1  # chords of the disc, left to right
    half = radius * np.sqrt(1 - t**2)
    column = centres[..., 0] + radius * t
    low, high = centres[..., 1] - half, centres[..., 1] + half
    chord = np.minimum(high, box[1]) - np.maximum(low, 0)
    return np.sum(chord * ((column > 0) & (column < box[0])), 1) * radius / 200


@pytest.mark.parametrize("name", MODELS)
def test_models_fill_the_box_they_are_given_and_repeat(name):
    points = MODELS[name](np.random.default_rng(0), 120, BOX)
    assert points.shape == (120, 2)
    assert np.all((points >= 0) & (points <= BOX))
    assert points[:, 0].max() > 10 and points[:, 1].max() > 5.5
    np.testing.assert_array_equal(points, MODELS[name](np.random.default_rng(0), 120, BOX))
    assert len(np.unique(points, axis=0)) == 120


@pytest.mark.parametrize("n", [100, 400])
def test_neutral_model_meets_its_closed_form_in_a_finite_box(n):
    """A neighbour within r is missing with probability (1 - |disc in box| / |box|)^(n-1)."""
    runs, _ = pro.model_statistics(lambda rng: pro.neutral(rng, n), np.random.default_rng(1), 300)
    share = 1 - np.mean((1 - disc_in_box(0.22) / 100) ** (n - 1))
    r = (np.arange(60) + 0.5) * 2.4 / np.sqrt(n) * 10 / 60
    mean = sum(np.mean((1 - disc_in_box(x) / 100) ** (n - 1)) for x in r) * (r[1] - r[0])
    error = runs.std() / np.sqrt(300)
    assert abs(runs.multimer_share.mean() - share) < 4 * error.multimer_share
    assert abs(runs.nnd_mean_nm.mean() - mean) < 4 * error.nnd_mean_nm + 0.0005
    # Donnelly's (1978) edge term for a perimeter of 40 nm, on top of 1 / (2 sqrt(rho))
    donnelly = 0.5 / np.sqrt(n / 100) + (0.0514 + 0.041 / np.sqrt(n)) * 40 / n
    assert mean == pytest.approx(donnelly, rel=0.002)
    assert share == pytest.approx(1 - np.exp(-n / 100 * np.pi * 0.22**2), rel=0.03)


def test_attractive_model_maps_back_to_the_neutral_one():
    a = pro.attractive(np.random.default_rng(2), 80, seeds=80)
    np.testing.assert_array_equal(a, pro.neutral(np.random.default_rng(2), 80))


def test_attractive_points_lie_in_the_squares_of_their_seeds():
    points = pro.attractive(np.random.default_rng(3), 400, BOX, seeds=50)
    away = np.abs(points[50:, None] - points[None, :50]).max(2)
    assert away.min(1).max() <= 0.5
    # 350 further points, 7 in each square
    assert np.sum(away <= 0.5, 0).min() >= 7


def test_repulsive_model_keeps_its_distance_and_its_rule():
    points = pro.repulsive(np.random.default_rng(4), 400)
    assert nearest(points).min() > 0.2
    # Beyond C + 1 nothing is refused: a sparse arrangement in a large box is the neutral one
    sparse = pro.repulsive(np.random.default_rng(4), 50, (2000, 2000))
    assert nearest(sparse).min() > 1.2
    # a second point at distance d is taken with probability d - C
    rng = np.random.default_rng(5)
    d = np.array(
        [np.hypot(*np.diff(pro.repulsive(rng, 2, (3, 3)), axis=0)[0]) for _ in range(9000)]
    )
    free = np.array(
        [np.hypot(*np.diff(pro.neutral(rng, 2, (3, 3)), axis=0)[0]) for _ in range(9000)]
    )
    scale = np.sum(d > 1.2) / np.sum(free > 1.2)
    for low, high in [(0.4, 0.6), (0.7, 0.9), (1.0, 1.2)]:
        taken = np.sum((d > low) & (d < high)) / np.sum((free > low) & (free < high)) / scale
        assert taken == pytest.approx((low + high) / 2 - 0.2, abs=0.12)


def test_repulsive_model_says_when_the_box_is_full(monkeypatch):
    monkeypatch.setattr(pro, "PROPOSALS", 200_000)
    with pytest.raises(DataError, match=r"placed \d+ of 200 atoms in 2 x 2 nm"):
        pro.repulsive(np.random.default_rng(6), 200, (2, 2))


def test_forces_order_the_models():
    """Fig. 3d: attraction shortens, repulsion lengthens, at both densities."""
    for n in (100, 400):
        mean, share = {}, {}
        for name in ("attractive", "neutral", "repulsive"):
            model = getattr(pro, name)
            runs, _ = pro.model_statistics(
                lambda rng, model=model, n=n: model(rng, n), np.random.default_rng(7), 40
            )
            mean[name], share[name] = runs.nnd_mean_nm.mean(), runs.multimer_share.mean()
        assert mean["attractive"] < mean["neutral"] < mean["repulsive"]
        assert share["attractive"] > share["neutral"] > share["repulsive"]


def test_histogram_is_a_density():
    runs, histogram = pro.model_statistics(
        lambda rng: pro.neutral(rng, 400), np.random.default_rng(8), 20
    )
    assert len(runs) == 20
    assert histogram.density_per_nm.sum() * 0.025 == pytest.approx(1, abs=1e-3)
    mean = (histogram.distance_nm * histogram.density_per_nm).sum() * 0.025
    assert mean == pytest.approx(runs.nnd_mean_nm.mean(), rel=0.01)
    with pytest.raises(DataError, match="at least 2"):
        pro.model_statistics(lambda rng: pro.neutral(rng, 1), np.random.default_rng(0), 2)


def test_population_is_boltzmanns():
    kt = 8.617333e-5 * 1000
    table = pd.DataFrame({"distance_nm": [0.5, 0.4, 0.4, 0.8], "energy_ev": [-kt, kt, 3 * kt, 0]})
    log = pro.population(table, 1000, np.array([0.1, 0.4, 0.45, 0.5, 0.8, 2.0]))
    mixed = np.log((np.exp(-1) + np.exp(-3)) / 2)
    np.testing.assert_allclose(log, [mixed, mixed, (mixed + 1) / 2, 1, 0, 0], atol=1e-5)


def test_energy_weighted_without_energies_has_the_rayleigh_distribution():
    rng = np.random.default_rng(9)
    runs, histogram = pro.model_statistics(
        lambda rng: pro.energy_weighted(rng, 200, FLAT, 300), rng, 30
    )
    assert runs.nnd_mean_nm.mean() == pytest.approx(0.5 / np.sqrt(2), rel=0.03)
    r = histogram.distance_nm
    expected = 4 * np.pi * r * np.exp(-2 * np.pi * r**2)
    assert np.abs(np.cumsum(histogram.density_per_nm - expected)).max() * 0.025 < 0.03


def test_new_points_follow_rayleigh_times_population():
    """At 4 / 100 nm^2 the third point feels little of the box; its distance is known."""
    rng = np.random.default_rng(10)
    kelvin = 4000  # soft enough to see all distances
    thirds = [pro.energy_weighted(rng, 3, WELL, kelvin, (4, 4)) for _ in range(1500)]
    d = np.array([np.hypot(*(p[:2] - p[2]).T).min() for p in thirds])
    r = np.arange(0.0005, 4, 0.001)
    chance = r * np.exp(-2 / 16 * np.pi * r**2 + pro.population(WELL, kelvin, r))
    chance /= chance.sum()
    for low, high in [(0, 0.44), (0.46, 0.54), (0.6, 1.0), (1.0, 1.5)]:
        expected = chance[(r > low) & (r < high)].sum()
        error = np.sqrt(expected * (1 - expected) / 1500)
        assert abs(np.mean((d > low) & (d < high)) - expected) < 4 * error + 0.012


def test_a_deep_minimum_gathers_the_nearest_neighbours():
    points = pro.energy_weighted(np.random.default_rng(11), 100, WELL, 300)
    assert np.mean(abs(nearest(points) - 0.5) < 0.05) > 0.9


# Strauss


def close_pairs(points, radius):
    return len(cKDTree(points).query_pairs(radius))


def test_strauss_is_neutral_at_one_and_hard_at_zero():
    rng = np.random.default_rng(12)
    pairs = [close_pairs(pro.strauss(rng, 200, 1.0, 0.3), 0.3) for _ in range(60)]
    expected = 199 * 200 / 2 * np.mean(disc_in_box(0.3)) / 100
    assert np.mean(pairs) == pytest.approx(expected, abs=4 * np.std(pairs) / np.sqrt(60))
    assert nearest(pro.strauss(rng, 200, 0.0, 0.3)).min() >= 0.3
    with pytest.raises(DataError, match="hard core"):
        pro.strauss(rng, 200, 0.0, 0.3, (2, 2), sweeps=5)


def test_two_strauss_points_meet_gamma():
    rng = np.random.default_rng(13)
    close = [close_pairs(pro.strauss(rng, 2, 0.4, 0.5, (2, 2)), 0.5) for _ in range(6000)]
    inside = np.mean(disc_in_box(0.5, (2, 2))) / 4
    expected = 0.4 * inside / (0.4 * inside + 1 - inside)
    assert np.mean(close) == pytest.approx(expected, abs=4 * np.sqrt(expected / 6000))


# Species


def test_species_are_drawn_on_their_own():
    positions, labels = pro.species(np.random.default_rng(15), {"Ni": 60, "Pd": 30})
    assert positions.shape == (90, 2)
    assert np.sum(labels == "Ni") == 60 and np.sum(labels == "Pd") == 30
    positions, labels = pro.species(
        np.random.default_rng(15), {"Ni": 60, "Pd": 60}, BOX, pro.repulsive
    )
    assert nearest(positions[labels == "Ni"]).min() > 0.2
    assert nearest(positions).min() < 0.2


@pytest.mark.parametrize("strength", [-2, 0, 1])
def test_labels_order_as_asked_and_keep_the_composition(strength):
    """Nearest neighbours form no closed ring, so every pair is like with its own probability."""
    rng = np.random.default_rng(16)
    like = []
    for _ in range(10):
        positions = pro.neutral(rng, 400)
        labels = pro.ordered_labels(rng, positions, {"Ni": 200, "Pd": 200}, strength, neighbours=1)
        assert np.sum(labels == "Ni") == 200
        second = cKDTree(positions).query(positions, k=2)[1][:, 1]
        like.append(np.mean(labels == labels[second]))
    expected = np.exp(strength) / (1 + np.exp(strength))
    assert np.mean(like) == pytest.approx(expected, abs=0.03)


def test_three_species_cluster_and_alternate():
    rng = np.random.default_rng(18)
    positions = pro.repulsive(rng, 300)
    around = cKDTree(positions).query(positions, k=4)[1][:, 1:]
    like = []
    for strength in (-2, 0, 2):
        counts = {"Ni": 150, "Pd": 100, "Pt": 50}
        labels = pro.ordered_labels(rng, positions, counts, strength)
        assert {k: int(np.sum(labels == k)) for k in counts} == counts
        like.append(np.mean(labels[:, None] == labels[around]))
    assert like[0] < like[1] - 0.08 and like[2] > like[1] + 0.2


def test_bad_input_is_named():
    rng = np.random.default_rng(0)
    for wrong, words in [
        (lambda: pro.neutral(rng, -1), "-1"),
        (lambda: pro.neutral(rng, 5, (0, 4)), "positive lengths"),
        (lambda: pro.attractive(rng, 10), "50 seeds for 10"),
        (lambda: pro.attractive(rng, 100, side=0), "side"),
        (lambda: pro.repulsive(rng, 5, c=-0.1), "C is"),
        (lambda: pro.strauss(rng, 5, 1.5, 0.3), "gamma is 1.5"),
        (lambda: pro.strauss(rng, 5, 0.5, 0), "radius"),
        (lambda: pro.energy_weighted(rng, 5, FLAT, 0), "temperature"),
        (lambda: pro.energy_weighted(rng, 5, FLAT, 300, grid_nm=0), "pixel"),
        (lambda: pro.energy_weighted(rng, 5, FLAT[["energy_ev"]], 300), "distance_nm"),
        (lambda: pro.energy_weighted(rng, 5, FLAT * np.nan, 300), "missing"),
        (lambda: pro.species(rng, {}), "species"),
        (lambda: pro.ordered_labels(rng, np.zeros((3, 2)), {"Ni": 2}, 1), "2 atoms, but"),
    ]:
        with pytest.raises(DataError, match=words):
            wrong()


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_few_points(n):
    rng = np.random.default_rng(17)
    assert len(pro.neutral(rng, n)) == n
    assert len(pro.repulsive(rng, n)) == n
    assert len(pro.energy_weighted(rng, n, WELL, 300)) == n
    assert len(pro.strauss(rng, n, 0.5, 0.3)) == n


def test_ten_runs_of_every_model_are_quick():
    for model in MODELS.values():
        model(np.random.default_rng(0), 60, BOX)  # compile
        start = time.process_time()
        for seed in range(10):
            model(np.random.default_rng(seed), 400, pro.BOX_NM)
        assert time.process_time() - start < 3
