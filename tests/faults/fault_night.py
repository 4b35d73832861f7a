"""Nights for the tests of faults: a small inbox, a home of one's own, `warehouse` as a process that can be killed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from include.landing import store
from include.landing.contract import load_contracts
from include.landing.ledger import Ledger
from include.operations.run_log import steps
from include.settings import PROJECT_ROOT, SYNTHETIC_MARKER, Settings
from include.warehouse import release

WAREHOUSE = Path(sys.executable).parent / "warehouse"
WATCH = Path(__file__).resolve().parent / "watch"

KEPT = (
    "absence_days/absence_days_20260605-20260618_20260618.csv",
    "absence_days/absence_days_20260606-20260619_20260619.csv",
    "absence_statistics/stub_answers.json",
    "budget_agreement/aftale_om_budget_2024.pdf",
    "budget_agreement/aftale_om_budget_2025.txt",
    "budget_agreement/aftale_om_budget_2026.txt",
    "enrolments/enrolments_2025-2026_20260618.csv",
    "enrolments/enrolments_2025-2026_20260619.csv",
    "ledger_postings/ledger_postings_2026-06_20260618.csv",
    "ledger_postings/ledger_postings_2026-06_20260619.csv",
    "referrals/referrals_2025-2026_20260612.csv",
    "referrals/referrals_20260421-20260619_20260619.csv",
    "wellbeing_answers/wellbeing_answers_2025-2026_20260617.csv",
)
"""Of the small municipality: periods that are replaced, and no more than a night of seconds needs."""


@dataclass(frozen=True)
class Place:
    """All that a run may write to: the home, and beside it the key, the user's own folder and the temporary one."""

    root: Path
    inbox: Path

    @property
    def settings(self) -> Settings:
        return Settings(home=self.root / "home", inputs=self.inbox, key_file=self.root / "key" / "person.key")

    @property
    def output(self) -> Path:
        """What the runs said, standard output and error."""
        return self.root / "said.txt"

    @property
    def opens(self) -> Path:
        """Arguments of each process that opened the key."""
        return self.root / "opens.txt"

    def environment(self) -> dict[str, str]:
        for name in ("user", "tmp"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(self.root / "user"),
            "TMPDIR": str(self.root / "tmp"),
            "PYTHONPATH": f"{WATCH}{os.pathsep}{PROJECT_ROOT}",
            "WATCHED_OPENS": str(self.opens),
            **self.settings.environment(),
        }


def pick_inbox(small: Path, target: Path) -> Path:
    """An inbox with the few deliveries of the small municipality that these tests need: one or two of each dataset."""
    marker = json.loads((small / SYNTHETIC_MARKER).read_text("utf-8"))
    newest = {Path(path).parent.name: path for path in marker["deliveries"]}  # they stand in the order of their days
    kept = [
        *KEPT,
        *(newest[name] for name in load_contracts() if name not in {Path(path).parent.name for path in KEPT}),
    ]
    for path in kept:
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(small / path, target / path)
    marker["deliveries"] = {path: marker["deliveries"][path] for path in kept}
    (target / SYNTHETIC_MARKER).write_text(json.dumps(marker), "utf-8")
    return target


def start(place: Place, *arguments: str, **changed: str) -> subprocess.Popen[bytes]:
    """Start `warehouse …` in a session and process group of its own."""
    place.root.mkdir(parents=True, exist_ok=True)
    with place.output.open("ab") as output:
        return subprocess.Popen(
            [WAREHOUSE, *arguments],
            cwd=PROJECT_ROOT,
            env=place.environment() | changed,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def run(place: Place, *arguments: str, **changed: str) -> int:
    """Run `warehouse …` to its end; its exit code."""
    process = start(place, *arguments, **changed)
    try:
        return process.wait(timeout=900)
    finally:
        kill_group(process)


def good_night(place: Place, *arguments: str) -> release.Release:
    """A night that must succeed; its release."""
    before = len(steps(place.settings))
    code = run(place, "run", *(arguments or ("--plain",)))
    assert code == 0, place.output.read_text("utf-8")[-6000:]
    assert {step.outcome for step in steps(place.settings)[before:]} == {"succeeded"}
    found = release.current(place.settings)
    assert found is not None
    return found


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """`kill -9` of the whole group; returns when nothing of its session is left."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=60)
    deadline = time.monotonic() + 60
    while session_of(process.pid):
        assert time.monotonic() < deadline, "a process outlived the kill of its group"
        time.sleep(0.02)


def session_of(leader: int) -> list[int]:
    """Living processes of the session."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text("ascii", "replace").rpartition(")")[2].split()
                if int(fields[3]) == leader and fields[0] != "Z":
                    found.append(int(entry.name))
    return found


