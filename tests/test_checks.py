"""The checks of the chapters find what they promise to find, and nothing in a good chapter."""

import sys
from pathlib import Path

import nbformat
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "_checks"))

import chapter_lint
import pairs

CARD = ":::{admonition} The paper\n:class: paper\nIts F1 is 0.671.\n:::"
GOOD_BOX = ":::{admonition} Departure from the paper\n:class: departure\nWe crop: F1 0.61.\n:::"


def markdown(text, tags=""):
    """Markdown cell in the percent format."""
    return f"# %% [markdown]{tags}\n" + "\n".join(f"# {line}".rstrip() for line in text.split("\n"))


def code(text, *tags):
    """Code cell in the percent format."""
    header = "# %%" + (f" tags={list(tags)}".replace("'", '"') if tags else "")
    return f"{header}\n{text}"


def chapter(folder, extra=(), sections=chapter_lint.SECTIONS, cells=20, parameters=None):
    """Write a chapter that keeps to the template, with `extra` cells last; return its path."""
    parts = [markdown(f"# Title\n\n{CARD}\n\n{GOOD_BOX}")]
    parts += [markdown(f"## {name}") for name in sections]
    parts.append(code(parameters or "quick: bool = False  # finish in a minute", "parameters"))
    for number in range(cells - 1):
        parts += [markdown(f"Step {number}."), code(f"x{number} = {number}")]
    path = folder / "ch07_example.py"
    path.write_text("\n\n".join([*parts, *extra]) + "\n", encoding="utf-8")
    return path


def test_good_chapter_has_no_fault(tmp_path):
    assert chapter_lint.faults(chapter(tmp_path)) == []


LONG = "\n".join(f"y{i} = {i}" for i in range(26))
FAULTY = {
    "unknown tag": [markdown("Text."), code("a = 1", "fancy")],
    "26 visible lines": [markdown("Text."), code(LONG)],
    "a line of 104 characters": [markdown("Text."), code("a = '" + 98 * "b" + "'")],
    "two code cells in a row": [markdown("Text."), code("a = 1"), code("b = 2")],
    "show() without alt text": [markdown("Text."), code("figures.show(fig)")],
    "without alt": [markdown("Text."), code("figures.show(fig, alt='')")],
    "a removed cell makes a number": [markdown("T."), code("claims.number('n', 1)", "remove-cell")],
    "'F1 reaches 0.71'": [markdown("Here F1 reaches 0.71.")],
    "'recall of 80 %'": [markdown("It has a recall of 80 % here.")],
    "'0.63 precision'": [markdown("| method | result |\n|---|---|\n| ours | 0.63 precision |")],
    "a departure outside its box": [markdown("We depart from the paper: no crops.")],
    "a departure without": [markdown(":::{admonition} Departure from the code\nx\n:::")],
}


@pytest.mark.parametrize("fault", FAULTY)
def test_fault_is_found_and_is_the_only_one(tmp_path, fault):
    found = chapter_lint.faults(chapter(tmp_path, FAULTY[fault]))
    assert len(found) == 1 and fault in found[0], found


ALLOWED = [
    [markdown("Text."), code(LONG, "paper-idea")],
    [markdown("Text."), code(LONG, "hide-input")],
    [markdown("Text."), code("a = 1"), code("plot(a)", "hide-input")],
    [markdown("Text."), code("figures.show(fig, alt='A micrograph.')")],
    [markdown("Text."), code("figures.show(fig, f'{n} atoms')")],
    [markdown("> The paper's F1 is 0.671.")],
    [markdown("F1 is {glue:text}`f1:.3f` at the paper's threshold.")],
    [markdown("| method | paper | ours |\n|---|---|---|\n| CNN | F1 0.671 | {glue}`f1` |")],
    [markdown("A likelihood of 0.89, and version 2.71 of the code.")],
]


@pytest.mark.parametrize("cells", ALLOWED)
def test_what_the_template_allows_is_no_fault(tmp_path, cells):
    assert chapter_lint.faults(chapter(tmp_path, cells)) == []


def test_missing_and_misplaced_sections(tmp_path):
    without = [name for name in chapter_lint.SECTIONS if name != "Explore"]
    assert chapter_lint.faults(chapter(tmp_path, sections=without)) == [
        "section 'Explore' is missing"
    ]
    swapped = chapter_lint.SECTIONS[:]
    swapped[2], swapped[3] = swapped[3], swapped[2]
    (fault,) = chapter_lint.faults(chapter(tmp_path, sections=swapped))
    assert "too early" in fault


def test_number_of_cells_is_a_remark(tmp_path):
    few = chapter(tmp_path, cells=19)
    assert chapter_lint.faults(few) == []
    (remark,) = chapter_lint.remarks(pairs.generate(few).cells)
    assert "19 code cells" in remark
    assert chapter_lint.main([str(few)]) == 0
    assert list(chapter_lint.remarks(pairs.generate(chapter(tmp_path)).cells)) == []


@pytest.mark.parametrize("line", ["n = 5  # atoms", "n: int = 5"])
def test_parameters_need_type_and_comment(tmp_path, line):
    (fault,) = chapter_lint.faults(chapter(tmp_path, parameters=line))
    assert "parameter without type or comment" in fault


def test_notebook_is_generated_byte_for_byte_and_agrees(tmp_path):
    source = chapter(tmp_path)
    path = pairs.write(source)
    first = path.read_bytes()
    assert pairs.write(source).read_bytes() == first
    assert pairs.differences(source) == []
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert [cell.id for cell in notebook.cells[:2]] == ["ch07_example-0", "ch07_example-1"]
    assert notebook.cells[18].metadata.tags == ["parameters"]


def change_source(notebook):
    notebook.cells[-1].source = "drifted = True"


def change_tags(notebook):
    notebook.cells[-1].metadata["tags"] = ["hide-input"]


def change_type(notebook):
    notebook.cells[0] = nbformat.v4.new_code_cell(notebook.cells[0].source, id=notebook.cells[0].id)


def add_output(notebook):
    notebook.cells[-1].outputs = [nbformat.v4.new_output("stream", text="42")]


def drop_cell(notebook):
    notebook.cells.pop()


@pytest.mark.parametrize(
    "change, word",
    [
        (change_source, "source of cell"),
        (change_tags, "metadata of cell"),
        (change_type, "cell_type of cell"),
        (add_output, "holds outputs"),
        (drop_cell, "cells, its text"),
    ],
)
def test_drifted_pair_is_noticed(tmp_path, change, word):
    source = chapter(tmp_path)
    path = pairs.write(source)
    notebook = nbformat.read(path, as_version=4)
    change(notebook)
    nbformat.write(notebook, path)
    assert any(word in line for line in pairs.differences(source))


def test_missing_notebook_is_noticed(tmp_path):
    assert "is missing" in pairs.differences(chapter(tmp_path))[0]


def test_check_mode_fails_on_drift(tmp_path, monkeypatch, capsys):
    source = chapter(tmp_path)
    monkeypatch.setattr(pairs, "sources", lambda: [source])
    assert pairs.main(["--check"]) == 1
    assert pairs.main([]) == 0
    assert pairs.main(["--check"]) == 0
    assert "agree" in capsys.readouterr().out
