"""A whole year of nights: some 265, with what is late, missing, double, corrected and restated in them.

One home takes them in month by month, each delivery landed and judged as on its night, and publishes a release at the
end of every quarter and after the last night. Another, with the same key, takes all in at once and is built once. Both
must come to the same exact content to the last row, whatever the first had published meanwhile; what everybody reads is
protected beside what each home had published before, so it is not the same in both (`test_growing.py` attacks it).
Nobody must have to act on anything, and the staging models must show what was planted.

`pytest -m proof tests/end_to_end/test_year.py -o log_cli=true -o log_cli_level=INFO` tells how far it is.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import logging
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
from include.landing.contract import contracts_of, load_contracts
from include.landing.ledger import Ledger
from include.landing.process import take_in
from include.settings import DOMAINS, Settings
from include.warehouse.release import Release, verify

pytestmark = pytest.mark.proof

FEWEST_DELIVERIES = 1500
QUARTERS = 4

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Year:
    """What came of the year: the planted truth, what each home published, and what anybody had to act on."""

    truth: Truth
    releases: dict[dt.date, Release]
    """Those of the home that took the year in step by step, by the night that each was made."""

    step_by_step: Settings
    at_once: Settings
    whole: Release
    to_act_on: list[str]
    deliveries: dict[str, int]
    built: Path

    @property
    def last(self) -> Release:
        """The release after the last night."""
        return self.releases[max(self.releases)]


def stops(inbox: Path) -> list[dt.date]:
    """The last night of each month, and the last two nights, so that the last one comes alone."""
    nights = nights_of(inbox)
    months = itertools.groupby(nights, key=lambda date: (date.year, date.month))
    return sorted({*(list(group)[-1] for _, group in months), *nights[-2:]})


def is_published(stop: dt.date, last: dt.date) -> bool:
    """Whether a release is made at this stop: at the end of a quarter, and after the last night."""
    return stop == last or (stop.month % 3 == 0 and stop < last.replace(day=1))


def extract(settings: Settings, domain: str, connections: dict[str, str]) -> list[str]:
    """Land and judge one domain, in a process that stays for the next one."""
    os.environ.update(connections)
    return night.extract_plain(settings, domain, lambda _: None)


def land_as(settings: Settings, domain: str, judged: Settings) -> int:
    """Land a whole domain in this home, and decide as Great Expectations has decided in the other; how many it took."""
    with Ledger(judged) as other:
        verdicts = {(one.dataset, one.delivery_id): one for one in other.deliveries()}
    for contract in contracts_of(domain):
        take_in(settings, contract)
    with Ledger(settings) as ledger:
        waiting = ledger.deliveries(domain=domain, status="landed")
        for one in waiting:
            verdict = verdicts[one.dataset, one.delivery_id]
            ledger.decide(one, is_accepted=verdict.status == "accepted", notes=verdict.notes, problems=[])
    return len(waiting)


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Year:
    folder = tmp_path_factory.mktemp("year")
    truth = generate(folder / "inbox", size="small", nights="year")
    (folder / "played").mkdir()
    played = settings_of(folder / "played", folder / "played" / "inbox")
    whole = settings_of(folder / "whole", folder / "inbox").model_copy(update={"key_file": played.key_file})
    to_act_on: list[str] = []
    releases: dict[dt.date, Release] = {}
    *earlier, last = stops(folder / "inbox")
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for stop in (*earlier, last):
            new = copy_until(folder / "inbox", played.inbox, stop)
            with stand_ins(played.inbox) as connections:
                found = [pool.submit(extract, played, domain, connections) for domain in DOMAINS]
                to_act_on += [line for future in found for line in future.result()]
            log.info("%s: %s new files are landed and judged", stop, len(new))
            if is_published(stop, last):
                with keep_build(folder / "built") if stop == last else contextlib.nullcontext():
                    releases[stop] = refresh(played)
                log.info("%s: published as %s", stop, releases[stop].content_hash)
        # What the outside APIs answered is the same in both homes.
        whole.home.mkdir(parents=True)
        (whole.home / "fetched").symlink_to(played.fetched)
        whole.prepare()
        landed = [pool.submit(land_as, whole, domain, played) for domain in DOMAINS]
        log.info("at once: %s deliveries are landed", sum(future.result() for future in landed))
    at_once = refresh(whole)
    log.info("at once: published as %s", at_once.content_hash)
    with Ledger(played) as ledger:
        deliveries = {name: len(ledger.deliveries(name)) for name in load_contracts()}
    return Year(truth, releases, played, whole, at_once, to_act_on, deliveries, folder / "built")


def test_nobody_has_to_act_on_anything(year: Year) -> None:
    assert year.to_act_on == []
    assert sum(year.deliveries.values()) >= FEWEST_DELIVERIES
    assert all(year.deliveries.values())


def test_both_homes_know_the_same_deliveries(year: Year) -> None:
    with Ledger(year.step_by_step) as one, Ledger(year.at_once) as other:
        known, again = (
            {(d.dataset, d.delivery_id): (d.status, d.row_count, d.landed_count) for d in ledger.deliveries()}
            for ledger in (one, other)
        )
        windows, windows_again = (
            {
                (name, window.delivery.delivery_id, window.first, window.last)
                for name, contract in load_contracts().items()
                for window in ledger.windows(contract)
            }
            for ledger in (one, other)
        )
    assert known == again
    # Which keys are one person's is not compared: a replaced CPR number that came before its successor had its own.
    assert windows == windows_again


def test_each_quarter_has_a_release_of_its_own_content(year: Year) -> None:
    assert len(year.releases) >= QUARTERS
    assert len({release.content_hash for release in year.releases.values()}) == len(year.releases)


def test_the_year_step_by_step_is_the_year_at_once(year: Year) -> None:
    assert different_tables(year.last, year.whole) == []
    assert year.last.content_hash == year.whole.content_hash
    # the hash is what lies in the release, not what was written beside it
    assert verify(year.step_by_step, year.last.release_id, with_content=True).content_hash == year.whole.content_hash


def different_tables(one: Release, other: Release) -> list[str]:
    """Exact tables of two releases whose rows differ, so that a wrong hash says where to look."""
    different = []
    with duckdb.connect() as connection:
        connection.execute(f"attach '{one.path / 'restricted' / 'warehouse.duckdb'}' as one (read_only)")
        connection.execute(f"attach '{other.path / 'restricted' / 'warehouse.duckdb'}' as other (read_only)")
        tables = {
            side: {
                name
                for (name,) in connection.execute(
                    "select table_name from duckdb_tables() where database_name = ? and schema_name = 'marts'",
                    [side],
                ).fetchall()
            }
            for side in ("one", "other")
        }
        assert tables["one"]
        different += [f"{name} is in one alone" for name in tables["one"] ^ tables["other"]]
        for name in sorted(tables["one"] & tables["other"]):
            columns = "* exclude (received_at)" if name == "data_freshness" else "*"
            mine, theirs = (f"select {columns} from {side}.marts.{name}" for side in ("one", "other"))
            both_ways = f"(({mine} except all {theirs}) union all ({theirs} except all {mine}))"
            (found,) = rows(connection, f"select count(*) as n from {both_ways}")
            different += [f"{name}: {found['n']} rows"] if found["n"] else []
    return different


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
