"""Which multiple of 5 each finest cell is published as, and which amounts are withheld.

Small-count rounding (Langsrud and Heldal; R's SmallCountRounding): each finest cell becomes one of its two neighbouring
multiples, and which of them is chosen so that the totals, which are sums of published cells, stay near the truth. No
Python library does it. The choice starts at random under a salt that stays in the warehouse home, so that who knows the
program can't play it backwards. What was published holds: for its month unchanged, later as long as the truth allows.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from include.warehouse.cells import FEWEST, LARGEST_SHARE_OF_TWO, Flags, Floats, Integers, Key, System

_NONE: Integers = np.empty(0, np.int64)
_TINY = 1e-9
_PASSES = 60
_TRUTH = 0.02
"""How much a cell's own error weighs beside that of a total."""
_PROMISED = 4.0
"""How much a total weighs whose error is declared, and a relation."""
_HELD = 0.3
"""How much it weighs to leave what was published in an earlier month."""


@dataclass
class Told:
    """A cell as the registry knows it: what totals hold of it, and whether it is itself withheld."""

    rounded: float
    is_hidden: bool


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


def choose(system: System, earlier: Earlier, *, seed: int, hide: frozenset[int] = frozenset()) -> Values:
    """The published value of every cell. `hide` are cells that the gate wants withheld."""
    size = len(system.exact)
    finest = system.finest
    held = known(system, earlier.held)
    fixed, sticky = np.full(size, np.nan), np.full(size, np.nan)
    for cell, told in held.items():
        fixed[cell] = told.rounded
    for cell, told in known(system, earlier.before).items():
        if may_stay(told.rounded, system.exact[cell], int(system.step[cell])):
            sticky[cell] = told.rounded
    published = np.full(size, np.nan)
    is_amount = np.isin(finest, np.array(sorted(system.amount_cells), np.int64))
    counts, amounts = finest[~is_amount], finest[is_amount]
    published[counts] = _near(system, counts, fixed, sticky, seed) * system.step[counts]
    of_counts = settle(system, published, np.zeros(size, bool), held)
    # Where nobody is published nothing is held either: that tells nothing, and no total need be withheld for it.
    empty = empty_amounts(system, of_counts)
    fixed[empty] = 0
    published[amounts] = _near(system, amounts, fixed, sticky, seed, empty) * system.step[amounts]
    means = np.flatnonzero(system.step == 1)
    published[means] = np.where(np.isnan(fixed[means]), system.exact[means], fixed[means])
    hidden = np.zeros(size, bool)
    for cell in hide:
        hidden[cell] = True
    values = settle(system, published, hidden, held)
    withhold(system, values)
    return values


def empty_amounts(system: System, counts: Values) -> Integers:
    """The finest amounts in totals behind which the published count is 0: they are published as 0, whatever they are."""
    in_totals = set(np.unique(np.concatenate([_NONE, *system.parts.values()])).tolist())
    cells = [
        int(system.same[cell])
        for cell, n in system.amount_n.items()
        if system.step[cell] > 1 and cell not in system.parts and (n < 0 or counts.published[n] == 0)
    ]
    return np.unique(np.array([cell for cell in cells if cell in in_totals], np.int64))


def settle(system: System, published: Floats, hidden: Flags, held: Mapping[int, Told]) -> Values:
    """Totals as sums of the finest cells, every figure that is the same cell alike, and what is withheld this month."""
    published = published.copy()
    is_held = np.zeros(len(published), bool)
    hidden = hidden.copy()
    for cell, told in held.items():
        is_held[cell] = True
        hidden[cell] |= told.is_hidden
    single = np.array([c for c in range(len(published)) if c not in system.parts and system.step[c] > 1], np.int64)
    if len(single):
        published[single] = published[system.same[single]]
    for cell, parts in system.parts.items():
        published[cell] = published[parts].sum()
    return Values(published, hidden, is_held)


