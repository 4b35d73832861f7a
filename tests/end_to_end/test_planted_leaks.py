"""Leaks planted between the making of the protected file and the gate, or in what a mart declares: each is stopped.

The small municipality's own build is protected once; each case copies that run, plants one leak and asks the gate. The
gate must refuse, name table and column, and say no value. In `make test` one case of each kind; `make proof` has all.
"""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from attacker import STEP, Part, Table, read_declarations, read_tables
from figures import Night

from include.settings import PROJECT_ROOT, Settings
from include.warehouse import protect
from include.warehouse.run_folder import RunFolder

RUN = "20260619T033000Z-000000"
DECLARED = read_declarations(PROJECT_ROOT / "dbt_project")
FEWEST_CASES = 200


@dataclass(frozen=True)
class Case:
    kind: str
    table: str
    column: str

    def __str__(self) -> str:
        return f"{self.kind}-{self.table}-{self.column}"


def cases() -> Iterator[Case]:
    """One for each column that a kind of leak can be planted in, by what the declarations say."""
    for table, parts in DECLARED.items():
        for kind, columns in _columns(parts).items():
            for column in dict.fromkeys(columns):
                yield Case(kind, table, column)


def _columns(parts: list[Part]) -> dict[str, list[str]]:
    counts = [name for part in parts for name in part.of("count")]
    amounts = [name for part in parts for name in part.of("amount")]
    in_totals = [
        name for part in parts for total in part.totals for name in total.get("columns") or part.of("count", "amount")
    ]
    return {
        "an exact count": counts,
        "an exact amount": amounts,
        "an unrounded total": in_totals,
        "a total that is not the sum": in_totals,
        "an unrounded mean": [name for part in parts for name in part.of("mean")],
        "a rate with its exact denominator": [name for part in parts for name in part.of("rate")],
        "a withheld figure filled in": [name for part in parts for name in part.of("amount", "mean", "rate")],
        "a cell that is no neighbour": counts,
        "a second rounding within the month": counts,
        "a total that moves by one person": in_totals[:3],
        "a restricted column": ["exact_rows", "school_class"],
        "a number of a person in a text": ["*"],
        "a declaration that lost a column": (counts + amounts)[:2],
        "a count declared as copied": counts[:2],
        "a mart declared public": ["*"],
        "a mart without a declaration": ["*"],
        "one more linked table": ["*"],
        "one more table of the build": ["*"],
        "a withheld amount that subtraction gives": [name for name in amounts if name in in_totals],
    }


ALL = list(cases())
FIRST = {case.kind: case for case in reversed(ALL)}
SLICE = set(FIRST.values())


# ---- the run that leaks are planted in


@dataclass(frozen=True)
class Run:
    """A protected run in a home of its own, and what its tables hold."""

    settings: Settings
    tables: dict[str, Table]

    @property
    def folder(self) -> RunFolder:
        return RunFolder.of(self.settings, RUN)


@pytest.fixture(scope="module")
def clean(small: Night, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The small night's build, protected, and accepted by the gate as it is."""
    root = tmp_path_factory.mktemp("planted")
    settings = small.settings.model_copy(update={"home": root / "home"})
    folder = RunFolder.of(settings, RUN)
    built = small.inbox.parent / "built"
    for path in (folder.build_file.parent, folder.target, folder.operations):
        path.mkdir(parents=True)
    for file, target in (
        ("warehouse.duckdb", folder.build_file),
        ("landing.duckdb", folder.landing_file),
        ("manifest.json", folder.manifest_file),
    ):
        shutil.copy(built / file, target)
    inputs = json.loads((built / "inputs.json").read_text("utf-8"))
    folder.inputs_file.write_text(json.dumps(inputs | {"run_id": RUN}), "utf-8")
    protect.protect(settings, RUN)
    tables = read_tables(folder.protected_file, DECLARED, folder.build_file)
    return Run(settings, {table.name: table for table in tables})


@pytest.fixture
def run(clean: Run, tmp_path: Path) -> Run:
    """A copy that a leak may be planted in; the large files that nothing changes are linked."""
    settings = clean.settings.model_copy(update={"home": tmp_path / "home"})
    shutil.copytree(clean.settings.home, settings.home, copy_function=_link_large)
    return Run(settings, clean.tables)


def _link_large(source: str, target: str) -> None:
    if Path(source).name in {"warehouse.duckdb", "landing.duckdb"}:
        Path(target).hardlink_to(source)
    else:
        shutil.copy(source, target)


# ---- planting


def rows_of(table: Table, column: str, *kinds: str) -> list[int]:
    """Rows whose part has the column as one of these kinds, with a value or withheld."""
    return [
        rid
        for rid, number in sorted(table.part_of.items())
        if table.parts[number].columns.get(column, {}).get("kind") in kinds and rid in table.exact
    ]


def change(file: Path, table: Table, rid: int, column: str, value: object, *, shown: bool = False) -> None:
    """Set one figure of the protected file; `shown` takes it out of what is named as withheld."""
    grid = table.parts[table.part_of[rid]].grid
    where = " and ".join(f'"{name}" is not distinct from ?' for name in grid)
    also = f", hidden_columns = list_filter(hidden_columns, lambda one : one <> '{column}')" if shown else ""
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            f'update marts."{table.name}" set "{column}" = ?{also} where {where}',
            [value, *(table.values[rid][name] for name in grid)],
        )


