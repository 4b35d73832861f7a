"""The synthetic screenings of parents for postnatal depression (EPDS), about two months after birth.

The journal exports all of them every night. A screening is entered up to two weeks late, an effort that follows shows
from its first day on, and now and then an answer is put right.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from include.demo.days import numbered, on_a_weekday, years
from include.demo.deliveries import (
    AS_OF,
    NEVER,
    NIGHTS,
    Calendar,
    Days,
    Delivery,
    Ints,
    Mask,
    by_whole,
    counts,
    danish_dates,
    day,
    extract,
    quoted,
)
from include.demo.early_years import (
    NO_DAY,
    Homes,
    Table,
    figure,
    homes_of,
    numbers_on,
    of,
    standing_table,
    text_of,
    to_put_right,
    with_mistakes,
    yes_no,
)
from include.demo.population import Population
from include.demo.world import World

ITEMS = 10
HEADER = [
    "Screeningsnr",
    "Barnets CPR-nr",
    "Screenedes CPR-nr",
    "Screenet forælder",
    "Dato",
    "Skema",
    *(f"Spm {item}" for item in range(1, ITEMS + 1)),
    "Samlet score",
    "Opfølgning",
    "Opfølgningens art",
    "Opfølgning fra",
    "Distrikt ved fødsel",
    "Bemærkning",
]

ROLES = ("Mor", "Far", "Medmor")
MOTHER, FATHER, CO_MOTHER = range(3)
CUT_OFFS = (11, 10, 11)
"""The lowest total that is positive, by role (seed `screening_cut_off`)."""

EFFORTS = ("Ekstra besøg", "Samtaler", "Gruppe", "Egen læge", "Familiehuset")
_REMARKS = ("", "", "", "Moderen er træt; aftalt nyt besøg", "Faderen ønsker samtale", 'Siger "det går nok"')

_MOTHERS, _PARTNERS = 0.93, 0.55
_TOO_LATE = 0.02
_FOLLOWED_UP, _FOLLOWED_UP_BELOW = 0.78, 0.03
_CORRECTED = 0.006
_FIRST_YEAR_DAYS = 365


@dataclass(frozen=True)
class Screenings:
    """One record a version of a screening, `screening` the same for all. `items` is records x 10, 0 to 3."""

    screening: Ints
    child: Ints
    role: Ints
    date: Days
    items: NDArray[np.int64]
    effort: Ints
    effort_from: Days
    known_from: Days
    known_until: Days

    @property
    def total(self) -> Ints:
        """The sum of the answers."""
        result: Ints = self.items.sum(axis=1)
        return result


def generate(world: World) -> dict[str, Any]:
    """Write the extracts of all nights; returns the truth."""
    screenings, homes = simulate(world), homes_of(world)
    deliveries = deliver(screenings, world.calendar)
    for delivery in deliveries:
        _write(world, screenings, homes, delivery)

    def shown(rows: Ints, as_of: dt.date) -> Table:
        return _shown(screenings, homes, world.population, rows, as_of)

    return {"deliveries": counts(deliveries), "figures": figures(standing_table(deliveries, shown))}


def simulate(world: World) -> Screenings:
    """All screenings of parents of the children born since 2020, in the order of their days."""
    rng, population = world.rng, world.population
    young = np.flatnonzero(population.pupil < 0)
    has_father = np.array([bool(number) for number in population.father_cpr])[young]
    mothers = young[rng.random(len(young)) < _MOTHERS]
    is_partner = rng.random(len(young)) < _PARTNERS
    child = np.concatenate([mothers, young[is_partner]])
    role = np.concatenate([np.full(len(mothers), MOTHER), np.where(has_father, FATHER, CO_MOTHER)[is_partner]])
    age = np.where(
        rng.random(len(child)) < _TOO_LATE, rng.integers(366, 480, len(child)), rng.integers(49, 76, len(child))
    )
    date = on_a_weekday(population.born[child] + age)
    here = (population.moved_in[child] <= date) & ~(population.moved_out[child] < date)
    order = np.flatnonzero(here & (date <= day(AS_OF)))
    order = order[np.lexsort((role[order], child[order], date[order]))]
    child, role, date = child[order], role[order], date[order]
    count = len(child)
    burden = rng.gamma(1.25, 1.0, count) * np.where(role == FATHER, 0.32, 0.345)
    items = np.clip(rng.poisson(burden[:, None], (count, ITEMS)), 0, 3)
    total = items.sum(axis=1)
    chance = np.where(total >= np.array(CUT_OFFS)[role], _FOLLOWED_UP, _FOLLOWED_UP_BELOW)
    is_followed = rng.random(count) < chance
    entered = date + rng.choice(15, count, p=[0.55, 0.2, 0.08, 0.04, 0.03, 0.02, 0.02, *[0.06 / 8] * 8])
    entered[np.flatnonzero(date < day(NIGHTS[0]) - 4)[-1]] = day(NIGHTS[2])  # one comes late in the week, always
    screenings = Screenings(
        screening=np.arange(count),
        child=child,
        role=role,
        date=date,
        items=items,
        effort=np.where(is_followed, rng.integers(0, len(EFFORTS), count), -1),
        effort_from=np.where(is_followed, date + rng.integers(0, 30, count), NO_DAY),
        known_from=entered,
        known_until=np.full(count, NEVER),
    )
    return _corrected(screenings, rng)


def _corrected(screenings: Screenings, rng: np.random.Generator) -> Screenings:
    """The screenings, a few with another first answer until it is put right."""
    rows, put_right = to_put_right(rng, vars(screenings), _CORRECTED, (2, 60))
    columns, mistaken = with_mistakes(vars(screenings), rows, put_right)
    columns["items"][mistaken, 0] = (screenings.items[rows, 0] + 1) % 4
    return Screenings(**columns)


def deliver(screenings: Screenings, calendar: Calendar) -> list[Delivery]:
    """All that is known, before the nights and every night."""
    return [
        extract(
            "screenings",
            by_whole(as_of),
            as_of,
            days=screenings.date,
            known_from=screenings.known_from,
            known_until=screenings.known_until,
        )
        for as_of in calendar.dates_of("screenings")
    ]


def _shown(screenings: Screenings, homes: Homes, population: Population, rows: Ints, as_of: dt.date) -> Table:
    """The records as the journal has them on the evening of `as_of`: an effort shows from its first day on."""
    child, role = screenings.child[rows], screenings.role[rows]
    has_begun: Mask = screenings.effort_from[rows] <= day(as_of)
    total, born = screenings.total[rows], population.born[child]
    return {
        "screening": screenings.screening[rows],
        "child": child,
        "cpr": np.array(numbers_on(population, child, as_of)),
        "role": role,
        "screened_role": text_of(role, ROLES),
        "date": screenings.date[rows],
        "items": screenings.items[rows],
        "total_score": total,
        "is_positive": total >= np.array(CUT_OFFS)[role],
        "has_follow_up": has_begun,
        "follow_up_kind": text_of(np.where(has_begun, screenings.effort[rows], -1), EFFORTS),
        "follow_up_date": np.where(has_begun, screenings.effort_from[rows], NO_DAY),
        "district_code": homes.districts_on(child, born),
        "birth_year": years(born),
        "is_in_first_year": (screenings.date[rows] - born).astype(int) <= _FIRST_YEAR_DAYS,
    }


def _write(world: World, screenings: Screenings, homes: Homes, delivery: Delivery) -> None:
    """Write a file: Windows-1252, CRLF, dots in the dates, and CPR numbers as ten digits."""
    population = world.population
    table = _shown(screenings, homes, population, delivery.rows, delivery.as_of)
    numbers = numbered("EPD", screenings.date[_first_versions(screenings)])
    others = (population.mother_cpr, population.father_cpr, [""] * len(population.cpr))
    world.write(
        delivery,
        HEADER,
        [
            [numbers[screening] for screening in table["screening"].tolist()],
            table["cpr"].tolist(),
            [others[role][child] for role, child in zip(table["role"].tolist(), table["child"].tolist(), strict=True)],
            table["screened_role"].tolist(),
            [date.replace("-", ".") for date in danish_dates(table["date"])],
            ["EPDS"] * len(delivery.rows),
            *(map(str, table["items"][:, item].tolist()) for item in range(ITEMS)),
            map(str, table["total_score"].tolist()),
            yes_no(table["has_follow_up"]).tolist(),
            table["follow_up_kind"].tolist(),
            [date.replace("-", ".") for date in danish_dates(table["follow_up_date"])],
            table["district_code"].tolist(),
            [quoted(_REMARKS[one % len(_REMARKS)]) for one in table["screening"].tolist()],
        ],
        encoding="cp1252",
        newline="\r\n",
    )


def _first_versions(screenings: Screenings) -> Ints:
    """The place of one version of each screening, in order."""
    place: Ints = np.unique(screenings.screening, return_index=True)[1]
    return place


def figures(table: Table) -> dict[str, Any]:
    """Screenings of the first year by district and birth year, positive ones and efforts; totals by role; months."""
    first_year = of(table, table["is_in_first_year"])
    by_month = {**table, "month": table["date"].astype("datetime64[M]")}
    return {
        "first_year_by_district": figure(
            first_year,
            ["district_code", "birth_year"],
            distinct="cpr",
            positive=first_year["is_positive"],
            followed_up=first_year["has_follow_up"],
        ),
        "totals_by_role": figure(
            table, ["screened_role"], total_score=table["total_score"], positive=table["is_positive"]
        ),
        "by_month": figure(by_month, ["month"], total_score=table["total_score"]),
        "follow_up_by_kind": figure(of(table, table["has_follow_up"]), ["follow_up_kind", "follow_up_date"]),
    }
