"""Does an image look like those the detectors were trained on?

A network answers for any picture.  Before its answer is believed, the picture is compared with the
images that the network was trained on in what decides how an atom looks: pixel size, dose and
noise, size and strength of blobs, and the background around them.  The eleven measured images are
behind most detectors; those of chapter 2's default are simulated, and have ranges of their own.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter
from scipy.optimize import curve_fit

from helpers.atoms.baselines import log_response
from helpers.atoms.noise import electron_scale, noise_variance
from helpers.atoms.peaks import maxima
from helpers.atoms.preprocess import NETWORK_PIXEL_NM, median_background, to_network_scale
from helpers.atoms.specimen import specimen_mask
from helpers.data import ROOT, DataError, registry

RANGES = ROOT / "data" / "ch01" / "training_ranges.json"
SPLITS = ROOT / "data" / "ch01" / "statistics.csv"
SIMULATED_RANGES = ROOT / "data" / "ch02" / "training_ranges.json"
HALF = 10
BLOB_SCALE_PX = 3.0  # labelled atoms in the training images have an SD of about 3.2 px
WHITE = 0.8  # less than this, and noise was blurred: it no longer counts electrons
BLOBS_PER_PX = 20 / 512**2  # the strongest; every training image has more labelled atoms

# What it means when a property lies below or above the training images.
REASONS = {
    "dose (electrons/px)": ("fewer electrons: noisier", "more electrons: a thicker specimen"),
    "specimen share": ("little or no specimen in the field", ""),
    "noise whiteness": (
        "noise of neighbouring pixels is alike: blurred, interpolated or compressed",
        "noise of neighbouring pixels is opposed: sharpened or filtered",
    ),
    "blob SD (nm)": (
        "bright spots are smaller than atoms were: noise, or a wrong pixel size",
        "bright spots are larger than atoms were: out of focus, blurred, or a wrong pixel size",
    ),
    "blob height / noise": (
        "bright spots drown in noise: expect missed and invented atoms",
        "bright spots stand out more than atoms did: denoised, another metal, or clusters",
    ),
    "blob height / brightest pixel": (
        "something much brighter than an atom sets the scale: a particle or a hot pixel",
        "nothing is brighter than the typical spot",
    ),
    "clouds / noise": (
        "smoother support than in training",
        "rougher support than in training: expect invented atoms",
    ),
    "background range / noise": (
        "flatter field than in training",
        "stronger shading than in training: edges may be taken for atoms",
    ),
}


def image_properties(image):
    """Measure what :func:`compare_with_training` compares.

    All are measured at the network's pixel size, because that is what the network sees.

    Parameters
    ----------
    image : xarray.DataArray
        In counts, with ``attrs["pixel_size_nm"]``.

    Returns
    -------
    dict
        Property to value; NaN for a dose that cannot be read from the noise.
    """
    counts, _ = to_network_scale(image.to_numpy(), float(image.attrs["pixel_size_nm"]))
    background = median_background(counts)
    foreground = counts - background
    noise = np.sqrt(gaussian_filter(noise_variance(counts), 16))
    if not noise.min() > 0:
        raise DataError(
            "familiarity: part of the image holds no noise at all, so it is not a recorded"
            " micrograph; expected counts as the microscope wrote them."
        )
    blobs, noise_there = _strongest_blobs(foreground, noise)
    sigma, height = _blob_shape(blobs)
    clouds = gaussian_filter(foreground, 6) - gaussian_filter(foreground, 24)
    whiteness = _whiteness(counts)
    scale = electron_scale(counts) if whiteness > WHITE else None
    low, high = np.percentile(background, [5, 95])
    return {
        "dose (electrons/px)": float(np.median(scale.electrons(counts))) if scale else np.nan,
        "specimen share": float(specimen_mask(counts, NETWORK_PIXEL_NM).mean()),
        "noise whiteness": whiteness,
        "blob SD (nm)": sigma * NETWORK_PIXEL_NM,
        "blob height / noise": height,
        "blob height / brightest pixel": height * noise_there / float(foreground.max()),
        "clouds / noise": float(clouds.std() / np.median(noise)),
        "background range / noise": float((high - low) / np.median(noise)),
    }


def _strongest_blobs(foreground, noise):
    """Crops around the strongest blobs in units of the local noise, and their median noise."""
    found = maxima(log_response(foreground / noise, BLOB_SCALE_PX), -np.inf, min_distance=HALF)
    y, x = found.y_px.astype(int).to_numpy(), found.x_px.astype(int).to_numpy()
    height, width = foreground.shape
    whole = (x >= HALF) & (y >= HALF) & (x < width - HALF) & (y < height - HALF)
    count = max(5, round(BLOBS_PER_PX * foreground.size))
    y, x = y[whole][:count], x[whole][:count]
    windows = np.lib.stride_tricks.sliding_window_view(foreground, (2 * HALF + 1,) * 2)
    return windows[y - HALF, x - HALF] / noise[y, x, None, None], float(np.median(noise[y, x]))


def _blob_shape(blobs):
    """SD (px) and height of a round Gaussian on a level ground, fitted to the mean blob."""
    y, x = np.indices((2 * HALF + 1,) * 2) - HALF
    mean = blobs.mean(0).ravel()

    def gaussian(radius2, height, sigma, ground):
        return height * np.exp(-radius2 / (2 * sigma**2)) + ground

    start = [np.ptp(mean), BLOB_SCALE_PX, mean.min()]
    bounds = ([0, 0.3, -np.inf], [np.inf, 2.0 * HALF, np.inf])
    (height, sigma, _), _ = curve_fit(gaussian, (x**2 + y**2).ravel(), mean, start, bounds=bounds)
    return float(sigma), float(height)


def _whiteness(counts):
    """Squared difference of neighbours over that of next neighbours along a row: 1 if white."""
    one, two = counts[:, 1:-1] - counts[:, :-2], counts[:, 2:] - counts[:, :-2]
    return float(np.mean(one.astype(float) ** 2) / np.mean(two.astype(float) ** 2))


def published(image):
    """Say what role an image of the published set had, by the hash of its file.

    Parameters
    ----------
    image : xarray.DataArray
        From `helpers.data.open_image`.

    Returns
    -------
    str
        A sentence; "" for any other image.
    """
    files = registry()["pt-nc"]["files"].items()
    frames = {digest: Path(file).name[:3] for file, digest in files if "tif_data" in file}
    frame = frames.get(image.attrs["sha256"])
    if frame is None:
        return ""
    splits = pd.read_csv(SPLITS, dtype={"image": str}).set_index("image")["split"]
    role = {
        "train": "one of the eleven that the detectors were trained on: its numbers flatter them",
        "test": "one of the ten test images, which no detector was trained on",
    }[splits[frame].iloc[0]]
    return f"This is image {frame} of the published set, {role}."


@cache
def training_ranges(path=RANGES):
    """Low and high value of every property in training images, and how far beyond is what.

    Parameters
    ----------
    path : Path
        `RANGES` of the measured images, or `SIMULATED_RANGES`.

    Returns
    -------
    dict
        ``are`` (what the limits are, in words), ``ranges``, and ``slack``: how many widths beyond
        the range are still "ok", and how many "warn".
    """
    if not path.is_file():
        script = path.parent.name + "/make_training_ranges.py"
        raise DataError(f"{path} is missing; data/{script} makes it")
    return json.loads(path.read_text())


def rule(path=RANGES):
    """How `compare_with_training` judges, in words."""
    known = training_ranges(path)
    ok, warn = known["slack"]
    return (
        f"low and high {known['are']}; ok reaches {ok:g} of the width of that"
        f" range beyond them (on a logarithmic scale), warn {warn:g}"
    )


def compare_with_training(image, path=RANGES):
    """Compare an image with the training images, property by property.

    A property is "ok" a little beyond the training range, "warn" up to another limit, "bad" further
    away (see `rule`); all on a logarithmic scale.  Eleven images span about three standard
    deviations, so that half a width beyond them one more of the same kind stays "ok" in 99 of 100
    cases; of many simulated images the quantiles themselves say as much.

    Parameters
    ----------
    image : xarray.DataArray
        In counts as recorded, with ``attrs["pixel_size_nm"]``.
    path : Path
        See `training_ranges`.

    Returns
    -------
    DataFrame
        ``property``, ``value``, ``low``, ``high`` (range of the training images), ``verdict`` and
        ``reason`` (empty when ok).
    """
    known = training_ranges(path)
    rows = [_judge_pixel_size(float(image.attrs["pixel_size_nm"]))]
    values = image_properties(image)
    for name, value in values.items():
        low, high = known["ranges"][name]
        if np.isnan(value):
            judged = "warn", _why_no_dose(values, known["ranges"])
        else:
            judged = _judge(name, value, low, high, known["slack"])
        rows.append((name, value, low, high, *judged))
    return pd.DataFrame(rows, columns=["property", "value", "low", "high", "verdict", "reason"])


def _judge_pixel_size(pixel_size_nm):
    name, network = "pixel size (nm)", NETWORK_PIXEL_NM
    factor = pixel_size_nm / network
    if 0.9 <= factor <= 1.1:
        verdict, reason = "ok", ""
    elif factor < 0.9:
        verdict, reason = "warn", "finer than in training: the image is resampled"
    else:
        verdict = "warn" if factor < 1.35 else "bad"
        reason = "coarser than in training: an atom covers too few pixels"
    return name, pixel_size_nm, network, network, verdict, reason


def _why_no_dose(values, ranges):
    """Why the dose could not be read from the line of noise against brightness."""
    if values["noise whiteness"] <= WHITE:
        return "not readable: the noise of neighbouring pixels is alike"
    evenest, _ = ranges["background range / noise"]
    if values["background range / noise"] < evenest:
        return "not readable: the field is too even to show how noise grows with brightness"
    return "not readable: noise does not grow with brightness, so these are no counts as recorded"


def _judge(name, value, low, high, slack):
    below, above = REASONS[name]
    width = np.log(high / low)
    outside = max(np.log(low / value), np.log(value / high)) / width if value > 0 else np.inf
    reason = below if value < low else above
    if outside <= slack[0] or not reason:
        return "ok", ""
    return ("warn" if outside <= slack[1] else "bad"), reason
