import numpy as np
import pytest
import xarray as xr

from helpers.data import DataError
from helpers.points import open_points


@pytest.fixture
def image():
    """An image wider than high."""
    return xr.DataArray(np.zeros((48, 64), np.float32), dims=("y", "x"))


@pytest.mark.parametrize(
    "text",
    ["X,Y\n3,4\n5.5,6\n", " ,X,Y\n1,3,4\n2,5.5,6\n", "x;y\n3;4\n5.5;6\n", "x\ty\n3\t4\n5.5\t6\n",
     "\ufeffArea, y_px, x_px\n9,4,3\n9,6,5.5\n"],
)  # fmt: skip
def test_open_points(text, tmp_path, image):
    path = tmp_path / "points.csv"
    path.write_text(text, encoding="utf-8")
    points = open_points(path, image)
    assert list(points.columns) == ["x_px", "y_px"]
    assert (points.dtypes == np.float64).all()
    np.testing.assert_array_equal(points, [[3, 4], [5.5, 6]])


def test_an_image_without_atoms_has_an_empty_table(tmp_path, image):
    (tmp_path / "a.csv").write_text("X,Y\n")
    assert open_points(tmp_path / "a.csv", image).shape == (0, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"), ("a,b\n1,2\n", "no column X.*a, b"), ("X,Z\n1,2\n", "no column Y"),
        ("X,x,Y\n1,2,3\n", "2 columns X"),
        ("X,Y\n1,2\n3,four\n", "1 values in column Y.*'four' in row 2"),
        ("X,Y\n1,\n", "no numbers.*row 1"), ("X,Y\n1,2\n1,2,3,4\n", "could not be read"),
    ],
)  # fmt: skip
def test_tables_that_cannot_be_used(text, message, tmp_path, image):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=f"a.csv.*{message}"):
        open_points(tmp_path / "a.csv", image)


def test_a_binary_file_is_no_table(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\x00\x81" * 50)
    with pytest.raises(DataError, match="could not be read as a table"):
        open_points(tmp_path / "a.csv")
    with pytest.raises(DataError, match="does not exist"):
        open_points(tmp_path / "gone.csv")


def test_points_outside_the_image(tmp_path, image):
    path = tmp_path / "a.csv"
    path.write_text("X,Y\n1,2\n3,4\n64,5\n")
    with pytest.raises(DataError, match=r"1 of 3 points outside.*64 x 48.*x=64, y=5: remove"):
        open_points(path, image)
    assert len(open_points(path)) == 3
    path.write_text("X,Y\n-1,2\n3,4\n5,6\n")
    with pytest.raises(DataError, match="x=-1"):
        open_points(path, image)


def test_labels_of_another_image(tmp_path, image):
    path = tmp_path / "a.csv"
    path.write_text("X,Y\n1,2\n300,400\n500,90\n")
    with pytest.raises(DataError, match="another size"):
        open_points(path, image)
    path.write_text("X,Y\n1,63\n2,60\n")
    with pytest.raises(DataError, match="exchanged"):
        open_points(path, image)
