"""Freezing the release of the small municipality: what an edition is, what is refused, what a kill leaves behind."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from figures import Night
from typer.testing import CliRunner

from include.cli import app
from include.errors import Refused, WarehouseError
from include.follow_up import edition
from include.follow_up.content import read_content
from include.settings import PROJECT_ROOT, Settings

CODE = "BO1-2026"

KILLED = """
import os, signal
from include.follow_up import edition
from include.settings import Settings
edition.write_documents = lambda content, folder: os.kill(os.getpid(), signal.SIGKILL)
edition.freeze(Settings(), "BO1-2026")
"""


@pytest.fixture
def settings(small: Night, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home of its own with that release."""
    home = tmp_path / "home"
    shutil.copytree(small.release, home / "releases" / small.release.name)
    (home / "releases" / "current").symlink_to(small.release.name)
    monkeypatch.setenv("WAREHOUSE_HOME", str(home))
    monkeypatch.setenv("WAREHOUSE_KEY_FILE", str(tmp_path / "key" / "person.key"))
    monkeypatch.setenv("WAREHOUSE_AS_OF", small.settings.night.isoformat())
    found = Settings()
    found.prepare()
    return found


def change(settings: Settings, *statements: str) -> None:
    """Another release in place of the current one, in which these statements were run on the protected marts."""
    before = settings.current_release.resolve()
    after = before.with_name(f"{before.name}x")
    shutil.copytree(before, after)
    with duckdb.connect(str(after / "warehouse.duckdb")) as connection:
        for statement in statements:
            connection.execute(statement)
    manifest = json.loads((after / "manifest.json").read_text("utf-8"))
    manifest |= {"release_id": after.name, "content_hash": after.name}
    (after / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    settings.current_release.unlink()
    settings.current_release.symlink_to(after.name)


def test_a_release_is_frozen_whole_and_once(settings: Settings) -> None:
    made = edition.freeze(settings, CODE)
    assert (made.edition, made.is_new, made.corrects) == (f"{CODE}-1", True, None)
    release = settings.current_release
    for name in ("warehouse.duckdb", "restricted/warehouse.duckdb"):
        assert (made.path / name).read_bytes() == (release / name).read_bytes()
    assert (made.path / "restricted").stat().st_mode & 0o777 == 0o750
    assert (made.path / "document.pdf").stat().st_mode & 0o777 == 0o444
    assert edition.damaged(settings, made.edition) == []
    again = edition.freeze(settings, CODE)
    assert (again.edition, again.is_new) == (made.edition, False)
    assert [one.edition for one in edition.editions(settings)] == [made.edition]


def test_the_document_follows_from_the_edition_alone(settings: Settings, tmp_path: Path) -> None:
    made = edition.freeze(settings, CODE)
    edition.write_documents(read_content(made.path), tmp_path)
    for name in ("document.html", "document.pdf", "document.xlsx"):
        assert (tmp_path / name).read_bytes() == (made.path / name).read_bytes(), name


def test_a_follow_up_that_is_not_reached_or_not_known_is_refused(settings: Settings) -> None:
    with pytest.raises(Refused, match="before the cut-off 2026-06-30"):
        edition.freeze(settings, "BO2-2026")
    with pytest.raises(WarehouseError, match="BO1-2026"):
        edition.freeze(settings, "BO9-2026")
    with pytest.raises(WarehouseError, match="no budget agreement of 2018"):
        edition.freeze(settings, "BO1-2018")
    settings.current_release.unlink()
    with pytest.raises(WarehouseError, match="no release to freeze"):
        edition.freeze(settings, CODE)
    assert edition.editions(settings) == []


def test_a_kill_leaves_no_half_edition_and_the_next_freeze_is_whole(settings: Settings) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED], cwd=PROJECT_ROOT, check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    assert edition.editions(settings) == []
    assert [path.name for path in settings.editions.iterdir()] == [f"{CODE}-1.partial"]
    made = edition.freeze(settings, CODE)
    assert edition.damaged(settings, made.edition) == []
    assert [path.name for path in settings.editions.iterdir()] == [made.edition]


def test_a_correction_names_the_edition_before_it_and_tells_what_changed(settings: Settings) -> None:
    first = edition.freeze(settings, CODE)
    kept = {path: path.read_bytes() for path in first.path.rglob("*") if path.is_file()}
    change(
        settings,
        f"update marts.mart_budget_follow_up set spent_to_date_dkk = spent_to_date_dkk + 0.05 "
        f"where follow_up_code = '{CODE}' and initiative_id = '3.02'",
    )
    made = edition.freeze(settings, CODE)
    assert (made.edition, made.corrects, made.changes, made.is_new) == (f"{CODE}-2", first.edition, 1, True)
    (told,) = edition.diff(settings, first.edition, made.edition)
    assert (told.initiative_id, told.what) == ("3.02", "Forbrug")
    assert told.before != told.after
    assert read_content(made.path).changes == (told,)
    assert first.edition in (made.path / "document.html").read_text("utf-8")
    assert {path: path.read_bytes() for path in kept} == kept


def test_what_changed_elsewhere_makes_no_correction(settings: Settings) -> None:
    first = edition.freeze(settings, CODE)
    change(settings, "delete from marts.mart_tilsyn where rowid % 2 = 0")
    manifest = json.loads((settings.current_release / "manifest.json").read_text("utf-8"))
    with duckdb.connect(str(settings.current_release / "warehouse.duckdb"), read_only=True) as connection:
        found = connection.execute("select count(*) from marts.mart_tilsyn").fetchone()
    assert found
    manifest["tables"]["mart_tilsyn"] = found[0]
    (settings.current_release / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    assert edition.freeze(settings, CODE).edition == first.edition
    assert [one.edition for one in edition.editions(settings)] == [first.edition]


def test_by_hand(settings: Settings) -> None:
    run = CliRunner()
    frozen = run.invoke(app, ["follow-up", "freeze", CODE])
    assert frozen.exit_code == 0
    assert f"{CODE}-1" in frozen.stdout
    assert "it stands" in run.invoke(app, ["follow-up", "freeze", CODE]).output
    listed = run.invoke(app, ["follow-up", "list"])
    assert listed.exit_code == 0
    assert f"{CODE}-1" in listed.output
    assert "BO2-2026" in listed.output
    same = run.invoke(app, ["follow-up", "diff", f"{CODE}-1", f"{CODE}-1"])
    assert "say the same" in same.output
    assert run.invoke(app, ["follow-up", "diff", f"{CODE}-1", "BO9-2026-1"]).exit_code == 1
    page = settings.editions / f"{CODE}-1" / "document.html"
    page.chmod(0o644)
    page.write_text(page.read_text("utf-8") + " ", "utf-8")
    listed = run.invoke(app, ["follow-up", "list"])
    assert listed.exit_code == 1
    assert "document.html" in listed.output
