"""What a spectrum image holds before anything is learnt: regions and non-negative factors.

Roccapriore et al. 2021, Fig. 1: spectra on a particle, in a gap, in the hole and outside the film,
and a factorisation into four loadings (maps) and factors (spectra).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from scipy import ndimage
from scipy.signal import find_peaks
from skimage.filters import threshold_otsu
from sklearn.decomposition import NMF

from helpers.data import DataError

REGIONS = ("particle", "gap", "hole", "outside")
GAP_NM = 5.0  # bare places narrower than this between particles are gaps
RIM_NM = 2.0  # pixels closer than this to the border of a particle count for no region but gaps
OPEN_NM = 4.0  # a hole and the outside begin that far from the particles
LEAST_PROMINENCE = 0.02  # of a peak, in units of the highest


@dataclass(frozen=True)
class Factorisation:
    """Non-negative factorisation of a spectrum image.

    Attributes
    ----------
    loadings : numpy.ndarray (k, y, x)
        Loss per eV at the maximum of its factor.
    factors : numpy.ndarray (k, E)
        Spectra with maximum 1.
    error : float
        Norm of what is left over the norm of the data.
    """

    loadings: np.ndarray
    factors: np.ndarray
    error: float


def regions(haadf, pixel_nm):
    """Which region every pixel belongs to, from the dark-field image.

    Particles are what is brighter than Otsu's threshold. Of the bare places, those that a closing
    fills are gaps; of the others, the largest that touches the border is outside and the rest are
    holes.

    Parameters
    ----------
    haadf : array (y, x)
    pixel_nm : float

    Returns
    -------
    numpy.ndarray (y, x) of int
        Index into `REGIONS`, -1 for pixels between regions.

    Raises
    ------
    DataError
        The image is constant.
    """
    image = ndimage.gaussian_filter(np.asarray(haadf, float), 0.5)
    if image.min() == image.max():
        raise DataError("The dark-field image is constant: no particle can be told from a gap.")
    particle = image > threshold_otsu(image)
    margin = int(np.ceil(GAP_NM / pixel_nm))
    wide = np.pad(particle, margin, mode="symmetric")
    disc = np.hypot(*np.mgrid[-margin : margin + 1, -margin : margin + 1]) <= margin / 2 + 0.5
    inner = (slice(margin, -margin),) * 2
    closed = ndimage.binary_closing(wide, disc)[inner] | particle
    # from the middle of a pixel to the border between pixels
    depth, height = (
        (ndimage.distance_transform_edt(part) - 0.5) * pixel_nm for part in (particle, ~particle)
    )
    found = np.full(image.shape, -1)
    found[particle & (depth >= RIM_NM)] = 0
    found[closed & ~particle] = 1
    parts, number = ndimage.label(~closed)
    border = np.zeros(image.shape, bool)
    border[[0, -1]] = border[:, [0, -1]] = True
    touching = np.bincount(parts[border], minlength=number + 1)
    size = np.bincount(parts.ravel(), minlength=number + 1)
    size[touching == 0] = 0
    size[0] = 0
    outside = size.argmax() if size.any() else -1
    found[(parts > 0) & (parts != outside) & (height >= OPEN_NM)] = 2
    found[(parts == outside) & (parts > 0) & (height >= OPEN_NM)] = 3
    return found


def region_spectra(losses, found):
    """Mean spectrum of every region that has pixels.

    Parameters
    ----------
    losses : xarray.DataArray ("y", "x", "energy")
    found : array (y, x) of int
        As `regions` gives them.

    Returns
    -------
    xarray.DataArray ("region", "energy")
        Coordinate ``pixels`` (along region) counts them.
    """
    present = [k for k in range(len(REGIONS)) if (found == k).any()]
    values = [losses.to_numpy()[found == k].mean(0) for k in present]
    return xr.DataArray(
        np.stack(values), dims=("region", "energy"), name=losses.name,
        coords={
            "region": [REGIONS[k] for k in present],
            "pixels": ("region", [int((found == k).sum()) for k in present]),
            "energy": losses.energy,
        },
    )  # fmt: skip


def region_peaks(means):
    """Peaks of the mean spectra of regions.

    Parameters
    ----------
    means : xarray.DataArray ("region", "energy")
        As `region_spectra` gives them.

    Returns
    -------
    pandas.DataFrame
        One row per peak: ``region``, ``energy_eV``, ``loss_per_eV``. A spectrum that only falls
        has none.
    """
    rows = []
    for region, spectrum in zip(means.region.to_numpy(), means.to_numpy()):
        places, _ = find_peaks(spectrum, prominence=LEAST_PROMINENCE * spectrum.max())
        rows += [
            {"region": region, "energy_eV": float(means.energy[k]), "loss_per_eV": spectrum[k]}
            for k in places
        ]
    return pd.DataFrame(rows, columns=["region", "energy_eV", "loss_per_eV"])


def reach(loadings, found):
    """How far factors reach beyond the film: mean loading outside over mean loading on particles.

    Parameters
    ----------
    loadings : array (k, y, x)
    found : array (y, x) of int
        As `regions` gives them.

    Returns
    -------
    numpy.ndarray (k,)
        NaN without an outside or without particles.
    """
    outside, particle = (found == REGIONS.index(name) for name in ("outside", "particle"))
    if not outside.any() or not particle.any():
        return np.full(len(loadings), np.nan)
    return loadings[:, outside].mean(1) / np.maximum(loadings[:, particle].mean(1), 1e-30)


def near(found, pixel_nm, region, within_nm):
    """Which pixels (y, x) lie closer than `within_nm` to a region, by its name."""
    there = found == REGIONS.index(region)
    if not there.any():
        return there
    return ndimage.distance_transform_edt(~there) * pixel_nm < within_nm


def factorise(losses, components=4, seed=0):
    """Non-negative matrix factorisation; negative losses, which are noise, count as 0.

    Parameters
    ----------
    losses : xarray.DataArray ("y", "x", "energy")
    components : int
    seed : int

    Returns
    -------
    Factorisation
        In the order of their share of the data, largest first.
    """
    flat = np.clip(losses.to_numpy().reshape(-1, losses.shape[-1]), 0, None).astype(float)
    model = NMF(components, init="nndsvda", max_iter=600, tol=1e-3, random_state=seed)
    loadings = model.fit_transform(flat / flat.max()) * flat.max()
    factors = model.components_
    top = np.maximum(factors.max(1), 1e-30)
    loadings, factors = loadings * top, factors / top[:, None]
    order = np.argsort(-loadings.sum(0) * factors.sum(1))
    left = np.linalg.norm(flat - loadings @ factors) / np.linalg.norm(flat)
    maps = loadings.T[order].reshape(components, *losses.shape[:2])
    return Factorisation(maps, factors[order], float(left))
