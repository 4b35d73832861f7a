"""The landing process: takes in all new deliveries of one dataset. The only process that opens the key.

`land` starts it and waits for it; `python -m include.landing <dataset>` is it; how it erases is in `erase`. Between the
two goes a report of counts and messages, never a row. What the process holds of persons it holds in memory only: it
spills nothing to disk and leaves no core file.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from include.errors import REMEDY, DeliveryRejected, WarehouseError
from include.landing import rows, store
from include.landing.contract import PURPOSES, WHOLE, Contract, Period, load_contracts, parse_file_name
from include.landing.erasures import Erasures, known_copies
from include.landing.ledger import Delivery, Ledger
from include.landing.links import LinkVault, load_links
from include.landing.persons import Key, Vault, key_id
from include.landing.rotation import settled_key
from include.settings import PROJECT_ROOT, Settings
from include.sources.api import ApiConnection
from include.sources.reading import Problem, Reading

log = logging.getLogger(__name__)

_UNFINISHED = (".tmp", ".part", ".partial", ".filepart", ".crdownload")
"""Endings of files that a transfer has not finished; they are left for the next night."""

_RENAME = (
    "name the file so, in the folder of its dataset, and send it again; where the name is not told, `sha256sum` of the "
    "files in the folder finds it by the first 16 digits"
)


@dataclass(frozen=True)
class LandReport:
    """What came of a dataset's new deliveries: their number, rows in, landed, quarantined and left out as erased."""

    dataset: str
    deliveries: int = 0
    row_count: int = 0
    landed_count: int = 0
    quarantined_count: int = 0
    erased_count: int = 0
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
        asked = () if contract.request is None else (contract.request,)
        source.fetch(connection, settings.fetched / dataset, *asked)
    if _nothing_new(settings, contract, retry_rejected=retry_rejected):
        return LandReport(dataset)
    command = [dataset]
    if retry_rejected:
        command.append("--retry-rejected")
    answer = run_process(
        settings,
        command,
        where=f"landing of {dataset}",
        remedy="mend the cause and run the extract again; what had landed stays landed",
    )
    return LandReport(**json.loads(answer))


def run_process(
    settings: Settings, arguments: Sequence[str], *, where: str, remedy: str, stdin: int | None = subprocess.DEVNULL
) -> str:
    """Start the landing process, pass its messages to the log, and return what it answers when it has ended.

    `stdin` None leaves it this process's own. Raises LandingFailed with what it said last.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    with subprocess.Popen(
        [sys.executable, "-m", "include.landing", *arguments],
        cwd=PROJECT_ROOT,
        env=inherited | settings.environment(),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        last: list[str] = []
        forward = threading.Thread(target=_forward, args=(process, last), daemon=True)
        forward.start()
        try:
            assert process.stdout is not None, "it is a pipe"
            answer = process.stdout.read()
            forward.join()
        except BaseException:
            # A time limit or an interrupt: else leaving the block would wait for the landing to end by itself.
            process.kill()
            raise
    if process.returncode != 0:
        ending, own_remedy = _ending(process.returncode, last)
        raise LandingFailed(ending, remedy=own_remedy or remedy, where=where)
    return answer


def _nothing_new(settings: Settings, contract: Contract, *, retry_rejected: bool) -> bool:
    """True if every file of the folder is known, so that no process need be started for it."""
    settings.prepare()
    with Ledger(settings) as ledger:
        _refuse_mixture(settings, ledger)
        there, unreadable = deliveries_there(settings, contract, ledger)
        if unreadable or _new_files(contract, ledger, there, retry_rejected=retry_rejected):
            return False
        _note_extracts(contract, ledger, there)
        _remove_erased(settings, contract, ledger, there)
    return True


def _ending(code: int, last: list[str]) -> tuple[str, str]:
    """How the landing process ended: by a signal, by what it said last, or with a code; and the remedy it gave."""
    if code < 0:
        at = f"; the last that it said: {last[-1]}" if last else ""
        hint = " (signal 9 without anybody's doing is a machine out of memory)" if code == -signal.SIGKILL else ""
        return f"the landing process was ended by signal {-code}{hint}{at}.", ""
    said, _, remedy = (last[-1] if last else f"the landing process ended with code {code}").partition(REMEDY)
    return f"{said.rstrip('.')}.", remedy


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
    """The landing process itself, for a dataset."""
    return reporting(f"landing {dataset}", lambda: take_in(settings, _contract(dataset), retry_rejected=retry_rejected))


def reporting(what: str, work: Callable[[], Any]) -> int:
    """Do the work of a landing process: messages to standard error, the report to standard output, 0 if it is done.

    `work` gives back a dataclass.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(0o077)
    try:
        report = work()
    except WarehouseError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except Exception as error:
        # A message could hold a value of a row; type and places do not.
        sys.stderr.write("".join(traceback.format_tb(error.__traceback__)))
        sys.stderr.write(f"{type(error).__name__} while {what}\n")
        return 1
    sys.stdout.write(json.dumps(dataclasses.asdict(report), ensure_ascii=False))
    return 0


