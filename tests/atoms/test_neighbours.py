import numpy as np
import pytest

from helpers.atoms import neighbours
from helpers.atoms.arrangement import random_positions
from helpers.data import DataError

PIXEL_NM = 0.03


@pytest.fixture
def mask():
    """A particle with a curved edge in a field of 15 nm."""
    y, x = np.indices((500, 500))
    return x + 30 * np.sin(y / 60) > 120


def test_nearest_neighbours_equal_brute_force():
    points = np.random.default_rng(0).random((60, 2))
    away = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(away, np.inf)
    np.testing.assert_allclose(neighbours.nearest_neighbours(points), away.min(1))
    with pytest.raises(DataError, match="at least 2"):
        neighbours.nearest_neighbours(points[:1])


def test_border_distance_in_frame_and_mask():
    mask = np.ones((100, 200), bool)
    mask[:, 150:] = False
    positions = np.array([[10, 50], [140, 50], [75, 99]]) * 0.1
    expected = [1.05, 0.95, 0.05]  # pixel edges lie half a pixel beyond the centres
    np.testing.assert_allclose(
        neighbours.border_distance(positions, mask, 0.1), expected, atol=1e-9
    )


def test_rayleigh_fit_recovers_a_density():
    rng = np.random.default_rng(2)
    rho = 0.35
    distances = np.sqrt(rng.exponential(1 / (np.pi * rho), 20000))
    fit = neighbours.rayleigh_fit(distances)
    assert fit.density_nm2 == pytest.approx(rho, rel=0.03)
    assert fit.mean_nm == pytest.approx(distances.mean(), rel=0.01)
    r = np.linspace(0, 10, 5001)
    assert np.trapezoid(fit.pdf(r), r) == pytest.approx(1, abs=1e-4)
    assert np.trapezoid(r * fit.pdf(r), r) == pytest.approx(fit.mean_nm, rel=1e-3)


def test_edge_corrections_remove_the_bias(mask):
    """Random points in a mask: the plain mean is too long, the corrected ones meet Eq. 5."""
    rng = np.random.default_rng(3)
    plain, corrected, censored = [], [], []
    for _ in range(150):
        positions = random_positions(60, mask, PIXEL_NM, rng)
        distances = neighbours.nearest_neighbours(positions)
        borders = neighbours.border_distance(positions, mask, PIXEL_NM)
        plain.append(distances.mean())
        corrected.append(neighbours.corrected_mean_distance(distances, borders))
        censored.append(neighbours.rayleigh_fit(distances, borders).density_nm2)
    rho = 60 / (mask.sum() * PIXEL_NM**2)
    expected = neighbours.random_mean_distance(rho)
    assert np.mean(plain) > 1.05 * expected
    assert np.mean(corrected) == pytest.approx(expected, rel=0.03)
    assert np.mean(censored) == pytest.approx(rho, rel=0.05)


def test_kaplan_meier_without_censoring_is_the_plain_distribution():
    distances = np.array([0.4, 0.1, 0.2, 0.2])
    curve = neighbours.kaplan_meier(distances, np.full(4, 9.0))
    assert curve.distance_nm.tolist() == [0, 0.1, 0.2, 0.4]
    np.testing.assert_allclose(curve.share, [0, 0.25, 0.75, 1])
    assert neighbours.corrected_mean_distance(distances, np.full(4, 9.0)) == pytest.approx(0.225)


def test_kaplan_meier_of_a_textbook_case():
    # times 1, 2+, 3, 4+ (a plus is censored): survival 3/4, then 3/4 * 1/2
    curve = neighbours.kaplan_meier([1, 5, 3, 7], [9, 2, 9, 4])
    assert curve.distance_nm.tolist() == [0, 1, 3]
    np.testing.assert_allclose(1 - curve.share, [1, 0.75, 0.375])
