"""Erasing in landing, inbox and vault: a person, or all that is past its dataset's retention.

`run` starts the landing process, the only one that opens the key, and waits for it; `main` is it. A CPR number is read
by that process alone, from a prompt without echo or from standard input: never from arguments, environment or a file.

The rules (databeskyttelsesforordningen art. 5(1)(e) and 17; the years stand in the contracts):

- Affected Parquet files are written anew beside the old ones, made durable and renamed over them; then the ledger, in
  one transaction with the lines that must not land again (`erasures`). Killed anywhere, the same call finishes.
- Files of the home's own inbox that hold the person, or rows past retention, are removed. Blanking single lines would
  have to understand each native format, quoted line ends and stated totals, would leave names that stand in other
  people's rows, and would give each file another SHA-256, by which the ledger knows it. The rows of the others have
  landed and are typed; the source has the file. What has not been taken in yet stops the erasure before it begins,
  since with such a file unseen rows of others would go.
- An inbox elsewhere belongs to somebody else: nothing is removed there, and the report says how many files hold the
  person. Known deliveries leave the erased lines out, should they ever land again. A NEW delivery with the person is
  another matter: the source still has them, perhaps because a law says so, and says so anew; it lands, and the person
  gets a new key that nothing connects with the old one. Whoever erases must have it erased at the source too.
- Rows past retention do not come back even so: from the first erasure on, landing leaves out what is older
  (`retention_cut`); else every full extract of the next night would bring back what the month had erased.
- Who has no row left in any dataset of a purpose leaves the purpose's vault, and a person leaves all of them. So with
  the vaults of links and the rows of their two datasets; the rows that they brought together are made anew.
- Without the file of a delivery nobody knows the lines any more (answers to the wellbeing measurement are shuffled,
  other rows may be); then no file with the delivery's id can land again.
"""

from __future__ import annotations

import contextlib
import ctypes
import getpass
import json
import mmap
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from include.disk import fsync
from include.errors import DeliveryRejected, WarehouseError
from include.landing import store
from include.landing.contract import Contract, load_contracts
from include.landing.erasures import WHOLE_FILE, Erasures, Purpose, past, past_condition
from include.landing.ledger import Delivery, Ledger
from include.landing.links import SIDES, LinkVault, load_links
from include.landing.persons import Key, PersonNumber, Vault, parse_person_number
from include.landing.process import (
    DeliveredFile,
    deliveries_there,
    read_file,
    reporting,
    run_process,
    tell_same_persons,
)
from include.landing.rotation import settled_key
from include.settings import COPENHAGEN, Settings
from include.sources.reading import RAW

_CANDIDATE = re.compile(rb"(?<![0-9])([0-9]{6}[- ]?[0-9][0-9A-Z]{3})(?![0-9A-Z])")


@dataclass(frozen=True)
class ErasedDataset:
    """How many rows of how many deliveries of a dataset left landing, and how many quarantine. Engineers only."""

    dataset: str
    deliveries: int
    landed: int
    quarantined: int


@dataclass(frozen=True)
class ErasureReport:
    """What an erasure came to before anything is published anew.

    `persons` left a vault (one child may be in four), `files` the home's inbox. `elsewhere` counts files by dataset, in
    an inbox that is not the home's, which hold the person; `remains` names files under the home that still do, and
    `broke_off` earlier erasures of a person that did not get through landing.
    """

    purpose: Purpose
    erasure_id: int | None
    datasets: list[ErasedDataset] = field(default_factory=list)
    persons: int = 0
    files: int = 0
    elsewhere: dict[str, int] = field(default_factory=dict)
    remains: list[str] = field(default_factory=list)
    broke_off: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class _Part:
    """What leaves of one delivery: rows of its Parquet file by a condition, records of its file, its quarantine."""

    contract: Contract
    delivery: Delivery
    condition: str | None
    file_id: str
    lines: frozenset[int] = frozenset()
    all_quarantined: bool = False


def run(settings: Settings, purpose: Purpose, *, dry_run: bool = False) -> ErasureReport:
    """Erase in the landing process; for a person it asks for the number itself. Raises LandingFailed."""
    answer = run_process(
        settings,
        ["erase", purpose, str(os.getpid()), *(["--dry-run"] if dry_run else [])],
        where=f"erasure ({purpose})",
        remedy="mend the cause and start the erasure again; it goes on where it broke off",
        stdin=None if purpose == "person" else subprocess.DEVNULL,
    )
    content = json.loads(answer)
    return ErasureReport(**{**content, "datasets": [ErasedDataset(**one) for one in content["datasets"]]})


