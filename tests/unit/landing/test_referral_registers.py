"""Registers of the referrals domain: what of their files lands, which rows do not, and which batches are refused."""

# ruff: noqa: E501 (a planted fault is one line of the table)
from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Mapping
from decimal import Decimal

import pytest
from landing_steps import kept_files, landed, problems, take_in
from suites import (
    COMMON,
    DOUBLE,
    GOOD,
    Batch,
    Fault,
    assert_finds_a_person_number,
    assert_is_told,
    assert_passes,
)

from include.demo.datasets import anonymous_contacts, leisure_grants, memberships, notifications
from include.landing.contract import load_contracts
from include.landing.ledger import Ledger
from include.settings import PROJECT_ROOT, Settings

GENERATORS = {
    "memberships": memberships,
    "leisure_grants": leisure_grants,
    "notifications": notifications,
    "anonymous_contacts": anonymous_contacts,
}
SECRET = "hemmelig" + "tekst"


def cpr(serial: int) -> str:
    """A girl's or boy's number, born 2 March 2012; it fails modulus 11 or belongs to nobody."""
    return "0203" + "12" + f"-{4000 + serial}"


GOOD_ROW: dict[str, dict[str, str]] = {
    "memberships": {
        "Medlemskabsnr": "FM-2026-00001",
        "Henvisningsnr": "ICE-2026-00001",
        "Personnummer": cpr(1),
        "Navn": SECRET,
        "Foreningskode": "BSF",
        "Forening": SECRET,
        "Aktivitet": "Fodbold",
        "Oprettet": "01-04-2026",
        "Første fremmøde": "08-04-2026",
        "Medlem fra": "15-04-2026",
        "Medlem til": "",
        "Status": "Medlem",
        "Bemærkning": SECRET,
    },
    "leisure_grants": {
        "Ansøgningsnr.": "FP-2026-00001",
        "CPR-nr.": cpr(1),
        "Barnets navn": SECRET,
        "Adresse": SECRET,
        "Indstillet af": "Lærer",
        "Ansøgt": "01.04.2026",
        "Afgjort": "08.04.2026",
        "Status": "Bevilget",
        "Kontingent": "1.234,50",
        "Stævner": "300",
        "Udstyr": "",
        "Foreningskode": "BSF",
        "Udbetalt til": SECRET,
        "Aktivitet": "Fodbold",
        "Periode fra": "01.05.2026",
        "Periode til": "30.04.2027",
        "Begrundelse": SECRET,
    },
    "notifications": {
        "Underretningsnr": "UND-2026-00001",
        "Modtaget dato": "01-06-2026",
        "Modtaget kl.": "08:15",
        "Registreret": "02-06-2026",
        "Personnummer": cpr(1),
        "Ufødt barn": "Nej",
        "Navn": SECRET,
        "Adresse": SECRET,
        "Distrikt": "BAL",
        "Administrationskommune": "151",
        "Underretter": "2",
        "Underretters navn": SECRET,
        "Årsager": "03,14",
        "Vurderet inden 24 timer": "Ja",
        "Udfald": "Forebyggende indsats",
        "Underretning": SECRET,
    },
    "anonymous_contacts": {
        "Måned": "2026-05",
        "Sted": "Headspace",
        "Kontaktform": "Chat",
        "Aldersgruppe": "16-18",
        "Henvendelser": "7",
        "Bemærkning": SECRET,
    },
}
ENCODINGS = {
    "memberships": "utf-8-sig",
    "leisure_grants": "cp1252",
    "notifications": "utf-8-sig",
    "anonymous_contacts": "cp1252",
}
NAME = {
    "memberships": "memberships_20260612.csv",
    "leisure_grants": "leisure_grants_20260612.csv",
    "notifications": "notifications_20260414-20260612_20260612.csv",
    "anonymous_contacts": "anonymous_contacts_2026-05_20260612.csv",
}


def row(dataset: str, **changed: str) -> dict[str, str]:
    """A good row with some fields changed; `_` in the names of arguments stands for a blank or a point."""
    fields = GOOD_ROW[dataset]
    names = {name.replace(" ", "_").replace(".", "_"): name for name in fields}
    return fields | {names[name]: value for name, value in changed.items()}


