"""Detectors on simulated images, where every atom is known: what they miss, and what they invent.

Every detector runs with the weights and the threshold with which it ships (chosen on measured
training images, never on simulated ones); "published" is the checkpoint of Mitchell 2022 at its
threshold, which needs the public data. All detectors see the same images. Writes, beside this file,

    simulated_height.csv      recall against distance from the focal plane
    simulated_contrast.csv    recall of atoms in focus against peak signal over noise
    simulated_dose.csv        precision, recall, F1 against dose
    simulated_metal_free.csv  atoms invented per nm^2 of metal-free support
    simulated_metal_free_smooth.csv   the same without pores: only speckle and counting noise
    simulated_iron.csv        Fe on 4 nm of carbon nitride, at half the pixel size, then rebinned
    simulated_iron_thickness.csv      the same on 2, 4 and 8 nm

Rows of detectors that are not asked for are kept. Run from the repository root; about a
core-minute and a half for the images, and as much for every network:

    python data/ch01/make_simulated_tests.py [detector ...]
"""

import argparse
import dataclasses
import time

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from helpers.atoms.density import density
from helpers.atoms.detect import METHODS, detect, likelihood_map
from helpers.atoms.evaluate import score
from helpers.atoms.matching import match
from helpers.atoms.microscope import peak_electrons
from helpers.atoms.networks import load_published
from helpers.atoms.peaks import components
from helpers.atoms.preprocess import NETWORK_PIXEL_NM, normalise, to_network_scale
from helpers.atoms.simulate import Microscope, Specimen, acstem, varied
from helpers.data import ROOT, available, fetch

FOLDER = ROOT / "data" / "ch01"
DOSES = (0.25, 0.5, 1.0, 2.0, 4.0)  # relative to the measured images
TEXTURES = (0.0, 1.0)  # of the metal-free support: smooth, and as calibrated
IRON_THICKNESS_NM = (2.0, 4.0, 8.0)
IMAGES = {"dose": 8, "metal-free": 12, "iron": 8}
HEIGHTS_NM = np.array([0, 1, 2, 3, 4, 5, 6, 8, 10, 14, 20, 40])
CONTRASTS = np.array([0, 1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 9])


def metal_on_carbon(seed):
    """Specimen and microscope of one image, like the public training images."""
    return varied(np.random.default_rng([seed, 0]))


def iron_on_carbon_nitride(seed, thickness_nm):
    """A thin flake recorded at half the pixel size, with the same current and dwell time.

    Fe scatters about a quarter as strongly as Pt; it shows because the finer pixels put four times
    the dose on the area, and only where the flake is thin and smooth: further in, the random
    number of light atoms in the beam hides it. No Fe image is public, so the smoothness is an
    assumption, and the thickness is varied.
    """
    rng = np.random.default_rng([seed, 1])
    specimen = Specimen(
        element="Fe",
        support="C3N4",
        density_per_nm2=rng.uniform(0.3, 0.7),
        thickness_nm=thickness_nm,
        coverage=min(1.0, rng.uniform(0.7, 1.1)),
        texture=rng.uniform(0.05, 0.1),
        undulation_nm=1.5,
        depth_nm=0.5,
    )
    return specimen, Microscope(convergence_mrad=33.0, pixel_size_nm=NETWORK_PIXEL_NM / 2)


