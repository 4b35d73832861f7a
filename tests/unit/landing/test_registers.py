"""Project registers and the budget of Prisme: what lands, what goes to quarantine, which batches are refused.

The deliveries are the synthetic municipality's own; a fault is planted in one field, or in a batch as a whole.
"""

# ruff: noqa: E501 (a planted fault is one line of the table)
from __future__ import annotations

import csv
import datetime as dt
import importlib
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from include.demo.deliveries import Nights, calendar_of
from include.demo.population import simulate as simulate_population
from include.demo.town import simulate as simulate_town
from include.demo.world import World
from include.gx import load_suite
from include.landing import process, store
from include.landing.batch import BatchHistory, BatchVerdict, judge_batch
from include.landing.contract import load_contracts
from include.landing.judge import judge
from include.landing.ledger import Delivery, Ledger
from include.settings import Settings

SEED = 151
REGISTERS = ("activities", "staffing", "surveys", "daycare_places")
DATASETS = (*REGISTERS, "appropriations")
ENCODING = {"staffing": "cp1252", "surveys": "utf-8", "appropriations": "cp1252"}
"""How the source writes; the others with the mark of UTF-8."""


def fill(inbox: Path, nights: Nights) -> dict[str, Any]:
    """Write the deliveries of these datasets; returns their truth."""
    town = simulate_town(np.random.default_rng([SEED, 1]), "small")
    population = simulate_population(np.random.default_rng([SEED, 2]), town)
    truth: dict[str, Any] = {}
    for dataset in ("budget_agreement", *DATASETS):
        module = importlib.import_module(f"include.demo.datasets.{dataset}")
        world = World(
            inbox=inbox,
            size="small",
            seed=SEED,
            rng=np.random.default_rng([SEED, zlib.crc32(dataset.encode())]),
            town=town,
            population=population,
            calendar=calendar_of(nights),
            truth={name: truth[name] for name in getattr(module, "AFTER", ())},
            dates={},
        )
        truth[dataset] = module.generate(world)
    return truth


@dataclass(frozen=True)
class Filled:
    """An inbox with its truth."""

    inbox: Path
    truth: dict[str, Any]

    def newest(self, dataset: str) -> Path:
        """The last file of a dataset."""
        return max((self.inbox / dataset).iterdir(), key=lambda file: file.stem.rpartition("_")[2])


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    inbox = tmp_path_factory.mktemp("inbox")
    return Filled(inbox, fill(inbox, "week"))


def land(settings: Settings, dataset: str) -> list[Delivery]:
    """Take in what is new and accept it, as the judge would."""
    process.take_in(settings, load_contracts()[dataset])
    with Ledger(settings) as ledger:
        for delivery in ledger.deliveries(dataset, status="landed"):
            ledger.decide(delivery, is_accepted=True, notes=[], problems=[])
        return ledger.deliveries(dataset)


def problems(settings: Settings, dataset: str) -> list[tuple[int | None, str | None, str]]:
    with Ledger(settings) as ledger:
        return [(found.line, found.column, found.rule) for found in ledger.problems(dataset=dataset)]


def landed(settings: Settings, tmp_path: Path, select: str) -> list[tuple[Any, ...]]:
    store.write_landing_database(settings, tmp_path / "landing.duckdb")
    with duckdb.connect(str(tmp_path / "landing.duckdb"), read_only=True) as connection:
        return connection.execute(select).fetchall()


# ---- what the sources send


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_row_lands_and_the_newest_stand(week: Filled, tmp_path: Path, dataset: str) -> None:
    settings = Settings(home=tmp_path / "home", inputs=week.inbox, key_file=tmp_path / "key")
    deliveries = land(settings, dataset)
    planted = week.truth[dataset]["deliveries"]
    assert {delivery.row_count for delivery in deliveries} <= {count["rows"] for count in planted.values()}
    assert [delivery.quarantined_count for delivery in deliveries] == [0] * len(deliveries)
    current = sum(count["current_rows"] for count in planted.values())
    assert landed(settings, tmp_path, f"select count(*) from {dataset}") == [(current,)]
    assert current > 200