def deliver(settings: Settings, dataset: str, *rows: Mapping[str, str], name: str = "") -> None:
    file = settings.inbox / dataset / (name or NAME[dataset])
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding=ENCODINGS[dataset], newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize("dataset", GENERATORS)
def test_the_generator_writes_the_header_of_the_contract(dataset: str) -> None:
    columns = [column.source_name for column in load_contracts()[dataset].delivered_columns]
    assert columns == GENERATORS[dataset].HEADER == list(GOOD_ROW[dataset])


@pytest.mark.parametrize("dataset", GENERATORS)
def test_a_good_row_lands_without_names_addresses_and_free_text(settings: Settings, dataset: str) -> None:
    deliver(settings, dataset, row(dataset))
    (delivery,) = take_in(settings, dataset)
    assert (delivery.row_count, delivery.landed_count, delivery.quarantined_count) == (1, 1, 0)
    keys = {column.name for column in load_contracts()[dataset].person_columns}
    (names,) = landed(settings, f"select list(column_name) from (describe {dataset})")
    shown = ", ".join(name for name in names[0] if name not in keys | {"delivery_id", "municipality_code"})  # type: ignore[attr-defined]
    day = dt.date
    assert landed(settings, f"select {shown} from {dataset}") == {
        "memberships": [("FM-2026-00001", "ICE-2026-00001", "BSF", "Fodbold", day(2026, 4, 1), day(2026, 4, 8), day(2026, 4, 15), None, "Medlem")],
        "leisure_grants": [("FP-2026-00001", day(2012, 3, 2), "Lærer", day(2026, 4, 1), day(2026, 4, 8), "Bevilget", Decimal("1234.50"), Decimal("300.00"), None, "BSF", "Fodbold", day(2026, 5, 1), day(2027, 4, 30))],
        "notifications": [("UND-2026-00001", day(2026, 6, 1), day(2026, 6, 2), day(2012, 3, 2), "male", "Nej", "BAL", "151", "2", "03,14", "Ja", "Forebyggende indsats")],
        "anonymous_contacts": [("2026-05", "Headspace", "Chat", "16-18", 7)],
    }[dataset]  # fmt: skip
    kept = kept_files(settings)
    for trace in (SECRET, cpr(1), cpr(1).replace("-", ""), "08:15"):
        assert all(trace.encode() not in file.read_bytes() for file in kept)


@pytest.mark.parametrize("dataset", GENERATORS)
def test_a_header_that_lacks_a_column_rejects_the_file_and_names_it(settings: Settings, dataset: str) -> None:
    lost = list(GOOD_ROW[dataset])[-2]
    deliver(settings, dataset, {name: value for name, value in row(dataset).items() if name != lost})
    (delivery,) = take_in(settings, dataset)
    assert delivery.status == "rejected"
    with Ledger(settings) as ledger:
        (problem,) = ledger.problems(dataset=dataset)
    assert lost in problem.sentence
    assert "Remedy: " in problem.sentence
    assert SECRET not in problem.sentence


def numbered(dataset: str, number: int, **changed: str) -> dict[str, str]:
    """A good row with a number of its own."""
    first = next(iter(GOOD_ROW[dataset]))
    prefix = GOOD_ROW[dataset][first][:-5]
    return row(dataset, **changed) | {first: f"{prefix}{number:05d}"}


def test_bad_memberships_go_to_quarantine_by_line_and_column(settings: Settings) -> None:
    deliver(
        settings,
        "memberships",
        row("memberships"),
        numbered("memberships", 2, Medlem_fra=""),
        numbered("memberships", 3, Medlem_til="14-04-2026", Status="Stoppet"),
        numbered("memberships", 4, Medlem_til="01-06-2026"),
        numbered("memberships", 5, Foreningskode="Emmas forening"),
        numbered("memberships", 6, Status="Prøver"),
        numbered("memberships", 7, Medlem_til="20-04-2026", Status="Stoppet", Første_fremmøde="21-04-2026"),
        numbered("memberships", 8, Status="Prøver", Medlem_fra=""),
        row("memberships", Henvisningsnr="ICE-2026-00002"),
        numbered("memberships", 9, Aktivitet="Går til fodbold med Bo"),
    )
    (delivery,) = take_in(settings, "memberships")
    assert (delivery.row_count, delivery.landed_count) == (10, 1)
    assert problems(settings, "memberships") == [
        (2, "membership_id", "unique_key"),
        (3, "member_from", "members_have_a_first_day"),
        (4, "member_to", "ends_after_it_begins"),
        (5, "member_to", "former_members_have_a_last_day"),
        (6, "association_code", "pattern"),
        (7, "member_from", "members_have_a_first_day"),
        (8, "first_attended_date", "attended_before_it_ends"),
        (10, "membership_id", "unique_key"),
        (11, "activity_name", "pattern"),
    ]


