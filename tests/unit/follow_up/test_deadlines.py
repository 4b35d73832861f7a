"""What a follow-up lacks, and from when until when it is said: in words, by `warehouse status` and in a notice."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path

import duckdb
import pytest
from follow_up_seed import row, set_calendar

from include.errors import WarehouseError
from include.follow_up.deadlines import answered, lacks, warnings
from include.follow_up.forms import FormRow, StatusForm, write_form
from include.landing.contract import Period, load_contracts
from include.landing.ledger import Ledger
from include.operations import notices
from include.operations.run_log import step
from include.operations.status import status
from include.settings import Settings

CODE = "BO1-2026"
CUT_OFF = dt.date(2026, 3, 31)
CENTERS = {
    "DSK-2022": ("Dagtilbud, Skoler og Klubber", []),
    "BUR-2017": ("Børne- og Ungerådgivning", []),
    "FLI-2023": ("Fællesliv", ["HVE-2025", "KUL-2025"]),
    "HVE-2025": ("Hverdagsliv", []),
    "KUL-2025": ("Kulturliv", []),
    "OEK-2022": ("Økonomi", []),
}
MILESTONES = (
    ("3.01", "DSK-2022", CODE, True),
    ("3.02", "DSK-2022", CODE, False),
    ("3.03-1", "BUR-2017", CODE, True),
    ("3.04", "FLI-2023", CODE, True),
    ("3.05", "OEK-2022", CODE, False),
    ("3.06", "OEK-2022", "BO2-2026", True),
)
"""Initiative, responsible centre, follow-up, and whether the milestone has a text."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home with the night of 1 March published, from which on the nights run."""
    set_calendar(monkeypatch, tmp_path, row(str(CUT_OFF)), row("2026-06-30", "BO2-2026"), row("2025-12-31", "YE-2025"))
    settings = Settings(home=tmp_path / "home", key_file=tmp_path / "key", as_of=dt.date(2026, 3, 1))
    publish(settings)
    return settings


def on(settings: Settings, day: str) -> Settings:
    return settings.model_copy(update={"as_of": dt.date.fromisoformat(day)})


def publish(settings: Settings) -> None:
    """A release of the night with the three marts that are read."""
    name = f"{settings.night:%Y%m%d}T013000Z-000001"
    folder = settings.releases / name
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(
        json.dumps({"release_id": name, "as_of": settings.night.isoformat()}), "utf-8"
    )
    with duckdb.connect(str(folder / "warehouse.duckdb")) as release:
        release.execute(
            """
            create schema marts;
            create table marts.dim_center (
                municipality_code varchar, center_code varchar, center_name varchar, successor_center_codes varchar[]
            );
            create table marts.dim_initiative (
                municipality_code varchar, agreement_year integer, initiative_id varchar, center_code varchar
            );
            create table marts.fct_milestone (
                municipality_code varchar, agreement_year integer, initiative_id varchar, follow_up_code varchar,
                has_text boolean
            );
            """
        )
        for code, (center, successors) in CENTERS.items():
            release.execute("insert into marts.dim_center values ('151', ?, ?, ?)", [code, center, successors])
        for initiative, code, follow_up, has_text in MILESTONES:
            release.execute("insert into marts.dim_initiative values ('151', 2026, ?, ?)", [initiative, code])
            release.execute(
                "insert into marts.fct_milestone values ('151', 2026, ?, ?, ?)", [initiative, follow_up, has_text]
            )
        # Another municipality's, and last year's of the same number, are not asked.
        release.execute("insert into marts.dim_initiative values ('157', 2026, '3.05', 'OEK-2022')")
        release.execute("insert into marts.fct_milestone values ('157', 2026, '3.05', ?, true)", [CODE])
    settings.current_release.unlink(missing_ok=True)
    settings.current_release.symlink_to(name)
    with step(settings, "publish", run=name) as detail:
        detail["release"] = name


def answer(
    settings: Settings, center: str, *, follow_up: str = CODE, status: str = "accepted", landed: int = 3
) -> None:
    label = f"{follow_up}-{center}-{settings.night:%Y%m%d}"
    with step(settings, "land_milestone_status", run="r", domain="budget"), Ledger(settings) as ledger:
        ledger.record(
            load_contracts()["milestone_status"],
            os.urandom(32).hex(),
            f"{center}.xlsx",
            status=status,
            period=Period.parse(label),
            as_of=settings.night,
            row_count=3,
            landed_count=landed,
            parquet_file=None,
            key_id=None,
            is_synthetic=True,
        )


def write_forms(settings: Settings, *centers: str) -> None:
    for center in centers:
        form = StatusForm(CODE, "1. budgetopfølgning 2026", center, center, (FormRow(2026, "3.01", "A", 1, "B"),))
        write_form(settings.follow_up / CODE / "forms" / f"{center}.xlsx", form)


