"""Nights that are not like others: nothing delivered, a rule broken, a variable forgotten."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from small_landing import AGREEMENT, DELIVERIES, ROWS, STATISTICS_DELIVERY, Build

from include.gx import open_project
from include.landing.contract import load_contracts
from include.settings import PROJECT_ROOT


def test_a_landing_without_deliveries_builds_marts_that_know_nothing(tmp_path: Path, dbt: Callable[..., Build]) -> None:
    """A municipality that has sent nothing yet: all builds and passes, and what is not known is nowhere a zero."""
    build = dbt({}, [], "build", "--exclude-resource-type", "unit_test")
    assert build.exit_code == 0, build.output[-4000:]
    assert {result["status"] for result in build.results.values()} <= {"success", "pass"}
    for mart in ("dim_initiative", "fct_milestone", "fct_initiative_amount", "fct_initiative_spending"):
        assert build.query(f"select count(*) from marts.{mart}") == [(0,)]
    for mart in ("mart_budget_follow_up", "mart_school_absence", "mart_icehearts", "mart_trivsel"):
        assert build.query(f"select count(*) from marts.{mart}") == [(0,)]
    assert _zeros(build) == []
    tables = [name for (name,) in build.query("select table_name from duckdb_tables() where schema_name = 'marts'")]
    with open_project(build.file, tmp_path / "gx") as project:
        critical = [message for name in sorted(tables) for message in project.run(name, name, schema="marts").critical]
    assert critical == []
    assert build.query(
        "select count(*), count(*) filter (where freshness = 'never_delivered') from marts.data_freshness"
    ) == [(len(load_contracts()), len(load_contracts()))]


def _zeros(build: Build) -> list[str]:
    """Columns of figures that say zero somewhere; a figure of what was never delivered is unknown instead."""
    columns = build.query(
        "select table_name, column_name from duckdb_columns() where schema_name = 'marts' "
        "and (table_name like 'mart\\_%' escape '\\' or table_name like 'fct\\_%' escape '\\') "
        "and regexp_matches(data_type, '^(DECIMAL|U?(TINY|SMALL|BIG|HUGE)?INT|DOUBLE|FLOAT)') order by all"
    )
    assert len(columns) >= 50
    return [
        f"{table}.{column}"
        for table, column in columns
        if build.query(f'select count(*) from marts.{table} where "{column}" = 0') != [(0,)]
    ]


def test_a_failing_test_is_reported_and_stops_what_stands_on_it(dbt: Callable[..., Build]) -> None:
    unknown = {"budget_year": 2026, "amount_kind": "gift", "amount_mdkk": "1.000", "stated_in": "finance"}
    rows = {"budget_agreement": [{**AGREEMENT[0], "amounts": [unknown]}]}
    build = dbt(rows, [], "build", "--select", "stg_budget__agreement_amounts", "fct_initiative_amount")
    assert build.exit_code == 1
    statuses = {name.split(".")[2]: result["status"] for name, result in build.results.items()}
    failed = [name for name, status in statuses.items() if status == "fail"]
    assert len(failed) == 1
    assert failed[0].startswith("accepted_values_stg_budget__agreement_amounts_amount_kind")
    assert statuses["fct_initiative_amount"] == "skipped"
    assert failed[0] in build.output


def test_no_model_asks_the_clock() -> None:
    clock = re.compile(r"\b(now|today|current_date|current_timestamp|get_current_\w+|run_started_at)\b", re.IGNORECASE)
    models = sorted((PROJECT_ROOT / "dbt_project").glob("m*/**/*.sql"))
    assert len(models) > 30
    assert [model.name for model in models if clock.search(model.read_text("utf-8"))] == []


def _content(build: Build) -> dict[str, tuple[object, ...]]:
    """Rows and an order-free hash of each mart."""
    tables = [name for (name,) in build.query("select table_name from duckdb_tables() where schema_name = 'marts'")]
    return {
        table: build.query(f"select count(*), bit_xor(hash(mart)), sum(hash(mart)) from marts.{table} as mart")[0]
        for table in tables
    }


def test_the_same_landing_gives_the_same_content(tmp_path: Path, built: Build, dbt: Callable[..., Build]) -> None:
    # rows in another order, as another sequence of nights would leave them
    turned = {dataset: list(reversed(rows)) for dataset, rows in ROWS.items()}
    again_file = tmp_path / "build" / "warehouse.duckdb"
    again_file.parent.mkdir()
    shutil.copy(built.file, again_file)  # for the seeds; every model is built anew
    again = dbt(turned, [STATISTICS_DELIVERY, *reversed(DELIVERIES)], "run")
    assert again.exit_code == 0, again.output[-4000:]
    assert set(_content(built)) == {file.stem for file in (PROJECT_ROOT / "dbt_project/models/marts").rglob("*.sql")}
    assert _content(again) == _content(built)


def test_a_night_without_a_date_stops(dbt: Callable[..., Build]) -> None:
    variables = json.dumps({"municipality_code": "151", "is_synthetic": True})
    build = dbt({}, [], "run", "--select", "data_freshness", "--vars", variables)
    assert build.exit_code != 0
    assert "The variable as_of is not set" in build.output
