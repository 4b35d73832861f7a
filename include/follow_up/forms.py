"""Write the Excel form in which a centre tells the status of its milestones; the layout is the reader's.

The cells to fill in are open, all others protected (without a password: against slips, not against people); status and
role are chosen from lists, the date must be one. The same form made twice is the same file, byte for byte, so that a
form that comes back unfilled can be told from one that was filled in.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import openpyxl
from openpyxl.styles import Alignment, Font, PatternFill, Protection
from openpyxl.utils import get_column_letter
from openpyxl.workbook import Workbook
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from include.sources import status_form as layout

_WIDTHS = {"A": 4, "B": 12, "C": 32, "D": 10, "E": 60, "F": 11, "G": 44, "H": 16, "I": 13}
_MOMENT = (2000, 1, 1, 0, 0, 0)
"""The time of every part of a written workbook, so that the same content is the same file."""


@dataclass(frozen=True)
class FormRow:
    """What a centre is asked about: a milestone, or with `milestone_number` None the economy of the initiative."""

    agreement_year: int
    initiative_id: str
    title: str
    milestone_number: int | None
    text: str

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


def write_form(path: Path, form: StatusForm) -> None:
    """Write an empty form; replaces `path`."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet), "a new workbook has a sheet"
    sheet.title = layout.SHEET
    _write_head(sheet, form)
    for place, row in enumerate(form.rows, start=layout.FIRST_ROW):
        _write_row(sheet, place, form, row)
    _add_lists(sheet, form)
    _finish(sheet)
    save(book, path)


def save(book: Workbook, path: Path) -> None:
    """Save a workbook without the times at which it was made: the same content is the same file."""
    saved = io.BytesIO()
    book.save(saved)
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for part in source.infolist():
            content = source.read(part)
            if part.filename == "docProps/core.xml":
                stamp = dt.datetime(*_MOMENT, tzinfo=dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stamp, content)
            target.writestr(zipfile.ZipInfo(part.filename, _MOMENT), content, zipfile.ZIP_DEFLATED)


def _write_head(sheet: Worksheet, form: StatusForm) -> None:
    hidden = {
        layout.VERSION_ROW: layout.VERSION,
        layout.FOLLOW_UP_ROW: form.follow_up_code,
        layout.CENTER_ROW: form.center_code,
        layout.COUNT_ROW: str(len(form.rows)),
    }
    for place, value in hidden.items():
        sheet.cell(place, layout.KEY, value)
    told = (
        f"Status på milepæle: {form.follow_up_name}",
        form.center_name,
        "Udfyld de gule felter: status, eventuel bemærkning, rolle og dato. Skriv ingen navne eller personnumre.",
        "Milepæl: glad = nået; neutral = ikke helt, men årets mål kan stadig nås; sur = ikke nået og kan ikke nås.",
        "Økonomi: glad = budgettet holder, eller besparelsen nås; sur = det gør det ikke.",
    )
    for place, line in enumerate(told, start=1):
        sheet.cell(place, layout.INITIATIVE, line)
    sheet.cell(1, layout.INITIATIVE).font = Font(bold=True, size=14)
    for column, heading in enumerate(layout.HEADINGS, start=1):
        cell = sheet.cell(layout.HEADING_ROW, column, heading)
        cell.font = Font(bold=True)


def _write_row(sheet: Worksheet, place: int, form: StatusForm, row: FormRow) -> None:
    key = layout.milestone_key(row.agreement_year, row.initiative_id, row.milestone_number)
    check = layout.row_check(form.follow_up_code, form.center_code, key, row.text)
    told = {
        layout.KEY: f"{key} {check}",
        layout.INITIATIVE: f"{row.initiative_id} ({row.agreement_year})",
        layout.TITLE: row.title,
        layout.KIND: layout.KINDS[row.kind],
        layout.TEXT: row.text,
    }
    for column, value in told.items():
        cell = sheet.cell(place, column)
        cell.value = value
        if cell.data_type == "f":  # a text that begins with "=" stays a text
            cell.data_type = "s"
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    for column in layout.ANSWERS:
        cell = sheet.cell(place, column)
        cell.protection = Protection(locked=False)
        cell.fill = PatternFill("solid", start_color="FFF6D5")
        cell.alignment = Alignment(wrap_text=column == layout.COMMENT, vertical="top")
    sheet.cell(place, layout.DATE).number_format = "dd-mm-yyyy"


def _add_lists(sheet: Worksheet, form: StatusForm) -> None:
    """The drop-down lists, and that a date is a date."""
    last = layout.FIRST_ROW + len(form.rows) - 1
    lists = {kind: _choice(words) for kind, words in layout.STATUSES.items()}
    for place, row in enumerate(form.rows, start=layout.FIRST_ROW):
        lists[row.kind].add(sheet.cell(place, layout.STATUS))
    roles = _choice(layout.ROLES)
    dates = DataValidation(type="date", operator="greaterThan", formula1="DATE(2016,1,1)", allow_blank=True)
    dates.error, dates.errorTitle = "Skriv en dato, fx 15-06-2026.", "Dato"
    if form.rows:
        for validation, column in ((roles, layout.ROLE), (dates, layout.DATE)):
            letter = get_column_letter(column)
            validation.add(f"{letter}{layout.FIRST_ROW}:{letter}{last}")
    for validation in (*lists.values(), roles, dates):
        if validation.sqref:
            sheet.add_data_validation(validation)


def _choice(words: Sequence[str]) -> DataValidation:
    validation = DataValidation(type="list", formula1=f'"{",".join(words)}"', allow_blank=True)
    validation.error, validation.errorTitle = "Vælg fra listen.", "Vælg fra listen"
    return validation


def _finish(sheet: Worksheet) -> None:
    for letter, width in _WIDTHS.items():
        sheet.column_dimensions[letter].width = width
    sheet.column_dimensions["A"].hidden = True
    sheet.freeze_panes = f"B{layout.FIRST_ROW}"
    sheet.protection.formatColumns = False
    sheet.protection.formatRows = False
    sheet.protection.enable()
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
