"""Protected releases of the small municipality and of a city: nothing can be found, totals are near the truth."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from attacker import Attack, attack, read_declarations, read_tables
from figures import Night
from losses import as_text, of_release
from nights import make_night, night_of

from include.settings import PROJECT_ROOT

DECLARED = read_declarations(PROJECT_ROOT / "dbt_project")
WITHIN = 5
FEWEST_UNKNOWNS = {"small": 5_000, "city": 15_000}

log = logging.getLogger(__name__)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Night:
    folder = tmp_path_factory.mktemp("city")
    make_night(folder, "city")
    return night_of(folder)


def attacked(night: Night) -> Attack:
    return attack(
        night.release / "warehouse.duckdb",
        DECLARED,
        registry=night.settings.home / "disclosure" / "registry",
        exact=night.release / "restricted" / "warehouse.duckdb",
    )


def check(night: Night, size: str) -> None:
    found = attacked(night)
    log.info("%s: %s unknowns, %s withheld, %s sums", size, found.unknowns, found.withheld, found.sums)
    assert [str(finding) for finding in found.recovered] == []
    assert [str(finding) for finding in found.narrow] == []
    assert found.unknowns >= FEWEST_UNKNOWNS[size]


def school_totals(release: Path) -> list[float]:
    """Errors of every count of a school in total rows of school absence and wellbeing: published against exact."""
    errors = []
    for table in read_tables(release / "warehouse.duckdb", DECLARED, release / "restricted" / "warehouse.duckdb"):
        for number, part in enumerate(table.parts):
            for place, total in enumerate(part.totals):
                if "institution_level = 'school'" not in str(total["rows"]):
                    continue
                columns = [name for name in total.get("columns") or part.of("count") if name in part.of("count")]
                for rid in {whole for whole, _ in table.links[number, f"total {place}"]}:
                    row, true = table.values[rid], table.exact.get(rid, {})
                    if "school" not in (row.get("institution_level"), row.get("unit_type")):
                        continue
                    errors += [
                        abs(float(row[column]) - float(true[column]))
                        for column in columns
                        if row.get(column) is not None and true.get(column) is not None
                    ]
    return errors


def test_nothing_is_found_in_the_small_release(small: Night) -> None:
    check(small, "small")


def test_small_school_totals_are_within_five(small: Night) -> None:
    errors = school_totals(small.release)
    assert errors
    assert max(errors) <= WITHIN


@pytest.mark.proof
def test_nothing_is_found_in_a_city(city: Night) -> None:
    check(city, "city")


@pytest.mark.proof
def test_city_school_totals_are_within_five(city: Night) -> None:
    errors = school_totals(city.release)
    assert len(errors) > 500
    assert max(errors) <= WITHIN
    log.info("what an analyst loses\n%s", as_text(of_release(city.release)))
