"""Score the detectors of chapter 2 on simulated dense images and on the measured test images.

Simulated: Ni, Rh, Pd, Pt at six densities, random arrangements, 256 x 256 px; five test images per
cell (seeds 2000-2119) and one validation image (the first of two, seeds 1000-1047). Measured: the
ten public Pt1/NC test images, the low-density end. Seed 0 of the SAC-CNN sees all of them; its
other seeds and its ablations see one of the five per cell, and five measured images.

Methods: those of `helpers.atoms.dense_detection`, of which only "dense" has learnt from the
simulator; a Laplacian of Gaussian ("log"), and random guesses, as many as there are atoms.

Threshold rules: "published" 0.8; "measured", with the best mean F1 on the measured training images
(out of fold, but for "dense", whose networks have seen them: its threshold is too high, if
anything); "simulated", the same on the validation images, for "dense" what it ships with.

Matching rules: "iou" is the published one, which accepts up to 7 px (0.2 nm) along an axis. At 8
atoms per nm^2 that is farther than to the next atom, so that even guesses count as found. "3 px"
(0.09 nm) is used for everything else here.

Writes, beside this file,

    thresholds.json         the thresholds
    detection_thresholds.csv  precision, recall, F1 against threshold, on the images they are
                            chosen on
    detection.csv           precision, recall, F1 per metal, density, method and rules
    detection_roc.csv       true against false positive rate per metal
    detection_distance.csv  recall and precision against the distance of the next neighbour
    detection_ablation.csv  F1 with hard negatives at 18 px, at 11 px and without, over seeds
    detection_clipping.csv  what clipping does, also to images with hot pixels
    detection_sharpness.csv regions of the maps above 0.8 with and without hard negatives

Finished parts are kept in _build/detection. About 15 minutes on one core, after the training:

    python data/ch02/make_detection.py
"""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from dense_images import study_images
from make_sac_cnn import PAPER, SEEDS, UNCLIPPED, network_of, out_of_fold, prepared
from scipy import ndimage

from helpers import data
from helpers.atoms import baselines, dense_detection, detect, evaluate
from helpers.atoms.dense_detection import PUBLISHED_THRESHOLD, RADIUS
from helpers.atoms.detect import Detector
from helpers.atoms.matching import match
from helpers.atoms.neighbours import nearest_neighbours
from helpers.atoms.peaks import components, maxima

HERE = Path(__file__).parent
PARTS = data.ROOT / "_build" / "detection"
CLOSE = {"rule": "distance", "radius": RADIUS}
MATCHING = {"3 px": CLOSE, "iou": {"rule": "iou"}}
TEST_PER_CELL = 5
REGIONS = np.array([0.5, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995])
MAXIMA = np.round(np.arange(0.01, 0.99, 0.01), 2)
SAC_CNN = ("sac-cnn", "published", "sac-cnn + maxima")
THRESHOLDS = HERE / "thresholds.json"
SIGMAS = ("sigma 1.5 px", "sigma 2 px", "sigma 2.5 px", "sigma 3 px")
DISTANCES_NM = np.array([0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 3.0])
PIXEL_NM = 15 / 512


def frames_of(kind):
    """Test or validation images: dict with image, atoms and what they are."""
    first, per_cell = {"test": (2000, TEST_PER_CELL), "validation": (1000, 2)}[kind]
    frames = [
        {
            "data": "simulated",
            "metal": metal,
            "density_nm2": density,
            "image": seed,
            "pixels": simulated.image.to_numpy(),
            "atoms": simulated.atoms,
        }
        for metal, density, seed, simulated in study_images(first, per_cell)
    ]
    if kind == "validation":
        return frames[::2]
    return frames + measured_frames("test")


def measured_frames(split):
    """The same of the measured images."""
    return [
        {
            "data": "measured",
            "metal": "Pt",
            "density_nm2": np.nan,
            "image": m.name,
            "pixels": m.image.to_numpy(),
            "atoms": m.labels,
        }
        for m in data.pt_nc(split)
    ]


