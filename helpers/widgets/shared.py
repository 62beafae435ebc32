"""What the explorers share: checks of what they are given, pictures as PNG, script and style."""

import io
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

_HERE = Path(__file__).parent
_LARGEST_PX = 1024  # larger pictures are shrunk: the widget's state travels inside the page
_GREYS = (np.arange(64) * 255 / 63).round().astype(np.uint8)  # 6 bits a pixel at most
_MOST_BYTES = 1_500_000  # 2 MB in the page
_MOST_CLASSES = 8  # as many colours and shapes as can be told apart


def script(name):
    """Return the script of one explorer, after the shared one."""
    return "".join((_HERE / f"{part}.js").read_text("utf-8") for part in ("shared", name))


def style(name):
    """Return the style sheet of one explorer, after the shared one."""
    return "".join((_HERE / f"{part}.css").read_text("utf-8") for part in ("shared", name))


def need(table, columns, what):
    """Refuse a table that lacks one of the columns."""
    missing = [name for name in columns if name not in table]
    if missing:
        raise ValueError(f"{what}: found columns {list(table)}, missing {missing}")


def finite(values, what, shape=None):
    """Return the values as an array of floats; refuse another shape, NaN and infinity."""
    values = np.asarray(values, float)
    if shape is not None and values.shape != shape:
        raise ValueError(f"{what} must have shape {shape} to fit the rest, got {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"{what} must be finite, got NaN or infinity")
    return values


def classes(label, n):
    """Return the names of the classes, categories in their own order, and the code of each row."""
    label = pd.Categorical(label)
    if len(label) != n or label.isna().any():
        raise ValueError(f"label must name the class of each of the {n} samples, got {len(label)}")
    if len(label.categories) > _MOST_CLASSES:
        raise ValueError(
            f"label has {len(label.categories)} classes, at most {_MOST_CLASSES} can be told apart"
        )
    return [str(name) for name in label.categories], label.codes.astype(np.uint8)


def png(image):
    """Return an image in [0, 1] as PNG, values outside clipped, shrunk when it is large."""
    picture = Image.fromarray((np.clip(image, 0, 1) * 255).round().astype(np.uint8))
    picture.thumbnail((_LARGEST_PX, _LARGEST_PX))
    return _packed(picture, optimize=True)


def sprite(images, what):
    """
    Return many small pictures as one PNG, row after row in a sheet about as wide as high.

    They share one scale from the 0.1st to the 99.9th percentile of all of them and keep 64 greys.

    Parameters
    ----------
    images : array (N, H, W)
        The pictures.
    what : str
        Their name in messages.

    Returns
    -------
    dict
        ``sprite``, the PNG, and ``sprite_shape``: pictures in a row of the sheet, H, W.

    Raises
    ------
    ValueError
        If the pictures are none, show nothing, or take more than 1.5 MB.
    """
    images = finite(images, what)
    if images.ndim != 3 or not images.size:
        raise ValueError(f"{what} must be (N, H, W), got shape {images.shape}")
    low, high = np.percentile(images, (0.1, 99.9))
    if low == high:
        raise ValueError(f"{what} show nothing: (nearly) all values are {low:g}")
    n, height, width = images.shape
    columns = min(n, int(np.ceil(np.sqrt(n * height / width))))
    sheet = np.zeros((-(-n // columns) * columns, height, width), np.uint8)
    sheet[:n] = (np.clip((images - low) / (high - low), 0, 1) * (len(_GREYS) - 1)).round()
    sheet = sheet.reshape(-1, columns, height, width).swapaxes(1, 2)
    picture = Image.fromarray(sheet.reshape(-1, columns * width))
    # Numbers of colours are not filtered, so that noise, which nothing compresses, costs no more.
    picture.putpalette(np.repeat(_GREYS, 3).tolist())
    packed = _packed(picture, compress_level=9, compress_type=zlib.Z_FILTERED)
    if len(packed) > _MOST_BYTES:
        raise ValueError(
            f"{what}: {n} pictures of {height} x {width} px take {len(packed) / 1e6:.1f} MB, "
            f"at most {_MOST_BYTES / 1e6:g} MB fit into a page: show fewer, or bin them"
        )
    return {"sprite": packed, "sprite_shape": [columns, height, width]}


def _packed(picture, **options):
    stream = io.BytesIO()
    picture.save(stream, "png", **options)
    return stream.getvalue()
