"""Make detector.safetensors, the default detector, and the tables that say how good it is.

Everything is chosen on the eleven training images: five folds of whole images, consecutive frames
of one field in the same fold; every fold is trained with several seeds. The maps of the images left
out give the thresholds, the calibration and out_of_fold.csv. Then five ensembles of five U-Nets are
trained on all eleven, each U-Net from a seed of its own. The first ensemble is the detector, the
others say how much its score owes to chance. One by one, the members of the first are the plain
U-Nets of benchmark_unet.csv. The ten test images are scored once, at the end.

Trained networks are kept in --work, so that an interrupted run goes on where it stopped. About 50
minutes on one core (half of it on processors that multiply bfloat16 numbers).
"""

import argparse
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.ndimage import gaussian_filter

from helpers import data
from helpers.atoms import evaluate, heatmap
from helpers.atoms.detect import DATA, maxima
from helpers.weights import save_weights

FOLDS = [["047", "048"], ["021", "034"], ["025", "037"], ["027", "045", "051"], ["038", "049"]]
MEMBERS = 5  # U-Nets of one ensemble
ENSEMBLES = 5  # trained on all training images, each member from its own seed
CV_SEEDS = range(2)  # of those trained per fold
EPOCHS, BATCHES = 20, 20
ARCHITECTURE = {"width": 16, "levels": 4, "block": 2}


def trained(path, frames, seed):
    """Train one U-Net on the frames, or load it if it was trained before."""
    inputs, targets = ([f[key] for f in frames] for key in ("input", "target"))
    names = [f["name"] for f in frames]
    return heatmap.train_unet(
        path, inputs, targets, seed, ARCHITECTURE, EPOCHS, BATCHES, trained_on=names
    )


def prepared(split):
    """Images of a split with what the network reads and what it should paint."""
    return [
        {
            "name": frame.name,
            "sha256": frame.image.attrs["sha256"],
            "labels": frame.labels,
            "image": frame.image.to_numpy(),
            "input": heatmap.standardise(frame.image.to_numpy()),
            "target": heatmap.paint(frame.image.shape, frame.labels),
        }
        for frame in data.pt_nc(split)
    ]


def single_pass(network, frame):
    """Map of one U-Net, in one orientation."""
    with torch.inference_mode():
        x = torch.from_numpy(frame["input"])[None, None]
        found = torch.sigmoid(network(x.to(memory_format=torch.channels_last)))[0, 0].numpy()
    return gaussian_filter(found, heatmap.SMOOTH)


def joined(networks):
    """Ensemble of trained U-Nets."""
    ensemble = heatmap.Ensemble(len(networks), **ARCHITECTURE)
    for member, network in zip(ensemble.members, networks, strict=True):
        member.load_state_dict(network.state_dict())
    return ensemble.eval()


def candidates(maps):
    """Every maximum that could count as an atom, per map."""
    return [maxima(one, 0.01) for one in maps]


def chosen(frames, tables):
    """Curve over thresholds and the threshold of the best mean F1."""
    labels = [f["labels"] for f in frames]
    curve = evaluate.threshold_curve(labels, tables, np.arange(0.02, 0.9, 0.01))
    return curve, evaluate.choose_threshold(curve)


def rows(method, seed, frames, tables, threshold, variant="standard"):
    """Scores per image at the given threshold and at the one that is best on these very images."""
    rules = {"train-chosen": threshold, "test-best (optimistic)": chosen(frames, tables)[1]}
    for rule, value in rules.items():
        kept = [t[t["probability"] > value] for t in tables]
        scores = evaluate.score_images(
            [(f["labels"], k) for f, k in zip(frames, kept, strict=True)]
        )
        head = {"method": method, "variant": variant, "seed": seed, "threshold_rule": rule}
        yield scores.assign(**head, threshold=value, image=[f["name"] for f in frames])


