"""Where the built site is, what pages it has, and a browser tab that keeps accounts."""

import importlib.resources
import json
import os
import shutil
from pathlib import Path

import pytest
from ipywidgets.embed import dependency_state, embed_data

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Explorer</title>
<script src="offline/require.js"></script><script src="offline/require-config.js"></script>
<script src="offline/embed-amd.js"></script></head><body>
<script type="application/vnd.jupyter.widget-state+json">{state}</script>
<script type="application/vnd.jupyter.widget-view+json">{view}</script></body></html>"""


def needed(condition, reason):
    """Skip with the reason, but fail where the site must have been built."""
    if not condition:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)


def pages():
    """Every page of the built site, as path below its root."""
    found = sorted(path.relative_to(SITE).as_posix() for path in SITE.glob("book/*.html"))
    return [*found, "genindex.html", "search.html"] if found else ["no site"]


def chapters():
    """Pages made from a notebook."""
    return [p for p in pages() if (SITE / "_sources" / p).with_suffix(".ipynb").exists()]


def static_page(folder, widget):
    """Address of a new page with one widget and the scripts that the book's pages use."""
    shutil.copytree(ROOT / "book" / "_assets" / "offline", folder / "offline")
    module = importlib.resources.files("anywidget") / "nbextension" / "index.js"
    shutil.copyfile(str(module), folder / "offline" / "anywidget.js")
    data = embed_data(views=[widget], state=dependency_state([widget], drop_defaults=False))
    parts = {"state": data["manager_state"], "view": data["view_specs"][0]}
    # "<" may not end the script early; the book's pages write it the same way
    text = {name: json.dumps(part).replace("<", "\\u003c") for name, part in parts.items()}
    page = folder / "page.html"
    page.write_text(PAGE.format(**text), "utf-8")
    return page.as_uri()


class Visit:
    """A browser tab that remembers what went wrong in it."""

    def __init__(self, context):
        self.tab = context.new_page()
        self.trouble = []
        self.tab.route("**/*", self._let_through)
        self.tab.on("console", self._console)
        self.tab.on("pageerror", lambda error: self.trouble.append(f"script: {error}"))
        self.tab.on("requestfailed", lambda r: self.trouble.append(f"failed: {r.url}"))
        self.tab.on("response", self._response)

    def _let_through(self, route):
        url = route.request.url
        if url.startswith(("file:", "data:", "blob:", "http://127.0.0.1:")):
            route.continue_()
        else:
            self.trouble.append(f"outside request: {url}")
            route.abort()

    def _console(self, message):
        if message.type == "error":
            self.trouble.append(f"console: {message.text}")

    def _response(self, response):
        if response.status >= 400:
            self.trouble.append(f"{response.status}: {response.url}")

    def open(self, url):
        """Go to the address and wait until equations and widgets are drawn."""
        self.tab.goto(url, wait_until="load")
        self.tab.evaluate(
            "() => window.MathJax && MathJax.startup ? MathJax.startup.promise.then(() => 0) : 0"
        )
        views = 'script[type="application/vnd.jupyter.widget-view+json"]'
        if wanted := self.tab.locator(views).count():
            areas = "document.querySelectorAll('.widget-subarea > :not(script)')"
            drawn = f"() => {areas}.length >= {wanted}"
            self.tab.wait_for_function(drawn, timeout=30_000)
        return self.tab