def main(settings: Settings, arguments: Sequence[str]) -> int:
    """The landing process that erases: `person|retention <pid of the caller> [--dry-run]`; 0 if it did its work."""
    purpose, parent, *options = arguments

    def erased() -> ErasureReport:
        _end_with(int(parent))
        if purpose == "person":
            return erase_person(settings, _asked_number())
        return erase_past_retention(settings, dry_run="--dry-run" in options)

    return reporting("erasing", erased)


def _end_with(parent: int) -> None:
    """End with the process that holds the refresh lock: no night may build from landing while this goes on."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
        if os.getppid() != parent:
            os._exit(1)


def _asked_number() -> PersonNumber:
    text = getpass.getpass("CPR number (not shown): ") if sys.stdin.isatty() else sys.stdin.readline()
    number = parse_person_number(text)
    if number is None:
        raise WarehouseError(
            "this is no CPR number and no replacement number.", remedy="type ten digits, DDMMYY-SSSS; nothing is erased"
        )
    return number


# ---- a person


def erase_person(settings: Settings, number: PersonNumber) -> ErasureReport:
    """Erase a person from landing, the home's inbox and all vaults.

    Raises WarehouseError if files that hold the person wait in the home's inbox, before anything is erased.
    """
    settings.prepare()
    contracts = load_contracts()
    with (
        settled_key(settings) as key,
        _all_still(settings, contracts),
        Ledger(settings) as ledger,
        Erasures(settings) as erasures,
    ):
        vaults = _vaults(settings, contracts, key)
        keys = {purpose: set().union(*vault.known_keys([number]).values()) for purpose, vault in vaults.items()}
        files = {contract.dataset: deliveries_there(settings, contract, ledger)[0] for contract in contracts.values()}
        numbers = {number.digits} | _other_numbers(contracts, files, vaults, keys)
        needle = _needle(numbers)
        holding = {dataset: [one for one in there if _holds(one.path, needle)] for dataset, there in files.items()}
        _refuse_unseen(settings, contracts, ledger, holding)
        parts = [
            part
            for contract in contracts.values()
            for part in _parts_of_person(settings, contract, ledger, holding[contract.dataset], keys, numbers)
        ]
        broke_off = erasures.broke_off("person")
        erasure_id = erasures.begin("person")
        for part in parts:
            _carry_out(settings, erasures, erasure_id, part)
        own = [one.path for there in holding.values() for one in there] if settings.owns_inbox else []
        _remove(own)
        # Last, since it is the vault that leads from the number to the rows: killed before, the next try finds them.
        its_numbers = [one for digits in sorted(numbers) if (one := parse_person_number(digits))]
        _remove_links(settings)
        for link_vault in _link_vaults(settings, key):
            link_vault.remove_linked(keys, its_numbers)
        for purpose, vault in vaults.items():
            vault.remove(keys[purpose], its_numbers)
        tell_same_persons(settings, ledger, key)
        persons = sum(1 for its in keys.values() if its)
        erasures.landing_done(erasure_id)
        erasures.compact()
        return ErasureReport(
            "person",
            erasure_id,
            _told(erasures, erasure_id),
            persons,
            len(own),
            {} if settings.owns_inbox else {dataset: len(there) for dataset, there in holding.items() if there},
            sorted(
                str(path.relative_to(settings.home))
                for path in settings.home.rglob("*")
                if path.is_file() and not path.is_symlink() and _holds(path, needle)
            ),
            broke_off,
        )


def _other_numbers(
    contracts: Mapping[str, Contract],
    files: Mapping[str, Sequence[DeliveredFile]],
    vaults: Mapping[str, Vault],
    keys: Mapping[str, set[int]],
) -> set[str]:
    """Other numbers of the person: those of the files for which a vault has the same key (a number can be replaced)."""
    if not any(keys.values()):
        return set()
    found: set[bytes] = set()
    for dataset, there in files.items():
        if contracts[dataset].person_columns:
            for file in there:
                with _bytes_of(file.path) as content:
                    found.update(match[1] for match in _CANDIDATE.finditer(content))
    parsed = {number.digits: number for text in found if (number := _parsed(text.decode("ascii")))}
    return {
        digits
        for purpose, vault in vaults.items()
        if keys[purpose]
        for digits, its in vault.known_keys(list(parsed.values())).items()
        if its & keys[purpose]
    }


def _parsed(text: str) -> PersonNumber | None:
    return parse_person_number(text.replace(" ", "-"))


def _needle(numbers: set[str]) -> re.Pattern[bytes]:
    """Numbers in any form: with hyphen or space or none, without a leading zero, in UTF-16 either way round."""
    forms: list[bytes] = []
    for digits in sorted(numbers):
        day, rest = digits[:6].encode("ascii"), digits[6:].encode("ascii")
        forms.append(day + rb"[- ]?" + rest)
        for kind in ("utf-16-le", "utf-16-be"):
            first, last = (re.escape(part.decode("ascii").encode(kind)) for part in (day, rest))
            between = b"|".join(re.escape(mark.encode(kind)) for mark in ("-", " "))
            forms.append(first + b"(?:" + between + b")?" + last)
        if digits.startswith("0"):
            short = digits.lstrip("0").encode("ascii")
            forms.append(rb"(?<![0-9])" + short[:-4] + rb"[- ]?" + short[-4:] + rb"(?![0-9])")
    return re.compile(b"|".join(forms))


@contextlib.contextmanager
def _bytes_of(path: Path) -> Iterator[bytes | mmap.mmap]:
    with path.open("rb") as stream:
        if path.stat().st_size == 0:
            yield b""
            return
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            yield content


def _holds(path: Path, needle: re.Pattern[bytes]) -> bool:
    """Whether a file, its name or what is packed in it (workbooks are) holds the person's number."""
    if needle.search(path.name.encode("utf-8", "surrogateescape")):
        return True
    with _bytes_of(path) as content:
        if needle.search(content):
            return True
    if not zipfile.is_zipfile(path):
        return False
    with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
        return any(needle.search(archive.read(name)) for name in archive.namelist())
    return False


