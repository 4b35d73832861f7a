"""How the nights stand: must somebody act and on what, every dataset, tonight's steps, the last thirty nights.

Read from the ledger, the run log and the current release's manifest; nothing is kept here. A delivery belongs to the
night whose landing step took it in, so that nights that were played one after the other stay apart.

What is red, and nothing else is: somebody must act, now or as soon as the office opens.
- Tonight's release did not come, a step failed or broke off, a domain was not taken in.
- A rejected delivery that no other has replaced: one of the same period, or a newer extract that leaves no day out.
- An erasure that has not come to its end.
- What a budget follow-up lacks while there is still time (see `include.follow_up.deadlines`).
- A dataset that is overdue (see `freshness`). One that is stale is yellow; one that was never delivered is not red.
A failure that Airflow may still try again by itself (`PATIENCE`) is yellow, and so is a notice that could not be sent.
"""

from __future__ import annotations

import bisect
import dataclasses
import datetime as dt
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from include.errors import WarehouseError
from include.follow_up.deadlines import lacks
from include.landing.contract import Contract, asked_in, load_contracts
from include.landing.erasures import Erasures
from include.landing.ledger import Delivery, Ledger
from include.operations.freshness import State, newest_day, state_of
from include.operations.run_log import Notice, Step, notices, place_of, steps
from include.settings import COPENHAGEN, DOMAINS, Settings

NIGHTS = 30
REFRESH = ("build", "validate", "protect", "publish")
"""The steps of a refresh in their order."""

BEGUN_AFTER = dt.timedelta(minutes=15)
"""So long after the schedule's time for the extracts the first step stands in the run log."""

LATE_AFTER = dt.timedelta(minutes=30)
"""A release that is not even under way so long after the schedule's time for the refresh does not come."""

PATIENCE = dt.timedelta(minutes=25)
"""Airflow waits at most twenty minutes before it tries a step again."""

LONGEST_STEP = dt.timedelta(minutes=90)
"""Airflow's own limit. What has begun longer ago than this and has no end was killed."""

FINAL = ("BuildFailed", "ValidationFailed", "DisclosureFound", "Refused")
"""Errors that are the same if the step is tried again, so that nobody waits for that."""

SHOWN_REJECTIONS = 3

Phase = Literal["no night yet", "not begun", "under way", "published", "no release"]


@dataclass(frozen=True)
class Act:
    """Something that somebody must do: where, what is wrong, and the remedy. Never a value of a row."""

    where: str
    reason: str
    remedy: str


@dataclass(frozen=True)
class Counts:
    """Deliveries and rows; `rows_in` = `landed` + `quarantined` + `erased`."""

    deliveries: int
    rows_in: int
    landed: int
    quarantined: int
    erased: int

    @classmethod
    def of(cls, deliveries: Sequence[Delivery]) -> Counts:
        """The sums over some deliveries."""
        return cls(
            len(deliveries),
            sum(one.row_count for one in deliveries),
            sum(one.landed_count for one in deliveries),
            sum(one.quarantined_count for one in deliveries),
            sum(one.erased_count for one in deliveries),
        )


@dataclass(frozen=True)
class DatasetStatus:
    """One dataset. `extract` and `received_at` (UTC), `last` and `gate` are of its last delivery, accepted or not.

    `newest` is the newest day of accepted data, by which `state` goes; `open_rejections` have not been replaced.
    `seconds` are those of tonight's landing, None if there was none.
    """

    domain: str
    dataset: str
    rhythm: str
    state: State
    newest: dt.date | None
    extract: dt.date | None
    received_at: dt.datetime | None
    last: Counts
    tonight: Counts
    gate: str
    open_rejections: int
    seconds: float | None


@dataclass(frozen=True)
class NightLine:
    """One night: `gates` is the outcome of the steps of its last refresh, `release` what it published last.

    `begun` is False for a night of which nothing is known.
    """

    night: dt.date
    begun: bool
    landed: list[str]
    missing: list[str]
    counts: Counts
    rejected: int
    gates: dict[str, str]
    seconds: float
    release: str | None
    notices: list[str]


@dataclass(frozen=True)
class Status:
    """All of it. Somebody must act if `to_act` has something; `remarks` are worth knowing, no more."""

    night: dt.date
    phase: Phase
    to_act: list[Act]
    remarks: list[str]
    told: list[str]
    release: str | None
    release_as_of: dt.date | None
    datasets: list[DatasetStatus]
    steps: list[Step]
    nights: list[NightLine] = field(default_factory=list)

    def as_json(self) -> str:
        """The same for machines; the keys are the names above."""
        content = {**dataclasses.asdict(self), "must_act": bool(self.to_act)}
        return json.dumps(content, indent=1, ensure_ascii=False, default=lambda moment: moment.isoformat())


