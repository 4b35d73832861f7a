"""A whole night through Airflow in one process: the four extracts, then the refresh, by `dag.test()`.

`warehouse run` starts it as a child process. Airflow's metadata is a SQLite file under the warehouse home, its own
talk goes to a log file there; what a person wants to see goes to stderr, a line a task. Retries are off, since
`dag.test()` would wait their delays out. Airflow does not read this file as a DAG (`.airflowignore`).
"""

from __future__ import annotations

import base64
import ctypes
import datetime as dt
import os
import secrets
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from include.settings import DOMAINS, Settings

DAGS = Path(__file__).resolve().parent
ORDER = (*(f"extract_{domain}" for domain in DOMAINS), "refresh_warehouse")
KEPT_LOGS = 30
PARENT = "WAREHOUSE_NIGHT_PARENT"
"""The process that started this one and without which it must not go on."""


def environment(settings: Settings) -> dict[str, str]:
    """What Airflow must find in its environment before it is imported. Secrets are new in each process."""
    home = settings.airflow_home.resolve()
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii"),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(48),
        "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(48),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "false",
        # Whatever of this process writes a date: the program's own times are UTC and zoned.
        "AIRFLOW__CORE__DEFAULT_TIMEZONE": "utc",
        # Absolute, for steps that start processes of their own in other folders.
        **settings.environment(),
    }


def end_with_parent() -> None:
    """Let the kernel end this process when the one that started it ends, by whatever way: no night without its owner.

    Linux alone offers it (prctl 1 is PR_SET_PDEATHSIG); elsewhere the night runs to its end.
    """
    parent = os.environ.get(PARENT)
    if parent is None or sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() != int(parent):
        os._exit(1)  # it ended before the kernel knew


def log_file(settings: Settings) -> Path:
    """A new file for Airflow's own talk; old ones are removed."""
    folder = settings.airflow_home.resolve() / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    for old in sorted(folder.glob("night_*.log"))[: -KEPT_LOGS + 1]:
        old.unlink()
    return folder / f"night_{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S_%f}.log"


def quiet(file: Path) -> TextIO:
    """Send what this process and its children write to `file`; returns the stderr of before, for people."""
    people = os.fdopen(os.dup(2), "w", encoding="utf-8", buffering=1)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.close(descriptor)
    return people


class Progress:
    """Lines for people: each task with its outcome and seconds, and the message of one that failed."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._started: dict[str, float] = {}

    def say(self, line: str) -> None:
        """One line, at once."""
        self._out.write(f"{line}\n")
        self._out.flush()

    def watch(self, task: Any) -> None:
        """Have a task of the DAG tell of its start and its end, without a second try."""
        task.retries = 0
        task.on_execute_callback = _with(task.on_execute_callback, self._starts)
        task.on_success_callback = _with(task.on_success_callback, self._succeeds)
        task.on_skipped_callback = _with(task.on_skipped_callback, self._is_skipped)
        task.on_failure_callback = _with(task.on_failure_callback, self._fails)

    def _starts(self, context: Mapping[str, Any]) -> None:
        self._started[context["ti"].task_id] = time.monotonic()

    def _succeeds(self, context: Mapping[str, Any]) -> None:
        self._ends(context, "done")

    def _is_skipped(self, context: Mapping[str, Any]) -> None:
        self._ends(context, "nothing to do")

    def _ends(self, context: Mapping[str, Any], outcome: str) -> None:
        name = context["ti"].task_id
        seconds = time.monotonic() - self._started.pop(name, time.monotonic())
        self.say(f"  {name:<28} {outcome:<14} {seconds:6.1f} s")

    def _fails(self, context: Mapping[str, Any]) -> None:
        self._ends(context, "FAILED")
        for line in str(context.get("exception") or "no reason was given").splitlines():
            self.say(f"    {line}")


def _with(callbacks: Sequence[Any], told: Any) -> list[Any]:
    """A task's callbacks with the one that tells people, before its own and in place of an earlier watcher's."""
    return [told, *(one for one in callbacks if not isinstance(getattr(one, "__self__", None), Progress))]


def migrate() -> None:
    """Make Airflow's metadata, or bring it up to the installed version."""
    from airflow.utils.db import initdb

    initdb()


def load_dags() -> dict[str, Any]:
    """The DAGs of this folder by id. Raises RuntimeError with the file and the error if one can't be imported."""
    from airflow.dag_processing.dagbag import BundleDagBag

    bag = BundleDagBag(dag_folder=DAGS, bundle_path=DAGS, bundle_name="dags-folder")
    if bag.import_errors:
        raise RuntimeError("\n".join(f"{file}: {error}" for file, error in bag.import_errors.items()))
    return dict(bag.dags)


def run_dag(dag: Any, **options: Any) -> Any:
    """A run of a DAG by `dag.test()`, which takes the options; without the DAG's deadline.

    There is no scheduler here that would see a deadline pass, and in Airflow 3.3.2 a run by `dag.test()` that succeeds
    and has one ends in an error of Airflow's.
    """
    dag.deadline = None
    return dag.test(**options)


def run(names: Sequence[str] = ORDER) -> int:
    """Run the DAGs one after the other; 0 if the last one succeeded, 1 if not.

    An extract that fails has told what to act on, and the refresh goes on with what is there.
    """
    end_with_parent()
    settings = Settings()
    file = log_file(settings)
    progress = Progress(quiet(file))
    started = time.monotonic()
    os.environ.update(environment(settings))
    state = "failed"
    try:
        migrate()
        dags = load_dags()
        progress.say(f"Airflow is ready after {time.monotonic() - started:.1f} s; its log: {file}")
        for name in names:
            dag = dags[name]
            for task in dag.tasks:
                progress.watch(task)
            progress.say(name)
            state = str(getattr(run_dag(dag, logical_date=None), "state", "failed"))
            if state != "success":
                progress.say(f"  {name} ended as {state}")
    except Exception as error:
        # Airflow itself failed, not a step: the traceback is for the log, the reason for people.
        import traceback

        traceback.print_exc()
        progress.say(f"Airflow failed: {type(error).__name__}: {error}\nits log: {file}")
        return 1
    return 0 if state == "success" else 1


if __name__ == "__main__":
    raise SystemExit(run(sys.argv[1:] or ORDER))
