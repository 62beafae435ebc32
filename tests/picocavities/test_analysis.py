"""From a recorded scan to events, and scans streamed from a disk."""

import threading

import numpy as np
import pytest
import xarray as xr

from helpers.picocavities import analysis
from helpers.picocavities.autoencoder import Autoencoder
from helpers.picocavities.preprocess import GRID
from helpers.registry import DataError


@pytest.fixture
def recorded():
    """Sixty spectra with an event of three lines, the stable state known."""
    rng = np.random.default_rng(0)
    stable = 900 + 300 * np.sin(GRID / 200)
    values = np.tile(stable, (60, 1))
    for column in (100, 250, 400):
        values[20:40, column - 2 : column + 3] += 400
    counts = values + rng.normal(0, 10, values.shape)
    return counts, stable


def test_all_steps_are_returned_and_the_event_is_found(recorded):
    counts, stable = recorded
    values = xr.DataArray(counts / 2000, dims=("time", "wavenumber"))
    made = analysis.analyse_values(values, np.tile(stable / 2000, (60, 1)))
    assert made.over.shape == made.stages.third.shape == (60, 512)
    largest = made.events.loc[made.events["tracks"].idxmax()]
    assert largest["tracks"] == 3
    assert abs(largest["first_step"] - 20) <= 2 and abs(largest["last_step"] - 39) <= 2
    assert made.spectra.shape == (len(made.events), 512)
    spectrum = made.spectra[made.events["tracks"].argmax()]
    assert spectrum.sum() == pytest.approx(1)
    highest = np.argsort(spectrum)[-9:]
    assert (np.abs(highest[:, None] - [100, 250, 400]).min(1) <= 2).all()


def test_a_scan_goes_through_a_network(recorded):
    counts, _ = recorded
    scan = xr.DataArray(counts, dims=("time", "wavenumber"), coords={"wavenumber": GRID})
    made = analysis.analyse(scan, Autoencoder().eval(), every=8)
    assert made.values.min() == 0 and made.stable.shape == (60, 512)


def test_scans_on_disk_are_read_one_after_the_other(tmp_path):
    counts = np.arange(12 * 5).reshape(12, 5).astype(np.uint16)
    path = tmp_path / "many.npy"
    np.save(path, counts)
    read = list(analysis.scans_on_disk(path, np.arange(5.0), 4))
    assert len(read) == 3
    np.testing.assert_array_equal(np.concatenate(read), counts)
    for pixels, steps in ((6, 4), (5, 5)):
        with pytest.raises(DataError, match="expected"):
            list(analysis.scans_on_disk(path, np.arange(float(pixels)), steps))


def test_streams_keep_the_order_and_few_scans_in_memory():
    given, largest, done = [], [], []
    lock = threading.Lock()

    def scans():
        for number in range(20):
            with lock:
                given.append(number)
                largest.append(len(given) - len(done))
            yield number

    def find(number):
        with lock:
            done.append(number)
        return number**2

    assert list(analysis.stream(scans(), find, workers=2)) == [k**2 for k in range(20)]
    assert max(largest) <= 4


def test_an_error_in_a_scan_is_not_swallowed():
    with pytest.raises(ZeroDivisionError):
        list(analysis.stream([1, 0], lambda x: 1 / x))
