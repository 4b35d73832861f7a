"""The synthetic days of absence: spells of illness, permitted days in a row, unlawful days of a few pupils.

Levels follow the ministry's statistics for Ballerup (8.0 per cent in 2024/2025), with a tail of pupils over 10 per
cent and some over the 15 per cent of a quarter at which the municipality is notified.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from include.demo.days import on_a_weekday
from include.demo.deliveries import (
    ALWAYS,
    AS_OF,
    BACKFILL,
    NEVER,
    NIGHTS,
    Calendar,
    Days,
    Delivery,
    Ints,
    by_days,
    by_month,
    by_school_year,
    counts,
    current_rows,
    danish_dates,
    day,
    extract,
    quoted,
    write_lines,
)
from include.demo.school_days import school_days, school_year
from include.demo.town import Town
from include.demo.world import World

HEADER = ["Personnummer", "Institutionsnummer", "Dato", "Fraværsart", "Registreret", "Bemærkning"]
KINDS = ("Sygdom", "Lovligt", "Ulovligt")
ILLNESS, PERMITTED, UNLAWFUL = range(3)

_NIGHT_DAYS = 14
_CORRECTED_MONTH = "2026-03"
_CORRECTED_ON = NIGHTS[2]
_WITH_REMARK = 0.12
_REMARKS = (
    "Ringet til hjemmet",
    "Besked på Aula",
    "Feber",
    "Tandlæge; kommer kl. 11",
    "Familieferie, aftalt med skoleleder",
    'Far skriver "maveonde"',
    "Ingen besked – ringet op",
    "Mor til {name} ringede",
    "{name} mødte ikke op",
    "Se tidligere note om {name}, cpr {dashed}",
    "Notat i elevmappe {cpr}",
)


@dataclass(frozen=True)
class Absences:
    """One record a version of a pupil's day of absence; `stay` is the pupil's stay on that day."""

    child: Ints
    stay: Ints
    date: Days
    kind: Ints
    registered: Days
    known_from: Days
    known_until: Days
    remark: Ints
    """Place in the list of remarks, -1 for none."""


@dataclass(frozen=True)
class _Habits:
    """How likely a child is absent on a school day, by kind; a child keeps its habits over the years."""

    illness: np.ndarray[Any, np.dtype[np.float64]]
    permitted: np.ndarray[Any, np.dtype[np.float64]]
    unlawful: np.ndarray[Any, np.dtype[np.float64]]


def _habits(rng: np.random.Generator, children: int) -> _Habits:
    often = rng.random(children) < 0.07  # noqa: PLR2004 - the few who make most of the unlawful days
    return _Habits(
        illness=rng.gamma(2.6, 0.052 / 2.6, children),
        permitted=rng.gamma(2.0, 0.013 / 2.0, children),
        unlawful=np.where(often, rng.gamma(3.0, 0.11 / 3.0, children), rng.gamma(1.5, 0.006 / 1.5, children)),
    )


def _spells(
    rng: np.random.Generator, rate: np.ndarray[Any, np.dtype[np.float64]], shape: tuple[int, int], goes_on: float
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Absences in spells that go on to the next day with `goes_on`, at most five days; on average `rate` a day."""
    lasting = rng.random(shape, dtype=np.float32) < goes_on
    mean_length = sum(goes_on**power for power in range(5))
    running = rng.random(shape, dtype=np.float32) < (rate / mean_length).astype(np.float32)
    absent = running.copy()
    for _ in range(4):
        running = np.concatenate([np.zeros((shape[0], 1), dtype=bool), (running & lasting)[:, :-1]], axis=1)
        absent |= running
    return absent