class Book:
    """What ledger and run log know up to a night, by nights. Read once."""

    def __init__(self, settings: Settings, until: dt.date) -> None:
        self.contracts = load_contracts()
        every_step = steps(settings)
        self.steps = [step for step in every_step if step.night <= until]
        self.notices = [notice for notice in notices(settings) if notice.night <= until]
        with Ledger(settings) as ledger:
            everything = ledger.deliveries()
        self._landings: dict[str, list[Step]] = defaultdict(list)
        for step in every_step:
            self._landings[step.name].append(step)
        self._steps: dict[dt.date, list[Step]] = defaultdict(list)
        for step in self.steps:
            self._steps[step.night].append(step)
        self.nights: dict[dt.date, list[Delivery]] = defaultdict(list)
        self.deliveries: dict[str, list[Delivery]] = {dataset: [] for dataset in self.contracts}
        for delivery in everything:
            night = self.night_of(delivery)
            if night <= until and delivery.dataset in self.deliveries:
                self.nights[night].append(delivery)
                self.deliveries[delivery.dataset].append(delivery)

    def steps_of(self, night: dt.date) -> list[Step]:
        """The steps of a night, in the order in which they began."""
        return self._steps.get(night, [])

    def night_of(self, delivery: Delivery) -> dt.date:
        """The night that took a delivery in: that of the landing step which last began before it came."""
        landings = self._landings.get(f"land_{delivery.dataset}", [])
        place = bisect.bisect_right(landings, delivery.received_at, key=lambda step: step.started_at)
        return landings[place - 1].night if place else delivery.received_at.astimezone(COPENHAGEN).date()

    def open_rejections(self, dataset: str) -> list[Delivery]:
        """The rejected deliveries of a dataset that nothing has replaced."""
        all_of_it = self.deliveries[dataset]
        accepted = [one for one in all_of_it if one.status == "accepted"]
        return [one for one in all_of_it if one.status == "rejected" and not _is_replaced(one, accepted)]


def _is_replaced(rejected: Delivery, accepted: Sequence[Delivery]) -> bool:
    """Whether what a rejected delivery was to bring has come with another.

    By one of the same period that is as new; or by a newer extract, as long as no day of the rejected one is without an
    accepted delivery (registers that give a moving window of days never send the same window again). A form by a later
    one of its centre for its follow-up. Of a file that told no period nothing more is known than that something came
    after it.
    """
    later = [one for one in accepted if one.sequence > rejected.sequence]
    if asked := asked_in(rejected.period_label):
        return any(asked_in(one.period_label) == asked for one in later)
    if rejected.as_of is None or rejected.period_from is None or rejected.period_to is None:
        return bool(later)
    newer = [one for one in accepted if one.newest_first > rejected.newest_first]
    if any(one.period_label == rejected.period_label for one in newer):
        return True
    spans = sorted((one.period_from, one.period_to) for one in accepted if one.period_from and one.period_to)
    day = rejected.period_from
    for first, last in spans:
        if first <= day <= last:
            day = last + dt.timedelta(days=1)
    return bool(newer) and day > rejected.period_to


def status(settings: Settings, night: dt.date | None = None, now: dt.datetime | None = None) -> Status:
    """How the nights stand on `night`; default: tonight, or before its extracts begin, the night before.

    Of a past night it says how it was left. `now` is the present moment.
    """
    now = now or dt.datetime.now(dt.UTC)
    tonight = night or settings.night
    book = Book(settings, tonight)
    if night is None and not book.steps_of(tonight) and _waits(settings, tonight, now):
        tonight -= dt.timedelta(days=1)
        book = Book(settings, tonight)
    with Ledger(settings) as ledger:
        landed = {day: ledger.domains_landed(day) for day in _days(book, tonight)}
        datasets = [_dataset(book, contract, tonight) for contract in book.contracts.values()]
        phase = _phase(settings, book, tonight, now)
        to_act = [
            *_refresh_acts(settings, book, tonight, phase, now),
            *_extract_acts(settings, book, tonight, landed[tonight], phase, now),
            *_rejection_acts(book, ledger),
            *_overdue_acts(book, datasets),
            *_erasure_acts(settings),
            *_follow_up_acts(settings, tonight, phase),
        ]
    release, as_of = _current(settings)
    return Status(
        night=tonight,
        phase=phase,
        to_act=to_act,
        remarks=_remarks(settings, book, datasets, tonight, phase, now),
        told=_told(settings, book, tonight),
        release=release,
        release_as_of=as_of,
        datasets=datasets,
        steps=book.steps_of(tonight),
        nights=[_line(book, day, landed[day]) for day in _days(book, tonight)],
    )


