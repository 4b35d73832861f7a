"""K16-K32 from the native files, held against what was planted in them, where the truth tells the figure.

Where it does not, files of a few lines show the rule at its edges.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from include.demo.municipality import generate
from second.measures_b import MEASURES_B
from second.native import Row, contract, seed

Figures = dict[tuple[Any, ...], Any]
WHOLE = ("municipality", "151")


class Planted(NamedTuple):
    inbox: Path
    truth: dict[str, Any]
    as_of: str

    def figures(self, dataset: str, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.truth[dataset]["figures"][name]
        assert found
        return found


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    made = generate(tmp_path_factory.mktemp("demo") / "inbox", size="small")
    return Planted(made.inbox, made.content, made.content["as_of"])


@pytest.fixture(scope="module")
def rows(planted: Planted) -> dict[str, list[Row]]:
    return {name: measure(planted.inbox) for name, measure in MEASURES_B.items()}


def main_school(number: str) -> str:
    schools = seed("institution")
    return str(schools.loc[schools["institution_number"] == number, "main_institution_number"].item())


def cells(rows: list[Row], *keys: str, unit_type: str, part: str | None = None) -> dict[tuple[Any, ...], Row]:
    """The rows of a kind of unit (and part) by some of their columns, which must tell them apart."""
    chosen = [row for row in rows if row.unit_type == unit_type and part in (None, row.measure_part)]
    found = {tuple(getattr(row, key) for key in keys): row for row in chosen}
    assert len(found) == len(chosen)
    return found


def newest(rows: list[Row], *, unit_type: str = "municipality", part: str = "all") -> Row:
    return max(
        (row for row in rows if row.unit_type == unit_type and row.measure_part == part),
        key=lambda row: row.period_end_date,
    )


# --- every measure


@pytest.mark.parametrize("measure", MEASURES_B)
def test_each_measure_has_rows_of_its_own_and_each_once(rows: dict[str, list[Row]], measure: str) -> None:
    found = rows[measure]
    keys = {
        (row.measure_id, row.measure_part, row.period_type, row.period, row.unit_type, row.unit_id) for row in found
    }
    assert len(keys) == len(found) > 0
    assert {row.measure_id for row in found} == {measure}


@pytest.mark.parametrize("measure", MEASURES_B)
def test_no_figure_is_a_float(rows: dict[str, list[Row]], measure: str) -> None:
    for row in rows[measure]:
        assert not [
            value for value in (row.numerator, row.denominator, row.value, row.person_count) if isinstance(value, float)
        ]


@pytest.mark.parametrize("measure", MEASURES_B)
def test_values_are_rounded_to_six_decimals(rows: dict[str, list[Row]], measure: str) -> None:
    factor = 1000 if measure == "K22" else 1
    for row in rows[measure]:
        if row.denominator:
            assert row.value is not None
            assert abs(row.value * row.denominator - factor * row.numerator) <= Decimal("0.0000005") * row.denominator
        elif row.measure_part != "ppr_medarbejdere":
            assert row.value == row.numerator


# --- the leisure mentors and Fritidspas


def test_children_referred_to_icehearts(planted: Planted, rows: dict[str, list[Row]]) -> None:
    told = {
        (one["month"],): one["children"]
        for one in planted.truth["referrals"]["distinct_children_cumulative"]
        if one["project"] == "ICE"
    }
    shown = {
        key: row.value for key, row in cells(rows["K16"], "period", unit_type="municipality", part="cumulative").items()
    }
    assert shown == {key: count for key, count in told.items() if key in shown}
    assert not any(count for key, count in told.items() if key not in shown)


def test_children_referred_to_icehearts_by_school_and_grade(planted: Planted, rows: dict[str, list[Row]]) -> None:
    told = {
        f"{one['school']}/{one['grade']}": one["children"]
        for one in planted.truth["referrals"]["by_project_school_grade"]
        if one["project"] == "ICE"
    }
    last = newest(rows["K16"], part="cumulative").period
    shown = {
        row.unit_id: row.value
        for row in rows["K16"]
        if (row.unit_type, row.measure_part, row.period) == ("school_and_grade", "cumulative", last)
    }
    assert {cell: count for cell, count in shown.items() if count} == told
    # the grades of the target group stand at every school that has referred, with none where there was none
    assert set(shown) >= {f"{cell.partition('/')[0]}/{grade}" for cell in told for grade in range(4)}


def test_referred_children_who_joined(planted: Planted, rows: dict[str, list[Row]]) -> None:
    (told,) = planted.figures("memberships", "referred_children_who_joined")
    row = newest(rows["K17"])
    assert (row.denominator, row.numerator, row.person_count) == (told["referred"], told["joined"], told["referred"])


def test_parents_helped(planted: Planted, rows: dict[str, list[Row]]) -> None:
    told = planted.figures("activities", "parents_helped")
    for (end,), row in cells(rows["K18"], "period_end_date", unit_type="municipality").items():
        assert row.value == sum(one["parents"] for one in told if one["first_date"] <= end.isoformat())
    assert newest(rows["K18"]).value == sum(one["parents"] for one in told)


def test_leisure_grants(planted: Planted, rows: dict[str, list[Row]]) -> None:
    shown = cells(rows["K19"], "measure_part", "period", unit_type="municipality")
    told = planted.figures("leisure_grants", "by_year")
    assert len(shown) == 3 * len(told)
    for one in told:
        year = str(one["granted_year"])
        assert shown["grants", year].value == one["grants"]
        assert shown["children", year].value == one["children"]
        assert shown["dkk_per_child", year].numerator == Decimal(one["granted_dkk"])
        assert shown["dkk_per_child", year].denominator == one["children"]


def test_teams_that_run(planted: Planted, rows: dict[str, list[Row]]) -> None:
    told: Counter[tuple[str, str]] = Counter()
    for one in planted.figures("activities", "active_teams"):
        told[one["activity_kind"].lower(), main_school(one["institution_number"])] += one["teams"]
    last = newest(rows["K20"], part="satellithold").period
    shown = {
        (row.measure_part, row.unit_id): row.value
        for row in rows["K20"]
        if row.unit_type == "school" and row.period == last
    }
    assert shown == told
    for part in ("satellithold", "dansehold"):
        assert newest(rows["K20"], part=part).value == sum(count for (kind, _), count in told.items() if kind == part)


# --- the youngest


def test_screenings_of_the_first_year(planted: Planted, rows: dict[str, list[Row]]) -> None:
    told = planted.figures("screenings", "first_year_by_district")
    assert {
        (row.unit_id, row.period): (row.denominator, row.numerator, row.person_count)
        for row in rows["K21"]
        if row.unit_type == "district"
    } == {
        (one["district_code"], str(one["birth_year"])): (one["row_count"], one["followed_up"], one["persons"])
        for one in told
    }


def test_concerns_for_the_youngest(planted: Planted, rows: dict[str, list[Row]]) -> None:
    told = {
        (one["district_code"], str(one["received_year"])): one["notifications"]
        for one in planted.figures("notifications", "concerns_from_one_to_six_years")
    }
    shown = {
        key: row.numerator
        for key, row in cells(rows["K22"], "unit_id", "period", unit_type="district").items()
        if row.numerator
    }
    assert shown == told


def test_observed_attachment(planted: Planted, rows: dict[str, list[Row]]) -> None:
    """The truth counts visits and the measure children: no more of these, and of as many birth years."""
    observed: Counter[str] = Counter()
    positive: Counter[str] = Counter()
    for one in planted.figures("health_visits", "attachment"):
        observed[str(one["birth_year"])] += one["observed"]
        positive[str(one["birth_year"])] += one["positive"]
    shown = cells(rows["K23"], "period", unit_type="municipality")
    assert {year for (year,) in shown} == {year for year, count in observed.items() if count}
    for (year,), row in shown.items():
        assert 0 < row.denominator < observed[year]
        assert 0 < row.numerator < positive[year]


def test_late_starts_of_school(planted: Planted, rows: dict[str, list[Row]]) -> None:
    assert {
        (row.unit_id, row.period): (row.denominator, row.numerator)
        for row in rows["K24"]
        if row.unit_type == "district"
    } == {
        (one["district_code"], str(one["birth_year"])): (one["persons"], one["late"])
        for one in planted.figures("school_starts", "late_by_district")
    }


def test_most_positive_answers(planted: Planted, rows: dict[str, list[Row]]) -> None:
    told: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for one in planted.figures("school_examinations", "most_positive_answers"):
        part = f"examination-{one['question_number']}"
        key = (part, one["school_year"], main_school(one["institution_number"]))
        told[key][0] += one["row_count"]
        told[key][1] += one["most_positive"]
    shown = {
        (row.measure_part, row.period, row.unit_id): [row.denominator, row.numerator]
        for row in rows["K25"]
        if row.unit_type == "school" and row.measure_part.startswith("examination")
    }
    assert shown == told


# --- day-care


def test_courses(planted: Planted, rows: dict[str, list[Row]]) -> None:
    told = planted.figures("activities", "courses")
    parts = {
        "paedagoger": sum(one["completed"] for one in told if one["profession_group"] == "Pædagog"),
        "sundhedsplejersker": sum(one["completed"] for one in told if one["profession_group"] == "Sundhedsplejerske"),
        "ppr_medarbejdere": sum(one["completed"] for one in told if one["profession_group"] == "PPR-medarbejder"),
        # only teachers have courses in their houses
        "institutioner": sum(one["houses"] for one in told),
        "distrikter": len({one["district_code"] for one in told if one["houses"]}),
    }
    assert {part: newest(rows["K26"], part=part).numerator for part in parts} == parts


def test_perspectives_of_competence(planted: Planted, rows: dict[str, list[Row]]) -> None:
    assert {
        (row.measure_part, row.period): (row.denominator, row.numerator)
        for row in rows["K27"]
        if row.unit_type == "municipality"
    } == {
        (one["question_code"], str(one["wave_number"])): (one["answered"], one["agreeing"])
        for one in planted.figures("surveys", "by_question")
        if one["survey_code"] == "SOB-M2"
    }


def test_parents_who_take_part(planted: Planted, rows: dict[str, list[Row]]) -> None:
    shown: dict[str, list[Any]] = defaultdict(lambda: [0, 0])
    for row in rows["K28"]:
        if row.unit_type == "house":
            shown[row.unit_id][0] += row.person_count
            shown[row.unit_id][1] += row.denominator
            assert row.numerator == row.person_count - row.denominator
    assert shown == {
        one["house_code"]: [one["participants"], one["participants_before"]]
        for one in planted.figures("activities", "parents_involved")
    }


def test_communities(planted: Planted, rows: dict[str, list[Row]]) -> None:
    told = {one["house_code"]: one["communities"] for one in planted.figures("activities", "communities")}
    last = newest(rows["K29"])
    shown = {row.unit_id: row.value for row in rows["K29"] if row.unit_type == "house" and row.period == last.period}
    assert shown == told
    assert (last.numerator, last.denominator) == (sum(told.values()), 10)


def test_houses_with_places(planted: Planted, rows: dict[str, list[Row]]) -> None:
    assert {
        (row.unit_id, row.period_end_date.isoformat()): row.denominator
        for row in rows["K30"]
        if row.unit_type == "district"
    } == {
        (one["district_code"], one["month_end_date"]): one["houses"]
        for one in planted.figures("daycare_places", "by_month_district")
    }


def test_houses_inspected_lately(planted: Planted, rows: dict[str, list[Row]]) -> None:
    """The truth counts until the night and the measure until the month's end: between them nothing was inspected."""
    told = Counter(
        one["house_code"][:3] for one in planted.figures("activities", "inspections") if one["inspected_lately"]
    )
    last = newest(rows["K30"])
    shown = {
        row.unit_id: row.numerator for row in rows["K30"] if row.unit_type == "district" and row.period == last.period
    }
    assert shown == told
    assert last.numerator == sum(told.values()) < last.denominator


