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
    """Of one mart: absolute errors of counts in total rows and in the finest, and figures published and withheld."""

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
        totals = _total_columns(table)
        for rid in table.part_of:
            _add(found[table.name], table, rid, totals[rid])
    return dict(found)


def _total_columns(table: Table) -> dict[int, set[str]]:
    totals: dict[int, set[str]] = defaultdict(set)
    for number, part in enumerate(table.parts):
        for place, total in enumerate(part.totals):
            for whole, _ in table.links[number, f"total {place}"]:
                totals[whole] |= set(total.get("columns") or part.of("count", "amount"))
    return totals


def _add(loss: Loss, table: Table, rid: int, totals: set[str]) -> None:
    part, row, true = table.parts[table.part_of[rid]], table.values[rid], table.exact.get(rid, {})
    figures = part.of("count", "sum", "amount", "rate", "mean", "expression")
    hidden = [column for column in figures if column in (row["hidden_columns"] or ())]
    loss.hidden += len(hidden)
    loss.shown += sum(row.get(column) is not None for column in figures if column not in hidden)
    if true.get("is_preliminary"):
        # The exact figure of a running period has the days since the month's end, the published one has not.
        return
    for column in [*part.of("count"), *part.amounts]:
        if row.get(column) is None or true.get(column) is None:
            continue
        error = abs(float(row[column]) - float(true[column]))
        if not part.is_amount(column):
            (loss.totals if column in totals else loss.finest).append(error)
        elif column in totals and true[column]:
            loss.amounts.append(error / abs(float(true[column])))


def as_text(found: dict[str, Loss]) -> str:
    """One line a mart: errors of counts in totals and finest rows, of amounts in totals, and what is withheld."""
    heads = ("totals: n", "mean", "max", "finest: mean", "max", "amounts %", "withheld %")
    lines = [f"{'mart':<32}" + "".join(f"{head:>13}" for head in heads)]
    for name, loss in sorted(found.items()):
        figures = (
            f"{len(loss.totals)}",
            f"{_mean(loss.totals):.2f}",
            f"{max(loss.totals, default=0):.0f}",
            f"{_mean(loss.finest):.2f}",
            f"{max(loss.finest, default=0):.0f}",
            f"{100 * _mean(loss.amounts):.2f}",
            f"{100 * loss.hidden_share:.1f}",
        )
        lines.append(f"{name:<32}" + "".join(f"{figure:>13}" for figure in figures))
    return "\n".join(lines)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def of_release(release: Path) -> dict[str, Loss]:
    """The losses of a release: its protected file against its restricted one."""
    declared = read_declarations(PROJECT)
    return losses(read_tables(release / "warehouse.duckdb", declared, release / "restricted" / "warehouse.duckdb"))


if __name__ == "__main__":
    sys.stdout.write(as_text(of_release(Path(sys.argv[1]))) + "\n")