def test_grants_above_a_cap_go_to_quarantine_and_the_others_land(settings: Settings) -> None:
    deliver(
        settings,
        "leisure_grants",
        row("leisure_grants", Kontingent="2.000,00", Stævner="1.000,00", Udstyr="0,00"),
        numbered("leisure_grants", 2, Kontingent="2.000,01"),
        numbered("leisure_grants", 3, Stævner="1.000,50"),
        numbered("leisure_grants", 4, Udstyr="600,00"),
        numbered("leisure_grants", 5, Udstyr="600,01"),
        numbered("leisure_grants", 6, Kontingent="2.000,00", Stævner="900,00", Udstyr="100,01"),
        numbered("leisure_grants", 7, Kontingent="-100,00"),
        numbered("leisure_grants", 8, Kontingent="", Stævner=""),
        numbered("leisure_grants", 9, Status="Afslag"),
        numbered("leisure_grants", 10, Foreningskode=""),
        numbered("leisure_grants", 11, Periode_til=""),
        numbered("leisure_grants", 12, Periode_til="01.05.2026"),
        numbered("leisure_grants", 13, Afgjort=""),
        numbered("leisure_grants", 14, Afgjort="31.03.2026"),
        numbered("leisure_grants", 15, Kontingent="1234.50"),
        numbered("leisure_grants", 16, Ansøgt="01-04-2026"),
        numbered("leisure_grants", 17, Status="Modtaget", Afgjort="", Kontingent="", Stævner="", Periode_fra="", Periode_til="", Foreningskode=""),
    )  # fmt: skip
    (delivery,) = take_in(settings, "leisure_grants")
    assert (delivery.row_count, delivery.landed_count) == (17, 3)
    assert problems(settings, "leisure_grants") == [
        (3, "fee_dkk", "fee_cap"),
        (4, "event_dkk", "event_cap"),
        (6, "equipment_dkk", "equipment_cap"),
        (7, "fee_dkk", "grant_cap"),
        (8, "fee_dkk", "minimum"),
        (9, "fee_dkk", "granted_has_an_amount"),
        (10, "fee_dkk", "granted_has_an_amount"),
        (10, "period_from", "granted_has_a_period"),
        (11, "association_code", "granted_is_paid_to_an_association"),
        (12, "period_from", "granted_has_a_period"),
        (13, "period_to", "period_ends_after_it_begins"),
        (14, "decided_date", "decided_has_a_date"),
        (15, "decided_date", "decided_after_application"),
        (16, "fee_dkk", "type"),
        (17, "applied_date", "type"),
    ]
    assert landed(settings, "select grant_id, fee_dkk + event_dkk from leisure_grants order by all") == [
        ("FP-2026-00001", Decimal("3000.00")),
        ("FP-2026-00004", Decimal("1534.50")),
        ("FP-2026-00017", None),
    ]


def test_the_caps_of_the_contract_are_those_of_the_seed() -> None:
    rules = {rule.name: rule.check for rule in load_contracts()["leisure_grants"].rules}
    with (PROJECT_ROOT / "dbt_project" / "seeds" / "leisure_grant_limit.csv").open(encoding="utf-8") as stream:
        limits = {line["limit_name"]: line["maximum_value"] for line in csv.DictReader(stream)}
    for name, rule in (("fee_dkk", "fee_cap"), ("event_dkk", "event_cap"), ("equipment_dkk", "equipment_cap")):
        assert rules[rule] == f"{name} <= {limits[name]}"
    assert rules["grant_cap"].endswith(f"<= {limits['child_and_year_dkk']}")


