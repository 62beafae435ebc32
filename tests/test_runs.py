"""A rerun leaves one folder that is whole, or one that is named ``*.failed`` and says why."""

import ast
import json
import os
import platform
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
import tifffile
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from helpers import chapters, report, runs
from helpers.atoms import dense, dense_detection, detect
from helpers.chapters import Parameter, Refused
from helpers.clusters import landscape
from helpers.clusters.library import library
from helpers.clusters.video import simulate_video
from helpers.data import DataError, sha256
from helpers.spectrum_images import open_spectrum_image

PARAMETERS = """data: str = ""  # image to analyse
pixel_size_nm: float | None = None  # nm; None = as the file says
threshold: float = 0.5  # probability, 0 = lowest
count: int = 3
seed: int = 7
quick: bool = False
label: str = "a#b"
out: str = ""
"""

OWN_DATA = """
from helpers import claims, figures, runs
from helpers.data import open_image
import matplotlib.pyplot as plt
import pandas as pd
image = open_image(data, pixel_size_nm)
claims.note("the <dose> is lower than in training", level="warning")
claims.number("atoms", 12, label="Atoms")
claims.number("density", 0.31234, unit="nm^-2", spread=0.0213, data="simulated", label="Density")
claims.number("undefined", float("nan"))
claims.table("input_check", pd.DataFrame({"property": ["dose"], "verdict": ["<b>low</b>"]}))
claims.table("atoms", pd.DataFrame({"x_px": range(30), "probability": 0.123456789}), "Atoms found")
figure, axes = plt.subplots()
axes.plot([1, 2])
figures.show(figure, alt="Likelihood map <script>", name="likelihood map/../x")
runs.methods(f"Atoms above {threshold} were counted.", ["Mitchell 2022 <doi>"])
"""

CLAIM = """
claims.show_claims([claims.Claim(
    id="f1", statement="F1 of the network", where="Table 1", paper="0.67", ours=0.671, spread=0.05,
    unit="", data="measured", holds_within=(0.6, 0.7), guard=(0.66, 0.68), reason="one SD",
)])
"""


def code(source, *tags):
    cell = nbformat.v4.new_code_cell(source)
    cell.metadata["tags"] = list(tags)
    return cell


def text(source, *tags):
    cell = nbformat.v4.new_markdown_cell(source)
    cell.metadata["tags"] = list(tags)
    return cell


class Book:
    """Call it with cells to write the one chapter of a book in `folder`."""

    def __init__(self, folder):
        self.folder = folder / "book"
        self.folder.mkdir()

    def __call__(self, *cells, **metadata):
        notebook = nbformat.v4.new_notebook(cells=list(cells), metadata=metadata)
        path = self.folder / "ch01_tiny.ipynb"
        nbformat.write(notebook, path)
        return path


def write_image(folder):
    path = folder / "image.tif"
    tifffile.imwrite(path, np.random.default_rng(0).poisson(50, (64, 64)).astype(np.float32))
    return path


@pytest.fixture
def book(tmp_path, monkeypatch):
    made = Book(tmp_path)
    monkeypatch.setattr(chapters, "BOOK", made.folder)
    monkeypatch.chdir(tmp_path)
    return made


@pytest.fixture
def image(tmp_path):
    return write_image(tmp_path)


def chapter(book, own=OWN_DATA, rest="raise RuntimeError('own data')", **metadata):
    return book(
        text("# Tiny atoms"),
        code(PARAMETERS, "parameters"),
        text("kept", "your-data"),
        code(own, "your-data"),
        text("dropped"),
        code(rest),
        **metadata,
    )


def left_in(folder, *expected):
    """Assert that a folder holds the expected names only: no temporary folder survived."""
    assert {p.name for p in folder.iterdir()} == {"book", *expected}


def sources(notebook):
    return [c.source for c in nbformat.read(notebook, as_version=4).cells]


# ---------------------------------------------------------------- chapters and parameters


def test_parameters_are_read_with_type_default_and_comment(book):
    chapter(book)
    found = chapters.in_book()["ch01"]
    assert found.title == "Tiny atoms"
    declared = found.parameters()
    assert list(declared) == [
        "data", "pixel_size_nm", "threshold", "count", "seed", "quick", "label", "out",
    ]  # fmt: skip
    assert declared["pixel_size_nm"].comment == "nm; None = as the file says"
    assert (declared["threshold"].type, declared["threshold"].default) == ("float", 0.5)
    assert declared["label"].default == "a#b"


