"""The landing process: takes in all new deliveries of one dataset. The only process that opens the key.

`land` starts it and waits for it; `python -m include.landing <dataset>` is it. Between the two goes a report of counts
and messages, never a row. What the process holds of persons it holds in memory only: it spills nothing to disk and
leaves no core file.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import fcntl
import hashlib
import importlib
import json
import logging
import os
import resource
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from include.errors import DeliveryRejected, WarehouseError
from include.landing import rows, store
from include.landing.contract import Contract, Period, load_contracts, parse_file_name
from include.landing.ledger import Delivery, Ledger
from include.landing.persons import Vault, key_id, read_key
from include.settings import PROJECT_ROOT, Settings
from include.sources.reading import Problem, Reading
from include.sources.uddannelsesstatistik import ApiConnection

log = logging.getLogger(__name__)

_UNFINISHED = (".tmp", ".part", ".partial", ".filepart", ".crdownload")
"""Endings of files that a transfer has not finished; they are left for the next night."""


@dataclass(frozen=True)
class LandReport:
    """What came of a dataset's new deliveries: their number, rows in, landed and quarantined, and each rejection."""

    dataset: str
    deliveries: int = 0
    row_count: int = 0
    landed_count: int = 0
    quarantined_count: int = 0
    rejected: list[str] = field(default_factory=list)


class LandingFailed(WarehouseError):
    """The landing process could not do its work; nothing of the delivery it was at has landed."""


