"""The seeds of the project registers, their contracts and the synthetic municipality say the same."""

from __future__ import annotations

import csv

import duckdb
import pytest

from include.demo.accounts import account_patterns
from include.demo.datasets import appropriations, daycare_places
from include.demo.houses import DISTRICTS, HOUSES
from include.landing.contract import load_contracts
from include.settings import PROJECT_ROOT

SEEDS = PROJECT_ROOT / "dbt_project" / "seeds"


def _rows(seed: str) -> list[dict[str, str]]:
    with (SEEDS / f"{seed}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _allowed(dataset: str, name: str) -> set[str]:
    (column,) = [column for column in load_contracts()[dataset].columns if column.name == name]
    assert column.allowed
    return set(column.allowed)


def _rule(dataset: str, name: str) -> str:
    (rule,) = [rule for rule in load_contracts()[dataset].rules if rule.name == name]
    return rule.check


@pytest.mark.parametrize(
    ("dataset", "column", "seed", "seeded"),
    [
        ("activities", "activity_kind", "activity_kind", "activity_kind"),
        ("activities", "project_code", "activity_kind", "project_code"),
        ("activities", "district_name", "district", "district_name"),
        ("staffing", "team_name", "team", "team_name"),
        ("surveys", "survey_code", "survey_question", "survey_code"),
        ("surveys", "question_code", "survey_question", "question_code"),
        ("daycare_places", "district_name", "district", "district_name"),
    ],
)
def test_what_a_contract_allows_is_what_the_seed_knows(dataset: str, column: str, seed: str, seeded: str) -> None:
    assert _allowed(dataset, column) == {row[seeded] for row in _rows(seed)}


def test_projects_of_staff_are_projects() -> None:
    projects = {row["project_code"] for row in _rows("project")}
    assert _allowed("staffing", "project_code") - {"DRIFT"} <= projects
    assert {row["project_code"] for row in _rows("referral_project")} <= projects


def test_the_rule_on_kinds_and_projects_is_the_seed() -> None:
    check = _rule("activities", "kind_has_its_project")
    projects = sorted({row["project_code"] for row in _rows("activity_kind")})
    for row in _rows("activity_kind"):
        held = [
            project
            for project in projects
            if duckdb.execute(
                f"select {check} from (select ? as activity_kind, ? as project_code)", [row["activity_kind"], project]
            ).fetchone()
            == (True,)
        ]
        assert held == [row["project_code"]], row["activity_kind"]


def test_the_rule_on_codes_and_districts_is_the_seed() -> None:
    check = f"""({_rule("daycare_places", "code_has_its_district")})"""
    same = f"""({_rule("activities", "house_has_its_district")})"""
    for row in _rows("district"):
        for code in DISTRICTS:
            asked = f"select {check} and {same} from (select ? as house_code, ? as district_name)"
            either = f"select {check} or {same} from (select ? as house_code, ? as district_name)"
            assert duckdb.execute(either, [f"{code}-01", row["district_name"]]).fetchone() == (
                code == row["district_code"],
            )
            assert duckdb.execute(asked, [f"{code}-01", row["district_name"]]).fetchone() == (
                code == row["district_code"],
            )


def test_the_seed_has_the_synthetic_houses() -> None:
    seeded = {(row["house_code"], row["house_name"], row["district_code"]) for row in _rows("daycare_house")}
    assert seeded == {(house.code, house.name, house.district) for house in HOUSES}
    assert {row["district_code"]: row["district_name"] for row in _rows("district")} == DISTRICTS


def test_only_what_the_documents_name_has_its_name_from_them() -> None:
    named = [row["house_name"] for row in _rows("daycare_house") if row["basis"] == "document"]
    assert named == ["Børnehuset Globen"]
    per_district = [sum(row["district_code"] == code for row in _rows("daycare_house")) for code in DISTRICTS]
    assert all(4 <= count <= 6 for count in per_district)


def test_globen_has_the_places_that_the_documents_name() -> None:
    special = daycare_places._SPECIAL_OFFERS
    assert special["HED-01", daycare_places.SPECIAL] == (2, 15)
    assert special["HED-01", daycare_places.SESAM][1] == 25


def test_measures_that_registers_feed_are_all_there() -> None:
    kinds = {row["measure_id"] for row in _rows("activity_kind")} - {""}
    assert kinds == {"K14", "K18", "K20", "K26", "K28", "K29", "K30"}
    assert {row["measure_id"] for row in _rows("survey_question")} - {""} == {"K27"}
    targets = {row["question_code"]: row["target_share"] for row in _rows("survey_question")}
    assert targets == {"P1": "0.90", "P2": "0.90", "P3": "0.90", "P4": "0.90", "F1": ""}


def test_caseworkers_are_counted_in_the_four_teams_with_cases() -> None:
    with_cases = {row["team_name"] for row in _rows("team") if row["has_child_cases"] == "true"}
    assert with_cases == {"Modtagelsen", "Familieteam Nord", "Familieteam Syd", "Handicapteamet"}


def test_the_cut_offs_of_the_planted_budget_are_the_calendar_s() -> None:
    calendar = {row["follow_up_code"]: row["data_cut_off_date"] for row in _rows("follow_up_calendar")}
    for year in sorted({pattern.agreement_year for pattern in account_patterns()}):
        for code, (month, day) in appropriations._CUT_OFFS.items():
            assert calendar[f"{code}-{year}"] == f"{year}-{month:02d}-{day:02d}"
