import builtins
import dataclasses
import io
import json
import math
import sys

import nbclient
import nbformat
import numpy as np
import pandas as pd
import pytest
from nbconvert import HTMLExporter

from helpers.claims import (
    Claim,
    check_claims,
    collect,
    note,
    number,
    read_claims,
    show_claims,
    table,
    with_spread,
)
from helpers.data import ROOT

HOLDS = Claim(
    id="f1", statement="F1 of the network", where="Table 1", paper="0.671 ± 0.049", ours=0.6706,
    spread=0.0491, unit="", data="measured", holds_within=(0.62, 0.72), guard=(0.66, 0.68),
    reason="one standard deviation of the paper",
)  # fmt: skip
FAILS = dataclasses.replace(
    HOLDS, id="gap", ours=0.05, spread=None, holds_within=(0.1, math.inf), guard=(0.0, 0.08),
    data="simulated", unit="nm^-2", note="A finding.",
)  # fmt: skip
UNCHECKED = dataclasses.replace(HOLDS, id="fe", ours=None, spread=None, unavailable="no images")
HOSTILE = "<script>alert('&')</script>"

CODE = """
import numpy as np, pandas as pd
from helpers.claims import note, number, show_claims, table
from tests.test_claims import FAILS, HOLDS, HOSTILE, UNCHECKED
show_claims([HOLDS, FAILS])
show_claims([UNCHECKED])
number("f1", np.float64(0.6706), spread=np.float32(0.049), label="F1 <b>score</b>")
number("labels", np.int64(607), "atoms", data="simulated")
number("gone", float("nan"))
scores = pd.DataFrame({"image": ["053", "<i>"], "f1": [0.5, 0.25]})
table("scores", scores, caption="Per image & all")
table("long", pd.DataFrame({"x_px": np.arange(25)}))
note("data <b>unavailable</b>", "warning")
note("all well")
"""


@pytest.fixture(scope="module")
def executed():
    """A notebook that records everything, run by a real kernel and read back from its file."""
    cells = [nbformat.v4.new_markdown_cell("text"), nbformat.v4.new_code_cell(CODE)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(
        notebook, kernel_name="python3", timeout=120, resources={"metadata": {"path": str(ROOT)}}
    ).execute()
    return nbformat.reads(nbformat.writes(notebook), as_version=4)


# ---- claims


def test_verdicts():
    assert HOLDS.verdict == "holds"
    assert FAILS.verdict == "does not hold"
    assert UNCHECKED.verdict == "not checked: no images"
    assert dataclasses.replace(HOLDS, ours=math.nan).verdict == "does not hold"
    for edge in HOLDS.holds_within:
        assert dataclasses.replace(HOLDS, ours=edge).verdict == "holds"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": "guessed"}, "'measured' or 'simulated'"),
        ({"ours": None}, "has no value"),
        ({"guard": (1.0, 0.0)}, "empty range 1.0 to 0.0"),
        ({"holds_within": (math.nan, 1.0)}, "empty range"),
        ({"holds_within": (-math.inf, math.inf)}, "would hold with any value"),
    ],
)
def test_claims_that_cannot_be_judged_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(HOLDS, **change)


def test_check_passes_a_finding_but_not_a_value_outside_its_guard():
    check_claims([HOLDS, FAILS, UNCHECKED])
    moved = dataclasses.replace(HOLDS, ours=0.7)
    undefined = dataclasses.replace(FAILS, ours=math.nan)
    assert moved.verdict == "holds"
    with pytest.raises(AssertionError) as caught:
        check_claims([moved, undefined, UNCHECKED])
    assert "f1: 0.7 is not within 0.66 to 0.68" in str(caught.value)
    assert "gap: nan" in str(caught.value) and "fe" not in str(caught.value)


def test_ids_are_unique():
    with pytest.raises(ValueError, match="share an id: f1, f1"):
        show_claims([HOLDS, HOLDS])


# ---- what the notebook carries


def test_claims_are_collected(executed):
    claims = collect(executed)["claims"]
    assert [claim["id"] for claim in claims] == ["f1", "gap", "fe"]
    first, second, third = claims
    assert set(first) == {field.name for field in dataclasses.fields(Claim)} | {"verdict"}
    assert first["ours"] == 0.6706 and first["verdict"] == "holds"
    assert second["holds_within"] == [0.1, None] and second["data"] == "simulated"
    assert third["ours"] is None and third["verdict"] == "not checked: no images"


def test_numbers_are_collected(executed):
    numbers = collect(executed)["numbers"]
    assert numbers["f1"]["value"] == 0.6706
    assert numbers["f1"]["spread"] == pytest.approx(0.049)
    assert numbers["labels"] == {
        "name": "labels", "value": 607, "unit": "atoms", "spread": None, "data": "simulated",
        "label": "",
    }  # fmt: skip
    assert numbers["gone"]["value"] is None


def test_tables_are_collected_whole(executed):
    tables = collect(executed)["tables"]
    assert tables["scores"]["caption"] == "Per image & all"
    assert len(pd.read_csv(io.StringIO(tables["long"]["csv"]))) == 25


def test_notes_are_collected(executed):
    assert collect(executed)["notes"] == [
        {"text": "data <b>unavailable</b>", "level": "warning"},
        {"text": "all well", "level": "info"},
    ]


def test_what_the_notebook_carries_is_strict_json(executed):
    json.loads(nbformat.writes(executed), parse_constant=lambda name: pytest.fail(name))


def test_numbers_are_glued_as_plain_numbers(executed):
    glued = {}
    for output in executed.cells[1].outputs:
        if key := output.get("metadata", {}).get("scrapbook", {}).get("name"):
            glued[key] = output["data"]["application/papermill.record/text/plain"]
    assert float(glued["f1"]) == 0.6706 and glued["labels"] == "607"
    assert float(glued["f1_spread"]) == pytest.approx(0.049)


