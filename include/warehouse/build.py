"""The build: one dbt process that makes a private database out of landing, and tells what went wrong in it.

A second, short one writes dbt's documentation of what was built.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from include.errors import Refused, WarehouseError
from include.settings import PROJECT_ROOT, Settings
from include.warehouse.dbt_docs import keep_page
from include.warehouse.landing_file import decided_synthetic, read_landed
from include.warehouse.lock import refresh_lock
from include.warehouse.run_folder import RunFolder
from include.warehouse.scrub import scrub

DBT_PROJECT = PROJECT_ROOT / "dbt_project"
"""The models, seeds and tests of the warehouse."""

_log = logging.getLogger(__name__)

# dbt dies with the process that started it: a run that was killed must not leave a dbt that goes on writing while the
# next run sweeps. Only Linux offers this (prctl 1 is PR_SET_PDEATHSIG, 9 is SIGKILL); elsewhere dbt runs to its end.
_DBT = """
import ctypes, os, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 9)
    if os.getppid() != int(sys.argv.pop(1)):
        os._exit(9)
else:
    sys.argv.pop(1)
from dbt.cli.main import cli
sys.argv[0] = "dbt"
cli()
"""
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
BAD = ("error", "fail", "runtime error", "partial success")
"""What dbt calls a result that must not be published; `skipped` is one too, by consequence."""

_LINES_SHOWN = 20


class BuildFailed(WarehouseError):
    """dbt did not build what it should. The reason names each model, seed or test, and the file to open."""


@dataclass(frozen=True)
class NodeTime:
    """A model, seed or test and the seconds it took."""

    name: str
    seconds: float


@dataclass(frozen=True)
class BuildReport:
    """What one dbt process did: counts of what it built and tested, whole seconds of the process, dbt's warnings.

    `docs_seconds` is what the documentation took after it.
    """

    run_id: str
    models: int
    tests: int
    seeds: int
    seconds: float
    slowest: tuple[NodeTime, ...]
    warnings: tuple[str, ...]
    docs_seconds: float = 0.0


NO_DOCS = "dbt's documentation was not made, so operations/dbt_docs is missing; the end of dbt.log says why"
"""The warning of a release without it: an engineer misses a page, and no reader misses a figure."""


def build(
    settings: Settings,
    run_id: str,
    *,
    project: Path = DBT_PROJECT,
    write_landing: Callable[[Settings, Path], object] | None = None,
) -> BuildReport:
    """Build and test all models of a run in `staging/<run_id>/`, in one dbt process.

    An earlier attempt of the same run is swept first. `write_landing` says where landing's views come from (default:
    the landing store); what it writes is the one moment of the ledger that the whole run is about. Raises BuildFailed,
    and WarehouseError if the run was published already, if what has landed and the inbox are not both made up or both
    real, or if another refresh holds the lock.
    """
    if write_landing is None:
        from include.landing import store

        write_landing = store.write_landing_database
    folder = RunFolder.of(settings, run_id)
    with refresh_lock(settings):
        if (settings.releases / folder.run_id).is_dir():
            raise Refused(
                "this run was already published",
                where=folder.run_id,
                remedy="start a new run: a release never changes, and a cleared task of an old run must not make "
                "another one under its name",
            )
        _make_fresh(settings, folder)
        write_landing(settings, folder.landing_file)
        landed = read_landed(settings, folder)
        inputs = {
            "run_id": run_id,
            "as_of": settings.night.isoformat(),
            "municipality_code": settings.municipality_code,
            "is_synthetic": decided_synthetic(settings, landed),
            "landing_fingerprint": landed.fingerprint,
        }
        started = time.monotonic()
        # A run folder is new, so there is nothing that a partial parse could start from.
        code, warnings, last_lines = _run_dbt(
            settings, folder, project, inputs, "build", "--no-partial-parse", "--exclude-resource-type", "unit_test"
        )
        seconds = time.monotonic() - started
        report = _with_docs(settings, folder, project, inputs, _report(folder, code, seconds, warnings, last_lines))
        folder.inputs_file.write_text(json.dumps(inputs, indent=1), "utf-8")
    return report


def _make_fresh(settings: Settings, folder: RunFolder) -> None:
    settings.staging.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.staging.chmod(0o700)
    if folder.root.exists():
        shutil.rmtree(folder.root)
    for path in (folder.root, folder.build_file.parent, folder.target, folder.logs, folder.operations):
        path.mkdir(mode=0o700)
        # Whatever umask the process has.
        path.chmod(0o700)


def _environment(settings: Settings, folder: RunFolder) -> dict[str, str]:
    return os.environ | {
        "WAREHOUSE_BUILD_FILE": str(folder.build_file),
        "WAREHOUSE_LANDING_FILE": str(folder.landing_file),
        "WAREHOUSE_SCRATCH": str(folder.scratch),
        "WAREHOUSE_THREADS": str(settings.threads),
        "WAREHOUSE_MEMORY_LIMIT": settings.memory_limit,
        "DO_NOT_TRACK": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore",
    }


def _with_docs(
    settings: Settings, folder: RunFolder, project: Path, inputs: dict[str, Any], report: BuildReport
) -> BuildReport:
    """The report of a build once its documentation is made; what is wrong with that is a warning, not a failure.

    Without compiling, dbt takes the manifest as the build left it, and writes none.
    """
    started = time.monotonic()
    code, warnings, _ = _run_dbt(settings, folder, project, inputs, "docs", "generate", "--static", "--no-compile")
    if code != 0 or not keep_page(settings, folder, project):
        _log.warning("%s", NO_DOCS)
        warnings.append(NO_DOCS)
    seconds = round(time.monotonic() - started, 3)
    # What it says of the project, the build has said already.
    told = [text for text in warnings if text not in report.warnings]
    return replace(report, warnings=report.warnings + tuple(told), docs_seconds=seconds)


def _run_dbt(
    settings: Settings, folder: RunFolder, project: Path, inputs: dict[str, Any], *task: str
) -> tuple[int, list[str], list[str]]:
    """Run a task of dbt to its end; gives its exit code, its warnings and its last lines, both scrubbed.

    dbt writes no log file itself: what it says comes as JSON lines through a pipe and reaches `logs/dbt.log` scrubbed.
    """
    variables = {name: inputs[name] for name in ("as_of", "municipality_code", "is_synthetic")}
    command = [sys.executable, "-c", _DBT, str(os.getpid()), *task]
    command += ["--project-dir", str(project.resolve()), "--profiles-dir", str(project.resolve())]
    command += ["--target-path", str(folder.target), "--log-path", str(folder.logs)]
    command += ["--log-format", "json", "--log-level", "info", "--log-level-file", "none", "--no-use-colors"]
    command += ["--vars", json.dumps(variables)]
    warnings: list[str] = []
    last_lines: deque[str] = deque(maxlen=_LINES_SHOWN)
    with (
        (folder.logs / "dbt.log").open("a", encoding="utf-8") as log,
        subprocess.Popen(
            command,
            env=_environment(settings, folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as process,
    ):
        assert process.stdout is not None, "asked for with PIPE"
        try:
            for level, text, event in _events(process.stdout):
                last_lines.append(text)
                log.write(f"{level:<5} {text}\n")
                log.flush()
                if level == "warn" and not _is_about_a_result(event):
                    warnings.append(text)
                _show_progress(level, text, event)
        except BaseException:
            process.kill()
            raise
    return process.returncode, warnings, list(last_lines)


def _events(lines: Iterable[str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Level, scrubbed text and event of each line that dbt says; a line that is no event is passed on as text."""
    for line in lines:
        event: dict[str, Any] = {}
        with contextlib.suppress(ValueError):
            parsed = json.loads(line)
            event = parsed if isinstance(parsed, dict) else {}
        info = event.get("info", {})
        text = scrub(_ANSI.sub("", str(info.get("msg", line) if event else line))).strip()
        if text:
            yield str(info.get("level", "info")), text, event


