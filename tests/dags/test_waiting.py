"""When a refresh looks again instead of ending: a domain that it misses is being landed at this moment."""

from __future__ import annotations

import datetime as dt
import sys
from types import SimpleNamespace
from typing import Any

import pytest

NOW = dt.datetime.now(dt.UTC)
HOUR = dt.timedelta(hours=1)


def context(running: set[str], *, started: dt.datetime = NOW, due: dt.datetime = NOW) -> dict[str, Any]:
    def count(dag_id: str, states: list[str]) -> int:
        assert states == ["queued", "running"]
        return int(dag_id in running)

    run = SimpleNamespace(start_date=started, run_after=due)
    return {"dag_run": run, "ti": SimpleNamespace(get_dr_count=count)}


@pytest.fixture
def waits_for(dags: dict[str, Any]) -> Any:
    """The function of `dags/wiring.py`, which is there once the DAGs are loaded."""
    return sys.modules["wiring"]._worth_waiting_for


def test_a_run_by_deliveries_waits_for_domains_that_land_right_now(waits_for: Any) -> None:
    missing = ("school_absence", "referrals", "trivsel")
    assert waits_for(context({"extract_referrals"}), "deliveries", missing) == ["referrals"]
    assert waits_for(context(set()), "deliveries", missing) == []
    assert waits_for(context({"extract_referrals"}), "deliveries", ()) == []


def test_the_clock_s_run_is_on_time_and_does_not_wait(waits_for: Any) -> None:
    assert waits_for(context({"extract_budget"}), "clock", ("budget",)) == []


def test_the_clock_s_run_waits_where_the_night_is_made_up_for(waits_for: Any) -> None:
    assert waits_for(context({"extract_budget"}, due=NOW - 5 * HOUR), "clock", ("budget",)) == ["budget"]


def test_nobody_waits_for_ever(waits_for: Any) -> None:
    old = context({"extract_budget"}, started=NOW - HOUR, due=NOW - 5 * HOUR)
    assert waits_for(old, "deliveries", ("budget",)) == []
    assert waits_for(old, "clock", ("budget",)) == []


def test_a_run_by_hand_publishes_at_once(waits_for: Any) -> None:
    assert waits_for(context({"extract_budget"}, due=NOW - 5 * HOUR), "hand", ("budget",)) == []
