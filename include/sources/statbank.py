"""Statistics Denmark's StatBank: its API (v1, open to all, no token) and its answers.

`fetch` asks for the tables that a contract's `request` names and saves the answers as one file; `read` turns such a
file into rows. Source of the rules: dst.dk/da/Statistik/hjaelp-til-statistikbanken/api (licence CC BY 4.0, name the
source).

- `tableinfo` first. It tells the codes, what a suppressed value looks like, when the table was updated and whether it
  is closed. The variable of the place is told nowhere by name (`REGI07A` in BUDK32, `OMRÅDE` in REGK31): it is the one
  variable that is neither time nor named by the request. Of its values the 98 municipalities are asked for, not the
  whole country, the regions and the groups that hold them once more.
- Texts are no keys (two values of a variable may share one), so codes are asked for; with `lang=da` time is written
  `2017K4` and numbers have a decimal comma.
- Cells are rows x columns. Up to 1,000,000 of them are asked for as CSV, which gives every cell, so that one that is
  not there shows. Above, as BULK, which has no limit, wants every variable named and leaves cells out.
- `..` is a value that is missing or suppressed: `missing`. A cell that BULK leaves out has the table's
  `suppressedDataValue`, and a cell that has this value, mostly 0, may be suppressed or may truly be so: nobody outside
  can tell, so both are `suppressed_or_zero`, with the value as the table says. All others are `published`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from include.sources.api import (
    ASK_AGAIN,
    Api,
    ApiConnection,
    FetchFailed,
    Patience,
    Refusal,
    cut_short,
    json_of,
    read_saved,
    rejected,
    save,
    text_of,
    unexpected,
)
from include.sources.reading import Headers, Layout, Problem, Reading, table_from_rows

NAME = "Statistics Denmark"
ADDRESS = "https://api.statbank.dk"
"""Where the API is; a connection names it, tests and the synthetic municipality name another."""

TABLEINFO = "/v1/tableinfo"
DATA = "/v1/data"

CELL_LIMIT = 1_000_000
"""Above so many cells (rows x columns, the value's column included) only BULK is answered."""

CONTENT = "INDHOLD"
"""The column of the value in every answer."""

_OWN_COLUMNS = (
    "table_code",
    "place_code",
    "time_code",
    "year",
    "value",
    "value_status",
    "table_updated",
    "table_is_active",
)
_SOURCE = "Kilde: Danmarks Statistik, Statistikbanken (CC BY 4.0)"
_MISSING = ".."
_NUMBER = re.compile(r"-?\d+(,\d{1,3})?", re.ASCII)
_MUNICIPALITY = re.compile(r"(?!000|411)[1-8]\d\d")
"""Codes of municipalities: not 000 (the country), 08x (regions), 9xx (groups), nor 411 (Christiansø, of the state)."""

_YEAR = re.compile(r"(\d{4})(?:[KQ][1-4]|H[12]|M\d\d(?:D\d\d)?|U\d\d|[:/]\d{4})?")
"""`2017`, `2017K4` (`2017Q4` in English), `2017H2`, `2017M12`, `2015M12D24`, `2014U30`, `2021:2022`, `2014/2015`."""

_FIRST_ROW_LINE = 6
"""The line of the first row of a saved file: before it stand a bracket, source, request, and two heads."""

_LINES_BETWEEN = 2
"""Lines between the last row of a table and the first of the next."""

_CORRECT_REQUEST = "compare the contract's `request` with the table's tableinfo and correct it: codes and tables change"

Key = tuple[str, ...]
"""The codes of one cell, in the order of the variables that were asked for."""


@dataclass(frozen=True)
class _Table:
    """A table as its tableinfo tells it and as it is asked for: codes by variable, in tableinfo's order."""

    code: str
    updated: str
    is_active: bool
    suppressed: str
    place: str
    time: str
    asked: Mapping[str, Sequence[str]]

    @property
    def rows(self) -> int:
        """The number of cells that have a value, if all are there."""
        return math.prod(len(codes) for codes in self.asked.values())

    @property
    def format(self) -> str:
        """CSV where the API gives it, since it holds every cell; BULK where it is too much for that."""
        return "CSV" if self.rows * (len(self.asked) + 1) <= CELL_LIMIT else "BULK"

    @property
    def columns(self) -> list[str]:
        """The header that the answer must have."""
        return [*(variable.upper() for variable in self.asked), CONTENT]

    def body(self) -> dict[str, Any]:
        """The request for its data."""
        variables = [{"code": variable, "values": list(codes)} for variable, codes in self.asked.items()]
        return {
            "table": self.code,
            "format": self.format,
            "lang": "da",
            "valuePresentation": "Code",
            "variables": variables,
        }

    def cells(self) -> Iterator[Key]:
        """All cells that were asked for."""
        return itertools.product(*self.asked.values())


def fetch(
    connection: ApiConnection, folder: Path, request: Mapping[str, Any], *, patience: Patience | None = None
) -> Path:
    """Ask for the tables of `request`, all their years, and save the answers in `folder`, named as the dataset.

    `request` has `tables`: each with `table` and `variables`, the codes that are asked for of every variable but place
    and time. The file is JSON without the time of fetching (the ledger has it): the same answers give the same bytes
    and the same name, `<dataset>_<day of the newest table>_<digest>.json`; revised ones get a file beside it. It is
    written whole or not at all.

    Raises FetchFailed: besides what `Api.post` raises, for a table, variable or code that does not exist, and for an
    answer that is cut, holds a cell twice, lacks one or holds others than were asked for. BULK leaves cells out and
    states no number of rows, so a BULK answer cut at the end of a line is found only if a place or a period is wholly
    gone with it.
    """
    tables = request.get("tables")
    if not isinstance(tables, list) or not tables:
        raise ValueError(f"a request of {NAME} has `tables`")
    answers: list[tuple[_Table, list[str]]] = []
    with Api(connection, patience or Patience(), name=NAME, renewal=None, explain=_explain) as api:
        for wanted in tables:
            code, variables = wanted["table"], wanted["variables"]
            what = f"tableinfo of {code}"
            info = json_of(api.post(TABLEINFO, {"table": code, "lang": "da"}, what=what, fields=[code]), where(what))
            table = _table(info, code, variables, where(what))
            what = f"data of {code}"
            # One digit occurs in any message.
            values = [value for codes in variables.values() for value in codes if len(value) > 1]
            names = [code, *table.asked, *values]
            content = api.post(DATA, table.body(), what=what, fields=names)
            answers.append((table, _rows(table, text_of(content, where(what)), where(what))))
    saved = _canonical(request, answers)
    newest = max(table.updated for table, _ in answers)[:10].replace("-", "")
    target = folder / f"{folder.name}_{newest}_{hashlib.sha256(saved).hexdigest()[:12]}.json"
    save(target, saved)
    return target


def read(path: Path, connection: duckdb.DuckDBPyConnection, headers: Headers, layout: Layout | None) -> Reading:
    """Read answers that `fetch` saved into the table `raw`: one row a cell that was asked for, left-out ones included.

    Its columns are the variables of the request by their codes, and `table_code`, `place_code`, `time_code`, `year` (in
    which the period begins), `value` (a text with a decimal point), `value_status` (see the module), `table_updated`
    (`2024-05-08T08:00:00`) and `table_is_active`. A cell whose value is no Danish number of at most three decimals, or
    whose time is none, is in `problems`. A closed table is noted. `as_of` is the day on which the newest table was
    updated.

    Raises DeliveryRejected for a file that is cut, is not what `fetch` writes, or holds other cells than asked for.
    """
    tables = _load(path)
    variables = {name for table, _ in tables for name in table.asked if name not in (table.place, table.time)}
    if variables | set(_OWN_COLUMNS) != set(headers):
        raise rejected(path, "it was asked for with another request than the contract's.")
    records: list[dict[str, str | None]] = []
    places: list[int | None] = []
    problems: list[Problem] = []
    notes = [
        f"table {table.code} is closed and gets no newer figures; look for the table that follows it"
        for table, _ in tables
        if not table.is_active
    ]
    for table, served in tables:
        for key in table.cells():
            line, text = served.get(key, (None, table.suppressed))
            value, status = _value(text, table.suppressed)
            cell = dict(zip(table.asked, key, strict=True))
            year = _YEAR.fullmatch(cell[table.time])
            if status is None or year is None:
                column = "time_code" if year is None else "value"
                reason = "the time is no code of StatBank" if year is None else "the value is no Danish number"
                problems.append(Problem(line, column, "danish_number" if year else "time_code", reason, ASK_AGAIN))
                continue
            own = {
                "table_code": table.code,
                "place_code": cell.pop(table.place),
                "time_code": cell.pop(table.time),
                "year": year[1],
                "value": value,
                "value_status": status,
                "table_updated": table.updated,
                "table_is_active": str(table.is_active).lower(),
            }
            records.append({**cell, **own})
            places.append(line)
    count = table_from_rows(connection, records, pa.schema([(header, pa.string()) for header in headers]))
    return Reading(
        rows_in=count + len(problems),
        problems=problems,
        notes=notes,
        lines=lambda rows: {row: line for row in rows if (line := places[row - 1]) is not None},
        as_of=max(dt.datetime.fromisoformat(table.updated).date() for table, _ in tables),
    )


def where(what: str) -> str:
    """The place that a message about a request names."""
    return f"{NAME}, {what}"


def _explain(refusal: Refusal) -> FetchFailed | None:
    """What the API's own error codes mean (`errorTypeCode`)."""
    found = re.search(r"\b(?:EXTRACT|REQUEST)-[A-Z]+", refusal.text)
    if found is None:
        return None
    code, named = found[0], ", ".join(refusal.fields)
    about = f": {named}" if named else ""
    if code in ("EXTRACT-TOOBIG", "REQUEST-LIMIT"):
        return FetchFailed(
            "too_many_cells",
            f"the API finds the extract too big ({code}).",
            remedy=f"name fewer codes in the contract's `request`, or lower CELL_LIMIT ({CELL_LIMIT}) in "
            "include/sources/statbank.py to what the API says now, so that BULK is asked for",
            where=refusal.where,
        )
    if code == "EXTRACT-NOTALLOWED":
        return FetchFailed(
            "request_refused",
            f"a variable has no values chosen that needs them ({code}){about}.",
            remedy=_CORRECT_REQUEST,
            where=refusal.where,
        )
    if code == "EXTRACT-NOTFOUND":
        return FetchFailed(
            "not_found",
            f"the API has no such table, variable or value ({code}){about}.",
            remedy=_CORRECT_REQUEST,
            where=refusal.where,
        )
    return FetchFailed(
        "request_refused", f"the API refuses the request ({code}){about}.", remedy=_CORRECT_REQUEST, where=refusal.where
    )


def _table(info: Any, code: str, variables: Mapping[str, Sequence[str]], place: str) -> _Table:
    """The table of a tableinfo, and what of it is asked for. Raises FetchFailed."""
    try:
        known = {variable["id"]: [value["id"] for value in variable["values"]] for variable in info["variables"]}
        times = [variable["id"] for variable in info["variables"] if variable["time"]]
        told, updated, active = info["id"], info["updated"], info["active"]
        dt.datetime.fromisoformat(updated)
        suppressed = info.get("suppressedDataValue") or ""
    except (KeyError, TypeError, ValueError, AttributeError):
        raise unexpected("the tableinfo lacks what is documented: id, updated, active, variables", place) from None
    if told.upper() != code.upper():
        raise unexpected("the tableinfo is of another table than was asked for", place)
    if lacking := [name for name in variables if name not in known]:
        raise _not_found(f"the table has no variable {', '.join(lacking)}", place)
    for name, codes in variables.items():
        if unknown := [value for value in codes if value not in known[name]]:
            raise _not_found(f"the variable {name} has no value {', '.join(unknown)}", place)
    rest = [name for name in known if name not in variables and name not in times]
    if len(times) != 1 or len(rest) != 1:
        names = ", ".join(rest) or "none"
        raise _not_found(
            f"beside time and what the request names, one variable should be the place; there is {names}", place
        )
    municipalities = [value for value in known[rest[0]] if _MUNICIPALITY.fullmatch(value)]
    if not municipalities:
        raise _not_found(f"no value of {rest[0]} is a municipality", place)
    asked = {name: municipalities if name == rest[0] else variables.get(name, codes) for name, codes in known.items()}
    return _Table(told, updated, bool(active), suppressed, rest[0], times[0], asked)


def _not_found(reason: str, place: str) -> FetchFailed:
    return FetchFailed("not_found", f"{reason}.", remedy=_CORRECT_REQUEST, where=place)


def _rows(table: _Table, text: str, place: str) -> list[str]:
    """The lines of an answer but its header, sorted. Raises FetchFailed if it is cut or not what was asked for."""
    header, *lines = text.splitlines() or [""]
    if header.split(";") != table.columns:
        raise unexpected(f"the header is not {';'.join(table.columns)}", place)
    if not text.endswith("\n"):
        raise cut_short("the last line has no end", place)
    asked = [frozenset(codes) for codes in table.asked.values()]
    seen: set[Key] = set()
    for number, line in enumerate(lines, start=2):
        *key, _ = line.split(";")
        if len(key) != len(asked):
            raise unexpected(f"line {number} has another number of columns than the header", place)
        if not all(code in codes for code, codes in zip(key, asked, strict=True)):
            raise unexpected(f"line {number} holds a code that was not asked for", place)
        if tuple(key) in seen:
            raise unexpected(f"line {number} holds a cell that has come before", place)
        seen.add(tuple(key))
    if table.format == "CSV" and len(seen) != table.rows:
        raise cut_short(f"there are {len(seen)} of the {table.rows} cells that tableinfo lets expect", place)
    for variable in (table.place, table.time):
        column = list(table.asked).index(variable)
        if lacking := len(asked[column] - {key[column] for key in seen}):
            raise cut_short(f"{lacking} of the {len(asked[column])} values of {variable} do not occur at all", place)
    return sorted(lines)


def _value(text: str, suppressed: str) -> tuple[str | None, str | None]:
    """Value and status of a cell; no status if it is none."""
    if text in (_MISSING, ""):
        return None, "missing"
    if not _NUMBER.fullmatch(text):
        return None, None
    return text.replace(",", "."), "suppressed_or_zero" if text == suppressed else "published"


def _canonical(request: Mapping[str, Any], answers: Sequence[tuple[_Table, list[str]]]) -> bytes:
    """Saved answers: rows as served, sorted (BULK has no order), one a line so that a problem can name its line."""

    def text(value: object) -> str:
        return json.dumps(value, ensure_ascii=False)

    parts = [
        f'{{"info": {text(vars(table))}, "rows": [\n' + ",\n".join(text(line) for line in lines) + "\n]}"
        for table, lines in answers
    ]
    head = f'{{\n"source": {text(_SOURCE)},\n"request": {text(request)},\n"tables": [\n'
    return (head + ",\n".join(parts) + "\n]\n}\n").encode()


class _Cell(NamedTuple):
    """A served cell: the line of the saved file, and the value's text."""

    line: int
    text: str


def _load(path: Path) -> list[tuple[_Table, dict[Key, _Cell]]]:
    content = read_saved(path)
    found: list[tuple[_Table, dict[Key, _Cell]]] = []
    line = _FIRST_ROW_LINE
    try:
        for part in content["tables"]:
            table = _Table(**part["info"])
            cells: dict[Key, _Cell] = {}
            for number, row in enumerate(part["rows"], start=line):
                *key, text = row.split(";")
                cells[tuple(key)] = _Cell(number, text)
            line += len(part["rows"]) + _LINES_BETWEEN
            if len(cells) != len(part["rows"]) or not cells.keys() <= set(table.cells()):
                raise rejected(path, "it holds a cell twice, or others than were asked for.")
            if table.format == "CSV" and len(cells) != table.rows:
                raise rejected(path, f"{table.rows - len(cells)} of {table.rows} cells are not there.")
            found.append((table, cells))
    except (KeyError, TypeError, AttributeError):
        raise rejected(path, "the file holds no tables with their rows: it is no saved answer.") from None
    if not found:
        raise rejected(path, "the file holds no table.")
    return found
