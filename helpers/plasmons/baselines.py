"""What a network must beat: the mean, neighbours, linear regression, boosted trees.

All work in both directions, on values as the networks get them. What they leave open (number of
neighbours, of components, strength of the ridge, depth) is chosen on validation pairs.
"""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline

from helpers.plasmons.errors import relative_error

METHODS = ("mean", "nearest neighbours", "relative neighbours", "PCA and ridge", "boosted trees")
NEIGHBOURS = (1, 3, 5, 10, 20, 50)
COMPONENTS = (10, 20, 50, 100)
MANY_NEIGHBOURS = (50, 200)
STEPS, AT_ONCE = 15, 128
RIDGES = (0.01, 0.1, 1.0, 10.0, 100.0)
LEAVES = (7, 15, 31)
TREES, RATE = 150, 0.1
TARGET_COMPONENTS = 10  # of the targets, each with trees of its own


class RelativeNeighbours:
    """What has the least mean relative error to the targets of k neighbours.

    Their mean has the least squared error. Where spectra leave images undecided, a network that is
    trained on the relative error itself has that advantage over all others here.
    """

    def __init__(self, k):
        self.nearest = KNeighborsRegressor(k)

    def fit(self, x, y):
        """Fit to inputs (N, a) and targets (N, b)."""
        self.nearest.fit(x, y)
        self.targets = y
        return self

    def predict(self, x):
        """Targets (N, b)."""
        which = self.nearest.kneighbors(x, return_distance=False)
        parts = [which[k : k + AT_ONCE] for k in range(0, len(which), AT_ONCE)]
        return np.concatenate([_least_relative(self.targets[part]) for part in parts])


def _least_relative(targets):
    """Values (N, b) of least mean relative error to targets (N, k, b).

    Where the derivative of the sum of sqrt(|p - t|^2 / |p + t|^2) is zero, p is a mean of the t
    whose weights depend on p: repeat, as Weiszfeld does for the point of least distances.
    """
    square = (targets**2).sum(-1)
    found = targets.mean(1)
    for _ in range(STEPS):
        product = (targets @ found[..., None])[..., 0]
        both = square + (found**2).sum(-1, keepdims=True)
        above, below = np.maximum([both - 2 * product, both + 2 * product], 1e-9)
        one, other = 1 / np.sqrt(above * below), np.sqrt(above) / below**1.5
        weights = (one + other) / (one - other).sum(1, keepdims=True)
        found = (weights[:, None] @ targets)[:, 0]
    return found


class BoostedTrees:
    """Trees from principal components of the inputs to those of the targets."""

    def __init__(self, leaves, seed=0):
        trees = HistGradientBoostingRegressor(
            max_iter=TREES, learning_rate=RATE, max_leaf_nodes=leaves, random_state=seed
        )
        self.inputs = PCA(30, random_state=seed)
        self.targets = PCA(TARGET_COMPONENTS, random_state=seed)
        self.trees = MultiOutputRegressor(trees)

    def fit(self, x, y):
        """Fit to inputs (N, a) and targets (N, b)."""
        self.trees.fit(self.inputs.fit_transform(x), self.targets.fit_transform(y))
        return self

    def predict(self, x):
        """Targets (N, b)."""
        return self.targets.inverse_transform(self.trees.predict(self.inputs.transform(x)))


def candidates(method, number, values, seed=0):
    """Untrained regressors of a method, one per setting: name -> regressor.

    For `number` training pairs whose inputs have so many `values`.
    """
    if method == "mean":
        return {"": DummyRegressor()}
    if method == "nearest neighbours":
        return {f"k = {k}": KNeighborsRegressor(k) for k in NEIGHBOURS if k <= number}
    if method == "relative neighbours":
        return {f"k = {k}": RelativeNeighbours(k) for k in MANY_NEIGHBOURS if k <= number}
    if method == "PCA and ridge":
        return {
            f"{n} components, ridge {a:g}": make_pipeline(PCA(n, random_state=seed), Ridge(a))
            for n in COMPONENTS
            for a in RIDGES
            if n < min(number, values)
        }
    if method == "boosted trees":
        return {f"{leaves} leaves": BoostedTrees(leaves, seed) for leaves in LEAVES}
    raise ValueError(f"method must be one of {METHODS}, got {method!r}")


def fit_baseline(method, inputs, targets, validation, seed=0):
    """Fit a baseline, its setting chosen on validation pairs.

    Parameters
    ----------
    method : str
        One of `METHODS`.
    inputs, targets : array (N, ...)
        Scaled training images and spectra, or the other way round.
    validation : tuple of array
        Inputs and targets to choose on.
    seed : int

    Returns
    -------
    predict : callable
        ``predict(inputs)`` gives targets in their own shape.
    setting : str
        What was chosen.
    """
    x, y = _flat(inputs), _flat(targets)
    shape = np.shape(targets)[1:]
    best = (np.inf, None, "")
    for name, model in candidates(method, *x.shape, seed).items():
        model.fit(x, y)
        found = model.predict(_flat(validation[0]))
        error = relative_error(found, _flat(validation[1])).mean()
        if error < best[0]:
            best = (error, model, name)
    return lambda more: best[1].predict(_flat(more)).reshape(-1, *shape), best[2]


def _flat(values):
    values = np.asarray(values, np.float32)
    return values.reshape(len(values), -1)
