"""What differs between two editions: every part of an initiative, once, in words."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from document_content import content

from include.follow_up.comparison import compare
from include.follow_up.content import Answer, Content, Initiative

BEFORE = content()


def changed(place: int = 0, **parts: Any) -> Content:
    """The content with one initiative changed."""
    initiatives = list(BEFORE.initiatives)
    initiatives[place] = replace(initiatives[place], **parts)
    return replace(BEFORE, initiatives=tuple(initiatives))


def with_economy(place: int, **parts: Any) -> Content:
    return changed(place, economy=replace(BEFORE.initiatives[place].economy, **parts))


def first(condition: str) -> int:
    """The place of the first initiative with measures, or with a milestone that was answered."""
    return next(
        place
        for place, one in enumerate(BEFORE.initiatives)
        if (one.measures if condition == "measures" else any(milestone.answers for milestone in one.milestones))
    )


def told(after: Content) -> list[tuple[str, str, str]]:
    return [(one.what, one.before, one.after) for one in compare(BEFORE, after)]


def test_the_same_says_nothing() -> None:
    assert compare(BEFORE, content()) == ()


def test_money_is_compared_to_the_ore() -> None:
    spent = Decimal("1234567.89")
    place = next(place for place, one in enumerate(BEFORE.initiatives) if one.economy.spent_to_date_dkk is not None)
    before = BEFORE.initiatives[place].economy.spent_to_date_dkk
    assert before is not None
    ((what, _, after),) = told(with_economy(place, spent_to_date_dkk=spent))
    assert (what, after) == ("Forbrug", "1.234.567,89 kr.")
    assert told(with_economy(place, spent_to_date_dkk=before + Decimal("0.01")))


@pytest.mark.parametrize(
    ("parts", "what"),
    [
        ({"finance_text": "Noget andet."}, "Økonomi i aftalen"),
        ({"adopted_expenditure_mdkk": Decimal("9.999")}, "Afsat udgift"),
        ({"corrected_budget_dkk": Decimal("1.23")}, "Korrigeret budget"),
        ({"spent_through_date": dt.date(1999, 1, 31)}, "Forbrug til og med"),
        ({"forecast_dkk": Decimal("4.56")}, "Forventet årsforbrug"),
        ({"comment": "En ny bemærkning."}, "Bemærkning til økonomien"),
    ],
)
def test_each_part_of_the_economy_is_one_change(parts: dict[str, Any], what: str) -> None:
    assert [one for one, _, _ in told(with_economy(0, **parts))] == [what]


@pytest.mark.parametrize(
    ("parts", "what"),
    [
        ({"title": "Et nyt navn"}, "Titel"),
        ({"description": "En ny tekst."}, "Beskrivelse"),
        ({"contributors": ("Et nyt center",)}, "Bidragydere"),
    ],
)
def test_texts(parts: dict[str, Any], what: str) -> None:
    assert [one for one, _, _ in told(changed(**parts))] == [what]


def test_an_answer_that_turned_and_one_that_came() -> None:
    place = first("answers")
    initiative: Initiative = BEFORE.initiatives[place]
    number = next(n for n, one in enumerate(initiative.milestones) if one.answers)
    milestone = initiative.milestones[number]
    last = milestone.answers[-1]
    other = "sur" if last.status == "glad" else "glad"
    milestones = list(initiative.milestones)
    milestones[number] = replace(milestone, answers=(*milestone.answers[:-1], replace(last, status=other)))
    name = f"Milepæl {milestone.follow_up_name}, status ({last.follow_up_code})"
    assert told(changed(place, milestones=tuple(milestones))) == [(name, last.status.title(), other.title())]
    come = Answer("YE-2099", "glad", None, "Konsulent", dt.date(2099, 12, 1), "Et center")
    milestones[number] = replace(milestone, answers=(*milestone.answers, come))
    parts = {what.split(", ")[1].split(" (")[0] for what, _, _ in told(changed(place, milestones=tuple(milestones)))}
    assert parts == {"status", "svar fra", "rolle", "dato"}


def test_a_figure_of_a_measure() -> None:
    place = first("measures")
    measures = list(BEFORE.initiatives[place].measures)
    points = list(measures[0].points)
    points[-1] = replace(points[-1], value=None, is_hidden=True)
    measures[0] = replace(measures[0], points=tuple(points))
    ((what, _, after),) = told(changed(place, measures=tuple(measures)))
    assert what.startswith(f"Mål {measures[0].measure_id}")
    assert after.startswith("tilbageholdt")


def test_initiatives_that_come_and_go() -> None:
    fewer = replace(BEFORE, initiatives=BEFORE.initiatives[1:])
    gone = BEFORE.initiatives[0].initiative_id
    assert [(one.initiative_id, one.after) for one in compare(BEFORE, fewer)] == [(gone, "er udgået")]
    assert [(one.initiative_id, one.after) for one in compare(fewer, BEFORE)] == [(gone, "er kommet til")]
