"""Leaks planted after the making of the protected file, or in what a mart declares: the gate stops each.

The small municipality's own build is protected once. A batch copies that run, plants one leak in each mart, of
different kinds, and asks the gate: it must refuse, name table and column of each, and say no value. `make test` has
one batch of each sort, `make proof` all.
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
from attacker import STEP, Part, Table, read_declarations, read_tables, text
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


def cases() -> dict[str, list[list[Case]]]:
    """By mart, its cases by kind: up to `MOST` columns that a kind of leak can be planted in."""
    return {
        table: [
            [
                Case(kind, table, column)
                for column in [name for name in dict.fromkeys(columns) if (kind, table, name) not in NOT_THERE][:MOST]
            ]
            for kind, columns in _columns(parts).items()
        ]
        for table, parts in DECLARED.items()
    }


def batches() -> dict[str, list[Case]]:
    """Leaks that are planted together, one a mart; what changes declarations or the registry is not mixed with more."""
    found: dict[str, list[Case]] = {}
    for number, kinds in enumerate(cases().values()):
        flat = [case for kind in kinds for case in kind]
        alone = [case for case in flat if case.kind in ALONE]
        mixed = [kind for kind in kinds if kind and kind[0].kind not in ALONE]
        # Each mart begins with another kind, so that one batch has all kinds.
        start = number % len(mixed) if mixed else 0
        for place, case in enumerate(case for kind in [*mixed[start:], *mixed[:start]] for case in kind):
            found.setdefault(f"file {place:02}", []).append(case)
        for kind in ALONE:
            for place, case in enumerate(case for case in alone if case.kind == kind):
                found.setdefault(f"{kind} {place:02}", []).append(case)
    return found


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
        "a withheld amount that subtraction gives": [
            name
            for part in parts
            for total in part.totals
            for name in total.get("columns") or part.amounts
            if part.is_amount(name)
        ],
    }


ALONE = (
    "a second rounding within the month",
    "a declaration that lost a column",
    "a count declared as copied",
    "a mart declared public",
    "a mart without a declaration",
    "one more table of the build",
)
MOST = 2
NOT_THERE = {
    # These hold what others have counted, and no dataset about persons: `public` would be no leak by the contracts.
    *(("a mart declared public", table, "*") for table in ("mart_dagtilbud", "mart_headspace", "mart_ppr_conferences")),
    # The measure with totals has no denominator.
    *(
        (kind, "fct_measure", "denominator")
        for kind in ("a total that is not the sum", "a total that moves by one person", "an unrounded total")
    ),
    # All of it is withheld at small.
    ("an exact amount", "mart_icehearts_results", "leisure_grant_dkk"),
    # A total in every row.
    ("a cell that is no neighbour", "mart_school_absence", "pupil_months"),
}
"""Kinds that can't be planted in a column."""

BATCHES = batches()
ALL = [(batch, case) for batch, planted in BATCHES.items() for case in planted]
IN_EVERY_TEST = {
    "file 00",
    "file 04",
    "file 15",
    "a second rounding within the month 00",
    "a count declared as copied 00",
}


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


def copy_of(clean: Run, home: Path) -> Run:
    """A copy that leaks may be planted in; the large files that nothing changes are linked."""
    shutil.copytree(clean.settings.home, home, copy_function=_link_large)
    return Run(clean.settings.model_copy(update={"home": home}), clean.tables)


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
    rows = rows_of(table, column, "amount", "mean", "rate")
    rid = next((rid for rid in rows if table.values[rid].get(column) is None), rows[0])
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
    rows = rows or [rid for rid in rows_of(table, column, "count") if table.values[rid].get(column) is not None]
    rid = next((rid for rid in rows if (table.exact[rid].get(column) or 0) % STEP), rows[0])
    shown = float(table.values[rid][column])
    _register(run, table, rid, column, shown + STEP if shown <= (table.exact[rid].get(column) or 0) else shown - STEP)
    return None


def moved_total(run: Run, table: Table, column: str) -> object:
    rid = min(total_rows(table, column))
    value = float(table.values[rid][column]) + 1
    change(run.folder.protected_file, table, rid, column, value)
    return None


