"""What the synthetic registers of the referrals domain share: associations, addresses, what can be known by a day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from include.demo.deliveries import Days


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


def address(child: int) -> str:
    """A made-up address; fields with `;` are quoted by who writes them."""
    return f"Syntesevej {child % 180 + 1}, {child % 4}. tv., 2750 Ballerup"
