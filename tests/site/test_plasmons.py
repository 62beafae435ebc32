"""The explorers of both networks, on the page of the chapter and with no kernel, are alive."""

import re

import pytest

PAGE = "book/ch04_plasmons.html"
KINDS = ["spectra", "images"]  # what im2spec and spec2im decode


@pytest.fixture
def page(visit, base, site):
    assert (site / PAGE).exists()
    return visit.open(f"{base}/{PAGE}")


@pytest.fixture(params=range(2), ids=["im2spec", "spec2im"])
def root(request, page):
    explorers = page.locator(".a2s-latent")
    assert explorers.count() == 2
    found = explorers.nth(request.param)
    assert KINDS[request.param] in found.get_attribute("class")
    return found


def drawn(root, figure):
    """What a panel shows, as text: the points of a curve or the pixels of an image."""
    panel = root.locator(f".{figure}")
    if panel.locator("canvas").count():
        return panel.locator("canvas").evaluate("(c) => c.toDataURL()")
    return panel.locator(".line").get_attribute("points")


def test_arrow_keys_decode_and_enter_selects_a_pair_and_its_window(page, root):
    before = {figure: drawn(root, figure) for figure in ("here", "real", "partner")}
    window = root.locator(".map .ring >> nth=-1").get_attribute("d")
    selected = root.get_attribute("data-selected")
    root.locator(".plane").focus()
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    assert drawn(root, "here") != before["here"] and drawn(root, "real") == before["real"]
    page.keyboard.press("Enter")
    assert root.get_attribute("data-selected") != selected
    assert drawn(root, "real") != before["real"] and drawn(root, "partner") != before["partner"]
    moved = root.locator(".map .ring >> nth=-1").get_attribute("d")
    assert moved != window and re.search(r"h16v16h-16z", moved)
    told = root.locator(".chosen").inner_text()
    assert re.search(r"sample \d+, (between|particle|gap|hole|outside), at x.*nm", told)


def test_a_click_in_the_film_goes_to_that_window(page, root):
    root.locator(".map").scroll_into_view_if_needed()
    frame = root.locator(".map image").bounding_box()
    for u, v in ((0.4, 0.4), (0.6, 0.5)):
        page.mouse.click(frame["x"] + u * frame["width"], frame["y"] + v * frame["height"])
        told = root.locator(".chosen").inner_text().replace("\xa0", " ")
        x_nm, y_nm = map(float, re.search(r"x ([\d.]+), y ([\d.]+) nm", told).groups())
        # of every second window the nearest is at most a pixel and a half away
        assert x_nm == pytest.approx(1.5 * (74 * u - 0.5), abs=2.3)
        assert y_nm == pytest.approx(1.5 * (61 * v - 0.5), abs=2.3)


def test_spectra_have_an_axis_in_ev_and_drawings_have_words(root):
    curves = root.locator(".curve")
    for k in range(curves.count()):
        words = curves.nth(k).locator("text").all_text_contents()
        assert "Energy loss (eV)" in words
        assert any(re.fullmatch(r"Loss per eV( \(10[⁻⁰-⁹¹²³]+\))?", word) for word in words)
    for drawing in root.locator("[role=img], [role=application]").all():
        assert len(drawing.get_attribute("aria-label")) > 20


def test_both_explorers_carry_less_than_two_megabytes(page):
    state = page.locator('script[type="application/vnd.jupyter.widget-state+json"]')
    assert sum(len(text) for text in state.all_text_contents()) < 2_000_000


@pytest.mark.parametrize("width", [390, 1280])
def test_explorers_fit_a_phone(page, root, width):
    page.set_viewport_size({"width": width, "height": 800})
    root.scroll_into_view_if_needed()
    for selector in (".plane", ".here", ".real", ".partner", ".map"):
        box = root.locator(selector).bounding_box()
        assert box["width"] > 100 and box["x"] >= 0 and box["x"] + box["width"] <= width
