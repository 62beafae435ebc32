"""Ratios of chapter 1: dense inference against sliding windows, fast median against scipy, memory.

    python benchmarks/bench_ch01.py          # sliding windows timed on some rows and extrapolated
    python benchmarks/bench_ch01.py --whole  # on a whole image, and compared pixel by pixel

Uses a published image and the published weights when they are available, else a random image and
random weights: the times depend on neither.
"""

import argparse
import resource
import subprocess
import sys
import time

import numpy as np
import torch
from scipy.ndimage import median_filter

from helpers import data
from helpers.atoms import detect, preprocess
from helpers.atoms.networks import SacCnn, load_published

LARGE = """
import resource, time
import numpy as np
from helpers.atoms import detect, networks, preprocess
start = time.perf_counter()
image = np.random.default_rng(0).normal(size=(4096, 4096)).astype(np.float32)
detect.likelihood_map(networks.SacCnn().eval(), preprocess.normalise(image))
seconds = time.perf_counter() - start
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2, seconds)
"""


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
    parser.add_argument("--large", action="store_true", help="4096 x 4096 px: seconds and memory")
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

    whole, _ = best_of(
        3, lambda: detect.likelihood_map(network, preprocess.normalise(raw), device="cpu")
    )
    print(f"whole image, preprocessing included: {whole:.2f} s")
    print(f"  against 30 min of labelling by hand (the paper's figure): {1800 / whole:.0f} times")
    print(
        f"peak memory so far {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2:.2f} GB"
    )

    if options.large:
        done = subprocess.run(
            [sys.executable, "-c", LARGE], capture_output=True, text=True, check=True
        )
        memory, seconds = map(float, done.stdout.split())
        print(f"4096 x 4096 px: {seconds:.0f} s, peak memory {memory:.2f} GB")


if __name__ == "__main__":
    main()
