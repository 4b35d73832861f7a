"""Releases: immutable folders, and the link `current` that a reader follows.

All of a release is made in the run's own staging folder, checked, closed and forced to disk; then one rename makes it a
release, and one rename of a link makes it the current one. A process that is killed anywhere in between leaves the
release that was current as it was.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib.metadata
import json
import logging
import os
import shutil
import stat
import subprocess
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from include.disk import fsync, fsync_tree
from include.errors import Refused, WarehouseError
from include.settings import PROJECT_ROOT, Settings
from include.warehouse import registry
from include.warehouse.after_erasure import refuse_erased
from include.warehouse.content_hash import content_hash
from include.warehouse.database import connect
from include.warehouse.disclosure import HIDDEN_COLUMNS, HIDDEN_DESCRIPTIONS, PROTECTED, read_declaration
from include.warehouse.gates import check_gates
from include.warehouse.landing_file import read_landed
from include.warehouse.lock import refresh_lock
from include.warehouse.marts import SCHEMA, Mart, literal, quoted, read_marts, with_article
from include.warehouse.operations_file import write_operations_file
from include.warehouse.run_folder import RunFolder, checked_run_id, new_run_id

__all__ = ["Release", "current", "new_run_id", "publish", "refresh_lock", "releases", "rollback", "sweep", "verify"]

PUBLIC_FILE = "warehouse.duckdb"
"""What every BI user may read."""

RESTRICTED_FILE = "restricted/warehouse.duckdb"
"""Exact marts, for named roles only."""

_log = logging.getLogger(__name__)

_REMOVED = ".partial"
_OPEN = 0o755
_ROLLBACKS = "rollbacks.jsonl"


@dataclass(frozen=True)
class Release:
    """One published warehouse, as its manifest describes it.

    `made_at` is UTC; `stale` names datasets without a delivery that is new enough; `tables` are the public tables and
    their rows; `landing_fingerprint` is the same for two releases made from the same deliveries.
    """

    release_id: str
    path: Path
    made_at: dt.datetime
    as_of: dt.date
    municipality_code: str
    is_synthetic: bool
    content_hash: str
    landing_fingerprint: str
    stale: tuple[str, ...]
    tables: dict[str, int]
    is_current: bool


def publish(settings: Settings, run_id: str, *, notes: Sequence[str] = ()) -> Release:
    """Publish the build of a run as a release and make it the current one; then sweep what is no longer needed.

    `notes` are the warnings with which it goes out; engineers find them in `operations/`. A run whose release was
    already made, by an attempt that was killed before its end, is made current; but nothing older ever takes the place
    of something newer in this way, only by `rollback`. Raises WarehouseError if the run has no build, has not passed
    all gates or was published before, or if another refresh holds the lock.
    """
    folder = RunFolder.of(settings, run_id)
    with refresh_lock(settings):
        target = settings.releases.resolve() / folder.run_id
        if target.is_dir():
            _check_unfinished(settings, folder)
            _open_the_way(settings)
        else:
            _make(settings, folder, notes)
            _open_the_way(settings)
            folder.release.rename(target)
            fsync(target.parent)
        replaced = _current_id(settings)
        release = _read(settings, target)
        # Before anybody can read it: the gate must know of every figure that was ever to be seen.
        with connect(None, scratch=folder.scratch, settings=settings) as connection:
            registry.append(
                connection, settings, folder.registered_file, as_of=release.as_of.isoformat(), release=folder.run_id
            )
        _swap(settings, folder.run_id)
        release = _read(settings, target)
        _log.info("release %s is current, content %s", release.release_id, release.content_hash[:12])
        sweep(settings, published=folder.run_id, replaced=replaced)
    return release


def rollback(settings: Settings, release_id: str) -> Release:
    """Make a kept release the current one again and note it in `releases/rollbacks.jsonl`.

    The next night publishes as ever. Raises WarehouseError if the release is not there or not whole, and Refused if
    rows were erased since it was made.
    """
    with refresh_lock(settings):
        refuse_erased(settings, release_id)
        release = verify(settings, release_id)
        before = _current_id(settings)
        _swap(settings, release_id)
        note = {
            "when": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "from": before,
            "to": release_id,
        }
        file = settings.releases / _ROLLBACKS
        with file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(note) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        file.chmod(0o644)
    return _read(settings, release.path)


def releases(settings: Settings) -> list[Release]:
    """All kept releases, the newest first; one without a readable manifest is left out, with a warning in the log."""
    if not settings.releases.is_dir():
        return []
    folders = sorted(
        (path for path in settings.releases.iterdir() if path.is_dir() and not path.is_symlink() and _has_name(path)),
        key=lambda path: path.name,
        reverse=True,
    )
    found: list[Release] = []
    for path in folders:
        try:
            found.append(_read(settings, path))
        except WarehouseError as error:
            _log.warning("%s", error)
    return found


def current(settings: Settings) -> Release | None:
    """The release that readers get, or None before the first night. Raises WarehouseError if the link leads nowhere."""
    name = _current_id(settings)
    return _read(settings, settings.releases / name) if name else None


def verify(settings: Settings, release_id: str, *, with_content: bool = False) -> Release:
    """Check that a release is whole: manifest, both databases open, tables and rows as the manifest says.

    `with_content` computes the content hash anew, which reads every row (about a second for two million). Raises
    WarehouseError that says what is missing.
    """
    path = settings.releases / checked_run_id(release_id)
    if not path.is_dir():
        raise WarehouseError(
            "there is no such release",
            where=release_id,
            remedy="take an id from the list that `warehouse releases` shows",
        )
    release = _read(settings, path)
    manifest = json.loads((path / "manifest.json").read_text("utf-8"))
    # Nothing to spill: it opens, counts and adds up.
    with _broken(release_id), connect(None, scratch=None, settings=settings) as connection:
        if left := sorted(str(file.relative_to(path)) for file in path.rglob("*.wal")):
            raise WarehouseError("an unfinished write lies there", where=f"{release_id}: {left[0]}", remedy=_ANOTHER)
        connection.execute(f"attach {literal(str(path / PUBLIC_FILE))} as open_marts (read_only)")
        connection.execute(f"attach {literal(str(path / RESTRICTED_FILE))} as exact_marts (read_only)")
        exact = manifest["restricted_tables"]
        expected = {("open_marts", table) for table in release.tables} | {("exact_marts", table) for table in exact}
        found = set(
            connection.execute(
                "select database_name, table_name from duckdb_tables() where schema_name = ?", [SCHEMA]
            ).fetchall()
        )
        if found != expected:
            raise WarehouseError("its tables are not those of its manifest", where=release_id, remedy=_ANOTHER)
        for table, rows in release.tables.items():
            if _count(connection, "open_marts", table) != rows:
                raise WarehouseError(f"table {table} is not whole", where=release_id, remedy=_ANOTHER)
        if with_content:
            told = _hashes(connection, release.tables, exact, manifest["load_times"])
            if told != {name: manifest[name] for name in told}:
                raise WarehouseError("its content is not that of its manifest", where=release_id, remedy=_ANOTHER)
    return release


def sweep(settings: Settings, *, published: str, replaced: str | None = None) -> list[str]:
    """Remove what a publication leaves behind; gives the names of what is gone. The caller holds the refresh lock.

    Gone are: releases beyond the newest `kept_releases`, staging folders of the published run and of all that began
    before it (whoever builds holds the lock, so they have ended or been killed), and what an interrupted sweep or swap
    left. A run that began later is left alone. So are the current release and the one that it `replaced`, which may be
    old after a rollback: a reader may have followed the link a moment ago and not have opened its files yet.
    """
    removed: list[str] = []
    with refresh_lock(settings):
        standing = _current_id(settings)
        found = [path for path in settings.releases.iterdir() if path.is_dir() and not path.is_symlink()]
        kept = sorted((path.name for path in found if _has_name(path)), reverse=True)[: settings.kept_releases]
        for path in sorted(found):
            if path.name.endswith(_REMOVED):
                shutil.rmtree(path)
            elif path.name not in {*kept, standing, replaced}:
                # Renamed first: a folder that is half gone must not look like a release.
                doomed = path.with_name(path.name + _REMOVED)
                path.rename(doomed)
                shutil.rmtree(doomed)
            else:
                continue
            removed.append(path.name)
        for link in settings.releases.glob(f".current-*{_REMOVED}"):
            link.unlink()
        for path in sorted(settings.staging.iterdir()) if settings.staging.is_dir() else []:
            if path.name <= published or path.name.endswith(_REMOVED):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
                removed.append(path.name)
    return removed


def _check_unfinished(settings: Settings, folder: RunFolder) -> None:
    """A release that is there may become current only to finish its own publication: newest, and never put away.

    The run's staging folder is swept at the very end, so it tells whether the publication came to its end.
    """
    standing = _current_id(settings)
    newest = max([*(release.release_id for release in releases(settings)), standing or "", folder.run_id])
    is_unfinished = folder.root.is_dir() and folder.run_id not in _put_away(settings)
    if newest > folder.run_id or not (is_unfinished or standing == folder.run_id):
        raise Refused(
            "this run was already published",
            where=folder.run_id,
            remedy=f"start a new run; to put this release back, use `warehouse rollback {folder.run_id}`",
        )


def _put_away(settings: Settings) -> set[str]:
    """The releases that somebody has put away by a rollback."""
    file = settings.releases / _ROLLBACKS
    lines = file.read_text("utf-8").splitlines() if file.is_file() else []
    return {str(json.loads(line)["from"]) for line in lines if line.strip()}


def _open_the_way(settings: Settings) -> None:
    """Readers pass through the home to the releases, whatever umask made the folders; all else is for the owner."""
    settings.releases.mkdir(parents=True, exist_ok=True)
    for folder in (settings.home, settings.releases):
        # Asked first: the home may be another user's, who has opened it already.
        if stat.S_IMODE(folder.stat().st_mode) != _OPEN:
            folder.chmod(_OPEN)


_ANOTHER = "take another release from the list that `warehouse releases` shows"


@contextlib.contextmanager
def _broken(release_id: str) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise WarehouseError("a database of it can't be opened", where=release_id, remedy=_ANOTHER) from error


def _current_id(settings: Settings) -> str | None:
    """Where `current` points, whether there is something or not."""
    link = settings.current_release
    return link.readlink().name if link.is_symlink() else None


def _has_name(path: Path) -> bool:
    return not path.name.startswith(".") and not path.name.endswith(_REMOVED)


def _read(settings: Settings, path: Path) -> Release:
    try:
        manifest: dict[str, Any] = json.loads((path / "manifest.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise WarehouseError("the release has no readable manifest", where=path.name, remedy=_ANOTHER) from error
    return Release(
        release_id=manifest["release_id"],
        path=path,
        made_at=dt.datetime.fromisoformat(manifest["made_at"]),
        as_of=dt.date.fromisoformat(manifest["as_of"]),
        municipality_code=manifest["municipality"]["code"],
        is_synthetic=manifest["is_synthetic"],
        content_hash=manifest["content_hash"],
        landing_fingerprint=manifest["landing_fingerprint"],
        stale=tuple(entry["dataset"] for entry in manifest["stale_datasets"]),
        tables=manifest["tables"],
        is_current=_current_id(settings) == path.name,
    )


def _make(settings: Settings, folder: RunFolder, notes: Sequence[str]) -> None:
    """Make the whole release in staging, with the modes it will have, and force it to disk."""
    inputs = folder.inputs()
    check_gates(folder)
    if folder.release.exists():
        shutil.rmtree(folder.release)
    folder.release.mkdir(mode=0o700)
    (folder.release / "restricted").mkdir(mode=0o700)
    marts = read_marts(folder.manifest_file)
    manifest: dict[str, Any] = {
        "release_id": folder.run_id,
        "run_id": folder.run_id,
        "made_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "municipality": {"code": inputs["municipality_code"], "name": settings.municipality_name},
        "as_of": inputs["as_of"],
        "is_synthetic": inputs["is_synthetic"],
    }
    manifest |= _write_marts(settings, folder, marts)
    manifest |= _deliveries(settings, folder, dt.date.fromisoformat(inputs["as_of"]))
    manifest["notes"] = len(notes)
    manifest["versions"] = _versions()
    _write_operations(settings, folder, notes)
    (folder.release / "manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", "utf-8")
    if left := sorted(folder.release.rglob("*.wal")):
        raise WarehouseError("a database was not closed whole", where=str(left[0]), remedy="start the refresh again")
    _set_modes(folder.release)
    fsync_tree(folder.release)


def _write_marts(settings: Settings, folder: RunFolder, marts: dict[str, Mart]) -> dict[str, Any]:
    """Write the protected and the exact marts into their files; gives the manifest's part about tables and content.

    The content's hash is that of the exact marts, which follow from the deliveries alone; what is published of them
    also follows from what was published before.
    """
    load_times = sorted(
        f"{mart.name}.{column.name}"
        for mart in marts.values()
        for column in mart.columns.values()
        if column.is_load_time
    )
    with connect(None, scratch=folder.scratch, settings=settings) as connection:
        # Views in the build name their catalogs, so both are attached under the names that dbt used.
        connection.execute(f"attach {literal(str(folder.build_file))} as warehouse (read_only)")
        connection.execute(f"attach {literal(str(folder.landing_file))} as landing (read_only)")
        connection.execute(f"attach {literal(str(folder.protected_file))} as protected (read_only)")
        connection.execute(f"attach {literal(str(folder.release / PUBLIC_FILE))} as open_marts")
        connection.execute(f"attach {literal(str(folder.release / RESTRICTED_FILE))} as exact_marts")
        exact = [mart for mart in marts.values() if not read_declaration(mart.discloses).is_exact]
        for catalog, source, copied in (
            ("open_marts", "protected", marts.values()),
            ("exact_marts", "warehouse", exact),
        ):
            connection.execute(f"create schema {catalog}.{SCHEMA}")
            for mart in copied:
                # One transaction a mart: otherwise every description would be forced to disk on its own.
                connection.execute("begin")
                _copy(connection, mart, source, catalog)
                connection.execute("commit")
            connection.execute(f"checkpoint {catalog}")
        hashes = _hashes(connection, marts, {mart.name for mart in exact}, load_times)
        rows = {name: _count(connection, "open_marts", name) for name in marts}
        for catalog in ("open_marts", "exact_marts"):
            connection.execute(f"detach {catalog}")
    return {
        **hashes,
        "load_times": load_times,
        "tables": rows,
        "protected_tables": sorted(
            name for name, mart in marts.items() if read_declaration(mart.discloses).mode == "round5"
        ),
        "restricted_tables": sorted(mart.name for mart in exact),
    }


def _hashes(
    connection: duckdb.DuckDBPyConnection, tables: Iterable[str], exact: Collection[str], load_times: Sequence[str]
) -> dict[str, str]:
    """`content_hash` of the exact figures, `protected_hash` of what everybody reads."""
    homes = [("exact_marts" if table in exact else "open_marts", table) for table in tables]
    return {
        "content_hash": content_hash(connection, homes, load_times=load_times),
        "protected_hash": content_hash(
            connection, [("open_marts", table) for _, table in homes], load_times=load_times
        ),
    }


def _count(connection: duckdb.DuckDBPyConnection, catalog: str, table: str) -> int:
    row = connection.execute(f"select count(*) from {catalog}.{SCHEMA}.{quoted(table)}").fetchone()
    assert row is not None, "an aggregate has one row"
    return int(row[0])


def _copy(connection: duckdb.DuckDBPyConnection, mart: Mart, source: str, catalog: str) -> None:
    """One mart as a table with its descriptions, in the order of its grain where the model declares one."""
    target = f"{catalog}.{SCHEMA}.{quoted(mart.name)}"
    columns = [
        name
        for (name,) in connection.execute(
            "select column_name from duckdb_columns() where database_name = ? and schema_name = ? and table_name = ?",
            [source, SCHEMA, mart.name],
        ).fetchall()
    ]
    grain = [quoted(name) for name in mart.grain if name in columns]
    order = f" order by {', '.join(grain)}" if grain else ""
    connection.execute(f"create table {target} as from {source}.{SCHEMA}.{quoted(mart.name)}{order}")
    said = mart.description
    if mart.each_row_is_a:
        row = with_article(mart.each_row_is_a)
        said = f"{said} (each row is {row})" if said else f"Each row is {row}"
    is_protected = HIDDEN_COLUMNS[0] in columns
    if is_protected:
        said = ". ".join(filter(None, [said, PROTECTED, read_declaration(mart.discloses).loss]))
    if said:
        connection.execute(f"comment on table {target} is {literal(said)}")
    for name in columns:
        column = mart.columns.get(name)
        described = column.description if column else ""
        if is_protected and name in HIDDEN_COLUMNS:
            described = HIDDEN_DESCRIPTIONS[HIDDEN_COLUMNS.index(name)]
        if described:
            connection.execute(f"comment on column {target}.{quoted(name)} is {literal(described)}")


def _deliveries(settings: Settings, folder: RunFolder, as_of: dt.date) -> dict[str, Any]:
    """The manifest's part about deliveries: what the release was made from, and which datasets are stale.

    No counts: everybody reads the manifest, and the rows of one delivery may be one child.
    """
    landed = read_landed(settings, folder)
    with connect(folder.landing_file, read_only=True, scratch=folder.scratch, settings=settings) as connection:
        newest = connection.execute(
            """
            select dataset, stale_after_days, max(as_of) filter (where delivery_status = 'accepted')
            from datasets left join deliveries using (dataset) group by all order by dataset
            """
        ).fetchall()
    return {
        "deliveries": [
            {
                "dataset": delivery.dataset,
                "file": delivery.file_name,
                "delivery_id": delivery.delivery_id[:16],
                "as_of": delivery.as_of.isoformat() if delivery.as_of else None,
                "period": delivery.period_label,
            }
            for delivery in landed.deliveries
        ],
        "stale_datasets": [
            {"dataset": dataset, "as_of": day.isoformat() if day else None}
            for dataset, days, day in newest
            if day is None or (as_of - day).days > days
        ],
        "landing_fingerprint": landed.fingerprint,
    }


def _versions() -> dict[str, str | None]:
    names = {
        "duckdb": "duckdb",
        "dbt": "dbt-core",
        "dbt_duckdb": "dbt-duckdb",
        "great_expectations": "great-expectations",
    }
    found: dict[str, str | None] = {}
    for name, package in names.items():
        found[name] = importlib.metadata.version(package)
    commit = None
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        command = ["git", "-C", str(PROJECT_ROOT), "rev-parse", "HEAD"]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
        commit = answer.stdout.strip() if answer.returncode == 0 else None
    return {**found, "project_commit": commit}


def _write_operations(settings: Settings, folder: RunFolder, notes: Sequence[str]) -> None:
    """What engineers read: the gates' reports and Data Docs, dbt's own files, and the tables about the night."""
    place = folder.release / "operations"
    shutil.copytree(folder.operations, place)
    for file in (folder.manifest_file, folder.results_file):
        shutil.copyfile(file, place / f"dbt_{file.name}")
    if (log := folder.logs / "dbt.log").is_file():
        shutil.copyfile(log, place / "dbt.log")
    write_operations_file(settings, folder, place / "operations.duckdb", notes)


def _set_modes(root: Path) -> None:
    """Everybody reads the public part, the group reads the rest; whatever umask the process has."""
    root.chmod(_OPEN)
    for path in root.rglob("*"):
        is_public = path in (root / PUBLIC_FILE, root / "manifest.json")
        if path.is_dir():
            path.chmod(0o750)
        else:
            path.chmod(0o644 if is_public else 0o640)


def _swap(settings: Settings, release_id: str) -> None:
    """Point `current` at a release: a link under another name, renamed over the old one. The link is relative."""
    link = settings.current_release
    temporary = link.with_name(f".current-{os.getpid()}{_REMOVED}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(release_id)
    temporary.replace(link)
    fsync(link.parent)
