"""Docutils tables from rows of text or nodes, for the directives in this folder."""

from docutils import nodes


def table(headings, body, classes=()):
    """Table with a heading row; a cell is text or a node, a row may be `(cells, class)`."""
    group = nodes.tgroup(cols=len(headings))
    group += [nodes.colspec(colwidth=1) for _ in headings]
    head = nodes.thead("", _row(headings))
    group += [head, nodes.tbody("", *[_row(line) for line in body])]
    return nodes.container("", nodes.table("", group, classes=list(classes)), classes=["a2s-wide"])


def code(text):
    """Text set as code."""
    return nodes.literal(text, text)


def _row(line):
    cells, look = line if isinstance(line, tuple) else (line, None)
    row = nodes.row(classes=[look] if look else [])
    for cell in cells:
        inner = cell if isinstance(cell, nodes.Node) else nodes.Text(cell)
        row += nodes.entry("", nodes.paragraph("", "", inner))
    return row
