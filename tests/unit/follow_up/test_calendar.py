"""When what is done for a follow-up: around daylight saving time, at the ends of months and years, and after moves."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from follow_up_seed import HEADER, row, set_calendar

from include.errors import WarehouseError
from include.follow_up.calendar import FREEZING, SENDING, find, moments, plan, read_calendar
from include.settings import COPENHAGEN, Settings

LONG_AGO = dt.date(2020, 1, 1)


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", key_file=tmp_path / "key", as_of=dt.date(2026, 3, 1))


def at(text: str) -> dt.datetime:
    """A moment in Denmark."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=COPENHAGEN)


def in_utc(settings: Settings, today: str, actions: tuple[str, ...] = FREEZING) -> list[str]:
    """The moments as UTC, each with what is done."""
    found = moments(settings, actions, dt.date.fromisoformat(today))  # type: ignore[arg-type]
    return [f"{moment.at.astimezone(dt.UTC):%Y-%m-%d %H:%M} {moment.action}" for moment in found]


# ---- the seed


def test_the_seed_has_four_follow_ups_a_year_from_2017_on() -> None:
    known = read_calendar("151", dt.date(2027, 1, 1))
    assert [one.code for one in known[:4]] == ["BO1-2017", "BO2-2017", "BO3-2017", "YE-2017"]
    assert {one.year for one in known} >= set(range(2017, 2028))
    for one in known:
        assert one.forms_sent_date < one.form_deadline_date < one.data_cut_off_date, one.code
    assert read_calendar("999", dt.date(2027, 1, 1)) == ()


def test_a_date_holds_from_the_day_on_which_it_was_known() -> None:
    before = {one.code: one for one in read_calendar("151", dt.date(2017, 11, 6))}
    after = {one.code: one for one in read_calendar("151", dt.date(2017, 11, 7))}
    assert before["BO3-2017"].committee_meeting_date is None
    assert after["BO3-2017"].committee_meeting_date == dt.date(2017, 11, 7)
    assert "BO1-2018" in before
    assert "BO1-2018" not in {one.code for one in read_calendar("151", dt.date(2017, 10, 14))}


