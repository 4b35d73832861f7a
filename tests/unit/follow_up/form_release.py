"""A release with the tables that forms are made from, small and made by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import duckdb

from include.settings import Settings

Row = Mapping[str, Any]

COLUMNS: dict[str, dict[str, str]] = {
    "dim_follow_up": {
        "follow_up_code": "varchar",
        "follow_up_name": "varchar",
        "follow_up_year": "integer",
        "follow_up_sequence": "integer",
        "data_cut_off_date": "date",
        "forms_sent_date": "date",
        "form_deadline_date": "date",
    },
    "dim_initiative": {
        "agreement_year": "integer",
        "initiative_id": "varchar",
        "title": "varchar",
        "responsible_center": "varchar",
        "center_code": "varchar",
        "finance_text": "varchar",
        "measures": "varchar[]",
    },
    "dim_center": {
        "center_code": "varchar",
        "center_name": "varchar",
        "valid_to": "date",
        "successor_center_codes": "varchar[]",
    },
    "fct_milestone": {
        "agreement_year": "integer",
        "initiative_id": "varchar",
        "follow_up_code": "varchar",
        "milestone_number": "integer",
        "milestone_text": "varchar",
    },
    "fct_milestone_status": {
        "agreement_year": "integer",
        "initiative_id": "varchar",
        "milestone_number": "integer",
        "answered_follow_up_code": "varchar",
        "status": "varchar",
        "answered_date": "date",
    },
    "mart_budget_follow_up": {
        "agreement_year": "integer",
        "initiative_id": "varchar",
        "follow_up_code": "varchar",
        "reported_economy_status": "varchar",
        "computed_economy_status": "varchar",
        "spent_to_date_dkk": "decimal(18, 2)",
        "spent_through_date": "date",
        "corrected_budget_dkk": "decimal(18, 2)",
        "is_preliminary": "boolean",
    },
    "dim_measure": {
        "measure_id": "varchar",
        "title_da": "varchar",
        "measure_parts": "varchar[]",
        "measure_part_names_da": "varchar[]",
        "measure_part_units_da": "varchar[]",
        "measure_part_scales": "varchar[]",
    },
    "fct_measure": {
        "measure_id": "varchar",
        "measure_part": "varchar",
        "period_end_date": "date",
        "unit_type": "varchar",
        "value": "decimal(18, 6)",
        "person_count": "bigint",
        "target": "decimal(18, 6)",
        "target_comparison": "varchar",
        "is_target_met": "boolean",
        "is_preliminary": "boolean",
    },
}
"""The tables with the columns that are read; all have `municipality_code` as well."""


def publish(settings: Settings, **tables: Iterable[Row]) -> None:
    """Make these rows the current release; what a row does not say is null. Replaces the release before."""
    folder = settings.releases / "20260609T013000Z-1"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "warehouse.duckdb"
    file.unlink(missing_ok=True)
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema marts")
        for name, columns in COLUMNS.items():
            listed = ", ".join(f"{column} {kind}" for column, kind in columns.items())
            connection.execute(f"create table marts.{name} (municipality_code varchar, {listed})")
            for row in tables.get(name, ()):
                unknown = row.keys() - columns.keys()
                assert not unknown, unknown
                values = [settings.municipality_code, *(row.get(column) for column in columns)]
                connection.execute(f"insert into marts.{name} values ({', '.join('?' * len(values))})", values)
    settings.current_release.unlink(missing_ok=True)
    settings.current_release.symlink_to(folder.name)


def calendar(year: int) -> list[Row]:
    """The four follow-ups of a year, with the dates that the seed assumes."""
    ends = {"BO1": (3, 31), "BO2": (6, 30), "BO3": (9, 30), "YE": (12, 31)}
    rows = []
    for sequence, (code, (month, day)) in enumerate(ends.items(), 1):
        cut_off = dt.date(year, month, day)
        rows.append(
            {
                "follow_up_code": f"{code}-{year}",
                "follow_up_name": f"31.12.{year}" if code == "YE" else f"{sequence}. budgetopfølgning {year}",
                "follow_up_year": year,
                "follow_up_sequence": sequence,
                "data_cut_off_date": cut_off,
                "forms_sent_date": cut_off - dt.timedelta(days=21),
                "form_deadline_date": cut_off - dt.timedelta(days=3),
            }
        )
    return rows


def initiative(
    number: str, center: str | None, *, year: int = 2026, finance: str | None = None, measures: Iterable[str] = ()
) -> Row:
    """An initiative that a centre is responsible for."""
    return {
        "agreement_year": year,
        "initiative_id": number,
        "title": f"Indsats {number}",
        "center_code": center,
        "finance_text": finance,
        "measures": list(measures),
    }


def milestones(number: str, *texts: str | None, year: int = 2026) -> list[Row]:
    """The milestones of an initiative, the first follow-up's first."""
    return [
        {
            "agreement_year": year,
            "initiative_id": number,
            "follow_up_code": f"{code}-{year}",
            "milestone_number": place,
            "milestone_text": text,
        }
        for place, (code, text) in enumerate(zip(("BO1", "BO2", "BO3", "YE"), texts, strict=False), 1)
    ]


def answer(number: str, milestone: int, code: str, status: str, day: dt.date = dt.date(2026, 3, 15)) -> Row:
    """What a centre answered for a milestone at a follow-up."""
    return {
        "agreement_year": int(code[-4:]),
        "initiative_id": number,
        "milestone_number": milestone,
        "answered_follow_up_code": code,
        "status": status,
        "answered_date": day,
    }


def economy(number: str, code: str, **told: Any) -> Row:
    """An initiative's economy at a follow-up."""
    money = {name: Decimal(told.pop(name)) for name in ("spent_to_date_dkk", "corrected_budget_dkk") if name in told}
    return {"agreement_year": int(code[-4:]), "initiative_id": number, "follow_up_code": code, **money, **told}


CENTERS: list[Row] = [
    {"center_code": "OEK-2022", "center_name": "Økonomi", "successor_center_codes": []},
    {"center_code": "DSK-2022", "center_name": "Dagtilbud, Skoler og Klubber", "successor_center_codes": []},
    {
        "center_code": "FLI-2023",
        "center_name": "Fællesliv",
        "valid_to": dt.date(2026, 5, 31),
        "successor_center_codes": ["HVE-2026", "KUL-2026"],
    },
    {"center_code": "HVE-2026", "center_name": "Hverdagsliv", "successor_center_codes": []},
    {"center_code": "KUL-2026", "center_name": "Kulturliv/Fritid", "successor_center_codes": []},
]
