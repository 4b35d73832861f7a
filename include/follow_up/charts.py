"""The drawings of the follow-up document: smileys, bars and small line charts, as SVG that HTML and PDF both show.

Drawn here and not by a charting library: a page has dozens of charts of one simple kind, which must be the same bytes
each time, in the document's own type, with gaps and withheld points shown as such. Points and axes are computed once;
`templates/drawings.svg.j2` puts them into words of SVG.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from include.follow_up import words
from include.follow_up.content import CenterLine, Economy, Measure, MeasurePoint, Smiley

WIDTH, HEIGHT = 260.0, 128.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 40.0, 44.0, 12.0, 92.0
_MOST_DOTS = 14
_MOST_LABELS = 6
_STEPS = (1, 2, 2.5, 5, 10)
_FAR_FROM_ZERO = 0.5
"""An axis begins at zero unless all values are above this share of the highest."""
_BAR_WIDTH = 340.0

templates = Environment(
    loader=PackageLoader("include.follow_up"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=False,
)
"""Everything that goes into HTML or SVG is escaped; what is missing is an error."""
_drawings = templates.get_template("drawings.svg.j2").module


@dataclass(frozen=True)
class Drawing:
    """An SVG, and what it shows in words."""

    svg: Markup
    title: str
    description: str


@dataclass(frozen=True)
class Dot:
    """A point of a chart; `y` is None where there is no value."""

    x: float
    y: float | None
    is_hidden: bool
    is_preliminary: bool
    is_drawn: bool


@dataclass(frozen=True)
class Label:
    """A text of a chart and where it stands."""

    x: float
    y: float
    text: str
    anchor: str = "middle"


@dataclass(frozen=True)
class Axis:
    """A scale from values to places between two ends, with its ticks."""

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...] = ()

    def place(self, value: float) -> float:
        """Where a value stands, to a tenth of a unit."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return round(self.start + share * (self.end - self.start), 1)


def smiley(status: Smiley | None, title: str) -> Drawing:
    """A face: glad round and green, neutral square and amber, sur eight-sided and red; none is an empty dashed ring."""
    return Drawing(_drawn("smiley", status=status or "none", title=title), title, "")


def shares(line: CenterLine) -> Drawing:
    """A centre's milestones with a text, by status, as parts of one bar."""
    counts = {"glad": line.glad, "neutral": line.neutral, "sur": line.sur, "none": line.unreported}
    total = sum(counts.values())
    parts, start = [], 0.0
    for status, count in counts.items():
        width = round(100 * count / total, 2) if total else 0.0
        if count:
            parts.append((status, round(start, 2), width))
        start += width
    return Drawing(_drawn("shares", parts=parts), "", "")


def spending(economy: Economy) -> Drawing | None:
    """Spending against the corrected budget as a bar; None where either is not told. Negative amounts are savings."""
    budget, spent = economy.corrected_budget_dkk, economy.spent_to_date_dkk
    if budget is None or spent is None or not (budget or spent):
        return None
    nothing = Decimal(0)
    axis = Axis(float(min(nothing, budget, spent)), float(max(nothing, budget, spent)), 1, _BAR_WIDTH - 1)
    zero, at_budget, at_spent = (axis.place(float(value)) for value in (0, budget, spent))
    is_over = spent > budget
    bar = {
        "zero": zero,
        "budget": _between(zero, at_budget),
        "spent": _between(zero, at_spent),
        "over": _between(at_budget, at_spent) if is_over and budget > 0 else None,
        "at_budget": at_budget,
        "width": _BAR_WIDTH,
    }
    title = f"Forbrug {words.kroner(spent)} af korrigeret budget {words.kroner(budget)}"
    return Drawing(_drawn("spending", title=title, **bar), title, "")


def line_chart(measure: Measure, name: str) -> Drawing:
    """A measure's points over time, with its target as a dashed line and n below; `name` is unique on a page."""
    points = measure.points
    across, up = _across(points), _up(measure)
    is_dense = len(points) > _MOST_DOTS
    shown = [index for index, point in enumerate(points) if point.value is not None]
    last = shown[-1] if shown else None
    dots = [
        Dot(
            across.place(point.period_end_date.toordinal()),
            None if point.value is None else up.place(float(point.value)),
            point.is_hidden,
            point.is_preliminary,
            index == last or not is_dense or _is_alone(points, index),
        )
        for index, point in enumerate(points)
    ]
    ticks = _labelled(len(points))
    title = measure.title if measure.part_name is None else f"{measure.title}: {measure.part_name}"
    description = _described(measure)
    svg = _drawn(
        "line_chart",
        name=name,
        title=title,
        description=description,
        width=WIDTH,
        height=HEIGHT,
        left=_LEFT,
        right=WIDTH - _RIGHT,
        bottom=_BOTTOM,
        grid=[
            Label(_LEFT - 6, up.place(tick), _short(Decimal(str(tick)), measure.value_scale).replace(",0", ""), "end")
            for tick in up.ticks
        ],
        periods=[Label(dots[index].x, _BOTTOM + 14, words.short_period(points[index].period)) for index in ticks],
        counts=[
            Label(dots[index].x, _BOTTOM + 28, words.NOT_TOLD if n is None else words.number(n))
            for index in ticks
            for n in (points[index].n,)
        ],
        has_counts=any(points[index].n is not None for index in ticks),
        lines=_lines(dots),
        targets=_targets(points, across, up),
        dots=[dot for dot in dots if dot.y is not None and dot.is_drawn],
        hidden=[dot for dot in dots if dot.is_hidden and dot.y is None],
        last=None if last is None else dots[last],
        last_text="" if last is None else _short(points[last].value, measure.value_scale),
    )
    return Drawing(svg, title, description)


