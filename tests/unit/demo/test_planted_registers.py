"""The synthetic registers of the referrals domain: what was planted in them is there, counted from the files alone."""

from __future__ import annotations

import csv
import datetime as dt
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from include.demo.days import on_a_weekday, whole_years
from include.demo.deliveries import Nights, calendar_of
from include.demo.municipality import fill

DATASETS = ("memberships", "leisure_grants", "notifications", "anonymous_contacts")
ENCODINGS = dict(zip(DATASETS, ("utf-8-sig", "cp1252", "utf-8-sig", "cp1252"), strict=True))
Row = dict[str, str]


class Filled:
    """An inbox with the four datasets."""

    def __init__(self, inbox: Path, nights: Nights) -> None:
        filled = fill(inbox, nights=nights, only=DATASETS)
        self.inbox, self.truth, self.dates, self.population = inbox, filled.truth, filled.dates, filled.population
        self.calendar = calendar_of(nights)

    def rows(self, path: str) -> list[Row]:
        text = (self.inbox / path).read_bytes().decode(ENCODINGS[path.partition("/")[0]])
        return list(csv.DictReader(text.splitlines(), delimiter=";"))

    def night(self, dataset: str, date: str) -> list[Row]:
        return self.rows(f"{dataset}/{dataset}_{date}.csv")


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    return Filled(tmp_path_factory.mktemp("week"), "week")


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    return Filled(tmp_path_factory.mktemp("year"), "year")


def date(text: str) -> dt.date:
    return dt.datetime.strptime(text.replace(".", "-"), "%d-%m-%Y").date()


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_file_is_told_with_its_rows_and_its_day(week: Filled, dataset: str) -> None:
    files = {f"{dataset}/{file.name}" for file in (week.inbox / dataset).iterdir()}
    assert files == {path for path in week.dates if path.startswith(f"{dataset}/")}
    truth = week.truth[dataset]
    twice = truth["delivered_twice"]
    assert files == {*truth["deliveries"], *twice}
    for path, counted in truth["deliveries"].items():
        assert counted["rows"] == len(week.rows(path)) > 0
    assert twice
    for again, path in twice.items():
        assert (week.inbox / again).read_bytes() == (week.inbox / path).read_bytes()
        assert again != path


def counted(rows: list[dict[str, Any]]) -> Counter[tuple[tuple[str, Any], ...]]:
    return Counter(tuple(sorted(row.items())) for row in rows)


@pytest.mark.parametrize("dataset", ["memberships", "leisure_grants", "anonymous_contacts"])
def test_a_year_of_nights_ends_as_the_week_does(week: Filled, year: Filled, dataset: str) -> None:
    planted, other = week.truth[dataset]["figures"], year.truth[dataset]["figures"]
    assert planted.keys() == other.keys()
    assert {name for name in planted if counted(planted[name]) != counted(other[name])} == set()


def test_a_year_of_nights_tells_the_same_notifications(week: Filled, year: Filled) -> None:
    """Numbers replaced in that year are known by the old one where no later delivery covers the day."""
    for name in ("by_year_and_notifier", "by_district", "by_outcome", "by_age_and_sex", "by_cause"):
        planted, other = week.truth["notifications"]["figures"][name], year.truth["notifications"]["figures"][name]
        assert counted(planted) == counted(other), name


def test_nights_are_missing_in_a_year(year: Filled) -> None:
    for dataset in ("memberships", "leisure_grants", "notifications"):
        nights = {came for path, came in year.dates.items() if path.startswith(f"{dataset}/")}
        assert 0 < len(year.calendar.nights) + 1 - len(nights) < 20


def test_memberships_are_entered_late_corrected_and_withdrawn(week: Filled) -> None:
    before, after, last = (week.night("memberships", f"202606{number}") for number in (15, 16, 19))
    clubs = {row["Medlemskabsnr"]: row["Foreningskode"] for row in before}
    assert (
        len([row for row in after if clubs.get(row["Medlemskabsnr"], row["Foreningskode"]) != row["Foreningskode"]])
        == 1
    )
    assert len(clubs.keys() - {row["Medlemskabsnr"] for row in last}) == 1
    late = [row for row in last if row["Første fremmøde"] and date(row["Første fremmøde"]) < date(row["Oprettet"])]
    assert late
    assert all(row["Henvisningsnr"].startswith("ICE-") for row in last)


def kroner(text: str) -> Decimal:
    return Decimal(text.replace(".", "").replace(",", ".") or "0")


def test_no_grant_and_no_year_of_a_child_is_above_its_cap(week: Filled, year: Filled) -> None:
    for filled in (week, year):
        for path in filled.dates:
            if not path.startswith("leisure_grants/"):
                continue
            spent: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
            for row in filled.rows(path):
                fee, event, equipment = (kroner(row[name]) for name in ("Kontingent", "Stævner", "Udstyr"))
                assert fee <= 2000
                assert event <= 1000
                assert equipment <= 600
                assert (fee + event + equipment > 0) == (row["Status"] == "Bevilget")
                if row["Status"] == "Bevilget":
                    spent[row["CPR-nr."], date(row["Afgjort"]).year] += fee + event + equipment
            assert max(spent.values()) <= 3000
    assert any(
        row["Kontingent"] and not row["Kontingent"].endswith(",00") for row in week.night("leisure_grants", "20260619")
    )


