"""A whole year of nights: some 265, with what is late, missing, double, corrected and restated in them.

One home takes them in month by month and the last week night by night; another takes all in at once. Both must come to
the same content, nobody must have to act on anything, and the staging models must show what was planted.
"""

from __future__ import annotations

import datetime as dt
import itertools
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import duckdb
import pytest
from figures import rows
from nights import keep_build, refresh, settings_of
from test_staged_truth import COMPARED_ELSEWHERE, counted, queries

from include import night
from include.demo.municipality import Truth, copy_until, generate, nights_of
from include.demo.stand_ins import stand_ins
from include.landing.contract import load_contracts
from include.landing.ledger import Ledger
from include.landing.process import take_in
from include.landing.store import fingerprint
from include.settings import DOMAINS, Settings
from include.warehouse.release import Release

pytestmark = pytest.mark.proof

FEWEST_DELIVERIES = 1500


@dataclass(frozen=True)
class Year:
    """What came of the year: the planted truth, what each home published, and what anybody had to act on."""

    truth: Truth
    step_by_step: Release
    at_once: Release
    fingerprints: tuple[str, str]
    to_act_on: list[str]
    deliveries: dict[str, int]
    built: Path


def stops(inbox: Path) -> list[dt.date]:
    """The last night of each month, and every night of the last week."""
    months = itertools.groupby(nights_of(inbox), key=lambda date: (date.year, date.month))
    return sorted({*(list(group)[-1] for _, group in months), *nights_of(inbox)[-5:]})


def extract(settings: Settings, domain: str, connections: dict[str, str]) -> list[str]:
    """Land and judge one domain, in a process that stays for the next one."""
    os.environ.update(connections)
    return night.extract_plain(settings, domain, lambda _: None)


def accept_as(settings: Settings, judged: Settings) -> None:
    """Land all in this home, and decide as Great Expectations has decided in the other."""
    with Ledger(judged) as other:
        verdicts = {(one.dataset, one.delivery_id): one for one in other.deliveries()}
    for contract in load_contracts().values():
        take_in(settings, contract)
    with Ledger(settings) as ledger:
        for one in ledger.deliveries(status="landed"):
            verdict = verdicts[one.dataset, one.delivery_id]
            ledger.decide(one, is_accepted=verdict.status == "accepted", notes=verdict.notes, problems=[])


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Year:
    folder = tmp_path_factory.mktemp("year")
    truth = generate(folder / "inbox", size="small", nights="year")
    (folder / "played").mkdir()
    played = settings_of(folder / "played", folder / "played" / "inbox")
    whole = settings_of(folder / "whole", folder / "inbox").model_copy(update={"key_file": played.key_file})
    to_act_on: list[str] = []
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for stop in stops(folder / "inbox"):
            copy_until(folder / "inbox", played.inbox, stop)
            with stand_ins(played.inbox) as connections:
                found = [pool.submit(extract, played, domain, connections) for domain in DOMAINS]
                to_act_on += [line for future in found for line in future.result()]
    with keep_build(folder / "built"):
        step_by_step = refresh(played)
    # What the outside APIs answered is the same in both homes.
    (whole.home).mkdir(parents=True)
    (whole.home / "fetched").symlink_to(played.fetched)
    accept_as(whole, played)
    with Ledger(played) as ledger:
        deliveries = {name: len(ledger.deliveries(name)) for name in load_contracts()}
    return Year(
        truth,
        step_by_step,
        refresh(whole),
        (fingerprint(played), fingerprint(whole)),
        to_act_on,
        deliveries,
        folder / "built",
    )


def test_nobody_has_to_act_on_anything(year: Year) -> None:
    assert year.to_act_on == []
    assert sum(year.deliveries.values()) >= FEWEST_DELIVERIES
    assert all(year.deliveries.values())


def test_the_year_month_by_month_is_the_year_at_once(year: Year) -> None:
    assert year.fingerprints[0] == year.fingerprints[1]
    assert year.step_by_step.content_hash == year.at_once.content_hash


def test_staging_shows_what_was_planted_in_the_year(year: Year) -> None:
    wrong: list[Any] = []
    with duckdb.connect(str(year.built / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute(f"attach '{year.built / 'landing.duckdb'}' as landing (read_only)")
        for dataset in sorted(set(load_contracts()) - COMPARED_ELSEWHERE):
            planted = year.truth.content[dataset]["figures"]
            for name, query in queries(dataset).items():
                if counted(rows(connection, query)) != counted(planted[name]):
                    wrong.append(f"{dataset}.{name}")
    assert wrong == []
