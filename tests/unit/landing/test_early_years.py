"""The six datasets of the early years: what lands, what goes to quarantine, which batches are refused, what seeds say.

The deliveries are the synthetic municipality's own; a fault is planted in one field, or in a batch as a whole.
"""

# ruff: noqa: E501 (a planted fault is one line of the table)
from __future__ import annotations

import csv
import datetime as dt
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from landing_steps import Spoilt, Synthetic, landed, take_in
from suites import (
    Batch,
    Fault,
    assert_finds_a_person_number,
    assert_finds_double_lost_and_bad_rows,
    assert_is_told,
    assert_passes,
)

from include.demo import early_years
from include.demo.datasets import health_visits, school_examinations, screenings
from include.demo.deliveries import NIGHTS, Nights
from include.demo.houses import HOUSES
from include.demo.people import dashed
from include.landing import process, store
from include.landing.contract import load_contracts
from include.landing.judge import judge
from include.landing.ledger import Delivery, Ledger
from include.settings import PROJECT_ROOT, Settings

DATASETS = ("health_visits", "screenings", "school_examinations", "school_starts", "description_forms", "consents")
ENCODING = {"screenings": "cp1252", "school_examinations": "utf-8", "consents": "utf-8"}
"""How the source writes; the others with the mark of UTF-8."""

DBT = PROJECT_ROOT / "dbt_project"


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Synthetic:
    return Synthetic.of(tmp_path_factory.mktemp("inbox"), *DATASETS, encodings=ENCODING)


@dataclass(frozen=True)
class Landing:
    """All deliveries of the week, landed."""

    home: Path
    deliveries: dict[str, list[Delivery]]
    database: Path

    def query(self, select: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.database), read_only=True) as connection:
            return connection.execute(select).fetchall()


@pytest.fixture(scope="module")
def landing(week: Synthetic, tmp_path_factory: pytest.TempPathFactory) -> Landing:
    folder = tmp_path_factory.mktemp("landing")
    settings = week.home(folder)
    deliveries = {dataset: take_in(settings, dataset) for dataset in DATASETS}
    store.write_landing_database(settings, folder / "landing.duckdb")
    return Landing(settings.home, deliveries, folder / "landing.duckdb")


# ---- what the sources send


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_row_lands_and_the_newest_stand(week: Synthetic, landing: Landing, dataset: str) -> None:
    planted = week.truth[dataset]["deliveries"]
    assert [delivery.quarantined_count for delivery in landing.deliveries[dataset]] == [0] * len(
        landing.deliveries[dataset]
    )
    current = sum(count["current_rows"] for count in planted.values())
    assert landing.query(f"select count(*) from {dataset}") == [(current,)]
    assert current > 60


@pytest.mark.parametrize("nights", ["week", pytest.param("year", marks=pytest.mark.proof)])
def test_no_delivery_is_refused_or_noted(tmp_path: Path, nights: Nights) -> None:
    settings = Synthetic.of(tmp_path / "inbox", *DATASETS, nights=nights).home(tmp_path)
    for dataset in DATASETS:
        assert process.take_in(settings, load_contracts()[dataset]).rejected == []
    verdicts = judge(settings, "trivsel")
    assert {verdict.dataset for verdict in verdicts} == set(DATASETS)
    assert [verdict for verdict in verdicts if verdict.critical or verdict.warnings] == []


def test_a_year_of_nights_ends_with_what_a_week_ends_with(week: Synthetic, tmp_path: Path) -> None:
    year = Synthetic.of(tmp_path / "inbox", *DATASETS, nights="year").truth
    for dataset in DATASETS:
        assert year[dataset]["figures"] == week.truth[dataset]["figures"], dataset
        assert len(year[dataset]["deliveries"]) > 200


