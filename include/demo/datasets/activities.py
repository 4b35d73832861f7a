"""The synthetic activities of projects and inspections: counts and organisations, no persons.

What the documents name is planted as they tell it: five satellite teams with their associations and two dance teams,
over 50 parents helped, the competence courses and communities of Sammen om Børn in ten houses of two districts,
inspections every second year with three hours of observation and two of dialogue. An activity's status follows its
dates from export to export; one is cancelled, one was registered twice and deleted, one was counted wrong.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from include.demo.amounts import hundredths
from include.demo.deliveries import (
    ALWAYS,
    AS_OF,
    NEVER,
    NIGHTS,
    Days,
    by_whole,
    counts,
    current_rows,
    day,
    extract,
    quoted,
)
from include.demo.houses import DISTRICTS, HOUSES, PROJECT_HOUSES
from include.demo.monthly import exports
from include.demo.people import full_names
from include.demo.world import World

DATASET = "activities"
HEADER = [
    "Aktivitetsnr",
    "Aktivitetstype",
    "Projekt",
    "Titel",
    "Institutionsnummer",
    "Huskode",
    "Distrikt",
    "Forening",
    "Fra",
    "Til",
    "Status",
    "Forventede deltagere",
    "Deltagere",
    "Nye deltagere",
    "Deltagere før projektet",
    "Gennemført af",
    "Faggruppe",
    "Opgavetype",
    "Observationstimer",
    "Dialogtimer",
    "Rapportdato",
    "Kvalitetssamtale",
    "Kontaktperson",
    "Bemærkning",
]
PLANNED, RUNNING, HELD, CANCELLED = "Planlagt", "I gang", "Gennemført", "Aflyst"

_HEDEGAARD, _GRANTOFTEN, _RUGVAENGET = "151003", "280562", "281844"
_TEAMS = (
    ("Satellithold", "BSF", _HEDEGAARD, dt.date(2024, 9, 9)),
    ("Satellithold", "BAK", _RUGVAENGET, dt.date(2024, 10, 21)),
    ("Satellithold", "Triton", _HEDEGAARD, dt.date(2025, 1, 13)),
    ("Satellithold", "BBC58", _GRANTOFTEN, dt.date(2025, 2, 3)),
    ("Satellithold", "BMS", _RUGVAENGET, dt.date(2025, 3, 10)),
    ("Dansehold", "Musikskolen", _GRANTOFTEN, dt.date(2024, 11, 4)),
    ("Dansehold", "Musikskolen", _GRANTOFTEN, dt.date(2025, 1, 20)),
)
"""The teams that the statement of Icehearts names."""
_DISTRICT_OF = {_HEDEGAARD: "HED", _GRANTOFTEN: "BAL", _RUGVAENGET: "BAL"}
_SCHOOLS = {"BAL": "280562", "SKL": "280564", "SKV": "280563", "MAA": "280565", "HED": "151003"}
"""A school or department of each district, for conferences and rounds of action learning."""
_TASKS = ("Faglig-pædagogisk udvikling", "Personale", "Forældre", "Grupper af børn", "Enkeltbørn")
_COMMON = ("Forældrekaffe", "Legestue", "Fællesspisning", "Sangeftermiddag; forældre og børn")
_NOTES = ("", "", "", "Afventer svar fra lederen", 'Kaldes "onsdagsholdet"; se referat', "Ringet til forening – ok")

_CORRECTED_ON, _DELETED_ON, _LATE_ON = NIGHTS[2], NIGHTS[2], NIGHTS[1]
_INSPECTED_SINCE = AS_OF.replace(year=AS_OF.year - 2)
_NOT_INSPECTED = "SKL-06"
"""The house that the latest round of inspections has not come to."""


@dataclass(frozen=True)
class Activity:
    """One record of the register. What a status allows to be told is told from the day on which it is so."""

    kind: str
    project: str
    title: str
    first: dt.date
    last: dt.date | None
    institution: str = ""
    house: str = ""
    district: str = ""
    association: str = ""
    expected: int | None = None
    participants: int | None = None
    new: int | None = None
    before: int | None = None
    completed: int | None = None
    profession: str = ""
    task: str = ""
    hours: tuple[int, int] | None = None
    talk: dt.date | None = None
    cancelled: dt.date | None = None
    registered: dt.date = field(default=dt.date.min)
    known_from: np.datetime64 = ALWAYS
    known_until: np.datetime64 = NEVER
    number: str = ""

    def status(self, night: dt.date) -> str:
        """What the register says on the evening of `night`."""
        if self.cancelled is not None and self.cancelled <= night:
            return CANCELLED
        if self.first > night:
            return PLANNED
        return RUNNING if self.last is None or self.last > night else HELD


def _icehearts(rng: np.random.Generator) -> Iterator[Activity]:
    """The teams, one that is planned and one that was cancelled, and the parents helped each month at both schools."""
    for kind, association, school, first in _TEAMS:
        yield Activity(
            kind=kind,
            project="ICE",
            title=f"{kind} {association}",
            first=first,
            last=None,
            institution=school,
            district=_DISTRICT_OF[school],
            association=association,
            expected=15,
            participants=int(rng.integers(8, 16)),
        )
    planned = Activity(
        kind="Satellithold",
        project="ICE",
        title="Satellithold",
        first=dt.date(2026, 8, 17),
        last=None,
        institution=_HEDEGAARD,
        district="HED",
        association="BBC58",
        expected=12,
        registered=dt.date(2026, 5, 20),
    )
    yield planned
    yield replace(
        planned,
        association="BAK",
        first=dt.date(2025, 9, 1),
        cancelled=dt.date(2025, 9, 22),
        registered=dt.date(2025, 8, 4),
    )
    for school in (_HEDEGAARD, _GRANTOFTEN):
        for month in np.arange(np.datetime64("2024-09"), np.datetime64(AS_OF, "M")):
            first, last = month.astype("datetime64[D]").item(), ((month + 1).astype("datetime64[D]") - 1).item()
            helped = int(rng.integers(3, 10))
            yield Activity(
                kind="Forældrehjælp",
                project="ICE",
                title=f"Forældre hjulpet {month}",
                first=first,
                last=last,
                institution=school,
                district=_DISTRICT_OF[school],
                participants=helped,
                new=int(rng.binomial(helped, 0.45)),
                # counted when the month is over
                registered=last + dt.timedelta(days=1),
            )


def _together(rng: np.random.Generator) -> Iterator[Activity]:
    """Sammen om Børn: courses by profession, new communities, and common activities with those of before."""
    for number, house in enumerate(PROJECT_HOUSES):
        for round_number in range(2):
            first = dt.date(2021 + (number + round_number) % 3, 9, 6) + dt.timedelta(days=int(rng.integers(0, 120)))
            taking_part = int(rng.integers(5, 8))
            yield Activity(
                kind="Kompetenceforløb",
                project="SOB",
                title=f"Kompetenceforløb {house.name}",
                first=first,
                last=first + dt.timedelta(days=90),
                expected=taking_part,
                participants=taking_part,
                completed=taking_part - int(rng.random() < 0.3),  # noqa: PLR2004 - now and then one stops
                profession="Pædagog",
                house=house.code,
                district=house.district,
            )
        for community in range({0: 2, 7: 4}.get(number, 3)):
            first = dt.date(2022, 1, 10) + dt.timedelta(days=int(rng.integers(0, 1000)))
            late = number == 4 and community == 0  # noqa: PLR2004 - one is registered only now
            yield Activity(
                kind="Fællesskab",
                project="SOB",
                title=f"Nyt fællesskab {community + 1}",
                first=first,
                last=first + dt.timedelta(days=400) if rng.random() < 0.4 else None,  # noqa: PLR2004 - others go on
                participants=int(rng.integers(6, 25)),
                registered=_LATE_ON if late else dt.date.min,
                house=house.code,
                district=house.district,
            )
        for title in _COMMON:
            first = dt.date(2023, 1, 9) + dt.timedelta(days=int(rng.integers(0, 600)))
            before = int(rng.integers(8, 31))
            yield Activity(
                kind="Fælles aktivitet",
                project="SOB",
                title=title,
                first=first,
                last=first + dt.timedelta(days=180),
                before=before,
                participants=round(before * rng.uniform(1.0, 1.5)),
                house=house.code,
                district=house.district,
            )
    for district in ("BAL", "HED"):
        for profession, many in (("Sundhedsplejerske", 3), ("PPR-medarbejder", 2)):
            first = dt.date(2022, 2, 7) if district == "BAL" else dt.date(2023, 2, 6)
            yield Activity(
                kind="Kompetenceforløb",
                project="SOB",
                title=f"Kompetenceforløb {DISTRICTS[district]}",
                first=first,
                last=first + dt.timedelta(days=120),
                district=district,
                expected=many,
                participants=many,
                completed=many,
                profession=profession,
            )


def _groups(rng: np.random.Generator) -> Iterator[Activity]:
    """Familiehuset's anxiety groups: three a year, the last of them planned."""
    for year in range(2023, 2027):
        for month in (2, 4, 9):
            first = dt.date(year, month, 8)
            yield Activity(
                kind="Angstgruppe",
                project="FH",
                title=f"Angstgruppe {year}-{month}",
                first=first,
                last=first + dt.timedelta(days=84),
                expected=8,
                participants=int(rng.integers(5, 9)) if first <= AS_OF else 0,
                # places are offered long before
                registered=first - dt.timedelta(days=120),
            )


