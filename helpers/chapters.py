"""The chapters of the book as notebooks with declared parameters."""

import ast
import io
import math
import re
import tokenize
from dataclasses import dataclass
from pathlib import Path

import nbformat

from helpers.registry import ROOT

BOOK = ROOT / "book"

_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class Refused(ValueError):
    """A run that cannot start; nothing was written."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a chapter: its name, declared type, default and trailing comment.

    `data`, and every text parameter whose comment begins with "path", names a file.
    """

    name: str
    type: str
    default: object
    comment: str = ""

    @property
    def is_path(self):
        """Whether the value names a file."""
        return self.name == "data" or "str" in self.type and self.comment.startswith("path")

    def convert(self, value):
        """Give `value` (text from a command line, or an object) in the declared type.

        Raises
        ------
        Refused
            The value cannot be read as that type.
        """
        text = str(value)
        kinds = re.findall(r"\w+", self.type)
        try:
            if text == "None" and ("None" in kinds or self.default is None):
                return None
            if "bool" in kinds:
                return _WORDS[text.lower()]
            if "int" in kinds:
                return int(text)
            if "float" in kinds:
                if not math.isfinite(float(text)):
                    raise ValueError
                return float(text)
        except (KeyError, ValueError):
            hint = " (true or false)" if "bool" in kinds else ""
            raise Refused(
                f"parameter {self.name} takes {self.type}{hint}, and {text!r} is not: "
                f"its default is {self.default!r}"
            ) from None
        return text


@dataclass(frozen=True)
class Chapter:
    """A chapter found in the book: short name (``ch01``), title and notebook file."""

    name: str
    title: str
    path: Path

    def read(self):
        """Return the notebook as an `nbformat.NotebookNode`."""
        return nbformat.read(self.path, as_version=4)

    def parameters(self):
        """Return the parameters that the notebook's ``parameters`` cell declares, by name.

        The cell is parsed, not executed. Papermill's own inspection reads it line by line and
        skips a line whose comment holds an equals sign.
        """
        source = next((c.source for c in self.read().cells if "parameters" in tags(c)), "")
        comments = {
            token.start[0]: token.string.lstrip("#").strip()
            for token in tokenize.generate_tokens(io.StringIO(source).readline)
            if token.type == tokenize.COMMENT
        }
        found = {}
        for node in ast.parse(source).body:
            if isinstance(node, ast.AnnAssign) and node.value is not None:
                target, kind = node.target, ast.unparse(node.annotation)
            elif isinstance(node, ast.Assign):
                target, kind = node.targets[0], ""
            else:
                continue
            try:
                default = ast.literal_eval(node.value)
            except ValueError:
                raise Refused(
                    f"{self.path.name}, parameter {target.id}: the default is no literal value"
                ) from None
            found[target.id] = Parameter(
                target.id, kind or type(default).__name__, default, comments.get(node.lineno, "")
            )
        return found


def tags(cell):
    """Return the tags of a notebook cell."""
    return cell.metadata.get("tags", [])


def in_book():
    """Return the chapters of the book, by short name, in the order of the book."""
    found = {}
    for path in sorted(BOOK.glob("ch[0-9][0-9]_*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
        heading = re.search(r"^# +(.+)$", text, re.MULTILINE)
        name = path.stem[:4]
        found[name] = Chapter(name, heading[1].strip() if heading else path.stem, path)
    return found
