"""Atoms that move between frames: the measured pair 047/048, and simulated series.

Frames 047 and 048 of the public training images show one field twice. Their labels are compared
with each other, and so are detections. In simulated pairs a known share of the atoms hops; what a
detector makes of it shows how far missed and invented atoms pass for motion, and how well dividing
by the repeat share (see `helpers.atoms.tracking.mobile_share`) mends it. Writes, beside this file,

    frame_pair.csv             the measured pair: agreement and fates, per source of positions
    frame_pair_links.csv       its links with their displacements
    simulated_mobility.csv     true and estimated mobile share, per detector and mobility
    simulated_displacements.csv    histogram of the displacements of links, and of the true hops

Rows of detectors that are not asked for are kept. Run from the repository root; about two
core-minutes for every network:

    python data/ch01/make_time_series.py [detector ...]
"""

import time

import numpy as np
import pandas as pd
from make_simulated_tests import finders_asked_for, save

from helpers.atoms.evaluate import score
from helpers.atoms.simulate import time_series, varied
from helpers.atoms.tracking import common_field, fates, mobile_share, register
from helpers.data import available, pt_nc

MOBILITIES = (0.0, 0.1, 0.2, 0.4, 0.6)
PAIRS = 8  # frame pairs per mobility
HOP_NM = 0.4  # standard deviation of a hop along each axis
DRIFT_PX = (-2.0, -11.0)  # as between the measured frames
BINS_NM = np.arange(0, 1.51, 0.06)


def compare(first, second, shift, image):
    """Agreement of two tables of atoms of one field, and the fates of the atoms."""
    size = image.attrs["pixel_size_nm"]
    counts, links = fates(first, second, shift, image.shape, size)
    here, there = common_field(first, second, shift, image.shape)
    there = there.assign(x_px=there["x_px"] + shift.dx_px, y_px=there["y_px"] + shift.dy_px)
    return counts | {"f1_between_frames": score(here, there)["f1"]}, links


def measured_pair(finders):
    """Fates and links in the frames 047 and 048: of the labels, then of every detector."""
    frames = {item.name: item for item in pt_nc("train")}
    pair = [frames["047"], frames["048"]]
    shift = register(pair[0].image, pair[1].image)
    size = pair[0].image.attrs["pixel_size_nm"]
    print(f"047 to 048: add ({shift.dx_px:.1f}, {shift.dy_px:.1f}) px, r = {shift.correlation:.2f}")
    positions = {"labels": [item.labels for item in pair]}
    images = [item.image.to_numpy() for item in pair]
    positions |= {name: [find(image) for image in images] for name, find in finders.items()}
    rows, links = [], []
    for source, (first, second) in positions.items():
        counts, linked = compare(first, second, shift, pair[0].image)
        where = {
            "shift_x_nm": shift.dx_px * size,
            "shift_y_nm": shift.dy_px * size,
            "correlation": shift.correlation,
        }
        share = mobile_share(counts)
        rows.append({"detector": source, **where, **counts, "not_found_again": share})
        links.append(linked.assign(detector=source))
    return pd.DataFrame(rows), pd.concat(links)


