"""Figures on multimers: what is drawn."""

import numpy as np
import pandas as pd
import pytest

from helpers.atoms import multimer_plots
from helpers.atoms.multimers import PUBLISHED, fit_mixture, weighted_pixels


@pytest.fixture
def region():
    y, x = np.mgrid[:12, :26]
    return np.exp(-((x - 6) ** 2 + (y - 6) ** 2) / 8) + np.exp(-((x - 19) ** 2 + (y - 5) ** 2) / 8)


def test_the_best_mixture_is_marked(region):
    weighted = weighted_pixels(region, PUBLISHED)
    fits = [fit_mixture(*weighted, k) for k in (1, 2, 3)]
    scores = [PUBLISHED.score(fit) for fit in fits]
    fig = multimer_plots.mixtures(region, fits, scores, np.array([[6, 6], [19, 5]]))
    titles = [ax.get_title() for ax in fig.axes]
    assert [("best" in title) for title in titles[:3]] == [k == np.argmax(scores) for k in range(3)]
    assert [len(ax.patches) for ax in fig.axes] == [1, 2, 3, 0]
    assert not fig.axes[3].axison


def test_one_panel_per_shape_and_one_line_per_method():
    rows = [
        {"method": m, "shape": s, "bond_a": b, "n": 10, "resolved": share}
        for m in ("a", "b") for s in ("tetramer", "dimer", "trimer") for b in (2.0, 3.0)
        for share in (0.3, 0.7)
    ]  # fmt: skip
    fig = multimer_plots.against_bond(pd.DataFrame(rows), ["a", "b"], "resolved", "share resolved")
    assert [ax.get_title() for ax in fig.axes] == ["dimer", "trimer", "tetramer", ""]
    assert [len(ax.lines) for ax in fig.axes[:3]] == [2, 2, 2]
    assert fig.axes[0].get_ylabel() == "share resolved"
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["a", "b"]
    line, band = fig.axes[0].lines[0], fig.axes[0].collections[0]
    np.testing.assert_allclose(line.get_xydata(), [[2, 0.5], [3, 0.5]])
    ends = [band.get_paths()[0].vertices[:, 1].min(), band.get_paths()[0].vertices[:, 1].max()]
    np.testing.assert_allclose(ends, [0.2993, 0.7007], atol=1e-3)  # Wilson, 10 of 20
