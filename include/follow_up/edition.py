"""Editions: the figures of a budget follow-up, frozen with their document, one folder each, for good.

An edition is a copy of a release that has passed all gates: the protected marts for everybody, the exact ones in
`restricted/`, and the document that is made from it alone. It is made in a folder of another name and renamed, so that
a process that is killed anywhere leaves whole editions only. A correction is an edition more, which names the one
before it and lists what changed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.disk import fsync, fsync_tree
from include.errors import Refused, WarehouseError
from include.follow_up import calendar
from include.follow_up.comparison import compare
from include.follow_up.content import (
    EDITION_FILE,
    MANIFEST_FILE,
    Change,
    Content,
    read_content,
    read_manifest,
)
from include.follow_up.document import write_documents
from include.settings import Settings
from include.warehouse.release import PUBLIC_FILE, RESTRICTED_FILE, Release, current, refresh_lock, verify

KEPT = (
    "municipality",
    "as_of",
    "is_synthetic",
    "release_id",
    "content_hash",
    "protected_hash",
    "load_times",
    "tables",
    "protected_tables",
    "restricted_tables",
    "deliveries",
    "stale_datasets",
    "landing_fingerprint",
    "versions",
)
"""What an edition's manifest has of its release's."""

_PARTIAL = ".partial"
_NAME = re.compile(r"(?P<code>(?:BO[1-3]|YE)-20\d\d)-(?P<number>[1-9]\d*)")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Edition:
    """One frozen follow-up. `is_new` tells whether `freeze` made it just now; `frozen_at` is UTC."""

    edition: str
    path: Path
    follow_up_code: str
    number: int
    as_of: dt.date
    frozen_at: dt.datetime
    release_id: str
    content_hash: str
    corrects: str | None
    changes: int
    is_erased_since: bool
    is_new: bool = False


def freeze(settings: Settings, code: str) -> Edition:
    """Freeze the current release as the next edition of a follow-up, and make its document.

    If the newest edition of the follow-up says the same already, that one is given and nothing is made: a task that is
    tried again, or a night without corrections, makes no second edition. Raises Refused if the release is older than
    the follow-up's cut-off date, and WarehouseError if the code is unknown, there is no release, or its year has no
    budget agreement.
    """
    follow_up = calendar.find(settings, code)
    with refresh_lock(settings):
        release = current(settings)
        if release is None:
            raise WarehouseError(
                "there is no release to freeze", where=code, remedy="refresh the warehouse first (`make run`)"
            )
        if release.as_of < follow_up.data_cut_off_date:
            raise Refused(
                f"the current release stands as of {release.as_of}, before the cut-off {follow_up.data_cut_off_date}",
                where=code,
                remedy="wait for the night of the cut-off date, or refresh the warehouse (`warehouse refresh`)",
            )
        verify(settings, release.release_id)
        before = next((one for one in editions(settings) if one.follow_up_code == code), None)
        if before is not None and _is_of(before, release):
            return before
        return _make(settings, code, release, before)


def editions(settings: Settings) -> list[Edition]:
    """All editions: the newest follow-up first, and of each the newest edition first."""
    if not settings.editions.is_dir():
        return []
    found = [_edition(path) for path in settings.editions.iterdir() if path.is_dir() and _NAME.fullmatch(path.name)]
    return sorted(found, key=lambda one: (one.follow_up_code[-4:], one.follow_up_code, one.number), reverse=True)


def diff(settings: Settings, before: str, after: str) -> tuple[Change, ...]:
    """What changed from one edition to another, initiative by initiative. Raises WarehouseError for an unknown one."""
    return compare(read_content(_folder(settings, before)), read_content(_folder(settings, after)))


def damaged(settings: Settings, edition: str) -> list[str]:
    """The files of an edition that are no more what they were when it was frozen, or gone; empty if it is whole."""
    folder = _folder(settings, edition)
    manifest = read_manifest(folder)
    erased = {RESTRICTED_FILE} if manifest.get("erased_inputs") else set()
    return [
        name
        for name, digest in manifest["files"].items()
        if name not in erased and (not (folder / name).is_file() or _digest(folder / name) != digest)
    ]


def _folder(settings: Settings, edition: str) -> Path:
    folder = settings.editions / edition
    if not _NAME.fullmatch(edition) or not folder.is_dir():
        known = ", ".join(one.edition for one in editions(settings)) or "none yet"
        raise WarehouseError(
            "there is no such edition",
            where=edition,
            remedy=f"take one that there is (`warehouse follow-up list`): {known}",
        )
    return folder


def _edition(path: Path, *, is_new: bool = False) -> Edition:
    manifest = read_manifest(path)
    return Edition(
        edition=manifest["edition"],
        path=path,
        follow_up_code=manifest["follow_up_code"],
        number=manifest["number"],
        as_of=dt.date.fromisoformat(manifest["as_of"]),
        frozen_at=dt.datetime.fromisoformat(manifest["frozen_at"]),
        release_id=manifest["release_id"],
        content_hash=manifest["content_hash"],
        corrects=manifest["corrects"],
        changes=len(manifest["changes"]),
        is_erased_since=bool(manifest.get("erased_inputs")),
        is_new=is_new,
    )


def _is_of(edition: Edition, release: Release) -> bool:
    return edition.content_hash == release.content_hash and edition.release_id == release.release_id


def _make(settings: Settings, code: str, release: Release, before: Edition | None) -> Edition:
    """Make an edition beside its place and rename it there; none if its document would say what the one before does."""
    number = before.number + 1 if before else 1
    name = f"{code}-{number}"
    settings.editions.mkdir(mode=0o755, exist_ok=True)
    settings.editions.chmod(0o755)
    for left in settings.editions.glob(f"*{_PARTIAL}"):
        shutil.rmtree(left)
    folder = settings.editions / f"{name}{_PARTIAL}"
    (folder / RESTRICTED_FILE).parent.mkdir(parents=True, mode=0o700)
    shutil.copyfile(release.path / PUBLIC_FILE, folder / EDITION_FILE)
    shutil.copyfile(release.path / RESTRICTED_FILE, folder / RESTRICTED_FILE)
    told: dict[str, Any] = json.loads((release.path / "manifest.json").read_text("utf-8"))
    manifest: dict[str, Any] = {
        "edition": name,
        "follow_up_code": code,
        "number": number,
        "corrects": before.edition if before else None,
        "changes": [],
        "frozen_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        **{key: told[key] for key in KEPT},
        "files": {},
    }
    content = _described(folder, manifest)
    if before is not None:
        changes = compare(read_content(before.path), content)
        if not changes:
            shutil.rmtree(folder)
            _log.info("%s: nothing of the follow-up has changed since; it stands", before.edition)
            return before
        manifest["changes"] = [vars(change) for change in changes]
        content = _described(folder, manifest)
    write_documents(content, folder)
    manifest["files"] = {str(path.relative_to(folder)): _digest(path) for path in _files(folder)}
    _write(folder, manifest)
    _set_modes(folder)
    fsync_tree(folder)
    target = settings.editions / name
    folder.rename(target)
    fsync(settings.editions)
    _log.info("edition %s is frozen, content %s", name, release.content_hash[:12])
    return _edition(target, is_new=True)


def _described(folder: Path, manifest: dict[str, Any]) -> Content:
    _write(folder, manifest)
    return read_content(folder)


def _write(folder: Path, manifest: dict[str, Any]) -> None:
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != MANIFEST_FILE)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _set_modes(folder: Path) -> None:
    """Everybody reads the edition, the group its exact marts, and nobody writes, whatever umask the process has."""
    folder.chmod(0o755)
    restricted = (folder / RESTRICTED_FILE).parent
    for path in folder.rglob("*"):
        if path == restricted:
            path.chmod(0o750)
        elif path.is_file():
            path.chmod(0o440 if restricted in path.parents else 0o444)
