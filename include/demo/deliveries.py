"""Deliveries of the synthetic municipality: what a file of a night holds, what it is called, how it is written.

A dataset's generator holds all its records once, each with the nights from which and until which the source system
knew it. A delivery of a night is a choice of these records; so late registrations, corrections and withdrawals come
about as they do in life, and what is current in the end can be told without the warehouse's own SQL.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Nights = Literal["week", "year"]
Days = NDArray[np.datetime64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

AS_OF = dt.date(2026, 6, 19)
"""The day that the synthetic municipality ends with, a Friday."""

NIGHTS = tuple(AS_OF - dt.timedelta(days=back) for back in range(4, -1, -1))
"""The five nights, Monday to Friday."""

BACKFILL = dt.date(2026, 6, 12)
"""The date of the extracts of all that was before the first of the five nights."""

YEAR_BACKFILL = dt.date(2025, 6, 13)
"""The date of those extracts where a whole year of nights follows."""

_SATURDAY = 5

ALWAYS = np.datetime64("1900-01-01", "D")
NEVER = np.datetime64("2999-12-31", "D")


def day(date: dt.date) -> np.datetime64:
    """A date as numpy's."""
    return np.datetime64(date, "D")


WHOLE = "whole"
"""The label of a delivery that holds all that its source has."""

_MISSED_OF_A_HUNDRED = 2


@dataclass(frozen=True)
class Calendar:
    """The nights that are played: first the extracts of all before, on `backfill`, then the `nights` one by one."""

    backfill: dt.date
    nights: tuple[dt.date, ...]

    def nights_of(self, dataset: str) -> tuple[dt.date, ...]:
        """The nights on which a dataset that comes each night does come: now and then one misses, never the last."""
        return tuple(
            night
            for night in self.nights
            if night == self.nights[-1]
            or zlib.crc32(f"{dataset} {night}".encode()) % 100 >= _MISSED_OF_A_HUNDRED
            or night in NIGHTS
        )

    def dates_of(self, dataset: str) -> tuple[dt.date, ...]:
        """The day of the backfill, and the nights on which the dataset comes."""
        return (self.backfill, *self.nights_of(dataset))


def calendar_of(nights: Nights) -> Calendar:
    """`week`: five nights. `year`: every night before a working day for a year, the same five at its end."""
    if nights == "week":
        return Calendar(BACKFILL, NIGHTS)
    days = (YEAR_BACKFILL + dt.timedelta(days=later) for later in range(1, (AS_OF - YEAR_BACKFILL).days + 1))
    return Calendar(YEAR_BACKFILL, tuple(date for date in days if date.weekday() < _SATURDAY))


@dataclass(frozen=True)
class Delivery:
    """One file: `rows` are indices into the dataset's records, `days` the days that place each row in its period.

    `version` is that of the layout, where the format has versions.
    """

    dataset: str
    label: str
    as_of: dt.date
    first: dt.date
    last: dt.date
    rows: Ints
    days: Days
    version: int | None = None

    @property
    def file_name(self) -> str:
        """The file's name as the contract wants it."""
        period = f"_{self.version}" if self.version is not None else "" if self.label == WHOLE else f"_{self.label}"
        return f"{self.dataset}{period}_{self.as_of:%Y%m%d}.csv"

    @property
    def path(self) -> str:
        """The file below the inbox."""
        return f"{self.dataset}/{self.file_name}"


def by_year(year: int) -> tuple[str, dt.date, dt.date]:
    """Label, first and last day of a calendar year."""
    return f"{year}", dt.date(year, 1, 1), dt.date(year, 12, 31)


def by_school_year(start_year: int) -> tuple[str, dt.date, dt.date]:
    """Label, first and last day of the school year that begins in `start_year`."""
    return f"{start_year}-{start_year + 1}", dt.date(start_year, 8, 1), dt.date(start_year + 1, 7, 31)


def by_month(year: int, month: int) -> tuple[str, dt.date, dt.date]:
    """Label, first and last day of a month."""
    first = dt.date(year, month, 1)
    last = (first + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)
    return f"{year}-{month:02d}", first, last


def by_days(last: dt.date, count: int) -> tuple[str, dt.date, dt.date]:
    """Label, first and last day of the `count` days that end with `last`."""
    first = last - dt.timedelta(days=count - 1)
    return f"{first:%Y%m%d}-{last:%Y%m%d}", first, last


def by_whole(as_of: dt.date) -> tuple[str, dt.date, dt.date]:
    """Label, first and last day of an extract of all that a source has: every day until `as_of`."""
    return WHOLE, ALWAYS.item(), as_of


