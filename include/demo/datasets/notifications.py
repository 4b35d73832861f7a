"""The synthetic register of notifications of concern: children of 0 to 17 years, and unborn ones by their mothers.

Some are registered weeks after they came. In the five nights a date is corrected (so that the notification stands in
two deliveries), one is withdrawn, a year's file comes again under another name, and a child's number is replaced.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from include.demo.days import numbered, whole_years
from include.demo.deliveries import (
    AS_OF,
    BACKFILL,
    NEVER,
    NIGHTS,
    Days,
    Delivery,
    Ints,
    Mask,
    by_days,
    by_year,
    danish_dates,
    day,
    extract,
    quoted,
    standing,
    told_once,
)
from include.demo.people import dashed
from include.demo.population import Population
from include.demo.registers import address
from include.demo.schools import Size
from include.demo.world import World

HEADER = [
    "Underretningsnr",
    "Modtaget dato",
    "Modtaget kl.",
    "Registreret",
    "Personnummer",
    "Ufødt barn",
    "Navn",
    "Adresse",
    "Distrikt",
    "Administrationskommune",
    "Underretter",
    "Underretters navn",
    "Årsager",
    "Vurderet inden 24 timer",
    "Udfald",
    "Underretning",
]
OUTCOMES = (
    "Under vurdering",
    "Akut indsats",
    "Børnefaglig undersøgelse",
    "Indgår i igangværende sag",
    "Forebyggende indsats",
    "Sendt til anden kommune",
    "Ingen indsats",
)
NOTIFIERS = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "99")
"""Codes of Statistics Denmark's table UND1 (seed `notification_notifier`)."""
CAUSES = tuple(f"{number:02d}" for number in range(1, 19))
"""Codes of the seed `notification_cause`."""

_FIRST_YEAR = 2019
_A_YEAR: Mapping[Size, int] = {"small": 75, "city": 1300}
_UNBORN = 0.025
_NIGHT_DAYS = 60
_OF_AGE = 18
_IN_TIME = 0.94
_ELSEWHERE = 0.03
_FAMILY_PARTED = np.datetime64("2024-01-01", "D")
_CAUSES_ADDED = np.datetime64("2022-01-01", "D")
_ADDED_CAUSES = (16, 17)
_SCHOOL_AGE = 6
_ONLY_OF_SCHOOL_AGE = (0, 1, 2)
_FAMILY, _CHILD_ITSELF, _FAMILY_SINCE = 6, 11, 12
_CORRECTED_ON, _WITHDRAWN_ON, _SENT_AGAIN_ON = NIGHTS[2], NIGHTS[3], NIGHTS[1]
_TEXTS = (
    "Ringede kl. 8; {name} kom ikke i skole",
    "Bekymring for {name}, se {dashed}",
    "Ligger i journalen",
    "Søskende til {name} er kendt",
)


@dataclass(frozen=True)
class Notifications:
    """One record a version of a notification. `child` is a place in the population; an unborn one's mother is meant.

    `assessed` and `settled` are the days on which assessment and outcome are known.
    """

    number: list[str]
    received: Days
    registered: Days
    minute: Ints
    child: Ints
    is_unborn: Mask
    is_elsewhere: Mask
    notifier: Ints
    causes: list[str]
    is_in_time: Mask
    assessed: Days
    outcome: Ints
    settled: Days
    known_from: Days
    known_until: Days
    text: Ints


def generate(world: World) -> dict[str, Any]:
    """Write a file a year, and each night the last 60 days; one night a year's file comes again under another name."""
    register = simulate(world.rng, world.population, world.size)
    calendar = world.calendar
    plan = [(by_year(year), calendar.backfill) for year in range(_FIRST_YEAR, calendar.backfill.year + 1)]
    plan += [(by_days(night, _NIGHT_DAYS), night) for night in calendar.nights_of("notifications")]
    known = {"days": register.received, "known_from": register.known_from, "known_until": register.known_until}
    deliveries = [extract("notifications", period, as_of, **known) for period, as_of in plan]
    for delivery in deliveries:
        write(world, register, delivery)
    year = next(one for one in deliveries if one.label == f"{calendar.backfill.year - 1}")
    again = replace(year, label=f"{year.first:%Y%m%d}-{year.last:%Y%m%d}", as_of=_SENT_AGAIN_ON)
    world.send_again(year, again)
    place = deliveries.index(year) + 1
    told = told_once(world.inbox, [*deliveries[:place], again, *deliveries[place:]])
    return told | {"figures": figures(world.population, register, deliveries)}


