"""The synthetic answers to the national wellbeing measurement, and the official indicators counted from them.

The form of grades 4 to 9 has 40 questions: 1-10 social, 11-18 faglig, 19-25 støtte, 26-29 ro, the others belong to no
indicator; 3, 5, 6 and 20 are reversed. That of grades 0 to 3 has 20 questions with three answers and no indicator.
An indicator is the mean of a pupil's answers if at least half of its questions are answered; a school's is the mean
of its pupils (bekendtgørelse nr. 1167 af 12. oktober 2015; Børne- og Undervisningsministeriet, trivselsmålinger).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from include.demo.deliveries import BACKFILL, NIGHTS, Delivery, Ints, by_school_year, write_lines
from include.demo.school_days import school_year
from include.demo.town import Town
from include.demo.world import World

HEADER = ["Skoleår", "Institutionsnummer", "Klassetrin", "Personnummer", "Navn", "Køn", "Spørgsmål", "Svar"]
INDICATORS: Mapping[str, range] = {
    "social": range(1, 11),
    "faglig": range(11, 19),
    "støtte": range(19, 26),
    "ro": range(26, 30),
    "generel": range(1, 30),
}
"""The questions of each indicator in the form of grades 4 to 9."""

REVERSED = (3, 5, 6, 20)
QUESTIONS, QUESTIONS_OF_YOUNG = 40, 20
FIRST_GRADE_WITH_INDICATORS = 4
NO_ANSWER, NO_ROW = 0, -1

_LEVELS: Mapping[str, float] = {"social": 3.98, "faglig": 3.58, "støtte": 3.13, "ro": 3.78}
_LEVEL_OF_OTHERS = 3.6
_TAKING_PART = 0.9
_CORRECTED_ON = NIGHTS[2]
_ANSWERS_CORRECTED = 0.002


@dataclass(frozen=True)
class Measurement:
    """One school year's answers: `answers` is pupils x 40, 1-5, 0 = did not wish to answer, -1 = no such row."""

    year: int
    as_of: dt.date
    stay: Ints
    answers: NDArray[np.int8]


def _measure(rng: np.random.Generator, town: Town, year: int) -> Measurement:
    stays = town.stays
    rows = town.final(year)
    window = np.datetime64(f"{year + 1}-02-15", "D")
    there = (stays.first[rows] <= window) & (np.isnat(stays.last[rows]) | (stays.last[rows] >= window))
    rows = rows[there & (rng.random(len(rows)) < _TAKING_PART)]
    count = len(rows)
    young = stays.grade[rows] < FIRST_GRADE_WITH_INDICATORS
    level = np.full(QUESTIONS, _LEVEL_OF_OTHERS)
    for name, mean in _LEVELS.items():
        level[np.array(INDICATORS[name]) - 1] = mean
    level += rng.normal(0, 0.18, QUESTIONS)
    for name, mean in _LEVELS.items():
        of_indicator = np.array(INDICATORS[name]) - 1
        level[of_indicator] += mean - level[of_indicator].mean()
    school_effect = rng.normal(0, 0.05, len(town.schools))[town.school_of[stays.unit[rows]]]
    pupil = rng.normal(0.07, 0.5, count) + school_effect - np.clip(stays.grade[rows] - 6, 0, None) * 0.04
    value = level[None, :] + pupil[:, None] + rng.normal(0, 0.85, (count, QUESTIONS))
    answers = np.clip(np.rint(value), 1, 5).astype(np.int8)
    answers[young] = np.clip(np.rint(value[young] * 0.6 + 0.2), 1, 3).astype(np.int8)
    upside_down = np.array(REVERSED) - 1
    answers[np.ix_(~young, upside_down)] = 6 - answers[np.ix_(~young, upside_down)]
    answers[rng.random(answers.shape) < 0.035] = NO_ANSWER  # noqa: PLR2004 - now and then a question is passed over
    # one in 30 gives up on the way: some systems then write empty answers, others no rows
    gives_up = np.flatnonzero(rng.random(count) < 1 / 30)
    after = rng.integers(3, QUESTIONS, len(gives_up))
    left = np.where(rng.random(len(gives_up)) < 0.5, NO_ANSWER, NO_ROW).astype(np.int8)  # noqa: PLR2004
    tail = np.arange(QUESTIONS)[None, :] >= after[:, None]
    answers[gives_up] = np.where(tail, left[:, None], answers[gives_up])
    answers[np.ix_(young, np.arange(QUESTIONS_OF_YOUNG, QUESTIONS))] = NO_ROW
    return Measurement(year, BACKFILL, rows, answers)


def generate(world: World) -> dict[str, Any]:
    """Write the answers of each school year, those of the last one twice: a class was missing."""
    measurements = simulate(world.rng, world.town)
    for measurement in measurements:
        write(world.town, measurement, world.inbox)
        world.came(delivery(measurement).path, measurement.as_of)
    return truth(world.town, measurements)


