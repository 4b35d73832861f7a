"""The synthetic pupils and their stays in schools: three years in which they grow up, move, leave, come and repeat."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from include.demo.deliveries import (
    ALWAYS,
    AS_OF,
    NEVER,
    NIGHTS,
    Days,
    Ints,
    Mask,
    day,
)
from include.demo.people import cpr_numbers, full_names
from include.demo.school_days import school_days
from include.demo.schools import School, Size, main_school, schools_of, years_of

LAST_GRADE = 9
_AGE_IN_GRADE_0 = 6
_CLASS_SIZE = 23
_REPEATING = 0.004
_MOVING_IN_SUMMER = 0.012
_LEAVING_IN_SUMMER = 0.02
_CHANGING_IN_THE_YEAR = 0.006
_LIVING_ELSEWHERE = 0.07


@dataclass(frozen=True)
class Stays:
    """One record a version of a pupil's stay in a unit: `last` is NaT while the pupil is there."""

    child: Ints
    year: Ints
    unit: Ints
    grade: Ints
    letter: Ints
    first: Days
    last: Days
    known_from: Days
    known_until: Days

    def known(self, night: dt.date, year: int) -> Ints:
        """The stays of a school year that the school administration knows on the evening of `night`."""
        now = day(night)
        return np.flatnonzero((self.year == year) & (self.known_from <= now) & (self.known_until > now))


@dataclass(frozen=True)
class Town:
    """Schools and pupils. `units` are the numbers in which pupils are enrolled, `school_of` the school of each."""

    size: Size
    schools: tuple[School, ...]
    years: tuple[int, ...]
    units: list[str]
    school_of: Ints
    cpr: list[str]
    names: list[str]
    is_male: Mask
    districts: list[str]
    stays: Stays

    def final(self, year: int) -> Ints:
        """The stays of a school year as they stand in the end."""
        return self.stays.known(AS_OF, year)

    def school_numbers(self, units: Ints) -> list[str]:
        """The institution number of the hovedskole for each unit."""
        numbers = [school.number for school in self.schools]
        return [numbers[place] for place in self.school_of[units].tolist()]


@dataclass
class _Roster:
    child: Ints
    unit: Ints
    grade: Ints

    def keep(self, mask: Mask) -> None:
        self.child, self.unit, self.grade = self.child[mask], self.unit[mask], self.grade[mask]

    def add(self, child: Ints, unit: Ints, grade: Ints) -> None:
        self.child = np.concatenate([self.child, child])
        self.unit = np.concatenate([self.unit, unit])
        self.grade = np.concatenate([self.grade, grade])