def _one_year(rng: np.random.Generator, town: Town, habits: _Habits, year: int) -> dict[str, Any]:
    stays = town.stays
    rows = town.final(year)
    days = school_days(year)[school_days(year) <= day(AS_OF)]
    pupils, pupil = np.unique(stays.child[rows], return_inverse=True)
    begins = np.searchsorted(days, stays.first[rows])
    last = np.where(np.isnat(stays.last[rows]), NEVER, stays.last[rows])
    ends = np.searchsorted(days, last, side="right")
    stay_of = np.full((len(pupils), len(days)), -1, dtype=np.int32)
    for row, place, begin, end in zip(rows.tolist(), pupil.tolist(), begins.tolist(), ends.tolist(), strict=True):
        stay_of[place, begin:end] = row
    grade = np.zeros(len(pupils), dtype=np.int64)
    grade[pupil] = stays.grade[rows]
    older = (1 + np.clip(grade - 5, 0, None) * 0.09)[:, None]
    months = days.astype("datetime64[M]").astype(int) % 12 + 1
    winter = np.where(np.isin(months, (11, 12, 1, 2)), 1.3, 0.85)[None, :]
    shape = stay_of.shape
    kind = np.full(shape, -1, dtype=np.int8)
    kind[_spells(rng, habits.unlawful[pupils][:, None] * older, shape, 0.35)] = UNLAWFUL
    kind[_spells(rng, habits.permitted[pupils][:, None] * np.ones(shape[1])[None, :], shape, 0.75)] = PERMITTED
    kind[_spells(rng, habits.illness[pupils][:, None] * older * winter, shape, 0.45)] = ILLNESS
    kind[stay_of < 0] = -1
    at_day, at_pupil = np.nonzero(kind.T >= 0)
    return {
        "child": pupils[at_pupil],
        "stay": stay_of[at_pupil, at_day].astype(np.int64),
        "date": days[at_day],
        "kind": kind[at_pupil, at_day].astype(np.int64),
    }


def _registration(rng: np.random.Generator, dates: Days) -> Days:
    """The day of registration: nearly always the day itself, else within a week, and never a weekend."""
    late = rng.choice(np.arange(7), len(dates), p=[0.93, 0.035, 0.015, 0.008, 0.006, 0.004, 0.002])
    registered: Days = on_a_weekday(dates + late)
    return registered


