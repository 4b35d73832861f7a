"""The attacker can succeed: what a first experiment showed to be unsafe, it recovers, and what is safe it does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from attacker import Attack, Rules, attack, changes_within_a_month, read_parts, read_registry

EXACT = Rules(averages=False)
NEAREST = Rules(spread=2, own_totals=True)
"""Each figure rounded to the nearest multiple of five, on its own."""

HIDING = Rules(spread=0, withheld_count=4, own_totals=True)
"""Exact figures, of which those under five are hidden."""

GRID = ["municipality_code", "school", "grade"]


def declared(columns: dict[str, Any], *, totals: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    said = {"mode": "round5", "grid": GRID, "columns": columns, "copied": GRID, "totals": totals or []} | more
    return {"mart_hand_made": read_parts(said)}


def by_hand(folder: Path, name: str, rows: list[dict[str, Any]]) -> Path:
    """A file with one table; what is left out of a row is missing, `hidden` names what is withheld."""
    columns = sorted({column for row in rows for column in row if column not in {*GRID, "hidden"}})
    file = folder / f"{name}.duckdb"
    file.unlink(missing_ok=True)
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema marts")
        numbers = ", ".join(f"{column} double" for column in columns)
        connection.execute(
            f"create table marts.mart_hand_made ({', '.join(f'{key} varchar' for key in GRID)}, {numbers}, "
            "is_hidden boolean, hidden_columns varchar[])"
        )
        for row in rows:
            hidden = row.get("hidden", [])
            values = [row.get(key) for key in GRID] + [row.get(column) for column in columns] + [bool(hidden), hidden]
            marks = ", ".join("?" for _ in values)
            connection.execute(f"insert into marts.mart_hand_made values ({marks})", values)
    return file


def row(school: str | None, grade: str | None, **figures: Any) -> dict[str, Any]:
    return {"municipality_code": "151", "school": school, "grade": grade} | figures


ALL = {"rows": "grade is null and school is not null", "parts": "part.school = total.school and part.grade is not null"}


def columns_of(found: Attack) -> set[tuple[str | None, str]]:
    return {(finding.cell[1][0], finding.cell[2]) for finding in found.recovered}


def where(found: Attack) -> set[tuple[str, float]]:
    return {
        (",".join(str(part) for part in one.cell[1] if "municipality" not in str(part)), one.low)
        for one in found.recovered
    }


def test_parts_of_zero_under_a_total_that_was_rounded_on_its_own(tmp_path: Path) -> None:
    """Four parts that are shown as 0 with a total of 10 are 2 each."""
    rows = [row("a", grade, pupils=0) for grade in "1234"] + [row("a", None, pupils=10)]
    file = by_hand(tmp_path, "protected", rows)
    found = attack(file, declared({"pupils": "count"}, totals=[ALL]), rules=NEAREST)
    assert where(found) == {(f"grade={grade},school=a", 2) for grade in "1234"} | {("grade=None,school=a", 8)}


def test_a_total_that_is_the_sum_of_its_parts_tells_nothing(tmp_path: Path) -> None:
    rows = [row("a", grade, pupils=value) for grade, value in zip("1234", (0, 5, 0, 5), strict=True)]
    file = by_hand(tmp_path, "protected", [*rows, row("a", None, pupils=10)])
    assert attack(file, declared({"pupils": "count"}, totals=[ALL])).narrow == []


def test_hiding_only_small_cells(tmp_path: Path) -> None:
    """Exact figures with all totals, cells under five hidden: many come back by subtraction."""
    rng = np.random.default_rng(5)
    figures = rng.poisson(9, size=(12, 8)).astype(object)
    rows: list[dict[str, Any]] = []
    for school, line in enumerate(figures):
        rows += [
            row(str(school), str(grade), hidden=["pupils"]) if value < 5 else row(str(school), str(grade), pupils=value)
            for grade, value in enumerate(line)
        ]
        rows.append(row(str(school), None, pupils=line.sum()))
    rows += [row(None, str(grade), pupils=column.sum()) for grade, column in enumerate(figures.T)]
    both = [
        ALL,
        {
            "rows": "grade is not null and school is null",
            "parts": "part.grade = total.grade and part.school is not null",
        },
    ]
    found = attack(by_hand(tmp_path, "protected", rows), declared({"pupils": "count"}, totals=both), rules=HIDING)
    hidden = {f"grade={g},school={s}": int(v) for s, line in enumerate(figures) for g, v in enumerate(line) if v < 5}
    recovered = {place: low for place, low in where(found) if place in hidden}
    assert len(hidden) > 4
    assert len(recovered) >= 0.28 * len(hidden)
    assert recovered == {place: hidden[place] for place in recovered}


def test_a_system_that_only_elimination_solves(tmp_path: Path) -> None:
    """a + b, b + c and a + c: no sum alone narrows anything to one value, all three together do."""
    pairs = {"x": "12", "y": "23", "z": "13"}
    rows = [row("a", grade, hidden=["pupils"]) for grade in "123"]
    rows += [row(name, None, pupils=value) for name, value in zip(pairs, (52, 72, 62), strict=True)]
    totals = [
        {"rows": f"school = '{name}'", "parts": f"part.grade in ('{two[0]}', '{two[1]}')"}
        for name, two in pairs.items()
    ]
    found = attack(
        by_hand(tmp_path, "protected", rows),
        declared({"pupils": "count"}, totals=totals),
        rules=Rules(spread=0, own_totals=True),
    )
    values = dict(where(found))
    assert [values[f"grade={grade},school=a"] for grade in "123"] == [21, 31, 41]


def test_an_unrounded_mean_tells_how_many_and_who_came(tmp_path: Path) -> None:
    """Scores 1-10 of 12 pupils, then of 13: n is found by the mean's fraction, and so the newcomer's score."""
    says = declared({"pupils": "count", "score": {"mean": 6, "n": "pupils"}})
    sums = []
    for scores in ([7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 6], [7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 6, 2]):
        mean = sum(scores) / len(scores)
        rows = [row(str(n), "1", pupils=5 * round(n / 5), score=round((7 * n - 3) / n, 6)) for n in range(8, 30)]
        true = [row(str(n), "1", pupils=n, score=round((7 * n - 3) / n, 6)) for n in range(8, 30)]
        rows[4] = row("12", "1", pupils=10, score=round(mean, 6))
        true[4] = row("12", "1", pupils=len(scores), score=round(mean, 6))
        exact = by_hand(tmp_path, "exact", true)
        found = dict(where(attack(by_hand(tmp_path, "protected", rows), says, exact=exact)))
        sums.append(round(found["grade=1,school=12"] * mean))
    assert sums[1] - sums[0] == 2
    rows[4] = row("12", "1", pupils=10, score=round(83 / 12, 1))
    rounded = declared({"pupils": "count", "score": {"mean": 1, "n": "pupils"}})
    found = attack(by_hand(tmp_path, "protected", rows[4:5]), rounded, exact=exact)
    assert found.narrow == []


def registry(folder: Path, cells: list[tuple[str, dict[str, str], str, float | None]]) -> Path:
    """Files of one release each, as the publisher appends them: date, key, column, value."""
    folder.mkdir()
    for place, (as_of, key, column, value) in enumerate(cells):
        release = f"{as_of.replace('-', '')}T0330{place:02d}Z"
        said = json.dumps(dict(sorted(key.items())))
        held = "null" if value is None else value
        duckdb.execute(
            f"""copy (select 'mart_hand_made' as table_name, '{column}' as column_name, '{said}' as row_key,
            {held}::double as value, {value is None} as is_hidden, date '{as_of}' as as_of, '{release}' as release_id)
            to '{folder / release}.parquet' (format parquet)"""
        )
    return folder


KEY = {"grade": "1", "municipality_code": "151", "school": "a"}


def test_the_third_one_came_between_two_nights(tmp_path: Path) -> None:
    """Rounded to the nearest, 0 and then 5 within a month says three; nothing else was published."""
    history = registry(tmp_path / "r", [("2026-06-02", KEY, "pupils", 0.0), ("2026-06-03", KEY, "pupils", 5.0)])
    file = by_hand(tmp_path, "protected", [row("a", "1", pupils=5)])
    found = attack(file, declared({"pupils": "count"}), registry=history, rules=NEAREST)
    assert where(found) == {("grade=1,school=a", 3)}
    assert [cell[2] for cell in changes_within_a_month(read_registry(history))] == ["pupils"]


def test_a_month_later_the_same_tells_nothing(tmp_path: Path) -> None:
    history = registry(tmp_path / "r", [("2026-06-30", KEY, "pupils", 0.0), ("2026-07-01", KEY, "pupils", 5.0)])
    file = by_hand(tmp_path, "protected", [row("a", "1", pupils=5)])
    assert attack(file, declared({"pupils": "count"}), registry=history).narrow == []
    assert changes_within_a_month(read_registry(history)) == []


def test_a_publisher_who_keeps_what_he_can_gives_zeros_away(tmp_path: Path) -> None:
    """5 allows 1 to 9: who changes it to 0 only when he must says that nobody is left."""
    history = registry(tmp_path / "r", [("2026-06-01", KEY, "pupils", 5.0), ("2026-07-01", KEY, "pupils", 0.0)])
    file = by_hand(tmp_path, "protected", [row("a", "1", pupils=0)])
    found = attack(file, declared({"pupils": "count"}), registry=history, rules=Rules(keeps=1))
    assert where(found) == {("grade=1,school=a", 0)}
    assert attack(file, declared({"pupils": "count"}), registry=history, rules=Rules(keeps=3)).narrow == []


DAYS = {"pupils": "count", "days": {"amount": 5, "n": "pupils"}}


def test_one_withheld_amount_under_a_total(tmp_path: Path) -> None:
    rows = [
        row("a", "1", pupils=20, days=40),
        row("a", "2", pupils=5, hidden=["days"]),
        row("a", None, pupils=25, days=65),
    ]
    found = attack(by_hand(tmp_path, "protected", rows), declared(DAYS, totals=[ALL]), rules=EXACT)
    assert [(one.kind, one.low * 5) for one in found.recovered] == [("amount", 25)]


@pytest.mark.parametrize(("total", "possible"), [(5, 2), (10, 3)])
def test_two_withheld_amounts_under_a_small_total(tmp_path: Path, total: int, possible: int) -> None:
    rows = [row("a", grade, pupils=5, hidden=["days"]) for grade in "12"] + [row("a", None, pupils=10, days=total)]
    found = attack(by_hand(tmp_path, "protected", rows), declared(DAYS, totals=[ALL]), rules=EXACT)
    assert len(found.narrow) == (2 if possible < 3 else 0)


def test_a_rate_tells_its_withheld_numerator(tmp_path: Path) -> None:
    says = declared(
        DAYS | {"school_days": {"amount": 5, "n": "pupils"}, "share": {"rate": ["days", "school_days"], "n": "pupils"}}
    )
    rows = [row("a", "1", pupils=20, school_days=400, share=0.05, hidden=["days"])]
    found = attack(by_hand(tmp_path, "protected", rows), says)
    assert [(one.cell[2], one.low * 5) for one in found.recovered] == [("days", 20)]


def test_what_was_shown_before_helps_to_find_others(tmp_path: Path) -> None:
    """Two withheld amounts, one of which last month's release has shown."""
    history = registry(tmp_path / "r", [("2026-06-01", KEY, "days", 40.0), ("2026-07-01", KEY, "days", None)])
    rows = [row("a", grade, pupils=5, hidden=["days"]) for grade in "12"] + [row("a", None, pupils=10, days=65)]
    file = by_hand(tmp_path, "protected", rows)
    assert attack(file, declared(DAYS, totals=[ALL]), rules=EXACT).narrow == []
    found = attack(file, declared(DAYS, totals=[ALL]), registry=history, rules=EXACT)
    assert [(one.cell[1][0], one.low * 5) for one in found.recovered] == [("grade=2", 25)]