def test_visits_inside_their_window(planted: Planted, rows: dict[str, list[Row]]) -> None:
    """Of the visits that the truth counts, the measure leaves out those of children whose window is still open."""
    shown: Counter[str] = Counter()
    for row in rows["K31"]:
        if row.unit_type == "municipality":
            shown[row.measure_part] += int(row.numerator)
    told = {one["visit_type_code"]: one["in_window"] for one in planted.figures("health_visits", "held_in_window")}
    assert set(shown) == set(told)
    for kind, count in told.items():
        assert 0 <= count - shown[kind] <= 10


def test_forms_that_may_be_shared(planted: Planted, rows: dict[str, list[Row]]) -> None:
    forms = planted.figures("description_forms", "by_house")
    whole = [row for row in rows["K32"] if row.unit_type == "municipality"]
    assert sum(row.numerator for row in whole) == sum(
        one["row_count"] for one in planted.figures("description_forms", "shareable")
    )
    by_house: Counter[str] = Counter()
    for row in rows["K32"]:
        if row.unit_type == "house":
            by_house[row.unit_id] += int(row.denominator)
    assert by_house == {one["daycare_house_code"]: one["row_count"] for one in forms}
    assert sum(row.denominator for row in whole) == sum(one["row_count"] for one in forms)


# --- the rules at their edges


