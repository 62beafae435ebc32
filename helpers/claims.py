"""What the paper says beside what this run finds: claims, their verdict, and their guard."""

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
    table,
    with_spread,
)

__all__ = [
    "Claim", "check_claims", "collect", "note", "number", "read_claims", "show_claims", "table",
    "with_spread",
]  # fmt: skip


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
        Standard deviation of our value (over images or seeds).
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

    def __post_init__(self):
        """Refuse a claim that could not be judged."""
        check_data(self.data)
        if self.ours is None and not self.unavailable:
            raise ValueError(f"Claim {self.id} has no value: say in `unavailable` why not.")
        for low, high in (self.holds_within, self.guard):
            if not low <= high:
                raise ValueError(f"Claim {self.id} has the empty range {low} to {high}.")

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
        TOML file with one ``[[claim]]`` table per claim: the fields of `Claim` other than `ours`,
        `spread` and `unavailable`; `unit`, `note` and `table` (a file beside this one) may be left
        out.
    values : dict
        Claim id to our value, or to (value, spread).
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
    ids = [entry["id"] for entry in entries]
    if odd := sorted(set(ids) ^ set(values)):
        raise ValueError(f"{path}: no claim or no value for {', '.join(odd)}.")
    known = {field.name for field in fields(Claim)} - {"ours", "spread", "unavailable"}
    claims = []
    for entry in entries:
        entry = {"unit": "", "note": "", "table": ""} | entry
        if odd := sorted(known ^ set(entry)):
            raise ValueError(f"{path}: claim {entry['id']} lacks or misspells {', '.join(odd)}.")
        if not (Path(path).parent / entry["table"]).exists():
            raise ValueError(f"{path}: claim {entry['id']} names {entry['table']}: no such table.")
        value = values[entry["id"]]
        ours, spread = value if isinstance(value, tuple) else (value, None)
        computed_here = entry["data"] == "measured" and not entry["table"]
        why = unavailable if computed_here else ""
        claims.append(Claim(**entry, ours=ours, spread=spread, unavailable=why))
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
    header = "".join(
        f'<th scope="col">{name}</th>'
        for name in ("Claim", "Where", "Paper", "Ours", "Data", "Verdict", "Limits and why")
    )
    rows = "".join(_row(claim) for claim in claims)
    emit(
        "claims", [jsonable(asdict(c) | {"verdict": c.verdict}) for c in claims],
        html=f'<div class="a2s-wide"><table class="a2s-claims"><thead><tr>{header}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>",
        text="\n".join(f"{c.id}: paper {c.paper}, ours {_ours(c)}: {c.verdict}" for c in claims),
    )  # fmt: skip


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


def _row(claim):
    look = {"holds": "a2s-holds", "does not hold": "a2s-fails"}.get(claim.verdict, "a2s-unchecked")
    low, high = (f"{limit:g}" for limit in claim.holds_within)
    cells = (
        claim.statement, claim.where, claim.paper, _ours(claim), claim.data, claim.verdict,
        f"{low} to {high}: {claim.reason}" + (f" {claim.note}" if claim.note else ""),
    )  # fmt: skip
    first, *rest = (escape(cell) for cell in cells)
    body = "".join(f"<td>{cell}</td>" for cell in rest)
    return (
        f'<tr class="{look}" id="claim-{escape(claim.id)}"><th scope="row">{first}</th>{body}</tr>'
    )


def _ours(claim):
    return with_spread(claim.ours, claim.spread, claim.unit) if claim.ours is not None else "-"