def test_bad_notifications_go_to_quarantine_by_line_and_column(settings: Settings) -> None:
    deliver(
        settings,
        "notifications",
        row("notifications"),
        numbered("notifications", 2, Registreret="31-05-2026"),
        numbered("notifications", 3, Modtaget_dato="13-04-2026"),
        numbered("notifications", 4, Underretter="14"),
        numbered("notifications", 5, Årsager="03;14"),
        numbered("notifications", 6, Ufødt_barn=""),
        numbered("notifications", 7, Vurderet_inden_24_timer=""),
        numbered("notifications", 8, Vurderet_inden_24_timer="", Udfald="Under vurdering"),
        numbered("notifications", 9, Personnummer=""),
        numbered("notifications", 10, Distrikt="Baltorp", Administrationskommune="Ballerup"),
        numbered("notifications", 11, Personnummer="31" + "0211-4000"),
    )
    (delivery,) = take_in(settings, "notifications")
    assert (delivery.row_count, delivery.landed_count) == (11, 2)
    assert problems(settings, "notifications") == [
        (3, "registered_date", "registered_after_receipt"),
        (4, "received_date", "inside_the_period"),
        (5, "notifier_code", "allowed"),
        (6, "cause_codes", "pattern"),
        (7, "unborn_child", "required"),
        (8, "assessed_within_24_hours", "assessed_has_an_answer"),
        (10, "person_key", "required"),
        (11, "administering_municipality_code", "pattern"),
        (11, "district_code", "pattern"),
        (12, "person_key", "person_number"),
    ]


def test_a_replacement_number_tells_neither_age_nor_sex(settings: Settings) -> None:
    deliver(settings, "notifications", row("notifications", Personnummer="6203" + "12-4001"))
    take_in(settings, "notifications")
    assert landed(settings, "select birth_date, sex, person_key > 0 from notifications") == [(None, None, True)]


def test_bad_counts_go_to_quarantine_by_line_and_column(settings: Settings) -> None:
    deliver(
        settings,
        "anonymous_contacts",
        row("anonymous_contacts"),
        row("anonymous_contacts", Kontaktform="Telefon", Henvendelser="-1"),
        row("anonymous_contacts", Kontaktform="Brev"),
        row("anonymous_contacts", Måned="2026-04"),
        row("anonymous_contacts", Aldersgruppe="13"),
        row("anonymous_contacts", Kontaktform="Video", Henvendelser=""),
        row("anonymous_contacts", Kontaktform="Fremmøde", Henvendelser=cpr(1).replace("-", "")),
        row("anonymous_contacts", Aldersgruppe="12-15", Henvendelser="0"),
    )
    (delivery,) = take_in(settings, "anonymous_contacts")
    assert (delivery.row_count, delivery.landed_count) == (8, 2)
    assert problems(settings, "anonymous_contacts") == [
        (3, "contact_count", "minimum"),
        (4, "contact_kind", "allowed"),
        (5, "contact_month", "inside_the_period"),
        (6, "age_band", "allowed"),
        (7, "contact_count", "required"),
        (8, "contact_count", "maximum"),
    ]


@pytest.mark.parametrize("dataset", ["memberships", "leisure_grants"])
def test_the_newest_extract_of_a_register_is_all_that_stands(settings: Settings, dataset: str) -> None:
    one, two = row(dataset), numbered(dataset, 2)
    deliver(settings, dataset, one, two)
    deliver(settings, dataset, two, name=f"{dataset}_20260615.csv")
    assert len(take_in(settings, dataset)) == 2
    key = load_contracts()[dataset].keys[0]
    assert landed(settings, f"select {key} from {dataset}") == [(next(iter(two.values())),)]
    deliver(settings, dataset, one, two, name=f"{dataset}_20260616.csv")
    assert len(take_in(settings, dataset)) == 2, "the first extract again: the row was taken out by mistake"
    assert landed(settings, f"select count(*) from {dataset}") == [(2,)]


