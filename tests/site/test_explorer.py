"""The threshold explorer on its page, with no kernel: what it draws and what it says agree."""

import pytest
from built import chapters

STATE = """() => {
  const script = document.querySelector('script[type="application/vnd.jupyter.widget-state+json"]');
  return Object.values(JSON.parse(script.textContent).state).map((entry) => entry.state)
    .filter((state) => state.rows && state.atoms).map((s) => ({rows: s.rows, atoms: s.atoms,
      labels: s.labels, area: s.area_nm2, threshold: s.threshold}));
}"""


@pytest.fixture
def explorer(visit, base):
    """Tab, locator of the first explorer, and the numbers embedded for it in the page."""
    for page in chapters():
        tab = visit.open(f"{base}/{page}")
        if tab.locator(".a2s-threshold").count():
            root = tab.locator(".a2s-threshold").first
            start = float(root.get_attribute("data-threshold"))
            size = int(root.locator("input[type=range]").get_attribute("max")) + 1
            shown = int(root.get_attribute("data-count"))
            for state in tab.evaluate(STATE):
                nearest = min(state["rows"], key=lambda row: abs(row[0] - state["threshold"]))
                if len(state["rows"]) == size and [nearest[0], nearest[1]] == [start, shown]:
                    return tab, root, state
    pytest.fail("no chapter of the site shows a threshold explorer")


def check(root, state):
    """Compare every number and every mark with the row of the slider; return the row."""
    index = int(root.locator("input[type=range]").input_value())
    row = state["rows"][index]
    above = sum(probability > row[0] + 1e-5 for *_, probability in state["atoms"])
    count = int(root.locator("dd[data-number=count]").inner_text())
    assert count == row[1]
    assert abs(count - above) <= sum(abs(p - row[0]) < 2e-5 for *_, p in state["atoms"])
    drawn = {
        kind: root.locator(f".marks [data-kind={kind}]").count()
        for kind in ("found", "false", "missed")
    }
    assert drawn["found"] + drawn["false"] == count
    density = float(root.locator("dd[data-number=density]").inner_text())
    assert density == pytest.approx(count / state["area"], abs=6e-4)
    if state["labels"] is not None:
        labels = len(state["labels"])
        assert drawn["found"] + drawn["missed"] == labels
        expected = [drawn["found"] / max(count, 1), drawn["found"] / labels]
        expected.append(2 * drawn["found"] / (labels + count))
        for name, value, embedded in zip(("precision", "recall", "f1"), expected, row[2:]):
            said = root.locator(f"dd[data-number={name}]").inner_text()
            if name == "precision" and not count:
                assert said == "–" and "precision undefined" in sentence(root)
                continue
            said = float(said)
            assert said == pytest.approx(embedded, abs=6e-4)
            assert said == pytest.approx(value, abs=6e-4)
        assert f"{drawn['found']} of {labels} labelled atoms found" in sentence(root)
    assert f"{count} detections" in sentence(root)
    return row


def sentence(root):
    """What a screen reader hears."""
    return root.locator(".sentence").inner_text()


def test_keyboard_moves_numbers_and_marks(explorer):
    tab, root, state = explorer
    before = check(root, state)
    tab.get_by_role("slider", name="Likelihood threshold").first.focus()
    for _ in range(10):
        tab.keyboard.press("ArrowRight")
    after = check(root, state)
    assert after[0] > before[0] and after[1] < before[1]
    tab.keyboard.press("Home")
    assert check(root, state) == state["rows"][0]
    tab.keyboard.press("End")
    assert check(root, state) == state["rows"][-1]


def test_the_focus_frame_leaves_the_label_readable(explorer):
    tab, root, _ = explorer
    assert root.locator("label").first.inner_text().startswith("Likelihood threshold")
    root.locator("input[type=range]").focus()
    tab.keyboard.press("ArrowRight")  # from the keyboard: the frame shows
    text_ends, frame, width = root.locator("input[type=range]").evaluate(
        """(slider) => { const text = document.createRange();
            text.selectNodeContents(slider.parentElement.firstChild);
            const style = getComputedStyle(slider), width = parseFloat(style.outlineWidth);
            return [text.getBoundingClientRect().bottom,
              slider.getBoundingClientRect().top - width - parseFloat(style.outlineOffset), width];
        }"""
    )
    assert width >= 2 and frame >= text_ends


def test_pointer_moves_numbers_and_marker(explorer):
    tab, root, state = explorer
    slider = root.locator("input[type=range]")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    places = []
    for share in (0.2, 0.5, 0.8):
        tab.mouse.click(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
        row = check(root, state)
        places.append((row[0], float(root.locator(".plot .here").get_attribute("x1"))))
    assert places == sorted(places) and len(set(places)) == 3
    tab.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + box["height"] / 2, steps=5)
    tab.mouse.up()
    assert check(root, state)[0] < places[-1][0]


def test_missed_atoms_can_be_hidden(explorer):
    _, root, state = explorer
    if state["labels"] is None:
        pytest.skip("the first explorer has no labels")
    check(root, state)
    root.locator("input[type=checkbox]").uncheck()
    assert root.locator(".marks [data-kind=missed]").count() == 0
    assert root.locator(".marks [data-kind=found]").count() > 0


def test_table_holds_the_whole_curve(explorer):
    _, root, state = explorer
    root.locator("summary").click()
    cells = root.locator("tbody tr").evaluate_all(
        "(rows) => rows.map((r) => [...r.cells].map((c) => Number(c.textContent.replace('–', 0))))"
    )
    assert len(cells) == len(state["rows"])
    for shown, row in zip(cells, state["rows"]):
        assert shown == pytest.approx(row, abs=6e-4)


def test_picture_is_the_micrograph(explorer):
    _, root, _ = explorer
    size = root.locator(".micrograph image").evaluate(
        """async (image) => { const picture = new Image();
            picture.src = image.getAttribute("href"); await picture.decode();
            return [picture.naturalWidth, picture.naturalHeight]; }"""
    )
    assert min(size) > 50
    assert "Micrograph" in root.locator(".micrograph").get_attribute("aria-label")
