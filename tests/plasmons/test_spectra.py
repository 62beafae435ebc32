"""Spectra against the truth of the simulation; the measured pair."""

import numpy as np
import pytest

from helpers.data import DataError, DataUnavailable
from helpers.plasmons import eels_data, errors, spectra


def test_the_zero_loss_peak_is_found(small):
    found = spectra.zero_loss_centre(small.counts)
    assert np.abs(found - small.drift_ev).max() < 5e-4
    aligned = spectra.align(small.counts)
    assert np.abs(spectra.zero_loss_centre(aligned)).max() < 5e-4


def test_losses_are_the_truth_within_the_noise(small):
    losses = spectra.plasmon_losses(small.counts)
    assert losses.shape[2] == 200
    assert losses.energy.values[0] == pytest.approx(0.2)
    truth = small.loss.sel(energy=losses.energy).values
    left = losses.values - truth
    kept = small.zero_loss[..., None] * 0.005
    counts = small.counts.sel(energy=losses.energy).values
    noise = np.sqrt(np.maximum(counts, 1)) / kept
    bias = np.abs(left.mean((0, 1)))
    assert bias.max() < noise.mean()  # of one pixel
    assert bias.max() < 0.02 * truth.max()
    ratio = np.sqrt((left**2).mean()) / np.sqrt((noise**2).mean())
    assert 0.8 < ratio < 1.15  # alignment averages a little of the noise away


def test_without_the_particle_term_the_tail_would_take_losses_away(small, monkeypatch):
    aligned = spectra.per_electron(spectra.align(small.counts))
    tail = spectra.fit_zero_loss(aligned)
    true = small.instrument.zero_loss(tail.energy.values)
    at = np.abs(tail.energy.values - 0.25).argmin()
    assert tail.values[at] == pytest.approx(true[at], abs=1.2e-4)
    assert np.isnan(tail.values[tail.energy.values < 0.07]).all()


def test_bad_spectra_are_refused(small):
    with pytest.raises(DataError, match="does not contain the zero-loss peak"):
        spectra.align(small.counts.sel(energy=slice(0.2, None)))
    dark = small.counts.copy()
    dark[3, 4] = 0
    with pytest.raises(DataError, match="1 of 1224 pixels hold no counts"):
        spectra.align(dark)
    with pytest.raises(DataError, match="axis called energy"):
        spectra.align(small.haadf)
    coarse = small.counts.isel(energy=slice(None, None, 20))
    with pytest.raises(DataError, match="channels lie in the fit ranges"):
        spectra.fit_zero_loss(coarse)


def test_relative_error_by_its_formula():
    true = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert errors.relative_error(true, true) == pytest.approx([0, 0])
    assert errors.relative_error(0 * true, true) == pytest.approx([100, 100])
    assert errors.relative_error(1.1 * true, true) == pytest.approx([100 * 0.1 / 2.1] * 2)
    assert errors.relative_error(true[None], true[None], (-2, -1)).shape == (1,)
    with pytest.raises(DataError, match="must be equal"):
        errors.relative_error(true, true[:1])


def test_the_noise_floor_is_estimated_without_the_truth(small):
    losses = spectra.plasmon_losses(small.counts)
    truth = small.loss.sel(energy=losses.energy).values
    known = np.median(errors.relative_error(truth, losses.values))
    assert np.median(errors.noise_floor(losses.values)) == pytest.approx(known, rel=0.2)


@pytest.mark.measured
def test_the_measured_pair_is_registered():
    try:
        measured, haadf = eels_data.eels_si()
    except DataUnavailable as exc:
        pytest.skip(f"measured data: {exc}")
    assert measured.shape == (32, 32, 1028)
    assert measured.attrs["pixel_size_nm"] == pytest.approx(8)
    zero_loss = measured.sel(energy=slice(-5, 5)).sum("energy").values
    assert np.corrcoef(zero_loss.ravel(), haadf.values.ravel())[0, 1] < -0.95
    aligned = spectra.per_electron(spectra.align(measured))
    bulk = aligned.sel(energy=slice(8, 40)).mean(("y", "x")).idxmax("energy")
    assert 15 < float(bulk) < 30


def test_error_maps_are_compared_with_the_image():
    image = np.random.default_rng(0).random((20, 20))
    errors_there = np.where(np.arange(20) > 8, 3 * image + 1, np.nan)
    r, difference = errors.structure_correlation(errors_there, image)
    assert r == pytest.approx(1) and difference == pytest.approx(0, abs=1e-12)
    r, difference = errors.structure_correlation(-errors_there, image)
    assert r == pytest.approx(-1) and difference > 0.2
    with pytest.raises(DataError, match="equal shapes"):
        errors.structure_correlation(errors_there, image[1:])
