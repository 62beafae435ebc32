"""Tables of positions in pixels; x is the column and y the row."""

from pathlib import Path

import numpy as np
import pandas as pd

from helpers.formats import check_file
from helpers.registry import DataError


def open_points(path, image=None):
    """Open a table of positions in pixels.

    Parameters
    ----------
    path : str or pathlib.Path
        Text table with a header, columns separated by comma, semicolon or tab. The columns are
        called X and Y, x and y, or x_px and y_px; others are ignored.
    image : xarray.DataArray, optional
        The image to which the points belong; points outside it are an error.

    Returns
    -------
    pandas.DataFrame
        Columns ``x_px`` (column) and ``y_px`` (row), float64, in the order of the file.

    Raises
    ------
    DataError
        The table cannot be read, lacks the columns, holds a value that is no number, or a point
        outside the image.
    """
    path = Path(path)
    check_file(path)
    try:
        with open(path, encoding="utf-8-sig") as file:
            header = file.readline()
        separator = max(",;\t", key=header.count)
        table = pd.read_csv(path, sep=separator, encoding="utf-8-sig", skipinitialspace=True)
    except (ValueError, OSError) as exc:
        raise DataError(
            f"{path} could not be read as a table of points ({exc}): expected a text file with a"
            " header and columns X, Y separated by commas."
        ) from exc
    points = pd.DataFrame({f"{axis}_px": _column(path, table, axis) for axis in "xy"})
    if image is not None:
        _check_inside(path, points, image)
    return points


def _column(path, table, axis):
    names = [c for c in table.columns if str(c).strip().lower() in (axis, f"{axis}_px")]
    if len(names) != 1:
        what = "no column" if not names else f"{len(names)} columns"
        raise DataError(
            f"{path} has {what} {axis.upper()} (columns: {', '.join(map(str, table.columns))}):"
            " expected one X (column) and one Y (row), in pixels."
        )
    column = table[names[0]]
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    bad = np.flatnonzero(~np.isfinite(numbers))
    if bad.size:
        raise DataError(
            f"{path} has {bad.size} values in column {names[0]} that are no numbers, the first"
            f" {str(column.iloc[bad[0]])!r} in row {bad[0] + 1} of the table: correct the file."
        )
    return numbers.to_numpy()


def _check_inside(path, points, image):
    rows, columns = image.shape[-2:]
    x, y = points["x_px"], points["y_px"]
    outside = ~(x.between(-0.5, columns - 0.5) & y.between(-0.5, rows - 0.5))
    if not outside.any():
        return
    count, first = int(outside.sum()), int(outside.to_numpy().argmax())
    message = (
        f"{path} has {count} of {len(points)} points outside the image of {columns} x {rows}"
        f" pixels, the first at x={x.iloc[first]:g}, y={y.iloc[first]:g}"
    )
    if (x.between(-0.5, rows - 0.5) & y.between(-0.5, columns - 0.5)).all():
        advice = "all would be inside with X and Y exchanged: X is the column, Y the row"
    elif count > len(points) / 2:
        advice = (
            f"the points reach x={x.max():g}, y={y.max():g}, so they probably belong to an image"
            " of another size; pass the image they were marked on"
        )
    else:
        advice = "remove or correct them"
    raise DataError(f"{message}: {advice}.")
