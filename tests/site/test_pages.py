"""Every page of the built site: loads alone, reads well, fits a phone, keeps its pictures."""

import io
import json
from urllib.parse import unquote, urldefrag, urljoin, urlparse

import numpy as np
import pytest
from built import chapters, pages
from PIL import Image

EVERY_PAGE = pytest.mark.parametrize("page", pages())


@EVERY_PAGE
def test_page_loads_with_nothing_wrong(visit, base, page):
    """`visit` fails on console messages, failed requests and requests to other hosts."""
    tab = visit.open(f"{base}/{page}")
    tab.wait_for_load_state("networkidle")
    assert tab.locator("article h1, .bd-article h1, #search-results").count() >= 1


@EVERY_PAGE
def test_equations_are_typeset_without_errors(visit, base, page):
    tab = visit.open(f"{base}/{page}")
    wanted = tab.locator("span.math, div.math").count()
    assert tab.locator(".math mjx-container svg").count() >= wanted
    faults = "mjx-merror, [data-mml-node=merror], mjx-container :is([fill=red], [stroke=red])"
    assert tab.locator(faults).count() == 0


@EVERY_PAGE
def test_every_image_loads_and_has_alternative_text(visit, base, page):
    tab = visit.open(f"{base}/{page}")
    images = tab.evaluate(
        """() => [...document.querySelectorAll("article img")].map(
            (i) => [i.getAttribute("alt"), i.complete && i.naturalWidth, i.getAttribute("src")])"""
    )
    for alt, width, source in images:
        assert width, f"{source} did not load"
        assert alt and len(alt) > 8 and not alt.endswith((".png", ".svg")), f"{source}: alt {alt!r}"


@EVERY_PAGE
def test_nothing_scrolls_sideways_on_a_phone(visit, server, page):
    visit.tab.set_viewport_size({"width": 390, "height": 844})
    tab = visit.open(f"{server}/{page}")
    assert tab.evaluate("document.scrollingElement.scrollWidth") <= 390
    inside = "() => document.querySelector('.bd-main, main').scrollWidth"
    assert tab.evaluate(inside) <= 390


@EVERY_PAGE
def test_internal_links_and_anchors_exist(visit, server, site, page):
    tab = visit.open(f"{server}/{page}")
    links = tab.evaluate("() => [...document.querySelectorAll('a[href]')].map((a) => a.href)")
    for link in set(links):
        address, anchor = urldefrag(urljoin(f"{server}/{page}", link))
        if not address.startswith(server):
            continue
        path = unquote(urlparse(address).path).strip("/") or "index.html"
        assert (site / path).is_file(), f"{page} links to {path}"
        if anchor and path.endswith(".html"):
            text = (site / path).read_text(encoding="utf-8")
            assert f'id="{unquote(anchor)}"' in text, f"{page}: no #{anchor} in {path}"


@pytest.mark.parametrize("page", chapters() or ["no site"])
def test_dark_mode_leaves_figures_alone(visit, server, page):
    tab = visit.open(f"{server}/{page}")
    pictures = tab.locator("article .cell_output img, article .jupyter-widgets image")
    assert pictures.count() > 0
    shots = {}
    for theme in ("light", "dark"):
        tab.evaluate("(t) => { document.documentElement.dataset.theme = t }", theme)
        for index in range(pictures.count()):
            style = "(e) => { let f = []; for (; e; e = e.parentElement) " \
                "f.push(getComputedStyle(e).filter); return f }"  # fmt: skip
            assert set(pictures.nth(index).evaluate(style)) == {"none"}
        figure = tab.locator("article .cell_output img").first
        figure.scroll_into_view_if_needed()
        shots[theme] = np.asarray(Image.open(io.BytesIO(figure.screenshot())).convert("RGB"))
    background = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background not in ("rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"), "the page did not go dark"
    inner = (slice(3, -3), slice(3, -3))  # the page shows through at fractional edges
    np.testing.assert_array_equal(shots["light"][inner], shots["dark"][inner])


