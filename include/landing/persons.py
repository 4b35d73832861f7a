"""Persons: CPR numbers, the secret key, and the vault that gives each person a random number.

HMAC-SHA-256 of the normalised number under a key that lies outside repository, warehouse home and Airflow, then a
random integer: from a figure there is no way back to a child (databeskyttelsesloven § 10), and a plain hash would be
no protection, since all numbers of children can be hashed in seconds. One vault a purpose and municipality, so that
the same child has unrelated numbers in school data, social data, health data and answers to the wellbeing measurement.
The vault is SQLite: small transactions by several processes, whole after a kill.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hmac
import operator
import os
import re
import secrets
import sqlite3
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from include.errors import WarehouseError
from include.settings import PROJECT_ROOT, Settings

_WEIGHTS = (4, 3, 2, 7, 6, 5, 4, 3, 2, 1)
_WEIGHTED_ZEROS = sum(_WEIGHTS) * ord("0")
_FORM = re.compile(r"(\d{2})(\d{2})(\d{2})-?(\d[0-9A-Z]{3})")
_REPLACEMENT_DAYS = 60
_KEY_BYTES = 32
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


def read_key(settings: Settings) -> bytes:
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
    try:
        key = bytes.fromhex(file.read_text("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise WarehouseError(
            "the key of the pseudonyms is damaged.", remedy="put it back from its backup", where=str(file)
        )
    return key


def _make_key(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    candidate = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(candidate, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(secrets.token_hex(_KEY_BYTES) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    # A link fails if another process was first; then its key is the key.
    with contextlib.suppress(FileExistsError):
        os.link(candidate, file)
    candidate.unlink()


def key_id(key: bytes) -> str:
    """Eight hex digits that tell keys apart and say nothing of them; stored with every delivery."""
    return hmac.digest(key, b"key id", "sha256").hex()[:8]


_SCHEMA = """
create table if not exists person (
    digest blob primary key,
    person_key integer not null unique,
    status text not null
) without rowid;
create table if not exists vault (key_id text not null);
"""


class Vault:
    """The vault of one purpose: from person numbers to person keys, and never back."""

    def __init__(self, settings: Settings, purpose: str, key: bytes) -> None:
        self._settings = settings
        # Each purpose and municipality has a key of its own, derived from the secret one.
        self._key = hmac.digest(key, f"{purpose}|{settings.municipality_code}".encode(), "sha256")
        self._key_id = key_id(key)
        self.file = settings.vault / f"{settings.municipality_code}_{purpose}.sqlite"

    @contextlib.contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.file.parent.chmod(0o700)
        if not self.file.exists():
            os.close(os.open(self.file, os.O_WRONLY | os.O_CREAT, 0o600))
        with contextlib.closing(sqlite3.connect(self.file, timeout=60)) as connection:
            connection.executescript(_SCHEMA)
            yield connection

    def person_keys(self, numbers: Collection[PersonNumber]) -> dict[str, int]:
        """Person key by ten digits, new persons included. Raises WarehouseError if the vault has another key."""
        digests = {
            number.digits: hmac.digest(self._key, f"{number.status}|{number.digits}".encode(), "sha256")
            for number in numbers
        }
        statuses = {digests[number.digits]: number.status for number in numbers}
        with self._connect() as connection:
            connection.execute("begin immediate")
            self._check_key(connection)
            connection.execute("create temp table asked (digest blob primary key) without rowid")
            connection.executemany("insert into asked values (?)", [(digest,) for digest in digests.values()])
            known = dict(connection.execute("select digest, person_key from person join asked using (digest)"))
            missing = [digest for digest in digests.values() if digest not in known]
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

    def known_keys(self, numbers: Collection[PersonNumber]) -> dict[str, int]:
        """Person key by ten digits of those whom the vault knows; it gets no new person."""
        if not self.file.exists():
            return {}
        digests = {
            number.digits: hmac.digest(self._key, f"{number.status}|{number.digits}".encode(), "sha256")
            for number in numbers
        }
        with self._connect() as connection:
            self._check_key(connection)
            connection.execute("create temp table asked (digest blob primary key) without rowid")
            connection.executemany("insert or ignore into asked values (?)", [(one,) for one in digests.values()])
            known = dict(connection.execute("select digest, person_key from person join asked using (digest)"))
        return {digits: known[digest] for digits, digest in digests.items() if digest in known}

    def all_keys(self) -> set[int]:
        """The keys of all persons of the vault."""
        if not self.file.exists():
            return set()
        with self._connect() as connection:
            return {key for (key,) in connection.execute("select person_key from person")}

    def remove(self, keys: Collection[int]) -> None:
        """Erase persons from every table that has their keys; their pages are overwritten and given back."""
        if not keys or not self.file.exists():
            return
        with self._connect() as connection:
            connection.execute("pragma secure_delete = on")
            tables = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
            with connection:
                for table in tables:
                    columns = {row[1] for row in connection.execute(f"pragma table_info({table})")}
                    if "person_key" in columns:
                        connection.executemany(f"delete from {table} where person_key = ?", [(key,) for key in keys])
            connection.execute("vacuum")

    def _check_key(self, connection: sqlite3.Connection) -> None:
        row = connection.execute("select key_id from vault").fetchone()
        if row is None:
            connection.execute("insert into vault values (?)", (self._key_id,))
        elif row[0] != self._key_id:
            raise WarehouseError(
                "the vault was made with another key than the one in the key file.",
                remedy="put the right key back (WAREHOUSE_KEY_FILE), or use another warehouse home",
                where=str(self.file),
            )
