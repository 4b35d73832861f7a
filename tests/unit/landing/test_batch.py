"""Batches by the suites that are committed: a good delivery of every dataset passes, a planted fault of each kind fails."""

# ruff: noqa: E501 (a planted fault is one line of the table)
from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import pytest
from suites import (
    COMMON,
    PERSON_NUMBER,
    Batch,
    Fault,
    assert_finds_a_person_number,
    assert_finds_double_lost_and_bad_rows,
    assert_is_told,
    assert_passes,
)

from include.errors import WarehouseError
from include.landing.batch import BatchHistory, judge_batch
from include.landing.contract import load_contracts
from include.settings import Settings

TODAY = dt.date(2026, 6, 12)

ROWS = {
    # two in three days off are illness; weekdays of May only; ten schools
    "absence_days": f"""
        select (i // 20 + 1)::uinteger as person_key, (100000 + i % 10)::varchar as institution_number,
            date '2026-05-04' + ((i % 20) // 5 * 7 + i % 5)::integer as absence_date,
            case when i % 10 < 6 then 'Sygdom' when i % 10 < 9 then 'Lovligt' else 'Ulovligt' end as absence_kind,
            absence_date as registered_date, {COMMON}
        from range(1200) as t (i)""",
    "enrolments": f"""
        select (i + 1)::uinteger as person_key, '2025/2026' as school_year,
            (100000 + i % 7)::varchar as institution_number, (i % 10)::utinyint as grade_level,
            (i % 10) || '.A' as class_name, date '2025-08-11' as enrolled_from,
            case when i % 20 = 0 then date '2026-02-01' end as enrolled_to, 'Måløv' as district_name, {COMMON}
        from range(900) as t (i)""",
    "absence_statistics": f"""
        select 'Kommune ' || k as municipality_name, stage as school_stage, school_year, measure as measure_name,
            case when k > 1 then (case measure when 'Gennemsnitligt fravær per skoleår' then 6.5
                when 'Over 10 procent' then 21 else 2.5 end)::decimal(9, 3) end as measure_value,
            case when k > 1 then 'published' else 'suppressed' end as value_status, {COMMON}
        from range(1, 20) as t (k),
            (select unnest(['Indskoling', 'Mellemtrin', 'Udskoling']) as stage),
            (select unnest(['2023/2024', '2024/2025']) as school_year),
            (select unnest(['Gennemsnitligt fravær per skoleår', 'Sygefravær per skoleår',
                'Ulovligt fravær per skoleår', 'Over 10 procent']) as measure)""",
    "budget_agreement": f"""
        select 2026::smallint as agreement_year, '3.' || lpad(i::varchar, 2, '0') as initiative_id,
            'Indsats ' || i as title, 'Sammenhængende forløb' as section_title, 'drift' as initiative_type,
            'Der afsættes midler til indsatsen i årene fremover.' as description, null::varchar as elaboration,
            'Skoler, Institutioner og Kultur' as responsible_center, 'Børne- og Skoleudvalget' as committee,
            ['PPR'] as contributors,
            [{{'follow_up_code': code || '-2026', 'follow_up_label': code, 'milestone_text': 'Planen følges.'}}
                for code in ['BO1', 'BO2', 'BO3', 'YE']] as milestones,
            'Der afsættes 1,7 mio. kr.' as finance_text,
            [{{'budget_year': 2026::smallint, 'amount_kind': 'expenditure', 'amount_mdkk': 1.7::decimal(12, 3),
                'stated_in': 'finance'}}] as amounts,
            '00.30.00-S00-6-16' as case_number, date '2026-02-09' as document_date, {COMMON}
        from range(1, 23) as t (i)""",
    "ledger_postings": f"""
        select date '2026-05-01' + (i % 31)::integer as posting_date, '2026' || lpad(i::varchar, 6, '0') as voucher_number,
            1::uinteger as voucher_line, (3000111000 + i % 300)::varchar as account_alias,
            '02015-322021999-020105-' || lpad((i % 300)::varchar, 3, '0') as account_string,
            (case when i % 8 = 0 then -1 else 1 end * (1000 + i) + 0.25)::decimal(15, 2) as amount_dkk,
            '02015' as cost_center, '322021999' as account_number, '020105' as activity_number,
            '109' as art_number, null::varchar as person_mark, null::varchar as project_number,
            null::varchar as sub_account_number, null::varchar as frame_number,
            case when i % 50 = 0 then 'variant' else 'main' end as account_form, {COMMON}
        from range(2000) as t (i)""",
    "referrals": f"""
        select ['ICE', 'FH', 'PPR'][1 + i % 3] as project_code, project_code || '-2026-' || lpad(i::varchar, 5, '0') as referral_id,
            (i + 1)::uinteger as person_key, '151003' as institution_number, (i % 10)::utinyint as grade_level,
            date '2026-05-01' + (i % 31)::integer as referred_date,
            ['Lærer', 'BFO', 'Forælder', 'PPR'][1 + i % 4] as referred_by,
            ['Modtaget', 'I gang', 'Afsluttet', 'Afvist', 'I gang'][1 + i % 5] as referral_status,
            case when i % 5 in (2, 3) then date '2026-06-01' end as closed_date, {COMMON}
        from range(80) as t (i)""",
    "wellbeing_answers": f"""
        select '2025/2026' as school_year, (100000 + p % 5)::varchar as institution_number,
            (p % 10)::utinyint as grade_level, if(p % 10 <= 3, '0-3', '4-9') as form, (p + 1)::uinteger as respondent_key, q::utinyint as question_number,
            case when (p + q) % 20 = 0 then null
                when p % 10 >= 4 then [1, 2, 3, 3, 4, 4, 4, 5, 5][1 + (p * 7 + q * 3) % 9]
                else 1 + (p + q) % 3 end::utinyint as answer_value, {COMMON}
        from range(200) as t (p), range(1, 41) as u (q)
        where p % 10 >= 4 or q <= 20""",
}

