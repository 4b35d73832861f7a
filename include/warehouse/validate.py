"""The gate of expectations: every mart of a build is judged by the suite in `expectations/` that bears its name.

A mart without a suite stops the night, so none is ever published unjudged. Adding a mart means adding one suite file
and no code.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from include.errors import WarehouseError
from include.gx import EXPECTATIONS, SuiteResult, open_project, suite_names
from include.settings import Settings
from include.warehouse.database import connect
from include.warehouse.marts import SCHEMA
from include.warehouse.run_folder import RunFolder


@dataclass(frozen=True)
class ValidationReport:
    """What the suites say of one build: `suites` and `checks` are counts, the messages hold no values of rows."""

    suites: int
    checks: int
    critical: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0


class ValidationFailed(WarehouseError):
    """A critical expectation was not met: the build must not be published. `report` has all that was found."""

    def __init__(self, report: ValidationReport, docs: Path) -> None:
        self.report = report
        listed = "".join(f"\n- {message}" for message in report.critical)
        super().__init__(
            f"{len(report.critical)} critical of {report.checks} expectations failed:{listed}\n",
            remedy=f"open {docs} in a browser; correct the model or the data, or the suite in expectations/, if it is "
            "the suite that is wrong. The release of yesterday stands meanwhile.",
        )


def validate(settings: Settings, run_id: str, *, expectations: Path = EXPECTATIONS) -> ValidationReport:
    """Judge all tables of schema `marts` in the build of a run, read-only.

    Writes `operations/validation.json` and `operations/data_docs/` into the run's staging folder, also when the gate
    stops the run. Warnings are in the report, for the release to publish.

    Raises WarehouseError if there is no build, no mart in it, or a mart without a suite (it names the file to add), and
    ValidationFailed if a critical expectation fails or could not be evaluated.
    """
    begun = time.perf_counter()
    folder = RunFolder.of(settings, run_id)
    marts = _marts(settings, folder)
    missing = [mart for mart in marts if mart not in suite_names(expectations)]
    if missing:
        files = ", ".join(f"{expectations.name}/{mart}.json" for mart in missing)
        raise WarehouseError(
            f"marts without a suite of expectations: {', '.join(missing)}.",
            remedy=f"add {files}; a mart that nothing judges is not published.",
        )
    docs = folder.operations / "data_docs"
    folder.operations.mkdir(parents=True, exist_ok=True)
    with open_project(
        folder.build_file,
        folder.root,
        threads=settings.threads,
        memory_limit=settings.memory_limit,
        expectations=expectations,
    ) as project:
        results = [project.run(mart, mart, schema=SCHEMA, run_name=run_id) for mart in marts]
        index = project.write_data_docs(docs)
    report = ValidationReport(
        suites=len(results),
        checks=sum(result.checks for result in results),
        critical=[message for result in results for message in result.critical],
        warnings=[message for result in results for message in result.warnings],
        seconds=round(time.perf_counter() - begun, 3),
    )
    _write(folder.operations / "validation.json", run_id, report, results)
    if report.critical:
        raise ValidationFailed(report, index)
    return report


def _marts(settings: Settings, folder: RunFolder) -> list[str]:
    if not folder.build_file.is_file():
        raise WarehouseError(
            "the run has no finished build.",
            remedy="start the refresh again; a newer run sweeps the staging folders of older ones.",
            where=folder.run_id,
        )
    with connect(folder.build_file, read_only=True, scratch=folder.scratch, settings=settings) as connection:
        found = connection.execute(
            "select table_name from information_schema.tables where table_schema = ? order by table_name", [SCHEMA]
        ).fetchall()
    if not found:
        raise WarehouseError(
            f"the build has no table in schema {SCHEMA}.",
            remedy="look into dbt's log of the run: no model was built.",
            where=folder.run_id,
        )
    return [str(name) for (name,) in found]


def _write(file: Path, run_id: str, report: ValidationReport, results: list[SuiteResult]) -> None:
    content = {**asdict(report), "run_id": run_id, "results": [asdict(result) for result in results]}
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
