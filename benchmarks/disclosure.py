"""How long the disclosure gate takes, by number of municipalities; `python benchmarks/disclosure.py --help`.

One synthetic municipality is built; its marts, and what tells who dominates them, are copied under other
municipality codes, 1, 2, 4 and 8 at once, and the whole gate goes over them. Units keep their numbers, which the gate's
word list knows; they differ by municipality. The goal: about linear growth.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import cast

import duckdb

from include import night
from include.demo.municipality import generate
from include.demo.schools import Size
from include.demo.stand_ins import stand_ins
from include.settings import DOMAINS, Settings
from include.warehouse.protect import protect
from include.warehouse.release import new_run_id
from include.warehouse.run_folder import RunFolder

COPIES = (1, 2, 4, 8)


def built(folder: Path, size: Size) -> tuple[Settings, RunFolder]:
    """Land and build one municipality."""
    generate(folder / "inbox", size=size)
    settings = Settings(home=folder / "home", inputs=folder / "inbox", key_file=folder / "key" / "person.key")
    with stand_ins(folder / "inbox") as connections:
        os.environ.update(connections)
        for domain in DOMAINS:
            night.extract_plain(settings, domain, lambda _: None)
    run_id = new_run_id()
    night.build_step(settings, run_id)
    return settings, RunFolder.of(settings, run_id)


def multiplied(settings: Settings, run: RunFolder, home: Path, copies: int) -> tuple[Settings, str]:
    """A home of its own with that run, its municipality `copies` times."""
    other = settings.model_copy(update={"home": home})
    target = RunFolder.of(other, new_run_id())
    shutil.copytree(run.root, target.root)
    inputs = run.inputs() | {"run_id": target.run_id}
    target.inputs_file.write_text(json.dumps(inputs), "utf-8")
    with duckdb.connect(str(target.build_file)) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where schema_name in ('marts', 'intermediate')"
        ).fetchall()
        for schema, table in tables:
            columns = connection.execute(
                "select column_name, data_type from duckdb_columns() where schema_name = ? and table_name = ?",
                [schema, table],
            ).fetchall()
            if ("municipality_code", "VARCHAR") not in columns:
                continue
            for copy in range(1, copies):
                connection.execute(
                    f'insert into "{schema}"."{table}" by name '
                    f"select * replace ('{151 + copy}' as municipality_code) "
                    f'from "{schema}"."{table}" where municipality_code = \'{settings.municipality_code}\''
                )
    return other, target.run_id


def main() -> None:
    """Print a line for each number of municipalities."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=("small", "city"), default="small")
    parser.add_argument("--copies", type=int, nargs="+", default=COPIES)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings, run = built(folder, cast("Size", arguments.size))
        once = 0.0
        for copies in arguments.copies:
            home = folder / f"home-{copies}"
            other, run_id = multiplied(settings, run, home, copies)
            started = time.perf_counter()
            report = protect(other, run_id)
            seconds = time.perf_counter() - started
            once = once or seconds
            print(
                f"{copies} x {arguments.size}: {seconds:7.1f} s, {seconds / once:5.2f} x of one, "
                f"{report.cells:,} cells, {report.programs:,} programs, {report.hidden:,} withheld, "
                f"{report.repaired:,} repaired; load {report.load_seconds} s, choose {report.choose_seconds} s, "
                f"check {report.check_seconds} s, search {report.search_seconds} s",
                flush=True,
            )
            with contextlib.suppress(OSError):
                shutil.rmtree(home)


if __name__ == "__main__":
    main()