def land(
    settings: Settings, dataset: str, *, connection: ApiConnection | None = None, retry_rejected: bool = False
) -> LandReport:
    """Take in all new deliveries of a dataset, in a process of its own; an API with a connection is asked first.

    `retry_rejected` also takes deliveries that were rejected before, for when the contract or a reader was mended.
    Raises LandingFailed, or what the source raises if the API can't be asked.
    """
    contract = _contract(dataset)
    if contract.connection is not None and connection is not None:
        source = importlib.import_module(f"include.sources.{contract.reader}")
        source.fetch(connection, settings.fetched / dataset)
    command = [sys.executable, "-m", "include.landing", dataset]
    if retry_rejected:
        command.append("--retry-rejected")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    with subprocess.Popen(
        command,
        cwd=PROJECT_ROOT,
        env=inherited | settings.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        last: list[str] = []
        forward = threading.Thread(target=_forward, args=(process, last))
        forward.start()
        assert process.stdout is not None, "it is a pipe"
        answer = process.stdout.read()
        forward.join()
    if process.returncode != 0:
        raise LandingFailed(
            _ending(process.returncode, last),
            remedy="mend the cause and run the extract again; what had landed stays landed",
            where=f"landing of {dataset}",
        )
    return LandReport(**json.loads(answer))


def _ending(code: int, last: list[str]) -> str:
    """How the landing process ended: by a signal, by what it said last, or with a code alone."""
    if code < 0:
        at = f"; the last that it said: {last[-1]}" if last else ""
        hint = " (signal 9 without anybody's doing is a machine out of memory)" if code == -signal.SIGKILL else ""
        return f"the landing process was ended by signal {-code}{hint}{at}."
    return (last[-1] if last else f"the landing process ended with code {code}") + "."


def _forward(process: subprocess.Popen[str], last: list[str]) -> None:
    assert process.stderr is not None, "it is a pipe"
    for line in process.stderr:
        last[:] = [line.rstrip()]
        log.info("%s", line.rstrip())


def _contract(dataset: str) -> Contract:
    contracts = load_contracts()
    if dataset not in contracts:
        raise LandingFailed(
            f"{dataset} is no dataset.", remedy=f"use one of {', '.join(contracts)}", where="include/landing/contracts"
        )
    return contracts[dataset]


def main(settings: Settings, dataset: str, *, retry_rejected: bool) -> int:
    """The landing process itself: messages to standard error, the report to standard output, 0 if it did its work."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        report = take_in(settings, _contract(dataset), retry_rejected=retry_rejected)
    except WarehouseError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except Exception as error:
        # A message could hold a value of a row; type and places do not.
        sys.stderr.write("".join(traceback.format_tb(error.__traceback__)))
        sys.stderr.write(f"{type(error).__name__} while landing {dataset}\n")
        return 1
    sys.stdout.write(json.dumps(dataclasses.asdict(report), ensure_ascii=False))
    return 0


def take_in(settings: Settings, contract: Contract, *, retry_rejected: bool = False) -> LandReport:
    """Land every new delivery of a dataset, oldest first. Raises WarehouseError if key or vault can't be used."""
    folder = settings.landing / contract.dataset
    folder.mkdir(parents=True, exist_ok=True)
    with _lock(folder / ".lock"), Ledger(settings) as ledger:
        _sweep(settings, contract, ledger)
        _refuse_mixture(settings, ledger)
        there = _deliveries_there(settings, contract)
        new = _new_files(contract, ledger, there, retry_rejected=retry_rejected)
        report = LandReport(contract.dataset)
        for number, (file, delivery_id) in enumerate(new, start=1):
            _say(f"{contract.dataset}: delivery {number} of {len(new)}, {file.name}")
            delivery = _land_file(settings, contract, ledger, file, delivery_id)
            if delivery is None:
                continue
            rejected = [problem.sentence for problem in ledger.problems(delivery_id, contract.dataset)]
            report = dataclasses.replace(
                report,
                deliveries=report.deliveries + 1,
                row_count=report.row_count + delivery.row_count,
                landed_count=report.landed_count + delivery.landed_count,
                quarantined_count=report.quarantined_count + delivery.quarantined_count,
                rejected=report.rejected + (rejected[:1] if delivery.status == "rejected" else []),
            )
        _note_names(contract, ledger, there)
    return report


def _sweep(settings: Settings, contract: Contract, ledger: Ledger) -> None:
    """Remove what killed runs left: half files, and rows that no delivery of the ledger names. Holds the lock."""
    named = {delivery.parquet_file for delivery in ledger.deliveries(contract.dataset)}
    for file in (settings.landing / contract.dataset).iterdir():
        is_orphan = file.suffix == ".parquet" and str(file.relative_to(settings.landing)) not in named
        if is_orphan or file.suffix == ".tmp":
            file.unlink()
    if contract.connection is not None:
        for leftover in (settings.fetched / contract.dataset).glob(".*.part"):
            leftover.unlink(missing_ok=True)


def _say(message: str) -> None:
    sys.stderr.write(message + "\n")
    sys.stderr.flush()


@contextlib.contextmanager
def _lock(file: Path) -> Iterator[None]:
    """Wait until no other process lands this dataset: a task whose worker was killed may still run."""
    with file.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _refuse_mixture(settings: Settings, ledger: Ledger) -> None:
    if any(delivery.is_synthetic != settings.is_synthetic for delivery in ledger.deliveries()):
        raise LandingFailed(
            "the warehouse home holds synthetic deliveries and the inbox real ones, or the reverse.",
            remedy="give real and synthetic data each a home of its own (WAREHOUSE_HOME)",
            where=str(settings.home),
        )


def _deliveries_there(settings: Settings, contract: Contract) -> dict[str, list[Path]]:
    """The files of the dataset's folder by SHA-256, those of one delivery oldest extract first."""
    folder = (settings.fetched if contract.connection else settings.inbox) / contract.dataset
    found: dict[str, list[Path]] = {}
    for file in sorted(folder.iterdir(), key=lambda file: _age(contract, file)) if folder.is_dir() else ():
        if not file.is_file() or file.name.startswith(".") or file.name.endswith(_UNFINISHED):
            continue
        with file.open("rb") as stream:
            found.setdefault(hashlib.file_digest(stream, "sha256").hexdigest(), []).append(file)
    return found


def _new_files(
    contract: Contract, ledger: Ledger, there: dict[str, list[Path]], *, retry_rejected: bool
) -> list[tuple[Path, str]]:
    """What has not been taken in, oldest extract first, each file with its SHA-256.

    A delivery that was rejected is taken again under a name that it has not had: a wrong name is mended by another one.
    """
    new: list[tuple[Path, str]] = []
    for delivery_id, files in there.items():
        known = ledger.known(contract.dataset, delivery_id)
        if known is None:
            new.append((next((file for file in files if _has_right_name(contract, file)), files[0]), delivery_id))
        elif known.status == "rejected":
            tried = set() if retry_rejected else ledger.names(contract.dataset, delivery_id)
            new += [(file, delivery_id) for file in files if file.name not in tried][:1]
    return sorted(new, key=lambda item: _age(contract, item[0]))


def _has_right_name(contract: Contract, file: Path) -> bool:
    if not contract.delivery.named:
        return file.suffix.removeprefix(".") in contract.delivery.suffixes
    with contextlib.suppress(ValueError):
        parse_file_name(contract, file.name)
        return True
    return False


def _note_names(contract: Contract, ledger: Ledger, there: dict[str, list[Path]]) -> None:
    """Note under which names deliveries lie there, and that one sent again for the same period is as new as that."""
    for delivery_id, files in there.items():
        known = ledger.known(contract.dataset, delivery_id)
        # What is still being written is not known yet.
        for file in files if known is not None else ():
            as_of = None
            if contract.delivery.named and known is not None and known.status != "rejected":
                with contextlib.suppress(ValueError):
                    period, day = parse_file_name(contract, file.name)
                    as_of = day if period.label == known.period_label else None
            ledger.seen_again(contract.dataset, delivery_id, file.name, as_of=as_of)


def _age(contract: Contract, file: Path) -> tuple[str, int, str]:
    """What sorts files by the age of their extracts: the date in the name, else when they were written; the name."""
    if contract.delivery.named:
        with contextlib.suppress(ValueError):
            return parse_file_name(contract, file.name)[1].isoformat(), 0, file.name
    return "", file.stat().st_mtime_ns, file.name


@dataclass
class _Outcome:
    """What is known of a file while it is taken in; what is still empty when it is rejected stays so."""

    period: Period | None = None
    as_of: dt.date | None = None
    key_id: str | None = None
    row_count: int = 0
    landed: int = 0
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def _land_file(settings: Settings, contract: Contract, ledger: Ledger, file: Path, delivery_id: str) -> Delivery | None:
    """Land one file: Parquet first, made durable, then the ledger, in one transaction. None if it is still growing."""
    before = file.stat()
    outcome = _Outcome()
    target = store.parquet_file(settings, contract, delivery_id)
    temporary = target.with_suffix(".tmp")
    # No temporary directory: what does not fit in memory fails, and no person is spilled to disk.
    connection = duckdb.connect(
        config={"temp_directory": "", "threads": settings.threads, "memory_limit": settings.memory_limit}
    )
    with contextlib.closing(connection):
        try:
            _land_rows(settings, contract, connection, file, outcome, temporary, delivery_id)
        except DeliveryRejected as error:
            outcome.problems = [Problem(error.line, error.column, "delivery", error.reason, error.remedy)]
    if _changed(file, before):
        temporary.unlink(missing_ok=True)
        _say(f"{file.name} is still being written; it is left for the next run")
        return None
    if outcome.landed:
        temporary.replace(target)
        store.make_durable(target)
    else:
        temporary.unlink(missing_ok=True)
    ledger.record(
        contract,
        delivery_id,
        file.name,
        status="landed" if outcome.landed else "rejected",
        period=outcome.period,
        as_of=outcome.as_of,
        row_count=outcome.row_count,
        landed_count=outcome.landed,
        parquet_file=str(target.relative_to(settings.landing)) if outcome.landed else None,
        key_id=outcome.key_id,
        is_synthetic=settings.is_synthetic,
        problems=outcome.problems,
        notes=outcome.notes,
    )
    return ledger.known(contract.dataset, delivery_id)


def _land_rows(
    settings: Settings,
    contract: Contract,
    connection: duckdb.DuckDBPyConnection,
    file: Path,
    outcome: _Outcome,
    target: Path,
    delivery_id: str,
) -> None:
    """Read a file and write its good rows. Raises DeliveryRejected if the file is at fault, else other errors."""
    if contract.delivery.named:
        outcome.period, outcome.as_of = _named(contract, file)
    elif file.suffix.removeprefix(".") not in contract.delivery.suffixes:
        raise DeliveryRejected(
            f"files of this dataset end in {' or '.join(contract.delivery.suffixes)}.",
            remedy="put the file into the folder of the dataset that it belongs to",
            file=file.name,
        )
    vaults: dict[str, Vault] = {}
    if contract.person_columns:
        key = read_key(settings)
        outcome.key_id = key_id(key)
        vaults = {
            column.purpose: Vault(settings, column.purpose, key) for column in contract.person_columns if column.purpose
        }
    reading = _read(contract, file, connection)
    if not contract.delivery.named:
        outcome.period, outcome.as_of = _told(contract, file, reading)
    assert outcome.period is not None, "named or told"
    ids = {"municipality_code": settings.municipality_code, "delivery_id": delivery_id[:16]}
    found = rows.land(connection, contract, outcome.period, reading, vaults, target, ids)
    outcome.row_count, outcome.landed = found.rows_in, found.landed
    outcome.problems, outcome.notes = found.problems, found.notes


def _read(contract: Contract, file: Path, connection: duckdb.DuckDBPyConnection) -> Reading:
    """Let the dataset's reader read the file; an error of the reader rejects the file, one of the machine does not."""
    reader = importlib.import_module(f"include.sources.{contract.reader}")
    headers = {column.source_name: column.personal != "drop" for column in contract.columns}
    with _reader_at_fault(contract, file):
        reading: Reading = reader.read(file, connection, headers, contract.layout)
    return _guarded(reading, contract, file)


def _guarded(reading: Reading, contract: Contract, file: Path) -> Reading:
    """The reading, with what the reader does later (looking for lines, settling counts) held to the same rule."""

    def lines(places: Sequence[int]) -> Mapping[int, int]:
        with _reader_at_fault(contract, file):
            return reading.lines(places)

    def after_scan(rows_: int) -> Reading:
        with _reader_at_fault(contract, file):
            settled = reading.settled(rows_)
        return _guarded(settled, contract, file)

    return dataclasses.replace(reading, lines=lines, after_scan=after_scan if reading.after_scan else None)


@contextlib.contextmanager
def _reader_at_fault(contract: Contract, file: Path) -> Iterator[None]:
    try:
        yield
    except (WarehouseError, OSError, MemoryError, duckdb.IOException, duckdb.OutOfMemoryException):
        raise
    except Exception as error:
        sys.stderr.write("".join(traceback.format_tb(error.__traceback__)))
        raise DeliveryRejected(
            f"the reader `{contract.reader}` does not understand it ({type(error).__name__}).",
            remedy="mend the reader (the places are in the task's log), then run "
            f"`warehouse extract {contract.domain} --retry-rejected`",
            file=file.name,
        ) from None


def _named(contract: Contract, file: Path) -> tuple[Period, dt.date]:
    """Period and day of the extract from the file's name. Raises DeliveryRejected that says what a name looks like."""
    try:
        return parse_file_name(contract, file.name)
    except ValueError as error:
        raise DeliveryRejected(f"{error}.", remedy="name the file so and send it again", file=file.name) from None


def _told(contract: Contract, file: Path, reading: Reading) -> tuple[Period, dt.date | None]:
    """Period and day as the delivery itself tells them."""
    assert reading.period_label is not None, f"the reader {contract.reader} must tell the period of {file.name}"
    return Period.parse(reading.period_label), reading.as_of


def _changed(file: Path, before: os.stat_result) -> bool:
    try:
        after = file.stat()
    except FileNotFoundError:
        return True
    return (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns)