def test_three_parts_that_are_no_more_than_a_zero(tmp_path: Path) -> None:
    says = declared(dict.fromkeys("abcd", "count"), relations=["a + b + c <= d"])
    found = attack(by_hand(tmp_path, "protected", [row("a", "1", a=5, b=5, c=5, d=0)]), says)
    assert {one.cell[2] for one in found.narrow} == {"a", "b", "c", "d"}


def test_a_known_roll_and_small_parts(tmp_path: Path) -> None:
    """Eight pupils in two stages that are both shown as 0; what the roll alone tells does not count."""
    says = declared(
        {"pupils": "count"},
        totals=[ALL],
        known=[{"column": "pupils", "rows": "grade is null", "source": "uddannelsesstatistik.dk"}],
    )
    shown = [row("a", grade, pupils=0) for grade in "12"] + [row("a", None, pupils=0)]
    true = [row("a", grade, pupils=4) for grade in "12"] + [row("a", None, pupils=8)]
    shown += [row("b", "1", pupils=45), row("b", None, pupils=45)]
    true += [row("b", "1", pupils=44), row("b", None, pupils=44)]
    found = attack(by_hand(tmp_path, "protected", shown), says, exact=by_hand(tmp_path, "exact", true))
    assert where(found) == {("grade=1,school=a", 4), ("grade=2,school=a", 4)}


