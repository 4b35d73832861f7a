"""The political document "Udmøntning af, og status på Aftale om budget <year>", as text or as PDF.

The document is a table for each initiative ("indsats"), laid out for people: a numbered title, "Kort beskrivelse af
indsatsen (drift)", the description, responsible centre, committee and contributors, often more text, one row "Milepæl"
for each of the year's four follow-ups, and a row "Økonomi". As text it has lost its table and kept its layout: page
furniture between any two lines, blank lines inside sentences, titles over three lines. The marks that hold the document
together are the field names and the follow-up labels; all else is read relative to them, and a block that lacks one of
them is a damaged document: it is rejected with file, line and remedy, never read in part.

A milestone, finance or elaboration without text is None. Which amounts count is told in `include.sources.amounts`, how
lines become text in `include.sources.running_text`. Where layout has moved text from one cell into the next (bullets
of a description after the contributors, at a page break) it stays where it stands: nothing in the text tells.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Literal, NoReturn

import duckdb
import pyarrow as pa

from include.errors import DeliveryRejected
from include.sources import agreement_pdf, text
from include.sources.amounts import SMALLEST, Kind, Mention, Reason, UnreadableAmount, counted, find_amounts
from include.sources.reading import Headers, Layout, Reading, table_from_rows
from include.sources.running_text import join_all, line_width, running_text, words_of
from include.sources.units import is_known, split_units, starts_with_unit

SCHEMA = pa.schema(
    [
        ("agreement_year", pa.int16()),
        ("initiative_id", pa.string()),
        ("title", pa.string()),
        ("section_title", pa.string()),
        ("initiative_type", pa.string()),
        ("description", pa.string()),
        ("elaboration", pa.string()),
        ("responsible_center", pa.string()),
        ("committee", pa.string()),
        ("contributors", pa.list_(pa.string())),
        (
            "milestones",
            pa.list_(
                pa.struct(
                    [("follow_up_code", pa.string()), ("follow_up_label", pa.string()), ("milestone_text", pa.string())]
                )
            ),
        ),
        ("finance_text", pa.string()),
        (
            "amounts",
            pa.list_(
                pa.struct(
                    [
                        ("budget_year", pa.int16()),
                        ("amount_kind", pa.string()),
                        ("amount_mdkk", pa.decimal128(12, 3)),
                        ("stated_in", pa.string()),
                    ]
                )
            ),
        ),
        ("case_number", pa.string()),
        ("document_date", pa.date32()),
    ]
)
"""The columns of the table `raw`, one row an initiative; amounts in million kroner."""

_MONTHS = [
    *("januar", "februar", "marts", "april", "maj", "juni", "juli"),
    *("august", "september", "oktober", "november", "december"),
]
_YEAR = re.compile(r"Aftale om budget (20\d\d)", re.IGNORECASE)
_PAGE_NUMBER = re.compile(r"-\s*\d{1,3}\s*-")
_RUNNING_HEAD = re.compile(r"\S.*(?:udvalg|udvalget|bestyrelsen)\s+Udmøntning af Aftale om budget (20\d\d)")
_CASE_LINE = re.compile(rf"Sagsid:\s*(\S+)\s+(\d{{1,2}})\.\s*({'|'.join(_MONTHS)})\s+(20\d\d)", re.IGNORECASE)
_SMILEYS = re.compile(r"[\uf04a-\uf04c\u2639\u263a\U0001f600-\U0001f64f]")
_NUMBERED = re.compile(r"(\d{1,2})\.(\d{2})\.?\s+(\S.*)")
_SECTION = re.compile(r"(\d{1,2})\.\s+([A-ZÆØÅ].*)")
_HEADER = re.compile(r"Kort beskrivelse af indsatsen\b", re.IGNORECASE)
_TYPE = re.compile(r"\(([^)]*)\)")
_PART = re.compile(r"(?:^|\s[-–]\s*)del\s+(\d+)\b", re.IGNORECASE)
_CENTER = re.compile(r"Ansvarlig\w*\s+cent(?:er|re):\s*", re.IGNORECASE)
_COMMITTEE = re.compile(r"Ansvarlig\w*\s+udvalg:\s*", re.IGNORECASE)
_CONTRIBUTORS = re.compile(r"Væsentlige?\s+bidragsydere?:\s*", re.IGNORECASE)
_MILESTONE = re.compile(r"Milepæl(?:\s+|$)")
_FINANCE = re.compile(r"Økonomi(?:\s+|$)")
_FIELD = re.compile(r"Ansvarlig\w*\s+(?:cent(?:er|re)|udvalg):|Væsentlige?\s+bidragsydere?:|Milepæl\b|Økonomi\b")
_LABEL = re.compile(
    r"(?:^|\s)(?:(?P<number>[1-3])\.\s*budgetopfølgning\s+(?P<year>20\d\d)|31\.12\.(?P<end>20\d\d))$", re.I
)
_TABLE_HEAD = re.compile(r"(?:Tid|Smiley|Tid Smiley)")
_IS_OPEN = re.compile(r"(?:,|-|\bsamt|\bog)$", re.IGNORECASE)
_GOES_ON = re.compile(r"(?:samt|og)\b", re.IGNORECASE)
_FOLLOW_UPS = ("BO1", "BO2", "BO3", "YE")
_TITLE_LINES = 6
_PAGE_BREAK = "\f"

StatedIn = Literal["finance", "description"]


@dataclass(frozen=True)
class Milestone:
    """What is to be reached by a follow-up; `follow_up_code` such as `BO1-2017` or `YE-2017`, text None if empty."""

    follow_up_code: str
    follow_up_label: str
    milestone_text: str | None


@dataclass(frozen=True)
class Amount:
    """A positive amount in million kroner for one budget year; one a year, kind and initiative."""

    budget_year: int
    amount_kind: Kind
    amount_mdkk: Decimal
    stated_in: StatedIn


@dataclass(frozen=True)
class AgreedInitiative:
    """One initiative as the document tells it. `line`: where its block starts, counted from 1."""

    line: int
    initiative_id: str
    title: str
    section_title: str | None
    initiative_type: str
    description: str
    elaboration: str | None
    responsible_center: str
    committee: str
    contributors: tuple[str, ...]
    milestones: tuple[Milestone, ...]
    finance_text: str | None
    amounts: tuple[Amount, ...]
    not_counted: tuple[tuple[StatedIn, Mention], ...] = ()
    """What looks like an amount and is none of this agreement for one year, with the reason."""
    outvoted: tuple[tuple[int, Kind], ...] = ()
    """Year and kind of what the description states otherwise than the finance line, which counts."""


@dataclass(frozen=True)
class Agreement:
    """A whole document."""

    year: int
    case_number: str
    document_date: dt.date
    initiatives: tuple[AgreedInitiative, ...]


@dataclass(frozen=True)
class _Line:
    number: int
    text: str


@dataclass
class _Row:
    """A milestone's lines, and its label where it has been found."""

    lines: list[str]
    code: str | None = None
    year: int = 0
    label: str = ""
    has_true_blanks: bool = True