def simulate(rng: np.random.Generator, population: Population, size: Size) -> Notifications:
    """All notifications, in the order of their days."""
    child, received, is_unborn = _chosen(rng, population, size)
    count = len(child)
    late = rng.choice([0, 1, 3, 7, 21, 40], count, p=[0.6, 0.2, 0.1, 0.06, 0.03, 0.01])
    registered = received + late
    known_until = np.full(count, NEVER)
    # One of March turns out to be of late April: it then stands in the year's file and in the night's.
    corrected = np.flatnonzero(received <= day(BACKFILL) - 85)[-1]
    withdrawn = np.flatnonzero((received <= day(BACKFILL) - 10) & (registered <= day(BACKFILL)))[-1]
    known_until[corrected], known_until[withdrawn] = day(_CORRECTED_ON), day(_WITHDRAWN_ON)
    assessed = registered + rng.integers(1, 3, count)
    outcome = rng.choice(len(OUTCOMES), count, p=[0, 0.03, 0.17, 0.3, 0.15, 0.03, 0.32])
    # Settled while the nights still tell of the day: what comes later is not sent until the year is sent again.
    settled = np.minimum(assessed + rng.integers(0, 35, count), received + _NIGHT_DAYS - 6)
    versions = np.append(np.arange(count), corrected)
    received_then, registered_then = received[versions], registered[versions]
    received_then[-1] = day(_CORRECTED_ON) - 50
    registered_then[-1] = day(_CORRECTED_ON)
    age = whole_years(population.born[child], received)
    number = numbered("UND", received)
    causes = _causes(rng, age, received)
    return Notifications(
        number=[number[place] for place in versions.tolist()],
        received=received_then,
        registered=registered_then,
        minute=rng.integers(7 * 60, 22 * 60, count)[versions],
        child=child[versions],
        is_unborn=is_unborn[versions],
        is_elsewhere=(rng.random(count) < _ELSEWHERE)[versions],
        notifier=_notifiers(rng, received)[versions],
        causes=[causes[place] for place in versions.tolist()],
        is_in_time=(rng.random(count) < _IN_TIME)[versions],
        assessed=assessed[versions],
        outcome=outcome[versions],
        settled=settled[versions],
        known_from=np.append(registered, day(_CORRECTED_ON)),
        known_until=np.append(known_until, NEVER),
        text=rng.integers(len(_TEXTS), size=count)[versions],
    )


def _chosen(rng: np.random.Generator, population: Population, size: Size) -> tuple[Ints, Days, Mask]:
    """Child, day and whether it is unborn; some children are notified of again and again, and those replaced twice."""
    weights = rng.gamma(0.6, size=len(population.cpr))
    weights /= weights.sum()
    children, days, unborn = [], [], []
    for year in range(_FIRST_YEAR, AS_OF.year + 1):
        opening = np.datetime64(f"{year}-01-01", "D")
        # Three times as many as needed: some are not born yet, have left, or are of age.
        child = rng.choice(len(population.cpr), 3 * _A_YEAR[size], p=weights)
        date = opening + rng.integers(0, 365, len(child))
        is_there = (population.moved_in[child] <= date) & ~(population.moved_out[child] < date)
        age = whole_years(population.born[child], date)
        able = np.flatnonzero(is_there & (population.born[child] <= date) & (age < _OF_AGE))[: _A_YEAR[size]]
        expected = np.flatnonzero(
            (population.born > opening) & (population.born <= opening + 365) & (population.pupil < 0)
        )
        born_later = rng.permutation(expected)[: 1 + int(_UNBORN * _A_YEAR[size])]
        children += [child[able], born_later]
        days += [date[able], population.born[born_later] - rng.integers(10, 150, len(born_later))]
        unborn += [np.zeros(len(able), dtype=bool), np.ones(len(born_later), dtype=bool)]
    replaced = np.flatnonzero(~np.isnat(population.replaced_on))
    children += [replaced, replaced]
    days += [population.replaced_on[replaced] - 100, np.full(len(replaced), day(BACKFILL) - 12)]
    unborn += [np.zeros(2 * len(replaced), dtype=bool)]
    child, received, is_unborn = np.concatenate(children), np.concatenate(days), np.concatenate(unborn)
    kept = np.flatnonzero((received <= day(AS_OF)) & (received >= np.datetime64(f"{_FIRST_YEAR}-01-01", "D")))
    order = kept[np.lexsort((child[kept], received[kept]))]
    return child[order], received[order], is_unborn[order]


