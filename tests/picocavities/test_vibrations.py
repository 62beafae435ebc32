"""Modes, Hessians and relaxations, on molecules of springs whose answer is known."""

import numpy as np
import pytest

from helpers.picocavities import vibrations
from helpers.registry import DataError

TRIANGLE = np.array([[0, 0, 0], [1, 0, 0], [0.5, np.sqrt(0.75), 0]]) * 2.5


def springs(positions, k=0.3, length=2.5, cubic=0.0):
    """Gradient of springs between all pairs of atoms, hartree/bohr."""
    gradient = np.zeros_like(positions)
    for i in range(len(positions)):
        for j in range(i):
            line = positions[i] - positions[j]
            stretch = np.linalg.norm(line) - length
            pull = (k * stretch + cubic * stretch**2) * line / np.linalg.norm(line)
            gradient[i] += pull
            gradient[j] -= pull
    return gradient


def test_modes_of_three_equal_atoms_on_springs():
    """omega^2 = 3 k / (2 m) twice and 3 k / m for the breathing mode (textbook)."""
    second = vibrations.hessian(springs, TRIANGLE)
    wavenumbers, modes = vibrations.normal_modes(np.full(3, 12.0), TRIANGLE, second)
    breathing = np.sqrt(3 * 0.3 / (12.0 * 1822.888486)) * 219474.6313632
    np.testing.assert_allclose(
        wavenumbers, breathing * np.array([np.sqrt(0.5), np.sqrt(0.5), 1]), rtol=1e-3
    )
    np.testing.assert_allclose(12.0 * np.einsum("kac,lac->kl", modes, modes), np.eye(3), atol=1e-9)
    outward = TRIANGLE - TRIANGLE.mean(0)
    assert abs(modes[2].ravel() @ outward.ravel()) * np.sqrt(12) == pytest.approx(
        np.linalg.norm(outward), rel=1e-6
    )


def test_modes_have_no_translation_or_rotation_even_when_the_hessian_is_noisy():
    masses = np.array([1.0, 12.0, 32.0])
    noise = 1e-3 * np.random.default_rng(0).normal(size=(9, 9))
    second = vibrations.hessian(springs, TRIANGLE) + noise + noise.T
    _, modes = vibrations.normal_modes(masses, TRIANGLE, second)
    np.testing.assert_allclose(np.einsum("a,kac->kc", masses, modes), 0, atol=1e-9)
    spin = np.einsum("a,kac->kc", masses, np.cross(TRIANGLE, modes))
    np.testing.assert_allclose(spin, 0, atol=1e-9)


def test_one_side_and_a_cheap_cubic_term_are_as_good_as_two_sides():
    def dear(at):
        return springs(at, cubic=-0.6)

    def cheap(at):
        return springs(at, k=0.25, cubic=-0.5)

    both = vibrations.hessian(dear, TRIANGLE)
    half = vibrations.hessian_with_cheap_cubic(dear, cheap, TRIANGLE)
    alone = vibrations.hessian_with_cheap_cubic(dear, lambda at: 0 * at, TRIANGLE)
    assert np.abs(half - both).max() < 0.25 * np.abs(alone - both).max()


def test_relaxing_ends_where_no_spring_pulls():
    start = TRIANGLE + 0.3 * np.random.default_rng(1).normal(size=(3, 3))
    place, taken = vibrations.relax(springs, start, 0.5 * np.eye(9), largest=1e-7)
    assert taken < 60
    sides = np.linalg.norm(place - np.roll(place, 1, axis=0), axis=1)
    np.testing.assert_allclose(sides, 2.5, atol=1e-5)


def test_a_relaxation_that_does_not_end_says_so():
    with pytest.raises(DataError, match="not relaxed after 5 gradients"):
        vibrations.relax(lambda at: np.ones_like(at), TRIANGLE, np.eye(9), steps=5)
