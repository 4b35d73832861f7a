"""Prisme's account strings: every real form is read, the odd ones are marked, what is no account string is told."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from include.sources import prisme

PARTS = prisme.account_sql("written")


def parse(connection: duckdb.DuckDBPyConnection, written: str) -> dict[str, str | None]:
    select = ", ".join(f"{sql} as {name}" for name, sql in PARTS.items())
    row = connection.execute(f"select {select} from (select ? as written)", [written]).fetchone()
    assert row is not None
    return {name: value for name, value in zip(PARTS, row, strict=True) if value is not None}


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        (
            "02015-322021999-020105-109---",
            {
                "cost_center": "02015",
                "account_number": "322021999",
                "activity_number": "020105",
                "art_number": "109",
                "account_form": "main",
            },
        ),
        (
            "01005-528211002-015027-529CPR---",
            {
                "cost_center": "01005",
                "account_number": "528211002",
                "activity_number": "015027",
                "art_number": "529",
                "person_mark": "CPR",
                "account_form": "main",
            },
        ),
        (
            "07015-645531999-070012-769-P00268--2002",
            {
                "cost_center": "07015",
                "account_number": "645531999",
                "activity_number": "070012",
                "art_number": "769",
                "project_number": "P00268",
                "frame_number": "2002",
                "account_form": "variant",
            },
        ),
        (
            "99004-645533999-990027--A653111--",
            {
                "cost_center": "99004",
                "account_number": "645533999",
                "activity_number": "990027",
                "project_number": "A653111",
                "account_form": "variant",
            },
        ),
        (
            "009305-645521999-09386-799--",
            {
                "cost_center": "009305",
                "account_number": "645521999",
                "activity_number": "09386",
                "art_number": "799",
                "account_form": "variant",
            },
        ),
        ("no account string", {}),
        ("02015-32202199-020105-109---", {}),
    ],
)
def test_forms(written: str, parts: dict[str, str]) -> None:
    assert parse(duckdb.connect(), written) == parts


def test_all_real_account_strings_are_read(shared: Path) -> None:
    """5,804 real strings: 5,452 of the main form, 352 variants, and each part as the published split has it."""
    connection = duckdb.connect()
    file = shared / "reference" / "os2bos" / "ballerup_account_aliases.csv"
    select = ", ".join(f"{sql} as parsed_{name}" for name, sql in prisme.account_sql("kontostreng").items())
    connection.execute(f"create table parsed as select *, {select} from read_csv('{file}', all_varchar = true)")
    assert connection.execute(
        "select parsed_account_form, count(*) from parsed group by all order by all"
    ).fetchall() == [
        ("main", 5452),
        ("variant", 352),
    ]
    differing = connection.execute(
        """
        select count(*) from parsed
        where parsed_cost_center is distinct from omkostningssted
            or parsed_account_number is distinct from konto
            or parsed_activity_number is distinct from aktivitet
            or parsed_art_number is distinct from art
            or parsed_person_mark is distinct from art_suffix
            or parsed_project_number is distinct from anlaegsprojekt
        """
    ).fetchone()
    assert differing == (0,)
