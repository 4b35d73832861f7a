"""Replies to who sent a form: every fault has a Danish sentence, and none holds what was written."""

from __future__ import annotations

import ast
import datetime as dt
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from include import night
from include.follow_up.forms import FormRow, StatusForm, write_form
from include.follow_up.replies import replies, sentences, write_replies
from include.gx import load_suite
from include.landing import process, rows
from include.landing.contract import Period, load_contracts
from include.landing.judge import judge
from include.settings import Settings
from include.sources import status_form
from include.sources.status_form import COMMENT, DATE, FIRST_ROW, KEY, ROLE, SHEET, STATUS, TEXT, VERSION_ROW

CONTRACT = load_contracts()["milestone_status"]
DAY = dt.date(2026, 6, 15)
ROWS = tuple(
    FormRow(2026, f"3.{number:02d}", f"Indsats {number}", milestone, "Planen følges.")
    for number in range(1, 5)
    for milestone in (2, None)
)
Change = Callable[[Worksheet], object]


def put(row: int, column: int, value: object) -> Change:
    def change(sheet: Worksheet) -> None:
        sheet.cell(FIRST_ROW + row, column).value = value  # type: ignore[assignment]

    return change


def send(settings: Settings, name: str, *changes: Change, code: str = "BO2-2026") -> Path:
    """A form in which all is answered well, and then changed."""
    file = settings.inbox / "milestone_status" / name
    write_form(file, StatusForm(code, "2. budgetopfølgning 2026", "DSK-2022", "Dagtilbud, Skoler og Klubber", ROWS))
    book = openpyxl.load_workbook(file)
    for row, asked in enumerate(ROWS):
        for column, value in ((STATUS, "glad"), (ROLE, "Konsulent"), (DATE, DAY)):
            put(row, column, value)(book[SHEET])
        if asked.kind == "effort" and row % 4 == 0:
            put(row, STATUS, "neutral")(book[SHEET])
    for change in changes:
        change(book[SHEET])
    book.save(file)
    return file


def told(settings: Settings) -> str:
    """The one reply that comes of what lies in the inbox."""
    take_in(settings)
    (reply,) = replies(settings)
    assert reply.text.startswith(f"Svar på skemaet: {reply.file_name}\n")
    return reply.text


def take_in(settings: Settings) -> None:
    process.take_in(settings, CONTRACT)
    judge(settings, "budget")


def copied_row(sheet: Worksheet) -> None:
    below = FIRST_ROW + len(ROWS)
    for column in range(1, DATE + 1):
        sheet.cell(below, column).value = sheet.cell(FIRST_ROW, column).value
    sheet.cell(below, STATUS).value = "sur"


def of_another_centre(sheet: Worksheet) -> None:
    key = status_form.milestone_key(2026, "3.01", 2)
    sheet.cell(FIRST_ROW, KEY).value = status_form.key_cell("BO2-2026", "BUR-2017", key, "Planen følges.")


