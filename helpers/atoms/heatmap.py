"""The default detector of chapter 1: U-Nets that paint a spot at every atom, averaged.

Not in Mitchell et al. 2022, whose network classifies crops. Three things make the difference on so
few images: the input is standardised locally, so that thin and thick support look alike; the
networks see mirrored, rotated, dimmed and noisier copies of the images; and the maps of several
networks, each applied in the eight orientations of the square, are averaged.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.ndimage import gaussian_filter
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.nn import functional as F

from helpers.atoms.networks import UNet
from helpers.atoms.preprocess import one_image
from helpers.data import DataError
from helpers.training import device as pick_device
from helpers.training import fit, seeded
from helpers.weights import load_weights, save_weights

SCALE = 20  # px, Gaussian window of the local mean and standard deviation
SPOT = 2.5  # px, standard deviation of a painted atom: about that of an atom in the images
SMOOTH = 1.5  # px, Gaussian that joins the maxima of one atom in the averaged map
_UNIT = 16  # px, what the U-Nets halve down to one; tiles that start on it see the same grid
_TILE, _OVERLAP = 1024, 112  # px; a U-Net of four levels sees up to 112 px around a pixel


def standardise(image: np.ndarray, scale: float = SCALE) -> np.ndarray:
    """
    Subtract the local mean and divide by the local standard deviation.

    The result does not depend on the unit, dose or offset of the image.

    Parameters
    ----------
    image : (H, W) array
    scale : float
        Standard deviation of the Gaussian window, in px.

    Returns
    -------
    (H, W) float32 array

    Raises
    ------
    DataError
        If the image is not two-dimensional, holds NaN or is constant.
    """
    image = one_image(image, "standardise", np.float32)
    if not np.ptp(image) > 0:
        raise DataError(
            "standardise: the image is constant or holds NaN; expected a HAADF image with contrast,"
            " check that the right file was opened."
        )
    image = image - image.mean(dtype=float).astype(np.float32)  # keeps digits of a large offset
    centred = image - gaussian_filter(image, scale, mode="reflect")
    spread = np.sqrt(gaussian_filter(centred**2, scale, mode="reflect"))
    # a hole without any signal has no spread of its own: it must not be blown up to noise
    return centred / np.maximum(spread, 0.05 * spread.max())


def paint(shape: tuple[int, int], atoms: pd.DataFrame, sigma: float = SPOT) -> np.ndarray:
    """Paint a Gaussian of height 1 at every atom (``x_px``, ``y_px``): what the U-Net learns."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    target = np.zeros(shape, np.float32)
    for column, row in atoms[["x_px", "y_px"]].to_numpy():
        spot = np.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * sigma**2))
        np.maximum(target, spot, out=target)
    return target


def random_crops(
    inputs: Sequence[np.ndarray],
    targets: Sequence[np.ndarray],
    rng: np.random.Generator,
    n: int = 4,
    size: int = 256,
) -> tuple[torch.Tensor, torch.Tensor]:
    """
    Draw augmented squares: mirrored, rotated, of other contrast and brightness, and noisier.

    Parameters
    ----------
    inputs, targets : lists of (H, W) arrays
        From `standardise` and `paint`.
    rng : Generator
    n, size : int
        Number of squares and their side in px.

    Returns
    -------
    (x, y)
        Tensors (n, 1, size, size).
    """
    pairs = []
    for _ in range(n):
        k = rng.integers(len(inputs))
        row, column = (rng.integers(0, side - size + 1) for side in inputs[k].shape)
        where = slice(row, row + size), slice(column, column + size)
        pair = np.rot90(np.stack([inputs[k][where], targets[k][where]]), rng.integers(4), (1, 2))
        x, y = pair[..., ::-1] if rng.random() < 0.5 else pair
        noise = rng.uniform(0, 0.4) * rng.standard_normal(x.shape, np.float32)
        x = x * np.exp(rng.normal(0, 0.1)) + rng.normal(0, 0.1) + noise
        pairs.append((x.astype(np.float32), y))
    x, y = (torch.from_numpy(np.stack(side))[:, None] for side in zip(*pairs, strict=True))
    return x.contiguous(memory_format=torch.channels_last), y


