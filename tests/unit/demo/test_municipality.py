"""The synthetic inbox: its bytes, its persons, and its truth counted again from the files."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from include.demo import town as simulation
from include.demo.accounts import account_patterns
from include.demo.municipality import Truth, copy_until, generate, nights_of
from include.demo.school_days import easter_sunday, holidays, school_days
from include.demo.schools import CITY, SMALL, main_school
from include.landing.contract import Contract, load_contracts, parse_file_name
from include.settings import SYNTHETIC_MARKER

DELIMITED = ["enrolments", "absence_days", "referrals", "wellbeing_answers", "ledger_postings"]
ENCODINGS = {
    "enrolments": "utf-8-sig",
    "absence_days": "utf-8",
    "referrals": "utf-8-sig",
    "wellbeing_answers": "utf-8-sig",
    "ledger_postings": "cp1252",
}
AS_OF = dt.date(2026, 6, 19)
BOM = b"\xef\xbb\xbf"
MAIN_SCHOOL = main_school(SMALL)
Row = dict[str, str]


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return generate(tmp_path_factory.mktemp("demo") / "inbox", size="small")


@pytest.fixture(scope="module")
def rows(truth: Truth) -> dict[str, dict[str, list[Row]]]:
    """All rows of all delimited files, by dataset and path; read with nothing but the csv module."""
    return {
        dataset: {f"{dataset}/{file.name}": _read(file) for file in sorted((truth.inbox / dataset).glob("*.csv"))}
        for dataset in DELIMITED
    }


def _read(file: Path) -> list[Row]:
    text = file.read_bytes().decode(ENCODINGS[file.parent.name])
    return [row for row in csv.DictReader(text.splitlines(), delimiter=";") if next(iter(row.values())) != "Total"]


@cache
def _date(text: str) -> dt.date:
    return dt.datetime.strptime(text, "%d-%m-%Y").date()


def _current(
    truth: Truth, rows: dict[str, dict[str, list[Row]]], dataset: str, column: str, night: dt.date = AS_OF
) -> Iterator[tuple[str, Row]]:
    """Path and row of what stands when the files up to `night` have come: for each day the newest file wins."""
    contract = load_contracts()[dataset]
    twice = truth.content[dataset].get("delivered_twice", {})
    files = [(parse_file_name(contract, Path(path).name), path) for path in rows[dataset] if path not in twice]
    files = [item for item in files if item[0][1] <= night]
    # the month sent again came with the night's days; they do not meet
    files.sort(key=lambda item: item[0][1], reverse=True)
    for place, ((period, _), path) in enumerate(files):
        newer = [other for (other, _), _ in files[:place]]
        for row in rows[dataset][path]:
            date = _date(row[column])
            assert period.first <= date <= period.last
            if not any(other.first <= date <= other.last for other in newer):
                yield path, row


# ---- form


def test_same_seed_same_bytes_other_seed_other_bytes(truth: Truth, tmp_path: Path) -> None:
    def digests(inbox: Path) -> dict[str, str]:
        return {
            file.relative_to(inbox).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in sorted(inbox.rglob("*"))
            if file.is_file()
        }

    again = digests(generate(tmp_path / "again", size="small").inbox)
    assert again == digests(truth.inbox)
    assert len(again) > 35
    other = digests(generate(tmp_path / "other", size="small", seed=7).inbox)
    assert other.keys() == again.keys()
    assert {name for name in again if again[name] == other[name]} == set()


def test_a_broken_generation_leaves_nothing(tmp_path: Path) -> None:
    def stop(dataset: str) -> None:
        if dataset == "ledger_postings":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path / "inbox", size="small", progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_an_inbox_with_deliveries_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "delivery.csv").write_text("x")
    with pytest.raises(FileExistsError):
        generate(tmp_path, size="small")
    assert [file.name for file in tmp_path.iterdir()] == ["delivery.csv"]


def test_the_marker_says_that_it_is_made_up(truth: Truth) -> None:
    marker = json.loads((truth.inbox / SYNTHETIC_MARKER).read_text("utf-8"))
    assert (marker["as_of"], marker["size"], marker["seed"]) == ("2026-06-19", "small", 151)
    assert marker["municipality_code"] == "151"
    files = {file.relative_to(truth.inbox).as_posix() for file in truth.inbox.rglob("*/*") if file.is_file()}
    assert set(marker["deliveries"]) == files


@pytest.mark.parametrize("dataset", DELIMITED)
def test_headers_and_names_are_the_contracts(truth: Truth, dataset: str) -> None:
    contract = load_contracts()[dataset]
    header = ";".join(column.header for column in contract.columns if column.header)
    for file in (truth.inbox / dataset).iterdir():
        parse_file_name(contract, file.name)
        assert file.read_bytes().decode(ENCODINGS[dataset]).splitlines()[0] == header


@pytest.mark.parametrize("dataset", DELIMITED)
def test_encodings_and_line_ends(truth: Truth, dataset: str) -> None:
    for file in (truth.inbox / dataset).iterdir():
        content = file.read_bytes()
        assert content.startswith(BOM) == (ENCODINGS[dataset] == "utf-8-sig")
        if ENCODINGS[dataset] == "cp1252":
            with pytest.raises(UnicodeDecodeError):
                content.decode("utf-8")
            assert {"–", "’", "æ", "ø", "å"} <= set(content.decode("cp1252"))
            # bytes that ISO-8859-1 would read as control characters
            assert set(content) & set(range(0x80, 0xA0))
        else:
            assert {"æ", "å"} <= set(content.decode("utf-8"))
        crlf = dataset in ("enrolments", "absence_days", "ledger_postings")
        assert content.endswith(b"\r\n" if crlf else b"\n")
        assert content.count(b"\r\n") == (content.count(b"\n") if crlf else 0)


@pytest.mark.parametrize("dataset", DELIMITED)
def test_rows_keep_the_contract(rows: dict[str, dict[str, list[Row]]], dataset: str) -> None:
    contract = load_contracts()[dataset]
    in_file = [column for column in contract.columns if column.header]
    for path, found in rows[dataset].items():
        assert found, path
        for row in found:
            assert None not in row
            for column in in_file:
                text = row[column.source_name]
                assert text or not column.required, (path, column.name)
                assert not (text and column.allowed) or text in column.allowed
                assert not (text and column.pattern) or re.fullmatch(column.pattern, text)
                if text and column.minimum and column.maximum:
                    assert int(column.minimum) <= int(text) <= int(column.maximum)
        assert _keys_are_unique(contract, found), path


def _keys_are_unique(contract: Contract, found: list[Row]) -> bool:
    names = {column.name: column.source_name for column in contract.columns}
    return len({tuple(row[names[key]] for key in contract.keys) for row in found}) == len(found)


def test_dates_keep_the_rules(rows: dict[str, dict[str, list[Row]]]) -> None:
    for found in rows["absence_days"].values():
        assert all(_date(row["Registreret"]) >= _date(row["Dato"]) for row in found)
    for found in rows["referrals"].values():
        for row in found:
            over = row["Status"] in ("Afsluttet", "Afvist")
            assert over == bool(row["Afsluttet dato"])
            assert not over or _date(row["Afsluttet dato"]) >= _date(row["Henvist dato"])
    for found in rows["enrolments"].values():
        for row in found:
            start = int(row["Skoleår"][:4])
            assert dt.date(start, 8, 1) <= _date(row["Indskrevet fra"]) <= dt.date(start + 1, 7, 31)
            assert not row["Indskrevet til"] or _date(row["Indskrevet til"]) >= _date(row["Indskrevet fra"])


# ---- persons


def _persons(rows: dict[str, dict[str, list[Row]]]) -> dict[str, str]:
    return {row["Personnummer"].replace("-", ""): row["Navn"] for found in rows["enrolments"].values() for row in found}


def test_no_real_person_can_have_these_numbers(rows: dict[str, dict[str, list[Row]]]) -> None:
    persons = _persons(rows)
    ages = defaultdict(set)
    for found in rows["enrolments"].values():
        for row in found:
            born = row["Personnummer"]
            ages[int(row["Klassetrin"])].add(int(row["Skoleår"][:4]) - 2000 - int(born[4:6]))
    for number in persons:
        assert re.fullmatch(r"\d{10}", number)
        birthday = dt.date(2000 + int(number[4:6]), int(number[2:4]), int(number[:2]))
        assert 2007 <= birthday.year <= 2020
        assert (birthday.month, birthday.day) != (1, 1)
        assert number[6] in "456789"  # with these years the seventh digit means a birth in the 2000s
        assert (
            sum(int(digit) * weight for digit, weight in zip(number, (4, 3, 2, 7, 6, 5, 4, 3, 2, 1), strict=True)) % 11
        )
    for grade, found_ages in ages.items():
        assert found_ages <= {grade + 5, grade + 6, grade + 7, grade + 8}
    assert len(set(persons.values())) > len(persons) * 0.9


def test_last_digit_is_the_sex(rows: dict[str, dict[str, list[Row]]]) -> None:
    sexes = Counter(
        (row["Køn"], int(row["Personnummer"][-1]) % 2) for found in rows["wellbeing_answers"].values() for row in found
    )
    assert set(sexes) == {("M", 1), ("K", 0)}


def test_the_files_are_about_the_same_pupils(rows: dict[str, dict[str, list[Row]]]) -> None:
    persons = _persons(rows)
    for dataset in ("absence_days", "referrals", "wellbeing_answers"):
        for found in rows[dataset].values():
            assert {row["Personnummer"].replace("-", "") for row in found} <= set(persons)
    for found in rows["ledger_postings"].values():
        assert {row["CPR-nr"].replace("-", "") for row in found} - {""} <= set(persons)


def test_free_text_holds_names_and_numbers(rows: dict[str, dict[str, list[Row]]]) -> None:
    persons = _persons(rows)
    for dataset, column in (("absence_days", "Bemærkning"), ("referrals", "Note"), ("ledger_postings", "Tekst")):
        texts = " ".join(row[column] for found in rows[dataset].values() for row in found)
        assert any(name in texts for name in persons.values()), dataset
        assert any(f"{number[:6]}-{number[6:]}" in texts for number in persons), dataset


def test_truth_and_marker_hold_no_person(truth: Truth, rows: dict[str, dict[str, list[Row]]]) -> None:
    texts = truth.file.read_text("utf-8") + (truth.inbox / SYNTHETIC_MARKER).read_text("utf-8")
    persons = _persons(rows)
    suppliers = {row["Leverandør"] for found in rows["ledger_postings"].values() for row in found if row["CPR-nr"]}
    assert len(suppliers) > 10
    for number, name in persons.items():
        assert number not in texts
        assert f"{number[:6]}-{number[6:]}" not in texts
        assert name not in texts
    assert not [name for name in suppliers if name in texts]


def test_no_number_of_a_person_is_an_account(rows: dict[str, dict[str, list[Row]]]) -> None:
    """So that a search for persons in what a night leaves can't hit an account, alias or voucher by chance."""
    persons = _persons(rows)
    texts = "\n".join(
        f"{row['Kontostreng']} {row['Finanskontoalias']} {row['Bilagsnr']}"
        for found in rows["ledger_postings"].values()
        for row in found
    )
    assert not [number for number in persons if number in texts or f"{number[:6]}-{number[6:]}" in texts]


