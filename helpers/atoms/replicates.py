"""Pair statistics of several images of one sample, pooled.

One image holds few close pairs. The images of a sample are taken as replicates: K is a ratio, the
edge-corrected number of pairs within r over the number of pairs per area, and the
pooled K is the sum of the numerators over the sum of the denominators, so that an image counts by
its pairs and not by its own estimate. Standard errors are those of a ratio of sums (Baddeley et al.
1993, Appl. Statist. 42, 641; Cochran 1977, Sampling Techniques, section 6): they contain how images
differ, which the pairs of one image cannot tell.

A field is a tuple of positions (N, 2), columns x and y in nm, a mask of bool (H, W) and the side of
its pixels in nm.
"""

import numpy as np
import pandas as pd
from scipy import stats

from helpers.atoms import detection_bias, ripley
from helpers.atoms.arrangement import is_inside
from helpers.atoms.preprocess import NETWORK_PIXEL_NM
from helpers.data import DataError


def pooled_statistics(fields, r_max=2.0, step=0.02, confidence=0.95):
    """K, L and g of several images, with intervals over images.

    Parameters
    ----------
    fields : list of tuple
        Two or more.
    r_max, step : float
        As for :func:`helpers.atoms.ripley.pair_statistics`.
    confidence : float

    Returns
    -------
    DataFrame
        Columns of :func:`helpers.atoms.ripley.pair_statistics`, and ``K_low_nm2``, ``K_high_nm2``,
        ``L_low_nm``, ``L_high_nm``, ``g_low``, ``g_high``: intervals by Student's t, cut at 0.

    Raises
    ------
    helpers.data.DataError
        For fewer than two images, or one that :func:`helpers.atoms.ripley.pair_statistics` refuses.
    """
    bins, r_max, edges, looks = _prepared(fields, r_max, step)
    pairs, rings = _counts([points for points, _, _ in fields], looks, r_max, bins)
    r, ring = edges[1:], np.pi * np.diff(edges**2)
    k, k_half = _ratio(rings.cumsum(1), pairs, confidence)
    g, g_half = _ratio(rings, pairs, confidence)
    k_low, k_high = np.clip(k - k_half, 0, None), k + k_half
    return pd.DataFrame(
        {
            "r_nm": r,
            "K_nm2": k, "K_low_nm2": k_low, "K_high_nm2": k_high,
            "L_nm": np.sqrt(k / np.pi),
            "L_low_nm": np.sqrt(k_low / np.pi), "L_high_nm": np.sqrt(k_high / np.pi),
            "ring_nm": (edges[1:] + edges[:-1]) / 2,
            "g": g / ring,
            "g_low": np.clip(g - g_half, 0, None) / ring, "g_high": (g + g_half) / ring,
        }
    )  # fmt: skip


def pooled_envelope(fields, rng, runs=ripley.RUNS, r_max=2.0, step=0.02, level=0.95):
    """Test pooled L and g against random arrangements: as many atoms in the mask of every image.

    Parameters
    ----------
    fields : list of tuple
    rng : numpy.random.Generator
    runs, r_max, step, level
        As for :func:`helpers.atoms.ripley.envelopes`.

    Returns
    -------
    dict
        ``"L"`` (L(r) - r, nm) and ``"g"``: a :class:`helpers.atoms.ripley.GlobalTest` each.
    """
    bins, r_max, edges, looks = _prepared(fields, r_max, step)
    draws = [ripley.random_in(mask, pixel, len(points)) for points, mask, pixel in fields]

    def curves(points):
        pairs, rings = _counts(points, looks, r_max, bins)
        k = rings.sum(0) / pairs.sum()
        return np.sqrt(k.cumsum() / np.pi) - edges[1:], k / (np.pi * np.diff(edges**2))

    observed = curves([points for points, _, _ in fields])
    simulated = np.array([curves([draw(rng) for draw in draws]) for _ in range(runs)])
    places = {"L": edges[1:], "g": (edges[1:] + edges[:-1]) / 2}
    return {
        name: ripley.global_test(r, observed[i], simulated[:, i], level)
        for i, (name, r) in enumerate(places.items())
    }


def _prepared(fields, r_max, step):
    """Bins, largest distance, edges, and what every image shares with itself when moved."""
    if len(fields) < 2:
        raise DataError(
            f"found {len(fields)} images, expected at least two of one sample; one image alone has"
            " ripley.pair_statistics."
        )
    looks, shared = [], {}
    for points, mask, pixel in fields:
        _, _, bins, reach = ripley.check(points, mask, pixel, r_max, step)
        if (id(mask), pixel) not in shared:  # images without an edge share their mask
            shared[id(mask), pixel] = ripley.shared_area(mask, pixel, reach)
        looks.append((shared[id(mask), pixel], pixel, np.count_nonzero(mask) * pixel**2))
    return bins, reach, np.arange(bins + 1) * step, looks


def _counts(points, looks, r_max, bins):
    """Ordered pairs over the area of every image, and its edge-corrected pairs per ring."""
    pairs = np.array([len(p) * (len(p) - 1) / area for p, (_, _, area) in zip(points, looks)])
    rings = [
        ripley.weigh(p, None, shared, pixel, r_max, bins)[0] * area
        for p, (shared, pixel, area) in zip(points, looks, strict=True)
    ]
    return pairs, np.array(rings)


def _ratio(counts, pairs, confidence):
    """Ratio of the sums over images, and half its interval."""
    m, value = len(pairs), counts.sum(0) / pairs.sum()
    apart = counts - pairs[:, None] * value
    error = np.sqrt(m / (m - 1) * (apart**2).sum(0)) / pairs.sum()
    return value, stats.t.isf((1 - confidence) / 2, m - 1) * error


def study_fields(source, metal="Pt", arrangement="random", density_nm2=2.0):
    """Fields of the simulated images of one sample (``data/ch02/bias_positions.npz``).

    Parameters
    ----------
    source : str
        Where the positions come from: "true", "published", "validated" or "dense".
    metal, arrangement : str
    density_nm2 : float
        Asked for; the images differ.

    Returns
    -------
    list of tuple
    """
    frame = np.ones((256, 256), bool)
    wanted = (metal, arrangement, density_nm2)
    fields = []
    for image in detection_bias.load_positions():
        if (image["metal"], image["arrangement"], image["density_nm2"]) == wanted:
            points = image[source]
            points = points[is_inside(points, frame, NETWORK_PIXEL_NM)]
            fields.append((points, frame, NETWORK_PIXEL_NM))
    return fields