Lines = list[dict[str, str]]


def deliver(inbox: Path, dataset: str, lines: Lines, label: str = "", as_of: str = "20260619") -> Path:
    """A file with the contract's headers; what a line does not tell is empty."""
    headers = [column["header"] for column in contract(dataset)["columns"] if "header" in column]
    assert not [name for line in lines for name in line if name not in headers]
    text = "\n".join([";".join(headers), *(";".join(line.get(name, "") for name in headers) for line in lines)])
    file = inbox / dataset / "_".join(filter(None, (dataset, label, f"{as_of}.csv")))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text + "\n", "utf-8")
    return inbox


def counted(rows: list[Row], unit_type: str = "municipality") -> Figures:
    """Numerator and denominator by period, part and unit."""
    return {
        (row.period, row.measure_part, row.unit_id): (row.numerator, row.denominator)
        for row in rows
        if row.unit_type == unit_type
    }


@pytest.mark.parametrize(
    ("consents", "holds"),
    [
        ([], False),
        ([("2026-06-19", "", "Ja")], True),
        ([("2026-06-20", "", "Ja")], False),
        ([("2026-01-10", "2026-06-19", "Nej")], False),
        ([("2026-01-10", "2026-06-20", "Ja")], True),
        ([("2026-01-10", "", "Nej")], False),
        # one parent withdraws: what the other gave before that does not hold either
        ([("2026-01-10", "", "Ja"), ("2026-01-12", "2026-02-01", "Nej")], False),
        ([("2026-02-01", "", "Ja"), ("2026-01-12", "2026-02-01", "Nej")], False),
        ([("2026-02-02", "", "Ja"), ("2026-01-12", "2026-02-01", "Nej")], True),
        ([("2026-02-02", "", "Ja"), ("2026-01-12", "2026-07-01", "Ja")], True),
        # one that never held ended when it was given
        ([("2026-01-10", "", "Ja"), ("2026-01-10", "", "Nej")], False),
        ([("2026-01-11", "", "Ja"), ("2026-01-10", "", "Nej")], True),
        # one withdrawn before it was given ended when it was given
        ([("2026-01-15", "", "Ja"), ("2026-02-01", "2026-01-01", "Nej")], False),
        ([("2026-02-02", "", "Ja"), ("2026-02-01", "2026-01-01", "Nej")], True),
    ],
)
def test_a_consent_holds(tmp_path: Path, consents: list[tuple[str, str, str]], holds: bool) -> None:
    child = {"Barnets CPR": "0204205001"}
    given = [
        child
        | {"Samtykke-id": f"SAM-2026-{number:06d}", "Overgang": "Dagtilbud-skole"}
        | {"Givet": first, "Tilbagekaldt": last, "Gyldigt": valid}
        for number, (first, last, valid) in enumerate(consents)
    ]
    other = child | {"Samtykke-id": "SAM-2026-999999", "Overgang": "Sundhedspleje-dagtilbud", "Givet": "2026-06-01"}
    form = child | {"Skema-id": "PBS-2026-00001", "Børnehus": "HED-01", "Udfyldt": "2025-10-01"}
    deliver(tmp_path, "description_forms", [form, form | {"Skema-id": "PBS-2026-00002", "Udfyldt": "2026-06-20"}])
    deliver(tmp_path, "consents", [*given, other | {"Gyldigt": "Ja"}])
    rows = MEASURES_B["K32"](tmp_path)
    assert counted(rows) == {("2025/2026", "all", "151"): (int(holds), 1)}
    assert counted(rows, "house") == {("2025/2026", "all", "HED-01"): (int(holds), 1)}