# ---- nights


def test_nights_and_copies(truth: Truth, tmp_path: Path) -> None:
    nights = nights_of(truth.inbox)
    assert nights == [dt.date(2026, 6, day) for day in (15, 16, 17, 18, 19)]
    target = tmp_path / "inbox"
    first = copy_until(truth.inbox, target, dt.date(2026, 6, 12))
    assert {"aftale_om_budget_2024.pdf", "absence_days_2025-2026_20260612.csv"} <= {file.name for file in first}
    assert not [file for file in first if "202606" in file.name and "20260612" not in file.name]
    assert copy_until(truth.inbox, target, dt.date(2026, 6, 12)) == []
    for night in nights:
        new = copy_until(truth.inbox, target, night)
        assert {file.name.rpartition("_")[2] for file in new if file.suffix == ".csv"} == {f"{night:%Y%m%d}.csv"}
        assert json.loads((target / SYNTHETIC_MARKER).read_text("utf-8"))["as_of"] == night.isoformat()
    copied = {file.relative_to(target) for file in target.rglob("*/*") if file.is_file()}
    assert copied == {file.relative_to(truth.inbox) for file in truth.inbox.rglob("*/*") if file.is_file()}


def test_late_corrections_are_in_the_nights(rows: dict[str, dict[str, list[Row]]]) -> None:
    def days(path: str) -> dict[tuple[str, str], str]:
        return {(row["Personnummer"], row["Dato"]): row["Fraværsart"] for row in rows["absence_days"][path]}

    name = "absence_days/absence_days_202606{:02d}-202606{:02d}_202606{:02d}.csv"
    night = {day: days(name.format(day - 13, day, day)) for day in range(15, 20)}
    backfill = days("absence_days/absence_days_2025-2026_20260612.csv")
    assert [key for key in night[16].keys() - night[15].keys() if key[1] == "08-06-2026"], "registered late"
    assert [key for key in night[16].keys() - night[17].keys() if key[1] == "10-06-2026"], "removed"
    changed = [key for key in night[17].keys() & night[18].keys() if night[17][key] != night[18][key]]
    assert [(night[17][key], night[18][key]) for key in changed] == [("Ulovligt", "Sygdom")]
    march = days("absence_days/absence_days_2026-03_20260617.csv")
    before = {key: kind for key, kind in backfill.items() if key[1].endswith("03-2026")}
    assert march.keys() - before.keys()
    assert before.keys() - march.keys()
    assert [key for key in march.keys() & before.keys() if march[key] != before[key]]

    statuses: defaultdict[str, set[str]] = defaultdict(set)
    for found in rows["referrals"].values():
        for row in found:
            statuses[row["Henvisningsnr"]].add(row["Status"])
    assert [number for number, found_statuses in statuses.items() if len(found_statuses) > 1]
    third, fourth = (rows["referrals"][path] for path in sorted(rows["referrals"])[-3:-1])
    first_day = dt.date(2026, 6, 18) - dt.timedelta(days=59)
    withdrawn = {row["Henvisningsnr"] for row in third} - {row["Henvisningsnr"] for row in fourth}
    assert [row for row in third if row["Henvisningsnr"] in withdrawn and _date(row["Henvist dato"]) >= first_day], (
        "withdrawn"
    )


