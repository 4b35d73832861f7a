"""The synthetic surveys of Sammen om Børn: the staff's four perspectives of competence, and the parents' perspective.

Counts for each wave, question, house and group. The survey tool withholds what fewer than five have answered.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np

from include.demo.deliveries import (
    ALWAYS,
    NEVER,
    NIGHTS,
    Days,
    Delivery,
    Ints,
    by_whole,
    counts,
    current_rows,
    day,
    extract,
    quoted,
)
from include.demo.houses import PROJECT_HOUSES
from include.demo.monthly import exports
from include.demo.world import World

DATASET = "surveys"
HEADER = [
    "Undersøgelse",
    "Måling",
    "Åben fra",
    "Åben til",
    "Spørgsmål",
    "Spørgsmålets ordlyd",
    "Enhed",
    "Gruppe",
    "Inviterede",
    "Besvarelser",
    "Enige",
]
STAFF, PARENTS = "SOB-M2", "SOB-M5"

_FEWEST = 5
_WAVES = {
    STAFF: (
        (dt.date(2022, 5, 2), dt.date(2022, 5, 20), 0.72),
        (dt.date(2023, 5, 8), dt.date(2023, 5, 26), 0.84),
        (dt.date(2024, 10, 28), dt.date(2024, 11, 15), 0.92),
        (dt.date(2025, 10, 20), dt.date(2025, 11, 14), 0.91),
    ),
    PARENTS: (
        (dt.date(2021, 10, 4), dt.date(2021, 10, 29), 0.48),
        (dt.date(2023, 10, 2), dt.date(2023, 10, 27), 0.61),
        (dt.date(2024, 10, 28), dt.date(2024, 11, 22), 0.69),
    ),
}
"""First and last day of each wave, and the share that agrees."""
_QUESTIONS = {
    STAFF: {
        f"P{number}": f"Jeg har udviklet mine kompetencer; kompetenceperspektiv {number}" for number in range(1, 5)
    },
    PARENTS: {"F1": "Mit perspektiv afspejles i de fælles aktiviteter"},
}
_WHOLE_GROUPS = (("Sundhedsplejersker", 6), ("PPR-medarbejdere", 4))
"""Groups that belong to no house; of four nothing is told."""
_DOUBLE_COUNTED_UNTIL = NIGHTS[2]
"""In one house two answers of the last wave stood twice, until the wave was counted again for this day."""
_DOUBLE_COUNTED = 2


@dataclass(frozen=True)
class Surveys:
    """One record a wave, question and unit, a second one where it was counted wrong; -1 agreeing where withheld."""

    survey: list[str]
    wave: Ints
    first: Days
    last: Days
    question: list[str]
    unit: list[str]
    group: list[str]
    invited: Ints
    answered: Ints
    agreeing: Ints
    known_from: Days
    known_until: Days


def _simulate(rng: np.random.Generator) -> Surveys:
    rows: list[tuple[Any, ...]] = []
    for survey, waves in _WAVES.items():
        low, high, answers = (9, 16, 0.86) if survey == STAFF else (60, 121, 0.47)
        size = {house.code: int(rng.integers(low, high)) for house in PROJECT_HOUSES}
        group = "Pædagoger" if survey == STAFF else "Forældre"
        units = [(code, group, invited) for code, invited in size.items()]
        if survey == STAFF:
            units += [("HELE", name, count) for name, count in _WHOLE_GROUPS]
        for number, (first, last, share) in enumerate(waves, start=1):
            for unit, asked, invited in units:
                # who answers, answers all questions
                answered = invited if unit == "HELE" else int(rng.binomial(invited, answers))
                for question in _QUESTIONS[survey]:
                    agreeing = int(rng.binomial(answered, share)) if answered >= _FEWEST else -1
                    rows.append((survey, number, first, last, question, unit, asked, invited, answered, agreeing))
    columns = list(zip(*rows, strict=True))
    first_days, last_days = (np.array(columns[place], dtype="datetime64[D]") for place in (2, 3))
    wave_of, invited_of, answered_of, agreeing_of = (np.array(columns[place]) for place in (1, 7, 8, 9))
    surveys, units_of = np.array(columns[0]), np.array(columns[5])
    is_again = (surveys == STAFF) & (wave_of == len(_WAVES[STAFF])) & (units_of == PROJECT_HOUSES[3].code)
    again = np.flatnonzero(is_again)
    order = np.concatenate([np.arange(len(rows)), again])
    is_wrong = np.arange(len(order)) >= len(rows)
    return Surveys(
        survey=[columns[0][row] for row in order.tolist()],
        wave=wave_of[order],
        first=first_days[order],
        last=last_days[order],
        question=[columns[4][row] for row in order.tolist()],
        unit=[columns[5][row] for row in order.tolist()],
        group=[columns[6][row] for row in order.tolist()],
        invited=invited_of[order] + _DOUBLE_COUNTED * is_wrong,
        answered=answered_of[order] + _DOUBLE_COUNTED * is_wrong,
        agreeing=agreeing_of[order] + _DOUBLE_COUNTED * is_wrong,
        known_from=np.where(~is_wrong & is_again[order], day(_DOUBLE_COUNTED_UNTIL), ALWAYS),
        known_until=np.where(is_wrong, day(_DOUBLE_COUNTED_UNTIL), NEVER),
    )


def _write(world: World, surveys: Surveys, delivery: Delivery) -> None:
    """Write an export: UTF-8, LF, dates as ISO has them."""
    rows = delivery.rows.tolist()
    world.write(
        delivery,
        HEADER,
        [
            [surveys.survey[row] for row in rows],
            map(str, surveys.wave[rows].tolist()),
            [date.isoformat() for date in surveys.first[rows].tolist()],
            [date.isoformat() for date in surveys.last[rows].tolist()],
            [surveys.question[row] for row in rows],
            [quoted(_QUESTIONS[surveys.survey[row]][surveys.question[row]]) for row in rows],
            [surveys.unit[row] for row in rows],
            [surveys.group[row] for row in rows],
            map(str, surveys.invited[rows].tolist()),
            map(str, surveys.answered[rows].tolist()),
            ["" if count < 0 else str(count) for count in surveys.agreeing[rows].tolist()],
        ],
        encoding="utf-8",
        newline="\n",
    )


def generate(world: World) -> dict[str, Any]:
    """Write the exports: all closed waves each month, and once more when a wave has been counted again."""
    surveys = _simulate(world.rng)
    # a wave is told once it is closed
    known = {"days": surveys.last, "known_from": surveys.known_from, "known_until": surveys.known_until}
    deliveries = [
        extract(DATASET, by_whole(night), night, **known)
        for night in exports(world.calendar, DATASET, (_DOUBLE_COUNTED_UNTIL,))
    ]
    for delivery in deliveries:
        _write(world, surveys, delivery)
    return {"deliveries": counts(deliveries), "figures": _figures(surveys, current_rows(deliveries))}


def _figures(surveys: Surveys, rows: Ints) -> dict[str, list[dict[str, Any]]]:
    """Answers by wave and question, by house, what is withheld, and the staff who were asked by group."""
    by_question: dict[tuple[str, int, str], list[int]] = {}
    by_house: dict[str, list[int]] = {}
    by_group: dict[tuple[int, str], list[int]] = {}
    for row in rows.tolist():
        survey, wave, question = surveys.survey[row], int(surveys.wave[row]), surveys.question[row]
        invited, answered, agreeing = (
            int(values[row]) for values in (surveys.invited, surveys.answered, surveys.agreeing)
        )
        is_told = agreeing >= 0
        sums = by_question.setdefault((survey, wave, question), [0, 0, 0, 0])
        told = (invited, answered * is_told, agreeing * is_told, int(not is_told))
        by_question[survey, wave, question] = [a + b for a, b in zip(sums, told, strict=True)]
        if surveys.unit[row] != "HELE":
            house = by_house.setdefault(surveys.unit[row], [0, 0])
            by_house[surveys.unit[row]] = [house[0] + answered, house[1] + agreeing * is_told]
        if survey == STAFF and question == "P1":
            group = by_group.setdefault((wave, surveys.group[row]), [0, 0])
            by_group[wave, surveys.group[row]] = [group[0] + invited, group[1] + answered]
    return {
        "by_question": [
            {
                "survey_code": survey,
                "wave_number": wave,
                "question_code": question,
                "invited": invited,
                "answered": answered,
                "agreeing": agreeing,
                "withheld": withheld,
            }
            for (survey, wave, question), (invited, answered, agreeing, withheld) in by_question.items()
        ],
        "by_house": [
            {"house_code": unit, "answered": answered, "agreeing": agreeing}
            for unit, (answered, agreeing) in by_house.items()
        ],
        "staff_by_group": [
            {"wave_number": wave, "respondent_group": group, "invited": invited, "answered": answered}
            for (wave, group), (invited, answered) in by_group.items()
        ],
    }
