"""What every reader in this package gets and gives back.

A reader is a module with a function

    read(path: Path, connection: duckdb.DuckDBPyConnection, headers: Headers, layout: Layout | None) -> Reading

that puts the delivery's records, as they stand and in their order, into a temporary table or view of `connection`, and
raises `include.errors.DeliveryRejected` where the file as a whole is not what it should be. It gives types only where
the format has them; the contract casts, checks and sorts out single rows afterwards, in SQL.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

import duckdb
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

RAW = "raw"
"""The temporary table or view that a reader makes, with one column a header."""

Headers = Mapping[str, bool]
"""The columns that a delivery must have; False for one that is read past because it never lands."""


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
    versions: dict[int, list[str]] = Field(
        default={}, description="the headers that came with each later version of the format; what is older lacks them"
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
class Total:
    """A sum that the delivery states of itself: of which column, how much, and in which line."""

    column: str
    amount: Decimal
    line: int


@dataclass(frozen=True)
class Reading:
    """What a reader found in a delivery.

    `rows_in` counts all records, those in `problems` included, which are not in the table. `lines` maps places in the
    table (1, 2, ...) to line numbers of the file (or whatever a person finds the place by); `period_label` and `as_of`
    are given where the delivery itself tells them, `total` where it states a sum; `notes` go with the delivery.

    A reader whose table is a view learns some of this only while the view is read: then `after_scan` tells the rest.
    """

    rows_in: int
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    lines: Callable[[Sequence[int]], Mapping[int, int]] = field(default=lambda rows: {row: row for row in rows})
    period_label: str | None = None
    as_of: dt.date | None = None
    total: Total | None = None
    after_scan: Callable[[int], Reading] | None = None

    def settled(self, rows: int) -> Reading:
        """All that is known once the table has been read, once, and gave this many rows."""
        return self.after_scan(rows) if self.after_scan else self


def table_from_rows(connection: duckdb.DuckDBPyConnection, rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> int:
    """Make the table `raw` from records that Python holds; for small sources only. Returns the number of rows."""
    records = pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
    connection.register("_records", records)
    connection.execute(f"create temp table {RAW} as from _records")
    connection.unregister("_records")
    return int(records.num_rows)
