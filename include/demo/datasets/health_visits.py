"""The synthetic visits of the health visitors: six to every newborn child, more to those who need them.

The journal exports the visits planned for the last 90 days. What was found at a visit is entered up to a week later,
a few observations are corrected after that, and one visit is planned anew when its first day has left the window.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from include.demo.days import later, numbered, on_a_weekday, years
from include.demo.deliveries import (
    ALWAYS,
    AS_OF,
    NEVER,
    NIGHTS,
    Calendar,
    Days,
    Delivery,
    Ints,
    Mask,
    by_days,
    by_year,
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
from include.demo.people import dashed
from include.demo.population import Population
from include.demo.world import World

HEADER = [
    "Besøgsnr.",
    "Barnets CPR-nr.",
    "Barnets navn",
    "Adresse",
    "Besøgstype",
    "Planlagt dato",
    "Afholdt dato",
    "Status",
    "Distrikt",
    "Tilknytning",
    "Bekymring",
    "Notat",
]

VISIT_TYPES = (
    ("BARSEL", 4, 6),
    ("ETABL", 7, 10),
    ("UGE3-4", 21, 28),
    ("MDR2", 56, 70),
    ("MDR4-6", 122, 183),
    ("MDR8-9", 243, 274),
)
"""The fixed visits with the child's age in days, first and last (seed `visit_type`)."""

ON_NEED = "BEHOV"
_ON_NEED = len(VISIT_TYPES)
_CODES = (*(code for code, _, _ in VISIT_TYPES), ON_NEED)

STATUSES = ("Planlagt", "Afholdt", "Aflyst", "Afvist", "Ikke hjemme")
PLANNED, HELD, CANCELLED = range(3)
ATTACHMENTS = ("Positiv udvikling", "Uændret", "Negativ udvikling", "Ikke observeret")
POSITIVE, _, _, NOT_OBSERVED = range(4)

_WINDOW_DAYS = 90
_WITH_NEED = 0.14
_CORRECTED = 0.012
_NOTES = (
    "",
    "",
    "Amning drøftet",
    "{name} sover uroligt; mor er træt",
    "Cpr {dashed} – se journal",
    'Far: "det går godt"',
)
_STREETS = ("Baltorpvej", "Hold-an Vej", "Skovvej", "Måløv Hovedgade", "Hedeparken")


@dataclass(frozen=True)
class Visits:
    """One record a version of a visit, `visit` the same for all; what came of it shows from `entered` on."""

    visit: Ints
    child: Ints
    kind: Ints
    planned: Days
    held: Days
    outcome: Ints
    attachment: Ints
    is_concern: Mask
    entered: Days
    known_from: Days
    known_until: Days


def generate(world: World) -> dict[str, Any]:
    """Write the files of all nights; returns the truth."""
    visits, homes = simulate(world), homes_of(world)
    numbers = _numbers(visits)
    deliveries = deliver(visits, world.calendar)
    for delivery in deliveries:
        _write(world, visits, homes, numbers, delivery)

    def shown(rows: Ints, as_of: dt.date) -> Table:
        return _shown(visits, homes, world.population, rows, as_of)

    return {"deliveries": counts(deliveries), "figures": figures(standing_table(deliveries, shown))}


