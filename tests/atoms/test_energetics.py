import numpy as np
import pandas as pd
import pytest

from helpers.atoms import coordination as co
from helpers.atoms import energetics as en
from helpers.atoms import energy_tables as et
from helpers.atoms import tight_binding as tb
from helpers.data import DataError

needs_tblite = pytest.mark.skipif(
    not tb.available(), reason="tblite is not installed (the simulate extra)"
)


@pytest.fixture(scope="module")
def paper_sheet():
    return co.graphene()


# Geometry


def test_the_papers_sheet(paper_sheet):
    assert paper_sheet.positions.shape == (216, 2)
    np.testing.assert_allclose(paper_sheet.cell, (22.14, 25.56), atol=0.01)
    assert (paper_sheet.bonded.sum(axis=1) == 3).all()


@pytest.mark.parametrize(
    "kind, count, removed, nitrogen, nearest",
    # distance of nitrogens from the centre, in bonds: 1, sqrt(7)/2 and 2
    [("3N", 216, 1, 3, 1.0), ("4N", 324, 2, 4, 7**0.5 / 2), ("6N", 108, 6, 6, 2.0)],
)
def test_sites(paper_sheet, kind, count, removed, nitrogen, nearest):
    found = co.sites(paper_sheet, kind)
    assert len(found) == len({s.removed for s in found}) == count
    for site in found:
        assert (len(site.removed), len(site.nitrogen)) == (removed, nitrogen)
        to_nitrogen = paper_sheet.positions[list(site.nitrogen)] - site.centre
        away = np.linalg.norm(paper_sheet.nearest_image(to_nitrogen), axis=1)
        np.testing.assert_allclose(away, nearest * co.BOND, atol=0.02)
    atoms = co.structure(paper_sheet, [co.seed(paper_sheet, kind)])
    assert len(atoms.symbols) == 216 - removed
    assert atoms.symbols.count("N") == nitrogen
    assert [atoms.symbols[i] for i in atoms.seed_nitrogen] == ["N"] * nitrogen
    with pytest.raises(DataError, match="5N"):
        co.sites(paper_sheet, "5N")


def orbits(kinds, farthest):
    """Inequivalent pairs the long way: explicit rotations, mirrors and exchange of the sites."""
    sheet = co.graphene(18, 11)
    first = co.seed(sheet, kinds[0])
    # In terms of points about the seed's centre: every pair is a set of removed atoms.
    pairs = {}
    for second in co.sites(sheet, kinds[1]):
        vector = sheet.nearest_image(second.centre - first.centre)
        shared = {*first.removed, *first.nitrogen} & {*second.removed, *second.nitrogen}
        if np.linalg.norm(vector) < farthest and not shared:
            parts = []
            for site in (first, second):
                points = sheet.positions[list(site.removed)] - first.centre
                parts.append(sheet.nearest_image(points))
            pairs[tuple(np.round(vector, 2))] = parts
    turns = np.radians(np.arange(0, 360, 60))
    operations = [np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]]) for t in turns]
    operations += [o @ np.diag([1, -1]) for o in operations]

    def canonical(parts):
        forms = []
        for operation in operations:
            turned = [part @ operation.T for part in parts]
            for order in ((0, 1), (1, 0)) if kinds[0] == kinds[1] else ((0, 1),):
                origin = turned[order[0]].mean(axis=0)
                moved = [turned[i] - origin for i in order]
                grid = [np.rint(part / (co.LATTICE / 4, co.BOND / 4)).astype(int) for part in moved]
                forms.append(tuple(tuple(sorted(map(tuple, part.tolist()))) for part in grid))
        return min(forms)

    classes = {}
    for vector, parts in pairs.items():
        classes.setdefault(canonical(parts), []).append(vector)
    return sorted(len(members) for members in classes.values())


@pytest.mark.parametrize("kinds", [("4N", "4N"), ("3N", "3N"), ("3N", "4N")])
def test_inequivalent_arrangements(kinds):
    found = co.arrangements(kinds, farthest=7.0)
    assert sorted(len(a.equivalents) for a in found) == orbits(kinds, 7.0)
    assert len({a.name for a in found}) == len(found)
    lengths = [round(a.separation, 3) for a in found]
    assert lengths == sorted(lengths)
    for a in found:
        np.testing.assert_allclose(np.linalg.norm(a.equivalents, axis=1), a.separation)