def take_in(settings: Settings, contract: Contract, *, retry_rejected: bool = False) -> LandReport:
    """Land every new delivery of a dataset, oldest first.

    A file that can't be read does not stop the others; the error comes at the end. Raises WarehouseError for that, and
    if key or vault can't be used.
    """
    os.umask(0o077)
    settings.prepare()
    with contextlib.ExitStack() as stack:
        key = stack.enter_context(settled_key(settings)) if contract.about_persons else None
        stack.enter_context(store.dataset_lock(settings, contract.dataset))
        ledger = stack.enter_context(Ledger(settings))
        _sweep(settings, contract, ledger)
        _refuse_mixture(settings, ledger)
        there, unreadable = deliveries_there(settings, contract, ledger)
        new = _new_files(contract, ledger, there, retry_rejected=retry_rejected)
        report = LandReport(contract.dataset)
        for number, file in enumerate(new, start=1):
            _say(f"{contract.dataset}: delivery {number} of {len(new)}, {file.shown_name}")
            try:
                delivery = _land_file(settings, contract, ledger, file, key)
            except OSError as error:
                unreadable.append(f"{file.shown_name} ({error.strerror})")
                continue
            if delivery is None:
                continue
            rejected = delivery.status == "rejected"
            told = ledger.problems(file.delivery_id, contract.dataset, limit=1) if rejected else []
            report = dataclasses.replace(
                report,
                deliveries=report.deliveries + 1,
                row_count=report.row_count + delivery.row_count,
                landed_count=report.landed_count + delivery.landed_count,
                quarantined_count=report.quarantined_count + delivery.quarantined_count,
                erased_count=report.erased_count + delivery.erased_count,
                rejected=report.rejected + [problem.sentence for problem in told],
            )
        _note_extracts(contract, ledger, there)
        _remove_erased(settings, contract, ledger, there)
    if unreadable:
        raise LandingFailed(
            f"files could not be read: {', '.join(unreadable)}.",
            remedy="see that the user who runs the warehouse may read them and that they are whole; what else was "
            "there has landed",
            where=f"landing of {contract.dataset}",
        )
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


def _refuse_mixture(settings: Settings, ledger: Ledger) -> None:
    # Read once: the inbox says it in a file, which grows with every delivery.
    is_synthetic = settings.is_synthetic
    if any(delivery.is_synthetic != is_synthetic for delivery in ledger.deliveries()):
        raise LandingFailed(
            "the warehouse home holds synthetic deliveries and the inbox real ones, or the reverse.",
            remedy="give real and synthetic data each a home of its own (WAREHOUSE_HOME)",
            where=str(settings.home),
        )


