"""Every initiative and every project has its place in the warehouse: the seed says where, dbt says whether it is so."""

from __future__ import annotations

import csv
from typing import Any

import pytest

from include.landing.contract import load_contracts
from include.settings import PROJECT_ROOT

SEEDS = PROJECT_ROOT / "dbt_project" / "seeds"
INITIATIVES = [
    *("3.01", "3.02", "3.03-1", "3.03-2", "3.03-3", "3.03-4", "3.04", "3.05", "3.06", "3.08", "3.09", "3.10", "3.11"),
    *("3.12", "3.13", "3.15-1", "3.15-2", "3.16", "3.17", "3.19", "3.20", "7.08"),
]
"""The numbers of the agreement of 2017."""

ABOUT_ALL = {"mart_project"}
"""Marts about the coverage itself."""

Row = dict[str, str]


def seed(name: str) -> list[Row]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def coverage() -> list[Row]:
    return seed("mart_coverage")


def listed(row: Row, column: str) -> list[str]:
    return row[column].split(", ") if row[column] else []


def test_every_initiative_and_every_project_has_one_row(coverage: list[Row]) -> None:
    assert len(INITIATIVES) == 22
    found = [row["subject_code"] for row in coverage if row["subject_kind"] == "initiative"]
    assert sorted(found) == INITIATIVES
    assert {row["agreement_year"] for row in coverage if row["subject_kind"] == "initiative"} == {"2017"}
    projects = [row["project_code"] for row in seed("project")]
    assert len(projects) == 17
    found = [row["subject_code"] for row in coverage if row["subject_kind"] == "project"]
    assert sorted(found) == sorted(projects)


def test_every_mart_of_the_list_is_a_model_and_every_mart_is_on_the_list(
    coverage: list[Row], models: dict[str, dict[str, Any]]
) -> None:
    named = {mart for row in coverage for mart in listed(row, "marts")}
    marts = {name for name in models if name.startswith("mart_")} - ABOUT_ALL
    unknown, unnamed = ", ".join(sorted(named - marts)), ", ".join(sorted(marts - named))
    assert not unknown, f"seeds/mart_coverage.csv names marts that are no models: {unknown}"
    assert not unnamed, f"seeds/mart_coverage.csv names no initiative or project for {unnamed}"


def test_every_measure_and_dataset_of_the_list_exists(coverage: list[Row]) -> None:
    measures = {row["measure_id"] for row in seed("measure")}
    assert {measure for row in coverage for measure in listed(row, "measures")} == measures
    datasets = {dataset for row in coverage for dataset in listed(row, "datasets")}
    assert datasets - load_contracts().keys() == set()


def test_each_list_names_a_thing_once(coverage: list[Row]) -> None:
    for row in coverage:
        for column in ("marts", "measures", "datasets"):
            found = listed(row, column)
            assert len(set(found)) == len(found), row["subject_code"]


def test_an_initiative_is_in_the_follow_up_and_a_project_without_data_says_so(coverage: list[Row]) -> None:
    for row in coverage:
        if row["subject_kind"] == "initiative":
            assert listed(row, "marts")[:2] == ["mart_budget_follow_up", "mart_follow_up_center"], row["subject_code"]
        assert bool(listed(row, "marts")) == bool(listed(row, "datasets")), row["subject_code"]
        assert row["datasets"] or (row["missing_da"] and row["missing_en"]), row["subject_code"]
    assert {row["subject_code"] for row in coverage if not row["datasets"]} == {"SAM", "SFI"}


def test_the_measures_of_a_row_are_made_of_its_datasets(coverage: list[Row]) -> None:
    made_of = seed("measure_dataset")
    for row in coverage:
        needed = {one["dataset"] for one in made_of if one["measure_id"] in listed(row, "measures")}
        assert needed - set(listed(row, "datasets")) == set(), row["subject_code"]


def test_a_mart_descends_from_a_dataset_of_its_row(
    coverage: list[Row], manifest: dict[str, Any], models: dict[str, dict[str, Any]]
) -> None:
    def datasets(unique_id: str) -> set[str]:
        if unique_id in manifest["sources"]:
            return {manifest["sources"][unique_id]["name"]}
        return {name for parent in manifest["parent_map"].get(unique_id, []) for name in datasets(parent)}

    origins = {name: datasets(model["unique_id"]) for name, model in models.items() if name.startswith("mart_")}
    strange = [
        f"{row['subject_code']}: {mart}"
        for row in coverage
        for mart in listed(row, "marts")
        if mart in origins and not origins[mart] & set(listed(row, "datasets"))
    ]
    assert strange == [], "the row names no dataset that the mart is made of"


def readme_table(coverage: list[Row]) -> str:
    """The table that belongs into the README: the marts, and what each is about."""
    titles = {row["project_code"]: row["project_name"] for row in seed("project")}
    about: dict[str, dict[str, list[str]]] = {}
    for row in coverage:
        for mart in listed(row, "marts"):
            about.setdefault(mart, {}).setdefault(row["subject_kind"], []).append(row["subject_code"])
    lines = ["| mart | initiatives of 2017 | projects |", "|---|---|---|"]
    for mart, kinds in sorted(about.items()):
        numbers = kinds.get("initiative", [])
        numbers = ["all"] if len(numbers) == len(INITIATIVES) else numbers
        projects = [titles[code] for code in kinds.get("project", [])]
        lines.append(f"| `{mart}` | {', '.join(numbers)} | {', '.join(projects)} |".replace("|  |", "| |"))
    return "\n".join(lines)


def test_the_readme_shows_what_the_list_says(coverage: list[Row]) -> None:
    section = (PROJECT_ROOT / "README.md").read_text("utf-8").partition("\n## Marts\n")[2].partition("\n#")[0]
    table = "\n".join(line for line in section.splitlines() if line.startswith("|"))
    expected = readme_table(coverage)
    assert table == expected, f"the table in README.md under 'Marts' has to be:\n\n{expected}\n"


def test_the_catalogue_of_measures_is_whole() -> None:
    measures = seed("measure")
    assert [row["measure_id"] for row in measures] == [f"K{number:02}" for number in range(1, 33)]
    for name in ("measure_part", "measure_dataset"):
        assert {row["measure_id"] for row in seed(name)} == {row["measure_id"] for row in measures}, name
    assert {row["dataset"] for row in seed("measure_dataset")} <= load_contracts().keys()
    contracts = load_contracts()
    domains: dict[str, set[str]] = {}
    for one in seed("measure_dataset"):
        domains.setdefault(one["measure_id"], set()).add(contracts[one["dataset"]].domain)
    for row in measures:
        areas = {row["numerator_data_area"], row["denominator_data_area"]} - {""}
        assert areas == domains[row["measure_id"]], row["measure_id"]
    projects = {row["project_code"] for row in seed("project")}
    assert {code for row in measures for code in listed(row, "project_codes")} <= projects
    assert {number for row in measures for number in listed(row, "initiative_ids")} <= set(INITIATIVES)
