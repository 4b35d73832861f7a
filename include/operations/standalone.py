"""Airflow on one machine, as `make up` starts it and `make down` ends it: nights by the real scheduler.

`airflow standalone` is not used: it opens log servers on all addresses and leaves its parts running when it ends. Here
one supervisor, in a session of its own, starts the four parts on loopback and starts a part again that ends. Nothing
here imports Airflow; the parts are processes.

Every process that comes from the supervisor carries `WAREHOUSE_UP=<Airflow's home>` in its environment, tasks and dbt
too. By that mark alone they are found, shown and ended, whatever has died, so that there is no pid to be mistaken for
another process.
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from include.errors import WarehouseError
from include.settings import PROJECT_ROOT, Settings

MARK = "WAREHOUSE_UP"
"""The environment variable that every process of a running Airflow carries."""

ADDRESS = "127.0.0.1"
DEFAULT_PORT = 8080
USER = "admin"
AIRFLOW = (sys.executable, "-m", "airflow")

PARTS = {
    "api-server": ("api-server",),
    "dag-processor": ("dag-processor",),
    # The log servers of these two would listen on all addresses; on one machine the logs are read as files.
    "triggerer": ("triggerer", "--skip-serve-logs"),
    "scheduler": ("scheduler", "--skip-serve-logs"),
}
"""What Airflow consists of, with the arguments that start it.

The scheduler is started when the api-server answers: tasks ask it, and one that gets no answer has failed a try.
"""

READY_SECONDS = 120.0
END_SECONDS = 15.0
PAUSE_SECONDS = 5.0
"""How long `up` waits for health, how long parts get to end by themselves, and how long one that ended stays down."""

_HEARTBEATS = {
    "scheduler": "latest_scheduler_heartbeat",
    "triggerer": "latest_triggerer_heartbeat",
    "dag_processor": "latest_dag_processor_heartbeat",
}
_STATE = {"port": int, "started_at": str, "supervisor": int}


@dataclass(frozen=True)
class Running:
    """An Airflow that answers: where it is, how to log in, which DAGs it has, and which of them somebody has paused."""

    url: str
    user: str
    password: str
    logs: Path
    dags: list[str]
    paused: list[str]

    def lines(self, settings: Settings) -> list[str]:
        """What the one who started it needs to know, the password among it."""
        lines = [
            f"Airflow is up:   {self.url}",
            f"log in as:       {self.user}  password: {self.password}",
            f"DAGs:            {', '.join(self.dags)}",
            f"nights:          extracts `{settings.extract_at}`, refresh by deliveries and at `{settings.refresh_at}` "
            "(cron, Danish time)",
            f"logs of parts:   {self.logs}",
            "end it with:     make down",
        ]
        if self.paused:
            lines.insert(3, f"paused by hand:  {', '.join(self.paused)}: they run no night until somebody resumes them")
        return lines


# ---- what Airflow finds in its environment


def environment(settings: Settings, port: int) -> dict[str, str]:
    """The environment of all parts. Its secrets are made at the first start and kept (0600) in Airflow's home.

    The metadata lie beside those of `make run` and not in them: there a night is run without a scheduler, and this one
    must neither take up its runs nor its assets.
    """
    home = settings.airflow_home.resolve()
    kept = _kept_secrets(home / "secrets.json")
    url = f"http://{ADDRESS}:{port}"
    return {
        MARK: str(home),
        # Airflow gives its processes titles, which would overwrite the environment in which the mark is looked for.
        "SPT_NOENV": "1",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT_ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
        "AIRFLOW__CORE__DEFAULT_TIMEZONE": "utc",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(_password_file(settings)),
        "AIRFLOW__CORE__FERNET_KEY": kept["fernet_key"],
        "AIRFLOW__API_AUTH__JWT_SECRET": kept["jwt_secret"],
        "AIRFLOW__API__SECRET_KEY": kept["api_secret"],
        "AIRFLOW__API__HOST": ADDRESS,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        # The reason of a failure is one long line, which the page otherwise cuts off.
        "AIRFLOW__API__DEFAULT_WRAP": "True",
        "AIRFLOW__API__INSTANCE_NAME": f"{settings.municipality_name}: datavarehus",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'scheduler.db'}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        # Otherwise the page, which asks every few seconds, fills the log of the api-server.
        "AIRFLOW__LOGGING__NAMESPACE_LEVELS": "http.access=WARNING",
        # A worker that misses the end of its task looks again at its next heartbeat, by default only after 5 s.
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        # A machine that is busy answers later than the 5 s that Airflow waits by default.
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "120",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "false",
        # Absolute, for steps that start processes of their own in other folders.
        **settings.environment(),
    }


def _kept_secrets(file: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    if not found:
        found = {
            "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii"),
            "jwt_secret": secrets.token_urlsafe(48),
            "api_secret": secrets.token_urlsafe(48),
        }
        _write_private(file, found)
    return found


def _password_file(settings: Settings) -> Path:
    """Airflow's own file of logins: one JSON object of users and passwords."""
    return settings.airflow_home.resolve() / "passwords.json"


