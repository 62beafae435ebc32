"""Make backgrounds.csv: ways to the stable state of a scan, compared on simulated scans.

``error_quiet`` is the root mean square of what was found less the true stable state, in scans
without events, in units of the root mean square of the noise; ``error_events`` the same in scans
with events, in pixels to which picocavities add more than half of that noise; ``kept`` the part of
the picocavity signal that is left over what was found. One row per method and seed (a scan with
and a scan without events each); ``spectra_per_s`` is of one core. Methods that stand in the table
are not run again.

    python data/ch05/make_backgrounds.py              # a minute
    python data/ch05/make_backgrounds.py --choose     # components and steps, on validation scans
"""

import argparse
import time
from functools import lru_cache, partial

import numpy as np
import pandas as pd
from make_autoencoder import TRAIN
from scan_library import TEST, VALIDATION, event_free, faint_scan, scaled_stable, scan

from helpers.picocavities import autoencoder, backgrounds
from helpers.picocavities.analysis import EVERY
from helpers.picocavities.preprocess import on_grid, preprocess
from helpers.registry import ROOT

TABLE = ROOT / "data" / "ch05" / "backgrounds.csv"
SEEDS = 4
LEARN_EVERY = 16  # of the steps of the training scans


def methods():
    """Name -> function that gives, once it has learned, the function of a scan's values."""
    spectra = event_free(TRAIN, every=LEARN_EVERY)[0].reshape(-1, 512)
    network, _ = autoencoder.shipped("first")

    def means(values):
        return autoencoder.reconstruct(network, values, EVERY)

    def clipped(find, rounds):
        return lambda values: backgrounds.clipped(find, values, rounds)

    return {
        "autoencoder": lambda: partial(autoencoder.reconstruct, network),
        f"autoencoder, every {EVERY}": lambda: means,
        "least squares, wavenumber": lambda: backgrounds.asymmetric,
        "least squares, time": lambda: partial(backgrounds.asymmetric, along="time"),
        "running median": lambda: backgrounds.running_median,
        "principal components": lambda: backgrounds.principal(spectra),
        "non-negative factors": lambda: backgrounds.non_negative(spectra[::4]),
        f"autoencoder, every {EVERY}, clipped": lambda: clipped(means, 3),
        "principal components, clipped": lambda: clipped(backgrounds.principal(spectra), 10),
    }


def choices():
    """Settings to choose from, on validation scans."""
    spectra = event_free(TRAIN, every=LEARN_EVERY)[0].reshape(-1, 512)
    network, _ = autoencoder.shipped("first")

    def means(values):
        return autoencoder.reconstruct(network, values, EVERY)

    for steps in (101, 401):
        yield f"running median of {steps}", lambda v, k=steps: backgrounds.running_median(v, k)
    for count in (4, 8, 16):
        find = backgrounds.principal(spectra, count)
        yield f"{count} principal components", find
        for rounds in (3, 10, 30):
            name = f"{count} principal components, clipped {rounds} times"
            yield name, lambda v, k=rounds, f=find: backgrounds.clipped(f, v, k)
    for rounds in (1, 3):
        name = f"autoencoder, every {EVERY}, clipped {rounds} times"
        yield name, lambda v, k=rounds: backgrounds.clipped(means, v, k)


@lru_cache(maxsize=2 * SEEDS)
def scene(kind, seed):
    """Values of a scan, its true stable state, what picocavities add, and the noise."""
    one = scan(seed, events=False) if kind == "quiet" else bright(seed)
    done = preprocess(one.counts)
    truth = scaled_stable(one, done)
    added = on_grid(one.picocavity, one.counts["wavenumber"].values)
    added /= done.attrs["counts_per_unit"]
    values = done.to_numpy()
    return values, truth, added, np.sqrt(((values - truth - added) ** 2).mean())


def judged(find, seed):
    """Errors and speed of one method on one seed."""
    out, spent = {"seed": seed}, 0
    for kind in ("quiet", "events"):
        values, truth, added, noise = scene(kind, seed)
        began = time.process_time()
        found = find(values)
        spent += time.process_time() - began
        where = added > noise / 2 if kind == "events" else np.ones(added.shape, bool)
        out[f"error_{kind}"] = np.sqrt(((found - truth)[where] ** 2).mean()) / noise
        if kind == "events":
            out["kept"] = 1 - ((found - truth) * added).sum() / (added**2).sum()
    return out | {"spectra_per_s": round(2 * len(found) / spent)}


def bright(seed):
    """First scan with a visible event of ten steps or more, from a seed on."""
    while True:
        one, _ = faint_scan(seed)
        steps = one.events["last_step"] - one.events["first_step"]
        if ((one.events["snr"] > 2) & (steps >= 10)).any():
            return one
        seed += 100


def main():
    """Make the table, or show the choices."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--choose", action="store_true")
    if parser.parse_args().choose:
        table = rows(choices(), VALIDATION)
    else:
        table = pd.read_csv(TABLE) if TABLE.is_file() else pd.DataFrame(columns=["method"])
        missing = (
            (name, make) for name, make in methods().items() if name not in set(table["method"])
        )
        for name, make in missing:
            more = rows([(name, make())], TEST)
            table = pd.concat([table, more] if len(table) else [more])
            table.to_csv(TABLE, index=False, float_format="%.5g")
    print(table.drop(columns="seed").groupby("method", sort=False).agg(["mean", "std"]).to_string())


def rows(finders, first):
    """Rows of some methods on all seeds."""
    seeds = range(first, first + SEEDS)
    made = [{"method": name} | judged(find, seed) for name, find in finders for seed in seeds]
    return pd.DataFrame(made).round(4)


if __name__ == "__main__":
    main()
