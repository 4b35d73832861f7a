"""The Excel form in which a centre tells the status of its milestones before a budget follow-up.

One workbook is one centre's form for one follow-up, made by `include.follow_up.forms` and filled in by people. The
layout is stated here, so that who writes and who reads can't differ. One row is a milestone, or the economy of an
initiative: what was agreed, the last status, a status that the figures propose and why, and four cells to fill in:
status, remark, role and date. Column A is hidden and holds what a machine needs: the form's version, follow-up, centre
and number of rows, then of each row its key, a check that ties the key to this form, and the digest of its text, so
that a row of another form can be told from one whose text was changed.

A row in which nothing was filled in is no record. A workbook that is not this form, or could do harm (macros), is
rejected whole; a row that can't be understood is named by its row and column in the sheet, with a remedy for people
who use Excel. Who typed the answer stands in no cell that is read: the form asks for a role, and a remark that names a
person is not taken. Each fault has a rule (`RULES`), by which `include.follow_up.replies` tells the sender in Danish.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args
from xml.etree.ElementTree import ParseError

import duckdb
import openpyxl
import pyarrow as pa
from openpyxl.cell.cell import Cell
from openpyxl.utils import get_column_letter
from openpyxl.utils.datetime import from_excel
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.worksheet import Worksheet

from include.errors import DeliveryRejected
from include.sources.person_names import names_a_person
from include.sources.reading import Headers, Layout, Problem, Reading, table_from_rows

VERSION = "milestone_status 2"
"""What stands in A1: the form's name and the version of its layout."""

SHEET = "Milepæle"
HEADINGS = (
    *("Nøgle", "Indsats", "Gælder", "Milepæl", "Seneste status", "Forslag", "Begrundelse for forslaget"),
    *("Status", "Bemærkning", "Rolle", "Dato"),
)
"""The headings of the columns A to K. A is hidden, B to G are filled in when the form is made, H to K by the centre."""

KEY, INITIATIVE, SUBJECT, TEXT, LAST, PROPOSAL, REASON, STATUS, COMMENT, ROLE, DATE = range(1, 12)
ANSWERS = (STATUS, COMMENT, ROLE, DATE)
COLUMNS = {"status": STATUS, "comment": COMMENT, "role": ROLE, "answered_date": DATE, "milestone_digest": TEXT}
"""Where in the sheet a column of `SCHEMA` is seen by people."""

VERSION_ROW, FOLLOW_UP_ROW, CENTER_ROW, COUNT_ROW = range(1, 5)
HEADING_ROW = 9
FIRST_ROW = 10

STATUSES: Mapping[str, tuple[Literal["glad", "neutral", "sur"], ...]] = {
    "effort": ("glad", "neutral", "sur"),
    "economy": ("glad", "sur"),
}
"""The words for the smileys: three for the effort of a milestone, two for the economy of an initiative."""

ROLES = ("Centerchef", "Afdelingsleder", "Projektleder", "Konsulent")

SCHEMA = pa.schema(
    [
        ("follow_up_code", pa.string()),
        ("center_code", pa.string()),
        ("milestone_key", pa.string()),
        ("agreement_year", pa.int16()),
        ("initiative_id", pa.string()),
        ("status_kind", pa.string()),
        ("milestone_number", pa.uint8()),
        ("milestone_digest", pa.string()),
        ("status", pa.string()),
        ("comment", pa.string()),
        ("role", pa.string()),
        ("answered_date", pa.date32()),
    ]
)
"""The columns of the table `raw`, one row an answer; `milestone_number` is None for the economy of an initiative."""

FileRule = Literal[
    "no_workbook",
    "old_excel",
    "password",
    "macros",
    "too_large",
    "damaged",
    "sheet_missing",
    "other_workbook",
    "other_version",
    "hidden_cell",
    "headings_moved",
    "form_empty",
]
RowRule = Literal[
    "row_without_key",
    "row_of_another_form",
    "text_changed",
    "merged_cells",
    "formula_without_value",
    "formula_error",
    "status_missing",
    "unknown_status",
    "role_missing",
    "unknown_role",
    "date_missing",
    "date_unreadable",
    "name_in_remark",
]
RULES: tuple[str, ...] = (*get_args(FileRule), *get_args(RowRule))
"""What can be wrong with a workbook as a whole, then with a row of it."""

