"""A landing database with a few rows made by hand, and dbt over it in a process of its own."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from include.landing.contract import Contract, load_contracts
from include.landing.links import load_links
from include.landing.store import linked_columns
from include.settings import PROJECT_ROOT
from include.sources.status_form import text_digest

AS_OF = dt.date(2026, 6, 19)
MUNICIPALITY = "151"
LANDING = "landing.duckdb"

Row = Mapping[str, Any]


def _create_tables(connection: duckdb.DuckDBPyConnection, contracts: Mapping[str, Contract]) -> None:
    for dataset, contract in contracts.items():
        columns = [f"{column.name} {column.landed_type}" for column in contract.landed_columns]
        connection.execute(
            f"create table {dataset} ({', '.join([*columns, 'municipality_code VARCHAR', 'delivery_id VARCHAR'])})"
        )
    for link in load_links().values():
        columns = [f"{name} {kind}" for name, kind in linked_columns(link).items()]
        connection.execute(f"create table {link.table} ({', '.join(columns)})")
    connection.execute(
        "create table deliveries (delivery_id VARCHAR, dataset VARCHAR, domain VARCHAR, file_name VARCHAR, as_of DATE, "
        "period_label VARCHAR, period_from DATE, period_to DATE, received_at TIMESTAMP, delivery_status VARCHAR, "
        "is_current BOOLEAN, row_count BIGINT, landed_count BIGINT, quarantined_count BIGINT)"
    )
    connection.execute(
        "create table datasets (dataset VARCHAR, domain VARCHAR, title_da VARCHAR, title_en VARCHAR, source VARCHAR, "
        "owner VARCHAR, rhythm VARCHAR, period_kind VARCHAR, stale_after_days INTEGER, about_persons BOOLEAN)"
    )
    for dataset, contract in contracts.items():
        connection.execute(
            "insert into datasets values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                dataset,
                contract.domain,
                contract.title.da,
                contract.title.en,
                contract.source,
                contract.owner,
                contract.rhythm.expected,
                contract.delivery.period,
                contract.rhythm.stale_after_days,
                contract.about_persons,
            ],
        )


def make_landing(folder: Path, rows: Mapping[str, Sequence[Row]], deliveries: Sequence[Row]) -> Path:
    """`folder/landing.duckdb` as `include.landing.store` writes it, with the given rows; returns `folder`."""
    with duckdb.connect(str(folder / LANDING)) as connection:
        _create_tables(connection, load_contracts())
        for table, records in {**rows, "deliveries": deliveries}.items():
            for record in records:
                whole = {"municipality_code": MUNICIPALITY, **record} if table != "deliveries" else dict(record)
                names = ", ".join(whole)
                connection.execute(
                    f"insert into {table} ({names}) values ({', '.join('?' * len(whole))})", list(whole.values())
                )
    return folder


@dataclass(frozen=True)
class Build:
    """What a dbt command left: its exit code, its output, the results by node and the file it wrote."""

    exit_code: int
    output: str
    file: Path
    results: dict[str, Row]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query over the built file; staging views find landing again."""
        with duckdb.connect(str(self.file), read_only=True) as connection:
            return connection.execute(sql).fetchall()


def run_dbt(folder: Path, *arguments: str, target: Path) -> Build:
    """Run dbt in a process of its own over `folder/landing.duckdb`; it writes `folder/build/warehouse.duckdb`.

    Both paths are given relative to `folder`, so that runs that share `target` also share what dbt has parsed.
    """
    build_file = folder / "build" / "warehouse.duckdb"
    build_file.parent.mkdir(parents=True, exist_ok=True)
    project = PROJECT_ROOT / "dbt_project"
    environment = {
        **os.environ,
        "WAREHOUSE_BUILD_FILE": "build/warehouse.duckdb",
        "WAREHOUSE_LANDING_FILE": LANDING,
        "WAREHOUSE_THREADS": "2",
        "WAREHOUSE_MEMORY_LIMIT": "2GB",
        "DO_NOT_TRACK": "1",
    }
    variables = {"as_of": AS_OF.isoformat(), "municipality_code": MUNICIPALITY, "is_synthetic": True}
    results_file = target / "run_results.json"
    results_file.unlink(missing_ok=True)
    finished = subprocess.run(
        [
            str(Path(sys.executable).with_name("dbt")),
            arguments[0],
            "--project-dir",
            str(project),
            "--profiles-dir",
            str(project),
            "--target-path",
            str(target),
            "--log-path",
            str(folder / "logs"),
            "--vars",
            json.dumps(variables),
            *arguments[1:],
        ],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
    )
    results = json.loads(results_file.read_text("utf-8"))["results"] if results_file.is_file() else []
    return Build(
        exit_code=finished.returncode,
        output=finished.stdout + finished.stderr,
        file=build_file,
        results={result["unique_id"]: result for result in results},
    )


