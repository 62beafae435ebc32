"""Interactions fitted to known, detected and measured arrangements; the isolation criterion.

Step of the potential: up to 0.5 nm, near the paper's preferred distance of sites of 5 Angstrom.
Core of a detector: the distance below which it loses pairs of a random arrangement
(interaction_resolution.csv), 0.25 nm for the default of chapter 2, 0.35 nm for the published one
at either of its thresholds ("published", "validated"; see make_bias.py).
Fits to simulated images (positions of bias_positions.npz):

    plain        every distance up to 0.5 nm counts as interaction
    core         distances below the core have a factor of their own
    over random  core, divided by the same fit to random arrangements in images of the nearest
                 detected density; an image is never its own null, and random cells take turns: two
                 images are judged by the other three

Measured: the 21 Pt1/NC images, labels and detections of chapter 1's ensemble (out of fold for the
training images). Its null: 12 simulated images like the measured ones (seeds 2400-2411) with atoms
at random, through specimen mask, ensemble and fit. Labels have no null: nobody has labelled
simulated images. Some images are frames of one region; intervals take them as independent.

Writes, beside this file,

    interaction_recovery.csv    fits to drawn arrangements of the model: bias, coverage, power
    interaction_resolution.csv  g(r) of random arrangements, true and detected
    interaction.csv             fits to simulated images: cells pooled; verdicts on single images
    interaction_measured.csv    measured images, single and pooled, and their simulated null
    interaction_potential.csv   potentials of several steps
    isolation.csv               density at which 5 % of the atoms are in multimers

Finished parts are kept in _build/interaction. Five core-minutes, after make_bias.py:

    python data/ch02/make_interaction.py
"""

import functools

import numpy as np
import pandas as pd

from helpers import data
from helpers.atoms import detection_bias, processes
from helpers.atoms.arrangement import is_inside, positions_nm
from helpers.atoms.detect import detect
from helpers.atoms.interaction import against, fit_interaction, gibbs, profile_range
from helpers.atoms.isolation import isolation_density, random_isolation
from helpers.atoms.ripley import pair_statistics
from helpers.atoms.simulate import acstem, varied
from helpers.atoms.specimen import specimen_mask

FOLDER = data.ROOT / "data" / "ch02"
KEPT = data.ROOT / "_build" / "interaction"
REACH_NM = 0.5
CORES_NM = {"published": 0.35, "validated": 0.35, "dense": 0.25}
CANDIDATES_NM = (0.4, 0.5, 0.6, 0.8, 1.0)
STEPS_NM = (0.25, 0.35, 0.5, 0.75, 1.0)
PIXEL_NM = 15 / 512
FRAME = np.ones((256, 256), bool)
TRUTHS = [  # limits of the steps, factors, atoms in 7.5 x 7.5 nm
    ((0, 0.5), (1.0,)), ((0, 0.5), (0.7,)), ((0, 0.5), (0.4,)), ((0, 0.5), (0.1,)),
    ((0.25, 0.5), (0.0, 1.0)), ((0.25, 0.5), (0.0, 0.5)), ((0.25, 0.5), (0.0, 1.6)),
]  # fmt: skip
COUNTS = (56, 112, 225)
RUNS = 60
NULL_SEEDS = range(2400, 2412)
COLUMNS = ["neighbours", "gamma", "low", "high", "energy_kt", "energy_low_kt", "energy_high_kt"]


def step(fit):
    """The step that belongs to the atoms, as a dict."""
    return fit.table.iloc[-1][COLUMNS].to_dict() | {"atoms": fit.atoms}


def kept(name):
    """Decorator: a finished table is read from `KEPT`."""

    def decorate(make):
        @functools.wraps(make)
        def table():
            path = KEPT / f"{name}.csv"
            if not path.exists():
                make().to_csv(path, index=False)
            print(name, "done", flush=True)
            return pd.read_csv(path, dtype={"image": str})

        return table

    return decorate


