"""Which figures are cells of the system, which are sums of which, and what outsiders know of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from small_marts import Marts, later, months, same_month

from include.errors import WarehouseError
from include.warehouse.cells import System, load
from include.warehouse.disclosure import read_declaration

TYPES = {"municipality_code": "VARCHAR", "period": "VARCHAR", "place": "VARCHAR", "pupils": "BIGINT"}
GRID = ["municipality_code", "period", "place"]
COUNTED: dict[str, Any] = {"grid": GRID, "copied": GRID, "columns": {"pupils": "count"}}


def counted(figures: list[tuple[str, str, int | None]], **more: Any) -> Marts:
    """Period, place and pupils of one municipality."""
    marts = Marts()
    marts.table("mart_x", TYPES, [["151", *row] for row in figures])
    marts.declare("mart_x", **{**COUNTED, **more})
    return marts


def read(marts: Marts, as_of: str = "2026-06-19") -> System:
    return load(marts.connection, marts.declarations, as_of=as_of)


def place(system: System, cell: int) -> str:
    return str(json.loads(system.key(cell)[2])["place"])


def named(system: System, cells: Any) -> list[str]:
    return sorted(place(system, int(cell)) for cell in cells)


def test_a_key_is_the_sorted_grid_as_json_nulls_included() -> None:
    marts = counted([("2026-01", "a", 3)])
    marts.change("insert into mart_x values ('151', null, 'b', 4), ('151', '2026-01', 'c', null)")
    system = read(marts)
    assert {system.key(cell) for cell in range(len(system.exact))} == {
        ("mart_x", "pupils", '{"municipality_code":"151","period":"2026-01","place":"a"}'),
        ("mart_x", "pupils", '{"municipality_code":"151","period":null,"place":"b"}'),
    }
    assert sorted(system.exact) == [3, 4]


def test_only_rows_that_a_part_selects_are_read() -> None:
    assert named(read(marts := counted([("m", "a", 3), ("m", "b", 4)], rows="place <> 'b'")), [0]) == ["a"]
    assert {row["place"] for row in marts.read(marts.publish(), "mart_x")} == {"a"}


@pytest.mark.parametrize(
    ("as_of", "shown"),
    [
        ("2026-06-19", ["apr", "may", "year"]),
        ("2026-06-30", ["apr", "may", "year"]),
        ("2026-07-01", ["apr", "june", "may", "year"]),
    ],
)
def test_a_row_waits_until_the_month_after_its_period_is_over(as_of: str, shown: list[str]) -> None:
    rows: list[tuple[str, str, int | None]] = [
        ("2026-04-30", "apr", 3), ("2026-05-31", "may", 3), ("2026-06-30", "june", 3), ("none", "year", 3),
    ]  # fmt: skip
    marts = counted(rows, through="try_cast(period as date)")
    assert sorted(str(row["place"]) for row in marts.read(marts.publish(as_of=as_of), "mart_x")) == shown


@pytest.mark.parametrize(
    "wrong",
    [
        {"rows": "plaec = 'a'"},
        {"through": "place::date"},
        {"totals": [{"rows": "place = 'a'", "parts": "part.plaec = 'b'"}]},
        {"contained": [{"columns": ["pupils"], "rows": "part.pupils <"}]},
        {"known": [{"column": "pupils", "rows": "somewhere", "source": "x"}]},
    ],
)
def test_a_condition_that_is_no_sql_is_named_without_a_value(wrong: dict[str, Any]) -> None:
    marts = counted([("m", "Quistgaard", 3)])
    marts.declarations["mart_x"] = read_declaration(
        {"mode": "round5", "unit": "elev / pupil", "audience": "Alle / All", **COUNTED, **wrong}
    )
    with pytest.raises(WarehouseError, match="a condition of its declaration can't be run") as caught:
        read(marts)
    assert "table mart_x, part 1" in str(caught.value)
    assert "Quistgaard" not in str(caught.value)


def test_rows_that_the_grid_does_not_tell_apart_are_refused() -> None:
    marts = counted([("m", "a", 3), ("m", "a", 4)])
    with pytest.raises(WarehouseError, match="rows of the mart are not told apart by its grid"):
        read(marts)


def test_totals_of_totals_are_sums_of_finest_cells() -> None:
    rows: list[tuple[str, str, int | None]] = [("m", one, 3) for one in ("a1", "a2", "b1", "a", "b", "all")]
    marts = counted(
        rows,
        totals=[
            {"rows": "len(place) = 1", "parts": "len(part.place) = 2 and left(part.place, 1) = total.place"},
            {"rows": "place = 'all'", "parts": "len(part.place) = 1"},
        ],
    )
    system = read(marts)
    sums = {place(system, cell): named(system, parts) for cell, parts in system.parts.items()}
    assert sums == {"a": ["a1", "a2"], "b": ["b1"], "all": ["a1", "a2", "b1"]}
    assert named(system, system.finest) == ["a1", "a2", "b1"]


def test_a_second_division_and_what_outsiders_know_are_relations() -> None:
    rows: list[tuple[str, str, int | None]] = [
        ("m", "x1", 3), ("m", "x2", 4), ("m", "y1", 2), ("m", "y2", 5), ("m", "all", 7),
    ]  # fmt: skip
    marts = counted(
        rows,
        totals=[{"rows": "place = 'all'", "parts": f"left(part.place, 1) = '{one}'"} for one in "xy"],
        contained=[{"columns": ["pupils"], "rows": "part.place = 'x1' and whole.place = 'y2'"}],
        known=[{"column": "pupils", "rows": "place = 'all'", "source": "uddannelsesstatistik.dk"}],
    )
    system = read(marts)
    told = [(named(system, left), sign, named(system, right)) for left, sign, right in system.relations]
    assert told == [
        (["x1", "x2"], "=", ["y1", "y2"]),
        (["x1"], "<=", ["y2"]),
        (["y2"], "<=", ["x1"]),
    ]
    assert named(system, system.known) == ["all"]


def test_a_total_that_would_be_part_of_itself_is_a_finest_cell() -> None:
    marts = counted(
        [("m", "a", 3), ("m", "b", 3)],
        totals=[{"rows": "true", "parts": "part.place <> total.place"}],
    )
    system = read(marts)
    assert len(system.finest) > 0
    assert all(cell not in parts.tolist() for cell, parts in system.parts.items() if len(parts) > 1)


def series(table: str, marts: Marts, values: list[int], *, code: str = "151") -> None:
    rows = [[code, label, "x", value] for label, value in zip(months(len(values)), values, strict=True)]
    marts.table(table, TYPES, rows)
    marts.declare(table, **COUNTED)


@pytest.mark.parametrize(
    ("one", "other", "code", "is_same"),
    [
        ([20, 3, 4], [20, 3, 4], "151", True),
        ([20, 3, 4], [20, 3, 4], "163", False),
        ([20, 3, 4], [20, 3, 5], "151", False),
        ([20, 3], [20, 3], "151", False),  # two months
        ([19, 3, 4], [19, 3, 4], "151", False),  # of few, in few months, by chance
        ([20, 20, 4], [20, 20, 4], "151", False),  # two values
        ([5, 3, 4, 3, 0], [5, 3, 4, 3, 0], "151", True),
        ([4, 3, 4, 2, 0], [4, 3, 4, 2, 0], "151", False),
        ([20, 3, 4], [20, 3, 4, 30], "151", True),  # one mart is a month longer
    ],
)
def test_series_of_two_marts_are_one_figure_only_if_they_tell_so(
    one: list[int], other: list[int], code: str, is_same: bool
) -> None:
    marts = Marts()
    series("mart_a", marts, one)
    series("mart_b", marts, other, code=code)
    system = read(marts)
    assert (len(system.finest) < len(one) + len(other)) == is_same
    if is_same:
        assert len(system.finest) == max(len(one), len(other))


def test_days_are_never_one_figure_with_pupils() -> None:
    marts = Marts()
    values = [20, 31, 44, 52, 60]
    rows = [[label, value, value] for label, value in zip(months(5), values, strict=True)]
    marts.table("mart_x", {"period": "VARCHAR", "pupils": "BIGINT", "days": "BIGINT"}, rows)
    marts.table("intermediate.int_two", {"days": "BIGINT"}, [])
    days = {"amount": 5, "n": "pupils", "dominance": "int_two"}
    marts.table("intermediate.int_two", {"period": "VARCHAR", "days": "BIGINT"}, [])
    marts.declare("mart_x", grid=["period"], copied=["period"], columns={"pupils": "count", "days": days})
    rows_of = marts.read(marts.publish(), "mart_x")
    # Nobody knows what two persons hold: the days are withheld, the pupils are not.
    assert [row["hidden_columns"] for row in rows_of] == [["days"]] * 5
    assert all(row["pupils"] is not None and row["days"] is None for row in rows_of)


@pytest.mark.parametrize("types", [None, {"period": "VARCHAR"}])
def test_a_dominance_model_that_is_not_there_stops_it(types: dict[str, str] | None) -> None:
    marts = Marts()
    marts.table("mart_x", {"period": "VARCHAR", "pupils": "BIGINT", "days": "BIGINT"}, [["m", 3, 3]])
    if types:
        marts.table("intermediate.int_two", types, [])
    days = {"amount": 5, "n": "pupils", "dominance": "int_two"}
    marts.declare("mart_x", grid=["period"], copied=["period"], columns={"pupils": "count", "days": days})
    with pytest.raises(WarehouseError, match="the build has no model int_two with a column days"):
        read(marts)


def test_a_figure_that_comes_new_into_a_row_waits_and_one_that_goes_stays() -> None:
    marts = Marts()
    rows = [["a", 20, None], ["b", 20, 12], ["c", 45, 40]]
    marts.table("mart_x", {"place": "VARCHAR", "pupils": "BIGINT", "late": "BIGINT"}, rows)
    marts.declare("mart_x", grid=["place"], copied=["place"], columns={"pupils": "count", "late": "count"})
    first = marts.publish()
    before = marts.read(first, "mart_x")
    marts.change("update mart_x set late = case place when 'a' then 15 when 'c' then 40 end")
    assert marts.read(marts.publish(earlier=same_month(first), seed=9), "mart_x") == before
    after = {row["place"]: row["late"] for row in marts.read(marts.publish(earlier=later(first)), "mart_x")}
    assert after == {"a": 15, "b": None, "c": 40}
