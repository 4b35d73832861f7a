"""A new secret key: vaults are wrapped and nobody's key changes, whatever is killed when."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from landing_steps import kept_files, landed, take_in, write_lines

from include.errors import WarehouseError
from include.landing import process, rotation, vaults
from include.landing.contract import PURPOSES, load_contracts
from include.landing.ledger import Ledger
from include.landing.persons import Key, PersonNumber, Vault, parse_person_number, read_key
from include.landing.rotation import rotate, settled_key, status
from include.settings import PROJECT_ROOT, Settings

HEADER = ";".join(column.source_name for column in load_contracts()["enrolments"].columns)


def person(serial: int) -> PersonNumber:
    found = parse_person_number(f"020312{4000 + serial}")
    assert found is not None
    return found


PEOPLE = [person(serial) for serial in range(1, 40)]


def keys_of(settings: Settings, people: list[PersonNumber] = PEOPLE) -> dict[str, dict[str, int]]:
    """Everybody's key in each purpose."""
    key = read_key(settings)
    return {purpose: Vault(settings, purpose, key).person_keys(people) for purpose in PURPOSES}


def digests(settings: Settings) -> set[bytes]:
    found: set[bytes] = set()
    for file in settings.vault.glob("*.sqlite"):
        with contextlib.closing(sqlite3.connect(file)) as connection:
            for statement in (
                "select digest from person",
                "select digest from replaced",
                "select previous from replaced",
            ):
                found |= {digest for (digest,) in connection.execute(statement)}
    return found


def deliver(settings: Settings, label: str, *serials: int) -> None:
    rows = [f"{person(serial).digits};Et Navn;2025/2026;151003;3;3.A;01-08-2025;;Hedegård" for serial in serials]
    write_lines(settings, f"enrolments/enrolments_2025-2026_{label}.csv", HEADER, *rows)


def test_digests_are_wrapped_and_no_key_changes(settings: Settings) -> None:
    before = keys_of(settings)
    key = read_key(settings)
    for purpose in PURPOSES:
        Vault(settings, purpose, key).learn_replaced([(person(100), PEOPLE[0])])
    old = digests(settings)
    report = rotate(settings)
    assert (report.is_new, report.has_finished_another) == (True, False)
    assert read_key(settings).parts[:1] == key.parts
    assert not old & digests(settings)
    assert keys_of(settings) == before
    # what is wrapped is not left in a page that is free now
    for file in settings.vault.glob("*.sqlite"):
        content = file.read_bytes()
        assert not [digest for digest in old if digest in content]


def test_whoever_came_before_the_rotation_and_after_it_is_treated_alike(settings: Settings) -> None:
    old = keys_of(settings, PEOPLE[:20])
    rotate(settings)
    new = keys_of(settings)
    rotate(settings)
    assert keys_of(settings) == new
    assert {purpose: dict(list(keys.items())[:20]) for purpose, keys in new.items()} == old
    Vault(settings, "school", read_key(settings)).learn_replaced([(person(100), PEOPLE[0])])
    rotate(settings)
    assert keys_of(settings, [person(100)])["school"][person(100).digits] == new["school"][PEOPLE[0].digits]


def test_one_key_alone_tells_no_digest_after_a_rotation(settings: Settings) -> None:
    keys_of(settings, PEOPLE[:3])
    rotate(settings)
    both = read_key(settings)
    for parts in (both.parts[:1], both.parts[1:], both.parts[::-1]):
        vault = Vault(settings, "school", Key(parts))
        with pytest.raises(WarehouseError, match="another key"):
            vault.person_keys(PEOPLE[:1])


def test_vaults_of_all_municipalities_of_the_home_are_wrapped(settings: Settings) -> None:
    other = settings.model_copy(update={"municipality_code": "101"})
    before, there = keys_of(settings), keys_of(other)
    report = rotate(settings)
    assert {(state.municipality_code, state.purpose) for state in report.vaults} == {
        (code, purpose) for code in ("101", "151") for purpose in PURPOSES
    }
    assert all(state.is_wrapped for state in report.vaults)
    assert (keys_of(settings), keys_of(other)) == (before, there)


def test_two_homes_may_share_a_key(settings: Settings, tmp_path: Path) -> None:
    other = settings.model_copy(update={"home": tmp_path / "other"})
    here, there = keys_of(settings), keys_of(other)
    rotate(settings)
    assert not any(state.is_wrapped for state in status(other).vaults)
    with settled_key(other) as key:
        assert key == read_key(settings)
    assert (keys_of(settings), keys_of(other)) == (here, there)


def test_an_older_copy_of_the_key_file_is_told(settings: Settings) -> None:
    keys_of(settings)
    copy = settings.key_file.read_text()
    rotate(settings)
    settings.key_file.write_text(copy)
    deliver(settings, "20260617", 1)
    with pytest.raises(WarehouseError, match="older copy is not enough"):
        process.take_in(settings, load_contracts()["enrolments"])


def test_a_key_file_that_cannot_be_written_changes_nothing(settings: Settings) -> None:
    before = keys_of(settings)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (80, limits[1]))  # one part fits, two do not
    try:
        with pytest.raises(WarehouseError, match="nothing has changed"):
            rotate(settings)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert keys_of(settings) == before
    assert len(read_key(settings).parts) == 1


def test_deliveries_bear_the_id_of_the_key_of_their_day_and_rows_the_same_person(settings: Settings) -> None:
    deliver(settings, "20260617", 1, 2)
    (first,) = take_in(settings, "enrolments")
    before = landed(settings, "select person_key from enrolments order by all")
    report = rotate(settings)
    deliver(settings, "20260618", 1, 2, 3)
    _, second = take_in(settings, "enrolments")
    assert first.key_id != second.key_id == report.key_id
    after = landed(settings, "select person_key from enrolments order by all")
    assert len(after) == 3
    assert set(before) < set(after)