def _notifiers(rng: np.random.Generator, received: Days) -> Ints:
    """Places in `NOTIFIERS`; from 2024 on the child and its family are told apart."""
    shares = [0.1, 0.22, 0.1, 0.16, 0.05, 0.13, 0.12, 0.04, 0.02, 0.02, 0.03, 0, 0, 0.01]
    found = rng.choice(len(NOTIFIERS), len(received), p=shares)
    is_child = rng.random(len(received)) < 0.2  # noqa: PLR2004 - most of them are the family
    is_parted = (found == _FAMILY) & (received >= _FAMILY_PARTED)
    notifier: Ints = np.where(is_parted, np.where(is_child, _CHILD_ITSELF, _FAMILY_SINCE), found)
    return notifier


def _causes(rng: np.random.Generator, age: Ints, received: Days) -> list[str]:
    """One to three causes of each notification, in the order of their codes, with commas between."""
    ranked = np.argsort(rng.random((len(age), len(CAUSES))), axis=1)
    many = rng.choice([1, 2, 3], len(age), p=[0.6, 0.3, 0.1])
    is_young, is_early = (age < _SCHOOL_AGE).tolist(), (received < _CAUSES_ADDED).tolist()
    texts = []
    for places, wanted, young, early in zip(ranked.tolist(), many.tolist(), is_young, is_early, strict=True):
        able = [
            place
            for place in places
            if not (young and place in _ONLY_OF_SCHOOL_AGE) and not (early and place in _ADDED_CAUSES)
        ]
        texts.append(",".join(CAUSES[place] for place in sorted(able[:wanted])))
    return texts


def _outcomes(register: Notifications, rows: Ints, night: dt.date) -> Ints:
    """Places in `OUTCOMES` as the register shows them on the evening of `night`."""
    outcome: Ints = np.where(register.settled[rows] <= day(night), register.outcome[rows], 0)
    return outcome


def _number(population: Population, register: Notifications, row: int, night: np.datetime64) -> str:
    """The CPR number that stands in a row: the child's, or its mother's."""
    child = int(register.child[row])
    return population.mother_cpr[child] if register.is_unborn[row] else population.cpr_on(child, night)


def write(world: World, register: Notifications, delivery: Delivery) -> None:
    """Write a file: UTF-8 with BOM, LF, the CPR number with its dash."""
    population, rows, now = world.population, delivery.rows, day(delivery.as_of)
    places, children = rows.tolist(), register.child[rows].tolist()
    is_unborn = register.is_unborn[rows].tolist()
    names = [
        population.mother_names[child] if unborn else population.names[child]
        for child, unborn in zip(children, is_unborn, strict=True)
    ]
    cpr = [dashed(_number(population, register, row, now)) for row in places]
    elsewhere = register.is_elsewhere[rows].tolist()
    is_assessed = (register.assessed[rows] <= now).tolist()
    world.write(
        delivery,
        HEADER,
        [
            [register.number[row] for row in places],
            danish_dates(register.received[rows]),
            [f"{minute // 60:02d}:{minute % 60:02d}" for minute in register.minute[rows].tolist()],
            danish_dates(register.registered[rows]),
            cpr,
            ["Ja" if unborn else "Nej" for unborn in is_unborn],
            names,
            [address(child) for child in children],
            ["" if away else population.district[child] for child, away in zip(children, elsewhere, strict=True)],
            ["101" if away else "151" for away in elsewhere],
            [NOTIFIERS[place] for place in register.notifier[rows].tolist()],
            ["" if row % 3 else population.mother_names[child] for row, child in zip(places, children, strict=True)],
            [register.causes[row] for row in places],
            [
                ("Ja" if in_time else "Nej") if assessed else ""
                for in_time, assessed in zip(register.is_in_time[rows].tolist(), is_assessed, strict=True)
            ],
            [OUTCOMES[place] for place in _outcomes(register, rows, delivery.as_of).tolist()],
            [
                quoted(_TEXTS[text].format(name=name, dashed=number))
                for text, name, number in zip(register.text[rows].tolist(), names, cpr, strict=True)
            ],
        ],
        encoding="utf-8-sig",
        newline="\n",
    )