def _password(settings: Settings) -> str:
    """The password of `USER`, made at the first start. Airflow would make one too, but write it readable for others."""
    file = _password_file(settings)
    found: dict[str, str] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    if USER not in found:
        found[USER] = secrets.token_urlsafe(15)
        _write_private(file, found)
    file.chmod(0o600)
    return found[USER]


def _write_private(file: Path, content: Mapping[str, object]) -> None:
    """Write a file that its owner alone may read, as a whole or not at all."""
    part = file.with_name(f".{file.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(content, out)
        out.write("\n")
    part.replace(file)


# ---- up


def up(
    settings: Settings, *, supervisor: Sequence[str], port: int = DEFAULT_PORT, say: Callable[[str], None]
) -> Running:
    """Start Airflow and wait until all parts are healthy and the DAGs can be seen; gives how to reach it.

    `supervisor` is the command of the process that calls `supervise`. If Airflow is up already nothing is started; what
    is left of one that has died is ended first. Raises WarehouseError if the port is taken or Airflow does not get
    healthy; then what was started here is ended, and one that was up before goes on: a night may be running in it.
    """
    settings.prepare()
    with _one_at_a_time(settings):
        password = _password(settings)
        state = _read_state(settings)
        left = processes(settings)
        was_up = state is not None and _supervisor(left, state) is not None
        if state is not None and was_up:
            say(f"it is up already, since {state['started_at']} (UTC)")
        else:
            if left:
                say(f"what is left of an earlier one is ended first: {len(left)} processes")
                _end(settings, None)
            _refuse_a_taken_port(port)
            started_at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
            state = {"port": port, "started_at": started_at, "supervisor": _start(settings, supervisor, port)}
            _write_private(_state_file(settings), state)
            say(f"starting: {', '.join(PARTS)}")
        try:
            return _wait_until_ready(settings, state, password, was_up=was_up)
        except WarehouseError:
            if not was_up:
                _end(settings, state)
            raise


def _start(settings: Settings, supervisor: Sequence[str], port: int) -> int:
    log = _fresh_log(settings, "supervisor")
    with log.open("ab") as out:
        started = subprocess.Popen(
            supervisor,
            cwd=PROJECT_ROOT,
            env=os.environ | environment(settings, port),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    return started.pid


def _fresh_log(settings: Settings, name: str) -> Path:
    """An empty log for a part, for its owner alone; the one of the start before is kept beside it."""
    folder = logs_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.log"
    if file.exists():
        file.replace(folder / f"{name}.before.log")
    file.touch(mode=0o600)
    return file


def logs_folder(settings: Settings) -> Path:
    """Where the parts talk; the logs of tasks lie beside it, one folder a DAG."""
    return settings.airflow_home.resolve() / "logs" / "parts"


def _refuse_a_taken_port(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the server itself does: connections that are just closing are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError as error:
            raise WarehouseError(
                f"port {port} on {ADDRESS} is taken by another program.",
                remedy=f'end that one, or take another port: make up ARGS="--port {port + 10}"',
            ) from error


def _wait_until_ready(settings: Settings, state: Mapping[str, Any], password: str, *, was_up: bool) -> Running:
    url = f"http://{ADDRESS}:{state['port']}"
    deadline = time.monotonic() + READY_SECONDS
    wanted = {file.stem for pattern in ("extract_*.py", "refresh_*.py") for file in _dag_files(pattern)}
    # Never through a proxy of the network.
    with httpx.Client(base_url=url, trust_env=False, timeout=10) as client:
        while True:
            missing = "the api-server does not answer"
            with contextlib.suppress(httpx.HTTPError, ValueError, KeyError):
                missing = unhealthy(client.get("/api/v2/monitor/health").json(), str(state["started_at"]))
                if not missing:
                    missing = "its page does not take the login, or does not list the DAGs"
                    paused = _dags(client, password)
                    if wanted <= set(paused):
                        return Running(
                            url,
                            USER,
                            password,
                            logs_folder(settings),
                            sorted(paused),
                            sorted(dag for dag, is_paused in paused.items() if is_paused),
                        )
                    missing = f"not visible yet: {', '.join(sorted(wanted - set(paused)))}"
            if _supervisor(processes(settings), state) is None:
                raise _not_ready(settings, "it ended while it was waited for", was_up=was_up)
            if time.monotonic() > deadline:
                reason = f"it is not healthy after {READY_SECONDS:.0f} s: {missing}"
                raise _not_ready(settings, reason, was_up=was_up)
            time.sleep(0.5)


def _dag_files(pattern: str) -> Iterator[Path]:
    return (PROJECT_ROOT / "dags").glob(pattern)


def unhealthy(health: Mapping[str, Any], since: str) -> str:
    """Which parts are not healthy by Airflow's own word, as a text; empty if all are.

    A heartbeat from before `since` (ISO, UTC) is that of an earlier scheduler: Airflow counts it for half a minute.
    """
    parts = [] if health["metadatabase"]["status"] == "healthy" else ["metadatabase"]
    for part, name in _HEARTBEATS.items():
        beat = health[part].get(name)
        if health[part]["status"] != "healthy" or not beat or _instant(beat) < _instant(since):
            parts.append(part)
    return f"not healthy yet: {', '.join(parts)}" if parts else ""


def _instant(text: str) -> dt.datetime:
    found = dt.datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


def _dags(client: httpx.Client, password: str) -> dict[str, bool]:
    """Which DAGs can be seen, and whether each is paused."""
    login = client.post("/auth/token", json={"username": USER, "password": password})
    login.raise_for_status()
    bearer = {"Authorization": f"Bearer {login.json()['access_token']}"}
    answer = client.get("/api/v2/dags", params={"limit": 100}, headers=bearer)
    answer.raise_for_status()
    return {dag["dag_id"]: bool(dag["is_paused"]) for dag in answer.json()["dags"]}


def _not_ready(settings: Settings, reason: str, *, was_up: bool) -> WarehouseError:
    folder = logs_folder(settings)
    last = [line for line in (folder / "supervisor.log").read_text("utf-8", "replace").splitlines() if line.strip()]
    said = "".join(f"\n  {line}" for line in last[-3:])
    if was_up:
        return WarehouseError(
            f"Airflow was up before and is left as it is, but {reason}.{said}",
            remedy=f"read the logs of its parts in {folder}; `make down` ends it, with the tasks that run",
        )
    return WarehouseError(
        f"Airflow did not start: {reason}.{said}", remedy=f"read the logs of its parts in {folder}, then run it again"
    )


@contextlib.contextmanager
def _one_at_a_time(settings: Settings) -> Iterator[None]:
    """A second `up` or `down` of the same home waits for the first."""
    with (settings.airflow_home / "up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _state_file(settings: Settings) -> Path:
    return settings.airflow_home / "up.json"


def _read_state(settings: Settings) -> dict[str, Any] | None:
    """Port, start and supervisor of the Airflow that is up; None if nobody has noted them, or not readably."""
    try:
        found: dict[str, Any] = json.loads(_state_file(settings).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if all(isinstance(found.get(name), kind) for name, kind in _STATE.items()) else None


# ---- the supervisor


def supervise(settings: Settings, port: int, added: Mapping[str, str], *, airflow: Sequence[str] = AIRFLOW) -> int:
    """Bring the metadata up to date, start the parts and keep them running until SIGTERM or SIGINT; returns 0 then.

    `added` are variables for Airflow's environment, such as connections. Returns 1 if the metadata can't be migrated.
    """
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    variables = {**os.environ, **environment(settings, port), **added}
    if not _migrate(settings, airflow, variables, stopping):
        return 0 if stopping.is_set() else 1
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        while not stopping.wait(PAUSE_SECONDS if len(running) == len(PARTS) else 0.1):
            for name in PARTS:
                part = running.get(name)
                if part is not None and part.poll() is not None:
                    _note(f"{name} ended with code {part.returncode} and is started again; why: {name}.before.log")
                    del running[name]
                if name not in running and (name != "scheduler" or _answers(port)):
                    running[name] = _start_part(settings, name, airflow, variables)
    finally:
        for part in running.values():
            part.terminate()
        for part in running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                part.wait(END_SECONDS)
    _note("ended")
    return 0


def _answers(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        return probe.connect_ex((ADDRESS, port)) == 0


def _migrate(
    settings: Settings, airflow: Sequence[str], variables: Mapping[str, str], stopping: threading.Event
) -> bool:
    log = _fresh_log(settings, "migrate")
    with log.open("ab") as out:
        process = subprocess.Popen([*airflow, "db", "migrate"], cwd=PROJECT_ROOT, env=variables, stdout=out, stderr=out)
    while process.poll() is None:
        if stopping.wait(0.1):
            process.terminate()
            process.wait()
            return False
    if process.returncode:
        _note(f"the metadata could not be migrated; why: {log}")
    return process.returncode == 0


def _start_part(
    settings: Settings, name: str, airflow: Sequence[str], variables: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    with _fresh_log(settings, name).open("ab") as out:
        return subprocess.Popen(
            [*airflow, *PARTS[name]],
            cwd=PROJECT_ROOT,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )


def _note(line: str) -> None:
    sys.stderr.write(f"{dt.datetime.now(dt.UTC).isoformat(timespec='seconds')} {line}\n")
    sys.stderr.flush()


# ---- down


def down(settings: Settings, say: Callable[[str], None]) -> int:
    """End all of it: the parts get some seconds, what is left is killed. Returns how many processes there were.

    A task that runs is killed with its scheduler; the next `up` finds it and tries it again.
    """
    if not settings.airflow_home.is_dir():
        return 0
    with _one_at_a_time(settings):
        found = len(processes(settings))
        if found:
            say(f"ending {found} processes")
        _end(settings, _read_state(settings))
        _state_file(settings).unlink(missing_ok=True)
    return found


def processes(settings: Settings) -> list[psutil.Process]:
    """All living processes that carry the mark of this home, but the one that asks."""
    mark = str(settings.airflow_home.resolve())
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARK) == mark:
                found.append(process)
    return found


def _supervisor(found: Sequence[psutil.Process], state: Mapping[str, Any] | None) -> psutil.Process | None:
    """The supervisor among the processes that carry the mark: another process that got its pid does not carry it."""
    return next((process for process in found if state and process.pid == state["supervisor"]), None)


def _end(settings: Settings, state: Mapping[str, Any] | None) -> None:
    """Ask the supervisor, which asks its parts; then kill, until nothing is left that carries the mark."""
    left = processes(settings)
    if (supervisor := _supervisor(left, state)) is not None:
        with contextlib.suppress(psutil.Error):
            supervisor.terminate()
        psutil.wait_procs(left, END_SECONDS)
    deadline = time.monotonic() + END_SECONDS
    while left := processes(settings):
        for process in left:
            # psutil looks first whether the pid is still the process that it was.
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, 1)
        if time.monotonic() > deadline:
            raise WarehouseError(
                f"{len(left)} processes do not end, such as {left[0].pid}.",
                remedy="see with `ps` what holds them (a file system that hangs?), then run `make down` again",
            )
