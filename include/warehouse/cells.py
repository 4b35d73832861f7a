"""The figures of all marts about persons as one system of cells: what each is, and which are sums of which.

A cell is one figure of one published row. The finest cells are rounded; every other one is a sum of them. Cells that
are the same figure in several marts (the same values under the same periods) are one cell, so that all marts over the
same persons share one rounding without saying so.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd

from include.errors import WarehouseError
from include.warehouse.disclosure import Declaration, Figure, Part, last_full_month
from include.warehouse.marts import SCHEMA, literal, quoted

Key = tuple[str, str, str]
"""Table, column and row key (JSON of the grid) of a cell."""

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

FEWEST = 10
"""Rates, means, days and money need so many persons, by the published count."""

LARGEST_SHARE_OF_TWO = 0.85
"""Days and money of which two persons hold more than this are withheld (the dominance rule of official statistics)."""

_FEWEST_PERIODS = 3
_MANY_PERIODS = 5
_TELLING = 20
_TELLING_IN_MANY = 5


@dataclass
class Rows:
    """The published rows of one part of a mart, and the temporary table that holds their exact figures."""

    table: str
    number: int
    part: Part
    types: dict[str, str]
    keys: list[str]
    is_one_of_several: bool = False
    blocks: dict[str, Block] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """The temporary table: the mart's columns and `__row`."""
        return quoted(f"{self.table}__{self.number}")


@dataclass
class Block:
    """The cells of one column of one part: `cells` by row, -1 where the mart has no figure."""

    rows: Rows
    column: str
    figure: Figure
    cells: Integers


@dataclass
class System:
    """All cells of a run.

    `exact`, `step`, `same` (the first cell of those that are one figure), `block` and `row` go by cell; `step` is 1 for
    means, which are no sums. `parts` has the finest cells of every total, `lines` what else must hold.
    """

    rows: list[Rows]
    blocks: list[Block]
    exact: Floats
    step: Integers
    block: Integers
    row: Integers
    same: Integers
    parts: dict[int, Integers]
    amount_n: dict[int, int]
    two_persons: Floats
    is_as_before: Flags
    relations: list[tuple[list[int], str, list[int]]]
    known: list[int]

    @property
    def amount_cells(self) -> set[int]:
        """Days and money, and sums of them: what stands on a count of persons, but no mean."""
        return {int(self.same[cell]) for cell in self.amount_n if self.step[cell] > 1} | {
            cell for cell in self.amount_n if self.step[cell] > 1
        }

    def key(self, cell: int) -> Key:
        """Table, column and row key (JSON of the grid), under which the registry knows a cell."""
        block = self.blocks[self.block[cell]]
        return block.rows.table, block.column, block.rows.keys[self.row[cell]]

    def expand(self, cells: Iterable[int]) -> list[int]:
        """The finest cells that some cells are sums of, or are."""
        return [int(one) for cell in cells for one in self.parts.get(cell, self.same[cell : cell + 1])]

    def column(self, cell: int) -> tuple[str, str]:
        """Table and column of a cell."""
        block = self.blocks[self.block[cell]]
        return block.rows.table, block.column

    @property
    def finest(self) -> Integers:
        """The cells that are rounded: neither sums nor another name for a cell, and no means."""
        single = [int(self.same[c]) for c in range(len(self.exact)) if c not in self.parts and self.step[c] > 1]
        return np.unique(np.concatenate([np.array(single, np.int64), *self.parts.values()]))


def load(
    connection: duckdb.DuckDBPyConnection,
    declarations: Mapping[str, Declaration],
    *,
    as_of: str,
    held: Collection[Key] = (),
    before: Path | None = None,
) -> System:
    """The system of a build that is attached as `warehouse`. Raises WarehouseError for a condition that is no SQL.

    `held` are the cells that were published this month: what is new beside them waits for the next month, and one of
    which the mart has no figure any more stays a cell, of nobody. A row that the mart has no more comes from the
    release `before`, whose exact file also tells which figures are as they were.
    """
    through = last_full_month(dt.date.fromisoformat(as_of)).isoformat()
    loader = _Loader(connection, through, held)
    attached = []
    for name, file in (("published_now", "warehouse.duckdb"), ("exact_now", "restricted/warehouse.duckdb")):
        if before is not None and (before / file).is_file():
            connection.execute(f"attach {literal(str(before / file))} as {name} (read_only)")
            attached.append(name)
    loader.has_before, loader.has_exact = bool(held) and "published_now" in attached, "exact_now" in attached
    try:
        return loader.load(declarations)
    finally:
        for name in attached:
            connection.execute(f"detach {name}")


