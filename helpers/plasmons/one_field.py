"""One spectrum image of a reader's own: both networks trained on a part, judged on another.

There are no shipped weights that fit another sample, so that everything is learnt from one end of
the field and judged on the other, without a pixel in common.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp

from helpers.data import DataError
from helpers.plasmons import baselines, learn
from helpers.plasmons.errors import relative_error
from helpers.plasmons.networks import Im2Spec, Spec2Im
from helpers.plasmons.pairs import WINDOW, Pairs, make_pairs, scale_of
from helpers.plasmons.splits import block_split, random_split

DIRECTIONS = {"im2spec": Im2Spec, "spec2im": Spec2Im}
WINDOWS = (WINDOW, 12, 8, 4)  # px, the largest that leaves something to train and to test on
SIDES = {"lower": ("y", True), "upper": ("y", False), "right": ("x", True), "left": ("x", False)}
FEWEST = (100, 40, 40)  # windows to train, to choose and to test on
MOST_WINDOWS = 4000  # of a part of a very large field
EPOCHS, PER_EPOCH = 20, 1024  # a minute for each network with 200 channels


@dataclass(frozen=True)
class Division:
    """Windows of one field, and what each is for.

    Attributes
    ----------
    pairs : helpers.plasmons.pairs.Pairs
    train, validation, test : numpy.ndarray of int
        Indices of windows to learn from, to choose the epoch and settings on, and to judge by.
    side : str
        Which quarter of the field is for the test.
    """

    pairs: Pairs
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    side: str

    def indices(self):
        """The three parts, in the order of their use."""
        return self.train, self.validation, self.test

    def parts(self):
        """What every window is for (N,): train, validation, test or, in the gaps, none."""
        part = np.full(len(self.pairs), "none", dtype=object)
        for name in ("train", "validation", "test"):
            part[getattr(self, name)] = name
        return part


def divided(haadf, losses, window=0):
    """Divide one field into parts to learn from, to choose on and to test on, with gaps between.

    The gaps are as wide as a window, so that no pixel is in two parts. A quarter of the field at
    one of its sides is for the test. Which side is chosen by the image alone, before anything is
    learnt: of those with which the windows of every part are of many kinds, as nothing is learnt
    from an empty support, and nothing judged, the one whose test windows are most like the others.

    Parameters
    ----------
    haadf, losses : array
        As `helpers.plasmons.pairs.make_pairs` takes them.
    window : int
        Width in pixels; by default the largest of `WINDOWS` that leaves enough.

    Returns
    -------
    Division

    Raises
    ------
    DataError
        The field is too small for windows and gaps, or the window is no multiple of 4.
    """
    if window % 4:
        raise DataError(f"Windows of {window} pixels: expected a multiple of 4, or 0.")
    for size in [window] if window else WINDOWS:
        found = _sides(haadf, losses, size) if min(haadf.shape) >= size else []
        if found:
            enough = max(map(_variety, found)) / 2
            return min((one for one in found if _variety(one) >= enough), key=_difference)
    fits = [w for w in WINDOWS if window and w < window and _sides(haadf, losses, w)]
    advice = f"take smaller ones (window={fits[0]} works)" if fits else "record a larger field"
    raise DataError(
        f"A field of {haadf.shape[0]} x {haadf.shape[1]} pixels is too small for windows of {size}:"
        f" with gaps of one window, fewer than {FEWEST[0]} would be left to learn from, or than"
        f" {FEWEST[1]} to choose or to test on; {advice}."
    )


def _sides(haadf, losses, window):
    """Divisions that leave enough: each side for the test, each end of the rest to choose on."""
    pairs, found = make_pairs(haadf, losses, window), []
    for side, (axis, last) in SIDES.items():
        for end in (False, True):
            try:
                rest, test = block_split(pairs, axis=axis, last=last)
                across = "x" if axis == "y" else "y"
                train, validation = block_split(pairs, 0.2, across, last=end, within=rest)
            except DataError:
                continue
            sizes = map(len, (train, validation, test))
            if all(size >= least for size, least in zip(sizes, FEWEST)):
                found.append(Division(pairs, train, validation, test, side))
    return found


def _variety(division):
    """How much the brightness of windows varies in the part where it varies least."""
    brightness = division.pairs.images.mean((1, 2))
    return min(brightness[part].std() for part in division.indices())


def _difference(division):
    """How different the brightness of training and test windows is, 0 to 1."""
    brightness = division.pairs.images.mean((1, 2))
    return ks_2samp(brightness[division.train], brightness[division.test]).statistic


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


def learn_field(division, latent=10, seed=0, quick=False):
    """Train both networks on one part of a field and score them, and the baselines, on another.

    Parameters
    ----------
    division : Division
    latent : int
    seed : int
    quick : bool
        A tenth of the training, and two baselines.

    Returns
    -------
    Learnt
        Baselines are scored on a random split too, which flatters: its test windows overlap those
        to learn from.
    """
    pairs = division.pairs
    block = division.indices()
    scale = scale_of(pairs[division.train])
    images, spectra = scale.images(pairs.images), scale.spectra(pairs.spectra)
    inside, random_test = random_split(pairs, seed=seed)
    overlapping = *random_split(pairs, seed=seed, within=inside), random_test
    networks, rows = {}, []

    def score(direction, method, split, setting, found, true):
        error = relative_error(found, true, (-1,) if direction == "im2spec" else (-2, -1))
        rows.append(
            {"direction": direction, "method": method, "split": split, "setting": setting,
             "error_percent": error.mean(), "median_percent": np.median(error), "n": len(error)}
        )  # fmt: skip

    for direction, kind in DIRECTIONS.items():
        x, y = (images, spectra) if direction == "im2spec" else (spectra, images)
        train, validation, test = (some[:: _every(some)] for some in block)
        networks[direction], _ = learn.train(
            partial(kind, latent, spectra.shape[1], pairs.window), x[train], y[train],
            epochs=EPOCHS // (10 if quick else 1), seed=seed,
            validation=(x[validation], y[validation]), **learn.RECIPES["ours", direction],
            per_epoch=PER_EPOCH // (4 if quick else 1),
            half=learn.knows_half(), progress=False,
        )  # fmt: skip
        found = learn.predict(networks[direction], x[test])
        score(direction, "network", "block", f"{latent} latents", found, y[test])
        for split, parts in (("block", block), ("random", overlapping)):
            train, validation, test = (some[:: _every(some)] for some in parts)
            for method in baselines.METHODS[: 2 if quick else None]:
                chosen = x[validation], y[validation]
                predict, setting = baselines.fit_baseline(method, x[train], y[train], chosen, seed)
                score(direction, method, split, setting, predict(x[test]), y[test])
    return Learnt(networks, scale, pd.DataFrame(rows))


def beaten(errors):
    """Where a baseline is at least as good as the network on the test block.

    Parameters
    ----------
    errors : pandas.DataFrame
        Of `Learnt`.

    Returns
    -------
    list of str
        A sentence for each such direction.
    """
    sentences = []
    for direction, part in errors.query("split == 'block'").groupby("direction"):
        by_method = part.set_index("method")["error_percent"]
        best, own = by_method.drop("network").idxmin(), by_method["network"]
        if by_method[best] <= own:
            sentences.append(
                f"{direction}: {best} is better than the network ({by_method[best]:.1f} against"
                f" {own:.1f} %). Do not use the network here."
            )
    return sentences


def _every(indices):
    """Which of very many windows are enough: neighbours are nearly the same."""
    return max(1, -(-len(indices) // MOST_WINDOWS))


def predicted(learnt, division, losses):
    """Spectra that im2spec predicts for all windows, as a spectrum image.

    Parameters
    ----------
    learnt : Learnt
    division : Division
    losses : xarray.DataArray ("y", "x", "energy")
        What was learnt from.

    Returns
    -------
    xarray.DataArray ("y", "x", "energy")
        Of the pixels that are the middle of a window.
    """
    pairs = division.pairs
    inputs = learnt.scale.images(pairs.images)
    found = learnt.scale.spectra_back(learn.predict(learnt.networks["im2spec"], inputs))
    rows, columns = (slice(place.min(), place.max() + 1) for place in (pairs.y_px, pairs.x_px))
    part = losses.isel(y=rows, x=columns)
    return part.copy(data=found.reshape(part.shape).astype(np.float32)).rename("predicted_loss")


def windows_table(learnt, division):
    """Every window: its place, its part, both latent vectors, and the errors of both networks.

    Parameters
    ----------
    learnt : Learnt
    division : Division

    Returns
    -------
    pandas.DataFrame
        ``x_px``, ``y_px``, ``part``, ``<direction>_error_percent``, ``<direction>_z1`` and so on.
    """
    pairs, scale = division.pairs, learnt.scale
    images, spectra = scale.images(pairs.images), scale.spectra(pairs.spectra)
    table = pd.DataFrame({"x_px": pairs.x_px, "y_px": pairs.y_px, "part": division.parts()})
    for direction, network in learnt.networks.items():
        x, y = (images, spectra) if direction == "im2spec" else (spectra, images)
        axes = (-1,) if direction == "im2spec" else (-2, -1)
        table[f"{direction}_error_percent"] = relative_error(learn.predict(network, x), y, axes)
        z = learn.encode(network, x)
        names = [f"{direction}_z{k + 1}" for k in range(z.shape[1])]
        table = table.join(pd.DataFrame(z, columns=names))
    return table


def typical(errors, where, among, names):
    """One window for each kind of place: that of the median error.

    Parameters
    ----------
    errors : array (N,)
        Of all windows.
    where : array (N,) of int
        Kind of place of each, an index into `names`, or -1.
    among : array of int
        Windows to choose from.
    names : sequence of str

    Returns
    -------
    dict of str to int
        Kinds without a window are left out; without any kind, windows at quantiles of the error.
    """
    found = {}
    for kind, name in enumerate(names):
        here = among[where[among] == kind]
        if len(here):
            found[name] = int(here[np.argsort(errors[here])[len(here) // 2]])
    if not found:
        order = among[np.argsort(errors[among])]
        found = {
            f"error of rank {share:.0%}": int(order[int(share * (len(order) - 1))])
            for share in (0.1, 0.4, 0.6, 0.9)
        }
    return found
