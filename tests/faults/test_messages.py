"""What DuckDB, dbt and Great Expectations say when they fail over rows with persons in them: never a value.

No table of the warehouse holds a name or a number. Here one does, so that a message which tells a value is found out.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import duckdb
import pytest
from leak_search import Persons, Search

from include.errors import WarehouseError
from include.gx import EXPECTATIONS, open_project
from include.landing.store import write_landing_database
from include.settings import PROJECT_ROOT, Settings
from include.warehouse.build import BuildFailed, build
from include.warehouse.run_folder import RunFolder
from include.warehouse.scrub import scrub

sys.path.append(str(PROJECT_ROOT / "tests" / "unit" / "warehouse"))

from tiny_dbt_project import write_project

SAID = ("Øjvind Šarić Quistgaard", "390299-4321", "3902994321", "se journalen hos Åse før mødet")
"""A name, a number that nobody can have, and a free text."""

FAILING = (
    *("{}::integer", "{}::tinyint", "{}::hugeint", "{}::double", "{}::decimal(4, 2)", "{}::boolean", "{}::uuid"),
    *("{}::date", "{}::time", "{}::timestamp", "{}::timestamptz", "{}::interval", "{}::json", "{}::enum('a')"),
    *("{}::integer[]", "{}::integer[2]", "{}::struct(a integer)", "{}::map(varchar, integer)", "to_json({})::integer"),
    *("strptime({}, '%d-%m-%Y')", "date_part({}, date '2020-01-01')", "date_trunc({}, date '2020-01-01')"),
    *("datediff({}, date '2020-01-01', date '2020-01-02')", "timezone({}, timestamptz '2020-01-01 00:00:00')"),
    *("error({})", "regexp_matches('a', {} || '(')", "{} ~ ('(' || {})", "from_base64({})", "json_array_length({})"),
    *(
        "json_extract('{{}}', '$.' || {} || '[')",
        "(replace({}, '-', '')::bigint)::integer",
        "split_part({}, ',', 1)::date",
    ),
    *("(replace({}, '-', '')::bigint)::hugeint::integer", "replace({}, '-', '')::decimal(9, 0)"),
)
"""What a model may do with a column; each fails on some of these texts, most by naming it."""


@pytest.fixture(scope="module")
def persons() -> Persons:
    found = Persons()
    found.add_name(SAID[0])
    found.add_number(SAID[1])
    found.add_text(SAID[3])
    return found


def tells(persons: Persons, message: str) -> bool:
    search = Search(persons)
    search.text("message", "all of it", message)
    return bool(search.found.hits)


def message_of(connection: duckdb.DuckDBPyConnection, expression: str, value: str) -> str:
    """What DuckDB says when the expression fails over the value; empty if it does not."""
    connection.execute("create or replace temp table one as select ?::varchar as v", [value])
    try:
        connection.execute(f"select {expression.replace('{}', 'v')} from one").fetchall()
    except duckdb.Error as error:
        return str(error)
    return ""


def test_no_message_of_duckdb_tells_a_value(persons: Persons) -> None:
    with duckdb.connect() as connection:
        messages = [message_of(connection, expression, value) for expression in FAILING for value in SAID]
        connection.execute("create table k (v varchar primary key)")
        connection.execute("insert into k values (?)", [SAID[0]])
        with pytest.raises(duckdb.ConstraintException) as twice:
            connection.execute("insert into k values (?)", [SAID[0]])
    assert tells(persons, str(twice.value))
    assert not tells(persons, scrub(str(twice.value)))
    said = [message for message in messages if message]
    assert [scrub(message) for message in said if tells(persons, scrub(message))] == []
    assert [scrub(message).partition(":")[0] for message in said] == [message.partition(":")[0] for message in said]
    assert len(said) >= 2 * len(FAILING), "they fail"
    assert sum(tells(persons, message) for message in said) >= 2 * len(FAILING), "most by naming the value"


MODELS = {
    f"models/marts/fails_{number}.sql": f"select {expression.replace('{}', 'text_alias')} as x "
    "from {{ ref('stg_said') }}"
    for number, expression in enumerate(FAILING)
}
PROJECT = {
    **MODELS,
    "models/staging/stg_said.sql": "select account_alias as text_alias from {{ source('landing', 'ledger_postings') }}",
    "models/marts/fails_by_key.sql": "select text_alias from {{ ref('stg_said') }} union all "
    "select text_alias from {{ ref('stg_said') }}",
    "models/marts/names.sql": "select text_alias from {{ ref('stg_said') }}",
    "models/marts/names.yml": """
models:
  - name: names
    columns:
      - name: text_alias
        data_tests:
          - accepted_values: {arguments: {values: [a, b]}, config: {store_failures: true}}
          - relationships: {arguments: {to: ref('centers'), field: center_code}}
  - name: fails_by_key
    config: {contract: {enforced: true}}
    columns: [{name: text_alias, data_type: varchar, constraints: [{type: primary_key}]}]
