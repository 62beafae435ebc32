import numpy as np
import pandas as pd
import pytest

from helpers.atoms import coordination as co
from helpers.atoms import energetics as en
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
    assert en.pair_energy(-9.5, -6.0, -8.0, -7.0) == pytest.approx(-0.5)
    # Two single centres at -3 each, the dimer at -5 and an empty site: 1 eV is lost.
    assert en.dimer_formation_energy(-5.0, 0.0, -3.0) == pytest.approx(1.0)


def test_boltzmann():
    kelvin = 1 / en.BOLTZMANN  # kT = 1 eV
    shares = en.boltzmann([0.0, np.log(2)], kelvin)
    np.testing.assert_allclose(shares, [2 / 3, 1 / 3])
    np.testing.assert_allclose(en.boltzmann([0.0, np.log(2)], kelvin, [1, 2]), [0.5, 0.5])
    np.testing.assert_allclose(en.boltzmann([-5e3, -5e3], 300), [0.5, 0.5])


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


def test_interactions_and_dimers_from_a_table():
    fillings = ["-|-", "Ni|Pd", "Ni|-", "-|Pd", "Pd|-"]
    table = rows(kinds="3N-4N", metals=fillings, energy_eV=[-10.0, -15.4, -12.0, -13.0, -99.0])
    found = en.interactions(table, "3N-4N", "Ni", "Pd", relaxed=False)
    assert found.e_int_eV.tolist() == pytest.approx([-0.4])
    assert en.interactions(table, "3N-4N", "Pt", "Pd").empty
    table = rows(
        kinds="4N",
        arrangement="",
        separation_A=np.nan,
        relaxed=True,
        metals=["", "Ni", "Ni2", "Ni2"],
        start=["", "", "upright", "along x"],
        energy_eV=[-10.0, -13.0, -14.0, -15.0],
        metal_distance_A=[np.nan, np.nan, 2.5, 2.2],
    )
    found = en.dimers(table).iloc[0]
    assert (found.kind, found.metal, found.start) == ("4N", "Ni", "along x")
    assert found.formation_eV == pytest.approx(1.0)
    assert found.metal_distance_A == 2.2


def test_population_of_equal_energies_is_chance():
    table = rows(separation_A=[4.92, 4.92, 8.87], equivalents=[2, 4, 6], energy_eV=-7.0)
    even = en.population(table)
    assert even.separation_nm.tolist() == pytest.approx([0.492, 0.887])
    np.testing.assert_allclose(even.enhancement, 1)
    lower = en.population(table.assign(energy_eV=[-7.3, -7.0, -7.0]), temperature_k=1000)
    assert lower.enhancement.iloc[0] > 1 > lower.enhancement.iloc[1]
    assert lower.share.sum() == pytest.approx(1)


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


def test_committed_geometries():
    table = en.read_energies()
    relaxed = table[table.relaxed & table.energy_eV.notna()]
    for row in relaxed.itertuples():
        numbers, positions = en.read_geometry(row.id)
        assert len(numbers) == len(positions) == row.atoms
    with pytest.raises(DataError, match="only relaxed"):
        en.read_geometry("4N/6x4/GFN1-xTB/1500K/u0/rigid")


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
