"""The document as page, PDF and workbook: all of the edition is in all three, alike each time, and accessible."""

from __future__ import annotations

import datetime as dt
import re
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import document_content
import openpyxl
import pdfplumber
import pytest
from document_content import FORMULA, ODD
from openpyxl.worksheet.worksheet import Worksheet
from pdfplumber.page import Page

from include.follow_up import presentation, words
from include.follow_up.content import Content
from include.follow_up.document import write_documents

VOID = {"meta", "link", "br", "path", "rect", "circle"}
KINDS = ("html", "pdf", "xlsx")


def bare(text: str) -> str:
    """A text without blanks, hyphens and case, so that line ends and Danish hyphenation don't matter."""
    return re.sub(r"[\s\u00ad‐-]+", "", unicodedata.normalize("NFKC", text)).lower()


class Element:
    """An element of a page with its attributes, its text and where it stands."""

    def __init__(self, tag: str, attributes: dict[str, str], above: Element | None) -> None:
        self.tag, self.attributes, self.above = tag, attributes, above
        self.parts: list[str | Element] = []

    def __iter__(self) -> Iterator[Element]:
        yield self
        for part in self.parts:
            if isinstance(part, Element):
                yield from part

    def all(self, *tags: str) -> list[Element]:
        return [element for element in self if element.tag in tags]

    @property
    def text(self) -> str:
        return "".join(part if isinstance(part, str) else part.text for part in self.parts)


class PageReader(HTMLParser):
    """A page as a tree; an end tag that doesn't fit is an error, so that nothing escapes from its element."""

    def __init__(self) -> None:
        super().__init__()
        self.root = self.open = Element("", {}, None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self.open)
        self.open.parts.append(element)
        if tag not in VOID:
            self.open = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.parts.append(Element(tag, {name: value or "" for name, value in attrs}, self.open))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.tag == tag, f"</{tag}> closes <{self.open.tag}>"
        assert self.open.above is not None
        self.open = self.open.above

    def handle_data(self, data: str) -> None:
        self.open.parts.append(data)


class Written:
    """The three documents of an edition, read back."""

    def __init__(self, content: Content, folder: Path) -> None:
        self.content = content
        self.paths = dict(zip(KINDS, write_documents(content, folder), strict=True))
        reader = PageReader()
        self.source = self.paths["html"].read_text("utf-8")
        reader.feed(self.source)
        assert reader.open is reader.root, "every element is closed"
        self.page = reader.root
        self.pdf = pdfplumber.open(self.paths["pdf"])
        self.book = openpyxl.load_workbook(self.paths["xlsx"])
        self.texts = {
            "html": bare(self.page.text),
            "pdf": bare("".join("".join(char["text"] for char in page.chars) for page in self.pdf.pages)),
            "xlsx": bare("\n".join(str(cell) for sheet in self.book for row in sheet.values for cell in row if cell)),
        }

    def without(self, *told: str) -> list[tuple[str, str]]:
        """What is missing in which document."""
        return [(kind, one) for one in told for kind in KINDS if bare(one) not in self.texts[kind]]


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return Written(document_content.content(), tmp_path_factory.mktemp("rich"))


