"""The seeds that decide a figure are complete: calendars, organisation, accounts, questionnaire and thresholds.

What is known from documents is listed here by hand, and what follows from a rule is computed here a second time.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections import Counter, defaultdict
from decimal import Decimal
from itertools import pairwise

import pytest

from include.settings import PROJECT_ROOT

SEEDS = PROJECT_ROOT / "dbt_project" / "seeds"
Row = dict[str, str]

FIRST_FOLLOW_UP_YEAR, LAST_FOLLOW_UP_YEAR = 2017, 2027
FIRST_SCHOOL_YEAR, LAST_SCHOOL_YEAR = 2016, 2027
STORE_BEDEDAG_UNTIL = 2023

EASTER_SUNDAYS = {
    2017: (4, 16),
    2018: (4, 1),
    2019: (4, 21),
    2020: (4, 12),
    2021: (4, 4),
    2022: (4, 17),
    2023: (4, 9),
    2024: (3, 31),
    2025: (4, 20),
    2026: (4, 5),
    2027: (3, 28),
    2028: (4, 16),
}
"""As calendars print them."""

CENTERS_2017 = {
    "Skoler, Institutioner og Kultur",
    "Børne- og Ungerådgivning",
    "Social og Sundhed",
    "Ejendomme",
    "By, Erhverv og Miljø",
    "Arbejdsmarkedscenter Ballerup",
    "Politisk Sekretariat",
    "Digitaliseringssekretariatet",
}
CENTERS_2025 = {"Økonomi", "Børne- og Ungerådgivning", "Kultur, Idræt og Fritid", "Dagtilbud, Skoler og Klubber"}
COMMITTEES = {
    "Børne- og Skoleudvalget",
    "Økonomiudvalget",
    "Erhvervs- og Beskæftigelsesudvalget",
    "Kommunalbestyrelsen",
}


def rows(seed: str) -> list[Row]:
    with (SEEDS / f"{seed}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def known_on(date: dt.date) -> list[Row]:
    """The follow-ups as they were known on a day."""
    newest: dict[str, Row] = {}
    for row in sorted(rows("follow_up_calendar"), key=lambda row: row["valid_from"]):
        if day(row["valid_from"]) <= date:
            newest[row["follow_up_code"]] = row
    return list(newest.values())


def valid_on(seed: str, date: dt.date) -> list[Row]:
    return [
        row
        for row in rows(seed)
        if (not row["valid_from"] or day(row["valid_from"]) <= date)
        and (not row["valid_to"] or day(row["valid_to"]) >= date)
    ]


def easter(year: int) -> dt.date:
    return dt.date(year, *EASTER_SUNDAYS[year])


# follow-ups


def test_every_year_has_four_follow_ups_in_order() -> None:
    by_year = defaultdict(list)
    for row in known_on(dt.date(2028, 1, 1)):
        by_year[int(row["follow_up_year"])].append(row)
    assert sorted(by_year) == list(range(FIRST_FOLLOW_UP_YEAR, LAST_FOLLOW_UP_YEAR + 1))
    for year, found in by_year.items():
        found.sort(key=lambda row: int(row["follow_up_sequence"]))
        assert [row["follow_up_code"] for row in found] == [f"{code}-{year}" for code in ("BO1", "BO2", "BO3", "YE")]
        assert [row["follow_up_sequence"] for row in found] == ["1", "2", "3", "4"]
        cut_offs = [day(row["data_cut_off_date"]) for row in found]
        assert all(before < after for before, after in pairwise(cut_offs)), year
        assert cut_offs[-1] == dt.date(year, 12, 31)
        assert [row["follow_up_name"] for row in found] == [
            *(f"{number}. budgetopfølgning {year}" for number in (1, 2, 3)),
            f"31.12.{year}",
        ]


def test_a_date_that_became_known_is_a_new_row() -> None:
    calendar = rows("follow_up_calendar")
    assert len({(row["follow_up_code"], row["valid_from"]) for row in calendar}) == len(calendar)
    for code, paper in (("BO3-2017", "2017-11-07"), ("BO3-2020", "2020-11-24")):
        before, after = sorted(
            (row for row in calendar if row["follow_up_code"] == code), key=lambda r: r["valid_from"]
        )
        assert (before["committee_meeting_date"], after["committee_meeting_date"]) == ("", paper)
        assert day(before["valid_from"]).year == int(code[-4:]) - 1, "known before its year begins"
        assert after["valid_from"] == paper, "nobody knew the paper's date before the paper"
        assert day(paper).isoweekday() == 2, "a committee meets on a Tuesday"
    assert [row["follow_up_code"] for row in calendar if row["committee_meeting_date"]] == ["BO3-2017", "BO3-2020"]
    assert {row["council_meeting_date"] for row in calendar} == {""}, "no paper of the council's meeting is known"


def test_forms_go_out_three_weeks_before_the_cut_off_and_are_due_three_days_before_it() -> None:
    for row in rows("follow_up_calendar"):
        cut_off = day(row["data_cut_off_date"])
        assert cut_off - day(row["forms_sent_date"]) == dt.timedelta(days=21), row["follow_up_code"]
        assert cut_off - day(row["form_deadline_date"]) == dt.timedelta(days=3), row["follow_up_code"]


def test_what_no_document_names_is_marked_as_assumed() -> None:
    for row in rows("follow_up_calendar"):
        assert row["is_assumed"] == ("false" if row["follow_up_code"].startswith("YE") else "true")


# school days


@pytest.fixture(scope="module")
def school_years() -> dict[int, list[Row]]:
    found = defaultdict(list)
    for row in rows("school_calendar"):
        found[int(row["school_year"][:4])].append(row)
    return found


def test_there_is_a_calendar_for_every_school_year(school_years: dict[int, list[Row]]) -> None:
    assert sorted(school_years) == list(range(FIRST_SCHOOL_YEAR, LAST_SCHOOL_YEAR + 1))
    for start, periods in school_years.items():
        assert {row["school_year"] for row in periods} == {f"{start}/{start + 1}"}
        assert [row["period_kind"] for row in periods].count("term") == 1
        assert len({row["period_name"] for row in periods}) == len(periods)


def test_a_school_year_has_about_200_school_days(school_years: dict[int, list[Row]]) -> None:
    for start, periods in school_years.items():
        spans = {row["period_name"]: (day(row["first_date"]), day(row["last_date"])) for row in periods}
        first, last = spans.pop("Skoleår")
        assert dt.date(start, 8, 1) <= first < last <= dt.date(start + 1, 6, 30)
        free = {
            begin + dt.timedelta(days=offset)
            for begin, end in spans.values()
            for offset in range((end - begin).days + 1)
        }
        assert all(first <= date <= last for date in free if date.isoweekday() < 6), f"{start}: a holiday outside"
        days = [first + dt.timedelta(days=offset) for offset in range((last - first).days + 1)]
        count = sum(date.isoweekday() < 6 and date not in free for date in days)
        assert 190 <= count <= 210, f"{start}/{start + 1} has {count} school days"


def test_movable_holidays_follow_easter(school_years: dict[int, list[Row]]) -> None:
    for start, periods in school_years.items():
        spans = {row["period_name"]: (day(row["first_date"]), day(row["last_date"])) for row in periods}
        sunday = easter(start + 1)
        assert sunday.isoweekday() == 7

        def after(days: int, sunday: dt.date = sunday) -> dt.date:
            return sunday + dt.timedelta(days=days)

        assert spans["Påskeferie"] == (after(-6), after(1))
        assert spans["Kristi himmelfart og dagen efter"] == (after(39), after(40))
        assert spans["2. pinsedag"] == (after(50), after(50))
        assert spans["Grundlovsdag"] == (dt.date(start + 1, 6, 5),) * 2
        if start + 1 <= STORE_BEDEDAG_UNTIL:
            assert spans["Store bededag"] == (after(26), after(26)), "the fourth Friday after Easter"
        else:
            assert "Store bededag" not in spans, "abolished from 2024"


def test_only_holidays_by_law_are_not_assumed(school_years: dict[int, list[Row]]) -> None:
    by_law = {"Store bededag", "2. pinsedag", "Grundlovsdag"}
    for periods in school_years.values():
        for row in periods:
            assert row["is_assumed"] == ("false" if row["period_name"] in by_law else "true")


# organisation


@pytest.mark.parametrize(("date", "names"), [(dt.date(2017, 2, 9), CENTERS_2017), (dt.date(2025, 6, 1), CENTERS_2025)])
def test_every_centre_of_the_documents_is_there_when_they_name_it(date: dt.date, names: set[str]) -> None:
    documented = [row["center_name"] for row in valid_on("center", date) if row["basis"] != "synthetic"]
    assert names <= set(documented)
    assert len(documented) == len(set(documented)), "a name belongs to one centre at a time"


def test_the_organisation_names_nobody_else() -> None:
    named = {row["center_name"] for row in rows("center") if row["basis"] != "synthetic"}
    assert named == CENTERS_2017 | CENTERS_2025


def test_a_split_centre_ends_the_day_before_its_successors_begin() -> None:
    centers = {row["center_code"]: row for row in rows("center")}
    successors = defaultdict(set)
    for row in centers.values():
        if row["predecessor_center_code"]:
            before = centers[row["predecessor_center_code"]]
            assert day(before["valid_to"]) + dt.timedelta(days=1) == day(row["valid_from"])
            successors[before["center_code"]].add(row["center_code"])
    assert successors["SIK-2017"] == {"DSK-2022", "KIF-2022"}
    ended = {code for code, row in centers.items() if row["valid_to"]}
    assert ended == set(successors), "a centre that ended has become others"
    for row in centers.values():
        assert not row["valid_to"] or row["valid_from"] <= row["valid_to"]


def test_the_dates_of_centres_are_assumed() -> None:
    # The documents name centres and never say from when or until when they are.
    assert {row["is_validity_assumed"] for row in rows("center") if row["basis"] != "synthetic"} == {"true"}


def test_every_committee_is_there() -> None:
    found = rows("committee")
    assert {row["committee_name"] for row in found} == COMMITTEES
    assert len(found) == len(COMMITTEES)
    assert all(row["valid_from"] <= "2016-09-26" for row in found), "the council's strategy is of that day"


# accounts


def test_shares_of_an_account_are_one_on_every_day_that_has_any() -> None:
    by_account = defaultdict(list)
    for row in rows("initiative_account"):
        assert row["account_pattern"].isdigit(), "a pattern with % or _ needs another check"
        by_account[row["account_field"], row["account_pattern"]].append(row)
    for account, claims in by_account.items():
        days = {day(row["valid_from"]) for row in claims} | {day(row["valid_to"]) for row in claims if row["valid_to"]}
        for date in days:
            shares = [
                Decimal(row["share"])
                for row in claims
                if day(row["valid_from"]) <= date and (not row["valid_to"] or date <= day(row["valid_to"]))
            ]
            assert sum(shares) == 1, f"{account} on {date}"


def test_accounts_are_only_known_of_the_synthetic_municipality() -> None:
    # No document tells which accounts an initiative of the real agreement has.
    assert {row["basis"] for row in rows("initiative_account")} == {"synthetic"}


# questionnaire


def test_the_questionnaire_has_40_and_20_questions() -> None:
    found = rows("questionnaire")
    for form, count in (("4-9", 40), ("0-3", 20)):
        numbers = [int(row["question_number"]) for row in found if row["form"] == form]
        assert numbers == list(range(1, count + 1))
    assert len({(row["form"], row["question_text"]) for row in found}) == 60


def test_29_questions_make_the_indicators() -> None:
    found = rows("questionnaire")
    indicators = Counter(row["indicator"] for row in found if row["form"] == "4-9")
    assert indicators == {"social": 10, "faglig": 8, "stoette": 7, "ro": 4, "": 11}
    assert {row["indicator"] for row in found if row["form"] == "0-3"} == {""}, "no official indicator below grade 4"
    reversed_ = {row["question_text"] for row in found if row["is_reversed"] == "true"}
    assert reversed_ == {
        "Føler sig ensom",
        "Bange for at blive til grin",
        "Er blevet mobbet",
        "Undervisningen er kedelig",
    }
    assert {row["is_mapping_confirmed"] for row in found} == {"false"}, "no source confirmed which question is which"


# thresholds


def test_thresholds_and_their_comparison() -> None:
    found = {row["threshold_name"]: (Decimal(row["threshold_value"]), row["comparison"]) for row in rows("threshold")}
    assert found == {
        "high_absence_share": (Decimal("0.10"), ">"),
        "unlawful_warn_share": (Decimal("0.10"), ">="),
        "unlawful_notify_share": (Decimal("0.15"), ">="),
        "minimum_answered_share": (Decimal("0.50"), ">="),
        "interval_minimum_n": (Decimal(10), ">="),
    }
    assert all(row["source"] for row in rows("threshold"))
    unlawful = {row["valid_from"] for row in rows("threshold") if row["threshold_name"].startswith("unlawful")}
    assert unlawful == {"2019-08-01"}, "the law that brought them"
