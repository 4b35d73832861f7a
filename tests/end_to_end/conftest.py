"""The small night that all end-to-end tests share."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable

import pytest
from figures import Night
from nights import make_night, night_of

COMPARED: list[tuple[str, int]] = []
"""Which comparison compared how many figures, for the line at the end."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if COMPARED:
        total = sum(count for _, count in COMPARED)
        terminalreporter.write_line(f"{total:,} planted figures compared in {len(COMPARED)} groups")


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


@pytest.fixture
def compared() -> Callable[[str, int], None]:
    """Note how many figures a comparison compared."""
    return lambda name, count: COMPARED.append((name, count))