class Ensemble(nn.Module):
    """
    Mean map of several U-Nets, each applied in the eight orientations of the square.

    Parameters
    ----------
    members : int
        Number of U-Nets.
    width, levels, block : int
        Of every `UNet`.

    Input (N, 1, H, W), standardised; output (N, 1, H, W) in [0, 1].
    """

    def __init__(self, members: int, width: int = 16, levels: int = 4, block: int = 2):
        super().__init__()
        self.members = nn.ModuleList(UNet(width, levels, 1, block) for _ in range(members))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Mean of the painted maps (N, 1, H, W)."""
        total = torch.zeros_like(x)
        for turns in range(4):
            for mirrored in (False, True):
                seen = torch.rot90(x, turns, (2, 3))
                seen = seen.flip(3) if mirrored else seen
                seen = seen.contiguous(memory_format=torch.channels_last)
                found = sum(torch.sigmoid(network(seen)) for network in self.members)
                found = found.flip(3) if mirrored else found
                total += torch.rot90(found, -turns, (2, 3))
        return total / (8 * len(self.members))


def painted_map(
    network: nn.Module, image: np.ndarray, device: str = "auto", smooth: float = SMOOTH
) -> np.ndarray:
    """
    Apply an ensemble to a whole image, in overlapping tiles that bound the memory.

    Parameters
    ----------
    network : Ensemble
    image : (H, W) array, as recorded, of any H and W
    device : str
    smooth : float
        Standard deviation in px of the Gaussian that joins the maxima of one atom.

    Returns
    -------
    (H, W) float32 array
        Mean map, smoothed. Its maxima rank the candidates; see `calibrate`.

    Raises
    ------
    DataError
        If `standardise` refuses the image.
    """
    standard = standardise(image)
    height, width = standard.shape
    standard = np.pad(standard, ((0, -height % _UNIT), (0, -width % _UNIT)), mode="symmetric")
    target = pick_device(device)
    network = network.to(target, memory_format=torch.channels_last).eval()
    out = np.empty(standard.shape, np.float32)
    with torch.inference_mode():
        for y in range(0, height, _TILE):
            for x in range(0, width, _TILE):
                top, left = max(0, y - _OVERLAP), max(0, x - _OVERLAP)
                tile = standard[top : y + _TILE + _OVERLAP, left : x + _TILE + _OVERLAP]
                found = network(torch.from_numpy(tile.copy())[None, None].to(target))[0, 0]
                inner = found[y - top : y - top + _TILE, x - left : x - left + _TILE]
                out[y : y + _TILE, x : x + _TILE] = inner.cpu().numpy()
    return gaussian_filter(out[:height, :width], smooth)


def calibrate(painted: np.ndarray, offset: float, slope: float) -> np.ndarray:
    """
    Turn map values into probabilities: logit(p) = offset + slope logit(value).

    A height in the map is not yet the chance that an atom is there; the two numbers are fitted on
    candidates in training images that the networks had not seen (Platt scaling).
    """
    return expit(offset + slope * logit(np.clip(painted, 1e-6, 1 - 1e-6))).astype(np.float32)


def fit_calibration(heights: np.ndarray, is_atom: np.ndarray) -> dict:
    """``offset`` and ``slope`` of `calibrate`, from heights of candidates and which are atoms."""
    line = LogisticRegression(C=np.inf).fit(logit(heights)[:, None], is_atom)
    return {"offset": float(line.intercept_[0]), "slope": float(line.coef_[0, 0])}


def spot_loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Cross entropy per pixel between logits and painted spots."""
    return F.binary_cross_entropy_with_logits(output.float(), target)


def train_unet(
    path: Path,
    inputs: Sequence[np.ndarray],
    targets: Sequence[np.ndarray],
    seed: int,
    architecture: dict,
    epochs: int,
    batches: int,
    **provenance,
) -> UNet:
    """
    Train one U-Net to paint, or load it if it was trained before.

    AdamW, with a rate that rises over the first tenth of the steps and then falls to zero, on
    `random_crops`, in bfloat16.

    Parameters
    ----------
    path : Path
        Where the weights are kept.
    inputs, targets : lists of (H, W) arrays
        From `standardise` and `paint`.
    seed : int
        Decides first weights and crops.
    architecture : dict
        Arguments of `UNet`.
    epochs, batches : int
        Batches of four crops in an epoch.
    **provenance
        For the header of the weights.
    """
    with seeded(seed):
        network = UNet(**architecture)
    if path.exists():
        load_weights(path, network)
        return network
    nn.init.constant_(network.head.bias, -3)  # few pixels are atoms: start from there
    network = network.to(memory_format=torch.channels_last)

    def optimiser(parameters):
        adam = torch.optim.AdamW(parameters, 3e-3, weight_decay=1e-2)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            adam, 3e-3, total_steps=epochs * batches, pct_start=0.1
        )
        adam.register_step_post_hook(lambda *_: schedule.step())
        return adam

    def crops(epoch):
        rng = np.random.default_rng([seed, epoch])
        return (random_crops(inputs, targets, rng) for _ in range(batches))

    # the cache of autocast would keep the first weights for as long as the block lasts
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        history = fit(
            network, crops, spot_loss, epochs=epochs, optimiser=optimiser, progress=False,
            device="cpu",
        )  # fmt: skip
    print(path.name, f"loss {history['loss'].iloc[-1]:.4f}", flush=True)
    save_weights(path, network, seed=seed, **provenance)
    return network