def total_rows(table: Table, column: str) -> dict[int, list[int]]:
    """Rows that are totals in this column, with their parts."""
    found: dict[int, list[int]] = {}
    for number, part in enumerate(table.parts):
        for place, total in enumerate(part.totals):
            columns = total.get("columns") or part.of("count", "amount")
            if column in columns:
                for whole, piece in table.links[number, f"total {place}"]:
                    found.setdefault(whole, []).append(piece)
    return {whole: pieces for whole, pieces in found.items() if table.values[whole].get(column) is not None}


def exact_figure(run: Run, table: Table, column: str) -> object:
    return _plant_exact(run, table, rows_of(table, column, "count", "amount"), column)


def unrounded_total(run: Run, table: Table, column: str) -> object:
    return _plant_exact(run, table, list(total_rows(table, column)), column)


def _plant_exact(run: Run, table: Table, rows: list[int], column: str) -> object:
    """The true value where it is not round; where all are, a figure that is not."""
    true = {
        rid: table.exact[rid].get(column)
        for rid in rows
        if rid in table.exact and table.values[rid].get(column) is not None
    }
    assert true, "a column without any figure tests nothing"
    rid = next((rid for rid, value in true.items() if value is not None and value % STEP), min(true))
    value = true[rid] if true[rid] and true[rid] % STEP else 3
    change(run.folder.protected_file, table, rid, column, value)
    return value


def not_the_sum(run: Run, table: Table, column: str) -> object:
    rid = min(total_rows(table, column))
    said = table.parts[table.part_of[rid]].columns[column]
    value = float(table.values[rid][column]) + float(said["is"] if said["kind"] == "amount" else STEP)
    change(run.folder.protected_file, table, rid, column, value)
    return None


def unrounded_mean(run: Run, table: Table, column: str) -> object:
    for rid in rows_of(table, column, "mean"):
        shown, true = table.values[rid].get(column), table.exact[rid].get(column)
        if shown is not None and true is not None and abs(float(shown) - float(true)) > 1e-4:
            change(run.folder.protected_file, table, rid, column, true)
            return true
    return filled_in(run, table, column)


def exact_denominator(run: Run, table: Table, column: str) -> object:
    for rid in rows_of(table, column, "rate"):
        above, below = table.parts[table.part_of[rid]].columns[column]["is"]
        shown, true = table.values[rid], table.exact[rid]
        if shown.get(column) is not None and shown[above] and true[below] and true[below] != shown[below]:
            value = float(shown[above]) / float(true[below])
            if abs(value - float(shown[column])) > 1e-5:
                change(run.folder.protected_file, table, rid, column, value)
                return value
    return filled_in(run, table, column)


def filled_in(run: Run, table: Table, column: str) -> object:
    """A withheld figure as it is, and no longer named as withheld; where none is, one for a row of nobody."""
    for rid in rows_of(table, column, "amount", "mean", "rate"):
        if column in (table.values[rid]["hidden_columns"] or ()) and table.exact[rid].get(column) is not None:
            change(run.folder.protected_file, table, rid, column, table.exact[rid][column], shown=True)
            return None
    rid = next(rid for rid in rows_of(table, column, "amount", "mean", "rate") if table.values[rid].get(column) is None)
    change(run.folder.protected_file, table, rid, column, 0.25, shown=True)
    return None


