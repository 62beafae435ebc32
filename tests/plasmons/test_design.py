"""Geometries in windows, and search for those that give a wished spectrum."""

import numpy as np
import pytest

from helpers.data import DataError
from helpers.plasmons import design, geometry, latent
from helpers.plasmons.networks import Im2Spec, Spec2Im
from helpers.plasmons.pairs import make_pairs, scale_of
from helpers.plasmons.recording import Instrument
from helpers.training import seeded


@pytest.fixture(scope="module")
def cubes():
    """Four sites, one of them empty."""
    places = np.array([[-9.0, -8.0], [6.5, -7.5], [-8.5, 7.0], [7.0, 8.0]])
    filled = np.array([True, True, True, False])
    sides = np.array([13.0, 12.5, 13.6, 13.0])
    return geometry.Sites(places, sides, filled, 4.0, places[0])


def test_a_window_gives_its_cubes_back(cubes):
    rng = np.random.default_rng(0)
    counts = rng.poisson(Instrument().dark_field(cubes.window()))
    found = geometry.segment(geometry.thickness_of(counts))
    seen = np.linalg.norm(found.places_nm[found.filled][:, None] - cubes.places_nm[:3], axis=2)
    assert found.filled.sum() == 3
    assert (seen.min(0) < 0.3).all()
    assert np.abs(found.sides_nm[found.filled][seen.argmin(0)] - cubes.sides_nm[:3]).max() < 0.5
    assert found.angle_deg == pytest.approx(4.0, abs=0.5)


def test_an_empty_window_holds_no_cube_and_other_sizes_are_refused():
    assert not geometry.segment(np.zeros((16, 16))).filled.any()
    with pytest.raises(DataError, match="16 x 16"):
        geometry.segment(np.zeros((12, 12)))


def test_the_film_goes_on_as_the_window_ends(cubes):
    all_of_it = cubes.particles()
    assert len(all_of_it) > 10
    away = np.hypot(all_of_it.x_nm, all_of_it.y_nm)
    assert (away < geometry.REACH_NM + 3).all()
    corner = (all_of_it.x_nm > 12) & (all_of_it.y_nm > 12)
    assert not corner.any()  # beyond the empty site there is nothing
    other = design.with_other_surroundings(cubes).particles()
    assert not np.allclose(other.x_nm.iloc[-1], all_of_it.x_nm.iloc[-1])


def test_changes_are_small_and_leave_the_old_geometry_alone(cubes):
    before = cubes.filled.copy()
    new = geometry.mutated(cubes, np.random.default_rng(1))
    assert np.abs(new.places_nm - cubes.places_nm).max() < 8
    assert (cubes.filled == before).all()


@pytest.fixture(scope="module")
def library(small):
    pairs = make_pairs(small.haadf, small.loss[..., 80:])[::3]
    with seeded(0):
        network = Im2Spec(3, 200).eval()
    return network, design.make_library(pairs, scale_of(pairs), network)


def test_every_way_proposes(library):
    network, books = library
    target = books.pairs.spectra[50]
    rng = np.random.default_rng(0)
    near = design.nearest_examples(books, target, 2)
    found, decoded = design.from_latent(network, books, target, 2)
    back = design.from_spectrum([Spec2Im(3, 200).eval()], books.scale, target, 2, rng)
    assert len(near) == len(found) == len(design.at_random(books, 2, rng)) == 2
    assert len(back) <= 2 and decoded > 0
    for sites in near + found:
        assert sites.filled.any()


def test_changes_never_lose_the_best(library):
    network, books = library
    target = books.pairs.spectra[50]
    rng = np.random.default_rng(0)
    start = design.nearest_examples(books, target, 1)
    sites, errors, spectra = design.changed(target, start, 3, rng, network, books.scale)
    assert len(sites) == len(errors) == len(spectra) == 3
    assert errors[0] == design.achieved(start, target)[0][0]
    assert np.allclose(errors, design.errors_of(spectra, target))


def test_neighbours_of_other_films_only_and_alike_when_turned():
    rng = np.random.default_rng(0)
    code = rng.random((60, 2))
    images = code[:, :1, None] * np.triu(np.ones((60, 8, 8)))
    film = np.repeat([0, 1], 30)
    same = latent.consistency(code[:, :1], images, film=film)
    assert same["ratio"] < 0.3
    images[30:] = images[30:, ::-1, ::-1]
    turned = latent.consistency(code[:, :1], images, film=film, turns=True)
    assert turned["ratio"] < 0.6 * latent.consistency(code[:, :1], images, film=film)["ratio"]
