"""Regions, factors, and the small measures of the chapter's figures."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from helpers.data import DataError
from helpers.plasmons import (
    errors,
    exploration,
    field_plots,
    one_field,
    pairs,
    spectra,
    study_plots,
)


@pytest.fixture(scope="module")
def field(small):
    losses = spectra.plasmon_losses(small.counts)
    return small.haadf.to_numpy(), losses, exploration.regions(small.haadf.to_numpy(), 2.0)


def test_regions_follow_the_thickness(small, field):
    found = field[2]
    thick = small.thickness_nm
    assert (thick[found == 0] > 8).mean() > 0.95  # particle
    assert (thick[found == 3] < 1).all() and (found == 3).any()  # outside


def test_a_constant_image_has_no_regions():
    with pytest.raises(DataError, match="constant"):
        exploration.regions(np.ones((20, 20)), 1.0)


def test_the_bulk_peak_is_found_on_particles_only(field):
    means = exploration.region_spectra(field[1], field[2])
    peaks = exploration.region_peaks(means)
    near_bulk = peaks[(peaks["energy_eV"] > 0.86) & (peaks["energy_eV"] < 0.94)]
    assert set(near_bulk["region"]) == {"particle"}


def test_a_falling_spectrum_has_no_peak(field):
    means = exploration.region_spectra(field[1], field[2])
    falling = means.copy(data=np.tile(np.linspace(1, 0, means.shape[1]), (means.shape[0], 1)))
    assert exploration.region_peaks(falling).empty


def test_reach_is_the_mean_outside_over_that_on_particles(field):
    found = field[2]
    loading = np.where(found == 3, 1.0, 4.0)
    assert exploration.reach(loading[None], found) == pytest.approx([0.25])
    assert np.isnan(exploration.reach(loading[None], np.zeros_like(found))).all()


def test_near_is_a_distance_in_nanometres():
    found = np.full((1, 10), 0)
    found[0, 7:] = exploration.REGIONS.index("outside")
    close = exploration.near(found, 2.0, "outside", 5.0)
    assert close[0].tolist() == [False] * 5 + [True] * 5
    assert not exploration.near(found, 2.0, "hole", 5.0).any()


def test_upright_images_are_told_from_turned_ones():
    images = np.random.default_rng(0).random((40, 16, 16))
    assert errors.upright(images, images).all()
    assert not errors.upright(pairs.turned(images, 3), images).any()
    noise = np.random.default_rng(1).random((2000, 16, 16))
    chance = errors.upright(noise, np.random.default_rng(2).random((2000, 16, 16))).mean()
    assert 0.08 < chance < 0.17


def test_the_typical_window_has_the_median_error_of_its_kind():
    error = np.array([5.0, 1.0, 9.0, 2.0, 7.0])
    where = np.array([0, 0, 0, -1, 1])
    found = one_field.typical(error, where, np.arange(5), ("void", "particle", "gap"))
    assert found == {"void": 0, "particle": 4}
    by_rank = one_field.typical(error, np.full(5, -1), np.arange(5), ("void",))
    assert list(by_rank.values())[0] == 1 and len(by_rank) == 4


def test_figures_of_a_field_are_drawn(small, field):
    image, losses, found = field
    energy = losses.energy.to_numpy()
    cut = pairs.make_pairs(image, losses)
    parts = exploration.factorise(losses, 2)
    figures = [
        field_plots.exploration(image, 2.0, found, exploration.region_spectra(losses, found)),
        field_plots.factors(parts, energy, 2.0),
        field_plots.windows(image, 2.0, cut, (0, 5, 9), energy),
        field_plots.maps({"a": pairs.on_map(np.arange(len(cut)), cut, image.shape)}, 2.0, "x"),
        study_plots.plane({"windows": cut.images[:64].reshape(8, 8, 16, 16),
                           "spectra": cut.spectra[:64].reshape(8, 8, -1)}, energy),
    ]  # fmt: skip
    assert [len(fig.axes) for fig in figures] == [3, 4, 7, 2, 2]
    for fig in figures:
        plt.close(fig)
