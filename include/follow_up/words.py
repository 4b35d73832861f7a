"""How the document and the forms of a follow-up write numbers, amounts, dates, periods and statuses in Danish."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal

from babel.dates import format_date
from babel.numbers import format_decimal

from include.follow_up.content import Smiley
from include.settings import COPENHAGEN

LOCALE = "da_DK"
NOT_TOLD = "–"
"""Stands where there is no figure; the reading guide says so."""
MINUS = "\N{MINUS SIGN}"
SPACE = "\N{NO-BREAK SPACE}"

SMILEYS: dict[Smiley, str] = {"glad": "Glad", "neutral": "Neutral", "sur": "Sur"}
EFFORT: dict[Smiley, str] = {"glad": "milepæl nået", "neutral": "delvist nået", "sur": "ikke nået"}
ECONOMY: dict[Smiley, str] = {"glad": "budgettet holder", "sur": "budgettet holder ikke"}
"""An economy has two smileys only."""
BASIS = {"computed": "beregnet", "reported": "meldt"}
COMPARISONS = {">=": "mindst", "<=": "højst"}
SYNTHETIC = "Syntetiske data"

_MILLION = Decimal(1_000_000)


def number(value: Decimal | int, decimals: int = 0) -> str:
    """A number with thousands dots and exactly so many decimals, halves away from zero: `1.234,5`."""
    rounded = Decimal(value).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    form = "#,##0" + ("." + "0" * decimals if decimals else "")
    return format_decimal(rounded + 0, form, locale=LOCALE).replace("-", MINUS)


def kroner(value: Decimal | None) -> str:
    """Whole kroner with their unit, or the sign for no figure."""
    return NOT_TOLD if value is None else f"{number(value)}{SPACE}kr."


def millions(value: Decimal | None, decimals: int = 2) -> str:
    """Kroner as mio. kr. without the unit, for tables that name it."""
    return NOT_TOLD if value is None else number(value / _MILLION, decimals)


def million_kroner(value: Decimal | None) -> str:
    """An amount that already is in mio. kr., with one decimal or as many of two as it needs, and its unit."""
    if value is None:
        return NOT_TOLD
    is_tenths = value * 10 == (value * 10).to_integral_value()
    return f"{number(value, 1 if is_tenths else 2)}{SPACE}mio.{SPACE}kr."


def day(date: dt.date) -> str:
    """A date as documents write it: `31. marts 2017`."""
    return format_date(date, "d. MMMM y", locale=LOCALE).replace(" ", SPACE)


def day_or(date: dt.date | None, otherwise: str) -> str:
    """A date, or what to say when there is none."""
    return otherwise if date is None else day(date)


def instant(moment: dt.datetime) -> str:
    """A moment in Danish time: `3. april 2017 kl. 06.30`."""
    local = moment.astimezone(COPENHAGEN)
    return f"{day(local.date())} kl.{SPACE}{local:%H.%M}"


def period(label: str) -> str:
    """A measure's period in words: a month, a school year, or as it is."""
    if re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", label):
        return format_date(_month(label), "MMMM y", locale=LOCALE)
    return label.replace("-", "/") if re.fullmatch(r"\d{4}-\d{4}", label) else label


def short_period(label: str) -> str:
    """A measure's period where there is little room: `mar. 17`, `16/17`."""
    if re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", label):
        return format_date(_month(label), "MMM yy", locale=LOCALE)
    return f"{label[2:4]}/{label[7:]}" if re.fullmatch(r"\d{4}-\d{4}", label) else label


def _month(label: str) -> dt.date:
    year, month = label.split("-")
    return dt.date(int(year), int(month), 1)


def _plain(value: Decimal) -> str:
    return number(value, 0 if value == value.to_integral_value() else 1)


def _share(value: Decimal) -> str:
    return f"{number(value * 100, 1)}{SPACE}%"


def _smiley(value: Decimal) -> str:
    return SMILEYS["glad" if value >= 1 else "sur"]


WITH_UNIT = frozenset({"share", "dkk", "smiley"})
"""The scales whose values bear their unit."""
_SCALES: dict[str, Callable[[Decimal], str]] = {
    "share": _share,
    "dkk": kroner,
    "years": lambda value: number(value, 1),
    "per_thousand": lambda value: number(value, 1),
    "smiley": _smiley,
}


def measured(value: Decimal | None, scale: str) -> str:
    """A measure's value on its scale (`measure_part.value_scale`): a share as per cent, whole counts and days whole."""
    return NOT_TOLD if value is None else _SCALES.get(scale, _plain)(value)


def counted(count: int, one: str, many: str) -> str:
    """A count with its noun: `1 milepæl`, `2 milepæle`."""
    return f"{number(count)}{SPACE}{one if count == 1 else many}"


def listed(parts: tuple[str, ...]) -> str:
    """Names in a row: `a, b og c`."""
    if len(parts) < 2:  # noqa: PLR2004
        return "".join(parts)
    return f"{', '.join(parts[:-1])} og {parts[-1]}"