def few(frames):
    """What the ablations and the further seeds see: one image per cell, and five measured ones."""
    measured = [f for f in frames if f["data"] == "measured"]
    return measured[::2] + [
        f for f in frames if f["data"] == "simulated" and f["image"] % TEST_PER_CELL == 0
    ]


class Method:
    """How an image becomes a map, how a map becomes positions, and the thresholds known before."""

    def __init__(self, name, variant, seed):
        self.name, self.variant, self.seed = name, variant, seed
        self.grid, self.rules = REGIONS, {}
        if name in dense_detection.METHODS and (variant, seed) in (("", 0), (PAPER, 0)):
            self.detector = dense_detection.load_detector(name)
            if name in ("dense", "ensemble"):  # a maximum stays where it is as the threshold moves
                self.grid = MAXIMA
            self.rules = dense_detection.chosen_thresholds()[name]
        elif name == "sac-cnn":
            network, measured = network_of(variant, seed)
            self.detector = Detector(
                partial(detect.likelihood_map, network, device="cpu"), components, measured, {},
                partial(prepared, clip="not clipped" not in variant),
            )  # fmt: skip
            self.rules = {"measured": measured}
        else:
            response = partial(baselines.log_response, sigma=float(variant.split()[1]))
            positions = partial(maxima, min_distance=dense_detection.SEPARATION)
            prepare = dense_detection.prepare
            self.detector = Detector(response, positions, np.nan, {}, prepare)
            self.grid = np.geomspace(0.01, 0.5, 25).round(4)
        if name in SAC_CNN:
            self.rules = self.rules | {"published": PUBLISHED_THRESHOLD}

    def maps(self, frames):
        """Prepared image and map of every frame."""
        images = [self.detector.prepare(frame["pixels"]) for frame in frames]
        return [(image, self.detector.likelihood(image)) for image in images]

    def curve(self, atoms, maps, **matching):
        """Scores against the threshold."""
        if self.grid is REGIONS:  # they merge and part
            found = [partial(self.detector.read, *pair) for pair in maps]
        else:
            found = [self.detector.read(*pair, self.grid[0]) for pair in maps]
        return evaluate.threshold_curve(atoms, found, self.grid, **matching)


def training_maps(method, frames):
    """Maps of the measured training images, for the SAC-CNN of networks that had not seen them."""
    if method.name not in SAC_CNN:
        return method.maps(frames)
    images = {frame["image"]: method.detector.prepare(frame["pixels"]) for frame in frames}
    maps = out_of_fold(PAPER, images)
    return [(images[frame["image"]], maps[frame["image"]]) for frame in frames]


def curves(validation):
    """Choose thresholds; keep scores against thresholds on the images that they are chosen on."""
    training = measured_frames("train")
    tables, chosen, kept = [], {}, {}
    for name in dense_detection.METHODS:
        method = Method(name, PAPER if name in SAC_CNN else "", 0)
        network = "sac-cnn" if name in SAC_CNN else name
        if network not in kept:  # three readings of one map
            kept[network] = method.maps(validation), training_maps(method, training)
        on = {
            "simulated": method.curve([f["atoms"] for f in validation], kept[network][0], **CLOSE),
            "measured": method.curve([f["atoms"] for f in training], kept[network][1]),
        }
        if name == "ensemble":  # it has seen them; chapter 1 kept what networks that had not found
            seen = pd.read_csv(detect.DATA / "out_of_fold.csv", dtype={"image": str})
            found = [seen[seen["image"] == f["image"]] for f in training]
            on["measured"] = evaluate.threshold_curve(
                [f["atoms"] for f in training], found, method.grid
            )
        chosen[name] = {what: evaluate.choose_threshold(curve) for what, curve in on.items()}
        tables += [c.assign(data=what, method=name) for what, c in on.items()]
        print(name, chosen[name], flush=True)
    chosen["dense"]["simulated"] = dense_detection.load_detector("dense").threshold
    chosen["ensemble"]["measured"] = dense_detection.load_detector("ensemble").threshold
    columns = ["data", "method", "threshold", *evaluate.METRICS, "f1_sd"]
    pd.concat(tables)[columns].round(4).to_csv(HERE / "detection_thresholds.csv", index=False)
    chosen = {name: {k: round(v, 4) for k, v in by.items()} for name, by in chosen.items()}
    THRESHOLDS.write_text(json.dumps(chosen, indent=1) + "\n")


