"""Write the Excel forms in which the centres tell the status of their milestones; the layout is the reader's.

The cells to fill in are open, all others protected (without a password: against slips, not against people); status and
role are chosen from lists, the date must be one. The same form made twice is the same file, byte for byte, so that a
form that comes back unfilled can be told from one that was filled in.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import shutil
import textwrap
import zipfile
from collections.abc import Sequence
from pathlib import Path

import openpyxl
from openpyxl.formatting.rule import Rule
from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.utils import get_column_letter
from openpyxl.workbook import Workbook
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.header_footer import HeaderFooterItem, _HeaderFooterPart
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from include.disk import fsync
from include.follow_up.questions import FormRow, StatusForm, questions
from include.settings import Settings
from include.sources import status_form as layout

__all__ = ["FormRow", "StatusForm", "save", "write_form", "write_forms"]

_WIDTHS = {
    layout.KEY: 4,
    layout.INITIATIVE: 24,
    layout.SUBJECT: 17,
    layout.TEXT: 42,
    layout.LAST: 17,
    layout.PROPOSAL: 9,
    layout.REASON: 32,
    layout.STATUS: 10,
    layout.COMMENT: 34,
    layout.ROLE: 15,
    layout.DATE: 12,
}
_LINE_HEIGHT, _PADDING, _LEAST_LINES = 15, 4, 3
"""Of a row of the sheet, in points; room for a remark of three lines."""
_A4 = 9
_MARGIN = 0.4
"""Inches."""
_MOST_LETTERS = 2000
"""Of a remark; the suite of the deliveries notes longer ones."""

_INK, _PAPER, _SOFT, _OPEN = "1F3A5F", "FFFFFF", "F3F5F8", "FFF6D5"
_SMILEYS = {"glad": "CDEBCF", "neutral": "FFE8A3", "sur": "F6C6C0"}
_LINE = Side("thin", color="C3C9D2")
_THICK = Side("medium", color=_INK)

_MOMENT = (2000, 1, 1, 0, 0, 0)
"""The time of every part of a written workbook, so that the same content is the same file."""


def write_forms(settings: Settings, code: str) -> tuple[Path, ...]:
    """Write the forms of a follow-up into `follow_up/<code>/forms` of the home, a workbook a centre; all or none.

    What lay there is replaced. Raises WarehouseError as `questions` does: without a release, for an unknown follow-up,
    if it can't be told which centre answers, and if there is nothing to ask.
    """
    forms = questions(settings, code)
    folder = settings.follow_up / code / "forms"
    made, before = folder.with_name(".forms.new"), folder.with_name(".forms.old")
    settings.prepare()
    settings.follow_up.mkdir(mode=0o700, exist_ok=True)
    for left in (made, before):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    made.mkdir(mode=0o700, parents=True)
    names = [f"{code} {_as_file_name(form.center_name)}.xlsx" for form in forms]
    for name, form in zip(names, forms, strict=True):
        write_form(made / name, form)
        fsync(made / name)
    fsync(made)
    if folder.exists():
        folder.rename(before)
    made.rename(folder)
    fsync(folder.parent)
    shutil.rmtree(before, ignore_errors=True)
    return tuple(folder / name for name in names)


def _as_file_name(name: str) -> str:
    """A name that every system takes for a file's."""
    return re.sub(r'[\\/:*?"<>|]', "-", name)