def figures(population: Population, register: Notifications, deliveries: list[Delivery]) -> dict[str, Any]:
    """Notifications by year and notifier, district, outcome, cause, age and sex; children and mothers; ages 1 to 6."""
    # Of a notification that stands in two deliveries the newer one counts.
    newest: dict[str, tuple[dt.date, int]] = {}
    for delivery, rows in standing(deliveries):
        for row in rows.tolist():
            known = newest.get(register.number[row])
            if known is None or known[0] < delivery.as_of:
                newest[register.number[row]] = (delivery.as_of, row)
    rows = np.array([row for _, row in newest.values()], dtype=np.int64)
    nights = [night for night, _ in newest.values()]
    unborn = register.is_unborn[rows].tolist()
    years = (register.received[rows].astype("datetime64[Y]").astype(int) + 1970).tolist()
    ages = whole_years(population.born[register.child[rows]], register.received[rows]).tolist()
    cpr = [_number(population, register, row, day(night)) for row, night in zip(rows.tolist(), nights, strict=True)]
    sexes = ["male" if male else "female" for male in population.is_male[register.child[rows]].tolist()]
    districts = [
        None if away else population.district[child]
        for child, away in zip(register.child[rows].tolist(), register.is_elsewhere[rows].tolist(), strict=True)
    ]
    outcomes = [OUTCOMES[int(_outcomes(register, rows[[n]], night)[0])] for n, night in enumerate(nights)]
    in_time = [
        bool(register.is_in_time[row]) if register.assessed[row] <= day(night) else None
        for row, night in zip(rows.tolist(), nights, strict=True)
    ]
    notifiers = [NOTIFIERS[place] for place in register.notifier[rows].tolist()]

    def listed(counted: Counter[Any], *names: str) -> list[dict[str, Any]]:
        return [dict(zip(names, key, strict=True)) | {"notifications": count} for key, count in counted.items()]

    born = [place for place, waits in enumerate(unborn) if not waits]
    return {
        "by_year_and_notifier": listed(Counter(zip(years, notifiers, strict=True)), "received_year", "notifier_code"),
        "by_district": listed(Counter((code,) for code in districts), "district_code"),
        "by_outcome": listed(Counter(zip(outcomes, in_time, strict=True)), "outcome", "is_assessed_within_24_hours"),
        "by_age_and_sex": listed(Counter((ages[n], sexes[n]) for n in born), "age_years", "sex"),
        "by_cause": listed(
            Counter((code,) for row in rows.tolist() for code in register.causes[row].split(",")), "cause_code"
        ),
        "persons": [
            {
                "notifications": len(rows),
                # A child whose number was replaced is one child: the population register tells it.
                "children": len({int(register.child[rows[n]]) for n in born}),
                "unborn": sum(unborn),
                "mothers": len({number for number, waits in zip(cpr, unborn, strict=True) if waits}),
                "registered_after_a_week": int((register.registered[rows] > register.received[rows] + 7).sum()),
            }
        ],
        "concerns_from_one_to_six_years": listed(
            Counter((districts[n], years[n]) for n in born if 1 <= ages[n] <= 6 and districts[n]),  # noqa: PLR2004
            "district_code",
            "received_year",
        ),
    }
