"""What the generator of a dataset gets: the town, the children, the nights, a place to write, and its own chance."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from include.demo.deliveries import Calendar
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
