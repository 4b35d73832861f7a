"""Search what would be published for persons: CPR numbers in every text, and words that nobody has declared.

Names live in the inbox alone, so no list of them can be kept to search for. The search goes the other way round: a
table whose rows descend from persons may only say what is known beforehand: texts of seeds, the values that contracts
allow, texts that stand in the models' own SQL, each whole or one after the other, and digits and single letters (codes,
periods, classes). Whatever else it says may be a name, an address or a note, and stops the release. Tables that descend
from no person hold public documents and accounts; their words are not judged, their CPR numbers are.

Databeskyttelsesloven § 11 (CPR numbers), databeskyttelsesforordningen art. 5(1)(c).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb

from include.landing.contract import Contract
from include.warehouse.marts import quoted

# Ten digits, or six and four, that begin with a day and a month. Days 61-91 are those of substitute numbers.
_CPR_DATE = "(0[1-9]|[12][0-9]|3[01]|6[1-9]|[78][0-9]|9[01])(0[1-9]|1[0-2])[0-9]{2}"
_ACCOUNT_STRING = "account_string"
# Codes of the finance system that may be ten digits long; a hyphen makes them a CPR number even there.
_LONG_CODES = frozenset({"account_alias", "voucher_number", "cost_center", "activity_number", "project_number"})
# Ids of deliveries are the first 16 or all 64 hex digits of a SHA-256: ten decimal digits in a row happen in them.
_DIGESTS = r"\b[0-9a-f]{16}\b|\b[0-9a-f]{64}\b"

_WORD = re.compile(r"[^\W\d_]{2,}")
# What a query quotes: comments and names of columns are skipped, since an apostrophe in them opens no text.
_IN_SQL = re.compile(r"--[^\n]*|/\*.*?\*/|\"(?:[^\"]|\"\")*\"|'((?:[^']|'')*)'|\$\$(.*?)\$\$", re.DOTALL)
_FIELD = re.compile(r"(\w+)\"? [A-Z]")

Words = tuple[str, ...]


@dataclass(frozen=True)
class Finding:
    """A column of `table` in which `texts` different texts tell, or may tell, of a person. Never one of them."""

    table: str
    column: str
    kind: Literal["cpr_number", "unknown_words"]
    texts: int

    def __str__(self) -> str:
        said = {
            "cpr_number": "hold what looks like a CPR number",
            "unknown_words": "say what no seed, no contract and no model says, and may be about a person",
        }
        return f"column {self.table}.{self.column}: {self.texts} different text(s) {said[self.kind]}"


class Vocabulary:
    """Texts that are known beforehand and tell of nobody."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._known: dict[str, set[Words]] = {}
        for text in texts:
            if words := _words(text):
                self._known.setdefault(words[0], set()).add(words)

    @classmethod
    def of_build(
        cls,
        connection: duckdb.DuckDBPyConnection,
        database: str,
        manifest_file: Path,
        contracts: Mapping[str, Contract],
    ) -> Vocabulary:
        """What the seeds of a build, the contracts' `allowed` and the models' compiled SQL say.

        `database` is the build's name in the connection. Raises duckdb.CatalogException if a seed is not in it.
        """
        manifest: dict[str, Any] = json.loads(manifest_file.read_text("utf-8"))
        texts = [
            value for contract in contracts.values() for column in contract.columns for value in column.allowed or ()
        ]
        for node in manifest["nodes"].values():
            if node["resource_type"] == "seed":
                relation = (database, node["schema"], node.get("alias") or node["name"])
                texts += _texts_of(connection, ".".join(quoted(name) for name in relation))
            elif node["resource_type"] in ("model", "snapshot"):
                texts += quoted_texts(node.get("compiled_code") or node.get("raw_code") or "")
        return cls(texts)

    def knows(self, text: str, more: Collection[str] = ()) -> bool:
        """True if the words of a text are known texts, or single words of `more`, one after the other."""
        words = _words(re.sub(_DIGESTS, " ", text))
        reached = {0}
        for start in range(len(words)):
            if start not in reached:
                continue
            if words[start] in more:
                reached.add(start + 1)
            for known in self._known.get(words[start], ()):
                if words[start : start + len(known)] == known:
                    reached.add(start + len(known))
        return len(words) in reached


