"""How well are isomers named? Every network of make_classifier.py and the atlas, on test views.

Test views lie on average 4 degrees and at least 2 from all training views, symmetric copies
counted; amorphous test clusters come from other runs of molecular dynamics. Every frame has a dose,
and otherwise the random conditions of training frames (`helpers.clusters.augment`). The atlas holds
the training images of the size of the test cluster, which a user would have to know; another one
holds those of all sizes, which is what the network of all sizes knows. How much they smooth is
chosen on validation views for each dose. The ambiguity of a view is how similar its
noise-free image is to the best image of another isomer. The test views are not fresh: the atlas and
networks of earlier forms were scored on them, and that the last of these was behind the atlas at
low doses is why its form was changed. The change was chosen on validation views, and these networks
met the test views once. Writes, beside this file,

    evaluation.csv             accuracy by method, trained on, atoms, and dose, tilt or defocus
    evaluation_confusion.csv   shares called, by training seed and dose
    evaluation_calibration.csv calibration error by dose, with what chance alone gives
    evaluation_reliability.csv probability against share correct
    evaluation_risk.csv        risk against coverage
    evaluation_ambiguity.csv   every view of 309 atoms with its most similar other isomer
    evaluation_views.csv       error of the retrieved view by dose and isomer
    evaluation_fields.csv      clusters found and named in wide fields
    evaluation.json            what was chosen on validation views

Intervals come from drawing discs of views and amorphous runs (and training seeds) with replacement.
Frames, scores and similarities are kept in _build/evaluation. Seven core-minutes:

    python data/ch03/make_evaluation.py
"""

import argparse
import importlib.util
import json
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter
from scipy.special import softmax
from scipy.stats import norm

from helpers.clusters import (
    atlas,
    augment,
    calibration,
    network,
    orientations,
    scenes,
    segment,
    study,
)
from helpers.clusters.library import library, path
from helpers.clusters.outline import noise_share
from helpers.clusters.recording import PIXEL_NM, record
from helpers.clusters.structures import ISOMERS, ORDERED
from helpers.registry import ROOT

FOLDER = ROOT / "data" / "ch03"
DOSES = (1e2, 3e2, 1e3, 3e3, 1e4, 3e4, 1e5)
HIGH = 1e4  # doses from here on are called high
MISTAKEN = 3e2  # a dose at which there are mistakes enough to say in which views
LEAST_INDEX = 0.2  # Youden's index below which similarity says nothing about mistakes
FRAME_PX = 58  # side of a frame, 2.9 nm
COPIES = 2  # frames of each view and dose
CALIBRATED = 6  # the same where probabilities are judged: of fewer, chance alone makes errors
BLURS_PX = (0.0, 1.0, 1.5, 2.5, 3.5)
TILTS = (0, 4, 8, 12, 16, 90)
STRAY = 1e-3  # usual support and background, fraction of the beam
APART = 2 * norm.isf(0.05)  # standard deviations between two images confused in 5 % of frames
FIELDS = 8  # wide fields of each dose
FIELD_PX = 640
IN_FIELD = (14, 3)  # clusters, touching pairs
ALL = "atlas of all sizes"
NOTE = "simulated; the atlas and networks of earlier forms met the test views too"
KINDS = {"mixed": "network", "309": "trained on 309 atoms", "linear": "trained on the linear model"}


