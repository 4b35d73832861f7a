# ruff: noqa: E501 (a planted fault is one line of the table)
"""The gate of expectations over the build of the small municipality, with the suites that are committed."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from figures import Night

from include.errors import WarehouseError
from include.gx import EXPECTATIONS, load_suite, suite_names
from include.landing.contract import load_contracts
from include.settings import PROJECT_ROOT, Settings
from include.warehouse.validate import ValidationFailed, ValidationReport, validate

RUN = "20260619T013000Z-000001"
MARTS = {file.stem for file in (PROJECT_ROOT / "dbt_project" / "models" / "marts").rglob("*.sql")}
NEVER_EMPTY = {"dim_date", "dim_municipality", "dim_institution", "dim_center", "dim_committee", "dim_follow_up",
               "dim_district", "dim_law_section", "dim_measure", "dim_project", "mart_project", "data_freshness"}  # fmt: skip
"""What must have rows even where nothing was delivered, and whose suite says so."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", key_file=tmp_path / "key" / "person.key")


@pytest.fixture(scope="module")
def good_build(small: Night) -> Path:
    """What dbt built of the small municipality."""
    return small.inbox.parent / "built" / "warehouse.duckdb"


def validated(settings: Settings, build: Path, *statements: str, expectations: Path = EXPECTATIONS) -> ValidationReport:
    """The report on the good build after `statements`; raises as the gate does."""
    file = settings.staging / RUN / "build" / "warehouse.duckdb"
    file.parent.mkdir(parents=True)
    shutil.copy(build, file)
    with duckdb.connect(str(file)) as connection:
        for statement in statements:
            connection.execute(statement)
    return validate(settings, RUN, expectations=expectations)


def test_a_good_build_passes_without_a_word(settings: Settings, good_build: Path) -> None:
    report = validated(settings, good_build)
    assert report.critical == []
    assert report.warnings == []
    assert report.suites == len(MARTS)
    assert report.checks == sum(len(load_suite(mart)["expectations"]) for mart in MARTS)
    operations = settings.staging / RUN / "operations"
    written = json.loads((operations / "validation.json").read_text("utf-8"))
    assert {result["suite"] for result in written["results"]} == MARTS
    assert written["checks"] == report.checks
    # What the publication asks for.
    assert (written["run_id"], written["critical"]) == (RUN, [])
    assert (operations / "data_docs" / "index.html").is_file()
    pages = list((operations / "data_docs" / "validations").rglob("*.html"))
    assert len(pages) == len(MARTS)
    assert sorted(path.name for path in (settings.staging / RUN).iterdir()) == ["build", "operations"]
    with duckdb.connect(str(settings.staging / RUN / "build" / "warehouse.duckdb")) as connection:
        connection.execute("create table the_file_is_free_again (a integer)")


def test_every_dataset_and_every_mart_has_a_suite() -> None:
    assert suite_names() == MARTS | set(load_contracts())
    for name in suite_names():
        assert load_suite(name)["expectations"]


def test_marts_of_datasets_that_were_never_delivered_pass_empty(settings: Settings, good_build: Path) -> None:
    emptied = [f"delete from marts.{mart}" for mart in sorted(MARTS - NEVER_EMPTY)]
    report = validated(settings, good_build, *emptied)
    assert (report.critical, report.warnings) == ([], [])


@dataclass
class Fault:
    """Statements that spoil a mart, and a part of the message that must come of it."""

    mart: str
    said: str
    statement: str
    is_warning: bool = False


