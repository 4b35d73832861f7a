"""`warehouse status`: red only where somebody must act, and every figure from ledger, run log and manifest."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from include import cli
from include.errors import Refused, WarehouseError
from include.landing.contract import Period, load_contracts
from include.landing.ledger import Ledger
from include.operations import report, run_log
from include.operations.freshness import OVERDUE
from include.operations.run_log import claim_notice, end_notice, step, steps
from include.operations.status import DatasetStatus, Status, status
from include.settings import COPENHAGEN, DOMAINS, Settings
from include.sources.reading import Problem

NIGHT = dt.date(2026, 6, 19)
PATIENCE = load_contracts()["enrolments"].rhythm.stale_after_days


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    settings = Settings(home=tmp_path / "home", key_file=tmp_path / "key", as_of=NIGHT)
    for name in [name for name in os.environ if name.startswith("WAREHOUSE_")]:
        monkeypatch.delenv(name)
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    return settings


def on(settings: Settings, night: dt.date) -> Settings:
    return settings.model_copy(update={"as_of": night})


def deliver(
    settings: Settings,
    dataset: str = "referrals",
    *,
    days: tuple[str, str] | None = None,
    label: str | None = None,
    is_readable: bool = True,
    status: str = "accepted",
    bad: int = 0,
) -> None:
    """A delivery of 100 rows that the night's landing step takes in, about `days` or the 18 before."""
    night = settings.night
    days = days or (f"{night - dt.timedelta(days=18):%Y%m%d}", f"{night - dt.timedelta(days=1):%Y%m%d}")
    problems = [Problem(number + 2, "Henvist dato", "type", "no date", "write a date") for number in range(bad)]
    if status == "rejected":
        problems = [Problem(None, None, "header", "the header is another", "have the extract set up as agreed")]
    period = Period.parse(label or "-".join(days)) if is_readable else None
    domain = load_contracts()[dataset].domain
    run = f"extract_{domain}_{night:%Y%m%d}"
    with step(settings, f"land_{dataset}", run=run, domain=domain), Ledger(settings) as ledger:
        ledger.record(
            load_contracts()[dataset],
            os.urandom(32).hex(),
            f"{dataset}_{period.label if period else 'x'}_{night:%Y%m%d}.csv",
            status=status,
            period=period,
            as_of=night if is_readable else None,
            row_count=100,
            landed_count=0 if status == "rejected" else 100 - bad,
            parquet_file=None,
            key_id=None,
            is_synthetic=True,
            problems=problems,
        )


def extract(settings: Settings, *, without: str | None = None) -> None:
    for domain in DOMAINS:
        if domain != without:
            run = f"extract_{domain}_{settings.night:%Y%m%d}"
            with step(settings, "judge_deliveries", run=run, domain=domain), Ledger(settings) as ledger:
                ledger.finish_domain(domain, settings.night)


def refresh(settings: Settings, run_id: str, failing: str | None = None, error: Exception | None = None) -> None:
    for name in ("build", "validate", "protect", "publish"):
        try:
            with step(settings, name, run=run_id) as detail:
                if name == failing:
                    raise error or ValueError("1234.56")
                if name == "publish":
                    detail["release"] = run_id
                    folder = settings.releases / run_id
                    folder.mkdir(parents=True, exist_ok=True)
                    (folder / "manifest.json").write_text(json.dumps({"as_of": settings.night.isoformat()}), "utf-8")
                    settings.current_release.unlink(missing_ok=True)
                    settings.current_release.symlink_to(run_id)
        except Exception:
            return


def good_night(settings: Settings, run_id: str = "20260619T013000Z-000001") -> None:
    deliver(settings)
    extract(settings)
    refresh(settings, run_id)


def warehouse(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, arguments)


def coloured(settings: Settings) -> str:
    out = io.StringIO()
    Console(width=100, file=out, force_terminal=True, color_system="standard", highlight=False).print(
        report.status_report(status(settings))
    )
    return out.getvalue()


def line(found: Status, dataset: str) -> DatasetStatus:
    return next(one for one in found.datasets if one.dataset == dataset)


def test_before_the_first_night_nobody_has_to_act(home: Settings) -> None:
    shown = warehouse("status")
    assert shown.exit_code == 0, shown.output
    assert shown.output.startswith("Nobody has to act.")
    assert "no night has run yet" in shown.output


