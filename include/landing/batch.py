"""Judge a landed delivery as a whole: the dataset's suite in `expectations/`, over the batch and what came before it.

The suite sees these relations of a small private DuckDB file:

    batch      the delivery's landed rows (a view over its Parquet file)
    delivery   one row about the delivery judged
    history    one row an earlier accepted delivery of the dataset, with the same columns
    <name>     what the contract names in `judged_beside`: current rows of another dataset, or a seed

`delivery` and `history` have the columns of `BatchHistory`. Single bad rows are the contract's business; here it is
volumes, distributions, and how the batch stands to earlier ones.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from include.gx import open_project
from include.landing.contract import Contract, load_contracts
from include.landing.ledger import Window
from include.landing.store import quoted, view_sql
from include.settings import PROJECT_ROOT, Settings

SEEDS = PROJECT_ROOT / "dbt_project" / "seeds"

_COLUMNS = """
    as_of date, period_label varchar, period_from date, period_to date,
    row_count bigint, landed_count bigint, quarantined_count bigint
"""


@dataclass(frozen=True)
class BatchHistory:
    """What the ledger knows of one delivery: of when, for which days (both ends included), and how many rows."""

    as_of: dt.date
    period_label: str
    period_from: dt.date
    period_to: dt.date
    row_count: int
    landed_count: int
    quarantined_count: int


@dataclass(frozen=True)
class BatchVerdict:
    """What the suite says: messages name suite, expectation, column and what was expected; `checks` is their number."""

    is_accepted: bool
    critical: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    checks: int = 0


def judge_batch(
    settings: Settings,
    contract: Contract,
    batch: Path,
    delivery: BatchHistory,
    history: Sequence[BatchHistory],
    beside: Mapping[str, list[Window]] | None = None,
) -> BatchVerdict:
    """Judge the Parquet file `batch`, the landed rows of `delivery`, by the suite that bears the dataset's name.

    `history` holds the earlier accepted deliveries of the dataset, in any order; a first delivery passes what compares.
    `beside` gives what is current of the datasets in the contract's `judged_beside`; without it they have no rows.
    Accepted means that no critical expectation failed. Raises WarehouseError if the dataset has no suite or the suite
    can't be run; no message holds a value from a row.
    """
    with _scratch_folder(settings, contract.dataset) as scratch:
        database = scratch / "batch.duckdb"
        _write_database(database, batch, delivery, history)
        _write_beside(settings, contract, database, beside or {})
        with open_project(database, scratch, threads=settings.threads, memory_limit=settings.memory_limit) as project:
            result = project.run(contract.dataset, "batch")
    return BatchVerdict(
        is_accepted=not result.critical, critical=result.critical, warnings=result.warnings, checks=result.checks
    )


@contextlib.contextmanager
def _scratch_folder(settings: Settings, dataset: str) -> Iterator[Path]:
    """A folder of this judgement's own; those that killed ones left are removed when nobody else is judging."""
    settings.staging.mkdir(parents=True, exist_ok=True)
    settings.landing.mkdir(parents=True, exist_ok=True)
    with (settings.landing / ".judging.lock").open("w") as lock:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left in settings.staging.glob("batch-*"):
                shutil.rmtree(left, ignore_errors=True)
        # Domains are judged at the same time: the lock is shared from here on, and ends with the process.
        fcntl.flock(lock, fcntl.LOCK_SH)
        scratch = Path(tempfile.mkdtemp(prefix=f"batch-{dataset}-", dir=settings.staging))
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _write_database(database: Path, batch: Path, delivery: BatchHistory, history: Sequence[BatchHistory]) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"create view batch as from read_parquet('{quoted(str(batch.resolve()))}')")
        for table, rows in (("delivery", [delivery]), ("history", list(history))):
            connection.execute(f"create table {table} ({_COLUMNS})")
            for row in rows:
                connection.execute(
                    f"insert into {table} values (?, ?, ?, ?, ?, ?, ?)",
                    [
                        row.as_of,
                        row.period_label,
                        row.period_from,
                        row.period_to,
                        row.row_count,
                        row.landed_count,
                        row.quarantined_count,
                    ],
                )


def _write_beside(settings: Settings, contract: Contract, database: Path, beside: Mapping[str, list[Window]]) -> None:
    with duckdb.connect(str(database)) as connection:
        for name in contract.judged_beside.datasets:
            rows = view_sql(settings, load_contracts()[name], beside.get(name, []))
            connection.execute(f"create view {name} as {rows}")
        for name in contract.judged_beside.seeds:
            file = quoted(str(SEEDS / f"{name}.csv"))
            connection.execute(f"create table {name} as from read_csv('{file}', all_varchar = true)")
