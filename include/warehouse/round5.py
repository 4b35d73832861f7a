"""Which multiple of 5 each finest cell is published as, and which amounts are withheld.

Small-count rounding (Langsrud and Heldal; R's SmallCountRounding): each finest cell becomes one of its two neighbouring
multiples, and which of them is chosen so that the totals, which are sums of published cells, stay near the truth. No
Python library does it. The choice starts at random under a salt that stays in the warehouse home, so that who knows the
program can't play it backwards. What was published stays for its month, and later where the true figure is as before;
where it is not, all is drawn anew, so that a change tells that there was one and nothing more.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from include.warehouse.cells import FEWEST, LARGEST_SHARE_OF_TWO, Flags, Floats, Integers, Key, System

_SHOWN = 3
_TINY = 1e-9
_PASSES = 20
_ROUNDS = 12
_NARROW = 40
"""Two cells are flipped together if a total of at most so many cells has both."""
_PRESSED = 3.0
_FEW = 6
"""Sums of so many cells are to be within a step of the truth; of n, within a step times the root of n / 10."""
_TRUTH = 0.02
"""How much a cell's own error weighs beside that of a total."""
_SAME = 50.0
"""How much a relation weighs: no share over 1, and the same persons, divided in two ways, come to the same."""
_HELD = 0.3
"""How much it weighs to leave what was published in an earlier month."""


@dataclass
class Told:
    """A cell as the registry knows it: its published value, NaN if withheld, and whether that is of the cell itself."""

    value: float
    is_own: bool = True

    @property
    def is_hidden(self) -> bool:
        """Whether it was withheld."""
        return self.value != self.value


@dataclass
class Earlier:
    """What the registry knows: `held` was published this month, `before` in an earlier one."""

    held: Mapping[Key, Told]
    before: Mapping[Key, Told]


@dataclass
class Values:
    """By cell: what is published or held by totals (NaN where there is nothing), whether it is withheld, and held."""

    published: Floats
    hidden: Flags
    is_held: Flags


def choose(
    system: System,
    earlier: Earlier,
    *,
    seed: int,
    hide: frozenset[int] = frozenset(),
    keep: frozenset[int] = frozenset(),
) -> Values:
    """The published value of every cell.

    The gate wants the cells `hide` withheld, and the finest cells `keep` as they were published before, where the true
    figure allows it.
    """
    size = len(system.exact)
    held = known(system, earlier.held)
    fixed, sticky = np.full(size, np.nan), np.full(size, np.nan)
    for cell, told in held.items():
        fixed[cell] = told.value
    for cell, told in known(system, earlier.before).items():
        if abs(told.value - system.exact[cell]) < system.step[cell]:
            sticky[cell] = told.value
            if (system.is_as_before[cell] or cell in keep) and np.isnan(fixed[cell]):
                fixed[cell] = told.value
    means = np.flatnonzero(system.step == 1)
    published, hidden = np.full(size, np.nan), np.zeros(size, bool)
    published[means] = np.where(np.isnan(fixed[means]), system.exact[means], fixed[means])
    hidden[list(hide)] = True
    is_amount = np.isin(system.finest, np.array(sorted(system.amount_cells), np.int64))
    counts, amounts = system.finest[~is_amount], system.finest[is_amount]
    published[counts] = _near(system, counts, fixed, sticky, seed) * system.step[counts]
    # Which amounts are shown follows from the counts; the others are nothing that a total could be near to.
    hidden = withheld(system, settle(system, published, hidden, held))
    shown = amounts[~hidden[amounts]]
    published[shown] = _near(system, shown, fixed, sticky, seed) * system.step[shown]
    return settle(system, published, hidden, held)


