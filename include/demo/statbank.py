"""A stand-in for Statistics Denmark's API on this machine: `tableinfo` and `data`, with its limits and error codes.

It answers from tables held cell by cell (`Table`), so that a night on the synthetic municipality and the tests ask as
they would ask StatBank: CSV gives every cell, BULK leaves out what the table does not hold.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.demo import loopback
from include.demo.loopback import STUB_ANSWERS, Fault, Reply, StandIn, json_reply
from include.sources.api import ApiConnection
from include.sources.statbank import CELL_LIMIT, CONTENT, DATA, TABLEINFO

__all__ = ["STUB_ANSWERS", "Fault", "Table", "Variable", "run", "serve", "write_answers"]

_STREAMED = "BULK"
_FORMATS = ("CSV", _STREAMED)
_MISSING = ".."


@dataclass(frozen=True)
class Variable:
    """A variable of a table: its code, text and values (code -> text, in order)."""

    code: str
    text: str
    values: Mapping[str, str]
    is_time: bool = False
    can_be_left_out: bool = False


@dataclass(frozen=True)
class Table:
    """A table: what tableinfo tells of it, and its cells by their codes in the order of the variables.

    A cell's text has a decimal comma; `..` is a stored cell without a value. Cells that are not held have the value
    `suppressed` in CSV and are not there in BULK.
    """

    code: str
    text: str
    unit: str
    updated: str
    variables: tuple[Variable, ...]
    cells: Mapping[tuple[str, ...], str]
    suppressed: str = "0"
    is_active: bool = True

    def info(self) -> dict[str, Any]:
        """The answer to `tableinfo`."""
        return {
            "id": self.code,
            "text": self.text,
            "description": f"{self.text} efter {', '.join(variable.text for variable in self.variables)}",
            "unit": self.unit,
            "suppressedDataValue": self.suppressed,
            "updated": self.updated,
            "active": self.is_active,
            "contacts": [],
            "documentation": None,
            "footnote": None,
            "variables": [
                {
                    "id": variable.code,
                    "text": variable.text,
                    "elimination": variable.can_be_left_out,
                    "time": variable.is_time,
                    "values": [{"id": code, "text": text} for code, text in variable.values.items()],
                }
                for variable in self.variables
            ],
        }


@contextlib.contextmanager
def run(
    tables: Sequence[Table], *, faults: Sequence[Fault | None] = (), cell_limit: int = CELL_LIMIT
) -> Iterator[StandIn]:
    """Serve `tables` until the block ends; above `cell_limit` cells only BULK is answered."""
    held = {table.code: table for table in tables}

    def answer(path: str, body: dict[str, Any] | None) -> Reply:
        try:
            table = _table(held, body)
            if path == TABLEINFO:
                return json_reply(table.info())
            return Reply(_data(table, body or {}, cell_limit).encode(), 200, "text/csv; charset=utf-8")
        except _Refused as refusal:
            return json_reply({"message": str(refusal), "errorTypeCode": refusal.code}, refusal.status)

    with loopback.serve(answer, token=None, paths=[TABLEINFO, DATA], faults=faults) as stand_in:
        yield stand_in


@contextlib.contextmanager
def serve(files: Sequence[Path], token: str | None = None) -> Iterator[ApiConnection]:
    """Serve the tables of files that `write_answers` wrote, to everybody; gives the connection to ask with."""
    assert token is None, "StatBank is open to all"
    with run([table for file in files for table in load_answers(file)]) as stand_in:
        yield stand_in.connection


def write_answers(folder: Path, tables: Sequence[Table], *, file_name: str = STUB_ANSWERS) -> Path:
    """Write tables into a file of `folder`, the inbox folder of the dataset that asks for them."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / file_name
    parts = []
    for table in tables:
        rows = ",\n".join(
            json.dumps(";".join([*key, text]), ensure_ascii=False) for key, text in sorted(table.cells.items())
        )
        parts.append(f'{{"info": {json.dumps(table.info(), ensure_ascii=False)}, "cells": [\n{rows}\n]}}')
    file.write_text('{"synthetic": true,\n"tables": [\n' + ",\n".join(parts) + "\n]}\n", "utf-8")
    return file


