"""A variational autoencoder of atom crops that knows rotations and shifts (Rossi 2024, Table S4).

The decoder draws a crop pixel by pixel from the place of the pixel in a frame that is turned and
shifted with the atom, and from the content of the crop. What turns or shifts a crop is therefore
written in three latent numbers (one angle, two shifts), and what it shows in all others. The
construction follows Bepler et al. 2019 (arXiv:1909.11663); sizes and settings are those of the
published code of Rossi 2024.

The decoder turns and shifts exactly. The encoder is an ordinary network that has to learn it.
"""

import numpy as np
import pandas as pd
import torch
from scipy import ndimage
from torch import nn
from torch.nn import functional

from helpers.data import DataError
from helpers.training import fit, seeded

SIDE = 21
POSE = 3  # the first latent numbers: one angle (rad), two shifts (units of the prior)
CONTENT = 50
HIDDEN = 128
SHIFT_PRIOR = 0.1  # a shift of one unit is a tenth of half a crop: 1 px
KL_SCALE = 3.0
EPOCHS, BATCH, RATE = 20, 100, 1e-3
MOST_STEPS = 200
PIXELS = 110  # of 441: how many pixels of each crop are redrawn per step


def grid(side: int = SIDE) -> torch.Tensor:
    """Coordinates (x, y) of the pixels of a crop, -1 to 1 along both axes, y up.

    Returns
    -------
    tensor (side * side, 2), row by row from the top.
    """
    along = torch.linspace(-1, 1, side)
    y, x = torch.meshgrid(along.flip(0), along, indexing="ij")
    return torch.stack([x, y], -1).reshape(-1, 2)


def moved(coordinates: torch.Tensor, pose: torch.Tensor) -> torch.Tensor:
    """
    Where the pixels lie in the frame of each atom: turned by minus its angle, then shifted.

    Parameters
    ----------
    coordinates : (P, 2) tensor
    pose : (N, 3) tensor
        Angle by which the drawn crop is turned, counter-clockwise (rad), and two shifts in units
        of `SHIFT_PRIOR`.

    Returns
    -------
    (N, P, 2) tensor
    """
    cos, sin = pose[:, 0].cos(), pose[:, 0].sin()
    turn = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)
    return coordinates @ turn + SHIFT_PRIOR * pose[:, None, 1:]


class Encoder(nn.Module):
    """Crop -> mean and standard deviation of every latent number (86 762 parameters)."""

    def __init__(self, latent: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(SIDE**2, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, HIDDEN), nn.Tanh()
        )
        self.mean = nn.Linear(HIDDEN, latent)
        self.spread = nn.Linear(HIDDEN, latent)

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(N, 21, 21) -> two tensors (N, latent)."""
        hidden = self.layers(crops.flatten(1))
        return self.mean(hidden), functional.softplus(self.spread(hidden))


class Decoder(nn.Module):
    """Places in the atom's frame and its content -> intensities (39 937 parameters)."""

    def __init__(self, content: int):
        super().__init__()
        self.place = nn.Linear(2, HIDDEN)
        self.content = nn.Linear(content, HIDDEN, bias=False)
        self.layers = nn.Sequential(
            nn.Tanh(),
            nn.Linear(HIDDEN, HIDDEN), nn.Tanh(),
            nn.Linear(HIDDEN, HIDDEN), nn.Tanh(),
            nn.Linear(HIDDEN, 1),
        )  # fmt: skip

    def forward(self, places: torch.Tensor, content: torch.Tensor) -> torch.Tensor:
        """(N, P, 2) and (N, content) -> logits of the intensity, (N, P)."""
        return self.layers(self.place(places) + self.content(content)[:, None])[..., 0]


