"""Make adatoms.csv, adatoms_likeness.csv and adatoms_chain.csv: where adatoms are, against truth.

adatoms.csv: one row per ``case`` and ``method``. Lines of random configurations (seeds 2000-2049,
    two on each side; contact moves lines by 8 cm^-1, intensities scatter by 20 %) are inverted with
    the model that made them (``exact``), with another field (radius and field of the gap, tilt),
    with tensors that scatter by 30 % or 60 % of themselves, and with the free molecule in place of
    the one on gold; with tensors by GFN2-xTB in place of DFT as soon as those are shipped.
    ``accuracy`` is the share of right sides with its 95 % Wilson interval; ``axial_error_A`` a
    median; ``sure`` the share with a probability beyond 90 %, ``accuracy_sure`` of these.
adatoms_likeness.csv: what cannot be known. For places by height along the molecule: share of the
    places that show the same lines (cosine 0.95) on the other side of the middle (``other_side``),
    how far they reach, and cosines between a place and its mirror images.
adatoms_chain.csv: the whole way from simulated scans, per ``variety``, ``seed`` and ``grouping``:
    groups, side of each from its mean spectrum, share of events on the nanoparticle.

    python data/ch05/make_adatoms.py [--choose] [--lines] [--chain]

--choose prints the log loss of probabilities on seeds 1000-1019 for some values of `COLDNESS`.
"""

import argparse
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from simulated_events import simulated_events

from helpers.picocavities import adatoms, grouping, nearfield
from helpers.picocavities.configurations import configurations
from helpers.picocavities.distances import DISTANCES
from helpers.picocavities.formations import lorentz
from helpers.picocavities.molecule import shipped
from helpers.picocavities.preprocess import GRID
from helpers.picocavities.varieties import VARIETIES
from helpers.registry import ROOT, DataUnavailable

FOLDER = ROOT / "data" / "ch05"
SEEDS, CHOICE_SEEDS, CHAIN_SEEDS = range(2000, 2050), range(1000, 1020), range(2000, 2004)
SCATTER, WIDTH_CM = 0.2, 10.0
COLDNESSES = (10, 20, 30, 40, 60, 80, 120)
SURE = 0.9
HEIGHTS_A = (0, 1.5, 2.5, 4.5, 6.5)
METHODS = ("compound map", "compound, all round", "spectrum")


def scattered(rng, molecule, share):
    """A molecule whose tensors scatter by a share of themselves."""
    return replace(
        molecule, tensors=molecule.tensors * rng.normal(1, share, molecule.tensors.shape)
    )


def cases():
    """Molecule that makes the lines, molecule and field that invert them, by the case."""
    gold, free = (shipped(end, "xtb").upright() for end in ("Au", "H"))
    made = {"exact": (gold, gold, {})}
    for name, value in (
        ("radius_A", 1.2),
        ("radius_A", 2.0),
        ("gap_field", 0.02),
        ("gap_field", 0.12),
    ):
        made[f"{name} {value} for {getattr(nearfield, name.upper())}"] = (gold, gold, {name: value})
    for tilt in (14, 44):
        normal = {"normal": nearfield.gap_normal(tilt)}
        made[f"tilt {tilt} for {nearfield.TILT_DEG:.0f} degrees"] = (gold, gold, normal)
    rng = np.random.default_rng(0)
    for share in (0.3, 0.6):
        made[f"tensors {100 * share:.0f} % off"] = (scattered(rng, gold, share), gold, {})
    both = {"radius_A": 2.0, "gap_field": 0.12, "normal": nearfield.gap_normal(44)}
    made["field and tensors (30 %) off"] = (scattered(rng, gold, 0.3), gold, both)
    made["free molecule for the one on gold"] = (gold, free, {})
    try:
        exact = shipped("Au", "dft").upright()
    except DataUnavailable as missing:
        print(f"xTB inverting DFT is left out: {missing}")
    else:
        made["exact, DFT"] = (exact, exact, {})
        made["GFN2-xTB for DFT"] = (exact, gold, {})
    return made


def atlas_of(molecule, field):
    """Atlas over the same places for every field."""
    places = adatoms.contact_places(np.random.default_rng(0), molecule)
    return adatoms.atlas(molecule, places, **field)


def spectra_of(molecule, seeds):
    """Spectra of random configurations, and these."""
    for seed in seeds:
        rng = np.random.default_rng(seed)
        for one in configurations(rng, molecule, 2, 2):
            areas = one.strengths * rng.lognormal(0, SCATTER, len(one.strengths))
            yield areas @ lorentz(GRID, one.wavenumbers[:, None], WIDTH_CM), one


def invert(spectrum, made, molecule):
    """Height along the molecule by each method, and the probability of the nanoparticle."""
    areas = adatoms.mode_areas(adatoms.lines(spectrum), made)
    cosines = adatoms.match(spectrum, made)
    around = adatoms.compound_map(made.strengths.T, areas)
    heights = (
        adatoms.peak_place(adatoms.compound_map(made.maps, areas), molecule)[1],
        made.places[around.argmax(), 2],
        made.places[cosines.argmax(), 2],
    )
    return dict(zip(METHODS, heights)), cosines