def _value(point: MeasurePoint) -> Decimal:
    return point.value or Decimal(0)


def _drawn(macro: str, **facts: object) -> Markup:
    return Markup(str(getattr(_drawings, macro)(**facts)).strip())  # noqa: S704 - the templates escape


def _short(value: Decimal | None, scale: str) -> str:
    """A value where there is room for no unit but the per cent sign."""
    return words.measured(value, scale).removesuffix(f"{words.SPACE}kr.")


def _between(one: float, other: float) -> tuple[float, float]:
    """Start and width of a bar between two places."""
    return min(one, other), round(abs(other - one), 1)


def _across(points: Sequence[MeasurePoint]) -> Axis:
    days = [point.period_end_date.toordinal() for point in points]
    return Axis(min(days), max(days), _LEFT + 8, WIDTH - _RIGHT) if days else Axis(0, 0, _LEFT, WIDTH - _RIGHT)


def _up(measure: Measure) -> Axis:
    """A scale with a few round ticks around all values and targets; from zero unless they are far from it."""
    values = [float(value) for point in measure.points for value in (point.value, point.target) if value is not None]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if measure.value_scale == "smiley":
        return Axis(0, 1, _BOTTOM, _TOP, (0.0, 1.0))
    if low <= high * _FAR_FROM_ZERO or low == high:
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        high = 1.0
    rough = (high - low) / 2
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * magnitude for factor in _STEPS if factor * magnitude >= rough * 0.8)
    first, end = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if first > 0 and first * step > low - step / 10:
        first -= 1  # so that no line lies on the axis
    ticks = tuple(round(number * step, 6) for number in range(first, end + 1))
    return Axis(ticks[0], ticks[-1], _BOTTOM, _TOP, ticks)


def _is_alone(points: Sequence[MeasurePoint], index: int) -> bool:
    """A value between two gaps, which no line would show."""
    return all(not 0 <= beside < len(points) or points[beside].value is None for beside in (index - 1, index + 1))


def _labelled(count: int) -> list[int]:
    """Which of the points have their period and n written: all of a few, else the ends and the middle."""
    if count <= _MOST_LABELS:
        return list(range(count))
    return [0, (count - 1) // 2, count - 1]


def _lines(dots: Sequence[Dot]) -> list[tuple[str, bool]]:
    """The line between neighbours that both have a value, as paths; those that end in a preliminary point apart."""
    paths: list[tuple[list[str], bool]] = []
    for before, after in pairwise(dots):
        if before.y is None or after.y is None:
            continue
        start, end = f"{before.x} {before.y}", f"{after.x} {after.y}"
        if paths and paths[-1][1] == after.is_preliminary and paths[-1][0][-1] == start:
            paths[-1][0].append(end)
        else:
            paths.append(([start, end], after.is_preliminary))
    return [("M" + " L".join(places), is_preliminary) for places, is_preliminary in paths]


def _targets(points: Sequence[MeasurePoint], across: Axis, up: Axis) -> list[tuple[float, float, float]]:
    """The target as level stretches (from, to, height), each half-way to its neighbours."""
    places = [across.place(point.period_end_date.toordinal()) for point in points]
    stretches: list[tuple[float, float, float]] = []
    for index, point in enumerate(points):
        if point.target is None:
            continue
        start = across.start - 8 if index == 0 else (places[index - 1] + places[index]) / 2
        end = across.end + 6 if index == len(points) - 1 else (places[index] + places[index + 1]) / 2
        height = up.place(float(point.target))
        if stretches and stretches[-1][1] == round(start, 1) and stretches[-1][2] == height:
            stretches[-1] = (stretches[-1][0], round(end, 1), height)
        else:
            stretches.append((round(start, 1), round(end, 1), height))
    return stretches


def _described(measure: Measure) -> str:
    """A chart in words, for those who don't see it: its ends, its extremes, its target, what is missing."""
    known = [point for point in measure.points if point.value is not None]
    if not known:
        return f"{words.counted(len(measure.points), 'periode', 'perioder')} uden vist værdi."

    def told(point: MeasurePoint) -> str:
        return f"{words.measured(point.value, measure.value_scale)} i {words.period(point.period)}"

    last = known[-1]
    parts = [f"Seneste værdi er {told(last)}{' (foreløbig)' if last.is_preliminary else ''}"]
    if len(known) > 1:
        least, most = min(known, key=_value), max(known, key=_value)
        parts.append(f"linjen begynder med {told(known[0])}")
        parts.append(f"laveste værdi er {told(least)}, højeste {told(most)}")
    if last.target is not None:
        comparison = words.COMPARISONS.get(last.comparison or "", "")
        parts.append(f"målet er {comparison} {words.measured(last.target, measure.value_scale)}".replace("  ", " "))
    hidden = sum(point.is_hidden and point.value is None for point in measure.points)
    missing = len(measure.points) - len(known) - hidden
    if hidden:
        parts.append(f"{words.counted(hidden, 'værdi', 'værdier')} er tilbageholdt")
    if missing:
        parts.append(f"{words.counted(missing, 'værdi', 'værdier')} mangler")
    return "; ".join(parts) + "."