def test_a_parameter_without_annotation_has_the_type_of_its_default(book):
    book(code("n = 3  # atoms", "parameters"))
    assert chapters.in_book()["ch01"].parameters()["n"] == Parameter("n", "int", 3, "atoms")


def test_a_default_that_would_have_to_be_executed_is_refused(book):
    book(code("size: float = 15 / 512", "parameters"))
    with pytest.raises(Refused, match="parameter size: the default is no literal"):
        chapters.in_book()["ch01"].parameters()


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("int", "12", 12), ("int", "-3", -3), ("float", "1e-3", 0.001), ("float", 2, 2.0),
        ("bool", "True", True), ("bool", "no", False), ("bool", False, False), ("str", "1", "1"),
        ("str", "", ""), ("float | None", "None", None), ("str", "None", "None"),
    ],
)  # fmt: skip
def test_values_take_the_declared_type(kind, value, expected):
    converted = Parameter("p", kind, 0).convert(value)
    assert converted == expected and type(converted) is type(expected)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("int", "1.5"), ("int", "x"), ("float", "nan"), ("float", "inf"), ("float", "1,5"),
     ("float", "None"), ("bool", "2"), ("bool", ""), ("int", "__import__('os')")],
)  # fmt: skip
def test_values_of_another_type_are_refused(kind, value):
    with pytest.raises(Refused, match=f"p takes {kind}"):
        Parameter("p", kind, 0).convert(value)


@pytest.mark.parametrize(
    ("kind", "comment", "allowed", "refused"),
    [
        ("str", "one of a, b + c or d; others fail", ["a", "b + c", "d"], ["e", "", "one of a"]),
        ("float", "0..1, likelihood; 0: validated", [0, 0.5, "1"], [-0.1, "1.1"]),
        ("float", "nm, 0.1..1; a bond", ["0.1"], ["0", -1]),
        ("int", "0 or more; of the training", [0, "12"], ["-1"]),
        ("float", "nm, side of a pixel; 0: as stored", [-1, 2], []),
        (
            "str",
            "symbols of the metals; empty: none",
            ["", "Pt", "Ni, Pd"],
            ["ni", "Pt,Pt", "Pt;Ni"],
        ),
    ],
)
def test_a_comment_says_which_values_are_allowed(kind, comment, allowed, refused):
    parameter = Parameter("p", kind, 0, comment)
    for value in allowed:
        parameter.convert(value)
    for value in refused:
        with pytest.raises(Refused, match=f"p is .*: expected {re.escape(comment)}"):
            parameter.convert(value)


def test_a_chapter_checks_its_parameters_under_plain_papermill_too(book):
    book(code("method: str = 'a'  # one of a or b\nn: int = 1  # atoms", "parameters"))
    chapters.check("ch01", {"method": "b", "n": 3, "other": None})
    with pytest.raises(Refused, match="method is 'c'"):
        chapters.check("ch01", {"method": "c", "n": 3})


# ---------------------------------------------------------------- a run that succeeds


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return the folder of one run that several tests look at and none changes."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        made = Book(folder)
        chapter(made, own=OWN_DATA + CLAIM)
        patch.setattr(chapters, "BOOK", made.folder)
        patch.chdir(folder)
        values = {"pixel_size_nm": "0.03", "threshold": "0.6"}
        return runs.run("ch01", "runs/my", write_image(folder), values)


def test_a_run_on_a_file_executes_only_the_cells_for_own_data(finished):
    assert finished.parts[-2:] == ("runs", "my")
    assert [p.name for p in finished.parent.iterdir()] == ["my"]
    assert {p.name for p in finished.iterdir()} == {
        "ch01_tiny.ipynb", "report.html", "results.json", "provenance.json", "methods.md",
        "tables", "figures",
    }  # fmt: skip
    cells = sources(finished / "ch01_tiny.ipynb")
    assert "kept" in cells and "dropped" not in cells
    assert not any("own data" in c for c in cells)


def test_results_hold_numbers_with_unit_and_kind(finished):
    found = json.loads((finished / "results.json").read_text())
    density = found["numbers"]["density"]
    assert density["value"] == 0.31234 and density["unit"] == "nm^-2"
    assert density["spread"] == 0.0213 and density["data"] == "simulated"
    assert found["numbers"]["undefined"]["value"] is None
    assert found["numbers"]["atoms"]["data"] == "measured"
    assert found["notes"][0]["level"] == "warning"
    assert {t["name"]: t["rows"] for t in found["tables"]} == {"input_check": 1, "atoms": 30}


