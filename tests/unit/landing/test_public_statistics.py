"""Figures of outside APIs through `land`: what goes wrong lands nothing, half or whole, and says what to do.

Every failure is looked at in the ledger and in the folders; real values are held against what landed, cell by cell.
"""

# ruff: noqa: E501 (a planted fault is one line of the table)
from __future__ import annotations

import csv
import dataclasses
import datetime as dt
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any

import landing_steps
import pytest
import suites
from suites import COMMON, Batch, assert_is_told, assert_passes

from include.demo import ministry, statbank
from include.demo.loopback import Fault, StandIn
from include.demo.ministry import ABSENCE, MUNICIPALITY, WELLBEING
from include.demo.municipalities import MUNICIPALITIES
from include.errors import WarehouseError
from include.landing.ledger import Delivery, Ledger
from include.landing.process import land
from include.settings import Settings
from include.sources import statbank as statbank_source
from include.sources import uddannelsesstatistik
from include.sources.api import ApiConnection, FetchFailed, Patience
from include.sources.uddannelsesstatistik import WHOLE, doubled

TOKEN = "token-of-a-test"
NIGHT = dt.date(2026, 6, 19)
MEAN, SHARE, PUPILS = WELLBEING.measures
NUMBER, GROUP, YEAR, INDICATOR, INTERVAL = WELLBEING.levels[1:]
FUNCTIONS = ("52820", "52821", "52822", "52823", "52824")


@pytest.fixture
def home(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home whose night is known, and readers that do not wait long."""
    quick = Patience(connect=1, answer=1, attempts=2, first_wait=0.01, longest_wait=0.02, longest_retry_after=1)
    for source in (uddannelsesstatistik, statbank_source):
        monkeypatch.setattr(source, "Patience", lambda: quick)
    return settings.model_copy(update={"as_of": NIGHT})


# ---- what is served


def absence_row(municipality: str, stage: str, year: str, values: dict[str, str]) -> dict[str, str]:
    """A row of the absence cube; what is `I alt` is not asked by that level, so that the row does not have it."""
    levels = zip(ABSENCE.levels, (municipality, stage, year), strict=True)
    return {doubled(level): member for level, member in levels if member != WHOLE} | values


def absence_rows(change: str = "7,3") -> list[dict[str, str]]:
    return [
        absence_row(municipality, stage, "2024/2025", dict.fromkeys(ABSENCE.measures, change))
        for municipality in (*MUNICIPALITIES, WHOLE)
        for stage in (*ministry.STAGES, WHOLE)
    ]


def wellbeing_row(values: dict[str, str], **members: str) -> dict[str, str]:
    levels = {"place": MUNICIPALITY, "number": NUMBER, "group": GROUP, "year": YEAR, "indicator": INDICATOR}
    return {doubled((levels | {"interval": INTERVAL})[name]): member for name, member in members.items()} | values


def wellbeing_rows(change: str = "3,6") -> list[dict[str, str]]:
    rows = []
    for place in MUNICIPALITIES:
        for group in ("Mellemtrin", "Udskoling"):
            key = {"place": place, "group": group, "year": "2024/2025", "indicator": "Generel trivsel"}
            rows.append(wellbeing_row({MEAN: change, PUPILS: "1.234"}, **key))
            rows.append(wellbeing_row({SHARE: "25,2 %"}, **key, interval="4,1 til 5"))
    key = {"place": "Ballerup", "number": "281843", "year": "2024/2025", "indicator": "Generel trivsel"}
    rows.append(wellbeing_row({MEAN: change, PUPILS: "515"}, **key))
    return [*rows, *country_rows("2024/2025", change)]


def country_rows(year: str, mean: str) -> list[dict[str, str]]:
    key = {"year": year, "indicator": "Generel trivsel"}
    values = {MEAN: mean, PUPILS: "120.000"}
    return [wellbeing_row(values, group=group, **key) for group in ("Mellemtrin", "Udskoling")]


def tables(change: str = "100") -> list[statbank.Table]:
    made = []
    for code in ("BUDK32", "REGK31"):
        variables = (
            statbank.Variable(
                "REGI07A" if code == "BUDK32" else "OMRÅDE", "område", {"151": "Ballerup", "163": "Herlev"}
            ),
            statbank.Variable("FUNKTION", "funktion", {function: function for function in FUNCTIONS}),
            statbank.Variable("DRANST", "dranst", {"1": "Drift"}),
            statbank.Variable("ART", "art", {"TOT": "I alt"}),
            statbank.Variable("PRISENHED", "prisenhed", {"LOBM": "Løbende priser"}),
            statbank.Variable("Tid", "tid", {"2024": "2024"}, is_time=True),
        )
        cells: dict[tuple[str, ...], str] = {
            (place, function, "1", "TOT", "LOBM", "2024"): change for place in ("151", "163") for function in FUNCTIONS
        }
        made.append(statbank.Table(code, code, "-", "2026-05-08T08:00:00", variables, cells))
    return made


Serve = Callable[..., AbstractContextManager[StandIn]]


def serving(dataset: str) -> Serve:
    """The stand-in of a dataset's API: `serve(faults)`, and `serve(faults, change=...)` with other figures."""

    def serve(faults: Sequence[Fault | None] = (), **change: str) -> AbstractContextManager[StandIn]:
        if dataset == "municipal_accounts":
            return statbank.run(tables(**change), faults=faults)
        cube, rows = (ABSENCE, absence_rows) if dataset == "absence_statistics" else (WELLBEING, wellbeing_rows)
        return ministry.run({cube: rows(**change)}, TOKEN, faults=faults)

    return serve


DATASETS = ("absence_statistics", "municipal_accounts", "wellbeing_statistics")
LAST = {"absence_statistics": 3, "municipal_accounts": 3, "wellbeing_statistics": 3}
"""The number of the last request of a fetch."""


def deliveries(settings: Settings, dataset: str) -> list[Delivery]:
    with Ledger(settings) as ledger:
        return ledger.deliveries(dataset)


def files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file() and "ledger" not in file.name)


