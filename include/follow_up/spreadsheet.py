"""The follow-up document as a workbook: the same figures as numbers and dates, to sort, filter and count on.

Five sheets: Overblik, Milepæle, Økonomi, Mål, Kilder. A table each (the overview has several), heads frozen, smileys as
words. Excel shows thousands dots and decimal commas by the reader's own language; kroner are exact to the øre.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import openpyxl
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.workbook import Workbook
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.table import Table, TableStyleInfo
from openpyxl.worksheet.worksheet import Worksheet

from include.follow_up import forms, presentation, words
from include.follow_up.content import CenterLine, Content, Initiative, Measure, MeasurePoint, Milestone, Smiley

_DATE = "[$-406]d. mmmm yyyy"
_KRONER = "#,##0.00"
_MILLIONS = '#,##0.0##" mio. kr."'
_COUNT = "#,##0"
_SCALES = {
    "share": "0.0%",
    "dkk": '#,##0" kr."',
    "years": "#,##0.0",
    "per_thousand": "#,##0.0",
    "days": "#,##0.#",
    "count": "#,##0.##",
}
_LINE_HEIGHT, _HIGHEST_ROW = 15.0, 409.0
_A3 = 8
_INK = "14304A"
_TITLE = Font(name="Calibri", bold=True, size=18, color=_INK)
_HEADING = Font(name="Calibri", bold=True, size=13, color=_INK)
_BOLD = Font(name="Calibri", bold=True)
_TOP = Alignment(wrap_text=True, vertical="top")
_FILLS = {"Glad": "DDEFE4", "Neutral": "FBE9C8", "Sur": "F8DCD9"}
_LINE = Border(top=Side("thin", color=_INK))


@dataclass(frozen=True)
class _Scaled:
    """A number that brings its own format along."""

    value: Decimal
    form: str


Value = str | int | Decimal | dt.date | _Scaled | None


@dataclass(frozen=True)
class Column:
    """A column: its heading, width in characters, and number format where it holds no text."""

    heading: str
    width: float
    form: str | None = None


def write(content: Content, path: Path) -> None:
    """Write the workbook; replaces `path`."""
    book = openpyxl.Workbook()
    overview = book.active
    assert isinstance(overview, Worksheet), "a new workbook has a sheet"
    overview.title = "Overblik"
    _overview(overview, content)
    _one_table(book.create_sheet("Milepæle"), "Milepaele", _MILESTONES, _milestones(content))
    _one_table(book.create_sheet("Økonomi"), "Oekonomi", _ECONOMY, _economies(content))
    _one_table(book.create_sheet("Mål"), "Maal", _MEASURES, _measures(content))
    _sources(book.create_sheet("Kilder"), content)
    for sheet in book.worksheets:
        _finish(sheet, content)
    _name(book, content)
    forms.save(book, path)


def _name(book: Workbook, content: Content) -> None:
    properties = book.properties
    properties.title = f"{presentation.title(content)}: {content.follow_up_name}"
    properties.subject = f"Udgave {content.edition}, data pr. {words.day(content.as_of)}"
    properties.creator = properties.lastModifiedBy = content.municipality_name
    properties.language = "da-DK"


# ---- the sheets

_CENTERS = (
    Column("Center", 46),
    Column("Indsatser", 20, _COUNT),
    Column("Milepæle", 12, _COUNT),
    Column("Glad", 12, _COUNT),
    Column("Neutral", 12, _COUNT),
    Column("Sur", 12, _COUNT),
    Column("Ikke meldt", 12, _COUNT),
    Column("Uden tekst", 14, _COUNT),
    Column("Økonomi glad", 16, _COUNT),
    Column("Økonomi sur", 16, _COUNT),
    Column("Økonomi uden status", 16, _COUNT),
    Column("Med i sum", 20, _COUNT),
    Column("Korrigeret budget (kr.)", 20, _KRONER),
    Column("Forbrug (kr.)", 20, _KRONER),
    Column("Prognose (kr.)", 20, _KRONER),
    Column("Afvigelse (kr.)", 20, _KRONER),
)
_TURNS = (Column("Ændret indsats", 46), Column("Om", 12), Column("Før", 12), Column("Nu", 12), Column("Retning", 12))
_CHANGES = (Column("Rettet indsats", 46), Column("Hvad", 12), Column("Rettet fra", 12), Column("Rettet til", 12))
_INITIATIVES = (
    Column("Indsats", 46),
    Column("Nr.", 12),
    Column("Type", 12),
    Column("Smiley indsats", 12),
    Column("Indsats før", 12),
    Column("Smiley økonomi", 12),
    Column("Økonomi før", 12),
    Column("Grundlag", 14),
    Column("Ansvarligt center", 16),
    Column("Ansvarligt udvalg", 16),
    Column("Bidragydere", 16),
    Column("Afsnit", 20),
    Column("Beskrivelse", 44),
    Column("Uddybning", 44),
)
_MILESTONES = (
    Column("Nr.", 9),
    Column("Indsats", 34),
    Column("Ansvarligt center", 28),
    Column("Tid", 24),
    Column("Milepæl", 60),
    Column("Smiley", 16),
    Column("Bemærkning", 44),
    Column("Rolle", 18),
    Column("Meldt af center", 28),
    Column("Meldt dato", 18, _DATE),
    Column("Meldt ved", 16),
    Column("Tidligere svar", 50),
)
_ECONOMY = (
    Column("Nr.", 9),
    Column("Indsats", 34),
    Column("Ansvarligt center", 28),
    Column("Økonomi i aftalen", 44),
    Column("Afsat i aftalen", 16, _MILLIONS),
    Column("Aftalt besparelse", 16, _MILLIONS),
    Column("Vedtaget budget (kr.)", 18, _KRONER),
    Column("Ændringer (kr.)", 18, _KRONER),
    Column("Korrigeret budget (kr.)", 18, _KRONER),
    Column("Forbrug (kr.)", 18, _KRONER),
    Column("Forbrug til og med", 18, _DATE),
    Column("Prognose (kr.)", 18, _KRONER),
    Column("Afvigelse (kr.)", 18, _KRONER),
    Column("Smiley", 16),
    Column("Grundlag", 14),
    Column("Meldt af centret", 14),
    Column("Bemærkning", 44),
    Column("Note", 44),
)
_MEASURES = (
    Column("Nr.", 9),
    Column("Indsats", 34),
    Column("Mål", 9),
    Column("Målets navn", 40),
    Column("Periode", 16),
    Column("Slutter", 18, _DATE),
    Column("Værdi", 14),
    Column("Enhed", 18),
    Column("n", 10, _COUNT),
    Column("Sammenligning", 14),
    Column("Måltal", 14),
    Column("Målet nået", 12),
    Column("Tilbageholdt", 13),
    Column("Foreløbig", 12),
    Column("Måltekst", 32),
    Column("Definition", 50),
    Column("Kilde", 28),
    Column("Må ikke bruges til", 44),
)
_SOURCES = (Column("Kilde", 46), Column("Datasæt", 26), Column("Data til og med", 20, _DATE), Column("Tilstand", 14))


def _overview(sheet: Worksheet, content: Content) -> None:
    page = presentation.page(content)
    place = _lines(
        sheet, 1, [(page.title, _TITLE), (content.follow_up_name, _HEADING), (content.municipality_name, _BOLD)]
    )
    if page.synthetic:
        place = _lines(sheet, place, [(page.synthetic, _BOLD)])
    if page.no_status:
        place = _lines(sheet, place, [(page.no_status, _BOLD)])
    place = _facts(sheet, place + 1, _head(content))
    place = _facts(
        sheet, place + 1, [(one.label.capitalize(), f"{one.value} ({one.note})") for one in page.key_figures]
    )
    if page.correction:
        place = _lines(sheet, place + 1, [(page.correction.heading, _HEADING)])
        rows = [(one.initiative, one.what, one.before, one.after) for one in page.correction.changes]
        place = _table(sheet, place, "Rettelser", _CHANGES, rows)
    place = _lines(sheet, place + 1, [("Sådan læses smileys", _HEADING), *((one, None) for one in page.guide)])
    place = _facts(sheet, place, [(f"Indsats: {one.word}", one.meaning) for one in page.effort_legend])
    place = _facts(sheet, place, [(f"Økonomi: {one.word}", one.meaning) for one in page.economy_legend])
    place = _facts(sheet, place, [(page.unanswered_legend.word, page.unanswered_legend.meaning)])
    place = _lines(sheet, place + 1, [("Milepæle og økonomi efter center", _HEADING)])
    place = _table(sheet, place, "Centre", _CENTERS, [_center(line) for line in content.centers])
    for column, value in enumerate(_center(content.total), start=1):
        cell = _put(sheet, place, column, value, _CENTERS[column - 1].form)
        cell.font, cell.border = _BOLD, _LINE
    place = _lines(sheet, place + 1, [(one, None) for one in (page.milestone_note, *page.economy_notes)])
    place = _lines(sheet, place + 1, [(page.turned_heading, _HEADING)])
    if page.turned_note:
        place = _lines(sheet, place, [(f"{page.turned_note}.", None)])
    turned = [
        (one.initiative, one.about, one.before.word, one.after.word, direction)
        for direction, turns in (("Bedre", page.better), ("Dårligere", page.worse))
        for one in turns
    ]
    if turned:
        place = _table(sheet, place, "Aendringer", _TURNS, turned)
    place = _lines(sheet, place + 1, [("Indsatserne", _HEADING)])
    _table(sheet, place, "Indsatser", _INITIATIVES, [_initiative(content, one) for one in content.initiatives])
    for column, widest in enumerate(_CENTERS, start=1):
        sheet.column_dimensions[get_column_letter(column)].width = widest.width
    for column in (13, 14):
        sheet.column_dimensions[get_column_letter(column)].width = _INITIATIVES[column - 1].width
    sheet.freeze_panes = "A2"


def _head(content: Content) -> list[tuple[str, Value]]:
    return [
        ("Udgave", content.edition),
        *([("Retter", content.corrects)] if content.corrects else []),
        ("Data pr.", content.as_of),
        ("Skæringsdato", content.data_cut_off_date),
        *([("Skæringsdatoen er", "antaget")] if content.is_cut_off_assumed else []),
        ("Møde i fagudvalg", content.committee_meeting_date or "Mødedato ikke fastsat"),
        ("Møde i Kommunalbestyrelsen", content.council_meeting_date or "Mødedato ikke fastsat"),
        ("Aftalens dato", content.document_date or "Ikke angivet"),
        ("Sagsnummer", content.case_number or "Ikke angivet"),
    ]


def _center(line: CenterLine) -> tuple[Value, ...]:
    return (
        presentation.center_of(line),
        *presentation.counts(line),
        line.economies_glad,
        line.economies_sur,
        line.economies_unknown,
        line.economies_summed,
        line.corrected_budget_dkk,
        line.spent_to_date_dkk,
        line.forecast_dkk,
        line.deviation_dkk,
    )


def _initiative(content: Content, one: Initiative) -> tuple[Value, ...]:
    return (
        one.title,
        one.initiative_id,
        one.initiative_type,
        presentation.effort_of(content, one).word,
        _word(one.previous_effort_status),
        presentation.economy_of(one.economy).word,
        _word(one.previous_economy_status),
        words.BASIS.get(one.economy.basis or "", ""),
        one.responsible_center,
        one.committee,
        words.listed(one.contributors) or presentation.NO_CONTRIBUTORS,
        one.section_title or presentation.OTHER_SECTION,
        one.description,
        one.elaboration,
    )


def _milestones(content: Content) -> Iterable[tuple[Value, ...]]:
    for one in content.initiatives:
        names = {milestone.follow_up_code: milestone.follow_up_name for milestone in one.milestones}
        for milestone in one.milestones:
            yield (one.initiative_id, one.title, one.responsible_center, *_milestone(content, milestone, names))


def _milestone(content: Content, milestone: Milestone, names: dict[str, str]) -> tuple[Value, ...]:
    newest = milestone.answers[-1] if milestone.answers else None
    return (
        milestone.follow_up_name,
        milestone.text or presentation.NO_MILESTONE,
        presentation.milestone_mark(content, milestone).word,
        newest.comment if newest else None,
        newest.role if newest else None,
        newest.center_name if newest else None,
        newest.answered_date if newest else None,
        names.get(newest.follow_up_code, newest.follow_up_code) if newest else None,
        "\n".join(presentation.earlier(milestone, names)),
    )


def _economies(content: Content) -> Iterable[tuple[Value, ...]]:
    for one in content.initiatives:
        economy = one.economy
        yield (
            one.initiative_id,
            one.title,
            one.responsible_center,
            economy.finance_text,
            economy.adopted_expenditure_mdkk,
            economy.adopted_saving_mdkk,
            economy.adopted_budget_dkk,
            economy.budget_changes_dkk,
            economy.corrected_budget_dkk,
            economy.spent_to_date_dkk,
            economy.spent_through_date,
            economy.forecast_dkk,
            economy.deviation_dkk,
            presentation.economy_of(economy).word,
            words.BASIS.get(economy.basis or "", ""),
            _word(economy.reported_status),
            economy.comment,
            "\n".join(presentation.economy_notes(economy)),
        )


def _measures(content: Content) -> Iterable[tuple[Value, ...]]:
    for one in content.initiatives:
        for measure in one.measures:
            for point in measure.points:
                yield (one.initiative_id, one.title, *_point(measure, point))


def _point(measure: Measure, point: MeasurePoint) -> tuple[Value, ...]:
    form = _SCALES.get(measure.value_scale)
    is_withheld = point.is_hidden and point.value is None
    return (
        measure.measure_id,
        presentation.part_title(measure),
        words.period(point.period),
        point.period_end_date,
        presentation.HIDDEN if is_withheld else _scaled(point.value, measure.value_scale, form),
        measure.unit,
        point.n,
        words.COMPARISONS.get(point.comparison or ""),
        _scaled(point.target, measure.value_scale, form),
        {True: "Ja", False: "Nej", None: None}[point.is_target_met],
        "Ja" if point.is_hidden else None,
        "Ja" if point.is_preliminary else None,
        measure.target_text,
        measure.definition,
        measure.source,
        measure.not_for,
    )


def _scaled(value: Decimal | None, scale: str, form: str | None) -> Value:
    if value is None or form is None:
        return None if value is None else words.measured(value, scale)
    return _Scaled(value, form)


def _sources(sheet: Worksheet, content: Content) -> None:
    rows = [
        (one.title, one.dataset, one.newest_day or "ingen data", "forældet" if one.is_stale else "ajour")
        for one in content.sources
    ]
    _one_table(sheet, "Kilder", _SOURCES, rows)
    page = presentation.page(content)
    place = _lines(sheet, len(rows) + 3, [("Sådan er tallene opgjort", _HEADING)])
    place = _facts(sheet, place, [(fact.label, fact.value) for fact in page.method])
    place = _lines(sheet, place + 1, [("Udgaven", _HEADING)])
    _facts(sheet, place, [(fact.label, fact.value) for fact in page.identity])


def _word(status: Smiley | None) -> str | None:
    return None if status is None else words.SMILEYS[status]


# ---- writing


def _put(sheet: Worksheet, place: int, column: int, value: Value, form: str | None = None) -> Cell:
    cell = sheet.cell(place, column)
    assert isinstance(cell, Cell), "no cells are merged"
    if isinstance(value, _Scaled):
        form, value = value.form, value.value
    if isinstance(value, str):
        cell.value = ILLEGAL_CHARACTERS_RE.sub("", value)
        cell.data_type = "s"  # a text that begins with "=" stays a text
    elif value is not None:
        cell.value = value
        cell.number_format = form or (_DATE if isinstance(value, dt.date) else "General")
    return cell


def _lines(sheet: Worksheet, place: int, lines: Iterable[tuple[str, Font | None]]) -> int:
    """Lines of text one under the other; the place after them."""
    for text, font in lines:
        cell = _put(sheet, place, 1, text)
        if font is not None:
            cell.font = font
        place += 1
    return place


def _facts(sheet: Worksheet, place: int, facts: Iterable[tuple[str, Value]]) -> int:
    """Labels with what they say beside them; the place after them."""
    for label, value in facts:
        _put(sheet, place, 1, label).font = _BOLD
        _put(sheet, place, 2, value).alignment = Alignment(horizontal="left")
        place += 1
    return place


def _table(
    sheet: Worksheet, place: int, name: str, columns: Sequence[Column], rows: Iterable[tuple[Value, ...]]
) -> int:
    """A table with its filters; the place after it. Excel wants a row in every table: without one it is a blank one."""
    for column, about in enumerate(columns, start=1):
        cell = _put(sheet, place, column, about.heading)
        cell.font, cell.alignment = _BOLD, Alignment(wrap_text=True, vertical="bottom")
    last = place
    for row in rows:
        last += 1
        for column, value in enumerate(row, start=1):
            cell = _put(sheet, last, column, value, columns[column - 1].form)
            cell.alignment = _TOP
            if isinstance(value, str) and value in _FILLS:
                cell.fill = PatternFill("solid", start_color=_FILLS[value])
        sheet.row_dimensions[last].height = _height(row, columns)
    last = max(last, place + 1)
    table = Table(displayName=name, ref=f"A{place}:{get_column_letter(len(columns))}{last}")
    table.tableStyleInfo = TableStyleInfo(name="TableStyleLight1", showRowStripes=False)
    sheet.add_table(table)
    return last + 1


def _height(row: Sequence[Value], columns: Sequence[Column]) -> float:
    """The height in points that a row's longest text needs: not every program works it out when it opens the file."""
    lines = [
        sum(math.ceil(max(len(line), 1) / (column.width - 1)) for line in value.splitlines() or [""])
        for value, column in zip(row, columns, strict=True)
        if isinstance(value, str)
    ]
    return min(_LINE_HEIGHT * max([1, *lines]) + 3, _HIGHEST_ROW)


def _one_table(sheet: Worksheet, name: str, columns: Sequence[Column], rows: Iterable[tuple[Value, ...]]) -> None:
    """A sheet that is a table: its head stays in view and is repeated on paper."""
    _table(sheet, 1, name, columns, rows)
    for column, about in enumerate(columns, start=1):
        sheet.column_dimensions[get_column_letter(column)].width = about.width
    sheet.freeze_panes = "C2" if len(columns) > len(_SOURCES) else "A2"
    sheet.print_title_rows = "1:1"


def _finish(sheet: Worksheet, content: Content) -> None:
    sheet.sheet_view.showGridLines = False
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", _A3
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    marks = [content.edition, *([words.SYNTHETIC] if content.is_synthetic else [])]
    footer = sheet.oddFooter
    assert footer is not None, "a sheet has a footer"
    assert footer.left is not None, "a footer has a left part"
    assert footer.right is not None, "a footer has a right part"
    footer.left.text, footer.right.text = " · ".join(marks), "side &P af &N"
