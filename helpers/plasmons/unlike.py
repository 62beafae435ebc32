"""Windows unlike those that a network was trained on.

Two distances: how far a window lies from its nearest training window among the principal components
of the training windows, and how much of it these components leave out. The first is large for
unusual mixtures of usual features, the second for features never seen. A window is flagged where
either exceeds what is usual for training windows themselves, each compared with other films than
its own, as its overlapping neighbours would make every window look familiar.
"""

import numpy as np
from scipy.spatial import cKDTree
from sklearn.decomposition import PCA

from helpers.data import DataError

COMPONENTS = 20
QUANTILE = 0.98  # of either distance: at most four in a hundred usual windows are flagged
EVERY = 3  # training windows kept; neighbours are nearly the same


class Familiar:
    """What is usual among training windows.

    Parameters
    ----------
    images : array (N, w, w)
        Scaled training windows.
    film : array (N,)
        Which spectrum image each comes from; two or more.
    components : int
    quantile : float

    Attributes
    ----------
    limits : numpy.ndarray (2,)
        Of the two distances.

    Raises
    ------
    DataError
        All windows are of one film.
    """

    def __init__(self, images, film, components=COMPONENTS, quantile=QUANTILE):
        flat, film = _flat(images)[::EVERY], np.asarray(film)[::EVERY]
        films = np.unique(film)
        if len(films) < 2:
            raise DataError(
                "All training windows are of one spectrum image: what is usual for a new one cannot"
                " be told; give windows of two or more."
            )
        self.pca = PCA(min(components, min(flat.shape) - 1), random_state=0).fit(flat)
        places = self.pca.transform(flat)
        near = np.empty(len(flat))
        for one in films:
            own = film == one
            near[own] = cKDTree(places[~own]).query(places[own])[0]
        self.tree = cKDTree(places)
        self.limits = np.quantile([near, self._left_out(flat, places)], quantile, axis=1)

    def distances(self, images):
        """Distance to the nearest training window and what is left out of every window (2, N)."""
        flat = _flat(images)
        places = self.pca.transform(flat)
        return np.stack([self.tree.query(places)[0], self._left_out(flat, places)])

    def unlike(self, images):
        """Whether windows (N, w, w), scaled like the training windows, are flagged (N,)."""
        return (self.distances(images) > self.limits[:, None]).any(0)

    def _left_out(self, flat, places):
        return np.linalg.norm(flat - self.pca.inverse_transform(places), axis=1)


def _flat(images):
    images = np.asarray(images, np.float32)
    return images.reshape(len(images), -1)
