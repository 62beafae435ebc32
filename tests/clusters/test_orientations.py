import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from helpers.clusters import orientations
from helpers.clusters.orientations import (
    DISC_DEG,
    GAP_DEG,
    SPLITS,
    discs,
    draw,
    reduced_angle,
    rotations,
    split_of,
    tilt_from_zone_axis,
    viewing_direction,
    views,
    zone_axes,
)
from helpers.clusters.structures import ISOMERS, ORDERED, symmetry
from helpers.registry import DataError


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def test_directions_are_uniform(rng):
    seen = viewing_direction(rotations(rng, 4000))
    assert np.allclose(np.linalg.norm(seen, axis=1), 1)
    assert np.abs(seen.mean(0)).max() < 0.03
    assert np.allclose(seen.T @ seen / len(seen), np.eye(3) / 3, atol=0.02)


def test_the_view_is_along_the_beam(rng):
    turn = rotations(rng, 5)
    assert np.allclose(turn.apply(viewing_direction(turn)), [0, 0, 1])
    about_the_beam = Rotation.from_euler("z", 40, degrees=True) * turn
    assert np.allclose(viewing_direction(about_the_beam), viewing_direction(turn))


@pytest.mark.parametrize("name", ISOMERS)
def test_symmetric_copies_and_the_view_from_behind_are_one_view(name, rng):
    seen = viewing_direction(rotations(rng, 20))
    for operation in symmetry(name):
        assert np.diag(reduced_angle(name, seen, seen @ operation.T)).max() < 1e-4
    assert np.diag(reduced_angle(name, seen, -seen)).max() < 1e-4


@pytest.mark.parametrize("name", ORDERED)
def test_reduced_angle_is_the_tilt_when_it_is_small(name, rng):
    seen = viewing_direction(rotations(rng, 50))
    seen = seen[tilt_from_zone_axis(name, seen) > 6]
    across = np.cross(seen, [0.3, 0.5, 0.8])
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    tilted = np.cos(np.radians(1)) * seen + np.sin(np.radians(1)) * across
    angle = np.diag(reduced_angle(name, seen, tilted))
    assert (angle <= 1 + 1e-6).all()
    assert np.median(angle) == pytest.approx(1, abs=1e-6)


def test_the_opposite_of_a_direction_is_its_mirror_image_on_paper(rng):
    pytest.importorskip("ase")
    from helpers.clusters.structures import isomer

    positions = isomer("decahedron", 55).get_positions()
    front = rotations(rng, 1)[0]
    behind = Rotation.from_euler("y", 180, degrees=True) * front
    one, other = front.apply(positions), behind.apply(positions)
    assert np.allclose(viewing_direction(behind), -viewing_direction(front))
    assert np.allclose(one[:, :2] * [-1, 1], other[:, :2])


@pytest.mark.parametrize("name", ORDERED)
def test_zone_axes_are_where_symmetry_is(name):
    for label, axis in zone_axes(name).items():
        stay = [m for m in views(name) if np.allclose(m @ axis, axis)]
        fold = {"5-fold": 10, "3-fold": 6, "111": 6, "100": 8}.get(label, 4)
        if (name, label) == ("decahedron", "5-fold"):
            fold = 20  # the inversion makes a ten-fold axis of it
        assert len(stay) == fold, label
        assert tilt_from_zone_axis(name, axis)[0] < 1e-4


def test_an_amorphous_cluster_has_no_zone_axes():
    with pytest.raises(DataError, match="'amorphous' has no zone axes"):
        zone_axes("amorphous")


@pytest.mark.parametrize("name", ORDERED)
def test_parts_are_a_gap_apart_and_close_enough_to_learn_from(name, rng):
    seen = viewing_direction(rotations(rng, 3000))
    part = split_of(name, seen)
    assert set(part) == {*SPLITS, ""}
    for one, other in (("train", "test"), ("train", "validation"), ("validation", "test")):
        assert reduced_angle(name, seen[part == one], seen[part == other]).min() >= GAP_DEG
    to_train = reduced_angle(name, seen[part == "test"], seen[part == "train"]).min(1)
    assert np.median(to_train) < DISC_DEG + GAP_DEG
    assert to_train.max() < 12  # where discs of the decahedron lie side by side


@pytest.mark.parametrize("name", ORDERED)
def test_copies_of_a_view_are_in_its_part(name, rng):
    seen = viewing_direction(rotations(rng, 60))
    part = split_of(name, seen)
    for operation in views(name)[::7]:
        assert (split_of(name, seen @ operation.T) == part).all()


@pytest.mark.parametrize("name", ORDERED)
def test_one_zone_axis_is_held_out_and_one_is_trained_on(name):
    at = {split_of(name, axis)[0] for axis in zone_axes(name).values()}
    assert {"test", "train"} <= at
    assert {"test", "validation"} == set(discs(name)[1])


@pytest.mark.parametrize("name", ISOMERS)
@pytest.mark.parametrize("split", SPLITS)
def test_drawn_orientations_are_of_the_part_asked_for(name, split, rng):
    turn = draw(name, split, rng, 40)
    assert len(turn) == 40
    if name != "amorphous":
        assert (split_of(name, viewing_direction(turn)) == split).all()


def test_half_the_sphere_would_not_do_for_the_decahedron():
    """Without the inversion a mirrored copy of a test view could be trained on."""
    assert len(views("decahedron")) == 2 * len(symmetry("decahedron"))
    assert len(views("icosahedron")) == len(symmetry("icosahedron"))
    assert orientations.views("amorphous").shape == (2, 3, 3)
