"""What each mart may disclose, as its YAML declares it in `meta.discloses`, and whether that can be kept.

A table without a declaration, a column that no declaration names, and a condition that is no SQL over the table stop
the release. The rules that the declarations choose from stand in `protect`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

HIDDEN_COLUMNS = ("is_hidden", "hidden_columns")
"""What a protected table has besides its mart's columns: whether, and which, figures of the row are withheld."""

HIDDEN_DESCRIPTIONS = (
    "Sand hvis mindst ét tal i rækken er tilbageholdt af hensyn til personer; en tom celle, der ikke står i "
    "hidden_columns, mangler / True if a figure of the row is withheld to protect persons; an empty cell that is not "
    "named in hidden_columns is missing",
    "Navnene på rækkens tilbageholdte tal / The names of the figures that are withheld in the row",
)

PROTECTED = (
    "Beskyttet: antal er afrundet til et nabomultiplum af 5 (0 er 0 til 4), totaler er summer af afrundede tal, andele "
    "og gennemsnit kræver mindst 10, tal står som ved månedens første udgivelse / Protected: counts are rounded to a "
    "neighbouring multiple of 5 (0 is 0 to 4), totals are sums of rounded figures, rates and means need at least 10, "
    "figures stand as of the month's first release"
)
"""What the description of a protected table says of the way in which it was made."""

_SHARED = ("grid", "copied", "numbers", "left_out", "through")
_DECIMALS = 2
_NUMBER = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?\b|DECIMAL|DOUBLE|FLOAT|REAL")
_PERIODS = ("period", "month_label", "school_year", "birth_year")
_TERM = re.compile(r"[a-z][a-z0-9_]*")
_RELATION = re.compile(r"\s*([a-z0-9_+ ]+?)\s*(<=|=)\s*([a-z0-9_+ ]+?)\s*")


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Figure(_Declared):
    """What one column of a protected table holds.

    `count`: persons or their cases, a whole number. `amount`: days or money, published in steps of so much. `sum`: of
    other columns of the row. `rate`: one published column over another. `mean`: exact, rounded to so many decimals.
    `expression`: SQL over published columns, withheld if one of `of` is. `n` names the count of persons behind an
    amount, rate or mean; `dominance` the model that tells what two persons hold of it. `copied` is for keys and labels;
    a number is copied only with a reason why it tells nothing of persons (`numbers` in YAML).
    """

    kind: Literal["count", "amount", "sum", "rate", "mean", "expression", "copied", "left_out"]
    reason: str | None = None
    step: int = 5
    n: str | None = None
    dominance: str | None = None
    of: tuple[str, ...] = ()
    decimals: int = 1
    expression: str | None = None

    @classmethod
    def read(cls, said: object) -> Figure:
        """From how YAML says it: a word, or a mapping with one of the kinds as a key. Raises ValueError."""
        if isinstance(said, str) and said in {"count", "copied", "left_out"}:
            return cls.model_validate({"kind": said})
        if not isinstance(said, dict):
            raise ValueError(f"{said!r} is no kind of figure")
        rest = dict(said)
        kinds = [kind for kind in ("amount", "sum", "rate", "mean", "expression") if kind in rest]
        if len(kinds) != 1:
            raise ValueError(f"{said!r}: exactly one of amount, sum, rate, mean, expression")
        kind = kinds[0]
        value = rest.pop(kind)
        place = {"amount": "step", "sum": "of", "rate": "of", "mean": "decimals", "expression": "expression"}[kind]
        found = cls.model_validate({"kind": kind, place: value, **rest})
        if kind in {"amount", "rate", "mean"} and not found.n:
            raise ValueError(f"{said!r}: `n`, the count of persons behind it, is missing")
        if kind == "amount" and not found.dominance:
            raise ValueError(f"{said!r}: `dominance`, the model that tells what two persons hold, is missing")
        if kind == "mean" and not 0 <= found.decimals <= _DECIMALS:
            # With more, the mean of whole numbers tells how many they are.
            raise ValueError(f"{said!r}: a mean has at most {_DECIMALS} decimals")
        if kind == "rate" and len(found.of) != 2:  # noqa: PLR2004
            raise ValueError(f"{said!r}: a rate is of two columns")
        return found


class Total(_Declared):
    """Rows whose counts and amounts are sums of other published rows. `parts` is SQL over `part` and `total`."""

    rows: str
    parts: str
    columns: dict[str, str] | None = None

    @model_validator(mode="before")
    @classmethod
    def _list_to_map(cls, said: Any) -> Any:
        if isinstance(said, dict) and isinstance(said.get("columns"), list):
            return {**said, "columns": {name: name for name in said["columns"]}}
        return said


class Contained(_Declared):
    """Whoever counts in the row `part` counts in the row `whole`."""

    columns: tuple[str, ...]
    rows: str


class Known(_Declared):
    """True figures that are public elsewhere."""

    column: str
    rows: str
    source: str


class Relation(_Declared):
    """A linear relation of true counts in a row: the sum of `left` is at most, or equals, the sum of `right`."""

    left: tuple[str, ...]
    sign: Literal["<=", "="]
    right: tuple[str, ...]

    @classmethod
    def read(cls, text: str) -> Relation:
        """From `a + b <= c`. Raises ValueError."""
        match = _RELATION.fullmatch(text)
        sides = [[term.strip() for term in match[place].split("+")] for place in (1, 3)] if match else []
        if not match or not all(_TERM.fullmatch(term) for side in sides for term in side):
            raise ValueError(f"{text!r}: no relation such as `a + b <= c`")
        return cls.model_validate({"left": sides[0], "sign": match[2], "right": sides[1]})


