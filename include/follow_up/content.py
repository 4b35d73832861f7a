"""What an edition says, read from the edition alone: the one source of its document and of comparisons.

Nothing is computed here: every figure, status and sum is a column of a mart (`mart_budget_follow_up`,
`mart_follow_up_center`, `fct_milestone_status`, `fct_measure`), so a document says only what the warehouse does.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import duckdb

from include.errors import WarehouseError

Smiley = Literal["glad", "neutral", "sur"]

EDITION_FILE = "warehouse.duckdb"
MANIFEST_FILE = "manifest.json"


@dataclass(frozen=True)
class Answer:
    """What a centre answered for a milestone before one follow-up."""

    follow_up_code: str
    status: Smiley
    comment: str | None
    role: str
    answered_date: dt.date
    center_name: str


@dataclass(frozen=True)
class Milestone:
    """A milestone of an initiative: `text` is None where the agreement has none. `answers` are the oldest first."""

    number: int
    follow_up_code: str
    follow_up_name: str
    sequence: int
    text: str | None
    answers: tuple[Answer, ...]

    @property
    def status(self) -> Smiley | None:
        """The newest answer's; None if nobody has answered."""
        return self.answers[-1].status if self.answers else None


@dataclass(frozen=True)
class Economy:
    """An initiative's economy at the follow-up, in kr. but for the agreement's own mio. kr.; None is not known.

    `status` is the computed one, else the reported; `basis` says which. `has_person_postings`: the money is booked on
    persons, so neither spending nor what follows from it is shown.
    """

    finance_text: str | None
    adopted_expenditure_mdkk: Decimal | None
    adopted_saving_mdkk: Decimal | None
    adopted_budget_dkk: Decimal | None
    budget_changes_dkk: Decimal | None
    corrected_budget_dkk: Decimal | None
    spent_to_date_dkk: Decimal | None
    spent_through_date: dt.date | None
    forecast_dkk: Decimal | None
    deviation_dkk: Decimal | None
    is_preliminary: bool
    has_account: bool
    has_person_postings: bool
    computed_status: Smiley | None
    reported_status: Smiley | None
    status: Smiley | None
    basis: str | None
    comment: str | None


@dataclass(frozen=True)
class MeasurePoint:
    """A measure in one period, as published: `n` is behind it; `is_hidden` tells withheld from missing."""

    period: str
    period_end_date: dt.date
    value: Decimal | None
    n: int | None
    target: Decimal | None
    comparison: str | None
    is_target_met: bool | None
    is_hidden: bool
    is_preliminary: bool


@dataclass(frozen=True)
class Measure:
    """A measure, or a part of one, that belongs to an initiative; `points` are the oldest first."""

    measure_id: str
    part: str
    part_name: str | None
    title: str
    definition: str
    unit: str
    value_scale: str
    direction: str
    target_text: str | None
    source: str
    not_for: str
    points: tuple[MeasurePoint, ...]


@dataclass(frozen=True)
class Initiative:
    """An initiative of the agreement with its four milestones, economy and measures at the follow-up."""

    agreement_year: int
    initiative_id: str
    title: str
    section_title: str | None
    initiative_type: str
    description: str
    elaboration: str | None
    responsible_center: str
    committee: str
    contributors: tuple[str, ...]
    milestones: tuple[Milestone, ...]
    effort_status: Smiley | None
    previous_effort_status: Smiley | None
    economy: Economy
    previous_economy_status: Smiley | None
    measures: tuple[Measure, ...]


@dataclass(frozen=True)
class CenterLine:
    """A row of the overview: a responsible centre, or with None all of them.

    Money is of `economies_summed` initiatives, in kr.
    """

    responsible_center: str | None
    initiatives: int
    milestones: int
    milestones_without_text: int
    glad: int
    neutral: int
    sur: int
    unreported: int
    economies_glad: int
    economies_sur: int
    economies_unknown: int
    economies_summed: int
    corrected_budget_dkk: Decimal | None
    spent_to_date_dkk: Decimal | None
    forecast_dkk: Decimal | None
    deviation_dkk: Decimal | None


@dataclass(frozen=True)
class Source:
    """A dataset behind the edition and the newest day that it covers."""

    dataset: str
    title: str
    newest_day: dt.date | None
    is_stale: bool


