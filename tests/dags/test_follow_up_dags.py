"""The two DAGs on the follow-up calendar: when Airflow starts them, and what a run then does.

The schedules go through Airflow's own serialization and timetable, as its scheduler reads them, at moments that the
test chooses; the runs are real, with doubles for what writes forms and editions.
"""

from __future__ import annotations

import datetime as dt
import json
import runpy
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from follow_up_seed import row, set_calendar

from include.errors import Refused, WarehouseError
from include.follow_up import calendar
from include.operations.notices import Message
from include.operations.run_log import steps
from include.settings import COPENHAGEN, PROJECT_ROOT, Settings

DAGS = ("send_status_forms", "freeze_follow_up")
SEND, FREEZE = DAGS


def at(text: str) -> dt.datetime:
    """A moment in Denmark."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=COPENHAGEN)


# ---- when


@dataclass
class Scheduler:
    """Airflow's scheduler as far as it decides when a DAG runs: it knows the last run, and reads the files anew."""

    read: Callable[[str, dt.datetime], Any]
    last: dict[str, Any] = field(default_factory=dict)

    def runs(self, name: str, now: str) -> list[str]:
        """The runs that a look at this moment, with a file just read, starts; as hours in Denmark."""
        dag = self.read(name, at(now))
        started = []
        while (info := dag.next_dagrun_info(last_automated_run_info=self.last.get(name))) is not None:
            if info.run_after > at(now):
                break
            assert info.logical_date == info.run_after
            started.append(f"{info.logical_date.astimezone(COPENHAGEN):%Y-%m-%d %H:%M}")
            self.last[name] = info
        return started


@pytest.fixture
def scheduler(dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Scheduler:
    from airflow.serialization.serialized_objects import DagSerialization

    def read(name: str, now: dt.datetime) -> Any:
        def moments(actions: Any) -> Any:
            return calendar.moments(Settings(), actions, now.date())

        monkeypatch.setattr(sys.modules["wiring"], "_moments", moments)
        dag = runpy.run_path(str(PROJECT_ROOT / "dags" / f"{name}.py"))["dag"]
        return DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))

    return Scheduler(read)


def every_hour(scheduler: Scheduler, name: str, first: str, last: str) -> list[str]:
    """The runs over some days in which the scheduler looks once an hour, ten seconds after it."""
    now, end = at(first).astimezone(dt.UTC), at(last)
    started = []
    while now <= end:
        looks = (now + dt.timedelta(seconds=10)).astimezone(COPENHAGEN)
        started += scheduler.runs(name, f"{looks:%Y-%m-%d %H:%M:%S}")
        now += dt.timedelta(hours=1)
    return started


