"""What a release says, as one number: independent of row order, file layout, threads and time of loading."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable

import duckdb

from include.warehouse.marts import SCHEMA, quoted


def table_digest(
    connection: duckdb.DuckDBPyConnection, catalog: str, table: str, *, without: Collection[str] = ()
) -> str:
    """A digest (64 hex) of one table of schema `marts`: names, types and order of columns, and the bag of rows.

    Each row becomes JSON (so that a missing value is not the text 'NULL' and two columns can't run into each other),
    of which 64 bits of MD5 are added up as a 128-bit integer: a sum does not depend on order, and unlike XOR it
    sees a row that occurs twice. MD5 is there for speed and spread, nobody attacks it here.
    """
    columns = connection.execute(
        "select column_name, data_type from duckdb_columns() "
        "where database_name = ? and schema_name = ? and table_name = ? order by column_index",
        [catalog, SCHEMA, table],
    ).fetchall()
    kept = [(name, kind) for name, kind in columns if name not in without]
    row = "struct_pack(" + ", ".join(f"{quoted(name)} := {quoted(name)}" for name, _ in kept) + ")"
    hashed = f"sum(md5_number_lower(to_json({row})))" if kept else "0"
    found = connection.execute(
        f"select count(*), {hashed}::varchar from {quoted(catalog)}.{SCHEMA}.{quoted(table)}"
    ).fetchone()
    assert found is not None, "an aggregate has one row"
    said = json.dumps([table, kept, found[0], found[1]], ensure_ascii=False)
    return hashlib.sha256(said.encode()).hexdigest()


def content_hash(
    connection: duckdb.DuckDBPyConnection,
    tables: Iterable[tuple[str, str]],
    *,
    load_times: Collection[str] = (),
) -> str:
    """The digest (64 hex) of all tables, given as (catalog, table), of which both may be attached databases.

    `load_times` names columns as `table.column` that are left out. The catalog is not part of the digest.
    """
    # Instants are printed in the session's zone, which is the machine's unless it is said.
    connection.execute("set TimeZone = 'UTC'")
    digests = []
    for catalog, table in tables:
        without = {name.partition(".")[2] for name in load_times if name.partition(".")[0] == table}
        digests.append(table_digest(connection, catalog, table, without=without))
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()
