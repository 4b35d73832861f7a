"""Does tonight's refresh go on? `refresh_warehouse` begins by looking in the ledger, and this is what it makes of it.

A schedule of assets or time starts a run at both: deliveries that came after a clock run stay queued, so that the next
night's first event can start a run on the others' events of the night before. The run itself therefore decides, by
what the ledger and the current release say, and never by which event woke it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from include.settings import DOMAINS

Trigger = Literal["deliveries", "clock", "hand"]
"""Who started the run: the domains' assets, the schedule's clock, or a person."""


@dataclass(frozen=True)
class Published:
    """What the current release was made from: the business date and the fingerprint of the accepted deliveries."""

    night: dt.date
    fingerprint: str


@dataclass(frozen=True)
class Decision:
    """Whether the run goes on, and why, in words for the task's page. `missing` names domains not landed tonight."""

    goes_on: bool
    reason: str
    missing: tuple[str, ...]


def decide(
    trigger: Trigger, *, night: dt.date, landed: Collection[str], fingerprint: str, published: Published | None
) -> Decision:
    """Decide for a run of `night`, when the domains `landed` have been taken in and judged.

    Started by deliveries: only when all domains have landed. By deliveries or the clock: not if tonight's release
    already has the same deliveries, so that a night has one release, whichever of the two comes first; a release of an
    earlier night does not count, since the business date moves what is stale. By hand: always.
    """
    missing = tuple(domain for domain in DOMAINS if domain not in landed)
    stands = f"{', '.join(missing)} not landed tonight" if missing else "all domains landed tonight"
    if trigger == "hand":
        return Decision(True, f"started by hand, which always publishes; {stands}", missing)
    if trigger == "deliveries" and missing:
        return Decision(False, f"{stands}: the run of the last domain, or the clock's, publishes", missing)
    if published is not None and published.night == night and published.fingerprint == fingerprint:
        return Decision(False, "tonight's release already has the same deliveries", missing)
    if trigger == "deliveries":
        return Decision(True, stands, missing)
    return Decision(True, f"the clock publishes what is there; {stands}", missing)
