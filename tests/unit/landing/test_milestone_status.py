"""Status forms on their way in: centres stand beside each other, later forms beside earlier ones, persons nowhere."""

# ruff: noqa: E501 (a planted fault is one line of the table)
from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import openpyxl
import pytest
from landing_steps import kept_files, landed, problems, take_in
from suites import COMMON, Batch, Fault, assert_is_told, assert_passes

from include.follow_up.forms import FormRow, StatusForm, write_form
from include.landing import process, store
from include.landing.contract import Period, load_contracts
from include.landing.judge import judge
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
    assert sorted((label or "").rpartition("-")[0] for label in labels) == [
        "BO2-2026-BUR-2017",
        "BO2-2026-DSK-2022",
        "BO2-2026-DSK-2022",
    ]
    rows = landed(settings, "select center_code, status, answered_date from milestone_status order by all")
    assert rows == [
        ("BUR-2017", "glad", on(15)),
        ("DSK-2022", "glad", on(15)),
        ("DSK-2022", "sur", on(17)),
    ]


def test_a_correction_of_the_same_day_takes_no_other_answer_away(settings: Settings) -> None:
    send(settings, "a.xlsx", {0: ("glad", on(15), ""), 1: ("glad", on(15), "")})
    take_in(settings, "milestone_status")
    send(settings, "b.xlsx", {0: ("neutral", on(15), "")})
    first, second = take_in(settings, "milestone_status")
    assert (first.as_of, first.received_at < second.received_at) == (second.as_of, True), "which is later is known"
    rows = landed(settings, "select milestone_key, status from milestone_status order by all")
    assert rows == [("2026/3.01/2", "glad"), ("2026/3.01/2", "neutral"), ("2026/3.01/economy", "glad")]


def test_two_answers_for_one_milestone_in_one_form_are_told(settings: Settings) -> None:
    file = send(settings, "a.xlsx", {0: ("glad", on(15), ""), 2: ("glad", on(15), "")})
    book = openpyxl.load_workbook(file)
    sheet = book[SHEET]
    below = FIRST_ROW + len(ROWS)
    for column in range(1, DATE + 1):
        sheet.cell(below, column).value = sheet.cell(FIRST_ROW, column).value
    sheet.cell(below, STATUS).value = "sur"
    book.save(file)
    (delivery,) = take_in(settings, "milestone_status")
    assert (delivery.landed_count, delivery.quarantined_count) == (1, 2)
    assert problems(settings, "milestone_status") == [
        (row, "follow_up_code, milestone_key", "unique_key") for row in (FIRST_ROW, below)
    ]


def test_a_remark_that_holds_a_cpr_number_goes_to_quarantine(settings: Settings) -> None:
    number = "0203" + "12-" + "4001"
    send(settings, "a.xlsx", {0: ("glad", on(15), f"Se sag {number}"), 2: ("sur", on(15), "Udvalget har 2 sager.")})
    (delivery,) = take_in(settings, "milestone_status")
    assert (delivery.row_count, delivery.landed_count, delivery.quarantined_count) == (2, 1, 1)
    assert problems(settings, "milestone_status") == [(FIRST_ROW, "comment", "no_person")]
    assert all(number.encode() not in file.read_bytes() for file in kept_files(settings))


def test_a_remark_that_names_a_person_goes_to_quarantine(settings: Settings) -> None:
    send(settings, "a.xlsx", {0: ("glad", on(15), "Aftalt med Ditlev Faurholt."), 2: ("sur", on(15), "")})
    (delivery,) = take_in(settings, "milestone_status")
    assert (delivery.landed_count, delivery.quarantined_count) == (1, 1)
    assert problems(settings, "milestone_status") == [(FIRST_ROW, "I (Bemærkning)", "name_in_remark")]
    assert all(b"Faurholt" not in file.read_bytes() for file in kept_files(settings))


