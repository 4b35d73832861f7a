"""Every figure that a dataset's generator planted is what its staging model shows.

A dataset whose truth has `figures` has a file `truth/<dataset>.sql` with a query for each, under a line
`-- name: <figure>`; the queries read the models that dbt built of the small municipality.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from figures import Night, rows

from include.demo import datasets
from include.landing.contract import load_contracts

QUERIES = Path(__file__).parent / "truth"
COMPARED_ELSEWHERE = {
    *("absence_days", "absence_statistics", "budget_agreement", "enrolments", "ledger_postings", "referrals"),
    "wellbeing_answers",
}
"""Their figures are compared with the marts (`figures.py`)."""

FEWEST_FIGURES = 3


@pytest.fixture(scope="module")
def built(small: Night) -> Iterator[duckdb.DuckDBPyConnection]:
    """The database that dbt built, with the landing that it was built from."""
    folder = small.inbox.parent / "built"
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute(f"attach '{folder / 'landing.duckdb'}' as landing (read_only)")
        yield connection


def queries(dataset: str) -> dict[str, str]:
    """The named queries of a dataset."""
    text = (QUERIES / f"{dataset}.sql").read_text("utf-8")
    parts = re.split(r"^-- name: *(\w+) *$", text, flags=re.MULTILINE)
    return {name: query.strip().rstrip(";") for name, query in zip(parts[1::2], parts[2::2], strict=True)}


def plain(value: Any) -> Any:
    """A value as the truth writes it: dates and decimals as text."""
    if isinstance(value, dt.date):
        return value.isoformat()
    return f"{value:f}" if isinstance(value, Decimal) else value


def counted(found: list[dict[str, Any]]) -> Counter[tuple[tuple[str, Any], ...]]:
    """Rows in no order, each as its sorted columns."""
    return Counter(tuple(sorted((name, plain(value)) for name, value in row.items())) for row in found)


def test_every_dataset_has_a_generator_and_planted_figures() -> None:
    modules = {file.stem for place in datasets.__path__ for file in Path(place).glob("*.py")} - {"__init__"}
    assert modules == set(load_contracts())
    assert {file.stem for file in QUERIES.glob("*.sql")} == modules - COMPARED_ELSEWHERE


@pytest.mark.parametrize("dataset", sorted(set(load_contracts()) - COMPARED_ELSEWHERE))
def test_staging_shows_what_was_planted(
    small: Night, built: duckdb.DuckDBPyConnection, dataset: str, compared: Callable[[str, int], None]
) -> None:
    planted = small.truth[dataset]["figures"]
    asked = queries(dataset)
    assert set(asked) == set(planted)
    assert len(planted) >= FEWEST_FIGURES
    for name, query in asked.items():
        expected = counted(planted[name])
        shown = counted(rows(built, query))
        compared(f"{dataset}.{name}", len(expected))
        assert expected, f"{dataset}.{name}: nothing was planted"
        missing, more = expected - shown, shown - expected
        assert not missing, f"{dataset}.{name}: planted and not shown {list(missing)[:5]}, shown {list(more)[:5]}"
        assert not more, f"{dataset}.{name}: shown and not planted {list(more)[:5]}"