def visits(*lines: tuple[str, str, str, str, str]) -> Lines:
    """Visits to a child who was born on 1 May 2025: number, type, planned day, held day, attachment."""
    return [
        {"Besøgsnr.": f"SPL-2025-{number}", "Barnets CPR-nr.": "010525-5001", "Besøgstype": kind}
        | {"Planlagt dato": planned, "Afholdt dato": held, "Status": "Afholdt" if held else "Planlagt"}
        | {"Distrikt": "HED" if number == "000009" else "BAL", "Tilknytning": attachment}
        for number, kind, planned, held, attachment in lines
    ]


def test_the_newest_observation_counts(tmp_path: Path) -> None:
    seen = visits(
        ("000001", "BARSEL", "05-05-2025", "05-05-2025", "Negativ udvikling"),
        ("000002", "ETABL", "09-05-2025", "09-05-2025", "Positiv udvikling"),
        ("000003", "UGE3-4", "25-05-2025", "25-05-2025", "Ikke observeret"),
    )
    deliver(tmp_path, "health_visits", seen, "2025")
    assert counted(MEASURES_B["K23"](tmp_path), "district") == {("2025", "all", "BAL"): (1, 1)}
    seen += visits(("000009", "BEHOV", "09-05-2025", "09-05-2025", "Uændret"))
    deliver(tmp_path / "again", "health_visits", seen, "2025")
    assert counted(MEASURES_B["K23"](tmp_path / "again"), "district") == {("2025", "all", "HED"): (0, 1)}


