"""What a person sees at the end of a night, and of releases and quarantine: tables, and plain lines without a terminal.

Every function gives back something that rich can print. No figure here is about a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from include.errors import WarehouseError
from include.operations.run_log import place_of
from include.settings import COPENHAGEN

if TYPE_CHECKING:
    from include.follow_up.calendar import FollowUp
    from include.follow_up.content import Change
    from include.follow_up.edition import Edition
    from include.landing.erase import ErasureReport
    from include.landing.erasures import Proof
    from include.landing.ledger import QuarantinedRow
    from include.landing.rotation import VaultReport
    from include.night import Summary
    from include.operations.run_log import Step
    from include.operations.status import Counts, NightLine, Status
    from include.warehouse.release import Release

PLAIN_WIDTH = 140
"""Columns of a line where there is no terminal that has a width, in CI for example."""

_GATES = {"build": "dbt contracts and tests", "validate": "expectations on marts", "protect": "disclosure"}
_OUTCOMES = {"succeeded": "passed", "failed": "FAILED", "started": "broke off"}
_STYLES = {"fresh": "green", "stale": "yellow", "overdue": "red", "never delivered": "dim"}
_STYLES |= {"succeeded": "green", "failed": "red"}


def console(*, stderr: bool = False) -> Console:
    """A console that writes plain lines of a fixed width where nobody sits at a terminal."""
    found = Console(stderr=stderr, highlight=False)
    return found if found.is_terminal else Console(stderr=stderr, highlight=False, width=PLAIN_WIDTH)


def night_report(summary: Summary) -> RenderableType:
    """The tables at the end of a night: datasets, gates, seconds by step, and the release."""
    return Group(_datasets(summary), _gates(summary), _steps(summary), _release(summary))


def _table(title: str, *columns: str, right: Sequence[str] = ()) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return table


def _datasets(summary: Summary) -> Table:
    is_erased = any(line.erased for line in summary.datasets)
    numbers = ("deliveries", "new", "rejected", "rows in", "landed", "quarantined", *(("erased",) if is_erased else ()))
    table = _table(f"Datasets as of {summary.night}", "domain", "dataset", *numbers, "newest", "state", right=numbers)
    for line in summary.datasets:
        counts = [line.deliveries, line.new, line.rejected, line.rows_in, line.landed, line.quarantined]
        counts += [line.erased] if is_erased else []
        table.add_row(
            line.domain,
            line.dataset,
            *(f"{count:,}" for count in counts),
            line.newest.isoformat() if line.newest else "",
            Text(line.state, style=_STYLES[line.state]),
        )
    return table


def _gates(summary: Summary) -> Table:
    table = _table("Gates", "gate", "outcome", "what was looked at")
    judged = summary.details("judge_deliveries")
    total = {name: sum(detail.get(name, 0) for detail in judged) for name in ("judged", "accepted", "rejected")}
    table.add_row("deliveries", "passed" if not total["rejected"] else "rejected some", _words(total))
    for name, gate in _GATES.items():
        outcomes = [step.outcome for step in summary.steps if step.name == name]
        shown = _OUTCOMES[outcomes[-1]] if outcomes else "not run"
        detail: dict[str, Any] = summary.details(name)[-1] if shown == "passed" else {}
        looked_at = {key: value for key, value in detail.items() if key != "seconds"}
        table.add_row(gate, Text(shown, style="green" if shown == "passed" else "red"), _words(looked_at))
    return table


def _words(detail: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value:,}" for name, value in detail.items())


def _steps(summary: Summary) -> Table:
    table = _table("Seconds by step", "step", "domain", "outcome", "seconds", right=("seconds",))
    for step in summary.steps:
        seconds = "" if step.seconds is None else f"{step.seconds:.1f}"
        table.add_row(step.name, step.domain or "", Text(step.outcome, style=_STYLES.get(step.outcome, "")), seconds)
    within = sum(step.seconds or 0.0 for step in summary.steps)
    table.add_row("between the steps (start, Airflow)", "", "", f"{max(summary.seconds - within, 0.0):.1f}")
    table.add_row("whole night", "", "", f"{summary.seconds:.1f}", style="bold")
    return table


def _release(summary: Summary) -> Text:
    if summary.release is None:
        return Text("No new release: the one of before still stands, if there was one.", style="bold red")
    return Text(f"Release {summary.release}\n{summary.release_folder}", style="bold green")


def status_report(status: Status) -> RenderableType:
    """How the nights stand: first whether somebody must act and on what, then datasets, steps and thirty nights."""
    parts: list[RenderableType] = [*_must_act(status), Text(_where_it_stands(status))]
    parts += [Text(f"- {remark}", style="yellow") for remark in status.remarks]
    parts += [Text(f"notices: {told}", style="yellow" if _did_not_go(told) else "") for told in status.told]
    tables = (_dataset_lines(status), _step_lines(status), _night_lines(status))
    return Group(*parts, *(part for table in tables if table.row_count for part in ("", table)))


def _did_not_go(told: str) -> bool:
    return "NOT SENT" in told or "CUT OFF" in told


def _must_act(status: Status) -> Iterator[Text]:
    if not status.to_act:
        yield Text("Nobody has to act.", style="bold green")
        return
    yield Text(f"Somebody must act, on {len(status.to_act)} of these:", style="bold red")
    for act in status.to_act:
        yield Text.assemble("- ", (act.where, "red"), f": {act.reason.rstrip('.')}. Remedy: {act.remedy.strip()}")


def _where_it_stands(status: Status) -> str:
    said = {
        "no night yet": "no night has run yet; `warehouse run` does one",
        "not begun": "its extracts have not begun",
        "under way": "under way",
        "published": "its release is out",
        "no release": "no release came of it",
    }[status.phase]
    stands = f"readers get {status.release}" if status.release else "there is no release"
    as_of = f", data as of {status.release_as_of}" if status.release_as_of else ""
    return f"Night {status.night}: {said}; {stands}{as_of}"


def _dense(title: str, *columns: str, right: Sequence[str] = (), whole: Sequence[str] = ()) -> Table:
    """A table of many narrow columns: without lines, so that it fits into 100. Columns that are `whole` do not fold."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 1, 0, 0))
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold", no_wrap=name in whole)
    return table


