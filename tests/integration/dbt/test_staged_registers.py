"""Staging of the referral registers: what the newest delivery says counts, and what only several rows can break."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from small_landing import LANDING, Build, Row, delivery, make_landing, run_dbt

MODELS = (
    *("stg_operations__deliveries", "stg_referrals__leisure_grants", "stg_referrals__notifications"),
    *("stg_referrals__notification_causes", "stg_referrals__anonymous_contacts"),
)
SEEDS = (
    *("association", "district", "leisure_grant_limit", "municipality", "notification_cause"),
    "notification_notifier",
)
DELIVERIES = [
    delivery(1, "notifications", "2026-06-12", "2026-01-01", "2026-12-31"),
    delivery(2, "notifications", "2026-06-17", "2026-04-19", "2026-06-17"),
    delivery(5, "notifications", "2026-06-17", "2026-02-01", "2026-02-28"),
    delivery(3, "leisure_grants", "2026-06-17", "2026-06-17", "2026-06-17"),
    delivery(4, "anonymous_contacts", "2026-06-15", "2026-05-01", "2026-05-31"),
]


def grant(number: int, person: int, kroner: str, decided: str, **other: object) -> Row:
    return {
        "grant_id": f"FP-2026-{number:05d}",
        "person_key": person,
        "birth_date": "2014-06-19",
        "nominated_by": "Lærer",
        "applied_date": "2025-06-18",
        "decided_date": decided,
        "grant_status": "Bevilget",
        "fee_dkk": kroner,
        "association_code": "BSF",
        "activity_name": "Fodbold",
        "period_from": "2026-01-01",
        "period_to": "2026-12-31",
        "delivery_id": "d3",
        **other,
    }


def notification(number: int, received: str, source: str, **other: object) -> Row:
    return {
        "notification_id": f"UND-2026-{number:05d}",
        "received_date": received,
        "registered_date": received,
        "person_key": number,
        "birth_date": "2020-06-15",
        "sex": "female",
        "unborn_child": "Nej",
        "district_code": "BAL",
        "administering_municipality_code": "151",
        "notifier_code": "2",
        "cause_codes": "03,14",
        "assessed_within_24_hours": "Ja",
        "outcome": "Ingen indsats",
        "delivery_id": source,
        **other,
    }


ROWS = {
    "leisure_grants": [
        # more than 3,000 kr. in a year, by two grants that are each below their caps
        grant(1, 1, "2000.00", "2026-01-10"),
        grant(2, 1, "1000.01", "2026-05-10"),
        # as much, but in two years
        grant(3, 2, "2000.00", "2025-12-20", applied_date="2025-06-19"),
        grant(4, 2, "2000.00", "2026-01-10"),
        grant(5, 3, "3000.00", "2026-01-10", birth_date=None),
        grant(6, 3, "", "2026-01-10", fee_dkk=None, grant_status="Afslag", period_from=None, period_to=None),
    ],
    "notifications": [
        # its date was corrected: it stands in the year's file, and in the night's
        notification(1, "2026-03-10", "d1", outcome="Under vurdering", assessed_within_24_hours=None),
        notification(1, "2026-04-28", "d2", assessed_within_24_hours="Nej"),
        # a day that was too late at first; and two deliveries of one date, the second received later
        notification(6, "2026-06-16", "d1"),
        notification(6, "2026-05-16", "d2"),
        notification(7, "2026-05-16", "d2"),
        notification(7, "2026-02-16", "d5"),
        # of an unborn child nothing is known but the mother
        notification(2, "2026-06-14", "d2", unborn_child="Ja", birth_date="1994-01-02", district_code=None),
        notification(3, "2026-06-14", "d2", cause_codes="03,03,14"),
        # the family and the child itself were told apart from 2024 on
        notification(4, "2026-06-15", "d2", notifier_code="7"),
        notification(5, "2026-06-15", "d2", notifier_code="12"),
    ],
    "anonymous_contacts": [
        {
            "contact_month": "2026-05",
            "place_name": "Headspace",
            "contact_kind": "Chat",
            "age_band": band,
            "contact_count": count,
            "delivery_id": "d4",
        }
        for band, count in (("12-15", 3), ("16-18", 5), ("19-25", 7), ("Over 25", 11), ("Under 12", 13), ("Ukendt", 17))
    ],
}


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory, target: Path) -> Build:
    """The staging models and their tests over `ROWS`."""
    folder = make_landing(tmp_path_factory.mktemp("registers"), ROWS, DELIVERIES)
    return run_dbt(folder, "build", "--indirect-selection", "cautious", "--select", *MODELS, *SEEDS, target=target)


def query(staged: Build, sql: str) -> list[tuple[Any, ...]]:
    """The rows of a query over the staging views, which read the landing."""
    with duckdb.connect(str(staged.file), read_only=True) as connection:
        connection.execute(f"attach '{staged.file.parent.parent / LANDING}' as landing (read_only)")
        return connection.execute(sql).fetchall()


def test_what_only_several_rows_can_break_is_a_warning(staged: Build) -> None:
    assert staged.exit_code == 0, staged.output[-4000:]
    warned = {name.split(".")[2] for name, result in staged.results.items() if result["status"] == "warn"}
    assert warned == {"assert_leisure_grants_keep_the_yearly_limit", "assert_notification_codes_are_valid_on_their_day"}
    assert not {result["status"] for result in staged.results.values()} - {"success", "pass", "warn"}


def test_grants_have_the_year_of_their_decision_and_the_age_of_their_application(staged: Build) -> None:
    rows = query(
        staged,
        "select grant_id, granted_year, age_years, granted_dkk from staging.stg_referrals__leisure_grants order by all",
    )
    assert rows == [
        ("FP-2026-00001", 2026, 10, Decimal("2000.00")),
        ("FP-2026-00002", 2026, 10, Decimal("1000.01")),
        ("FP-2026-00003", 2025, 11, Decimal("2000.00")),
        ("FP-2026-00004", 2026, 10, Decimal("2000.00")),
        ("FP-2026-00005", 2026, None, Decimal("3000.00")),
        ("FP-2026-00006", None, 10, Decimal("0.00")),
    ]


def test_a_notification_counts_once_as_the_newest_delivery_has_it(staged: Build) -> None:
    rows = query(
        staged,
        "select received_date, is_assessed_within_24_hours, outcome, age_years "
        "from staging.stg_referrals__notifications where notification_id = 'UND-2026-00001'",
    )
    assert rows == [(dt.date(2026, 4, 28), False, "Ingen indsats", 5)]


def test_neither_a_later_day_nor_a_delivery_received_earlier_is_newer(staged: Build) -> None:
    rows = query(
        staged,
        "select notification_id, received_date, delivery_id from staging.stg_referrals__notifications "
        "where notification_id >= 'UND-2026-00006' order by all",
    )
    assert rows == [
        ("UND-2026-00006", dt.date(2026, 5, 16), "d2"),
        ("UND-2026-00007", dt.date(2026, 2, 16), "d5"),
    ]


def test_of_an_unborn_child_only_the_mother_is_known(staged: Build) -> None:
    rows = query(
        staged,
        "select person_key, mother_person_key, sex, age_years from staging.stg_referrals__notifications "
        "where is_unborn or notification_id = 'UND-2026-00004' order by is_unborn",
    )
    assert rows == [(4, None, "female", 6), (None, 2, None, None)]


def test_a_cause_named_twice_is_one(staged: Build) -> None:
    rows = query(
        staged,
        "select notification_id, list(cause_code order by cause_code) "
        "from staging.stg_referrals__notification_causes group by all order by all",
    )
    assert rows == [(f"UND-2026-{number:05d}", ["03", "14"]) for number in range(1, 8)]


def test_enquiries_of_the_target_group_are_told_apart(staged: Build) -> None:
    rows = query(
        staged,
        "select contact_month, is_12_to_25, sum(contact_count)::integer "
        "from staging.stg_referrals__anonymous_contacts group by all order by all",
    )
    assert rows == [(dt.date(2026, 5, 1), False, 41), (dt.date(2026, 5, 1), True, 15)]


def test_a_person_s_name_that_was_delivered_as_that_of_a_house_is_in_no_mart(dbt: Callable[..., Build]) -> None:
    """Of a house that the list of houses has, and of one that it has not."""
    name = "Agnes Quistgaard"
    places = [
        {
            "month": "2026-05",
            "month_end_date": "2026-05-31",
            "house_code": code,
            "house_name": name,
            "district_name": "Baltorp",
            "group_kind": "Vuggestue",
            "group_count": 1,
            "place_count": 12,
            "place_unit": "pladser",
            "enrolled_count": 11,
            "waiting_count": 0,
            "weekly_hours": 52,
            "delivery_id": "d1",
        }
        for code in ("BAL-01", "BAL-99")
    ]
    models = ("stg_referrals__daycare_places", "stg_referrals__activities", "mart_dagtilbud", "mart_tilsyn")
    seeds = ("activity_kind", "daycare_house", "district", "inspection_rule")
    built = dbt(
        {"daycare_places": places},
        [delivery(1, "daycare_places", "2026-06-01", "2026-05-01", "2026-05-31")],
        *("build", "--indirect-selection", "cautious", "--select", *models, *seeds),
    )
    assert built.exit_code == 0, built.output[-4000:]
    for mart in ("mart_dagtilbud", "mart_tilsyn"):
        rows = built.query(f"select distinct unit_id, unit_name from marts.{mart} where unit_type = 'house' order by 1")
        assert rows == [("BAL-01", "Børnehuset Baltorp 1"), ("BAL-99", "BAL-99")]
        assert name not in str(built.query(f"from marts.{mart}"))