def landed(settings: Settings, select: str) -> list[tuple[Any, ...]]:
    """Rows of the landing database when all that has landed is accepted."""
    with Ledger(settings) as ledger:
        for delivery in ledger.deliveries(status="landed"):
            ledger.decide(delivery, is_accepted=True, notes=[], problems=[])
    return landing_steps.landed(settings, select)


# ---- what goes wrong


FAULTS = {
    "429": (Fault("status", 429), "too many requests"),
    "429 for an hour": (Fault("status", 429, retry_after="3600"), "left alone for 3600 seconds"),
    "500": (Fault("status", 500), "an error of its own (500)"),
    "400": (Fault("status", 400), "refuses the request (400)"),
    "404": (Fault("status", 404), "address does not exist"),
    "redirect": (Fault("status", 302, location="https://elsewhere.example.dk/"), "status 302"),
    "hang up": (Fault("hang_up"), "broke before the answer was whole"),
    "cut body": (Fault("cut"), "broke before the answer was whole"),
    "half a body as if whole": (Fault("truncate"), ""),
    "slow": (Fault("slow", seconds=5), "no whole answer within 1 seconds"),
    "html": (Fault("body", body=b"<!DOCTYPE html><html><body>Log ind</body></html>"), "a web page, not figures"),
    "not utf-8": (Fault("body", body='[{"a": "ø"}]'.encode("latin-1")), "not UTF-8"),
    "other content": (Fault("body", body=b'{"message": "ok"}'), ""),
    "empty": (Fault("body", body=b""), ""),
}


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("name", FAULTS)
def test_what_fails_midway_lands_nothing_and_says_what_to_do(home: Settings, dataset: str, name: str) -> None:
    fault, told = FAULTS[name]
    faults = [*[None] * LAST[dataset], fault, fault]
    with serving(dataset)(faults) as api, pytest.raises(FetchFailed) as caught:
        land(home, dataset, connection=api.connection)
    assert told in caught.value.reason
    assert caught.value.remedy
    assert TOKEN not in str(caught.value)
    home.prepare()
    assert deliveries(home, dataset) == []
    assert files(home.fetched) == files(home.landing) == []


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_failure_leaves_what_had_landed(home: Settings, dataset: str) -> None:
    serve = serving(dataset)
    with serve() as api:
        first = land(home, dataset, connection=api.connection)
        again = land(home, dataset, connection=api.connection)
    assert (first.deliveries, first.rejected, again.deliveries) == (1, [], 0)
    assert first.row_count == first.landed_count > 0
    before = files(home.fetched) + files(home.landing)
    rows = landed(home, f"select * from {dataset} order by all")
    with serve([*[None] * LAST[dataset], Fault("truncate")], change="4,4") as api, pytest.raises(FetchFailed):
        land(home, dataset, connection=api.connection)
    assert files(home.fetched) + files(home.landing) == before
    assert [delivery.status for delivery in deliveries(home, dataset)] == ["accepted"]
    assert landed(home, f"select * from {dataset} order by all") == rows
    with serve(change="4,4") as api:
        assert land(home, dataset, connection=api.connection).deliveries == 1
    revised = landed(home, f"select * from {dataset} order by all")
    assert len(revised) == len(rows), "the new answer replaces the old one"
    assert {row[-1] for row in revised}.isdisjoint({row[-1] for row in rows}), "all are of the new delivery"


