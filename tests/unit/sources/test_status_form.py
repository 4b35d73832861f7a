"""The centres' status form: what was asked comes back as it was answered, and what people do to workbooks is named."""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from include.errors import DeliveryRejected
from include.follow_up.forms import FormRow, StatusForm, write_form
from include.landing.contract import Period
from include.sources import status_form
from include.sources.reading import Reading
from include.sources.status_form import COMMENT, DATE, FIRST_ROW, KEY, ROLE, SHEET, STATUS, TEXT, VERSION_ROW

DAY = dt.date(2026, 6, 15)
FORM = StatusForm(
    "BO2-2026",
    "2. budgetopfølgning 2026",
    "DSK-2022",
    "Center for Dagtilbud, Skoler og Klubber",
    (
        FormRow(2026, "3.01", "Fælles læsestrategi", 2, "Metoden er\nafprøvet i ét distrikt."),
        FormRow(2026, "3.01", "Fælles læsestrategi", None, "Der afsættes 1,7 mio. kr. i 2026."),
        FormRow(2026, "3.03-2", "Åben rådgivning", 1, "=Rådgivningen er åbnet."),
        FormRow(2025, "3.06", "Billedkunst i fritiden", 3, "Planen følges."),
    ),
)
Change = Callable[[Worksheet], None]


def answer(sheet: Worksheet, row: int, status: object, date: object = DAY, role: str = "Centerchef") -> None:
    for column, value in ((STATUS, status), (ROLE, role), (DATE, date)):
        sheet.cell(FIRST_ROW + row, column).value = value


def remark(sheet: Worksheet, text: str) -> None:
    answer(sheet, 1, "glad")
    sheet.cell(FIRST_ROW + 1, COMMENT).value = text


def filled(path: Path, *changes: Change, form: StatusForm = FORM) -> Path:
    """The form as it comes back: the first row answered, then whatever people did to it."""
    write_form(path, form)
    book = openpyxl.load_workbook(path)
    answer(book[SHEET], 0, "glad")
    for change in changes:
        change(book[SHEET])
    book.save(path)
    return path


def read(path: Path) -> tuple[Reading, list[dict[str, Any]]]:
    with duckdb.connect() as connection:
        reading = status_form.read(path, connection, dict.fromkeys(status_form.SCHEMA.names, True), None)
        return reading, connection.table("raw").to_arrow_table().to_pylist()


def problem(path: Path) -> tuple[int | None, str | None, str]:
    reading, _ = read(path)
    (found,) = reading.problems
    assert reading.rows_in == 2
    return found.line, found.column, found.rule


def test_what_was_asked_comes_back_as_it_was_answered(tmp_path: Path) -> None:
    def all_rows(sheet: Worksheet) -> None:
        answer(sheet, 1, " Sur ", "16.06.2026", "Konsulent")
        answer(sheet, 2, "neutral", dt.datetime(2026, 6, 14, 9, 30))  # noqa: DTZ001 - as Excel keeps it
        sheet.cell(FIRST_ROW + 2, COMMENT).value = " Ventetiden er kortere. "

    reading, rows = read(filled(tmp_path / "Kopi af skema (2).xlsx", all_rows))
    told = ("milestone_key", "status_kind", "milestone_number", "status", "comment", "role", "answered_date")
    assert [tuple(row[name] for name in told) for row in rows] == [
        ("2026/3.01/2", "effort", 2, "glad", None, "Centerchef", DAY),
        ("2026/3.01/economy", "economy", None, "sur", None, "Konsulent", dt.date(2026, 6, 16)),
        ("2026/3.03-2/1", "effort", 1, "neutral", "Ventetiden er kortere.", "Centerchef", dt.date(2026, 6, 14)),
    ]
    assert {(row["follow_up_code"], row["center_code"], row["agreement_year"]) for row in rows} == {
        ("BO2-2026", "DSK-2022", 2026)
    }
    assert rows[0]["milestone_digest"] == status_form.text_digest("Metoden er afprøvet  i ét distrikt.")
    assert (reading.rows_in, reading.problems) == (3, [])
    assert reading.as_of == dt.date(2026, 6, 16)
    assert re.fullmatch("BO2-2026-DSK-2022-[0-9a-f]{8}", reading.period_label or "")
    assert reading.lines([1, 3]) == {1: FIRST_ROW, 3: FIRST_ROW + 2}
    assert reading.notes == ["1 of the form's 4 rows have no answer."]


def test_the_period_of_a_form_is_the_year_that_is_followed_up() -> None:
    period = Period.parse("BO2-2026-DSK-2022-1f2e3d4c")
    assert (period.first, period.last) == (dt.date(2026, 1, 1), dt.date(2026, 12, 31))
    with pytest.raises(ValueError, match="form of a follow-up"):
        Period.parse("BO4-2026-DSK-2022-1f2e3d4c")


