"""Days of records: calendar years, weekdays, ages, and running numbers in the order of days."""

from __future__ import annotations

import numpy as np

from include.demo.deliveries import Days, Ints


def years(days: Days) -> Ints:
    """The calendar year of each day."""
    return days.astype("datetime64[Y]").astype(int) + 1970


def later(days: Days, count: Ints) -> Days:
    """The days, each so many days later."""
    moved: Days = days + count.astype("timedelta64[D]")
    return moved


def on_a_weekday(days: Days) -> Days:
    """The days, and the Monday after for those on a weekend."""
    moved: Days = np.busday_offset(days, 0, roll="forward")
    return moved


def whole_years(born: Days, date: Days) -> Ints:
    """Age in whole years on a day."""
    months = date.astype("datetime64[M]").astype(int) - born.astype("datetime64[M]").astype(int)
    is_before_birthday = (date - date.astype("datetime64[M]")) < (born - born.astype("datetime64[M]"))
    age: Ints = (months - is_before_birthday) // 12
    return age


def numbered(prefix: str, days: Days, digits: int = 5) -> list[str]:
    """`<prefix>-<year>-<running number of the year>` for each record, in the order in which the records come."""
    running: dict[int, int] = {}
    found = []
    for year in years(days).tolist():
        running[year] = running.get(year, 0) + 1
        found.append(f"{prefix}-{year}-{running[year]:0{digits}d}")
    return found