def test_numbers_names_addresses_and_free_text_stay_in_the_inbox(week: Synthetic, landing: Landing) -> None:
    traces = set()
    for dataset in DATASETS:
        columns = [column for column in load_contracts()[dataset].columns if column.personal]
        assert {column.personal for column in columns} == {"key", "drop"}
        for row in week.rows(week.newest(dataset))[:20]:
            traces |= {row[column.source_name] for column in columns if len(row[column.source_name]) > 4}
    numbers = {trace.replace("-", "") for trace in traces if re.fullmatch(r"\d{6}-?\d{4}", trace)}
    assert len(numbers) > 40
    traces |= numbers | {dashed(number) for number in numbers}
    files = [file.read_bytes() for file in landing.home.rglob("*") if file.is_file()]
    assert len(files) > 20
    written = b"\n".join(files)
    assert [
        trace for trace in traces if trace.encode() in written or trace.encode("cp1252", "replace") in written
    ] == []


def test_birthday_and_sex_are_those_that_the_numbers_tell(week: Synthetic, landing: Landing) -> None:
    people = week.population
    sexes = {
        number: "male" if is_male else "female" for number, is_male in zip(people.cpr, people.is_male, strict=True)
    }
    birthdays = dict(zip(people.cpr, people.born.tolist(), strict=True))
    delivered = [row["CPR-nummer"].replace("-", "") for row in week.rows(week.newest("school_starts"))]
    planted = sorted((birthdays[number], sexes[number]) for number in delivered)
    assert landing.query("select birth_date, child_sex from school_starts order by all") == planted


def test_a_child_whose_number_is_replaced_has_two_keys_in_a_window_and_one_in_an_extract(landing: Landing) -> None:
    visited = "select person_key from health_visits where birth_date = {birthday}"
    ((birthday,),) = landing.query(
        f"select distinct birth_date from health_visits where planned_date = date '{NIGHTS[0]}' - 10 "
        "and visit_type_code = 'BEHOV'"
    )
    found = landing.query(
        f"select count(distinct person_key) from ({visited.format(birthday=f'date {str(birthday)!r}')})"
    )
    screened = landing.query(f"select count(distinct person_key) from screenings where birth_date = '{birthday}'")
    assert found == [(2,)]
    assert screened == [(1,)]


def test_a_visit_that_was_planned_anew_stands_in_two_deliveries(landing: Landing) -> None:
    assert landing.query(
        "select count(*), count(distinct delivery_id) from health_visits group by visit_number having count(*) > 1"
    ) == [(2, 2)]


def test_a_child_that_moved_has_visits_in_two_districts(landing: Landing) -> None:
    ((children,),) = landing.query(
        "select count(*) from (from health_visits select person_key group by all having count(distinct district_code) > 1)"
    )
    assert children > 0


# ---- consents


def _by_number(week: Synthetic, dataset: str, date: dt.date, key: str) -> dict[str, dict[str, str]]:
    return {row[key]: row for row in week.rows(week.inbox / dataset / f"{dataset}_{date:%Y%m%d}.csv")}


def test_a_consent_that_is_withdrawn_has_its_last_day_from_the_night_after(week: Synthetic) -> None:
    for before, night in ((NIGHTS[0], NIGHTS[1]), (NIGHTS[1], NIGHTS[2])):
        old = _by_number(week, "consents", before, "Samtykke-id")
        new = _by_number(week, "consents", night, "Samtykke-id")
        ended = [number for number in old if old[number]["Tilbagekaldt"] != new[number]["Tilbagekaldt"]]
        assert [(old[number]["Gyldigt"], new[number]["Gyldigt"], new[number]["Tilbagekaldt"]) for number in ended] == [
            ("Ja", "Nej", night.isoformat())
        ]


def test_a_form_stays_sent_when_its_consent_is_withdrawn(week: Synthetic) -> None:
    old = _by_number(week, "description_forms", NIGHTS[1], "Skema-id")
    new = _by_number(week, "description_forms", NIGHTS[2], "Skema-id")
    (lost,) = [number for number in old if old[number]["Samtykke"] == "Ja" and new[number]["Samtykke"] == "Nej"]
    assert old[lost]["Sendt til skole"] == new[lost]["Sendt til skole"] != ""


def _models_that_read(pattern: str) -> set[str]:
    models = {file.stem: file.read_text("utf-8") for file in (DBT / "models").rglob("*.sql")}
    return {name for name, text in models.items() if re.search(pattern, text)}