@dataclass(frozen=True)
class DeliveredFile:
    """A file of the dataset's folder: what its name says, if it says what was agreed, and which delivery it is."""

    path: Path
    before: os.stat_result
    sha256: str
    delivery_id: str
    shown_name: str
    period: Period | None
    as_of: dt.date | None
    error: str | None

    @property
    def age(self) -> tuple[str, int, str]:
        """What sorts files by the age of their extracts: date in the name, else when they were written; the name."""
        if self.as_of is not None:
            return self.as_of.isoformat(), 0, self.path.name
        return "", self.before.st_mtime_ns, self.path.name


def deliveries_there(settings: Settings, contract: Contract, ledger: Ledger) -> tuple[list[DeliveredFile], list[str]]:
    """The files of the dataset's folder, oldest extract first; and the names of those that can't be read."""
    folder = (settings.fetched if contract.connection else settings.inbox) / contract.dataset
    hashes = ledger.hashes()
    fresh: dict[str, tuple[int, int, str]] = {}
    found: list[DeliveredFile] = []
    unreadable: list[str] = []
    for number, path in enumerate(sorted(folder.iterdir()) if folder.is_dir() else (), start=1):
        # "~$": Excel's mark that somebody has the workbook open
        if path.name.startswith((".", "~$")) or path.name.endswith(_UNFINISHED) or path.is_dir():
            continue
        try:
            before = path.stat()
            # A path may hold a name: the ledger keeps a digest of it.
            place = hashlib.sha256(str(path).encode()).hexdigest()
            size, changed, sha256 = hashes.get(place, (-1, -1, ""))
            if (size, changed) != (before.st_size, before.st_mtime_ns):
                with path.open("rb") as stream:
                    sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
                fresh[place] = (before.st_size, before.st_mtime_ns, sha256)
        except OSError as error:
            unreadable.append(f"file {number} of the folder by name ({error.strerror})")
            continue
        found.append(_known_by_name(contract, path, before, sha256))
    ledger.keep_hashes(fresh)
    return sorted(found, key=lambda file: file.age), unreadable


def _known_by_name(contract: Contract, path: Path, before: os.stat_result, sha256: str) -> DeliveredFile:
    """What a file's name tells of it. The id of a named delivery covers the days that its name says it is about."""
    if not contract.delivery.named:
        error = None
        if path.suffix.removeprefix(".") not in contract.delivery.suffixes:
            error = f"files of this dataset end in {' or '.join(contract.delivery.suffixes)}"
        return DeliveredFile(path, before, sha256, sha256, path.name, None, None, error)
    try:
        period, as_of = parse_file_name(contract, path.name)
    except ValueError as error:
        # People name files after people: where the dataset is about persons, such a name is not told.
        shown = f"{sha256[:16]}{path.suffix[:5]}" if contract.about_persons else path.name
        return DeliveredFile(path, before, sha256, sha256, shown, None, None, str(error))
    # All that a source has is the same on another day, if nothing changed.
    about = period.label if contract.delivery.period == "whole" else f"{period.first} {period.last}"
    delivery_id = hashlib.sha256(f"{sha256} {about}".encode()).hexdigest()
    return DeliveredFile(path, before, sha256, delivery_id, path.name, period, as_of, None)


def _new_files(
    contract: Contract, ledger: Ledger, there: Sequence[DeliveredFile], *, retry_rejected: bool
) -> list[DeliveredFile]:
    """What has not been taken in, oldest extract first, each delivery once; a right name mends a wrong one."""
    new: dict[str, DeliveredFile] = {}
    rightly_named = {file.sha256 for file in there if file.error is None}
    for file in there:
        if file.error is not None and file.sha256 in rightly_named:
            continue
        known = ledger.known(contract.dataset, file.delivery_id)
        if known is None or (retry_rejected and known.status == "rejected"):
            new.setdefault(file.delivery_id, file)
    return list(new.values())


def _note_extracts(contract: Contract, ledger: Ledger, there: Sequence[DeliveredFile]) -> None:
    """The same delivery twice is one delivery, and as new as its newest extract. A file still written is not known."""
    for file in there:
        if ledger.known(contract.dataset, file.delivery_id) is not None:
            ledger.seen_again(contract.dataset, file.delivery_id, file.shown_name, as_of=file.as_of)


