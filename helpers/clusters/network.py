"""A small convolutional network that names the isomer of a cluster, and its training.

A cluster lies in the plane as it likes. On polar coordinates around its middle a turn is a shift
along the angle, which convolutions on a circle follow and a maximum or mean over the angle forgets:
nothing has to be learnt twice for two turns. The network never sees the same picture twice either:
every training frame is recorded anew, with its own dose, turn, mirror image, shift, blur and
support.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from helpers.clusters.structures import ISOMERS
from helpers.training import fit, seeded

FIELDS_PX = (52, 58, 64)  # sides of the fields of training batches, 2.6 to 3.2 nm
CIRCLES = 28  # 1 px apart, the outermost wider than 561 atoms
ANGLES = 128  # 1.1 px apart at the rim of 309 atoms
RADII_PX = (16, 21, 25)  # of the discs that clusters of 147, 309 and 561 atoms are most like
CELL_PX = 4  # of the grid on which a cluster is looked for: must not show single columns
PEAK = 12.0  # how much only the best places on it count, in standard deviations of the likeness
BATCH = 128
BATCHES = 100  # of one epoch
HIGHEST_RATE = 3e-3
WARM_UP = 0.15  # share of the training in which the rate rises
WEIGHT_DECAY = 0.3


class IsomerNet(nn.Module):
    """
    Classify frames of clusters on polar coordinates around their middle.

    A branch for each size of cluster; what finds the middle of a frame also says through which
    branch it goes. Frames of a single size need one branch only.

    Input (N, 1, H, W), standardised, of any size as long as pixels are those of the training;
    output (N, 4) logits in the order of `ISOMERS`.
    """

    def __init__(self, branches: int = len(RADII_PX)):
        super().__init__()
        self.branches = nn.ModuleList(Branch() for _ in range(branches))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, 4)."""
        centre, size = located(x)
        # standardised again: how much empty field there is must not matter
        seen = F.layer_norm(polar(x, centre), (CIRCLES, ANGLES))
        if len(self.branches) == 1:
            return self.branches[0](seen)
        if torch.onnx.is_in_onnx_export():  # a graph goes through every branch
            return _chosen(torch.stack([branch(seen) for branch in self.branches], 1), size)
        found = seen.new_zeros(len(x), len(ISOMERS))
        for k, branch in enumerate(self.branches):
            mine = (size == k).nonzero()[:, 0]
            if len(mine):
                found = found.index_copy(0, mine, branch(seen[mine]))
        return found


class Branch(nn.Module):
    """
    Classify clusters of about one size on polar coordinates, (N, CIRCLES, ANGLES) to (N, 4).

    Circles are the channels: four convolutions along the angle, closed to a ring, with batch
    normalisation, ReLU and between them maxima over pairs of angles. Of what they find, the mean
    and the maximum over all angles go to one linear layer.
    """

    def __init__(self, width: int = 64):
        super().__init__()
        self.rings = nn.Sequential(
            nn.BatchNorm1d(CIRCLES),
            *_ring(CIRCLES, width, 7),
            nn.MaxPool1d(2),
            *_ring(width, width, 5),
            nn.MaxPool1d(2),
            *_ring(width, width, 7),
            nn.MaxPool1d(2),
            *_ring(width, width, 7),
        )
        self.head = nn.Linear(2 * width, len(ISOMERS))

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """Logits (N, 4)."""
        found = self.rings(seen)
        return self.head(torch.cat([found.mean(-1), found.amax(-1)], 1))