def settle(system: System, published: Floats, hidden: Flags, held: Mapping[int, Told]) -> Values:
    """What follows from the finest cells: totals, and every figure that is the same cell in another mart.

    A withheld amount counts in totals as the published ones do on the average of a person: everybody can compute that,
    so a total tells nothing of it.
    """
    published, hidden = published.copy(), hidden.copy()
    is_held = np.zeros(len(published), bool)
    own = {cell: told for cell, told in held.items() if told.is_own}
    for cell, told in own.items():
        is_held[cell] = True
        hidden[cell] |= told.is_hidden
    hidden = _spread(system, hidden, is_held)
    single = np.array([c for c in range(len(published)) if c not in system.parts and system.step[c] > 1], np.int64)
    if len(single):
        published[single] = published[system.same[single]]
    counts = [cell for cell in system.parts if cell not in system.amount_n]
    for cell in counts:
        published[cell] = published[system.parts[cell]].sum()
    within = published.copy()
    for cell, average in _averages(system, published, hidden).items():
        within[cell] = average
    for cell, parts in system.parts.items():
        published[cell] = within[parts].sum()
    # Whatever has become of its parts: what was published this month stays.
    for cell, told in own.items():
        if not told.is_hidden:
            published[cell] = told.value
    return Values(published, hidden, is_held)


def _averages(system: System, published: Floats, hidden: Flags) -> dict[int, float]:
    """What every withheld finest amount counts as in totals: its published persons times the average of those shown.

    The average is that of the smallest total, of its own column, in which at least three amounts are shown.
    """
    behind = {int(system.same[cell]): n for cell, n in system.amount_n.items() if system.step[cell] > 1 and n >= 0}
    found: dict[int, float] = {}
    for _, parts in sorted(system.parts.items(), key=lambda line: len(line[1])):
        inside = [int(part) for part in parts if hidden[part] and int(part) not in found and int(part) in behind]
        if not inside or len({system.column(int(part)) for part in parts}) > 1:
            continue
        shown = [int(part) for part in parts if not hidden[part] and int(part) in behind]
        persons = sum(published[behind[part]] for part in shown)
        if len(shown) >= _SHOWN and persons > 0:
            average = published[shown].sum() / persons
            for part in inside:
                step = system.step[part]
                found[part] = float(np.round(average * published[behind[part]] / step) * step)
    every = {int(part) for parts in system.parts.values() for part in parts if hidden[part]}
    return {part: found.get(part, 0.0) for part in every}


def rules_broken(system: System, values: Values, earlier: Earlier) -> Iterator[str]:
    """Where finest cells and means of a protected file are not what the published rules allow; never a value."""
    held = known(system, earlier.held)
    finest = system.finest[~values.hidden[system.finest]]
    step, exact, published = system.step[finest], system.exact[finest], values.published[finest]
    is_whole = np.isclose(published / step, np.round(published / step), atol=_TINY)
    is_near = np.abs(published - exact) < step - _TINY
    is_fixed = np.isin(finest, np.array(list(held), np.int64))
    yield from _told(system, finest[~is_whole], "are no multiples of their step, or missing")
    yield from _told(system, finest[is_whole & ~is_near & ~is_fixed], "are no neighbours of the true figure")
    means = np.flatnonzero((system.step == 1) & ~values.hidden & ~values.is_held)
    wrong = means[~np.isclose(values.published[means], system.exact[means], atol=_TINY)]
    yield from _told(system, wrong, "are means that are not rounded as declared")
    shown = np.flatnonzero(withheld(system, values) & ~values.hidden)
    yield from _told(system, shown, "have to be withheld and are not")


def _told(system: System, cells: Integers, what: str) -> Iterator[str]:
    by_column: dict[tuple[str, str], int] = defaultdict(int)
    for cell in cells.tolist():
        table, column, _ = system.key(cell)
        by_column[table, column] += 1
    for (table, column), number in by_column.items():
        yield f"column {table}.{column}: {number} cell(s) {what}"


def known(system: System, told: Mapping[Key, Told]) -> dict[int, Told]:
    """The registry's cells by cell; for rounded cells also by the first of those that are one figure."""
    found: dict[int, Told] = {}
    if told:
        for cell in range(len(system.exact)):
            if (one := told.get(system.key(cell))) is not None:
                found[cell] = one
                if cell not in system.parts and system.step[cell] > 1:
                    found.setdefault(int(system.same[cell]), Told(one.value, is_own=False))
    return found


def _draws(system: System, finest: Integers, seed: int) -> Floats:
    """A number from 0 to 1 for every finest cell, always the same for the same cell, figure and seed."""
    key = seed.to_bytes(24, "big")
    said = (f"{system.key(cell)}{system.exact[cell]}".encode() for cell in finest.tolist())
    drawn = [int.from_bytes(hashlib.blake2b(one, digest_size=6, key=key).digest(), "big") for one in said]
    return np.array(drawn, np.float64) / 2**48


