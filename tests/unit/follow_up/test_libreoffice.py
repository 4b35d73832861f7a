"""A written form in LibreOffice: it opens, is saved again, and is still the form; and it prints."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import subprocess
from pathlib import Path

import duckdb
import openpyxl
import pytest

from include.follow_up.forms import FormRow, StatusForm, write_form
from include.sources import status_form
from include.sources.status_form import COMMENT, DATE, FIRST_ROW, ROLE, SHEET, STATUS

SECONDS = 180

FORM = StatusForm(
    "BO2-2026",
    "2. budgetopfølgning 2026",
    "DSK-2022",
    "Dagtilbud, Skoler & Klubber",
    (
        FormRow(2026, "3.01", "Læsestrategi", 1, "Metoden er\nafprøvet i ét distrikt.", last_status="neutral"),
        FormRow(2026, "3.01", "Læsestrategi", None, "Der afsættes 1,7 mio. kr.", proposal="sur", reason="Forbrug."),
        FormRow(2026, "3.03-2", "Åben rådgivning", 2, "=Rådgivningen er åbnet."),
        *(FormRow(2026, f"3.{number}", "Lang tekst", 2, "En lang tekst om planen. " * 12) for number in range(10, 30)),
    ),
    dt.date(2026, 6, 27),
)


@pytest.fixture(scope="module")
def office() -> str:
    """LibreOffice's command."""
    found = shutil.which("soffice")
    if found is None:
        pytest.skip(
            "soffice is not installed (apt-get install libreoffice-calc-nogui): no form is opened in LibreOffice"
        )
    return found


def convert(office: str, file: Path, suffix: str) -> Path:
    """The file as LibreOffice saves it, in a folder of its own."""
    folder = file.parent / f"as_{suffix}"
    home = (file.parent / "office").as_uri()
    subprocess.run(
        [office, f"-env:UserInstallation={home}", "--headless", "--convert-to", suffix, "--outdir", str(folder), file],
        check=True,
        capture_output=True,
        timeout=SECONDS,
    )
    return folder / f"{file.stem}.{suffix}"


def test_a_form_that_libreoffice_saved_is_read(office: str, tmp_path: Path) -> None:
    file = tmp_path / "skema.xlsx"
    write_form(file, FORM)
    book = openpyxl.load_workbook(convert(office, file, "xlsx"))
    sheet = book[SHEET]
    assert sheet.protection.sheet
    assert sheet.column_dimensions["A"].hidden
    assert not sheet.cell(FIRST_ROW, STATUS).protection.locked
    assert sheet.cell(FIRST_ROW, status_form.TEXT).protection.locked
    lists = {str(rule.formula1) for rule in sheet.data_validations.dataValidation}
    assert {'"glad,neutral,sur"', '"glad,sur"'} <= lists
    for place, status in enumerate(("glad", "sur", "neutral"), start=FIRST_ROW):
        for column, value in (
            (STATUS, status),
            (ROLE, "Konsulent"),
            (DATE, dt.date(2026, 6, 15)),
            (COMMENT, "Følges."),
        ):
            sheet.cell(place, column).value = value
    answered = tmp_path / "svar.xlsx"
    book.save(answered)
    with duckdb.connect() as connection:
        headers = dict.fromkeys(status_form.SCHEMA.names, True)
        reading = status_form.read(convert(office, answered, "xlsx"), connection, headers, None)
        rows = connection.execute(
            "select milestone_key, status, comment, answered_date from raw order by all"
        ).fetchall()
    assert reading.problems == []
    assert rows == [
        ("2026/3.01/1", "glad", "Følges.", dt.date(2026, 6, 15)),
        ("2026/3.01/economy", "sur", "Følges.", dt.date(2026, 6, 15)),
        ("2026/3.03-2/2", "neutral", "Følges.", dt.date(2026, 6, 15)),
    ]


def test_a_form_prints_in_landscape_on_several_pages(office: str, tmp_path: Path) -> None:
    file = tmp_path / "skema.xlsx"
    write_form(file, FORM)
    printed = convert(office, file, "pdf").read_bytes()
    pages = re.findall(rb"/MediaBox\s*\[\s*0 0 (\d+)[\d.]* (\d+)", printed)
    assert len(pages) > 1
    assert all(int(width) > int(height) for width, height in pages)
