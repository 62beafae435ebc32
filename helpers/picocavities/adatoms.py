"""Where is the adatom? From the lines of a configuration back to a place beside the molecule.

Poppe et al. 2023 (Fig. 2d-f): each mode has a map of how strongly it shines for every place of the
adatom; the maps are averaged with the peak areas as weights, over their unweighted average,

    M_c = sum A_i M_i / sum M_i,

and the place where M_c is largest tells the side, nanoparticle or substrate. Beside it stands what
uses the same maps as spectra: at which places would the molecule show these lines, all together?
The cosine between the calculated and the measured spectrum answers, both blurred by the width that
contact with an adatom moves lines by, and gives a probability of the side. Square roots are
compared, so that a few strong lines do not decide alone.

A ratio of intensities is all that there is to go by. Places at which the molecule shows the same
lines cannot be told apart, whatever the method: see :func:`like_places`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks, peak_widths

from helpers.picocavities import nearfield
from helpers.picocavities.configurations import scaled_wavenumbers
from helpers.picocavities.preprocess import FIRST, GRID, STEP
from helpers.registry import DataError

LEAST_HEIGHT = 0.05  # of the highest peak
SHIFT_CM = 12.0  # standard deviation of a line from where it is calculated
LENGTH_A = 8.0  # of the molecule to each side of its middle, adatom included
COLDNESS = 80.0  # how fast a probability falls with the cosine; chosen on seeds 1000-1019
X_A, Z_A = np.linspace(-6, 6, 25), np.linspace(-9, 9, 37)  # of maps


@dataclass(frozen=True)
class Atlas:
    """What a molecule would show beside adatoms at many places.

    Attributes
    ----------
    places : ndarray, shape (P, 3)
        In A, in the frame of the upright molecule, in contact with it.
    modes : ndarray of int, shape (M,)
        Modes inside the window of wavenumbers.
    wavenumbers : ndarray, shape (M,)
        Of these, scaled, cm^-1.
    strengths : ndarray, shape (P, M)
        Of the lines, sum 1 at each place.
    spectra : ndarray, shape (P, 512)
        Square roots of the lines as blurred spectra on the grid of the paper, of length 1.
    maps : ndarray, shape (M, H, W)
        Strengths over places in the plane of the tilt, at `Z_A` and `X_A`.
    """

    places: np.ndarray
    modes: np.ndarray
    wavenumbers: np.ndarray
    strengths: np.ndarray
    spectra: np.ndarray
    maps: np.ndarray


def contact_places(rng, molecule, count=1500):
    """Places of an adatom in contact with the molecule, all along and around it, (count, 3), A."""
    found = np.empty((0, 3))
    low, high = nearfield.CONTACT_A
    while len(found) < count:
        tried = rng.uniform((-5, -5, -LENGTH_A), (5, 5, LENGTH_A), (count, 3))
        apart = np.linalg.norm(tried[:, None] - molecule.positions_A, axis=-1).min(1)
        found = np.concatenate([found, tried[(apart > low) & (apart < high)]])
    return found[:count]


def atlas(molecule, places, normal=None, **field):
    """Calculate what a molecule shows beside adatoms at given places.

    Parameters
    ----------
    molecule : helpers.picocavities.molecule.Molecule
        Upright; by DFT or by GFN2-xTB.
    places : array (P, 3)
        From :func:`contact_places`.
    normal, **field
        As in :func:`helpers.picocavities.nearfield.amplitudes`.

    Returns
    -------
    Atlas
    """
    scaled = scaled_wavenumbers(molecule)
    modes = np.flatnonzero((scaled > GRID[0]) & (scaled < GRID[-1]))
    strengths = nearfield.line_strengths(molecule, places, normal, **field)[:, modes]
    strengths = strengths / strengths.sum(1, keepdims=True)
    bells = np.exp(-(((GRID - scaled[modes, None]) / SHIFT_CM) ** 2) / 2)
    maps = nearfield.maps(molecule, X_A, Z_A, normal=normal, **field)[modes]
    return Atlas(places, modes, scaled[modes], strengths, _unit(np.sqrt(strengths @ bells)), maps)


def lines(spectrum):
    """Peaks of the mean spectrum of a configuration.

    Parameters
    ----------
    spectrum : array (512,)
        On the grid of the paper.

    Returns
    -------
    pandas.DataFrame
        ``wavenumber_cm`` and ``area`` (of Lorentzian lines, sum 1), of peaks that stand out by 5 %
        of the highest.

    Raises
    ------
    DataError
        Not on that grid, or without a peak.
    """
    spectrum = np.asarray(spectrum, float)
    if spectrum.shape != GRID.shape:
        raise DataError(f"The spectrum has the shape {spectrum.shape}, not {GRID.shape}.")
    # What noise leaves over the floor lies under all bins alike.
    spectrum = spectrum - np.median(spectrum)
    peaks, _ = find_peaks(spectrum, prominence=LEAST_HEIGHT * spectrum.max())
    if not len(peaks):
        raise DataError("The spectrum has no peak: it tells nothing about an adatom.")
    areas = spectrum[peaks] * peak_widths(spectrum, peaks)[0]
    return pd.DataFrame({"wavenumber_cm": GRID[peaks], "area": areas / areas.sum()})


def mode_areas(found, made):
    """Share the areas of lines out among the modes that they can be.

    The nearer a mode and the brighter it is anywhere beside the molecule, the more it gets.

    Parameters
    ----------
    found : pandas.DataFrame
        From :func:`lines`.
    made : Atlas

    Returns
    -------
    ndarray, shape (M,)
        Sum 1.
    """
    away = found["wavenumber_cm"].to_numpy()[:, None] - made.wavenumbers
    # Relative to the nearest, so that a line far from every mode still finds one.
    away = (away**2 - (away**2).min(1, keepdims=True)) / (2 * SHIFT_CM**2)
    weights = np.exp(-away) * made.strengths.mean(0)
    weights /= weights.sum(1, keepdims=True)
    return found["area"].to_numpy() @ weights


def compound_map(maps, areas):
    """Compound map of the paper, sum A_i M_i / sum M_i.

    Each map is divided by its own mean first; otherwise the modes that are bright everywhere
    decide alone.

    Parameters
    ----------
    maps : array (M, ...)
        Strength of each mode over places of the adatom: the maps of an atlas, or its strengths,
        transposed.
    areas : array (M,)
        Peak areas, 0 for modes not seen.

    Returns
    -------
    ndarray, shape (...)
    """
    relative = maps / maps.mean(tuple(range(1, maps.ndim)), keepdims=True)
    return np.tensordot(areas, relative, 1) / relative.sum(0)


def peak_place(compound, molecule):
    """Place of the largest value of a compound map at or in the molecule, ``(x, z)`` in A."""
    z, x = np.meshgrid(Z_A, X_A, indexing="ij")
    points = np.stack([x, np.zeros_like(x), z], -1)
    apart = np.linalg.norm(points[:, :, None] - molecule.positions_A, axis=-1).min(-1)
    near = np.where(apart < nearfield.CONTACT_A[1] + X_A[1] - X_A[0], compound, -np.inf)
    row, column = np.unravel_index(near.argmax(), near.shape)
    return X_A[column], Z_A[row]


def match(spectrum, made):
    """Cosine between a measured spectrum and those calculated for every place, (P,).

    Parameters
    ----------
    spectrum : array (512,)
        Mean spectrum of a configuration, on the grid of the paper.
    made : Atlas
    """
    found = lines(spectrum)
    sticks = np.zeros(len(GRID))
    bins = np.rint((found["wavenumber_cm"].to_numpy() - FIRST) / STEP).astype(int)
    np.add.at(sticks, bins, found["area"])
    blurred = gaussian_filter1d(sticks, SHIFT_CM / STEP, mode="constant")
    return made.spectra @ _unit(np.sqrt(blurred))


def weights(cosines, coldness=COLDNESS):
    """Probability of every place of an atlas, sum 1, from the cosines of :func:`match`."""
    relative = np.exp(coldness * (cosines - cosines.max()))
    return relative / relative.sum()


def side_probability(cosines, places, coldness=COLDNESS):
    """Probability that the adatom is on the nanoparticle, that is above the middle."""
    return float(weights(cosines, coldness)[places[:, 2] > 0].sum())


def like_places(made, chosen, level=0.95):
    """Places of an atlas at which the molecule shows nearly the same as at a chosen one.

    Parameters
    ----------
    made : Atlas
    chosen : int
        Number of the place.
    level : float
        Least cosine between the roots of the spectra.

    Returns
    -------
    ndarray of bool, shape (P,)
    """
    return made.spectra @ made.spectra[chosen] >= level


def _unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)