@pytest.mark.parametrize(
    ("held", "count"), [("04-05-2025", 0), ("05-05-2025", 1), ("07-05-2025", 1), ("08-05-2025", 0)]
)
def test_a_visit_is_in_its_window(tmp_path: Path, held: str, count: int) -> None:
    came = visits(("000001", "BARSEL", held, held, ""), ("000009", "BEHOV", "01-07-2025", "", ""))
    deliver(tmp_path, "health_visits", came, "2025")
    shown = counted(MEASURES_B["K31"](tmp_path), "district")
    assert shown["2025", "BARSEL", "HED"] == (count, 1)
    assert len(shown) == 6
    assert "BEHOV" not in {part for _, part, _ in shown}


@pytest.mark.parametrize(("as_of", "kinds"), [("20250507", set()), ("20250508", {"BARSEL"})])
def test_a_window_must_be_over(tmp_path: Path, as_of: str, kinds: set[str]) -> None:
    planned = visits(("000001", "MDR2", "01-07-2025", "", ""))
    deliver(tmp_path, "health_visits", planned, "2025", as_of)
    assert {part for _, part, _ in counted(MEASURES_B["K31"](tmp_path))} == kinds


@pytest.mark.parametrize(
    ("first", "status", "count"),
    [
        ("31-05-2024", "Gennemført", 0),
        ("01-06-2024", "Gennemført", 1),
        ("31-05-2026", "Gennemført", 1),
        ("01-06-2026", "Gennemført", 0),
        ("01-06-2025", "I gang", 0),
    ],
)
def test_an_inspection_counts_for_24_months(tmp_path: Path, first: str, status: str, count: int) -> None:
    inspection = {"Aktivitetsnr": "TIL-2024-0001", "Aktivitetstype": "Tilsyn", "Huskode": "BAL-01"}
    deliver(tmp_path, "activities", [inspection | {"Fra": first, "Status": status}])
    places = [
        {"Måned": end[6:] + "-" + end[3:5], "Opgørelsesdato": end, "Huskode": house, "Gruppetype": "Vuggestue"}
        for end in ("31.05.2026", "30.06.2026")
        for house in ("BAL-01", "BAL-02")
    ]
    deliver(tmp_path, "daycare_places", places)
    # the end of June has not come
    assert counted(MEASURES_B["K30"](tmp_path)) == {("2026-05", "all", "151"): (count, 2)}


