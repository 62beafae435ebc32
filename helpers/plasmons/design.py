"""Inverse design: geometries for a wished spectrum, by six ways.

The physics, not a network, says what a geometry (`helpers.plasmons.geometry.Sites`) is worth. The
ways: spec2im's images of the wished spectrum; the point of im2spec's latent space that decodes to
it, and the real windows encoded nearest; windows of the training films whose measured spectra are
nearest, which needs no network; windows at random; the best geometry known so far changed step by
step at random; and the same with im2spec to choose the change, corrected by what the physics said
about the last one, which is known as space mapping [Bandler et al., IEEE Trans. Microw. Theory
Tech. 52, 337 (2004)].
"""

from dataclasses import dataclass, replace

import numpy as np
import torch

from helpers.plasmons import learn
from helpers.plasmons.errors import relative_error
from helpers.plasmons.geometry import mutated, segment, simulated_spectrum, thickness_of
from helpers.plasmons.pairs import Pairs, Scale
from helpers.plasmons.recording import Instrument

WAYS = ("spec2im", "latent space", "guided changes", "nearest examples", "random",
        "random changes")  # fmt: skip
APART_PX = 5  # windows of one film that are closer are not two proposals
STARTS, STEPS, RATE = 12, 40, 0.08  # of the search in the latent space
WIDEN = 0.3  # standard deviations of the latent space, around the code of the wished spectrum
ROUNDS, CHILDREN = 3, 40  # of changes that im2spec chooses from, for every simulation


@dataclass(frozen=True)
class Library:
    """Training windows to choose from.

    Attributes
    ----------
    pairs : Pairs
        With measured spectra.
    scale : Scale
    latent, predicted : numpy.ndarray (N, L), (N, E)
        What im2spec encodes the windows to and predicts for them, scaled.
    """

    pairs: Pairs
    scale: Scale
    latent: np.ndarray
    predicted: np.ndarray


def make_library(pairs, scale, im2spec):
    """A `Library` of pairs and an im2spec network."""
    latent = learn.encode(im2spec, scale.images(pairs.images))
    return Library(pairs, scale, latent, learn.decode(im2spec, latent))


def nearest_examples(library, target, number):
    """Geometries of the training windows whose measured spectra are nearest to a wish.

    Parameters
    ----------
    library : Library
    target : array (E,)
        Loss per eV, as the spectra of the library.
    number : int

    Returns
    -------
    list of Sites
        Nearest first; windows without a cube are passed over.
    """
    order = np.argsort(errors_of(library.pairs.spectra, target))
    return _geometries(library.pairs, order, number)


def at_random(library, number, rng):
    """Geometries of training windows drawn at random."""
    return _geometries(library.pairs, rng.permutation(len(library.pairs)), number)


def from_latent(im2spec, library, target, number):
    """Points of im2spec's latent space that decode to a wish, and the windows encoded nearest.

    Adam moves the best codes of the library until their decodings fit; each end gives its nearest
    windows in turn.

    Parameters
    ----------
    im2spec : Im2Spec
    library : Library
    target : array (E,)
    number : int

    Returns
    -------
    sites : list of Sites
    decoded : float
        Relative error (%) of the best decoding: what the network holds for possible.
    """
    wish = library.scale.spectra(np.asarray(target))
    start = library.latent[np.argsort(errors_of(library.predicted, wish))[:STARTS]]
    spread = torch.as_tensor(library.latent.std(0))
    code = torch.tensor(start / library.latent.std(0), requires_grad=True)
    goal = torch.as_tensor(wish)[None].expand(len(start), -1)
    optimiser = torch.optim.Adam([code], lr=RATE)
    for _ in range(STEPS):
        optimiser.zero_grad()
        learn.relative_loss(im2spec.decode(code * spread), goal).backward()
        optimiser.step()
    ends = (code.detach() * spread).numpy()
    errors = errors_of(learn.decode(im2spec, ends), wish)
    ranks = []
    for end in ends[np.argsort(errors)]:
        far = np.linalg.norm((library.latent - end) / library.latent.std(0), axis=1)
        ranks.append(np.argsort(far)[:number])
    in_turn = np.stack(ranks, 1).ravel()  # the nearest to every end, then the second nearest
    _, first = np.unique(in_turn, return_index=True)
    return _geometries(library.pairs, in_turn[np.sort(first)], number), float(errors.min())


