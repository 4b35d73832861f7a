"""The population register's statements: a month replaces itself alone; replaced numbers, leap days, wrong batches."""

# ruff: noqa: E501 (a planted fault is one line of the table)
from __future__ import annotations

import datetime as dt
import itertools

import pytest
from landing_steps import kept_files, landed, problems, take_in, write_lines
from suites import COMMON, Batch, Fault, assert_is_told, assert_passes

from include.demo.datasets import residents as generator
from include.landing import store
from include.landing.contract import PURPOSES, load_contracts
from include.landing.ledger import Ledger
from include.landing.persons import Vault, parse_person_number, read_key
from include.settings import Settings

CONTRACT = load_contracts()["residents"]
HEADER = ";".join(column.source_name for column in CONTRACT.columns)


def cpr(front: str, serial: int) -> str:
    return f"{front}{4000 + serial}"


def row(
    serial: int,
    *,
    month: str = "2026-05",
    born: str = "2020-03-02",
    stay: tuple[str, str] = ("2020-03-02", ""),
    previous: str = "",
    district: str = "BAL",
    moved: tuple[str, str] = ("", ""),
) -> str:
    day = dt.date.fromisoformat(born)
    number = cpr(f"{day:%d%m%y}", serial)
    return ";".join(
        [month, number, previous, "Et Navn", "Birkevej 1, 2750", born, "K", district, *stay, *moved],
    )


def deliver(settings: Settings, name: str, *rows: str, header: str = HEADER) -> None:
    write_lines(settings, f"residents/{name}", header, *rows, newline="\r\n")


def test_the_generator_writes_the_header_of_the_contract() -> None:
    assert ";".join(generator.HEADER) == HEADER


def test_spells_land_without_name_address_and_previous_number(settings: Settings) -> None:
    before = cpr("020320", 9)
    moved = row(1, stay=("2020-03-02", "2026-05-10"), previous=before, moved=("", "151"))
    deliver(
        settings,
        "residents_2026-05_20260601.csv",
        moved,
        row(1, stay=("2026-05-11", ""), previous=before, district="HED", moved=("151", "")),
        row(2, born="2024-02-29", stay=("2024-02-29", "2026-02-28"), moved=("", "999")),
        row(3, born="2026-05-31", stay=("2026-05-31", "")),
    )
    (delivery,) = take_in(settings, "residents")
    assert (delivery.row_count, delivery.landed_count, delivery.period_label) == (4, 4, "2026-05")
    rows = landed(
        settings,
        "select district_code, birth_date, resident_from, resident_to, moved_to_municipality_code from residents "
        "order by all",
    )
    day = dt.date
    assert rows == [
        ("BAL", day(2020, 3, 2), day(2020, 3, 2), day(2026, 5, 10), "151"),
        ("BAL", day(2024, 2, 29), day(2024, 2, 29), day(2026, 2, 28), "999"),
        ("BAL", day(2026, 5, 31), day(2026, 5, 31), None, None),
        ("HED", day(2020, 3, 2), day(2026, 5, 11), None, None),
    ]
    assert landed(settings, "select count(distinct person_key) from residents") == [(3,)]
    kept = kept_files(settings)
    for trace in (before, "Et Navn", "Birkevej"):
        assert all(trace.encode() not in file.read_bytes() for file in kept)


def test_a_month_that_is_stated_again_replaces_itself_and_not_the_newer_one(settings: Settings) -> None:
    deliver(settings, "residents_2026-04_20260504.csv", row(1, month="2026-04"))
    deliver(settings, "residents_2026-05_20260601.csv", row(1), row(2, district="SKL"))
    deliver(settings, "residents_2026-04_20260617.csv", row(1, month="2026-04", district="HED"))
    assert len(take_in(settings, "residents")) == 3
    rows = landed(settings, "select statement_month, district_code from residents order by all")
    assert rows == [("2026-04", "HED"), ("2026-05", "BAL"), ("2026-05", "SKL")]


def test_bad_rows_go_to_quarantine_by_line_and_column(settings: Settings) -> None:
    deliver(
        settings,
        "residents_2026-05_20260601.csv",
        row(1),
        row(2, stay=("2020-03-02", "2020-03-01")),
        row(3, stay=("2020-03-01", "")),
        row(4, stay=("2026-06-01", "")),
        row(5, born="2008-02-29", stay=("2026-03-01", "")),
        row(6, moved=("", "101")),
        row(7, month="2026-04"),
        row(8, district="Baltorp"),
        row(9, born="2008-02-29", stay=("2026-02-28", "")),
        row(1, stay=("2020-03-02", "2026-01-01")),
        row(10).replace(";K;", ";pige;"),
    )
    (delivery,) = take_in(settings, "residents")
    assert (delivery.row_count, delivery.landed_count, delivery.quarantined_count) == (11, 1, 10)
    assert problems(settings, "residents") == [
        (2, "statement_month, person_key, resident_from", "unique_key"),
        (3, "resident_to", "ends_after_it_begins"),
        (4, "resident_from", "lives_after_birth"),
        (5, "resident_from", "not_after_the_month"),
        (6, "resident_from", "is_a_child"),
        (7, "moved_to_municipality_code", "who_moved_out_has_an_end"),
        (8, "statement_month", "inside_the_period"),
        (9, "district_code", "pattern"),
        (11, "statement_month, person_key, resident_from", "unique_key"),
        (12, "sex", "allowed"),
    ]


