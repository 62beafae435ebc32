"""The orientation explorer on a page from disk, with no kernel: what it draws and says is right."""

import io
import re

import matplotlib
import numpy as np
import pandas as pd
import pytest
from built import ROOT, static_page
from PIL import Image

from helpers.widgets.orientations import OrientationExplorer

N, SHAPE, ISOMERS = 180, (8, 10), ["icosahedron", "deca <hedron>", "amorphous"]
NAMES = ["ambiguity", "P(icosahedron)"]
STOPS = matplotlib.colormaps["cividis"](np.linspace(0, 1, 11))[:, :3] * 255
CENTRE, RADIUS, SIZE = 150, 146, 300  # of the globe's drawing


def made_up():
    rng = np.random.default_rng(21)
    given = {
        "directions": rng.normal(size=(N, 3)),
        "label": pd.Categorical(rng.permutation(np.repeat(ISOMERS, [80, 60, 40])), ISOMERS),
        "images": rng.uniform(size=(N, *SHAPE)),
        "values": pd.DataFrame(rng.uniform(size=(N, 2)), columns=NAMES),
        "pixel_size_nm": 0.2,
        "alike": rng.integers(N, size=(N, 3)),
        "similarity": rng.uniform(size=(N, 3)),
    }
    return given, OrientationExplorer(**given)


class Explorer:
    """The explorer in its tab, and what it was made from."""

    def __init__(self, tab, given, widget):
        self.tab, self.given = tab, given
        self.root, self.net = tab.locator(".a2s-orientations"), tab.locator(".net")
        self.start = widget.selected
        self.label = np.asarray(given["label"])
        self.directions = np.frombuffer(widget.directions, "<f4").reshape(-1, 3).astype(float)
        self.sheet = np.asarray(Image.open(io.BytesIO(widget.sprite)).convert("L"))
        self.columns = widget.sprite_shape[0]
        tab.wait_for_selector(".a2s-orientations[data-painted]")

    @property
    def selected(self):
        return int(self.root.get_attribute("data-selected"))

    @property
    def view(self):
        """Longitude and latitude of the middle of the globe in degrees."""
        return np.array(
            [float(self.root.get_attribute(f"data-{name}")) for name in ("longitude", "latitude")]
        )

    def axes(self):
        """Unit vectors to the right, up and towards the reader."""
        a, b = np.radians(self.view)
        towards = [np.cos(b) * np.cos(a), np.cos(b) * np.sin(a), np.sin(b)]
        right = [-np.sin(a), np.cos(a), 0]
        return np.array([right, np.cross(towards, right), towards])

    def members(self, isomer):
        return np.flatnonzero(self.label == isomer)

    def nearest(self, isomer, to):
        mine = self.members(isomer)
        return mine[(self.directions[mine] @ to).argmax()]

    def text(self, selector):
        return self.root.locator(selector).inner_text().replace("\xa0", " ")

    def pixels(self, canvas):
        data, width = canvas.evaluate(
            "(c) => [[...c.getContext('2d').getImageData(0, 0, c.width, c.height).data], c.width]"
        )
        return np.array(data).reshape(-1, width, 4)

    def tile(self, index):
        y, x = index // self.columns * SHAPE[0], index % self.columns * SHAPE[1]
        return self.sheet[y : y + SHAPE[0], x : x + SHAPE[1]]

    def check(self, index):
        """Image, words, ring and neighbours are those of one row."""
        assert self.selected == index
        shown = self.pixels(self.root.locator(".shown canvas"))
        np.testing.assert_array_equal(shown[..., 0], self.tile(index))
        told = dict(
            zip(
                self.root.locator("dt").all_inner_texts(), self.root.locator("dd").all_inner_texts()
            )
        )
        for name in NAMES:
            value = self.given["values"][name][index]
            assert float(told[name]) == pytest.approx(value, rel=0.006)
        x, y, z = self.directions[index]
        numbers = re.findall(r"[−\d]+", told["Direction"])
        longitude, latitude = (float(number.replace("−", "-")) for number in numbers)
        assert latitude == pytest.approx(np.degrees(np.arcsin(z)), abs=0.51)
        assert longitude == pytest.approx(np.degrees(np.arctan2(y, x)), abs=0.51)
        assert self.label[index] in self.text(".shown figcaption")
        assert self.root.locator("[type=radio]:checked").get_attribute("value") == str(
            ISOMERS.index(self.label[index])
        )
        right, up, towards = self.axes() @ self.directions[index]
        assert towards > 0
        ring = self.root.locator(".ring").last
        found = [float(ring.get_attribute(name)) for name in ("cx", "cy")]
        np.testing.assert_allclose(
            found, [CENTRE + RADIUS * right, CENTRE - RADIUS * up], atol=0.01
        )
        for i, other in enumerate(self.given["alike"][index]):
            item = self.root.locator(".alike li").nth(i)
            np.testing.assert_array_equal(
                self.pixels(item.locator("canvas"))[..., 0], self.tile(other)
            )
            expected = f"{self.label[other]}, similarity {self.given['similarity'][index][i]:.3f}"
            assert item.inner_text() == expected

    def at(self, x, y):
        """Place on the page of a point of the globe's drawing."""
        box = self.net.bounding_box()
        return box["x"] + x / SIZE * box["width"], box["y"] + y / SIZE * box["height"]