def simulate(world: World) -> Visits:
    """All visits to the children born since 2020, in the order of their planned days."""
    rng, population = world.rng, world.population
    young = np.flatnonzero(population.pupil < 0)
    parts = []
    for place, (_, first, last) in enumerate(VISIT_TYPES):
        opens, closes = population.born[young] + first, population.born[young] + last
        planned = on_a_weekday(opens + rng.integers(0, last - first + 1, len(young)))
        planned = np.where(planned > closes, np.busday_offset(closes, 0, roll="backward"), planned)
        parts.append((young, np.full(len(young), place), planned))
    needy = np.repeat(young, np.where(rng.random(len(young)) < _WITH_NEED, rng.integers(1, 4, len(young)), 0))
    age = rng.integers(14, 1500, len(needy))
    parts.append((needy, np.full(len(needy), _ON_NEED), on_a_weekday(population.born[needy] + age)))
    # The child whose number is replaced in the week has a visit in the window that is left, and old ones outside it.
    replaced = np.flatnonzero(
        population.replaced_on == np.max(population.replaced_on[~np.isnat(population.replaced_on)])
    )
    parts.append((replaced, np.array([_ON_NEED]), np.array([day(NIGHTS[0]) - 10])))
    child = np.concatenate([children for children, _, _ in parts])
    kind = np.concatenate([kinds for _, kinds, _ in parts])
    planned = np.concatenate([days for _, _, days in parts])
    here = (population.moved_in[child] <= planned) & ~(population.moved_out[child] < planned)
    order = np.flatnonzero(here & (planned <= day(AS_OF)))
    order = order[np.lexsort((kind[order], child[order], planned[order]))]
    child, kind, planned = child[order], kind[order], planned[order]
    count = len(child)
    outcome = rng.choice([1, 2, 3, 4], count, p=[0.965, 0.01, 0.015, 0.01])
    late = np.array([0, 1, 2, 6, 14])[rng.choice(5, count, p=[0.95, 0.02, 0.01, 0.01, 0.01])]
    held = on_a_weekday(planned + late)
    seen = rng.choice(4, count, p=[0.62, 0.16, 0.06, 0.16])
    seen = np.where((kind < 2) & (rng.random(count) < 0.4), NOT_OBSERVED, seen)  # noqa: PLR2004 - the first two visits
    visits = Visits(
        visit=np.arange(count),
        child=child,
        kind=kind,
        planned=planned,
        held=np.where(outcome == HELD, held, NO_DAY),
        outcome=outcome,
        attachment=np.where(outcome == HELD, seen, -1),
        is_concern=(outcome == HELD) & (rng.random(count) < 0.06),  # noqa: PLR2004 - one visit in 16
        entered=later(
            np.where(outcome == HELD, held, planned), rng.choice(7, count, p=[0.6, 0.2, 0.08, 0.05, 0.04, 0.02, 0.01])
        ),
        # a visit on need is often entered after it was made
        known_from=np.where(kind == _ON_NEED, planned + rng.integers(0, 9, count), ALWAYS),
        known_until=np.full(count, NEVER),
    )
    return _planned_anew(_corrected(visits, rng), population)


def _corrected(visits: Visits, rng: np.random.Generator) -> Visits:
    """The visits, some with another observation until the journal is put right, within the window."""
    seen = of(vars(visits), visits.attachment >= 0)
    rows, put_right = to_put_right(rng, {"known_from": seen["entered"]}, _CORRECTED, (3, 45))
    places = np.flatnonzero(visits.attachment >= 0)[rows]
    columns, mistaken = with_mistakes(vars(visits), places, put_right)
    columns["attachment"][mistaken] = (visits.attachment[places] + 1) % len(ATTACHMENTS)
    columns["is_concern"][mistaken] = ~visits.is_concern[places]
    return Visits(**columns)


def _planned_anew(visits: Visits, population: Population) -> Visits:
    """One visit more, on need: cancelled in spring, and planned anew in the week, when its first day is out of reach.

    It stands in two deliveries that are both current, and must count once.
    """
    settled = (population.pupil < 0) & np.isnat(population.moved_out) & (population.born < day(AS_OF) - 500)
    child = np.flatnonzero(settled & (population.moved_in < day(AS_OF) - 200))[0]
    first, again = day(NIGHTS[1]) - 95, day(NIGHTS[1]) - 7
    more = {
        "visit": [visits.visit.max() + 1] * 2,
        "child": [child] * 2,
        "kind": [_ON_NEED] * 2,
        "planned": [first, again],
        "held": [NO_DAY, again],
        "outcome": [CANCELLED, HELD],
        "attachment": [-1, POSITIVE],
        "is_concern": [False, False],
        "entered": [first, again],
        "known_from": [ALWAYS, day(NIGHTS[1])],
        "known_until": [day(NIGHTS[1]), NEVER],
    }
    return Visits(
        **{name: np.concatenate([values, np.array(more[name], values.dtype)]) for name, values in vars(visits).items()}
    )


def _numbers(visits: Visits) -> list[str]:
    """The number of each visit, from the order of their first planned days."""
    found, first = np.unique(visits.visit, return_index=True)
    order = np.argsort(visits.planned[first], kind="stable")
    listed = numbered("SPL", visits.planned[first][order], 6)
    result = [""] * len(found)
    for place, number in zip(order.tolist(), listed, strict=True):
        result[place] = number
    return result


