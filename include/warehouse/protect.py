"""The disclosure gate: makes of the exact marts the ones that everybody may read, attacks them, and says what it found.

The rules, all of them public:

- A **count** of persons is published as a neighbouring multiple of 5, so the true one lies within 4 of it.
- A **total** is the sum of published cells, and tells no more than they do; so is a count that is the same figure as a
  total in every row, and both may be further off than 4.
- **Days and money** are published in steps (5 days, 1,000 kr.) where the published count behind them is at least 10,
  and withheld where two persons hold over 85 %. A withheld one counts in totals as its published persons times the
  average of those shown, which everybody can compute: a total tells nothing of it.
- A **rate** is one published figure over another, a **mean** is rounded; both need a published count of at least 10.
- What was published in a month stays for that month, so no night shows the one who came, and later as long as the true
  figure is the same.

Databeskyttelsesloven §§ 10 and 11; databeskyttelsesforordningen art. 5(1)(c) and 32; the methods are those of official
statistics (small-count rounding, dominance rule).
"""

from __future__ import annotations

import json
import logging
import math
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb
import numpy as np

from include.errors import WarehouseError
from include.landing.contract import Contract, load_contracts
from include.landing.links import load_links
from include.settings import Settings
from include.warehouse import protected_file, registry
from include.warehouse.attack import Attack, attack
from include.warehouse.cells import System, load
from include.warehouse.database import connect
from include.warehouse.disclosure import Declaration, problems, read_declaration
from include.warehouse.marts import SCHEMA, Mart, literal, quoted, read_marts
from include.warehouse.release_search import Vocabulary, is_searched_for_cpr, search_release, text_columns
from include.warehouse.round5 import Earlier, Told, Values, choose, known, rules_broken
from include.warehouse.run_folder import RunFolder

METADATA = frozenset({"deliveries", "datasets", "landing"})
"""Landing's tables that tell of deliveries and datasets, not of persons."""

DELIVERY_COUNTS = frozenset({"row_count", "landed_count", "quarantined_count"})
"""Rows of a delivery: one referral tonight is one child, so they are for the engineers only."""

_ATTEMPTS = 16
_KEPT = 3
_OTHER_CHOICES = 3
"""So often cells are kept as before, and then other multiples chosen, before more is withheld."""

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
    """What was made and checked: tables by what they disclose, the columns searched, and the attack's figures.

    `cells` were attacked with `programs` integer programs; `hidden` figures are withheld, `repaired` of them because of
    the attack. `registered` are new to the registry.
    """

    run_id: str
    public: tuple[str, ...]
    protected: tuple[str, ...]
    searched_for_cpr: tuple[str, ...]
    searched_for_words: tuple[str, ...]
    searched_for_keys: tuple[str, ...]
    cells: int = 0
    programs: int = 0
    hidden: int = 0
    repaired: int = 0
    registered: int = 0
    load_seconds: float = 0.0
    choose_seconds: float = 0.0
    check_seconds: float = 0.0
    search_seconds: float = 0.0


def protect(settings: Settings, run_id: str, *, contracts: Mapping[str, Contract] | None = None) -> ProtectReport:
    """Make the protected marts of a run's build, attack them, and write `operations/protection.json`.

    Raises DisclosureFound that names all that was found, and WarehouseError if the run has no finished build.
    """
    with _Gate(settings, run_id, contracts) as gate:
        gate.make()
        return gate.check()


def make_protected(settings: Settings, run_id: str) -> None:
    """Make `staging/<run_id>/protected.duckdb` alone. Raises as `protect` does."""
    with _Gate(settings, run_id, None) as gate:
        gate.make()


def check(settings: Settings, run_id: str, *, contracts: Mapping[str, Contract] | None = None) -> ProtectReport:
    """Judge a run's protected file as it stands, from the build and the published rules alone. Raises as `protect`."""
    with _Gate(settings, run_id, contracts) as gate:
        return gate.check()


