"""One `dbt build` over the small landing database, shared by all tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from small_landing import DELIVERIES, ROWS, STATISTICS_DELIVERY, Build, Row, make_landing, run_dbt


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """dbt's folder for what it has parsed and compiled, shared by the runs of one project."""
    return tmp_path_factory.mktemp("target")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, target: Path) -> Build:
    """One `dbt build` over the rows of small_landing.py, shared by all tests; everything in it passes."""
    folder = make_landing(tmp_path_factory.mktemp("built"), ROWS, [*DELIVERIES, STATISTICS_DELIVERY])
    build = run_dbt(folder, "build", target=target)
    assert build.exit_code == 0, build.output[-6000:]
    return build


@pytest.fixture
def dbt(tmp_path: Path, target: Path) -> Callable[..., Build]:
    """`run_dbt` over a landing that the test makes: `dbt(rows, deliveries, "build", ...)`."""

    def run(rows: Mapping[str, Sequence[Row]], deliveries: Sequence[Row], *arguments: str) -> Build:
        return run_dbt(make_landing(tmp_path, rows, deliveries), *arguments, target=target)

    return run
