"""One `dbt build` over the small landing database, shared by all tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from small_landing import DELIVERIES, ROWS, STATISTICS_DELIVERY, Build, make_landing, run_dbt


@pytest.fixture(scope="session")
def landing_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The landing database of the rows above."""
    return make_landing(tmp_path_factory.mktemp("landing") / "landing.duckdb", ROWS, [*DELIVERIES, STATISTICS_DELIVERY])


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """dbt's folder for what it has parsed and compiled, shared by the runs of one project."""
    return tmp_path_factory.mktemp("target")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, landing_file: Path, target: Path) -> Build:
    """One `dbt build` over it, shared by all tests; everything in it passes."""
    build = run_dbt(tmp_path_factory.mktemp("built"), landing_file, "build", target=target)
    assert build.exit_code == 0, build.output[-6000:]
    return build


@pytest.fixture
def dbt(tmp_path: Path, target: Path) -> Callable[..., Build]:
    """`run_dbt` in a folder of the test's own."""

    def run(landing: Path, *arguments: str, project: Path | None = None) -> Build:
        return run_dbt(tmp_path, landing, *arguments, project=project, target=None if project else target)

    return run