def test_placing_keeps_separation_and_chain(paper_sheet):
    by_name = {a.name: a for a in co.arrangements(("4N", "4N"), 9.0)}
    for a in by_name.values():
        (first, second), image = co.place(paper_sheet, a)
        vector = paper_sheet.nearest_image(second.centre - first.centre)
        assert np.linalg.norm(vector) == pytest.approx(a.separation)
        assert image > 12  # the image is farther than the pair, always
        atoms = co.structure(paper_sheet, (first, second))
        assert (len(atoms.symbols), atoms.symbols.count("N")) == (212, 8)
        xy = [paper_sheet.positions[list(s.nitrogen)] for s in (first, second)]
        gaps = np.linalg.norm(paper_sheet.nearest_image(xy[0][:, None] - xy[1]), axis=-1)
        assert (atoms.carbons_between == 0) == (gaps.min() < 1.1 * co.BOND)
    # One shared carbon between the nitrogens at the arrangement of lowest energy.
    best = co.structure(paper_sheet, co.place(paper_sheet, by_name["4.92b"])[0])
    assert best.carbons_between == 1
    with pytest.raises(DataError, match="does not fit"):
        co.place(co.graphene(3, 2), by_name["8.87a"])


def test_metals_come_last(paper_sheet):
    site = co.seed(paper_sheet, "4N")
    atoms = co.structure(paper_sheet, [site], [("Ni", (*site.centre, 0.5))])
    assert atoms.symbols[-1] == "Ni" and atoms.carbons_between == -1
    np.testing.assert_allclose(atoms.positions[-1], (*site.centre, 0.5))
    moved = tb.rattled(atoms, 0.05, seed=3)
    np.testing.assert_allclose(moved.positions[:, :2], atoms.positions[:, :2])
    assert 0.03 < np.std(moved.positions[:-1, 2]) < 0.07


# Energies compared


def test_formulas_on_numbers():
    # Nothing interacts: binding adds up and E_int is zero, for equal and for unequal sites.
    assert en.interaction_energy(-14.0, -10.0, -12.0, -12.0) == 0
    assert en.interaction_energy(-15.5, -10.0, -12.0, -13.0) == pytest.approx(-0.5)
    # Two single centres at -3 each, the dimer at -5 and an empty site: 1 eV is lost.
    assert en.dimer_formation_energy(-5.0, 0.0, -3.0) == pytest.approx(1.0)


def rows(**columns):
    base = {
        "id": "",
        "kinds": "4N-4N",
        "arrangement": "4.92b",
        "separation_A": 4.92,
        "equivalents": 2,
        "image_A": 9.84,
        "metals": "-|-",
        "start": "",
        "cell": "6x4",
        "method": tb.METHOD,
        "electrons_K": 1500.0,
        "unpaired": 0,
        "spin_polarised": False,
        "relaxed": False,
        "energy_eV": 0.0,
    }
    table = pd.DataFrame({**base, **columns})
    table["id"] = [f"row {i}" for i in range(len(table))]
    return table


def test_select_takes_the_lowest_spin_state():
    table = rows(
        unpaired=[0, 2, 0, 0],
        energy_eV=[-1.0, -1.5, -0.5, np.nan],
        separation_A=[4.92, 4.92, 7.38, 8.87],
        arrangement=["4.92b", "4.92b", "7.38a", "8.87a"],
    )
    chosen = en.select(table, kinds="4N-4N")
    assert chosen.unpaired.tolist() == [2, 0]
    assert en.relative_to_farthest(chosen).tolist() == [-1.0, 0.0]
    assert en.select(table, kinds="3N-3N").empty


def test_settled_joins_relaxations_and_their_spin_states():
    table = rows(
        relaxed=[True, False, False, False],
        start=["", "relaxed", "", "relaxed"],
        energy_eV=[-1.0, -1.2, -9.0, -9.0],
        electrons_K=[1500.0, 1500.0, 1500.0, 500.0],
        unpaired=[0, 2, 0, 0],
    )
    found = en.settled(table, kinds="4N-4N")
    assert found.energy_eV.tolist() == [-1.2] and found.unpaired.tolist() == [2]
    assert en.settled(table, electrons_K=500.0).energy_eV.tolist() == [-9.0]


