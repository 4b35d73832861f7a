"""Great Expectations, as landing and warehouse use it: one suite against one table of a DuckDB file, pushed down.

Nothing of a row leaves this module. Results are boolean, queries only count, and where an expectation *errors* (a cast
that fails, a column that is not there) the error's text, which quotes values, is replaced by its class before
anything is stored, rendered or raised.
"""

from __future__ import annotations

import builtins
import contextlib
import io
import json
import logging
import os
import re
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import duckdb
import yaml

from include.errors import WarehouseError
from include.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult
    from great_expectations.data_context.data_context.abstract_data_context import AbstractDataContext
    from great_expectations.datasource.fluent.sql_datasource import SQLDatasource

EXPECTATIONS = PROJECT_ROOT / "expectations"
"""The GX project: `great_expectations.yml` and one `<suite>.json` a dataset or mart."""

Severity = Literal["critical", "warning"]
"""critical: must not be accepted or published; warning: goes on with a note."""


@dataclass(frozen=True)
class Failure:
    """An expectation that was not met. `message` names suite, expectation, column and what was expected; no values."""

    expectation: str
    column: str | None
    severity: Severity
    message: str


@dataclass(frozen=True)
class SuiteResult:
    """What one suite said of one table. `table` is `schema.table`, `checks` the number of expectations."""

    suite: str
    table: str
    checks: int
    failures: list[Failure] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def critical(self) -> list[str]:
        """The messages of the failures that stop."""
        return [failure.message for failure in self.failures if failure.severity == "critical"]

    @property
    def warnings(self) -> list[str]:
        """The messages of the failures that are noted."""
        return [failure.message for failure in self.failures if failure.severity == "warning"]


def suite_names(expectations: Path = EXPECTATIONS) -> set[str]:
    """The names of all suites in a GX project: those of the datasets and marts that they judge."""
    return {file.stem for file in expectations.glob("*.json")}


def load_suite(name: str, expectations: Path = EXPECTATIONS) -> dict[str, Any]:
    """One suite as GX's own JSON: `name`, `expectations`, `meta`.

    Raises WarehouseError if there is no such suite, if it is not JSON, if it is empty or bears another name, or if an
    expectation lacks what an engineer needs to read of it: `description`, and `severity` critical or warning.
    """
    file = expectations / f"{name}.json"
    where = f"{expectations.name}/{file.name}"
    if not file.is_file():
        raise WarehouseError(
            f"{name} has no suite of expectations.",
            remedy=f"write {where}; any other suite in {expectations.name}/ shows the form.",
            where=where,
        )
    try:
        content: dict[str, Any] = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise WarehouseError(f"not valid JSON: {error}.", remedy="correct the file.", where=where) from error
    if content.get("name") != name or not content.get("expectations"):
        raise WarehouseError(
            "the suite is empty or bears another name than its file.",
            remedy=f'set "name" to "{name}" and give it at least one expectation.',
            where=where,
        )
    for number, expectation in enumerate(content["expectations"], 1):
        if expectation.get("severity") not in ("critical", "warning") or not expectation.get("description"):
            raise WarehouseError(
                f"expectation {number} has no severity (critical or warning) or no description of what is expected.",
                remedy="add both; the description is what the engineer reads when it fails.",
                where=where,
            )
    return content


class Project:
    """The GX project opened over one DuckDB file. Made by `open_project`; see there."""

    def __init__(self, context: AbstractDataContext, source: SQLDatasource, expectations: Path, docs: Path) -> None:
        self._context = context
        self._source = source
        self._expectations = expectations
        self._docs = docs

    def run(self, suite_name: str, table: str, *, schema: str = "main", run_name: str | None = None) -> SuiteResult:
        """Judge `schema.table` by the suite `suite_name`. An expectation that errors is a critical failure.

        Raises WarehouseError if the suite or the table is not there. Its message, as those of all failures, names no
        value.
        """
        import great_expectations as gx
        from great_expectations.core.run_identifier import RunIdentifier

        begun = time.perf_counter()
        suite = self._suite(suite_name)
        place = f"{schema}.{table}"
        error_class = None
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # GX prints a hint for each query without {batch}
                asset = self._source.add_table_asset(f"{suite_name}: {place}", table_name=table, schema_name=schema)
                rows = asset.add_batch_definition_whole_table("all rows")
                definition = self._context.validation_definitions.add(
                    gx.ValidationDefinition(name=f"{suite_name}: {place}", data=rows, suite=suite)
                )
                outcome = definition.run(result_format="BOOLEAN_ONLY", run_id=RunIdentifier(run_name=run_name))
        except Exception as error:  # whatever it is, its text may quote a value
            error_class = _error_class(f"{type(error).__name__} {error}")
        if error_class is not None:
            raise WarehouseError(
                f"the suite {suite_name} could not be run on {place} ({error_class}).",
                remedy=f"check that {place} is in the database file and that the suite is valid GX.",
                where=f"{self._expectations.name}/{suite_name}.json",
            )
        failures = [self._failure(suite_name, result) for result in outcome.results if not result.success]
        if any(_has_error(result.exception_info) for result in outcome.results):
            self._scrub_store()
        return SuiteResult(
            suite=suite_name,
            table=place,
            checks=len(outcome.results),
            failures=sorted(failures, key=lambda failure: (failure.severity, failure.message)),
            seconds=time.perf_counter() - begun,
        )

    def write_data_docs(self, folder: Path) -> Path:
        """Put the Data Docs of all that was run into `folder`, in place of what is there. Returns the index page."""
        with contextlib.redirect_stdout(io.StringIO()):
            self._context.build_data_docs()
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self._docs, folder)
        return folder / "index.html"

    def _suite(self, name: str) -> ExpectationSuite:
        import great_expectations as gx

        content = load_suite(name, self._expectations)
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # the same hint
                suite = self._context.suites.add_or_update(gx.ExpectationSuite(**content))
            # GX leaves out, in silence, an expectation of a type that it does not know
            if len(suite.expectations) == len(content["expectations"]):
                return suite
            problem = "an expectation of an unknown type"
        except Exception as error:
            problem = type(error).__name__
        raise WarehouseError(
            f"GX can't read the suite ({problem}).",
            remedy="check the types and arguments of its expectations against GX's documentation.",
            where=f"{self._expectations.name}/{name}.json",
        )

    @staticmethod
    def _failure(suite: str, result: ExpectationValidationResult) -> Failure:
        config = result.expectation_config
        assert config is not None
        column = _columns(config.kwargs)
        severity: Severity = "warning" if config.severity == "warning" else "critical"
        text = f"{suite}: {config.type}" + (f" on {column}" if column else "") + f": expected: {config.description}"
        if _has_error(result.exception_info):
            severity = "critical"
            text += f"; it could not be evaluated ({_error_class(json.dumps(result.exception_info, default=str))})"
        return Failure(expectation=config.type, column=column, severity=severity, message=text)

    def _scrub_store(self) -> None:
        store = self._context.validation_results_store
        for key in store.list_keys():
            outcome = store.get(key)
            assert outcome is not None
            for result in outcome.results:
                if _has_error(result.exception_info):
                    error_class = _error_class(json.dumps(result.exception_info, default=str))
                    result.exception_info = {
                        "raised_exception": True,
                        "exception_message": f"{error_class}; the text is not kept, since it may quote a value.",
                        "exception_traceback": "not kept",
                    }
            store.set(key, outcome)