def test_an_empty_notebook_has_no_results():
    empty = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    assert collect(empty) == {"claims": [], "numbers": {}, "tables": {}, "notes": []}


# ---- what the reader sees


def test_page_shows_values_verdicts_and_escapes_text(executed):
    page, _ = HTMLExporter().from_notebook_node(executed)
    for words in (
        'class="a2s-claims"', "0.671 ± 0.049", "does not hold", "not checked: no images",
        "if our value is at least 0.1: one standard deviation of the paper. A finding.",
        "F1 &lt;b&gt;score&lt;/b&gt;",
        "607 atoms (simulated)", "not available", "Per image &amp; all", "First 24 of 25 rows.",
        "&lt;i&gt;", "data &lt;b&gt;unavailable&lt;/b&gt;",
    ):  # fmt: skip
        assert words in page, words


def test_every_field_of_a_claim_is_escaped(monkeypatch):
    from helpers import claims as module

    shown = {}
    monkeypatch.setattr(module, "emit", lambda kind, payload, html, text: shown.update(html=html))
    texts = ("id", "statement", "where", "paper", "unit", "reason", "note", "unavailable")
    texts += ("spread_of",)
    show_claims([dataclasses.replace(HOLDS, **dict.fromkeys(texts, HOSTILE))])
    assert "<script" not in shown["html"] and shown["html"].count("&lt;script") == len(texts)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((0.6706, 0.0491), "0.671 ± 0.049"), ((0.6706,), "0.671"), ((257474,), "257474"),
        ((1234.56, 78.9), "1235 ± 79"), ((0.0034, None, "nm^-2"), "0.0034 nm^-2"),
        ((12.0, 0.0, "px"), "12 px"), ((math.nan,), "not available"),
        ((None,), "not available"), ((0.5, math.nan), "0.5"),
    ],
)  # fmt: skip
def test_with_spread(arguments, text):
    assert with_spread(*arguments) == text


# ---- outside a notebook, and bad arguments


def test_scripts_print(capsys):
    show_claims([HOLDS, UNCHECKED])
    number("f1", 0.5, spread=0.1, label="F1")
    table("scores", pd.DataFrame({"a_nm": [1.0]}), "Lengths")
    note("careful", "warning")
    printed = capsys.readouterr().out
    for words in ("ours 0.671 ± 0.049: holds", "ours –: not", "F1: 0.50 ± 0.10 (measured)",
                  "Lengths", "a_nm", "warning: careful"):  # fmt: skip
        assert words in printed


def test_works_without_myst_nb(monkeypatch, capsys):
    genuine = builtins.__import__

    def without(name, *rest, **options):
        if name.startswith("myst_nb"):
            raise ImportError(name)
        return genuine(name, *rest, **options)

    for name in [name for name in sys.modules if name.startswith("myst_nb")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    number("f1", 0.5)
    assert "f1: 0.5 (measured)" in capsys.readouterr().out


def test_table_is_written(tmp_path):
    df = pd.DataFrame({"f1": [0.1, 1 / 3]}, index=pd.Index(["SAC-CNN", "LoG"], name="method"))
    table("scores", df, out=tmp_path / "new")
    back = pd.read_csv(tmp_path / "new" / "scores.csv", index_col="method")
    pd.testing.assert_frame_equal(back, df)


def test_bad_arguments():
    with pytest.raises(ValueError, match="is no name"):
        number("../f1", 1.0)
    with pytest.raises(ValueError, match="is no name"):
        table("a b", pd.DataFrame())
    with pytest.raises(ValueError, match="'measured' or 'simulated'"):
        number("f1", 1.0, data="")
    with pytest.raises(ValueError, match="'info' or 'warning'"):
        note("text", "error")
    with pytest.raises((TypeError, ValueError)):
        number("f1", np.array([1.0, 2.0]))


LEDGER = """
[[claim]]
id = "X1"
statement = "It is one."
where = "Fig. 1"
paper = "1"
data = "measured"
holds_within = [0.9, 1.1]
guard = [0.95, 1.05]
reason = "ten per cent"
"""


def test_a_file_of_claims_joins_the_values_of_a_run(tmp_path):
    path = tmp_path / "claims.toml"
    simulated = LEDGER.replace("X1", "X2").replace('"measured"', '"simulated"')
    shipped = LEDGER.replace("X1", "X3") + 'table = "study.csv"\n'
    never = LEDGER.replace("X1", "X4") + 'unavailable = "needs its images"\n'
    path.write_text(LEDGER + simulated + shipped + never)
    (tmp_path / "study.csv").touch()
    values = {"X1": (1.0, 0.1), "X2": 2.0, "X3": 1.0}
    first, second, third, fourth = read_claims(path, values, unavailable="quick run")
    assert (first.ours, first.spread, first.verdict) == (1.0, 0.1, "not checked: quick run")
    assert (second.spread, second.verdict) == (None, "does not hold")
    # a quick run does not change what a shipped table says
    assert (third.table, third.verdict) == ("study.csv", "holds")
    assert (fourth.ours, fourth.verdict) == (None, "not checked: needs its images")


@pytest.mark.parametrize(
    ("text", "values", "word"),
    [
        (LEDGER, {}, "X1"),
        (LEDGER, {"X1": 1.0, "X9": 2.0}, "X9"),
        (LEDGER.replace("reason", "raeson"), {"X1": 1.0}, "raeson"),
        (LEDGER + 'table = "gone.csv"', {"X1": 1.0}, "gone.csv"),
    ],
)
def test_a_claim_without_value_or_field_is_named(tmp_path, text, values, word):
    path = tmp_path / "claims.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=word):
        read_claims(path, values)