class Part(_Declared):
    """Rows of one kind of a mart and what their columns hold."""

    mode: Literal["public", "round5"] = "round5"
    rows: str = "true"
    sparse: bool = Field(
        default=False, description="the mart has rows only where somebody counts: rows of published zeros are left out"
    )
    through: str | None = None
    grid: tuple[str, ...] = ()
    columns: dict[str, Figure] = Field(default_factory=dict)
    totals: tuple[Total, ...] = ()
    relations: tuple[Relation, ...] = ()
    contained: tuple[Contained, ...] = ()
    known: tuple[Known, ...] = ()

    @property
    def period(self) -> str | None:
        """The column of the grid that names the period."""
        return next((name for name in _PERIODS if name in self.grid), None)

    def of_kind(self, *kinds: str) -> dict[str, Figure]:
        """The columns of some kinds, with what is said of them."""
        return {name: figure for name, figure in self.columns.items() if figure.kind in kinds}


class Declaration(_Declared):
    """What one mart discloses: to whom, about whom, and how. `parts` is one for most marts.

    `loss` says what a reader loses by the rounding, as measured on the synthetic municipality of full size.
    """

    mode: Literal["public", "round5"]
    unit: str
    audience: str
    loss: str | None = None
    parts: tuple[Part, ...]

    @property
    def left_out(self) -> set[str]:
        """Columns that are in no part of the protected table."""
        if self.mode == "public":
            return set()
        kinds = [part.columns for part in self.parts if part.mode == "round5"]
        return {name for columns in kinds for name in columns} - {
            name for columns in kinds for name, figure in columns.items() if figure.kind != "left_out"
        }

    @property
    def is_exact(self) -> bool:
        """True for a table that everybody gets as it is."""
        return self.mode == "public" and all(part.rows == "true" for part in self.parts)


def read_declaration(said: object) -> Declaration:
    """A declaration from a model's `meta.discloses`. Raises ValueError that says what is wrong with it."""
    if not isinstance(said, dict):
        raise ValueError("its model declares no `meta.discloses`")
    try:
        whole = dict(said)
        shared = {name: whole.pop(name) for name in _SHARED if name in whole}
        head = {name: whole.pop(name) for name in ("mode", "unit", "audience", "loss") if name in whole}
        several = whole.pop("parts", None)
        if several and whole:
            raise ValueError(f"beside `parts` stands {', '.join(whole)}")
        parts = [_part(part, shared, str(head.get("mode"))) for part in (several or [whole])]
        return Declaration.model_validate({**head, "parts": parts})
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join(str(step) for step in first['loc'])}: {first['msg']}") from error


def _part(said: Mapping[str, Any], shared: Mapping[str, Any], mode: str) -> Part:
    whole = {"mode": mode, **{name: value for name, value in shared.items() if name in {"grid", "through"}}, **said}
    columns = {name: Figure.read(value) for name, value in (whole.pop("columns", None) or {}).items()}
    for kind in ("copied", "left_out"):
        for name in [*shared.get(kind, ()), *(whole.pop(kind, None) or ())]:
            columns.setdefault(name, Figure(kind=kind))
    for name, reason in {**shared.get("numbers", {}), **(whole.pop("numbers", None) or {})}.items():
        columns.setdefault(name, Figure(kind="copied", reason=str(reason)))
    relations = [Relation.read(text) for text in whole.pop("relations", None) or ()]
    return Part.model_validate({**whole, "columns": columns, "relations": relations})


def problems(table: str, declaration: Declaration, columns: Mapping[str, str]) -> Iterator[str]:
    """What can't be kept of a declaration for a table with these columns (name → type), one sentence each."""
    for number, part in enumerate(declaration.parts, 1):
        if part.mode == "round5":
            where = f"table {table}" + (f", part {number}" if len(declaration.parts) > 1 else "")
            yield from (f"{where}: {problem}" for problem in _problems(part, columns))


def _problems(part: Part, columns: Mapping[str, str]) -> Iterator[str]:
    counts = set(part.of_kind("count", "sum"))
    figures = set(part.of_kind("count", "amount", "sum"))
    for name in sorted(set(columns) - set(part.columns)):
        yield f"column {name} is declared nowhere; say in `meta.discloses` what it holds"
    for name in sorted({*part.columns, *part.grid} - set(columns)):
        yield f"names the column {name}, which the table has not"
    for name, figure in part.of_kind("copied").items():
        is_number = _NUMBER.match(columns.get(name, "")) and name not in part.grid
        if is_number and not figure.reason:
            yield f"copies the number {name}; say under `numbers` why it tells nothing of persons"
    if not part.grid:
        yield "names no `grid`, the columns that tell its rows apart"
    named: list[tuple[str, Iterable[str], set[str], str]] = []
    for name, figure in part.columns.items():
        named.append((name, [figure.n] if figure.n else [], counts, "count"))
        named.append((name, figure.of if figure.kind in {"sum", "rate"} else (), figures, "count or amount"))
    for total in part.totals:
        of = total.columns or {}
        named.append(("a total", {*of, *of.values()}, figures, "count or amount"))
    named += [("a relation", {*relation.left, *relation.right}, counts, "count") for relation in part.relations]
    named += [("contained", one.columns, counts, "count") for one in part.contained]
    named += [("known", [one.column], counts, "count") for one in part.known]
    for what, of_what, allowed, kind in named:
        for name in sorted(set(of_what) - allowed):
            yield f"{what} is of {name}, which is no {kind}"


def last_full_month(as_of: dt.date) -> dt.date:
    """The last day of the last month that is over on the business date: for any day of June, 31 May."""
    return as_of.replace(day=1) - dt.timedelta(days=1)
