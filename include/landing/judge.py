"""Judge what has landed: each new delivery as a batch, by its dataset's suite, and tell the ledger.

Runs outside the landing process, because it needs no key: what it sees has no persons in it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from include.landing import store
from include.landing.contract import load_contracts
from include.landing.ledger import Delivery, Ledger
from include.settings import Settings
from include.sources.reading import Problem

log = logging.getLogger(__name__)

_ALL_ERASED = "all its rows are past their retention or were erased, so there is nothing to judge."


@dataclass(frozen=True)
class Verdict:
    """What became of one delivery, with the expectations that failed; no value of a row is in them."""

    dataset: str
    file_name: str
    is_accepted: bool
    critical: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    checks: int = 0


def judge(settings: Settings, domain: str) -> list[Verdict]:
    """Judge all deliveries of a domain that have landed and wait, oldest extract first.

    A critical failure rejects the delivery: the file stays in the inbox, its rows leave landing, the reasons go to
    quarantine. Raises WarehouseError if a suite can't be run.
    """
    verdicts: list[Verdict] = []
    with Ledger(settings) as ledger:
        waiting = sorted(ledger.deliveries(domain=domain, status="landed"), key=lambda d: (d.dataset, d.newest_first))
        for number, delivery in enumerate(waiting, start=1):
            with store.dataset_lock(settings, delivery.dataset):
                # Another process may have judged it while this one waited.
                known = ledger.known(delivery.dataset, delivery.delivery_id)
                if known is None or known.status != "landed":
                    continue
                verdict = _judge_one(settings, ledger, known)
            log.info(
                "%s %s of %s: %s %s, %s checks",
                domain,
                number,
                len(waiting),
                delivery.file_name,
                "accepted" if verdict.is_accepted else "rejected",
                verdict.checks,
            )
            verdicts.append(verdict)
    return verdicts


def _judge_one(settings: Settings, ledger: Ledger, delivery: Delivery) -> Verdict:
    from include.landing.batch import BatchHistory, judge_batch

    def known(one: Delivery) -> BatchHistory:
        assert one.as_of is not None, "a delivery that landed has a date"
        assert one.period_label is not None, "a delivery that landed has a period"
        assert one.period_from is not None, "a delivery that landed has a period"
        assert one.period_to is not None, "a delivery that landed has a period"
        return BatchHistory(
            one.as_of,
            one.period_label,
            one.period_from,
            one.period_to,
            # What was erased is no row any more: neither missing nor bad.
            one.row_count - one.erased_count,
            one.landed_count,
            one.quarantined_count,
        )

    assert delivery.parquet_file is not None, "a delivery that landed has a file"
    if delivery.row_count and delivery.row_count == delivery.erased_count:
        ledger.decide(delivery, is_accepted=True, notes=[_ALL_ERASED], problems=[])
        return Verdict(delivery.dataset, delivery.file_name, is_accepted=True, warnings=[_ALL_ERASED])
    contract = load_contracts()[delivery.dataset]
    file = settings.landing / delivery.parquet_file
    earlier = ledger.deliveries(delivery.dataset, status="accepted")
    beside = {name: ledger.windows(load_contracts()[name]) for name in contract.judged_beside.datasets}
    verdict = judge_batch(settings, contract, file, known(delivery), [known(one) for one in earlier], beside)
    ledger.decide(
        delivery,
        is_accepted=verdict.is_accepted,
        notes=[*verdict.critical, *verdict.warnings],
        problems=_problems(verdict.critical, contract.domain),
    )
    if not verdict.is_accepted:
        file.unlink(missing_ok=True)
    return Verdict(
        delivery.dataset,
        delivery.file_name,
        verdict.is_accepted,
        list(verdict.critical),
        list(verdict.warnings),
        verdict.checks,
    )


def _problems(critical: Sequence[str], domain: str) -> list[Problem]:
    return [
        Problem(
            line=None,
            column=None,
            rule="expectation",
            reason=f"the delivery as a whole fails: {message}.",
            remedy="have the source send it right; if it is right, change the suite in expectations/ and run "
            f"`warehouse extract {domain} --retry-rejected`",
        )
        for message in critical
    ]
