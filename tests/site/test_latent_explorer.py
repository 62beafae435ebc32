"""The latent explorer on a page from disk, with no kernel: what it draws and says is right."""

import re

import numpy as np
import pandas as pd
import pytest
from built import ROOT, static_page
from scipy.interpolate import RegularGridInterpolator
from scipy.stats import norm

from helpers.widgets.latent import LatentExplorer

N, CLASSES = 120, ["Ni", "Pd", "Ni <pair>"]
GRID_X, GRID_Y = norm.ppf(np.linspace(0.02, 0.98, 7)), norm.ppf(np.linspace(0.05, 0.95, 6))


def made_up(kind):
    """Explorer of random images or spectra: nothing is symmetric, so no swap goes unseen."""
    rng = np.random.default_rng(8)
    shape = (9, 13) if kind == "images" else (31,)
    given = {
        "latent": rng.normal(0, 1.1, (N, 2)),
        "samples": rng.uniform(size=(N, *shape)),
        "decoded": rng.uniform(size=(len(GRID_Y), len(GRID_X), *shape)),
        "grid_x": GRID_X,
        "grid_y": GRID_Y,
        "label": pd.Categorical(rng.choice(CLASSES, N, p=[0.5, 0.3, 0.2]), CLASSES),
        "confidence": rng.uniform(size=N).round(2),
    }
    if kind == "images":
        points = rng.permutation(np.stack(np.mgrid[5:150:12, 5:110:10], -1).reshape(-1, 2))[:N]
        given |= {
            "image": rng.normal(size=(110, 160)),
            "points": pd.DataFrame(points + rng.uniform(-2, 2, (N, 2)), columns=["x_px", "y_px"]),
            "pixel_size_nm": 0.03,
            "fields": pd.DataFrame({"Probability": rng.uniform(size=N)}),
        }
    else:
        given |= {"axis": np.linspace(4, 1, 31) ** 2, "axis_label": "Energy loss / eV"}
    return given, LatentExplorer(**given)


class Explorer:
    """The explorer in its tab, and what it was made from."""

    def __init__(self, tab, given, widget):
        self.tab, self.given, self.widget = tab, given, widget
        self.root = tab.locator(".a2s-latent")
        self.shape = tuple(widget.sample_shape)
        self.latent = np.frombuffer(widget.latent, "<f4").reshape(-1, 2).astype(float)
        grid = np.frombuffer(widget.decoded, np.uint8).reshape(len(GRID_Y), len(GRID_X), -1)
        self.decode = RegularGridInterpolator((GRID_Y, GRID_X), grid.astype(float))
        self.samples = np.frombuffer(widget.samples, np.uint8).reshape(N, *self.shape)

    @property
    def cursor(self):
        return np.array([float(self.root.get_attribute(f"data-{name}")) for name in "xy"])

    @property
    def selected(self):
        return int(self.root.get_attribute("data-selected"))

    def span(self):
        """Latent units across the plane: what a step of the cursor is a fortieth of."""
        edges = self.tab.evaluate("""() => { const e = document.querySelector('.plane');
            const r = e.querySelector('.ground').getBoundingClientRect();
            return [r.left, r.right, r.bottom, r.top]; }""")
        out = []
        for x, y in ((edges[0], edges[2]), (edges[1], edges[3])):
            self.tab.mouse.move(x, y)
            out.append(self.cursor)
        return np.array(out)

    def expected(self, x, y):
        """Levels that Python interpolates at a place; beyond the grid those of its edge."""
        x, y = np.clip(x, GRID_X[0], GRID_X[-1]), np.clip(y, GRID_Y[0], GRID_Y[-1])
        return self.decode([(y, x)])[0].reshape(self.shape)

    def shown(self, panel):
        """Levels that the page shows under a label."""
        shape = tuple(self.widget.partner_shape) if panel == "partner" else self.shape
        if len(shape) == 2:
            data = self.root.locator(f".{panel} canvas").evaluate(
                "(c) => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
            )
            data = np.array(data).reshape(*shape, 4)
            assert (data[..., 0] == data[..., 1]).all() and (data[..., 3] == 255).all()
            return data[..., 0]
        pairs = self.root.locator(f".{panel} .line").get_attribute("points").split()
        x, y = np.array([pair.split(",") for pair in pairs], float).T
        axis = self.given["axis"]
        across = 48 + (axis - axis.min()) / np.ptp(axis) * 264
        np.testing.assert_allclose(x, across, atol=0.01)
        return (130 - y) / 122 * 255

    def check_decoding(self):
        np.testing.assert_allclose(self.shown("here"), self.expected(*self.cursor), atol=0.51)

    def check_selection(self, index):
        """Crop, words and rings are those of one sample."""
        assert self.selected == index
        np.testing.assert_allclose(self.shown("real"), self.samples[index], atol=0.02)
        told = dict(zip(self.texts("dt"), self.texts("dd")))
        name, confidence = self.given["label"][index], self.given["confidence"][index]
        assert told["Class"] == name and told["Confidence"] == f"{confidence:.3f}"
        assert f"Selected: sample {index}, {name}, confidence" in self.text(".chosen")
        x, y = self.centre(".plane .ring >> nth=-1")
        self.tab.mouse.move(x, y)
        np.testing.assert_allclose(self.cursor, self.latent[index], atol=0.02)
        if "points" in self.given:
            point = self.given["points"].iloc[index]
            x, y = self.centre(".map .ring >> nth=-1")
            frame = self.root.locator(".map image").bounding_box()
            at = (x - frame["x"]) / frame["width"] * 160, (y - frame["y"]) / frame["height"] * 110
            np.testing.assert_allclose(at, point + 0.5, atol=0.2)  # pixels have their middle at .0
            probability = self.given["fields"]["Probability"][index]
            assert told["Probability"] == f"{probability:.4g}"
            x_nm, y_nm = 0.03 * point
            place = told["In the field of view"].replace("\xa0", " ")
            assert place == f"x {x_nm:.2f}, y {y_nm:.2f} nm"

    def text(self, selector):
        return self.root.locator(selector).inner_text().replace("\xa0", " ")

    def texts(self, selector):
        return self.root.locator(selector).all_inner_texts()

    def centre(self, selector):
        box = self.root.locator(selector).bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """One page per kind of sample."""
    made = {}
    for kind in ("images", "spectra"):
        given, widget = made_up(kind)
        made[kind] = static_page(tmp_path_factory.mktemp(kind), widget), given, widget
    return made


