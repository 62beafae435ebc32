"""Isolation criterion: up to which density are (nearly) all atoms alone?

Rossi et al. 2024 speak of isolated atoms below 1 atom nm^-2.  Here: the density at which 5 % of the
atoms have a neighbour within 2.2 Angstrom, from measured or simulated images, or by chance alone.
"""

import numpy as np
import pandas as pd
from sklearn.isotonic import IsotonicRegression

from helpers.atoms.aggregates import CUTOFF_NM, aggregate
from helpers.atoms.density import Estimate
from helpers.atoms.preprocess import NETWORK_PIXEL_NM
from helpers.data import ROOT, DataError

LIMIT = 0.05
CH01 = ROOT / "data" / "ch01"
# Rows of data/ch02/isolation.csv that the chapter shows: label and colour
SHOWN = {
    ("random", "", "closed form"): ("random, closed form", "black"),
    ("random", "Pt", "true"): ("random Pt, true positions", "black"),
    ("random", "Pt", "dense"): ("random Pt, default detector", "blue"),
    ("random", "Pt", "dense, corrected"): ("random Pt, corrected", "vermilion"),
    ("random", "Pt", "published"): ("random Pt, published detector", "orange"),
    ("repulsive", "Pt", "true"): ("repulsive Pt, true positions", "green"),
}
MEASURED = ("measured Pt (chapter 1), as detected", "purple")


def random_isolation(limit=LIMIT, cutoff_nm=CUTOFF_NM):
    """Density at which a random arrangement has this share in multimers, atoms per nm^2."""
    _check_limit(limit)
    return float(-np.log1p(-limit) / (np.pi * cutoff_nm**2))


def isolation_density(table, rng, limit=LIMIT, runs=999, confidence=0.95):
    """Density at which the share of atoms in multimers reaches a limit.

    Shares of images of about one density are averaged, made to rise with density (isotonic
    regression) and to start at 0 without atoms, and interpolated linearly.  The interval is by
    bootstrap over the images of each density.

    Parameters
    ----------
    table : DataFrame
        One row per image: ``density_nm2`` and ``share_multimers``; ``group`` holds together the
        images of about one density. Rows with a missing value are left out.
    rng : numpy.random.Generator
    limit : float
        Share, between 0 and 1.
    runs : int
        Bootstrap samples.
    confidence : float

    Returns
    -------
    Estimate
        Atoms per nm^2; infinite where the limit is not reached up to the highest density.
    """
    _check_limit(limit)
    missing = {"density_nm2", "share_multimers", "group"} - set(table.columns)
    if missing:
        raise DataError(f"the table of images lacks the columns {', '.join(sorted(missing))}")
    table = table.dropna(subset=["density_nm2", "share_multimers"])
    groups = [g[["density_nm2", "share_multimers"]].to_numpy() for _, g in table.groupby("group")]
    if not groups:
        raise DataError("no image has both a density and a share of atoms in multimers")
    value = _crossing(np.array([g.mean(0) for g in groups]), limit)
    samples = [
        _crossing(np.array([g[rng.integers(len(g), size=len(g))].mean(0) for g in groups]), limit)
        for _ in range(runs)
    ]
    tail = (1 - confidence) / 2
    # no interpolation between quantiles: some samples may be infinite
    low, high = np.quantile(samples, [tail, 1 - tail], method="nearest")
    return Estimate(value, float(low), float(high))


def measured_images():
    """Density and share in multimers of the measured images, by the detector of chapter 1.

    Returns
    -------
    DataFrame
        For `isolation_density`: ``group`` (the image), ``density_nm2``, ``share_multimers``.
    """
    density = pd.read_csv(CH01 / "statistics.csv", dtype={"image": str})
    density = density[density["source"] == "ensemble"].set_index("image")["density_nm2"]
    points = pd.read_csv(CH01 / "thickness.csv", dtype={"image": str})
    points = points[(points["source"] == "ensemble") & (points["kind"] != "fn")]
    rows = []
    for image, found in points.groupby("image"):
        atoms = aggregate(found[["x_px", "y_px"]].to_numpy() * NETWORK_PIXEL_NM)
        rows.append((image, density[image], (atoms["nuclearity"] > 1).mean()))
    return pd.DataFrame(rows, columns=["group", "density_nm2", "share_multimers"])


def criterion_table(simulated):
    """Where five per cent of the atoms touch: by chance, in simulated and in measured images.

    Parameters
    ----------
    simulated : DataFrame
        ``data/ch02/isolation.csv``.

    Returns
    -------
    DataFrame
        ``label``, ``colour``, ``density_nm2``, ``low``, ``high``, ``highest_nm2``, ``images``; the
        measured images come last.
    """
    rows = simulated.fillna({"metal": ""}).set_index(["arrangement", "metal", "source"])
    rows = rows.loc[list(SHOWN)].reset_index(drop=True)
    rows[["label", "colour"]] = list(SHOWN.values())
    images = measured_images()
    found = isolation_density(images, np.random.default_rng(0))
    last = {
        "density_nm2": found.value, "low": found.low, "high": found.high,
        "highest_nm2": images["density_nm2"].max(), "images": len(images),
        "label": MEASURED[0], "colour": MEASURED[1],
    }  # fmt: skip
    return pd.concat([rows, pd.DataFrame([last])], ignore_index=True)


def in_words(criterion):
    """Table of `criterion_table` for readers; an infinite density is "not reached"."""

    def text(value):
        return "–" if np.isnan(value) else "not reached" if np.isinf(value) else f"{value:.2f}"

    return pd.DataFrame({
        "arrangement and positions": criterion["label"],
        "5 % at (atoms per nm²)": criterion["density_nm2"].map(text),
        "95 % interval from": criterion["low"].map(text),
        "to": criterion["high"].map(text),
        "densest image (atoms per nm²)": criterion["highest_nm2"].map(text),
        "images": criterion["images"].map(lambda n: "–" if np.isnan(n) else f"{n:.0f}"),
    })  # fmt: skip


def _check_limit(limit):
    if not 0 < limit < 1:
        raise DataError(f"the limit is {limit}; it is a share of atoms, between 0 and 1")


def _crossing(points, limit):
    density, share = np.array(sorted(points.tolist())).T
    rising = IsotonicRegression().fit_transform(density, share)
    density, share = np.append(0, density), np.append(0, rising)
    above = np.flatnonzero(share >= limit)
    if len(above) == 0:
        return np.inf
    k = above[0]
    part = (limit - share[k - 1]) / (share[k] - share[k - 1])
    return float(density[k - 1] + part * (density[k] - density[k - 1]))
