"""All 41.6 million CPR numbers that a child may have, tried against release and landing: none is there, in no form.

And no key of a person is a function of the person's number: that is told by the true numbers of the inbox.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import hmac
import io
import math
import zlib
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from every_number import SERIALS, Match, Values, birthdays, try_all
from figures import Night
from nights import make_night, night_of

from include.landing.contract import load_contracts
from include.landing.persons import Vault, parse_person_number, read_key

AS_OF = dt.date(2026, 6, 19)
ONE_YEAR = [day for day in birthdays(AS_OF) if day.year == 2015]
UNDECIDABLE = "account_string"
"""Groups of digits with hyphens, in which one window of ten in 240 has the form of a child's number by chance."""


def values_of(night: Night) -> Values:
    values = Values()
    values.add_duckdb(night.release / "warehouse.duckdb", "protected")
    values.add_duckdb(night.release / "restricted" / "warehouse.duckdb", "restricted")
    values.add_landing(night.settings.landing)
    return values


def true_numbers(night: Night) -> dict[str, set[str]]:
    """The numbers of the inbox, as ten characters, by the purpose under which their dataset's persons have keys."""
    found: dict[str, set[str]] = {}
    for contract in load_contracts().values():
        for column in contract.person_columns:
            assert contract.layout is not None, "deliveries about persons are delimited texts"
            assert column.purpose is not None, "a column with persons has a purpose"
            for file in (night.inbox / contract.dataset).glob("*.csv"):
                content = file.read_bytes()
                text = content.decode("utf-8-sig" if content.startswith(b"\xef\xbb\xbf") else "cp1252", "replace")
                for row in csv.DictReader(io.StringIO(text), delimiter=contract.layout.delimiter):
                    if number := parse_person_number(row.get(column.source_name) or ""):
                        found.setdefault(column.purpose, set()).add(number.digits)
    return found


def assert_none(night: Night, days: list[dt.date], *, numbers: int) -> None:
    values = values_of(night)
    trial = try_all(values, days)
    assert trial.numbers == numbers
    sources = {source.split()[0] for source, _ in values.places}
    assert sources == {"protected", "restricted", "landing", "ledger"}
    assert values.keys, "columns with keys of persons are among them"
    # An account string is no number of a person: its hits are windows in the middle of it, and no true number.
    by_chance = [match for match in trial.matches if match.column == UNDECIDABLE and match.form == "number as text"]
    assert not [match for match in trial.matches if match not in by_chance]
    true = {number for numbers_ in true_numbers(night).values() for number in numbers_}
    assert len(true) > 300
    held = {f"{value:010d}" for found in values.texts.values() for value in found}
    assert not held & true
    for place in values.keys:
        own = {f"{value:010d}" for value in values.integers[place]} & true
        assert len(own) <= 3, f"{values.places[place]}: keys that are somebody's number are rarer"


def test_the_numbers_are_those_of_children() -> None:
    days = birthdays(AS_OF)
    assert days[0] == dt.date(2007, 6, 20)
    assert days[-1] == AS_OF
    assert len(days) * len(SERIALS) == 41_640_000
    # The rule of the first digit of the serial, read by the product's own parser at its edges.
    for serial, is_child in ((3999, False), (4000, True), (9999, True)):
        read = parse_person_number(f"200607{serial:04d}")
        assert read is not None
        assert (read.birth_date == dt.date(2007, 6, 20)) == is_child


def test_no_number_of_one_year_is_in_release_or_landing(small: Night) -> None:
    assert_none(small, ONE_YEAR, numbers=365 * 6000)


@pytest.mark.proof
def test_no_number_of_a_child_is_in_a_citys_release_or_landing(tmp_path: Path) -> None:
    make_night(tmp_path, "city")
    city = night_of(tmp_path)
    assert_none(city, birthdays(AS_OF), numbers=41_640_000)
    assert_keys_are_no_functions(city, fewest=20_000)


# ---- it can fail


def fails_modulus_11(number: str) -> bool:
    read = parse_person_number(number)
    return read is not None and not read.passes_modulus_11


NUMBERS = [
    next(number for last in range(10) if fails_modulus_11(number := f"040315{first}{last}"))
    for first in (400, 512, 678, 700, 850, 999, 432, 555)
]
"""Of a birthday in 2015, and such as nobody has."""
DASHED = [f"{number[:6]}-{number[6:]}" for number in NUMBERS]


