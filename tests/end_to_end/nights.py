"""How the end-to-end tests play nights: in a folder of their own, with the steps that Airflow's tasks call."""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from figures import Night

from include import night
from include.demo.municipality import TRUTH_FILE, generate
from include.demo.schools import Size
from include.demo.stand_ins import as_variable, stand_ins
from include.landing.contract import contracts_of, load_contracts
from include.landing.process import LandReport, take_in
from include.settings import DOMAINS, Settings
from include.sources.api import ApiConnection
from include.warehouse.release import Release, current, new_run_id
from include.warehouse.run_folder import RunFolder


@contextlib.contextmanager
def stand_ins_of(inbox: Path, *, token: str | None = None) -> Iterator[None]:
    """Stand-ins for the outside APIs, as the connections that the landing asks through; `token` in place of theirs."""
    with stand_ins(inbox) as variables, pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            fields = json.loads(value)
            if token is None or "password" not in fields:
                patch.setenv(name, value)
            else:
                connection = ApiConnection(fields["host"], token)
                patch.setenv(name, as_variable(name.removeprefix("AIRFLOW_CONN_"), connection)[name])
        yield


def make_night(folder: Path, size: Size) -> None:
    """Generate an inbox of this size and take it in as one night, the way `warehouse run --plain` does it."""
    generate(folder / "inbox", size=size)
    settings = settings_of(folder, folder / "inbox")
    with stand_ins_of(folder / "inbox"), keep_build(folder / "built"):
        to_act_on = night.run_plain(settings, lambda _: None)
    (folder / "played.json").write_text(json.dumps({"to_act_on": to_act_on}), "utf-8")


@contextlib.contextmanager
def keep_build(folder: Path) -> Iterator[None]:
    """Keep what dbt built, which publication moves away, what it was built from, and how dbt describes it."""

    def build(settings: Settings, run_id: str) -> dict[str, Any]:
        detail = night.build_step(settings, run_id)
        run = RunFolder.of(settings, run_id)
        folder.mkdir()
        for file in (run.build_file, run.landing_file, run.manifest_file, run.inputs_file):
            shutil.copy(file, folder / file.name)
        return detail

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(night.REFRESH_STEPS, "build", build)
        yield


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


def take_in_all(settings: Settings) -> dict[str, LandReport]:
    """Land and judge all domains in this process, which saves the start of seven; otherwise as `extract_plain`."""
    reports = {}
    for domain in DOMAINS:
        for contract in contracts_of(domain):
            if contract.connection and (connection := night.connection_from_environment(contract)):
                source = importlib.import_module(f"include.sources.{contract.reader}")
                source.fetch(connection, settings.fetched / contract.dataset, contract.request)
            reports[contract.dataset] = take_in(settings, contract)
        night.judge_domain(settings, domain)
    assert set(reports) == set(load_contracts())
    return reports


def refresh(settings: Settings) -> Release:
    """Build, pass the gates, publish; gives the release, which is the current one."""
    run_id = new_run_id()
    for work in night.REFRESH_STEPS.values():
        work(settings, run_id)
    release = current(settings)
    assert release is not None
    assert release.release_id == run_id
    return release
