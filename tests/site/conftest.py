"""The built site in a headless Chromium that can reach nothing but the site."""

import functools
import http.server
import os
import shutil
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)


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


@pytest.fixture(scope="session")
def site():
    """Folder of the built site."""
    needed((SITE / "book" / "index.html").exists(), "no built site: run `make book` first")
    return SITE


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files without a line per request."""

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture(scope="session")
def server(site):
    """Address of the site on a local server."""
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.fixture(scope="session", params=["file", "http"])
def base(request, site):
    """Address of the site, once from disk and once from a server."""
    return site.as_uri() if request.param == "file" else request.getfixturevalue("server")


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """Headless Chromium with a fresh profile."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    needed(CHROMIUM, "no Chromium on this machine")
    with playwright.sync_playwright() as runner:
        context = runner.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"),
            executable_path=CHROMIUM,
            headless=True,
            args=[*FLAGS.split(), "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
            viewport={"width": 1280, "height": 900},
        )
        yield context
        context.close()


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
        self.tab.wait_for_load_state("networkidle")
        return self.tab


@pytest.fixture
def visit(browser):
    """A fresh tab; a test that ignores its `trouble` still fails on it."""
    visit = Visit(browser)
    yield visit
    visit.tab.close()
    assert not visit.trouble
