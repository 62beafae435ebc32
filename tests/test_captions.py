"""The caption of a cell that shows a picture and numbers, in a page that Sphinx makes of it."""

import base64
import io
import sys
from pathlib import Path

import nbformat
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "_ext"))
pytest.importorskip("myst_nb", reason="the book's tools are not installed")
from sphinx.application import Sphinx

CONFIG = """
extensions = ["myst_nb", "captions"]
nb_execution_mode = "off"
suppress_warnings = ["myst.domains"]
"""


@pytest.fixture
def build(tmp_path):
    """A function that builds a page of one cell with these outputs; returns page and warnings."""

    def page(outputs, metadata):
        (tmp_path / "conf.py").write_text(CONFIG)
        cell = nbformat.v4.new_code_cell("1", outputs=outputs, metadata=metadata, execution_count=1)
        text = nbformat.v4.new_markdown_cell("# Page\n\nSee [](#fig-a).")
        notebook = nbformat.v4.new_notebook(cells=[text, cell])
        notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "python"}
        nbformat.write(notebook, tmp_path / "index.ipynb")
        warnings = io.StringIO()
        folders = (tmp_path, tmp_path, tmp_path / "html", tmp_path / "trees")
        Sphinx(*map(str, folders), "html", status=None, warning=warnings).build()
        return (tmp_path / "html" / "index.html").read_text(), warnings.getvalue()

    return page


def shown(**data):
    """One displayed output."""
    return nbformat.v4.new_output(
        "display_data", data={k.replace("_", "/"): v for k, v in data.items()}
    )


def test_only_the_picture_is_a_figure(build):
    png = io.BytesIO()
    Image.new("L", (4, 4)).save(png, "png")
    outputs = [
        shown(text_html="<p>first number</p>"),
        shown(image_png=base64.b64encode(png.getvalue()).decode()),
        shown(text_html="<p>second number</p>"),
    ]
    metadata = {"mystnb": {"figure": {"caption": "What it shows.", "name": "fig-a"}}}
    page, warnings = build(outputs, metadata)
    assert page.count("<figure") == page.count("<figcaption") == page.count('id="fig-a"') == 1
    figure = page[page.index("<figure") : page.index("</figure>")]
    assert "<img" in figure and "number" not in figure
    places = [page.index(text) for text in ("first number", "<figure", "second number")]
    assert places == sorted(places)
    assert "Duplicate" not in warnings and "WARNING" not in warnings, warnings
