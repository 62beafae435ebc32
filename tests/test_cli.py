"""The command line tool: what it prints, and with which exit code."""

import os

import nbformat
import pytest

from helpers import chapters, cli
from helpers.registry import DataUnavailable


@pytest.fixture(autouse=True)
def data_folder_is_restored(monkeypatch):
    """`main` makes the folder of public data absolute; later tests need it as it was."""
    monkeypatch.setenv("A2S_DATA", "")


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A book with one chapter that prints its label and fails when told to."""
    monkeypatch.setattr(chapters, "BOOK", tmp_path)
    monkeypatch.chdir(tmp_path)
    parameters = nbformat.v4.new_code_cell(
        'data: str = ""  # image\nthreshold: float = 0.5  # probability\nlabel: str = "x"\n'
        "fail: bool = False  # stop halfway"
    )
    parameters.metadata["tags"] = ["parameters"]
    body = nbformat.v4.new_code_cell(
        "from helpers.data import DataError\n"
        "if fail:\n    raise DataError('told to fail')\nprint(label)"
    )
    body.metadata["tags"] = ["your-data"]
    title = nbformat.v4.new_markdown_cell("# Small chapter")
    notebook = nbformat.v4.new_notebook(cells=[title, parameters, body])
    nbformat.write(notebook, tmp_path / "ch01_small.ipynb")
    return tmp_path


def test_list_shows_chapters_and_their_parameters(book, capsys):
    assert cli.main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "ch01  Small chapter"
    assert lines[2].split() == ["threshold", "float", "0.5", "probability"]
    assert lines[1].index("image") == lines[2].index("probability")


def test_list_fails_without_chapters(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(chapters, "BOOK", tmp_path)
    assert cli.main(["list"]) == 1
    assert "no chapters" in capsys.readouterr().err


def test_run_prints_the_report_and_passes_values_with_equals_signs(book, capsys):
    assert cli.main(["run", "ch01", "-p", "label=a=b c", "-p", "threshold=0.7", "--out", "o"]) == 0
    assert capsys.readouterr().out.strip() == str(book / "o" / "report.html")
    cells = nbformat.read(book / "o" / "ch01_small.ipynb", as_version=4).cells
    assert cells[-1].outputs[0].text == "a=b c\n"


def test_the_dark_field_image_is_an_option_or_a_parameter(book, capsys, monkeypatch):
    from helpers import runs

    seen = []
    monkeypatch.setattr(runs, "run", lambda *given: seen.append(given) or book)
    for how in (["--haadf", "h.tif"], ["-p", "haadf=h.tif"]):
        assert cli.main(["run", "ch04", "--data", "s.hspy", *how, "--out", "o"]) == 0
    assert seen == [("ch04", "o", "s.hspy", {"haadf": "h.tif"}, False)] * 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "none.tif"], "none.tif does not exist"),
        (["-p", "threshold"], "no equals sign"),
        (["-p", "threshold=high"], "threshold takes float"),
        (["--haadf", "h.tif"], "unknown parameter 'haadf'; valid are"),
        (["-p", "nothing=1"], "valid are data, threshold, label, fail"),
    ],
)
def test_what_cannot_start_is_one_line_and_exit_code_2(book, capsys, arguments, message):
    assert cli.main(["run", "ch01", "--out", "o", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert {p.name for p in book.iterdir()} == {"ch01_small.ipynb"}


def test_a_failed_run_is_exit_code_1_and_says_where_its_remains_are(book, capsys):
    assert cli.main(["run", "ch01", "--out", "o", "-p", "fail=true"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("a2s: told to fail\n") and "o.failed" in error
    assert (book / "o.failed" / "error.txt").read_text() == "told to fail\n"


def test_out_is_required(book, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["run", "ch01"])
    assert stop.value.code == 2
    assert "--out" in capsys.readouterr().err


def test_fetch_without_a_name_lists_the_sets(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("A2S_DATA", str(tmp_path))
    (tmp_path / "pt-nc").mkdir()
    assert cli.main(["fetch"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = (line for line in lines if line.startswith("pt-nc"))
    assert "not here" in line and "MIT" in line


def test_fetch_prints_folder_licence_and_citation(capsys, monkeypatch, tmp_path):
    about = {"title": "Set", "licence": "CC0", "citation": "Somebody 2020"}
    monkeypatch.setattr(cli, "registry", lambda: {"set": about})
    monkeypatch.setattr(cli, "fetch", lambda name: tmp_path / name)
    assert cli.main(["fetch", "set"]) == 0
    expected = [str(tmp_path / "set"), "licence: CC0", "cite: Somebody 2020"]
    assert capsys.readouterr().out.splitlines() == expected


def test_fetch_fails_clearly(capsys, monkeypatch):
    assert cli.main(["fetch", "no-such-set"]) == 1
    assert "no-such-set" in capsys.readouterr().err

    def unreachable(name):
        raise DataUnavailable(f"{name} is not available: no network")

    monkeypatch.setattr(cli, "fetch", unreachable)
    assert cli.main(["fetch", "pt-nc"]) == 1
    assert capsys.readouterr().err == "a2s: pt-nc is not available: no network\n"


def test_a_relative_data_folder_still_works_inside_chapters(book, monkeypatch, capsys):
    monkeypatch.setenv("A2S_DATA", "shared/data")
    cli.main(["list"])
    assert os.environ["A2S_DATA"] == str(book / "shared" / "data")
