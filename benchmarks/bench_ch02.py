"""Ratios of chapter 2: spatial statistics of 40 000 atoms against loops over all pairs; models.

    python benchmarks/bench_ch02.py                # loops over all pairs timed in full, same run
    python benchmarks/bench_ch02.py --atoms 10000  # a smaller field

The loops of spatial statistics are compiled and use the same edge correction, so the ratio is that
of the algorithms, not of Python.  Their results are compared with ours, and so are those of the
models.
"""

import argparse

import numba
import numpy as np
import pandas as pd
from bench_ch01 import best_of
from scipy.spatial import cKDTree

from helpers.atoms import aggregates, arrangement, processes, ripley

DENSITY_NM2 = 4.0
PIXEL_NM = 15 / 512
R_MAX, STEP = 2.0, 0.02


@numba.njit(nogil=True)
def nearest_of_all(points):
    nearest = np.full(len(points), np.inf)
    for i in range(len(points)):
        for j in range(len(points)):
            square = (points[i, 0] - points[j, 0]) ** 2 + (points[i, 1] - points[j, 1]) ** 2
            if i != j and square < nearest[i]:
                nearest[i] = square
    return np.sqrt(nearest)


@numba.njit(nogil=True)
def k_of_all(points, side, r_max, bins):
    """K in a square, translation correction, every unordered pair looked at."""
    sums = np.zeros(bins)
    for i in range(len(points)):
        for j in range(i):
            dx, dy = abs(points[i, 0] - points[j, 0]), abs(points[i, 1] - points[j, 1])
            away = np.sqrt(dx * dx + dy * dy)
            if away < r_max:
                sums[int(away / r_max * bins)] += 2 / ((side - dx) * (side - dy))
    return np.cumsum(sums) * side**4 / (len(points) * (len(points) - 1))


def spatial(atoms, runs):
    pixels = round(np.sqrt(atoms / DENSITY_NM2) / PIXEL_NM)
    side, mask = pixels * PIXEL_NM, np.ones((pixels, pixels), bool)
    rng = np.random.default_rng(0)
    positions = processes.neutral(rng, atoms, (side, side)) - PIXEL_NM / 2
    print(f"{atoms} atoms on {side:.0f} x {side:.0f} nm, {pixels} x {pixels} px")

    few = positions[:500]  # compile before timing
    nearest_of_all(few)
    k_of_all(few, side, R_MAX, 100)
    ripley.pair_statistics(few, mask, PIXEL_NM)

    fast, ours = best_of(3, arrangement.nearest_neighbours, positions)
    slow, theirs = best_of(1, nearest_of_all, positions)
    largest = np.abs(ours - theirs).max()
    print(f"nearest neighbours: {fast:.3f} s, all pairs {slow:.2f} s, ratio {slow / fast:.0f},")
    print(f"  largest difference {largest:.0e} nm")

    fast, table = best_of(3, ripley.pair_statistics, positions, mask, PIXEL_NM, R_MAX, STEP)
    bins = round(R_MAX / STEP)
    slow, theirs = best_of(1, k_of_all, positions, side, R_MAX, bins)
    largest = np.abs(table.K_nm2 / theirs - 1).max()
    print(f"K, L, g to {R_MAX} nm (edge correction of the mask included): {fast:.2f} s,")
    print(
        f"  all pairs {slow:.2f} s, ratio {slow / fast:.0f}, largest difference {largest:.0e} of K"
    )

    fast, _ = best_of(3, aggregates.aggregate, positions)
    print(f"multimers: {fast:.3f} s")

    slow += best_of(1, nearest_of_all, positions)[0]
    taken, tests = best_of(
        1, ripley.envelopes, positions, mask, PIXEL_NM, rng, runs, None, R_MAX, STEP
    )
    slow *= runs + 1  # one, times as many as were looked at
    print(f"envelopes of L, g and G, {runs} simulations: {taken:.1f} s,")
    print(f"  all pairs {slow:.0f} s (extrapolated from one), ratio {slow / taken:.0f}")
    print("  p of a random arrangement: " + ", ".join(f"{k} {t.p:.2f}" for k, t in tests.items()))


def energy_weighted_of_all(rng, n, energies, temperature_k, side=10.0, grid=0.05):
    """The energy-weighted model, the whole field of probability made anew for every point."""
    axis = (np.arange(round(side / grid)) + 0.5) * grid
    pixels = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    points = rng.random((min(n, 2), 2)) * side
    while len(points) < n:
        away = cKDTree(points).query(pixels)[0]
        bins = (away / (0.4 * grid)).astype(int)
        chance = np.exp(processes.population(energies, temperature_k, away))
        chance *= away * np.exp(-np.pi * len(points) / side**2 * away**2) / np.bincount(bins)[bins]
        place = pixels[rng.choice(len(pixels), p=chance / chance.sum())]
        points = np.vstack([points, place + (rng.random(2) - 0.5) * grid])
    return points


def models(points=400, runs=100):
    well = pd.DataFrame({"distance_nm": [0.43, 0.49, 0.9], "energy_ev": [0.6, -0.4, 0.0]})
    named = {
        "neutral": (processes.neutral, None),
        "attractive": (processes.attractive, None),
        "repulsive": (processes.repulsive, None),
        "energy-weighted": (
            lambda rng, n: processes.energy_weighted(rng, n, well, 600),
            lambda rng, n: energy_weighted_of_all(rng, n, well, 600),
        ),
        "Strauss": (lambda rng, n: processes.strauss(rng, n, 0.3, 0.3), None),
    }
    print(f"{runs} runs of {points} points:")
    for name, (model, plain) in named.items():
        model(np.random.default_rng(0), 60)  # compile before timing
        rng = np.random.default_rng(0)
        seconds, ours = best_of(1, lambda: [model(rng, points) for _ in range(runs)])  # noqa: B023
        print(f"  {name} {seconds:.2f} s, mean nearest distance {mean_nearest(ours):.3f} nm")
        if plain:
            slow, theirs = best_of(1, plain, rng, points)
            slow *= runs
            print(
                f"    the whole field for every point {slow:.0f} s (extrapolated from one run),"
                f" ratio {slow / seconds:.0f}, mean distance {mean_nearest([theirs]):.3f} nm"
            )


def mean_nearest(arrangements):
    return np.mean([arrangement.nearest_neighbours(points).mean() for points in arrangements])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--atoms", type=int, default=40_000)
    parser.add_argument("--runs", type=int, default=199, help="simulations for the envelopes")
    options = parser.parse_args()
    spatial(options.atoms, options.runs)
    models()


if __name__ == "__main__":
    main()
