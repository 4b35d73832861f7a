"""Search everything under a folder for persons: their numbers, their names, what was written about them.

Files are searched as bytes (UTF-8, Windows-1252, UTF-16, JSON and HTML escapes) and, where they are databases, Parquet
or compressed, also by their content: every column of every table, nested ones included, integers as numbers.
A file is read once; what it holds is held against sets, so that thousands of persons cost no more than one.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import html
import io
import re
import sqlite3
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from include.demo import people
from include.landing.contract import load_contracts
from include.settings import PROJECT_ROOT

PROJECT = [
    file
    for folder in ("dbt_project", "expectations", "include/landing/contracts")
    for kind in ("*.sql", "*.yml", "*.yaml", "*.csv", "*.json")
    for file in sorted((PROJECT_ROOT / folder).rglob(kind))
]
"""What the project itself says: models, seeds, suites, contracts."""

_NUMBER = re.compile(rb"(?=(\d{6}[- ]?\d{4}))")
# UTF-16, either way round: a zero byte between the digits.
_WIDE_NUMBER = re.compile(rb"(?=(\d(?:\x00\d){5}(?:\x00[- ])?(?:\x00\d){4}))")
_WORD = re.compile(r"[^\W\d_]+")
_NUMBER_IN_TEXT = re.compile(r"(?<!\d)\d{6}-?\d{4}(?!\d)")
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
_DEEPEST = 3
PIECE = 4
"""Words in a row that make a free text known by a part of it."""
_COMMON = 8
"""Surnames of fewer letters than this are also words or places; they are searched for with a first name only."""


@dataclass
class Persons:
    """What must not be found. Names and texts as words in lower case, so that punctuation can't hide them."""

    numbers: set[str] = field(default_factory=set)
    names: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    surnames: set[str] = field(default_factory=set)
    texts: dict[tuple[str, ...], str] = field(default_factory=dict)
    pieces: set[tuple[str, ...]] = field(default_factory=set)

    def add_number(self, text: str) -> None:
        self.numbers.update(re.sub("[- ]", "", found) for found in _NUMBER_IN_TEXT.findall(text))

    def add_name(self, name: str) -> None:
        """The whole name, and each pair of its parts: first name and surname, first name and middle name, both."""
        words = _words(name)
        for pair in {words, words[:2], words[-2:], (words[0], words[-1])}:
            if len(pair) > 1:
                self.names[pair] = words
        if len(words) > 1 and len(words[-1]) >= _COMMON:
            self.surnames.add(words[-1])

    def add_text(self, text: str) -> None:
        """A free text: its longest run of words without number and name, if that says anything."""
        self.add_number(text)
        words = _words(text)
        if len(words) > 1:
            self.texts[words] = text
        # A message that is cut short, or says only a part of it.
        for start in range(len(words) - PIECE + 1):
            self.pieces.add(words[start : start + PIECE])

    def forget(self, text: str) -> None:
        """Leave out the pieces that a text of the project says too: they tell of nobody."""
        words = _words(text)
        self.pieces.difference_update(words[start : start + PIECE] for start in range(len(words) - PIECE + 1))

    @property
    def size(self) -> int:
        return len(self.numbers) + len(self.names) + len(self.surnames) + len(self.texts) + len(self.pieces)


@dataclass(frozen=True)
class Hit:
    file: str
    where: str
    what: str


@dataclass
class Found:
    """What a search looked at and what it found."""

    files: int = 0
    bytes: int = 0
    values: int = 0
    opened: dict[str, int] = field(default_factory=dict)
    hits: list[Hit] = field(default_factory=list)


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.casefold()))


def persons_of(inbox: Path) -> Persons:
    """All that the files of an inbox say of persons in the columns that their contracts call personal.

    A name is one whose every word is a made-up person's: what is paid to the municipality or an association names none.
    Texts are those of datasets about persons.
    """
    persons = Persons()
    words = {word for name in (*people.GIRLS, *people.BOYS, *people.SURNAMES) for word in _words(name)}
    for contract in load_contracts().values():
        personal = {column.source_name: column for column in contract.columns if column.personal}
        if not personal:
            continue
        assert contract.layout is not None, "deliveries about persons are delimited texts"
        is_about_persons = any(column.personal == "key" or column.name.endswith("_cpr") for column in contract.columns)
        for file in sorted((inbox / contract.dataset).glob("*.csv")):
            for row in csv.DictReader(io.StringIO(_decoded(file.read_bytes())), delimiter=contract.layout.delimiter):
                for header, column in personal.items():
                    value = (row.get(header) or "").strip()
                    if not value:
                        continue
                    persons.add_number(value)
                    said = _words(value)
                    if said and set(said) <= words:
                        persons.add_name(value)
                    elif is_about_persons and not column.name.endswith(("_name", "supplier")):
                        persons.add_text(value)
    for file in PROJECT:
        persons.forget(file.read_text("utf-8"))
    # "Cpr …" alone says nothing; a text that only holds one is found by its number.
    return persons


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252")


