"""What has been erased, and what must not land again: the engineers' record of erasures.

Nothing here leads to a person: no number, key, name or digest, but deliveries, lines of files and counts. It lies
beside the run log and not in landing, so that a landing that was lost and is filled again from the inbox still leaves
out what was erased. Every change is one transaction over this file and the ledger.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal

from include.landing.contract import Contract
from include.landing.ledger import Delivery, Ledger
from include.settings import Settings

Purpose = Literal["person", "retention"]

_SCHEMA = """
create table if not exists erasure (
    erasure_id integer primary key,
    purpose text not null check (purpose in ('person', 'retention')),
    asked_at text not null,
    landing_done_at text,
    needs_release integer not null default 0,
    finished_at text,
    release_id text,
    continued_by integer
);
create table if not exists erased_delivery (
    erasure_id integer not null,
    dataset text not null,
    delivery_id text not null,
    landed_rows integer not null,
    quarantined_rows integer not null,
    primary key (erasure_id, dataset, delivery_id)
) without rowid;
create table if not exists erased_line (
    dataset text not null,
    file_id text not null,
    line integer not null,
    primary key (dataset, file_id, line)
) without rowid;
create table if not exists retention_cut (dataset text primary key, before text not null) without rowid;
"""

WHOLE_FILE = 0
"""The `line` of a file that held an erased person in lines that could not be told: all of it stays out."""


@dataclass(frozen=True)
class LeftOut:
    """What of a file must not land: lines that were erased, all of it, or what is older than a day."""

    lines: frozenset[int] = frozenset()
    is_whole: bool = False
    before: dt.date | None = None


@dataclass(frozen=True)
class Proof:
    """One dataset of one erasure: when it was asked for (UTC), why, and how many rows of how many deliveries left.

    `dataset` is None where nothing was found. `state` is finished, open (a release made with the rows still stands) or
    broke off; `release_id` is the first release without the rows.
    """

    erasure_id: int
    purpose: str
    asked_at: dt.datetime
    state: str
    release_id: str | None
    dataset: str | None
    deliveries: tuple[str, ...]
    landed_rows: int
    quarantined_rows: int


def past(contract: Contract, night: dt.date) -> dt.date:
    """The first day that is within the dataset's retention on the business date; what is older leaves."""
    return years_before(night, contract.retention.years)


def years_before(night: dt.date, years: int) -> dt.date:
    """The same day so many years earlier."""
    year = night.year - years
    # 29 February counts from the 28th where the year has none.
    return night.replace(year=year, day=28) if (night.month, night.day) == (2, 29) else night.replace(year=year)


def past_condition(contract: Contract, before: dt.date, reference: dt.date) -> str | None:
    """SQL for: the row is older than `before`. None if no row can be.

    `reference` is the last day that the delivery is about; rows without the date that is counted from go with it.
    """
    if reference < before:
        return "true"
    if contract.retention.counted_from == "delivery":
        return None
    return f"{contract.retention.counted_from} < date '{before}'"


