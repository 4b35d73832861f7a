"""The steps of a night, each logged: what Airflow's tasks call, and what `warehouse run --plain` calls one by one.

A step is one function here, so that a night through Airflow and one without it do exactly the same and leave the same
in the run log. Heavy modules (Great Expectations, DuckDB, dbt) are imported by the step that needs them.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.errors import Refused, WarehouseError
from include.landing.contract import Contract, contracts_of, load_contracts
from include.landing.ledger import Delivery, Ledger
from include.operations.decision import Decision, Published, Trigger, decide
from include.operations.freshness import newest_day, state_of
from include.operations.run_log import Step, step, steps
from include.settings import DOMAINS, Settings

if TYPE_CHECKING:
    from include.follow_up.calendar import Action
    from include.follow_up.edition import Edition
    from include.landing.erase import ErasureReport
    from include.landing.erasures import Purpose
    from include.landing.judge import Verdict
    from include.landing.process import LandReport
    from include.sources.api import ApiConnection

STATUS_FORMS = "milestone_status"
"""The dataset whose senders get a reply where something of their form could not be taken."""

PLACES_SHOWN = 10
"""How many rows of one rejected delivery a message names; `warehouse quarantine` lists them all."""


def extract_run(domain: str, night: dt.date) -> str:
    """The name under which the run log keeps a domain's extract of one night."""
    return f"extract_{domain}_{night:%Y%m%d}"


# ---- extract


def land_dataset(
    settings: Settings, dataset: str, *, connection: ApiConnection | None = None, retry_rejected: bool = False
) -> LandReport:
    """Land all new deliveries of one dataset, in the landing process. Raises WarehouseError.

    Without a `connection` the environment is asked for one (`AIRFLOW_CONN_<NAME>`), where the contract names one.
    """
    from include.landing.process import land

    contract = load_contracts()[dataset]
    connection = connection or connection_from_environment(contract)
    run = extract_run(contract.domain, settings.night)
    with step(settings, f"land_{dataset}", run=run, domain=contract.domain) as detail:
        report = land(settings, dataset, connection=connection, retry_rejected=retry_rejected)
        detail.update(counts(report))
    return report


def connection_from_environment(contract: Contract) -> ApiConnection | None:
    """The connection that a contract names, from `AIRFLOW_CONN_<NAME>`; None if there is none."""
    from include.sources.api import ApiConnection

    return ApiConnection.from_environment(contract.connection) if contract.connection else None


def counts(report: LandReport) -> dict[str, int]:
    """What a landing step tells: deliveries and rows, never a value of one."""
    return {
        "deliveries": report.deliveries,
        "rows_in": report.row_count,
        "landed": report.landed_count,
        "quarantined": report.quarantined_count,
        **({"erased": report.erased_count} if report.erased_count else {}),
        "rejected": len(report.rejected),
    }


def judge_domain(settings: Settings, domain: str) -> list[Verdict]:
    """Judge what a domain has landed, and note in the ledger that its night is finished. Raises WarehouseError."""
    from include.landing.judge import judge

    with step(settings, "judge_deliveries", run=extract_run(domain, settings.night), domain=domain) as detail:
        verdicts = judge(settings, domain)
        with Ledger(settings) as ledger:
            ledger.finish_domain(domain, settings.night)
        accepted = sum(verdict.is_accepted for verdict in verdicts)
        detail.update(judged=len(verdicts), accepted=accepted, rejected=len(verdicts) - accepted)
        if domain == load_contracts()[STATUS_FORMS].domain:
            from include.follow_up.replies import write_replies

            if written := write_replies(settings):
                detail.update(replies=len(written))
    return verdicts


def rejected_since(settings: Settings, domain: str, since: dt.datetime) -> list[Delivery]:
    """The domain's deliveries that were rejected as a whole at or after `since` (UTC), whenever they came."""
    with Ledger(settings) as ledger:
        rejected = ledger.deliveries(domain=domain, status="rejected")
    return [one for one in rejected if one.decided_at is not None and one.decided_at >= since]