FAULTS = [
    # a row that stands twice and one of another municipality, in every mart; the faults of a list go into one build
    [
        *(Fault(mart, "all rows are of one municipality", f"update marts.{mart} set municipality_code = '101' where rowid = 0") for mart in sorted(MARTS - {"dim_municipality"})),
        *(Fault(mart, "one row for each", f"insert into marts.{mart} select * from marts.{mart} limit 1") for mart in sorted(MARTS)),
    ],
    [
        Fault("dim_date", "no day is left out", "delete from marts.dim_date where date_day = '2025-03-04'"),
        Fault("dim_date", "Saturday or Sunday", "update marts.dim_date set is_school_day = true where date_day = '2026-05-02'"),
        Fault("dim_municipality", "98 municipalities", "delete from marts.dim_municipality where rowid < 5"),
        Fault("dim_municipality", "exactly one is the warehouse's own", "update marts.dim_municipality set is_own = true"),
        Fault("dim_institution", "is its own main school", "update marts.dim_institution set main_institution_number = '280562' where institution_number = '280562'"),
        Fault("dim_center", "one row at a time", "update marts.dim_center set center_name = 'Ejendomme', valid_to = null"),
        Fault("dim_committee", "valid_to is not before", "update marts.dim_committee set valid_to = '2010-01-01'"),
        Fault("dim_follow_up", "dates of a year follow", "update marts.dim_follow_up set data_cut_off_date = '2026-01-31' where follow_up_sequence = 2"),
        Fault("dim_initiative", "centre is known", "update marts.dim_initiative set center_code = null", is_warning=True),
        Fault("fct_milestone", "has_text says whether", "update marts.fct_milestone set milestone_text = ' ' where has_text and milestone_number = 1"),
        Fault("fct_initiative_amount", "above zero", "update marts.fct_initiative_amount set amount_mdkk = -1.7 where rowid = 0"),
        Fault("fct_initiative_amount", "counts once", "insert into marts.fct_initiative_amount select * replace (99 as amount_number, 'description' as stated_in) from marts.fct_initiative_amount where stated_in = 'finance' and rowid > 9 limit 1"),
        Fault("fct_initiative_spending", "what no initiative claims", "delete from marts.fct_initiative_spending where is_unclaimed and posting_month = 2"),
        Fault("fct_account_spending", "an account's mark", "update marts.fct_account_spending set has_person_postings = not has_person_postings where posting_month = 2"),
        Fault("fct_granted_payment", "no more children than payments", "update marts.fct_granted_payment set children = payments + 1 where rowid = 0"),
        Fault("fct_granted_payment", "before it holds", "update marts.fct_granted_payment set section_code = 'BL-46', month_start = '2023-12-01', month_label = '2023-12' where rowid = 1", is_warning=True),
        Fault("dim_follow_up", "forms are sent before their deadline", "update marts.dim_follow_up set form_deadline_date = data_cut_off_date + 1 where rowid = 0"),
        Fault("dim_follow_up", "two to three weeks before", "update marts.dim_follow_up set forms_sent_date = data_cut_off_date - 13 where rowid = 1", is_warning=True),
        Fault("dim_follow_up", "a meeting is after the cut-off", "update marts.dim_follow_up set committee_meeting_date = data_cut_off_date where rowid = 2"),
        Fault("dim_follow_up", "within 200 days", "update marts.dim_follow_up set council_meeting_date = data_cut_off_date + 201 where rowid = 3", is_warning=True),
        Fault("dim_follow_up", "does not meet before", "update marts.dim_follow_up set committee_meeting_date = data_cut_off_date + 9, council_meeting_date = data_cut_off_date + 8 where rowid = 4"),
        Fault("fct_milestone_status", "a milestone that has a text", "update marts.fct_milestone_status set milestone_number = 9 where rowid = 0"),
        Fault("fct_milestone_status", "glad, neutral or sour", "update marts.fct_milestone_status set status = 'ok' where rowid = 1"),
        Fault("fct_milestone_status", "follow-up or a later one", "update marts.fct_milestone_status set answered_follow_up_code = 'BO1-2026' where milestone_follow_up_code = 'BO2-2026'", is_warning=True),
        Fault("fct_milestone_status", "half year after it", "update marts.fct_milestone_status set answered_date = '2030-01-02' where rowid = 2"),
        Fault("fct_milestone_status", "a role answers", "update marts.fct_milestone_status set role = 'Chef' where rowid = 3"),
        Fault("fct_milestone_status", "the centre that answers is known", "update marts.fct_milestone_status set center_name = null where rowid = 4", is_warning=True),
        Fault("fct_milestone_status", "one answer or more", "update marts.fct_milestone_status set answer_count = 0 where rowid = 5"),
        Fault("mart_budget_follow_up", "computed one, else the reported", "update marts.mart_budget_follow_up set economy_status_basis = 'reported' where computed_economy_status is not null"),
        Fault("mart_budget_follow_up", "the follow-up before shows", "update marts.mart_budget_follow_up set previous_effort_status = 'glad' where follow_up_sequence = 1"),
        Fault("mart_follow_up_center", "every initiative is counted once", "update marts.mart_follow_up_center set initiatives = initiatives + 1, economies_unknown = economies_unknown + 1 where row_level = 'center'"),
        Fault("mart_follow_up_center", "every milestone is counted once", "update marts.mart_follow_up_center set milestones_without_text = milestones_without_text + 1 where row_level = 'center'"),
        Fault("mart_follow_up_center", "smileys of the milestones add up", "update marts.mart_follow_up_center set milestones_unreported = milestones_unreported + 1 where row_level = 'center'"),
        Fault("mart_follow_up_center", "no money where", "update marts.mart_follow_up_center set forecast_dkk = 1 where economies_summed = 0"),
        Fault("mart_budget_follow_up", "add up to the finance lines", "update marts.mart_budget_follow_up set adopted_expenditure_mdkk = 2 + follow_up_sequence where adopted_expenditure_mdkk is not null"),
        Fault("mart_budget_follow_up", "0.5 to 3", "update marts.mart_budget_follow_up set spent_share = 7 where spent_share is not null and follow_up_sequence = 4", is_warning=True),
        Fault("mart_school_absence", "months of a school year add up", "update marts.mart_school_absence set sick_days = sick_days + 1, absence_days = absence_days + 1 where period_type = 'month' and rowid % 7 = 0"),
        Fault("mart_school_absence", "schools add up to the municipality", "delete from marts.mart_school_absence where institution_number = '151003' and period_type = 'school_year'"),
        Fault("mart_icehearts", "the sum of the months", "update marts.mart_icehearts set referrals_cumulative = referrals_cumulative + 1 where rowid = 0"),
        Fault("mart_trivsel", "make up all who count", "update marts.mart_trivsel set pupils_3_to_4 = pupils_3_to_4 + 1 where rowid % 2 = 0"),
        Fault("mart_trivsel", "mean is 1 to 5", "update marts.mart_trivsel set mean_score = 5.2 where measure = 'ro'"),
        Fault("data_freshness", "is stale", "update marts.data_freshness set is_stale = true, days_since = 9, freshness = 'stale' where rowid = 0", is_warning=True),
        Fault("data_freshness", "rejected delivery", "update marts.data_freshness set has_rejected_since = true where rowid = 0", is_warning=True),
    ],
    [
        Fault("dim_date", "1 August to 31 July", "update marts.dim_date set school_year_last_date = school_year_last_date + 1 where date_day = '2026-05-02'"),
        Fault("dim_account", "are its parts", "update marts.dim_account set dranst_code = '2' where rowid = 0"),
        Fault("dim_account", "dranst has a name", "update marts.dim_account set dranst_name = null", is_warning=True),
        Fault("dim_law_section", "ended before", "update marts.dim_law_section set valid_to = null where section_code = 'SEL-50'"),
        Fault("dim_law_section", "lowest and the highest", "update marts.dim_law_section set highest_effort_step = 4 where rowid = 0"),
        Fault("mart_budget_follow_up", "adopted one and its changes", "update marts.mart_budget_follow_up set budget_changes_dkk = 0 where rowid = 0"),
        Fault("fct_milestone_status", "wording that was answered", "update marts.fct_milestone_status set is_wording_current = false", is_warning=True),
        Fault("fct_milestone_status", "in the calendar", "update marts.fct_milestone_status set answered_follow_up_code = 'BO1-2099' where rowid = 0", is_warning=True),
        Fault("fct_milestone_status", "a remark is short", "update marts.fct_milestone_status set comment = repeat('x', 2001) where rowid = 1", is_warning=True),
        Fault("mart_budget_follow_up", "own milestones", "update marts.mart_budget_follow_up set effort_status = case effort_status when 'sur' then 'glad' else 'sur' end where effort_status is not null"),
        Fault("mart_follow_up_center", "that the centres gave", "update marts.mart_follow_up_center set milestones_glad = milestones_glad + milestones_sur, milestones_sur = 0"),
        Fault("mart_follow_up_center", "initiatives' economy", "update marts.mart_follow_up_center set economies_glad = economies_glad + economies_sur, economies_sur = 0"),
        Fault("mart_follow_up_center", "smileys of the economy add up", "update marts.mart_follow_up_center set economies_unknown = initiatives + 1 where row_level = 'center'"),
        Fault("mart_follow_up_center", "whose spending is shown", "update marts.mart_follow_up_center set spent_to_date_dkk = spent_to_date_dkk + 0.01 where economies_summed > 0"),
        Fault("mart_follow_up_center", "less the forecast", "update marts.mart_follow_up_center set deviation_dkk = 1 where row_level = 'center'"),
        Fault("mart_follow_up_center", "the centre is known", "update marts.mart_follow_up_center set center_code = null where row_level = 'center'", is_warning=True),
        Fault("mart_follow_up_center", "a centre or the municipality", "update marts.mart_follow_up_center set responsible_center = null where rowid = (select min(rowid) from marts.mart_follow_up_center where row_level = 'center')"),
        Fault("mart_follow_up_center", "sum of its centres", "update marts.mart_follow_up_center set spent_to_date_dkk = spent_to_date_dkk + 0.01 where row_level = 'municipality'"),
        Fault("mart_follow_up_center", "stands once", "update marts.mart_follow_up_center set center_code = 'BUR-2017' where rowid > 0", is_warning=True),
        Fault("mart_budget_follow_up", "less the forecast", "update marts.mart_budget_follow_up set deviation_dkk = 1 where rowid = 0"),
        Fault("mart_budget_follow_up", "is not shown", "update marts.mart_budget_follow_up set has_person_postings = true, spent_to_date_dkk = null, spent_share = null, computed_economy_status = null where rowid = 0"),
        Fault("mart_budget_follow_up", "above a budget is sour", "update marts.mart_budget_follow_up set computed_economy_status = 'sur' where spent_through_date is not null"),

        Fault("dim_district", "three letters", "update marts.dim_district set district_code = 'HEDE' where district_code = 'HED'"),
        Fault("dim_measure", "both languages", "update marts.dim_measure set denominator_en = null where measure_id = 'K04'"),
        Fault("dim_project", "in both languages", "update marts.dim_project set target_group_en = null, target_group = 'Børn' where project_code = 'ICE'"),
        Fault("fct_measure", "no division by zero", "update marts.fct_measure set denominator = 0 where measure_id = 'K04'"),
        Fault("fct_measure", "both languages say why", "update marts.fct_measure set open_reason = 'Måltal mangler' where measure_id = 'K15'"),
        Fault("mart_cases", "was reviewed or never was", "update marts.mart_cases set open_cases_never_reviewed = open_cases_never_reviewed + 1 where unit_type = 'municipality'"),
        Fault("mart_dagtilbud", "the houses add up", "delete from marts.mart_dagtilbud where unit_type = 'house' and unit_id = 'HED-01'"),
        Fault("mart_faellesskab_for_alle", "no more have completed", "update marts.mart_faellesskab_for_alle set completed_participants = participants + 1 where participants > 0"),
        Fault("mart_faellesskabsmodellen", "add up to the municipality", "update marts.mart_faellesskabsmodellen set open_cases = open_cases + 1 where effort_step = 3"),
        Fault("mart_official_statistics", "what is not known has no value", "update marts.mart_official_statistics set value = 0 where value_status = 'suppressed'"),
        Fault("mart_official_statistics", "0.9 to 1.2 times", "update marts.mart_official_statistics set value = null, value_status = 'missing' where year = 2024 and source_code = 'absence_statistics'", is_warning=True),
        Fault("mart_project", "without a mart says why", "update marts.mart_project set missing_da = null, missing_en = null where len(marts) = 0"),
        Fault("mart_sammen_om_boern", "a change as wished", "update marts.mart_sammen_om_boern set is_change_as_wished = not is_change_as_wished"),
        Fault("mart_skolestart", "late, early and normal", "update marts.mart_skolestart set late_children = late_children + 1"),
        Fault("mart_specialundervisning", "among the year", "update marts.mart_specialundervisning set pupils = pupils_in_year + 1"),
        Fault("mart_sundhedsplejen", "the coverage is what", "update marts.mart_sundhedsplejen set coverage_share = 0.5 where visit_type_code = 'BARSEL' and unit_type = 'district'"),
        Fault("mart_tilsyn", "a house is one house", "update marts.mart_tilsyn set houses = 2 where unit_type = 'house'"),
        Fault("mart_ppr_conferences", "no month is left out", "delete from marts.mart_ppr_conferences where month_label = '2026-03'"),
        Fault("mart_familiehuset", "no more declined", "update marts.mart_familiehuset set declined_referrals = referrals + 1 where referrals > 0"),
        Fault("mart_fsr", "workers per district", "update marts.mart_fsr set districts = districts + 1"),
        Fault("mart_handicap_og_familieteam", "kinds of section", "update marts.mart_handicap_og_familieteam set running_other = running_other + 1 where running_activities > 0"),
        Fault("mart_headspace", "the age bands add up", "update marts.mart_headspace set contacts = contacts + 1, phone_contacts = phone_contacts + 1 where age_group_type = 'all' and contacts is not null"),
        Fault("mart_icehearts_results", "so far does not fall", "update marts.mart_icehearts_results set children_referred_cumulative = 1000 where month_label = '2025-03'"),
        Fault("mart_overgang_dagtilbud_skole", "a school is told of no form", "update marts.mart_overgang_dagtilbud_skole set forms = 10 where unit_type = 'school'"),
        Fault("mart_ppr", "the schools' referrals add up", "update marts.mart_ppr set referrals = referrals + 1 where institution_level = 'municipality' and referrals is not null"),
        Fault("fct_milestone", "all four follow-ups", "delete from marts.fct_milestone where rowid = 0"),
        Fault("dim_initiative", "has milestones", "insert into marts.dim_initiative select * replace ('3.99' as initiative_id) from marts.dim_initiative limit 1"),
        Fault("mart_budget_follow_up", "every initiative is here", "select 1"),
        Fault("fct_initiative_spending", "every initiative is known", "update marts.fct_initiative_spending set initiative_id = '9.99' where initiative_id = '3.01'", is_warning=True),
        Fault("fct_account_spending", "what fct_initiative_spending has", "update marts.fct_account_spending set amount_dkk = amount_dkk + 0.01 where rowid = 0"),
        Fault("fct_account_spending", "every account is known", "update marts.fct_account_spending set account_string = '9' where rowid = 1"),
        Fault("fct_granted_payment", "code is its number", "update marts.fct_granted_payment set function_number = '52899' where rowid = 0"),
        Fault("fct_granted_payment", "every section is known", "update marts.fct_granted_payment set section_code = 'BL-99' where rowid = 1", is_warning=True),
        Fault("dim_follow_up", "four follow-ups a year", "delete from marts.dim_follow_up where follow_up_sequence = 2"),
        Fault("mart_school_absence", "absence_share: expected: 0 to 1", "update marts.mart_school_absence set absence_share = 6.1 where rowid = 0"),
        Fault("mart_school_absence", "make up all absence", "update marts.mart_school_absence set unlawful_days = 0"),
        Fault("mart_school_absence", "every school is known", "update marts.mart_school_absence set institution_name = null where institution_level = 'school'", is_warning=True),
        Fault("mart_icehearts", "every cell has every month", "delete from marts.mart_icehearts where month_label = '2026-05' and grade_level = 1"),
        Fault("mart_icehearts", "no column holds a person's key", "alter table marts.mart_icehearts add column person_key uinteger"),
        Fault("mart_trivsel", "make up all answers", "update marts.mart_trivsel set answer_count = 31 where answer_value = 1"),
        Fault("mart_trivsel", "all five indicators", "delete from marts.mart_trivsel where measure = 'social'"),
        Fault("data_freshness", "all four domains", "update marts.data_freshness set domain = 'budget' where domain = 'trivsel'"),
    ],
]  # fmt: skip


