"""Training of im2spec and spec2im, and their use.

The paper's recipe: Adam at 1e-3 on the mean squared error. Ours adds, where asked, the symmetries
of the square, a rate that rises and falls once, outputs that start at the mean of the targets, and
the choice of the epoch on validation pairs, and the relative error itself in place of the squared
error, to which weak spectra count for nothing; none of these sees the test windows.
"""

import math

import numpy as np
import torch
from torch import nn

from helpers.data import DataError
from helpers.plasmons.pairs import turned
from helpers.training import fit, seeded

RATE = 1e-3
HIGHEST_RATE = 6e-3  # where the rate rises and falls
MOMENTUM = 0.02  # with it: means of batches over 50 in place of 10, as errors of one epoch scatter
WARM_UP = 0.2  # share of the training in which it rises
BATCH = 64
RECIPES = {
    ("published", "im2spec"): {},
    ("published", "spec2im"): {},
    ("ours", "im2spec"): {"cycle": True, "relative": True, "symmetries": True},
    ("ours", "spec2im"): {"cycle": True, "relative": True},
}
"""Settings of `train`: Adam at `RATE` on the squared error, as published, and ours."""


def train(
    make, inputs, targets, *, epochs, seed=0, validation=None, patience=None, symmetries=False,
    cycle=False, relative=False, per_epoch=None, half=False, checkpoint=None,
    progress=True,
):  # fmt: skip
    """
    Train a network.

    Parameters
    ----------
    make : callable
        Gives an untrained network, such as ``lambda: Im2Spec(10, 200)``; called with the seed set.
    inputs, targets : array
        Scaled images (N, w, w) and spectra (N, E), or the other way round.
    epochs : int
        Most epochs.
    seed : int
        Of weights and order.
    validation : tuple of array, optional
        Inputs and targets on which ``patience`` watches the error; the best weights are kept.
    patience : int, optional
        Epochs without improvement after which training stops; by default it does not.
    symmetries : bool
        Turn and mirror the input images of every batch, each as chance has it.
    cycle : bool
        Let the rate rise to `HIGHEST_RATE` and fall to nearly nothing over all epochs, and let
        outputs start with the mean and the spread of the targets, which Adam's small steps
        otherwise take hundreds of batches to reach; the means that normalisation keeps for later
        run over more batches.
    relative : bool
        Minimise the relative error of `helpers.plasmons.errors` in place of the mean squared error,
        and choose the epoch by it.
    per_epoch : int, optional
        Pairs drawn for an epoch; each once by default. Windows one pixel apart are nearly the same,
        so a share is enough where there are many; where there are few, each is drawn several times.
    half : bool
        Convolve numbers of 16 bits (bfloat16): half the time where the processor knows them, see
        `knows_half`; weights keep 32.
    checkpoint : path, optional
        As `helpers.training.fit`.
    progress : bool

    Returns
    -------
    network : torch.nn.Module
        In evaluation mode.
    history : pandas.DataFrame
        As `helpers.training.fit`.

    Raises
    ------
    DataError
        Numbers of inputs and targets differ, or are below two, or symmetries are asked of spectra.
    """
    inputs, targets = np.asarray(inputs, np.float32), np.asarray(targets, np.float32)
    if len(inputs) != len(targets) or len(inputs) < 2:
        raise DataError(
            f"{len(inputs)} inputs and {len(targets)} targets: expected as many, at least two."
        )
    if symmetries and inputs.ndim != 3:
        raise DataError("Symmetries of the square turn images; these inputs are spectra.")

    def batches(epoch):
        rng = np.random.default_rng([seed, epoch])
        number = per_epoch or len(inputs)
        rounds = -(-number // len(inputs))
        order = np.concatenate([rng.permutation(len(inputs)) for _ in range(rounds)])[:number]
        if len(order) % BATCH == 1:  # batch normalisation needs two
            order = order[:-1]
        for start in range(0, len(order), BATCH):
            if cycle:
                for group in made[0].param_groups:
                    group["lr"] = _rate((epoch + start / len(order)) / epochs)
            chosen = order[start : start + BATCH]
            x = inputs[chosen]
            if symmetries:
                kinds = rng.integers(8, size=len(x))
                for kind in range(8):
                    x[kinds == kind] = turned(x[kinds == kind], kind)
            yield torch.from_numpy(x), torch.from_numpy(targets[chosen])

    def validate(network):
        found, true = (torch.as_tensor(part) for part in (predict(network, validation[0]), seen))
        return {"loss": float(loss(found, true))}

    seen = None if validation is None else np.asarray(validation[1], np.float32)
    loss = relative_loss if relative else squared_loss
    made = []

    def optimiser(parameters):
        made.append(torch.optim.Adam(parameters, lr=RATE))
        return made[0]

    with seeded(seed):
        network = make()
        if cycle:
            for layer in network.modules():
                if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                    layer.momentum = MOMENTUM
            nn.init.constant_(network.decoder[-1].bias, float(targets.mean()))
            nn.init.constant_(network.decoder[-1].weight, float(targets.std()))
        # without the cache, which would keep weights of the first step
        with torch.autocast("cpu", torch.bfloat16, enabled=half, cache_enabled=False):
            history = fit(
                network, batches, loss, epochs=epochs,
                optimiser=optimiser,
                validate=validate if validation is not None else None,
                patience=(patience or epochs) if validation is not None else None,
                checkpoint=checkpoint, progress=progress, device="cpu",
            )  # fmt: skip
    return network, history


def squared_loss(found, true):
    """Mean squared error of a batch."""
    return ((found.float() - true) ** 2).mean()


def relative_loss(found, true):
    """Mean relative error of a batch, as a fraction."""
    found, axes = found.float(), tuple(range(1, true.ndim))
    above, below = ((found - true) ** 2).sum(axes), ((found + true) ** 2).sum(axes)
    return torch.sqrt(above / (below + 1e-8) + 1e-8).mean()


def knows_half():
    """Whether this processor computes with bfloat16 itself; without, it would be slower."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def _rate(done):
    """Learning rate after a share of the training: up in a line, down in half a cosine."""
    if done < WARM_UP:
        return HIGHEST_RATE * (0.05 + 0.95 * done / WARM_UP)
    return HIGHEST_RATE * (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP))) / 2 + 1e-6


def predict(network, inputs, batch=256):
    """What a network makes of inputs, in batches and without gradients."""
    return _in_batches(network, inputs, batch)


def encode(network, inputs, batch=256):
    """Latent variables (N, latent) of inputs."""
    return _in_batches(network.encode, inputs, batch)


def decode(network, latent, batch=256):
    """What a network makes of latent variables (N, latent)."""
    return _in_batches(network.decode, latent, batch)


def _in_batches(function, values, batch):
    values = torch.as_tensor(np.asarray(values, np.float32))
    with torch.inference_mode():
        return torch.cat([function(part).float() for part in values.split(batch)]).numpy()
