"""The library of simulated images: PRISM, every isomer, three sizes, orientations split in parts.

library_147.npz, library_309.npz, library_561.npz: in focus. library_309_defocus.npz: views of the
test part at other defoci. Images are noise-free, 8 bits with the scale of each stored: the rounding
is at most 0.2 % of an image's maximum. Read them with `helpers.clusters.library.library`.

Every image has its own orientation and thermal displacements. The microscope is
`helpers.clusters.imaging.Microscope`, with thicker slices at 561 atoms. Finished chunks (six views
of one isomer) are kept in _build/library, so that a stopped run goes on where it was. About 60
core-minutes; --chunks 2 makes a small one:

    python data/ch03/make_library.py --workers 2
"""

import argparse
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from helpers.clusters import amorphous
from helpers.clusters.imaging import FIELD_PX, Microscope, prism_images, turned
from helpers.clusters.library import SPLITS, path
from helpers.clusters.orientations import draw, rotations
from helpers.clusters.structures import ISOMERS, isomer
from helpers.registry import ROOT, DataError

KEPT = ROOT / "_build" / "library"
VIEWS = {  # of each isomer: train, validation, test
    (309, "focus"): (210, 45, 105),
    (147, "focus"): (84, 16, 50),
    (561, "focus"): (84, 16, 50),
    (309, "defocus"): (0, 0, 6),
}
SLICE_NM = {147: 0.2, 309: 0.2, 561: 0.4}  # thicker ones: correlation 0.998 after a source
DEFOCI_NM = {"focus": (0.0,), "defocus": (-8.0, -4.0, 4.0, 8.0)}
CHUNK = 6
EDGE_NM = 0.03  # views of ragged clusters with an atom closer to the edge are drawn anew


def plan(atoms, kind):
    """Views of one library in the order in which they are made: (split, number in the split)."""
    counts = VIEWS[atoms, kind]
    order = np.random.default_rng([atoms, 1]).permutation(np.repeat(np.arange(3), counts))
    return [(split, int((order[:i] == split).sum())) for i, split in enumerate(order)]


def orientation(atoms, isomer_number, split, number):
    """Orientation of one view, and which amorphous cluster it is of (-1: none)."""
    rotation = orientations(atoms, isomer_number, split)[number]
    if ISOMERS[isomer_number] != "amorphous":
        return rotation, -1
    members = np.flatnonzero(amorphous.parts(atoms) == SPLITS[split])
    source = int(members[number % len(members)])
    inside = FIELD_PX[atoms] * Microscope().pixel_size_nm / 2 - EDGE_NM
    rng = np.random.default_rng([atoms, split, number])
    while np.abs(rotation.apply(amorphous.geometry(source, atoms))[:, :2]).max() > inside:
        rotation = rotations(rng, 1)[0]
    return rotation, source


@lru_cache
def orientations(atoms, isomer_number, split):
    """All orientations of one isomer in one part."""
    rng = np.random.default_rng([atoms, isomer_number, split])
    return draw(ISOMERS[isomer_number], SPLITS[split], rng, VIEWS[atoms, "focus"][split])


def chunk(atoms, kind, first, isomer_number):
    """Make and keep the views `first` to `first + CHUNK` of one isomer; CPU seconds used."""
    start = time.process_time()
    name, defoci = ISOMERS[isomer_number], DEFOCI_NM[kind]
    microscope = Microscope(slice_nm=SLICE_NM[atoms])
    rows = []
    for split, number in plan(atoms, kind)[first : first + CHUNK]:
        rotation, source = orientation(atoms, isomer_number, split, number)
        still = isomer(name, atoms) if source < 0 else amorphous.amorphous(source, atoms)
        rng = np.random.default_rng([atoms, isomer_number, split, number])
        place = turned(still.get_positions() / 10, rotation, rng, microscope.thermal_nm)
        images = prism_images(f"Au{atoms}", place, FIELD_PX[atoms], microscope, defoci)
        truth = (isomer_number, rotation.as_quat(), split, source)
        rows += [(image, *truth, defocus) for image, defocus in zip(images, defoci)]
    images, classes, rotations, splits, sources, defoci = map(np.array, zip(*rows))
    scale = images.max((1, 2))
    np.savez_compressed(
        kept(atoms, kind, first, isomer_number),
        images=np.round(images / scale[:, None, None] * 255).astype(np.uint8),
        scale=scale.astype(np.float32),
        classes=classes.astype(np.uint8),
        rotations=rotations.astype(np.float32),
        split=splits.astype(np.uint8),
        defocus_nm=defoci.astype(np.float32),
        source=sources.astype(np.int16),
    )
    return time.process_time() - start


def made(atoms):
    """Whether there are amorphous clusters of this size."""
    try:
        return amorphous.count(atoms) > 0
    except DataError:
        return False


def kept(atoms, kind, first, isomer_number):
    """File of a chunk."""
    return KEPT / f"{atoms}_{kind}_{first:03d}_{isomer_number}.npz"


def write(atoms, kind):
    """Join the finished chunks of a library, as far as there is one of every isomer."""
    firsts = range(0, sum(VIEWS[atoms, kind]), CHUNK)
    rounds = [[kept(atoms, kind, first, i) for i in range(len(ISOMERS))] for first in firsts]
    files = [file for files in rounds if all(map(Path.exists, files)) for file in files]
    parts = [dict(np.load(file)) for file in files]
    if parts:
        np.savez_compressed(
            path(atoms, kind), **{n: np.concatenate([p[n] for p in parts]) for n in parts[0]}
        )
        views = sum(len(p["images"]) for p in parts)
        size = path(atoms, kind).stat().st_size / 2**20
        print(f"{path(atoms, kind).name}: {views} images, {size:.2f} MB", flush=True)


def main():
    """Make what is missing, then write the libraries."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--workers", type=int, default=1, help="processes")
    arguments.add_argument("--atoms", type=int, nargs="+", help="only clusters of these sizes")
    arguments.add_argument("--chunks", type=int, help="only the first chunks of each library")
    asked = arguments.parse_args()
    KEPT.mkdir(parents=True, exist_ok=True)
    start = time.time()
    libraries = [key for key in VIEWS if asked.atoms is None or key[0] in asked.atoms]
    todo = [
        (atoms, kind, first, i)
        for atoms, kind in libraries
        for first in range(0, sum(VIEWS[atoms, kind]), CHUNK)[: asked.chunks]
        for i in range(len(ISOMERS))
        if not kept(atoms, kind, first, i).exists()
    ]
    ready = [job for job in todo if job[3] != ISOMERS.index("amorphous") or made(job[0])]
    if len(ready) < len(todo):
        print("without amorphous clusters of some sizes: run make_amorphous.py, then this again")
    used = 0.0
    with ProcessPoolExecutor(asked.workers, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(chunk, *job): job for job in ready}
        for done in as_completed(running):
            used += done.result()
            print(*running[done], f"after {(time.time() - start) / 60:.1f} minutes", flush=True)
    for atoms, kind in libraries:
        write(atoms, kind)
    print(f"{(time.time() - start) / 60:.1f} minutes, {used / 60:.1f} of them computing")


if __name__ == "__main__":
    main()
