"""Elements from brightness: order, the mixture that knows Z-contrast, and doubts."""

import numpy as np
import pandas as pd
import pytest

from helpers.atoms import contrast


def test_elements_come_in_the_order_of_their_atomic_numbers():
    assert contrast.by_atomic_number(["Pt", "Ni", "Pd"]) == ["Ni", "Pd", "Pt"]
    assert [contrast.SYMBOLS.index(e) + 1 for e in ("C", "Fe", "Ni", "Pd", "Pt", "U")] == [
        6, 26, 28, 46, 78, 92,
    ]  # fmt: skip


def test_labels_that_contradict_their_brightness_are_doubted():
    def found(ni, pd_, pt):
        heights = np.repeat([ni, pd_, pt], 5)
        return pd.DataFrame({"element": np.repeat(["Ni", "Pd", "Pt"], 5), "height": heights})

    metals = ["Pt", "Ni", "Pd"]
    assert contrast.doubtful_contrast(found(0.2, 0.4, 0.8), metals) == ""
    text = contrast.doubtful_contrast(found(0.3, 0.6, 0.7), metals)
    assert text.startswith("Atoms labelled Pt are 1.17 times as bright as those labelled Pd")
    assert "Pd are 5.00 times" in contrast.doubtful_contrast(found(0.1, 0.5, 0.9), metals)
    missing = found(0.2, 0.4, 0.8).query("element != 'Ni'")
    assert contrast.doubtful_contrast(missing, metals).startswith("No atom was labelled Ni")


def heights_of(rng, numbers, means, width=0.07):
    """Heights and the number of the element of every atom."""
    truth = np.repeat(np.arange(len(numbers)), numbers)
    return rng.normal(np.array(means)[truth], width), truth


@pytest.mark.parametrize("numbers", [(100, 100, 100), (12, 60, 55), (30, 130, 140)])
def test_a_small_faint_group_and_a_bright_tail_do_not_move_the_clusters(numbers):
    # Ni nearly missed, and pairs of Pt taken for one atom: what a detector leaves
    right = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        heights, truth = heights_of(rng, numbers, (0.17, 0.33, 0.68))
        tail = rng.uniform(0.8, 1.4, numbers[2] // 10)
        membership = contrast.contrast_mixture(np.append(heights, tail), ["Pt", "Ni", "Pd"])
        named = membership.argmax(1)
        assert (named[len(heights) :] == 2).all()
        right.append((named[: len(heights)] == truth).mean())
        np.testing.assert_allclose(membership.sum(1), 1)
    assert min(right) > 0.85


def test_brighter_is_never_lighter():
    heights, _ = heights_of(np.random.default_rng(1), (80, 60), (0.2, 0.42))
    named = contrast.contrast_mixture(heights, ["Ni", "Pd"]).argmax(1)
    assert (np.diff(named[np.argsort(heights)]) >= 0).all()
    assert named[heights.argmin()] == 0 and named[heights.argmax()] == 1


def test_the_unit_of_the_heights_does_not_matter():
    heights, _ = heights_of(np.random.default_rng(2), (80, 60), (0.2, 0.42))
    one = contrast.contrast_mixture(heights, ["Ni", "Pd"])
    np.testing.assert_allclose(
        contrast.contrast_mixture(1000 * heights, ["Ni", "Pd"]), one, atol=1e-3
    )


def test_probabilities_are_frequencies_when_the_model_is_right():
    rng = np.random.default_rng(3)
    heights, truth = heights_of(rng, (1500, 1500), (0.24, 0.24 * (46 / 28) ** 1.4), 0.08)
    heavy = contrast.contrast_mixture(heights, ["Ni", "Pd"])[:, 1]
    for low, high in ((0.1, 0.4), (0.4, 0.6), (0.6, 0.9)):
        some = (heavy > low) & (heavy < high)
        assert truth[some].mean() == pytest.approx(heavy[some].mean(), abs=0.08)