def test_tables_are_complete_and_figures_are_pictures(finished):
    lines = (finished / "tables" / "atoms.csv").read_text().splitlines()
    assert lines[0] == "x_px,probability" and len(lines) == 31
    assert float(lines[1].split(",")[1]) == 0.123456789
    (figure,) = (finished / "figures").iterdir()
    assert figure.name == "01-likelihood-map-..-x.png"
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_provenance_says_what_ran_on_what_and_names_nobody(finished):
    found = json.loads((finished / "provenance.json").read_text())
    image = finished.parents[1] / "image.tif"
    assert found["inputs"]["data"] == {
        "path": "image.tif", "bytes": image.stat().st_size, "sha256": sha256(image),
    }  # fmt: skip
    assert found["changed"] == {"data": "image.tif", "pixel_size_nm": 0.03, "threshold": 0.6}
    assert found["parameters"]["count"] == 3 and found["seed"] == 7
    assert found["packages"]["numpy"] == np.__version__
    assert found["seconds"] > 0 and found["started"].endswith("+00:00")
    private = [str(finished.parents[1]), platform.node(), str(Path.home())]
    for name in ("provenance.json", "results.json", "report.html", "methods.md"):
        for secret in private:
            pattern = rf"(?<!\w){re.escape(secret)}(?!\w)"
            assert not re.search(pattern, (finished / name).read_text()), (name, secret)
    metadata = nbformat.read(finished / "ch01_tiny.ipynb", as_version=4).metadata
    assert not {"input_path", "output_path"} & set(metadata["papermill"])


def test_methods_paragraph_has_the_values_of_this_run(finished):
    paragraph = (finished / "methods.md").read_text()
    assert "Atoms above 0.6 were counted." in paragraph
    assert "set by the user: pixel_size_nm = 0.03, threshold = 0.6; all others" in paragraph
    assert "count = 3" not in paragraph and "out" not in paragraph
    assert "- Mitchell 2022 &lt;doi&gt;" in paragraph


def test_report_is_one_escaped_file_that_asks_for_nothing(finished):
    page = (finished / "report.html").read_text()
    assert "the &lt;dose&gt; is lower" in page and "&lt;b&gt;low&lt;/b&gt;" in page
    assert "<script" not in page and "<b>low" not in page
    assert "http://" not in page and "https://" not in page and "//cdn" not in page
    assert 'alt="Likelihood map &lt;script&gt;"' in page and 'src="data:image/png;base64,' in page
    assert "0.312 ± 0.021" in page and "nm⁻²" in page and ">simulated<" in page
    assert "First 24 of 30 rows" in page and "tables/atoms.csv" in page
    assert "Does the input look like the training data?" in page
    assert "Does the paper hold?" not in page
    order = ["Read this first", "look like the training", ">Results<", ">Figures<", ">Tables<"]
    assert sorted(order, key=page.index) == order


def test_a_hostile_file_name_is_harmless(book, image):
    name = "<img src=x onerror=alert(1)>'\"{0} $(id).tif"
    hostile = image.rename(image.with_name(name))
    chapter(book)
    out = runs.run("ch01", "out {x}", hostile, {"pixel_size_nm": 0.03})
    assert json.loads((out / "provenance.json").read_text())["inputs"]["data"]["path"] == name
    page = (out / "report.html").read_text()
    assert "<img src=x" not in page and "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<img" not in (out / "methods.md").read_text()


def test_text_parameters_arrive_unchanged_and_run_nothing(book, tmp_path):
    values = [
        "plain", "", 'a "quoted" \'one\'', "back\\slash\\", "line\nbreak\r\ttab", "{x} %s",
        "été 東京 😀", '"""; raise SystemExit("injected"); """',
        '\\"; raise SystemExit("injected"); "',
    ]  # fmt: skip
    names = [f"text{i}" for i in range(len(values))]
    book(
        code("\n".join(f"{name}: str = 'default'" for name in names), "parameters"),
        code(f"print([text.encode().hex() for text in ({', '.join(names)})])"),
    )
    out = runs.run("ch01", tmp_path / "out", parameters=dict(zip(names, values)))
    last = nbformat.read(out / "ch01_tiny.ipynb", as_version=4).cells[-1]
    assert ast.literal_eval(last.outputs[0].text) == [value.encode().hex() for value in values]


