"""How many atoms get the right element? Judged on simulated Ni-Pd and Ni-Pd-Pt images at 80 kV.

Ni and Pd two to one, Ni, Pd and Pt in equal parts, mixed at random; 512 x 512 px (15 nm). Densities
are of all metals together; the dose is relative to `helpers.atoms.dense.conditions`, whose spreads
every image is drawn from. The methods see the true positions, or those of the dense detector
("detected"; only atoms that it finds within 6 px count). Beside the methods of `species.METHODS`:

    fit, free mixture    the same heights in a mixture that knows nothing of Z-contrast
    vae, all 53          the mixture on angle and shifts as well, as in the published code
    vae, code ranking    clusters ranked by the mean of their first 21 crops, as in that code
    vae, tuned           2 content dimensions and KL scale 1: the best of those tried on the
                         validation images (`TRIED`)
    fit, told the truth  normal distributions of the fitted heights of the *true* elements: how well
                         one can do with these heights

Settings and the calibration of the confidence come from validation images (seeds 1000-1003),
everything else from test images (2000-2005). Writes, beside this file,

    species.csv              one row per image, method and training seed
    species_detected.csv     of every element: atoms there, found, and found as one with another
    species_reliability.csv  confidence against share correct, test images pooled
    species_tried.csv        settings of the autoencoder tried on validation images
    species_mixture.csv      settings of the mixture of heights, validation images
    species_calibration.json temperatures and shares of errors, read by `helpers.atoms.species`
    species_rotation.csv     what rotating a crop does to its latent numbers
    rotation_example.npz     pairs of atoms, redrawn and turned
    latent_example.npz       crops, latent numbers and decodings of one test image

"doubted" marks images on which `species.doubtful_contrast` objects to the fitted heights.
Finished runs are kept in _build/species. Fifteen core-minutes, most for the autoencoders:

    python data/ch02/make_species.py [simple] [trained] [tried] [rotation] [tables] [example]
"""

import argparse
import json
import time
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import torch
from scipy.spatial import cKDTree
from sklearn.metrics import balanced_accuracy_score, confusion_matrix
from sklearn.naive_bayes import GaussianNB

from helpers.atoms import contrast, equivariant, species
from helpers.atoms.crops import crops_at
from helpers.atoms.dense import conditions, dense_image
from helpers.atoms.dense_detection import detect, prepare
from helpers.atoms.matching import match
from helpers.atoms.simulate import MARGIN_PX
from helpers.data import ROOT

FOLDER = ROOT / "data" / "ch02"
KEPT = ROOT / "_build" / "species"
SYSTEMS = {"NiPd": {"Ni": 2 / 3, "Pd": 1 / 3}, "NiPdPt": {"Ni": 1 / 3, "Pd": 1 / 3, "Pt": 1 / 3}}
MAIN = (2.0, 1.0)  # density and dose
SETTINGS = {
    "NiPd": [MAIN, (0.5, 1.0), (1.0, 1.0), (4.0, 1.0), (6.0, 1.0), (2.0, 0.5), (2.0, 2.0)],
    "NiPdPt": [MAIN, (1.0, 1.0), (4.0, 1.0), (2.0, 0.5), (2.0, 2.0)],
}
# First seed: images at the main setting and at each other one
IMAGES = {"true": {1000: (4, 4), 2000: (6, 6)}, "detected": {1000: (4, 2), 2000: (6, 3)}}
TRAINED = {"true": {1000: (3, 1), 2000: (5, 2)}, "detected": {1000: (2, 0), 2000: (3, 0)}}
TUNED_ON = {"true": {2000: (3, 0)}, "detected": {2000: (3, 0)}}  # the tuned autoencoder
SIMPLE = ("fit", "intensity", "pca")
TRIED = [
    (50, 3.0, 20), (2, 3.0, 20), (2, 1.0, 20), (2, 1.0, 80), (50, 3.0, 80), (50, 0.3, 80),
]  # fmt: skip
TUNED = (2, 1.0, 20)  # content dimensions, KL scale, epochs
EXAMPLE = (2, 1.0, 80)  # trained longer: after 20 epochs the decoder has hardly learned a spot
# Power of Z, its spread, spread of the widths
MIXTURES = list(product((1.2, 1.4, 1.6), (0.15, 0.3), (0.15, 0.3)))
MATCH_PX = 6
EDGES = np.linspace(0, 1, 11)


