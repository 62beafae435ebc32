"""Explorers of the two networks: the latent plane, what it decodes to, and the windows in it."""

import numpy as np
import pandas as pd

from helpers.figures import COLOURS
from helpers.plasmons import learn
from helpers.plasmons.field_plots import STYLES
from helpers.plasmons.latent import decoded_grid
from helpers.widgets.latent import LatentExplorer

EVERY = 2  # rows and columns of windows: neighbours are nearly the same, and a page has its limits


def explorer(direction, network, scale, pairs, haadf, energy_ev, label, pixel_nm):
    """Explore a network with two latent variables on the windows of one spectrum image.

    Parameters
    ----------
    direction : {"im2spec", "spec2im"}
    network : Im2Spec or Spec2Im
    scale : helpers.plasmons.pairs.Scale
    pairs : helpers.plasmons.pairs.Pairs
    haadf : array (y, x)
        That the windows come from.
    energy_ev : array (E,)
    label : sequence of str (N,)
        Class of every window, at most eight kinds, as the explorer takes it; regions have the
        colours that they have in `helpers.plasmons.field_plots`, "between" is white.
    pixel_nm : float

    Returns
    -------
    helpers.widgets.latent.LatentExplorer
        Of every second row and column of windows; one in the middle of the first class is
        selected.

    Raises
    ------
    DataError
        The network has another number of latent variables.
    """
    shown = (pairs.y_px - pairs.y_px.min()) % EVERY == 0
    shown &= (pairs.x_px - pairs.x_px.min()) % EVERY == 0
    some = pairs[shown]
    inputs = scale.images(some.images), scale.spectra(some.spectra)
    forward = direction == "im2spec"
    z = learn.encode(network, inputs[0 if forward else 1])
    grid_x, grid_y, decoded = decoded_grid(network, z)
    if forward:
        samples, partners, back = some.spectra, some.images, scale.spectra_back
    else:
        samples, partners, back = some.images, some.spectra, scale.image_back
    kinds = pd.Categorical(label)[shown]
    first = kinds.codes == kinds.codes.min()
    middle = np.linalg.norm(z - z[first].mean(0), axis=1)
    widget = LatentExplorer(
        z, samples, back(decoded), grid_x, grid_y, kinds,
        partners=partners, image=np.asarray(haadf), window_px=pairs.window, pixel_size_nm=pixel_nm,
        points=pd.DataFrame({"x_px": some.x_px, "y_px": some.y_px}), axis=energy_ev,
        axis_label="Energy loss (eV)", value_label="Loss per eV",
        colours={name: COLOURS[colour] for name, (colour, _) in STYLES.items()}
        | {"between": "#fff"},
    )  # fmt: skip
    widget.selected = int(np.where(first, middle, np.inf).argmin())
    return widget
