"""Biphenyl-4-thiol, free and on one gold atom: modes and Raman tensors by DFT and by GFN2-xTB.

molecule_H_xtb.npz, molecule_Au_xtb.npz: GFN2-xTB, ten seconds each.
molecule_H_dft.npz, molecule_Au_dft.npz: B3LYP-D3(BJ)/def2-SVP. Relaxed from the GFN2-xTB minimum
with its Hessian; Hessian by one-sided differences of gradients, whose cubic error GFN2-xTB takes
away; Raman tensors by gradients in fields. About 95 gradients each.
molecule_checks.csv: lowest mode, gradient left and broken sum rules of each, and its cost.

Every gradient is kept in _build/molecule as soon as it is there: stop the script at any time, and
start it again to go on. A second process with --backwards takes the other end of the Hessian. One
gradient takes 80 s of one core, so that the free molecule takes just under two hours. Needs the
`simulate` and `molecules` extras. Run from the repository root:

    python data/ch05/make_molecule.py [--ends H Au] [--minutes 60] [--backwards] [--xtb]
"""

import argparse
import time

import numpy as np
import pandas as pd

from helpers.picocavities import density_functional, molecule, raman, tight_binding, vibrations
from helpers.registry import ROOT

KEPT = ROOT / "_build" / "molecule"
FIELD = 0.003  # atomic units
RELAXED = 3e-4  # hartree/bohr
CHECKS = molecule.FOLDER / "molecule_checks.csv"


class OutOfTime(Exception):
    """The minutes are over; everything finished is kept."""


class Gradients:
    """Gradients and dipoles of one molecule by DFT, each computed once and kept in a folder.

    Parameters
    ----------
    symbols : sequence of str
    folder : Path
    until : float
        Moment (of `time.time`) after which no new calculation begins.
    basis, grid
        As in :func:`helpers.picocavities.density_functional.gradient_and_dipole`.
    """

    def __init__(self, symbols, folder, until=np.inf, basis="def2-svp", grid=2):
        self.symbols, self.folder, self.until = symbols, folder, until
        self.options = {"basis": basis, "grid": grid}
        self.density = None
        folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, positions, field=(0, 0, 0)):
        """Gradient in hartree/bohr and dipole in e bohr at positions in bohr."""
        question = np.concatenate([np.ravel(positions), field]).round(9) + 0.0
        for path in self.folder.glob(f"{np.abs(question).sum():.6f}*.npz"):
            with np.load(path) as kept:
                if np.array_equal(kept["question"], question):
                    return kept["gradient"], kept["dipole"]
        if time.time() > self.until:
            raise OutOfTime
        start = time.process_time()
        gradient, dipole, self.density = density_functional.gradient_and_dipole(
            self.symbols, positions, field, self.density, **self.options
        )
        seconds = time.process_time() - start
        path = self.folder / f"{np.abs(question).sum():.6f}_{time.time_ns()}.npz"
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, question=question, gradient=gradient, dipole=dipole, cpu_s=seconds)
        part.rename(path)
        count = len(list(self.folder.glob("*.npz")))
        print(f"{self.folder.name} gradient {count}: {seconds:.0f} CPU s,", end=" ")
        print(f"largest {np.abs(gradient).max():.1e}", flush=True)
        return gradient, dipole

    @property
    def cpu_s(self):
        """Sum over all calculations that are kept."""
        return sum(float(np.load(path)["cpu_s"]) for path in self.folder.glob("*.npz"))


def by_dft(gradients, start, rough, method, backwards=False):
    """Relax with DFT from the minimum of GFN2-xTB, then modes and Raman tensors.

    Parameters
    ----------
    gradients : Gradients
    start : array (N, 3)
        In bohr.
    rough : array (3 N, 3 N)
        Hessian to start with, hartree/bohr^2.
    method : str
        To be written into the molecule.
    backwards : bool
        Do the Hessian first, from its last row.

    Returns
    -------
    tuple
        The molecule, and the largest component of the gradient that is left.
    """
    symbols = gradients.symbols

    def cheap(at):
        return tight_binding.gradient_and_dipole(symbols, at)[0]

    def slope(at):
        return gradients(at)[0]

    place, _ = vibrations.relax(slope, start, rough, RELAXED)
    if backwards:
        for coordinate in range(place.size)[::-1]:
            slope(vibrations.displaced(place, coordinate))
    # Fields first: with them alone there are Raman tensors of the modes of GFN2-xTB already.
    tensors, polarisability = raman.atom_tensors(lambda field: gradients(place, field), FIELD)
    second = vibrations.hessian_with_cheap_cubic(slope, cheap, place)
    made = molecule.assemble(symbols, place, second, tensors, polarisability, method)
    return made, np.abs(slope(place)).max()


def by_tight_binding(end):
    """Symbols, positions (bohr) and Hessian of the minimum of GFN2-xTB, computed once.

    The positions are kept to the last digit: what DFT does next is found again by them.
    """
    path = KEPT / f"{end}_xtb.npz"
    if not path.is_file():
        start = time.process_time()
        made, place, second = tight_binding.relaxed_biphenylthiol(end)
        left = np.abs(tight_binding.gradient_and_dipole(made.symbols, place)[0]).max()
        molecule.save(molecule.FOLDER / f"molecule_{end}_xtb.npz", made)
        note(end, "xtb", made, left, time.process_time() - start)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, symbols=made.symbols, place=place, second=second)
    with np.load(path) as kept:
        return kept["symbols"], kept["place"], kept["second"]


def note(end, name, made, left, cpu_s):
    """Write one row of molecule_checks.csv."""
    rules = raman.broken_sum_rules(made.positions_A, made.tensors, made.polarisability)
    row = {
        "end": end,
        "calculation": name,
        "method": made.method,
        "modes": len(made.wavenumbers),
        "lowest_mode_cm": round(float(made.wavenumbers[0]), 1),
        "gradient_left_hartree_bohr": f"{left:.1e}",
        "translation_broken": f"{rules[0]:.1e}",
        "rotation_broken": f"{rules[1]:.1e}",
        "cpu_s": round(cpu_s),
    }
    rows = pd.read_csv(CHECKS, dtype=str) if CHECKS.is_file() else pd.DataFrame()
    if len(rows):
        rows = rows[(rows["end"] != end) | (rows["calculation"] != name)]
    rows = pd.concat([rows, pd.DataFrame([row]).astype(str)])
    rows.sort_values(["calculation", "end"]).to_csv(CHECKS, index=False)
    print(row, flush=True)


def main():
    """Make what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ends", nargs="+", default=["H", "Au"], choices=["H", "Au"])
    parser.add_argument("--minutes", type=float, default=np.inf, help="stop after so many")
    parser.add_argument("--backwards", action="store_true", help="for a second process")
    parser.add_argument("--xtb", action="store_true", help="GFN2-xTB only")
    chosen = parser.parse_args()
    until = time.time() + 60 * chosen.minutes
    for end in chosen.ends:
        symbols, place, second = by_tight_binding(end)
        if chosen.xtb:
            continue
        gradients = Gradients(symbols, KEPT / f"{end}_dft", until)
        try:
            by, left = by_dft(gradients, place, second, molecule.METHODS["dft"], chosen.backwards)
        except OutOfTime:
            print(f"{end}: not finished, run again to go on")
            continue
        molecule.save(molecule.FOLDER / f"molecule_{end}_dft.npz", by.upright())
        note(end, "dft", by, left, gradients.cpu_s)


if __name__ == "__main__":
    main()