def test_a_good_night_is_told_with_its_figures(home: Settings) -> None:
    deliver(home, "ledger_postings", label="2026-06", bad=3)
    good_night(home)
    shown = warehouse("status")
    assert shown.exit_code == 0, shown.output
    assert shown.output.startswith("Nobody has to act.")
    assert "20260619T013000Z-000001" in shown.output
    assert "100 (3)" in shown.output
    assert max(len(row.rstrip()) for row in shown.output.splitlines()) <= 100

    found = status(home)
    assert (found.phase, found.release, found.release_as_of) == ("published", "20260619T013000Z-000001", NIGHT)
    postings = line(found, "ledger_postings")
    assert (postings.state, postings.extract, postings.newest, postings.gate) == ("fresh", NIGHT, NIGHT, "passed")
    assert vars(postings.last) == {
        "deliveries": 1,
        "rows_in": 100,
        "landed": 97,
        "quarantined": 3,
        "erased": 0,
    }
    assert postings.tonight == postings.last
    assert postings.seconds is not None
    tonight = found.nights[0]
    assert (tonight.landed, tonight.missing, tonight.rejected) == (list(DOMAINS), [], 0)
    assert (tonight.counts.deliveries, tonight.counts.rows_in, tonight.counts.quarantined) == (2, 200, 3)
    assert set(tonight.gates.values()) == {"succeeded"}


def test_at_a_hundred_columns_each_dataset_has_one_line(home: Settings) -> None:
    good_night(home)
    for dataset in load_contracts():
        deliver(home, dataset, label="2026-06" if dataset == "ledger_postings" else None)
    screen = Console(width=100, record=True, file=io.StringIO(), highlight=False)
    screen.print(report.status_report(status(home)))
    shown = screen.export_text().splitlines()
    for dataset in load_contracts():
        (row,) = [row for row in shown if row.startswith(f" {dataset} ")]
        assert row.rstrip()[-1].isdigit(), "its seconds"


def test_a_try_that_was_followed_by_a_good_one_is_not_red(home: Settings) -> None:
    deliver(home)
    extract(home)
    refresh(home, "20260619T013000Z-000001", "publish", OSError("disk"))
    assert "\x1b[31mfailed" in coloured(home)
    with step(home, "publish", run="20260619T013000Z-000001") as detail:
        detail["release"] = "20260619T013000Z-000001"
    assert status(home).to_act == []
    assert "\x1b[31mfailed" not in coloured(home)
    assert "\x1b[33mfailed" in coloured(home)


def test_a_step_that_airflow_ends_says_so(home: Settings) -> None:
    class TimeLimit(BaseException):
        """As Airflow's, which is no `Exception`."""

    extract(home)
    with pytest.raises(TimeLimit), step(home, "build", run="r"):
        raise TimeLimit
    assert [act.reason for act in status(home).to_act] == ["failed (TimeLimit)"]


def test_json_has_the_same_and_the_exit_code(home: Settings) -> None:
    good_night(home)
    content = json.loads(warehouse("status", "--json").stdout)
    assert content["must_act"] is False
    assert content["night"] == "2026-06-19"
    assert {one["dataset"] for one in content["datasets"]} == set(load_contracts())
    dt.datetime.fromisoformat(content["steps"][0]["started_at"])
    deliver(home, status="rejected")
    shown = warehouse("status", "--json")
    assert shown.exit_code == 1
    assert json.loads(shown.stdout)["must_act"] is True


def test_a_follow_up_that_is_none_is_told_where_it_was_asked_for(home: Settings) -> None:
    good_night(home)
    for command in ("forms", "freeze"):
        told = warehouse("follow-up", command, "BO9-2026")
        assert told.exit_code == 1
        assert "BO9-2026" in told.stderr
    assert status(home).to_act == [], "a slip of the finger is nothing that somebody has to act on"


