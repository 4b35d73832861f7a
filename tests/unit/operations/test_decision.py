"""When a refresh goes on: by deliveries, by the clock, by hand."""

from __future__ import annotations

import datetime as dt

import pytest

from include.operations.decision import Published, Trigger, decide
from include.settings import DOMAINS

NIGHT = dt.date(2026, 6, 19)
YESTERDAY = dt.date(2026, 6, 18)
SAME = Published(NIGHT, "the same")
CHANGED = Published(NIGHT, "another")
OLD = Published(YESTERDAY, "the same")


@pytest.mark.parametrize(
    ("trigger", "landed", "published", "goes_on"),
    [
        ("deliveries", DOMAINS, None, True),
        ("deliveries", DOMAINS, OLD, True),
        # A domain that lands again after the release was made publishes again if it brought something, else not.
        ("deliveries", DOMAINS, CHANGED, True),
        ("deliveries", DOMAINS, SAME, False),
        # The first event of a night after a clock run, on the other three events of the night before.
        ("deliveries", DOMAINS[:1], OLD, False),
        ("deliveries", DOMAINS[:3], None, False),
        ("deliveries", (), CHANGED, False),
        ("clock", DOMAINS, SAME, False),
        ("clock", DOMAINS[:3], SAME, False),
        ("clock", DOMAINS, CHANGED, True),
        # The same deliveries as yesterday: the business date has moved, and with it what is stale.
        ("clock", DOMAINS, OLD, True),
        ("clock", DOMAINS[:3], CHANGED, True),
        ("clock", (), None, True),
        ("hand", DOMAINS, SAME, True),
        ("hand", (), None, True),
    ],
)
def test_who_started_it_decides(
    trigger: Trigger, landed: tuple[str, ...], published: Published | None, goes_on: bool
) -> None:
    decision = decide(trigger, night=NIGHT, landed=landed, fingerprint="the same", published=published)
    assert decision.goes_on is goes_on
    assert decision.missing == tuple(domain for domain in DOMAINS if domain not in landed)


def test_the_reason_names_the_domains_that_are_missing() -> None:
    decision = decide("deliveries", night=NIGHT, landed={"budget", "trivsel"}, fingerprint="x", published=None)
    assert "school_absence, referrals not landed tonight" in decision.reason
    assert decision.missing == ("school_absence", "referrals")


def test_a_domain_unknown_to_the_settings_does_not_count() -> None:
    decision = decide("deliveries", night=NIGHT, landed={*DOMAINS[:3], "health"}, fingerprint="x", published=None)
    assert not decision.goes_on
