"""When the monthly registers of the synthetic municipality deliver.

A month is stated in the middle of the next one, and the register then exports all that it has; where a month was stated
wrong, it exports once more on the day on which that was put right.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import numpy as np

from include.demo.deliveries import AS_OF, Calendar, Days

_DUE_DAY = 15


def months(first: str) -> list[str]:
    """The months (`2026-05`) from `first` to the last that has been stated by the end."""
    found = np.arange(np.datetime64(first, "M"), np.datetime64(AS_OF, "M") + 1)
    return [str(month) for month in found if _due(str(month)) <= AS_OF]


def month_ends(names: list[str]) -> Days:
    """The last day of each month."""
    ends: Days = (np.array(names, dtype="datetime64[M]") + 1).astype("datetime64[D]") - 1
    return ends


def stated_on(names: list[str]) -> Days:
    """The day from which a register states each month: the 15th of the next one."""
    days: Days = np.array([_due(name) for name in names], dtype="datetime64[D]")
    return days


def exports(calendar: Calendar, dataset: str, again: Iterable[dt.date] = ()) -> list[dt.date]:
    """The nights on which a register exports all that it has: monthly from the backfill on, and on the days `again`."""
    after_backfill = np.arange(np.datetime64(calendar.backfill, "M"), np.datetime64(AS_OF, "M") + 1).tolist()
    dues = [month.replace(day=_DUE_DAY) for month in after_backfill]
    nights = {calendar.backfill} | {_night(calendar, dataset, due) for due in (*dues, *again)}
    return sorted(night for night in nights if night)


def _due(month: str) -> dt.date:
    following = np.datetime64(month, "M") + 1
    day: dt.date = following.astype("datetime64[D]").item()
    return day.replace(day=_DUE_DAY)


def _night(calendar: Calendar, dataset: str, due: dt.date) -> dt.date | None:
    """The night on which comes what is due on a day, the backfill's if it was due by then; None if none comes."""
    if due <= calendar.backfill:
        return calendar.backfill
    return next((night for night in calendar.nights_of(dataset) if night >= due), None)