def _register(run: Run, table: Table, rid: int, column: str, value: float) -> None:
    """An earlier release of the same month, which had all that this one has, but for this cell."""
    folder = run.settings.home / "disclosure" / "registry"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "20260601T033000Z-000000.parquet"
    source = file if file.exists() else run.folder.registered_file
    key = {name: table.values[rid][name] for name in sorted(table.parts[table.part_of[rid]].grid)}
    is_it = " and ".join(f"json_extract_string(row_key, '$.{name}') is not distinct from ?" for name in key)
    with duckdb.connect() as connection:
        connection.execute(f"create table cells as select * from '{source}'")
        if source != file:
            as_of = run.folder.inputs()["as_of"]
            connection.execute(f"alter table cells add column as_of date default date '{as_of}'")
            connection.execute("alter table cells add column release_id varchar default '20260601T033000Z-000000'")
        figures = [
            name
            for (name,) in connection.execute("select column_name from (describe cells)").fetchall()
            if name in {"value", "rounded"}
        ]
        changed = connection.execute(
            f"update cells set {', '.join(f'{name} = {value}' for name in figures)} "
            f"where table_name = ? and column_name = ? and {is_it}",
            [table.name, column, *(text(said) for said in key.values())],
        ).fetchone()
        assert changed is not None
        assert changed[0] == 1, "the cell is in the registry's file of this run"
        connection.execute(f"copy cells to '{file}' (format parquet)")


def restricted_column(run: Run, table: Table, column: str) -> object:
    with duckdb.connect(str(run.folder.protected_file)) as connection:
        connection.execute(f'alter table marts."{table.name}" add column "{column}" integer default 7')
    return None


def person_in_text(run: Run, table: Table, _: str) -> object:
    """A number of the form of a CPR number that nobody has: it fails modulus 11, and its day is a day plus 60."""
    texts = [name for name, kind in table.types.items() if kind == "VARCHAR" and name != "municipality_code"]
    column = next((name for name in texts if name not in table.parts[0].grid), texts[0])
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
        # It is made anew by the declarations as they are now.
        run.folder.protected_file.unlink(missing_ok=True)
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


NAMES_TABLE = {
    "a number of a person in a text",
    "one more linked table",
    "one more table of the build",
    "a mart declared public",
    "a mart without a declaration",
}
"""Kinds that are of a whole table, or of a column that the case chooses itself."""


def said_without_keys(message: str) -> str:
    """The message without the rows' keys, and without how many cells it names."""
    return re.sub(r"\{[^}]*\}|\b\d+ (?:finding|cell|row|different text|more)", " ", message)


@dataclass(frozen=True)
class Stopped:
    """What the gate said of a batch, and which figure each case has planted (None where it has none of its own)."""

    message: str
    planted: dict[Case, object]
    is_passed: bool


@pytest.fixture(scope="module")
def judged(clean: Run, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Stopped]:
    """Plants a batch, once, and asks the gate."""
    known: dict[str, Stopped] = {}

    def judge(batch: str) -> Stopped:
        if batch not in known:
            run = copy_of(clean, tmp_path_factory.mktemp("batch") / "home")
            planted = {case: PLANT[case.kind](run, run.tables[case.table], case.column) for case in BATCHES[batch]}
            if not run.folder.protected_file.is_file():
                protect.make_protected(run.settings, RUN)
            message = ""
            try:
                protect.check(run.settings, RUN)
            except protect.DisclosureFound as found:
                message = str(found)
            verdict = json.loads((run.folder.operations / "protection.json").read_text("utf-8"))
            known[batch] = Stopped(message, planted, verdict["is_passed"])
            shutil.rmtree(run.settings.home)
        return known[batch]

    return judge


@pytest.mark.parametrize(
    ("batch", "case"),
    [
        pytest.param(batch, case, id=str(case), marks=[] if batch in IN_EVERY_TEST else pytest.mark.proof)
        for batch, case in ALL
    ],
)
def test_a_planted_leak_is_stopped(judged: Callable[[str], Stopped], batch: str, case: Case) -> None:
    stopped = judged(batch)
    assert not stopped.is_passed
    lines = [line for line in stopped.message.splitlines() if re.search(rf"\b{case.table}\b", line)]
    if case.kind in NAMES_TABLE:
        assert [line for line in stopped.message.splitlines() if case.table in line]
    else:
        assert [line for line in lines if re.search(rf"\b{case.column}\b", line)], "table and column are named"
    value = stopped.planted[case]
    if value is not None:
        assert not re.search(rf"(?<![\w.-]){re.escape(str(value))}(?![\w.-])", said_without_keys("\n".join(lines)))


def test_there_are_enough_and_of_every_kind() -> None:
    assert len(ALL) >= FEWEST_CASES
    assert {case.kind for _, case in ALL} == set(PLANT)
    assert {case.kind for batch in IN_EVERY_TEST for case in BATCHES[batch]} | set(ALONE) == set(PLANT)


def test_what_is_not_tampered_with_passes(clean: Run) -> None:
    protect.check(clean.settings, RUN)
