"""Publishing real builds: what lies where, that nothing tears, and that any kept release comes back in a second."""

from __future__ import annotations

import json
import os
import random
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tiny_dbt_project import PERSON_KEYS, Template

from include.errors import WarehouseError
from include.landing.contract import load_contracts
from include.settings import PROJECT_ROOT, Settings
from include.warehouse.content_hash import content_hash
from include.warehouse.disclosure import HIDDEN_COLUMNS, HIDDEN_DESCRIPTIONS, PROTECTED
from include.warehouse.marts import with_article
from include.warehouse.protect import protect
from include.warehouse.release import (
    Release,
    current,
    new_run_id,
    publish,
    refresh_lock,
    releases,
    rollback,
    sweep,
    verify,
)

Run = Callable[[str], Path]
HERE = str(Path(__file__).parent)

# --- content hash ---------------------------------------------------------------------------------------------------


def digest(*statements: str, load_times: tuple[str, ...] = (), threads: int = 2) -> str:
    """The hash of a database with one table marts.t that the statements make."""
    with duckdb.connect(config={"threads": threads}) as connection:
        connection.execute("create schema marts")
        for statement in statements:
            connection.execute(statement)
        return content_hash(connection, [("memory", "t")], load_times=load_times)


ROWS = "create table marts.t as select i, i % 7 as k, 'x' || i as s, i::decimal(18, 2) / 3 as d from range(20000) r (i)"


def test_the_hash_does_not_know_row_order_threads_or_layout() -> None:
    shuffled = "create or replace table marts.t as from marts.t order by hash(i)"
    doubled = "insert into marts.t from marts.t where i < 10"
    halved = "delete from marts.t where rowid >= 20000"
    assert digest(ROWS) == digest(ROWS, shuffled, threads=1) == digest(ROWS, doubled, "checkpoint", halved)


@pytest.mark.parametrize(
    "change",
    [
        "update marts.t set s = 'y' where i = 17",
        "insert into marts.t from marts.t where i = 17",
        "insert into marts.t from marts.t where i in (17, 18, 17)",
        "delete from marts.t where i = 17",
        "update marts.t set s = null where i = 17",
        "update marts.t set s = 'NULL' where i = 17",
        "update marts.t set s = 'null' where i = 17",
        "update marts.t set s = '' where i = 17",
        "update marts.t set i = 18 where i = 17",
        "alter table marts.t rename column k to kk",
        "alter table marts.t alter k type integer",
        "alter table marts.t add column e integer",
        "create or replace table marts.t as select k, i, s, d from marts.t",
    ],
)
def test_the_hash_knows_every_change(change: str) -> None:
    changed = digest(ROWS, change)
    assert changed != digest(ROWS)
    _SEEN.setdefault(changed, change)
    assert _SEEN[changed] == change


_SEEN: dict[str, str] = {}


def test_values_do_not_run_into_each_other_and_twice_is_not_never() -> None:
    made = "create table marts.t as select * from (values {}) as v (a, b)"
    texts = ["('x', 'yz')", "('xy', 'z')", "(null, 'NULL')", "('NULL', null)", "('x\",\"b\":\"y', 'z')"]
    texts += ["('x', 'yz'), ('x', 'yz')", "('x', 'yz'), ('x', 'yz'), ('x', 'yz')", "('p', 'q'), ('p', 'q')"]
    assert len({digest(made.format(text)) for text in texts}) == len(texts)
    precise = "create table marts.t as select 1234567890123456.{} ::decimal(20, 2) as d, null as b"
    assert digest(precise.format(12)) != digest(precise.format(13))


def test_load_times_are_left_out_and_instants_do_not_depend_on_the_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    made = "create table marts.t as select 1 as a, {} as loaded_at"
    earlier, later = made.format("timestamp '2026-01-01'"), made.format("timestamp '2026-01-02'")
    assert digest(earlier) != digest(later)
    assert digest(earlier, load_times=("t.loaded_at",)) == digest(later, load_times=("t.loaded_at",))
    assert digest(earlier, load_times=("u.loaded_at",)) != digest(later, load_times=("u.loaded_at",))
    instant = "create table marts.t as select timestamptz '2026-06-01 12:00:00+00' as seen"
    assert digest("set TimeZone = 'America/New_York'", instant) == digest("set TimeZone = 'Asia/Tokyo'", instant)