def test_the_same_form_is_the_same_file(tmp_path: Path) -> None:
    for name in ("a.xlsx", "b.xlsx"):
        write_form(tmp_path / name, FORM)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


def test_only_the_answers_are_open_and_chosen_from_lists(tmp_path: Path) -> None:
    write_form(tmp_path / "form.xlsx", FORM)
    sheet = openpyxl.load_workbook(tmp_path / "form.xlsx")[SHEET]
    assert sheet.protection.sheet
    assert sheet.column_dimensions["A"].hidden
    open_cells = {cell.coordinate for row in sheet.iter_rows() for cell in row if not cell.protection.locked}
    assert open_cells == {f"{column}{row}" for column in "HIJK" for row in range(FIRST_ROW, FIRST_ROW + 4)}
    lists = {str(rule.formula1): str(rule.sqref) for rule in sheet.data_validations.dataValidation}
    assert lists['"glad,sur"'] == f"H{FIRST_ROW + 1}"
    assert lists['"glad,neutral,sur"'] == f"H{FIRST_ROW} H{FIRST_ROW + 2} H{FIRST_ROW + 3}"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda sheet: answer(sheet, 1, "neutral"), (11, "H (Status)", "unknown_status")),
        (lambda sheet: answer(sheet, 2, "grøn"), (12, "H (Status)", "unknown_status")),
        (lambda sheet: answer(sheet, 2, None), (12, "H (Status)", "status_missing")),
        (lambda sheet: answer(sheet, 2, "glad", None), (12, "K (Dato)", "date_missing")),
        (lambda sheet: answer(sheet, 2, "glad", "31-06-2026"), (12, "K (Dato)", "date_unreadable")),
        (lambda sheet: answer(sheet, 2, "glad", role=""), (12, "J (Rolle)", "role_missing")),
        (lambda sheet: answer(sheet, 2, "glad", role="Et Navn"), (12, "J (Rolle)", "unknown_role")),
        (lambda sheet: answer(sheet, 2, "=H10"), (12, "H (Status)", "formula_without_value")),
        (lambda sheet: answer(sheet, 2, "#REF!"), (12, "H (Status)", "formula_error")),
        (lambda sheet: answer(sheet, 9, "glad"), (19, "A (Nøgle)", "row_without_key")),
        (lambda sheet: remark(sheet, "Aftalt med Ditlev Faurholt."), (11, "I (Bemærkning)", "name_in_remark")),
    ],
)
def test_a_row_that_can_not_be_understood_is_named(
    tmp_path: Path, change: Change, expected: tuple[int, str, str]
) -> None:
    assert problem(filled(tmp_path / "form.xlsx", change)) == expected


def test_a_moved_a_changed_and_a_foreign_row_are_named(tmp_path: Path) -> None:
    def moved(sheet: Worksheet) -> None:
        answer(sheet, 3, "sur")
        sheet.cell(FIRST_ROW + 3, TEXT).value = sheet.cell(FIRST_ROW, TEXT).value

    assert problem(filled(tmp_path / "moved.xlsx", moved)) == (13, "D (Milepæl)", "text_changed")

    other = StatusForm("BO2-2026", "2. budgetopfølgning 2026", "KIF-2022", "Kultur, Idræt og Fritid", FORM.rows)
    write_form(tmp_path / "other.xlsx", other)
    source = openpyxl.load_workbook(tmp_path / "other.xlsx")[SHEET]

    def foreign(sheet: Worksheet) -> None:
        answer(sheet, 3, "sur")
        for column in range(KEY, STATUS):
            sheet.cell(FIRST_ROW + 3, column).value = source.cell(FIRST_ROW + 3, column).value

    assert problem(filled(tmp_path / "foreign.xlsx", foreign)) == (13, "A (Nøgle)", "row_of_another_form")


def test_a_form_of_bad_rows_names_each(tmp_path: Path) -> None:
    path = filled(
        tmp_path / "form.xlsx",
        lambda sheet: answer(sheet, 0, "gult"),
        lambda sheet: answer(sheet, 1, "glad", role=""),
    )
    reading, rows = read(path)
    assert (rows, reading.as_of, reading.rows_in) == ([], None, 2)
    assert [(found.line, found.rule) for found in reading.problems] == [(10, "unknown_status"), (11, "role_missing")]
    reading, rows = read(filled(path, lambda sheet: answer(sheet, 0, "glad", dt.date(2062, 6, 15))))
    assert (len(rows), reading.as_of) == (1, None), "a mistyped year is the contract's to tell"


def test_a_remark_with_a_name_is_not_quoted(tmp_path: Path) -> None:
    reading, rows = read(filled(tmp_path / "form.xlsx", lambda sheet: remark(sheet, "Aftalt med Ditlev Faurholt.")))
    told = repr(reading) + repr(rows)
    assert "Ditlev" not in told
    assert "Faurholt" not in told
    reading, _ = read(filled(tmp_path / "form.xlsx", lambda sheet: remark(sheet, "Aftalt med Skovlunde Skole.")))
    assert reading.problems == []


