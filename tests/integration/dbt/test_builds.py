"""Nights that are not like others: nothing delivered, a rule broken, a variable forgotten."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from small_landing import DELIVERIES, POSTINGS, ROWS, STATISTICS_DELIVERY, Build, make_landing

from include.settings import PROJECT_ROOT


def test_a_landing_without_deliveries_builds_empty_marts(tmp_path: Path, dbt: Callable[..., Build]) -> None:
    build = dbt(make_landing(tmp_path / "landing.duckdb", {}, []), "build")
    assert build.exit_code == 0, build.output[-4000:]
    assert {result["status"] for result in build.results.values()} <= {"success", "pass"}
    for mart in ("dim_initiative", "fct_milestone", "fct_initiative_amount", "fct_initiative_spending"):
        assert build.query(f"select count(*) from marts.{mart}") == [(0,)]
    for mart in ("mart_budget_follow_up", "mart_school_absence", "mart_icehearts", "mart_trivsel"):
        assert build.query(f"select count(*) from marts.{mart}") == [(0,)]
    assert build.query(
        "select count(*), count(*) filter (where freshness = 'never_delivered') from marts.data_freshness"
    ) == [(7, 7)]


def test_a_failing_test_is_reported_and_stops_what_stands_on_it(tmp_path: Path, dbt: Callable[..., Build]) -> None:
    # a second pattern that claims the whole of what the first one has
    project = tmp_path / "project"
    shutil.copytree(PROJECT_ROOT / "dbt_project", project, ignore=shutil.ignore_patterns("target", "logs"))
    accounts = project / "seeds" / "initiative_account.csv"
    accounts.write_text(
        accounts.read_text("utf-8") + "151,2026,3.02,cost_center,01005,2026-01-01,,1,assumed\n", "utf-8"
    )
    landing = make_landing(tmp_path / "landing.duckdb", {"ledger_postings": POSTINGS}, DELIVERIES)
    build = dbt(landing, "build", "--select", "+int_initiative_posting", project=project)
    assert build.exit_code == 1
    failed = {name.split(".")[2]: result for name, result in build.results.items() if result["status"] == "fail"}
    assert list(failed) == ["assert_shares_of_a_posting_are_at_most_one"]
    assert failed["assert_shares_of_a_posting_are_at_most_one"]["failures"] > 0


def test_a_night_without_a_date_stops(tmp_path: Path, dbt: Callable[..., Build]) -> None:
    landing = make_landing(tmp_path / "landing.duckdb", {}, [])
    variables = json.dumps({"municipality_code": "151", "is_synthetic": True})
    build = dbt(landing, "run", "--select", "data_freshness", "--vars", variables)
    assert build.exit_code != 0
    assert "The variable as_of is not set" in build.output


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
    landing = make_landing(tmp_path / "landing.duckdb", turned, [STATISTICS_DELIVERY, *reversed(DELIVERIES)])
    again = dbt(landing, "build", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    assert again.exit_code == 0, again.output[-4000:]
    assert len(_content(built)) == 15
    assert _content(again) == _content(built)
