"""A suite before a good batch and before a spoilt one: the harness of all tests of suites."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb

from include.gx import load_suite
from include.landing.batch import BatchHistory, BatchVerdict, judge_batch
from include.landing.contract import WHOLE, load_contracts
from include.settings import Settings

GOOD = "select * from good"
DOUBLE = "select * from good union all (select * from good limit 1)"
COMMON = "'151' as municipality_code, '0123456789abcdef' as delivery_id"
"""The columns that landing adds to every row."""

PERSON_NUMBER = "-".join((f"{11 + 60}{1:02}12", f"{4321:04}"))
"""In the form of a CPR number with day + 60, which nobody has."""


@dataclass(frozen=True)
class Batch:
    """A good batch: a select of its rows, and the period it is about, as label, first and last day; else it is whole.

    `database` is a landing database that the select reads. `history` gives earlier deliveries' rows as shares of the
    good batch's, the latest first, each a day before the one after it; `earlier` is what else is different of them.
    """

    dataset: str
    rows: str
    as_of: dt.date
    period: tuple[str, dt.date, dt.date] | None = None
    history: Sequence[float] = ()
    earlier: Mapping[str, Any] = field(default_factory=dict)
    database: Path | None = None

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A connection with the table `good`."""
        connection = duckdb.connect(str(self.database or ":memory:"), read_only=self.database is not None)
        connection.execute(f"create temp table good as {self.rows}")
        return connection

    def judged(
        self, settings: Settings, change: str = GOOD, *, quarantined: int = 0, lost: int = 0, **other: Any
    ) -> BatchVerdict:
        """The suite's verdict on the batch after `change`, a select over `good`.

        `other` replaces fields of the batch (`history`, `earlier`, `as_of`) or of what is known of the delivery.
        """
        batch = replace(self, **{name: other.pop(name) for name in ("history", "earlier", "as_of") if name in other})
        file = settings.home.parent / "it's a batch.parquet"
        with self.connect() as connection:
            connection.execute(f"create temp table changed as {change}")
            connection.table("changed").write_parquet(str(file))
            whole, count = len(connection.table("good")), len(connection.table("changed"))
        label, first, last = batch.period or (WHOLE, batch.as_of, batch.as_of)
        known = BatchHistory(batch.as_of, label, first, last, count + quarantined + lost, count, quarantined)
        known = replace(known, **other)
        earlier = [
            replace(
                known,
                as_of=batch.as_of - dt.timedelta(days=number),
                row_count=int(whole * share),
                landed_count=int(whole * share),
                quarantined_count=0,
            )
            for number, share in enumerate(batch.history, 1)
        ]
        history = [replace(one, **batch.earlier) for one in earlier]
        return judge_batch(settings, load_contracts()[self.dataset], file, known, history)


@dataclass(frozen=True)
class Fault:
    """A change of the good batch, and a part of the message that must come of it."""

    dataset: str
    said: str
    change: str = GOOD
    is_warning: bool = False
    more: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.dataset}: {self.said}"


def assert_is_told(settings: Settings, batch: Batch, fault: Fault) -> None:
    """A critical fault refuses the batch, another one is noted; the message names the dataset."""
    verdict = batch.judged(settings, fault.change, **fault.more)
    said = verdict.warnings if fault.is_warning else verdict.critical
    assert any(fault.said in message and message.startswith(f"{fault.dataset}: ") for message in said), verdict
    assert verdict.is_accepted == (not verdict.critical)


def assert_passes(settings: Settings, batch: Batch, *, checks: int = 15, **other: Any) -> None:
    """A good batch passes without a word, and every expectation of the suite was looked at, more than `checks`."""
    verdict = batch.judged(settings, **other)
    assert (verdict.critical, verdict.warnings) == ([], [])
    assert verdict.is_accepted
    assert verdict.checks == len(load_suite(batch.dataset)["expectations"]) > checks


def assert_finds_double_lost_and_bad_rows(settings: Settings, batch: Batch) -> None:
    """What every suite has: rows are told apart by their key, no row is lost, and few are in quarantine."""
    verdict = batch.judged(settings, DOUBLE, quarantined=500, lost=1)
    assert not verdict.is_accepted
    for said in ("identify a row", "at most 5 %", "rows in = landed + quarantined"):
        assert [message for message in verdict.critical if said in message], said


def assert_finds_a_person_number(
    batch: Batch, left_out: Sequence[str] = (), spoil: Mapping[str, str] | None = None
) -> None:
    """A person number is found in each text column, but those left out, and the query returns no text.

    `spoil` gives a column that is no plain text the expression that puts `{number}` into it.
    """
    queries = [
        expectation["kwargs"]["unexpected_rows_query"].format(batch="changed")
        for expectation in load_suite(batch.dataset)["expectations"]
        if "looks like a CPR number" in expectation["description"]
    ]
    texts = [c.name for c in load_contracts()[batch.dataset].landed_columns if "VARCHAR" in c.landed_type]
    with batch.connect() as connection:

        def found() -> set[tuple[Any, ...]]:
            return {row for query in queries for row in connection.execute(query).fetchall()}

        connection.execute("create temp table changed as from good")
        assert queries
        assert found() == set()
        searched = [column for column in texts if column not in left_out]
        assert searched
        for column in searched:
            value = (spoil or {}).get(column, "{number}").format(number=f"'{PERSON_NUMBER}'")
            connection.execute(
                "create or replace temp table changed as select * replace "
                f"(if(row_number() over () = 3, {value}, {column}) as {column}) from good"
            )
            assert found() == {(1,)}, column