@dataclass
class _Block:
    """An initiative cut into cells, each still lines."""

    line: int
    number: str
    title: list[str]
    initiative_type: str
    section_title: str | None
    description: list[str] = field(default_factory=list)
    center: str = ""
    committee: str = ""
    contributors: str = ""
    elaboration: list[str] = field(default_factory=list)
    rows: list[_Row] = field(default_factory=list)
    finance: list[str] = field(default_factory=list)
    finance_line: int = 0


@dataclass(frozen=True)
class _Furniture:
    year: int
    case_number: str
    date: dt.date


def read(path: Path, connection: duckdb.DuckDBPyConnection, headers: Headers, layout: Layout | None) -> Reading:
    """Read the document into the table `raw`, one row an initiative with the columns of `SCHEMA`.

    `headers` is what the contract expects and must be those columns; `layout` means nothing here. The period is the
    agreement's year, the date that of the page head. `lines` give the line where an initiative's block starts, of a PDF
    its page. Raises DeliveryRejected for a document that is damaged, cut short, or another one.
    """
    if set(headers) != set(SCHEMA.names):
        raise ValueError(f"budget_agreement reads {SCHEMA.names}, not {list(headers)}")
    pages: list[int] | None = None
    if path.suffix.lower() == ".pdf":
        lines, pages = agreement_pdf.lines(path)
    else:
        lines = text.decode(path).split("\n")
    try:
        agreement = parse_agreement(lines, path.name)
    except DeliveryRejected as rejected:
        if pages is None or rejected.line is None:
            raise
        raise DeliveryRejected(
            f"On page {pages[rejected.line - 1]}: {rejected.reason}", remedy=rejected.remedy, file=path.name
        ) from rejected
    starts = {row: initiative.line for row, initiative in enumerate(agreement.initiatives, start=1)}
    places = {row: pages[line - 1] for row, line in starts.items()} if pages else starts
    rows_in = table_from_rows(connection, [_record(agreement, found) for found in agreement.initiatives], SCHEMA)
    return Reading(
        rows_in=rows_in,
        notes=_notes(agreement),
        lines=lambda rows: {row: places[row] for row in rows},
        period_label=str(agreement.year),
        as_of=agreement.document_date,
    )


