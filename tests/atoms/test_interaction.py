import numpy as np
import pytest
from scipy import optimize
from scipy.spatial import cKDTree

from helpers.atoms import interaction as it
from helpers.atoms import processes
from helpers.data import DataError

PIXEL_NM = 0.03
MASK = np.ones((250, 250), bool)


@pytest.fixture(scope="module")
def ragged():
    y, x = np.indices((300, 400))
    holes = (np.hypot(x - 150, y - 120) < 30) | (np.hypot(x - 300, y - 200) < 20)
    return (x + 0.4 * y > 60) & ~holes


def repeated(edges, gammas, n, runs, mask=MASK, fitted=None, seed=0):
    """Tables of fits to arrangements of the model, and its coverage per step."""
    rng, tables = np.random.default_rng(seed), []
    for _ in range(runs):
        points = it.gibbs(rng, n, edges, gammas, mask, PIXEL_NM)
        tables.append(it.fit_interaction([(points, mask, PIXEL_NM)], fitted or edges, rng).table)
    logs = np.log([t.gamma for t in tables])
    inside = np.mean([(t.low <= gammas) & (gammas <= t.high) for t in tables], 0)
    return tables, logs, inside


@pytest.mark.parametrize(
    ("edges", "gammas"),
    [((0, 0.5), [1.0]), ((0, 0.5), [0.3]), ((0.25, 0.5), [0.3, 1.6]), ((0, 0.3, 0.6), [0.3, 0.7])],
)
def test_random_repulsive_and_attractive_truth_is_recovered(edges, gammas, ragged):
    tables, logs, inside = repeated(edges, gammas, 150, 60, ragged)
    error = logs.std(0) / np.sqrt(60)
    assert np.all(np.abs(logs.mean(0) - np.log(gammas)) < 4 * error + 0.1)
    assert np.all(inside > 0.85)
    stated = np.median([t.se_log for t in tables], 0)
    np.testing.assert_allclose(stated, logs.std(0), rtol=0.35)
    table = tables[0]
    np.testing.assert_allclose(table.energy_kt, -np.log(table.gamma))
    assert np.all(table.energy_low_kt < table.energy_kt)
    assert np.all(table.energy_kt < table.energy_high_kt)


def test_strauss_process_of_the_point_models_is_recovered():
    rng, logs = np.random.default_rng(3), []
    for _ in range(30):
        points = processes.strauss(rng, 120, 0.4, 0.5, (7.5, 7.5)) - PIXEL_NM / 2
        fit = it.fit_interaction([(points, MASK, PIXEL_NM)], (0, 0.5), rng)
        logs.append(np.log(fit.table.gamma[0]))
    assert np.mean(logs) == pytest.approx(np.log(0.4), abs=4 * np.std(logs) / np.sqrt(30) + 0.05)


def test_fit_maximises_the_pseudolikelihood():
    """Against Besag's likelihood with its integral on a fine grid."""
    rng, reach = np.random.default_rng(4), 0.5
    points = it.gibbs(rng, 150, (0, reach), [0.5], MASK, PIXEL_NM)
    side = 7.5 - 2 * reach
    step = (np.arange(400) + 0.5) / 400 * side + reach - PIXEL_NM / 2
    grid = np.stack(np.meshgrid(step, step), -1).reshape(-1, 2)
    tree = cKDTree(points)
    inner = points[np.all((points >= reach - 0.015) & (points <= 7.485 - reach), axis=1)]
    at_atoms = tree.query_ball_point(inner, reach, return_length=True) - 1
    at_grid = np.bincount(tree.query_ball_point(grid, reach, return_length=True))

    def cost(theta):
        powers = np.exp(theta[0] + theta[1] * np.arange(len(at_grid)))
        integral = at_grid @ powers * side**2 / len(grid)
        return integral - len(inner) * theta[0] - theta[1] * at_atoms.sum()

    best = optimize.minimize(cost, [1, 0], method="Nelder-Mead", options={"xatol": 1e-6}).x
    fits = [
        it.fit_interaction([(points, MASK, PIXEL_NM)], (0, reach), np.random.default_rng(seed))
        for seed in range(10)
    ]
    logs = [np.log(fit.table.gamma[0]) for fit in fits]
    assert fits[0].atoms == len(inner)
    assert np.mean(logs) == pytest.approx(best[1], abs=0.06)
    assert np.std(logs) < fits[0].table.se_log[0] / 2  # dummies add little


def test_a_core_takes_the_detectors_part():
    """Merged pairs look like repulsion unless distances below the resolution stand apart."""
    rng, with_core, without = np.random.default_rng(5), [], []
    for _ in range(30):
        points = processes.neutral(rng, 220, (7.5, 7.5)) - PIXEL_NM / 2
        gone = {j for _, j in cKDTree(points).query_pairs(0.25)}
        seen = np.delete(points, list(gone), 0)
        field = [(seen, MASK, PIXEL_NM)]
        without.append(it.fit_interaction(field, (0, 0.5), rng).table.iloc[-1])
        with_core.append(it.fit_interaction(field, (0.25, 0.5), rng).steps.iloc[-1])
    assert np.mean([row.high < 1 for row in without]) > 0.8
    assert np.mean([row.high < 1 for row in with_core]) < 0.2
    core = it.fit_interaction(field, (0.25, 0.5), rng).table.iloc[0]
    assert core.gamma == core.low == core.neighbours == 0
    assert 0 < core.high < 0.2 and core.energy_kt == core.energy_high_kt == np.inf


