"""What differs between two editions, initiative by initiative, in words: for corrections and for whoever asks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import fields
from decimal import Decimal

from include.follow_up import words
from include.follow_up.content import Answer, Change, Content, Economy, Initiative, Measure, Milestone, Smiley

NOTHING = words.NOT_TOLD

_TEXTS = {
    "title": "Titel",
    "section_title": "Afsnit",
    "initiative_type": "Type",
    "description": "Beskrivelse",
    "elaboration": "Uddybning",
    "responsible_center": "Ansvarligt center",
    "committee": "Udvalg",
    "contributors": "Bidragydere",
}
_ECONOMY = {
    "finance_text": "Økonomi i aftalen",
    "adopted_expenditure_mdkk": "Afsat udgift",
    "adopted_saving_mdkk": "Aftalt besparelse",
    "adopted_budget_dkk": "Oprindeligt budget",
    "budget_changes_dkk": "Bevillingsændringer",
    "corrected_budget_dkk": "Korrigeret budget",
    "spent_to_date_dkk": "Forbrug",
    "spent_through_date": "Forbrug til og med",
    "forecast_dkk": "Forventet årsforbrug",
    "deviation_dkk": "Afvigelse",
    "is_preliminary": "Forbruget er foreløbigt",
    "has_account": "Har egne konti",
    "has_person_postings": "Bogført på personer",
    "computed_status": "Økonomi, beregnet",
    "reported_status": "Økonomi, meldt",
    "comment": "Bemærkning til økonomien",
}
_FOLLOWS = {"status", "basis"}
"""What follows from other parts of the economy that are compared."""


def compare(before: Content, after: Content) -> tuple[Change, ...]:
    """Every difference between what two editions say of their initiatives, in the order of the later document.

    Texts, milestones with all answers, the economy to the øre, and each period of each measure. Initiatives that only
    one of them has are one change each.
    """
    old = {(one.agreement_year, one.initiative_id): one for one in before.initiatives}
    new = {(one.agreement_year, one.initiative_id): one for one in after.initiatives}
    found: list[Change] = []
    for key, one in new.items():
        if key in old:
            found += _differences(old[key], one)
        else:
            found.append(Change(one.initiative_id, one.title, "Indsats", NOTHING, "er kommet til"))
    found += [
        Change(one.initiative_id, one.title, "Indsats", "var med", "er udgået")
        for key, one in old.items()
        if key not in new
    ]
    return tuple(found)


def _differences(old: Initiative, new: Initiative) -> Iterator[Change]:
    def told(what: str, before: object, after: object) -> Iterator[Change]:
        if before != after:
            yield Change(new.initiative_id, new.title, what, _said(before), _said(after))

    for name, what in _TEXTS.items():
        yield from told(what, getattr(old, name), getattr(new, name))
    milestones = {one.number: one for one in old.milestones}
    for one in new.milestones:
        for what, before, after in _of_milestone(milestones.pop(one.number, None), one):
            yield from told(what, before, after)
    for gone in milestones.values():
        yield from told(f"Milepæl {gone.follow_up_name}", gone.text, None)
    for field in fields(Economy):
        if field.name not in _FOLLOWS:
            yield from told(
                _ECONOMY[field.name],
                _amount(field.name, getattr(old.economy, field.name)),
                _amount(field.name, getattr(new.economy, field.name)),
            )
    measures = {(one.measure_id, one.part): one for one in old.measures}
    for measure in new.measures:
        for what, before, after in _of_measure(measures.pop((measure.measure_id, measure.part), None), measure):
            yield from told(what, before, after)
    for left in measures.values():
        yield from told(f"Mål {_name(left)}", "vist", None)


def _of_milestone(old: Milestone | None, new: Milestone) -> Iterator[tuple[str, object, object]]:
    name = f"Milepæl {new.follow_up_name}"
    yield name, old.text if old else None, new.text
    before = {answer.follow_up_code: answer for answer in old.answers} if old else {}
    after = {answer.follow_up_code: answer for answer in new.answers}
    for code in sorted({*before, *after}):
        one, other = before.get(code), after.get(code)
        for (what, left), (_, right) in zip(_of_answer(one), _of_answer(other), strict=True):
            yield f"{name}, {what} ({code})", left, right


def _of_answer(answer: Answer | None) -> tuple[tuple[str, object], ...]:
    return (
        ("status", _smiley(answer.status) if answer else None),
        ("bemærkning", answer.comment if answer else None),
        ("svar fra", answer.center_name if answer else None),
        ("rolle", answer.role if answer else None),
        ("dato", answer.answered_date if answer else None),
    )


def _of_measure(old: Measure | None, new: Measure) -> Iterator[tuple[str, object, object]]:
    before: Mapping[str, str] = _points(old) if old else {}
    after = _points(new)
    for period in {**before, **after}:
        yield f"Mål {_name(new)}, {words.period(period)}", before.get(period), after.get(period)


def _points(measure: Measure) -> dict[str, str]:
    """By period what is told of it: value, persons behind it, target."""
    found = {}
    for point in measure.points:
        value = "tilbageholdt" if point.is_hidden else words.measured(point.value, measure.value_scale)
        target = "" if point.target is None else f", mål {words.measured(point.target, measure.value_scale)}"
        found[point.period] = value + (f" (n = {point.n})" if point.n is not None else "") + target
    return found


def _name(measure: Measure) -> str:
    return f"{measure.measure_id} {measure.title}" + (f" – {measure.part_name}" if measure.part_name else "")


def _smiley(status: Smiley | None) -> str | None:
    return words.SMILEYS[status] if status else None


def _amount(name: str, value: object) -> object:
    """An amount with its unit, to the øre; a status in words; all else as it is."""
    if name.endswith("_status"):
        return _smiley(value)  # type: ignore[arg-type]
    if isinstance(value, Decimal):
        return f"{words.number(value, 3)} mio. kr." if name.endswith("_mdkk") else f"{words.number(value, 2)} kr."
    return value


def _said(value: object) -> str:
    match value:
        case None | "" | ():
            return NOTHING
        case bool():
            return "ja" if value else "nej"
        case dt.date():
            return words.day(value)
        case tuple():
            return ", ".join(map(str, value))
        case _:
            return str(value)