def parse_agreement(lines: Sequence[str], file: str) -> Agreement:
    """Parse the document's lines, as they stand (blank lines and page furniture included). `file` is for messages.

    Raises DeliveryRejected where year, date or initiatives are missing, and where an initiative lacks a field, one of
    the four follow-ups in their order, its finance line, or has an amount that can't be read.
    """
    prepared = [_Line(number, _clean(line)) for number, line in enumerate(lines, start=1)]
    furniture = _furniture(prepared, file)
    content = _without_furniture(lines, prepared)
    bounds = _block_bounds(content, file)
    for line in content[: bounds[0][0]]:
        if _CENTER.match(line.text):
            _damaged("The first initiative's table has no beginning.", file, line.number)
    title = join_all([line.text for line in content[: bounds[0][0]] if line.text.strip()])
    if (named := _YEAR.search(title)) is None:
        raise DeliveryRejected(
            "The document's title with the year of the agreement is missing.",
            remedy='Deliver the whole document, from its title "Udmøntning af, og status på Aftale om budget ..." on.',
            file=file,
            line=1,
        )
    year = int(named[1])
    if year != furniture.year:
        raise DeliveryRejected(
            "Title and page head name different years of the agreement.",
            remedy="Deliver one document alone, with the same year in its title and on every page.",
            file=file,
            line=1,
        )
    blocks = _cut(content, bounds, file)
    words = words_of(line.text for line in content)
    description_width = _width(line for block in blocks for line in block.description)
    text_width = _width(
        line
        for block in blocks
        for cell in (block.elaboration, *(row.lines for row in block.rows), block.finance)
        for line in cell
    )
    _check_end(blocks[-1], lines, file)
    return Agreement(
        year,
        furniture.case_number,
        furniture.date,
        tuple(
            _initiative(block, year, file, words=words, description_width=description_width, text_width=text_width)
            for block in blocks
        ),
    )


def _clean(line: str) -> str:
    """One line without glyphs of smileys, with plain blanks, hyphens and bullets, stripped."""
    line = _SMILEYS.sub("", line).replace("\uf0b7", "•").replace("\u2010", "-").replace("\u2011", "-")
    line = " ".join(line.split())
    return line[:-1].replace("\u00ad", "") + line[-1:]


def _is_furniture(line: str) -> bool:
    return any(form.fullmatch(line) for form in (_PAGE_NUMBER, _RUNNING_HEAD, _CASE_LINE))


def _furniture(lines: Sequence[_Line], file: str) -> _Furniture:
    """Year, case number and date from the heads of the pages, which must all say the same."""
    found: dict[tuple[str, str, str, str], int] = {}
    years: dict[int, int] = {}
    for line in lines:
        if case := _CASE_LINE.fullmatch(line.text):
            found.setdefault((case[1], case[2], case[3].lower(), case[4]), line.number)
        elif head := _RUNNING_HEAD.fullmatch(line.text):
            years.setdefault(int(head[1]), line.number)
    if not found or not years:
        raise DeliveryRejected(
            "No page head with committee, agreement year, case number and date was found.",
            remedy='Deliver the document with its page heads ("Udmøntning af Aftale om budget ..." and "Sagsid: ...").',
            file=file,
            line=1,
        )
    if len(found) > 1 or len(years) > 1:
        raise DeliveryRejected(
            "The page heads name different years, cases or dates.",
            remedy="Deliver one version of the document alone.",
            file=file,
            line=[*found.values(), *years.values()][-1] if len(years) > 1 else list(found.values())[1],
        )
    ((case_number, day, month, year),) = found
    try:
        date = dt.date(int(year), _MONTHS.index(month) + 1, int(day))
    except ValueError:
        raise DeliveryRejected(
            "The date in the page head does not exist.",
            remedy="Correct the document's date.",
            file=file,
            line=next(iter(found.values())),
        ) from None
    return _Furniture(next(iter(years)), case_number, date)


