"""What a report says about figures, tables and parameters, from notebooks made by hand."""

import json

import nbformat
import pandas as pd
import pytest

from helpers import report, results
from helpers.chapters import Parameter
from helpers.results import MIME

PARAMETERS = {
    "threshold": Parameter("threshold", "float", 0.0, "0..1"),
    "quick": Parameter("quick", "bool", False, "fewer images"),
}


def about(**changed):
    return {
        "chapter": "ch01", "title": "Atoms", "notebook": "ch01.ipynb", "cells": "your-data",
        "inputs": {}, "parameters": {"threshold": 0.0, "quick": False} | changed,
        "changed": changed, "started": "2026-01-01T00:00:00+00:00", "seconds": 1.0,
        "device": "cpu", "python": "3.11", "packages": {},
        "code": {"version": "0.1", "commit": None, "modified": None},
    }  # fmt: skip


def written(folder, data, metadata=None, cell_metadata=None, **changed):
    """Write the report of one output; return its page and its results."""
    output = nbformat.v4.new_output("display_data", data, metadata=metadata or {})
    cell = nbformat.v4.new_code_cell("", outputs=[output], metadata=cell_metadata or {})
    notebook = nbformat.v4.new_notebook(cells=[cell])
    report.write(folder, notebook, about(**changed), PARAMETERS)
    return (folder / "report.html").read_text(), json.loads((folder / "results.json").read_text())


@pytest.mark.parametrize("caption", ["Detections on the <image>.", ""])
def test_a_figure_keeps_its_caption_and_falls_back_on_its_alt_text(tmp_path, caption):
    shown = {"mystnb": {"figure": {"caption": caption}}} if caption else {}
    page, found = written(
        tmp_path, {"image/png": "iVBORw0KGgo="}, {"image/png": {"alt": "Dots on grey."}}, shown
    )
    assert 'alt="Dots on grey."' in page
    inside = page[page.index("<figcaption") : page.index("</figcaption")]
    expected = "1. Detections on the &lt;image&gt;." if caption else "1. Dots on grey."
    assert expected in inside and ("Dots" in inside) == (not caption)
    assert found["figures"][0]["caption"] == (caption or "Dots on grey.")


def test_a_quick_run_says_so_on_top(tmp_path):
    page, found = written(tmp_path, {"text/plain": ""}, quick=True)
    assert page.index("Read this first") < page.index("This was a quick run")
    assert found["notes"] == [{"text": report.QUICK, "level": "warning"}]
    (tmp_path / "full").mkdir()
    page, found = written(tmp_path / "full", {"text/plain": ""})
    assert "quick run" not in page and not found["notes"]


def test_methods_name_changed_parameters_only(tmp_path):
    written(tmp_path, {"text/plain": ""})
    paragraph = (tmp_path / "methods.md").read_text()
    assert "All parameters were at their defaults." in paragraph and "0.0" not in paragraph
    (tmp_path / "changed").mkdir()
    written(tmp_path / "changed", {"text/plain": ""}, threshold=0.6)
    paragraph = (tmp_path / "changed" / "methods.md").read_text()
    assert "Parameters set by the user: threshold = 0.6; all others" in paragraph
    assert "quick" not in paragraph


def test_a_table_brings_its_legend(tmp_path, monkeypatch):
    shown = {}
    monkeypatch.setattr(results, "emit", lambda kind, payload, *rest: shown.update(payload))
    values = pd.DataFrame({"value": [0.3]}, index=["nnd_mean_nm"])
    meanings = {"nnd_mean_nm": "mean <distance>", "nnd_p": "of a longer table"}
    results.table("arrangement", values, columns=meanings)
    page, _ = written(tmp_path, {MIME.format("table"): shown})
    assert "<code>nnd_mean_nm</code></dt> <dd>mean &lt;distance&gt;</dd>" in page
    assert "longer table" not in page


def test_a_table_says_on_its_page_what_rows_and_columns_mean(monkeypatch):
    shown = []
    monkeypatch.setattr(results, "emit", lambda kind, payload, html, text: shown.append(html))
    long = "mean distance of the nearest neighbour, of all atoms away from the edge"
    results.table("rows", pd.DataFrame({"value": [0.3]}, index=["d"]), columns={"d": long})
    results.table("columns", pd.DataFrame({"d": [0.3], "e": [1]}), columns={"d": "a < b", "f": "-"})
    assert f"<td>{long}</td>" in shown[0] and "a2s-legend" not in shown[0]
    assert '<p class="a2s-legend">d: a &lt; b</p>' in shown[1] and "meaning" not in shown[1]


def test_a_legend_follows_its_table_and_missing_numbers_are_dashes(tmp_path):
    about = {"name": "t", "csv": ",value,reason\nhigh,0.3,\nlow,,text\n"}
    about["columns"] = {"low": "least", "high": "most"}  # as a notebook sorts them: not like this
    page, _ = written(tmp_path, {MIME.format("table"): about})
    assert page.index("<dd>most") < page.index("<dd>least")
    assert '<td data-name="value" class="n">–</td>' in page
    assert '<td data-name="reason" class=""></td>' in page
