"""Ratios of chapter 1: dense inference against sliding windows, fast median against scipy, memory.

    python benchmarks/bench_ch01.py          # sliding windows timed on some rows and extrapolated
    python benchmarks/bench_ch01.py --whole  # on a whole image, and compared pixel by pixel
    python benchmarks/bench_ch01.py --large  # and both networks on 4096 x 4096 px, to the end
    python benchmarks/bench_ch01.py --keep   # and write data/ch01/speed.json, for claim 1.17

Uses a published image and the published weights when they are available, else a random image and
random weights: the times depend on neither.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
from scipy.ndimage import median_filter

from helpers import data
from helpers.atoms import detect, peaks, preprocess
from helpers.atoms.networks import SacCnn, load_published

# A process of its own: the peak of its memory is that of one detector alone.
LARGE = """
import resource, sys
import numpy as np
from helpers.atoms.detect import detect
image = np.tile(np.load(sys.argv[1]), (8, 8))
found = detect(image, sys.argv[2])
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_maxrss / 1024**2, used.ru_utime + used.ru_stime, len(found), *image.shape)
"""

BY_HAND_S = 30 * 60  # the paper's time for one image


def best_of(n, function, *arguments, **settings):
    """Shortest of n wall times in seconds, and the result."""
    times = []
    for _ in range(n):
        start = time.perf_counter()
        result = function(*arguments, **settings)
        times.append(time.perf_counter() - start)
    return min(times), result


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--whole", action="store_true", help="slide over a whole image (minutes)")
    parser.add_argument("--large", action="store_true", help="4096 x 4096 px to the end (minutes)")
    parser.add_argument("--keep", action="store_true", help="write data/ch01/speed.json")
    options = parser.parse_args()

    if data.available("pt-nc"):
        raw = data.pt_nc("test")[0].image.to_numpy()
        network = load_published(data.fetch("pt-nc") / "models" / "model_existing.ckpt")
    else:
        raw = np.random.default_rng(0).normal(1000, 30, (512, 512)).astype(np.float32)
        network = SacCnn().eval()
    print(f"{raw.shape[1]} x {raw.shape[0]} px, {torch.get_num_threads()} threads of PyTorch")

    preprocess.median_background(raw[:64, :64])  # compile before timing
    fast, ours = best_of(5, preprocess.median_background, raw)
    slow, theirs = best_of(1, median_filter, raw, 40, mode="reflect")
    equal = "equal in every bit" if np.array_equal(ours, theirs) else "DIFFERENT"
    print(f"median 40 x 40: {fast:.3f} s, scipy {slow:.2f} s, ratio {slow / fast:.0f}, {equal}")

    image = preprocess.normalise(raw)
    dense, likelihood = best_of(5, detect.likelihood_map, network, image, device="cpu")
    first, last = (0, len(image)) if options.whole else (252, 260)
    slide, part = best_of(1, detect.sliding_window, network, image, rows=(first, last))
    slide *= len(image) / (last - first)
    how = "measured" if options.whole else f"extrapolated from {last - first} of {len(image)} rows"
    largest = abs(likelihood[first:last] - part).max()
    print(f"network: dense {dense:.2f} s, sliding window {slide:.0f} s ({how}),")
    print(f"  ratio {slide / dense:.0f}, largest difference {largest:.1e}")

    def to_atoms():
        likelihood = detect.likelihood_map(network, preprocess.normalise(raw), device="cpu")
        return peaks.components(likelihood, 0.89)

    load = os.getloadavg()[0]
    whole, _ = best_of(10, to_atoms)
    print(f"whole image, from counts to positions: {whole:.2f} s, load before it {load:.1f}")
    print(f"  against {BY_HAND_S / 60:.0f} min of labelling by hand: {BY_HAND_S / whole:.0f} times")
    if options.keep:
        keep(raw, whole, load)
    print(
        f"peak memory so far {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2:.2f} GB"
    )

    for method in ("sac-cnn", "ensemble") if options.large else ():
        print(large(method, raw))


def keep(raw, seconds, load):
    """Write what claim 1.17 of the chapter is judged from, with the machine it was measured on."""
    facts = {
        "what": "counts to positions of one measured image, published SAC-CNN, shortest of 10 runs",
        "script": "benchmarks/bench_ch01.py --keep",
        "image_px": list(raw.shape),
        "seconds": round(seconds, 3),
        "by_hand_s": BY_HAND_S,
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "load_average": round(load, 1),
        "torch": torch.__version__,
    }
    (data.ROOT / "data" / "ch01" / "speed.json").write_text(json.dumps(facts, indent=1) + "\n")


def large(method, raw):
    """One line: memory and time of a shipped detector on 8 x 8 copies of an image."""
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        np.save(file.name, raw)
        command = [sys.executable, "-c", LARGE, file.name, method]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    memory, seconds, atoms, height, width = map(float, done.stdout.split())
    return (
        f"{width:.0f} x {height:.0f} px, {method}: {seconds:.0f} CPU seconds,"
        f" peak memory {memory:.2f} GB, {atoms:.0f} atoms"
    )


if __name__ == "__main__":
    main()
