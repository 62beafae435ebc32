"""The state that the latent explorer carries into a page is right, and small."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from ipywidgets.embed import dependency_state
from PIL import Image

from helpers.widgets.latent import LatentExplorer


def field(n=40, shape=(5, 7), grid=(3, 4), seed=3):
    """Everything about a small made-up micrograph, as keywords."""
    rng = np.random.default_rng(seed)
    return {
        "latent": rng.normal(size=(n, 2)),
        "samples": rng.normal(10, 2, (n, *shape)),
        "decoded": rng.normal(10, 1, (*grid, *shape)),
        "grid_x": np.linspace(-2, 2, grid[1]),
        "grid_y": [-1.0, 0.5, 1.0] if grid[0] == 3 else np.linspace(-2, 2, grid[0]),
        "label": rng.choice(["Pd", "Ni"], n).tolist(),
        "confidence": rng.uniform(size=n),
        "image": rng.normal(100, 10, (60, 90)),
        "points": pd.DataFrame(rng.uniform(0, [89, 59], (n, 2)), columns=["x_px", "y_px"]),
        "pixel_size_nm": 0.03,
    }


def levels(data, *shape):
    return np.frombuffer(data, np.uint8).reshape(shape)


def test_images_keep_their_values_but_for_the_level_and_the_ends():
    given = field()
    widget = LatentExplorer(**given)
    low, high = widget.levels
    both = np.concatenate([given["samples"].ravel(), given["decoded"].ravel()])
    assert (both < low).sum() == (both > high).sum() == 2  # a thousandth of 1820 at either end
    step = (high - low) / 255
    for name in ("samples", "decoded"):
        values = low + levels(getattr(widget, name), *given[name].shape) * step
        expected = np.clip(given[name], low, high)
        np.testing.assert_allclose(values, expected, atol=0.501 * step)
    assert widget.sample_shape == [5, 7] and widget.axis == []


def test_spectra_keep_their_highest_and_lowest_value():
    given = field(shape=(50,))
    given["samples"][7, 20] = 1000.0  # a peak is not an outlier
    axis = np.linspace(0.5, 4, 50)
    widget = LatentExplorer(**given, axis=axis, axis_label="Energy loss / eV")
    low, high = widget.levels
    assert high == 1000 and low == min(given["samples"].min(), given["decoded"].min())
    assert levels(widget.samples, 40, 50)[7, 20] == 255
    assert widget.sample_shape == [50] and widget.axis == axis.tolist()
    assert LatentExplorer(**given).axis == list(range(50))


def test_points_latent_and_confidence_arrive():
    given = field()
    widget = LatentExplorer(**given)
    latent = np.frombuffer(widget.latent, "<f4").reshape(-1, 2)
    np.testing.assert_allclose(latent, given["latent"], rtol=1e-6)
    places = np.frombuffer(widget.points, "<f4").reshape(-1, 2)
    np.testing.assert_allclose(places, given["points"][["x_px", "y_px"]], rtol=1e-6)
    np.testing.assert_array_equal(np.frombuffer(widget.confidence), given["confidence"])


def test_picture_runs_over_the_percentiles_of_the_image():
    given = field()
    widget = LatentExplorer(**given)
    low, high = np.percentile(given["image"], (0.5, 99.5))
    expected = np.clip((given["image"] - low) / (high - low), 0, 1) * 255
    picture = np.asarray(Image.open(io.BytesIO(widget.picture)), float)
    np.testing.assert_allclose(picture, expected, atol=0.501)
    assert widget.picture_shape == [60, 90]


def test_classes_are_sorted_or_in_the_order_of_the_categories():
    given = field()
    label = given.pop("label")
    plain = LatentExplorer(**given, label=label)
    ordered = LatentExplorer(**given, label=pd.Categorical(label, ["Pd", "Ni", "Ru"]))
    assert plain.classes == ["Ni", "Pd"] and ordered.classes == ["Pd", "Ni", "Ru"]
    for widget in (plain, ordered):
        codes = np.frombuffer(widget.class_of, np.uint8)
        assert [widget.classes[code] for code in codes] == label


def test_classes_have_the_colours_that_are_given_by_name():
    given = field()
    assert LatentExplorer(**given).colours == ["", ""]
    assert LatentExplorer(**given, colours={"Pd": "#fff", "Ru": "#000"}).colours == ["", "#fff"]


def test_first_selection_is_in_the_middle_of_the_largest_class():
    given = field()
    given["label"] = ["Ni"] * 25 + ["Pd"] * 15
    selected = LatentExplorer(**given).selected
    middle = given["latent"][:25].mean(0)
    assert selected == np.linalg.norm(given["latent"][:25] - middle, axis=1).argmin()


def test_fields_are_short_text():
    given = field(n=2)
    fields = pd.DataFrame({"Probability": [0.123456, 1.0], "Bonds": [3, 0], "Site": ["4N", "3N"]})
    widget = LatentExplorer(**given, fields=fields)
    assert widget.field_names == ["Probability", "Bonds", "Site"]
    assert widget.fields == [["0.1235", "3", "4N"], ["1", "0", "3N"]]


def test_without_an_image_there_is_no_picture():
    given = field()
    del given["image"], given["points"]
    widget = LatentExplorer(**given)
    assert widget.picture == b"" and widget.picture_shape == [] and widget.points == b""


@pytest.mark.parametrize("shape, other", [((5, 7), (50,)), ((50,), (5, 7))])
def test_partners_arrive_on_a_scale_of_their_own(shape, other):
    given = field(shape=shape)
    given["partners"] = np.random.default_rng(6).normal(-3, 0.1, (40, *other))
    axis = np.linspace(0.2, 1.2, 50)
    widget = LatentExplorer(**given, window_px=8, axis=axis)
    assert widget.partner_shape == list(other) and widget.axis == axis.tolist()
    assert widget.window_px == 8
    low, high = widget.partner_levels
    values = low + levels(widget.partners, 40, *other) * (high - low) / 255
    expected = np.clip(given["partners"], low, high)
    np.testing.assert_allclose(values, expected, atol=0.501 * (high - low) / 255)
    assert widget.levels == LatentExplorer(**field(shape=shape)).levels


def test_without_confidence_and_partners_nothing_of_them_is_carried():
    given = field()
    del given["confidence"]
    widget = LatentExplorer(**given)
    assert widget.confidence == b"" and widget.partners == b"" and widget.window_px == 0


def test_two_networks_over_a_film_take_less_than_two_megabytes():
    rng = np.random.default_rng(2)
    images, spectra = rng.normal(size=(690, 16, 16)), rng.normal(size=(690, 200))
    size = 0
    for samples, partners in ((images, spectra), (spectra, images)):
        given = field(n=690, shape=samples.shape[1:], grid=(16, 16)) | {"samples": samples}
        widget = LatentExplorer(**given, partners=partners)
        size += len(json.dumps(dependency_state([widget], drop_defaults=False)))
    assert size < 2_000_000


def test_inputs_stay_as_they_were():
    given = field()
    before = {name: np.array(value, copy=True) for name, value in given.items()}
    LatentExplorer(**given)
    for name, value in before.items():
        np.testing.assert_array_equal(value, given[name])


def test_state_of_600_atoms_takes_less_than_a_megabyte():
    given = field(n=600, shape=(21, 21), grid=(11, 11))
    given["image"] = np.random.default_rng(1).normal(size=(512, 512))  # noise packs worst
    widget = LatentExplorer(**given, fields=given["points"])
    assert len(json.dumps(dependency_state([widget], drop_defaults=False))) < 1_000_000


WRONG = {
    "samples must be": {"samples": np.zeros((40, 5))[:, 0]},
    "samples must be finite": {"samples": np.full((40, 5, 7), np.nan)},
    "latent must have shape": {"latent": np.zeros((39, 2))},
    "latent must be finite": {"latent": np.full((40, 2), np.inf)},
    "decoded must have shape": {"decoded": np.zeros((4, 3, 5, 7))},
    "grid_x must be two or more": {"grid_x": [0.0, 1.0, 1.0, 2.0]},
    "grid_y must be two or more": {"grid_y": [1.0]},
    "label must name": {"label": ["Ni"] * 39},
    "each of the 40 samples": {"label": ["Ni"] * 39 + [None]},
    "at most 8": {"label": [str(i % 9) for i in range(40)]},
    "confidence must have": {"confidence": np.zeros(3)},
    r"confidence must lie in \[0, 1\]": {"confidence": np.linspace(0, 1.2, 40)},
    "belong together": {"points": None},
    "image must be": {"image": np.zeros((60, 90, 3))},
    "missing": {"points": pd.DataFrame({"x": np.zeros(40), "y_px": np.zeros(40)})},
    "points must lie inside": {"points": pd.DataFrame({"x_px": [0.0] * 40, "y_px": [60.0] * 40})},
    "one row per sample": {"fields": pd.DataFrame({"a": [1]})},
    "axis is for spectra": {"axis": np.arange(5)},
    r"partners must be \(N, L\)": {"partners": np.zeros((40, 5, 7))},
    "partners must be .* of 40": {"partners": np.zeros((39, 9))},
    "partners show nothing": {"partners": np.zeros((40, 9))},
    "axis must have shape": {"partners": np.eye(40, 9), "axis": np.arange(8)},
    "show nothing": {"samples": np.ones((40, 5, 7)), "decoded": np.ones((3, 4, 5, 7))},
}


@pytest.mark.parametrize("sentence", WRONG)
def test_wrong_input_is_refused(sentence):
    with pytest.raises(ValueError, match=sentence):
        LatentExplorer(**(field() | WRONG[sentence]))


def test_axis_of_another_length_is_refused():
    with pytest.raises(ValueError, match="axis must have shape"):
        LatentExplorer(**field(shape=(50,)), axis=np.arange(49))
