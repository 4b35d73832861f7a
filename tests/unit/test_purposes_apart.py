"""No model brings keys of two purposes together: there is no declared link, so nothing may need one."""

from __future__ import annotations

import re
from functools import cache

from include.landing.contract import load_contracts
from include.settings import PROJECT_ROOT

MODELS = {file.stem: file for file in (PROJECT_ROOT / "dbt_project" / "models").rglob("*.sql")}
SIDE_BY_SIDE = {
    "int_measures_early_years": "answers of two measurements under each other, each counted by its own measure_part"
}
"""Models that read keys of two purposes and join none of them, and how."""


def key_names() -> set[str]:
    return {column.name for contract in load_contracts().values() for column in contract.person_columns}


@cache
def sql(model: str) -> str:
    return re.sub(r"--.*", "", MODELS[model].read_text("utf-8"))


def hands_keys_on(model: str) -> bool:
    """Whether a model's columns, by its YAML, hold a key of a person."""
    return "is_person_key: true" in MODELS[model].with_suffix(".yml").read_text("utf-8")


@cache
def purposes(model: str) -> frozenset[str]:
    """The purposes of the keys that a model reads from landing or from models that hand them on."""
    contracts = load_contracts()
    found: set[str] = set()
    for dataset in re.findall(r"source\('\w+', '(\w+)'\)", sql(model)):
        if dataset in contracts:
            found |= {str(column.purpose) for column in contracts[dataset].person_columns}
    for parent in re.findall(r"ref\('(\w+)'\)", sql(model)):
        if parent in MODELS and hands_keys_on(parent):
            found |= purposes(parent)
    return frozenset(found)


def mixed() -> set[str]:
    named = re.compile(rf"\b({'|'.join(key_names())})\b")
    return {model for model in MODELS if len(purposes(model)) > 1 and named.search(sql(model))}


def test_every_purpose_is_read_by_some_model() -> None:
    assert set().union(*(purposes(model) for model in MODELS)) == {"school", "social", "health", "trivsel"}


def test_no_model_reads_keys_of_two_purposes() -> None:
    assert mixed() == set(SIDE_BY_SIDE)


def test_models_with_keys_side_by_side_join_none_of_them() -> None:
    for model in SIDE_BY_SIDE:
        joins = re.findall(r"\bjoin\b.*?\bon\b(.*?)(?=\bjoin\b|\bwhere\b|\bgroup\b|\n\),)", sql(model), flags=re.DOTALL)
        assert joins
        assert not [condition for condition in joins if re.search(r"person_key|respondent_key|answered_by", condition)]


def test_answers_to_the_wellbeing_measurement_share_no_join_with_other_persons() -> None:
    """Not by attributes either: what reads them reads no other data about persons, but where they are side by side."""
    about = {
        name for name in MODELS if "trivsel" in purposes(name) and len(purposes(name)) == 1 and hands_keys_on(name)
    }
    assert about == {"stg_trivsel__wellbeing_answers", "int_wellbeing_pupil_indicator"}
    readers = {model for model in MODELS if about & set(re.findall(r"ref\('(\w+)'\)", sql(model)))}
    assert {model for model in readers if purposes(model) - {"trivsel"}} == set(SIDE_BY_SIDE)


def test_only_what_filters_by_consent_reads_description_forms() -> None:
    """All that schools see comes from int_shareable_description_forms; of the others forms are counted, and no more."""
    readers = {model for model in MODELS if "ref('stg_trivsel__description_forms')" in sql(model)}
    assert readers == {"int_shareable_description_forms", "int_description_form_counts"}
    held = sql("int_shareable_description_forms")
    assert re.search(r"from holding\s+inner join forms", held), "the consent stands first"
