"""What each centre is asked before a budget follow-up, from the rows that the current release publishes.

A form asks for the milestones of its follow-up that have a text, for earlier ones of the same year whose newest status
is not glad, and for the economy of every initiative. Beside each stands the last status, and where the figures tell
one, a status that they propose and why. Nothing is computed here: rows are chosen and put into words.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from include.errors import WarehouseError
from include.follow_up import words
from include.follow_up.content import Smiley
from include.settings import Settings
from include.warehouse.database import connect

log = logging.getLogger(__name__)

Row = dict[str, Any]


@dataclass(frozen=True)
class FormRow:
    """What a centre is asked about: a milestone, or with `milestone_number` None the economy of the initiative.

    `due` names the follow-up that the milestone belongs to, by default the form's. `last_status` was given at the
    follow-up `last_follow_up`; the figures propose `proposal`, and `reason` says why. `note` is told below the title.
    """

    agreement_year: int
    initiative_id: str
    title: str
    milestone_number: int | None
    text: str
    due: str = ""
    last_status: Smiley | None = None
    last_follow_up: str = ""
    proposal: Smiley | None = None
    reason: str = ""
    note: str = ""

    @property
    def kind(self) -> str:
        """`effort` or `economy`."""
        return "economy" if self.milestone_number is None else "effort"


@dataclass(frozen=True)
class StatusForm:
    """One centre's form for one follow-up; the codes are those of the seeds `follow_up_calendar` and `center`."""

    follow_up_code: str
    follow_up_name: str
    center_code: str
    center_name: str
    rows: Sequence[FormRow]
    deadline: dt.date | None = None


@dataclass(frozen=True)
class _FollowUp:
    code: str
    name: str
    year: int
    sequence: int
    cut_off: dt.date
    sent: dt.date
    deadline: dt.date

    def day(self, night: dt.date) -> dt.date:
        """The day of the forms: when they are due to go out, or a later one on which they are made anew."""
        return min(max(night, self.sent), self.cut_off)


@dataclass(frozen=True)
class _Proposal:
    status: Smiley
    reason: str


@dataclass(frozen=True)
class _Tables:
    """Rows of one municipality, as published."""

    follow_ups: Mapping[str, _FollowUp]
    initiatives: Sequence[Row]
    centers: Mapping[str, Row]
    milestones: Sequence[Row]
    answers: Sequence[Row]
    economies: Sequence[Row]
    measures: Sequence[Row]
    measured: Sequence[Row]


def questions(settings: Settings, code: str) -> tuple[StatusForm, ...]:
    """The forms of a follow-up, by the name of the centre, from the current release.

    Raises WarehouseError if there is no release or an older one than these tables, for an unknown follow-up, where it
    can't be told which centre answers, and if there is nothing to ask.
    """
    tables = _read(settings)
    if code not in tables.follow_ups:
        raise WarehouseError(
            f"the calendar of the current release knows no follow-up {code}.",
            where="dim_follow_up",
            remedy=f"give one of these: {', '.join(tables.follow_ups) or 'none, the release has no calendar'}",
        )
    follow_up = tables.follow_ups[code]
    day = follow_up.day(settings.night)
    rows: dict[str, list[FormRow]] = defaultdict(list)
    asked = [one for one in tables.initiatives if one["agreement_year"] == follow_up.year]
    for initiative in sorted(asked, key=lambda one: _in_order(one["initiative_id"])):
        wanted = list(_rows_of(tables, follow_up, initiative))
        for center, note in _answering(tables, initiative, day):
            rows[center] += [replace(row, note=note) for row in wanted]
    if not rows:
        raise WarehouseError(
            f"there is nothing to ask before {follow_up.name}: the release has no agreement of {follow_up.year}.",
            where=code,
            remedy=f"deliver the agreement of {follow_up.year} to inbox/budget_agreement, and let a night run",
        )
    forms = [
        StatusForm(code, follow_up.name, center, tables.centers[center]["center_name"], tuple(its), follow_up.deadline)
        for center, its in rows.items()
    ]
    return tuple(sorted(forms, key=lambda form: form.center_name))


# ---- the release