def _corrections(rng: np.random.Generator, columns: dict[str, Any]) -> dict[str, Any]:
    """What the schools put right in the five nights, as versions of records.

    One absence of 8 June is registered eight days late; one of 10 June turns out to be none; one unlawful day becomes
    illness; and the whole of March is sent again with days taken away, added and changed.
    """
    dates, kinds, known_until = columns["date"], columns["kind"], columns["known_until"]

    def on(month: int, number: int) -> Ints:
        return np.flatnonzero(dates == np.datetime64(f"2026-{month:02d}-{number:02d}", "D"))

    late = on(6, 8)[3]
    columns["registered"][late] = columns["known_from"][late] = day(NIGHTS[1])
    withdrawn = on(6, 10)[2]
    columns["known_from"][withdrawn], known_until[withdrawn] = ALWAYS, day(NIGHTS[2])
    changed = on(6, 11)[1]
    kinds[changed] = UNLAWFUL
    columns["registered"][changed] = columns["known_from"][changed] = np.datetime64("2026-06-11", "D")
    in_march = np.flatnonzero(dates.astype("datetime64[M]") == np.datetime64(_CORRECTED_MONTH, "M"))
    march = rng.choice(in_march, max(9, len(in_march) // 100), replace=False)
    removed, added, other_kind = np.array_split(march, 3)
    known_until[removed] = day(_CORRECTED_ON)
    columns["registered"][added] = columns["known_from"][added] = day(_CORRECTED_ON)
    again = np.concatenate([[changed], other_kind])
    new = {name: values[again].copy() for name, values in columns.items()}
    since = np.where(np.arange(len(again)) == 0, day(NIGHTS[3]), day(_CORRECTED_ON))
    known_until[again] = since
    new["known_from"], new["registered"] = since, since
    new["kind"] = np.where(new["kind"] == ILLNESS, UNLAWFUL, ILLNESS)
    return {name: np.concatenate([values, new[name]]) for name, values in columns.items()}


def generate(world: World) -> dict[str, Any]:
    """Write the extracts of all nights."""
    absences = simulate(world.rng, world.town)
    deliveries = deliver(world.town, absences, world.calendar)
    for delivery in deliveries:
        write(world.town, absences, delivery, world.inbox)
        world.came(delivery.path, delivery.as_of)
    return truth(world.town, absences, deliveries)


def simulate(rng: np.random.Generator, town: Town) -> Absences:
    """All days of absence of the town's pupils, with their versions."""
    habits = _habits(rng, len(town.cpr))
    years = [_one_year(rng, town, habits, year) for year in town.years]
    columns: dict[str, Any] = {name: np.concatenate([year[name] for year in years]) for name in years[0]}
    count = len(columns["child"])
    columns["registered"] = _registration(rng, columns["date"])
    columns["known_from"] = columns["registered"].copy()
    columns["known_until"] = np.full(count, NEVER)
    remark = rng.integers(len(_REMARKS), size=count)
    columns["remark"] = np.where(rng.random(count) < _WITH_REMARK, remark, -1)
    # old years are closed: whatever was registered late is in the backfill
    columns["known_from"][columns["registered"] <= day(BACKFILL)] = ALWAYS
    return Absences(**_corrections(rng, columns))


def deliver(town: Town, absences: Absences, calendar: Calendar) -> list[Delivery]:
    """A file a school year, each night the last 14 days, and on the third night March 2026 again."""
    plan: list[tuple[tuple[str, dt.date, dt.date], dt.date]]
    plan = [
        (by_school_year(year), calendar.backfill) for year in town.years if dt.date(year, 8, 1) <= calendar.backfill
    ]
    for night in calendar.nights_of("absence_days"):
        if night == _CORRECTED_ON:
            plan.append((by_month(2026, 3), night))
        plan.append((by_days(night, _NIGHT_DAYS), night))
    known = {"days": absences.date, "known_from": absences.known_from, "known_until": absences.known_until}
    return [extract("absence_days", period, as_of, **known) for period, as_of in plan]


def write(town: Town, absences: Absences, delivery: Delivery, inbox: Path) -> None:
    """Write a file: UTF-8 without BOM, CRLF, the CPR number as ten digits, in the order of days."""
    rows = delivery.rows[np.argsort(absences.date[delivery.rows], kind="stable")]
    children = absences.child[rows].tolist()
    units = town.stays.unit[absences.stay[rows]].tolist()
    write_lines(
        inbox / delivery.path,
        HEADER,
        [
            [town.cpr[child] for child in children],
            [town.units[unit] for unit in units],
            danish_dates(absences.date[rows]),
            [KINDS[kind] for kind in absences.kind[rows].tolist()],
            danish_dates(absences.registered[rows]),
            _remarks(town, children, absences.remark[rows].tolist()),
        ],
        encoding="utf-8",
        newline="\r\n",
    )


def _remarks(town: Town, children: list[int], remarks: list[int]) -> Iterator[str]:
    texts = [quoted(text) for text in _REMARKS]
    for child, remark in zip(children, remarks, strict=True):
        if remark < 0:
            yield ""
        else:
            cpr = town.cpr[child]
            yield texts[remark].format(name=town.names[child], cpr=cpr, dashed=f"{cpr[:6]}-{cpr[6:]}")


def _quarter(days: Days) -> Ints:
    """Calendar quarters as year * 4 + quarter - 1."""
    months: Ints = days.astype("datetime64[M]").astype(np.int64)
    return (months // 12 + 1970) * 4 + months % 12 // 3


def _stay_days(town: Town, year: int, days: Days) -> tuple[Ints, Days]:
    """One entry for each stay of a school year and each of `days` in it (an open stay goes on): the stay, the day."""
    stays = town.stays
    found = []
    for row in town.final(year).tolist():
        end = NEVER if np.isnat(stays.last[row]) else stays.last[row]
        inside = days[np.searchsorted(days, stays.first[row]) : np.searchsorted(days, end, side="right")]
        found.append({"row": row, "days": inside})
    rows = np.repeat([item["row"] for item in found], [len(item["days"]) for item in found]).astype(int)
    return rows, np.concatenate([item["days"] for item in found])


def _year_truth(town: Town, absences: Absences, year: int, rows: Ints) -> dict[str, Any]:
    """Absence of one school year: by school, kind, month, grade and quarter, counted from the arrays.

    School days are those so far. The two rules on a single pupil (over 10 per cent in a school year, 10 and 15 per cent
    unlawful in a quarter) are shares of the whole period: absence to date over all school days of the calendar on which
    the pupil is enrolled at the school, those to come included.
    """
    stays = town.stays
    planned_rows, planned = _stay_days(town, year, school_days(year))
    stay_rows, present = _stay_days(town, year, school_days(year)[school_days(year) <= day(AS_OF)])
    schools = [school.number for school in town.schools]

    # a person's place in the tables below: pupil x school
    def pupil_at_school(stay: Ints) -> Ints:
        result: Ints = stays.child[stay] * 100 + town.school_of[stays.unit[stay]]
        return result

    stay, kind, date = absences.stay[rows], absences.kind[rows], absences.date[rows]
    pairs, of_present = np.unique(pupil_at_school(stay_rows), return_inverse=True)
    of_absent = np.searchsorted(pairs, pupil_at_school(stay))
    # who has not begun at a school yet is none of its pupils, planned days or not
    begun = np.isin(pupil_at_school(planned_rows), pairs)
    planned, of_planned = planned[begun], np.searchsorted(pairs, pupil_at_school(planned_rows[begun]))
    over_10 = np.bincount(of_absent, minlength=len(pairs)) * 10 > np.bincount(of_planned, minlength=len(pairs))
    school_present, school_absent = pairs[of_present] % 100, pairs[of_absent] % 100
    result: dict[str, Any] = {}
    for place, number in enumerate(schools):
        if year not in town.schools[place].pupils:
            continue
        had, missed = np.flatnonzero(school_present == place), np.flatnonzero(school_absent == place)
        days, absent, kinds = present[had], date[missed], kind[missed]
        result[number] = {
            "pupils": int((pairs % 100 == place).sum()),
            "school_days": len(had),
            "over_10_percent": int((over_10 & (pairs % 100 == place)).sum()),
            "days": {name: int((kinds == code).sum()) for code, name in enumerate(KINDS)},
            "by_month": _table(days.astype("datetime64[M]"), absent.astype("datetime64[M]"), kinds),
            "by_grade": _table(stays.grade[stay_rows[had]], stays.grade[stay[missed]], kinds),
            "by_quarter": _quarters(
                (of_present[had], _quarter(days)),
                (of_planned, _quarter(planned)),
                (of_absent[missed], _quarter(absent)),
                kinds=kinds,
            ),
        }
    return result


def _quarters(
    present: tuple[Ints, Ints], planned: tuple[Ints, Ints], absent: tuple[Ints, Ints], *, kinds: Ints
) -> dict[str, dict[str, int]]:
    """Pupils of a school, and those with 10 and 15 per cent unlawful absence, in each calendar quarter.

    Each pair tells the pupil and the quarter of a day. A pupil counts in a quarter with a school day so far; the per
    cent are of all days of the quarter that are planned for the pupil (who may be one of another school, and then has
    no day so far).
    """
    (pupil, quarter), (planned_pupil, planned_quarter), (absent_pupil, absent_quarter) = present, planned, absent
    pupils = int(max(pupil.max(initial=0), planned_pupil.max(initial=0))) + 1
    found = {}
    for value in np.unique(quarter).tolist():
        had = np.bincount(pupil[quarter == value], minlength=pupils)
        due = np.bincount(planned_pupil[planned_quarter == value], minlength=pupils)
        unlawful = (kinds == UNLAWFUL) & (absent_quarter == value)
        missed = np.bincount(absent_pupil[unlawful], minlength=pupils)
        found[f"{value // 4}-Q{value % 4 + 1}"] = {
            "pupils": int((had > 0).sum()),
            "unlawful_days": int(missed.sum()),
            "unlawful_10_percent": int(((missed * 10 >= due) & (had > 0)).sum()),
            "unlawful_15_percent": int(((missed * 20 >= due * 3) & (had > 0)).sum()),
        }
    return found


def _table(present: Any, absent: Any, kind: Ints) -> dict[str, dict[str, int]]:
    """School days and days of absence by kind for each value of a key."""
    values, had = np.unique(present, return_counts=True)
    place = np.searchsorted(values, absent)
    missed = np.bincount(place * len(KINDS) + kind, minlength=len(values) * len(KINDS)).reshape(-1, len(KINDS))
    return {
        str(value): {"school_days": int(days), **dict(zip(KINDS, row, strict=True))}
        for value, days, row in zip(values, had, missed.tolist(), strict=True)
    }


def truth(town: Town, absences: Absences, deliveries: list[Delivery]) -> dict[str, Any]:
    """What the marts must show when all nights have been taken in, and the days that stand after each night."""
    rows = current_rows(deliveries)
    year_of = town.stays.year[absences.stay[rows]]
    nights = {}
    for night in sorted({delivery.as_of for delivery in deliveries}):
        kinds = absences.kind[current_rows([delivery for delivery in deliveries if delivery.as_of <= night])]
        nights[night.isoformat()] = {name: int((kinds == code).sum()) for code, name in enumerate(KINDS)}
    return {
        "deliveries": counts(deliveries),
        "days_after_night": nights,
        "schools": {school_year(year): _year_truth(town, absences, year, rows[year_of == year]) for year in town.years},
    }
