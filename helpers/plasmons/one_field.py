"""One spectrum image of a reader's own: losses to learn from, and both networks trained on a part.

There are no shipped weights that fit another sample, so that everything is learnt from one end of
the field and judged on the other, without a pixel in common.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from helpers.data import DataError
from helpers.plasmons import baselines, learn
from helpers.plasmons.errors import relative_error
from helpers.plasmons.networks import POOLING, Im2Spec, Spec2Im
from helpers.plasmons.pairs import WINDOW, make_pairs, scale_of
from helpers.plasmons.spectra import (
    FIT_RANGES_EV,
    PEAK_HALF_WIDTH_EV,
    PLASMONS_FROM_EV,
    align,
    per_electron,
    plasmon_losses,
)
from helpers.plasmons.splits import block_split

DIRECTIONS = {"im2spec": Im2Spec, "spec2im": Spec2Im}
WINDOWS = (WINDOW, 12, 8)  # px, the largest that leaves something to train and to test on
FEWEST = 40  # windows to train, to choose and to test on
MOST_CHANNELS = 256
EPOCHS, PER_EPOCH = 20, 1024  # a minute for each network with 200 channels


def learnable(counts, low_ev=PLASMONS_FROM_EV, high_ev=0.0):
    """Losses to learn from, of any spectrum image with its zero-loss peak.

    Where channels are narrow enough for infrared plasmons, those of
    `helpers.plasmons.spectra.plasmon_losses`. Where they are not, spectra are aligned and divided
    by the zero-loss peak, and energies that belong to that peak are left out. More than
    `MOST_CHANNELS` are averaged in groups.

    Parameters
    ----------
    counts : xarray.DataArray ("y", "x", "energy")
    low_ev, high_ev : float
        Energies outside are left out; 0 as the higher one keeps all.

    Returns
    -------
    losses : xarray.DataArray ("y", "x", "energy")
        Loss probability per eV.
    told : str
        What was done, in sentences.

    Raises
    ------
    DataError
        As `plasmon_losses`, or fewer channels are left than one network averages.
    """
    energy = counts.energy.to_numpy()
    step = energy[1] - energy[0]
    if step <= FIT_RANGES_EV[1][1] / 20 and energy[-1] > FIT_RANGES_EV[1][1]:
        low = max(low_ev, FIT_RANGES_EV[0][0])
        losses = plasmon_losses(counts, low)
        how = "the fitted tail of the zero-loss peak was subtracted"
    else:
        low = max(low_ev, 1.5 * max(PEAK_HALF_WIDTH_EV, 3 * step))
        losses = per_electron(align(counts)).sel(energy=slice(low - 1e-9, None))
        how = (
            f"no tail was subtracted, because channels of {1000 * step:.0f} meV are too wide for"
            " infrared plasmons: what is seen are bulk plasmons and thickness"
        )
    if high_ev:
        losses = losses.sel(energy=slice(None, high_ev + 1e-9))
    groups = -(-losses.sizes["energy"] // MOST_CHANNELS)
    if groups > 1:
        losses = losses.coarsen(energy=groups, boundary="trim").mean(keep_attrs=True)
    if losses.sizes["energy"] < 2 * POOLING:
        raise DataError(
            f"{counts.attrs.get('source', 'the spectrum image')}: {losses.sizes['energy']} channels"
            f" lie between {low:g} and {high_ev or energy[-1]:g} eV, at least {2 * POOLING} are"
            f" needed: its axis runs from {energy[0]:g} to {energy[-1]:g} eV in steps of"
            f" {step:g} eV."
        )
    losses.attrs = {**counts.attrs, "quantity": "loss probability per eV"}
    first, last = losses.energy.to_numpy()[[0, -1]]
    told = (
        f"Spectra were aligned and divided by the zero-loss peak; {how}. Kept:"
        f" {losses.sizes['energy']} channels from {first:.3g} to {last:.3g} eV."
    )
    return losses.rename("loss_per_ev"), told


def divided(haadf, losses, window=0):
    """Pairs of one field, and which to train on, to choose the epoch on, and to test on.

    The lower quarter of the field is for tests; of the rest, one side is for the choice. Between
    them lie gaps of one window.

    Parameters
    ----------
    haadf, losses : array
        As `helpers.plasmons.pairs.make_pairs` takes them.
    window : int
        Width in pixels; by default the largest of `WINDOWS` that leaves enough.

    Returns
    -------
    pairs : helpers.plasmons.pairs.Pairs
    train, validation, test : numpy.ndarray of int

    Raises
    ------
    DataError
        The field is too small for windows and gaps.
    """
    for size in [window] if window else WINDOWS:
        try:
            pairs = make_pairs(haadf, losses, size)
            rest, test = block_split(pairs, axis="y")
            train, validation = block_split(pairs, 0.2, "x", last=False, within=rest)
        except DataError as too_small:
            reason = too_small
            continue
        parts = train, validation, test
        if min(map(len, parts)) >= FEWEST:
            return pairs, *parts
        reason = DataError(
            f"A field of {haadf.shape[0]} x {haadf.shape[1]} pixels cut into windows of {size}"
            f" leaves {len(train)} to train, {len(validation)} to choose and {len(test)} to test"
            f" on, {FEWEST} are needed: take a larger field or smaller windows."
        )
    raise reason


@dataclass(frozen=True)
class Learnt:
    """What was learnt from one field.

    Attributes
    ----------
    networks : dict of str to torch.nn.Module
        ``im2spec`` and ``spec2im``.
    scale : helpers.plasmons.pairs.Scale
    errors : pandas.DataFrame
        Mean relative error on the test windows by direction and method.
    """

    networks: dict
    scale: object
    errors: pd.DataFrame


def learn_field(pairs, train, validation, test, latent=10, seed=0, quick=False):
    """Train both networks on one part of a field and score them, and the baselines, on another.

    Parameters
    ----------
    pairs, train, validation, test
        From `divided`.
    latent : int
    seed : int
    quick : bool
        A tenth of the training.

    Returns
    -------
    Learnt
    """
    scale = scale_of(pairs[train])
    images, spectra = scale.images(pairs.images), scale.spectra(pairs.spectra)
    networks, rows = {}, []
    for direction, kind in DIRECTIONS.items():
        forward = direction == "im2spec"
        x, y = (images, spectra) if forward else (spectra, images)
        axes = (-1,) if forward else (-2, -1)
        chosen = x[validation], y[validation]
        networks[direction], _ = learn.train(
            partial(kind, latent, spectra.shape[1], pairs.window), x[train], y[train],
            epochs=EPOCHS // (10 if quick else 1), seed=seed, validation=chosen,
            symmetries=forward, cycle=True, relative=True,
            per_epoch=PER_EPOCH // (4 if quick else 1), progress=False,
        )  # fmt: skip
        found = {"network": (learn.predict(networks[direction], x[test]), f"{latent} latents")}
        for method in baselines.METHODS[: 2 if quick else None]:
            predict, setting = baselines.fit_baseline(method, x[train], y[train], chosen, seed)
            found[method] = predict(x[test]), setting
        for method, (answer, setting) in found.items():
            error = relative_error(answer, y[test], axes)
            rows.append(
                {"direction": direction, "method": method, "setting": setting,
                 "error_percent": np.mean(error), "median_percent": np.median(error)}
            )  # fmt: skip
    return Learnt(networks, scale, pd.DataFrame(rows))
