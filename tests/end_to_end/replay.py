"""Many nights of the same growing data without dbt's own time: what dbt compiled once is run again for another date.

The first night is built by dbt. Each later one copies that build, reads landing as it stands then, and runs every
model's compiled SQL in dbt's order with the night's date in place of the first one's; the gate and the publication are
the warehouse's own steps. `test_growing` proves that this gives what dbt gives.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb

from include import night
from include.landing.contract import load_contracts
from include.landing.ledger import Ledger
from include.landing.process import take_in
from include.landing.store import write_landing_database
from include.settings import DOMAINS, Settings
from include.warehouse.landing_file import read_landed
from include.warehouse.release import Release, current, new_run_id
from include.warehouse.run_folder import RunFolder

LEFT = ("build", "target", "inputs.json", "operations", "logs")


@dataclass(frozen=True)
class Model:
    name: str
    is_view: bool
    sql: str


@dataclass(frozen=True)
class Template:
    """A build of dbt's, kept outside the home: files, models in order, and the date that stands in their SQL."""

    folder: Path
    as_of: dt.date
    models: tuple[Model, ...]


def keep_template(settings: Settings, run_id: str, target: Path) -> Template:
    """Keep a finished run's build, which must not have been published yet."""
    run = RunFolder.of(settings, run_id)
    target.mkdir(parents=True)
    for name in LEFT:
        source = run.root / name
        if source.is_dir():
            shutil.copytree(source, target / name)
        elif source.is_file():
            shutil.copy(source, target / name)
    manifest = json.loads(run.manifest_file.read_text("utf-8"))
    nodes = {name: node for name, node in manifest["nodes"].items() if node["resource_type"] == "model"}
    order = TopologicalSorter({name: node["depends_on"]["nodes"] for name, node in nodes.items()}).static_order()
    models = []
    for name in order:
        if name in nodes:
            node = nodes[name]
            table = f'"{node["schema"]}"."{node.get("alias") or node["name"]}"'
            models.append(Model(table, node["config"]["materialized"] == "view", node["compiled_code"]))
    return Template(target, settings.night, tuple(models))


def build_again(settings: Settings, template: Template) -> str:
    """Build the night of `settings` from what has landed; gives the id of a run that the gate can judge."""
    run_id = new_run_id()
    folder = RunFolder.of(settings, run_id)
    shutil.copytree(template.folder, folder.root)
    write_landing_database(settings, folder.landing_file)
    with duckdb.connect(str(folder.build_file)) as connection:
        connection.execute(f"attach '{folder.landing_file}' as landing (read_only)")
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"set threads = {settings.threads}")
        connection.execute("set preserve_insertion_order = false")
        for model in template.models:
            sql = model.sql.replace(f"date '{template.as_of}'", f"date '{settings.night}'")
            if model.is_view:
                connection.execute(f"create or replace view {model.name} as {sql}")
            else:
                # The table that dbt made keeps its types.
                connection.execute(f"delete from {model.name}")
                connection.execute(f"insert into {model.name} by name ({sql})")
        connection.execute("checkpoint")
    inputs = json.loads(folder.inputs_file.read_text("utf-8"))
    landed = read_landed(settings, folder)
    inputs |= {"run_id": run_id, "as_of": settings.night.isoformat(), "landing_fingerprint": landed.fingerprint}
    folder.inputs_file.write_text(json.dumps(inputs), "utf-8")
    _say_validated(folder)
    return run_id


def _say_validated(folder: RunFolder) -> None:
    """What Great Expectations said of the first build stands for the later ones: here the disclosure gate is tried."""
    file = folder.operations / "validation.json"
    said: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.is_file() else {"critical": [], "warnings": []}
    file.write_text(json.dumps(said | {"run_id": folder.run_id}), "utf-8")


def publish_again(settings: Settings, template: Template) -> Release:
    """Build the night of `settings`, pass the disclosure gate and publish."""
    run_id = build_again(settings, template)
    night.protect_step(settings, run_id)
    night.publish_step(settings, run_id)
    release = current(settings)
    assert release is not None
    assert release.release_id == run_id
    return release


def land_all(settings: Settings) -> int:
    """Land what is new and accept it; how many deliveries were taken in."""
    for contract in load_contracts().values():
        take_in(settings, contract)
    taken = 0
    for domain in DOMAINS:
        with Ledger(settings) as ledger:
            waiting = ledger.deliveries(domain=domain, status="landed")
            for one in waiting:
                ledger.decide(one, is_accepted=True, notes=(), problems=[])
            ledger.finish_domain(domain, settings.night)
        taken += len(waiting)
    return taken
