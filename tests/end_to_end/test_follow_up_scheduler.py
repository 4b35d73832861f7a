"""The follow-up calendar by the real scheduler: a copy of the program whose six o'clock is some minutes from now.

While Airflow is up the seed gets a new row that moves a follow-up to today; another that would be today is moved away.
The freeze takes longer than its deadline, so that Airflow's own deadline has to tell of it. The forms are paused over
their moment, as if the machine had slept. Then a follow-up is frozen by hand, in time. What writes forms and freezes
figures are doubles; all else is the program.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from follow_up_seed import HEADER, row
from test_scheduler import Api

from include.operations import standalone
from include.operations.run_log import notices, steps
from include.settings import COPENHAGEN, PROJECT_ROOT, Settings

pytestmark = pytest.mark.proof

MADE = "BO1-2026"
MOVED_AWAY = "BO2-2026"
ASKED = "BO3-2026"
BY_HAND = "BO1-2024"
FREEZE_SECONDS = 75
LATE_SECONDS = 30

FORMS = """

def write_forms(settings, code):
    folder = settings.follow_up / code / "forms"
    folder.mkdir(parents=True)
    (folder / "form.xlsx").write_bytes(b"a double")
    return (folder / "form.xlsx",)
"""
EDITION = f"""
import time
from types import SimpleNamespace

def freeze(settings, code):
    time.sleep({FREEZE_SECONDS} if code == "{MADE}" else 0)
    folder = settings.editions / f"{{code}}-1"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{{}}", "utf-8")
    return SimpleNamespace(edition=folder.name, is_new=True)
