"""The lines of a budget agreement that is delivered as PDF, as its text form would have them.

A PDF has no lines, only words with places. Words on one height are a line; a larger step down is a blank line. In the
initiatives' tables the columns "Tid" and "Smiley" stand to the right: what stands there belongs to the row, whatever
height it stands on, and comes after the row's text, as in the text form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pdfplumber

from include.errors import DeliveryRejected

_ROW = re.compile(r"Milepæl\b|Økonomi\b|Ansvarlig\w*\s|Væsentlige?\s|\d{1,2}\.\d{2}\.?\s|\d{1,2}\.\s+[A-ZÆØÅ]")
_FURNITURE = re.compile(r"-\s*\d{1,3}\s*-|.*\sUdmøntning af Aftale om budget 20\d\d|Sagsid:.*")
_STEP = 1.25
"""A step down of more than this times the usual line step is a blank line."""
_GAP = 0.8
"""Words further apart than this times their size stand in different columns."""


@dataclass(frozen=True)
class _Word:
    text: str
    left: float
    right: float
    bottom: float
    size: float


def lines(path: Path) -> tuple[list[str], list[int]]:
    """Read a PDF's lines, and for each the number of its page.

    Raises DeliveryRejected for a file that is no PDF or holds no text (a scanned one).
    """
    found: list[str] = []
    pages: list[int] = []
    reader = _Reader()
    try:
        with pdfplumber.open(path) as document:
            for page in document.pages:
                words = page.extract_words(keep_blank_chars=False, x_tolerance_ratio=0.15, extra_attrs=["size"])
                new = reader.page([_word(word) for word in words])
                found += new
                pages += [page.page_number] * len(new)
                page.close()
    except Exception as error:  # pdfminer raises what it meets, down to struct.error
        raise DeliveryRejected(
            "The file can't be read as a PDF.",
            remedy="Open the file; if it is damaged, save the document as PDF again.",
            file=path.name,
        ) from error
    found += reader.end()
    pages += [pages[-1] if pages else 1] * (len(found) - len(pages))
    if not any(line.strip() for line in found):
        raise DeliveryRejected(
            "The PDF holds no text; it may be scanned.",
            remedy="Save the document as PDF from the program that it was written in.",
            file=path.name,
        )
    return found, pages


def _word(word: Mapping[str, Any]) -> _Word:
    return _Word(
        str(word["text"]), float(word["x0"]), float(word["x1"]), float(word["bottom"]), float(word.get("size", 10.0))
    )


class _Reader:
    """Reads page after page; remembers where the column "Tid" stands, and what it says about the row that is open."""

    def __init__(self) -> None:
        self._column: float | None = None
        self._aside: list[str] = []

    def page(self, words: Iterable[_Word]) -> list[str]:
        """The lines of one page."""
        rows = _rows(words)
        step = _usual_step(rows)
        result: list[str] = []
        above: float | None = None
        for row in rows:
            text = " ".join(word.text for word in row)
            if _FURNITURE.fullmatch(text):
                # The page's head and foot reach over all columns.
                result += ["", text]
                above = None
                continue
            left, aside = self._split(row)
            if left:
                text = " ".join(word.text for word in left)
                if _ROW.match(text):
                    result += self.end()
                if above is not None and left[0].bottom - above > _STEP * step:
                    result.append("")
                result.append(text)
                above = left[0].bottom
            if aside:
                self._aside.append(" ".join(word.text for word in aside))
        return result

    def end(self) -> list[str]:
        """What the right-hand columns said about the row that ends here."""
        said, self._aside = " ".join(self._aside).strip(), []
        return ["", said] if said else []

    def _split(self, row: list[_Word]) -> tuple[list[_Word], list[_Word]]:
        """A line's words in the text column, and those in the columns to the right."""
        texts = [word.text for word in row]
        if texts[-2:] == ["Tid", "Smiley"]:
            self._column = row[-2].left
            return row[:-2], []
        if self._column is None:
            return row, []
        for index, word in enumerate(row):
            if word.left >= self._column - 1 and (index == 0 or word.left - row[index - 1].right > _GAP * word.size):
                return row[:index], row[index:]
        return row, []


def _rows(words: Iterable[_Word]) -> list[list[_Word]]:
    """Words on one height, from top to bottom, each from left to right."""
    rows: list[list[_Word]] = []
    for word in sorted(words, key=lambda word: word.bottom):
        if rows and abs(word.bottom - rows[-1][0].bottom) < 0.4 * word.size:
            rows[-1].append(word)
        else:
            rows.append([word])
    return [sorted(row, key=lambda word: word.left) for row in rows]


def _usual_step(rows: list[list[_Word]]) -> float:
    steps = sorted(below[0].bottom - above[0].bottom for above, below in pairwise(rows))
    # The lower quartile: most steps are from line to line, the larger ones are between rows.
    return steps[len(steps) // 4] if steps else 1.0
