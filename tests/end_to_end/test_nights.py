"""Nights played one by one: the same content as all at once, and a content hash that tells what has changed."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import pytest
from figures import Night, open_landing, open_release, rows
from nights import refresh, settings_of, stand_ins_of, take_in_all

from include.demo.municipality import copy_until, nights_of
from include.landing.contract import load_contracts
from include.landing.ledger import Ledger
from include.landing.process import take_in
from include.landing.store import fingerprint
from include.night import judge_domain
from include.settings import PROJECT_ROOT, Settings
from include.warehouse.release import Release, current, releases, verify

MARTS = PROJECT_ROOT / "dbt_project" / "models" / "marts"


@dataclass(frozen=True)
class Played:
    """Nights that were played one by one: what stood in landing after each, and the release after the last."""

    settings: Settings
    absences: dict[str, dict[str, int]]
    postings: dict[str, dict[str, object]]
    files: dict[str, int]
    release: Release


@pytest.fixture(scope="module")
def played(small: Night, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The backfill and the five nights in one home, each landed and judged on its own; built after the last."""
    folder = tmp_path_factory.mktemp("nights")
    settings = settings_of(folder, folder / "inbox")
    absences, postings, files = {}, {}, {}
    for night in [dt.date.fromisoformat(small.truth["backfill"]), *nights_of(small.inbox)]:
        files[night.isoformat()] = len(copy_until(small.inbox, folder / "inbox", night))
        with stand_ins_of(folder / "inbox"):
            take_in_all(settings)
        assert settings.night == night
        with open_landing(settings, folder) as landing:
            absences[night.isoformat()] = {
                row["absence_kind"]: row["n"]
                for row in rows(landing, "select absence_kind, count(*) as n from absence_days group by all")
            }
            (found,) = rows(landing, "select count(*) as postings, sum(amount_dkk) as amount_dkk from ledger_postings")
            postings[night.isoformat()] = found
    return Played(settings, absences, postings, files, refresh(settings))


def test_each_night_brings_files(played: Played, small: Night) -> None:
    assert list(played.files) == [small.truth["backfill"], *small.truth["nights"]]
    assert all(played.files.values())
    marker = json.loads((small.inbox / "SYNTHETIC.json").read_text("utf-8"))
    assert sum(played.files.values()) == len(marker["deliveries"])


def test_what_stands_after_each_night_is_what_was_planted(played: Played, small: Night) -> None:
    assert played.absences == small.truth["absence_days"]["days_after_night"]
    planted = small.truth["ledger_postings"]["after_night"]
    assert played.postings == {
        night: {"postings": cell["postings"], "amount_dkk": Decimal(cell["amount_dkk"])}
        for night, cell in planted.items()
    }
    assert len({cell["amount_dkk"] for cell in planted.values()}) == 6, "every night changes the ledger"


def test_nights_one_by_one_and_all_at_once_give_the_same_content(played: Played, small: Night) -> None:
    at_once = verify(small.settings, small.release.name, with_content=True)
    assert played.release.landing_fingerprint == at_once.landing_fingerprint
    assert _different_tables(played.release.path, small.release) == []
    assert played.release.content_hash == at_once.content_hash


def _different_tables(one: Path, other: Path) -> list[str]:
    """Tables whose rows differ, so that a wrong hash says where to look."""
    different = []
    with open_release(one) as connection:
        connection.execute(f"attach '{other / 'warehouse.duckdb'}' as other_open (read_only)")
        connection.execute(f"attach '{other / 'restricted' / 'warehouse.duckdb'}' as other_exact (read_only)")
        tables = connection.execute(
            "select database_name, table_name from duckdb_tables() where schema_name = 'marts' "
            "and database_name in ('warehouse', 'exact') order by all"
        ).fetchall()
        assert {table for _, table in tables} == {file.stem for file in MARTS.rglob("*.sql")}
        exact = {table for database, table in tables if database == "exact"}
        for database, table in tables:
            # What is published of them also follows from what was published before; the exact ones do not.
            if database == "warehouse" and table in exact:
                continue
            columns = "* exclude (received_at)" if table == "data_freshness" else "*"
            mine = f"select {columns} from {database}.marts.{table}"
            theirs = f"select {columns} from {'other_open' if database == 'warehouse' else 'other_exact'}.marts.{table}"
            both_ways = f"(({mine} except all {theirs}) union all ({theirs} except all {mine}))"
            (row,) = rows(connection, f"select count(*) as n from {both_ways}")
            different += [f"{table}: {row['n']} rows"] if row["n"] else []
    return different