PERIOD = {
    "absence_days": ("2026-05", dt.date(2026, 5, 1), dt.date(2026, 5, 31)),
    "enrolments": ("2025-2026", dt.date(2025, 8, 1), dt.date(2026, 7, 31)),
    "absence_statistics": ("2024-2025", dt.date(2024, 8, 1), dt.date(2025, 7, 31)),
    "budget_agreement": ("2026", dt.date(2026, 1, 1), dt.date(2026, 12, 31)),
    "ledger_postings": ("2026-05", dt.date(2026, 5, 1), dt.date(2026, 5, 31)),
    "referrals": ("2026-05", dt.date(2026, 5, 1), dt.date(2026, 5, 31)),
    "wellbeing_answers": ("2025-2026", dt.date(2025, 8, 1), dt.date(2026, 7, 31)),
}


GOOD = {dataset: Batch(dataset, rows, TODAY, PERIOD[dataset]) for dataset, rows in ROWS.items()}


@pytest.mark.parametrize("dataset", sorted(GOOD))
@pytest.mark.parametrize("history", [(), (1.0, 0.99)], ids=["first delivery", "with history"])
def test_a_good_batch_passes_without_a_word(settings: Settings, dataset: str, history: tuple[float, ...]) -> None:
    assert_passes(settings, GOOD[dataset], history=history)
    assert list(settings.staging.iterdir()) == [], "the private folder is removed"


def test_every_batch_is_of_a_dataset() -> None:
    # Datasets that came later are judged in test files of their own, beside this one.
    assert set(GOOD) == set(PERIOD) <= set(load_contracts())


