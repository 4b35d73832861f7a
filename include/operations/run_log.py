"""The log of nights and their steps: what ran when, for how long, with what outcome; and which notices went out.

Counts, names and the texts of errors that are written for people; never a value of a row.

SQLite, because several Airflow tasks write to it at once, each a single short transaction, and a killed writer
must leave it whole; DuckDB files have one writer.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import re
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from include.errors import WarehouseError
from include.settings import COPENHAGEN, Settings

_SCHEMA = """
create table if not exists step (
    step_id integer primary key,
    run text not null,
    domain text,
    name text not null,
    started_at text not null,
    seconds real,
    outcome text not null default 'started',
    detail text not null default '{}',
    night text
);
"""
_NOTICES = """
create table if not exists notice (
    night text not null,
    severity text not null check (severity in ('critical', 'deadline', 'warning')),
    channel text not null,
    subject text not null,
    body text not null,
    attempted_at text not null,
    attempts integer not null default 1,
    outcome text not null default 'sending' check (outcome in ('sending', 'sent', 'failed')),
    reason text,
    unique (night, severity, channel)
);
"""

_EXTRACT_RUN = re.compile(r"extract_[a-z_]+_(\d{8})")


@dataclass(frozen=True)
class Step:
    """One step of a night. Times are UTC; `seconds` is None and `outcome` 'started' while it runs or if it died.

    `domain` is that of an extract, `follow_up` for what is done for a budget follow-up, None for the refresh and the
    erasure. `night` is the business date for which it ran. The detail of a failed step has `error`, the kind of the
    error, and `where`, `reason` and `remedy` if the error was written for people.
    """

    run: str
    domain: str | None
    name: str
    started_at: dt.datetime
    seconds: float | None
    outcome: str
    detail: dict[str, Any]
    night: dt.date


def place_of(step: Step) -> str:
    """Where a step belongs, for people: its domain, or the refresh, and its name. Each try has the same place."""
    return f"{step.domain or 'refresh'}, {step.name}"


@dataclass(frozen=True)
class Notice:
    """A message about a night, to one channel, and what became of it: `sending`, `sent` or `failed` (with `reason`).

    `attempted_at` (UTC) is the last attempt. One that stays `sending` was cut off while it was sent.
    """

    night: dt.date
    severity: str
    channel: str
    subject: str
    body: str
    attempted_at: dt.datetime
    attempts: int
    outcome: str
    reason: str | None


@contextlib.contextmanager
def _connect(settings: Settings) -> Iterator[sqlite3.Connection]:
    settings.prepare()
    file = settings.operations / "run_log.sqlite"
    with contextlib.closing(sqlite3.connect(file, timeout=60)) as connection, connection:
        connection.executescript(_SCHEMA + _NOTICES)
        if "night" not in {row[1] for row in connection.execute("pragma table_info(step)")}:
            # A log of before steps had a night; another process may be adding it as well.
            with contextlib.suppress(sqlite3.OperationalError):
                connection.execute("alter table step add column night text")
        _let_deadlines_be_told(connection)
        yield connection


def _let_deadlines_be_told(connection: sqlite3.Connection) -> None:
    """Make the table of notices anew in a log of before follow-ups had any; SQLite can't change what is checked."""
    made = "select sql from sqlite_master where name = 'notice'"
    if "'deadline'" in connection.execute(made).fetchone()[0]:
        return
    connection.execute("begin immediate")
    if "'deadline'" not in connection.execute(made).fetchone()[0]:  # another process may have done it meanwhile
        connection.execute("alter table notice rename to notice_before")
        connection.execute(_NOTICES)
        connection.execute("insert into notice select * from notice_before")
        connection.execute("drop table notice_before")
    connection.execute("commit")