def _inspections(rng: np.random.Generator) -> Iterator[Activity]:
    """Every second year all houses, district by district; the quality talk when a district's houses are done."""
    for start in (2021, 2023, 2025):
        for turn, district in enumerate(DISTRICTS):
            opening = dt.date(start, 2, 3) + dt.timedelta(days=80 * turn)
            visits = {
                house.code: opening + dt.timedelta(days=int(rng.integers(0, 40)))
                for house in HOUSES
                if house.district == district and not (start == 2025 and house.code == _NOT_INSPECTED)  # noqa: PLR2004
            }
            talk = max(visits.values()) + dt.timedelta(days=60)
            for code, first in visits.items():
                yield Activity(
                    kind="Tilsyn",
                    project="TIL",
                    title=f"Tilsyn {code}",
                    first=first,
                    # an inspection ends with its report
                    last=first + dt.timedelta(days=int(rng.integers(10, 35))),
                    house=code,
                    district=district,
                    hours=(int(rng.choice([250, 300, 300, 300, 350])), int(rng.choice([150, 200, 200, 200]))),
                    talk=talk,
                )
    yield Activity(
        kind="Tilsyn",
        project="TIL",
        title=f"Tilsyn {_NOT_INSPECTED}",
        first=dt.date(2026, 9, 7),
        last=dt.date(2026, 9, 28),
        house=_NOT_INSPECTED,
        district="SKL",
        hours=(300, 200),
        registered=dt.date(2026, 5, 4),
    )


