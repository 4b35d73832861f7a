"""Try every CPR number that a child may have against every value of a set of databases.

A number of a child of 0 to 18 years is one of 6940 birthdays or so, times the 6000 serials whose first digit means the
years after 2000 (4 to 9; cpr.dk, "Opbygning af CPR-nummeret"): 41.6 million. Each is tried as text (ten digits, or six
and four with a hyphen or a space, also inside a longer text), as a whole number, and as its MD5, SHA-1 and SHA-256 (of
both ways to write it) in hex or raw, whole or only the first or last 4 or 8 bytes, also as an integer of either byte
order. The last 4 bytes are the digest modulo 2^32.

Random integers of 32 bits meet 41.6 million others by chance: one in 103 does. So keys of persons, and pieces of
digests that are no longer, are judged by their column: it has hits that chance does not explain. Six such values are
enough for that, and one of anything else. Ten digits inside a hex digest (the id of a delivery) are chance and no text.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import math
import re
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from include.landing.contract import load_contracts

AGES = 19
"""0 to 18 years."""
SERIALS = range(4000, 10000)
_LIKELY = 1e-9
"""What is less likely than this is no chance; a run looks at some thousand columns and functions."""
_WINDOW = re.compile(r"(?=(\d{6}[- ]?\d{4}))")
_TOKEN = re.compile(r"[0-9a-fA-F]{8,}")
_WHOLE_DIGEST = re.compile(r"\b(?=[0-9]*[a-f])(?:[0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})\b")
_SHORT = 8
_HALF = 16
_DIGESTS = ("md5", "sha1", "sha256")
_WAYS = {"ddmmyyssss": "ten", "ddmmyy-ssss": "left(ten, 6) || '-' || right(ten, 4)"}


def birthdays(as_of: dt.date) -> list[dt.date]:
    """The days on which who is 0 to 18 years old on `as_of` may have been born."""
    first = as_of.replace(year=as_of.year - AGES) + dt.timedelta(days=1)
    return [first + dt.timedelta(days=number) for number in range((as_of - first).days + 1)]


@dataclass(frozen=True)
class Match:
    """A column in which numbers were found: `values` different ones, in the form `form`."""

    source: str
    column: str
    form: str
    values: int


@dataclass
class Values:
    """Every value of some databases, kept as what could be a number or its digest. Places are `(source, column)`."""

    places: list[tuple[str, str]] = field(default_factory=list)
    seen: int = 0
    texts: dict[int, set[int]] = field(default_factory=dict)
    integers: dict[int, set[int]] = field(default_factory=dict)
    tokens: dict[int, set[str]] = field(default_factory=dict)
    keys: set[int] = field(default_factory=set)

    def add(self, source: str, column: str, values: Iterable[object], *, is_key: bool = False) -> None:
        """Add the different values of one column; `is_key` if they are keys of persons, which are random."""
        place = len(self.places)
        self.keys.update([place] if is_key else [])
        self.places.append((source, column))
        texts, integers, tokens = set(), set(), set()
        for value in values:
            self.seen += 1
            if value is None or isinstance(value, bool):
                continue
            if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
                integers.add(abs(int(value)))
                tokens.update(_bytes_of(int(value)))
            elif isinstance(value, bytes):
                tokens.add(value.hex())
                text = value.decode("latin-1")
                texts.update(int(re.sub("[- ]", "", found)) for found in _WINDOW.findall(text))
            else:
                text = str(value)
                readable = _WHOLE_DIGEST.sub(" ", text)
                texts.update(int(re.sub("[- ]", "", found)) for found in _WINDOW.findall(readable))
                tokens.update(token.lower() for token in _TOKEN.findall(text))
        self.texts[place], self.integers[place] = texts, integers
        self.tokens[place] = {token for token in tokens if len(token) >= _SHORT}

    def add_relation(
        self, connection: duckdb.DuckDBPyConnection, source: str, relation: str, keys: Collection[str] = ()
    ) -> None:
        """Add all columns of a table: whole numbers as such, bytes as such, all else as DuckDB writes it."""
        for name, kind, *_ in connection.execute(f"describe from {relation}").fetchall():
            quoted = '"' + name.replace('"', '""') + '"'
            if re.fullmatch(r"U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|DECIMAL.*|DOUBLE|FLOAT", kind):
                # What has decimals is no number of a person; only the rest of the column is.
                chosen = f"if({quoted} = trunc({quoted}), try_cast({quoted} as hugeint), null)"
            elif kind == "BLOB":
                chosen = quoted
            else:
                chosen = f"{quoted}::varchar"
            found = connection.execute(f"select distinct {chosen} from {relation}").fetchall()
            self.add(source, name, (value for (value,) in found), is_key=name in keys)

    def add_duckdb(self, file: Path, source: str) -> None:
        with duckdb.connect(str(file), read_only=True) as connection:
            tables = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
            for schema, table in tables:
                self.add_relation(connection, f"{source} {table}", f'"{schema}"."{table}"')

    def add_landing(self, folder: Path) -> None:
        """All Parquet files, by dataset, and the ledger."""
        contracts = load_contracts()
        for dataset in sorted(path for path in folder.iterdir() if path.is_dir()):
            if any(dataset.glob("*.parquet")):
                with duckdb.connect() as connection:
                    relation = f"read_parquet('{dataset}/*.parquet', union_by_name = true)"
                    keys = [column.name for column in contracts[dataset.name].person_columns]
                    self.add_relation(connection, f"landing {dataset.name}", relation, keys)
        with contextlib.closing(sqlite3.connect(f"file:{folder / 'ledger.sqlite'}?mode=ro", uri=True)) as ledger:
            for (table,) in ledger.execute("select name from sqlite_master where type = 'table'").fetchall():
                cursor = ledger.execute(f'select * from "{table}"')
                names = [one[0] for one in cursor.description]
                for name, values in zip(names, zip(*cursor.fetchall(), strict=True), strict=False):
                    self.add(f"ledger {table}", name, set(values))


def _bytes_of(value: int) -> Iterator[str]:
    """An integer as the bytes of 32 and of 64 bits, in either order, as hex; small ones are no digest."""
    for bits in (32, 64):
        if -(1 << (bits - 1)) <= value < 1 << bits and abs(value) >= 1 << (bits - 12):
            plain = (value % (1 << bits)).to_bytes(bits // 8, "big")
            yield plain.hex()
            yield plain[::-1].hex()


@dataclass
class Trial:
    """What was tried: how many numbers of persons, and what was found."""

    numbers: int
    matches: list[Match]


def try_all(values: Values, days: Sequence[dt.date], *, threads: int = 2) -> Trial:
    """Try the numbers of all who were born on `days` against all values, a year at a time."""
    with duckdb.connect(config={"threads": threads}) as connection:
        texts = [(place, value) for place, found in values.texts.items() for value in found]
        integers = [(place, value) for place, found in values.integers.items() for value in found if value < 10**10]
        tokens = [(place, value) for place, found in values.tokens.items() for value in found]
        _table(connection, "texts", texts, pa.int64())
        _table(connection, "integers", integers, pa.int64())
        _table(connection, "tokens", tokens, pa.string())
        connection.execute(f"create table starts as select distinct left(value, {_SHORT}) as start from tokens")
        connection.execute("create table found (place integer, form varchar, value varchar)")
        numbers = 0
        for year in sorted({day.year for day in days}):
            birthdays_ = pa.table({"day": [f"{day:%d%m%y}" for day in days if day.year == year]})
            connection.register("birthdays", birthdays_)
            connection.execute(
                f"create or replace table number as select day || lpad(serial::varchar, 4, '0') as ten from birthdays "
                f"cross join range({SERIALS.start}, {SERIALS.stop}) as _(serial)"
            )
            numbers += (connection.execute("select count(*) from number").fetchone() or (0,))[0]
            _try_year(connection)
        found = connection.execute("select place, form, count(distinct value) from found group by all").fetchall()
    return Trial(numbers, _no_chance(values, found, numbers))


def _table(connection: duckdb.DuckDBPyConnection, name: str, rows: list[tuple[int, object]], kind: pa.DataType) -> None:
    columns = {
        "place": pa.array([place for place, _ in rows], pa.int32()),
        "value": pa.array([value for _, value in rows], kind),
    }
    connection.register("rows", pa.table(columns))
    connection.execute(f"create table {name} as from rows")
    connection.unregister("rows")


def _try_year(connection: duckdb.DuckDBPyConnection) -> None:
    for table, form in (("texts", "number as text"), ("integers", "number as integer")):
        connection.execute(
            f"insert into found select place, '{form}', value from {table} semi join number on value = ten::bigint"
        )
    for digest in _DIGESTS:
        for way, written in _WAYS.items():
            # First by 4 bytes, which few pass; then the rest of what they are held against.
            connection.execute(
                f"create or replace temp table passed as select digest from (select {digest}({written}) as digest "
                f"from number) where left(digest, {_SHORT}) in (select start from starts) "
                f"or substr(digest, -{_SHORT}) in (select start from starts) "
                f"or substr(digest, -{_HALF}, {_SHORT}) in (select start from starts)"
            )
            for end, part in {
                "first bytes": "left(digest, length(value))",
                "last bytes": "substr(digest, -length(value))",
            }.items():
                start = {
                    "first bytes": [f"left(digest, {_SHORT})"],
                    # Both lengths that are tried of the end.
                    "last bytes": [f"substr(digest, -{_SHORT})", f"substr(digest, -{_HALF}, {_SHORT})"],
                }[end]
                for one in start:
                    connection.execute(
                        f"insert into found select distinct place, '{digest} of {way}, {end}', value from passed "
                        f"join tokens on left(value, {_SHORT}) = {one} where {part} = value"
                    )


def _no_chance(values: Values, found: list[tuple[int, str, int]], numbers: int) -> list[Match]:
    """What chance does not explain: any hit of a form that is long, or more hits than random short values have."""
    matches = []
    for place, form, hits in found:
        source, column = values.places[place]
        if form == "number as text":
            matches.append(Match(source, column, form, hits))
        elif form == "number as integer":
            expected = len(values.integers[place]) * numbers / (1 << 32) if place in values.keys else 0.0
            if _chance(hits, expected) < _LIKELY:
                matches.append(Match(source, column, form, hits))
        else:
            lengths = Counter(map(len, values.tokens[place]))
            expected = sum(count * numbers / 16.0**length for length, count in lengths.items() if length < 12)
            if _chance(hits, expected) < _LIKELY:
                matches.append(Match(source, column, form, hits))
    return sorted(matches, key=lambda match: (match.source, match.column, match.form))


def _chance(hits: int, expected: float) -> float:
    """How likely so many hits, or more, are at most when `expected` are (Poisson; Chernoff's bound)."""
    if hits <= expected:
        return 1.0
    return math.exp(hits - expected - hits * math.log(hits / expected)) if expected else 0.0