def raw(name: str, written: str) -> bytes:
    return hashlib.new(name, written.encode()).digest()


def whole(piece: bytes, order: str) -> int:
    return int.from_bytes(piece, "big" if order == "big" else "little")


# Form: what a column holds (all of it for what is short, else the first suffices).
PLANTED: dict[str, tuple[str, list[object]]] = {
    "ten digits": ("varchar", [NUMBERS[0]]),
    "a hyphen": ("varchar", [DASHED[1]]),
    "a space": ("varchar", [DASHED[1].replace("-", " ")]),
    "inside a text": ("varchar", [f"se {DASHED[2]}, sag 12"]),
    "inside a longer run": ("varchar", [f"77{NUMBERS[3]}99"]),
    "in a list": ("varchar[]", [["a", f"x{NUMBERS[4]}y"]]),
    "integer": ("bigint", [int(NUMBERS[5])]),
    "unsigned integer": ("uinteger", [int(NUMBERS[5])]),
    "decimal": ("decimal(18, 2)", [int(NUMBERS[5])]),
    "bytes": ("blob", [DASHED[0].encode()]),
}
for _digest in ("md5", "sha1", "sha256"):
    for _name, _written in (("", NUMBERS), ("-", DASHED)):
        _raws = [raw(_digest, one) for one in _written]
        PLANTED |= {
            f"{_digest}{_name} hex": ("varchar", [_raws[0].hex()]),
            f"{_digest}{_name} upper hex": ("varchar", [f"<{_raws[1].hex().upper()}>"]),
            f"{_digest}{_name} bytes": ("blob", [_raws[2]]),
            f"{_digest}{_name} first 16": ("varchar", [_raws[3].hex()[:16]]),
            f"{_digest}{_name} last 16": ("varchar", [_raws[3].hex()[-16:]]),
            f"{_digest}{_name} first 8": ("varchar", [one.hex()[:8] for one in _raws]),
            f"{_digest}{_name} modulo 2^32": ("uinteger", [whole(one, "big") % 2**32 for one in _raws]),
            f"{_digest}{_name} modulo 2^64": ("ubigint", [whole(one[-8:], "big") for one in _raws[:2]]),
            f"{_digest}{_name} first 4 bytes": ("bigint", [whole(one[:4], "little") for one in _raws]),
            f"{_digest}{_name} first 8 bytes": ("ubigint", [whole(one[:8], "big") for one in _raws[:2]]),
            f"{_digest}{_name} signed": ("bigint", [int.from_bytes(one[:8], "little", signed=True) for one in _raws]),
        }


def test_every_form_is_found_where_it_is_planted(tmp_path: Path) -> None:
    """Each in a table of its own, all tried at once; and beside them what is none."""
    file = tmp_path / "planted.duckdb"
    columns = {form: f"column_{number}" for number, form in enumerate(PLANTED)}
    with duckdb.connect(str(file)) as connection:
        for form, (kind, planted) in PLANTED.items():
            connection.execute(f"create table {columns[form]}_t ({columns[form]} {kind})")
            connection.executemany(f"insert into {columns[form]}_t values (?)", [[one] for one in planted])
        # 2014, a serial of the 1900s, no date; a hundred thousand random integers and pieces of other digests.
        connection.execute(
            """
            create table clean as select
                '0403145123 040315-3999 450315-5000' as text, 403155 as whole, md5(range::varchar) as digest,
                (hash(range) % 4294967296)::uinteger as random, left(sha256(range::varchar), 8) as piece,
                hash(range) as long_random
            from range(100000)
            """
        )
    values = Values()
    values.add_duckdb(file, "planted")
    trial = try_all(values, ONE_YEAR)
    found = {match.column for match in trial.matches}
    assert {form for form, column in columns.items() if column not in found} == set()
    assert found - set(columns.values()) == {"random"}, "integers that nobody called keys are judged one by one"


def test_keys_may_meet_numbers_by_chance_and_no_more() -> None:
    with duckdb.connect() as connection:
        sql = "select distinct (hash(range) % 4294967295 + 1)::bigint from range(?)"
        keys = [value for (value,) in connection.execute(sql, [50_000]).fetchall()]
    values = Values()
    values.add("landing", "person_key", keys, is_key=True)
    values.add("landing", "half_true", [*keys[:100], *map(int, NUMBERS)], is_key=True)
    matches = try_all(values, ONE_YEAR).matches
    assert matches == [Match("landing", "half_true", "number as integer", matches[0].values)]
    assert matches[0].values >= len(NUMBERS)


