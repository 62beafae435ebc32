"""Assignment of modes, on the shipped molecules."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from helpers.picocavities.assignment import match_modes, mode_table, strong_lines
from helpers.picocavities.molecule import shipped
from helpers.picocavities.nearfield import gap_line_strengths


@pytest.fixture(scope="module")
def free():
    return shipped("H", "xtb")


@pytest.fixture(scope="module")
def bound():
    return shipped("Au", "xtb")


def test_kinetic_energy_of_each_mode_is_shared_out(free):
    table = mode_table(free)
    shares = table[["sulfur_ring", "outer_ring", "thiol"]].sum(axis=1)
    np.testing.assert_allclose(shares, 1, atol=1e-4)
    assert table["out_of_plane"].between(0, 1).all()


def test_known_modes_are_recognised(free):
    table = mode_table(free)
    hydrogen = table[table["wavenumber_cm"] > 2900]
    assert len(hydrogen) == 9 and (hydrogen["hydrogens"] > 0.8).all()  # C-H stretches
    thiol = table[table["wavenumber_cm"].between(2300, 2900)]
    assert len(thiol) == 1 and thiol["thiol"].iloc[0] > 0.9  # S-H stretch
    # The line near 1285 cm^-1 stretches the bond between the rings, and lies in their planes.
    line = table.loc[table["C-C link"].where(table["wavenumber_cm"] > 1000).idxmax()]
    assert 1250 < line["wavenumber_cm"] < 1330 and line["out_of_plane"] < 0.05
    assert line["assignment"] == "stretch between the rings"
    assert set(hydrogen["assignment"].str.split(",").str[0]) == {"C-H stretch"}
    assert thiol["assignment"].iloc[0] == "S-H stretch"
    # strongest line of all: the stretch of the ring at the sulfur near 1585 cm^-1
    strongest = table.loc[table["activity_A4_amu"].where(table["wavenumber_cm"] < 2000).idxmax()]
    assert strongest["assignment"] == "ring stretch, sulfur ring"


def test_modes_of_a_molecule_match_themselves_in_order(free):
    table = match_modes(free, free)
    assert (table["mode"] == table["other"]).all()
    heavy = table["overlap"] > 0.9
    assert heavy.sum() >= 60  # less only where the hydrogen at the sulfur moves


def test_modes_of_free_and_bound_molecule_are_paired(free, bound):
    table = match_modes(free, bound)
    ring = table[table["wavenumber_cm"].between(900, 1700)]
    assert ring["overlap"].median() > 0.8
    assert (ring["wavenumber_cm"] - ring["other_cm"]).abs().median() < 10


def test_matching_needs_the_same_frame(free):
    turned = free.turned(Rotation.from_euler("x", 90, degrees=True).as_matrix())
    assert match_modes(free, turned)["overlap"].median() < 0.5


def test_strong_lines_are_sorted_and_above_the_limit(bound):
    table = strong_lines(bound, gap_line_strengths(bound), 0.05)
    assert table["strength"].iloc[0] == 1 and table["strength"].is_monotonic_decreasing
    assert table["strength"].min() >= 0.05 and table["scaled_cm"].between(268, 1611).all()
    assert abs(table["scaled_cm"].iloc[0] - 1585) < 20
