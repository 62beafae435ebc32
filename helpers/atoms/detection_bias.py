"""What detection does to the arrangement of atoms: apparent against true statistics.

A detector that merges close atoms, or misses the dimmer of two, thins out short distances: a random
arrangement then looks repulsive. Simulated images, in which every atom is known, say by how much;
``data/ch02/make_bias.py`` takes random, attractive and repulsive arrangements through the whole
detector. Nobody has published such a test.

Positions are arrays of shape (N, 2), columns x and y, in nm.
"""

import json

import numpy as np
import pandas as pd

from helpers.atoms.aggregates import CUTOFF_NM, aggregate
from helpers.atoms.neighbours import (
    border_distance,
    corrected_mean_distance,
    nearest_neighbours,
    random_mean_distance,
)
from helpers.data import ROOT, DataError

DATA = ROOT / "data" / "ch02"
BORROWED = {"Rh": "Pt", "Pd": "Pt"}  # imaged at one voltage: the correction of Pt is used
QUANTITIES = ("density_nm2", "mean_distance_nm", "share_multimers")


def statistics(positions, mask, pixel_size_nm):
    """Density, mean nearest-neighbour distance and share of atoms in multimers of one image.

    Parameters
    ----------
    positions : ndarray (N, 2)
        On the mask.
    mask : ndarray of bool, shape (H, W)
    pixel_size_nm : float

    Returns
    -------
    dict
        `QUANTITIES` (the mean distance edge-corrected; the share within `CUTOFF_NM`, of the atoms
        farther than that from the edge), and ``ratio_to_random``: the mean distance over that of a
        random arrangement of the same density, above 1 for what looks like repulsion. NaN where
        there are too few atoms.
    """
    positions = np.asarray(positions, float).reshape(-1, 2)
    density = len(positions) / (np.count_nonzero(mask) * pixel_size_nm**2)
    row = {"density_nm2": density, "mean_distance_nm": np.nan, "share_multimers": np.nan}
    if len(positions) >= 2:
        distances = nearest_neighbours(positions)
        borders = border_distance(positions, mask, pixel_size_nm)
        whole = borders >= CUTOFF_NM
        if (distances <= borders).any():
            row["mean_distance_nm"] = corrected_mean_distance(distances, borders)
        if whole.any():
            row["share_multimers"] = float(np.mean(distances[whole] <= CUTOFF_NM))
    expected = random_mean_distance(density) if density else np.nan
    return row | {"ratio_to_random": row["mean_distance_nm"] / expected}


def _features(table):
    """What a correction is a sum of.

    How many atoms are lost depends on how many are close: on the density, and on how far the
    arrangement is from a random one. Density alone would correct random arrangements and spoil
    repulsive ones, which need no correction. The terms were chosen by leaving out one validation
    image at a time.
    """
    density, ratio = (np.asarray(table[c], float) for c in ("density_nm2", "ratio_to_random"))
    return np.column_stack(
        [np.ones_like(density), density, density * ratio, density**2, density**2 * ratio]
    )


def fit_correction(apparent, true):
    """Calibrate apparent statistics with simulated images.

    Density and mean distance are multiplied by the exponential of a sum of terms in the apparent
    density and in the apparent ratio to a random arrangement; to the share in multimers the sum is
    added, because it may be 0.

    Parameters
    ----------
    apparent, true : DataFrame
        `QUANTITIES`, and ``ratio_to_random`` of the apparent ones; one row per image, same order.

    Returns
    -------
    dict
        Five coefficients per quantity, and ``valid_nm2``: the range of apparent densities in
        which they were fitted.
    """
    terms, fitted = _features(apparent), {}
    for name in QUANTITIES:
        before, after = (np.asarray(t[name], float) for t in (apparent, true))
        known = np.isfinite(before) & np.isfinite(after) & np.isfinite(terms).all(axis=1)
        if name == "share_multimers":
            wanted = after - before
        else:
            known &= (before > 0) & (after > 0)
            wanted = np.log(np.where(known, after, 1) / np.where(known, before, 1))
        fitted[name] = np.linalg.lstsq(terms[known], wanted[known])[0].tolist()
    density = np.asarray(apparent["density_nm2"], float)
    return fitted | {"valid_nm2": [float(density.min()), float(density.max())]}


def correct(apparent, correction):
    """Apply `fit_correction` to apparent statistics.

    Parameters
    ----------
    apparent : DataFrame
        `QUANTITIES` and ``ratio_to_random``.
    correction : dict
        From `fit_correction` or `load_correction`.

    Returns
    -------
    DataFrame
        Corrected `QUANTITIES`; NaN outside the densities in which the correction was fitted.
    """
    density = np.asarray(apparent["density_nm2"], float)
    low, high = correction["valid_nm2"]
    terms = _features(apparent)
    terms[(density < low) | (density > high)] = np.nan
    out = pd.DataFrame(index=getattr(apparent, "index", None))
    for name in QUANTITIES:
        term = terms @ np.asarray(correction[name])
        value = np.asarray(apparent[name], float)
        if name == "share_multimers":
            out[name] = np.clip(value + term, 0, 1)
        else:
            out[name] = value * np.exp(term)
    return out


