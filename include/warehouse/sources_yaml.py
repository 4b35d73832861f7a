"""dbt's `sources` from contracts and links: what landing promises is what dbt reads, and nobody writes it twice.

One file a domain, `models/staging/<domain>/_sources.yml`. The files are committed, so that an analyst can read them;
a test compares them with the contracts, and `warehouse contracts` writes them anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from include.landing.contract import Column, Contract, load_contracts
from include.landing.links import Link, load_links
from include.landing.store import linked_columns
from include.settings import DOMAINS, PROJECT_ROOT

DBT_PROJECT = PROJECT_ROOT / "dbt_project"
"""The dbt project."""

HEADER = "# Written by `warehouse contracts` from include/landing/contracts; change the contract, not this file.\n"

_ADDED_COLUMNS = (
    ("municipality_code", "VARCHAR", "Kommunens kode / The municipality's code"),
    ("delivery_id", "VARCHAR", "Leverancens id, 16 hextal / The delivery's id, 16 hexadecimal digits"),
)


class _Dumper(yaml.SafeDumper):
    """Lists are indented under their key, as people write them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, False)


def _column(column: Column) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": column.name,
        "data_type": column.landed_type.lower(),
        "description": f"{column.description.da} / {column.description.en}",
    }
    if column.personal == "key":
        described["config"] = {"meta": {"is_person_key": True, "purpose": column.purpose}}
    return described


def _table(contract: Contract) -> dict[str, Any]:
    added = [{"name": name, "data_type": kind.lower(), "description": text} for name, kind, text in _ADDED_COLUMNS]
    return {
        "name": contract.dataset,
        "description": f"{contract.description.da} / {contract.description.en}",
        "config": {
            "meta": {
                "each_row_is_a": contract.each_row_is_a,
                "source": contract.source,
                "owner": contract.owner,
                "legal_basis": contract.legal_basis,
                "about_persons": contract.about_persons,
                "rhythm": contract.rhythm.expected,
                "stale_after_days": contract.rhythm.stale_after_days,
                "keys": list(contract.keys),
            }
        },
        "columns": [_column(column) for column in contract.landed_columns] + added,
    }


def _link_table(link: Link) -> dict[str, Any]:
    described = {column.name: column.description for column in link.columns}
    added = {name: text for name, _, text in _ADDED_COLUMNS}
    return {
        "name": link.table,
        "description": f"{link.description.da} / {link.description.en}",
        "config": {
            "meta": {
                "each_row_is_a": link.each_row_is_a,
                "source": f"link between {link.from_.dataset} and {link.to.dataset}",
                "purpose": f"{link.purpose.da} / {link.purpose.en}",
                "owner": link.owner,
                "legal_basis": link.legal_basis,
                "about_persons": True,
            }
        },
        "columns": [
            {
                "name": name,
                "data_type": kind.lower(),
                "description": f"{described[name].da} / {described[name].en}" if name in described else added[name],
            }
            for name, kind in linked_columns(link).items()
        ],
    }


def render_sources(contracts: Mapping[str, Contract]) -> dict[str, str]:
    """The text of each `_sources.yml` by its path below `dbt_project/`, for the domains that `contracts` speak of.

    Each dataset is a table of the source that is called as its domain, in database `landing`, schema `main`; so is each
    declared link, of the domain of the rows that it links.
    """
    files: dict[str, str] = {}
    for domain in DOMAINS:
        own = [contract for _, contract in sorted(contracts.items()) if contract.domain == domain]
        if not own:
            continue
        links = [link for link in load_links().values() if link.domain == domain]
        content = {
            "version": 2,
            "sources": [
                {
                    "name": domain,
                    "database": "landing",
                    "schema": "main",
                    "description": (
                        "Gældende rækker af de antagne leverancer / Current rows of the accepted deliveries"
                    ),
                    "tables": [*map(_table, own), *map(_link_table, links)],
                }
            ],
        }
        text = yaml.dump(content, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=118)
        files[f"models/staging/{domain}/_sources.yml"] = HEADER + text
    return files


def write_sources(project: Path = DBT_PROJECT) -> list[Path]:
    """Write the files of all contracts below `project`; returns those whose text has changed."""
    changed: list[Path] = []
    for name, text in render_sources(load_contracts()).items():
        file = project / name
        if not file.is_file() or file.read_text("utf-8") != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
            changed.append(file)
    return changed