# --- what a release is ----------------------------------------------------------------------------------------------


def tables(file: Path) -> set[str]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return {
            f"{schema}.{name}"
            for schema, name in connection.execute(
                "select table_schema, table_name from information_schema.tables"
            ).fetchall()
        }


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_release_has_its_parts_in_their_places(run: Run, settings: Settings, umask: int) -> None:
    folder = run("20260619T013000Z")
    settings.home.chmod(0o700)
    before = os.umask(umask)
    try:
        release = publish(settings, folder.name, notes=["absence_days: fewer rows than usual"])
    finally:
        os.umask(before)
    path = settings.releases / "current"
    assert path.readlink() == Path("20260619T013000Z")
    marts = {"marts.data_freshness", "marts.dim_center", "marts.mart_pupils", "marts.mart_spending"}
    assert tables(path / "warehouse.duckdb") == marts
    assert tables(path / "restricted" / "warehouse.duckdb") == {"marts.mart_pupils"}
    modes = {str(file.relative_to(release.path)): stat.S_IMODE(file.stat().st_mode) for file in release.path.rglob("*")}
    assert modes["warehouse.duckdb"] == modes["manifest.json"] == 0o644
    assert modes["restricted"] == modes["operations"] == 0o750
    docs = {"operations/data_docs", "operations/data_docs/validations", "operations/dbt_docs"}
    assert {modes.pop(place) for place in docs} == {0o750}
    assert {mode for name, mode in modes.items() if "/" in name} == {0o640}
    assert {"operations/data_docs/validations/dim_center.html", "operations/dbt_docs/index.html"} <= set(modes)
    for way in (settings.home, settings.releases, release.path):
        assert stat.S_IMODE(way.stat().st_mode) == 0o755
    assert not list(release.path.rglob("*.wal"))
    assert {"protection.json", "dbt_manifest.json", "dbt_run_results.json", "dbt.log", "operations.duckdb"} <= {
        file.name for file in (release.path / "operations").iterdir()
    }
    assert not list(settings.staging.iterdir())
    assert current(settings) == release
    assert releases(settings) == [release]


def test_tables_and_columns_say_what_they_are(run: Run, settings: Settings) -> None:
    release = publish(settings, run("20260619T013000Z").name)
    with duckdb.connect(str(release.path / "warehouse.duckdb"), read_only=True) as connection:
        said = connection.execute("select comment from duckdb_tables() where table_name = 'dim_center'").fetchone()
        assert said == ("Centre / Centres (each row is a centre)",)
        said = connection.execute(
            "select comment from duckdb_columns() where table_name = 'dim_center' and column_name = 'center_code'"
        ).fetchone()
        assert said == ("Centrets kode / The centre's code",)
        said = connection.execute("select comment from duckdb_tables() where table_name = 'mart_spending'").fetchone()
        assert said == ("Each row is an account's posting",)
        for name, description in zip(HIDDEN_COLUMNS, HIDDEN_DESCRIPTIONS, strict=True):
            said = connection.execute(
                "select comment from duckdb_columns() where table_name = 'mart_pupils' and column_name = ?", [name]
            ).fetchone()
            assert said == (description,)
        said = connection.execute("select comment from duckdb_tables() where table_name = 'mart_pupils'").fetchone()
        assert said == (f"Each row is a school and grade. {PROTECTED}",)
        rows = connection.execute("select center_code, contributors, remark from marts.dim_center").fetchall()
        assert rows == [("1", ["a", "b"], None), ("2", ["a", "b"], None)]


