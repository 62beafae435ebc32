"""Train and score the detectors of chapter 1 and write what the chapter shows of it.

Writes, beside this file: benchmark.csv (one row per method, variant, seed, threshold rule and test
image), benchmark_curves.csv (metrics against threshold), benchmark.json (how it was done),
crop_validation.csv and crop_history.csv (accuracy and loss on crops left out of the training),
thresholds.json (settings of the filters) and sac_cnn.safetensors (the SAC-CNN of seed 0).

Thresholds are chosen on the 11 training images: networks trained without an image predict it, and
the threshold with the best mean F1 over all images predicted this way is used, once, on the 10 test
images. Frames 047 and 048 show the same field and are never separated.

    python data/ch01/make_benchmark.py            # everything; finished parts are kept
    python data/ch01/make_benchmark.py resnet18:3 # one part, for running several at a time
"""

import argparse
import json
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from helpers import data, training
from helpers.atoms import baselines, crops, detect, evaluate
from helpers.atoms.networks import ResNet18, SacCnn, load_published
from helpers.atoms.preprocess import normalise
from helpers.weights import save_weights

HERE = Path(__file__).parent
PARTS = data.ROOT / "_build" / "benchmark"
SEEDS = range(5)
TRAIN_CHOSEN, TEST_BEST, PUBLISHED = "train-chosen", "test-best (optimistic)", "published 0.89"
# coarse where little happens, fine near 1, where networks that are sure of themselves differ
PROBABILITIES = np.round(
    np.r_[0.05:0.9:0.05, 0.89:0.99:0.01, 0.99:0.9981:0.002, 0.999, 0.9995, 0.9999], 4
)
FOLDS = [["021", "034", "051"], ["025", "037", "049"], ["047", "048", "027"], ["038", "045"]]

# predicted: how many of the folds are left out and predicted to choose the threshold. The ablations
# use two of the four and ResNet18 a coarser grid of crops to keep the whole study under an hour.
NETWORKS = {
    "sac-cnn": {"network": SacCnn, "epochs": 12, "predicted": 4},
    "sac-cnn/crops normalised twice": {
        "network": SacCnn,
        "epochs": 12,
        "predicted": 2,
        "crops": {"twice": True},
    },
    "sac-cnn/contaminated negatives": {
        "network": SacCnn,
        "epochs": 12,
        "predicted": 2,
        "crops": {"transposed": True},
    },
    "sac-cnn/half the images": {"network": SacCnn, "epochs": 12, "predicted": 4, "half": True},
    "resnet18": {"network": ResNet18, "epochs": 3, "predicted": 2, "stride": 5},
}


def load(split):
    """Normalised image, labels and hash of the file, by name."""
    return {
        i.name: (normalise(i.image), i.labels, i.image.attrs.get("sha256", ""))
        for i in data.pt_nc(split)
    }


def batches_of(x, y, seed, size=64):
    """Shuffle the crops anew in every epoch, by seed and epoch alone."""
    x, y = torch.from_numpy(x), torch.from_numpy(y)

    def batches(epoch):
        order = np.random.default_rng([seed, epoch]).permutation(len(x))
        return [(x[order[k : k + size]], y[order[k : k + size]]) for k in range(0, len(x), size)]

    return batches


def train(images, seed, spec):
    """Train on all crops of the images with everything random drawn from the seed."""
    pairs = [(image, labels) for image, labels, _ in images.values()]
    x, y = crops.training_crops(pairs, np.random.default_rng(seed), **spec.get("crops", {}))
    with training.seeded(seed):
        network = spec["network"]().to(memory_format=torch.channels_last)
        training.fit(
            network,
            batches_of(x, y, seed),
            torch.nn.functional.cross_entropy,
            epochs=spec["epochs"],
            progress=False,
            device="cpu",
        )
    return network


def predict(network, images, spec):
    """Likelihood map of every image."""
    if spec["network"] is SacCnn:
        return {k: detect.likelihood_map(network, v[0], device="cpu") for k, v in images.items()}
    stride = spec["stride"]
    return {k: detect.sliding_window(network, v[0], stride=stride) for k, v in images.items()}


def curve_of(maps, images, thresholds, positions=detect.components):
    """Metrics against threshold over the images that have a map."""
    labels = [images[name][1] for name in maps]
    if positions is detect.maxima:  # a maximum stays where it is, whatever the threshold
        found = [positions(m, min(thresholds)) for m in maps.values()]
    else:
        found = [partial(positions, m) for m in maps.values()]
    return evaluate.threshold_curve(labels, found, thresholds)


def rows_of(maps, images, rules, positions=detect.components):
    """Score the images at the threshold of every rule."""
    tables = []
    for rule, threshold in rules.items():
        pairs = [(images[name][1], positions(m, threshold)) for name, m in maps.items()]
        table = evaluate.score_images(pairs)
        table.insert(0, "image", list(maps))
        table.insert(0, "threshold", threshold)
        table.insert(0, "threshold_rule", rule)
        tables.append(table)
    return pd.concat(tables)


