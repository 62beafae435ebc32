"""Which pairs to train and which to test on.

Windows a pixel apart share nearly all their pixels. Drawn at random, as in published code, every
test window has been seen in training but for a row or a column; blocks with a gap of one window, or
whole spectrum images left out, share no pixel with it.
"""

import numpy as np

from helpers.data import DataError


def random_split(pairs, share=0.15, seed=1, within=None):
    """Test windows drawn at random, as published code does: they overlap training windows.

    Parameters
    ----------
    pairs : Pairs
    share : float
        Of the windows to test on.
    seed : int
    within : array of int, optional
        Only these pairs.

    Returns
    -------
    train, test : numpy.ndarray of int
    """
    chosen = _within(pairs, within)
    order = np.random.default_rng(seed).permutation(chosen)
    number = round(share * len(order))
    return np.sort(order[number:]), np.sort(order[:number])


def block_split(pairs, share=0.25, axis="x", last=True, gap=None, within=None):
    """Test windows in a block at one end of every spectrum image, without any pixel in common.

    Parameters
    ----------
    pairs : Pairs
    share : float
        Of the width (or height) of middles to test on.
    axis : {"x", "y"}
        Along which the image is divided.
    last : bool
        Test on the right (or lower) end, else on the other.
    gap : int, optional
        Least distance in pixels between middles of training and test; one window by default,
        which is the least at which windows share no pixel.
    within : array of int, optional
        Only these pairs, as to take a validation block from a training block.

    Returns
    -------
    train, test : numpy.ndarray of int

    Raises
    ------
    DataError
        Nothing is left to train or to test on.
    """
    chosen = _within(pairs, within)
    gap = pairs.window if gap is None else gap
    place = {"x": pairs.x_px, "y": pairs.y_px}[axis][chosen]
    place = place if last else -place
    edge = place.max() - max(round(share * (place.max() - place.min() + 1)), 1) + 1
    test, train = chosen[place >= edge], chosen[place <= edge - gap]
    if not len(train) or not len(test):
        raise DataError(
            f"A block of {share:.0%} along {axis} and a gap of {gap} pixels leave {len(train)}"
            f" windows to train and {len(test)} to test on: the field is too small; take a smaller"
            " window or share, or several spectrum images."
        )
    return train, test


def film_split(pairs, film):
    """Test on one spectrum image, train on all others.

    Returns
    -------
    train, test : numpy.ndarray of int
    """
    if not (pairs.film == film).any() or (pairs.film == film).all():
        raise DataError(
            f"Spectrum image {film} is not one of several: there are {np.unique(pairs.film)}."
        )
    return np.flatnonzero(pairs.film != film), np.flatnonzero(pairs.film == film)


def overlap(pairs, train, test):
    """Largest share of its pixels that every test window has in common with a training window.

    Returns
    -------
    numpy.ndarray (len(test),)
    """
    answer = np.zeros(len(test))
    for film in np.unique(pairs.film[test]):
        here = np.flatnonzero(pairs.film[test] == film)
        there = train[pairs.film[train] == film]
        for at in here if len(there) else ():
            common = [
                np.clip(pairs.window - np.abs(place[there] - place[test[at]]), 0, None)
                for place in (pairs.x_px, pairs.y_px)
            ]
            answer[at] = (common[0] * common[1]).max() / pairs.window**2
    return answer


def _within(pairs, within):
    return np.arange(len(pairs)) if within is None else np.asarray(within)