def image_of(system, density, dose, seed, shape=(512, 512)):
    """A prepared image and its atoms; the same flake and atoms at every dose."""
    densities = {e: share * density for e, share in SYSTEMS[system].items()}
    specimen, microscope = conditions(np.random.default_rng([seed, 0]), densities)
    microscope = replace(
        microscope,
        electrons_per_pixel=microscope.electrons_per_pixel * dose,
        stray_electrons=microscope.stray_electrons * dose,
    )
    simulated = dense_image(seed, densities, None, specimen, microscope, shape)
    return simulated, prepare(simulated.image.to_numpy())


def places(simulated, positions):
    """Points to label, and which true atom each is (-1: none)."""
    atoms = simulated.atoms
    if positions == "true":
        return atoms[["x_px", "y_px"]], np.arange(len(atoms))
    found = detect(simulated.image.to_numpy())
    pairs = match(atoms, found, rule="distance", radius=MATCH_PX)
    which = np.full(len(found), -1)
    which[pairs["detection"]] = pairs["label"]
    return found[["x_px", "y_px"]], which


def code_order(crops, membership):
    """Clusters ranked as the published code does: mean of the first 21 crops of each."""
    cluster = membership.argmax(1)
    first = [crops[cluster == k][:21] for k in range(membership.shape[1])]
    return np.argsort([c.mean() if len(c) else -np.inf for c in first], kind="stable")


def ranked(crops, values, n, seed=0):
    """Membership in the clusters of a free mixture, from dark to bright."""
    membership = species.mixture(values, n, seed)
    return membership[:, species.brightness_order(crops, membership)]


def simple_runs(image, points, truth, order, heights_to=None):
    """Membership of every atom under the methods that need no training; keeps the heights."""
    crops, n = crops_at(image, points), len(order)
    for method in SIMPLE:
        start = time.process_time()
        found = species.features(image, points, method)
        values = species.content(found)
        if method == "fit":
            membership = contrast.contrast_mixture(values[:, 0], order)
        else:
            membership = ranked(crops, values, n)
        yield method, membership, time.process_time() - start
        if method == "fit":
            yield "fit, free mixture", ranked(crops, values, n), 0.0
            known = truth >= 0
            if heights_to is not None:
                heights_to["heights"] = values[:, 0].astype(np.float32)
            told = GaussianNB().fit(values[known], truth[known]).predict_proba(values)
            yield "fit, told the truth", told, 0.0


def vae_runs(image, points, n, training_seed, tuned=False):
    """Membership of every atom under the autoencoder and its variants."""
    crops = crops_at(image, points)
    start = time.process_time()
    model = tuned_model(crops, training_seed) if tuned else None
    model = model or equivariant.train(crops, training_seed)[0]
    latent = equivariant.encode(model, crops)
    content = latent[:, equivariant.POSE :]
    membership = ranked(crops, content, n, training_seed)
    seconds = time.process_time() - start
    if tuned:
        yield "vae, tuned", membership, seconds
        return
    yield "vae", membership, seconds
    membership = species.mixture(content, n, training_seed)
    yield "vae, code ranking", membership[:, code_order(crops, membership)], seconds
    yield "vae, all 53", ranked(crops, latent, n, training_seed), seconds


def tuned_model(crops, training_seed, setting=TUNED):
    """A model trained with other settings than the published ones."""
    content, kl_scale, epochs = setting
    published = equivariant.KL_SCALE
    equivariant.KL_SCALE = kl_scale
    try:
        return equivariant.train(crops, training_seed, content, epochs, most_steps=None)[0]
    finally:
        equivariant.KL_SCALE = published


