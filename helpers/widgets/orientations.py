"""Viewing directions of clusters on a globe, with the images seen from there; needs no kernel."""

import anywidget
import numpy as np
import traitlets

from helpers.widgets.shared import classes, finite, script, sprite, style


class OrientationExplorer(anywidget.AnyWidget):
    """
    Turn a globe of viewing directions and see the image of the nearest one.

    The globe belongs to one isomer at a time and is coloured by one of the values; each place has
    the colour of its nearest direction. The middle of the globe is the direction that is shown.
    All images share one grey scale in 64 levels; a page holds at most 1.5 MB of them as PNG, of
    which one pixel takes at most 0.75 bytes: bin large images, or show fewer.

    Parameters
    ----------
    directions : array (N, 3)
        From where each cluster is seen, in its own frame; of any length but zero.
    label : sequence of str
        Isomer of every image. A pandas Categorical keeps its order; otherwise they are sorted.
    images : array (N, H, W)
        What is seen from there.
    values : DataFrame
        What the globe can be coloured by: one row per image and a column each, whose names are
        shown; for example ambiguity, or the probability of each class.
    pixel_size_nm : float
        Pixel size in nm.
    alike : array (N, M), optional
        For every image the rows of the images that look most like it, the most similar first.
    similarity : array (N, M), optional
        With ``alike``: how similar they are.

    Attributes
    ----------
    selected : int
        Row of the image shown, at first the one with the highest value of the first isomer.

    Raises
    ------
    ValueError
        If shapes do not belong together, a value is not finite, a direction is zero, a row does
        not exist, there are more than eight isomers, or the images are too large for a page.
    """

    _esm = script("orientations")
    _css = style("orientations")

    selected = traitlets.Int().tag(sync=True)
    directions = traitlets.Bytes().tag(sync=True)  # float32, unit vectors, images x 3
    isomers = traitlets.List().tag(sync=True)
    isomer_of = traitlets.Bytes().tag(sync=True)  # uint8
    sprite = traitlets.Bytes().tag(sync=True)  # PNG of all images
    sprite_shape = traitlets.List().tag(sync=True)  # images in a row of the sprite, H, W
    names = traitlets.List().tag(sync=True)  # of the values
    values = traitlets.Bytes().tag(sync=True)  # float32, images x values
    alike = traitlets.Bytes().tag(sync=True)  # int32, images x M
    similarity = traitlets.Bytes().tag(sync=True)  # float32, images x M
    pixel_size_nm = traitlets.Float().tag(sync=True)

    def __init__(
        self, directions, label, images, values, *, pixel_size_nm, alike=None, similarity=None
    ):
        sheet = sprite(images, "images")
        n = len(images)
        directions = finite(directions, "directions", (n, 3))
        length = np.linalg.norm(directions, axis=1, keepdims=True)
        if not length.all():
            raise ValueError("directions must not be zero: they say from where a cluster is seen")
        isomers, codes = classes(label, n)
        table = finite(values, "values")
        if table.ndim != 2 or len(table) != n or not table.shape[1]:
            raise ValueError(f"values must have {n} rows and a column or more, got {table.shape}")
        if not 0 < pixel_size_nm < np.inf:
            raise ValueError(f"pixel_size_nm must be a positive number, got {pixel_size_nm}")
        first = codes == codes.min()
        super().__init__(
            selected=int(np.where(first, table[:, 0], -np.inf).argmax()),
            directions=(directions / length).astype("<f4").tobytes(),
            isomers=isomers,
            isomer_of=codes.tobytes(),
            names=[str(name) for name in values],
            values=table.astype("<f4").tobytes(),
            pixel_size_nm=float(pixel_size_nm),
            **sheet,
            **_neighbours(alike, similarity, n),
        )


def _neighbours(alike, similarity, n):
    if alike is None:
        if similarity is not None:
            raise ValueError("similarity tells how similar the images of alike are: give both")
        return {}
    rows = finite(alike, "alike")
    if rows.ndim != 2 or len(rows) != n or not np.isin(rows, np.arange(n)).all():
        raise ValueError(f"alike must hold rows of the {n} images, M for each, got {rows.shape}")
    given = {"alike": rows.astype("<i4").tobytes()}
    if similarity is not None:
        given["similarity"] = finite(similarity, "similarity", rows.shape).astype("<f4").tobytes()
    return given
