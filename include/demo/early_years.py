"""What the datasets on the early years share: homes, school starts, consents, and how a register's truth is counted.

One child has one district, one start of school and one set of consents, whichever register tells of it.
"""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from include.demo.days import later, on_a_weekday, years
from include.demo.deliveries import ALWAYS, AS_OF, NEVER, NIGHTS, Days, Delivery, Ints, Mask, day, standing
from include.demo.population import DISTRICTS, Population
from include.demo.world import World

Texts = NDArray[np.str_]
Table = Mapping[str, NDArray[Any]]
"""Columns of equal length, by name."""

SCHOOLS: Mapping[str, str] = {"BAL": "281843", "SKL": "281856", "SKV": "281854", "MAA": "281858", "HED": "151003"}
"""The school of each district (seed `district`)."""

NO_DAY = np.datetime64("NaT", "D")

_FIRST_DUTY_YEAR = 2019
_FIRST_YEAR_WITH_FORMS = 2022
_STARTING_AGE = 6
_MOVED_HOUSE = 0.04
_LATE, _EARLY = 0.06, 0.015
_FORMS = 0.93

HEALTH_TO_DAYCARE, DAYCARE_TO_SCHOOL = 0, 1
MOTHER, FATHER, CO_MOTHER, GUARDIAN = range(4)


def own_chance(world: World, name: str) -> np.random.Generator:
    """A stream that gives the same to every dataset that asks for it by this name."""
    return np.random.default_rng([world.seed, zlib.crc32(name.encode())])


def numbers_on(population: Population, children: Ints, date: dt.date) -> list[str]:
    """The CPR numbers, ten digits, by which the sources know the children on the evening of `date`."""
    return [population.cpr_on(child, day(date)) for child in children.tolist()]


def text_of(codes: Ints, texts: Sequence[str]) -> Texts:
    """The text of each code, empty for a negative one."""
    return np.array([*texts, ""])[codes]


def yes_no(mask: Mask) -> Texts:
    """`Ja` and `Nej`."""
    return np.where(mask, "Ja", "Nej")


@dataclass(frozen=True)
class Homes:
    """The district of each child of the population, and for a few the one before they moved (else the same, NaT)."""

    district: Texts
    earlier: Texts
    moved_on: Days

    def districts_on(self, children: Ints, days: Days) -> Texts:
        """The code of the district in which each child lived on its day."""
        before: Mask = days < self.moved_on[children]
        return np.where(before, self.earlier[children], self.district[children])


def homes_of(world: World) -> Homes:
    """The homes of all children; one young child in 25 has moved from another district."""
    population, rng = world.population, own_chance(world, "homes")
    district = np.array(population.district)
    codes = list(DISTRICTS.values())
    young = np.flatnonzero(population.pupil < 0)
    movers = rng.choice(young, max(1, round(len(young) * _MOVED_HOUSE)), replace=False)
    places = np.array([codes.index(code) for code in district[movers].tolist()])
    earlier, moved_on = district.copy(), np.full(len(district), NO_DAY)
    earlier[movers] = np.array(codes)[(places + rng.integers(1, len(codes), len(movers))) % len(codes)]
    moved_on[movers] = population.born[movers] + rng.integers(20, 900, len(movers))
    return Homes(district, earlier, moved_on)


@dataclass(frozen=True)
class Starters:
    """The children whose start of school the municipality plans: the year of duty, and that of the start.

    Duty of education begins on 1 August of the calendar year in which a child turns six (folkeskoleloven § 34).
    """

    child: Ints
    duty: Ints
    start: Ints