class Erasures:
    """The record of one warehouse home; use it as a context manager."""

    def __init__(self, settings: Settings) -> None:
        with Ledger(settings):
            pass  # it makes the ledger's tables, or brings them up to date
        self._connection = sqlite3.connect(settings.erasures_file, timeout=60)
        self._connection.executescript(_SCHEMA)
        self._connection.execute("attach ? as ledger", (str(settings.ledger_file),))
        # What is deleted is overwritten, not only let go.
        self._connection.execute("pragma secure_delete = on")

    def __enter__(self) -> Erasures:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    # ---- what must not land

    def left_out(self, dataset: str, *file_ids: str) -> LeftOut:
        """What of a file must not land. `file_ids` are the SHA-256 of its bytes and the id of its delivery."""
        places = ", ".join("?" for _ in file_ids)
        rows = self._connection.execute(
            f"select distinct line from erased_line where dataset = ? and file_id in ({places})", (dataset, *file_ids)
        ).fetchall()
        lines = frozenset(line for (line,) in rows)
        cut = self._connection.execute("select before from retention_cut where dataset = ?", (dataset,)).fetchone()
        return LeftOut(
            lines - {WHOLE_FILE}, WHOLE_FILE in lines, dt.date.fromisoformat(cut[0]) if cut is not None else None
        )

    def cut(self, dataset: str, before: dt.date) -> None:
        """From now on no row of the dataset that is older lands: else the next full extract would bring it back."""
        with self._connection:
            self._connection.execute(
                "insert into retention_cut values (?, ?) "
                "on conflict (dataset) do update set before = max(before, excluded.before)",
                (dataset, before.isoformat()),
            )

    # ---- one erasure

    def begin(self, purpose: Purpose) -> int:
        """Note that somebody, or the rule of retention, asks; returns the erasure's id."""
        with self._connection:
            row = self._connection.execute(
                "insert into erasure (purpose, asked_at) values (?, ?)",
                (purpose, dt.datetime.now(dt.UTC).isoformat()),
            )
        assert row.lastrowid is not None, "a row was inserted"
        return row.lastrowid

    def account(
        self,
        erasure_id: int,
        delivery: Delivery,
        landed_now: int,
        *,
        file_id: str,
        lines: Collection[int] = (),
        all_quarantined: bool = False,
    ) -> None:
        """Move a delivery's rows from landed and quarantined to erased, in one transaction with what must not land.

        `landed_now` is counted in the rewritten file, so that after a kill between file and ledger the second attempt
        finds the difference. `lines` are the erased records of the file, of which some may have been in quarantine.
        """
        with self._connection:
            known = self._connection.execute(
                "select landed_count, quarantined_count, status from ledger.delivery "
                "where dataset = ? and delivery_id = ?",
                (delivery.dataset, delivery.delivery_id),
            ).fetchone()
            before = self._connection.total_changes
            self._connection.executemany(
                "insert or ignore into erased_line values (?, ?, ?)",
                [(delivery.dataset, file_id, line) for line in lines],
            )
            fresh = 0 if WHOLE_FILE in lines else self._connection.total_changes - before
            landed = known[0] - landed_now
            if all_quarantined:
                quarantined = known[1]
            elif known[2] == "rejected":
                quarantined = min(known[1], fresh)
            else:
                quarantined = len(self._quarantined_lines(delivery) & set(lines))
            self._connection.execute(
                """
                update ledger.delivery
                set landed_count = ?, quarantined_count = quarantined_count - ?, erased_count = erased_count + ?
                where dataset = ? and delivery_id = ?
                """,
                (landed_now, quarantined, landed + quarantined, delivery.dataset, delivery.delivery_id),
            )
            self._connection.executemany(
                "delete from ledger.quarantine where dataset = ? and delivery_id = ? and line = ?",
                [(delivery.dataset, delivery.delivery_id, line) for line in lines],
            )
            if all_quarantined:
                self._connection.execute(
                    "delete from ledger.quarantine where dataset = ? and delivery_id = ?",
                    (delivery.dataset, delivery.delivery_id),
                )
            if landed or quarantined:
                self._connection.execute(
                    """
                    insert into erased_delivery values (?, ?, ?, ?, ?)
                    on conflict (erasure_id, dataset, delivery_id) do update set
                        landed_rows = landed_rows + excluded.landed_rows,
                        quarantined_rows = quarantined_rows + excluded.quarantined_rows
                    """,
                    (erasure_id, delivery.dataset, delivery.delivery_id, landed, quarantined),
                )

    def _quarantined_lines(self, delivery: Delivery) -> set[int]:
        rows = self._connection.execute(
            "select distinct line from ledger.quarantine where dataset = ? and delivery_id = ?",
            (delivery.dataset, delivery.delivery_id),
        )
        return {line for (line,) in rows if line is not None}

    def landing_done(self, erasure_id: int) -> None:
        """Landing, inbox and vault are done. Finished at once if nothing published was made with what is gone.

        Erasures for the same reason that broke off before are continued by this one.
        """
        now = dt.datetime.now(dt.UTC).isoformat()
        with self._connection:
            self._connection.execute(
                """
                update erasure set continued_by = :id, finished_at = :now where erasure_id < :id
                    and landing_done_at is null and finished_at is null
                    and purpose = (select purpose from erasure where erasure_id = :id)
                """,
                {"id": erasure_id, "now": now},
            )
            # What one that broke off had erased may stand in releases as well.
            self._connection.execute(
                """
                update erasure set
                    landing_done_at = :now,
                    needs_release = exists (
                        select 1 from erased_delivery as gone join erasure as its on its.erasure_id = gone.erasure_id
                        where its.erasure_id = :id or its.continued_by = :id
                    )
                where erasure_id = :id
                """,
                {"id": erasure_id, "now": now},
            )
            self._connection.execute(
                "update erasure set finished_at = ? where erasure_id = ? and needs_release = 0", (now, erasure_id)
            )

    def finish(self, release_id: str | None) -> None:
        """Nothing that was made with the erased rows is left; `release_id` is the release that stands now."""
        with self._connection:
            self._connection.execute(
                "update erasure set finished_at = ?, release_id = ? "
                "where landing_done_at is not null and finished_at is null",
                (dt.datetime.now(dt.UTC).isoformat(), release_id),
            )

    def compact(self) -> None:
        """Leave nothing in free pages, of this file or the ledger."""
        self._connection.execute("vacuum main")
        self._connection.execute("vacuum ledger")

    # ---- what is asked of it

    def broke_off(self, purpose: Purpose) -> list[int]:
        """Erasures for this reason that did not get through landing."""
        rows = self._connection.execute(
            "select erasure_id from erasure where purpose = ? and landing_done_at is null and finished_at is null",
            (purpose,),
        )
        return [erasure_id for (erasure_id,) in rows]

    def is_open(self) -> bool:
        """Whether releases that were made with erased rows may still stand."""
        found = self._connection.execute(
            "select 1 from erasure where landing_done_at is not null and finished_at is null limit 1"
        )
        return found.fetchone() is not None

    def barrier(self) -> dt.datetime | None:
        """When the last erasure that concerns releases left landing (UTC): no release from before may be read again."""
        row = self._connection.execute("select max(landing_done_at) from erasure where needs_release").fetchone()
        return dt.datetime.fromisoformat(row[0]) if row[0] else None

    def deliveries(self) -> set[tuple[str, str]]:
        """Dataset and id of every delivery of which something was erased."""
        return set(self._connection.execute("select dataset, delivery_id from erased_delivery"))

    def proofs(self) -> list[Proof]:
        """All erasures, dataset by dataset, the first one first."""
        rows = self._connection.execute(
            """
            select
                erasure_id, purpose, asked_at, landing_done_at, finished_at, continued_by, release_id, dataset,
                group_concat(delivery_id, ' '), coalesce(sum(landed_rows), 0), coalesce(sum(quarantined_rows), 0)
            from erasure left join erased_delivery using (erasure_id)
            group by erasure_id, dataset order by erasure_id, dataset
            """
        ).fetchall()
        return [
            Proof(
                erasure_id=row[0],
                purpose=row[1],
                asked_at=dt.datetime.fromisoformat(row[2]),
                state=_state(landing_done=row[3], finished=row[4], continued_by=row[5]),
                release_id=row[6],
                dataset=row[7],
                deliveries=tuple(row[8].split()) if row[8] else (),
                landed_rows=row[9],
                quarantined_rows=row[10],
            )
            for row in rows
        ]


def _state(*, landing_done: str | None, finished: str | None, continued_by: int | None) -> str:
    if continued_by is not None:
        return f"continued by {continued_by}"
    if finished is not None:
        return "finished"
    return "open" if landing_done is not None else "broke off"


def known_copies(settings: Settings, dataset: str, files: Iterable[tuple[str, Delivery]]) -> list[bool]:
    """For each file (SHA-256 of its bytes, and its delivery) whether it holds erased rows and need not stay.

    A rejected delivery stays for a second try, but for one that held an erased person.
    """
    with Erasures(settings) as erasures:
        found = []
        for sha256, delivery in files:
            left_out = erasures.left_out(dataset, sha256, delivery.delivery_id)
            has_person = bool(left_out.lines) or left_out.is_whole
            found.append(has_person or (delivery.status == "accepted" and delivery.erased_count > 0))
        return found
