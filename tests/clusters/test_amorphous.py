import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation

from helpers.clusters.amorphous import (
    MOST_ORDER,
    PATH,
    UNIT_NM,
    amorphous,
    count,
    geometry,
    ordered_share,
    parts,
    runs,
)
from helpers.clusters.structures import ORDERED, bond_lengths, isomer
from helpers.registry import DataError

SIZES = (55, 147, 309, 561)


@pytest.mark.parametrize("name", ORDERED)
def test_all_inner_atoms_of_a_perfect_isomer_are_ordered(name):
    pytest.importorskip("ase")
    positions = isomer(name, 309).get_positions() / 10
    inner = 147 - (name == "icosahedron")  # its middle atom is like no crystal's
    assert ordered_share(positions) == pytest.approx(inner / 309)


@pytest.mark.parametrize("name", ORDERED)
def test_a_warm_or_turned_isomer_is_still_told_from_an_amorphous_one(name):
    pytest.importorskip("ase")
    positions = isomer(name, 309).get_positions() / 10
    turned = Rotation.random(rng=np.random.default_rng(0)).apply(positions)
    assert ordered_share(turned) == pytest.approx(ordered_share(positions))
    warm = positions + np.random.default_rng(1).normal(0, 0.0087, positions.shape)
    assert ordered_share(warm) > 4 * MOST_ORDER


def test_half_a_crystal_is_no_glass():
    pytest.importorskip("ase")
    positions = isomer("cuboctahedron", 309).get_positions() / 10
    half = positions[:, 2] > 0
    positions[half] += np.random.default_rng(2).normal(0, 0.05, (half.sum(), 3))
    assert ordered_share(positions) > MOST_ORDER


@pytest.mark.parametrize("atoms", SIZES)
def test_every_shipped_cluster_is_amorphous(atoms):
    for k in range(count(atoms)):
        positions = geometry(k, atoms)
        assert positions.shape == (atoms, 3)
        assert ordered_share(positions) <= MOST_ORDER


@pytest.mark.parametrize("atoms", SIZES)
def test_shipped_clusters_are_whole_and_of_the_size_of_the_others(atoms):
    shells = {55: 2, 147: 3, 309: 4, 561: 5}[atoms]
    for k in range(count(atoms)):
        positions = geometry(k, atoms)
        assert bond_lengths(positions, 0.35).min() > 0.22
        radius = np.linalg.norm(positions, axis=1)
        assert radius.max() < 0.2885 * shells + 0.45  # single atoms may sit on the surface
        assert np.sqrt((radius**2).mean()) < 0.2885 * shells


def test_the_table_tells_what_was_kept():
    table = pd.read_csv(PATH.with_suffix(".csv"))
    assert (table["kept"] == (table["ordered_share"] <= MOST_ORDER)).all()
    for atoms, rows in table.groupby("atoms"):
        kept = rows[rows["kept"]]
        assert kept["run"].tolist() == runs(atoms).tolist()
        share = [round(ordered_share(geometry(k, atoms)), 4) for k in range(0, len(kept), 7)]
        assert share == pytest.approx(kept["ordered_share"].tolist()[::7], abs=2 / atoms)


@pytest.mark.parametrize("atoms", SIZES)
def test_a_run_is_in_one_part_only(atoms):
    both = pd.crosstab(runs(atoms), parts(atoms))
    assert ((both > 0).sum(axis=1) == 1).all()
    assert set(both.columns) == {"train", "validation", "test"}


def test_clusters_differ():
    a, b = geometry(0), geometry(1)
    assert np.sqrt(((a - b) ** 2).sum(1).mean()) > 0.1


def test_as_ase_atoms():
    pytest.importorskip("ase")
    gold, platinum = amorphous(3), amorphous(3, element="Pt")
    assert np.allclose(gold.get_positions() / 10, geometry(3), atol=UNIT_NM)
    ratio = platinum.get_positions() / gold.get_positions()
    assert np.allclose(ratio, 3.92 / 4.08)


def test_there_is_no_such_cluster():
    with pytest.raises(DataError, match="amorphous cluster 999 asked for, but only"):
        geometry(999)
    with pytest.raises(DataError, match="no amorphous cluster of 923 atoms"):
        count(923)
