"""Check the chapters against the template that CONTRIBUTING.md describes.

python _checks/chapter_lint.py [book/chNN_slug.py ...]    all chapters by default

Prints one line per fault and exits with 1 if there is any; remarks do not fail.
"""

import ast
import re
import sys
from pathlib import Path

from pairs import generate, sources

SECTIONS = [
    "At a glance", "Before you start", "Setup", "Parameters", "The measurement", "The idea",
    "The method", "Train or load", "Results", "Does it hold", "Explore", "Where it breaks",
    "Use it on your own data", "Exercises", "Summary", "References", "Provenance",
]  # fmt: skip
HIDING = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
TAGS = HIDING | {
    "parameters", "hide-output", "raises-exception", "skip-execution", "claims", "solution",
    "your-data", "paper-idea",
}  # fmt: skip
CODE_CELLS = (20, 45)
VISIBLE_LINES = 25
IDEA_LINES = 40  # in a cell tagged paper-idea, where the code is the paper's contribution
LINE_LENGTH = 100

METRIC = r"(?:\bF1\b|\bprecision\b|\brecall\b|\baccuracy\b|\bAUC\b)"
NUMBER = r"(?<![\w.{])(?:0\.\d{2,}|1\.0+|\d{1,3}(?:\.\d+)?\s?%)"
NEAR = re.compile(f"{METRIC}[^.!?\n]{{0,40}}?{NUMBER}|{NUMBER}[^.!?\n]{{0,40}}?{METRIC}", re.I)
FENCE = re.compile(r"^(:{3,}|`{3,})\{([\w-]+)\}[^\n]*\n(.*?)^\1\s*$", re.M | re.S)
DEPARTS = re.compile(
    r"(?:depart(?:s|ed|ing)? from|unlike|instead of) the (?:paper|published)", re.I
)


def text_of(cells):
    """Join the Markdown cells."""
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def tags(cell):
    """Return the tags of a cell as a set."""
    return set(cell.metadata.get("tags", []))


def section_faults(cells):
    """Look for the sections of the template, in their order; others may come between."""
    text = re.sub(r"^(```|~~~).*?^\1", "", text_of(cells), flags=re.M | re.S)
    headings = re.findall(r"^## +(.+)$", text, re.M)
    place = -1
    for wanted in SECTIONS:
        later = [
            i for i, heading in enumerate(headings) if heading.lower().startswith(wanted.lower())
        ]
        if not later:
            yield f"section '{wanted}' is missing"
        elif later[0] < place:
            yield f"section '{wanted}' comes too early: the order is that of the template"
        else:
            place = later[0]
    if len(re.findall(r"^# +\S", text, re.M)) != 1:
        yield "a chapter has exactly one title"
    if not box_of(cells, "paper"):
        yield "the paper card is missing: an admonition with `:class: paper`"


def box_of(cells, name):
    """Return the admonitions of a class."""
    boxes = [match.group(3) for match in FENCE.finditer(text_of(cells))]
    return [box for box in boxes if re.search(rf"^:class:.*\b{name}\b", box, re.M)]


def cell_faults(cells):
    """Check length and tags of the code cells, and that text stands between them."""
    code = [cell for cell in cells if cell.cell_type == "code"]
    if sum("parameters" in tags(cell) for cell in code) != 1:
        yield "exactly one cell is tagged parameters"
    for cell in cells:
        if unknown := tags(cell) - TAGS:
            yield f"{cell.id}: unknown tag {', '.join(sorted(unknown))}"
    for cell in code:
        lines = cell.source.splitlines()
        limit = IDEA_LINES if "paper-idea" in tags(cell) else VISIBLE_LINES
        if len(lines) > limit and not tags(cell) & HIDING:
            yield f"{cell.id}: {len(lines)} visible lines, at most {limit}"
        for line in lines:
            if len(line) > LINE_LENGTH:
                yield f"{cell.id}: a line of {len(line)} characters, at most {LINE_LENGTH}"
    for before, after in zip(cells, cells[1:], strict=False):
        if before.cell_type == after.cell_type == "code" and not HIDING & (
            tags(before) | tags(after)
        ):
            yield f"{after.id}: two code cells in a row with no text between them"