def rules_broken(system: System, values: Values, earlier: Earlier) -> Iterator[str]:
    """Where finest cells and means of a protected file are not what the published rules allow; never a value."""
    finest = system.finest
    held = known(system, earlier.held)
    step, exact, published = system.step[finest], system.exact[finest], values.published[finest]
    is_whole = np.isclose(published / step, np.round(published / step), atol=1e-9)
    is_near = np.abs(published - exact) < step - 1e-9
    is_fixed = np.isin(finest, np.array(list(held), np.int64))
    is_empty = np.isin(finest, empty_amounts(system, values))
    yield from _told(system, finest[~is_whole], "are no multiples of their step, or missing")
    yield from _told(
        system, finest[is_whole & ~is_near & ~is_fixed & ~is_empty], "are no neighbours of the true figure"
    )
    yield from _told(system, finest[is_empty & (published != 0) & ~is_fixed], "are amounts where nobody is published")
    changed = [
        cell
        for cell, told in held.items()
        if cell not in system.parts
        and (not np.isclose(values.published[cell], told.rounded) or values.hidden[cell] < told.is_hidden)
    ]
    yield from _told(system, np.array(changed, np.int64), "differ from what was published in the same month")
    means = np.flatnonzero((system.step == 1) & ~values.hidden)
    wrong = means[~np.isclose(values.published[means], system.exact[means], atol=1e-9) & ~values.is_held[means]]
    yield from _told(system, wrong, "are means that are not rounded as declared")
    must = Values(values.published, values.hidden.copy(), values.is_held)
    withhold(system, must)
    yield from _told(system, np.flatnonzero(must.hidden & ~values.hidden), "have to be withheld and are not")


def _told(system: System, cells: Integers, what: str) -> Iterator[str]:
    by_column: dict[tuple[str, str], int] = defaultdict(int)
    for cell in cells.tolist():
        table, column, _ = system.key(cell)
        by_column[table, column] += 1
    for (table, column), number in by_column.items():
        yield f"column {table}.{column}: {number} cell(s) {what}"


def may_stay(value: float, exact: float, step: int) -> bool:
    """Whether a published value may stay: a neighbour within less than a step.

    5 does not stay for 0, 1 and 2: else a fall from 5 to 0 would tell that nobody is left.
    """
    return abs(value - exact) < step and not (value == step and exact < step / 2)


def known(system: System, told: Mapping[Key, Told]) -> dict[int, Told]:
    """The registry's cells by cell; for rounded cells also by the first of those that are one figure."""
    found: dict[int, Told] = {}
    if told:
        for cell in range(len(system.exact)):
            if (one := told.get(system.key(cell))) is not None:
                found[cell] = one
                if cell not in system.parts and system.step[cell] > 1:
                    found.setdefault(int(system.same[cell]), one)
    return found


def _draws(system: System, finest: Integers, seed: int) -> Floats:
    """A number from 0 to 1 for every finest cell, always the same for the same cell, figure and seed."""
    key = seed.to_bytes(24, "big")
    said = (f"{system.key(cell)}{system.exact[cell]}".encode() for cell in finest.tolist())
    drawn = [int.from_bytes(hashlib.blake2b(one, digest_size=6, key=key).digest(), "big") for one in said]
    return np.array(drawn, np.float64) / 2**48


def _near(
    system: System,
    finest: Integers,
    fixed: Floats,
    sticky: Floats,
    seed: int,
    empty: Integers = _NONE,
) -> Floats:
    """The chosen multiples in steps: flips of single cells, in random order, as long as totals come nearer."""
    place = np.full(len(system.exact), -1, np.int64)
    place[finest] = np.arange(len(finest))
    step = system.step[finest]
    truth, fixed, sticky = system.exact[finest] / step, fixed[finest] / step, sticky[finest] / step
    low = np.floor(truth + _TINY)
    is_between = truth - low > _TINY
    chosen = low + (is_between & (_draws(system, finest, seed) < truth - low))
    chosen = np.where(np.isnan(sticky), chosen, sticky)
    chosen = np.where(np.isnan(fixed), chosen, fixed)
    free = np.flatnonzero(is_between & np.isnan(fixed))
    random = np.random.default_rng(seed)
    lines = _lines(system, place, empty)
    of: list[list[tuple[int, float]]] = [[] for _ in finest]
    for number, line in enumerate(lines):
        for one, factor in zip(line.inside.tolist(), line.factors.tolist(), strict=True):
            of[one].append((number, factor))
    search = _Search(
        picked=chosen.tolist(),
        floor=low.tolist(),
        truth=truth.tolist(),
        stay=[None if np.isnan(one) else float(one) for one in sticky],
        of=of,
        errors=[float((chosen[line.inside] * line.factors).sum() - line.target) for line in lines],
        weights=[line.weight for line in lines],
        least=[0.0 if line.is_one_sided else -np.inf for line in lines],
    )
    for _ in range(_PASSES):
        if not sum(search.flip(one) for one in random.permutation(free).tolist()):
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


