"""The protected table: what stands in it, how withheld, missing and zero are told apart, and that tampering is seen."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from small_marts import NOBODY, SCHOOL, Marts, Published, Row, months, put_schools, random_pupils, same_month

from include.warehouse import protected_file
from include.warehouse.round5 import known

TYPES = {
    "place": "VARCHAR",
    "pupils": "BIGINT",
    "boys": "BIGINT",
    "days": "DECIMAL(12,1)",
    "share": "DOUBLE",
    "mean_age": "DECIMAL(5,2)",
    "is_met": "BOOLEAN",
    "target": "DOUBLE",
    "staff": "INTEGER",
}
DECLARED: dict[str, Any] = {
    "grid": ["place"],
    "copied": ["place"],
    "numbers": {"target": "the council decides it", "staff": "staff, not pupils"},
    "columns": {
        "pupils": "count",
        "boys": "count",
        "days": {"amount": 5, "n": "pupils", "dominance": "int_two"},
        "share": {"rate": ["boys", "pupils"], "n": "pupils"},
        "mean_age": {"mean": 1, "n": "pupils"},
        "is_met": {"expression": "share >= target", "of": ["share", "target"]},
    },
}


def put(*rows: list[object], two: float = 1, **more: Any) -> Marts:
    marts = Marts()
    marts.table("mart_x", TYPES, rows)
    marts.table("intermediate.int_two", {"place": "VARCHAR", "days": "DOUBLE"}, [[row[0], two] for row in rows])
    marts.declare("mart_x", **{**DECLARED, **more})
    return marts


def by_place(marts: Marts, published: Published | None = None) -> dict[object, Row]:
    return {row["place"]: row for row in marts.read(published or marts.publish(), "mart_x")}


def test_withheld_missing_and_zero_are_told_apart() -> None:
    rows = by_place(
        put(
            ["many", 40, 10, 100, 0.25, 9.87, True, 0.2, 7],
            ["few", 5, 5, 50, 1.0, 8.0, True, 0.2, 7],
            ["nobody", 0, 0, 0, None, None, None, 0.2, 7],
            ["no figures", None, None, None, None, None, None, 0.2, None],
            ["no days", 20, 10, None, 0.5, None, True, 0.2, 7],
        )
    )
    assert rows["many"] == {
        "place": "many", "pupils": 40, "boys": 10, "days": Decimal(100), "share": 0.25, "mean_age": Decimal("9.90"),
        "is_met": True, "target": 0.2, "staff": 7, "is_hidden": False, "hidden_columns": [],
    }  # fmt: skip
    withheld = ["days", "share", "mean_age", "is_met"]
    # Five and nobody look alike: what needs ten is withheld, whether the mart has it or not.
    for place in ("few", "nobody"):
        assert [rows[place][name] for name in withheld] == [None] * 4
        assert rows[place]["hidden_columns"] == withheld[: 3 if place == "nobody" else 4]
        assert rows[place]["is_hidden"] is True
    assert (rows["few"]["pupils"], rows["nobody"]["pupils"], rows["nobody"]["boys"]) == (5, 0, 0)
    nothing = [rows["no figures"][name] for name in ("pupils", "boys", *withheld, "staff")]
    assert (nothing, rows["no figures"]["hidden_columns"]) == ([None] * 7, [])
    assert (rows["no days"]["days"], rows["no days"]["mean_age"], rows["no days"]["hidden_columns"]) == (None, None, [])


def test_a_rate_is_of_published_figures_and_an_expression_of_the_published_rate() -> None:
    marts = put(["a", 12, 4, 0, 1 / 3, 9, True, 0.34, 7])
    for seed in range(8):
        row = by_place(marts, marts.publish(seed=seed))["a"]
        assert row["share"] == row["boys"] / row["pupils"]  # type: ignore[operator]
        assert row["is_met"] == (row["share"] >= 0.34)  # type: ignore[operator]


def test_what_is_left_out_is_not_in_the_table_and_null_where_another_part_has_it() -> None:
    marts = put(["a", 40, 10, 100, 0.25, 9.87, True, 0.2, 7], numbers={"target": "x"}, left_out=["staff"])
    assert "staff" not in by_place(marts)["a"]
    shared = {"grid": ["place"], "copied": ["place"], "numbers": {"target": "x"}, "left_out": ["staff"]}
    columns = {**DECLARED["columns"], "mean_age": "left_out"}
    marts = put(
        ["a", 40, 10, 100, 0.25, 9.87, True, 0.2, 7],
        ["b", 40, 10, 100, 0.25, 9.87, True, 0.2, 7],
        ["c", 41, 11, 101, 0.25, 9.87, True, 0.2, 7],
        ["d", 40, 10, 100, 0.25, 9.87, True, 0.2, 7],
    )
    marts.declarations.clear()
    parts = [
        {"rows": "place = 'a'", "columns": DECLARED["columns"]},
        {"rows": "place = 'b'", "columns": columns},
        {"rows": "place = 'c'", "mode": "public"},
    ]
    marts.declare("mart_x", **shared, parts=parts)
    rows = by_place(marts)
    assert set(rows) == {"a", "b", "c"}
    assert (rows["a"]["mean_age"], rows["b"]["mean_age"], rows["b"]["hidden_columns"]) == (Decimal("9.90"), None, [])
    assert (rows["c"]["pupils"], rows["c"]["mean_age"], rows["c"]["is_hidden"]) == (41, Decimal("9.87"), False)
    assert "staff" not in rows["a"]


def test_a_public_mart_is_as_it_is_but_for_rows_that_it_leaves_out() -> None:
    marts = Marts()
    marts.table("mart_p", {"place": "VARCHAR", "houses": "INTEGER"}, [["a", 3], ["b", 4]])
    marts.declare("mart_p", mode="public", rows="place <> 'b'")
    assert marts.read(marts.publish(), "mart_p") == [{"place": "a", "houses": 3}]


def test_a_sparse_mart_shows_no_row_of_zeros() -> None:
    rows = [["none", 2, 0, 3, 0.0, 9, False, 0.2, 7], ["some", 12, 0, 30, 0.0, 9, False, 0.2, 7]]
    seen = set()
    for seed in range(12):
        full, thin = put(*rows), put(*rows, sparse=True)
        every, few = by_place(full, full.publish(seed=seed)), by_place(thin, thin.publish(seed=seed))
        assert set(every) == {"none", "some"}
        assert few == {place: row for place, row in every.items() if row["pupils"]}
        seen.add(len(few))
    assert seen == {1, 2}, "2 is published as 0 or as 5"


def test_values_are_read_back_as_they_were_written() -> None:
    for sparse in (False, True):
        marts = Marts()
        put_schools(marts, random_pupils(random.Random(3), schools=6, labels=months(3)))  # noqa: S311
        marts.declare("mart_school", **{**SCHOOL, "sparse": sparse})
        for earlier in (NOBODY, same_month(marts.publish())):
            published = marts.publish(earlier=earlier)
            marts.write(published, "written")
            system, values = published.system, published.values
            back = protected_file.read_values(marts.connection, "written", system, known(system, earlier.held))
            marts.connection.execute("detach written")
            assert np.array_equal(back.hidden, values.hidden)
            shown = ~values.hidden
            assert np.array_equal(back.published[shown], values.published[shown])
            assert np.array_equal(back.is_held, values.is_held)
            assert back.is_held.any() == bool(earlier.held)


# --- tampering --------------------------------------------------------------------------------------------------------


@pytest.fixture
def written() -> Iterator[Marts]:
    """Two protected tables twice: `protected`, to be spoilt, and `expected`."""
    marts = put(["a", 40, 10, 100, 0.25, 9.87, True, 0.2, 7], ["b", 5, 2, 50, 0.3, 8.0, True, 0.2, 7])
    marts.table("mart_p", {"place": "VARCHAR", "houses": "INTEGER"}, [["a", 3]])
    marts.declare("mart_p", mode="public")
    published = marts.publish()
    for catalog in ("protected", "expected"):
        marts.write(published, catalog)
    yield marts
    marts.connection.close()


def test_an_untouched_file_does_not_differ(written: Marts) -> None:
    found = protected_file.differences(written.connection, "protected", "expected", written.declarations)
    assert list(found) == []


CELL = "cell(s) are not what the published rules make of it"


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("update mart_x set pupils = 45 where place = 'a'", f"column mart_x.pupils: 1 {CELL}"),
        ("update mart_x set days = 50 where place = 'b'", f"column mart_x.days: 1 {CELL}"),
        ("update mart_x set share = 0.24 where place = 'a'", f"column mart_x.share: 1 {CELL}"),
        ("update mart_x set is_met = null where place = 'a'", f"column mart_x.is_met: 1 {CELL}"),
        ("update mart_x set mean_age = 9.87 where place = 'a'", f"column mart_x.mean_age: 1 {CELL}"),
        ("update mart_x set staff = 8 where place = 'b'", f"column mart_x.staff: 1 {CELL}"),
        ("update mart_x set is_hidden = false where place = 'b'", f"column mart_x.is_hidden: 1 {CELL}"),
        ("update mart_x set hidden_columns = [] where place = 'b'", f"column mart_x.hidden_columns: 1 {CELL}"),
        ("delete from mart_x where place = 'b'", "table mart_x: 1 row(s) are not what the published rules make of it"),
        (
            "insert into mart_x (place, pupils) values ('c', 5)",
            "table mart_x: 1 row(s) are not what the published rules make of it",
        ),
        ("update mart_x set place = 'c' where place = 'b'", "table mart_x: 1 row(s) are not what the published rules "
         "make of it"),
        ("insert into mart_x from mart_x", "table mart_x: 2 row(s) are not what the published rules make of it"),
        ("alter table mart_x add column names varchar", "column mart_x.names: is in the protected table and should not "
         "be"),
        ("alter table mart_x drop hidden_columns", "column mart_x.hidden_columns: is missing"),
        ("alter table mart_x alter pupils type integer", "column mart_x.pupils: its type is not the mart's"),
        ("drop table mart_p", "table mart_p: it is not in the protected file"),
        ("update mart_p set houses = 4", "table mart_p: 1 row(s) are not what the published rules make of it"),
        ("create table exact as from mart_x", "table exact: no model declares it, and it is in the protected file"),
        ("create view exact as from mart_x", "table exact: no model declares it, and it is in the protected file"),
        ("create schema s; create table s.exact as select 1 as i", "table exact: no model declares it, and it is in "
         "the protected file"),
    ],
)  # fmt: skip
def test_each_kind_of_tampering_is_told_apart(written: Marts, statement: str, finding: str) -> None:
    written.connection.execute("use protected.marts")
    written.connection.execute(statement)
    written.connection.execute("use memory")
    found = protected_file.differences(written.connection, "protected", "expected", written.declarations)
    assert list(found) == [finding]