@pytest.fixture(params=["images", "spectra"])
def explorer(request, visit, pages):
    url, given, widget = pages[request.param]
    visit.tab.set_viewport_size({"width": 1000, "height": 1100})
    return Explorer(visit.open(url), given, widget)


PAIRS = {"images": (12, 12), "spectra": (31,)}  # windows of even width, as in chapter 4


@pytest.fixture(params=["images", "spectra"])
def paired(request, visit, tmp_path):
    """Explorer of windows that are pairs of an image and a spectrum, without confidence."""
    kind, other = request.param, {"images": "spectra", "spectra": "images"}[request.param]
    rng = np.random.default_rng(9)
    label = pd.Categorical(rng.choice(CLASSES, N), CLASSES)
    points = np.stack(np.mgrid[6:54, 6:98], -1).reshape(-1, 2)[rng.choice(48 * 92, N, False)]
    given = {
        "latent": rng.normal(0, 1.1, (N, 2)),
        "samples": rng.uniform(size=(N, *PAIRS[kind])),
        "decoded": rng.uniform(size=(len(GRID_Y), len(GRID_X), *PAIRS[kind])),
        "grid_x": GRID_X, "grid_y": GRID_Y, "label": label,
        "partners": rng.uniform(5, 6, size=(N, *PAIRS[other])),
        "image": rng.normal(size=(60, 104)), "window_px": 12,
        "points": pd.DataFrame(points[:, ::-1].astype(float), columns=["x_px", "y_px"]),
        "axis": np.linspace(0.2, 1.2, 31), "axis_label": "Energy loss (eV)",
    }  # fmt: skip
    widget = LatentExplorer(**given)
    visit.tab.set_viewport_size({"width": 1000, "height": 1300})
    return Explorer(visit.open(static_page(tmp_path, widget)), given, widget)


@pytest.fixture
def mapped(visit, pages):
    url, given, widget = pages["images"]
    visit.tab.set_viewport_size({"width": 1000, "height": 1100})
    return Explorer(visit.open(url), given, widget)


