"""The synthetic children of 0 to 17 years with their parents: pupils of the schools, and those who are younger.

Who is a pupil is one person in all datasets, with the same CPR number and name. No adult and no child has a number
that could be real (`people.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from include.demo.deliveries import AS_OF, Days, Ints, Mask, day
from include.demo.people import cpr_numbers, full_names
from include.demo.schools import Size
from include.demo.town import Town

DISTRICTS: Mapping[str, str] = {
    "Baltorp": "BAL",
    "Skovlunde": "SKL",
    "Skovvejen": "SKV",
    "Måløvhøj": "MAA",
    "Hedegård": "HED",
}
"""The codes of the districts (seed `district`) by the name that the school administration writes."""

_BIRTHS_A_YEAR: Mapping[Size, int] = {"small": 38, "city": 560}
_FIRST_YEAR = 2020
"""Who was born before is a pupil."""

_MOVING_IN = 0.08
_MOVING_OUT = 0.05
_WITHOUT_FATHER = 0.03
_YOUNGEST_MOTHER, _OLDEST_MOTHER = 20, 41
_REPLACED = 3
_LEAP_DAY = "2024-02-29"


@dataclass(frozen=True)
class Population:
    """One entry a child. `pupil` is the place in `Town.cpr`, -1 for a child who is none.

    `previous_cpr` is empty but for the few whose number was replaced, on the day `replaced_on` (else NaT): until then
    the sources know the child by it. `moved_out` is NaT while the child lives here. `district` is a code of the seed
    `district`. `father_cpr` and `father_names` may be empty.
    """

    cpr: list[str]
    previous_cpr: list[str]
    replaced_on: Days
    names: list[str]
    is_male: Mask
    born: Days
    district: list[str]
    moved_in: Days
    moved_out: Days
    pupil: Ints
    mother_cpr: list[str]
    mother_names: list[str]
    father_cpr: list[str]
    father_names: list[str]

    def cpr_on(self, child: int, date: np.datetime64) -> str:
        """The number by which the sources know a child on a day."""
        return self.previous_cpr[child] if date < self.replaced_on[child] else self.cpr[child]

    def lives_here(self, date: np.datetime64) -> Mask:
        """Who lives in the municipality on a day."""
        here: Mask = (self.moved_in <= date) & ~(self.moved_out < date)
        return here


def simulate(rng: np.random.Generator, town: Town) -> Population:
    """The children of the town: its pupils, and those born since, with their parents."""
    pupils = np.arange(len(town.cpr))
    years = np.arange(_FIRST_YEAR, AS_OF.year + 1)
    first_days = (years - 1970).astype("datetime64[Y]").astype("datetime64[D]")
    births = np.concatenate([first + 1 + rng.integers(0, 364, _BIRTHS_A_YEAR[town.size]) for first in first_days])
    births[0] = np.datetime64(_LEAP_DAY, "D")
    young = np.sort(births[births <= day(AS_OF)])
    is_male = np.concatenate([town.is_male, rng.random(len(young)) < 0.515])  # noqa: PLR2004 - 51 to 52 of 100 are boys
    born = np.concatenate([_birth_days(town.cpr), young])
    count = len(born)
    # One more for each number that is replaced; no two persons have the same.
    drawn = cpr_numbers(rng, np.concatenate([young, young]), np.concatenate([is_male[len(pupils) :]] * 2))
    known = set(town.cpr)
    fresh = [number for number in drawn.tolist() if number not in known]
    by_day: dict[str, list[str]] = {}
    for number in fresh:
        by_day.setdefault(number[:6] + str(int(number[9]) % 2), []).append(number)
    own = [by_day[_front(date, male)].pop() for date, male in zip(young, is_male[len(pupils) :], strict=True)]
    mother_born = born - (365.25 * rng.uniform(_YOUNGEST_MOTHER, _OLDEST_MOTHER, count)).astype("timedelta64[D]")
    father_born = mother_born - rng.integers(-1500, 2500, count).astype("timedelta64[D]")
    women, men = np.zeros(count, dtype=bool), np.ones(count, dtype=bool)
    parents = cpr_numbers(
        rng, _no_new_year(np.concatenate([mother_born, father_born])), np.concatenate([women, men]), avoid=fresh
    ).tolist()
    has_father = rng.random(count) >= _WITHOUT_FATHER
    young_places = np.arange(len(pupils), count)
    moved_in = born.copy()
    newcomers = rng.choice(young_places, round(len(young) * _MOVING_IN), replace=False)
    moved_in[newcomers] += (rng.random(len(newcomers)) * (day(AS_OF) - born[newcomers]).astype(int)).astype(int)
    moved_out = np.full(count, np.datetime64("NaT", "D"))
    leavers = rng.choice(young_places, round(len(young) * _MOVING_OUT), replace=False)
    rest = (day(AS_OF) - moved_in[leavers]).astype(int)
    moved_out[leavers] = moved_in[leavers] + (rng.random(len(leavers)) * rest).astype(int)
    codes = list(DISTRICTS.values())
    district = [DISTRICTS[name] for name in town.districts]
    district += [codes[place] for place in rng.integers(len(codes), size=len(young)).tolist()]
    cpr = [*town.cpr, *own]
    previous, replaced_on = _replacements(rng, cpr, born, moved_in, moved_out, by_day, is_male, len(pupils))
    return Population(
        cpr=cpr,
        previous_cpr=previous,
        replaced_on=replaced_on,
        names=[*town.names, *full_names(rng, is_male[len(pupils) :])],
        is_male=is_male,
        born=born,
        district=district,
        moved_in=moved_in,
        moved_out=moved_out,
        pupil=np.concatenate([pupils, np.full(len(young), -1)]),
        mother_cpr=parents[:count],
        mother_names=full_names(rng, women),
        father_cpr=[cpr if there else "" for cpr, there in zip(parents[count:], has_father.tolist(), strict=True)],
        father_names=[
            name if there else "" for name, there in zip(full_names(rng, men), has_father.tolist(), strict=True)
        ],
    )


def _replacements(
    rng: np.random.Generator,
    cpr: list[str],
    born: Days,
    moved_in: Days,
    moved_out: Days,
    spare: Mapping[str, list[str]],
    is_male: Mask,
    pupils: int,
) -> tuple[list[str], Days]:
    """A few children of one to four years whose number was replaced: the number before, and the day of the change.

    The last one's changes in the week of the five nights, the others' in the year before it.
    """
    previous = [""] * len(cpr)
    replaced_on = np.full(len(cpr), np.datetime64("NaT", "D"))
    young = (born > np.datetime64("2021-01-01", "D")) & (born < np.datetime64("2025-01-01", "D"))
    stays = young & np.isnat(moved_out) & (moved_in == born) & (np.arange(len(cpr)) >= pupils)
    able = [place for place in np.flatnonzero(stays).tolist() if spare[_front(born[place], is_male[place])]]
    chosen = rng.choice(able, _REPLACED, replace=False).tolist()
    days = (np.datetime64("2025-10-14", "D"), np.datetime64("2026-02-03", "D"), day(AS_OF) - 2)
    for place, date in zip(chosen, days, strict=True):
        previous[place] = spare[_front(born[place], is_male[place])].pop()
        replaced_on[place] = date
    return previous, replaced_on


def _front(date: np.datetime64, is_male: bool) -> str:
    """What a number says of birthday and sex: `DDMMYY` and 1 for a boy, 0 for a girl."""
    return f"{date.item():%d%m%y}{int(is_male)}"


def _birth_days(numbers: list[str]) -> Days:
    """The birthdays that the numbers of pupils tell, all after 2000."""
    return np.array([f"20{number[4:6]}-{number[2:4]}-{number[:2]}" for number in numbers], dtype="datetime64[D]")


def _no_new_year(days: Days) -> Days:
    """The days, but 2 January for 1 January: on that day numbers without the check digit are real."""
    years = days.astype("datetime64[Y]").astype("datetime64[D]")
    moved: Days = np.where(days == years, days + 1, days)
    return moved
