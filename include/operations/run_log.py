"""The log of nights and their steps: what ran when, for how long, with what outcome. Counts and names only.

SQLite, because several Airflow tasks write to it at once, each a single short transaction, and a killed writer
must leave it whole; DuckDB files have one writer.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from include.settings import Settings

_SCHEMA = """
create table if not exists step (
    step_id integer primary key,
    run text not null,
    domain text,
    name text not null,
    started_at text not null,
    seconds real,
    outcome text not null default 'started',
    detail text not null default '{}'
);
"""


@dataclass(frozen=True)
class Step:
    """One step of a night. Times are UTC; `seconds` is None and `outcome` 'started' while it runs or if it died."""

    run: str
    domain: str | None
    name: str
    started_at: dt.datetime
    seconds: float | None
    outcome: str
    detail: dict[str, Any]


@contextlib.contextmanager
def _connect(settings: Settings) -> Iterator[sqlite3.Connection]:
    settings.prepare()
    file = settings.operations / "run_log.sqlite"
    with contextlib.closing(sqlite3.connect(file, timeout=60)) as connection, connection:
        connection.executescript(_SCHEMA)
        yield connection


@contextlib.contextmanager
def step(settings: Settings, name: str, *, run: str, domain: str | None = None) -> Iterator[dict[str, Any]]:
    """Log a step: its start at once, its end, seconds and outcome when the block ends, by whatever way.

    The dictionary that the block gets is kept as the step's detail: counts and names, never a value of a row.
    """
    detail: dict[str, Any] = {}
    started = time.monotonic()
    with _connect(settings) as connection:
        row = connection.execute(
            "insert into step (run, domain, name, started_at) values (?, ?, ?, ?)",
            (run, domain, name, dt.datetime.now(dt.UTC).isoformat()),
        )
        step_id = row.lastrowid
    outcome = "failed"
    try:
        yield detail
        outcome = "succeeded"
    finally:
        with _connect(settings) as connection:
            connection.execute(
                "update step set seconds = ?, outcome = ?, detail = ? where step_id = ?",
                (round(time.monotonic() - started, 3), outcome, json.dumps(detail, ensure_ascii=False), step_id),
            )


def steps(settings: Settings, run: str | None = None) -> list[Step]:
    """All steps, or those of one run, in the order in which they began."""
    with _connect(settings) as connection:
        rows = connection.execute(
            "select run, domain, name, started_at, seconds, outcome, detail from step "
            "where ? is null or run = ? order by step_id",
            (run, run),
        ).fetchall()
    return [
        Step(run_, domain, name, dt.datetime.fromisoformat(started_at), seconds, outcome, json.loads(detail))
        for run_, domain, name, started_at, seconds, outcome, detail in rows
    ]
