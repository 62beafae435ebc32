"""What the paper says beside what this run finds: claims, their verdict, and their guard."""

import math
import tomllib
from dataclasses import asdict, dataclass, fields
from html import escape
from pathlib import Path

from helpers.results import (
    check_data,
    collect,
    emit,
    jsonable,
    note,
    number,
    place,
    table,
    with_spread,
)

__all__ = [
    "Claim", "check_claims", "claims_html", "collect", "note", "number", "place",
    "read_claims", "show_claims", "table", "with_spread",
]  # fmt: skip

COLUMNS = ("Paper", "Ours", "Data", "Verdict")
CAPTION = (
    "± is the spread of our value, a standard deviation or a standard error, over images or seeds:"
    " the chapter and the second line of a claim say which."
)
LOOKS = {"holds": "a2s-holds", "does not hold": "a2s-fails"}


@dataclass(frozen=True)
class Claim:
    """One statement of the paper and its check.

    Attributes
    ----------
    id : str
        Short name, unique in the book.
    statement, where : str
        What the paper says, in our words, and where (figure, table, page).
    paper : str
        The paper's value as text.
    ours : float or None
        Our value; None only when the claim could not be checked.
    spread : float or None
        Spread of our value; `spread_of` says what kind, over what.
    unit : str
        Unit of `ours`, "" for a pure number.
    data : {"measured", "simulated"}
        What our value was computed from.
    holds_within : tuple of float
        Lowest and highest value for which the paper's claim is judged to hold.
    guard : tuple of float
        Lowest and highest value that the build accepts for ours, whether or not the claim holds.
    reason : str
        Why these limits.
    note : str
        A remark for the reader.
    unavailable : str
        Why the claim could not be checked, "" when it was.
    table : str
        Shipped table that our value was read from, "" when the run itself computed it.
    spread_of : str
        What `spread` is, such as "SD over the ten test images"; "" leaves it to the chapter.
    """

    id: str
    statement: str
    where: str
    paper: str
    ours: float | None
    spread: float | None
    unit: str
    data: str
    holds_within: tuple
    guard: tuple
    reason: str
    note: str = ""
    unavailable: str = ""
    table: str = ""
    spread_of: str = ""

    def __post_init__(self):
        """Refuse a claim that could not be judged."""
        check_data(self.data)
        if self.ours is None and not self.unavailable:
            raise ValueError(f"Claim {self.id} has no value: say in `unavailable` why not.")
        for low, high in (self.holds_within, self.guard):
            if not low <= high:
                raise ValueError(f"Claim {self.id} has the empty range {low} to {high}.")
        if tuple(self.holds_within) == (-math.inf, math.inf):
            raise ValueError(f"Claim {self.id} would hold with any value.")

    @property
    def verdict(self):
        """Either "holds", "does not hold", or "not checked: " and the reason."""
        if self.unavailable:
            return f"not checked: {self.unavailable}"
        low, high = self.holds_within
        return "holds" if low <= self.ours <= high else "does not hold"


def read_claims(path, values, unavailable=""):
    """Join the paper's claims, kept in a file, with the values of this run.

    Parameters
    ----------
    path : str or pathlib.Path
        TOML file with one ``[[claim]]`` table per claim: the fields of `Claim` other than `ours`
        and `spread`; `unit`, `note`, `spread_of`, `table` (a file beside this one) and
        `unavailable` (why nobody could check it with this book) may be left out.
    values : dict
        Claim id to our value, or to (value, spread); none for a claim that is `unavailable`.
    unavailable : str
        Why this run cannot check a claim on measured data, "" when it can. Claims whose value was
        read from a shipped table are judged all the same.

    Returns
    -------
    list of Claim
        In the order of the file.

    Raises
    ------
    ValueError
        A claim has no value, a value no claim, an entry a wrong or missing field, or its table is
        not there.
    """
    entries = tomllib.loads(Path(path).read_text(encoding="utf-8"))["claim"]
    ids = [entry["id"] for entry in entries if not entry.get("unavailable")]
    if odd := sorted(set(ids) ^ set(values)):
        raise ValueError(f"{path}: no claim or no value for {', '.join(odd)}.")
    optional = dict.fromkeys(("unit", "note", "table", "spread_of", "unavailable"), "")
    known = {field.name for field in fields(Claim)} - {"ours", "spread"}
    claims = []
    for entry in entries:
        entry = optional | entry
        if odd := sorted(known ^ set(entry)):
            raise ValueError(f"{path}: claim {entry['id']} lacks or misspells {', '.join(odd)}.")
        if not (Path(path).parent / entry["table"]).exists():
            raise ValueError(f"{path}: claim {entry['id']} names {entry['table']}: no such table.")
        value = values.get(entry["id"])
        ours, spread = value if isinstance(value, tuple) else (value, None)
        computed_here = entry["data"] == "measured" and not entry["table"]
        if computed_here and not entry["unavailable"]:
            entry["unavailable"] = unavailable
        claims.append(Claim(**entry, ours=ours, spread=spread))
    return claims


