"""How the document writes numbers, dates and periods."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from document_content import plain

from include.follow_up import words


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [
        (0, 0, "0"),
        (1234, 0, "1.234"),
        (Decimal("1234.5"), 1, "1.234,5"),
        (Decimal("1234567.895"), 2, "1.234.567,90"),
        (Decimal("0.5"), 0, "1"),
        (Decimal("-0.4"), 0, "0"),
        (Decimal("-2.5"), 0, "−3"),
        (Decimal(12), 2, "12,00"),
    ],
)
def test_numbers_have_thousands_dots_and_a_decimal_comma(value: Decimal | int, decimals: int, expected: str) -> None:
    assert words.number(value, decimals) == expected


def test_amounts_have_their_unit_or_say_that_there_is_none() -> None:
    assert plain(words.kroner(Decimal("-1234567.89"))) == "−1.234.568 kr."
    assert words.kroner(None) == words.millions(None) == words.million_kroner(None) == "–"
    assert words.millions(Decimal(1_255_000)) == "1,26"
    assert plain(words.million_kroner(Decimal("7.900"))) == "7,9 mio. kr."
    assert plain(words.million_kroner(Decimal("0.750"))) == "0,75 mio. kr."


def test_dates_are_written_out_and_moments_are_danish_time() -> None:
    assert plain(words.day(dt.date(2017, 3, 31))) == "31. marts 2017"
    assert words.day_or(None, "ingen") == "ingen"
    assert plain(words.instant(dt.datetime(2026, 6, 30, 22, 30, tzinfo=dt.UTC))) == "1. juli 2026 kl. 00.30"


@pytest.mark.parametrize(
    ("label", "long", "short"),
    [
        ("2017-03", "marts 2017", "mar. 17"),
        ("2016-2017", "2016/2017", "16/17"),
        ("2017", "2017", "2017"),
        ("2017-13", "2017-13", "2017-13"),
        ("BO1-2017", "BO1-2017", "BO1-2017"),
    ],
)
def test_periods(label: str, long: str, short: str) -> None:
    assert words.period(label) == long
    assert words.short_period(label) == short


@pytest.mark.parametrize(
    ("value", "scale", "expected"),
    [
        ("0.125", "share", "12,5 %"),
        ("85", "count", "85"),
        ("17.94", "count", "17,9"),
        ("42.0", "days", "42"),
        ("3", "years", "3,0"),
        ("41000", "dkk", "41.000 kr."),
        ("12.34", "per_thousand", "12,3"),
        ("1", "smiley", "Glad"),
        ("0", "smiley", "Sur"),
    ],
)
def test_a_measure_is_written_on_its_scale(value: str, scale: str, expected: str) -> None:
    assert plain(words.measured(Decimal(value), scale)) == expected


def test_counts_have_their_noun_and_lists_an_og() -> None:
    assert plain(words.counted(1, "milepæl", "milepæle")) == "1 milepæl"
    assert plain(words.counted(1200, "milepæl", "milepæle")) == "1.200 milepæle"
    assert words.listed(()) == ""
    assert words.listed(("a",)) == "a"
    assert words.listed(("a", "b", "c")) == "a, b og c"
