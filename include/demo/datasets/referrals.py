"""The synthetic referrals to Icehearts, Familiehuset and PPR, with a status that moves on from night to night."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from include.demo.deliveries import (
    ALWAYS,
    AS_OF,
    BACKFILL,
    NEVER,
    NIGHTS,
    Calendar,
    Days,
    Delivery,
    Ints,
    Mask,
    by_days,
    by_school_year,
    counts,
    current,
    current_rows,
    danish_dates,
    day,
    extract,
    quoted,
    write_lines,
)
from include.demo.people import dashed
from include.demo.schools import ICEHEARTS_SCHOOLS, Size
from include.demo.town import Town
from include.demo.world import World

HEADER = [
    "Henvisningsnr",
    "Indsats",
    "Personnummer",
    "Navn",
    "Institutionsnummer",
    "Klassetrin",
    "Henvist dato",
    "Henvist af",
    "Status",
    "Afsluttet dato",
    "Note",
]
PROJECTS = ("ICE", "FH", "PPR")
ICE = 0
STATUSES = ("Modtaget", "I gang", "Afsluttet", "Afvist")
RECEIVED, RUNNING, CLOSED, DECLINED = range(4)

_ROLES = ("Lærer", "BFO", "Forælder", "Socialrådgiver", "Sundhedsplejerske", "PPR")
_A_YEAR: Mapping[Size, tuple[int, int, int]] = {"small": (16, 8, 20), "city": (50, 90, 260)}
"""Referrals a school year to each of the projects."""

_LAST_ICEHEARTS_GRADE = 3
_AGAIN = 0.08
_NIGHT_DAYS = 60
_STARTS_AFTER_DAYS = 21
_WITH_NOTE = 0.5
_NOTES = (
    "Samtale med skolen",
    "{name} trives ikke i klassen",
    "Ringet til forældre; afventer samtykke",
    "Bror til {name} er kendt i huset",
    "Cpr {dashed} – se journal",
    "Overleveret fra BFO’en",
)


@dataclass(frozen=True)
class Referrals:
    """One record a referral. `ends` is the day on which the course ends, NaT where none is planned."""

    number: list[str]
    project: Ints
    child: Ints
    unit: Ints
    grade: Ints
    date: Days
    role: Ints
    ends: Days
    is_declined: Mask
    known_from: Days
    known_until: Days
    note: Ints

    def status(self, rows: Ints, night: dt.date) -> tuple[Ints, Days]:
        """Status and closing date of referrals as the register shows them on the evening of `night`."""
        now = day(night)
        over = self.ends[rows] <= now
        running = (now - self.date[rows]).astype(int) > _STARTS_AFTER_DAYS
        status = np.where(
            over, np.where(self.is_declined[rows], DECLINED, CLOSED), np.where(running, RUNNING, RECEIVED)
        )
        return status, np.where(over, self.ends[rows], np.datetime64("NaT", "D"))


def _one_year(rng: np.random.Generator, town: Town, year: int, before: Ints) -> dict[str, Any]:
    """Referrals of one school year; `before` are children whom Icehearts already knows."""
    stays, rows = town.stays, town.final(year)
    last = np.minimum(np.where(np.isnat(stays.last[rows]), day(AS_OF), stays.last[rows]), day(AS_OF))
    opening = np.datetime64(f"{year}-08-11", "D")
    first = np.maximum(stays.first[rows], opening)
    usable = rows[(last - first).astype(int) > 60]  # noqa: PLR2004 - pupils who stay long enough to be noticed
    at_icehearts = np.isin(town.school_numbers(stays.unit[usable]), ICEHEARTS_SCHOOLS)
    young = usable[at_icehearts & (stays.grade[usable] <= _LAST_ICEHEARTS_GRADE)]
    known = np.isin(stays.child[young], before)
    chosen, projects = [], []
    for project, count in enumerate(_A_YEAR[town.size]):
        if project == ICE:
            again = rng.permutation(young[known])[: round(count * _AGAIN)]
            stay = np.concatenate([rng.choice(young[~known], count - len(again), replace=False), again])
        else:
            stay = rng.choice(usable, count, replace=False)
        chosen.append(stay)
        projects.append(np.full(len(stay), project))
    stay = np.concatenate(chosen)
    begin = np.maximum(stays.first[stay], opening)
    end = np.minimum(np.where(np.isnat(stays.last[stay]), day(AS_OF), stays.last[stay]), day(AS_OF))
    end = np.minimum(end, np.datetime64(f"{year + 1}-06-30", "D"))
    span = (end - begin).astype(int)
    date = np.busday_offset(begin + (rng.random(len(stay)) * (span - 3)).astype(int), 0, roll="forward")
    return {
        "project": np.concatenate(projects),
        "child": stays.child[stay],
        "unit": stays.unit[stay],
        "grade": stays.grade[stay],
        "date": date,
    }


def generate(world: World) -> dict[str, Any]:
    """Write the extracts of all nights."""
    register = simulate(world.rng, world.town)
    deliveries = deliver(world.town, register, world.calendar)
    for delivery in deliveries:
        write(world.town, register, delivery, world.inbox)
        world.came(delivery.path, delivery.as_of)
    return truth(world.town, register, deliveries)


def simulate(rng: np.random.Generator, town: Town) -> Referrals:
    """All referrals, numbered a project and calendar year in the order of their days."""
    parts: list[dict[str, Any]] = []
    for year in town.years:
        before = np.concatenate([part["child"][part["project"] == ICE] for part in parts]) if parts else np.array([])
        parts.append(_one_year(rng, town, year, before))
    columns: dict[str, Any] = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.lexsort((columns["child"], columns["project"], columns["date"]))
    columns = {name: values[order] for name, values in columns.items()}
    count = len(order)
    running: dict[tuple[int, int], int] = {}
    numbers = []
    years = (columns["date"].astype("datetime64[Y]").astype(int) + 1970).tolist()
    for project, year in zip(columns["project"].tolist(), years, strict=True):
        running[project, year] = running.get((project, year), 0) + 1
        numbers.append(f"{PROJECTS[project]}-{year}-{running[project, year]:05d}")
    is_declined = rng.random(count) < 0.06  # noqa: PLR2004 - few are turned away
    length = np.where(is_declined, rng.integers(5, 26, count), rng.integers(30, 320, count))
    ends = np.where(is_declined | (rng.random(count) < 0.75), columns["date"] + length, np.datetime64("NaT", "D"))  # noqa: PLR2004
    registered = columns["date"] + rng.choice(4, count, p=[0.7, 0.15, 0.1, 0.05])
    known_until = np.full(count, NEVER)
    # one referral of this spring is withdrawn on the fourth night: it was a mistake
    spring = (columns["date"] >= day(NIGHTS[3] - dt.timedelta(days=45))) & (columns["date"] <= day(BACKFILL) - 5)
    known_until[np.flatnonzero(spring)[0]] = day(NIGHTS[3])
    return Referrals(
        number=numbers,
        role=rng.choice(len(_ROLES), count, p=[0.42, 0.16, 0.16, 0.12, 0.06, 0.08]),
        ends=ends,
        is_declined=is_declined,
        known_from=np.where(registered <= day(BACKFILL), ALWAYS, registered),
        known_until=known_until,
        note=np.where(rng.random(count) < _WITH_NOTE, rng.integers(len(_NOTES), size=count), -1),
        **columns,
    )


def deliver(town: Town, referrals: Referrals, calendar: Calendar) -> list[Delivery]:
    """A file a school year, and each night the last 60 days."""
    plan = [
        (by_school_year(year), calendar.backfill) for year in town.years if dt.date(year, 8, 1) <= calendar.backfill
    ]
    plan += [(by_days(night, _NIGHT_DAYS), night) for night in calendar.nights_of("referrals")]
    known = {"days": referrals.date, "known_from": referrals.known_from, "known_until": referrals.known_until}
    return [extract("referrals", period, as_of, **known) for period, as_of in plan]


def write(town: Town, referrals: Referrals, delivery: Delivery, inbox: Path) -> None:
    """Write a file: UTF-8 with BOM, LF, the CPR number with its dash."""
    rows = delivery.rows
    children = referrals.child[rows].tolist()
    status, closed = referrals.status(rows, delivery.as_of)
    notes = ["" if note < 0 else quoted(_NOTES[note]) for note in referrals.note[rows].tolist()]
    write_lines(
        inbox / delivery.path,
        HEADER,
        [
            [referrals.number[row] for row in rows.tolist()],
            [PROJECTS[project] for project in referrals.project[rows].tolist()],
            [dashed(town.cpr[child]) for child in children],
            [town.names[child] for child in children],
            [town.units[unit] for unit in referrals.unit[rows].tolist()],
            map(str, referrals.grade[rows].tolist()),
            danish_dates(referrals.date[rows]),
            [_ROLES[role] for role in referrals.role[rows].tolist()],
            [STATUSES[code] for code in status.tolist()],
            danish_dates(closed),
            [
                note.format(name=town.names[child], dashed=dashed(town.cpr[child]))
                for note, child in zip(notes, children, strict=True)
            ],
        ],
        encoding="utf-8-sig",
        newline="\n",
    )


def truth(town: Town, referrals: Referrals, deliveries: list[Delivery]) -> dict[str, Any]:
    """Referrals by project, school and month or grade, and the distinct children referred up to and in each month."""
    rows = current_rows(deliveries)
    by_month: list[dict[str, Any]] = []
    by_grade: list[dict[str, Any]] = []
    cumulative: list[dict[str, Any]] = []
    months = referrals.date[rows].astype("datetime64[M]")
    all_months = np.arange(months.min(), np.datetime64(AS_OF, "M") + 1)
    numbers = np.array(town.school_numbers(referrals.unit[rows]))
    for code, project in enumerate(PROJECTS):
        of_project = referrals.project[rows] == code
        for school in [item.number for item in town.schools]:
            here = of_project & (numbers == school)
            by_month += [
                {
                    "project": project,
                    "school": school,
                    "month": str(month),
                    "referrals": int((months[here] == month).sum()),
                }
                for month in np.unique(months[here])
            ]
            grades, children = referrals.grade[rows], referrals.child[rows]
            by_grade += [
                {
                    "project": project,
                    "school": school,
                    "grade": grade,
                    "referrals": int((grades[here] == grade).sum()),
                    "children": len(np.unique(children[here & (grades == grade)])),
                }
                for grade in np.unique(grades[here]).tolist()
            ]
        cumulative += [
            {
                "project": project,
                "month": str(month),
                "children": len(np.unique(referrals.child[rows][of_project & (months <= month)])),
            }
            for month in all_months
        ]
    statuses: dict[str, dict[str, int]] = {project: dict.fromkeys(STATUSES, 0) for project in PROJECTS}
    for delivery, stands in zip(deliveries, current(deliveries), strict=True):
        mine = delivery.rows[stands]
        for row, status in zip(mine.tolist(), referrals.status(mine, delivery.as_of)[0].tolist(), strict=True):
            statuses[PROJECTS[referrals.project[row]]][STATUSES[status]] += 1
    return {
        "deliveries": counts(deliveries),
        "by_project_school_month": by_month,
        "by_project_school_grade": by_grade,
        "distinct_children_cumulative": cumulative,
        "status": statuses,
    }