@kept("recovery")
def recovery():
    """Is a drawn interaction found, and is it in the interval as often as it should be?"""
    rows = []
    for number, (limits, gammas) in enumerate(TRUTHS):
        for n in COUNTS:
            rng = np.random.default_rng([2000, number, n])
            fits = []
            for _ in range(RUNS):
                points = gibbs(rng, n, limits, gammas, FRAME, PIXEL_NM)
                fit = fit_interaction([(points, FRAME, PIXEL_NM)], limits, rng)
                fits.append(fit.table.iloc[-1])
            fits, true = pd.DataFrame(fits), gammas[-1]
            rows.append({
                "core_nm": limits[0], "range_nm": limits[1], "gamma_true": true, "atoms": n,
                "runs": RUNS, "gamma_median": fits.gamma.median(),
                "gamma_16": fits.gamma.quantile(0.16), "gamma_84": fits.gamma.quantile(0.84),
                "coverage": np.mean((fits.low <= true) & (true <= fits.high)),
                "called_repulsive": np.mean(fits.high < 1),
                "called_attractive": np.mean(fits.low > 1),
            })  # fmt: skip
    return pd.DataFrame(rows)


@functools.cache
def images():
    """Simulated images: metal, arrangement, density, and fields of every source."""
    stored = detection_bias.load_positions()
    for image in stored:
        for source in ("true", *CORES_NM):
            points = image[source]
            points = points[is_inside(points, FRAME, PIXEL_NM)]
            image[source] = (points, FRAME, PIXEL_NM)
    return stored


def cell(metal, arrangement, density):
    """The images of one cell of the study."""
    wanted = (metal, arrangement, density)
    return [i for i in images() if (i["metal"], i["arrangement"], i["density_nm2"]) == wanted]


def cells(arrangements=("random", "attractive", "repulsive")):
    """Metal, arrangement, density of every cell."""
    every = {(i["metal"], i["arrangement"], i["density_nm2"]) for i in images()}
    return sorted(c for c in every if c[1] in arrangements)


def fit(fields, limits, seed=0):
    """A fit with dummies of its own."""
    return fit_interaction(fields, limits, np.random.default_rng([2001, seed]))


def detected_density(pictures, source):
    """Mean over images, per nm^2."""
    return np.mean([len(i[source][0]) for i in pictures]) / (FRAME.size * PIXEL_NM**2)


def nearest_random(metal, density, source):
    """Random images whose detected density is nearest."""
    others = [cell(*c) for c in cells(("random",)) if c[0] == metal]
    return min(others, key=lambda o: abs(np.log(detected_density(o, source) / density)))


@kept("resolution")
def resolution():
    """Pair distribution of random arrangements, pooled over densities by the number of pairs."""
    rows = []
    for metal in ("Ni", "Pt"):
        for source in ("true", *CORES_NM):
            pictures = [i for c in cells(("random",)) if c[0] == metal for i in cell(*c)]
            fields = [i[source] for i in pictures]
            tables = [pair_statistics(*f, r_max=0.8, step=0.05) for f in fields]
            pairs = [len(f[0]) ** 2 for f in fields]
            g = np.average([t.g for t in tables], 0, pairs)
            rows += [
                {"metal": metal, "source": source, "r_nm": r, "g": value}
                for r, value in zip(tables[0].ring_nm, g)
            ]
    return pd.DataFrame(rows)


def judged(value):
    """Verdict of an interval."""
    return {"repulsive": value.high < 1, "attractive": value.low > 1}


@functools.cache
def null_fit(seeds, source, limits):
    """A fit to random images."""
    return fit([i[source] for i in images() if i["seed"] in seeds], limits, 1)


def verdicts(pictures, source, kind, limits, null):
    """Shares of single images called repulsive or attractive."""
    found = []
    for picture in pictures:
        single = fit([picture[source]], limits)
        if kind == "over random":
            seeds = tuple(i["seed"] for i in null if i is not picture)
            found.append(judged(against(single, null_fit(seeds, source, limits))[0]))
        else:
            found.append(judged(single.table.iloc[-1]))
    shares = pd.DataFrame(found).mean()
    return {"called_repulsive": shares.repulsive, "called_attractive": shares.attractive}


