"""Latent plane with its decodings, samples and their places in the image; needs no kernel."""

import anywidget
import numpy as np
import traitlets

from helpers.widgets.shared import classes, finite, need, png, script, style


class LatentExplorer(anywidget.AnyWidget):
    """
    Show what a two-dimensional latent space decodes to and which real samples lie where.

    Samples are images or spectra, told by their number of dimensions. Between the points of the
    grid the page interpolates the decodings linearly in both directions; outside it shows the
    nearest edge. Decodings and samples share one scale, 256 levels: for images from the 0.1st to
    the 99.9th percentile of all of them, for spectra from the lowest to the highest value
    (normalise spectra first if their intensities differ much). Where samples are pairs of an image
    and a spectrum, the half that is not decoded is shown with the selected sample, on a scale of
    its own. A sample takes a byte for each of its values, and for each of its partner's.

    Parameters
    ----------
    latent : array (N, 2)
        Place of every sample in the latent plane.
    samples : array (N, h, w) or (N, L)
        Images or spectra.
    decoded : array (gy, gx, h, w) or (gy, gx, L)
        What the network decodes at ``(grid_x[column], grid_y[row])``.
    grid_x, grid_y : array (gx,), (gy,)
        Increasing latent coordinates of the decodings; the steps may differ.
    label : sequence of str
        Class of every sample. A pandas Categorical keeps its order of classes; otherwise they are
        sorted.
    confidence : array (N,), optional
        Confidence of the class, in [0, 1]; without it there is no slider.
    partners : array (N, L) or (N, h, w), optional
        The other half of every sample: spectra of images, images of spectra.
    image : array (H, W), optional
        Micrograph that the samples come from, drawn from its 0.5th to its 99.5th percentile.
    points : DataFrame, optional
        With ``image``: columns ``x_px`` (column) and ``y_px`` (row), one row per sample.
    window_px : int, optional
        Width of the window of the image that a sample is: its square is drawn, centred as
        `helpers.plasmons.pairs` says. Without it samples are atoms, and circles.
    pixel_size_nm : float, optional
        Pixel size in nm; without it places are given in px and there is no scale bar.
    fields : DataFrame, optional
        More to tell about each sample, one row per sample; the column names are shown.
    axis : array (L,), optional
        Abscissa of the spectra; the channel number by default.
    axis_label, value_label : str
        Quantity and unit of the spectra's abscissa and ordinate.
    colours : dict of str to str, optional
        Colour of classes by their names, where another figure has given them one; they lie on a
        dark ground.

    Attributes
    ----------
    selected : int
        Row of the selected sample, at first the one in the middle of the largest class.
    least_confidence : float
        Where the slider stands; samples below it are greyed out.

    Raises
    ------
    ValueError
        If shapes do not belong together, a value is not finite, the grid does not increase, a
        confidence is outside [0, 1], a point is outside the image, partners are of the kind of
        the samples, or there are more than eight classes.
    """

    _esm = script("latent")
    _css = style("latent")

    selected = traitlets.Int().tag(sync=True)
    least_confidence = traitlets.Float(0.0).tag(sync=True)
    latent = traitlets.Bytes().tag(sync=True)  # float32, samples x 2
    samples = traitlets.Bytes().tag(sync=True)  # uint8
    decoded = traitlets.Bytes().tag(sync=True)  # uint8
    sample_shape = traitlets.List().tag(sync=True)  # [h, w] or [L]
    levels = traitlets.List().tag(sync=True)  # values of the levels 0 and 255
    grid_x = traitlets.List().tag(sync=True)
    grid_y = traitlets.List().tag(sync=True)
    classes = traitlets.List().tag(sync=True)
    colours = traitlets.List().tag(sync=True)  # of classes; empty text for the default
    class_of = traitlets.Bytes().tag(sync=True)  # uint8
    confidence = traitlets.Bytes().tag(sync=True)  # float64, as the slider; empty without any
    partners = traitlets.Bytes().tag(sync=True)  # uint8, empty without any
    partner_shape = traitlets.List().tag(sync=True)
    partner_levels = traitlets.List().tag(sync=True)
    picture = traitlets.Bytes().tag(sync=True)  # PNG, empty without an image
    picture_shape = traitlets.List().tag(sync=True)  # height, width in px
    points = traitlets.Bytes().tag(sync=True)  # float32, samples x 2
    window_px = traitlets.Int(0).tag(sync=True)  # 0: circles
    pixel_size_nm = traitlets.Float(None, allow_none=True).tag(sync=True)
    field_names = traitlets.List().tag(sync=True)
    fields = traitlets.List().tag(sync=True)  # text, samples x fields
    axis = traitlets.List().tag(sync=True)
    axis_label = traitlets.Unicode().tag(sync=True)
    value_label = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        latent,
        samples,
        decoded,
        grid_x,
        grid_y,
        label,
        confidence=None,
        *,
        partners=None,
        image=None,
        points=None,
        window_px=None,
        pixel_size_nm=None,
        fields=None,
        axis=None,
        axis_label="",
        value_label="",
        colours=None,
    ):
        samples, decoded = finite(samples, "samples"), finite(decoded, "decoded")
        if samples.ndim not in (2, 3) or not samples.size:
            raise ValueError(f"samples must be (N, h, w) or (N, L), got shape {samples.shape}")
        n, shape = len(samples), samples.shape[1:]
        latent = finite(latent, "latent", (n, 2))
        grid_x, grid_y = _increasing(grid_x, "grid_x"), _increasing(grid_y, "grid_y")
        finite(decoded, "decoded", (len(grid_y), len(grid_x), *shape))
        pairs, partner_shape = _partners(partners, n, shape)
        names, codes = classes(label, n)
        largest = codes == np.bincount(codes).argmax()
        middle = np.linalg.norm(latent - latent[largest].mean(0), axis=1)
        super().__init__(
            selected=int(np.where(largest, middle, np.inf).argmin()),
            latent=latent.astype("<f4").tobytes(),
            sample_shape=list(shape),
            grid_x=grid_x.tolist(),
            grid_y=grid_y.tolist(),
            confidence=b"" if confidence is None else _shares(confidence, n),
            window_px=window_px or 0,
            pixel_size_nm=None if pixel_size_nm is None else float(pixel_size_nm),
            axis_label=axis_label,
            value_label=value_label,
            **_quantised(samples, decoded),
            **pairs,
            classes=names,
            colours=[(colours or {}).get(name, "") for name in names],
            class_of=codes.tobytes(),
            **_micrograph(image, points, n),
            **_told(fields, n),
            axis=_abscissa(axis, shape if len(shape) == 1 else partner_shape),
        )


