"""What every model, seed and column of the dbt project has to say of itself. A message names the place to mend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from include.landing.contract import load_contracts
from include.landing.links import load_links
from include.settings import DOMAINS, PROJECT_ROOT
from include.warehouse.disclosure import problems, read_declaration

PROJECT = PROJECT_ROOT / "dbt_project"
PUBLIC_MARTS = {
    "dim_date",
    "dim_municipality",
    "dim_institution",
    "dim_center",
    "dim_committee",
    "dim_follow_up",
    "dim_initiative",
    "fct_milestone",
    "fct_milestone_status",
    "fct_initiative_amount",
    "dim_district",
    "dim_law_section",
    "dim_measure",
    "dim_project",
    "mart_budget_follow_up",
    "mart_faellesskab_for_alle",
    "mart_follow_up_center",
    "mart_fsr",
    "mart_official_statistics",
    "mart_project",
    "mart_tilsyn",
    "data_freshness",
}
PARTLY_PUBLIC_MARTS = {"dim_account", "fct_account_spending", "fct_initiative_spending"}
ROUND5_MARTS = {
    "fct_granted_payment",
    "fct_measure",
    "mart_cases",
    "mart_dagtilbud",
    "mart_faellesskabsmodellen",
    "mart_familiehuset",
    "mart_handicap_og_familieteam",
    "mart_headspace",
    "mart_icehearts",
    "mart_icehearts_results",
    "mart_overgang_dagtilbud_skole",
    "mart_ppr",
    "mart_ppr_conferences",
    "mart_sammen_om_boern",
    "mart_school_absence",
    "mart_skolestart",
    "mart_specialundervisning",
    "mart_sundhedsplejen",
    "mart_trivsel",
}

Node = dict[str, Any]


@pytest.fixture(scope="module")
def described(manifest: dict[str, Any]) -> list[Node]:
    """Everything with columns that an analyst can read: models, seeds and sources."""
    nodes = [node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed")]
    return nodes + list(manifest["sources"].values())


def _is_in_both_languages(description: str) -> bool:
    danish, found, english = description.partition(" / ")
    return bool(found and danish.strip() and english.strip())


def test_every_model_and_seed_says_what_it_is(manifest: dict[str, Any]) -> None:
    missing = [
        f"{node['original_file_path']}: meta.{key}"
        for node in manifest["nodes"].values()
        if node["resource_type"] in ("model", "seed")
        for key in ("each_row_is_a", "owner", "sensitivity")
        if not node["meta"].get(key)
    ]
    assert missing == []
    sensitivities = {
        node["meta"]["sensitivity"] for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed")
    }
    assert sensitivities == {"public", "restricted"}


def test_every_mart_with_figures_says_its_rhythm_limits_and_dimensions(models: dict[str, Node]) -> None:
    """`known_limits` is what an analyst must know before using the figures, in Danish and English."""
    dimensions = {name.removeprefix("dim_") for name in models if name.startswith("dim_")}
    wrong = []
    for name, model in models.items():
        if not name.startswith(("mart_", "fct_")):
            continue
        meta = model["meta"]
        if meta.get("rhythm") not in {"nightly", "monthly", "quarterly", "yearly"}:
            wrong.append(f"{name}: meta.rhythm")
        if not _is_in_both_languages(str(meta.get("known_limits", ""))):
            wrong.append(f"{name}: meta.known_limits, in Danish and English")
        if not meta.get("dimensions") or not set(meta["dimensions"]) <= dimensions:
            wrong.append(f"{name}: meta.dimensions, each of them a dim_*")
    assert wrong == []


def test_every_column_is_described_in_danish_and_english(described: list[Node]) -> None:
    assert [node["name"] for node in described if not _is_in_both_languages(node["description"])] == []
    bare = [
        f"{node['name']}.{column['name']}"
        for node in described
        for column in node["columns"].values()
        if not _is_in_both_languages(column["description"]) or not column["data_type"]
    ]
    assert bare == []
    assert [node["name"] for node in described if not node["columns"]] == []


def test_every_model_has_an_enforced_contract(models: dict[str, Node]) -> None:
    assert [name for name, model in models.items() if not model["config"]["contract"]["enforced"]] == []
    assert [name for name, model in models.items() if not model["config"]["persist_docs"].get("columns")] == []


def test_every_model_has_a_yaml_of_its_own_beside_it(models: dict[str, Node]) -> None:
    wrong = [
        name
        for name, model in models.items()
        if Path(model["patch_path"].partition("://")[2]) != Path(model["original_file_path"]).with_suffix(".yml")
    ]
    assert wrong == []


def test_every_seed_declares_the_type_of_every_column(manifest: dict[str, Any]) -> None:
    for seed in (node for node in manifest["nodes"].values() if node["resource_type"] == "seed"):
        header = (PROJECT / seed["original_file_path"]).read_text("utf-8").partition("\n")[0].split(",")
        assert list(seed["config"]["column_types"]) == header, seed["name"]
        assert list(seed["columns"]) == header, seed["name"]


def test_every_model_has_a_test_and_the_marts_with_figures_a_unit_test(
    manifest: dict[str, Any], models: dict[str, Node]
) -> None:
    tested = {
        parent
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
        for parent in node["depends_on"]["nodes"]
    }
    assert [name for name, model in models.items() if model["unique_id"] not in tested] == []
    unit_tested = {test["model"] for test in manifest["unit_tests"].values()}
    figures = {name for name in models if name.startswith(("mart_", "fct_")) or name == "data_freshness"}
    assert figures - unit_tested == {"fct_milestone"}, "a figure is decided by a rule, and a rule has a unit test"


def test_the_marts_are_public_or_restricted_as_agreed(models: dict[str, Node]) -> None:
    marts = {name: model for name, model in models.items() if model["schema"] == "marts"}
    assert {name for name, mart in marts.items() if mart["meta"]["sensitivity"] == "public"} == PUBLIC_MARTS
    assert {name for name, mart in marts.items() if mart["meta"]["sensitivity"] == "restricted"} == (
        PARTLY_PUBLIC_MARTS | ROUND5_MARTS
    )


def test_every_mart_declares_what_it_discloses(models: dict[str, Node]) -> None:
    """A public table is for everybody as it is; one that is rounded, or public in part, is restricted as it is."""
    marts = {name: model for name, model in models.items() if model["schema"] == "marts"}
    assert [name for name, mart in marts.items() if "discloses" not in mart["meta"]] == []
    declared = {name: read_declaration(mart["meta"]["discloses"]) for name, mart in marts.items()}
    assert {name for name, one in declared.items() if one.is_exact} == PUBLIC_MARTS
    assert {name for name, one in declared.items() if one.mode == "public" and not one.is_exact} == PARTLY_PUBLIC_MARTS
    assert {name for name, one in declared.items() if one.mode == "round5"} == ROUND5_MARTS
    assert [name for name, one in declared.items() if not _is_in_both_languages(one.unit)] == []
    assert [name for name, one in declared.items() if not _is_in_both_languages(one.audience)] == []


def test_every_column_of_a_rounded_mart_has_its_kind(models: dict[str, Node]) -> None:
    wrong = [
        problem
        for name, model in models.items()
        if model["schema"] == "marts" and "discloses" in model["meta"]
        for problem in problems(
            name,
            read_declaration(model["meta"]["discloses"]),
            {column: told["data_type"] for column, told in model["columns"].items()},
        )
    ]
    assert wrong == []


def test_what_two_persons_hold_is_a_model_with_the_amounts_column(models: dict[str, Node]) -> None:
    wrong = [
        f"{name}.{column}: {figure.dominance}"
        for name, model in models.items()
        if model["schema"] == "marts" and "discloses" in model["meta"]
        for part in read_declaration(model["meta"]["discloses"]).parts
        for column, figure in part.columns.items()
        if figure.dominance and (figure.dominance not in models or column not in models[figure.dominance]["columns"])
    ]
    assert wrong == []


def test_what_descends_from_persons_is_restricted(manifest: dict[str, Any], models: dict[str, Node]) -> None:
    about_persons = {name for name, contract in load_contracts().items() if contract.about_persons}
    assert about_persons >= {"enrolments", "absence_days", "residents", "referrals", "cases", "wellbeing_answers"}

    def ancestors(unique_id: str) -> set[str]:
        parents = set(manifest["parent_map"].get(unique_id, []))
        return parents.union(*(ancestors(parent) for parent in parents)) if parents else parents

    persons = {
        unique_id for unique_id, source in manifest["sources"].items() if source["meta"].get("about_persons") is True
    }
    links = {link.table for link in load_links().values()}
    assert links
    assert {unique_id.rpartition(".")[2] for unique_id in persons} == about_persons | links
    heirs = {name: model for name, model in models.items() if ancestors(model["unique_id"]) & persons}
    assert {"mart_school_absence", "mart_icehearts", "mart_trivsel"} <= set(heirs)
    assert [name for name, model in heirs.items() if model["meta"]["sensitivity"] != "restricted"] == []


def test_no_mart_has_a_person_key(models: dict[str, Node]) -> None:
    keys = {column.name for contract in load_contracts().values() for column in contract.person_columns}
    assert keys >= {"person_key", "respondent_key"}
    found = [
        f"{name}.{column}"
        for name, model in models.items()
        if model["schema"] == "marts"
        for column in model["columns"]
        if column in keys or column.endswith("_key") or "cpr" in column
    ]
    assert found == []


def test_marts_carry_municipality_and_origin(models: dict[str, Node]) -> None:
    for name, model in models.items():
        if model["schema"] != "marts":
            continue
        assert "municipality_code" in model["columns"], name
        if name.startswith(("mart_", "fct_")) or name == "data_freshness":
            assert model["columns"]["is_synthetic"]["data_type"] == "boolean", name
    assert models["data_freshness"]["columns"]["received_at"]["meta"] == {"is_load_time": True}


def test_every_dataset_is_a_source_of_its_domain(manifest: dict[str, Any]) -> None:
    found = {(source["source_name"], source["name"]) for source in manifest["sources"].values()}
    expected = {(contract.domain, dataset) for dataset, contract in load_contracts().items()}
    assert expected <= found
    assert {name for name, _ in found} == {*DOMAINS, "operations"}
    for source in manifest["sources"].values():
        assert (source["database"], source["schema"]) == ("landing", "main")
