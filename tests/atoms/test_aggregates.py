import numpy as np
import pytest

from helpers.atoms import aggregates as agg
from helpers.atoms import processes
from helpers.data import DataError

# a lone atom, a dimer, a bent chain of three and a rhombus of four, bonds 0.2 nm
HEIGHT = 0.2 * np.sqrt(3) / 2
POSITIONS = np.array(
    [
        [5, 5],
        *([1, 1], [1.2, 1]),
        *([3, 3], [3.2, 3], [3.2, 3.2]),
        *([7, 1], [7.2, 1], [7.1, 1 + HEIGHT], [7.3, 1 + HEIGHT]),
    ]
)


def test_multimers_of_known_shape():
    atoms = agg.aggregate(POSITIONS)
    assert atoms.multimer.tolist() == [0, 1, 1, 2, 2, 2, 3, 3, 3, 3]
    assert atoms.nuclearity.tolist() == [1, 2, 2, 3, 3, 3, 4, 4, 4, 4]
    assert atoms.bonds.tolist() == [0, 1, 1, 1, 2, 1, 2, 3, 3, 2]
    shapes = agg.shapes(atoms)
    assert shapes["shape"].tolist() == ["dimer", "chain", "compact"]
    assert shapes.bonds.tolist() == [1, 2, 5]
    assert shapes.bonds_per_atom.tolist() == pytest.approx([1, 4 / 3, 2.5])
    assert shapes.compactness.tolist() == pytest.approx([np.nan, 0, 1], nan_ok=True)


def test_bonds_equal_all_pairs_and_include_the_cutoff():
    points = processes.neutral(np.random.default_rng(0), 300, (8, 4))
    away = np.linalg.norm(points[:, None] - points[None], axis=2)
    expected = np.argwhere(np.triu(away <= 0.3, 1))
    found = agg.bonds(points, 0.3)
    assert sorted(map(tuple, found)) == sorted(map(tuple, expected))
    assert len(agg.bonds(np.array([[0, 0], [0.25, 0]]), 0.25)) == 1
    assert agg.aggregate(points, 0.3).bonds.tolist() == (np.sum(away <= 0.3, 1) - 1).tolist()


def test_share_is_that_of_atoms_with_a_near_neighbour():
    points = processes.neutral(np.random.default_rng(1), 400)
    atoms = agg.aggregate(points)
    share = agg.multimer_share(atoms)
    assert share.value == np.mean(atoms.nnd_nm <= agg.CUTOFF_NM)
    pooled = agg.multimer_share([atoms, agg.aggregate(POSITIONS)])
    assert pooled.value == pytest.approx((share.value * 400 + 9) / 410)


@pytest.mark.parametrize("count", [100, 300])
def test_interval_of_the_share_covers(count):
    """It holds the model's mean in about 95 % of runs; a plain binomial interval does not."""
    rng = np.random.default_rng(2)
    runs = [agg.multimer_share(agg.aggregate(processes.neutral(rng, count))) for _ in range(400)]
    values = np.array([run.value for run in runs])
    covered = np.mean([run.low <= values.mean() <= run.high for run in runs])
    assert 0.92 < covered < 0.99
    half = 1.96 * np.sqrt(values.mean() * (1 - values.mean()) / count)
    assert np.mean(abs(values - values.mean()) < half) < 0.90


def test_interval_without_multimers_is_not_empty():
    share = agg.multimer_share(agg.aggregate(np.column_stack([np.arange(50.0), np.zeros(50)])))
    assert (share.value, share.low) == (0, 0)
    assert 0.05 < share.high < 0.2


def test_random_share_is_the_papers_density_at_fourteen_percent():
    assert agg.random_share(1.0) == pytest.approx(0.141, abs=0.001)
    assert agg.random_share(0.0) == 0


def test_description_of_an_image_leaves_out_what_is_off_the_mask():
    mask = np.ones((300, 500), bool)
    mask[200:] = False
    points = processes.neutral(np.random.default_rng(3), 400, (14.9, 8.9))
    row = agg.describe(points, mask, 0.03)
    assert set(row) == set(agg.MEANINGS)
    inside = points[points[:, 1] < 199.5 * 0.03]
    assert row["n"] == len(inside)
    assert row["area_nm2"] == pytest.approx(200 * 500 * 0.03**2)
    assert row["density_nm2"] == pytest.approx(len(inside) / row["area_nm2"])
    assert row["multimer_low"] < row["multimer_share"] < row["multimer_high"]
    assert row["nnd_random_nm"] == pytest.approx(0.5 / np.sqrt(row["density_nm2"]))
    assert agg.describe(points[:0], mask, 0.03)["n"] == 0


def test_few_atoms():
    assert len(agg.aggregate(np.empty((0, 2)))) == 0
    assert len(agg.shapes(agg.aggregate(np.empty((0, 2))))) == 0
    one = agg.aggregate(np.array([[1.0, 2.0]]))
    assert one.nuclearity.tolist() == [1] and one.nnd_nm.isna().all()


def test_bad_input_is_named():
    with pytest.raises(DataError, match="shape"):
        agg.aggregate(np.zeros((3, 3)))
    with pytest.raises(DataError, match="positive"):
        agg.aggregate(POSITIONS, 0)
    with pytest.raises(DataError, match="no atoms"):
        agg.multimer_share(agg.aggregate(np.empty((0, 2))))
