"""Turn an executed chapter into the files of a run: report, numbers, tables, figures, methods."""

import base64
import csv
import html
import io
import json
import math
import re
from importlib import resources

import jinja2

from helpers.results import MIME, NONE, ROWS_SHOWN, collect, with_spread

METHODS = MIME.format("methods")
QUICK = (
    "This was a quick run (quick = true): it takes short cuts, for tests and lessons. Its numbers"
    " are not those of the chapter's page, and not for use."
)
SLIM_COLUMNS, WIDE_COLUMNS = 5, 8
LONG = 40  # characters of a cell
FILES = "files"  # folder for what `helpers.results.place` is asked for


def write(folder, notebook, about, parameters):
    """Write everything that a run leaves beside its notebook.

    Parameters
    ----------
    folder : Path
        Where to write: ``report.html``, ``results.json``, ``provenance.json``, ``methods.md``,
        ``tables/*.csv`` and ``figures/*.png``. What stands in its folder ``files`` is listed.
    notebook : nbformat.NotebookNode
        The executed notebook; all results are taken from its outputs.
    about : dict
        Provenance of the run, as `helpers.runs.run` gathers it.
    parameters : dict
        Name -> `helpers.chapters.Parameter`.
    """
    found = collect(notebook)
    if about["parameters"].get("quick") is True:
        found["notes"].insert(0, {"text": QUICK, "level": "warning"})
    found["tables"] = _write_tables(folder / "tables", found["tables"])
    found["figures"] = _write_figures(folder / "figures", figures(notebook))
    found["files"] = sorted(f"{FILES}/{path.name}" for path in (folder / FILES).glob("*"))
    text, citations = methods(notebook, about)
    _write(folder / "methods.md", _markdown(text, citations))
    _write_json(folder / "provenance.json", about)
    _write_json(folder / "results.json", _results(found, about))
    _write(folder / "report.html", _page(found, about, parameters, text, citations))


def figures(notebook):
    """Collect the figures of a notebook.

    Returns
    -------
    list of dict
        ``name``, ``alt``, ``caption`` (of the cell; the alt text where it has none) and ``png``
        (bytes), in order.
    """
    found = []
    for cell in notebook.cells:
        caption = cell.metadata.get("mystnb", {}).get("figure", {}).get("caption", "")
        for data, metadata in _outputs(cell):
            if "image/png" in data:
                about = metadata.get("image/png", {})
                name, alt = about.get("name", ""), about.get("alt", "")
                png = base64.b64decode(data["image/png"])
                found.append({"name": name, "alt": alt, "caption": caption or alt, "png": png})
    return found


def methods(notebook, about):
    """Write the methods paragraph of a run, with the values that it used.

    Returns
    -------
    str, list of str
        The paragraph, and the citations, each once.
    """
    outputs = [data for cell in notebook.cells for data, _ in _outputs(cell)]
    emitted = [data[METHODS] for data in outputs if METHODS in data]
    citations = list(dict.fromkeys(c for e in emitted for c in e["citations"]))
    code, source = about["code"], about["inputs"].get("data")
    commit = f", commit {code['commit'][:10]}" if code["commit"] else ""
    commit += " with local changes" if code["modified"] else ""
    what = "The chapter's own data were analysed"
    if source:
        what = f"The file {source['path']} (SHA-256 {source['sha256'][:12]}...) was analysed"
    number = int(about["chapter"][2:])
    start = (
        f"{what} with chapter {number}, “{about['title']}”, of Atoms to Spectra"
        f" {code['version']}{commit}."
    )
    own = {k: v for k, v in about["parameters"].items() if k not in ("data", "out")}
    changed = [f"{k} = {_text(v)}" for k, v in own.items() if k in about["changed"]]
    end = "All parameters were at their defaults."
    if changed:
        rest = "; all others were at their defaults" if len(changed) < len(own) else ""
        end = f"Parameters set by the user: {', '.join(changed)}{rest}."
    parts = [start, *(e["text"].strip() for e in emitted), end if own else ""]
    return " ".join(p for p in parts if p), citations


def _outputs(cell):
    for output in cell.get("outputs", []):
        if "data" in output:
            yield output["data"], output.get("metadata", {})


