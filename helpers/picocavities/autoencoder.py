"""The convolutional autoencoder that knows the stable state of a scan (Poppe et al. 2023, Fig. 1c).

Trained to reproduce spectra of scans without picocavities, it can give back nothing else. Layers
are the published ones: four blocks of convolution, normalisation, leaky rectifier and pooling, 32
numbers in the middle, and the mirror image. The paper names blocks, embedding, normalisation,
slope and pooling; kernels (15, 11, 7, 3), channels (16 to 128) and what is not normalised (the
widening layer, the output) are those of the published code.

Normalisation is over the channels and pixels of each spectrum: group normalisation as the paper
says, with one group. The published code names the axis of the batch instead: means and spreads are
then per channel over all spectra of a batch, scales and offsets belong to the place of a spectrum
in the batch, and the network runs on exactly 500 spectra. `Autoencoder(across_batch=500)` is that,
kept to be compared.
"""

import math

import numpy as np
import torch
from torch import nn

from helpers.picocavities.preprocess import BINS
from helpers.registry import ROOT, DataError, DataUnavailable
from helpers.training import fit, seeded
from helpers.weights import load_weights

KERNELS, CHANNELS, EMBEDDING, SLOPE = (15, 11, 7, 3), (16, 32, 64, 128), 32, 0.3
NARROWEST = BINS // 2 ** len(KERNELS)
FOLDER = ROOT / "data" / "ch05"
NAMES = {"first": "first instrument", "second": "second instrument"}

# Uniform noise of +-NOISE * sqrt(signal) is added for training. The paper gives no amount (and the
# published code adds none); this is a third of the noise that scans of the first instrument have.
NOISE = 0.05
# A bright event takes the top of the scale of its scan: the stable state is then a smaller part of
# [0, 1] than in any scan without one. Ours: training spectra are dimmed down to this at random.
DIMMEST = 0.25
BATCH, RATE, HIGHEST_RATE, WARM_UP = 40, 1e-3, 3e-3, 0.15
RUN = 50  # spectra at once when it is used: they fit the cache of a processor


class AcrossBatch(nn.Module):
    """Normalisation as in the published code: over the batch, scaled by place in the batch.

    Parameters
    ----------
    places : int
        Spectra in every batch.
    """

    def __init__(self, places):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(places))
        self.bias = nn.Parameter(torch.zeros(places))

    def forward(self, x):
        """Normalise (N, C, L) or (N, C); N has to be the number of places."""
        if len(x) != len(self.weight):
            raise DataError(
                f"{len(x)} spectra at once: this network runs on exactly {len(self.weight)}."
            )
        axes = (0, 2) if x.ndim == 3 else (0,)
        variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
        shape = (-1, *[1] * (x.ndim - 1))
        scaled = (x - mean) / torch.sqrt(variance + 1e-3)
        return scaled * self.weight.view(shape) + self.bias.view(shape)