def _increasing(values, what):
    values = finite(values, what)
    if values.ndim != 1 or len(values) < 2 or (np.diff(values) <= 0).any():
        raise ValueError(f"{what} must be two or more increasing numbers, got {values.tolist()}")
    return values


def _shares(confidence, n):
    confidence = finite(confidence, "confidence", (n,))
    if confidence.min() < 0 or confidence.max() > 1:
        raise ValueError(
            "confidence must lie in [0, 1], got values from "
            f"{confidence.min():g} to {confidence.max():g}"
        )
    return confidence.astype("<f8").tobytes()


def _quantised(samples, decoded):
    """Return samples and decodings as levels 0 to 255 of one scale."""
    low, high = _ends([samples, decoded], "samples and decoded")
    return {
        "samples": _levels(samples, low, high),
        "decoded": _levels(decoded, low, high),
        "levels": [low, high],
    }


def _partners(partners, n, shape):
    """Return the other halves as levels of their own scale, and the shape of one."""
    if partners is None:
        return {}, ()
    partners = finite(partners, "partners")
    if partners.ndim != 4 - len(shape) or len(partners) != n:
        wanted = "(N, L)" if len(shape) == 2 else "(N, h, w)"
        raise ValueError(
            f"partners must be {wanted} of {n} samples of shape {shape}, got {partners.shape}"
        )
    low, high = _ends([partners], "partners")
    return {
        "partners": _levels(partners, low, high),
        "partner_shape": list(partners.shape[1:]),
        "partner_levels": [low, high],
    }, partners.shape[1:]


def _ends(parts, what):
    """Return the values of the levels 0 and 255."""
    percentiles = (0.1, 99.9) if parts[0].ndim == 3 else (0, 100)
    low, high = np.percentile(np.concatenate([part.ravel() for part in parts]), percentiles)
    if low == high:
        raise ValueError(f"{what} show nothing: (nearly) all values are {low:g}")
    return float(low), float(high)


def _levels(values, low, high):
    scaled = np.clip((values - low) / (high - low), 0, 1)
    return (scaled * 255).round().astype(np.uint8).tobytes()


def _micrograph(image, points, n):
    if image is None and points is None:
        return {}
    if image is None or points is None:
        raise ValueError("image and points belong together: give both or neither")
    image = finite(image, "image")
    if image.ndim != 2:
        raise ValueError(f"image must be (H, W), got shape {image.shape}")
    need(points, ["x_px", "y_px"], "points")
    places = finite(points[["x_px", "y_px"]], "points", (n, 2))
    height, width = image.shape
    if ((places < -0.5) | (places > [width - 0.5, height - 0.5])).any():
        raise ValueError(f"points must lie inside the image of {width} x {height} px")
    low, high = np.percentile(image, (0.5, 99.5))
    return {
        "picture": png((image - low) / ((high - low) or 1)),
        "picture_shape": [height, width],
        "points": places.astype("<f4").tobytes(),
    }


def _told(fields, n):
    """Return the table as text: four significant digits for numbers that are not whole."""
    if fields is None:
        return {}
    if len(fields) != n:
        raise ValueError(f"fields must have one row per sample, got {len(fields)} rows for {n}")
    columns = [
        [f"{value:.4g}" if isinstance(value, float) else str(value) for value in fields[name]]
        for name in fields
    ]
    return {
        "field_names": [str(name) for name in fields],
        "fields": [list(row) for row in zip(*columns)],
    }


def _abscissa(axis, shape):
    if len(shape) != 1:
        if axis is not None:
            raise ValueError("axis is for spectra, but these samples are images")
        return []
    return finite(np.arange(shape[0]) if axis is None else axis, "axis", shape).tolist()
