"""An erased child: whatever kills the erasure, and whatever is delivered again, 0 bytes of them under the home.

The child is the one of the synthetic municipality who is in the most datasets. Their name and what was written about
them are replaced by words that occur nowhere else, since made-up children share names and remarks.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from fault_night import WAREHOUSE, Place, good_night, kill_group, pick_inbox, run
from leak_search import Found, Persons, Search

from include.demo.municipality import generate
from include.errors import Refused
from include.landing import process
from include.landing.contract import load_contracts
from include.landing.erasures import Erasures
from include.landing.ledger import Delivery, Ledger
from include.landing.persons import Vault, parse_person_number, read_key
from include.settings import DOMAINS, PROJECT_ROOT
from include.warehouse import release

NAME, TEXT = "Xqvzar Wjkypo", "xqtekst wjord qvzald"
ABOUT_PERSONS = [contract for contract in load_contracts().values() if contract.person_columns]
NAMES = {"Navn", "Barnets navn", "name"}
TEXTS = {"Bemærkning", "Referat", "Note", "Notat", "Begrundelse", "Underretning", "Barnets styrker", "note"}


@dataclass(frozen=True)
class Child:
    """Who is erased: ten digits, the datasets that hold them, and the delivered files that do."""

    digits: str
    datasets: frozenset[str]
    files: tuple[str, ...]


@dataclass(frozen=True)
class Traces:
    """What must not be found once they are gone: the search for number, name, text and keys; and digests as bytes."""

    persons: Persons
    digests: tuple[bytes, ...]


def rows_of(file: Path) -> tuple[str, str, list[dict[str, str]]]:
    """Text, encoding and rows of a delivery."""
    content = file.read_bytes()
    try:
        kind = "utf-8"
        text = content.decode(kind)
    except UnicodeDecodeError:
        kind = "cp1252"
        text = content.decode(kind)
    contract = load_contracts()[file.parent.name]
    assert contract.layout is not None
    return text, kind, list(csv.DictReader(io.StringIO(text.lstrip("\ufeff")), delimiter=contract.layout.delimiter))


def mark(inbox: Path) -> Child:
    """Choose the child and give them a name and a text of their own in every file that holds them."""
    held: dict[str, set[Path]] = defaultdict(set)
    for contract in ABOUT_PERSONS:
        for file in (inbox / contract.dataset).glob("*.csv"):
            for row in rows_of(file)[2]:
                for column in contract.person_columns:
                    held[(row.get(column.source_name) or "").replace("-", "")].add(file)
    held.pop("", None)
    digits = max(sorted(held), key=lambda one: len({file.parent for file in held[one]}))
    for file in held[digits]:
        text, kind, rows = rows_of(file)
        (column,) = load_contracts()[file.parent.name].person_columns
        for row in rows:
            if (row[column.source_name] or "").replace("-", "") == digits:
                for header, planted in (*((name, NAME) for name in NAMES), *((name, TEXT) for name in TEXTS)):
                    if (value := (row.get(header) or "").strip()) and '"' not in value:
                        text = text.replace(value, planted)
        file.write_bytes(text.encode(kind))
    return Child(
        digits,
        frozenset(file.parent.name for file in held[digits]),
        tuple(sorted(str(file.relative_to(inbox)) for file in held[digits])),
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Child]:
    """A small inbox with the child marked in it; tests copy it."""
    root = tmp_path_factory.mktemp("source")
    inbox = pick_inbox(generate(root / "small", size="small").inbox, root / "inbox")
    child = mark(inbox)
    assert len(child.datasets) > 10
    return inbox, child


def place_with(inbox: Path, root: Path) -> Place:
    """A home whose inbox lies in it."""
    place = Place(root, root / "home" / "inbox")
    shutil.copytree(inbox, place.inbox)
    return place


def traces(place: Place, child: Child) -> Traces:
    """What the home has of the child before: keys of all purposes, and their digests."""
    number = parse_person_number(child.digits)
    assert number is not None
    persons = Persons()
    persons.add_number(child.digits)
    persons.add_name(NAME)
    persons.add_text(TEXT)
    digests: list[bytes] = []
    purposes = {column.purpose for contract in ABOUT_PERSONS for column in contract.person_columns if column.purpose}
    for purpose in purposes:
        vault = Vault(place.settings, purpose, read_key(place.settings))
        for key in set().union(*vault.known_keys([number]).values()):
            persons.numbers.add(f"{key:010d}")  # the search looks at every whole number of every table
            with contextlib.closing(sqlite3.connect(vault.file)) as connection:
                digests += [
                    digest for (digest,) in connection.execute("select digest from person where person_key = ?", (key,))
                ]
    assert len(digests) == len(purposes) == 4
    return Traces(persons, tuple(digests))


def search(place: Place, wanted: Traces) -> tuple[Found, list[str]]:
    """Every file under the home, inbox and vault included; and the files that hold a digest."""
    found = Search(wanted.persons).folder(place.settings.home)
    holding = [
        str(path)
        for path in place.settings.home.rglob("*")
        if path.is_file()
        and any(one in (content := path.read_bytes()) or one.hex().encode() in content for one in wanted.digests)
    ]
    return found, holding


def assert_gone(place: Place, wanted: Traces) -> Found:
    found, holding = search(place, wanted)
    assert not found.hits, f"{len(found.hits)} hits, such as {sorted(set(map(str, found.hits)))[:20]}"
    assert not holding
    return found


def deliveries(place: Place) -> list[Delivery]:
    with Ledger(place.settings) as ledger:
        return ledger.deliveries()


def assert_rows_add_up(place: Place) -> None:
    with duckdb.connect() as connection:
        for one in deliveries(place):
            assert one.row_count == one.landed_count + one.quarantined_count + one.erased_count, one.dataset
            if one.parquet_file:
                file = place.settings.landing / one.parquet_file
                rows = connection.execute(f"select count(*) from read_parquet('{file}')").fetchone()
                assert rows == (one.landed_count,), one.dataset


def started(place: Place, child: Child, *command: str | Path) -> subprocess.Popen[bytes]:
    """Start an erasure of the child in a group of its own; the number goes by standard input."""
    process = subprocess.Popen(
        command,
        cwd=PROJECT_ROOT,
        env=place.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdin is not None
    process.stdin.write(f"{child.digits}\n".encode())
    process.stdin.close()
    return process


def said(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    return process.stdout.read().decode("utf-8")


@contextlib.contextmanager
def killed_in_the_middle(place: Place, process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Kill -9 as soon as three files of landing have been written anew."""
    files = {path: path.stat().st_ino for path in place.settings.landing.rglob("*.parquet")}
    deadline = time.monotonic() + 120
    try:
        while sum(path.stat().st_ino != before for path, before in files.items()) < 3:
            assert process.poll() is None, said(process)
            assert time.monotonic() < deadline
            time.sleep(0.002)
    finally:
        kill_group(process)
    yield