def test_pupils_move_come_and_repeat(rows: dict[str, dict[str, list[Row]]]) -> None:
    snapshots = [rows["enrolments"][path] for path in sorted(rows["enrolments"])[1:]]
    stays = Counter(row["Personnummer"] for row in snapshots[0])
    assert max(stays.values()) == 2, "moved inside the year"
    schools = defaultdict(list)
    for row in snapshots[-1]:
        schools[row["Personnummer"]].append(MAIN_SCHOOL[row["Institutionsnummer"]])
    moved = [number for number, found in schools.items() if len(found) == 2]
    assert len(moved) >= 2
    assert all(len(set(schools[number])) == 2 for number in moved)
    in_a_night = [number for number in moved if stays[number] == 1]
    assert len(in_a_night) == 1
    pupils = [{row["Personnummer"] for row in snapshot} for snapshot in snapshots]
    assert len(pupils[-1] - pupils[0]) == 1, "a newcomer in the nights"
    grades = {
        year: {row["Personnummer"]: int(row["Klassetrin"]) for row in rows["enrolments"][path]}
        for year, path in ((2024, sorted(rows["enrolments"])[0]), (2025, sorted(rows["enrolments"])[-1]))
    }
    steps = Counter(grades[2025][number] - grade for number, grade in grades[2024].items() if number in grades[2025])
    assert set(steps) == {0, 1}
    assert steps[1] > 50 * steps[0]


