"""Project registers and the budget of Prisme: what lands, what goes to quarantine, which batches are refused.

The deliveries are the synthetic municipality's own; a fault is planted in one field, or in a batch as a whole.
"""

# ruff: noqa: E501 (a planted fault is one line of the table)
from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from landing_steps import Spoilt, Synthetic, landed, take_in, write_lines
from suites import Batch, Fault, assert_finds_a_person_number, assert_is_told, assert_passes

from include.demo.deliveries import Nights
from include.landing import process, store
from include.landing.contract import load_contracts
from include.landing.judge import judge
from include.landing.ledger import Ledger
from include.settings import Settings

REGISTERS = ("activities", "staffing", "surveys", "daycare_places")
DATASETS = (*REGISTERS, "appropriations")
ENCODING = {"staffing": "cp1252", "surveys": "utf-8", "appropriations": "cp1252"}
"""How the source writes; the others with the mark of UTF-8."""


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Synthetic:
    return Synthetic.of(tmp_path_factory.mktemp("inbox"), *DATASETS, encodings=ENCODING)


# ---- what the sources send


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_row_lands_and_the_newest_stand(week: Synthetic, tmp_path: Path, dataset: str) -> None:
    settings = week.home(tmp_path)
    deliveries = take_in(settings, dataset)
    planted = week.truth[dataset]["deliveries"]
    assert {delivery.row_count for delivery in deliveries} <= {count["rows"] for count in planted.values()}
    assert [delivery.quarantined_count for delivery in deliveries] == [0] * len(deliveries)
    current = sum(count["current_rows"] for count in planted.values())
    assert landed(settings, f"select count(*) from {dataset}") == [(current,)]
    assert current > 200


@pytest.mark.parametrize("nights", ["week", pytest.param("year", marks=pytest.mark.proof)])
def test_no_delivery_is_refused_or_noted(tmp_path: Path, nights: Nights) -> None:
    settings = Synthetic.of(tmp_path / "inbox", *DATASETS, nights=nights).home(tmp_path)
    for dataset in DATASETS:
        assert process.take_in(settings, load_contracts()[dataset]).rejected == []
    verdicts = [*judge(settings, "referrals"), *judge(settings, "budget")]
    assert {verdict.dataset for verdict in verdicts} == set(DATASETS)
    assert [verdict for verdict in verdicts if verdict.critical or verdict.warnings] == []


def test_a_year_of_nights_ends_with_what_a_week_ends_with(week: Synthetic, tmp_path: Path) -> None:
    year = Synthetic.of(tmp_path / "inbox", *DATASETS, nights="year").truth
    for dataset in DATASETS:
        assert year[dataset]["figures"] == week.truth[dataset]["figures"], dataset
        assert len(year[dataset]["deliveries"]) > 2 * len(week.truth[dataset]["deliveries"])


def test_names_titles_and_remarks_stay_in_the_inbox(week: Synthetic, tmp_path: Path) -> None:
    settings = week.home(tmp_path)
    take_in(settings, "activities")
    written = week.rows(week.newest("activities"))
    traces = {row["Kontaktperson"] for row in written} | {row["Bemærkning"] for row in written if row["Bemærkning"]}
    assert len(traces) > 20
    files = [file.read_bytes() for file in settings.home.rglob("*") if file.is_file()]
    assert files
    assert [trace for trace in traces if any(trace.encode() in content for content in files)] == []


def test_a_register_that_is_corrected_replaces_all_of_the_one_before(week: Synthetic, tmp_path: Path) -> None:
    settings = week.home(tmp_path)
    take_in(settings, "staffing")
    (april,) = landed(
        settings,
        "select sum(hired_persons)::integer from staffing where month = '2026-04' and team_name = 'Familieteam Nord'",
    )
    figures = week.truth["staffing"]["figures"]["by_team_month"]
    (planted,) = [
        row["hired"]
        for row in figures
        if (row["month_end_date"], row["team_name"]) == ("2026-04-30", "Familieteam Nord")
    ]
    assert april == (planted,)
    first = min((week.inbox / "staffing").iterdir()).read_text("cp1252").splitlines()
    before = [line.split(";") for line in first if line.startswith("2026-04;") and ";Familieteam Nord;" in line]
    assert sum(int(fields[5]) for fields in before) == planted + 1, "the month was stated wrong at first"