class _Loader:
    def __init__(self, connection: duckdb.DuckDBPyConnection, through: str, held: Collection[Key]) -> None:
        self.connection = connection
        self.through = through
        self.has_before = False
        self.has_exact = False
        self.held_rows: dict[str, set[str]] = defaultdict(set)
        self.held_columns: dict[tuple[str, str], set[str]] = defaultdict(set)
        for table, column, key in held:
            self.held_rows[table].add(key)
            self.held_columns[table, column].add(key)
        self.rows: list[Rows] = []
        self.blocks: list[Block] = []
        self.exact: list[Floats] = []
        self.size = 0
        self.parts: dict[int, list[int]] = {}
        self.amount_n: dict[int, int] = {}
        self.two_persons: list[Floats] = []
        self.is_as_before: list[Flags] = []
        self.series: list[tuple[int, str, str, str]] = []
        self.relations: list[tuple[list[int], str, list[int]]] = []
        self.known: list[int] = []

    def load(self, declarations: Mapping[str, Declaration]) -> System:
        for table, declaration in declarations.items():
            for number, part in enumerate(declaration.parts, 1):
                if part.mode == "round5":
                    self._load_part(table, number, part, is_one_of_several=len(declaration.parts) > 1)
        block = np.full(self.size, -1, np.int64)
        row = np.full(self.size, -1, np.int64)
        step = np.ones(self.size, np.int64)
        for number, one in enumerate(self.blocks):
            places = np.flatnonzero(one.cells >= 0)
            cells = one.cells[places]
            block[cells], row[cells] = number, places
            step[cells] = {"amount": one.figure.step, "mean": 1}.get(one.figure.kind, 5)
        exact = np.concatenate([np.empty(0), *self.exact])
        for cell, parts in self.parts.items():
            step[cell] = step[parts[0]]
        # Days are never one figure with pupils, however equal: they are withheld for other reasons.
        kind = step.copy()
        kind[list(self.amount_n)] *= -1
        same = _same(self.series, exact, kind)
        by_root: dict[int, int] = {}
        for whole in self.parts:
            # One figure that is a sum in two marts: the same persons divided in two ways.
            if (first := by_root.setdefault(int(same[whole]), whole)) != whole:
                self.relations.append(([first], "=", [whole]))
        return System(
            rows=self.rows,
            blocks=self.blocks,
            exact=exact,
            step=step,
            block=block,
            row=row,
            same=same,
            parts=_finest(self.parts, same),
            amount_n=self.amount_n,
            two_persons=np.concatenate([np.empty(0), *self.two_persons]),
            is_as_before=np.concatenate([np.empty(0, bool), *self.is_as_before]),
            relations=self.relations,
            known=self.known,
        )

    def _load_part(self, table: str, number: int, part: Part, *, is_one_of_several: bool) -> None:
        types: dict[str, str] = dict(
            self.connection.execute(
                "select column_name, data_type from duckdb_columns() where database_name = 'warehouse' "
                "and schema_name = ? and table_name = ? order by column_index",
                [SCHEMA, table],
            ).fetchall()
        )
        rows = Rows(table, number, part, types, [], is_one_of_several)
        through = f"coalesce(({part.through}) <= date '{self.through}', true)" if part.through else "true"
        grid = ", ".join(quoted(name) for name in part.grid)
        self._run(
            rows,
            f"create or replace temp table {rows.source} as "
            f"select row_number() over (order by {grid}) - 1 as __row, * "
            f"from warehouse.{SCHEMA}.{quoted(table)} where ({part.rows}) and {through}",
        )
        key = _json(sorted(part.grid))
        # After a change of the grid, what was published under another one holds nothing.
        if waiting := {one for one in self.held_rows[table] if json.loads(one).keys() == set(part.grid)}:
            self._keep(rows, key, waiting)
        period = f"{quoted(part.period)}::varchar" if part.period else "null"
        municipality = "municipality_code" if "municipality_code" in types else "null"
        found = self._run(
            rows,
            f"select {key}, {_json([name for name in part.grid if name != part.period])}, {period}, {municipality} "
            f"from {rows.source} order by __row",
        ).fetchall()
        rows.keys = [one[0] for one in found]
        if len(set(rows.keys)) != len(rows.keys):
            raise WarehouseError(
                "rows of the mart are not told apart by its grid",
                where=f"table {table}",
                remedy="name in `meta.discloses.grid` every column that tells published rows apart, or fewer `rows`",
            )
        self.rows.append(rows)
        for name, figure in part.of_kind("count", "amount", "sum", "mean").items():
            self._load_column(rows, name, figure)
        for name, block in rows.blocks.items():
            if block.figure.kind == "mean" or part.period is None:
                continue
            self.series += [
                (int(block.cells[place]), f"{table}|{number}|{name}|{one[1]}", str(one[2]), str(one[3]))
                for place, one in enumerate(found)
                if block.cells[place] >= 0
            ]
        self._load_sums(rows)
        self._load_totals(rows)
        self._load_amounts(rows)
        self._load_relations(rows)

    def _keep(self, rows: Rows, key: str, held: set[str]) -> None:
        """The rows that were published this month; those that the mart has no more, as they stand in the release."""
        self.connection.register("held_rows", pd.DataFrame({"row_key": pd.array(sorted(held), dtype="string")}))
        grid = ", ".join(quoted(name) for name in rows.part.grid)
        exact, kept = rows.source, quoted(f"{rows.table}__{rows.number}__kept")
        self._run(
            rows,
            f"create or replace temp table {kept} as select * exclude (__row) from {exact} "
            f"where {key} in (select row_key from held_rows)",
        )
        published = self._columns_of("published_now", rows.table) if self.has_before else set()
        if names := [name for name in rows.types if name in published]:
            # Only where the part's rows are told by what is published of them.
            self._run(
                rows,
                f"insert into {kept} by name select {', '.join(map(quoted, names))} "
                f"from published_now.{SCHEMA}.{quoted(rows.table)} where {key} in (select row_key from held_rows) "
                f"and {key} not in (select {key} from warehouse.{SCHEMA}.{quoted(rows.table)})"
                + (f" and ({rows.part.rows})" if rows.is_one_of_several else ""),
            )
        self._run(
            rows,
            f"create or replace temp table {exact} as select row_number() over (order by {grid}) - 1 as __row, * "
            f"from {kept}",
        )
        self.connection.unregister("held_rows")

    def _columns_of(self, catalog: str, table: str) -> set[str]:
        return {
            name
            for (name,) in self.connection.execute(
                "select column_name from duckdb_columns() "
                "where database_name = ? and schema_name = ? and table_name = ?",
                [catalog, SCHEMA, table],
            ).fetchall()
        }

    def _run(self, rows: Rows, sql: str) -> duckdb.DuckDBPyConnection:
        try:
            return self.connection.execute(sql)
        except duckdb.Error as error:
            # DuckDB's message may quote a value; its first words tell what kind of fault it is.
            kind = type(error).__name__
            raise WarehouseError(
                f"a condition of its declaration can't be run ({kind})",
                where=f"table {rows.table}, part {rows.number}",
                remedy="correct rows, parts or through in `meta.discloses`; they are SQL over the mart's own columns",
            ) from None

    def _load_column(self, rows: Rows, name: str, figure: Figure) -> None:
        value = f"round({quoted(name)}, {figure.decimals})" if figure.kind == "mean" else quoted(name)
        fetched = self._run(rows, f"select {value}::double as v from {rows.source} order by __row").fetchnumpy()["v"]
        found = np.ma.array(fetched, np.float64)
        missing = np.ma.getmaskarray(found) | np.isnan(np.ma.filled(found, np.nan))
        if (waiting := self.held_columns[rows.table, name]) and not waiting.isdisjoint(rows.keys):
            missing = np.array([key not in waiting for key in rows.keys], bool)
        cells = np.full(len(found), -1, np.int64)
        there = np.flatnonzero(~missing)
        cells[there] = np.arange(self.size, self.size + len(there))
        self.exact.append(np.nan_to_num(np.ma.filled(found, 0.0))[there])
        self.two_persons.append(np.full(len(there), np.nan))
        self.is_as_before.append(self._as_before(rows, name, value)[there])
        self.size += len(there)
        block = Block(rows, name, figure, cells)
        rows.blocks[name] = block
        self.blocks.append(block)

    def _as_before(self, rows: Rows, name: str, value: str) -> Flags:
        """By row whether the figure is the one that the published release has in its exact file."""
        if not self.has_exact or not {name, *rows.part.grid} <= self._columns_of("exact_now", rows.table):
            return np.zeros(len(rows.keys), bool)
        on = " and ".join(f"e.{quoted(one)} is not distinct from b.{quoted(one)}" for one in rows.part.grid)
        table = f"exact_now.{SCHEMA}.{quoted(rows.table)}"
        found = self._run(
            rows,
            f"select e.__row as r from (select __row, {', '.join(map(quoted, rows.part.grid))}, {value} as v "
            f"from {rows.source}) e join (select {', '.join(map(quoted, rows.part.grid))}, {value} as v from {table} "
            f"where {rows.part.rows}) b on {on} where e.v = b.v",
        ).fetchnumpy()["r"]
        same = np.zeros(len(rows.keys), bool)
        same[np.asarray(found, np.int64)] = True
        return same

    def _load_sums(self, rows: Rows) -> None:
        for block in rows.blocks.values():
            if block.figure.kind == "sum":
                for place in np.flatnonzero(block.cells >= 0):
                    of = [int(rows.blocks[name].cells[place]) for name in block.figure.of]
                    self._is_sum(int(block.cells[place]), [cell for cell in of if cell >= 0])

    def _load_totals(self, rows: Rows) -> None:
        for total in rows.part.totals:
            found = self._run(
                rows,
                f"select total.__row as t, part.__row as p from (select * from {rows.source} where {total.rows}) total "
                f"join {rows.source} part on ({total.parts}) order by 1, 2",
            ).fetchnumpy()
            columns = total.columns or {name: name for name in rows.part.of_kind("count", "amount")}
            edges = np.asarray(found["t"], np.int64), np.asarray(found["p"], np.int64)
            for name, of in columns.items():
                wholes, parts = rows.blocks[name].cells[edges[0]], rows.blocks[of].cells[edges[1]]
                gathered: dict[int, list[int]] = defaultdict(list)
                for whole, part in zip(wholes.tolist(), parts.tolist(), strict=True):
                    if whole >= 0 and part >= 0 and whole != part:
                        gathered[whole].append(part)
                for whole, members in gathered.items():
                    if whole in self.parts:
                        # The same persons divided in another way: nothing to publish, but everybody can add up.
                        self.relations.append((self.parts[whole], "=", members))
                        continue
                    self._is_sum(whole, members)

    def _is_sum(self, whole: int, members: list[int]) -> None:
        if members:
            self.parts[whole] = members

    def _load_amounts(self, rows: Rows) -> None:
        for name, figure in rows.part.of_kind("amount").items():
            block = rows.blocks[name]
            assert figure.n, "the declaration was read"
            assert figure.dominance, "the declaration was read"
            behind = rows.blocks[figure.n].cells
            for place in np.flatnonzero(block.cells >= 0):
                self.amount_n[int(block.cells[place])] = int(behind[place])
            self._load_dominance(rows, block, figure.dominance)
        for name, figure in rows.part.of_kind("sum", "mean").items():
            behind_sum = figure.n or next(
                (rows.part.columns[of].n for of in figure.of if rows.part.columns[of].kind == "amount"), None
            )
            if behind_sum:
                cells, ns = rows.blocks[name].cells, rows.blocks[behind_sum].cells
                for place in np.flatnonzero(cells >= 0):
                    self.amount_n[int(cells[place])] = int(ns[place])

    def _load_relations(self, rows: Rows) -> None:
        """What outsiders know: relations within a row, rows contained in others, figures that are public elsewhere."""
        cells = {name: block.cells.tolist() for name, block in rows.blocks.items()}
        for relation in rows.part.relations:
            for place in range(len(rows.keys)):
                left = [cells[name][place] for name in relation.left if cells[name][place] >= 0]
                right = [cells[name][place] for name in relation.right]
                if left and min(right) >= 0:
                    self.relations.append((left, relation.sign, right))
        for one in rows.part.contained:
            found = self._run(
                rows, f"select part.__row, whole.__row from {rows.source} part join {rows.source} whole on ({one.rows})"
            ).fetchall()
            for name in one.columns:
                pairs = [
                    (cells[name][part], cells[name][whole])
                    for part, whole in found
                    if part != whole and cells[name][part] >= 0 and cells[name][whole] >= 0
                ]
                self.relations += [([part], "<=", [whole]) for part, whole in pairs]
                # Whoever counts in the whole counts in some part of it, as far as that holds.
                covers: dict[int, list[int]] = defaultdict(list)
                for part, whole in pairs:
                    covers[whole].append(part)
                self.relations += [([whole], "<=", parts) for whole, parts in covers.items()]
        for known in rows.part.known:
            found = self._run(rows, f"select __row from {rows.source} where {known.rows}").fetchall()
            self.known += [cells[known.column][place] for (place,) in found if cells[known.column][place] >= 0]

    def _load_dominance(self, rows: Rows, block: Block, model: str) -> None:
        there = [
            name
            for (name,) in self.connection.execute(
                "select column_name from duckdb_columns() where database_name = 'warehouse' and table_name = ?", [model]
            ).fetchall()
        ]
        if block.column not in there:
            raise WarehouseError(
                f"the build has no model {model} with a column {block.column}",
                where=f"table {rows.table}",
                remedy="make the model that `dominance` names: the grid's columns, and what two persons hold",
            )
        shared = [quoted(name) for name in rows.part.grid if name in there]
        on = " and ".join(f"d.{name} is not distinct from r.{name}" for name in shared)
        found = self._run(
            rows,
            f"select r.__row as r, d.{quoted(block.column)}::double as two from {rows.source} r "
            f"join warehouse.intermediate.{quoted(model)} d on {on} order by 1",
        ).fetchnumpy()
        all_cells = np.concatenate(self.two_persons)
        cells = block.cells[np.asarray(found["r"], np.int64)]
        two = np.asarray(np.ma.filled(found["two"], np.nan), np.float64)
        all_cells[cells[cells >= 0]] = two[cells >= 0]
        self.two_persons = [all_cells]


