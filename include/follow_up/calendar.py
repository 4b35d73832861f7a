"""The calendar of the budget follow-ups, as the seed `follow_up_calendar` has it: what is to be done on which day.

A changed date is a new row: of a follow-up's rows the newest that was known on the day asked about holds. There is no
clock in here; who asks says of which day, so that a run that is late or made again decides as it would have then.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from include.errors import WarehouseError
from include.settings import COPENHAGEN, PROJECT_ROOT, Settings

SEED = PROJECT_ROOT / "dbt_project" / "seeds" / "follow_up_calendar.csv"

AT = dt.time(6)
"""When things are done on their day, Danish time: after the night's release and outside the hours that daylight saving
time repeats or leaves out."""

Action = Literal["write_forms", "check_forms", "check_release", "freeze"]

_REMEDY = "correct the row of the seed; an empty cell is allowed for the two meetings only"
_T = TypeVar("_T")


@dataclass(frozen=True)
class FollowUp:
    """A budget follow-up with its dates as they were known on a day; the two meetings are None where not known.

    `data_cut_off_date` is the last day that the figures cover. `is_assumed`: no document names that date.
    """

    code: str
    name: str
    year: int
    sequence: int
    data_cut_off_date: dt.date
    forms_sent_date: dt.date
    form_deadline_date: dt.date
    committee_meeting_date: dt.date | None
    council_meeting_date: dt.date | None
    is_assumed: bool
    valid_from: dt.date


_DAY = dt.timedelta(days=1)

DAY_OF: Mapping[Action, Callable[[FollowUp], dt.date]] = {
    "write_forms": lambda follow_up: follow_up.forms_sent_date,
    # The deadline is a whole day: what comes on it has landed the next morning.
    "check_forms": lambda follow_up: follow_up.form_deadline_date + _DAY,
    "check_release": lambda follow_up: follow_up.data_cut_off_date - _DAY,
    "freeze": lambda follow_up: follow_up.data_cut_off_date,
}
"""On which day of a follow-up each thing is done."""

SENDING: tuple[Action, ...] = ("write_forms", "check_forms")
FREEZING: tuple[Action, ...] = ("freeze", "check_release")
"""What the DAGs `send_status_forms` and `freeze_follow_up` do; the first is what one by hand asks for."""


@dataclass(frozen=True)
class Plan:
    """What a run does: for each action the codes of the follow-ups, as of `night`."""

    night: dt.date
    codes: Mapping[Action, tuple[str, ...]]


def read_calendar(municipality_code: str, known_on: dt.date) -> tuple[FollowUp, ...]:
    """A municipality's follow-ups in the order of their cut-offs, with the dates that were known on a day.

    Empty for a municipality without rows. Raises WarehouseError with the line of a row that can't be read.
    """
    newest: dict[str, FollowUp] = {}
    for code, follow_up in _rows():
        if code == municipality_code and follow_up.valid_from <= known_on:
            before = newest.get(follow_up.code)
            if before is None or before.valid_from < follow_up.valid_from:
                newest[follow_up.code] = follow_up
    return tuple(sorted(newest.values(), key=lambda one: (one.data_cut_off_date, one.code)))


def _rows() -> Iterator[tuple[str, FollowUp]]:
    try:
        with SEED.open(encoding="utf-8", newline="") as file:
            for row in (reader := csv.DictReader(file)):
                yield _row(row, f"{SEED.name}, line {reader.line_num}")
    except OSError as error:
        raise WarehouseError(
            "the calendar of the follow-ups can't be read",
            where=str(SEED),
            remedy="restore the seed from the repository",
        ) from error


def _row(row: Mapping[str, str], where: str) -> tuple[str, FollowUp]:
    def cell(name: str, read: Callable[[str], _T]) -> _T:
        try:
            return read(row[name])
        except (KeyError, TypeError, ValueError) as error:
            raise WarehouseError(
                f"{name} is missing or can't be read", where=f"{where}, column {name}", remedy=_REMEDY
            ) from error

    def date_or_none(text: str) -> dt.date | None:
        return dt.date.fromisoformat(text) if text else None

    date = dt.date.fromisoformat
    return cell("municipality_code", str), FollowUp(
        code=cell("follow_up_code", str),
        name=cell("follow_up_name", str),
        year=cell("follow_up_year", int),
        sequence=cell("follow_up_sequence", int),
        data_cut_off_date=cell("data_cut_off_date", date),
        forms_sent_date=cell("forms_sent_date", date),
        form_deadline_date=cell("form_deadline_date", date),
        committee_meeting_date=cell("committee_meeting_date", date_or_none),
        council_meeting_date=cell("council_meeting_date", date_or_none),
        is_assumed=cell("is_assumed", {"true": True, "false": False}.__getitem__),
        valid_from=cell("valid_from", date),
    )


def find(settings: Settings, code: str) -> FollowUp:
    """The follow-up of a code as known on the business date. Raises WarehouseError, with the codes there are."""
    known = {one.code: one for one in read_calendar(settings.municipality_code, settings.night)}
    if code not in known:
        raise WarehouseError(
            f"the calendar knows no follow-up {code} on {settings.night}.",
            where=SEED.name,
            remedy=f"give one of these: {', '.join(known) or f'none of municipality {settings.municipality_code}'}",
        )
    return known[code]


# ---- what is done when


@dataclass(frozen=True, order=True)
class Moment:
    """When something is done for a follow-up: `AT` on its day, in Copenhagen."""

    at: dt.datetime
    action: Action
    code: str
    name: str


def moments(settings: Settings, actions: Sequence[Action], today: dt.date) -> tuple[Moment, ...]:
    """When these things are done, in order, by the calendar as it is known today: today's, and all to come.

    Of today also what has passed: a machine that slept at `AT` does it when it wakes. What was slept through for longer
    a person decides about (`include.follow_up.deadlines` tells it). Raises WarehouseError for a bad calendar.
    """
    found = [
        Moment(dt.datetime.combine(day, AT, COPENHAGEN), action, one.code, one.name)
        for one in read_calendar(settings.municipality_code, today)
        for action in actions
        if (day := DAY_OF[action](one)) >= today
    ]
    return tuple(sorted(found))


def plan(settings: Settings, actions: Sequence[Action], *, moment: dt.datetime, code: str | None) -> Plan:
    """What a run does that stands for a moment: what is due on that day in Denmark, by the calendar of that day.

    With a `code` it does the first of the actions for that follow-up, as of the business date. Raises WarehouseError
    for an unknown code and for a calendar that can't be read.
    """
    if code:
        return Plan(settings.night, {action: (find(settings, code).code,) for action in actions[:1]})
    day = moment.astimezone(COPENHAGEN).date()
    calendar = read_calendar(settings.municipality_code, day)
    return Plan(day, {action: tuple(one.code for one in calendar if DAY_OF[action](one) == day) for action in actions})