def test_a_rejected_delivery_is_red_until_its_period_has_come(home: Settings) -> None:
    good_night(home)
    deliver(home, status="rejected")
    shown = warehouse("status")
    assert shown.exit_code == 1
    first, second = shown.output.splitlines()[:2]
    assert first == "Somebody must act, on 1 of these:"
    assert second.startswith("- referrals/referrals_20260601-20260618_20260619.csv: rejected: the header is another. ")
    assert "Remedy: have the extract set up as agreed" in shown.output
    found = status(home)
    assert (line(found, "referrals").open_rejections, found.nights[0].rejected) == (1, 1)

    good_night(on(home, NIGHT + dt.timedelta(days=1)), "20260620T013000Z-000001")
    after = status(on(home, NIGHT + dt.timedelta(days=1)))
    assert after.to_act == []
    assert [night.rejected for night in after.nights] == [0, 1], "what was rejected stays in its night's history"


def next_night(home: Settings) -> Settings:
    return on(home, NIGHT + dt.timedelta(days=1))


def form(label: str) -> dict[str, object]:
    return {"dataset": "milestone_status", "label": label}


@pytest.mark.parametrize(
    ("rejected", "replacing", "is_open"),
    [
        ({"days": ("20260601", "20260618")}, {"days": ("20260602", "20260619")}, True),
        ({"days": ("20260603", "20260618")}, {"days": ("20260602", "20260619")}, False),
        ({"is_readable": False}, {"days": ("20260602", "20260619")}, False),
        ({"dataset": "ledger_postings", "label": "2026-05"}, {"dataset": "ledger_postings", "label": "2026-06"}, True),
        ({"dataset": "ledger_postings", "label": "2026-06"}, {"dataset": "ledger_postings", "label": "2026-06"}, False),
        (form("BO2-2026-DSK-2022-1f2e3d4c"), form("BO2-2026-BUR-2017-1f2e3d4d"), True),
        (form("BO2-2026-DSK-2022-1f2e3d4c"), form("BO1-2026-DSK-2022-1f2e3d4d"), True),
        (form("BO2-2026-DSK-2022-1f2e3d4c"), form("BO2-2026-DSK-2022-1f2e3d4d"), False),
    ],
)
def test_what_replaces_a_rejected_delivery(
    home: Settings, rejected: dict[str, object], replacing: dict[str, object], is_open: bool
) -> None:
    deliver(home, status="rejected", **rejected)  # type: ignore[arg-type]
    deliver(next_night(home), **replacing)  # type: ignore[arg-type]
    dataset = str(rejected.get("dataset", "referrals"))
    assert bool(line(status(next_night(home)), dataset).open_rejections) is is_open


def test_an_older_accepted_delivery_does_not_replace_a_newer_rejected_one(home: Settings) -> None:
    deliver(home)
    deliver(next_night(home), status="rejected")
    assert line(status(next_night(home)), "referrals").open_rejections == 1


def test_the_gate_of_deliveries_is_told_without_what_landing_noted(home: Settings) -> None:
    deliver(home)
    for notes, said in (
        (["person_key: 7 of 7 numbers fail modulus 11"], "passed"),
        (["referrals: expect_column_to_exist on x: expected: y", "person_key: …"], "1 warning"),
    ):
        with Ledger(home) as ledger, ledger.moment() as connection:
            connection.execute("update delivery set notes = ?", [json.dumps(notes)])
            connection.commit()
        assert line(status(home), "referrals").gate == said


def test_a_moving_window_closes_a_rejection_if_earlier_deliveries_fill_its_first_days(home: Settings) -> None:
    deliver(home)
    deliver(next_night(home), days=("20260601", "20260619"), status="rejected")
    third = on(home, NIGHT + dt.timedelta(days=2))
    assert line(status(third), "referrals").open_rejections == 1
    deliver(third, days=("20260603", "20260620"))
    assert line(status(third), "referrals").open_rejections == 0


@pytest.mark.parametrize(
    ("days", "state", "code"),
    [
        (PATIENCE, "fresh", 0),
        (PATIENCE + 1, "stale", 0),
        (OVERDUE * PATIENCE, "stale", 0),
        (OVERDUE * PATIENCE + 1, "overdue", 1),
    ],
)
def test_stale_is_worth_knowing_and_overdue_is_red(home: Settings, days: int, state: str, code: int) -> None:
    deliver(on(home, NIGHT - dt.timedelta(days=days)), "enrolments", label="2025-2026")
    extract(home)
    refresh(home, "20260619T013000Z-000001")
    found = status(home)
    assert line(found, "enrolments").state == state
    assert line(found, "referrals").state == "never delivered", "and that is not red"
    assert [act.where for act in found.to_act] == (["enrolments"] if code else [])
    assert any("stale" in remark for remark in found.remarks) == (state == "stale")
    assert warehouse("status").exit_code == code