def test_a_file_comes_twice(truth: Truth) -> None:
    ((again, path),) = truth.content["ledger_postings"]["delivered_twice"].items()
    assert again != path
    assert (truth.inbox / again).read_bytes() == (truth.inbox / path).read_bytes()


# ---- the truth, counted again


def test_truth_of_rows(truth: Truth, rows: dict[str, dict[str, list[Row]]]) -> None:
    for dataset in DELIMITED:
        files = dict(truth.content[dataset]["deliveries"])
        for again, path in truth.content[dataset].get("delivered_twice", {}).items():
            files[again] = files[path]
        assert {path: counted["rows"] for path, counted in files.items()} == {
            path: len(found) for path, found in rows[dataset].items()
        }


def test_truth_of_absence(truth: Truth, rows: dict[str, dict[str, list[Row]]]) -> None:
    planted = truth.content["absence_days"]
    current = list(_current(truth, rows, "absence_days", "Dato"))
    assert Counter(path for path, _ in current) == {
        path: counted["current_rows"] for path, counted in planted["deliveries"].items() if counted["current_rows"]
    }
    assert len({(row["Personnummer"], row["Dato"]) for _, row in current}) == len(current)
    had: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    stays = [
        row
        for path in sorted(rows["enrolments"])
        if "20260612" in path or "20260619" in path
        for row in rows["enrolments"][path]
        if row["Skoleår"] == "2024/2025" or "20260619" in path
    ]
    due: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    grade_days: Counter[tuple[str, str, str]] = Counter()
    for row in stays:
        end = _date(row["Indskrevet til"]) if row["Indskrevet til"] else AS_OF
        key = (row["Skoleår"], MAIN_SCHOOL[row["Institutionsnummer"]])
        for day in school_days(int(row["Skoleår"][:4])).tolist():
            last_planned = _date(row["Indskrevet til"]) if row["Indskrevet til"] else day
            if _date(row["Indskrevet fra"]) <= day <= last_planned:
                due[*key, row["Personnummer"].replace("-", "")].update(["all", f"{day.year}-Q{(day.month + 2) // 3}"])
            if _date(row["Indskrevet fra"]) <= day <= min(end, AS_OF):
                had[*key, row["Personnummer"].replace("-", "")].update(
                    ["all", f"{day:%Y-%m}", f"{day.year}-Q{(day.month + 2) // 3}"]
                )
                grade_days[*key, row["Klassetrin"]] += 1
    missed: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for _, row in current:
        day = _date(row["Dato"])
        year = day.year if day.month >= 8 else day.year - 1
        key = (f"{year}/{year + 1}", MAIN_SCHOOL[row["Institutionsnummer"]], row["Personnummer"])
        assert had[key]["all"], "absent where not enrolled"
        counted = ["all", row["Fraværsart"], f"{day:%Y-%m} {row['Fraværsart']}"]
        missed[key].update([*counted, f"{day.year}-Q{(day.month + 2) // 3} {row['Fraværsart']}"])
    for school_year, schools in planted["schools"].items():
        for school, told in schools.items():
            pupils = [key for key in had if key[:2] == (school_year, school) and had[key]["all"]]
            assert told["pupils"] == len(pupils)
            assert told["school_days"] == sum(had[key]["all"] for key in pupils)
            assert told["over_10_percent"] == sum(missed[key]["all"] / due[key]["all"] > 0.1 for key in pupils)
            assert told["days"] == {kind: sum(missed[key][kind] for key in pupils) for kind in told["days"]}
            for month, cell in told["by_month"].items():
                assert cell.pop("school_days") == sum(had[key][month] for key in pupils)
                assert cell == {kind: sum(missed[key][f"{month} {kind}"] for key in pupils) for kind in cell}
            assert {grade: cell["school_days"] for grade, cell in told["by_grade"].items()} == {
                key[2]: count for key, count in grade_days.items() if key[:2] == (school_year, school)
            }
            for quarter, cell in told["by_quarter"].items():
                shares = [
                    Decimal(missed[key][f"{quarter} Ulovligt"]) / due[key][quarter]
                    for key in pupils
                    if had[key][quarter]
                ]
                assert cell["pupils"] == len(shares)
                assert cell["unlawful_10_percent"] == sum(share >= Decimal("0.10") for share in shares)
                assert cell["unlawful_15_percent"] == sum(share >= Decimal("0.15") for share in shares)
    for night, days in planted["days_after_night"].items():
        found = Counter(
            row["Fraværsart"] for _, row in _current(truth, rows, "absence_days", "Dato", dt.date.fromisoformat(night))
        )
        assert found == days


