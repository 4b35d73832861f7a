"""Small marts made by hand, from exact figures to what everybody reads of them."""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from include.warehouse import protected_file
from include.warehouse.cells import Key, System, load
from include.warehouse.disclosure import Declaration, problems, read_declaration
from include.warehouse.round5 import Earlier, Told, Values, choose

NOBODY = Earlier({}, {})
"""A registry in which nothing stands."""

Row = dict[str, object]


@dataclass(frozen=True)
class Published:
    """What one night publishes: every cell with its key."""

    system: System
    values: Values

    def cells(self) -> dict[Key, float | None]:
        """The published value of every cell, None where it is withheld."""
        return {
            self.system.key(cell): None if self.values.hidden[cell] else float(self.values.published[cell])
            for cell in range(len(self.system.exact))
        }

    def exact(self) -> dict[Key, float]:
        """The true value of every cell."""
        return {self.system.key(cell): float(self.system.exact[cell]) for cell in range(len(self.system.exact))}

    def told(self) -> dict[Key, Told]:
        """The cells as the registry keeps them."""
        return {key: Told(math.nan if value is None else value) for key, value in self.cells().items()}


class Marts:
    """A build that is attached as `warehouse`, and what each of its marts discloses."""

    def __init__(self) -> None:
        self.connection = duckdb.connect(config={"threads": 1})
        self.connection.execute("attach ':memory:' as warehouse")
        self.connection.execute("create schema warehouse.marts")
        self.connection.execute("create schema warehouse.intermediate")
        self.declarations: dict[str, Declaration] = {}

    def table(self, name: str, types: Mapping[str, str], rows: Sequence[Sequence[object]]) -> None:
        """A table of schema `marts`, or of the schema that stands before its name."""
        target = name if "." in name else f"marts.{name}"
        columns = ", ".join(f"{column} {kind}" for column, kind in types.items())
        self.connection.execute(f"create or replace table warehouse.{target} ({columns})")
        if rows:
            places = ", ".join("?" for _ in types)
            self.connection.executemany(
                f"insert into warehouse.{target} values ({places})", [list(row) for row in rows]
            )

    def declare(self, name: str, **discloses: object) -> None:
        """What a mart discloses; it must have nothing against it."""
        head = {"mode": "round5", "unit": "elev / pupil", "audience": "Alle / Everybody"}
        declaration = read_declaration({**head, **discloses})
        types: dict[str, str] = dict(
            self.connection.execute(
                "select column_name, data_type from duckdb_columns() where database_name = 'warehouse' "
                "and schema_name = 'marts' and table_name = ?",
                [name],
            ).fetchall()
        )
        assert list(problems(name, declaration, types)) == []
        self.declarations[name] = declaration

    def change(self, *statements: str) -> None:
        """SQL on schema `marts` of the build."""
        self.connection.execute("use warehouse.marts")
        for statement in statements:
            self.connection.execute(statement)
        self.connection.execute("use memory")

    def publish(
        self,
        *,
        earlier: Earlier = NOBODY,
        seed: int = 1,
        as_of: str = "2026-06-19",
        hide: Collection[int] = (),
    ) -> Published:
        """Load and choose, as a night does before the attack."""
        system = load(self.connection, self.declarations, as_of=as_of, held=earlier.held)
        return Published(system, choose(system, earlier, seed=seed, hide=frozenset(hide)))

    def read(self, published: Published, table: str) -> list[Row]:
        """The rows of a protected table, in no order that means something."""
        self.write(published, "published")
        found = self.connection.execute(f"from published.marts.{table} order by all")
        names = [column[0] for column in found.description]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        self.connection.execute("detach published")
        return rows

    def write(self, published: Published, catalog: str) -> None:
        """Make the protected tables in a catalog of their own, which stays attached."""
        self.connection.execute(f"attach ':memory:' as {catalog}")
        protected_file.write(self.connection, catalog, self.declarations, published.system, published.values)


def later(*published: Published) -> Earlier:
    """What the registry says in the month after some nights; the last one counts."""
    return Earlier({}, {key: told for one in published for key, told in one.told().items()})


