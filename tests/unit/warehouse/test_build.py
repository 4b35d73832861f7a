"""One dbt process a run: what it reports, and what an engineer reads when it fails."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from tiny_dbt_project import PERSON_KEYS, Template, deliver, plant, write_project

from include.errors import WarehouseError
from include.night import publish_step
from include.settings import PROJECT_ROOT, Settings
from include.warehouse.build import NO_DOCS, BuildFailed, build
from include.warehouse.dbt_docs import MADE_BY_DBT, docs_page, keep_page
from include.warehouse.landing_file import Landed, decided_synthetic
from include.warehouse.protect import protect
from include.warehouse.run_folder import RunFolder, new_run_id
from include.warehouse.scrub import scrub

HERE = Path(__file__).parent
SECRET = "Karla'\"Åse 4711"


def test_the_report_counts_what_was_built(template: Template) -> None:
    report = template.report
    assert (report.models, report.tests, report.seeds) == (6, 4, 1)
    assert len(report.slowest) == 5
    assert report.seconds > max(node.seconds for node in report.slowest) > 0
    assert [node.seconds for node in report.slowest] == sorted((n.seconds for n in report.slowest), reverse=True)
    assert len([text for text in report.warnings if "not_null_dim_center_remark" in text]) == 1


def test_variables_environment_and_private_folder(template: Template) -> None:
    folder = RunFolder(template.folder)
    assert folder.root.stat().st_mode & 0o777 == 0o700
    with duckdb.connect(str(folder.build_file), read_only=True) as connection:
        connection.execute(f"attach '{folder.landing_file}' as landing (read_only)")
        assert connection.execute("select distinct municipality_code from marts.mart_spending").fetchall() == [("151",)]
        assert connection.execute("select distinct as_of::varchar from marts.data_freshness").fetchall() == [
            ("2026-06-19",)
        ]
    log = (folder.logs / "dbt.log").read_text("utf-8")
    assert "dim_center" in log
    assert "\x1b" not in log
    assert [file.name for file in folder.logs.iterdir()] == ["dbt.log"]


@pytest.fixture(scope="module")
def failure(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, BuildFailed, list[logging.LogRecord]]:
    """A build with a model that can't cast a value, a failed test, a seed that can't load, and what depends on them."""
    base = tmp_path_factory.mktemp("failure")
    settings = Settings(home=base / "home", key_file=base / "key", threads=1, as_of="2026-06-19")
    quoted = SECRET.replace("'", "''")
    project = write_project(
        base / "project",
        {
            "models/staging/stg_postings.sql": f"select 1 as account_string, 2 as account_alias, 3 as amount_dkk,"
            f" 4 as posting_date, x as said from (values ('{quoted}')) as t (x)",
            "models/marts/mart_pupils.sql": "select cast(said as integer) as n from {{ ref('stg_postings') }}",
            "models/marts/mart_after.sql": "select * from {{ ref('mart_pupils') }}",
            "models/marts/mart_unknown.sql": "select no_such_column from {{ ref('centers') }}",
            "tests/three_rows.sql": "select * from range(3) where (select count(*) from {{ ref('dim_center') }}) > 0",
        },
    )
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]
    logger = logging.getLogger("include.warehouse.build")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        with pytest.raises(BuildFailed) as caught:
            build(settings, "failed", project=project, write_landing=plant)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
    return settings, caught.value, records


def test_each_failure_is_named_with_its_reason_and_its_sql(
    failure: tuple[Settings, BuildFailed, list[logging.LogRecord]],
) -> None:
    _, error, _ = failure
    lines = str(error).splitlines()
    cast = next(line for line in lines if line.startswith("- model mart_pupils (models/marts/mart_pupils.sql)"))
    assert "Could not convert string" in cast
    assert "INT32" in cast
    unknown = next(line for line in lines if line.startswith("- model mart_unknown"))
    assert "no_such_column" in unknown
    test = next(line for line in lines if line.startswith("- test three_rows (tests/three_rows.sql)"))
    assert "3 row(s) fail" in test
    for file in [line.removeprefix("  SQL: ") for line in lines if line.startswith("  SQL: ")]:
        assert Path(file).is_file()
    assert sum(line.startswith("  SQL: ") for line in lines) == 3
    assert any(line.startswith("- not built as a consequence (1): mart_after") for line in lines)
    assert lines.index(next(line for line in lines if "consequence" in line)) > lines.index(test)
    assert "Remedy:" in str(error)


def test_no_value_of_a_row_reaches_message_log_or_disk(
    failure: tuple[Settings, BuildFailed, list[logging.LogRecord]],
) -> None:
    settings, error, records = failure
    written = [str(error), *(record.getMessage() for record in records)]
    written += [
        file.read_text("utf-8")
        for folder in (settings.staging / "failed" / "logs", settings.staging / "failed" / "operations")
        for file in folder.rglob("*")
        if file.is_file()
    ]
    written.append((settings.staging / "failed" / "target" / "run_results.json").read_text("utf-8"))
    assert any("mart_pupils" in text for text in written)
    for text in written:
        # The statement that is shown below the message is the project's own; the planted literal is in another model.
        assert "Karla" not in text.replace("(values ('Karla", "")
        assert "Åse 4711 to" not in text


def test_progress_has_a_line_a_model(failure: tuple[Settings, BuildFailed, list[logging.LogRecord]]) -> None:
    _, _, records = failure
    said = [record.getMessage() for record in records]
    assert len([text for text in said if "OK created" in text and "dim_center" in text]) == 1
    assert len([text for text in said if "SKIP" in text and "mart_after" in text]) == 1
    assert {record.levelname for record in records if "mart_pupils" in record.getMessage()} == {"ERROR"}


def test_a_syntax_error_shows_dbts_last_lines_and_the_log(
    template: Template, settings: Settings, tmp_path: Path
) -> None:
    folder = template.copy_to(settings, "broken")
    (folder / "build" / "warehouse.duckdb.wal").write_bytes(b"of a writer that was killed")
    project = write_project(tmp_path / "project", {"models/marts/dim_center.sql": "select {{ ref('nowhere' }}"})
    with pytest.raises(BuildFailed) as caught:
        build(settings, "broken", project=project, write_landing=plant)
    message = str(caught.value)
    assert "before it had any result" in message
    assert "dim_center" in message
    assert Path(str(caught.value.where)).read_text("utf-8").count("dim_center") > 0
    # Nothing of the earlier attempt of this run is left: neither its build nor its results.
    assert not list((folder / "build").iterdir())
    assert not (folder / "inputs.json").exists()


ENDLESS = {"models/marts/dim_center.sql": "select count(*) as n from range(100000000000000) where random() > 2"}

BUILD = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[3:]
from include.settings import Settings
from include.warehouse.build import build
from tiny_dbt_project import plant
home = Path(sys.argv[1])
try:
    build(Settings(home=home, key_file=home / "key"), "endless", project=Path(sys.argv[2]), write_landing=plant)
except Exception as error:
    print(type(error).__name__, error)
"""