def test_a_token_that_expires_between_two_queries(home: Settings) -> None:
    with serving("wellbeing_statistics")([None, Fault("expire")]) as api, pytest.raises(FetchFailed) as caught:
        land(home, "wellbeing_statistics", connection=api.connection)
    assert caught.value.kind == "token_refused"
    assert "query 2 of 4, page 1" in str(caught.value)
    assert "make a new token" in caught.value.remedy
    home.prepare()
    assert deliveries(home, "wellbeing_statistics") == []
    assert files(home.fetched) == []


def test_a_page_that_comes_again(home: Settings) -> None:
    with serving("wellbeing_statistics")([None, Fault("repeat")]) as api, pytest.raises(FetchFailed) as caught:
        land(home, "wellbeing_statistics", connection=api.connection)
    assert "a row lacks one of" in caught.value.reason
    home.prepare()
    assert files(home.fetched) == []


@pytest.mark.parametrize("dataset", ["absence_statistics", "wellbeing_statistics"])
def test_the_ministry_is_not_asked_without_a_token(home: Settings, dataset: str) -> None:
    with serving(dataset)() as api:
        connection = ApiConnection(api.connection.base_url)
        with pytest.raises(WarehouseError, match="wants a token"):
            land(home, dataset, connection=connection)
        assert api.count == 0


@pytest.mark.parametrize("dataset", DATASETS)
def test_an_answer_of_after_tonight_is_rejected_and_nothing_lands(home: Settings, dataset: str) -> None:
    early = home.model_copy(update={"as_of": dt.date(2025, 4, 1)})
    with serving(dataset)() as api:
        report = land(early, dataset, connection=api.connection)
    assert (report.deliveries, report.landed_count) == (1, 0)
    assert "after tonight (2025-04-01)" in report.rejected[0]
    assert [delivery.status for delivery in deliveries(early, dataset)] == ["rejected"]
    assert [file for file in files(home.landing) if file.suffix == ".parquet"] == []