def test_levels_are_those_of_the_municipality(truth: Truth) -> None:
    for schools in truth.content["absence_days"]["schools"].values():
        for told in schools.values():
            assert 0.065 < sum(told["days"].values()) / told["school_days"] < 0.095
            assert 0.15 < told["over_10_percent"] / told["pupils"] < 0.40
    for told in truth.content["wellbeing_answers"]["indicators"].values():
        assert 3.5 < told["municipality"]["generel"]["mean"] < 3.8


def test_truth_of_wellbeing(truth: Truth, rows: dict[str, dict[str, list[Row]]]) -> None:
    indicators = {
        "social": range(1, 11), "faglig": range(11, 19), "støtte": range(19, 26), "ro": range(26, 30),
        "generel": range(1, 30),
    }  # fmt: skip
    minimum = {"social": 5, "faglig": 4, "støtte": 4, "ro": 2, "generel": 15}
    told = truth.content["wellbeing_answers"]["indicators"]
    paths = sorted(rows["wellbeing_answers"])
    assert [path[-12:-4] for path in paths] == ["20260612", "20260612", "20260617"]
    left_out = 0
    for path in (paths[0], paths[2]):
        answers: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
        for row in rows["wellbeing_answers"][path]:
            assert int(row["Klassetrin"]) >= 4 or (int(row["Spørgsmål"]) <= 20 and row["Svar"] in ("", "1", "2", "3"))
            if int(row["Klassetrin"]) >= 4:
                given = answers[MAIN_SCHOOL[row["Institutionsnummer"]], row["Personnummer"]]
                if row["Svar"]:
                    question, answer = int(row["Spørgsmål"]), int(row["Svar"])
                    given[question] = 6 - answer if question in (3, 5, 6, 20) else answer
        for school, cells in told[rows["wellbeing_answers"][path][0]["Skoleår"]]["schools"].items():
            for name, questions in indicators.items():
                scores = []
                for (where, _), given in answers.items():
                    values = [given[question] for question in questions if question in given]
                    if where == school and len(values) >= minimum[name]:
                        scores.append(sum(values) / len(values))
                    else:
                        left_out += where == school
                assert cells[name]["n"] == len(scores)
                assert cells[name]["mean"] == pytest.approx(sum(scores) / len(scores), abs=1e-8)
    assert left_out, "some answer less than half"


