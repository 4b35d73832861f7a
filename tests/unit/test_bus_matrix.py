"""The bus matrix in the README: which fact or mart meets which dimension, as the models themselves declare it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from include.settings import PROJECT_ROOT

Node = dict[str, Any]

# A dimension, and the columns that lead to it. Of the alternatives one is enough; each is a set of patterns that all
# have to be met. What stands in the second place is derived: an institution lies in a district (dim_institution), an
# initiative has a centre and a committee (dim_initiative), a measure its projects (dim_measure), a unit its code.
_UNIT = ("unit_type", "unit_id")
_PLACE = ("place_level", "place_code")
_INITIATIVE = ("agreement_year", "initiative_id")
KEYS: dict[str, tuple[tuple[str, ...], ...]] = {
    "date": ((r".*_date|.*_start|.*_month|month|period_.*|school_year|.*_year|year|data_as_of",),),
    "municipality": (("municipality_code",),),
    "district": ((r"district_(?:code|name)",), (r".*institution_number|.*house_code",), _UNIT),
    "institution": ((r".*institution_number|.*house_code",), _UNIT, _PLACE),
    "center": (("center_code",), _INITIATIVE, _UNIT),
    "committee": (("committee_code",), _INITIATIVE),
    "initiative": (_INITIATIVE, _UNIT),
    "project": (("project_code",), ("measure_id",)),
    "follow_up": ((r"(?:answered_)?follow_up_code",), ("period_type", "period")),
    "measure": (("measure_id|measures",),),
    "account": ((r"account_.*|function_.*|main_account.*",),),
    "law_section": ((r"law_section.*|section_code|section_kind",),),
}
DIMENSIONS = tuple(KEYS)


def declared(model: Node) -> list[str] | None:
    """The dimensions of a model in the order of the matrix; None if it declares none."""
    found = model["config"]["meta"].get("dimensions")
    return None if found is None else [name for name in DIMENSIONS if name in found]


def matrix(models: dict[str, Node]) -> str:
    """The table that belongs into the README."""
    lines = [
        "| | " + " | ".join(name.replace("_", " ") for name in DIMENSIONS) + " |",
        "|---" + "|:-:" * len(DIMENSIONS) + "|",
    ]
    for name, model in sorted(models.items()):
        dimensions = declared(model)
        if dimensions is not None:
            cells = " | ".join("x" if dimension in dimensions else "" for dimension in DIMENSIONS)
            lines.append(f"| `{name}` | {cells} |")
    return "\n".join(line.replace("|  ", "| ") for line in lines)


@pytest.fixture(scope="module")
def facts(models: dict[str, Node]) -> dict[str, Node]:
    """The facts and marts by name."""
    found = {name: model for name, model in models.items() if name.startswith(("mart_", "fct_"))}
    assert len(found) >= 8
    return found


def test_every_fact_and_mart_declares_its_dimensions(facts: dict[str, Node]) -> None:
    missing = sorted(name for name, model in facts.items() if not declared(model))
    assert not missing, (
        f"add config.meta.dimensions, a list of some of {', '.join(DIMENSIONS)}, to the models {', '.join(missing)}"
    )
    unknown = {
        name: strange
        for name, model in facts.items()
        if (strange := set(model["config"]["meta"]["dimensions"]) - set(DIMENSIONS))
    }
    assert unknown == {}
    assert [name for name, model in facts.items() if "municipality" not in (declared(model) or ())] == []


def test_every_declared_dimension_has_its_key_in_the_model_or_can_be_derived(facts: dict[str, Node]) -> None:
    def leads(columns: list[str], patterns: tuple[str, ...]) -> bool:
        return all(any(re.fullmatch(pattern, column) for column in columns) for pattern in patterns)

    wanting = [
        f"{name}: {dimension} wants one of {KEYS[dimension]}"
        for name, model in sorted(facts.items())
        for dimension in declared(model) or ()
        if not any(leads(list(model["columns"]), patterns) for patterns in KEYS[dimension])
    ]
    assert wanting == []


def test_the_readme_shows_what_the_models_declare(facts: dict[str, Node]) -> None:
    readme = (PROJECT_ROOT / "README.md").read_text("utf-8")
    section = readme.partition("\n### Bus matrix\n")[2]
    assert section, "README.md has no section 'Bus matrix'"
    table = "\n".join(line for line in section.partition("\n#")[0].splitlines() if line.startswith("|"))
    expected = matrix(facts)
    assert table == expected, f"the table in README.md under 'Bus matrix' has to be:\n\n{expected}\n"
