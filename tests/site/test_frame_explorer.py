"""The frame explorer on a page from disk, with no kernel: what it draws and says is right."""

import io
import re

import numpy as np
import pytest
from built import ROOT, static_page
from PIL import Image

from helpers.widgets.frames import FrameExplorer

N, SHAPE, STEP = 30, (11, 14), 0.04
STATES = ["icosahedron", "deca <hedron>", "cuboctahedron", "amorphous"]
BANDS = ["most likely", "smoothed", "true"]


def made_up(known):
    rng = np.random.default_rng(11)
    truth = np.repeat([0, 1, 3, 2, 0], [7, 9, 4, 5, 5])
    given = {
        "frames": rng.uniform(size=(N, *SHAPE)),
        "probabilities": rng.dirichlet(np.full(4, 0.7), N),
        "states": STATES,
        "smoothed": np.roll(truth, 1),
        "truth": truth if known else None,
        "seconds_per_frame": STEP,
        "pixel_size_nm": 0.1,
    }
    return given, FrameExplorer(**given)


class Explorer:
    """The explorer in its tab, and what it was made from."""

    def __init__(self, tab, given, widget):
        self.tab, self.given = tab, given
        self.root = tab.locator(".a2s-frames")
        self.sheet = np.asarray(Image.open(io.BytesIO(widget.sprite)).convert("L"))
        self.columns = widget.sprite_shape[0]
        self.paths = [given["probabilities"].argmax(1), given["smoothed"]]
        self.paths += [given["truth"]] if given["truth"] is not None else []
        tab.wait_for_selector(".a2s-frames[data-painted]")

    @property
    def frame(self):
        return int(self.root.get_attribute("data-frame"))

    @property
    def playing(self):
        return self.root.get_attribute("data-playing") == "true"

    def text(self, selector):
        return self.root.locator(selector).inner_text().replace("\xa0", " ")

    def check(self, index):
        """Picture, bars, words and the line in the timeline are those of one frame."""
        assert self.frame == index
        data = self.root.locator("canvas").evaluate(
            "(c) => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
        )
        y, x = index // self.columns * SHAPE[0], index % self.columns * SHAPE[1]
        tile = self.sheet[y : y + SHAPE[0], x : x + SHAPE[1]]
        np.testing.assert_array_equal(np.array(data).reshape(*SHAPE, 4)[..., 0], tile)
        for k, probability in enumerate(self.given["probabilities"][index]):
            assert float(self.text(f"[data-probability='{k}']")) == pytest.approx(
                probability, abs=0.0051
            )
            bar = self.root.locator(".bar").nth(k)
            whole, part = bar.bounding_box(), bar.locator("i").bounding_box()
            assert part["width"] / whole["width"] == pytest.approx(probability, abs=0.01)
        assert self.text("[data-told=time]") == f"{index * STEP:.2f} s (frame {index + 1} of {N})"
        spoken = self.root.locator(".timeline").get_attribute("aria-valuetext")
        assert spoken.startswith(f"Frame {index + 1} of {N}, {index * STEP:.2f} seconds: ")
        assert spoken == self.root.locator("canvas").get_attribute("aria-label")
        for name, path in zip(BANDS, self.paths):
            assert self.text(f"[data-told='{name}']") == STATES[path[index]]
            assert f"{name} {STATES[path[index]]}" in spoken
        assert self.root.locator(".timeline").get_attribute("aria-valuenow") == str(index + 1)
        line = self.root.locator(".here").last.bounding_box()
        left, width = self.lanes()
        middle = line["x"] + line["width"] / 2
        assert middle == pytest.approx(left + (index + 0.5) / N * width, abs=1)

    def lanes(self):
        """Left end and width of the timeline on the page."""
        box = self.root.locator(".timeline .ground").first.bounding_box()
        return box["x"], box["width"]

    def click(self, index):
        left, width = self.lanes()
        box = self.root.locator(".timeline").bounding_box()
        self.tab.mouse.click(left + (index + 0.5) / N * width, box["y"] + 20)


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """One page with the truth and one without."""
    made = {}
    for known in (True, False):
        given, widget = made_up(known)
        made[known] = static_page(tmp_path_factory.mktemp("frames"), widget), given, widget
    return made