def test_the_whole_chapter_runs_without_a_file_and_shows_its_claims(book, tmp_path):
    chapter(book, own="from helpers import claims", rest=CLAIM)
    out = runs.run("ch01", tmp_path / "out")
    assert "dropped" in sources(out / "ch01_tiny.ipynb")
    page = (out / "report.html").read_text()
    assert "Does the paper hold?" in page and "F1 of the network" in page and ">holds<" in page
    assert json.loads((out / "results.json").read_text())["claims"][0]["id"] == "f1"
    assert json.loads((out / "provenance.json").read_text())["inputs"] == {}


def test_the_kernel_is_this_python_whatever_is_registered(book, tmp_path, monkeypatch):
    spec = tmp_path / "jupyter" / "kernels" / "python3"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text(
        json.dumps({"argv": ["/no/such/python"], "display_name": "other", "language": "python"})
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    book(code("import os, sys; print(sys.executable, os.getcwd())"))
    out = runs.run("ch01", tmp_path / "out")
    (cell,) = nbformat.read(out / "ch01_tiny.ipynb", as_version=4).cells
    assert cell.outputs[0].text.split() == [sys.executable, str(tmp_path / "book")]


def test_plain_papermill_runs_the_chapter_too(book, image, tmp_path):
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    path = chapter(book, rest="print(image.shape)", kernelspec=kernel)
    done = subprocess.run(
        [sys.executable, "-m", "papermill", path, tmp_path / "plain.ipynb", "-k", "python3",
         "-p", "data", image, "-p", "pixel_size_nm", "0.03"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    last = nbformat.read(tmp_path / "plain.ipynb", as_version=4).cells[-1]
    assert last.outputs[0].text == "(64, 64)\n"


def test_a_parameter_that_names_a_file_means_the_file_of_the_user(book, tmp_path):
    book(
        code("labels: str = ''  # path of a table\nother: str = 'x'  # no path", "parameters"),
        code("print(open(labels).read(), other)"),
    )
    (tmp_path / "my labels.csv").write_text("x,y")
    given = {"labels": "my labels.csv", "other": "my labels.csv"}
    out = runs.run("ch01", "out", parameters=given)
    last = nbformat.read(out / "ch01_tiny.ipynb", as_version=4).cells[-1]
    assert last.outputs[0].text == "x,y my labels.csv\n"
    found = json.loads((out / "provenance.json").read_text())
    assert found["parameters"] == given
    assert found["inputs"]["labels"]["sha256"] == sha256(tmp_path / "my labels.csv")
    with pytest.raises(DataError, match="none.csv does not exist"):
        runs.run("ch01", "out2", parameters={"labels": "none.csv"})
    left_in(tmp_path, "my labels.csv", "out")


def test_labels_that_do_not_fit_the_image_start_nothing(book, image, tmp_path):
    own = PARAMETERS + 'labels: str = ""  # path of a table\n'
    book(code(own, "parameters"), code("1", "your-data"))
    for name, table in (("far.csv", "x,y\n500,2\n"), ("wrong.csv", "a,b\n1,2\n")):
        (tmp_path / name).write_text(table)
        with pytest.raises(DataError, match=name):
            runs.run("ch01", "out", image, {"pixel_size_nm": 0.03, "labels": name})
    left_in(tmp_path, "image.tif", "far.csv", "wrong.csv")


def test_files_that_the_notebook_writes_stay_beside_it(book, tmp_path):
    book(code("from helpers import claims; claims.place('<map>.bin').write_bytes(b'12')"))
    out = runs.run("ch01", tmp_path / "out")
    assert (out / "files" / "<map>.bin").read_bytes() == b"12"
    assert json.loads((out / "results.json").read_text())["files"] == ["files/<map>.bin"]
    assert "<code>files/&lt;map&gt;.bin</code>" in (out / "report.html").read_text()
    assert "A2S_FILES" not in os.environ
    book(code("1"))
    out = runs.run("ch01", tmp_path / "without")
    assert not (out / "files").exists() and "Files" not in (out / "report.html").read_text()


SPECTRUM_IMAGE = """data: str = ""  # path of your spectrum image
haadf: str = ""  # path of the dark-field image
pixel_size_nm: float = 0.0  # nm
ev_per_channel: float = 0.0  # eV
first_ev: float = 0.0  # eV
"""


def test_a_spectrum_image_is_opened_with_its_dark_field_image(book, tmp_path):
    show = "from helpers.spectrum_images import open_pair\n"
    show += "spectra, _ = open_pair(data, haadf, pixel_size_nm, ev_per_channel, first_ev)\n"
    show += "print(spectra.shape, float(spectra.energy[0]))"
    book(code(SPECTRUM_IMAGE, "parameters"), code(show, "your-data"))
    counts = np.random.default_rng(0).poisson(9, (32, 33, 5)) + 1.0
    np.save(tmp_path / "map.npy", counts)
    np.save(tmp_path / "dark.npy", counts[..., 0])
    np.save(tmp_path / "other.npy", counts[:, :-1, 0])
    given = {"haadf": "dark.npy", "pixel_size_nm": 2, "ev_per_channel": 0.1, "first_ev": 0.3}
    out = runs.run("ch01", "out", "map.npy", given)
    last = nbformat.read(out / "ch01_tiny.ipynb", as_version=4).cells[-1]
    assert last.outputs[0].text == "(32, 33, 5) 0.3\n"
    inputs = json.loads((out / "provenance.json").read_text())["inputs"]
    assert {name: about["path"] for name, about in inputs.items()} == {
        "data": "map.npy", "haadf": "dark.npy",
    }  # fmt: skip
    for change, reason in (
        ({"haadf": "other.npy"}, "32 x 32 pixels, the spectrum image 32 x 33"),
        ({"haadf": "none.npy"}, "none.npy does not exist"),
        ({"ev_per_channel": 0}, "which energies"),
    ):
        with pytest.raises(DataError, match=reason):
            runs.run("ch01", "second", "map.npy", given | change)
    for data, change in (("map.npy", {"haadf": ""}), (None, {})):
        with pytest.raises(Refused, match="belong together"):
            runs.run("ch01", "second", data, given | change)
    left_in(tmp_path, "out", "map.npy", "dark.npy", "other.npy")


# ---------------------------------------------------------------- refused before it starts


def test_a_file_that_cannot_be_opened_starts_nothing(book, tmp_path):
    chapter(book)
    (tmp_path / "empty.tif").touch()
    for name, reason in (("none.tif", "does not exist"), ("empty.tif", "is empty")):
        with pytest.raises(DataError, match=reason):
            runs.run("ch01", "runs/my", name, {"pixel_size_nm": 0.03})
    left_in(tmp_path, "empty.tif")


def test_a_file_without_pixel_size_is_refused_until_it_is_given(book, image, tmp_path):
    chapter(book, own="from helpers.data import open_image; open_image(data, pixel_size_nm)")
    with pytest.raises(DataError, match="pixel_size_nm"):
        runs.run("ch01", "out", image)
    left_in(tmp_path, "image.tif")
    assert runs.run("ch01", "out", image, {"pixel_size_nm": 0.03}).is_dir()


@pytest.mark.parametrize(
    ("values", "reason"),
    [({"thresold": "1"}, "unknown parameter 'thresold'; valid are data, pixel_size_nm, threshold"),
     ({"count": "many"}, "count takes int"), ({"data": "x"}, "--data"), ({"out": "x"}, "--out")],
)  # fmt: skip
def test_wrong_parameters_are_refused(book, tmp_path, values, reason):
    chapter(book)
    with pytest.raises(Refused, match=reason):
        runs.run("ch01", "out", parameters=values)
    left_in(tmp_path)


def test_an_unknown_chapter_is_refused_with_those_that_exist(book):
    chapter(book)
    with pytest.raises(Refused, match="no chapter 'ch09'; known are ch01"):
        runs.run("ch09", "out")


def test_a_chapter_without_cells_for_own_data_is_refused(book, image, tmp_path):
    book(code(PARAMETERS, "parameters"), code("1"))
    with pytest.raises(Refused, match="cannot be run on a file"):
        runs.run("ch01", "out", image, {"pixel_size_nm": 0.03})
    left_in(tmp_path, "image.tif")


def test_an_unwritable_place_is_refused(book, tmp_path):
    book(code("1"))
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match="cannot write in"):
        runs.run("ch01", "file/out")


# ---------------------------------------------------------------- folders in the way


def test_an_existing_folder_is_never_overwritten_without_force(book, tmp_path):
    book(code("1"))
    out = runs.run("ch01", tmp_path / "out")
    before = (out / "provenance.json").read_bytes()
    with pytest.raises(Refused, match="exists"):
        runs.run("ch01", out)
    assert (out / "provenance.json").read_bytes() == before


def test_force_replaces_a_run_and_nothing_else(book, tmp_path):
    book(code("1"))
    out = runs.run("ch01", tmp_path / "out")
    (out / "old").touch()
    runs.run("ch01", out, force=True)
    assert not (out / "old").exists()
    left_in(tmp_path, "out")
    precious = tmp_path / "photos"
    precious.mkdir()
    (precious / "holiday.jpg").touch()
    (tmp_path / "link").symlink_to(out)
    for other in (precious, tmp_path / "link", tmp_path / "book" / "ch01_tiny.ipynb"):
        with pytest.raises(Refused, match="not a run"):
            runs.run("ch01", other, force=True)
    assert (precious / "holiday.jpg").exists()


def test_force_keeps_the_earlier_run_when_the_new_one_fails(book, tmp_path):
    book(code("1"))
    out = runs.run("ch01", tmp_path / "out")
    book(code("1 / 0"))
    with pytest.raises(runs.RunFailed):
        runs.run("ch01", out, force=True)
    assert (out / "report.html").exists()
    left_in(tmp_path, "out", "out.failed")


# ---------------------------------------------------------------- a run that fails


def test_a_failed_run_keeps_the_notebook_and_one_line(book, image, tmp_path):
    chapter(book, own="print('before')\n1 / 0")
    with pytest.raises(runs.RunFailed, match="^ZeroDivisionError: division by zero$"):
        runs.run("ch01", "out", image, {"pixel_size_nm": 0.03})
    left_in(tmp_path, "image.tif", "out.failed")
    failed = tmp_path / "out.failed"
    assert {p.name for p in failed.iterdir()} == {"ch01_tiny.ipynb", "error.txt"}
    assert (failed / "error.txt").read_text() == "ZeroDivisionError: division by zero\n"
    outputs = nbformat.read(failed / "ch01_tiny.ipynb", as_version=4).cells[-1].outputs
    assert outputs[0].text == "before\n" and outputs[1].ename == "ZeroDivisionError"


def test_a_data_error_inside_the_chapter_is_its_sentence_alone(book, tmp_path):
    own = "from helpers.data import DataError\nraise DataError('x.tif is constant:\\n re-export')"
    book(code(own))
    with pytest.raises(runs.RunFailed, match="^x.tif is constant: re-export$"):
        runs.run("ch01", "out")
    assert (tmp_path / "out.failed" / "error.txt").read_text() == "x.tif is constant: re-export\n"


def test_a_later_failure_replaces_an_earlier_one_and_success_removes_it(book, tmp_path):
    for reason in ("first", "second"):
        book(code(f"raise ValueError({reason!r})"))
        with pytest.raises(runs.RunFailed, match=reason):
            runs.run("ch01", "out")
    assert (tmp_path / "out.failed" / "error.txt").read_text() == "ValueError: second\n"
    left_in(tmp_path, "out.failed")
    book(code("1"))
    runs.run("ch01", "out")
    left_in(tmp_path, "out")


def test_a_folder_that_only_looks_like_a_failed_run_is_left_alone(book, tmp_path):
    book(code("1 / 0"))
    (tmp_path / "out.failed").mkdir()
    with pytest.raises(Refused, match="no failed run"):
        runs.run("ch01", "out")
    left_in(tmp_path, "out.failed")


def test_a_kernel_that_dies_is_a_failure_with_the_notebook_up_to_there(book, tmp_path):
    book(code("print('alive')"), code("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"))
    with pytest.raises(runs.RunFailed, match="died, perhaps for lack of memory"):
        runs.run("ch01", "out")
    left_in(tmp_path, "out.failed")
    first = nbformat.read(tmp_path / "out.failed" / "ch01_tiny.ipynb", as_version=4).cells[0]
    assert first.outputs[0].text == "alive\n"


def test_a_report_that_cannot_be_written_leaves_no_half_results(book, tmp_path, monkeypatch):
    book(code("1"))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report, "_page", full)
    with pytest.raises(runs.RunFailed, match="No space left"):
        runs.run("ch01", "out")
    left_in(tmp_path, "out.failed")
    names = {p.name for p in (tmp_path / "out.failed").iterdir()}
    assert names == {"ch01_tiny.ipynb", "error.txt"}


def test_a_folder_that_appears_during_the_run_is_not_overwritten(book, tmp_path):
    book(code("from pathlib import Path; Path('../out').mkdir(); Path('../out/mine').touch()"))
    with pytest.raises(runs.RunFailed, match="exists"):
        runs.run("ch01", "out")
    assert (tmp_path / "out" / "mine").exists()
    left_in(tmp_path, "out", "out.failed")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_leaves_nothing_and_no_kernel(book, tmp_path, stop):
    book(code(f"""
        import os, pathlib, time
        pathlib.Path({str(tmp_path / "pid")!r}).write_text(str(os.getpid()))
        time.sleep(60)
    """.replace("\n        ", "\n")))  # fmt: skip
    program = (
        "import sys, pathlib, signal; from helpers import chapters, cli;"
        "signal.signal(signal.SIGINT, signal.default_int_handler);"  # ignored in the background
        f"chapters.BOOK = pathlib.Path({str(tmp_path / 'book')!r});"
        "sys.exit(cli.main(['run', 'ch01', '--out', 'out']))"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(stop)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "interrupted" in errors
    left_in(tmp_path, "pid")
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


# ---------------------------------------------------------------- the book itself


def test_the_methods_that_a_chapter_offers_are_those_that_there_are():
    book = chapters.in_book()
    offered = {name: set(book[name].parameters()["method"].choices) for name in ("ch01", "ch02")}
    assert offered == {"ch01": set(detect.METHODS), "ch02": set(dense_detection.METHODS)}


def test_the_real_first_chapter_runs_on_a_file(tmp_path, monkeypatch):
    if "ch01" not in chapters.in_book():
        pytest.skip("book/ch01_*.ipynb is not there yet")
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:256, :256]
    values = rng.poisson(40, (256, 256)).astype(float)
    for cx, cy in rng.uniform(20, 236, (25, 2)):
        values += 60 * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 18)
    tifffile.imwrite(tmp_path / "own.tif", values.astype(np.float32))
    monkeypatch.chdir(tmp_path)
    out = runs.run("ch01", "out", "own.tif", {"pixel_size_nm": 15 / 512})
    found = json.loads((out / "results.json").read_text())
    assert found["numbers"] and found["tables"] and found["figures"]
    page = (out / "report.html").read_text()
    assert "Does the input look like the training data?" in page
    assert "pixel_size_nm = 0.029296875" in (out / "methods.md").read_text()