def test_grants_are_corrected_entered_late_and_taken_out(week: Filled) -> None:
    before, after, later = (week.night("leisure_grants", f"202606{number}") for number in (15, 16, 17))
    fees = {row["Ansøgningsnr."]: row["Kontingent"] for row in before if row["Status"] == "Bevilget"}
    changed = [row for row in after if fees.get(row["Ansøgningsnr."], row["Kontingent"]) != row["Kontingent"]]
    assert [kroner(fees[row["Ansøgningsnr."]]) - kroner(row["Kontingent"]) for row in changed] == [Decimal(100)]
    known = {row["Ansøgningsnr."] for row in after}
    assert len(known - {row["Ansøgningsnr."] for row in later}) == 1, "it had been entered twice"
    late = [row for row in later if row["Ansøgningsnr."] not in known and date(row["Ansøgt"]) <= dt.date(2026, 6, 2)]
    assert len(late) == 1
    inbox = week.inbox / "leisure_grants"
    again, first = inbox / "leisure_grants_20260618.csv", inbox / "leisure_grants_20260617.csv"
    assert again.read_bytes() == first.read_bytes()


def test_notifications_come_late_move_and_are_withdrawn(week: Filled) -> None:
    files = {path: week.rows(path) for path in week.truth["notifications"]["deliveries"]}
    (of_year,) = (rows for path, rows in files.items() if "_2026_" in path)
    before, moved, last = (
        rows for path, rows in sorted(files.items()) if path[-12:-4] in ("20260616", "20260617", "20260619")
    )
    dates = {row["Underretningsnr"]: row["Modtaget dato"] for row in of_year}
    corrected = [
        row for row in moved if dates.get(row["Underretningsnr"], row["Modtaget dato"]) != row["Modtaget dato"]
    ]
    assert len(corrected) == 1
    assert date(dates[corrected[0]["Underretningsnr"]]) < dt.date(2026, 4, 1), "it stands in the year's file too"
    withdrawn = {row["Underretningsnr"] for row in before} - {row["Underretningsnr"] for row in last}
    days = {row["Underretningsnr"]: date(row["Modtaget dato"]) for row in before}
    assert len([number for number in withdrawn if days[number] > dt.date(2026, 4, 25)]) == 1
    late = [row for row in last if date(row["Registreret"]) - date(row["Modtaget dato"]) > dt.timedelta(days=7)]
    assert late


def test_codes_of_notifications_are_valid_on_their_day(week: Filled) -> None:
    rows = [row for path in week.dates if path.startswith("notifications/") for row in week.rows(path)]
    assert {row["Underretter"] for row in rows} >= {"7", "12", "13"}
    assert all((row["Underretter"] == "7") <= (date(row["Modtaget dato"]).year < 2024) for row in rows)
    assert all((row["Underretter"] in ("12", "13")) <= (date(row["Modtaget dato"]).year >= 2024) for row in rows)
    added = [row for row in rows if {"17", "18"} & set(row["Årsager"].split(","))]
    assert added
    assert min(date(row["Modtaget dato"]).year for row in added) >= 2022


def test_a_replaced_number_stands_in_the_nights_from_its_day_on(week: Filled) -> None:
    child = int(np.nanargmax(week.population.replaced_on.astype(float)))
    old, new = week.population.previous_cpr[child], week.population.cpr[child]
    found = {}
    for path in week.truth["notifications"]["deliveries"]:
        if "-" in path:
            numbers = {row["Personnummer"].replace("-", "") for row in week.rows(path)}
            found[path[-12:-4]] = (old in numbers, new in numbers)
    change = f"{week.population.replaced_on[child].item():%Y%m%d}"
    nights = {night: seen for night, seen in found.items() if night >= "20260615"}
    assert nights == {night: (night < change, night >= change) for night in nights}
    assert set(nights.values()) == {(True, False), (False, True)}


def test_unborn_children_are_known_by_mothers_of_age(week: Filled) -> None:
    rows = [row for path in week.dates if path.startswith("notifications/") for row in week.rows(path)]
    mothers = set(week.population.mother_cpr)
    unborn = [row for row in rows if row["Ufødt barn"] == "Ja"]
    assert unborn
    assert {row["Personnummer"].replace("-", "") for row in unborn} <= mothers
    children = {row["Personnummer"].replace("-", "") for row in rows if row["Ufødt barn"] == "Nej"}
    assert not children & mothers


def test_a_month_is_stated_again_with_more_chats(week: Filled) -> None:
    folder = week.inbox / "anonymous_contacts"
    assert sorted(file.name for file in folder.iterdir() if file.stem[-8:] > "20260612") == [
        "anonymous_contacts_2026-04_20260617.csv",
        "anonymous_contacts_2026-05_20260615.csv",
        "anonymous_contacts_2026-05_20260618.csv",
    ]
    first, again = (
        week.rows(f"anonymous_contacts/anonymous_contacts_2026-04_202606{number}.csv") for number in (12, 17)
    )
    for one, other in zip(first, again, strict=True):
        more = int(other["Henvendelser"]) - int(one["Henvendelser"])
        assert (more > 0) == (one["Kontaktform"] == "Chat")
        assert more >= 0


def test_ages_are_counted_in_whole_years() -> None:
    def years(born: str, on: str) -> int:
        return int(whole_years(np.array([born], dtype="datetime64[D]"), np.array([on], dtype="datetime64[D]"))[0])

    assert [years("2012-03-31", "2026-03-30"), years("2012-03-31", "2026-03-31")] == [13, 14]
    assert [years("2024-02-29", "2026-02-28"), years("2024-02-29", "2026-03-01")] == [1, 2]
    assert on_a_weekday(np.array(["2026-06-20"], dtype="datetime64[D]")).tolist() == [dt.date(2026, 6, 22)]
