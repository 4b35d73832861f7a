"""An attacker of our own: everything that is public about persons, put together to find out a true figure.

It knows what anybody may know: the protected file, every cell ever published (the registry), the declarations in the
project's YAML (whose rules are public), the school rolls, and what the columns mean. It works by elimination (what is
fixed is put in, sums that share parts are subtracted from each other, small systems are solved) and by interval
propagation to a fix point, whole numbers rounded inwards. It shares no code with the gate.

What the columns mean, an attacker reads in their descriptions; here it is found by trying in the exact file which sums
and equalities hold for every row (`meanings`). A wrong guess of that kind only makes the attacker stronger.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import yaml

MANY = 1e9
"""Where nothing bounds a figure from above."""

STEP = 5
FEWEST_VALUES = 3
FEWEST_PERSONS = 10
EPSILON = 1e-6
LARGEST_SYSTEM = 1200
"""Unknowns of a connected system that is solved by elimination; larger ones are only propagated."""

_SIDES = re.compile(r"(<=|>=|=)")
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DECIMAL", "DOUBLE", "FLOAT")

Key = tuple[str | None, ...]
Cell = tuple[str, Key, str]
"""Table, the grid's values as text, column."""


# ---- what is declared


@dataclass(frozen=True)
class Part:
    """Rows of one kind of a mart, as its YAML says it."""

    rows: str
    mode: str
    grid: tuple[str, ...]
    sparse: bool
    columns: dict[str, dict[str, Any]]
    totals: list[dict[str, Any]]
    relations: list[str]
    contained: list[dict[str, Any]]
    known: list[dict[str, Any]]

    def of(self, *kinds: str) -> list[str]:
        return [name for name, said in self.columns.items() if said["kind"] in kinds]

    def is_amount(self, column: str) -> bool:
        """Days and money, and sums with days or money in them; other sums are counts."""
        said = self.columns.get(column, {"kind": ""})
        return said["kind"] == "amount" or (said["kind"] == "sum" and any(self.is_amount(name) for name in said["is"]))

    @property
    def counts(self) -> list[str]:
        return [name for name in self.of("count", "sum") if not self.is_amount(name)]

    @property
    def amounts(self) -> list[str]:
        return [name for name in self.columns if self.is_amount(name)]


def read_declarations(project: Path) -> dict[str, list[Part]]:
    """The parts of every mart of mode `round5`, from the YAML files below the dbt project's `models/`."""
    found: dict[str, list[Part]] = {}
    for file in sorted((project / "models").rglob("*.yml")):
        for model in (yaml.safe_load(file.read_text("utf-8")) or {}).get("models") or []:
            meta = {**model.get("meta", {}), **model.get("config", {}).get("meta", {})}
            if declared := meta.get("discloses"):
                parts = read_parts(declared)
                if parts:
                    found[model["name"]] = parts
    return found


def read_parts(declared: dict[str, Any]) -> list[Part]:
    """The parts that are not public."""
    parts = []
    for said in declared.get("parts") or [{}]:
        mode = said.get("mode", declared["mode"])
        if mode == "public":
            continue
        columns = {name: _kind(spec) for name, spec in (said.get("columns") or declared.get("columns") or {}).items()}
        whole = declared.get("rows", "true") if said else "true"
        parts.append(
            Part(
                rows=f"({whole}) and ({said.get('rows') or declared.get('rows') or 'true'})",
                mode=mode,
                grid=tuple(said.get("grid") or declared.get("grid") or ()),
                sparse=bool(said.get("sparse", declared.get("sparse", False))),
                columns=columns,
                totals=list(said.get("totals") or declared.get("totals") or ()),
                relations=list(said.get("relations") or declared.get("relations") or ()),
                contained=list(said.get("contained") or declared.get("contained") or ()),
                known=list(said.get("known") or declared.get("known") or ()),
            )
        )
    return parts


def _kind(said: str | dict[str, Any]) -> dict[str, Any]:
    if isinstance(said, str):
        return {"kind": said}
    kind = next(name for name in ("amount", "sum", "rate", "mean", "expression") if name in said)
    return {"kind": kind, "is": said[kind], "n": said.get("n")}


# ---- unknowns and what binds them