def account(settings: Settings, domain: str, since: dt.datetime, failed: list[str]) -> list[str]:
    """What a person has to act on after a domain's extract, one line a place; empty if there is nothing.

    `failed` names the landing tasks that failed. A rejected delivery gives file, line, column, reason and remedy.
    """
    lines = [f"{task}: the task failed; its own log says why. Remedy: correct it and clear the task" for task in failed]
    for delivery in rejected_since(settings, domain, since):
        with Ledger(settings) as ledger:
            problems = ledger.problems(delivery_id=delivery.delivery_id, dataset=delivery.dataset)
        # What stopped the whole file comes first, then single rows.
        problems.sort(key=lambda problem: (problem.line is not None, problem.line or 0))
        lines += [problem.sentence for problem in problems[:PLACES_SHOWN]]
        if len(problems) > PLACES_SHOWN:
            lines.append(
                f"{delivery.dataset}/{delivery.file_name}: {len(problems) - PLACES_SHOWN} more; "
                f"`warehouse quarantine {delivery.dataset}` lists them"
            )
        if not problems:
            noted = "; ".join(delivery.notes) or "rejected"
            lines.append(f"{delivery.dataset}/{delivery.file_name}: {noted}. Remedy: have a corrected file sent")
    return lines


def accounts(settings: Settings, since: dt.datetime) -> list[str]:
    """What a person has to act on after all extracts since `since` (UTC), by what ledger and run log know."""
    failed = [one for one in steps(settings) if one.started_at >= since and one.domain and one.outcome != "succeeded"]
    return [
        line
        for domain in DOMAINS
        for line in account(settings, domain, since, [one.name for one in failed if one.domain == domain])
    ]


# ---- refresh


def published(settings: Settings) -> Published | None:
    """What the current release was made from, from its manifest; None without a release or a readable manifest."""
    manifest = settings.current_release / "manifest.json"
    if not manifest.is_file():
        return None
    try:
        content: dict[str, Any] = json.loads(manifest.read_text("utf-8"))
        return Published(dt.date.fromisoformat(content["as_of"]), str(content["landing_fingerprint"]))
    except (ValueError, KeyError):
        # A manifest that can't be read must not stop a night: the night then makes a release that has a good one.
        return None


def look_in_ledger(settings: Settings, trigger: Trigger) -> Decision:
    """Whether a refresh of `settings.night` goes on, by what the ledger and the current release say."""
    from include.landing.store import fingerprint

    with Ledger(settings) as ledger:
        landed = ledger.domains_landed(settings.night)
    return decide(
        trigger,
        night=settings.night,
        landed=landed,
        fingerprint=fingerprint(settings),
        published=published(settings),
    )


def missing_domains(settings: Settings) -> tuple[str, ...]:
    """The domains whose deliveries of the night have not been taken in."""
    with Ledger(settings) as ledger:
        landed = ledger.domains_landed(settings.night)
    return tuple(domain for domain in DOMAINS if domain not in landed)


def build_step(settings: Settings, run_id: str) -> dict[str, Any]:
    """Build and test with dbt the run's private database. Raises BuildFailed."""
    from include.warehouse.build import build

    with step(settings, "build", run=run_id) as detail:
        report = build(settings, run_id)
        detail.update(models=report.models, tests=report.tests, seeds=report.seeds, warnings=len(report.warnings))
    return detail


def validate_step(settings: Settings, run_id: str) -> dict[str, Any]:
    """Great Expectations judges the run's marts. Raises ValidationFailed."""
    from include.warehouse.validate import validate

    with step(settings, "validate", run=run_id) as detail:
        detail.update(figures(validate(settings, run_id)))
    return detail


def protect_step(settings: Settings, run_id: str) -> dict[str, Any]:
    """The disclosure gate. Raises DisclosureFound."""
    from include.warehouse.protect import protect

    with step(settings, "protect", run=run_id) as detail:
        detail.update(figures(protect(settings, run_id)))
    return detail


def publish_step(settings: Settings, run_id: str) -> dict[str, Any]:
    """Turn the run into a release and let `current` point at it. Raises WarehouseError."""
    from include.warehouse.release import publish

    with step(settings, "publish", run=run_id) as detail:
        notes = _warnings(settings, run_id)
        detail.update(release=publish(settings, run_id, notes=notes).release_id, notes=len(notes))
    return detail


