"""The figures of the marts over rows small enough to count by hand (they stand in small_landing.py)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from small_landing import BALTORP, HEDEGAARD, Build

from include.landing.contract import load_contracts

YEAR = "2025/2026"


def test_nothing_failed_and_the_absence_without_enrolment_is_told(built: Build) -> None:
    statuses = {name: result["status"] for name, result in built.results.items()}
    assert set(statuses.values()) <= {"success", "pass", "warn"}
    assert [name.split(".")[2] for name, status in statuses.items() if status == "warn"] == [
        "assert_absence_has_an_enrolment"
    ]
    assert sum(name.startswith("unit_test.") for name in statuses) >= 15


def test_agreement(built: Build) -> None:
    assert built.query(
        "select agreement_year, initiative_id, contributors, center_code, committee_code, has_account "
        "from marts.dim_initiative order by all"
    ) == [
        (2017, "3.04", [], "SIK-2017", "BSU", False),
        (2026, "3.01", ["Ejendomme", "Skoler, Institutioner og Kultur"], "BUR-2017", "BSU", True),
        (2026, "3.04", [], "BUR-2017", "BSU", True),
        (2026, "3.08", [], "BUR-2017", "BSU", False),
    ]
    assert built.query("select count(*), count(*) filter (where has_text) from marts.fct_milestone") == [(12, 9)]
    # 1.7 stands in the finance line and in the description: once, as finance
    assert built.query(
        "select initiative_id, budget_year, amount_kind, amount_mdkk, stated_in from marts.fct_initiative_amount "
        "order by all"
    ) == [
        ("3.01", 2026, "expenditure", Decimal("1.700"), "finance"),
        ("3.01", 2027, "expenditure", Decimal("3.900"), "description"),
        ("3.04", 2017, "expenditure", Decimal("7.500"), "finance"),
        ("3.04", 2017, "saving", Decimal("1.500"), "finance"),
        ("3.04", 2026, "expenditure", Decimal("2.000"), "finance"),
    ]


def test_spending_sums_to_the_oere(built: Build) -> None:
    rows = built.query(
        "select agreement_year, initiative_id, posting_year, posting_month, amount_dkk, posting_count, "
        "has_person_postings from marts.fct_initiative_spending "
        "order by posting_year, posting_month, initiative_id nulls last"
    )
    assert rows == [
        (None, None, 2025, 12, Decimal("1000.00"), 1, False),  # the account belongs to the initiative from 2026 on
        (2026, "3.01", 2026, 1, Decimal("100000.00"), 1, False),
        (2026, "3.04", 2026, 1, Decimal("4321.09"), 1, True),
        (None, None, 2026, 1, Decimal("0.00"), 0, False),
        (2024, "3.03-1", 2026, 2, Decimal("50.01"), 1, False),  # half of 100.01, rounded up twice
        (2024, "3.03-2", 2026, 2, Decimal("50.01"), 1, False),
        (None, None, 2026, 2, Decimal("77.76"), 1, False),  # 77.77 and the øre that was rounded
        (2026, "3.01", 2026, 4, Decimal("50600.50"), 2, False),  # with the posting that moved here from March
        (None, None, 2026, 4, Decimal("0.00"), 0, False),
        (2026, "3.01", 2026, 6, Decimal("9999.99"), 1, False),
        (None, None, 2026, 6, Decimal("0.00"), 0, False),
    ]
    assert sum(row[4] for row in rows) == Decimal("166099.36")


def test_budget_follow_up_stands_at_the_last_full_month(built: Build) -> None:
    rows = built.query(
        "select follow_up_code, milestone_text, effort_status, adopted_expenditure_mdkk, adopted_saving_mdkk, "
        "is_reached, spent_through_date, spent_to_date_dkk, is_preliminary from marts.mart_budget_follow_up "
        "where agreement_year = 2026 and initiative_id = '3.01' order by follow_up_sequence"
    )
    adopted = (Decimal("1.700"), None)
    assert rows == [
        ("BO1-2026", "Plan", "neutral", *adopted, True, dt.date(2026, 3, 31), Decimal("100000.00"), False),
        ("BO2-2026", "Opstart", None, *adopted, False, dt.date(2026, 5, 31), Decimal("150600.50"), True),
        # the figure to date stands once, at the follow-up that comes next
        ("BO3-2026", None, None, *adopted, False, None, None, True),
        ("YE-2026", None, None, *adopted, False, None, None, True),
    ]
    # without accounts, or without a ledger of the year, there is no figure rather than nought
    assert built.query(
        "select distinct agreement_year, initiative_id, spent_to_date_dkk from marts.mart_budget_follow_up "
        "where initiative_id != '3.01' order by all"
    ) == [(2017, "3.04", None), (2026, "3.04", None), (2026, "3.08", None)]


def test_what_centres_answered_stands_by_milestone_and_follow_up(built: Build) -> None:
    assert built.query(
        "select initiative_id, milestone_number, milestone_follow_up_code, answered_follow_up_code, status, comment, "
        "role, answered_date, center_code, center_name, answer_count, is_wording_current "
        "from marts.fct_milestone_status order by answered_follow_up_code"
    ) == [
        *(
            (
                "3.01",
                1,
                "BO1-2026",
                code,
                status,
                comment,
                "Centerchef",
                day,
                *("BUR-2017", "Børne- og Ungerådgivning"),
                1,
                same,
            )
            for code, status, comment, day, same in (
                ("BO1-2026", "neutral", "Afventer udvalget.", dt.date(2026, 4, 2), True),
                # asked again, of another wording
                ("BO2-2026", "glad", None, dt.date(2026, 6, 15), False),
            )
        )
    ]


def test_a_follow_up_knows_the_one_before_and_what_its_economy_rests_on(built: Build) -> None:
    assert built.query(
        "select initiative_id, follow_up_code, effort_status, previous_effort_status, shown_economy_status, "
        "economy_status_basis, economy_comment, previous_economy_status from marts.mart_budget_follow_up "
        "where agreement_year = 2026 and initiative_id in ('3.01', '3.04') order by initiative_id, follow_up_sequence"
    ) == [
        ("3.01", "BO1-2026", "neutral", None, "glad", "computed", "Se bilag.", None),
        # the milestone of the first follow-up that is glad by now is not the second's
        ("3.01", "BO2-2026", None, "neutral", "glad", "computed", None, "glad"),
        ("3.01", "BO3-2026", None, None, None, None, None, "glad"),
        ("3.01", "YE-2026", None, None, None, None, None, None),
        # booked on persons: the figures show nothing, the centre's word does
        ("3.04", "BO1-2026", None, None, "glad", "reported", None, None),
        ("3.04", "BO2-2026", None, None, None, None, None, "glad"),
        ("3.04", "BO3-2026", None, None, None, None, None, None),
        ("3.04", "YE-2026", None, None, None, None, None, None),
    ]


def test_the_overview_by_centre(built: Build) -> None:
    milestones = "milestones, milestones_without_text, milestones_glad, milestones_neutral, milestones_sur, "
    rows = built.query(
        f"select follow_up_code, initiatives, {milestones} milestones_unreported, economies_glad, economies_sur, "
        "economies_unknown, economies_summed, corrected_budget_dkk, spent_to_date_dkk, forecast_dkk, deviation_dkk "
        "from marts.mart_follow_up_center where center_code = 'BUR-2017' order by follow_up_code"
    )
    first = [Decimal(text) for text in ("1100000.00", "100000.00", "400000.00", "700000.00")]
    second = [Decimal(text) for text in ("1150000.25", "150600.50", "361441.20", "788559.05")]
    assert rows == [
        # 2,000,000.00 kr. of budget are booked on persons and in no sum
        ("BO1-2026", 3, *(2, 0, 0, 1, 0, 1), *(2, 0, 1), 1, *first),
        ("BO2-2026", 3, *(2, 0, 0, 0, 0, 2), *(1, 0, 2), 1, *second),
        *((code, 3, *(1, 1, 0, 0, 0, 1), *(0, 0, 3), 0, None, None, None, None) for code in ("BO3-2026", "YE-2026")),
    ]
    assert built.query(
        "select responsible_center, sum(initiatives), sum(milestones), sum(milestones_unreported), "
        "sum(economies_unknown) from marts.mart_follow_up_center where agreement_year = 2017 group by all "
        "order by all nulls last"
    ) == [("Skoler, Institutioner og Kultur", 4, 3, 3, 4), (None, 4, 3, 3, 4)]


def test_budget_forecast_and_status_of_an_initiative(built: Build) -> None:
    rows = built.query(
        "select follow_up_code, adopted_budget_dkk, budget_changes_dkk, corrected_budget_dkk, forecast_dkk, "
        "deviation_dkk, reported_economy_status, computed_economy_status from marts.mart_budget_follow_up "
        "where agreement_year = 2026 and initiative_id = '3.01' order by follow_up_sequence"
    )
    adopted, before, after = Decimal("1200000.00"), Decimal("-100000.00"), Decimal("-49999.75")
    assert rows == [
        # 100,000.00 in three months, 150,600.50 in five
        ("BO1-2026", adopted, before, adopted + before, Decimal("400000.00"), Decimal("700000.00"), "sur", "glad"),
        ("BO2-2026", adopted, after, adopted + after, Decimal("361441.20"), Decimal("788559.05"), None, "glad"),
        ("BO3-2026", adopted, after, adopted + after, None, None, None, None),
        ("YE-2026", adopted, after, adopted + after, None, None, None, None),
    ]


def test_the_measures_of_the_budget(built: Build) -> None:
    measures = "from intermediate.int_measures_budget"
    assert built.query(
        f"select period, numerator, denominator, measure_value {measures} "
        "where measure_id = 'K01' and unit_type = 'municipality' order by period_end_date"
    ) == [
        *[(f"{code}-2017", None, Decimal(n), None) for code, n in (("BO1", 1), ("BO2", 1), ("BO3", 1), ("YE", 0))],
        ("BO1-2026", Decimal(0), Decimal(2), Decimal(0)),
        *[(f"{code}-2026", None, Decimal(n), None) for code, n in (("BO2", 2), ("BO3", 1), ("YE", 1))],
    ]
    # exact where the public mart shows nothing
    assert built.query(
        f"select measure_id, period, numerator, denominator, measure_value {measures} where unit_id = '2026/3.04' "
        "and period = 'BO1-2026' order by all"
    ) == [
        ("K02", "BO1-2026", Decimal("4321.09"), Decimal(2000000), Decimal(1)),
        ("K03", "BO1-2026", Decimal("4321.09"), Decimal(2000000), Decimal("0.002161")),
        ("K09", "BO1-2026", Decimal("4321.09"), Decimal(2000000), Decimal("0.002161")),
    ]
    assert built.query(f"select period, denominator, measure_value {measures} where measure_part = 'saving'") == [
        (f"{code}-2017", Decimal(1500000), None) for code in ("BO1", "BO2", "BO3", "YE")
    ]


def test_accounts_and_sections_are_told(built: Build) -> None:
    assert built.query(
        "select activity_number, function_code, function_name, dranst_name, art_code, is_posted_by_person, "
        "is_in_budget from marts.dim_account where activity_number in ('926006', '924900') order by all"
    ) == [
        ("924900", "5.28.21", "Forebyggende foranstaltninger", "Drift", "5.2", False, False),
        ("926006", "5.28.21", "Forebyggende foranstaltninger", "Drift", "5.2", True, True),
    ]
    assert built.query(
        "select section_code, is_current, earlier_section_code from marts.dim_law_section "
        "where section_kind = 'examination' order by all"
    ) == [("BL-20", True, "SEL-50"), ("SEL-50", False, None)]


def test_money_of_single_persons_is_not_public(built: Build) -> None:
    assert built.query(
        "select distinct agreement_year, initiative_id, has_account, has_person_postings, spent_to_date_dkk is null, "
        "spent_share is null from marts.mart_budget_follow_up where has_person_postings"
    ) == [(2026, "3.04", True, True, True, True)]
    # nor what it could be told from; what the council decided and the centre answered is public
    assert built.query(
        "select distinct forecast_dkk, deviation_dkk, computed_economy_status, corrected_budget_dkk "
        "from marts.mart_budget_follow_up where has_person_postings"
    ) == [(None, None, None, Decimal("2000000.00"))]
    assert built.query(
        "select follow_up_code, reported_economy_status from marts.mart_budget_follow_up "
        "where has_person_postings and reported_economy_status is not null"
    ) == [("BO1-2026", "glad")]
    # the exact figure stays with those who may read it
    assert built.query(
        "select agreement_year, initiative_id, sum(amount_dkk) from marts.fct_initiative_spending "
        "where has_person_postings group by all"
    ) == [(2026, "3.04", Decimal("4321.09"))]


def test_years_and_months_are_integers(built: Build) -> None:
    assert (
        built.query(
            "select table_name, column_name from duckdb_columns() "
            "where schema_name = 'marts' and data_type = 'SMALLINT'"
        )
        == []
    )


def _absence(built: Build, period: str, where: str, columns: str) -> list[tuple[object, ...]]:
    return built.query(f"select {columns} from marts.mart_school_absence where period = '{period}' and {where}")


def test_absence_of_a_school_year(built: Build) -> None:
    # 90 school days from August to December and 9 until 15 May are covered; 11 days away are over a tenth of these, but
    # not of the 200 that the school year plans
    whole = "institution_level = 'municipality' and grade_group_type = 'all'"
    columns = "pupils, school_days, sick_days, permitted_days, unlawful_days, absence_share, high_absence_pupils"
    assert _absence(built, YEAR, whole, columns) == [(4, 3 * 99 + 44, 11, 1, 9, Decimal("0.061584"), 0)]
    # weighted by months: three pupils with 6 months and 11, 8 and 2 days of 99; one with 3 months and none
    assert _absence(built, YEAR, whole, "mean_pupil_absence_share, is_preliminary, covered_to_date") == [
        (Decimal("0.060606"), True, dt.date(2026, 5, 13))
    ]
    # the pupil who moved has 1 day of 9 at the new school and 1 of 90 at the old one, a department of Baltorpskolen
    grade_4 = "grade_level = 4 and institution_level = 'school' order by institution_number"
    assert _absence(built, YEAR, grade_4, "institution_number, pupils, school_days, absence_days") == [
        (HEDEGAARD, 1, 9, 1),
        (BALTORP, 1, 90, 1),
    ]
    assert _absence(
        built,
        YEAR,
        "ministry_absence_share is not null",
        "institution_level, school_stage, ministry_absence_share, ministry_high_absence_share, ministry_sick_share",
    ) == [("municipality", "Indskoling", Decimal("0.073000"), Decimal("0.191000"), None)]


def test_unlawful_absence_of_a_quarter(built: Build) -> None:
    # eight of the 53 school days from October to December are 15.09 per cent
    stage = "institution_level = 'municipality' and school_stage = 'Indskoling' and grade_group_type = 'stage'"
    assert _absence(
        built, "2025-Q4", stage, "unlawful_days, unlawful_warn_pupils, unlawful_notify_pupils, high_absence_pupils"
    ) == [(8, 1, 1, None)]
    assert _absence(built, "2025-Q3", stage, "unlawful_days, unlawful_warn_pupils, is_preliminary") == [(1, 0, False)]
    assert _absence(built, "2026-Q1", "true", "pupils") == []


def test_icehearts(built: Build) -> None:
    rows = built.query(
        "select month_label, referrals, declined_referrals, children, new_children, children_cumulative, "
        "is_preliminary from marts.mart_icehearts "
        "where institution_level = 'municipality' and grade_group_type = 'all' order by month_start"
    )
    assert rows == [
        ("2026-01", 1, 0, 1, 1, 1, False),
        ("2026-02", 0, 0, 0, 0, 1, False),
        ("2026-03", 2, 1, 2, 1, 2, False),
        ("2026-04", 0, 0, 0, 0, 2, False),
        ("2026-05", 0, 0, 0, 0, 2, False),
        ("2026-06", 0, 0, 0, 0, 2, True),
    ]
    # every grade of the target group at both schools, for every month
    assert built.query(
        "select institution_number, count(distinct grade_level), count(distinct month_label) "
        "from marts.mart_icehearts where grade_group_type = 'grade' group by all order by all"
    ) == [(HEDEGAARD, 4, 6), (BALTORP, 4, 6), (None, 4, 6)]


def test_trivsel(built: Build) -> None:
    whole = "institution_level = 'municipality' and grade_group_type = 'all'"
    assert built.query(
        "select measure, respondents, n, mean_score, interval_low, interval_high from marts.mart_trivsel "
        f"where measure_type = 'indicator' and {whole} order by all"
    ) == [
        ("faglig", 1, 0, None, None, None),
        # 15 of 29 questions: 10 times 5, 4 times 4 and once 3
        ("generel", 2, 1, Decimal("4.6000"), None, None),
        # below ten pupils there is no interval
        ("ro", 2, 2, Decimal("3.2500"), None, None),
        ("social", 2, 1, Decimal("5.0000"), None, None),
    ]
    assert built.query(
        "select answer_value, respondents, n, answer_count, answer_share from marts.mart_trivsel "
        f"where measure = 'question_01' and {whole} order by all"
    ) == [
        (1, 4, 3, 1, Decimal("0.333333")),
        (2, 4, 3, 0, Decimal("0.000000")),
        (3, 4, 3, 2, Decimal("0.666667")),
    ]


def test_freshness(built: Build) -> None:
    columns = "dataset, freshness, data_as_of, days_since, has_rejected_since"
    assert built.query(f"select {columns} from marts.data_freshness where is_delivered order by all") == [
        ("absence_days", "stale", dt.date(2026, 5, 15), 35, False),
        ("absence_statistics", "fresh", dt.date(2025, 11, 20), 211, False),
        ("appropriations", "fresh", dt.date(2026, 6, 18), 1, False),
        ("budget_agreement", "fresh", dt.date(2026, 2, 10), 129, False),
        ("enrolments", "fresh", dt.date(2026, 6, 18), 1, False),
        # April was sent again on 18 June, which brings no newer day
        ("ledger_postings", "stale", dt.date(2026, 6, 12), 7, False),
        ("milestone_status", "fresh", dt.date(2026, 6, 15), 4, False),
        ("referrals", "fresh", dt.date(2026, 6, 17), 2, True),
        ("wellbeing_answers", "fresh", dt.date(2026, 3, 25), 86, False),
    ]
    others = built.query(f"select {columns} from marts.data_freshness where not is_delivered order by all")
    assert len(others) == len(load_contracts()) - 9
    assert {row[1:] for row in others} == {("never_delivered", None, None, False)}


def test_school_days_and_descriptions(built: Build) -> None:
    assert built.query(
        "select count(*) filter (where is_school_day) from marts.dim_date where school_year = '2025/2026'"
    ) == [(200,)]
    # what an analyst sees in the file itself: both languages on every column of every mart
    assert (
        built.query(
            "select table_name, column_name from duckdb_columns() "
            "where schema_name = 'marts' and coalesce(comment, '') not like '% / %'"
        )
        == []
    )
    assert built.query("select distinct table_schema from information_schema.tables order by all") == [
        ("intermediate",),
        ("marts",),
        ("seeds",),
        ("staging",),
    ]
