"""Runs of an extract and of the refresh through Airflow, with the work itself faked: who goes red, and who goes on.

The faults are those of a night: a rejected delivery, a source that can't be asked, nothing new, a gate that refuses.
"""

from __future__ import annotations

import datetime as dt
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from include.errors import WarehouseError
from include.landing.contract import contracts_of, load_contracts
from include.landing.judge import Verdict
from include.landing.ledger import Ledger
from include.landing.process import LandReport
from include.settings import DOMAINS, Settings
from include.sources.reading import Problem

DIGEST = "ab" * 32


@dataclass
class Ended:
    """A run that has ended: its state, its tasks' states, the nights in the events it gave out, and the lines shown."""

    state: str
    tasks: dict[str, str]
    nights: list[str]
    said: str


@pytest.fixture(scope="module")
def own_dags(night_runner: ModuleType, dags: dict[str, Any]) -> dict[str, Any]:
    """DAG objects of this module's own, since watching a task takes its retries away."""
    found: dict[str, Any] = night_runner.load_dags()
    return found


@pytest.fixture
def run(night_runner: ModuleType, own_dags: dict[str, Any], home: Settings) -> Callable[[str], Ended]:
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session

    def running(name: str) -> Ended:
        shown = io.StringIO()
        progress = night_runner.Progress(shown)
        for task in own_dags[name].tasks:
            progress.watch(task)
        ended = night_runner.run_dag(own_dags[name], logical_date=None)
        with create_session() as session:
            events = session.query(AssetEvent).filter_by(source_dag_id=name, source_run_id=ended.run_id).all()
            nights = [event.extra["night"] for event in events]
            tasks = {one.task_id: str(one.state) for one in ended.get_task_instances(session=session)}
        return Ended(str(ended.state), tasks, nights, shown.getvalue())

    return running


@pytest.fixture
def landed(monkeypatch: pytest.MonkeyPatch) -> dict[str, LandReport | WarehouseError]:
    """What landing gives for a dataset (nothing new, if it is not named); nothing is left for the judge."""
    outcomes: dict[str, LandReport | WarehouseError] = {}

    def land(settings: Settings, dataset: str, **_: object) -> LandReport:
        outcome = outcomes.get(dataset, LandReport(dataset))
        if isinstance(outcome, WarehouseError):
            raise outcome
        return outcome

    monkeypatch.setattr("include.landing.process.land", land)
    monkeypatch.setattr("include.landing.judge.judge", lambda settings, domain: [])
    return outcomes


def reject(settings: Settings, dataset: str) -> None:
    problem = Problem(17, "Beløb", "type", "the amount is no number", "correct the amount and send the period again")
    with Ledger(settings) as ledger:
        ledger.record(
            load_contracts()[dataset],
            DIGEST,
            f"{dataset}_2026-06_20260619.csv",
            status="rejected",
            period=None,
            as_of=None,
            row_count=0,
            landed_count=0,
            parquet_file=None,
            key_id=None,
            is_synthetic=True,
            problems=[problem],
        )


def domains_landed(settings: Settings) -> set[str]:
    with Ledger(settings) as ledger:
        return ledger.domains_landed(settings.night)


def test_a_night_with_nothing_new_is_green_and_the_domain_is_landed(
    run: Callable[[str], Ended], home: Settings, landed: dict[str, Any]
) -> None:
    ended = run("extract_budget")
    assert ended.state == "success"
    assert ended.tasks["land_ledger_postings"] == "skipped"
    assert ended.nights == [home.night.isoformat()]
    assert domains_landed(home) == {"budget"}


def test_a_good_delivery_lands(run: Callable[[str], Ended], home: Settings, landed: dict[str, Any]) -> None:
    landed["ledger_postings"] = LandReport("ledger_postings", 1, 1000, 998, 2)
    ended = run("extract_budget")
    assert ended.state == "success"
    assert ended.tasks["land_ledger_postings"] == "success"
    assert ended.tasks["land_budget_agreement"] == "skipped"