def _read(settings: Settings) -> _Tables:
    file = settings.current_release.resolve() / "warehouse.duckdb"
    if not file.is_file():
        raise WarehouseError(
            "there is no release to take the forms from.",
            where=str(settings.current_release),
            remedy="run a night (`make run`, or `warehouse run`), then write the forms",
        )
    with connect(file, scratch=None, settings=settings, read_only=True) as release:

        def rows(table: str, columns: str) -> list[Row]:
            found = release.execute(
                f"select {columns} from marts.{table} where municipality_code = ?", [settings.municipality_code]
            )
            names = [column[0] for column in found.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

        try:
            return _tables(rows)
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise WarehouseError(
                "the current release has not the tables that the forms are made from; it is of an earlier version.",
                where=str(file),
                remedy="run a night (`make run`, or `warehouse run`), then write the forms",
            ) from error


def _tables(rows: Any) -> _Tables:
    calendar = rows(
        "dim_follow_up",
        "follow_up_code, follow_up_name, follow_up_year, follow_up_sequence, data_cut_off_date, forms_sent_date, "
        "form_deadline_date",
    )
    follow_ups = [_FollowUp(*row.values()) for row in calendar]
    return _Tables(
        follow_ups={one.code: one for one in sorted(follow_ups, key=lambda one: (one.year, one.sequence))},
        initiatives=rows(
            "dim_initiative",
            "agreement_year, initiative_id, title, responsible_center, center_code, finance_text, measures",
        ),
        centers={
            row["center_code"]: row
            for row in rows("dim_center", "center_code, center_name, valid_to, successor_center_codes")
        },
        milestones=rows(
            "fct_milestone", "agreement_year, initiative_id, follow_up_code, milestone_number, milestone_text"
        ),
        answers=rows(
            "fct_milestone_status",
            "agreement_year, initiative_id, milestone_number, answered_follow_up_code, status, answered_date",
        ),
        economies=rows(
            "mart_budget_follow_up",
            "agreement_year, initiative_id, follow_up_code, reported_economy_status, computed_economy_status, "
            "spent_to_date_dkk, spent_through_date, corrected_budget_dkk, is_preliminary",
        ),
        measures=rows(
            "dim_measure",
            "measure_id, title_da, measure_parts, measure_part_names_da, measure_part_units_da, measure_part_scales",
        ),
        measured=rows(
            "fct_measure",
            "measure_id, measure_part, period_end_date, unit_type, value, person_count, target, target_comparison, "
            "is_target_met, is_preliminary",
        ),
    )


# ---- what is asked


def _rows_of(tables: _Tables, follow_up: _FollowUp, initiative: Row) -> Iterator[FormRow]:
    """The rows of an initiative: its milestones in order, then its economy."""
    year, number, title = initiative["agreement_year"], initiative["initiative_id"], initiative["title"]
    effort = _effort_proposal(tables, follow_up, initiative)
    milestones = [one for one in tables.milestones if _is_of(one, initiative) and one["milestone_text"]]
    for milestone in sorted(milestones, key=lambda one: one["milestone_number"]):
        due = tables.follow_ups.get(milestone["follow_up_code"])
        if due is None or (due.year, due.sequence) > (follow_up.year, follow_up.sequence):
            continue
        place = milestone["milestone_number"]
        answers = [one for one in tables.answers if _is_of(one, initiative) and one["milestone_number"] == place]
        last, at = _last(tables, follow_up, answers, "answered_follow_up_code", "status")
        if due.code == follow_up.code or last != "glad":
            told = (effort.status, effort.reason) if effort else (None, "")
            yield FormRow(year, number, title, place, milestone["milestone_text"], due.name, last, at, *told)
    economies = [one for one in tables.economies if _is_of(one, initiative)]
    last, at = _last(tables, follow_up, economies, "follow_up_code", "reported_economy_status")
    economy = _economy_proposal([one for one in economies if one["follow_up_code"] == follow_up.code])
    told = (economy.status, economy.reason) if economy else (None, "")
    text = initiative["finance_text"] or f"Økonomien i {year}"
    yield FormRow(year, number, title, None, text, follow_up.name, last, at, *told)


def _is_of(row: Row, initiative: Row) -> bool:
    return (row["agreement_year"], row["initiative_id"]) == (initiative["agreement_year"], initiative["initiative_id"])


def _last(
    tables: _Tables, follow_up: _FollowUp, rows: Sequence[Row], given_at: str, status: str
) -> tuple[Smiley | None, str]:
    """The newest status that was given by this follow-up, and the name of the follow-up at which it was."""
    given = {
        (at.sequence, at.name): row[status]
        for row in rows
        if row[status]
        and (at := tables.follow_ups.get(row[given_at])) is not None
        and at.year == follow_up.year
        and at.sequence <= follow_up.sequence
    }
    return (given[max(given)], max(given)[1]) if given else (None, "")


def _in_order(initiative_id: str) -> tuple[int, ...]:
    """`3.10` comes behind `3.03-2`."""
    return tuple(int(part) for part in initiative_id.replace("-", ".").split("."))


# ---- which centre answers


def _answering(tables: _Tables, initiative: Row, day: dt.date) -> Iterator[tuple[str, str]]:
    """The centres that answer for an initiative on the day, each with what it is to know about that.

    It is one; after a split of which nothing tells whose the initiative became, each part is asked.
    """
    number = initiative["initiative_id"]
    named = initiative["center_code"]
    if named not in tables.centers:
        raise WarehouseError(
            f"the centre that is responsible for {number} is in no list, so nobody can be asked.",
            where=f"agreement of {initiative['agreement_year']}, {number}",
            remedy="add the centre, as the agreement writes it, to the seed center, and let a night run",
        )
    standing = [named]
    notes: list[str] = []
    while ended := [code for code in standing if _has_ended(tables, code, day)]:
        for code in ended:
            name = tables.centers[code]["center_name"]
            successors = list(tables.centers[code]["successor_center_codes"] or ())
            if not successors:
                raise WarehouseError(
                    f"the centre {name}, which is responsible for {number}, has ended and none follows it.",
                    where=f"agreement of {initiative['agreement_year']}, {number}",
                    remedy="name the centre that took over in the seed center (predecessor_center_code), and let a "
                    "night run",
                )
            chosen, note = _successor(tables, initiative, name, successors)
            standing = [one for one in standing if one != code] + chosen
            notes += [note] if note else []
    note = " ".join(notes)
    if note:
        log.info("%s of %s: %s", number, initiative["agreement_year"], note)
    for code in sorted(set(standing)):
        yield code, note


def _has_ended(tables: _Tables, code: str, day: dt.date) -> bool:
    valid_to = tables.centers[code]["valid_to"]
    return valid_to is not None and valid_to < day


def _successor(tables: _Tables, initiative: Row, name: str, successors: list[str]) -> tuple[list[str], str]:
    """Who follows a centre for an initiative: its only successor, or the one that the next agreement names."""
    if len(successors) == 1:
        return successors, ""
    following = sorted(
        (one["agreement_year"], one["center_code"])
        for one in tables.initiatives
        if one["initiative_id"] == initiative["initiative_id"]
        and one["agreement_year"] > initiative["agreement_year"]
        and one["center_code"] in successors
    )
    if following:
        year, code = following[0]
        return [code], f"{name} er delt. Indsatsens nummer hører til jer i aftalen om budget {year}, så I svarer."
    parts = " og ".join(tables.centers[code]["center_name"] for code in successors)
    return successors, f"{name} er delt i {parts}. Ingen nyere aftale siger, hvem der svarer: svar, hvis den er jeres."


# ---- what the figures propose


def _economy_proposal(economies: Sequence[Row]) -> _Proposal | None:
    """The computed smiley of the economy, with the figures that it was computed from."""
    for row in economies:
        spent, budget, through = row["spent_to_date_dkk"], row["corrected_budget_dkk"], row["spent_through_date"]
        if row["computed_economy_status"] is None:
            return None
        told = (
            f"et korrigeret budget på {words.kroner(budget)}"
            if budget >= 0
            else f"et korrigeret budget, der er en nettobesparelse på {words.kroner(-budget)}"
        )
        preliminary = " (foreløbigt)" if row["is_preliminary"] else ""
        return _Proposal(
            row["computed_economy_status"],
            f"Nettoforbrug {words.kroner(spent)} til og med {words.day(through)}{preliminary} mod {told}",
        )
    return None


def _effort_proposal(tables: _Tables, follow_up: _FollowUp, initiative: Row) -> _Proposal | None:
    """What the measures of an initiative tell: glad if all their targets are met, else neutral; None if none tells.

    Of each measure its newest period that ended in the agreement's year and by the cut-off, for the municipality as a
    whole, if it has a target that could be judged.
    """
    measures = {
        one["measure_id"]: one for one in tables.measures if one["measure_id"] in (initiative["measures"] or ())
    }
    newest: dict[tuple[str, str], Row] = {}
    for row in tables.measured:
        if (
            row["measure_id"] in measures
            and row["unit_type"] == "municipality"
            and row["is_target_met"] is not None
            and row["value"] is not None
            and dt.date(initiative["agreement_year"], 1, 1) <= row["period_end_date"] <= follow_up.cut_off
        ):
            key = (row["measure_id"], row["measure_part"])
            newest[key] = max(newest.get(key, row), row, key=lambda one: one["period_end_date"])
    if not newest:
        return None
    return _Proposal(
        "glad" if all(row["is_target_met"] for row in newest.values()) else "neutral",
        "\n".join(_measured(measures[measure_id], newest[measure_id, part]) for measure_id, part in sorted(newest)),
    )


def _measured(measure: Row, row: Row) -> str:
    """A measure's figure, target, period and n in one sentence."""
    place = measure["measure_parts"].index(row["measure_part"])
    scale = measure["measure_part_scales"][place]
    part = "" if row["measure_part"] == "all" else f" ({measure['measure_part_names_da'][place]})"
    unit = "" if scale in words.WITH_UNIT else f" {measure['measure_part_units_da'][place]}"
    compared = words.COMPARISONS.get(row["target_comparison"] or "")
    comparison = f"{compared} " if compared else ""
    n = "" if row["person_count"] is None else f", n = {words.number(row['person_count'])}"
    preliminary = " (foreløbigt)" if row["is_preliminary"] else ""
    return (
        f"{measure['measure_id']} {measure['title_da']}{part}: {words.measured(row['value'], scale)}{unit}, måltal "
        f"{comparison}{words.measured(row['target'], scale)}, til og med {words.day(row['period_end_date'])}"
        f"{preliminary}{n}. Måltallet er {'nået' if row['is_target_met'] else 'ikke nået'}."
    )
