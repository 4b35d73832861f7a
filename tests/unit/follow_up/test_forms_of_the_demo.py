"""The synthetic centres fill in the very forms that the warehouse would write from what they answered before."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from form_release import Row, calendar, publish

from include.demo.datasets.milestone_status import CENTER_CODES
from include.demo.municipality import Filled, fill
from include.follow_up.forms import write_forms
from include.settings import PROJECT_ROOT, Settings
from include.sources import status_form as layout


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    return fill(tmp_path_factory.mktemp("year"), nights="year", only=("budget_agreement", "milestone_status"))


def centers() -> list[Row]:
    with (PROJECT_ROOT / "dbt_project" / "seeds" / "center.csv").open(encoding="utf-8", newline="") as stream:
        seed = list(csv.DictReader(stream))
    return [
        {
            "center_code": row["center_code"],
            "center_name": row["center_name"],
            "valid_to": dt.date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
            "successor_center_codes": sorted(
                one["center_code"] for one in seed if one["predecessor_center_code"] == row["center_code"]
            ),
        }
        for row in seed
    ]


def answers(year: Filled) -> list[dict[str, Any]]:
    """All answers, oldest form first."""
    found: list[dict[str, Any]] = []
    for path in sorted(year.truth["milestone_status"]["deliveries"], key=lambda path: year.dates[path]):
        with duckdb.connect() as connection:
            layout.read(year.inbox / path, connection, dict.fromkeys(layout.SCHEMA.names, True), None)
            found += connection.table("raw").to_arrow_table().to_pylist()
    return found


def release(settings: Settings, year: Filled) -> None:
    agreements = year.truth["budget_agreement"]["agreements"]
    newest = {(row["follow_up_code"], row["milestone_key"]): row for row in answers(year)}
    publish(
        settings,
        dim_follow_up=[row for number in agreements for row in calendar(int(number))],
        dim_center=centers(),
        dim_initiative=[
            {
                "agreement_year": int(number),
                "initiative_id": one["initiative_id"],
                "title": one["title"],
                "center_code": CENTER_CODES[one["responsible_center"]],
                "finance_text": agreement["finance_texts"][one["initiative_id"]],
            }
            for number, agreement in agreements.items()
            for one in agreement["initiatives"]
        ],
        fct_milestone=[
            {
                "agreement_year": int(number),
                **one,
                "milestone_number": ("BO1", "BO2", "BO3", "YE").index(one["follow_up_code"].partition("-")[0]) + 1,
            }
            for number, agreement in agreements.items()
            for one in agreement["milestones"]
        ],
        fct_milestone_status=[
            {
                **{name: row[name] for name in ("agreement_year", "initiative_id", "milestone_number", "status")},
                "answered_follow_up_code": row["follow_up_code"],
                "answered_date": row["answered_date"],
            }
            for row in newest.values()
            if row["status_kind"] == "effort"
        ],
        mart_budget_follow_up=[
            {
                **{name: row[name] for name in ("agreement_year", "initiative_id", "follow_up_code")},
                "reported_economy_status": row["status"],
            }
            for row in newest.values()
            if row["status_kind"] == "economy"
        ],
    )


def asked(file: Path) -> list[list[object]]:
    """What stands in the protected cells of a form, but for the note on a split, which the made-up forms don't have."""
    sheet = openpyxl.load_workbook(file)[layout.SHEET]
    return [[str(cell.value).partition("\n(")[0] for cell in row[: layout.REASON]] for row in sheet.iter_rows()]


@pytest.mark.parametrize("code", ["BO2-2025", "BO3-2025", "YE-2025", "BO1-2026", "BO2-2026"])
def test_the_forms_are_those_that_the_warehouse_writes(year: Filled, tmp_path: Path, code: str) -> None:
    settings = Settings(home=tmp_path / "home", key_file=tmp_path / "key", as_of=dt.date(2025, 1, 1))
    release(settings, year)
    with duckdb.connect(str(settings.current_release / "warehouse.duckdb")) as connection:
        # As it was on the day of the forms: nobody had answered them.
        connection.execute("delete from marts.fct_milestone_status where answered_follow_up_code = ?", [code])
        connection.execute("delete from marts.mart_budget_follow_up where follow_up_code = ?", [code])
    written = {file.name: file for file in write_forms(settings, code)}
    came = {
        path.name: path
        for path in (year.inbox / "milestone_status").glob(f"{code} *.xlsx")
        if "(rettet)" not in path.name
    }
    assert came.keys() <= written.keys()
    assert len(came) > 3
    for name, path in came.items():
        assert asked(path) == asked(written[name]), name
