"""`make up` and `make down`: real processes and signals, with a stand-in for Airflow that starts in no time."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from include.errors import WarehouseError
from include.operations import standalone
from include.settings import PROJECT_ROOT, Settings

SUPERVISOR = Path(__file__).parent / "fake_supervisor.py"


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    return number


@pytest.fixture
def home(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A home whose processes are gone when the test ends, however it ends."""
    monkeypatch.setattr(standalone, "END_SECONDS", 3.0)
    yield settings
    for process in standalone.processes(settings):
        process.kill()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def up(home: Settings, port: int, said: list[str]) -> Callable[[], standalone.Running]:
    command = [sys.executable, str(SUPERVISOR), str(port)]
    return lambda: standalone.up(home, supervisor=command, port=port, say=said.append)


def down(settings: Settings) -> int:
    return standalone.down(settings, lambda _: None)


def names(settings: Settings) -> list[str]:
    """What runs for this home: the last words of the commands."""
    found = []
    for process in standalone.processes(settings):
        words = process.cmdline()
        found.append("supervisor" if str(SUPERVISOR) in words else next(w for w in words[2:] if not w.startswith("-")))
    return sorted(found)


def supervisor_of(settings: Settings) -> psutil.Process:
    (found,) = [process for process in standalone.processes(settings) if str(SUPERVISOR) in process.cmdline()]
    return found


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.05)
    return is_so()


ALL = ["api-server", "dag-processor", "scheduler", "supervisor", "triggerer"]


def test_up_starts_all_parts_in_one_session_and_says_how_to_log_in(
    up: Callable[[], standalone.Running], home: Settings, port: int
) -> None:
    running = up()
    assert names(home) == ALL
    assert {os.getsid(process.pid) for process in standalone.processes(home)} == {supervisor_of(home).pid}
    assert os.getsid(0) != supervisor_of(home).pid
    shown = "\n".join(running.lines(home))
    assert f"http://127.0.0.1:{port}" in shown
    passwords = home.airflow_home / "passwords.json"
    assert json.loads(passwords.read_text("utf-8")) == {"admin": running.password}
    assert running.password in shown
    assert len(running.password) >= 20
    assert running.paused == ["extract_trivsel"]
    assert "paused by hand:  extract_trivsel" in shown


def test_down_leaves_no_process_and_no_port(up: Callable[[], standalone.Running], home: Settings, port: int) -> None:
    up()
    assert is_listening(port)
    assert down(home) == len(ALL)
    assert names(home) == []
    assert not is_listening(port)
    assert down(home) == 0, "a second one has nothing to do"


def test_a_second_up_starts_nothing(up: Callable[[], standalone.Running], home: Settings, said: list[str]) -> None:
    first = up()
    before = {process.pid for process in standalone.processes(home)}
    assert up() == first
    assert {process.pid for process in standalone.processes(home)} == before
    assert any("up already" in line for line in said)


def test_what_only_its_owner_may_read(up: Callable[[], standalone.Running], home: Settings) -> None:
    up()
    assert home.airflow_home.stat().st_mode & 0o077 == 0
    for name in ("passwords.json", "secrets.json"):
        assert (home.airflow_home / name).stat().st_mode & 0o777 == 0o600, name
    logs = list(standalone.logs_folder(home).glob("*.log"))
    assert len(logs) == 6
    assert all(log.stat().st_mode & 0o077 == 0 for log in logs)


def test_a_taken_port_is_named_and_nothing_is_started(
    up: Callable[[], standalone.Running], home: Settings, port: int
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(WarehouseError, match=f"port {port} on 127.0.0.1 is taken.*--port {port + 10}"):
            up()
    assert names(home) == []


@pytest.mark.parametrize("killed", [["supervisor"], ["supervisor", "scheduler", "api-server"], ["triggerer"]])
def test_down_ends_all_when_half_of_it_has_died(
    up: Callable[[], standalone.Running], home: Settings, killed: list[str]
) -> None:
    up()
    for process in standalone.processes(home):
        if any(name in process.cmdline() for name in killed) or (
            "supervisor" in killed and str(SUPERVISOR) in process.cmdline()
        ):
            process.kill()
    assert down(home) >= 1
    assert names(home) == []


def test_up_ends_what_is_left_and_starts_anew(
    up: Callable[[], standalone.Running], home: Settings, said: list[str]
) -> None:
    up()
    orphans = [process for process in standalone.processes(home) if process != supervisor_of(home)]
    supervisor_of(home).kill()
    up()
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in orphans)
    assert names(home) == ALL
    assert any("left of an earlier one" in line for line in said)


@pytest.mark.parametrize(
    "content", ["", "{}", '{"port": 1, "started_at": "2026-01-01T00:00:00+00:00", "supervisor": 0}']
)
def test_a_stale_or_broken_note_is_no_obstacle(
    up: Callable[[], standalone.Running], home: Settings, content: str
) -> None:
    home.prepare()
    (home.airflow_home / "up.json").write_text(content, "utf-8")
    up()
    assert names(home) == ALL
    (home.airflow_home / "up.json").write_text(content, "utf-8")
    assert down(home) == len(ALL)
    assert names(home) == []


def test_a_foreign_process_that_got_the_pid_lives_on(
    up: Callable[[], standalone.Running], home: Settings, said: list[str]
) -> None:
    home.prepare()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True) as foreign:
        note = {"port": 1, "started_at": "2026-01-01T00:00:00+00:00", "supervisor": foreign.pid}
        (home.airflow_home / "up.json").write_text(json.dumps(note), "utf-8")
        assert down(home) == 0
        (home.airflow_home / "up.json").write_text(json.dumps(note), "utf-8")
        up()
        assert not any("up already" in line for line in said)
        down(home)
        assert foreign.poll() is None
        foreign.kill()


