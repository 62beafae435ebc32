"""Energies, widths and areas of the plasmon peaks of a loss spectrum.

Three pseudo-Voigt lines (one share of Lorentzian for all) in the three bands in which the films
show peaks: the coupled surface plasmons near 0.55 and 0.75 eV and the bulk plasmon at 0.9 eV. A
peak counts as resolved where the spectrum itself is curved downwards like a peak or a shoulder and
the fitted line lies inside its band; elsewhere a line only corrects its neighbours.
"""

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from scipy import ndimage

from helpers.data import DataError
from helpers.plasmons.exploration import REGIONS

BANDS_EV = {"low": (0.40, 0.68), "middle": (0.68, 0.85), "bulk": (0.85, 0.96)}
WIDTHS_EV = (0.05, 0.35)
SMOOTH_EV = 0.020  # half of the energy resolution: curvature below it is noise
LEAST_CURVATURE = 0.08  # of the sharpest peak of the spectrum
ROUNDS = 60  # of Levenberg and Marquardt's rule
PLACES = ("void", "particle", "gap", "edge")
EDGE_NM = 16.0  # gaps closer than a particle and its gap to open space lie at an edge


@dataclass(frozen=True)
class Peaks:
    """Peaks of several spectra, in the order of `BANDS_EV`.

    Attributes
    ----------
    energy_mev, width_mev : numpy.ndarray (N, 3)
        Position and full width at half maximum.
    area : numpy.ndarray (N, 3)
        Integral over energy: a probability, for losses per eV.
    height : numpy.ndarray (N, 3)
        In units of the spectra.
    mixing : numpy.ndarray (N,)
        Share of Lorentzian.
    resolved : numpy.ndarray (N, 3) of bool
    misfit : numpy.ndarray (N,)
        Root-mean-square residual over root-mean-square spectrum.
    """

    energy_mev: np.ndarray
    width_mev: np.ndarray
    area: np.ndarray
    height: np.ndarray
    mixing: np.ndarray
    resolved: np.ndarray
    misfit: np.ndarray

    def __getitem__(self, chosen):
        """Peaks of some of the spectra, by indices or a mask."""
        return Peaks(*(getattr(self, field.name)[chosen] for field in fields(self)))


def fit_peaks(spectra, energy_ev):
    """Fit the peaks of spectra.

    Parameters
    ----------
    spectra : array (N, E)
        Smooth: without noise, or predicted.
    energy_ev : array (E,)
        Evenly spaced, from below 0.4 to above 0.96 eV.

    Returns
    -------
    Peaks

    Raises
    ------
    DataError
        Shapes do not belong together, the energies miss a band, or a spectrum has nothing above 0.
    """
    spectra, energy = np.atleast_2d(np.asarray(spectra, float)), np.asarray(energy_ev, float)
    if spectra.shape[1:] != energy.shape or energy[0] > 0.4 or energy[-1] < 0.96:
        raise DataError(
            f"Spectra of shape {spectra.shape} on {len(energy)} energies from {energy[0]:g} to"
            f" {energy[-1]:g} eV: expected one energy per channel, from below 0.4 to above 0.96 eV."
        )
    top = spectra.max(1, keepdims=True)
    if (top <= 0).any():
        raise DataError(f"{(top <= 0).sum()} spectra have no value above 0: no peak to fit.")
    curvature = -ndimage.gaussian_filter1d(spectra, SMOOTH_EV / (energy[1] - energy[0]), 1, 2)
    starts, resolved = _shoulders(curvature, energy)
    found = _levenberg_marquardt(spectra / top, energy, starts)
    centre, width, height, mixing = found[:, 0:3], found[:, 3:6], found[:, 6:9] * top, found[:, 9]
    left = spectra / top - _lines(found, energy)
    lorentz, gauss = np.pi / 2, np.sqrt(np.pi / (4 * np.log(2)))
    area = height * width * (mixing * lorentz + (1 - mixing) * gauss)[:, None]
    low, high = np.array(list(BANDS_EV.values())).T
    resolved &= (centre > low + 1e-3) & (centre < high - 1e-3)
    misfit = np.sqrt((left**2).mean(1) / ((spectra / top) ** 2).mean(1))
    return Peaks(1000 * centre, 1000 * width, area, height, mixing, resolved, misfit)


def model_spectra(peaks, energy_ev):
    """Spectra (N, E) of peaks, as fitted."""
    centre, width = peaks.energy_mev / 1000, peaks.width_mev / 1000
    parameters = np.concatenate([centre, width, peaks.height, peaks.mixing[:, None]], 1)
    return _lines(parameters, np.asarray(energy_ev, float))


