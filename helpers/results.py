"""Results that travel in the notebook: headline numbers, tables and notes.

Each is shown to the reader and, in the same output, carried as data of its own MIME type, so that
the executed notebook is the one record of its results.
"""

import math
import os
import re
from html import escape
from numbers import Integral
from pathlib import Path

import pandas as pd
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display

MIME = "application/vnd.a2s.{}+json"
ROWS_SHOWN = 24
NONE = "–"  # for a value that there is not
KEPT = "A2S_FILES"  # environment variable by which a rerun names its folder for files


def number(name, value, unit="", spread=None, data="measured", label=""):
    """Show a headline number, record it, and glue it for the text.

    Parameters
    ----------
    name : str
        Key for the text; the spread is glued as ``<name>_spread``.
    value : float or int
        The number.
    unit : str
        Its unit, "" for a pure number.
    spread : float, optional
        Standard deviation.
    data : {"measured", "simulated"}
        What it was computed from.
    label : str
        What it is, in words; the name by default.
    """
    _check_name(name)
    check_data(data)
    value = _plain(value)
    text = f"{label or name}: {with_spread(value, spread, unit)} ({data})"
    payload = dict(name=name, value=value, unit=unit, spread=spread, data=data, label=label)
    emit("number", jsonable(payload), f'<p class="a2s-number">{escape(text)}</p>', text)
    _glue(name, value)
    if spread is not None:
        _glue(f"{name}_spread", _plain(spread))


def table(name, df, caption="", out="", columns=None):
    """Show the first rows of a table and record all of it.

    Parameters
    ----------
    name : str
        Name of the table and of its file.
    df : pandas.DataFrame
        Units in the column names.
    caption : str
        What the table holds.
    out : str or pathlib.Path
        Folder into which ``<name>.csv`` is written; none by default.
    columns : dict, optional
        Name of a column, or of a row, to what it means: the legend below the table, or a further
        column of what is shown. Names that the table lacks are left out.
    """
    _check_name(name)
    present = set(map(str, [*df.columns, *df.index]))
    legend = {key: meaning for key, meaning in (columns or {}).items() if key in present}
    index = not isinstance(df.index, pd.RangeIndex)
    csv = df.to_csv(index=index)
    shown = df.head(ROWS_SHOWN)
    more = f"First {len(shown)} of {len(df)} rows." if len(shown) < len(df) else ""
    words = f"{caption.rstrip('.')}. {more}".strip(". ") + "." if caption or more else ""
    look = dict(index=index, float_format="{:.4g}".format, na_rep=NONE)
    of_rows = [legend.get(str(row), "") for row in shown.index]
    of_columns = "; ".join(f"{name}: {legend[name]}" for name in df.columns if name in legend)
    told = shown.assign(meaning=of_rows) if any(of_rows) else shown
    with pd.option_context("display.max_colwidth", None):
        body = told.to_html(border=0, classes="a2s-table", **look)
    if of_columns:
        body += f'<p class="a2s-legend">{escape(of_columns)}</p>'
    lead = f'<p class="a2s-caption">{escape(words)}</p>' if words else ""
    text = shown.to_string(**look)
    html = f'{lead}<div class="a2s-wide">{body}</div>'
    payload = dict(name=name, caption=caption, csv=csv, columns=legend)
    emit("table", payload, html, f"{words}\n{text}")
    if out:
        folder = Path(out)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.csv").write_text(csv, encoding="utf-8")


def note(text, level="info"):
    """Show a banner and record it: data that are missing, an input unlike the training images.

    Parameters
    ----------
    text : str
        One or two sentences.
    level : {"info", "warning"}
        How the banner looks.
    """
    if level not in ("info", "warning"):
        raise ValueError(f"The level is 'info' or 'warning', not {level!r}.")
    look = "warning" if level == "warning" else "note"
    html = f'<div class="a2s-note admonition {look}" role="note"><p>{escape(text)}</p></div>'
    emit("note", dict(text=text, level=level), html, f"{level}: {text}")


def place(name, out=""):
    """Say where to write a result that is neither number, table nor figure.

    Parameters
    ----------
    name : str
        Name of the file.
    out : str or pathlib.Path
        Folder of a reader who asked for files. A rerun has one of its own, which comes first.

    Returns
    -------
    pathlib.Path or None
        None where nothing is to be written.
    """
    folder = os.environ.get(KEPT) or out
    if not folder:
        return None
    Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(folder) / name


def collect(notebook):
    """Gather what an executed notebook recorded.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        Executed notebook.

    Returns
    -------
    dict
        ``claims`` (list of dict with the fields of `Claim` and ``verdict``; an infinite or
        undefined number is None), ``numbers`` and ``tables`` (dicts by name, a later one replaces
        an earlier one), ``notes`` (list of dict).
    """
    found = dict(claims=[], numbers={}, tables={}, notes=[])
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            found["claims"] += data.get(MIME.format("claims"), [])
            for kind in ("number", "table"):
                if entry := data.get(MIME.format(kind)):
                    found[f"{kind}s"][entry["name"]] = entry
            if entry := data.get(MIME.format("note")):
                found["notes"].append(entry)
    return found


def with_spread(value, spread=None, unit=""):
    """Write a value with as many digits as its spread deserves, for example "0.671 ± 0.049".

    Parameters
    ----------
    value : float
        The value; without spread it gets three significant digits, whole numbers all of theirs.
    spread : float, optional
        Standard deviation, shown with two significant digits.
    unit : str
        Unit to append.

    Returns
    -------
    str
    """
    if value is None or not math.isfinite(value):
        text = "not available"
    elif spread is not None and math.isfinite(spread) and spread > 0:
        decimals = max(0, 1 - math.floor(math.log10(spread)))
        text = f"{value:.{decimals}f} ± {spread:.{decimals}f}"
    elif float(value).is_integer() or abs(value) >= 1000:
        text = f"{value:.0f}"
    else:
        text = f"{value:.3g}"
    return f"{text} {unit}".strip()


def check_data(data):
    """Refuse anything but "measured" and "simulated"."""
    if data not in ("measured", "simulated"):
        raise ValueError(f"data is 'measured' or 'simulated', not {data!r}.")


def _check_name(name):
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
        raise ValueError(f"{name!r} is no name: use letters, digits, '_' and '-'.")


def _plain(value):
    """Numpy scalars as Python numbers: their repr would end up in the text."""
    return int(value) if isinstance(value, Integral) else float(value)


def jsonable(value):
    """Plain Python containers and numbers; what JSON cannot say (infinity, NaN) becomes None."""
    if isinstance(value, dict):
        return {key: jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    if value is None or isinstance(value, (str, bool)):
        return value
    value = _plain(value)
    return value if math.isfinite(value) else None


def emit(kind, payload, html, text):
    """Display html (or text) with `payload` as data of the MIME type of `kind`."""
    if InteractiveShell.initialized():
        bundle = {MIME.format(kind): payload, "text/html": html, "text/plain": text}
        display(bundle, raw=True)
    else:
        print(text)


def _glue(name, value):
    """Hand a value to the text of the book; without MyST-NB there is no text to hand it to."""
    try:
        from myst_nb import glue
    except ImportError:
        return
    if InteractiveShell.initialized():
        glue(name, value, display=False)
