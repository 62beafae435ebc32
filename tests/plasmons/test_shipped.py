"""The networks that come with the package."""

import numpy as np
import pytest

from helpers.data import DataError
from helpers.plasmons import learn, shipped
from helpers.plasmons.errors import relative_error
from helpers.plasmons.pairs import make_pairs
from helpers.plasmons.recording import simulate
from helpers.plasmons.spectra import plasmon_losses


@pytest.fixture(scope="module")
def fresh():
    """A film that no network has seen, small as it need be."""
    film = simulate(1234, shape=(45, 45))
    return make_pairs(film.haadf, plasmon_losses(film.counts))


@pytest.mark.parametrize("direction", shipped.KINDS)
def test_networks_know_a_film_they_have_not_seen(direction, fresh):
    found = {}
    for latent, seeds in shipped.SEEDS.items():
        for seed in seeds:
            network, scale, header = shipped.shipped(direction, latent, seed)
            assert (header["latent"], header["seed"], network.latent) == (latent, seed, latent)
            images, spectra = scale.images(fresh.images), scale.spectra(fresh.spectra)
            inputs, true = (images, spectra) if direction == "im2spec" else (spectra, images)
            axes = tuple(range(1, true.ndim))
            mean = np.broadcast_to(true.mean(0), true.shape)
            error, trivial = (
                relative_error(some, true, axes).mean()
                for some in (learn.predict(network, inputs), mean)
            )
            found[latent, seed] = error
            assert error < (0.8 if direction == "im2spec" else 0.95) * trivial
    assert len(set(found.values())) == len(found)  # four different networks


def test_others_are_refused():
    for direction, latent, seed in (("im2spec", 3, 0), ("im2spec", 2, 1), ("spec2spec", 2, 0)):
        with pytest.raises(DataError, match="comes with"):
            shipped.shipped(direction, latent, seed)


def test_files_are_small():
    paths = [shipped.path_of(d, n, s) for d in shipped.KINDS for n in shipped.SEEDS
             for s in shipped.SEEDS[n]]  # fmt: skip
    assert sum(path.stat().st_size for path in paths) < 8e6