def load_answers(file: Path) -> list[Table]:
    """The tables of a file. Raises ValueError if it holds none."""
    content = json.loads(file.read_text("utf-8"))
    if not isinstance(content, dict) or not isinstance(content.get("tables"), list):
        raise ValueError(f"{file.name} holds no tables to serve")
    return [table_of(part["info"], part["cells"]) for part in content["tables"]]


def table_of(info: Mapping[str, Any], rows: Sequence[str]) -> Table:
    """A table from an answer to `tableinfo`, and its cells as lines: codes and value, `;` between them."""
    variables = tuple(
        Variable(
            part["id"],
            part["text"],
            {value["id"]: value["text"] for value in part["values"]},
            is_time=part["time"],
            can_be_left_out=part["elimination"],
        )
        for part in info["variables"]
    )
    return Table(
        info["id"],
        info["text"],
        info["unit"],
        info["updated"],
        variables,
        {tuple(codes): text for *codes, text in (row.split(";") for row in rows)},
        suppressed=info["suppressedDataValue"],
        is_active=info["active"],
    )


class _Refused(Exception):
    """The request is wrong: the API's own code and the status that it comes with."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        self.code = code
        self.status = status
        super().__init__(message)


def _table(held: Mapping[str, Table], body: Mapping[str, Any] | None) -> Table:
    if not body:
        raise _Refused("REQUEST-EMPTY", "Forespørgslen er tom.")
    name = body.get("table")
    if not isinstance(name, str) or not name:
        raise _Refused("REQUEST-MISSING", "Der er ikke angivet nogen tabel-id.")
    if name.upper() not in held:
        raise _Refused("EXTRACT-NOTFOUND", f"Tabel findes ikke: {name}", 404)
    return held[name.upper()]


def _data(table: Table, body: Mapping[str, Any], cell_limit: int) -> str:
    """The answer to `data`: a header and one line a cell. Raises _Refused as the API would."""
    form = body.get("format")
    if form not in _FORMATS:
        raise _Refused("REQUEST-MISSING", "Format ikke angivet, eller ikke gyldigt.")
    chosen = _chosen(table, body)
    rows = math.prod(len(codes) for codes in chosen)
    if form != _STREAMED and rows * (len(chosen) + 1) > cell_limit:
        raise _Refused("EXTRACT-TOOBIG", "Forespørgslen returnerer for mange observationer.")
    lines = [";".join([*(variable.code.upper() for variable in table.variables), CONTENT])]
    keys = itertools.product(*chosen)
    # A stream comes in an order of its own.
    for key in sorted(keys, key=lambda key: key[::-1]) if form == _STREAMED else keys:
        text = table.cells.get(key)
        if text is None and form == _STREAMED:
            continue
        named = [_shown(variable, code, body) for variable, code in zip(table.variables, key, strict=True)]
        lines.append(";".join([*named, _number(table.suppressed if text is None else text, body)]))
    return "\r\n".join(lines) + "\r\n"


def _chosen(table: Table, body: Mapping[str, Any]) -> list[list[str]]:
    """The codes that are asked for, by variable."""
    asked = {part["code"].upper(): part["values"] for part in body.get("variables", [])}
    known = {variable.code.upper(): variable for variable in table.variables}
    for code in asked:
        if code not in known:
            raise _Refused("EXTRACT-NOTFOUND", f"Variabel findes ikke: {code}")
    for code, variable in known.items():
        # Nor are sums over a variable that could be left out held here.
        if not asked.get(code):
            raise _Refused("EXTRACT-NOTALLOWED", f"Der skal vælges værdier for variabel: {variable.code}")
        for value in asked[code]:
            if value not in variable.values and value != "*":
                raise _Refused("EXTRACT-NOTFOUND", f"Værdi findes ikke: {value} ({variable.code})")
    return [
        [code for code in variable.values if "*" in asked[name] or code in asked[name]]
        for name, variable in known.items()
    ]


def _shown(variable: Variable, code: str, body: Mapping[str, Any]) -> str:
    shown = code.replace("K", "Q") if variable.is_time and body.get("lang") == "en" else code
    presentation = body.get("valuePresentation", "Value")
    return {"Code": shown, "CodeAndValue": f"{shown} {variable.values[code]}"}.get(presentation, variable.values[code])


def _number(text: str, body: Mapping[str, Any]) -> str:
    return text.replace(",", ".") if body.get("lang") == "en" and text != _MISSING else text
