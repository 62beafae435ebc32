"""Simulated films for the studies of chapter 4, made once and kept in _build/plasmons.

Film 0 is the one of the chapter. Each is 61 x 74 pixels with 200 energies, reduced to losses as a
measured one would be; the noise-free truth of both is known too. Time grows with the third power of
the number of particles: for larger pixels take fewer of them, such as 40 x 46 of 3 nm.
"""

import numpy as np

from helpers.plasmons.arrays import SHAPE, draw_array
from helpers.plasmons.exploration import regions
from helpers.plasmons.pairs import join, make_pairs
from helpers.plasmons.recording import Instrument, simulate
from helpers.plasmons.spectra import plasmon_losses
from helpers.registry import ROOT

KEPT = ROOT / "_build" / "plasmons"


def film(seed, pixel_nm=1.5, shape=SHAPE):
    """Arrays of one film: ``haadf``, ``losses``, ``truth``, ``regions``, ``energy_ev``."""
    path = KEPT / f"film_{seed}_{pixel_nm:g}_{shape[0]}x{shape[1]}.npz"
    if not path.exists():
        made = simulate(seed, pixel_nm=pixel_nm, shape=shape)
        losses = plasmon_losses(made.counts)
        KEPT.mkdir(parents=True, exist_ok=True)
        np.savez(
            path.with_suffix(".part.npz"), haadf=made.haadf.to_numpy(), losses=losses.to_numpy(),
            truth=made.loss.sel(energy=losses.energy).to_numpy(),
            regions=regions(made.haadf, pixel_nm), energy_ev=losses.energy.to_numpy(),
        )  # fmt: skip
        path.with_suffix(".part.npz").rename(path)
    with np.load(path) as kept:
        return {key: kept[key] for key in kept.files}


def pairs_of(seeds, pixel_nm=1.5, shape=SHAPE, window=16, spectra="losses"):
    """Pairs of several films; ``spectra="truth"`` for those whose images and spectra lack noise."""
    several = []
    for seed in seeds:
        kept = film(seed, pixel_nm, shape)
        image = kept["haadf"]
        if spectra == "truth":
            image = Instrument().dark_field(draw_array(seed, shape, pixel_nm).thickness_nm())
        several.append(make_pairs(image, kept[spectra], window, seed))
    return join(several)
