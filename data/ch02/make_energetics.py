"""Energies of coordination sites, metal centres and dimers by extended tight binding.

Chapter 2 compares them with Fig. 4 and S27, S32 to S36 of Rossi et al. 2024. Each calculation is
one row of `energies.csv`; relaxed positions go to `energies_geometries.npz`. Rows that are there
already are not computed again, so the script can be stopped and started at will, and finishes what
is missing. On one core a single point takes 2 s with 92 atoms and 27 s with 212; a relaxation 4 to
20 times that. tblite's wheel brings the slow reference BLAS: with OpenBLAS put before it
(LD_PRELOAD=.../libopenblas.so.0) the larger sheet takes 6 s, relaxed 30 s, and gives the same
energies.

Run from the repository root (needs the `simulate` extra):

    python data/ch02/make_energetics.py [--workers 2] [--stage pairs] [--minutes 30]
"""

import argparse
import csv
import os
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from helpers.atoms import coordination as co
from helpers.atoms import energy_tables
from helpers.atoms import tight_binding as tb
from helpers.atoms.energetics import read_energies, read_geometry
from helpers.data import DataError

OUT = Path(__file__).with_name("energies.csv")
GEOMETRIES = Path(__file__).with_name("energies_geometries.npz")
EMPTY, GAS = ("-", "-"), ("gas",)
PAIRS = (("4N", "4N"), ("3N", "3N"), ("3N", "4N"))
METALS = ("Ni", "Pd", "Pt", "Ru")
# Minimum, N-N bonded, farthest, and one between.
KEY = ("4.92b", "4.26a", "8.87a", "6.51a")
# Mixed pairs that come first.
MIXED = ("4.97b", "8.90a", "4.32a", "4.97a", "8.73a", "5.81a", "6.07a", "8.00a", "6.77b")
FARTHEST = 9.0  # A, as in the paper
# Arrangements with metals: the minimum, one far, then those between.
WITH_METALS = {
    ("4N", "4N"): ("4.92b", "8.87a", "6.51a", "5.64a", "7.38a", "5.36a", "6.15a", "7.68a"),
    ("3N", "3N"): ("4.92a", "8.64a", "6.51a", "5.68a", "7.38a", "5.12a"),
    ("3N", "4N"): ("4.97b", "8.19b", "6.77a", "5.81a", "7.41a", "5.55a"),
}
LIFT = {"3N": 1.0, "4N": 0.3, "6N": 0.3}  # height of the metal before relaxation, A
FIELDS = (
    "id",
    "kinds",
    "arrangement",
    "separation_A",
    "equivalents",
    "image_A",
    "carbons_between",
    "metals",
    "start",
    "cell",
    "atoms",
    "method",
    "electrons_K",
    "unpaired",
    "spin_polarised",
    "relaxed",
    "energy_eV",
    "nitrogen_charge_e",
    "metal_charge_e",
    "metal_distance_A",
    "metal_height_A",
    "buckling_A",
    "steps",
    "largest_force_eV_A",
    "cpu_s",
    "note",
)


@dataclass(frozen=True)
class Job:
    """One calculation: which atoms, and how.

    ``metals`` has one entry per site ("-": none); a dimer is one entry, "Ni2", a precursor too,
    "NiCl2". The kind "gas" is an empty box. A ``start`` that begins with "relaxed" is the geometry
    that the relaxation of the same atoms ended with (whatever its method and spin).
    """

    kinds: tuple = ()
    arrangement: str = ""
    metals: tuple = ()
    start: str = ""
    cell: tuple = co.SMALL_CELLS
    method: str = tb.METHOD
    electrons_k: float = tb.ELECTRONS_K
    unpaired: int = 0
    spin_polarised: bool = False
    relaxed: bool = False

    @property
    def id(self):
        """Unique name of the calculation."""
        atoms = ["-".join(self.kinds) or "sheet", self.arrangement, "|".join(self.metals)]
        spin = f"u{self.unpaired}{'p' if self.spin_polarised else ''}"
        way = [self.method, f"{self.electrons_k:g}K", spin, "relaxed" if self.relaxed else "rigid"]
        return "/".join(part for part in (*atoms, self.start, self.size, *way) if part)

    @property
    def size(self):
        """Columns and rows of the sheet."""
        return "box" if self.kinds == GAS else f"{self.cell[0]}x{self.cell[1]}"

    @property
    def source(self):
        """The relaxation whose geometry this job takes over."""
        return Job(
            self.kinds, self.arrangement, self.metals,
            self.start.removeprefix("relaxed").strip(), self.cell, relaxed=True,
        )  # fmt: skip


