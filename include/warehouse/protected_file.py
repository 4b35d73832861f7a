"""The file that every BI user reads: each mart with its published figures, and what is withheld named as such."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import duckdb
import numpy as np
import pandas as pd

from include.warehouse.cells import FEWEST, Rows, System
from include.warehouse.disclosure import HIDDEN_COLUMNS, Declaration
from include.warehouse.marts import SCHEMA, literal, quoted
from include.warehouse.round5 import Told, Values, settle

_CELLS = ("count", "amount", "sum", "mean")


def write(
    connection: duckdb.DuckDBPyConnection,
    catalog: str,
    declarations: Mapping[str, Declaration],
    system: System,
    values: Values,
) -> None:
    """Make every declared table in schema `marts` of an attached, empty catalog, from the build and the values."""
    connection.execute(f"create schema if not exists {quoted(catalog)}.{SCHEMA}")
    for table, declaration in declarations.items():
        target = f"{quoted(catalog)}.{SCHEMA}.{quoted(table)}"
        connection.execute("begin")
        if declaration.mode == "public":
            rows = " or ".join(f"({part.rows})" for part in declaration.parts)
            connection.execute(f"create table {target} as from warehouse.{SCHEMA}.{quoted(table)} where {rows}")
        else:
            queries = []
            for number, part in enumerate(declaration.parts, 1):
                if part.mode == "public":
                    queries.append(_public_part(connection, table, part.rows, declaration))
                else:
                    rows_of = next(one for one in system.rows if one.table == table and one.number == number)
                    queries.append(_protected_part(connection, rows_of, system, values, declaration))
            connection.execute(f"create table {target} as " + " union all by name ".join(queries))
        connection.execute("commit")


def _public_part(connection: duckdb.DuckDBPyConnection, table: str, rows: str, declaration: Declaration) -> str:
    kept = [
        name
        for (name,) in connection.execute(
            "select column_name from duckdb_columns() where database_name = 'warehouse' and schema_name = ? "
            "and table_name = ? order by column_index",
            [SCHEMA, table],
        ).fetchall()
        if name not in declaration.left_out
    ]
    return (
        f"(select {', '.join(quoted(name) for name in kept)}, false as is_hidden, []::varchar[] as hidden_columns "
        f"from warehouse.{SCHEMA}.{quoted(table)} where {rows})"
    )


def _protected_part(
    connection: duckdb.DuckDBPyConnection, rows: Rows, system: System, values: Values, declaration: Declaration
) -> str:
    """SQL of one part: published cells, then rates of them, then expressions over both."""
    part = rows.part
    cells = quoted(f"{rows.table}__{rows.number}__published")
    connection.register("published_cells", _frame(rows, system, values))
    connection.execute(f"create or replace temp table {cells} as from published_cells")
    connection.unregister("published_cells")
    kept = {name: kind for name, kind in rows.types.items() if name not in declaration.left_out}
    first, second = ["e.__row"], ["*"]
    third: list[str] = []
    for name in rows.types:
        figure = part.columns[name]
        kind = rows.types[name]
        if figure.kind in _CELLS:
            first += [f"c.{quoted(name)}::{kind} as {quoted(name)}", f"c.{quoted('hidden ' + name)}"]
        elif figure.kind == "copied":
            first.append(f"e.{quoted(name)}")
        elif figure.kind == "left_out":
            # Other parts of the mart have it.
            first.append(f"null::{kind} as {quoted(name)}")
    for name, figure in part.of_kind("rate").items():
        number, of = (quoted(one) for one in figure.of)
        second += _computed(name, f"case when {of} <> 0 then {number} / {of} end", rows)
    for name, figure in part.of_kind("expression").items():
        third += _computed(name, str(figure.expression), rows)
    hidden = ", ".join(
        f"case when {quoted('hidden ' + name)} then {literal(name)} end"
        for name in kept
        if _can_be_withheld(rows, name)
    )
    named = f"list_filter([{hidden}], lambda name : name is not null)" if hidden else "[]"
    counted = [name for name in kept if part.columns[name].kind in _CELLS]
    zeros = " and ".join(f"coalesce({quoted(name)}, 0) = 0" for name in counted)
    only = f"not ({zeros})" if part.sparse else "true"
    names = ", ".join(quoted(name) for name in kept)
    return (
        f"(select {names}, len({named}) > 0 as is_hidden, {named}::varchar[] as hidden_columns from "
        f"(select {', '.join(['*', *third])} from (select {', '.join(second)} from "
        f"(select {', '.join(first)} from {rows.source} e join {cells} c using (__row)))) where {only})"
    )


def _computed(name: str, value: str, rows: Rows) -> Iterator[str]:
    """A computed column and whether it is withheld.

    It is where the published count behind it is under ten or a figure of which it is made is withheld. The mart's own
    figure has no part in that: that it has none, or has none any more, may tell that nobody is there.
    """
    figure = rows.part.columns[name]
    reasons = [f"coalesce({quoted('hidden ' + one)}, false)" for one in figure.of if _can_be_withheld(rows, one)]
    if figure.n:
        reasons.append(f"coalesce({quoted(figure.n)} < {FEWEST}, false)")
    is_withheld = " or ".join(reasons) or "false"
    yield f"case when not ({is_withheld}) then ({value})::{rows.types[name]} end as {quoted(name)}"
    yield f"({is_withheld}) as {quoted('hidden ' + name)}"


def _can_be_withheld(rows: Rows, name: str) -> bool:
    return rows.part.columns[name].kind not in {"copied", "left_out"}


def _frame(rows: Rows, system: System, values: Values) -> pd.DataFrame:
    """Per row the published value of every cell column, and whether it is withheld."""
    size = len(rows.keys)
    found: dict[str, object] = {"__row": np.arange(size)}
    for name, block in rows.blocks.items():
        there = block.cells >= 0
        published = np.full(size, np.nan)
        withheld = np.zeros(size, bool)
        published[there] = values.published[block.cells[there]]
        withheld[there] = values.hidden[block.cells[there]]
        if block.figure.n:
            # That the mart has nothing where few are behind it may tell that nobody is there.
            behind = rows.blocks[block.figure.n].cells
            counted = np.where(behind >= 0, values.published[behind], np.nan)
            withheld |= ~there & (counted < FEWEST)
        published[withheld] = np.nan
        # Published values are whole or have one to three decimals: as text they become any decimal exactly.
        found[name] = pd.array([None if np.isnan(one) else f"{one:.6f}" for one in published], dtype="string")
        found["hidden " + name] = withheld
    return pd.DataFrame(found)


def read_values(
    connection: duckdb.DuckDBPyConnection,
    catalog: str,
    system: System,
    held: Mapping[int, Told],
) -> Values:
    """What a protected file says of the finest cells and means; totals follow from them. NaN where it says nothing."""
    size = len(system.exact)
    published, hidden, told_of = np.full(size, np.nan), np.zeros(size, bool), np.zeros(size, bool)
    for rows in system.rows:
        there = _described(connection, catalog, rows.table)
        names = [name for name in rows.blocks if name in there]
        if not names or HIDDEN_COLUMNS[1] not in there:
            continue
        on = " and ".join(f"p.{quoted(name)} is not distinct from e.{quoted(name)}" for name in rows.part.grid)
        figures = ", ".join(
            f"p.{quoted(name)}::double as {quoted(name)}, "
            f"list_contains(p.hidden_columns, {literal(name)}) as {quoted('hidden ' + name)}"
            for name in names
        )
        found = connection.execute(
            f"select e.__row, {figures} from {rows.source} e "
            f"join {quoted(catalog)}.{SCHEMA}.{quoted(rows.table)} p on {on} order by 1"
        ).fetchnumpy()
        places = np.asarray(found["__row"], np.int64)
        for name in names:
            cells = rows.blocks[name].cells[places]
            inside = cells >= 0
            published[cells[inside]] = np.asarray(np.ma.filled(found[name], np.nan), np.float64)[inside]
            hidden[cells[inside]] = np.asarray(np.ma.filled(found["hidden " + name], fill_value=False), bool)[inside]
            told_of[cells[inside]] = True
        if rows.part.sparse:
            for block in rows.blocks.values():
                left = block.cells[(block.cells >= 0)]
                left = left[~told_of[left]]
                published[left] = 0
                hidden[left] = [int(cell) in system.amount_n for cell in left]
    return settle(system, published, hidden, held)


def differences(
    connection: duckdb.DuckDBPyConnection, catalog: str, expected: str, declarations: Mapping[str, Declaration]
) -> Iterator[str]:
    """Where a protected file is not what the rules make of the build: table and column, never a value."""
    for table in declarations:
        there = _described(connection, catalog, table)
        wanted = _described(connection, expected, table)
        if not there:
            yield f"table {table}: it is not in the protected file"
            continue
        for name in sorted(set(there) ^ set(wanted)):
            what = "is in the protected table and should not be" if name in there else "is missing"
            yield f"column {table}.{name}: {what}"
        common = [name for name in wanted if name in there]
        for name in common:
            if there[name] != wanted[name]:
                yield f"column {table}.{name}: its type is not the mart's"
        yield from _rows_that_differ(connection, table, catalog, expected, common, declarations[table])
    known = set(declarations)
    for (table,) in connection.execute(
        "select table_name from duckdb_tables() where database_name = ? union "
        "select view_name from duckdb_views() where database_name = ? and not internal",
        [catalog, catalog],
    ).fetchall():
        if table not in known:
            yield f"table {table}: no model declares it, and it is in the protected file"


def _described(connection: duckdb.DuckDBPyConnection, catalog: str, table: str) -> dict[str, str]:
    return dict(
        connection.execute(
            "select column_name, data_type from duckdb_columns() where database_name = ? and schema_name = ? "
            "and table_name = ? order by column_index",
            [catalog, SCHEMA, table],
        ).fetchall()
    )


def _rows_that_differ(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    catalog: str,
    expected: str,
    common: list[str],
    declaration: Declaration,
) -> Iterator[str]:
    if not common:
        return
    names = ", ".join(quoted(name) for name in common)
    one, other = (f"select {names} from {quoted(place)}.{SCHEMA}.{quoted(table)}" for place in (catalog, expected))
    row = connection.execute(
        f"select (select count(*) from ({one} except all {other})), (select count(*) from ({other} except all {one}))"
    ).fetchone()
    assert row is not None, "an aggregate has one row"
    if row == (0, 0):
        return
    grid = [name for name in (declaration.parts[0].grid or ()) if name in common]
    told = False
    if grid:
        on = " and ".join(f"a.{quoted(name)} is not distinct from b.{quoted(name)}" for name in grid)
        for name in [name for name in common if name not in grid]:
            found = connection.execute(
                f"select count(*) from {quoted(catalog)}.{SCHEMA}.{quoted(table)} a "
                f"join {quoted(expected)}.{SCHEMA}.{quoted(table)} b on {on} "
                f"where a.{quoted(name)} is distinct from b.{quoted(name)}"
            ).fetchone()
            if found and found[0]:
                told = True
                yield f"column {table}.{name}: {found[0]} cell(s) are not what the published rules make of it"
    if not told:
        yield f"table {table}: {max(row)} row(s) are not what the published rules make of it"