# ---- tonight


_ONCE_A_NIGHT = re.compile(r"(\d+) (\d+) \* \* \*")


def _is_live(settings: Settings, night: dt.date) -> bool:
    """True if the business date is the calendar's, and the schedule's clock says what should have happened by now."""
    is_fixed = settings.as_of is not None or settings.is_synthetic or night != settings.night
    return not is_fixed and None not in (_clock(settings.extract_at, night), _clock(settings.refresh_at, night))


def _clock(cron: str, night: dt.date) -> dt.datetime | None:
    """The moment of a schedule of once a night; None for any other, which says nothing of when a night is over."""
    match = _ONCE_A_NIGHT.fullmatch(cron.strip())
    return dt.datetime.combine(night, dt.time(int(match[2]), int(match[1])), COPENHAGEN) if match else None


def _has_passed(cron: str, night: dt.date, after: dt.timedelta, now: dt.datetime) -> bool:
    moment = _clock(cron, night)
    return moment is not None and now >= moment + after


def _waits(settings: Settings, night: dt.date, now: dt.datetime) -> bool:
    """True if the night is today's and its extracts have not begun yet."""
    return _is_live(settings, night) and not _has_passed(settings.extract_at, night, BEGUN_AFTER, now)


def _phase(settings: Settings, book: Book, night: dt.date, now: dt.datetime) -> Phase:
    tonight = book.steps_of(night)
    if any(step.name == "publish" and step.outcome == "succeeded" for step in tonight):
        return "published"
    if not book.steps:
        return "no night yet"
    if any(step.outcome == "started" and now - step.started_at < LONGEST_STEP for step in tonight):
        return "under way"
    if _waits(settings, night, now) and not tonight:
        return "not begun"
    if _is_live(settings, night) and tonight and not _has_passed(settings.refresh_at, night, LATE_AFTER, now):
        return "under way"
    return "no release"


def last_refresh(tonight: Iterable[Step]) -> list[Step]:
    """The steps of the last refresh among these steps, the last attempt of each."""
    refresh = [step for step in tonight if step.name in REFRESH]
    if not refresh:
        return []
    last = {step.name: step for step in refresh if step.run == refresh[-1].run}
    return sorted(last.values(), key=lambda step: REFRESH.index(step.name))


def _ended_badly(step: Step, now: dt.datetime) -> bool:
    """True if a step failed, or began so long ago that it must have been killed."""
    return step.outcome == "failed" or (step.outcome == "started" and now - step.started_at >= LONGEST_STEP)


def _may_be_tried_again(settings: Settings, step: Step, now: dt.datetime) -> bool:
    """True if the scheduler may still try a failed step again by itself."""
    if not _is_live(settings, step.night) or step.detail.get("error") in FINAL:
        return False
    ended = step.started_at + dt.timedelta(seconds=step.seconds or 0)
    return step.outcome == "failed" and now - ended < PATIENCE


def _said(step: Step) -> tuple[str, str]:
    """Reason and remedy of a step that ended badly."""
    if step.outcome == "started":
        return "broke off: its process was killed", "look for what ended it (memory, a restart), then clear the task"
    where = step.detail.get("where")
    reason = step.detail.get("reason")
    if not reason:
        kind = step.detail.get("error", "no error is known")
        return f"failed ({kind})", "read the log of the task; correct the cause and clear the task"
    return f"failed: {where + ': ' if where else ''}{reason.strip()}", str(step.detail.get("remedy", ""))


def _refresh_acts(settings: Settings, book: Book, night: dt.date, phase: Phase, now: dt.datetime) -> list[Act]:
    acts = [
        Act(place_of(step), *_said(step))
        for step in last_refresh(book.steps_of(night))
        if _ended_badly(step, now) and not _may_be_tried_again(settings, step, now)
    ]
    if phase == "no release" and not acts:
        if not book.steps_of(night):
            return [Act(f"night {night}", "nothing has run", "see whether the scheduler is up; else `warehouse run`")]
        return [
            Act(
                f"night {night}",
                "no release was published, and no step of the refresh says why",
                "look at the DAG refresh_warehouse; publish what is there with `warehouse refresh`",
            )
        ]
    return acts


