"""Places of adatoms from their lines: exact cases first, then what cannot be known."""

import numpy as np
import pandas as pd
import pytest

from helpers.picocavities import adatoms, nearfield
from helpers.picocavities.configurations import configurations, scaled_wavenumbers
from helpers.picocavities.formations import lorentz
from helpers.picocavities.molecule import shipped
from helpers.picocavities.preprocess import GRID
from helpers.registry import DataError


@pytest.fixture(scope="module")
def thiolate():
    return shipped("Au", "xtb").upright()


@pytest.fixture(scope="module")
def made(thiolate):
    return adatoms.atlas(thiolate, adatoms.contact_places(np.random.default_rng(0), thiolate, 600))


def test_places_touch_the_molecule_all_along_it(thiolate, made):
    apart = np.linalg.norm(made.places[:, None] - thiolate.positions_A, axis=-1).min(1)
    low, high = nearfield.CONTACT_A
    assert made.places.shape == (600, 3) and (apart > low).all() and (apart < high).all()
    z = made.places[:, 2]
    assert z.min() < -6 and z.max() > 6 and (np.abs(z) < 2).sum() > 50


def test_an_atlas_holds_the_strengths_of_the_near_field(thiolate, made):
    inside = scaled_wavenumbers(thiolate)[made.modes]
    assert (inside == made.wavenumbers).all() and GRID[0] < inside[0] and inside[-1] < GRID[-1]
    right = nearfield.line_strengths(thiolate, made.places[5])[made.modes]
    np.testing.assert_allclose(made.strengths[5], right / right.sum(), rtol=1e-9)
    assert made.maps.shape == (len(made.modes), len(adatoms.Z_A), len(adatoms.X_A))
    place = (adatoms.X_A[3], 0.0, adatoms.Z_A[7])
    right = nearfield.line_strengths(thiolate, place)[made.modes]
    np.testing.assert_allclose(made.maps[:, 7, 3], right, rtol=1e-9)


def test_lines_of_a_spectrum_have_their_places_and_areas():
    places, areas = np.array([GRID[60], GRID[200], GRID[400]]), np.array([1.0, 3, 2])
    spectrum = areas @ lorentz(GRID, places[:, None], 12.0) + 0.3  # what noise leaves everywhere
    found = adatoms.lines(spectrum)
    np.testing.assert_allclose(found["wavenumber_cm"], places)
    np.testing.assert_allclose(found["area"], areas / areas.sum(), atol=0.03)


def test_areas_go_to_near_and_bright_modes(made):
    bright = made.strengths.mean(0).argmax()
    found = pd.DataFrame({"wavenumber_cm": [made.wavenumbers[bright]], "area": [1.0]})
    areas = adatoms.mode_areas(found, made)
    assert areas.sum() == pytest.approx(1) and areas.argmax() == bright
    # a line where no mode is near is not lost
    far = pd.DataFrame({"wavenumber_cm": [560.0, 2500.0], "area": [0.5, 0.5]})
    assert np.isfinite(adatoms.mode_areas(far, made)).all()
    assert adatoms.mode_areas(far, made).sum() == pytest.approx(1)


def test_compound_map_is_the_papers_formula():
    maps = np.array([[[1.0, 3.0]], [[2.0, 2.0]]])
    # divided by their means: (0.5, 1.5) and (1, 1)
    found = adatoms.compound_map(maps, np.array([2.0, 1.0]))
    np.testing.assert_allclose(found, [[(2 * 0.5 + 1) / 1.5, (2 * 1.5 + 1) / 2.5]])
    np.testing.assert_allclose(adatoms.compound_map(maps, np.array([3.0, 3.0])), 3)


def test_the_peak_of_a_map_is_at_the_molecule(thiolate):
    compound = np.zeros((len(adatoms.Z_A), len(adatoms.X_A)))
    compound[0, 0] = 9  # far away
    near = np.abs(adatoms.Z_A - 4).argmin(), np.abs(adatoms.X_A - 0).argmin()
    compound[near] = 1
    assert adatoms.peak_place(compound, thiolate) == (adatoms.X_A[near[1]], adatoms.Z_A[near[0]])


def test_the_spectrum_of_a_place_of_the_atlas_finds_it_again(made):
    z = made.places[:, 2]
    for chosen in (np.argmax(z), np.argmin(z), 100):
        spectrum = made.strengths[chosen] @ lorentz(GRID, made.wavenumbers[:, None], 10.0)
        cosines = adatoms.match(spectrum, made)
        assert cosines[chosen] > 0.9 and np.linalg.norm(
            made.places[cosines.argmax()] - made.places[chosen]
        ) < 4 and abs(z[cosines.argmax()] - z[chosen]) < 1.5  # fmt: skip


def test_sides_of_random_configurations_are_mostly_right(thiolate, made):
    right, sure = [], []
    for seed in range(1000, 1012):
        for one in configurations(np.random.default_rng(seed), thiolate, 2, 2):
            spectrum = one.strengths @ lorentz(GRID, one.wavenumbers[:, None], 10.0)
            p = adatoms.side_probability(adatoms.match(spectrum, made), made.places)
            right.append((p > 0.5) == (one.side == "NP"))
            sure.append(abs(p - 0.5) > 0.4)
    assert np.mean(right) > 0.8
    assert np.mean(np.array(right)[sure]) > 0.9 and 0.2 < np.mean(sure) < 1


def test_probabilities_sum_to_one_and_sharpen(made):
    cosines = np.array([0.9, 0.8, 0.2])
    soft, hard = (adatoms.weights(cosines, coldness) for coldness in (1, 100))
    assert soft.sum() == pytest.approx(1) and hard[0] > 0.99 > soft[0]
    places = np.array([[0, 0, 1.0], [0, 0, -1.0], [0, 0, -2.0]])
    assert adatoms.side_probability(cosines, places, 100) > 0.99


def test_mirror_images_show_the_same_lines_and_ends_do_not(thiolate, made):
    # without the gold atom off the plane and the twist, x, z would be a mirror: nearly is
    mirrored = adatoms.atlas(thiolate, made.places * [1, -1, 1])
    same = (made.spectra * mirrored.spectra).sum(1)
    other = adatoms.atlas(thiolate, made.places * [1, 1, -1])
    ends = np.abs(made.places[:, 2]) > 4
    assert np.median(same) > np.median((made.spectra * other.spectra).sum(1)[ends])
    like = adatoms.like_places(made, 7, 0.9)
    assert like[7] and 1 <= like.sum() < 600


def test_the_molecule_of_another_method_or_end_inverts_too(made):
    free = shipped("H", "xtb").upright()
    other = adatoms.atlas(free, adatoms.contact_places(np.random.default_rng(1), free, 300))
    spectrum = made.strengths[3] @ lorentz(GRID, made.wavenumbers[:, None], 10.0)
    assert adatoms.match(spectrum, other).shape == (300,)
    assert adatoms.mode_areas(adatoms.lines(spectrum), other).shape == other.modes.shape


def test_what_is_no_spectrum_is_refused(made):
    with pytest.raises(DataError, match=r"shape \(500,\)"):
        adatoms.lines(np.ones(500))
    with pytest.raises(DataError, match="no peak"):
        adatoms.match(np.ones(512), made)