class _Gate:
    """One run at the gate: the build and landing are attached to a private connection, the system is read once."""

    def __init__(self, settings: Settings, run_id: str, contracts: Mapping[str, Contract] | None) -> None:
        self.settings = settings
        self.contracts = load_contracts() if contracts is None else contracts
        self.folder = RunFolder.of(settings, run_id)
        self.as_of = str(self.folder.inputs()["as_of"])
        self.marts = read_marts(self.folder.manifest_file)
        self.seconds: dict[str, float] = {}
        self.repaired = 0
        self.registered = 0
        self.made: tuple[Values, Attack] | None = None
        self._system: System | None = None

    def __enter__(self) -> _Gate:
        self.connection = connect(None, scratch=self.folder.scratch, settings=self.settings)
        # The build's views name its catalog, `warehouse`, and landing's, `landing`.
        self.connection.execute(f"attach {literal(str(self.folder.build_file))} as warehouse (read_only)")
        self.connection.execute(f"attach {literal(str(self.folder.landing_file))} as landing (read_only)")
        self.declarations, self.undeclared = _declarations(self.marts, _columns(self.connection))
        self.earlier, self.ever = registry.read(self.connection, self.settings, self.as_of)
        if self.settings.corrects:
            self.earlier = Earlier({}, {**self.earlier.before, **self.earlier.held})
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    @property
    def system(self) -> System:
        if self._system is None:
            began = time.monotonic()
            self._system = load(
                self.connection,
                self.declarations,
                as_of=self.as_of,
                held=self.earlier.held,
                before=self.settings.current_release,
            )
            self.seconds["load"] = round(time.monotonic() - began, 2)
        return self._system

    def make(self) -> None:
        """Choose, attack, repair, write. What can't be declared is left to `check`, which says so."""
        if self.undeclared:
            return
        system, hide, keep = self.system, set[int](), set[int]()
        seed = registry.salt(self.settings)
        began = time.monotonic()
        for attempt in range(_ATTEMPTS):
            # First what is found, and what stands in its rows, stays as it was published before: a cell that was both
            # of its neighbours can have four values. Then other choices; while more is withheld the choice stays, or
            # other cells would be found every time.
            other = min(max(attempt - _KEPT, 0), _OTHER_CHOICES)
            values = choose(system, self.earlier, seed=seed + other, hide=frozenset(hide), keep=frozenset(keep))
            result = attack(system, values, self.ever)
            if not result.found:
                break
            keep |= _beside(system, result.found)
            if attempt >= _KEPT + _OTHER_CHOICES:
                hide |= _more_to_hide(system, values, result.found)
        self.made = values, result
        self.repaired = len(hide)
        self.seconds["choose"] = round(time.monotonic() - began, 2)
        self.folder.protected_file.unlink(missing_ok=True)
        self.connection.execute(f"attach {literal(str(self.folder.protected_file))} as protected")
        protected_file.write(self.connection, "protected", self.declarations, system, values)
        self.connection.execute("checkpoint protected")
        self.connection.execute("detach protected")
        self._register(values)

    def _register(self, values: Values) -> None:
        system = self.system
        cells = [
            (system.key(cell), Told(math.nan if values.hidden[cell] else float(values.published[cell])))
            for cell in range(len(system.exact))
            if not values.is_held[cell]
        ]
        # A row without a figure is published too.
        rows = ((one.table, "", key) for one in system.rows for key in one.keys)
        cells += [(key, Told(0.0)) for key in rows if key not in self.earlier.held]
        self.registered = registry.write(self.connection, self.folder.registered_file, cells)

    def check(self) -> ProtectReport:
        columns = _columns(self.connection)
        found = [*self.undeclared, *_exposed(self.marts, self.declarations, self.contracts)]
        found += [*_public_parts(self.connection, self.declarations, self.contracts)]
        found += [*_named_like_persons(columns, self.contracts)]
        found += [*_delivery_counts(self.marts, self.declarations, columns)]
        result, hidden = Attack(), 0
        if not self.undeclared:
            began = time.monotonic()
            more, result, hidden = self._attack()
            found += more
            self.seconds["check"] = round(time.monotonic() - began, 2)
        began = time.monotonic()
        about_persons = _about_persons(self.contracts)
        texts = [(table, name) for table, name, _ in text_columns(self.connection, "warehouse", SCHEMA)]
        from_persons = {name for name, mart in self.marts.items() if (mart.sources | mart.mentions) & about_persons}
        words = Vocabulary.of_build(self.connection, "warehouse", self.folder.manifest_file, self.contracts)
        said = search_release(self.connection, "warehouse", SCHEMA, about_persons=from_persons, vocabulary=words)
        found += map(str, said)
        key_columns = [(table, name) for table, name, kind in columns if kind in _INTEGERS or kind == "VARCHAR"]
        found += _person_keys(self.connection, key_columns, self.contracts)
        self.seconds["search"] = round(time.monotonic() - began, 2)
        report = ProtectReport(
            run_id=self.folder.run_id,
            public=tuple(name for name, one in self.declarations.items() if one.mode == "public"),
            protected=tuple(name for name, one in self.declarations.items() if one.mode == "round5"),
            searched_for_cpr=tuple(f"{table}.{name}" for table, name in texts if is_searched_for_cpr(name)),
            searched_for_words=tuple(f"{table}.{name}" for table, name in texts if table in from_persons),
            searched_for_keys=tuple(f"{table}.{name}" for table, name in key_columns),
            cells=result.cells,
            programs=result.programs,
            hidden=hidden,
            repaired=self.repaired,
            registered=self.registered,
            **{f"{step}_seconds": seconds for step, seconds in self.seconds.items()},
        )
        _write(self.folder.operations / "protection.json", report, found)
        if found:
            raise DisclosureFound(
                f"{len(found)} finding(s), nothing is published:\n- " + "\n- ".join(found) + "\n",
                where=f"schema {SCHEMA}",
                remedy="correct what `meta.discloses` says in the YAML of the model that is named, or take the column "
                "out of the mart; a word that names a thing (a new team, a new school) belongs into the seed that "
                "lists such things; the release of before stays",
            )
        _log.info("disclosure gate: %d public and %d protected marts", len(report.public), len(report.protected))
        return report

    def _attack(self) -> tuple[list[str], Attack, int]:
        """Findings of the file itself: what its cells and rules say, and what can be inferred from it."""
        if not self.folder.protected_file.is_file():
            return ["schema marts: the run has no protected file; start the refresh again"], Attack(), 0
        system = self.system
        self.connection.execute(f"attach {literal(str(self.folder.protected_file))} as protected (read_only)")
        try:
            held = known(system, self.earlier.held)
            values = protected_file.read_values(self.connection, "protected", system, held)
            found = [*rules_broken(system, values, self.earlier)]
            self.connection.execute("attach ':memory:' as expected")
            protected_file.write(self.connection, "expected", self.declarations, system, values)
            found += protected_file.differences(self.connection, "protected", "expected", self.declarations)
            self.connection.execute("detach expected")
            is_made = self.made is not None and _is_equal(values, self.made[0])
            result = self.made[1] if self.made and is_made else attack(system, values, self.ever)
            found += _named(system, result.found)
            return found, result, int(values.hidden.sum())
        finally:
            self.connection.execute("detach protected")


