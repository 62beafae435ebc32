import numpy as np
import pytest
from scipy.spatial import cKDTree

from helpers.clusters import structures
from helpers.clusters.structures import ISOMERS, MAGIC, ORDERED, isomer, symmetry
from helpers.registry import DataError

ORDER = {"icosahedron": 120, "decahedron": 20, "cuboctahedron": 48, "amorphous": 1}


def carries_onto_itself(positions, operations, within=0.002):
    tree = cKDTree(positions)
    return [tree.query(positions @ m.T)[0].max() < within for m in operations]


def self_maps(positions):
    """All orthogonal maps of the outermost atoms that leave the whole cluster as it is."""
    radius = np.linalg.norm(positions, axis=1)
    corners = positions[radius > radius.max() - 1e-3]
    frame = corners[:1]
    for corner in corners[1:]:
        if len(frame) < 3 and np.linalg.matrix_rank([*frame, corner], tol=1e-3) > len(frame):
            frame = np.vstack([frame, corner])
    gram = corners @ corners.T
    mine, found = frame @ frame.T, []
    for i, row in enumerate(gram):
        for j in np.flatnonzero(np.isclose(row, mine[0, 1], atol=1e-3)):
            for k in np.flatnonzero(np.isclose(row, mine[0, 2], atol=1e-3)):
                if np.isclose(gram[j, k], mine[1, 2], atol=1e-3):
                    found.append(np.linalg.solve(frame, corners[[i, j, k]]).T)
    return np.array(found)[carries_onto_itself(positions, found)]


@pytest.fixture(scope="module", autouse=True)
def _ase():
    pytest.importorskip("ase")


@pytest.mark.parametrize("name", ORDERED)
@pytest.mark.parametrize("atoms", MAGIC)
def test_every_isomer_has_the_same_number_of_atoms_and_bulk_bonds(name, atoms):
    positions = isomer(name, atoms).get_positions()
    assert len(positions) == atoms
    assert np.allclose(positions.mean(0), 0, atol=1e-9)
    assert structures.bond_lengths(positions, 3.5).mean() == pytest.approx(4.08 / np.sqrt(2))


@pytest.mark.parametrize("name", ISOMERS)
def test_symmetry_is_a_group_of_orthogonal_matrices(name):
    group = symmetry(name)
    assert len(group) == ORDER[name]
    assert np.allclose(group[0], np.eye(3))
    assert np.allclose(group @ group.transpose(0, 2, 1), np.eye(3))
    products = (group[:, None] @ group[None]).reshape(-1, 9)
    known = cKDTree(group.reshape(-1, 9))
    assert len(known.query_pairs(1e-6)) == 0
    assert known.query(products)[0].max() < 1e-9


@pytest.mark.parametrize("name", ORDERED)
@pytest.mark.parametrize("atoms", (55, 309))
def test_the_symmetry_is_the_whole_symmetry_of_the_structure(name, atoms):
    positions = isomer(name, atoms).get_positions() / 10
    assert all(carries_onto_itself(positions, symmetry(name)))
    found = self_maps(positions)
    near = cKDTree(symmetry(name).reshape(-1, 9)).query(found.reshape(-1, 9))[0]
    assert len(found) == ORDER[name]
    assert near.max() < 1e-2


def test_a_turned_isomer_does_not_have_the_symmetry_of_the_frame():
    from scipy.spatial.transform import Rotation

    positions = Rotation.from_euler("y", 20, degrees=True).apply(isomer("decahedron").positions)
    kept = carries_onto_itself(positions / 10, symmetry("decahedron"))
    assert sum(kept) == 2  # identity and the mirror that holds the axis of the turn


def test_other_metals_have_their_own_bonds():
    assert structures.bulk_lattice_nm("Pt") == pytest.approx(0.392)
    bonds = structures.bond_lengths(isomer("icosahedron", 147, "Pt").positions, 3.4)
    assert bonds.mean() == pytest.approx(3.92 / np.sqrt(2))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("tetrahedron",), "'tetrahedron' is not an isomer"),
        (("icosahedron", 310), "310 atoms is no closed shell"),
        (("icosahedron", 309, "Fe"), "'Fe' is not a face-centred cubic metal"),
        (("icosahedron", 309, "Xy"), "'Xy' is not a face-centred cubic metal"),
    ],
)
def test_what_does_not_exist_is_refused(arguments, said):
    with pytest.raises(DataError, match=said):
        isomer(*arguments)


def test_without_ase_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ase.cluster", None)
    with pytest.raises(DataError, match=r"atoms-to-spectra\[simulate\]"):
        isomer("icosahedron")


def test_atoms_on_facets_are_counted_as_geometry_has_them():
    def on(name, atoms):
        places = structures.places(isomer(name, atoms).get_positions() / 10)
        return [int((places == where).sum()) for where in structures.PLACES]

    # An icosahedron of 4 bonds along an edge has 20 triangles with 3 atoms inside each; a
    # cuboctahedron 8 such triangles and 6 squares with 9.
    assert on("icosahedron", 309)[:3] == [147, 60, 0]
    assert on("cuboctahedron", 309)[:3] == [147, 24, 54]
    assert on("decahedron", 309)[:3] == [147, 30, 45]
    assert sum(on("amorphous", 309)) == 309
