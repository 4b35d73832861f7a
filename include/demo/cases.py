"""The synthetic child cases: children, teams, moves on the ladder of efforts, activities with payments, and reviews.

Three datasets tell of the same cases, so they are made here, from a stream of their own. What comes about in time
(a decision, a payment, an end) has the day on which the source knows it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from include.demo.amounts import hundredths
from include.demo.days import numbered, on_a_weekday
from include.demo.deliveries import (
    ALWAYS,
    AS_OF,
    NEVER,
    NIGHTS,
    YEAR_BACKFILL,
    Days,
    Delivery,
    Ints,
    Mask,
    by_whole,
    day,
)
from include.demo.people import full_names
from include.demo.population import Population
from include.demo.schools import Size
from include.demo.world import World

TEAMS = ("Modtagelsen", "Familieteam Nord", "Familieteam Syd", "Handicapteamet")
DISABILITY = 3
"""The team whose target group is Handicapafdelingen."""

STEPS = (
    "None",
    "Trin 1: Tidlig indsats i almenområdet",
    "Trin 2: Forebyggelse",
    "Trin 3: Hjemmebaserede indsatser",
    "Trin 4: Anbringelse i slægt eller netværk",
    "Trin 5: Anbringelse i forskellige typer af plejefamilier",
    "Trin 6: Anbringelse i institutionstilbud",
)
"""The steps as OS2bos writes them; the first where none is set."""

EFFORTS = ("", "Tidlig indsats", "SSP", "Integrationsindsats", "SSP,Tidlig indsats")
MUNICIPALITIES = ("Ballerup", "Herlev", "Egedal", "Furesø", "None")
CHILDS_ACT = np.datetime64("2024-01-01", "D")

_NOT_A_DAY = np.datetime64("NaT", "D")
_CASES: Mapping[Size, int] = {"small": 40, "city": 900}
_FIRST_CASE = np.datetime64("2021-01-01", "D")
_YEARLY_CHANGES = 1.6
_CLOSED = 0.4
_EXAMINED = 0.65
_REMADE_UNDER_THE_NEW_LAW = 0.7
_SUPPLEMENTED = 0.15
_HORIZON = np.datetime64("2026-12-31", "D")
_DAYS = 100_000
"""More than the days of any date since 1970, so that case and day make one number."""


@dataclass(frozen=True)
class Measure:
    """What a child can be granted; accounts, activities and categories are those of Ballerup's OS2bos.

    `steps` are those of the ladder at which it is given, `kroner` the bounds of a payment.
    """

    service_act: str
    childs_act: str
    text: str
    steps: tuple[int, ...]
    account: str
    activity: str
    name: str
    category: str
    category_name: str
    subject: str
    frequency: str
    kroner: tuple[int, int]
    recipient: str


MEASURES = (
    Measure(
        "SEL-50",
        "BL-20",
        "Børnefaglig undersøgelse",
        (),
        "528211003",
        "015005",
        "Børnepsykologisk undersøgelse",
        "015196",
        "Anden hjælp",
        "27.24.03",
        "",
        (9_000, 28_000),
        "COMPANY",
    ),
    Measure(
        "SEL-11-3.1",
        "BL-30-1.1",
        "Konsulentbistand, familierettet",
        (1, 2),
        "528211017",
        "015016",
        "Konsulentbistand",
        "015200",
        "Forebyggende indsats",
        "27.12.06",
        "MONTHLY",
        (1_500, 6_000),
        "INTERNAL",
    ),
    Measure(
        "SEL-52-3.6",
        "BL-32-1.3",
        "Kontaktperson",
        (2, 3),
        "528211007",
        "015017",
        "Kontaktperson",
        "015202",
        "Kontaktpersonordning",
        "27.27.24",
        "MONTHLY",
        (4_000, 9_500),
        "PERSON",
    ),
    Measure(
        "SEL-52-3.5",
        "BL-32-1.7",
        "Aflastning",
        (2, 3),
        "528211005",
        "015025",
        "Plejefamilier, vederlag",
        "015188",
        "Aflastning i familie",
        "27.27.15",
        "BIWEEKLY",
        (1_800, 5_200),
        "PERSON",
    ),
    Measure(
        "SEL-52-3.2",
        "BL-32-1.2",
        "Støtte i hjemmet",
        (3,),
        "528211002",
        "015027",
        "Støtte i hjemmet",
        "015209",
        "Familiebehandling",
        "27.27.06",
        "MONTHLY",
        (5_000, 16_000),
        "INTERNAL",
    ),
    Measure(
        "SEL-52-3.3",
        "BL-32-1.5",
        "Familiebehandling",
        (3,),
        "528211003",
        "015011",
        "Familiebehandling",
        "015209",
        "Familiebehandling",
        "27.27.09",
        "MONTHLY",
        (8_000, 24_000),
        "COMPANY",
    ),
    Measure(
        "SEL-52-3.7",
        "BL-46",
        "Anbringelse",
        (4,),
        "528221005",
        "015023",
        "Netværksplejefamilier",
        "015194",
        "Anbringelse - Netværksplejefamilie",
        "27.27.33",
        "MONTHLY",
        (9_000, 21_000),
        "PERSON",
    ),
    Measure(
        "SEL-52-3.7",
        "BL-46",
        "Anbringelse",
        (5,),
        "528221002",
        "015025",
        "Plejefamilier, vederlag",
        "015190",
        "Anbringelse - Familiepleje",
        "27.27.30",
        "MONTHLY",
        (22_000, 48_000),
        "PERSON",
    ),
    Measure(
        "SEL-52-3.7",
        "BL-46",
        "Anbringelse",
        (6,),
        "528201003",
        "015031",
        "Soc.pæd. opholdssteder",
        "015195",
        "Anbringelse - Opholdssted",
        "27.27.42",
        "MONTHLY",
        (55_000, 98_000),
        "COMPANY",
    ),
    Measure(
        "SEL-58-jf 52-3.7",
        "BL-47",
        "Anbringelse uden samtykke",
        (6,),
        "528231002",
        "015008",
        "Døgninstitutioner",
        "015191",
        "Anbringelse - Institution",
        "27.24.27",
        "MONTHLY",
        (60_000, 120_000),
        "COMPANY",
    ),
)
EXAMINATION = 0
PRICED_BY_UNIT = 4
"""The measure whose payments are hours by a price."""


@dataclass(frozen=True)
class History:
    """One record an entry in the history of a case, in the order of cases and times; step and scale 0 where not set."""

    case: Ints
    date: Days
    microsecond: Ints
    """Of the day, in UTC."""
    step: Ints
    scale: Ints
    worker: Ints
    number: Ints

    def at(self, case: Ints, date: Days) -> Ints:
        """The entry that stands at the end of a day for each case; before the first entry, the first."""
        starts = np.searchsorted(self.case, case)
        later = np.searchsorted(self.case * _DAYS + self.date.astype(int), case * _DAYS + date.astype(int), "right")
        standing: Ints = np.maximum(later - 1, starts)
        return standing


@dataclass(frozen=True)
class Activities:
    """One record a granted activity. `last` is NaT where no end is set, and known from `end_told` on.

    `main` is the activity under whose appropriation it was granted, itself for a main activity.
    """

    case: Ints
    measure: Ints
    section: list[str]
    first: Days
    last: Days
    end_told: Days
    granted: Days
    main: Ints
    appropriation: list[str]
    amount: Ints
    units: Ints
    price: Ints


@dataclass(frozen=True)
class Payments:
    """One record a version of a payment; amounts in øre. `paid_on` may lie ahead."""

    number: Ints
    activity: Ints
    date: Days
    amount: Ints
    paid_amount: Ints
    paid_on: Days
    known_from: Days
    known_until: Days

    def known(self, night: dt.date) -> Ints:
        """The payments of an export on the evening of `night`: from 1 January two years before to the year's end."""
        now = day(night)
        accounted = np.where(self.paid_on <= now, self.paid_on, self.date)
        rows: Ints = np.flatnonzero(
            (self.known_from <= now)
            & (self.known_until > now)
            & (accounted >= np.datetime64(f"{night.year - 2}-01-01", "D"))
            & (self.date <= np.datetime64(f"{night.year}-12-31", "D"))
        )
        return rows