def test_same_deliveries_again_make_a_second_release_with_the_same_content(small: Night) -> None:
    with stand_ins_of(small.inbox):
        reports = take_in_all(small.settings)
    assert {report.deliveries for report in reports.values()} == {0}, "nothing is taken in twice"
    second = refresh(small.settings)
    first = verify(small.settings, small.release.name)
    assert second.release_id != first.release_id
    assert second.content_hash == first.content_hash
    assert [release.release_id for release in releases(small.settings)][:2] == [second.release_id, first.release_id]
    assert current(small.settings) == second


def test_same_bytes_under_another_name_are_one_delivery(small: Night) -> None:
    twice = {name: part.get("delivered_twice", {}) for name, part in small.truth.items() if name in load_contracts()}
    assert {"ledger_postings", "anonymous_contacts"} <= {name for name, pairs in twice.items() if pairs}
    for dataset, pairs in twice.items():
        with Ledger(small.settings) as ledger:
            names = [delivery.file_name for delivery in ledger.deliveries(dataset)]
        for again, first in pairs.items():
            assert sum(Path(path).name in names for path in (again, first)) == 1, dataset


def test_one_changed_delivery_changes_the_content(played: Played, small: Night, tmp_path: Path) -> None:
    """One posting of the newest ledger file is corrected by one øre; everything else stays as it was."""
    folder = tmp_path / "changed"
    shutil.copytree(played.settings.home, folder / "home", symlinks=True)
    shutil.copytree(played.settings.key_file.parent, folder / "key")
    shutil.copytree(played.settings.inbox, folder / "inbox")
    settings = settings_of(folder, folder / "inbox")
    before = fingerprint(settings)
    assert before == played.release.landing_fingerprint
    file = settings.inbox / "ledger_postings" / "ledger_postings_2026-06_20260619.csv"
    _one_oere_more(file)
    contract = load_contracts()["ledger_postings"]
    report = take_in(settings, contract)
    assert (report.deliveries, report.quarantined_count, report.rejected) == (1, 0, [])
    (verdict,) = judge_domain(settings, contract.domain)
    assert verdict.is_accepted
    assert fingerprint(settings) != before
    changed = refresh(settings)
    assert changed.content_hash != played.release.content_hash
    found = {line.split(":")[0] for line in _different_tables(changed.path, played.release.path)}
    assert "fct_initiative_spending" in found
    follow_up = {"mart_budget_follow_up", "mart_follow_up_center"}
    assert found <= {"fct_account_spending", "fct_initiative_spending", "fct_measure", *follow_up}
    total = "select sum(amount_dkk) as total from exact.marts.fct_initiative_spending"
    (row,) = replace(small, release=changed.path).query(total)
    assert row["total"] == Decimal(small.truth["ledger_postings"]["total"]) + Decimal("0.01")


def _one_oere_more(file: Path) -> None:
    """Add one øre to the first positive amount of a ledger file, and to its total."""
    lines = file.read_bytes().decode("cp1252").split("\r\n")
    place = lines[0].split(";").index("Beløb")

    def raised(line: str) -> str:
        fields = line.split(";")
        whole, rest = fields[place].split(",")
        assert rest.isdigit()
        assert int(rest) < 99
        fields[place] = f"{whole},{int(rest) + 1:02d}"
        return ";".join(fields)

    def can_be_raised(line: str) -> bool:
        fields = line.split(";")
        amount = fields[place] if len(fields) > place else ""
        return '"' not in line and amount[:1].isdigit() and not amount.endswith(("-", "99"))

    first = next(number for number, line in enumerate(lines[1:], start=1) if can_be_raised(line))
    total = next(number for number, line in enumerate(lines) if line.startswith("Total;"))
    assert first < total
    lines[first], lines[total] = raised(lines[first]), raised(lines[total])
    file.write_bytes("\r\n".join(lines).encode("cp1252"))


def test_release_from_synthetic_data_says_so(small: Night, played: Played) -> None:
    assert json.loads((small.release / "manifest.json").read_text("utf-8"))["is_synthetic"] is True
    assert played.release.is_synthetic
    with open_release(small.release) as connection:
        tables = connection.execute(
            "select database_name, table_name from duckdb_columns() where column_name = 'is_synthetic' order by all"
        ).fetchall()
        # dimensions of the municipality are real in both; what is a figure or a fact says where it is from
        expected = {"data_freshness", "mart_budget_follow_up", "mart_icehearts", "mart_school_absence", "mart_trivsel"}
        expected |= {"fct_milestone", "fct_initiative_amount", "fct_initiative_spending"}
        assert {table for _, table in tables} >= expected
        for database, table in tables:
            (row,) = rows(
                connection, f"select count(*) as n, bool_and(is_synthetic) as yes from {database}.marts.{table}"
            )
            assert row["n"], table
            assert row["yes"] is True, table
