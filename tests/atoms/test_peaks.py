import numpy as np
import pytest

from helpers.atoms.peaks import components, maxima, vertex


def test_components_follow_the_published_rule():
    image = np.zeros((30, 40), np.float32)
    image[3:7, 10:12] = 0.9  # 4 x 2 px: centre of the box rounded down
    image[4, 10] = 0.95
    image[20, 30] = image[21, 31] = 0.8  # diagonal neighbours are two components
    image[29, 0] = 0.5
    found = components(image, 0.5)
    assert found.to_numpy().tolist() == [
        [10, 4, pytest.approx(0.95)],
        [30, 20, pytest.approx(0.8)],
        [31, 21, pytest.approx(0.8)],
    ]
    assert len(components(image, 0.99)) == 0
    assert list(components(image, 0.99)) == ["x_px", "y_px", "probability"]


def test_maxima_keep_their_distance_and_reach_the_border():
    image = np.zeros((60, 50), np.float32)
    image[10, 20], image[13, 24], image[0, 49], image[40, 5], image[40, 6] = 0.9, 0.8, 0.7, 0.6, 0.6
    found = maxima(image, 0.5)
    assert found.iloc[:2].to_numpy() == pytest.approx(np.array([[20, 10, 0.9], [49, 0, 0.7]]))
    assert len(found) == 3  # of two equal neighbours one stays
    assert len(maxima(image, 0.5, min_distance=2)) == 4
    assert len(maxima(image, 0.95)) == 0


def test_the_vertex_of_a_paraboloid_is_found_and_the_border_stays_whole():
    y, x = np.indices((20, 30))
    bowl = 5 - (x - 12.3) ** 2 - 0.2 * (y - 7.6) ** 2
    dy, dx = vertex(bowl, np.array([8]), np.array([12]))
    assert (dx[0], dy[0]) == pytest.approx((0.3, -0.4))
    slope = np.tile(np.arange(30.0), (20, 1))
    dy, dx = vertex(slope, np.array([0, 5]), np.array([29, 10]))
    assert not dy.any() and not dx.any()