def test_the_newest_row_holds_in_whatever_order_they_stand(
    home: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rows = [row("2026-04-07", valid_from="2026-02-20"), row("2026-03-31"), row("2026-03-30", valid_from="2026-02-10")]
    for ordered in (rows, rows[::-1]):
        set_calendar(monkeypatch, tmp_path, *ordered)
        held = [
            read_calendar("151", day)[0].data_cut_off_date.isoformat()
            for day in (dt.date(2026, 2, 9), dt.date(2026, 2, 10), dt.date(2026, 2, 19), dt.date(2026, 2, 20))
        ]
        assert held == ["2026-03-31", "2026-03-30", "2026-03-30", "2026-04-07"]


def test_of_another_municipality_nothing_is_taken(
    home: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_calendar(monkeypatch, tmp_path, row("2026-03-31", municipality="157"))
    assert moments(home, FREEZING, LONG_AGO) == ()
    with pytest.raises(WarehouseError, match="none of municipality 151"):
        find(home, "BO1-2026")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("data_cut_off_date", "31-03-2026"),
        ("forms_sent_date", ""),
        ("form_deadline_date", "2026-02-30"),
        ("is_assumed", "maybe"),
        ("follow_up_year", "MMXXVI"),
        ("council_meeting_date", "tirsdag"),
    ],
)
def test_a_row_that_cant_be_read_is_named_by_line_and_column(
    column: str, value: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bad = row("2026-06-30", "BO2-2026")
    bad[HEADER.index(column)] = value
    set_calendar(monkeypatch, tmp_path, row("2026-03-31"), bad)
    with pytest.raises(WarehouseError, match="Remedy: correct the row") as raised:
        read_calendar("151", dt.date(2026, 1, 1))
    assert raised.value.where == f"follow_up_calendar.csv, line 3, column {column}"


def test_a_calendar_of_before_or_none_at_all_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    header = ["meeting_date" if name == "forms_sent_date" else name for name in HEADER]
    set_calendar(monkeypatch, tmp_path, row("2026-03-31"), header=header)
    with pytest.raises(WarehouseError, match="forms_sent_date is missing"):
        read_calendar("151", dt.date(2026, 1, 1))
    (tmp_path / "follow_up_calendar.csv").unlink()
    with pytest.raises(WarehouseError, match="restore the seed"):
        read_calendar("151", dt.date(2026, 1, 1))


def test_an_unknown_code_is_answered_with_the_known_ones(home: Settings) -> None:
    assert find(home, "BO1-2026").data_cut_off_date == dt.date(2026, 3, 31)
    with pytest.raises(WarehouseError, match=r"no follow-up BO4-2026 on 2026-03-01\..*BO1-2017, BO2-2017.*YE-2026"):
        find(home, "BO4-2026")
    with pytest.raises(WarehouseError, match="BO1-2027"):
        find(home, "BO1-2027")  # its row is not valid yet


# ---- the clock


@pytest.mark.parametrize(
    ("cut_off", "freezing", "sending"),
    [
        (  # in the night before the cut-off the clock goes forward
            "2026-03-29",
            ["2026-03-28 05:00 check_release", "2026-03-29 04:00 freeze"],
            ["2026-03-08 05:00 write_forms", "2026-03-27 05:00 check_forms"],
        ),
        (  # and back
            "2026-10-25",
            ["2026-10-24 04:00 check_release", "2026-10-25 05:00 freeze"],
            ["2026-10-04 04:00 write_forms", "2026-10-23 04:00 check_forms"],
        ),
        (
            "2026-12-31",
            ["2026-12-30 05:00 check_release", "2026-12-31 05:00 freeze"],
            ["2026-12-10 05:00 write_forms", "2026-12-29 05:00 check_forms"],
        ),
        (
            "2028-02-29",
            ["2028-02-28 05:00 check_release", "2028-02-29 05:00 freeze"],
            ["2028-02-08 05:00 write_forms", "2028-02-27 05:00 check_forms"],
        ),
        (
            "2028-03-01",
            ["2028-02-29 05:00 check_release", "2028-03-01 05:00 freeze"],
            ["2028-02-09 05:00 write_forms", "2028-02-28 05:00 check_forms"],
        ),
    ],
)
def test_six_stays_six_in_denmark_and_each_is_one_moment(
    cut_off: str,
    freezing: list[str],
    sending: list[str],
    home: Settings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    set_calendar(monkeypatch, tmp_path, row(cut_off))
    assert in_utc(home, "2026-01-01") == freezing
    assert in_utc(home, "2026-01-01", SENDING) == sending
    for moment in moments(home, FREEZING + SENDING, dt.date(2026, 1, 1)):
        assert moment.at.timetz() == dt.time(6, tzinfo=COPENHAGEN)


def test_a_changed_date_moves_the_moments_and_the_old_ones_are_gone(
    home: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_calendar(monkeypatch, tmp_path, row("2026-03-31"), row("2026-04-08", valid_from="2026-03-20"))
    old = ["2026-03-30 04:00 check_release", "2026-03-31 04:00 freeze"]
    new = ["2026-04-07 04:00 check_release", "2026-04-08 04:00 freeze"]
    assert in_utc(home, "2026-03-19") == old
    assert in_utc(home, "2026-03-20") == new
    assert plan(home, FREEZING, moment=at("2026-03-31 06:00"), code=None).codes == {"freeze": (), "check_release": ()}
    assert plan(home, FREEZING, moment=at("2026-04-08 06:00"), code=None).codes["freeze"] == ("BO1-2026",)


def test_a_date_moved_into_the_past_is_no_moment_any_more(
    home: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_calendar(monkeypatch, tmp_path, row("2026-03-31"), row("2026-03-10", valid_from="2026-03-20"))
    assert in_utc(home, "2026-03-20") == []
    assert in_utc(home, "2026-03-20", SENDING) == []


def test_what_is_due_today_stays_a_moment_until_midnight(
    home: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_calendar(monkeypatch, tmp_path, row("2026-03-29"))
    both = ["2026-03-28 05:00 check_release", "2026-03-29 04:00 freeze"]
    assert in_utc(home, "2026-03-28") == both
    assert in_utc(home, "2026-03-29") == both[1:]
    assert in_utc(home, "2026-03-30") == []


def test_the_seed_s_past_is_no_moment(home: Settings) -> None:
    today = dt.date(2026, 12, 1)
    assert min(moment.at for moment in moments(home, FREEZING, today)) == at("2026-12-30 06:00")
    assert moments(home, SENDING, today)[0].code == "YE-2026"


# ---- what a run does


def test_a_run_does_what_is_due_on_its_day_in_denmark(home: Settings) -> None:
    due = {
        "2026-03-10 06:00": ("write_forms", "BO1-2026"),
        "2026-03-29 06:00": ("check_forms", "BO1-2026"),
        "2026-03-30 06:00": ("check_release", "BO1-2026"),
        "2026-03-31 06:00": ("freeze", "BO1-2026"),
        "2026-12-31 06:00": ("freeze", "YE-2026"),
    }
    for moment, (action, code) in due.items():
        for zone in (COPENHAGEN, dt.UTC, ZoneInfo("America/New_York")):
            found = plan(home, SENDING + FREEZING, moment=at(moment).astimezone(zone), code=None)
            assert found.night.isoformat() == moment[:10]
            assert {name: codes for name, codes in found.codes.items() if codes} == {action: (code,)}
    # Half past midnight in Denmark is the day before in UTC.
    late = dt.datetime(2026, 3, 30, 22, 30, tzinfo=dt.UTC)
    assert plan(home, FREEZING, moment=late, code=None).codes["freeze"] == ("BO1-2026",)


def test_two_follow_ups_on_one_day_are_both_done(
    home: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_calendar(monkeypatch, tmp_path, row("2026-03-31"), row("2026-04-01", "BO2-2026"), row("2026-03-31", "BO3-2026"))
    found = plan(home, FREEZING, moment=at("2026-03-31 06:00"), code=None)
    assert found.codes == {"freeze": ("BO1-2026", "BO3-2026"), "check_release": ("BO2-2026",)}


def test_with_a_code_a_run_makes_that_and_checks_nothing(home: Settings) -> None:
    found = plan(home, FREEZING, moment=at("2026-08-01 09:00"), code="BO1-2026")
    assert (found.night, found.codes) == (home.night, {"freeze": ("BO1-2026",)})
    assert plan(home, SENDING, moment=at("2026-08-01 09:00"), code="BO1-2026").codes == {"write_forms": ("BO1-2026",)}
    with pytest.raises(WarehouseError, match="no follow-up BO9-2026"):
        plan(home, FREEZING, moment=at("2026-08-01 09:00"), code="BO9-2026")