@cache
def arrangements(kinds):
    """Inequivalent pairs by name."""
    return {a.name: a for a in co.arrangements(kinds, FARTHEST)}


@cache
def names(kinds, cell):
    """Arrangements that fit into a cell."""
    sheet, fitting = co.graphene(*cell), []
    for name, arrangement in arrangements(kinds).items():
        try:
            co.place(sheet, arrangement)
        except DataError:
            continue
        fitting.append(name)
    return fitting


@cache
def height(kind, element):
    """Height of a metal over an unrelaxed sheet, A.

    In the plane of a 4N site (a relaxed centre is there within 0.1 A); over a 3N site as high as
    in the relaxed sheet with one (stage "centres").
    """
    if kind == "4N":
        return 0.0
    job = Job((kind,), metals=(element,), relaxed=True)
    with np.load(GEOMETRIES) as saved:
        z = saved[job.id][:, 3] / 1000
    return float(abs(z[-1] - np.median(z[:-1])))


def metal_positions(job, chosen):
    """Elements and starting positions of the metals."""
    placed = []
    for site, metal in zip(chosen, job.metals):
        element = metal.removesuffix("Cl2").rstrip("2")
        if metal == "-":
            continue
        if metal.endswith("Cl2"):
            middle = np.append(site.centre, 0)
            for symbol, offset in zip((element, "Cl", "Cl"), LIGANDS):
                placed.append((symbol, middle + offset))
            continue
        if metal.endswith("2"):
            offsets = DIMER_STARTS[job.start]
        elif job.relaxed and len(job.kinds) == 1:
            offsets = [(0.0, 0.8 if site.kind == "6N" else 0.0, LIFT[site.kind])]
        else:
            offsets = [(0.0, 0.0, height(site.kind, element))]
        placed += [(element, np.append(site.centre, 0) + offset) for offset in offsets]
    return placed


# Two metal atoms in one site; the 4N site has its removed bond along y.
DIMER_STARTS = {
    "along x": [(-1.15, 0.0, 1.2), (1.15, 0.0, 1.2)],
    "along y": [(0.0, -1.15, 1.2), (0.0, 1.15, 1.2)],
    "in plane": [(0.0, -1.15, 0.1), (0.0, 1.15, 0.1)],
    "upright": [(0.0, 0.0, 0.2), (0.3, 0.0, 2.5)],
}
STARTS = {
    "3N": ("along x", "upright"),
    "4N": ("along x", "along y", "upright"),
    "6N": ("in plane", "along x"),
}
# A metal and two chlorine atoms in a site; with both on one face it lies 0.5 to 1.9 eV higher.
LIGANDS = [(0.0, 0.0, 0.0), (0.0, 0.0, 2.3), (0.0, 0.0, -2.3)]
BOX = 16.0  # A, around a gas
RATTLE = 0.05  # A, out of the plane


def build(job):
    """Structure of a job and the columns that describe it."""
    if job.start.startswith("relaxed") or job.id in loose():
        source = job if job.relaxed else job.source
        positions = read_geometry(source.id, GEOMETRIES)[1]
        structure, described = as_built(source)
        return replace(structure, positions=positions), described
    structure, described = as_built(job)
    if job.relaxed and job.arrangement:
        for cell in (job.cell, co.SMALL_CELLS):
            bare = Job(job.kinds, job.arrangement, EMPTY, cell=cell, relaxed=True)
            if bare.id != job.id and bare.id in computed():
                return displaced_as(structure, job, bare), described
    return structure, described


