"""Cases, reviews and payments of the synthetic municipality land and pass their suites; spoilt batches do not."""

# ruff: noqa: E501 (a planted fault is one line of the table)
from __future__ import annotations

from dataclasses import dataclass

import pytest
from landing_steps import Synthetic
from suites import Batch, Fault, assert_is_told, assert_passes

from include.landing import process
from include.landing.contract import load_contracts
from include.landing.ledger import Delivery, Ledger
from include.settings import Settings

DATASETS = ("cases", "case_reviews", "granted_payments")


@dataclass(frozen=True)
class Landed:
    """The synthetic deliveries of the week, landed, and the truth that was planted."""

    settings: Settings
    week: Synthetic

    def deliveries(self, dataset: str) -> list[Delivery]:
        with Ledger(self.settings) as ledger:
            return sorted(ledger.deliveries(dataset), key=lambda delivery: str(delivery.as_of))

    def newest(self, dataset: str) -> Batch:
        """The newest delivery, with the one before it known."""
        *_, before, newest = self.deliveries(dataset)
        rows = f"from read_parquet('{self.settings.landing / str(newest.parquet_file)}')"
        assert newest.as_of
        return Batch(dataset, rows, newest.as_of, history=(before.landed_count / newest.landed_count,))


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Landed:
    folder = tmp_path_factory.mktemp("week")
    week = Synthetic.of(folder / "inbox", *DATASETS)
    settings = week.home(folder)
    for dataset in DATASETS:
        process.take_in(settings, load_contracts()[dataset])
    return Landed(settings, week)


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_week_lands_whole(landed: Landed, dataset: str) -> None:
    planted = landed.week.truth[dataset]["deliveries"]
    deliveries = landed.deliveries(dataset)
    assert {delivery.status for delivery in deliveries} == {"landed"}
    assert {f"{dataset}/{delivery.file_name}": delivery.landed_count for delivery in deliveries} == {
        path: counted["rows"] for path, counted in planted.items()
    }
    assert sum(delivery.quarantined_count for delivery in deliveries) == 0
    assert len(landed.week.truth[dataset]["figures"]) >= 3


def test_the_export_of_payments_grows_columns(landed: Landed) -> None:
    names = [delivery.file_name.split("_")[2] for delivery in landed.deliveries("granted_payments")]
    assert names == ["1", "2", "2", "3", "3", "3"]


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_newest_delivery_passes_without_a_word(landed: Landed, settings: Settings, dataset: str) -> None:
    assert_passes(settings, landed.newest(dataset))


FAULTS = [
    Fault("cases", "times as many rows", "select * from good limit 60"),
    Fault("cases", "a step of the ladder is set in half", "select * replace (null::utinyint as effort_step) from good"),
    Fault("cases", "not all entries are of one step", "select * replace (2::utinyint as effort_step) from good"),
    Fault("cases", "a day after the extract", "select * replace (changed_at + interval 3 days as changed_at) from good"),
    Fault("cases", "a case is of one child", "select * replace (history_id % 7 as person_key) from good"),
    Fault("cases", "after it was opened", "from good qualify row_number() over (partition by case_number) = 1"),
    Fault("cases", "CPR number", "select * replace ('Team ' || '020312' || '-4002' as team_name) from good"),
    Fault("cases", "history_id identify a row", "select * replace (1 as history_id) from good"),
    Fault("case_reviews", "after the day of the extract", "select * replace (held_date + 30 as held_date) from good"),
    Fault("case_reviews", "some reviews have been held", "select * replace ('Planlagt' as review_status) from good"),
    Fault("case_reviews", "of one step", "select * replace (4::utinyint as effort_step) from good"),
    Fault("case_reviews", "times as many rows", "select * from good limit 100"),
    Fault("granted_payments", "all activities are granted", "select * replace ('EXPECTED' as activity_status) from good"),
    Fault("granted_payments", "kr. on average", "select * replace (expected_amount_dkk * 100 as expected_amount_dkk) from good"),
    Fault("granted_payments", "two months ago are paid", "select * replace (null::date as paid_date) from good"),
    Fault("granted_payments", "two years before", "select * replace (paid_date - 900 as paid_date) from good"),
    Fault("granted_payments", "tells an account in 80 %", "select * replace ('unknown' as account_form) from good"),
    Fault("granted_payments", "of one child", "select * replace (payment_id % 5 as person_key) from good"),
    Fault("granted_payments", "CPR number", "select * replace ('020312' || '4002' as section_text) from good"),
    Fault("granted_payments", "times as many rows", "select * from good limit 200"),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_spoilt_batch_is_rejected(landed: Landed, settings: Settings, fault: Fault) -> None:
    assert_is_told(settings, landed.newest(fault.dataset), fault)
