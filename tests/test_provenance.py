"""What is recorded about a run: whole, and without names of users or machines."""

import pytest

from helpers import chapters, provenance
from helpers.chapters import Chapter, Parameter
from helpers.data import sha256

DECLARED = {
    parameter.name: parameter
    for parameter in (
        Parameter("data", "str", "", "path of a file"),
        Parameter("labels", "str", "", "path of a table"),
        Parameter("quick", "bool", False),
        Parameter("threshold", "float", 0.5),
        Parameter("out", "str", ""),
    )
}


def test_an_input_elsewhere_is_recorded_by_its_name_only(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "name.tif").write_bytes(b"1234")
    monkeypatch.chdir(tmp_path)
    assert provenance.describe(tmp_path / "name.tif")["path"] == "name.tif"
    assert provenance.describe(tmp_path / "here" / ".." / "name.tif")["bytes"] == 4
    monkeypatch.chdir("here")
    assert provenance.describe(tmp_path / "name.tif")["path"] == "name.tif"


def test_an_input_below_the_working_folder_is_recorded_with_its_folder(tmp_path, monkeypatch):
    (tmp_path / "series.zspy").mkdir()
    (tmp_path / "series.zspy" / "0").write_bytes(b"123")
    monkeypatch.chdir(tmp_path.parent)
    found = provenance.describe(tmp_path / "series.zspy")
    assert found == {
        "path": f"{tmp_path.name}/series.zspy",
        "sha256": sha256(tmp_path / "series.zspy"),
        "bytes": 3,
    }


def test_only_what_differs_from_its_default_is_called_changed():
    values = {"quick": False, "threshold": 0.5, "data": "", "labels": "", "out": "there", "x": 1}
    assert provenance.changed(DECLARED, values) == {}
    values |= {"threshold": 0.6, "labels": "/home/somebody/atoms.csv"}
    assert provenance.changed(DECLARED, values) == {"threshold": 0.6, "labels": "atoms.csv"}


@pytest.mark.parametrize(
    ("threshold", "said"), [(0.5, "parameters changed: none"), (0.6, "threshold = 0.6")]
)
def test_the_table_of_a_page_shows_values_whole(monkeypatch, tmp_path, capsys, threshold, said):
    monkeypatch.setattr(Chapter, "parameters", lambda self: DECLARED)
    monkeypatch.setattr(chapters, "in_book", lambda: {"ch01": Chapter("ch01", "Atoms", tmp_path)})
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    weights = tmp_path / "data" / "ch01" / "net.safetensors"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"123")
    provenance.show("ch01", {"quick": False, "threshold": threshold}, data="a" * 200)
    printed = capsys.readouterr().out
    assert said in printed and "quick" not in printed
    assert "data: " + "a" * 200 in printed
    assert f"weights net.safetensors: SHA-256 {sha256(weights)}" in printed
