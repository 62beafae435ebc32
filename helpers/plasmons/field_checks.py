"""Does a dark-field image belong to its spectrum image, and is the test part like the training?"""

import numpy as np
import pandas as pd

TURNS = {
    "transposed": lambda image: image.T,
    "turned by 90 degrees": lambda image: np.rot90(image, 1),
    "turned by 180 degrees": lambda image: np.rot90(image, 2),
    "turned by 270 degrees": lambda image: np.rot90(image, 3),
    "mirrored left to right": lambda image: image[:, ::-1],
    "mirrored upside down": lambda image: image[::-1],
    "transposed and turned": lambda image: np.rot90(image, 2).T,
}
FARTHEST_PX = 4
BETTER, LEAST = 0.1, 0.5  # of a correlation: what chance does not do
ENDS = (0.01, 0.99)  # quantiles of the training windows
MOST_OUTSIDE = 0.1  # share of test windows outside of them


def misplaced(spectra, haadf):
    """Find out whether the dark-field image fits the spectra better when it is moved or turned.

    Compared are the image and the counts of every pixel, which both follow the thickness, by the
    size of their correlation.

    Parameters
    ----------
    spectra : xarray.DataArray ("y", "x", "energy")
        Counts.
    haadf : array (y, x)

    Returns
    -------
    correlation : float
        As it lies.
    sentence : str
        What would fit better; empty where nothing does.
    """
    counts, image = _counts(spectra), np.asarray(haadf, float)
    found = {"": _alike(counts, image)}
    for name, turn in TURNS.items():
        if turn(image).shape == image.shape:
            found[name] = _alike(counts, turn(image))
    reach = range(-FARTHEST_PX, FARTHEST_PX + 1)
    for down in reach:
        for right in reach:
            if down or right:
                parts = _shifted(counts, down, right), _shifted(image, -down, -right)
                found[f"moved by {right} pixels in x and {down} in y"] = _alike(*parts)
    best = max(found, key=lambda name: found[name])
    if found[best] < max(found[""] + BETTER, LEAST):
        return found[""], ""
    return found[""], (
        f"The dark-field image fits the spectrum image better when it is {best} (correlation"
        f" {found[best]:.2f} in place of {found['']:.2f}): is it of the same scan, and stored the"
        " same way round?"
    )


def compare_parts(division, correlation, sentence):
    """Compare test windows with those to learn from, and say whether the image fits.

    Parameters
    ----------
    division : helpers.plasmons.one_field.Division
    correlation, sentence
        From `misplaced`.

    Returns
    -------
    pandas.DataFrame
        ``property``, ``value`` (median of the test windows), ``low`` and ``high`` (quantiles
        `ENDS` of the training windows), ``verdict`` ("ok" or "unlike"), ``reason``.
    """
    pairs = division.pairs
    properties = {
        "brightness of windows": pairs.images.mean((1, 2)),
        "contrast in windows": pairs.images.std((1, 2)),
        "summed loss": pairs.spectra.sum(1),
    }
    rows = []
    for name, values in properties.items():
        low, high = np.quantile(values[division.train], ENDS)
        test = values[division.test]
        outside = ((test < low) | (test > high)).mean()
        reason = f"{outside:.0%} of the test windows lie outside the range of those to learn from"
        reason = reason if outside > MOST_OUTSIDE else ""
        rows.append((name, np.median(test), low, high, "unlike" if reason else "ok", reason))
    about = (sentence and "unlike") or "ok"
    rows.append(("image and counts, correlation", correlation, np.nan, np.nan, about, sentence))
    return pd.DataFrame(rows, columns=["property", "value", "low", "high", "verdict", "reason"])


def _counts(spectra):
    """Counts of every pixel: those of the zero-loss peak where it was recorded, else all."""
    energy = spectra.energy.to_numpy()
    width = max(0.05, 3 * (energy[1] - energy[0]))
    near = np.abs(energy) <= width if energy[0] < 0 < energy[-1] else slice(None)
    return spectra.to_numpy()[..., near].sum(-1, dtype=float)


def _alike(a, b):
    if a.std() == 0 or b.std() == 0:
        return 0.0
    return abs(float(np.corrcoef(a.ravel(), b.ravel())[0, 1]))


def _shifted(image, down, right):
    """The part of an image that is left when it is moved."""
    rows = slice(max(down, 0), image.shape[0] + min(down, 0))
    return image[rows, max(right, 0) : image.shape[1] + min(right, 0)]
