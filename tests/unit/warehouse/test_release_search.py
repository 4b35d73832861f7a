"""The search of a release: CPR numbers in all their forms, and words that nobody has declared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import duckdb
import pytest

from include.demo import people
from include.landing.contract import load_contracts
from include.warehouse.build import DBT_PROJECT
from include.warehouse.release_search import Finding, Vocabulary, quoted_texts, search_release

SQL = """
-- the pupils' "classes": it's Mathilde's comment that is no text
select 'I alt' as "Mathilde's", 'klassetrin ' || grade_level /* 'Quistgaard' */ as label, 'can''t be told' as reason
"""


def number(hyphen: str = "-", day: int = 14) -> str:
    """What looks like a CPR number, computed so that none stands in the repository."""
    return f"{day:02d}03{99 - 8:02d}{hyphen}{7 * 191:04d}"


@pytest.fixture
def release(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(f"attach '{tmp_path / 'w.duckdb'}' as warehouse")
        connection.execute("create schema warehouse.marts")
        connection.execute("create schema warehouse.seeds")
        connection.execute("create table warehouse.seeds.school as select '151003' as code, 'Måløvhøj Skole' as name")
        connection.execute(
            """
            create table warehouse.marts.mart_pupils (
                label varchar, reasons varchar[], account_string varchar, account_alias varchar, pupils bigint,
                parts struct(school_name varchar, note varchar)[], kind enum ('I alt', 'Agnes')
            )
            """
        )
        connection.execute("create table warehouse.marts.dim_initiative (description varchar)")
        yield connection


@pytest.fixture
def vocabulary(release: duckdb.DuckDBPyConnection, tmp_path: Path) -> Vocabulary:
    manifest: dict[str, Any] = {
        "nodes": {
            "seed.t.school": {"resource_type": "seed", "schema": "seeds", "name": "school"},
            "model.t.m": {"resource_type": "model", "schema": "marts", "name": "m", "compiled_code": SQL},
            "test.t.x": {"resource_type": "test", "schema": "x", "name": "x", "compiled_code": "select 'Rigmor'"},
        }
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return Vocabulary.of_build(release, "warehouse", tmp_path / "manifest.json", load_contracts())


def findings(release: duckdb.DuckDBPyConnection, vocabulary: Vocabulary) -> list[Finding]:
    return list(search_release(release, "warehouse", "marts", about_persons={"mart_pupils"}, vocabulary=vocabulary))


def put(release: duckdb.DuckDBPyConnection, table: str, column: str, *values: object) -> None:
    for value in values:
        release.execute(f"insert into warehouse.marts.{table} ({column}) values (?)", [value])


KNOWN = [
    *(
        "Måløvhøj Skole",
        "151003",
        "I alt",
        "klassetrin 9",
        "MÅLØVHØJ SKOLE / I alt",
        "can't be told",
        "3.a",
        "2025/2026",
    ),
    *("Forælder", "2026-Q1", "5b1c807a603071a8", "", "A – B"),
]
UNKNOWN = [
    *("Agnes", "Agnes Quistgaard", "Quistgaard, A.", "Måløvhøj Agnes Skole", "Mathilde's", "Skole", "Rigmor"),
    *("klassetrin Ørn", "Baltorpvej 12, 2. tv.", "se journalen", "Åse", "Šarić", "5b1c807a603071ax Yıldız"),
]


@pytest.mark.parametrize("text", KNOWN)
def test_known_texts_pass(release: duckdb.DuckDBPyConnection, vocabulary: Vocabulary, text: str) -> None:
    put(release, "mart_pupils", "label", text, None)
    put(release, "mart_pupils", "reasons", [text, text])
    put(release, "mart_pupils", "parts", [{"school_name": text, "note": None}])
    put(release, "mart_pupils", "kind", "I alt")
    assert not findings(release, vocabulary)


@pytest.mark.parametrize("text", UNKNOWN)
@pytest.mark.parametrize("column", ["label", "reasons", "parts", "account_alias"])
def test_a_name_an_address_or_a_note_is_found(
    release: duckdb.DuckDBPyConnection, vocabulary: Vocabulary, column: str, text: str
) -> None:
    value = {"reasons": ["I alt", text], "parts": [{"school_name": text, "note": "I alt"}]}.get(column, text)
    put(release, "mart_pupils", column, "I alt" if value is text else None, value)
    (found,) = findings(release, vocabulary)
    assert found == Finding("mart_pupils", column, "unknown_words", 1)
    assert text not in str(found)


def test_a_name_in_an_enum_is_found_and_public_documents_may_say_what_they_like(
    release: duckdb.DuckDBPyConnection, vocabulary: Vocabulary
) -> None:
    put(release, "dim_initiative", "description", "Borgmester Agnes Quistgaard indvier skolen")
    assert not findings(release, vocabulary)
    put(release, "mart_pupils", "kind", "Agnes")
    assert findings(release, vocabulary) == [Finding("mart_pupils", "kind", "unknown_words", 1)]


NUMBERS = [
    form.format(number(hyphen, day)) for hyphen, day in product(("-", ""), (14, 74)) for form in ("{}", "({}),", "x{}y")
]


@pytest.mark.parametrize("text", NUMBERS)
@pytest.mark.parametrize(
    ("table", "column"), [("mart_pupils", "label"), ("mart_pupils", "reasons"), ("dim_initiative", "description")]
)
def test_cpr_numbers_are_found_in_tables_of_all_kinds(
    release: duckdb.DuckDBPyConnection, vocabulary: Vocabulary, table: str, column: str, text: str
) -> None:
    put(release, table, column, [text] if column == "reasons" else text)
    assert findings(release, vocabulary) == [Finding(table, column, "cpr_number", 1)]


def test_accounts_are_no_cpr_numbers(release: duckdb.DuckDBPyConnection, vocabulary: Vocabulary) -> None:
    put(release, "mart_pupils", "account_string", number(), "003382-7-0101011234-12", "003887-322011999-02562-409--")
    put(release, "mart_pupils", "account_alias", number(""))
    put(release, "mart_pupils", "label", number() + "-1", number("") + "0", "ab" + number("") + "cdef")
    assert not findings(release, vocabulary)
    put(release, "mart_pupils", "account_alias", number(), number(day=74))
    assert findings(release, vocabulary) == [Finding("mart_pupils", "account_alias", "cpr_number", 2)]


def test_comments_and_names_of_columns_are_no_texts_of_a_query() -> None:
    assert [text for text in quoted_texts(SQL) if text] == ["I alt", "klassetrin ", "can't be told"]
    assert quoted_texts("select $$it's$$, 'b'") == ["it's", "b"]


def test_no_name_is_made_of_the_words_of_the_project(tmp_path: Path) -> None:
    """Of all seeds, contracts and models: single words that are names too (Storm, Holm) make no whole name."""
    nodes: dict[str, Any] = {}
    with duckdb.connect() as connection:
        connection.execute("create schema seeds")
        for seed in sorted((DBT_PROJECT / "seeds").glob("*.csv")):
            connection.execute(f"create table seeds.{seed.stem} as from read_csv('{seed}', all_varchar = true)")
            nodes[seed.stem] = {"resource_type": "seed", "schema": "seeds", "name": seed.stem}
        for model in sorted((DBT_PROJECT / "models").rglob("*.sql")):
            nodes[f"m {model}"] = {"resource_type": "model", "raw_code": model.read_text("utf-8")}
        (tmp_path / "manifest.json").write_text(json.dumps({"nodes": nodes}), "utf-8")
        known = Vocabulary.of_build(connection, "memory", tmp_path / "manifest.json", load_contracts())
    assert known.knows("Baltorpskolen")
    first = [*people.GIRLS, *people.BOYS]
    assert not [pair for pair in product(first, people.SURNAMES) if known.knows(" ".join(pair))]
    # The name of a month, which is a text of its own.
    assert [name for name in first if known.knows(name)] == ["August"]
