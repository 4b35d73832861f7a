"""Lays a synthetic budget agreement out: as the text that is left of a document with tables, or as a PDF of it."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import typst

_TEMPLATE = Path(__file__).with_name("agreement.typ")
_MONTHS = [
    *("januar", "februar", "marts", "april", "maj", "juni", "juli"),
    *("august", "september", "oktober", "november", "december"),
]
_LINES_A_PAGE = 46
_DESCRIPTION_WIDTH = 27_500
_TEXT_WIDTH = 30_000
_GLYPHS = "\uf04a\uf04b\uf04c"
# Advance widths of Verdana in thousandths of its size, which many municipal documents are set in.
_ADVANCES = {
    274: "ijl",
    352: "f /",
    364: ".,",
    394: "t",
    427: "r",
    454: "-():;",
    521: "csz",
    557: "L",
    593: "aevkxyåFJI",
    623: "bdghnpquoø0123456789ETPSZ",
    695: "ABCKRVXY§",
    780: "DGHNOQUÅØ",
    818: "wM",
    973: "mæWÆ",
}
_ADVANCE = {character: width for width, characters in _ADVANCES.items() for character in characters}
_SYLLABLES = re.compile(r"(?<=[aeiouyæøå])(?=[bdfghklmnprstv][aeiouyæøå])")
_PLAIN_WORD = re.compile(r"[a-zæøå]{7,}[.,:]?")
_SENTENCE_END = re.compile(r"[.!?:]$")
_LEAST_PART = 3


@dataclass(frozen=True)
class LaidOutInitiative:
    """The cells of an initiative's table; texts are paragraphs or bullets. `section`: heading with its number."""

    number: str
    title: str
    section: str
    initiative_type: str
    center: str
    committee: str
    contributors: str
    description: tuple[str, ...]
    elaboration: tuple[str, ...]
    milestones: tuple[tuple[str, tuple[str, ...]], ...]
    finance: tuple[str, ...]


def danish_date(date: dt.date) -> str:
    """A date as documents write it, such as 9. februar 2017."""
    return f"{date.day}. {_MONTHS[date.month - 1]} {date.year}"


@dataclass(frozen=True)
class Head:
    """What stands on every page, and the paragraphs before the first initiative."""

    year: int
    date: dt.date
    case_number: str
    committee: str
    guide: tuple[str, ...]


def write_pdf(path: Path, head: Head, initiatives: Sequence[LaidOutInitiative]) -> None:
    """Write the document as a PDF whose tables have the columns text, Tid and Smiley."""
    content = asdict(head) | {
        "date": danish_date(head.date),
        "initiatives": [asdict(initiative) for initiative in initiatives],
    }
    inputs = {"agreement": json.dumps(content, ensure_ascii=False).replace("\\u000b", "")}
    typst.compile(str(_TEMPLATE), output=str(path), format="pdf", sys_inputs=inputs, ignore_system_fonts=True)


def write_text(
    path: Path,
    head: Head,
    initiatives: Sequence[LaidOutInitiative],
    rng: np.random.Generator,
    *,
    has_glyphs: bool = False,
) -> None:
    """Write the document as UTF-8 text, the way a program leaves it that takes the text out of its pages."""
    furniture = [
        f"{head.committee}  Udmøntning af Aftale om budget {head.year} ",
        *(" ", "", " "),
        f"Sagsid: {head.case_number}  {danish_date(head.date)} ",
    ]
    page = _Pages(furniture, rng)
    page.add("", "Udmøntning af, og status på ", f"Aftale om budget {head.year} ", "", "Læsevejledning ")
    for paragraph in head.guide:
        page.add(*(f"{line} " for line in _wrap(paragraph, 46_000, rng)), "")
    section = ""
    for initiative in initiatives:
        if initiative.section != section:
            section = initiative.section
            page.break_page()
            page.add(f"{section} ", "")
        _write_initiative(page, initiative, rng, has_glyphs)
    path.write_text("\n".join(page.lines), encoding="utf-8", newline="\n")


class _Pages:
    """Lines of the text form, with what a page break leaves between them: furniture, or one blank."""

    def __init__(self, head: list[str], rng: np.random.Generator) -> None:
        self.lines: list[str] = []
        self._head = head
        self._rng = rng
        self._on_page = 0
        self._pages = 1
        self._breaks = False

    def add(self, *lines: str) -> None:
        """Add lines that stay together on a page."""
        for line in lines:
            self.lines.append(f" {line}" if self._breaks and line.strip() else line)
            self._breaks = self._breaks and not line.strip()
            self._on_page += 1

    def flow(self, *lines: str) -> None:
        """Add lines between which a page may end: not beside a blank line, which would be lost."""
        for line in lines:
            if self._on_page >= _LINES_A_PAGE and line.strip() and self.lines[-1].strip():
                self.break_page()
            self.add(line)

    def row(self, *lines: str) -> None:
        """Add a row of the table, which may begin a new page."""
        if self._on_page >= _LINES_A_PAGE:
            self.break_page()
        self.flow(*lines)

    def break_page(self) -> None:
        """End the page; the second one, and some later ones, keep their furniture."""
        self._pages += 1
        self._on_page = 0
        if self._pages == 2 or self._rng.random() < 0.4:  # noqa: PLR2004
            self.lines += ["", f"- {self._pages} -", "", "", "", *self._head, ""]
        else:
            self._breaks = True