def jobs(kind, images):
    """
    Every (kind, system, density, dose, positions, image seed, training seed) of a kind.

    The main setting of Ni-Pd is trained twice on every test image, at the true positions.
    """
    for positions, of in images.items():
        for first, (main, others) in of.items():
            for system, settings in SETTINGS.items():
                for setting in settings:
                    here = setting == MAIN
                    twice = (
                        kind == "vae" and here and system == "NiPd"
                        and (positions, first) == ("true", 2000)
                    )  # fmt: skip
                    for seed in range(first, first + (main if here else others)):
                        for training_seed in (0, 1) if twice else (0,):
                            yield kind, system, *setting, positions, seed, training_seed


def found_counts(simulated, points, order):
    """Per element: atoms, those found, and found ones with another, not found, within 6 px."""
    atoms = simulated.atoms
    pairs = match(atoms, points, rule="distance", radius=MATCH_PX)
    found = np.zeros(len(atoms), bool)
    found[pairs["label"]] = True
    there = atoms[["x_px", "y_px"]].to_numpy()
    lost = there[~found]
    near = np.zeros(len(atoms), bool)
    if len(lost):
        near = cKDTree(lost).query(there)[0] <= MATCH_PX
    rows = []
    for element in order:
        of = (atoms["element"] == element).to_numpy()
        rows.append([of.sum(), (of & found).sum(), (of & found & near).sum()])
    return np.array([*rows, [0, len(points) - len(pairs), 0]])


def run(job):
    """Do one job unless it is done; keeps the membership of every atom."""
    path = KEPT / ("_".join(map(str, job)) + ".npz")
    if path.exists():
        return
    kind, system, density, dose, positions, seed, training_seed = job
    simulated, image = image_of(system, density, dose, seed)
    points, which = places(simulated, positions)
    order = species.by_atomic_number(SYSTEMS[system])
    number = simulated.atoms["element"].map(order.index).to_numpy()
    truth = np.where(which >= 0, number[which], -1)
    n = len(order)
    kept, seconds = {}, {}
    if kind == "simple":
        found = simple_runs(image, points, truth, order, kept)
        kept["counts"] = found_counts(simulated, points, order)
    else:
        found = vae_runs(image, points, n, training_seed, kind == "tuned")
    for method, membership, used in found:
        kept[method], seconds[method] = membership.astype(np.float32), used
    KEPT.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npz")  # renamed when whole
    np.savez_compressed(part, truth=truth, seconds=json.dumps(seconds), **kept)
    part.rename(path)
    known = truth >= 0
    shares = {m: f"{(kept[m].argmax(1) == truth)[known].mean():.3f}" for m in seconds}
    print(path.stem, shares, flush=True)


def kept_runs(first_seed):
    """(job, method, membership, truth, seconds) of the finished runs of known atoms."""
    for path in sorted(KEPT.glob("*_[0-9].npz")):
        kind, system, density, dose, positions, seed, training = path.stem.split("_")
        if not first_seed <= int(seed) < first_seed + 1000:
            continue
        with np.load(path) as file:
            truth, seconds = file["truth"], json.loads(str(file["seconds"]))
            known = truth >= 0
            for method in seconds:
                row = dict(
                    system=system, density_per_nm2=float(density), dose=float(dose),
                    positions=positions, image_seed=int(seed), method=method,
                    training_seed=int(training),
                )  # fmt: skip
                if method == "fit":
                    order = species.by_atomic_number(SYSTEMS[system])
                    assigned = np.array(order)[file[method].argmax(1)]
                    table = pd.DataFrame({"element": assigned, "height": file["heights"]})
                    row["doubted"] = bool(contrast.doubtful_contrast(table, order))
                yield row, file[method][known].astype(float), truth[known], seconds[method]