def _refuse_unseen(
    settings: Settings,
    contracts: Mapping[str, Contract],
    ledger: Ledger,
    holding: Mapping[str, Sequence[DeliveredFile]],
) -> None:
    unseen = {
        contracts[dataset].domain
        for dataset, there in holding.items()
        for one in there
        if ledger.known(dataset, one.delivery_id) is None
    }
    if settings.owns_inbox and unseen:
        raise WarehouseError(
            "files in the inbox hold the person and have not been taken in; nothing is erased.",
            remedy=f"take them in first ({', '.join(f'`warehouse extract {one}`' for one in sorted(unseen))}), then "
            "start the erasure again",
            where=str(settings.inbox),
        )


def _parts_of_person(
    settings: Settings,
    contract: Contract,
    ledger: Ledger,
    holding: Sequence[DeliveredFile],
    keys: Mapping[str, set[int]],
    numbers: set[str],
) -> Iterator[_Part]:
    """What leaves of each delivery of a dataset; of one without rows of the person nothing does."""
    if not contract.person_columns:
        return
    condition = _is_person(contract, keys)
    by_id = {one.delivery_id: one for one in holding}
    for delivery in ledger.deliveries(contract.dataset):
        file = by_id.get(delivery.delivery_id)
        lines = _lines_of(settings, contract, file, numbers) if file is not None else frozenset()
        rows = _count(settings, delivery, condition) if condition else 0
        if rows and not lines:
            yield _Part(contract, delivery, condition, delivery.delivery_id, frozenset({WHOLE_FILE}))
        elif lines and file is not None:
            yield _Part(contract, delivery, condition, file.sha256, lines)
        elif _is_unsettled(settings, delivery):
            yield _Part(contract, delivery, condition, delivery.delivery_id)


def _is_person(contract: Contract, keys: Mapping[str, set[int]]) -> str | None:
    conditions = [
        f"{column.name} in ({', '.join(map(str, sorted(found)))})"
        for column in contract.person_columns
        if column.purpose and (found := keys.get(column.purpose))
    ]
    return " or ".join(conditions) or None