def test_truth_of_referrals(truth: Truth, rows: dict[str, dict[str, list[Row]]]) -> None:
    planted = truth.content["referrals"]
    current = [row for _, row in _current(truth, rows, "referrals", "Henvist dato")]
    assert len({row["Henvisningsnr"] for row in current}) == len(current)
    found = Counter(
        (row["Indsats"], MAIN_SCHOOL[row["Institutionsnummer"]], f"{_date(row['Henvist dato']):%Y-%m}")
        for row in current
    )
    assert found == {
        (item["project"], item["school"], item["month"]): item["referrals"]
        for item in planted["by_project_school_month"]
    }
    by_grade = defaultdict(list)
    for row in current:
        key = (row["Indsats"], MAIN_SCHOOL[row["Institutionsnummer"]], int(row["Klassetrin"]))
        by_grade[key].append(row["Personnummer"])
    assert {key: (len(children), len(set(children))) for key, children in by_grade.items()} == {
        (item["project"], item["school"], item["grade"]): (item["referrals"], item["children"])
        for item in planted["by_project_school_grade"]
    }
    for item in planted["distinct_children_cumulative"]:
        assert item["children"] == len(
            {
                row["Personnummer"]
                for row in current
                if row["Indsats"] == item["project"] and f"{_date(row['Henvist dato']):%Y-%m}" <= item["month"]
            }
        )
    statuses = Counter((row["Indsats"], row["Status"]) for row in current)
    for project, told in planted["status"].items():
        assert told == {status: statuses[project, status] for status in told}
    icehearts = [row for row in current if row["Indsats"] == "ICE"]
    assert {MAIN_SCHOOL[row["Institutionsnummer"]] for row in icehearts} == {"151003", "281843"}
    assert max(int(row["Klassetrin"]) for row in icehearts) <= 3
    assert len({row["Personnummer"] for row in icehearts}) < len(icehearts), "a child is referred again"


def _amount(text: str) -> Decimal:
    sign = -1 if "-" in text else 1
    return sign * Decimal(text.strip("-").replace(".", "").replace(",", "."))