def test_interval_where_no_neighbour_is_seen_holds():
    rng, above = np.random.default_rng(6), []
    while len(above) < 40:
        points = it.gibbs(rng, 100, (0, 0.15), [0.2], MASK, PIXEL_NM)
        row = it.fit_interaction([(points, MASK, PIXEL_NM)], (0, 0.15), rng).table.iloc[0]
        if row.neighbours == 0:
            above.append(row.high)
    assert np.all(np.array(above) > 0.2)


def test_images_are_pooled_with_activities_of_their_own(ragged):
    rng = np.random.default_rng(7)
    counts, masks = (60, 120, 240), (MASK, ragged, MASK)
    fields = [
        (it.gibbs(rng, n, (0, 0.4), [0.5], m, PIXEL_NM), m, PIXEL_NM) for n, m in zip(counts, masks)
    ]
    pooled = it.fit_interaction(fields, (0, 0.4), rng)
    single = [it.fit_interaction([field], (0, 0.4), rng).table.se_log[0] for field in fields]
    row = pooled.table.iloc[0]
    assert row.low < 0.5 < row.high
    assert row.se_log < min(single)
    assert np.all(np.diff(pooled.activity_nm2) > 0)


def test_profile_finds_the_range():
    rng, best = np.random.default_rng(8), []
    for seed in range(8):
        points = it.gibbs(rng, 200, (0, 0.4), [0.1], MASK, PIXEL_NM)
        table = it.profile_range([(points, MASK, PIXEL_NM)], (0.3, 0.4, 0.5, 0.6), seed)
        assert table.log_likelihood.max() == 0
        best.append(table.range_nm[table.log_likelihood.idxmax()])
    assert np.mean(np.array(best) == 0.4) >= 0.75


def test_a_null_through_the_same_detector_divides_out():
    rng = np.random.default_rng(9)

    def fit(gamma):
        fields = [
            (it.gibbs(rng, 150, (0.2, 0.5), [0, 0.6 * gamma], MASK, PIXEL_NM), MASK, PIXEL_NM)
            for _ in range(4)
        ]
        return it.fit_interaction(fields, (0.2, 0.5), rng)

    null = fit(1.0)
    same, weaker = it.against(fit(1.0), null)[0], it.against(fit(0.4), null)[0]
    assert same.low < 1 < same.high and weaker.low < 0.4 < weaker.high and weaker.high < 1
    with pytest.raises(DataError, match="same limits"):
        other = it.gibbs(rng, 100, (0, 0.4), [1.0], MASK, PIXEL_NM)
        it.against(null, it.fit_interaction([(other, MASK, PIXEL_NM)], (0.2, 0.4), rng))


def test_samples_keep_to_the_mask_and_the_core(ragged):
    points = it.gibbs(np.random.default_rng(10), 300, (0.2, 0.4), [0, 3], ragged, PIXEL_NM)
    columns, rows = np.rint(points.T / PIXEL_NM).astype(int)
    assert ragged[rows, columns].all()
    assert not cKDTree(points).query_pairs(0.2)
    assert points.shape == (300, 2)


def test_clusters_without_a_core_are_called_attractive_or_left_open():
    rng = np.random.default_rng(12)
    for _ in range(5):
        points = processes.attractive(rng, 100, (7, 7), seeds=20)
        row = it.fit_interaction([(points, MASK, PIXEL_NM)], (0, 0.5), rng).table.iloc[0]
        assert row.gamma > 1 and (np.isnan(row.low) == np.isnan(row.high))
        assert not row.high < 1
        cored = it.fit_interaction([(points, MASK, PIXEL_NM)], (0.2, 0.5), rng).steps.iloc[0]
        assert cored.gamma > 1


def test_bad_input_is_refused_in_a_sentence():
    rng = np.random.default_rng(11)
    points = processes.neutral(rng, 50, (7, 7))
    field = (points, MASK, PIXEL_NM)
    with pytest.raises(DataError, match="increasing"):
        it.fit_interaction([field], (0.5, 0.3), rng)
    with pytest.raises(DataError, match="1 of 50 atoms lie off the mask"):
        it.fit_interaction([(np.vstack([points[1:], [[9, 9]]]), MASK, PIXEL_NM)], (0, 0.5), rng)
    with pytest.raises(DataError, match="none of its 50 atoms"):
        it.fit_interaction([field], (0, 4.0), rng)
    with pytest.raises(DataError, match="none of its 0 atoms"):
        it.fit_interaction([(points[:0], MASK, PIXEL_NM)], (0, 0.5), rng)
    with pytest.raises(DataError, match="border"):
        it.fit_interaction([field], (0, 0.5), rng, border_nm=0.3)
    with pytest.raises(DataError, match="too narrow"):
        it.fit_interaction([field], (0.001, 0.5), rng)
    with pytest.raises(DataError, match="as many factors"):
        it.gibbs(rng, 50, (0.2, 0.5), [0.5], MASK, PIXEL_NM)
    with pytest.raises(DataError, match="where none may be"):
        it.gibbs(rng, 3000, (0, 0.3), [0], MASK, PIXEL_NM, sweeps=3)
