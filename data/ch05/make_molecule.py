"""Biphenyl-4-thiol, free and on one gold atom: modes and Raman tensors by DFT and by GFN2-xTB.

molecule_H_xtb.npz, molecule_Au_xtb.npz: GFN2-xTB, ten seconds each.
molecule_H_dft.npz, molecule_Au_dft.npz: B3LYP-D3(BJ)/def2-SVP. Relaxed from the GFN2-xTB minimum
with its Hessian; Hessian by one-sided differences of gradients, whose cubic error GFN2-xTB takes
away; Raman tensors by gradients in fields. About 95 gradients each.
molecule_checks.csv: lowest mode, gradient left and broken sum rules of each, and its cost.
molecule_gradients_H.npz, molecule_gradients_Au.npz: every DFT gradient and dipole moment, with the
positions (bohr) and fields (atomic units) that they belong to; what is above follows from them.

Every gradient is kept in _build/molecule as soon as it is there, and packed when the script ends
(after a killed one: --minutes 0). Start it again to go on, on another machine too. A second process
with --backwards takes the other end of the Hessian. One gradient takes 80 s of one core, so the
free molecule takes just under two hours. Needs the `simulate` and `molecules` extras. Run from the
repository root:

    python data/ch05/make_molecule.py [--ends H Au] [--minutes 60] [--backwards] [--xtb]
"""

import argparse
import hashlib
import time

import numpy as np
import pandas as pd

from helpers.picocavities import density_functional, molecule, raman, tight_binding, vibrations
from helpers.registry import ROOT

KEPT = ROOT / "_build" / "molecule"
FIELD = 0.003  # atomic units
RELAXED = 3e-4  # hartree/bohr
PARTS = ("positions", "field", "gradient", "dipole", "cpu_s")
CHECKS = molecule.FOLDER / "molecule_checks.csv"


class OutOfTime(Exception):
    """The minutes are over; everything finished is kept."""


class Gradients:
    """Gradients and dipoles of one molecule by DFT, each computed once and kept in a folder.

    Parameters
    ----------
    symbols : sequence of str
    folder : Path
    pack : Path
        File with all of them; those in it count as computed.
    until : float
        Moment (of `time.time`) after which no new calculation begins.
    """

    def __init__(self, symbols, folder, pack, until=np.inf):
        self.symbols, self.folder, self.pack, self.until = symbols, folder, pack, until
        self.density = None
        folder.mkdir(parents=True, exist_ok=True)
        if pack.is_file():
            with np.load(pack) as kept:
                known = {name: kept[name] for name in kept.files}
            if "relaxed" in known and not self.relaxed.is_file():
                np.save(self.relaxed, known["relaxed"])
            for row in zip(*(known[name] for name in PARTS)):
                self._keep(**dict(zip(PARTS, row)))

    @property
    def relaxed(self):
        """File with the relaxed positions, from when they are known."""
        return self.folder / "relaxed.npy"

    def __call__(self, positions, field=(0, 0, 0)):
        """Gradient in hartree/bohr and dipole in e bohr at positions in bohr."""
        positions, field = np.round(positions, 9), np.asarray(field, float)
        path = self._path(positions, field)
        if not path.is_file():
            if time.time() > self.until:
                raise OutOfTime
            start = time.process_time()
            gradient, dipole, self.density = density_functional.gradient_and_dipole(
                self.symbols, positions, field, self.density
            )
            seconds = time.process_time() - start
            self._keep(positions, field, gradient, dipole, seconds)
            count = len(list(self.folder.glob("*.npz")))
            print(f"{self.folder.name} gradient {count}: {seconds:.0f} CPU s,", end=" ")
            print(f"largest {np.abs(gradient).max():.1e}", flush=True)
        with np.load(path) as kept:
            return kept["gradient"], kept["dipole"]

    def _path(self, positions, field):
        # Adding 0 turns -0, which is the same field but other bytes, into 0.
        question = hashlib.sha256((np.r_[positions.ravel(), field] + 0.0).tobytes())
        return self.folder / f"{question.hexdigest()[:16]}.npz"

    def _keep(self, positions, field, gradient, dipole, cpu_s):
        """Write a file that is whole or not there."""
        path = self._path(positions, field)
        if not path.is_file():
            with path.with_suffix(".part").open("wb") as file:
                values = (positions, field, gradient, dipole, cpu_s)
                np.savez(file, **dict(zip(PARTS, values)))
            path.with_suffix(".part").rename(path)

    def write_pack(self):
        """Put all that is known into one file, in the order of computation."""
        paths = sorted(self.folder.glob("*.npz"), key=lambda path: path.stat().st_mtime_ns)
        kept = [dict(np.load(path)) for path in paths]
        if kept:
            known = {name: np.array([one[name] for one in kept]) for name in PARTS}
            if self.relaxed.is_file():
                known["relaxed"] = np.load(self.relaxed)
            np.savez_compressed(self.pack, **known)

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

    if not gradients.relaxed.is_file():
        np.save(gradients.relaxed, vibrations.relax(slope, start, rough, RELAXED)[0].round(9))
    place = np.load(gradients.relaxed)
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

    Kept to the last digit, so that DFT is found to have relaxed from there already.
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
        pack = molecule.FOLDER / f"molecule_gradients_{end}.npz"
        gradients = Gradients(symbols, KEPT / f"{end}_dft", pack, until)
        try:
            by, left = by_dft(gradients, place, second, molecule.METHODS["dft"], chosen.backwards)
        except OutOfTime:
            print(f"{end}: not finished, run again to go on")
            continue
        finally:
            gradients.write_pack()
        molecule.save(molecule.FOLDER / f"molecule_{end}_dft.npz", by.upright())
        note(end, "dft", by, left, gradients.cpu_s)


if __name__ == "__main__":
    main()
