"""The commands of the Makefile: what `make run` hands on, and that a stage that fails is named."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from include.settings import PROJECT_ROOT


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder of programs that stand in for those of `.venv/bin`: they tell what they were called with."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("warehouse", "ruff", "sqlfluff", "mypy", "dbt", "pytest"):
        script = folder / name
        script.write_text(
            "#!/bin/sh\n"
            'echo "$(basename $0) $*"\n'
            'echo "home=$WAREHOUSE_HOME inputs=${WAREHOUSE_INPUTS-unset} tracking=$DO_NOT_TRACK"\n'
            '[ "$(basename $0)" != "$FAILING" ]\n',
            "utf-8",
        )
        script.chmod(0o755)
    return folder


def make(programs: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WAREHOUSE_", "INPUTS", "MAKE"))}
    command = ["make", f"BIN={programs}", "PYTHON=true", *arguments]
    return subprocess.run(
        command, cwd=PROJECT_ROOT, env={**kept, **environment}, capture_output=True, text=True, check=False
    )


def test_make_alone_lists_every_command(programs: Path) -> None:
    shown = make(programs)
    assert shown.returncode == 0
    targets = re.findall(r"^([a-z]+):", (PROJECT_ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE)
    assert {"run", "test", "proof", "lint", "types", "fmt", "demo", "clean"} <= set(targets)
    for target in targets:
        assert re.search(rf"make {target} +\S", shown.stdout), f"`{target}` has no help: add `## …` to its line"


def test_run_takes_the_default_home_and_no_inbox(programs: Path) -> None:
    shown = make(programs, "run")
    assert shown.returncode == 0, shown.stderr
    assert "home=.warehouse inputs=unset tracking=1" in shown.stdout


@pytest.mark.parametrize("inputs", ["../somewhere/inbox", "/data/with a blank/inbox"])
def test_run_hands_inbox_and_home_on(programs: Path, inputs: str) -> None:
    shown = make(programs, "run", INPUTS=inputs, WAREHOUSE_HOME="/data/home")
    assert f"home=/data/home inputs={inputs} " in shown.stdout
    as_argument = make(programs, "run", f"INPUTS={inputs}", "ARGS=--size small")
    assert f"inputs={inputs} " in as_argument.stdout
    assert "warehouse run --size small" in as_argument.stdout


def test_up_and_down_are_the_program_s_own_commands(programs: Path) -> None:
    up = make(programs, "up", "ARGS=--port 8090", INPUTS="/data/inbox", WAREHOUSE_HOME="/data/home")
    assert "warehouse up --port 8090" in up.stdout
    assert "home=/data/home inputs=/data/inbox tracking=1" in up.stdout
    down = make(programs, "down", "ARGS=--port 8090", WAREHOUSE_HOME="/data/home")
    assert "warehouse down\nhome=/data/home " in down.stdout
    assert make(programs, "up", FAILING="warehouse").returncode != 0


def test_env_makes_the_secrets_of_the_containers_for_an_inbox(programs: Path) -> None:
    shown = make(programs, "env", f"PYTHON={programs / 'warehouse'}", INPUTS="/data/inbox")
    assert shown.stdout.startswith("warehouse container_env.py\nhome=.warehouse inputs=/data/inbox ")


def test_an_empty_inputs_is_none(programs: Path) -> None:
    assert "inputs=unset" in make(programs, "run", INPUTS="").stdout


def test_a_night_that_fails_fails_the_command(programs: Path) -> None:
    assert make(programs, "run", FAILING="warehouse").returncode != 0


@pytest.mark.parametrize(
    ("failing", "stage", "not_reached"),
    [("ruff", "ruff check", "mypy"), ("mypy", "mypy", "dbt --quiet"), ("dbt", "dbt parse", "pytest -m")],
)
def test_the_first_stage_that_fails_stops_the_tests_and_is_named(
    programs: Path, failing: str, stage: str, not_reached: str
) -> None:
    shown = make(programs, "test", FAILING=failing)
    assert shown.returncode != 0
    assert f"the stage '{stage}' failed" in shown.stderr
    assert not_reached not in shown.stdout


def test_ci_runs_all_stages_from_any_folder(programs: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "MAKEFLAGS": f"BIN={programs} PYTHON=true"}
    shown = subprocess.run(
        [PROJECT_ROOT / ".ci" / "run"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert shown.returncode == 0, shown.stderr
    stages = re.findall(r"^== (.+)$", shown.stdout, flags=re.MULTILINE)
    assert stages == ["ruff check", "ruff format", "sqlfluff", "mypy", "dbt parse", "pytest"]
    assert "not proof" in shown.stdout
