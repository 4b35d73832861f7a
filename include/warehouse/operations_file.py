"""`operations.duckdb`: what engineers ask of a night, as tables. Nobody else may read it.

"One notification tonight" is one child, so counts of deliveries and what lies in quarantine stay with the engineers.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from include.landing.ledger import Ledger
from include.operations.run_log import steps
from include.settings import Settings
from include.warehouse.database import connect
from include.warehouse.marts import literal, quoted
from include.warehouse.run_folder import RunFolder

_TIME = pa.timestamp("us")

_TABLES: dict[str, tuple[str, list[tuple[str, Any, str]]]] = {
    "runs": (
        "The run that made this release; one row",
        [
            ("run_id", pa.string(), "Id of the run and of its release"),
            ("as_of", pa.string(), "Business date, ISO"),
            ("municipality_code", pa.string(), "Code of the municipality"),
            ("is_synthetic", pa.bool_(), "True if what has landed is the synthetic municipality"),
            ("landing_fingerprint", pa.string(), "SHA-256 over the deliveries that were current"),
        ],
    ),
    "steps": (
        "Each row is a step of a run: extracts and refreshes, the latest runs last",
        [
            ("run", pa.string(), "Id of the run"),
            ("domain", pa.string(), "Domain, empty for steps of the refresh"),
            ("name", pa.string(), "Name of the step"),
            ("started_at", _TIME, "Beginning, UTC"),
            ("seconds", pa.float64(), "Seconds it took, empty while it runs or if it died"),
            ("outcome", pa.string(), "started, succeeded or failed"),
            ("detail", pa.string(), "Counts and names, JSON"),
        ],
    ),
    "deliveries": (
        "Each row is a delivery that ever came",
        [
            ("delivery_id", pa.string(), "SHA-256 of the bytes"),
            ("dataset", pa.string(), "Dataset"),
            ("domain", pa.string(), "Domain"),
            ("file_name", pa.string(), "Name of the file"),
            ("as_of", pa.date32(), "Day of the extract"),
            ("period_label", pa.string(), "Period as the delivery names it"),
            ("period_from", pa.date32(), "First day of the period"),
            ("period_to", pa.date32(), "Last day of the period"),
            ("received_at", _TIME, "Arrival, UTC"),
            ("status", pa.string(), "landed, accepted or rejected"),
            ("row_count", pa.int64(), "Rows in the delivery: landed, quarantined and erased"),
            ("landed_count", pa.int64(), "Rows that landed"),
            ("quarantined_count", pa.int64(), "Rows in quarantine"),
            ("erased_count", pa.int64(), "Rows that were erased or left out, as past their retention"),
            ("is_synthetic", pa.bool_(), "True if it came from a synthetic inbox"),
            ("notes", pa.string(), "Warnings about the batch, JSON list"),
        ],
    ),
    "quarantine": (
        "Each row is a row, or without a line a whole file, that did not land; never its value",
        [
            ("delivery_id", pa.string(), "SHA-256 of the delivery's bytes"),
            ("dataset", pa.string(), "Dataset"),
            ("file_name", pa.string(), "Name of the file"),
            ("line", pa.int64(), "Line in the file, empty for a whole file"),
            ("column", pa.string(), "Column, if one is at fault"),
            ("rule", pa.string(), "Rule of the contract"),
            ("reason", pa.string(), "What is wrong"),
            ("remedy", pa.string(), "What to do"),
        ],
    ),
    "dbt_results": (
        "Each row is a model, seed or test of the build",
        [
            ("unique_id", pa.string(), "dbt's id of the node"),
            ("status", pa.string(), "dbt's status"),
            ("seconds", pa.float64(), "Seconds it took"),
            ("failures", pa.int64(), "Rows that fail a test"),
            ("message", pa.string(), "dbt's message, without values"),
        ],
    ),
    "validation_results": (
        "Each row is a result that the validation of the marts wrote",
        [
            ("part", pa.string(), "Part of the validation's report, such as checks or warnings"),
            ("position", pa.int64(), "Position in that part"),
            ("result", pa.string(), "The result, JSON"),
        ],
    ),
    "notes": (
        "Each row is a warning with which the release was published",
        [("note", pa.string(), "The warning")],
    ),
}


def write_operations_file(settings: Settings, folder: RunFolder, file: Path, notes: Sequence[str]) -> None:
    """Write the database `file` of a run with all its tables, empty ones too."""
    with Ledger(settings) as ledger:
        deliveries, problems = ledger.deliveries(), ledger.problems()
    results = json.loads(folder.results_file.read_text("utf-8"))["results"]
    rows: dict[str, Iterable[dict[str, Any]]] = {
        "runs": [folder.inputs()],
        "steps": (
            {**vars(step), "started_at": _utc(step.started_at), "detail": json.dumps(step.detail, ensure_ascii=False)}
            for step in steps(settings)
        ),
        "deliveries": (
            {**vars(d), "received_at": _utc(d.received_at), "notes": json.dumps(d.notes, ensure_ascii=False)}
            for d in deliveries
        ),
        "quarantine": (vars(problem) for problem in problems),
        "dbt_results": ({**result, "seconds": result["execution_time"]} for result in results),
        "validation_results": _validation(folder.operations / "validation.json"),
        "notes": ({"note": note} for note in notes),
    }
    with connect(file, scratch=folder.scratch, settings=settings) as connection:
        # One transaction: otherwise every description would be forced to disk on its own.
        connection.execute("begin")
        for name, (said, columns) in _TABLES.items():
            schema = pa.schema([(column, kind) for column, kind, _ in columns])
            known = [{column: row.get(column) for column in schema.names} for row in rows[name]]
            connection.register("_rows", pa.Table.from_pylist(known, schema=schema))
            connection.execute(f"create table {quoted(name)} as from _rows")
            connection.unregister("_rows")
            connection.execute(f"comment on table {quoted(name)} is {literal(said)}")
            for column, _, text in columns:
                connection.execute(f"comment on column {quoted(name)}.{quoted(column)} is {literal(text)}")
        connection.execute("commit")
        connection.execute("checkpoint")


def _utc(moment: dt.datetime) -> dt.datetime:
    return moment.astimezone(dt.UTC).replace(tzinfo=None)


def _validation(file: Path) -> list[dict[str, Any]]:
    """The report of the validation, list by list; what is no list is one row."""
    if not file.is_file():
        return []
    content: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return [
        {"part": part, "position": position, "result": json.dumps(result, ensure_ascii=False)}
        for part, results in content.items()
        for position, result in enumerate(results if isinstance(results, list) else [results], start=1)
    ]
