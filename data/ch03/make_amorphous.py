"""Amorphous gold clusters: melt by molecular dynamics, quench, keep what has no order left.

amorphous.npz: positions in 0.0001 nm (int16) and the run of each cluster; runs are independent.
amorphous.csv: every quenched snapshot, kept or not: ``ordered_share`` (kept up to
`helpers.clusters.amorphous.MOST_ORDER`), ``neighbours`` (mean) and ``radius_nm`` (largest).

A run starts from the icosahedron with its own velocities: 2 ps at 1800 K, then a snapshot every
0.75 ps at 1400 K, each quenched to the nearest minimum (Langevin dynamics, steps of 5 fs, ase's
effective-medium potential). Bonds are then stretched from that potential's lattice constant to
0.408 nm. Finished runs are kept in _build/amorphous. Twenty core-minutes:

    python data/ch03/make_amorphous.py
"""

import time

import numpy as np
import pandas as pd
from ase import units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from ase.optimize import FIRE
from scipy.optimize import minimize_scalar
from scipy.spatial import cKDTree

from helpers.clusters.amorphous import BOND_NM, LATTICE_NM, MOST_ORDER, PATH, UNIT_NM, ordered_share
from helpers.clusters.structures import isomer
from helpers.registry import ROOT

KEPT = ROOT / "_build" / "amorphous"
RUNS = {309: 12, 147: 6, 561: 6, 55: 6}
SNAPSHOTS = 5
STEP = 5 * units.fs


def lattice_constant():
    """Lattice constant of gold in the effective-medium potential, Angstrom."""

    def energy(a):
        crystal = bulk("Au", "fcc", a)
        crystal.calc = EMT()
        return crystal.get_potential_energy()

    return minimize_scalar(energy, (3.9, 4.2)).x


def run(atoms, number, stretch):
    """Quenched snapshots of one melt, (SNAPSHOTS, atoms, 3) in nm."""
    rng = np.random.default_rng([atoms, number])
    cluster = isomer("icosahedron", atoms)
    cluster.calc = EMT()
    MaxwellBoltzmannDistribution(cluster, temperature_K=1800, rng=rng)
    Langevin(cluster, STEP, temperature_K=1800, friction=0.02, rng=rng).run(400)
    melt = Langevin(cluster, STEP, temperature_K=1400, friction=0.02, rng=rng)
    snapshots = []
    for _ in range(SNAPSHOTS):
        melt.run(150)
        glass = cluster.copy()
        glass.calc = EMT()
        FIRE(glass, logfile=None).run(fmax=0.1, steps=150)
        place = glass.get_positions() * stretch / 10
        snapshots.append(place - (place.max(0) + place.min(0)) / 2)
    return np.array(snapshots)


def main():
    """Make both files."""
    KEPT.mkdir(parents=True, exist_ok=True)
    stretch = 10 * LATTICE_NM / lattice_constant()
    print(f"bonds are stretched by {stretch:.4f}")
    rows, kept = [], {}
    for atoms, runs in RUNS.items():
        for number in range(runs):
            path = KEPT / f"{atoms}_{number}.npy"
            if not path.exists():
                start = time.process_time()
                np.save(path, run(atoms, number, stretch))
                print(atoms, number, f"{time.process_time() - start:.0f} CPU s", flush=True)
            for snapshot, place in enumerate(np.load(path)):
                share = ordered_share(place)
                near = cKDTree(place).query_pairs(1.2 * BOND_NM)
                rows.append(
                    {
                        "atoms": atoms, "run": number, "snapshot": snapshot,
                        "ordered_share": round(share, 4), "kept": share <= MOST_ORDER,
                        "neighbours": round(2 * len(near) / atoms, 2),
                        "radius_nm": round(np.linalg.norm(place, axis=1).max(), 3),
                    }
                )  # fmt: skip
                if share <= MOST_ORDER:
                    kept.setdefault(f"run_{atoms}", []).append(number)
                    packed = np.round(place / UNIT_NM).astype(np.int16)
                    kept.setdefault(f"positions_{atoms}", []).append(packed)
        table = pd.DataFrame(rows)
        here = table[table["atoms"] == atoms]
        print(atoms, f"{here['kept'].sum()} of {len(here)} kept", here["ordered_share"].max())
        np.savez_compressed(PATH, **{name: np.array(value) for name, value in kept.items()})
        table.to_csv(PATH.with_suffix(".csv"), index=False)


if __name__ == "__main__":
    main()