BAD_ROWS: dict[str, tuple[Change, str]] = {
    "wrong status": (put(0, STATUS, "grøn"), "Række 10, kolonne H (Status): Status er ikke en af mulighederne."),
    "neutral economy": (put(1, STATUS, "neutral"), "Række 11, kolonne H (Status): Status er ikke en af mulighederne."),
    "no status": (put(0, STATUS, None), "Række 10, kolonne H (Status): Der er en bemærkning, en rolle eller en dato"),
    "no role": (put(0, ROLE, None), "Række 10, kolonne J (Rolle): Rollen for den, der svarer, mangler."),
    "a name as role": (put(0, ROLE, "Ditlev Faurholt"), "Række 10, kolonne J (Rolle): Rollen er ikke en af"),
    "no date": (put(0, DATE, None), "Række 10, kolonne K (Dato): Der er en status, men ingen dato."),
    "date as words": (put(0, DATE, "midt i juni"), "Række 10, kolonne K (Dato): Datoen kan ikke læses"),
    "wrong year": (put(0, DATE, dt.date(2025, 6, 15)), "Række 10, kolonne K (Dato): Datoen ligger uden for det år"),
    "formula": (put(0, STATUS, "=H11"), "Række 10, kolonne H (Status): Cellen indeholder en formel"),
    "merged cells": (lambda sheet: sheet.merge_cells("H10:H11"), "Række 10, kolonne H (Status): Celler er flettet"),
    "changed text": (put(0, TEXT, "Planen følges ikke."), "Række 10, kolonne D (Milepæl): Milepælens tekst er ændret"),
    "row of another form": (of_another_centre, "Række 10, kolonne A (Nøgle): Rækken er kopieret fra et andet centers"),
    "answer outside": (put(20, STATUS, "glad"), "Række 30, kolonne A (Nøgle): Der er svaret i en række, som ikke er"),
    "two answers": (copied_row, "Række 18: Den samme milepæl er besvaret mere end én gang"),
    "name in remark": (
        put(0, COMMENT, "Aftalt med Ditlev Faurholt."),
        "Række 10, kolonne I (Bemærkning): Bemærkningen",
    ),
    "CPR in remark": (put(0, COMMENT, "Sag 0203" + "12-" + "4001"), "ligner et CPR-nummer. Det må den ikke."),
}


@pytest.mark.parametrize(("change", "expected"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_bad_row_is_told_and_the_others_are_taken(settings: Settings, change: Change, expected: str) -> None:
    send(settings, "skema.xlsx", change)
    text = told(settings)
    assert expected in text
    assert "svar er taget ind. Resten skal rettes:" in text
    assert "  Gør sådan: " in text
    assert not {"Faurholt", "0203" + "12", "grøn"} & set(text.replace("-", " ").replace(".", " ").split())


def with_macros(file: Path) -> None:
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"x")


def as_ole(*, is_encrypted: bool) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        marked = "EncryptedPackage".encode("utf-16-le") if is_encrypted else b""
        file.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504) + marked)

    return change


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:4000])


def saved(change: Change) -> Callable[[Path], None]:
    def apply(file: Path) -> None:
        book = openpyxl.load_workbook(file)
        change(book[SHEET])
        book.save(file)

    return apply


def without_answers(sheet: Worksheet) -> None:
    for row in range(len(ROWS)):
        for column in (STATUS, ROLE, DATE):
            sheet.cell(FIRST_ROW + row, column).value = None


BAD_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "macros": (with_macros, "Projektmappen indeholder makroer"),
    "macro file": (lambda file: file.rename(file.with_suffix(".xlsm")), "Filens endelse er ikke .xlsx."),
    "password": (as_ole(is_encrypted=True), "Projektmappen er beskyttet med en adgangskode"),
    "old Excel": (as_ole(is_encrypted=False), "Filen er gemt i Excels gamle format (.xls)."),
    "csv renamed": (
        lambda file: file.write_text("Status;Dato\nglad;15-06-2026\n", "utf-8"),
        "ikke en Excel-projektmappe",
    ),
    "cut short": (cut, "Filen er ikke en Excel-projektmappe"),
    "another workbook": (saved(lambda sheet: sheet.cell(VERSION_ROW, KEY, "Budget")), "ikke skemaet med milepæle"),
    "old version": (saved(lambda sheet: sheet.cell(VERSION_ROW, KEY, "milestone_status 1")), "er en ældre udgave"),
    "sheet renamed": (saved(lambda sheet: setattr(sheet, "title", "Ark1")), 'Arket "Milepæle" findes ikke'),
    "columns inserted": (saved(lambda sheet: sheet.insert_cols(9)), "Overskrifterne står ikke, hvor de skal"),
    "hidden cell": (saved(lambda sheet: sheet.cell(2, KEY, "2. opfølgning")), "En skjult celle, som skemaet kendes på"),
    "empty": (saved(without_answers), "Der er ingen svar i skemaet."),
    "after tonight": (saved(put(0, DATE, dt.date(2026, 6, 25))), "Et svar er dateret efter i dag."),
}


