"""What an analyst loses by protection, mart by mart: errors of totals, and the share of figures that are withheld.

`python tests/end_to_end/losses.py <release folder>` prints the table for a release; the tests read the same figures.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from attacker import Table, read_declarations, read_tables

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"


@dataclass
class Loss:
    """Of one mart: absolute errors of its counts in total rows and in the finest, and figures published and withheld."""

    totals: list[float] = field(default_factory=list)
    finest: list[float] = field(default_factory=list)
    shown: int = 0
    hidden: int = 0
    amounts: list[float] = field(default_factory=list)
    """Errors of days and money in total rows, as shares of the true figure."""

    @property
    def hidden_share(self) -> float:
        return self.hidden / (self.shown + self.hidden) if self.shown + self.hidden else 0.0


def losses(tables: Iterable[Table]) -> dict[str, Loss]:
    """Published figures against exact ones; rows of time totals are totals too."""
    found: dict[str, Loss] = defaultdict(Loss)
    for table in tables:
        totals: dict[int, set[str]] = defaultdict(set)
        for number, part in enumerate(table.parts):
            for place, total in enumerate(part.totals):
                for whole, _ in table.links[number, f"total {place}"]:
                    totals[whole] |= set(total.get("columns") or part.of("count", "amount"))
        loss = found[table.name]
        for rid, number in table.part_of.items():
            part, row, true = table.parts[number], table.values[rid], table.exact.get(rid, {})
            hidden = set(row["hidden_columns"] or ())
            for column in part.of("count", "sum", "amount", "rate", "mean", "expression"):
                if column in hidden:
                    loss.hidden += 1
                elif row.get(column) is not None:
                    loss.shown += 1
            for column in [*part.of("count"), *part.amounts]:
                if row.get(column) is None or true.get(column) is None:
                    continue
                error = abs(float(row[column]) - float(true[column]))
                if part.is_amount(column):
                    if column in totals[rid] and true[column]:
                        loss.amounts.append(error / abs(float(true[column])))
                elif column in totals[rid]:
                    loss.totals.append(error)
                else:
                    loss.finest.append(error)
    return dict(found)


def as_text(found: dict[str, Loss]) -> str:
    """One line a mart: totals of counts (mean and largest error), finest counts, amounts in per cent, withheld share."""
    lines = [
        f"{'mart':<32} {'totals: n':>10} {'mean':>6} {'max':>5} {'finest: mean':>13} {'max':>4} {'amounts %':>10} {'withheld %':>11}"
    ]
    for name, loss in sorted(found.items()):
        mean = _mean(loss.totals)
        lines.append(
            f"{name:<32} {len(loss.totals):>10} {mean:>6.2f} {max(loss.totals, default=0):>5.0f} {_mean(loss.finest):>13.2f} "
            f"{max(loss.finest, default=0):>4.0f} {100 * _mean(loss.amounts):>10.2f} {100 * loss.hidden_share:>11.1f}"
        )
    return "\n".join(lines)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def of_release(release: Path) -> dict[str, Loss]:
    """The losses of a release: its protected file against its restricted one."""
    declared = read_declarations(PROJECT)
    return losses(read_tables(release / "warehouse.duckdb", declared, release / "restricted" / "warehouse.duckdb"))


if __name__ == "__main__":
    sys.stdout.write(as_text(of_release(Path(sys.argv[1]))) + "\n")
