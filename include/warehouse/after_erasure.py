"""What an erasure leaves to do outside landing: private builds, kept releases, and what editions say of their inputs.

A release holds exact marts, its own copy of the ledger and of the quarantine, all made with the rows that are gone.
Rewriting those is not erasing them (the content hash would be another's, the free blocks would keep them): a new
release is made, and every one from before is removed whole. So no rollback leads behind an erasure. A reader that has
a file of an old release open keeps it until it closes it.

Editions are protected figures, anonymous and final: they stay, and their manifest says which inputs have lost rows.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

from include.errors import Refused
from include.landing.erasures import Erasures
from include.settings import Settings
from include.warehouse.lock import refresh_lock
from include.warehouse.run_folder import run_id_at

_PARTIAL = ".partial"


def barrier(settings: Settings) -> str | None:
    """The smallest id that a release made after the last erasure can have; None if nothing published was erased."""
    with Erasures(settings) as erasures:
        moment = erasures.barrier()
    return run_id_at(moment) if moment is not None else None


def refuse_erased(settings: Settings, release_id: str) -> None:
    """Raise Refused if the release, kept or gone, was made before the last erasure."""
    first = barrier(settings)
    if first is not None and release_id < first:
        raise Refused(
            "this release was made before an erasure, with rows that must not be read again",
            where=release_id,
            remedy="take a release from after it (`warehouse releases`); `warehouse erase proofs` says when it was",
        )


def outdated(settings: Settings) -> list[str]:
    """The releases from before the last erasure that are still there, what is half removed included."""
    first = barrier(settings)
    if first is None or not settings.releases.is_dir():
        return []
    return sorted(
        path.name
        for path in settings.releases.iterdir()
        if path.is_dir() and not path.is_symlink() and not path.name.startswith(".") and path.name < first
    )


def remove_outdated(settings: Settings) -> list[str]:
    """Remove the releases from before the last erasure; gives their ids. Raises Refused if one of them is current."""
    with refresh_lock(settings):
        found = outdated(settings)
        standing = settings.current_release.readlink().name if settings.current_release.is_symlink() else None
        if standing in found:
            raise Refused(
                "readers still get a release from before the erasure",
                where=standing,
                remedy="publish a new one with `warehouse refresh`, then start the erasure again",
            )
        for name in found:
            path = settings.releases / name
            # Renamed first: a folder that is half gone must not look like a release.
            doomed = path if name.endswith(_PARTIAL) else path.with_name(name + _PARTIAL)
            path.rename(doomed)
            shutil.rmtree(doomed)
    return found


def remove_private_builds(settings: Settings) -> None:
    """Remove the folders of all runs in staging. Whoever builds holds the lock, so they have ended or been killed."""
    with refresh_lock(settings):
        for path in sorted(settings.staging.iterdir()) if settings.staging.is_dir() else []:
            # Of a delivery that is judged right now there is a folder without rows; the judge sweeps its own.
            if path.name.startswith("batch-"):
                continue
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def mark_editions(settings: Settings, erased: Collection[tuple[str, str]]) -> list[str]:
    """Note in each edition's manifest which of its inputs lost rows since; gives the names of the editions changed.

    `erased` are dataset and delivery id. `erased_inputs` lists the manifest's own entries of those deliveries, without
    count or day: everybody reads a manifest. The edition's exact figures, made with the erased rows, are removed; what
    is protected is anonymous and stays, byte for byte.
    """
    short = {(dataset, delivery_id[:16]) for dataset, delivery_id in erased}
    changed: list[str] = []
    for file in sorted(settings.editions.glob("*/manifest.json")):
        manifest: dict[str, Any] = json.loads(file.read_text("utf-8"))
        inputs = [
            {"dataset": one["dataset"], "delivery_id": one["delivery_id"]}
            for one in manifest["deliveries"]
            if (one["dataset"], one["delivery_id"][:16]) in short
        ]
        if inputs:
            shutil.rmtree(file.parent / "restricted", ignore_errors=True)
        if inputs and manifest.get("erased_inputs") != inputs:
            manifest["erased_inputs"] = inputs
            _replace(file, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
            changed.append(file.parent.name)
    return changed


def _replace(file: Path, content: str) -> None:
    """Whole or not at all, with the mode that the file had."""
    temporary = file.with_name(f".{file.name}{_PARTIAL}")
    with temporary.open("w", encoding="utf-8") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.chmod(file.stat().st_mode)
    temporary.replace(file)
