"""Make the tables of chapter 4 that go beyond the paper, from the networks that are shipped.

``peaks``: errors of energy, width and area of every plasmon peak of the predicted against the true
spectra, by place, for the three networks with 10 latent variables and for boosted trees.
``intervals``: measured coverage of intervals set on film 13, by place and by energy. ``unlike``:
which windows are flagged as unlike the training set, and whether their errors are larger.
``transfer``: errors on films of other kinds. ``consistency``: whether windows and spectra that are
close in the latent space are alike.

Test films are 14 to 16; film 13 is the one that everything is set on. ``consistency`` takes what
make_study.py has trained, or else the two numbers of latents that are shipped. Five minutes of one
core in all. A table that is there is made again:

    python data/ch04/make_beyond.py                 # all
    python data/ch04/make_beyond.py peaks transfer
"""

import argparse

import numpy as np
import pandas as pd
import torch
from film_library import KEPT, film, pairs_of
from make_study import TEST_FILMS, TRAIN_FILMS, VALIDATION_FILM
from other_films import KINDS, other_pairs
from scipy.stats import spearmanr
from sklearn.decomposition import PCA

from helpers.data import DataUnavailable
from helpers.plasmons import intervals, latent, learn, peaks
from helpers.plasmons.baselines import candidates
from helpers.plasmons.eels_data import eels_si
from helpers.plasmons.errors import relative_error
from helpers.plasmons.networks import Im2Spec, Spec2Im
from helpers.plasmons.pairs import join, make_pairs
from helpers.plasmons.shipped import path_of, shipped
from helpers.plasmons.unlike import Familiar
from helpers.registry import ROOT
from helpers.weights import load_weights

OUT = ROOT / "data" / "ch04"
ENERGY = film(VALIDATION_FILM)["energy_ev"]
SEEDS = (0, 1, 2)
TREES = "31 leaves"  # chosen on film 13 in make_study.py
EVERY = 3  # windows of whole films; neighbours are nearly the same
PER_PLACE = 80  # windows whose peaks are fitted, per place and film
NOISES = {"noisier image (5 %)": 0.05, "noisier image (20 %)": 0.2}  # of the range of images


class Setting:
    """Networks, scale and what several tables need."""

    def __init__(self):
        loaded = [shipped("im2spec", 10, seed) for seed in SEEDS]
        self.networks, self.scale = [one[0] for one in loaded], loaded[0][1]
        self._trees = None

    def training(self, every=1):
        """Scaled windows and spectra of the training films, and their films."""
        pairs = pairs_of(TRAIN_FILMS)[::every]
        return self.scale.images(pairs.images), self.scale.spectra(pairs.spectra), pairs.film

    def trees(self, images):
        """What boosted trees predict for scaled windows."""
        if self._trees is None:
            flat, spectra, _ = self.training(2)
            model = candidates("boosted trees", len(flat), 256)[TREES]
            self._trees = model.fit(flat.reshape(len(flat), -1), spectra)
        return self._trees.predict(images.reshape(len(images), -1))

    def scaled(self, pairs):
        """Windows and spectra as the networks take and give them."""
        return self.scale.images(pairs.images), self.scale.spectra(pairs.spectra)


def places_of(number, pairs):
    """Place (index into `peaks.PLACES`) of every pair of a film."""
    return peaks.places(film(number)["regions"], 1.5)[pairs.y_px, pairs.x_px]


def as_recorded(number):
    """Pairs of a film: windows as recorded, spectra without noise."""
    return _with_images(pairs_of([number], spectra="truth"), pairs_of([number]).images)


def make_peaks(setting):
    """Errors by place, peak, method and seed."""
    chosen, place = [], []
    rng = np.random.default_rng(0)
    for number in TEST_FILMS:
        pairs = as_recorded(number)
        where = places_of(number, pairs)
        rows = np.concatenate(
            [rng.permutation(np.flatnonzero(where == k))[:PER_PLACE]
             for k in range(len(peaks.PLACES))]
        )  # fmt: skip
        chosen.append((pairs.images[rows], pairs.spectra[rows]))
        place.append(where[rows])
    images, spectra = (np.concatenate(part) for part in zip(*chosen))
    place, scaled = np.concatenate(place), setting.scale.images(images)
    predicted = {("ours", s): learn.predict(net, scaled) for s, net in zip(SEEDS, setting.networks)}
    predicted["boosted trees", 0] = setting.trees(scaled)
    true = peaks.fit_peaks(spectra, ENERGY)
    tables = []
    for (method, seed), values in predicted.items():
        found = peaks.fit_peaks(setting.scale.spectra_back(values), ENERGY)
        for k, name in enumerate(peaks.PLACES):
            rows = peaks.peak_errors(found[place == k], true[place == k])
            rows.insert(0, "place", name)
            tables.append(rows.assign(method=method, seed=seed, windows=int((place == k).sum())))
    return pd.concat(tables)