def _conferences(rng: np.random.Generator) -> Iterator[Activity]:
    """PPR's coordination conferences: each month one or two tasks in each district, at its school or in a house."""
    for month in np.arange(np.datetime64("2023-01"), np.datetime64(AS_OF, "M") + 1):
        for district in DISTRICTS:
            for _ in range(int(rng.integers(1, 3))):
                date = month.astype("datetime64[D]").item() + dt.timedelta(days=int(rng.integers(0, 28)))
                houses = [house for house in HOUSES if house.district == district]
                at_school = rng.random() < 0.5  # noqa: PLR2004
                yield Activity(
                    kind="Koordineringskonference",
                    project="PPR",
                    title="Koordineringskonference",
                    first=date,
                    last=date,
                    institution=_SCHOOLS[district] if at_school else "",
                    house="" if at_school else houses[int(rng.integers(len(houses)))].code,
                    district=district,
                    task=_TASKS[int(rng.choice(len(_TASKS), p=[0.3, 0.1, 0.15, 0.25, 0.2]))],
                )


def _action_learning(rng: np.random.Generator) -> Iterator[Activity]:
    """Rounds of BAL: the pilot district in 2017, the others from 2018, some in houses and some at schools."""
    for year in range(2017, AS_OF.year + 1):
        for half in (3, 10):
            for district in DISTRICTS if year > 2017 else ("HED",):  # noqa: PLR2004
                first = dt.date(year, half, 4) + dt.timedelta(days=int(rng.integers(0, 20)))
                houses = [house for house in HOUSES if house.district == district]
                at_school = rng.random() < 0.4  # noqa: PLR2004
                taking_part = int(rng.integers(8, 26))
                yield Activity(
                    kind="BAL-runde",
                    project="BAL",
                    title="BAL aktionslæring",
                    first=first,
                    last=first + dt.timedelta(days=70),
                    institution=_SCHOOLS[district] if at_school else "",
                    house="" if at_school else houses[int(rng.integers(len(houses)))].code,
                    district=district,
                    participants=taking_part,
                    completed=taking_part - int(rng.integers(0, 4)),
                )


