"""Does an image look like those from which the network learnt to name isomers?

A network answers for any picture. Before it is believed, the picture is compared with simulated
training frames in what a reader can check: the size of the pixels, how wide the object is and
whether it lies wholly in the field, how far it stands out from the noise, how clear its atomic
columns are, and how rough the support is.
"""

import json
from functools import cache

import numpy as np
import pandas as pd
from scipy import ndimage

from helpers.clusters.outline import PIXEL_NM as COARSE_NM
from helpers.clusters.outline import checked, noise, outline, resampled
from helpers.registry import ROOT, DataError

RANGES = ROOT / "data" / "ch03" / "training_ranges.json"
NETWORK_NM = 0.05
COARSEST_NM = 0.06  # of pixels: larger ones blur columns more than any source in the training did
FRAMES = 20  # of a video, that are looked at
LEAST_WIDTH = 0.1  # of a range: no training cluster touches the border
COLUMNS_NM = (0.13, 0.30)  # standard deviations that separate columns from the cluster: periods
RATIOS = ("height / noise", "columns / height", "support / height")  # judged as logarithms
REASONS = {
    "diameter (nm)": (
        "smaller than any cluster of the training: 55 atoms or fewer, or a wrong pixel size",
        "larger than any cluster of the training, or several that touch, or a wrong pixel size",
    ),
    "share of the border covered": ("", "the object is cut by the border of the image"),
    "height / noise": (
        "fainter than in training: fewer electrons, a lighter metal or a thicker support",
        "clearer than in training: averaged, filtered, or resampled from finer pixels",
    ),
    "columns / height": (
        "columns hardly show: out of focus, blurred, or pixels too large",
        "stronger columns or more noise than in training",
    ),
    "support / height": (
        "",
        "rougher support than in training, or another object beside the cluster",
    ),
}


def image_properties(image, pixel_size_nm):
    """
    Measure what `compare_with_training` compares, on the pixels that the network sees.

    Parameters
    ----------
    image : array (H, W)
    pixel_size_nm : float

    Returns
    -------
    dict
        Property to value. None depends on the gain or the offset of the counts.
    """
    image = checked(np.asarray(image)[None], pixel_size_nm)[0].astype(np.float32)
    smooth, mask = outline(image, pixel_size_nm)
    parts, _ = ndimage.label(mask)
    own = parts == parts.flat[smooth.argmax()]
    seen = resampled(image[None], pixel_size_nm, NETWORK_NM)[0]
    take = [np.minimum(np.arange(n) * m // n, m - 1) for n, m in zip(seen.shape, own.shape)]
    inside, away = own[np.ix_(*take)], ~ndimage.binary_dilation(mask, iterations=2)[np.ix_(*take)]
    if not away.any():  # an object that fills the image leaves its darkest tenth as support
        away = seen <= np.quantile(seen, 0.1)
    height = max(float(seen[inside].mean() - seen[away].mean()), 1e-12)
    fine, wide = (ndimage.gaussian_filter(seen, s / NETWORK_NM / 4) for s in COLUMNS_NM)
    border = np.concatenate([own[0], own[-1], own[:, 0], own[:, -1]])
    return {
        "diameter (nm)": float(2 * np.sqrt(own.sum() / np.pi)) * COARSE_NM,
        "share of the border covered": float(border.mean()),
        "height / noise": height / max(float(noise(seen[None])[0]), 1e-12),
        "columns / height": float((fine - wide)[inside].std() / height),
        "support / height": float(wide[away].std() / height),
    }


@cache
def training_ranges():
    """Low and high value of every property in training frames (``ranges``), and ``slack``."""
    if not RANGES.is_file():
        raise DataError(f"{RANGES} is missing: data/ch03/make_training_ranges.py makes it.")
    return json.loads(RANGES.read_text())


def rule():
    """How `compare_with_training` judges, in words."""
    ok, warn = training_ranges()["slack"]
    return (
        f"low and high hold 98 % of the training frames; ok reaches {ok:g} of the width of that"
        f" range beyond them, warn {warn:g}; ratios on a logarithmic scale, and"
        " finer pixels are as good"
    )


def compare_with_training(frames, pixel_size_nm):
    """
    Compare an image, or a video, with training frames, property by property.

    Parameters
    ----------
    frames : array (H, W) or (N, H, W)
        Of a video the medians over at most `FRAMES` frames are compared.
    pixel_size_nm : float

    Returns
    -------
    DataFrame
        ``property``, ``value``, ``low``, ``high`` (range of the training frames), ``verdict``
        ("ok", "warn" or "bad") and ``reason`` (empty when ok).

    Raises
    ------
    DataError
        As `helpers.clusters.outline.checked`.
    """
    frames = np.asarray(frames)
    frames = frames[None] if frames.ndim == 2 else frames
    some = frames[np.linspace(0, len(frames) - 1, min(len(frames), FRAMES)).round().astype(int)]
    values = pd.DataFrame([image_properties(f, pixel_size_nm) for f in some]).median()
    known = training_ranges()
    rows = [_judged_pixels(pixel_size_nm)]
    for name, value in values.items():
        low, high = known["ranges"][name]
        rows.append((name, value, low, high, *_judged(name, value, low, high, known["slack"])))
    return pd.DataFrame(rows, columns=["property", "value", "low", "high", "verdict", "reason"])


def _judged_pixels(size):
    name = "pixel size (nm)"
    if size <= COARSEST_NM:
        return name, size, 0.0, COARSEST_NM, "ok", ""
    return name, size, 0.0, COARSEST_NM, "warn", "larger pixels than in training blur columns"


def _judged(name, value, low, high, slack):
    below, above = REASONS[name]
    reason = below if value < low else above
    if name in RATIOS:
        low, high, value = np.log([low, high, max(value, 1e-12)])
    outside = max(low - value, value - high) / max(high - low, LEAST_WIDTH)
    if outside <= slack[0] or not reason:
        return "ok", ""
    return ("warn" if outside <= slack[1] else "bad"), reason