def starters_of(world: World) -> Starters:
    """Pupils who began here, by their grades, and the children born in 2020 (or early, in 2021) who are to begin."""
    town, population, rng = world.town, world.population, own_chance(world, "school starts")
    stays, count = town.stays, len(town.cpr)
    start, first = np.full(count, AS_OF.year), np.full(count, NEVER)
    np.minimum.at(start, stays.child, stays.year - stays.grade)
    np.minimum.at(first, stays.child, stays.first)
    # Who came later than in August of grade 0, or than with the oldest register, began elsewhere.
    began_here = first == _in_august(np.maximum(start, town.years[0]))
    duty = years(population.born) + _STARTING_AGE
    pupils = np.flatnonzero(began_here & (duty[:count] >= _FIRST_DUTY_YEAR))
    stays_on = (population.pupil < 0) & np.isnat(population.moved_out)
    of_age = np.flatnonzero(stays_on & (duty == AS_OF.year))
    is_late = rng.random(len(of_age)) < _LATE
    younger = np.flatnonzero(stays_on & (duty == AS_OF.year + 1))
    early = younger[rng.random(len(younger)) < _EARLY]
    child = np.concatenate([pupils, of_age, early])
    return Starters(
        child=child,
        duty=duty[child],
        start=np.concatenate([start[pupils], AS_OF.year + is_late, np.full(len(early), AS_OF.year)]),
    )


@dataclass(frozen=True)
class Forms:
    """The description forms of the children who begin school: child, day, and the year in which the child begins."""

    child: Ints
    date: Days
    start: Ints


def forms_of(world: World) -> Forms:
    """The forms that day-care fills in from October to February before school, a few in spring, in order of days."""
    rng, starters = own_chance(world, "description forms"), starters_of(world)
    rows = np.flatnonzero((starters.start >= _FIRST_YEAR_WITH_FORMS) & (rng.random(len(starters.child)) < _FORMS))
    october = _in_august(starters.start[rows] - 1) + 61
    late = rng.random(len(rows)) < 0.08  # noqa: PLR2004 - now and then a form comes long after the enrolment
    date = on_a_weekday(october + np.where(late, rng.integers(150, 260, len(rows)), rng.integers(0, 145, len(rows))))
    order = np.lexsort((starters.child[rows], date))
    return Forms(starters.child[rows][order], date[order], starters.start[rows][order])


@dataclass(frozen=True)
class Consents:
    """One record a version of a consent, `number` the same for all; `withdrawn` is NaT while the consent holds.

    `is_void` marks the few that never held, as when somebody gave them who may not.
    """

    number: Ints
    child: Ints
    transition: Ints
    role: Ints
    given: Days
    withdrawn: Days
    is_void: Mask
    known_from: Days
    known_until: Days

    def known(self, date: dt.date) -> Ints:
        """The records that the platform shows on the evening of `date`."""
        now = day(date)
        return np.flatnonzero((self.given <= now) & (self.known_from <= now) & (self.known_until > now))

    def holding(self, date: dt.date) -> dict[int, np.datetime64]:
        """The children whose consent to pass on from day-care to school holds on the evening of `date`, with its day.

        A consent stops all that were given on its last day or before: who withdraws, withdraws for the child.
        """
        now, rows = day(date), self.known(date)
        rows = rows[self.transition[rows] == DAYCARE_TO_SCHOOL]
        given: dict[int, np.datetime64] = {}
        ended: dict[int, np.datetime64] = {}
        for row in rows.tolist():
            child, is_over = int(self.child[row]), self.withdrawn[row] <= now
            if is_over or self.is_void[row]:
                end = self.withdrawn[row] if is_over else self.given[row]
                ended[child] = max(end, ended.get(child, ALWAYS))
            else:
                given[child] = max(self.given[row], given.get(child, ALWAYS))
        return {child: date for child, date in given.items() if date > ended.get(child, ALWAYS)}


_DAYCARE_CONSENTS, _SCHOOL_CONSENTS = 0.85, 0.88
_FROM_BOTH, _WITHDRAWN, _GIVEN_AGAIN, _VOID, _CORRECTED = 0.15, 0.035, 0.25, 0.01, 0.006