def simulate(rng: np.random.Generator, town: Town) -> list[Measurement]:
    """The measurement of each school year; the last one first without a class and with mistakes, then corrected."""
    measured = [_measure(rng, town, year) for year in town.years]
    final = measured[-1]
    stays = town.stays
    late_class = (stays.unit[final.stay] == 0) & (stays.grade[final.stay] == 5) & (stays.letter[final.stay] == 0)  # noqa: PLR2004
    mistaken = final.answers.copy()
    wrong = (mistaken > NO_ANSWER) & (rng.random(mistaken.shape) < _ANSWERS_CORRECTED)
    top = np.where(stays.grade[final.stay] < FIRST_GRADE_WITH_INDICATORS, 3, 5)[:, None].astype(np.int8)
    mistaken[wrong] = (top + 1 - mistaken)[wrong]
    first = Measurement(final.year, BACKFILL, final.stay[~late_class], mistaken[~late_class])
    return [*measured[:-1], first, Measurement(final.year, _CORRECTED_ON, final.stay, final.answers)]


def delivery(measurement: Measurement) -> Delivery:
    """The file of a measurement; its rows are counted over pupils and questions."""
    label, first, last = by_school_year(measurement.year)
    rows = np.flatnonzero(measurement.answers.ravel() != NO_ROW)
    return Delivery("wellbeing_answers", label, measurement.as_of, first, last, rows, np.array([], "datetime64[D]"))


def write(town: Town, measurement: Measurement, inbox: Path) -> None:
    """Write a file: UTF-8 with BOM, LF, the CPR number as ten digits."""
    stays = town.stays
    at_pupil, at_question = np.nonzero(measurement.answers != NO_ROW)
    stay = measurement.stay
    front = [
        ";".join(
            (
                school_year(measurement.year),
                town.units[unit],
                str(grade),
                town.cpr[child],
                town.names[child],
                "M" if town.is_male[child] else "K",
            )
        )
        for unit, grade, child in zip(
            stays.unit[stay].tolist(), stays.grade[stay].tolist(), stays.child[stay].tolist(), strict=True
        )
    ]
    ends = [f"{question};{answer or ''}" for question in range(1, QUESTIONS + 1) for answer in range(6)]
    codes = at_question * 6 + measurement.answers[at_pupil, at_question]
    write_lines(
        inbox / delivery(measurement).path,
        HEADER,
        [[front[pupil] for pupil in at_pupil.tolist()], [ends[code] for code in codes.tolist()]],
        encoding="utf-8-sig",
        newline="\n",
    )


def scores(answers: NDArray[np.int8], indicator: str) -> NDArray[np.float64]:
    """Each pupil's score of an indicator, NaN where fewer than half of its questions are answered.

    `answers` is pupils x 40; half of an odd number is rounded up (4 of 7, 15 of 29).
    """
    columns = np.array(INDICATORS[indicator]) - 1
    values = answers[:, columns].astype(np.float64)
    answered = values > 0
    turned = np.isin(columns + 1, REVERSED)
    values[:, turned] = 6 - values[:, turned]
    total, number = np.where(answered, values, 0).sum(axis=1), answered.sum(axis=1)
    result: NDArray[np.float64] = np.where(number * 2 >= len(columns), total / np.maximum(number, 1), np.nan)
    return result


def _unit_scores(answers: NDArray[np.int8]) -> dict[str, dict[str, float | int | None]]:
    found: dict[str, dict[str, float | int | None]] = {}
    for name in INDICATORS:
        values = scores(answers, name)
        values = values[~np.isnan(values)]
        found[name] = {"n": len(values), "mean": round(float(values.mean()), 9) if len(values) else None}
    return found


def truth(town: Town, measurements: list[Measurement]) -> dict[str, Any]:
    """The five indicators of each school and of the municipality, grades 4 to 9, as they stand in the end."""
    newest = {measurement.year: measurement for measurement in measurements}
    files, years = {}, {}
    for measurement in measurements:
        file = delivery(measurement)
        stands = newest[measurement.year] is measurement
        files[file.path] = {"rows": len(file.rows), "current_rows": len(file.rows) if stands else 0}
    for year, measurement in newest.items():
        stays = town.stays
        older = stays.grade[measurement.stay] >= FIRST_GRADE_WITH_INDICATORS
        school = town.school_of[stays.unit[measurement.stay]]
        years[school_year(year)] = {
            "respondents": len(measurement.stay),
            "municipality": _unit_scores(measurement.answers[older]),
            "schools": {
                item.number: _unit_scores(measurement.answers[older & (school == place)])
                for place, item in enumerate(town.schools)
                if measurement.year in item.pupils
            },
        }
    return {"deliveries": files, "indicators": years}
