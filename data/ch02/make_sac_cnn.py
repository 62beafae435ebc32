"""Train the SAC-CNN as the second paper does, with its ablations, on the measured images.

Variants: hard negatives at 18 px (the paper), at 11 px (the published code), none (chapter 1's
training, but clipped images), and 18 px without clipping. Five seeds each, on the 11 training
images of the public set, with the optimiser and epochs of chapter 1.

The threshold of a variant is the one with the best mean F1 on training images that its networks had
not seen, in four folds, with seed 0.

Writes sac_cnn_hard.safetensors beside this file (the paper's variant, seed 0). The others stay in
_build/sac_cnn, for make_detection.py. About 10 minutes on one core; what is finished is kept.

    python data/ch02/make_sac_cnn.py
"""

import shutil
from functools import partial
from pathlib import Path

import numpy as np
import torch

from helpers import data, training
from helpers.atoms import dense_crops, dense_detection, detect, evaluate
from helpers.atoms.networks import SacCnn
from helpers.atoms.peaks import components
from helpers.atoms.preprocess import normalise
from helpers.weights import load_weights, read_header, save_weights

HERE = Path(__file__).parent
PARTS = data.ROOT / "_build" / "sac_cnn"
SEEDS = range(5)
EPOCHS = 12
# frames 047 and 048 show one field and stay together
FOLDS = [["021", "034", "051"], ["025", "037", "049"], ["047", "048", "027"], ["038", "045"]]
PAPER, UNCLIPPED = "hard 18 px", "hard 18 px, not clipped"
VARIANTS = {
    PAPER: {"hard": 18.0, "clip": True},
    "no hard": {"hard": None, "clip": True},
    "hard 11 px": {"hard": 11.0, "clip": True},
    UNCLIPPED: {"hard": 18.0, "clip": False},
}
THRESHOLDS = np.round(np.r_[0.05:0.9:0.05, 0.9:0.99:0.01, 0.99:0.9981:0.002, 0.999, 0.9995], 4)


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


def path_of(variant, seed):
    """Where the weights of a trained network are kept."""
    return PARTS / f"{variant.replace(' ', '-').replace(',', '')}-{seed}.safetensors"


def network_of(variant, seed):
    """A trained network and its threshold, chosen on measured images."""
    network = SacCnn()
    header = load_weights(path_of(variant, seed), network)
    return network, header["threshold"]


def fold_network(variant, number, frames):
    """The network that has not seen a fold; trained if it is not there yet."""
    path, network = path_of(variant, f"fold-{number}"), SacCnn()
    if not path.exists():
        seen = [f for f in frames if f["name"] not in FOLDS[number]]
        save_weights(path, train(seen, variant, seed=0), variant=variant, seed=0)
    load_weights(path, network)
    return network


def out_of_fold(variant, images):
    """Maps of the measured training images, given by name, from networks that had not seen them."""
    PARTS.mkdir(parents=True, exist_ok=True)
    frames, maps = load("train"), {}
    for number, fold in enumerate(FOLDS):
        network = fold_network(variant, number, frames)
        maps |= {n: detect.likelihood_map(network, images[n], device="cpu") for n in fold}
    return maps


def chosen_threshold(variant, frames):
    """Threshold with the best mean F1 on frames that the network had not seen, and that F1."""
    clip = VARIANTS[variant]["clip"]
    maps = out_of_fold(variant, {frame["name"]: frame[clip] for frame in frames})
    found = [partial(components, maps[frame["name"]]) for frame in frames]
    curve = evaluate.threshold_curve([frame["labels"] for frame in frames], found, THRESHOLDS)
    return {
        "threshold": evaluate.choose_threshold(curve),
        "threshold_rule": "best mean F1 out of fold on the measured training images, seed 0",
        "f1_out_of_fold": float(curve["f1"].max()),
    }


def part(variant, seed, frames):
    """Train on all images; the threshold comes with the first seed."""
    if seed == 0:
        chosen = chosen_threshold(variant, frames)
    else:
        first = read_header(path_of(variant, 0))
        chosen = {k: first[k] for k in ("threshold", "threshold_rule", "f1_out_of_fold")}
    clip = VARIANTS[variant]["clip"]
    save_weights(
        path_of(variant, seed),
        train(frames, variant, seed),
        made_by="data/ch02/make_sac_cnn.py",
        data="pt-nc (measured)",
        training_images={f["name"]: f["sha256"] for f in frames},
        variant=variant,
        clip_percentile=dense_detection.CLIP_PERCENTILE if clip else None,
        seed=seed,
        epochs=EPOCHS,
        **chosen,
    )


def main():
    """Train what is missing and ship the paper's variant."""
    PARTS.mkdir(parents=True, exist_ok=True)
    wanted = [(v, s) for s in SEEDS for v in VARIANTS]
    missing = [key for key in wanted if not path_of(*key).exists()]
    frames = load("train") if missing else []
    for variant, seed in missing:
        part(variant, seed, frames)
        print(variant, seed, read_header(path_of(variant, seed))["threshold"], flush=True)
    shutil.copy(path_of(PAPER, 0), HERE / "sac_cnn_hard.safetensors")


if __name__ == "__main__":
    main()