def _warnings(settings: Settings, run_id: str) -> list[str]:
    """With which warnings a run goes out: the marts' validation's, its deliveries', and that dbt's docs are missing."""
    from include.warehouse.build import NO_DOCS
    from include.warehouse.dbt_docs import docs_page
    from include.warehouse.landing_file import read_landed
    from include.warehouse.run_folder import RunFolder

    folder = RunFolder.of(settings, run_id)
    file = folder.operations / "validation.json"
    found: list[str] = json.loads(file.read_text("utf-8"))["warnings"] if file.is_file() else []
    if not folder.landing_file.is_file():
        # There is no build; `publish` says so.
        return found
    if not docs_page(folder).is_file():
        found = [*found, NO_DOCS]
    deliveries = read_landed(settings, folder).deliveries
    return found + [f"{one.dataset}/{one.file_name}: {note}" for one in deliveries for note in one.notes]


REFRESH_STEPS: dict[str, Callable[[Settings, str], dict[str, Any]]] = {
    "build": build_step,
    "validate": validate_step,
    "protect": protect_step,
    "publish": publish_step,
}
"""The steps of a refresh in order, each with the settings of the night and the run's id."""


def figures(report: object) -> dict[str, int | float]:
    """The counts of a report: numbers as they are, collections by their length. Texts stay out of the run log."""
    found: dict[str, int | float] = {}
    for name, value in vars(report).items():
        if isinstance(value, bool | int | float):
            found[name] = value
        elif isinstance(value, list | tuple | dict | set | frozenset):
            found[name] = len(value)
    return found


# ---- erasure


ERASE_STEPS: dict[Purpose, str] = {"person": "erase_person", "retention": "erase_past_retention"}
"""The names of the steps in the run log."""


def erase(settings: Settings, purpose: Purpose, say: Callable[[str], None]) -> ErasureReport:
    """Erase a person, or what is past its retention, everywhere below the home; then publish without it.

    Holds the lock of the refresh throughout, so that no night builds meanwhile. Earlier releases leave once a new one
    stands. Raises WarehouseError if a part could not be done, and says what remains; the same call then finishes.
    """
    from include.landing import erase as landing
    from include.landing.erasures import Erasures
    from include.warehouse import after_erasure
    from include.warehouse.lock import refresh_lock
    from include.warehouse.run_folder import new_run_id

    with refresh_lock(settings), step(settings, ERASE_STEPS[purpose], run=f"erase_{new_run_id()}") as detail:
        report = landing.run(settings, purpose)
        detail.update(
            purpose=purpose,
            landed=sum(one.landed for one in report.datasets),
            quarantined=sum(one.quarantined for one in report.datasets),
            persons=report.persons,
            files=report.files,
        )
        say(f"landing, vault and inbox: {told(detail)}")
        with Erasures(settings) as erasures:
            changed = after_erasure.mark_editions(settings, erasures.deliveries())
            is_open = erasures.is_open()
        if is_open or report.datasets or report.persons:
            after_erasure.remove_private_builds(settings)
        if changed:
            say(f"editions whose manifest now marks erased inputs: {', '.join(changed)}")
        if is_open:
            _publish_without(settings, say)
    if report.remains:
        raise WarehouseError(
            f"the number still stands in {len(report.remains)} file(s): {', '.join(report.remains)}.",
            where=str(settings.home),
            remedy="these are no deliveries that the warehouse knows (half transferred, hidden, or put there by hand): "
            "look at them, remove them, and start the erasure again",
        )
    return report