def test_the_manifest_says_what_the_release_is_and_counts_no_exact_rows(run: Run, settings: Settings) -> None:
    release = publish(settings, run("20260619T013000Z").name, notes=["one", "two"])
    manifest = json.loads((release.path / "manifest.json").read_text("utf-8"))
    assert manifest["release_id"] == manifest["run_id"] == "20260619T013000Z"
    assert manifest["made_at"].endswith("+00:00")
    assert manifest["as_of"] == "2026-06-19"
    assert manifest["municipality"] == {"code": "151", "name": "Ballerup"}
    assert manifest["is_synthetic"] is False
    published = {"data_freshness": len(load_contracts()), "dim_center": 2, "mart_pupils": 1, "mart_spending": 200}
    assert manifest["tables"] == published
    assert manifest["protected_tables"] == manifest["restricted_tables"] == ["mart_pupils"]
    assert manifest["protected_hash"] != manifest["content_hash"]
    assert manifest["load_times"] == ["data_freshness.loaded_at"]
    assert manifest["deliveries"] == []
    assert len(manifest["stale_datasets"]) == len(load_contracts())
    assert manifest["versions"]["duckdb"] == duckdb.__version__
    assert manifest["notes"] == 2
    with duckdb.connect(str(release.path / "operations" / "operations.duckdb"), read_only=True) as connection:
        assert connection.execute("select note from notes").fetchall() == [("one",), ("two",)]
        assert connection.execute("select count(*) from dbt_results where status = 'success'").fetchone() == (7,)
        names = {name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()}
        assert names == {
            "runs", "steps", "deliveries", "quarantine", "dbt_results", "validation_results", "notes",
        }  # fmt: skip


@pytest.mark.parametrize(
    ("noun", "said"),
    [
        ("initiative of a year", "an initiative of a year"),
        ("amount", "an amount"),
        ("Answer", "an Answer"),
        ("hour", "an hour"),
        ("institution", "an institution"),
        ("umbrella", "an umbrella"),
        ("unit", "a unit"),
        ("use of a place", "a use of a place"),
        ("one-off", "a one-off"),
        ("house", "a house"),
        ("school", "a school"),
    ],
)
def test_the_article_goes_by_the_sound(noun: str, said: str) -> None:
    assert with_article(noun) == said


def test_no_person_key_is_in_the_public_file(run: Run, settings: Settings) -> None:
    release = publish(settings, run("20260619T013000Z").name)
    content = (release.path / "warehouse.duckdb").read_bytes()
    assert b"Centrets kode" in content
    for key in PERSON_KEYS:
        assert key.to_bytes(4, "little") not in content
        assert str(key).encode() not in content


def test_the_same_build_has_the_same_content_and_a_changed_one_another(run: Run, settings: Settings) -> None:
    first = publish(settings, run("20260619T013000Z").name)
    folder = run("20260619T013001Z")
    with duckdb.connect(str(folder / "build" / "warehouse.duckdb")) as connection:
        connection.execute("update marts.data_freshness set loaded_at = loaded_at + interval 1 hour")
    second = publish(settings, folder.name)
    folder = run("20260619T013002Z")
    with duckdb.connect(str(folder / "build" / "warehouse.duckdb")) as connection:
        connection.execute("update marts.mart_pupils set pupils = pupils + 1")
    third = publish(settings, folder.name)
    assert first.content_hash == second.content_hash != third.content_hash
    for release in (first, second, third):
        verify(settings, release.release_id, with_content=True)


def pupils(release: Release) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(release.path / "warehouse.duckdb"), read_only=True) as connection:
        return connection.execute("from marts.mart_pupils order by all").fetchall()


def test_figures_about_persons_change_once_a_month(run: Run, settings: Settings) -> None:
    def night(run_id: str, as_of: str, number: int, *, grades: int = 1) -> Release:
        folder = run(run_id)
        _edit(folder, "inputs.json", lambda inputs: inputs.update(as_of=as_of))
        with duckdb.connect(str(folder / "build" / "warehouse.duckdb")) as connection:
            connection.execute(f"update marts.mart_pupils set pupils = {number}")
            connection.execute(f"insert into marts.mart_pupils from marts.mart_pupils limit {grades - 1}")
            connection.execute("update marts.mart_pupils set grade_level = rowid")
        protect(settings, run_id)
        return publish(settings, run_id)

    first = night("20260618T013000Z", "2026-06-18", 40)
    second = night("20260619T013000Z", "2026-06-19", 62, grades=2)
    assert pupils(first) == pupils(second) == [("151003", 0, 40, False, [])]
    assert first.content_hash != second.content_hash
    manifests = [json.loads((one.path / "manifest.json").read_text("utf-8")) for one in (first, second)]
    assert manifests[0]["protected_hash"] != manifests[0]["content_hash"]
    third = night("20260701T013000Z", "2026-07-01", 65, grades=2)
    assert pupils(third) == [("151003", 0, 65, False, []), ("151003", 1, 65, False, [])]
    registry = settings.home / "disclosure" / "registry"
    with duckdb.connect() as connection:
        counted = [
            connection.execute(f"select count(*) from '{registry}/{one.release_id}.parquet'").fetchone()
            for one in (first, second, third)
        ]
        # Each row is registered with its figure: that it is there is told too.
        assert counted == [(2,), (0,), (4,)]