def test_a_second_grouping_that_nobody_declared(tmp_path: Path) -> None:
    """All pupils by school and by grade, each rounded on its own: the attacker sees that both sum to the same."""
    shown, true = [], []
    for year in range(4):
        schools = [row(f"{year}", None, pupils=0), row(f"{year}x", None, pupils=0)]
        grades = [row(None, f"{year}{g}", pupils=p) for g, p in enumerate((10, 5, 5))]
        for r in (*schools, *grades):
            r["municipality_code"] = f"{150 + year}"
        shown += [*schools, *grades, row(None, None, pupils=0) | {"municipality_code": f"{150 + year}"}]
        values = [4, 4, 6, 1, 1, 8]
        true += [r | {"pupils": value} for r, value in zip(shown[-6:], values, strict=True)]
    says = declared(
        {"pupils": "count"},
        totals=[
            {
                "rows": "school is null and grade is null",
                "parts": "part.school is not null and part.municipality_code = total.municipality_code",
            }
        ],
    )
    found = attack(by_hand(tmp_path, "protected", shown), says, exact=by_hand(tmp_path, "exact", true))
    assert len(found.recovered) == 4 * 6


def test_days_of_everybody_tell_how_many_they_are(tmp_path: Path) -> None:
    """The school calendar is public: 29 pupils have 580 days in a month of 20, and 28 can't have them."""
    says = declared({"pupils": "count", "school_days": {"amount": 5, "n": "pupils"}})
    true = [row("a", str(n), pupils=n, school_days=20 * n) for n in range(22, 30)]
    shown = [row("a", str(n), pupils=25, school_days=20 * n) for n in range(22, 30)]
    exact = by_hand(tmp_path, "exact", true)
    assert len(attack(by_hand(tmp_path, "protected", shown), says, exact=exact).recovered) == 8
    says = declared({"pupils": "count", "school_days": {"amount": 100, "n": "pupils"}})
    shown = [row("a", str(n), pupils=25, school_days=100 * round(n / 5)) for n in range(22, 30)]
    assert attack(by_hand(tmp_path, "protected", shown), says, exact=exact).narrow == []


def test_a_missing_rate_tells_that_nobody_is_there(tmp_path: Path) -> None:
    """Where the exact rate is missing because nobody is there, it must be withheld as those of few are."""
    says = declared({"a": "count", "b": "count", "share": {"rate": ["a", "b"], "n": "b"}})
    true = [row("s", str(b), a=0, b=b, **({"share": 0.0} if b else {})) for b in range(4)]
    exact = by_hand(tmp_path, "exact", true)
    shown = [row("s", str(b), a=0, b=0, share=None, hidden=["share"] if b else []) for b in range(4)]
    assert where(attack(by_hand(tmp_path, "protected", shown), says, exact=exact)) == {("grade=0,school=s", 0)}
    shown = [row("s", str(b), a=0, b=0, share=None, hidden=["share"]) for b in range(4)]
    assert attack(by_hand(tmp_path, "protected", shown), says, exact=exact).narrow == []