def test_truth_of_the_ledger(truth: Truth, rows: dict[str, dict[str, list[Row]]]) -> None:
    planted = truth.content["ledger_postings"]
    sums: defaultdict[tuple[int, str, int, int], Decimal] = defaultdict(Decimal)
    total, unclaimed, by_year = Decimal(), Decimal(), defaultdict(Decimal)
    for _, row in _current(truth, rows, "ledger_postings", "Bogføringsdato"):
        date, amount, activity = _date(row["Bogføringsdato"]), _amount(row["Beløb"]), row["Kontostreng"].split("-")[2]
        owners = [
            pattern
            for pattern in account_patterns()
            if pattern.activity_number == activity and pattern.valid_from <= date <= pattern.valid_to
        ]
        for pattern in owners:
            sums[pattern.agreement_year, pattern.initiative_id, date.year, date.month] += amount * pattern.share
        assert sum((pattern.share for pattern in owners), Decimal()) in (0, 1)
        unclaimed += Decimal() if owners else amount
        total += amount
        by_year[str(date.year)] += amount
    assert sums == {
        (item["agreement_year"], item["initiative_id"], item["year"], item["month"]): Decimal(item["amount_dkk"])
        for item in planted["by_initiative_month"]
    }
    assert (total, unclaimed) == (Decimal(planted["total"]), Decimal(planted["unclaimed"]))
    assert sum(sums.values(), unclaimed) == total
    assert by_year == {year: Decimal(amount) for year, amount in planted["by_year"].items()}
    for night, told in planted["after_night"].items():
        known = list(_current(truth, rows, "ledger_postings", "Bogføringsdato", dt.date.fromisoformat(night)))
        assert told["postings"] == len(known)
        assert Decimal(told["amount_dkk"]) == sum((_amount(row["Beløb"]) for _, row in known), Decimal())


def test_ledger_is_written_as_prisme_writes(truth: Truth, rows: dict[str, dict[str, list[Row]]]) -> None:
    main_form = re.compile(r"\d{5}-\d{9}-\d{6}-\d{3}(CPR|TS)?-([A-Z]\d{6})?-(\d{6})?-(\d{4})?")
    accounts = {row["Kontostreng"] for found in rows["ledger_postings"].values() for row in found}
    variants = {account for account in accounts if not main_form.fullmatch(account)}
    assert 0.02 < len(variants) / len(accounts) < 0.15
    assert {account.count("-") + 1 for account in accounts} == {6, 7}
    for path, found in rows["ledger_postings"].items():
        *_, last = (truth.inbox / path).read_bytes().decode("cp1252").splitlines()
        fields = last.split(";")
        assert (fields[0], len(fields)) == ("Total", 9)
        assert _amount(fields[6]) == sum((_amount(row["Beløb"]) for row in found), Decimal())
        negative = [row["Beløb"] for row in found if "-" in row["Beløb"]]
        assert negative
        assert all(text.endswith("-") if "20260612" in path else text.startswith("-") for text in negative)
        assert any("." in row["Beløb"] for row in found)
        assert all(bool(row["CPR-nr"]) == ("CPR" in row["Kontostreng"]) for row in found)
    nightly = rows["ledger_postings"]["ledger_postings/ledger_postings_2026-06_20260617.csv"]
    back = [row for row in nightly if row["Tekst"].startswith("Tilbageført") and _date(row["Bogføringsdato"]).day == 17]
    voucher = re.search(r"bilag (\d{9})", back[0]["Tekst"])
    assert voucher
    assert -_amount(back[0]["Beløb"]) in [_amount(row["Beløb"]) for row in nightly if row["Bilagsnr"] == voucher[1]]


def test_truth_of_agreements_and_statistics(truth: Truth) -> None:
    told = truth.content["budget_agreement"]
    assert {path.rpartition(".")[2] for path in told["deliveries"]} == {"pdf", "txt"}
    assert sorted(told["agreements"]) == ["2024", "2025", "2026"]
    assert told["agreements"]["2026"]["document_date"] == "2026-06-16"
    for path in told["deliveries"]:
        assert (truth.inbox / path).is_file()
    statistics = truth.content["absence_statistics"]
    assert sum(statistics["by_status"].values()) == statistics["rows"]
    assert {item["municipality_name"] for item in statistics["ballerup"]} == {"Ballerup"}