def classifier_script():
    """The script that trained the networks, as a module."""
    spec = importlib.util.spec_from_file_location("make_classifier", FOLDER / "make_classifier.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TRAINING = classifier_script()
KEPT = ROOT / "_build" / "evaluation" / TRAINING.version()


def frames_of(images, dose, copies, seed):
    """Frames (N * copies, side, side) of noise-free images, copies of one image together."""
    rng = np.random.default_rng([seed, int(dose)])
    return augment.random_frames(rng, np.repeat(images, copies, axis=0), dose, FRAME_PX)


def kept(name, make):
    """An array from its file, or made and written there."""
    path = KEPT / f"{name}.npy"
    if not path.exists():
        np.save(path, make())
    return np.load(path)


def conditions():
    """Name of a condition to images of one part, dose and copies."""
    for atoms in TRAINING.sizes():
        part = library(atoms).only("test")
        for dose in DOSES:
            yield f"{atoms}_{dose:.0e}", part, dose, COPIES
    if not path(309, "defocus").exists():
        return
    part = library(309, "defocus")
    for defocus in np.unique(part.defocus_nm):
        chosen = part.only(part.defocus_nm == defocus)
        yield f"defocus_{defocus:+.0f}", chosen, HIGH, 4 * COPIES


def main():
    """Score every network and the atlas, then write the tables."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    KEPT.mkdir(parents=True, exist_ok=True)
    networks = {
        kind: {s: TRAINING.load(kind, s) for s in range(TRAINING.SEEDS) if TRAINING.has(kind, s)}
        for kind in TRAINING.KINDS
        if TRAINING.has(kind, 0)
    }
    votes, tried = choose_votes()
    scores = score_everything(networks, votes, choose_votes_of_all(votes))
    chosen = ambiguity(networks["mixed"])
    chosen["atlas_blur_px"] = {dose: blur for dose, (blur, _) in votes.items()}
    chosen["atlas_validation_accuracy"] = tried
    accuracy(networks, scores, chosen)
    probabilities(networks, scores)
    retrieved_views(networks, scores, votes)
    wide_fields(networks["mixed"])
    chosen["note"] = NOTE
    (FOLDER / "evaluation.json").write_text(json.dumps(chosen, indent=1) + "\n")


@lru_cache(maxsize=2)
def atlas_of(atoms, blur_px):
    """Atlas of the training images of one size, or of all sizes (None)."""
    parts = [library(n).only("train") for n in ([atoms] if atoms else TRAINING.sizes())]
    side = max(part.images.shape[-1] for part in parts)
    images = np.concatenate([network.in_field(part.images, side) for part in parts])
    classes = np.concatenate([part.classes for part in parts])
    return atlas.build_atlas(images, classes, augment.USUAL_SOURCE_NM / PIXEL_NM, blur_px)


def choose_votes():
    """How the atlas names an isomer at each dose, from validation views.

    Similarities to the best image of each class become probabilities by vector scaling. Without
    its offsets hardly any cluster would be called amorphous: no image of the atlas shows the one at
    hand. Of the smoothings, that with the highest accuracy is taken.
    """
    part = library(309).only("validation")
    truth = np.repeat(part.classes, COPIES)
    votes, table = {}, {}
    for dose in DOSES:
        frames = frames_of(part.images, dose, COPIES, seed=2)
        found, right = {}, {}
        for blur in BLURS_PX:
            name = f"validation_{dose:.0e}_{blur}"
            similar = kept(name, lambda b=blur, f=frames: by_class(atlas_of(309, b), f))
            found[blur] = calibration.fit_scaling(similar, truth)
            right[blur] = study.balanced(found[blur](similar).argmax(1) == truth, truth)
        table[f"{dose:.0e}"] = {str(b): round(r, 4) for b, r in right.items()}
        best = max(right, key=right.get)
        votes[f"{dose:.0e}"] = (best, found[best])
    return votes, table


def choose_votes_of_all(votes):
    """The same for the atlas of all sizes, with the smoothing of the other and its own scaling."""
    parts = [library(atoms).only("validation") for atoms in TRAINING.sizes()]
    truth = np.concatenate([np.repeat(part.classes, COPIES) for part in parts])
    found = {}
    for dose in DOSES:
        blur, _ = votes[f"{dose:.0e}"]
        similar = [
            kept(
                f"validation_{part.atoms}_{dose:.0e}_all_{blur}",
                lambda p=part, d=dose, b=blur: by_class(
                    atlas_of(None, b), frames_of(p.images, d, COPIES, seed=2)
                ),
            )
            for part in parts
        ]
        fitted = calibration.fit_scaling(np.concatenate(similar), truth)
        found[f"{dose:.0e}"] = (blur, fitted)
    return found


def by_class(made, frames):
    """Highest similarity to each class, (N, 4)."""
    return atlas.class_similarities(made, compared(made, frames))


def compared(made, frames):
    """Similarities of frames, cut to the field of the atlas."""
    return atlas.similarities(made, network.in_field(frames, made.profile.shape[0]))


def score_everything(networks, votes, votes_of_all):
    """Logits, and for the atlas probabilities, by (condition, method, seed)."""
    scores = {}
    for name, part, dose, copies in conditions():
        get = lru_cache(lambda p=part, d=dose, c=copies: frames_of(p.images, d, c, seed=3))
        for kind, members in networks.items():
            for seed, classifier in members.items():
                scores[name, kind, seed] = kept(
                    f"{name}_{kind}_{seed}", lambda c=classifier, g=get: c.scores(g())
                )
        blur, vote = votes[f"{dose:.0e}"]
        similar = kept(
            f"{name}_atlas_{blur}",
            lambda p=part, b=blur, g=get: by_class(atlas_of(p.atoms, b), g()),
        )
        scores[name, "atlas", 0] = vote(similar)
        blur, vote = votes_of_all[f"{dose:.0e}"]
        similar = kept(
            f"{name}_atlas_all_{blur}", lambda b=blur, g=get: by_class(atlas_of(None, b), g())
        )
        scores[name, ALL, 0] = vote(similar)
    return scores


def ambiguity(members):
    """evaluation_ambiguity.csv, and the limit of similarity above which a view is ambiguous.

    ``dose_needed_per_A2``: with it, an ideal observer who knows both images takes one for the other
    in 5 % of the frames. Their difference follows from the similarity; the noise is that of the
    mean number of electrons per pixel.
    """
    whole = library(309)
    train = np.flatnonzero(whole.split == "train")
    itself = np.full(len(whole), len(train))
    itself[train] = np.arange(len(train))
    blur = augment.USUAL_SOURCE_NM / PIXEL_NM
    clean = gaussian_filter(whole.images, (0, blur, blur))
    made = atlas_of(309, 0.0)
    found = kept("ambiguity", lambda: compared(made, clean))
    # one more column, for the images that are not in the atlas themselves
    found = np.c_[found, np.full(len(found), -np.inf)]
    extended = replace(made, classes=np.append(made.classes, -1))
    best = atlas.class_similarities(extended, found, without=itself)
    other, which = atlas.confusers(whole.classes, best)
    view = study.directions(whole)
    mean = clean.mean((1, 2)) + STRAY
    difference = 2 * (1 - other) * ((clean - clean.mean((1, 2), keepdims=True)) ** 2).sum((1, 2))
    table = pd.DataFrame(
        {
            "isomer": np.array(ISOMERS)[whole.classes],
            "x": view[:, 0], "y": view[:, 1], "z": view[:, 2], "split": whole.split,
            "tilt_deg": study.tilt(whole), "similarity": other,
            "own": best[np.arange(len(whole)), whole.classes],
            "like": np.array(ISOMERS)[which],
            "dose_needed_per_A2": APART**2 * mean / difference / (10 * PIXEL_NM) ** 2,
        }
    )  # fmt: skip
    table.to_csv(FOLDER / "evaluation_ambiguity.csv", index=False, float_format="%.4f")
    validation = table["split"] == "validation"
    wrong = wrong_share(members, whole.only("validation"))
    limit = ambiguity_limit(table.loc[validation, "similarity"].to_numpy(), wrong)
    return {"ambiguity_limit": limit, "ambiguous_share": ambiguous_share(table, limit)}


def wrong_share(members, part):
    """Share of the frames of each view, at a dose with many mistakes, that is named wrong."""
    frames = frames_of(part.images, MISTAKEN, COPIES, seed=9)
    truth = np.repeat(part.classes, COPIES)
    wrong = [c.scores(frames).argmax(1) != truth for c in members.values()]
    return np.reshape(wrong, (len(members), -1, COPIES)).mean((0, 2))


def ambiguity_limit(similarity, wrong):
    """Similarity that separates frames named wrong from those named right best.

    Best is the largest difference between the shares of both above it (Youden's index). Without
    wrong frames, or where wrong ones are not more similar than right ones, it is 1: no view is
    ambiguous.
    """
    if not wrong.any() or not (1 - wrong).any():
        return 1.0
    above = similarity[:, None] >= similarity
    index = wrong @ above / wrong.sum() - (1 - wrong) @ above / (1 - wrong).sum()
    return float(similarity[index.argmax()]) if index.max() > LEAST_INDEX else 1.0


def ambiguous_share(table, limit):
    """Share of the test views of each isomer that are ambiguous."""
    test = table[table["split"] == "test"]
    return test.groupby("isomer")["similarity"].agg(lambda s: float((s >= limit).mean())).to_dict()


def accuracy(networks, scores, chosen):
    """evaluation.csv and evaluation_confusion.csv."""
    rows, shares = [], []
    limit = chosen["ambiguity_limit"]
    view = pd.read_csv(FOLDER / "evaluation_ambiguity.csv")
    similarity = view.loc[view["split"] == "test", "similarity"].to_numpy()
    for name, part, dose, copies in conditions():
        truth, look = (np.repeat(a, copies) for a in (part.classes, study.groups(part)))
        called = {
            kind: np.array([scores[name, kind, s].argmax(1) for s in members])
            for kind, members in networks.items()
        } | {a: scores[name, a, 0].argmax(1)[None] for a in ("atlas", ALL)}
        parts = {"all": np.ones(len(truth), bool)}
        if name.startswith("309"):
            clear = np.repeat(similarity < limit, copies)
            parts |= {"clear": clear, "ambiguous": ~clear}
            tilt = np.repeat(study.tilt(part), copies)
            if dose >= HIGH:
                parts |= {
                    f"{low}-{high}": (tilt >= low) & (tilt < high)
                    for low, high in zip(TILTS[:-1], TILTS[1:])
                }
        for kind, labels in called.items():
            for what, some in parts.items():
                if some.any():
                    rows.append(
                        {
                            "method": KINDS.get(kind, kind), "atoms": part.atoms,
                            "dose_per_A2": dose, "views_of": what,
                            "defocus_nm": part.defocus_nm[0], "seeds": len(labels),
                            **study.with_interval(
                                labels[:, some] == truth[some], look[some],
                                np.random.default_rng(5),
                            ),
                        }
                    )  # fmt: skip
            if name.startswith("309"):
                for seed, label in enumerate(labels):
                    matrix = study.confusion(label, truth)
                    shares += [
                        (KINDS.get(kind, kind), seed, dose, ISOMERS[i], ISOMERS[j], matrix[i, j])
                        for i, j in np.ndindex(4, 4)
                    ]
    pd.DataFrame(rows).to_csv(FOLDER / "evaluation.csv", index=False, float_format="%.4f")
    names = ["method", "seed", "dose_per_A2", "true", "named", "share"]
    pd.DataFrame(shares, columns=names).to_csv(
        FOLDER / "evaluation_confusion.csv", index=False, float_format="%.4f"
    )


def probabilities(networks, scores):
    """evaluation_calibration.csv, _reliability.csv and _risk.csv, on test views of 309 atoms."""
    part = library(309).only("test")
    truth, look = (np.repeat(a, CALIBRATED) for a in (part.classes, study.groups(part)))
    rng = np.random.default_rng(6)
    rows, bins, curves = [], [], []
    everything, looks = np.tile(truth, len(DOSES)), np.tile(look, len(DOSES))
    shots = [frames_of(part.images, dose, CALIBRATED, seed=4) for dose in DOSES]
    noise = [noise_share(frames) for frames in shots]
    for seed, classifier in networks["mixed"].items():
        raw = [
            kept(f"calibration_{dose:.0e}_{seed}", lambda c=classifier, f=frames: c.scores(f))
            for dose, frames in zip(DOSES, shots)
        ]
        after = [classifier.scaling(r, n) for r, n in zip(raw, noise)]
        for scaling, found in (("before", [softmax_rows(r) for r in raw]), ("after", after)):
            for dose, p, t, g in [
                *((d, one, truth, look) for d, one in zip(DOSES, found)),
                (np.nan, np.concatenate(found), everything, looks),
            ]:
                low, high = calibration.grouped_interval(
                    lambda i, p=p, t=t: calibration.calibration_error(p[i], t[i]), g, rng, 200
                )
                chance = calibration.chance_error(p, rng, draws=100)
                accepted = p.max(1) >= classifier.threshold
                right = p.argmax(1) == t
                rows.append(
                    {
                        "seed": seed, "scaling": scaling, "dose_per_A2": dose,
                        "calibration_error": calibration.calibration_error(p, t),
                        "low": low, "high": high, "by_chance": chance.mean(),
                        "overconfidence": p.max(1).mean() - right.mean(),
                        "accuracy": right.mean(), "accepted": accepted.mean(),
                        "risk": 1 - right[accepted].mean() if accepted.any() else np.nan,
                    }
                )  # fmt: skip
            table = calibration.reliability(np.concatenate(found), everything)
            bins.append(table.assign(seed=seed, scaling=scaling))
        curves.append(curve(np.concatenate(after), everything, "network", seed))
    votes = [scores[f"309_{dose:.0e}", "atlas", 0] for dose in DOSES]
    of_votes = np.tile(np.repeat(part.classes, COPIES), len(DOSES))
    curves.append(curve(np.concatenate(votes), of_votes, "atlas", 0))
    for name, table in (("calibration", pd.DataFrame(rows)), ("reliability", pd.concat(bins)),
                        ("risk", pd.concat(curves))):  # fmt: skip
        table.to_csv(FOLDER / f"evaluation_{name}.csv", index=False, float_format="%.4f")


def softmax_rows(scores):
    """Probabilities of scores as they are."""
    return softmax(np.asarray(scores, float), axis=1)


def curve(p, truth, method, seed):
    """Risk against coverage at 101 coverages."""
    whole = calibration.risk_coverage(p, truth)
    some = whole.iloc[np.unique(np.linspace(0, len(whole) - 1, 101).round().astype(int))]
    return some.assign(method=method, seed=seed)


def retrieved_views(networks, scores, votes):
    """evaluation_views.csv: angle from the true view to the atlas image most like the frame.

    Only frames that the network of the shipped kind names right count; the atlas then looks among
    the images of that isomer.
    """
    part, train = library(309).only("test"), library(309).only("train")
    truth = np.repeat(part.classes, COPIES)
    seed = min(networks["mixed"])
    known, true = study.directions(train), np.repeat(study.directions(part), COPIES, 0)
    look = np.repeat(study.groups(part), COPIES)
    rng = np.random.default_rng(7)
    rows = []
    for dose in DOSES:
        frames = frames_of(part.images, dose, COPIES, seed=3)
        blur, _ = votes[f"{dose:.0e}"]
        found = kept(
            f"views_{dose:.0e}_{blur}", lambda b=blur, f=frames: best_view(atlas_of(309, b), f)
        )
        right = scores[f"309_{dose:.0e}", "mixed", seed].argmax(1) == truth
        for k, name in enumerate(ORDERED):
            some = np.flatnonzero(right & (truth == k))
            if not some.size:
                continue
            angles = orientations.reduced_angle(name, true[some], known)
            error = angles[np.arange(len(some)), found[some, k]]
            low, high = calibration.grouped_interval(
                lambda i, e=error: np.median(e[i]), look[some], rng
            )
            rows.append(
                {
                    "isomer": name, "dose_per_A2": dose, "median_deg": np.median(error),
                    "median_deg_low": low, "median_deg_high": high,
                    "ninetieth_deg": np.quantile(error, 0.9),
                    "nearest_deg": np.median(angles[:, train.classes == k].min(1)),
                    "by_chance_deg": np.median(angles[:, train.classes == k]),
                    "frames": len(some),
                }
            )  # fmt: skip
    pd.DataFrame(rows).to_csv(FOLDER / "evaluation_views.csv", index=False, float_format="%.3f")


def best_view(made, frames):
    """Number of the most similar atlas image of each class, (N, 4)."""
    found = compared(made, frames)
    places = [np.flatnonzero(made.classes == k) for k in range(len(ISOMERS))]
    return np.stack([p[found[:, p].argmax(1)] for p in places], 1)


def wide_fields(members):
    """evaluation_fields.csv: clusters of all sizes in fields of 32 nm on a support."""
    parts = [library(atoms).only("test") for atoms in TRAINING.sizes()]
    side = max(network.FIELDS_PX)
    images = np.concatenate([network.in_field(p.images, side) for p in parts])
    classes = np.concatenate([p.classes for p in parts])
    rows = []
    for dose in (1e3, 1e4):
        for number in range(FIELDS):
            rng = np.random.default_rng([8, int(dose), number])
            clean, truth = scenes.scene(rng, images, classes, FIELD_PX, *IN_FIELD)
            image = record(rng, clean, dose, turn=False, shift_px=0, magnification=0)
            found, labels = segment.find_clusters(image, PIXEL_NM)
            place = truth[["x_px", "y_px"]].to_numpy()
            apart = np.linalg.norm(place[:, None] - found[["x_px", "y_px"]].to_numpy(), axis=-1)
            # a cluster is found when a mark lies well inside it and is nearest to it
            nearest = apart.argmin(0) if len(found) else np.empty(0, int)
            mine = [np.flatnonzero((nearest == k) & (apart[k] < truth["radius_px"][k] / 2))
                    for k in range(len(truth))]  # fmt: skip
            for seed, classifier in members.items():
                named, _ = segment.classify_field(image, PIXEL_NM, classifier)
                for k, cluster in truth.iterrows():
                    hit = mine[k][0] if len(mine[k]) == 1 else None
                    rows.append(
                        {
                            "dose_per_A2": dose, "field": number, "seed": seed,
                            "touching": cluster["pair"] >= 0, "found": hit is not None,
                            "true": ISOMERS[int(cluster["class"])],
                            "named": named["isomer"][hit] if hit is not None else "",
                            "probability": named["probability"][hit] if hit is not None else np.nan,
                            "accepted": named["accepted"][hit] if hit is not None else False,
                            "false_in_field": len(found) - sum(len(m) == 1 for m in mine),
                        }
                    )  # fmt: skip
    pd.DataFrame(rows).to_csv(FOLDER / "evaluation_fields.csv", index=False, float_format="%.4f")


if __name__ == "__main__":
    main()