def simulated_pairs(finders):
    """Fates and links in simulated pairs: of the true atoms in focus, then of every detector."""
    rows, links, started = [], [], time.process_time()
    for mobility in MOBILITIES:
        for seed in range(PAIRS):
            specimen, microscope = varied(np.random.default_rng([seed, 3]))
            rng = np.random.default_rng([seed, 4])
            frames = time_series(
                rng, 2, specimen, microscope, mobility=mobility, hop_nm=HOP_NM,
                drift_px_per_frame=DRIFT_PX,
            )  # fmt: skip
            first, second = frames
            shift = register(first.image, second.image)
            error = np.hypot(shift.dx_px + DRIFT_PX[0], shift.dy_px + DRIFT_PX[1])
            positions = {"truth": [f.atoms[f.atoms["in_focus"]] for f in frames]}
            images = [frame.image.to_numpy() for frame in frames]
            positions |= {name: [find(image) for image in images] for name, find in finders.items()}
            both = first.atoms[first.atoms["in_focus"]].merge(second.atoms, on="atom")
            hops = both[both["moved_y"]]
            step = np.hypot(
                hops["x_nm_y"] - hops["x_nm_x"] - DRIFT_PX[0] * microscope.pixel_size_nm,
                hops["y_nm_y"] - hops["y_nm_x"] - DRIFT_PX[1] * microscope.pixel_size_nm,
            )
            name = {"mobility": mobility, "seed": seed}
            links.append(pd.DataFrame({"distance_nm": step, "fate": "hop"}).assign(
                detector="truth", **name))  # fmt: skip
            for source, (here, there) in positions.items():
                counts, linked = compare(here, there, shift, first.image)
                true_share = both["moved_y"].mean()
                rows.append(
                    {"detector": source, **name, "true_share": true_share}
                    | {"registration_error_px": error}
                    | counts
                )
                links.append(linked[["distance_nm", "fate"]].assign(detector=source, **name))
            print(f"{mobility} pair {seed}: {time.process_time() - started:.0f} s", flush=True)
    return pd.DataFrame(rows), pd.concat(links)


def estimates(pairs):
    """Mobile share per detector and mobility: true, as it looks, and corrected.

    The repeat share comes from pairs without motion; the pair that is corrected is left out.
    """
    rows = []
    for (detector, mobility), part in pairs.groupby(["detector", "mobility"]):
        still = pairs[(pairs["detector"] == detector) & (pairs["mobility"] == 0)]
        looks, corrected, repeats = [], [], []
        for _, pair in part.iterrows():
            others = still[still["seed"] != pair["seed"]]
            repeat = 1 - np.average([mobile_share(c) for _, c in others.iterrows()])
            repeats.append(repeat)
            looks.append(mobile_share(pair))
            corrected.append(mobile_share(pair, repeat))
        root = np.sqrt(len(part))
        sums = part[["first", "stayed", "moved", "vanished", "appeared"]].sum()
        rows.append(
            {
                "detector": detector,
                "mobility": mobility,
                "pairs": len(part),
                "true_share": part["true_share"].mean(),
                "apparent_share": np.mean(looks),
                "apparent_se": np.std(looks, ddof=1) / root,
                "corrected_share": np.mean(corrected),
                "corrected_se": np.std(corrected, ddof=1) / root,
                "repeat_share": np.mean(repeats),
                "linked_as_moved": sums["moved"] / sums["first"],
                "linked_as_moved_by_chance": part["moved_by_chance"].sum() / sums["first"],
                "f1_between_frames": part["f1_between_frames"].mean(),
                "registration_error_px": part["registration_error_px"].mean(),
            }
        )
    return pd.DataFrame(rows)


def histogram(links):
    """Number of links by displacement, per detector, mobility and fate."""
    rows = []
    for key, part in links.groupby(["detector", "mobility", "fate"]):
        number, edges = np.histogram(part["distance_nm"], BINS_NM)
        for count, low, high in zip(number, edges[:-1], edges[1:]):
            if count:
                rows.append((*key, low, high, count))
    names = ["detector", "mobility", "fate", "distance_nm_from", "distance_nm_to", "links"]
    return pd.DataFrame(rows, columns=names)


def main():
    """Run the detectors asked for and write the four tables."""
    finders = finders_asked_for(__doc__)
    if available("pt-nc"):
        pair, links = measured_pair(finders)
        save("frame_pair", pair)
        save("frame_pair_links", links[["detector", "fate", "dx_px", "dy_px", "distance_nm"]])
    pairs, links = simulated_pairs(finders)
    save("simulated_mobility", estimates(pairs))
    save("simulated_displacements", histogram(links))


if __name__ == "__main__":
    main()