def test_page_starts_with_a_sample_and_its_decoding(explorer):
    np.testing.assert_allclose(explorer.cursor, explorer.latent[explorer.widget.selected])
    explorer.check_decoding()
    explorer.check_selection(explorer.widget.selected)


def test_pointer_decodes_as_python_interpolates(explorer):
    (x0, y0), (x1, y1) = explorer.span()
    assert x0 <= explorer.latent[:, 0].min() and explorer.latent[:, 1].max() <= y1
    box = explorer.root.locator(".ground").bounding_box()
    seen = set()
    for u, v in np.random.default_rng(2).uniform(size=(12, 2)):
        explorer.tab.mouse.move(box["x"] + u * box["width"], box["y"] + v * box["height"])
        place = [x0 + u * (x1 - x0), y1 + v * (y0 - y1)]
        np.testing.assert_allclose(explorer.cursor, place, atol=0.02)
        explorer.check_decoding()
        x, y = explorer.cursor
        outside = not (GRID_X[0] <= x <= GRID_X[-1] and GRID_Y[0] <= y <= GRID_Y[-1])
        seen.add(outside)
        expected = f"z₁ {x:.2f}, z₂ {y:.2f}".replace("-", "−")
        assert explorer.text(".where") == expected + " (edge of grid)" * outside
    assert seen == {True, False}


def test_arrow_keys_decode_and_enter_selects_the_nearest(explorer):
    start, stop = explorer.span()
    step = (stop - start) / 40
    explorer.tab.mouse.move(0, 0)
    explorer.root.locator(".plane").focus()
    for key, (dx, dy) in {
        "ArrowLeft": (-1, 0), "ArrowDown": (0, -1), "ArrowRight": (1, 0), "ArrowUp": (0, 1),
    }.items():  # fmt: skip
        for _ in range(3):
            before = explorer.cursor
            explorer.tab.keyboard.press(key)
            wanted = np.clip(before + [dx * step[0], dy * step[1]], start, stop)
            np.testing.assert_allclose(explorer.cursor, wanted, atol=0.02)
        explorer.check_decoding()
        explorer.tab.keyboard.press("Enter")
        distance = np.linalg.norm((explorer.latent - explorer.cursor) / step, axis=1)
        explorer.check_selection(distance.argmin())
        explorer.root.locator(".plane").focus()


def test_focus_is_seen(mapped):
    for selector in (".plane", ".map", "input[type=range]"):
        mapped.root.locator("input[type=checkbox]").focus()
        for _ in range(8):
            mapped.tab.keyboard.press("Shift+Tab" if selector == ".plane" else "Tab")
            target = mapped.root.locator(selector)
            if target.evaluate("(e) => e === document.activeElement"):
                break
        style = target.evaluate(
            "(e) => { const s = getComputedStyle(e); return [s.outlineStyle, s.outlineWidth]; }"
        )
        assert style == ["solid", "3px"]


def test_atom_in_the_micrograph_and_point_in_the_plane_are_linked(mapped):
    frame = mapped.root.locator(".map image").bounding_box()
    for index in (3, 77, 110):
        x, y = mapped.given["points"].iloc[index] + 0.5
        mapped.tab.mouse.click(
            frame["x"] + x / 160 * frame["width"], frame["y"] + y / 110 * frame["height"]
        )
        np.testing.assert_allclose(mapped.cursor, mapped.latent[index])
        mapped.check_decoding()
        mapped.check_selection(index)
    # back from the plane: click where that last ring stands, after another atom was chosen
    at = mapped.centre(".plane .ring >> nth=-1")
    mapped.tab.mouse.click(frame["x"] + 2, frame["y"] + 2)
    assert mapped.selected != 110
    mapped.tab.mouse.click(*at)
    mapped.check_selection(110)


