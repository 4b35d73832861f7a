"""The synthetic examinations at school start: coarse results, and what the child said in the wellbeing talk.

The journal exports the school year that runs. An examination is entered up to a week late; a few results are put right.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from include.demo.days import numbered
from include.demo.deliveries import (
    AS_OF,
    NEVER,
    Calendar,
    Days,
    Delivery,
    Ints,
    Mask,
    by_school_year,
    counts,
    danish_dates,
    day,
    extract,
    quoted,
)
from include.demo.early_years import Table, figure, numbers_on, standing_table, text_of, to_put_right, with_mistakes
from include.demo.people import dashed
from include.demo.school_days import school_days, school_year
from include.demo.schools import ICEHEARTS_SCHOOLS
from include.demo.world import World

QUESTIONS = 6
HEADER = [
    "Undersøgelsesnr",
    "CPR-nr",
    "Navn",
    "Skoleår",
    "Institutionsnr",
    "Undersøgt",
    "Undersøgt af",
    "Højde",
    "Vægt",
    "Syn",
    "Hørelse",
    "Motorik",
    *(f"Trivsel {question}" for question in range(1, QUESTIONS + 1)),
    "Notat",
]

EXAMINERS = ("Sundhedsplejerske", "Læge")
RESULTS = {
    "height_result": (("Under forventet", "Som forventet", "Over forventet", "Ikke målt"), (0.03, 0.92, 0.03, 0.02)),
    "weight_result": (
        ("Undervægt", "Normalvægt", "Overvægt", "Svær overvægt", "Ikke målt"),
        (0.07, 0.77, 0.1, 0.03, 0.03),
    ),
    "vision_result": (("Normalt", "Henvist", "Kendt nedsat", "Ikke undersøgt"), (0.84, 0.08, 0.06, 0.02)),
    "hearing_result": (("Normal", "Henvist", "Kendt nedsat", "Ikke undersøgt"), (0.92, 0.04, 0.02, 0.02)),
    "motor_result": (("Alderssvarende", "Usikker", "Henvist", "Ikke undersøgt"), (0.83, 0.11, 0.04, 0.02)),
}
"""The values of each result and how often they occur."""

ANSWERS = ("Glad", "Mellem", "Trist")
GLAD = 0
_GLAD_SHARES = (0.86, 0.8, 0.74, 0.69, 0.83, 0.77)
"""How often each question gets the most positive answer, a little more with each year where Sammen om Børn was."""

_COVERED = 0.95
_CORRECTED = 0.01
_NOTES = (
    "",
    "",
    "Henvist; se brev til forældre",
    "{name} kender farverne",
    "Cpr {dashed}",
    'Sagde "jeg har ingen venner"',
)


@dataclass(frozen=True)
class Examinations:
    """One record a version of an examination, `examination` the same for all. `answers` is records x 6, -1 is none."""

    examination: Ints
    child: Ints
    year: Ints
    unit: Ints
    date: Days
    examiner: Ints
    results: NDArray[np.int64]
    answers: NDArray[np.int64]
    known_from: Days
    known_until: Days


def generate(world: World) -> dict[str, Any]:
    """Write the files of all nights; returns the truth."""
    examinations = simulate(world)
    deliveries = deliver(examinations, world.calendar)
    for delivery in deliveries:
        _write(world, examinations, delivery)

    def shown(rows: Ints, as_of: dt.date) -> Table:
        return _shown(world, examinations, rows, as_of)

    return {"deliveries": counts(deliveries), "figures": figures(standing_table(deliveries, shown))}


def simulate(world: World) -> Examinations:
    """The examinations of all pupils of grade 0, once each, in the order of their days."""
    town, rng = world.town, world.rng
    parts: list[tuple[Ints, Ints, Ints, Days]] = []
    examined: Ints = np.array([], dtype=np.int64)
    for year in town.years:
        rows = town.final(year)
        rows = rows[(town.stays.grade[rows] == 0) & ~np.isin(town.stays.child[rows], examined)]
        pupils = np.unique(town.stays.child[rows])
        pupils = pupils[rng.random(len(pupils)) < _COVERED]
        days = school_days(year)[20:195]
        date = days[rng.integers(0, len(days), len(pupils))]
        place = np.full(len(town.cpr), -1)
        place[pupils] = np.arange(len(pupils))
        rows = rows[place[town.stays.child[rows]] >= 0]
        on = date[place[town.stays.child[rows]]]
        there = (town.stays.first[rows] <= on) & ~(town.stays.last[rows] < on) & (on <= day(AS_OF))
        rows, on = rows[there], on[there]
        examined = np.concatenate([examined, town.stays.child[rows]])
        parts.append((town.stays.child[rows], town.stays.unit[rows], np.full(len(rows), year), on))
    child, unit, year_of, date = (np.concatenate([part[column] for part in parts]) for column in range(4))
    order = np.lexsort((child, date))
    child, unit, year_of, date = child[order], unit[order], year_of[order], date[order]
    count = len(child)
    with_project = np.isin(town.school_numbers(unit), ICEHEARTS_SCHOOLS)
    glad = np.array(_GLAD_SHARES)[None, :] + (0.02 * (year_of - town.years[0]) * with_project)[:, None]
    answers = np.where(
        rng.random((count, QUESTIONS)) < glad,
        GLAD,
        np.where(rng.random((count, QUESTIONS)) < 0.75, 1, 2),  # noqa: PLR2004
    )
    answers[rng.random((count, QUESTIONS)) < 0.03] = -1  # noqa: PLR2004 - now and then a child says nothing
    examinations = Examinations(
        examination=np.arange(count),
        child=child,
        year=year_of,
        unit=unit,
        date=date,
        examiner=(rng.random(count) < 0.1).astype(np.int64),  # noqa: PLR2004 - a doctor makes one in ten
        results=np.stack([rng.choice(len(shares), count, p=shares) for _, shares in RESULTS.values()], axis=1),
        answers=answers,
        known_from=date + rng.choice(8, count, p=[0.6, 0.18, 0.08, 0.05, 0.04, 0.02, 0.02, 0.01]),
        known_until=np.full(count, NEVER),
    )
    return _corrected(examinations, rng)


def _corrected(examinations: Examinations, rng: np.random.Generator) -> Examinations:
    """The examinations, a few with another result of motor skills until it is put right."""
    rows, put_right = to_put_right(rng, vars(examinations), _CORRECTED, (2, 40))
    # When the next school year is exported, the last one is closed.
    closed = (examinations.year[rows] - 1969).astype("datetime64[Y]").astype("datetime64[D]") + 220
    rows, put_right = rows[put_right < closed], put_right[put_right < closed]
    columns, mistaken = with_mistakes(vars(examinations), rows, put_right)
    columns["results"][mistaken, -1] = (examinations.results[rows, -1] + 1) % 4
    return Examinations(**columns)


def deliver(examinations: Examinations, calendar: Calendar) -> list[Delivery]:
    """A file a school year, and each night the newest school year of which there is an examination."""

    def of_year(year: int, as_of: dt.date) -> Delivery:
        in_year: Mask = examinations.year == year
        return extract(
            "school_examinations",
            by_school_year(year),
            as_of,
            days=examinations.date,
            known_from=examinations.known_from,
            known_until=np.where(in_year, examinations.known_until, examinations.known_from),
        )

    every = np.unique(examinations.year).tolist()
    plan = [of_year(year, calendar.backfill) for year in every]
    for night in calendar.nights_of("school_examinations"):
        begun = [delivery for year in every if len((delivery := of_year(year, night)).rows)]
        plan += begun[-1:]
    return [delivery for delivery in plan if len(delivery.rows)]


def _shown(world: World, examinations: Examinations, rows: Ints, as_of: dt.date) -> Table:
    """The records as the journal has them on the evening of `as_of`."""
    child = examinations.child[rows]
    shown: dict[str, NDArray[Any]] = {
        "examination": examinations.examination[rows],
        "child": child,
        "cpr": np.array(numbers_on(world.population, child, as_of)),
        "school_year": np.array([school_year(year) for year in examinations.year[rows].tolist()]),
        "institution_number": np.array([world.town.units[unit] for unit in examinations.unit[rows].tolist()]),
        "date": examinations.date[rows],
        "examined_by": text_of(examinations.examiner[rows], EXAMINERS),
        "child_sex": np.where(world.population.is_male[child], "male", "female"),
        "answers": examinations.answers[rows],
    }
    for column, (name, (values, _)) in enumerate(RESULTS.items()):
        shown[name] = text_of(examinations.results[rows, column], values)
    return shown


def _write(world: World, examinations: Examinations, delivery: Delivery) -> None:
    """Write a file: UTF-8 without BOM, LF, the CPR number with its dash."""
    table = _shown(world, examinations, delivery.rows, delivery.as_of)
    _, first = np.unique(examinations.examination, return_index=True)
    numbers = numbered("IND", examinations.date[first])
    people = [dashed(number) for number in table["cpr"].tolist()]
    names = [world.population.names[child] for child in table["child"].tolist()]
    world.write(
        delivery,
        HEADER,
        [
            [numbers[one] for one in table["examination"].tolist()],
            people,
            names,
            table["school_year"].tolist(),
            table["institution_number"].tolist(),
            danish_dates(table["date"]),
            table["examined_by"].tolist(),
            *(table[name].tolist() for name in RESULTS),
            *(text_of(table["answers"][:, question], ANSWERS).tolist() for question in range(QUESTIONS)),
            [
                quoted(_NOTES[one % len(_NOTES)].format(name=name, dashed=number))
                for one, name, number in zip(table["examination"].tolist(), names, people, strict=True)
            ],
        ],
        encoding="utf-8",
        newline="\n",
    )


def figures(table: Table) -> dict[str, Any]:
    """Examinations by school and sex, by result, and the most positive answers to each question."""
    count = len(table["child"])
    answers: Table = {
        "school_year": np.repeat(table["school_year"], QUESTIONS),
        "institution_number": np.repeat(table["institution_number"], QUESTIONS),
        "question_number": np.tile(np.arange(1, QUESTIONS + 1), count),
        "answer": table["answers"].ravel(),
    }
    given = {name: values[answers["answer"] >= 0] for name, values in answers.items()}
    return {
        "by_school_and_sex": figure(table, ["school_year", "institution_number", "child_sex"], distinct="cpr"),
        "by_motor_and_examiner": figure(table, ["school_year", "motor_result", "examined_by"]),
        "by_weight_and_vision": figure(table, ["weight_result", "vision_result"]),
        "most_positive_answers": figure(
            given, ["school_year", "institution_number", "question_number"], most_positive=given["answer"] == GLAD
        ),
    }