def calibrate():
    """Calibrations from the validation images, per places, method and number of elements."""
    pooled = {}
    for row, membership, truth, _ in kept_runs(1000):
        if row["method"] in species.METHODS:
            key = row["positions"], row["method"], str(membership.shape[1])
            pooled.setdefault(key, []).append((membership, truth))
    found = {}
    for (positions, method, n), parts in sorted(pooled.items()):
        membership, truth = (np.concatenate(part) for part in zip(*parts))
        values = [round(value, 3) for value in species.fit_calibration(membership, truth)]
        found.setdefault(positions, {}).setdefault(method, {})[n] = values
    text = {
        "made_by": "data/ch02/make_species.py tables",
        "data": "simulated validation images, seeds 1000-1003",
        "values": "temperature and share of errors",
        "calibration": found,
    }
    species.CALIBRATION.write_text(json.dumps(text, indent=1) + "\n")
    species._calibrations.cache_clear()
    print(found)


def tables():
    """Accuracy per image, and reliability of the confidence over all test images."""
    rows, bins = [], {}
    for row, membership, truth, seconds in kept_runs(2000):
        assigned, n = membership.argmax(1), membership.shape[1]
        counts = confusion_matrix(truth, assigned, labels=range(n))
        rows.append(row | dict(
            atoms=len(truth),
            majority=np.bincount(truth).max() / len(truth),
            accuracy=(assigned == truth).mean(),
            balanced_accuracy=balanced_accuracy_score(truth, assigned),
            confusion=" ".join(map(str, counts.ravel())),
            cpu_s=round(seconds, 2),
        ))  # fmt: skip
        if row["method"] not in species.METHODS:
            continue
        known = species.calibration(row["method"], n, row["positions"])
        softened = species.soften(membership, *known)
        for kind, used in (("raw", membership), ("calibrated", softened)):
            sure = used.max(1)
            which = np.clip(np.digitize(sure, EDGES) - 1, 0, 9)
            key = row["system"], row["positions"], row["method"], kind
            total = bins.setdefault(key, np.zeros((3, 10)))
            total += [np.bincount(which, w, 10) for w in (None, sure, assigned == truth)]
    pd.DataFrame(rows).round(4).to_csv(FOLDER / "species.csv", index=False)
    listed = [
        dict(
            zip(("system", "positions", "method", "confidence_from"), key),
            bin_low=EDGES[b], atoms=int(total[0, b]), confidence=total[1, b] / total[0, b],
            correct=total[2, b] / total[0, b],
        )
        for key, total in bins.items() for b in range(10) if total[0, b]
    ]  # fmt: skip
    pd.DataFrame(listed).round(4).to_csv(FOLDER / "species_reliability.csv", index=False)


def mixtures():
    """Settings of the mixture of heights, on the validation images; the last row is a free one."""
    rows = []
    for path in sorted(KEPT.glob("simple_*_1[0-9][0-9][0-9]_0.npz")):
        system, positions = path.stem.split("_")[1], path.stem.split("_")[4]
        with np.load(path) as file:
            heights, truth, free = file["heights"], file["truth"], file["fit, free mixture"]
        known, order = truth >= 0, species.by_atomic_number(SYSTEMS[system])
        found = {s: contrast.contrast_mixture(heights, order, *s) for s in MIXTURES}
        for setting, membership in (found | {(np.nan,) * 3: free}).items():
            named = membership.argmax(1)[known]
            score = balanced_accuracy_score(truth[known], named)
            right = (named == truth[known]).mean()
            rows.append((*setting, system, positions, right, score))
    settings, scores = ["power", "power_spread", "width_spread"], ["accuracy", "balanced_accuracy"]
    table = pd.DataFrame(rows, columns=[*settings, "system", "positions", *scores])
    by = table.groupby([*settings, "system", "positions"], dropna=False)
    mean, lowest = by[scores].mean(), by["accuracy"].min().rename("lowest_accuracy")
    table = mean.join(lowest).join(by.size().rename("images")).reset_index()
    table.round(4).to_csv(FOLDER / "species_mixture.csv", index=False)


