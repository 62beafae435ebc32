"""The explorers of the chapter on nanoclusters, on its page and with no kernel, are alive."""

import re

import pytest

PAGE = "book/ch03_nanoclusters.html"
ISOMERS = {"icosahedron", "decahedron", "cuboctahedron", "amorphous"}


@pytest.fixture
def page(visit, base, site):
    assert (site / PAGE).exists()
    return visit.open(f"{base}/{PAGE}")


def test_the_video_steps_and_its_words_follow(page):
    page.wait_for_selector(".a2s-frames[data-painted]")
    root = page.locator(".a2s-frames")
    assert root.count() == 1 and root.get_attribute("data-frame") == "0"
    timeline = root.locator(".timeline")
    timeline.focus()
    page.keyboard.press("ArrowRight")
    assert root.get_attribute("data-frame") == "1"
    page.keyboard.press("End")
    last = int(root.get_attribute("data-frame"))
    assert last >= 199
    spoken = timeline.get_attribute("aria-valuetext")
    assert spoken.startswith(f"Frame {last + 1} of {last + 1}")
    told = {name: root.locator(f"[data-told='{name}']").inner_text()
            for name in ("most likely", "smoothed", "true")}  # fmt: skip
    assert set(told.values()) <= ISOMERS
    shares = [float(root.locator(f"[data-probability='{k}']").inner_text()) for k in range(4)]
    assert sum(shares) == pytest.approx(1, abs=0.03)


def test_the_globe_turns_and_names_doubles_of_other_isomers(page):
    page.wait_for_selector(".a2s-orientations[data-painted]")
    root = page.locator(".a2s-orientations")
    before = root.get_attribute("data-selected")
    root.locator(".net").focus()
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    assert root.get_attribute("data-selected") != before
    own = root.locator(".shown figcaption").inner_text()
    doubles = root.locator(".alike li").all_inner_texts()
    assert len(doubles) == 3
    likeness = [float(re.search(r"similarity (0\.\d+)", text)[1]) for text in doubles]
    assert likeness == sorted(likeness, reverse=True) and likeness[0] > 0.5
    for text in doubles:
        other = text.split(",")[0]
        assert other in ISOMERS and other not in own
