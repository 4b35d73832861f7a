"""A crash inside each step, by an exception that tells all it can and by `kill -9`: nothing about a person is left.

Where a step breaks is told to its process from outside (`watch/sitecustomize.py`); the program has no hook for this.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fault_night import Place, copy_of, home_with_release, run
from leak_search import Search, persons_of

from include.landing.contract import contracts_of, load_contracts
from include.night import REFRESH_STEPS
from include.settings import DOMAINS, PROJECT_ROOT
from include.warehouse.run_folder import new_run_id

WAYS = ("raise", "kill")
LANDING = (
    "include.landing.rows:_write",  # the rows are typed, numbers in memory, nothing is written
    "include.landing.rows:_problems",  # the Parquet file is written and has no name yet
    "include.landing.store:make_durable",  # it has its name and is not in the ledger
    "include.landing.ledger:Ledger.record",  # the last moment before it is
)
REFRESH = {
    "build": ("include.warehouse.build:_run_dbt", "include.warehouse.build:_report"),
    "validate": ("include.gx:Project.write_data_docs",),
    "protect": ("include.warehouse.release_search:_cpr_numbers",),
    "publish": ("include.warehouse.release:_copy", "include.warehouse.release:_swap"),
}
"""Where each step of the refresh breaks: at the least where it holds rows."""


def broken(place: Place) -> dict[str, str]:
    """How each break is told, by where it was and in which program."""
    return {"WATCHED_BROKEN": str(place.root / "tmp" / "broken.txt")}


def breaks(place: Place) -> list[list[str]]:
    """Function, letters that its exception told, and program of each break so far; the notes are taken away."""
    file = place.root / "tmp" / "broken.txt"
    lines = [line.split() for line in file.read_text("utf-8").splitlines()] if file.is_file() else []
    file.unlink(missing_ok=True)
    return lines


class Watched:
    """A place and one search of it, which reads again what has changed."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.search = Search(persons_of(place.inbox))

    def assert_nothing(self) -> None:
        settings = self.place.settings
        without = [settings.vault, settings.home / "inbox", settings.key_file.parent]
        hits = self.search.folder(self.place.root, without=without).hits
        assert not hits, f"{len(hits)} hits, such as {sorted(set(map(str, hits)))[:20]}"


def break_landing(watched: Watched, domains: tuple[str, ...], where: str, way: str) -> None:
    place = watched.place
    for domain in domains:
        code = run(place, "extract", domain, WATCHED_BREAK=f"{where}:{way}", **broken(place))
        assert code == 1, place.output.read_text("utf-8")[-4000:]
    told = breaks(place)
    assert {line[-1] for line in told} == {one.dataset for domain in domains for one in contracts_of(domain)}
    if where.startswith("include.landing.rows"):
        persons = [one.dataset for domain in domains for one in contracts_of(domain) if one.about_persons]
        assert all(int(length) > 1000 for _, length, *_, dataset in told if dataset in persons), "it told rows"
    watched.assert_nothing()


def test_a_landing_that_breaks_leaves_nothing(undisturbed: Place, tmp_path: Path) -> None:
    watched = Watched(home_with_release(undisturbed, tmp_path))
    for way in WAYS:
        break_landing(watched, ("referrals",), LANDING[0], way)


@pytest.mark.proof
@pytest.mark.parametrize("way", WAYS)
def test_the_landing_of_every_dataset_breaks_at_every_point(undisturbed: Place, tmp_path: Path, way: str) -> None:
    """Each run goes on from what the broken one before it left: files without a name, names without a record."""
    assert sum(len(contracts_of(domain)) for domain in DOMAINS) == len(load_contracts())
    watched = Watched(home_with_release(undisturbed, tmp_path))
    for where in LANDING:
        break_landing(watched, tuple(DOMAINS), where, way)
    # What none of them could say is then landed, by a run that nothing breaks.
    for domain in DOMAINS:
        assert run(watched.place, "extract", domain) == 0
    watched.assert_nothing()


STEP = """
import sys
from include.night import REFRESH_STEPS
from include.settings import Settings
REFRESH_STEPS[sys.argv[1]](Settings(), sys.argv[2])
"""


def step(place: Place, name: str, run_id: str, **more: str) -> int:
    """One step of a refresh, in a process of its own."""
    with place.output.open("ab") as output:
        return subprocess.run(
            [sys.executable, "-c", STEP, name, run_id],
            cwd=PROJECT_ROOT,
            env=place.environment() | more,
            stdout=output,
            stderr=output,
            check=False,
        ).returncode


@pytest.mark.proof
def test_every_step_of_the_refresh_breaks(undisturbed: Place, tmp_path: Path) -> None:
    watched = Watched(copy_of(undisturbed, tmp_path))
    place = watched.place
    assert set(REFRESH) == set(REFRESH_STEPS)
    run_id = new_run_id()
    for name in REFRESH_STEPS:
        for where in REFRESH[name]:
            for way in WAYS:
                code = step(place, name, run_id, WATCHED_BREAK=f"{where}:{way}", **broken(place))
                assert code == (1 if way == "raise" else -signal.SIGKILL), (where, way)
                assert len(breaks(place)) == 1, (where, way)
                watched.assert_nothing()
        assert step(place, name, run_id) == 0, place.output.read_text("utf-8")[-4000:]
    watched.assert_nothing()


@pytest.mark.proof
def test_the_judging_breaks(undisturbed: Place, tmp_path: Path) -> None:
    watched = Watched(home_with_release(undisturbed, tmp_path))
    place = watched.place
    for way in WAYS:
        for domain in DOMAINS:
            code = run(
                place, "extract", domain, WATCHED_BREAK=f"include.landing.batch:judge_batch:{way}", **broken(place)
            )
            assert code == (1 if way == "raise" else -signal.SIGKILL), (domain, way)
        assert len(breaks(place)) == len(DOMAINS)
        watched.assert_nothing()
