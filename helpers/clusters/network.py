"""A small convolutional network that names the isomer of a cluster, and its training.

The network averages its features over the field, so that the field may have any size as long as the
pixels have the size it was trained with. It never sees the same picture twice: every training frame
is recorded anew, with its own dose, in-plane rotation, mirror image, shift, blur and support. Doses
are high in the beginning and reach down to the lowest in the middle of the training.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from helpers.clusters.structures import ISOMERS
from helpers.training import fit, seeded

FIELDS_PX = (52, 58, 64)  # sides of the fields of training batches, 2.6 to 3.2 nm
PERIOD_PX = 64  # 3.2 nm
HIGHEST = 23  # 7.2 per nm: the planes of gold down to 0.14 nm (220)
BATCH = 64
BATCHES = 50  # of one epoch
HIGHEST_RATE = 5e-3
WARM_UP = 0.15  # share of the training in which the rate rises


class IsomerNet(nn.Module):
    """
    Classify frames of clusters by what they look like and by their diffractogram.

    One branch convolves the image, the other its power spectrum, which gathers the lattice planes
    of the whole cluster in a few spots that a noisy image hardly shows. Each is averaged over its
    area; one linear layer takes both. All convolutions have batch normalisation and ReLU; the first
    of the image works at every second pixel, which loses nothing as it has more channels than it
    leaves out pixels.

    Input (N, 1, H, W), standardised; output (N, 4) logits in the order of `ISOMERS`.
    """

    def __init__(self, widths: tuple[int, ...] = (24, 32, 64, 96), spots: tuple = (16, 32, 64)):
        super().__init__()
        a, b, c, d = widths
        self.image = nn.Sequential(
            *_convolution(1, a, 5, stride=2),
            *_convolution(a, b),
            nn.MaxPool2d(2),
            *_convolution(b, c),
            *_convolution(c, c),
            nn.MaxPool2d(2),
            *_convolution(c, d),
            *_convolution(d, d),
        )
        e, f, g = spots
        self.spectrum = nn.Sequential(
            *_convolution(1, e),
            nn.MaxPool2d(2),
            *_convolution(e, f),
            nn.MaxPool2d(2),
            *_convolution(f, g),
            *_convolution(g, g),
        )
        self.head = nn.Linear(d + g, len(ISOMERS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, 4)."""
        x = x.contiguous(memory_format=torch.channels_last)
        seen = [self.image(x).mean((2, 3)), self.spectrum(power_spectrum(x)).mean((2, 3))]
        return self.head(torch.cat(seen, 1))


def power_spectrum(x: torch.Tensor) -> torch.Tensor:
    """
    Logarithm of 1 plus the power of a half plane of spatial frequencies, (N, 1, 2 K + 1, K + 1).

    Frequencies are whole multiples of 1 / `PERIOD_PX` up to K = `HIGHEST` times it, whatever the
    field; without a cluster, the power of standardised frames is 1 on average. The transform is
    written as products of matrices, which every program that reads ONNX has.
    """
    height, width = x.shape[-2:]
    step = 2 * math.pi / PERIOD_PX
    rows = step * torch.outer(torch.arange(-HIGHEST, HIGHEST + 1.0), torch.arange(height * 1.0))
    columns = step * torch.outer(torch.arange(width * 1.0), torch.arange(HIGHEST + 1.0))
    across, along = x @ torch.cos(columns), x @ torch.sin(columns)
    real = torch.cos(rows) @ across - torch.sin(rows) @ along
    imaginary = torch.sin(rows) @ across + torch.cos(rows) @ along
    return torch.log1p((real**2 + imaginary**2) / (height * width))