def test_no_model_but_the_ones_that_filter_and_count_reads_forms_without_a_consent() -> None:
    """Who adds a reader says here why it shows no form to a school.

    int_shareable_description_forms lets through only forms whose child has a consent that holds.
    int_description_form_counts lets through counts alone, by school year and children's house.
    """
    assert _models_that_read(
        r"""(ref\(\s*['"]stg_trivsel__description_forms|source\(\s*['"]trivsel['"],\s*['"]description_forms)"""
    ) == {
        "stg_trivsel__description_forms",
        "int_shareable_description_forms",
        "int_description_form_counts",
    }


def test_the_counts_of_forms_tell_nothing_but_counts_and_only_the_transition_reads_them() -> None:
    described = yaml.safe_load((DBT / "models" / "intermediate" / "int_description_form_counts.yml").read_text("utf-8"))
    (model,) = described["models"]
    # the contract is enforced: what stands here is all that leaves the model
    assert {column["name"]: column["data_type"] for column in model["columns"]} == {
        "municipality_code": "varchar",
        "school_year": "varchar",
        "unit_type": "varchar",
        "unit_id": "varchar",
        "forms": "integer",
        "children": "integer",
        "shareable_forms": "integer",
        "sent_without_consent_forms": "integer",
    }
    columns = {column["name"]: column for column in model["columns"]}
    (units,) = columns["unit_type"]["data_tests"]
    assert units["accepted_values"]["arguments"]["values"] == ["municipality", "district", "house"]
    assert _models_that_read(r"""ref\(\s*['"]int_description_form_counts""") == {"mart_overgang_dagtilbud_skole"}


# ---- rows that don't fit


SPOILT = [
    Spoilt("health_visits", {"Status": "Afholdt"}, {"Afholdt dato": ""}, "held_date", "held_has_a_date"),
    Spoilt("health_visits", {"Status": "Afholdt"}, {"Status": "Aflyst", "Afholdt dato": ""}, "observed_attachment", "observed_at_held_visits_only"),
    Spoilt("health_visits", {"Status": "Afholdt"}, {"Afholdt dato": "01-01-2025"}, "held_date", "held_near_the_plan"),
    Spoilt("health_visits", {}, {"Planlagt dato": "31-06-2026"}, "planned_date", "type"),
    Spoilt("health_visits", {}, {"Planlagt dato": "01-01-2026", "Afholdt dato": "01-01-2026"}, "planned_date", "inside_the_period"),
    Spoilt("health_visits", {}, {"Status": "Glemt"}, "visit_status", "allowed"),
    Spoilt("health_visits", {}, {"Barnets CPR-nr.": "310211-4000"}, "person_key", "person_number"),
    Spoilt("screenings", {}, {"Samlet score": "30"}, "total_score", "total_is_the_sum"),
    Spoilt("screenings", {}, {"Spm 4": "4"}, "item_04", "maximum"),
    Spoilt("screenings", {"Opfølgning": "Ja"}, {"Opfølgning fra": ""}, "follow_up", "effort_has_kind_and_date"),
    Spoilt("screenings", {"Opfølgning": "Nej"}, {"Opfølgningens art": "Gruppe"}, "follow_up", "effort_has_kind_and_date"),
    Spoilt("screenings", {"Opfølgning": "Ja"}, {"Opfølgning fra": "01.01.2019"}, "follow_up_date", "effort_after_screening"),
    Spoilt("screenings", {}, {"Screenet forælder": "Bedstemor"}, "screened_role", "allowed"),
    Spoilt("school_examinations", {}, {"Undersøgt": "01-08-2024"}, "examination_date", "inside_the_school_year"),
    Spoilt("school_examinations", {}, {"Skoleår": "2024/2025"}, "school_year", "inside_the_period"),
    Spoilt("school_examinations", {}, {"Trivsel 3": "Meget glad"}, "answer_3", "allowed"),
    Spoilt("school_starts", {"Starttype": "Udsat"}, {"Afgørelsesdato": ""}, "decision_date", "early_and_late_are_decided"),
    Spoilt("school_starts", {"Starttype": "Normal"}, {"Årsagskode": "SPR"}, "decision_date", "early_and_late_are_decided"),
    Spoilt("school_starts", {"Starttype": "Normal", "Planlagt startår": "2024"}, {"Planlagt startår": "2025"}, "actual_start_date", "started_as_planned"),
    Spoilt("description_forms", {"Samtykke": "Nej"}, {"Samtykkedato": "2026-01-05"}, "consent_date", "consent_has_a_date"),
    Spoilt("description_forms", {}, {"Børnehus": "Globen"}, "daycare_house_code", "pattern"),
    Spoilt("consents", {}, {"Overgang": "Skole-BFO"}, "transition", "allowed"),
    Spoilt("consents", {}, {"Givet": ""}, "given_date", "required"),
]  # fmt: skip


