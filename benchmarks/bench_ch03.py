"""Ratios of chapter 3: a video from its file to the most probable series of isomers.

    python benchmarks/bench_ch03.py                # 1000 frames of 128 x 128 px, two threads
    python benchmarks/bench_ch03.py --frames 5000

The file is an uncompressed 16-bit TIFF of 0.025 nm a pixel; the frames are read, resampled to the
network's pixels, classified, and labelled by the most probable path through the whole series. The
atlas names the same frames one by one.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import tifffile
import torch
from bench_ch01 import best_of

from helpers.clusters.atlas import build_atlas, class_similarities, similarities
from helpers.clusters.classify import predict_frames, shipped
from helpers.clusters.hidden_markov import log_emission, viterbi
from helpers.clusters.library import library
from helpers.clusters.network import in_field
from helpers.clusters.outline import resampled
from helpers.clusters.recording import record

PIXEL_NM = 0.025
VIDEO_RATE = 25
THREADS = 2
STAY = 0.98


def write_video(path, frames):
    """A video of test images at 3000 electrons per square Angstrom."""
    part = library(309).only("test")
    chosen = np.arange(frames) % len(part)
    images = record(np.random.default_rng(0), part.images[chosen], 3e3, side=64)
    tifffile.imwrite(path, resampled(images, 0.05, PIXEL_NM).clip(0).round().astype(np.uint16))


def labels_of(path):
    """The most probable isomer in every frame of a file."""
    probabilities = predict_frames(tifffile.imread(path), PIXEL_NM)
    even = np.full(4, 0.25)
    transition = STAY * np.eye(4) + (1 - STAY) / 3 * (1 - np.eye(4))
    return viterbi(log_emission(probabilities, even), transition, even)


def atlas_labels(path, frames):
    """The isomer of the best match in the atlas, for the first frames."""
    train = library(309).only("train")
    atlas = build_atlas(train.images, train.classes, source_px=1.0, blur_px=1.5)
    images = resampled(tifffile.imread(path, key=range(frames)), PIXEL_NM, 0.05)
    found = similarities(atlas, in_field(images, train.images.shape[-1]))
    return class_similarities(atlas, found).argmax(1)


def main():
    """Print frames per second and ratios."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--frames", type=int, default=1000)
    frames = arguments.parse_args().frames
    torch.set_num_threads(THREADS)
    shipped()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.tif"
        write_video(path, frames)
        labels_of(path)  # compiles the path finding
        seconds, _ = best_of(3, labels_of, path)
        few = min(frames, 200)
        slow, _ = best_of(1, atlas_labels, path, few)
    fast, slow = frames / seconds, few / slow
    print(f"{fast:.0f} frames/s with {THREADS} threads, from file to path")
    print(f"{fast / VIDEO_RATE:.0f} times video rate")
    print(f"{fast / slow:.1f} times as fast as the atlas ({slow:.0f} frames/s)")


if __name__ == "__main__":
    main()
