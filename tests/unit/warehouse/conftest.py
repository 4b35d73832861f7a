"""One build of the small dbt project by real dbt, for all tests of the warehouse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_dbt_project import Template, plant, write_project

from include.settings import Settings
from include.warehouse.build import build
from include.warehouse.protect import protect


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    base = tmp_path_factory.mktemp("template")
    settings = Settings(home=base / "home", key_file=base / "key", threads=1, as_of="2026-06-19")
    report = build(settings, "template", project=write_project(base / "project"), write_landing=plant)
    protect(settings, "template")
    return Template(settings, settings.staging / "template", report)


@pytest.fixture
def run(template: Template, settings: Settings) -> Callable[[str], Path]:
    """Make the staging folder of a run in the test's home."""
    return lambda run_id: template.copy_to(settings, run_id)
