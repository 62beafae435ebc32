"""Small books built with the real configuration and extensions: cache, links, what is gathered."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from built import ROOT

CELLS = [
    "from helpers import claims\nfrom helpers.atoms import evaluate\nimport pathlib",
    "quick: bool = False  # finish in a minute",
    "ours = 0.7 if {strong} else 0.1\n"
    "claims.show_claims([claims.Claim('T1', 'It works', 'p. 1', '0.7', ours, None, '', 'simulated',"
    " (0.6, 0.8), (0, 1), 'a test')])",
    "with pathlib.Path('executions').open('a') as file:\n    file.write('x')",
]


class Book:
    """A one-chapter book in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("_config.yml", "_ext", "book/_assets", "book/references.bib"):
            source, target = ROOT / name, folder / name
            target.parent.mkdir(exist_ok=True)
            (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
        for name in ("data.py", "atoms/detect.py", "plasmons/spectra.py"):
            self.write(f"helpers/{name}", "# one\n")
        self.write("data/ch01/weights.txt", "one")
        self.write("requirements.txt", "")
        self.write(
            "_toc.yml", "format: jb-book\nroot: book/index\nchapters: [{file: book/ch01_x}]\n"
        )
        self.write(
            "book/index.md", "# Front\n\n```{reproduction}\n```\n\n```{parameters} ch01\n```\n"
        )
        self.chapter(strong=True)

    def write(self, name, text):
        """Write a file below the book's folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def chapter(self, strong):
        """Write the notebook."""
        cells = [nbformat.v4.new_markdown_cell("# Chapter")]
        cells += [
            nbformat.v4.new_code_cell(code.replace("{strong}", str(strong))) for code in CELLS
        ]
        cells[2].metadata["tags"] = ["parameters"]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), self.folder / "book/ch01_x.ipynb")

    def build(self, **environment):
        """Build as `make book` does; return how often the chapter has been executed by now."""
        command = [str(Path(sys.executable).with_name("jupyter-book")), "build", "."]
        done = subprocess.run(
            [*command, "-W", "-n", "--keep-going"], cwd=self.folder, capture_output=True, text=True,
            env={**os.environ, "A2S_REPOSITORY": "", **environment},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return self.executions

    @property
    def executions(self):
        """How often the chapter has been executed by now."""
        return len((self.folder / "book/executions").read_text())

    def page(self, name):
        """Text of a built page."""
        return (self.folder / "_build/html/book" / name).read_text()


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """One book for all tests here, built once already."""
    book = Book(tmp_path_factory.mktemp("book"))
    assert book.build() == 1
    return book


def test_unchanged_book_executes_nothing(book):
    assert book.executions == 1
    assert book.build() == 1


@pytest.mark.parametrize(
    "name",
    ["helpers/data.py", "helpers/atoms/detect.py", "data/ch01/weights.txt", "requirements.txt"],
)
def test_change_of_an_input_executes_the_chapter_again(book, name):
    before = book.executions
    book.write(name, "changed\n")
    assert book.build() == before + 1


@pytest.mark.parametrize("name", ["helpers/plasmons/spectra.py", "data/ch02/weights.txt"])
def test_change_of_another_room_executes_nothing(book, name):
    before = book.executions
    book.write(name, "changed\n")
    assert book.build() == before


def test_cached_chapter_keeps_its_claims(book):
    shutil.rmtree(book.folder / "_build" / "html")
    shutil.rmtree(book.folder / "_build" / ".doctrees", ignore_errors=True)
    before = book.executions
    assert book.build() == before
    assert 'class="a2s-holds"' in book.page("index.html")


def test_gathered_page_follows_the_chapter(book):
    assert 'class="a2s-holds"' in book.page("index.html")
    book.chapter(strong=False)
    book.build()
    assert 'class="a2s-fails"' in book.page("index.html")
    assert "of 1 claims compared, 0 hold here and 1 do not" in book.page("index.html")


def test_parameters_table_is_that_of_the_notebook(book):
    row = re.search(r"<tr[^>]*>(?:(?!</tr>).)*quick.*?</tr>", book.page("index.html"), re.S).group()
    for text in ("bool", "False", "finish in a minute"):
        assert text in row


def test_links_appear_with_a_repository_and_only_then(book):
    links = ("mybinder.org", "colab.research.google.com", "github.com/someone/some-book")
    assert not any(link in book.page("ch01_x.html") for link in links)
    book.write("book/index.md", (book.folder / "book/index.md").read_text() + "\n")
    book.build(A2S_REPOSITORY="https://github.com/someone/some-book")
    page = book.page("ch01_x.html")
    assert (
        "https://mybinder.org/v2/gh/someone/some-book/main?urlpath=lab/tree/book/ch01_x.ipynb"
        in page
    )
    assert (
        "https://colab.research.google.com/github/someone/some-book/blob/main/book/ch01_x.ipynb"
        in page
    )
    assert "https://github.com/someone/some-book" in page