def make_intervals(setting):
    """Coverage by film and place, and by energy, of three kinds of interval."""
    kept = {}
    for number in (VALIDATION_FILM, *TEST_FILMS):
        pairs = pairs_of([number])[::EVERY]
        images, seen = setting.scaled(pairs)
        true = setting.scale.spectra(pairs_of([number], spectra="truth").spectra[::EVERY])
        kept[number] = (*intervals.ensemble(setting.networks, images), seen, true,
                        places_of(number, pairs))  # fmt: skip
    mean, spread, seen, _, _ = kept[VALIDATION_FILM]
    makers = {
        "spread as it is": intervals.gaussian,
        "scaled spread": intervals.fit_scaling(mean, spread, seen).interval,
        "one width for all": intervals.fit_scaling(mean, spread, seen, constant=True).interval,
    }
    rows, by_energy = [], []
    for kind, ends_of in makers.items():
        for level in intervals.LEVELS:
            every = []
            for number in TEST_FILMS:
                mean, spread, seen, true, place = kept[number]
                ends = ends_of(mean, spread, level)
                measured, truth = (intervals.covered(ends, part) for part in (seen, true))
                width = (ends[1] - ends[0]) / 2
                every.append(measured)
                for k, name in [(None, "all"), *enumerate(peaks.PLACES), (-1, "between")]:
                    part = np.ones(len(place), bool) if k is None else place == k
                    rows.append(
                        {
                            "kind": kind, "level": level, "film": number, "place": name,
                            "windows": int(part.sum()), "measured": measured[part].mean(),
                            "truth": truth[part].mean(),
                            "half_width_percent": 100 * width[part].mean() / seen[part].mean(),
                        }
                    )  # fmt: skip
            by_energy.append(pd.DataFrame(
                {"kind": kind, "level": level, "energy_eV": ENERGY,
                 "measured": np.concatenate(every).mean(0)}
            ))  # fmt: skip
    pd.concat(by_energy).round(4).to_csv(OUT / "intervals_energy.csv", index=False)
    return pd.DataFrame(rows)


def make_unlike(setting):
    """Share flagged and errors of what is flagged and not, for films and for spoilt windows."""
    familiar = Familiar(*[setting.training()[k] for k in (0, 2)])
    pairs = pairs_of([VALIDATION_FILM])[::EVERY]
    mean, spread = intervals.ensemble(setting.networks, setting.scaled(pairs)[0])
    limit = np.quantile(_relative_spread(mean, spread), 0.98)
    rng = np.random.default_rng(0)
    usual = as_recorded(TEST_FILMS[0])
    cases = {"like the training set": join([as_recorded(number) for number in TEST_FILMS])}
    cases |= {kind: other_pairs(kind) for kind in KINDS}
    span = setting.scale.image[1] - setting.scale.image[0]
    for name, share in NOISES.items():
        cases[name] = _with_images(usual, usual.images + share * span * rng.normal(
            size=usual.images.shape))  # fmt: skip
    cases["upside-down contrast"] = _with_images(usual, sum(setting.scale.image) - usual.images)
    rows = []
    for name, pairs in cases.items():
        images, spectra = setting.scaled(pairs[::EVERY])
        mean, spread = intervals.ensemble(setting.networks, images)
        error = relative_error(mean, spectra)
        near, left = familiar.distances(images) / familiar.limits[:, None]
        signs = {"window": np.maximum(near, left), "spread": _relative_spread(mean, spread) / limit}
        for sign, value in signs.items():
            flag = value > 1
            rows.append(
                {
                    "kind": name, "sign": sign, "windows": len(flag), "flagged": flag.mean(),
                    "error": error.mean(), "error_flagged": _mean(error[flag]),
                    "error_others": _mean(error[~flag]),
                    "rank_correlation": spearmanr(value, error).statistic,
                }
            )  # fmt: skip
    try:
        spectra, haadf = eels_si()
    except DataUnavailable as gone:
        print(f"eels-si is left out: {gone}")
    else:
        image = haadf.to_numpy()
        # its counts are of another detector: its own range is put to that of the training images
        image = (image - image.min()) / (image.max() - image.min())
        windows = make_pairs(image, np.zeros((*image.shape, 1))).images
        mean, spread = intervals.ensemble(setting.networks, windows)
        for sign, flag in (("window", familiar.unlike(windows)),
                           ("spread", _relative_spread(mean, spread) > limit)):  # fmt: skip
            rows.append({"kind": "measured pair (eels-si)", "sign": sign, "windows": len(flag),
                         "flagged": flag.mean()})  # fmt: skip
    return pd.DataFrame(rows)


