import numpy as np
import pandas as pd
import pytest

from helpers.atoms.matching import match
from helpers.atoms.multimer_fit import fit_spots, split_spots
from helpers.data import DataError

SIGMA = 2.5


def spots(shape, centres, sigma=SIGMA):
    y, x = np.indices(shape)
    return sum(np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * sigma**2)) for a, b in centres)


def micrograph(shape, centres, noise=0.1, seed=0, **spot):
    """Counts, and a map that is flat wherever an atom is near, as that of a sure network."""
    image = spots(shape, centres, **spot)
    rng = np.random.default_rng(seed)
    counts = 5e4 + 2e4 * (image + noise * rng.standard_normal(shape))
    return counts, np.where(image > 0.15, 0.99, 0.01)


def positions(table):
    return table[["x_px", "y_px"]].to_numpy()


def same_atoms(found, centres, within):
    truth = pd.DataFrame(centres, columns=["x_px", "y_px"])
    pairs = match(truth, found, rule="distance", radius=within)
    return len(pairs) == len(found) == len(centres)


@pytest.mark.parametrize(
    "centres",
    [
        [(40.3, 25.2)],
        [(36.4, 25.1), (43.2, 26.3)],  # 0.20 nm
        [(30.2, 24.0), (37.5, 26.0), (44.1, 29.7)],
        [(36.0, 20.0), (43.5, 20.0), (39.7, 26.5)],
        [(36.0, 20.0), (43.5, 20.0), (39.7, 26.5), (47.3, 26.5)],
    ],
    ids=["atom", "dimer", "chain", "triangle", "rhombus"],
)
def test_atoms_are_counted_and_placed(centres):
    counts, likelihood = micrograph((50, 80), centres)
    for image, level, xy in (
        (counts, likelihood, centres),
        (counts.T, likelihood.T, [(b, a) for a, b in centres]),
    ):
        table = split_spots(image, level)
        assert same_atoms(table, xy, within=0.6)
        assert (table["probability"] == 0.99).all()
        assert (table["region"] == 0).all()


def test_the_unit_of_the_image_does_not_matter():
    counts, likelihood = micrograph((50, 60), [(26, 25), (34, 27)])
    here, there = split_spots(counts, likelihood), split_spots(counts / 1e6 - 3, likelihood)
    np.testing.assert_allclose(positions(here), positions(there), atol=0.01)


def test_isolated_atoms_stay_one():
    rng = np.random.default_rng(2)
    grid = np.stack(np.meshgrid(np.arange(8), np.arange(8)), -1).reshape(-1, 2)
    centres = 20 + 30 * grid + rng.uniform(-3, 3, grid.shape)
    counts, likelihood = micrograph((250, 250), centres, noise=0.25)
    table = split_spots(counts, likelihood)
    assert same_atoms(table, centres, within=2)
    assert table["region"].is_unique


def test_neighbouring_regions_are_fitted_apart():
    centres = [(20, 20), (27, 20), (38, 20)]
    counts, likelihood = micrograph((40, 60), centres, noise=0.05)
    likelihood[:, 32:33] = 0
    table = split_spots(counts, likelihood)
    assert table.groupby("region").size().tolist() == [2, 1]
    assert same_atoms(table, centres, within=0.7)


def test_atoms_at_the_border_stay_inside():
    centres = [(1.0, 20.0), (1.5, 28.0)]
    table = split_spots(*micrograph((50, 50), centres))
    assert same_atoms(table, centres, within=0.7)
    assert (positions(table) >= 0).all()


def test_specks_are_kept_but_not_fitted():
    counts, likelihood = micrograph((40, 40), [(20, 20)])
    likelihood[:] = 0
    likelihood[10:13, 30:34] = 0.9
    table = split_spots(counts, likelihood)
    assert positions(table).tolist() == [[31, 11]]


def test_an_empty_map_has_no_atoms():
    assert len(split_spots(np.ones((30, 20)), np.zeros((30, 20)))) == 0


def test_a_flat_image_is_no_error():
    likelihood = np.zeros((40, 40))
    likelihood[10:22, 10:22] = 0.9
    assert len(split_spots(np.full((40, 40), 7.0), likelihood)) == 1


def test_what_does_not_belong_together_is_refused():
    with pytest.raises(DataError, match="very image"):
        split_spots(np.ones((30, 20)), np.zeros((20, 30)))
    bad = np.zeros((30, 20))
    bad[0, 0] = np.nan
    with pytest.raises(DataError, match="0 to 1"):
        split_spots(np.ones((30, 20)), bad)
    with pytest.raises(DataError, match="image"):
        split_spots(bad, np.zeros((30, 20)))


def test_the_fit_reaches_the_truth_without_noise():
    centres = np.array([[18.3, 20.6], [25.9, 22.2]])
    image = spots((40, 45), centres)
    y, x = np.indices(image.shape)
    pixels = np.column_stack([x.ravel(), y.ravel()])
    found, misfit = fit_spots(image.ravel(), pixels, centres + [[1.0, -1.5], [-0.5, 1.0]])
    np.testing.assert_allclose(found, centres, atol=0.05)
    assert misfit < 1e-2