def images():
    """Every simulated image: study, setting, seed, simulation, microscope."""
    for seed in range(IMAGES["dose"]):
        specimen, microscope = metal_on_carbon(seed)
        for dose in DOSES:
            used = dataclasses.replace(
                microscope,
                electrons_per_pixel=microscope.electrons_per_pixel * dose,
                stray_electrons=microscope.stray_electrons * dose,
            )
            # The same seed: the same flake and the same atoms under every dose.
            yield "dose", dose, seed, acstem(np.random.default_rng([seed, 2]), specimen, used), used
    for seed in range(100, 100 + IMAGES["metal-free"]):
        specimen, microscope = metal_on_carbon(seed)
        for texture in TEXTURES:
            bare = dataclasses.replace(
                specimen, density_per_nm2=0.0, texture=specimen.texture * texture
            )
            simulated = acstem(np.random.default_rng([seed, 2]), bare, microscope)
            yield "metal-free", texture, seed, simulated, microscope
    side = 2 * round(10 / NETWORK_PIXEL_NM)  # a field of 10 nm, as in the paper
    for seed in range(200, 200 + IMAGES["iron"]):
        for thickness_nm in IRON_THICKNESS_NM:
            specimen, microscope = iron_on_carbon_nitride(seed, thickness_nm)
            rng = np.random.default_rng([seed, 2])
            simulated = acstem(rng, specimen, microscope, (side, side))
            yield "iron", thickness_nm, seed, simulated, microscope


def at_network_scale(simulated):
    """Counts and atoms on the pixels that the detectors know."""
    counts, factor = to_network_scale(
        simulated.image.to_numpy(), simulated.image.attrs["pixel_size_nm"]
    )
    atoms = simulated.atoms.copy()
    atoms[["x_px", "y_px"]] = (atoms[["x_px", "y_px"]] + 0.5) / factor - 0.5
    return counts, atoms


def contrast(simulated, microscope):
    """Peak of every atom over the shot noise of what lies under it (both per recorded pixel)."""
    atoms = simulated.atoms
    signal = np.zeros(len(atoms))
    for element in atoms["element"].unique():
        here = (atoms["element"] == element).to_numpy()
        signal[here] = peak_electrons(element, atoms["height_nm"][here], microscope)
    x, y = atoms["x_px"].round().astype(int), atoms["y_px"].round().astype(int)
    under = np.maximum(simulated.noiseless[y, x] - signal, microscope.stray_electrons)
    return signal / np.sqrt(under)


def finder(method):
    """Function image -> detections."""
    if method == "published":
        network = load_published(fetch("pt-nc") / "models" / "model_existing.ckpt")
        return lambda image: components(likelihood_map(network, normalise(image)), 0.89)
    return lambda image: detect(image, method)