def test_the_real_second_chapter_names_the_atoms_of_an_oblong_image_of_another_scale(
    tmp_path, monkeypatch
):
    microscope = replace(dense.MIXTURE, pixel_size_nm=0.025)
    sample = {"Ni": 2.0, "Pd": 2.0}
    made = dense.dense_image(5, sample, None, dense.FLAKE, microscope, shape=(200, 300))
    np.save(tmp_path / "own.npy", made.image.to_numpy())
    monkeypatch.chdir(tmp_path)
    given = {"pixel_size_nm": 0.025, "elements": "Ni,Pd", "quick": True}
    out = runs.run("ch02", "out", "own.npy", given)
    atoms = pd.read_csv(out / "tables" / "atoms.csv")
    assert {"x_px", "y_px", "probability", "element", "confidence", "multimer"} <= set(atoms)
    assert atoms["x_px"].between(0, 299).all() and atoms["y_px"].between(0, 199).all()
    assert atoms["x_px"].max() > 200 and len(atoms) > 50
    assert set(atoms["element"]) == {"Ni", "Pd"} and atoms["confidence"].between(0, 1).all()
    reach = 0.09 / 0.025
    near = cKDTree(made.atoms[["x_px", "y_px"]]).query(atoms[["x_px", "y_px"]])[0] < reach
    assert near.mean() > 0.7  # by chance a tenth: x and y are not exchanged
    described = pd.read_csv(out / "tables" / "descriptors.csv", index_col=0)["value"]
    assert described["n"] == len(atoms) and described["area_nm2"] == pytest.approx(37.5, rel=0.02)
    assert "finer than in training" in (out / "report.html").read_text()
    assert {f.name[3:] for f in (out / "figures").iterdir()} >= {
        "fig-ch02-image.png", "fig-ch02-2bc.png", "fig-ch02-5b.png", "fig-ch02-s31.png",
    }  # fmt: skip