def delivery(number: int, dataset: str, as_of: str, first: str, last: str, status: str = "accepted") -> Row:
    """A delivery with the id `d<number>`, received in the night after its date."""
    return {
        "delivery_id": f"d{number}",
        "dataset": dataset,
        "domain": load_contracts()[dataset].domain,
        "file_name": f"{dataset}_{number}",
        "as_of": as_of,
        "period_label": f"{first}-{last}",
        "period_from": first,
        "period_to": last,
        "received_at": f"{as_of} 23:{number:02d}:00",
        "delivery_status": status,
        "is_current": status == "accepted",
        "row_count": 1,
        "landed_count": 1 if status == "accepted" else 0,
        "quarantined_count": 0,
    }


DELIVERIES = [
    delivery(1, "budget_agreement", "2026-02-10", "2026-01-01", "2026-12-31"),
    delivery(2, "budget_agreement", "2017-02-09", "2017-01-01", "2017-12-31"),
    delivery(3, "ledger_postings", "2026-06-12", "2026-01-01", "2026-12-31"),
    delivery(4, "ledger_postings", "2026-06-18", "2026-04-01", "2026-04-30"),
    delivery(5, "ledger_postings", "2026-01-10", "2025-01-01", "2025-12-31"),
    delivery(6, "enrolments", "2026-06-18", "2025-08-01", "2026-07-31"),
    # absence is known for August to December and for the first half of May only
    delivery(7, "absence_days", "2026-01-05", "2025-08-01", "2025-12-31"),
    delivery(8, "absence_days", "2026-05-15", "2026-05-01", "2026-05-31"),
    delivery(9, "referrals", "2026-06-17", "2025-08-01", "2026-07-31"),
    delivery(10, "referrals", "2026-06-18", "2026-04-19", "2026-06-17", status="rejected"),
    delivery(11, "wellbeing_answers", "2026-03-25", "2025-08-01", "2026-07-31"),
    delivery(12, "ledger_postings", "2026-06-17", "2026-04-01", "2026-04-30", status="rejected"),
    delivery(14, "appropriations", "2026-06-18", "2026-01-01", "2026-12-31"),
    delivery(15, "milestone_status", "2026-04-02", "2026-04-02", "2026-04-02"),
    delivery(16, "milestone_status", "2026-06-15", "2026-06-15", "2026-06-15"),
]

HEDEGAARD, BALTORP, GRANTOFTEN, RUGVAENGET = "151003", "281843", "280562", "281844"


def _initiative(year: int, number: str, delivery_id: str, **changed: Any) -> Row:
    return {
        "agreement_year": year,
        "initiative_id": number,
        "title": f"Indsats {number}",
        "section_title": "Afsnit",
        "initiative_type": "drift",
        "description": "Beskrivelse",
        "responsible_center": "Center for Børne- og Ungerådgivning",
        "committee": "Børne- og Skoleudvalget",
        "contributors": [],
        "milestones": [],
        "amounts": [],
        "case_number": "1",
        "document_date": f"{year}-02-09",
        "delivery_id": delivery_id,
        **changed,
    }


def _milestones(year: int, *texts: str | None) -> list[dict[str, str | None]]:
    return [
        {"follow_up_code": f"{code}-{year}", "follow_up_label": label, "milestone_text": text}
        for (code, label), text in zip(
            [("BO1", "1. budgetopfølgning"), ("BO2", "2."), ("BO3", "3."), ("YE", "31.12.")], texts, strict=True
        )
    ]


def _amount(year: int, kind: str, amount: str, stated_in: str) -> dict[str, Any]:
    return {"budget_year": year, "amount_kind": kind, "amount_mdkk": amount, "stated_in": stated_in}


AGREEMENT = [
    _initiative(
        2026,
        "3.01",
        "d1",
        contributors=["Ejendomme", "Skoler, Institutioner og Kultur"],
        milestones=_milestones(2026, "Plan", "Opstart", None, " "),
        amounts=[
            _amount(2026, "expenditure", "1.700", "finance"),
            _amount(2026, "expenditure", "1.700", "description"),
            _amount(2027, "expenditure", "3.900", "description"),
        ],
    ),
    # its money is booked on single persons
    _initiative(2026, "3.04", "d1", amounts=[_amount(2026, "expenditure", "2.000", "finance")]),
    _initiative(2026, "3.08", "d1", milestones=_milestones(2026, "A", "B", "C", "D")),
    _initiative(
        2017,
        "3.04",
        "d2",
        responsible_center="Skoler, Institutioner og Kultur",
        milestones=_milestones(2017, "A", "B", "C", None),
        amounts=[_amount(2017, "expenditure", "7.500", "finance"), _amount(2017, "saving", "1.500", "finance")],
    ),
]