def test_interactions_and_what_metals_do():
    fillings = ["-|-", "Ni|Pd", "Ni|-", "-|Pd", "Pd|-"]
    near = rows(
        kinds="3N-4N", metals=fillings, relaxed=True, energy_eV=[-10.0, -15.4, -12.0, -13.0, -99.0]
    )
    far = near.assign(
        arrangement="8.73a", separation_A=8.73, energy_eV=[-9.5, -15.6, -11.9, -13.0, -99.0]
    )
    table = pd.concat([near, far], ignore_index=True)
    found = et.interactions(table, "3N-4N", "Ni", "Pd")
    assert found.e_int_eV.tolist() == pytest.approx([-0.4, -0.2])
    assert found.bare_eV.tolist() == pytest.approx([-0.5, 0.0])
    assert et.interactions(table, "3N-4N", "Pt", "Pd").empty
    both = et.near_against_far(table)
    assert both.iloc[0][["first", "second", "separation_A"]].tolist() == ["Ni", "Pd", 4.92]
    assert both.both_filled_eV[0] == pytest.approx(0.2)
    assert both.one_filled_eV[0] == pytest.approx(-0.1)


def test_dimers_take_the_lowest_start_and_spin(monkeypatch):
    places = np.array([[1.0, 1.0, 0.0], [1.0, 2.0, 2.0]])
    monkeypatch.setattr(et, "read_geometry", lambda name: (None, places))
    table = rows(
        kinds=["4N", "4N", "4N", "4N", "4N", "gas", "gas"],
        cell=["6x4"] * 5 + ["box"] * 2,
        arrangement="",
        separation_A=np.nan,
        relaxed=[True, True, True, True, False, False, False],
        metals=["", "Ni", "Ni2", "Ni2", "Ni2", "Ni", "Ni"],
        start=["", "", "upright", "along x", "relaxed along x", "", ""],
        unpaired=[0, 0, 0, 0, 2, 0, 2],
        energy_eV=[-10.0, -13.0, -14.0, -14.8, -15.0, -1.0, -1.5],
        metal_distance_A=[np.nan, np.nan, 2.5, 2.2, 2.2, np.nan, np.nan],
    )
    found = et.dimers(table).iloc[0]
    assert (found.kind, found.metal, found.start) == ("4N", "Ni", "along x")
    assert (found.unpaired, found.metal_distance_A, found.projected_A) == (2, 2.2, 1.0)
    assert found.formation_eV == pytest.approx(1.0)
    assert found.from_gas_eV == pytest.approx(-2.0)


def test_robustness_finds_each_minimum():
    curve = rows(
        separation_A=np.linspace(4, 9, 11),
        arrangement=[f"{i}a" for i in range(11)],
        image_A=13.0,
        carbons_between=[0] + [1] * 10,
        energy_eV=[0.6, 0.1, -0.3, -0.1, 0, 0, 0, 0, 0, 0, 0],
    )
    colder = curve.assign(electrons_K=500.0, energy_eV=-7.0)
    found = et.robustness(pd.concat([curve, colder], ignore_index=True)).set_index("way")
    row = found.loc["small sheet, as built"]
    assert (row.lowest_at_A, row.arrangements) == (5.0, 11)
    assert (row.lowest_eV, row.next_eV, row.bonded_eV) == pytest.approx((-0.3, -0.1, 0.6))
    assert found.loc["the same, electrons at 500 K"].lowest_eV == 0


def test_spin_states_are_compared_at_one_geometry():
    table = rows(
        relaxed=[True, False, False],
        start=["", "relaxed", "relaxed"],
        spin_polarised=[False, True, True],
        unpaired=[0, 2, 0],
        energy_eV=[-1.0, -0.9, -1.01],
    )
    found = et.spin_states(table, "6x4").iloc[0]
    assert found.unpaired == 0 and found.next_eV == pytest.approx(0.11)
    assert found.polarisation_eV == pytest.approx(-0.01)


def test_the_model_sees_every_direction():
    curve = rows(separation_A=[4.92, 8.87], equivalents=[2, 3], energy_eV=[-0.4, 0.0])
    curve["relative_eV"] = curve.energy_eV
    found = en.for_model(curve)
    assert found.distance_nm.tolist() == pytest.approx([0.492] * 2 + [0.887] * 3)
    assert found.energy_ev.tolist() == [-0.4] * 2 + [0.0] * 3


