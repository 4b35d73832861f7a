"""What every reader in this package gets and gives back.

A reader is a module with a function

    read(path: Path, connection: duckdb.DuckDBPyConnection, headers: Sequence[str], layout: Layout | None) -> Reading

that puts the delivery's records into a temporary table of `connection`, as they stand in the delivery, and raises
`include.errors.DeliveryRejected` where the file as a whole is not what it should be. It gives types only where the
format has them; the contract casts, checks and sorts out single rows afterwards, in SQL.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import duckdb
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

RAW = "raw"
"""The temporary table that a reader makes: `_row` (1, 2, ... in the order of the delivery) and one column a header."""


class Layout(BaseModel):
    """How a delimited text is written; the reader is strict about all of it. Part of a dataset's contract."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    delimiter: str = ";"
    quote: str = '"'
    date_formats: list[str] = ["%d-%m-%Y"]
    decimal: Literal[",", "."] = ","
    total: str | None = Field(
        default=None, description="the amount column of which a last line `Total` states the sum, if the format has one"
    )


@dataclass(frozen=True)
class Problem:
    """A record that can't be taken, or a note about the whole delivery (`line` None). Never holds a value."""

    line: int | None
    column: str | None
    rule: str
    reason: str
    remedy: str


@dataclass(frozen=True)
class Reading:
    """What a reader found in a delivery.

    `rows_in` counts all records, those in `problems` included, which are not in the table. `lines` maps values of
    `_row` to line numbers of the file (or whatever a person finds the place by); `period_label` and `as_of` are given
    where the delivery itself tells them.
    """

    rows_in: int
    problems: list[Problem] = field(default_factory=list)
    lines: Callable[[Sequence[int]], Mapping[int, int]] = field(default=lambda rows: {row: row for row in rows})
    period_label: str | None = None
    as_of: dt.date | None = None


def table_from_rows(connection: duckdb.DuckDBPyConnection, rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> int:
    """Make the table `raw` from records that Python holds; for small sources only. Returns the number of rows."""
    records = pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
    connection.register("_records", records)
    connection.execute(f"create temp table {RAW} as select row_number() over () as _row, * from _records")
    connection.unregister("_records")
    return records.num_rows