@dataclass(frozen=True)
class Change:
    """What a correction changed, in words."""

    initiative_id: str
    title: str
    what: str
    before: str
    after: str


@dataclass(frozen=True)
class Content:
    """All that an edition says. `frozen_at` is UTC."""

    edition: str
    number: int
    corrects: str | None
    changes: tuple[Change, ...]
    follow_up_code: str
    follow_up_name: str
    follow_up_year: int
    sequence: int
    data_cut_off_date: dt.date
    is_cut_off_assumed: bool
    as_of: dt.date
    frozen_at: dt.datetime
    municipality_name: str
    municipality_code: str
    is_synthetic: bool
    committee_meeting_date: dt.date | None
    council_meeting_date: dt.date | None
    agreement_title: str
    case_number: str | None
    document_date: dt.date | None
    initiatives: tuple[Initiative, ...]
    centers: tuple[CenterLine, ...]
    total: CenterLine
    sources: tuple[Source, ...]
    previous_follow_up_name: str | None
    content_hash: str
    release_id: str


_INNATE = frozenset({"K01", "K02", "K03"})
"""Measures that the document is itself: milestones met, the economy's smiley, the share that is spent."""

_POINTS = 12
"""How many periods of a measure are told, the newest."""


def read_content(folder: Path) -> Content:
    """Read an edition's folder: its manifest and its protected marts, nothing else.

    Raises WarehouseError if the folder is no edition, or if its year has no agreement.
    """
    manifest = read_manifest(folder)
    with duckdb.connect(str(folder / EDITION_FILE), read_only=True) as connection:
        return _Reader(connection, manifest).content()