def _write_initiative(page: _Pages, initiative: LaidOutInitiative, rng: np.random.Generator, has_glyphs: bool) -> None:
    header = f"Kort beskrivelse af indsatsen ({initiative.initiative_type}) Tid Smiley "
    title = _wrap(f"{initiative.number}. {initiative.title}", 25_000, rng, divides=False)
    if len(title) == 1:
        page.row(f"{title[0]} {header}")
    else:
        page.row(f"{title[0]} ")
        page.add(*(f"{line} " for line in title[1:]), "", header)
    page.add("")
    page.flow(*_paragraphs(initiative.description, _DESCRIPTION_WIDTH, rng), "")
    contributors = _wrap(f"Væsentlig bidragsyder: {initiative.contributors}", _TEXT_WIDTH, rng, divides=False)
    page.add(
        f"Ansvarligt center: {initiative.center} ",
        f"Ansvarligt udvalg: {initiative.committee} ",
        *(f"{line} " for line in contributors),
        "",
    )
    if initiative.elaboration:
        page.flow(*_paragraphs(initiative.elaboration, _TEXT_WIDTH, rng))
    if rng.random() < 0.7:  # noqa: PLR2004
        page.add("", "  ", "")
    for label, texts in initiative.milestones:
        glyph = f"{_GLYPHS[int(rng.integers(3))]} " if has_glyphs else " "
        page.row(*_milestone(texts, f"{label} {glyph}", rng))
    _write_finance(page, initiative.finance, rng)


def _write_finance(page: _Pages, texts: Sequence[str], rng: np.random.Generator) -> None:
    lines = _paragraphs(texts, _TEXT_WIDTH, rng, blank_between=True) or [""]
    if len(texts) == 1 and len(lines) > 1:
        # The row's edge has come between the lines.
        lines[1:1] = [""]
    page.row(f"Økonomi {lines[0]}  ")
    page.flow(*lines[1:])
    if len(lines) > 1:
        page.add("", "  ", "")


def _milestone(texts: Sequence[str], label: str, rng: np.random.Generator) -> list[str]:
    """A milestone's row: its label on the text's line, below a blank line, or right under a text it has cut."""
    lines = _paragraphs(texts, _TEXT_WIDTH, rng, blank_between=True)
    if not lines:
        return [f"Milepæl  {label}"]
    if len(lines) == 1:
        return [f"Milepæl {lines[0]}{label}"]
    if len(texts) == 1 and rng.random() < 0.4:  # noqa: PLR2004
        return [f"Milepæl {lines[0]}", "", *lines[1:], label, ""]
    return [f"Milepæl {lines[0]}", *lines[1:], "", label, ""]


def _paragraphs(
    texts: Sequence[str], width: int, rng: np.random.Generator, *, blank_between: bool = False
) -> list[str]:
    """Lines of paragraphs; between two a blank line where it is asked for, or where nothing else tells them apart."""
    lines: list[str] = []
    for text in texts:
        wrapped = _wrap(text, width, rng)
        is_list = bool(re.match(r"•", text))
        if lines and not is_list and (blank_between or _measure(f"{lines[-1]}{wrapped[0].split()[0]}") > 0.8 * width):
            lines.append("")
        lines += [f"{line} " for line in wrapped]
    return lines


def _measure(text: str) -> int:
    return sum(_ADVANCE.get(character, 636) for character in text)


def _wrap(text: str, width: int, rng: np.random.Generator, *, divides: bool = True) -> list[str]:
    """Break a paragraph into lines of at most `width` thousandths; words may be divided, and hyphens end lines.

    A line that ends with a sentence is hard to tell from a paragraph's end if the next word has nearly had room: it
    gives its last word to the next line.
    """
    lines: list[str] = []
    line = ""
    words = text.split(" ")
    while words:
        word = words.pop(0)
        is_forced = word.startswith("\v")
        whole = f"{line} {word}" if line else word
        if not is_forced and _measure(whole) <= width:
            line = whole
            continue
        begun, rest = _divide(line, word, width, rng) if divides and not is_forced else ("", word)
        if begun:
            lines.append(f"{line} {begun}")
            words.insert(0, rest)
        elif _SENTENCE_END.search(line) and word[0].isupper() and " " in line:
            line, _, last = line.rpartition(" ")
            lines.append(line)
            words[:0] = [last, word]
        else:
            lines.append(line)
            words.insert(0, word.lstrip("\v"))
        line = ""
    return [*lines, line]


def _divide(line: str, word: str, width: int, rng: np.random.Generator) -> tuple[str, str]:
    """Cut a word that has no room: after a hyphen of its own, or between syllables with a hyphen put there."""
    room = width - _measure(f"{line} ")
    own = [match.end() for match in re.finditer(r"(?<=\w)-(?=\w)", word) if _measure(word[: match.end()]) <= room]
    if own and line:
        return word[: own[-1]], word[own[-1] :]
    if not line or not _PLAIN_WORD.fullmatch(word) or rng.random() < 0.5:  # noqa: PLR2004
        return "", word
    places = [
        match.start()
        for match in _SYLLABLES.finditer(word)
        if match.start() >= _LEAST_PART
        and len(word) - match.start() >= _LEAST_PART
        and _measure(f"{word[: match.start()]}-") <= room
    ]
    return (f"{word[: places[-1]]}-", word[places[-1] :]) if places else ("", word)
