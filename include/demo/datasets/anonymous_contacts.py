"""The synthetic statements of anonymous enquiries to Headspace and the open counselling of Familiehuset.

A month is stated in the middle of the next one. The first month of each quarter is stated again a month later, when the
chats have been counted; the last statement comes twice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from include.demo.deliveries import NIGHTS, Delivery, Ints, by_month, day, quoted, standing, told_once
from include.demo.schools import Size
from include.demo.world import World

HEADER = ["Måned", "Sted", "Kontaktform", "Aldersgruppe", "Henvendelser", "Bemærkning"]
PLACES = ("Headspace", "Familiehuset")
KINDS = ("Fremmøde", "Telefon", "Chat", "Video")
AGE_BANDS = ("Under 12", "12-15", "16-18", "19-25", "Over 25", "Ukendt")
OF_12_TO_25 = AGE_BANDS[1:4]
CHAT = KINDS.index("Chat")

_FIRST_MONTH = np.datetime64("2024-01", "M")
_STATED_ON = 15
_STATED_AGAIN_ON = 17
_SAME_AGAIN_ON = NIGHTS[3]
_SCALE: Mapping[Size, float] = {"small": 0.4, "city": 2.0}
_MEANS = {"Headspace": (0.5, 9.0, 11.0, 8.0, 0.5, 2.0), "Familiehuset": (1.0, 1.5, 1.0, 1.5, 8.0, 3.0)}
_SHARES_OF_KINDS = (0.45, 0.3, 0.2, 0.05)
_JULY = 7
_NOTES = ("", "", "Lukket i uge 8", "En ung ringede to gange; talt som én")


@dataclass(frozen=True)
class Statement:
    """The counts of a month as stated on `known_from` (place x kind x age band)."""

    month: np.datetime64
    known_from: dt.date
    counts: Ints


def generate(world: World) -> dict[str, Any]:
    """Write what is stated until each night: first all months before, then month by month."""
    statements = simulate(world.rng, world.size)
    deliveries, stated = deliver(statements, world.calendar.dates_of("anonymous_contacts"))
    for delivery, statement in zip(deliveries, stated, strict=True):
        write(world, statement, delivery)
    newest = max(deliveries, key=lambda delivery: (delivery.first, delivery.as_of))
    again = replace(newest, as_of=_SAME_AGAIN_ON)
    world.send_again(newest, again)
    return told_once(world.inbox, [*deliveries, again]) | {"figures": figures(deliveries, stated)}


def simulate(rng: np.random.Generator, size: Size) -> list[Statement]:
    """All statements up to the last of the nights, in the order in which they are made."""
    means = np.array([_MEANS[place] for place in PLACES])[:, None, :] * np.array(_SHARES_OF_KINDS)[None, :, None]
    statements = []
    for month in np.arange(_FIRST_MONTH, np.datetime64(NIGHTS[-1], "M")):
        in_year = month.astype(int) % 12 + 1
        season = 0.5 if in_year == _JULY else 1.0
        counts = rng.poisson(means * season * _SCALE[size]).astype(np.int64)
        # Nobody is too few to be stated; a month without anybody does not occur.
        counts[:, 0, :] += 1
        statements.append(Statement(month, _day_of(month + 1, _STATED_ON), counts))
        if in_year % 3 == 1:
            more = counts.copy()
            more[:, CHAT, :] += rng.integers(1, 6, more[:, CHAT, :].shape)
            statements.append(Statement(month, _day_of(month + 2, _STATED_AGAIN_ON), more))
    known = [statement for statement in statements if statement.known_from <= NIGHTS[-1]]
    return sorted(known, key=lambda statement: (statement.known_from, str(statement.month)))


def _day_of(month: np.datetime64, number: int) -> dt.date:
    date: dt.date = month.astype("datetime64[D]").item()
    return date.replace(day=number)


def deliver(statements: Sequence[Statement], nights: Sequence[dt.date]) -> tuple[list[Delivery], list[Statement]]:
    """The deliveries in the order in which they come, each with its statement: on a night what is new since then."""
    deliveries: list[Delivery] = []
    stated: list[Statement] = []
    before = dt.date.min
    for night in nights:
        new = {one.month: one for one in statements if before < one.known_from <= night}
        for month in sorted(new, key=str):
            begins = _day_of(month, 1)
            label, first, last = by_month(begins.year, begins.month)
            place = len(PLACES) * len(KINDS) * len(AGE_BANDS)
            rows = np.arange(place)
            deliveries.append(
                Delivery("anonymous_contacts", label, night, first, last, rows, np.full(place, day(first)))
            )
            stated.append(new[month])
        before = night
    return deliveries, stated


def write(world: World, statement: Statement, delivery: Delivery) -> None:
    """Write a statement: cp1252, LF; every combination, 0 where nobody came."""
    places = list(np.ndindex(statement.counts.shape))
    world.write(
        delivery,
        HEADER,
        [
            [delivery.label] * len(places),
            [PLACES[place] for place, _, _ in places],
            [KINDS[kind] for _, kind, _ in places],
            [AGE_BANDS[band] for _, _, band in places],
            [str(statement.counts[place]) for place in places],
            [quoted(_NOTES[number % len(_NOTES)]) for number in range(len(places))],
        ],
        encoding="cp1252",
        newline="\n",
    )


def figures(deliveries: list[Delivery], stated: list[Statement]) -> dict[str, Any]:
    """Enquiries by month and place, by kind and age band, and those of persons of 12 to 25, as stated last."""
    newest = {
        statement.month: statement
        for (_, rows), statement in zip(standing(deliveries), stated, strict=True)
        if len(rows)
    }
    of_age = [AGE_BANDS.index(band) for band in OF_12_TO_25]
    total = sum(statement.counts for statement in newest.values())
    assert isinstance(total, np.ndarray), "there are months"
    return {
        "by_month_and_place": [
            {"contact_month": f"{month}-01", "place_name": name, "contacts": int(statement.counts[place].sum())}
            for month, statement in newest.items()
            for place, name in enumerate(PLACES)
        ],
        "by_kind_and_age_band": [
            {"contact_kind": kind, "age_band": band, "contacts": int(total[:, place, column].sum())}
            for place, kind in enumerate(KINDS)
            for column, band in enumerate(AGE_BANDS)
        ],
        "of_12_to_25": [
            {"place_name": name, "contacts": int(total[place][:, of_age].sum())} for place, name in enumerate(PLACES)
        ],
        "rows": [{"months": len(newest), "rows": int(total.size) * len(newest)}],
    }