_MAKERS: tuple[Callable[[np.random.Generator], Iterator[Activity]], ...] = (
    _icehearts,
    _together,
    _groups,
    _inspections,
    _conferences,
    _action_learning,
)


def _simulate(rng: np.random.Generator) -> list[Activity]:
    """All activities in the order of their registration, numbered by project and year, with what was corrected."""
    made = [activity for maker in _MAKERS for activity in maker(rng)]
    dated = [
        replace(one, registered=max(one.registered, one.first - dt.timedelta(days=30)))
        if one.registered == dt.date.min
        else one
        for one in made
    ]
    running: dict[tuple[str, int], int] = {}
    numbered: list[Activity] = []
    for one in sorted(dated, key=lambda item: (item.registered, item.kind, item.house, item.institution, item.title)):
        key = (one.project, one.registered.year)
        running[key] = running.get(key, 0) + 1
        number = f"{one.project}-{one.registered.year}-{running[key]:04d}"
        numbered.append(replace(one, number=number))
    return [*_with_correction(numbered), *_registered_twice(numbered)]


def _with_correction(activities: Sequence[Activity]) -> Iterator[Activity]:
    """The latest anxiety group that is over was counted two too high, until it was counted again."""
    latest = max(
        (one for one in activities if one.kind == "Angstgruppe" and one.participants), key=lambda one: one.first
    )
    for one in activities:
        if one is not latest:
            yield one
            continue
        yield replace(one, participants=(one.participants or 0) + 2, known_until=day(_CORRECTED_ON))
        yield replace(one, known_from=day(_CORRECTED_ON))


def _registered_twice(activities: Sequence[Activity]) -> Iterator[Activity]:
    """A community of the last house stood in the register twice, under two numbers, until one was deleted."""
    one = next(one for one in activities if one.kind == "Fællesskab" and one.house == PROJECT_HOUSES[-1].code)
    yield replace(one, number=f"SOB-{one.registered.year}-9001", known_until=day(_DELETED_ON))


def _fields(one: Activity, night: dt.date, contact: str, note: str) -> list[str]:
    """A line of the register as it stands on the evening of `night`."""
    status = one.status(night)
    is_told = status in (RUNNING, HELD)
    has_begun = is_told and one.kind == "Tilsyn" and one.hours is not None
    is_over = status == HELD
    return [
        one.number,
        one.kind,
        one.project,
        quoted(one.title),
        one.institution,
        one.house,
        DISTRICTS.get(one.district, ""),
        one.association,
        _date(one.first),
        _date(one.last),
        status,
        _number(one.expected),
        _number(one.participants if is_told else None),
        _number(one.new),
        _number(one.before),
        _number(one.completed if is_over else None),
        one.profession,
        one.task,
        hundredths(one.hours[0], ",") if has_begun and one.hours else "",
        hundredths(one.hours[1], ",") if has_begun and one.hours else "",
        _date(one.last) if is_over and one.kind == "Tilsyn" else "",
        _date(one.talk) if is_over and one.talk is not None and one.talk <= night else "",
        contact,
        quoted(note),
    ]


def _date(date: dt.date | None) -> str:
    return f"{date:%d-%m-%Y}" if date else ""


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def generate(world: World) -> dict[str, Any]:
    """Write the exports: the whole register each month, and once more when mistakes in it had been corrected."""
    activities = _simulate(world.rng)
    contacts = full_names(world.rng, world.rng.random(40) < 0.3)  # noqa: PLR2004 - most who organise are women
    registered: Days = np.array([one.registered for one in activities], dtype="datetime64[D]")
    known = {
        "days": registered,
        "known_from": np.array([one.known_from for one in activities]),
        "known_until": np.array([one.known_until for one in activities]),
    }
    deliveries = [
        extract(DATASET, by_whole(night), night, **known)
        for night in exports(world.calendar, DATASET, (_CORRECTED_ON, _DELETED_ON))
    ]
    for delivery in deliveries:
        lines = [
            _fields(activities[row], delivery.as_of, contacts[row % len(contacts)], _NOTES[row % len(_NOTES)])
            for row in delivery.rows.tolist()
        ]
        # with the mark of UTF-8, as Excel writes it
        world.write(delivery, HEADER, list(zip(*lines, strict=True)), encoding="utf-8-sig", newline="\r\n")
    night = deliveries[-1].as_of
    stand = [activities[row] for row in current_rows(deliveries).tolist()]
    return {"deliveries": counts(deliveries), "figures": _figures(stand, night)}