@contextlib.contextmanager
def _endless(tmp_path: Path, name: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A build that does not end, once its dbt has begun with the endless model: the process and dbt's id."""
    project = write_project(tmp_path / "project", ENDLESS)
    process = subprocess.Popen(
        [sys.executable, "-c", BUILD, str(tmp_path / name), str(project), str(PROJECT_ROOT), str(HERE)],
        stdout=subprocess.PIPE,
        text=True,
    )
    log = tmp_path / name / "staging" / "endless" / "logs" / "dbt.log"
    try:
        _wait(lambda: log.is_file() and "START sql table model marts.dim_center" in log.read_text("utf-8"))
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("ascii").split()
        assert len(children) == 1
        yield process, int(children[0])
    finally:
        process.kill()
        process.communicate()


def _wait(condition: object, seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_dbt_that_is_killed_is_reported_and_dbt_dies_with_a_killed_run(tmp_path: Path) -> None:
    with _endless(tmp_path, "first") as (process, dbt):
        os.kill(dbt, signal.SIGKILL)
        said = process.communicate(timeout=20)[0]
    assert said.startswith("BuildFailed")
    assert "signal 9" in said
    assert "START sql table model marts.dim_center" in said

    with _endless(tmp_path, "second") as (process, dbt):
        process.kill()
        process.wait()
        _wait(lambda: not Path(f"/proc/{dbt}").exists() or _is_zombie(dbt), seconds=5)


def _is_zombie(process: int) -> bool:
    return Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "Runtime Error in model b (models/b.sql)\n  Conversion Error: Could not convert string 'Bo 'x' 12' to "
            "INT32 when casting from source column t\n  \n  LINE 6: select cast(t as integer), 'literal'",
            "Runtime Error in model b (models/b.sql)\n  Conversion Error: Could not convert string '…' to "
            "INT32 when casting from source column t\n  \n  LINE 6: select cast(t as integer), 'literal'",
        ),
        (
            "Conversion Error: Type INT32 with value 70000 can't be cast to INT16",
            "Conversion Error: Type INT32 with value … can't be cast to INT16",
        ),
        (
            'Constraint Error: Duplicate key "id: 5, n: Åse" violates primary key constraint.',
            "Constraint Error: Duplicate key '…' violates primary key constraint.",
        ),
        ('Invalid Input Error: Could not parse string "31-02-20"', "Invalid Input Error: Could not parse string '…'"),
        ("Out of Range Error: Overflow of -5,3 + 12.5!", "Out of Range Error: Overflow of … + …!"),
        (
            'Invalid Input Error: Could not parse string "Åse 31" according to format specifier "%d"\nÅse 31\n^\n'
            "Error: Expected a number\n\nLINE 1: select strptime(t, '%d')",
            "Invalid Input Error: Could not parse string '…'\n… …\n^\nError: Expected a number\n\n"
            "LINE 1: select strptime(t, '%d')",
        ),
        ("Invalid Input Error: Åse i 3.a", "Invalid Input Error: … … …a"),
        ("Invalid Input Error: missing ): Åse(", "Invalid Input Error: missing ): …("),
        (
            "Constraint Error: NOT NULL constraint failed: mart_cases.team_name",
            "Constraint Error: NOT NULL constraint failed: mart_cases.team_name",
        ),
        ('Binder Error: Referenced column "x" not found', 'Binder Error: Referenced column "x" not found'),
        ("Got 3 results, configured to fail if != 0", "Got 3 results, configured to fail if != 0"),
    ],
)
def test_scrub_takes_values_and_leaves_names(message: str, expected: str) -> None:
    assert scrub(message) == expected


