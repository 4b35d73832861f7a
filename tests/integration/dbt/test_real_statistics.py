"""The ministry's real figures from its API to the mart: what is served is what a reader sees, place by place.

The public values lie beside the project (`../shared/reference`); a stand-in serves them over HTTP as the ministry does.
They are fetched, landed and built for real. Absence and wellbeing of all 98 municipalities are there by stage; of the
country, and of all stages together, one public figure each (Ballerup 8.0 per cent in 2024/2025, the country 7.5).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from small_landing import AS_OF, LANDING, Build, Row, delivery, make_landing, run_dbt

from include.demo import ministry
from include.demo.ministry import ABSENCE, WELLBEING
from include.landing.ledger import Ledger
from include.landing.process import land
from include.landing.store import write_landing_database
from include.settings import Settings
from include.sources.uddannelsesstatistik import WHOLE, doubled

TOKEN = "token-of-a-test"
DATASETS = {"absence_statistics": ABSENCE, "wellbeing_statistics": WELLBEING}
MEAN, SHARE, PUPILS = WELLBEING.measures
INDICATORS = {
    "generel": "Generel trivsel",
    "social": "Social trivsel",
    "faglig": "Faglig trivsel",
    "stoette": "Støtte og inspiration",
    "ro": "Ro og orden",
}
YEARS = {f"{year}/{year + 1}" for year in range(2019, 2025)}
BALLERUP, COUNTRY = (Decimal("8.0"), Decimal("7.5"))
"""Absence in 2024/2025 in per cent, all stages together."""

Key = tuple[str, ...]
"""Dataset, level and name or number of the place, group of grades, period, indicator and measure."""

MODELS = ("+mart_official_statistics", "+mart_school_absence")


@dataclass(frozen=True)
class Real:
    """What was served, as the mart is to show it, and the build that shows it."""

    served: dict[Key, Decimal]
    build: Build

    def shown(self, where: str = "value is not null") -> dict[Key, Decimal]:
        """The figures that the mart shows of the ministry."""
        rows = self.build.query(
            "select source_code, place_level, if(place_level = 'school', place_code, place_name), grade_group, period, "
            f"indicator, measure, value from marts.mart_official_statistics where {where}"
        )
        found = {tuple(key): value for *key, value in rows}
        assert len(found) == len(rows)
        return found


def read(shared: Path, file: str) -> list[dict[str, str]]:
    with (shared / "reference" / file).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def row(cube: ministry.Cube, members: dict[str, str], values: dict[str, str]) -> dict[str, str]:
    """A row of the ministry's, in Danish numbers; members by the last part of their level's name."""
    levels = {level.rpartition("[")[2].rstrip("]"): doubled(level) for level in cube.levels}
    danish = {measure: value.replace(".", ",") for measure, value in values.items()}
    return {levels[name]: member for name, member in members.items()} | danish


def figures(shared: Path) -> Iterator[tuple[ministry.Cube, dict[str, str], Key, dict[str, tuple[str, str]]]]:
    """Cube, members, place and group of each row that is served, and its values by the ministry's measure."""
    absence, mean = ABSENCE.measures[0], MEAN
    for given in read(shared, "uddannelsesstatistik/trivsel_fravaer_time_merged.csv"):
        place, group, year = given["kommune"], given["klassetrin"], given["skoleår"]
        at: Key = ("municipality", place, group, year)
        where = {"Beliggenhedskommune": place, "Skoleår": year}
        yield ABSENCE, {**where, "Skoletrin": group}, at, {absence: (given["fravaer_pct"], "absence share")}
        # the ministry serves three decimals at most; the material has the score with all of them
        score = str(round(Decimal(given["trivsel_score"]), 3))
        members = {**where, "Klassetringruppe": group, "Trivselsindikator": INDICATORS["generel"]}
        yield WELLBEING, members, at, {mean: (score, "generel mean")}
    for given in read(shared, "ballerup/ballerup_school_values.csv"):
        for code, name in INDICATORS.items() if given["trivsel_n"] else ():
            number, year = given["institutionsnummer"], given["skoleår"]
            members = {"Beliggenhedskommune": "Ballerup", "Institutionsnummer": number, "Skoleår": year}
            values = {mean: (given[f"trivsel_{code}"], f"{code} mean"), PUPILS: (given["trivsel_n"], f"{code} pupils")}
            yield WELLBEING, {**members, "Trivselsindikator": name}, ("school", number, WHOLE, year), values
    year = "2024/2025"
    (overview,) = (r for r in read(shared, "ballerup/ballerup_skoleoverblik_by_year.csv") if r["skoleår"] == year)
    assert Decimal(overview["elevfravaer_pct"]) == BALLERUP
    whole = {absence: (str(BALLERUP), "absence share")}
    yield (
        ABSENCE,
        {"Beliggenhedskommune": "Ballerup", "Skoleår": year},
        ("municipality", "Ballerup", WHOLE, year),
        whole,
    )
    yield (
        ABSENCE,
        {"Skoleår": year},
        ("country", "Hele landet", WHOLE, year),
        {absence: (str(COUNTRY), "absence share")},
    )


