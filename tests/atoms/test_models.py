import numpy as np
import pytest

from helpers.atoms import models


@pytest.fixture(scope="module")
def found():
    return models.compare(np.random.default_rng(0), runs=12)


def test_every_model_is_run_with_every_number_of_points(found):
    runs, histograms = found
    assert set(runs) == set(histograms) == {(n, m) for n in (100, 400) for m in models.MODELS}
    assert all(len(table) == 12 and set(table["n"]) == {n} for (n, _), table in runs.items())


def test_neutral_model_stands_beside_its_closed_form(found):
    table = models.summary(found[0]).set_index(["atoms per nm²", "model"])
    closed = table.xs("closed form", level="model")
    assert closed["distance (nm)"].tolist() == pytest.approx([0.5, 0.25])
    assert closed["in multimers"].tolist() == pytest.approx([0.1411, 0.4557], abs=1e-4)
    for density in (1.0, 4.0):
        row = table.loc[(density, "neutral")]
        error = row["SD (nm)"] / np.sqrt(12)
        expected = closed.loc[density, "distance (nm)"]
        # the edges of the box add five and two per cent
        assert 0 < row["distance (nm)"] / expected - 1 + 3 * error / expected < 0.12
        assert table.loc[(density, "repulsive"), "in multimers"] < 0.03
