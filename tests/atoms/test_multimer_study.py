"""The script that judges splitting, with detections whose verdict is known."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist

from helpers.data import ROOT


@pytest.fixture()
def study(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "data" / "ch02"))
    import make_multimers

    return make_multimers


@pytest.mark.parametrize(
    ("shape", "atoms", "bonds"),
    [
        ("single", 1, 0),
        ("dimer", 2, 1),
        ("trimer, chain", 3, 2),
        ("trimer, triangle", 3, 3),
        ("tetramer, chain", 4, 3),
        ("tetramer, rhombus", 4, 5),
    ],
)
def test_shapes_have_their_bonds(study, shape, atoms, bonds):
    rng = np.random.default_rng(0)
    for _ in range(20):
        at = study.multimer(rng, shape)
        assert at.shape == (atoms, 2)
        np.testing.assert_allclose(at.mean(axis=0), 0, atol=1e-12)
        if atoms > 1:
            distance = pdist(at)
            assert distance.min() > 1 - 1e-9
            assert (distance < 1 + 1e-9).sum() == bonds


def test_a_seed_decides_metal_bond_and_image(study, monkeypatch):
    monkeypatch.setattr(study, "SIDE", 256)
    monkeypatch.setattr(study, "CELLS", 3)
    monkeypatch.setattr(study, "SHAPES", {"dimer": 5, "single": 4})
    metal, bond_a, counts, atoms = study.case(1006)
    assert (metal, bond_a) == ("Ni", 2.25)
    assert counts.shape == (256, 256)
    assert atoms.groupby("multimer")["shape"].first().value_counts().to_dict() == {
        "dimer": 5,
        "single": 4,
    }
    dimers = atoms[atoms["shape"] == "dimer"].groupby("multimer")
    lengths = [pdist(pair[["x_px", "y_px"]])[0] * study.PX_A for _, pair in dimers]
    np.testing.assert_allclose(lengths, 2.25, atol=0.05)  # the scan drifts between rows
    np.testing.assert_array_equal(study.case(1006)[2], counts)


def test_verdicts(study):
    two, far, near = 2.0 / study.PX_A, 1.2 / study.PX_A, 0.8 / study.PX_A
    atoms = pd.DataFrame(
        [(50, 50, 0), (50 + two, 50, 0), (150, 50, 1), (250, 50, 2), (350, 50, 3)],
        columns=["x_px", "y_px", "multimer"],
    ).assign(shape=["dimer", "dimer", "single", "single", "single"])
    right = [(50, 50 + near), (50 + two, 50)]
    verdict = study.judge(atoms, [*right, (150, 50), (150, 54), (250, 50 + far), (450, 50)])
    assert verdict["found"].tolist() == [2, 2, 1, 0]
    assert verdict["resolved"].tolist() == [True, False, False, False]
    assert verdict["square_px2"][0] == pytest.approx(near**2)
    # both detections at one atom: as many as there are, but the other was missed
    verdict = study.judge(atoms, [(50, 50), (49, 50), (150, 50)])
    assert verdict["found"].tolist() == [2, 1, 0, 0]
    assert verdict["resolved"].tolist() == [False, True, False, False]


def test_nothing_found(study):
    atoms = pd.DataFrame({"x_px": [5.0], "y_px": [5.0], "multimer": [0], "shape": ["single"]})
    assert study.judge(atoms, [])["found"].tolist() == [0]


def test_the_summary_counts_and_bounds(study):
    table = pd.DataFrame(
        {
            "atoms": [2, 2, 2, 2],
            "found": [2, 2, 1, 3],
            "resolved": [True, False, False, False],
            "square_px2": [2.0, np.nan, np.nan, np.nan],
        }
    )
    row = study.summary(table)
    assert (row["n"], row["resolved"], row["count_right"]) == (4, 0.25, 0.5)
    assert row["resolved_low"] == pytest.approx(0.0456, abs=1e-4)  # Wilson, 1 of 4
    assert row["resolved_high"] == pytest.approx(0.6994, abs=1e-4)
    assert row["position_error_a"] == pytest.approx(study.PX_A)