@dataclass(frozen=True)
class Reviews:
    """One record a version of a review; `held` is known from `held_told` on, NaT for one that is cancelled."""

    number: list[str]
    case: Ints
    kind: Ints
    planned: Days
    held: Days
    held_told: Days
    scale: Ints
    is_heard: Mask
    known_from: Days
    known_until: Days

    def known(self, night: dt.date) -> Ints:
        """The reviews that SBSYS knows on the evening of `night`."""
        rows: Ints = np.flatnonzero((self.known_from <= day(night)) & (self.known_until > day(night)))
        return rows


@dataclass(frozen=True)
class Cases:
    """One entry a case, with all that belongs to the cases. `closed` is NaT for an open case."""

    people: Population
    child: Ints
    number: list[str]
    opened: Days
    closed: Days
    known_until: Days
    team: Ints
    team_before: Ints
    team_since: Days
    efforts: Ints
    residence: Ints
    workers: list[str]
    history: History
    activities: Activities
    payments: Payments
    reviews: Reviews

    def cpr_on(self, night: dt.date) -> list[str]:
        """The child's number in each case, as the sources know it on a day."""
        return [self.people.cpr_on(child, day(night)) for child in self.child.tolist()]

    def team_on(self, night: dt.date) -> list[str]:
        """The team of each case on a day; empty where the case worker has none."""
        teams = np.where(self.team_since > day(night), self.team_before, self.team)
        return ["" if team < 0 else TEAMS[team] for team in teams.tolist()]

    def target_group(self) -> list[str]:
        """The target group of each case."""
        return ["Handicapafdelingen" if team == DISABILITY else "Familieafdelingen" for team in self.team.tolist()]