def show_claims(claims):
    """Show claims as a table and record them in the output.

    Parameters
    ----------
    claims : sequence of Claim
        With different ids, or ValueError.
    """
    ids = [claim.id for claim in claims]
    if len(set(ids)) < len(ids):
        raise ValueError(f"Two claims share an id: {', '.join(sorted(ids))}.")
    records = [jsonable(asdict(c) | {"verdict": c.verdict}) for c in claims]
    text = "\n".join(
        f"{c['id']}: paper {c['paper']}, ours {_ours(c)}: {c['verdict']}" for c in records
    )
    emit("claims", records, html=claims_html(records), text=text)


def claims_html(records, statement=lambda record: escape(record["statement"])):
    """Write the table of claims, two rows for each: the comparison, and below it the limits.

    Parameters
    ----------
    records : list of dict
        Fields of `Claim` and ``verdict``, as the output of `show_claims` carries them (None stands
        for an infinite number).
    statement : callable
        Record to the HTML of its first cell; the statement itself by default.

    Returns
    -------
    str
    """
    header = "".join(f'<th scope="col">{name}</th>' for name in ("Claim", *COLUMNS))
    bodies = "".join(_rows(record, statement(record)) for record in records)
    return (
        f'<table class="a2s-claims"><caption>{CAPTION}</caption>'
        f"<thead><tr>{header}</tr></thead>{bodies}</table>"
    )


def check_claims(claims):
    """Stop the build when one of our own values has left its guard.

    Parameters
    ----------
    claims : sequence of Claim
        Claims marked unavailable are passed over.

    Raises
    ------
    AssertionError
        Names every claim whose value is outside its guard.
    """
    broken = [
        f"{c.id}: {c.ours:g} is not within {c.guard[0]:g} to {c.guard[1]:g}"
        for c in claims
        if not c.unavailable and not c.guard[0] <= c.ours <= c.guard[1]
    ]
    if broken:
        raise AssertionError("Values outside their guard: " + "; ".join(broken))


def _rows(record, statement):
    look = LOOKS.get(record["verdict"], "a2s-unchecked")
    values = (record["paper"], _ours(record), record["data"], record["verdict"])
    cells = "".join(
        f'<td data-name="{name}">{escape(value)}</td>' for name, value in zip(COLUMNS, values)
    )
    return (
        f'<tbody id="claim-{escape(record["id"])}" class="{look}">'
        f'<tr><th scope="row">{statement} <span>({escape(record["where"])})</span></th>{cells}</tr>'
        f'<tr class="a2s-why"><td colspan="{1 + len(COLUMNS)}">{escape(_why(record))}</td></tr>'
        "</tbody>"
    )


def _why(record):
    low, high = record["holds_within"]
    if low is not None and high is not None:
        limits = f"from {low:g} to {high:g}"
    else:
        limits = f"at most {high:g}" if low is None else f"at least {low:g}"
    spread = f"± is the {record['spread_of']}" if record.get("spread_of") else ""
    rule = f"Counts as held if our value is {limits}: {record['reason']}"
    sentences = (
        rule if record["ours"] is not None else "",
        spread,
        record["note"],
    )
    return " ".join(sentence.rstrip(".") + "." for sentence in sentences if sentence)


def _ours(record):
    if record["ours"] is None:
        return "–"
    return with_spread(record["ours"], record["spread"], record["unit"])
