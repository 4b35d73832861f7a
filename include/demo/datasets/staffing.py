"""The synthetic staffing: employees, hours and full-time equivalents at the end of each month, by team and position."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from include.demo.amounts import hundredths
from include.demo.deliveries import (
    NEVER,
    NIGHTS,
    Days,
    Delivery,
    Ints,
    Mask,
    by_whole,
    counts,
    current_rows,
    danish_dates,
    day,
    extract,
)
from include.demo.monthly import exports, month_ends, months, stated_on
from include.demo.schools import Size
from include.demo.world import World

DATASET = "staffing"
HEADER = ["Måned", "Opgjort pr.", "Team", "Stilling", "Projekt", "Ansatte", "Årsværk", "Timer pr. uge"]

_FIRST = "2024-01"
_CASEWORKER = "Socialrådgiver"
_CASE_TEAMS = ("Modtagelsen", "Familieteam Nord", "Familieteam Syd", "Handicapteamet")
_FULL_WEEK = 37
_WRONG = {"2025-10": dt.date(2025, 12, 3), "2026-04": NIGHTS[2]}
"""Months that were stated wrong, one employee too many in Familieteam Nord, and the day of the right statement."""


@dataclass(frozen=True)
class _Position:
    """Who works where: `hired` of a city and of a small municipality, `weekly_hours` together where they are fixed."""

    team: str
    name: str
    project: str
    hired: Mapping[Size, int]
    first: str = _FIRST
    last: str = "2999-12"
    weekly_hours: int | None = None


def _hired(city: int, small: int = 1) -> Mapping[Size, int]:
    return {"city": city, "small": small}


_POSITIONS = (
    # with those of the Swedish model about one for twenty open cases
    *(
        _Position(team, _CASEWORKER, "DRIFT", _hired(city))
        for team, city in zip(_CASE_TEAMS, (3, 5, 5, 4), strict=True)
    ),
    *(_Position(team, "Teamleder", "DRIFT", _hired(1)) for team in _CASE_TEAMS),
    *(_Position(team, "Administrativ medarbejder", "DRIFT", _hired(2)) for team in _CASE_TEAMS),
    # the caseworkers of the Swedish model, hired team by team: twelve in the end
    _Position("Modtagelsen", _CASEWORKER, "FM", _hired(2), first="2024-05"),
    _Position("Familieteam Nord", _CASEWORKER, "FM", _hired(5), first="2024-09"),
    _Position("Familieteam Syd", _CASEWORKER, "FM", _hired(5), first="2025-02"),
    # two mentors with 37 hours together, as the statement of Icehearts says
    _Position("Fritidsmentorerne", "Fritidsmentor", "ICE", _hired(2, 2), first="2024-08", weekly_hours=_FULL_WEEK),
    _Position("Familiehuset", "Familiebehandler", "DRIFT", _hired(11, 2)),
    _Position("Familiehuset", "Psykolog", "DRIFT", _hired(2)),
    # one attached to every district
    _Position("Forebyggende socialrådgivere", _CASEWORKER, "DRIFT", _hired(5, 5)),
    _Position("Sundhedsplejen", "Sundhedsplejerske", "DRIFT", _hired(15, 2)),
    _Position("Sundhedsplejen", "Sundhedsplejerske", "SOB", _hired(2), last="2024-12"),
    _Position("PPR", "Psykolog", "DRIFT", _hired(9, 2)),
    _Position("PPR", "Tale-hørekonsulent", "DRIFT", _hired(6)),
    _Position("PPR", "Psykolog", "SOB", _hired(1), last="2024-12"),
    _Position("Globen", "Pædagog", "DRIFT", _hired(14, 6)),
    _Position("Globen", "Specialpædagog", "DRIFT", _hired(7, 4)),
)


@dataclass(frozen=True)
class Staffing:
    """One record a position and month, a second one where the month was stated wrong; hours in hundredths."""

    month: list[str]
    month_end: Days
    position: Ints
    hired: Ints
    hours: Ints
    known_from: Days
    known_until: Days

    @property
    def equivalents(self) -> Ints:
        """Full-time equivalents in hundredths, rounded half up."""
        rounded: Ints = (2 * self.hours + _FULL_WEEK) // (2 * _FULL_WEEK)
        return rounded


def _simulate(rng: np.random.Generator, size: Size) -> Staffing:
    """Each position from month to month: now and then one leaves or comes, and some work part time."""
    names = months(_FIRST)
    month, position, hired, hours = [], [], [], []
    for place, spec in enumerate(_POSITIONS):
        own = [number for number, name in enumerate(names) if spec.first <= name <= spec.last]
        number = np.full(len(own), spec.hired[size])
        if spec.weekly_hours is not None:
            together = np.full(len(own), spec.weekly_hours * 100)
        elif spec.hired[size] == 1:
            together = np.full(len(own), _FULL_WEEK * 100)
        else:
            number = np.maximum(1, number + rng.choice([-1, 0, 0, 0, 1], len(own)))
            if spec.project == "FM":
                number = np.minimum(spec.hired[size], 1 + np.arange(len(own)) // 2)
            # half of them work full time, others 30, 32 or 35 hours
            together = 100 * np.array([rng.choice([37, 37, 37, 35, 32, 30], count).sum() for count in number.tolist()])
        month += own
        position += [place] * len(own)
        hired += number.tolist()
        hours += together.tolist()
    right = np.arange(len(month))
    nord = next(place for place, spec in enumerate(_POSITIONS) if spec.team == "Familieteam Nord")
    again = np.array([row for row in right if position[row] == nord and names[month[row]] in _WRONG])
    known_from = stated_on(names)[month]
    known_from[again] = [day(_WRONG[names[month[row]]]) for row in again]
    rows = np.concatenate([right, again])
    wrong = np.arange(len(rows)) >= len(right)
    of_month = np.array(month)[rows]
    return Staffing(
        month=[names[place] for place in of_month.tolist()],
        month_end=month_ends(names)[of_month],
        position=np.array(position)[rows],
        hired=np.array(hired)[rows] + wrong,
        hours=np.array(hours)[rows] + wrong * _FULL_WEEK * 100,
        known_from=np.where(wrong, stated_on(names)[of_month], known_from[rows]),
        known_until=np.where(wrong, known_from[rows], NEVER),
    )


def _write(world: World, staffing: Staffing, delivery: Delivery) -> None:
    """Write an export: Windows-1252, CRLF, decimal comma."""
    rows = delivery.rows
    specs = [_POSITIONS[place] for place in staffing.position[rows].tolist()]
    world.write(
        delivery,
        HEADER,
        [
            [staffing.month[row] for row in rows.tolist()],
            danish_dates(staffing.month_end[rows]),
            [spec.team for spec in specs],
            [spec.name for spec in specs],
            [spec.project for spec in specs],
            map(str, staffing.hired[rows].tolist()),
            [hundredths(value, ",") for value in staffing.equivalents[rows].tolist()],
            [hundredths(value, ",") for value in staffing.hours[rows].tolist()],
        ],
        encoding="cp1252",
        newline="\r\n",
    )


def generate(world: World) -> dict[str, Any]:
    """Write the exports: all months that have been stated, monthly, and once more when one was stated again."""
    staffing = _simulate(world.rng, world.size)
    known = {"days": staffing.month_end, "known_from": staffing.known_from, "known_until": staffing.known_until}
    nights = exports(world.calendar, DATASET, _WRONG.values())
    deliveries = [extract(DATASET, by_whole(night), night, **known) for night in nights]
    for delivery in deliveries:
        _write(world, staffing, delivery)
    return {"deliveries": counts(deliveries), "figures": _figures(staffing, current_rows(deliveries))}


def _figures(staffing: Staffing, rows: Ints) -> dict[str, list[dict[str, Any]]]:
    """Sums by month and team, the caseworkers of teams with cases, and the hired of the Swedish model by month."""
    ends = staffing.month_end[rows]
    specs = [_POSITIONS[place] for place in staffing.position[rows].tolist()]
    teams = np.array([spec.team for spec in specs])
    is_caseworker = np.array([spec.name == _CASEWORKER and spec.team in _CASE_TEAMS for spec in specs])
    is_swedish = np.array([spec.project == "FM" for spec in specs])

    def sums(mask: Mask) -> dict[str, Any]:
        chosen = rows[mask]
        return {
            "hired": int(staffing.hired[chosen].sum()),
            "equivalents": hundredths(int(staffing.equivalents[chosen].sum())),
            "hours": hundredths(int(staffing.hours[chosen].sum())),
        }

    by_team, caseworkers, swedish = [], [], []
    for end in np.unique(ends):
        in_month = ends == end
        for team in np.unique(teams[in_month]).tolist():
            here = in_month & (teams == team)
            by_team.append({"month_end_date": str(end), "team_name": team, "rows": int(here.sum()), **sums(here)})
            if (here & is_caseworker).any():
                equivalents = sums(here & is_caseworker)["equivalents"]
                caseworkers.append({"month_end_date": str(end), "team_name": team, "equivalents": equivalents})
        if (in_month & is_swedish).any():
            swedish.append({"month_end_date": str(end), "hired": sums(in_month & is_swedish)["hired"]})
    return {"by_team_month": by_team, "caseworkers": caseworkers, "swedish_model_hired": swedish}
