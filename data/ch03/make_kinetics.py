"""Energies, rates and barriers recovered from simulated series of one Au309: bias and coverage.

Truth is `helpers.clusters.landscape.AU309`. In the first scenario the classifier is the shipped
network: it named `COPIES` recordings of every view of 309 atoms once, at `DOSE`, and series of a
tumbling cluster draw from its answers to test views; its confusion matrix comes from validation
views. In the others the classifier is the assumed one of `helpers.clusters.observation`, whose
confusion matrix is known from a validation set of 500 images per class unless a scenario says
otherwise. Every run draws new series, new views and a new validation set. Everything here is
simulated.

Scenarios (the confusion matrix of single frames is the same in all but the first)

    network         the shipped network, as many independent validation images as views
    independent      errors of neighbouring frames are independent
    few validated    50 validation images per class
    turning          80 % of the variance of the evidence belongs to the view, forgotten in 1 s

Estimates of proportions

    held               true share of time (what the length of the series alone allows)
    counted, naive     argmax labels; interval as if frames were independent
    counted            argmax labels; interval by blocks
    corrected, exact   undone confusion, taken as known
    corrected          undone confusion, with the uncertainty of the validation set
    hidden Markov      mean posterior of forward-backward with fitted rates

and of jumps: counted from argmax labels, from the Viterbi path, or expected by the hidden chain.

Writes, beside this file,

    kinetics_coverage.csv  bias, scatter and coverage of 95 % intervals, per scenario and estimate
    kinetics_frames.csv    error against the number of frames, simulated and by closed form
    kinetics_window.csv    recovered changes per second from 300 K to 420 K at a fixed frame time
    kinetics_network.csv   confusion matrix of the network on validation and on test views

Finished runs are kept in _build/kinetics. About ten core-minutes:

    python data/ch03/make_kinetics.py
"""

import sys
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy.linalg import expm

from helpers.clusters import classify
from helpers.clusters.counts import corrected, draw_confusions, one_hot, proportions
from helpers.clusters.hidden_markov import forward_backward, log_emission, viterbi
from helpers.clusters.kinetics import arrhenius, free_energy, vant_hoff
from helpers.clusters.landscape import AU309, BOLTZMANN_EV_K, simulate
from helpers.clusters.library import library
from helpers.clusters.observation import ASSUMED, Recorded
from helpers.clusters.precision import energy_sd, log_ratio_variance, validation_variance
from helpers.clusters.rates import count_jumps, fit_rates
from helpers.clusters.recording import PIXEL_NM
from helpers.clusters.recording import record as recorded
from helpers.clusters.structures import ISOMERS
from helpers.data import ROOT, DataError
from helpers.weights import read_header

FOLDER = ROOT / "data" / "ch03"
KEPT = ROOT / "_build" / "kinetics"
TEMPERATURES_K = np.array([340, 350, 360, 370])
SERIES, FRAMES, FRAME_S = 8, 2000, 0.04
DRAWS = 500
REFERENCE = ISOMERS.index("cuboctahedron")
OTHERS = [i for i in range(len(ISOMERS)) if i != REFERENCE]
PRIOR = np.full(len(ISOMERS), 1 / len(ISOMERS))
VALIDATION = 500
DOSE, COPIES = 300.0, 40  # electrons per square Angstrom; recordings of every view