# ---- schools, calendar, accounts


def test_the_city_has_ballerups_pupils() -> None:
    town = simulation.simulate(np.random.default_rng([151, 1]), "city")
    stays = town.stays
    for year in town.years:
        counted = np.datetime64(f"{year}-08-20", "D")
        rows = town.final(year)
        there = rows[(stays.first[rows] <= counted) & (np.isnat(stays.last[rows]) | (stays.last[rows] >= counted))]
        assert len(np.unique(stays.child[there])) == len(there)
        found = Counter(town.school_numbers(stays.unit[there]))
        open_schools = [school for school in CITY if year in school.pupils]
        assert found == {school.number: school.pupils[year] for school in open_schools}
        assert set(stays.grade[there].tolist()) == set(range(10))
        columns = (column[there].tolist() for column in (stays.unit, stays.grade, stays.letter))
        assert max(Counter(zip(*columns, strict=True)).values()) <= 24
        assert {town.units[unit] for unit in stays.unit[there].tolist()} == set(main_school(tuple(open_schools)))
    assert len(set(town.cpr)) == len(town.cpr) > 6_000


@pytest.mark.parametrize(
    ("year", "count", "first", "last"),
    [
        (2023, 202, dt.date(2023, 8, 14), dt.date(2024, 6, 28)),
        (2024, 201, dt.date(2024, 8, 12), dt.date(2025, 6, 27)),
        (2025, 200, dt.date(2025, 8, 11), dt.date(2026, 6, 26)),
    ],
)
def test_school_days(year: int, count: int, first: dt.date, last: dt.date) -> None:
    days: list[Any] = school_days(year).tolist()
    assert (len(days), days[0], days[-1]) == (count, first, last)
    assert all(day.weekday() < 5 for day in days)
    free = {day for holiday in holidays(year).values() for day in holiday.tolist()}
    assert not free & set(days)
    assert {dt.date(year, 12, 24), dt.date(year + 1, 1, 1), dt.date(year + 1, 6, 5)} <= free


def test_easter() -> None:
    assert [easter_sunday(year) for year in (2024, 2025, 2026, 2027)] == [
        dt.date(2024, 3, 31),
        dt.date(2025, 4, 20),
        dt.date(2026, 4, 5),
        dt.date(2027, 3, 28),
    ]


def test_accounts_cover_each_kind_of_mapping() -> None:
    patterns = account_patterns()
    by_initiative = Counter((pattern.agreement_year, pattern.initiative_id) for pattern in patterns)
    by_activity: defaultdict[str, list[Decimal]] = defaultdict(list)
    for pattern in patterns:
        by_activity[pattern.activity_number].append(pattern.share)
    assert max(by_initiative.values()) == 2
    assert all(sum(shares) == 1 for shares in by_activity.values())
    assert [activity for activity, shares in by_activity.items() if len(shares) == 2] == ["924900"]
    assert any(pattern.valid_to == dt.date(2025, 12, 31) for pattern in patterns)


def test_no_number_that_looks_real_stands_in_the_code() -> None:
    folder = Path(simulation.__file__).parent
    for file in [*folder.rglob("*.py"), Path(__file__)]:
        for text in re.findall(r"(?<!\d)(\d{6})-?\d{4}(?!\d)", file.read_text("utf-8")):
            day, month = int(text[:2]), int(text[2:4])
            assert not (1 <= day <= 31 and 1 <= month <= 12), file.name


def test_a_school_merges_and_its_pupils_go_on_at_its_successor() -> None:
    town = simulation.simulate(np.random.default_rng([151, 1]), "city")
    (merged,) = [school for school in CITY if school.successor]

    def pupils(year: int, number: str) -> set[int]:
        rows = town.final(year)
        here = [
            place
            for place, found in zip(rows, town.school_numbers(town.stays.unit[rows]), strict=True)
            if found == number
        ]
        return set(town.stays.child[here].tolist())

    before = pupils(2024, merged.number)
    assert not pupils(2025, merged.number)
    assert len(before & pupils(2025, str(merged.successor))) > len(before) / 2
