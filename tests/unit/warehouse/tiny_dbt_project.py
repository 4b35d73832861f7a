"""A small dbt project, and landing's real views with a few planted rows for it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb

from include.landing.store import write_landing_database
from include.settings import Settings
from include.warehouse.build import DBT_PROJECT, BuildReport, build
from include.warehouse.protect import protect

FILES = {
    "dbt_project.yml": """
name: tiny
version: "1.0.0"
profile: municipal_warehouse
flags: {send_anonymous_usage_stats: false}
models:
  tiny:
    staging: {+schema: staging, +materialized: view}
    marts: {+schema: marts, +materialized: table}
""",
    # The profile is the real one.
    "profiles.yml": (DBT_PROJECT / "profiles.yml").read_text("utf-8"),
    "tests/spills_into_the_run.sql": """
select 1 where current_setting('temp_directory') <> '{{ env_var("WAREHOUSE_SCRATCH") }}'
""",
    "macros/generate_schema_name.sql": """
{% macro generate_schema_name(custom, node) %}{{ custom or target.schema }}{% endmacro %}
""",
    "seeds/centers.csv": "center_code,center_name\n01,Skoler\n02,Økonomi\n",
    "models/staging/sources.yml": """
sources:
  - name: landing
    database: landing
    schema: main
    tables: [{name: enrolments}, {name: ledger_postings}, {name: deliveries}, {name: datasets}]
""",
    "models/staging/stg_enrolments.sql": "select * from {{ source('landing', 'enrolments') }}",
    "models/staging/stg_postings.sql": "select * from {{ source('landing', 'ledger_postings') }}",
    "models/marts/dim_center.sql": """
select center_code::varchar as center_code, center_name, ['a', 'b'] as contributors, null::varchar as remark
from {{ ref('centers') }}
""",
    "models/marts/mart_spending.sql": """
select account_string, account_alias, amount_dkk, posting_date, '{{ var("municipality_code") }}' as municipality_code
from {{ ref('stg_postings') }}
""",
    "models/marts/mart_pupils.sql": """
select institution_number, grade_level, count(*) as pupils
from {{ ref('stg_enrolments') }} group by all
""",
    "models/marts/data_freshness.sql": """
select d.dataset, max(v.as_of) as data_as_of, date '{{ var("as_of") }}' as as_of, current_timestamp as loaded_at
from {{ source('landing', 'datasets') }} as d left join {{ source('landing', 'deliveries') }} as v using (dataset)
group by all
""",
    "models/marts/marts.yml": """
models:
  - name: dim_center
    description: Centre / Centres
    config:
      meta:
        each_row_is_a: centre
        grain: [center_code]
        discloses: &public {mode: public, unit: ingen / none, audience: Alle BI-brugere / Every BI user}
    columns:
      - name: center_code
        description: Centrets kode / The centre's code
        data_tests: [not_null, unique]
      - name: remark
        data_tests: [{not_null: {config: {severity: warn}}}]
  - name: mart_spending
    config: {meta: {discloses: *public, each_row_is_a: account's posting}}
  - name: mart_pupils
    config:
      meta:
        each_row_is_a: school and grade
        discloses:
          mode: round5
          unit: elev / pupil
          audience: Alle BI-brugere / Every BI user
          grid: [institution_number, grade_level]
          columns: {pupils: count}
          copied: [institution_number, grade_level]
  - name: data_freshness
    config: {meta: {discloses: *public, each_row_is_a: dataset}}
    columns: [{name: loaded_at, config: {meta: {is_load_time: true}}}]
""",
}

PERSON_KEYS = [4_100_000_000 + number * 977 for number in range(40)]


def plant(settings: Settings, path: Path) -> None:
    """Landing's own views, with rows in two of them."""
    write_landing_database(settings, path)
    with duckdb.connect(str(path)) as connection:
        for dataset in ("enrolments", "ledger_postings"):
            connection.execute(f"create table planted as from {dataset}")
            connection.execute(f"drop view {dataset}")
            connection.execute(f"alter table planted rename to {dataset}")
        connection.executemany(
            "insert into enrolments (person_key, institution_number, grade_level) values (?, '151003', 3)",
            [[key] for key in PERSON_KEYS],
        )
        connection.execute(
            """
            insert into ledger_postings (account_string, account_alias, amount_dkk, posting_date)
            select '003382-7-0101011234-' || i, '0101' || (100000 + i), i::decimal(15, 2) / 4, date '2026-06-01'
            from range(200) as r (i)
            """
        )


def deliver(connection: duckdb.DuckDBPyConnection, number: int) -> None:
    """Current deliveries in landing's table, each with a note, and one that is not current any more."""
    for name, is_current in [("old", False), *((str(place), True) for place in range(number))]:
        connection.execute(
            "insert into deliveries by name select sha256(?) as delivery_id, 'enrolments' as dataset, 'school_absence' "
            "as domain, 'enrolments_' || ? || '.csv' as file_name, date '2026-06-19' as as_of, 'accepted' as "
            "delivery_status, ? as is_current, ? as period_label, ['fewer rows'] as notes",
            [name, name, is_current, name],
        )


def write_project(folder: Path, changes: dict[str, str] | None = None) -> Path:
    """The small project, with some files changed or added."""
    for name, text in {**FILES, **(changes or {})}.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.lstrip("\n"), "utf-8")
    return folder


def call(folder: Path, run_id: str) -> None:
    """Let what the gates have said be said of the run `run_id`."""
    for name in ("validation.json", "protection.json"):
        file = folder / "operations" / name
        file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), "run_id": run_id}), "utf-8")


@dataclass(frozen=True)
class Template:
    """A finished build that has passed the gate, to be copied into homes of tests."""

    settings: Settings
    folder: Path
    report: BuildReport

    def copy_to(self, settings: Settings, run_id: str) -> Path:
        """Put the build into another home as the run `run_id`; gives its staging folder."""
        target = settings.staging / run_id
        shutil.copytree(self.folder, target)
        call(target, run_id)
        return target


def finished_build(base: Path) -> Template:
    """Build the small project by real dbt in a folder of its own, and let the gates pass it."""
    settings = Settings(home=base / "home", key_file=base / "key", threads=1, as_of="2026-06-19")
    report = build(settings, "template", project=write_project(base / "project"), write_landing=plant)
    # What `validate` writes of marts that have nothing against them; test_mart_suites compares it with the real one.
    said = {
        "run_id": "template",
        "suites": 4,
        "checks": 9,
        "critical": [],
        "warnings": [],
        "seconds": 0.1,
        "results": [],
    }
    operations = settings.staging / "template" / "operations"
    (operations / "validation.json").write_text(json.dumps(said), "utf-8")
    (operations / "data_docs" / "validations").mkdir(parents=True)
    (operations / "data_docs" / "validations" / "dim_center.html").write_text("<p>", "utf-8")
    protect(settings, "template")
    return Template(settings, settings.staging / "template", report)