@kept("interaction")
def simulated():
    """Every cell, source and kind of fit."""
    rows = []
    for metal, arrangement, asked in cells():
        pictures = cell(metal, arrangement, asked)
        for source in ("true", *CORES_NM):
            core = CORES_NM.get(source, 0)
            density = detected_density(pictures, source)
            for kind in ("plain", "core", "over random") if core else ("plain",):
                limits = (0 if kind == "plain" else core, REACH_NM)
                null = nearest_random(metal, density, source) if kind == "over random" else []
                row = {
                    "metal": metal, "arrangement": arrangement, "asked_nm2": asked,
                    "source": source, "fit": kind, "images": len(pictures), "density_nm2": density,
                }  # fmt: skip
                some, others = pictures, [i["seed"] for i in null]
                if some[0]["seed"] in others:  # random: take turns
                    some, others = pictures[:2], others[2:]
                pooled = fit([i[source] for i in some], limits)
                row |= step(pooled)
                if kind == "over random":
                    ratio = against(pooled, null_fit(tuple(others), source, limits))[0]
                    row |= {"gamma": ratio.value, "low": ratio.low, "high": ratio.high}
                    energies = -np.log([ratio.value, ratio.high, ratio.low])
                    row |= dict(zip(COLUMNS[-3:], energies))
                rows.append(row | verdicts(pictures, source, kind, limits, null))
    return pd.DataFrame(rows)


@functools.cache
def measured_images():
    """Name, split, and fields from labels and detections, on the specimen."""
    found = pd.read_csv(data.ROOT / "data" / "ch01" / "thickness.csv", dtype={"image": str})
    found = found[(found.source == "ensemble") & (found.kind != "fn")]
    rows = []
    for item in data.pt_nc():
        pixel, mask = item.image.attrs["pixel_size_nm"], specimen_mask(item.image)
        tables = {"labels": item.labels, "ensemble": found[found.image == item.name]}
        rows.append({"name": item.name, "split": item.split})
        rows[-1] |= {k: on_mask(positions_nm(t, pixel), mask, pixel) for k, t in tables.items()}
    return rows


def on_mask(positions, mask, pixel):
    """A field of the positions on the specimen."""
    return positions[is_inside(positions, mask, pixel)], mask, pixel


@functools.cache
def null_images():
    """Fields of random arrangements in images like the measured ones, as the ensemble sees them."""
    fields = []
    for seed in NULL_SEEDS:
        path = KEPT / f"null_{seed}.npz"
        if not path.exists():
            # atoms on the surfaces at random: with their heights, the default of the simulation
            specimen, microscope = varied(np.random.default_rng([seed, 0]))
            image = acstem(seed, specimen, microscope).image
            points = detect(image.to_numpy(), "ensemble")[["x_px", "y_px"]]
            mask = specimen_mask(image)
            np.savez_compressed(path, points=points.to_numpy(float), mask=mask)
            print("null", seed, flush=True)
        with np.load(path) as part:
            fields.append(on_mask(part["points"] * PIXEL_NM, part["mask"], PIXEL_NM))
    return fields


@kept("measured")
def measured():
    """Single images, pooled ones, the null, and profiles of the range."""
    rows = []
    groups = {i["name"]: [i] for i in measured_images()} | {"all": measured_images()}
    for name, pictures in groups.items():
        for source in ("labels", "ensemble"):
            fields = [i[source] for i in pictures]
            for kind, core in (("plain", 0), ("core", 0.35)):
                found = fit(fields, (core, REACH_NM))
                rows.append({"image": name, "source": source, "fit": kind, "core_nm": core})
                rows[-1] |= {"range_nm": REACH_NM, "images": len(fields)} | step(found)
    for kind, core in (("plain", 0), ("core", 0.35)):
        null = fit(null_images(), (core, REACH_NM), 1)
        head = {"core_nm": core, "range_nm": REACH_NM, "image": "all"}
        rows.append(head | {"source": "simulated random, ensemble", "fit": kind})
        rows[-1] |= {"images": len(NULL_SEEDS)} | step(null)
        found = fit([i["ensemble"] for i in measured_images()], (core, REACH_NM))
        ratio = against(found, null)[0]
        energies = -np.log([ratio.value, ratio.high, ratio.low])
        rows.append(
            head | {"source": "ensemble", "fit": f"{kind} over random", "atoms": found.atoms}
        )
        rows[-1] |= {"images": 21, "gamma": ratio.value, "low": ratio.low, "high": ratio.high}
        rows[-1] |= dict(zip(COLUMNS[-3:], energies))
    for source in ("labels", "ensemble"):
        fields = [i[source] for i in measured_images()]
        for row in profile_range(fields, CANDIDATES_NM, 2001, 0.35).itertuples(index=False):
            rows.append({"image": "all", "source": source, "fit": "profile", "core_nm": 0.35})
            rows[-1] |= row._asdict() | {"images": 21, "energy_kt": -np.log(row.gamma)}
    return pd.DataFrame(rows)