@pytest.fixture(scope="module")
def corrected(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return Written(document_content.correction(), tmp_path_factory.mktemp("corrected"))


@pytest.fixture(scope="module")
def unreported(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return Written(document_content.unreported(), tmp_path_factory.mktemp("unreported"))


def paragraphs(text: str | None) -> list[str]:
    return [re.sub(r"^[•*–-]\s+", "", line) for line in (text or "").splitlines() if line.strip()]


# ---- what stands in it


def test_every_text_of_the_agreement_and_of_the_centres_is_in_all_three(rich: Written) -> None:
    told = [rich.content.municipality_name, rich.content.agreement_title, rich.content.follow_up_name]
    for one in rich.content.initiatives:
        told += [one.initiative_id, one.title, one.responsible_center, one.committee, one.initiative_type]
        told += [one.section_title or "", *one.contributors, one.economy.comment or ""]
        told += paragraphs(one.description) + paragraphs(one.elaboration) + paragraphs(one.economy.finance_text)
        for milestone in one.milestones:
            told += paragraphs(milestone.text)
            for answer in milestone.answers:
                told += [answer.comment or "", answer.role, answer.center_name, words.SMILEYS[answer.status]]
        for measure in one.measures:
            told += [presentation.part_title(measure), measure.definition, measure.unit, measure.target_text or ""]
            told += [measure.source, measure.not_for]
    for source in rich.content.sources:
        told += [source.title, source.dataset]
    assert len(rich.content.initiatives) == 22
    assert rich.without(*told) == []


def test_every_amount_and_date_is_in_all_three(rich: Written) -> None:
    written: list[str] = []
    exact = {cell for row in rich.book["Økonomi"].iter_rows(min_row=2, values_only=True) for cell in row}
    for one in rich.content.initiatives:
        economy = one.economy
        amounts = (
            economy.adopted_budget_dkk,
            economy.budget_changes_dkk,
            economy.corrected_budget_dkk,
            economy.spent_to_date_dkk,
            economy.forecast_dkk,
            economy.deviation_dkk,
        )
        written += [words.kroner(amount) for amount in amounts]
        in_agreement = (economy.adopted_expenditure_mdkk, economy.adopted_saving_mdkk)
        written += [words.million_kroner(amount) for amount in in_agreement]
        for amount in (*amounts, *in_agreement):
            assert amount is None or float(amount) in exact, f"{one.initiative_id}: {amount} is not in the workbook"
        if economy.spent_through_date:
            written.append(words.day(economy.spent_through_date))
            assert dt.datetime.combine(economy.spent_through_date, dt.time()) in exact
        written += [words.day(answer.answered_date) for stone in one.milestones for answer in stone.answers]
    for line in rich.content.centers:
        written += [words.millions(line.corrected_budget_dkk), words.millions(line.deviation_dkk)]
    for day in (rich.content.as_of, rich.content.data_cut_off_date, rich.content.committee_meeting_date):
        assert day is not None
        written.append(words.day(day))
    missing = [(kind, one) for kind, one in rich.without(*written) if kind != "xlsx"]
    assert missing == []


def test_the_total_is_the_edition_s_own_and_the_last_line() -> None:
    told = document_content.content()
    total = replace(
        told.total,
        initiatives=4321,
        corrected_budget_dkk=None,
        spent_to_date_dkk=Decimal(98_760_000),
        economies_summed=7,
    )
    page = presentation.page(replace(told, total=total))
    assert [line.center for line in page.milestone_lines if line.is_total] == ["I alt"]
    assert page.milestone_lines[-1].counts[0] == "4.321"
    assert page.economy_lines[-1].is_total
    assert page.economy_lines[-1].cells[:3] == ("7 af 4.321", "–", "98,76")
    assert (page.key_figures[0].value, page.key_figures[3].value) == ("4.321", "98,76")
    assert page.key_figures[3].note == "det korrigerede budget kan ikke opgøres samlet"


def test_every_smiley_has_its_word_where_it_stands(rich: Written) -> None:
    articles = {one.attributes["id"]: one for one in rich.page.all("article")}
    rows = list(rich.book["Milepæle"].iter_rows(min_row=2, values_only=True))
    for one in rich.content.initiatives:
        article = articles[presentation.anchor(one)]
        stones = article.all("tbody")[0].all("tr")
        for milestone, row in zip(one.milestones, stones, strict=True):
            mark = presentation.milestone_mark(rich.content, milestone)
            assert mark.word in row.text
            assert (bool(row.all("svg"))) == (milestone.text is not None)
        mine = [row[5] for row in rows if row[0] == one.initiative_id]
        assert mine == [presentation.milestone_mark(rich.content, stone).word for stone in one.milestones]
        heads = [mark.text for mark in article.all("span") if mark.attributes.get("class", "").startswith("mark")][:2]
        assert presentation.effort_of(rich.content, one).word in heads[0]
        assert presentation.economy_of(one.economy).word in heads[1]
    assert {"Glad", "Neutral", "Sur", "Ikke meldt", "Ingen milepæl", "Følges op senere"} <= {row[5] for row in rows}


def test_what_is_missing_is_said(rich: Written) -> None:
    told = ("Ingen milepæl", "Ingen angivet", "Ingen konti", "Forbruget vises ikke: bogført på personer")
    told += ("Mødedato ikke fastsat", "tilbageholdt", "foreløbig", "ingen data", "forældet", "Syntetiske data")
    told += ("Ikke med i summerne, fordi pengene er bogført på personer: 3.03-2 og 3.04.", "beregnet", "meldt")
    assert rich.without(*told) == []


def test_an_earlier_answer_stands_beside_the_one_that_holds(rich: Written) -> None:
    told = "Tidligere: Sur ved 1. budgetopfølgning 2026 (Centerchef"
    for kind in ("html", "pdf"):
        assert bare(told) in rich.texts[kind]
    assert bare(told.removeprefix("Tidligere: ")) in rich.texts["xlsx"]


def test_what_turned_since_the_follow_up_before_is_told(rich: Written) -> None:
    better, worse = presentation.turns(rich.content)
    assert {(turn.before.word, turn.after.word) for turn in better} == {("Sur", "Glad")}
    assert {turn.after.word for turn in worse} == {"Neutral", "Sur"}
    assert rich.without("Ændret siden 1. budgetopfølgning 2026", "Bedre", "Dårligere") == []


def test_nothing_turned_and_the_first_follow_up_of_the_year_are_said(unreported: Written, tmp_path: Path) -> None:
    assert unreported.without("Første opfølgning i året") == []
    still = replace(unreported.content, previous_follow_up_name="31.12.2025", initiatives=())
    assert Written(still, tmp_path).without("Ingen ændringer") == []


def test_that_nobody_has_answered_is_said_at_the_top(rich: Written, unreported: Written) -> None:
    told = "Der er endnu ikke meldt status på nogen milepæl ved 1. budgetopfølgning 2026."
    assert unreported.without(told) == []
    assert bare(told) in bare(unreported.pdf.pages[0].extract_text())
    assert unreported.page.all("main")[0].all("p")[0].text == told
    assert all(bare("endnu ikke meldt status") not in text for text in rich.texts.values())
    assert all(bare(words.SYNTHETIC) not in text for text in unreported.texts.values())


def test_a_correction_names_the_edition_that_it_corrects_and_what_changed(corrected: Written, rich: Written) -> None:
    told = ["Rettelse af BO2-2026-1", "BO2-2026-2", "3.950.000 kr.", "3.812.400 kr.", "Status på milepæl 2", ODD]
    assert corrected.without(*told) == []
    assert bare("Rettelse af BO2-2026-1") in bare(corrected.pdf.pages[0].extract_text())
    assert all(bare("Rettelse af") not in text for text in rich.texts.values())


def test_the_edition_tells_what_it_is(rich: Written) -> None:
    told = (rich.content.edition, rich.content.content_hash, rich.content.release_id, "1. juli 2026 kl. 06.12")
    assert rich.without(*told) == []


# ---- odd texts


def test_what_a_format_would_read_as_its_own_is_a_text(rich: Written) -> None:
    assert rich.without(ODD, FORMULA) == []
    assert not rich.page.all("b", "script") or all(ODD not in element.text for element in rich.page.all("script"))
    assert not [element for element in rich.page.all("b") if element.text == "fed"]
    cells = [cell for sheet in rich.book for row in sheet.iter_rows() for cell in row]
    assert any(cell.value == FORMULA for cell in cells)
    assert not [cell.coordinate for cell in cells if cell.data_type == "f"]


def test_long_texts_lose_nothing(tmp_path: Path) -> None:
    content = document_content.content()
    long = " ".join(f"Ord{number} i en lang beskrivelse." for number in range(600))
    stones = tuple(replace(one, text=f"{one.text} {long[:3000]}") for one in content.initiatives[0].milestones)
    first = replace(
        content.initiatives[0],
        description=long,
        title="Bevægelsesaktivitetspladsforsøgsordningsudvidelse " * 4,
        milestones=stones,
        contributors=tuple(f"Center for Langt Navn nummer {number}" for number in range(30)),
        section_title=None,
    )
    written = Written(replace(content, initiatives=(first,)), tmp_path)
    for kind in KINDS:
        missing = set(range(600)) - {int(number) for number in re.findall(r"ord(\d+)", written.texts[kind])}
        assert missing == set(), f"words are missing in document.{kind}"
    assert written.without("Øvrige indsatser", "Center for Langt Navn nummer 29") == []
    for page in written.pdf.pages:
        assert all(0 < char["x0"] < char["x1"] < page.width for char in page.chars), "all is beside the margins"
        assert all(0 < char["top"] < char["bottom"] < page.height for char in page.chars), "all is on the paper"


def test_many_initiatives_fit(tmp_path: Path) -> None:
    one = replace(document_content.content().initiatives[1], measures=())
    many = tuple(replace(one, initiative_id=f"4.{number:02d}") for number in range(60))
    html, pdf, _ = write_documents(replace(document_content.content(), initiatives=many), tmp_path)
    assert html.read_text("utf-8").count("<article") == 60
    with pdfplumber.open(pdf) as read:
        assert "Overblik" in read.pages[1].extract_text(), "the cover is one page"


def test_characters_that_no_type_has_are_a_sign_and_stop_nothing(tmp_path: Path) -> None:
    content = document_content.content()
    odd = "Før\x0befter, \x07\u200b\ufeff a\u030a, \U0001f600, \uf04a, \u2003slut \u2265 \u2192"
    one = replace(content.initiatives[0], description=odd, measures=())
    written = Written(replace(content, initiatives=(one,)), tmp_path)
    assert bare("å, ◊, ◊, slut ≥ →") in written.texts["pdf"]
    assert written.without("slut ≥ →") == []
    assert "\U0001f600" in written.source


# ---- the same each time


def test_the_same_content_is_the_same_bytes(rich: Written, tmp_path: Path) -> None:
    time.sleep(1.1)  # clocks in documents count seconds
    again = dict(zip(KINDS, write_documents(document_content.content(), tmp_path), strict=True))
    for kind in KINDS:
        assert again[kind].read_bytes() == rich.paths[kind].read_bytes(), f"document.{kind} differs"


def test_documents_are_written_into_a_new_folder_and_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "editions" / "BO1-2026-1"
    first = [path.read_bytes() for path in write_documents(document_content.unreported(), folder)]
    second = [path.read_bytes() for path in write_documents(document_content.correction(), folder)]
    assert [path.name for path in sorted(folder.iterdir())] == ["document.html", "document.pdf", "document.xlsx"]
    assert all(one != other for one, other in zip(first, second, strict=True))


# ---- the page


def test_the_page_is_one_file_without_scripts(rich: Written) -> None:
    assert not rich.page.all("script", "iframe", "object", "img")
    assert [one.attributes.get("rel") for one in rich.page.all("link")] == ["icon"]
    assert set(re.findall(r"https?://[^\"'\s)]+", rich.source)) <= {"http://www.w3.org/2000/svg"}
    assert set(re.findall(r"url\(\"([a-z]+:)", rich.source)) == {"data:"}
    assert not re.findall(r"\son[a-z]+=|javascript:|@import", rich.source)


def test_the_page_has_landmarks_and_headings_in_order(rich: Written, corrected: Written, unreported: Written) -> None:
    for written in (rich, corrected, unreported):
        assert written.page.all("html")[0].attributes["lang"] == "da"
        for landmark in ("header", "nav", "main", "footer"):
            assert len(written.page.all(landmark)) == 1
        levels = [int(one.tag[1]) for one in written.page if re.fullmatch("h[1-6]", one.tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))
        skip = written.page.all("body")[0].all("a")[0]
        ids = [one.attributes["id"] for one in written.page if "id" in one.attributes]
        assert len(ids) == len(set(ids))
        targets = [one.attributes["href"] for one in written.page.all("a")]
        assert skip.attributes["href"] == "#indhold"
        assert {target.removeprefix("#") for target in targets} <= set(ids)


def test_every_table_head_says_what_it_heads_and_every_drawing_what_it_shows(rich: Written) -> None:
    assert all(one.attributes.get("scope") in {"col", "row"} for one in rich.page.all("th"))
    for table in rich.page.all("table"):
        assert table.all("thead"), "a table has heads"
        widths = {len(row.all("th", "td")) for row in table.all("tr")}
        assert len(widths) == 1, "rows are of one width"
    for svg in rich.page.all("svg"):
        assert svg.attributes.get("aria-hidden") == "true" or (
            svg.attributes["role"] == "img" and svg.all("title")[0].text
        )
    charts = [svg for svg in rich.page.all("svg") if svg.attributes["class"] == "chart"]
    assert len(charts) == sum(len(one.measures) for one in rich.content.initiatives)
    assert all(svg.all("desc")[0].text for svg in charts)


def test_every_point_of_a_measure_is_in_the_page_s_table(rich: Written) -> None:
    tables = [one for one in rich.page.all("table") if "points" in one.attributes.get("class", "")]
    measures = [measure for one in rich.content.initiatives for measure in one.measures]
    for table, measure in zip(tables, measures, strict=True):
        rows = [[cell.text for cell in row.all("th", "td")] for row in table.all("tr")[1:]]
        assert [row[:2] for row in rows] == [
            [words.period(point.period), presentation.point_value(point, measure.value_scale)]
            for point in measure.points
        ]


# ---- the PDF


def resolved(thing: Any) -> Any:
    return thing.resolve() if hasattr(thing, "resolve") else thing


def parts(written: Written) -> Iterator[dict[str, Any]]:
    def walk(nodes: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for node in nodes:
            yield node
            yield from walk(node.get("children", []))

    return walk(written.pdf.structure_tree)


def test_the_pdf_is_tagged_and_says_its_title_language_and_standard(rich: Written) -> None:
    catalog = rich.pdf.doc.catalog
    assert resolved(catalog["MarkInfo"])["Marked"] is True
    assert resolved(catalog["Lang"]).decode() == "da-DK"
    assert resolved(catalog["ViewerPreferences"])["DisplayDocTitle"] is True
    metadata = resolved(catalog["Metadata"]).get_data().decode()
    assert "<pdfuaid:part>1</pdfuaid:part>" in metadata
    assert "Udmøntning af, og status på Aftale om budget 2026: 2. budgetopfølgning 2026" in metadata
    assert rich.pdf.metadata["CreationDate"].startswith("D:20260701041230")


def test_the_pdf_s_bookmarks_are_its_headings(rich: Written) -> None:
    bookmarks = [(level, title) for level, title, *_ in rich.pdf.doc.get_outlines()]
    assert [title for level, title in bookmarks if level == 1] == ["Overblik", "Indsatserne", "Kilder og metode"]
    for one in rich.content.initiatives:
        assert any(level == 3 and one.title in title for level, title in bookmarks), one.title
    levels = [int(node["type"][1]) for node in parts(rich) if re.fullmatch("H[1-6]", node["type"])]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert levels.count(3) == 22


def test_every_drawing_of_the_pdf_has_an_alternative_text_and_every_table_heads(rich: Written) -> None:
    figures = [node for node in parts(rich) if node["type"] == "Figure"]
    assert all(node.get("alt_text") for node in figures)
    told = " ".join(node["alt_text"] for node in figures)
    for expected in ("Glad smiley", "Neutral smiley", "Sur smiley", "Forbrug ", "Seneste værdi er "):
        assert expected in told
    for table in (node for node in parts(rich) if node["type"] == "Table"):
        kinds = [child["type"] for child in table["children"]]
        assert kinds[0] == "THead"
        assert kinds[-1] == "TBody"


def top_of(page: Page, text: str) -> float | None:
    found = page.search(re.escape(text))
    return found[0]["top"] if found else None


def test_pages_are_numbered_and_no_initiative_s_heading_stands_at_a_page_s_foot(rich: Written) -> None:
    count = len(rich.pdf.pages)
    numbers = [re.findall(r"side (\d+) af (\d+)", page.extract_text()) for page in rich.pdf.pages[1:]]
    assert numbers == [[(str(number), str(count))] for number in range(2, count + 1)]
    for one in rich.content.initiatives:
        start = f"{one.initiative_id} {one.title.split()[0]}"
        tops = [top_of(page, start) for page in rich.pdf.pages[4:]]
        assert min(top for top in tops if top is not None) < 200, f"{start} begins its page"


def test_a_table_s_heads_are_repeated_on_the_next_page(tmp_path: Path) -> None:
    content = document_content.content()
    sources = tuple(replace(content.sources[0], dataset=f"dataset_{number}") for number in range(80))
    written = Written(replace(content, sources=sources, initiatives=content.initiatives[:1]), tmp_path)
    pages = [page.extract_text() for page in written.pdf.pages]
    assert sum("Datasæt" in text for text in pages) == sum("dataset_" in text for text in pages) > 1


def test_no_glyph_of_the_pdf_is_missing_and_its_type_is_its_own(rich: Written) -> None:
    fonts = {char["fontname"].split("+")[-1] for page in rich.pdf.pages for char in page.chars}
    assert fonts == {"SourceSansPro-Regular", "SourceSansPro-Semibold", "SourceSerifPro-Semibold"}
    assert not [char for page in rich.pdf.pages for char in page.chars if char["text"] in {"\ufffd", ""}]


def test_pdfua_finds_nothing(rich: Written, corrected: Written, unreported: Written) -> None:
    pdfua = pytest.importorskip("pdfua", reason="pdfua is not in this environment; run `make setup`")
    for written in (rich, corrected, unreported):
        report = pdfua.validate(written.paths["pdf"])
        assert [str(finding) for finding in report.findings] == []


# ---- the workbook


def test_the_workbook_has_numbers_and_dates_to_work_with(rich: Written) -> None:
    assert rich.book.sheetnames == ["Overblik", "Milepæle", "Økonomi", "Mål", "Kilder"]
    assert rich.book.properties.title == "Udmøntning af, og status på Aftale om budget 2026: 2. budgetopfølgning 2026"
    for sheet in rich.book.worksheets:
        assert isinstance(sheet, Worksheet)
        assert sheet.freeze_panes is not None
        for table in sheet.tables.values():
            assert table.autoFilter is not None, f"{sheet.title} {table.name} can be filtered"
    economy = rich.book["Økonomi"]
    heads = {cell.value: cell.column for cell in economy[1]}
    first = {head: economy.cell(2, column) for head, column in heads.items()}
    assert first["Korrigeret budget (kr.)"].value == float(
        rich.content.initiatives[0].economy.corrected_budget_dkk or 0
    )
    assert first["Korrigeret budget (kr.)"].number_format == "#,##0.00"
    assert first["Forbrug til og med"].is_date
    assert first["Forbrug til og med"].number_format == "[$-406]d. mmmm yyyy"
    milestones = rich.book["Milepæle"]
    assert milestones.max_row == 1 + 4 * 22
    points = [point for one in rich.content.initiatives for measure in one.measures for point in measure.points]
    measures = list(rich.book["Mål"].iter_rows(min_row=2))
    assert len(measures) == len(points)
    for row, point in zip(measures, points, strict=True):
        assert row[6].value == (presentation.HIDDEN if point.is_hidden and point.value is None else row[6].value)
        assert row[8].value == point.n
    share = next(row[6] for row in measures if row[2].value == "K12")
    assert (share.value, share.number_format) == (0.142, "0.0%")


def test_an_edition_without_measures_still_opens(unreported: Written) -> None:
    assert unreported.book["Mål"].max_row <= 2
    assert unreported.book["Mål"].tables["Maal"].ref == "A1:R2"