def main():
    """Train, choose, calibrate, save, and score once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("_build/detector"))
    work = parser.parse_args().work
    work.mkdir(parents=True, exist_ok=True)
    train = prepared("train")

    names = [f["name"] for f in train]
    singles, together = {seed: {} for seed in CV_SEEDS}, {}
    for number, fold in enumerate(FOLDS):
        seen = [f for f in train if f["name"] not in fold]
        networks = [
            trained(work / f"fold{number}_seed{seed}.safetensors", seen, 100 * number + seed)
            for seed in CV_SEEDS
        ]
        for frame in (f for f in train if f["name"] in fold):
            together[frame["name"]] = heatmap.painted_map(joined(networks), frame["image"])
            for seed, network in zip(CV_SEEDS, networks, strict=True):
                singles[seed][frame["name"]] = single_pass(network, frame)
    full = [
        trained(work / f"full_seed{s}.safetensors", train, 1000 + s)
        for s in range(MEMBERS * ENSEMBLES)
    ]
    ensembles = [full[i : i + MEMBERS] for i in range(0, len(full), MEMBERS)]

    seen = candidates(singles[seed][name] for seed in CV_SEEDS for name in names)
    curve, single_threshold = chosen(train * len(CV_SEEDS), seen)
    print(f"out of fold, one U-Net: F1 {curve['f1'].max():.4f} at {single_threshold:.2f}")
    raw = candidates(together[name] for name in names)
    is_atom = [evaluate.is_atom(f["labels"], t) for f, t in zip(train, raw, strict=True)]
    height = np.concatenate([t["probability"] for t in raw])
    calibration = heatmap.fit_calibration(height, np.concatenate(is_atom))
    tables = candidates(heatmap.calibrate(together[name], **calibration) for name in names)
    curve, threshold = chosen(train, tables)
    best = curve.loc[(curve["threshold"] - threshold).abs().idxmin()].round(4).to_dict()
    print("out of fold, ensemble:", best, calibration, flush=True)
    out_of_fold = pd.concat(
        t.assign(image=f["name"], is_atom=evaluate.is_atom(f["labels"], t))
        for f, t in zip(train, tables, strict=True)
    )
    columns = ["image", "x_px", "y_px", "probability", "is_atom"]
    out_of_fold[columns].round(4).to_csv(DATA / "out_of_fold.csv", index=False)

    # rounded as shipped
    detectors = [joined(members).half().float() for members in ensembles]
    test, scored = prepared("test"), []
    for seed, detector in enumerate(detectors):
        maps = [heatmap.painted_map(detector, f["image"]) for f in test]
        found = candidates(heatmap.calibrate(one, **calibration) for one in maps)
        scored += rows("ensemble", seed, test, found, threshold)
    for seed, network in enumerate(ensembles[0]):
        found = candidates(single_pass(network, frame) for frame in test)
        scored += rows("u-net", seed, test, found, single_threshold)
    scored = pd.concat(scored)
    columns = ["method", "variant", "seed", "threshold_rule", "threshold", "image"]
    scored = scored[[*columns, *evaluate.METRICS, "tp", "fp", "fn"]]
    scored.round(5).to_csv(DATA / "benchmark_unet.csv", index=False)
    mean = scored.groupby(["method", "variant", "seed", "threshold_rule"])[
        ["threshold", *evaluate.METRICS]
    ]
    print(mean.mean().round(4).to_string())

    images = "".join(f["sha256"] for f in train)
    save_weights(
        DATA / "detector.safetensors",
        detectors[0].half(),
        architecture={"members": MEMBERS, **ARCHITECTURE},
        input="heatmap.standardise of the micrograph, 15/512 nm per pixel",
        threshold=threshold,
        threshold_rule="best mean F1 out of fold on the training images",
        calibration=calibration,
        trained_on={"set": "pt-nc", "images": names, "sha256": sha256(images.encode()).hexdigest()},
        seeds=[1000 + s for s in range(MEMBERS)],
        steps=EPOCHS * BATCHES,
        folds=FOLDS,
        f1_out_of_fold=best["f1"],
        f1_test=float(mean.mean().round(4)["f1"]["ensemble", "standard", 0, "train-chosen"]),
        made_by="data/ch01/make_detector.py",
    )


if __name__ == "__main__":
    main()
