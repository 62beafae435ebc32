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
from dense_images import study_images, training_image

from helpers import data
from helpers.atoms import evaluate, heatmap
from helpers.atoms.dense_detection import DATA, RADIUS, SMOOTH, SPOT, refined_maxima
from helpers.weights import save_weights

WORK = data.ROOT / "_build" / "dense_detector"
ARCHITECTURE = {"width": 16, "levels": 4, "block": 2}
MEMBERS, EPOCHS, BATCHES = 5, 20, 40
SIMULATED = range(240)
REPEATED = 7  # times every measured image stands in the list: a quarter of the crops


def training_pairs():
    """What the networks read and what they paint, and the hashes of the measured images."""
    simulated = [training_image(seed) for seed in SIMULATED]
    pairs = [(s.image.to_numpy(), s.atoms) for s in simulated]
    measured = data.pt_nc("train")
    pairs += [(m.image.to_numpy(), m.labels) for m in measured] * REPEATED
    inputs = [heatmap.standardise(image) for image, _ in pairs]
    targets = [heatmap.paint(image.shape, atoms, SPOT) for image, atoms in pairs]
    return inputs, targets, "".join(m.image.attrs["sha256"] for m in measured)


def main():
    """Train, calibrate, choose the threshold, save."""
    WORK.mkdir(parents=True, exist_ok=True)
    inputs, targets, measured = training_pairs()
    ensemble = heatmap.Ensemble(MEMBERS, **ARCHITECTURE)
    for seed, member in enumerate(ensemble.members):
        network = heatmap.train_unet(
            WORK / f"{seed}.safetensors", inputs, targets, seed, ARCHITECTURE, EPOCHS, BATCHES
        )
        member.load_state_dict(network.state_dict())
    ensemble = ensemble.half().float().eval()  # rounded as shipped

    validation = [s for _, _, _, s in study_images(1000, per_cell=2)]
    atoms = [s.atoms for s in validation]
    maps = [heatmap.painted_map(ensemble, s.image.to_numpy(), smooth=SMOOTH) for s in validation]
    raw = [refined_maxima(m, 0.02) for m in maps]
    rule = {"rule": "distance", "radius": RADIUS}
    hit = [evaluate.is_atom(a, t, **rule) for a, t in zip(atoms, raw, strict=True)]
    height = np.concatenate([t["probability"] for t in raw])
    calibration = heatmap.fit_calibration(height, np.concatenate(hit))
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
