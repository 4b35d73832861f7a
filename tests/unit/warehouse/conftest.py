"""One build of the small dbt project by real dbt, for all tests of the warehouse."""

from __future__ import annotations

import json
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
    # What `validate` writes of marts that have nothing against them; test_validate compares it with the real one.
    said = {
        "run_id": "template",
        "suites": 4,
        "checks": 9,
        "critical": [],
        "warnings": [],
        "seconds": 0.1,
        "results": [],
    }
    operations = settings.staging / "template" / "operations"
    (operations / "validation.json").write_text(json.dumps(said), "utf-8")
    (operations / "data_docs" / "validations").mkdir(parents=True)
    (operations / "data_docs" / "validations" / "dim_center.html").write_text("<p>", "utf-8")
    protect(settings, "template")
    return Template(settings, settings.staging / "template", report)


@pytest.fixture
def run(template: Template, settings: Settings) -> Callable[[str], Path]:
    """Make the staging folder of a run in the test's home."""
    return lambda run_id: template.copy_to(settings, run_id)
