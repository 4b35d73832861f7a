"""Persons: CPR numbers, the secret key, and the vault that gives each person a random number.

HMAC-SHA-256 of the normalised number under a key that lies outside repository, warehouse home and Airflow, then a
random integer: from a figure there is no way back to a child (databeskyttelsesloven § 10), and a plain hash would be
no protection, since all numbers of children can be hashed in seconds. One vault a purpose and municipality, so that
the same child has unrelated numbers in school data, social data, health data and answers to the wellbeing measurement.
The vault is SQLite: small transactions by several processes, whole after a kill.

A new secret key wraps: digests become HMAC(new key, old digest), so the key file holds all keys, oldest first, and no
person key in the data changes (`rotation.py`). A replaced CPR number keeps its person: the digest of the new number
leads to that of the number before.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import hmac
import operator
import os
import re
import secrets
import sqlite3
import stat
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from include.disk import fsync
from include.errors import WarehouseError
from include.settings import PROJECT_ROOT, Settings

_WEIGHTS = (4, 3, 2, 7, 6, 5, 4, 3, 2, 1)
_WEIGHTED_ZEROS = sum(_WEIGHTS) * ord("0")
_FORM = re.compile(r"(\d{2})(\d{2})(\d{2})-?(\d[0-9A-Z]{3})")
_REPLACEMENT_DAYS = 60
_KEY_BYTES = 32
_PATIENCE = 60
"""Seconds to wait for another process that writes to the same vault."""
_LARGEST = 2**32 - 1
"""Person keys are 1 to this: integers of 32 bits join twice as fast as text."""

Status = Literal["person", "replacement"]


@dataclass(frozen=True)
class PersonNumber:
    """A CPR number of valid form. `digits` are ten characters; a replacement number has no birth date.

    `passes_modulus_11` is a hint only: numbers without it have been issued since 1 October 2007 (cpr.dk).
    """

    digits: str
    status: Status
    birth_date: dt.date | None
    sex: Literal["female", "male"] | None
    passes_modulus_11: bool


def parse_person_number(text: str) -> PersonNumber | None:
    """Read `DDMMYY-SSSS` or ten digits; None if it is no CPR number and no replacement number.

    The century comes from digit 7 and the year: 0-3 1900; 4 and 9 2000 for years to 36, else 1900; 5-8 2000 for years
    to 57, else 1800. The last digit is odd for men. A replacement number (erstatnings-CPR) has 60 added to the day or a
    letter among the last four.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        return None
    day_digits, month_digits, year_digits, serial = match.groups()
    day, month, year = int(day_digits), int(month_digits), int(year_digits)
    digits = day_digits + month_digits + year_digits + serial
    is_replacement = day > _REPLACEMENT_DAYS or not serial.isdigit()
    day -= _REPLACEMENT_DAYS if day > _REPLACEMENT_DAYS else 0
    seventh = int(serial[0])
    if seventh <= 3:  # noqa: PLR2004
        century = 1900
    elif seventh in {4, 9}:
        century = 2000 if year <= 36 else 1900  # noqa: PLR2004
    else:
        century = 2000 if year <= 57 else 1800  # noqa: PLR2004
    try:
        birth_date = dt.date(century + year, month, day)
    except ValueError:
        return None
    if is_replacement:
        return PersonNumber(digits, "replacement", None, None, passes_modulus_11=False)
    return PersonNumber(
        digits,
        "person",
        birth_date,
        "male" if int(serial[3]) % 2 else "female",
        passes_modulus_11=(sum(map(operator.mul, _WEIGHTS, digits.encode())) - _WEIGHTED_ZEROS) % 11 == 0,
    )


