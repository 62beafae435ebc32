"""Train the networks of chapter 3 on the library, five seeds for each kind of training images.

    mixed    PRISM images of 147, 309 and 561 atoms
    309      PRISM images of 309 atoms only
    linear   the linear model's images of the same atoms at the same places as in "mixed"

Every frame is recorded anew by `helpers.clusters.augment.training_frames`. What is chosen is chosen
on validation views: the network's form, the epoch, the scaling by noise and the threshold of
`predict`. Writes, beside this file,

    isomers.safetensors     the first network of "mixed", with scaling and threshold in its header
    isomers.onnx            the same for programs without PyTorch: any number of standardised frames
                            of 64 x 64 px of 0.05 nm to scores
    classifier_training.csv one row per epoch of every network
    classifier_chosen.csv   one row per network: validation loss before scaling, with one
                            temperature and with one that depends on noise, threshold

Networks are kept in _build/classifier, one folder for each state of the library, so that a stopped
run goes on with the next one (seconds are those since the last start). One network takes about
four and a half core-minutes, one of 309 atoms two:

    python data/ch03/make_classifier.py [--seeds 5] [--kinds mixed 309 linear]
"""

import argparse
import hashlib
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from scipy.spatial.transform import Rotation

from helpers.clusters import augment, calibration, network, study
from helpers.clusters.amorphous import amorphous
from helpers.clusters.classify import BATCH, load_classifier
from helpers.clusters.imaging import Microscope, linear_image, turned
from helpers.clusters.library import SIZES, library, path
from helpers.clusters.outline import diameter_nm, noise_share
from helpers.clusters.structures import ISOMERS, isomer
from helpers.registry import ROOT
from helpers.weights import export_onnx, read_header, save_weights


def sizes():
    """Sizes of cluster of which there is a library."""
    return [atoms for atoms in SIZES if path(atoms).exists()]


def version():
    """Name of the library that is there: another one makes other networks."""
    return hashlib.sha256(b"".join(path(n).read_bytes() for n in sizes())).hexdigest()[:8]


FOLDER = ROOT / "data" / "ch03"
KEPT = ROOT / "_build" / "classifier" / version()
PIXEL_NM = 0.05
KINDS = ("mixed", "309", "linear")
SEEDS = 5
EPOCHS = {"mixed": 18, "309": 10, "linear": 18}  # so that frames of 309 atoms are as many for all
COPIES = 6  # frames of each validation view
SLACK_NM = 0.2  # by which a cluster may be wider or narrower than those trained on
RISK = 0.05  # share of accepted frames that may be wrong


def linear_library(part):
    """The same views by the linear model; atoms are displaced anew."""
    images = []
    for k, rotation in enumerate(Rotation.from_quat(part.rotations)):
        name, source = ISOMERS[part.classes[k]], part.source[k]
        still = isomer(name, part.atoms) if source < 0 else amorphous(source, part.atoms)
        rng = np.random.default_rng([part.atoms, k])
        place = turned(still.get_positions() / 10, rotation, rng, Microscope().thermal_nm)
        images.append(linear_image(place, part.images.shape[-1]))
    return replace(part, images=np.stack(images))


def parts_of(kind, split):
    """Libraries for one kind of training, one for each size."""
    parts = [library(n).only(split) for n in sizes() if kind != "309" or n == 309]
    return [linear_library(part) for part in parts] if kind == "linear" else parts


def validation_frames(kind):
    """Frames of the validation views of every size, their classes, and the look of each."""
    rng = np.random.default_rng(1)
    frames, truth, looks = [], [], []
    for part in parts_of(kind, "validation"):
        copies = np.repeat(part.images, COPIES, axis=0)
        frames.append(augment.random_frames(rng, copies, side=max(network.FIELDS_PX)))
        truth.append(np.repeat(part.classes, COPIES))
        looks.append(np.repeat(study.groups(part), COPIES))
    return np.concatenate(frames), np.concatenate(truth), np.concatenate(looks)


