"""The population register's monthly statements of the synthetic children: births, moves, and what is told late.

A statement of a month tells what the register knows on the day of the extract of all that was until the month's end.
Some moves are told weeks later: a month that is stated again has them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np

from include.demo.deliveries import Calendar, Days, Delivery, Ints, Mask, by_month, day
from include.demo.people import Texts
from include.demo.population import DISTRICTS, Population
from include.demo.world import World

HEADER = [
    "Opgørelsesmåned",
    "Personnummer",
    "Tidligere personnummer",
    "Navn",
    "Adresse",
    "Fødselsdato",
    "Køn",
    "Distrikt",
    "Bopæl fra",
    "Bopæl til",
    "Tilflyttet fra",
    "Fraflyttet til",
]

OWN = "151"
ABROAD = "999"
_NEIGHBOURS = ("101", "147", "153", "157", "159", "161", "163", "165", "167", "169", "175", "190", "240", "250", ABROAD)
_FIRST_DAY = np.datetime64("2019-01-01", "D")
"""The register's extract holds the stays that ran on this day or began later."""

_STREETS = ("Birkevej", "Engvej", "Fuglevænget", "Møllehaven", "Skovbakken", "Søndergade", "Ådalen")
_CHANGING_DISTRICT = 0.06
_TOLD_LATE = 0.05
_BACKFILLED_MONTHS = 2
_RESTATED_IN = (3, 6, 9, 12)
_RESTATED_FROM_DAY = 17
_COMING_OF_AGE = 18
_FEBRUARY = 2
_KEPT_YEARS = 5


@dataclass(frozen=True)
class Spells:
    """One record a stay of a child in a district.

    `last` is NaT while the child lives there. Beginning and end are known to the register from `told` and `end_told`
    on; `came_from` and `went_to` are codes of municipalities, empty at birth and while the child stays.
    """

    child: Ints
    district: Texts
    first: Days
    last: Days
    came_from: Texts
    went_to: Texts
    told: Days
    end_told: Days

    def stated(self, month_end: np.datetime64, night: np.datetime64) -> Ints:
        """The stays that a statement to the end of a month tells, made on `night`."""
        return np.flatnonzero((self.first <= month_end) & (self.told <= night) & ~(self.last < _FIRST_DAY))

    def is_over(self, delivery: Delivery) -> Mask:
        """Which stays of a statement have ended by the end of its month, as far as the register knows."""
        rows = delivery.rows
        over: Mask = (self.last[rows] <= day(delivery.last)) & (self.end_told[rows] <= day(delivery.as_of))
        return over

    def differ(self, one: Delivery, other: Delivery) -> bool:
        """Whether two statements of a month say different things."""
        return not (np.array_equal(one.rows, other.rows) and np.array_equal(self.is_over(one), self.is_over(other)))


def generate(world: World) -> dict[str, Any]:
    """Write the statements of all months that the nights reach."""
    people = world.population
    spells = _spells(world.rng, people)
    deliveries = _deliver(people, spells, world.calendar)
    houses = world.rng.integers(1, 180, len(people.cpr)).tolist()
    streets = world.rng.integers(len(_STREETS), size=len(people.cpr)).tolist()
    addresses = [f"{_STREETS[street]} {house}, 2750 Ballerup" for street, house in zip(streets, houses, strict=True)]
    for delivery in deliveries:
        _write(world, spells, addresses, delivery)
    return _truth(people, spells, deliveries)