class EquivariantVae(nn.Module):
    """
    Encoder and decoder; the latent numbers are angle, shift x, shift y, then the content.

    Parameters
    ----------
    content : int
        Number of content dimensions; 50 in the published code.
    """

    def __init__(self, content: int = CONTENT):
        super().__init__()
        self.encoder = Encoder(POSE + content)
        self.decoder = Decoder(content)
        self.register_buffer("grid", grid(), persistent=False)

    def logits(self, latent: torch.Tensor, pixels: torch.Tensor | None = None) -> torch.Tensor:
        """(N, 3 + content) -> logits of all pixels, or of some, (N, P)."""
        coordinates = self.grid if pixels is None else self.grid[pixels]
        return self.decoder(moved(coordinates, latent[:, :POSE]), latent[:, POSE:])

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(N, 21, 21) -> mean and standard deviation of the latent numbers, (N, latent) each."""
        return self.encoder(crops)

    def negative_elbo(self, output, crops: torch.Tensor) -> torch.Tensor:
        """
        Scaled KL divergence plus the Bernoulli cross-entropy of a redrawn crop, per crop.

        The latent numbers are drawn once. The cross-entropy is summed over `PIXELS` random pixels
        and scaled up, an unbiased estimate of the sum over all of them at a quarter of the time.
        """
        mean, spread = output
        latent = mean + spread * torch.randn_like(spread)
        pixels = torch.randperm(SIDE**2)[:PIXELS]
        logits = self.logits(latent, pixels)
        wanted = crops.flatten(1)[:, pixels]
        entropy = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="sum")
        kl = 0.5 * (mean**2 + spread**2 - 1).sum() - spread.log().sum()
        return (entropy * (SIDE**2 / PIXELS) + KL_SCALE * kl) / len(crops)


def train(
    crops: np.ndarray,
    seed: int,
    content: int = CONTENT,
    epochs: int = EPOCHS,
    most_steps: int | None = MOST_STEPS,
    progress: bool = False,
) -> tuple[EquivariantVae, pd.DataFrame]:
    """
    Train a model on the crops of one image (Adam, rate 1e-3, batches of 100, 20 epochs).

    Parameters
    ----------
    crops : (N, 21, 21) array in [0, 1]
    seed : int
        Of the weights, the order of the crops and the latent draws.
    content : int
        Number of content dimensions.
    epochs : int
    most_steps : int or None
        Stop after so many batches, which bounds the time on images with more than 1000 atoms; the
        published code has no such bound.
    progress : bool

    Returns
    -------
    model : EquivariantVae
        In evaluation mode.
    history : DataFrame
        ``epoch`` and ``loss`` (negative ELBO per crop).

    Raises
    ------
    DataError
        If the crops have another shape or hold values outside [0, 1] or NaN.
    """
    crops = checked(crops)
    per_epoch = -(-len(crops) // BATCH)
    if most_steps is not None:
        epochs = max(1, min(epochs, most_steps // per_epoch))
    data = torch.from_numpy(crops)

    def batches(epoch):
        order = np.random.default_rng([seed, epoch]).permutation(len(data))
        for start in range(0, len(data), BATCH):
            batch = data[order[start : start + BATCH]]
            yield batch, batch

    with seeded(seed):
        model = EquivariantVae(content)
        history = fit(
            model, batches, model.negative_elbo, epochs=epochs, progress=progress, device="cpu",
            optimiser=lambda parameters: torch.optim.Adam(parameters, lr=RATE),
        )  # fmt: skip
    return model, history


def checked(crops) -> np.ndarray:
    """Crops as a float32 array, or a sentence that says what is wrong with them."""
    crops = np.asarray(crops, np.float32)
    if crops.ndim != 3 or crops.shape[1:] != (SIDE, SIDE) or not len(crops):
        raise DataError(f"crops: found shape {crops.shape}, expected (N, {SIDE}, {SIDE}), N > 0")
    if np.isnan(crops).any():
        raise DataError("crops: found NaN, expected intensities from 0 to 1; repair the image")
    if crops.min() < 0 or crops.max() > 1:
        raise DataError(
            f"crops: found values from {crops.min():.3g} to {crops.max():.3g}, expected 0 to 1;"
            " pass the image through preprocess.normalise first."
        )
    return crops


@torch.inference_mode()
def encode(model: EquivariantVae, crops: np.ndarray) -> np.ndarray:
    """Means of the latent numbers, (N, 3 + content) float32: angle, two shifts, content."""
    return model.encoder(torch.from_numpy(checked(crops)))[0].numpy()


@torch.inference_mode()
def decode(model: EquivariantVae, latent: np.ndarray) -> np.ndarray:
    """Crops (N, 21, 21) float32 drawn from latent numbers (N, 3 + content)."""
    logits = model.logits(torch.as_tensor(np.asarray(latent, np.float32)))
    return logits.sigmoid().numpy().reshape(-1, SIDE, SIDE)


def rotation_response(model: EquivariantVae, wide: np.ndarray, angles_deg) -> pd.DataFrame:
    """
    Rotate crops and see which latent numbers move.

    Parameters
    ----------
    model : EquivariantVae
    wide : (N, S, S) array in [0, 1]
        Crops of at least 31 px, so that a rotated crop has corners.
    angles_deg : sequence of float
        Counter-clockwise.

    Returns
    -------
    DataFrame, one row per angle
        ``rotation_deg``; ``angle_error_deg``, median distance between the rotation and the change
        of the angle latent, modulo 180 degrees (a pair of equal atoms is the same after half a
        turn); ``content_moves`` and ``shift_moves``, root mean square changes in units of the
        prior; ``content_share``, the change of the content as a share of the root mean square
        distance between two crops.
    """
    wide = np.asarray(wide, np.float32)
    cut = slice(wide.shape[1] // 2 - SIDE // 2, wide.shape[1] // 2 + SIDE // 2 + 1)
    before = encode(model, wide[:, cut, cut])
    apart = np.sqrt(2 * before[:, POSE:].var(0).sum())
    rows = []
    for angle in angles_deg:
        turned = ndimage.rotate(wide, angle, axes=(2, 1), reshape=False, order=1)
        change = encode(model, np.clip(turned[:, cut, cut], 0, 1)) - before
        error = (np.degrees(change[:, 0]) - angle + 90) % 180 - 90
        content = np.sqrt((change[:, POSE:] ** 2).sum(1).mean())
        rows.append(
            {
                "rotation_deg": angle,
                "angle_error_deg": np.median(np.abs(error)),
                "content_moves": content,
                "shift_moves": np.sqrt((change[:, 1:POSE] ** 2).sum(1).mean()),
                "content_share": content / apart,
            }
        )
    return pd.DataFrame(rows)
