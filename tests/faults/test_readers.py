"""Readers that open the release in a loop during publications: no read fails, and none is torn.

Every release says in all of its parts which one it is: in each table, in the number of rows, and so in the manifest.
The readers are processes that know nothing but the path `current`, as BI tools do. In between somebody rolls back, old
releases are swept, and publishers are killed (-9): while one copies marts, and just before one moves the link.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from include.settings import PROJECT_ROOT, Settings
from include.warehouse.release import current, releases, verify

WAREHOUSE_TESTS = PROJECT_ROOT / "tests" / "unit" / "warehouse"
sys.path.append(str(WAREHOUSE_TESTS))

from tiny_dbt_project import Template, finished_build  # noqa: E402

KEPT = 6
ROWS = 200


@dataclass(frozen=True)
class Part:
    """What a publisher does: releases `first` to `last`, a rollback after those in `back`, its death in the last."""

    first: int
    last: int
    back: str = ""
    dies_in: str = ""


TWENTY = (Part(1, 7, "3"), Part(8, 8, dies_in="_copy"), Part(8, 14, "10,13"), Part(15, 15, dies_in="_swap"))
TWENTY += (Part(15, 20, "18"),)
FIVE = (Part(1, 3, "2"), Part(4, 4, dies_in="_swap"), Part(4, 5))

# Publishes the releases `first`..`last` one after the other, goes back to the oldest kept one after each in `back`, or
# is killed in the function `dies_in` of the last one.
PUBLISHER = """
import os, shutil, signal, sys
from pathlib import Path
home, template, first, last, back, dies_in = sys.argv[1:7]
sys.path[:0] = sys.argv[7:]
import duckdb
from include.settings import Settings
from include.warehouse import release
from tiny_dbt_project import call
settings = Settings(home=Path(home), key_file=Path("x"), threads=1, kept_releases=6)
settings.staging.mkdir(parents=True, exist_ok=True)
for number in range(int(first), int(last) + 1):
    run_id = release.new_run_id()
    folder = settings.staging / run_id
    shutil.copytree(template, folder)
    call(folder, run_id)
    for file in ("build/warehouse.duckdb", "protected.duckdb"):
        with duckdb.connect(str(folder / file)) as build:
            build.execute("insert into marts.mart_spending select * from marts.mart_spending limit ?", [number])
            build.execute("update marts.mart_spending set account_alias = ?", [str(number)])
            build.execute("update marts.dim_center set remark = ?", [str(number)])
            build.execute("update marts.mart_pupils set pupils = ?", [number])
    if dies_in and number == int(last):
        setattr(release, dies_in, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    release.publish(settings, run_id)
    print(number, flush=True)
    if str(number) in back.split(","):
        oldest = release.releases(settings)[-1].release_id
        release.rollback(settings, oldest)
"""

# Reads one kind of thing until the file `end` is there; each read gives the number of the release that it saw.
READER = """
import json, os, sys, time
import duckdb
kind, current, end = sys.argv[1:4]

def public(folder):
    with duckdb.connect(folder + "/warehouse.duckdb", read_only=True) as connection:
        return public_of(connection)

def public_of(connection):
    spending = connection.execute(
        "select count(*), min(account_alias), max(account_alias) from marts.mart_spending"
    ).fetchone()
    remarks = connection.execute("select distinct remark from marts.dim_center").fetchall()
    number = int(spending[1])
    assert spending == (200 + number, str(number), str(number)) and remarks == [(str(number),)], (spending, remarks)
    return number

def restricted(folder):
    with duckdb.connect(folder + "/restricted/warehouse.duckdb", read_only=True) as connection:
        ((number,),) = connection.execute("select distinct pupils from marts.mart_pupils").fetchall()
    return number

def manifest(folder):
    with open(folder + "/manifest.json", encoding="utf-8") as stream:
        content = json.load(stream)
    assert folder == current or os.path.basename(folder) == content["release_id"], content["release_id"]
    return content["tables"]["mart_spending"] - 200

def whole(folder):
    # Who reads several files follows the link once.
    folder = os.path.realpath(folder)
    found = {manifest(folder), public(folder), restricted(folder), manifest(folder)}
    assert len(found) == 1, found
    return found.pop()

held = duckdb.connect(current + "/warehouse.duckdb", read_only=True) if kind == "held" else None
read = {"public": public, "restricted": restricted, "manifest": manifest, "whole": whole}.get(kind)
reads, seen, failed = 0, [], []
while not os.path.exists(end) or not reads:
    try:
        number = public_of(held) if held else read(current)
        if not seen or seen[-1] != number:
            seen.append(number)
    except Exception as error:
        failed.append(repr(error))
    reads += 1
    if reads == 1:
        print("reads", flush=True)
    time.sleep(0.02)
print(json.dumps({"reads": reads, "seen": seen, "failed": failed}))
"""

KINDS = ("public", "public", "restricted", "manifest", "whole", "held")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return finished_build(tmp_path_factory.mktemp("template"))


def publish(settings: Settings, template: Template, part: Part) -> None:
    """Let a process of its own do a part, and see that it ends as it is meant to."""
    arguments = [str(settings.home), str(template.folder), str(part.first), str(part.last), part.back, part.dies_in]
    command = [sys.executable, "-c", PUBLISHER, *arguments, str(PROJECT_ROOT), str(WAREHOUSE_TESTS)]
    before = current(settings)
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == (-signal.SIGKILL if part.dies_in else 0), ended.stderr
    if part.dies_in:
        assert current(settings) == before, "what was killed lies there and is not what readers get"


@pytest.mark.parametrize("parts", [FIVE, pytest.param(TWENTY, marks=pytest.mark.proof)], ids=["five", "twenty"])
def test_no_read_fails_and_none_is_torn_during_publications(
    template: Template, tmp_path: Path, parts: tuple[Part, ...]
) -> None:
    settings = Settings(home=tmp_path / "home", key_file=tmp_path / "key", threads=1, kept_releases=KEPT)
    end = tmp_path / "end"
    publish(settings, template, Part(0, 0))
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, kind, str(settings.current_release), str(end)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for kind in KINDS
    ]
    try:
        for reader in readers:
            assert reader.stdout is not None
            assert reader.stdout.readline() == "reads\n"
        for part in parts:
            publish(settings, template, part)
        time.sleep(0.3)
    finally:
        end.touch()
        said = [reader.communicate(timeout=60)[0] for reader in readers]
    last = parts[-1].last
    for kind, text in zip(KINDS, said, strict=True):
        told = json.loads(text)
        seen = told["seen"]
        assert told["failed"] == [], kind
        assert told["reads"] > 10 * last, kind
        if kind == "held":
            assert seen == [0], "an open connection keeps its release, even one that was swept long ago"
            continue
        assert (seen[0], seen[-1]) == (0, last)
        assert len(set(seen)) > last // 2, f"{kind}: it slept through the publications: {seen}"
        assert seen != sorted(seen), f"{kind}: it never saw a release that was put back"
    left = releases(settings)
    assert len(left) == KEPT
    for one in left:
        verify(settings, one.release_id, with_content=True)
    assert not list(settings.staging.iterdir())