def displaced_as(structure, job, bare):
    """A better start than the flat sheet: atoms near the sites displaced as in a bare pair."""
    flat, _ = as_built(bare)
    displacements = read_geometry(bare.id, GEOMETRIES)[1] - flat.positions
    large, small = co.graphene(*job.cell), co.graphene(*bare.cell)
    places, twins = (
        sheet.nearest_image(atoms.positions[:, :2] - co.seed(sheet, job.kinds[0]).centre)
        for sheet, atoms in ((large, structure), (small, flat))
    )
    symbols = np.array(structure.symbols)
    nitrogen = symbols == "N"
    to_site = np.linalg.norm(large.nearest_image(places[:, None] - places[nitrogen]), axis=-1)
    for mirror in ((1, 1, 1), (-1, 1, 1), (1, -1, 1), (-1, -1, 1)):
        apart = small.nearest_image(places[:, None] - twins * mirror[:2])
        apart = np.linalg.norm(apart, axis=-1)
        twin = apart.argmin(axis=1)
        there = (apart.min(axis=1) < 0.1) & (symbols == np.array(flat.symbols)[twin])
        if there[nitrogen].all():
            there &= to_site.min(axis=1) < 4.0
            moved = np.where(there[:, None], displacements[twin] * mirror, 0.0)
            return replace(structure, positions=structure.positions + moved)
    return structure  # the second site lies in another direction there


def as_built(job):
    """The same before anything has moved."""
    if job.kinds == GAS:
        element = job.metals[0].rstrip("2")
        height = (0.0, 2.3) if job.metals[0].endswith("2") else (0.0,)
        places = np.column_stack([np.zeros((len(height), 2)), height])
        none = np.zeros(0, int)
        structure = co.Structure([element] * len(height), places, np.full(3, BOX), none, -1)
        return structure, {}
    sheet = co.graphene(*job.cell)
    described = {"separation_A": "", "equivalents": "", "image_A": ""}
    if job.arrangement:
        arrangement = arrangements(job.kinds)[job.arrangement]
        chosen, image = co.place(sheet, arrangement)
        described = {
            "separation_A": round(arrangement.separation, 3),
            "equivalents": len(arrangement.equivalents),
            "image_A": round(image, 2),
        }
    else:
        chosen = [co.seed(sheet, kind) for kind in job.kinds]
    structure = co.structure(sheet, chosen, metal_positions(job, chosen))
    if job.start == "rattled":
        structure = tb.rattled(structure, RATTLE, seed=0)
    return structure, described


def compute(job):
    """One row of the table, and the relaxed atoms (element, x, y, z in mA) or None."""
    began = time.process_time()
    structure, row = build(job)
    row |= {
        "id": job.id,
        "kinds": "-".join(job.kinds),
        "arrangement": job.arrangement,
        "carbons_between": structure.carbons_between,
        "metals": "|".join(job.metals),
        "start": job.start,
        "cell": job.size,
        "atoms": len(structure.symbols),
        "method": job.method,
        "electrons_K": job.electrons_k,
        "unpaired": job.unpaired,
        "spin_polarised": job.spin_polarised,
        "relaxed": job.relaxed,
        "note": "",
    }
    force = tb.LARGEST_FORCE if job.relaxed else None
    try:
        result = tb.energy(
            structure, job.method, job.electrons_k, job.unpaired, job.spin_polarised, force
        )
    except DataError:
        row |= {"note": "did not converge", "cpu_s": round(time.process_time() - began, 1)}
        return row, None
    metal = np.array([s not in ("C", "N", "Cl") for s in structure.symbols])
    sheet = np.array([s in ("C", "N") for s in structure.symbols])
    level = np.median(result.positions[sheet, 2]) if sheet.any() else 0.0
    height = result.positions[:, 2] - level
    of_metal = result.positions[metal]
    row |= {
        "energy_eV": round(result.energy_eV, 5),
        "nitrogen_charge_e": _mean(result.charges[structure.seed_nitrogen], 4),
        "metal_charge_e": _mean(result.charges[metal], 4),
        "metal_distance_A": "",
        "metal_height_A": _mean(np.abs(height[metal]), 3),
        "buckling_A": round(float(np.ptp(height[sheet])), 3) if sheet.any() else "",
        "steps": result.steps,
        "largest_force_eV_A": round(result.largest_force, 3),
        "cpu_s": round(time.process_time() - began, 1),
    }
    if metal.sum() == 2:
        apart = of_metal[1] - of_metal[0]
        apart[:2] -= np.rint(apart[:2] / structure.cell[:2]) * structure.cell[:2]
        row["metal_distance_A"] = round(float(np.linalg.norm(apart)), 3)
    if job.relaxed and result.largest_force > tb.LARGEST_FORCE:
        row["note"] = "forces still larger than asked for"
    if not job.relaxed:
        return row, None
    from ase.data import atomic_numbers

    numbers = [atomic_numbers[s] for s in structure.symbols]
    return row, np.rint(np.column_stack([numbers, result.positions * 1000])).astype(np.int16)


