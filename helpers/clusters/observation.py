"""What a classifier says of frames: by a formula with known calibration, or as it has once said.

`Classifier` invents answers. A frame gives evidence x, a point with Gaussian noise of unit variance
about the centre of its class; the probability of class s, with equal priors, is the softmax of
x.c_s - |c_s|^2 / 2. These probabilities are calibrated exactly, and how far the centres lie apart
sets the confusion matrix. The centre of a blended frame is the mean of its classes weighted by
time, as its image is.

`Recorded` repeats answers. A network has named many recordings of every view of a library; a series
of a tumbling cluster shows one of them at every moment, and one of its answers is drawn. That takes
no time, so that an experiment can be repeated a hundred times with all that is wrong with a real
network: views that mislead it, and mislead it for as long as the cluster lies like that.
"""

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from helpers.clusters.orientations import viewing_direction, views
from helpers.clusters.structures import ISOMERS
from helpers.clusters.video import tumble


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


class Recorded:
    """
    A classifier by what it said of recordings of single views.

    Parameters
    ----------
    rotations : array (n, 4)
        Quaternions of the views that a series may show, as `helpers.clusters.library.Library`.
    classes : array (n,) of int
        Isomer of every view.
    answers : array (n, copies, 4)
        Probabilities of every recording.
    confusion : array (4, 4)
        Confusion matrix found on other views, rows sum to 1: what an experimenter knows.
    frame_s, tilt_deg : float
        Of `helpers.clusters.video.tumble`.
    """

    def __init__(self, rotations, classes, answers, confusion, frame_s=0.04, tilt_deg=10.0):
        self.answers, self.confusion = answers, confusion
        self.frame_s, self.tilt_deg = frame_s, tilt_deg
        self._trees = []
        for number, isomer in enumerate(ISOMERS):
            chosen = np.flatnonzero(classes == number)
            seen_from = viewing_direction(Rotation.from_quat(rotations[chosen]))
            copies = np.einsum("gij,kj->gki", views(isomer), seen_from)
            self._trees.append((cKDTree(copies.reshape(-1, 3)), chosen))

    def probabilities(self, rng, shares):
        """Draw the class probabilities of the frames of one series of a tumbling cluster.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of chance.
        shares : array (frames, 4)
            What the frames hold; of a blend, the isomer held longest is shown.

        Returns
        -------
        array (frames, 4)
        """
        from_where = viewing_direction(tumble(rng, len(shares), self.frame_s, self.tilt_deg))
        held = shares.argmax(axis=1)
        view = np.zeros(len(shares), int)
        for number, (tree, chosen) in enumerate(self._trees):
            now = held == number
            view[now] = chosen[tree.query(from_where[now])[1] % len(chosen)]
        return self.answers[view, rng.integers(self.answers.shape[1], size=len(view))]

    def confusion_counts(self, rng, images):
        """Confusion matrix of the other views, as counts of `images` independent ones a class."""
        return self.confusion * images


# Assumed: right in about 85 % of single frames; icosahedron is most often taken for amorphous and
# decahedron for cuboctahedron, whose views look alike.
ASSUMED = Classifier(
    separation=np.array(
        [[0.0, 3.4, 4.0, 2.6], [3.4, 0.0, 2.8, 3.4], [4.0, 2.8, 0.0, 3.8], [2.6, 3.4, 3.8, 0.0]]
    )
)
