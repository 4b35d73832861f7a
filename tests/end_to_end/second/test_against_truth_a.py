"""K01-K15 from the native files, held against what was planted in them, where the truth tells the figure."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from include.demo.municipality import generate
from second import native
from second.measures_a import MEASURES_A, Histories, economy, k05, k07, k08, k10, k12, k13, k14, k15
from second.native import Row

READ_OTHERWISE = {"budget_agreement", "milestone_status"}


class Planted(NamedTuple):
    inbox: Path
    truth: dict[str, Any]

    def figures(self, dataset: str, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.truth[dataset]["figures"][name]
        assert found
        return found


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    made = generate(tmp_path_factory.mktemp("demo") / "inbox", size="small")
    return Planted(made.inbox, made.content)


def test_the_rows_that_stand_are_those_that_were_planted(planted: Planted) -> None:
    moved = {"health_visits": 1, "notifications": 1}
    for dataset, part in planted.truth.items():
        if not isinstance(part, dict) or "deliveries" not in part or dataset in READ_OTHERWISE:
            continue
        rows = sum(file["current_rows"] for file in part["deliveries"].values())
        # a row that moved to another day stands twice among the files' rows
        assert len(native.current(planted.inbox, dataset)) == rows - moved.get(dataset, 0), dataset


def test_agreements(planted: Planted) -> None:
    initiatives, newest = native.agreements(planted.inbox)
    agreements = planted.truth["budget_agreement"]["agreements"]
    assert str(newest) == max(agreement["document_date"] for agreement in agreements.values())
    expected = {}
    for year, agreement in agreements.items():
        for initiative in agreement["initiatives"]:
            name = initiative["initiative_id"]
            milestones = tuple(
                (milestone["follow_up_code"], milestone["milestone_text"] is not None)
                for milestone in agreement["milestones"]
                if milestone["initiative_id"] == name
            )
            expected[f"{year}/{name}"] = (
                *(initiative["initiative_type"], initiative["responsible_center"], milestones),
            )
    found = {row.key: (row.initiative_type, row.responsible_center, row.milestones) for row in initiatives}
    assert found == expected


def test_amounts_of_the_finance_line(planted: Planted) -> None:
    """All but those of 3.19, where money is moved between years."""
    expected: dict[str, Counter[str]] = defaultdict(Counter)
    for year, agreement in planted.truth["budget_agreement"]["agreements"].items():
        for stated in agreement["amounts"]:
            if stated["stated_in"] == "finance" and stated["budget_year"] == int(year):
                key = f"{year}/{stated['initiative_id']}"
                expected[key][stated["amount_kind"]] += Decimal(stated["amount_mdkk"])  # type: ignore[assignment]
    found = {row.key: row.amounts for row in native.agreements(planted.inbox)[0]}
    wrong = {key for key, amounts in found.items() if dict(expected[key]) != dict(amounts)}
    assert {key.split("/")[1] for key in wrong} <= {"3.19"}


def test_answers_of_the_forms(planted: Planted) -> None:
    answers = native.status_answers(planted.inbox)
    by_center = Counter(
        zip(*(answers.drop_duplicates(["follow_up", "key"])[name] for name in ("follow_up", "center")), strict=True)
    )
    expected = {
        (row["follow_up_code"], row["center_code"]): row["answers"]
        for row in planted.figures("milestone_status", "centers")
    }
    assert by_center == expected
    newest = answers.sort_values(["answered", "delivery_as_of"]).drop_duplicates(["follow_up", "key"], keep="last")
    statuses = Counter(
        (row["follow_up"], "economy" if row["key"].endswith("/economy") else "effort", row["status"])
        for row in native.records(newest)
    )
    assert statuses == {
        (row["follow_up_code"], row["status_kind"], row["status"]): row["answers"]
        for row in planted.figures("milestone_status", "statuses")
    }


def test_economy_of_initiatives(planted: Planted) -> None:
    months = {
        (f"{row['agreement_year']}/{row['initiative_id']}", row["year"], row["month"]): Decimal(row["amount_dkk"])
        for row in planted.truth["ledger_postings"]["by_initiative_month"]
    }
    budgets = {
        (f"{row['agreement_year']}/{row['initiative_id']}", row["follow_up_code"]): Decimal(row["corrected_dkk"])
        for row in planted.figures("appropriations", "initiative_budget")
        if row["budget_year"] == row["agreement_year"]
    }
    found = economy(planted.inbox)
    assert {row.follow_up.code for row in found} == {
        "BO1-2025",
        "BO2-2025",
        "BO3-2025",
        "YE-2025",
        "BO1-2026",
        "BO2-2026",
    }
    assert {row.follow_up.code: row.months for row in found}["BO2-2026"] == 5
    for row in found:
        spent = sum(months.get((row.key, row.follow_up.year, month), 0) for month in range(1, row.months + 1))
        assert (row.key, row.spent) == (row.key, spent)
        # the truth sums, so an initiative without any entry has 0 there; here it has no budget
        assert (row.key, row.corrected or 0) == (row.key, budgets.get((row.key, row.follow_up.code), 0))


def test_caseworkers(planted: Planted) -> None:
    expected = {
        (row["month_end_date"], row["team_name"]): Decimal(row["equivalents"])
        for row in planted.figures("staffing", "caseworkers")
    }
    rows = [row for row in MEASURES_A["K04"](planted.inbox) if row.unit_type == "team"]
    assert {(str(row.period_end_date), row.unit_id): row.denominator for row in rows if row.denominator} == expected


def test_cases_and_their_steps(planted: Planted) -> None:
    histories = Histories(planted.inbox)
    (entries,) = planted.figures("cases", "entries")
    assert (len(histories.cases), sum(map(len, histories.cases.values()))) == (entries["cases"], entries["entries"])
    now = native.as_of(planted.inbox)
    steps = Counter(entry.step for case in histories.cases if (entry := histories.on(case, now)))
    assert steps == {row["effort_step"]: row["cases"] for row in planted.figures("cases", "cases_by_step")}
    moves = Counter(
        (before.step, after.step)
        for entries in histories.cases.values()
        for before, after in itertools.pairwise(entries)
        if after.step and before.step != after.step
    )
    assert moves == {(row["from_step"], row["to_step"]): row["moves"] for row in planted.figures("cases", "moves")}


def test_intervals_of_reviews(planted: Planted) -> None:
    (expected,) = planted.figures("case_reviews", "intervals")
    rows = _whole(k05(planted.inbox))
    assert sum(row.denominator or 0 for row in rows) == expected["intervals"]
    assert sum(row.numerator or 0 for row in rows) == expected["days"]


def test_shift_of_spending(planted: Planted) -> None:
    shares = {
        row["accounting_year"]: row["per_mille"]
        for row in planted.figures("municipal_accounts", "preventive_share_of_ballerup")
        if row["table_code"] == "REGK31"
    }
    rows = k07(planted.inbox)
    assert {int(row.period) for row in rows} == set(shares)
    for row in rows:
        share = native.value_of(row.numerator, row.denominator)
        before = native.value_of(rows[0].numerator, rows[0].denominator)
        assert share is not None
        assert before is not None
        assert abs(share * 1000 - shares[int(row.period)]) < 1
        assert row.value == share - before


def test_hired_caseworkers(planted: Planted) -> None:
    expected = {row["month_end_date"]: row["hired"] for row in planted.figures("staffing", "swedish_model_hired")}
    assert {str(row.period_end_date): row.numerator for row in k08(planted.inbox) if row.numerator} == expected


def test_first_preventive_effort(planted: Planted) -> None:
    expected = {
        str(row["year"]): (row["days"], row["children"])
        for row in planted.figures("granted_payments", "first_preventive")
    }
    assert {row.period: (row.numerator, row.denominator) for row in k10(planted.inbox)} == expected


def test_absence(planted: Planted) -> None:
    schools = planted.truth["absence_days"]["schools"]
    expected = {
        (year, school): (figures["over_10_percent"], figures["pupils"])
        for year, part in schools.items()
        for school, figures in part.items()
    }
    rows = [row for row in k12(planted.inbox) if row.unit_type == "school"]
    assert {(row.period, row.unit_id): (row.numerator, row.denominator) for row in rows} == expected
    quarters = {
        (part, quarter, school): (figures[name], figures["pupils"])
        for of_year in schools.values()
        for school, of_school in of_year.items()
        for quarter, figures in of_school["by_quarter"].items()
        for part, name in (("warn", "unlawful_10_percent"), ("notify", "unlawful_15_percent"))
    }
    rows = [row for row in k13(planted.inbox) if row.unit_type == "school"]
    assert {(row.measure_part, row.period, row.unit_id): (row.numerator, row.person_count) for row in rows} == quarters


def test_anxiety_groups(planted: Planted) -> None:
    expected: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for group in planted.figures("activities", "anxiety_groups"):
        if group["first_date"] <= planted.truth["as_of"]:
            expected[group["first_date"][:4]][0] += group["participants"] or 0
            expected[group["first_date"][:4]][1] += group["expected"] or 0
    assert {row.period: [row.numerator, row.denominator] for row in k14(planted.inbox)} == expected


def test_headspace(planted: Planted) -> None:
    expected = {row["place_name"]: row["contacts"] for row in planted.figures("anonymous_contacts", "of_12_to_25")}
    for period_type in ("month", "year"):
        rows = [row for row in k15(planted.inbox) if row.period_type == period_type]
        assert sum(row.numerator or 0 for row in rows) == expected["Headspace"]


def _whole(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row.unit_type == "municipality"]


@pytest.mark.parametrize("name", MEASURES_A)
def test_every_row_is_there_once_and_adds_up(planted: Planted, name: str) -> None:
    rows = MEASURES_A[name](planted.inbox)
    assert rows
    assert len({row.key for row in rows}) == len(rows)
    assert {row.measure_id for row in rows} == {name}
    assert all(isinstance(row.value, Decimal | None) for row in rows)