def consents_of(world: World) -> Consents:
    """The consents of all children to both transitions.

    In the week of the five nights a consent whose form has long been sent to school is withdrawn, and of two parents
    who both consented one withdraws.
    """
    rng, population, forms = own_chance(world, "consents"), world.population, forms_of(world)
    young = np.flatnonzero((population.pupil < 0) & (population.born <= day(AS_OF) - 330))
    young = young[population.lives_here(day(AS_OF))[young] & (rng.random(len(young)) < _DAYCARE_CONSENTS)]
    asked = np.flatnonzero(rng.random(len(forms.child)) < _SCHOOL_CONSENTS)
    child = np.concatenate([young, forms.child[asked]])
    transition = np.repeat([HEALTH_TO_DAYCARE, DAYCARE_TO_SCHOOL], [len(young), len(asked)])
    given = np.concatenate(
        [
            population.born[young] + rng.integers(180, 330, len(young)),
            forms.date[asked] + rng.integers(0, 25, len(asked)),
        ]
    )
    has_father = np.array([bool(number) for number in population.father_cpr])
    role = np.where(rng.random(len(child)) < 0.7, MOTHER, FATHER)  # noqa: PLR2004 - most often the mother
    alone = ~has_father[child] & (role == FATHER)
    role[alone] = rng.choice([CO_MOTHER, GUARDIAN], int(alone.sum()), p=[0.8, 0.2])
    both = np.flatnonzero(has_father[child] & (rng.random(len(child)) < _FROM_BOTH))
    child, transition = np.concatenate([child, child[both]]), np.concatenate([transition, transition[both]])
    role = np.concatenate([role, np.where(role[both] == MOTHER, FATHER, MOTHER)])
    given = np.concatenate([given, given[both] + rng.integers(0, 12, len(both))])
    withdrawn = np.where(rng.random(len(child)) < _WITHDRAWN, given + rng.integers(3, 150, len(child)), NO_DAY)
    _plant_withdrawals(child, transition, given, withdrawn, first_of_both=len(child) - len(both), both=both)
    again = np.flatnonzero(
        ~np.isnat(withdrawn) & (withdrawn < day(NIGHTS[0])) & (rng.random(len(child)) < _GIVEN_AGAIN)
    )
    child, transition = np.concatenate([child, child[again]]), np.concatenate([transition, transition[again]])
    role = np.concatenate([role, role[again]])
    given = np.concatenate([given, withdrawn[again] + rng.integers(0, 60, len(again))])
    withdrawn = np.concatenate([withdrawn, np.full(len(again), NO_DAY)])
    is_void = np.isnat(withdrawn) & (rng.random(len(child)) < _VOID)
    order = np.lexsort((role, transition, child, given))
    on_paper = rng.random(len(child)) < 0.03  # noqa: PLR2004 - few are given on paper and come days later
    known_from = np.where(on_paper, given + rng.integers(1, 9, len(child)), given)
    put_right = np.flatnonzero((rng.random(len(child)) < _CORRECTED) & np.isin(role[order], (MOTHER, FATHER)))
    return _with_corrected_roles(
        Consents(
            number=np.arange(len(child)),
            child=child[order],
            transition=transition[order],
            role=role[order],
            given=given[order],
            withdrawn=withdrawn[order],
            is_void=is_void[order],
            known_from=known_from[order],
            known_until=np.full(len(child), NEVER),
        ),
        put_right,
        rng.integers(3, 30, len(put_right)),
    )


def _plant_withdrawals(
    child: Ints, transition: Ints, given: Days, withdrawn: Days, *, first_of_both: int, both: Ints
) -> None:
    """Let two consents of the last winter be withdrawn in the week: the only one of a child, and one of two."""
    last_winter = (given > np.datetime64(f"{AS_OF.year - 1}-10-01", "D")) & (given < day(AS_OF) - 90)
    able = last_winter & (transition == DAYCARE_TO_SCHOOL)
    from_both = np.isin(child, child[both])
    only = np.flatnonzero(able & ~from_both)[0]
    withdrawn[only] = day(NIGHTS[2])
    second = first_of_both + np.flatnonzero(able[first_of_both:])[0]
    withdrawn[(child == child[second]) & (transition == DAYCARE_TO_SCHOOL)] = NO_DAY
    withdrawn[second] = day(NIGHTS[1])