def _without_furniture(raw: Sequence[str], lines: Sequence[_Line]) -> list[_Line]:
    """The lines between the furniture; a page break, with the blank lines around it, becomes one line of its own.

    Where a page break has left no furniture, it has left one blank before the next page's first line.
    """
    content: list[_Line] = []
    for line in lines:
        if _is_furniture(line.text):
            while content and not content[-1].text.strip():
                content.pop()
            content.append(_Line(line.number, _PAGE_BREAK))
        elif line.text:
            if raw[line.number - 1].startswith((" ", _PAGE_BREAK)):
                content.append(_Line(line.number, _PAGE_BREAK))
            content.append(line)
        elif not content or content[-1].text != _PAGE_BREAK:
            content.append(line)
    return content


def _block_bounds(content: Sequence[_Line], file: str) -> list[tuple[int, int]]:
    """Where blocks begin: index of the title's first line and of the line with "Kort beskrivelse af indsatsen".

    A number alone starts no block ("7.03. ..." may begin a line of a description): the header must follow.
    """
    bounds: list[tuple[int, int]] = []
    start: int | None = None
    lines_since = 0
    for index, line in enumerate(content):
        if not line.text.strip():
            continue
        lines_since += 1
        header = _HEADER.search(line.text)
        if _NUMBERED.fullmatch(line.text):
            start, lines_since = index, 1
        elif _FIELD.match(line.text):
            start = None
        if header and (start is not None or "(" in line.text[header.end() :]):
            if start is None or lines_since > _TITLE_LINES:
                _damaged("An initiative's table begins without number and title.", file, line.number)
            bounds.append((start, index))
            start = None
    if not bounds:
        raise DeliveryRejected(
            "The document holds no initiative.",
            remedy='Deliver the whole document, with its tables "Kort beskrivelse af indsatsen".',
            file=file,
            line=content[-1].number if content else 1,
        )
    return bounds


def _cut(content: Sequence[_Line], bounds: Sequence[tuple[int, int]], file: str) -> list[_Block]:
    """Cut the document into blocks, and the blocks into cells."""
    blocks: list[_Block] = []
    sections: dict[str, str] = {}
    ends = []
    for start, _ in bounds:
        number = content[start].text.partition(".")[0]
        section = _section_before(content, start, number)
        if section is not None:
            sections[number] = join_all([line.text for line in content[section:start] if line.text.strip()])
        ends.append(start if section is None else section)
    for (start, header), end in zip(bounds, [*ends[1:], len(content)], strict=True):
        number = content[start].text.partition(".")[0]
        heading = _SECTION.fullmatch(sections[number]) if number in sections else None
        blocks.append(_cut_block(content[start:end], header - start, heading[2] if heading else None, file))
    return blocks


def _section_before(content: Sequence[_Line], start: int, number: str) -> int | None:
    """Index of a section's heading ("3. Sammenhængende ...") of at most three lines before a block, if one is there."""
    seen = 0
    for index in range(start - 1, -1, -1):
        line = content[index].text
        if not line.strip():
            continue
        seen += 1
        heading = _SECTION.fullmatch(line)
        if heading and heading[1] == number:
            return index
        if seen > 2 or _FIELD.match(line) or _LABEL.search(line):  # noqa: PLR2004
            return None
    return None