@pytest.mark.parametrize("spoilt", SPOILT, ids=lambda spoilt: f"{spoilt.dataset}-{spoilt.column}-{spoilt.rule}")
def test_a_bad_row_goes_to_quarantine_by_line_and_column(week: Synthetic, settings: Settings, spoilt: Spoilt) -> None:
    week.assert_quarantines(settings, spoilt)
    with Ledger(settings) as ledger:
        told = ledger.problems(dataset=spoilt.dataset)
    for value in spoilt.change.values():
        assert len(value) < 5 or value not in " ".join(found.reason for found in told)


def test_every_rule_has_a_bad_row() -> None:
    rules = {(dataset, rule.name) for dataset in DATASETS for rule in load_contracts()[dataset].rules}
    assert rules <= {(spoilt.dataset, spoilt.rule) for spoilt in SPOILT}


@pytest.mark.parametrize(
    "change",
    [{"Tilbagekaldt": "2020-01-05", "Gyldigt": "Nej"}, {"Tilbagekaldt": "2026-06-01"}],
    ids=["before", "called valid"],
)
def test_a_withdrawal_is_not_lost_to_quarantine_when_it_is_contradictory(
    week: Synthetic, settings: Settings, change: dict[str, str]
) -> None:
    week.spoil(settings, Spoilt("consents", {"Gyldigt": "Ja"}, change, "", ""))
    (delivery,) = take_in(settings, "consents")
    assert delivery.quarantined_count == 0


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_header_that_is_not_agreed_is_refused(week: Synthetic, settings: Settings, dataset: str) -> None:
    week.assert_refuses_another_header(settings, dataset)


@pytest.mark.parametrize("dataset", ["screenings", "consents", "school_examinations"])
def test_a_newer_delivery_replaces_the_one_before(week: Synthetic, settings: Settings, dataset: str) -> None:
    """Of two extracts, or two of one school year, the newer stands alone, and both are known."""
    newest = week.newest(dataset)
    older = next(file for file in sorted(newest.parent.iterdir()) if file.name[:-12] == newest.name[:-12])
    for file in (older, newest):
        (settings.inbox / dataset).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, settings.inbox / dataset / file.name)
    assert [delivery.status for delivery in take_in(settings, dataset)] == ["accepted", "accepted"]
    found = landed(settings, f"select count(*), count(distinct delivery_id) from {dataset}")
    assert found == [(len(week.rows(newest)), 1)]


# ---- batches