def test_a_budget_year_is_replaced_alone(week: Synthetic, tmp_path: Path) -> None:
    settings = week.home(tmp_path)
    take_in(settings, "appropriations")
    rows = landed(
        settings,
        "select budget_year, count(distinct delivery_id), sum(amount_dkk)::varchar from appropriations group by 1 "
        "order by 1",
    )
    assert [(year, files) for year, files, _ in rows] == [(2024, 1), (2025, 1), (2026, 1)]
    stated = week.newest("appropriations").read_text("cp1252").splitlines()[-1].rpartition(";")[2]
    assert stated.replace(".", "").replace(",", ".") == rows[-1][2]


# ---- rows that don't fit


def _activity(of: str, column: str, rule: str, *, status: str = "Gennemført", **change: str) -> Spoilt:
    renamed = {name.replace("_", " "): value for name, value in change.items()}
    return Spoilt("activities", {"Aktivitetstype": of, "Status": status}, renamed, column, rule)


SPOILT = [
    _activity("Tilsyn", "project_code", "kind_has_its_project", Projekt="PPR", Aktivitetsnr="PPR-2021-9999"),
    _activity("Tilsyn", "activity_number", "number_has_its_project", Aktivitetsnr="PPR-2021-9999"),
    _activity("Fællesskab", "last_date", "ends_after_start", Til="01-01-2019"),
    _activity("BAL-runde", "last_date", "held_has_an_end", Til=""),
    _activity("Angstgruppe", "participants", "planned_has_nobody_yet", status="Planlagt", Deltagere="4"),
    _activity("Satellithold", "association_name", "team_has_association_and_school", status="I gang", Forening=""),
    _activity("BAL-runde", "association_name", "only_teams_have_associations", Forening="BSF"),
    _activity("Fællesskab", "house_code", "place_is_a_house", Huskode=""),
    _activity("Fællesskab", "house_code", "place_is_one", Institutionsnummer="151003"),
    _activity("Tilsyn", "district_name", "house_has_its_district", Distrikt=""),
    _activity("Tilsyn", "district_name", "house_has_its_district", Huskode="BAL-02", Distrikt="Skovlunde"),
    _activity("Angstgruppe", "expected_participants", "anxiety_group_expects_participants", Forventede_deltagere="0"),
    _activity("Kompetenceforløb", "profession_group", "course_has_profession_and_completed", Faggruppe=""),
    _activity("Kompetenceforløb", "completed_participants", "completed_of_courses", Gennemført_af="90"),
    _activity("Fælles aktivitet", "participants_before", "before_of_common_activities", Deltagere_før_projektet=""),
    _activity("Forældrehjælp", "new_participants", "new_of_help_to_parents", Nye_deltagere="99"),
    _activity("Koordineringskonference", "task_type", "task_of_conferences", Opgavetype=""),
    _activity("Tilsyn", "observation_hours", "inspection_has_hours_and_report", Dialogtimer=""),
    _activity("BAL-runde", "observation_hours", "only_inspections_have_hours", Observationstimer="3,00"),
    _activity("Tilsyn", "report_date", "report_after_inspection", Rapportdato="01-01-2019"),
    _activity("Tilsyn", "quality_talk_date", "talk_after_report", Kvalitetssamtale="01-01-2019"),
    _activity("Tilsyn", "activity_kind", "allowed", Aktivitetstype="Udflugt"),
    Spoilt("staffing", {"Måned": "2026-03"}, {"Opgjort pr.": "30-03-2026"}, "month_end_date", "states_the_end_of_its_month"),
    Spoilt("staffing", {"Måned": "2026-03"}, {"Årsværk": "9,99"}, "full_time_equivalents", "equivalents_are_hours_by_37"),
    Spoilt("staffing", {"Måned": "2026-03"}, {"Ansatte": "0"}, "hired_persons", "nobody_has_no_hours"),
    Spoilt("staffing", {"Måned": "2026-03"}, {"Team": "Familieteam Vest"}, "team_name", "allowed"),
    Spoilt("surveys", {"Måling": "1"}, {"Åben til": "2019-01-01"}, "survey_to", "ends_after_start"),
    Spoilt("surveys", {"Måling": "1"}, {"Inviterede": "5"}, "answered_count", "answered_of_invited"),
    Spoilt("surveys", {"Måling": "1"}, {"Enige": "88"}, "agreeing_count", "agreeing_of_answered"),
    Spoilt("surveys", {"Besvarelser": "4"}, {"Enige": "3"}, "agreeing_count", "few_answers_are_withheld"),
    Spoilt("surveys", {"Undersøgelse": "SOB-M5"}, {"Spørgsmål": "P1"}, "question_code", "question_of_its_survey"),
    Spoilt("surveys", {"Undersøgelse": "SOB-M5"}, {"Gruppe": "Pædagoger"}, "respondent_group", "group_of_its_survey"),
    Spoilt("daycare_places", {"Måned": "2026-03"}, {"Opgørelsesdato": "30.04.2026"}, "month_end_date", "states_the_end_of_its_month"),
    Spoilt("daycare_places", {"Måned": "2026-03"}, {"Distrikt": "Skovlunde"}, "house_code", "code_has_its_district"),
    Spoilt("daycare_places", {"Gruppetype": "Sesam"}, {"Enhed": "pladser"}, "place_unit", "units_of_sesam"),
    Spoilt("daycare_places", {"Gruppetype": "Spiren 15 timer"}, {"Timer pr. uge": "30,00"}, "weekly_hours", "hours_of_spiren"),
    Spoilt("appropriations", {}, {"Budgetpostnr": "B24-90001"}, "entry_number", "number_has_its_year"),
    Spoilt("appropriations", {"Bevillingstype": "Overførsel"}, {"Sagsnr": ""}, "case_number", "change_has_a_case"),
    Spoilt("appropriations", {}, {"Beslutningsdato": "05-01-2026"}, "decision_date", "adopted_before_its_year"),
    Spoilt("appropriations", {"Bevillingstype": "Overførsel"}, {"Beslutningsdato": "05-01-2027"}, "decision_date", "changed_by_the_end_of_its_year"),
    Spoilt("appropriations", {"Bevillingstype": "Overførsel"}, {"Budgetopfølgning": "BO1-2025"}, "follow_up_code", "follow_up_of_its_year"),
    Spoilt("appropriations", {}, {"Kontostreng": "0201-322021999"}, "account_form", "required"),
]  # fmt: skip