def peak_errors(found, true):
    """How wrong peaks are, band by band.

    Parameters
    ----------
    found, true : Peaks
        Of predicted and of true spectra.

    Returns
    -------
    pandas.DataFrame
        One row per band: ``peak``; ``resolved``, share of true spectra that show it; ``missed``,
        share of these whose prediction does not; ``invented``, share of the others whose prediction
        does (NaN where there is none); ``pairs``, how many show it in both; and of these, for
        energy and width in meV and the area in per cent, the median absolute error and (of the
        energy) the median error ``shift_mev`` and the 90th percentile. NaN without pairs.
    """
    rows = []
    for k, band in enumerate(BANDS_EV):
        seen, told = true.resolved[:, k], found.resolved[:, k]
        both = seen & told
        energy = (found.energy_mev - true.energy_mev)[both, k]
        width = (found.width_mev - true.width_mev)[both, k]
        area = 100 * (found.area[both, k] / true.area[both, k] - 1)
        rows.append(
            {
                "peak": band, "resolved": seen.mean(),
                "missed": _mean(~told[seen]), "invented": _mean(told[~seen]),
                "pairs": int(both.sum()), "energy_mev": _median(np.abs(energy)),
                "energy_90_mev": np.quantile(np.abs(energy), 0.9) if len(energy) else np.nan,
                "shift_mev": _median(energy), "width_mev": _median(np.abs(width)),
                "area_percent": _median(np.abs(area)),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def places(found, pixel_nm):
    """The four places of the paper's Fig. 4: void, particle, gap, and gap near an edge.

    Parameters
    ----------
    found : array (y, x) of int
        As `helpers.plasmons.exploration.regions` gives them.
    pixel_nm : float

    Returns
    -------
    numpy.ndarray (y, x) of int
        Index into `PLACES`, -1 elsewhere. The void is a hole in the film.
    """
    found = np.asarray(found)
    gap = found == REGIONS.index("gap")
    hole, outside = (found == REGIONS.index(name) for name in ("hole", "outside"))
    far = np.full(found.shape, np.inf)
    if (hole | outside).any():
        far = ndimage.distance_transform_edt(~(hole | outside)) * pixel_nm
    answer = np.full(found.shape, -1)
    for place, here in enumerate(
        (hole, found == REGIONS.index("particle"), gap & (far >= EDGE_NM), gap & (far < EDGE_NM))
    ):
        answer[here] = place
    return answer


def _shoulders(curvature, energy):
    """Where every band is curved most (N, 3) in eV, and whether like a peak of its own."""
    starts, resolved = [], []
    sharpest = curvature[:, (energy > 0.3) & (energy < 1.0)].max(1)
    for low, high in BANDS_EV.values():
        inside = np.flatnonzero((energy >= low) & (energy <= high))
        at = inside[curvature[:, inside].argmax(1)]
        value = np.take_along_axis(curvature, at[:, None], 1)[:, 0]
        # at the border of a band the curvature is that of the neighbour's peak
        own = (at > inside[0]) & (at < inside[-1])
        starts.append(energy[at])
        resolved.append(own & (value > LEAST_CURVATURE * sharpest))
    return np.stack(starts, 1), np.stack(resolved, 1)


def _lines(parameters, energy):
    """Sum of three pseudo-Voigt lines (N, E) of parameters (N, 10)."""
    centre, width, height = (parameters[:, k : k + 3, None] for k in (0, 3, 6))
    mixing = parameters[:, 9, None, None]
    offset = ((energy - centre) / width) ** 2
    shape = mixing / (1 + 4 * offset) + (1 - mixing) * np.exp(-4 * np.log(2) * offset)
    return (height * shape).sum(1)


def _levenberg_marquardt(spectra, energy, starts):
    """Least squares for all spectra at once; parameters (N, 10) stay within their limits."""
    low, high = np.array(list(BANDS_EV.values())).T
    least = np.concatenate([low, [WIDTHS_EV[0]] * 3, [0.0] * 3, [0.0]])
    most = np.concatenate([high, [WIDTHS_EV[1]] * 2, [0.15], [1.5] * 3, [1.0]])
    heights = [np.take_along_axis(spectra, np.searchsorted(energy, c)[:, None], 1)
               for c in starts.T]  # fmt: skip
    first = np.tile([0.16, 0.12, 0.09], (len(spectra), 1))
    now = np.concatenate([starts, first, *[0.8 * h for h in heights], first[:, :1] * 0 + 0.5], 1)
    now = now.clip(least, most)
    residual = _lines(now, energy) - spectra
    cost, damping = (residual**2).sum(1), np.full(len(spectra), 1e-2)
    step = 1e-5 * np.eye(10)
    for _ in range(ROUNDS):
        slopes = np.stack(
            [(_lines(now + one, energy) - spectra - residual) / 1e-5 for one in step], 2
        )
        square = np.einsum("nek,nel->nkl", slopes, slopes)
        side = np.einsum("nek,ne->nk", slopes, residual)
        # parameters that push against a limit stay there
        stuck = ((now <= least) & (side > 0)) | ((now >= most) & (side < 0))
        square[stuck] = 0
        square.transpose(0, 2, 1)[stuck] = 0
        side[stuck] = 0
        scale = np.einsum("nkk->nk", square) + 1e-9
        square += damping[:, None, None] * scale[:, :, None] * np.eye(10) + 1e-12 * np.eye(10)
        trial = (now - np.linalg.solve(square, side[..., None])[..., 0]).clip(least, most)
        changed = _lines(trial, energy) - spectra
        better = (changed**2).sum(1) < cost
        now[better], residual[better] = trial[better], changed[better]
        cost = np.where(better, (changed**2).sum(1), cost)
        damping = np.where(better, damping / 3, damping * 4).clip(1e-9, 1e6)
    return now


def _mean(values):
    return float(np.mean(values)) if len(values) else np.nan


def _median(values):
    return float(np.median(values)) if len(values) else np.nan
