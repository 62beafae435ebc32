"""Make dense_detector.safetensors: U-Nets trained on dense images, which nobody has labelled.

The measured training images hold one atom in 3 nm^2. Here chapter 1's U-Nets learn from simulated
images of 0.3 to 9 atoms per nm^2 (seeds 0-239, any metals, random, attractive and repulsive
arrangements) and, for a quarter of the crops, from the 11 measured training images. They paint
narrower spots, so that dimers stay two. Calibration and threshold come from simulated validation
images (seeds 1000-1047). About 8 minutes on one core; trained networks are kept.

    python data/ch02/make_dense_detector.py
"""

from hashlib import sha256

import numpy as np
import torch
from dense_images import study_images, training_image
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from helpers import data
from helpers.atoms import evaluate, heatmap
from helpers.atoms.dense_detection import DATA, RADIUS, SMOOTH, SPOT, refined_maxima
from helpers.atoms.networks import UNet
from helpers.training import fit, seeded
from helpers.weights import load_weights, save_weights

WORK = data.ROOT / "_build" / "dense_detector"
ARCHITECTURE = {"width": 16, "levels": 4, "block": 2}
MEMBERS, EPOCHS, BATCHES = 5, 20, 40
SIMULATED = range(240)
REPEATED = 7  # times every measured image stands in the list: a quarter of the crops


def warm_up_and_cool_down(parameters):
    """AdamW whose rate rises over the first tenth of the steps and then falls to zero."""
    optimiser = torch.optim.AdamW(parameters, 3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, 3e-3, total_steps=EPOCHS * BATCHES, pct_start=0.1
    )
    optimiser.register_step_post_hook(lambda *_: schedule.step())
    return optimiser


def training_pairs():
    """What the networks read and what they paint, and the hashes of the measured images."""
    simulated = [training_image(seed) for seed in SIMULATED]
    pairs = [(s.image.to_numpy(), s.atoms) for s in simulated]
    measured = data.pt_nc("train")
    pairs += [(m.image.to_numpy(), m.labels) for m in measured] * REPEATED
    inputs = [heatmap.standardise(image) for image, _ in pairs]
    targets = [heatmap.paint(image.shape, atoms, SPOT) for image, atoms in pairs]
    return inputs, targets, "".join(m.image.attrs["sha256"] for m in measured)


def trained(seed, inputs, targets):
    """Train one U-Net, or load it if it was trained before."""
    path = WORK / f"{seed}.safetensors"
    with seeded(seed):
        network = UNet(**ARCHITECTURE)
    if path.exists():
        load_weights(path, network)
        return network
    torch.nn.init.constant_(network.head.bias, -3)  # few pixels are atoms: start from there
    network = network.to(memory_format=torch.channels_last)

    def batches(epoch):
        rng = np.random.default_rng([seed, epoch])
        return (heatmap.random_crops(inputs, targets, rng) for _ in range(BATCHES))

    # the cache of autocast would keep the first weights for as long as the block lasts
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        history = fit(
            network, batches, heatmap.spot_loss, epochs=EPOCHS, optimiser=warm_up_and_cool_down,
            progress=False, device="cpu",
        )  # fmt: skip
    print(seed, f"loss {history['loss'].iloc[-1]:.4f}", flush=True)
    save_weights(path, network, seed=seed)
    return network


def main():
    """Train, calibrate, choose the threshold, save."""
    WORK.mkdir(parents=True, exist_ok=True)
    inputs, targets, measured = training_pairs()
    ensemble = heatmap.Ensemble(MEMBERS, **ARCHITECTURE)
    for seed, member in enumerate(ensemble.members):
        member.load_state_dict(trained(seed, inputs, targets).state_dict())
    ensemble = ensemble.half().float().eval()  # rounded as shipped

    validation = [s for _, _, _, s in study_images(1000, per_cell=2)]
    atoms = [s.atoms for s in validation]
    maps = [heatmap.painted_map(ensemble, s.image.to_numpy(), smooth=SMOOTH) for s in validation]
    raw = [refined_maxima(m, 0.02) for m in maps]
    rule = {"rule": "distance", "radius": RADIUS}
    hit = [evaluate.is_atom(a, t, **rule) for a, t in zip(atoms, raw, strict=True)]
    height = np.concatenate([t["probability"] for t in raw])
    line = LogisticRegression(C=np.inf).fit(logit(height)[:, None], np.concatenate(hit))
    calibration = {"offset": float(line.intercept_[0]), "slope": float(line.coef_[0, 0])}
    found = [refined_maxima(heatmap.calibrate(m, **calibration), 0.02) for m in maps]
    curve = evaluate.threshold_curve(atoms, found, np.arange(0.1, 0.9, 0.02), **rule)
    threshold = evaluate.choose_threshold(curve)
    best = curve.loc[(curve["threshold"] - threshold).abs().idxmin()].round(4).to_dict()
    print(best, calibration)
    save_weights(
        DATA / "dense_detector.safetensors",
        ensemble.half(),
        architecture={"members": MEMBERS, **ARCHITECTURE},
        input="heatmap.standardise of the micrograph, 15/512 nm per pixel",
        threshold=threshold,
        threshold_rule="best mean F1 (3 px) on simulated validation images, seeds 1000-1047",
        calibration=calibration,
        trained_on={
            "simulated": f"data/ch02/dense_images.py, seeds {SIMULATED[0]}-{SIMULATED[-1]}",
            "measured": "pt-nc, training images",
            "measured_sha256": sha256(measured.encode()).hexdigest(),
        },
        seeds=list(range(MEMBERS)),
        steps=EPOCHS * BATCHES,
        f1_validation=best["f1"],
        made_by="data/ch02/make_dense_detector.py",
    )


if __name__ == "__main__":
    main()