FAULTS = [
    Fault("health_visits", "0.3 to 3 times", more={"history": [4.0]}),
    Fault("health_visits", "planned_date is not after the day", more={"as_of": dt.date(2025, 6, 1)}),
    Fault("health_visits", "lies in the delivery's period", "select * replace (planned_date + 400 as planned_date) from good"),
    Fault("health_visits", "at least half of the visits have been held", "select * replace ('Planlagt' as visit_status) from good"),
    Fault("health_visits", "before the child was born", "select * replace (planned_date as birth_date, birth_date as planned_date) from good"),
    Fault("health_visits", "the child's first year", "select * replace ((birth_date - 3650)::date as birth_date) from good"),
    Fault("health_visits", "observations are the same", "select * replace (if(observed_attachment is null, null, 'Ikke observeret') as observed_attachment) from good"),
    Fault("health_visits", "more than one district", "select * replace ('BAL' as district_code) from good"),
    Fault("health_visits", "28 days or longer", "select * from good limit 0"),
    Fault("health_visits", "all six fixed visits", "select * from good where visit_type_code <> 'MDR2'", is_warning=True),
    Fault("health_visits", "give concern", "select * replace (if(concern is null, null, 'Ja') as concern) from good", is_warning=True),
    Fault("screenings", "0.9 to 1.5 times", more={"history": [1.3]}),
    Fault("screenings", "screening_date is not after", more={"as_of": dt.date(2025, 6, 1)}),
    Fault("screenings", "the mean total", "select * replace ((30 - total_score)::utinyint as total_score) from good"),
    Fault("screenings", "first two years", "select * replace ((screening_date + 1500)::date as screening_date) from good"),
    Fault("screenings", "same answer about an effort", "select * replace ('Nej' as follow_up) from good"),
    Fault("screenings", "11 or more led to an effort", "select * replace ('Nej' as follow_up) from good", is_warning=True),
    Fault("screenings", "30 to 95 % of those screened", "select * replace ('Far' as screened_role) from good", is_warning=True),
    Fault("school_examinations", "0.9 to 2 times", more={"history": [1.5]}),
    Fault("school_examinations", "the school year that the file", "select * replace ('2024/2025' as school_year) from good"),
    Fault("school_examinations", "four to nine years", "select * replace ((birth_date - 3650)::date as birth_date) from good"),
    Fault("school_examinations", "every question is answered", "select * replace (null::varchar as answer_5) from good"),
    Fault("school_examinations", "were not weighed", "select * replace ('Ikke målt' as weight_result) from good", is_warning=True),
    Fault("school_starts", "0.9 to 1.6 times", more={"history": [2.0]}),
    Fault("school_starts", "four to eight", "select * replace ((planned_start_year - 6)::smallint as planned_start_year) from good"),
    Fault("school_starts", "the starts are normal", "select * replace ('Udsat' as start_kind) from good"),
    Fault("school_starts", "actual_start_date is not after", more={"as_of": dt.date(2025, 6, 1)}),
    Fault("school_starts", "1.02 starts a child", "select * replace ((person_key % 150)::uinteger as person_key) from good"),
    Fault("school_starts", "late starts are later", "select * replace (if(start_kind = 'Udsat', planned_start_year - 1, planned_start_year)::smallint as planned_start_year) from good"),
    Fault("school_starts", "the starts are late", "select * from good where start_kind <> 'Udsat'", is_warning=True),
    Fault("description_forms", "0.9 to 1.6 times", more={"history": [2.0]}),
    Fault("description_forms", "same answer about consent", "select * replace ('Ja' as consent) from good"),
    Fault("description_forms", "sent have no consent", "select * replace ('Nej' as consent) from good"),
    Fault("description_forms", "four to eight years", "select * replace ((form_date - 3650)::date as form_date) from good"),
    Fault("description_forms", "5 children's houses", "select * replace ('BAL-01' as daycare_house_code) from good"),
    Fault("description_forms", "same readiness", "select * replace ('Uafklaret' as school_ready) from good"),
    Fault("description_forms", "consent have been sent", "select * replace (null::varchar as school_number) from good", is_warning=True),
    Fault("consents", "0.97 to 1.6 times", more={"history": [1.05]}),
    Fault("consents", "given_date is not after", more={"as_of": dt.date(2026, 1, 1)}),
    Fault("consents", "consents are withdrawn", "select * replace (given_date as withdrawn_date) from good"),
    Fault("consents", "one consent in 500", "select * replace (null::date as withdrawn_date) from (from good union all from good)"),
    Fault("consents", "consents are valid", "select * replace ('Nej' as valid) from good"),
    Fault("consents", "both transitions", "select * replace ('Dagtilbud-skole' as transition) from good"),
    Fault("consents", "given on one day", "select * replace (date '2026-06-01' as given_date) from good"),
    Fault("consents", "called valid", "select * replace ('Ja' as valid) from good", is_warning=True),
    Fault("consents", "before it was given", "select * replace (if(withdrawn_date is null, null, given_date - 1)::date as withdrawn_date) from good", is_warning=True),
    Fault("consents", "not after the day of the extract", "select * replace (if(withdrawn_date is null, null, date '2026-06-25') as withdrawn_date) from good", is_warning=True),
]  # fmt: skip