def _near(system: System, finest: Integers, fixed: Floats, sticky: Floats, seed: int) -> Floats:
    """The chosen multiples in steps: flips of single cells, in random order, as long as totals come nearer."""
    place = np.full(len(system.exact), -1, np.int64)
    place[finest] = np.arange(len(finest))
    step = system.step[finest]
    truth, fixed, sticky = system.exact[finest] / step, fixed[finest] / step, sticky[finest] / step
    low = np.floor(truth + _TINY)
    is_between = truth - low > _TINY
    chosen = low + (is_between & (_draws(system, finest, seed) < truth - low))
    # Not from what was published before: a figure that stays as long as it may would tell, by going, that it had to.
    chosen = np.where(np.isnan(fixed), chosen, fixed)
    random = np.random.default_rng(seed)
    is_of_counts = not bool(np.isin(finest, list(system.amount_cells)).any())
    lines = _lines(system, place)
    of: list[list[tuple[int, float]]] = [[] for _ in finest]
    for number, line in enumerate(lines):
        for one, factor in zip(line.inside.tolist(), line.factors.tolist(), strict=True):
            of[one].append((number, factor))
    # What is in no line stays as it was drawn: else it would always be the nearer one, and 5 would tell 3 to 7.
    free = np.flatnonzero(is_between & np.isnan(fixed) & np.array([bool(lines_of) for lines_of in of], bool))
    is_free = np.isin(np.arange(len(finest)), free).tolist()
    search = _Search(
        picked=chosen.tolist(),
        floor=low.tolist(),
        truth=truth.tolist(),
        stay=[None if np.isnan(one) else float(one) for one in sticky],
        of=of,
        errors=[float((chosen[line.inside] * line.factors).sum() - line.target) for line in lines],
        weights=[line.weight for line in lines],
        least=[0.0 if line.is_one_sided else -np.inf for line in lines],
        inside=[line.inside.tolist() for line in lines],
        factors=[line.factors.tolist() for line in lines],
    )
    for _ in range(_ROUNDS):
        for _ in range(_PASSES):
            if not sum(search.flip(one) for one in random.permutation(free).tolist()):
                break
        # What is off by more than a step weighs more in the next round.
        if not search.press():
            break
    # Days and money are as near as flips bring them: a step of theirs is little beside what they sum to.
    for _ in range(2 * _ROUNDS if is_of_counts else 0):
        for _ in range(_PASSES):
            if not search.swap(is_free):
                break
        if not search.press():
            break
    return np.array(search.picked, np.float64)


@dataclass
class _Line:
    """A total, or a relation that published figures should keep: `factors` times cells `inside`, against `target`."""

    inside: Integers
    factors: Floats
    target: float
    weight: float
    is_one_sided: bool = False


def _lines(system: System, place: Integers) -> list[_Line]:
    lines: dict[tuple[bytes, float], _Line] = {}
    for cell, whole in system.parts.items():
        parts = whole[place[whole] >= 0]
        if not len(parts):
            continue
        # Where distinct persons do not add up, cells are not bent to make them: the sum of the parts is aimed at, and
        # the truth as far as one step from it. What is withheld is no part of it, or others would tell it.
        aimed = float(system.exact[parts].sum())
        step = int(system.step[cell])
        if len(parts) == len(whole):
            aimed = min(max(float(system.exact[cell]), aimed - step), aimed + step)
        cells, times = np.unique(parts, return_counts=True)
        line = _Line(place[cells], times.astype(np.float64), aimed / step, weight=1.0)
        lines.setdefault((line.inside.tobytes() + times.tobytes(), line.target), line)
    kept = list(lines.values())
    for left, sign, right in system.relations:
        # A share over 1 helps nobody, and two ways to divide the same persons should come to the same.
        factors: dict[int, float] = defaultdict(float)
        for some, factor in ((left, 1.0), (right, -1.0)):
            for one in system.expand(some):
                factors[one] += factor
        inside = [one for one in factors if factors[one]]
        if inside and (place[inside] >= 0).all():
            weighed = np.array([factors[one] for one in inside])
            kept.append(_Line(place[inside], weighed, 0.0, _SAME, is_one_sided=sign == "<="))
    return kept