def deliver(visits: Visits, calendar: Calendar) -> list[Delivery]:
    """A file a year, and each night the last 90 days."""
    first = int(years(visits.planned).min())
    plan = [(by_year(year), calendar.backfill) for year in range(first, calendar.backfill.year + 1)]
    plan += [(by_days(night, _WINDOW_DAYS), night) for night in calendar.nights_of("health_visits")]
    known = {"days": visits.planned, "known_from": visits.known_from, "known_until": visits.known_until}
    return [extract("health_visits", period, as_of, **known) for period, as_of in plan]


def _shown(visits: Visits, homes: Homes, population: Population, rows: Ints, as_of: dt.date) -> Table:
    """The records as the journal has them on the evening of `as_of`: what is not yet entered is still planned."""
    is_entered = visits.entered[rows] <= day(as_of)
    outcome = np.where(is_entered, visits.outcome[rows], PLANNED)
    is_held = outcome == HELD
    return {
        "visit": visits.visit[rows],
        "child": visits.child[rows],
        "cpr": np.array(numbers_on(population, visits.child[rows], as_of)),
        "kind": visits.kind[rows],
        "visit_type_code": text_of(visits.kind[rows], _CODES),
        "planned": visits.planned[rows],
        "held": np.where(is_held, visits.held[rows], NO_DAY),
        "visit_status": text_of(outcome, STATUSES),
        "is_held": is_held,
        "age_days": np.where(is_held, (visits.held[rows] - population.born[visits.child[rows]]).astype(int), -1),
        "district_code": homes.districts_on(visits.child[rows], visits.planned[rows]),
        "attachment": np.where(is_held, visits.attachment[rows], -1),
        "is_concern": is_held & visits.is_concern[rows],
        "birth_year": years(population.born[visits.child[rows]]),
        "child_sex": np.where(population.is_male[visits.child[rows]], "male", "female"),
    }


def _write(world: World, visits: Visits, homes: Homes, numbers: Sequence[str], delivery: Delivery) -> None:
    """Write a file: UTF-8 with BOM, CRLF, the CPR number with its dash."""
    table = _shown(visits, homes, world.population, delivery.rows, delivery.as_of)
    people = [dashed(number) for number in table["cpr"].tolist()]
    children, visit = table["child"].tolist(), table["visit"].tolist()
    names = [world.population.names[child] for child in children]
    world.write(
        delivery,
        HEADER,
        [
            [numbers[one] for one in visit],
            people,
            names,
            [f"{_STREETS[child % len(_STREETS)]} {child % 190 + 1}" for child in children],
            table["visit_type_code"].tolist(),
            danish_dates(table["planned"]),
            danish_dates(table["held"]),
            table["visit_status"].tolist(),
            table["district_code"].tolist(),
            text_of(table["attachment"], ATTACHMENTS).tolist(),
            np.where(table["is_held"], yes_no(table["is_concern"]), "").tolist(),
            [
                quoted(_NOTES[one % len(_NOTES)].format(name=name, dashed=number))
                for one, name, number in zip(visit, names, people, strict=True)
            ],
        ],
        encoding="utf-8-sig",
        newline="\r\n",
    )


def figures(table: Table) -> dict[str, Any]:
    """Visits by type and status, those held in the child's age for it, by district, and what was seen of attachment."""
    newest = np.lexsort((table["as_of"], table["visit"]))
    is_last = np.append(np.diff(table["visit"][newest]) != 0, True)
    table = of(table, newest[is_last])
    fixed = of(table, table["kind"] < _ON_NEED)
    windows = np.array([(first, last) for _, first, last in VISIT_TYPES])[fixed["kind"]]
    in_window = (fixed["age_days"] >= windows[:, 0]) & (fixed["age_days"] <= windows[:, 1])
    observed = (table["attachment"] >= 0) & (table["attachment"] != NOT_OBSERVED)
    with_year = {**table, "planned_year": years(table["planned"])}
    return {
        "by_type_and_status": figure(table, ["visit_type_code", "visit_status"]),
        "held_in_window": figure(fixed, ["visit_type_code"], held=fixed["is_held"], in_window=in_window),
        "by_district_and_year": figure(
            with_year, ["district_code", "planned_year"], distinct="cpr", concerns=table["is_concern"]
        ),
        "attachment": figure(
            table, ["birth_year", "child_sex"], observed=observed, positive=table["attachment"] == POSITIVE
        ),
    }
