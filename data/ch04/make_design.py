"""Make design.csv and design.npz: geometries for wished spectra, simulated, by six ways.

Wishes: true spectra of gaps on films 14 to 16, which no network was trained on, and spectra in
which the lowest of the three peaks of such a gap (`helpers.plasmons.peaks`) is moved by so many
meV. Every way has the same number of simulations for a wish. ``error`` is the least relative error
(per cent) among them, ``first`` that of the first, ``other_surroundings`` that of the best geometry
with other scatter around it, ``own_surroundings`` (nearest examples) the error of the true spectrum
of the nearest training window in its own film. The npz holds wishes and, by way, the spectrum and
the window of the best geometry. Four minutes of one core; a wish that stands in the table is not
made again.

    python data/ch04/make_design.py
"""

import time

import numpy as np
import pandas as pd
import torch
from film_library import film, pairs_of
from make_study import TEST_FILMS, TRAIN_FILMS

from helpers.plasmons import design, peaks
from helpers.plasmons.geometry import segment, simulated_spectrum, thickness_of
from helpers.plasmons.shipped import shipped
from helpers.registry import ROOT

TABLE, KEPT = (ROOT / "data" / "ch04" / f"design.{kind}" for kind in ("csv", "npz"))
SIMULATIONS = 6
PLACES = ("gap", "edge")
MOVES_MEV = (-40, 40)
EVERY = 7  # training windows in the library


def wishes():
    """Name -> spectrum: six of films, six made from those in gaps."""
    energy, rng, found = film(TEST_FILMS[0])["energy_ev"], np.random.default_rng(5), {}
    for number in TEST_FILMS:
        windows, true = pairs_of([number]), pairs_of([number], spectra="truth")
        where = peaks.places(film(number)["regions"], 1.5)[true.y_px, true.x_px]
        for place in PLACES:
            for k in rng.permutation(np.flatnonzero(where == peaks.PLACES.index(place))):
                if segment(thickness_of(windows.images[k])).filled.any():
                    break
            found[f"film {number}, {place}"] = true.spectra[k].astype(float)
    for number in TEST_FILMS:
        own = peaks.fit_peaks(found[f"film {number}, gap"], energy)
        rest = found[f"film {number}, gap"] - peaks.model_spectra(own, energy)[0]
        for move in MOVES_MEV:
            own.energy_mev[0, 0] += move
            moved = peaks.model_spectra(own, energy)[0] + rest
            own.energy_mev[0, 0] -= move
            found[f"film {number}, gap, peak moved by {move:+d} meV"] = moved.clip(0)
    return found


def main():
    """Make what the table lacks."""
    torch.set_num_threads(1)
    im2spec, scale, _ = shipped("im2spec", 10, 0)
    back = [shipped("spec2im", 10, 0)[0]]
    library = design.make_library(pairs_of(TRAIN_FILMS)[::EVERY], scale, im2spec)
    truth = pairs_of(TRAIN_FILMS, spectra="truth").spectra[::EVERY]
    rows = pd.read_csv(TABLE).to_dict("records") if TABLE.exists() else []
    kept = dict(np.load(KEPT)) if KEPT.exists() else {}
    for index, (name, target) in enumerate(wishes().items()):
        if any(row["wish"] == name for row in rows):
            continue
        start, new = time.process_time(), []
        for way in design.WAYS:
            rng = np.random.default_rng([7, index])
            sites, errors, spectra = go(way, target, im2spec, back, scale, library, rng)
            best, more = int(np.argmin(errors)), {}
            if way == "nearest examples":
                near = design.errors_of(library.pairs.spectra, target).argmin()
                more["own_surroundings"] = design.errors_of(truth[near : near + 1], target)[0]
            other = design.with_other_surroundings(sites[best])
            new.append(
                {
                    "wish": name, "kind": "made" if "moved" in name else "film", "way": way,
                    "simulations": len(errors), "error": errors[best], "first": errors[0],
                    "median": np.median(errors), "cubes": int(sites[best].filled.sum()),
                    "other_surroundings": design.errors_of(
                        simulated_spectrum(other)[None], target)[0],
                } | more
            )  # fmt: skip
            kept[f"{index} {way} spectrum"] = spectra[best].astype(np.float32)
            kept[f"{index} {way} window"] = sites[best].window().astype(np.float16)
        kept[f"{index} wish"] = target.astype(np.float32)
        rows += new
        np.savez_compressed(KEPT, **kept)
        pd.DataFrame(rows).round(4).to_csv(TABLE, index=False)
        line = ", ".join(f"{row['way']} {row['error']:.1f}" for row in new)
        print(f"{name}: {line}; {time.process_time() - start:.0f} s", flush=True)


def go(way, target, im2spec, back, scale, library, rng):
    """Geometries of one way with their errors and spectra."""
    if way.endswith("changes"):
        starts = [*design.nearest_examples(library, target, 2),
                  *design.from_spectrum(back, scale, target, 1, rng)]  # fmt: skip
        guide = (im2spec, scale) if way == "guided changes" else ()
        return design.changed(target, starts, SIMULATIONS, rng, *guide)
    sites = {
        "spec2im": lambda: design.from_spectrum(back, scale, target, SIMULATIONS, rng),
        "latent space": lambda: design.from_latent(im2spec, library, target, SIMULATIONS)[0],
        "nearest examples": lambda: design.nearest_examples(library, target, SIMULATIONS),
        "random": lambda: design.at_random(library, SIMULATIONS, rng),
    }[way]()
    return sites, *design.achieved(sites, target)


if __name__ == "__main__":
    main()