# ---- keys and true numbers


def _pieces(name: str, digest: Callable[[bytes], bytes]) -> dict[str, Callable[[str], int]]:
    def made(way: str, piece: slice, order: str) -> Callable[[str], int]:
        def function(number: str) -> int:
            written = number if way == "" else f"{number[:6]}-{number[6:]}"
            return whole(digest(written.encode())[piece], order)

        return function

    return {
        f"{name}{way} {piece} {order}": made(way, piece, order)
        for way in ("", "-")
        for piece in (slice(0, 4), slice(-4, None))
        for order in ("big", "little")
    }


FUNCTIONS: dict[str, Callable[[str], int]] = {
    "itself": int,
    "reversed": lambda number: int(number[::-1]) % 2**32,
    "crc": lambda number: zlib.crc32(number.encode()),
    "adler": lambda number: zlib.adler32(number.encode()),
}
for _digest in ("md5", "sha1", "sha256", "sha512", "blake2b"):
    FUNCTIONS |= _pieces(_digest, lambda written, name=_digest: raw(name, written.decode()))  # type: ignore[misc]
# What stands where an HMAC has lost its key, or its purpose.
for _key in (b"", b"school", b"social", b"health", b"0" * 32):
    FUNCTIONS |= _pieces(f"hmac {_key!r}", lambda written, key=_key: hmac.digest(key, written, "sha256"))  # type: ignore[misc]


def alike(keys: dict[str, int]) -> list[str]:
    """By which functions more than three keys follow from their persons' numbers; chance gives one in a thousand."""
    found = []
    for name, function in FUNCTIONS.items():
        told = sum(function(number) % 2**32 in (key, key - 1) for number, key in keys.items())
        if told > 3:
            found.append(name)
    # Neither do keys grow with the numbers, or with the order in which the persons came.
    for name, order in {
        "number": sorted(keys),
        "birthday": sorted(keys, key=lambda n: (n[4:6], n[2:4], n[:2])),
    }.items():
        ranks = {number: rank for rank, number in enumerate(sorted(keys, key=lambda n: keys[n]))}
        middle = (len(keys) - 1) / 2
        spread = sum((rank - middle) ** 2 for rank in range(len(keys)))
        together = sum((rank - middle) * (ranks[number] - middle) for rank, number in enumerate(order))
        if abs(together / spread) > 6 / math.sqrt(len(keys)):
            found.append(f"order of {name}")
    return found


def assert_keys_are_no_functions(night: Night, *, fewest: int) -> None:
    secret = read_key(night.settings)
    people = 0
    by_purpose: dict[str, dict[str, int]] = {}
    for purpose, numbers in true_numbers(night).items():
        parsed = [number for text in numbers if (number := parse_person_number(text))]
        keys = Vault(night.settings, purpose, secret).person_keys(parsed)
        people += len(keys)
        by_purpose[purpose] = keys
        assert alike(keys) == [], purpose
    assert people >= fewest
    # Two purposes have keys of their own for the same person.
    for one, keys in by_purpose.items():
        for other, others in by_purpose.items():
            if one < other:
                assert sum(keys[number] == others[number] for number in keys.keys() & others.keys()) <= 1, (one, other)


def test_no_key_is_a_function_of_its_persons_number(small: Night) -> None:
    assert_keys_are_no_functions(small, fewest=300)


@pytest.mark.parametrize(
    "name", ["itself", "crc", "md5 slice(-4, None, None) big", "hmac b'' slice(0, 4, None) little"]
)
def test_keys_that_are_functions_are_found(name: str) -> None:
    numbers = [f"{day:02d}03{year:02d}{serial}" for day in range(1, 29) for year in (10, 15) for serial in (4001, 7777)]
    assert name in alike({number: FUNCTIONS[name](number) % 2**32 for number in numbers})


def test_keys_in_the_order_of_birthdays_are_found() -> None:
    numbers = [f"{day:02d}{month:02d}154001" for month in range(1, 13) for day in range(1, 29)]
    assert "order of birthday" in alike({number: 1_000_000 + 12_345 * place for place, number in enumerate(numbers)})