@contextlib.contextmanager
def open_project(
    database: Path, scratch: Path, *, threads: int = 2, memory_limit: str = "8GB", expectations: Path = EXPECTATIONS
) -> Iterator[Project]:
    """Open the GX project over one DuckDB file, read-only; the file is free again afterwards.

    GX writes ids and data sources into the folder of a project that it opens, so here it gets the configuration in
    memory and the suites one by one; of the repository nothing is written, by however many processes. Data Docs grow in
    a folder below `scratch` (made if missing), which is removed in the end.

    Raises WarehouseError if the file can't be opened for reading.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    from great_expectations.data_context.types.base import DataContextConfig
    from sqlalchemy import URL

    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="data-docs-", dir=scratch) as folder, _quiet():
        from include.gx_duckdb import DRIVER

        docs = Path(folder) / "data_docs"
        config = yaml.safe_load((expectations / "great_expectations.yml").read_text("utf-8"))
        config["stores"][config["expectations_store_name"]]["store_backend"] = {"class_name": "InMemoryStoreBackend"}
        context = gx.get_context(
            mode="ephemeral",
            project_config=DataContextConfig(**config),
            runtime_environment={"DATA_DOCS": str(docs)},
        )
        address = URL.create(
            DRIVER,
            database=str(database.resolve()),
            query={"access_mode": "READ_ONLY", "threads": str(threads), "memory_limit": memory_limit},
        )
        error_class = None
        try:
            source = context.data_sources.add_sql(
                name="warehouse", connection_string=address.render_as_string(), create_temp_table=False
            )
        except Exception as error:
            error_class = _error_class(str(error))
        if error_class is not None:
            raise WarehouseError(
                f"the database file can't be opened for reading ({error_class}).",
                remedy="check that it exists, that it is whole, and that nobody, this process included, has it open.",
                where=database.name,
            )
        try:
            yield Project(context, source, expectations, docs)
        finally:
            source.get_execution_engine().close()
            source.get_engine().dispose()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """GX logs errors of queries with their text; what we need of them, we raise ourselves."""
    from sqlalchemy.exc import SAWarning

    logger = logging.getLogger("great_expectations")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # GX's own
        warnings.simplefilter("ignore", SAWarning)  # types of columns that no expectation is about (lists)
        try:
            yield
        finally:
            logger.setLevel(before)


def _columns(kwargs: dict[str, Any]) -> str | None:
    """The column or columns that an expectation is about, None if it is about the table."""
    names = [kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs]
    names += kwargs.get("column_list", [])
    return ", ".join(names) or None


def _has_error(info: dict[str, Any] | None) -> bool:
    """True if GX's `exception_info` (flat, or one entry a metric) tells of an error."""
    if not info:
        return False
    if "raised_exception" in info:
        return bool(info["raised_exception"])
    return any(_has_error(entry) for entry in info.values() if isinstance(entry, dict))


def _error_class(text: str) -> str:
    """The first known exception class that a text names, DuckDB's own before others. Never another word of the text."""
    for pattern, module in ((r"\b[A-Z]\w*Exception\b", duckdb), (r"\b[A-Z]\w*Error\b", builtins)):
        for name in re.findall(pattern, text):
            found = getattr(module, name, None)
            if isinstance(found, type) and issubclass(found, Exception):
                return str(name)
    return "error"
