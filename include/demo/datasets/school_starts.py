"""The synthetic register of school starts: every child of a year group, some early, some late.

The register opens in November for the children who begin in the August after. Who is to begin late or early stands as
a normal start until the decision has been entered, and the day of the start is known when it has come.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np

from include.demo.days import later, numbered, on_a_weekday, years
from include.demo.deliveries import (
    NEVER,
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
    starters_of,
    text_of,
    to_put_right,
    with_mistakes,
    yes_no,
)
from include.demo.people import dashed
from include.demo.world import World

HEADER = [
    "Sagsnr",
    "CPR-nummer",
    "Navn",
    "Adresse",
    "Skoledistrikt",
    "Starttype",
    "Planlagt startår",
    "Faktisk start",
    "Afgørelsesdato",
    "Årsagskode",
    "Anmodning fra forældre",
    "Afgjort af kommunen",
    "Begrundelse",
]

KINDS = ("Normal", "Tidlig", "Udsat")
NORMAL, EARLY, LATE = range(3)
REASONS = ("SPR", "MOD", "SYG", "FLY", "AND")
_NOTES = ("Forældrene ønsker et år mere", "{name} trives i børnehaven; PPR er hørt", 'Børnehuset: "endnu ikke klar"')
_CORRECTED = 0.004


@dataclass(frozen=True)
class Starts:
    """One record a version of a school start, `start` the same for all; `decided` and `reason` are empty if normal."""

    start: Ints
    child: Ints
    opened: Days
    kind: Ints
    planned: Ints
    first_day: Days
    decided: Days
    reason: Ints
    is_requested: Mask
    known_from: Days
    known_until: Days


def generate(world: World) -> dict[str, Any]:
    """Write the extracts of all nights; returns the truth."""
    starts, homes = simulate(world), homes_of(world)
    deliveries = deliver(starts, world.calendar)
    for delivery in deliveries:
        _write(world, starts, homes, delivery)

    def shown(rows: Ints, as_of: dt.date) -> Table:
        return _shown(world, starts, homes, rows, as_of)

    return {"deliveries": counts(deliveries), "figures": figures(standing_table(deliveries, shown))}


def simulate(world: World) -> Starts:
    """The starts of all children of the register, in the order in which their cases were opened."""
    rng, starters = world.rng, starters_of(world)
    moved_in = world.population.moved_in[starters.child]
    november = ((starters.duty - 1970) * 12 - 2).astype("datetime64[M]").astype("datetime64[D]")
    opened = np.maximum(np.minimum(november, ((starters.start - 1970) * 12 - 2).astype("datetime64[M]")), moved_in + 14)
    order = np.lexsort((starters.child, opened))
    child, duty, start, opened = starters.child[order], starters.duty[order], starters.start[order], opened[order]
    count = len(child)
    kind = np.where(start > duty, LATE, np.where(start < duty, EARLY, NORMAL))
    august = ((start - 1970) * 12 + 7).astype("datetime64[M]").astype("datetime64[D]")
    decided = np.where(kind == NORMAL, NO_DAY, on_a_weekday(opened + rng.integers(30, 190, count)))
    starts = Starts(
        start=np.arange(count),
        child=child,
        opened=opened,
        kind=kind,
        planned=start,
        # the second Monday of August
        first_day=np.busday_offset(august, 1, roll="forward", weekmask="Mon"),
        decided=decided,
        reason=np.where(kind == NORMAL, -1, rng.choice(len(REASONS), count, p=[0.3, 0.4, 0.15, 0.05, 0.1])),
        is_requested=(kind != NORMAL) & (rng.random(count) < 0.95),  # noqa: PLR2004 - a few are the municipality's idea
        known_from=opened,
        known_until=np.full(count, NEVER),
    )
    # until the decision has been entered, up to three weeks later, the start is planned as a normal one
    undecided = np.flatnonzero(kind != NORMAL)
    entered = later(decided[undecided], rng.integers(0, 21, len(undecided)))
    columns, before = with_mistakes(vars(starts), undecided, entered)
    columns["kind"][before], columns["planned"][before], columns["reason"][before] = NORMAL, duty[undecided], -1
    columns["decided"][before], columns["is_requested"][before] = NO_DAY, False
    decisions = of(columns, columns["kind"] != NORMAL)
    rows, put_right = to_put_right(rng, decisions, _CORRECTED, (5, 40))
    places = np.flatnonzero(columns["kind"] != NORMAL)[rows]
    # the decision itself stands from its first entry on, with another reason until that is put right
    entered = columns["known_from"][places]
    columns, mistaken = with_mistakes(columns, places, put_right)
    columns["known_from"][mistaken] = entered
    columns["reason"][mistaken] = (columns["reason"][places] + 1) % len(REASONS)
    return Starts(**columns)


def deliver(starts: Starts, calendar: Calendar) -> list[Delivery]:
    """All that is known, before the nights and every night."""
    known = {"days": starts.opened, "known_from": starts.known_from, "known_until": starts.known_until}
    return [extract("school_starts", by_whole(as_of), as_of, **known) for as_of in calendar.dates_of("school_starts")]


def _shown(world: World, starts: Starts, homes: Homes, rows: Ints, as_of: dt.date) -> Table:
    """The records as the register has them on the evening of `as_of`: who has not begun has no first day."""
    population, child, now = world.population, starts.child[rows], day(as_of)
    is_decided = starts.kind[rows] != NORMAL
    first_day = np.where(starts.first_day[rows] <= now, starts.first_day[rows], NO_DAY)
    return {
        "start": starts.start[rows],
        "child": child,
        "cpr": np.array(numbers_on(population, child, as_of)),
        "district_code": homes.districts_on(child, np.full(len(rows), now)),
        "start_kind": text_of(starts.kind[rows], KINDS),
        "is_decided": is_decided,
        "planned_start_year": starts.planned[rows],
        # a start that is still to be put off has not taken place
        "actual_start_date": np.where(years(starts.first_day[rows]) == starts.planned[rows], first_day, NO_DAY),
        "decision_date": starts.decided[rows],
        "reason_code": text_of(starts.reason[rows], REASONS),
        "is_requested": starts.is_requested[rows],
        "birth_year": years(population.born[child]),
        "child_sex": np.where(population.is_male[child], "male", "female"),
    }


def _write(world: World, starts: Starts, homes: Homes, delivery: Delivery) -> None:
    """Write a file: UTF-8 with BOM, CRLF, the CPR number with its dash."""
    table = _shown(world, starts, homes, delivery.rows, delivery.as_of)
    _, first = np.unique(starts.start, return_index=True)
    numbers = numbered("SKS", starts.opened[first])
    children = table["child"].tolist()
    names = [world.population.names[child] for child in children]
    is_decided = table["is_decided"]
    world.write(
        delivery,
        HEADER,
        [
            [numbers[one] for one in table["start"].tolist()],
            [dashed(number) for number in table["cpr"].tolist()],
            names,
            [f"Skolevænget {child % 240 + 1}, {child % 3}. tv" for child in children],
            table["district_code"].tolist(),
            table["start_kind"].tolist(),
            map(str, table["planned_start_year"].tolist()),
            danish_dates(table["actual_start_date"]),
            danish_dates(table["decision_date"]),
            table["reason_code"].tolist(),
            np.where(is_decided, yes_no(table["is_requested"]), "").tolist(),
            np.where(is_decided, "Ja", "").tolist(),
            [
                quoted(_NOTES[child % len(_NOTES)].format(name=name)) if decided else ""
                for child, name, decided in zip(children, names, is_decided.tolist(), strict=True)
            ],
        ],
        encoding="utf-8-sig",
        newline="\r\n",
    )


def figures(table: Table) -> dict[str, Any]:
    """Starts by district and birth year, late ones among them; by kind and reason; decisions by month; first days."""
    year_of_start = np.where(
        np.isnat(table["actual_start_date"]), table["planned_start_year"], years(table["actual_start_date"])
    )
    decided = of(table, table["is_decided"])
    by_month = {**decided, "month": decided["decision_date"].astype("datetime64[M]")}
    return {
        "late_by_district": figure(
            table,
            ["district_code", "birth_year"],
            distinct="cpr",
            late=year_of_start > table["birth_year"] + 6,
            early=year_of_start < table["birth_year"] + 6,
        ),
        "by_kind_and_reason": figure(table, ["start_kind", "reason_code"], requested=table["is_requested"]),
        "decisions_by_month": figure(by_month, ["month", "start_kind"]),
        "by_first_day_and_sex": figure(table, ["actual_start_date", "child_sex"]),
    }
