"""Train the SAC-CNN as the second paper does, with its ablations, on the measured images.

Variants: hard negatives at 18 px (the paper), at 11 px (the published code), none (chapter 1's
training, but clipped images), and 18 px without clipping. Five seeds each, on the 11 training
images of the public set, with the optimiser and epochs of chapter 1.

Thresholds: 0.8 is published. "measured" is the one with the best mean F1 on training images that
the network had not seen: four folds for the paper's variant, two for the others. The test images
are scored once at both.

Writes, beside this file, sac_cnn.csv (scores of every measured test image), sac_cnn_maps.csv (how
sharp the maps are) and sac_cnn_hard.safetensors (the paper's variant, seed 0). The networks stay in
_build/sac_cnn, for make_detection.py. About 20 minutes on one core; finished parts are kept.

    python data/ch02/make_sac_cnn.py
"""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy import ndimage

from helpers import data, training
from helpers.atoms import dense_crops, dense_detection, detect, evaluate
from helpers.atoms.networks import SacCnn
from helpers.atoms.peaks import components
from helpers.atoms.preprocess import normalise
from helpers.weights import load_weights, save_weights

HERE = Path(__file__).parent
PARTS = data.ROOT / "_build" / "sac_cnn"
SEEDS = range(5)
EPOCHS = 12
# frames 047 and 048 show one field and stay together
FOLDS = [["021", "034", "051"], ["025", "037", "049"], ["047", "048", "027"], ["038", "045"]]
VARIANTS = {
    "hard 18 px": {"hard": 18.0, "clip": True, "folds": 4},
    "no hard": {"hard": None, "clip": True, "folds": 2},
    "hard 11 px": {"hard": 11.0, "clip": True, "folds": 2},
    "hard 18 px, not clipped": {"hard": 18.0, "clip": False, "folds": 2},
}
THRESHOLDS = np.round(np.r_[0.05:0.9:0.05, 0.9:0.99:0.01, 0.99:0.9981:0.002, 0.999, 0.9995], 4)
PUBLISHED = dense_detection.PUBLISHED_THRESHOLD


def prepared(image, clip):
    """The image as the network of a variant reads it."""
    return dense_detection.prepare(image) if clip else normalise(image)


def load(split):
    """The measured images of a split, prepared with and without clipping."""
    return [
        {
            "name": frame.name,
            "sha256": frame.image.attrs.get("sha256", ""),
            "labels": frame.labels,
            True: prepared(frame.image.to_numpy(), True),
            False: prepared(frame.image.to_numpy(), False),
        }
        for frame in data.pt_nc(split)
    ]


def train(frames, variant, seed):
    """One network from the crops of the frames; everything random comes from the seed."""
    spec = VARIANTS[variant]
    pairs = [(frame[spec["clip"]], frame["labels"]) for frame in frames]
    crops = dense_crops.training_crops(pairs, np.random.default_rng(seed), spec["hard"])
    x, y = (torch.from_numpy(part) for part in crops)

    def batches(epoch):
        order = np.random.default_rng([seed, epoch]).permutation(len(x))
        return [(x[order[k : k + 64]], y[order[k : k + 64]]) for k in range(0, len(x), 64)]

    with training.seeded(seed):
        network = SacCnn().to(memory_format=torch.channels_last)
        training.fit(
            network, batches, torch.nn.functional.cross_entropy, epochs=EPOCHS, progress=False,
            device="cpu",
        )  # fmt: skip
    return network


def stem(variant, seed):
    """Where a network and its tables are kept."""
    return PARTS / f"{variant.replace(' ', '-').replace(',', '')}-{seed}"


def network_of(variant, seed):
    """A trained network and its threshold chosen on measured images."""
    network = SacCnn()
    header = load_weights(f"{stem(variant, seed)}.safetensors", network)
    return network, header["threshold"]


def predict(network, frames, clip):
    """Likelihood map of every frame."""
    return [detect.likelihood_map(network, f[clip], device="cpu") for f in frames]