def test_bad_cells_go_to_quarantine_with_line_and_column(home: Settings) -> None:
    rows = wellbeing_rows()
    rows[0][MEAN], rows[2][MEAN], rows[4][PUPILS], rows[5][SHARE] = "7,5", "god", "4", "101,0 %"
    rows[6] |= {doubled(GROUP): "Indskoling"}
    with ministry.run({WELLBEING: rows}, TOKEN) as api:
        report = land(home, "wellbeing_statistics", connection=api.connection)
    with Ledger(home) as ledger:
        told = {(problem.column, problem.rule) for problem in ledger.problems(dataset="wellbeing_statistics")}
        lines = [problem.line for problem in ledger.problems(dataset="wellbeing_statistics")]
    assert told == {
        ("measure_value", "a_mean_is_on_the_scale"),
        ("measure_value", "danish_number"),
        ("measure_value", "nothing_of_fewer_than_five_pupils"),
        ("measure_value", "a_share_is_a_share"),
    }, "Indskoling is not asked for, so it is not served"
    assert None not in lines
    assert report.quarantined_count == len(told) == report.row_count - report.landed_count
    made = tables()
    bad = dataclasses.replace(made[0], cells={**made[0].cells, ("151", "52820", "1", "TOT", "LOBM", "2024"): "1.5"})
    with statbank.run([bad, made[1]]) as api:
        report = land(home, "municipal_accounts", connection=api.connection)
    assert (report.row_count, report.quarantined_count) == (20, 1)


# ---- real values


def test_the_real_wellbeing_of_all_municipalities_and_schools_lands_as_served(home: Settings, shared: Path) -> None:
    """A municipality's score is a weighted midpoint of intervals, not the official mean: here it is what is served."""
    folder = shared / "reference"
    with (folder / "uddannelsesstatistik" / "trivsel_fravaer_time_merged.csv").open(encoding="utf-8") as stream:
        scores = list(csv.DictReader(stream))
    with (folder / "ballerup" / "ballerup_school_values.csv").open(encoding="utf-8") as stream:
        schools = [row for row in csv.DictReader(stream) if row["trivsel_n"]]
    names = {"generel": "Generel trivsel", "social": "Social trivsel", "faglig": "Faglig trivsel"}
    names |= {"stoette": "Støtte og inspiration", "ro": "Ro og orden"}
    rows, served = [], {}
    for row in scores:
        # The ministry serves decimals by the comma, three of them at most.
        score = round(Decimal(row["trivsel_score"]), 3)
        key = {
            "place": row["kommune"],
            "group": row["klassetrin"],
            "year": row["skoleår"],
            "indicator": names["generel"],
        }
        rows.append(wellbeing_row({MEAN: str(score).replace(".", ",")}, **key))
        rows.append(wellbeing_row({SHARE: "25,2 %"}, **key, interval="4,1 til 5"))
        served[row["kommune"], "I alt", row["klassetrin"], row["skoleår"], "generel", "mean"] = score
        served[row["kommune"], "I alt", row["klassetrin"], row["skoleår"], "generel", "share"] = Decimal("25.2")
    for row in schools:
        number, year = row["institutionsnummer"], row["skoleår"]
        for code, name in names.items():
            key = {"place": "Ballerup", "number": number, "year": year, "indicator": name}
            values = {MEAN: row[f"trivsel_{code}"].replace(".", ","), PUPILS: row["trivsel_n"]}
            rows.append(wellbeing_row(values, **key))
            served["Ballerup", number, "I alt", year, code, "mean"] = Decimal(row[f"trivsel_{code}"])
            served["Ballerup", number, "I alt", year, code, "pupils"] = Decimal(row["trivsel_n"])
    for group in ("Mellemtrin", "Udskoling"):
        served[WHOLE, WHOLE, group, "2024/2025", "generel", "mean"] = Decimal("3.6")
        served[WHOLE, WHOLE, group, "2024/2025", "generel", "pupils"] = Decimal(120_000)
    rows += country_rows("2024/2025", "3,6")
    with ministry.run({WELLBEING: rows}, TOKEN) as api:
        report = land(home, "wellbeing_statistics", connection=api.connection)
    assert report.quarantined_count == 0
    codes = {name: code for code, name in names.items()}
    measures = {MEAN: "mean", SHARE: "share", PUPILS: "pupils"}
    found = landed(
        home,
        "select municipality_name, institution_number, grade_group, school_year, indicator_name, measure_name, "
        "measure_value, value_status from wellbeing_statistics",
    )
    cells = {(*key[:4], codes[key[4]], measures[key[5]]): (value, status) for *key, value, status in found}
    assert len(cells) == len(found)
    assert {key: value for key, (value, _) in cells.items() if value is not None} == served
    municipalities = {key[0] for key in cells if key[1] == "I alt"} - {WHOLE}
    assert len(municipalities) == 98
    assert {key[3] for key in cells if key[1] == "I alt"} == {f"{y}/{y + 1}" for y in range(2019, 2025)}
    left_out = {key for key, (_, status) in cells.items() if status == "suppressed"}
    assert left_out == {
        ("Læsø", "I alt", group, "2021/2022", "generel", measure)
        for group in ("Mellemtrin", "Udskoling")
        for measure in ("mean", "share")
    }
    numbers = {key[1] for key in cells} - {"I alt"}
    assert numbers == {row["institutionsnummer"] for row in schools}, "nothing of schools without values or departments"
    assert numbers.isdisjoint({"280562", "281844", "281454", "281850"})


