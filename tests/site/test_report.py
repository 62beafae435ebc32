"""The report of a run fits a phone and a sheet of paper, however wide its tables are."""

import nbformat
import pandas as pd
import pytest

from helpers import report
from helpers.chapters import Parameter
from helpers.results import MIME

LONG = "a_very_long_file_name_without_any_place_to_break_it_" * 3
ABOUT = {
    "chapter": "ch01", "title": "Single atoms", "notebook": "ch01.ipynb", "cells": "all",
    "inputs": {"data": {"path": f"{LONG}.tif", "sha256": "0" * 64, "bytes": 5}},
    "parameters": {"data": f"{LONG}.tif", "threshold": 0.5}, "changed": {"data": f"{LONG}.tif"},
    "started": "2026-01-01T00:00:00+00:00", "seconds": 1.0, "device": "cpu", "python": "3.11",
    "packages": {}, "code": {"version": "0.1", "commit": "0" * 40, "modified": False},
}  # fmt: skip
PARAMETERS = {
    "data": Parameter("data", "str", "", "path of a micrograph, and what it is when it is empty"),
    "threshold": Parameter("threshold", "float", 0.5, "0..1, likelihood"),
}
CLAIM = {
    "statement": "The network reaches its score.", "where": "text", "paper": "0.671 ± 0.049",
    "ours": 0.671, "spread": 0.049, "unit": "atoms/nm^2", "data": "measured",
    "verdict": "not checked: the thickness of the flakes is assumed",
}  # fmt: skip


@pytest.fixture
def page(tmp_path):
    """Address of a report with a slim, a wide and a wordy table."""
    tables = {
        "atoms": pd.DataFrame({name: [123.456] * 3 for name in ("x_px", "y_px", "x_nm", "y_nm")}),
        "scores": pd.DataFrame({f"precision_{i}": [0.12345] * 3 for i in range(12)}),
        "input_check": pd.DataFrame({"property": ["dose"], "reason": [f"{LONG} and more words"]}),
    }
    data = [
        {MIME.format("table"): {"name": name, "caption": name, "csv": table.to_csv(index=False)}}
        for name, table in tables.items()
    ]
    outputs = [
        nbformat.v4.new_output("display_data", one)
        for one in [*data, {MIME.format("claims"): [CLAIM]}]
    ]
    cell = nbformat.v4.new_code_cell("", outputs=outputs)
    report.write(tmp_path, nbformat.v4.new_notebook(cells=[cell]), ABOUT, PARAMETERS)
    return (tmp_path / "report.html").as_uri()


@pytest.mark.parametrize(("width", "media"), [(390, "screen"), (670, "print")])
def test_nothing_is_cut_or_scrolled_sideways(visit, page, width, media):
    visit.tab.set_viewport_size({"width": width, "height": 800})
    visit.tab.emulate_media(media=media)
    visit.open(page)
    cut = visit.tab.evaluate(
        """() => [...document.querySelectorAll("html, .scroll, td, th")]
            .filter((e) => e.scrollWidth > e.clientWidth + 1 || e.getBoundingClientRect().right
              > innerWidth + 1).map((e) => e.className + " " + e.textContent.slice(0, 40))"""
    )
    assert cut == []


def test_a_phone_reads_every_value_beside_its_name(visit, page):
    visit.tab.set_viewport_size({"width": 390, "height": 800})
    tab = visit.open(page)
    wide = tab.locator("table.wide td[data-name=precision_11]").first
    assert wide.evaluate("(e) => getComputedStyle(e, '::before').content") == '"precision_11"'
    assert tab.locator("table.slim thead").first.is_visible()