def located(x: torch.Tensor) -> tuple:
    """
    Find the cluster in frames (N, 1, H, W): where, and as what, a rounded disc fits best.

    Discs of all `RADII_PX` are compared at all places of a coarse grid. What surrounds the cluster,
    the mean of the border, is taken off first.

    Returns
    -------
    tuple of tensor
        Middle (N, 2), x and y in pixels from the middle of the frame, and number of the radius
        (N,).
    """
    border = torch.cat([x[..., 0, :], x[..., -1, :], x[..., 0], x[..., -1]], -1).mean(-1)
    coarse = F.avg_pool2d(x - border[..., None, None], CELL_PX)
    discs = _discs()
    likeness = F.conv2d(coarse, discs, padding=discs.shape[-1] // 2)
    size = likeness.flatten(2).amax(2).argmax(1)
    likeness = _chosen(likeness, size)
    flat = likeness.flatten(1)
    height = (flat - flat.amax(1, keepdim=True)) / (flat.std(1, keepdim=True) + 1e-6)
    share = torch.softmax(PEAK * height, 1).reshape(likeness.shape)
    down, across = (
        (torch.arange(n) + 0.5) * CELL_PX - side / 2
        for n, side in zip(likeness.shape[1:], x.shape[2:])
    )
    return torch.stack([(share.sum(1) * across).sum(1), (share.sum(2) * down).sum(1)], -1), size


def _chosen(values, number):
    """One of the values (N, n, ...) of each frame, (N, ...); as a product, which ONNX can hold."""
    one = F.one_hot(number, values.shape[1]).reshape(*values.shape[:2], *[1] * (values.ndim - 2))
    return (values * one).sum(1)


@lru_cache
def _discs():
    """Discs on cells, (radii, 1, cells, cells), of unit norm: fourth root of how thick a ball is.

    The thickness itself would weigh the middle too much, where moving the disc changes nothing.
    """
    cells = 2 * math.ceil(max(RADII_PX) / CELL_PX) + 1
    place = torch.arange(cells * CELL_PX) - (cells * CELL_PX - 1) / 2
    away = torch.hypot(place[:, None], place)
    discs = torch.stack([(1 - (away / r) ** 2).clamp_min(0) ** 0.25 for r in RADII_PX])[:, None]
    discs = F.avg_pool2d(discs, CELL_PX)
    return discs / discs.square().sum((2, 3), keepdim=True).sqrt()


def polar(x: torch.Tensor, centre: torch.Tensor) -> torch.Tensor:
    """
    Frames (N, 1, H, W) on circles around a centre; beyond the border they are reflected.

    Parameters
    ----------
    x : tensor (N, 1, H, W)
    centre : tensor (N, 2)
        As `located` gives it.

    Returns
    -------
    tensor (N, CIRCLES, ANGLES)
    """
    height, width = x.shape[-2:]
    angle = 2 * math.pi / ANGLES * torch.arange(ANGLES)
    radius = torch.arange(CIRCLES)[:, None] + 0.5
    place = torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], -1)
    across, down = (centre[:, None, None] + place).unbind(-1)
    grid = torch.stack([across * (2 / width), down * (2 / height)], -1)
    return F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)[:, 0]


def _ring(before, after, size):
    conv = nn.Conv1d(before, after, size, padding=size // 2, padding_mode="circular", bias=False)
    return conv, nn.BatchNorm1d(after), nn.ReLU()


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
    epochs: int = 12,
    checkpoint=None,
    progress: bool = True,
):
    """
    Train a network; the weights of the epoch with the lowest validation loss are kept.

    Parameters
    ----------
    images : list of array (N, h, w)
        Noise-free, one array for each size of cluster; pixels as in every frame to come. With a
        single one the network has one branch.
    classes : list of array (N,) of int
    record : callable
        ``record(rng, images, side=side)`` gives frames (N, side, side) of images (N, H, W), other
        ones each time (`helpers.clusters.augment.training_frames`).
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
        network = IsomerNet(1 if len(images) == 1 else len(RADII_PX))
        made = []

        def optimiser(parameters):
            made.append(torch.optim.AdamW(parameters, lr=HIGHEST_RATE, weight_decay=WEIGHT_DECAY))
            return made[0]

        def batches(epoch):
            rng = np.random.default_rng([seed, epoch])
            for step in range(BATCHES):
                done = (epoch + step / BATCHES) / epochs
                for group in made[0].param_groups:
                    group["lr"] = _rate(done)
                chosen = rng.integers(len(truth), size=BATCH)
                frames = record(rng, clean[chosen], side=int(rng.choice(FIELDS_PX)))
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