def read_manifest(folder: Path) -> dict[str, Any]:
    """An edition's manifest. Raises WarehouseError if there is none that can be read."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST_FILE).read_text("utf-8"))
        manifest["edition"]
    except (OSError, ValueError, KeyError) as error:
        raise WarehouseError(
            "the edition has no readable manifest",
            where=folder.name,
            remedy="take an edition from the list that `warehouse follow-up list` shows",
        ) from error
    return manifest


class _Reader:
    def __init__(self, connection: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any]) -> None:
        self.connection = connection
        self.manifest = manifest
        self.code = str(manifest["follow_up_code"])

    def content(self) -> Content:
        told = self.manifest
        follow_ups = {row["follow_up_code"]: row for row in self._rows("select * from marts.dim_follow_up")}
        if self.code not in follow_ups:
            raise WarehouseError(
                "the calendar of its marts does not have this follow-up",
                where=self.code,
                remedy="add it to the seed follow_up_calendar and refresh the warehouse",
            )
        this = follow_ups[self.code]
        before = [
            one
            for one in follow_ups.values()
            if one["follow_up_year"] == this["follow_up_year"]
            and one["follow_up_sequence"] == this["follow_up_sequence"] - 1
        ]
        initiatives = self._initiatives(follow_ups, this)
        described = self._rows(
            "select distinct case_number, document_date from marts.dim_initiative where agreement_year = ? "
            "order by document_date desc nulls last, case_number",
            [this["follow_up_year"]],
        )
        return Content(
            edition=told["edition"],
            number=told["number"],
            corrects=told["corrects"],
            changes=tuple(Change(**one) for one in told["changes"]),
            follow_up_code=self.code,
            follow_up_name=this["follow_up_name"],
            follow_up_year=this["follow_up_year"],
            sequence=this["follow_up_sequence"],
            data_cut_off_date=this["data_cut_off_date"],
            is_cut_off_assumed=this["is_assumed"],
            as_of=dt.date.fromisoformat(told["as_of"]),
            frozen_at=dt.datetime.fromisoformat(told["frozen_at"]),
            municipality_name=told["municipality"]["name"],
            municipality_code=told["municipality"]["code"],
            is_synthetic=told["is_synthetic"],
            committee_meeting_date=this["committee_meeting_date"],
            council_meeting_date=this["council_meeting_date"],
            agreement_title=f"Aftale om budget {this['follow_up_year']}",
            case_number=described[0]["case_number"] if described else None,
            document_date=described[0]["document_date"] if described else None,
            initiatives=initiatives,
            centers=self._centers("center"),
            total=self._centers("municipality")[0],
            sources=self._sources(initiatives),
            previous_follow_up_name=before[0]["follow_up_name"] if before else None,
            content_hash=told["content_hash"],
            release_id=told["release_id"],
        )

    def _rows(self, sql: str, values: list[Any] | None = None) -> list[dict[str, Any]]:
        found = self.connection.execute(sql, values or [])
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def _initiatives(
        self, follow_ups: Mapping[str, Mapping[str, Any]], this: Mapping[str, Any]
    ) -> tuple[Initiative, ...]:
        milestones = self._milestones(follow_ups, this)
        rows = self._rows(
            "select m.*, d.section_title, d.description, d.elaboration, d.contributors, d.finance_text, d.measures "
            "from marts.mart_budget_follow_up m join marts.dim_initiative d "
            "using (municipality_code, agreement_year, initiative_id) where m.follow_up_code = ?",
            [self.code],
        )
        if not rows:
            raise WarehouseError(
                f"no budget agreement of {this['follow_up_year']} is in the warehouse",
                where=self.code,
                remedy="deliver the agreement in inbox/budget_agreement, refresh the warehouse, and freeze again",
            )
        return tuple(
            Initiative(
                agreement_year=row["agreement_year"],
                initiative_id=row["initiative_id"],
                title=row["title"],
                section_title=row["section_title"],
                initiative_type=row["initiative_type"],
                description=row["description"],
                elaboration=row["elaboration"],
                responsible_center=row["responsible_center"],
                committee=row["committee"],
                contributors=tuple(row["contributors"] or ()),
                milestones=tuple(milestones[row["initiative_id"]]),
                effort_status=row["effort_status"],
                previous_effort_status=row["previous_effort_status"],
                economy=_economy(row),
                previous_economy_status=row["previous_economy_status"],
                measures=self._measures(row, this["data_cut_off_date"]),
            )
            for row in sorted(rows, key=lambda row: _in_order(row["initiative_id"]))
        )

    def _milestones(
        self, follow_ups: Mapping[str, Mapping[str, Any]], this: Mapping[str, Any]
    ) -> dict[str, list[Milestone]]:
        """The year's milestones by initiative, with the answers up to this follow-up."""
        year, sequence = this["follow_up_year"], this["follow_up_sequence"]
        answers: dict[tuple[str, int], list[tuple[int, Answer]]] = defaultdict(list)
        for row in self._rows("select * from marts.fct_milestone_status where agreement_year = ?", [year]):
            at = follow_ups[row["answered_follow_up_code"]]["follow_up_sequence"]
            if at <= sequence:
                answer = Answer(
                    row["answered_follow_up_code"],
                    row["status"],
                    row["comment"],
                    row["role"],
                    row["answered_date"],
                    row["center_name"],
                )
                answers[row["initiative_id"], row["milestone_number"]].append((at, answer))
        found: dict[str, list[Milestone]] = defaultdict(list)
        for row in self._rows(
            "select * from marts.fct_milestone where agreement_year = ? order by initiative_id, milestone_number",
            [year],
        ):
            given = sorted(answers[row["initiative_id"], row["milestone_number"]], key=lambda one: one[0])
            at_follow_up = follow_ups[row["follow_up_code"]]
            found[row["initiative_id"]].append(
                Milestone(
                    row["milestone_number"],
                    row["follow_up_code"],
                    at_follow_up["follow_up_name"],
                    at_follow_up["follow_up_sequence"],
                    row["milestone_text"],
                    tuple(answer for _, answer in given),
                )
            )
        return found

    def _measures(self, initiative: Mapping[str, Any], cut_off: dt.date) -> tuple[Measure, ...]:
        """The measures of an initiative: of itself where they are kept so, else of the municipality."""
        wanted = [name for name in initiative["measures"] or () if name not in _INNATE]
        if not wanted:
            return ()
        rows = self._rows(
            "select f.*, d.* exclude (municipality_code, measure_id) from marts.fct_measure f "
            "join marts.dim_measure d using (municipality_code, measure_id) "
            "where list_contains(?, measure_id) and period_end_date <= ? "
            "and (unit_type = 'municipality' or (unit_type = 'initiative' and unit_id = ?)) "
            "order by measure_id, measure_part, period_end_date",
            [wanted, cut_off, f"{initiative['agreement_year']}/{initiative['initiative_id']}"],
        )
        series: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            series[row["measure_id"], row["measure_part"]].append(row)
        return tuple(_measure(found) for found in series.values())

    def _centers(self, row_level: str) -> tuple[CenterLine, ...]:
        rows = self._rows(
            "select * from marts.mart_follow_up_center where follow_up_code = ? and row_level = ? "
            "order by responsible_center",
            [self.code, row_level],
        )
        return tuple(
            CenterLine(
                responsible_center=row["responsible_center"],
                initiatives=row["initiatives"],
                milestones=row["milestones"],
                milestones_without_text=row["milestones_without_text"],
                glad=row["milestones_glad"],
                neutral=row["milestones_neutral"],
                sur=row["milestones_sur"],
                unreported=row["milestones_unreported"],
                economies_glad=row["economies_glad"],
                economies_sur=row["economies_sur"],
                economies_unknown=row["economies_unknown"],
                economies_summed=row["economies_summed"],
                corrected_budget_dkk=row["corrected_budget_dkk"],
                spent_to_date_dkk=row["spent_to_date_dkk"],
                forecast_dkk=row["forecast_dkk"],
                deviation_dkk=row["deviation_dkk"],
            )
            for row in rows
        )

    def _sources(self, initiatives: tuple[Initiative, ...]) -> tuple[Source, ...]:
        """The datasets of the follow-up itself, and those of the measures that are shown."""
        shown = sorted({measure.measure_id for one in initiatives for measure in one.measures} | _INNATE)
        rows = self._rows(
            "select dataset, title_da, data_as_of, is_stale from marts.data_freshness where dataset = 'appropriations' "
            "or dataset in (select unnest(datasets) from marts.dim_measure where list_contains(?, measure_id)) "
            "order by title_da",
            [shown],
        )
        return tuple(Source(row["dataset"], row["title_da"], row["data_as_of"], bool(row["is_stale"])) for row in rows)


