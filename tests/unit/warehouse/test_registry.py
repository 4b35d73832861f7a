"""The registry of what was ever published, and the salt: whole or not at all, once, and for the owner only."""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from include.settings import Settings
from include.warehouse import registry
from include.warehouse.cells import Key
from include.warehouse.round5 import Told

KEY: Key = ("mart_x", "pupils", '{"school":"151003"}')
OTHER: Key = ("mart_x", "days", '{"school":null}')


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as found:
        yield found


def publish(
    connection: duckdb.DuckDBPyConnection, settings: Settings, release: str, as_of: str, cells: dict[Key, float]
) -> Path:
    settings.home.mkdir(parents=True, exist_ok=True)
    source = settings.home / f"{release}.parquet"
    assert registry.write(connection, source, [(key, Told(value)) for key, value in cells.items()]) == len(cells)
    registry.append(connection, settings, source, as_of=as_of, release=release)
    return source


def stored(settings: Settings) -> list[Path]:
    return sorted((registry.folder(settings) / "registry").iterdir())


def test_before_the_first_release_it_knows_nothing(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    earlier, ever = registry.read(connection, settings, "2026-06-19")
    assert (earlier.held, earlier.before, ever) == ({}, {}, {})


def test_what_was_published_this_month_holds_and_the_rest_was_before(
    connection: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    publish(connection, settings, "20260430T010000Z", "2026-04-30", {KEY: 5.0, OTHER: 20.0})
    publish(connection, settings, "20260531T010000Z", "2026-05-31", {KEY: 10.0, OTHER: math.nan})
    publish(connection, settings, "20260601T010000Z", "2026-06-01", {KEY: 15.0})
    earlier, ever = registry.read(connection, settings, "2026-06-30")
    assert earlier.held == {KEY: Told(15.0)}
    assert earlier.before[KEY] == Told(10.0)
    assert earlier.before[OTHER].is_hidden
    assert ever == {KEY: {5.0, 10.0, 15.0}, OTHER: {20.0}}
    earlier, _ = registry.read(connection, settings, "2026-07-01")
    assert earlier.held == {}
    assert earlier.before[KEY] == Told(15.0)


def test_the_file_has_the_columns_that_are_written_down(
    connection: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    publish(connection, settings, "20260601T010000Z", "2026-06-01", {KEY: 15.0, OTHER: math.nan})
    (file,) = stored(settings)
    assert file.name == "20260601T010000Z.parquet"
    found = connection.execute(f"select *, as_of::varchar from '{file}' order by value nulls last")
    assert [column[0] for column in found.description][:7] == [
        "table_name", "column_name", "row_key", "value", "is_hidden", "as_of", "release_id",
    ]  # fmt: skip
    rows = [(*row[:5], row[6], row[7]) for row in found.fetchall()]
    assert rows == [
        (*KEY, 15.0, False, "20260601T010000Z", "2026-06-01"),
        (*OTHER, None, True, "20260601T010000Z", "2026-06-01"),
    ]


def test_the_same_release_again_changes_nothing(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    source = publish(connection, settings, "20260601T010000Z", "2026-06-01", {KEY: 15.0})
    (file,) = stored(settings)
    before = file.read_bytes(), file.stat().st_mtime_ns
    registry.write(connection, source, [(KEY, Told(20.0))])
    registry.append(connection, settings, source, as_of="2026-06-01", release="20260601T010000Z")
    assert [stored(settings), (file.read_bytes(), file.stat().st_mtime_ns)] == [[file], before]
    source.unlink()
    registry.append(connection, settings, source, as_of="2026-06-01", release="20260602T010000Z")
    assert stored(settings) == [file]


@pytest.mark.parametrize("step", ["open", "fsync", "replace"])
def test_a_process_that_ends_half_way_leaves_no_half_and_the_next_attempt_ends_it(
    connection: duckdb.DuckDBPyConnection, settings: Settings, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    publish(connection, settings, "20260601T010000Z", "2026-06-01", {KEY: 15.0})

    class Killed(BaseException):
        """The process is gone."""

    def end(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(*((Path, step) if step == "replace" else (os, step)), end)
        with pytest.raises(Killed):
            publish(connection, settings, "20260602T010000Z", "2026-06-02", {OTHER: 20.0})
    earlier, ever = registry.read(connection, settings, "2026-06-19")
    assert (set(earlier.held), set(ever)) == ({KEY}, {KEY})
    publish(connection, settings, "20260602T010000Z", "2026-06-02", {OTHER: 20.0})
    earlier, _ = registry.read(connection, settings, "2026-06-19")
    assert earlier.held == {KEY: Told(15.0), OTHER: Told(20.0)}
    assert [file.name for file in stored(settings)] == ["20260601T010000Z.parquet", "20260602T010000Z.parquet"]


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_registry_and_salt_are_for_the_owner_only(
    connection: duckdb.DuckDBPyConnection, settings: Settings, umask: int
) -> None:
    before = os.umask(umask)
    try:
        registry.salt(settings)
        publish(connection, settings, "20260601T010000Z", "2026-06-01", {KEY: 15.0})
    finally:
        os.umask(before)
    place = registry.folder(settings)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert stat.S_IMODE((place / "salt").stat().st_mode) == 0o600


def test_the_salt_is_made_once_and_is_another_in_every_home(settings: Settings, tmp_path: Path) -> None:
    first = registry.salt(settings)
    assert registry.salt(settings) == first
    assert 0 <= first < 2**128
    other = settings.model_copy(update={"home": tmp_path / "other"})
    assert registry.salt(other) != first
    assert [path.name for path in registry.folder(settings).iterdir()] == ["salt"]
