"""`kill -9` of a night at each of its steps: the old release stays whole, the next run makes the same content.

The step that runs is seen from outside, in the run log; the program has no hook for this.
"""

from __future__ import annotations

import fcntl
import os
import random
import signal
import time
from pathlib import Path

import pytest
from fault_night import (
    Place,
    assert_landed_once,
    assert_swept,
    assert_whole,
    copy_of,
    good_night,
    home_with_release,
    kill_group,
    kill_in_step,
    session_of,
    start,
    stopped_child,
    wait_for_step,
)

from include.landing.contract import contracts_of
from include.landing.ledger import Ledger
from include.operations.run_log import steps
from include.settings import DOMAINS
from include.warehouse import release

REFRESH = ("build", "validate", "protect", "publish")


def check_end(place: Place, undisturbed: Place, *arguments: str) -> None:
    """A last run, which must succeed with the content of the undisturbed home and leave nothing of the killed ones."""
    before = release.current(undisturbed.settings)
    assert before is not None
    made = good_night(place, *arguments)
    assert made.release_id != before.release_id
    assert made.content_hash == before.content_hash
    assert made.landing_fingerprint == before.landing_fingerprint
    assert_whole(place, made.release_id)
    assert_landed_once(place, undisturbed)
    assert_swept(place)


def seconds_of(undisturbed: Place, name: str, domain: str | None = None) -> float:
    """How long a step took in the undisturbed night on this machine."""
    took = [step.seconds for step in steps(undisturbed.settings) if step.name == name and domain in {None, step.domain}]
    return max(seconds for seconds in took if seconds is not None)


def old_release(place: Place) -> str:
    found = release.current(place.settings)
    assert found is not None
    return found.release_id


def test_a_night_killed_while_landing_and_while_building(undisturbed: Place, tmp_path: Path) -> None:
    chance = random.Random(20260619)  # noqa: S311 - any delay will do
    place = home_with_release(undisturbed, tmp_path)
    old = old_release(place)
    for step, longest in (("land_ledger_postings", 1.0), ("build", 4.0)):
        assert kill_in_step(place, step, chance.uniform(0, longest)) == "started"
        assert_whole(place, old)
    check_end(place, undisturbed)


def test_a_landing_process_that_dies_alone(undisturbed: Place, tmp_path: Path) -> None:
    place = home_with_release(undisturbed, tmp_path)
    process = start(place, "extract", "referrals")
    try:
        with stopped_child(place, process, "referrals") as pid:
            os.kill(pid, signal.SIGKILL)
        assert process.wait(timeout=120) == 1
    finally:
        kill_group(process)
    said = place.output.read_text("utf-8")
    assert "land_referrals: failed: landing of referrals: the landing process was ended by signal 9" in said
    assert "Remedy:" in said
    failed = [step for step in steps(place.settings) if step.name == "land_referrals"]
    assert [step.outcome for step in failed] == ["failed"]


@pytest.mark.proof
def test_a_night_publishes_without_the_dataset_whose_landing_died(undisturbed: Place, tmp_path: Path) -> None:
    place = home_with_release(undisturbed, tmp_path)
    old = old_release(place)
    process = start(place, "run", "--plain")
    try:
        with stopped_child(place, process, "absence_days") as pid:
            os.kill(pid, signal.SIGKILL)
        assert process.wait(timeout=900) == 0
    finally:
        kill_group(process)
    made = release.current(place.settings)
    assert made is not None
    assert made.release_id != old
    assert "absence_days" in made.stale
    assert "referrals" not in made.stale or "referrals" in release.releases(undisturbed.settings)[0].stale
    assert "land_absence_days: failed" in place.output.read_text("utf-8")
    check_end(place, undisturbed)