def _lines(system: System, place: Integers, empty: Integers) -> list[_Line]:
    lines: dict[tuple[bytes, float], _Line] = {}
    for cell, parts in system.parts.items():
        if (place[parts] < 0).any():
            continue
        # Where distinct persons do not add up, cells are not bent to make them: the sum of the parts is aimed at, and
        # the truth as far as one step from it. What is empty is no part of what is aimed at, or others would tell it.
        aimed = float(system.exact[parts[~np.isin(parts, empty)]].sum())
        step = int(system.step[cell])
        if not len(empty):
            aimed = min(max(float(system.exact[cell]), aimed - step), aimed + step)
        weight = _PROMISED if cell in system.within else 1.0
        cells, times = np.unique(parts, return_counts=True)
        line = _Line(place[cells], times.astype(np.float64), aimed / step, weight)
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
            kept.append(_Line(place[inside], weighed, 0.0, _PROMISED, is_one_sided=sign == "<="))
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

    def flip(self, one: int) -> bool:
        """Take the other neighbour if totals, and a little the cell itself, come nearer to the truth by it."""
        now, floor, true = self.picked[one], self.floor[one], self.truth[one]
        then = floor + 1 if now <= floor else floor
        move = then - now
        cost = _TRUTH * ((then - true) ** 2 - (now - true) ** 2)
        if (stay := self.stay[one]) is not None:
            cost += _HELD * (abs(then - stay) - abs(now - stay))
        for line, factor in self.of[one]:
            error, least = self.errors[line], self.least[line]
            moved = error + factor * move
            cost += self.weights[line] * (max(moved, least) ** 2 - max(error, least) ** 2)
        if cost > -_TINY:
            return False
        self.picked[one] = then
        for line, factor in self.of[one]:
            self.errors[line] += factor * move
        return True


def withhold(system: System, values: Values) -> None:
    """Withhold amounts of too few persons, those that two persons dominate, and others so that none can be inferred."""
    published, hidden, held = values.published, values.hidden, values.is_held
    empty = set(empty_amounts(system, values).tolist())
    amounts = {cell for cell in system.amount_n if system.step[cell] > 1}
    for cell, n in system.amount_n.items():
        if held[cell]:
            continue
        if int(system.same[cell]) in empty:
            continue
        few = n < 0 or not published[n] >= FEWEST or hidden[n]
        if few or (cell in amounts and cell not in system.parts and is_dominated(system, cell)):
            hidden[cell] = True
    _spread(system, hidden)
    lines = [(cell, parts) for cell, parts in system.parts.items() if cell in amounts]
    lines.sort(key=lambda line: len(line[1]))
    is_changed = True
    while is_changed:
        is_changed = False
        for cell, parts in lines:
            if hidden[cell] or held[cell]:
                continue
            inside = [int(part) for part in parts if hidden[part]]
            if not inside or _is_group_safe(system, published, inside):
                continue
            is_changed = True
            candidates = [int(part) for part in parts if not hidden[part] and not held[part] and published[part] != 0]
            if candidates:
                hidden[min(candidates, key=lambda one: (published[system.amount_n.get(one, one)], one))] = True
            else:
                hidden[cell] = True
            _spread(system, hidden)


def is_dominated(system: System, cell: int) -> bool:
    """Whether two persons hold more than 85 % of an amount, or nobody knows."""
    two = system.two_persons[cell]
    if system.exact[cell] == 0:
        return False
    return bool(np.isnan(two) or abs(two) > LARGEST_SHARE_OF_TWO * abs(system.exact[cell]))


def _spread(system: System, hidden: Flags) -> None:
    """Cells that are one figure are withheld together."""
    roots = np.unique(system.same[hidden])
    hidden |= np.isin(system.same, roots)


def _is_group_safe(system: System, published: Floats, inside: list[int]) -> bool:
    """Whether the sum of some withheld amounts, which whoever knows the total can compute, tells nothing of a person.

    At least two of them, ten persons, not dominated by two, and two steps to share. The bounds are careful: who recurs
    from period to period counts once, and two persons hold at most what the two largest units hold at most.
    """
    step = system.step[inside[0]]
    if len(set(inside)) < 2 or abs(published[inside].sum()) < 2 * step:  # noqa: PLR2004
        return False
    persons: dict[str, float] = defaultdict(float)
    two: dict[str, float] = defaultdict(float)
    for cell in inside:
        unit = system.unit(cell)
        persons[unit] = max(persons[unit], float(published[system.amount_n.get(cell, cell)]))
        two[unit] += min(abs(np.nan_to_num(system.two_persons[cell], nan=np.inf)), abs(system.exact[cell]))
    largest = sum(sorted(two.values(), reverse=True)[:2])
    return sum(persons.values()) >= FEWEST and largest <= LARGEST_SHARE_OF_TWO * abs(system.exact[inside].sum())