@pytest.mark.parametrize(
    ("born", "received", "count"),
    [
        ("02-04-2024", "01-04-2025", 0),
        ("02-04-2024", "02-04-2025", 1),
        ("02-04-2018", "01-04-2025", 1),
        ("02-04-2018", "02-04-2025", 0),
    ],
)
def test_concerns_for_children_of_one_to_six(tmp_path: Path, born: str, received: str, count: int) -> None:
    day, month, year = born.split("-")
    concern = {"Underretningsnr": "UND-2025-00001", "Modtaget dato": received, "Ufødt barn": "Nej", "Distrikt": "BAL"}
    concern["Personnummer"] = f"{day}{month}{year[2:]}-5001"
    unborn = concern | {"Underretningsnr": "UND-2025-00002", "Ufødt barn": "Ja"}
    elsewhere = concern | {"Underretningsnr": "UND-2025-00003", "Distrikt": ""}
    deliver(tmp_path, "notifications", [concern, unborn, elsewhere], "2025")
    stays = [
        # a year old on 31 December; then too young, too old, gone, not here yet, and in an older statement
        ("2026-05", "3112245001", "2024-12-31", "2024-12-31", ""),
        ("2026-05", "0201255001", "2025-01-01", "2025-01-01", ""),
        ("2026-05", "3112185001", "2018-12-31", "2025-01-01", "2026-01-31"),
        ("2026-05", "0203225001", "2022-03-02", "2025-01-01", "2025-12-30"),
        ("2026-05", "0303225001", "2022-03-03", "2026-01-01", ""),
        ("2026-04", "0403225001", "2022-03-04", "2025-01-01", ""),
    ]
    for statement in ("2026-04", "2026-05"):
        lines = [
            {"Opgørelsesmåned": label, "Personnummer": number, "Fødselsdato": birth, "Distrikt": "BAL"}
            | {"Bopæl fra": first, "Bopæl til": last}
            for label, number, birth, first, last in stays
            if label == statement
        ]
        deliver(tmp_path, "residents", lines, statement)
    shown = {row.unit_type: row for row in MEASURES_B["K22"](tmp_path) if row.period == "2025"}
    assert (shown["district"].numerator, shown["municipality"].numerator) == (count, 2 * count)
    assert (shown["district"].denominator, shown["municipality"].denominator) == (1, 1)
    assert shown["municipality"].value == 2000 * count


def test_teams_run_from_their_first_day_to_their_last(tmp_path: Path) -> None:
    teams = [("01-03-2026", "30-04-2026", "Gennemført"), ("31-03-2026", "", "I gang"), ("01-02-2026", "", "Aflyst")]
    deliver(
        tmp_path,
        "activities",
        [
            {"Aktivitetsnr": f"ICE-2026-000{number}", "Aktivitetstype": "Dansehold", "Institutionsnummer": "281844"}
            | {"Fra": first, "Til": last, "Status": status}
            for number, (first, last, status) in enumerate(teams)
        ],
    )
    assert counted(MEASURES_B["K20"](tmp_path), "school") == {
        ("2026-03", "dansehold", "281843"): (2, None),
        ("2026-04", "dansehold", "281843"): (2, None),
        ("2026-05", "dansehold", "281843"): (1, None),
        ("2026-06", "dansehold", "281843"): (1, None),
    }


