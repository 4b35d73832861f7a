"""What the generator of a dataset gets: the town, the children, the nights, a place to write, and its own chance."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from include.demo.deliveries import Calendar, Delivery, write_lines
from include.demo.population import Population
from include.demo.schools import Size
from include.demo.town import Town


@dataclass(frozen=True)
class World:
    """The synthetic municipality as one dataset's generator sees it.

    `rng` is a stream of the dataset's own, so that one does not depend on how much chance another takes. `truth` holds
    what the datasets of the module's `AFTER` have planted, `dates` the day on which each file came.
    """

    inbox: Path
    size: Size
    seed: int
    rng: np.random.Generator
    town: Town
    population: Population
    calendar: Calendar
    truth: dict[str, Any]
    dates: dict[str, str]

    def came(self, path: str, date: dt.date) -> None:
        """Note the day on which the file `path` (below the inbox) came. Raises ValueError if there is no such file."""
        if not (self.inbox / path).is_file():
            raise ValueError(f"{path} has not been written")
        self.dates[path] = date.isoformat()

    def write(
        self,
        delivery: Delivery,
        header: Sequence[str],
        columns: Sequence[Iterable[str]],
        *,
        encoding: str,
        newline: str,
        last: str = "",
    ) -> None:
        """Write a delivery as `write_lines` does; it came on the day of its name."""
        path = self.inbox / delivery.path
        write_lines(path, header, columns, encoding=encoding, newline=newline, last=last)
        self.came(delivery.path, delivery.as_of)

    def send_again(self, delivery: Delivery, again: Delivery) -> None:
        """Let the bytes of a delivery come once more, under the name and on the day of `again`."""
        shutil.copyfile(self.inbox / delivery.path, self.inbox / again.path)
        self.came(again.path, again.as_of)