def test_a_rejected_delivery_goes_red_with_its_place_while_the_domain_goes_on(
    run: Callable[[str], Ended], home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def land(settings: Settings, dataset: str, **_: object) -> LandReport:
        if dataset == "ledger_postings":
            reject(settings, dataset)
            return LandReport(dataset, 1, rejected=["rejected"])
        return LandReport(dataset, 1, 10, 10, 0)

    monkeypatch.setattr("include.landing.process.land", land)
    verdicts = [Verdict("budget_agreement", "a.txt", is_accepted=True)]
    monkeypatch.setattr("include.landing.judge.judge", lambda settings, domain: verdicts)

    ended = run("extract_budget")

    assert ended.state == "failed"
    landings = {f"land_{contract.dataset}": "success" for contract in contracts_of("budget")}
    assert ended.tasks == {**landings, "judge_deliveries": "success", "account_for_domain": "failed"}
    assert ended.nights == [home.night.isoformat()], "the refresh would wait for a domain that has landed"
    assert domains_landed(home) == {"budget"}
    assert "ledger_postings_2026-06_20260619.csv, line 17, column Beløb: the amount is no number" in ended.said
    assert "Remedy: correct the amount and send the period again" in ended.said


def test_a_rejection_of_an_earlier_night_does_not_turn_this_one_red(
    run: Callable[[str], Ended], home: Settings, landed: dict[str, Any]
) -> None:
    reject(home, "ledger_postings")
    assert run("extract_budget").state == "success"


def test_a_landing_that_fails_goes_red_and_does_not_hold_the_others_up(
    run: Callable[[str], Ended], home: Settings, landed: dict[str, Any]
) -> None:
    landed["absence_statistics"] = WarehouseError("the API answers 503", remedy="start the task again later")
    landed["enrolments"] = LandReport("enrolments", 1, 10, 10, 0)
    ended = run("extract_school_absence")
    assert ended.state == "failed"
    assert ended.tasks["land_absence_statistics"] == "failed"
    assert ended.tasks["land_enrolments"] == "success"
    assert ended.tasks["judge_deliveries"] == "success"
    assert ended.tasks["account_for_domain"] == "failed"
    assert "land_absence_statistics: the task failed" in ended.said
    assert "the API answers 503" in ended.said
    assert domains_landed(home) == {"school_absence"}
    assert len(ended.nights) == 1


def test_a_judge_that_fails_leaves_the_domain_unfinished(
    run: Callable[[str], Ended], home: Settings, landed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(settings: Settings, domain: str) -> list[Verdict]:
        raise WarehouseError("the suite can't be read", remedy="correct the suite")

    monkeypatch.setattr("include.landing.judge.judge", judge)
    ended = run("extract_trivsel")
    assert ended.state == "failed"
    assert ended.tasks["account_for_domain"] == "upstream_failed"
    assert ended.nights == []
    assert domains_landed(home) == set()


def test_a_connection_of_airflow_reaches_the_landing(
    run: Callable[[str], Ended], home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    def land(settings: Settings, dataset: str, *, connection: Any = None, **_: object) -> LandReport:
        seen[dataset] = connection
        return LandReport(dataset)

    monkeypatch.setattr("include.landing.process.land", land)
    monkeypatch.setattr("include.landing.judge.judge", lambda settings, domain: [])
    connection = '{"conn_type": "http", "host": "http://127.0.0.1", "port": 8123, "password": "a-token"}'

    run("extract_school_absence")
    assert set(seen.values()) == {None}
    monkeypatch.setenv("AIRFLOW_CONN_UDDANNELSESSTATISTIK", connection)
    ended = run("extract_school_absence")

    assert seen["absence_statistics"].base_url == "http://127.0.0.1:8123"
    assert seen["absence_statistics"].token == "a-token"
    assert seen["enrolments"] is None
    assert "a-token" not in ended.said


STEPS = ("build", "validate", "protect", "publish")


@pytest.fixture
def refreshed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, dt.date]]:
    """The calls of the refresh's functions, all of which succeed: step, run id, business date."""
    calls: list[tuple[str, str, dt.date]] = []

    def fake(name: str) -> Callable[..., Any]:
        def work(settings: Settings, run_id: str, **_: object) -> Any:
            calls.append((name, run_id, settings.night))
            return SimpleNamespace(
                release_id=run_id, models=1, tests=1, seeds=1, warnings=(), suites=1, checks=1, public=("a",)
            )

        return work

    for module, name in zip(("build", "validate", "protect", "release"), STEPS, strict=True):
        monkeypatch.setattr(f"include.warehouse.{module}.{name}", fake(name))
    return calls


def test_a_refresh_by_hand_takes_each_step_with_one_run_id_and_one_date(
    run: Callable[[str], Ended], home: Settings, refreshed: list[tuple[str, str, dt.date]]
) -> None:
    ended = run("refresh_warehouse")
    assert ended.state == "success"
    assert [name for name, _, _ in refreshed] == list(STEPS)
    assert len({run_id for _, run_id, _ in refreshed}) == 1
    assert {night for _, _, night in refreshed} == {home.night}


def test_a_gate_that_refuses_stops_the_night_at_once_and_says_why(
    dags: dict[str, Any],
    run: Callable[[str], Ended],
    home: Settings,
    refreshed: list[tuple[str, str, dt.date]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from include.warehouse.protect import DisclosureFound

    def protect(settings: Settings, run_id: str) -> None:
        raise DisclosureFound("it is not declared restricted", remedy="declare it in the model's meta", where="mart_x")

    monkeypatch.setattr("include.warehouse.protect.protect", protect)
    ended = run("refresh_warehouse")
    assert ended.state == "failed"
    assert ended.tasks["protect"] == "failed"
    assert ended.tasks["publish"] == "upstream_failed"
    assert "mart_x: it is not declared restricted Remedy: declare it in the model's meta" in ended.said
    assert [name for name, _, _ in refreshed] == ["build", "validate"]

    # With its two retries the task would wait five minutes here, if a gate were tried again.
    assert dags["refresh_warehouse"].get_task("protect").retries == 2
    assert str(dags["refresh_warehouse"].test(logical_date=None).state) == "failed"


def test_a_run_that_nothing_calls_for_is_skipped_and_green(
    run: Callable[[str], Ended],
    home: Settings,
    refreshed: list[tuple[str, str, dt.date]],
    own_dags: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules["wiring"].__dict__, "_started_by", lambda run_type: "deliveries")
    with Ledger(home) as ledger:
        for domain in DOMAINS[:3]:
            ledger.finish_domain(domain, home.night)
    ended = run("refresh_warehouse")
    assert ended.state == "success"
    assert set(ended.tasks.values()) == {"skipped"}
    assert refreshed == []

    with Ledger(home) as ledger:
        ledger.finish_domain(DOMAINS[3], home.night)
    assert run("refresh_warehouse").tasks["publish"] == "success"


def test_who_started_a_run(dags: dict[str, Any]) -> None:
    from airflow.utils.types import DagRunType

    started_by = sys.modules["wiring"]._started_by
    kinds = [kind.value for kind in (DagRunType.ASSET_TRIGGERED, DagRunType.SCHEDULED, DagRunType.MANUAL)]
    assert [started_by(kind) for kind in kinds] == ["deliveries", "clock", "hand"]


def test_the_business_date_comes_with_the_event(dags: dict[str, Any]) -> None:
    wiring = sys.modules["wiring"]
    events = {
        "a": [SimpleNamespace(extra={"night": "2026-06-18"}), SimpleNamespace(extra={"night": "2026-06-19"})],
        "b": [SimpleNamespace(extra={"night": "2026-06-18"}), SimpleNamespace(extra=None)],
    }
    assert wiring._night_of_events({"triggering_asset_events": events}) == "2026-06-19"
    assert wiring._night_of_events({"triggering_asset_events": {}}) is None
    assert wiring._of_night(Settings(), "2026-06-18").night == dt.date(2026, 6, 18)