def proofs_table(proofs: Sequence[Proof]) -> Table:
    """What was erased when and why: a line a dataset, in counts. Engineers only."""
    numbers = ("deliveries", "landed", "quarantined")
    columns = ("erasure", "asked at (UTC)", "reason", "state", "release without", "dataset")
    table = _table("Erasures", *columns, *numbers, right=("erasure", *numbers))
    for proof in proofs:
        table.add_row(
            str(proof.erasure_id),
            f"{proof.asked_at:%Y-%m-%d %H:%M:%S}",
            proof.purpose,
            proof.state,
            proof.release_id or "",
            proof.dataset or "nothing found",
            *(f"{number:,}" for number in (len(proof.deliveries), proof.landed_rows, proof.quarantined_rows)),
        )
    return table


def erased_table(report: ErasureReport) -> Table:
    """What an erasure took, or would take: a line a dataset, in counts. Engineers only."""
    numbers = ("deliveries", "landed", "quarantined")
    table = _table(
        "Rows erased" if report.erasure_id else "Rows past their retention", "dataset", *numbers, right=numbers
    )
    for one in report.datasets:
        table.add_row(one.dataset, f"{one.deliveries:,}", f"{one.landed:,}", f"{one.quarantined:,}")
    return table


def _dataset_lines(status: Status) -> Table:
    tonight = "tonight:\nrows"
    last = "last:\nrows"
    right = (last, tonight, "open", "s")
    columns = ("dataset", "comes", "state", "extract", "received", last, "gate", tonight, "open", "s")
    title = "Datasets (rows in, of these in quarantine and -erased; open: rejected and not replaced)"
    table = _dense(title, *columns, right=right, whole=columns)
    domain = ""
    for line in status.datasets:
        if line.domain != domain:
            domain = line.domain
            table.add_row(Text(domain, style="bold"))
        received = line.received_at.astimezone(COPENHAGEN) if line.received_at else None
        is_open = bool(line.open_rejections)
        table.add_row(
            f" {line.dataset}",
            line.rhythm.replace("_", " "),
            Text("never" if line.newest is None else line.state, style=_STYLES[line.state]),
            line.extract.isoformat() if line.extract else "",
            f"{received:%m-%d %H:%M}" if received else "",
            _rows(line.last),
            Text(line.gate, style="red" if line.gate == "REJECTED" and is_open else ""),
            _rows(line.tonight),
            Text(str(line.open_rejections) if is_open else "", style="red"),
            f"{line.seconds:.1f}" if line.seconds is not None else "",
        )
    return table


def _rows(counts: Counts) -> str:
    if not counts.deliveries:
        return ""
    told = f"{counts.rows_in:,}" + (f" ({counts.quarantined:,})" if counts.quarantined else "")
    return told + (f" -{counts.erased:,}" if counts.erased else "")


def _step_lines(status: Status) -> Table:
    columns = ("began", "step", "domain", "outcome", "s", "counts")
    table = _dense(f"Steps of {status.night}", *columns, right=("s",), whole=columns[:-1])
    red = {act.where for act in status.to_act}
    last = {place_of(step): step for step in status.steps}
    for step in status.steps:
        if step.name.startswith("land_") and step.outcome == "succeeded":
            continue  # it stands with its dataset
        counts = {name: value for name, value in step.detail.items() if isinstance(value, int | float)}
        table.add_row(
            f"{step.started_at.astimezone(COPENHAGEN):%H:%M:%S}",
            step.name,
            step.domain or "",
            Text(
                step.outcome, style=_outcome_style(step, is_red=place_of(step) in red and last[place_of(step)] is step)
            ),
            "" if step.seconds is None else f"{step.seconds:.1f}",
            _words({name: value for name, value in counts.items() if name != "seconds"}),
        )
    return table


def _outcome_style(step: Step, *, is_red: bool) -> str:
    """Red only for the try on which somebody must act: one that was followed by another is worth knowing, no more."""
    if step.outcome == "succeeded":
        return _STYLES["succeeded"]
    return "red" if is_red else "yellow"


