"""OS2bos exports as Python's csv.DictWriter writes them, in every version of the layout and in one nobody knows."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from include.landing import process
from include.landing.contract import load_contracts
from include.landing.ledger import Delivery, Ledger
from include.settings import Settings


def words(text: str) -> list[str]:
    return text.split()


# As OS2bos' source lists them, in its order.
CASES = words(
    "id history_id history_date cpr_number case_sbsys_id name target_group case_worker team leader efforts effort_step "
    "scaling_step paying_municipality acting_municipality residence_municipality mother_cpr father_cpr"
)
VERSIONS = {
    0: words(
        "id amount paid_amount date paid_date account_string account_alias payment_schedule__payment_id "
        "payment_schedule__payment_amount payment_schedule__payment_frequency recipient_type recipient_id "
        "recipient_name payment_method payment_cost_type price_per_unit units fictive activity__details__activity_id "
        "activity__details__name activity_start_date activity_end_date activity_status activity_type section "
        "section_text sbsys_id main_activity_id main_activity_name cpr_number name target_group case_worker team "
        "leader efforts effort_step scaling_step paying_municipality acting_municipality residence_municipality "
        "mother_cpr father_cpr"
    ),
    1: ["activity_category__category_id", "activity_category__name"],
    2: ["note"],
    3: ["approval_level", "approval_user", "appropriation_date"],
}
NAME, WORKER = "Åse Çelik Ørn", "Orla Frøsnapper"
GIRL, MOTHER = "0203" + "12-4002".replace("-", ""), "0405" + "88-4000".replace("-", "")

CASE: dict[str, Any] = {
    "id": "17",
    "history_id": "400",
    "history_date": "2026-03-04T23:30:00.000250+00:00",
    "cpr_number": GIRL,
    "case_sbsys_id": "27.24.00-G01-17-24",
    "name": NAME,
    "target_group": "Familieafdelingen",
    "case_worker": WORKER,
    "team": "Familieteam Nord",
    "leader": WORKER,
    "efforts": "SSP,Tidlig indsats",
    "effort_step": "Trin 3: Hjemmebaserede indsatser",
    "scaling_step": "7",
    "paying_municipality": "Ballerup",
    "acting_municipality": "Ballerup",
    "residence_municipality": "Ballerup",
    "mother_cpr": MOTHER,
    "father_cpr": None,
}
PAYMENT: dict[str, Any] = {
    "id": 9001,
    "amount": Decimal("4321.50"),
    "paid_amount": Decimal("4300.25"),
    "date": dt.date(2026, 5, 1),
    "paid_date": dt.date(2026, 5, 4),
    "account_string": "12345-528211007-015017-529",
    "account_alias": "BOS0000002",
    "payment_schedule__payment_id": 301,
    "payment_schedule__payment_amount": Decimal("4321.50"),
    "payment_schedule__payment_frequency": "MONTHLY",
    "recipient_type": "PERSON",
    "recipient_id": MOTHER,
    "recipient_name": WORKER,
    "payment_method": "CASH",
    "payment_cost_type": "FIXED",
    "price_per_unit": "",
    "units": None,
    "fictive": False,
    "activity__details__activity_id": "015017",
    "activity__details__name": "Kontaktperson",
    "activity_start_date": dt.date(2026, 1, 1),
    "activity_end_date": None,
    "activity_status": "GRANTED",
    "activity_type": "MAIN_ACTIVITY",
    "section": "BL-32-1.3",
    "section_text": "Kontaktperson, fast",
    "sbsys_id": "27.27.24-G01-5-26",
    "main_activity_id": "015017",
    "main_activity_name": "Kontaktperson",
    "activity_category__category_id": "015202",
    "activity_category__name": "Kontaktpersonordning",
    "note": 'Ringet til mor, hun siger "nej"\nSkriver igen',
    "approval_level": "teamleder",
    "approval_user": "orfr",
    "appropriation_date": dt.date(2025, 12, 20),
} | {name: CASE[name] for name in CASES if name in VERSIONS[0] and name not in ("id",)}


def headers(version: int) -> list[str]:
    return [name for number, names in VERSIONS.items() if number <= version for name in names]


def export(path: Path, fields: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=fields)
        writer.writeheader()
        writer.writerows([{name: row[name] for name in fields} for row in rows])


def take_in(settings: Settings, dataset: str) -> list[Delivery]:
    process.take_in(settings, load_contracts()[dataset])
    with Ledger(settings) as ledger:
        return ledger.deliveries(dataset)


def landed(settings: Settings, delivery: Delivery) -> list[dict[str, Any]]:
    with duckdb.connect() as connection:
        found = connection.execute("from read_parquet(?)", [str(settings.landing / str(delivery.parquet_file))])
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def utc(text: str) -> dt.datetime:
    """As landing holds a time: in UTC, without saying so."""
    return dt.datetime.fromisoformat(text)


def quarantined(settings: Settings, dataset: str, delivery: Delivery) -> set[tuple[int | None, str | None, str]]:
    with Ledger(settings) as ledger:
        problems = ledger.problems(delivery.delivery_id, dataset, limit=20)
    return {(problem.line, problem.column, problem.rule) for problem in problems}


def test_a_case_lands_with_its_history_and_without_people(settings: Settings) -> None:
    opened = CASE | {
        "history_id": "399",
        "history_date": "2026-01-05T09:00:00+00:00",
        "effort_step": "None",
        "scaling_step": "",
        "team": None,
        "residence_municipality": "None",
    }
    export(settings.inbox / "cases/cases_0_20260619.csv", CASES, [opened, CASE])
    (delivery,) = take_in(settings, "cases")
    first, second = landed(settings, delivery)
    assert (first["changed_at"], second["changed_at"]) == (
        utc("2026-01-05 09:00"),
        utc("2026-03-04 23:30:00.000250"),
    )
    assert (first["effort_step"], first["scaling_step"], first["team_name"]) == (None, None, None)
    assert first["residence_municipality"] is None
    assert (second["effort_step"], second["scaling_step"], second["efforts"]) == (3, 7, "SSP,Tidlig indsats")
    assert (second["birth_date"], second["sex"]) == (dt.date(2012, 3, 2), "female")
    assert not {NAME, WORKER, GIRL, MOTHER} & set(map(str, [*first.values(), *second.values()]))


def test_a_time_with_another_offset_lands_in_utc(settings: Settings) -> None:
    export(
        settings.inbox / "cases/cases_0_20260619.csv",
        CASES,
        [CASE | {"history_date": "2026-07-01T00:30:00.5+02:00"}],
    )
    (delivery,) = take_in(settings, "cases")
    assert landed(settings, delivery)[0]["changed_at"] == utc("2026-06-30 22:30:00.500000")


def test_bad_entries_go_to_quarantine_by_line_and_column(settings: Settings) -> None:
    good = [CASE | {"history_id": str(number)} for number in range(500, 540)]
    bad = [
        CASE | {"history_id": "600", "history_date": "4. marts 2026"},
        CASE | {"history_id": "601", "effort_step": "Trin 7: Ukendt"},
        CASE | {"history_id": "602", "effort_step": "højt"},
        CASE | {"history_id": "603", "team": f"Team {GIRL}"},
        CASE | {"history_id": "604", "cpr_number": "1"},
    ]
    export(settings.inbox / "cases/cases_0_20260619.csv", CASES, [*good, *bad])
    (delivery,) = take_in(settings, "cases")
    assert (delivery.row_count, delivery.landed_count, delivery.quarantined_count) == (45, 40, 5)
    assert quarantined(settings, "cases", delivery) == {
        (42, "changed_at", "type"),
        (43, "effort_step", "maximum"),
        (44, "effort_step", "type"),
        (45, "team_name", "no_person"),
        (46, "person_key", "person_number"),
    }


@pytest.mark.parametrize("version", list(VERSIONS))
def test_payments_land_in_every_version(settings: Settings, version: int) -> None:
    export(settings.inbox / f"granted_payments/granted_payments_{version}_20260619.csv", headers(version), [PAYMENT])
    (delivery,) = take_in(settings, "granted_payments")
    assert delivery.status == "landed"
    (row,) = landed(settings, delivery)
    assert (row["expected_amount_dkk"], row["paid_amount_dkk"]) == (Decimal("4321.50"), Decimal("4300.25"))
    assert (row["payment_date"], row["paid_date"]) == (dt.date(2026, 5, 1), dt.date(2026, 5, 4))
    assert row["is_fictive"] is False
    assert (row["price_per_unit_dkk"], row["units"], row["activity_end_date"]) == (None, None, None)
    assert row["activity_category_number"] == ("015202" if version >= 1 else None)
    assert row["approval_level"] == ("teamleder" if version >= 3 else None)
    assert row["appropriation_date"] == (dt.date(2025, 12, 20) if version >= 3 else None)
    assert not {"note", "recipient_id", "recipient_name", "approval_user", "mother_cpr"} & set(row)
    assert not {NAME, WORKER, GIRL, MOTHER} & set(map(str, row.values()))


def test_a_fifth_version_is_rejected_with_its_columns_named(settings: Settings) -> None:
    fifth = [name if name != "note" else "payment_note" for name in headers(3)]
    fifth += ["service_provider", "vat_factor"]
    row = PAYMENT | {"payment_note": "", "service_provider": "Egebo", "vat_factor": Decimal("100")}
    export(settings.inbox / "granted_payments/granted_payments_4_20260619.csv", fifth, [row])
    (delivery,) = take_in(settings, "granted_payments")
    assert delivery.status == "rejected"
    with Ledger(settings) as ledger:
        (problem,) = ledger.problems(delivery.delivery_id, "granted_payments", limit=5)
    assert "missing: note" in problem.reason
    assert all(f"`{name}`" in problem.reason for name in ("payment_note", "service_provider", "vat_factor"))
    assert "newest known version 3" in problem.reason
    assert "Egebo" not in problem.sentence


def test_columns_of_another_version_than_the_name_says_are_rejected(settings: Settings) -> None:
    export(settings.inbox / "granted_payments/granted_payments_3_20260619.csv", headers(2), [PAYMENT])
    (delivery,) = take_in(settings, "granted_payments")
    assert delivery.status == "rejected"


@pytest.mark.parametrize(
    ("written", "account", "activity", "form"),
    [
        ("12345-528211007-015017-529", "528211007", "015017", "short"),
        ("XXX-528221002-015025-XXX", "528221002", "015025", "short"),
        ("01005-528211002-015027-529CPR---", "528211002", "015027", "main"),
        ("010050-528211002-15027-529CPR---", "528211002", "15027", "variant"),
        ("12345-UKENDT-123", None, None, "unknown"),
        ("XXX-528221002-XXX", None, None, "unknown"),
    ],
)
def test_an_account_string_tells_its_account(
    settings: Settings, written: str, account: str | None, activity: str | None, form: str
) -> None:
    export(
        settings.inbox / "granted_payments/granted_payments_0_20260619.csv",
        headers(0),
        [PAYMENT | {"account_string": written}],
    )
    (delivery,) = take_in(settings, "granted_payments")
    (row,) = landed(settings, delivery)
    assert (row["account_number"], row["account_activity_number"], row["account_form"]) == (account, activity, form)


def test_what_os2bos_lets_through_lands(settings: Settings) -> None:
    one_off = {"payment_schedule__payment_frequency": None, "activity_start_date": None, "activity_end_date": None}
    written = [
        PAYMENT | one_off | {"id": 1},
        PAYMENT | {"id": 2, "recipient_type": "COMPANY", "payment_method": "CASH"},
        PAYMENT | {"id": 3, "amount": Decimal("-250.00"), "paid_amount": None, "paid_date": None, "account_alias": ""},
        PAYMENT | {"id": 4, "target_group": None, "payment_cost_type": None, "payment_schedule__payment_amount": None},
        PAYMENT | {"id": 5, "main_activity_id": None, "activity_category__category_id": None, "price_per_unit": 0},
        PAYMENT | {"id": 6, "sbsys_id": "27.27.24-Ø54-5-26"},
    ]
    export(settings.inbox / "granted_payments/granted_payments_3_20260619.csv", headers(3), written)
    (delivery,) = take_in(settings, "granted_payments")
    assert (delivery.status, delivery.landed_count, delivery.quarantined_count) == ("landed", 6, 0)
    assert [row["activity_start_date"] for row in landed(settings, delivery)] == [None, *5 * [dt.date(2026, 1, 1)]]


def test_bad_payments_go_to_quarantine_by_line_and_column(settings: Settings) -> None:
    good = [PAYMENT | {"id": number} for number in range(100, 140)]
    bad = [
        PAYMENT | {"id": 1, "paid_date": None},
        PAYMENT | {"id": 2, "payment_method": "INVOICE"},
        PAYMENT | {"id": 3, "activity_end_date": dt.date(2025, 12, 31)},
        PAYMENT | {"id": 4, "fictive": "måske"},
        PAYMENT | {"id": 5, "amount": "12,5"},
    ]
    export(settings.inbox / "granted_payments/granted_payments_3_20260619.csv", headers(3), [*good, *bad])
    (delivery,) = take_in(settings, "granted_payments")
    assert (delivery.landed_count, delivery.quarantined_count) == (40, 5)
    # The header is line 1, and the note of each payment takes two lines.
    assert quarantined(settings, "granted_payments", delivery) == {
        (82, "paid_date", "paid_as_a_whole"),
        (84, "payment_method", "method_fits_recipient"),
        (86, "activity_end_date", "ends_after_it_begins"),
        (88, "is_fictive", "type"),
        (90, "expected_amount_dkk", "type"),
    }


def test_the_newest_export_replaces_all_before(settings: Settings) -> None:
    folder = settings.inbox / "granted_payments"
    export(folder / "granted_payments_2_20260618.csv", headers(2), [PAYMENT, PAYMENT | {"id": 9002}])
    export(folder / "granted_payments_3_20260619.csv", headers(3), [PAYMENT | {"paid_amount": Decimal("4000.00")}])
    for delivery in take_in(settings, "granted_payments"):
        with Ledger(settings) as ledger:
            ledger.decide(delivery, is_accepted=True, notes=[], problems=[])
    with Ledger(settings) as ledger:
        windows = ledger.windows(load_contracts()["granted_payments"])
    assert [window.delivery.file_name for window in windows] == ["granted_payments_3_20260619.csv"]


REVIEWS = (
    "Opfølgningsnr;Sagsnr;CPR-nr;Barnets navn;Sagsbehandler;Team;Opfølgningstype;Status;Planlagt dato;Afholdt dato;"
    "Trin;Skalering;Barnet inddraget;Referat"
)


def review(number: int, status: str, held: str, step: str = "3") -> str:
    child = f"{GIRL[:6]}-{GIRL[6:]}"
    return (
        f"OPF-2026-{number:05d};27.24.00-G01-17-24;{child};{NAME};{WORKER};Familieteam Nord;Løbende opfølgning;"
        f'{status};01-05-2026;{held};{step};6;Ja;"Mor; far og {NAME}"'
    )


def test_reviews_land_and_contradictions_do_not(settings: Settings) -> None:
    rows = [review(number, "Afholdt", "04-05-2026") for number in range(1, 41)]
    rows += [
        review(41, "Planlagt", "", ""),
        review(42, "Planlagt", "04-05-2026"),
        review(43, "Afholdt", "05-05-2026", ""),
    ]
    file = settings.inbox / "case_reviews/case_reviews_20260619.csv"
    file.parent.mkdir(parents=True)
    file.write_bytes("\r\n".join([REVIEWS, *rows, ""]).encode("utf-8-sig"))
    (delivery,) = take_in(settings, "case_reviews")
    assert (delivery.landed_count, delivery.quarantined_count) == (42, 1)
    assert quarantined(settings, "case_reviews", delivery) == {(43, "held_date", "held_has_a_date")}
    row, *_, without_step = landed(settings, delivery)
    assert (without_step["held_date"], without_step["effort_step"]) == (dt.date(2026, 5, 5), None)
    assert (row["held_date"], row["effort_step"], row["is_child_heard"]) == (dt.date(2026, 5, 4), 3, "Ja")
    assert not {NAME, WORKER, GIRL} & set(map(str, row.values()))
