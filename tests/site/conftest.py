"""The built site in a headless Chromium that can reach nothing but the site."""

import functools
import http.server
import threading

import pytest
from built import CHROMIUM, FLAGS, SITE, Visit, needed


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


@pytest.fixture
def visit(browser):
    """A fresh tab; a test that ignores its `trouble` still fails on it."""
    visit = Visit(browser)
    yield visit
    visit.tab.close()
    assert not visit.trouble