@dataclass(frozen=True, repr=False)
class Key:
    """The secret key: the first one and those that it was rotated to, oldest first, 32 bytes each."""

    parts: tuple[bytes, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """The id after each rotation, the present one last: eight hex digits that say nothing of the key.

        Each covers all parts before it, so that a key file with another beginning has another id.
        """
        found: list[str] = []
        for part in self.parts:
            found.append(hmac.digest(part, "".join(["key id", *found[-1:]]).encode(), "sha256").hex()[:8])
        return tuple(found)

    @property
    def text(self) -> str:
        """What stands in the key file: one line of hex digits a part."""
        return "".join(f"{part.hex()}\n" for part in self.parts)


def read_key(settings: Settings) -> Key:
    """The secret key; made on the first run. Only the landing process calls this.

    Raises WarehouseError if the file lies where it must not, others may read it, it is damaged, or it is gone while
    a vault still holds persons that were made with it.
    """
    file = settings.key_file.expanduser().absolute()
    for forbidden in (settings.home.absolute(), PROJECT_ROOT):
        if file.resolve().is_relative_to(forbidden.resolve()):
            raise WarehouseError(
                "the key of the pseudonyms lies inside the repository or the warehouse home.",
                remedy="set WAREHOUSE_KEY_FILE to a place outside both, readable by its owner only",
                where=str(file),
            )
    if not file.exists():
        if settings.vault.is_dir() and any(settings.vault.glob("*.sqlite")):
            raise WarehouseError(
                "the key of the pseudonyms is gone, and the vault holds persons that were made with it.",
                remedy="put the key file back from its backup; a new key would make every child a new person",
                where=str(file),
            )
        _make_key(file)
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise WarehouseError(
            "others than the owner may read the key of the pseudonyms.", remedy=f"chmod 600 {file}", where=str(file)
        )
    key = _parsed(file.read_bytes())
    if key is None:
        raise WarehouseError(
            "the key of the pseudonyms is damaged.", remedy="put it back from its backup", where=str(file)
        )
    return key


def _parsed(content: bytes) -> Key | None:
    """The key that a key file holds; None if it is damaged."""
    try:
        parts = tuple(bytes.fromhex(line) for line in content.decode("ascii").split())
    except ValueError:
        return None
    return Key(parts) if parts and all(len(part) == _KEY_BYTES for part in parts) else None


def new_part() -> bytes:
    """A secret that nothing else tells."""
    return secrets.token_bytes(_KEY_BYTES)


def replace_key(settings: Settings, old: Key, new: Key) -> None:
    """Put `new` into the key file, whole or not at all, durable when this returns.

    Raises WarehouseError if the file does not hold `old` any more, or can't be written.
    """
    file = settings.key_file.expanduser().absolute()
    try:
        with file.open("rb") as stream:
            # Two homes may share a key: the second to rotate it must see what the first has written.
            fcntl.flock(stream, fcntl.LOCK_EX)
            if os.fstat(stream.fileno()).st_ino != file.stat().st_ino or _parsed(stream.read()) != old:
                raise WarehouseError(
                    "the key of the pseudonyms was changed meanwhile.",
                    remedy="see who else rotates it, then rotate again",
                    where=str(file),
                )
            for leftover in file.parent.glob(f".{file.name}.*"):
                leftover.unlink()
            _write_candidate(file, new).replace(file)
            fsync(file.parent)
    except OSError as error:
        raise WarehouseError(
            f"the key file can't be written ({error.strerror}); nothing has changed.",
            remedy="let the user who runs the warehouse write the file and its folder while the key is rotated",
            where=str(file),
        ) from None


def _make_key(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    candidate = _write_candidate(file, Key((new_part(),)))
    # A link fails if another process was first; then its key is the key.
    with contextlib.suppress(FileExistsError):
        os.link(candidate, file)
    candidate.unlink()
    fsync(file.parent)


def _write_candidate(file: Path, key: Key) -> Path:
    """The key under another name in the same folder, on disk."""
    candidate = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(candidate, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(key.text)
        stream.flush()
        os.fsync(stream.fileno())
    return candidate


def key_id(key: Key) -> str:
    """Eight hex digits that tell keys apart and say nothing of them; stored with every vault and delivery."""
    return key.ids[-1]


SCHEMA = """
create table if not exists person (
    digest blob primary key,
    person_key integer not null unique,
    status text not null
) without rowid;
create table if not exists replaced (digest blob primary key, previous blob not null) without rowid;
create table if not exists delivery_key (
    person_key integer not null,
    delivery_id text not null,
    respondent_key integer not null unique,
    primary key (person_key, delivery_id)
) without rowid;
create table if not exists vault (key_id text not null);
"""
_DIGESTS = (("person", "digest"), ("replaced", "digest"), ("replaced", "previous"))
"""Where digests stand: what a rotation wraps."""


def vault_file(settings: Settings, purpose: str, municipality_code: str) -> Path:
    """Where the vault of a purpose, or of a link, lies."""
    return settings.vault / f"{municipality_code}_{purpose}.sqlite"


class Vault:
    """The vault of one purpose: from person numbers to person keys, and never back.

    `person` has a key for each number that data came with. `replaced` leads from a number's digest to that of the
    number before it, also of persons that this purpose has never seen. A person's key is that of the oldest number.
    """

    _schema = SCHEMA
    _of_person: tuple[str, ...] = ("delivery_key",)
    """Tables that keep something by person key; it goes with the person."""

    def __init__(self, settings: Settings, purpose: str, key: Key, *, municipality_code: str | None = None) -> None:
        municipality_code = municipality_code or settings.municipality_code
        # Each purpose and municipality has keys of its own, derived from the secret ones.
        self._parts = [hmac.digest(part, f"{purpose}|{municipality_code}".encode(), "sha256") for part in key.parts]
        self._ids = key.ids
        self.file = vault_file(settings, purpose, municipality_code)

    @contextlib.contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.file.parent.chmod(0o700)
        if not self.file.exists():
            os.close(os.open(self.file, os.O_WRONLY | os.O_CREAT, 0o600))
        with contextlib.closing(sqlite3.connect(self.file, timeout=_PATIENCE)) as connection:
            # What is deleted or wrapped is overwritten.
            connection.execute("pragma secure_delete = on")
            connection.executescript(self._schema)
            yield connection

    def person_keys(self, numbers: Collection[PersonNumber]) -> dict[str, int]:
        """Person key by ten digits, new persons included. Raises WarehouseError if the vault has another key."""
        with self._connect() as connection:
            connection.execute("begin immediate")
            self._check_key(connection)
            oldest = self._oldest(connection)
            digests = {number.digits: oldest(self._digest(number)) for number in numbers}
            statuses = {digests[number.digits]: number.status for number in numbers}
            connection.execute("create temp table asked (digest blob primary key) without rowid")
            connection.executemany("insert into asked values (?)", [(digest,) for digest in set(digests.values())])
            known = dict(connection.execute("select digest, person_key from person join asked using (digest)"))
            missing = [digest for digest in statuses if digest not in known]
            while missing:
                # Two persons that draw the same number: the second draws again.
                connection.executemany(
                    "insert or ignore into person values (?, ?, ?)",
                    [(digest, secrets.randbelow(_LARGEST) + 1, statuses[digest]) for digest in missing],
                )
                known = dict(connection.execute("select digest, person_key from person join asked using (digest)"))
                missing = [digest for digest in missing if digest not in known]
            connection.commit()
        return {digits: known[digest] for digits, digest in digests.items()}

    def known_keys(self, numbers: Collection[PersonNumber]) -> dict[str, set[int]]:
        """By ten digits all keys under which landed data may have the person: of other numbers and deliveries too.

        The vault gets no new person; who has no key is left out.
        """
        if not self.file.exists():
            return {}
        with self._connect() as connection:
            connection.execute("begin immediate")
            self._check_key(connection)
            oldest, persons = self._oldest(connection), self._persons(connection)
            roots = {number.digits: oldest(self._digest(number)) for number in numbers}
            return {digits: set(persons[root]) for digits, root in roots.items() if root in persons}

    def all_keys(self) -> list[set[int]]:
        """For every person of the vault the keys under which landed data may have it."""
        if not self.file.exists():
            return []
        with self._connect() as connection:
            return list(self._persons(connection).values())

    def remove(self, keys: Collection[int], numbers: Collection[PersonNumber] = ()) -> None:
        """Erase persons, by any of their keys or numbers, with all that leads to them; the place is overwritten."""
        if not self.file.exists():
            return
        with self._connect() as connection:
            oldest, wanted = self._oldest(connection), set(keys)
            roots = {root for root, its in self._persons(connection).items() if its & wanted}
            roots |= {oldest(self._digest(number)) for number in numbers}
            person = connection.execute("select digest, person_key from person").fetchall()
            replaced = connection.execute("select digest from replaced").fetchall()
            with connection:
                for digest, person_key in person:
                    if oldest(digest) in roots:
                        connection.execute("delete from person where digest = ?", (digest,))
                        for table in self._of_person:
                            connection.execute(f"delete from {table} where person_key = ?", (person_key,))
                gone = [(digest,) for (digest,) in replaced if oldest(digest) in roots]
                connection.executemany("delete from replaced where digest = ?", gone)
            connection.execute("vacuum")

    def _persons(self, connection: sqlite3.Connection) -> dict[bytes, set[int]]:
        """By the digest of the oldest number all keys of a person: of each number, and of each delivery."""
        of_delivery: dict[int, set[int]] = defaultdict(set)
        for person_key, key in connection.execute("select person_key, respondent_key from delivery_key"):
            of_delivery[person_key].add(key)
        oldest = self._oldest(connection)
        found: dict[bytes, set[int]] = defaultdict(set)
        for digest, person_key in connection.execute("select digest, person_key from person").fetchall():
            found[oldest(digest)] |= {person_key, *of_delivery[person_key]}
        return dict(found)

    def delivery_keys(self, person_keys: Collection[int], delivery_id: str) -> dict[int, int]:
        """By person key the key that the person has in one delivery and in no other: random, and drawn once."""
        asked = set(person_keys)
        with self._connect() as connection:
            connection.execute("begin immediate")
            self._check_key(connection)
            statement = "select person_key, respondent_key from delivery_key where delivery_id = ?"
            known = dict(connection.execute(statement, (delivery_id,)))
            while missing := asked - known.keys():
                connection.executemany(
                    "insert or ignore into delivery_key values (?, ?, ?)",
                    [(person_key, delivery_id, secrets.randbelow(_LARGEST) + 1) for person_key in missing],
                )
                known = dict(connection.execute(statement, (delivery_id,)))
            connection.commit()
        return {person_key: known[person_key] for person_key in asked}

    def learn_replaced(self, pairs: Collection[tuple[PersonNumber, PersonNumber]]) -> None:
        """Learn that the first number of each pair has replaced the second: both are one person from now on.

        A person whom this vault does not know gets no key by it. Where both numbers have keys in data that has landed,
        the key of the older number is the person's, and `same_persons` tells of the other. Raises WarehouseError if the
        vault has another key, ValueError for a replacement number, which is never joined to a person.
        """
        if any(number.status == "replacement" for pair in pairs for number in pair):
            raise ValueError("a replacement number is never joined to a person")
        with self._connect() as connection:
            connection.execute("begin immediate")
            self._check_key(connection)
            for number, before in pairs:
                oldest = self._oldest(connection)
                newer, older = oldest(self._digest(number)), oldest(self._digest(before))
                if newer == older:
                    continue
                connection.execute("insert into replaced values (?, ?)", (newer, older))
                if connection.execute("select 1 from person where digest = ?", (older,)).fetchone() is None:
                    connection.execute("update person set digest = ? where digest = ?", (older, newer))
            connection.commit()

    def same_persons(self) -> dict[int, int]:
        """Person keys that are in landed data and are no person's own any more, each with the key that is."""
        with self._connect() as connection:
            connection.execute("begin immediate")
            self._check_key(connection)
            keys = dict(connection.execute("select digest, person_key from person"))
            oldest = self._oldest(connection)
            replaced = [digest for (digest,) in connection.execute("select digest from replaced")]
            return {keys[digest]: keys[oldest(digest)] for digest in replaced if digest in keys}

    def wrap(self) -> None:
        """Wrap all digests up to the present key, in one transaction.

        Raises WarehouseError if the vault was made with a key that the key file does not hold.
        """
        with self._connect() as connection:
            connection.execute("begin immediate")
            done = self._wrapped(connection)
            if done == len(self._parts):
                return

            def wrapped(digest: bytes) -> bytes:
                return self._chain(digest, done)

            connection.create_function("wrapped", 1, wrapped, deterministic=True)
            for table in dict.fromkeys(table for table, _ in _DIGESTS):
                columns = [row[1] for row in connection.execute(f"pragma table_info({table})")]
                listed = ", ".join(f"wrapped({name})" if (table, name) in _DIGESTS else name for name in columns)
                connection.execute(f"create temp table fresh as select {listed} from {table}")
                connection.execute(f"delete from {table}")
                connection.execute(f"insert into {table} select * from fresh")
                connection.execute("drop table fresh")
            connection.execute("update vault set key_id = ?", (self._ids[-1],))
            connection.commit()

    def state(self) -> tuple[str | None, bool]:
        """The id of the key that the digests are under (None if there are none yet), and whether it is the present one.

        Raises WarehouseError if the vault was made with a key that the key file does not hold.
        """
        with self._connect() as connection:
            row = connection.execute("select key_id from vault").fetchone()
            return row[0] if row else None, row is None or self._wrapped(connection) == len(self._ids)

    def _digest(self, number: PersonNumber) -> bytes:
        return self._chain(f"{number.status}|{number.digits}".encode(), 0)

    def _chain(self, value: bytes, done: int) -> bytes:
        """The value under all keys but the first `done`, one over the other."""
        for part in self._parts[done:]:
            value = hmac.digest(part, value, "sha256")
        return value

    def _oldest(self, connection: sqlite3.Connection) -> Callable[[bytes], bytes]:
        """What leads from a digest to that of the person's oldest number, which is most often the same."""
        previous = dict(connection.execute("select digest, previous from replaced"))

        def oldest(digest: bytes) -> bytes:
            # No circle: only digests that lead nowhere yet are led on.
            while digest in previous:
                digest = previous[digest]
            return digest

        return oldest

    def _wrapped(self, connection: sqlite3.Connection) -> int:
        """How many keys the stored digests are under; a new vault is under all from its first person on."""
        row = connection.execute("select key_id from vault").fetchone()
        if row is None:
            connection.execute("insert into vault values (?)", (self._ids[-1],))
            return len(self._ids)
        if row[0] not in self._ids:
            raise WarehouseError(
                "the vault was made with another key than the one in the key file.",
                remedy="put the right key back (WAREHOUSE_KEY_FILE; after a rotation an older copy is not enough), or "
                "use another warehouse home",
                where=str(self.file),
            )
        return self._ids.index(row[0]) + 1

    def _check_key(self, connection: sqlite3.Connection) -> None:
        if self._wrapped(connection) != len(self._ids):
            raise WarehouseError(
                "the key was rotated, and this vault has not been wrapped.",
                remedy="run `warehouse vault rotate` again: it finishes what was begun",
                where=str(self.file),
            )