def _remove_erased(settings: Settings, contract: Contract, ledger: Ledger, there: Sequence[DeliveredFile]) -> None:
    """Remove from the home's own inbox what holds erased rows: a delivery sent again, or one with rows too old."""
    if not settings.owns_inbox or contract.connection is not None:
        return
    found = [(file, known) for file in there if (known := ledger.known(contract.dataset, file.delivery_id))]
    are_erased = known_copies(settings, contract.dataset, [(file.sha256, known) for file, known in found])
    for (file, _), is_erased in zip(found, are_erased, strict=True):
        if is_erased:
            file.path.unlink(missing_ok=True)
            _say(f"{file.shown_name} holds rows that are erased; it has been taken in and is removed from the inbox")


@dataclass
class _Outcome:
    """What is known of a file while it is taken in; what is still empty when it is rejected stays so."""

    period: Period | None = None
    as_of: dt.date | None = None
    key_id: str | None = None
    row_count: int = 0
    landed: int = 0
    erased: int = 0
    is_landed: bool = False
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def _land_file(
    settings: Settings, contract: Contract, ledger: Ledger, file: DeliveredFile, key: Key | None
) -> Delivery | None:
    """Land one file: Parquet first, made durable, then the ledger, in one transaction. None if it is still growing."""
    outcome = _Outcome(period=file.period, as_of=file.as_of)
    target = store.parquet_file(settings, contract, file.delivery_id)
    temporary = target.with_suffix(".tmp")
    # No temporary directory: what does not fit in memory fails, and no person is spilled to disk.
    connection = duckdb.connect(
        config={"temp_directory": "", "threads": settings.threads, "memory_limit": settings.memory_limit}
    )
    with contextlib.closing(connection):
        try:
            _land_rows(settings, contract, connection, file, key, outcome, temporary)
        except DeliveryRejected as error:
            outcome.problems = [Problem(error.line, error.column, error.rule, error.reason, error.remedy)]
    if _changed(file):
        temporary.unlink(missing_ok=True)
        _say(f"{file.shown_name} is still being written; it is left for the next run")
        return None
    if key is not None:
        tell_same_persons(settings, ledger, key)
    if outcome.is_landed:
        temporary.replace(target)
        store.make_durable(target)
    else:
        temporary.unlink(missing_ok=True)
    ledger.record(
        contract,
        file.delivery_id,
        file.shown_name,
        status="landed" if outcome.is_landed else "rejected",
        period=outcome.period,
        as_of=outcome.as_of,
        row_count=outcome.row_count,
        landed_count=outcome.landed,
        parquet_file=str(target.relative_to(settings.landing)) if outcome.is_landed else None,
        key_id=outcome.key_id,
        is_synthetic=settings.is_synthetic,
        problems=outcome.problems,
        notes=outcome.notes,
        erased_count=outcome.erased,
    )
    if file.error is None and file.delivery_id != file.sha256:
        ledger.forget_wrong_name(contract.dataset, file.sha256)
    return ledger.known(contract.dataset, file.delivery_id)


