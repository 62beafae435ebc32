import numpy as np
import pandas as pd
import pytest

from helpers import data
from helpers.atoms import density as dens


def test_poisson_interval_is_garwoods():
    # Table values for a count of 10: 4.795 ... 18.390
    found = dens.density(10, 2.0)
    assert found.value == 5
    assert found.low == pytest.approx(4.7954 / 2, rel=1e-4)
    assert found.high == pytest.approx(18.3904 / 2, rel=1e-4)
    assert dens.density(0, 1.0).high == pytest.approx(-np.log(0.025))


def test_density_needs_an_area():
    with pytest.raises(data.DataError, match="area"):
        dens.density(3, 0.0)


def test_detector_errors_are_corrected_and_covered():
    """With known precision and recall the interval holds the truth as often as it says."""
    rng = np.random.default_rng(4)

    def one_image(expected):
        atoms = rng.poisson(expected)
        recall = np.clip(rng.normal(0.7, 0.08), 0.3, 1)
        tp = rng.binomial(atoms, recall)
        return tp, rng.poisson(0.4 * expected), atoms - tp

    hits = []
    for _ in range(200):
        table = [one_image(e) for e in rng.uniform(30, 70, 11)]
        ratio = dens.detection_ratio(pd.DataFrame(table, columns=["tp", "fp", "fn"]))
        expected = rng.uniform(30, 70)
        tp, fp, _ = one_image(expected)
        found = dens.corrected_density(tp + fp, 200.0, ratio)
        hits.append(found.low <= expected / 200 <= found.high)
    assert 0.93 <= np.mean(hits) <= 1.0
    assert np.exp(ratio.mean_log) == pytest.approx(1 / 1.1, rel=0.15)
    assert dens.corrected_density(0, 200.0, ratio).low == 0


def test_normal_fit():
    rng = np.random.default_rng(6)
    fit = dens.normal_fit(rng.normal(0.3, 0.05, 80))
    assert fit["mean"] == pytest.approx(0.3, abs=0.02)
    assert fit["sd"] == pytest.approx(0.05, abs=0.012)
    assert fit["p_normal"] > 0.01
    assert dens.normal_fit(rng.exponential(0.3, 80))["p_normal"] < 1e-3
