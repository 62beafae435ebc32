"""Figures of chapter 3 that show clusters: as atoms, as images, and as frames of a video."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import EllipseCollection
from matplotlib.colors import to_rgb

from helpers.clusters.structures import PLACES, places
from helpers.figures import COLOURS, WIDTH, micrograph

PLACE_COLOURS = dict(
    zip(PLACES, ("#999999", COLOURS["sky"], COLOURS["orange"], "#222222"), strict=True)
)
ATOM_NM = 0.288  # diameter with which atoms are drawn: gold atoms touch
ACROSS = 4  # images in a row of a strip


def clusters(drawn, images, pixel_size_nm):
    """
    Draw each cluster as atoms, tilted and from where it was imaged, above its image.

    Parameters
    ----------
    drawn : dict of str to tuple of array (N, 3)
        Name to positions in nm, tilted and as imaged; z points along the beam, away from the eye.
    images : dict of str to array (H, W)
    pixel_size_nm : float

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, axes = plt.subplots(
        3, len(drawn), figsize=(WIDTH, 0.8 * WIDTH), squeeze=False, layout="constrained"
    )
    half = max(np.shape(i)[0] for i in images.values()) * pixel_size_nm / 2
    for column, (name, seen) in zip(axes.T, drawn.items(), strict=True):
        for ax, positions in zip(column[:2], seen, strict=True):
            _atoms(ax, positions, half)
        column[0].set_title(name, loc="center", fontsize="small")
        image = images[name]
        micrograph(column[2], image, pixel_size_nm, vmin=0, vmax=image.max())
        edge, middle = half / pixel_size_nm, (len(image) - 1) / 2
        column[2].set(xlim=(middle - edge, middle + edge), ylim=(middle + edge, middle - edge))
        column[2].set_facecolor("black")
    for ax, text in zip(axes[:, 0], ("tilted", "as imaged", "image")):
        ax.set_ylabel(text, fontsize="small")
    handles = [
        plt.Line2D([], [], ls="", marker="o", mfc=colour, mec="black", label=label)
        for label, colour in PLACE_COLOURS.items()
    ]
    fig.legend(handles=handles, loc="outside lower center", ncols=4, fontsize="small")
    return fig


def _atoms(ax, positions, half):
    """Atoms as discs, the nearest drawn last, darker the farther they are."""
    order = np.argsort(-positions[:, 2])
    depth = positions[order, 2]
    shade = 1 - 0.55 * (depth - depth.min()) / max(np.ptp(depth), 1e-9)
    base = [to_rgb(PLACE_COLOURS[where]) for where in places(positions)[order]]
    discs = EllipseCollection(
        np.full(len(order), ATOM_NM), np.full(len(order), ATOM_NM), np.zeros(len(order)),
        units="x", offsets=positions[order, :2], offset_transform=ax.transData,
        facecolors=np.array(base) * shade[:, None], edgecolors="white", linewidths=0.3,
    )  # fmt: skip
    ax.add_collection(discs)
    ax.set(xlim=(-half, half), ylim=(half, -half), aspect="equal", xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def strip(images, pixel_size_nm, across=ACROSS):
    """
    Draw images side by side, each on a grey scale of its own.

    Parameters
    ----------
    images : dict of str to array (H, W)
        Title to image.
    pixel_size_nm : float
    across : int
        Most images in a row.

    Returns
    -------
    matplotlib.figure.Figure
    """
    columns = min(len(images), across)
    rows = -(-len(images) // columns)
    size = WIDTH if columns > 1 else 0.6 * WIDTH
    height, width = np.shape(next(iter(images.values())))
    fig, axes = plt.subplots(
        rows, columns, figsize=(size, size * rows / columns * (height / width + 0.14)),
        squeeze=False, layout="constrained",
    )  # fmt: skip
    for ax in axes.flat:
        ax.set_axis_off()
    for k, (ax, (title, image)) in enumerate(zip(axes.flat, images.items(), strict=False)):
        micrograph(ax, image, pixel_size_nm if k == 0 else None)
        ax.set_title(title, loc="center", fontsize="small")
    return fig
