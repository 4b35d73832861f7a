"""The disclosure gate, as far as exact figures go: who may read a mart, and that no mart holds a person.

Until figures about persons are rounded, a mart whose rows descend from a dataset about persons must be declared
`restricted`; it then goes into `restricted/warehouse.duckdb` alone. Databeskyttelsesloven § 11 (CPR numbers),
databeskyttelsesforordningen art. 5(1)(c) and 32.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

from include.errors import WarehouseError
from include.landing.contract import Contract, load_contracts
from include.settings import Settings
from include.warehouse.database import connect
from include.warehouse.marts import SCHEMA, Mart, literal, quoted, read_marts
from include.warehouse.release_search import Vocabulary, is_searched_for_cpr, search_release, text_columns
from include.warehouse.run_folder import RunFolder

SENSITIVITIES = ("public", "restricted")
"""What a mart's `meta.sensitivity` may say: every BI user, or named roles only."""

METADATA = frozenset({"deliveries", "datasets", "landing"})
"""Landing's tables that tell of deliveries and datasets, not of persons."""

DELIVERY_COUNTS = frozenset({"row_count", "landed_count", "quarantined_count"})
"""Rows of a delivery: one referral tonight is one child, so they are for the engineers only."""

_log = logging.getLogger(__name__)

_INTEGERS = ("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UHUGEINT")
# Person keys are random 32-bit numbers, counts and years are small: above this, a hit is no chance.
_SMALLEST_TELLING_KEY = 1 << 20
_FEWEST_HITS = 3
_SMALLEST_SHARE = 0.01


class DisclosureFound(WarehouseError):
    """A release that would tell about persons. The reason names tables and columns, never a value."""


@dataclass(frozen=True)
class ProtectReport:
    """What was checked: tables by who may read them, and the columns whose values were searched, `table.column`."""

    run_id: str
    public: tuple[str, ...]
    restricted: tuple[str, ...]
    searched_for_cpr: tuple[str, ...]
    searched_for_words: tuple[str, ...]
    searched_for_keys: tuple[str, ...]


def protect(settings: Settings, run_id: str, *, contracts: Mapping[str, Contract] | None = None) -> ProtectReport:
    """Check all marts of a run's build and write `staging/<run_id>/operations/protection.json`.

    Raises DisclosureFound that names all that was found, and WarehouseError if the run has no finished build.
    """
    contracts = load_contracts() if contracts is None else contracts
    folder = RunFolder.of(settings, run_id)
    folder.inputs()
    marts = read_marts(folder.manifest_file)
    # The build's views name its catalog, `warehouse`, and landing's, `landing`.
    with connect(None, scratch=folder.scratch, settings=settings) as connection:
        connection.execute(f"attach {literal(str(folder.build_file))} as warehouse (read_only)")
        connection.execute(f"attach {literal(str(folder.landing_file))} as landing (read_only)")
        columns = _columns(connection)
        found = [*_undeclared(marts, columns), *_exposed(marts, contracts), *_named_like_persons(columns, contracts)]
        found += _delivery_counts(marts, columns)
        about_persons = {name for name, contract in contracts.items() if contract.about_persons}
        texts = [(table, name) for table, name, _ in text_columns(connection, "warehouse", SCHEMA)]
        from_persons = {name for name, mart in marts.items() if (mart.sources | mart.mentions) & about_persons}
        words = Vocabulary.of_build(connection, "warehouse", folder.manifest_file, contracts)
        said = search_release(connection, "warehouse", SCHEMA, about_persons=from_persons, vocabulary=words)
        found += map(str, said)
        key_columns = [(table, name) for table, name, kind in columns if kind in _INTEGERS or kind == "VARCHAR"]
        found += _person_keys(connection, key_columns, contracts)
    report = ProtectReport(
        run_id=folder.run_id,
        public=tuple(name for name, mart in marts.items() if mart.sensitivity == "public"),
        restricted=tuple(name for name, mart in marts.items() if mart.sensitivity == "restricted"),
        searched_for_cpr=tuple(f"{table}.{name}" for table, name in texts if is_searched_for_cpr(name)),
        searched_for_words=tuple(f"{table}.{name}" for table, name in texts if table in from_persons),
        searched_for_keys=tuple(f"{table}.{name}" for table, name in key_columns),
    )
    _write(folder.operations / "protection.json", report, found)
    if found:
        raise DisclosureFound(
            f"{len(found)} finding(s), nothing is published:\n- " + "\n- ".join(found) + "\n",
            where=f"schema {SCHEMA}",
            remedy="declare the mart `sensitivity: restricted` in its model's meta, or take the column out of it; "
            "a word that names a thing (a new team, a new school) belongs into the seed that lists such things",
        )
    _log.info("disclosure gate: %d public and %d restricted marts", len(report.public), len(report.restricted))
    return report


