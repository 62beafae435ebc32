"""Figures on elements: what is drawn."""

import numpy as np
import pandas as pd
import pytest

from helpers.atoms import element_plots


def test_atoms_are_counted_in_the_legend():
    atoms = pd.DataFrame(
        {"x_px": [1, 5, 8], "y_px": [2, 2, 7], "element": ["Ni", "Pd", "Ni"],
         "confidence": [0.5, 0.9, 1.0]}
    )  # fmt: skip
    fig = element_plots.coloured(np.zeros((10, 10)), atoms, 0.03)
    shown = [text.get_text() for text in fig.axes[0].get_legend().get_texts()]
    assert shown == ["Ni (2)", "Pd (1)"]
    assert np.allclose(fig.axes[0].collections[0].get_edgecolors()[:, 3], [0.25, 1.0])


def test_an_element_without_a_colour_of_its_own_is_drawn_too():
    atoms = pd.DataFrame({"x_px": [1], "y_px": [2], "element": ["Ru"], "confidence": [0.8]})
    fig = element_plots.coloured(np.zeros((10, 10)), atoms, 0.03)
    assert fig.axes[0].get_legend().get_texts()[0].get_text() == "Ru (1)"


def test_rows_of_reconstructions():
    crops = np.random.default_rng(0).random((4, 21, 21))
    fig = element_plots.reconstructions(crops, crops * 0.5, crops[:, ::-1])
    assert [ax.get_ylabel() for ax in fig.axes if ax.get_ylabel()] == ["crop", "drawn", "turned"]
    assert np.allclose(fig.axes[4].images[0].get_array(), crops[0] * 0.5)


def test_accuracy_is_the_mean_over_images():
    rows = [
        {"system": system, "positions": places, "method": "fit", "density": d, "image_seed": i,
         "balanced_accuracy": 0.8 + 0.1 * i}
        for places in ("true", "detected") for system in ("NiPd", "NiPdPt")
        for d in (1, 2) for i in (0, 1)
    ]  # fmt: skip
    fig = element_plots.accuracy(pd.DataFrame(rows), "density", "atoms per nm²", ["fit"])
    assert np.allclose(fig.axes[0].containers[0].lines[0].get_ydata(), 0.85)
    titles = [ax.get_title() for ax in fig.axes]
    assert titles[1] == "Ni-Pd-Pt, known places" and titles[2] == "Ni-Pd, detected places"
    chance = [ax.lines[-1].get_ydata()[0] for ax in fig.axes]  # a coin, with two elements
    assert chance == pytest.approx([1 / 2, 1 / 3, 1 / 2, 1 / 3])


def test_rotation_and_reliability_draw_every_model():
    table = pd.DataFrame(
        {"model": ["a", "a", "b", "b"], "rotation_deg": [0, 90, 0, 90],
         "angle_error_deg": [0, 10, 0, 80], "content_share": [0, 0.3, 0, 0.8]}
    )  # fmt: skip
    fig = element_plots.rotation(table)
    assert [len(ax.lines) for ax in fig.axes] == [2, 2]
    trust = pd.DataFrame(
        {"confidence_from": ["raw", "calibrated"], "confidence": [0.9, 0.8], "correct": [0.7, 0.8]}
    )
    fig = element_plots.reliability({"fit": trust})
    assert [line.get_label() for line in fig.axes[0].lines[1:]] == ["raw", "calibrated"]