def _mean(values, digits):
    return round(float(np.mean(values)), digits) if len(values) else ""


# What to compute, in order


def stages():
    """Jobs by stage, the most wanted first; functions, as some build on others' results."""
    return {
        "pairs": pairs,
        "key": key,
        "relaxed": relaxed,
        "centres": centres,
        "robust": robust,
        "paper": paper,
        "metals": metals,
        "dimers": dimers,
        "spin": spin,
        "relaxed-3N": relaxed_3n,
        "robust-3N": robust_3n,
        "tighter": tighter,
        "paper-relaxed": paper_relaxed,
        "spin-relaxed": spin_relaxed,
        "gas": gas,
        "dimers-spin": dimers_spin,
        "metals-relaxed": metals_relaxed,
        "ruthenium-spin": ruthenium_spin,
        "ligands": ligands,
        "robust-relaxed": robust_relaxed,
        "paper-metals": paper_metals,
        "paper-dimers": paper_dimers,
        "paper-3N": paper_3n,
    }


def pairs():
    """All pairs in the small sheet, as built."""
    for kinds in ((), ("4N",), ("3N",)):
        yield Job(kinds)
    for kinds in PAIRS:
        for name in names(kinds, co.SMALL_CELLS):
            yield Job(kinds, name, EMPTY)


def key():
    """A little of everything: what the chapter needs at least."""
    for name in KEY:
        yield Job(PAIRS[0], name, EMPTY, relaxed=True)
    for metal in METALS[:3]:
        yield Job(("3N",), metals=(metal,), relaxed=True)
    yield from metals(METALS[:3], 2)
    for method, kelvin in (("GFN2-xTB", tb.ELECTRONS_K), (tb.METHOD, 300.0)):
        for name in KEY:
            yield Job(PAIRS[0], name, EMPTY, method=method, electrons_k=kelvin)
    for name in KEY:
        yield Job(PAIRS[0], name, EMPTY, cell=co.PAPER_CELLS)
    for kinds, minimum, farthest in ((PAIRS[1], "4.92a", "8.87a"), (PAIRS[2], "4.97b", "8.73a")):
        for name in (minimum, farthest):
            yield Job(kinds, name, EMPTY, relaxed=True)
    for metal in METALS[:3]:
        yield Job(("4N",), metals=(metal,), relaxed=True)
    for metal in METALS[:3]:
        for kind in ("4N", "3N"):
            yield Job((kind,), metals=(metal + "2",), start=STARTS[kind][0], relaxed=True)