def _words(text: str) -> Words:
    return tuple(_WORD.findall(text.casefold()))


def quoted_texts(sql: str) -> list[str]:
    """The text literals of a query, and nothing of its comments."""
    return [(found[1] or found[2] or "").replace("''", "'") for found in _IN_SQL.finditer(sql)]


def _texts_of(connection: duckdb.DuckDBPyConnection, relation: str) -> list[str]:
    columns = connection.execute(f"describe {relation}").fetchall()
    return [
        str(value)
        for name, kind, *_ in columns
        if is_text(kind)
        for (value,) in connection.execute(f"select distinct {quoted(name)} from {relation}").fetchall()
    ]


def is_text(kind: str) -> bool:
    """True for text, lists and structs with text in them, enums and JSON."""
    return any(word in kind for word in ("VARCHAR", "ENUM", "JSON"))


def text_columns(connection: duckdb.DuckDBPyConnection, database: str, schema: str) -> list[tuple[str, str, str]]:
    """Table, column and type of all texts of a schema, views included."""
    found: list[tuple[str, str, str]] = connection.execute(
        "select table_name, column_name, data_type from duckdb_columns() "
        "where database_name = ? and schema_name = ? order by table_name, column_index",
        [database, schema],
    ).fetchall()
    return [(table, name, kind) for table, name, kind in found if is_text(kind)]


def is_searched_for_cpr(column: str) -> bool:
    """False for the account string, whose form can't be told from a CPR number."""
    return column != _ACCOUNT_STRING


def search_release(
    connection: duckdb.DuckDBPyConnection,
    database: str,
    schema: str,
    *,
    about_persons: Collection[str],
    vocabulary: Vocabulary,
) -> Iterator[Finding]:
    """All that is found in the texts of `database.schema`; `about_persons` are the tables that descend from persons."""
    for table, column, kind in text_columns(connection, database, schema):
        relation = ".".join(quoted(name) for name in (database, schema, table))
        if is_searched_for_cpr(column) and (texts := _cpr_numbers(connection, relation, column)):
            yield Finding(table, column, "cpr_number", texts)
        if table in about_persons and (texts := _unknown(connection, relation, column, kind, vocabulary)):
            yield Finding(table, column, "unknown_words", texts)


def _cpr_numbers(connection: duckdb.DuckDBPyConnection, relation: str, column: str) -> int:
    """How many different texts of a column hold what looks like a CPR number.

    A number is a run of ten digits, or six, a hyphen and four, that no digit or further group continues, and that
    begins with a date. An account string has such groups in the middle of a longer chain.
    """
    hyphen = "-" if column in _LONG_CODES else "-?"
    row = connection.execute(
        f"""
        with texts as (
            select distinct regexp_replace({quoted(column)}::varchar, '{_DIGESTS}', ' ', 'g') as said
            from {relation}
            where regexp_matches({quoted(column)}::varchar, '[0-9]{{6}}-?[0-9]{{4}}')
        )
        select count(*) from texts
        where len(list_filter(
            regexp_extract_all(said, '[0-9]+(?:-[0-9]+)*'),
            lambda number : regexp_full_match(number, '{_CPR_DATE}{hyphen}[0-9]{{4}}')
        )) > 0
        """
    ).fetchone()
    assert row is not None, "an aggregate has one row"
    return int(row[0])


def _unknown(
    connection: duckdb.DuckDBPyConnection, relation: str, column: str, kind: str, vocabulary: Vocabulary
) -> int:
    """How many different texts of a column are not made of known ones.

    A list or a struct is searched as DuckDB writes it, with its fields' names and `NULL`.
    """
    fields = {word for name in _FIELD.findall(kind) for word in _words(name)} | (
        {"null"} if re.search(r"[\[(]", kind) else set()
    )
    found = connection.execute(
        f"select distinct {quoted(column)}::varchar as said from {relation} "
        f"where regexp_matches({quoted(column)}::varchar, '[^0-9 ._/:-]')"
    ).fetchall()
    return sum(not vocabulary.knows(text, fields) for (text,) in found)