_Series = tuple[str, str, int]
"""Municipality, column of a mart with the row's other keys, and step (below zero for days and money)."""


def _same(series: Iterable[tuple[int, str, str, str]], exact: Floats, kind: Integers) -> Integers:
    """The first cell of those that are one figure: series with equal values in all periods that both have.

    Two series are one figure if they have at least three periods in common and three different values in them, one of
    them telling: at least 20, or 5 in five periods or more. Series of different municipalities or kinds never are.
    """
    values: dict[_Series, dict[str, int]] = defaultdict(dict)
    for cell, name, period, municipality in series:
        values[municipality, name, int(kind[cell])][period] = cell
    same = list(range(len(exact)))

    def root(cell: int) -> int:
        while same[cell] != cell:
            same[cell] = same[same[cell]]
            cell = same[cell]
        return cell

    for one, other in _equal_series(values, exact):
        for period in values[one].keys() & values[other].keys():
            first, second = sorted((root(values[one][period]), root(values[other][period])))
            same[second] = first
    return np.array([root(cell) for cell in range(len(exact))], np.int64)


def _equal_series(values: Mapping[_Series, Mapping[str, int]], exact: Floats) -> Iterator[tuple[_Series, _Series]]:
    """Pairs of series that are one figure. Those with all periods equal are found as one, others by a telling value."""
    leader: dict[object, _Series] = {}
    by_value: dict[tuple[str, int, str, float], list[_Series]] = defaultdict(list)
    for name, cells in values.items():
        if not _tells([exact[cell] for cell in cells.values()]):
            continue
        told = (name[0], name[2], tuple(sorted((period, exact[cell]) for period, cell in cells.items())))
        if leader.setdefault(told, name) != name:
            yield leader[told], name
            continue
        others = {other for period, cell in cells.items() for other in by_value[name[0], name[2], period, exact[cell]]}
        for other in sorted(others):
            common = values[other].keys() & cells.keys()
            if _tells([exact[cells[period]] for period in common]) and all(
                exact[values[other][period]] == exact[cells[period]] for period in common
            ):
                yield other, name
        for period, cell in cells.items():
            if exact[cell] >= _TELLING_IN_MANY:
                by_value[name[0], name[2], period, exact[cell]].append(name)