def relaxed(kinds=("4N", "4N")):
    """Square-planar pairs in the small sheet, relaxed; some from a rattled start."""
    for alone in ((), ("4N",), ("3N",)):
        yield Job(alone, relaxed=True)
    if kinds == ("4N", "4N"):
        for name in KEY[:3]:
            yield Job(kinds, name, EMPTY, start="rattled", relaxed=True)
    for name in names(kinds, co.SMALL_CELLS):
        yield Job(kinds, name, EMPTY, relaxed=True)


def centres():
    """One metal in a site, relaxed."""
    for metal in METALS:
        for kind in ("3N", "4N"):
            yield Job((kind,), metals=(metal,), relaxed=True)


def robust(kinds=("4N", "4N")):
    """Another temperature of the electrons, and GFN2."""
    for method, kelvin in (("GFN2-xTB", tb.ELECTRONS_K), (tb.METHOD, 500.0)):
        for name in names(kinds, co.SMALL_CELLS):
            yield Job(kinds, name, EMPTY, method=method, electrons_k=kelvin)


def paper(kinds=("4N", "4N")):
    """Square-planar pairs in the paper's sheet, as built."""
    for alone in ((), ("4N",), ("3N",)):
        yield Job(alone, cell=co.PAPER_CELLS)
    for name in names(kinds, co.PAPER_CELLS):
        yield Job(kinds, name, EMPTY, cell=co.PAPER_CELLS)


def metals(elements=METALS, count=None):
    """Metal centres in pairs of sites, as built; the first arrangements only, given a count."""
    for kinds in PAIRS:
        for metal in elements:
            for name in WITH_METALS[kinds][:count]:
                for filling in fillings(kinds, metal):
                    yield Job(kinds, name, filling)
    for name in WITH_METALS[PAIRS[2]][:count]:
        for filling in (("Ni", "Pd"), ("Pd", "Ni")):
            yield Job(PAIRS[2], name, filling)


def fillings(kinds, metal):
    """A metal in both sites, and in either alone."""
    both = [(metal, metal), (metal, "-")]
    return both if kinds[0] == kinds[1] else [*both, ("-", metal)]


def dimers():
    """Two metal atoms in one site, from several starts; the wide site also with one and none."""
    for kind in ("4N", "3N", "6N"):
        for metal in METALS:
            if kind == "6N":
                yield Job((kind,), relaxed=True)
                yield Job((kind,), metals=(metal,), relaxed=True)
            for start in STARTS[kind]:
                yield Job((kind,), metals=(metal + "2",), start=start, relaxed=True)


def spin():
    """Spin states: one site with an odd number of electrons, pairs of them, metal centres."""
    for unpaired in (1, 3):
        yield Job(("3N",), unpaired=unpaired, spin_polarised=True)
    for unpaired in (0, 2):
        yield Job(("4N",), unpaired=unpaired, spin_polarised=True)
    for metal in METALS:
        for unpaired in (0, 2, 4):
            yield Job(("4N",), metals=(metal,), unpaired=unpaired, spin_polarised=True)
        for unpaired in (1, 3):
            yield Job(("3N",), metals=(metal,), unpaired=unpaired, spin_polarised=True)
    for kinds, states in ((("3N", "3N"), (0, 2)), (("3N", "4N"), (1, 3))):
        for name in names(kinds, co.SMALL_CELLS):
            for unpaired in states:
                yield Job(kinds, name, EMPTY, unpaired=unpaired, spin_polarised=True)


def relaxed_3n():
    """Pairs with a trigonal site in the small sheet, relaxed."""
    for kinds in PAIRS[1:]:
        yield from relaxed(kinds)


def robust_3n():
    """Pairs with a trigonal site: other temperature of the electrons, and GFN2."""
    for kinds in PAIRS[1:]:
        yield from robust(kinds)


def paper_3n():
    """Pairs with a trigonal site in the paper's sheet, as built."""
    for kinds in PAIRS[1:]:
        yield from paper(kinds)


