"""Every figure that was planted in the synthetic inbox is what the release of the night shows."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from figures import IN_LANDING, IN_MARTS, Night, differences, open_landing, report
from nights import make_night, night_of

from include.landing.contract import load_contracts

FEWEST = {
    "calendar": 4,
    "pupils": 4,
    "absence": 400,
    "absence_of_the_municipality": 4,
    "wellbeing": 60,
    "respondents": 2,
    "icehearts": 60,
    "spending": 800,
    "agreements": 1000,
    "adopted": 132,
    "spent_at_follow_ups": 330,
    "ministry": 12,
    "all_referrals": 200,
    "ministry_answers": 190,
    "deliveries": 60,
}
"""At least so many figures a group: a comparison that finds nothing to compare must not pass."""


def test_what_differs_is_told_by_key_truth_and_mart() -> None:
    planted = {("2025/2026", "151003", "pupils"): 144, ("gone",): 1}
    shown = {("2025/2026", "151003", "pupils"): 145, ("new",): 2}
    assert differences(planted, shown) == [
        "2025/2026 / 151003 / pupils: truth 144, mart 145",
        "gone: truth 1, mart (nothing)",
        "new: truth (nothing), mart 2",
    ]


@pytest.mark.parametrize("group", IN_MARTS)
def test_marts_show_what_was_planted(small: Night, group: str, compared: Callable[[str, int], None]) -> None:
    planted, shown = IN_MARTS[group](small)
    compared(group, len(planted))
    assert len(planted) >= FEWEST[group]
    assert not differences(planted, shown), report(planted, shown)


@pytest.fixture(scope="module")
def landing(small: Night, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_landing(small.settings, tmp_path_factory.mktemp("views")) as connection:
        yield connection


@pytest.mark.parametrize("group", IN_LANDING)
def test_landing_shows_what_was_planted(
    small: Night, landing: duckdb.DuckDBPyConnection, group: str, compared: Callable[[str, int], None]
) -> None:
    planted, shown = IN_LANDING[group](small, landing)
    compared(group, len(planted))
    assert len(planted) >= FEWEST[group]
    assert not differences(planted, shown), report(planted, shown)


def test_all_planted_keys_are_compared(small: Night) -> None:
    """Who adds a figure to the truth finds here that no test compares it yet."""
    assert set(small.truth) == {
        *("as_of", "size", "seed", "municipality_code", "backfill", "nights", "school_days"),
        *load_contracts(),
    }
    everywhere = {"deliveries", "delivered_twice"}
    of_dataset = {name: set(part) - everywhere for name, part in small.truth.items() if name in load_contracts()}
    # `test_staged_truth.py` holds the figures of the others against their staging models
    assert {name: keys for name, keys in of_dataset.items() if keys != {"figures"}} == {
        "budget_agreement": {"agreements"},
        "ledger_postings": {
            *("after_night", "by_initiative_month", "unclaimed_by_month", "by_year", "unclaimed", "total"),
            "by_person",
        },
        "enrolments": {"pupils"},
        "absence_days": {"days_after_night", "schools"},
        "absence_statistics": {"rows", "by_status", "ballerup"},
        "referrals": {
            *("by_project_school_month", "by_project_school_grade", "distinct_children_cumulative", "status"),
        },
        "wellbeing_answers": {"indicators"},
    }


def test_corrected_agreement_is_current_and_the_first_one_known(small: Night) -> None:
    manifest = json.loads((small.release / "manifest.json").read_text("utf-8"))
    files = [entry["file"] for entry in manifest["deliveries"] if entry["dataset"] == "budget_agreement"]
    assert files == ["aftale_om_budget_2024.pdf", "aftale_om_budget_2025.txt", "aftale_om_budget_2026_rev1.txt"]
    with duckdb.connect(str(small.release / "operations" / "operations.duckdb"), read_only=True) as connection:
        names = connection.sql("select table_name from duckdb_tables()").fetchall()
    assert names, "the engineers' tables are there"


def test_schools_of_icehearts_refer_their_young_alone(small: Night) -> None:
    found = small.query(
        "select distinct institution_number, grade_level, is_target_group from exact.marts.mart_icehearts "
        "where referrals > 0 and institution_level = 'school' and grade_group_type = 'grade'"
    )
    assert {row["institution_number"] for row in found} == {"151003", "281843"}
    assert {row["grade_level"] for row in found} <= {0, 1, 2, 3}
    assert all(row["is_target_group"] for row in found)


def test_nobody_has_to_act_and_every_dataset_is_fresh(small: Night) -> None:
    assert small.to_act_on == []
    found = small.query("select dataset, freshness, as_of from marts.data_freshness")
    assert {row["dataset"]: row["freshness"] for row in found} == dict.fromkeys(load_contracts(), "fresh")
    assert {row["as_of"] for row in found} == {dt.date.fromisoformat(small.truth["as_of"])}


@pytest.mark.proof
def test_the_city_shows_what_was_planted(tmp_path: Path, compared: Callable[[str, int], None]) -> None:
    """All comparisons at the size of Ballerup: its schools and pupil numbers, three school years."""
    make_night(tmp_path, "city")
    city = night_of(tmp_path)
    assert city.to_act_on == []
    wrong, total = [], 0
    for group, figures in IN_MARTS.items():
        planted, shown = figures(city)
        compared(group, len(planted))
        total += len(planted)
        wrong += [f"{group}: {report(planted, shown)}"] if differences(planted, shown) else []
    with open_landing(city.settings, tmp_path) as connection:
        for group, views in IN_LANDING.items():
            planted, shown = views(city, connection)
            compared(group, len(planted))
            total += len(planted)
            wrong += [f"{group}: {report(planted, shown)}"] if differences(planted, shown) else []
    assert not wrong, "\n".join(wrong)
    assert total > 6000