def test_nothing_is_published_that_has_not_passed_the_gate(run: Run, settings: Settings) -> None:
    folder = run("20260619T013000Z")
    gate = folder / "operations" / "protection.json"
    gate.write_text(gate.read_text("utf-8").replace('"is_passed": true', '"is_passed": false'), "utf-8")
    with pytest.raises(WarehouseError, match="has not passed the disclosure gate"):
        publish(settings, folder.name)
    gate.unlink()
    with pytest.raises(WarehouseError, match="has not passed the disclosure gate"):
        publish(settings, folder.name)
    with pytest.raises(WarehouseError, match="no finished build"):
        publish(settings, "20260619T013001Z")
    assert current(settings) is None
    assert releases(settings) == []


def _no_results(folder: Path) -> None:
    (folder / "target" / "run_results.json").unlink()


def _edit(folder: Path, name: str, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads((folder / name).read_text("utf-8"))
    change(content)
    (folder / name).write_text(json.dumps(content), "utf-8")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: (f / "operations" / "validation.json").unlink(), "not passed the gate of expectations"),
        (lambda f: (f / "operations" / "validation.json").write_text("{", "utf-8"), "not passed the gate of expect"),
        (lambda f: _edit(f, "operations/validation.json", lambda c: c["critical"].append("x")), "of expectations"),
        (lambda f: _edit(f, "operations/validation.json", lambda c: c.pop("critical")), "of expectations"),
        (lambda f: _edit(f, "operations/validation.json", lambda c: c.update(run_id="other")), "of expectations"),
        (lambda f: _edit(f, "operations/protection.json", lambda c: c.update(run_id="other")), "disclosure gate"),
        (_no_results, "0 there"),
        (lambda f: _edit(f, "target/run_results.json", lambda c: c["results"][3].update(status="fail")), "1 of them"),
        (lambda f: _edit(f, "target/run_results.json", lambda c: c["results"][0].update(status="error")), "1 of them"),
        (lambda f: _edit(f, "target/run_results.json", lambda c: c["results"][1].update(status="skipped")), "1 of t"),
        (lambda f: _edit(f, "target/run_results.json", lambda c: c["results"].pop()), "1 models, seeds or tests"),
    ],
)
def test_each_gate_must_have_said_yes_of_this_very_run(
    run: Run, settings: Settings, spoil: Callable[[Path], object], said: str
) -> None:
    spoil(run("20260619T013000Z"))
    with pytest.raises(WarehouseError, match=rf"{said}[\s\S]*Remedy: ") as caught:
        publish(settings, "20260619T013000Z")
    assert "20260619T013000Z" in str(caught.value)
    assert current(settings) is None


# --- a release is published once -----------------------------------------------------------------------------------


def test_an_old_run_that_is_published_again_changes_nothing(run: Run, settings: Settings) -> None:
    first = publish(settings, run("20260618T013000Z").name)
    second = publish(settings, run("20260619T013000Z").name)
    for is_back in (False, True):
        if is_back:
            # As if the publication had been killed before it swept.
            run(first.release_id)
        with pytest.raises(WarehouseError, match=r"this run was already published[\s\S]*Remedy: start a new run"):
            publish(settings, first.release_id)
        assert current(settings) == second