FAULTS = [
    # what all suites share
    Fault("enrolments", "at most 0.5 %", more={"quarantined": 10}, is_warning=True),
    Fault("enrolments", "all rows are of one municipality", "select * replace (case when person_key = 1 then '101' else '151' end as municipality_code) from good"),
    Fault("enrolments", "all rows are of one delivery", "select * replace (person_key::varchar as delivery_id) from good"),
    Fault("enrolments", "bears its municipality", "select * replace (case when person_key > 1 then '151' end as municipality_code) from good"),
    Fault("enrolments", "not before the period begins", more={"as_of": dt.date(2025, 7, 1)}),
    Fault("enrolments", "at least one row", "select * from good limit 0"),
    Fault("absence_days", "28 days or longer", "select * from good limit 0"),
    # relations to earlier deliveries
    Fault("enrolments", "0.8 to 1.25 times", more={"history": [1.5]}),
    Fault("enrolments", "0.97 to 1.03 times", more={"history": [1.1]}, is_warning=True),
    Fault("absence_days", "0.2 to 7 times as many rows on a day", more={"history": [9]}),
    Fault("absence_days", "0.5 to 3 times as many rows on a day", more={"history": [4]}, is_warning=True),
    Fault("absence_days", "0.2 to 5 times as many rows a day", more={"history": [20, 20]}, is_warning=True),
    Fault("ledger_postings", "0.1 to 10 times", more={"history": [11]}),
    Fault("referrals", "0.3 to 3 times", more={"history": [4]}),
    Fault("wellbeing_answers", "0.8 to 1.25 times", more={"history": [2]}),
    Fault("budget_agreement", "0.6 to 1.7 times", more={"history": [2]}),
    Fault("absence_statistics", "0.7 to 2.5 times", more={"history": [2]}),
    # absence_days
    Fault("absence_days", "lies in the delivery's period", "select * replace (absence_date + 60 as absence_date) from good"),
    Fault("absence_days", "not after the day of the extract", more={"as_of": dt.date(2026, 5, 10)}, is_warning=True),
    Fault("absence_days", "Saturday or Sunday", "select * replace (case when person_key = 1 then absence_date + 5 else absence_date end as absence_date) from good where isodow(absence_date) = 1", is_warning=True),
    Fault("absence_days", "98 %", "select * replace ('Sygdom' as absence_kind) from good"),
    Fault("absence_days", "unlawful absence is 1 to 40 %", "select * replace (if(absence_kind = 'Lovligt', 'Ulovligt', if(person_key < 30, 'Ulovligt', absence_kind)) as absence_kind) from good", is_warning=True),
    Fault("absence_days", "no school has more than 60 %", "select * replace (if(person_key % 10 < 7, '100001', institution_number) as institution_number) from good", is_warning=True),
    # enrolments
    Fault("enrolments", "the school year that the file is named for", "select * replace ('2024/2025' as school_year) from good"),
    Fault("enrolments", "all grades 0 to 9", "select * from good where grade_level <> 4"),
    Fault("enrolments", "enrolled at two places on one day", "select * from good union all select * replace ('999999' as institution_number, date '2025-09-01' as enrolled_from) from good where grade_level = 3 and enrolled_to is null"),
    Fault("enrolments", "no grade 0 to 9 has more than 20 %", "select * replace (if(person_key % 3 = 0, 0, grade_level)::utinyint as grade_level) from good", is_warning=True),
    # absence_statistics
    Fault("absence_statistics", "the three stages", "select * from good where school_stage <> 'Udskoling'"),
    Fault("absence_statistics", "the four measures", "select * replace (replace(measure_name, 'Over 10', 'Mere end 10') as measure_name) from good"),
    Fault("absence_statistics", "mean of average absence", "select * replace (measure_value / 100 as measure_value) from good"),
    Fault("absence_statistics", "at least half of the values", "select * replace ('missing' as value_status, null::decimal(9, 3) as measure_value) from good"),
    Fault("absence_statistics", "no part of the absence exceeds", "select * replace (if(measure_name like 'Syge%', measure_value + 9, measure_value)::decimal(9, 3) as measure_value) from good", is_warning=True),
    # budget_agreement
    Fault("budget_agreement", "four milestones", "select * replace (milestones[:3] as milestones) from good"),
    Fault("budget_agreement", "one document is of one agreement year", "select * replace ((2020 + row_number() over ())::smallint as agreement_year) from good"),
    Fault("budget_agreement", "1,000 mio. kr.", "select * replace (list_transform(amounts, lambda a : struct_update(a, amount_mdkk := 1700000.000::decimal(12, 3))) as amounts) from good"),
    Fault("budget_agreement", "half of the initiatives have an amount", "select * replace (if(title like '%1%', amounts, amounts[:0]) as amounts) from good where title not like '%1_'"),
    Fault("budget_agreement", "a budget year near the agreement", "select * replace (list_transform(amounts, lambda a : struct_update(a, budget_year := 1166::smallint)) as amounts) from good"),
    Fault("budget_agreement", "70 % of the milestones", "select * replace (list_transform(milestones, lambda m : struct_update(m, milestone_text := '')) as milestones) from good", is_warning=True),
    # ledger_postings
    Fault("ledger_postings", "the amounts have øre", "select * replace ((amount_dkk * 100)::decimal(15, 2) as amount_dkk) from good"),
    Fault("ledger_postings", "half of the amounts are below", "select * replace ((amount_dkk * 10000 + 0.5)::decimal(15, 2) as amount_dkk) from good"),
    Fault("ledger_postings", "-150 to 150 billion", "select * replace ((amount_dkk + 99999999)::decimal(15, 2) as amount_dkk) from good"),
    Fault("ledger_postings", "at most 50 % of the account strings", "select * replace ('variant' as account_form) from good"),
    Fault("ledger_postings", "are negative", "select * replace (abs(amount_dkk) as amount_dkk) from good", is_warning=True),
    Fault("ledger_postings", "in every month", is_warning=True, more={"period_from": dt.date(2026, 1, 1), "period_to": dt.date(2026, 12, 31)}),
    # referrals
    Fault("referrals", "closed_date is not after the day of the extract", more={"as_of": dt.date(2026, 5, 31)}, is_warning=True),
    Fault("referrals", "referred_date is not after the day of the extract", more={"as_of": dt.date(2026, 5, 20)}),
    Fault("referrals", "bears its effort", "select * replace ('FH' as project_code) from good"),
    Fault("referrals", "not all referrals have the same status", "select * replace ('Modtaget' as referral_status) from good"),
    Fault("referrals", "declined", "select * replace (if(referral_status = 'Modtaget', 'I gang', 'Afvist') as referral_status) from good", is_warning=True),
    # wellbeing_answers
    Fault("wellbeing_answers", "all 40 questions", "select * from good where question_number <> 33"),
    Fault("wellbeing_answers", "all 20 questions", "select * from good where question_number <> 11 or grade_level >= 4"),
    Fault("wellbeing_answers", "all grades 0 to 9 occur", "select * from good where grade_level <> 6"),
    Fault("wellbeing_answers", "all answers 1 to 5", "select * replace (if(answer_value = 5, 4, answer_value)::utinyint as answer_value) from good"),
    Fault("wellbeing_answers", "all answers 1 to 3", "select * replace (if(grade_level < 4, 2, answer_value)::utinyint as answer_value) from good"),
    Fault("wellbeing_answers", "at most 50 % of the questions are unanswered", "select * replace (if(question_number > 5, null, answer_value)::utinyint as answer_value) from good"),
    Fault("wellbeing_answers", "one school and grade", "select * replace (if(question_number = 1, 9, grade_level)::utinyint as grade_level) from good"),
    Fault("wellbeing_answers", "2.5 to 4.5", "select * replace (if(question_number > 3, 1, answer_value)::utinyint as answer_value) from good where question_number < 20 or grade_level > 3", is_warning=True),
    Fault("wellbeing_answers", "all rows of their form", "select * from good where question_number <> 40 or respondent_key % 3 > 0", is_warning=True),
]  # fmt: skip


