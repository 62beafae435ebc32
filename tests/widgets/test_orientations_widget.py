"""The state that the orientation explorer carries into a page is right, and small."""

import io
import json
import re
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from ipywidgets.embed import dependency_state
from PIL import Image

from helpers.widgets.orientations import OrientationExplorer

WIDGETS = Path(__file__).parents[2] / "helpers" / "widgets"


def atlas(n=20, shape=(9, 11), seed=2):
    """Everything about a made-up atlas, as keywords."""
    rng = np.random.default_rng(seed)
    return {
        "directions": rng.normal(size=(n, 3)),
        "label": pd.Categorical(np.resize(["Ih", "Dh", "Oh"], n), ["Oh", "Ih", "Dh"]),
        "images": rng.uniform(size=(n, *shape)),
        "values": pd.DataFrame({"ambiguity": rng.uniform(size=n), "P(Ih)": rng.uniform(size=n)}),
        "pixel_size_nm": 0.1,
        "alike": rng.integers(n, size=(n, 2)),
        "similarity": rng.uniform(size=(n, 2)),
    }


def test_directions_are_unit_vectors_and_all_tables_keep_their_rows():
    given = atlas()
    widget = OrientationExplorer(**given)
    directions = np.frombuffer(widget.directions, "<f4").reshape(20, 3)
    expected = given["directions"] / np.linalg.norm(given["directions"], axis=1)[:, None]
    np.testing.assert_allclose(directions, expected, atol=1e-6)
    values = np.frombuffer(widget.values, "<f4").reshape(20, 2)
    np.testing.assert_allclose(values, given["values"], rtol=1e-6)
    assert widget.names == ["ambiguity", "P(Ih)"] and widget.isomers == ["Oh", "Ih", "Dh"]
    assert [widget.isomers[code] for code in widget.isomer_of] == list(given["label"])
    alike = np.frombuffer(widget.alike, "<i4").reshape(20, 2)
    np.testing.assert_array_equal(alike, given["alike"])
    similarity = np.frombuffer(widget.similarity, "<f4").reshape(20, 2)
    np.testing.assert_allclose(similarity, given["similarity"], rtol=1e-6)


def test_images_lie_in_the_sprite_in_their_order():
    given = atlas()
    widget = OrientationExplorer(**given)
    sheet = np.asarray(Image.open(io.BytesIO(widget.sprite)).convert("L"), float)
    columns, height, width = widget.sprite_shape
    low, high = np.percentile(given["images"], (0.1, 99.9))
    for i, image in enumerate(given["images"]):
        y, x = i // columns * height, i % columns * width
        expected = np.clip((image - low) / (high - low), 0, 1) * 255
        np.testing.assert_allclose(sheet[y : y + height, x : x + width], expected, atol=2.6)


def test_it_starts_with_the_highest_value_of_the_first_isomer():
    given = atlas()
    first = given["values"]["ambiguity"].where(np.asarray(given["label"]) == "Oh")
    assert OrientationExplorer(**given).selected == first.idxmax()


def test_alike_images_and_similarity_may_be_left_out():
    given = atlas()
    del given["similarity"]
    assert OrientationExplorer(**given).similarity == b""
    del given["alike"]
    assert OrientationExplorer(**given).alike == b""


def test_inputs_stay_as_they_were():
    given = atlas()
    before = {name: np.array(value, copy=True) for name, value in given.items()}
    OrientationExplorer(**given)
    for name, value in before.items():
        np.testing.assert_array_equal(value, given[name])


def test_four_isomers_from_350_directions_take_less_than_1_1_megabytes():
    given = atlas(1400, (26, 26))  # noise packs worst
    state = dependency_state([OrientationExplorer(**given)], drop_defaults=False)
    assert len(json.dumps(state)) < 1_100_000


def test_colours_are_those_of_cividis():
    script = (WIDGETS / "orientations.js").read_text("utf-8")
    stops = re.findall('"(#[0-9a-f]{6})"', script)
    cividis = [matplotlib.colors.to_hex(matplotlib.colormaps["cividis"](i / 10)) for i in range(11)]
    assert stops == cividis
    style = (WIDGETS / "orientations.css").read_text("utf-8")
    assert ", ".join(stops) in style  # the ramp below the globe


WRONG = {
    "images must be": {"images": np.zeros((20, 9))},
    "directions must have shape": {"directions": np.ones((20, 2))},
    "directions must not be zero": {"directions": np.eye(20, 3)},
    "label must name": {"label": ["Ih"] * 19},
    "at most 8": {"label": [str(i % 9) for i in range(20)]},
    "values must have 20 rows": {"values": pd.DataFrame({"a": np.ones(19)})},
    "a column or more": {"values": pd.DataFrame(index=range(20))},
    "values must be finite": {"values": pd.DataFrame({"a": [np.nan] * 20})},
    "pixel_size_nm must be": {"pixel_size_nm": -1.0},
    "alike must hold rows": {"alike": np.full((20, 2), 20)},
    "alike must hold rows of the 20 images": {"alike": np.zeros(20)},
    "similarity must have shape": {"similarity": np.zeros((20, 3))},
    "give both": {"alike": None},
}


@pytest.mark.parametrize("sentence", WRONG)
def test_wrong_input_is_refused(sentence):
    with pytest.raises(ValueError, match=sentence):
        OrientationExplorer(**(atlas() | WRONG[sentence]))
