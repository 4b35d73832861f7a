"""A calendar of one's own in place of the seed `follow_up_calendar`."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

import pytest

from include.follow_up import calendar

HEADER = [
    "municipality_code",
    "follow_up_code",
    "follow_up_name",
    "follow_up_year",
    "follow_up_sequence",
    "data_cut_off_date",
    "forms_sent_date",
    "form_deadline_date",
    "committee_meeting_date",
    "council_meeting_date",
    "valid_from",
    "is_assumed",
]


def row(cut_off: str, code: str = "", *, valid_from: str = "2025-10-15", municipality: str = "151") -> list[str]:
    """A row with the dates that the assumed rows of the seed have: forms three weeks before, answers three days."""
    day = dt.date.fromisoformat(cut_off)
    code = code or f"BO1-{day.year}"
    before = [str(day - dt.timedelta(days=days)) for days in (21, 3)]
    name = f"{code[2]}. budgetopfølgning {day.year}" if code.startswith("BO") else f"31.12.{day.year}"
    return [municipality, code, name, str(day.year), "1", cut_off, *before, "", "", valid_from, "true"]


def set_calendar(monkeypatch: pytest.MonkeyPatch, folder: Path, *rows: list[str], header: list[str] = HEADER) -> None:
    """Let the calendar have these rows and no others."""
    file = folder / "follow_up_calendar.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([header, *rows])
    monkeypatch.setattr(calendar, "SEED", file)
