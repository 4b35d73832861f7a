"""What the synthetic registers of the referrals domain share: associations, numbers, addresses, files sent twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from include.demo.deliveries import WHOLE, Days, Delivery, Ints, counts, current
from include.demo.world import World


@dataclass(frozen=True)
class Offer:
    """An activity at an association: its code in the seed `association`, and its name as people type it."""

    code: str
    name: str
    activity: str


OFFERS = (
    Offer("BSF", "BSF", "Fodbold"),
    Offer("BAK", "BAK", "Atletik"),
    Offer("TRITON", "Svømmeklubben Triton", "Svømning"),
    Offer("BBC58", "BBC58", "Badminton"),
    Offer("BMS", "BMS", "Basketball"),
    Offer("MUSIK", "Musikskolen", "Dans"),
    Offer("GYM", "Gymnastikforeningen; børnehold", "Gymnastik"),
    Offer("SPEJD", "Spejderne", "Spejder"),
    Offer("HAAND", "Håndboldklubben", "Håndbold"),
    Offer("TAEKWON", "Taekwondoklubben", "Taekwondo"),
)
"""The five clubs of the satellite teams and Musikskolen, and some that are made up."""


def until(days: Days, now: np.datetime64) -> Days:
    """The days that have come by `now`, NaT for the others: what a register can show of them."""
    shown: Days = np.where(days <= now, days, np.datetime64("NaT", "D"))
    return shown


def numbers(prefix: str, days: Days) -> list[str]:
    """`<prefix>-<year>-<running number>` for each record, the records in the order of their days."""
    running: dict[int, int] = {}
    found = []
    for year in (days.astype("datetime64[Y]").astype(int) + 1970).tolist():
        running[year] = running.get(year, 0) + 1
        found.append(f"{prefix}-{year}-{running[year]:05d}")
    return found


def address(child: int) -> str:
    """A made-up address; fields with `;` are quoted by who writes them."""
    return f"Syntesevej {child % 180 + 1}, {child % 4}. tv., 2750 Ballerup"


def standing(deliveries: Sequence[Delivery]) -> Iterator[tuple[Delivery, Ints]]:
    """Each delivery with those of its records that stand when all have come."""
    for delivery, stands in zip(deliveries, current(deliveries), strict=True):
        yield delivery, delivery.rows[stands]


def told_once(world: World, deliveries: Sequence[Delivery]) -> dict[str, Any]:
    """The truth about the files written: rows and current rows of each delivery.

    The same bytes about the same days are one delivery, under whatever name they come again: a register in which
    nothing happened, a file sent twice. Such names stand in `delivered_twice`, each with the name that came first.
    """
    files = counts(deliveries)
    first: dict[tuple[str, str], str] = {}
    twice: dict[str, str] = {}
    for delivery in deliveries:
        about = WHOLE if delivery.label == WHOLE else f"{delivery.first} {delivery.last}"
        digest = hashlib.sha256((world.inbox / delivery.path).read_bytes()).hexdigest()
        path = first.setdefault((digest, about), delivery.path)
        if path != delivery.path:
            files[path]["current_rows"] += files.pop(delivery.path)["current_rows"]
            twice[delivery.path] = path
    return {"deliveries": files} | ({"delivered_twice": twice} if twice else {})


def whole_years(born: Days, date: Days) -> Ints:
    """Age in whole years on a day."""
    months = date.astype("datetime64[M]").astype(int) - born.astype("datetime64[M]").astype(int)
    is_before_birthday = (date - date.astype("datetime64[M]")) < (born - born.astype("datetime64[M]"))
    age: Ints = (months - is_before_birthday) // 12
    return age


def working_days(days: Days) -> Days:
    """The days, Saturdays and Sundays moved to the Monday after."""
    moved: Days = np.busday_offset(days, 0, roll="forward")
    return moved