def _json(names: Iterable[str]) -> str:
    """SQL of a row's key: JSON of some columns as text."""
    if not (names := list(names)):
        return "'{}'"
    return "to_json({" + ", ".join(f"{literal(name)}: {quoted(name)}::varchar" for name in names) + "})::varchar"


def _tells(found: list[float]) -> bool:
    least = _TELLING_IN_MANY if len(found) >= _MANY_PERIODS else _TELLING
    return len(set(found)) >= _FEWEST_PERIODS and max(found) >= least


def _finest(parts: Mapping[int, list[int]], same: Integers) -> dict[int, Integers]:
    """The finest cells of every total. A total that would be a part of itself is a finest cell."""
    sums: dict[int, int] = {}
    for whole in parts:
        # Of several sums that are one figure, the first defines the others that have no parts of their own.
        sums.setdefault(int(same[whole]), whole)
    done: dict[int, tuple[int, ...]] = {}
    open_: set[int] = set()

    def finest(cell: int) -> tuple[int, ...]:
        whole = cell if cell in parts else sums.get(int(same[cell]))
        if whole is None:
            return (int(same[cell]),)
        if whole in done:
            return done[whole]
        if whole in open_:
            return (int(same[cell]),)
        open_.add(whole)
        found = tuple(one for part in parts[whole] for one in finest(part))
        open_.discard(whole)
        done[whole] = found
        return found

    result: dict[int, Integers] = {}
    for cell in range(len(same)):
        if cell in parts or int(same[cell]) in sums:
            found = finest(cell)
            if found != (cell,):
                result[cell] = np.array(found, np.int64)
    return result