@pytest.mark.parametrize("spoilt", SPOILT, ids=lambda spoilt: f"{spoilt.dataset}-{spoilt.rule}")
def test_a_bad_row_goes_to_quarantine_by_line_and_column(week: Synthetic, settings: Settings, spoilt: Spoilt) -> None:
    week.assert_quarantines(settings, spoilt)


def test_every_rule_has_a_bad_row() -> None:
    rules = {(dataset, rule.name) for dataset in DATASETS for rule in load_contracts()[dataset].rules}
    assert rules <= {(spoilt.dataset, spoilt.rule) for spoilt in SPOILT}


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_header_that_is_not_agreed_is_refused(week: Synthetic, settings: Settings, dataset: str) -> None:
    week.assert_refuses_another_header(settings, dataset)


def test_a_budget_whose_rows_are_not_the_stated_sum_is_refused(week: Synthetic, settings: Settings) -> None:
    source = week.newest("appropriations")
    lines = source.read_text("cp1252").splitlines()
    left = (*lines[:50], *lines[51:])
    write_lines(settings, f"appropriations/{source.name}", *left, encoding="cp1252", newline="\r\n")
    (delivery,) = take_in(settings, "appropriations")
    assert delivery.status == "rejected"
    with Ledger(settings) as ledger:
        (problem,) = ledger.problems(dataset="appropriations")
    assert "sum" in problem.reason
    assert problem.line == len(lines) - 1


# ---- batches


