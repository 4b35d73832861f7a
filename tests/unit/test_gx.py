"""The plumbing of Great Expectations: one suite, one table, and nothing of a row in what comes out."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from include.errors import WarehouseError
from include.gx import EXPECTATIONS, SuiteResult, load_suite, open_project, suite_names
from include.settings import PROJECT_ROOT

# In the form of a CPR number with day + 60, made here, so that it is in no file of the repository; nobody has it.
SECRET = "-".join((f"{11 + 60}{1:02}12", f"{4321:04}"))


def expectation(kind: str, severity: str = "critical", description: str = "as it should be", **kwargs: Any) -> Any:
    return {"type": kind, "severity": severity, "description": description, "kwargs": kwargs}


def query(sql: str, severity: str = "critical") -> Any:
    return expectation("unexpected_rows_expectation", severity, unexpected_rows_query=sql)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """200 rows: `id`, `text` (numbers, but one that is SECRET), `price` with two decimals, `day`."""
    file = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.things as select i::integer as id, if(i = 77, ?, i::varchar) as text, "
            "(i / 100)::decimal(9, 2) as price, date '2026-01-01' + i::integer as day from range(200) as t (i)",
            [SECRET],
        )
    return file


@pytest.fixture
def project_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "expectations"
    folder.mkdir()
    shutil.copy(EXPECTATIONS / "great_expectations.yml", folder)
    return folder


def run(tmp_path: Path, folder: Path, database: Path, *expectations: Any, docs: bool = False) -> SuiteResult:
    content = {"name": "things", "expectations": list(expectations)}
    (folder / "things.json").write_text(json.dumps(content), "utf-8")
    with open_project(database, tmp_path / "scratch", expectations=folder) as project:
        result = project.run("things", "things", schema="marts", run_name="a run")
        if docs:
            assert project.write_data_docs(tmp_path / "kept" / "data_docs").is_file()
    return result


def files_with(text: str, folder: Path, but: Path) -> list[Path]:
    found = [Path(root) / file for root, _, files in os.walk(folder) for file in files]
    return [file for file in found if file != but and text.encode() in file.read_bytes()]


def test_typed_and_query_expectations_pass_and_fail_on_duckdb(
    tmp_path: Path, project_folder: Path, database: Path
) -> None:
    result = run(
        tmp_path,
        project_folder,
        database,
        expectation("expect_table_row_count_to_be_between", min_value=200, max_value=200),
        expectation("expect_column_values_to_not_be_null", column="text"),
        expectation("expect_column_sum_to_be_between", column="price", min_value=199, max_value=199),
        expectation("expect_column_values_to_be_unique", column="id"),
        query("select 1 from {batch} where day > date '2027-01-01'"),
        expectation("expect_column_max_to_be_between", column="id", max_value=100, severity="warning"),
        expectation("expect_column_values_to_be_in_set", column="text", value_set=["1"]),
        query("select text from {batch} where id = 77", "warning"),
    )
    assert (result.suite, result.table, result.checks) == ("things", "marts.things", 8)
    assert result.seconds > 0
    assert {(failure.expectation, failure.column, failure.severity) for failure in result.failures} == {
        ("expect_column_values_to_be_in_set", "text", "critical"),
        ("expect_column_max_to_be_between", "id", "warning"),
        ("unexpected_rows_expectation", None, "warning"),
    }
    assert result.critical == ["things: expect_column_values_to_be_in_set on text: expected: as it should be"]
    assert len(result.warnings) == 2


def test_an_expectation_that_errors_is_critical_and_tells_nothing(
    tmp_path: Path,
    project_folder: Path,
    database: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    result = run(
        tmp_path,
        project_folder,
        database,
        query("select 1 from {batch} where text::integer > 1000", "warning"),
        query("select 1 from {batch} having max(strptime(text, '%d')) is null", "warning"),
        query("select text from {batch} where id = 77", "warning"),
        expectation("expect_column_values_to_be_between", column="text", min_value=1, max_value=5, severity="warning"),
        expectation("expect_column_mean_to_be_between", column="text", min_value=1, severity="warning"),
        expectation("expect_column_values_to_not_be_null", column="no_such_column", severity="warning"),
        expectation("expect_column_values_to_be_in_set", column="text", value_set=["1"], severity="warning"),
        docs=True,
    )
    with_error = [failure for failure in result.failures if "could not be evaluated" in failure.message]
    assert len(with_error) >= 4
    assert {failure.severity for failure in with_error} == {"critical"}
    assert any("(ConversionException)" in failure.message for failure in with_error)
    out, err = capfd.readouterr()
    assert SECRET not in repr(result) + out + err + caplog.text
    assert files_with(SECRET, tmp_path, database) == []
    pages = list((tmp_path / "kept" / "data_docs").rglob("*.html"))
    assert any("ConversionException; the text is not kept" in page.read_text("utf-8") for page in pages)
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_table_that_is_not_there_is_one_plain_error(tmp_path: Path, project_folder: Path, database: Path) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute("drop table marts.things")
    with pytest.raises(WarehouseError, match=r"things could not be run on marts\.things") as raised:
        run(tmp_path, project_folder, database, query("select 1 from {batch}"))
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None
    assert list((tmp_path / "scratch").iterdir()) == []


def test_the_file_is_opened_read_only_and_free_afterwards(tmp_path: Path, project_folder: Path, database: Path) -> None:
    before = database.read_bytes()
    run(tmp_path, project_folder, database, query("select 1 from {batch} where id < 0"))
    assert database.read_bytes() == before
    with duckdb.connect(str(database)) as connection:
        connection.execute("create table free (a integer)")
        with pytest.raises(WarehouseError, match=r"can't be opened for reading \(ConnectionException\)") as raised:
            run(tmp_path, project_folder, database, query("select 1 from {batch}"))
    assert raised.value.__context__ is None
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "things has no suite"),
        ("{", "not valid JSON"),
        ({"name": "things", "expectations": []}, "empty or bears another name"),
        ({"name": "other", "expectations": [query("select 1")]}, "empty or bears another name"),
        ({"name": "things", "expectations": [{"type": "x", "kwargs": {}, "description": "d"}]}, "no severity"),
        ({"name": "things", "expectations": [expectation("x", "fatal")]}, "no severity"),
        ({"name": "things", "expectations": [expectation("x", description="")]}, "no description"),
        ({"name": "things", "expectations": [expectation("expect_nothing_known")]}, "can't read the suite"),
        ({"name": "things", "expectations": [query("select '{' from {batch}")]}, "can't read the suite"),
    ],
)
def test_a_suite_that_is_wrong_names_its_file(
    tmp_path: Path, project_folder: Path, database: Path, content: Any, said: str
) -> None:
    if content is not None:
        text = content if isinstance(content, str) else json.dumps(content)
        (project_folder / "things.json").write_text(text, "utf-8")
    with (
        pytest.raises(WarehouseError, match=said) as raised,
        open_project(database, tmp_path / "scratch", expectations=project_folder) as project,
    ):
        project.run("things", "things", schema="marts")
    assert raised.value.where == "expectations/things.json"


def test_committed_suites_are_readable_json_in_one_form() -> None:
    assert len(suite_names()) > 20
    for name in suite_names():
        suite = load_suite(name)
        text = (EXPECTATIONS / f"{name}.json").read_text("utf-8")
        assert text == json.dumps(suite, indent=2, sort_keys=True, ensure_ascii=False) + "\n", name
        assert suite["notes"], f"{name} says what it judges"
        severities = [one["severity"] for one in suite["expectations"]]
        assert "critical" in severities, name
        said = [(one["description"], json.dumps(one["kwargs"])) for one in suite["expectations"]]
        assert len(set(said)) == len(said), f"{name} has an expectation twice"


def test_two_processes_at_once_leave_the_repository_as_it_was(tmp_path: Path, database: Path) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute("create table main.batch as select 'a' as school_year from range(3)")

    def state() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in sorted(EXPECTATIONS.rglob("*")) if path.is_file()}

    before = state()
    script = (
        "import sys; from pathlib import Path; from include.gx import open_project\n"
        "with open_project(Path(sys.argv[1]), Path(sys.argv[2])) as project:\n"
        "    result = project.run('referrals', 'batch')\n"
        "    project.write_data_docs(Path(sys.argv[3]))\n"
        "sys.stdout.write(str(result.checks))\n"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(database), str(tmp_path / "scratch"), str(tmp_path / f"docs{number}")],
            cwd=PROJECT_ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in (1, 2)
    ]
    for process in started:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert out == str(len(load_suite("referrals")["expectations"])), "nothing else is printed"
        assert err == ""
    assert state() == before
    assert (tmp_path / "docs1" / "index.html").is_file()
    assert (tmp_path / "docs2" / "index.html").is_file()
