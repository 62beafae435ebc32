import numpy as np
import pandas as pd
import pytest

from helpers import data
from helpers.atoms import arrangement as arr
from helpers.atoms.specimen import specimen_mask

PIXEL_NM = 0.03
STATISTICS = data.ROOT / "data" / "ch01" / "statistics.csv"


@pytest.fixture
def mask():
    """A particle with a curved edge in a field of 15 nm."""
    y, x = np.indices((500, 500))
    return x + 30 * np.sin(y / 60) > 120


def test_x_is_the_column():
    mask = np.zeros((10, 20), bool)
    mask[2, 15] = True
    points = pd.DataFrame({"x_px": [15, 2], "y_px": [2, 15]})
    positions = arr.positions_nm(points, 0.1)
    assert positions[0].tolist() == pytest.approx([1.5, 0.2])
    assert arr.is_inside(positions, mask, 0.1).tolist() == [True, False]


def test_random_positions_fill_the_mask_evenly(mask):
    rng = np.random.default_rng(1)
    positions = arr.random_positions(20000, mask, PIXEL_NM, rng)
    assert arr.is_inside(positions, mask, PIXEL_NM).all()
    left = positions[:, 0] < 7.5
    assert left.mean() == pytest.approx(mask[:, :250].sum() / mask.sum(), abs=0.015)


def test_share_within_pools_images_without_joining_them():
    one = np.array([[0, 0], [0.2, 0], [3, 3]])
    found = arr.share_within([one, one + 0.1], 0.28)
    assert found.value == pytest.approx(4 / 6)
    assert found.low < found.value < found.high


def test_a_regular_pattern_is_not_random(mask):
    rng = np.random.default_rng(5)
    grid = np.stack(np.meshgrid(np.arange(150, 490, 40), np.arange(20, 490, 40)), -1).reshape(-1, 2)
    regular = pd.DataFrame(grid, columns=["x_px", "y_px"])
    row = arr.describe(regular, mask, PIXEL_NM, rng, runs=199)
    assert row["nnd_mean_nm"] == pytest.approx(1.2)
    assert row["nnd_p"] == pytest.approx(2 / 200)
    assert set(row) < set(arr.MEANINGS)
    chance = arr.random_positions(len(grid), mask, PIXEL_NM, rng) / PIXEL_NM
    row = arr.describe(
        pd.DataFrame(chance, columns=["x_px", "y_px"]), mask, PIXEL_NM, rng, runs=199
    )
    assert row["nnd_p"] > 0.02
    assert row["nnd_mean_nm"] == pytest.approx(row["nnd_random_in_mask_nm"], rel=0.2)


def test_describe_leaves_out_atoms_off_the_specimen(mask):
    points = pd.DataFrame({"x_px": [5.0, 300, 310], "y_px": [250.0, 250, 250]})
    row = arr.describe(points, mask, PIXEL_NM, np.random.default_rng(0), runs=9)
    assert (row["n"], row["n_outside"]) == (2, 1)
    assert row["nnd_mean_nm"] == pytest.approx(0.3)
    single = arr.describe(points[:2], mask, PIXEL_NM, np.random.default_rng(0))
    assert single["n"] == 1 and "nnd_mean_nm" not in single


@pytest.mark.measured
def test_labels_of_the_test_images_are_as_published(pt_nc):
    sets = [arr.positions_nm(i.labels, i.image.attrs["pixel_size_nm"]) for i in pt_nc[11:]]
    within = arr.share_within(sets)
    assert within.value == pytest.approx(6 / 607)  # the paper's 1 %
    means = [arr.nearest_neighbours(p).mean() for p in sets]
    expected = [arr.random_mean_distance(len(p) / 225) for p in sets]
    assert np.max(np.abs(np.divide(means, expected) - 1)) < 0.11


def test_shipped_statistics_hold_together():
    table = pd.read_csv(STATISTICS, dtype={"image": str})
    assert table.groupby("source").image.nunique().eq(21).all()
    assert "labels" in set(table.source)
    np.testing.assert_allclose(table.density_nm2, table.n / table.area_nm2, rtol=1e-3)
    assert (table.density_low_nm2 < table.density_nm2).all()
    assert (table.density_nm2 < table.density_high_nm2).all()
    expected = arr.random_mean_distance(table.density_nm2)
    np.testing.assert_allclose(table.nnd_random_nm, expected, rtol=1e-3)
    # neighbours beyond the edge are missing, so chance gives longer distances than Eq. 5
    assert (table.nnd_random_in_mask_nm > table.nnd_random_nm).all()


@pytest.mark.measured
def test_shipped_statistics_of_labels_are_reproduced(pt_nc):
    table = pd.read_csv(STATISTICS, dtype={"image": str})
    table = table[table.source == "labels"].set_index("image")
    for item in pt_nc[::5]:
        mask = specimen_mask(item.image)
        size = item.image.attrs["pixel_size_nm"]
        row = arr.describe(item.labels, mask, size, np.random.default_rng(0), runs=99)
        shipped = table.loc[item.name]
        for name in ("area_nm2", "n", "density_nm2", "nnd_mean_nm", "nnd_corrected_nm"):
            assert row[name] == pytest.approx(shipped[name], rel=0.01), (item.name, name)
        assert row["nnd_random_in_mask_nm"] == pytest.approx(
            shipped["nnd_random_in_mask_nm"], rel=0.05
        )