# ---- in the process of its own, and killed


def start(settings: Settings, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "include.landing", *arguments],
        cwd=PROJECT_ROOT,
        env=os.environ | settings.environment() | {"PYTHONPATH": str(PROJECT_ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def held(settings: Settings, purpose: str) -> Iterator[None]:
    """Nobody else can write to a vault: a rotation stops there."""
    with contextlib.closing(sqlite3.connect(settings.vault / f"151_{purpose}.sqlite")) as connection:
        connection.execute("begin immediate")
        yield
        connection.rollback()


def wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not until():
        assert time.monotonic() < deadline, "it did not come so far"
        time.sleep(0.02)


def wrapped(settings: Settings) -> int:
    """How many vaults are under the newest key, read past whoever holds them."""
    return sum(state.is_wrapped for state in rotation._states(settings, read_key(settings)))


def killed_rotation(settings: Settings, stopped_at: str, done: int) -> None:
    """A rotation that has written its key and wrapped `done` vaults, and is killed."""
    with held(settings, stopped_at):
        running = start(settings, "vault", "rotate")
        try:
            wait(lambda: len(read_key(settings).parts) == 2 and wrapped(settings) == done)
            assert running.poll() is None
        finally:
            running.send_signal(signal.SIGKILL)
            running.communicate()
    assert running.returncode == -signal.SIGKILL
    assert wrapped(settings) == done


PLACES = [(sorted(PURPOSES)[done], done) for done in range(len(PURPOSES))]


@pytest.mark.parametrize(("stopped_at", "done"), PLACES)
def test_a_killed_rotation_is_finished_by_the_next_one(settings: Settings, stopped_at: str, done: int) -> None:
    before = keys_of(settings)
    killed_rotation(settings, stopped_at, done)
    report = vaults.rotate(settings)
    assert (report.is_new, report.has_finished_another) == (False, True)
    assert len(read_key(settings).parts) == 2
    assert keys_of(settings) == before
    assert vaults.rotate(settings).is_new


@pytest.mark.parametrize(("stopped_at", "done"), PLACES[2:3])
def test_a_killed_rotation_is_finished_by_the_next_landing(settings: Settings, stopped_at: str, done: int) -> None:
    deliver(settings, "20260617", 1, 2)
    take_in(settings, "enrolments")
    rows = landed(settings, "select person_key from enrolments order by all")
    before = keys_of(settings)
    killed_rotation(settings, stopped_at, done)
    with pytest.raises(WarehouseError, match="has not been wrapped"):
        Vault(settings, "trivsel", read_key(settings)).person_keys(PEOPLE[:1])
    deliver(settings, "20260618", 2, 1)
    assert process.land(settings, "enrolments").landed_count == 2
    assert wrapped(settings) == len(PURPOSES)
    with Ledger(settings) as ledger:
        for delivery in ledger.deliveries(status="landed"):
            ledger.decide(delivery, is_accepted=True, notes=[], problems=[])
    assert landed(settings, "select person_key from enrolments order by all") == rows
    assert keys_of(settings) == before


def test_killed_before_the_key_is_written_nothing_has_happened(settings: Settings) -> None:
    before = keys_of(settings)
    with settled_key(settings):
        running = start(settings, "vault", "rotate")
        time.sleep(1.5)
        assert running.poll() is None, "it waits for the landing"
        running.kill()
        running.communicate()
    assert len(read_key(settings).parts) == 1
    assert keys_of(settings) == before


def test_a_landing_waits_for_the_rotation_and_a_rotation_for_the_landing(settings: Settings) -> None:
    keys_of(settings)
    deliver(settings, "20260617", 1)
    with held(settings, "health"):
        running = start(settings, "vault", "rotate")
        wait(lambda: len(read_key(settings).parts) == 2)
        landing = start(settings, "enrolments")
        time.sleep(1.5)
        assert landing.poll() is None
        with Ledger(settings) as ledger:
            assert ledger.deliveries() == []
    assert [process_.communicate(timeout=60) and process_.returncode for process_ in (running, landing)] == [0, 0]
    with Ledger(settings) as ledger:
        (delivery,) = ledger.deliveries()
    assert delivery.key_id == read_key(settings).ids[-1]


def test_no_key_is_told_by_the_rotation(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    keys_of(settings)
    with held(settings, "school"):
        running = start(settings, "vault", "rotate")
        wait(lambda: len(read_key(settings).parts) == 2)
        place = Path("/proc") / str(running.pid)
        told = place.joinpath("cmdline").read_bytes() + place.joinpath("environ").read_bytes()
    output = "".join(running.communicate(timeout=60))
    assert running.returncode == 0
    told += (output + str(vaults.vault_status(settings)) + caplog.text).encode()
    for part in read_key(settings).parts:
        for secret in (part.hex().encode(), part):
            assert secret not in told
            assert all(secret not in file.read_bytes() for file in kept_files(settings))


def test_what_is_told_of_vaults_does_not_change_with_the_persons_in_them(settings: Settings) -> None:
    keys_of(settings, PEOPLE[:5])
    before = vaults.vault_status(settings)
    keys_of(settings, PEOPLE)
    assert vaults.vault_status(settings) == before
    assert {state.purpose for state in before.vaults} == set(PURPOSES)
    assert re.fullmatch("[0-9a-f]{8}", before.key_id)