def write_form(path: Path, form: StatusForm) -> None:
    """Write an empty form; replaces `path`."""
    book = openpyxl.Workbook()
    book.properties.title = f"Status på milepæle: {form.follow_up_name}, {form.center_name}"
    book.properties.creator = form.center_name
    book.properties.language = "da-DK"
    sheet = book.active
    assert isinstance(sheet, Worksheet), "a new workbook has a sheet"
    sheet.title = layout.SHEET
    _write_head(sheet, form)
    before = ""
    for place, row in enumerate(form.rows, start=layout.FIRST_ROW):
        _write_row(sheet, place, form, row, is_first=row.initiative_id != before)
        before = row.initiative_id
    _add_lists(sheet, form)
    _finish(sheet, form)
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
            if part.filename.startswith("xl/worksheets/"):
                # A height that is no custom one grows with a remark.
                content = content.replace(b' customHeight="1"', b"")
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
    until = f"Svar senest {form.deadline:%d.%m.%Y}. " if form.deadline else ""
    told = (
        f"Status på milepæle: {form.follow_up_name}",
        form.center_name,
        f"{until}Udfyld de gule felter: status, eventuel bemærkning, rolle og dato. Gem som .xlsx, og send det retur.",
        "Milepæl: glad = nået; neutral = ikke helt nået, men årets mål kan stadig nås; sur = kan ikke nås.",
        "Økonomi: glad = budgettet holder, eller besparelsen nås; sur = det gør det ikke.",
        "Forslaget er, hvad de offentliggjorte tal peger på, der hvor de kan. I kender indsatsen og afgør selv status.",
        "Skriv roller i bemærkninger, aldrig navne eller CPR-numre. Navne på projekter og huse sættes i citationstegn.",
    )
    for place, line in enumerate(told, start=1):
        cell = sheet.cell(place, layout.INITIATIVE, line)
        cell.font = _font()
    sheet.cell(1, layout.INITIATIVE).font = _font(size=18, bold=True, color=_INK)
    sheet.cell(2, layout.INITIATIVE).font = _font(size=13, bold=True, color=_INK)
    sheet.cell(3, layout.INITIATIVE).font = _font(bold=True)
    for column, heading in enumerate(layout.HEADINGS, start=1):
        cell = sheet.cell(layout.HEADING_ROW, column, heading)
        cell.font = _font(bold=True, color=_PAPER)
        cell.fill = PatternFill("solid", start_color=_INK)
        cell.alignment = Alignment(wrap_text=True, vertical="center")


def _write_row(sheet: Worksheet, place: int, form: StatusForm, row: FormRow, *, is_first: bool) -> None:
    """A row; the first of an initiative stands below a line."""
    key = layout.milestone_key(row.agreement_year, row.initiative_id, row.milestone_number)
    title = f"{row.initiative_id} {row.title}" + (f"\n({row.note})" if row.note else "")
    told = {
        layout.KEY: layout.key_cell(form.follow_up_code, form.center_code, key, row.text),
        layout.INITIATIVE: title,
        layout.SUBJECT: "Økonomi" if row.kind == "economy" else f"Milepæl\n{row.due or form.follow_up_name}",
        layout.TEXT: row.text,
        layout.LAST: f"{row.last_status}\n{row.last_follow_up}" if row.last_status else "Ingen endnu",
        layout.PROPOSAL: row.proposal or "–",
        layout.REASON: row.reason if row.proposal else "Kan ikke ses af tallene.",
    }
    border = Border(left=_LINE, right=_LINE, bottom=_LINE, top=_THICK if is_first else _LINE)
    for column, value in told.items():
        cell = sheet.cell(place, column)
        cell.value = value
        if cell.data_type == "f":  # a text that begins with "=" stays a text
            cell.data_type = "s"
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        cell.border = border
        cell.fill = PatternFill("solid", start_color=_SOFT)
    sheet.cell(place, layout.INITIATIVE).font = _font(bold=is_first, color=_INK)
    sheet.cell(place, layout.PROPOSAL).font = _font(bold=row.proposal is not None)
    lines = max(_lines(str(value), _WIDTHS[column]) for column, value in told.items() if column != layout.KEY)
    sheet.row_dimensions[place].height = _LINE_HEIGHT * max(lines, _LEAST_LINES) + _PADDING
    for column in layout.ANSWERS:
        cell = sheet.cell(place, column)
        cell.protection = Protection(locked=False)
        cell.fill = PatternFill("solid", start_color=_OPEN)
        cell.alignment = Alignment(wrap_text=column == layout.COMMENT, vertical="top")
        cell.border = border
    sheet.cell(place, layout.STATUS).font = _font(bold=True)
    sheet.cell(place, layout.DATE).number_format = "dd-mm-yyyy"


def _font(*, size: int = 11, bold: bool = False, color: str = "222B36") -> Font:
    return Font(name="Calibri", size=size, bold=bold, color=color)


def _lines(text: str, width: int) -> int:
    """How many lines a text takes in a column of this width, a little more rather than less."""
    return sum(max(1, len(textwrap.wrap(line, width - 1))) for line in text.split("\n"))