def test_notifications_replace_the_days_of_their_window(settings: Settings) -> None:
    of_may = numbered("notifications", 2, Modtaget_dato="01-05-2026", Registreret="01-05-2026")
    of_march = numbered("notifications", 3, Modtaget_dato="01-03-2026", Registreret="01-03-2026")
    deliver(settings, "notifications", of_march, of_may, name="notifications_2026_20260612.csv")
    late = numbered("notifications", 4, Modtaget_dato="20-04-2026", Registreret="15-06-2026")
    deliver(settings, "notifications", late, name="notifications_20260417-20260615_20260615.csv")
    take_in(settings, "notifications")
    found = landed(settings, "select notification_id, received_date::text from notifications order by all")
    assert found == [("UND-2026-00003", "2026-03-01"), ("UND-2026-00004", "2026-04-20")]


def test_a_year_of_notifications_under_two_names_is_one_delivery(settings: Settings) -> None:
    of_2025 = numbered("notifications", 2, Modtaget_dato="01-05-2025", Registreret="01-05-2025")
    deliver(settings, "notifications", of_2025, name="notifications_2025_20260612.csv")
    take_in(settings, "notifications")
    deliver(settings, "notifications", of_2025, name="notifications_20250101-20251231_20260612.csv")
    assert len(take_in(settings, "notifications")) == 1


def test_a_month_that_is_stated_again_replaces_itself_alone(settings: Settings) -> None:
    april = row("anonymous_contacts", Måned="2026-04")
    deliver(settings, "anonymous_contacts", april, name="anonymous_contacts_2026-04_20260515.csv")
    deliver(settings, "anonymous_contacts", row("anonymous_contacts"))
    again = april | {"Henvendelser": "11"}
    deliver(settings, "anonymous_contacts", again, name="anonymous_contacts_2026-04_20260617.csv")
    assert len(take_in(settings, "anonymous_contacts")) == 3
    found = landed(settings, "select contact_month, contact_count from anonymous_contacts order by all")
    assert found == [("2026-04", 11), ("2026-05", 7)]


# ---- batches

GOOD_BATCH = {
    "memberships": f"""
        select 'FM-2026-' || lpad(i::varchar, 5, '0') as membership_id, 'ICE-2026-' || lpad(i::varchar, 5, '0') as referral_id,
            (i + 1)::uinteger as person_key, ['BSF', 'BAK', 'BMS'][1 + i % 3] as association_code,
            ['Fodbold', 'Atletik', 'Basketball'][1 + i % 3] as activity_name, date '2026-01-05' + i::integer as registered_date,
            registered_date + 5 as first_attended_date, if(i % 5 > 0, registered_date + 20, null) as member_from,
            if(i % 5 = 1, date '2026-06-10', null) as member_to,
            if(i % 5 = 0, 'Prøver', if(i % 5 = 1, 'Stoppet', 'Medlem')) as membership_status, {COMMON}
        from range(100) as t (i)""",
    "leisure_grants": f"""
        select 'FP-2026-' || lpad(i::varchar, 5, '0') as grant_id, (i + 1)::uinteger as person_key,
            date '2013-05-01' + (i * 10)::integer as birth_date, ['Lærer', 'Pædagog', 'PPR'][1 + i % 3] as nominated_by,
            date '2026-01-05' + i::integer as applied_date, if(i % 10 > 0, applied_date + 14, null) as decided_date,
            if(i % 10 = 0, 'Modtaget', if(i % 10 = 1, 'Afslag', 'Bevilget')) as grant_status,
            if(i % 10 > 1, 1200.50, null)::decimal(9, 2) as fee_dkk, if(i % 10 = 2, 300, null)::decimal(9, 2) as event_dkk,
            null::decimal(9, 2) as equipment_dkk, if(i % 10 > 1, 'BSF', null) as association_code, 'Fodbold' as activity_name,
            if(i % 10 > 1, date '2026-05-01', null) as period_from, if(i % 10 > 1, date '2027-04-30', null) as period_to, {COMMON}
        from range(120) as t (i)""",
    "notifications": f"""
        select 'UND-2026-' || lpad(i::varchar, 5, '0') as notification_id, date '2026-04-14' + (i % 60)::integer as received_date,
            received_date as registered_date, (i % 90 + 1)::uinteger as person_key,
            if(i % 30 = 0, date '1996-05-01', date '2012-05-01' + i::integer) as birth_date,
            if(i % 30 = 0 or i % 2 = 0, 'female', 'male') as sex, if(i % 30 = 0, 'Ja', 'Nej') as unborn_child,
            ['BAL', 'SKL', 'SKV', 'MAA', 'HED', null][1 + i % 6] as district_code, '151' as administering_municipality_code,
            ['2', '4', '6', '13', '8'][1 + i % 5] as notifier_code, ['03', '14', '13,14', '06'][1 + i % 4] as cause_codes,
            if(i % 10 = 0, null, if(i % 10 = 1, 'Nej', 'Ja')) as assessed_within_24_hours,
            if(i % 10 = 0, 'Under vurdering', ['Ingen indsats', 'Forebyggende indsats', 'Akut indsats'][1 + i % 3]) as outcome, {COMMON}
        from range(150) as t (i)""",
    "anonymous_contacts": f"""
        select '2026-05' as contact_month, place_name, contact_kind, age_band,
            if(age_band in ('12-15', '16-18', '19-25'), 9, 1) as contact_count, {COMMON}
        from (select unnest(['Headspace', 'Familiehuset']) as place_name),
            (select unnest(['Fremmøde', 'Telefon', 'Chat', 'Video']) as contact_kind),
            (select unnest(['Under 12', '12-15', '16-18', '19-25', 'Over 25', 'Ukendt']) as age_band)""",
}
TODAY = dt.date(2026, 6, 12)
PERIOD = {
    "memberships": None,
    "leisure_grants": None,
    "notifications": ("20260414-20260612", dt.date(2026, 4, 14), TODAY),
    "anonymous_contacts": ("2026-05", dt.date(2026, 5, 1), dt.date(2026, 5, 31)),
}