def test_a_child_leaves_landing_inbox_and_vault_though_the_erasure_is_killed(
    source: tuple[Path, Child], tmp_path: Path
) -> None:
    inbox, child = source
    place = place_with(inbox, tmp_path)
    for contract in ABOUT_PERSONS:
        process.take_in(place.settings, contract)
    with Ledger(place.settings) as ledger:
        for one in ledger.deliveries(status="landed"):
            ledger.decide(one, is_accepted=True, notes=[], problems=[])
    wanted = traces(place, child)
    before, holding = search(place, wanted)
    assert {hit.what for hit in before.hits} >= {"number", "number as integer", "name", "text"}
    assert len(holding) == 4
    command = [sys.executable, "-m", "include.landing", "erase", "person", str(os.getpid())]
    with killed_in_the_middle(place, started(place, child, *command)):
        vaults = [Path(path) for path in search(place, wanted)[1]]
        assert len(vaults) == 4, "killed before the end, so that the next try finds the rows by the vault"

    again = started(place, child, *command)
    assert again.wait(timeout=300) == 0, said(again)

    found = assert_gone(place, wanted)
    assert {"parquet", "sqlite"} <= found.opened.keys()
    assert_rows_add_up(place)
    erased = {one.dataset for one in deliveries(place) if one.erased_count}
    assert erased == child.datasets
    # What is delivered again is known, and leaves the inbox again.
    for path in child.files:
        shutil.copyfile(inbox / path, place.inbox / path)
    for dataset in child.datasets:
        assert process.land(place.settings, dataset).deliveries == 0
    assert_gone(place, wanted)