def same_month(*published: Published) -> Earlier:
    """What the registry says on the next night of the month: only new cells were added."""
    held: dict[Key, Told] = {}
    for one in published:
        held = {**one.told(), **held}
    return Earlier(held, {})


def months(number: int, first: dt.date = dt.date(2025, 8, 1)) -> list[str]:
    """So many months as labels, one after the other."""
    found = [first.year * 12 + first.month - 1 + place for place in range(number)]
    return [f"{month // 12}-{month % 12 + 1:02d}" for month in found]


STAGES = ("indskoling", "mellemtrin", "udskoling")
SCHOOL_TYPES = {
    "municipality_code": "VARCHAR",
    "month_label": "VARCHAR",
    "school": "VARCHAR",
    "stage": "VARCHAR",
    "pupils": "BIGINT",
    "late_pupils": "BIGINT",
    "sick_days": "DECIMAL(12,1)",
    "late_share": "DOUBLE",
    "mean_days": "DOUBLE",
}
SCHOOL_GRID = ["municipality_code", "month_label", "school", "stage"]
SCHOOL: dict[str, object] = {
    "through": "last_day(strptime(month_label || '-01', '%Y-%m-%d')::date)",
    "grid": SCHOOL_GRID,
    "copied": SCHOOL_GRID,
    "columns": {
        "pupils": "count",
        "late_pupils": "count",
        "sick_days": {"amount": 5, "n": "pupils", "dominance": "int_dominance"},
        "late_share": {"rate": ["late_pupils", "pupils"], "n": "pupils"},
        "mean_days": {"mean": 2, "n": "pupils"},
    },
    "totals": [
        {
            "rows": "school <> 'all' and stage = 'all'",
            "parts": "part.school = total.school and part.stage <> 'all' and part.month_label = total.month_label",
        },
        {
            "rows": "school = 'all'",
            "parts": "part.school <> 'all' and part.stage = total.stage and part.month_label = total.month_label",
        },
    ],
    "relations": ["late_pupils <= pupils"],
}


@dataclass
class Pupils:
    """Made-up pupils of a month, school and stage: how many, how many of them late, days, and days of the two most."""

    number: int
    late: int
    days: float
    two: float | None


def random_pupils(dice: random.Random, *, schools: int, labels: Sequence[str]) -> dict[tuple[str, str, str], Pupils]:
    """Schools of few and of many pupils, with stages in which nobody is, by month, school and stage."""
    found = {}
    for school in range(schools):
        for stage in STAGES:
            size = dice.choice([0, 3, 12, 40, 90])
            for label in labels:
                days = sorted(round(max(0, dice.uniform(-2, 9)), 1) for _ in range(dice.randint(0, size)))
                late = dice.randint(0, len(days))
                found[label, f"15{school:02d}", stage] = Pupils(
                    len(days), late, round(sum(days), 1), round(sum(days[-2:]), 1)
                )
    return found


def school_rows(pupils: Mapping[tuple[str, str, str], Pupils]) -> list[list[object]]:
    """Rows of the mart: every school and stage, every school, every stage, and all."""
    groups: dict[tuple[str, str, str], list[Pupils]] = {}
    for (label, school, stage), some in pupils.items():
        for key in ((label, school, stage), (label, school, "all"), (label, "all", stage), (label, "all", "all")):
            groups.setdefault(key, []).append(some)
    rows: list[list[object]] = []
    for (label, school, stage), parts in groups.items():
        number, late = sum(one.number for one in parts), sum(one.late for one in parts)
        days = round(sum(one.days for one in parts), 1)
        share, mean = (late / number, days / number) if number else (None, None)
        rows.append(["151", label, school, stage, number, late, days, share, mean])
    return rows


def put_schools(marts: Marts, pupils: Mapping[tuple[str, str, str], Pupils], name: str = "mart_school") -> None:
    """The mart of schools, what two pupils hold of its days, and its declaration."""
    marts.table(name, SCHOOL_TYPES, school_rows(pupils))
    types = {**dict.fromkeys(SCHOOL_GRID, "VARCHAR"), "sick_days": "DECIMAL(12,1)"}
    two = [["151", label, school, stage, some.two] for (label, school, stage), some in pupils.items()]
    marts.table("intermediate.int_dominance", types, two)
    marts.declare(name, **SCHOOL)