def _show_progress(level: str, text: str, event: dict[str, Any]) -> None:
    """One line a model, seed or test that has ended; passed tests only where someone wants details."""
    name = str(event.get("info", {}).get("name", ""))
    if name == "SkippingDetails" or (name.startswith("Log") and name.endswith("Result")):
        is_quiet = name == "LogTestResult" and level == "info"
        _log.log(logging.DEBUG if is_quiet else _level(level), "%s", re.sub(r" \.{2,} ", " ", text))
    elif level in ("warn", "error") and not name.startswith("RunResult"):
        _log.log(_level(level), "%s", text)


def _is_about_a_result(event: dict[str, Any]) -> bool:
    """True for what `run_results.json` says too."""
    return str(event.get("info", {}).get("name", "")).startswith(("LogTestResult", "RunResult"))


def _level(level: str) -> int:
    return {"error": logging.ERROR, "warn": logging.WARNING, "debug": logging.DEBUG}.get(level, logging.INFO)


def _report(folder: RunFolder, code: int, seconds: float, warnings: list[str], last_lines: list[str]) -> BuildReport:
    log = folder.logs / "dbt.log"
    if not folder.results_file.is_file() or not folder.manifest_file.is_file():
        ending = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        said = "\n  ".join(last_lines) or "nothing"
        raise BuildFailed(
            f"dbt {ending} before it had any result. Its last lines:\n  {said}\n",
            where=str(log),
            remedy="correct what dbt names; if it was ended by signal 9, the machine ran out of memory: lower "
            "WAREHOUSE_THREADS or WAREHOUSE_MEMORY_LIMIT",
        )
    results = scrubbed_results(folder.results_file)
    manifest: dict[str, Any] = json.loads(folder.manifest_file.read_text("utf-8"))
    nodes: dict[str, dict[str, Any]] = manifest["nodes"]
    bad = [result for result in results if result["status"] in BAD]
    skipped = [result for result in results if result["status"] == "skipped"]
    if bad or skipped or code != 0:
        raise BuildFailed(_explain(nodes, bad, skipped, code, last_lines), where=str(log), remedy=_remedy(bad))
    kinds = [result["unique_id"].partition(".")[0] for result in results]
    slowest = sorted(results, key=lambda result: -float(result["execution_time"]))[:5]
    warned = [result for result in results if result["status"] == "warn"]
    warnings = warnings + [f"{_title(nodes, result)}: {result['message']}" for result in warned]
    return BuildReport(
        run_id=folder.run_id,
        models=kinds.count("model"),
        tests=kinds.count("test"),
        seeds=kinds.count("seed"),
        seconds=round(seconds, 3),
        slowest=tuple(
            NodeTime(_name(nodes, result["unique_id"]), round(float(result["execution_time"]), 3)) for result in slowest
        ),
        warnings=tuple(warnings),
    )