def freeze(settings: Settings, code: str) -> None:
    folder = settings.editions / f"{code}-1"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}", "utf-8")


def lacking(settings: Settings, day: str) -> list[str]:
    found = lacks(settings, dt.date.fromisoformat(day))
    return [f"{lack.follow_up.code} {lack.what}" for lack in found]


# ---- the release of the night before


def test_a_release_that_is_older_than_the_day_is_told_from_three_days_before_until_the_cut_off(home: Settings) -> None:
    write_forms(home, "OEK-2022")
    answer(home, "OEK-2022")
    freeze(home, CODE)
    days = [CUT_OFF + dt.timedelta(days=number) for number in range(-5, 3)]
    told = {day.isoformat() for day in days if lacking(home, day.isoformat()) == [f"{CODE} release"]}
    assert told == {"2026-03-28", "2026-03-29", "2026-03-30", "2026-03-31"}
    publish(on(home, "2026-03-30"))
    assert lacking(home, "2026-03-30") == []
    assert lacking(home, "2026-03-31") == [f"{CODE} release"]
    publish(on(home, "2026-03-31"))
    assert lacking(home, "2026-03-31") == []


def test_it_says_what_stands_until_when_and_whom_to_ask(home: Settings) -> None:
    write_forms(home, "OEK-2022")
    answer(home, "OEK-2022")
    (said,) = warnings(home, dt.date(2026, 3, 30))
    assert said == (
        "follow-up BO1-2026: its figures are frozen on 2026-03-31, and the night before has no release: the one that "
        "stands is as of 2026-03-01. Remedy: see what stopped the refresh, mend it, and publish with `warehouse "
        "refresh`; if that takes longer, agree with Center for Økonomi to move the date (a new row of the seed "
        "follow_up_calendar)"
    )
    home.current_release.unlink()
    assert "there is none at all" in warnings(home, dt.date(2026, 3, 30))[0]


# ---- the centres


def test_on_the_deadline_the_centres_that_have_not_answered_are_named(home: Settings) -> None:
    answer(home, "BUR-2017")
    publish(on(home, "2026-03-27"))
    assert lacking(home, "2026-03-27") == []
    publish(on(home, "2026-03-28"))
    (said,) = warnings(home, dt.date(2026, 3, 28))
    assert "answers were due on 2026-03-28" in said
    assert "nothing has come from Dagtilbud, Skoler og Klubber, Fællesliv. Remedy: remind" in said
    assert "through Center for Økonomi" in said


def test_an_answer_counts_for_its_follow_up_if_it_was_accepted_with_a_row(home: Settings) -> None:
    answer(home, "DSK-2022", follow_up="BO2-2026")
    answer(home, "DSK-2022", status="rejected", landed=0)
    answer(home, "BUR-2017", landed=0)
    answer(home, "FLI-2023", status="landed")
    assert answered(home, CODE) == frozenset()
    answer(home, "DSK-2022")
    assert answered(home, CODE) == {"DSK-2022"}
    assert answered(home, "BO2-2026") == {"DSK-2022"}


def test_for_a_centre_that_has_ended_one_of_its_successors_answers(home: Settings) -> None:
    publish(on(home, "2026-03-28"))
    for center in ("DSK-2022", "BUR-2017", "KUL-2025"):
        answer(home, center)
    assert lacking(home, "2026-03-28") == []


def test_where_forms_were_written_it_is_they_that_are_waited_for(home: Settings) -> None:
    publish(on(home, "2026-03-28"))
    write_forms(home, "HVE-2025", "KUL-2025", "XXX-2026")
    (home.follow_up / CODE / "forms" / "~$HVE.xlsx").write_bytes(b"somebody has it open")
    answer(home, "HVE-2025")
    (lack,) = lacks(home, dt.date(2026, 3, 28))
    assert (lack.what, lack.centers) == ("answers", ("Kulturliv", "XXX-2026"))


def test_without_a_release_nobody_knows_whom_to_wait_for(home: Settings) -> None:
    home.current_release.unlink()
    assert lacking(home, "2026-03-28") == [f"{CODE} forms", f"{CODE} release"]


# ---- what was not done in its time


def test_forms_that_were_not_written_are_told_from_the_next_day_on(home: Settings) -> None:
    assert lacking(home, "2026-03-10") == []
    assert lacking(home, "2026-03-11") == [f"{CODE} forms"]
    assert f"Remedy: `warehouse follow-up forms {CODE}`" in warnings(home, dt.date(2026, 3, 11))[0]
    write_forms(home, "OEK-2022")
    assert lacking(home, "2026-03-11") == []


