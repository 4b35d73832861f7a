"""A whole night over the municipality's own document, by the command line, as a newcomer starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from figures import open_release, rows

from include.landing.contract import load_contracts
from include.settings import PROJECT_ROOT

WAREHOUSE = "from include.cli import app; app()"


@pytest.fixture(scope="module")
def release(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release of `warehouse run --plain` over the real inbox."""
    folder = tmp_path_factory.mktemp("real")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("WAREHOUSE_", "AIRFLOW"))}
    environment |= {
        "WAREHOUSE_INPUTS": str(shared / "inbox"),
        "WAREHOUSE_HOME": str(folder / "home"),
        "WAREHOUSE_KEY_FILE": str(folder / "key" / "person.key"),
    }
    done = subprocess.run(
        [sys.executable, "-c", WAREHOUSE, "run", "--plain"],
        cwd=PROJECT_ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    assert "publish" in done.stderr
    return (folder / "home" / "releases" / "current").resolve()


def _query(release: Path, sql: str) -> list[dict[str, Any]]:
    with open_release(release) as connection:
        return rows(connection, sql)


def test_initiatives_and_milestones_of_2017(release: Path) -> None:
    found = _query(
        release,
        "select agreement_year, count(*) as initiatives, count(distinct initiative_id) as different, "
        "count(*) filter (where len(contributors) = 0) as alone from marts.dim_initiative group by all",
    )
    assert found == [{"agreement_year": 2017, "initiatives": 22, "different": 22, "alone": 6}]
    found = _query(
        release,
        "select count(*) as milestones, count(*) filter (where has_text) as with_text, "
        "count(milestone_text) as texts, list(distinct follow_up_code order by follow_up_code) as codes "
        "from marts.fct_milestone",
    )
    codes = ["BO1-2017", "BO2-2017", "BO3-2017", "YE-2017"]
    assert found == [{"milestones": 88, "with_text": 80, "texts": 80, "codes": codes}]


def test_finance_rows_of_2017_to_the_last_digit(release: Path) -> None:
    found = _query(
        release,
        "select amount_kind, sum(amount_mdkk) as mdkk from marts.fct_initiative_amount "
        "where agreement_year = 2017 and budget_year = 2017 and stated_in = 'finance' group by all order by all",
    )
    assert found == [
        {"amount_kind": "expenditure", "mdkk": Decimal("105.15")},
        {"amount_kind": "saving", "mdkk": Decimal("1.70")},
    ]
    found = _query(
        release,
        "select budget_year, amount_kind, amount_mdkk, stated_in from marts.fct_initiative_amount "
        "where initiative_id = '3.19' and stated_in = 'finance'",
    )
    only = {"budget_year": 2017, "amount_kind": "expenditure", "amount_mdkk": Decimal("14.5"), "stated_in": "finance"}
    assert found == [only], "the 15 belongs to 2016, 9.5 is a transfer"
    adopted = "sum(distinct_adopted.expenditure) as expenditure, sum(distinct_adopted.saving) as saving"
    found = _query(
        release,
        f"select {adopted} from (select distinct initiative_id, adopted_expenditure_mdkk as expenditure, "
        "adopted_saving_mdkk as saving from marts.mart_budget_follow_up) as distinct_adopted",
    )
    assert found == [{"expenditure": Decimal("105.15"), "saving": Decimal("1.70")}]


def test_what_was_never_delivered_is_shown_so(release: Path) -> None:
    found = {row["dataset"]: row for row in _query(release, "from marts.data_freshness")}
    assert set(found) == set(load_contracts())
    agreement = found.pop("budget_agreement")
    assert agreement["is_delivered"]
    assert agreement["data_as_of"] is not None
    for dataset, row in found.items():
        assert row["freshness"] == "never_delivered", dataset
        assert not row["is_delivered"], dataset
        assert row["data_as_of"] is None, dataset
    manifest = json.loads((release / "manifest.json").read_text("utf-8"))
    # the document is of 2017, long past its yearly rhythm
    assert {entry["dataset"] for entry in manifest["stale_datasets"]} == set(load_contracts())
    assert [entry["file"] for entry in manifest["deliveries"]] == ["aftale_om_budget_2017.txt"]


def test_real_release_is_not_called_synthetic(release: Path) -> None:
    assert json.loads((release / "manifest.json").read_text("utf-8"))["is_synthetic"] is False
    for table in ("data_freshness", "fct_milestone", "fct_initiative_amount", "mart_budget_follow_up"):
        assert _query(release, f"select distinct is_synthetic from marts.{table}") == [{"is_synthetic": False}]


def test_figures_without_a_delivery_are_absent_and_not_nought(release: Path) -> None:
    for mart in ("mart_school_absence", "mart_icehearts", "mart_trivsel", "fct_initiative_spending"):
        assert _query(release, f"select count(*) as n from exact.marts.{mart}") == [{"n": 0}], mart
    spent = "select count(*) as n, count(spent_to_date_dkk) as spent from marts.mart_budget_follow_up"
    assert _query(release, spent) == [{"n": 88, "spent": 0}]
