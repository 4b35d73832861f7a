"""The reader's own rules at their edges, and what two sides that differ are told."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from second import native
from second.compare import COMPARED, KEY, differences
from second.native import Row


@pytest.mark.parametrize(
    ("number", "places", "expected"),
    [
        (Fraction(1, 2), 0, "1"),
        (Fraction(-1, 2), 0, "-1"),
        (Fraction(2, 3), 6, "0.666667"),
        (Decimal("0.0000005"), 6, "0.000001"),
        (Decimal("-0.00000049"), 6, "0"),
        (Decimal("2.675"), 2, "2.68"),
    ],
)
def test_rounds_half_away_from_zero(number: Fraction | Decimal, places: int, expected: str) -> None:
    assert native.rounded(number, places) == Decimal(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.234.567,89", "1234567.89"),
        ("12,50-", "-12.50"),
        ("-0,5", "-0.5"),
        ("1.119", "1119"),
        ("13523.92", "13523.92"),
        ("\xa01 000,00", "1000"),
    ],
)
def test_reads_danish_amounts(text: str, expected: str) -> None:
    assert native.amount(text) == Decimal(expected)
    assert native.amount("  ") is None


@pytest.mark.parametrize("text", ["19-06-2026", "19.06.2026", "20260619", "2026-06-19", "2026-06-19T08:00:00+00:00"])
def test_reads_dates_of_all_sources(text: str) -> None:
    assert native.day(text) == dt.date(2026, 6, 19)


def test_a_child_is_known_by_its_first_number(tmp_path: Path) -> None:
    """Two replacements told in two statements, of which the first one does not stand any more."""
    header = "Opgørelsesmåned;Personnummer;Tidligere personnummer;Bopæl fra"
    first, second, third, other = (f"020320-400{number}" for number in range(4))
    for name, rows in {
        "residents_2026-04_20260501": [f"2026-04;{second};{first};2020-03-02"],
        "residents_2026-04_20260502": [f"2026-04;{second};;2020-03-02"],
        "residents_2026-05_20260601": [f"2026-05;{third};{second};2020-03-02", f"2026-05;{other};;2020-03-02"],
    }.items():
        (tmp_path / "residents").mkdir(exist_ok=True)
        (tmp_path / "residents" / f"{name}.csv").write_text("\n".join([header, *rows]) + "\n", "utf-8")
    of_first = native.person(first)
    assert native.first_known_numbers(tmp_path) == {
        native.person(second): of_first,
        native.person(third): of_first,
    }
    standing = native.current(tmp_path, "residents")
    assert [native.person(text) for text in standing["Personnummer"]] == [of_first, of_first, native.person(other)]


@pytest.mark.parametrize(
    ("cpr", "born"),
    [
        ("070761-4287", dt.date(1961, 7, 7)),
        ("1503104006", dt.date(2010, 3, 15)),
        ("010136-9000", dt.date(2036, 1, 1)),
        ("010158-5000", dt.date(1858, 1, 1)),
        ("010157-5000", dt.date(2057, 1, 1)),
        ("050199-3000", dt.date(1999, 1, 5)),
        ("750310-4004", dt.date(2010, 3, 15)),
    ],
)
def test_a_cpr_number_tells_the_birth_date(cpr: str, born: dt.date) -> None:
    assert native.birth_date(cpr) == born


def test_days_of_a_label() -> None:
    assert native.days_of("2025-2026") == (dt.date(2025, 8, 1), dt.date(2026, 7, 31))
    assert native.days_of("2024-02") == (dt.date(2024, 2, 1), dt.date(2024, 2, 29))
    assert native.days_of("20260602-20260615") == (dt.date(2026, 6, 2), dt.date(2026, 6, 15))
    assert native.quarter_end(dt.date(2026, 5, 5)) == dt.date(2026, 6, 30)


def _deliver(inbox: Path, name: str, lines: list[str]) -> None:
    folder = inbox / "notifications"
    folder.mkdir(exist_ok=True)
    text = "\n".join(["Underretningsnr;Modtaget dato;Navn", *lines])
    (folder / f"notifications_{name}.csv").write_bytes(text.encode("cp1252"))


def test_the_newest_file_of_a_day_holds_and_a_moved_row_counts_once(tmp_path: Path) -> None:
    _deliver(
        tmp_path, "2026_20260601", ["A;01-03-2026;Åse", 'B;02-03-2026;"Bo\nfra; Ø"', "C;20-05-2026;", "D;21-05-2026;"]
    )
    _deliver(tmp_path, "20260501-20260602_20260602", ["C;20-05-2026;", "B;22-05-2026;"])
    rows = native.current(tmp_path, "notifications")
    found = {row["Underretningsnr"]: (row["Modtaget dato"], row["delivery_file"]) for row in native.records(rows)}
    old, new = "notifications_2026_20260601.csv", "notifications_20260501-20260602_20260602.csv"
    # D was withdrawn, B moved from March to May
    assert found == {"A": ("01-03-2026", old), "C": ("20-05-2026", new), "B": ("22-05-2026", new)}
    assert native.data_as_of(tmp_path, "notifications") == dt.date(2026, 6, 2)
    assert native.as_of(tmp_path) == dt.date(2026, 6, 2)


def test_a_dataset_that_never_came_has_no_day(tmp_path: Path) -> None:
    assert native.current(tmp_path, "referrals").empty
    assert native.data_as_of(tmp_path, "referrals") is None


def test_each_difference_is_told() -> None:
    row = Row(
        "K04", "all", "month", "2026-05", dt.date(2026, 5, 31), "team", "PPR", Decimal(3), Decimal(2), Decimal("1.5")
    )
    shown = {name: getattr(row, name) for name in (*KEY, *COMPARED)}
    shown["measure_value"] = shown.pop("value")
    assert not differences([row], [shown])
    assert differences([replace(row, value=Decimal(1))], [shown]) == [
        "K04 / all / month / 2026-05 / team / PPR: value expected 1, is 1.5"
    ]
    assert differences([row], []) == ["K04 / all / month / 2026-05 / team / PPR: missing, expected 3 of 2 = 1.5"]
    assert differences([], [shown]) == ["K04 / all / month / 2026-05 / team / PPR: unexpected, 3 of 2 = 1.5"]
    assert differences([row], [shown, shown]) == ["K04 / all / month / 2026-05 / team / PPR: twice in fct_measure"]