def test_figures_that_were_not_frozen_are_told_until_they_are(home: Settings) -> None:
    assert lacking(home, "2026-04-01") == [f"{CODE} edition"]
    assert lacking(home, "2026-06-08") == [f"{CODE} edition"]
    assert f"Remedy: `warehouse follow-up freeze {CODE}`" in warnings(home, dt.date(2026, 4, 1))[0]
    (home.editions / f"{CODE}-1").mkdir(parents=True)
    assert lacking(home, "2026-04-01") == [f"{CODE} edition"], "half an edition is none"
    (home.editions / f"{CODE}-1").rmdir()
    freeze(home, CODE)
    assert lacking(home, "2026-04-01") == []


def test_of_the_follow_ups_behind_us_the_last_one_matters(home: Settings) -> None:
    assert lacking(home, "2026-07-01") == ["BO2-2026 edition"]


def test_a_warehouse_owes_nothing_of_before_its_first_night(home: Settings) -> None:
    assert lacking(home, "2026-03-05") == [], "of YE-2025 there is no edition, and there could be none"


def test_a_date_that_was_moved_into_the_past_is_told(
    home: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_calendar(monkeypatch, tmp_path, row(str(CUT_OFF)), row("2026-03-10", valid_from="2026-03-20"))
    freeze(home, "YE-2025")
    assert lacking(home, "2026-03-19") == [f"{CODE} forms"]
    assert lacking(home, "2026-03-20") == [f"{CODE} edition"]


# ---- where it is said


def test_status_is_red_with_what_a_follow_up_lacks(home: Settings) -> None:
    tonight = on(home, "2026-03-28")
    publish(tonight)
    (act,) = [act for act in status(tonight).to_act if act.where.startswith("follow-up")][-1:]
    assert act.where == f"follow-up {CODE}"
    assert "nothing has come from" in act.reason
    assert "remind these centres" in act.remedy


def test_status_does_not_miss_a_release_that_may_still_come(home: Settings) -> None:
    tonight = on(home, "2026-03-30")
    write_forms(home, "OEK-2022")
    answer(home, "OEK-2022")

    def lines() -> list[str]:
        return [act.reason for act in status(tonight).to_act if act.where.startswith("follow-up")]

    with step(tonight, "build", run="20260330T013000Z-000001"):
        assert status(tonight).phase == "under way"
        assert lines() == []
    assert status(tonight).phase == "no release"
    assert "the night before has no release" in lines()[0]


def test_status_tells_of_a_calendar_that_cant_be_read(
    home: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_calendar(monkeypatch, tmp_path, row(str(CUT_OFF), valid_from="never"))
    act = status(home).to_act[-1]
    assert act.where == "follow_up_calendar.csv, line 2, column valid_from"
    assert "correct the row" in act.remedy
    with pytest.raises(WarehouseError, match="line 2"):
        warnings(home, home.night)


def test_the_notice_says_it_in_danish_with_remedy_and_whom_to_ask(home: Settings) -> None:
    assert notices.follow_ups(on(home, "2026-03-09")) is None
    found = notices.follow_ups(on(home, "2026-03-30"))
    assert found is not None
    assert found.severity == "deadline"
    assert found.subject == "Frist: varehuset, Ballerup, dagen 30.03.2026: en budgetopfølgning mangler noget"
    for told in (
        "1. budgetopfølgning 2026: fristen for svar er den 28.03.2026, tallene fryses den 31.03.2026",
        "- Børne- og Ungerådgivning\n- Dagtilbud, Skoler og Klubber\n- Fællesliv\n",
        "der er ingen udgivelse fra i nat (den, der står, har data pr. 01.03.2026)",
        "ryk dem gennem Center for Økonomi",
        "skemaerne skulle være skrevet den 10.03.2026",
        "om dagen 30.03.2026",
    ):
        assert told in found.body, told
    after = notices.follow_ups(on(home, "2026-04-01"))
    assert after is not None
    assert "tallene skulle være frosset den 31.03.2026" in after.body


def test_what_was_not_made_and_what_is_late_are_told_with_the_dag_to_look_at(home: Settings) -> None:
    made = notices.not_made(home, "freeze")
    assert (made.severity, "freeze_follow_up" in made.body) == ("deadline", True)
    assert "`warehouse follow-up freeze`" in made.body
    assert "send_status_forms" in notices.not_made(home, "write_forms").body
    since = dt.datetime(2026, 3, 31, 4, tzinfo=dt.UTC)
    late = notices.not_finished(home, "freeze_follow_up", since)
    assert (late.severity, "fra 31.03.2026 kl. 06:00" in late.body) == ("deadline", True)
    assert notices.not_finished(home, "refresh_warehouse", since).severity == "critical"