def choose(cv, test):
    """Thresholds of the two rules, from the two curves."""
    return {
        TRAIN_CHOSEN: evaluate.choose_threshold(cv),
        TEST_BEST: evaluate.choose_threshold(test),
    }


def stem(name, seed):
    """File name of a part."""
    return f"{name.replace('/', '-').replace(' ', '-')}-{seed}"


def write_part(name, seed, rows, curves, **facts):
    """Keep the results of one method and seed."""
    method, _, variant = name.partition("/")
    key = {"method": method, "variant": variant or "standard", "seed": seed}
    rows.assign(**key).to_csv(PARTS / f"{stem(name, seed)}.rows.csv", index=False)
    if curves:
        curves = pd.concat([c.assign(images=k) for k, c in curves.items()])
        curves.assign(**key).to_csv(PARTS / f"{stem(name, seed)}.curves.csv", index=False)
    (PARTS / f"{stem(name, seed)}.json").write_text(json.dumps({**key, **facts}, indent=1))


def network_part(name, seed):
    """Cross-validate, train on all training images, score the test images once."""
    start, spec = time.process_time(), NETWORKS[name]
    images, test = load("train"), load("test")
    folds = FOLDS
    if spec.get("half"):
        kept = np.random.default_rng(seed).permutation(sorted(images))[:6]
        folds = [list(kept[:2]), list(kept[2:4]), list(kept[4:])]
        if {"047", "048"} <= set(kept):  # never apart: the pair becomes a fold of its own
            others = [n for n in kept if n not in {"047", "048"}]
            folds = [["047", "048"], others[:2], others[2:]]
        images = {n: images[n] for n in images if n in kept}
    held_out = {}
    for fold in folds[: spec["predicted"]]:
        network = train({n: v for n, v in images.items() if n not in fold}, seed, spec)
        held_out |= predict(network, {n: images[n] for n in fold}, spec)
    cv = curve_of(held_out, images, PROBABILITIES)
    network = train(images, seed, spec)
    maps = predict(network, test, spec)
    curve = curve_of(maps, test, PROBABILITIES)
    rules = choose(cv, curve) | {PUBLISHED: 0.89}
    contaminated = None
    if spec.get("crops", {}).get("transposed"):
        contaminated = count_contaminated(images, seed)
    facts = {
        "train_images": sorted(images),
        "folds": folds[: spec["predicted"]],
        "epochs": spec["epochs"],
        "cross_validated_f1": float(cv["f1"].max()),
        "negatives_with_an_atom": contaminated,
        "cpu_seconds": round(time.process_time() - start),
    }
    write_part(name, seed, rows_of(maps, test, rules), {"train": cv, "test": curve}, **facts)
    if (name, seed) == ("sac-cnn", 0):
        save_weights(
            HERE / "sac_cnn.safetensors",
            network,
            trained_by="data/ch01/make_benchmark.py",
            data="pt-nc (measured)",
            training_images={n: v[2] for n, v in images.items()},
            seed=seed,
            epochs=spec["epochs"],
            threshold=rules[TRAIN_CHOSEN],
            threshold_chosen="best mean F1 of 4-fold cross-validation over the training images",
            cross_validated_f1=facts["cross_validated_f1"],
        )


def count_contaminated(images, seed):
    """Count the negatives drawn with the transposed look-up that hold a labelled atom."""
    rng, count = np.random.default_rng(seed), 0
    total = sum(len(labels) for _, labels, _ in images.values())
    for i, (image, labels, _) in enumerate(images.values()):
        share = total // len(images) + (i < total % len(images))
        drawn = crops.negatives(rng, labels, image.shape, share, transposed=True)
        ours, theirs = (t[["x_px", "y_px"]].to_numpy() for t in (drawn, labels))
        away = abs(ours[:, None] - theirs[None]).max(axis=2)
        count += int((away.min(axis=1) <= crops.HALF).sum())
    return count


def published_part(name, seed):
    """Score the authors' own weights, and the same with rows taken for columns."""
    images, test = load("train"), load("test")
    network = load_published(data.fetch("pt-nc") / "models" / "model_existing.ckpt")
    spec = {"network": SacCnn}
    on_train, on_test = predict(network, images, spec), predict(network, test, spec)
    cv, curve = (curve_of(*a, PROBABILITIES) for a in [(on_train, images), (on_test, test)])
    rules = choose(cv, curve) | {PUBLISHED: 0.89}
    write_part(name, seed, rows_of(on_test, test, rules), {"train": cv, "test": curve})

    def swapped(likelihood, threshold):
        found = detect.components(likelihood, threshold)
        return found.rename(columns={"x_px": "y_px", "y_px": "x_px"})

    rows = rows_of(on_test, test, {PUBLISHED: 0.89}, swapped)
    write_part(f"{name}/axes swapped", seed, rows, {})