""",
    "tests/fails_with_rows.sql": "{{ config(store_failures=true) }} select * from {{ ref('names') }}",
    "tests/fails_itself.sql": "select text_alias::integer from {{ ref('names') }} where text_alias::integer > 1",
}
COMPILE_ERROR = "select * from {{ ref('stg_said') }} where {{ nothing_like_that(1) }}"


def plant(settings: Settings, path: Path) -> None:
    write_landing_database(settings, path)
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table planted as from ledger_postings")
        connection.execute("drop view ledger_postings")
        connection.execute("alter table planted rename to ledger_postings")
        connection.executemany("insert into ledger_postings (account_alias) values (?)", [[one] for one in SAID])


@pytest.mark.proof
def test_nothing_that_dbt_leaves_or_says_tells_a_value(
    tmp_path: Path, persons: Persons, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Models that fail at run time, tests that fail, tests that can't run, a model that does not compile."""
    settings = Settings(home=tmp_path / "home", key_file=tmp_path / "key", threads=1, as_of="2026-06-19")
    said = []
    caplog.set_level("INFO")
    for run_id, more in (("rows", {}), ("compile", {"models/marts/no_sql.sql": COMPILE_ERROR})):
        project = write_project(tmp_path / f"project_{run_id}", PROJECT | more)
        with pytest.raises(BuildFailed) as failed:
            build(settings, run_id, project=project, write_landing=plant)
        said.append(str(failed.value))
    rows, compiled = said
    # The engineer still reads which model, in which file, what kind of error, and what to do.
    for number in range(len(FAILING)):
        assert f"fails_{number} (models/marts/fails_{number}.sql)" in rows
    assert rows.count(" Error") >= len(FAILING)
    for name in ("accepted_values", "relationships", "fails_with_rows", "fails_itself", "fails_by_key"):
        assert name in rows
    assert "no_sql" in compiled
    out, err = capfd.readouterr()
    told = [*said, caplog.text, out, err]
    assert not [text[:300] for text in told if tells(persons, text)]
    for run_id in ("rows", "compile"):
        folder = RunFolder.of(settings, run_id)
        # In the databases the rows stand, planted; what dbt wrote beside them is what is searched.
        search = Search(persons)
        left = search.folder(folder.root, without=[folder.build_file.parent, folder.landing_file])
        assert not left.hits
        assert (folder.logs / "dbt.log").is_file()
        assert left.files > 3
    found = Search(persons).file(RunFolder.of(settings, "rows").build_file)
    assert found.hits, "the rows were there to be told"


EXPECTING = [
    {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "said", "value_set": ["a"]}},
    {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "said", "regex": "^[0-9]$"}},
    {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "said"}},
    {"type": "expect_column_value_lengths_to_be_between", "kwargs": {"column": "said", "max_value": 2}},
    {"type": "expect_column_values_to_be_between", "kwargs": {"column": "said", "min_value": 1, "max_value": 2}},
    {"type": "expect_column_distinct_values_to_equal_set", "kwargs": {"column": "said", "value_set": ["a"]}},
    {"type": "expect_column_most_common_value_to_be_in_set", "kwargs": {"column": "said", "value_set": ["a"]}},
    {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "said", "max_value": 1}},
    *(
        {
            "type": "unexpected_rows_expectation",
            "kwargs": {"unexpected_rows_query": f"select 1 from {{batch}} where ({of_column}) is not null"},
        }
        for of_column in (expression.replace("{}", "said") for expression in FAILING if "{{" not in expression)
    ),
    {"type": "unexpected_rows_expectation", "kwargs": {"unexpected_rows_query": "select said from {batch}"}},
]


def test_nothing_that_great_expectations_leaves_or_says_tells_a_value(
    tmp_path: Path, persons: Persons, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Expectations that are not met and expectations that raise, over rows that say names and numbers."""
    database = tmp_path / "in" / "data.duckdb"
    database.parent.mkdir()
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            "create table people as select * from (values (?), (?), (?), (?), (?)) as _(said)", [*SAID, SAID[0]]
        )
    suites = tmp_path / "expectations"
    suites.mkdir()
    (suites / "great_expectations.yml").write_text(
        (EXPECTATIONS / "great_expectations.yml").read_text("utf-8"), "utf-8"
    )
    entries = [one | {"severity": "critical", "description": f"rule {number}"} for number, one in enumerate(EXPECTING)]
    (suites / "people.json").write_text(json.dumps({"name": "people", "expectations": entries, "meta": {}}), "utf-8")
    caplog.set_level("INFO")
    with open_project(database, tmp_path / "out" / "scratch", expectations=suites) as project:
        result = project.run("people", "people")
        project.write_data_docs(tmp_path / "out" / "docs")
        with pytest.raises(WarehouseError) as gone:
            project.run("people", "nobody")
    assert len(result.critical) == len(EXPECTING), "every one of them fails"
    assert sum("could not be evaluated" in one for one in result.critical) >= 30
    # What the engineer needs stands there.
    assert all(f"rule {number}" in " ".join(result.critical) for number in range(len(EXPECTING)))
    out, err = capfd.readouterr()
    told = [*result.critical, *result.warnings, str(gone.value), caplog.text, out, err]
    assert not [text[:300] for text in told if tells(persons, text)]
    left = Search(persons).folder(tmp_path / "out")
    assert not left.hits
    assert left.files > 3