def _cut_block(lines: Sequence[_Line], header: int, section_title: str | None, file: str) -> _Block:
    first = lines[0]
    numbered = _NUMBERED.fullmatch(first.text)
    assert numbered, "a block starts with a numbered line"
    # The header may stand behind the title on its line, and its type may be broken over two lines.
    head = lines[header].text
    begins = _HEADER.search(head)
    assert begins, "a block has a header"
    body = header + 1
    if ")" not in head[begins.end() :] and body < len(lines):
        head = join_all([head, lines[body].text])
        body += 1
    kind = _TYPE.match(head[begins.end() :].strip())
    if kind is None:
        _damaged("An initiative's table does not say whether it is drift or anlæg.", file, lines[header].number)
    title = [line.text for line in lines[:header]] + [head[: begins.start()].strip()]
    title = [line for line in title if line.strip()]
    title[0] = title[0].removeprefix(first.text[: numbered.start(3)])
    block = _Block(first.number, f"{numbered[1]}.{numbered[2]}", title, kind[1].strip().lower(), section_title)
    rest = _fields(block, lines[body:], file)
    _rows(block, rest, file)
    return block


def _fields(block: _Block, lines: Sequence[_Line], file: str) -> Sequence[_Line]:
    """Fill description, centre, committee and contributors; returns the lines after them."""
    places: list[int] = []
    for form, name in (
        (_CENTER, "Ansvarligt center"),
        (_COMMITTEE, "Ansvarligt udvalg"),
        (_CONTRIBUTORS, "bidragsyder"),
    ):
        after = places[-1] + 1 if places else 0
        place = next((index for index in range(after, len(lines)) if form.match(lines[index].text)), None)
        if place is None or any(_MILESTONE.match(line.text) for line in lines[after:place]):
            _damaged(f'Initiative {block.number} has no field "{name}".', file, block.line)
        places.append(place)
    center, committee, contributors = places
    block.description = [line.text for line in lines[:center]]
    while block.description and (not block.description[0].strip() or _TABLE_HEAD.fullmatch(block.description[0])):
        block.description.pop(0)
    block.center = _value(_CENTER, lines[center:committee])
    block.committee = _value(_COMMITTEE, lines[committee:contributors])
    for value, name, place in (
        (block.center, "Ansvarligt center", center),
        (block.committee, "Ansvarligt udvalg", committee),
    ):
        if not value:
            _damaged(f'Initiative {block.number} has nothing in its field "{name}".', file, lines[place].number)
    block.contributors, used = _contributors(lines[contributors:])
    return lines[contributors + used :]


def _value(form: re.Pattern[str], lines: Sequence[_Line]) -> str:
    found = [form.sub("", lines[0].text, count=1), *(line.text for line in lines[1:])]
    return join_all([line for line in found if line.strip()])


def _contributors(lines: Sequence[_Line]) -> tuple[str, int]:
    """The contributors' line, which may go on over several, and how many lines it takes.

    It ends at a blank line or page break, unless the list is open ("..., samt"); without one, at a complete list of
    known units.
    """
    found = _CONTRIBUTORS.sub("", lines[0].text, count=1).strip()
    used, has_gap = 1, False
    for index, line in enumerate(lines[1:], start=1):
        if not line.text.strip():
            has_gap = True
            continue
        if _MILESTONE.match(line.text):
            break
        is_open = bool(found) and bool(_IS_OPEN.search(found) or _GOES_ON.match(line.text))
        if has_gap:
            goes_on = is_open
        elif found:
            goes_on = is_open or not is_known(found)
        else:
            goes_on = starts_with_unit(line.text)
        if not goes_on:
            break
        found = join_all([found, line.text])
        used, has_gap = index + 1, False
    return found, used


