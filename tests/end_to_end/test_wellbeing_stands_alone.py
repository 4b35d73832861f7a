"""What answers to the wellbeing measurement share with other data about persons: no key, and no attribute of few."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import duckdb
import pytest
from figures import Night

from include.landing.contract import Contract, load_contracts

ANSWERS = "wellbeing_answers"
LEAST = 5
OTHERS = [contract for name, contract in load_contracts().items() if contract.about_persons and name != ANSWERS]
SHARED = ("municipality_code", "school_year", "institution_number", "grade_level")
BY_CHANCE = 2
"""Keys are drawn among four billion: of some thousands a common one is rare."""

SAME_MEANING = {
    "institution_number": ("institution_number", "school_number"),
    "grade_level": ("grade_level",),
    "school_year": ("school_year",),
    "municipality_code": ("municipality_code",),
}


@pytest.fixture(scope="module")
def landing(small: Night) -> Iterator[duckdb.DuckDBPyConnection]:
    """The landing views of the small night."""
    with duckdb.connect(str(small.inbox.parent / "built" / "landing.duckdb"), read_only=True) as connection:
        yield connection


def rows(landing: duckdb.DuckDBPyConnection, select: str) -> list[tuple[object, ...]]:
    return landing.execute(select).fetchall()


def common(contract: Contract) -> dict[str, str]:
    """Columns of the answers, each with the column of the other dataset that means the same."""
    there = {column.name for column in contract.landed_columns} | {"municipality_code"}
    return {
        name: found for name, others in SAME_MEANING.items() if (found := next((o for o in others if o in there), None))
    }


def test_all_that_the_answers_hold_is_known_here() -> None:
    """A new column of the answers must be thought about: can it be joined to anything?"""
    own = {column.name for column in load_contracts()[ANSWERS].landed_columns}
    assert own == {*SHARED, "form", "respondent_key", "question_number", "answer_value"} - {"municipality_code"}
    # what the others have of the same name is compared
    for contract in OTHERS:
        same = own & {column.name for column in contract.landed_columns}
        assert same <= common(contract).keys(), contract.dataset


@pytest.mark.parametrize("contract", OTHERS, ids=lambda contract: contract.dataset)
def test_no_key_is_in_other_data(landing: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    for column in contract.person_columns:
        ((count, others),) = rows(
            landing,
            f"""
            select
                (
                    select count(*)
                    from (select respondent_key from {ANSWERS} intersect select {column.name} from {contract.dataset})
                ),
                (select count(distinct {column.name}) from {contract.dataset})
            """,
        )
        assert isinstance(others, int)
        assert others > 0
        assert isinstance(count, int)
        assert count <= BY_CHANCE


def test_no_key_is_in_two_deliveries(landing: duckdb.DuckDBPyConnection) -> None:
    ((years, twice),) = rows(
        landing,
        f"""
        select
            (select count(distinct school_year) from {ANSWERS}),
            count(*) filter (where deliveries > 1)
        from (select count(distinct delivery_id) as deliveries from {ANSWERS} group by respondent_key)
        """,
    )
    assert isinstance(years, int)
    assert years > 1
    assert isinstance(twice, int)
    assert twice <= BY_CHANCE


@pytest.mark.parametrize("contract", OTHERS, ids=lambda contract: contract.dataset)
def test_joined_on_all_that_both_share_no_group_is_under_five(
    landing: duckdb.DuckDBPyConnection, contract: Contract
) -> None:
    """Whatever rows of the answers fit a person of the other dataset, they are those of at least five pupils.

    A value that the answers do not tell fits any; where the answers tell one and nobody else has it, no person fits.
    """
    shared = common(contract)
    (person,) = {column.name for column in contract.person_columns}
    fits = " and ".join(f"(answers.{own} is null or answers.{own} = others.{other})" for own, other in shared.items())
    listed = ", ".join(f"answers.{own}" for own in shared)
    found = rows(
        landing,
        f"""
        with answers as (select distinct {", ".join(SHARED)}, form, respondent_key from {ANSWERS}),
        others as (select distinct {", ".join(shared.values())}, {person} as person from {contract.dataset})
        select {listed}, answers.form, count(distinct answers.respondent_key) as respondents
        from answers inner join others on {fits}
        group by all
        """,
    )
    assert found
    assert min(int(str(row[-1])) for row in found) >= LEAST


def test_grades_that_are_left_out_cannot_be_had_by_subtraction(landing: duckdb.DuckDBPyConnection) -> None:
    """Against the roll of pupils: the answers of an empty grade could be those of at least five, of whatever grade."""
    found = rows(
        landing,
        f"""
        with groups as (
            select school_year, institution_number, form, grade_level, count(distinct respondent_key) as respondents
            from {ANSWERS} group by all
        ),
        roll as (
            select school_year, institution_number, grade_level, if(grade_level <= 3, '0-3', '4-9') as form,
                count(distinct person_key) as pupils
            from enrolments where grade_level <= 9 group by all
        )
        select left_out.school_year, left_out.institution_number, left_out.form, left_out.respondents, sum(roll.pupils)
        from groups as left_out
        inner join roll
            on left_out.school_year = roll.school_year and left_out.form = roll.form
            and (left_out.institution_number is null or left_out.institution_number = roll.institution_number)
            and not exists (
                select 1 from groups as shown
                where shown.school_year = roll.school_year and shown.institution_number = roll.institution_number
                    and shown.grade_level = roll.grade_level
            )
        where left_out.grade_level is null
        group by all
        """,
    )
    assert found, "the small municipality has a school of a few pupils a grade"
    for row in found:
        respondents, pupils = int(str(row[3])), int(str(row[4]))
        assert respondents >= LEAST
        assert pupils >= LEAST


def test_no_set_of_what_answers_tell_is_of_fewer_than_five(landing: duckdb.DuckDBPyConnection) -> None:
    for length in range(1, len(SHARED) + 1):
        for names in itertools.combinations((*SHARED, "form"), length):
            ((smallest,),) = rows(
                landing,
                "select min(pupils) from (select count(distinct respondent_key) as pupils "
                f"from {ANSWERS} group by {', '.join(names)})",
            )
            assert isinstance(smallest, int)
            assert smallest >= LEAST, names


def test_answers_stand_in_no_order_of_the_source(landing: duckdb.DuckDBPyConnection, small: Night) -> None:
    """Where the source writes pupil after pupil, two neighbours that are one's are as rare as chance has it."""
    delivery = rows(landing, f"select delivery_id from {ANSWERS} group by all order by count(*) desc limit 1")[0][0]
    file = small.settings.landing / ANSWERS / f"{delivery}.parquet"
    ((neighbours, count),) = rows(
        landing,
        f"""
        select count(*) filter (where respondent_key = before), count(*)
        from (select respondent_key, lag(respondent_key) over (order by file_row_number) as before
              from read_parquet('{file}', file_row_number = true))
        """,
    )
    assert isinstance(neighbours, int)
    assert isinstance(count, int)
    assert neighbours < count / 20