def parameter_faults(cells):
    """Every parameter is annotated and says in a comment what it is."""
    for cell in cells:
        if "parameters" in tags(cell):
            for line in cell.source.splitlines():
                if not re.match(r"#|\s*$|\w+ *: *[\w\[\]| .]+ = .+  # \S", line):
                    yield f"{cell.id}: parameter without type or comment: {line.strip()}"


def calls(cell):
    """Return the calls in a code cell as (name, node)."""
    source = re.sub(r"^[%!].*$", "", cell.source, flags=re.M)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            yield name, node


def call_faults(cells):
    """Figures have alternative text; numbers that the text quotes stay on the page."""
    for cell in (cell for cell in cells if cell.cell_type == "code"):
        for name, node in calls(cell):
            if name == "show" and not has_alt(node):
                yield f"{cell.id}: show() without alt text"
            if name in ("number", "glue") and "remove-cell" in tags(cell):
                yield f"{cell.id}: a removed cell makes a number that the text may quote"


def has_alt(call):
    """Tell whether a call of `show` gives non-empty alternative text."""
    given = [keyword.value for keyword in call.keywords if keyword.arg == "alt"] or call.args[1:2]
    return bool(given) and not (isinstance(given[0], ast.Constant) and not given[0].value)


def prose_faults(cells):
    """Performance numbers come from code, departures stand in their boxes."""
    for cell in (cell for cell in cells if cell.cell_type == "markdown"):
        prose = FENCE.sub(lambda box: "" if quoted(box) else box.group(3), cell.source)
        prose = re.sub(r"^>.*$", "", prose, flags=re.M)
        prose = re.sub(r"(?:^\|.*\bpaper\b.*\n)(?:^\|.*\n?)+", "", prose, flags=re.M | re.I)
        prose = re.sub(r"\{glue[:\w]*\}`[^`]*`", "GLUED", prose)
        prose = re.sub(r"\$[^$]*\$|`[^`]*`", "", prose)
        for match in NEAR.finditer(prose):
            sentence = " ".join(match.group().split())
            yield f"{cell.id}: a number in prose that does not come from code: '{sentence}'"
        if match := DEPARTS.search(prose):
            yield f"{cell.id}: a departure outside its box: '{match.group()}'"
    for box in FENCE.finditer(text_of(cells)):
        title = box.group().splitlines()[0]
        if "departure" in title.lower() and not re.search(
            r"^:class:.*departure", box.group(), re.M
        ):
            yield f"a departure without `:class: departure`: {title}"


def quoted(box):
    """Tell whether a box reports the paper's words and numbers, or a departure with its effect."""
    return re.search(r"^:class:.*\b(?:paper|departure)\b", box.group(3), re.M) is not None


def remarks(cells):
    """Say what is unusual, but for the author to decide."""
    code = sum(cell.cell_type == "code" for cell in cells)
    if not CODE_CELLS[0] <= code <= CODE_CELLS[1]:
        yield f"{code} code cells, where {CODE_CELLS[0]} to {CODE_CELLS[1]} are usual"


def faults(source):
    """Return every fault of one chapter's text file."""
    cells = generate(Path(source)).cells
    checks = (section_faults, cell_faults, parameter_faults, call_faults, prose_faults)
    return [fault for check in checks for fault in check(cells)]


def main(arguments):
    """Check the named chapters, or all; return the exit status."""
    chapters = [Path(name) for name in arguments] or sources()
    found = [f"{chapter.name}: {fault}" for chapter in chapters for fault in faults(chapter)]
    for chapter in chapters:
        for remark in remarks(generate(chapter).cells):
            print(f"{chapter.name}: remark: {remark}")
    print("\n".join(found) or f"{len(chapters)} chapter(s) keep to the template.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
