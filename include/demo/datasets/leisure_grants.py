"""The synthetic administration of Fritidspas: applications for children of 5 to 17 years, most of them 10 to 15.

No grant and no child's year is above its cap. In the five nights an amount is corrected, an application entered late,
one entered twice is taken out, and one night's extract comes again under the next night's name.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from include.demo.amounts import danish, hundredths
from include.demo.days import numbered, on_a_weekday, whole_years
from include.demo.deliveries import (
    AS_OF,
    BACKFILL,
    NEVER,
    NIGHTS,
    Days,
    Delivery,
    Ints,
    by_whole,
    danish_dates,
    day,
    extract,
    quoted,
    standing,
    told_once,
)
from include.demo.people import dashed
from include.demo.population import Population
from include.demo.registers import OFFERS, address, until
from include.demo.schools import Size
from include.demo.world import World

HEADER = [
    "Ansøgningsnr.",
    "CPR-nr.",
    "Barnets navn",
    "Adresse",
    "Indstillet af",
    "Ansøgt",
    "Afgjort",
    "Status",
    "Kontingent",
    "Stævner",
    "Udstyr",
    "Foreningskode",
    "Udbetalt til",
    "Aktivitet",
    "Periode fra",
    "Periode til",
    "Begrundelse",
]
STATUSES = ("Modtaget", "Bevilget", "Afslag", "Trukket")
RECEIVED, GRANTED, REFUSED, WITHDRAWN = range(4)
ROLES = ("Lærer", "Pædagog", "Klubmedarbejder", "Fritidsmentor", "Socialrådgiver", "Sundhedsplejerske", "PPR")

FEE, EVENT, EQUIPMENT = range(3)
CAPS = (200_000, 100_000, 60_000)
"""Most øre of a grant for a fee, for events, for equipment."""
CAP_OF_A_YEAR = 300_000
"""Most øre for a child in a calendar year."""

_FIRST_YEAR = 2023
_A_YEAR: Mapping[Size, int] = {"small": 36, "city": 220}
_YOUNGEST, _OLDEST = 6, 17
_LIKELY_FROM, _LIKELY_TO = 10, 15
_AGAIN = 0.12
_CORRECTED_ON, _TAKEN_OUT_ON, _ENTERED_LATE_ON, _SAME_AGAIN_ON = NIGHTS[1], NIGHTS[2], NIGHTS[2], NIGHTS[3]
_REASONS = ("Står uden for fællesskabet", "{name} vil gerne spille; familien har ikke råd", "Se sag på {dashed}")


@dataclass(frozen=True)
class Grants:
    """One record a version of an application. `amounts` are øre, a column each for fee, events and equipment.

    `outcome` is what it comes to on `decided`, one of `STATUSES`; until then it has been received.
    """

    number: list[str]
    child: Ints
    role: Ints
    applied: Days
    decided: Days
    outcome: Ints
    amounts: Ints
    offer: Ints
    period_from: Days
    period_to: Days
    known_from: Days
    known_until: Days
    reason: Ints

    def status(self, rows: Ints, night: dt.date) -> Ints:
        """The status of applications as the register shows it on the evening of `night`."""
        status: Ints = np.where(self.decided[rows] <= day(night), self.outcome[rows], RECEIVED)
        return status


def generate(world: World) -> dict[str, Any]:
    """Write the register's extract of each night; one night the last extract comes again, under that night's name."""
    register = simulate(world.rng, world.population, world.size)
    known = {"days": register.applied, "known_from": register.known_from, "known_until": register.known_until}
    deliveries: list[Delivery] = []
    for night in world.calendar.dates_of("leisure_grants"):
        if night == _SAME_AGAIN_ON:
            last = deliveries[-1]
            delivery = replace(last, as_of=night, last=night)
            world.send_again(last, delivery)
        else:
            delivery = extract("leisure_grants", by_whole(night), night, **known)
            write(world.population, register, delivery, world)
        deliveries.append(delivery)
    return told_once(world.inbox, deliveries) | {"figures": figures(world.population, register, deliveries)}


def simulate(rng: np.random.Generator, population: Population, size: Size) -> Grants:
    """All applications, in the order of their days."""
    child, applied, is_first_of_two, is_second = _applications(rng, population, size)
    count = len(child)
    decided = on_a_weekday(applied + rng.integers(5, 30, count))
    outcome = rng.choice([GRANTED, REFUSED, WITHDRAWN], count, p=[0.85, 0.12, 0.03])
    amounts = _amounts(rng, count)
    # Two grants of one year share what a child may get.
    amounts[is_first_of_two] = amounts[is_first_of_two] * [75, 60, 0] // 100
    amounts[is_second] = amounts[is_second] * [30, 0, 50] // 100
    outcome = _refused_above_the_cap(child, decided, outcome, amounts)
    begins = decided.astype("datetime64[M]") + 1
    months = rng.choice([6, 10, 12], count, p=[0.3, 0.2, 0.5])
    known_from = applied + rng.choice([0, 1, 2, 4], count, p=[0.7, 0.15, 0.1, 0.05])
    known_until = np.full(count, NEVER)
    settled = np.flatnonzero((decided <= day(BACKFILL)) & (outcome == GRANTED) & (amounts[:, FEE] > 20_000))  # noqa: PLR2004
    corrected = settled[-1]
    known_until[corrected] = day(_CORRECTED_ON)
    double = np.flatnonzero((decided <= day(BACKFILL)) & (outcome == REFUSED))[-1]
    early_enough = np.flatnonzero(applied <= day(BACKFILL) - 10)
    late = early_enough[~np.isin(early_enough, [corrected, double])][-1]
    known_from[late] = day(_ENTERED_LATE_ON)
    versions = np.concatenate([np.arange(count), [corrected, double]])
    amounts = amounts[versions]
    amounts[count, FEE] -= 10_000
    number = numbered("FP", applied)
    # The second entry of an application has a number of its own, until somebody notices.
    last_of_year = max(each for each in number if each.startswith(number[double][:7]))
    entered_twice = f"{last_of_year[:8]}{int(last_of_year[8:]) + 1:05d}"
    return Grants(
        number=[*number, number[corrected], entered_twice],
        child=child[versions],
        role=rng.choice(len(ROLES), count, p=[0.3, 0.15, 0.15, 0.2, 0.1, 0.04, 0.06])[versions],
        applied=applied[versions],
        decided=decided[versions],
        outcome=outcome[versions],
        amounts=amounts,
        offer=rng.choice(len(OFFERS), count)[versions],
        period_from=begins.astype("datetime64[D]")[versions],
        period_to=((begins + months).astype("datetime64[D]") - 1)[versions],
        known_from=np.concatenate([known_from, [day(_CORRECTED_ON)], [known_from[double]]]),
        known_until=np.concatenate([known_until, [NEVER], [day(_TAKEN_OUT_ON)]]),
        reason=rng.integers(len(_REASONS), size=count)[versions],
    )


def _applications(
    rng: np.random.Generator, population: Population, size: Size
) -> tuple[Ints, Days, np.ndarray[Any, np.dtype[np.bool_]], np.ndarray[Any, np.dtype[np.bool_]]]:
    """Child and day of each application, and which are the first and the second of two in a year."""
    children, days, first, second = [], [], [], []
    birth_years = population.born.astype("datetime64[Y]").astype(int) + 1970
    for year in range(_FIRST_YEAR, AS_OF.year + 1):
        opening = np.datetime64(f"{year}-01-04", "D")
        length = int((min(np.datetime64(f"{year}-12-20", "D"), day(AS_OF)) - opening).astype(int))
        age = year - birth_years
        able = np.flatnonzero(
            (age >= _YOUNGEST) & (age <= _OLDEST) & population.lives_here(opening) & np.isnat(population.moved_out)
        )
        likely = np.where((age[able] >= _LIKELY_FROM) & (age[able] <= _LIKELY_TO), 1.0, 0.2)
        wanted = min(len(able), _A_YEAR[size] * length // 350)
        chosen = rng.choice(able, wanted, replace=False, p=likely / likely.sum())
        again = rng.random(wanted) < _AGAIN
        children += [chosen, chosen[again]]
        start = opening + rng.integers(0, length, wanted)
        later = np.minimum(start[again] + rng.integers(20, 60, int(again.sum())), opening + length)
        days += [start, later]
        none = np.zeros(int(again.sum()), dtype=bool)
        first += [again, none]
        second += [np.zeros(wanted, dtype=bool), ~none]
    child, applied = np.concatenate(children), on_a_weekday(np.concatenate(days))
    keep = np.flatnonzero(applied <= day(AS_OF))
    order = keep[np.lexsort((child[keep], applied[keep]))]
    return child[order], applied[order], np.concatenate(first)[order], np.concatenate(second)[order]


def _amounts(rng: np.random.Generator, count: int) -> Ints:
    """Øre for fee, events and equipment of each application; none above its cap, nor their sum above a year's."""
    fee = rng.integers(25_000, CAPS[FEE] + 1, count)
    fee = np.where(rng.random(count) < 0.7, fee // 5_000 * 5_000, fee)  # noqa: PLR2004 - most fees are round
    event = np.where(rng.random(count) < 0.35, rng.integers(10_000, CAPS[EVENT] + 1, count), 0)  # noqa: PLR2004
    equipment = np.where(rng.random(count) < 0.3, rng.integers(5_000, CAPS[EQUIPMENT] + 1, count), 0)  # noqa: PLR2004
    equipment = np.minimum(equipment, CAP_OF_A_YEAR - fee - event)
    return np.stack([fee, event, equipment], axis=1).astype(np.int64)


def _refused_above_the_cap(child: Ints, decided: Days, outcome: Ints, amounts: Ints) -> Ints:
    """The outcomes, but refusals for what would bring a child above the cap of a calendar year."""
    spent: dict[tuple[int, int], int] = {}
    found = outcome.copy()
    years = decided.astype("datetime64[Y]").astype(int).tolist()
    for place in np.lexsort((np.arange(len(child)), decided)).tolist():
        if outcome[place] != GRANTED:
            continue
        key = (int(child[place]), years[place])
        total = spent.get(key, 0) + int(amounts[place].sum())
        if total > CAP_OF_A_YEAR:
            found[place] = REFUSED
        else:
            spent[key] = total
    return found


def write(population: Population, register: Grants, delivery: Delivery, world: World) -> None:
    """Write an extract: cp1252, CRLF, ten digits without a dash, dates with points."""
    rows, now = delivery.rows, day(delivery.as_of)
    rows = rows[np.argsort(np.array([register.number[row] for row in rows.tolist()]))]
    children = register.child[rows].tolist()
    cpr = [population.cpr_on(child, now) for child in children]
    # What cp1252 does not know such a system writes as a question mark.
    names = [population.names[child].encode("cp1252", "replace").decode("cp1252") for child in children]
    status = register.status(rows, delivery.as_of)
    is_granted = (status == GRANTED).tolist()
    offers = [OFFERS[place] for place in register.offer[rows].tolist()]
    never = np.datetime64("NaT", "D")
    is_decided = (status == GRANTED) | (status == REFUSED)

    def granted(values: list[str]) -> list[str]:
        return [value if there else "" for value, there in zip(values, is_granted, strict=True)]

    def dates(days: Days) -> list[str]:
        return [text.replace("-", ".") for text in danish_dates(days)]

    world.write(
        delivery,
        HEADER,
        [
            [register.number[row] for row in rows.tolist()],
            cpr,
            names,
            [address(child) for child in children],
            [ROLES[role] for role in register.role[rows].tolist()],
            dates(register.applied[rows]),
            dates(until(np.where(is_decided, register.decided[rows], never), now)),
            [STATUSES[code] for code in status.tolist()],
            *[
                granted([danish(oere) for oere in register.amounts[rows, kind].tolist()])
                for kind in (FEE, EVENT, EQUIPMENT)
            ],
            granted([offer.code for offer in offers]),
            granted([quoted(f"{offer.name} v/kassereren") for offer in offers]),
            [offer.activity for offer in offers],
            granted(dates(register.period_from[rows])),
            granted(dates(register.period_to[rows])),
            [
                quoted(_REASONS[reason].format(name=name, dashed=dashed(number)))
                for reason, name, number in zip(register.reason[rows].tolist(), names, cpr, strict=True)
            ],
        ],
        encoding="cp1252",
        newline="\r\n",
    )


def figures(population: Population, register: Grants, deliveries: list[Delivery]) -> dict[str, Any]:
    """Applications by status and age, grants and kroner by year, association and kind, and what children got."""
    # The night on which the last extract came again is not the last night.
    ((newest, rows),) = [(delivery, rows) for delivery, rows in standing(deliveries) if len(rows)]
    status = register.status(rows, newest.as_of)
    granted = rows[status == GRANTED]
    years = register.decided[granted].astype("datetime64[Y]").astype(int) + 1970
    age = whole_years(population.born[register.child[rows]], register.applied[rows])

    def sums(chosen: Ints) -> dict[str, Any]:
        fee, event, equipment = register.amounts[chosen].sum(axis=0).tolist()
        return {
            "grants": len(chosen),
            "children": len(np.unique(register.child[chosen])),
            "fee_dkk": hundredths(fee),
            "event_dkk": hundredths(event),
            "equipment_dkk": hundredths(equipment),
            "granted_dkk": hundredths(fee + event + equipment),
        }

    a_child: dict[tuple[int, int], int] = {}
    for place, year in zip(granted.tolist(), years.tolist(), strict=True):
        key = (int(register.child[place]), year)
        a_child[key] = a_child.get(key, 0) + int(register.amounts[place].sum())
    return {
        "by_status": [
            {"grant_status": STATUSES[code], "applications": int((status == code).sum())}
            for code in np.unique(status).tolist()
        ],
        "by_age": [
            {"age_years": years_old, "applications": int((age == years_old).sum())}
            for years_old in np.unique(age).tolist()
        ],
        "by_nominator": [
            {"nominated_by": ROLES[role], "applications": int((register.role[rows] == role).sum())}
            for role in np.unique(register.role[rows]).tolist()
        ],
        "by_year": [{"granted_year": year, **sums(granted[years == year])} for year in np.unique(years).tolist()],
        "by_association": [
            {"association_code": OFFERS[place].code, **sums(granted[register.offer[granted] == place])}
            for place in np.unique(register.offer[granted]).tolist()
        ],
        "most_for_a_child": [
            {
                "granted_year": year,
                "granted_dkk": hundredths(max(sum_ for (_, its), sum_ in a_child.items() if its == year)),
            }
            for year in np.unique(years).tolist()
        ],
    }
