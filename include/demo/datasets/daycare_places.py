"""The synthetic day-care places: places, enrolled and waiting children of each house, kind of group and month.

How many children are enrolled follows the children who live in the house's district: most of those over 26 weeks and
under 3 years, nearly all from 3 to 6. The special groups have the places that the documents name.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np

from include.demo.deliveries import NEVER, NIGHTS, Days, Delivery, Ints, by_whole, counts, current_rows, extract
from include.demo.houses import DISTRICTS, GLOBEN, HOUSES
from include.demo.monthly import exports, month_ends, months, stated_on
from include.demo.population import Population
from include.demo.world import World

DATASET = "daycare_places"
HEADER = [
    "Måned",
    "Opgørelsesdato",
    "Huskode",
    "Hus",
    "Distrikt",
    "Gruppetype",
    "Grupper",
    "Pladser",
    "Enhed",
    "Indskrevne",
    "Venteliste",
    "Timer pr. uge",
]
KINDS = ("Vuggestue", "Børnehave", "Specialgruppe", "Sesam", "Spiren 15 timer", "Spiren 30 timer")
NURSERY, KINDERGARTEN, SPECIAL, SESAM, SPIREN_15, SPIREN_30 = range(6)

_FIRST = "2024-01"
_HOURS = ("52,50", "52,50", "37,00", "37,00", "15,00", "30,00")
_AGES_IN_DAYS = ((182, 1096, 0.72), (1096, 2192, 0.95))
"""Youngest and oldest age of nursery and kindergarten, and the share of the children that is enrolled."""
_IN_A_GROUP = (12, 22)
_SPECIAL_OFFERS = {
    (GLOBEN, SPECIAL): (2, 15),
    (GLOBEN, SESAM): (3, 25),
    ("BAL-03", SPIREN_15): (1, 12),
    ("BAL-03", SPIREN_30): (1, 12),
    ("SKL-02", SPIREN_15): (1, 10),
    ("SKL-02", SPIREN_30): (1, 8),
}
"""Groups and places (for Sesam units). The documents name Globen's; the houses of Spiren and its places are made up."""
_WRONG = {"2025-09": dt.date(2025, 11, 5), "2026-04": NIGHTS[3]}
"""Months that were stated wrong at first, three children too few in one house, and the day of the right statement."""
_WRONG_HOUSE, _TOO_FEW = GLOBEN, 3


@dataclass(frozen=True)
class Places:
    """One record a house, kind of group and month, a second one where the month was stated wrong."""

    month: list[str]
    month_end: Days
    house: Ints
    kind: Ints
    groups: Ints
    places: Ints
    enrolled: Ints
    waiting: Ints
    known_from: Days
    known_until: Days


def _enrolled_in(population: Population, ends: Days) -> dict[str, Ints]:
    """Children enrolled by district: an array of months by nursery and kindergarten."""
    district = np.array(population.district)
    counted = {code: np.zeros((len(ends), 2), dtype=np.int64) for code in DISTRICTS}
    for place, end in enumerate(ends):
        here = population.lives_here(end)
        age = (end - population.born).astype(int)
        for column, (youngest, oldest, share) in enumerate(_AGES_IN_DAYS):
            of_age = district[here & (age >= youngest) & (age < oldest)]
            for code in DISTRICTS:
                counted[code][place, column] = round(int((of_age == code).sum()) * share)
    return counted