def test_the_real_third_chapter_follows_a_video_and_judges_a_particle(tmp_path, monkeypatch):
    rates = landscape.AU309.rates(370.0)
    rng = np.random.default_rng(4)
    made = simulate_video(rng, library(309), rates, 60, dose=1e4)
    finer = made.frames.to_numpy().repeat(2, axis=1).repeat(2, axis=2)
    finer = np.pad(finer, ((0, 0), (0, 40), (0, 0)))  # oblong: the cluster is in the upper part
    np.save(tmp_path / "video.npy", rng.poisson(finer + 1.0).astype(np.float32))
    monkeypatch.chdir(tmp_path)
    given = {"pixel_size_nm": 0.025, "frame_s": 0.04}
    out = runs.run("ch03", "out", "video.npy", given)
    frames = pd.read_csv(out / "tables" / "frames.csv")
    assert len(frames) == 60 and frames["time_s"].iloc[-1] == pytest.approx(59 * 0.04)
    assert (frames["smoothed"] == made.truth["isomer"]).mean() > 0.8
    shares = pd.read_csv(out / "tables" / "shares.csv")
    assert shares.groupby("estimate")["share"].sum().tolist() == pytest.approx([1, 1], abs=1e-3)
    assert (out / "figures").is_dir() and "60 frames" in (out / "methods.md").read_text()

    y, x = np.mgrid[:400, :420]
    planes = 1 + 0.2 * np.cos(x / 4.5) * np.cos(y / 4.5)
    particle = rng.poisson(200 * planes * (np.hypot(x - 210, y - 250) < 190) + 20)
    np.save(tmp_path / "particle.npy", particle.astype(np.float32))
    out = runs.run("ch03", "large", "particle.npy", {"pixel_size_nm": 0.0083})
    notes = json.loads((out / "results.json").read_text())["notes"]
    said = " ".join(note["text"] for note in notes)
    assert "not like the simulated training frames" in said and "larger than any cluster" in said
    assert "not accepted" in said


