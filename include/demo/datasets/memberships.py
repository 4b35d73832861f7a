"""The synthetic register of the leisure mentors: how children referred to Icehearts come to join an association.

A membership springs from a referral that the dataset `referrals` delivers too, so that both can be joined. Some entries
are made long after the first attendance; one is corrected and one withdrawn in the five nights.
"""

from __future__ import annotations

import datetime as dt
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from include.demo.datasets import referrals
from include.demo.days import numbered, on_a_weekday
from include.demo.deliveries import (
    BACKFILL,
    NEVER,
    NIGHTS,
    Days,
    Delivery,
    Ints,
    Mask,
    by_whole,
    current_rows,
    danish_dates,
    day,
    extract,
    quoted,
    standing,
    told_once,
)
from include.demo.people import dashed
from include.demo.registers import OFFERS, until
from include.demo.world import World

HEADER = [
    "Medlemskabsnr",
    "Henvisningsnr",
    "Personnummer",
    "Navn",
    "Foreningskode",
    "Forening",
    "Aktivitet",
    "Oprettet",
    "Første fremmøde",
    "Medlem fra",
    "Medlem til",
    "Status",
    "Bemærkning",
]
STATUSES = ("Prøver", "Medlem", "Stoppet", "Ikke indmeldt")
TRYING, MEMBER, LEFT, NOT_JOINED = range(4)

_FOUND_ONE = 0.8
_FOUND_ANOTHER = 0.15
_JOINS = 0.85
_LEAVES = 0.3
_ENTERED_LATE = 0.25
_WITH_NOTE = 0.4
_NOTES = ("Mor følger med", "{name} vil gerne have en ven med", "Udstyr lånt; {dashed}", "Ringet til træneren")
_CORRECTED_ON, _WITHDRAWN_ON = NIGHTS[1], NIGHTS[3]


@dataclass(frozen=True)
class Memberships:
    """One record a version of a membership. On `decides` the child joins, or does not; `leaves` may be NaT."""

    number: list[str]
    referral: list[str]
    child: Ints
    offer: Ints
    registered: Days
    attended: Days
    decides: Days
    joins: Mask
    leaves: Days
    known_from: Days
    known_until: Days
    note: Ints

    def status(self, rows: Ints, night: dt.date) -> Ints:
        """The status of memberships as the register shows it on the evening of `night`."""
        now = day(night)
        decided, left = self.decides[rows] <= now, self.leaves[rows] <= now
        joined = np.where(left, LEFT, MEMBER)
        status: Ints = np.where(decided, np.where(self.joins[rows], joined, NOT_JOINED), TRYING)
        return status


def generate(world: World) -> dict[str, Any]:
    """Write the register's extract of each night."""
    # The stream of the dataset `referrals`, so that these are the referrals that it delivers.
    referred = referrals.simulate(np.random.default_rng([world.seed, zlib.crc32(b"referrals")]), world.town)
    register = simulate(world.rng, referred)
    nights = world.calendar.dates_of("memberships")
    known = {"days": register.registered, "known_from": register.known_from, "known_until": register.known_until}
    deliveries = [extract("memberships", by_whole(night), night, **known) for night in nights]
    for delivery in deliveries:
        write(world, register, delivery)
    current = current_rows(referrals.deliver(world.town, referred, world.calendar))
    children = set(referred.child[current][referred.project[current] == referrals.ICE].tolist())
    return told_once(world.inbox, deliveries) | {"figures": figures(register, deliveries, children)}


