"""The three point models of Rossi et al. 2024 (Fig. 3d), and their closed form."""

from functools import partial

import pandas as pd

from helpers.atoms import processes
from helpers.atoms.aggregates import random_share
from helpers.atoms.neighbours import random_mean_distance

MODELS = {
    "attractive": processes.attractive,
    "neutral": processes.neutral,
    "repulsive": processes.repulsive,
}
COUNTS = (100, 400)  # points in the paper's box of 10 by 10 nm
AREA_NM2 = processes.BOX_NM[0] * processes.BOX_NM[1]


def compare(rng, runs=processes.RUNS):
    """Run every model with every number of points.

    Parameters
    ----------
    rng : numpy.random.Generator
    runs : int
        Of each; the paper's 100 by default.

    Returns
    -------
    tuple of dict
        (points, model) to the runs and to the histogram of `processes.model_statistics`.
    """
    found = {
        (n, name): processes.model_statistics(partial(model, n=n), rng, runs)
        for n in COUNTS
        for name, model in MODELS.items()
    }
    return {key: each[0] for key, each in found.items()}, {k: each[1] for k, each in found.items()}


def summary(found):
    """Means over runs, with the closed form of a random arrangement on an endless plane.

    Parameters
    ----------
    found : dict
        The first part of `compare`.

    Returns
    -------
    DataFrame
        One row per density and model.
    """
    rows = []
    for n in COUNTS:
        density = n / AREA_NM2
        for name in MODELS:
            runs = found[n, name]
            distance, share = runs["nnd_mean_nm"], runs["multimer_share"]
            rows.append((density, name, distance.mean(), distance.std(), share.mean(), share.std()))
        closed = random_mean_distance(density), random_share(density)
        rows.append((density, "closed form", closed[0], None, closed[1], None))
    columns = ["atoms per nm²", "model", "distance (nm)", "SD (nm)", "in multimers", "SD"]
    return pd.DataFrame(rows, columns=columns)