def sharpness(likelihood):
    """What the regions above the published threshold look like."""
    regions, n = ndimage.label(likelihood > PUBLISHED_THRESHOLD)
    area = np.bincount(regions.ravel(), minlength=2)[1:]
    boxes = ndimage.find_objects(regions)
    large = [(y.stop - y.start - 1) * (x.stop - x.start - 1) >= 200 for y, x in boxes]
    return {
        "regions": n,
        "mean_area_px2": area.mean(),
        "median_area_px2": np.median(area),
        "share_specks": (area <= 2).mean(),
        "share_to_split": np.mean(large) if n else np.nan,
    }


def next_neighbour_nm(points):
    """Distance of every point to the next one, infinite for a lone one."""
    if len(points) < 2:
        return np.full(len(points), np.inf)
    return nearest_neighbours(points[["x_px", "y_px"]].to_numpy(float)) * PIXEL_NM


def by_distance(frame, found):
    """Counts per bin of next-neighbour distance: atoms and found ones, detections and true ones."""
    pairs = match(frame["atoms"], found, **CLOSE)
    tables = []
    for what, points, column in (("recall", frame["atoms"], "label"),
                                 ("precision", found, "detection")):  # fmt: skip
        distance = next_neighbour_nm(points)
        hit = np.isin(np.arange(len(points)), pairs[column])
        total = np.histogram(distance, DISTANCES_NM)[0]
        good = np.histogram(distance[hit], DISTANCES_NM)[0]
        tables.append(pd.DataFrame({"what": what, "bin": np.arange(len(total)),
                                    "n": total, "good": good}))  # fmt: skip
    return pd.concat(tables)


def scored(method, frame, pair, rules):
    """Rows of all threshold and matching rules for one image."""
    for rule, threshold in rules.items():
        found = method.detector.read(*pair, threshold)
        for matching, how in MATCHING.items():
            yield {
                **{k: frame[k] for k in ("data", "metal", "density_nm2", "image")},
                "threshold_rule": rule, "threshold": threshold, "matching": matching,
                **evaluate.score(frame["atoms"], found, **how),
            }  # fmt: skip


def candidates(frame, likelihood):
    """Every maximum of a map, and whether it is an atom: what the ROC ranks."""
    found = maxima(likelihood, 0.001, dense_detection.SEPARATION)
    hit = evaluate.is_atom(frame["atoms"], found, **CLOSE)
    return pd.DataFrame({"probability": found["probability"].round(4), "hit": hit})


def part(key, test, validation):
    """Everything about one method and seed, written to its own files."""
    name, variant, seed = key
    method = Method(*key)
    if name == "sac-cnn" and (variant, seed) != (PAPER, 0):
        test = few(test)
    rules = method.rules
    if "simulated" not in rules:
        curve = method.curve([f["atoms"] for f in validation], method.maps(validation), **CLOSE)
        rules = {"simulated": evaluate.choose_threshold(curve)} | rules
        rules["f1_validation"] = float(curve["f1"].max())
    maps = method.maps(test)
    read(method, test, maps, rules)
    if key == ("sac-cnn", PAPER, 0):
        for other in SAC_CNN[1:]:
            read(again := Method(other, PAPER, 0), test, maps, again.rules)