def _posting(day: str, voucher: str, activity: str, amount: str, delivery_id: str = "d3") -> Row:
    return {
        "posting_date": day,
        "voucher_number": voucher,
        "voucher_line": 1,
        "account_alias": f"30{activity}",
        "account_string": f"01005-528211002-{activity}-529---",
        "amount_dkk": amount,
        "cost_center": "01005",
        "account_number": "528211002",
        "activity_number": activity,
        "art_number": "529",
        "account_form": "main",
        "delivery_id": delivery_id,
    }


POSTINGS = [
    _posting("2026-01-15", "1", "926001", "100000.00"),
    _posting("2026-04-20", "2", "926001", "50000.50"),
    _posting("2026-06-10", "3", "926001", "9999.99"),
    # half each to two initiatives of 2024, and an øre that can't be halved
    _posting("2026-02-03", "4", "924900", "100.01"),
    _posting("2026-02-10", "5", "111111", "77.77"),
    # the same voucher line, moved from March to April and changed
    _posting("2026-03-02", "6", "926001", "500.00"),
    _posting("2026-04-02", "6", "926001", "600.00", "d4"),
    {**_posting("2026-01-20", "7", "926006", "4321.09"), "person_mark": "CPR"},
    # before the account belongs to the initiative; and a voucher number of 2026 in another year
    _posting("2025-12-30", "1", "926001", "1000.00", "d5"),
]


def _appropriation(number: int, kind: str, activity: str, decided: str, amount: str) -> Row:
    posting = _posting("2026-01-01", "", activity, amount, "d14")
    return {
        **{
            name: value
            for name, value in posting.items()
            if name not in ("posting_date", "voucher_number", "voucher_line")
        },
        "entry_number": f"B26-{number:05d}",
        "budget_year": 2026,
        "appropriation_kind": kind,
        "appropriation_frame": "30.30",
        "decision_date": decided,
        "case_number": None if kind == "Oprindeligt budget" else "00.30.00-S00-6-26",
    }


APPROPRIATIONS = [
    _appropriation(1, "Oprindeligt budget", "926001", "2025-10-10", "1200000.00"),
    _appropriation(2, "Overførsel", "926001", "2026-03-31", "-100000.00"),
    # decided after the first follow-up's cut-off
    _appropriation(3, "Tillægsbevilling", "926001", "2026-04-01", "50000.25"),
    _appropriation(4, "Oprindeligt budget", "926006", "2025-10-10", "2000000.00"),
    _appropriation(5, "Oprindeligt budget", "111111", "2025-10-10", "7.00"),
]


def _status(initiative: str, milestone: int | None, status: str) -> Row:
    return {
        "follow_up_code": "BO1-2026",
        "center_code": "BUR-2017",
        "milestone_key": f"2026/{initiative}/{milestone or 'economy'}",
        "agreement_year": 2026,
        "initiative_id": initiative,
        "status_kind": "effort" if milestone else "economy",
        "milestone_number": milestone,
        "milestone_digest": "0123456789abcdef",
        "status": status,
        "role": "Centerchef",
        "answered_date": "2026-04-02",
        "delivery_id": "d15",
    }


STATUSES = [
    {**_status("3.01", 1, "neutral"), "milestone_digest": text_digest(" Plan"), "comment": "Afventer udvalget. "},
    {**_status("3.01", None, "sur"), "comment": "Se bilag."},
    _status("3.04", None, "glad"),
    # the form of the next follow-up asks again for what was not reached
    {
        **_status("3.01", 1, "glad"),
        "follow_up_code": "BO2-2026",
        "answered_date": "2026-06-15",
        "delivery_id": "d16",
    },
]


def _enrolment(person: int, institution: str, grade: int, first: str, last: str | None = None) -> Row:
    return {
        "person_key": person,
        "school_year": "2025/2026",
        "institution_number": institution,
        "grade_level": grade,
        "class_name": f"{grade}.A",
        "enrolled_from": first,
        "enrolled_to": last,
        "delivery_id": "d6",
    }


ENROLMENTS = [
    _enrolment(1, HEDEGAARD, 0, "2025-08-01"),
    _enrolment(2, GRANTOFTEN, 3, "2025-08-01"),
    _enrolment(3, RUGVAENGET, 4, "2025-08-01", "2025-12-31"),
    _enrolment(3, HEDEGAARD, 4, "2026-01-01"),
    _enrolment(4, BALTORP, 9, "2025-11-03"),
]


