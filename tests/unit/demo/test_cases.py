"""What the synthetic cases, reviews and payments play: a replaced number, columns that grow, late rows."""

from __future__ import annotations

import csv
import datetime as dt
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from include.demo.cases import simulate
from include.demo.deliveries import NIGHTS, Nights, calendar_of
from include.demo.population import Population
from include.demo.population import simulate as simulate_population
from include.demo.town import simulate as simulate_town
from include.demo.world import World
from include.settings import PROJECT_ROOT

SEED = 151


def sections() -> dict[str, dict[str, str]]:
    with (PROJECT_ROOT / "dbt_project/seeds/law_section.csv").open(encoding="utf-8", newline="") as file:
        return {row["section_key"]: row for row in csv.DictReader(file)}


@dataclass
class Week:
    """The files of the week, read as Python reads what Python has written."""

    inbox: Path
    population: Population
    truth: dict[str, Any] = field(default_factory=dict)

    def rows(self, dataset: str, night: dt.date) -> list[dict[str, str]]:
        (file,) = (self.inbox / dataset).glob(f"{dataset}*_{night:%Y%m%d}.csv")
        delimiter, encoding = (";", "utf-8-sig") if dataset == "case_reviews" else (",", "utf-8")
        with file.open(encoding=encoding, newline="") as stream:
            return list(csv.DictReader(stream, delimiter=delimiter))


def play(inbox: Path, nights: Nights) -> Week:
    town = simulate_town(np.random.default_rng([SEED, 1]), "small")
    week = Week(inbox, simulate_population(np.random.default_rng([SEED, 2]), town))
    for dataset in ("cases", "case_reviews", "granted_payments"):
        world = World(
            inbox=inbox,
            size="small",
            seed=SEED,
            rng=np.random.default_rng(0),
            town=town,
            population=week.population,
            calendar=calendar_of(nights),
            truth={},
            dates={},
        )
        week.truth[dataset] = importlib.import_module(f"include.demo.datasets.{dataset}").generate(world)
        if dataset == "cases":
            assert np.array_equal(simulate(world).history.date, simulate(world).history.date)
        planted = week.truth[dataset]
        assert set(world.dates) == set(planted["deliveries"]) | set(planted.get("delivered_twice", {}))
    return week


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Week:
    return play(tmp_path_factory.mktemp("week"), "week")


def by_id(rows: list[dict[str, str]], column: str) -> Mapping[str, dict[str, str]]:
    found = {row[column]: row for row in rows}
    assert len(found) == len(rows)
    return found


def test_a_replaced_number_is_the_new_one_from_its_day_on(week: Week) -> None:
    people = week.population
    child = int(np.flatnonzero(people.replaced_on == np.datetime64("2026-06-17"))[0])
    for night in NIGHTS:
        now, before = people.cpr[child], people.previous_cpr[child]
        expected, other = (now, before) if night >= dt.date(2026, 6, 17) else (before, now)
        for dataset in ("cases", "granted_payments"):
            numbers = {row["cpr_number"] for row in week.rows(dataset, night)}
            assert expected in numbers, (dataset, night)
            assert other not in numbers, (dataset, night)
        assert f"{expected[:6]}-{expected[6:]}" in {row["CPR-nr"] for row in week.rows("case_reviews", night)}


def test_payments_come_late_are_corrected_and_withdrawn(week: Week) -> None:
    monday, tuesday, wednesday, thursday, _ = (by_id(week.rows("granted_payments", night), "id") for night in NIGHTS)
    changed = {
        number
        for number in monday.keys() & tuesday.keys()
        if monday[number]["paid_amount"] not in ("", tuesday[number]["paid_amount"])
    }
    assert len(changed) == 1
    late = [row for number, row in wednesday.items() if number not in tuesday]
    assert {row["activity_start_date"] for row in late if row["date"] < "2026-06-01"} == {"2026-04-01"}
    gone = [row for number, row in wednesday.items() if number not in thursday and row["paid_date"]]
    assert gone, "one payment and a case that was opened by mistake"
    assert {row["appropriation_date"] for row in thursday.values()} > {"2026-06-17"}


def test_columns_come_with_the_versions(week: Week) -> None:
    columns = [set(week.rows("granted_payments", night)[0]) for night in NIGHTS]
    assert columns[1] - columns[0] == set()
    assert columns[2] - columns[1] == {"approval_level", "approval_user", "appropriation_date"}
    assert "note" in columns[0]


def test_a_case_opened_by_mistake_is_gone(week: Week) -> None:
    before, after = ({row["case_sbsys_id"] for row in week.rows("cases", night)} for night in (NIGHTS[2], NIGHTS[3]))
    assert len(before - after) == 1
    assert not {row["Sagsnr"] for row in week.rows("case_reviews", NIGHTS[3])} & (before - after)


def test_sections_are_those_of_the_law_of_their_day(week: Week) -> None:
    known = sections()
    rows = week.rows("granted_payments", NIGHTS[-1])
    assert {row["section"][:3] for row in rows} == {"SEL", "BL-"}
    for row in rows:
        section = known[row["section"]]
        assert section["valid_from"] <= row["activity_start_date"]
        assert not section["valid_to"] or row["activity_start_date"] <= section["valid_to"]


def test_steps_go_up_and_down(week: Week) -> None:
    moves = [(move["from_step"], move["to_step"]) for move in week.truth["cases"]["figures"]["moves"]]
    assert any(before and after < before for before, after in moves)
    assert any(before and after > before for before, after in moves)
    assert any(before is None for before, _ in moves)


def test_a_year_of_nights_ends_as_the_week_does(week: Week, tmp_path: Path) -> None:
    year = play(tmp_path, "year")
    for dataset, truth in year.truth.items():
        assert truth["figures"] == week.truth[dataset]["figures"], dataset
        assert len(truth["deliveries"]) + len(truth.get("delivered_twice", {})) > 250