def detected_counts():
    """How many atoms of every element the detector found, per image; "" are no atoms at all."""
    rows = []
    for path in sorted(KEPT.glob("simple_*_detected_*_0.npz")):
        _, system, density, dose, _, seed, _ = path.stem.split("_")
        order = species.by_atomic_number(SYSTEMS[system])
        with np.load(path) as file:
            counts = file["counts"]
        for element, (atoms, found, merged) in zip([*order, ""], counts, strict=True):
            rows.append(dict(
                system=system, density_per_nm2=density, dose=dose, image_seed=seed,
                element=element, atoms=atoms, found=found, found_merged=merged,
            ))  # fmt: skip
    pd.DataFrame(rows).to_csv(FOLDER / "species_detected.csv", index=False)


def tried():
    """Settings of the autoencoder on two validation images of Ni-Pd."""
    path = KEPT / "tried.csv"
    done = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=["image_seed", "epochs"])
    for setting in TRIED:
        for seed in (1000, 1001):
            content, kl_scale, epochs = setting
            same = done[["content", "kl_scale", "epochs", "image_seed"]] if len(done) else done
            if len(done) and (same == [content, kl_scale, epochs, seed]).all(axis=1).any():
                continue
            simulated, image = image_of("NiPd", *MAIN, seed)
            crops = crops_at(image, simulated.atoms)
            start = time.process_time()
            latent = equivariant.encode(tuned_model(crops, 0, setting), crops)
            seconds = time.process_time() - start
            membership = species.mixture(latent[:, equivariant.POSE :], 2)
            membership = membership[:, species.brightness_order(crops, membership)]
            is_pd = (simulated.atoms["element"] == "Pd").to_numpy()
            row = dict(
                content=content, kl_scale=kl_scale, epochs=epochs, image_seed=seed,
                atoms=len(crops), widest_latent=latent[:, equivariant.POSE :].std(0).max(),
                accuracy=(membership.argmax(1) == is_pd).mean(), cpu_s=seconds,
            )  # fmt: skip
            done = pd.concat([done, pd.DataFrame([row])], ignore_index=True)
            KEPT.mkdir(parents=True, exist_ok=True)
            done.to_csv(path, index=False)
            print(row, flush=True)
    done.round(4).to_csv(FOLDER / "species_tried.csv", index=False)


def pairs_image(seed):
    """An image of Pd and Pt pairs, 2.6 A, 1 nm apart, turned at random; wide crops, true angles."""
    laid = {}

    def arrangement(rng, n, box):
        across, down = (np.arange(0.6, side - 0.5, 1.0) for side in box)
        centre = np.stack(np.meshgrid(across, down), -1).reshape(-1, 2)
        angle = rng.uniform(0, np.pi, len(centre))
        half = 0.13 * np.stack([np.cos(angle), np.sin(angle)], 1)
        element = rng.choice(["Pd", "Pt"], len(centre))
        laid.update(centre=centre, angle=angle, element=element)
        return np.concatenate([centre - half, centre + half]), np.tile(element, 2)

    simulated = dense_image(seed, {"Pd": 1.0, "Pt": 1.0}, arrangement, shape=(640, 640))
    image = prepare(simulated.image.to_numpy())
    pixel = simulated.image.attrs["pixel_size_nm"]
    centre = laid["centre"] / pixel - MARGIN_PX
    inside = ((centre > 16) & (centre < 623)).all(1)
    points = pd.DataFrame(centre[inside], columns=["x_px", "y_px"])
    # y points down in the image: the angle is counted the other way round
    angle = -np.degrees(laid["angle"][inside])
    return crops_at(image, points, half=16), angle, laid["element"][inside]