@lru_cache
def network():
    """The shipped network as `Recorded`, and how many validation views there are of a class."""
    weights = read_header(classify.PATH)["weights_sha256"][:8]
    path, views = KEPT / f"network_{weights}.npz", library()
    if not path.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(3300)
        answers = {}
        for split in ("validation", "test"):
            images = np.repeat(views.only(split).images, COPIES, axis=0)
            parts = np.array_split(images, max(1, len(images) // 256))
            frames = [recorded(rng, part, DOSE, magnification=0) for part in parts]
            said = [classify.predict_frames(part, PIXEL_NM) for part in frames]
            answers[split] = np.concatenate(said).reshape(-1, COPIES, len(ISOMERS))
        np.savez_compressed(path, **answers)
    with np.load(path) as stored:
        answers = dict(stored)
    confusion = {}
    for split, said in answers.items():
        classes = views.only(split).classes
        called = np.eye(len(ISOMERS))[said.argmax(axis=2)].mean(axis=1)
        confusion[split] = np.array(
            [called[classes == k].mean(axis=0) for k in range(len(ISOMERS))]
        )
    rows = pd.concat(
        [pd.DataFrame(c, ISOMERS, ISOMERS).assign(split=s) for s, c in confusion.items()]
    )
    rows.rename_axis("true").to_csv(FOLDER / "kinetics_network.csv", float_format="%.4f")
    shown = views.only("test")
    said = Recorded(
        shown.rotations, shown.classes, answers["test"], confusion["validation"], FRAME_S
    )
    return said, np.bincount(views.only("validation").classes).min()


SCENARIOS = {  # classifier, validation images per class, runs
    "network": (None, None, 100),
    "independent": (ASSUMED, VALIDATION, 200),
    "few validated": (ASSUMED, 50, 200),
    "turning": (replace(ASSUMED, persistent=0.8, memory_frames=25), VALIDATION, 200),
}
LENGTHS = {1000: 200, 4000: 200, 16_000: 100, 64_000: 60, 256_000: 40}  # frames -> runs
WINDOW_K, WINDOW_RUNS = range(300, 430, 10), 20
KEYS = ["scenario", "quantity", "estimate", "temperature_k", "isomer"]


def kept(name, make, runs):
    """Rows of all runs; those already made are read."""
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / f"{name}.csv"
    done = pd.read_csv(path) if path.exists() else pd.DataFrame({"run": []})
    for run in sorted(set(range(runs)) - set(done["run"])):
        rows = pd.DataFrame(make(run)).assign(run=run)
        rows.to_csv(path, mode="a", header=not path.exists(), index=False)
        print(name, run, flush=True)
    rows = pd.read_csv(path)
    return rows[rows["run"] < runs].sort_values("run", kind="stable")


def record(rng, classifier, temperature, frames=FRAMES, series=SERIES):
    """Series at one temperature, and the class probabilities of their frames."""
    held = [simulate(rng, AU309.rates(temperature), frames, FRAME_S) for _ in range(series)]
    return held, [classifier.probabilities(rng, one.shares) for one in held]


def one_run(scenario, run):
    """Every estimate of one run with its interval, against the truth."""
    classifier, images, _ = SCENARIOS[scenario]
    if classifier is None:
        classifier, images = network()
    rng = np.random.default_rng([3000, list(SCENARIOS).index(scenario), run])
    counts = classifier.confusion_counts(rng, images)
    confusions = draw_confusions(rng, counts, DRAWS)
    exact = np.broadcast_to(confusions[0], confusions.shape)
    found, jumps = {}, {}
    for t in TEMPERATURES_K:
        held, seen = record(rng, classifier, t)
        labels = [p.argmax(axis=1) for p in seen]
        rows = [one_hot(path) for path in labels]
        emissions = [log_emission(p, PRIOR) for p in seen]
        fit = fit_rates(emissions, FRAME_S)
        transition = expm(fit.rates * FRAME_S)
        smooth = [forward_backward(e, transition, PRIOR)[0] for e in emissions]
        paths = [viterbi(e, transition, PRIOR) for e in emissions]
        for name, features, matrices in (
            ("held", [one.shares for one in held], None),
            ("counted", rows, None),
            ("corrected, exact", rows, exact),
            ("corrected", rows, confusions),
            ("hidden Markov", smooth, None),
        ):
            found.setdefault(name, []).append(proportions(rng, features, matrices, DRAWS))
        for name, chains in (("argmax labels", labels), ("Viterbi path", paths)):
            parts = [count_jumps(chain, FRAME_S) for chain in chains]
            jumps.setdefault(name, []).append((sum(j for j, _ in parts), sum(d for _, d in parts)))
        jumps.setdefault("hidden Markov", []).append((fit.jumps, fit.dwell_s, fit.log_sd))
    return [*_free_energies(found), *_lines(found), *_barriers(jumps)]


def _row(quantity, estimate, temperature, isomer, true, value, low, high):
    return {
        "quantity": quantity, "estimate": estimate, "temperature_k": temperature,
        "isomer": isomer, "true": true, "value": value, "low": low, "high": high,
    }  # fmt: skip


def _free_energies(found):
    for at, t in enumerate(TEMPERATURES_K):
        kt, p = BOLTZMANN_EV_K * t, AU309.populations(t)
        for i in OTHERS:
            true = -kt * np.log(p[i] / p[REFERENCE])
            for name, estimates in found.items():
                answer = free_energy(t, estimates[at], i, REFERENCE)
                yield _row("free energy", name, t, ISOMERS[i], true, *answer)
                if name == "counted":
                    share = estimates[at].value
                    variance = (1 / share[i] + 1 / share[REFERENCE]) / estimates[at].frames
                    half = 1.96 * kt * np.sqrt(variance)
                    answer = (answer[0], answer[0] - half, answer[0] + half)
                    yield _row("free energy", "counted, naive", t, ISOMERS[i], true, *answer)


def _lines(found):
    for name, estimates in found.items():
        for i in OTHERS:
            true = AU309.energy_ev[i] - AU309.energy_ev[REFERENCE]
            yield _fit(
                "energy", name, ISOMERS[i], true,
                lambda e=estimates, i=i: vant_hoff(TEMPERATURES_K, e, i, REFERENCE),
            )  # fmt: skip


def _barriers(jumps):
    true = AU309.barriers_ev()
    for name, parts in jumps.items():
        columns = [np.array(column) for column in zip(*parts)]
        for i, j in zip(*np.nonzero(~np.eye(len(ISOMERS), dtype=bool))):
            sd = columns[2][:, i, j] if len(columns) == 3 else None
            yield _fit(
                "barrier", name, f"{ISOMERS[i]} to {ISOMERS[j]}", true[i, j],
                lambda c=columns, i=i, j=j, sd=sd: arrhenius(
                    TEMPERATURES_K, c[0][:, i, j], c[1][:, i], sd
                ),
            )  # fmt: skip


def _fit(quantity, estimate, isomer, true, fit):
    try:
        line = fit()
        answer = (line.energy_ev, *line.interval())
    except DataError:
        answer = (np.nan,) * 3
    return _row(quantity, estimate, np.nan, isomer, true, *answer)


def coverage():
    """Bias, scatter and coverage of every estimate."""
    parts = []
    for name, (*_, runs) in SCENARIOS.items():
        rows = kept(name.replace(" ", "_"), lambda run, n=name: one_run(n, run), runs)
        parts.append(rows.assign(scenario=name))
    rows = pd.concat(parts)
    rows["error"] = 1e3 * (rows["value"] - rows["true"])
    rows["half"] = 1e3 * (rows["high"] - rows["low"]) / 2
    rows["inside"] = ((rows["low"] <= rows["true"]) & (rows["true"] <= rows["high"])).astype(float)
    answered = np.isfinite(rows[["value", "low", "high"]]).all(axis=1)
    groups = rows[answered].groupby(KEYS, dropna=False, sort=False)
    table = groups.agg(
        true_mev=("true", lambda x: 1e3 * x.iloc[0]), bias_mev=("error", "mean"),
        median_error_mev=("error", "median"), sd_mev=("error", "std"),
        half_interval_mev=("half", "median"), coverage=("inside", "mean"), runs=("inside", "size"),
    )  # fmt: skip
    table.to_csv(FOLDER / "kinetics_coverage.csv", float_format="%.4g")


def one_length(frames, run):
    """Errors of free energy at 360 K and of the energy, with `frames` at every temperature."""
    rng = np.random.default_rng([3100, frames, run])
    confusion = draw_confusions(rng, ASSUMED.confusion_counts(rng, VALIDATION), 0)[0]
    shares = {"held": [], "counted": [], "corrected": []}
    switches = []
    for t in TEMPERATURES_K:
        (held,), (seen,) = record(rng, ASSUMED, t, frames, 1)
        q = np.bincount(seen.argmax(axis=1), minlength=4) / frames
        shares["held"].append(held.shares.mean(axis=0))
        shares["counted"].append(q)
        shares["corrected"].append(corrected(q[None], confusion[None])[0])
        switches.append(held.jumps)
    rows = []
    x = 1 / (BOLTZMANN_EV_K * TEMPERATURES_K)
    for name, p in shares.items():
        for i in OTHERS:
            with np.errstate(divide="ignore", invalid="ignore"):
                log = np.log(np.array(p)[:, i] / np.array(p)[:, REFERENCE])
            true = np.array([_log_true(t, i) for t in TEMPERATURES_K])
            weight = 1 / np.sqrt(_variances(i, frames))
            seen_all = np.isfinite(log).all()
            slope = np.polyfit(x, log, 1, w=weight)[0] if seen_all else np.nan
            rows += [
                {"estimate": name, "isomer": ISOMERS[i], "switches": n, "quantity": q,
                 "error_mev": 1e3 * e}
                for q, e, n in (
                    ("free energy at 360 K", -(log - true)[2] / x[2], switches[2]),
                    ("energy", -slope - AU309.energy_ev[i] + AU309.energy_ev[REFERENCE],
                     sum(switches)),
                )
            ]  # fmt: skip
    return rows


def _log_true(t, i):
    p = AU309.populations(t)
    return np.log(p[i] / p[REFERENCE])


def _confusion():
    counts = ASSUMED.confusion_counts(np.random.default_rng(3099), 200_000)
    return counts / counts.sum(axis=1, keepdims=True)


CONFUSION = _confusion()


def _variances(i, frames, validation=np.inf, confusion=CONFUSION):
    """Variance of ln(p_i / p_j) at every temperature by the closed forms."""
    return np.array([
        log_ratio_variance(AU309.rates(t), FRAME_S, confusion, i, REFERENCE) / frames
        + validation_variance(AU309.populations(t), confusion, validation, i, REFERENCE)
        for t in TEMPERATURES_K
    ])  # fmt: skip


def lengths():
    """Error against number of frames, beside the closed form."""
    parts = []
    for frames, runs in LENGTHS.items():
        rows = kept(f"frames_{frames}", lambda run, n=frames: one_length(n, run), runs)
        parts.append(rows.assign(frames_per_temperature=frames))
    rows = pd.concat(parts)
    rows = rows[np.isfinite(rows["error_mev"])]
    keys = ["quantity", "estimate", "isomer", "frames_per_temperature"]
    table = (
        rows.groupby(keys, sort=False)
        .agg(
            error_68_mev=("error_mev", lambda x: x.abs().quantile(0.6827)),
            rms_error_mev=("error_mev", lambda x: np.sqrt((x**2).mean())),
            median_error_mev=("error_mev", "median"),
            sd_mev=("error_mev", "std"),
            switches=("switches", "mean"),
            runs=("run", "size"),
        )  # fmt: skip
        .reset_index()
    )
    known = table["estimate"] != "counted"  # counting is biased: no closed form
    for column, validation in (("closed_form_mev", VALIDATION), ("endless_validation", np.inf)):
        table[column] = [
            1e3
            * _closed(
                r.quantity,
                ISOMERS.index(r.isomer),
                r.frames_per_temperature,
                r.estimate,
                validation,
            )
            for r in table.itertuples()
        ]
        table[column] = table[column].where(known)
    # Theory without the error of the validation set falls as one over the root of the frames.
    more = (table.pop("endless_validation") / 10) ** 2
    table["frames_for_10_mev"] = more * table["frames_per_temperature"]
    table["switches_for_10_mev"] = more * table["switches"]
    table.to_csv(FOLDER / "kinetics_frames.csv", index=False, float_format="%.4g")


def _closed(quantity, i, frames, estimate, validation=VALIDATION):
    """Standard deviation by theory; the validation set is common to all temperatures: not in E."""
    confusion = CONFUSION if estimate == "corrected" else np.eye(len(ISOMERS))
    if quantity == "energy":
        return energy_sd(TEMPERATURES_K, _variances(i, frames, np.inf, confusion))
    kt = BOLTZMANN_EV_K * TEMPERATURES_K[2]
    return kt * np.sqrt(_variances(i, frames, validation, confusion)[2])


def one_window(temperature, run):
    """Changes of isomer per second, true and recovered, at one temperature."""
    rng = np.random.default_rng([3200, temperature, run])
    held, seen = record(rng, ASSUMED, temperature, FRAMES, SERIES)
    emissions = [log_emission(p, PRIOR) for p in seen]
    fit = fit_rates(emissions, FRAME_S)
    transition = expm(fit.rates * FRAME_S)
    time = SERIES * FRAMES * FRAME_S
    states = np.array([one.state for one in held])
    chains = {
        "argmax labels": np.array([p.argmax(axis=1) for p in seen]),
        "Viterbi path": np.array([viterbi(e, transition, PRIOR) for e in emissions]),
        "true isomer of every frame": states,
    }
    smooth = [forward_backward(e, transition, PRIOR)[0].argmax(axis=1) for e in emissions]
    rows = [
        {"estimate": name, "changes_per_s": (np.diff(c, axis=1) != 0).sum() / time,
         "right": (c == states).mean()}
        for name, c in chains.items()
    ]  # fmt: skip
    rows.append({
        "estimate": "hidden Markov", "changes_per_s": fit.jumps.sum() / time,
        "right": (np.array(smooth) == states).mean(),
    })  # fmt: skip
    return rows


def window():
    """Where rates can be read: lifetimes between a frame and a series."""
    parts = []
    for t in WINDOW_K:
        rows = kept(f"window_{t}", lambda run, t=t: one_window(t, run), WINDOW_RUNS)
        parts.append(rows.assign(temperature_k=t))
    rows = pd.concat(parts)
    keys = ["temperature_k", "estimate"]
    table = rows.groupby(keys, sort=False).agg(
        changes_per_s=("changes_per_s", "mean"), changes_sd=("changes_per_s", "std"),
        right=("right", "mean"), right_sd=("right", "std"), runs=("run", "size"),
    ).reset_index()  # fmt: skip
    table["true_changes_per_s"] = [
        -AU309.populations(t) @ np.diag(AU309.rates(t)) for t in table["temperature_k"]
    ]
    table["shortest_life_frames"] = [
        -1 / np.diag(AU309.rates(t)).min() / FRAME_S for t in table["temperature_k"]
    ]
    table.to_csv(FOLDER / "kinetics_window.csv", index=False, float_format="%.4g")


PARTS = {"window": window, "frames": lengths, "coverage": coverage}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()