@contextlib.contextmanager
def step(settings: Settings, name: str, *, run: str, domain: str | None = None) -> Iterator[dict[str, Any]]:
    """Log a step: its start at once, its end, seconds and outcome when the block ends, by whatever way.

    The dictionary that the block gets is kept as the step's detail: counts and names, never a value of a row.
    """
    detail: dict[str, Any] = {}
    started = time.monotonic()
    with _connect(settings) as connection:
        row = connection.execute(
            "insert into step (run, domain, name, started_at, night) values (?, ?, ?, ?, ?)",
            (run, domain, name, dt.datetime.now(dt.UTC).isoformat(), settings.night.isoformat()),
        )
        step_id = row.lastrowid
    outcome = "failed"
    try:
        yield detail
        outcome = "succeeded"
    except BaseException as error:
        # Airflow's time limit and its end of a task are no `Exception`. The text of any other error may hold a value.
        detail["error"] = type(error).__name__
        if isinstance(error, WarehouseError):
            detail.update(where=error.where, reason=error.reason, remedy=error.remedy)
        raise
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
            "select run, domain, name, started_at, seconds, outcome, detail, night from step "
            "where ? is null or run = ? order by step_id",
            (run, run),
        ).fetchall()
    return [
        Step(
            run=run_,
            domain=domain,
            name=name,
            started_at=(started := dt.datetime.fromisoformat(started_at)),
            seconds=seconds,
            outcome=outcome,
            detail=json.loads(detail),
            night=dt.date.fromisoformat(night) if night else _night_of(run_, started),
        )
        for run_, domain, name, started_at, seconds, outcome, detail, night in rows
    ]


def _night_of(run: str, started: dt.datetime) -> dt.date:
    """The business date of a step that was logged without one: an extract names it, else the day it ran on."""
    if match := _EXTRACT_RUN.fullmatch(run):
        return dt.datetime.strptime(match[1], "%Y%m%d").date()
    return started.astimezone(COPENHAGEN).date()


def claim_notice(settings: Settings, night: dt.date, severity: str, channel: str, subject: str, body: str) -> bool:
    """Take it upon oneself to send a notice; False if it has been sent, or somebody is at it.

    Noted before it is sent, so that of several that want to tell the same night at once only one does. One that failed
    may be tried again; one that was cut off may have arrived, so it is not.
    """
    now = dt.datetime.now(dt.UTC).isoformat()
    with _connect(settings) as connection:
        changed = connection.execute(
            """
            insert into notice (night, severity, channel, subject, body, attempted_at) values (?, ?, ?, ?, ?, ?)
            on conflict (night, severity, channel) do update set
                subject = excluded.subject, body = excluded.body, attempted_at = excluded.attempted_at,
                attempts = attempts + 1, outcome = 'sending', reason = null
            where outcome = 'failed'
            """,
            (night.isoformat(), severity, channel, subject, body, now),
        )
        return bool(changed.rowcount)


def end_notice(settings: Settings, night: dt.date, severity: str, channel: str, failed: str | None) -> None:
    """Note what became of a notice that was claimed; `failed` says why it did not go, None that it went."""
    with _connect(settings) as connection:
        connection.execute(
            "update notice set outcome = ?, reason = ? where night = ? and severity = ? and channel = ?",
            ("failed" if failed else "sent", failed, night.isoformat(), severity, channel),
        )


def notices(settings: Settings, night: dt.date | None = None) -> list[Notice]:
    """All notices, or those of one night, in the order of nights, the critical one first."""
    with _connect(settings) as connection:
        rows = connection.execute(
            "select night, severity, channel, subject, body, attempted_at, attempts, outcome, reason from notice "
            "where ? is null or night = ? order by night, severity, channel",
            (night.isoformat() if night else None,) * 2,
        ).fetchall()
    return [
        Notice(
            night=dt.date.fromisoformat(of_night),
            severity=severity,
            channel=channel,
            subject=subject,
            body=body,
            attempted_at=dt.datetime.fromisoformat(attempted_at),
            attempts=attempts,
            outcome=outcome,
            reason=reason,
        )
        for of_night, severity, channel, subject, body, attempted_at, attempts, outcome, reason in rows
    ]