class Autoencoder(nn.Module):
    """512 bins to 32 numbers and back; 356 193 weights of convolutions and dense layers.

    Parameters
    ----------
    across_batch : int, optional
        Normalise across batches of this many spectra, as the published code does.
    """

    def __init__(self, across_batch=None):
        super().__init__()

        def norm(channels):
            return AcrossBatch(across_batch) if across_batch else nn.GroupNorm(1, channels)

        encoder, decoder, previous = [], [], 1
        for kernel, channels in zip(KERNELS, CHANNELS):
            # The rectifier rises everywhere, so pooling before it gives the same, sooner.
            encoder += [
                nn.Conv1d(previous, channels, kernel, padding=kernel // 2),
                norm(channels),
                nn.MaxPool1d(2),
                nn.LeakyReLU(SLOPE),
            ]
            previous = channels
        flat = previous * NARROWEST
        self.encoder = nn.Sequential(
            *encoder, nn.Flatten(), nn.Linear(flat, EMBEDDING), norm(EMBEDDING), nn.LeakyReLU(SLOPE)
        )
        for kernel, channels in zip(KERNELS[:0:-1], CHANNELS[-2::-1]):
            decoder += [
                nn.Upsample(scale_factor=2),
                nn.Conv1d(previous, channels, kernel, padding="same"),
                norm(channels),
                nn.LeakyReLU(SLOPE),
            ]
            previous = channels
        # The kernels of the decoder are those of the encoder, from the inside out.
        self.decoder = nn.Sequential(
            nn.Linear(EMBEDDING, flat), nn.LeakyReLU(SLOPE),
            nn.Unflatten(1, (CHANNELS[-1], NARROWEST)),
            *decoder, nn.Upsample(scale_factor=2), nn.Conv1d(previous, 1, KERNELS[0], padding=7),
        )  # fmt: skip

    def forward(self, spectra):
        """Reconstruct spectra (N, 512), scaled as by the preprocessing."""
        return self.decoder(self.encoder(spectra[:, None]))[:, 0]


def train(
    spectra, validation, *, epochs, seed=0, network=None, batch=BATCH, highest_rate=HIGHEST_RATE,
    noise=NOISE, dimmest=DIMMEST, published=False, across_batch=False, checkpoint=None,
    progress=True,
):  # fmt: skip
    """Train on spectra of scans without events.

    The loss is the mean square of reconstruction minus spectrum, the added noise not counted.
    Adam as in the paper (1e-3, 0.9, 0.999, 1e-7); its weight decay of 0.1 is left out, as the
    published code never adds it to the loss and as it would leave nothing of the network.

    Parameters
    ----------
    spectra : ndarray, shape (scans, T, 512)
        Preprocessed.
    validation : ndarray, shape (scans, T, 512)
        Of other scans; neither noise nor dimming is added.
    epochs : int
        Every spectrum is seen once in each.
    seed : int
        Of weights, order, noise and dimming.
    network : Autoencoder, optional
        To go on from, as in fine-tuning.
    batch : int
    highest_rate : float
        The rate rises to it in the first part of the training and falls to nothing.
    noise, dimmest : float
    published : bool
        The paper's constant rate, batches of contiguous parts of one scan, no dimming.
    across_batch : bool
        Normalise across batches, in a new network.
    checkpoint : path, optional
        As `helpers.training.fit`.
    progress : bool

    Returns
    -------
    network : Autoencoder
        In evaluation mode.
    history : pandas.DataFrame
        ``epoch``, ``loss`` (with noise and dimming), ``validation_loss``.

    Raises
    ------
    DataError
        Spectra that do not fit the batches.
    """
    spectra = np.asarray(spectra, np.float32)
    if spectra.ndim != 3 or spectra.shape[2] != BINS:
        raise DataError(f"Spectra of shape {spectra.shape}: expected (scans, steps, {BINS}).")
    if published and spectra.shape[1] % batch:
        raise DataError(f"Scans of {spectra.shape[1]} steps do not part into batches of {batch}.")
    flat = spectra.reshape(-1, BINS)
    batches_per_epoch = len(flat) // batch
    if not batches_per_epoch:
        raise DataError(f"{len(flat)} spectra are fewer than one batch of {batch}.")
    made = []

    def batches(epoch):
        rng = np.random.default_rng([seed, epoch])
        if published:
            groups = rng.permutation(batches_per_epoch)
            order = (groups[:, None] * batch + np.arange(batch)).ravel()
        else:
            order = rng.permutation(len(flat))
        for number in range(batches_per_epoch):
            if not published:
                done = (epoch + number / batches_per_epoch) / epochs
                made[0].param_groups[0]["lr"] = _rate(done, highest_rate)
            clean = flat[order[number * batch : (number + 1) * batch]]
            if not published:
                clean = clean * np.exp(rng.uniform(np.log(dimmest), 0, (batch, 1)), dtype="f4")
            yield torch.from_numpy(noisy(rng, clean, noise)), torch.from_numpy(clean)

    def validate(network):
        return {"loss": np.mean([((_run(network, one) - one) ** 2).mean() for one in validation])}

    def optimiser(parameters):
        made.append(torch.optim.Adam(parameters, lr=RATE, eps=1e-7))
        return made[0]

    with seeded(seed):
        if network is None:
            network = Autoencoder(across_batch=batch if across_batch else None)
            nn.init.constant_(network.decoder[-1].bias, float(flat.mean()))
        history = fit(
            network, batches, nn.MSELoss(), epochs=epochs, optimiser=optimiser, validate=validate,
            checkpoint=checkpoint, progress=progress, device="cpu",
        )  # fmt: skip
    return network, history


def noisy(rng, spectra, amount=NOISE):
    """Add uniform noise in proportion to the square root of the signal.

    Parameters
    ----------
    rng : numpy.random.Generator
    spectra : ndarray
        Scaled to [0, 1].
    amount : float
        Largest noise where the signal is 1.
    """
    spread = amount * np.sqrt(np.clip(spectra, 0, None))
    return spectra + spread * rng.uniform(-1, 1, spectra.shape).astype(np.float32)


def reconstruct(network, values, every=1):
    """Stable state of a scan.

    Parameters
    ----------
    network : Autoencoder
        In evaluation mode.
    values : array (T, 512)
        Preprocessed.
    every : int
        1: every spectrum goes through the network, as published. More: means of so many spectra
        do, and the stable state between their middles is on a straight line; that much sooner.

    Returns
    -------
    ndarray, shape (T, 512), float32
    """
    values = np.ascontiguousarray(np.asarray(values), np.float32)
    if every > 1:
        starts = np.arange(0, len(values), every)
        counts = np.diff(np.append(starts, len(values)))
        means = np.add.reduceat(values, starts) / counts[:, None].astype(np.float32)
        return _between(_run(network, means), starts + (counts - 1) / 2, len(values))
    return _run(network, values)


def shipped(name="first"):
    """The trained network of an instrument.

    Parameters
    ----------
    name : str
        "first" or "second" (fine-tuned from the first).

    Returns
    -------
    network : Autoencoder
    header : dict
        How it was trained, and its validation loss.

    Raises
    ------
    DataError
        No such name.
    DataUnavailable
        The file is not there; names the script that makes it.
    """
    if name not in NAMES:
        raise DataError(f"No autoencoder is called {name!r}: there are {', '.join(NAMES)}.")
    path = FOLDER / f"autoencoder_{name}.safetensors"
    if not path.is_file():
        raise DataUnavailable(f"{path.name} is not shipped: python data/ch05/make_autoencoder.py")
    network = Autoencoder()
    return network, load_weights(path, network)


def _rate(done, highest):
    """Learning rate after a share of the training."""
    if done < WARM_UP:
        return highest * (0.05 + 0.95 * done / WARM_UP)
    return highest * (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP))) / 2 + 1e-6


def _run(network, values):
    first = network.encoder[1]
    size = len(first.weight) if isinstance(first, AcrossBatch) else RUN
    with torch.no_grad():
        parts = [network(part) for part in torch.tensor(values).split(size)]
    return torch.cat(parts).numpy()


def _between(known, places, steps):
    """Straight lines between rows `known` at `places`, at every step; held at the ends."""
    if len(known) == 1:
        return np.repeat(known, steps, axis=0)
    at = np.clip(np.arange(steps), places[0], places[-1])
    left = np.clip(np.searchsorted(places, at, side="right") - 1, 0, len(known) - 2)
    share = ((at - places[left]) / (places[left + 1] - places[left])).astype(np.float32)[:, None]
    out = known[left]
    out += share * (known[left + 1] - out)
    return out