def simulate(world: World) -> Cases:
    """The cases of the synthetic municipality; the same for every dataset."""
    rng = np.random.default_rng([world.seed, 52])
    people = world.population
    child, opened, closed = _children(rng, people, _CASES[world.size])
    count = len(child)
    workers = full_names(rng, rng.random(6 * len(TEAMS)) < 0.2)  # noqa: PLR2004 - one in five is a man
    team = rng.choice([0, 1, 2, DISABILITY, -1], count, p=[0.14, 0.32, 0.3, 0.2, 0.04])
    team_before, team_since = team.copy(), np.full(count, ALWAYS)
    running = np.flatnonzero(np.isnat(closed) & (team == 1) & (opened < day(AS_OF) - 60))
    team[running[0]], team_since[running[0]] = 2, day(NIGHTS[2])
    known_until = np.full(count, NEVER)
    # a case that was opened by mistake is gone on the fourth night
    opened[running[1]], known_until[running[1]] = day(AS_OF) - 40, day(NIGHTS[3])
    history = _history(rng, opened, closed)
    activities = _activities(rng, history, opened, closed)
    years = (opened.astype("datetime64[Y]").astype(int) % 100 + 70) % 100
    return Cases(
        people=people,
        child=child,
        number=[f"27.24.00-G01-{place + 11}-{year:02d}" for place, year in enumerate(years.tolist())],
        opened=opened,
        closed=closed,
        known_until=known_until,
        team=team,
        team_before=team_before,
        team_since=team_since,
        efforts=rng.integers(len(EFFORTS), size=count),
        residence=rng.choice(len(MUNICIPALITIES), count, p=[0.93, 0.02, 0.02, 0.02, 0.01]),
        workers=workers,
        history=history,
        activities=activities,
        payments=_payments(rng, activities, known_until),
        reviews=_reviews(rng, history, opened, closed, known_until),
    )


def _children(rng: np.random.Generator, people: Population, count: int) -> tuple[Ints, Days, Days]:
    """Children with a case, one each, and when it was opened and closed; those with a new number are among them."""
    here = np.isnat(people.moved_out) & (people.moved_in < day(AS_OF) - 200)
    renamed = np.flatnonzero(here & ~np.isnat(people.replaced_on))
    others = rng.permutation(np.flatnonzero(here & np.isnat(people.replaced_on)))[: count - len(renamed)]
    child: Ints = np.concatenate([renamed, others])
    earliest = np.maximum(people.moved_in[child], _FIRST_CASE) + 20
    opened = earliest + (rng.random(count) * (day(AS_OF) - 60 - earliest).astype(int)).astype(int)
    closed = np.where(rng.random(count) < _CLOSED, opened + rng.integers(120, 1100, count), _NOT_A_DAY)
    closed[: len(renamed)] = _NOT_A_DAY
    closed = np.where(closed > day(AS_OF), _NOT_A_DAY, closed)
    return child, on_a_weekday(opened), closed