def _is_equal(one: Values, other: Values) -> bool:
    return np.array_equal(one.hidden, other.hidden) and np.array_equal(
        one.published[~one.hidden], other.published[~one.hidden], equal_nan=True
    )


def _declarations(
    marts: Mapping[str, Mart], columns: Iterable[tuple[str, str, str]]
) -> tuple[dict[str, Declaration], list[str]]:
    """What every mart declares, and what is wrong with it: no table goes out of which nobody said what it tells."""
    types: dict[str, dict[str, str]] = {}
    for table, name, kind in columns:
        types.setdefault(table, {})[name] = kind
    found = [f"table {table}: no model of the project makes it" for table in sorted(set(types) - set(marts))]
    declarations: dict[str, Declaration] = {}
    for name, mart in marts.items():
        if name not in types:
            found.append(f"table {name}: the project has a model for it, the build has not")
            continue
        try:
            declarations[name] = read_declaration(mart.discloses)
        except ValueError as error:
            found.append(f"table {name} ({mart.file}): {error}")
            continue
        found += problems(name, declarations[name], types[name])
    return declarations, found


def _beside(system: System, found: Iterable[int]) -> set[int]:
    """The finest cells of the rows in which cells were found, under any name."""
    some = set(found)
    rows = {
        (id(system.blocks[system.block[cell]].rows), int(system.row[cell]))
        for cell in range(len(system.exact))
        if int(system.same[cell]) in some
    }
    beside = (
        cell
        for cell in range(len(system.exact))
        if (id(system.blocks[system.block[cell]].rows), int(system.row[cell])) in rows
    )
    return set(system.expand(beside))