def fill_up(cube: ministry.Cube) -> list[dict[str, str]]:
    """Made-up rows for the two questions that the public material does not answer, so that each has an answer."""
    if cube is ABSENCE:
        return [row(cube, {"Skoletrin": "Mellemtrin", "Skoleår": "2024/2025"}, {ABSENCE.measures[1]: "4.4"})]
    members = {"Klassetringruppe": "Mellemtrin", "Skoleår": "2024/2025", "Trivselsindikator": INDICATORS["generel"]}
    interval = {"Beliggenhedskommune": "Ballerup", "Trivselsindikator Svarintervaller": "4,1 til 5"}
    return [row(cube, members, {MEAN: "3.7"}), row(cube, members | interval, {SHARE: "25.2"})]


MADE_UP = "measure <> 'share' or indicator = 'absence'"
"""What of the mart is not of `fill_up`; the country's mean is told apart by its place."""


def landed(settings: Settings, folder: Path, rows: dict[str, list[Row]], deliveries: list[Row]) -> Path:
    """A landing database of these rows, with the statistics as they landed in this home."""
    with Ledger(settings) as ledger:
        # accepted here: most of what the suites want of a whole answer is not among the public material
        for one in ledger.deliveries(status="landed"):
            ledger.decide(one, is_accepted=True, notes=[], problems=[])
    write_landing_database(settings, folder / "landed.duckdb")
    make_landing(folder, rows, deliveries)
    with duckdb.connect(str(folder / LANDING)) as connection:
        connection.execute(f"attach '{folder / 'landed.duckdb'}' as landed (read_only)")
        for dataset in DATASETS:
            connection.execute(f"insert into {dataset} by name select * from landed.{dataset}")
    return folder