@pytest.fixture(scope="session")
def page(tmp_path_factory):
    given, widget = made_up()
    return static_page(tmp_path_factory.mktemp("orientations"), widget), given, widget


@pytest.fixture
def explorer(visit, page):
    url, given, widget = page
    visit.tab.set_viewport_size({"width": 900, "height": 1000})
    return Explorer(visit.open(url), given, widget)


def check_globe(explorer, name):
    """Compare every twelfth pixel with the colour of its nearest direction."""
    values = explorer.given["values"][name].to_numpy()
    mine = explorer.members(explorer.label[explorer.selected])
    pixels = explorer.pixels(explorer.root.locator(".ground"))
    axes, seen = explorer.axes(), 0
    reach = 1.5 * np.sqrt(4 * np.pi / len(mine))
    for row in range(6, SIZE, 12):
        for column in range(6, SIZE, 12):
            x, y = (column + 0.5 - CENTRE) / RADIUS, (CENTRE - row - 0.5) / RADIUS
            if x * x + y * y >= 1:
                assert pixels[row, column, 3] == 0
                continue
            near = explorer.directions[mine] @ ([x, y, np.sqrt(1 - x * x - y * y)] @ axes)
            first, second = np.sort(np.arccos(np.clip(near, -1, 1)))[:2]
            if second - first < 1e-4 or abs(first - reach) < 1e-4:
                continue  # on a border
            if first > reach:
                assert pixels[row, column, 3] == 0
                continue
            share = (values[mine[near.argmax()]] - values.min()) / np.ptp(values)
            expected = [np.interp(share, np.linspace(0, 1, 11), stop) for stop in STOPS.T]
            np.testing.assert_allclose(pixels[row, column, :3], expected, atol=1.01)
            seen += 1
    assert seen > 300


def test_page_starts_with_the_highest_value_in_the_middle(explorer):
    mine = explorer.members(ISOMERS[0])
    highest = mine[explorer.given["values"][NAMES[0]][mine].argmax()]
    assert explorer.start == highest
    explorer.check(highest)
    np.testing.assert_allclose(explorer.axes()[2], explorer.directions[highest], atol=1e-6)


def test_globe_has_the_colour_of_the_nearest_direction(explorer):
    check_globe(explorer, NAMES[0])
    explorer.root.locator("select").select_option("1")
    check_globe(explorer, NAMES[1])
    explorer.root.get_by_role("radio", name="amorphous").check()
    explorer.net.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp"):
        explorer.tab.keyboard.press(key)
    check_globe(explorer, NAMES[1])


def test_arrow_keys_turn_the_globe_and_show_the_nearest_image(explorer):
    explorer.net.focus()
    seen = set()
    for key, turn in {
        "ArrowRight": (5, 0), "ArrowUp": (0, 5), "ArrowLeft": (-5, 0), "ArrowDown": (0, -5),
    }.items():  # fmt: skip
        for _ in range(6):
            before = explorer.view
            explorer.tab.keyboard.press(key)
            longitude, latitude = before + turn
            wanted = [(longitude + 180) % 360 - 180, np.clip(latitude, -90, 90)]
            np.testing.assert_allclose(explorer.view, wanted, atol=1e-6)
            expected = explorer.nearest(ISOMERS[0], explorer.axes()[2])
            assert explorer.selected == expected
            seen.add(expected)
        explorer.check(explorer.selected)
    assert len(seen) > 3


def test_home_and_end_and_buttons_go_to_the_extremes(explorer):
    mine = explorer.members(ISOMERS[1])
    explorer.root.get_by_role("radio", name=ISOMERS[1]).check()
    explorer.root.locator("select").select_option("1")
    values = explorer.given["values"][NAMES[1]].to_numpy()[mine]
    explorer.net.focus()
    for act, wanted in (
        (lambda: explorer.tab.keyboard.press("Home"), values.argmax()),
        (lambda: explorer.tab.keyboard.press("End"), values.argmin()),
        (lambda: explorer.root.locator(".highest").click(), values.argmax()),
        (lambda: explorer.root.locator(".lowest").click(), values.argmin()),
    ):
        act()
        explorer.check(mine[wanted])


def test_dragging_turns_the_globe_with_the_pointer(explorer):
    before = explorer.view
    explorer.tab.mouse.move(*explorer.at(CENTRE, CENTRE))
    explorer.tab.mouse.down()
    explorer.tab.mouse.move(*explorer.at(CENTRE + 73, CENTRE - 14.6), steps=4)
    explorer.tab.mouse.up()
    turn = np.degrees([-73 / RADIUS, -14.6 / RADIUS])
    longitude, latitude = before + turn
    wanted = [(longitude + 180) % 360 - 180, np.clip(latitude, -90, 90)]
    np.testing.assert_allclose(explorer.view, wanted, atol=0.3)
    explorer.check(explorer.nearest(ISOMERS[0], explorer.axes()[2]))
    after = explorer.view
    explorer.tab.mouse.move(*explorer.at(CENTRE, CENTRE))  # released: it follows no longer
    np.testing.assert_array_equal(explorer.view, after)