def _figures(activities: Sequence[Activity], night: dt.date) -> dict[str, list[dict[str, Any]]]:
    """What the measures count: teams, parents, courses, communities, groups, inspections, conferences, rounds."""

    def of(kind: str, *statuses: str) -> list[Activity]:
        return [one for one in activities if one.kind == kind and one.status(night) in (statuses or (RUNNING, HELD))]

    def grouped(chosen: Sequence[Activity], *names: str) -> dict[tuple[Any, ...], list[Activity]]:
        found: dict[tuple[Any, ...], list[Activity]] = {}
        for one in chosen:
            found.setdefault(tuple(getattr(one, name) for name in names), []).append(one)
        return found

    statuses: dict[tuple[str, str], int] = {}
    for one in activities:
        key = (one.kind, one.status(night))
        statuses[key] = statuses.get(key, 0) + 1
    teams = grouped([*of("Satellithold", RUNNING), *of("Dansehold", RUNNING)], "kind", "institution")
    helped = grouped(of("Forældrehjælp"), "first")
    courses = grouped(of("Kompetenceforløb", HELD), "profession", "district")
    common = grouped(of("Fælles aktivitet"), "house")
    rounds = grouped(of("BAL-runde", HELD), "district")
    anxiety = grouped([*of("Angstgruppe"), *of("Angstgruppe", PLANNED)], "first")
    inspected = grouped(of("Tilsyn", HELD), "house")
    return {
        "by_kind_status": [
            {"activity_kind": kind, "activity_status": status, "activities": count}
            for (kind, status), count in statuses.items()
        ],
        "active_teams": [
            {
                "activity_kind": kind,
                "institution_number": school,
                "teams": len(own),
                "participants": sum(one.participants or 0 for one in own),
            }
            for (kind, school), own in teams.items()
        ],
        "parents_helped": [
            {"first_date": first.isoformat(), "parents": sum(one.new or 0 for one in own)}
            for (first,), own in helped.items()
        ],
        "courses": [
            {
                "profession_group": profession,
                "district_code": district,
                "houses": len({one.house for one in own if one.house}),
                "completed": sum(one.completed or 0 for one in own),
            }
            for (profession, district), own in courses.items()
        ],
        "communities": [
            {"house_code": house, "communities": len(own)}
            for (house,), own in grouped(of("Fællesskab"), "house").items()
        ],
        "parents_involved": [
            {
                "house_code": house,
                "participants": sum(one.participants or 0 for one in own),
                "participants_before": sum(one.before or 0 for one in own),
            }
            for (house,), own in common.items()
        ],
        "anxiety_groups": [
            {
                "first_date": first.isoformat(),
                "participants": sum(one.participants or 0 for one in own),
                "expected": sum(one.expected or 0 for one in own),
            }
            for (first,), own in anxiety.items()
        ],
        "inspections": [
            {
                "house_code": house,
                "inspections": len(own),
                "inspected_lately": sum(one.first > _INSPECTED_SINCE for one in own),
                "observation_hours": hundredths(sum(one.hours[0] for one in own if one.hours)),
                "dialogue_hours": hundredths(sum(one.hours[1] for one in own if one.hours)),
                "last_report_date": max(one.last for one in own if one.last).isoformat(),
                "quality_talks": sum(one.talk is not None and one.talk <= night for one in own),
            }
            for (house,), own in inspected.items()
        ],
        "conferences": [
            {"task_type": task, "district_code": district, "conferences": len(own)}
            for (task, district), own in grouped(of("Koordineringskonference"), "task", "district").items()
        ],
        "action_learning": [
            {
                "district_code": district,
                "participants": sum(one.participants or 0 for one in own),
                "completed": sum(one.completed or 0 for one in own),
            }
            for (district,), own in rounds.items()
        ],
    }