TODAY = dt.date(2026, 6, 19)
PERIODS = {
    "health_visits": ("2025", dt.date(2025, 1, 1), dt.date(2025, 12, 31)),
    "school_examinations": ("2025-2026", dt.date(2025, 8, 1), dt.date(2026, 7, 31)),
}
OF_THE_PERIOD = {
    "health_visits": "where year(planned_date) = 2025",
    "school_examinations": "where school_year = '2025/2026'",
}


@pytest.fixture(scope="module")
def good(landing: Landing) -> dict[str, Batch]:
    """The rows that stand of a period, as if one delivery had brought them all and one like it had come before."""
    return {
        dataset: Batch(
            dataset,
            f"select * replace ('d1' as delivery_id) from main.{dataset} {OF_THE_PERIOD.get(dataset, '')}",
            TODAY,
            PERIODS.get(dataset),
            history=(1.0,),
            database=landing.database,
        )
        for dataset in DATASETS
    }


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_batch_with_a_fault_is_refused_or_noted(settings: Settings, good: dict[str, Batch], fault: Fault) -> None:
    assert_is_told(settings, good[fault.dataset], fault)


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_good_batch_passes_and_double_lost_or_many_bad_rows_do_not(
    settings: Settings, good: dict[str, Batch], dataset: str
) -> None:
    assert_passes(settings, good[dataset], checks=20)
    assert_finds_double_lost_and_bad_rows(settings, good[dataset])


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_person_number_is_found_in_every_text_column(good: dict[str, Batch], dataset: str) -> None:
    assert_finds_a_person_number(good[dataset])


# ---- seeds


def _seed(name: str) -> list[dict[str, str]]:
    with (DBT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_seeds_say_of_visits_and_screenings_what_the_synthetic_ones_follow() -> None:
    windows = [
        (row["visit_type_code"], int(row["age_from_days"]), int(row["age_to_days"]))
        for row in _seed("visit_type")
        if row["is_fixed"] == "true"
    ]
    assert windows == list(health_visits.VISIT_TYPES)
    assert [row["visit_type_code"] for row in _seed("visit_type") if row["is_fixed"] == "false"] == [
        health_visits.ON_NEED
    ]
    cut_offs = {row["screened_role"]: int(row["cut_off_score"]) for row in _seed("screening_cut_off")}
    assert cut_offs == dict(zip(screenings.ROLES, screenings.CUT_OFFS, strict=True))
    questions = _seed("examination_question")
    assert [int(row["question_number"]) for row in questions] == list(range(1, school_examinations.QUESTIONS + 1))
    assert {row["most_positive_answer"] for row in questions} == {school_examinations.ANSWERS[school_examinations.GLAD]}


def test_the_seeds_have_the_synthetic_houses_and_schools() -> None:
    houses = [row["house_code"] for row in _seed("daycare_house")]
    assert sorted(houses) == sorted(house.code for house in HOUSES)
    schools = {row["district_code"]: row["school_institution_number"] for row in _seed("district")}
    assert schools == early_years.SCHOOLS


def test_shares_are_as_in_life(week: Synthetic) -> None:
    """Coverage of visits 90-98 %, positive screenings about one in ten, late starts 4-10 %, consents 80-95 %."""

    def share(dataset: str, name: str, part: str) -> float:
        rows = week.truth[dataset]["figures"][name]
        return float(sum(row[part] for row in rows) / sum(row["row_count"] for row in rows))

    assert 0.9 < share("health_visits", "held_in_window", "in_window") < 0.98
    assert 0.05 < share("screenings", "totals_by_role", "positive") < 0.13
    assert 0.04 < share("school_starts", "late_by_district", "late") < 0.1
    assert 0.8 < share("description_forms", "by_house", "with_consent") < 0.95
    assert 0.6 < share("school_examinations", "most_positive_answers", "most_positive") < 0.95