def _extract_acts(
    settings: Settings, book: Book, night: dt.date, landed: set[str], phase: Phase, now: dt.datetime
) -> list[Act]:
    # Those of a follow-up are told here too: they come after the night's release and stop nothing of it.
    last: dict[str, Step] = {}
    for step in book.steps_of(night):
        if step.domain:
            last[place_of(step)] = step
    bad = {place: step for place, step in last.items() if _ended_badly(step, now)}
    acts = [Act(place, *_said(step)) for place, step in bad.items() if not _may_be_tried_again(settings, step, now)]
    judges = {step.domain for step in bad.values() if step.name == "judge_deliveries"}
    if phase in ("published", "no release") and book.steps_of(night):
        acts += [
            Act(
                f"domain {domain}",
                "was not taken in; figures stand on what it delivered before",
                f"look at the DAG extract_{domain}; by hand `warehouse extract {domain}`, then `warehouse refresh`",
            )
            for domain in DOMAINS
            if domain not in landed | judges
        ]
    return acts


def _rejection_acts(book: Book, ledger: Ledger) -> list[Act]:
    acts: list[Act] = []
    for dataset in book.contracts:
        found = sorted(book.open_rejections(dataset), key=lambda one: one.sequence, reverse=True)
        for one in found[:SHOWN_REJECTIONS]:
            # What is wrong with the file as a whole comes first, then its first row.
            problems = ledger.problems(one.delivery_id, dataset, limit=1)
            reason = problems[0].reason.rstrip(".") if problems else "; ".join(one.notes) or "no reason is known"
            remedy = problems[0].remedy if problems else "have a corrected file sent"
            acts.append(Act(f"{dataset}/{one.file_name}", f"rejected: {reason}", remedy))
        if len(found) > SHOWN_REJECTIONS:
            more = f"{len(found) - SHOWN_REJECTIONS} more deliveries are rejected"
            acts.append(Act(dataset, more, f"`warehouse quarantine {dataset}` lists them"))
    return acts


def _overdue_acts(book: Book, datasets: Iterable[DatasetStatus]) -> list[Act]:
    return [
        Act(
            line.dataset,
            f"overdue: the newest data are of {line.newest}, and it comes {line.rhythm.replace('_', ' ')}",
            f"ask {book.contracts[line.dataset].owner} why nothing comes",
        )
        for line in datasets
        if line.state == "overdue"
    ]


def _erasure_acts(settings: Settings) -> list[Act]:
    with Erasures(settings) as erasures:
        unfinished = {one.erasure_id: one for one in erasures.proofs() if one.state in {"open", "broke off"}}
    return [
        Act(
            f"erasure {one.erasure_id} ({one.purpose})",
            "has not come to its end"
            + ("" if one.state == "broke off" else ": a release that was made with the erased rows still stands"),
            f"start it again: `warehouse erase {one.purpose}`",
        )
        for one in unfinished.values()
    ]


def _follow_up_acts(settings: Settings, night: dt.date, phase: Phase) -> list[Act]:
    """What follow-ups lack. That tonight's release is missing counts only when it is not on its way any more."""
    try:
        found = lacks(settings, night)
    except WarehouseError as error:
        return [Act(error.where or "follow_up_calendar", error.reason, error.remedy)]
    is_over = phase in ("published", "no release")
    return [Act(lack.where, lack.reason, lack.remedy) for lack in found if is_over or lack.what != "release"]


def _remarks(
    settings: Settings, book: Book, datasets: Iterable[DatasetStatus], night: dt.date, phase: Phase, now: dt.datetime
) -> list[str]:
    found = [
        f"{line.dataset} is stale: the newest data are of {line.newest}" for line in datasets if line.state == "stale"
    ]
    bad = [step for step in book.steps_of(night) if _ended_badly(step, now)]
    again = {step.name for step in bad if _may_be_tried_again(settings, step, now)}
    if again and phase != "published":
        found.append(f"failed a moment ago and may be tried again: {', '.join(sorted(again))}")
    made = [step.detail.get("release") for step in book.steps if step.name == "publish" and step.outcome == "succeeded"]
    current, _ = _current(settings)
    if night == settings.night and made and current is not None and made[-1] != current:
        found.append(f"readers get release {current}, not the last one that was published ({made[-1]}): rolled back")
    return found


