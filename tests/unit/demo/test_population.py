"""The synthetic children and the two calendars of nights."""

from __future__ import annotations

import numpy as np
import pytest

from include.demo import population, town
from include.demo.deliveries import AS_OF, NIGHTS, calendar_of, day
from include.demo.people import passes_modulus_11
from include.demo.schools import Size
from include.landing.persons import parse_person_number


@pytest.fixture(scope="module", params=["small", "city"])
def found(request: pytest.FixtureRequest) -> population.Population:
    size: Size = request.param
    return population.simulate(np.random.default_rng([151, 2]), town.simulate(np.random.default_rng([151, 1]), size))


def test_every_number_is_of_its_person_and_of_nobody_real(found: population.Population) -> None:
    numbers = [*found.cpr, *found.mother_cpr, *filter(None, [*found.father_cpr, *found.previous_cpr])]
    assert len(set(numbers)) == len(numbers)
    assert not passes_modulus_11(np.array(numbers, dtype=np.int64)).any()
    for number, born, is_male in zip(found.cpr, found.born.tolist(), found.is_male.tolist(), strict=True):
        parsed = parse_person_number(number)
        assert parsed is not None
        assert (parsed.birth_date, parsed.sex) == (born, "male" if is_male else "female")
    mothers = [parse_person_number(number) for number in found.mother_cpr]
    assert all(mother is not None and mother.sex == "female" and mother.birth_date for mother in mothers)


def test_children_are_of_all_ages_and_districts(found: population.Population) -> None:
    ages = (day(AS_OF) - found.born).astype(int) // 365
    assert set(range(17)) <= set(ages.tolist())
    assert set(found.district) == set(population.DISTRICTS.values()) or len(found.cpr) < 2_000
    young = found.pupil < 0
    assert (ages[young] <= 6).all()
    assert (found.moved_in >= found.born).all()
    assert not (found.moved_out < found.moved_in).any()
    assert np.datetime64("2024-02-29", "D") in found.born


def test_a_replaced_number_is_known_by_the_old_one_until_its_day(found: population.Population) -> None:
    places = np.flatnonzero(~np.isnat(found.replaced_on)).tolist()
    assert len(places) == 3
    assert day(NIGHTS[0]) < found.replaced_on[places].max() <= day(NIGHTS[-1])
    for place in places:
        change = found.replaced_on[place]
        assert found.cpr_on(place, change - 1) == found.previous_cpr[place] != found.cpr[place]
        assert found.cpr_on(place, change) == found.cpr[place]
        assert found.pupil[place] < 0


def test_a_year_of_nights_ends_with_the_week() -> None:
    week, year = calendar_of("week"), calendar_of("year")
    assert year.nights[-5:] == week.nights == NIGHTS
    assert len(year.nights) == 265
    assert all(night.weekday() < 5 for night in year.nights)
    missing = {name: set(year.nights) - set(year.nights_of(name)) for name in ("cases", "referrals", "notifications")}
    assert all(0 < len(nights) < 20 for nights in missing.values())
    assert len({frozenset(nights) for nights in missing.values()}) == 3, "not all sources fail on the same nights"
    assert week.nights_of("cases") == NIGHTS