class _Simulation:
    def __init__(self, rng: np.random.Generator, size: Size) -> None:
        self.rng = rng
        self.schools = schools_of(size)
        self.years = years_of(size)
        self.units = list(main_school(self.schools))
        self.school_of = np.array(
            [place for place, school in enumerate(self.schools) for _ in school.units], dtype=np.int64
        )
        self.birth_years: list[Ints] = []
        self.home_schools: list[Ints] = []
        self.children = 0
        self.parts: list[dict[str, NDArray[Any]]] = []
        empty = np.array([], dtype=np.int64)
        self.roster = _Roster(empty, empty, empty)

    def _unit_in(self, school: int, count: int) -> Ints:
        places = np.flatnonzero(self.school_of == school)
        shares = np.array(list(self.schools[school].units.values()))
        return places[self.rng.choice(len(places), count, p=shares / shares.sum())]

    def _born(self, year: int, grade: Ints, school: Ints) -> Ints:
        """New children for the grades of schools, most of them as old as their grade says."""
        shift = self.rng.choice([-1, 0, 1], len(grade), p=[0.08, 0.9, 0.02])
        self.birth_years.append(year - grade - _AGE_IN_GRADE_0 + shift)
        self.home_schools.append(school)
        self.children += len(grade)
        return np.arange(self.children - len(grade), self.children)

    def _other_school(self, school: Ints, year: int) -> Ints:
        """Another school with a district that there is in the year, for each."""
        districts = np.array(
            [place for place, item in enumerate(self.schools) if item.district and year in item.pupils], dtype=np.int64
        )
        choice = districts[self.rng.integers(len(districts), size=len(school))]
        nearest = districts[(np.searchsorted(districts, choice) + 1) % len(districts)]
        return np.where(choice == school, nearest, choice)

    def _units_of_schools(self, schools: Ints) -> Ints:
        result = np.zeros(len(schools), dtype=np.int64)
        for school in np.unique(schools).tolist():
            here = schools == school
            result[here] = self._unit_in(school, int(here.sum()))
        return result

    def _summer(self, year: int) -> None:
        """From one school year to the next: up a grade, some move or leave, new ones come until the school is full."""
        roster = self.roster
        if len(roster.child):
            repeats = self.rng.random(len(roster.child)) < _REPEATING
            repeats[np.flatnonzero(roster.grade < LAST_GRADE)[:1]] = True  # at least one
            roster.grade = roster.grade + np.where(repeats, 0, 1)
            leaves = self.rng.random(len(roster.child)) < _LEAVING_IN_SUMMER
            roster.keep(~leaves & (roster.grade <= LAST_GRADE))
            has_district = np.array([school.district is not None for school in self.schools])
            moves = np.flatnonzero(
                (self.rng.random(len(roster.child)) < _MOVING_IN_SUMMER) & has_district[self.school_of[roster.unit]]
            )
            roster.unit[moves] = self._units_of_schools(self._other_school(self.school_of[roster.unit[moves]], year))
            self._merge(year)
        for place, school in enumerate(self.schools):
            here = np.flatnonzero(self.school_of[roster.unit] == place)
            missing = school.pupils.get(year, 0) - len(here)
            if missing < 0:
                gone = self.rng.choice(here, -missing, replace=False)
                mask = np.ones(len(roster.child), dtype=bool)
                mask[gone] = False
                roster.keep(mask)
                continue
            # fill the grade with the fewest pupils first, so that the intake lands in grade 0
            sizes = {grade: int((roster.grade[here] == grade).sum()) for grade in school.grades}
            new: list[int] = []
            for _ in range(missing):
                smallest = min(sizes, key=lambda grade: (sizes[grade], grade))
                sizes[smallest] += 1
                new.append(smallest)
            grades = np.array(new, dtype=np.int64)
            roster.add(self._born(year, grades, np.full(missing, place)), self._unit_in(place, missing), grades)

    def _merge(self, year: int) -> None:
        """The pupils of a school that is no more go on at the one that took it over."""
        numbers = [school.number for school in self.schools]
        for place, school in enumerate(self.schools):
            moved = np.flatnonzero(self.school_of[self.roster.unit] == place)
            if school.successor and year not in school.pupils:
                self.roster.unit[moved] = self._unit_in(numbers.index(school.successor), len(moved))

    def _letters(self, unit: Ints, grade: Ints) -> Ints:
        """Classes of about 23: a letter (0 = A) for each pupil of a unit's grade."""
        order = np.lexsort((self.rng.random(len(unit)), grade, unit))
        group = (unit * 16 + grade)[order]
        starts = np.r_[0, np.flatnonzero(np.diff(group)) + 1]
        sizes = np.diff(np.r_[starts, len(group)])
        rank = np.arange(len(group)) - np.repeat(starts, sizes)
        letters = np.zeros(len(unit), dtype=np.int64)
        letters[order] = rank % np.repeat(np.ceil(sizes / _CLASS_SIZE).astype(np.int64), sizes)
        return letters

    def _keep_stays(self, year: int, /, **columns: Any) -> None:
        count = len(columns["child"])
        defaults: dict[str, Any] = {
            "year": year,
            "letter": 0,
            "last": np.datetime64("NaT", "D"),
            "known_from": ALWAYS,
            "known_until": NEVER,
        }
        # copies: the roster goes on changing
        self.parts.append({name: np.broadcast_to(value, count).copy() for name, value in (defaults | columns).items()})

    def _changes(self, year: int, first: np.datetime64, end: np.datetime64) -> None:
        """The stays of one school year, with those who move, leave and come while it runs."""
        roster = self.roster
        count = len(roster.child)
        some = max(1, round(count * _CHANGING_IN_THE_YEAR))
        days = school_days(year)[15:170]
        has_district = np.array([school.district is not None for school in self.schools])
        able = np.flatnonzero(has_district[self.school_of[roster.unit]])
        changing = self.rng.choice(able, 2 * some, replace=False)
        movers, leavers = changing[:some], changing[some:]
        move_days, leave_days, come_days = (days[self.rng.integers(len(days), size=some)] for _ in range(3))
        last = np.full(count, end)
        last[movers] = move_days - 1
        last[leavers] = leave_days
        letters = self._letters(roster.unit, roster.grade)
        self._keep_stays(
            year, child=roster.child, unit=roster.unit, grade=roster.grade, letter=letters, first=first, last=last
        )
        new_units = self._units_of_schools(self._other_school(self.school_of[roster.unit[movers]], year))
        self._keep_stays(
            year, child=roster.child[movers], unit=new_units, grade=roster.grade[movers], first=move_days, last=end
        )
        roster.unit[movers] = new_units
        stays_on = np.ones(count, dtype=bool)
        stays_on[leavers] = False
        roster.keep(stays_on)
        schools = self.school_of[new_units][self.rng.permutation(some)]
        grades = self.rng.integers(0, LAST_GRADE + 1, some)
        arrived, units = self._born(year, grades, schools), self._units_of_schools(schools)
        self._keep_stays(year, child=arrived, unit=units, grade=grades, first=come_days, last=end)
        roster.add(arrived, units, grades)

    def _nights(self, year: int) -> None:
        """What the school administration corrects in the five nights: a move, a newcomer, a class put right."""
        part = self.parts[-3]  # the stays from the year's beginning
        is_open = np.isnat(part["last"])
        has_district = np.array([school.district is not None for school in self.schools])
        mover, put_right = np.flatnonzero(is_open & has_district[self.school_of[part["unit"]]])[[7, 42]].tolist()

        def version(place: int, known_from: dt.date, **changed: Any) -> None:
            part["known_until"][place] = day(known_from)
            columns = {name: values[[place]] for name, values in part.items()}
            self._keep_stays(year, **columns | {"known_from": day(known_from), "known_until": NEVER} | changed)

        version(mover, NIGHTS[1], last=day(NIGHTS[1]) - 1)
        version(put_right, NIGHTS[3], letter=part["letter"][put_right] + 1)
        school = self.school_of[part["unit"][[mover]]]
        new_unit = self._units_of_schools(self._other_school(school, year))
        common = {"grade": part["grade"][[mover]], "known_from": day(NIGHTS[1]), "first": day(NIGHTS[1])}
        self._keep_stays(year, child=part["child"][[mover]], unit=new_unit, **common)
        newcomer = self._born(year, part["grade"][[mover]], school)
        late = common | {"known_from": day(NIGHTS[2]), "first": day(NIGHTS[2])}
        self._keep_stays(year, child=newcomer, unit=new_unit, **late)

    def run(self, size: Size) -> Town:
        not_over = np.datetime64("NaT", "D")
        for year in self.years:
            self._summer(year)
            end = not_over if year == self.years[-1] else np.datetime64(f"{year + 1}-07-31", "D")
            self._changes(year, np.datetime64(f"{year}-08-01", "D"), end)
        self._nights(self.years[-1])
        stays = Stays(**{name: np.concatenate([part[name] for part in self.parts]) for name in self.parts[0]})
        birth_years = np.concatenate(self.birth_years)
        second_of_january = (birth_years - 1970).astype("datetime64[Y]").astype("datetime64[D]") + 1
        is_male = self.rng.random(self.children) < 0.515  # noqa: PLR2004 - of 100 children born 51 to 52 are boys
        birth_days = second_of_january + self.rng.integers(0, 364, self.children).astype("timedelta64[D]")
        return Town(
            size=size,
            schools=self.schools,
            years=self.years,
            units=self.units,
            school_of=self.school_of,
            cpr=cpr_numbers(self.rng, birth_days, is_male).tolist(),
            names=full_names(self.rng, is_male),
            is_male=is_male,
            districts=self._districts(),
            stays=stays,
        )

    def _districts(self) -> list[str]:
        names = [school.district for school in self.schools if school.district]
        random = self.rng.integers(len(names), size=self.children).tolist()
        elsewhere = (self.rng.random(self.children) < _LIVING_ELSEWHERE).tolist()
        home = np.concatenate(self.home_schools).tolist()
        return [
            names[other] if moved else self.schools[school].district or names[other]
            for school, other, moved in zip(home, random, elsewhere, strict=True)
        ]


def simulate(rng: np.random.Generator, size: Size) -> Town:
    """The town's pupils over all school years of `size`."""
    return _Simulation(rng, size).run(size)
