"""From proportions and jumps at several temperatures to energies and barriers.

ln(p_i / p_j) against 1 / k_B T is a line whose slope is minus the energy difference and whose
intercept the difference of entropies (van 't Hoff); ln k_ij is one whose slope is minus the barrier
(Arrhenius). Energies in eV, entropies in k_B, temperatures in K, times in s.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from helpers.clusters.landscape import BOLTZMANN_EV_K
from helpers.registry import DataError
from helpers.survival import log_linear_rates


@dataclass(frozen=True)
class Line:
    """A fitted line over 1 / k_B T.

    Attributes
    ----------
    energy_ev : float
        Minus its slope: an energy difference, or a barrier.
    intercept : float
        At infinite temperature: a difference of entropies in k_B, or the logarithm of a prefactor.
    covariance : array (2, 2)
        Of energy and intercept.
    used : array (temperatures,) of bool
        Which temperatures could be used.
    """

    energy_ev: float
    intercept: float
    covariance: np.ndarray
    used: np.ndarray

    def interval(self, level=0.95):
        """Lower and upper bound of the energy in eV."""
        half = norm.ppf((1 + level) / 2) * np.sqrt(self.covariance[0, 0])
        return self.energy_ev - half, self.energy_ev + half

    def at(self, temperature_k):
        """Height of the line and its standard deviation at some temperatures."""
        x = np.stack(
            [-1 / (BOLTZMANN_EV_K * np.asarray(temperature_k)), np.ones_like(temperature_k)]
        )
        sd = np.sqrt(np.einsum("it,ij,jt->t", x, self.covariance, x))
        return np.array([self.energy_ev, self.intercept]) @ x, sd


def free_energy(temperature_k, found, isomer, reference, level=0.95):
    """Free energy of one isomer against another at one temperature, -k_B T ln(p_i / p_j).

    Parameters
    ----------
    temperature_k : float
        Temperature.
    found : helpers.clusters.counts.Proportions
        At that temperature.
    isomer, reference : int
        Places of the two in the order of the isomers.
    level : float
        Of the interval.

    Returns
    -------
    value, low, high : float
        In eV; infinite where an isomer was never seen.
    """
    kt = BOLTZMANN_EV_K * temperature_k
    value, draws = _log_ratio(found, isomer, reference)
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], method="nearest")
    return -kt * value, -kt * high, -kt * low


def vant_hoff(temperature_k, found, isomer, reference):
    """Fit the energy of one isomer against another.

    The draws of all temperatures are fitted as the estimates are, each with its own confusion
    matrix, so that an error of the matrix, common to all temperatures, stays common.

    Parameters
    ----------
    temperature_k : array (temperatures,)
        Temperatures.
    found : list of helpers.clusters.counts.Proportions
        One per temperature, with draws from the same confusion matrices.
    isomer, reference : int
        Places of the two in the order of the isomers.

    Returns
    -------
    Line
        Energy and entropy of `isomer` minus those of `reference`. Temperatures at which one of
        the two was never seen, or not in every fortieth draw, are left out.

    Raises
    ------
    DataError
        Fewer than two temperatures can be used.
    """
    ratios = [_log_ratio(one, isomer, reference) for one in found]
    value, draws = np.array([v for v, _ in ratios]), np.stack([d for _, d in ratios], axis=1)
    used = np.isfinite(value) & (np.isfinite(draws).mean(axis=0) > 0.975)
    if used.sum() < 2:
        raise DataError(
            f"Both isomers were seen at {used.sum()} of {used.size} temperatures: a line needs two;"
            " record longer series, or at higher temperatures."
        )
    draws = draws[:, used][np.isfinite(draws[:, used]).all(axis=1)]
    x = line_over_inverse_temperature(np.asarray(temperature_k, float)[used])
    weighted = x / draws.var(axis=0)[:, None]
    solve = np.linalg.solve(weighted.T @ x, weighted.T)
    energy, entropy = solve @ value[used]
    return Line(energy, entropy, np.cov(draws @ solve.T, rowvar=False), used)


def arrhenius(temperature_k, jumps, dwell_s, log_sd=None):
    """Fit the barrier of one kind of jump.

    Jumps are counts: their number at a temperature is Poisson with the mean rate x dwell time, so
    that temperatures without a single jump count as well.

    Parameters
    ----------
    temperature_k, jumps, dwell_s : array (temperatures,)
        Number of jumps (expected, if hidden) and time spent where they start.
    log_sd : array (temperatures,), optional
        Standard deviation of the logarithm of the rate, where it is known to be larger than
        counting tells (`helpers.clusters.hidden_markov.RateFit`). NaN: not known.

    Returns
    -------
    Line
        Barrier, and logarithm of the prefactor in 1/s.

    Raises
    ------
    DataError
        Jumps were seen at fewer than two temperatures.
    """
    jumps, dwell = np.asarray(jumps, float), np.asarray(dwell_s, float)
    if log_sd is not None:  # as many jumps as would be known that well, seen one by one
        with np.errstate(divide="ignore", invalid="ignore"):
            share = 1 / (np.asarray(log_sd) ** 2 * jumps)
        share = np.where(np.isfinite(share), np.minimum(share, 1), 1)
        jumps, dwell = jumps * share, dwell * share
    used = dwell > 0
    if (jumps[used] > 0).sum() < 2:
        raise DataError(
            f"Jumps were seen at {(jumps[used] > 0).sum()} temperatures: a barrier needs two;"
            " record longer series, or at higher temperatures."
        )
    x, n, time = (
        line_over_inverse_temperature(np.asarray(temperature_k, float)[used]),
        jumps[used],
        dwell[used],
    )
    (energy, prefactor), covariance = log_linear_rates(x, n, time)
    return Line(energy, prefactor, covariance, used)


def _log_ratio(found, isomer, reference):
    """Logarithm of the ratio of two proportions: the estimate, and its draws."""
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.log(np.vstack([found.value, found.draws]))
        ratio = log[:, isomer] - log[:, reference]
    return ratio[0], ratio[1:]


def line_over_inverse_temperature(temperature_k):
    """Design matrix of energy and intercept: columns -1 / k_B T and 1."""
    return np.stack([-1 / (BOLTZMANN_EV_K * temperature_k), np.ones(len(temperature_k))], axis=1)
