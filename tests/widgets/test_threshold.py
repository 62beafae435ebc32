"""The state that the threshold explorer carries into a page is right."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers.atoms.evaluate import score, threshold_curve
from helpers.atoms.matching import match
from helpers.widgets.threshold import ThresholdExplorer

THRESHOLDS = np.linspace(0, 1, 21)


@pytest.fixture
def field():
    """Image, detections, labels and curve of a small made-up field."""
    rng = np.random.default_rng(5)
    labels = pd.DataFrame(rng.uniform(0, [159, 99], (30, 2)), columns=["x_px", "y_px"])
    near = labels.iloc[:24] + rng.normal(0, 2, (24, 2))
    far = pd.DataFrame(rng.uniform(0, [159, 99], (20, 2)), columns=["x_px", "y_px"])
    detections = pd.concat([near, far], ignore_index=True)
    detections["probability"] = np.concatenate([rng.beta(4, 2, 24), rng.beta(2, 4, 20)])
    image = np.tile(np.linspace(-0.1, 1.1, 160), (100, 1))
    return image, detections, labels, threshold_curve([labels], [detections], THRESHOLDS)


def bits(data, width):
    """Unpack what the page unpacks."""
    rows = np.frombuffer(data, np.uint8).reshape(len(THRESHOLDS), -1)
    return np.unpackbits(rows, axis=1)[:, :width].astype(bool)


def test_matching_is_that_of_the_evaluation_at_every_threshold(field):
    image, detections, labels, curve = field
    widget = ThresholdExplorer(*field, pixel_size_nm=0.03, match=match)
    atoms = pd.DataFrame(widget.atoms, columns=["x_px", "y_px", "probability"])
    assert atoms["probability"].is_monotonic_decreasing
    matched, found = bits(widget.matched, len(detections)), bits(widget.found, len(labels))
    for row, (threshold, count, precision, recall, f1) in enumerate(widget.rows):
        shown = detections[detections["probability"] > threshold]
        expected = score(labels, shown)
        assert count == len(shown)
        assert matched[row].sum() == found[row].sum() == expected["tp"]
        assert not matched[row, int(count) :].any()
        assert [precision, recall, f1] == pytest.approx(
            [expected["precision"], expected["recall"], expected["f1"]], abs=1e-6
        )
        hits = atoms[matched[row]]
        found_labels = labels[found[row]]
        for x, y in hits[["x_px", "y_px"]].to_numpy():  # x is the column, y the row
            assert np.hypot(found_labels["x_px"] - x, found_labels["y_px"] - y).min() < 10


def test_picture_is_the_clipped_image(field):
    image = field[0]
    widget = ThresholdExplorer(*field, pixel_size_nm=0.03, match=match)
    picture = np.asarray(Image.open(io.BytesIO(widget.picture)))
    np.testing.assert_array_equal(picture, np.round(np.clip(image, 0, 1) * 255))
    assert widget.shape == [100, 160]


def test_large_picture_is_shrunk_but_keeps_its_coordinates(field):
    widget = ThresholdExplorer(np.zeros((512, 4096)), *field[1:], pixel_size_nm=0.03, match=match)
    assert Image.open(io.BytesIO(widget.picture)).size == (1024, 128)
    assert widget.shape == [512, 4096]


def test_area_is_the_whole_picture_unless_given(field):
    assert ThresholdExplorer(*field, pixel_size_nm=0.1, match=match).area_nm2 == pytest.approx(160)
    widget = ThresholdExplorer(*field, pixel_size_nm=0.1, area_nm2=50, match=match)
    assert widget.area_nm2 == 50


def test_without_labels_there_are_counts_only(field):
    image, detections, _, curve = field
    widget = ThresholdExplorer(image, detections, None, curve[["threshold"]], pixel_size_nm=0.03)
    assert widget.labels is None
    assert all(len(row) == 2 for row in widget.rows)


def test_state_is_small(field):
    widget = ThresholdExplorer(*field, pixel_size_nm=0.03, match=match)
    state = widget.get_state()
    assert sum(len(str(value)) for value in state.values()) < 100_000


def test_curve_of_other_images_is_refused(field):
    image, detections, labels, curve = field
    with pytest.raises(ValueError, match="curve's precision"):
        ThresholdExplorer(
            image, detections, labels, curve.assign(precision=0.5), pixel_size_nm=1, match=match
        )
    with pytest.raises(ValueError, match="curve's recall"):
        ThresholdExplorer(
            image, detections, labels, curve.assign(recall=0.5), pixel_size_nm=1, match=match
        )


def test_wrong_input_is_refused(field):
    image, detections, labels, curve = field
    with pytest.raises(ValueError, match="match="):
        ThresholdExplorer(*field, pixel_size_nm=0.03)
    with pytest.raises(ValueError, match="finite array"):
        ThresholdExplorer(image[None], detections, labels, curve, pixel_size_nm=1, match=match)
    with pytest.raises(ValueError, match="probability"):
        ThresholdExplorer(image, labels, labels, curve, pixel_size_nm=1, match=match)