def no_neighbour(run: Run, table: Table, column: str) -> object:
    totals = total_rows(table, column)
    rid = next(
        rid
        for rid in rows_of(table, column, "count")
        if rid not in totals and table.values[rid].get(column) is not None
    )
    change(run.folder.protected_file, table, rid, column, STEP * math.floor(table.exact[rid][column] / STEP) + 2 * STEP)
    return None


def second_rounding(run: Run, table: Table, column: str) -> object:
    """The registry says that this month's release had the other neighbour."""
    totals = total_rows(table, column)
    rows = [
        rid
        for rid in rows_of(table, column, "count")
        if rid not in totals and table.values[rid].get(column) is not None
    ]
    rid = next((rid for rid in rows if table.exact[rid][column] % STEP), rows[0])
    shown = float(table.values[rid][column])
    _register(run, table, rid, column, shown + STEP if shown <= table.exact[rid][column] else shown - STEP)
    return None


def moved_total(run: Run, table: Table, column: str) -> object:
    rid = min(total_rows(table, column))
    value = float(table.values[rid][column]) + 1
    change(run.folder.protected_file, table, rid, column, value)
    return None


def _register(run: Run, table: Table, rid: int, column: str, value: float) -> None:
    """A release of the same month, in the form of the registry's own files."""
    source = duckdb.execute(f"select * from '{run.folder.registered_file}' limit 0").description or []
    names = [name for name, *_ in source]
    key = {name: table.values[rid][name] for name in sorted(table.parts[table.part_of[rid]].grid)}
    folder = run.settings.home / "disclosure" / "registry"
    folder.mkdir(parents=True, exist_ok=True)
    inputs = run.folder.inputs()
    with duckdb.connect() as connection:
        connection.execute(f"create table cells as select * from '{run.folder.registered_file}'")
        row_key = connection.execute(
            "select row_key from cells where table_name = ? and column_name = ? and "
            + " and ".join("json_extract_string(row_key, ?) is not distinct from ?" for _ in key),
            [table.name, column, *(item for name, said in key.items() for item in (f"$.{name}", _text(said)))],
        ).fetchone()
        assert row_key is not None, "the cell is in the registry's file of this run"
        chosen = ", ".join(f"? as {name}" if name in {"value"} else name for name in names)
        connection.execute(
            f"""copy (select {chosen}, date '{inputs["as_of"]}' as as_of, 'earlier' as release_id from cells
            where table_name = '{table.name}' and column_name = '{column}' and row_key = ?)
            to '{folder / "20260601T033000Z-000000.parquet"}' (format parquet)""",
            [value, row_key[0]],
        )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def restricted_column(run: Run, table: Table, column: str) -> object:
    with duckdb.connect(str(run.folder.protected_file)) as connection:
        connection.execute(f'alter table marts."{table.name}" add column "{column}" integer default 7')
    return None


def person_in_text(run: Run, table: Table, _: str) -> object:
    """A number of the form of a CPR number that nobody has: it fails modulus 11, and its day is a day plus 60."""
    column = next(
        name
        for name, kind in table.types.items()
        if kind == "VARCHAR" and name not in {"municipality_code", *table.parts[0].grid}
    )
    with duckdb.connect(str(run.folder.protected_file)) as connection:
        connection.execute(f'update marts."{table.name}" set "{column}" = ?', ["Se 710215-4321 i sagen"])
    return "710215"


def linked_table(run: Run, table: Table, _: str) -> object:
    """The same persons by another grouping, rounded as if they were others, that no declaration knows."""
    part = next(part for part in table.parts if part.of("count"))
    count, by = part.of("count")[0], part.grid[-1]
    with duckdb.connect(str(run.folder.protected_file)) as connection:
        connection.execute(f"attach '{run.folder.build_file}' as exact (read_only)")
        connection.execute(
            f"""create table marts."{table.name}_linked" as
            select municipality_code, "{by}", 5 * round(sum("{count}") / 5) as "{count}"
            from exact.marts."{table.name}" group by all"""
        )
    return None


def table_of_the_build(run: Run, table: Table, _: str) -> object:
    file = run.folder.build_file
    shutil.copy(file, file.with_suffix(".copy"))
    file.with_suffix(".copy").replace(file)
    with duckdb.connect(str(file)) as connection:
        connection.execute(f'create table marts."{table.name}_more" as from marts."{table.name}"')
    return None