@pytest.mark.proof
def test_a_child_is_nowhere_after_a_night_an_erasure_and_the_same_deliveries_again(
    source: tuple[Path, Child], tmp_path: Path
) -> None:
    inbox, child = source
    place = place_with(inbox, tmp_path)
    first = good_night(place)
    wanted = traces(place, child)
    # A night that was killed in its gates leaves a private build, with the keys of everybody in it.
    assert run(place, "refresh") == 0
    left = place.settings.staging / "20260619T000000Z-000001"
    left.mkdir()
    with duckdb.connect(str(left / "warehouse.duckdb")) as connection:
        connection.execute(f"create table t as from read_parquet('{place.settings.landing}/cases/*.parquet')")
    kept = {one.release_id for one in release.releases(place.settings)}
    assert len(kept) == 2
    with killed_in_the_middle(place, started(place, child, WAREHOUSE, "erase", "person")):
        pass
    assert {one.release_id for one in release.releases(place.settings)} == kept

    erasure = started(place, child, WAREHOUSE, "erase", "person")
    told = said(erasure)
    assert erasure.wait(timeout=900) == 0, told
    assert child.digits not in told

    found = assert_gone(place, wanted)
    assert {"duckdb", "parquet", "sqlite"} <= found.opened.keys()
    (new,) = release.releases(place.settings)
    assert new.is_current
    assert new.release_id not in kept
    release.verify(place.settings, new.release_id, with_content=True)
    with pytest.raises(Refused, match="made before an erasure"):
        release.rollback(place.settings, first.release_id)
    assert_rows_add_up(place)
    with Erasures(place.settings) as erasures:
        assert {proof.dataset for proof in erasures.proofs()} == child.datasets
        assert not erasures.is_open()

    for path in child.files:
        shutil.copyfile(inbox / path, place.inbox / path)
    for domain in DOMAINS:
        assert run(place, "extract", domain) == 0, place.output.read_text("utf-8")[-4000:]
    assert run(place, "status") == 0, place.output.read_text("utf-8")[-4000:]
    assert_gone(place, wanted)


def test_an_erasure_ends_with_the_process_that_holds_the_lock(source: tuple[Path, Child], tmp_path: Path) -> None:
    """Else a night could build from a landing that is being written anew."""
    inbox, child = source
    place = place_with(inbox, tmp_path)
    process.take_in(place.settings, load_contracts()["absence_days"])
    # Holds the landing, so that the erasure waits for it.
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys\nfrom include.landing import store\nfrom include.settings import Settings\n"
            "with store.dataset_lock(Settings(), 'absence_days'):\n    print('held', flush=True)\n    sys.stdin.read()",
        ],
        cwd=PROJECT_ROOT,
        env=place.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    caller = started(place, child, WAREHOUSE, "erase", "person")
    try:
        pid = _child_of(caller, b"include.landing")
        caller.send_signal(signal.SIGKILL)
        deadline = time.monotonic() + 30
        while _is_running(pid):
            assert time.monotonic() < deadline, "it goes on without its caller"
            time.sleep(0.02)
    finally:
        kill_group(caller)
        holder.kill()
        holder.wait()


def _child_of(caller: subprocess.Popen[bytes], module: bytes) -> int:
    deadline = time.monotonic() + 120
    while True:
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                fields = (entry / "stat").read_text("ascii", "replace").rpartition(")")[2].split()
                if int(fields[1]) == caller.pid and module in (entry / "cmdline").read_bytes().split(b"\0"):
                    return int(entry.name)
        assert caller.poll() is None, said(caller)
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _is_running(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()[0] != "Z"
    return False