def _add_lists(sheet: Worksheet, form: StatusForm) -> None:
    """The drop-down lists, that a date is a day near the follow-up, and that a remark is no case file."""
    if not form.rows:
        return
    year = int(form.follow_up_code[-4:])
    dates = DataValidation(
        type="date", operator="between", formula1=f"DATE({year},1,1)", formula2=f"DATE({year + 1},6,30)"
    )
    _tell(dates, "Dato", f"Skriv dagen for svaret, fx 15-06-{year}.", "Skriv en dato i årets opfølgning.")
    remarks = DataValidation(type="textLength", operator="lessThanOrEqual", formula1=str(_MOST_LETTERS))
    _tell(
        remarks,
        "Bemærkning",
        "Skriv roller, aldrig navne eller CPR-numre. Navne på projekter og huse i citationstegn.",
        f"Skriv højst {_MOST_LETTERS} tegn.",
    )
    _apply(sheet, layout.DATE, dates, form)
    _apply(sheet, layout.COMMENT, remarks, form)
    _apply(sheet, layout.ROLE, _choice("Rolle", layout.ROLES), form)
    for kind, words in layout.STATUSES.items():
        _apply(sheet, layout.STATUS, _choice("Status", words), form, kind)


def _apply(
    sheet: Worksheet, column: int, validation: DataValidation, form: StatusForm, kind: str | None = None
) -> None:
    """Let a validation hold in a column, for all rows or for those of a kind."""
    for place, row in enumerate(form.rows, start=layout.FIRST_ROW):
        if kind in (None, row.kind):
            validation.add(sheet.cell(place, column))
    if validation.sqref:
        sheet.add_data_validation(validation)


def _choice(title: str, words: Sequence[str]) -> DataValidation:
    validation = DataValidation(type="list", formula1=f'"{",".join(words)}"')
    _tell(validation, title, f"Vælg {' eller '.join((', '.join(words[:-1]), words[-1]))}.", "Vælg fra listen.")
    return validation


def _tell(validation: DataValidation, title: str, prompt: str, error: str) -> None:
    validation.allow_blank = True
    validation.promptTitle, validation.prompt = title, prompt
    validation.errorTitle, validation.error = title, error
    validation.showInputMessage = validation.showErrorMessage = True


def _finish(sheet: Worksheet, form: StatusForm) -> None:
    last = layout.FIRST_ROW + len(form.rows) - 1
    for column, width in _WIDTHS.items():
        sheet.column_dimensions[get_column_letter(column)].width = width
    sheet.column_dimensions["A"].hidden = True
    sheet.row_dimensions[1].height = 26
    sheet.row_dimensions[layout.HEADING_ROW].height = 32
    if form.rows:
        for column in (layout.PROPOSAL, layout.STATUS):
            letter = get_column_letter(column)
            for word, color in _SMILEYS.items():
                look = DifferentialStyle(fill=PatternFill(bgColor=color))
                rule = Rule(type="cellIs", operator="equal", formula=[f'"{word}"'], dxf=look)
                sheet.conditional_formatting.add(f"{letter}{layout.FIRST_ROW}:{letter}{last}", rule)
    sheet.freeze_panes = f"{get_column_letter(layout.SUBJECT)}{layout.FIRST_ROW}"
    sheet.sheet_view.showGridLines = False
    sheet.protection.formatColumns = False
    sheet.protection.formatRows = False
    sheet.protection.enable()
    _lay_out_for_print(sheet, form, last)


def _lay_out_for_print(sheet: Worksheet, form: StatusForm, last: int) -> None:
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = _A4
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.print_title_rows = f"{layout.HEADING_ROW}:{layout.HEADING_ROW}"
    sheet.print_area = f"B1:{get_column_letter(layout.DATE)}{max(last, layout.HEADING_ROW)}"
    margins = sheet.page_margins
    margins.left = margins.right = margins.top = _MARGIN
    margins.bottom = 2 * _MARGIN
    named = f"{form.follow_up_name} · {form.center_name}".replace("&", "&&")
    sheet.HeaderFooter.oddFooter = HeaderFooterItem(
        left=_HeaderFooterPart(text=named), right=_HeaderFooterPart(text="Side &P af &N")
    )
