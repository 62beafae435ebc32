"""Follow single atoms from one frame to the next.

Two frames of one field are registered by normalised cross-correlation; atoms are then linked one
to one within a radius. Paper: Mitchell 2022, Figure S11 (consecutive frames). x is the column.
"""

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from helpers.atoms.registration import Registration, register

__all__ = ["Registration", "common_field", "fates", "link", "mobile_share", "register"]

STAY_NM = 0.18  # 6 px, the tolerance within which a detection counts as the labelled atom
HOP_NM = 0.6  # below the mean distance between atoms, beyond which links would be arbitrary


def link(first, second, shift, radius_px):
    """Pair the atoms of two frames one to one, closest first in total.

    Parameters
    ----------
    first, second : pandas.DataFrame
        Atoms, ``x_px`` and ``y_px``.
    shift : Registration
        From `register`.
    radius_px : float
        Atoms further apart than this (after registration) are not the same atom.

    Returns
    -------
    pandas.DataFrame
        One row per pair: ``first``, ``second`` (row numbers), ``dx_px``, ``dy_px`` (displacement
        on the specimen), ``distance_px``.
    """
    start = first[["x_px", "y_px"]].to_numpy(float)
    end = second[["x_px", "y_px"]].to_numpy(float) + (shift.dx_px, shift.dy_px)
    step = end[None] - start[:, None]
    distance = np.hypot(step[..., 0], step[..., 1])
    # A forbidden pair costs more than all allowed ones together: as many links as possible.
    forbidden = radius_px * (min(distance.shape, default=0) + 1)
    i, j = linear_sum_assignment(np.where(distance <= radius_px, distance, forbidden))
    kept = distance[i, j] <= radius_px
    i, j = i[kept], j[kept]
    return pd.DataFrame(
        {
            "first": i,
            "second": j,
            "dx_px": step[i, j, 0],
            "dy_px": step[i, j, 1],
            "distance_px": distance[i, j],
        }
    )


def common_field(first, second, shift, shape):
    """The atoms of either frame whose place on the specimen lies in both frames.

    Parameters
    ----------
    first, second : pandas.DataFrame
    shift : Registration
    shape : tuple of int
        Rows and columns of a frame.

    Returns
    -------
    tuple of pandas.DataFrame
        The rows kept of `first` and of `second`.
    """
    tables = []
    for atoms, sign in ((first, -1), (second, 1)):
        x, y = atoms["x_px"] + sign * shift.dx_px, atoms["y_px"] + sign * shift.dy_px
        inside = x.between(0, shape[1] - 1) & y.between(0, shape[0] - 1)
        tables.append(atoms[inside].reset_index(drop=True))
    return tuple(tables)


def fates(first, second, shift, shape, pixel_size_nm, stay_nm=STAY_NM, hop_nm=HOP_NM):
    """What became of the atoms between two frames.

    An atom *stayed* when its partner is within `stay_nm` (the localisation error), *moved* when a
    partner is within `hop_nm`, else it *vanished*; partners of nobody *appeared*. Stays are linked
    first, so that a hop never takes away the partner of an atom that stayed. How many links
    chance alone gives is counted with displaced copies of the second frame.

    Parameters
    ----------
    first, second : pandas.DataFrame
        Atoms of the two frames.
    shift : Registration
    shape : tuple of int
        Rows and columns of a frame.
    pixel_size_nm : float
    stay_nm, hop_nm : float
        Radii of the two links, in nm on the specimen.

    Returns
    -------
    counts : dict
        ``first``, ``second`` (atoms in the common field), ``stayed``, ``moved``, ``vanished``,
        ``appeared``, ``stayed_by_chance`` and ``moved_by_chance``.
    links : pandas.DataFrame
        As `link`, with ``fate`` ("stayed" or "moved") and ``distance_nm``; the row numbers are
        those of the tables that `common_field` returns.
    """
    radii = stay_nm / pixel_size_nm, hop_nm / pixel_size_nm
    first_common, second_common = common_field(first, second, shift, shape)
    links = _two_links(first_common, second_common, shift, *radii)
    links["distance_nm"] = links["distance_px"] * pixel_size_nm
    chance = []
    for angle in np.linspace(0, 2 * np.pi, 8, endpoint=False):
        # Four hops away no atom meets itself.
        away = 4 * radii[1] * np.array([np.cos(angle), np.sin(angle)])
        copy = Registration(shift.dx_px + away[0], shift.dy_px + away[1], 0.0)
        pair = common_field(first, second, copy, shape)
        chance.append(_two_links(*pair, copy, *radii)["fate"].value_counts())
    chance = pd.DataFrame(chance).reindex(columns=["stayed", "moved"]).fillna(0).mean()
    fate = links["fate"].value_counts()
    counts = {
        "first": len(first_common),
        "second": len(second_common),
        "stayed": int(fate.get("stayed", 0)),
        "moved": int(fate.get("moved", 0)),
        "vanished": len(first_common) - len(links),
        "appeared": len(second_common) - len(links),
        "stayed_by_chance": float(chance["stayed"]),
        "moved_by_chance": float(chance["moved"]),
    }
    return counts, links


def mobile_share(counts, repeat_share=1.0):
    """Share of atoms that left their place between two frames.

    Without errors it is one minus the share that stayed. A detector that finds an atom that has
    not moved again only with probability `repeat_share` makes still atoms look mobile; dividing by
    it removes that, and stays by chance are taken off.

    Parameters
    ----------
    counts : dict
        From `fates`.
    repeat_share : float
        Share of detections found again at the same place in a second frame of the same,
        motionless atoms; known from a simulated series or from two exposures without motion.

    Returns
    -------
    float
        NaN if the first frame holds no atom.
    """
    if not counts["first"]:
        return float("nan")
    # An atom that did not stay still finds a partner within reach by chance.
    chance = min(counts["stayed_by_chance"] / counts["first"], 0.99)
    stayed = (counts["stayed"] / counts["first"] - chance) / (1 - chance)
    return float(1 - stayed / repeat_share)


def _two_links(first, second, shift, stay_px, hop_px):
    """Stays, then hops among the atoms that are left."""
    stays = link(first, second, shift, stay_px)
    left = np.setdiff1d(np.arange(len(first)), stays["first"])
    right = np.setdiff1d(np.arange(len(second)), stays["second"])
    hops = link(first.iloc[left], second.iloc[right], shift, hop_px)
    hops = hops.assign(first=left[hops["first"]], second=right[hops["second"]])
    return pd.concat([stays.assign(fate="stayed"), hops.assign(fate="moved")], ignore_index=True)