@dataclass
class _Search:
    """A local search over multiples; plain lists, since single flips of a few totals each are what it does."""

    picked: list[float]
    floor: list[float]
    truth: list[float]
    stay: list[float | None]
    of: list[list[tuple[int, float]]]
    errors: list[float]
    weights: list[float]
    least: list[float]
    inside: list[list[int]]
    factors: list[list[float]]

    def far(self) -> list[int]:
        """Lines that are off by more than a step; of very many cells, by more than it takes."""
        return [
            line
            for line, error in enumerate(self.errors)
            if max(error, self.least[line]) ** 2 > max(1, len(self.inside[line]) / _FEW) + _TINY
        ]

    def press(self) -> bool:
        """Let totals that are off by more than a step weigh more; whether there are any."""
        far = self.far()
        for line in far:
            self.weights[line] *= _PRESSED
        return bool(far)

    def flip(self, one: int) -> bool:
        """Take the other neighbour if totals, and a little the cell itself, come nearer to the truth by it."""
        if self._cost(one) > -_TINY:
            return False
        self._take(one)
        return True

    def swap(self, is_free: list[bool]) -> int:
        """Flip two cells at once where a total is far off and no single cell brings it nearer; how often that helps."""
        done = 0
        for one in {
            one
            for line in self.far()
            for one, factor in zip(self.inside[line], self.factors[line], strict=True)
            if is_free[one] and (self._then(one) - self.picked[one]) * factor * self.errors[line] < 0
        }:
            cost = self._cost(one)
            self._take(one)
            beside = {
                other
                for line, _ in self.of[one]
                if len(self.inside[line]) <= _NARROW
                for other in self.inside[line]
                if is_free[other] and other != one
            }
            other = min(beside, key=self._cost, default=None)
            if other is not None and cost + self._cost(other) < -_TINY:
                self._take(other)
                done += 1
            else:
                self._take(one)
        return done

    def _then(self, one: int) -> float:
        """A cell's other neighbour."""
        return self.floor[one] + 1 if self.picked[one] <= self.floor[one] else self.floor[one]

    def _cost(self, one: int) -> float:
        now, then, true = self.picked[one], self._then(one), self.truth[one]
        move = then - now
        cost = _TRUTH * ((then - true) ** 2 - (now - true) ** 2)
        if (stay := self.stay[one]) is not None:
            cost += _HELD * (abs(then - stay) - abs(now - stay))
        for line, factor in self.of[one]:
            error, least = self.errors[line], self.least[line]
            moved = error + factor * move
            cost += self.weights[line] * (max(moved, least) ** 2 - max(error, least) ** 2)
        return cost

    def _take(self, one: int) -> None:
        then = self._then(one)
        for line, factor in self.of[one]:
            self.errors[line] += factor * (then - self.picked[one])
        self.picked[one] = then


def withheld(system: System, values: Values) -> Flags:
    """Which cells are withheld: those that are, amounts and means of too few persons, amounts that two dominate."""
    hidden = values.hidden.copy()
    for cell, n in system.amount_n.items():
        if values.is_held[cell]:
            continue
        is_few = n < 0 or not values.published[n] >= FEWEST or values.hidden[n]
        is_finest_amount = system.step[cell] > 1 and cell not in system.parts
        if is_few or (is_finest_amount and is_dominated(system, cell)):
            hidden[cell] = True
    return _spread(system, hidden, values.is_held)


def _spread(system: System, hidden: Flags, is_held: Flags) -> Flags:
    """What is withheld in one mart is so in all, but for what was published this month: new data change nothing."""
    return np.where(is_held, hidden, np.isin(system.same, np.unique(system.same[hidden])))


def is_dominated(system: System, cell: int) -> bool:
    """Whether two persons hold more than 85 % of an amount, or nobody knows."""
    two = system.two_persons[cell]
    if system.exact[cell] == 0:
        return False
    return bool(np.isnan(two) or abs(two) > LARGEST_SHARE_OF_TWO * abs(system.exact[cell]))
