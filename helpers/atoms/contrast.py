"""Elements from brightness: clusters of heights whose means follow Z-contrast.

A detector misses faint atoms and takes some pairs for one atom. So the lightest element may be a
small, cut-off group, and the heights of pairs form a tail beyond the heaviest one. A mixture that
is free to choose then splits the largest group, or spends a cluster on the tail. Here the ratio of
neighbouring means is bound to a power of the ratio of the atomic numbers, all widths are nearly
equal (they are mostly noise), and a uniform background takes the tail.
"""

import numpy as np
import pandas as pd
from scipy import optimize

from helpers.data import DataError

# Normal priors, chosen on validation images; others do nearly as well (species_mixture.csv)
POWER, POWER_SPREAD = 1.4, 0.15  # of Z, between neighbouring elements
WIDTH_SPREAD = 0.15  # of the logarithms of the widths
OUTLIERS = (3, 39)  # Beta prior of the share of outliers: about 5 %
BINS = 80
STARTS = (60, 75, 90)  # percentiles of the heights at which the heaviest element is looked for
CONTRAST_POWERS = (0.9, 2.4)  # of Z, chosen on validation images
SYMBOLS = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se"
    " Br Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb"
    " Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U"
).split()


def by_atomic_number(elements) -> list[str]:
    """
    Elements in the order of their atomic numbers.

    Raises
    ------
    DataError
        If a symbol is unknown, one comes twice, or there are fewer than two.
    """
    elements = list(elements)
    unknown = [e for e in elements if e not in SYMBOLS]
    if unknown:
        raise DataError(f"elements: found {unknown[0]!r}, expected symbols such as Ni, Pd, Pt")
    if len(elements) < 2 or len(set(elements)) < len(elements):
        raise DataError(
            f"elements: found {', '.join(elements) or 'none'}, expected at least two different ones"
        )
    return sorted(elements, key=SYMBOLS.index)


def contrast_mixture(
    heights: np.ndarray,
    elements,
    power: float = POWER,
    power_spread: float = POWER_SPREAD,
    width_spread: float = WIDTH_SPREAD,
) -> np.ndarray:
    """
    Membership of every atom in clusters whose mean heights follow Z-contrast.

    Normal distributions, one per element, and a uniform one for merged pairs and false detections:
    the maximum of likelihood times priors, from several starts. Heights beyond the outer means are
    judged at these, so that the brightest atom is always the heaviest element.

    Parameters
    ----------
    heights : (N,) array
    elements : list of str
    power, power_spread : float
        The ratio of neighbouring means is that of the atomic numbers to this power, which is
        normally distributed.
    width_spread : float
        Standard deviation of the logarithms of the widths around their mean.

    Returns
    -------
    (N, n) array
        Columns in the order of the atomic numbers.
    """
    order = by_atomic_number(elements)
    n = len(order)
    steps = np.diff(np.log([SYMBOLS.index(e) + 1 for e in order]))
    heights = np.asarray(heights, float)
    top = np.percentile(heights, 99.5)
    counts, edges = np.histogram(np.clip(heights, 0, top), BINS, (0, top * (1 + 1e-9)))
    middles = (edges[1:] + edges[:-1]) / 2

    def unpack(x):
        powers, widths, shares = np.split(x[1:], [n - 1, 2 * n - 1])
        shares = np.exp(shares - shares.max())
        return np.exp(x[0] + np.append(0, powers * steps).cumsum()), widths, shares / shares.sum()

    def parts(means, widths, shares, at):
        apart = (at[:, None] - means) / np.exp(widths)
        return apart, shares[:n] / np.sqrt(2 * np.pi) * np.exp(-widths - apart**2 / 2)

    def cost(x):
        powers = x[1:n]
        means, widths, shares = unpack(x)
        apart, each = parts(means, widths, shares, middles)
        density = each.sum(1) + shares[n] / top
        weighted = each * (counts / density)[:, None]
        logs = prior @ np.log(shares)
        logs += (OUTLIERS[1] - 1) * np.log1p(-shares[n])
        value = (
            (((powers - power) / power_spread) ** 2).sum() / 2
            + (((widths - widths.mean()) / width_spread) ** 2).sum() / 2
            - counts @ np.log(density) - logs
        )  # fmt: skip
        by_mean = -(weighted * apart).sum(0) * means / np.exp(widths)
        by_width = (weighted * (1 - apart**2)).sum(0)
        outside = counts @ (shares[n] / top / density)
        seen = np.append(weighted.sum(0), outside) + prior
        by_share = seen.sum() * shares - seen
        by_share += (OUTLIERS[1] - 1) * shares[n] / (1 - shares[n]) * (last - shares)
        slope = np.concatenate([
            [by_mean.sum()],
            steps * by_mean[::-1].cumsum()[::-1][1:] + (powers - power) / power_spread**2,
            by_width + (widths - widths.mean()) / width_spread**2,
            by_share,
        ])  # fmt: skip
        return value, slope

    last, prior = np.append(np.zeros(n), 1), np.append(np.ones(n), OUTLIERS[0] - 1)
    best = None
    for start in np.percentile(heights, STARTS):
        first = np.log(max(start, top / BINS)) - power * steps.sum()
        width = np.full(n, np.log(max(heights.std() / 2.5, top / BINS)))
        x = np.concatenate([[first], np.full(n - 1, power), width, np.zeros(n), [-2.5]])
        found = optimize.minimize(cost, x, jac=True, method="L-BFGS-B")
        best = found if best is None or found.fun < best.fun else best
    means, widths, shares = unpack(best.x)
    found = parts(means, widths, shares, np.clip(heights, means[0], means[-1]))[1]
    return found / found.sum(1, keepdims=True)


def doubtful_contrast(assigned: pd.DataFrame, elements) -> str:
    """
    Say when the labels contradict Z-contrast, as they do when most atoms of one element are missed.

    There are always as many clusters as elements. If the detector finds hardly any atom of the
    faintest one, another group may take its name. Often one element is then left without atoms, or
    the brightness of neighbours rises by less than Z^0.9 (or by more than Z^2.4). Some images are
    doubted whose labels are right.

    Parameters
    ----------
    assigned : DataFrame
        Of `assign_elements` with the method "fit".
    elements : list of str

    Returns
    -------
    str
        One sentence, or "" when nothing is wrong.
    """
    order = by_atomic_number(elements)
    height = assigned.groupby("element")["height"].median().reindex(order)
    if height.isna().any():
        return f"No atom was labelled {height.index[height.isna()][0]}: treat all labels as unsure."
    for light, heavy in zip(order[:-1], order[1:]):
        ratio = height[heavy] / max(height[light], 1e-6)
        charge = (SYMBOLS.index(heavy) + 1) / (SYMBOLS.index(light) + 1)
        low, high = (charge**power for power in CONTRAST_POWERS)
        if not low <= ratio <= high:
            return (
                f"Atoms labelled {heavy} are {ratio:.2f} times as bright as those labelled {light},"
                f" expected {low:.2f} to {high:.2f}: one element may have been missed by the"
                " detector, and the labels may be wrong altogether."
            )
    return ""
