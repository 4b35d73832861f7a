"""The nights that the end-to-end tests play: a small one, shared by all of them, and the tools to play more."""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from figures import Night

from include import night
from include.demo import ministry
from include.demo.municipality import TRUTH_FILE, generate
from include.demo.schools import Size
from include.landing.contract import contracts_of, load_contracts
from include.landing.process import LandReport, take_in
from include.settings import DOMAINS, Settings
from include.sources.uddannelsesstatistik import fetch
from include.warehouse.release import Release, new_run_id

CONNECTION = "AIRFLOW_CONN_UDDANNELSESSTATISTIK"
TOKEN = "the-token-of-the-stand-in"
COMPARED: list[tuple[str, int]] = []
"""Which comparison compared how many figures, for the line at the end."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if COMPARED:
        total = sum(count for _, count in COMPARED)
        terminalreporter.write_line(f"{total:,} planted figures compared in {len(COMPARED)} groups")


@contextlib.contextmanager
def ministry_of(inbox: Path, *, token: str = TOKEN) -> Iterator[None]:
    """The stand-in for the ministry's API, as the connection that the landing asks through (with `token`)."""
    with (
        ministry.serve(inbox / "absence_statistics" / "stub_answers.json", TOKEN) as connection,
        pytest.MonkeyPatch.context() as patch,
    ):
        fields = {"conn_type": "http", "host": connection.base_url, "password": token}
        patch.setenv(CONNECTION, json.dumps(fields))
        yield


def make_night(folder: Path, size: Size) -> None:
    """Generate an inbox of this size and take it in as one night, the way `warehouse run --plain` does it."""
    generate(folder / "inbox", size=size)
    settings = settings_of(folder, folder / "inbox")
    with ministry_of(folder / "inbox"):
        to_act_on = night.run_plain(settings, lambda _: None)
    (folder / "played.json").write_text(json.dumps({"to_act_on": to_act_on}), "utf-8")


def settings_of(folder: Path, inbox: Path, *, as_of: dt.date | None = None) -> Settings:
    """A home and a key in `folder`."""
    return Settings(home=folder / "home", inputs=inbox, key_file=folder / "key" / "person.key", as_of=as_of)


def night_of(folder: Path) -> Night:
    """A night that `make_night` has played in this folder, with the first release that it made."""
    settings = settings_of(folder, folder / "inbox")
    return Night(
        settings=settings,
        inbox=folder / "inbox",
        truth=json.loads((folder / "inbox" / TRUTH_FILE).read_text("utf-8")),
        release=min(path for path in settings.releases.iterdir() if path.name != "current" and path.is_dir()),
        to_act_on=json.loads((folder / "played.json").read_text("utf-8"))["to_act_on"],
    )


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Night:
    """One night of two schools, all its deliveries at once, through every step and gate; read it, don't change it.

    It takes the longest of all here, so that workers of one test run share it: the first one makes it, others wait.
    """
    base = tmp_path_factory.getbasetemp()
    root = base if worker_id == "master" else base.parent
    folder = root / "small_night"
    with (root / "small_night.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "played.json").is_file():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make_night(folder, "small")
    return night_of(folder)


def take_in_all(settings: Settings) -> dict[str, LandReport]:
    """Land and judge all domains in this process, which saves the start of seven; otherwise as `extract_plain`."""
    reports = {}
    for domain in DOMAINS:
        for contract in contracts_of(domain):
            if contract.connection and (connection := night.connection_from_environment(contract)):
                fetch(connection, settings.fetched / contract.dataset)
            reports[contract.dataset] = take_in(settings, contract)
        night.judge_domain(settings, domain)
    assert set(reports) == set(load_contracts())
    return reports


def refresh(settings: Settings, *, validated: bool = True) -> Release:
    """Build, pass the gates, publish. What no reader gets may leave out Great Expectations, which takes seconds."""
    from include.warehouse.release import current

    run_id = new_run_id()
    for name, work in night.REFRESH_STEPS.items():
        if validated or name != "validate":
            work(settings, run_id)
    release = current(settings)
    assert release is not None
    assert release.release_id == run_id
    return release


@pytest.fixture
def compared() -> Callable[[str, int], None]:
    """Note how many figures a comparison compared."""
    return lambda name, count: COMPARED.append((name, count))
