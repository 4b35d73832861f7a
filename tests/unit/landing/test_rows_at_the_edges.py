"""Rows that are rare and right land: a refused request, an application withdrawn after the decision."""

from __future__ import annotations

import pytest
from landing_steps import landed, problems, take_in, write_lines

from include.demo.people import dashed
from include.landing import rows
from include.landing.contract import load_contracts
from include.settings import Settings

CHILD = dashed("0203" + f"{204000 + 1}")

START = {
    "Sagsnr": "SKS-2026-00001",
    "CPR-nummer": CHILD,
    "Skoledistrikt": "BAL",
    "Starttype": "Normal",
    "Planlagt startår": "2026",
}
GRANT = {
    "Ansøgningsnr.": "FP-2026-00001",
    "CPR-nr.": CHILD,
    "Indstillet af": "Lærer",
    "Ansøgt": "01.04.2026",
    "Status": "Trukket",
    "Aktivitet": "Fodbold",
}
DECIDED = {"Afgørelsesdato": "16-03-2026", "Årsagskode": "SPR", "Anmodning fra forældre": "Ja"}


def deliver(settings: Settings, dataset: str, *rows: dict[str, str]) -> None:
    header = [column.source_name for column in load_contracts()[dataset].delivered_columns]
    lines = [";".join(row.get(name, "") for name in header) for row in rows]
    write_lines(settings, f"{dataset}/{dataset}_20260619.csv", ";".join(header), *lines)
    take_in(settings, dataset)


@pytest.mark.parametrize(("decided_by_council", "count"), [("Nej", 1), ("Ja", 0), ("", 0)])
def test_a_refused_request_leaves_a_normal_start(settings: Settings, decided_by_council: str, count: int) -> None:
    plain = {**START, "Sagsnr": "SKS-2026-00002"}
    deliver(settings, "school_starts", plain, START | DECIDED | {"Afgjort af kommunen": decided_by_council})
    assert landed(settings, "select count(*) from school_starts where reason_code = 'SPR'") == [(count,)]
    assert landed(settings, "select count(*) from school_starts") == [(1 + count,)]
    assert {rule for _, _, rule in problems(settings, "school_starts")} == (
        set() if count else {"early_and_late_are_decided"}
    )


def test_an_application_may_be_withdrawn_after_its_decision(settings: Settings) -> None:
    other = {**GRANT, "Ansøgningsnr.": "FP-2026-00002"}
    received = {**GRANT, "Ansøgningsnr.": "FP-2026-00003", "Status": "Modtaget"}
    deliver(settings, "leisure_grants", GRANT | {"Afgjort": "08.04.2026"}, other, received | {"Afgjort": "08.04.2026"})
    assert landed(settings, "select grant_id, decided_date is null from leisure_grants order by all") == [
        ("FP-2026-00001", False),
        ("FP-2026-00002", True),
    ]
    assert problems(settings, "leisure_grants") == [(4, "decided_date", "decided_has_a_date")]


def test_answers_of_a_screening_are_checked_and_do_not_land(settings: Settings) -> None:
    answers = {f"Spm {number}": str(number % 3) for number in range(1, 11)}
    total = sum(map(int, answers.values()))
    screening = {
        "Screeningsnr": "EPD-2026-00001",
        "Barnets CPR-nr": CHILD,
        "Screenet forælder": "Mor",
        "Dato": "02.05.2026",
        "Skema": "EPDS",
        "Samlet score": str(total),
        "Opfølgning": "Nej",
        "Distrikt ved fødsel": "BAL",
    } | answers
    wrong = {**screening, "Screeningsnr": "EPD-2026-00002", "Samlet score": str(total + 1)}
    above = {**screening, "Screeningsnr": "EPD-2026-00003", "Spm 10": "4"}
    deliver(settings, "screenings", screening, wrong, above)
    assert landed(settings, "select total_score from screenings") == [(total,)]
    assert {("total_score", "total_is_the_sum"), ("item_10", "maximum")} <= {
        (column, rule) for _, column, rule in problems(settings, "screenings")
    }
    columns = landed(settings, "select column_name from (describe screenings)")
    assert columns
    assert not [name for (name,) in columns if name.startswith("item_")]


def test_a_form_that_leaves_room_for_a_number_is_searched_for_one() -> None:
    """Names of houses and associations are words and digits; codes of the ledger may be ten digits."""
    contracts = load_contracts()
    searched = {
        f"{contract.dataset}.{column.name}"
        for contract in contracts.values()
        for column in contract.columns
        if column.pattern and rows._could_hold_a_person(contract, column)
    }
    assert searched == {"activities.association_name", "daycare_places.house_name"}