def _rows(block: _Block, lines: Sequence[_Line], file: str) -> None:
    """Fill elaboration, milestones and finance.

    A row ends with its label, so "Milepæl" or "Økonomi" at the start of a line begins a row only after a label.
    """
    current: list[str] = block.elaboration
    for line in lines:
        if any(form.match(line.text) for form in (_CENTER, _COMMITTEE, _CONTRIBUTORS)) or (
            block.finance_line and (_MILESTONE.match(line.text) or _NUMBERED.fullmatch(line.text))
        ):
            _damaged(f"After initiative {block.number} comes a table that has no beginning.", file, line.number)
        is_complete = not block.rows or _has_label(block.rows[-1])
        if not block.finance_line and is_complete and _MILESTONE.match(line.text):
            current = [_MILESTONE.sub("", line.text, count=1)]
            block.rows.append(_Row(current))
        elif not block.finance_line and block.rows and is_complete and _FINANCE.match(line.text):
            current = block.finance = [_FINANCE.sub("", line.text, count=1)]
            block.finance_line = line.number
        else:
            current.append(line.text)
    if not block.finance_line:
        raise DeliveryRejected(
            f"Initiative {block.number} has no finance line: the document may be cut short.",
            remedy='Deliver the whole document; every initiative ends with a row "Økonomi", empty or not.',
            file=file,
            line=lines[-1].number if lines else block.line,
        )
    for row in block.rows:
        _take_label(row)
    codes = [row.code for row in block.rows]
    if codes != list(_FOLLOW_UPS) or len({row.year for row in block.rows}) != 1:
        raise DeliveryRejected(
            f"Initiative {block.number} does not have exactly the four follow-ups of one year, in their order.",
            remedy='Give every initiative four rows "Milepæl": 1., 2. and 3. budgetopfølgning, 31.12., same year.',
            file=file,
            line=block.line,
        )


def _has_label(row: _Row) -> bool:
    return any(_LABEL.search(line) for line in row.lines)


def _take_label(row: _Row) -> None:
    """Take the label out of a row's lines: the last one alone on its line, else the last one at a line's end."""
    places = [
        (bool(match.start() == 0), index) for index, line in enumerate(row.lines) if (match := _LABEL.search(line))
    ]
    if not places:
        return
    index = max(places)[1]
    match = _LABEL.search(row.lines[index])
    assert match
    row.code = f"BO{match['number']}" if match["number"] else "YE"
    row.year = int(match["year"] or match["end"])
    row.label = match.group().strip()
    row.lines[index] = row.lines[index][: match.start()].strip()
    # A label directly under the text is set low in its cell, and the text form has cut the text where it stands.
    row.has_true_blanks = index == 0 or not row.lines[index - 1].strip() or bool(row.lines[index])


def _width(lines: Iterable[str]) -> float:
    return max((line_width(line) for line in lines if line.strip()), default=0.0)


def _check_end(last: _Block, lines: Sequence[str], file: str) -> None:
    """A finance line is whole sentences; a document that ends in the middle of one has been cut short."""
    end = next((line for line in reversed(last.finance) if line.strip()), "")
    if end and end[-1] not in ".!?)":
        raise DeliveryRejected(
            "The document ends in the middle of a sentence: it may be cut short.",
            remedy="Deliver the whole document; the last finance line ends with a full stop.",
            file=file,
            line=max(number for number, line in enumerate(lines, start=1) if line.strip()),
        )


def _initiative(
    block: _Block, year: int, file: str, *, words: frozenset[str], description_width: float, text_width: float
) -> AgreedInitiative:
    title = join_all(block.title, words)
    part = _PART.search(title)
    description = _text(block.description, description_width, words)
    if not description:
        _damaged(f"Initiative {block.number} has no description.", file, block.line)
    elaboration = _text(block.elaboration, text_width, words)
    finance = _text(block.finance, text_width, words)
    try:
        in_finance = find_amounts(finance or "", year, is_finance=True)
    except UnreadableAmount:
        _unreadable(block.number, "finance line", file, block.finance_line)
    try:
        in_description = [
            found for cell in (description, elaboration) for found in find_amounts(cell or "", year, is_finance=False)
        ]
    except UnreadableAmount:
        _unreadable(block.number, "description", file, block.line)
    return AgreedInitiative(
        line=block.line,
        initiative_id=block.number + (f"-{part[1]}" if part else ""),
        title=title,
        section_title=block.section_title,
        initiative_type=block.initiative_type,
        description=description,
        elaboration=elaboration,
        responsible_center=block.center,
        committee=block.committee,
        contributors=tuple(split_units(block.contributors)),
        milestones=tuple(
            Milestone(f"{row.code}-{row.year}", row.label, _text(row.lines, text_width, words, row.has_true_blanks))
            for row in block.rows
        ),
        finance_text=finance,
        amounts=_amounts(in_finance, in_description),
        not_counted=(
            *(("finance", found) for found in in_finance if found.reason),
            *(("description", found) for found in in_description if found.reason),
        ),
        outvoted=_outvoted(in_finance, in_description),
    )