def _with_corrected_roles(consents: Consents, rows: Ints, after: Ints) -> Consents:
    """The consents, those of `rows` with the other parent's role until `after` days after they were known."""
    columns, mistaken = with_mistakes(vars(consents), rows, consents.known_from[rows] + after)
    columns["role"][mistaken] = np.where(consents.role[rows] == MOTHER, FATHER, MOTHER)
    return Consents(**columns)


def with_mistakes(records: Table, rows: Ints, put_right: Days) -> tuple[dict[str, NDArray[Any]], slice]:
    """The columns of all records and of a second version of `rows`, known until its day in `put_right`.

    What was wrong in the second versions is for the caller to write; the slice tells their places.
    """
    columns = {name: np.concatenate([values, values[rows]]) for name, values in records.items()}
    mistaken = slice(len(records["known_from"]), None)
    columns["known_from"][rows] = put_right
    columns["known_until"][mistaken] = put_right
    return columns, mistaken


def to_put_right(rng: np.random.Generator, records: Table, share: float, days: tuple[int, int]) -> tuple[Ints, Days]:
    """A share of the records, and for each the day, so many after it was known, on which a mistake is put right.

    One that was known in the weeks before is always put right in the week of the five nights.
    """
    known_from: Days = records["known_from"]
    put_right = later(known_from, rng.integers(*days, len(known_from)))
    chosen = rng.random(len(known_from)) < share
    before_the_week = np.where(known_from < day(NIGHTS[0]) - 5, known_from, ALWAYS)
    newest = int(np.argmax(before_the_week))
    chosen[newest], put_right[newest] = True, day(NIGHTS[1])
    rows: Ints = np.flatnonzero(chosen)
    return rows, put_right[rows]


def standing_table(deliveries: Sequence[Delivery], shown: Callable[[Ints, dt.date], Table]) -> Table:
    """The rows that stand when all `deliveries` have come, each as its delivery shows it, and `as_of`: that delivery's.

    `shown(rows, as_of)` gives the columns of records as the source has them on the evening of `as_of`.
    """
    parts: list[dict[str, NDArray[Any]]] = [
        {**shown(rows, delivery.as_of), "as_of": np.full(len(rows), day(delivery.as_of))}
        for delivery, rows in standing(deliveries)
        if len(rows)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def of(table: Table, mask: Mask | Ints) -> Table:
    """The chosen rows of a table."""
    return {name: values[mask] for name, values in table.items()}


def figure(table: Table, by: Sequence[str], *, distinct: str = "", **sums: NDArray[Any]) -> list[dict[str, Any]]:
    """Rows by group: `row_count`, the sum of each of `sums` (masks or integers), and if wanted `persons`.

    `distinct` names the column whose different values are counted as `persons`. Days are ISO text.
    """
    codes = np.zeros(len(table[by[0]]), dtype=np.int64)
    for name in by:
        values, place = np.unique(table[name], return_inverse=True)
        codes = codes * len(values) + place
    _, first, group = np.unique(codes, return_index=True, return_inverse=True)
    result = [{name: _plain(table[name][row]) for name in by} for row in first.tolist()]
    counted = {"row_count": np.bincount(group)}
    counted |= {name: np.bincount(group, weights=values).round().astype(np.int64) for name, values in sums.items()}
    if distinct:
        _, person = np.unique(table[distinct], return_inverse=True)
        pairs = np.unique(group * (int(person.max()) + 1) + person)
        counted["persons"] = np.bincount(pairs // (int(person.max()) + 1))
    for name, values in counted.items():
        for record, value in zip(result, values.tolist(), strict=True):
            record[name] = value
    return result


def _plain(value: Any) -> Any:
    """A value as the truth holds it: nothing for an empty text or no day."""
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else str(value)
    return None if value == "" else value.item()


def _in_august(start_years: Ints) -> Days:
    """1 August of each year."""
    return ((start_years - 1970) * 12 + 7).astype("datetime64[M]").astype("datetime64[D]")
