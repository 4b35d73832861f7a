"""The synthetic consents of parents at the two transitions: given, withdrawn, and given anew.

The platform exports all of them every night; from the night after a withdrawal on, the consent has its last day.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from include.demo.days import numbered
from include.demo.deliveries import Calendar, Delivery, Ints, by_whole, counts, day, extract, iso_dates
from include.demo.early_years import (
    FATHER,
    MOTHER,
    NO_DAY,
    Consents,
    Table,
    consents_of,
    figure,
    numbers_on,
    of,
    standing_table,
    text_of,
    yes_no,
)
from include.demo.world import World

HEADER = [
    "Samtykke-id",
    "Barnets CPR",
    "Barnets navn",
    "Givers navn",
    "Overgang",
    "Givet af",
    "Givet",
    "Tilbagekaldt",
    "Gyldigt",
]
TRANSITIONS = ("Sundhedspleje-dagtilbud", "Dagtilbud-skole")
ROLES = ("Mor", "Far", "Medmor", "Værge")


def generate(world: World) -> dict[str, Any]:
    """Write the extracts of all nights; returns the truth."""
    consents = consents_of(world)
    deliveries = deliver(consents, world.calendar)
    for delivery in deliveries:
        _write(world, consents, delivery)

    def shown(rows: Ints, as_of: dt.date) -> Table:
        return _shown(world, consents, rows, as_of)

    return {"deliveries": counts(deliveries), "figures": figures(standing_table(deliveries, shown))}


def deliver(consents: Consents, calendar: Calendar) -> list[Delivery]:
    """All that is known, before the nights and every night."""
    known = {"days": consents.given, "known_from": consents.known_from, "known_until": consents.known_until}
    return [extract("consents", by_whole(as_of), as_of, **known) for as_of in calendar.dates_of("consents")]


def _shown(world: World, consents: Consents, rows: Ints, as_of: dt.date) -> Table:
    """The records as the platform has them on the evening of `as_of`: a withdrawal shows from its day on."""
    child = consents.child[rows]
    is_withdrawn = consents.withdrawn[rows] <= day(as_of)
    return {
        "number": consents.number[rows],
        "child": child,
        "cpr": np.array(numbers_on(world.population, child, as_of)),
        "transition": text_of(consents.transition[rows], TRANSITIONS),
        "role": consents.role[rows],
        "given_by": text_of(consents.role[rows], ROLES),
        "given_date": consents.given[rows],
        "withdrawn_date": np.where(is_withdrawn, consents.withdrawn[rows], NO_DAY),
        "is_withdrawn": is_withdrawn,
        "is_valid": ~is_withdrawn & ~consents.is_void[rows],
    }


def _write(world: World, consents: Consents, delivery: Delivery) -> None:
    """Write a file: UTF-8 without BOM, LF, ISO dates, CPR numbers as ten digits."""
    table, population = _shown(world, consents, delivery.rows, delivery.as_of), world.population
    _, first = np.unique(consents.number, return_index=True)
    numbers = numbered("SAM", consents.given[first], 6)
    children, roles = table["child"].tolist(), table["role"].tolist()
    givers = {MOTHER: population.mother_names, FATHER: population.father_names}
    world.write(
        delivery,
        HEADER,
        [
            [numbers[one] for one in table["number"].tolist()],
            table["cpr"].tolist(),
            [population.names[child] for child in children],
            [givers[role][child] if role in givers else "" for role, child in zip(roles, children, strict=True)],
            table["transition"].tolist(),
            table["given_by"].tolist(),
            iso_dates(table["given_date"]),
            iso_dates(table["withdrawn_date"]),
            yes_no(table["is_valid"]).tolist(),
        ],
        encoding="utf-8",
        newline="\n",
    )


def figures(table: Table) -> dict[str, Any]:
    """Consents by transition and role, those that hold, withdrawals by day, and the children by month."""
    by_month = {**table, "month": table["given_date"].astype("datetime64[M]")}
    return {
        "by_transition_and_role": figure(
            table, ["transition", "given_by"], withdrawn=table["is_withdrawn"], valid=table["is_valid"]
        ),
        "withdrawn_by_day": figure(of(table, table["is_withdrawn"]), ["transition", "withdrawn_date"]),
        "given_by_month": figure(by_month, ["transition", "month"], distinct="cpr"),
    }