def _in_order(initiative_id: str) -> tuple[int, ...]:
    """3.03-2 after 3.02 and before 3.10."""
    return tuple(int(part) for part in initiative_id.replace("-", ".").split("."))


def _economy(row: Mapping[str, Any]) -> Economy:
    return Economy(
        finance_text=row["finance_text"],
        adopted_expenditure_mdkk=row["adopted_expenditure_mdkk"],
        adopted_saving_mdkk=row["adopted_saving_mdkk"],
        adopted_budget_dkk=row["adopted_budget_dkk"],
        budget_changes_dkk=row["budget_changes_dkk"],
        corrected_budget_dkk=row["corrected_budget_dkk"],
        spent_to_date_dkk=row["spent_to_date_dkk"],
        spent_through_date=row["spent_through_date"],
        forecast_dkk=row["forecast_dkk"],
        deviation_dkk=row["deviation_dkk"],
        is_preliminary=row["is_preliminary"],
        has_account=row["has_account"],
        has_person_postings=row["has_person_postings"],
        computed_status=row["computed_economy_status"],
        reported_status=row["reported_economy_status"],
        status=row["shown_economy_status"],
        basis=row["economy_status_basis"],
        comment=row["economy_comment"],
    )


def _measure(rows: list[dict[str, Any]]) -> Measure:
    own = [row for row in rows if row["unit_type"] == "initiative"] or rows
    # Of a measure that is kept by month and by year, the months tell how it goes.
    kinds = [row["period_type"] for row in own]
    told = [row for row in own if row["period_type"] == max(set(kinds), key=lambda kind: (kinds.count(kind), kind))]
    first = told[0]
    place = first["measure_parts"].index(first["measure_part"])
    return Measure(
        measure_id=first["measure_id"],
        part=first["measure_part"],
        part_name=None if first["measure_part"] == "all" else first["measure_part_names_da"][place],
        title=first["title_da"],
        definition=first["definition_da"],
        unit=first["measure_part_units_da"][place],
        value_scale=first["measure_part_scales"][place],
        direction=first["direction"],
        target_text=first["target_da"],
        source=first["source"],
        not_for=first["not_for_da"],
        points=tuple(
            MeasurePoint(
                period=row["period"],
                period_end_date=row["period_end_date"],
                value=row["value"],
                n=row["person_count"],
                target=row["target"],
                comparison=row["target_comparison"],
                is_target_met=row["is_target_met"],
                is_hidden="value" in (row["hidden_columns"] or ()),
                is_preliminary=bool(row["is_preliminary"]),
            )
            for row in told[-_POINTS:]
        ),
    )
