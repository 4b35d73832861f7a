"""What all tests share: the material beside the project, if it is there, and a home of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.settings import PROJECT_ROOT, Settings


@pytest.fixture(scope="session")
def shared() -> Path:
    """The municipality's own documents and public reference data beside the project; absent on most machines."""
    folder = PROJECT_ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip(
            f"the real reference material is not at {folder.relative_to(PROJECT_ROOT.parent)} beside the project"
        )
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A warehouse home and a key file of the test's own."""
    return Settings(home=tmp_path / "home", key_file=tmp_path / "key" / "person.key")