FAULTS = [
    Fault("activities", "0.7 to 1.5 times", more={"history": [2.0]}),
    Fault("activities", "all six projects", "select * from good where project_code <> 'TIL'"),
    Fault("activities", "not all activities have the same status", "select * replace ('I gang' as activity_status) from good"),
    Fault("activities", "count participants have some", "select * replace (null::integer as participants) from good"),
    Fault("activities", "1 to 6 hours", "select * replace ((observation_hours * 100)::decimal(9, 2) as observation_hours) from good"),
    Fault("activities", "planned although", "select * replace (if(activity_status = 'Gennemført', 'Planlagt', activity_status) as activity_status) from good", is_warning=True),
    Fault("activities", "before its last day", more={"as_of": dt.date(2024, 1, 1)}, is_warning=True),
    Fault("staffing", "0.9 to 1.5 times", more={"history": [2.0]}),
    Fault("staffing", "no month between", "select * from good where month <> '2025-03'"),
    Fault("staffing", "before it is over", more={"as_of": dt.date(2026, 5, 30)}),
    Fault("staffing", "caseworkers in every month", "select * from good where not (team_name = 'Modtagelsen' and month = '2026-05')"),
    Fault("staffing", "5 to 37.5 hours", "select * replace ((weekly_hours * 4.3)::decimal(9, 2) as weekly_hours) from good"),
    Fault("staffing", "two months back", "select * from good where month < '2026-03'", is_warning=True),
    Fault("surveys", "0.9 to 3 times", more={"history": [2.0]}),
    Fault("surveys", "before it is closed", more={"as_of": dt.date(2025, 11, 1)}),
    Fault("surveys", "all four perspectives", "select * from good where question_code <> 'P3'"),
    Fault("surveys", "10 to 100 % answer", "select * replace ((answered_count // 20)::integer as answered_count) from good"),
    Fault("surveys", "not all answers agree", "select * replace (if(agreeing_count is null, null, answered_count) as agreeing_count) from good"),
    Fault("surveys", "half of the figures are withheld", "select * replace (null::integer as agreeing_count) from good", is_warning=True),
    Fault("daycare_places", "0.9 to 1.5 times", more={"history": [2.0]}),
    Fault("daycare_places", "no month between", "select * from good where month <> '2025-03'"),
    Fault("daycare_places", "all five districts", "select * from good where district_name <> 'Måløvhøj' or month <> '2026-05'"),
    Fault("daycare_places", "one name and one district", "select * replace (if(group_kind = 'Børnehave', 'Børnehuset ' || row_number() over (), house_name) as house_name) from good"),
    Fault("daycare_places", "there are children", "select * replace (0 as enrolled_count) from good"),
    Fault("daycare_places", "20 % more children", "select * replace (place_count as enrolled_count, enrolled_count as place_count) from good", is_warning=True),
    Fault("daycare_places", "fewer children wait", "select * replace (waiting_count as enrolled_count, enrolled_count as waiting_count) from good", is_warning=True),
    Fault("daycare_places", "special groups of Børnehuset Globen", "select * from good where group_kind <> 'Sesam'", is_warning=True),
    Fault("appropriations", "0.95 to 1.5 times", more={"history": [1.2]}),
    Fault("appropriations", "the adopted budget is there", "select * from good where appropriation_kind <> 'Oprindeligt budget'"),
    Fault("appropriations", "after the day of the extract", more={"as_of": dt.date(2026, 5, 1)}),
    Fault("appropriations", "half of the adopted budget", "select * replace (if(appropriation_kind = 'Oprindeligt budget', amount_dkk, amount_dkk * 100)::decimal(15, 2) as amount_dkk) from good"),
    Fault("appropriations", "expenditure is positive", "select * replace (-amount_dkk as amount_dkk) from good"),
    Fault("appropriations", "below 20 mio. kr.", "select * replace ((amount_dkk * 100)::decimal(15, 2) as amount_dkk) from good"),
    Fault("appropriations", "50 % of the account strings", "select * replace ('variant' as account_form) from good"),
    Fault("appropriations", "some amounts are negative", "select * replace (abs(amount_dkk) as amount_dkk) from good", is_warning=True),
    Fault("appropriations", "end with the frame", "select * replace ('99.99' as appropriation_frame) from good", is_warning=True),
]  # fmt: skip
"""At least two critical faults a dataset."""


@pytest.fixture(scope="module")
def good(week: Synthetic, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Batch]:
    """The rows that stand, of the budget those of one year; a delivery as large came the day before."""
    folder = tmp_path_factory.mktemp("good")
    settings = week.home(folder)
    for dataset in DATASETS:
        take_in(settings, dataset)
    database = folder / "landing.duckdb"
    store.write_landing_database(settings, database)
    today, year = dt.date(2026, 6, 19), ("2026", dt.date(2026, 1, 1), dt.date(2026, 12, 31))
    batches = {name: Batch(name, f"from main.{name}", today, history=(1.0,), database=database) for name in REGISTERS}
    budget = "from main.appropriations where budget_year = 2026"
    return batches | {"appropriations": Batch("appropriations", budget, today, year, (1.0,), database=database)}


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_batch_with_a_fault_is_refused_or_noted(settings: Settings, good: dict[str, Batch], fault: Fault) -> None:
    assert_is_told(settings, good[fault.dataset], fault)


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_good_batch_passes_and_one_with_many_bad_rows_does_not(
    settings: Settings, good: dict[str, Batch], dataset: str
) -> None:
    assert_passes(settings, good[dataset])
    verdict = good[dataset].judged(settings, quarantined=300)
    assert any("at most 5 %" in message for message in verdict.critical)


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_person_number_is_found_in_every_text_column(good: dict[str, Batch], dataset: str) -> None:
    # real aliases, account strings and accounts have the form by chance
    assert_finds_a_person_number(good[dataset], ("account_alias", "account_string", "account_number"))