def test_a_click_brings_its_place_to_the_middle(explorer):
    x, y = 0.4, -0.5
    target = np.array([x, y, np.sqrt(1 - x * x - y * y)]) @ explorer.axes()
    explorer.tab.mouse.click(*explorer.at(CENTRE + RADIUS * x, CENTRE - RADIUS * y))
    np.testing.assert_allclose(explorer.axes()[2], target, atol=0.01)
    explorer.check(explorer.nearest(ISOMERS[0], explorer.axes()[2]))
    before = explorer.view
    explorer.tab.mouse.click(*explorer.at(4, 4))  # outside the globe
    np.testing.assert_array_equal(explorer.view, before)


def test_another_isomer_is_seen_from_the_same_place(explorer):
    before = explorer.view
    for name in (ISOMERS[2], ISOMERS[1], ISOMERS[0]):
        explorer.root.get_by_role("radio", name=name).check()
        np.testing.assert_array_equal(explorer.view, before)
        explorer.check(explorer.nearest(name, explorer.axes()[2]))
        values = explorer.given["values"][NAMES[0]].to_numpy()[explorer.members(name)]
        numbers = re.findall(r"\d[\d.]*\d|\d", explorer.text(".counts"))
        expected = [len(values), values.mean(), values.min(), values.max()]
        assert [float(n) for n in numbers] == pytest.approx(expected, rel=0.006)


def test_an_alike_image_leads_to_its_direction(explorer):
    for i in (1, 2, 0):
        wanted = explorer.given["alike"][explorer.selected][i]
        explorer.root.locator(".alike button").nth(i).click()
        explorer.check(wanted)
        np.testing.assert_allclose(explorer.axes()[2], explorer.directions[wanted], atol=1e-5)


def test_a_screen_reader_hears_the_direction_and_its_value(explorer):
    explorer.net.focus()
    explorer.tab.keyboard.press("ArrowRight")
    said = explorer.root.locator(".sentence")
    assert said.get_attribute("aria-live") == "polite"
    k = explorer.selected
    assert said.inner_text().startswith(f"{explorer.label[k]} seen from longitude ")
    value = float(said.inner_text().rsplit(" ", 1)[1].rstrip("."))
    assert value == pytest.approx(explorer.given["values"][NAMES[0]][k], rel=0.006)
    assert said.inner_text() in explorer.net.get_attribute("aria-label")
    for canvas in explorer.root.locator("canvas[role=img]").all():
        assert "seen from longitude" in canvas.get_attribute("aria-label")


def test_table_holds_the_directions_of_the_isomer(explorer):
    explorer.root.locator("summary").click()
    for name in (ISOMERS[0], ISOMERS[2]):
        explorer.root.get_by_role("radio", name=name).check()
        mine = explorer.members(name)
        explorer.tab.wait_for_function(
            f"document.querySelectorAll('.a2s-orientations tbody tr').length === {len(mine)}"
        )
        rows = explorer.root.locator("tbody tr").evaluate_all(
            "(rows) => rows.map((r) => [...r.cells].map((c) => c.textContent))"
        )
        for row, k in zip(rows, mine):
            latitude = float(row[1].replace("−", "-").rstrip("°"))
            assert latitude == pytest.approx(
                np.degrees(np.arcsin(explorer.directions[k, 2])), abs=0.51
            )
            expected = explorer.given["values"].iloc[k].tolist()
            assert [float(text) for text in row[2:]] == pytest.approx(expected, rel=0.006)


@pytest.mark.parametrize("width", [390, 640, 1280])
def test_nothing_scrolls_sideways_and_every_part_is_seen(explorer, width):
    explorer.tab.set_viewport_size({"width": width, "height": 900})
    explorer.root.locator("summary").click()
    assert explorer.tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    globe, shown = (explorer.root.locator(s).bounding_box() for s in (".net", ".shown"))
    assert globe["width"] > 250 and shown["width"] > 200
    assert (shown["y"] >= globe["y"] + globe["height"]) == (width == 390)


def test_focus_is_seen(explorer):
    explorer.root.locator("select").focus()
    explorer.tab.keyboard.press("Tab")
    assert explorer.net.evaluate("(e) => e === document.activeElement")
    style = explorer.net.evaluate(
        "(e) => { const s = getComputedStyle(e); return [s.outlineStyle, s.outlineWidth]; }"
    )
    assert style == ["solid", "3px"]


def test_names_are_text_and_nothing_moves_by_itself(explorer):
    assert ISOMERS[1] in explorer.text("fieldset")
    assert explorer.root.locator("hedron").count() == 0
    css = (ROOT / "helpers" / "widgets" / "orientations.css").read_text("utf-8")
    assert not re.search("transition|animation", css)
