"""A cluster that changes its isomer: free energies, barriers, rates, and what a frame of it holds.

The four isomers are a continuous-time Markov chain. State i has the energy E_i and the entropy S_i,
the saddle between i and j the energy E_ij; jumps happen at

    k_ij = A exp(-S_i / k_B) exp(-(E_ij - E_i) / k_B T),

which obeys detailed balance for the populations p_i ~ exp(S_i / k_B - E_i / k_B T): the slope of
ln k_ij against -1 / k_B T is the barrier E_ij - E_i, that of ln(p_i / p_j) the energy difference.

Energies in eV, entropies in units of k_B, temperatures in K, times in s. States stand in the order
of `helpers.clusters.structures.ISOMERS`: icosahedron, decahedron, cuboctahedron, amorphous.
"""

from dataclasses import dataclass

import numba
import numpy as np

BOLTZMANN_EV_K = 8.617333262e-5


@dataclass(frozen=True)
class Landscape:
    """Energies of isomers and of the saddles between them.

    Attributes
    ----------
    energy_ev : array (n,)
        Energy of every isomer.
    entropy_kb : array (n,)
        Entropy of every isomer in units of k_B; the logarithm of a degeneracy is one.
    saddle_ev : array (n, n)
        Energy of the saddle between two isomers; symmetric, the diagonal is not used.
    attempts_per_s : float
        Prefactor A of every rate.
    """

    energy_ev: np.ndarray
    entropy_kb: np.ndarray
    saddle_ev: np.ndarray
    attempts_per_s: float

    def populations(self, temperature_k):
        """Share of time in every isomer in equilibrium, array (n,)."""
        log = self.entropy_kb - self.energy_ev / (BOLTZMANN_EV_K * temperature_k)
        weights = np.exp(log - log.max())
        return weights / weights.sum()

    def barriers_ev(self):
        """Height of the saddle over the isomer that is left, array (n, n), NaN on the diagonal."""
        height = self.saddle_ev - self.energy_ev[:, None]
        return np.where(np.eye(len(height), dtype=bool), np.nan, height)

    def rates(self, temperature_k):
        """Generator of the chain in 1/s, array (n, n): rate from row to column, rows sum to 0."""
        height = np.nan_to_num(self.barriers_ev())
        k = self.attempts_per_s * np.exp(
            -self.entropy_kb[:, None] - height / (BOLTZMANN_EV_K * temperature_k)
        )
        np.fill_diagonal(k, 0)
        return k - np.diag(k.sum(axis=1))


# Assumed for one Au309, except: the decahedron lies 0.040 +- 0.020 eV above the fcc isomer
# (measured on Au561: Foster, Ferrando and Palmer, Nat. Commun. 9, 1323 (2018)); barriers between
# isomers of gold reach about 1 eV, and the fastest paths lead through disordered states (calculated
# up to Au147: Schebarchov, Baletto and Wales, Nanoscale 10, 2004 (2018)); many frames are amorphous
# (seen on Au309: Dearg et al., Nanoscale Horiz. 9, 143 (2024)), hence the entropy of that state.
# With these numbers a cluster changes 0.3 times a second at 340 K and 7 times at 380 K.
AU309 = Landscape(
    energy_ev=np.array([0.08, 0.04, 0.00, 0.16]),
    entropy_kb=np.array([1.0, 0.5, 0.0, 4.0]),
    saddle_ev=np.array(
        [
            [0.00, 1.02, 1.06, 0.96],
            [1.02, 0.00, 0.99, 0.94],
            [1.06, 0.99, 0.00, 0.97],
            [0.96, 0.94, 0.97, 0.00],
        ]
    ),
    attempts_per_s=1e13,
)


@dataclass(frozen=True)
class Series:
    """What the frames of one series hold.

    Attributes
    ----------
    shares : array (frames, n)
        Share of the frame's time spent in every isomer; a row with two or more is a blend.
    state : array (frames,) of int
        The isomer of the longest share, by which a frame is called.
    jumps : int
        Changes of isomer during the series, those within one frame included.
    """

    shares: np.ndarray
    state: np.ndarray
    jumps: int


def stationary(rates):
    """Populations that the rates keep, array (n,).

    Parameters
    ----------
    rates : array (n, n)
        Generator; every isomer can be reached from every other.
    """
    n = len(rates)
    system = np.vstack([rates.T / np.abs(rates).max(), np.ones(n)])
    return np.linalg.lstsq(system, np.append(np.zeros(n), 1.0), rcond=None)[0].clip(0)


def simulate(rng, rates, frames, frame_s, start=None):
    """Follow one cluster jump by jump, and sum up its time in every frame.

    Waiting times are exponential (Gillespie), so nothing is approximated; a frame is exposed for
    its whole time, and jumps within a frame leave a blend.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    rates : array (n, n)
        Generator in 1/s, as from `Landscape.rates`.
    frames : int
        Length of the series.
    frame_s : float
        Time of one frame.
    start : int, optional
        First isomer; drawn from the equilibrium populations if not given.

    Returns
    -------
    Series
    """
    if start is None:
        populations = stationary(rates)
        start = rng.choice(len(populations), p=populations / populations.sum())
    leave = -np.diag(rates)
    onward = np.cumsum((rates + np.diag(leave)) / leave[:, None], axis=1)
    shares, jumps = _follow(rng, leave, onward, frames, frame_s, start)
    return Series(shares, shares.argmax(axis=1), jumps)


@numba.njit(cache=True)
def _follow(rng, leave, onward, frames, frame_s, state):
    shares = np.zeros((frames, len(leave)))
    jumps, now, end = 0, 0.0, frames * frame_s
    while True:
        until = now + rng.exponential() / leave[state]
        first, last = int(now / frame_s), min(int(until / frame_s), frames - 1)
        for frame in range(first, min(last, frames - 1) + 1):
            held = min(until, (frame + 1) * frame_s) - max(now, frame * frame_s)
            shares[frame, state] += max(held, 0.0) / frame_s
        if until >= end:
            return shares, jumps
        now = until
        jumps += 1
        state = min(np.searchsorted(onward[state], rng.random(), side="right"), len(leave) - 1)
