"""The figures on absence that a stand-in for the ministry's API serves."""

from __future__ import annotations

import datetime as dt
from typing import Any

from include.demo.ministry import ABSENCE, SCHOOL_YEARS, STUB_ANSWERS, rows_of, write_answers, write_statistics
from include.demo.stand_ins import came_on, file_of
from include.demo.world import World

DATASET = "absence_statistics"
PUBLISHED = dt.date(2025, 11, 20)
"""The day on which the ministry publishes the last school year that is served."""


def generate(world: World) -> dict[str, Any]:
    """Write what the stand-in answers: all years, or until the last one is published those before it."""
    folder = world.inbox / DATASET
    planted = write_statistics(folder, world.rng)
    came = came_on(world.calendar, PUBLISHED)
    if came > world.calendar.backfill:
        later = file_of(DATASET, came, is_first=False)
        (folder / STUB_ANSWERS).rename(world.inbox / later)
        world.came(str(later), came)
        before = {cell: value for cell, value in planted.published.items() if cell[2] != SCHOOL_YEARS[-1]}
        write_answers(folder, ABSENCE, rows_of(before))
    world.came(f"{DATASET}/{STUB_ANSWERS}", world.calendar.backfill)
    records = planted.records()
    statuses = [str(record["value_status"]) for record in records]
    return {
        "rows": len(records),
        "by_status": {status: statuses.count(status) for status in sorted(set(statuses))},
        "ballerup": [record for record in records if record["municipality_name"] == "Ballerup"],
    }
