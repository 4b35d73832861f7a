"""Which accounts of the synthetic ledger belong to which initiative of the budget agreements.

The scheme: an initiative is booked on an activity of its own, `9YYnnn`, with YY the agreement's year and nnn the
initiative's place in the agreement's order (924001 = the first of 2024). Exceptions, one of each kind that a mapping
of accounts has to bear:
- evaluations and analyses (3.08 and 3.12) have no account;
- in 2024, 3.03-1 and 3.03-2 have no activity of their own and share 924900 half and half;
- in 2025, 3.04 has a second activity, 925506 (500 is added to its place);
- in 2024, 3.11 ends after 2025; what is booked on its activity later belongs to no initiative.
All others hold from 1 January of the agreement's year for four years, the span of a Danish municipal budget (the
budget year and three years of estimates, lov om kommunernes styrelse § 37).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

_WITHOUT_ACCOUNT = {"3.08", "3.12"}
_COMMON_ACTIVITY = {(2024, "3.03-1"), (2024, "3.03-2")}
_SECOND_ACTIVITY = {(2025, "3.04")}
_ENDS_EARLY = {(2024, "3.11"): dt.date(2025, 12, 31)}
_YEARS_OF_A_BUDGET = 4


@dataclass(frozen=True)
class AccountPattern:
    """Postings on an activity, from `valid_from` to `valid_to` (both included), belong by `share` to an initiative."""

    agreement_year: int
    initiative_id: str
    initiative_type: str
    activity_number: str
    share: Decimal
    valid_from: dt.date
    valid_to: dt.date


@cache
def account_patterns() -> tuple[AccountPattern, ...]:
    """All patterns, in the order of the agreements."""
    from include.demo.agreement import INITIATIVES

    patterns: list[AccountPattern] = []
    for year, initiatives in sorted(INITIATIVES.items()):
        prefix = f"9{year % 100:02d}"
        for place, initiative in enumerate(initiatives, start=1):
            key = (year, initiative.initiative_id)
            if initiative.initiative_id in _WITHOUT_ACCOUNT:
                continue
            activities = [f"{prefix}900" if key in _COMMON_ACTIVITY else f"{prefix}{place:03d}"]
            if key in _SECOND_ACTIVITY:
                activities.append(f"{prefix}{500 + place}")
            patterns.extend(
                AccountPattern(
                    agreement_year=year,
                    initiative_id=initiative.initiative_id,
                    initiative_type=initiative.initiative_type,
                    activity_number=activity,
                    share=Decimal("0.5") if key in _COMMON_ACTIVITY else Decimal(1),
                    valid_from=dt.date(year, 1, 1),
                    valid_to=_ENDS_EARLY.get(key, dt.date(year + _YEARS_OF_A_BUDGET - 1, 12, 31)),
                )
                for activity in activities
            )
    return tuple(patterns)