def read(method, test, maps, facts):
    """Score one way to read positions from maps."""
    rules = {k: v for k, v in facts.items() if k != "f1_validation"}
    rows, ranked, near, shapes = [], [], [], []
    in_detail = method.seed == 0 and method.variant in (PAPER, "", *SIGMAS)
    for frame, pair in zip(test, maps, strict=True):
        rows += scored(method, frame, pair, rules)
        what = {k: frame[k] for k in ("data", "metal", "density_nm2")}
        if method.name == "sac-cnn":
            shapes.append(sharpness(pair[1]) | what | {"image": frame["image"]})
        if in_detail:
            if method.name not in SAC_CNN[1:]:  # the same map
                ranked.append(candidates(frame, pair[1]).assign(**what))
            for rule in set(rules) & {"published", "simulated"}:
                found = method.detector.read(*pair, rules[rule])
                near.append(by_distance(frame, found).assign(threshold_rule=rule, **what))
    head = {"method": method.name, "variant": method.variant, "seed": method.seed}
    stem = PARTS / name_of(head.values())
    for kind, table in (("ranked", ranked), ("near", near)):
        if table:
            pd.concat(table).assign(**head).to_csv(f"{stem}.{kind}.csv", index=False)
    if shapes:
        pd.DataFrame(shapes).assign(**head).to_csv(f"{stem}.shapes.csv", index=False)
    pd.DataFrame(rows).assign(**head).to_csv(f"{stem}.rows.csv", index=False)
    Path(f"{stem}.json").write_text(json.dumps(head | facts))


def guesses(test):
    """As many random places as there are atoms: what each matching rule gives away."""
    rows = []
    for frame in test:
        height, width = frame["pixels"].shape
        for seed in SEEDS:
            rng = np.random.default_rng([seed, *frame["image"].encode()] if
                                        isinstance(frame["image"], str)
                                        else [seed, frame["image"]])  # fmt: skip
            place = rng.random((len(frame["atoms"]), 2)) * (width - 1, height - 1)
            found = pd.DataFrame(place, columns=["x_px", "y_px"])
            for matching, how in MATCHING.items():
                rows.append({
                    **{k: frame[k] for k in ("data", "metal", "density_nm2", "image")},
                    "threshold_rule": "none", "threshold": np.nan, "matching": matching,
                    **evaluate.score(frame["atoms"], found, **how),
                    "method": "random guess", "variant": "", "seed": seed,
                })  # fmt: skip
    pd.DataFrame(rows).to_csv(PARTS / "guess.rows.csv", index=False)


def clipping(test):
    """Networks trained with and without clipping, on images with and without; some with hot pixels.

    Three seeds, at the published threshold; two simulated images per cell.
    """
    measured = [f for f in few(test) if f["data"] == "measured"]
    simulated = [
        f for f in test
        if f["metal"] in ("Ni", "Pt") and f["density_nm2"] in (1.0, 6.0) and f["image"] % 5 < 2
    ]  # fmt: skip
    images = [*((f, 0) for f in measured + simulated), *((f, 5) for f in simulated)]
    rows = []
    for seed in range(3):
        for trained, clip in ((True, True), (True, False), (False, False)):
            network, _ = network_of(PAPER if trained else UNCLIPPED, seed)
            for frame, hot in images:
                pixels, rng = frame["pixels"].copy(), np.random.default_rng([seed, hot])
                y, x = (rng.integers(0, side, hot) for side in pixels.shape)
                pixels[y, x] = pixels.max() * rng.uniform(2, 10, hot)
                likelihood = detect.likelihood_map(network, prepared(pixels, clip), device="cpu")
                how = MATCHING["iou" if frame["data"] == "measured" else "3 px"]
                found = components(likelihood, PUBLISHED_THRESHOLD)
                rows.append(
                    {
                        "data": frame["data"],
                        "hot_pixels": hot,
                        "trained_clipped": trained,
                        "clipped": clip,
                        "seed": seed,
                        "image": frame["image"],
                        **evaluate.score(frame["atoms"], found, **how),
                    }
                )
    pd.DataFrame(rows).to_csv(PARTS / "clipping.csv", index=False)


