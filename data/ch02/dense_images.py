"""The simulated images of chapter 2's studies: which seeds, metals and densities.

Training seeds 0-999, validation 1000-1999 (thresholds, calibration, corrections), test 2000-2999
(every number shown). The seed alone decides an image.
"""

from dataclasses import replace
from functools import partial

import numpy as np

from helpers.atoms import processes
from helpers.atoms.dense import SETTINGS, conditions, dense_image

METALS = list(SETTINGS)
DENSITIES = [0.5, 1.0, 2.0, 4.0, 6.0, 8.0]
SHAPE = (256, 256)


def attractive(rng, n, box):
    """One seed to three followers at every density; the paper's 50 seeds are all of a small n."""
    return processes.attractive(rng, n, box, seeds=max(n // 4, 1))


MODELS = {
    "random": processes.neutral,
    "attractive": attractive,
    "repulsive": processes.repulsive,
}


def study_images(first_seed, per_cell, shape=SHAPE):
    """Random arrangements: every metal at every density, as (metal, density, seed, Simulated)."""
    seed = first_seed
    for metal in METALS:
        for density in DENSITIES:
            for _ in range(per_cell):
                yield metal, density, seed, dense_image(seed, {metal: density}, shape=shape)
                seed += 1


def arranged_images(first_seed, per_cell, metals, arrangements=tuple(MODELS), shape=SHAPE):
    """Arrangements at every density, as (metal, arrangement, density, seed, simulate).

    An image is simulated when ``simulate()`` is called.
    """
    seed = first_seed
    for metal in metals:
        for arrangement in arrangements:
            for density in DENSITIES:
                for _ in range(per_cell):
                    how = {metal: density}, MODELS[arrangement]
                    simulate = partial(dense_image, seed, *how, shape=shape)
                    yield metal, arrangement, density, seed, simulate
                    seed += 1


def training_image(seed, shape=SHAPE):
    """One image of any metals, density and arrangement, under conditions wider than the study's."""
    rng = np.random.default_rng([seed, 1])
    metals = rng.choice(METALS, rng.choice([1, 2, 3], p=[0.6, 0.2, 0.2]), replace=False)
    density = np.exp(rng.uniform(np.log(0.3), np.log(9)))
    shares = rng.dirichlet(np.full(len(metals), 4.0))
    specimen, microscope = conditions(rng, metals)
    dose = np.exp(rng.uniform(np.log(0.6), np.log(1.6)))
    specimen = replace(
        specimen,
        thickness_nm=rng.uniform(3, 20),
        texture=rng.uniform(0.05, 0.22),
        coverage=rng.choice([1.0, rng.uniform(0.5, 1.0)], p=[0.7, 0.3]),
        edge_width_nm=rng.uniform(0, 6),
        undulation_nm=rng.uniform(0.1, 1.0),
    )
    microscope = replace(
        microscope,
        electrons_per_pixel=microscope.electrons_per_pixel * dose,
        stray_electrons=microscope.stray_electrons * dose,
        source_blur_nm=microscope.source_blur_nm * rng.uniform(0.85, 1.3),
    )
    densities = dict(zip(metals, density * shares, strict=True))
    model = MODELS[rng.choice(list(MODELS))]
    return dense_image(rng, densities, model, specimen, microscope, shape)