CONTRAST = """() => {
  const parse = (c) => (c.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] > 0.99) return c;
    }
    return [255, 255, 255];
  };
  const boxes = "article .admonition, article table, article [class^=a2s-]";
  const found = [];
  for (const box of document.querySelectorAll(boxes)) {
    for (const e of box.querySelectorAll("p, td, th, dd, dt, label, li, a, summary")) {
      if (!e.textContent.trim() || !e.checkVisibility()) continue;
      const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (ratio < 4.5) found.push([ratio.toFixed(2), e.tagName, e.textContent.trim().slice(0, 40)]);
    }
  }
  return found;
}"""


@EVERY_PAGE
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_boxes_and_tables_have_contrast(visit, server, page, theme):
    tab = visit.open(f"{server}/{page}")
    tab.evaluate("(t) => { document.documentElement.dataset.theme = t }", theme)
    tab.wait_for_timeout(300)  # colours fade from one theme to the other
    assert tab.evaluate(CONTRAST) == []


@pytest.mark.parametrize("page", chapters() or ["no site"])
def test_notebook_can_be_downloaded(visit, server, site, page):
    tab = visit.open(f"{server}/{page}")
    link = tab.locator("a.btn-download-source-button").first.get_attribute("href")
    path = site / unquote(urlparse(urljoin(f"{server}/{page}", link)).path).strip("/")
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(cells) > 3
    assert not any(cell["outputs"] for cell in cells)


@EVERY_PAGE
def test_footer_names_the_licences(visit, server, page):
    footer = visit.open(f"{server}/{page}").locator("footer.bd-footer-content, .bd-footer")
    assert "CC BY 4.0" in footer.first.inner_text()
    assert "GPL-3.0" in footer.first.inner_text()


def test_search_finds_a_term(visit, base):
    tab = visit.open(f"{base}/search.html?q=threshold")
    tab.wait_for_selector("#search-results li a")
    tab.wait_for_load_state("networkidle")
    found = tab.locator("#search-results li a").evaluate_all("(all) => all.map((a) => a.href)")
    assert any("book/glossary.html" in link for link in found)


def test_front_page_leads_to_the_first_chapter(visit, base):
    tab = visit.tab
    tab.goto(f"{base}/index.html", wait_until="commit")
    tab.wait_for_url("**/book/index.html")
    tab.locator("article a[href^='ch01_']").first.click()
    tab.wait_for_url("**/book/ch01_*.html")


def test_reproduction_page_repeats_the_claims_of_the_chapters(visit, server):
    def rows(page):
        found = visit.open(f"{server}/{page}").locator("table.a2s-claims tbody tr")
        return [text.split() for text in found.all_inner_texts()]

    told = [row for page in chapters() for row in rows(page)]
    assert told
    assert rows("book/reproduction.html") == told


@pytest.mark.parametrize("width", [390, 1300])
def test_every_claim_shows_all_of_itself(visit, server, width):
    visit.tab.set_viewport_size({"width": width, "height": 900})
    for page in (chapters()[0], "book/reproduction.html"):
        tab = visit.open(f"{server}/{page}")
        cells = tab.locator("table.a2s-claims tbody :is(th, td)")
        assert cells.count() > 0
        cut = cells.evaluate_all(
            """(all) => all.filter((e) => { const c = e.getBoundingClientRect(); const box =
              document.querySelector(".bd-article").getBoundingClientRect(); return !c.width ||
              c.left < box.left - 1 || c.right > box.right + 1 }).map((e) => e.textContent)"""
        )
        assert cut == []


def test_no_launch_button_without_a_repository(visit, server):
    tab = visit.open(f"{server}/{chapters()[0]}")
    assert tab.locator("a[href*='mybinder.org'], a[href*='colab.research']").count() == 0
