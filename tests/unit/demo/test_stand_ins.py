"""One stand-in a connection, over the newest answers of all datasets that share it."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import httpx
import numpy as np
import pytest

from include.demo.datasets import absence_statistics, municipal_accounts, wellbeing_statistics
from include.demo.deliveries import AS_OF, Calendar, Nights, calendar_of
from include.demo.ministry import load_answers
from include.demo.population import Population
from include.demo.stand_ins import as_variable, came_on, file_of, stand_ins
from include.demo.town import Town
from include.demo.world import World
from include.landing.contract import load_contracts
from include.sources.api import ApiConnection

APIS = {"absence_statistics", "municipal_accounts", "wellbeing_statistics"}


def world(inbox: Path, nights: Nights = "week", *, seed: int = 1) -> World:
    """A world for generators that look at no person."""
    nobody = (Town.__new__(Town), Population.__new__(Population))
    return World(inbox, "small", seed, np.random.default_rng(seed), *nobody, calendar_of(nights), {}, {})


def test_every_dataset_of_an_api_is_stood_in_for(tmp_path: Path) -> None:
    of_apis = {name: contract.connection for name, contract in load_contracts().items() if contract.connection}
    assert set(of_apis) == APIS
    for module in (absence_statistics, municipal_accounts, wellbeing_statistics):
        module.generate(world(tmp_path))
    with stand_ins(tmp_path) as variables:
        assert set(variables) == {f"AIRFLOW_CONN_{name.upper()}" for name in of_apis.values() if name}
        ministry = json.loads(variables["AIRFLOW_CONN_UDDANNELSESSTATISTIK"])
        bank = json.loads(variables["AIRFLOW_CONN_STATBANK"])
        assert len(ministry["password"]) > 20
        assert "password" not in bank
        asked = httpx.post(bank["host"] + "/v1/tableinfo", json={"table": "REGK31"}, trust_env=False).json()
        assert asked["updated"] == "2026-06-16T08:00:00", "the newest file answers"
    with pytest.raises(httpx.ConnectError):
        httpx.post(bank["host"] + "/v1/tableinfo", json={"table": "REGK31"}, trust_env=False)


def test_an_inbox_without_answers_has_no_stand_in(tmp_path: Path) -> None:
    with stand_ins(tmp_path) as variables:
        assert variables == {}


def test_a_connection_is_read_back_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for connection in (ApiConnection("http://127.0.0.1:81", "T"), ApiConnection("http://127.0.0.1:82")):
        for name, value in as_variable("source", connection).items():
            monkeypatch.setenv(name, value)
        assert ApiConnection.from_environment("source") == connection


def test_when_an_answer_comes() -> None:
    days = [dt.date(2026, 6, day) for day in (1, 15, 17)]
    calendar = Calendar(days[0], (days[1], days[2]))
    assert [came_on(calendar, dt.date(2026, 6, day)) for day in (1, 2, 15, 16)] == [days[0], days[1], days[1], days[2]]
    with pytest.raises(ValueError, match="no night is played from 2026-06-18"):
        came_on(calendar, dt.date(2026, 6, 18))
    assert str(file_of("a", days[1], is_first=True)) == "a/stub_answers.json"
    assert str(file_of("a", days[1], is_first=False)) == "a/stub_answers_20260615.json"


@pytest.mark.parametrize("nights", ["week", "year"])
@pytest.mark.parametrize("module", [municipal_accounts, wellbeing_statistics, absence_statistics])
def test_figures_are_the_same_for_a_seed_and_come_when_they_are_published(
    tmp_path: Path, module: object, nights: Nights
) -> None:
    dates, content = {}, {}
    for folder, seed in (("a", 7), ("b", 7), ("c", 8)):
        played = world(tmp_path / folder, nights, seed=seed)
        truth = module.generate(played)  # type: ignore[attr-defined]
        assert truth
        dates[folder] = played.dates
        content[folder] = {path: (tmp_path / folder / path).read_bytes() for path in played.dates}
    assert dates["a"] == dates["b"] == dates["c"]
    assert content["a"] == content["b"]
    assert content["a"] != content["c"]
    written = {str(file.relative_to(tmp_path / "a")) for file in (tmp_path / "a").rglob("*.json")}
    assert written == set(dates["a"])
    calendar = calendar_of(nights)
    assert {dt.date.fromisoformat(day) for day in dates["a"].values()} <= {calendar.backfill, *calendar.nights}
    assert max(dates["a"].values()) <= AS_OF.isoformat()


def test_the_year_brings_the_school_year_that_ends_in_it(tmp_path: Path) -> None:
    played = world(tmp_path, "year")
    wellbeing_statistics.generate(played)
    (first, _), (second, came) = sorted(played.dates.items(), key=lambda item: item[1])
    year = "[Skoleår].[Skoleår].[Skoleår]"
    newest = [max(row[year] for row in load_answers(tmp_path / path)[1]) for path in (first, second)]
    assert newest == ["2024/2025", "2025/2026"]
    assert dt.date.fromisoformat(came) >= wellbeing_statistics.RELEASES[-1]
