"""Cases, reviews and payments of the synthetic municipality land and pass their suites; spoilt batches do not."""

from __future__ import annotations

import datetime as dt
import importlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from include.demo.deliveries import calendar_of
from include.demo.population import simulate as simulate_population
from include.demo.town import simulate as simulate_town
from include.demo.world import World
from include.landing import process
from include.landing.batch import BatchHistory, BatchVerdict, judge_batch
from include.landing.contract import load_contracts
from include.landing.ledger import Delivery, Ledger
from include.settings import Settings

DATASETS = ("cases", "case_reviews", "granted_payments")
SEED = 151


@dataclass(frozen=True)
class Landed:
    """The synthetic deliveries of the week, landed and accepted, and the truth that was planted."""

    settings: Settings
    truth: Mapping[str, Any]

    def deliveries(self, dataset: str) -> list[Delivery]:
        with Ledger(self.settings) as ledger:
            return sorted(ledger.deliveries(dataset), key=lambda delivery: delivery.as_of or dt.date.min)


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Landed:
    folder = tmp_path_factory.mktemp("week")
    settings = Settings(home=folder / "home", key_file=folder / "key" / "person.key")
    town = simulate_town(np.random.default_rng([SEED, 1]), "small")
    truth = {}
    for dataset in DATASETS:
        world = World(
            inbox=settings.inbox,
            size="small",
            seed=SEED,
            rng=np.random.default_rng([SEED, zlib.crc32(dataset.encode())]),
            town=town,
            population=simulate_population(np.random.default_rng([SEED, 2]), town),
            calendar=calendar_of("week"),
            truth={},
            dates={},
        )
        truth[dataset] = importlib.import_module(f"include.demo.datasets.{dataset}").generate(world)
        process.take_in(settings, load_contracts()[dataset])
    return Landed(settings, truth)


def known(delivery: Delivery, **changed: Any) -> BatchHistory:
    columns: dict[str, Any] = {
        "as_of": delivery.as_of,
        "period_label": "whole",
        "period_from": delivery.as_of,
        "period_to": delivery.as_of,
        "row_count": delivery.row_count,
        "landed_count": delivery.landed_count,
        "quarantined_count": delivery.quarantined_count,
    }
    return BatchHistory(**columns | changed)


def judged(landed: Landed, dataset: str, folder: Path, change: str = "select * from good") -> BatchVerdict:
    """The verdict on the newest delivery after `change`, with the one before it known."""
    *_, before, newest = landed.deliveries(dataset)
    file = folder / "batch.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"create view good as from read_parquet('{landed.settings.landing / str(newest.parquet_file)}')"
        )
        connection.execute(f"create table changed as {change}")
        connection.table("changed").write_parquet(str(file))
        count = len(connection.table("changed"))
    history = [known(before)]
    return judge_batch(
        landed.settings,
        load_contracts()[dataset],
        file,
        known(newest, row_count=count, landed_count=count, quarantined_count=0),
        history,
    )


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_week_lands_whole(landed: Landed, dataset: str) -> None:
    planted = landed.truth[dataset]["deliveries"]
    deliveries = landed.deliveries(dataset)
    assert {delivery.status for delivery in deliveries} == {"landed"}
    assert {f"{dataset}/{delivery.file_name}": delivery.landed_count for delivery in deliveries} == {
        path: counted["rows"] for path, counted in planted.items()
    }
    assert sum(delivery.quarantined_count for delivery in deliveries) == 0
    assert len(landed.truth[dataset]["figures"]) >= 3


def test_the_export_of_payments_grows_columns(landed: Landed) -> None:
    names = [delivery.file_name.split("_")[2] for delivery in landed.deliveries("granted_payments")]
    assert names == ["1", "2", "2", "3", "3", "3"]


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_newest_delivery_passes_without_a_word(landed: Landed, tmp_path: Path, dataset: str) -> None:
    verdict = judged(landed, dataset, tmp_path)
    assert (verdict.critical, verdict.warnings) == ([], [])
    assert verdict.checks > 15


@pytest.mark.parametrize(
    ("dataset", "change", "said"),
    [
        ("cases", "select * from good limit 60", "times as many rows"),
        ("cases", "select * replace (null::utinyint as effort_step) from good", "a step of the ladder is set in half"),
        ("cases", "select * replace (2::utinyint as effort_step) from good", "not all entries are of one step"),
        ("cases", "select * replace (changed_at + interval 3 days as changed_at) from good", "a day after the extract"),
        ("cases", "select * replace (history_id % 7 as person_key) from good", "a case is of one child"),
        ("cases", "from good qualify row_number() over (partition by case_number) = 1", "after it was opened"),
        ("cases", "select * replace ('Team ' || '020312' || '-4002' as team_name) from good", "CPR number"),
        ("cases", "select * replace (1 as history_id) from good", "history_id identify a row"),
        ("case_reviews", "select * replace (held_date + 30 as held_date) from good", "after the day of the extract"),
        ("case_reviews", "select * replace ('Planlagt' as review_status) from good", "some reviews have been held"),
        ("case_reviews", "select * replace (4::utinyint as effort_step) from good", "of one step"),
        ("case_reviews", "select * from good limit 100", "times as many rows"),
        (
            "granted_payments",
            "select * replace ('EXPECTED' as activity_status) from good",
            "all activities are granted",
        ),
        (
            "granted_payments",
            "select * replace (expected_amount_dkk * 100 as expected_amount_dkk) from good",
            "kr. on average",
        ),
        ("granted_payments", "select * replace (null::date as paid_date) from good", "two months ago are paid"),
        ("granted_payments", "select * replace (paid_date - 900 as paid_date) from good", "two years before"),
        ("granted_payments", "select * replace ('unknown' as account_form) from good", "tells an account in 80 %"),
        ("granted_payments", "select * replace (payment_id % 5 as person_key) from good", "of one child"),
        ("granted_payments", "select * replace ('020312' || '4002' as section_text) from good", "CPR number"),
        ("granted_payments", "select * from good limit 200", "times as many rows"),
    ],
)
def test_a_spoilt_batch_is_rejected(landed: Landed, tmp_path: Path, dataset: str, change: str, said: str) -> None:
    verdict = judged(landed, dataset, tmp_path, change)
    assert not verdict.is_accepted
    assert any(said in message for message in verdict.critical), verdict.critical
