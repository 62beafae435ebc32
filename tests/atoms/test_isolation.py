import numpy as np
import pandas as pd
import pytest

from helpers.atoms import isolation, processes
from helpers.atoms.aggregates import random_share
from helpers.data import ROOT, DataError


def images(share_of, densities, per_density=1):
    d = np.repeat(np.asarray(densities, float), per_density)
    return pd.DataFrame({"density_nm2": d, "share_multimers": share_of(d), "group": d})


def test_random_isolation_inverts_the_random_share():
    density = isolation.random_isolation()
    assert density == pytest.approx(0.337, abs=0.001)
    assert random_share(density) == pytest.approx(0.05)


def test_straight_line_is_crossed_where_it_should_be():
    table = images(lambda d: d / 10, [0.2, 0.4, 0.8])
    found = isolation.isolation_density(table, np.random.default_rng(0), runs=50)
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))
    first = isolation.isolation_density(table, np.random.default_rng(0), 0.01, runs=50)
    assert first.value == pytest.approx(0.1)


def test_limit_that_is_never_reached_gives_infinity():
    table = images(lambda d: d / 1000, [1, 8])
    assert isolation.isolation_density(table, np.random.default_rng(0), runs=50).value == np.inf


def test_random_arrangements_meet_the_closed_form():
    rng, rows = np.random.default_rng(1), []
    for n in (20, 30, 40, 60):
        for _ in range(60):
            runs, _ = processes.model_statistics(lambda r, n=n: processes.neutral(r, n), rng, 1)
            rows.append((n / 100, runs.multimer_share[0], n))
    table = pd.DataFrame(rows, columns=["density_nm2", "share_multimers", "group"])
    found = isolation.isolation_density(table, rng, runs=200)
    assert found.low < isolation.random_isolation() < found.high * 1.05  # edges take neighbours
    assert found.high - found.low < 0.12


def test_bad_tables_are_refused():
    table = images(lambda d: d / 10, [0.2, 0.8])
    rng = np.random.default_rng(0)
    with pytest.raises(DataError, match="group"):
        isolation.isolation_density(table.drop(columns="group"), rng)
    with pytest.raises(DataError, match="between 0 and 1"):
        isolation.isolation_density(table, rng, limit=5)
    with pytest.raises(DataError, match="no image"):
        isolation.isolation_density(table.assign(share_multimers=np.nan), rng)


def test_criterion_table_has_chance_detected_corrected_and_measured():
    table = isolation.criterion_table(pd.read_csv(ROOT / "data" / "ch02" / "isolation.csv"))
    at = table.set_index("label")["density_nm2"]
    assert at["random, closed form"] == pytest.approx(isolation.random_isolation(), abs=1e-3)
    assert len(table) == len(isolation.SHOWN) + 1
    images = isolation.measured_images()
    assert len(images) == 21 and table.iloc[-1]["images"] == 21
    assert table.iloc[-1]["highest_nm2"] == images["density_nm2"].max() < 1
    words = isolation.in_words(table)
    published = words[words.iloc[:, 0] == "random Pt, published detector"].iloc[0]
    assert published["5 % at (atoms per nm²)"] == "not reached"
    assert "nan" not in words.to_string() and "inf" not in words.to_string()
