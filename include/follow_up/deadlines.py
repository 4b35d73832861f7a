"""What a budget follow-up lacks while there is still time: a plain check, beside Airflow's own deadlines.

Read from the calendar, the current release, the ledger and what lies in the home; nothing is kept here, and it holds
wherever it is asked: in a DAG's task, by `warehouse status`, by hand, with Airflow or without.

- The figures are about to be frozen, and the release that stands is older than the day.
- The deadline of the forms is reached, and a centre has not answered.
- Forms were not written, or figures not frozen, on a day on which the nights already ran.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from include.follow_up.calendar import FollowUp, read_calendar
from include.landing.contract import load_contracts
from include.landing.ledger import Ledger
from include.operations.run_log import steps
from include.settings import Settings

DATASET = "milestone_status"

IN_GOOD_TIME = dt.timedelta(days=3)
"""So long before its cut-off a follow-up wants each night's release: time to mend one that does not come."""


@dataclass(frozen=True)
class Lack:
    """What a follow-up lacks. `as_of` is the day of the release that stands, `centers` are names of centres."""

    what: Literal["release", "answers", "forms", "edition"]
    follow_up: FollowUp
    as_of: dt.date | None = None
    centers: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """The follow-up, for people."""
        return f"follow-up {self.follow_up.code}"

    @property
    def reason(self) -> str:
        """What is missing, and until when."""
        frozen = f"its figures are frozen on {self.follow_up.data_cut_off_date}"
        match self.what:
            case "release":
                stands = f"the one that stands is as of {self.as_of}" if self.as_of else "there is none at all"
                return f"{frozen}, and the night before has no release: {stands}"
            case "answers":
                return (
                    f"answers were due on {self.follow_up.form_deadline_date}, {frozen}, and nothing has come from "
                    f"{', '.join(self.centers)}"
                )
            case "forms":
                return f"its forms should have been written on {self.follow_up.forms_sent_date}, and are not"
            case "edition":
                return f"its figures should have been frozen on {self.follow_up.data_cut_off_date}, and are not"

    @property
    def remedy(self) -> str:
        """What to do, and whom to ask."""
        code = self.follow_up.code
        match self.what:
            case "release":
                return (
                    "see what stopped the refresh, mend it, and publish with `warehouse refresh`; if that takes "
                    f"longer, agree with {owner()} to move the date (a new row of the seed follow_up_calendar)"
                )
            case "answers":
                return (
                    f"remind these centres, through {owner()}; a form that was rejected stands among the deliveries. "
                    f"What comes into inbox/{DATASET}/ the night before the cut-off is still in the edition"
                )
            case "forms":
                return f"`warehouse follow-up forms {code}`, and tell {owner()} that they come late"
            case "edition":
                return f"`warehouse follow-up freeze {code}`, and tell {owner()} as of which day its figures are"


def owner() -> str:
    """Who is asked about a follow-up: the owner of what the centres answer."""
    return load_contracts()[DATASET].owner


def warnings(settings: Settings, today: dt.date) -> tuple[str, ...]:
    """What the follow-ups lack on a day, a sentence each with its remedy. Raises WarehouseError for a bad calendar."""
    return tuple(sentence(lack) for lack in lacks(settings, today))


def sentence(lack: Lack) -> str:
    """A lack in one line for people."""
    return f"{lack.where}: {lack.reason}. Remedy: {lack.remedy}"


def lacks(settings: Settings, today: dt.date) -> tuple[Lack, ...]:
    """What the follow-ups lack on a day, in the order of their cut-offs. Raises WarehouseError for a bad calendar."""
    calendar = read_calendar(settings.municipality_code, today)
    reached = [one for one in calendar if one.data_cut_off_date < today]
    coming = [one for one in calendar if today <= one.data_cut_off_date]
    # Of those behind us only the last one matters: nobody freezes figures of a follow-up that has been followed up.
    found = [lack for one in reached[-1:] for lack in _not_frozen(settings, one)]
    for follow_up in coming:
        found += [*_not_written(settings, follow_up, today), *_not_answered(settings, follow_up, today)]
        found += _not_published(settings, follow_up, today)
    return tuple(found)


def _not_published(settings: Settings, follow_up: FollowUp, today: dt.date) -> Iterator[Lack]:
    if follow_up.data_cut_off_date - IN_GOOD_TIME <= today:
        as_of = _release_day(settings)
        if as_of is None or as_of < today:
            yield Lack("release", follow_up, as_of=as_of)


def _release_day(settings: Settings) -> dt.date | None:
    try:
        manifest = json.loads((settings.current_release / "manifest.json").read_text("utf-8"))
        return dt.date.fromisoformat(manifest["as_of"])
    except (OSError, ValueError, KeyError):
        return None


