"""Answers to the wellbeing measurement: nobody is in a group of fewer than five, no key goes beyond its delivery."""

# ruff: noqa: E501 (a hard case is one line of the table)
from __future__ import annotations

import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Mapping

import pytest
from landing_steps import landed, problems, take_in, write_lines

from include.landing.contract import load_contracts
from include.settings import Settings

CONTRACT = load_contracts()["wellbeing_answers"]
HEADER = ";".join(column.source_name for column in CONTRACT.delivered_columns)
LEAST = 5
Sizes = Mapping[tuple[str, int], int]
"""Pupils by school and grade."""

A, B, C = "151003", "280562", "999101"


def form(grade: int) -> str:
    return "0-3" if grade <= 3 else "4-9"


def deliver(
    settings: Settings, sizes: Sizes, *, name: str = "2025-2026_20260325", answers: int = 3
) -> dict[int, tuple[str, int]]:
    """Answers of so many pupils; returns school and grade by a serial that stands in the first three answers."""
    lines, pupils = [], {}
    for (school, grade), count in sizes.items():
        for _ in range(count):
            serial = len(pupils)
            pupils[serial] = (school, grade)
            year = name[:9].replace("-", "/")
            # the serial in base 3, so that the test knows whose answers they are, and landing does not
            digits = [serial // 3**place % 3 + 1 for place in range(7)]
            lines += [
                f"{year};{school};{grade};{'020312' if serial % 2 else '020312-'}{4000 + serial};Et Navn;K;{question};{digit}"
                for question, digit in enumerate(digits, start=1)
            ]
    write_lines(settings, f"wellbeing_answers/wellbeing_answers_{name}.csv", HEADER, *lines)
    return pupils


def told(settings: Settings) -> dict[int, tuple[str, str | None, int | None]]:
    """Form, school and grade as they landed, by serial."""
    rows = landed(
        settings,
        """
        select form, institution_number, grade_level, sum((answer_value - 1) * 3 ** (question_number - 1))::integer
        from wellbeing_answers group by respondent_key, form, institution_number, grade_level
        """,
    )
    assert len({row[3] for row in rows}) == len(rows)
    return {serial: (kind, school, grade) for kind, school, grade, serial in rows}


def fits(shown: tuple[str, str | None, int | None], at: tuple[str, int]) -> bool:
    """Whether a pupil of a school and grade could have given answers that stand there."""
    kind, school, grade = shown
    return kind == form(at[1]) and school in {None, at[0]} and grade in {None, at[1]}


def assert_nobody_is_found(
    pupils: Mapping[int, tuple[str, int]], shown: Mapping[int, tuple[str, str | None, int | None]]
) -> None:
    """An attacker has the list of who took part, with school and grade: joins, and subtracts what is placed already."""
    groups = Counter(shown.values())
    assert min(groups.values()) >= LEAST
    roll = Counter(pupils.values())
    placed = Counter(dict.fromkeys(roll, 0))
    for (_, school, grade), count in groups.items():
        if school is not None and grade is not None:
            placed[school, grade] = count
    left = roll - placed
    candidates: dict[tuple[str, str | None, int | None], int] = defaultdict(int)
    for what, at in itertools.product(groups, left):
        if fits(what, at):
            candidates[what] += left[at]
    for what, count in groups.items():
        if None in what:
            assert candidates[what] >= count >= LEAST
    # of whatever class that took part, its answers are among at least five that look the same
    for serial, at in pupils.items():
        assert fits(shown[serial], at)
    for at, count in left.items():
        among = {shown[serial] for serial, place in pupils.items() if place == at}
        assert len(among) == 1, f"{count} of one class are told apart"


HARD: list[tuple[str, Sizes, dict[tuple[str, int], tuple[str | None, int | None]]]] = [
    ("three pupils of one grade take the next smallest with them", {(A, 4): 3, (A, 5): 9, (A, 6): 8}, {(A, 4): (A, None), (A, 5): (A, 5), (A, 6): (A, None)}),
    ("three and two are five", {(A, 4): 3, (A, 5): 2, (A, 6): 8}, {(A, 4): (A, None), (A, 5): (A, None), (A, 6): (A, 6)}),
    ("four is too few, five is not", {(A, 4): 4, (A, 5): 5, (A, 6): 5, (B, 4): 5}, {(A, 4): (A, None), (A, 5): (A, None), (A, 6): (A, 6), (B, 4): (B, 4)}),
    ("grades of the other form do not help", {(A, 3): 2, (A, 2): 30, (A, 4): 3, (A, 5): 30}, {(A, 3): (A, None), (A, 2): (A, None), (A, 4): (A, None), (A, 5): (A, None)}),
    ("a department of three takes the next smallest school with it", {(A, 4): 3, (B, 5): 6, (B, 6): 7, (C, 4): 12}, {(A, 4): (None, None), (B, 5): (B, 5), (B, 6): (B, 6), (C, 4): (None, None)}),
    ("two small departments are enough together", {(A, 4): 3, (B, 5): 1, (B, 6): 1, (C, 4): 12}, {(A, 4): (None, None), (B, 5): (None, None), (B, 6): (None, None), (C, 4): (C, 4)}),
    ("every grade of one pupil", {(A, grade): 1 for grade in range(4, 10)} | {(B, 4): 20}, {(A, grade): (A, None) for grade in range(4, 10)} | {(B, 4): (B, 4)}),
]  # fmt: skip


@pytest.mark.parametrize(("sizes", "expected"), [case[1:] for case in HARD], ids=[case[0] for case in HARD])
def test_small_groups_lose_grade_and_school(
    settings: Settings, sizes: Sizes, expected: dict[tuple[str, int], tuple[str | None, int | None]]
) -> None:
    pupils = deliver(settings, sizes)
    (delivery,) = take_in(settings, "wellbeing_answers")
    assert delivery.landed_count == delivery.row_count == 7 * len(pupils)
    shown = told(settings)
    assert {pupils[serial]: what[1:] for serial, what in shown.items()} == expected
    assert_nobody_is_found(pupils, shown)


@pytest.mark.parametrize("seed", range(12))
def test_nobody_is_found_in_whatever_school_system(settings: Settings, seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - for cases, not for secrets
    schools = [A, B, C, "151028"][: draw.randint(1, 4)]
    sizes = {
        (school, grade): draw.choice([1, 1, 2, 3, 4, 5, 6, 11])
        for school in schools
        for grade in range(10)
        if draw.random() < 0.7
    }
    sizes |= {(schools[0], 2): 4, (schools[0], 3): 2, (schools[0], 8): 3, (schools[0], 9): 2}
    pupils = deliver(settings, sizes)
    take_in(settings, "wellbeing_answers")
    assert_nobody_is_found(pupils, told(settings))


def test_fewer_than_five_with_a_form_in_the_whole_municipality_do_not_land(settings: Settings) -> None:
    deliver(settings, {(A, 4): 3, (B, 5): 1, (A, 2): 6})
    (delivery,) = take_in(settings, "wellbeing_answers")
    assert (delivery.row_count, delivery.landed_count, delivery.quarantined_count) == (70, 42, 28)
    assert {what[1:] for what in told(settings).values()} == {(A, 2)}
    assert {rule for _, _, rule in problems(settings, "wellbeing_answers")} == {"enough_persons"}


def test_rows_that_do_not_land_do_not_count(settings: Settings) -> None:
    """Five took part; one's rows are all bad, which leaves four."""
    pupils = deliver(settings, {(A, 4): 5, (A, 5): 9})
    file = next((settings.inbox / "wellbeing_answers").iterdir())
    file.write_text(file.read_text().replace(f"{4000:04};Et Navn;K;", f"{4000:04};Et Navn;K;9"))
    (delivery,) = take_in(settings, "wellbeing_answers")
    assert delivery.quarantined_count == 7
    shown = told(settings)
    assert set(shown) == set(pupils) - {0}
    assert set(shown.values()) == {("4-9", A, None)}


def test_no_key_goes_beyond_its_delivery(settings: Settings) -> None:
    """A pupil who changes schools is alone in that: a key of two years would tell who it is."""
    sizes = {(A, 4): 9, (B, 5): 9}
    deliver(settings, sizes, name="2024-2025_20250325")
    deliver(settings, sizes, name="2025-2026_20260325")
    assert len(take_in(settings, "wellbeing_answers")) == 2
    rows = landed(settings, "select school_year, respondent_key from wellbeing_answers group by all")
    keys = Counter(key for _, key in rows)
    assert len(keys) == 36
    assert set(keys.values()) == {1}


def test_the_same_pupil_written_in_two_ways_counts_once(settings: Settings) -> None:
    pupils = deliver(settings, {(A, 4): 4, (A, 5): 6})
    file = next((settings.inbox / "wellbeing_answers").iterdir())
    # every second question bears the number in the other form
    lines = [
        line.replace("020312-", "020312") if line.split(";")[6] in "246" else line
        for line in file.read_text().splitlines()
    ]
    file.write_text("\n".join(lines) + "\n")
    take_in(settings, "wellbeing_answers")
    assert set(told(settings).values()) == {("4-9", A, None)}
    assert len(told(settings)) == len(pupils)
