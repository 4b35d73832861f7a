"""dbt's sources say what the contracts say."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from include.landing.contract import load_contracts
from include.landing.links import load_links
from include.warehouse.sources_yaml import DBT_PROJECT, render_sources, write_sources


@pytest.mark.parametrize("name", sorted(render_sources(load_contracts())))
def test_committed_sources_equal_the_contracts(name: str) -> None:
    file = DBT_PROJECT / name
    assert file.is_file(), f"dbt_project/{name} is missing: run `warehouse contracts`"
    assert file.read_text("utf-8") == render_sources(load_contracts())[name], (
        f"dbt_project/{name} is not what the contracts give: run `warehouse contracts` and commit the result"
    )


def test_every_dataset_is_a_table_with_its_landed_columns() -> None:
    tables = {
        table["name"]: table
        for text in render_sources(load_contracts()).values()
        for source in yaml.safe_load(text)["sources"]
        for table in source["tables"]
    }
    contracts = load_contracts()
    links = {link.table: link for link in load_links().values()}
    assert tables.keys() == contracts.keys() | links.keys()
    for name, link in links.items():
        assert [c["name"] for c in tables[name]["columns"]] == [*(c.name for c in link.columns), "municipality_code"]
        assert tables[name]["config"]["meta"]["legal_basis"] == link.legal_basis
    for dataset, contract in contracts.items():
        expected = [column.name for column in contract.landed_columns] + ["municipality_code", "delivery_id"]
        assert [column["name"] for column in tables[dataset]["columns"]] == expected
        assert tables[dataset]["config"]["meta"]["about_persons"] is contract.about_persons
    dropped = {column.name for column in contracts["enrolments"].columns if column.personal == "drop"}
    assert dropped
    assert not dropped & {column["name"] for column in tables["enrolments"]["columns"]}


def test_write_sources_tells_what_it_changed(tmp_path: Path) -> None:
    assert len(write_sources(tmp_path)) == len(render_sources(load_contracts()))
    assert write_sources(tmp_path) == []
    stale = tmp_path / "models/staging/budget/_sources.yml"
    stale.write_text("version: 2\n", "utf-8")
    assert write_sources(tmp_path) == [stale]
