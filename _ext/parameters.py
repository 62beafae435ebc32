"""`{parameters} ch01`: the table of a chapter's parameters, read from its notebook."""

from pathlib import Path

from sphinx.util.docutils import SphinxDirective
from tables import code, table

from helpers.chapters import Chapter


class Parameters(SphinxDirective):
    """Insert the table; the page is read again when the notebook changes."""

    required_arguments = 1

    def run(self):
        """Return the table, or report that the chapter declares no parameters."""
        name = self.arguments[0]
        for path in sorted(Path(self.env.srcdir, "book").glob(f"{name}_*.ipynb")):
            self.env.note_dependency(str(path))
            declared = Chapter(name, name, path).parameters().values()
            rows = [
                [code(p.name), code(p.type), code(repr(p.default)), p.comment] for p in declared
            ]
            if rows:
                return [table(["Parameter", "Type", "Default", "Meaning"], rows)]
        raise self.error(f"no notebook of {name} declares parameters")


def setup(app):
    """Register the directive."""
    app.add_directive("parameters", Parameters)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