def test_the_real_fourth_chapter_learns_and_judges_a_map(tmp_path, monkeypatch):
    from rsciio import hspy

    rng = np.random.default_rng(5)
    thick = gaussian_filter(rng.normal(size=(33, 40)), 2.0) * 3 + 1
    energy = -5.6 + 0.7 * np.arange(60)
    loss = np.exp(-(((energy - 20) / 5) ** 2)) * thick[..., None].clip(0.05)
    counts = rng.poisson(1e5 * np.exp(-3 * energy**2) + 1e3 * loss + 1)
    np.save(tmp_path / "map.npy", counts.astype(np.float32))
    finer = thick.repeat(2, axis=0).repeat(2, axis=1)
    tifffile.imwrite(tmp_path / "dark.tif", finer.astype(np.float32))
    monkeypatch.chdir(tmp_path)
    given = {"haadf": "dark.tif", "pixel_size_nm": 2, "ev_per_channel": 0.7, "first_ev": -5.6}
    out = runs.run("ch04", "out", "map.npy", given | {"quick": True, "latent": 3})
    windows = pd.read_csv(out / "tables" / "windows.csv")
    assert {"test", "train", "validation"} <= set(windows["part"])
    assert windows["im2spec_z3"].notna().all() and "im2spec_z4" not in windows
    errors = pd.read_csv(out / "tables" / "errors.csv")
    assert set(errors["direction"]) == {"im2spec", "spec2im"}
    losses = open_spectrum_image(out / "files" / "losses.hspy")
    predicted = open_spectrum_image(out / "files" / "predicted.hspy")
    assert predicted.sizes["energy"] == losses.sizes["energy"]
    assert predicted.attrs["pixel_size_nm"] == pytest.approx(2)
    assert len(windows) == predicted.sizes["y"] * predicted.sizes["x"]
    (signal,) = hspy.file_reader(str(out / "files" / "predicted.hspy"))
    offsets = [axis["offset"] for axis in signal["axes"][:2]]
    assert offsets == [2 * windows["y_px"].min(), 2 * windows["x_px"].min()]
    check = pd.read_csv(out / "tables" / "input_check.csv").set_index("property")
    assert check.loc["image and counts, correlation", "verdict"] == "ok"
    text = (out / "methods.md").read_text()
    assert "3 latent variables" in text and "pixel_size_nm = 2.0" in text
    page = (out / "report.html").read_text()
    assert "files/predicted.hspy" in page and "too wide for infrared plasmons" in page
    np.save(tmp_path / "small.npy", counts[:32, :32].astype(np.float32))
    with pytest.raises(runs.RunFailed, match="small for windows of 16"):
        tifffile.imwrite(tmp_path / "dark.tif", thick[:32, :32].astype(np.float32))
        runs.run("ch04", "small", "small.npy", given | {"window": 16})