def _lines_of(settings: Settings, contract: Contract, file: DeliveredFile, numbers: set[str]) -> frozenset[int]:
    """The lines of the person's records, as landing's reader counts them; the whole file if it can't be read."""
    with contextlib.closing(_in_memory(settings)) as connection:
        try:
            reading = read_file(contract, file.path, connection)
            names = [f'"{column.source_name}"' for column in contract.person_columns]
            connection.execute(f"create temp table _looked_at as select {', '.join(names)} from {RAW}")
            (rows,) = connection.execute("select count(*) from _looked_at").fetchone() or (0,)
            reading = reading.settled(rows)
            places: set[int] = set()
            for name in names:
                texts = [row[0] for row in connection.execute(f"select distinct {name} from _looked_at").fetchall()]
                its = [text for text in texts if text and (one := parse_person_number(text)) and one.digits in numbers]
                found = connection.execute(
                    f"select rowid + 1 from _looked_at where list_contains(?::varchar[], {name})", [its]
                )
                places |= {place for (place,) in found.fetchall()}
            return frozenset(reading.lines(sorted(places)).values())
        except (DeliveryRejected, duckdb.InvalidInputException):
            return frozenset({WHOLE_FILE})


# ---- retention


def erase_past_retention(settings: Settings, *, dry_run: bool = False) -> ErasureReport:
    """Erase every row that is past its dataset's retention on the business date, or only count them."""
    settings.prepare()
    contracts = load_contracts()
    with (
        settled_key(settings) as key,
        _all_still(settings, contracts),
        Ledger(settings) as ledger,
        Erasures(settings) as erasures,
    ):
        parts = [part for contract in contracts.values() for part in _parts_past(settings, contract, ledger)]
        if dry_run:
            return ErasureReport("retention", None, _counted(settings, parts))
        erasure_id = erasures.begin("retention")
        for contract in contracts.values():
            erasures.cut(contract.dataset, past(contract, settings.night))
        for part in parts:
            _carry_out(settings, erasures, erasure_id, part)
        own = _own_files(settings, contracts, ledger, parts) if settings.owns_inbox else []
        _remove(own)
        _remove_links(settings)
        for link_vault in _link_vaults(settings, key):
            link = link_vault.link
            link_vault.keep_only(
                {
                    name: _keys_in_landing(
                        settings,
                        {link.side(name).dataset: contracts[link.side(name).dataset]},
                        ledger,
                        link.purpose_of(name),
                    )
                    for name in SIDES
                }
            )
        persons = 0
        for purpose, vault in _vaults(settings, contracts, key).items():
            landed = _keys_in_landing(settings, contracts, ledger, purpose)
            without_rows = [its for its in vault.all_keys() if not its & landed]
            vault.remove(set().union(*without_rows))
            persons += len(without_rows)
        tell_same_persons(settings, ledger, key)
        erasures.landing_done(erasure_id)
        erasures.compact()
        return ErasureReport("retention", erasure_id, _told(erasures, erasure_id), persons, len(own))


def _parts_past(settings: Settings, contract: Contract, ledger: Ledger) -> Iterator[_Part]:
    """What is past its retention: rows by their date, and what tells of a delivery once all of it is past."""
    before = past(contract, settings.night)
    for delivery in ledger.deliveries(contract.dataset):
        reference = delivery.period_to or delivery.received_at.astimezone(COPENHAGEN).date()
        condition = past_condition(contract, before, reference)
        is_past = reference < before
        rows = _count(settings, delivery, condition) if condition else 0
        if rows or (is_past and delivery.quarantined_count) or _is_unsettled(settings, delivery):
            yield _Part(contract, delivery, condition, delivery.delivery_id, all_quarantined=is_past)


def _counted(settings: Settings, parts: Sequence[_Part]) -> list[ErasedDataset]:
    found: dict[str, ErasedDataset] = {}
    for part in parts:
        name = part.contract.dataset
        one = found.get(name, ErasedDataset(name, 0, 0, 0))
        found[name] = ErasedDataset(
            name,
            one.deliveries + 1,
            one.landed + (_count(settings, part.delivery, part.condition) if part.condition else 0),
            one.quarantined + (part.delivery.quarantined_count if part.all_quarantined else 0),
        )
    return list(found.values())


def _own_files(
    settings: Settings, contracts: Mapping[str, Contract], ledger: Ledger, parts: Sequence[_Part]
) -> list[Path]:
    gone = {(part.contract.dataset, part.delivery.delivery_id) for part in parts}
    return [
        one.path
        for dataset in sorted({dataset for dataset, _ in gone})
        for one in deliveries_there(settings, contracts[dataset], ledger)[0]
        if (dataset, one.delivery_id) in gone and contracts[dataset].connection is None
    ]