def _publish_without(settings: Settings, say: Callable[[str], None]) -> None:
    """A release without the erased rows, and the end of all from before."""
    from include.landing.erasures import Erasures
    from include.warehouse import after_erasure, release

    old = after_erasure.outdated(settings)
    standing = settings.current_release.readlink().name if settings.current_release.is_symlink() else None
    if standing in old:
        try:
            refresh_plain(settings, say)
        except WarehouseError as error:
            kind = Refused if isinstance(error, final_failures()) else WarehouseError
            raise kind(
                "landing, vault and inbox are erased, but no release could be made without the rows: "
                f"{error.reason.strip()} What remains: {', '.join(old)}.",
                where=error.where,
                remedy=f"{error.remedy}; then start the erasure again (`warehouse erase retention` finishes any). "
                "Until then readers get exact figures that were made with the rows",
            ) from error
    removed = after_erasure.remove_outdated(settings)
    current = release.current(settings)
    with Erasures(settings) as erasures:
        erasures.finish(current.release_id if current else None)
    say(f"releases from before, removed: {', '.join(removed) or 'none'}")


def past_retention(settings: Settings) -> ErasureReport:
    """What an erasure by retention would take on the business date; nothing changes. Raises WarehouseError."""
    from include.landing import erase as landing

    return landing.run(settings, "retention", dry_run=True)


def final_failures() -> tuple[type[WarehouseError], ...]:
    """What is of no use to try once more: a gate fails again on the same data, and a run that may not be stays so."""
    from include.warehouse.build import BuildFailed
    from include.warehouse.protect import DisclosureFound
    from include.warehouse.validate import ValidationFailed

    return (BuildFailed, ValidationFailed, DisclosureFound, Refused)


# ---- follow-ups


def follow_up_run(code: str) -> str:
    """The name under which the run log keeps what is done for a follow-up."""
    return f"follow_up_{code}"


def forms_step(settings: Settings, code: str) -> tuple[Path, ...]:
    """Write the forms of a follow-up, a workbook a centre; gives the files. Raises WarehouseError."""
    from include.follow_up.forms import write_forms

    with _of_follow_up(settings, "write_forms", code) as detail:
        files = write_forms(settings, code)
        detail["forms"] = len(files)
    return files


def freeze_step(settings: Settings, code: str) -> Edition:
    """Freeze the figures of a follow-up as an edition. Raises WarehouseError."""
    from include.follow_up.edition import freeze

    with _of_follow_up(settings, "freeze", code) as detail:
        edition = freeze(settings, code)
        detail.update(edition=edition.edition, is_new=edition.is_new)
    return edition


def check_follow_up(settings: Settings, code: str) -> tuple[str, ...]:
    """What a follow-up lacks on the business date, a sentence each with its remedy; empty if nothing."""
    from include.follow_up.deadlines import lacks, sentence

    with _of_follow_up(settings, "check_follow_up", code) as detail:
        found = [lack for lack in lacks(settings, settings.night) if lack.follow_up.code == code]
        detail.update({lack.what: len(lack.centers) or 1 for lack in found})
    return tuple(sentence(lack) for lack in found)


def _of_follow_up(settings: Settings, name: str, code: str) -> AbstractContextManager[dict[str, Any]]:
    """A step of a follow-up.

    Raises WarehouseError for an unknown code, before anything is noted: a slip of the finger asks nobody to act.
    """
    from include.follow_up.calendar import find

    find(settings, code)
    return step(settings, name, run=follow_up_run(code), domain="follow_up")


FOLLOW_UP_STEPS: dict[Action, Callable[[Settings, str], Any]] = {"write_forms": forms_step, "freeze": freeze_step}
"""What makes something for a follow-up, each with the settings of the day and the follow-up's code."""


# ---- what a night has come to


@dataclass(frozen=True)
class DatasetLine:
    """One dataset in the table at the end of a night. Counts are of all its deliveries; `new` came tonight.

    `rows_in` = `landed` + `quarantined` + `erased`. `state` is fresh, stale, overdue or never delivered, by the
    contract's rhythm.
    """

    domain: str
    dataset: str
    deliveries: int
    new: int
    rejected: int
    rows_in: int
    landed: int
    quarantined: int
    erased: int
    newest: dt.date | None
    state: str


@dataclass(frozen=True)
class Summary:
    """What a night has come to: datasets, steps since its start, and its release (None if it made none)."""

    night: dt.date
    seconds: float
    datasets: list[DatasetLine]
    steps: list[Step]
    release: str | None
    release_folder: Path

    def details(self, name: str) -> list[dict[str, Any]]:
        """What the steps of this name told, those that succeeded."""
        return [step.detail for step in self.steps if step.name == name and step.outcome == "succeeded"]