_FOLLOW_UP = re.compile(r"(?:BO[1-3]|YE)-(20\d\d)")
_CENTER = re.compile(r"[A-Z]{3}-\d{4}")
_KEY = re.compile(r"(20\d\d)/(\d+\.\d{2}(?:-\d+)?)/(\d{1,2}|economy)")
_DATE_FORMATS = ("%d-%m-%Y", "%d.%m.%Y", "%d/%m/%Y", "%Y-%m-%d")
_ERA = 1900
"""Excel counts days from 1900; numbers that would be older years are no dates that a person meant."""
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_MOST_ROWS = 2000
_MOST_BYTES = 64 * 1024 * 1024
_MOST_PARTS = 500
_IN_PLACE = "fill in the form as it was sent out, without inserting, moving or copying rows, and send it again"
_AS_SENT = "use the form as it was sent out: fill in columns H to K and change nothing else; save it as .xlsx"


@dataclass(frozen=True)
class _Form:
    follow_up_code: str
    center_code: str
    issued_rows: int

    @property
    def year(self) -> int:
        return int(self.follow_up_code[-4:])


class _BadRow(Exception):
    """A row of the sheet that can't be taken; says in which column, by which rule, why, and what helps."""

    def __init__(self, column: int, rule: RowRule, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.column, self.rule, self.reason, self.remedy = column, rule, reason, remedy


def place(column: int) -> str:
    """A column as people see it: its letter and heading, such as `H (Status)`."""
    return f"{get_column_letter(column)} ({HEADINGS[column - 1]})"


def milestone_key(agreement_year: int, initiative_id: str, milestone_number: int | None) -> str:
    """The key of a row, such as `2026/3.01/2`, or `2026/3.01/economy` for the economy of the initiative."""
    return f"{agreement_year}/{initiative_id}/{milestone_number or 'economy'}"


def text_digest(text: str) -> str:
    """16 hexadecimal digits of a milestone's text, whatever its blanks: tells whether the wording is still the same."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:16]


def row_check(follow_up_code: str, center_code: str, key: str) -> str:
    """12 hexadecimal digits that tie a row to the form that it was written for."""
    return hashlib.sha256("|".join((follow_up_code, center_code, key)).encode()).hexdigest()[:12]


def key_cell(follow_up_code: str, center_code: str, key: str, text: str) -> str:
    """What stands in column A of a row: its key, what ties it to its form, and the digest of its text."""
    return f"{key} {row_check(follow_up_code, center_code, key)} {text_digest(text)}"


def read(path: Path, connection: duckdb.DuckDBPyConnection, headers: Headers, layout: Layout | None) -> Reading:
    """Read a form into the table `raw`, one row an answer with the columns of `SCHEMA`.

    `headers` is what the contract expects and must be those columns; `layout` means nothing here. The day is that of
    the newest answer, None if no date can be believed. The period is the form's own: follow-up, centre and a digest of
    the file, so that forms of other centres, and later ones of the same, stand beside it. `lines` gives the row in the
    sheet. Raises DeliveryRejected for a file that is not this form, holds macros, is protected by a password, or has no
    answer.
    """
    if set(headers) != set(SCHEMA.names):
        raise ValueError(f"status_form reads {SCHEMA.names}, not {list(headers)}")
    content = path.read_bytes()
    _refuse_other_files(path, content)
    formulas, values = _sheet(path, values=False), _sheet(path, values=True)
    form = _form(values, path.name)
    records: list[dict[str, Any]] = []
    places: list[int] = []
    problems: list[Problem] = []
    stored = 0
    for row in range(FIRST_ROW, values.max_row + 1):
        if all(_is_empty(formulas.cell(row, column)) for column in ANSWERS):
            continue
        try:
            records.append(_record(form, formulas, values, row))
            places.append(row)
            stored += any(formulas.cell(row, column).data_type == "f" for column in ANSWERS)
        except _BadRow as bad:
            problems.append(Problem(row, place(bad.column), bad.rule, bad.reason, bad.remedy))
    if not records and not problems:
        raise _refusal(
            path.name,
            "form_empty",
            "No row of the form has an answer.",
            "fill in status, role and date for each milestone and send the form again",
        )
    table_from_rows(connection, records, SCHEMA)
    # A mistyped year is one bad row, by the contract; it must not make the whole form look newer than it is.
    dates = [record["answered_date"] for record in records]
    return Reading(
        rows_in=len(records) + len(problems),
        problems=problems,
        notes=_notes(form, len(records) + len(problems), stored),
        lines=lambda rows: {row: places[row - 1] for row in rows},
        period_label=f"{form.follow_up_code}-{form.center_code}-{hashlib.sha256(content).hexdigest()[:8]}",
        as_of=max((date for date in dates if form.year <= date.year <= form.year + 1), default=None),
    )


def _refusal(
    file: str, rule: FileRule, reason: str, remedy: str = _AS_SENT, *, line: int | None = None, column: int = KEY
) -> DeliveryRejected:
    return DeliveryRejected(
        reason, remedy=remedy, file=file, line=line, column=get_column_letter(column) if line else None, rule=rule
    )


def _refuse_other_files(path: Path, content: bytes) -> None:
    """Look at the file before anything of it is unpacked. Raises DeliveryRejected."""
    if content.startswith(_OLE) and _ENCRYPTED in content:
        raise _refusal(
            path.name,
            "password",
            "The workbook is protected by a password.",
            "remove the password and send the form again",
        )
    if content.startswith(_OLE):
        raise _refusal(
            path.name,
            "old_excel",
            "It is a workbook in the old form of Excel (.xls).",
            "save it as .xlsx and send it again",
        )
    if not zipfile.is_zipfile(path):
        raise _refusal(path.name, "no_workbook", "It is no Excel workbook, whatever its name says.")
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        names = {part.filename for part in parts}
        if not {"[Content_Types].xml", "xl/workbook.xml"} <= names:
            raise _refusal(path.name, "no_workbook", "It is no Excel workbook, whatever its name says.")
        if len(parts) > _MOST_PARTS or sum(part.file_size for part in parts) > _MOST_BYTES:
            raise _refusal(path.name, "too_large", "The workbook is far larger than a form can be.")
        try:
            types = archive.read("[Content_Types].xml")
        except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError):
            raise _damaged(path.name) from None
        if b"macroEnabled" in types or any(name.endswith("vbaProject.bin") for name in names):
            raise _refusal(
                path.name,
                "macros",
                "The workbook holds macros; they are never opened.",
                "save it as .xlsx, without macros",
            )


def _damaged(file: str) -> DeliveryRejected:
    return _refusal(file, "damaged", "The workbook is damaged.", "save it again as .xlsx and send it again")


def _sheet(path: Path, *, values: bool) -> Worksheet:
    """The form's sheet with the stored values of formulas, or with the formulas. Raises DeliveryRejected."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # parts of a workbook that openpyxl passes over
            book = openpyxl.load_workbook(path, data_only=values, keep_links=False)
    except (InvalidFileException, zipfile.BadZipFile, zlib.error, ParseError, KeyError, ValueError, TypeError):
        raise _damaged(path.name) from None
    if SHEET not in book.sheetnames or not isinstance(book[SHEET], Worksheet):
        raise _refusal(path.name, "sheet_missing", f"The workbook has no sheet {SHEET}.")
    sheet = book[SHEET]
    if sheet.max_row > _MOST_ROWS:
        raise _refusal(path.name, "too_large", f"The sheet {SHEET} has more than {_MOST_ROWS} rows.")
    return sheet


def _form(sheet: Worksheet, file: str) -> _Form:
    """Version, follow-up, centre and number of rows, and that the headings stand where they belong."""
    if not (version := _text(sheet.cell(VERSION_ROW, KEY))).startswith(VERSION.split(maxsplit=1)[0]):
        raise _refusal(
            file,
            "other_workbook",
            "It is not the form of the milestones: the hidden cell A1 does not name it.",
            line=VERSION_ROW,
        )
    if version != VERSION:
        raise _refusal(
            file,
            "other_version",
            f"It is another version of the form than {VERSION}.",
            "fill in the form that was sent out for this follow-up",
            line=VERSION_ROW,
        )
    hidden = {
        FOLLOW_UP_ROW: ("the follow-up", _FOLLOW_UP),
        CENTER_ROW: ("the centre", _CENTER),
        COUNT_ROW: ("the number of rows", re.compile(r"\d+")),
    }
    for row, (what, form) in hidden.items():
        if not form.fullmatch(_text(sheet.cell(row, KEY))):
            raise _refusal(file, "hidden_cell", f"The hidden cell A{row} does not tell {what}.", line=row)
    for column, heading in enumerate(HEADINGS, start=1):
        if _text(cell := sheet.cell(HEADING_ROW, column)) != heading:
            raise _refusal(
                file,
                "headings_moved",
                f"The heading {heading} does not stand in cell {cell.coordinate}: rows or columns have been moved.",
                line=HEADING_ROW,
                column=column,
            )
    return _Form(
        _text(sheet.cell(FOLLOW_UP_ROW, KEY)),
        _text(sheet.cell(CENTER_ROW, KEY)),
        int(_text(sheet.cell(COUNT_ROW, KEY))),
    )


def _record(form: _Form, formulas: Worksheet, values: Worksheet, row: int) -> dict[str, Any]:
    """One filled-in row. Raises _BadRow for the first thing that is wrong with it."""
    _refuse_merged(formulas, row)
    key, _, told = _text(values.cell(row, KEY)).partition(" ")
    check, _, digest = told.partition(" ")
    if (parts := _KEY.fullmatch(key)) is None:
        raise _BadRow(KEY, "row_without_key", "the row is none of the form's: its hidden key is missing", _IN_PLACE)
    if check != row_check(form.follow_up_code, form.center_code, key):
        raise _BadRow(
            KEY,
            "row_of_another_form",
            "the row was copied from the form of another centre or another follow-up",
            "answer in the form that was sent to the centre for this follow-up, and send it again",
        )
    text = _text(values.cell(row, TEXT))
    if digest != text_digest(text):
        raise _BadRow(
            TEXT,
            "text_changed",
            "the text is not the one that the form asks about: it was changed, or rows were moved",
            _IN_PLACE,
        )
    for column in ANSWERS:
        _refuse_unreadable(formulas.cell(row, column), values.cell(row, column), column)
    kind = "economy" if parts[3] == "economy" else "effort"
    role = _text(values.cell(row, ROLE))
    if not role:
        raise _BadRow(ROLE, "role_missing", "the role of who answers is missing", "choose a role from the list")
    if role not in ROLES:
        raise _BadRow(
            ROLE, "unknown_role", f"the role is none of {', '.join(ROLES)}", "choose a role from the list, not a name"
        )
    comment = _text(values.cell(row, COMMENT))
    if names_a_person(comment):
        raise _BadRow(
            COMMENT,
            "name_in_remark",
            "the remark seems to name a person",
            "write the role in place of the name; if it is the name of a thing, say what it is before the name",
        )
    return {
        "follow_up_code": form.follow_up_code,
        "center_code": form.center_code,
        "milestone_key": key,
        "agreement_year": int(parts[1]),
        "initiative_id": parts[2],
        "status_kind": kind,
        "milestone_number": None if kind == "economy" else int(parts[3]),
        "milestone_digest": text_digest(text),
        "status": _status(values.cell(row, STATUS), kind),
        "comment": comment or None,
        "role": role,
        "answered_date": _date(values.cell(row, DATE)),
    }


def _refuse_merged(sheet: Worksheet, row: int) -> None:
    for area in sheet.merged_cells.ranges:
        if area.min_row <= row <= area.max_row and area.max_col >= STATUS:
            raise _BadRow(
                max(area.min_col, STATUS),
                "merged_cells",
                "cells have been merged, so that an answer belongs to no single milestone",
                "undo the merging and answer each row on its own",
            )


def _refuse_unreadable(formula: Cell | Any, value: Cell | Any, column: int) -> None:
    """Of a formula its stored value counts, if it has one and it is no error."""
    if formula.data_type == "f" and value.value is None:
        raise _BadRow(
            column,
            "formula_without_value",
            "the cell holds a formula whose value was not saved",
            "write the answer itself",
        )
    if value.data_type == "e":
        raise _BadRow(column, "formula_error", "the cell holds an error of Excel", "write the answer itself")


def _status(cell: Cell | Any, kind: str) -> str:
    allowed = STATUSES[kind]
    status = _text(cell).lower()
    if not status:
        raise _BadRow(STATUS, "status_missing", "there is a remark, role or date, but no status", "choose a status")
    if status not in allowed:
        raise _BadRow(
            STATUS,
            "unknown_status",
            f"the status of {'an economy' if kind == 'economy' else 'a milestone'} is none of {', '.join(allowed)}",
            "choose a status from the list",
        )
    return status


def _date(cell: Cell | Any) -> dt.date:
    """The day, whether Excel knows it as a date, as a number of days, or as text that someone typed."""
    value = cell.value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            value = from_excel(value)
        except (ValueError, OverflowError):
            value = None
    if isinstance(value, dt.datetime):
        value = value.date()
    if isinstance(value, dt.date) and value.year > _ERA:
        return value
    if not (text := _text(cell)):
        raise _BadRow(DATE, "date_missing", "the status has no date", "write the day of the answer, such as 15-06-2026")
    for date in _dates(text):
        return date
    raise _BadRow(DATE, "date_unreadable", "the date can't be read", "write the day as dd-mm-yyyy, such as 15-06-2026")


def _dates(text: str) -> Iterator[dt.date]:
    for form in _DATE_FORMATS:
        try:
            yield dt.datetime.strptime(text, form).date()
        except ValueError:
            continue


def _text(cell: Cell | Any) -> str:
    return "" if cell.value is None else str(cell.value).strip()


def _is_empty(cell: Cell | Any) -> bool:
    return not _text(cell)


def _notes(form: _Form, answered: int, stored: int) -> list[str]:
    notes = []
    if answered < form.issued_rows:
        notes.append(f"{form.issued_rows - answered} of the form's {form.issued_rows} rows have no answer.")
    if stored:
        notes.append(f"{stored} rows have answers by formula; the values that were stored in the file count.")
    return notes