def paper_relaxed():
    """All pairs in the paper's sheet, relaxed, the most wanted first."""
    for name in KEY:
        yield Job(("4N", "4N"), name, EMPTY, cell=co.PAPER_CELLS, relaxed=True)
    yield Job(("3N", "3N"), "8.87a", EMPTY, cell=co.PAPER_CELLS, relaxed=True)
    for name in MIXED:
        yield Job(PAIRS[2], name, EMPTY, cell=co.PAPER_CELLS, relaxed=True)
    for kinds in ((), ("4N",), ("3N",)):
        yield Job(kinds, cell=co.PAPER_CELLS, relaxed=True)
    for kinds in PAIRS:
        for name in names(kinds, co.PAPER_CELLS):
            yield Job(kinds, name, EMPTY, cell=co.PAPER_CELLS, relaxed=True)


def tighter():
    """What the rest starts from, relaxed further where it ended early: up to 0.04 eV lower."""
    for kinds in PAIRS:
        for name in WITH_METALS[kinds][:2]:
            yield Job(kinds, name, EMPTY, relaxed=True)
    for name in (KEY[0], "8.87b"):
        yield Job(("4N", "4N"), name, EMPTY, cell=co.PAPER_CELLS, relaxed=True)
    yield from paper_relaxed()


def again(jobs, **changes):
    """Single points at the geometries of relaxed jobs, of those that are there."""
    there = computed()
    for job in jobs:
        if job.id in there:
            yield replace(job, start=f"relaxed {job.start}".strip(), relaxed=False, **changes)


def with_spins(jobs):
    """The two lowest spin states of relaxed jobs, spin-polarised, at their geometries.

    Metals and sites of two or six removed atoms bring an even number of electrons, each 3N site
    an odd one. Metals may have four electrons unpaired as well.
    """
    for job in jobs:
        odd = job.kinds.count("3N") % 2
        metal = any(metal != "-" for metal in job.metals)
        for unpaired in (1, 3) if odd else (0, 2, 4) if metal else (0, 2):
            yield from again([job], unpaired=unpaired, spin_polarised=True)


def small_pairs():
    """Relaxed pairs of the small sheet, those with a trigonal site first."""
    for kinds in (*PAIRS[1:], PAIRS[0]):
        for name in names(kinds, co.SMALL_CELLS):
            yield Job(kinds, name, EMPTY, relaxed=True)


# Near and far pairs of the paper's sheet.
CHECKED = {PAIRS[0]: (KEY[0], KEY[2]), PAIRS[1]: ("5.12a", "4.92a", "8.87a"), PAIRS[2]: MIXED[:2]}


def checked():
    """Relaxed pairs of the paper's sheet that are computed in other ways as well."""
    for kinds, chosen in CHECKED.items():
        for name in chosen:
            yield Job(kinds, name, EMPTY, cell=co.PAPER_CELLS, relaxed=True)


def spin_relaxed():
    """Spin states at relaxed geometries: all pairs with a trigonal site, some in both sheets."""
    yield from with_spins(job for job in small_pairs() if "3N" in job.kinds)
    yield from with_spins(checked())


def gas():
    """Metal atoms and dimers in an empty box."""
    for metal in METALS:
        for unpaired in (0, 2, 4):
            yield Job(GAS, metals=(metal,), unpaired=unpaired, spin_polarised=True)
            yield Job(
                GAS, metals=(metal + "2",), unpaired=unpaired, spin_polarised=True, relaxed=True
            )


def dimers_spin():
    """Spin states of dimers, single centres and empty sites."""
    yield from with_spins([*dimers(), *centres()])
    yield from with_spins(Job((kind,), relaxed=True) for kind in ("3N", "4N", "6N"))


def metals_relaxed():
    """Metal centres in a near pair, then in a far one, relaxed; ruthenium in 4N sites only."""
    for distance in (0, 1):
        for kinds in PAIRS:
            name = WITH_METALS[kinds][distance]
            for metal in METALS if kinds == PAIRS[0] else METALS[:3]:
                for filling in (EMPTY, *fillings(kinds, metal)):
                    yield Job(kinds, name, filling, relaxed=True)
        for filling in (("Ni", "Pd"), ("Pd", "Ni")):
            yield Job(PAIRS[2], name, filling, relaxed=True)