def _keys_in_landing(settings: Settings, contracts: Mapping[str, Contract], ledger: Ledger, purpose: str) -> set[int]:
    found: set[int] = set()
    with contextlib.closing(_in_memory(settings)) as connection:
        for contract in contracts.values():
            columns = [column.name for column in contract.person_columns if column.purpose == purpose]
            for delivery in ledger.deliveries(contract.dataset) if columns else ():
                if delivery.parquet_file is None:
                    continue
                for column in columns:
                    keys = connection.execute(
                        f"select distinct {column} from read_parquet(?)",
                        [str(settings.landing / delivery.parquet_file)],
                    )
                    found.update(key for (key,) in keys.fetchall() if key is not None)
    return found


# ---- both


@contextlib.contextmanager
def _all_still(settings: Settings, contracts: Mapping[str, Contract]) -> Iterator[None]:
    """Wait for every landing and judgement under way, and hold off the next: a landing has keys in its memory."""
    with contextlib.ExitStack() as stack:
        for dataset in sorted(contracts):
            stack.enter_context(store.dataset_lock(settings, dataset))
        yield


def _vaults(settings: Settings, contracts: Mapping[str, Contract], key: Key) -> dict[str, Vault]:
    purposes = {column.purpose for contract in contracts.values() for column in contract.person_columns}
    if not any(settings.vault.glob("*.sqlite")):
        return {}
    return {purpose: Vault(settings, purpose, key) for purpose in sorted(filter(None, purposes))}


def _link_vaults(settings: Settings, key: Key) -> list[LinkVault]:
    return [LinkVault(settings, link, key) for link in load_links().values()]


def _remove_links(settings: Settings) -> None:
    """Remove the rows that links brought together: the next build has them made of what is left."""
    _remove(list((settings.landing / store.LINKS).glob("*/*.parquet")))


def _in_memory(settings: Settings) -> duckdb.DuckDBPyConnection:
    """A connection that spills nothing to disk."""
    return duckdb.connect(
        config={"temp_directory": "", "threads": settings.threads, "memory_limit": settings.memory_limit}
    )


def _count(settings: Settings, delivery: Delivery, condition: str) -> int:
    """How many landed rows of a delivery fit."""
    if delivery.parquet_file is None:
        return 0
    with contextlib.closing(_in_memory(settings)) as connection:
        (rows,) = connection.execute(
            f"select count(*) from read_parquet(?) where {condition}", [str(settings.landing / delivery.parquet_file)]
        ).fetchone() or (0,)
    return int(rows)


def _is_unsettled(settings: Settings, delivery: Delivery) -> bool:
    """True if an erasure was killed between a delivery's file and its row in the ledger."""
    return delivery.parquet_file is not None and _count(settings, delivery, "true") != delivery.landed_count


def _carry_out(settings: Settings, erasures: Erasures, erasure_id: int, part: _Part) -> None:
    landed_now = 0
    if part.delivery.parquet_file is not None:
        if part.condition is not None and _count(settings, part.delivery, part.condition):
            _rewrite(settings, settings.landing / part.delivery.parquet_file, part.condition)
        landed_now = _count(settings, part.delivery, "true")
    erasures.account(
        erasure_id,
        part.delivery,
        landed_now,
        file_id=part.file_id,
        lines=part.lines,
        all_quarantined=part.all_quarantined,
    )


def _rewrite(settings: Settings, file: Path, condition: str) -> None:
    """Write a Parquet file without the rows that fit, in the same order; durable before it takes the name."""
    temporary = file.with_suffix(".tmp")
    temporary.unlink(missing_ok=True)
    with contextlib.closing(_in_memory(settings)) as connection:
        connection.execute(
            f"""
            copy (select * from read_parquet('{_quoted(str(file))}') where ({condition}) is not true)
            to '{_quoted(str(temporary))}' (format parquet, compression zstd)
            """
        )
    store.make_durable(temporary)
    temporary.replace(file)
    store.make_durable(file)


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
    for folder in {path.parent for path in paths}:
        fsync(folder)


def _told(erasures: Erasures, erasure_id: int) -> list[ErasedDataset]:
    return [
        ErasedDataset(proof.dataset, len(proof.deliveries), proof.landed_rows, proof.quarantined_rows)
        for proof in erasures.proofs()
        if proof.erasure_id == erasure_id and proof.dataset is not None
    ]


def _quoted(value: str) -> str:
    return value.replace("'", "''")