def test_a_header_that_lacks_a_column_rejects_the_file(settings: Settings) -> None:
    deliver(settings, "residents_2026-05_20260601.csv", row(1), header=HEADER.replace("Distrikt", "Kvarter"))
    (delivery,) = take_in(settings, "residents")
    assert delivery.status == "rejected"
    with Ledger(settings) as ledger:
        (problem,) = ledger.problems(dataset=CONTRACT.dataset)
    assert "Distrikt" in problem.sentence


GOOD = Batch(
    "residents",
    f"""
        with statement as (
            select '2026-05' as statement_month, (i + 1)::uinteger as person_key,
                date '2026-05-30' - ((i * 11) % 6500)::integer as birth_date, if(i % 2 = 0, 'K', 'M') as sex,
                ['BAL', 'SKL', 'SKV', 'MAA', 'HED'][1 + i % 5] as district_code, birth_date as resident_from,
                if(i % 10 = 3 and birth_date < date '2026-01-01', date '2026-05-05', null) as resident_to,
                null::varchar as moved_from_municipality_code,
                if(resident_to is null, null, '151') as moved_to_municipality_code,
                {COMMON}
            from range(1000) as t (i)
        )
        from statement
        union all
        select * replace (resident_to + 1 as resident_from, null as resident_to, '151' as moved_from_municipality_code,
            null as moved_to_municipality_code, 'HED' as district_code)
        from statement where resident_to is not null and person_key % 3 = 0""",
    dt.date(2026, 6, 1),
    ("2026-05", dt.date(2026, 5, 1), dt.date(2026, 5, 31)),
    earlier={
        "as_of": dt.date(2026, 5, 1),
        "period_label": "2026-04",
        "period_from": dt.date(2026, 4, 1),
        "period_to": dt.date(2026, 4, 30),
    },
)


@pytest.mark.parametrize("history", [(), (0.98,)], ids=["first delivery", "with history"])
def test_a_good_statement_passes_the_suite(settings: Settings, history: tuple[float, ...]) -> None:
    assert_passes(settings, GOOD, checks=19, history=history)