def test_inputs_say_what_the_build_was_made_from(template: Template) -> None:
    inputs = json.loads((template.folder / "inputs.json").read_text("utf-8"))
    assert inputs["as_of"] == "2026-06-19"
    assert inputs["is_synthetic"] is False
    assert len(inputs["landing_fingerprint"]) == 64


def test_run_ids_are_unique_and_in_order() -> None:
    ids = [new_run_id() for _ in range(2000)]
    assert len(set(ids)) == 2000
    assert ids == sorted(ids)
    assert RunFolder.of(Settings(home=Path("x")), ids[0]).root.is_absolute()


# --- documentation --------------------------------------------------------------------------------------------------


def test_the_documentation_is_one_page_without_paths_that_calls_nobody(template: Template) -> None:
    folder = RunFolder(template.folder)
    page = docs_page(folder).read_text("utf-8")
    assert "Centrets kode / The centre's code" in page
    assert "select center_code::varchar as center_code" in page
    # Compiled, as the build ran it.
    assert '\\"warehouse\\".\\"seeds\\".\\"centers\\"' in page or "target/compiled" in page
    head = page.partition("<script")[0]
    assert "Content-Security-Policy" in head
    assert "default-src 'none'" in head
    assert not re.search(r"(?:connect|frame|worker|child)-src|https?:", head.partition("Content-Security-Policy")[2])
    assert '"send_anonymous_usage_stats": true' not in page
    project = template.settings.home.parent / "project"
    for path in (template.folder, project, template.settings.home, PROJECT_ROOT, Path.home()):
        assert str(path) not in page
    assert '"run/target/compiled/' in page
    for key in PERSON_KEYS:
        assert str(key) not in page
    assert 0 < template.report.docs_seconds < 60
    assert not any("documentation" in text for text in template.report.warnings)


