"""A new dataset takes the files that README names, and changes no other: done here in a copy of the project.

The steps are read from README's "Adding a dataset". The dataset is made up: how many books the libraries lend to
children, by district and month, counts and no persons.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from include.landing.contract import load_contracts
from include.settings import PROJECT_ROOT

DATASET, DOMAIN = "library_loans", "school_absence"
NEEDED = ("dags", "dbt_project", "expectations", "include")

CONTRACT = """
dataset: library_loans
domain: school_absence
title: {da: Udlån til børn, en: Loans to children}
description:
  da: Bibliotekernes udlån til børn, talt op for hvert distrikt og hver måned.
  en: What the libraries lend to children, counted by district and month.
each_row_is_a: district in one month
source: the library system (form chosen, no public format)
reader: text
owner: Center for Kultur, Idræt og Fritid
legal_basis: no data about persons
about_persons: false
rhythm: {expected: monthly, stale_after_days: 45}
retention: {years: 10}
delivery: {suffixes: [csv], period: label, column: loan_month}
layout: {delimiter: ";", date_formats: ["%d-%m-%Y"]}
columns:
  - name: loan_month
    header: Måned
    required: true
    pattern: '\\d{4}-\\d{2}'
    description: {da: Måneden, en: The month}
  - name: district_code
    header: Distrikt
    required: true
    pattern: '[A-Z]{3}'
    description: {da: Distriktets kode, en: The district's code}
  - name: loan_count
    header: Udlån
    type: UINTEGER
    required: true
    maximum: "100000"
    description: {da: Antal udlån, en: Number of loans}
keys: [loan_month, district_code]
"""

SUITE = {
    "expectations": [
        {
            "description": "at least one row",
            "kwargs": {"min_value": 1},
            "severity": "critical",
            "type": "expect_table_row_count_to_be_between",
        },
        {
            "description": "every row is of the month that the delivery is about",
            "kwargs": {
                "unexpected_rows_query": "select 1 from {batch} where loan_month <> (select period_label from delivery)"
            },
            "severity": "critical",
            "type": "unexpected_rows_expectation",
        },
    ],
    "name": "library_loans",
    "notes": "Judges one month of loans.",
}

STAGING_SQL = """
with

source as (
    select * from {{ source('school_absence', 'library_loans') }}
),

renamed as (
    select
        municipality_code,
        cast(loan_month || '-01' as date) as loan_month,
        district_code,
        cast(loan_count as integer) as loan_count,
        delivery_id
    from source
)

select * from renamed
"""

STAGING_YML = """
version: 2
models:
  - name: stg_school_absence__library_loans
    description: Bibliotekernes udlån til børn / What the libraries lend to children
    config:
      meta:
        each_row_is_a: district in one month
        owner: Center for Kultur, Idræt og Fritid
        sensitivity: public
    data_tests:
      - primary_key:
          arguments:
            columns:
              - municipality_code
              - loan_month
              - district_code
    columns:
      - name: municipality_code
        data_type: varchar
        description: Kommunens kode, tre cifre / The municipality's code, three digits
      - name: loan_month
        data_type: date
        description: Månedens første dag / The month's first day
      - name: district_code
        data_type: varchar
        description: Distriktets kode / The district's code
      - name: loan_count
        data_type: integer
        description: Antal udlån / Number of loans
        data_tests:
          - not_null
      - name: delivery_id
        data_type: varchar
        description: Leverancen som rækken kommer fra / The delivery that the row comes from
"""

GENERATOR = '''
"""The synthetic loans: two months, of which the later one is counted again."""

from __future__ import annotations

from typing import Any

from include.demo.deliveries import write_lines
from include.demo.population import DISTRICTS
from include.demo.world import World


def generate(world: World) -> dict[str, Any]:
    """Write the months and return what they hold."""
    codes = sorted(DISTRICTS.values())
    before, night = world.calendar.backfill, world.calendar.nights[1]
    deliveries, newest = {}, {}
    for month, came, is_current in (("2026-04", before, True), ("2026-05", before, False), ("2026-05", night, True)):
        newest[month] = dict(zip(codes, world.rng.integers(100, 900, len(codes)).tolist()))
        path = f"library_loans/library_loans_{month}_{came:%Y%m%d}.csv"
        columns = ([month] * len(codes), codes, map(str, newest[month].values()))
        write_lines(world.inbox / path, ["Måned", "Distrikt", "Udlån"], columns, encoding="utf-8", newline="\\n")
        world.came(path, came)
        deliveries[path] = {"rows": len(codes), "current_rows": len(codes) * is_current}
    figures = {
        "months": [{"loan_month": f"{month}-01", "loans": sum(loans.values())} for month, loans in newest.items()],
        "districts": [{"district_code": code, "most": max(loans[code] for loans in newest.values())} for code in codes],
        "rows": [{"row_count": len(codes) * len(newest)}],
    }
    return {"deliveries": deliveries, "figures": figures}
'''

TRUTH = """
-- name: months
select loan_month, sum(loan_count)::bigint as loans from staging.stg_school_absence__library_loans group by all;

-- name: districts
select district_code, max(loan_count) as most from staging.stg_school_absence__library_loans group by all;

-- name: rows
select count(*) as row_count from staging.stg_school_absence__library_loans;
"""

FILES = {
    "include/landing/contracts/<dataset>.yaml": CONTRACT,
    "expectations/<dataset>.json": json.dumps(SUITE, indent=2, ensure_ascii=False),
    "dbt_project/models/staging/<domain>/stg_<domain>__<dataset>.sql": STAGING_SQL,
    "dbt_project/models/staging/<domain>/stg_<domain>__<dataset>.yml": STAGING_YML,
    "include/demo/datasets/<dataset>.py": GENERATOR,
    "tests/end_to_end/truth/<dataset>.sql": TRUTH,
}
"""What each file that README names holds, by its path there."""

WRITTEN = "dbt_project/models/staging/<domain>/_sources.yml"


def place(template: str) -> str:
    return template.replace("<dataset>", DATASET).replace("<domain>", DOMAIN)


def section() -> str:
    """README's "Adding a dataset"."""
    text = (PROJECT_ROOT / "README.md").read_text("utf-8")
    return text.partition("## Adding a dataset\n")[2].partition("\n## ")[0]


def step_files() -> list[str]:
    """The paths that README's numbered steps name."""
    (steps,) = (part for part in section().split("\n\n") if part.startswith("1. "))
    return re.findall(r"`([\w/.<>]+/[\w/.<>]+)`", steps)


def digests(project: Path) -> dict[str, str]:
    return {
        str(file.relative_to(project)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in project.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a night needs of the project."""
    copy = tmp_path_factory.mktemp("project")
    for folder in NEEDED:
        shutil.copytree(
            PROJECT_ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", "target", "logs")
        )
    return copy


def run(project: Path, *command: str, more: Mapping[str, str] | None = None) -> str:
    """What a program of the copy prints; the program finds the copy's modules and no others."""
    finished = subprocess.run(
        [sys.executable, *command],
        cwd=project,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(("WAREHOUSE_", "AIRFLOW"))},
            "PYTHONPATH": str(project),
            "PYTHONDONTWRITEBYTECODE": "1",
            "DO_NOT_TRACK": "1",
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "GX_ANALYTICS_ENABLED": "false",
            **(more or {}),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert finished.returncode == 0, (finished.stdout + finished.stderr)[-4000:]
    return finished.stdout


@pytest.fixture(scope="module")
def added(project: Path) -> tuple[set[str], set[str]]:
    """The dataset added to the copy by README's steps: the paths that are new, and those that changed."""
    before = digests(project)
    for template in step_files():
        file = project / place(template)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(FILES[template].lstrip("\n"), "utf-8")
    assert "`warehouse contracts`" in section()
    run(project, "-c", "from include.cli import app; app()", "contracts")
    after = digests(project)
    assert before.keys() <= after.keys()
    return set(after) - set(before), {path for path in before if before[path] != after[path]}


def test_the_files_are_those_that_the_steps_name() -> None:
    assert sorted(step_files()) == sorted(FILES)
    assert f"`{WRITTEN}`" in section()
    assert DATASET not in load_contracts()


def test_a_new_dataset_takes_six_files_and_one_that_is_written(added: tuple[set[str], set[str]]) -> None:
    new, changed = added
    assert new == {
        "include/landing/contracts/library_loans.yaml",
        "expectations/library_loans.json",
        "dbt_project/models/staging/school_absence/stg_school_absence__library_loans.sql",
        "dbt_project/models/staging/school_absence/stg_school_absence__library_loans.yml",
        "include/demo/datasets/library_loans.py",
        "tests/end_to_end/truth/library_loans.sql",
    }
    assert changed == {"dbt_project/models/staging/school_absence/_sources.yml"}


LANDING = """
import json, sys
from pathlib import Path
from include.demo.municipality import generate
from include.landing import judge, process, store
from include.landing.contract import load_contracts
from include.landing.ledger import Ledger
from include.settings import Settings

work = Path(sys.argv[1])
truth = generate(work / "inbox", size="small").content["library_loans"]
settings = Settings(home=work / "home", inputs=work / "inbox", key_file=work / "key")
process.take_in(settings, load_contracts()["library_loans"])
verdicts = judge.judge(settings, "school_absence")
store.write_landing_database(settings, work / "landing.duckdb")
with Ledger(settings) as ledger:
    found = [[d.file_name, d.status, d.row_count, d.landed_count] for d in ledger.deliveries("library_loans")]
print(json.dumps({"truth": truth, "deliveries": found, "checks": [v.checks for v in verdicts]}))
"""

QUERIES = """
import json, re, sys
from pathlib import Path
import duckdb
work, text = Path(sys.argv[1]), Path(sys.argv[2]).read_text("utf-8")
parts = re.split(r"^-- name: (\\w+)$", text, flags=re.MULTILINE)
with duckdb.connect(str(work / "warehouse.duckdb"), read_only=True) as connection:
    connection.execute(f"attach '{work / 'landing.duckdb'}' as landing (read_only)")
    found = {}
    for name, query in zip(parts[1::2], parts[2::2]):
        result = connection.execute(query)
        columns = [column[0] for column in result.description]
        found[name] = [dict(zip(columns, map(str, row))) for row in result.fetchall()]
print(json.dumps(found))
"""


def in_no_order(figures: Mapping[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, str]]]:
    """The rows of each figure as texts, sorted."""
    texts = {name: [{key: str(value) for key, value in row.items()} for row in rows] for name, rows in figures.items()}
    return {name: sorted(rows, key=str) for name, rows in texts.items()}


def test_it_is_delivered_landed_judged_and_staged(
    project: Path, added: tuple[set[str], set[str]], tmp_path: Path
) -> None:
    told: dict[str, Any] = json.loads(run(project, "-c", LANDING, str(tmp_path)))
    assert [(status, rows, landed) for _, status, rows, landed in told["deliveries"]] == [("accepted", 5, 5)] * 3
    assert {f"{DATASET}/{name}" for name, *_ in told["deliveries"]} == set(told["truth"]["deliveries"])
    assert told["checks"] == [2, 2, 2]
    dbt = str(Path(sys.executable).with_name("dbt"))
    run(
        project,
        dbt,
        "build",
        *("--project-dir", "dbt_project", "--profiles-dir", "dbt_project"),
        *("--target-path", str(tmp_path / "target"), "--log-path", str(tmp_path / "logs")),
        *("--select", f"stg_{DOMAIN}__{DATASET}"),
        *("--vars", json.dumps({"as_of": "2026-06-19", "municipality_code": "151", "is_synthetic": True})),
        more={
            "WAREHOUSE_BUILD_FILE": str(tmp_path / "warehouse.duckdb"),
            "WAREHOUSE_LANDING_FILE": str(tmp_path / "landing.duckdb"),
            "WAREHOUSE_THREADS": "2",
            "WAREHOUSE_MEMORY_LIMIT": "1GB",
        },
    )
    shown = json.loads(run(project, "-c", QUERIES, str(tmp_path), place("tests/end_to_end/truth/<dataset>.sql")))
    planted = told["truth"]["figures"]
    assert len(planted) == 3
    assert in_no_order(shown) == in_no_order(planted)


def test_its_task_is_in_the_dag_of_its_domain(project: Path, added: tuple[set[str], set[str]], tmp_path: Path) -> None:
    program = f"import json, extract_{DOMAIN} as module; print(json.dumps(module.dag.task_ids))"
    tasks = run(
        project,
        "-c",
        program,
        more={
            "PYTHONPATH": f"{project}{os.pathsep}{project / 'dags'}",
            "AIRFLOW_HOME": str(tmp_path / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        },
    )
    assert f"land_{DATASET}" in json.loads(tasks.splitlines()[-1])