@kept("potential")
def potential():
    """Potentials of several steps: dense Pt images at 2 atoms per nm^2, and the measured ones."""
    sets = {("measured", s): [i[s] for i in measured_images()] for s in ("labels", "ensemble")}
    sets["random, like measured", "ensemble"] = null_images()
    for arrangement in ("random", "attractive", "repulsive"):
        for source in ("true", *CORES_NM):
            pictures = cell("Pt", arrangement, 2.0)
            sets[f"simulated {arrangement}", source] = [i[source] for i in pictures]
    rows = []
    for (arrangement, source), fields in sets.items():
        table = fit(fields, STEPS_NM).table
        rows.append(table.assign(arrangement=arrangement, source=source, images=len(fields)))
    return pd.concat(rows)


@kept("isolation")
def isolation():
    """Criterion for models and for the simulated images, true, detected and corrected."""
    rng = np.random.default_rng(2002)
    rows = [{"arrangement": "random", "metal": "", "source": "closed form",
             "density_nm2": random_isolation()}]  # fmt: skip

    def add(arrangement, metal, source, table):
        found = isolation_density(table, rng)
        head = {"arrangement": arrangement, "metal": metal, "source": source}
        ends = {"density_nm2": found.value, "low": found.low, "high": found.high}
        rows.append(head | ends | {"highest_nm2": table.density_nm2.max(), "images": len(table)})

    models = {
        "random": processes.neutral,
        "attractive": lambda r, n, box: processes.attractive(r, n, box, seeds=max(n // 4, 1)),
        "repulsive": processes.repulsive,
        "Strauss, gamma 0.5": lambda r, n, box: processes.strauss(r, n, 0.5, 0.5, box, 30),
        "Strauss, gamma 0.2": lambda r, n, box: processes.strauss(r, n, 0.2, 0.5, box, 30),
    }
    for name, model in models.items():
        table = []
        for n in (5, 10, 20, 35, 50, 75, 100, 150, 200, 300, 400, 600, 800):
            draw = functools.partial(model, n=n, box=(10.0, 10.0))
            runs, _ = processes.model_statistics(lambda r, draw=draw: draw(r), rng, 60)
            table.append(pd.DataFrame({
                "density_nm2": n / 100, "share_multimers": runs.multimer_share, "group": n,
            }))  # fmt: skip
        add(name, "", "model", pd.concat(table))
    for arrangement in ("random", "attractive", "repulsive"):
        for metal in ("Ni", "Pt"):
            parts = {}
            for picture in images():
                if (picture["metal"], picture["arrangement"]) != (metal, arrangement):
                    continue
                for source in ("true", *CORES_NM):
                    row = detection_bias.statistics(*picture[source])
                    group = {"group": picture["density_nm2"]}
                    parts.setdefault(source, []).append(row | group)
            for source, table in parts.items():
                table = pd.DataFrame(table)
                add(arrangement, metal, source, table)
                if source != "true":
                    correction = detection_bias.load_correction(source, metal)
                    better = detection_bias.correct(table, correction).assign(group=table.group)
                    add(arrangement, metal, f"{source}, corrected", better)
    return pd.DataFrame(rows)


def main():
    """Make what is missing, write all tables."""
    KEPT.mkdir(parents=True, exist_ok=True)
    for name, make in {
        "interaction_recovery": recovery, "interaction_resolution": resolution,
        "isolation": isolation, "interaction": simulated, "interaction_measured": measured,
        "interaction_potential": potential,
    }.items():  # fmt: skip
        make().round(4).to_csv(FOLDER / f"{name}.csv", index=False)


if __name__ == "__main__":
    main()