def test_a_form_of_bad_rows_is_rejected_and_each_is_named(settings: Settings) -> None:
    send(settings, "a.xlsx", {0: ("gult", on(15), ""), 2: ("glad", dt.date(2025, 6, 15), "")})
    (delivery,) = take_in(settings, "milestone_status")
    assert (delivery.status, delivery.row_count, delivery.quarantined_count) == ("rejected", 2, 2)
    assert problems(settings, "milestone_status") == [
        (FIRST_ROW, "H (Status)", "unknown_status"),
        (FIRST_ROW + 2, "answered_date", "answered_near_the_follow_up"),
    ]


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
        (FIRST_ROW + 1, "H (Status)", "unknown_status"),
        (FIRST_ROW + 2, "H (Status)", "unknown_status"),
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
    ("BO2-2026-DSK-2022-1f2e3d4c", dt.date(2026, 1, 1), dt.date(2026, 12, 31)),
)


def test_a_good_form_passes_the_suite(settings: Settings) -> None:
    assert_passes(settings, GOOD, checks=21)


FAULTS = [
    Fault("milestone_status", "centre", "select * replace (if(initiative_id = '3.01', 'BUR-2017', center_code) as center_code) from good"),
    Fault("milestone_status", "the one that its period names", "select * replace ('BO3-2026' as follow_up_code) from good"),
    Fault("milestone_status", "the day of the form", "select * replace (date '2026-06-18' as answered_date) from good"),
    Fault("milestone_status", "the economy has two levels", "select * replace ('neutral' as status) from good"),
    Fault("milestone_status", "in the calendar", "select * replace ('BO2-2016' as follow_up_code, 2016::smallint as agreement_year) from good"),
    Fault("milestone_status", "agreement's year and the three years after", "select * replace (2021::smallint as agreement_year) from good"),
    Fault("milestone_status", "looks like a CPR number", "select * replace ('0203' || '12-' || '4001' as comment) from good"),
    Fault("milestone_status", "identify a row", "select * from good union all select * from good limit 17"),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_wrong_form_fails_the_suite(settings: Settings, fault: Fault) -> None:
    assert_is_told(settings, GOOD, fault)


def agreed(settings: Settings, milestones: tuple[str | None, ...]) -> None:
    """An agreement of 2026 that has landed, with the initiatives 3.01 to 3.08 and these milestones for each."""
    contract = load_contracts()["budget_agreement"]
    texts = ", ".join(
        f"{{'follow_up_code': 'BO{number}-2026', 'follow_up_label': '', 'milestone_text': "
        f"{'null' if text is None else repr(text)}}}"
        for number, text in enumerate(milestones, 1)
    )
    file = store.parquet_file(settings, contract, "a" * 16)
    file.parent.mkdir(parents=True, exist_ok=True)
    with Ledger(settings) as ledger, duckdb.connect() as connection:
        connection.execute(
            f"copy (select 2026::smallint as agreement_year, '3.' || lpad(i::varchar, 2, '0') as initiative_id, "
            f"[{texts}] as milestones, '151' as municipality_code from range(1, 9) as t (i)) to '{file}' (format parquet)"
        )
        ledger.record(
            contract,
            "a" * 16,
            "aftale.txt",
            status="landed",
            period=Period.parse("2026"),
            as_of=dt.date(2026, 2, 9),
            row_count=8,
            landed_count=8,
            parquet_file=str(file.relative_to(settings.landing)),
            key_id=None,
            is_synthetic=False,
        )
        (waiting,) = ledger.deliveries("budget_agreement")
        ledger.decide(waiting, is_accepted=True, notes=[], problems=[])


@pytest.mark.parametrize(
    ("milestones", "is_accepted"),
    [
        (("Planen følges.", "Planen følges."), True),
        (("Planen følges.", None), False),
        (("Planen følges.",), False),
    ],
)
def test_a_milestone_that_the_agreement_does_not_have_rejects_the_form(
    settings: Settings, milestones: tuple[str | None, ...], *, is_accepted: bool
) -> None:
    agreed(settings, milestones)
    send(settings, "a.xlsx", {0: ("glad", on(15), ""), 1: ("glad", on(15), "")})
    process.take_in(settings, load_contracts()["milestone_status"])
    (verdict,) = judge(settings, "budget")
    assert verdict.is_accepted == is_accepted
    assert [message.partition("expected: ")[2] for message in verdict.critical] == [
        "the milestones and initiatives are those of the agreement"
    ] * (not is_accepted)