def filter_part(name, seed):
    """Choose scale and threshold of a filter on the training images, score the test images."""
    images, test = load("train"), load("test")
    if name == "template":
        scales, positions = [None], detect.components
        thresholds = np.round(np.arange(0.08, 0.4, 0.01), 2)
    else:
        scales, positions = np.arange(2, 6.01, 0.5), detect.maxima
        thresholds = np.round(np.geomspace(0.02, 0.6, 60), 4)

    def respond(image, scale):
        if scale is None:
            return baselines.template_response(image)
        return baselines.log_response(image, scale)

    best, tried = None, {}
    for scale in scales:
        maps = {k: respond(v[0], scale) for k, v in images.items()}
        cv = curve_of(maps, images, thresholds, positions)
        tried[str(scale)] = round(float(cv["f1"].max()), 4)
        if best is None or cv["f1"].max() > best[1]["f1"].max():
            best = (scale, cv)
    scale, cv = best
    maps = {k: respond(v[0], scale) for k, v in test.items()}
    curve = curve_of(maps, test, thresholds, positions)
    rules = choose(cv, curve)
    facts = {"threshold": rules[TRAIN_CHOSEN], "train_f1": float(cv["f1"].max())}
    if scale is not None:
        facts |= {"sigma": float(scale), "train_f1_by_sigma": tried}
    curves = {"train": cv, "test": curve}
    write_part(name, seed, rows_of(maps, test, rules, positions), curves, **facts)


def crop_part(name, seed):
    """Accuracy and loss on a tenth of the crops, left out of the training, epoch by epoch."""
    spec = NETWORKS[name.removeprefix("crops of ")]
    pairs = [(image, labels) for image, labels, _ in load("train").values()]
    x, y = crops.training_crops(pairs, np.random.default_rng(seed), **spec.get("crops", {}))
    order = np.random.default_rng(seed).permutation(len(x))
    out, kept = order[: len(x) // 10], order[len(x) // 10 :]
    held_x, held_y = torch.from_numpy(x[out]), torch.from_numpy(y[out])

    def validate(model):
        logits = model(held_x)
        hit = (logits.argmax(1) == held_y).float().mean()
        return {"loss": torch.nn.functional.cross_entropy(logits, held_y), "accuracy": hit}

    with training.seeded(seed):
        history = training.fit(
            spec["network"]().to(memory_format=torch.channels_last),
            batches_of(x[kept], y[kept], seed),
            torch.nn.functional.cross_entropy,
            epochs=spec["epochs"],
            validate=validate,
            progress=False,
            device="cpu",
        )
    method, _, variant = name.removeprefix("crops of ").partition("/")
    history = history.assign(method=method, variant=variant or "standard", seed=seed)
    history.to_csv(PARTS / f"{stem(name, seed)}.history.csv", index=False)
    (PARTS / f"{stem(name, seed)}.json").write_text("{}")


def parts():
    """Everything there is to do, cheap and decisive parts first."""
    todo = {("template", 0): filter_part, ("log", 0): filter_part}
    todo[("sac-cnn/published weights", 0)] = published_part
    todo |= {("sac-cnn", seed): network_part for seed in SEEDS}
    validated = ["sac-cnn", "sac-cnn/crops normalised twice", "resnet18"]
    todo |= {(f"crops of {name}", seed): crop_part for name in validated for seed in SEEDS}
    todo |= {(name, seed): network_part for seed in SEEDS for name in list(NETWORKS)[1:]}
    return todo


def collect():
    """Join the parts into the files that the book reads."""
    key = ["method", "variant", "seed"]

    def joined(kind, *order):
        found = [pd.read_csv(f, dtype={"image": str}) for f in sorted(PARTS.glob(f"*.{kind}.csv"))]
        table = pd.concat(found or [pd.DataFrame(columns=[*key, *order])])
        columns = [*key, *order, *[c for c in table if c not in {*key, *order}]]
        return table.sort_values([*key, *order])[columns].round(5)

    rows = joined("rows", "threshold_rule", "threshold", "image")
    rows.to_csv(HERE / "benchmark.csv", index=False)
    joined("curves", "images", "threshold").to_csv(HERE / "benchmark_curves.csv", index=False)
    history = joined("history", "epoch")
    history.to_csv(HERE / "crop_history.csv", index=False)
    last = history.groupby(key).last().reset_index()
    last.to_csv(HERE / "crop_validation.csv", index=False)
    facts = [json.loads(f.read_text()) for f in sorted(PARTS.glob("*.json"))]
    facts = [f for f in facts if f]  # crop validation keeps its facts in its table
    how = {"script": "data/ch01/make_benchmark.py", "data": "measured", "torch": torch.__version__}
    (HERE / "benchmark.json").write_text(json.dumps(how | {"parts": facts}, indent=1) + "\n")
    filters = {f["method"]: f for f in facts if f["method"] in {"template", "log"}}
    (HERE / "thresholds.json").write_text(json.dumps(filters, indent=1) + "\n")


def main():
    """Run the parts that are missing, then join all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("only", nargs="*", help="METHOD:SEED, all that are missing by default")
    only = parser.parse_args().only
    PARTS.mkdir(parents=True, exist_ok=True)
    bar = tqdm(parts().items())
    for (name, seed), work in bar:
        done = (PARTS / f"{stem(name, seed)}.json").exists()
        if done or (only and f"{name}:{seed}" not in only):
            continue
        bar.set_description(f"{name}, seed {seed}")
        work(name, seed)
    collect()


if __name__ == "__main__":
    main()