def _simulate(rng: np.random.Generator, population: Population) -> Places:
    names = months(_FIRST)
    ends = month_ends(names)
    of_district = _enrolled_in(population, ends)
    parts: list[tuple[int, int, Ints, Ints, Ints, Ints]] = []
    for code in DISTRICTS:
        here = [place for place, house in enumerate(HOUSES) if house.district == code]
        edges = np.concatenate([[0], np.cumsum(rng.dirichlet(np.full(len(here), 12.0)))])
        edges[-1] = 1
        for kind in (NURSERY, KINDERGARTEN):
            # whole children, and all of them: the houses' shares of the district's children, rounded on the way
            shared = np.diff(np.floor(of_district[code][:, [kind]] * edges + 1e-9).astype(np.int64), axis=1)
            for number, house in enumerate(here):
                enrolled = shared[:, number]
                groups = max(1, -(-int(enrolled.max()) // _IN_A_GROUP[kind]))
                parts.append(_constant(rng, house, kind, groups, groups * _IN_A_GROUP[kind], enrolled))
    for (house_code, kind), (groups, places) in _SPECIAL_OFFERS.items():
        house = next(place for place, item in enumerate(HOUSES) if item.code == house_code)
        enrolled = np.clip(places - rng.integers(0, 4, len(names)), 0, places)
        parts.append(_constant(rng, house, kind, groups, places, enrolled))
    house_kind = [np.full(len(names), value) for part in parts for value in part[:2]]
    month = np.tile(np.arange(len(names)), len(parts))
    columns = [np.concatenate(house_kind[0::2]), np.concatenate(house_kind[1::2])]
    columns += [np.concatenate([part[place] for part in parts]) for place in range(2, 6)]
    return _with_wrong_months(names, ends, month, columns)


def _constant(
    rng: np.random.Generator, house: int, kind: int, groups: int, places: int, enrolled: Ints
) -> tuple[int, int, Ints, Ints, Ints, Ints]:
    """One house's kind of group over the months: its places stay, those who wait come and go."""
    waiting = rng.poisson(2 if kind <= KINDERGARTEN else 1, len(enrolled))
    return house, kind, np.full(len(enrolled), groups), np.full(len(enrolled), places), enrolled, waiting


def _with_wrong_months(names: list[str], ends: Days, month: Ints, columns: list[Ints]) -> Places:
    house, kind, groups, places, enrolled, waiting = columns
    in_house = HOUSES.index(next(item for item in HOUSES if item.code == _WRONG_HOUSE))
    again = np.flatnonzero(
        (house == in_house) & (kind == SESAM) & np.isin(month, [names.index(name) for name in _WRONG])
    )
    days = np.array([_WRONG[names[place]] for place in month[again].tolist()], dtype="datetime64[D]")
    known_from = stated_on(names)[month]
    known_from[again] = days
    rows = np.concatenate([np.arange(len(month)), again])
    is_wrong = np.arange(len(rows)) >= len(month)
    return Places(
        month=[names[place] for place in month[rows].tolist()],
        month_end=ends[month[rows]],
        house=house[rows],
        kind=kind[rows],
        groups=groups[rows],
        places=places[rows],
        enrolled=enrolled[rows] - _TOO_FEW * is_wrong,
        waiting=waiting[rows],
        known_from=np.where(is_wrong, stated_on(names)[month[rows]], known_from[rows]),
        known_until=np.where(is_wrong, known_from[rows], NEVER),
    )


def _write(world: World, places: Places, delivery: Delivery) -> None:
    """Write an export: UTF-8 with BOM, CRLF, dates with points."""
    rows = delivery.rows
    houses = [HOUSES[place] for place in places.house[rows].tolist()]
    kinds = places.kind[rows].tolist()
    world.write(
        delivery,
        HEADER,
        [
            [places.month[row] for row in rows.tolist()],
            [f"{end:%d.%m.%Y}" for end in places.month_end[rows].tolist()],
            [house.code for house in houses],
            [house.name for house in houses],
            [DISTRICTS[house.district] for house in houses],
            [KINDS[kind] for kind in kinds],
            map(str, places.groups[rows].tolist()),
            map(str, places.places[rows].tolist()),
            ["enheder" if kind == SESAM else "pladser" for kind in kinds],
            map(str, places.enrolled[rows].tolist()),
            map(str, places.waiting[rows].tolist()),
            [_HOURS[kind] for kind in kinds],
        ],
        encoding="utf-8-sig",
        newline="\r\n",
    )


def generate(world: World) -> dict[str, Any]:
    """Write the exports: all months that have been stated, monthly, and once more when one was stated again."""
    places = _simulate(world.rng, world.population)
    known = {"days": places.month_end, "known_from": places.known_from, "known_until": places.known_until}
    nights = exports(world.calendar, DATASET, _WRONG.values())
    deliveries = [extract(DATASET, by_whole(night), night, **known) for night in nights]
    for delivery in deliveries:
        _write(world, places, delivery)
    return {"deliveries": counts(deliveries), "figures": _figures(places, current_rows(deliveries))}


def _figures(places: Places, rows: Ints) -> dict[str, list[dict[str, Any]]]:
    """Sums by month and district, by month and kind, Globen's offers, and the houses of each district."""
    ends, kinds = places.month_end[rows], places.kind[rows]
    district = np.array([HOUSES[place].district for place in places.house[rows].tolist()])
    codes = np.array([HOUSES[place].code for place in places.house[rows].tolist()])
    by_district, by_kind, special = [], [], []
    for end in np.unique(ends):
        for code in np.unique(district).tolist():
            here = rows[(ends == end) & (district == code)]
            by_district.append(
                {
                    "month_end_date": str(end),
                    "district_code": code,
                    "houses": len(np.unique(places.house[here])),
                    "enrolled": int(places.enrolled[here].sum()),
                    "waiting": int(places.waiting[here].sum()),
                }
            )
        for kind, name in enumerate(KINDS):
            here = rows[(ends == end) & (kinds == kind)]
            sums = {"places": int(places.places[here].sum()), "enrolled": int(places.enrolled[here].sum())}
            by_kind.append({"month_end_date": str(end), "group_kind": name, **sums})
        special += [
            {
                "month_end_date": str(end),
                "group_kind": KINDS[places.kind[row]],
                "groups": int(places.groups[row]),
                "places": int(places.places[row]),
                "enrolled": int(places.enrolled[row]),
            }
            for row in rows[(ends == end) & (codes == GLOBEN) & (kinds > KINDERGARTEN)].tolist()
        ]
    return {"by_month_district": by_district, "by_month_kind": by_kind, "globen": special}