def test_an_attempt_that_was_killed_is_not_finished_over_something_newer(run: Run, settings: Settings) -> None:
    first = publish(settings, run("20260617T013000Z").name)
    second = publish(settings, run("20260618T013000Z").name)
    settings.current_release.unlink()
    settings.current_release.symlink_to(first.release_id)
    run(second.release_id)
    (settings.releases / "20260619T013000Z").mkdir()
    (settings.releases / "20260619T013000Z" / "manifest.json").write_bytes(
        (second.path / "manifest.json").read_bytes().replace(b"20260618T013000Z", b"20260619T013000Z")
    )
    with pytest.raises(WarehouseError, match="already published"):
        publish(settings, second.release_id)
    assert settings.current_release.readlink() == Path(first.release_id)


def test_what_was_put_away_by_a_rollback_stays_away(run: Run, settings: Settings) -> None:
    first = publish(settings, run("20260618T013000Z").name)
    second = publish(settings, run("20260619T013000Z").name)
    rollback(settings, first.release_id)
    for is_back in (False, True):
        if is_back:
            run(second.release_id)
        with pytest.raises(WarehouseError, match="warehouse rollback 20260619T013000Z"):
            publish(settings, second.release_id)
    assert settings.current_release.readlink() == Path(first.release_id)
    assert rollback(settings, second.release_id).is_current


def test_a_publication_that_is_tried_again_after_its_end_is_content(run: Run, settings: Settings) -> None:
    release = publish(settings, run("20260619T013000Z").name)
    assert publish(settings, release.release_id) == release


# --- putting a release back -----------------------------------------------------------------------------------------


def test_rollback_takes_a_second_and_the_next_night_publishes_as_ever(run: Run, settings: Settings) -> None:
    first = publish(settings, run("20260617T013000Z").name)
    publish(settings, run("20260618T013000Z").name)
    manifest = (first.path / "manifest.json").read_bytes()
    started = time.monotonic()
    back = rollback(settings, first.release_id)
    assert time.monotonic() - started < 1
    assert back.is_current
    assert back.release_id == first.release_id
    assert (first.path / "manifest.json").read_bytes() == manifest
    (note,) = (settings.releases / "rollbacks.jsonl").read_text("utf-8").splitlines()
    assert json.loads(note)["from"] == "20260618T013000Z"
    assert json.loads(note)["to"] == "20260617T013000Z"
    assert json.loads(note)["when"].endswith("+00:00")
    assert [release.is_current for release in releases(settings)] == [False, True]
    third = publish(settings, run("20260619T013000Z").name)
    assert current(settings) == third
    assert len(releases(settings)) == 3


def test_a_release_that_is_not_whole_is_not_put_back(run: Run, settings: Settings) -> None:
    for day in (15, 16, 17, 18):
        publish(settings, run(f"202606{day}T013000Z").name)
    torn = settings.releases / "20260615T013000Z" / "warehouse.duckdb"
    torn.write_bytes(torn.read_bytes()[:4096])
    (settings.releases / "20260616T013000Z" / "restricted" / "warehouse.duckdb").unlink()
    with duckdb.connect(str(settings.releases / "20260617T013000Z" / "warehouse.duckdb")) as connection:
        connection.execute("delete from marts.dim_center")
    for name in ("20260615T013000Z", "20260616T013000Z", "20260617T013000Z", "20260101T013000Z", "../releases"):
        with pytest.raises(WarehouseError, match="Remedy"):
            rollback(settings, name)
    assert settings.current_release.readlink() == Path("20260618T013000Z")
    assert not (settings.releases / "rollbacks.jsonl").exists()


def test_a_link_that_leads_nowhere_is_said_and_mended(run: Run, settings: Settings) -> None:
    publish(settings, run("20260618T013000Z").name)
    settings.current_release.unlink()
    settings.current_release.symlink_to("20260101T013000Z")
    with pytest.raises(WarehouseError, match="no readable manifest"):
        current(settings)
    assert rollback(settings, "20260618T013000Z").is_current


# --- sweeping -------------------------------------------------------------------------------------------------------


