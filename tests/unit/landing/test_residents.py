"""The population register's statements: a month replaces itself alone; replaced numbers, leap days, wrong batches."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import pytest

from include.demo.datasets import residents as generator
from include.landing import process, store
from include.landing.batch import BatchHistory, BatchVerdict, judge_batch
from include.landing.contract import load_contracts
from include.landing.ledger import Delivery, Ledger
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
    file = settings.inbox / "residents" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\r\n".join([header, *rows]) + "\r\n", "utf-8")


def take_in(settings: Settings) -> list[Delivery]:
    process.take_in(settings, CONTRACT)
    with Ledger(settings) as ledger:
        for delivery in ledger.deliveries(CONTRACT.dataset, status="landed"):
            ledger.decide(delivery, is_accepted=True, notes=[], problems=[])
        return ledger.deliveries(CONTRACT.dataset)


def landed(settings: Settings, tmp_path: Path, select: str) -> list[tuple[object, ...]]:
    store.write_landing_database(settings, tmp_path / "landing.duckdb")
    with duckdb.connect(str(tmp_path / "landing.duckdb"), read_only=True) as connection:
        return connection.execute(select).fetchall()


def problems(settings: Settings) -> list[tuple[int | None, str | None, str]]:
    with Ledger(settings) as ledger:
        return [(found.line, found.column, found.rule) for found in ledger.problems(dataset=CONTRACT.dataset)]


def test_the_generator_writes_the_header_of_the_contract() -> None:
    assert ";".join(generator.HEADER) == HEADER


def test_spells_land_without_name_address_and_previous_number(settings: Settings, tmp_path: Path) -> None:
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
    (delivery,) = take_in(settings)
    assert (delivery.row_count, delivery.landed_count, delivery.period_label) == (4, 4, "2026-05")
    rows = landed(
        settings,
        tmp_path,
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
    assert landed(settings, tmp_path, "select count(distinct person_key) from residents") == [(3,)]
    kept = [file for file in settings.home.rglob("*") if file.is_file() and "inbox" not in file.parts]
    for trace in (before, "Et Navn", "Birkevej"):
        assert all(trace.encode() not in file.read_bytes() for file in kept)


def test_a_month_that_is_stated_again_replaces_itself_and_not_the_newer_one(settings: Settings, tmp_path: Path) -> None:
    deliver(settings, "residents_2026-04_20260504.csv", row(1, month="2026-04"))
    deliver(settings, "residents_2026-05_20260601.csv", row(1), row(2, district="SKL"))
    deliver(settings, "residents_2026-04_20260617.csv", row(1, month="2026-04", district="HED"))
    assert len(take_in(settings)) == 3
    rows = landed(settings, tmp_path, "select statement_month, district_code from residents order by all")
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
    (delivery,) = take_in(settings)
    assert (delivery.row_count, delivery.landed_count, delivery.quarantined_count) == (11, 1, 10)
    assert problems(settings) == [
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
    (delivery,) = take_in(settings)
    assert delivery.status == "rejected"
    with Ledger(settings) as ledger:
        (problem,) = ledger.problems(dataset=CONTRACT.dataset)
    assert "Distrikt" in problem.sentence


def verdict(
    settings: Settings,
    tmp_path: Path,
    change: str = "select * from good",
    *,
    before: float | None = None,
    as_of: dt.date = dt.date(2026, 6, 1),
) -> BatchVerdict:
    """The suite's verdict on a good statement after `change`; `before`: rows of the month before as a share of it."""
    file = tmp_path / "batch.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            """
            create table good as
            select '2026-05' as statement_month, (i + 1)::uinteger as person_key,
                date '2026-05-30' - ((i * 11) % 6500)::integer as birth_date, if(i % 2 = 0, 'K', 'M') as sex,
                ['BAL', 'SKL', 'SKV', 'MAA', 'HED'][1 + i % 5] as district_code, birth_date as resident_from,
                if(i % 10 = 3 and birth_date < date '2026-01-01', date '2026-05-05', null) as resident_to,
                null::varchar as moved_from_municipality_code,
                if(resident_to is null, null, '151') as moved_to_municipality_code,
                '151' as municipality_code, 'abcdef0123456789' as delivery_id
            from range(1000) as t (i)
            """
        )
        connection.execute(
            "insert into good select * replace (resident_to + 1 as resident_from, null as resident_to, "
            "'151' as moved_from_municipality_code, null as moved_to_municipality_code, 'HED' as district_code) "
            "from good where resident_to is not null and person_key % 3 = 0"
        )
        connection.execute(f"create table changed as {change}")
        connection.table("changed").write_parquet(str(file))
        count = len(connection.table("changed"))
    known = BatchHistory(as_of, "2026-05", dt.date(2026, 5, 1), dt.date(2026, 5, 31), count, count, 0)
    landed_before = round(count * (before or 1))
    history = BatchHistory(
        dt.date(2026, 5, 1),
        "2026-04",
        dt.date(2026, 4, 1),
        dt.date(2026, 4, 30),
        landed_before,
        landed_before,
        0,
    )
    return judge_batch(settings, CONTRACT, file, known, [history] if before else [])


@pytest.mark.parametrize("before", [None, 0.98])
def test_a_good_statement_passes_the_suite(settings: Settings, tmp_path: Path, before: float | None) -> None:
    found = verdict(settings, tmp_path, before=before)
    assert (found.is_accepted, found.critical, found.warnings) == (True, [], [])
    assert found.checks >= 20


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("select * replace ('2026-04' as statement_month) from good", "the month that the delivery is about"),
        ("select * replace (date '2026-06-03' as resident_from) from good", "nobody moves in after the month"),
        ("select * replace (null::date as resident_to) from good", "two places at once"),
        ("select * replace (date '2026-05-31' as resident_to) from good", "at least half of the children live here"),
        ("select * replace ('M' as sex) from good", "girls and boys"),
        ("select * from good where birth_date < date '2026-02-01'", "born in the last three months"),
        ("select * from good where year(birth_date) <> 2023", "every year of age"),
        ("select * from good union all select * from good limit 1100", "identify a row"),
    ],
)
def test_a_wrong_statement_fails_the_suite(settings: Settings, tmp_path: Path, change: str, told: str) -> None:
    found = verdict(settings, tmp_path, change)
    assert not found.is_accepted
    assert any(told in message for message in found.critical), found.critical


def test_a_statement_that_lost_a_district_or_came_too_early_fails_the_suite(settings: Settings, tmp_path: Path) -> None:
    lost = verdict(settings, tmp_path, "select * from good where district_code <> 'HED'", before=1.35)
    assert any("0.8 to 1.25 times" in message for message in lost.critical)
    assert any("five districts" in message for message in lost.warnings)
    early = verdict(settings, tmp_path, as_of=dt.date(2026, 5, 28))
    assert any("stated when it is over" in message for message in early.critical)