@pytest.mark.parametrize("faults", FAULTS, ids=["double", "first", "second"])
def test_planted_faults_stop_the_build(settings: Settings, good_build: Path, faults: list[Fault]) -> None:
    with pytest.raises(ValidationFailed) as raised:
        validated(settings, good_build, *[fault.statement for fault in faults])
    report = raised.value.report
    for fault in faults:
        said = report.warnings if fault.is_warning else report.critical
        assert any(m.startswith(f"{fault.mart}: ") and fault.said in m for m in said), fault
    message = str(raised.value)
    assert all(critical in message for critical in report.critical)
    docs = settings.staging / RUN / "operations" / "data_docs" / "index.html"
    assert str(docs) in message
    assert docs.is_file()
    assert (settings.staging / RUN / "operations" / "validation.json").is_file()


def test_every_mart_has_a_planted_fault_of_its_own() -> None:
    assert {fault.mart for faults in FAULTS[1:] for fault in faults} == MARTS


def without(*marts: str) -> list[str]:
    return [f"drop table marts.{mart}" for mart in marts]


def test_a_calendar_a_list_or_freshness_must_not_be_empty(settings: Settings, good_build: Path) -> None:
    emptied = [f"delete from marts.{mart}" for mart in sorted(NEVER_EMPTY)]
    with pytest.raises(ValidationFailed) as raised:
        validated(settings, good_build, *emptied, *without(*(MARTS - NEVER_EMPTY)))
    for mart in NEVER_EMPTY:
        said = [m for m in raised.value.report.critical if m.startswith(f"{mart}: expect_table_row_count")]
        assert said, mart


