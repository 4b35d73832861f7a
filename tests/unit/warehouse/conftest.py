"""One build of the small dbt project by real dbt, for all tests of the warehouse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_dbt_project import Template, finished_build

from include.settings import Settings


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return finished_build(tmp_path_factory.mktemp("template"))


@pytest.fixture
def run(template: Template, settings: Settings) -> Callable[[str], Path]:
    """Make the staging folder of a run in the test's home."""
    return lambda run_id: template.copy_to(settings, run_id)
