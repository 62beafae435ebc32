"""Energies of coordination sites, metal centres and dimers by extended tight binding.

Chapter 2 compares them with Fig. 4 and S27, S32 to S36 of Rossi et al. 2024. Each calculation is
one row of `energies.csv`; relaxed positions go to `energies_geometries.npz`. Rows that are there
already are not computed again, so the script can be stopped and started at will, and finishes what
is missing. On one core a single point takes 2 s with 92 atoms and 27 s with 212; a relaxation 4 to
20 times that. tblite's wheel brings the slow reference BLAS: with OpenBLAS put before it
(LD_PRELOAD=.../libopenblas.so.0) the larger sheet takes 5 s and gives the same energies.

Run from the repository root (needs the `simulate` extra):

    python data/ch02/make_energetics.py [--workers 2] [--stage pairs] [--minutes 30]
"""

import argparse
import csv
import os
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from helpers.atoms import coordination as co
from helpers.atoms import tight_binding as tb
from helpers.data import DataError

OUT = Path(__file__).with_name("energies.csv")
GEOMETRIES = Path(__file__).with_name("energies_geometries.npz")
EMPTY = ("-", "-")
PAIRS = (("4N", "4N"), ("3N", "3N"), ("3N", "4N"))
METALS = ("Ni", "Pd", "Pt", "Ru")
# Minimum, N-N bonded, farthest, and one between.
KEY = ("4.92b", "4.26a", "8.87a", "6.51a")
FARTHEST = 9.0  # A, as in the paper
# Arrangements with metals: the minimum, the farthest, then those between.
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

    ``metals`` has one entry per site ("-": none); a dimer is one entry, "Ni2".
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
        size = f"{self.cell[0]}x{self.cell[1]}"
        return "/".join(part for part in (*atoms, self.start, size, *way) if part)


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
        element = metal.rstrip("2")
        if metal == "-":
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
RATTLE = 0.05  # A, out of the plane


def build(job):
    """Structure of a job and the columns that describe it."""
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
        "cell": f"{job.cell[0]}x{job.cell[1]}",
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
    metal = np.array([s not in ("C", "N") for s in structure.symbols])
    height = result.positions[:, 2] - np.median(result.positions[~metal, 2])
    of_metal = result.positions[metal]
    row |= {
        "energy_eV": round(result.energy_eV, 5),
        "nitrogen_charge_e": _mean(result.charges[structure.seed_nitrogen], 4),
        "metal_charge_e": _mean(result.charges[metal], 4),
        "metal_distance_A": "",
        "metal_height_A": _mean(np.abs(height[metal]), 3),
        "buckling_A": round(float(np.ptp(height[~metal])), 3),
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
        "paper-3N": paper_3n,
        "paper-relaxed": paper_relaxed,
        "metals-relaxed": metals_relaxed,
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
    """All pairs in the paper's sheet, relaxed."""
    for name in KEY:
        yield Job(("4N", "4N"), name, EMPTY, cell=co.PAPER_CELLS, relaxed=True)
    for kinds in ((), ("4N",), ("3N",)):
        yield Job(kinds, cell=co.PAPER_CELLS, relaxed=True)
    for kinds in PAIRS:
        for name in names(kinds, co.PAPER_CELLS):
            yield Job(kinds, name, EMPTY, cell=co.PAPER_CELLS, relaxed=True)


def metals_relaxed():
    """Metal centres in a near, a middle and a far pair, relaxed."""
    for kinds in PAIRS:
        chosen = WITH_METALS[kinds]
        for metal in METALS[:3]:
            for name in (chosen[0], chosen[len(chosen) // 2], chosen[-1]):
                for filling in (EMPTY, *fillings(kinds, metal)):
                    yield Job(kinds, name, filling, relaxed=True)


def computed():
    """Names of the rows that are there."""
    if not OUT.exists():
        return set()
    with OUT.open(newline="") as file:
        return {row["id"] for row in csv.DictReader(file)}


def store(row, atoms):
    """Append a row; the geometry first, so that no row is without it."""
    if row["id"] in computed():  # another run of this script was faster
        return
    if atoms is not None:
        saved = dict(np.load(GEOMETRIES)) if GEOMETRIES.exists() else {}
        part = GEOMETRIES.with_suffix(".part.npz")
        np.savez_compressed(part, **(saved | {row["id"]: atoms}))
        os.replace(part, GEOMETRIES)
    new = not OUT.exists()
    with OUT.open("a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, restval="", lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)


def main():
    """Compute what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--stage", choices=list(stages()), help="only this part")
    parser.add_argument("--minutes", type=float, default=np.inf, help="start nothing after these")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    end = time.time() + 60 * options.minutes
    with ProcessPoolExecutor(options.workers) as pool:
        for stage, jobs in stages().items():
            if options.stage not in (None, stage):
                continue
            left, running = list(dict.fromkeys(jobs())), set()
            print(f"{stage}: {sum(job.id not in computed() for job in left)} left", flush=True)
            while left or running:
                while left and len(running) < options.workers:
                    job = left.pop(0)
                    if time.time() < end and job.id not in computed():
                        running.add(pool.submit(compute, job))
                if running:
                    finished = next(as_completed(running))
                    running.remove(finished)
                    row, atoms = finished.result()
                    store(row, atoms)
                    print(row["id"], row.get("energy_eV", row["note"]), row["cpu_s"], flush=True)


if __name__ == "__main__":
    main()