def from_spectrum(networks, scale, target, number, rng):
    """Geometries in spec2im's images of a wish.

    The image of every network first; then images of codes a little beside that of the wish.

    Parameters
    ----------
    networks : sequence of Spec2Im
    scale : Scale
    target : array (E,)
    number : int
    rng : numpy.random.Generator

    Returns
    -------
    list of Sites
        Fewer than `number` where images show no cube.
    """
    wish = scale.spectra(np.asarray(target))[None]
    images = [learn.predict(network, wish) for network in networks]
    for _ in range(-(-number // len(networks))):
        for network in networks:
            code = learn.encode(network, wish)
            beside = code + WIDEN * np.abs(code).mean() * rng.normal(size=code.shape)
            images.append(learn.decode(network, beside.astype(np.float32)))
    counts = scale.image_back(np.concatenate(images))
    found = (segment(thickness_of(image)) for image in counts)
    return [sites for sites in found if sites.filled.any()][:number]


def changed(target, starts, number, rng, im2spec=None, scale=None):
    """The best geometry so far, changed and simulated again and again.

    Parameters
    ----------
    target : array (E,)
        Loss per eV from 0.2 eV on.
    starts : sequence of Sites
    number : int
        Of simulations, those of the starts included.
    rng : numpy.random.Generator
    im2spec, scale : Im2Spec and Scale, optional
        With them im2spec chooses every change from many; its prediction is corrected by what it
        had missed of the geometry that is changed.

    Returns
    -------
    sites : list of Sites
    errors : numpy.ndarray (number,)
        Relative errors in per cent.
    spectra : numpy.ndarray (number, E)
    """
    tried = list(starts)
    spectra = list(achieved(tried, target)[1])
    while len(tried) < number:
        best = int(np.argmin(errors_of(np.stack(spectra), target)))
        if im2spec is None:
            tried.append(_changed(tried[best], 1, rng)[0])
        else:
            missed = scale.spectra(spectra[best]) - _predicted(
                im2spec, scale, tried[best : best + 1]
            )
            child, wish = tried[best], scale.spectra(np.asarray(target)) - missed[0]
            for _ in range(ROUNDS):
                family = [child, *_changed(child, CHILDREN, rng)]
                child = family[int(np.argmin(errors_of(_predicted(im2spec, scale, family), wish)))]
            tried.append(child if child is not tried[best] else _changed(child, 1, rng)[0])
        spectra.append(simulated_spectrum(tried[-1]))
    spectra = np.stack(spectra)
    return tried, errors_of(spectra, target), spectra


def achieved(proposals, target):
    """Simulate proposals and compare them with a wish.

    Parameters
    ----------
    proposals : sequence of Sites
    target : array (E,)
        Loss per eV from 0.2 eV on.

    Returns
    -------
    errors : numpy.ndarray (N,)
        Relative errors in per cent.
    spectra : numpy.ndarray (N, E)
    """
    spectra = np.stack([simulated_spectrum(sites) for sites in proposals])
    return errors_of(spectra, target), spectra


def errors_of(spectra, target):
    """Relative errors (N,) in per cent of spectra (N, E) that should all be one."""
    return relative_error(spectra, np.broadcast_to(target, np.shape(spectra)))


def with_other_surroundings(sites):
    """The same window in a film with other scatter."""
    return replace(sites, surroundings=sites.surroundings + 1)


def _changed(sites, number, rng):
    """Mutants of a geometry that hold a cube."""
    found = []
    while len(found) < number:
        found.append(mutated(sites, rng))
        if not found[-1].filled.any():
            found.pop()
    return found


def _predicted(im2spec, scale, several):
    """What im2spec predicts for geometries, scaled (N, E)."""
    counts = Instrument().dark_field(np.stack([sites.window() for sites in several]))
    return learn.predict(im2spec, scale.images(counts))


def _geometries(pairs, order, number):
    """Geometries of the first windows of an order, apart from each other and not empty."""
    taken, found = [], []
    for k in order:
        place = pairs.film[k], pairs.x_px[k], pairs.y_px[k]
        if any(p[0] == place[0] and max(abs(p[1] - place[1]), abs(p[2] - place[2])) < APART_PX
               for p in taken):  # fmt: skip
            continue
        sites = segment(thickness_of(pairs.images[k]))
        if sites.filled.any():
            taken.append(place)
            found.append(sites)
        if len(found) == number:
            break
    return found