def _text(lines: Sequence[str], width: float, words: frozenset[str], has_true_blanks: bool = True) -> str | None:
    kept = [line for line in lines if line != _PAGE_BREAK]
    return running_text(kept, width, words, has_true_blanks=has_true_blanks) or None


def _amounts(in_finance: Sequence[Mention], in_description: Sequence[Mention]) -> tuple[Amount, ...]:
    """One amount a year and kind; what both state counts once, as finance. Rounded to `SMALLEST`, 1,000 kroner."""
    found: list[Amount] = []
    taken: set[tuple[int, Kind]] = set()
    sources: tuple[tuple[StatedIn, Sequence[Mention]], ...] = (
        ("finance", in_finance),
        ("description", in_description),
    )
    for source, mentions in sources:
        sums = _sums(mentions, source)
        found += [Amount(*place, total, source) for place, total in sorted(sums.items()) if place not in taken]
        taken |= sums.keys()
    return tuple(found)


def _sums(mentions: Sequence[Mention], source: StatedIn) -> Mapping[tuple[int, Kind], Decimal]:
    return {
        place: total.quantize(SMALLEST) for place, total in counted(mentions, is_finance=source == "finance").items()
    }


def _outvoted(in_finance: Sequence[Mention], in_description: Sequence[Mention]) -> tuple[tuple[int, Kind], ...]:
    stated, other = _sums(in_finance, "finance"), _sums(in_description, "description")
    return tuple(place for place in sorted(stated) if other.get(place, stated[place]) != stated[place])


def _record(agreement: Agreement, initiative: AgreedInitiative) -> dict[str, object]:
    record: dict[str, object] = {name: getattr(initiative, name) for name in SCHEMA.names if hasattr(initiative, name)}
    return record | {
        "agreement_year": agreement.year,
        "case_number": agreement.case_number,
        "document_date": agreement.document_date,
        "contributors": list(initiative.contributors),
        "milestones": [vars(milestone) for milestone in initiative.milestones],
        "amounts": [vars(amount) for amount in initiative.amounts],
    }


_WHY: Mapping[Reason, str] = {
    "history": "it belongs to a year before the agreement",
    "transfer": "it is moved between years and part of a sum that is stated",
    "several_years": "it is a sum over several years, no single year's",
    "part": "it is part of another amount",
    "part_of_total": "the total of its year is stated too, and that counts",
    "unit_price": "it is a price for each",
    "no_new_money": "it is an overspend or underspend, or is paid within the frame that is there",
    "change": "it is the old or new size of something",
    "too_small": "it is less than 1,000 kroner",
    "no_year": "its budget year is not told",
}


def _notes(agreement: Agreement) -> list[str]:
    """What a person should know of how the amounts were read: by initiative, without text or value.

    Each amount of a finance line that doesn't count, with its reason, and each year for which the description states
    something else than the finance line.
    """
    notes: list[str] = []
    for initiative in agreement.initiatives:
        reasons = Counter(found.reason for place, found in initiative.not_counted if place == "finance")
        notes += [
            f"Initiative {initiative.initiative_id}: {count} {'amount' if count == 1 else 'amounts'} of the finance "
            f"line not counted: {_WHY[reason]}."
            for reason, count in reasons.items()
            if reason
        ]
        notes += [
            f"Initiative {initiative.initiative_id}: the description states another {kind} for {year} than the finance "
            "line; the finance line counts."
            for year, kind in initiative.outvoted
        ]
    return notes


def _damaged(reason: str, file: str, line: int) -> NoReturn:
    raise DeliveryRejected(
        reason,
        remedy="Compare the place with the original document and deliver the document as it was adopted.",
        file=file,
        line=line,
    )


def _unreadable(number: str, place: str, file: str, line: int) -> NoReturn:
    raise DeliveryRejected(
        f"Initiative {number} has an amount in its {place} whose number can't be read.",
        remedy='Write amounts as "1,7 mio. kr.": a decimal comma, points only between thousands.',
        file=file,
        line=line,
        column="amounts",
    )
