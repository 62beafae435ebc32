"""Films unlike those the networks were trained on, simulated once and kept in _build/plasmons.

Everything that the simulator can vary, one thing at a time: size, gap, shape, lattice, orientation
and doping. Three minutes of one core.
"""

from dataclasses import replace

import numpy as np
from film_library import KEPT

from helpers.plasmons.arrays import draw_array
from helpers.plasmons.exploration import regions
from helpers.plasmons.pairs import make_pairs
from helpers.plasmons.recording import simulate

FIRST_SEED = 200
KINDS = {
    "lattice turned by 45°": {"tilt_deg": 45.0},
    "cubes of 11 nm": {"side_nm": 11.0},
    "cubes of 15 nm": {"side_nm": 15.0},
    "gaps of 4.5 nm": {"gap_nm": 4.5},
    "hexagonal lattice": {"lattice": "hexagonal", "gap_nm": 4.0},
    "spheroids": {"power": 2.0},
    "doped less (1.7 eV)": {"plasma_ev": 1.7},
    "doped more (1.9 eV)": {"plasma_ev": 1.9},
}


def other_film(kind):
    """Arrays of one film: ``haadf``, ``truth`` (losses without noise), ``regions``."""
    number = list(KINDS).index(kind)
    path = KEPT / f"other_{number}.npz"
    if not path.exists():
        film = dict(KINDS[kind])
        material = {key: film.pop(key) for key in ("plasma_ev",) if key in film}
        power = film.pop("power", None)
        array = draw_array(FIRST_SEED + number, **film)
        if power:
            array = replace(array, power=power)
        made = simulate(FIRST_SEED + number, array, material=material)
        KEPT.mkdir(parents=True, exist_ok=True)
        np.savez(
            path, haadf=made.haadf.to_numpy(), truth=made.loss.to_numpy()[..., 80:],
            regions=regions(made.haadf, 1.5),
        )  # fmt: skip
    with np.load(path) as kept:
        return {key: kept[key] for key in kept.files}


def other_pairs(kind):
    """Pairs of windows as recorded and true spectra."""
    kept = other_film(kind)
    return make_pairs(kept["haadf"], kept["truth"], film=FIRST_SEED + list(KINDS).index(kind))
