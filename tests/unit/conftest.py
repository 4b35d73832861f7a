"""What tests of the dbt project share: dbt's own reading of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from include.settings import PROJECT_ROOT

Node = dict[str, Any]


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """dbt's own reading of the project, without a database."""
    folder = tmp_path_factory.mktemp("parse")
    project = str(PROJECT_ROOT / "dbt_project")
    finished = subprocess.run(
        [
            str(Path(sys.executable).with_name("dbt")),
            "parse",
            *("--project-dir", project, "--profiles-dir", project),
            *("--target-path", str(folder / "target"), "--log-path", str(folder / "logs")),
        ],
        env={
            **os.environ,
            "WAREHOUSE_BUILD_FILE": str(folder / "warehouse.duckdb"),
            "WAREHOUSE_LANDING_FILE": str(folder / "landing.duckdb"),
            "DO_NOT_TRACK": "1",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stdout[-4000:]
    parsed: dict[str, Any] = json.loads((folder / "target" / "manifest.json").read_text("utf-8"))
    return parsed


@pytest.fixture(scope="session")
def models(manifest: dict[str, Any]) -> dict[str, Node]:
    """The models by name."""
    return {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}
