"""Every chapter runs from top to bottom under plain Papermill, with and without measured data."""

import nbformat
import papermill
import pytest

from helpers import chapters, claims
from helpers.data import ROOT, available

BOOK = sorted((ROOT / "book").glob("ch[0-9][0-9]_*.ipynb"))


@pytest.fixture(params=["data as found here", "no data at all"])
def data_folder(request, monkeypatch, tmp_path):
    """With the public data where they are, and with an empty folder and no internet."""
    if request.param == "no data at all":
        monkeypatch.setenv("A2S_DATA", str(tmp_path / "nothing"))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        for proxy in ("https_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(proxy, "http://127.0.0.1:9")
        return False
    return available("pt-nc")


@pytest.mark.parametrize("path", BOOK, ids=lambda p: p.stem)
def test_a_quick_run_gives_claims_and_numbers(path, data_folder, tmp_path):
    done = tmp_path / "done.ipynb"
    parameters = {"quick": True, "out": str(tmp_path / "tables")}
    papermill.execute_notebook(path, done, parameters, cwd=ROOT / "book", progress_bar=False)
    found = claims.collect(nbformat.read(done, as_version=4))
    assert found["claims"] and found["numbers"] and found["tables"]
    assert all(claim["verdict"] for claim in found["claims"])
    for name in found["tables"]:
        assert (tmp_path / "tables" / f"{name}.csv").stat().st_size > 0
    warned = [note["text"] for note in found["notes"] if "Simulated" in note["text"]]
    if "pt_nc" in path.read_text():  # the chapter rests on measured images
        assert bool(warned) is not bool(data_folder), "the page must say when data are simulated"
    kinds = {number["data"] for number in found["numbers"].values()}
    assert "simulated" in kinds or data_folder


def test_every_chapter_is_listed():
    assert len(chapters.in_book()) == len(BOOK) > 0