def _spells(rng: np.random.Generator, people: Population) -> Spells:
    """Each child's stay from birth or moving in, cut in two where it moved from one district to another."""
    count = len(people.cpr)
    codes = np.array(list(DISTRICTS.values()))
    district = np.array(people.district)
    elsewhere = codes[(np.searchsorted(np.sort(codes), district) + rng.integers(1, len(codes), count)) % len(codes)]
    neighbours = np.array(_NEIGHBOURS)
    came_from = np.where(people.moved_in > people.born, neighbours[rng.integers(len(neighbours), size=count)], "")
    went_to = np.where(np.isnat(people.moved_out), "", neighbours[rng.integers(len(neighbours), size=count)])
    end = np.where(np.isnat(people.moved_out), np.datetime64("2026-06-01", "D"), people.moved_out)
    end = np.minimum(end, people.born + 365 * _COMING_OF_AGE)
    start = np.maximum(people.moved_in, _FIRST_DAY)
    room = (end - start).astype(int)
    moves = np.flatnonzero((rng.random(count) < _CHANGING_DISTRICT) & (room > 60) & (elsewhere != district))  # noqa: PLR2004
    change = start[moves] + 30 + (rng.random(len(moves)) * (room[moves] - 40)).astype(int)
    all_children = np.arange(count)
    first, old = people.moved_in.copy(), np.full(len(moves), OWN)
    first[moves] = change
    came_from_now = came_from.copy()
    came_from_now[moves] = old
    children = np.concatenate([all_children, moves])
    firsts = np.concatenate([first, people.moved_in[moves]])
    lasts = np.concatenate([people.moved_out, change - 1])
    delay = rng.integers(0, 6, count)
    delay[rng.random(count) < _TOLD_LATE] += rng.integers(10, 25)
    end_delay = np.where(rng.random(count) < _TOLD_LATE, rng.integers(12, 30, count), rng.integers(0, 6, count))
    told = np.where(firsts == people.born[children], firsts + 1, firsts + delay[children])
    end_told = np.concatenate([people.moved_out + end_delay, told[moves]])
    late = _told_in_the_week(people, children, firsts)
    told[late] = np.datetime64("2026-06-16", "D")
    return Spells(
        child=children,
        district=np.concatenate([district, elsewhere[moves]]),
        first=firsts,
        last=lasts,
        came_from=np.concatenate([came_from_now, came_from[moves]]),
        went_to=np.concatenate([went_to, old]),
        told=told,
        end_told=end_told,
    )


def _told_in_the_week(people: Population, children: Ints, firsts: Days) -> Ints:
    """The last newborns of May, whose birth reaches the register in the week of the five nights."""
    in_may = firsts.astype("datetime64[M]") == np.datetime64("2026-05", "M")
    return np.flatnonzero(in_may & (firsts == people.born[children]))[-2:]


def _deliver(people: Population, spells: Spells, calendar: Calendar) -> list[Delivery]:
    """The months before the backfill; then each month on the first night after it, some stated again later."""

    def statement(year: int, month: int, night: dt.date) -> Delivery:
        label, first, last = by_month(year, month)
        rows = spells.stated(day(last), day(night))
        adult_on = people.born[spells.child[rows]] + round(365.25 * (_COMING_OF_AGE + _KEPT_YEARS))
        rows = rows[adult_on > day(last)]
        return Delivery("residents", label, night, first, last, rows, spells.first[rows])

    ends = [calendar.backfill.replace(day=1) - dt.timedelta(days=1)]
    while len(ends) < _BACKFILLED_MONTHS:
        ends.insert(0, ends[0].replace(day=1) - dt.timedelta(days=1))
    deliveries = [statement(end.year, end.month, calendar.backfill) for end in ends]
    stated = ends[-1]
    restated: set[dt.date] = set()
    for night in calendar.nights_of("residents"):
        before = night.replace(day=1) - dt.timedelta(days=1)
        if before > stated:
            deliveries.append(statement(before.year, before.month, night))
            stated = before
        elif night.month in _RESTATED_IN and night.day >= _RESTATED_FROM_DAY and before not in restated:
            restated.add(before)
            again = statement(before.year, before.month, night)
            if spells.differ(deliveries[-1], again):
                deliveries.append(again)
    return deliveries


