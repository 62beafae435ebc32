"""Heights of the spots of all atoms of an image, fitted together.

Atoms that lie close share their light; fitted one by one, each would be given its neighbour's.
"""

import numpy as np
import pandas as pd
from scipy import optimize, sparse
from scipy.sparse.linalg import cg


def fitted_amplitudes(
    image: np.ndarray, points: pd.DataFrame, sigma: float | None = None
) -> tuple[np.ndarray, float]:
    """
    Heights of Gaussians at all atoms, fitted together, so that neighbours share their light.

    Least squares over the whole image for one height per atom and a background that is linear
    between nodes 40 px apart. Where two atoms lie so close that the image cannot tell their heights
    apart, both tend to the mean height, as much as noise and spread of the heights demand (a normal
    prior whose mean and width are estimated from the image).

    Parameters
    ----------
    image : (H, W) array
    points : DataFrame with ``x_px`` and ``y_px``
    sigma : float, optional
        Standard deviation of an atom's image, px; by default the one that fits best.

    Returns
    -------
    heights : (N,) array
    sigma : float
    """
    image = np.asarray(image, np.float64)
    background = _nodes(image.shape, 40)
    if sigma is None:
        found = optimize.minimize_scalar(
            lambda s: _heights(image, points, s, background)[1],
            bounds=(1.2, 4.5), method="bounded", options={"xatol": 0.03},
        )  # fmt: skip
        sigma = float(found.x)
    return _heights(image, points, sigma, background)[0], sigma


def _heights(image, points, sigma, background):
    """Heights and residual variance at one width."""
    n = len(points)
    design = sparse.hstack([_spots(image.shape, points, sigma), background], format="csc")
    gram, right = (design.T @ design).tocsr(), design.T @ image.ravel()
    total = float((image**2).sum())
    ridge, mean = np.full(len(right), 1e-6), np.zeros(len(right))
    solved = None
    for _ in range(4):
        system = gram + sparse.diags_array(ridge)
        scale = sparse.diags_array(1 / system.diagonal())
        solved, _ = cg(system, right + ridge * mean, solved, rtol=1e-7, maxiter=2000, M=scale)
        residual = (total - 2 * solved @ right + solved @ (gram @ solved)) / image.size
        heights = np.clip(solved[:n], 0, None)
        # isolated atoms carry the spread: quartiles are not moved by the few that are unstable
        low, centre, high = np.percentile(heights, [25, 50, 75])
        spread = max((high - low) / 1.35, 1e-3)
        ridge[:n], mean[:n] = max(residual, 1e-12) / spread**2, centre
    return solved[:n], residual


def _spots(shape, points, sigma):
    """One column per atom: a Gaussian of height 1 at its place, cut at 4 sigma; (H W, N)."""
    reach = int(np.ceil(4 * sigma))
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    x, y = points["x_px"].to_numpy(float), points["y_px"].to_numpy(float)
    columns = np.rint(x).astype(int)[:, None] + dx.ravel()
    rows = np.rint(y).astype(int)[:, None] + dy.ravel()
    values = np.exp(-((columns - x[:, None]) ** 2 + (rows - y[:, None]) ** 2) / (2 * sigma**2))
    inside = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    atom = np.broadcast_to(np.arange(len(x))[:, None], rows.shape)
    places = rows * shape[1] + columns
    size = (shape[0] * shape[1], len(x))
    return sparse.csc_array((values[inside], (places[inside], atom[inside])), shape=size)


def _nodes(shape, spacing):
    """Bilinear interpolation from a grid of nodes to all pixels; (H W, nodes)."""
    along = []
    for size in shape:
        nodes = max(2, round(size / spacing) + 1)
        at = np.linspace(0, nodes - 1, size)
        weights = np.clip(1 - abs(at[:, None] - np.arange(nodes)), 0, None)
        along.append(sparse.csc_array(weights))
    return sparse.kron(*along, format="csc")
