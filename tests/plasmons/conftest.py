import pytest

from helpers.plasmons import recording


@pytest.fixture(scope="session")
def small():
    """A small simulated film: 34 x 36 pixels of 2 nm."""
    return recording.simulate(1, shape=(34, 36), pixel_nm=2.0)