def _write(world: World, spells: Spells, addresses: list[str], delivery: Delivery) -> None:
    """Write a statement: UTF-8 without BOM, CRLF, days as the register writes them (`2026-05-31`)."""
    people, rows, night = world.population, delivery.rows, day(delivery.as_of)
    children = spells.child[rows].tolist()
    is_over = spells.is_over(delivery)
    last = np.where(is_over, spells.last[rows], np.datetime64("NaT", "D"))
    numbers = {child: people.cpr_on(child, night) for child in set(children)}
    world.write(
        delivery,
        HEADER,
        [
            [delivery.label] * len(children),
            [numbers[child] for child in children],
            [people.previous_cpr[child] if numbers[child] == people.cpr[child] else "" for child in children],
            [people.names[child] for child in children],
            [addresses[child] for child in children],
            np.datetime_as_string(people.born[spells.child[rows]]).tolist(),
            np.where(people.is_male[spells.child[rows]], "M", "K").tolist(),
            spells.district[rows].tolist(),
            np.datetime_as_string(spells.first[rows]).tolist(),
            ["" if date == "NaT" else date for date in np.datetime_as_string(last).tolist()],
            spells.came_from[rows].tolist(),
            np.where(is_over, spells.went_to[rows], "").tolist(),
        ],
        encoding="utf-8",
        newline="\r\n",
    )


def _truth(people: Population, spells: Spells, deliveries: list[Delivery]) -> dict[str, Any]:
    """Rows of each file; and of the newest month who lives where at what age, who moved, and who was born."""
    newest = max(deliveries, key=lambda delivery: (delivery.label, delivery.as_of))
    standing = {delivery.label: delivery for delivery in sorted(deliveries, key=lambda delivery: delivery.as_of)}
    rows, is_over = newest.rows, spells.is_over(newest)
    here = rows[~is_over]
    ages = _ages(people.born[spells.child[here]], newest.last)
    births = people.born[spells.child[rows]].astype("datetime64[M]")
    is_birth = (spells.came_from[rows] == "") & (births >= np.datetime64(newest.label, "M") - 11)
    return {
        "deliveries": {
            delivery.path: {
                "rows": len(delivery.rows),
                "current_rows": len(delivery.rows) if standing[delivery.label] is delivery else 0,
            }
            for delivery in deliveries
        },
        "figures": {
            "residents": _counted(
                ("district_code", "age", "children"), [spells.district[here].tolist(), ages.tolist()]
            ),
            "births": _counted(("month", "children"), [births[is_birth].astype(str).tolist()]),
            "arrivals": _counted(
                ("moved_from_municipality_code", "sex", "spells"),
                [
                    spells.came_from[rows].tolist(),
                    np.where(people.is_male[spells.child[rows]], "male", "female").tolist(),
                ],
            ),
            "departures": _counted(
                ("moved_to_municipality_code", "year", "spells"),
                [
                    spells.went_to[rows][is_over].tolist(),
                    (spells.last[rows][is_over].astype("datetime64[Y]").astype(int) + 1970).tolist(),
                ],
            ),
            "statement": [
                {
                    "statement_date": newest.last.isoformat(),
                    "spells": len(rows),
                    "children": len(np.unique(spells.child[rows])),
                }
            ],
        },
    }


def _counted(names: tuple[str, ...], columns: list[list[Any]]) -> list[dict[str, Any]]:
    """How often each combination of the columns' values occurs; the last name is that of the count."""
    found: dict[tuple[Any, ...], int] = {}
    for values in zip(*columns, strict=True):
        found[values] = found.get(values, 0) + 1
    return [dict(zip(names, (*values, count), strict=True)) for values, count in sorted(found.items())]


def _ages(born: Days, date: dt.date) -> Ints:
    """Age in whole years on a day; who was born on 29 February has a birthday on the 28th in other years."""
    years = born.astype("datetime64[Y]").astype(int) + 1970
    months = born.astype("datetime64[M]").astype(int) % 12 + 1
    last_of_month = ((born.astype("datetime64[M]") + 1).astype("datetime64[D]") - 1 == born) & (months == _FEBRUARY)
    days = np.where(last_of_month, 28, (born - born.astype("datetime64[M]")).astype(int) + 1)
    had_birthday = (months < date.month) | ((months == date.month) & (days <= date.day))
    ages: Ints = date.year - years - ~had_birthday
    return ages