def _night_lines(status: Status) -> Table:
    numbers = ("deliv.", "rows", "quarant.", "rejected", "s")
    table = _dense(
        "The last nights", "night", "domains", *numbers[:-1], "gates", "s", "release", "notices", right=numbers
    )
    for line in status.nights:
        if not line.begun:
            table.add_row(line.night.isoformat(), Text("nothing ran", style="dim"))
            continue
        counts = line.counts
        table.add_row(
            line.night.isoformat(),
            "all" if not line.missing else f"without {', '.join(line.missing)}",
            *(f"{number:,}" for number in (counts.deliveries, counts.rows_in, counts.quarantined, line.rejected)),
            _gates_of(line),
            f"{line.seconds:.0f}",
            line.release or "none",
            ", ".join(line.notices),
        )
    return table


def _gates_of(line: NightLine) -> str:
    bad = [f"{name} {_OUTCOMES[outcome]}" for name, outcome in line.gates.items() if outcome != "succeeded"]
    passed = sum(outcome == "succeeded" for name, outcome in line.gates.items() if name in _GATES)
    return ", ".join([*([f"{passed} passed"] if passed else []), *bad]) or "none run"


def to_act_on(lines: Iterable[str]) -> Panel:
    """What somebody has to act on, a line a place."""
    return Panel("\n".join(f"• {line}" for line in lines), title="Somebody has to act", border_style="yellow")


def releases_table(releases: Sequence[Release]) -> Table:
    """The kept releases, the newest first; a star marks the one that readers get."""
    table = _table("Releases", "", "release", "data as of", "synthetic", "content", "stale datasets")
    for release in sorted(releases, key=lambda found: found.release_id, reverse=True):
        table.add_row(
            "*" if release.is_current else "",
            release.release_id,
            str(release.as_of),
            "yes" if release.is_synthetic else "no",
            release.content_hash[:12],
            ", ".join(release.stale),
        )
    return table


def editions_table(editions: Sequence[Edition], damage: Mapping[str, Sequence[str]]) -> Table:
    """The frozen follow-ups, the newest first, and whether their files are what they were."""
    table = _table(
        "Editions", "edition", "data as of", "frozen", "corrects", "changes", "release", "files", right=("changes",)
    )
    for one in editions:
        state = f"CHANGED: {', '.join(damage[one.edition])}" if damage[one.edition] else "whole"
        table.add_row(
            one.edition,
            str(one.as_of),
            f"{one.frozen_at.astimezone(COPENHAGEN):%Y-%m-%d %H:%M}",
            one.corrects or "",
            str(one.changes or ""),
            one.release_id,
            f"{state}; inputs erased since" if one.is_erased_since else state,
        )
    return table


def calendar_table(follow_ups: Sequence[FollowUp]) -> Table:
    """Follow-ups of the calendar with their dates; a star marks a cut-off that no document names."""
    table = _table(
        "Coming follow-ups", "code", "name", "forms sent", "forms due", "data cut-off", "committee", "council"
    )
    if any(one.is_assumed for one in follow_ups):
        table.caption, table.caption_justify = "* assumed: no document names it", "left"
    for one in follow_ups:
        table.add_row(
            one.code,
            one.name,
            str(one.forms_sent_date),
            str(one.form_deadline_date),
            f"{one.data_cut_off_date}{'*' if one.is_assumed else ''}",
            str(one.committee_meeting_date or ""),
            str(one.council_meeting_date or ""),
        )
    return table


def changes_table(changes: Sequence[Change]) -> Table:
    """What differs between two editions, a line each."""
    table = _table("Changes", "initiative", "title", "what", "before", "after")
    for one in changes:
        table.add_row(one.initiative_id, one.title, one.what, one.before, one.after)
    return table


def vaults_table(found: VaultReport) -> Table:
    """Which key each vault is under; no count of persons, since two of them would tell of one who came between."""
    table = _table(f"Vaults (key {found.key_id})", "municipality", "purpose", "key", "wrapped")
    for state in found.vaults:
        table.add_row(state.municipality_code, state.purpose, state.key_id or "", "yes" if state.is_wrapped else "NO")
    return table


def quarantine_table(problems: Sequence[QuarantinedRow]) -> Table:
    """What lies in quarantine: never a value, only where it is and what to do."""
    table = _table("Quarantine", "file", "line", "column", "reason", "remedy", right=("line",))
    for problem in problems:
        table.add_row(
            f"{problem.dataset}/{problem.file_name}",
            "" if problem.line is None else str(problem.line),
            problem.column or "",
            problem.reason,
            problem.remedy,
        )
    return table


def error_panel(error: WarehouseError) -> Panel:
    """An error as a person reads it: where, reason, remedy."""
    parts = {"where": error.where, "reason": error.reason.strip(), "remedy": error.remedy}
    text = Text("\n").join(Text.assemble((f"{name}: ", "bold"), value) for name, value in parts.items() if value)
    return Panel(text, title="warehouse", title_align="left", border_style="red")
