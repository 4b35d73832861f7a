"""The attack against small systems whose possible values are counted one by one."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Mapping

import numpy as np
import pytest
from scipy import sparse
from small_marts import Marts, Published

from include.warehouse.attack import Attack, Problem, attack, bound
from include.warehouse.cells import Key


def problem(
    lines: list[tuple[list[int], float, float]], least: list[int], most: list[int], start: list[int] | None = None
) -> Problem:
    """Unknowns between bounds, and lines: factors, low, high."""
    width = len(least)
    return Problem(
        sparse.csr_matrix(np.array([line[0] for line in lines], np.float64).reshape(len(lines), width)),
        np.array([line[1] for line in lines], np.float64),
        np.array([line[2] for line in lines], np.float64),
        np.array(least, np.float64),
        np.array(most, np.float64),
        np.array(least if start is None else start, np.float64),
    )


def counted(one: Problem) -> list[int]:
    """By enumeration: which unknowns have fewer than three values in all solutions."""
    matrix = one.matrix.toarray()
    ranges = [range(int(low), int(high) + 1) for low, high in zip(one.least, one.most, strict=True)]
    points = np.array(list(itertools.product(*ranges)), np.float64)
    reached = points @ matrix.T
    solutions = points[((reached >= one.low) & (reached <= one.high)).all(axis=1)]
    assert len(solutions), "the truth is a solution"
    return [place for place in range(matrix.shape[1]) if len(set(solutions[:, place])) < 3]


@pytest.mark.parametrize("seed", range(120))
def test_the_bound_is_what_enumeration_gives(seed: int) -> None:
    """Random systems of up to six unknowns with values of up to nine, sums and relations that the truth keeps."""
    dice = random.Random(seed)  # noqa: S311
    width = dice.randint(2, 6)
    truth = np.array([dice.randint(0, 9) for _ in range(width)])
    least = [max(0, int(one) - dice.randint(0, 4)) for one in truth]
    most = [int(one) + dice.randint(0, 4) for one in truth]
    lines: list[tuple[list[int], float, float]] = []
    for _ in range(dice.randint(1, 4)):
        factors = [dice.choice([0, 0, 1, 1, -1]) for _ in range(width)]
        if any(factors):
            reached = int(np.dot(factors, truth))
            low, high = reached - dice.choice([0, 0, 1, 3]), reached + dice.choice([0, 0, 1, 3])
            lines.append((factors, -np.inf if dice.random() < 0.3 else low, high))
    one = problem(lines, least, most, [int(value) for value in truth])
    result = Attack()
    assert bound(one, result).tolist() == counted(one)
    # It finds the same from the published figures alone, when the truth is not among the solutions it starts with.
    blind = Problem(one.matrix, one.low, one.high, one.least, one.most, np.full(width, -1.0))
    assert bound(blind, Attack()).tolist() == counted(one)


def test_the_random_systems_have_unknowns_of_both_kinds() -> None:
    exact = problem([([1, 1], 9, 9)], [0, 5], [4, 9], [4, 5])
    assert counted(exact) == bound(exact, Attack()).tolist() == []
    narrow = problem([([1, 1], 12, 12)], [0, 5], [4, 9], [4, 8])
    assert counted(narrow) == bound(narrow, Attack()).tolist() == [0, 1]


def test_a_hole_between_least_and_most_is_no_value() -> None:
    """x = 5 y with y of 0 or 1: x is 0 or 5, though three apart."""
    one = problem([([1, -5], 0, 0)], [0, 0], [9, 1], [5, 1])
    assert bound(one, Attack()).tolist() == counted(one) == [0, 1]


# --- what outsiders know ----------------------------------------------------------------------------------------------


def division(rows: list[tuple[str, str, int]], *, known: bool = False) -> Marts:
    """One place with divisions ("stage", "sex"), labels and pupils; the row of division "all" is their total."""
    marts = Marts()
    number = sum(row[2] for row in rows if row[0] == rows[0][0])
    marts.table(
        "mart_x",
        {"division": "VARCHAR", "label": "VARCHAR", "pupils": "BIGINT"},
        [*rows, ("all", "all", number)],
    )
    divisions = list(dict.fromkeys(row[0] for row in rows))
    marts.declare(
        "mart_x",
        grid=["division", "label"],
        copied=["division", "label"],
        columns={"pupils": "count"},
        totals=[{"rows": "division = 'all'", "parts": f"part.division = '{one}'"} for one in divisions],
        known=[{"column": "pupils", "rows": "division = 'all'", "source": "uddannelsesstatistik.dk"}] if known else [],
    )
    return marts


def publish(marts: Marts, values: Mapping[str, float]) -> Published:
    """What a night would publish, but with the named labels' figures as given."""
    published = marts.publish()
    for cell in published.system.finest.tolist():
        label = json.loads(published.system.key(cell)[2])["label"]
        published.values.published[cell] = values[label]
    for cell, parts in published.system.parts.items():
        published.values.published[cell] = published.values.published[parts].sum()
    return published


def found(published: Published, ever: Mapping[Key, set[float]] | None = None) -> list[str]:
    result = attack(published.system, published.values, ever or {})
    assert result.cells == len(published.system.finest)
    return sorted(json.loads(published.system.key(cell)[2])["label"] for cell in result.found)


def test_a_rounded_figure_alone_tells_nothing() -> None:
    marts = division([("stage", "a", 3), ("stage", "b", 12)])
    assert found(publish(marts, {"a": 0, "b": 15})) == []


