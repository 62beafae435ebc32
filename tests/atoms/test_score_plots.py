import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from helpers.atoms import score_plots
from helpers.atoms.evaluate import bootstrap_interval


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_one_loss_curve_per_seed_and_one_name_per_method():
    history = pd.DataFrame(
        [(m, s, e, 1 / (e + 1 + s)) for m in ("a", "b", "c") for s in (0, 1) for e in range(3)],
        columns=["method", "seed", "epoch", "validation_loss"],
    )
    ax = score_plots.training_loss(history, {"a": 0.3, "b": 0.5}).axes[0]
    curves = [line for line in ax.lines if len(line.get_xdata()) == 3]
    assert len(curves) == 4  # "c" was not asked for
    np.testing.assert_allclose(curves[1].get_xydata(), [[1, 1 / 2], [2, 1 / 3], [3, 1 / 4]])
    levels = [line.get_ydata()[0] for line in ax.lines if line.get_linestyle() == "--"]
    assert levels == [0.3, 0.5]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]


def test_threshold_curves_show_means_bands_and_the_choice():
    curve = pd.DataFrame({"threshold": [0.1, 0.5, 0.9]})
    for i, metric in enumerate(("precision", "recall", "f1")):
        curve[metric], curve[f"{metric}_sd"] = 0.2 * (i + 1), 0.1
    chosen = {"one": (0.5, "--"), "two": (0.9, ":")}
    fig = score_plots.threshold_curves({"one": curve, "two": curve}, chosen, "measured")
    for ax, (threshold, style) in zip(fig.axes, chosen.values()):
        *metrics, mark = ax.lines
        assert [line.get_label() for line in metrics] == ["precision", "recall", "F1"]
        assert [line.get_ydata()[0] for line in metrics] == pytest.approx([0.2, 0.4, 0.6])
        assert (mark.get_xdata()[0], mark.get_linestyle()) == (threshold, style)
        bands = [c.get_paths()[0].vertices[:, 1] for c in ax.collections]
        assert [(b.min(), b.max()) for b in bands] == [
            pytest.approx(pair) for pair in ((0.1, 0.3), (0.3, 0.5), (0.5, 0.7))
        ]
        assert "measured" in ax.get_title(loc="left") + ax.get_title()
    assert fig.axes[0].get_ylabel() and fig.axes[0].get_ylim() == (0, 1)
    # no curve or mark runs through the legend: it stands outside the panels
    assert not any(ax.get_legend() for ax in fig.axes)
    (legend,) = fig.legends
    assert [text.get_text() for text in legend.get_texts()] == ["precision", "recall", "F1"]


def test_methods_are_ordered_and_seeds_averaged():
    rows = [("good", i, s, 0.7 + 0.01 * i + 0.1 * s) for i in range(4) for s in (0, 1)]
    rows += [("bad", i, 0, 0.3 + 0.01 * i) for i in range(4)]
    scores = pd.DataFrame(rows, columns=["method", "image", "seed", "f1"])
    ax = score_plots.scores_by_method(scores, seed=3).axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["bad", "good"]
    images, interval, mean = ax.lines[3:6]
    np.testing.assert_allclose(images.get_xdata(), [0.75, 0.76, 0.77, 0.78])
    assert mean.get_xydata().tolist() == [[pytest.approx(0.765), 1]]
    assert ((images.get_ydata() > 1) & (images.get_ydata() < 1.5)).all()  # beside their interval
    assert tuple(interval.get_xdata()) == bootstrap_interval([0.75, 0.76, 0.77, 0.78], seed=3)


def test_reliability_has_intervals_and_the_papers_rule():
    diagram = pd.DataFrame(
        {"probability": [0.2, 0.8], "fraction": [0.3, 0.7], "low": [0.1, 0.6], "high": [0.4, 0.9]}
    )
    tolerance = pd.Series([0.5, 0.6], index=[0.1, 0.2])
    left, right = score_plots.reliability(diagram, tolerance, 0.55).axes
    points = left.containers[0]
    np.testing.assert_allclose(points[0].get_xydata(), [[0.2, 0.3], [0.8, 0.7]])
    bars = [segment[:, 1] for segment in points[2][0].get_segments()]
    np.testing.assert_allclose(bars, [[0.1, 0.4], [0.6, 0.9]])
    curve, rule = right.lines
    np.testing.assert_allclose(curve.get_xydata(), [[0.1, 0.5], [0.2, 0.6]])
    assert rule.get_ydata()[0] == 0.55 and "nm" in right.get_xlabel()
    assert left.get_ylim()[1] > 1  # the mark of a share of one is whole


def test_simulated_tests_have_one_line_per_detector():
    binned = pd.DataFrame(
        {"detector": ["log", "log", "ensemble"], "recall": [0.9, 0.5, 0.8], "low": 0.1, "high": 1.0}
    )
    height = binned.assign(height_nm_from=[0, 2, 0], height_nm_to=[2, 4, 2])
    contrast = binned.assign(contrast_from=[0, 1, 0], contrast_to=[1, 2, 1])
    dose = pd.DataFrame(
        {"detector": ["log", "log"], "relative_dose": [1, 2], "f1": [0.4, 0.6], "f1_sd": 0.1}
    )
    fig = score_plots.recall_and_dose(height, contrast, dose)
    first, second, third, corner = fig.axes
    np.testing.assert_allclose(first.lines[1].get_xydata(), [[1, 0.9], [3, 0.5]])
    np.testing.assert_allclose(second.lines[0].get_xydata(), [[0.5, 0.8]])
    np.testing.assert_allclose(third.containers[0][0].get_xydata(), [[1, 0.4], [2, 0.6]])
    names = [text.get_text() for text in corner.get_legend().get_texts()]
    assert names == ["ensemble", "log"]
    assert first.lines[0].get_color() != first.lines[1].get_color()
    assert first.lines[0].get_marker() != first.lines[1].get_marker()
    assert first.get_ylabel() == "recall" and third.get_ylabel() == "F1"


def test_every_detector_has_a_colour_and_a_marker_of_its_own():
    looks = list(score_plots.DETECTORS.values())
    assert len({colour for colour, _ in looks}) == len({m for _, m in looks}) == len(looks)