def simulate(rng: np.random.Generator, referred: referrals.Referrals) -> Memberships:
    """The memberships that spring from referrals to Icehearts, in the order in which they were entered."""
    usable = np.flatnonzero(
        (referred.project == referrals.ICE) & ~referred.is_declined & (referred.known_until == NEVER)
    )
    found = usable[rng.random(len(usable)) < _FOUND_ONE]
    again = found[rng.random(len(found)) < _FOUND_ANOTHER]
    source = np.concatenate([found, again])
    count = len(source)
    opened = referred.date[source] + rng.integers(7, 45, count) + np.where(np.arange(count) < len(found), 0, 120)
    attended = on_a_weekday(opened + rng.integers(3, 20, count))
    is_late = rng.random(count) < _ENTERED_LATE
    registered = on_a_weekday(np.where(is_late, attended + rng.integers(5, 40, count), opened))
    order = np.argsort(registered, kind="stable")
    order = order[registered[order] <= day(BACKFILL) + 14]
    source, attended, registered = source[order], attended[order], registered[order]
    count = len(source)
    joins = rng.random(count) < _JOINS
    decides = attended + rng.integers(7, 40, count)
    leaves = np.where(
        joins & (rng.random(count) < _LEAVES), decides + rng.integers(60, 300, count), np.datetime64("NaT", "D")
    )
    known_until = np.full(count, NEVER)
    told = np.flatnonzero(registered <= day(BACKFILL))
    corrected, withdrawn = told[-1], told[-2]
    known_until[corrected], known_until[withdrawn] = day(_CORRECTED_ON), day(_WITHDRAWN_ON)
    offer = rng.choice(len(OFFERS), count, p=_shares(len(OFFERS)))
    versions = np.append(np.arange(count), corrected)
    known_from = np.append(registered, day(_CORRECTED_ON))
    return Memberships(
        number=[numbered("FM", registered)[place] for place in versions.tolist()],
        referral=[referred.number[source[place]] for place in versions.tolist()],
        child=referred.child[source][versions],
        offer=np.append(offer, (offer[corrected] + 1) % len(OFFERS)),
        registered=registered[versions],
        attended=attended[versions],
        decides=decides[versions],
        joins=joins[versions],
        leaves=leaves[versions],
        known_from=known_from,
        known_until=np.append(known_until, NEVER),
        note=np.where(rng.random(count) < _WITH_NOTE, rng.integers(len(_NOTES), size=count), -1)[versions],
    )


def _shares(count: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The first offers are the most liked."""
    weights = 1.0 / np.arange(2, count + 2)
    shares: np.ndarray[Any, np.dtype[np.float64]] = weights / weights.sum()
    return shares


def write(world: World, register: Memberships, delivery: Delivery) -> None:
    """Write an extract: UTF-8 with BOM, CRLF, the CPR number with its dash."""
    town, rows, now = world.town, delivery.rows, day(delivery.as_of)
    rows = rows[np.argsort(np.array([register.number[row] for row in rows.tolist()]))]
    children, offers = register.child[rows].tolist(), [OFFERS[place] for place in register.offer[rows].tolist()]
    notes = ["" if note < 0 else _NOTES[note] for note in register.note[rows].tolist()]
    is_member = register.joins[rows] & (register.decides[rows] <= now)
    never = np.datetime64("NaT", "D")
    world.write(
        delivery,
        HEADER,
        [
            [register.number[row] for row in rows.tolist()],
            [register.referral[row] for row in rows.tolist()],
            [dashed(town.cpr[child]) for child in children],
            [town.names[child] for child in children],
            [offer.code for offer in offers],
            [quoted(offer.name) for offer in offers],
            [offer.activity for offer in offers],
            danish_dates(register.registered[rows]),
            danish_dates(until(register.attended[rows], now)),
            danish_dates(np.where(is_member, register.decides[rows], never)),
            danish_dates(until(register.leaves[rows], now)),
            [STATUSES[code] for code in register.status(rows, delivery.as_of).tolist()],
            [
                quoted(note.format(name=town.names[child], dashed=dashed(town.cpr[child])))
                for note, child in zip(notes, children, strict=True)
            ],
        ],
        encoding="utf-8-sig",
        newline="\r\n",
    )


def figures(register: Memberships, deliveries: list[Delivery], referred: set[int]) -> dict[str, Any]:
    """Memberships by status and by association, first days by month, and children referred who joined."""
    ((newest, rows),) = [(delivery, rows) for delivery, rows in standing(deliveries) if len(rows)]
    status, now = register.status(rows, newest.as_of), day(newest.as_of)
    is_member = register.joins[rows] & (register.decides[rows] <= now)
    months = register.decides[rows][is_member].astype("datetime64[M]")
    return {
        "by_status": [
            {"membership_status": STATUSES[code], "memberships": int((status == code).sum())}
            for code in np.unique(status).tolist()
        ],
        "by_association": [
            {
                "association_code": OFFERS[place].code,
                "activity_name": OFFERS[place].activity,
                "memberships": int((register.offer[rows] == place).sum()),
                "children": len(np.unique(register.child[rows][register.offer[rows] == place])),
            }
            for place in np.unique(register.offer[rows]).tolist()
        ],
        "joined_by_month": [
            {"month": str(month), "memberships": int((months == month).sum())} for month in np.unique(months)
        ],
        "entered_after_first_attendance": [
            {
                "memberships": int(
                    ((register.registered[rows] > register.attended[rows]) & (register.attended[rows] <= now)).sum()
                )
            }
        ],
        "referred_children_who_joined": [
            {"referred": len(referred), "joined": len(referred & set(register.child[rows][is_member].tolist()))}
        ],
    }
