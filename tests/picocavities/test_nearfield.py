"""The field of an adatom and the Raman lines it lights up."""

import numpy as np
import pytest

from helpers.picocavities import nearfield
from helpers.picocavities.molecule import shipped
from helpers.registry import DataError

NORMAL = nearfield.gap_normal()
FAR = np.array([0.0, 0, 1e4])


@pytest.fixture(scope="module")
def thiolate():
    return shipped("Au", "xtb")


def test_field_on_the_axis_and_beside_the_adatom():
    z = np.array([0, 0, 1.0])
    points = np.array([[0, 0, 1.5], [0, 0, 3.0], [3.0, 0, 0]])
    field, _ = nearfield.adatom_field(points, np.zeros(3), z, gap_field=0)
    np.testing.assert_allclose(field, [[0, 0, 2], [0, 0, 0.25], [0, 0, -0.125]], atol=1e-12)


def test_gradient_of_the_field_is_its_derivative_and_has_no_divergence_or_curl():
    points = np.random.default_rng(0).normal(size=(20, 3)) * 3
    points = points[np.linalg.norm(points, axis=1) > 1.7]
    _, gradient = nearfield.adatom_field(points, np.zeros(3), NORMAL)
    step = 1e-5
    for c, axis in enumerate(np.eye(3)):
        up, down = (
            nearfield.adatom_field(points + s * step * axis, np.zeros(3), NORMAL)[0]
            for s in (1, -1)
        )
        np.testing.assert_allclose(gradient[:, c], (up - down) / (2 * step), atol=1e-7)
    np.testing.assert_allclose(np.trace(gradient, axis1=1, axis2=2), 0, atol=1e-12)
    np.testing.assert_allclose(gradient, np.swapaxes(gradient, 1, 2), atol=1e-12)


def test_field_is_finite_everywhere():
    field, gradient = nearfield.adatom_field(np.zeros((1, 3)), np.zeros(3), NORMAL)
    assert np.isfinite(field).all() and (gradient == 0).all()


def test_far_adatom_leaves_the_lines_of_the_gap(thiolate):
    alone = nearfield.line_strengths(thiolate, FAR, gap_field=1.0)
    np.testing.assert_allclose(
        alone, nearfield.gap_line_strengths(thiolate), rtol=1e-6, atol=1e-6 * alone.max()
    )


def test_lines_turn_with_the_molecule(thiolate):
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_euler("xyz", (20, 50, -70), degrees=True).as_matrix()
    place = np.array([1.5, 2.0, -6.0])
    here = nearfield.line_strengths(thiolate, place, NORMAL)
    there = nearfield.line_strengths(thiolate.turned(turn), turn @ place, turn @ NORMAL)
    np.testing.assert_allclose(there, here, rtol=1e-9, atol=1e-9 * here.max())


def test_adatoms_light_up_modes_that_the_gap_hardly_shows(thiolate):
    window = (thiolate.wavenumbers > 268) & (thiolate.wavenumbers < 1611)
    gap = nearfield.gap_line_strengths(thiolate)[window]
    rng = np.random.default_rng(0)
    places = [nearfield.place_adatom(rng, thiolate, "NP") for _ in range(30)]
    near = nearfield.line_strengths(thiolate, places)[:, window]
    visible = (near > 0.05 * near.max(1, keepdims=True)).sum(1)
    assert np.median(visible) > 1.5 * (gap > 0.05 * gap.max()).sum()


@pytest.mark.parametrize(("side", "sign"), [("NP", 1), ("substrate", -1)])
def test_adatoms_touch_their_end_of_the_molecule(thiolate, side, sign):
    for seed in range(20):
        place = nearfield.place_adatom(np.random.default_rng(seed), thiolate, side)
        nearest = np.linalg.norm(thiolate.positions_A - place, axis=1).min()
        assert 2.2 < nearest < 2.8 and sign * place[2] > 2.4
    with pytest.raises(DataError, match="give 'substrate' or 'NP'"):
        nearfield.place_adatom(np.random.default_rng(0), thiolate, "top")


def test_map_is_line_by_line_the_strengths_at_its_points(thiolate):
    x, z = np.linspace(-4, 4, 5), np.linspace(-7, 7, 4)
    drawn = nearfield.maps(thiolate, x, z, y_A=1.0)
    assert drawn.shape == (63, 4, 5)
    at = nearfield.line_strengths(thiolate, (x[3], 1.0, z[1]))
    np.testing.assert_allclose(drawn[:, 1, 3], at)