@pytest.fixture
def explorer(visit, pages):
    url, given, widget = pages[True]
    visit.tab.set_viewport_size({"width": 900, "height": 900})
    return Explorer(visit.open(url), given, widget)


@pytest.fixture
def unknown(visit, pages):
    url, given, widget = pages[False]
    return Explorer(visit.open(url), given, widget)


def test_page_starts_at_the_first_frame_and_stands_still(explorer):
    explorer.check(0)
    assert not explorer.playing and explorer.text(".play") == "Play"


def test_keys_step_and_go_to_the_ends(explorer):
    explorer.root.locator(".timeline").focus()
    expected = 0
    for key, move in {
        "ArrowRight": 1, "ArrowUp": 1, "End": N, "ArrowLeft": -1, "ArrowDown": -1, "Home": -N,
    }.items():  # fmt: skip
        for _ in range(2):
            explorer.tab.keyboard.press(key)
            expected = min(max(expected + move, 0), N - 1)
            assert explorer.frame == expected
        explorer.check(expected)


def test_buttons_step(explorer):
    explorer.root.get_by_role("button", name="Next frame").click()
    explorer.root.get_by_role("button", name="Next frame").click()
    explorer.root.get_by_role("button", name="Previous frame").click()
    explorer.check(1)


def test_clicking_and_dragging_in_the_timeline_goes_there(explorer):
    for index in (0, 17, 29, 4):
        explorer.click(index)
        explorer.check(index)
    left, width = explorer.lanes()
    y = explorer.root.locator(".timeline").bounding_box()["y"] + 20
    explorer.tab.mouse.move(left + 2, y)
    explorer.tab.mouse.down()
    explorer.tab.mouse.move(left + 0.5 * width + 2, y, steps=5)
    assert explorer.frame == 15
    explorer.tab.mouse.move(left + 2 * width, y)
    explorer.tab.mouse.up()
    assert explorer.frame == N - 1
    explorer.tab.mouse.move(left + 2, y)  # released: it follows no longer
    assert explorer.frame == N - 1


def test_space_plays_at_the_chosen_speed_and_pauses(explorer):
    explorer.root.locator("select").select_option("25")
    explorer.root.locator(".timeline").focus()
    explorer.tab.keyboard.press("Space")
    assert explorer.playing and explorer.text(".play") == "Pause"
    # its own clock: frames per second seen on the page
    seen = explorer.root.evaluate("""(root) => new Promise((done) => {
        const times = []; const watch = new MutationObserver(() => { times.push(performance.now());
          if (times.length === 11) { watch.disconnect(); done(times); } });
        watch.observe(root, {attributes: true, attributeFilter: ["data-frame"]}); })""")
    assert (seen[-1] - seen[0]) / 10 > 35  # never faster than 25 a second; a busy machine is slower
    explorer.tab.keyboard.press("Space")
    assert not explorer.playing
    explorer.check(explorer.frame)


def test_playing_ends_at_the_last_frame_and_starts_again_from_the_first(explorer):
    explorer.root.locator("select").select_option("25")
    explorer.click(N - 4)
    explorer.root.locator(".play").click()
    explorer.tab.wait_for_selector(".a2s-frames[data-playing=false]")
    explorer.check(N - 1)
    explorer.root.locator(".play").click()
    assert explorer.frame < N - 1 and explorer.playing
    explorer.tab.keyboard.press("ArrowRight")  # stepping pauses
    assert not explorer.playing


def test_keys_keep_their_own_meaning_in_menu_and_table(explorer):
    explorer.root.locator("select").focus()
    explorer.tab.keyboard.press("End")
    assert explorer.frame == 0 and explorer.root.locator("select").input_value() == "25"
    explorer.root.locator("summary").focus()
    explorer.tab.keyboard.press("Space")
    explorer.root.locator("tbody").wait_for(state="visible")  # opens in its own time
    assert not explorer.playing


def test_a_screen_reader_hears_frames_while_it_stands_still_only(explorer):
    sentence = explorer.root.locator(".sentence")
    assert sentence.get_attribute("aria-live") == "polite"
    explorer.root.get_by_role("button", name="Next frame").click()
    assert sentence.inner_text().startswith("Frame 2 of 30")
    explorer.root.locator(".play").click()
    assert sentence.get_attribute("aria-live") == "off"