def _absence(person: int, institution: str, kind: str, *days: str) -> list[Row]:
    return [
        {
            "person_key": person,
            "institution_number": institution,
            "absence_date": day,
            "absence_kind": kind,
            "registered_date": day,
            "delivery_id": "d7" if day < "2026" else "d8",
        }
        for day in days
    ]


ABSENCE_DAYS = [
    # ten school days, and a Saturday that is none
    *_absence(1, HEDEGAARD, "Sygdom", *(f"2025-08-{day}" for day in (11, 12, 13, 14, 15, 18, 19, 20, 21, 22, 23))),
    *_absence(1, HEDEGAARD, "Ulovligt", "2025-09-01"),
    *_absence(2, GRANTOFTEN, "Ulovligt", *(f"2025-11-{day:02d}" for day in (3, 4, 5, 6, 7, 10, 11, 12))),
    *_absence(3, RUGVAENGET, "Lovligt", "2025-10-01"),
    *_absence(3, HEDEGAARD, "Sygdom", "2026-05-04"),
    # after the extract of 15 May, so the day is not known
    *_absence(3, HEDEGAARD, "Sygdom", "2026-05-20"),
    # before the enrolment
    *_absence(4, BALTORP, "Sygdom", "2025-10-01"),
]

STATISTICS = [
    {
        "municipality_name": "Ballerup",
        "school_stage": "Indskoling",
        "school_year": "2025/2026",
        "measure_name": name,
        "measure_value": value,
        "value_status": "published",
        "delivery_id": "d13",
    }
    for name, value in (("Gennemsnitligt fravær per skoleår", "7.300"), ("Over 10 procent", "19.100"))
]


def _referral(
    number: int, project: str, person: int, institution: str, grade: int, day: str, status: str = "I gang"
) -> Row:
    return {
        "referral_id": f"{project}-2026-{number:05d}",
        "project_code": project,
        "person_key": person,
        "institution_number": institution,
        "grade_level": grade,
        "referred_date": day,
        "referred_by": "Lærer",
        "referral_status": status,
        "closed_date": day if status == "Afvist" else None,
        "delivery_id": "d9",
    }


REFERRALS = [
    _referral(1, "ICE", 11, HEDEGAARD, 1, "2026-01-20"),
    _referral(2, "ICE", 11, HEDEGAARD, 1, "2026-03-02"),
    _referral(3, "ICE", 12, GRANTOFTEN, 2, "2026-03-10", "Afvist"),
    # after the extract: it has not happened yet
    _referral(5, "ICE", 14, HEDEGAARD, 2, "2026-06-18"),
    _referral(4, "FH", 13, HEDEGAARD, 1, "2026-03-11"),
]


def _answers(respondent: int, grade: int, answers: Mapping[int, int | None]) -> list[Row]:
    return [
        {
            "school_year": "2025/2026",
            "institution_number": GRANTOFTEN,
            "grade_level": grade,
            "form": "0-3" if grade <= 3 else "4-9",
            "respondent_key": respondent,
            "question_number": question,
            "answer_value": value,
            "delivery_id": "d11",
        }
        for question, value in answers.items()
    ]


_REVERSED = (3, 5, 6)
ANSWERS = [
    # the best answer to all ten social questions, 4 to all four of calm and order, 3 to one of eight
    *_answers(101, 5, {question: 1 if question in _REVERSED else 5 for question in range(1, 11)}),
    *_answers(101, 5, {26: 4, 27: 4, 28: 4, 29: 4, 11: 3}),
    # four of ten, too few; two of four, enough; the rest not answered
    *_answers(102, 5, {1: 5, 2: 5, 3: 5, 4: 5, 5: None, 26: 2, 27: 3, 28: None, 29: None}),
    *_answers(201, 0, {1: 3}),
    *_answers(202, 0, {1: 3}),
    *_answers(203, 0, {1: 1}),
    *_answers(204, 0, {1: None}),
]

ROWS: Mapping[str, Sequence[Row]] = {
    "budget_agreement": AGREEMENT,
    "ledger_postings": POSTINGS,
    "appropriations": APPROPRIATIONS,
    "milestone_status": STATUSES,
    "enrolments": ENROLMENTS,
    "absence_days": ABSENCE_DAYS,
    "absence_statistics": STATISTICS,
    "referrals": REFERRALS,
    "wellbeing_answers": ANSWERS,
}

STATISTICS_DELIVERY = delivery(13, "absence_statistics", "2025-11-20", "2025-08-01", "2026-07-31")
