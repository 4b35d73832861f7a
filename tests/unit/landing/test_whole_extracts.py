"""A source that exports all that it has: the newest extract is what stands; and what a CPR number itself tells."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import pytest
from landing_steps import take_in, write_lines

from include.landing.contract import WHOLE, Contract, parse_file_name
from include.landing.ledger import Delivery, Ledger
from include.settings import Settings

COLUMN = {"description": {"da": "x", "en": "x"}}
CONTENT: dict[str, Any] = {
    "dataset": "register",
    "domain": "referrals",
    "title": {"da": "Register", "en": "Register"},
    "description": {"da": "x", "en": "x"},
    "each_row_is_a": "child",
    "source": "a register",
    "reader": "text",
    "owner": "nobody",
    "legal_basis": "none",
    "about_persons": True,
    "rhythm": {"expected": "nightly", "stale_after_days": 3},
    "retention": {"years": 1},
    "delivery": {"suffixes": ["csv"], "period": "whole"},
    "layout": {"versions": {1: ["Trin"]}},
    "columns": [
        {"name": "person_key", "header": "Personnummer", "personal": "key", "purpose": "social", **COLUMN},
        {"name": "step", "header": "Trin", "type": "UTINYINT", "maximum": "6", **COLUMN},
        {"name": "birth_date", "type": "DATE", "derived": "birth_date", "derived_from": "person_key", **COLUMN},
        {"name": "sex", "derived": "sex", "derived_from": "person_key", **COLUMN},
    ],
    "keys": ["person_key"],
}
REGISTER = Contract.model_validate(CONTENT)
GIRL, BOY, REPLACEMENT = "0203" + "12-4002", "2902" + "12-4003", "6203" + "12-4005"


def deliver(settings: Settings, name: str, *rows: str, header: str = "Personnummer;Trin") -> Path:
    return write_lines(settings, f"register/{name}", header, *rows)


def current(settings: Settings) -> list[str]:
    with Ledger(settings) as ledger:
        return [window.delivery.file_name for window in ledger.windows(REGISTER)]


def test_the_newest_extract_replaces_all_before(settings: Settings) -> None:
    deliver(settings, "register_1_20260612.csv", f"{GIRL};2", f"{BOY};3")
    deliver(settings, "register_1_20260613.csv", f"{GIRL};1")
    first, second = take_in(settings, REGISTER)
    assert (first.period_label, first.period_from, first.period_to) == (
        WHOLE,
        dt.date(2026, 6, 12),
        dt.date(2026, 6, 12),
    )
    assert second.status == "accepted"
    assert current(settings) == ["register_1_20260613.csv"]


def test_the_same_extract_on_another_day_is_one_delivery_and_as_new(settings: Settings) -> None:
    deliver(settings, "register_1_20260612.csv", f"{GIRL};2")
    deliver(settings, "register_1_20260613.csv", f"{GIRL};1")
    deliver(settings, "register_1_20260614.csv", f"{GIRL};2")
    assert len(take_in(settings, REGISTER)) == 2
    assert current(settings) == ["register_1_20260612.csv"], "the source took its change back"


def test_an_older_version_lands_with_what_it_has(settings: Settings) -> None:
    deliver(settings, "register_0_20260612.csv", GIRL, header="Personnummer")
    (delivery,) = take_in(settings, REGISTER)
    assert delivery.parquet_file is not None
    assert _rows(settings, delivery) == [(None, dt.date(2012, 3, 2), "female")]


def test_a_number_tells_birth_date_and_sex_and_a_replacement_number_nothing(settings: Settings) -> None:
    deliver(settings, "register_1_20260612.csv", f"{GIRL};1", f"{BOY};2", f"{REPLACEMENT};3")
    (delivery,) = take_in(settings, REGISTER)
    assert _rows(settings, delivery) == [
        (1, dt.date(2012, 3, 2), "female"),
        (2, dt.date(2012, 2, 29), "male"),
        (3, None, None),
    ]


def _rows(settings: Settings, delivery: Delivery) -> list[tuple[object, ...]]:
    with duckdb.connect() as connection:
        file = settings.landing / str(delivery.parquet_file)
        return connection.execute(
            "select step, birth_date, sex from read_parquet(?) order by step", [str(file)]
        ).fetchall()


@pytest.mark.parametrize("name", ["register_20260612.csv", "register_2026_1_20260612.csv", "register_1_20260612.txt"])
def test_another_name_says_what_a_right_one_is(name: str) -> None:
    with pytest.raises(ValueError, match=r"the name is not register_<version>_<YYYYMMDD>.csv"):
        parse_file_name(REGISTER, name)


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ({"name": "sex", "derived": "sex", **COLUMN}, "go together"),
        ({"name": "sex", "derived": "sex", "derived_from": "step", **COLUMN}, "no person keys"),
        ({"name": "sex", "derived": "birth_date", "derived_from": "person_key", **COLUMN}, "a birth date is a DATE"),
        (
            {"name": "sex", "header": "K", "derived": "sex", "derived_from": "person_key", **COLUMN},
            "not in the delivery",
        ),
    ],
)
def test_a_derived_column_that_cannot_be_is_refused(column: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Contract.model_validate(CONTENT | {"columns": [*CONTENT["columns"][:2], column]})


def test_a_column_of_a_later_version_is_not_required() -> None:
    columns = [CONTENT["columns"][0], CONTENT["columns"][1] | {"required": True}]
    with pytest.raises(ValueError, match="unknown or required"):
        Contract.model_validate(CONTENT | {"columns": columns})
