"""Keep the built site free of requests to other hosts."""

import re
import shutil
from importlib.resources import files
from pathlib import Path


def names_thebe(script):
    """Tell whether a script of the page is thebe's, by its file or its inline body."""
    body = getattr(script, "attributes", {}).get("body", "")
    return "thebe" in f"{getattr(script, 'filename', script)} {body}".lower()


def drop_thebe(app, pagename, templatename, context, doctree):
    """Leave out sphinx-thebe, which Jupyter Book always loads and which names a CDN."""
    scripts = context.get("script_files", [])
    context["script_files"] = [script for script in scripts if not names_thebe(script)]


def copy_anywidget(app, exception):
    """Put the module of the installed anywidget where the module loader of the page looks."""
    if exception is None and app.builder.format == "html":
        module = files("anywidget") / "nbextension" / "index.js"
        shutil.copyfile(str(module), Path(app.outdir, "_static", "offline", "anywidget.js"))


def drop_font_hints(app, exception):
    """Take out the theme's hints to load icon fonts early: a page opened from disk may not."""
    if exception is None and app.builder.format == "html":
        for page in Path(app.outdir).rglob("*.html"):
            text = page.read_text(encoding="utf-8")
            page.write_text(re.sub(r'<link rel="preload" as="font"[^>]*>', "", text), "utf-8")


def setup(app):
    """Connect after the theme has collected its scripts."""
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("build-finished", copy_anywidget)
    app.connect("build-finished", drop_font_hints)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
