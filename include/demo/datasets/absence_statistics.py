"""The figures on absence that a stand-in for the ministry's API serves."""

from __future__ import annotations

import datetime as dt
from typing import Any

from include.demo.ministry import STUB_ANSWERS, write_statistics
from include.demo.stand_ins import came_on
from include.demo.world import World

PUBLISHED = dt.date(2025, 11, 20)
"""The day on which the ministry publishes the last school year that is served."""


def generate(world: World) -> dict[str, Any]:
    """Write what the stand-in answers."""
    planted = write_statistics(world.inbox / "absence_statistics", world.rng)
    world.came(f"absence_statistics/{STUB_ANSWERS}", came_on(world.calendar, PUBLISHED))
    records = planted.records()
    statuses = [str(record["value_status"]) for record in records]
    return {
        "rows": len(records),
        "by_status": {status: statuses.count(status) for status in sorted(set(statuses))},
        "ballerup": [record for record in records if record["municipality_name"] == "Ballerup"],
    }