@dataclass
class System:
    """Whole numbers between bounds, and sums of them between bounds."""

    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    sums: dict[tuple[tuple[int, int], ...], tuple[float, float]] = field(default_factory=dict)

    def add(self, low: float = 0.0, high: float = MANY) -> int:
        self.low.append(low)
        self.high.append(high)
        return len(self.low) - 1

    def narrow(self, unknown: int, low: float, high: float) -> None:
        self.low[unknown] = max(self.low[unknown], low)
        self.high[unknown] = min(self.high[unknown], high)

    def bind(self, terms: Iterable[tuple[int, int]], low: float, high: float) -> None:
        """low <= sum of factor * unknown <= high; a repeated one counts once, with the sum of its factors."""
        factors: dict[int, int] = defaultdict(int)
        for unknown, factor in terms:
            factors[unknown] += factor
        key = tuple(sorted((unknown, factor) for unknown, factor in factors.items() if factor))
        if not key:
            return
        if key[0][1] < 0:
            key = tuple((unknown, -factor) for unknown, factor in key)
            low, high = -high, -low
        before = self.sums.get(key, (-MANY, MANY))
        self.sums[key] = (max(before[0], low), min(before[1], high))

    def solve(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper bound of every unknown; a system that contradicts itself has a lower one above an upper."""
        low, high = np.array(self.low, float), np.array(self.high, float)
        self._subtract()
        low, high = propagate(low, high, self.sums)
        for _ in range(3):
            found = dict(_eliminated(low, high, self.sums))
            new = {key: bounds for key, bounds in found.items() if key not in self.sums}
            if not new:
                break
            self.sums |= new
            before = (low.copy(), high.copy())
            low, high = propagate(low, high, self.sums)
            if np.array_equal(before[0], low) and np.array_equal(before[1], high):
                break
        return low, high

    def _subtract(self) -> None:
        """Differences of sums that share two terms or more, where the difference is no longer than the longer one."""
        at: dict[tuple[int, int], list[int]] = defaultdict(list)
        listed = [(dict(key), bounds) for key, bounds in self.sums.items() if len(key) <= 200]
        for place, (terms, _) in enumerate(listed):
            for unknown in terms:
                at[unknown, 0].append(place)
        shared: dict[tuple[int, int], int] = defaultdict(int)
        for places in at.values():
            if len(places) <= 40:
                for pair in itertools.combinations(places, 2):
                    shared[pair] += 1
        for (one, other), count in shared.items():
            if count < 2:
                continue
            (terms, (low, high)), (less, (least, most)) = listed[one], listed[other]
            for sign in (1, -1):
                both = defaultdict(int, terms)
                for unknown, factor in less.items():
                    both[unknown] -= sign * factor
                left = [(unknown, factor) for unknown, factor in both.items() if factor]
                if 0 < len(left) < max(len(terms), len(less)):
                    taken = (least, most) if sign == 1 else (-most, -least)
                    self.bind(left, low - taken[1], high - taken[0])


def propagate(
    low: np.ndarray, high: np.ndarray, sums: dict[tuple[tuple[int, int], ...], tuple[float, float]], rounds: int = 500
) -> tuple[np.ndarray, np.ndarray]:
    """Tighten the bounds of whole numbers by sums of them until nothing changes."""
    if not sums:
        return low, high
    lengths = np.array([len(key) for key in sums])
    row = np.repeat(np.arange(len(sums)), lengths)
    flat = np.array([term for key in sums for term in key])
    unknown, factor = flat[:, 0], flat[:, 1].astype(float)
    least = np.array([bounds[0] for bounds in sums.values()])
    most = np.array([bounds[1] for bounds in sums.values()])
    low, high = low.copy(), high.copy()
    # An unknown that contradicts itself is left as it is, so that the rest goes on.
    for _ in range(rounds):
        small = np.where(factor > 0, factor * low[unknown], factor * high[unknown])
        large = np.where(factor > 0, factor * high[unknown], factor * low[unknown])
        total_small = np.bincount(row, small, len(sums))
        total_large = np.bincount(row, large, len(sums))
        room_above = most[row] - (total_small[row] - small)
        room_below = least[row] - (total_large[row] - large)
        new_high = np.where(factor > 0, room_above / factor, room_below / factor)
        new_low = np.where(factor > 0, room_below / factor, room_above / factor)
        after_low, after_high = low.copy(), high.copy()
        np.minimum.at(after_high, unknown, np.floor(new_high + EPSILON))
        np.maximum.at(after_low, unknown, np.ceil(new_low - EPSILON))
        broken = after_low > after_high
        was_broken = low > high
        after_low[was_broken], after_high[was_broken] = low[was_broken], high[was_broken]
        if np.array_equal(after_low, low) and np.array_equal(after_high, high):
            break
        low, high = after_low, after_high
        if broken.any() and not (broken & ~was_broken).any() and _ > 50:
            break
    return low, high


def components(count: int, sums: Iterable[tuple[tuple[int, int], ...]], fixed: np.ndarray) -> np.ndarray:
    """A number for each unknown, the same for those that sums bind to each other; what is fixed binds nothing."""
    parent = list(range(count))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for key in sums:
        free = [unknown for unknown, _ in key if not fixed[unknown]]
        for other in free[1:]:
            parent[root(other)] = root(free[0])
    return np.array([root(node) for node in range(count)])


def _eliminated(
    low: np.ndarray, high: np.ndarray, sums: dict[tuple[tuple[int, int], ...], tuple[float, float]]
) -> Iterator[tuple[tuple[tuple[int, int], ...], tuple[float, float]]]:
    """Equalities that follow from the equalities of a connected system, each solved for one unknown."""
    fixed = low >= high
    equal = {key: bounds[0] for key, bounds in sums.items() if bounds[0] == bounds[1]}
    group = components(len(low), equal, fixed)
    systems: dict[int, list[tuple[tuple[int, int], ...]]] = defaultdict(list)
    for key in equal:
        free = [unknown for unknown, _ in key if not fixed[unknown]]
        if free:
            systems[group[free[0]]].append(key)
    for keys in systems.values():
        unknowns = sorted({unknown for key in keys for unknown, _ in key if not fixed[unknown]})
        if len(keys) < 2 or len(unknowns) > LARGEST_SYSTEM or len(keys) > LARGEST_SYSTEM:
            continue
        place = {unknown: column for column, unknown in enumerate(unknowns)}
        matrix = np.zeros((len(keys), len(unknowns) + 1))
        for line, key in enumerate(keys):
            matrix[line, -1] = equal[key]
            for unknown, factor in key:
                if unknown in place:
                    matrix[line, place[unknown]] += factor
                else:
                    matrix[line, -1] -= factor * low[unknown]
        for line in _reduced(matrix):
            terms = np.nonzero(np.abs(line[:-1]) > EPSILON)[0]
            whole = np.round(line)
            if terms.size and np.allclose(line, whole, atol=EPSILON) and terms.size <= 60:
                key = tuple((unknowns[term], int(whole[term])) for term in terms)
                value = whole[-1]
                if key[0][1] < 0:
                    key, value = tuple((unknown, -factor) for unknown, factor in key), -value
                yield key, (value, value)


def _reduced(matrix: np.ndarray) -> np.ndarray:
    """Reduced row echelon form (Gauss and Jordan, the largest pivot first)."""
    matrix = matrix.copy()
    line = 0
    for column in range(matrix.shape[1] - 1):
        if line >= len(matrix):
            break
        pivot = line + int(np.argmax(np.abs(matrix[line:, column])))
        if abs(matrix[pivot, column]) < EPSILON:
            continue
        matrix[[line, pivot]] = matrix[[pivot, line]]
        matrix[line] /= matrix[line, column]
        others = np.nonzero(np.abs(matrix[:, column]) > EPSILON)[0]
        others = others[others != line]
        matrix[others] -= np.outer(matrix[others, column], matrix[line])
        line += 1
    return matrix[:line]


# ---- what is published


def text(value: object) -> str | None:
    """A value of a grid as text, the same from a table and from the registry's JSON."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


@dataclass(frozen=True)
class Published:
    """One value that a cell had from a release on; None if it was withheld."""

    as_of: dt.date
    release_id: str
    value: float | None


def read_registry(folder: Path) -> dict[Cell, list[Published]]:
    """Every value that every cell ever had, oldest first, from the registry's parquet files."""
    files = sorted(folder.glob("*.parquet"))
    if not files:
        return {}
    listed = ", ".join(f"'{file}'" for file in files)
    rows = duckdb.execute(
        f"""
        select table_name, row_key::varchar, column_name, as_of, release_id, value, is_hidden
        from read_parquet([{listed}], union_by_name = true) order by as_of, release_id
        """
    ).fetchall()
    keys: dict[str, Key] = {}
    found: dict[Cell, list[Published]] = defaultdict(list)
    for table, row_key, column, as_of, release_id, value, is_hidden in rows:
        if row_key not in keys:
            keys[row_key] = tuple(f"{name}={text(said)}" for name, said in sorted(json.loads(row_key).items()))
        found[table, keys[row_key], column].append(Published(as_of, release_id, None if is_hidden else value))
    return dict(found)


def changes_within_a_month(history: dict[Cell, list[Published]]) -> list[Cell]:
    """Cells that got another value, or came new, after their table's first release of a month of the business date."""
    first: dict[tuple[str, int, int], tuple[dt.date, str]] = {}
    for (table, _, _), values in history.items():
        for one in values:
            month = (table, one.as_of.year, one.as_of.month)
            first[month] = min(first.get(month, (one.as_of, one.release_id)), (one.as_of, one.release_id))
    return [
        cell
        for cell, values in history.items()
        if any((one.as_of, one.release_id) > first[cell[0], one.as_of.year, one.as_of.month] for one in values)
    ]


@dataclass
class Table:
    """A protected mart: its rows by number, with their keys, values and what is withheld."""

    name: str
    parts: list[Part]
    keys: dict[int, Key]
    values: dict[int, dict[str, Any]]
    part_of: dict[int, int]
    exact: dict[int, dict[str, Any]]
    types: dict[str, str]
    links: dict[tuple[int, str], list[tuple[int, int]]]
    """For a part's n-th `totals`, `contained`, `known` or relation: pairs of row numbers."""


def read_tables(
    protected: Path, declarations: dict[str, list[Part]], exact: Path | None = None, schema: str = "marts"
) -> list[Table]:
    """The protected marts that are about persons, with the exact rows of the same keys beside them."""
    tables = []
    with duckdb.connect() as connection:
        connection.execute(f"attach '{protected}' as protected (read_only)")
        if exact is not None:
            connection.execute(f"attach '{exact}' as exact (read_only)")
        held = {
            (catalog, name)
            for catalog, name in connection.execute(
                "select database_name, table_name from duckdb_tables() where schema_name = ?", [schema]
            ).fetchall()
        }
        for name, parts in declarations.items():
            if ("protected", name) in held:
                tables.append(_read_table(connection, name, parts, schema, with_exact=("exact", name) in held))
    return tables


def _read_table(
    connection: duckdb.DuckDBPyConnection, name: str, parts: list[Part], schema: str, *, with_exact: bool
) -> Table:
    connection.execute(
        f"""create or replace temp table t as
        select row_number() over () as rid, * from protected.{schema}."{name}" """
    )
    types = {
        column: kind
        for column, kind, *_ in connection.execute("select column_name, column_type from (describe t)").fetchall()
    }
    table = Table(name, parts, {}, {}, {}, {}, types, {})
    every = connection.execute("select * from t").to_arrow_table().to_pylist()
    table.values = {row.pop("rid"): row for row in every}
    for number, part in enumerate(parts):
        grid = [column for column in part.grid if column in types]
        connection.execute(f"create or replace temp table p as select * from t where {part.rows}")
        for (rid,) in connection.execute("select rid from p").fetchall():
            if rid not in table.part_of:
                table.part_of[rid] = number
                table.keys[rid] = _key(table.values[rid], grid)
        if with_exact:
            same = " and ".join(f't."{column}" is not distinct from e."{column}"' for column in grid)
            found = connection.execute(
                # Finer rows that are not published may have the same key.
                f'select t.rid, e.* from p as t join (from exact.{schema}."{name}" where {part.rows}) as e on {same}'
            ).to_arrow_table()
            for row in found.to_pylist():
                table.exact[row.pop("rid")] = row
        _link(connection, table, number, part)
    return table


def _key(row: dict[str, Any], grid: Iterable[str]) -> Key:
    return tuple(f"{name}={text(row[name])}" for name in sorted(grid))


def _link(connection: duckdb.DuckDBPyConnection, table: Table, number: int, part: Part) -> None:
    taken: set[tuple[int, str]] = set()
    for place, total in enumerate(part.totals):
        pairs = connection.execute(
            f"""
            with chosen as (select rid from p where {total["rows"]})
            select total.rid, part.rid from p as total join p as part on ({total["parts"]})
            where total.rid in (select rid from chosen)
            """
        ).fetchall()
        chosen = {rid for (rid,) in connection.execute(f"select rid from p where {total['rows']}").fetchall()}
        columns = total.get("columns") or part.of("count", "amount")
        targets = list(columns)
        # The first that matches wins, for each column.
        keep = {rid for rid in chosen if not all((rid, column) in taken for column in targets)}
        table.links[number, f"total {place}"] = [pair for pair in pairs if pair[0] in keep]
        taken |= {(rid, column) for rid in chosen for column in targets}
    for place, contained in enumerate(part.contained):
        table.links[number, f"contained {place}"] = connection.execute(
            f"select whole.rid, part.rid from p as whole join p as part on ({contained['rows']}) "
            "and part.rid <> whole.rid"
        ).fetchall()
    for place, known in enumerate(part.known):
        table.links[number, f"known {place}"] = [
            (rid, rid) for (rid,) in connection.execute(f"select rid from p where {known['rows']}").fetchall()
        ]


# ---- the attack


@dataclass(frozen=True)
class Finding:
    """A figure that is not safe. `low` and `high` are what remains possible; in steps for an amount."""

    cell: Cell
    kind: str
    low: float
    high: float
    scenario: str

    @property
    def is_recovered(self) -> bool:
        return self.low == self.high

    def __str__(self) -> str:
        table, key, column = self.cell
        shown = ", ".join(part for part in key if part and not part.endswith("=None"))
        return f"{table}.{column} ({shown}): {self.kind}, {self.scenario}"


@dataclass
class Attack:
    """What came of it. `narrow` holds those with fewer than three possible values, `recovered` those with one."""

    unknowns: int
    withheld: int
    sums: int
    recovered: list[Finding]
    narrow: list[Finding]
    scenarios: dict[str, int]


SCENARIOS = ("one release", "nothing has changed since", "one person a night")


@dataclass(frozen=True)
class Rules:
    """What everybody knows of how figures were made.

    A count is published at most `spread` from the truth; a withheld count is at most `withheld_count`. With `keeps`, a
    cell changes only when its true value no longer allows the published one; 5 is allowed from that value on. With
    `averages` totals hold of a withheld amount what everybody can compute, else the amount itself. With `own_totals`
    a total is published as near to the truth as any other count, else it is the sum of its published parts.
    """

    spread: int = STEP - 1
    withheld_count: float = MANY
    keeps: int | None = None
    averages: bool = True
    own_totals: bool = False

    def allowed(self, value: float) -> tuple[float, float]:
        """Which true counts may be published as this value; what is no multiple of five is the truth itself."""
        if value % STEP:
            return value, value
        return max(0.0, value - self.spread), value + self.spread


def attack(
    protected: Path,
    declarations: dict[str, list[Part]],
    *,
    registry: Path | None = None,
    exact: Path | None = None,
    as_of: dt.date | None = None,
    rules: Rules | None = None,
) -> Attack:
    """Attack a protected file with all that is public.

    `registry` is the folder of what was ever published, up to `as_of` if given. `exact` is the restricted file: the
    attacker takes the school rolls from it, and what columns mean; never another figure.
    """
    rules = rules or Rules()
    history = read_registry(registry) if registry is not None else {}
    if as_of is not None:
        history = {cell: [one for one in values if one.as_of <= as_of] for cell, values in history.items()}
        history = {cell: values for cell, values in history.items() if values}
    tables = read_tables(protected, declarations, exact)
    found: dict[Cell, Finding] = {}
    scenarios = {}
    unknowns = withheld = sums = 0
    public = _World(tables, history, published=False, scenario="", rules=rules).solved()
    for scenario in SCENARIOS if history else SCENARIOS[:1]:
        world = _World(tables, history, published=True, scenario=scenario, rules=rules)
        world.solved()
        unknowns, withheld, sums = len(world.system.low), world.withheld, len(world.system.sums)
        before = len(found)
        for finding in world.findings(public):
            found.setdefault(finding.cell, finding)
        scenarios[scenario] = len(found) - before
    narrow = sorted(found.values(), key=str)
    return Attack(unknowns, withheld, sums, [one for one in narrow if one.is_recovered], narrow, scenarios)


class _World:
    """All tables as one system of unknowns."""

    def __init__(
        self, tables: list[Table], history: dict[Cell, list[Published]], *, published: bool, scenario: str, rules: Rules
    ) -> None:
        self.tables = tables
        self.history = history
        self.published = published
        self.scenario = scenario
        self.rules = rules
        self.system = System()
        self.counts: dict[Cell, int] = {}
        self.amounts: dict[Cell, int] = {}
        self.shown_before: set[Cell] = set()
        self.possible: dict[int, set[int]] = {}
        self.withheld = 0
        self.truth: dict[int, float] = {}
        for table in tables:
            self._cells(table)
        for table in tables:
            self._totals(table)
            self._relations(table)
            self._contained(table)
            self._known(table)
            self._sums_and_rates(table)
            self._partitions(table)
            self._constants(table)
            self._missing(table)
        # Last, since it looks at what is possible so far.
        for table in tables:
            self._means(table)
        self._same_figures()

    # -- cells

    def _cells(self, table: Table) -> None:
        for rid, number in table.part_of.items():
            part = table.parts[number]
            row = table.values[rid]
            hidden = set(row.get("hidden_columns") or ())
            for column in part.counts:
                value = row.get(column)
                if value is not None or column in hidden:
                    self._count(table, rid, column, None if column in hidden else value)
            for column in part.amounts:
                value = row.get(column)
                if value is not None or column in hidden:
                    self._amount(table, rid, column, None if column in hidden else value)

    def _count(self, table: Table, rid: int, column: str, value: Any) -> None:
        cell = (table.name, table.keys[rid], column)
        unknown = self.counts[cell] = self.system.add(_floor(table, table.part_of[rid], column))
        if (true := table.exact.get(rid, {}).get(column)) is not None:
            self.truth[unknown] = float(true)
        if not self.published:
            return
        if value is None:
            self.system.narrow(unknown, 0, self.rules.withheld_count)
            self.withheld += 1
            return
        is_sum = self._is_total(table, rid, column) and not self.rules.own_totals
        if is_sum or column in table.parts[table.part_of[rid]].of("sum"):
            return
        if not self._may_be(unknown, *self.rules.allowed(float(value))):
            # The same figure as a total of other figures, and published as that: only its parts tell anything.
            return
        self.system.narrow(unknown, *self.rules.allowed(float(value)))
        past = [one for one in self.history.get(cell, ()) if one.value is not None]
        if self.scenario == SCENARIOS[1]:
            self._remember(unknown, [float(one.value) for one in past if one.value is not None])
        elif self.scenario == SCENARIOS[2]:
            self._night_by_night(unknown, past)
        if (
            self.scenario == SCENARIOS[0]
            and self.rules.keeps is not None
            and len(past) > 1
            and past[-1].value != past[-2].value
        ):
            low, high = self.rules.allowed(float(past[-1].value or 0))
            least, most = self.rules.allowed(float(past[-2].value or 0))
            least = max(least, float(self.rules.keeps)) if past[-2].value == STEP else least
            left = [one for one in range(int(low), int(high) + 1) if not least <= one <= most]
            if left:
                self.system.narrow(unknown, left[0], left[-1])

    def _remember(self, unknown: int, values: list[float]) -> None:
        """Earlier values, from the newest back, as long as one true figure may be behind all of them."""
        low, high = self.system.low[unknown], self.system.high[unknown]
        for value in reversed(values):
            least, most = self.rules.allowed(value)
            if not self._may_be(unknown, least, most):
                continue
            if max(low, least) > min(high, most):
                break
            low, high = max(low, least), min(high, most)
        self.system.narrow(unknown, low, high)

    def _may_be(self, unknown: int, low: float, high: float) -> bool:
        """Whether an assumption is so: what follows from a wrong one is no knowledge, so this attacker makes none.

        It only knows when to assume from the exact file, if it has that: none in the world guesses better.
        """
        return unknown not in self.truth or low <= self.truth[unknown] <= high

    def _night_by_night(self, unknown: int, past: list[Published]) -> None:
        """Between two releases of one month at most one person came or left."""
        low, high = 0.0, MANY
        before: Published | None = None
        for one in past:
            least, most = self.rules.allowed(float(one.value or 0))
            if before is None or (before.as_of.year, before.as_of.month) != (one.as_of.year, one.as_of.month):
                low, high = least, most
            elif max(low - 1, least) <= min(high + 1, most):
                low, high = max(low - 1, least), min(high + 1, most)
            else:
                low, high = least, most
            before = one
        if low <= high and self._may_be(unknown, low, high):
            self.system.narrow(unknown, low, high)

    def _amount(self, table: Table, rid: int, column: str, value: Any) -> None:
        """An amount's published value in steps; a sum's is in steps of its parts."""
        cell = (table.name, table.keys[rid], column)
        step = self._step(table, rid, column)
        if not self.published:
            self.amounts[cell] = self.system.add()
            return
        unknown = self.amounts[cell] = self.system.add()
        if value is not None:
            steps = float(value) / step
            self.system.narrow(unknown, steps, steps)
            return
        self.withheld += 1
        values = [one.value for one in self.history.get(cell, ()) if one.value is not None]
        if values:
            # It was shown once: nothing is left to find there, but it helps to find others.
            self.shown_before.add(cell)
            if self.scenario == SCENARIOS[1]:
                self.system.narrow(unknown, values[-1] / step, values[-1] / step)

    def _step(self, table: Table, rid: int, column: str) -> float:
        said = table.parts[table.part_of[rid]].columns
        kind = said[column]
        if kind["kind"] == "sum":
            return min(self._step(table, rid, name) for name in kind["is"])
        return float(kind["is"])

    def _is_total(self, table: Table, rid: int, column: str) -> bool:
        return column in _total_columns(table).get(rid, ())

    # -- what binds them

    def _totals(self, table: Table) -> None:
        for number, part in enumerate(table.parts):
            for place, total in enumerate(part.totals):
                columns = total.get("columns") or part.of("count", "amount")
                mapping = columns if isinstance(columns, dict) else {name: name for name in columns}
                parts: dict[int, list[int]] = defaultdict(list)
                for whole, piece in table.links[number, f"total {place}"]:
                    parts[whole].append(piece)
                for target, source in mapping.items():
                    is_sum = self._holds(table, parts, target, source, total)
                    for whole, pieces in parts.items():
                        self._total(table, whole, pieces, (target, source), is_sum=is_sum)

    def _holds(self, table: Table, parts: dict[int, list[int]], target: str, source: str, total: dict[str, Any]) -> str:
        """What is true of the true figures: the total is the `sum`, `at most` it, or nothing is known."""
        if not table.exact:
            return "at most" if total.get("repeats") else "sum"
        differences = [
            float(table.exact[whole][target])
            - sum(float(table.exact[piece][source] or 0) for piece in pieces if piece != whole or target != source)
            for whole, pieces in parts.items()
            if whole in table.exact
            and table.exact[whole].get(target) is not None
            and all(piece in table.exact for piece in pieces)
        ]
        if all(abs(one) < EPSILON for one in differences):
            return "sum"
        return "at most" if all(one < EPSILON for one in differences) else ""

    def _total(self, table: Table, whole: int, pieces: list[int], columns: tuple[str, str], *, is_sum: str) -> None:
        target, source = columns

        def withheld(piece: int) -> bool:
            # What a total holds of a withheld amount is the average of those shown: a number that everybody knows.
            return self._is_withheld(table, piece, source)

        pieces = [piece for piece in pieces if piece != whole or target != source]
        cells = [(table.name, table.keys[piece], source) for piece in pieces]
        cell = (table.name, table.keys[whole], target)
        if cell in self.counts:
            terms = [(self.counts[one], -1) for one in cells if one in self.counts]
            unknown = self.counts[cell]
            if terms:
                if is_sum == "sum":
                    self.system.bind([(unknown, 1), *terms], 0, 0)
                elif is_sum == "at most":
                    self.system.bind([(unknown, 1), *terms], -MANY, 0)
                    for other, _ in terms:
                        if target == source:
                            self.system.bind([(unknown, 1), (other, -1)], 0, MANY)
        elif cell in self.amounts and self.published and not any(map(withheld, pieces)):
            terms = [(self.amounts[one], -1) for one in cells if one in self.amounts]
            self.system.bind([(self.amounts[cell], 1), *terms], 0, 0)

    def _is_withheld(self, table: Table, rid: int, column: str) -> bool:
        return self.rules.averages and column in (table.values[rid].get("hidden_columns") or ())

    def _relations(self, table: Table) -> None:
        for rid, number in table.part_of.items():
            for said in table.parts[number].relations:
                left, sign, right = _SIDES.split(said, maxsplit=1)
                terms: list[tuple[int, int]] = []
                constant = 0
                complete = True
                for side, factor in ((left, 1), (right, -1)):
                    for word in side.split("+"):
                        name = word.strip()
                        if name.isdigit():
                            constant += factor * int(name)
                        elif (table.name, table.keys[rid], name) in self.counts:
                            terms.append((self.counts[table.name, table.keys[rid], name], factor))
                        else:
                            complete = False
                if complete:
                    low = -MANY if sign == "<=" else -constant
                    high = MANY if sign == ">=" else -constant
                    self.system.bind(terms, low, high)

    def _contained(self, table: Table) -> None:
        for number, part in enumerate(table.parts):
            for place, contained in enumerate(part.contained):
                pieces: dict[int, list[int]] = defaultdict(list)
                for whole, piece in table.links[number, f"contained {place}"]:
                    pieces[whole].append(piece)
                for column in contained["columns"]:
                    is_covered = self._covers(table, pieces, column)
                    for whole, below in pieces.items():
                        cells = [(table.name, table.keys[rid], column) for rid in (whole, *below)]
                        known = [self.counts[cell] for cell in cells if cell in self.counts]
                        if cells[0] not in self.counts:
                            continue
                        for other in known[1:]:
                            self.system.bind([(known[0], 1), (other, -1)], 0, MANY)
                        if is_covered and len(known) == len(cells):
                            self.system.bind([(known[0], 1), *((other, -1) for other in known[1:])], -MANY, 0)

    def _covers(self, table: Table, pieces: dict[int, list[int]], column: str) -> bool:
        """Whether everybody in the whole is in one of its parts: then the whole is at most their sum."""
        compared = 0
        for whole, below in pieces.items():
            rows = [table.exact.get(rid, {}).get(column) for rid in (whole, *below)]
            if any(value is None for value in rows):
                continue
            compared += 1
            if rows[0] > sum(rows[1:]):
                return False
        return compared >= FEWEST_VALUES

    def _known(self, table: Table) -> None:
        for number, part in enumerate(table.parts):
            for place, known in enumerate(part.known):
                for rid, _ in table.links[number, f"known {place}"]:
                    cell = (table.name, table.keys[rid], known["column"])
                    true = table.exact.get(rid, {}).get(known["column"])
                    if cell in self.counts and true is not None:
                        self.system.narrow(self.counts[cell], float(true), float(true))

    def _sums_and_rates(self, table: Table) -> None:
        if not self.published:
            return
        for rid, number in table.part_of.items():
            said = table.parts[number].columns
            row = table.values[rid]
            key = table.keys[rid]
            for column, kind in said.items():
                if kind["kind"] == "sum":
                    self._sum(table, rid, column, kind["is"])
                elif kind["kind"] == "rate" and row.get(column) is not None:
                    self._rate(table.name, key, row, column, kind["is"], table, rid)

    def _sum(self, table: Table, rid: int, column: str, of: list[str]) -> None:
        cells = [(table.name, table.keys[rid], name) for name in of]
        whole = (table.name, table.keys[rid], column)
        is_shown = not any(self._is_withheld(table, rid, name) for name in of)
        if whole in self.amounts and is_shown and all(cell in self.amounts for cell in cells):
            own = self._step(table, rid, column)
            factors = [self._step(table, rid, name) / own for name in of]
            terms = [(self.amounts[cell], -int(factor)) for cell, factor in zip(cells, factors, strict=True)]
            self.system.bind([(self.amounts[whole], 1), *terms], 0, 0)
        elif whole in self.counts and all(cell in self.counts for cell in cells):
            # A count that is the sum of counts of its row has no rounding of its own.
            others = [(self.counts[cell], -1) for cell in cells]
            self.system.bind([(self.counts[whole], 1), *others], 0, 0)

    def _rate(
        self, name: str, key: Key, row: dict[str, Any], column: str, of: list[str], table: Table, rid: int
    ) -> None:
        """A rate of which one side is withheld tells it."""
        above, below = of
        hidden = set(row.get("hidden_columns") or ())
        rate = float(row[column])
        for one, other, factor in ((above, below, rate), (below, above, 1 / rate if rate else 0.0)):
            cell = (name, key, one)
            if one in hidden and cell in self.amounts and row.get(other) is not None and factor:
                steps = float(row[other]) * factor / self._step(table, rid, one)
                self.system.narrow(self.amounts[cell], round(steps), round(steps))

    def _missing(self, table: Table) -> None:
        """A rate or mean that is missing where others are withheld: nobody is there; a withheld one: somebody is."""
        if not self.published or not table.exact:
            return
        for number, part in enumerate(table.parts):
            rows = [rid for rid, place in table.part_of.items() if place == number and rid in table.exact]
            for column in part.of("rate", "mean", "expression", "amount"):
                kind = part.columns[column]
                for n in {kind["is"][1] if kind["kind"] == "rate" else kind["n"], kind["n"]} - {None}:
                    pairs = [(table.exact[rid].get(column), table.exact[rid].get(n)) for rid in rows]
                    told = [(value is None, count == 0) for value, count in pairs if count is not None]
                    if not told or any(a != b for a, b in told) or not any(a for a, _ in told):
                        continue
                    for rid in rows:
                        unknown = self.counts.get((table.name, table.keys[rid], n))
                        if unknown is not None and column in table.types:
                            hidden = column in (table.values[rid].get("hidden_columns") or ())
                            is_missing = table.values[rid].get(column) is None and not hidden
                            self.system.narrow(unknown, 0 if is_missing else 1, 0 if is_missing else MANY)

    def _constants(self, table: Table) -> None:
        """Amounts that are so and so much a person, or at most that: days of a period, a grant of a fixed size."""
        if not self.published or not table.exact:
            return
        for number, part in enumerate(table.parts):
            for column in part.of("amount"):
                n = part.columns[column]["n"]
                periods: dict[tuple[str | None, ...], list[tuple[int, float]]] = defaultdict(list)
                for rid, place in table.part_of.items():
                    true = table.exact.get(rid, {})
                    if place == number and true.get(n) and true.get(column) is not None:
                        period = tuple(text(table.values[rid].get(name)) for name in ("period_type", *_PERIODS))
                        periods[period].append((rid, float(true[column]) / float(true[n])))
                most = {period: max(ratio for _, ratio in rows) for period, rows in periods.items()}
                whole = [abs(ratio - round(ratio)) < EPSILON for ratio in most.values()]
                if not whole or np.mean(whole) < 0.5:
                    continue
                for period, rows in periods.items():
                    is_fixed = len(rows) > 1 and min(ratio for _, ratio in rows) == most[period]
                    for rid, _ in rows:
                        self._constant(table, rid, (column, n), int(np.ceil(most[period] - EPSILON)), is_fixed=is_fixed)

    def _constant(self, table: Table, rid: int, columns: tuple[str, str], constant: int, *, is_fixed: bool) -> None:
        column, n = columns
        value = table.values[rid].get(column)
        persons = self.counts.get((table.name, table.keys[rid], n))
        if value is None or persons is None or self._is_total(table, rid, column):
            return
        step = self._step(table, rid, column)
        amount = self.system.add(float(value) - step + 1, float(value) + step - 1)
        self.system.bind([(persons, constant), (amount, -1)], 0, 0 if is_fixed else MANY)

    def _means(self, table: Table) -> None:
        """Which n a published mean of whole numbers allows."""
        if not self.published:
            return
        for number, part in enumerate(table.parts):
            for column in part.of("mean"):
                kind = part.columns[column]
                n = kind["n"]
                rows = [rid for rid, place in table.part_of.items() if place == number]
                grain = self._grain(table, rows, column, n)
                if grain is None:
                    continue
                for rid in rows:
                    mean = table.values[rid].get(column)
                    unknown = self.counts.get((table.name, table.keys[rid], n))
                    if mean is None or unknown is None:
                        continue
                    low, high = self.system.low[unknown], self.system.high[unknown]
                    if high - low > 20:
                        continue
                    half = 0.5 * 10.0 ** -int(kind["is"]) + 1e-9
                    self.possible[unknown] = self.possible.get(unknown, set(range(int(low), int(high) + 1))) & {
                        count
                        for count in range(int(low), int(high) + 1)
                        if count and abs(round(float(mean) * count * grain) / (count * grain) - float(mean)) <= half
                    }

    def _grain(self, table: Table, rows: list[int], column: str, n: str) -> int | None:
        """The mean is of whole numbers, or of halves, thirds, …: the smallest of them that fits every exact row."""
        exact = [
            (float(table.exact[rid][column]), float(table.exact[rid][n]))
            for rid in rows
            if table.exact.get(rid, {}).get(column) is not None and table.exact[rid].get(n)
        ]
        if len(exact) < 10:
            return None
        mean, count = np.array(exact).T
        for grain in range(1, 13):
            total = mean * count * grain
            # Exact means have six decimals, or four.
            if (np.abs(total - np.round(total)) <= 0.00006 * count * grain).all() and (count * grain < 4000).all():
                return grain
        return None

    def _partitions(self, table: Table) -> None:
        """Sums of rows of one shape that are rows of another, declared or not: they hold for every exact row."""
        if not table.exact:
            return
        for number, part in enumerate(table.parts):
            rows = [rid for rid, place in table.part_of.items() if place == number and rid in table.exact]
            shapes = _shapes(table, part, rows)
            for (total_shape, wholes), (part_shape, pieces) in itertools.permutations(shapes.items(), 2):
                key = [name for name, is_set in total_shape[0] if is_set]
                if not all(is_set for name, is_set in part_shape[0] if name in key) or total_shape[0] == part_shape[0]:
                    continue
                below: dict[Key, list[int]] = defaultdict(list)
                for rid in pieces:
                    below[_key(table.values[rid], key)].append(rid)
                groups = {rid: below.get(_key(table.values[rid], key), []) for rid in wholes}
                for column in part.counts:
                    self._partition(table, groups, column)

    def _partition(self, table: Table, groups: dict[int, list[int]], column: str) -> None:
        compared = telling = 0
        for whole, pieces in groups.items():
            true = table.exact[whole].get(column)
            values = [table.exact[piece].get(column) for piece in pieces]
            if true is None or None in values:
                continue
            if true != sum(values):
                return
            compared += 1
            telling += sum(value > 0 for value in values) > 1
        if telling < FEWEST_VALUES:
            return
        for whole, pieces in groups.items():
            cells = [(table.name, table.keys[rid], column) for rid in (whole, *pieces)]
            if pieces and all(cell in self.counts for cell in cells):
                unknown, *others = [self.counts[cell] for cell in cells]
                self.system.bind([(unknown, 1), *((other, -1) for other in others)], 0, 0)

    def _same_figures(self) -> None:
        """Equal figures over equal keys in several marts are one unknown, whatever each has published for it."""
        series: dict[tuple[object, ...], dict[Key, int]] = defaultdict(dict)
        for table in self.tables:
            for rid, number in table.part_of.items():
                part = table.parts[number]
                row = table.values[rid]
                place, label = _place_and_label(row, part.grid)
                for column in part.counts:
                    unknown = self.counts.get((table.name, table.keys[rid], column))
                    if unknown is not None and unknown in self.truth:
                        series[table.name, number, column, label][place] = unknown
        by_place: dict[Key, list[tuple[object, ...]]] = defaultdict(list)
        for name, cells in series.items():
            for place in list(cells)[:1]:
                by_place[place[:1] + place[2:]].append(name)
        names = [name for name, cells in series.items() if len({self.truth[u] for u in cells.values()}) >= 3]
        for one, other in itertools.combinations(names, 2):
            first, second = series[one], series[other]
            if len(first) > len(second):
                first, second = second, first
            common = first.keys() & second.keys()
            if len(common) < 4 or len(common) < 0.5 * len(first):
                continue
            truths = [(self.truth[first[place]], self.truth[second[place]]) for place in common]
            if all(a == b for a, b in truths) and len({a for a, _ in truths}) >= 3:
                for place in common:
                    self.system.bind([(first[place], 1), (second[place], -1)], 0, 0)

    # -- what came of it

    def solved(self) -> dict[Cell, tuple[float, float]]:
        low, high = self.system.solve()
        self.low, self.high = low, high
        cells = {**self.counts, **self.amounts}
        return {cell: (low[unknown], high[unknown]) for cell, unknown in cells.items()}

    def findings(self, public: dict[Cell, tuple[float, float]]) -> Iterator[Finding]:
        """Cells with fewer than three possible values that public knowledge alone leaves more of."""
        for cells, kind in ((self.counts, "count"), (self.amounts, "amount")):
            for cell, unknown in cells.items():
                low, high = self.low[unknown], self.high[unknown]
                number = high - low + 1
                if kind == "count" and unknown in self.possible:
                    left = [one for one in self.possible[unknown] if low <= one <= high]
                    number = len(left)
                    low, high = (left[0], left[-1]) if left else (low, high)
                if number >= FEWEST_VALUES or number < 1:
                    continue
                if kind == "amount" and (cell in self.shown_before or self._is_shown(cell)):
                    continue
                if kind == "count" and unknown in self.truth and not low <= self.truth[unknown] <= high:
                    # What was assumed is not so, and what follows from it is no knowledge.
                    continue
                before = public.get(cell, (0.0, MANY))
                if before[1] - before[0] + 1 <= number:
                    continue
                yield Finding(cell, kind, float(low), float(high), self.scenario)

    def _is_shown(self, cell: Cell) -> bool:
        return cell in self._shown

    @property
    def _shown(self) -> set[Cell]:
        if not hasattr(self, "_shown_cells"):
            self._shown_cells = {
                (table.name, table.keys[rid], column)
                for table in self.tables
                for rid, number in table.part_of.items()
                for column in table.parts[number].amounts
                if table.values[rid].get(column) is not None
                and float(table.values[rid][column]) % self._step(table, rid, column) == 0
            }
        return self._shown_cells


def _total_columns(table: Table) -> dict[int, set[str]]:
    """The columns of each row that are totals."""
    if not hasattr(table, "_totals"):
        found: dict[int, set[str]] = defaultdict(set)
        for number, part in enumerate(table.parts):
            for place, total in enumerate(part.totals):
                columns = total.get("columns") or part.of("count", "amount")
                for whole, _ in table.links[number, f"total {place}"]:
                    found[whole] |= set(columns)
        table._totals = found  # type: ignore[attr-defined]
    return table._totals  # type: ignore[attr-defined]


def _floor(table: Table, number: int, column: str) -> float:
    """1 where a row is there only because somebody is: no exact row has 0."""
    floors: dict[tuple[int, str], float] = table.__dict__.setdefault("_floors", {})
    if (number, column) not in floors:
        values = [
            float(row[column])
            for rid, row in table.exact.items()
            if table.part_of[rid] == number and row.get(column) is not None
        ]
        floors[number, column] = 1.0 if values and min(values) >= 1 else 0.0
    return floors[number, column]


def _shapes(table: Table, part: Part, rows: Iterable[int]) -> dict[tuple[Any, ...], list[int]]:
    """Rows by which columns of the grid are set, and by the words of columns that say a level."""
    grid = [name for name in part.grid if name in table.types]
    levels = [name for name in table.types if name.endswith(("_level", "_type")) and table.types[name] == "VARCHAR"]
    keys = [name for name in grid if name not in levels or not _is_level(table, name, grid)]
    found: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for rid in rows:
        row = table.values[rid]
        shape = tuple((name, row[name] is not None) for name in keys)
        found[shape, tuple(row[name] for name in levels if name not in keys)].append(rid)
    return found


def _is_level(table: Table, name: str, grid: list[str]) -> bool:
    """A column whose word says which others are set, such as `unit_type`."""
    others = [other for other in grid if other != name]
    words: dict[object, set[tuple[bool, ...]]] = defaultdict(set)
    for row in table.values.values():
        words[row[name]].add(tuple(row[other] is not None for other in others))
    return len({pattern for patterns in words.values() for pattern in patterns}) > 1


_UNITS = ("institution_number", "unit_id")
_PERIODS = ("month_label", "period", "school_year", "birth_year")


def _place_and_label(row: dict[str, Any], grid: Iterable[str]) -> tuple[Key, tuple[str, ...]]:
    """Municipality, unit and period of a row, and all else of its key."""
    unit = next((row[name] for name in _UNITS if row.get(name) is not None), None)
    period = next((row[name] for name in _PERIODS if row.get(name) is not None), None)
    spoken = {*_UNITS, *_PERIODS, "municipality_code", "month_start", "period_end_date"}
    label = tuple(f"{name}={text(row[name])}" for name in grid if name in row and name not in spoken)
    return (text(row.get("municipality_code")), text(unit), text(period)), label


__all__ = [
    "Attack",
    "Finding",
    "Rules",
    "attack",
    "changes_within_a_month",
    "read_declarations",
    "read_parts",
]
