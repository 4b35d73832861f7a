"""What an edition says, read from the edition alone: the one source of its document and of comparisons.

Nothing is computed here: every figure, status and sum is a column of a mart (`mart_budget_follow_up`,
`mart_follow_up_center`, `fct_milestone_status`, `fct_measure`), so a document says only what the warehouse does.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

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
    """A responsible centre's row of the overview. Money is of `economies_summed` initiatives, in kr."""

    responsible_center: str
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
    sources: tuple[Source, ...]
    previous_follow_up_name: str | None
    content_hash: str
    release_id: str
