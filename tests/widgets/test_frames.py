"""The state that the frame explorer carries into a page is right, and small."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from ipywidgets.embed import dependency_state
from PIL import Image

from helpers.figures import COLOURS
from helpers.widgets.frames import FrameExplorer

STATES = ["icosahedron", "decahedron", "cuboctahedron", "amorphous"]


def video(n=23, shape=(12, 17), seed=6):
    """Everything about a made-up video, as keywords."""
    rng = np.random.default_rng(seed)
    return {
        "frames": rng.normal(100, 10, (n, *shape)),
        "probabilities": rng.dirichlet(np.ones(4), n),
        "states": STATES,
        "smoothed": rng.integers(4, size=n),
        "truth": rng.integers(4, size=n),
        "seconds_per_frame": 0.04,
        "pixel_size_nm": 0.05,
    }


def tiles(widget, n):
    """The frames as the page cuts them out of the sprite."""
    sheet = np.asarray(Image.open(io.BytesIO(widget.sprite)).convert("L"))
    columns, height, width = widget.sprite_shape
    at = [(i // columns * height, i % columns * width) for i in range(n)]
    return np.array([sheet[y : y + height, x : x + width] for y, x in at])


@pytest.mark.parametrize("n", [1, 5, 23])
@pytest.mark.parametrize("shape", [(12, 17), (3, 40)])
def test_every_frame_keeps_its_place_and_its_values_but_for_the_level(n, shape):
    given = video(n, shape)
    low, high = np.percentile(given["frames"], (0.1, 99.9))
    expected = np.clip((given["frames"] - low) / (high - low), 0, 1) * 255
    shown = tiles(FrameExplorer(**given), n)
    np.testing.assert_allclose(shown, expected, atol=0.5 * 255 / 63 + 0.51)
    assert shown.min() == 0 and shown.max() == 255


def test_probabilities_and_paths_arrive():
    given = video()
    widget = FrameExplorer(**given)
    found = np.frombuffer(widget.probabilities, "<f4").reshape(23, 4)
    np.testing.assert_allclose(found, given["probabilities"], rtol=1e-6)
    assert list(widget.smoothed) == given["smoothed"].tolist()
    assert list(widget.truth) == given["truth"].tolist()
    assert FrameExplorer(**(given | {"truth": None})).truth == b""
    assert widget.states == STATES and widget.frame == 0


def test_inputs_stay_as_they_were():
    given = video()
    before = {name: np.array(value, copy=True) for name, value in given.items()}
    FrameExplorer(**given)
    for name, value in before.items():
        np.testing.assert_array_equal(value, given[name])


def test_200_frames_of_noise_take_less_than_half_a_megabyte():
    given = video(200, (48, 48))
    given["frames"] = np.random.default_rng(1).uniform(size=(200, 48, 48))  # noise packs worst
    widget = FrameExplorer(**given)
    assert len(widget.sprite) < 0.76 * 210 * 48 * 48  # 14 rows of 15
    assert len(json.dumps(dependency_state([widget], drop_defaults=False))) < 500_000


def test_more_than_a_page_holds_is_refused():
    given = video(200, (110, 110))
    with pytest.raises(ValueError, match="200 pictures of 110 x 110 px take 1.6 MB, at most 1.5"):
        FrameExplorer(**given)


def test_colours_are_those_of_the_figures():
    css = (Path(__file__).parents[2] / "helpers" / "widgets" / "frames.css").read_text("utf-8")
    found = re.findall(r"state-\d \{ --colour: (#\w+)", css)
    assert len(found) == len(set(found)) == 6
    assert set(found) <= {colour.lower() for colour in COLOURS.values()}


WRONG = {
    "frames must be": {"frames": np.zeros((23, 12))},
    "frames must be finite": {"frames": np.full((23, 12, 17), np.nan)},
    "frames show nothing": {"frames": np.ones((23, 12, 17))},
    "probabilities must have shape": {"probabilities": np.full((23, 3), 1 / 3)},
    "must sum to one": {"probabilities": np.full((23, 4), 0.3)},
    "must not be negative": {"probabilities": np.tile([0.6, 0.6, -0.2, 0.0], (23, 1))},
    "states must be 1 to 6": {"states": list("abcdefg")},
    "smoothed must have shape": {"smoothed": np.zeros(22)},
    "smoothed must hold positions": {"smoothed": np.full(23, 4)},
    "truth must hold positions": {"truth": np.full(23, -1)},
    "seconds_per_frame must be": {"seconds_per_frame": 0.0},
    "pixel_size_nm must be": {"pixel_size_nm": float("nan")},
}


@pytest.mark.parametrize("sentence", WRONG)
def test_wrong_input_is_refused(sentence):
    with pytest.raises(ValueError, match=sentence):
        FrameExplorer(**(video() | WRONG[sentence]))