@pytest.mark.parametrize(("change", "expected"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_told(settings: Settings, change: Callable[[Path], object], expected: str) -> None:
    settings = settings.model_copy(update={"as_of": dt.date(2026, 6, 19)})
    change(send(settings, "skema.xlsx"))
    text = told(settings)
    assert expected in text
    assert "Skemaet er ikke taget ind, og ingen af svarene tæller med:" in text


def test_a_form_that_the_judge_refuses_is_told(settings: Settings) -> None:
    send(settings, "skema.xlsx", code="BO2-2016")
    book = openpyxl.load_workbook(settings.inbox / "milestone_status" / "skema.xlsx")
    for row in range(len(ROWS)):
        book[SHEET].cell(FIRST_ROW + row, DATE).value = dt.date(2016, 6, 15)
    book.save(settings.inbox / "milestone_status" / "skema.xlsx")
    text = told(settings)
    assert "Skemaet er til en budgetopfølgning, som ikke er i kalenderen." in text
    assert "Skemaet svarer på en aftale, som ikke følges op i det år, skemaet gælder." in text


def test_every_fault_has_a_danish_sentence() -> None:
    checked = {check.rule for check in rows._checks(CONTRACT, Period.parse("BO2-2026-DSK-2022-1f2e3d4c"))}
    landing = {
        keyword.value.value
        for node in ast.walk(ast.parse(Path(process.__file__).read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "DeliveryRejected"
        for keyword in node.keywords
        if keyword.arg == "rule" and isinstance(keyword.value, ast.Constant)
    }
    assert {"file_name", "future_date"} <= landing
    assert set(sentences()["rules"]) == {*status_form.RULES, *checked, *landing, "delivery"}
    critical = {
        one["description"] for one in load_suite("milestone_status")["expectations"] if one["severity"] == "critical"
    }
    assert set(sentences()["expectations"]) == critical
    for sentence in (*sentences()["rules"].values(), *sentences()["expectations"].values()):
        assert set(sentence) == {"what", "do"}
        assert all(text.endswith((".", "!")) for text in sentence.values())


def test_the_newest_file_of_a_name_counts(settings: Settings) -> None:
    send(settings, "andet.xlsx", put(0, COMMENT, "Et andet skema."))
    send(settings, "skema.xlsx", put(0, STATUS, "grøn"))
    assert told(settings)
    (file,) = write_replies(settings)
    assert file == settings.follow_up / "replies" / "skema.xlsx.txt"
    assert replies(settings, "BO3-2026") == ()
    assert [reply.text for reply in replies(settings, "BO2-2026")] == [file.read_text("utf-8")]
    send(settings, "skema.xlsx")
    take_in(settings)
    assert write_replies(settings) == ()
    assert not file.exists()


def test_a_form_that_comes_back_as_it_was_is_what_its_name_holds(settings: Settings) -> None:
    good = send(settings, "skema.xlsx").read_bytes()
    take_in(settings)
    assert write_replies(settings) == ()
    bad = send(settings, "skema.xlsx", put(0, STATUS, "grøn")).read_bytes()
    assert told(settings)
    (file,) = write_replies(settings)
    for content, expected in ((good, ()), (bad, (file,)), (good, ())):
        (settings.inbox / "milestone_status" / "skema.xlsx").write_bytes(content)
        take_in(settings)
        assert write_replies(settings) == expected
    (settings.inbox / "milestone_status" / "et andet navn.xlsx").write_bytes(bad)
    take_in(settings)
    assert [one.name for one in write_replies(settings)] == ["et andet navn.xlsx.txt"]


def test_the_night_writes_the_replies_when_it_has_judged_the_forms(settings: Settings) -> None:
    send(settings, "BO2-2026 et skema.xlsx", put(0, STATUS, "grøn"))
    process.take_in(settings, CONTRACT)
    night.judge_domain(settings, "budget")
    (file,) = (settings.follow_up / "replies").iterdir()
    assert "Status er ikke en af mulighederne." in file.read_text("utf-8")
