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

from helpers.atoms import ripley
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
    if len(fields) < 2:
        raise DataError(
            f"found {len(fields)} images, expected at least two of one sample; one image alone has"
            " ripley.pair_statistics."
        )
    tables = [ripley.pair_statistics(*field, r_max, step) for field in fields]
    pairs = np.array([_pairs_per_area(*field) for field in fields])
    r, step = tables[0]["r_nm"].to_numpy(), tables[0]["r_nm"].iloc[0]
    ring = np.pi * (r**2 - (r - step) ** 2)
    k, k_half = _ratio([t["K_nm2"] for t in tables], pairs, confidence)
    g, g_half = _ratio([t["g"] * ring for t in tables], pairs, confidence)
    k_low, k_high = np.clip(k - k_half, 0, None), k + k_half
    return pd.DataFrame(
        {
            "r_nm": r,
            "K_nm2": k, "K_low_nm2": k_low, "K_high_nm2": k_high,
            "L_nm": np.sqrt(k / np.pi),
            "L_low_nm": np.sqrt(k_low / np.pi), "L_high_nm": np.sqrt(k_high / np.pi),
            "ring_nm": r - step / 2,
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

    def curves(these):
        table = pooled_statistics(these, r_max, step)
        return np.array([table["L_nm"] - table["r_nm"], table["g"]]), table

    draws = [(ripley.random_in(m, pixel, len(points)), m, pixel) for points, m, pixel in fields]
    observed, table = curves(fields)
    simulated = np.array(
        [curves([(draw(rng), m, pixel) for draw, m, pixel in draws])[0] for _ in range(runs)]
    )
    places = {"L": table["r_nm"].to_numpy(), "g": table["ring_nm"].to_numpy()}
    return {
        name: ripley.global_test(r, observed[i], simulated[:, i], level)
        for i, (name, r) in enumerate(places.items())
    }


def _pairs_per_area(positions, mask, pixel_size_nm):
    """Ordered pairs of an image over its area: the denominator of its K."""
    return len(positions) * (len(positions) - 1) / (np.count_nonzero(mask) * pixel_size_nm**2)


def _ratio(estimates, weights, confidence):
    """Ratio of sums of estimates that are ratios with these denominators, and its half interval."""
    estimates, m = np.array(estimates), len(weights)
    value = weights @ estimates / weights.sum()
    # deviation of every numerator from what its denominator times the pooled ratio would be
    apart = weights[:, None] * (estimates - value)
    error = np.sqrt(m / (m - 1) * (apart**2).sum(0)) / weights.sum()
    return value, stats.t.isf((1 - confidence) / 2, m - 1) * error