@pytest.mark.parametrize("cut_off", ["2026-03-29", "2026-10-25", "2026-12-31", "2028-02-29", "2028-03-01"])
def test_each_moment_is_one_run_at_six_in_denmark(
    cut_off: str, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_calendar(monkeypatch, tmp_path, row(cut_off))
    day = dt.date.fromisoformat(cut_off)
    before, after = (str(day + dt.timedelta(days=days)) for days in (-2, 2))
    runs = every_hour(scheduler, FREEZE, f"{before} 12:00", f"{after} 12:00")
    assert runs == [f"{day - dt.timedelta(days=1)} 06:00", f"{day} 06:00"]
    checked = day - dt.timedelta(days=2)
    assert every_hour(scheduler, SEND, f"{checked} 00:00", f"{cut_off} 23:00") == [f"{checked} 06:00"]


def test_a_file_that_is_read_just_after_its_moment_loses_no_run(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_calendar(monkeypatch, tmp_path, row("2026-03-31"))
    assert scheduler.runs(FREEZE, "2026-03-30 05:59:59") == []
    assert scheduler.runs(FREEZE, "2026-03-30 06:00:01") == ["2026-03-30 06:00"]
    assert scheduler.runs(FREEZE, "2026-03-30 06:00:02") == []


def test_a_morning_without_power_is_made_up_for_on_the_day_and_not_later(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_calendar(monkeypatch, tmp_path, row("2026-03-31"), row("2026-06-30", "BO2-2026"))
    assert scheduler.runs(FREEZE, "2026-03-31 23:59") == ["2026-03-31 06:00"]
    assert scheduler.runs(FREEZE, "2026-07-01 00:00") == []


def test_nothing_of_the_past_runs_on_the_first_day(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rows = [row(f"{year}-03-31", valid_from="2016-01-01") for year in range(2017, 2027)]
    set_calendar(monkeypatch, tmp_path, *rows)
    for name in DAGS:
        assert scheduler.runs(name, "2026-06-01 12:00") == []


def test_a_moved_date_moves_the_run_and_the_old_date_does_not_run(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_calendar(monkeypatch, tmp_path, row("2026-03-31"))
    assert scheduler.runs(FREEZE, "2026-03-29 12:00") == []
    set_calendar(monkeypatch, tmp_path, row("2026-03-31"), row("2026-04-08", valid_from="2026-03-29"))
    assert every_hour(scheduler, FREEZE, "2026-03-29 13:00", "2026-04-10 00:00") == [
        "2026-04-07 06:00",
        "2026-04-08 06:00",
    ]


def test_a_date_that_is_moved_forward_again_runs_on_the_new_date_once(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_calendar(monkeypatch, tmp_path, row("2026-04-08"))
    assert scheduler.runs(FREEZE, "2026-03-30 12:00") == []
    set_calendar(monkeypatch, tmp_path, row("2026-04-08"), row("2026-04-01", valid_from="2026-03-30"))
    assert every_hour(scheduler, FREEZE, "2026-03-30 13:00", "2026-04-10 00:00") == [
        "2026-03-31 06:00",
        "2026-04-01 06:00",
    ]


def test_a_date_moved_into_the_past_runs_no_more(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_calendar(monkeypatch, tmp_path, row("2026-03-31"))
    assert scheduler.runs(FREEZE, "2026-03-20 12:00") == []
    set_calendar(monkeypatch, tmp_path, row("2026-03-31"), row("2026-03-16", valid_from="2026-03-20"))
    assert every_hour(scheduler, FREEZE, "2026-03-20 13:00", "2026-04-02 00:00") == []


def test_a_bad_calendar_is_an_import_error_of_these_two_files_alone(
    night_runner: ModuleType, dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_calendar(monkeypatch, tmp_path, row("2026-03-31", valid_from="never"))
    with pytest.raises(RuntimeError, match="line 2, column valid_from") as raised:
        night_runner.load_dags()
    files = {line.partition(":")[0].rpartition("/")[2] for line in str(raised.value).splitlines() if ".py: " in line}
    assert files <= {f"{name}.py" for name in DAGS}


def test_the_pages_list_the_moments_to_come(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_calendar(monkeypatch, tmp_path, row("2026-03-29"))
    assert (
        "- 29.03.2026 kl. 06:00: tallene fryses (1. budgetopfølgning 2026)"
        in scheduler.read(FREEZE, at("2026-03-01 12:00")).doc_md
    )
    page = scheduler.read(SEND, at("2026-03-01 12:00")).doc_md
    assert "- 08.03.2026 kl. 06:00: skemaerne skrives (1. budgetopfølgning 2026)" in page
    assert "Kalenderen har ingen kommende datoer" in scheduler.read(SEND, at("2026-05-01 12:00")).doc_md


# ---- what a run does


@dataclass
class Made:
    """What the doubles were asked for, and what they raise instead."""

    calls: list[str] = field(default_factory=list)
    error: Exception | None = None

    def make(self, what: str, settings: Settings, code: str) -> None:
        self.calls.append(f"{what} {code} {settings.night}")
        if self.error is not None:
            raise self.error


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    found = Made()

    def write_forms(settings: Settings, code: str) -> tuple[Path, ...]:
        found.make("forms", settings, code)
        return (Path("a.xlsx"), Path("b.xlsx"))

    def freeze(settings: Settings, code: str) -> Any:
        found.make("edition", settings, code)
        return SimpleNamespace(edition=f"{code}-1", is_new=True)

    monkeypatch.setattr("include.follow_up.forms.write_forms", write_forms, raising=False)
    monkeypatch.setitem(sys.modules, "include.follow_up.edition", SimpleNamespace(freeze=freeze))
    return found


@pytest.fixture
def told(dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> list[Message]:
    """The notices that would be mailed; tests/dags/test_notices_from_runs.py tries real channels."""
    messages: list[Message] = []
    monkeypatch.setenv("WAREHOUSE_NOTICE_MAIL", "vagt@example.dk")
    monkeypatch.setattr(sys.modules["wiring"], "_senders", lambda settings, context: {"mail": messages.append})
    return messages


@pytest.fixture(scope="module")
def own_dags(night_runner: ModuleType, dags: dict[str, Any]) -> dict[str, Any]:
    """DAG objects whose tasks are not tried again, since `dag.test()` would wait."""
    found: dict[str, Any] = night_runner.load_dags()
    for name in DAGS:
        for task in found[name].tasks:
            task.retries = 0
    return found


@pytest.fixture
def run(night_runner: ModuleType, own_dags: dict[str, Any], home: Settings) -> Callable[..., dict[str, str]]:
    """Run a DAG for a moment, or by hand with a code; gives the state of each task, and of the run as `run`."""

    def running(name: str, moment: str | None = None, follow_up: str | None = None) -> dict[str, str]:
        when = at(moment) if moment else None
        # Always given: `dag.test()` keeps the last one in the DAG.
        ran = night_runner.run_dag(own_dags[name], logical_date=when, run_conf={"follow_up": follow_up})
        return {one.task_id: str(one.state) for one in ran.get_task_instances()} | {"run": str(ran.state)}

    return running


def test_a_run_does_what_its_moment_is_for(run: Callable[..., dict[str, str]], made: Made, told: list[Message]) -> None:
    assert run(SEND, "2027-03-10 06:00") == {
        "look_in_calendar": "success",
        "write_forms": "success",
        "check_forms": "skipped",
        "run": "success",
    }
    assert run(FREEZE, "2027-03-31 06:00")["freeze"] == "success"
    assert made.calls == ["forms BO1-2027 2027-03-10", "edition BO1-2027 2027-03-31"]
    assert told == []
    logged = [(step.name, step.run, step.domain, step.outcome, step.detail) for step in steps(Settings())]
    assert logged == [
        ("write_forms", "follow_up_BO1-2027", "follow_up", "succeeded", {"forms": 2}),
        ("freeze", "follow_up_BO1-2027", "follow_up", "succeeded", {"edition": "BO1-2027-1", "is_new": True}),
    ]


def test_a_run_on_a_day_on_which_nothing_is_due_is_skipped(run: Callable[..., dict[str, str]], made: Made) -> None:
    assert set(run(FREEZE, "2027-04-01 06:00").values()) == {"skipped", "success"}
    assert made.calls == []


def test_a_date_that_was_moved_meanwhile_is_not_done_by_a_run_of_the_old_one(
    run: Callable[..., dict[str, str]], made: Made, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_calendar(monkeypatch, tmp_path, row("2027-03-31"), row("2027-04-08", valid_from="2027-03-31"))
    assert run(FREEZE, "2027-03-31 06:00")["freeze"] == "skipped"
    assert run(FREEZE, "2027-04-08 06:00")["freeze"] == "success"
    assert made.calls == ["edition BO1-2027 2027-04-08"]


def test_by_hand_a_code_is_done_as_of_the_business_date(
    run: Callable[..., dict[str, str]], made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE_AS_OF", "2026-11-20")
    assert run(FREEZE, follow_up="BO3-2026") == {
        "look_in_calendar": "success",
        "check_release": "skipped",
        "freeze": "success",
        "run": "success",
    }
    assert run(SEND, follow_up="YE-2026")["write_forms"] == "success"
    assert made.calls == ["edition BO3-2026 2026-11-20", "forms YE-2026 2026-11-20"]
    assert run(FREEZE, follow_up="BO3-2062")["run"] == "failed"
    assert len(made.calls) == 2


def test_by_hand_without_a_code_what_is_due_today_is_done(
    run: Callable[..., dict[str, str]], made: Made, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    today = dt.datetime.now(COPENHAGEN).date()
    set_calendar(monkeypatch, tmp_path, row(str(today)))
    assert run(FREEZE)["freeze"] == "success"
    assert made.calls == [f"edition BO1-{today.year} {today}"]


def test_a_check_that_finds_something_is_red_and_told_once(
    run: Callable[..., dict[str, str]], told: list[Message]
) -> None:
    states = run(FREEZE, "2027-03-30 06:00")
    assert (states["check_release"], states["freeze"], states["run"]) == ("failed", "skipped", "failed")
    assert run(FREEZE, "2027-03-30 06:00")["run"] == "failed"
    (message,) = told
    assert message.severity == "deadline"
    assert message.night == dt.date(2027, 3, 30)
    assert "1. budgetopfølgning 2027: tallene fryses den 31.03.2027" in message.body
    assert [step.detail for step in steps(Settings()) if step.name == "check_follow_up"] == [{"release": 1}] * 2


def test_a_check_that_finds_nothing_is_green(
    run: Callable[..., dict[str, str]], told: list[Message], home: Settings
) -> None:
    folder = home.releases / "20270330T013000Z-000001"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text('{"as_of": "2027-03-30"}', "utf-8")
    home.current_release.symlink_to(folder.name)
    assert run(FREEZE, "2027-03-30 06:00")["check_release"] == "success"
    assert run(SEND, "2027-03-29 06:00")["check_forms"] == "success"
    assert told == []


@pytest.mark.parametrize(
    ("name", "moment", "task", "words"),
    [
        (SEND, "2027-03-10 06:00", "write_forms", "skemaerne til budgetopfølgningen er ikke skrevet"),
        (FREEZE, "2027-03-31 06:00", "freeze", "tallene til budgetopfølgningen er ikke frosset"),
    ],
)
def test_what_cant_be_made_is_told_and_logged(
    name: str,
    moment: str,
    task: str,
    words: str,
    run: Callable[..., dict[str, str]],
    made: Made,
    told: list[Message],
) -> None:
    made.error = Refused("there is no release", remedy="publish one")
    assert run(name, moment)[task] == "failed"
    (message,) = told
    assert message.severity == "deadline"
    assert words in message.subject
    (step,) = steps(Settings())
    assert (step.outcome, step.detail["reason"]) == ("failed", "there is no release")


def test_a_failed_freeze_is_tried_again_and_one_that_is_refused_is_not(
    dags: dict[str, Any], home: Settings, made: Made
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    function = dags[FREEZE].get_task("freeze").python_callable
    plan = {"night": "2027-03-31", "freeze": ["BO1-2027"]}
    for error, raised in (
        (Refused("no", remedy="none"), AirflowFailException),
        (WarehouseError("the disk is full", remedy="make room"), WarehouseError),
    ):
        made.error = error
        with pytest.raises(raised, match=error.reason):
            function(plan)


# ---- deadlines


def test_a_refresh_and_a_freeze_have_a_deadline_that_airflow_can_import(dags: dict[str, Any]) -> None:
    from airflow.sdk._shared.module_loading import import_string

    limits = {name: [(one.interval, one.callback.path) for one in dag.deadline or []] for name, dag in dags.items()}
    assert {name: limit for name, limit in limits.items() if limit} == {
        "refresh_warehouse": [(dt.timedelta(hours=3), "wiring.tell_of_late_run")],
        FREEZE: [(dt.timedelta(hours=2), "wiring.tell_of_late_run")],
    }
    assert import_string("wiring.tell_of_late_run") is sys.modules["wiring"].tell_of_late_run


@pytest.mark.parametrize(("dag", "severity"), [(FREEZE, "deadline"), ("refresh_warehouse", "critical")])
def test_a_run_that_is_late_is_told_once(dag: str, severity: str, home: Settings, told: list[Message]) -> None:
    context = {"dag_run": {"dag_id": dag, "run_after": "2027-03-31T04:00:00Z", "state": "running"}}
    for _ in range(2):
        sys.modules["wiring"].tell_of_late_run(context=context)
    (message,) = told
    assert (message.severity, message.night) == (severity, dt.date(2027, 3, 31))
    assert f"`{dag}` er ikke færdig til tiden" in message.subject
    assert "fra 31.03.2027 kl. 06:00" in message.body