def _convolution(before, after, size=3, stride=1):
    conv = nn.Conv2d(before, after, size, stride, size // 2, bias=False)
    return conv, nn.BatchNorm2d(after), nn.ReLU()


def standardised(frames) -> torch.Tensor:
    """Frames (N, H, W) as network input (N, 1, H, W): each with mean 0 and deviation 1."""
    x = torch.as_tensor(np.asarray(frames, np.float32))
    mean, deviation = x.mean((1, 2), keepdim=True), x.std((1, 2), keepdim=True)
    return ((x - mean) / deviation.clamp_min(1e-12))[:, None]


def in_field(images, side: int) -> np.ndarray:
    """Noise-free images (N, h, w) in the middle of a field of vacuum, or cut to it."""
    h, w = images.shape[1:]
    field = np.zeros((len(images), side, side), np.float32)
    (at_y, from_y), (at_x, from_x) = _overlap(side, h), _overlap(side, w)
    field[:, at_y, at_x] = images[:, from_y, from_x]
    return field


def _overlap(side, length):
    """Slices of the field and of the image that lie on each other when both are centred."""
    common = min(side, length)
    first, other = (side - common) // 2, (length - common) // 2
    return slice(first, first + common), slice(other, other + common)


def train(
    images: list,
    classes: list,
    record: Callable,
    validation: tuple,
    seed: int = 0,
    epochs: int = 24,
    checkpoint=None,
    progress: bool = True,
):
    """
    Train a network; the weights of the epoch with the lowest validation loss are kept.

    Parameters
    ----------
    images : list of array (N, h, w)
        Noise-free, one array for each size of field; pixels as in every frame to come.
    classes : list of array (N,) of int
    record : callable
        ``record(rng, images, side=side, lowest_dose=dose)`` gives frames (N, side, side) of images
        (N, H, W), other ones each time (`helpers.clusters.augment.random_frames`).
    validation : tuple
        Frames (N, H, W) and their classes.
    seed : int
        Of weights, order and frames.
    epochs : int
        Of `BATCHES` batches; the learning rate rises and falls once over all of them.
    checkpoint : path, optional
        As `helpers.training.fit`: a stopped training goes on from there.
    progress : bool

    Returns
    -------
    tuple
        `IsomerNet` and the history, one row per epoch.
    """
    widest = max(max(i.shape[1:]) for i in images)
    clean = np.concatenate([in_field(i, widest) for i in images])
    truth = np.concatenate(classes)
    seen, labels = standardised(validation[0]), torch.as_tensor(np.asarray(validation[1]))
    with seeded(seed):
        network = IsomerNet()
        made = []

        def optimiser(parameters):
            made.append(torch.optim.AdamW(parameters, lr=HIGHEST_RATE, weight_decay=0.02))
            return made[0]

        def batches(epoch):
            rng = np.random.default_rng([seed, epoch])
            for step in range(BATCHES):
                done = (epoch + step / BATCHES) / epochs
                for group in made[0].param_groups:
                    group["lr"] = _rate(done)
                chosen = rng.integers(len(truth), size=BATCH)
                # clear frames first: noise alone teaches nothing
                dose = 10 ** max(4.5 - 5 * done, 2)
                frames = record(
                    rng, clean[chosen], side=int(rng.choice(FIELDS_PX)), lowest_dose=dose
                )
                yield standardised(frames), torch.as_tensor(truth[chosen])

        def validate(model):
            return {"loss": F.cross_entropy(logits(model, seen), labels)}

        history = fit(
            network, batches, nn.CrossEntropyLoss(), epochs=epochs,
            optimiser=optimiser, validate=validate, patience=epochs, checkpoint=checkpoint,
            progress=progress, device="cpu",
        )  # fmt: skip
    return network, history


def _rate(done):
    """Learning rate after a share of the training: up in a line, down in half a cosine."""
    if done < WARM_UP:
        return HIGHEST_RATE * (0.05 + 0.95 * done / WARM_UP)
    return HIGHEST_RATE * (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP))) / 2 + 1e-6


def logits(network: nn.Module, x: torch.Tensor, batch: int = 256) -> torch.Tensor:
    """Logits (N, 4) of standardised frames, in batches and without gradients."""
    with torch.inference_mode():
        return torch.cat([network(part) for part in x.split(batch)])