@pytest.mark.parametrize("dataset", sorted(GOOD))
def test_every_suite_finds_rows_that_are_double_lost_or_quarantined(settings: Settings, dataset: str) -> None:
    assert_finds_double_lost_and_bad_rows(settings, GOOD[dataset])


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_planted_fault_fails(settings: Settings, fault: Fault) -> None:
    assert_is_told(settings, GOOD[fault.dataset], fault)


LEFT_OUT = {
    # real aliases and strings have the form by chance; a case number has digits and dashes of its own;
    # the whole form of the others is a row rule of the contract
    "ledger_postings": ("account_alias", "account_string", "account_number"),
    "budget_agreement": ("case_number", "initiative_id", "initiative_type"),
    "referrals": ("referral_id",),
}
LISTS = {
    "contributors": "[{number}]",
    "milestones": "list_transform(milestones, lambda part : struct_update(part, milestone_text := {number}))",
    "amounts": "list_transform(amounts, lambda part : struct_update(part, stated_in := {number}))",
}


@pytest.mark.parametrize("dataset", sorted(GOOD))
def test_a_person_number_is_found_in_every_text_column(dataset: str) -> None:
    assert_finds_a_person_number(GOOD[dataset], LEFT_OUT.get(dataset, ()), LISTS)


def test_a_person_number_stops_the_delivery_and_is_not_repeated(settings: Settings) -> None:
    change = f"select * replace (if(person_key = 3, '{PERSON_NUMBER}', class_name) as class_name) from good"
    verdict = GOOD["enrolments"].judged(settings, change)
    assert [message for message in verdict.critical if "looks like a CPR number" in message]
    assert "4321" not in repr(verdict)


def test_a_dataset_without_a_suite_names_the_file(settings: Settings, tmp_path: Path) -> None:
    contract = load_contracts()["referrals"].model_copy(update={"dataset": "not_yet_judged"})
    batch = tmp_path / "b.parquet"
    duckdb.sql("select 1 as a").write_parquet(str(batch))
    known = BatchHistory(TODAY, "2026", TODAY, TODAY, 1, 1, 0)
    with pytest.raises(WarehouseError, match=r"write expectations/not_yet_judged\.json"):
        judge_batch(settings, contract, batch, known, [])
    assert list(settings.staging.iterdir()) == []


@pytest.mark.parametrize(
    ("rows", "quarantined", "is_told"), [(20, 5, False), (20, 6, True), (5, 5, False), (4, 5, True)]
)
def test_a_few_bad_rows_of_a_small_delivery_do_not_reject_it(
    settings: Settings, rows: int, quarantined: int, is_told: bool
) -> None:
    verdict = GOOD["referrals"].judged(settings, f"select * from good limit {rows}", quarantined=quarantined)
    assert any("at most 5 %" in message for message in verdict.critical) == is_told