def test_a_known_roll_finds_the_figures_that_are_all_at_one_end() -> None:
    # 4 + 9 + 14 is 27, and 0 + 5 + 10 can be 27 only if each is 4 more.
    marts = division([("stage", "a", 4), ("stage", "b", 9), ("stage", "c", 14)], known=True)
    assert found(publish(marts, {"a": 0, "b": 5, "c": 10})) == ["a", "b", "c"]
    assert found(publish(marts, {"a": 5, "b": 10, "c": 10})) == []
    # The same of a roll that is not public.
    secret = division([("stage", "a", 4), ("stage", "b", 9), ("stage", "c", 14)])
    assert found(publish(secret, {"a": 0, "b": 5, "c": 10})) == []


def test_two_divisions_of_the_same_persons_find_who_is_at_both_ends() -> None:
    # Stages are 4 and 9 (published 0 and 5), sexes 6 and 7 (published 10 and 10): at most 13, at least 12.
    rows = [("stage", "a", 4), ("stage", "b", 9), ("sex", "girls", 6), ("sex", "boys", 7)]
    marts = division(rows)
    assert found(publish(marts, {"a": 0, "b": 5, "girls": 10, "boys": 10})) == ["a", "b", "boys", "girls"]
    assert found(publish(marts, {"a": 5, "b": 10, "girls": 5, "boys": 10})) == []


def test_a_row_is_there_because_somebody_is() -> None:
    # 1 + 1 + 2 is 4, and none is 0 where no row of the column ever is.
    rows = [("stage", "a", 1), ("stage", "b", 1), ("stage", "c", 2)]
    assert found(publish(division(rows, known=True), {"a": 0, "b": 0, "c": 0})) == ["a", "b", "c"]
    with_nobody = division([*rows, ("stage", "d", 0)], known=True)
    assert found(publish(with_nobody, {"a": 0, "b": 0, "c": 0, "d": 0})) == []


def test_what_can_be_known_without_the_release_is_no_finding_of_it() -> None:
    """A roll of 1 divided in two: that both are 0 or 1 everybody knows."""
    marts = division([("stage", "a", 1), ("stage", "b", 0)], known=True)
    assert found(publish(marts, {"a": 0, "b": 0})) == []


def test_relations_are_used() -> None:
    marts = Marts()
    marts.table("mart_x", {"label": "VARCHAR", "pupils": "BIGINT", "late": "BIGINT"}, [["a", 4, 1], ["b", 6, 6]])
    marts.declare(
        "mart_x",
        grid=["label"],
        copied=["label"],
        columns={"pupils": "count", "late": "count"},
        relations=["late <= pupils"],
    )
    published = marts.publish()

    def put(label: str, column: str, value: float) -> None:
        for cell in range(len(published.system.exact)):
            _, of_column, row = published.system.key(cell)
            if (json.loads(row)["label"], of_column) == (label, column):
                published.values.published[cell] = value

    for label, pupils, late in (("a", 5, 0), ("b", 5, 10)):
        put(label, "pupils", pupils)
        put(label, "late", late)
    # Late are 6 to 14, pupils 1 to 9: both are 6 to 9. One more step, and both would be certain.
    assert attack(published.system, published.values, {}).found == []
    marts.change("update mart_x set pupils = 9, late = 9 where label = 'b'")
    published = marts.publish()
    for label, pupils, late in (("a", 5, 0), ("b", 5, 10)):
        put(label, "pupils", pupils)
        put(label, "late", late)
    put("b", "late", 12)
    # 8 to 16 and 1 to 9: 8 or 9.
    assert len(attack(published.system, published.values, {}).found) == 2


def test_figures_of_before_are_used_and_what_contradicts_is_left() -> None:
    marts = division([("stage", "a", 8), ("stage", "b", 12)])
    published = publish(marts, {"a": 10, "b": 10})
    key = next(published.system.key(cell) for cell in published.system.finest if published.system.exact[cell] == 8)
    assert found(published, {key: {5.0, 10.0}}) == []
    # 3 to 11 and 6 to 14 are 6 to 11; 15 to 23 the true one is not: the data changed.
    assert found(published, {key: {7.0, 10.0, 19.0}}) == []
    assert found(published, {key: {4.0, 12.0}}) == ["a"]


def test_a_component_without_a_solution_tells_nothing() -> None:
    one = problem([([1, 1], 30, 30)], [0, 0], [4, 4], [4, 4])
    assert bound(one, Attack()).tolist() == []


def test_days_that_are_withheld_are_not_found_by_their_total() -> None:
    marts = Marts()
    rows = [["a", 40, 200.0], ["b", 30, 150.0], ["c", 30, 100.0], ["d", 2, 7.0], ["all", 102, 457.0]]
    marts.table("mart_x", {"label": "VARCHAR", "pupils": "BIGINT", "days": "DOUBLE"}, rows)
    marts.table("intermediate.int_two", {"label": "VARCHAR", "days": "DOUBLE"}, [[r[0], 7.0] for r in rows])
    marts.declare(
        "mart_x",
        grid=["label"],
        copied=["label"],
        columns={"pupils": "count", "days": {"amount": 5, "n": "pupils", "dominance": "int_two"}},
        totals=[{"rows": "label = 'all'", "parts": "part.label <> 'all'"}],
    )
    published = marts.publish()
    assert sum(published.values.hidden) == 1
    assert found(published) == []