def pupils(year: str) -> tuple[dict[str, list[Row]], list[Row]]:
    """A pupil of each stage in a school year, so that the municipality has absence of its own to compare."""
    enrolments = [
        {
            "person_key": grade,
            "school_year": year,
            "institution_number": "281843",
            "grade_level": grade,
            "class_name": f"{grade}.A",
            "enrolled_from": f"{year[:4]}-08-01",
            "enrolled_to": None,
            "delivery_id": "d1",
        }
        for grade in (1, 5, 8)
    ]
    day = {"absence_kind": "Sygdom", "absence_date": f"{year[:4]}-09-02", "registered_date": f"{year[:4]}-09-02"}
    absence = [{"person_key": 5, "institution_number": "281843", "delivery_id": "d2", **day}]
    spans = (f"{year[:4]}-08-01", f"{year[5:]}-07-31")
    deliveries = [delivery(1, "enrolments", spans[1], *spans), delivery(2, "absence_days", spans[1], *spans)]
    return {"enrolments": enrolments, "absence_days": absence}, deliveries


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, shared: Path, target: Path) -> Real:
    """The public values: served, fetched, landed, built."""
    folder = tmp_path_factory.mktemp("real")
    settings = Settings(home=folder / "home", key_file=folder / "key" / "person.key", as_of=AS_OF)
    rows: dict[ministry.Cube, list[dict[str, str]]] = {cube: fill_up(cube) for cube in DATASETS.values()}
    served: dict[Key, Decimal] = {}
    for cube, members, place, values in figures(shared):
        rows[cube].append(row(cube, members, {measure: value for measure, (value, _) in values.items()}))
        dataset = next(name for name, one in DATASETS.items() if one is cube)
        served |= {(dataset, *place, *name.split()): Decimal(value) for value, name in values.values()}
    with ministry.run(rows, TOKEN) as api:
        for dataset in DATASETS:
            report = land(settings, dataset, connection=api.connection)
            assert (report.deliveries, report.quarantined_count, report.rejected) == (1, 0, [])
    landing = landed(settings, folder, *pupils("2024/2025"))
    arguments = ("--exclude-resource-type", "unit_test", "--indirect-selection", "cautious")
    build = run_dbt(landing, "build", *arguments, "--select", *MODELS, target=target)
    assert build.exit_code == 0, build.output[-4000:]
    return Real(served, build)


def test_every_figure_of_every_place_is_what_was_served(real: Real) -> None:
    shown = real.shown(
        f"value is not null and ({MADE_UP}) and not (place_level = 'country' and source_code = 'wellbeing_statistics')"
    )
    assert shown == real.served
    for dataset in DATASETS:
        at = {key for key in shown if key[:2] == (dataset, "municipality")}
        assert len({key[2] for key in at}) == 98
        assert {key[4] for key in at} == YEARS
        # 98 x 2 x 6 less two cells of Læsø, which the ministry leaves out
        assert len([key for key in at if key[3] != WHOLE]) == 1174
    assert len({key[2] for key in shown if key[1] == "school"}) >= 7


def test_absence_of_ballerup_and_of_the_country(real: Real) -> None:
    assert real.build.query(
        "select place_name, is_own, value, unit, value_status from marts.mart_official_statistics where "
        "indicator = 'absence' and grade_group = 'I alt' and year = 2025 and value is not null order by value"
    ) == [
        ("Hele landet", False, COUNTRY, "percent", "published"),
        ("Ballerup", True, BALLERUP, "percent", "published"),
    ]


def test_what_the_ministry_leaves_out_is_unknown_and_not_zero(real: Real) -> None:
    left_out = real.build.query(
        "select distinct source_code, place_name, period, value, value_status from marts.mart_official_statistics "
        "where place_level = 'municipality' and grade_group in ('Mellemtrin', 'Udskoling') and "
        "(indicator = 'absence' or indicator = 'generel' and measure = 'mean') and value is null order by all"
    )
    assert left_out == [
        ("absence_statistics", "Læsø", "2021/2022", None, "suppressed"),
        ("wellbeing_statistics", "Læsø", "2021/2022", None, "suppressed"),
    ]
    zeros = [key for key, value in real.served.items() if value == 0]
    assert real.build.query("select count(*) from marts.mart_official_statistics where value = 0") == [(len(zeros),)]


def test_the_mart_of_the_own_absence_shows_the_same(real: Real) -> None:
    shown: dict[str, Any] = dict(
        real.build.query(
            "select school_stage, ministry_absence_share from marts.mart_school_absence where period = '2024/2025' "
            "and period_type = 'school_year' and institution_level = 'municipality' and grade_group_type = 'stage'"
        )
    )
    at = ("absence_statistics", "municipality", "Ballerup")
    assert shown == {
        "Indskoling": None,
        "Mellemtrin": real.served[*at, "Mellemtrin", "2024/2025", "absence", "share"] / 100,
        "Udskoling": real.served[*at, "Udskoling", "2024/2025", "absence", "share"] / 100,
    }
    assert shown["Mellemtrin"] == Decimal("0.085")
