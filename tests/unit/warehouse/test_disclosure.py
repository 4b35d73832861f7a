"""What a mart may declare in `meta.discloses`, and every sentence that says what can't be kept."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from include.warehouse.disclosure import Relation, last_full_month, problems, read_declaration

HEAD: dict[str, Any] = {"mode": "round5", "unit": "elev / pupil", "audience": "Alle / Everybody"}
TYPES = {
    "school": "VARCHAR",
    "period": "VARCHAR",
    "grade": "INTEGER",
    "pupils": "BIGINT",
    "days": "DECIMAL(12,1)",
    "share": "DOUBLE",
    "mean_days": "DOUBLE",
    "is_met": "BOOLEAN",
    "price": "DECIMAL(8,2)",
    "note": "VARCHAR",
}
GOOD: dict[str, Any] = {
    **HEAD,
    "grid": ["school", "period", "grade"],
    "copied": ["school", "period", "grade"],
    "numbers": {"price": "what the municipality pays, the same for all"},
    "left_out": ["note"],
    "columns": {
        "pupils": "count",
        "days": {"amount": 5, "n": "pupils", "dominance": "int_dominance"},
        "share": {"rate": ["days", "pupils"], "n": "pupils"},
        "mean_days": {"mean": 2, "n": "pupils"},
        "is_met": {"expression": "share < 0.1", "of": ["share"]},
    },
}


def changed(**parts: Any) -> dict[str, Any]:
    """The good declaration with some of its parts changed, or taken away (None); `columns` are added."""
    columns = {**GOOD["columns"], **parts.pop("columns", {})}
    whole = {**GOOD, **parts, "columns": columns}
    return {name: value for name, value in whole.items() if value is not None}


def said(declaration: object, types: dict[str, str] = TYPES) -> list[str]:
    return list(problems("mart_x", read_declaration(declaration), types))


def test_a_whole_declaration_has_nothing_against_it_and_is_read_as_said() -> None:
    assert said(GOOD) == []
    (part,) = read_declaration(GOOD).parts
    assert part.period == "period"
    assert {name: figure.kind for name, figure in part.columns.items()} == {
        "pupils": "count", "days": "amount", "share": "rate", "mean_days": "mean", "is_met": "expression",
        "school": "copied", "period": "copied", "grade": "copied", "price": "copied", "note": "left_out",
    }  # fmt: skip
    assert (part.columns["days"].step, part.columns["days"].n, part.columns["days"].dominance) == (
        5, "pupils", "int_dominance",
    )  # fmt: skip
    assert part.columns["share"].of == ("days", "pupils")
    assert part.columns["price"].reason == "what the municipality pays, the same for all"
    assert read_declaration(GOOD).left_out == {"note"}
    assert not read_declaration(GOOD).is_exact


FIGURES = [
    ("sum_of", "'sum_of' is no kind of figure"),
    (["count"], r"\['count'\] is no kind of figure"),
    (None, "None is no kind of figure"),
    ({"n": "pupils"}, "exactly one of amount, sum, rate, mean, expression"),
    ({"rate": ["days", "pupils"], "mean": 1, "n": "pupils"}, "exactly one of amount, sum, rate, mean, expression"),
    ({"amount": 5, "dominance": "int_dominance"}, "`n`, the count of persons behind it, is missing"),
    ({"rate": ["days", "pupils"]}, "`n`, the count of persons behind it, is missing"),
    ({"mean": 1}, "`n`, the count of persons behind it, is missing"),
    ({"amount": 5, "n": "pupils"}, "`dominance`, the model that tells what two persons hold, is missing"),
    ({"mean": 3, "n": "pupils"}, "a mean has at most 2 decimals"),
    ({"mean": -1, "n": "pupils"}, "a mean has at most 2 decimals"),
    ({"rate": ["days"], "n": "pupils"}, "a rate is of two columns"),
    ({"rate": ["days", "pupils", "days"], "n": "pupils"}, "a rate is of two columns"),
    ({"sum": ["days", "pupils"], "steps": 5}, "steps: Extra inputs are not permitted"),
    ({"amount": "much", "n": "pupils", "dominance": "x"}, "step: Input should be a valid integer"),
]


@pytest.mark.parametrize(("figure", "sentence"), FIGURES)
def test_what_is_no_figure_is_said(figure: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        read_declaration(changed(columns={"days": figure}))


@pytest.mark.parametrize(
    ("declaration", "sentence"),
    [
        (None, "its model declares no `meta.discloses`"),
        ("round5", "its model declares no `meta.discloses`"),
        (changed(mode="rounded"), "mode: Input should be 'public' or 'round5'"),
        (changed(unit=None), "unit: Field required"),
        (changed(audience=None), "audience: Field required"),
        (changed(total=[]), "total: Extra inputs are not permitted"),
        ({**HEAD, "parts": [{}], "totals": [], "sparse": True}, "beside `parts` stands totals, sparse"),
        (changed(totals=[{"rows": "true"}]), "parts: Field required"),
        (changed(totals=[{"rows": "true", "parts": "true", "columns": 3}]), "columns: Input should be a valid dict"),
        (changed(contained=[{"columns": ["pupils"]}]), "rows: Field required"),
        (changed(known=[{"column": "pupils", "rows": "true"}]), "source: Field required"),
        (changed(relations=["pupils < days"]), "'pupils < days': no relation such as `a \\+ b <= c`"),
        (changed(relations=["pupils - days <= pupils"]), "no relation such as"),
        (changed(relations=["2 <= pupils"]), "no relation such as"),
        (changed(relations=["pupils + <= pupils"]), "no relation such as"),
    ],
)
def test_what_is_no_declaration_is_said(declaration: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        read_declaration(declaration)


@pytest.mark.parametrize(
    ("declaration", "sentence"),
    [
        (changed(left_out=None), "column note is declared nowhere; say in `meta.discloses` what it holds"),
        (changed(columns={"girls": "count"}), "names the column girls, which the table has not"),
        (changed(grid=["school", "period", "grade", "stage"]), "names the column stage, which the table has not"),
        (
            changed(numbers=None, copied=[*GOOD["copied"], "price"]),
            "copies the number price; say under `numbers` why it tells nothing of persons",
        ),
        (
            changed(grid=["school", "period"]),
            "copies the number grade; say under `numbers` why it tells nothing of persons",
        ),
        (changed(grid=None, numbers={"price": "x", "grade": "x"}, copied=["school", "period"]), "names no `grid`, the "
         "columns that tell its rows apart"),
        (
            changed(columns={"mean_days": {"mean": 1, "n": "days"}}),
            "mean_days is of days, which is no count",
        ),
        (changed(columns={"share": {"rate": ["days", "price"], "n": "pupils"}}), "share is of price, which is no count "
         "or amount"),
        (changed(columns={"share": {"sum": ["days", "mean_days"]}}), "share is of mean_days, which is no count or "
         "amount"),
        (
            changed(totals=[{"rows": "true", "parts": "true", "columns": ["share"]}]),
            "a total is of share, which is no count or amount",
        ),
        (
            changed(totals=[{"rows": "true", "parts": "true", "columns": {"pupils": "price"}}]),
            "a total is of price, which is no count or amount",
        ),
        (changed(relations=["days <= pupils"]), "a relation is of days, which is no count"),
        (changed(relations=["pupils <= pupils + price"]), "a relation is of price, which is no count"),
        (changed(contained=[{"columns": ["days"], "rows": "true"}]), "contained is of days, which is no count"),
        (changed(known=[{"column": "days", "rows": "true", "source": "x"}]), "known is of days, which is no count"),
    ],
)  # fmt: skip
def test_what_can_not_be_kept_is_said(declaration: object, sentence: str) -> None:
    assert said(declaration) == [f"table mart_x: {sentence}"]


@pytest.mark.parametrize("kind", ["TINYINT", "UBIGINT", "HUGEINT", "DECIMAL(12,2)", "DOUBLE", "FLOAT"])
def test_no_type_of_number_is_copied_without_a_reason(kind: str) -> None:
    assert said(changed(left_out=None, copied=[*GOOD["copied"], "note"]), {**TYPES, "note": kind}) == [
        "table mart_x: copies the number note; say under `numbers` why it tells nothing of persons"
    ]


def test_parts_are_counted_and_share_what_stands_outside() -> None:
    shared = {name: GOOD[name] for name in ("grid", "copied", "numbers", "left_out")}
    figures = {**GOOD["columns"], "note": "copied"}
    parts = [{"rows": "grade = 1", "columns": GOOD["columns"]}, {"rows": "grade = 2", "columns": figures}]
    declaration = read_declaration({**HEAD, **shared, "through": "date '2026-05-31'", "parts": parts})
    assert list(problems("mart_x", declaration, TYPES)) == []
    assert {part.through for part in declaration.parts} == {"date '2026-05-31'"}
    # A column that one part has is in the table.
    assert declaration.left_out == set()
    wrong = read_declaration({**HEAD, **shared, "parts": [*parts, {"rows": "grade = 3"}]})
    first = next(problems("mart_x", wrong, TYPES))
    assert first.startswith("table mart_x, part 3: column days is declared nowhere")


def test_a_public_mart_is_exact_unless_it_leaves_rows_out() -> None:
    public = {**HEAD, "mode": "public"}
    assert read_declaration(public).is_exact
    assert not read_declaration({**public, "rows": "grade = 1"}).is_exact
    assert said(public) == []
    assert read_declaration(public).left_out == set()
    part = {"mode": "public", "rows": "grade = 1"}
    mixed = read_declaration({**HEAD, "parts": [part, {**{k: v for k, v in GOOD.items() if k not in HEAD}}]})
    assert [one.mode for one in mixed.parts] == ["public", "round5"]
    assert not mixed.is_exact


def test_a_relation_is_read_side_by_side() -> None:
    relation = Relation.read("late + early_2 <= children")
    assert (relation.left, relation.sign, relation.right) == (("late", "early_2"), "<=", ("children",))
    assert Relation.read("a = b+c").right == ("b", "c")


@pytest.mark.parametrize(
    ("day", "last"),
    [
        ("2026-06-01", "2026-05-31"),
        ("2026-06-30", "2026-05-31"),
        ("2026-03-15", "2026-02-28"),
        ("2026-01-31", "2025-12-31"),
    ],
)
def test_the_last_full_month_is_over(day: str, last: str) -> None:
    assert last_full_month(dt.date.fromisoformat(day)) == dt.date.fromisoformat(last)
