"""The document's own type, so that it looks alike on every machine: two open families that packages bring along."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from fontTools import subset
from fontTools.ttLib import TTFont

NO_GLYPH = "\N{LOZENGE}"
"""What stands for a character that the type lacks, such as an emoji: PDF/UA allows none without a glyph."""
_FEATURES = ["ccmp", "kern", "liga", "locl", "mark", "pnum", "tnum"]


@dataclass(frozen=True)
class Typeface:
    """A font file: its family and weight, as CSS and Typst name them, and the package that it lies in."""

    family: str
    weight: int
    package: str
    file: str

    def read(self) -> bytes:
        """The whole file."""
        return files(self.package).joinpath("files", self.file).read_bytes()

    def cut_to(self, text: str) -> bytes:
        """The file with no more glyphs than a text needs: the same text is the same bytes."""
        font = TTFont(io.BytesIO(self.read()), recalcTimestamp=False)
        options = subset.Options(layout_features=_FEATURES, hinting=False, notdef_outline=True)
        cutter = subset.Subsetter(options)
        cutter.populate(text=text)
        cutter.subset(font)
        cut = io.BytesIO()
        font.save(cut)
        return cut.getvalue()


TYPEFACES = (
    Typeface("Source Sans Pro", 400, "font_source_sans_pro", "SourceSansPro-Regular.ttf"),
    Typeface("Source Sans Pro", 600, "font_source_sans_pro", "SourceSansPro-Semibold.ttf"),
    Typeface("Source Serif Pro", 600, "font_source_serif_pro", "SourceSerifPro-Semibold.ttf"),
)


@cache
def _glyphs() -> frozenset[int]:
    """The characters that all of the document's type has."""
    return frozenset.intersection(*(frozenset(TTFont(io.BytesIO(one.read())).getBestCmap()) for one in TYPEFACES))


def shown(told: Any) -> Any:
    """Texts (in lists, mappings) with only characters that the type has; invisible ones that it lacks are left out."""
    match told:
        case str():
            return "".join(_shown(character, _glyphs()) for character in unicodedata.normalize("NFC", told))
        case dict():
            return {name: shown(value) for name, value in told.items()}
        case list() | tuple():
            return [shown(value) for value in told]
    return told


def _shown(character: str, glyphs: Collection[int]) -> str:
    if ord(character) in glyphs or character == "\n":
        return character
    kind = unicodedata.category(character)
    if kind.startswith("Z") or character == "\t":
        return " "
    return "" if kind[0] in "CM" and kind != "Co" else NO_GLYPH