def _results(found, about):
    return {
        "chapter": about["chapter"],
        "inputs": about["inputs"],
        "numbers": found["numbers"],
        "notes": found["notes"],
        "claims": found["claims"],
        "tables": [{k: t[k] for k in ("name", "caption", "rows", "file")} for t in found["tables"]],
        "figures": [
            {k: f[k] for k in ("name", "caption", "alt", "file")} for f in found["figures"]
        ],
        "files": found["files"],
    }


def _write_tables(folder, tables):
    folder.mkdir()
    written = []
    for name, emitted in tables.items():
        file = _file_name(folder, name, "table", ".csv")
        _write(folder / file, emitted["csv"])
        header, *rows = csv.reader(io.StringIO(emitted["csv"]))
        written.append(
            {
                "name": name,
                "caption": emitted.get("caption", ""),
                "legend": _legend(emitted.get("columns", {}), header, rows),
                "file": f"{folder.name}/{file}",
                "header": header,
                "rows": len(rows),
                "shown": _shown(rows[:ROWS_SHOWN]),
                "shape": _shape(header, rows[:ROWS_SHOWN]),
            }
        )
    return written


def _write_figures(folder, found):
    folder.mkdir()
    for number, figure in enumerate(found, 1):
        file = _file_name(folder, f"{number:02d}-{figure['name'] or 'figure'}", "figure", ".png")
        (folder / file).write_bytes(figure["png"])
        figure["file"] = f"{folder.name}/{file}"
        figure["source"] = "data:image/png;base64," + base64.b64encode(figure["png"]).decode()
    return found


def _file_name(folder, name, fallback, ending):
    """Name a file that stays in `folder` and is not there yet, whatever the notebook called it."""
    stem = re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII).strip(".-")[:80] or fallback
    file, count = stem + ending, 1
    while (folder / file).exists():
        count += 1
        file = f"{stem}-{count}{ending}"
    return file


def _shown(rows):
    """The cells of a table; a number that is missing among numbers is a dash."""
    columns = []
    for column in zip(*rows):
        cells = [_cell(text) for text in column]
        missing = (NONE, True) if any(number for _, number in cells) else ("", False)
        columns.append([missing if cell == ("", False) else cell for cell in cells])
    return list(zip(*columns))


def _legend(meanings, header, rows):
    """The meanings in the order of the table, which a notebook does not keep."""
    return {
        name: meanings[name] for name in [*header, *(row[0] for row in rows)] if name in meanings
    }


def _cell(text):
    """Value of a CSV cell as shown, and whether it is a number."""
    try:
        value = float(text)
    except ValueError:
        return text, False
    return (text if re.fullmatch(r"-?\d+", text) else f"{value:.4g}"), True


def _shape(header, rows):
    """How much room a table wants: "slim" fits a phone, "wide" fills a page of paper."""
    longest = max((len(_cell(text)[0]) for row in rows for text in row), default=0)
    if len(header) <= SLIM_COLUMNS and longest <= LONG:
        return "slim"
    return "wide" if len(header) >= WIDE_COLUMNS else ""


def _text(value):
    return value if isinstance(value, str) and value else repr(value)


def _markdown(text, citations):
    lines = ["# Methods", "", _escaped(text), ""]
    if citations:
        lines += ["## References", "", *(f"- {_escaped(c)}" for c in citations), ""]
    return "\n".join(lines)


def _escaped(text):
    """Text that a Markdown reader shows as it is: file names may hold HTML."""
    return html.escape(text, quote=False)


def _plain(value):
    """JSON has no NaN and no infinity: null."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write_json(path, value):
    _write(path, json.dumps(_plain(value), indent=1, allow_nan=False) + "\n")


def _write(path, text):
    # File names may hold bytes that are no text; they must not stop the report.
    path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def _page(found, about, parameters, text, citations):
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["unit"] = lambda unit: re.sub(
        r"\^(-?\d+)", lambda m: m[1].translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")), unit
    )
    environment.globals["with_spread"] = with_spread
    template = environment.from_string(
        resources.files("helpers").joinpath("report.html").read_text(encoding="utf-8")
    )
    check = next((t for t in found["tables"] if t["name"] == "input_check"), None)
    return template.render(
        long=LONG,
        about=about,
        parameters=parameters,
        check=check,
        notes=sorted(found["notes"], key=lambda note: note["level"] != "warning"),
        numbers=found["numbers"],
        figures=found["figures"],
        tables=[t for t in found["tables"] if t is not check],
        files=found["files"],
        claims=found["claims"] if about["cells"] == "all" else [],
        methods=text,
        citations=citations,
    )