def _not_written(settings: Settings, follow_up: FollowUp, today: dt.date) -> Iterator[Lack]:
    if follow_up.forms_sent_date < today and _ran_on(settings, follow_up.forms_sent_date):
        forms = settings.follow_up / follow_up.code / "forms"
        if not any(forms.glob("*.xlsx")) and not answered(settings, follow_up.code):
            yield Lack("forms", follow_up)


def _not_frozen(settings: Settings, follow_up: FollowUp) -> Iterator[Lack]:
    if _ran_on(settings, follow_up.data_cut_off_date) and not any(
        settings.editions.glob(f"{follow_up.code}-*/manifest.json")
    ):
        yield Lack("edition", follow_up)


def _ran_on(settings: Settings, day: dt.date) -> bool:
    """Whether the nights ran by then: a warehouse that is newer than a day owes it nothing."""
    published = [one.night for one in steps(settings) if one.name == "publish" and one.outcome == "succeeded"]
    return min(published, default=dt.date.max) <= day


# ---- who has answered


def _not_answered(settings: Settings, follow_up: FollowUp, today: dt.date) -> Iterator[Lack]:
    if follow_up.form_deadline_date <= today:
        came = answered(settings, follow_up.code)
        if missing := [center.name for center in asked(settings, follow_up) if not center.answered_by & came]:
            yield Lack("answers", follow_up, centers=tuple(missing))


def answered(settings: Settings, code: str) -> frozenset[str]:
    """The codes of the centres of which a form for the follow-up has been accepted with at least one answer."""
    with Ledger(settings) as ledger:
        accepted = ledger.deliveries(dataset=DATASET, status="accepted")
    # The period of a form is <follow-up>-<centre>-<day>, by the reader of the forms.
    labels = [one.period_label for one in accepted if one.period_label and one.landed_count]
    return frozenset(
        label.removeprefix(f"{code}-").rpartition("-")[0] for label in labels if label.startswith(f"{code}-")
    )


@dataclass(frozen=True)
class Center:
    """A centre that is asked, and the codes of the centres whose answer is its own."""

    name: str
    answered_by: frozenset[str]


def asked(settings: Settings, follow_up: FollowUp) -> list[Center]:
    """The centres that are asked, by name.

    Those whose form was written; where none was, those that the agreement makes responsible for a milestone of the
    follow-up, by the current release. For a centre that has ended any of its successors answers.
    """
    centers = _centers(settings, follow_up)
    if written := _written(settings, follow_up):
        names = {code: name for code, (name, _, _) in centers.items()}
        found = [Center(names.get(code, code), frozenset({code})) for code in written]
    else:
        found = [
            Center(name, frozenset({code, *successors}))
            for code, (name, successors, is_responsible) in centers.items()
            if is_responsible
        ]
    return sorted(found, key=lambda center: center.name)


def _written(settings: Settings, follow_up: FollowUp) -> set[str]:
    """The codes of the centres in the forms that were written; a workbook that is no form is none of them."""
    import zipfile

    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    from include.sources import status_form as layout

    found: set[str] = set()
    for file in (settings.follow_up / follow_up.code / "forms").glob("*.xlsx"):
        try:
            book = openpyxl.load_workbook(file, read_only=True)
            found.add(str(book[layout.SHEET].cell(layout.CENTER_ROW, layout.KEY).value))
            book.close()
        except (OSError, ValueError, KeyError, zipfile.BadZipFile, InvalidFileException):
            continue
    return found


_CENTERS = """
select
    centers.center_code,
    any_value(centers.center_name),
    any_value(centers.successor_center_codes),
    coalesce(bool_or(milestones.follow_up_code is not null), false)
from marts.dim_center as centers
left join marts.dim_initiative as initiatives using (municipality_code, center_code)
left join marts.fct_milestone as milestones
    on
        initiatives.municipality_code = milestones.municipality_code
        and initiatives.agreement_year = milestones.agreement_year
        and initiatives.initiative_id = milestones.initiative_id
        and milestones.follow_up_code = $follow_up_code
        and milestones.has_text
where centers.municipality_code = $municipality_code
group by all
"""


def _centers(settings: Settings, follow_up: FollowUp) -> dict[str, tuple[str, tuple[str, ...], bool]]:
    """The centres of the current release by code: name, successors, whether a milestone of the follow-up is theirs."""
    from include.warehouse.database import connect

    file = settings.current_release.resolve() / "warehouse.duckdb"
    if not file.is_file():
        return {}
    with connect(file, read_only=True, scratch=None, settings=settings) as release:
        rows = release.execute(
            _CENTERS, {"follow_up_code": follow_up.code, "municipality_code": settings.municipality_code}
        ).fetchall()
    return {code: (name, tuple(successors or ()), is_responsible) for code, name, successors, is_responsible in rows}
