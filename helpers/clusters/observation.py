"""What a classifier would say of frames: simulated class probabilities with known calibration.

A frame gives evidence x, a point with Gaussian noise of unit variance about the centre of its
class; the probability of class s, with equal priors, is the softmax of x.c_s - |c_s|^2 / 2. These
probabilities are calibrated exactly, and how far the centres lie apart sets the confusion matrix.
The centre of a blended frame is the mean of its classes weighted by time, as its image is.
"""

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter


@dataclass(frozen=True)
class Classifier:
    """A simulated classifier of n classes.

    Attributes
    ----------
    separation : array (n, n)
        Distances between the centres of the classes; two classes at distance d, alone, are
        confused in a share Phi(-d / 2) of the frames.
    persistent : float
        Share of the variance of the evidence that is a property of the view and stays from frame
        to frame; the rest is new in every frame. 0 makes the frames independent.
    memory_frames : float
        Time in which views are forgotten: their correlation falls as exp(-frames / memory).
    overconfidence : float
        Probabilities are raised to this power and normalised; 1 leaves them calibrated.
    """

    separation: np.ndarray
    persistent: float = 0.0
    memory_frames: float = 25.0
    overconfidence: float = 1.0

    def centres(self):
        """Points with the distances `separation`, array (n, n - 1), from classical scaling."""
        n = len(self.separation)
        centring = np.eye(n) - 1 / n
        values, vectors = np.linalg.eigh(-centring @ self.separation**2 @ centring / 2)
        return vectors[:, 1:] * np.sqrt(values[1:].clip(0))

    def probabilities(self, rng, shares):
        """Draw the class probabilities of the frames of one series.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of chance.
        shares : array (frames, n)
            What the frames hold, as `helpers.clusters.landscape.Series.shares`.

        Returns
        -------
        array (frames, n)
        """
        centres = self.centres()
        noise = rng.standard_normal((len(shares), centres.shape[1]))
        if self.persistent:
            noise *= np.sqrt(1 - self.persistent)
            noise += np.sqrt(self.persistent) * self._views(rng, noise.shape)
        evidence = shares @ centres + noise
        log = (evidence @ centres.T - (centres**2).sum(axis=1) / 2) * self.overconfidence
        weights = np.exp(log - log.max(axis=1, keepdims=True))
        return weights / weights.sum(axis=1, keepdims=True)

    def confusion_counts(self, rng, images):
        """Count true class (row) against called class (column) on single, independent images.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of chance.
        images : int
            Number of each class, as of a validation set.

        Returns
        -------
        array (n, n) of int
        """
        n = len(self.separation)
        fresh = Classifier(self.separation, overconfidence=self.overconfidence)
        called = fresh.probabilities(rng, np.repeat(np.eye(n), images, axis=0)).argmax(axis=1)
        return np.array([np.bincount(c, minlength=n) for c in called.reshape(n, images)])

    def _views(self, rng, shape):
        """Noise of unit variance whose correlation falls exponentially from frame to frame."""
        keep = np.exp(-1 / self.memory_frames)
        steps = rng.standard_normal(shape) * np.sqrt(1 - keep**2)
        steps[0] /= np.sqrt(1 - keep**2)
        return lfilter([1], [1, -keep], steps, axis=0)


# Assumed: right in about 85 % of single frames; icosahedron is most often taken for amorphous and
# decahedron for cuboctahedron, whose views look alike.
ASSUMED = Classifier(
    separation=np.array(
        [[0.0, 3.4, 4.0, 2.6], [3.4, 0.0, 2.8, 3.4], [4.0, 2.8, 0.0, 3.8], [2.6, 3.4, 3.8, 0.0]]
    )
)
