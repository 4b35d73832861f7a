"""The ledger: which delivery came when, what became of it, and which is current for its period; and the quarantine.

SQLite, because the landing processes of four domains write to it at the same time in short transactions, and one
that is killed must leave it whole. Rows of deliveries never come here: quarantine holds line, column and reason.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from include.landing.contract import Contract, Period
from include.settings import Settings
from include.sources.reading import Problem

_SCHEMA = """
create table if not exists delivery (
    sequence integer primary key,
    delivery_id text not null,
    dataset text not null,
    domain text not null,
    file_name text not null,
    received_at text not null,
    as_of text,
    period_label text,
    period_from text,
    period_to text,
    status text not null check (status in ('landed', 'accepted', 'rejected')),
    row_count integer not null,
    landed_count integer not null,
    quarantined_count integer not null,
    parquet_file text,
    key_id text,
    is_synthetic integer not null,
    notes text not null default '[]',
    decided_at text,
    erased_count integer not null default 0,
    unique (dataset, delivery_id)
);
create table if not exists quarantine (
    dataset text not null,
    delivery_id text not null,
    line integer,
    column_name text,
    rule text not null,
    reason text not null,
    remedy text not null
);
create index if not exists quarantine_of on quarantine (dataset, delivery_id);
create table if not exists sighting (
    dataset text not null,
    delivery_id text not null,
    file_name text not null,
    seen_at text not null,
    unique (dataset, file_name, delivery_id)
);
create table if not exists hashed (
    path text primary key,
    size_bytes integer not null,
    changed_ns integer not null,
    sha256 text not null
) without rowid;
create table if not exists same_person (
    municipality_code text not null,
    purpose text not null,
    person_key integer not null,
    same_as integer not null,
    primary key (municipality_code, purpose, person_key)
) without rowid;
create table if not exists domain_run (
    domain text not null,
    night text not null,
    finished_at text not null
);
"""


@dataclass(frozen=True)
class Delivery:
    """One delivery as the ledger knows it; times are UTC.

    `delivery_id` is a SHA-256: of the file's bytes and, where the file's name tells the period, of the period's days,
    since the same bytes about other days say something else.
    `row_count` is `landed_count` + `quarantined_count` + `erased_count`; a delivery that was rejected whole has what
    was counted before, at least nothing.
    """

    sequence: int
    delivery_id: str
    dataset: str
    domain: str
    file_name: str
    received_at: dt.datetime
    as_of: dt.date | None
    period_label: str | None
    period_from: dt.date | None
    period_to: dt.date | None
    status: str
    row_count: int
    landed_count: int
    quarantined_count: int
    parquet_file: str | None
    key_id: str | None
    is_synthetic: bool
    notes: list[str]
    decided_at: dt.datetime | None
    erased_count: int = 0

    @property
    def newest_first(self) -> tuple[str, int]:
        """What decides which of two deliveries replaces the other: day of the extract, then order of arrival."""
        return (self.as_of.isoformat() if self.as_of else "", self.sequence)


@dataclass(frozen=True)
class QuarantinedRow:
    """A row, or with `line` None a whole file, that did not land, and why. Never the value."""

    delivery_id: str
    dataset: str
    file_name: str
    line: int | None
    column: str | None
    rule: str
    reason: str
    remedy: str

    @property
    def sentence(self) -> str:
        """One line for people: file, line, column, reason and remedy."""
        where = f"{self.dataset}/{self.file_name}"
        where += f", line {self.line}" if self.line is not None else ""
        where += f", column {self.column}" if self.column else ""
        return f"{where}: {self.reason.rstrip('.')}. Remedy: {self.remedy}"


@dataclass(frozen=True)
class Window:
    """The days of a delivery for which it is the newest; both None where periods are labels."""

    delivery: Delivery
    first: dt.date | None
    last: dt.date | None


def _date(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def _delivery(row: sqlite3.Row) -> Delivery:
    values: dict[str, Any] = dict(row)
    for name in ("as_of", "period_from", "period_to"):
        values[name] = _date(values[name])
    values["received_at"] = dt.datetime.fromisoformat(values["received_at"])
    values["decided_at"] = dt.datetime.fromisoformat(values["decided_at"]) if values["decided_at"] else None
    values["is_synthetic"] = bool(values["is_synthetic"])
    values["notes"] = json.loads(values["notes"])
    return Delivery(**values)


class Ledger:
    """A connection to the ledger of one warehouse home; use it as a context manager."""

    def __init__(self, settings: Settings) -> None:
        settings.prepare()
        self._connection = sqlite3.connect(settings.ledger_file, timeout=60)
        self._connection.row_factory = sqlite3.Row
        self._connection.executescript(_SCHEMA)
        if "erased_count" not in {row[1] for row in self._connection.execute("pragma table_info(delivery)")}:
            # A ledger of before anything could be erased; another process may be adding it as well.
            with contextlib.suppress(sqlite3.OperationalError):
                self._connection.execute("alter table delivery add column erased_count integer not null default 0")

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def known(self, dataset: str, delivery_id: str) -> Delivery | None:
        """The delivery of a dataset with these bytes, if it has come before."""
        row = self._connection.execute(
            "select * from delivery where dataset = ? and delivery_id = ?", (dataset, delivery_id)
        ).fetchone()
        return _delivery(row) if row else None

    def record(
        self,
        contract: Contract,
        delivery_id: str,
        file_name: str,
        *,
        status: str,
        period: Period | None,
        as_of: dt.date | None,
        row_count: int,
        landed_count: int,
        parquet_file: str | None,
        key_id: str | None,
        is_synthetic: bool,
        problems: Sequence[Problem] = (),
        notes: Iterable[str] = (),
        erased_count: int = 0,
    ) -> None:
        """Write a delivery and its quarantined rows in one transaction.

        An earlier rejection of it is replaced, but it keeps its place in the order of arrival: a second look at an old
        file must not make it newer than its own correction.
        """
        now = dt.datetime.now(dt.UTC).isoformat()
        values = {
            "delivery_id": delivery_id,
            "dataset": contract.dataset,
            "domain": contract.domain,
            "file_name": file_name,
            "received_at": now,
            "as_of": as_of.isoformat() if as_of else None,
            "period_label": period.label if period else None,
            "period_from": period.first.isoformat() if period else None,
            "period_to": period.last.isoformat() if period else None,
            "status": status,
            "row_count": row_count,
            "landed_count": landed_count,
            "quarantined_count": row_count - landed_count - erased_count,
            "erased_count": erased_count,
            "parquet_file": parquet_file,
            "key_id": key_id,
            "is_synthetic": is_synthetic,
            "notes": json.dumps(list(notes), ensure_ascii=False),
            "decided_at": now if status == "rejected" else None,
        }
        kept = {"delivery_id", "dataset", "received_at"}
        changes = ", ".join(f"{name} = excluded.{name}" for name in values if name not in kept)
        with self._connection:
            self._connection.execute(
                f"""
                insert into delivery ({", ".join(values)}) values ({", ".join(f":{name}" for name in values)})
                on conflict (dataset, delivery_id) do update set {changes}
                """,
                values,
            )
            self._connection.execute(
                "delete from quarantine where dataset = ? and delivery_id = ?", (contract.dataset, delivery_id)
            )
            self._quarantine(contract.dataset, delivery_id, problems)
            self._see(contract.dataset, delivery_id, file_name, now)

    def _quarantine(self, dataset: str, delivery_id: str, problems: Iterable[Problem]) -> None:
        self._connection.executemany(
            "insert into quarantine values (?, ?, ?, ?, ?, ?, ?)",
            [(dataset, delivery_id, p.line, p.column, p.rule, p.reason, p.remedy) for p in problems],
        )

    def _see(self, dataset: str, delivery_id: str, file_name: str, now: str) -> None:
        """Note when a delivery was first seen under a name, and again when it takes the name back from another."""
        self._connection.execute(
            """
            insert into sighting values (?, ?, ?, ?)
            on conflict do update set seen_at = excluded.seen_at
            where exists (
                select 1 from sighting as other
                where other.dataset = sighting.dataset and other.file_name = sighting.file_name
                    and other.seen_at > sighting.seen_at
            )
            """,
            (dataset, delivery_id, file_name, now),
        )

    def by_name(self, dataset: str) -> dict[str, Delivery]:
        """By the name of each file that came, the delivery that was last seen under it, in the order of arrival."""
        seen = self._connection.execute(
            "select file_name, delivery_id from sighting where dataset = ? order by seen_at", (dataset,)
        )
        newest = {name: self.known(dataset, delivery_id) for name, delivery_id in dict(seen.fetchall()).items()}
        there = [(name, one) for name, one in newest.items() if one is not None]
        return dict(sorted(there, key=lambda one: one[1].sequence))

    def seen_again(self, dataset: str, delivery_id: str, file_name: str, *, as_of: dt.date | None = None) -> None:
        """Note that a known delivery lies there under this name (too): the same delivery twice is one delivery.

        `as_of` is the day of the extract if this name says the same period: the source has then said the same again,
        so the delivery is as new as that. Else a correction that the source takes back would stand for ever, and a
        dataset in which nothing changes would look stale.
        """
        with self._connection:
            self._see(dataset, delivery_id, file_name, dt.datetime.now(dt.UTC).isoformat())
            if as_of is not None:
                self._connection.execute(
                    "update delivery set as_of = ? where dataset = ? and delivery_id = ? and as_of < ?",
                    (as_of.isoformat(), dataset, delivery_id, as_of.isoformat()),
                )

    def decide(
        self, delivery: Delivery, *, is_accepted: bool, notes: Iterable[str], problems: Sequence[Problem]
    ) -> bool:
        """Accept or reject a delivery that has landed, with the notes or the reasons of the batch's validation.

        Of a rejected one all rows count as quarantined: they stand in the file, and nowhere else. False, and nothing
        changes, if it has been decided already.
        """
        rejection = (
            ""
            if is_accepted
            else ", landed_count = 0, quarantined_count = row_count - erased_count, parquet_file = null"
        )
        with self._connection:
            changed = self._connection.execute(
                f"""
                update delivery set status = ?, notes = ?, decided_at = ?{rejection}
                where dataset = ? and delivery_id = ? and status = 'landed'
                """,
                (
                    "accepted" if is_accepted else "rejected",
                    json.dumps([*delivery.notes, *notes], ensure_ascii=False),
                    dt.datetime.now(dt.UTC).isoformat(),
                    delivery.dataset,
                    delivery.delivery_id,
                ),
            )
            if changed.rowcount:
                self._quarantine(delivery.dataset, delivery.delivery_id, problems)
        return bool(changed.rowcount)

    def forget_wrong_name(self, dataset: str, sha256: str) -> None:
        """Drop the rejection of a file whose name told no period: the same bytes have come under a right name."""
        with self._connection:
            for table in ("quarantine", "sighting", "delivery"):
                self._connection.execute(
                    f"delete from {table} where dataset = ? and delivery_id = ?", (dataset, sha256)
                )

    def hashes(self) -> dict[str, tuple[int, int, str]]:
        """Size, time of change (ns) and SHA-256 of files that were looked at before, by a digest of their path."""
        rows = self._connection.execute("select path, size_bytes, changed_ns, sha256 from hashed")
        return {path: (size, changed, sha256) for path, size, changed, sha256 in rows}

    def keep_hashes(self, hashes: Mapping[str, tuple[int, int, str]]) -> None:
        """Keep what was found, so that the next night need not read each file again."""
        with self._connection:
            self._connection.executemany(
                "insert or replace into hashed values (?, ?, ?, ?)", [(path, *known) for path, known in hashes.items()]
            )

    def keep_same_persons(
        self, municipality_code: str, purpose: str, same_now: Callable[[], Mapping[int, int]]
    ) -> None:
        """Keep which keys in landed data are those of persons who have another key; replaces what was known.

        `same_now` is asked when nobody else can write any more: else an older answer could replace a newer one.
        """
        with self._connection:
            self._connection.execute(
                "delete from same_person where municipality_code = ? and purpose = ?", (municipality_code, purpose)
            )
            same = same_now()
            self._connection.executemany(
                "insert into same_person values (?, ?, ?, ?)",
                [(municipality_code, purpose, person_key, same_as) for person_key, same_as in same.items()],
            )

    def same_persons(self, purpose: str) -> dict[str, dict[int, int]]:
        """By municipality the keys of a purpose that are no person's own, each with the key that is, by key."""
        found: dict[str, dict[int, int]] = {}
        for municipality_code, person_key, same_as in self._connection.execute(
            "select municipality_code, person_key, same_as from same_person where purpose = ? order by 1, 2",
            (purpose,),
        ):
            found.setdefault(municipality_code, {})[person_key] = same_as
        return found

    def moment(self) -> AbstractContextManager[sqlite3.Connection]:
        """All that is read in this block is of one moment, whatever other processes write meanwhile."""
        self._connection.execute("begin")
        return self._connection

    def deliveries(
        self, dataset: str | None = None, domain: str | None = None, status: str | None = None
    ) -> list[Delivery]:
        """All deliveries that fit, in order of arrival."""
        rows = self._connection.execute(
            """
            select * from delivery
            where (:dataset is null or dataset = :dataset)
                and (:domain is null or domain = :domain)
                and (:status is null or status = :status)
            order by sequence
            """,
            {"dataset": dataset, "domain": domain, "status": status},
        ).fetchall()
        return [_delivery(row) for row in rows]

    def problems(
        self, delivery_id: str | None = None, dataset: str | None = None, *, limit: int = -1
    ) -> list[QuarantinedRow]:
        """What lies in quarantine, file by file and line by line; the first `limit` places, or all."""
        rows = self._connection.execute(
            """
            select q.delivery_id, q.dataset, d.file_name, q.line, q.column_name, q.rule, q.reason, q.remedy
            from quarantine as q
            join delivery as d on d.dataset = q.dataset and d.delivery_id = q.delivery_id
            where (:delivery is null or q.delivery_id = :delivery) and (:dataset is null or q.dataset = :dataset)
            order by d.sequence, q.line, q.column_name
            limit :limit
            """,
            {"delivery": delivery_id, "dataset": dataset, "limit": limit},
        ).fetchall()
        return [QuarantinedRow(*row) for row in rows]

    def windows(self, contract: Contract) -> list[Window]:
        """What is current of a dataset: accepted deliveries, each with the days for which it is the newest.

        Label periods: the newest delivery of each label, and all that a source has bears one label. Range periods: day
        by day the newest delivery that covers the day, given back as runs of days.
        """
        newest = sorted(
            self.deliveries(contract.dataset, status="accepted"), key=lambda d: d.newest_first, reverse=True
        )
        if contract.delivery.period != "range":
            by_label: dict[str | None, Delivery] = {}
            for delivery in newest:
                by_label.setdefault(delivery.period_label, delivery)
            return [Window(delivery, None, None) for delivery in by_label.values()]
        windows: list[Window] = []
        taken: list[tuple[dt.date, dt.date]] = []
        for delivery in newest:
            assert delivery.period_from is not None, "a delivery with a range period has a first day"
            assert delivery.period_to is not None, "a delivery with a range period has a last day"
            for first, last in _free(delivery.period_from, delivery.period_to, taken):
                windows.append(Window(delivery, first, last))
            taken.append((delivery.period_from, delivery.period_to))
        return windows

    def finish_domain(self, domain: str, night: dt.date) -> None:
        """Note that a domain's deliveries of a night have been taken in and judged."""
        with self._connection:
            self._connection.execute(
                "insert into domain_run values (?, ?, ?)",
                (domain, night.isoformat(), dt.datetime.now(dt.UTC).isoformat()),
            )

    def domains_landed(self, night: dt.date) -> set[str]:
        """The domains whose deliveries of this night have been taken in."""
        rows = self._connection.execute("select domain from domain_run where night = ?", (night.isoformat(),))
        return {row["domain"] for row in rows}


def _free(first: dt.date, last: dt.date, taken: Sequence[tuple[dt.date, dt.date]]) -> list[tuple[dt.date, dt.date]]:
    """The parts of first..last that no interval in `taken` covers, in order."""
    day = dt.timedelta(days=1)
    free = [(first, last)]
    for taken_first, taken_last in taken:
        rest: list[tuple[dt.date, dt.date]] = []
        for start, end in free:
            if taken_last < start or taken_first > end:
                rest.append((start, end))
                continue
            if start < taken_first:
                rest.append((start, taken_first - day))
            if taken_last < end:
                rest.append((taken_last + day, end))
        free = rest
    return free
