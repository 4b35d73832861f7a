"""The synthetic status forms: centres that exist answer for what is theirs, before and after one of them is split."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from include.demo.datasets import budget_agreement, milestone_status
from include.demo.deliveries import Nights, calendar_of
from include.demo.population import simulate as simulate_population
from include.demo.town import simulate as simulate_town
from include.demo.world import World
from include.settings import PROJECT_ROOT
from include.sources import status_form

CENTERS = PROJECT_ROOT / "dbt_project" / "seeds" / "center.csv"


def play(inbox: Path, nights: Nights) -> tuple[dict[str, Any], dict[str, str], list[dict[str, Any]]]:
    """Truth, the day on which each form came, and all answers as the reader reads them."""
    town = simulate_town(np.random.default_rng(1), "small")
    population = simulate_population(np.random.default_rng(2), town)
    dates: dict[str, str] = {}

    def world(truth: dict[str, Any]) -> World:
        rng = np.random.default_rng(3)
        calendar = calendar_of(nights)
        return World(inbox, "small", 151, rng, town, population, calendar, truth, dates)

    agreements = budget_agreement.generate(world({}))
    truth = milestone_status.generate(world({"budget_agreement": agreements}))
    answers = []
    for path in truth["deliveries"]:
        with duckdb.connect() as connection:
            reading = status_form.read(inbox / path, connection, dict.fromkeys(status_form.SCHEMA.names, True), None)
            assert reading.problems == []
            assert reading.as_of is not None
            assert reading.as_of.isoformat() <= dates[path], "nobody sends a form before it is filled in"
            answers += connection.table("raw").to_arrow_table().to_pylist()
    return truth, {path: date for path, date in dates.items() if path in truth["deliveries"]}, answers


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, str], list[dict[str, Any]]]:
    return play(tmp_path_factory.mktemp("year"), "year")


def test_the_truth_counts_what_the_forms_hold(
    year: tuple[dict[str, Any], dict[str, str], list[dict[str, Any]]],
) -> None:
    truth, dates, answers = year
    assert sum(file["rows"] for file in truth["deliveries"].values()) == len(answers)
    keys = {(row["follow_up_code"], row["milestone_key"]) for row in answers}
    assert sum(row["answers"] for row in truth["figures"]["statuses"]) == len(keys) < len(answers)
    corrected = {row["follow_up_code"] for row in truth["figures"]["corrected"]}
    assert corrected == {"BO2-2025", "BO3-2025", "YE-2025", "BO1-2026", "BO2-2026"}, "all that the nights reach"
    assert len(set(dates.values())) > 20, "forms come night by night"


def test_every_centre_exists_on_the_day_of_its_answers(
    year: tuple[dict[str, Any], dict[str, str], list[dict[str, Any]]],
) -> None:
    with CENTERS.open(encoding="utf-8", newline="") as file:
        centers = {row["center_code"]: row for row in csv.DictReader(file)}
    names = {code: name for name, code in milestone_status.CENTER_CODES.items()}
    _, _, answers = year
    for row in answers:
        center = centers[row["center_code"]]
        assert names[row["center_code"]].removeprefix("Center for ") == center["center_name"]
        answered = row["answered_date"]
        assert dt.date.fromisoformat(center["valid_from"]) <= answered
        assert not center["valid_to"] or answered <= dt.date.fromisoformat(center["valid_to"])


def test_after_the_split_its_successors_answer(
    year: tuple[dict[str, Any], dict[str, str], list[dict[str, Any]]],
) -> None:
    _, _, answers = year
    found = {
        (row["initiative_id"], row["follow_up_code"]): row["center_code"]
        for row in answers
        if row["initiative_id"] in ("3.03-2", "3.06")
    }
    assert {found[number, "BO2-2025"] for number in ("3.03-2", "3.06")} == {"FLI-2023"}
    for follow_up in ("BO3-2025", "YE-2025", "BO1-2026"):
        assert found["3.03-2", follow_up] == "HVE-2025"
        assert found["3.06", follow_up] == "KUL-2025"


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        play(tmp_path / name, "week")
    files = sorted((tmp_path / "one" / "milestone_status").iterdir())
    assert len(files) > 10
    assert all(file.read_bytes() == (tmp_path / "two" / "milestone_status" / file.name).read_bytes() for file in files)
