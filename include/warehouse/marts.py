"""The marts as dbt's manifest describes them: who may read them, what they say, where their rows come from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCHEMA = "marts"
"""dbt's schema for what is published; nothing else of the build leaves the staging folder."""

_OUTSIDE_DBT = re.compile(
    r"\b(?:read_(?:parquet|csv|csv_auto|json|json_auto|json_objects|ndjson|text|blob)|parquet_scan|sqlite_scan|glob)\s*\(",
    re.IGNORECASE,
)
_IN_LANDING = re.compile(r'"?\blanding\b"?\s*\.\s*"?main"?\s*\.\s*"?(\w+)"?', re.IGNORECASE)
# Without the schema it may also be a column of something that the query calls landing.
_PERHAPS_IN_LANDING = re.compile(r'"?\blanding\b"?\s*\.\s*"?(\w+)"?', re.IGNORECASE)

# By sound, not by letter: a unit, a user, a European, a one-off; an hour.
_BEGINS_WITH_A_VOWEL = re.compile(r"(?!uni|us[aeu]|uti|eu|one|once)[aeiou]|hour|honest|heir", re.IGNORECASE)


@dataclass(frozen=True)
class MartColumn:
    """A described column; `description` as dbt has it, `meta` as the model declares it."""

    name: str
    description: str
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def is_load_time(self) -> bool:
        """True for times of loading, which differ between two builds of the same content."""
        return bool(self.meta.get("is_load_time"))


@dataclass(frozen=True)
class Mart:
    """A table that dbt puts into schema `marts`.

    `sources` are the names of the landing tables that its rows descend from, by whatever path; `mentions` are words
    that would be such names if they are tables; `reads_outside` names models on that path that read files behind
    dbt's back.
    """

    name: str
    file: str
    discloses: object
    description: str
    each_row_is_a: str | None
    grain: tuple[str, ...]
    columns: dict[str, MartColumn]
    sources: frozenset[str]
    mentions: frozenset[str]
    reads_outside: frozenset[str]


def _meta(entry: dict[str, Any]) -> dict[str, Any]:
    """Where dbt keeps `meta`: at the top and in `config`, depending on where it was written."""
    return {**entry.get("meta", {}), **entry.get("config", {}).get("meta", {})}


def _described(description: str, meta: dict[str, Any]) -> str:
    """Danish and English as one text: dbt's description, and the other language if `meta` has it."""
    more = [str(meta[name]) for name in ("description_da", "description_en", "da", "en") if meta.get(name)]
    return " / ".join(dict.fromkeys(part.strip() for part in [description, *more] if part.strip()))


def _ancestors(parents: dict[str, list[str]], start: str) -> Iterator[str]:
    seen = {start}
    waiting = [start]
    while waiting:
        node = waiting.pop()
        yield node
        for parent in parents.get(node, []):
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)


def read_marts(manifest_file: Path) -> dict[str, Mart]:
    """The marts by table name, from dbt's `manifest.json` of a finished build (with compiled SQL in it).

    Lineage is dbt's own, and what the compiled SQL names in the landing database without telling dbt.
    """
    manifest: dict[str, Any] = json.loads(manifest_file.read_text("utf-8"))
    nodes: dict[str, dict[str, Any]] = manifest["nodes"]
    sources: dict[str, dict[str, Any]] = manifest["sources"]
    marts: dict[str, Mart] = {}
    for unique_id, node in sorted(nodes.items()):
        if node["resource_type"] not in ("model", "seed", "snapshot") or node["schema"] != SCHEMA:
            continue
        if node["config"].get("materialized") == "ephemeral":
            continue
        meta = _meta(node)
        origins: set[str] = set()
        mentions: set[str] = set()
        outside: set[str] = set()
        for ancestor in _ancestors(manifest["parent_map"], unique_id):
            if ancestor in sources:
                origins.add(str(sources[ancestor].get("identifier") or sources[ancestor]["name"]))
            elif ancestor in nodes and nodes[ancestor]["resource_type"] != "seed":
                sql = nodes[ancestor].get("compiled_code") or nodes[ancestor].get("raw_code") or ""
                origins.update(name.lower() for name in _IN_LANDING.findall(sql))
                mentions.update(name.lower() for name in _PERHAPS_IN_LANDING.findall(sql))
                if _OUTSIDE_DBT.search(sql):
                    outside.add(nodes[ancestor]["name"])
        columns = {
            name: MartColumn(name, _described(entry.get("description", ""), _meta(entry)), _meta(entry))
            for name, entry in node.get("columns", {}).items()
        }
        table = str(node.get("alias") or node["name"])
        marts[table] = Mart(
            name=table,
            file=str(node["original_file_path"]),
            discloses=meta.get("discloses"),
            description=_described(node.get("description", ""), meta),
            each_row_is_a=meta.get("each_row_is_a"),
            grain=tuple(meta.get("grain") or ()),
            columns=columns,
            sources=frozenset(origins),
            mentions=frozenset(mentions),
            reads_outside=frozenset(outside),
        )
    return marts


def with_article(noun: str) -> str:
    """The noun with `a` or `an`, by how it sounds: an initiative, a unit, an hour, a school."""
    return f"an {noun}" if _BEGINS_WITH_A_VOWEL.match(noun) else f"a {noun}"


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL text literal, for statements that take no parameters (ATTACH, COMMENT)."""
    return "'" + text.replace("'", "''") + "'"