def test_a_child_referred_twice_is_one_and_a_month_that_nobody_tells_of_has_no_figure(tmp_path: Path) -> None:
    def referral(number: str, date: str, child: str, project: str = "ICE") -> dict[str, str]:
        told = {"Henvisningsnr": f"ICE-2026-0000{number}", "Indsats": project, "Personnummer": child}
        return told | {"Institutionsnummer": "281844", "Klassetrin": "1", "Henvist dato": date}

    first, second = "010518-5001", "020518-5001"
    early = [referral("1", "05-02-2026", first), referral("2", "06-02-2026", second, "FH")]
    deliver(tmp_path, "referrals", early, "20260101-20260331", "20260401")
    late = [
        referral("3", "01-05-2026", first),
        referral("4", "31-05-2026", second),
        referral("5", "20-06-2026", "030518-5001"),
    ]
    deliver(tmp_path, "referrals", late, "20260501-20260731")
    rows = MEASURES_B["K16"](tmp_path)
    assert counted(rows) == {
        (month, part, "151"): (count, None)
        for month, new, ever in (("2026-02", 1, 1), ("2026-03", 0, 1), ("2026-05", 2, 2), ("2026-06", 0, 2))
        for part, count in (("new", new), ("cumulative", ever))
    }
    assert {(row.unit_type, row.unit_id) for row in rows} == {
        WHOLE,
        ("school", "281843"),
        ("grade", "1"),
        *(("school_and_grade", f"281843/{grade}") for grade in range(4)),
    }


def test_a_referred_child_counts_from_its_first_day_as_a_member(tmp_path: Path) -> None:
    children = [f"0{number}0518-5001" for number in range(1, 5)]
    referrals = [
        {"Henvisningsnr": f"ICE-2026-0000{number}", "Indsats": "ICE", "Personnummer": child}
        | {"Institutionsnummer": "281844", "Klassetrin": "1", "Henvist dato": f"0{number}-04-2026"}
        for number, child in enumerate(children, start=1)
    ]
    deliver(tmp_path, "referrals", referrals, "2025-2026")
    joined = [
        (children[0], "31-05-2026", "Medlem"),
        (children[0], "01-06-2026", "Medlem"),
        (children[1], "01-06-2026", "Stoppet"),
        (children[2], "20-06-2026", "Medlem"),
        (children[3], "", "Prøver"),
        ("050518-5001", "01-04-2026", "Medlem"),
    ]
    deliver(
        tmp_path,
        "memberships",
        [
            {"Medlemskabsnr": f"FM-2026-0000{number}", "Personnummer": child, "Medlem fra": since, "Status": status}
            for number, (child, since, status) in enumerate(joined)
        ],
    )
    assert counted(MEASURES_B["K17"](tmp_path)) == {
        ("2026-04", "all", "151"): (0, 4),
        ("2026-05", "all", "151"): (1, 4),
        ("2026-06", "all", "151"): (2, 4),
    }


def test_the_highest_answer_of_grade_0_is_the_most_positive(tmp_path: Path) -> None:
    answers = [("0", "1", "3"), ("0", "1", "2"), ("0", "1", ""), ("0", "12", "1"), ("0", "1", "")]
    answers += [("1", "1", "3")] * 5
    deliver(
        tmp_path,
        "wellbeing_answers",
        [
            {"Skoleår": "2025/2026", "Institutionsnummer": "281844", "Klassetrin": grade, "Svar": answer}
            | {"Personnummer": f"{number:02}05195001", "Spørgsmål": question}
            for number, (grade, question, answer) in enumerate(answers, start=1)
        ]
        # four of grade 0 take the five of grade 1 with them: their grades are not known
        + [
            {"Skoleår": "2025/2026", "Institutionsnummer": "151003", "Klassetrin": grade, "Svar": "3"}
            | {"Personnummer": f"{number:02}06195001", "Spørgsmål": "1"}
            for number, grade in enumerate("000011111", start=1)
        ],
        "2025-2026",
    )
    shown = {("2025/2026", "wellbeing-01", "281843"): (1, 2), ("2025/2026", "wellbeing-12", "281843"): (0, 1)}
    assert counted(MEASURES_B["K25"](tmp_path), "school") == shown