def test_a_landing_process_that_outlives_its_parent(undisturbed: Place, tmp_path: Path) -> None:
    place = home_with_release(undisturbed, tmp_path)
    lock = place.settings.landing / "referrals" / ".lock"
    lock.parent.mkdir(parents=True)
    with lock.open("w") as held:
        # The test holds the lock until both are there, so that neither is done before the other begins.
        fcntl.flock(held, fcntl.LOCK_EX)
        first = start(place, "extract", "referrals")
        with stopped_child(place, first, "referrals") as orphan:
            os.kill(first.pid, signal.SIGKILL)
            first.wait(timeout=60)
        before = len(steps(place.settings))
        second = start(place, "extract", "referrals")
        wait_for_step(place, second, "land_referrals", after=before)
        with stopped_child(place, second, "referrals"):
            assert session_of(first.pid) == [orphan]
        time.sleep(3)
        (waiting,) = [step for step in steps(place.settings)[before:] if step.name == "land_referrals"]
        assert waiting.outcome == "started", "it does not wait for the lock"
        assert session_of(first.pid) == [orphan]
    try:
        assert second.wait(timeout=120) == 0, place.output.read_text("utf-8")[-4000:]
        deadline = time.monotonic() + 60
        while session_of(first.pid):
            assert time.monotonic() < deadline, "the orphan does not end"
            time.sleep(0.02)
    finally:
        kill_group(second)
        kill_group(first)
    of_domain = {contract.dataset for contract in contracts_of("referrals")}
    assert ledger_counts(place) == [one for one in ledger_counts(undisturbed) if one[0] in of_domain]
    assert not list(lock.parent.glob("*.tmp"))


def ledger_counts(place: Place) -> list[tuple[object, ...]]:
    with Ledger(place.settings) as ledger:
        return sorted(
            (one.dataset, one.delivery_id, one.status, one.row_count, one.landed_count) for one in ledger.deliveries()
        )


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(2))
def test_a_night_killed_at_every_step_one_after_the_other(undisturbed: Place, tmp_path: Path, seed: int) -> None:
    """Each run goes on from what the killed one before it left, and dies one step later."""
    chance = random.Random(seed)  # noqa: S311 - any delay will do
    place = home_with_release(undisturbed, tmp_path)
    old = old_release(place)
    # In the order of a night: what a killed run has finished, the next one does not do again.
    table: list[tuple[str, str | None]] = []
    for of_domain in DOMAINS:
        table += [(f"land_{contract.dataset}", None) for contract in contracts_of(of_domain)]
        table += [("judge_deliveries", of_domain)]
    table += [(step, None) for step in REFRESH]
    hit = []
    for step, domain in table:
        # The end of a short step may come before the kill; then it was the next one that was hit.
        longest = seconds_of(undisturbed, step, domain)
        outcome = kill_in_step(place, step, chance.uniform(0, 0.7 * longest), domain=domain)
        hit.append(outcome)
        # A publication that was already through stands, and is whole.
        now = old_release(place)
        assert now == old or (step in REFRESH and outcome == "succeeded") or step == "publish"
        assert_whole(place, now)
        old = now
    assert hit.count("started") >= len(table) // 2, "most kills must hit inside their step"
    check_end(place, undisturbed)


@pytest.mark.proof
@pytest.mark.parametrize("step", REFRESH)
def test_a_night_killed_in_the_refresh_of_a_home_with_landed_deliveries(
    undisturbed: Place, tmp_path: Path, step: str
) -> None:
    chance = random.Random(step)  # noqa: S311 - any delay will do
    place = copy_of(undisturbed, tmp_path)
    old = old_release(place)
    kill_in_step(place, step, chance.uniform(0, 0.7 * seconds_of(undisturbed, step)))
    assert_whole(place, old if step != "publish" else old_release(place))
    check_end(place, undisturbed)


@pytest.mark.proof
@pytest.mark.parametrize("step", ["land_wellbeing_answers", "build"])
def test_a_night_through_airflow_killed(undisturbed: Place, tmp_path: Path, step: str) -> None:
    place = home_with_release(undisturbed, tmp_path)
    old = old_release(place)
    assert kill_in_step(place, step, 0.5, "--size", "small") == "started"
    assert_whole(place, old)
    check_end(place, undisturbed, "--size", "small")
