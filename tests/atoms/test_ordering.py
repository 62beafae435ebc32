import numpy as np
import pytest

from helpers.atoms import ordering, processes
from helpers.data import DataError

BOX = (7.5, 7.5)
PIXEL_NM = 0.03
MASK = np.ones((250, 250), bool)


def mixture(rng, n, strength, model=processes.neutral, share=0.5):
    positions = model(rng, n, BOX) - PIXEL_NM / 2
    nickel = round(share * n)
    counts = {"Ni": nickel, "Pd": n - nickel}
    return positions, processes.ordered_labels(rng, positions, counts, strength)


def rejected(test, runs, seed=0):
    rng = np.random.default_rng(seed)
    return np.mean([test(rng).p <= 0.05 for _ in range(runs)])


def test_directional_distances_equal_all_pairs():
    rng = np.random.default_rng(0)
    positions, labels = mixture(rng, 60, 0, share=0.3)
    apart = np.hypot(*(positions[:, None] - positions[None]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    for a in ("Ni", "Pd"):
        for b in ("Ni", "Pd"):
            expected = apart[labels == a][:, labels == b].min(1)
            found = ordering.directional_distances(positions, labels, a, b)
            np.testing.assert_allclose(found, expected)


def test_curves_equal_counts_of_all_pairs():
    rng = np.random.default_rng(1)
    positions, labels = mixture(rng, 80, 0.5, share=0.4)
    test = ordering.random_labelling(positions, labels, rng, runs=39)
    apart = np.hypot(*(positions[:, None] - positions[None]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    mixed = (labels[:, None] == "Ni") != (labels[None] == "Ni")
    table = test.connection["Ni", "Pd"].table
    for r, observed in zip(table.r_nm, table.observed):
        ring = (apart >= r - 0.05) & (apart < r + 0.05)
        assert observed == pytest.approx(mixed[ring].mean())
    nearest = apart[labels == "Pd"][:, labels == "Ni"].min(1)
    table = test.nearest["Pd", "Ni"].table
    for r, observed in zip(table.r_nm, table.observed):
        assert observed == pytest.approx(np.mean(nearest < r))
    kinds = [test.connection[k].table.observed for k in (("Ni", "Ni"), ("Ni", "Pd"), ("Pd", "Pd"))]
    np.testing.assert_allclose(np.sum(kinds, 0), 1)


def test_random_labelling_has_its_size_and_finds_order_of_both_signs():
    def test(strength, model=processes.neutral):
        def once(rng):
            return ordering.random_labelling(*mixture(rng, 150, strength, model), rng, runs=99)

        return once

    assert rejected(test(0.0, processes.repulsive), 60) < 0.17  # 3 SD above 5 %
    assert rejected(test(1.0), 10) >= 0.9
    assert rejected(test(-1.5), 10) >= 0.7


def test_the_papers_comparison_takes_repulsion_for_order():
    def paper(model):
        def once(rng):
            positions, labels = mixture(rng, 150, 0.0, model)
            return ordering.independent_species(positions, labels, MASK, PIXEL_NM, rng, runs=99)

        return once

    assert rejected(paper(processes.neutral), 40) < 0.17
    assert rejected(paper(processes.repulsive), 10) >= 0.9


def test_three_elements_have_nine_distances_and_six_connections():
    rng = np.random.default_rng(2)
    positions = processes.neutral(rng, 90, BOX)
    labels = np.repeat(["Ni", "Pd", "Pt"], 30)
    test = ordering.random_labelling(positions, labels, rng, runs=39)
    assert len(test.nearest) == 9 and len(test.connection) == 6 and len(test.means) == 9
    assert np.all(test.means.null_low_nm < test.means.null_high_nm)
    assert 0 < test.p <= 1


def test_drawn_labels_are_as_wrong_as_said():
    rng = np.random.default_rng(3)
    elements = np.repeat(["Ni", "Pd", "Pt"], [3000, 2000, 1000])
    confidence = np.repeat([0.9, 1.0, 0.6], [3000, 2000, 1000])
    drawn = ordering.draw_labels(elements, confidence, rng)
    wrong = drawn != elements
    assert wrong[:3000].mean() == pytest.approx(0.1, abs=0.02)
    assert not wrong[3000:5000].any()
    assert wrong[5000:].mean() == pytest.approx(0.4, abs=0.05)
    assert np.mean(drawn[5000:][wrong[5000:]] == "Ni") == pytest.approx(0.6, abs=0.08)


def test_uncertain_labels_weaken_order_and_certain_ones_change_nothing():
    rng = np.random.default_rng(4)
    positions, labels = mixture(rng, 200, 1.0)
    certain = ordering.uncertain_labelling(positions, labels, np.ones(200), rng, draws=5, runs=99)
    unsure = ordering.uncertain_labelling(
        positions, labels, np.full(200, 0.5), rng, draws=15, runs=99
    )
    assert ordering.combined_p(certain.p) <= 0.05
    assert ordering.combined_p(unsure.p) > 0.2
    assert list(certain) == ["p_nearest", "p_connection", "p"]


def test_bad_labels_are_refused():
    rng = np.random.default_rng(5)
    positions = processes.neutral(rng, 10, BOX)
    with pytest.raises(DataError, match="10 Ni"):
        ordering.random_labelling(positions, ["Ni"] * 10, rng)
    with pytest.raises(DataError, match="1 Pd"):
        ordering.random_labelling(positions, ["Ni"] * 9 + ["Pd"], rng)
    with pytest.raises(DataError, match="one each"):
        ordering.random_labelling(positions, ["Ni", "Pd"], rng)
    with pytest.raises(DataError, match="'Rh'"):
        labels = np.repeat(["Ni", "Pd"], 5)
        ordering.directional_distances(positions, labels, "Ni", "Rh")
    with pytest.raises(DataError, match="confidence"):
        ordering.draw_labels(["Ni", "Pd"], [0.5, 1.5], rng)