def extract(
    dataset: str,
    period: tuple[str, dt.date, dt.date],
    as_of: dt.date,
    *,
    days: Days,
    known_from: Days,
    known_until: Days,
) -> Delivery:
    """The delivery that a source system gives on the evening of `as_of`: what it knows then of the period's days."""
    label, first, last = period
    now = day(as_of)
    chosen = (
        (days >= day(first)) & (days <= min(day(last), now)) & (known_from <= now) & (known_until > now)
    ).nonzero()[0]
    return Delivery(dataset, label, as_of, first, last, chosen, days[chosen])


def current(deliveries: Sequence[Delivery]) -> list[Mask]:
    """Which rows of each delivery stand when all have come: of each day those of the newest that covers it.

    `deliveries` are in the order of their dates, then of their arrival.
    """
    start = min(delivery.first for delivery in deliveries)
    end = max(delivery.last for delivery in deliveries)
    covered = np.zeros((end - start).days + 1, dtype=bool)
    masks: list[Mask] = []
    for delivery in reversed(deliveries):
        place = (delivery.days - day(start)).astype(int)
        masks.append(~covered[place])
        covered[(delivery.first - start).days : (delivery.last - start).days + 1] = True
    return masks[::-1]


def current_rows(deliveries: Sequence[Delivery]) -> Ints:
    """The records that stand when all `deliveries` have come."""
    return np.concatenate(
        [delivery.rows[mask] for delivery, mask in zip(deliveries, current(deliveries), strict=True)]
    ).astype(np.int64)


def counts(deliveries: Sequence[Delivery]) -> dict[str, dict[str, int]]:
    """Rows and current rows of each file."""
    return {
        delivery.path: {"rows": len(delivery.rows), "current_rows": int(mask.sum())}
        for delivery, mask in zip(deliveries, current(deliveries), strict=True)
    }


def standing(deliveries: Sequence[Delivery]) -> Iterator[tuple[Delivery, Ints]]:
    """Each delivery with those of its records that stand when all have come."""
    for delivery, stands in zip(deliveries, current(deliveries), strict=True):
        yield delivery, delivery.rows[stands]


def told_once(inbox: Path, deliveries: Sequence[Delivery]) -> dict[str, Any]:
    """The truth about the files written: rows and current rows of each delivery.

    The same bytes about the same days are one delivery, under whatever name they come again: a register in which
    nothing happened, a file sent twice. Such names stand in `delivered_twice`, each with the name that came first.
    """
    files = counts(deliveries)
    first: dict[tuple[str, str], str] = {}
    twice: dict[str, str] = {}
    for delivery in deliveries:
        about = WHOLE if delivery.label == WHOLE else f"{delivery.first} {delivery.last}"
        digest = hashlib.sha256((inbox / delivery.path).read_bytes()).hexdigest()
        path = first.setdefault((digest, about), delivery.path)
        if path != delivery.path:
            files[path]["current_rows"] += files.pop(delivery.path)["current_rows"]
            twice[delivery.path] = path
    return {"deliveries": files} | ({"delivered_twice": twice} if twice else {})


def iso_dates(days: Days) -> list[str]:
    """`yyyy-mm-dd`, and an empty text for NaT."""
    return ["" if text == "NaT" else text for text in days.astype("datetime64[D]").astype(str).tolist()]


def danish_dates(days: Days) -> list[str]:
    """`dd-mm-yyyy`, and an empty text for NaT."""
    unique, inverse = np.unique(days, return_inverse=True)
    written = ["" if value is None else value.strftime("%d-%m-%Y") for value in unique.tolist()]
    return [written[place] for place in inverse.tolist()]


def write_lines(
    path: Path, header: Sequence[str], columns: Sequence[Iterable[str]], *, encoding: str, newline: str, last: str = ""
) -> None:
    """Write a file with `;` between the fields. Texts that hold `;` or `"` come quoted already (`quoted`).

    Raises UnicodeEncodeError if a text can't be written in the encoding.
    """
    lines = [";".join(header), *map(";".join, zip(*columns, strict=True))]
    if last:
        lines.append(last)
    text = newline.join(lines) + newline
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))


def quoted(text: str, delimiter: str = ";") -> str:
    """A text as a field: in quotes, and quotes inside doubled, where it holds delimiter, quotes or a line end."""
    if delimiter in text or '"' in text or "\n" in text:
        return '"' + text.replace('"', '""') + '"'
    return text