def load_correction(method, metal):
    """The shipped correction of a detector for a metal ("Ni", "Pt", and `BORROWED` ones).

    Detectors: "dense", the default; "published", the SAC-CNN with the published mixtures at 0.8;
    "validated", the same network read by maxima of the image, above its validated threshold.

    Raises
    ------
    helpers.data.DataError
        There is none for this method and metal.
    """
    known = json.loads((DATA / "bias_correction.json").read_text())["corrections"]
    if method not in known or metal not in known[method]:
        have = ", ".join(f"{m} of {e}" for m in known for e in known[m])
        raise DataError(f"no correction for {method} of {metal}: there is one for {have}")
    return known[method][metal]


def correction_errors(arrangement="random"):
    """How far detected and corrected statistics are from the truth on the test images.

    Parameters
    ----------
    arrangement : str
        "random", "attractive", "repulsive" or "all".

    Returns
    -------
    DataFrame
        ``method``, ``metal`` and the root mean square error of each of `QUANTITIES`, with
        ``_apparent`` as detected and with ``_corrected``. Metals without such images are left out.
    """
    known = json.loads((DATA / "bias_correction.json").read_text())["corrections"]
    rows = []
    for method, metal in ((m, metal) for m, metals in known.items() for metal in metals):
        errors = known[method][metal]["test_errors"]
        row = {"method": method, "metal": metal}
        for name, what in ((n, w) for n in QUANTITIES for w in ("apparent", "corrected")):
            row[f"{name}_{what}"] = errors[name].get(arrangement, {}).get(f"rms_{what}")
        rows.append(row)
    return pd.DataFrame(rows).dropna(ignore_index=True)


def side_by_side(bias, arrangement="random"):
    """Shares in multimers and densities of one arrangement, detectors beside each other.

    Parameters
    ----------
    bias : DataFrame
        ``data/ch02/bias.csv``.
    arrangement : str
        Rows to take.

    Returns
    -------
    DataFrame
        ``metal`` (Pt and Ni, which have corrections of their own, first), ``asked`` (atoms per nm²)
        and a column per quantity and source.
    """
    of = bias[bias["arrangement"] == arrangement].drop(columns="arrangement")
    of = of.pivot_table(index=["metal", "asked_nm2"], columns="method")
    detectors = ("published", "validated", "dense")
    columns = {"share, true": of["true_share_multimers"]["dense"]}
    columns |= {f"share, {m}": of["apparent_share_multimers"][m] for m in detectors}
    columns |= {"share, dense corrected": of["corrected_share_multimers"]["dense"]}
    columns |= {f"found, {m}": of["apparent_density_nm2"][m] for m in detectors}
    table = pd.DataFrame(columns).reindex(["Pt", "Ni", "Pd", "Rh"], level="metal")
    return table.rename_axis(["metal", "asked"]).reset_index()


def load_positions():
    """True and detected positions of the simulated test images of Ni and Pt of the study.

    Returns
    -------
    list of dict
        ``metal``, ``arrangement``, ``density_nm2`` (asked for), ``seed`` and, per source ("true",
        "published", "validated", "dense"), an array (N, 2) in nm. Images are 256 x 256 px of
        15/512 nm, and the specimen covers them.
    """
    with np.load(DATA / "bias_positions.npz") as stored:
        sources = [name.removesuffix("_xy") for name in stored if name.endswith("_xy")]
        images = [
            {"metal": str(m), "arrangement": str(a), "density_nm2": float(d), "seed": int(s)}
            for m, a, d, s in zip(*(stored[k] for k in ("metal", "arrangement", "density", "seed")))
        ]
        for source in sources:
            xy = stored[f"{source}_xy"] / 16 * (15 / 512)
            parts = np.split(xy, np.cumsum(stored[f"{source}_n"])[:-1])
            for image, part in zip(images, parts, strict=True):
                image[source] = part
    return images


def nuclearity_shares(metal="Pt", arrangement="random", largest=5):
    """
    Share of atoms by the size of their multimer, as there and as detected (Fig. 3c of Rossi 2024).

    Parameters
    ----------
    metal, arrangement : str
        Of the simulated test images.
    largest : int
        Multimers of this many atoms or more count as one kind.

    Returns
    -------
    DataFrame
        A row per ``source``, ``density_nm2`` (asked for) and ``nuclearity`` (1 to `largest`) with
        ``share``, of all atoms of that source in the images of one density.
    """
    images = pd.DataFrame(load_positions())
    images = images[(images["metal"] == metal) & (images["arrangement"] == arrangement)]
    rows = []
    for density, same in images.groupby("density_nm2"):
        for source in ("true", "published", "validated", "dense"):
            sizes = np.concatenate([aggregate(xy)["nuclearity"] for xy in same[source]])
            counts = np.bincount(np.minimum(sizes, largest), minlength=largest + 1)[1:]
            for size, count in enumerate(counts, 1):
                rows.append((source, density, size, count / max(len(sizes), 1)))
    return pd.DataFrame(rows, columns=["source", "density_nm2", "nuclearity", "share"])