def test_communities_add_up_and_common_activities_do_not(tmp_path: Path) -> None:
    begun = [("2024", "BAL-01", "Gennemført"), ("2026", "BAL-01", "I gang"), ("2025", "HED-01", "I gang")]
    begun += [("2025", "HED-01", "Planlagt"), ("2024", "HED-01", "Aflyst")]
    for kind in ("Fællesskab", "Fælles aktivitet"):
        deliver(
            tmp_path / kind,
            "activities",
            [
                {"Aktivitetsnr": f"SOB-2024-000{number}", "Aktivitetstype": kind, "Huskode": house, "Status": status}
                | {"Fra": f"01-02-{year}", "Deltagere": "15", "Deltagere før projektet": "10"}
                for number, (year, house, status) in enumerate(begun)
            ],
        )
    communities = MEASURES_B["K29"](tmp_path / "Fællesskab")
    assert counted(communities) == {(f"{2023 + count}", "all", "151"): (count, 10) for count in (1, 2, 3)}
    assert counted(communities, "house") == {
        ("2024", "all", "BAL-01"): (1, 1),
        ("2025", "all", "BAL-01"): (1, 1),
        ("2026", "all", "BAL-01"): (2, 1),
        ("2025", "all", "HED-01"): (1, 1),
        ("2026", "all", "HED-01"): (1, 1),
    }
    common = MEASURES_B["K28"](tmp_path / "Fælles aktivitet")
    assert counted(common) == {(year, "all", "151"): (5, 10) for year in ("2024", "2025", "2026")}
    assert {row.value for row in common} == {Decimal("0.5")}


def test_screenings_of_a_year_and_a_day_are_left_out(tmp_path: Path) -> None:
    screened = [("02-05-2025", "BAL"), ("02-05-2025", "XYZ"), ("03-05-2025", "BAL")]
    deliver(
        tmp_path,
        "screenings",
        [
            {"Screeningsnr": f"EPD-2025-0000{number}", "Barnets CPR-nr": "0205245001", "Opfølgning": "Ja"}
            | {"Dato": date.replace("-", "."), "Distrikt ved fødsel": district}
            for number, (date, district) in enumerate(screened)
        ],
    )
    (whole,) = [row for row in MEASURES_B["K21"](tmp_path) if row.unit_type == "municipality"]
    assert (whole.numerator, whole.denominator, whole.person_count) == (2, 2, 1)
    assert counted(MEASURES_B["K21"](tmp_path), "district") == {("2024", "all", "BAL"): (1, 1)}
    assert whole.period_end_date.isoformat() == "2025-12-31"


def test_courses_add_up_from_the_year_of_their_last_day(tmp_path: Path) -> None:
    courses = [
        ("01-11-2024", "01-02-2025", "BAL-01", "Pædagog", "5", "Gennemført"),
        ("01-11-2025", "01-02-2026", "BAL-01", "Pædagog", "4", "Gennemført"),
        ("01-11-2025", "01-02-2026", "", "PPR-medarbejder", "2", "Gennemført"),
        ("01-03-2026", "", "HED-01", "Pædagog", "9", "I gang"),
    ]
    deliver(
        tmp_path,
        "activities",
        [
            {"Aktivitetsnr": f"SOB-2024-000{number}", "Aktivitetstype": "Kompetenceforløb", "Huskode": house}
            | {"Fra": first, "Til": last, "Status": status, "Distrikt": "Baltorp"}
            | {"Faggruppe": profession, "Gennemført af": done}
            for number, (first, last, house, profession, done, status) in enumerate(courses)
        ],
    )
    rows = MEASURES_B["K26"](tmp_path)
    assert {(row.period, row.measure_part): (row.numerator, row.denominator) for row in rows} == {
        ("2025", "paedagoger"): (5, 120),
        ("2025", "sundhedsplejersker"): (0, 6),
        ("2025", "ppr_medarbejdere"): (0, None),
        ("2025", "institutioner"): (1, 10),
        ("2025", "distrikter"): (1, 2),
        ("2026", "paedagoger"): (9, 120),
        ("2026", "sundhedsplejersker"): (0, 6),
        ("2026", "ppr_medarbejdere"): (2, None),
        ("2026", "institutioner"): (1, 10),
        ("2026", "distrikter"): (1, 2),
    }
    assert {row.measure_part for row in rows if row.value is None} == {"ppr_medarbejdere"}
    assert all(bool(row.open_reason) == (row.value is None) for row in rows)


@pytest.mark.parametrize("measure", MEASURES_B)
def test_a_municipality_without_deliveries_has_no_rows(tmp_path: Path, measure: str) -> None:
    deliver(tmp_path, "enrolments", [])
    assert MEASURES_B[measure](tmp_path) == []
