"""The school days of a school year, by the rules that Ballerup's holiday calendars follow.

A school year runs from the Monday of ISO week 33 to the Friday before the last Saturday of June, on which the summer
holiday begins (folkeskoleloven § 14 a, stk. 2). School days are Monday to Friday
without the autumn holiday (week 42), 22 December to 2 January, the winter holiday (week 7), the week before Easter
with Easter Monday, Ascension Day and the day after it, Whit Monday and Constitution Day (5 June). Store bededag was
abolished from 2024 and no school year here holds an older one. That makes 200 to 202
days, near the 200 of the law's standard year.
"""

from __future__ import annotations

import datetime as dt
from functools import cache

import numpy as np
from numpy.typing import NDArray

Days = NDArray[np.datetime64]
"""A sorted array of `datetime64[D]`."""

_MONDAY, _FRIDAY, _SATURDAY = 1, 5, 6


def easter_sunday(year: int) -> dt.date:
    """Easter Sunday of a year of the Gregorian calendar, by the anonymous algorithm of Meeus, Jones and Butcher."""
    century, in_century = divmod(year, 100)
    golden = year % 19
    epact = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (in_century // 4) - epact - in_century % 4) % 7
    shift = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * shift + 114, 31)
    return dt.date(year, month, day + 1)


def _span(first: dt.date, last: dt.date) -> Days:
    return np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + 1)


def holidays(start_year: int) -> dict[str, Days]:
    """The days without school inside the school year that begins in August of `start_year`, by name."""
    spring = start_year + 1
    easter = easter_sunday(spring)

    def after_easter(days: int) -> dt.date:
        return easter + dt.timedelta(days=days)

    return {
        "efterårsferie": _span(*(dt.date.fromisocalendar(start_year, 42, day) for day in (_MONDAY, _FRIDAY))),
        "juleferie": _span(dt.date(start_year, 12, 22), dt.date(spring, 1, 2)),
        "vinterferie": _span(*(dt.date.fromisocalendar(spring, 7, day) for day in (_MONDAY, _FRIDAY))),
        "påskeferie": _span(after_easter(-6), after_easter(1)),
        "Kristi himmelfart": _span(after_easter(39), after_easter(40)),
        "2. pinsedag": _span(after_easter(50), after_easter(50)),
        "grundlovsdag": _span(dt.date(spring, 6, 5), dt.date(spring, 6, 5)),
    }


def last_school_day(start_year: int) -> dt.date:
    """The Friday before the last Saturday of June; the school year begins in August of `start_year`."""
    end_of_june = dt.date(start_year + 1, 6, 30)
    since_saturday = (end_of_june.isoweekday() - _SATURDAY) % 7
    return end_of_june - dt.timedelta(days=since_saturday + 1)


@cache
def school_days(start_year: int) -> Days:
    """All school days of the school year that begins in August of `start_year`, sorted."""
    first = dt.date.fromisocalendar(start_year, 33, _MONDAY)
    last = last_school_day(start_year)
    days = _span(first, last)
    free = np.concatenate(list(holidays(start_year).values()))
    days = days[np.is_busday(days) & ~np.isin(days, free)]
    days.flags.writeable = False
    return days


def school_year(start_year: int) -> str:
    """`2025/2026` for 2025."""
    return f"{start_year}/{start_year + 1}"