BATCHES = {dataset: Batch(dataset, rows, TODAY, PERIOD[dataset]) for dataset, rows in GOOD_BATCH.items()}


@pytest.mark.parametrize("dataset", GENERATORS)
@pytest.mark.parametrize("history", [(), (0.99,)], ids=["first delivery", "with history"])
def test_a_good_batch_passes_without_a_word(settings: Settings, dataset: str, history: tuple[float, ...]) -> None:
    assert_passes(settings, BATCHES[dataset], checks=20, history=history)


NEWER = {"as_of": TODAY + dt.timedelta(days=3)}
FAULTS = [
    *[Fault(dataset, said, change, more={"quarantined": 100}) for dataset in GENERATORS for said, change in (("identify a row", DOUBLE), ("at most 5 %", GOOD))],
    Fault("memberships", "at least one row", "select * from good limit 0"),
    Fault("memberships", "0.7 to 1.5 times", more={"history": [1.6]}),
    Fault("memberships", "0.95 to 1.2 times", more={"history": [1.1]}, is_warning=True),
    Fault("memberships", "registered_date is not after", more={"as_of": dt.date(2026, 4, 1)}),
    Fault("memberships", "not all memberships are trials", "select * replace ('Prøver' as membership_status, null as member_from, null as member_to) from good"),
    Fault("memberships", "led to a membership", "select * replace (if(person_key % 10 = 0, member_from, null) as member_from) from good", is_warning=True),
    Fault("memberships", "the leisure mentors", "select * replace (replace(referral_id, 'ICE', 'FH') as referral_id) from good"),
    Fault("memberships", "more than one activity", "select * replace ('Fodbold' as activity_name) from good"),
    Fault("memberships", "no association has more than 80 %", "select * replace ('BSF' as association_code) from good", is_warning=True),
    Fault("memberships", "at most 3 memberships a child", "select * replace (person_key % 5 as person_key) from good", is_warning=True),
    *[Fault(dataset, "not older than an accepted one", more={"history": [1.0], "earlier": NEWER}, is_warning=True) for dataset in GENERATORS],
    Fault("leisure_grants", "not all applications have the same status", "select * replace ('Modtaget' as grant_status) from good"),
    Fault("leisure_grants", "applied_date is not after", more={"as_of": dt.date(2026, 4, 1)}),
    Fault("leisure_grants", "200 to 3,000 kr.", "select * replace (fee_dkk / 100 as fee_dkk, event_dkk / 100 as event_dkk) from good"),
    Fault("leisure_grants", "8 to 16 years old", "select * replace (birth_date - 9500 as birth_date) from good"),
    Fault("leisure_grants", "5 to 18 years old", "select * replace (if(person_key % 4 = 0, date '2023-01-01', birth_date) as birth_date) from good", is_warning=True),
    Fault("leisure_grants", "pay a fee", "select * replace (event_dkk as fee_dkk, fee_dkk as event_dkk) from good", is_warning=True),
    Fault("leisure_grants", "6 to 12 months", "select * replace (period_to + 100 as period_to) from good", is_warning=True),
    Fault("leisure_grants", "are refused", "select * replace (if(grant_status = 'Bevilget' and person_key % 6 > 0, 'Afslag', grant_status) as grant_status) from good", is_warning=True),
    Fault("notifications", "lies in the delivery's period", "select * replace (received_date + 30 as received_date) from good"),
    Fault("notifications", "registered_date is not after", "select * replace (registered_date + 30 as registered_date) from good"),
    Fault("notifications", "28 days or longer", "select * from good limit 0"),
    Fault("notifications", "0.3 to 3 times", more={"history": [4.0]}),
    Fault("notifications", "0.6 to 1.7 times", more={"history": [2.0]}, is_warning=True),
    Fault("notifications", "a day as earlier deliveries", more={"history": [6.0]}, is_warning=True),
    Fault("notifications", "are unborn", "select * replace (if(unborn_child = 'Ja', 'Nej', 'Ja') as unborn_child) from good"),
    Fault("notifications", "their mothers'", "select * replace (if(unborn_child = 'Ja', date '2018-05-01', birth_date) as birth_date) from good"),
    Fault("notifications", "born and under 18", "select * replace (birth_date - 9500 as birth_date) from good"),
    Fault("notifications", "born and under 18", "select * replace (birth_date + 5500 as birth_date) from good"),
    Fault("notifications", "have a district", "select * replace (if(person_key % 3 = 0, district_code, null) as district_code) from good"),
    Fault("notifications", "by the municipality itself", "select * replace ('101' as administering_municipality_code) from good", is_warning=True),
    Fault("notifications", "no notifier", "select * replace ('11' as notifier_code) from good", is_warning=True),
    Fault("notifications", "notifiers are unknown", "select * replace (if(person_key % 2 = 0, '99', notifier_code) as notifier_code) from good", is_warning=True),
    Fault("notifications", "the same causes", "select * replace ('16' as cause_codes) from good"),
    Fault("notifications", "still being assessed", "select * replace ('Under vurdering' as outcome) from good"),
    Fault("notifications", "within 24 hours", "select * replace (if(person_key % 2 = 0, 'Nej', assessed_within_24_hours) as assessed_within_24_hours) from good", is_warning=True),
    Fault("anonymous_contacts", "the month is over", more={"as_of": dt.date(2026, 5, 31)}),
    Fault("anonymous_contacts", "both places occur", "select * from good where place_name = 'Headspace'"),
    Fault("anonymous_contacts", "every combination", "select * from good where not (contact_kind = 'Chat' and age_band = '16-18')"),
    Fault("anonymous_contacts", "all six age bands", "select * from good where age_band <> 'Ukendt'"),
    Fault("anonymous_contacts", "there are enquiries", "select * replace (0 as contact_count) from good"),
    Fault("anonymous_contacts", "at most 5,000", "select * replace (contact_count * 100 as contact_count) from good"),
    Fault("anonymous_contacts", "as many rows as", more={"history": [2.0]}, is_warning=True),
    Fault("anonymous_contacts", "60 % of a place's", "select * replace (if(contact_kind = 'Video' and age_band = 'Ukendt', 900, contact_count) as contact_count) from good", is_warning=True),
    Fault("anonymous_contacts", "ages are unknown", "select * replace (if(age_band = 'Ukendt', 90, contact_count) as contact_count) from good", is_warning=True),
    Fault("anonymous_contacts", "of 12 to 25", "select * replace (10 - contact_count as contact_count) from good", is_warning=True),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_planted_fault_fails(settings: Settings, fault: Fault) -> None:
    assert_is_told(settings, BATCHES[fault.dataset], fault)


@pytest.mark.parametrize("dataset", GENERATORS)
def test_a_person_number_is_found_in_every_text_column(dataset: str) -> None:
    assert_finds_a_person_number(BATCHES[dataset])
