"""Figures of clusters: what is drawn."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from helpers.clusters import pictures
from helpers.clusters.structures import isomer


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_atoms_are_drawn_from_far_to_near_and_coloured_by_place():
    place = isomer("cuboctahedron", 147).get_positions() / 10
    fig = pictures.clusters({"cubo": (place, place)}, {"cubo": np.eye(40)}, 0.05)
    discs = fig.axes[0].collections[0]
    drawn = discs.get_offsets()
    assert len(drawn) == 147
    order = np.argsort(-place[:, 2])
    assert np.sort(drawn[:9], axis=0) == pytest.approx(np.sort(place[order[:9], :2], axis=0))
    nearest = discs.get_facecolors()[-1][:3]
    colours = [to_rgb(colour) for colour in pictures.PLACE_COLOURS.values()]
    assert any(nearest == pytest.approx(colour) for colour in colours)
    assert fig.axes[2].images


def test_strip_wraps_and_titles_every_image():
    images = {f"frame {k}": np.eye(10) * k for k in range(1, 7)}
    fig = pictures.strip(images, 0.05)
    titles = [ax.get_title(loc="center") for ax in fig.axes]
    assert titles[:6] == list(images) and len(fig.axes) == 8
    assert pictures.strip({"": np.eye(10)}, 0.05).axes[0].images