def _land_rows(
    settings: Settings,
    contract: Contract,
    connection: duckdb.DuckDBPyConnection,
    file: DeliveredFile,
    key: Key | None,
    outcome: _Outcome,
    target: Path,
) -> None:
    """Read a file and write its good rows. Raises DeliveryRejected if the file is at fault, else other errors."""
    if file.error is not None:
        raise DeliveryRejected(f"{file.error}.", remedy=_RENAME, file=file.shown_name, rule="file_name")
    with Erasures(settings) as erasures:
        left_out = erasures.left_out(contract.dataset, file.sha256, file.delivery_id)
    if left_out.is_whole:
        raise DeliveryRejected(
            "it held rows that were erased, and which lines they are could not be told.",
            remedy="have the source send the period again, without who was erased",
            file=file.shown_name,
            rule="erased",
        )
    vaults: dict[str, Vault] = {}
    links: list[LinkVault] = []
    if key is not None:
        outcome.key_id = key_id(key)
        used = {column.purpose for column in contract.person_columns if column.purpose}
        # What a register tells of replaced numbers all purposes learn.
        vaults = {
            purpose: Vault(settings, purpose, key) for purpose in (PURPOSES if contract.previous_column else used)
        }
        links = [
            LinkVault(settings, link, key)
            for link in load_links().values()
            if contract.previous_column or link.sides(contract.dataset)
        ]
        vaults |= {vault.link.vault_purpose: vault for vault in links}
    reading = read_file(contract, file.path, connection)
    if not contract.delivery.named:
        outcome.period, outcome.as_of = _told(contract, file.path, reading)
    assert outcome.period is not None, "named or told"
    if outcome.as_of is not None and outcome.as_of > settings.night:
        raise DeliveryRejected(
            f"it is dated {outcome.as_of}, after tonight ({settings.night}): it would outrank all that comes by then.",
            remedy="correct the date in its name (or in the document) and send it again",
            file=file.shown_name,
            rule="future_date",
        )
    ids = {"municipality_code": settings.municipality_code, "delivery_id": file.delivery_id[:16]}
    found = rows.land(connection, contract, outcome.period, reading, vaults, target, ids, left_out, links)
    outcome.row_count, outcome.landed, outcome.erased = found.rows_in, found.landed, found.erased
    outcome.problems, outcome.notes = found.problems, found.notes
    # A fortnight of holidays has no absence: an empty file about days is an answer; one of bad rows alone is none.
    outcome.is_landed = found.landed > 0 or found.rows_in == found.erased


def tell_same_persons(settings: Settings, ledger: Ledger, key: Key) -> None:
    """Tell the ledger which keys in landed data are one person's, for the landing views.

    Only of purposes whose keys last longer than a delivery: elsewhere there is nothing to bring together. Of links
    too, so that the fingerprint of what has landed tells when two halves of a link become one person's.
    """
    lasting = {
        column.purpose
        for contract in load_contracts().values()
        for column in contract.person_columns
        if column.purpose and not column.is_key_of_delivery
    }
    for purpose in sorted(lasting):
        vault = Vault(settings, purpose, key)
        ledger.keep_same_persons(settings.municipality_code, purpose, vault.same_persons)
    for link in load_links().values():
        link_vault = LinkVault(settings, link, key)
        if link_vault.file.exists():
            ledger.keep_same_persons(settings.municipality_code, link.vault_purpose, link_vault.same_persons)


def read_file(contract: Contract, file: Path, connection: duckdb.DuckDBPyConnection) -> Reading:
    """Let the dataset's reader read the file; an error of the reader rejects the file, one of the machine does not."""
    reader = importlib.import_module(f"include.sources.{contract.reader}")
    headers = {column.source_name: column.personal != "drop" for column in contract.delivered_columns}
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
            rule="reader",
        ) from None


def _told(contract: Contract, file: Path, reading: Reading) -> tuple[Period, dt.date | None]:
    """Period and day as the delivery itself tells them."""
    if contract.delivery.period == "whole":
        assert reading.as_of is not None, f"the reader {contract.reader} must tell the day of {file.name}"
        return Period(label=WHOLE, first=reading.as_of, last=reading.as_of), reading.as_of
    assert reading.period_label is not None, f"the reader {contract.reader} must tell the period of {file.name}"
    return Period.parse(reading.period_label), reading.as_of


def _changed(file: DeliveredFile) -> bool:
    """True if the file is not the one that was hashed any more: its rows would come under another delivery's id."""
    try:
        after = file.path.stat()
    except FileNotFoundError:
        return True
    return (after.st_size, after.st_mtime_ns) != (file.before.st_size, file.before.st_mtime_ns)