def name_of(key):
    """File name of a part."""
    return "-".join(str(k) for k in key if k != "").replace(" ", "_").replace(",", "")


def keys():
    """Methods, variants and seeds, those that decide first."""
    todo = [("dense", "", 0), ("ensemble", "", 0), *(("log", s, 0) for s in SIGMAS)]
    todo += [("sac-cnn", PAPER, seed) for seed in SEEDS]
    return todo + [("sac-cnn", v, seed) for seed in SEEDS for v in ("no hard", "hard 11 px")]


def joined(kind):
    """One table of all parts of a kind."""
    tables = [
        pd.read_csv(f, dtype={"image": str, "variant": str}) for f in PARTS.glob(f"*.{kind}.csv")
    ]
    return pd.concat(tables).fillna({"variant": ""})


def summary(rows):
    """Means over images, with their bootstrap intervals and the spread over training seeds."""
    by = ["data", "metal", "density_nm2", "method", "variant", "threshold_rule", "matching"]
    out = []
    for group, some in rows.groupby(by, dropna=False, sort=False):
        image = some.groupby("image")[evaluate.METRICS].mean()
        row = dict(zip(by, group, strict=True))
        row |= {"images": len(image), "seeds": some["seed"].nunique()}
        row["atoms"] = int((some["tp"] + some["fn"]).sum() / row["seeds"])
        row["threshold"] = some["threshold"].mean()
        for metric in evaluate.METRICS:
            low, high = evaluate.bootstrap_interval(image[metric])
            row |= {metric: image[metric].mean(), f"{metric}_low": low, f"{metric}_high": high}
        seen = some.pivot_table(index="image", columns="seed", values="f1").dropna()
        row["f1_sd_seeds"] = seen.mean().std()  # over the images that every seed has seen
        out.append(row)
    return pd.DataFrame(out).sort_values(by)


def roc(ranked, rows):
    """Rates at quantiles of the probability, per metal.

    The candidates are all maxima of a map above 0.001. True positive rate: candidates above the
    threshold that are atoms, of all atoms (the curve ends below 1 where atoms have no maximum of
    their own). False positive rate: those that are none, of all candidates that are none. "auc" is
    the probability that a candidate that is an atom ranks above one that is none.
    """
    one = rows[(rows["matching"] == "3 px") & (rows["threshold_rule"] == "simulated")]
    one = one[one["seed"] == 0].drop_duplicates(["data", "metal", "image", "method"])
    atoms = one.assign(n=one["tp"] + one["fn"]).groupby(["data", "metal", "method"])["n"].sum()
    out = []
    for group, some in ranked.groupby(["data", "metal", "method"]):
        probability, hit = some["probability"].to_numpy(), some["hit"].to_numpy(bool)
        rank = pd.Series(probability).rank().to_numpy()
        positive, negative = hit.sum(), (~hit).sum()
        area = (rank[hit].sum() - positive * (positive + 1) / 2) / (positive * negative)
        levels = np.quantile(probability, np.linspace(0.02, 0.995, 40))
        for t in np.unique(np.r_[0, levels]):
            above = probability > t
            out.append(
                {
                    **dict(zip(("data", "metal", "method"), group, strict=True)),
                    "threshold": t,
                    "true_positive_rate": (above & hit).sum() / atoms[group],
                    "false_positive_rate": (above & ~hit).sum() / negative,
                    "auc": area,
                    "atoms": atoms[group],
                    "candidates": len(some),
                    "false_candidates": negative,
                }
            )
    return pd.DataFrame(out)


def distances(near):
    """Recall and precision per bin of distance, with Wilson intervals."""
    by = ["data", "metal", "method", "threshold_rule", "what", "bin"]
    table = near.groupby(by)[["n", "good"]].sum().reset_index()
    table = table[table["n"] > 0]
    p, n, z = table["good"] / table["n"], table["n"], 1.96
    middle, half = (p + z**2 / (2 * n)) / (1 + z**2 / n), None
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return table.assign(
        from_nm=DISTANCES_NM[table["bin"]], to_nm=DISTANCES_NM[table["bin"] + 1],
        share=p, low=middle - half, high=middle + half,
    ).drop(columns=["bin", "good"])  # fmt: skip


