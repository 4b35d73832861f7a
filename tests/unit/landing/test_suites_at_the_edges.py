"""What is rare and right is no reason to refuse a batch: few children, New Year, a first night, one mistyped day."""

from __future__ import annotations

import datetime as dt

import pytest
from suites import COMMON, Batch

from include.settings import Settings

JANUARY = ("2026-01", dt.date(2026, 1, 1), dt.date(2026, 1, 31))
FEW = f"""
    select '2026-01' as statement_month, (i + 1)::uinteger as person_key,
        date '2025-10-05' - ((i * 53) % 6400)::integer as birth_date, if(i % 3 = 0, 'K', 'M') as sex,
        ['BAL', 'SKL', 'SKV', 'MAA', 'HED'][1 + i % 5] as district_code, birth_date as resident_from,
        null::date as resident_to, null::varchar as moved_from_municipality_code,
        null::varchar as moved_to_municipality_code, {COMMON}
    from range(300) as children(i)
"""
"""An island: 300 children, the youngest four months old, and two boys for each girl."""

LEFT = """
    select * replace (if(person_key % 5 < 3, date '2023-01-31', null) as resident_to,
        if(person_key % 5 < 3, '101', null) as moved_to_municipality_code) from good
"""
"""Three of five have moved out in the years since the register begins."""


def test_an_island_with_few_children_is_no_fault(settings: Settings) -> None:
    batch = Batch("residents", FEW, dt.date(2026, 2, 2), JANUARY, history=(1.0,))
    assert batch.judged(settings).critical == []
    assert batch.judged(settings, LEFT).critical == []


def test_a_register_that_lost_its_end_dates_is_one(settings: Settings) -> None:
    batch = Batch("residents", FEW, dt.date(2026, 2, 2), JANUARY, history=(1.0,))
    (message,) = batch.judged(settings, "select * replace (date '2026-01-20' as resident_to) from good").critical
    assert "at least half of the children live here" in message


@pytest.mark.parametrize(("as_of", "is_refused"), [(dt.date(2026, 11, 20), False), (dt.date(2026, 7, 20), True)])
def test_next_years_budget_may_come_before_new_year(settings: Settings, as_of: dt.date, *, is_refused: bool) -> None:
    rows = f"""
        select 'B27-' || lpad(i::varchar, 5, '0') as entry_number, 2027::smallint as budget_year,
            'Oprindeligt budget' as appropriation_kind, '30.34' as appropriation_frame, 'ALIAS1' as account_alias,
            '01005-528211002-015027-529----3034' as account_string, date '2026-06-11' as decision_date,
            null::varchar as case_number, null::varchar as follow_up_code, (if(i % 9 = 0, -1, 2) * 1000)::decimal(15, 2)
            as amount_dkk, '01005' as cost_center, '528211002' as account_number, '015027' as activity_number,
            '529' as art_number, null::varchar as person_mark, null::varchar as project_number,
            null::varchar as sub_account_number, '3034' as frame_number, 'main' as account_form, {COMMON}
        from range(60) as entries(i)
    """
    year = ("2027", dt.date(2027, 1, 1), dt.date(2027, 12, 31))
    critical = Batch("appropriations", rows, as_of, year).judged(settings).critical
    assert [message for message in critical if "the budget was adopted" in message] == critical
    assert bool(critical) == is_refused


