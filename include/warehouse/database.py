"""The one way in which the warehouse opens DuckDB: bounded, and with nowhere to spill but the run's own folder."""

from __future__ import annotations

from pathlib import Path

import duckdb

from include.settings import Settings


def connect(
    path: Path | None, *, scratch: Path | None, settings: Settings, read_only: bool = False
) -> duckdb.DuckDBPyConnection:
    """Open a database file, or one in memory (`path` None), with the settings' threads and memory limit.

    What does not fit into memory goes to `scratch`, which must lie in a folder of mode 0700: it holds rows of
    restricted tables. DuckDB makes the folder when it needs it and removes it when it closes; by itself it would take
    `.tmp` in the working folder. With None nothing is ever written, and what does not fit is an error. Raises
    duckdb.Error as DuckDB does.
    """
    return duckdb.connect(
        str(path) if path is not None else ":memory:",
        read_only=read_only,
        config={
            "threads": settings.threads,
            "memory_limit": settings.memory_limit,
            "temp_directory": str(scratch) if scratch is not None else "",
        },
    )