def test_the_documentation_leaves_the_manifest_and_results_of_the_build(template: Template) -> None:
    folder = RunFolder(template.folder)
    nodes = json.loads(folder.manifest_file.read_text("utf-8"))["nodes"]
    assert nodes["model.tiny.dim_center"]["compiled_code"]
    results = json.loads(folder.results_file.read_text("utf-8"))
    assert results["args"]["which"] == "build"
    assert len(results["results"]) == 11


NO_CATALOG = """
{% macro duckdb__get_catalog(information_schema, schemas) %}
    {{ exceptions.raise_compiler_error("no catalog today") }}
{% endmacro %}
"""


def test_a_release_without_documentation_says_so(settings: Settings, tmp_path: Path) -> None:
    run_id = "20260619T013000Z"
    project = write_project(tmp_path / "project", {"macros/no_catalog.sql": NO_CATALOG})
    report = build(settings, run_id, project=project, write_landing=plant)
    assert NO_DOCS in report.warnings
    folder = RunFolder.of(settings, run_id)
    assert not docs_page(folder).exists()
    assert "no catalog today" in (folder.logs / "dbt.log").read_text("utf-8")
    said = {"run_id": run_id, "critical": [], "warnings": []}
    (folder.operations / "validation.json").write_text(json.dumps(said), "utf-8")
    protect(settings, run_id)
    assert publish_step(settings, run_id)["notes"] == 1
    operations = settings.current_release / "operations"
    with duckdb.connect(str(operations / "operations.duckdb"), read_only=True) as connection:
        assert connection.execute("select note from notes").fetchall() == [(NO_DOCS,)]


def test_a_page_that_cannot_be_closed_to_the_internet_is_not_kept(template: Template, settings: Settings) -> None:
    folder = RunFolder(template.copy_to(settings, "page"))
    docs_page(folder).unlink()
    for text in ("", "<p>", "<html><script>'<head>'</script>"):
        (folder.target / MADE_BY_DBT).write_text(text, "utf-8")
        assert keep_page(settings, folder, PROJECT_ROOT) is False
        assert not docs_page(folder).exists()
    (folder.target / MADE_BY_DBT).write_text(f"<head></head>{folder.root}|{json.dumps('/å')}", "utf-8")
    assert keep_page(settings, folder, Path("/å"))
    assert docs_page(folder).read_text("utf-8").endswith('</head>run|"dbt_project"')


# --- what a run is made from ----------------------------------------------------------------------------------------


def landed(is_synthetic: bool | None, *, deliveries: int = 1) -> Callable[[Settings, Path], None]:
    """Landing's database as of a moment with so many current deliveries, all made up or all real."""

    def write(settings: Settings, path: Path) -> None:
        plant(settings, path)
        with duckdb.connect(str(path)) as connection:
            connection.execute("update landing set fingerprint = repeat('ab', 32), is_synthetic = ?", [is_synthetic])
            deliver(connection, deliveries)

    return write


def marked(settings: Settings) -> Settings:
    """The settings with an inbox that says of itself that it is made up."""
    settings.inbox.mkdir(parents=True, exist_ok=True)
    (settings.inbox / "SYNTHETIC.json").write_text('{"as_of": "2026-06-19"}', "utf-8")
    return settings