def rotation():
    """What rotating a crop does: pairs and the atoms of a Ni-Pd image, few and many steps."""
    turns = np.arange(0, 181, 15)
    wide, angle, element = pairs_image(2100)
    simulated, image = image_of("NiPd", *MAIN, 2000)
    atoms = crops_at(image, simulated.atoms, half=16)
    found, kept = [], {}
    for what, crops, setting in (
        ("pairs, as published", wide, (50, 3.0, 20)),
        ("pairs, 2 content dimensions, KL scale 1, 110 epochs", wide, (2, 1.0, 110)),
        ("Ni-Pd image, as published", atoms, (50, 3.0, 20)),
    ):
        small = crops[:, 6:-6, 6:-6]
        start = time.process_time()
        model = tuned_model(small, 0, setting)
        seconds = time.process_time() - start
        response = equivariant.rotation_response(model, crops, turns)
        latent = equivariant.encode(model, small)
        spread = dict(
            angle_spread_deg=np.degrees(latent[:, 0].std()),
            content_spread=np.sqrt(latent[:, equivariant.POSE :].var(0).sum()),
            crops=len(small), cpu_s=seconds,
        )  # fmt: skip
        found.append(response.assign(model=what, **spread))
        if "110" in what:
            kept = dict(
                crops=np.uint8(small[:60] * 255), latent=latent.astype(np.float32),
                true_angle_deg=angle.astype(np.float32), element=element.astype("U2"),
                redrawn=np.uint8(equivariant.decode(model, latent[:60]) * 255),
            )  # fmt: skip
            drawn = latent[[0]].repeat(len(turns), 0)
            drawn[:, 0] += np.radians(turns)
            kept["turned"] = np.uint8(equivariant.decode(model, drawn) * 255)
    pd.concat(found).round(4).to_csv(FOLDER / "species_rotation.csv", index=False)
    np.savez_compressed(FOLDER / "rotation_example.npz", rotation_deg=turns, **kept)


def example():
    """
    Crops, latent numbers and decodings of one test image, two content dimensions.

    Elements and confidence are those of the default; ``by_vae`` is what the autoencoder says.
    """
    simulated, image = image_of("NiPd", *MAIN, 2000)
    points = simulated.atoms[["x_px", "y_px"]]
    crops = crops_at(image, points)
    model = tuned_model(crops, 0, EXAMPLE)
    latent = equivariant.encode(model, crops)
    plane = latent[:, equivariant.POSE :]
    axes = [np.linspace(*np.percentile(plane[:, i], [1, 99]), 9) for i in (0, 1)]
    x, y = (a.ravel() for a in np.meshgrid(*axes))
    zero = np.zeros_like(x)
    decoded = equivariant.decode(model, np.stack([zero, zero, zero, x, y], 1))
    labelled = species.assign_elements(image, points, SYSTEMS["NiPd"], places="true")
    by_vae = species.assign_elements(image, points, SYSTEMS["NiPd"], "vae", model=model)
    np.savez_compressed(
        FOLDER / "latent_example.npz",
        crops=np.uint8(crops * 255), latent=latent.astype(np.float32),
        decoded=np.uint8(decoded.reshape(9, 9, 21, 21) * 255),
        grid_x=axes[0].astype(np.float32), grid_y=axes[1].astype(np.float32),
        x_px=points["x_px"].astype(np.float32), y_px=points["y_px"].astype(np.float32),
        true=simulated.atoms["element"].to_numpy().astype("U2"),
        assigned=labelled["element"].to_numpy().astype("U2"),
        confidence=labelled["confidence"].astype(np.float32),
        by_vae=by_vae["element"].to_numpy().astype("U2"),
    )  # fmt: skip


STEPS = {
    "simple": lambda: [run(job) for job in jobs("simple", IMAGES)],
    "trained": lambda: [run(job) for job in (*jobs("vae", TRAINED), *jobs("tuned", TUNED_ON))],
    "tried": tried,
    "rotation": rotation,
    "tables": lambda: [calibrate(), tables(), mixtures(), detected_counts()],
    "example": example,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("steps", nargs="*", choices=list(STEPS), default=list(STEPS))
    torch.set_num_threads(1)
    for step in parser.parse_args().steps:
        STEPS[step]()