PAYMENTS = f"""
    select (i + 1)::uinteger as payment_id, 4000::decimal(14, 2) as expected_amount_dkk,
        if(i % 2 = 0, 4000, null)::decimal(14, 2) as paid_amount_dkk,
        date '2024-12-31' + (i * 2)::integer as payment_date,
        if(i % 2 = 0, date '2024-12-31' + (i * 2)::integer, null) as paid_date,
        'XXX-528201003-015031-XXX' as account_string, 'BOS0000001' as account_alias, 1::uinteger as payment_plan_id,
        4000::decimal(14, 2) as plan_amount_dkk, 'MONTHLY' as payment_frequency,
        if(i % 4 = 0, 'PERSON', 'COMPANY') as recipient_type, if(i % 4 = 0, 'CASH', 'INVOICE') as payment_method,
        'FIXED' as payment_cost_type, null::decimal(14, 2) as price_per_unit_dkk, null::decimal(14, 2) as units,
        false as is_fictive, '015031' as activity_number, 'Opholdssted' as activity_name,
        date '2024-01-01' as activity_start_date, null::date as activity_end_date, 'GRANTED' as activity_status,
        'MAIN_ACTIVITY' as activity_type, if(i % 3 = 0, 'BL-46', 'BL-32-1.3') as section_key,
        'Anbringelse' as section_text, '27.27.42-G01-1-24' as appropriation_number, '015031' as main_activity_number,
        'Opholdssted' as main_activity_name, 7::uinteger as person_key, date '2012-03-02' as birth_date,
        'Familieafdelingen' as target_group, 'Familieteam Nord' as team_name, null::varchar as efforts,
        (1 + i % 6)::utinyint as effort_step, null::utinyint as scaling_step, 'Ballerup' as paying_municipality,
        'Ballerup' as acting_municipality, 'Ballerup' as residence_municipality,
        '015188' as activity_category_number, 'Aflastning' as activity_category_name, 'teamleder' as approval_level,
        null::date as appropriation_date, '528201003' as account_number, '015031' as account_activity_number,
        'short' as account_form, {COMMON}
    from range(300) as payments(i)
"""
"""Three of four payments are invoices, most of them never marked as paid; the oldest is of 31 December 2024."""


def test_invoices_that_nobody_marks_as_paid_are_no_fault(settings: Settings) -> None:
    rows = PAYMENTS.replace("if(i % 2 = 0", "if(i % 4 = 0")
    batch = Batch("granted_payments", rows, dt.date(2026, 12, 31))
    assert batch.judged(settings).critical == []
    unpaid = "select * replace (null::date as paid_date, null::decimal(14, 2) as paid_amount_dkk) from good"
    (message,) = batch.judged(settings, unpaid).critical
    assert "two months ago are paid" in message


def test_the_first_export_of_a_year_may_be_of_the_year_before_in_utc(settings: Settings) -> None:
    assert (
        Batch("granted_payments", PAYMENTS, dt.date(2027, 1, 1)).judged(settings).critical
        == [
            # In UTC it is still 2026, of which 2024 is two years before: the oldest payment belongs there.
        ]
    )
    (message,) = Batch("granted_payments", PAYMENTS, dt.date(2027, 1, 2)).judged(settings).critical
    assert "two years before" in message


@pytest.mark.parametrize(("mistyped", "is_refused"), [(1, False), (30, True)])
def test_one_mistyped_day_is_a_note_and_many_are_a_fault(
    settings: Settings, mistyped: int, *, is_refused: bool
) -> None:
    batch = Batch("granted_payments", PAYMENTS, dt.date(2026, 12, 31))
    future = f"if(payment_id <= {mistyped}, date '2062-01-01', paid_date)"
    verdict = batch.judged(settings, f"select * replace ({future} as paid_date) from good")
    assert any("more than a week after the extract" in message for message in verdict.critical) == is_refused
    assert any("no paid_date was mistyped" in message for message in verdict.warnings)


@pytest.mark.parametrize(("as_of", "is_refused"), [(dt.date(2026, 8, 12), False), (dt.date(2026, 11, 20), True)])
def test_nobody_is_examined_on_the_first_school_day(settings: Settings, as_of: dt.date, *, is_refused: bool) -> None:
    nobody = f"""
        select null::varchar as examination_number, 0::uinteger as person_key, null::date as birth_date,
            null::varchar as child_sex, null::varchar as school_year, null::varchar as institution_number,
            null::date as examination_date, null::varchar as examined_by, null::varchar as height_result,
            null::varchar as weight_result, null::varchar as vision_result, null::varchar as hearing_result,
            null::varchar as motor_result, null::varchar as answer_1, null::varchar as answer_2,
            null::varchar as answer_3, null::varchar as answer_4, null::varchar as answer_5,
            null::varchar as answer_6, {COMMON}
        limit 0
    """
    year = ("2026-2027", dt.date(2026, 8, 1), dt.date(2027, 7, 31))
    critical = Batch("school_examinations", nobody, as_of, year).judged(settings).critical
    assert [message for message in critical if "at least one row from November" in message] == critical
    assert bool(critical) == is_refused
