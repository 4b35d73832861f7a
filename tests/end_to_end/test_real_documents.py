"""A whole night over the municipality's own document, by the command line, as a newcomer starts it."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pdfplumber
import pytest
from figures import open_release, rows

from include.follow_up.content import read_content
from include.landing.contract import load_contracts
from include.settings import PROJECT_ROOT

WAREHOUSE = "from include.cli import app; app()"


@pytest.fixture(scope="module")
def release(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release of `warehouse run --plain` over the real inbox."""
    folder = tmp_path_factory.mktemp("real")
    _warehouse(shared, folder, "run", "--plain")
    return (folder / "home" / "releases" / "current").resolve()


def _warehouse(shared: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of `warehouse` over the real inbox, in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("WAREHOUSE_", "AIRFLOW"))}
    environment |= {
        "WAREHOUSE_INPUTS": str(shared / "inbox"),
        "WAREHOUSE_HOME": str(folder / "home"),
        "WAREHOUSE_KEY_FILE": str(folder / "key" / "person.key"),
    }
    done = subprocess.run(
        [sys.executable, "-c", WAREHOUSE, *arguments],
        cwd=PROJECT_ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    return done


def _query(release: Path, sql: str) -> list[dict[str, Any]]:
    with open_release(release) as connection:
        return rows(connection, sql)


def test_initiatives_and_milestones_of_2017(release: Path) -> None:
    found = _query(
        release,
        "select agreement_year, count(*) as initiatives, count(distinct initiative_id) as different, "
        "count(*) filter (where len(contributors) = 0) as alone from marts.dim_initiative group by all",
    )
    assert found == [{"agreement_year": 2017, "initiatives": 22, "different": 22, "alone": 6}]
    found = _query(
        release,
        "select count(*) as milestones, count(*) filter (where has_text) as with_text, "
        "count(milestone_text) as texts, list(distinct follow_up_code order by follow_up_code) as codes "
        "from marts.fct_milestone",
    )
    codes = ["BO1-2017", "BO2-2017", "BO3-2017", "YE-2017"]
    assert found == [{"milestones": 88, "with_text": 80, "texts": 80, "codes": codes}]


def test_finance_rows_of_2017_to_the_last_digit(release: Path) -> None:
    found = _query(
        release,
        "select amount_kind, sum(amount_mdkk) as mdkk from marts.fct_initiative_amount "
        "where agreement_year = 2017 and budget_year = 2017 and stated_in = 'finance' group by all order by all",
    )
    assert found == [
        {"amount_kind": "expenditure", "mdkk": Decimal("105.15")},
        {"amount_kind": "saving", "mdkk": Decimal("1.70")},
    ]
    found = _query(
        release,
        "select budget_year, amount_kind, amount_mdkk, stated_in from marts.fct_initiative_amount "
        "where initiative_id = '3.19' and stated_in = 'finance'",
    )
    only = {"budget_year": 2017, "amount_kind": "expenditure", "amount_mdkk": Decimal("14.5"), "stated_in": "finance"}
    assert found == [only], "the 15 belongs to 2016, 9.5 is a transfer"
    adopted = "sum(distinct_adopted.expenditure) as expenditure, sum(distinct_adopted.saving) as saving"
    found = _query(
        release,
        f"select {adopted} from (select distinct initiative_id, adopted_expenditure_mdkk as expenditure, "
        "adopted_saving_mdkk as saving from marts.mart_budget_follow_up) as distinct_adopted",
    )
    assert found == [{"expenditure": Decimal("105.15"), "saving": Decimal("1.70")}]


def test_what_was_never_delivered_is_shown_so(release: Path) -> None:
    found = {row["dataset"]: row for row in _query(release, "from marts.data_freshness")}
    assert set(found) == set(load_contracts())
    agreement = found.pop("budget_agreement")
    assert agreement["is_delivered"]
    assert agreement["data_as_of"] is not None
    for dataset, row in found.items():
        assert row["freshness"] == "never_delivered", dataset
        assert not row["is_delivered"], dataset
        assert row["data_as_of"] is None, dataset
    manifest = json.loads((release / "manifest.json").read_text("utf-8"))
    # the document is of 2017, long past its yearly rhythm
    assert {entry["dataset"] for entry in manifest["stale_datasets"]} == set(load_contracts())
    assert [entry["file"] for entry in manifest["deliveries"]] == ["aftale_om_budget_2017.txt"]


def test_real_release_is_not_called_synthetic(release: Path) -> None:
    assert json.loads((release / "manifest.json").read_text("utf-8"))["is_synthetic"] is False
    for table in ("data_freshness", "fct_milestone", "fct_initiative_amount", "mart_budget_follow_up"):
        assert _query(release, f"select distinct is_synthetic from marts.{table}") == [{"is_synthetic": False}]


def test_figures_without_a_delivery_are_absent_and_not_nought(release: Path) -> None:
    for mart in ("mart_school_absence", "mart_icehearts", "mart_trivsel", "fct_initiative_spending"):
        assert _query(release, f"select count(*) as n from exact.marts.{mart}") == [{"n": 0}], mart
    spent = "select count(*) as n, count(spent_to_date_dkk) as spent from marts.mart_budget_follow_up"
    assert _query(release, spent) == [{"n": 88, "spent": 0}]


# ---- its follow-ups


@pytest.fixture(scope="module")
def editions(release: Path, shared: Path) -> dict[str, Path]:
    """The editions of its four follow-ups, by `warehouse follow-up freeze`."""
    folder = release.parents[2]
    for code in CODES:
        _warehouse(shared, folder, "follow-up", "freeze", code)
    return {code: folder / "home" / "editions" / f"{code}-1" for code in CODES}


CODES = ("BO1-2017", "BO2-2017", "BO3-2017", "YE-2017")


def test_the_document_has_every_initiative_and_milestone(editions: dict[str, Path]) -> None:
    page = (editions["BO1-2017"] / "document.html").read_text("utf-8")
    content = read_content(editions["BO1-2017"])
    assert len(content.initiatives) == 22
    assert sum(len(one.milestones) for one in content.initiatives) == 88
    assert sum(one.text is None for initiative in content.initiatives for one in initiative.milestones) == 8
    words = text_of(page)
    for initiative in content.initiatives:
        assert squeezed(initiative.title) in words
        for milestone in initiative.milestones:
            for line in (milestone.text or "").splitlines():
                assert squeezed(line.strip().lstrip("*•-").strip()) in words, (initiative.initiative_id, line)
    # Eight rows of the tables have no text, whichever of the four follow-ups it is.
    rows_without = {
        code: text_of((path / "document.html").read_text("utf-8")).count("2017 Ingen milepæl")
        for code, path in editions.items()
    }
    assert rows_without == dict.fromkeys(CODES, 8)


def test_the_document_has_every_amount_of_the_finance_rows(editions: dict[str, Path]) -> None:
    content = read_content(editions["BO1-2017"])
    economies = [one.economy for one in content.initiatives]
    assert sum(one.adopted_expenditure_mdkk or 0 for one in economies) == Decimal("105.15")
    # A saving is stated as an amount to be saved.
    assert abs(sum(one.adopted_saving_mdkk or 0 for one in economies)) == Decimal("1.7")
    assert sum(one.finance_text is None for one in economies) == 4
    words = text_of((editions["BO1-2017"] / "document.html").read_text("utf-8"))
    for economy in economies:
        for line in (economy.finance_text or "").splitlines():
            assert squeezed(line.strip()) in words


def test_an_edition_holds_what_its_release_holds_and_nothing_else(release: Path, editions: dict[str, Path]) -> None:
    """What was attacked before the release is what stands in the edition, byte for byte."""
    for path in editions.values():
        for name in ("warehouse.duckdb", "restricted/warehouse.duckdb"):
            assert (path / name).read_bytes() == (release / name).read_bytes()
        assert sorted(str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()) == [
            *("document.html", "document.pdf", "document.xlsx", "manifest.json"),
            *("restricted/warehouse.duckdb", "warehouse.duckdb"),
        ]
        assert (path / "restricted").stat().st_mode & 0o777 == 0o750


def test_with_no_status_reported_the_document_says_so(editions: dict[str, Path]) -> None:
    for path in editions.values():
        content = read_content(path)
        assert all(one.status is None for initiative in content.initiatives for one in initiative.milestones)
        assert all(one.economy.status is None for one in content.initiatives)
        assert "endnu ikke meldt status" in text_of((path / "document.html").read_text("utf-8"))


def test_the_pdf_and_the_workbook_have_all_initiatives(editions: dict[str, Path]) -> None:
    for path in editions.values():
        with pdfplumber.open(path / "document.pdf") as pdf:
            printed = squeezed(" ".join(page.extract_text() for page in pdf.pages))
        book = openpyxl.load_workbook(path / "document.xlsx", read_only=True)
        cells = {str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row if cell}
        for initiative in read_content(path).initiatives:
            assert initiative.initiative_id in printed
            assert initiative.initiative_id in cells


def text_of(page: str) -> str:
    """The words of a page, without its markup, blanks squeezed and soft hyphens out."""
    return squeezed(html.unescape(re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<(style|title)\b.*?</\1>", " ", page))))


def squeezed(text: str) -> str:
    """All blanks as one, none before punctuation."""
    return re.sub(r" ([,.;:)])", r"\1", " ".join(text.replace("\u00ad", "").split()))
