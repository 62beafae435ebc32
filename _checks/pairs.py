"""Generate every chapter's notebook from its text, or check that the two still agree.

    python _checks/pairs.py          write book/chNN_*.ipynb from book/chNN_*.py
    python _checks/pairs.py --check  name each difference and exit with 1

One way only, text to notebook. The notebook carries no outputs, and its cell ids are numbered, so
that the same text gives the same bytes.
"""

import sys
from pathlib import Path

import jupytext
import nbformat

BOOK = Path(__file__).resolve().parents[1] / "book"
KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def sources(book=BOOK):
    """Return the chapters' text files, in the order of the book."""
    return sorted(book.glob("ch[0-9][0-9]_*.py"))


def generate(source):
    """Return the notebook of a text file, as an `nbformat.NotebookNode` without outputs."""
    notebook = jupytext.read(source)
    notebook.metadata = nbformat.from_dict(KERNEL)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        cell.id = f"{source.stem}-{number}"
        cell.metadata.pop("lines_to_next_cell", None)
    return notebook


def write(source):
    """Write the notebook beside its text; return its path."""
    path = source.with_suffix(".ipynb")
    path.write_text(nbformat.writes(generate(source)) + "\n", encoding="utf-8")
    return path


def differences(source):
    """Return one sentence for each way in which the notebook is not what its text says."""
    path = source.with_suffix(".ipynb")
    if not path.exists():
        return [f"{path.name} is missing: run `make pairs`"]
    notebook, wanted = nbformat.read(path, as_version=4), generate(source)
    found = []
    for cell in notebook.cells:
        if cell.get("outputs") or cell.get("execution_count"):
            found.append(f"{path.name}: cell {cell.get('id')} holds outputs; they stay out of git")
    if len(notebook.cells) != len(wanted.cells):
        cells = f"{len(notebook.cells)} cells, its text {len(wanted.cells)}"
        return [*found, f"{path.name} has {cells}: run `make pairs`"]
    for ours, theirs in zip(notebook.cells, wanted.cells, strict=True):
        for part in ("id", "cell_type", "source", "metadata"):
            if ours.get(part) != theirs.get(part):
                found.append(f"{path.name}: {part} of cell {theirs.id} differs from the text")
    if notebook.metadata != wanted.metadata:
        found.append(f"{path.name}: metadata differ from the generated ones")
    return found


def main(arguments):
    """Write the pairs, or with --check report what differs; return the exit status."""
    if arguments not in ([], ["--check"]):
        print(__doc__)
        return 2
    if arguments:
        found = [line for source in sources() for line in differences(source)]
        print("\n".join(found) or "Notebooks and texts agree.")
        return 1 if found else 0
    for source in sources():
        print(write(source))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