def test_the_real_absence_of_all_municipalities_lands_as_served(home: Settings, shared: Path) -> None:
    with (shared / "reference" / "uddannelsesstatistik" / "trivsel_fravaer_time_merged.csv").open() as stream:
        real = {
            (row["kommune"], row["klassetrin"], row["skoleår"]): row["fravaer_pct"] for row in csv.DictReader(stream)
        }
    # beside the 98 by stage the public totals of 2024/2025; the country by stage is not among the material
    real |= {("Ballerup", WHOLE, "2024/2025"): "8.0", (WHOLE, WHOLE, "2024/2025"): "7.5"}
    rows = [absence_row(*key, {ABSENCE.measures[0]: value.replace(".", ",")}) for key, value in real.items()]
    rows += [absence_row(WHOLE, stage, "2024/2025", {ABSENCE.measures[1]: "4,5"}) for stage in ministry.STAGES]
    with ministry.run({ABSENCE: rows}, TOKEN) as api:
        land(home, "absence_statistics", connection=api.connection)
    found = landed(
        home,
        "select municipality_name, school_stage, school_year, measure_value from absence_statistics "
        f"where value_status = 'published' and measure_name = '{ABSENCE.measures[0]}'",
    )
    assert len(found) == len(real) == 1174 + 2
    assert {tuple(key): value for *key, value in found} == {key: Decimal(value) for key, value in real.items()}


# ---- suites


GOOD = {
    "municipal_accounts": f"""
        select t as table_code, (101 + k)::varchar as place_municipality_code, y::smallint as accounting_year,
            y::varchar as time_code, f as function_code, '1' as account_kind, 'TOT' as art_code, 'LOBM' as price_unit,
            (if(k = 3 and f = '52824', 0, 1000 * (k % 9 + 4) + y))::decimal(15, 3) as amount_1000_dkk,
            if(k = 3 and f = '52824', 'suppressed_or_zero', 'published') as value_status,
            timestamp '2026-05-08 08:00:00' as table_updated_at, true as table_is_active,
            {COMMON}
        from range(98) as p (k), (select unnest([2023, 2024]) as y), (select unnest(['BUDK32', 'REGK31']) as t),
            (select unnest(['52820', '52821', '52822', '52823', '52824']) as f)""",
    "wellbeing_statistics": f"""
        with places as (
            select 'Kommune ' || k as municipality_name, 'I alt' as institution_number, g as grade_group, 900 as pupils
            from range(98) as p (k), (select unnest(['Mellemtrin', 'Udskoling']) as g)
            union all
            select 'Kommune 7', (281840 + k)::varchar, 'I alt', 400 from range(7) as p (k)
        ),
        measures as (
            select * from (values ('Indikatorsvar', 'I alt', 3.6), ('Totale antal elever - indikatorsvar', 'I alt', 0),
                ('Andel Indikatorsvar', '1 til 2', 2.1), ('Andel Indikatorsvar', '2,1 til 3', 12.4),
                ('Andel Indikatorsvar', '3,1 til 4', 60.3), ('Andel Indikatorsvar', '4,1 til 5', 25.2)) as m (n, i, v)
        )
        select municipality_name, institution_number, grade_group, y as school_year, d as indicator_name,
            i as answer_interval, n as measure_name, (if(v = 0, pupils, v))::decimal(12, 3) as measure_value,
            'published' as value_status, {COMMON}
        from places, measures, (select unnest(['2023/2024', '2024/2025']) as y),
            (select unnest(['Generel trivsel', 'Social trivsel', 'Faglig trivsel', 'Støtte og inspiration',
                'Ro og orden']) as d)
        where institution_number = 'I alt' or i = 'I alt'""",
}