def test_a_click_shows_both_halves_of_a_pair_and_the_window_it_is(paired):
    box = paired.root.locator(".ground").bounding_box()
    partners = np.frombuffer(paired.widget.partners, np.uint8)
    partners = partners.reshape(N, *paired.widget.partner_shape)
    seen = set()
    for u, v in np.random.default_rng(3).uniform(0.3, 0.7, size=(6, 2)):
        paired.tab.mouse.click(box["x"] + u * box["width"], box["y"] + v * box["height"])
        index = paired.selected
        seen.add(index)
        paired.check_decoding()
        np.testing.assert_allclose(paired.shown("real"), paired.samples[index], atol=0.02)
        np.testing.assert_allclose(paired.shown("partner"), partners[index], atol=0.02)
        path = paired.root.locator(".map .ring >> nth=-1").get_attribute("d")
        left, top, right, bottom = map(float, re.match(r"M(.+?),(.+?)h(.+?)v(.+?)h", path).groups())
        x, y = paired.given["points"].iloc[index]
        assert (left, top, right, bottom) == (x - 6.5, y - 6.5, 12, 12)
        assert f"M{x - 1:g},{y:g}h2" in path
    assert len(seen) > 3


def test_a_place_in_the_micrograph_is_the_nearest_window(paired):
    frame = paired.root.locator(".map image").bounding_box()
    points = paired.given["points"].to_numpy()
    for place in ((20.2, 30.7), (80.1, 11.4)):
        at = (np.array(place) + 0.5) / (104, 60) * (frame["width"], frame["height"])
        paired.tab.mouse.click(frame["x"] + at[0], frame["y"] + at[1])
        distance = np.linalg.norm(points - place, axis=1)
        assert distance[paired.selected] == pytest.approx(distance.min(), abs=0.2)
        np.testing.assert_allclose(paired.cursor, paired.latent[paired.selected])


def test_without_confidence_there_is_no_slider(paired):
    assert not paired.root.locator("input[type=range]").is_visible()
    assert not paired.root.locator(".counts").is_visible()
    assert "Confidence" not in paired.texts("dt") and "confidence" not in paired.text(".chosen")
    paired.root.locator("summary").click()
    label = np.asarray(paired.given["label"])
    rows = paired.root.locator("tbody tr").evaluate_all(
        "(rows) => rows.map((r) => [...r.cells].map((c) => c.textContent.trim()))"
    )
    assert rows == [[name, str((label == name).sum())] for name in CLASSES]
    assert paired.root.locator(".map .mark.below").evaluate_all("(a) => a.map((e) => "
                               "e.getAttribute('d')).join('')") == ""  # fmt: skip


def test_arrow_keys_in_the_micrograph_reach_the_neighbour(mapped):
    points = mapped.given["points"].to_numpy()
    mapped.tab.mouse.click(*mapped.centre(".map image"))
    mapped.root.locator(".map").focus()
    moved = 0
    for key, ahead in {
        "ArrowRight": (1, 0), "ArrowDown": (0, 1), "ArrowLeft": (-1, 0), "ArrowUp": (0, -1),
    }.items():  # fmt: skip
        for _ in range(4):
            apart = points - points[mapped.selected]
            along, length = apart @ ahead, np.linalg.norm(apart, axis=1)
            length[(along <= 0) | (along < length * np.sqrt(0.5))] = np.inf
            wanted = length.argmin() if np.isfinite(length).any() else mapped.selected
            moved += wanted != mapped.selected
            mapped.tab.keyboard.press(key)
            assert mapped.selected == wanted
    assert moved > 8
    mapped.check_selection(mapped.selected)


def test_slider_greys_out_and_counts(explorer):
    label, confidence = np.asarray(explorer.given["label"]), explorer.given["confidence"]
    slider = explorer.root.locator("input[type=range]")
    explorer.root.locator("summary").click()
    for floor in (0.0, confidence[5], 0.8, 1.0):
        slider.fill(str(floor))
        kept = confidence >= floor
        counts = [int((kept & (label == name)).sum()) for name in CLASSES]
        said = explorer.text(".counts")
        assert said.startswith(f"Confidence of at least {floor:.2f}: {kept.sum()} of {N} samples")
        for i, (name, count) in enumerate(zip(CLASSES, counts)):
            found, share = re.search(rf"\b{re.escape(name)} (\d+) \(([\d–]+)", said).groups()
            assert int(found) == count
            if kept.any():
                assert float(share) == pytest.approx(100 * count / kept.sum(), abs=0.51)
            assert explorer.text(f"[data-shown='{i}']") == f"{count} of {(label == name).sum()}"
            for svg in (".plane", ".map") if "points" in explorer.given else (".plane",):
                drawn = explorer.root.locator(f"{svg} .mark[data-class='{i}']").evaluate_all(
                    "(all) => all.map((e) => [e.classList.contains('below'), "
                    "e.getAttribute('d').split('M').length - 1])"
                )
                assert drawn == [[True, (label == name).sum() - count], [False, count]]
        assert explorer.root.locator(".counts").get_attribute("aria-live") == "polite"
        rows = explorer.root.locator("tbody tr").evaluate_all(
            "(rows) => rows.map((r) => [...r.cells].map((c) => c.textContent.trim()))"
        )
        for name, count, row in zip(CLASSES, counts, rows, strict=True):
            mine = confidence[label == name]
            assert row[:2] == [name, str(len(mine))]
            assert float(row[2]) == pytest.approx(mine.mean(), abs=6e-4)
            found, share = map(int, re.fullmatch(r"(\d+)\s+\((\d+)\xa0%\)", row[3]).groups())
            assert found == count
            assert share == pytest.approx(100 * count / len(mine), abs=0.51)