def sharpness(likelihood):
    """What the regions above the published threshold look like."""
    regions, n = ndimage.label(likelihood > PUBLISHED)
    area = np.bincount(regions.ravel())[1:]
    boxes = [
        (b[0].stop - b[0].start, b[1].stop - b[1].start) for b in ndimage.find_objects(regions)
    ]
    large = [height * width >= 200 for height, width in boxes]
    return {
        "regions": n,
        "mean_area_px2": area.mean() if n else np.nan,
        "median_area_px2": np.median(area) if n else np.nan,
        "share_specks": (area <= 2).mean() if n else np.nan,
        "share_box_200_px2": np.mean(large) if n else np.nan,
    }


def part(variant, seed, frames, test):
    """Choose the threshold out of fold, train on all, score the test images once."""
    clip, labels, maps = VARIANTS[variant]["clip"], [], []
    for fold in FOLDS[: VARIANTS[variant]["folds"]]:
        network = train([f for f in frames if f["name"] not in fold], variant, seed)
        left_out = [f for f in frames if f["name"] in fold]
        maps += predict(network, left_out, clip)
        labels += [f["labels"] for f in left_out]
    found = [lambda t, m=m: components(m, t) for m in maps]
    curve = evaluate.threshold_curve(labels, found, THRESHOLDS)
    chosen = evaluate.choose_threshold(curve)
    network, rows = train(frames, variant, seed), []
    maps = predict(network, test, clip)
    for rule, threshold in {"published": PUBLISHED, "measured": chosen}.items():
        for frame, likelihood in zip(test, maps, strict=True):
            row = {"variant": variant, "seed": seed, "image": frame["name"]}
            row |= {"threshold_rule": rule, "threshold": threshold}
            found = components(likelihood, threshold)
            rows.append(row | evaluate.score(frame["labels"], found))
    pd.DataFrame(rows).to_csv(f"{stem(variant, seed)}.rows.csv", index=False)
    shapes = [sharpness(m) | {"variant": variant, "seed": seed} for m in maps]
    shapes = pd.DataFrame(shapes).assign(image=[f["name"] for f in test], data="measured")
    shapes.to_csv(f"{stem(variant, seed)}.maps.csv", index=False)
    save_weights(
        f"{stem(variant, seed)}.safetensors",
        network,
        made_by="data/ch02/make_sac_cnn.py",
        data="pt-nc (measured)",
        training_images={f["name"]: f["sha256"] for f in frames},
        variant=variant,
        clip_percentile=dense_detection.CLIP_PERCENTILE if clip else None,
        seed=seed,
        epochs=EPOCHS,
        threshold=chosen,
        threshold_rule="best mean F1 out of fold on the measured training images",
        f1_out_of_fold=float(curve["f1"].max()),
    )


def main():
    """Train what is missing, then join the tables."""
    PARTS.mkdir(parents=True, exist_ok=True)
    missing = [
        (v, s) for s in SEEDS for v in VARIANTS if not Path(f"{stem(v, s)}.safetensors").exists()
    ]
    frames, test = (load("train"), load("test")) if missing else (None, None)
    for variant, seed in missing:
        part(variant, seed, frames, test)
        print(variant, seed, flush=True)
    for kind, name in (("rows", "sac_cnn"), ("maps", "sac_cnn_maps")):
        tables = [pd.read_csv(f"{stem(v, s)}.{kind}.csv", dtype={"image": str})
                  for v in VARIANTS for s in SEEDS]  # fmt: skip
        pd.concat(tables).round(4).to_csv(HERE / f"{name}.csv", index=False)
    network = SacCnn()
    path = f"{stem('hard 18 px', 0)}.safetensors"
    header = load_weights(path, network)
    (HERE / "sac_cnn_hard.safetensors").write_bytes(Path(path).read_bytes())
    print(header["threshold"], header["f1_out_of_fold"])


if __name__ == "__main__":
    main()