def summary(settings: Settings, since: dt.datetime) -> Summary:
    """What came of the night that began at `since` (UTC), from the ledger and the run log."""
    with Ledger(settings) as ledger:
        datasets = [_dataset_line(settings, ledger, contract, since) for contract in load_contracts().values()]
    since_then = [step for step in steps(settings) if step.started_at >= since]
    releases = [s.detail["release"] for s in since_then if s.name == "publish" and s.outcome == "succeeded"]
    release = releases[-1] if releases and settings.current_release.resolve().name == releases[-1] else None
    seconds = (dt.datetime.now(dt.UTC) - since).total_seconds()
    return Summary(settings.night, seconds, datasets, since_then, release, settings.current_release)


def _dataset_line(settings: Settings, ledger: Ledger, contract: Contract, since: dt.datetime) -> DatasetLine:
    deliveries = ledger.deliveries(dataset=contract.dataset)
    newest = newest_day(contract, deliveries)
    return DatasetLine(
        domain=contract.domain,
        dataset=contract.dataset,
        deliveries=len(deliveries),
        new=sum(d.received_at >= since for d in deliveries),
        rejected=sum(d.status == "rejected" for d in deliveries),
        rows_in=sum(d.row_count for d in deliveries),
        landed=sum(d.landed_count for d in deliveries),
        quarantined=sum(d.quarantined_count for d in deliveries),
        erased=sum(d.erased_count for d in deliveries),
        newest=newest,
        state=state_of(contract, newest, settings.night),
    )


# ---- a whole night without Airflow


def run_plain(settings: Settings, say: Callable[[str], None]) -> list[str]:
    """Extract all domains and refresh, in this process, as Airflow's tasks do it; `say` gets a line a step.

    A domain that fails does not stop the others. Returns what somebody has to act on. Raises WarehouseError if a step
    of the refresh fails; the release of before then still stands.
    """
    to_act_on = [line for domain in DOMAINS for line in extract_plain(settings, domain, say)]
    refresh_plain(settings, say)
    return to_act_on


def refresh_plain(settings: Settings, say: Callable[[str], None]) -> None:
    """Build, validate, protect and publish, as a refresh by hand does: always. Raises WarehouseError."""
    from include.warehouse.lock import refresh_lock
    from include.warehouse.run_folder import new_run_id

    run_id = new_run_id()
    with refresh_lock(settings):
        for name, work in REFRESH_STEPS.items():
            say(f"{name}: {told(work(settings, run_id))}")


def extract_plain(
    settings: Settings, domain: str, say: Callable[[str], None], *, retry_rejected: bool = False
) -> list[str]:
    """Land and judge one domain. Returns what somebody has to act on, one line a place."""
    since = dt.datetime.now(dt.UTC)
    failed: list[str] = []
    for contract in contracts_of(domain):
        try:
            report = land_dataset(settings, contract.dataset, retry_rejected=retry_rejected)
        except WarehouseError as error:
            failed.append(f"land_{contract.dataset}: {error}")
            say(f"land_{contract.dataset}: failed: {error}")
            continue
        is_new = report.deliveries or report.rejected
        say(f"land_{contract.dataset}: {told(counts(report)) if is_new else 'nothing new'}")
    try:
        verdicts = judge_domain(settings, domain)
    except WarehouseError as error:
        say(f"judge_deliveries {domain}: failed: {error}")
        return [*failed, f"judge_deliveries {domain}: {error}", *account(settings, domain, since, [])]
    say(f"judge_deliveries {domain}: {len(verdicts)} judged, {sum(v.is_accepted for v in verdicts)} accepted")
    return [*failed, *account(settings, domain, since, [])]


def told(detail: dict[str, Any]) -> str:
    """Counts as words: `deliveries 3, rows in 12,000, landed 11,998`."""
    shown = {name: value if isinstance(value, str) else f"{value:,}" for name, value in detail.items()}
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in shown.items()) or "done"