@pytest.mark.parametrize("page", ["explorer", "unknown"])
def test_timeline_shows_every_state_at_its_time_in_its_lane(page, request):
    explorer = request.getfixturevalue(page)
    boxes = explorer.root.locator(".timeline [data-band]").evaluate_all(
        """(all) => all.map((e) => ["x", "width", "y"].map((name) => Number(e.getAttribute(name)))
            .concat(Number(e.dataset.band), Number(e.dataset.state)))"""
    )
    left, right = 104, 580
    found = [np.full(N, -1) for _ in explorer.paths]
    heights = {}
    for x, width, y, band, state in boxes:
        first, last = ((end - left) / (right - left) * N for end in (x, x + width))
        found[int(band)][round(first) : round(last)] = state
        heights.setdefault((band, state), set()).add(y)
    for path, shown in zip(explorer.paths, found, strict=True):
        np.testing.assert_array_equal(shown, path)
    assert all(len(lanes) == 1 for lanes in heights.values())
    order = [min(heights[key]) for key in sorted(heights)]
    assert order == sorted(order) and len(set(order)) == len(order)


def test_agreement_with_the_truth_is_counted(explorer):
    likeliest, smoothed, truth = explorer.paths
    said = explorer.text(".agreement")
    assert [int(number) for number in re.findall(r"\d+", said)] == [
        (likeliest == truth).sum(), N, (smoothed == truth).sum()
    ]  # fmt: skip


def test_without_the_truth_nothing_is_said_of_it(unknown):
    assert unknown.root.locator(".agreement").count() == 0
    assert "true" not in unknown.root.locator("dl").inner_text().lower()
    unknown.check(0)


def test_table_holds_every_frame(explorer):
    assert explorer.root.locator("tbody tr").count() == 0
    explorer.root.locator("summary").click()
    explorer.tab.wait_for_selector(".a2s-frames tbody tr")
    rows = explorer.root.locator("tbody tr").evaluate_all(
        "(rows) => rows.map((r) => [...r.cells].map((c) => c.textContent.trim()))"
    )
    assert len(rows) == N
    for i, row in enumerate(rows):
        assert row[:2] == [str(i + 1), f"{i * STEP:.2f}"]
        assert [float(value) for value in row[2:6]] == pytest.approx(
            explorer.given["probabilities"][i], abs=0.0051
        )
        assert row[6:] == [STATES[path[i]] for path in explorer.paths]


def test_scale_bar_has_its_length(explorer):
    bar = explorer.root.locator(".screen .scale rect").last.bounding_box()
    frame = explorer.root.locator("canvas").bounding_box()
    nanometres = float(explorer.root.locator(".screen text").text_content().split()[0])
    assert bar["width"] / frame["width"] * SHAPE[1] * 0.1 == pytest.approx(nanometres, rel=0.02)


@pytest.mark.parametrize("width", [390, 640, 1280])
def test_nothing_scrolls_sideways_and_every_part_is_seen(explorer, width):
    explorer.tab.set_viewport_size({"width": width, "height": 900})
    explorer.root.locator("summary").click()
    assert explorer.tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    screen, bars = (explorer.root.locator(s).bounding_box() for s in (".screen", ".bars"))
    assert screen["width"] > 180 and bars["width"] > 250
    assert (bars["y"] >= screen["y"] + screen["height"]) == (width == 390)
    text = explorer.root.locator(".timeline text").first
    height = text.evaluate("(e) => e.getBoundingClientRect().height")
    assert height > 10
    left, _ = explorer.lanes()
    assert all(
        t.bounding_box()["x"] + t.bounding_box()["width"] <= left
        for t in explorer.root.locator(".timeline text[text-anchor=end]").all()
    )


def test_names_are_text_and_nothing_moves_by_itself(explorer):
    assert STATES[1] in explorer.text(".bars")
    assert explorer.root.locator("hedron").count() == 0
    css = (ROOT / "helpers" / "widgets" / "frames.css").read_text("utf-8")
    assert not re.search("transition|animation", css)