"""


@dataclass
class Played:
    """What the moment left, and the messages that came by webhook."""

    settings: Settings
    moment: dt.datetime
    runs: dict[str, list[dict[str, Any]]]
    tasks: dict[str, dict[str, str]]
    versions: dict[str, list[int]]
    posts: list[dict[str, str]]
    deadlines: list[tuple[str, bool]]
    next_runs: dict[str, str | None]


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert text.count(old) == 1, f"{file.name}: {old}"
    file.write_text(text.replace(old, new), "utf-8")


def copy_of_the_program(folder: Path, moment: dt.datetime) -> Path:
    """The program with doubles, whose things are done at the time of `moment` and are late after seconds."""
    copied = folder / "program"
    for part in ("dags", "include", "dbt_project"):
        shutil.copytree(PROJECT_ROOT / part, copied / part, ignore=shutil.ignore_patterns("__pycache__", "target"))
    calendar = copied / "include" / "follow_up" / "calendar.py"
    replace(calendar, "AT = dt.time(6)", f"AT = dt.time({moment.hour}, {moment.minute})")
    late = f"FREEZE_WITHIN = dt.timedelta(seconds={LATE_SECONDS})"
    replace(copied / "dags" / "wiring.py", "FREEZE_WITHIN = dt.timedelta(hours=2)", late)
    with (calendar.parent / "forms.py").open("a", encoding="utf-8") as forms:
        forms.write(FORMS)
    (calendar.parent / "edition.py").write_text(EDITION, "utf-8")
    return copied


def write_seed(copied: Path, *rows: list[str]) -> None:
    """The calendar anew, as a deployment puts it there: whole or not at all."""
    seed = copied / "dbt_project" / "seeds" / "follow_up_calendar.csv"
    with (part := seed.with_suffix(".part")).open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([HEADER, *rows])
    part.replace(seed)


@pytest.fixture(scope="module")
def webhook() -> Iterator[tuple[list[dict[str, str]], int]]:
    posts: list[dict[str, str]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield posts, server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, webhook: tuple[list[dict[str, str]], int]) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("follow_up_scheduler")
    (folder / "inbox").mkdir()
    settings = Settings(
        home=folder / "home",
        inputs=folder / "inbox",
        key_file=folder / "key",
        notice_webhook="notices",
        # No night in between: the last 29 February was before the DAGs begin.
        extract_at="0 1 29 2 *",
        refresh_at="30 3 29 2 *",
        erase_at="0 5 29 2 *",
    )
    try:
        yield _play(settings, folder, *webhook)
    finally:
        standalone.down(settings, lambda _: None)


def _play(settings: Settings, folder: Path, posts: list[dict[str, str]], hook: int) -> Played:
    moment = a_moment_of_today()
    today, later = moment.date(), moment.date() + dt.timedelta(days=40)
    copied = copy_of_the_program(folder, moment)
    before = [
        row(str(later), MADE, valid_from="2020-01-01"),
        row(str(today), MOVED_AWAY, valid_from="2020-01-01"),
        row(str(later + dt.timedelta(days=9)), MOVED_AWAY, valid_from=str(today)),
        row(str(today + dt.timedelta(days=21)), ASKED, valid_from="2020-01-01"),
        row("2024-03-31", BY_HAND, valid_from="2020-01-01"),
    ]
    write_seed(copied, *before)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    connection = {"conn_type": "http", "host": f"http://127.0.0.1:{hook}/in"}
    subprocess.run(
        [sys.executable, "-c", "from include.cli import app; app()", "up", "--port", str(port)],
        cwd=copied,
        env=os.environ
        | settings.environment()
        | {"PYTHONPATH": str(copied), "AIRFLOW_CONN_NOTICES": json.dumps(connection)},
        stdin=subprocess.DEVNULL,
        check=True,
    )
    api = Api(f"http://127.0.0.1:{port}", json.loads((settings.airflow_home / "passwords.json").read_text())["admin"])
    names = ("send_status_forms", "freeze_follow_up")
    wait_for(api, names, moment)
    api.pause("send_status_forms", True)
    write_seed(copied, *before, row(str(today), MADE, valid_from=str(today)))
    sleep_until(moment + dt.timedelta(seconds=20))
    versions = {name: [api.version(name)] for name in names}
    api.pause("send_status_forms", False)
    end = moment + dt.timedelta(seconds=FREEZE_SECONDS + 150)
    while dt.datetime.now(COPENHAGEN) < end and not all(ended(api, name) for name in names):
        time.sleep(2)
    api.trigger("freeze_follow_up", follow_up=BY_HAND)
    # Long enough for a message too many, and for each file to be read again.
    time.sleep(LATE_SECONDS + 60)
    for name in names:
        versions[name].append(api.version(name))
    runs = {name: api.runs(name) for name in names}
    tasks = {name: api.states(name, runs[name][0]["dag_run_id"]) for name in names if runs[name]}
    next_runs = {name: api.next_run(name) for name in names}
    return Played(settings, moment, runs, tasks, versions, posts, deadlines(settings), next_runs)


def deadlines(settings: Settings) -> list[tuple[str, bool]]:
    """What Airflow still holds of deadlines: the type of the run, and whether it was missed."""
    with closing(sqlite3.connect(settings.airflow_home / "scheduler.db")) as metadata:
        rows = metadata.execute(
            "select dag_run.run_type, deadline.missed from deadline join dag_run on dag_run.id = deadline.dagrun_id"
        )
        return [(str(run_type), bool(missed)) for run_type, missed in rows]


def a_moment_of_today() -> dt.datetime:
    """In five minutes or so, in Denmark; a day that is about to end is waited out."""
    while (now := dt.datetime.now(COPENHAGEN)).date() != (found := now + dt.timedelta(minutes=5)).date():
        time.sleep(5)
    return found.replace(second=0, microsecond=0)


def wait_for(api: Api, names: tuple[str, ...], moment: dt.datetime) -> None:
    while not all(api.is_known(name) for name in names):
        assert dt.datetime.now(COPENHAGEN) < moment - dt.timedelta(seconds=100), "Airflow came up too slowly to go on"
        time.sleep(2)


def ended(api: Api, name: str) -> bool:
    return any(run["state"] in ("success", "failed") for run in api.runs(name))


def sleep_until(moment: dt.datetime) -> None:
    time.sleep(max(0.0, (moment - dt.datetime.now(COPENHAGEN)).total_seconds()))


def test_what_is_due_runs_once_and_what_was_moved_away_does_not(played: Played) -> None:
    (freeze,) = [run for run in played.runs["freeze_follow_up"] if run["run_type"] == "scheduled"]
    assert dt.datetime.fromisoformat(freeze["logical_date"]) == played.moment
    assert freeze["state"] == "success"
    assert played.tasks["freeze_follow_up"] == {
        "look_in_calendar": "success",
        "check_release": "skipped",
        "freeze": "success",
    }
    logged = [(one.name, one.run, one.outcome) for one in steps(played.settings) if one.name == "freeze"]
    assert logged == [("freeze", f"follow_up_{code}", "succeeded") for code in (MADE, BY_HAND)]


def test_a_run_by_hand_takes_a_code_and_its_deadline_goes_with_it_in_time(played: Played) -> None:
    (by_hand,) = [run for run in played.runs["freeze_follow_up"] if run["run_type"] == "manual"]
    assert by_hand["state"] == "success"
    assert {edition.name for edition in played.settings.editions.iterdir()} == {f"{MADE}-1", f"{BY_HAND}-1"}
    assert played.deadlines == [("scheduled", True)]


def test_a_moment_that_was_slept_through_is_made_up_for(played: Played) -> None:
    (send,) = played.runs["send_status_forms"]
    assert dt.datetime.fromisoformat(send["logical_date"]) == played.moment
    assert dt.datetime.fromisoformat(send["start_date"]) >= played.moment + dt.timedelta(seconds=20)
    assert played.tasks["send_status_forms"] == {
        "look_in_calendar": "success",
        "write_forms": "success",
        "check_forms": "skipped",
    }
    assert [folder.name for folder in played.settings.follow_up.iterdir()] == [ASKED]


def test_airflow_s_deadline_tells_of_the_freeze_that_is_not_finished(played: Played) -> None:
    (post,) = played.posts
    assert post["severity"] == "deadline"
    assert post["night"] == played.moment.date().isoformat()
    assert "`freeze_follow_up` er ikke færdig til tiden" in post["subject"]
    (told,) = notices(played.settings)
    assert (told.channel, told.outcome, told.attempts) == ("webhook", "sent", 1)
    freeze = next(one for one in steps(played.settings) if one.name == "freeze")
    assert told.attempted_at < freeze.started_at + dt.timedelta(seconds=FREEZE_SECONDS), "while it was still running"


def test_reading_the_files_again_makes_no_new_version(played: Played) -> None:
    for name, (first, last) in played.versions.items():
        assert first == last, name


def test_the_next_run_is_the_next_moment_of_the_calendar(played: Played) -> None:
    asked = played.moment.date() + dt.timedelta(days=20)
    found = dt.datetime.fromisoformat(str(played.next_runs["freeze_follow_up"]))
    assert found.astimezone(COPENHAGEN) == dt.datetime.combine(asked, played.moment.time(), COPENHAGEN)
