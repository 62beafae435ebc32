"""Networks that are trained again for the page."""

import numpy as np

from helpers.plasmons import learn, retraining
from helpers.plasmons.errors import relative_error
from helpers.plasmons.pairs import make_pairs
from helpers.plasmons.spectra import plasmon_losses


def test_networks_are_trained_on_the_films_asked_for(small, monkeypatch):
    films = []

    def simulated(seed):
        films.append(seed)
        return small

    monkeypatch.setattr(retraining, "simulate", simulated)
    monkeypatch.setattr(retraining, "PER_EPOCH", 256)
    asked = [("im2spec", 2), ("spec2im", 3)]
    found = retraining.trained(asked, films=2, epochs=2, seed=1)
    assert films == [1, 2, retraining.VALIDATION_FILM] and list(found) == asked
    pairs = make_pairs(small.haadf, plasmon_losses(small.counts))[::20]
    for (direction, latent), (network, scale, _) in found.items():
        x, y = scale.images(pairs.images), scale.spectra(pairs.spectra)
        x, y, axes = (x, y, (-1,)) if direction == "im2spec" else (y, x, (-2, -1))
        assert network.latent == latent and not network.training
        error = relative_error(learn.predict(network, x), y, axes)
        nothing = relative_error(np.zeros_like(y), y, axes)
        assert error.mean() < 0.9 * nothing.mean()