def test_made_up_data_are_not_built_as_real_ones_nor_the_reverse(settings: Settings, tmp_path: Path) -> None:
    project = write_project(tmp_path / "project")
    with pytest.raises(
        WarehouseError, match=r"has landed is synthetic, and the inbox says that it is real[\s\S]*Remedy"
    ):
        build(settings, "run", project=project, write_landing=landed(is_synthetic=True))
    marked(settings)
    with pytest.raises(WarehouseError, match="has landed is real, and the inbox says that it is synthetic"):
        build(settings, "run", project=project, write_landing=landed(is_synthetic=False))
    assert not (settings.staging / "run" / "inputs.json").exists()


def test_without_a_delivery_the_inbox_says_what_the_data_are(settings: Settings) -> None:
    nothing = Landed(fingerprint="", is_synthetic=None, deliveries=())
    assert decided_synthetic(settings, nothing) is False
    assert decided_synthetic(marked(settings), nothing) is True


def test_a_run_is_made_from_one_moment_of_the_ledger(settings: Settings, tmp_path: Path) -> None:
    """What comes to the ledger during or after the build changes neither inputs nor manifest nor notes."""
    run_id = "20260619T013000Z"
    as_of = "models/marts/dim_center.sql"
    project = write_project(
        tmp_path / "project",
        {
            as_of: "select center_code, center_name, ['a'] as contributors, "
            "'{{ var(\"is_synthetic\") }}' as remark from {{ ref('centers') }}"
        },
    )
    build(marked(settings), run_id, project=project, write_landing=landed(is_synthetic=True, deliveries=2))
    folder = RunFolder.of(settings, run_id)
    inputs = folder.inputs()
    assert (inputs["is_synthetic"], inputs["landing_fingerprint"]) == (True, "ab" * 32)
    said = {"run_id": run_id, "critical": [], "warnings": ["marts: few"]}
    (folder.operations / "validation.json").write_text(json.dumps(said), "utf-8")
    protect(settings, run_id)
    (settings.inbox / "SYNTHETIC.json").unlink()
    assert publish_step(settings, run_id)["notes"] == 3
    release = settings.current_release
    manifest = json.loads((release / "manifest.json").read_text("utf-8"))
    assert (manifest["is_synthetic"], manifest["landing_fingerprint"]) == (True, "ab" * 32)
    assert [delivery["file"] for delivery in manifest["deliveries"]] == ["enrolments_0.csv", "enrolments_1.csv"]
    with duckdb.connect(str(release / "warehouse.duckdb"), read_only=True) as connection:
        assert connection.execute("select distinct remark from marts.dim_center").fetchall() == [("True",)]
    with duckdb.connect(str(release / "operations" / "operations.duckdb"), read_only=True) as connection:
        assert connection.execute("select note from notes").fetchall() == [
            ("marts: few",), ("enrolments/enrolments_0.csv: fewer rows",), ("enrolments/enrolments_1.csv: fewer rows",),
        ]  # fmt: skip


def test_a_run_that_was_published_is_not_built_again(template: Template, settings: Settings) -> None:
    release = settings.releases / "20260619T013000Z"
    release.mkdir(parents=True)
    folder = template.copy_to(settings, release.name)
    with pytest.raises(WarehouseError, match=r"this run was already published[\s\S]*Remedy: start a new run: "):
        build(settings, release.name, write_landing=plant)
    assert (folder / "inputs.json").is_file()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_staging_is_for_the_owner_only_whatever_the_umask(settings: Settings, tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with pytest.raises(WarehouseError):
            build(settings, "run", project=tmp_path, write_landing=landed(is_synthetic=True))
    finally:
        os.umask(before)
    root = settings.staging / "run"
    folders = [settings.staging, root, *(path for path in root.iterdir() if path.is_dir())]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}
