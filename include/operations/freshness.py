"""How old the data of a dataset are, against the rhythm that its contract promises; one rule for all who show it.

`marts.data_freshness` says the same to analysts, in SQL, of what is fresh and what is stale. Only engineers are told of
`overdue`, since it asks for an act and not for care in reading.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Literal

from include.landing.contract import Contract
from include.landing.ledger import Delivery
from include.settings import COPENHAGEN

State = Literal["fresh", "stale", "overdue", "never delivered"]

OVERDUE = 2
"""A dataset is overdue after so many times the days of patience that its contract grants (`stale_after_days`).

The first patience may end while nobody sits at the source: a holiday, a late export. That is shown, and figures stand
with their date. Once a second one has gone by, nobody at the source has noticed, and somebody has to ask there.
"""


def newest_day(contract: Contract, deliveries: Iterable[Delivery]) -> dt.date | None:
    """The newest day that the accepted ones of these deliveries tell of; None if there is none.

    Where rows lie on days, an old period that is sent again brings no newer day.
    """
    return max((_day(contract, one) for one in deliveries if one.status == "accepted"), default=None)


def _day(contract: Contract, delivery: Delivery) -> dt.date:
    day = delivery.as_of or delivery.received_at.astimezone(COPENHAGEN).date()
    if contract.delivery.period == "range" and delivery.period_to is not None:
        return min(day, delivery.period_to)
    return day


def state_of(contract: Contract, newest: dt.date | None, night: dt.date) -> State:
    """How a dataset whose newest day of data is `newest` stands on the business date `night`."""
    if newest is None:
        return "never delivered"
    days = (night - newest).days
    patience = contract.rhythm.stale_after_days
    if days > OVERDUE * patience:
        return "overdue"
    return "stale" if days > patience else "fresh"
