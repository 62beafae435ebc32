"""Gather what the chapters found, from the outputs they were built from.

`{reproduction}` shows every chapter's claims, `{headlines}` one line per chapter. The results are
taken from each executed (or cached) notebook while its page is read, and the pages that show them
are written anew in every build, so neither can be older than the chapters.
"""

from functools import wraps
from html import escape

from docutils import nodes
from myst_nb.core.render import NbElementRenderer
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.util.docutils import SphinxDirective

from helpers.claims import claims_html, collect

OURS = "application/vnd.a2s."


class Gathered(nodes.General, nodes.Element):
    """Where the gathered results go; `kind` is the name of the directive."""


class Gather(SphinxDirective):
    """Leave a placeholder and remember that this page must follow the chapters."""

    def run(self):
        """Return the placeholder."""
        NbMetadataCollector.set_doc_data(self.env, self.env.docname, "gathers", True)
        return [Gathered(kind=self.name)]


def keep_results(render_nb_finalise):
    """Wrap the end of a notebook's rendering, where all its outputs are known."""

    @wraps(render_nb_finalise)
    def render(self, metadata):
        env, notebook = self.renderer.sphinx_env, self.renderer.nb_client.notebook
        found = collect(notebook)
        if found["claims"]:
            NbMetadataCollector.set_doc_data(env, env.docname, "results", found)
        return render_nb_finalise(self, metadata)

    render.keeps_results = True
    return render


def pass_over(render_unhandled):
    """Wrap the complaint about unknown kinds of output: ours are data, with nothing to draw."""

    @wraps(render_unhandled)
    def render(self, data):
        return [] if data.mime_type.startswith(OURS) else render_unhandled(self, data)

    return render


def results(env):
    """Chapters and their results, by page name, in the order of the book."""
    known = NbMetadataCollector.get_doc_data(env)
    return {page: known[page]["results"] for page in sorted(known) if "results" in known[page]}


def gathering_pages(app, env):
    """Pages to write again in every build."""
    known = NbMetadataCollector.get_doc_data(env)
    return [page for page in known if "gathers" in known[page]]


def link(app, here, page, text, anchor=""):
    """Link from one page to another."""
    uri = app.builder.get_relative_uri(here, page) + anchor
    return nodes.reference(text, text, refuri=uri, internal=True)


def tally(claims):
    """How many claims hold, do not hold, and were not checked, in words."""
    verdicts = [claim["verdict"] for claim in claims]
    hold, fail = verdicts.count("holds"), verdicts.count("does not hold")
    unchecked = len(verdicts) - hold - fail
    words = f"of {len(verdicts)} claims compared, {hold} hold here and {fail} do not"
    return f"{words}; {unchecked} not checked." if unchecked else f"{words}."


def claims_table(app, here, page, claims):
    """The chapter's own table, with each statement leading to its place in the chapter."""
    uri = app.builder.get_relative_uri(here, page)

    def statement(claim):
        target = escape(f"{uri}#claim-{claim['id']}")
        return f'<a class="reference internal" href="{target}">{escape(claim["statement"])}</a>'

    return nodes.raw("", claims_html(claims, statement), format="html")


def fill_in(app, doctree, docname):
    """Replace the placeholders of a page that is about to be written."""
    for place in list(doctree.findall(Gathered)):
        content = []
        for page, found in results(app.env).items():
            title = link(app, docname, page, app.env.titles[page].astext())
            line = nodes.Text(f": {tally(found['claims'])}")
            content.append(nodes.paragraph("", "", title, line))
            if place["kind"] == "reproduction":
                content.append(claims_table(app, docname, page, found["claims"]))
                notes = [nodes.paragraph(text=note["text"]) for note in found["notes"]]
                content += [nodes.note("", note) for note in notes]
        place.replace_self(content or nodes.paragraph(text="No chapter has reported a claim."))


def setup(app):
    """Register the directives; wrap MyST-NB once per process."""
    if not getattr(NbElementRenderer.render_nb_finalise, "keeps_results", False):
        NbElementRenderer.render_nb_finalise = keep_results(NbElementRenderer.render_nb_finalise)
        NbElementRenderer.render_unhandled = pass_over(NbElementRenderer.render_unhandled)
    app.add_node(Gathered)
    app.add_directive("reproduction", Gather)
    app.add_directive("headlines", Gather)
    app.connect("env-get-updated", gathering_pages)
    app.connect("doctree-resolved", fill_in)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