def test_a_gate_that_refuses_is_red_with_reason_and_remedy_and_another_error_keeps_its_text(home: Settings) -> None:
    good_night(on(home, NIGHT - dt.timedelta(days=1)), "20260618T013000Z-000001")
    deliver(home)
    extract(home)
    refusal = WarehouseError("it has no rows.", remedy="look into the deliveries", where="mart_x")
    refresh(home, "20260619T013000Z-000001", "validate", refusal)
    found = status(home)
    assert [(act.where, act.reason, act.remedy) for act in found.to_act] == [
        ("refresh, validate", "failed: mart_x: it has no rows.", "look into the deliveries")
    ]
    assert (found.release, found.release_as_of) == ("20260618T013000Z-000001", dt.date(2026, 6, 18))
    assert found.nights[0].gates == {"build": "succeeded", "validate": "failed"}
    assert warehouse("status").exit_code == 1

    refresh(home, "20260619T020000Z-000001", "build")
    assert status(home).to_act[0].reason == "failed (ValueError)"
    assert "1234.56" not in warehouse("status", "--json").stdout

    refresh(home, "20260619T030000Z-000001")
    assert status(home).to_act == [], "what went wrong before the release is of no concern"


def test_a_domain_that_was_not_taken_in_and_a_landing_that_failed_are_red(home: Settings) -> None:
    with (
        pytest.raises(WarehouseError),
        step(home, "land_absence_statistics", run="extract_school_absence_20260619", domain="school_absence"),
    ):
        raise WarehouseError("the API answers 503", remedy="start the task again later")
    extract(home, without="trivsel")
    refresh(home, "20260619T013000Z-000001")
    found = status(home)
    assert [act.where for act in found.to_act] == ["school_absence, land_absence_statistics", "domain trivsel"]
    assert found.nights[0].missing == ["trivsel"]
    assert "without trivsel" in warehouse("status").output


def test_a_night_without_a_release_is_red(home: Settings) -> None:
    good_night(on(home, NIGHT - dt.timedelta(days=1)), "20260618T013000Z-000001")
    assert [act.reason for act in status(home).to_act] == ["nothing has run"]
    extract(home)
    assert "no release was published" in status(home).to_act[0].reason


def test_an_earlier_night_is_shown_as_it_was_left(home: Settings) -> None:
    deliver(home, status="rejected")
    extract(home)
    refresh(home, "20260619T013000Z-000001")
    after = NIGHT + dt.timedelta(days=1)
    deliver(on(home, after), days=("20260601", "20260619"))
    extract(on(home, after))
    refresh(on(home, after), "20260620T013000Z-000001")
    assert status(on(home, after)).to_act == []
    shown = warehouse("status", "--night", "2026-06-19")
    assert shown.exit_code == 1
    assert "Night 2026-06-19" in shown.output
    assert "20260620" not in shown.output.partition("The last nights")[2]
    assert line(status(on(home, after), NIGHT), "referrals").last.landed == 0


def test_thirty_nights_newest_first_with_those_on_which_nothing_ran(home: Settings) -> None:
    for days in (40, 29, 3, 0):
        night = NIGHT - dt.timedelta(days=days)
        good_night(on(home, night), f"{night:%Y%m%d}T013000Z-000001")
    nights = status(home).nights
    assert len(nights) == 30
    assert [one.night for one in nights if one.begun] == [NIGHT - dt.timedelta(days=days) for days in (0, 3, 29)]
    assert warehouse("status").output.count("nothing ran") == 27


# --- the clock ------------------------------------------------------------------------------------------------------


@pytest.fixture
def live(home: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Settings]:
    """Settings whose business date is the calendar's, at a moment of the night; steps begin at that moment too."""
    real = dt.datetime.now(COPENHAGEN).date()

    def at(clock: str) -> Settings:
        moment = dt.datetime.combine(real, dt.time.fromisoformat(clock), COPENHAGEN).astimezone(dt.UTC)

        class Clock(dt.datetime):
            @classmethod
            def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:  # type: ignore[override]
                return moment.astimezone(tz)

        monkeypatch.setattr(run_log.dt, "datetime", Clock)
        return home.model_copy(update={"as_of": None})

    return at


