"""Score detected atoms against labelled ones.

Pairs of labels and detections come from `helpers.atoms.matching`; all positions are pixels with x
the column and y the row.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy.stats import norm

from helpers.atoms.matching import match

METRICS = ["precision", "recall", "f1"]


def score(labels: pd.DataFrame, detections: pd.DataFrame, **rule) -> dict:
    """
    Precision, recall and F1 of one image, with the counts behind them.

    A ratio whose denominator is zero is 0 (as in the published code), except that an image with
    neither labels nor detections has no score at all: NaN. ``rule`` goes to `match`.
    """
    found, n_labels, n_detections = (
        len(match(labels, detections, **rule)),
        len(labels),
        len(detections),
    )
    counts = {"tp": found, "fp": n_detections - found, "fn": n_labels - found}
    if n_labels + n_detections == 0:
        return {"precision": np.nan, "recall": np.nan, "f1": np.nan, **counts}
    return {
        "precision": found / n_detections if n_detections else 0.0,
        "recall": found / n_labels if n_labels else 0.0,
        "f1": 2 * found / (n_labels + n_detections),
        **counts,
    }


def score_images(pairs: Sequence[tuple[pd.DataFrame, pd.DataFrame]], **rule) -> pd.DataFrame:
    """Score a list of (labels, detections), one row per image; ``rule`` goes to `match`."""
    columns = [*METRICS, "tp", "fp", "fn"]
    return pd.DataFrame([score(a, b, **rule) for a, b in pairs], columns=columns)


def _above(candidates, threshold: float) -> pd.DataFrame:
    if callable(candidates):
        return candidates(threshold)
    return candidates[candidates["probability"] > threshold]


def threshold_curve(
    labels: Sequence[pd.DataFrame],
    candidates: Sequence[pd.DataFrame | Callable[[float], pd.DataFrame]],
    thresholds: Sequence[float],
    **rule,
) -> pd.DataFrame:
    """
    Mean and sample SD over images of every metric, as a function of the detection threshold.

    Parameters
    ----------
    labels : list of DataFrame
        One table per image.
    candidates : list of DataFrame or callable
        Per image, either a table with a ``probability`` column, of which the rows above the
        threshold are scored, or a function of the threshold that returns the detections. Connected
        components merge and split as the threshold moves, so they need the function.
    thresholds : sequence of float
    rule
        Passed to `match`.

    Returns
    -------
    DataFrame
        ``threshold``, then ``precision``, ``recall``, ``f1`` (means over images) and ``*_sd``
        (ddof=1; NaN for a single image).
    """
    rows = []
    for threshold in thresholds:
        kept = [_above(c, threshold) for c in candidates]
        table = score_images(list(zip(labels, kept, strict=True)), **rule)[METRICS]
        rows.append({"threshold": threshold, **table.mean(), **table.std().add_suffix("_sd")})
    return pd.DataFrame(rows)


def choose_threshold(curve: pd.DataFrame, metric: str = "f1") -> float:
    """
    Threshold with the best mean metric; the middle one when several are equally good.

    Give it a curve of training images: a threshold chosen on the images that are then scored
    flatters the method.
    """
    best = curve.loc[np.isclose(curve[metric], curve[metric].max(), rtol=0, atol=1e-9), "threshold"]
    return float(best.iloc[len(best) // 2])


def bootstrap_interval(
    values: Sequence[float], seed: int = 0, level: float = 0.95, draws: int = 10_000
) -> tuple[float, float]:
    """Percentile bootstrap interval of a mean, resampling its values (images) with replacement."""
    values = np.asarray(values, float)
    picks = np.random.default_rng(seed).integers(0, len(values), (draws, len(values)))
    low, high = np.quantile(values[picks].mean(axis=1), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def is_atom(labels: pd.DataFrame, detections: pd.DataFrame, **rule) -> np.ndarray:
    """Tell for every detection whether it is paired with a label (bool array)."""
    hit = np.zeros(len(detections), bool)
    hit[match(labels, detections, **rule)["detection"]] = True
    return hit


def cases(labels: pd.DataFrame, detections: pd.DataFrame, **rule) -> pd.DataFrame:
    """
    Sort labels and detections into what was found, missed and invented.

    Returns
    -------
    DataFrame
        ``x_px``, ``y_px`` and ``case``: "found" (a label with a detection), "missed" (a label
        without) or "invented" (a detection without a label). ``rule`` goes to `match`.
    """
    pairs = match(labels, detections, **rule)
    seen = np.isin(np.arange(len(labels)), pairs["label"])
    extra = ~np.isin(np.arange(len(detections)), pairs["detection"])
    tables = [
        labels.assign(case=np.where(seen, "found", "missed")),
        detections[extra].assign(case="invented"),
    ]
    return pd.concat(tables, ignore_index=True)[["x_px", "y_px", "case"]]


def summarise(scores: pd.DataFrame, by: Sequence[str], seed: int = 0) -> pd.DataFrame:
    """
    Summarise scores of several images and seeds, one row per group.

    Parameters
    ----------
    scores : DataFrame
        ``image``, ``seed``, ``threshold``, ``precision``, ``recall``, ``f1``.
    by : list of str
        Columns that make the groups.
    seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        Means over images, the sample SD over images and the bootstrap interval of the mean F1
        (every image first averaged over its seeds), the SD of the mean F1 over seeds (NaN for one
        seed), number of seeds and mean threshold. Best F1 first within the first column of ``by``.
    """
    rows = {}
    for group, part in scores.groupby(list(by)):
        image = part.groupby("image")[METRICS].mean()
        seeds = part.groupby("seed")["f1"].mean()
        low, high = bootstrap_interval(image["f1"], seed)
        rows[group] = {
            **image.mean(), "f1_sd_images": image["f1"].std(), "f1_low": low, "f1_high": high,
            "f1_sd_seeds": seeds.std(), "seeds": len(seeds), "threshold": part["threshold"].mean(),
        }  # fmt: skip
    table = pd.DataFrame(rows).T.rename_axis(list(by))
    return table.sort_values([by[0], "f1"], ascending=False).astype({"seeds": int})


def reliability(probability: Sequence[float], is_atom: Sequence[bool], bins: int = 10):
    """
    Compare stated probabilities with the share of detections that are atoms.

    Parameters
    ----------
    probability : array of float
        In [0, 1], one per detection.
    is_atom : array of bool
        From `is_atom`.
    bins : int
        Equal bins over [0, 1]; empty ones are left out.

    Returns
    -------
    DataFrame
        Per bin: ``probability`` (mean stated), ``fraction`` (atoms among them), ``low`` and
        ``high`` (95 % Wilson interval of the fraction) and ``count``.
    """
    probability, hit = np.asarray(probability, float), np.asarray(is_atom, float)
    which = np.clip((probability * bins).astype(int), 0, bins - 1)
    table = pd.DataFrame({"bin": which, "probability": probability, "fraction": hit})
    out = table.groupby("bin").mean()
    n = out["count"] = table.groupby("bin").size()
    z, p = norm.ppf(0.975), out["fraction"]
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return out.assign(low=centre - half, high=centre + half).reset_index(drop=True)


def localisation_error(pairs: pd.DataFrame) -> dict:
    """
    Position errors of matched pairs, in px.

    ``bias_x``/``bias_y`` are mean differences (detection minus label), ``sd_x``/``sd_y`` their
    sample SDs, ``rms`` the root mean square distance, ``median`` the median distance, ``n`` pairs.
    """
    dx, dy = pairs["dx_px"], pairs["dy_px"]
    distance = np.hypot(dx, dy)
    return {
        "bias_x": dx.mean(),
        "bias_y": dy.mean(),
        "sd_x": dx.std(),
        "sd_y": dy.std(),
        "rms": np.sqrt((distance**2).mean()),
        "median": distance.median(),
        "n": len(pairs),
    }


def froc(
    labels: Sequence[pd.DataFrame],
    candidates: Sequence[pd.DataFrame],
    areas_nm2: Sequence[float],
    thresholds: Sequence[float],
    **rule,
) -> pd.DataFrame:
    """Free-response curve, pooled: recall against false detections per nm^2, per threshold."""
    rows = []
    for threshold in thresholds:
        kept = [_above(c, threshold) for c in candidates]
        total = score_images(list(zip(labels, kept, strict=True)), **rule)[["tp", "fp", "fn"]].sum()
        rows.append(
            {
                "threshold": threshold,
                "recall": total["tp"] / (total["tp"] + total["fn"]),
                "false_per_nm2": total["fp"] / sum(areas_nm2),
            }
        )
    return pd.DataFrame(rows)