def mean_and_spread(table, by, values):
    """Mean over images and seeds, and the standard deviation over seeds."""
    mean = table.groupby(by, dropna=False)[values].mean()
    seeds = table.groupby([*by, "seed"], dropna=False)[values].mean()
    spread = seeds.groupby(level=by, dropna=False).std().add_suffix("_sd_seeds")
    return mean.join(spread).reset_index()


def ablation(rows):
    """F1 with and without hard negatives, on the images that every network has seen."""
    rows = rows[(rows["method"] == "sac-cnn")]
    rows = rows[rows["matching"] == rows["data"].map({"simulated": "3 px", "measured": "iou"})]
    seen = rows.groupby("image")[["variant", "seed"]].apply(lambda t: len(t.drop_duplicates()))
    rows = rows[rows["image"].map(seen) == seen.max()]
    by = ["data", "metal", "density_nm2", "variant", "threshold_rule"]
    table = mean_and_spread(rows, by, evaluate.METRICS)
    counts = rows.groupby(by, dropna=False)[["image", "seed"]].nunique().reset_index()
    return table.merge(counts.rename(columns={"image": "images", "seed": "seeds"}), on=by)


def collect():
    """Join the parts into the files that the book reads."""
    rows = joined("rows")
    facts = [json.loads(f.read_text()) for f in sorted(PARTS.glob("*.json"))]
    # the scale of the filter is chosen on the validation images, like the thresholds
    tried = {f["variant"]: f["f1_validation"] for f in facts if f["method"] == "log"}
    best = max(tried, key=tried.get)
    rows = rows[(rows["method"] != "log") | (rows["variant"] == best)]
    summary(rows).round(4).to_csv(HERE / "detection.csv", index=False)
    ablation(rows).round(4).to_csv(HERE / "detection_ablation.csv", index=False)
    ranked, near = (
        t[(t["method"] != "log") | (t["variant"] == best)]
        for t in (joined("ranked"), joined("near"))
    )
    roc(ranked, rows).round(4).to_csv(HERE / "detection_roc.csv", index=False)
    distances(near).round(4).to_csv(HERE / "detection_distance.csv", index=False)
    shapes = joined("shapes")
    shapes = shapes[(shapes["data"] == "measured") | (shapes["density_nm2"] <= 1)]
    values = ["regions", "mean_area_px2", "median_area_px2", "share_specks", "share_to_split"]
    shapes = mean_and_spread(shapes[shapes["method"] == "sac-cnn"], ["data", "variant"], values)
    shapes.round(4).to_csv(HERE / "detection_sharpness.csv", index=False)
    clip = pd.read_csv(PARTS / "clipping.csv")
    by = ["data", "hot_pixels", "trained_clipped", "clipped"]
    clip = mean_and_spread(clip, by, evaluate.METRICS)
    clip.round(4).to_csv(HERE / "detection_clipping.csv", index=False)
    how = {"script": "data/ch02/make_detection.py", "methods": facts}
    (HERE / "detection.json").write_text(json.dumps(how, indent=1) + "\n")


def main():
    """Run the parts that are missing, then join all."""
    PARTS.mkdir(parents=True, exist_ok=True)
    test, validation = frames_of("test"), frames_of("validation")
    if not (HERE / "detection_thresholds.csv").exists():
        curves(validation)
    for key in keys():
        if not (PARTS / f"{name_of(key)}.json").exists():
            part(key, test, validation)
            print(key, flush=True)
    if not (PARTS / "guess.rows.csv").exists():
        guesses(test)
    if not (PARTS / "clipping.csv").exists():
        clipping(test)
    collect()


if __name__ == "__main__":
    main()
