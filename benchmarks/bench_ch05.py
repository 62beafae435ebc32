"""Ratios of chapter 5.

    python benchmarks/bench_ch05.py
    python benchmarks/bench_ch05.py --events 200
    python benchmarks/bench_ch05.py --scans 1400     # 1.4 million spectra: 1.8 GB on disk

Wasserstein distances of all pairs of events, against scipy's function for one pair at a time, with
one thread: largest difference and ratio of the times. The whole way from scans on disk to events,
in spectra per second with two threads, with the peak of the memory: as published but with the
stable state of means of 8 steps, the same with every step through the network, and our detector.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from bench_ch01 import best_of
from scipy.stats import wasserstein_distance

from helpers.picocavities import analysis, calibrated
from helpers.picocavities.autoencoder import reconstruct, shipped
from helpers.picocavities.configurations import configurations
from helpers.picocavities.distances import wasserstein
from helpers.picocavities.formations import lorentz
from helpers.picocavities.molecule import shipped as molecule
from helpers.picocavities.preprocess import GRID, preprocess
from helpers.picocavities.scans import scan
from helpers.picocavities.varieties import FIRST

THREADS = 2


def event_spectra(events):
    """Spectra of as many simulated events: a few lines on what noise leaves."""
    rng = np.random.default_rng(0)
    places = rng.uniform(GRID[0], GRID[-1], (events, 6, 1))
    lines = (rng.random((events, 6, 1)) * lorentz(GRID, places, 12.0)).sum(1)
    return lines + 0.01 * rng.random((events, len(GRID)))


def pairwise(spectra):
    """Every pair by itself."""
    found = np.zeros((len(spectra), len(spectra)))
    for i in range(len(spectra)):
        for j in range(i):
            found[i, j] = found[j, i] = wasserstein_distance(GRID, GRID, spectra[i], spectra[j])
    return found


def distances(events):
    """Print what all pairs of Wasserstein distances gain."""
    spectra = event_spectra(events)
    fast, ours = best_of(5, wasserstein, spectra)
    slow, theirs = best_of(1, pairwise, spectra)
    print(f"{events} events: {slow:.1f} s pair by pair, {1e3 * fast:.0f} ms at once")
    print(f"{slow / fast:.0f} times as fast")
    print(f"{np.abs(ours - theirs).max() / theirs.max():.0e} of the largest distance apart")


def write_scans(path, scans, different=4):
    """Scans one after the other in one file; after a few they come again."""
    biphenyl = molecule("Au", "xtb").upright()
    ways = configurations(np.random.default_rng(0), biphenyl)
    made = [scan(np.random.default_rng(k), biphenyl, ways).counts for k in range(different)]
    shape = (scans * FIRST.steps, FIRST.pixels)
    header = {"descr": "<u2", "fortran_order": False, "shape": shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for number in range(scans):
            file.write(made[number % different].to_numpy().clip(0).astype("<u2").tobytes())


def streaming(scans):
    """Print how fast scans on disk become events."""
    torch.set_num_threads(1)
    network, _ = shipped("first")

    def ours(one):
        values = preprocess(one)
        stable = reconstruct(network, values.to_numpy(), analysis.EVERY)
        return calibrated.detect(values.to_numpy(), stable).events

    ways = {
        "published, every 8": lambda one: analysis.analyse(one, network, analysis.EVERY).events,
        "published, every step": lambda one: analysis.analyse(one, network).events,
        "ours, every 8": ours,
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scans.npy"
        write_scans(path, scans)
        for name, find in ways.items():
            few = scans if name == "published, every 8" else min(scans, 20)
            read = analysis.scans_on_disk(path, FIRST.wavenumbers, FIRST.steps)
            find(next(read))  # compiles
            began, used = time.perf_counter(), time.process_time()
            table = analysis.stream((one for one, _ in zip(read, range(few))), find, THREADS)
            events = sum(len(one) for one in table)
            count = min(few, scans - 1) * FIRST.steps
            wall, used = time.perf_counter() - began, time.process_time() - used
            print(
                f"{name}: {count} spectra, {events} events, {count / wall:.0f} spectra/s with"
                f" {THREADS} threads, {count / used:.0f} per second of one core"
            )
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"peak of the memory so far {peak:.0f} MiB")


def main():
    """Print the ratios."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--events", type=int, default=500)
    arguments.add_argument("--scans", type=int, default=40)
    asked = arguments.parse_args()
    distances(asked.events)
    streaming(asked.scans)


if __name__ == "__main__":
    main()