def finders_asked_for(description):
    """The finders of the detectors named on the command line, all by default, that can run here."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("detectors", nargs="*", default=[*METHODS, "published"])
    finders = {}
    for method in parser.parse_args().detectors:
        if method == "published" and not available("pt-nc"):
            print("published: left out (the public data are not on this machine)")
            continue
        finders[method] = finder(method)
    return finders


def judge(atoms, found, shape):
    """Every atom found or not, and found or not if the detections are mirrored (by chance)."""
    mirrored = found.assign(x_px=shape[1] - 1 - found["x_px"])
    rows = atoms[["height_nm", "in_focus", "contrast"]].copy()
    for name, table in (("found", found), ("by_chance", mirrored)):
        rows[name] = False
        # Atoms in focus have the first claim on a detection: the others hardly show.
        for focus in (True, False):
            part = atoms[atoms["in_focus"] == focus]
            pairs = match(part, table)
            rows.loc[part.index[pairs["label"]], name] = True
            table = table.drop(table.index[pairs["detection"]])
    return rows


def share(part):
    """Recall of a group of atoms with its 95 % Wilson interval, and by chance."""
    found, number = int(part["found"].sum()), len(part)
    interval = binomtest(found, number).proportion_ci(method="wilson")
    return pd.Series(
        {
            "atoms": number,
            "recall": found / number,
            "low": interval.low,
            "high": interval.high,
            "by_chance": part["by_chance"].mean(),
        }
    )


def binned(atoms, column, edges):
    """Recall per detector and bin."""
    bins = pd.cut(atoms[column], edges)
    table = atoms.groupby(["detector", bins], observed=True)[["found", "by_chance"]].apply(share)
    table = table.reset_index()
    low, high = ([getattr(i, side) for i in table[column]] for side in ("left", "right"))
    table.insert(1, f"{column}_from", low)
    table.insert(2, f"{column}_to", high)
    return table.drop(columns=column).astype({"atoms": int})


def summarise(scores, keys):
    """Mean and sample SD over images of the scores."""
    names = ["precision", "recall", "f1", "precision_any_height", "detections", "in_focus"]
    grouped = scores.groupby(keys)[names]
    table = grouped.mean().join(grouped.std().add_suffix("_sd"))
    table.insert(0, "images", grouped.size())
    return table.reset_index()


def invented(scores):
    """Atoms invented per area of metal-free support, with the interval of the count."""
    rows = []
    for method, part in scores.groupby("detector"):
        count, area = int(part["detections"].sum()), part["area_nm2"].sum()
        rate = density(count, area)
        rows.append(
            {
                "detector": method,
                "images": len(part),
                "area_nm2": area,
                "invented": count,
                "per_nm2": rate.value,
                "low_per_nm2": rate.low,
                "high_per_nm2": rate.high,
                "most_in_one_image": int(part["detections"].max()),
            }
        )
    return pd.DataFrame(rows)


def save(name, table):
    """Write a table, keeping the rows of other detectors that an earlier run wrote."""
    path = FOLDER / f"{name}.csv"
    if path.exists():
        earlier = pd.read_csv(path)
        table = pd.concat([earlier[~earlier["detector"].isin(table["detector"])], table])
    table.to_csv(path, index=False, float_format="%.5g")
    print(f"\n{path.name}\n{table.to_string(index=False, max_rows=40, float_format='%.3g')}")


def main():
    """Run the detectors asked for and write the tables."""
    finders = finders_asked_for(__doc__)
    scores, judged, started = [], [], time.process_time()
    for study, setting, seed, simulated, microscope in images():
        simulated.atoms["contrast"] = contrast(simulated, microscope)
        counts, atoms = at_network_scale(simulated)
        area = (simulated.thickness_nm > 1).sum() * microscope.pixel_size_nm**2
        for method, find in finders.items():
            found = find(counts)
            name = {"study": study, "setting": setting, "seed": seed, "detector": method}
            in_focus = atoms[atoms["in_focus"]]
            anywhere = score(atoms, found)["precision"]
            scores.append(
                name
                | score(in_focus, found)
                | {
                    "precision_any_height": anywhere,
                    "detections": len(found),
                    "in_focus": len(in_focus),
                    "area_nm2": area,
                }
            )
            judged.append(judge(atoms, found, counts.shape).assign(**name))
        print(f"{study} {setting:g} seed {seed}: {time.process_time() - started:.0f} s", flush=True)
    scores, judged = pd.DataFrame(scores), pd.concat(judged, ignore_index=True)
    like_measured = judged[(judged["study"] == "dose") & (judged["setting"] == 1)]
    distance = like_measured.assign(height_nm=like_measured["height_nm"].abs())
    save("simulated_height", binned(distance, "height_nm", HEIGHTS_NM))
    in_focus = judged[(judged["study"] == "dose") & judged["in_focus"]]
    save("simulated_contrast", binned(in_focus, "contrast", CONTRASTS))
    dose = scores[scores["study"] == "dose"].rename(columns={"setting": "relative_dose"})
    save("simulated_dose", summarise(dose, ["detector", "relative_dose"]))
    bare = scores[scores["study"] == "metal-free"]
    save("simulated_metal_free", invented(bare[bare["setting"] == 1]))
    save("simulated_metal_free_smooth", invented(bare[bare["setting"] == 0]))
    iron = scores[scores["study"] == "iron"].rename(columns={"setting": "thickness_nm"})
    iron = summarise(iron, ["detector", "thickness_nm"])
    save("simulated_iron", iron[iron["thickness_nm"] == 4])
    save("simulated_iron_thickness", iron)


if __name__ == "__main__":
    main()
