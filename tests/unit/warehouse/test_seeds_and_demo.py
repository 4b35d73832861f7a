"""The synthetic municipality and the seeds agree on the accounts of each initiative and on the school days."""

from __future__ import annotations

import csv
import datetime as dt
from decimal import Decimal

from include.demo.accounts import account_patterns
from include.demo.school_days import school_days
from include.settings import PROJECT_ROOT

SEEDS = PROJECT_ROOT / "dbt_project" / "seeds"


def _rows(seed: str) -> list[dict[str, str]]:
    with (SEEDS / f"{seed}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_seed_has_the_synthetic_accounts() -> None:
    seeded = {
        (
            int(row["agreement_year"]),
            row["initiative_id"],
            row["account_field"],
            row["account_pattern"],
            Decimal(row["share"]),
            row["valid_from"],
            row["valid_to"],
        )
        for row in _rows("initiative_account")
        if row["basis"] == "synthetic"
    }
    made = {
        (
            pattern.agreement_year,
            pattern.initiative_id,
            "activity_number",
            pattern.activity_number,
            pattern.share,
            pattern.valid_from.isoformat(),
            pattern.valid_to.isoformat(),
        )
        for pattern in account_patterns()
    }
    assert made
    assert seeded == made, "include/demo/accounts.py and dbt_project/seeds/initiative_account.csv must say the same"


def test_no_initiative_of_2017_has_accounts() -> None:
    # the documents of 2017 name none
    assert [row for row in _rows("initiative_account") if row["agreement_year"] == "2017"] == []


def test_the_seed_has_the_synthetic_school_days() -> None:
    periods = _rows("school_calendar")
    for start in (2023, 2024, 2025, 2026, 2027):
        own = [
            (row["period_kind"], dt.date.fromisoformat(row["first_date"]), dt.date.fromisoformat(row["last_date"]))
            for row in periods
            if row["school_year"] == f"{start}/{start + 1}"
        ]
        free = {
            first + dt.timedelta(days=offset)
            for kind, first, last in own
            if kind == "holiday"
            for offset in range((last - first).days + 1)
        }
        ((_, term_from, term_to),) = [period for period in own if period[0] == "term"]
        days = [term_from + dt.timedelta(days=offset) for offset in range((term_to - term_from).days + 1)]
        seeded = [day for day in days if day.isoweekday() <= 5 and day not in free]
        assert seeded == school_days(start).tolist(), f"{start}/{start + 1}"