def test_slider_moves_with_the_keyboard(explorer):
    explorer.root.locator("input[type=range]").focus()
    for _ in range(30):
        explorer.tab.keyboard.press("ArrowRight")
    kept = (explorer.given["confidence"] >= 0.3).sum()
    assert f"at least 0.30: {kept} of {N}" in explorer.text(".counts")
    assert explorer.text("output") == "0.30"


def test_backdrop_shows_each_decoding_in_its_place_and_can_be_hidden(mapped):
    mapped.root.locator("input[type=checkbox]").uncheck()
    assert not mapped.root.locator(".grid").is_visible()
    mapped.root.locator("input[type=checkbox]").check()
    assert mapped.root.locator(".grid").is_visible()
    start, stop = mapped.span()
    picture = mapped.root.locator(".grid").evaluate("""async (image) => {
        const picture = new Image(); picture.src = image.getAttribute("href");
        await picture.decode(); const c = document.createElement("canvas");
        [c.width, c.height] = [picture.naturalWidth, picture.naturalHeight];
        const t = c.getContext("2d"); t.drawImage(picture, 0, 0);
        return [c.width, c.height, [...t.getImageData(0, 0, c.width, c.height).data]]; }""")
    width, height, data = picture
    data = np.array(data).reshape(height, width, 4)[..., 0]
    for row, column in ((0, 0), (5, 6), (2, 4)):
        x = (GRID_X[column] - start[0]) / (stop[0] - start[0]) * width
        y = (stop[1] - GRID_Y[row]) / (stop[1] - start[1]) * height
        near = data[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2]
        # unequal steps: a grid point is off the middle of its cell, so any pixel of it may show
        levels = mapped.decode([(GRID_Y[row], GRID_X[column])])[0]
        assert set(near.ravel()) <= set(levels.round().astype(int))


@pytest.mark.parametrize("width", [390, 1280])
def test_pairs_fit_too(paired, width):
    paired.tab.set_viewport_size({"width": width, "height": 900})
    assert paired.tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for selector in (".plane", ".here", ".real", ".partner", ".map"):
        assert paired.root.locator(selector).bounding_box()["width"] > 100
    for drawing in paired.root.locator("[role=img], [role=application]").all():
        assert len(drawing.get_attribute("aria-label")) > 20


@pytest.mark.parametrize("width", [390, 640, 1280])
def test_nothing_scrolls_sideways_and_every_panel_is_seen(explorer, width):
    explorer.tab.set_viewport_size({"width": width, "height": 900})
    assert explorer.tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    boxes = [explorer.root.locator(s).bounding_box() for s in (".plane", ".here", ".real")]
    assert boxes[0]["width"] > 270 and all(box["width"] > 100 for box in boxes)
    stacked = boxes[1]["y"] >= boxes[0]["y"] + boxes[0]["height"]
    assert stacked == (width == 390)


def test_names_are_text_and_every_drawing_has_one(explorer):
    assert any(CLASSES[2] in text for text in explorer.texts(".key span"))
    assert explorer.root.locator("pair").count() == 0
    for drawing in explorer.root.locator("[role=img], [role=application]").all():
        assert len(drawing.get_attribute("aria-label")) > 20
    css = (ROOT / "helpers" / "widgets" / "latent.css").read_text("utf-8")
    assert not re.search("transition|animation", css)  # nothing moves by itself
