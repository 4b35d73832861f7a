"""The synthetic status forms: each centre answers for its initiatives before each follow-up, one corrects an answer."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl

from include.demo import agreement_content as content
from include.demo.world import World
from include.follow_up.content import Smiley
from include.follow_up.forms import FormRow, StatusForm, save, write_form
from include.sources import status_form as layout

AFTER = ("budget_agreement",)

CENTER_CODES: Mapping[str, str] = {
    content.SCHOOLS: "DSK-2022",
    content.FAMILIES: "BUR-2017",
    content.LEISURE: "KIF-2022",
    content.FINANCE: "OEK-2022",
    content.PROPERTY: "EJD-2017",
    content.HEALTH: "SOS-2017",
    content.CITY: "BEM-2017",
    content.JOBS: "AMC-2017",
    content.SECRETARIAT: "POS-2017",
    content.DIGITAL: "DIG-2017",
    content.COMMON_LIFE: "FLI-2023",
    content.DAILY_LIFE: "HVE-2025",
    content.CULTURAL_LIFE: "KUL-2025",
}
"""The codes of the seed `center` for the centres that the agreements name."""

_FOLLOW_UPS: Mapping[str, tuple[str, int, int]] = {
    "BO1": ("1. budgetopfølgning", 3, 31),
    "BO2": ("2. budgetopfølgning", 6, 30),
    "BO3": ("3. budgetopfølgning", 9, 30),
    "YE": ("31.12.", 12, 31),
}
"""Name, month and day of each follow-up's cut-off, as in the seed `follow_up_calendar`."""

_SPLIT_ON = dt.date(2025, 7, 1)
"""From this day on the centres answer that the next agreement names (seed `center`)."""

_ANSWERED_BEFORE = dt.timedelta(days=3)
"""How long before the cut-off the answers are due, as in the seed `follow_up_calendar`."""
_FIRST_ANSWER_BEFORE = 16
"""Days from the first centre's form to the cut-off; each of the others sends its form a day later."""
_HISTORY_DAYS = 100
"""How far back from the backfill the answered follow-ups reach."""

_SHARES = {"effort": (0.62, 0.28, 0.10), "economy": (0.86, 0.14)}
_REMARKS = (
    "Tidsplanen følges.",
    "Afventer udvalgets behandling.",
    "Rekruttering har taget længere tid end ventet.",
    "Udbuddet er forsinket; nyt tilbud ventes efter ferien.",
    "Aktiviteten er flyttet til næste kvartal – målet holdes.",
)
_WITH_REMARK = 0.4


_Given = dict[str, tuple[Smiley, str]]
"""By the key of a milestone or economy the newest status, and the name of the follow-up at which it was given."""


@dataclass(frozen=True)
class _Answer:
    row: FormRow
    status: Smiley
    remark: str
    role: str
    date: dt.date

    @property
    def key(self) -> str:
        """The key of the row in the form."""
        return layout.milestone_key(self.row.agreement_year, self.row.initiative_id, self.row.milestone_number)


@dataclass(frozen=True)
class _Sent:
    """A form as it came back on a night."""

    form: StatusForm
    came: dt.date
    answers: tuple[_Answer, ...]
    is_correction: bool = False

    @property
    def given(self) -> _Given:
        """What the form says of each milestone."""
        return {answer.key: (answer.status, self.form.follow_up_name) for answer in self.answers}

    @property
    def path(self) -> str:
        """People name their workbooks as they like; only the ending is agreed."""
        name = f"{self.form.follow_up_code} {self.form.center_name}{' (rettet)' if self.is_correction else ''}"
        return f"milestone_status/{name}.xlsx"


def generate(world: World) -> dict[str, Any]:
    """Write the forms of all follow-ups that the nights reach, filled in."""
    sent = list(_forms(world))
    for one in sent:
        _write(world.inbox / one.path, one)
        world.came(one.path, one.came)
    return _truth(sent)


def _forms(world: World) -> Iterator[_Sent]:
    """The forms by follow-up and centre, and the one that a centre sends again in time with an answer changed."""
    nights = world.calendar.dates_of("milestone_status")
    for year, agreement in sorted(world.truth["budget_agreement"]["agreements"].items()):
        given: _Given = {}
        for code, (_, month, last_day) in _FOLLOW_UPS.items():
            cut_off = dt.date(int(year), month, last_day)
            if cut_off < world.calendar.backfill - dt.timedelta(days=_HISTORY_DAYS):
                continue
            told: _Given = {}
            forms = list(_asked(f"{code}-{year}", cut_off, agreement, given))
            for place, form in enumerate(forms):
                day = cut_off - dt.timedelta(days=_FIRST_ANSWER_BEFORE - place)
                if (came := next((night for night in nights if night >= day), None)) is None:
                    continue
                first = _Sent(form, came, tuple(_answer(world.rng, row, day) for row in form.rows))
                yield first
                told |= first.given
                later = [night for night in nights if came < night <= cut_off]
                if place == 0 and later:
                    yield (corrected := _corrected(first, later[0]))
                    told |= corrected.given
            given |= told