def scrubbed_results(file: Path) -> list[dict[str, Any]]:
    """The results in dbt's `run_results.json`, whose messages are scrubbed in the file itself.

    What stays on disk and goes into the release's `operations/` never holds a value of a row.
    """
    content: dict[str, Any] = json.loads(file.read_text("utf-8"))
    results: list[dict[str, Any]] = content["results"]
    for result in results:
        result["message"] = scrub(str(result.get("message") or ""))
    changed = file.with_suffix(".scrubbed")
    changed.write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    changed.replace(file)
    return results


def _name(nodes: dict[str, dict[str, Any]], unique_id: str) -> str:
    return str(nodes.get(unique_id, {}).get("name") or unique_id)


def _title(nodes: dict[str, dict[str, Any]], result: dict[str, Any]) -> str:
    """`test not_null_x of dim_y (models/marts/y.yml)`."""
    unique_id = str(result["unique_id"])
    node = nodes.get(unique_id, {})
    title = f"{unique_id.partition('.')[0]} {_name(nodes, unique_id)}"
    if attached := node.get("attached_node"):
        title += f" of {_name(nodes, attached)}"
    place = node.get("original_file_path")
    return f"{title} ({place})" if place else title


def _explain(
    nodes: dict[str, dict[str, Any]],
    bad: list[dict[str, Any]],
    skipped: list[dict[str, Any]],
    code: int,
    last_lines: list[str],
) -> str:
    """All that failed, one paragraph a node, and at the end what was skipped because of it."""
    if not bad and not skipped:
        said = "\n  ".join(last_lines)
        return f"dbt ended with code {code} though no node failed. Its last lines:\n  {said}\n"
    lines = [f"dbt failed in {len(bad)} place(s)."]
    for result in bad:
        rows = result.get("failures")
        found = f"{rows} row(s) fail. " if result["status"] == "fail" and rows is not None else ""
        message = " ".join(str(result["message"]).split())
        lines.append(f"- {_title(nodes, result)}: {found}{message}")
        node = nodes.get(str(result["unique_id"]), {})
        if compiled := node.get("compiled_path"):
            lines.append(f"  SQL: {compiled}")
    if skipped:
        names = ", ".join(_name(nodes, str(result["unique_id"])) for result in skipped)
        lines.append(f"- not built as a consequence ({len(skipped)}): {names}")
    return "\n".join(lines) + "\n"


def _remedy(bad: list[dict[str, Any]]) -> str:
    if any(result["status"] == "fail" for result in bad):
        return (
            "run the SQL named above on the run's build/warehouse.duckdb to see the rows, then correct the model or, "
            "if the delivery is wrong, have it sent again"
        )
    return "correct what is named above and start the refresh again"
