"""The municipality's organisational units as its documents name them, and how a list of them is split.

Two kinds of names hold the words that also separate names: "Skoler, Institutioner og Kultur" holds a comma and an
"og". A list in running text can therefore only be split by names that are known; what isn't known ends at the next
separator.
"""

from __future__ import annotations

import re

_CENTERS_2017 = (
    "Skoler, Institutioner og Kultur",
    "Børne- og Ungerådgivning",
    "Social og Sundhed",
    "Ejendomme",
    "By, Erhverv og Miljø",
    "Arbejdsmarkedscenter Ballerup",
    "Politisk Sekretariat",
    "Digitaliseringssekretariatet",
)
_CENTERS_2025 = (
    "Økonomi",
    "Børne- og Ungerådgivning",
    "Kultur, Idræt og Fritid",
    "Dagtilbud, Skoler og Klubber",
)

KNOWN_UNITS = tuple(sorted({*_CENTERS_2017, *_CENTERS_2025}, key=lambda name: (-len(name), name)))
"""Centres of 2017 and 2025, longest first, without the "Center for " that some documents put before them."""

_KNOWN = r"(?:Center for )?(?:" + "|".join(re.escape(name) for name in KNOWN_UNITS) + r")(?![\w-])"
_SEPARATOR = re.compile(r"\s*,\s*(?:samt\s+|og\s+)?|\s+samt\s+|\s+og\s+(?=" + _KNOWN + ")", re.IGNORECASE)
_AFTER_KNOWN = re.compile(r"\s*,\s*(?:samt\s+|og\s+)?|\s+samt\s+|\s+og\s+", re.IGNORECASE)
_KNOWN_UNIT = re.compile(_KNOWN, re.IGNORECASE)


def split_units(text: str) -> list[str]:
    """Split a list of units such as "By, Erhverv og Miljø, Ejendomme samt Social og Sundhed" into their names.

    Known names stay whole; between them stand a comma, "samt" or "og". An unknown name reaches to the next comma,
    "samt", or "og" before a known name.
    """
    rest = text.strip().rstrip(".").strip()
    units: list[str] = []
    while rest:
        known = _KNOWN_UNIT.match(rest)
        separator = _AFTER_KNOWN.match(rest, known.end()) if known else None
        if known is None or (separator is None and known.end() < len(rest)):
            separator = _SEPARATOR.search(rest)
        end = separator.start() if separator else len(rest)
        if unit := rest[:end].strip():
            units.append(unit)
        rest = rest[separator.end() :].strip() if separator else ""
    return units


def is_known(text: str) -> bool:
    """Tell whether `text` is a complete list of known units."""
    units = split_units(text)
    return bool(units) and all(_KNOWN_UNIT.fullmatch(unit) for unit in units)


def starts_with_unit(text: str) -> bool:
    """Tell whether `text` begins with a known unit, or with the first line of one that a line break has cut."""
    first = text.strip().removeprefix("Center for ")
    return bool(_KNOWN_UNIT.match(text.strip())) or any(name.startswith(first) for name in KNOWN_UNITS)
