"""Enrolments as the school administration delivers them: a snapshot of a school year's stays."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np

from include.demo.deliveries import Calendar, Delivery, by_school_year, danish_dates, day, write_lines
from include.demo.people import dashed
from include.demo.school_days import school_year
from include.demo.town import Town
from include.demo.world import World

HEADER = [
    "Personnummer",
    "Navn",
    "Skoleår",
    "Institutionsnummer",
    "Klassetrin",
    "Klasse",
    "Indskrevet fra",
    "Indskrevet til",
    "Skoledistrikt",
]

_JULY, _AUGUST = 7, 8


def generate(world: World) -> dict[str, Any]:
    """Write the snapshots of all nights."""
    deliveries = deliver(world.town, world.calendar)
    for delivery in deliveries:
        write(world.town, delivery, world.inbox)
        world.came(delivery.path, delivery.as_of)
    return truth(world.town, deliveries)


def deliver(town: Town, calendar: Calendar) -> list[Delivery]:
    """A file a school year, and each night a new snapshot of the school year that runs."""
    plan = [(year, calendar.backfill) for year in town.years if dt.date(year, 8, 1) <= calendar.backfill]
    plan += [(night.year - (night.month < _AUGUST), night) for night in calendar.nights_of("enrolments")]
    deliveries = []
    for year, night in plan:
        rows = town.stays.known(night, year)
        rows = rows[town.stays.first[rows] <= max(day(night), np.datetime64(f"{year}-08-01", "D"))]
        label, first, last = by_school_year(year)
        deliveries.append(Delivery("enrolments", label, night, first, last, rows, town.stays.first[rows]))
    return deliveries


def write(town: Town, delivery: Delivery, inbox: Path) -> None:
    """Write a snapshot: UTF-8 with BOM, CRLF, the CPR number with its dash."""
    stays, rows = town.stays, delivery.rows
    rows = rows[np.lexsort((stays.child[rows], stays.letter[rows], stays.grade[rows], stays.unit[rows]))]
    children, grades = stays.child[rows].tolist(), stays.grade[rows].tolist()
    years = {year: school_year(year) for year in town.years}
    # An end that lies ahead is not known yet, but for that of the school year.
    at_year_end = stays.last[rows].astype("datetime64[M]").astype(int) % 12 == _JULY - 1
    is_ahead = (stays.last[rows] > day(delivery.as_of)) & ~at_year_end
    last = np.where(is_ahead, np.datetime64("NaT", "D"), stays.last[rows])
    write_lines(
        inbox / delivery.path,
        HEADER,
        [
            [dashed(town.cpr[child]) for child in children],
            [town.names[child] for child in children],
            [years[year] for year in stays.year[rows].tolist()],
            [town.units[unit] for unit in stays.unit[rows].tolist()],
            map(str, grades),
            [f"{grade}.{chr(65 + letter)}" for grade, letter in zip(grades, stays.letter[rows].tolist(), strict=True)],
            danish_dates(stays.first[rows]),
            danish_dates(last),
            [town.districts[child] for child in children],
        ],
        encoding="utf-8-sig",
        newline="\r\n",
    )


def truth(town: Town, deliveries: list[Delivery]) -> dict[str, Any]:
    """Rows of each file, and the pupils of each school and school year as they stand in the end."""
    files = {}
    for delivery in deliveries:
        newest = max(other.as_of for other in deliveries if other.label == delivery.label)
        count = len(delivery.rows)
        files[delivery.path] = {"rows": count, "current_rows": count if delivery.as_of == newest else 0}
    pupils: dict[str, dict[str, int]] = {}
    for year in town.years:
        rows = town.final(year)
        pairs = np.unique(town.school_of[town.stays.unit[rows]] * 1_000_000 + town.stays.child[rows])
        places, found = np.unique(pairs // 1_000_000, return_counts=True)
        pupils[school_year(year)] = {
            town.schools[place].number: count for place, count in zip(places.tolist(), found.tolist(), strict=True)
        }
    return {"deliveries": files, "pupils": pupils}