def make_transfer(setting):
    """Errors against the truth by kind of film and method."""
    spec2im = [shipped("spec2im", 10, 0)[0]]
    mean = setting.training(7)[1].mean(0)
    mean_image = setting.training(7)[0].mean(0)
    kinds = {}
    for number in TEST_FILMS:
        pairs = as_recorded(number)
        kinds["like the training set", number] = pairs.images, pairs.spectra
    for kind in KINDS:
        pairs = other_pairs(kind)
        kinds[kind, pairs.film[0]] = pairs.images, pairs.spectra
    rows = []
    for (kind, number), (images, spectra) in kinds.items():
        images = setting.scale.images(images[::EVERY])
        spectra = setting.scale.spectra(spectra[::EVERY])
        found = {("im2spec", "ours", s): learn.predict(network, images)
                 for s, network in zip(SEEDS, setting.networks)}  # fmt: skip
        found["im2spec", "boosted trees", 0] = setting.trees(images)
        found["im2spec", "mean", 0] = np.broadcast_to(mean, spectra.shape)
        if kind.startswith("doped"):
            ratio = KINDS[kind]["plasma_ev"] / 1.8
            found["im2spec", "ours, energies scaled", 0] = _rescaled(
                found["im2spec", "ours", 0], ratio
            )
        for seed, network in enumerate(spec2im):
            found["spec2im", "ours", seed] = learn.predict(network, spectra)
        found["spec2im", "mean", 0] = np.broadcast_to(mean_image, images.shape)
        for (direction, method, seed), values in found.items():
            true, axes = (spectra, (-1,)) if direction == "im2spec" else (images, (-2, -1))
            error = relative_error(values, true, axes)
            rows.append(
                {
                    "kind": kind, "film": number, "direction": direction, "method": method,
                    "seed": seed, "windows": len(error), "error": error.mean(),
                    "median": np.median(error),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def make_consistency(setting):
    """Ratio of distances between neighbours in the latent space and between random samples."""
    images, spectra, films = setting.training(11)
    kinds = {"im2spec": (Im2Spec, images, spectra), "spec2im": (Spec2Im, spectra, images)}
    rows = []
    for direction, (kind, features, targets) in kinds.items():
        codes = {}
        for number in (1, 2, 3, 5, 10, 20):
            for seed in SEEDS:
                path = KEPT / f"{direction}_ours_film_{number}_{seed}.safetensors"
                path = path if path.exists() else path_of(direction, number, seed)
                if path.exists():
                    network = kind(number, 200)
                    load_weights(path, network)
                    codes["network", number, seed] = learn.encode(network, features)
            flat = features.reshape(len(features), -1)
            codes["principal components", number, 0] = PCA(number, random_state=0).fit_transform(
                flat
            )
        codes["the features themselves", 0, 0] = flat
        for (space, number, seed), code in codes.items():
            code = code / code.std(0) if space == "network" else code
            compared = {"features": (features, False), "targets": (targets, False)}
            name = "features" if direction == "im2spec" else "targets"
            compared[f"{name}, turned alike"] = images, True
            for what, (values, turns) in compared.items():
                found = latent.consistency(code, values, film=films, turns=turns)
                found = {key: found[key] for key in ("ratio", "rank_correlation")}
                rows.append({"direction": direction, "space": space, "latent": number,
                             "seed": seed, "what": what} | found)  # fmt: skip
    return pd.DataFrame(rows)


def _rescaled(spectra, ratio):
    """Spectra of a material whose plasma energy is larger by a ratio: all energies grow alike."""
    return np.stack([np.interp(ENERGY / ratio, ENERGY, one) for one in spectra])


def _relative_spread(mean, spread):
    return np.sqrt((spread**2).mean(1) / (mean**2).mean(1))


def _with_images(pairs, images):
    return type(pairs)(images.astype(np.float32), pairs.spectra, pairs.x_px, pairs.y_px, pairs.film)


def _mean(values):
    return values.mean() if len(values) else np.nan


MAKERS = {
    "peaks": make_peaks, "intervals": make_intervals, "unlike": make_unlike,
    "transfer": make_transfer, "consistency": make_consistency,
}  # fmt: skip


def main():
    """Make the tables asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tables", nargs="*", choices=[*MAKERS, []], default=[])
    torch.set_num_threads(1)
    setting = Setting()
    for name in parser.parse_args().tables or MAKERS:
        table = MAKERS[name](setting)
        table.round(4).to_csv(OUT / f"{name}.csv", index=False)
        print(f"{name}.csv: {len(table)} rows", flush=True)


if __name__ == "__main__":
    main()