def _current(settings: Settings) -> tuple[str | None, dt.date | None]:
    """The release that readers get and its business date, by the link and its manifest."""
    if not settings.current_release.is_symlink():
        return None, None
    name = settings.current_release.readlink().name
    try:
        content: dict[str, Any] = json.loads((settings.current_release / "manifest.json").read_text("utf-8"))
        return name, dt.date.fromisoformat(content["as_of"])
    except (OSError, ValueError, KeyError):
        return name, None


def _told(settings: Settings, book: Book, night: dt.date) -> list[str]:
    """What became of tonight's notices, a line each; and that nobody is told, if that is so."""
    if not settings.notice_channels:
        return ["nobody is told (set WAREHOUSE_NOTICE_MAIL or WAREHOUSE_NOTICE_WEBHOOK)"]
    tonight = [notice for notice in book.notices if notice.night == night]
    return [_notice_words(notice, with_reason=True) for notice in tonight] or ["none was called for"]


def _notice_words(notice: Notice, *, with_reason: bool = False) -> str:
    words = {"sent": "", "failed": " NOT SENT", "sending": " CUT OFF"}[notice.outcome]
    said = f"{notice.severity} {notice.channel}{words}"
    return f"{said}: {notice.reason}" if with_reason and notice.reason else said


# ---- datasets and nights


def _dataset(book: Book, contract: Contract, night: dt.date) -> DatasetStatus:
    deliveries = book.deliveries[contract.dataset]
    newest = newest_day(contract, deliveries)
    last = max(
        deliveries,
        key=lambda one: (one.as_of or one.received_at.astimezone(COPENHAGEN).date(), one.sequence),
        default=None,
    )
    landings = [step for step in book.steps_of(night) if step.name == f"land_{contract.dataset}"]
    took = [step.seconds for step in landings if step.seconds is not None]
    return DatasetStatus(
        domain=contract.domain,
        dataset=contract.dataset,
        rhythm=contract.rhythm.expected,
        state=state_of(contract, newest, night),
        newest=newest,
        extract=last.as_of if last else None,
        received_at=last.received_at if last else None,
        last=Counts.of([last] if last else []),
        tonight=Counts.of([one for one in book.nights.get(night, []) if one.dataset == contract.dataset]),
        gate=_gate(last),
        open_rejections=len(book.open_rejections(contract.dataset)),
        seconds=round(sum(took), 1) if took else None,
    )


def gate_warnings(delivery: Delivery) -> list[str]:
    """Of a delivery's notes those of the gate, which name its suite; what landing noted is no failure."""
    return [note for note in delivery.notes if note.startswith(f"{delivery.dataset}: expect")]


def _gate(delivery: Delivery | None) -> str:
    """What the gate of deliveries said of one."""
    if delivery is None:
        return ""
    if delivery.status == "landed":
        return "not judged"
    if delivery.status == "accepted" and (warned := len(gate_warnings(delivery))):
        return f"{warned} warning{'s' if warned > 1 else ''}"
    return {"accepted": "passed", "rejected": "REJECTED"}[delivery.status]


def _days(book: Book, night: dt.date) -> list[dt.date]:
    """The nights that are shown, the newest first: at most thirty, none before the first that is known."""
    known = [step.night for step in book.steps] + list(book.nights)
    first = min(known, default=night)
    count = min(NIGHTS, (night - first).days + 1)
    return [night - dt.timedelta(days=number) for number in range(count)]


def _line(book: Book, night: dt.date, landed: set[str]) -> NightLine:
    of_night = book.steps_of(night)
    deliveries = book.nights.get(night, [])
    made = [step.detail.get("release") for step in of_night if step.name == "publish" and step.outcome == "succeeded"]
    return NightLine(
        night=night,
        begun=bool(of_night or deliveries or landed),
        landed=[domain for domain in DOMAINS if domain in landed],
        missing=[domain for domain in DOMAINS if domain not in landed],
        counts=Counts.of(deliveries),
        rejected=sum(one.status == "rejected" for one in deliveries),
        gates={step.name: step.outcome for step in last_refresh(of_night)},
        seconds=round(sum(step.seconds or 0.0 for step in of_night), 1),
        release=made[-1] if made else None,
        notices=[_notice_words(notice) for notice in book.notices if notice.night == night],
    )
