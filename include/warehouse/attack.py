"""The attack of the gate: how many values each figure about persons can have, for one who knows all that is public.

Public are the published figures, of this release and of all before it, the rules by which they were made, the relations
between figures that their definitions give, and what is declared as known (school rolls). Integer programs (HiGHS,
through scipy) bound each cell; most are settled by solutions that were found for others. What totals hold of a withheld
amount follows from what is shown, so they tell nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse.csgraph import connected_components

from include.warehouse.cells import Flags, Floats, Integers, Key, System
from include.warehouse.round5 import Values

FEWEST_VALUES = 3
"""A cell that can have fewer values is found."""

_FAR = 10**7
_TINY = 1e-6
_ROUNDS = 40
_ONE_WAY = 2
_OTHERS = 2
_WORTHWHILE = 0.03
"""A program for many unknowns at once is worth its time if it settles this share of those that are open."""
_SECONDS = 20.0
_LARGEST_STEP = 4


@dataclass
class Attack:
    """What the attack came to. `found` are cells with fewer than three possible values."""

    cells: int = 0
    programs: int = 0
    found: list[int] = field(default_factory=list)


@dataclass
class Problem:
    """Integer unknowns in bounds, and linear constraints `low <= matrix x <= high` on them."""

    matrix: sparse.csr_matrix
    low: Floats
    high: Floats
    least: Floats
    most: Floats
    start: Floats


def attack(system: System, values: Values, ever: Mapping[Key, set[float]]) -> Attack:
    """Attack all finest cells. `ever` are all values that the registry knows of a cell."""
    finest = system.finest
    result = Attack(cells=len(finest))
    result.found = _attack(system, values, finest, _past(system, ever), result)
    return result


def _past(system: System, ever: Mapping[Key, set[float]]) -> dict[int, set[float]]:
    found: dict[int, set[float]] = {}
    if ever:
        for cell in range(len(system.exact)):
            if cell not in system.parts and (told := ever.get(system.key(cell))):
                found.setdefault(int(system.same[cell]), set()).update(told)
    return found


def _attack(
    system: System, values: Values, finest: Integers, past: Mapping[int, set[float]], result: Attack
) -> list[int]:
    place = {int(cell): number for number, cell in enumerate(finest)}
    truth = system.exact[finest]
    published = values.published[finest]
    is_shown = ~values.hidden[finest]
    # Amounts may be below zero (money that comes back), counts never are.
    reach = system.step[finest] - 1.0
    floor = np.where(truth < 0, -float(_FAR), 0.0)
    for one in _peopled(system):
        floor[place[one]] = 1.0
    least = np.where(is_shown, np.maximum(published - reach, floor), floor)
    most = np.where(is_shown, published + reach, _FAR)
    for cell, told in past.items():
        if (number := place.get(cell)) is not None:
            # Where the true figure has changed since, to think that it has not leads nowhere.
            for value in (one for one in told if abs(one - truth[number]) <= reach[number]):
                least[number] = max(least[number], value - reach[number])
                most[number] = min(most[number], value + reach[number])
    lines = _Lines(place)
    for left, sign, right in system.relations:
        plus, minus = system.expand(left), system.expand(right)
        factors = np.concatenate([np.ones(len(plus)), -np.ones(len(minus))])
        lines.add([*plus, *minus], factors, 0 if sign == "=" else -np.inf, 0)
    for cell in system.known:
        known_parts = system.expand([cell])
        lines.add(known_parts, np.ones(len(known_parts)), system.exact[cell], system.exact[cell])
    matrix, low, high = lines.matrix(len(finest))
    holds = _holds(matrix, low, high, truth)
    # What the truth does not keep nobody can rely on: a sum of distinct children, say, when one of them moved.
    problem = Problem(matrix[holds], low[holds], high[holds], least, most, truth)
    found = bound(problem, result)
    if not len(found):
        return []
    anything = np.zeros(len(finest)), np.full(len(finest), float(_FAR))
    alone = Problem(matrix[holds], low[holds], high[holds], *anything, truth)
    known_anyway = set(bound(alone, result, only=found).tolist())
    return [int(finest[one]) for one in found.tolist() if one not in known_anyway]


def _peopled(system: System) -> set[int]:
    """Finest counts of columns in which no row has 0: such a row is there because somebody is, as everybody can see."""
    found: set[int] = set()
    for block in system.blocks:
        cells = block.cells[block.cells >= 0]
        if block.figure.kind == "count" and len(cells) and system.exact[cells].min() >= 1:
            found.update(system.same[cells].tolist())
    return found.intersection(system.finest.tolist())


class _Lines:
    def __init__(self, place: Mapping[int, int]) -> None:
        self.place = place
        self.rows: list[int] = []
        self.columns: list[int] = []
        self.factors: list[float] = []
        self.low: list[float] = []
        self.high: list[float] = []

    def add(self, cells: list[int], factors: Floats, low: float, high: float) -> None:
        """One line; left out if a cell of it is no unknown."""
        gathered: dict[int, float] = {}
        for cell, factor in zip(cells, factors.tolist(), strict=True):
            number = self.place.get(cell)
            if number is None:
                return
            gathered[number] = gathered.get(number, 0.0) + factor
        kept = {number: factor for number, factor in gathered.items() if factor}
        if kept:
            self.rows += [len(self.low)] * len(kept)
            self.columns += kept.keys()
            self.factors += kept.values()
            self.low.append(low)
            self.high.append(high)

    def matrix(self, width: int) -> tuple[sparse.csr_matrix, Floats, Floats]:
        shape = (len(self.low), width)
        built = sparse.csr_matrix((self.factors, (self.rows, self.columns)), shape=shape, dtype=np.float64)
        return built, np.array(self.low, np.float64), np.array(self.high, np.float64)


def _holds(matrix: sparse.csr_matrix, low: Floats, high: Floats, point: Floats) -> Flags:
    reached = matrix @ point
    return np.asarray((reached >= low - _TINY) & (reached <= high + _TINY))


def bound(problem: Problem, result: Attack, *, only: Integers | None = None) -> Integers:
    """The unknowns that have fewer than three possible values, part by part of the system that hangs together."""
    problem = _binding(problem)
    width = problem.matrix.shape[1]
    found: list[int] = []
    is_free = np.ones(width, bool)
    wanted = np.ones(width, bool) if only is None else np.isin(np.arange(width), only)
    if problem.matrix.shape[0]:
        # Of absolute factors: those of a sum and of a difference would cancel each other out.
        links = abs(problem.matrix).T @ abs(problem.matrix)
        number, group = connected_components(links, directed=False)
        is_free = np.bincount(group, minlength=number)[group] == 1
        touched = np.asarray(problem.matrix.getnnz(axis=0)).ravel() > 0
        is_free &= ~touched
        by_group = np.argsort(group[~is_free], kind="stable")
        members = np.flatnonzero(~is_free)[by_group]
        cuts = np.flatnonzero(np.diff(group[members])) + 1
        columns = problem.matrix.tocsc()
        for some in np.split(members, cuts):
            if len(some) and wanted[some].any():
                found += _bound_component(_part_of(problem, columns, some), some, wanted[some], result)
    alone = np.flatnonzero(is_free & wanted & (problem.most - problem.least < FEWEST_VALUES - 1))
    return np.array(sorted({*found, *alone.tolist()}), np.int64)


def _binding(problem: Problem) -> Problem:
    """Without the constraints that the bounds of the unknowns keep anyway, which are most."""
    up, down = problem.matrix.maximum(0), problem.matrix.minimum(0)
    largest = up @ problem.most + down @ problem.least
    smallest = up @ problem.least + down @ problem.most
    binds = (largest > problem.high + _TINY) | (smallest < problem.low - _TINY)
    return Problem(
        problem.matrix[binds], problem.low[binds], problem.high[binds], problem.least, problem.most, problem.start
    )


def _part_of(problem: Problem, columns: sparse.csc_matrix, some: Integers) -> Problem:
    matrix = columns[:, some].tocsr()
    kept = np.flatnonzero(np.asarray(matrix.getnnz(axis=1)).ravel() > 0)
    return Problem(
        matrix[kept],
        problem.low[kept],
        problem.high[kept],
        problem.least[some],
        problem.most[some],
        problem.start[some],
    )


class _Seen:
    """Up to three different values of each unknown that occur in solutions."""

    def __init__(self, width: int) -> None:
        self.values = np.full((FEWEST_VALUES, width), np.nan)
        self.number = np.zeros(width, np.int64)

    def add(self, values: Floats, where: Flags) -> None:
        is_new = where & (self.number < FEWEST_VALUES) & ~(self.values == values).any(axis=0)
        places = np.flatnonzero(is_new)
        self.values[self.number[places], places] = values[places]
        self.number[places] += 1

    @property
    def open(self) -> Integers:
        return np.flatnonzero(self.number < FEWEST_VALUES)


def _bound_component(problem: Problem, some: Integers, wanted: Flags, result: Attack) -> list[int]:
    seen = _Seen(len(some))
    seen.number[~wanted] = FEWEST_VALUES
    is_true_allowed = bool(
        _holds(problem.matrix, problem.low, problem.high, problem.start).all()
        and ((problem.start >= problem.least) & (problem.start <= problem.most)).all()
    )
    if is_true_allowed:
        _look_around(problem, problem.start, seen)
        _Neighbours(problem, problem.start).note(seen)
    random = np.random.default_rng(len(some))
    for turn in range(_ROUNDS):
        before = len(seen.open)
        if not before:
            return []
        weights = np.zeros(len(some))
        weights[seen.open] = (1.0, -1.0)[turn] if turn < _ONE_WAY else random.choice([-1.0, 0.0, 1.0], before)
        point = _solve(problem, weights, result)
        if point is None:
            # Nobody can find a solution: the data changed since, and figures of different states are mixed.
            return []
        _look_around(problem, point, seen)
        _Neighbours(problem, point).note(seen)
        if turn >= _ONE_WAY and before - len(seen.open) < _WORTHWHILE * before:
            break
    # Each program settles others too, so what is open is asked for again at every turn.
    return [
        int(some[one])
        for one in seen.open.tolist()
        if seen.number[one] < FEWEST_VALUES and not _has_values(problem, one, seen, result)
    ]


def _look_around(problem: Problem, point: Floats, seen: _Seen) -> None:
    """Note a solution and all that differ from it in one unknown by at most four."""
    seen.add(point, np.ones(len(point), bool))
    matrix = problem.matrix.tocoo()
    reached = problem.matrix @ point
    for move in (*range(-_LARGEST_STEP, 0), *range(1, _LARGEST_STEP + 1)):
        moved = reached[matrix.row] + matrix.data * move
        breaks = (moved < problem.low[matrix.row] - _TINY) | (moved > problem.high[matrix.row] + _TINY)
        is_allowed = np.bincount(matrix.col[breaks], minlength=len(point)) == 0
        values = point + move
        seen.add(values, is_allowed & (values >= problem.least) & (values <= problem.most))


class _Neighbours:
    """Solutions that differ from one in a few unknowns: one moves, and others with it so that all constraints hold.

    That is what it takes where the same persons are divided in two ways, and far cheaper than a program.
    """

    def __init__(self, problem: Problem, point: Floats) -> None:
        self.problem, self.point = problem, point
        self.rows, self.columns = problem.matrix, problem.matrix.tocsc()
        self.reached = problem.matrix @ point

    def note(self, seen: _Seen) -> None:
        """Note what unknowns can be that are still open."""
        least, most = self.problem.least, self.problem.most
        for one in seen.open.tolist():
            for move in (-2.0, -1.0, 1.0, 2.0):
                if seen.number[one] < FEWEST_VALUES and least[one] <= self.point[one] + move <= most[one]:
                    moved = self.point.copy()
                    for other, by in (self._mended({one: move}, _OTHERS) or {}).items():
                        moved[other] += by
                    seen.add(moved, moved != self.point)

    def _broken(self, moves: Mapping[int, float]) -> tuple[int, float] | None:
        """A constraint that the moves break, and what it lacks; None if they break none."""
        change: dict[int, float] = {}
        for one, move in moves.items():
            for place in range(self.columns.indptr[one], self.columns.indptr[one + 1]):
                row = int(self.columns.indices[place])
                change[row] = change.get(row, 0.0) + self.columns.data[place] * move
        for row, by in change.items():
            now = self.reached[row] + by
            lacks = min(self.problem.high[row] - now, 0.0) + max(self.problem.low[row] - now, 0.0)
            if abs(lacks) > _TINY:
                return row, float(lacks)
        return None

    def _mended(self, moves: dict[int, float], others: int) -> dict[int, float] | None:
        """The moves with at most so many others that make them keep every constraint; None if none do."""
        wrong = self._broken(moves)
        if wrong is None or not others:
            return moves if wrong is None else None
        row, lacks = wrong
        for place in range(self.rows.indptr[row], self.rows.indptr[row + 1]):
            other, move = int(self.rows.indices[place]), lacks / self.rows.data[place]
            value = self.point[other] + move
            is_allowed = self.problem.least[other] <= value <= self.problem.most[other] and move.is_integer()
            if is_allowed and other not in moves:
                mended = self._mended({**moves, other: move}, others - 1)
                if mended is not None:
                    return mended
        return None


def _has_values(problem: Problem, one: int, seen: _Seen, result: Attack) -> bool:
    """Whether one unknown can have three values: its least, its most, and one between or a second found so far."""
    weights = np.zeros(len(problem.start))
    for direction in (1.0, -1.0):
        weights[one] = direction
        point = _solve(problem, weights, result)
        if point is None:
            return False
        _look_around(problem, point, seen)
    if seen.number[one] >= FEWEST_VALUES:
        return True
    known = {value for value in seen.values[:, one].tolist() if value == value}  # noqa: PLR0124
    between = (float(value) for value in range(int(min(known)) + 1, int(max(known))))
    return any(_is_possible(problem, one, value, result) for value in between if value not in known)


def _is_possible(problem: Problem, one: int, value: float, result: Attack) -> bool:
    """Whether there is a solution in which one unknown has this value."""
    least, most = problem.least.copy(), problem.most.copy()
    least[one] = most[one] = value
    fixed = Problem(problem.matrix, problem.low, problem.high, least, most, problem.start)
    return _solve(fixed, np.zeros(len(least)), result) is not None


def _solve(problem: Problem, weights: Floats, result: Attack) -> Floats | None:
    """An integer solution with the largest weighted sum, or as near as time allows; None if there is none."""
    result.programs += 1
    answer = milp(
        -weights,
        integrality=np.ones(len(weights), np.int64),
        bounds=Bounds(problem.least, problem.most),
        constraints=LinearConstraint(problem.matrix, problem.low, problem.high),
        options={"time_limit": _SECONDS},
    )
    if answer.x is None:
        return None
    point = np.round(answer.x)
    # A solver's tolerance is no proof: only what keeps every constraint exactly counts.
    is_kept = _holds(problem.matrix, problem.low, problem.high, point).all()
    return point if is_kept and ((point >= problem.least) & (point <= problem.most)).all() else None
