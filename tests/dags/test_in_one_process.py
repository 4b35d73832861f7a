"""A night through Airflow in one process: its environment, what it shows, and that it ends with its owner."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from include.settings import PROJECT_ROOT, Settings

SECRETS = ("AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__API__SECRET_KEY")


def test_airflow_writes_below_the_warehouse_home_alone(night_runner: ModuleType, settings: Settings) -> None:
    found = night_runner.environment(settings)
    home = str(settings.airflow_home)
    for name in ("AIRFLOW_HOME", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__LOGGING__BASE_LOG_FOLDER"):
        assert home in found[name], name
    assert found["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"
    assert found["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] == "False"


def test_secrets_are_new_in_each_process(night_runner: ModuleType, settings: Settings) -> None:
    first, second = night_runner.environment(settings), night_runner.environment(settings)
    for name in SECRETS:
        assert len(first[name]) >= 43, name
        assert first[name] != second[name], name


def test_the_key_of_the_pseudonyms_does_not_reach_airflow(night_runner: ModuleType, settings: Settings) -> None:
    settings.key_file.parent.mkdir(parents=True)
    settings.key_file.write_text("0123456789abcdef" * 4, "utf-8")
    assert "0123456789abcdef" not in str(night_runner.environment(settings))


def test_old_logs_are_removed(night_runner: ModuleType, settings: Settings) -> None:
    folder = settings.airflow_home / "logs"
    folder.mkdir(parents=True)
    for number in range(40):
        (folder / f"night_2026{number:04}.log").write_text("", "utf-8")
    file = night_runner.log_file(settings)
    assert file.parent == folder
    left = sorted(folder.iterdir())
    assert len(left) == night_runner.KEPT_LOGS - 1
    assert left[-1].name == "night_20260039.log"


def test_each_task_is_a_line_and_a_failure_says_why(night_runner: ModuleType) -> None:
    shown = io.StringIO()
    progress = night_runner.Progress(shown)
    kinds = ("execute", "success", "skipped", "failure")
    own = [len]
    task: Any = SimpleNamespace(**{f"on_{kind}_callback": own for kind in kinds})
    night_runner.Progress(io.StringIO()).watch(task)
    progress.watch(task)
    assert {len(getattr(task, f"on_{kind}_callback")) for kind in kinds} == {2}, (
        "a task's own callbacks stay, one watches"
    )
    assert task.on_failure_callback[1] is len
    context = {"ti": SimpleNamespace(task_id="build"), "exception": ValueError("the reason\nand the remedy")}
    task.on_execute_callback[0](context)
    task.on_failure_callback[0](context)
    lines = shown.getvalue().splitlines()
    assert lines[0].split() == ["build", "FAILED", "0.0", "s"]
    assert lines[1:] == ["    the reason", "    and the remedy"]
    assert task.retries == 0


def test_airflow_that_does_not_start_is_told_in_two_lines(
    night_runner: ModuleType, home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = io.StringIO()

    def broken() -> None:
        raise RuntimeError("the metadata can't be opened")

    monkeypatch.setattr(night_runner, "quiet", lambda file: shown)
    monkeypatch.setattr(night_runner, "migrate", broken)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    assert night_runner.run() == 1
    assert "Airflow failed: RuntimeError: the metadata can't be opened" in shown.getvalue()
    assert len(shown.getvalue().splitlines()) == 2


def test_noise_goes_to_the_log_and_people_read_on(night_runner: ModuleType, tmp_path: Path) -> None:
    script = (
        f"import sys, os; sys.path.insert(0, {str(PROJECT_ROOT / 'dags')!r})\n"
        "import in_one_process\nfrom pathlib import Path\n"
        f"people = in_one_process.quiet(Path({str(tmp_path / 'night.log')!r}))\n"
        "print('noise', flush=True); os.system('echo more noise'); people.write('for people\\n')\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=PROJECT_ROOT)
    assert (ended.stdout, ended.stderr) == ("", "for people\n")
    assert (tmp_path / "night.log").read_text("utf-8") == "noise\nmore noise\n"
    assert (tmp_path / "night.log").stat().st_mode & 0o077 == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_a_night_ends_when_its_owner_is_killed(night_runner: ModuleType) -> None:
    child = (
        f"import sys; sys.path.insert(0, {str(PROJECT_ROOT / 'dags')!r})\n"
        "import in_one_process, time\nin_one_process.end_with_parent()\nprint('ready', flush=True)\ntime.sleep(60)\n"
    )
    owner = (
        "import os, subprocess, sys, time\n"
        f"env = {{**os.environ, {night_runner.PARENT!r}: str(os.getpid())}}\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}], env=env, stdout=subprocess.PIPE)\n"
        "child.stdout.readline(); print(child.pid, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", owner], stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert is_running(pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
    deadline = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(pid)


def is_running(pid: int) -> bool:
    """True if the process exists and has not ended; one that nobody has waited for yet counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