def test_what_the_clock_says(live: Callable[[str], Settings]) -> None:
    settings = live("01:05")
    today = settings.night
    good_night(on(settings, today - dt.timedelta(days=1)), "20260618T013000Z-000001")
    before = status(settings)
    assert (before.night, before.phase) == (today - dt.timedelta(days=1), "published"), "tonight's has not begun"

    settings = live("01:30")
    assert [act.reason for act in status(settings).to_act] == ["nothing has run"]
    extract(settings, without="budget")
    assert (status(settings).phase, status(settings).to_act) == ("under way", [])

    live("03:31")
    refresh(settings, "20260619T033100Z-000001", "publish", OSError("disk"))
    soon = status(live("03:40"))
    assert [act.where for act in soon.to_act if "refresh" in act.where] == []
    assert any("may be tried again: publish" in remark for remark in soon.remarks)
    late = status(live("04:10"))
    assert [act.where for act in late.to_act] == ["refresh, publish", "domain budget"]


def test_what_is_the_same_on_a_second_try_is_red_at_once(live: Callable[[str], Settings]) -> None:
    settings = live("01:30")
    extract(settings)
    refresh(settings, "20260619T013100Z-000001", "build", Refused("not so", remedy="otherwise"))
    assert [act.where for act in status(settings).to_act] == ["refresh, build"]


def test_a_step_that_was_killed_is_red_once_it_would_have_ended(
    home: Settings, live: Callable[[str], Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = live("01:30")
    extract(settings)
    with sqlite3.connect(settings.operations / "run_log.sqlite") as log:
        log.execute(
            "insert into step (run, name, started_at, night) values ('r', 'build', ?, ?)",
            (run_log.dt.datetime.now(dt.UTC).isoformat(), settings.night.isoformat()),
        )
    assert status(live("02:55")).phase == "under way"
    assert status(live("02:55")).to_act == []
    assert [act.reason for act in status(live("03:05")).to_act] == ["broke off: its process was killed"]


# --- notices and the log --------------------------------------------------------------------------------------------


def test_status_says_what_became_of_notices_and_that_nobody_is_told(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    good_night(home)
    assert warehouse("status").output.count("nobody is told") == 1
    monkeypatch.setenv("WAREHOUSE_NOTICE_MAIL", "vagt@example.dk")
    assert "notices: none was called for" in warehouse("status").output
    assert claim_notice(home, NIGHT, "warning", "mail", "subject", "body")
    end_notice(home, NIGHT, "warning", "mail", "ConnectionRefusedError")
    shown = warehouse("status")
    assert shown.exit_code == 0
    assert "notices: warning mail NOT SENT: ConnectionRefusedError" in shown.output
    assert "vagt@example.dk" not in shown.output
    assert status(home).nights[0].notices == ["warning mail NOT SENT"]


def test_a_log_of_before_steps_had_a_night_is_read_and_written_on(home: Settings) -> None:
    home.prepare()
    with sqlite3.connect(home.operations / "run_log.sqlite") as log:
        log.execute(
            "create table step (step_id integer primary key, run text not null, domain text, name text not null, "
            "started_at text not null, seconds real, outcome text not null default 'started', "
            "detail text not null default '{}')"
        )
        log.executemany(
            "insert into step (run, name, started_at) values (?, 'x', '2026-06-19T23:30:00+00:00')",
            [("extract_school_absence_20260618",), ("20260619T233000Z-000001",)],
        )
    with step(home, "build", run="r"):
        pass
    assert [one.night for one in steps(home)] == [dt.date(2026, 6, 18), dt.date(2026, 6, 20), NIGHT]


def test_the_clock_of_status_is_that_of_the_schedule(live: Callable[[str], Settings]) -> None:
    settings = live("05:10").model_copy(update={"extract_at": "0 5 * * *", "refresh_at": "0 6 * * *"})
    good_night(on(settings, settings.night - dt.timedelta(days=1)), "20260618T013000Z-000001")
    assert status(settings).night == settings.night - dt.timedelta(days=1)
    extract(settings)
    live("06:20")
    assert status(settings).phase == "under way"
    live("06:40")
    assert status(settings).phase == "no release"
    often = settings.model_copy(update={"extract_at": "*/5 * * * *", "refresh_at": "*/7 * * * *"})
    assert status(often).phase == "no release", "without one time a night the clock says nothing"