@pytest.mark.parametrize("nights", ["week", pytest.param("year", marks=pytest.mark.proof)])
def test_no_delivery_is_refused_or_noted(tmp_path: Path, nights: Nights) -> None:
    fill(tmp_path / "inbox", nights)
    settings = Settings(home=tmp_path / "home", inputs=tmp_path / "inbox", key_file=tmp_path / "key")
    for dataset in DATASETS:
        assert process.take_in(settings, load_contracts()[dataset]).rejected == []
    verdicts = [*judge(settings, "referrals"), *judge(settings, "budget")]
    assert {verdict.dataset for verdict in verdicts} == set(DATASETS)
    assert [verdict for verdict in verdicts if verdict.critical or verdict.warnings] == []


def test_a_year_of_nights_ends_with_what_a_week_ends_with(week: Filled, tmp_path: Path) -> None:
    year = fill(tmp_path / "inbox", "year")
    for dataset in DATASETS:
        assert year[dataset]["figures"] == week.truth[dataset]["figures"], dataset
        assert len(year[dataset]["deliveries"]) > 2 * len(week.truth[dataset]["deliveries"])


def test_names_titles_and_remarks_stay_in_the_inbox(week: Filled, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", inputs=week.inbox, key_file=tmp_path / "key")
    land(settings, "activities")
    written = list(csv.DictReader(io.StringIO(week.newest("activities").read_text("utf-8-sig")), delimiter=";"))
    traces = {row["Kontaktperson"] for row in written} | {row["Bemærkning"] for row in written if row["Bemærkning"]}
    assert len(traces) > 20
    files = [file.read_bytes() for file in settings.home.rglob("*") if file.is_file()]
    assert files
    assert [trace for trace in traces if any(trace.encode() in content for content in files)] == []


def test_a_register_that_is_corrected_replaces_all_of_the_one_before(week: Filled, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", inputs=week.inbox, key_file=tmp_path / "key")
    land(settings, "staffing")
    (april,) = landed(
        settings,
        tmp_path,
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


def test_a_budget_year_is_replaced_alone(week: Filled, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", inputs=week.inbox, key_file=tmp_path / "key")
    land(settings, "appropriations")
    rows = landed(
        settings,
        tmp_path,
        "select budget_year, count(distinct delivery_id), sum(amount_dkk)::varchar from appropriations group by 1 "
        "order by 1",
    )
    assert [(year, files) for year, files, _ in rows] == [(2024, 1), (2025, 1), (2026, 1)]
    stated = week.newest("appropriations").read_text("cp1252").splitlines()[-1].rpartition(";")[2]
    assert stated.replace(".", "").replace(",", ".") == rows[-1][2]


# ---- rows that don't fit


@dataclass(frozen=True)
class Spoilt:
    """A field of the first row that has the texts in `of` is changed; the column and the rule that must be named."""

    dataset: str
    of: dict[str, str]
    change: dict[str, str]
    column: str
    rule: str


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


def spoil(week: Filled, target: Path, spoilt: Spoilt) -> int:
    """Write the newest file with the fault into the inbox `target`; returns the line where it stands."""
    source = week.newest(spoilt.dataset)
    encoding = ENCODING.get(spoilt.dataset, "utf-8-sig")
    rows = list(csv.reader(io.StringIO(source.read_text(encoding), newline=""), delimiter=";"))
    header = rows[0]
    line = next(
        number
        for number, row in enumerate(rows[1:], start=2)
        if all(row[header.index(name)] == value for name, value in spoilt.of.items())
    )
    for name, value in spoilt.change.items():
        rows[line - 1][header.index(name)] = value
    file = target / spoilt.dataset / source.name
    file.parent.mkdir(parents=True)
    with file.open("w", encoding=encoding, newline="") as stream:
        csv.writer(stream, delimiter=";", lineterminator="\r\n").writerows(rows)
    return line


@pytest.mark.parametrize("spoilt", SPOILT, ids=lambda spoilt: f"{spoilt.dataset}-{spoilt.rule}")
def test_a_bad_row_goes_to_quarantine_by_line_and_column(week: Filled, settings: Settings, spoilt: Spoilt) -> None:
    line = spoil(week, settings.inbox, spoilt)
    (delivery,) = land(settings, spoilt.dataset)
    assert delivery.quarantined_count == 1
    assert delivery.row_count == delivery.landed_count + 1
    assert (line, spoilt.column, spoilt.rule) in problems(settings, spoilt.dataset)


def test_every_rule_has_a_bad_row() -> None:
    rules = {(dataset, rule.name) for dataset in DATASETS for rule in load_contracts()[dataset].rules}
    assert rules <= {(spoilt.dataset, spoilt.rule) for spoilt in SPOILT}


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_header_that_is_not_agreed_is_refused(week: Filled, settings: Settings, dataset: str) -> None:
    source = week.newest(dataset)
    encoding = ENCODING.get(dataset, "utf-8-sig")
    header, rest = source.read_text(encoding).split("\n", maxsplit=1)
    first = load_contracts()[dataset].columns[0].source_name
    file = settings.inbox / dataset / source.name
    file.parent.mkdir(parents=True)
    file.write_text(header.replace(first, "Løbenr", 1) + "\n" + rest, encoding=encoding, newline="")
    (delivery,) = land(settings, dataset)
    assert delivery.status == "rejected"
    with Ledger(settings) as ledger:
        (problem,) = ledger.problems(dataset=dataset)
    assert f"missing: {first}" in problem.reason


def test_a_budget_whose_rows_are_not_the_stated_sum_is_refused(week: Filled, settings: Settings) -> None:
    source = week.newest("appropriations")
    lines = source.read_text("cp1252").splitlines()
    file = settings.inbox / "appropriations" / source.name
    file.parent.mkdir(parents=True)
    file.write_text("\r\n".join([*lines[:50], *lines[51:]]) + "\r\n", encoding="cp1252", newline="")
    (delivery,) = land(settings, "appropriations")
    assert delivery.status == "rejected"
    with Ledger(settings) as ledger:
        (problem,) = ledger.problems(dataset="appropriations")
    assert "sum" in problem.reason
    assert problem.line == len(lines) - 1


# ---- batches


@dataclass(frozen=True)
class Fault:
    """A change of the good batch, and a part of the message that must come of it."""

    dataset: str
    said: str
    change: str = "select * from good"
    is_warning: bool = False
    more: dict[str, Any] = field(default_factory=dict)


FAULTS = [
    Fault("activities", "0.7 to 1.5 times", more={"history": 2.0}),
    Fault("activities", "all six projects", "select * from good where project_code <> 'TIL'"),
    Fault("activities", "not all activities have the same status", "select * replace ('I gang' as activity_status) from good"),
    Fault("activities", "count participants have some", "select * replace (null::integer as participants) from good"),
    Fault("activities", "1 to 6 hours", "select * replace ((observation_hours * 100)::decimal(9, 2) as observation_hours) from good"),
    Fault("activities", "planned although", "select * replace (if(activity_status = 'Gennemført', 'Planlagt', activity_status) as activity_status) from good", is_warning=True),
    Fault("activities", "before its last day", more={"as_of": dt.date(2024, 1, 1)}, is_warning=True),
    Fault("staffing", "0.9 to 1.5 times", more={"history": 2.0}),
    Fault("staffing", "no month between", "select * from good where month <> '2025-03'"),
    Fault("staffing", "before it is over", more={"as_of": dt.date(2026, 5, 30)}),
    Fault("staffing", "caseworkers in every month", "select * from good where not (team_name = 'Modtagelsen' and month = '2026-05')"),
    Fault("staffing", "5 to 37.5 hours", "select * replace ((weekly_hours * 4.3)::decimal(9, 2) as weekly_hours) from good"),
    Fault("staffing", "two months back", "select * from good where month < '2026-03'", is_warning=True),
    Fault("surveys", "0.9 to 3 times", more={"history": 2.0}),
    Fault("surveys", "before it is closed", more={"as_of": dt.date(2025, 11, 1)}),
    Fault("surveys", "all four perspectives", "select * from good where question_code <> 'P3'"),
    Fault("surveys", "10 to 100 % answer", "select * replace ((answered_count // 20)::integer as answered_count) from good"),
    Fault("surveys", "not all answers agree", "select * replace (if(agreeing_count is null, null, answered_count) as agreeing_count) from good"),
    Fault("surveys", "half of the figures are withheld", "select * replace (null::integer as agreeing_count) from good", is_warning=True),
    Fault("daycare_places", "0.9 to 1.5 times", more={"history": 2.0}),
    Fault("daycare_places", "no month between", "select * from good where month <> '2025-03'"),
    Fault("daycare_places", "all five districts", "select * from good where district_name <> 'Måløvhøj' or month <> '2026-05'"),
    Fault("daycare_places", "one name and one district", "select * replace (if(group_kind = 'Børnehave', 'Børnehuset ' || row_number() over (), house_name) as house_name) from good"),
    Fault("daycare_places", "there are children", "select * replace (0 as enrolled_count) from good"),
    Fault("daycare_places", "20 % more children", "select * replace (place_count as enrolled_count, enrolled_count as place_count) from good", is_warning=True),
    Fault("daycare_places", "fewer children wait", "select * replace (waiting_count as enrolled_count, enrolled_count as waiting_count) from good", is_warning=True),
    Fault("daycare_places", "special groups of Børnehuset Globen", "select * from good where group_kind <> 'Sesam'", is_warning=True),
    Fault("appropriations", "0.95 to 1.5 times", more={"history": 1.2}),
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
def good(week: Filled, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The rows that stand, a table a dataset."""
    folder = tmp_path_factory.mktemp("good")
    settings = Settings(home=folder / "home", inputs=week.inbox, key_file=folder / "key")
    for dataset in DATASETS:
        land(settings, dataset)
    store.write_landing_database(settings, folder / "landing.duckdb")
    with duckdb.connect() as connection:
        connection.execute(f"attach '{folder / 'landing.duckdb'}' as landing (read_only)")
        yield connection


def judged(
    settings: Settings,
    tmp_path: Path,
    connection: duckdb.DuckDBPyConnection,
    fault: Fault,
    *,
    quarantined: int = 0,
) -> BatchVerdict:
    """The verdict on the newest delivery's rows after the fault's change; `history` is one export of so many times."""
    more = dict(fault.more)
    share = more.pop("history", 1.0)
    only = "where budget_year = 2026" if fault.dataset == "appropriations" else ""
    connection.execute(f"create or replace table good as from landing.{fault.dataset} {only}")
    rows = connection.table("good").count("*").fetchall()[0][0]
    file = tmp_path / "batch.parquet"
    connection.sql(fault.change).write_parquet(str(file))
    count = connection.read_parquet(str(file)).count("*").fetchall()[0][0]
    today = more.pop("as_of", dt.date(2026, 6, 19))
    label, first, last = ("2026", dt.date(2026, 1, 1), dt.date(2026, 12, 31)) if only else ("whole", today, today)
    known = BatchHistory(today, label, first, last, count + quarantined, count, quarantined)
    earlier = [
        replace(known, as_of=today - dt.timedelta(days=1), row_count=int(rows * share), landed_count=int(rows * share))
    ]
    return judge_batch(settings, load_contracts()[fault.dataset], file, known, earlier)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.dataset}: {fault.said}")
def test_a_batch_with_a_fault_is_refused_or_noted(
    settings: Settings, tmp_path: Path, good: duckdb.DuckDBPyConnection, fault: Fault
) -> None:
    verdict = judged(settings, tmp_path, good, fault)
    said = verdict.warnings if fault.is_warning else verdict.critical
    assert any(fault.said in message for message in said), verdict
    assert verdict.is_accepted == (not verdict.critical)


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_good_batch_passes_and_one_with_many_bad_rows_does_not(
    settings: Settings, tmp_path: Path, good: duckdb.DuckDBPyConnection, dataset: str
) -> None:
    verdict = judged(settings, tmp_path, good, Fault(dataset, ""))
    assert (verdict.critical, verdict.warnings) == ([], [])
    assert verdict.checks == len(load_suite(dataset)["expectations"]) > 15
    verdict = judged(settings, tmp_path, good, Fault(dataset, ""), quarantined=300)
    assert any("at most 5 %" in message for message in verdict.critical)


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_person_number_is_found_in_every_text_column(good: duckdb.DuckDBPyConnection, dataset: str) -> None:
    queries = [
        expectation["kwargs"]["unexpected_rows_query"].format(batch="changed")
        for expectation in load_suite(dataset)["expectations"]
        if "looks like a CPR number" in expectation["description"]
    ]
    # real aliases, account strings and accounts have the form by chance
    left_out = {"account_alias", "account_string", "account_number"}
    texts = [column.name for column in load_contracts()[dataset].landed_columns if column.landed_type == "VARCHAR"]
    number = "-".join((f"{11 + 60}{1:02}12", f"{4321:04}"))
    for column in set(texts) - left_out:
        good.execute(
            f"create or replace table changed as select * replace (if(row_number() over () = 3, '{number}', {column}) "
            f"as {column}) from landing.{dataset}"
        )
        assert [good.execute(query).fetchall() for query in queries] == [[(1,)]], column