FAULTS = [
    Fault("residents", "the month that the delivery is about", "select * replace ('2026-04' as statement_month) from good"),
    Fault("residents", "nobody moves in after the month", "select * replace (date '2026-06-03' as resident_from) from good"),
    Fault("residents", "two places at once", "select * replace (null::date as resident_to) from good"),
    Fault("residents", "at least half of the children live here", "select * replace (date '2026-05-31' as resident_to) from good"),
    Fault("residents", "girls and boys", "select * replace ('M' as sex) from good"),
    Fault("residents", "born in the last three months", "select * from good where birth_date < date '2026-02-01'"),
    Fault("residents", "every year of age", "select * from good where year(birth_date) <> 2023"),
    Fault("residents", "identify a row", "select * from good union all select * from good limit 1100"),
    Fault("residents", "0.8 to 1.25 times", "select * from good where district_code <> 'HED'", more={"history": [1.1]}),
    Fault("residents", "five districts", "select * from good where district_code <> 'HED'", is_warning=True),
    Fault("residents", "stated when it is over", more={"as_of": dt.date(2026, 5, 28)}),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_wrong_statement_fails_the_suite(settings: Settings, fault: Fault) -> None:
    assert_is_told(settings, GOOD, fault)


# ---- a replaced number keeps its person

SCHOOL = ";".join(column.source_name for column in load_contracts()["enrolments"].columns)
FORMS = load_contracts()["description_forms"]


def enrolled(settings: Settings, label: str, *numbers: str) -> None:
    rows = [f"{number};Et Navn;2025/2026;151003;0;0.A;01-08-2025;;Hedegård" for number in numbers]
    write_lines(settings, f"enrolments/enrolments_2025-2026_{label}.csv", SCHOOL, *rows)


def described(settings: Settings, label: str, *numbers: str) -> None:
    header = ";".join(column.source_name for column in FORMS.delivered_columns)
    rows = [
        f"PBS-2026-{place:05d};{number};Et Navn;BAL-01;2026-03-0{place};Ja;;Nej;;;"
        for place, number in enumerate(numbers, 1)
    ]
    write_lines(settings, f"description_forms/description_forms_{label}.csv", header, *rows)


OLD, NEW, OTHER = cpr("020320", 9), cpr("020320", 1), cpr("020320", 2)
TOLD = row(1, previous=OLD)


def test_children_of_all_datasets_are_one_whatever_came_first(settings: Settings) -> None:
    """The night on which the register tells it comes first, in the middle, or last; counts end up the same."""
    steps = (
        lambda home: (enrolled(home, "20260601", OLD, OTHER), take_in(home, "enrolments")),
        lambda home: (described(home, "20260602", OLD, NEW, OTHER), take_in(home, "description_forms")),
        lambda home: (deliver(home, "residents_2026-05_20260601.csv", TOLD, row(2)), take_in(home, "residents")),
        lambda home: (
            deliver(home, "residents_2026-04_20260502.csv", row(9, month="2026-04")),
            take_in(home, "residents"),
        ),
    )
    found = set()
    for number, order in enumerate(itertools.permutations(range(4))):
        home = settings.model_copy(update={"home": settings.home / f"h{number}"})
        for step in order:
            steps[step](home)
        counts = landed(
            home,
            """
            select
                (select count(distinct person_key) from enrolments),
                (select count(distinct person_key) from description_forms),
                (select count(*) from description_forms),
                (select count(distinct person_key) from residents),
                (select count(distinct person_key) from (from residents select person_key union all from enrolments select person_key))
            """,
        )
        found.add(*counts)
    assert found == {(2, 2, 3, 2, 2)}


def test_a_child_of_two_keys_is_one_from_the_night_that_the_register_tells_it(settings: Settings) -> None:
    described(settings, "20260602", OLD, NEW, OTHER)
    take_in(settings, "description_forms")
    count = "select count(distinct person_key) from description_forms"
    before = landed(settings, "select person_key from description_forms order by form_number")
    fingerprint = store.fingerprint(settings)
    assert landed(settings, count) == [(3,)]
    deliver(settings, "residents_2026-05_20260601.csv", row(1), row(2))
    take_in(settings, "residents")
    assert landed(settings, count) == [(3,)]
    deliver(settings, "residents_2026-05_20260617.csv", TOLD, row(2))
    take_in(settings, "residents")
    after = landed(settings, "select person_key from description_forms order by form_number")
    assert after == [before[0], before[0], before[2]]
    assert store.fingerprint(settings) != fingerprint
    # it stays so when the register tells it no more
    deliver(settings, "residents_2026-05_20260618.csv", row(1), row(2, district="SKL"))
    take_in(settings, "residents")
    assert landed(settings, "select person_key from description_forms order by form_number") == after


def test_a_number_that_is_somebody_elses_too_teaches_nothing(settings: Settings) -> None:
    replacement = cpr("620320", 1)
    described(settings, "20260602", OLD, NEW, OTHER, cpr("020320", 3), replacement, cpr("020320", 5))
    take_in(settings, "description_forms")
    deliver(
        settings,
        "residents_2026-05_20260601.csv",
        row(1, previous=OLD),
        row(2, previous=OLD),
        row(3, previous=cpr("020320", 5)),
        row(5),
        row(6, previous=replacement),
        row(7, previous="ukendt"),
    )
    (delivery,) = take_in(settings, "residents")
    assert delivery.landed_count == 6
    assert [note for note in delivery.notes if "teach nothing" in note] == [
        "previous_person_number: 4 numbers are somebody else's too or replacement numbers; they teach nothing."
    ]
    assert landed(settings, "select count(distinct person_key) from description_forms") == [(6,)]
    assert all(OLD.encode() not in file.read_bytes() for file in kept_files(settings))


def test_the_ledger_tells_no_keys_of_answers_to_the_wellbeing_measurement(settings: Settings) -> None:
    described(settings, "20260602", OLD, NEW)
    take_in(settings, "description_forms")
    key = read_key(settings)
    for number in (OLD, NEW):
        found = parse_person_number(number)
        assert found is not None
        Vault(settings, "trivsel", key).person_keys([found])
    deliver(settings, "residents_2026-05_20260601.csv", TOLD)
    take_in(settings, "residents")
    assert len(Vault(settings, "trivsel", key).same_persons()) == 1
    with Ledger(settings) as ledger:
        assert {purpose: bool(ledger.same_persons(purpose)) for purpose in PURPOSES} == {
            "school": False,
            "social": False,
            "health": True,
            "trivsel": False,
        }
