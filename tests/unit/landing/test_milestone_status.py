"""Status forms on their way in: centres stand beside each other, later forms beside earlier ones, persons nowhere."""

# ruff: noqa: E501 (a planted fault is one line of the table)
from __future__ import annotations

import datetime as dt
from pathlib import Path

import openpyxl
import pytest
from landing_steps import kept_files, landed, problems, take_in
from suites import COMMON, Batch, Fault, assert_is_told, assert_passes

from include.follow_up.forms import FormRow, StatusForm, write_form
from include.landing.ledger import Ledger
from include.settings import Settings
from include.sources.status_form import COMMENT, DATE, FIRST_ROW, ROLE, SHEET, STATUS

ROWS = tuple(
    FormRow(2026, f"3.{number:02d}", f"Indsats {number}", milestone, "Planen følges.")
    for number in range(1, 9)
    for milestone in (2, None)
)
Answers = dict[int, tuple[str, dt.date, str]]


def send(settings: Settings, name: str, answers: Answers, *, center: str = "DSK-2022") -> Path:
    """A form that came back: of its rows, counted from 0, the status, the day and the remark."""
    file = settings.inbox / "milestone_status" / name
    write_form(file, StatusForm("BO2-2026", "2. budgetopfølgning 2026", center, center, ROWS))
    book = openpyxl.load_workbook(file)
    for row, (status, date, remark) in answers.items():
        for column, value in ((STATUS, status), (DATE, date), (COMMENT, remark or None), (ROLE, "Konsulent")):
            book[SHEET].cell(FIRST_ROW + row, column).value = value
    book.save(file)
    return file


def on(day: int) -> dt.date:
    return dt.date(2026, 6, day)


def test_centres_and_later_forms_stand_beside_each_other(settings: Settings) -> None:
    send(settings, "skema.xlsx", {0: ("glad", on(15), "")})
    send(settings, "skema (1).xlsx", {0: ("glad", on(15), "Aftalt.")}, center="BUR-2017")
    send(settings, "skema rettet.xlsx", {0: ("sur", on(17), "")})
    labels = [delivery.period_label for delivery in take_in(settings, "milestone_status")]
    assert sorted(label or "" for label in labels) == [
        "BO2-2026-BUR-2017-20260615",
        "BO2-2026-DSK-2022-20260615",
        "BO2-2026-DSK-2022-20260617",
    ]
    rows = landed(settings, "select center_code, status, answered_date from milestone_status order by all")
    assert rows == [
        ("BUR-2017", "glad", on(15)),
        ("DSK-2022", "glad", on(15)),
        ("DSK-2022", "sur", on(17)),
    ]


def test_two_forms_of_one_day_are_one_period(settings: Settings) -> None:
    send(settings, "a.xlsx", {0: ("glad", on(15), "")})
    take_in(settings, "milestone_status")
    send(settings, "b.xlsx", {0: ("neutral", on(15), "")})
    assert len(take_in(settings, "milestone_status")) == 2
    assert landed(settings, "select status from milestone_status") == [("neutral",)]


def test_a_remark_that_holds_a_cpr_number_goes_to_quarantine(settings: Settings) -> None:
    number = "0203" + "12-" + "4001"
    send(settings, "a.xlsx", {0: ("glad", on(15), f"Se sag {number}"), 2: ("sur", on(15), "Udvalget har 2 sager.")})
    (delivery,) = take_in(settings, "milestone_status")
    assert (delivery.row_count, delivery.landed_count, delivery.quarantined_count) == (2, 1, 1)
    assert problems(settings, "milestone_status") == [(FIRST_ROW, "comment", "no_person")]
    assert all(number.encode() not in file.read_bytes() for file in kept_files(settings))


def test_bad_rows_are_named_by_the_row_of_the_sheet(settings: Settings) -> None:
    send(
        settings,
        "a.xlsx",
        {
            0: ("glad", on(15), ""),
            1: ("neutral", on(15), ""),
            2: ("fint", on(15), ""),
            4: ("glad", dt.date(2062, 6, 15), ""),
            6: ("glad", on(14), ""),
        },
    )
    (delivery,) = take_in(settings, "milestone_status")
    assert (delivery.row_count, delivery.landed_count, delivery.quarantined_count) == (5, 2, 3)
    assert delivery.as_of == on(15)
    assert problems(settings, "milestone_status") == [
        (FIRST_ROW + 1, "F (Status)", "unknown_status"),
        (FIRST_ROW + 2, "F (Status)", "unknown_status"),
        (FIRST_ROW + 4, "answered_date", "answered_near_the_follow_up"),
    ]


def test_a_macro_file_and_the_mark_of_an_open_workbook(settings: Settings) -> None:
    good = send(settings, "a.xlsx", {0: ("glad", on(15), "")})
    good.with_name("b.xlsm").write_bytes(good.read_bytes() + b" ")
    good.with_name("~$a.xlsx").write_bytes(b"open")
    assert sorted(delivery.status for delivery in take_in(settings, "milestone_status")) == ["accepted", "rejected"]
    with Ledger(settings) as ledger:
        (problem,) = ledger.problems(dataset="milestone_status")
    assert problem.sentence.startswith("milestone_status/b.xlsm: files of this dataset end in xlsx")


GOOD = Batch(
    "milestone_status",
    f"""
        select 'BO2-2026' as follow_up_code, 'DSK-2022' as center_code,
            '2026/3.' || lpad((i // 2 + 1)::varchar, 2, '0') || if(i % 2 = 0, '/2', '/economy') as milestone_key,
            2026::smallint as agreement_year, split_part(milestone_key, '/', 2) as initiative_id,
            if(i % 2 = 0, 'effort', 'economy') as status_kind,
            if(i % 2 = 0, 2, null)::utinyint as milestone_number, '0123456789abcdef' as milestone_digest,
            case when i % 5 = 0 then 'sur' when i % 4 = 0 then 'neutral' else 'glad' end as status,
            if(i % 3 = 0, 'Planen følges.', null) as comment, 'Konsulent' as role,
            date '2026-06-14' + (i % 3)::integer as answered_date,
            {COMMON}
        from range(16) as t (i)""",
    on(16),
    ("BO2-2026-DSK-2022-20260616", dt.date(2026, 1, 1), dt.date(2026, 12, 31)),
)


def test_a_good_form_passes_the_suite(settings: Settings) -> None:
    assert_passes(settings, GOOD, checks=19)


FAULTS = [
    Fault("milestone_status", "centre", "select * replace (if(initiative_id = '3.01', 'BUR-2017', center_code) as center_code) from good"),
    Fault("milestone_status", "the one that its period names", "select * replace ('BO3-2026' as follow_up_code) from good"),
    Fault("milestone_status", "the day of the form", "select * replace (date '2026-06-18' as answered_date) from good"),
    Fault("milestone_status", "the economy has two levels", "select * replace ('neutral' as status) from good"),
    Fault("milestone_status", "agreement's year and the three years after", "select * replace (2021::smallint as agreement_year) from good"),
    Fault("milestone_status", "looks like a CPR number", "select * replace ('0203' || '12-' || '4001' as comment) from good"),
    Fault("milestone_status", "identify a row", "select * from good union all select * from good limit 17"),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_wrong_form_fails_the_suite(settings: Settings, fault: Fault) -> None:
    assert_is_told(settings, GOOD, fault)