def _write(file: Path, report: ProtectReport, found: list[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    content = {**asdict(report), "is_passed": not found, "findings": found}
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False), "utf-8")


def _columns(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    """Table, column and type of all that stands in schema `marts`, views included."""
    found: list[tuple[str, str, str]] = connection.execute(
        "select table_name, column_name, data_type from duckdb_columns() "
        "where database_name = 'warehouse' and schema_name = ? order by table_name, column_index",
        [SCHEMA],
    ).fetchall()
    return found


def _undeclared(marts: Mapping[str, Mart], columns: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    """Every table of the schema is a model's, and every model says who may read it."""
    built = {table for table, _, _ in columns}
    for table in sorted(built - set(marts)):
        yield f"table {table}: no model of the project makes it"
    for name in sorted(set(marts) - built):
        yield f"table {name}: the project has a model for it, the build has not"
    for mart in marts.values():
        if mart.sensitivity not in SENSITIVITIES:
            yield f"table {mart.name} ({mart.file}): its model does not say `meta.sensitivity` public or restricted"


def _exposed(marts: Mapping[str, Mart], contracts: Mapping[str, Contract]) -> Iterator[str]:
    """No public mart has rows that descend from a dataset about persons, or from where nobody knows."""
    about_persons = {name for name, contract in contracts.items() if contract.about_persons}
    for mart in marts.values():
        if mart.sensitivity == "restricted":
            continue
        if persons := sorted((mart.sources | mart.mentions) & about_persons):
            yield f"table {mart.name} ({mart.file}): descends from {', '.join(persons)}, about persons, and is public"
        if unknown := sorted(mart.sources - set(contracts) - METADATA):
            yield f"table {mart.name} ({mart.file}): descends from {', '.join(unknown)}, which has no contract"
        if mart.reads_outside:
            models = ", ".join(sorted(mart.reads_outside))
            yield f"table {mart.name} ({mart.file}): {models} reads files itself, which no lineage knows"


def _named_like_persons(columns: Iterable[tuple[str, str, str]], contracts: Mapping[str, Contract]) -> Iterator[str]:
    """No column, and no field of a struct, has a name of a person key or of a column that never lands."""
    keys = {column.name for contract in contracts.values() for column in contract.person_columns}
    names = "|".join(sorted({re.escape(key) for key in keys} | {"person_key"}))
    pattern = re.compile(rf"(?:^|[^a-z])(?:\w*(?:{names})\w*|(?:\w+_)?(?:cpr|personnummer)(?:_\w+)?)(?:[^a-z]|$)")
    for table, name, kind in columns:
        if pattern.search(name.lower()):
            yield f"column {table}.{name}: has the name of a person's key or number"
        elif pattern.search(kind.lower()):
            yield f"column {table}.{name}: has a field with the name of a person's key or number"


def _delivery_counts(marts: Mapping[str, Mart], columns: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    """No public mart tells how many rows a delivery had."""
    for table, name, _ in columns:
        mart = marts.get(table)
        if mart and mart.sensitivity != "restricted" and "deliveries" in mart.sources and name in DELIVERY_COUNTS:
            yield f"column {table}.{name}: the rows of one delivery, which may be about one person, in a public table"


def _person_keys(
    connection: duckdb.DuckDBPyConnection, columns: list[tuple[str, str]], contracts: Mapping[str, Contract]
) -> Iterator[str]:
    """Numbers that are person keys, whatever the column is called now.

    Keys are random among four billion, so numbers that are among them by chance are rare; a column is one of keys if
    at least three of its large numbers, and one in a hundred of them, are keys (or all, where there are fewer).
    """
    landed = [
        f"select {quoted(column.name)}::ubigint as person from landing.main.{quoted(contract.dataset)}"
        for contract in contracts.values()
        for column in contract.person_columns
    ]
    if not landed or not columns:
        return
    connection.execute(
        f"create or replace temp table person as select distinct person from ({' union all '.join(landed)}) "
        f"where person >= {_SMALLEST_TELLING_KEY}"
    )
    for table, name in columns:
        row = connection.execute(
            f"""
            with numbers as (
                select distinct try_cast({quoted(name)} as ubigint) as number
                from warehouse.{SCHEMA}.{quoted(table)}
            )
            select count(*), count(person) from numbers left join person on person = number
            where number >= {_SMALLEST_TELLING_KEY}
            """
        ).fetchone()
        assert row is not None, "an aggregate has one row"
        numbers, hits = row
        if hits >= min(_FEWEST_HITS, numbers) and hits and hits >= numbers * _SMALLEST_SHARE:
            yield f"column {table}.{name}: its numbers are keys of persons"