def wait_for_step(
    place: Place, process: subprocess.Popen[bytes], name: str, *, domain: str | None = None, after: int = 0
) -> None:
    """Wait until the run log has a step of this name. `after`: how many steps stood there before the run."""
    deadline = time.monotonic() + 600
    while not any(step.name == name and domain in (None, step.domain) for step in steps(place.settings)[after:]):
        assert process.poll() is None, f"the run ended before {name}: {place.output.read_text('utf-8')[-4000:]}"
        assert time.monotonic() < deadline, f"{name} never began"
        time.sleep(0.01)


def kill_in_step(place: Place, name: str, delay: float, *arguments: str, domain: str | None = None) -> str:
    """Start a night, kill its whole group in the named step, `delay` seconds after it began. Returns its outcome.

    The outcome is what the run log then says of the step: `started` if it was hit inside it, else `succeeded`.
    """
    before = len(steps(place.settings))
    process = start(place, "run", *(arguments or ("--plain",)))
    try:
        wait_for_step(place, process, name, domain=domain, after=before)
        time.sleep(delay)
    finally:
        kill_group(process)
    hit = [step for step in steps(place.settings)[before:] if step.name == name and domain in (None, step.domain)]
    return hit[-1].outcome


@contextlib.contextmanager
def stopped_child(place: Place, process: subprocess.Popen[bytes], dataset: str) -> Iterator[int]:
    """The landing process of a dataset, found from outside and held still; it goes on when the block ends."""
    deadline = time.monotonic() + 300
    while True:
        for pid in session_of(process.pid):
            with contextlib.suppress(OSError):
                arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if b"include.landing" in arguments and dataset.encode() in arguments:
                    os.kill(pid, signal.SIGSTOP)
                    try:
                        yield pid
                    finally:
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGCONT)
                    return
        assert process.poll() is None, f"no landing of {dataset}: {place.output.read_text('utf-8')[-4000:]}"
        assert time.monotonic() < deadline
        time.sleep(0.005)


def assert_whole(place: Place, release_id: str) -> None:
    """The release is the current one, opens, has no unfinished write, and its content is that of its manifest."""
    settings = place.settings
    assert settings.current_release.is_symlink()
    assert settings.current_release.resolve() == (settings.releases / release_id).resolve()
    assert not list(settings.current_release.resolve().rglob("*.wal"))
    for file in ("warehouse.duckdb", "restricted/warehouse.duckdb"):
        with duckdb.connect(str(settings.current_release / file), read_only=True) as connection:
            for (table,) in connection.execute("select table_name from duckdb_tables()").fetchall():
                connection.execute(f'select * from marts."{table}"').fetchall()
    release.verify(settings, release_id, with_content=True)


def assert_swept(place: Place) -> None:
    """Nothing that a killed run began is left."""
    home = place.settings.home
    left = [path for path in home.rglob("*") if path.name.endswith((".tmp", ".partial", ".part", ".wal", ".scrubbed"))]
    assert not left
    assert not list(place.settings.staging.iterdir())
    with Ledger(place.settings) as ledger:
        named = {one.parquet_file for one in ledger.deliveries() if one.parquet_file}
    landing = place.settings.landing
    # Links are made anew from what has landed, and have no line in the ledger.
    landed = (file for file in landing.rglob("*.parquet") if file.relative_to(landing).parts[0] != store.LINKS)
    assert {str(file.relative_to(landing)) for file in landed} == named


def assert_landed_once(place: Place, expected: Place) -> None:
    """The same deliveries with the same counts as in an undisturbed home; rows in = landed + quarantined."""

    def counts(of: Place) -> list[tuple[object, ...]]:
        with Ledger(of.settings) as ledger:
            return sorted(
                (one.dataset, one.delivery_id, one.status, one.row_count, one.landed_count, one.quarantined_count)
                for one in ledger.deliveries()
            )

    assert counts(place) == counts(expected)
    with Ledger(place.settings) as ledger, duckdb.connect() as connection:
        for one in ledger.deliveries():
            assert one.row_count == one.landed_count + one.quarantined_count
            assert one.parquet_file is not None
            file = place.settings.landing / one.parquet_file
            rows = connection.execute(f"select count(*) from read_parquet('{file}')").fetchone()
            assert rows == (one.landed_count,)


def home_with_release(undisturbed: Place, root: Path, inbox: Path | None = None) -> Place:
    """A home that has the undisturbed home's release and nothing else."""
    place = Place(root, inbox or undisturbed.inbox)
    shutil.copytree(undisturbed.settings.releases, place.settings.releases, symlinks=True)
    return place


def copy_of(undisturbed: Place, root: Path, inbox: Path | None = None) -> Place:
    """A copy of a whole home, key and vault included."""
    place = Place(root, inbox or undisturbed.inbox)
    shutil.copytree(undisturbed.settings.home, place.settings.home, symlinks=True)
    shutil.copytree(undisturbed.settings.key_file.parent, place.settings.key_file.parent)
    return place