def ruthenium_spin():
    """Spin states of the only metal whose single centre in a 4N site has unpaired electrons."""
    yield from with_spins(job for job in metals_relaxed() if "Ru" in job.metals)


def ligands():
    """Chlorides in one and both of two 4N sites, relaxed, in a near and a far pair."""
    for metal in METALS[:3]:
        for name in WITH_METALS[PAIRS[0]][:2]:
            for filling in fillings(PAIRS[0], metal + "Cl2"):
                yield Job(PAIRS[0], name, filling, relaxed=True)


def robust_relaxed():
    """Colder electrons, and GFN2, at relaxed geometries."""
    for job in [*small_pairs(), *checked()]:
        yield from again([job], electrons_k=500.0)
        yield from again([job], method="GFN2-xTB")


def paper_metals():
    """Nickel in 4N sites of the paper's sheet, near and far, relaxed."""
    for name in WITH_METALS[PAIRS[0]][:2]:
        for filling in fillings(PAIRS[0], "Ni"):
            yield Job(PAIRS[0], name, filling, cell=co.PAPER_CELLS, relaxed=True)


def paper_dimers():
    """Nickel dimers in the paper's sheet, from the start that was lowest in the small one."""
    best = energy_tables.dimers(read_energies()).set_index(["kind", "metal"])["start"]
    for kind in ("3N", "4N", "6N"):
        start = best[kind, "Ni"].removeprefix("relaxed").strip()
        for metals, first in (((), ""), (("Ni",), ""), (("Ni2",), start)):
            yield Job((kind,), metals=metals, start=first, cell=co.PAPER_CELLS, relaxed=True)


def loose():
    """Names of relaxations that ended at larger forces than are asked for now."""
    with OUT.open(newline="") as file:
        return {
            row["id"]
            for row in csv.DictReader(file)
            if row["relaxed"] == "True" and float(row["largest_force_eV_A"] or 0) > tb.LARGEST_FORCE
        }


def computed():
    """Names of the rows that are there."""
    if not OUT.exists():
        return set()
    with OUT.open(newline="") as file:
        return {row["id"] for row in csv.DictReader(file)}


def store(row, atoms):
    """Append or replace a row; the geometry first, so that no row is without it."""
    if atoms is not None:
        saved = dict(np.load(GEOMETRIES)) if GEOMETRIES.exists() else {}
        part = GEOMETRIES.with_suffix(".part.npz")
        np.savez_compressed(part, **(saved | {row["id"]: atoms}))
        os.replace(part, GEOMETRIES)
    rows = []
    if OUT.exists():
        with OUT.open(newline="") as file:
            rows = [other for other in csv.DictReader(file) if other["id"] != row["id"]]
    part = OUT.with_suffix(".part.csv")
    with part.open("w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows([*rows, row])
    os.replace(part, OUT)


def main():
    """Compute what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument(
        "--stage", nargs="+", choices=list(stages()), help="only these, in this order"
    )
    parser.add_argument("--minutes", type=float, default=np.inf, help="start nothing after these")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    end = time.time() + 60 * options.minutes
    with ProcessPoolExecutor(options.workers) as pool:
        for stage in options.stage or stages():
            done = computed() - (loose() if stage == "tighter" else set())
            left = [job for job in dict.fromkeys(stages()[stage]()) if job.id not in done]
            running = set()
            print(f"{stage}: {len(left)} left", flush=True)
            while left or running:
                while left and len(running) < options.workers:
                    job = left.pop(0)
                    if time.time() < end:
                        running.add(pool.submit(compute, job))
                if running:
                    finished = next(as_completed(running))
                    running.remove(finished)
                    row, atoms = finished.result()
                    store(row, atoms)
                    print(row["id"], row.get("energy_eV", row["note"]), row["cpu_s"], flush=True)


if __name__ == "__main__":
    main()