def _more_to_hide(system: System, values: Values, found: Iterable[int]) -> set[int]:
    """What else to withhold where cells were found: themselves, and the totals that they are in."""
    some = set(found)
    return some | {
        whole
        for whole, parts in system.parts.items()
        if not values.hidden[whole] and not some.isdisjoint(parts.tolist())
    }


def _named(system: System, cells: Iterable[int]) -> Iterator[str]:
    """Cells that were found, by table, column and row of the grid, without their values; the first of each column."""
    by_column: dict[tuple[str, str], list[str]] = {}
    for cell in cells:
        table, column, row = system.key(cell)
        by_column.setdefault((table, column), []).append(row)
    for (table, column), rows in by_column.items():
        shown = "; ".join(rows[:3]) + (f" and {len(rows) - 3} more" if len(rows) > 3 else "")  # noqa: PLR2004
        yield f"column {table}.{column}: {len(rows)} cell(s) have fewer than three possible values: {shown}"


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


def _about_persons(contracts: Mapping[str, Contract]) -> set[str]:
    """The tables of landing that are about persons: of datasets, and all of links."""
    links = {link.table for link in load_links().values()}
    return {name for name, contract in contracts.items() if contract.about_persons} | links


def _exposed(
    marts: Mapping[str, Mart], declarations: Mapping[str, Declaration], contracts: Mapping[str, Contract]
) -> Iterator[str]:
    """No public mart has rows that descend from a dataset about persons, or from where nobody knows."""
    about_persons = _about_persons(contracts)
    for name, declaration in declarations.items():
        mart = marts[name]
        if declaration.mode != "public":
            continue
        if persons := sorted((mart.sources | mart.mentions) & about_persons):
            yield f"table {mart.name} ({mart.file}): descends from {', '.join(persons)}, about persons, and is public"
        if unknown := sorted(mart.sources - set(contracts) - about_persons - METADATA):
            yield f"table {mart.name} ({mart.file}): descends from {', '.join(unknown)}, which has no contract"
        if mart.reads_outside:
            models = ", ".join(sorted(mart.reads_outside))
            yield f"table {mart.name} ({mart.file}): {models} reads files itself, which no lineage knows"


def _public_parts(
    connection: duckdb.DuckDBPyConnection, declarations: Mapping[str, Declaration], contracts: Mapping[str, Contract]
) -> Iterator[str]:
    """Rows that a mart about persons publishes as they are: of measures whose datasets are not about persons."""
    about_persons = ", ".join(literal(name) for name, contract in contracts.items() if contract.about_persons)
    for table, declaration in declarations.items():
        for part in declaration.parts:
            if declaration.mode == "public" or part.mode != "public":
                continue
            try:
                row = connection.execute(
                    f"""
                    select count(*) from warehouse.{SCHEMA}.{quoted(table)} as rows_of
                    left join warehouse.{SCHEMA}.dim_measure using (municipality_code, measure_id)
                    where ({part.rows})
                    and (datasets is null or list_has_any(datasets, [{about_persons}]::varchar[]))
                    """
                ).fetchone()
            except duckdb.Error:
                yield f"table {table}: publishes rows as they are, and no measure tells that they are not about persons"
                continue
            assert row is not None, "an aggregate has one row"
            if row[0]:
                yield f"table {table}: {row[0]} row(s) that are published as they are descend from data about persons"


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


def _delivery_counts(
    marts: Mapping[str, Mart], declarations: Mapping[str, Declaration], columns: Iterable[tuple[str, str, str]]
) -> Iterator[str]:
    """No public mart tells how many rows a delivery had."""
    for table, name, _ in columns:
        mart, declaration = marts.get(table), declarations.get(table)
        is_public = declaration is not None and declaration.mode == "public"
        if mart and is_public and "deliveries" in mart.sources and name in DELIVERY_COUNTS:
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