def test_broken_tables_are_refused(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        en.read_energies(tmp_path / "none.csv")
    path = tmp_path / "energies.csv"
    rows(energy_eV=[1.0, 2.0]).drop(columns="unpaired").to_csv(path, index=False)
    with pytest.raises(DataError, match="lacks unpaired"):
        en.read_energies(path)
    rows(energy_eV=[1.0, 2.0]).assign(id="same").to_csv(path, index=False)
    with pytest.raises(DataError, match="'same' twice"):
        en.read_energies(path)


@pytest.mark.parametrize("kinds", ["4N-4N", "3N-3N", "3N-4N"])
def test_committed_energies(kinds):
    table = en.read_energies()
    chosen = en.select(table, kinds=kinds, metals="-|-", relaxed=False, cell="6x4", start="")
    names = {a.name for a in co.arrangements(tuple(kinds.split("-")), 9.0)}
    assert set(chosen.arrangement) <= names and len(chosen) > 10
    relative = en.relative_to_farthest(chosen)
    assert chosen.separation_A[relative.idxmin()] == pytest.approx(5, abs=0.2)
    bonded = chosen.carbons_between == 0
    assert relative[bonded].min() > relative[~bonded].max()


def test_every_way_agrees_on_the_minimum():
    found = et.robustness(en.read_energies())
    assert set(found.kinds) == {"4N-4N", "3N-3N", "3N-4N"}
    assert found.lowest_at_A.between(4.5, 5.5).all()
    assert (found.bonded_eV > 0.2).all()


def test_committed_metals():
    table = en.read_energies()
    near = et.near_against_far(table)
    assert (near.bare_eV < 0).all()
    assert near.kinds.value_counts().to_dict() == {"4N-4N": 7, "3N-4N": 5, "3N-3N": 3}
    assert et.dimers(table)[["formation_eV", "from_gas_eV"]].notna().all(axis=None)
    # The method's worst: a free nickel atom has two unpaired electrons.
    assert en.select(table, kinds="gas", metals="Ni").unpaired.tolist() == [0]
    lowest = et.spin_states(table, "6x4").query("kinds == '3N-4N' and start == ''")
    assert len(lowest) == 22 and (lowest.unpaired == 1).all()


def test_committed_geometries():
    table = en.read_energies()
    relaxed = table[table.relaxed & table.energy_eV.notna()]
    for row in relaxed.itertuples():
        numbers, positions = en.read_geometry(row.id)
        assert len(numbers) == len(positions) == row.atoms
    with pytest.raises(DataError, match="only relaxed"):
        en.read_geometry("4N/6x4/GFN1-xTB/1500K/u0/rigid")


def test_a_relaxation_starts_from_a_smaller_one(monkeypatch):
    monkeypatch.syspath_prepend(str(en.ENERGIES.parent))
    import make_energetics as made

    small = made.Job(("3N", "4N"), "4.97b", made.EMPTY, relaxed=True)
    large = made.Job(("3N", "4N"), "4.97b", made.EMPTY, cell=co.PAPER_CELLS, relaxed=True)
    flat, _ = made.as_built(large)
    moved = made.displaced_as(flat, large, small).positions - flat.positions
    known = en.read_geometry(small.id)[1] - made.as_built(small)[0].positions
    nitrogen = np.array(flat.symbols) == "N"
    of_small = np.array(made.as_built(small)[0].symbols) == "N"
    lengths = [np.sort(np.linalg.norm(d, axis=1)) for d in (moved[nitrogen], known[of_small])]
    np.testing.assert_allclose(*lengths, atol=1e-6)
    assert 0 < np.abs(moved).max() < 0.5
    assert (np.abs(moved).max(axis=1) == 0).mean() > 0.5  # far from the sites nothing moves


# Tight binding itself, on the smallest sheet that holds a site


@needs_tblite
def test_live_energies():
    sheet = co.graphene(3, 2)
    site = co.seed(sheet, "4N")
    empty = tb.energy(co.structure(sheet, [site]))
    filled = tb.energy(co.structure(sheet, [site], [("Ni", (*site.centre, 0))]))
    hotter = tb.energy(co.structure(sheet, [site]), electrons_k=3000.0)
    assert hotter.energy_eV < empty.energy_eV  # a free energy: entropy lowers it
    assert empty.charges.sum() == pytest.approx(0, abs=1e-4)
    assert empty.charges[co.structure(sheet, [site]).seed_nitrogen].max() < -0.1
    assert filled.charges[-1] > 0.1  # the metal gives electrons
    relaxed = tb.energy(co.structure(sheet, [site]), largest_force=0.5)
    assert relaxed.energy_eV < empty.energy_eV
    assert relaxed.largest_force < 0.5 < empty.largest_force
