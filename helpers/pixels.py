"""What the values of an image or of a video must be, whatever file they come from."""

import numpy as np

from helpers.registry import DataError

SMALLEST_SIDE_PX = 32


def grey(path, values):
    """Real numbers, one per pixel: colour whose channels agree becomes grey.

    Parameters
    ----------
    path : pathlib.Path
        For messages.
    values : numpy.ndarray
        As `helpers.formats.read` returns them.

    Returns
    -------
    numpy.ndarray
        Without channels; of the stored type.

    Raises
    ------
    DataError
        The values are not real numbers, or in colour.
    """
    if values.dtype.names:  # colour as a structured type
        values = np.stack([values[field] for field in values.dtype.names], axis=-1)
    if values.dtype.kind not in "iuf":
        raise DataError(
            f"{path} holds values of type {values.dtype}: expected real numbers, one per pixel."
        )
    if values.ndim < 3 or values.shape[-1] not in (2, 3, 4) or min(values.shape[-3:-1]) <= 4:
        return values
    colours = values[..., : 1 if values.shape[-1] == 2 else 3]
    differ = np.any(colours != colours[..., :1], axis=-1)
    if differ.any():
        raise DataError(
            f"{path} is a colour image (the channels differ at {differ.sum()} pixels): a"
            " micrograph is grey; export the data themselves, not a coloured picture."
        )
    return colours[..., 0]


def refuse_small(path, values):
    """Refuse images (..., H, W) with a side below `SMALLEST_SIDE_PX`."""
    rows, columns = values.shape[-2:]
    if min(rows, columns) < SMALLEST_SIDE_PX:
        raise DataError(
            f"{path} is {columns} x {rows} pixels: expected at least {SMALLEST_SIDE_PX} a side."
        )


def as_float32(values):
    """Values as contiguous float32; what does not fit becomes infinite."""
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(values, dtype=np.float32)


def places_nm(shape, pixel_size_nm):
    """Coordinates of rows and columns, from the centre of the first pixel, as xarray takes them."""
    return {
        axis: (axis, np.arange(length) * pixel_size_nm, {"units": "nm"})
        for axis, length in zip(("y", "x"), shape)
    }
