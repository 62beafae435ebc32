"""The networks that come with the package, trained on simulated films 1 to 12.

data/ch04/make_study.py trains them (split ``film``, method ``ours``), data/ch04/make_shipped.py
copies them, in numbers of 16 bits, beside their table.
"""

from helpers.data import DataError
from helpers.plasmons.networks import Im2Spec, Spec2Im
from helpers.plasmons.pairs import Scale
from helpers.registry import ROOT
from helpers.weights import load_weights, read_header

FOLDER = ROOT / "data" / "ch04"
KINDS = {"im2spec": Im2Spec, "spec2im": Spec2Im}
SEEDS = {10: (0, 1, 2), 2: (0,)}
"""Seeds that come with so many latent variables; the three of 10 make an ensemble."""


def path_of(direction, latent, seed=0):
    """File of a network, there or not."""
    return FOLDER / f"{direction}_{latent}_{seed}.safetensors"


def shipped(direction, latent=10, seed=0):
    """A trained network.

    Parameters
    ----------
    direction : {"im2spec", "spec2im"}
    latent : int
        10 or 2.
    seed : int
        0, or up to 2 with 10 latent variables.

    Returns
    -------
    network : Im2Spec or Spec2Im
        In evaluation mode, for windows of 16 x 16 pixels and 200 energies.
    scale : Scale
        Of its inputs and outputs.
    header : dict
        Among others ``training`` (which films), ``epochs``, ``validation_error`` (per cent).

    Raises
    ------
    DataError
        There is no such network.
    """
    if direction not in KINDS or seed not in SEEDS.get(latent, ()):
        there = ", ".join(f"{n} latent variables with seeds {s}" for n, s in SEEDS.items())
        raise DataError(
            f"No network {direction!r} with {latent} latent variables and seed {seed} comes with"
            f" the package: expected one of {', '.join(KINDS)}, with {there}."
        )
    path = path_of(direction, latent, seed)
    header = read_header(path)
    network = KINDS[direction](header["latent"], header["channels"])
    load_weights(path, network)
    image, spectrum = (tuple(ends) for ends in header["scale"])
    return network, Scale(image, spectrum), header
