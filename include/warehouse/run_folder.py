"""Where one run keeps what it makes, before anybody but the run may see it."""

from __future__ import annotations

import datetime as dt
import json
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.errors import WarehouseError
from include.settings import Settings

_RUN_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]*")
_LAST: list[dt.datetime] = []
_LAST_LOCK = threading.Lock()


@dataclass(frozen=True)
class RunFolder:
    """The paths below `staging/<run_id>/`. All of it is private to the run: the folder has mode 0700."""

    root: Path

    @classmethod
    def of(cls, settings: Settings, run_id: str) -> RunFolder:
        """The folder of a run, whether it exists or not. Raises WarehouseError for a name that is no run id."""
        # dbt changes its working directory, so no path below may be relative.
        return cls(settings.staging.resolve() / checked_run_id(run_id))

    @property
    def run_id(self) -> str:
        """The run's id, which is also its release's."""
        return self.root.name

    @property
    def landing_file(self) -> Path:
        """The views over landing that dbt reads."""
        return self.root / "landing.duckdb"

    @property
    def build_file(self) -> Path:
        """The private database that dbt writes. Its name is the catalog that dbt's views name."""
        return self.root / "build" / "warehouse.duckdb"

    @property
    def target(self) -> Path:
        """The target folder of dbt: manifest, results, compiled SQL."""
        return self.root / "target"

    @property
    def manifest_file(self) -> Path:
        """The project as dbt describes it."""
        return self.target / "manifest.json"

    @property
    def results_file(self) -> Path:
        """The results of dbt, node by node."""
        return self.target / "run_results.json"

    @property
    def logs(self) -> Path:
        """The log of dbt."""
        return self.root / "logs"

    @property
    def operations(self) -> Path:
        """What the gates leave for the engineers."""
        return self.root / "operations"

    @property
    def protected_file(self) -> Path:
        """The marts as every BI user gets them."""
        return self.root / "protected.duckdb"

    @property
    def registered_file(self) -> Path:
        """The cells that the registry takes up when the run is published."""
        return self.root / "registered.parquet"

    @property
    def scratch(self) -> Path:
        """Where DuckDB may put what does not fit into memory; there only while it is needed."""
        return self.root / "scratch"

    @property
    def inputs_file(self) -> Path:
        """What the build was made from: business date, municipality, fingerprint of landing."""
        return self.root / "inputs.json"

    @property
    def release(self) -> Path:
        """The release while it is being made."""
        return self.root / "release"

    def inputs(self) -> dict[str, Any]:
        """What `build` noted of its inputs. Raises WarehouseError if the run has no finished build."""
        if not self.inputs_file.is_file() or not self.build_file.is_file() or not self.manifest_file.is_file():
            raise WarehouseError(
                "the run has no finished build",
                where=self.run_id,
                remedy="start the refresh again; a newer run sweeps the staging folders of older ones",
            )
        found: dict[str, Any] = json.loads(self.inputs_file.read_text("utf-8"))
        return found


def checked_run_id(run_id: str) -> str:
    """The id itself if it can be a folder's name; raises WarehouseError for anything else, such as `../x`."""
    if not _RUN_ID.fullmatch(run_id):
        raise WarehouseError(
            "this is no run id", remedy="use what new_run_id gives, or an id that `warehouse releases` shows"
        )
    return run_id


def new_run_id() -> str:
    """A new id: the UTC second and its microseconds, `20260619T013000Z-000042`.

    Ids sort in the order in which they were made; within one process two are never equal.
    """
    with _LAST_LOCK:
        now = dt.datetime.now(dt.UTC)
        if _LAST and now <= _LAST[0]:
            now = _LAST[0] + dt.timedelta(microseconds=1)
        _LAST[:] = [now]
    return run_id_at(now)


def run_id_at(moment: dt.datetime) -> str:
    """The id of a run that began at this moment; ids of runs before it are smaller."""
    return moment.astimezone(dt.UTC).strftime("%Y%m%dT%H%M%SZ-%f")
