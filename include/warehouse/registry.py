"""The append-only registry of every figure about persons that was ever published: one Parquet file a release.

A file has the cells of the month's first release, and those that came new after it: `table_name`, `column_name`,
`row_key` (JSON of the grid), `value` (NULL if withheld), `is_hidden`, `as_of`, `release_id`. Published figures are
anonymous, so the registry is kept for good: the gate attacks it together with what is to be published.
"""

from __future__ import annotations

import math
import os
import secrets
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from include.disk import fsync
from include.settings import Settings
from include.warehouse.cells import Key
from include.warehouse.marts import literal
from include.warehouse.round5 import Earlier, Told


def folder(settings: Settings) -> Path:
    """Where the registry and the salt lie; for the owner only."""
    return settings.home / "disclosure"


def read(
    connection: duckdb.DuckDBPyConnection, settings: Settings, as_of: str
) -> tuple[Earlier, dict[Key, set[float]]]:
    """What holds this month and what held before, and for every cell all values it ever had. The newest counts."""
    files = sorted(str(file) for file in (folder(settings) / "registry").glob("*.parquet"))
    if not files:
        return Earlier({}, {}), {}
    month = f"strftime(date {literal(as_of)}, '%Y-%m')"
    found = connection.execute(
        f"""
        select table_name, column_name, row_key, value, strftime(as_of, '%Y-%m') = {month}
        from read_parquet([{", ".join(literal(file) for file in files)}]) order by as_of, release_id
        """
    ).fetchall()
    earlier: tuple[dict[Key, Told], dict[Key, Told]] = ({}, {})
    ever: dict[Key, set[float]] = {}
    for table, column, row, value, is_this_month in found:
        key = (table, column, row)
        earlier[0 if is_this_month else 1][key] = Told(math.nan if value is None else value)
        if value is not None:
            ever.setdefault(key, set()).add(value)
    return Earlier(*earlier), ever


def write(connection: duckdb.DuckDBPyConnection, target: Path, cells: list[tuple[Key, Told]]) -> int:
    """Write a run's new cells beside it; gives how many."""
    frame = pd.DataFrame(
        {
            "table_name": pd.array([key[0] for key, _ in cells], dtype="string"),
            "column_name": pd.array([key[1] for key, _ in cells], dtype="string"),
            "row_key": pd.array([key[2] for key, _ in cells], dtype="string"),
            "value": np.array([told.value for _, told in cells], np.float64),
        }
    )
    connection.register("new_cells", frame)
    connection.execute(
        "copy (select table_name, column_name, row_key, nullif(value, 'nan') as value, "
        f"isnan(coalesce(value, 'nan')) as is_hidden from new_cells) to {literal(str(target))} (format parquet)"
    )
    connection.unregister("new_cells")
    return len(cells)


def append(
    connection: duckdb.DuckDBPyConnection, settings: Settings, source: Path, *, as_of: str, release: str
) -> None:
    """Take a run's cells into the registry, whole or not at all. The same run again changes nothing."""
    place = folder(settings) / "registry"
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    place.parent.chmod(0o700)
    target = place / f"{release}.parquet"
    if target.exists() or not source.exists():
        return
    temporary = place / f".{release}.{os.getpid()}"
    connection.execute(
        f"copy (select *, date {literal(as_of)} as as_of, {literal(release)} as release_id "
        f"from {literal(str(source))}) to {literal(str(temporary))} (format parquet)"
    )
    fsync(temporary)
    temporary.replace(target)
    fsync(place)


def salt(settings: Settings) -> int:
    """The number under which choices are random: made once, kept in the warehouse home, told to nobody."""
    file = folder(settings) / "salt"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        candidate = file.with_name(f".salt.{os.getpid()}")
        descriptor = os.open(candidate, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(16) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        candidate.replace(file)
    return int(file.read_text("ascii"), 16)
