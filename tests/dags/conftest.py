"""Airflow, set up once for all tests of the DAGs: its own home, SQLite metadata, the folder `dags/`.

Airflow reads its configuration while it is imported and starts slowly, so a session has one home. Tests point the
warehouse home at a folder of their own.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from include.settings import PROJECT_ROOT, Settings

DAGS = PROJECT_ROOT / "dags"


def load_script(name: str) -> ModuleType:
    """A module of `dags/`, which is a folder of scripts and no package."""
    if str(DAGS) not in sys.path:
        sys.path.append(str(DAGS))
    spec = importlib.util.spec_from_file_location(name, DAGS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def night_runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """`dags/in_one_process.py` with Airflow's environment set, nothing imported from Airflow yet."""
    module = load_script("in_one_process")
    settings = Settings(home=tmp_path_factory.mktemp("airflow"))
    before = dict(os.environ)
    os.environ.update(module.environment(settings))
    for name in [name for name in os.environ if name.startswith("WAREHOUSE_")]:
        del os.environ[name]  # each test names its own home
    yield module
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def dags(night_runner: ModuleType) -> dict[str, Any]:
    """The DAGs by id; a file that can't be imported fails every test that asks for them."""
    night_runner.migrate()
    found: dict[str, Any] = night_runner.load_dags()
    return found


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dags: dict[str, Any]) -> Settings:
    """A warehouse home of the test's own, which the tasks find in their environment."""
    settings = Settings(home=tmp_path / "home", key_file=tmp_path / "key" / "person.key")
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    return settings
