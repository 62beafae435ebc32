"""Micrograph with detected atoms and a likelihood threshold to slide, alive without a kernel."""

import anywidget
import numpy as np
import pandas as pd
import traitlets

from helpers.widgets.shared import need, png, script, style

_SCORES = ["precision", "recall", "f1"]


class ThresholdExplorer(anywidget.AnyWidget):
    """
    Show which detections survive a likelihood threshold, and how well they score.

    A detection is shown when its likelihood is above the threshold, the rule of
    `helpers.atoms.evaluate.threshold_curve`. The matching to labels is worked out here, for every
    threshold of the curve, so that the page needs no kernel.

    Parameters
    ----------
    image : array (H, W)
        Picture in [0, 1]; values outside are clipped.
    detections : DataFrame
        Columns ``x_px`` (column), ``y_px`` (row) and ``probability`` (the likelihood of an atom).
    labels : DataFrame or None
        Labelled atoms, ``x_px`` and ``y_px``. None: no scores, only counts and density.
    curve : DataFrame
        Column ``threshold``, increasing, and with labels ``precision``, ``recall`` and ``f1`` of
        this image at those thresholds.
    threshold : float
        Where the slider starts (the nearest threshold of the curve).
    pixel_size_nm : float
        Pixel size in nm.
    area_nm2 : float, optional
        Area that the density refers to in nm^2; the whole picture by default.
    match : callable
        With labels: ``match(labels, detections)`` returning one row per pair with the positions
        ``label`` and ``detection``, as `helpers.atoms.evaluate.match` does.

    Raises
    ------
    ValueError
        If the image is not two-dimensional and finite, a column is missing, the curve does not
        belong to these detections and labels, or labels come without ``match``.
    """

    _esm = script("threshold")
    _css = style("threshold")

    threshold = traitlets.Float().tag(sync=True)
    picture = traitlets.Bytes().tag(sync=True)  # PNG
    shape = traitlets.List().tag(sync=True)  # height, width in px
    atoms = traitlets.List().tag(sync=True)  # x, y, probability; the most probable first
    labels = traitlets.List(allow_none=True).tag(sync=True)  # x, y
    rows = traitlets.List().tag(sync=True)  # per threshold: threshold, count, P, R, F1
    matched = traitlets.Bytes().tag(sync=True)  # bits, thresholds x atoms
    found = traitlets.Bytes().tag(sync=True)  # bits, thresholds x labels
    area_nm2 = traitlets.Float().tag(sync=True)

    def __init__(
        self,
        image,
        detections,
        labels,
        curve,
        threshold=0.5,
        *,
        pixel_size_nm,
        area_nm2=None,
        match=None,
    ):
        image = np.asarray(image, float)
        if image.ndim != 2 or not np.isfinite(image).all():
            raise ValueError(f"the image must be a finite array (H, W), got shape {image.shape}")
        need(detections, ["x_px", "y_px", "probability"], "detections")
        need(curve, ["threshold"] + (_SCORES if labels is not None else []), "curve")
        if labels is not None:
            need(labels, ["x_px", "y_px"], "labels")
            if match is None:
                raise ValueError("labels need match=, for example helpers.atoms.evaluate.match")
        atoms = detections.sort_values("probability", ascending=False, kind="stable")
        atoms = atoms[["x_px", "y_px", "probability"]].reset_index(drop=True)
        matched, found = _matching(atoms, labels, curve["threshold"], match)
        scores = curve[["threshold"]].copy()
        scores["count"] = [int((atoms["probability"] > t).sum()) for t in curve["threshold"]]
        if labels is not None:
            scores[_SCORES] = curve[_SCORES].to_numpy()
            _check_curve(scores, matched, len(labels))
        super().__init__(
            threshold=float(threshold),
            picture=png(image),
            shape=list(image.shape),
            atoms=atoms.round({"x_px": 2, "y_px": 2, "probability": 5}).to_numpy().tolist(),
            labels=None if labels is None else _points(labels).round(2).to_numpy().tolist(),
            rows=scores.round(6).to_numpy(float).tolist(),
            matched=np.packbits(matched, axis=1).tobytes(),
            found=np.packbits(found, axis=1).tobytes(),
            area_nm2=float(image.size * pixel_size_nm**2 if area_nm2 is None else area_nm2),
        )


def _points(table):
    return table[["x_px", "y_px"]].astype(float)


def _matching(atoms, labels, thresholds, match):
    """Return which atoms have a label and which labels have an atom, for every threshold."""
    matched = np.zeros((len(thresholds), len(atoms)), bool)
    found = np.zeros((len(thresholds), 0 if labels is None else len(labels)), bool)
    for row, threshold in enumerate(thresholds if labels is not None else []):
        pairs = match(labels, atoms[atoms["probability"] > threshold])
        matched[row, pairs["detection"]] = True
        found[row, pairs["label"]] = True
    return matched, found


def _check_curve(scores, matched, n_labels):
    """Refuse a curve of another image: the page would show numbers that its picture denies."""
    hits = matched.sum(axis=1)
    precision = pd.Series(hits / scores["count"].clip(lower=1).to_numpy())
    recall = pd.Series(hits / max(n_labels, 1))
    for name, ours in (("precision", precision), ("recall", recall)):
        if not np.allclose(scores[name], ours, atol=1e-6):
            raise ValueError(
                f"the curve's {name} is not that of these detections and labels: compute it with "
                "threshold_curve([labels], [detections], thresholds) for this image"
            )
