"""Find atoms: likelihood maps of a network, and the detectors that ship.

The published detector (Mitchell et al. 2022) classifies the 21 x 21 px crop around every pixel. The
same numbers come from one pass over the image: the convolutions are valid, so neighbouring crops
share their features; the 3 x 3 grid of averages is a 5 x 5 average taken every 5 px, so that the
first fully connected layer becomes a 3 x 3 convolution with dilation 5, and the others 1 x 1
convolutions. `likelihood_map` does this, exactly; `sliding_window` is the paper's way.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import pandas as pd
import torch
from scipy import ndimage
from torch import nn

from helpers.atoms import baselines, heatmap
from helpers.atoms.networks import Dense, SacCnn
from helpers.atoms.peaks import components, maxima
from helpers.atoms.preprocess import normalise, one_image
from helpers.data import ROOT
from helpers.training import device as pick_device
from helpers.weights import load_weights, read_header

HALF = 10  # a crop reaches this many px to each side of its centre
_TILE_COLUMNS = 1024
DATA = ROOT / "data" / "ch01"


def _padded(image: np.ndarray) -> np.ndarray:
    return np.pad(one_image(image, "likelihood map", np.float32), HALF)


def likelihood_map(
    network: SacCnn, image: np.ndarray, tile_rows: int = 64, device: str = "auto"
) -> np.ndarray:
    """
    Probability of an atom at every pixel: one exact fully convolutional pass, in tiles.

    Parameters
    ----------
    network : SacCnn
    image : (H, W) array, normalised (see `preprocess.normalise`), any H and W
    tile_rows : int
        Rows per tile; with tiles of at most 1024 columns this bounds the memory, whatever the size
        of the image.
    device : str

    Returns
    -------
    (H, W) float32 array

    Raises
    ------
    DataError
        If the image is not two-dimensional.
    """
    padded = _padded(image)
    target = pick_device(device)
    dense = Dense(network.to("cpu").eval()).to(target, memory_format=torch.channels_last)
    height, width = padded.shape[0] - 2 * HALF, padded.shape[1] - 2 * HALF
    out = np.empty((height, width), np.float32)
    with torch.inference_mode():
        for y in range(0, height, tile_rows):
            for x in range(0, width, _TILE_COLUMNS):
                tile = padded[y : y + tile_rows + 2 * HALF, x : x + _TILE_COLUMNS + 2 * HALF]
                tile = torch.from_numpy(tile.copy())[None, None].to(target)
                tile = tile.to(memory_format=torch.channels_last)
                result = dense(tile)[0].cpu().numpy()
                out[y : y + tile_rows, x : x + _TILE_COLUMNS] = result
    return out


def sliding_window(
    network: nn.Module,
    image: np.ndarray,
    batch: int = 512,
    rows: tuple[int, int] | None = None,
    stride: int = 1,
) -> np.ndarray:
    """
    Probability of an atom from one crop per pixel, as the paper does it; works for any classifier.

    Parameters
    ----------
    network : module from (N, 1, 21, 21) to (N, 2)
    image : (H, W) array, normalised
    batch : int
        Crops per call of the network.
    rows : (first, last), optional
        Only these rows of the image.
    stride : int
        Classify every ``stride``-th pixel of every ``stride``-th row and interpolate linearly
        between them (not the published procedure; for networks that are too slow otherwise).

    Returns
    -------
    (H, W) or (last - first, W) float32 array
    """
    padded = _padded(image)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * HALF + 1, 2 * HALF + 1))
    first, last = rows or (0, windows.shape[0])
    windows = windows[first:last]
    ys, xs = np.mgrid[0 : windows.shape[0] : stride, 0 : windows.shape[1] : stride]
    found, ys, xs = np.empty(ys.shape, np.float32), ys.ravel(), xs.ravel()
    flat = found.reshape(-1)
    network.eval()
    with torch.inference_mode():
        for k in range(0, len(ys), batch):
            crops = torch.from_numpy(windows[ys[k : k + batch], xs[k : k + batch]].copy())[:, None]
            flat[k : k + batch] = network(crops).softmax(1)[:, 1].numpy()
    if stride == 1:
        return found
    at = np.indices(windows.shape[:2]) / stride
    return ndimage.map_coordinates(found, at, order=1, mode="nearest", output=np.float32)


@dataclass(frozen=True)
class Detector:
    """
    A method that is ready to use.

    ``prepare`` turns a micrograph (H, W) into the image that the method reads; ``likelihood`` maps
    that image to a map of the same shape; ``positions`` reads atoms from a map above a threshold,
    and with ``beside_image`` takes the prepared image as a third argument; ``threshold`` was chosen
    on training images; ``header`` says how and on what.
    """

    likelihood: Callable[[np.ndarray], np.ndarray]
    positions: Callable[..., pd.DataFrame]
    threshold: float
    header: dict
    prepare: Callable[[np.ndarray], np.ndarray] = normalise
    beside_image: bool = False

    def read(
        self, prepared: np.ndarray, likelihood: np.ndarray, threshold: float | None = None
    ) -> pd.DataFrame:
        """Read the atoms of a prepared image from its map; as `find` does."""
        used = self.threshold if threshold is None else threshold
        return self.positions(likelihood, used, *([prepared] if self.beside_image else []))

    def find(self, image: np.ndarray, threshold: float | None = None) -> pd.DataFrame:
        """
        Find atoms in a micrograph as recorded: prepare it, read the map, keep what is likely.

        Parameters
        ----------
        image : (H, W) array
            In any intensity unit, at about `preprocess.NETWORK_PIXEL_NM` per pixel.
        threshold : float, optional
            Likelihood; the validated one when None.

        Returns
        -------
        DataFrame
            ``x_px``, ``y_px`` and ``probability``.

        Raises
        ------
        DataError
            If the image is not two-dimensional or constant.
        """
        prepared = self.prepare(np.asarray(image, np.float32))
        return self.read(prepared, self.likelihood(prepared), threshold)


def _settings(method: str) -> dict:
    return json.loads((DATA / "thresholds.json").read_text())[method]


def _ensemble() -> Detector:
    path = DATA / "detector.safetensors"
    header = read_header(path)
    network = heatmap.Ensemble(**header["architecture"])
    load_weights(path, network)

    def likelihood(image):
        return heatmap.calibrate(heatmap.painted_map(network, image), **header["calibration"])

    # the networks standardise the image themselves: clipping would throw half of the noise away,
    # and with it what tells a dim atom from a bright pixel
    return Detector(likelihood, maxima, header["threshold"], header, prepare=np.asarray)


def _sac_cnn() -> Detector:
    network = SacCnn()
    header = load_weights(DATA / "sac_cnn.safetensors", network)
    return Detector(partial(likelihood_map, network), components, header["threshold"], header)


def _template() -> Detector:
    chosen = _settings("template")
    return Detector(baselines.template_response, components, chosen["threshold"], chosen)


def _log() -> Detector:
    chosen = _settings("log")
    response = partial(baselines.log_response, sigma=chosen["sigma"])
    return Detector(response, maxima, chosen["threshold"], chosen)


METHODS: dict[str, Callable[[], Detector]] = {
    "ensemble": _ensemble,
    "sac-cnn": _sac_cnn,
    "template": _template,
    "log": _log,
}


@cache
def load_detector(method: str) -> Detector:
    """
    Load a detector of `METHODS` with its shipped weights and its validated threshold.

    Raises
    ------
    ValueError
        If the method is unknown.
    """
    if method not in METHODS:
        raise ValueError(f"detection method {method!r} is unknown: use one of {sorted(METHODS)}")
    return METHODS[method]()


def detect(
    image: np.ndarray, method: str = "ensemble", threshold: float | None = None
) -> pd.DataFrame:
    """
    Find atoms in a micrograph.

    Parameters
    ----------
    image : (H, W) array
        As recorded, in any intensity unit, at about `preprocess.NETWORK_PIXEL_NM` per pixel. Every
        method does its own flattening.
    method : str
        A key of `METHODS`.
    threshold : float, optional
        The one chosen on the training images when None.

    Returns
    -------
    DataFrame
        ``x_px``, ``y_px``, ``probability`` (for "template" and "log" the filter's response).

    Raises
    ------
    DataError
        If the image is not two-dimensional or constant.
    ValueError
        If the method is unknown.
    """
    return load_detector(method).find(image, threshold)