def _history(rng: np.random.Generator, opened: Days, closed: Days) -> History:
    """From the opening on some changes a year: more down the ladder than up, or of scale or case worker alone."""
    end = np.where(np.isnat(closed), day(AS_OF), closed)
    span = (end - opened).astype(int)
    changes = rng.poisson(span / 365 * _YEARLY_CHANGES)
    # one entry on each of the five nights
    still = np.flatnonzero(np.isnat(closed))[5 : 5 + len(NIGHTS)]
    case = np.concatenate([np.repeat(np.arange(len(opened)), changes + 1), still])
    is_first = np.r_[True, np.diff(case[: -len(still)]) > 0, np.zeros(len(still), dtype=bool)]
    later = np.maximum((rng.random(len(case)) * span[case]).astype(int), 21)
    date = np.where(is_first, opened[case], opened[case] + np.minimum(later, span[case]))
    date[-len(still) :] = [day(night) for night in NIGHTS]
    microsecond = rng.integers(6 * 3_600, 23 * 3_600, len(case)) * 1_000_000 + rng.integers(0, 1_000_000, len(case))
    microsecond[::9] -= microsecond[::9] % 1_000_000
    order = np.lexsort((microsecond, ~is_first, date, case))
    case, date, microsecond, is_first = case[order], date[order], microsecond[order], is_first[order]
    move = rng.choice([-1, 0, 1], len(case), p=[0.4, 0.35, 0.25])
    shift = rng.integers(-1, 3, len(case))
    step, scale, worker = np.zeros(len(case), dtype=int), np.zeros(len(case), dtype=int), np.zeros(len(case), dtype=int)
    begins = rng.choice([1, 2, 3, 4, 5, 6], len(case), p=[0.08, 0.3, 0.32, 0.08, 0.12, 0.1])
    chance = rng.random(len(case))
    for place in range(len(case)):
        if is_first[place]:
            # some are not placed on the ladder and the scale until the next entry
            step[place] = begins[place] if chance[place] > 0.06 or changes[case[place]] == 0 else 0  # noqa: PLR2004
            scale[place] = rng.integers(2, 6) if chance[place] > 0.1 else 0  # noqa: PLR2004
            worker[place] = rng.integers(6)
        else:
            before = step[place - 1] or begins[place]
            step[place] = min(max(before + move[place], 1), 6)
            scale[place] = min(max((scale[place - 1] or 4) + shift[place], 1), 10)
            worker[place] = worker[place - 1] if chance[place] > 0.2 else rng.integers(6)  # noqa: PLR2004
    number = np.empty(len(case), dtype=int)
    number[np.lexsort((microsecond, date))] = np.arange(1, len(case) + 1)
    return History(case=case, date=date, microsecond=microsecond, step=step, scale=scale, worker=worker, number=number)


def _segments(history: History, closed: Days) -> list[tuple[int, int, np.datetime64, np.datetime64]]:
    """Case, step, first and last day (NaT: none yet) of each stay on a step of the ladder."""
    found: list[tuple[int, int, np.datetime64, np.datetime64]] = []
    for place, (case, step) in enumerate(zip(history.case.tolist(), history.step.tolist(), strict=True)):
        if step == 0:
            continue
        if found and found[-1][0] == case and found[-1][1] == step:
            continue
        if found and found[-1][0] == case:
            found[-1] = (*found[-1][:3], history.date[place] - 1)
        found.append((case, step, history.date[place], closed[case]))
    return found