def last_withheld(run: Run, table: Table, column: str) -> object:
    """All withheld parts of a total but one are shown in steps, so that the last one is what is left."""
    for whole, pieces in total_rows(table, column).items():
        hidden = [rid for rid in pieces if column in (table.values[rid]["hidden_columns"] or ()) and rid in table.exact]
        if len(hidden) > 1 and column not in (table.values[whole]["hidden_columns"] or ()):
            step = float(table.parts[table.part_of[whole]].columns[column]["is"])
            for rid in hidden[1:]:
                shown = step * round(float(table.exact[rid][column] or 0) / step)
                change(run.folder.protected_file, table, rid, column, shown, shown=True)
            return None
    return filled_in(run, table, column)


def declaring(edit: Callable[[dict[str, Any], str], None]) -> Callable[[Run, Table, str], object]:
    """A leak in what the model declares: the protected file is made anew by it."""

    def plant(run: Run, table: Table, column: str) -> object:
        content = json.loads(run.folder.manifest_file.read_text("utf-8"))
        for node in content["nodes"].values():
            if node["resource_type"] == "model" and node["name"] == table.name:
                for meta in (node.get("meta", {}), node["config"].get("meta", {})):
                    if "discloses" in meta:
                        edit(meta, column)
        run.folder.manifest_file.write_text(json.dumps(content), "utf-8")
        run.folder.protected_file.unlink()
        protect.make_protected(run.settings, RUN)
        return None

    return plant


def _each_columns(meta: dict[str, Any]) -> Iterator[dict[str, Any]]:
    said = meta["discloses"]
    yield from (said, *(said.get("parts") or ()))


def lose_column(meta: dict[str, Any], column: str) -> None:
    for part in _each_columns(meta):
        (part.get("columns") or {}).pop(column, None)


def copy_count(meta: dict[str, Any], column: str) -> None:
    for part in _each_columns(meta):
        if column in (part.get("columns") or {}):
            part["columns"][column] = "copied"


def make_public(meta: dict[str, Any], _: str) -> None:
    meta["discloses"] = {"mode": "public", "unit": "ingen / none", "audience": "Alle / Everybody"}


def lose_declaration(meta: dict[str, Any], _: str) -> None:
    del meta["discloses"]


PLANT: dict[str, Callable[[Run, Table, str], object]] = {
    "an exact count": exact_figure,
    "an exact amount": exact_figure,
    "an unrounded total": unrounded_total,
    "a total that is not the sum": not_the_sum,
    "an unrounded mean": unrounded_mean,
    "a rate with its exact denominator": exact_denominator,
    "a withheld figure filled in": filled_in,
    "a cell that is no neighbour": no_neighbour,
    "a second rounding within the month": second_rounding,
    "a total that moves by one person": moved_total,
    "a restricted column": restricted_column,
    "a number of a person in a text": person_in_text,
    "a declaration that lost a column": declaring(lose_column),
    "a count declared as copied": declaring(copy_count),
    "a mart declared public": declaring(make_public),
    "a mart without a declaration": declaring(lose_declaration),
    "one more linked table": linked_table,
    "one more table of the build": table_of_the_build,
    "a withheld amount that subtraction gives": last_withheld,
}


def said_without_keys(message: str) -> str:
    """The message without the rows' keys, and without how many cells it names."""
    return re.sub(r"\{[^}]*\}|\b\d+ (?:finding|cell|row|different text|more)", " ", message)


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=str(case), marks=[] if case in SLICE else pytest.mark.proof) for case in ALL]
)
def test_a_planted_leak_is_stopped(run: Run, case: Case) -> None:
    table = run.tables[case.table]
    value = PLANT[case.kind](run, table, case.column)
    with pytest.raises(protect.DisclosureFound) as stopped:
        protect.check(run.settings, RUN)
    message = str(stopped.value)
    assert case.table in message
    if case.column != "*":
        assert f"{case.table}.{case.column}" in message or re.search(rf"{case.table}\b.*\b{case.column}\b", message)
    if value is not None:
        assert not re.search(rf"(?<![\w.-]){re.escape(str(value))}(?![\w.-])", said_without_keys(message))
    verdict = json.loads((run.folder.operations / "protection.json").read_text("utf-8"))
    assert verdict["is_passed"] is False


def test_there_are_enough_and_of_every_kind() -> None:
    assert len(ALL) >= FEWEST_CASES
    assert {case.kind for case in ALL} == set(PLANT)


def test_what_is_not_tampered_with_passes(run: Run) -> None:
    protect.check(run.settings, RUN)
