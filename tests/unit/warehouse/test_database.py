"""Where the warehouse's connections spill: into the private folder of the run, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

import include.warehouse
from include.settings import Settings
from include.warehouse.database import connect
from include.warehouse.protect import protect
from include.warehouse.release import publish, verify

LARGE = "create table t as select range as a, hash(range)::varchar || repeat('x', 40) as b from range(3000000)"


def small(settings: Settings) -> Settings:
    return settings.model_copy(update={"memory_limit": "60MB", "threads": 1})


@pytest.mark.parametrize("file", [None, "database.duckdb"])
def test_what_does_not_fit_goes_to_scratch_and_is_gone_after(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str | None
) -> None:
    (tmp_path / "stands_here").mkdir()
    (tmp_path / "run").mkdir()
    monkeypatch.chdir(tmp_path / "stands_here")
    path = tmp_path / "run" / file if file else None
    scratch = tmp_path / "run" / "scratch"
    with connect(path, scratch=scratch, settings=small(settings)) as connection:
        connection.execute("create temp table s as " + LARGE.partition(" as ")[2])
        assert list(scratch.iterdir())
    assert not scratch.exists()
    assert not list((tmp_path / "stands_here").iterdir())


def test_without_scratch_nothing_is_written(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with (
        connect(None, scratch=None, settings=small(settings)) as connection,
        pytest.raises(duckdb.OutOfMemoryException),
    ):
        connection.execute(LARGE)
    assert not list(tmp_path.iterdir())


def test_threads_memory_and_mode_are_those_that_were_asked_for(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "database.duckdb"
    connect(file, scratch=None, settings=settings).close()
    three = settings.model_copy(update={"threads": 3, "memory_limit": "1GiB"})
    with connect(file, scratch=None, settings=three, read_only=True) as connection:
        asked = "select current_setting('threads'), current_setting('memory_limit')"
        assert connection.execute(asked).fetchone() == (3, "1.0 GiB")
        with pytest.raises(duckdb.InvalidInputException, match="read-only"):
            connection.execute("create table t (a integer)")


def test_gate_and_publication_open_nothing_that_spills_elsewhere(
    run: Callable[[str], Path], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    real = duckdb.connect

    def watched(*args: Any, **options: Any) -> duckdb.DuckDBPyConnection:
        connection = real(*args, **options)
        row = connection.execute("select current_setting('temp_directory')").fetchone()
        assert row is not None
        opened.append(row[0])
        return connection

    folder = run("20260619T013000Z")
    monkeypatch.setattr(duckdb, "connect", watched)
    protect(settings, folder.name)
    verify(settings, publish(settings, folder.name).release_id, with_content=True)
    assert set(opened) == {str(folder / "scratch"), ""}
    assert opened.count("") == 1


def test_no_module_of_the_warehouse_opens_duckdb_by_itself() -> None:
    modules = list(Path(include.warehouse.__file__).parent.glob("*.py"))
    direct = [file.name for file in modules if re.search(r"duckdb\.connect\(", file.read_text("utf-8"))]
    assert direct == ["database.py"]
