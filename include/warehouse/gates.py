"""What must have been said of a run before it goes out: by dbt, by the expectations, and by the disclosure gate.

The steps of a night come in this order anyway; this is for the night on which one of them was skipped, cleared or died.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from include.errors import WarehouseError
from include.warehouse.build import BAD
from include.warehouse.run_folder import RunFolder

_BUILT = ("model", "seed", "snapshot", "test")


def check_gates(folder: RunFolder) -> None:
    """Raises WarehouseError, with the gate to run, unless all three say of this very run that it may go out.

    Read are dbt's `run_results.json`, and the run's `operations/validation.json` and `operations/protection.json`; one
    that is missing, unreadable or of another run is as good as a refusal.
    """
    _check_build(folder)
    validation = _said(folder.operations / "validation.json", folder.run_id)
    if validation.get("critical") != []:
        raise WarehouseError(
            "the run has not passed the gate of expectations",
            where=folder.run_id,
            remedy="run the expectations (validate) on this build; nothing is published with a critical one unmet",
        )
    protection = _said(folder.operations / "protection.json", folder.run_id)
    if protection.get("is_passed") is not True:
        raise WarehouseError(
            "the run has not passed the disclosure gate",
            where=folder.run_id,
            remedy="run the gate (protect) on this build; nothing is published without it",
        )


def _check_build(folder: RunFolder) -> None:
    """All that the project has was built and tested, and nothing failed."""
    nodes: dict[str, dict[str, Any]] = _json(folder.manifest_file).get("nodes", {})
    results: list[dict[str, Any]] = _json(folder.results_file).get("results", [])
    expected = {
        unique_id
        for unique_id, node in nodes.items()
        if node["resource_type"] in _BUILT and node["config"].get("materialized") != "ephemeral"
    }
    bad = [result for result in results if result["status"] in (*BAD, "skipped")]
    missing = expected - {result["unique_id"] for result in results}
    if not results or bad or missing:
        raise WarehouseError(
            f"dbt's results are not those of a finished build: {len(results)} there, {len(bad)} of them failed or "
            f"skipped, {len(missing)} models, seeds or tests without one",
            where=str(folder.results_file),
            remedy="start a new run; a build that is not whole is never published",
        )


def _said(file: Path, run_id: str) -> dict[str, Any]:
    content = _json(file)
    return content if content.get("run_id") == run_id else {}


def _json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