def test_a_warning_is_published(settings: Settings, good_build: Path) -> None:
    report = validated(
        settings,
        good_build,
        "update marts.data_freshness set has_rejected_since = true where dataset = 'referrals'",
        *without(*(MARTS - {"data_freshness"})),
    )
    assert report.critical == []
    assert [message.split(":")[0] for message in report.warnings] == ["data_freshness"]
    written = json.loads((settings.staging / RUN / "operations" / "validation.json").read_text("utf-8"))
    assert written["warnings"] == report.warnings


def test_a_mart_without_a_suite_stops_the_night(settings: Settings, good_build: Path) -> None:
    with pytest.raises(WarehouseError, match=r"add expectations/mart_new\.json, expectations/mart_view\.json"):
        validated(
            settings,
            good_build,
            "create table marts.mart_new (a integer)",
            "create view marts.mart_view as select 1 as a",
        )


def test_no_build_and_no_marts_are_errors(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="no finished build"):
        validate(settings, RUN)
    empty = tmp_path / "empty.duckdb"
    duckdb.connect(str(empty)).close()
    with pytest.raises(WarehouseError, match="no table in schema marts"):
        validated(settings, empty)


def test_a_text_that_looks_like_a_person_number_stops_the_build_and_stays_in_it(
    settings: Settings, good_build: Path
) -> None:
    number = "-".join((f"{11 + 60}{1:02}12", f"{4321:04}"))  # day + 60: nobody has it
    texts = {
        "dim_initiative": "elaboration",
        "fct_milestone": "milestone_text",
        "fct_milestone_status": "comment",
        "mart_follow_up_center": "responsible_center",
        "mart_budget_follow_up": "title",
        "mart_school_absence": "institution_name",
        "mart_icehearts": "institution_name",
        "mart_trivsel": "institution_name",
    }
    planted = [f"update marts.{mart} set {column} = '{number}' where rowid = 1" for mart, column in texts.items()]
    with pytest.raises(ValidationFailed) as raised:
        validated(settings, good_build, *planted, *without(*(MARTS - set(texts))))
    assert len([m for m in raised.value.report.critical if "looks like a CPR number" in m]) == len(planted)
    assert number not in str(raised.value)
    for folder, _, files in os.walk(settings.staging / RUN / "operations"):
        for file in files:
            assert number.encode() not in (Path(folder) / file).read_bytes()