def _activities(rng: np.random.Generator, history: History, opened: Days, closed: Days) -> Activities:
    """What is granted: an examination at the opening, then a measure for each step; some again under the new law."""
    by_step = {step: [p for p, measure in enumerate(MEASURES) if step in measure.steps] for step in range(1, 7)}
    rows: list[tuple[int, int, np.datetime64, np.datetime64]] = []
    for owner, date in enumerate(opened):
        if rng.random() < _EXAMINED:
            rows.append((owner, EXAMINATION, date, date + 110))
    for owner, step, begin, end in _segments(history, closed):
        if not np.isnat(end) and (end - begin).astype(int) < 15:  # noqa: PLR2004 - too short to be granted anything
            continue
        chosen, start = int(rng.choice(by_step[step])), begin + int(rng.integers(0, 14))
        crosses = start < CHILDS_ACT and not end < CHILDS_ACT
        if crosses and rng.random() < _REMADE_UNDER_THE_NEW_LAW:
            rows += [(owner, chosen, start, CHILDS_ACT - 1), (owner, chosen, CHILDS_ACT, end)]
        else:
            rows.append((owner, chosen, start, end))
    # one measure began in April and was granted on the third night
    late = next(place for place, row in enumerate(rows) if row[1] != EXAMINATION and np.isnat(row[3]))
    rows[late] = (rows[late][0], rows[late][1], np.datetime64("2026-04-01", "D"), rows[late][3])
    mains = len(rows)
    extra = [p for p, row in enumerate(rows) if row[1] != EXAMINATION and p != late and rng.random() < _SUPPLEMENTED]
    rows += [rows[place] for place in extra]
    main = np.concatenate([np.arange(mains), np.array(extra, dtype=int)])
    case = np.array([row[0] for row in rows])
    measure = np.array([row[1] for row in rows])
    first = np.array([row[2] for row in rows], dtype="datetime64[D]")
    last = np.array([row[3] for row in rows], dtype="datetime64[D]")
    granted = first - rng.integers(-6, 12, len(rows))
    granted[late] = day(NIGHTS[2])
    granted = granted[main]
    low = np.array([item.kroner[0] for item in MEASURES])[measure]
    high = np.array([item.kroner[1] for item in MEASURES])[measure]
    amount = (low * 100 + rng.random(len(rows)) * (high - low) * 100).astype(int)
    amount[mains:] //= 9
    is_unit = (measure == PRICED_BY_UNIT) & (main == np.arange(len(rows)))
    units = np.where(is_unit, rng.integers(8, 40, len(rows)) * 50, 0)
    price = np.where(is_unit, rng.integers(31_000, 52_000, len(rows)), 0)
    appropriation_years = (first[main].astype("datetime64[Y]").astype(int) + 1970) % 100
    subjects = [MEASURES[measure[place]].subject for place in main.tolist()]
    return Activities(
        case=case,
        measure=measure,
        section=[
            MEASURES[kind].childs_act if start >= CHILDS_ACT else MEASURES[kind].service_act
            for kind, start in zip(measure[main].tolist(), first[main], strict=True)
        ],
        first=first,
        last=last,
        end_told=np.where(np.isnat(last), NEVER, np.maximum(last - rng.integers(0, 30, len(rows)), granted)),
        granted=granted,
        main=main,
        appropriation=[
            f"{subject}-G01-{place + 101}-{year:02d}"
            for subject, place, year in zip(subjects, main.tolist(), appropriation_years.tolist(), strict=True)
        ],
        amount=np.where(is_unit, (units * price + 50) // 100, amount),
        units=units,
        price=price,
    )


def _payments(rng: np.random.Generator, activities: Activities, known_until: Days) -> Payments:
    """Payments of all activities to the end of 2026; those after an end stand until the end is told."""
    parts: list[tuple[Ints, Days]] = []
    for place, (kind, first) in enumerate(zip(activities.measure.tolist(), activities.first, strict=True)):
        frequency = MEASURES[kind].frequency
        if frequency == "MONTHLY":
            months = np.arange(first.astype("datetime64[M]"), _HORIZON.astype("datetime64[M]") + 1)
            dates = months.astype("datetime64[D]")
            dates = dates[dates >= first]
        else:
            dates = np.arange(first, _HORIZON + 1, 14) if frequency else np.array([first + 40])
        parts.append((np.full(len(dates), place), dates))
    activity = np.concatenate([part[0] for part in parts])
    date = np.concatenate([part[1] for part in parts])
    until = known_until[activities.case[activity]]
    after_end = date > np.where(np.isnat(activities.last), _HORIZON, activities.last)[activity]
    until = np.where(after_end, np.minimum(until, activities.end_told[activity]), until)
    # nobody ever sees what was gone, or paid too long ago, before the first night of all
    seen = (until > day(YEAR_BACKFILL)) & (date >= np.datetime64(f"{YEAR_BACKFILL.year - 2}-01-01", "D"))
    activity, date, until = activity[seen], date[seen], until[seen]
    order = np.lexsort((date, activity))
    activity, date, until = activity[order], date[order], until[order]
    count = len(date)
    granted = activities.granted[activity]
    amount = activities.amount[activity]
    paid_on = np.busday_offset(np.maximum(date, granted), rng.integers(0, 4, count), roll="forward")
    other = rng.random(count) < 0.03  # noqa: PLR2004 - an invoice that is not what was granted
    paid_amount = amount + np.where(other, rng.integers(-90_000, 90_000, count), 0)
    columns: dict[str, Any] = {
        "number": np.arange(count) + 50_001,
        "activity": activity,
        "date": date,
        "amount": amount,
        "paid_amount": np.maximum(paid_amount, 100),
        "paid_on": paid_on,
        "known_from": granted,
        "known_until": until,
    }
    # two payments of May: the amount of one is corrected on the second night, the other is withdrawn on the fourth
    may = (paid_on >= np.datetime64("2026-05-01", "D")) & (paid_on <= np.datetime64("2026-05-31", "D"))
    corrected, withdrawn = np.flatnonzero(may & (until == NEVER) & (granted < day(NIGHTS[0])))[:2].tolist()
    columns["known_until"][withdrawn] = day(NIGHTS[3])
    again = {name: values[[corrected]] for name, values in columns.items()}
    columns["known_until"][corrected] = day(NIGHTS[1])
    again |= {"paid_amount": again["paid_amount"] + 123_45, "known_from": np.array([day(NIGHTS[1])])}
    return Payments(**{name: np.concatenate([values, again[name]]) for name, values in columns.items()})


def _reviews(rng: np.random.Generator, history: History, opened: Days, closed: Days, known_until: Days) -> Reviews:
    """Reviews of each case about every sixth week, the last one ahead; some late, some cancelled, a few put right."""
    rows: list[tuple[int, int, np.datetime64, np.datetime64, np.datetime64]] = []
    for owner, start in enumerate(opened):
        known, due, kind = start, start + 42, 0
        while True:
            is_late = rng.random() < 0.18  # noqa: PLR2004
            off = int(rng.integers(8, 60) if is_late else rng.integers(-4, 5))
            on = np.busday_offset(due + off, 0, roll="forward")
            is_cancelled = rng.random() < 0.04  # noqa: PLR2004
            is_over = not np.isnat(closed[owner]) and on >= closed[owner]
            if on >= CHILDS_ACT:
                rows.append((owner, 2 if is_over else kind, due, _NOT_A_DAY if is_cancelled else on, known))
            if is_over or on > day(AS_OF) + 1:
                break
            known, due, kind = on, on + 42, 1
    case = np.array([row[0] for row in rows])
    planned, held, known_from = (np.array([row[place] for row in rows], dtype="datetime64[D]") for place in (2, 3, 4))
    scale = np.clip(history.scale[history.at(case, planned)] + rng.integers(0, 3, len(rows)), 1, 10)
    order = np.lexsort((case, planned))
    number = np.empty(len(rows), dtype="<U14")
    number[order] = numbered("OPF", planned[order])
    columns: dict[str, Any] = {
        "number": number,
        "case": case,
        "kind": np.array([row[1] for row in rows]),
        "planned": planned,
        "held": held,
        "held_told": held + rng.choice(6, len(rows), p=[0.6, 0.2, 0.1, 0.05, 0.03, 0.02]),
        "scale": scale,
        "is_heard": rng.random(len(rows)) < 0.8,  # noqa: PLR2004
        "known_from": known_from,
        "known_until": known_until[case],
    }
    spring = (held > np.datetime64("2026-04-15", "D")) & (held < np.datetime64("2026-06-01", "D"))
    corrected, withdrawn = np.flatnonzero(spring & (columns["known_until"] == NEVER))[[0, -1]].tolist()
    columns["known_until"][withdrawn] = day(NIGHTS[3])
    again = {name: values[[corrected]] for name, values in columns.items()}
    columns["known_until"][corrected] = day(NIGHTS[1])
    again |= {"scale": again["scale"] % 10 + 1, "known_from": np.array([day(NIGHTS[1])])}
    joined = {name: np.concatenate([values, again[name]]) for name, values in columns.items()}
    return Reviews(**joined | {"number": joined["number"].tolist()})


def kroner(oere: Ints) -> list[str]:
    """Amounts in kroner with two decimals and a point."""
    return list(map(hundredths, oere.tolist()))


def write_whole(
    world: World, dataset: str, night: dt.date, version: int | None, lines: Sequence[str], *, encoding: str = "utf-8"
) -> Delivery:
    """Write an extract of all that a source has, its lines made already, ended by CRLF."""
    header, *rows = lines
    days = np.full(len(rows), day(night))
    label, first, last = by_whole(night)
    delivery = Delivery(dataset, label, night, first, last, np.arange(len(rows)), days, version)
    world.write(delivery, [header], [rows], encoding=encoding, newline="\r\n")
    return delivery