def trained(kind, seed):
    """Train the network of one kind and seed and keep it with its history, unless it is kept."""
    file = KEPT / f"{kind}_{seed}.safetensors"
    if not file.exists():
        start, used = time.time(), time.process_time()
        validation = validation_frames(kind)
        parts = parts_of(kind, "train")
        images, classes = [p.images for p in parts], [p.classes for p in parts]
        net, history = network.train(
            images, classes, augment.training_frames, validation[:2], seed, EPOCHS[kind],
            checkpoint=file.with_suffix(".pt"), progress=False,
        )  # fmt: skip
        chosen = choose(net, validation)
        history.insert(0, "seed", seed)
        history.insert(0, "kind", kind)
        history.to_csv(file.with_suffix(".csv"), index=False)
        seconds = {"seconds": time.time() - start, "cpu_seconds": time.process_time() - used}
        save_weights(
            file, net, pixel_size_nm=PIXEL_NM, kind=kind, seed=seed, epochs=EPOCHS[kind],
            images=sum(map(len, images)), sizes=[p.atoms for p in parts],
            branches=len(net.branches), **chosen, **seconds,
        )  # fmt: skip
        file.with_suffix(".pt").unlink()
        print(kind, seed, f"{seconds['cpu_seconds'] / 60:.1f} core-minutes", chosen, flush=True)


def choose(net, validation):
    """Scaling and threshold from validation frames."""
    frames, classes, looks = validation
    diameters = [diameter_nm(frame, PIXEL_NM) for frame in frames]
    low, high = np.quantile(diameters, (0.01, 0.99))  # in the noisiest the outline is lost
    scores = network.logits(net, network.standardised(frames), BATCH).numpy()
    noise = noise_share(frames)
    scaling = calibration.fit_noise_scaling(scores, noise, classes)
    # what scaling is worth is seen on views that it was not fitted on
    half = np.zeros(len(looks), int)
    for k in np.unique(classes):
        half[classes == k] = np.unique(looks[classes == k], return_inverse=True)[1] % 2
    return {
        "factor": scaling.factor,
        "power": scaling.power,
        "diameters_nm": [float(low) - SLACK_NM, float(high) + SLACK_NM],
        "threshold": calibration.choose_threshold(scaling(scores, noise), classes, RISK),
        "validation_loss_plain": float(calibration.log_loss(scores, classes)),
        "validation_loss_temperature": _crossed(scores, np.ones(len(noise)), classes, half),
        "validation_loss_scaled": _crossed(scores, noise, classes, half),
        "validation_accuracy": float((scores.argmax(1) == classes).mean()),
    }


def _crossed(scores, noise, classes, half):
    """Loss of each half under the scaling fitted on the other."""
    losses = []
    for k in (0, 1):
        one, other = half != k, half == k
        scaling = calibration.fit_noise_scaling(scores[one], noise[one], classes[one])
        losses.append(
            calibration.log_loss(scaling.scaled(scores[other], noise[other]), classes[other])
        )
    return float(np.mean(losses))


def has(kind, seed):
    """Whether a network was trained."""
    return (KEPT / f"{kind}_{seed}.safetensors").exists()


def load(kind, seed):
    """A classifier that was trained and kept."""
    return load_classifier(KEPT / f"{kind}_{seed}.safetensors")


def ship():
    """Write the first "mixed" network, and the tables of all that are kept."""
    headers, histories = [], []
    for file in sorted(KEPT.glob("*.safetensors")):
        headers.append({"file": file, **read_header(file)})
        histories.append(pd.read_csv(file.with_suffix(".csv")))
    columns = ["kind", "seed", "images", "epochs", "validation_accuracy", "validation_loss_plain",
               "validation_loss_temperature", "validation_loss_scaled", "threshold",
               "cpu_seconds"]  # fmt: skip
    table = pd.DataFrame(headers)[columns]
    table.to_csv(FOLDER / "classifier_chosen.csv", index=False, float_format="%.4f")
    history = pd.concat(histories)
    history.to_csv(FOLDER / "classifier_training.csv", index=False, float_format="%.4f")
    if not has("mixed", 0):
        return
    shipped = next(h for h in headers if (h["kind"], h["seed"]) == ("mixed", 0))
    net = load_classifier(shipped.pop("file")).network
    own = {"network", "architecture_sha256", "weights_sha256", "code_version", "torch_version"}
    kept = {k: v for k, v in shipped.items() if k not in own}
    save_weights(FOLDER / "isomers.safetensors", net, **kept)
    side = max(network.FIELDS_PX)
    export_onnx(FOLDER / "isomers.onnx", net, torch.zeros(1, 1, side, side))


def main():
    """Train what is missing, then write what is shipped."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seeds", type=int, default=SEEDS)
    arguments.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    asked = arguments.parse_args()
    KEPT.mkdir(parents=True, exist_ok=True)
    for kind in asked.kinds:
        for seed in range(asked.seeds):
            trained(kind, seed)
    ship()


if __name__ == "__main__":
    main()
