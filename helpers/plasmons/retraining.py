"""The networks of the page, trained again where it is made, on films that are simulated for it."""

from functools import partial

import numpy as np

from helpers.plasmons import learn
from helpers.plasmons.pairs import join, make_pairs, scale_of
from helpers.plasmons.recording import simulate
from helpers.plasmons.shipped import KINDS
from helpers.plasmons.spectra import plasmon_losses

FILMS, VALIDATION_FILM = 12, 13
EPOCHS, PER_EPOCH = 20, 2048  # 640 batches: a minute where bfloat16 is known, else two
VALIDATION_EVERY = 3  # windows; neighbours are nearly the same


def simulated_pairs(films):
    """Pairs of films by number, one spectrum image each."""
    made = [(seed, simulate(seed)) for seed in films]
    return join([make_pairs(one.haadf, plasmon_losses(one.counts), film=k) for k, one in made])


def trained(asked, films=FILMS, epochs=EPOCHS, seed=0):
    """Train networks by the recipe of the shipped ones, on films 1 to `films`.

    Parameters
    ----------
    asked : sequence of (direction, latents)
    films, epochs : int
        Twelve and twenty for the shipped ones.
    seed : int

    Returns
    -------
    dict
        (direction, latents) -> (network, Scale, {}), as `helpers.plasmons.shipped.shipped`.
    """
    pairs = simulated_pairs([*range(1, films + 1), VALIDATION_FILM])
    train = np.flatnonzero(pairs.film != VALIDATION_FILM)
    chosen = np.flatnonzero(pairs.film == VALIDATION_FILM)[::VALIDATION_EVERY]
    scale = scale_of(pairs[train])
    images, spectra = scale.images(pairs.images), scale.spectra(pairs.spectra)
    answer = {}
    for direction, latent in asked:
        x, y = (images, spectra) if direction == "im2spec" else (spectra, images)
        network, _ = learn.train(
            partial(KINDS[direction], latent, spectra.shape[1]), x[train], y[train], seed=seed,
            epochs=epochs, per_epoch=PER_EPOCH, validation=(x[chosen], y[chosen]),
            half=learn.knows_half(), progress=False, **learn.RECIPES["ours", direction],
        )  # fmt: skip
        answer[direction, latent] = network, scale, {}
    return answer