def test_the_newest_stay_and_the_current_one_always(run: Run, settings: Settings) -> None:
    few = settings.model_copy(update={"kept_releases": 2})
    for day in (15, 16, 17):
        publish(few, run(f"202606{day}T013000Z").name)
    assert [release.release_id[6:8] for release in releases(few)] == ["17", "16"]
    rollback(few, "20260616T013000Z")
    (few.releases / "20260618T013000Z").mkdir()
    (few.releases / "20260619T013000Z").mkdir()
    removed = sweep(few, published="20260616T013000Z")
    assert removed == ["20260617T013000Z"]
    assert current(few) is not None


def test_a_release_that_was_put_back_outlives_the_next_publication_for_those_who_followed_the_link(
    run: Run, settings: Settings
) -> None:
    few = settings.model_copy(update={"kept_releases": 2})
    for day in (15, 16):
        publish(few, run(f"202606{day}T013000Z").name)
    rollback(few, "20260615T013000Z")
    followed = few.current_release.resolve()
    publish(few, run("20260617T013000Z").name)
    assert tables(followed / "warehouse.duckdb")
    publish(few, run("20260618T013000Z").name)
    assert [release.release_id[6:8] for release in releases(few)] == ["18", "17"]


def test_orphans_go_and_a_run_that_began_later_stays(run: Run, settings: Settings) -> None:
    killed, mine, later = run("20260617T013000Z"), run("20260618T013000Z"), run("20260619T013000Z")
    (settings.releases / "20260101T013000Z.partial").mkdir(parents=True)
    (settings.releases / ".current-1.partial").symlink_to("nowhere")
    (settings.staging / "20260620T013000Z.partial").mkdir()
    publish(settings, mine.name)
    assert not killed.exists()
    assert [path.name for path in settings.staging.iterdir()] == [later.name]
    assert sorted(path.name for path in settings.releases.iterdir()) == ["20260618T013000Z", "current"]


# --- one at a time --------------------------------------------------------------------------------------------------