BATCHES = {
    dataset: Batch(dataset, rows, NIGHT, history=(1.0,), earlier={"as_of": dt.date(2025, 6, 1)})
    for dataset, rows in GOOD.items()
}

SPOILT = [
    suites.Fault("municipal_accounts", "budgets and accounts occur", "select * from good where table_code = 'BUDK32'"),
    suites.Fault("municipal_accounts", "the five functions of K07", "select * from good where function_code <> '52823'"),
    suites.Fault("municipal_accounts", "at least 95 municipalities", "select * from good where place_municipality_code < '190'"),
    suites.Fault("municipal_accounts", "no table holds a group", "select * replace (replace(place_municipality_code, '198', '910') as place_municipality_code) from good"),
    suites.Fault("municipal_accounts", "net alone", "select * replace (if(accounting_year = 2024, 'UE', art_code) as art_code) from good"),
    suites.Fault("municipal_accounts", "a municipality spends 5 million", "select * replace ((amount_1000_dkk / 100)::decimal(15, 3) as amount_1000_dkk) from good"),
    suites.Fault("municipal_accounts", "between -1 and 10 billion", "select * replace ((amount_1000_dkk * 1000)::decimal(15, 3) as amount_1000_dkk) from good"),
    suites.Fault("municipal_accounts", "at least half of the amounts are published", "select * replace ('missing' as value_status, null::decimal(15, 3) as amount_1000_dkk) from good"),
    suites.Fault("wellbeing_statistics", "the five indicators occur", "select * from good where indicator_name <> 'Ro og orden'"),
    suites.Fault("wellbeing_statistics", "mean, pupils and shares occur", "select * from good where measure_name not like 'Andel%'"),
    suites.Fault("wellbeing_statistics", "both groups of grades", "select * from good where institution_number = 'I alt'"),
    suites.Fault("wellbeing_statistics", "the mean of generel trivsel is 3.0 to 4.3", "select * replace (if(measure_name = 'Indikatorsvar', 6 - measure_value, measure_value)::decimal(12, 3) as measure_value) from good"),
    suites.Fault("wellbeing_statistics", "add up to at most 100.5 %", "select * replace (if(measure_name like 'Andel%', measure_value * 1.1, measure_value)::decimal(12, 3) as measure_value) from good"),
    suites.Fault("wellbeing_statistics", "fewer than five pupils", "select * replace (if(measure_name like 'Totale%' and school_year < '2024', 3, measure_value)::decimal(12, 3) as measure_value) from good"),
]  # fmt: skip


@pytest.mark.parametrize("dataset", sorted(GOOD))
def test_a_good_answer_passes_its_suite(settings: Settings, dataset: str) -> None:
    assert_passes(settings, BATCHES[dataset], checks=25)


@pytest.mark.parametrize("fault", SPOILT, ids=str)
def test_a_spoilt_answer_is_rejected(settings: Settings, fault: suites.Fault) -> None:
    assert_is_told(settings, BATCHES[fault.dataset], fault)