def judged(case, found):
    """Rows of the table for one case: found is a list of (configuration, heights, probability)."""
    sides = np.array([one.side == "NP" for one, *_ in found])
    true = np.array([one.adatom_A[2] for one, *_ in found])
    sure = np.abs(np.array([p for *_, p in found]) - 0.5) >= SURE - 0.5
    for method in METHODS:
        height = np.array([heights[method] for _, heights, _ in found])
        right = (height > 0) == sides
        wilson = binomtest(int(right.sum()), len(right)).proportion_ci(method="wilson")
        yield {
            "case": case,
            "method": method,
            "n": len(right),
            "accuracy": right.mean(),
            "low": wilson.low,
            "high": wilson.high,
            "right_NP": right[sides].mean(),
            "right_substrate": right[~sides].mean(),
            "axial_error_A": np.median(np.abs(height - true)),
            "sure": sure.mean() if method == "spectrum" else np.nan,
            "accuracy_sure": right[sure].mean() if method == "spectrum" else np.nan,
        }


def lines():
    """Make adatoms.csv and adatoms_likeness.csv."""
    rows = []
    for case, (nature, molecule, field) in cases().items():
        made, found = atlas_of(molecule, field), []
        for spectrum, one in spectra_of(nature, SEEDS):
            heights, cosines = invert(spectrum, made, molecule)
            found.append((one, heights, adatoms.side_probability(cosines, made.places)))
        rows.extend(judged(case, found))
    table = pd.DataFrame(rows)
    table.round(4).to_csv(FOLDER / "adatoms.csv", index=False)
    print(table.round(2).to_string())
    table = likeness()
    table.round(4).to_csv(FOLDER / "adatoms_likeness.csv", index=False)
    print(table.round(2).to_string())


def likeness():
    """What cannot be known, by height along the molecule."""
    molecule = shipped("Au", "xtb").upright()
    made = atlas_of(molecule, {})
    mirrored = {
        axis: adatoms.atlas(molecule, made.places * (1 - 2 * np.eye(3)[number])).spectra
        for number, axis in enumerate("xyz")
    }
    rows = []
    for side, sign in (("substrate", -1), ("NP", 1)):
        for low, high in zip(HEIGHTS_A, HEIGHTS_A[1:]):
            heights = sign * made.places[:, 2]
            chosen = np.flatnonzero((heights > low) & (heights <= high))
            like = np.array([adatoms.like_places(made, one) for one in chosen])
            apart = np.linalg.norm(made.places[chosen, None] - made.places, axis=-1)
            rows.append(
                {
                    "side": side,
                    "from_A": low,
                    "to_A": high,
                    "places": len(chosen),
                    "other_side": np.mean((like & (heights <= 0)).sum(1) / like.sum(1)),
                    "reach_A": np.mean([row[m].max() for row, m in zip(apart, like)]),
                    **{
                        f"cosine_mirror_{axis}": np.median(
                            (made.spectra[chosen] * spectra[chosen]).sum(1)
                        )
                        for axis, spectra in mirrored.items()
                    },
                }
            )
    return pd.DataFrame(rows)


def choose():
    """Print how well probabilities do for some values of their one parameter."""
    rows = []
    for case, (nature, molecule, field) in cases().items():
        made = atlas_of(molecule, field)
        for spectrum, one in spectra_of(nature, CHOICE_SEEDS):
            cosines = adatoms.match(spectrum, made)
            for coldness in COLDNESSES:
                p = adatoms.side_probability(cosines, made.places, coldness)
                p = np.clip(p if one.side == "NP" else 1 - p, 1e-6, 1)
                rows.append((case, coldness, -np.log(p)))
    table = pd.DataFrame(rows, columns=["case", "coldness", "log_loss"])
    print(
        table.pivot_table(index="case", columns="coldness", values="log_loss").round(3).to_string()
    )
    print(table.groupby("coldness")["log_loss"].mean().round(3).to_string())


def chain():
    """Make adatoms_chain.csv."""
    molecule = shipped("Au", "xtb").upright()
    made, rows = atlas_of(molecule, {}), []
    for variety in VARIETIES:
        for seed in CHAIN_SEEDS:
            spectra, events, *_ = simulated_events(seed, variety)
            true = (events["side"] == "NP").to_numpy()
            for name in ("wasserstein", "cosine"):
                found = grouping.group(spectra, events, DISTANCES[name])
                rows.append(
                    {"variety": variety, "seed": seed, "grouping": name, "events": len(events)}
                    | {"groups": found.k, "share_np_true": true.mean()}
                    | sides_of(found, true, made, molecule)
                )
    table = pd.DataFrame(rows)
    table.round(4).to_csv(FOLDER / "adatoms_chain.csv", index=False)
    print(table.groupby(["grouping", "variety"]).mean(numeric_only=True).round(2).to_string())


def sides_of(found, true, made, molecule):
    """Share on the nanoparticle by each method, and how many events have the right side."""
    labels, row = found.labels, {}
    kept = labels >= 0
    inverted = [invert(spectrum, made, molecule)[0] for spectrum in found.mean_spectra()]
    for method in METHODS:
        on_np = np.array([heights[method] > 0 for heights in inverted])[labels[kept]]
        row[f"share_np, {method}"] = on_np.mean()
        row[f"right, {method}"] = (on_np == true[kept]).mean()
    return row


def main():
    """Make what is asked for; both tables without an argument."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for part in ("choose", "lines", "chain"):
        arguments.add_argument(f"--{part}", action="store_true")
    asked = arguments.parse_args()
    everything = not (asked.choose or asked.lines or asked.chain)
    if asked.choose:
        choose()
    if asked.lines or everything:
        lines()
    if asked.chain or everything:
        chain()


if __name__ == "__main__":
    main()
