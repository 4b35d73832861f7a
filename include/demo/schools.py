"""Ballerup's folkeskoler and special schools: real institution numbers, names, districts and pupil numbers.

And one school that is made up, so that a merger can be played: its pupils go on at the school that takes it over.
Source: the institution register (instreg.stil.dk) and Uddannelsesstatistik; pupils are those of 30 September in each
school year. Figures belong to the hovedskole; a pupil is enrolled in a department (afdeling) where there are any.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Size = Literal["small", "city"]
"""`small`: two schools of a few hundred pupils, two years. `city`: all schools at their real size, three years."""


@dataclass(frozen=True)
class School:
    """A school: `units` are the numbers in which pupils are enrolled (departments, or itself), with their shares."""

    number: str
    name: str
    district: str | None
    units: Mapping[str, float]
    grades: range
    pupils: Mapping[int, int]
    """Pupils by the year in which the school year begins; none from the year on in which the school was merged."""
    successor: str | None = None
    """The number of the school into which it was merged."""


_ALL_GRADES = range(10)

CITY = (
    School("151003", "Hedegårdsskolen", "Hedegård", {"151003": 1.0}, _ALL_GRADES, {2023: 651, 2024: 660, 2025: 650}),
    School(
        "281843",
        "Baltorpskolen",
        "Baltorp",
        {"280562": 0.45, "281844": 0.55},
        _ALL_GRADES,
        {2023: 947, 2024: 986, 2025: 1085},
    ),
    School(
        "281854",
        "Skovvejens Skole",
        "Skovvejen",
        {"280563": 0.5, "281855": 0.5},
        _ALL_GRADES,
        {2023: 1032, 2024: 1014, 2025: 1014},
    ),
    School(
        "281856",
        "Skovlunde Skole",
        "Skovlunde",
        {"280564": 0.52, "281857": 0.48},
        _ALL_GRADES,
        {2023: 1301, 2024: 1340, 2025: 1382},
    ),
    School(
        "281858",
        "Måløvhøj Skole",
        "Måløvhøj",
        {"280565": 0.48, "281859": 0.52},
        _ALL_GRADES,
        {2023: 1082, 2024: 1045, 2025: 1044},
    ),
    School("151028", "Kasperskolen", None, {"151028": 1.0}, _ALL_GRADES, {2023: 139, 2024: 139, 2025: 164}),
    School("151030", "Ordblindeinstituttet", None, {"151030": 1.0}, range(3, 10), {2023: 83, 2024: 71, 2025: 61}),
    School("999101", "Søndermarken Skole", "Hedegård", {"999101": 1.0}, _ALL_GRADES, {2023: 58, 2024: 61}, "151003"),
)
"""The last one is made up: no real school has merged in these years."""

_SMALL_PUPILS = {"151003": {2024: 140, 2025: 152}, "281843": {2024: 214, 2025: 226}, "999101": {2024: 24}}

SMALL = tuple(
    dataclasses.replace(school, pupils=_SMALL_PUPILS[school.number])
    for school in CITY
    if school.number in _SMALL_PUPILS
)

ICEHEARTS_SCHOOLS = ("281843", "151003")
"""The schools at which Icehearts works."""


def schools_of(size: Size) -> tuple[School, ...]:
    """The schools of the synthetic municipality of a size."""
    return SMALL if size == "small" else CITY


def years_of(size: Size) -> tuple[int, ...]:
    """The years in which the school years of a size begin."""
    return tuple(schools_of(size)[0].pupils)


def main_school(schools: tuple[School, ...]) -> dict[str, str]:
    """The hovedskole of every number in which pupils are enrolled."""
    return {unit: school.number for school in schools for unit in school.units}