def _called(follow_up_code: str) -> str:
    """The follow-up's name, as in the seed `follow_up_calendar`."""
    code, _, year = follow_up_code.partition("-")
    return f"31.12.{year}" if code == "YE" else f"{_FOLLOW_UPS[code][0]} {year}"


def _asked(follow_up_code: str, cut_off: dt.date, agreement: Mapping[str, Any], given: _Given) -> Iterator[StatusForm]:
    """A form a centre, as `include.follow_up.questions` asks: but for what figures propose, which nobody knows here.

    The milestone of the follow-up where it has a text, earlier ones that were not glad when last `given`, the economy.
    """
    code, _, year = follow_up_code.partition("-")
    texts = {
        (milestone["initiative_id"], milestone["follow_up_code"]): milestone["milestone_text"]
        for milestone in agreement["milestones"]
    }
    rows: dict[str, list[FormRow]] = {}
    for initiative in agreement["initiatives"]:
        number, title = initiative["initiative_id"], initiative["title"]
        own = rows.setdefault(_answering(number, initiative["responsible_center"], cut_off), [])
        for place, due in enumerate(_FOLLOW_UPS, start=1):
            last, at = given.get(layout.milestone_key(int(year), number, place), (None, ""))
            text = texts.get((number, f"{due}-{year}"))
            if text and (due == code or last != "glad"):
                own.append(FormRow(int(year), number, title, place, text, _called(f"{due}-{year}"), last, at))
            if due == code:
                break
        last, at = given.get(layout.milestone_key(int(year), number, None), (None, ""))
        economy = agreement["finance_texts"][number] or f"Økonomien i {year}"
        own.append(FormRow(int(year), number, title, None, economy, _called(follow_up_code), last, at))
    for center, asked in rows.items():
        yield StatusForm(
            follow_up_code,
            _called(follow_up_code),
            CENTER_CODES[center],
            center.removeprefix("Center for "),
            tuple(asked),
            cut_off - _ANSWERED_BEFORE,
        )


def _answering(initiative_id: str, center: str, cut_off: dt.date) -> str:
    """The centre that answers for an initiative: after the split no more the one that its agreement names."""
    if center != content.COMMON_LIFE or cut_off < _SPLIT_ON:
        return center
    following = content.INITIATIVES[_SPLIT_ON.year + 1]
    return next(one.responsible_center for one in following if one.initiative_id == initiative_id)


def _answer(rng: np.random.Generator, row: FormRow, date: dt.date) -> _Answer:
    return _Answer(
        row,
        status=layout.STATUSES[row.kind][rng.choice(len(_SHARES[row.kind]), p=_SHARES[row.kind])],
        remark=_REMARKS[rng.integers(len(_REMARKS))] if rng.random() < _WITH_REMARK else "",
        role=layout.ROLES[rng.integers(len(layout.ROLES))],
        date=date - dt.timedelta(days=int(rng.integers(3))),
    )


def _corrected(sent: _Sent, came: dt.date) -> _Sent:
    """The same form a night later, with the first answer turned."""
    first, *rest = sent.answers
    turned = replace(first, status="sur" if first.status == "glad" else "glad", date=came)
    return _Sent(sent.form, came, (turned, *rest), is_correction=True)


def _write(path: Path, sent: _Sent) -> None:
    """Fill the form in as people do: the empty one is opened and answered cell by cell."""
    write_form(path, sent.form)
    book = openpyxl.load_workbook(path)
    sheet = book[layout.SHEET]
    for place, answer in enumerate(sent.answers, start=layout.FIRST_ROW):
        told = {layout.STATUS: answer.status, layout.COMMENT: answer.remark or None, layout.ROLE: answer.role}
        for column, value in told.items():
            sheet.cell(place, column).value = value
        sheet.cell(place, layout.DATE).value = answer.date
    save(book, path)


def _truth(sent: list[_Sent]) -> dict[str, Any]:
    """Rows of each form; and, of the newest answers, those of each status, centre and follow-up."""
    newest: dict[tuple[str, str], tuple[_Sent, _Answer]] = {}
    told: Counter[tuple[str, str]] = Counter()
    for one in sent:
        for answer in one.answers:
            key = (one.form.follow_up_code, answer.key)
            newest[key] = (one, answer)
            told[key] += 1
    statuses = Counter((one.form.follow_up_code, answer.row.kind, answer.status) for one, answer in newest.values())
    centers = Counter((one.form.follow_up_code, one.form.center_code) for one, _ in newest.values())
    remarks = Counter(one.form.follow_up_code for one, answer in newest.values() if answer.remark)
    corrected = Counter(key[0] for key, count in told.items() if count > 1)
    return {
        "deliveries": {one.path: {"rows": len(one.answers), "current_rows": len(one.answers)} for one in sent},
        "figures": {
            "statuses": [
                {"follow_up_code": code, "status_kind": kind, "status": status, "answers": count}
                for (code, kind, status), count in sorted(statuses.items())
            ],
            "centers": [
                {"follow_up_code": code, "center_code": center, "answers": count}
                for (code, center), count in sorted(centers.items())
            ],
            "remarks": [{"follow_up_code": code, "remarks": count} for code, count in sorted(remarks.items())],
            "corrected": [{"follow_up_code": code, "milestones": count} for code, count in sorted(corrected.items())],
        },
    }