HOLD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from include.settings import Settings
from include.warehouse.lock import refresh_lock
with refresh_lock(Settings(home=Path(sys.argv[1]), key_file=Path("x"))):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_only_one_process_refreshes_and_a_killed_one_does_not_block(run: Run, settings: Settings) -> None:
    folder = run("20260619T013000Z")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(settings.home), str(PROJECT_ROOT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        for action in (lambda: publish(settings, folder.name), lambda: rollback(settings, "x")):
            with pytest.raises(WarehouseError, match=rf"another refresh is under way \(process {holder.pid}\)"):
                action()
    finally:
        holder.kill()
        holder.communicate()
    assert publish(settings, folder.name).is_current


def test_the_lock_may_be_taken_inside_itself_and_ends_with_the_outermost(settings: Settings) -> None:
    command = [sys.executable, "-c", HOLD, str(settings.home), str(PROJECT_ROOT)]
    with refresh_lock(settings):
        with refresh_lock(settings):
            pass
        tried = subprocess.run(command, input="", capture_output=True, text=True, check=False)
        assert f"process {os.getpid()}" in tried.stderr
    assert subprocess.run(command, input="", capture_output=True, text=True, check=False).stdout == "held\n"


# --- kill -9 --------------------------------------------------------------------------------------------------------

# Imports once, then forks a child for every line it reads: "N" publishes one run after the other, and is ended at its
# Nth step that changes a disk (N = 0: never by itself). A reader opens `current` all the time, as a BI tool does.
PUBLISHER = """
import os, shutil, signal, sys
from pathlib import Path
sys.path[:0] = sys.argv[3:]
from include.settings import Settings
from include.warehouse.release import new_run_id, publish
from tiny_dbt_project import call
settings = Settings(home=Path(sys.argv[1]), key_file=Path("x"), threads=1, kept_releases=4)
STEPS = {"rename", "replace", "symlink", "mkdir", "rmdir", "unlink", "chmod", "fsync", "open"}
for line in sys.stdin:
    child = os.fork()
    if child:
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print("ended", os.waitstatus_to_exitcode(status), flush=True)
        continue
    last, done = int(line), 0
    def count(frame, event, function):
        global done
        if event == "c_call" and function.__name__ in STEPS:
            done += 1
            if done == last:
                os.kill(os.getpid(), signal.SIGKILL)
    while True:
        run_id = new_run_id()
        shutil.copytree(sys.argv[2], settings.staging / run_id)
        call(settings.staging / run_id, run_id)
        done = 0
        sys.setprofile(count)
        publish(settings, run_id)
        sys.setprofile(None)
        if last:
            print("steps", done, flush=True)
            os._exit(0)
"""

READER = """
import os, sys, time
import duckdb
file, end, reads, failed = sys.argv[1], sys.argv[2], 0, []
while not os.path.exists(end):
    try:
        with duckdb.connect(file, read_only=True) as connection:
            rows = connection.execute("select count(*), sum(amount_dkk) from marts.mart_spending").fetchone()
            assert rows[0] == 200 and str(rows[1]) == "4975.00", rows
        reads += 1
    except Exception as error:
        failed.append(repr(error))
    time.sleep(0.01)
print(reads, failed)
"""


@pytest.fixture
def publisher(template: Template, settings: Settings) -> Iterator[subprocess.Popen[str]]:
    settings.staging.mkdir(parents=True)
    process = subprocess.Popen(
        [sys.executable, "-c", PUBLISHER, str(settings.home), str(template.folder), str(PROJECT_ROOT), HERE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def say(process: subprocess.Popen[str], steps: int) -> int:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{steps}\n")
    process.stdin.flush()
    return int(process.stdout.readline())


def hear(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    return process.stdout.readline().split()


def test_kill_9_at_any_step_leaves_a_whole_release_and_readers_see_none_fail(
    publisher: subprocess.Popen[str], run: Run, settings: Settings, tmp_path: Path
) -> None:
    content = publish(settings, run(new_run_id()).name).content_hash
    end = tmp_path / "end"
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(settings.current_release / "warehouse.duckdb"), str(end)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        say(publisher, 10_000)
        whole, steps = hear(publisher)
        assert (whole, hear(publisher)) == ("steps", ["ended", "0"])
        total = int(steps)
        assert total > 30
        # Every step of the publication's end (rename, swap, sweep), and some of the long beginning.
        chosen = sorted({*range(total - 11, total + 1), *range(1, total, max(1, total // 4))})
        for step in chosen:
            say(publisher, step)
            assert hear(publisher) == ["ended", "-9"], step
            standing = current(settings)
            assert standing is not None
            assert verify(settings, standing.release_id, with_content=True).content_hash == content
            # No release is read whose figures the registry does not know.
            assert (settings.home / "disclosure" / "registry" / f"{standing.release_id}.parquet").is_file()
        dice = random.Random(2026)  # noqa: S311
        for _ in range(4):
            child = say(publisher, 0)
            time.sleep(dice.uniform(0.02, 0.5))
            os.kill(child, signal.SIGKILL)
            assert hear(publisher) == ["ended", "-9"]
            standing = current(settings)
            assert standing is not None
            assert verify(settings, standing.release_id, with_content=True).content_hash == content
    finally:
        end.touch()
        said, _ = reader.communicate(timeout=20)
    reads, _, failed = said.partition(" ")
    assert failed.strip() == "[]"
    assert int(reads) > 20
    # The next run publishes as if nothing had been, and nothing of the killed ones is left.
    after = publish(settings, run(new_run_id()).name)
    assert current(settings) == after
    assert after.content_hash == content
    assert not list(settings.staging.iterdir())
    left = [path.name for path in settings.releases.iterdir() if path.name != "current"]
    assert len(left) <= settings.kept_releases
    assert all((settings.releases / name / "manifest.json").is_file() for name in left)
    assert not [path for path in settings.releases.rglob("*") if path.suffix in {".wal", ".partial"}]


def test_an_attempt_killed_between_rename_and_swap_is_finished_by_the_next(run: Run, settings: Settings) -> None:
    first = publish(settings, run("20260618T013000Z").name)
    second = publish(settings, run("20260619T013000Z").name)
    settings.current_release.unlink()
    settings.current_release.symlink_to(first.release_id)
    run(second.release_id)
    assert publish(settings, second.release_id).is_current
    assert current(settings) == second
    assert not list(settings.staging.iterdir())