def test_merged_answers_belong_to_no_milestone(tmp_path: Path) -> None:
    path = filled(
        tmp_path / "form.xlsx",
        lambda sheet: answer(sheet, 1, "glad"),
        lambda sheet: answer(sheet, 2, "glad"),
        lambda sheet: sheet.merge_cells(f"I{FIRST_ROW + 1}:I{FIRST_ROW + 2}"),
    )
    reading, rows = read(path)
    assert len(rows) == 1
    assert [(found.line, found.column, found.rule) for found in reading.problems] == [
        (11, "I (Bemærkning)", "merged_cells"),
        (12, "I (Bemærkning)", "merged_cells"),
    ]
    assert reading.rows_in == 3


def test_of_a_formula_the_stored_value_counts(tmp_path: Path) -> None:
    path = filled(tmp_path / "form.xlsx", lambda sheet: answer(sheet, 2, "=H10"))
    stored = io.BytesIO()
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(stored, "w") as target:
        for part in source.infolist():
            content = source.read(part)
            if part.filename == "xl/worksheets/sheet1.xml":
                before = content
                content = content.replace(b"<f>H10</f><v></v>", b"<f>H10</f><v>glad</v>").replace(
                    b"<f>H10</f><v />", b"<f>H10</f><v>glad</v>"
                )
                assert content != before
                content = content.replace(b'<c r="H12" s=', b'<c r="H12" t="str" s=')
            target.writestr(part, content)
    path.write_bytes(stored.getvalue())
    reading, rows = read(path)
    assert [row["status"] for row in rows] == ["glad", "glad"]
    assert "1 rows have answers by formula; the values that were stored in the file count." in reading.notes


def rejection(path: Path) -> str:
    with pytest.raises(DeliveryRejected) as rejected:
        read(path)
    assert "Remedy: " in str(rejected.value)
    assert path.name in str(rejected.value)
    return str(rejected.value)


def with_part(path: Path, name: str, content: bytes) -> Path:
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, content)
    return path


def test_other_files_are_rejected(tmp_path: Path) -> None:
    path = tmp_path / "form.xlsx"
    assert "macros" in rejection(with_part(filled(path), "xl/vbaProject.bin", b"x"))
    ole = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504)
    path.write_bytes(ole + "EncryptedPackage".encode("utf-16-le"))
    assert "protected by a password" in rejection(path)
    path.write_bytes(ole)
    assert "(.xls)" in rejection(path)
    path.write_text("Status;Dato\nglad;15-06-2026\n", "utf-8")
    assert "no Excel workbook" in rejection(path)
    path.unlink()
    assert "no Excel workbook" in rejection(with_part(path, "word/document.xml", b"<x/>"))
    whole = filled(tmp_path / "cut.xlsx").read_bytes()
    (tmp_path / "cut.xlsx").write_bytes(whole[: len(whole) // 2])
    assert "no Excel workbook" in rejection(tmp_path / "cut.xlsx")
    path.unlink()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("[Content_Types].xml", "xl/workbook.xml"):
            archive.writestr(name, b"<x/>")
        archive.writestr("xl/bomb.xml", bytes(80_000_000))
    assert "far larger" in rejection(path)


def test_a_damaged_workbook_is_rejected(tmp_path: Path) -> None:
    path = filled(tmp_path / "form.xlsx")
    broken = io.BytesIO()
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(broken, "w") as target:
        for part in source.infolist():
            content = source.read(part)
            target.writestr(part, content[:-40] if part.filename == "xl/worksheets/sheet1.xml" else content)
    path.write_bytes(broken.getvalue())
    assert "damaged" in rejection(path)


def renamed(sheet: Worksheet) -> None:
    sheet.title = "Ark1"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (renamed, "has no sheet Milepæle"),
        (lambda sheet: sheet.cell(VERSION_ROW, KEY, "milestone_status 1"), "another version of the form"),
        (lambda sheet: sheet.cell(VERSION_ROW, KEY, "Budget"), "line 1, column A"),
        (lambda sheet: sheet.cell(2, KEY, "2. opfølgning"), "does not tell the follow-up"),
        (lambda sheet: setattr(sheet.cell(3, KEY), "value", None), "does not tell the centre"),
        (lambda sheet: sheet.delete_rows(4), "does not tell the number of rows"),
        (lambda sheet: sheet.insert_rows(9), "The heading Nøgle does not stand in cell A9"),
        (lambda sheet: sheet.insert_cols(9), "The heading Bemærkning does not stand in cell I9"),
        (lambda sheet: sheet.cell(5000, 1, "x"), "more than 2000 rows"),
        (lambda sheet: answer(sheet, 0, None, None, ""), "No row of the form has an answer"),
    ],
)
def test_a_workbook_that_is_not_the_form_is_rejected(tmp_path: Path, change: Change, told: str) -> None:
    assert told in rejection(filled(tmp_path / "form.xlsx", change))