def test_another_home_lives_on(up: Callable[[], standalone.Running], home: Settings, tmp_path: Path) -> None:
    up()
    assert down(home.model_copy(update={"home": tmp_path / "other"})) == 0
    other = home.model_copy(update={"home": tmp_path / "third"})
    other.prepare()
    assert down(other) == 0
    assert names(home) == ALL


def test_what_does_not_end_when_asked_is_killed_in_a_session_of_its_own_too(
    up: Callable[[], standalone.Running], home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_AIRFLOW", "stubborn")
    up()
    assert until(lambda: names(home) == sorted([*ALL, "task"]))
    down(home)
    assert names(home) == []


def test_a_part_that_ends_is_started_again(up: Callable[[], standalone.Running], home: Settings) -> None:
    up()
    (part,) = [process for process in standalone.processes(home) if "scheduler" in process.cmdline()]
    part.kill()
    assert until(lambda: names(home) == ALL and part.pid not in {one.pid for one in standalone.processes(home)})
    log = standalone.logs_folder(home) / "supervisor.log"
    assert "scheduler ended with code -9 and is started again" in log.read_text("utf-8")


def test_the_scheduler_starts_when_the_api_server_answers(
    up: Callable[[], standalone.Running], home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_AIRFLOW", "slow-api")
    up()
    started = {
        part: dt.datetime.fromisoformat((home.airflow_home / f"{part}.heartbeat").read_text("utf-8"))
        for part in ("api_server", "scheduler")
    }
    assert started["scheduler"] - started["api_server"] >= dt.timedelta(seconds=2)


def test_it_outlives_the_shell_that_started_it(home: Settings, port: int) -> None:
    script = (
        "import sys, time\nfrom include.operations import standalone\nfrom include.settings import Settings\n"
        f"command = [sys.executable, {str(SUPERVISOR)!r}, {str(port)!r}]\n"
        f"standalone.up(Settings(), supervisor=command, port={port}, say=lambda _: None)\n"
        "print('up', flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=PROJECT_ROOT,
        env=os.environ | home.environment(),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as shell:
        assert shell.stdout is not None
        assert shell.stdout.readline() == "up\n"
        os.killpg(shell.pid, signal.SIGHUP)
        shell.wait()
    assert names(home) == ALL
    assert is_listening(port)
    assert down(home) == len(ALL)


def test_a_migration_that_fails_is_told_with_its_log_and_leaves_nothing(
    up: Callable[[], standalone.Running], home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_AIRFLOW", "migration-fails")
    with pytest.raises(WarehouseError, match=r"(?s)did not start: it ended.*could not be migrated.*migrate\.log"):
        up()
    assert "the metadata are locked" in (standalone.logs_folder(home) / "migrate.log").read_text("utf-8")
    assert names(home) == []


def test_an_airflow_that_does_not_get_healthy_is_ended_and_told(
    up: Callable[[], standalone.Running], home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_AIRFLOW", "never-healthy")
    monkeypatch.setattr(standalone, "READY_SECONDS", 2.0)
    with pytest.raises(WarehouseError, match="not healthy after 2 s: not healthy yet: scheduler, triggerer"):
        up()
    assert names(home) == []


def test_one_that_is_up_but_not_well_goes_on(
    up: Callable[[], standalone.Running], home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    up()
    before = {process.pid for process in standalone.processes(home)}
    (home.airflow_home / "passwords.json").write_text('{"admin": "another"}', "utf-8")
    monkeypatch.setattr(standalone, "READY_SECONDS", 1.0)
    monkeypatch.setattr(standalone, "_password", lambda _: "not this one")
    with pytest.raises(WarehouseError, match=r"(?s)left as it is.*does not take the login.*make down"):
        up()
    assert {process.pid for process in standalone.processes(home)} == before


def test_a_heartbeat_of_the_scheduler_before_does_not_count() -> None:
    def health(beat: str) -> dict[str, dict[str, str]]:
        parts = {part: {"status": "healthy", f"latest_{part}_heartbeat": beat} for part in standalone._HEARTBEATS}
        return parts | {"metadatabase": {"status": "healthy"}}

    since = "2026-06-19T01:00:00+00:00"
    assert standalone.unhealthy(health("2026-06-19T01:00:05+00:00"), since) == ""
    assert "scheduler, triggerer, dag_processor" in standalone.unhealthy(health("2026-06-19T00:59:59+00:00"), since)


def test_airflow_is_small_on_loopback_and_reports_nothing(settings: Settings, port: int) -> None:
    settings.prepare()
    found = standalone.environment(settings, port)
    assert found["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert found["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == f"http://127.0.0.1:{port}/execution/"
    assert found["AIRFLOW__CORE__PARALLELISM"] == "2"
    assert found["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"
    assert found["AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION"] == "False"
    assert found["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] == "False"
    # What opens a log server on all addresses is told not to.
    assert "--skip-serve-logs" in standalone.PARTS["scheduler"]
    assert "--skip-serve-logs" in standalone.PARTS["triggerer"]


def test_secrets_stay_from_one_start_to_the_next_and_differ_between_homes(settings: Settings, tmp_path: Path) -> None:
    settings.prepare()
    other = settings.model_copy(update={"home": tmp_path / "other"})
    other.prepare()
    names = ("AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__API__SECRET_KEY")
    first, again, elsewhere = (standalone.environment(one, 8080) for one in (settings, settings, other))
    for name in names:
        assert len(first[name]) >= 43
        assert first[name] == again[name]
        assert first[name] != elsewhere[name]