class Search:
    """A search of any number of folders for the same persons."""

    def __init__(self, persons: Persons) -> None:
        self.persons = persons
        self.found = Found()
        self._name_words = {word for name in persons.names for word in name}
        self._text_words = {word for text in persons.texts for word in text}
        self._first = {}
        self._clean: set[tuple[str, int, int, int]] = set()
        for phrase in {*persons.names, *persons.texts, *persons.pieces}:
            self._first.setdefault(phrase[0], []).append(phrase)
        # Windows-1252 and Latin-1 do not know these letters, so that UTF-16 without its zeros does not show them.
        self._wide = [
            " ".join(name).title().encode(kind)
            for name in persons.names
            if any(ord(letter) > 255 for word in name for letter in word)
            for kind in ("utf-16-le", "utf-16-be")
        ]

    def folder(self, root: Path, *, without: Iterable[Path] = ()) -> Found:
        """Search every file below `root` and every file's name, but what lies below the folders `without`.

        What this search has already found clean is not read again while it stays the same file.
        """
        left_out = [path.resolve() for path in without]
        for path in sorted(root.rglob("*")):
            if path.is_symlink() or any(path.resolve().is_relative_to(other) for other in left_out):
                continue
            self.text(str(path), "path", path.name)
            if path.is_file():
                stat = path.stat()
                same = (str(path), stat.st_ino, stat.st_size, stat.st_mtime_ns)
                before = len(self.found.hits)
                if same not in self._clean:
                    self.file(path)
                if len(self.found.hits) == before:
                    self._clean.add(same)
        return self.found

    def file(self, path: Path) -> Found:
        content = path.read_bytes()
        self.found.files += 1
        self.found.bytes += len(content)
        self._blob(str(path), "bytes", content)
        if content[8:12] == b"DUCK":
            self._opened("duckdb")
            self._duckdb(path)
        elif content[:4] == b"PAR1":
            self._opened("parquet")
            self._parquet(path)
        elif content.startswith(b"SQLite format 3\0"):
            self._opened("sqlite")
            self._sqlite(path)
        return self.found

    def _opened(self, kind: str) -> None:
        self.found.opened[kind] = self.found.opened.get(kind, 0) + 1

    def _hit(self, file: str, where: str, what: str) -> None:
        self.found.hits.append(Hit(file, where, what))

    def _blob(self, file: str, where: str, content: bytes, depth: int = 0) -> None:
        """Bytes of any kind, and what is packed in them."""
        for pattern in (_NUMBER, _WIDE_NUMBER):
            for match in pattern.finditer(content):
                digits = re.sub(rb"[^\d]", b"", match[1]).decode("ascii")
                if digits in self.persons.numbers:
                    self._hit(file, where, "number")
        is_plain = content.isascii()
        self._writing(file, where, content.decode("utf-8", "replace"))
        if not is_plain:
            self._words_of(file, where, content.decode("cp1252", "replace"))
        if b"\0" in content:
            self._words_of(file, where, content.replace(b"\0", b"").decode("latin-1"))
            for wide in self._wide:
                if wide in content:
                    self._hit(file, where, "name")
        if depth < _DEEPEST:
            for inner in _unpacked(content):
                self._opened("compressed")
                self._blob(file, f"{where}, unpacked", inner, depth + 1)

    def text(self, file: str, where: str, text: str) -> None:
        """A text that came out of a database."""
        for match in _NUMBER.finditer(text.encode("utf-8", "replace")):
            if re.sub(rb"[^\d]", b"", match[1]).decode("ascii") in self.persons.numbers:
                self._hit(file, where, "number")
        self._writing(file, where, text)

    def _writing(self, file: str, where: str, text: str) -> None:
        """A text as it stands, and without the escapes of JSON and HTML."""
        self._words_of(file, where, text)
        if "\\u" in text:
            self._words_of(file, where, _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text))
        if "&" in text and ";" in text:
            self._words_of(file, where, html.unescape(text))

    def _words_of(self, file: str, where: str, text: str) -> None:
        words = _WORD.findall(text.casefold())
        present = set(words)
        for surname in self.persons.surnames & present:
            self._hit(file, where, f"surname of {len(surname)} letters")
        candidates = {
            phrase
            for word in present & self._first.keys()
            for phrase in self._first[word]
            if present.issuperset(phrase)
        }
        if not candidates:
            return
        joined = f" {' '.join(words)} "
        for phrase in candidates:
            if f" {' '.join(phrase)} " in joined:
                self._hit(file, where, self._kind(phrase))

    def _kind(self, phrase: tuple[str, ...]) -> str:
        if phrase in self.persons.names:
            return "name"
        return "text" if phrase in self.persons.texts else "piece of a text"

    def _value(self, file: str, where: str, value: object) -> None:
        """One value of a database that Python has as an object."""
        self.found.values += 1
        if isinstance(value, bool) or value is None:
            return
        if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
            if f"{abs(int(value)):010d}" in self.persons.numbers:
                self._hit(file, where, "number as integer")
        elif isinstance(value, bytes):
            self._blob(file, where, value)
        else:
            self.text(file, where, str(value))

    def _columns(
        self, file: str, connection: duckdb.DuckDBPyConnection, relation: str, columns: list[tuple[str, str]]
    ) -> None:
        """All values of all columns: nested ones as DuckDB prints them, whole numbers as numbers."""
        for name, kind in columns:
            where = f"{relation}, {name}"
            quoted = '"' + name.replace('"', '""') + '"'
            if re.fullmatch(r"U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|DECIMAL.*|DOUBLE|FLOAT", kind):
                chosen = f"distinct try_cast({quoted} as hugeint)"
            elif kind == "BLOB":
                chosen = f"distinct {quoted}"
            else:
                chosen = f"distinct {quoted}::varchar"
            values = [row[0] for row in connection.execute(f"select {chosen} from {relation}").fetchall()]
            self._values(file, where, values)

    def _values(self, file: str, where: str, values: Iterable[object]) -> None:
        """Many values: one look at all their texts, with a word between them, so that no two make a name."""
        values = list(values)
        texts = [value for value in values if isinstance(value, str)]
        self.found.values += len(texts)
        self.text(file, where, "\n|x|\n".join(texts))
        for value in values:
            if not isinstance(value, str):
                self._value(file, where, value)

    def _duckdb(self, path: Path) -> None:
        with duckdb.connect(str(path), read_only=True) as connection:
            for kind in ("duckdb_tables()", "duckdb_views()", "duckdb_columns()", "duckdb_types()"):
                said = connection.execute(f"select * from {kind} where database_name != 'system'").fetchall()
                self.text(str(path), kind, "\n".join(str(row) for row in said))
            # Views show what lies in Parquet files or in other databases, which are searched themselves.
            tables = connection.execute(
                "select database_name, schema_name, table_name from duckdb_tables() where not internal"
            ).fetchall()
            for database, schema, table in tables:
                columns = connection.execute(
                    "select column_name, data_type from duckdb_columns() "
                    "where database_name = ? and schema_name = ? and table_name = ?",
                    [database, schema, table],
                ).fetchall()
                self._columns(str(path), connection, f'"{database}"."{schema}"."{table}"', columns)

    def _parquet(self, path: Path) -> None:
        with duckdb.connect() as connection:
            relation = f"read_parquet('{path}')"
            columns = [(row[0], row[1]) for row in connection.execute(f"describe select * from {relation}").fetchall()]
            self._columns(str(path), connection, relation, columns)
            for kind in ("parquet_metadata", "parquet_kv_metadata"):
                said = connection.execute(f"select * from {kind}('{path}')").fetchall()
                self.text(str(path), kind, "\n".join(str(row) for row in said))

    def _sqlite(self, path: Path) -> None:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            connection.text_factory = lambda content: content.decode("utf-8", "replace")
            for name, kind, sql in connection.execute("select name, type, sql from sqlite_master").fetchall():
                self.text(str(path), "sqlite_master", f"{name} {sql}")
                if kind == "table":
                    rows = connection.execute(f'select * from "{name}"').fetchall()
                    self._values(str(path), name, {value for row in rows for value in row})


def _unpacked(content: bytes) -> Iterator[bytes]:
    """What gzip, zip or zlib have packed."""
    if content.startswith(b"\x1f\x8b"):
        with contextlib.suppress(OSError, EOFError, zlib.error):
            yield gzip.decompress(content)
    elif content.startswith(b"PK\x03\x04"):
        with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield name.encode()
                yield archive.read(name)
    elif content[:1] == b"\x78":
        with contextlib.suppress(zlib.error):
            yield zlib.decompress(content)
