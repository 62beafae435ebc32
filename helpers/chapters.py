"""The chapters of the book as notebooks with declared parameters."""

import ast
import io
import math
import re
import tokenize
from dataclasses import dataclass
from pathlib import Path

import nbformat
from ase.data import chemical_symbols

from helpers.registry import ROOT

BOOK = ROOT / "book"

_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class Refused(ValueError):
    """A run that cannot start; nothing was written."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a chapter: its name, declared type, default and trailing comment.

    `data`, and every text parameter whose comment begins with "path", names a file; one that may
    hold several frames says "video", one with a spectrum in every pixel "spectrum image". What
    values are allowed stands in the comment too: "one of a, b or c", "0..1", "0 or more", or, at
    its beginning, "symbols" (of different elements).
    """

    name: str
    type: str
    default: object
    comment: str = ""

    @property
    def is_path(self):
        """Whether the value names a file."""
        return self.name == "data" or "str" in self.type and self.comment.startswith("path")

    @property
    def is_video(self):
        """Whether the file may hold several frames."""
        return self.is_path and "video" in self.comment

    @property
    def is_spectrum_image(self):
        """Whether the file holds a spectrum image."""
        return self.name == "data" and "spectrum image" in self.comment

    @property
    def choices(self):
        """The allowed values, or an empty list."""
        listed = re.search(r"\bone of ([^;]+)", self.comment)
        return re.split(r", | or ", listed[1]) if listed else []

    @property
    def limits(self):
        """Lowest and highest allowed value."""
        number = r"(-?\d+(?:\.\d+)?)"
        stated = re.search(rf"{number}(?:\.\.{number}| or more)", self.comment)
        return (float(stated[1]), float(stated[2] or "inf")) if stated else (-math.inf, math.inf)

    def convert(self, value):
        """Give `value` (text from a command line, or an object) in the declared type.

        Raises
        ------
        Refused
            The value cannot be read as that type, or is not an allowed one.
        """
        value = self._typed(str(value))
        low, high = self.limits
        if (
            (self.choices and value not in self.choices)
            or (isinstance(value, int | float) and not low <= value <= high)
            or (self.comment.startswith("symbols") and not _are_elements(value))
        ):
            raise Refused(f"parameter {self.name} is {value!r}: expected {self.comment}")
        return value

    def _typed(self, text):
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


def _are_elements(text):
    """Whether a text is a list of symbols of different elements, or empty."""
    named = [name.strip() for name in text.split(",")] if text.strip() else []
    return len(set(named)) == len(named) and set(named) <= set(chemical_symbols[1:])


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


def check(name, values):
    """Check the parameters of a chapter inside it, for those who run it without ``a2s``.

    Parameters
    ----------
    name : str
        Short name, such as ``ch01``.
    values : dict
        ``globals()`` of the notebook.

    Raises
    ------
    Refused
        See `Parameter.convert`.
    """
    for parameter in in_book()[name].parameters().values():
        parameter.convert(values[parameter.name])


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
