"""`warehouse …`: the functions of the program by hand, with progress. `make run` is `warehouse run`."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError
from rich.text import Text
from typer.core import TyperGroup

from include import night
from include.errors import WarehouseError
from include.landing.contract import load_contracts
from include.landing.ledger import Ledger
from include.operations import report
from include.operations.run_log import step
from include.settings import PROJECT_ROOT, Settings

if TYPE_CHECKING:
    from include.landing.erase import ErasureReport


class Domain(StrEnum):
    """The domains, as an argument."""

    BUDGET = "budget"
    SCHOOL_ABSENCE = "school_absence"
    REFERRALS = "referrals"
    TRIVSEL = "trivsel"


class Size(StrEnum):
    """The sizes of the synthetic municipality: two schools, or Ballerup."""

    SMALL = "small"
    CITY = "city"


DEFAULT_SEED = 151


class OnePanelGroup(TyperGroup):
    """Commands whose errors are one readable panel; `--debug` shows the traceback instead."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; exit code 1 with a panel if it raises."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            # Typer's own exceptions are how it ends and how it explains a wrong option.
            if ctx.params.get("debug") or type(error).__module__.startswith(("typer", "click")):
                raise
            report.console(stderr=True).print(report.error_panel(_readable(error)))
            raise typer.Exit(1) from None


def _readable(error: Exception) -> WarehouseError:
    """The error itself if it was written for people; else its kind alone, since its text may hold a value of a row."""
    if isinstance(error, WarehouseError):
        return error
    if isinstance(error, ValidationError) and error.title == Settings.__name__:
        names = ", ".join(f"WAREHOUSE_{part['loc'][0]!s}".upper() for part in error.errors() if part["loc"])
        return WarehouseError(f"a setting of the environment can't be read: {names}", remedy="correct or unset it")
    return WarehouseError(
        f"the program met an error it does not know ({type(error).__name__})",
        remedy="run `warehouse --debug …` to see where; a traceback may hold data, so read it before you share it",
    )


app = typer.Typer(
    name="warehouse",
    cls=OnePanelGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="The municipal data warehouse by hand: the same functions that Airflow runs at night.\n\n"
    "Where things are: WAREHOUSE_HOME (default .warehouse/) and WAREHOUSE_INPUTS (default <home>/inbox).",
)


@app.callback()
def main(
    debug: Annotated[bool, typer.Option("--debug", envvar="WAREHOUSE_DEBUG", help="Show tracebacks.")] = False,
) -> None:
    """Options that stand before the command."""


def _settings(as_of: dt.datetime | None = None) -> Settings:
    """The settings with absolute folders: the steps start processes that work in other folders."""
    settings = Settings()
    folders = {name: getattr(settings, name) for name in ("home", "inputs", "key_file")}
    changed: dict[str, Any] = {name: folder.absolute() for name, folder in folders.items() if folder is not None}
    if as_of is not None:
        changed["as_of"] = as_of.date()
    return settings.model_copy(update=changed)


def _say(line: str) -> None:
    """One line of progress, on stderr, without markup."""
    report.console(stderr=True).print(Text(line), soft_wrap=True)


AsOf = Annotated[
    dt.datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="The night's business date; default: today, or the synthetic inbox's."),
]


@app.command()
def run(
    plain: Annotated[bool, typer.Option("--plain", help="The same steps without Airflow.")] = False,
    size: Annotated[Size, typer.Option(help="Of the synthetic municipality that fills an empty inbox.")] = Size.CITY,
    as_of: AsOf = None,
) -> None:
    """One whole night: land what is in the inbox, build, pass the gates, publish.

    An empty default inbox is filled with the synthetic municipality first. Exit code 0 only if a new release stands.

    Examples: [bold]warehouse run[/] · [bold]warehouse run --size small --plain[/] ·
    [bold]WAREHOUSE_INPUTS=/data/inbox warehouse run --as-of 2026-06-19[/]
    """
    settings = _settings(as_of)
    since = dt.datetime.now(dt.UTC)
    if settings.inputs is None:
        _fill(settings, size)
        settings = _settings(as_of)  # the inbox may have got a date of its own
    elif not settings.inputs.is_dir():
        raise WarehouseError(
            "there is no such inbox",
            where=str(settings.inputs),
            remedy="name a folder that has one folder a dataset",
        )
    failure: WarehouseError | None = None
    lines: list[str] = []
    with _stand_ins(settings) as connections:
        if plain:
            with _environment(connections):
                try:
                    lines = night.run_plain(settings, _say)
                except WarehouseError as error:
                    failure = error
        else:
            _through_airflow(settings, connections)
            lines = night.accounts(settings, since)
    summary = night.summary(settings, since)
    out = report.console()
    if lines:
        out.print(report.to_act_on(lines))
    out.print(report.night_report(summary))
    if failure is not None:
        raise failure
    if summary.release is None:
        raise typer.Exit(1)


def _fill(settings: Settings, size: Size) -> None:
    """Write the synthetic municipality into the home's own inbox if nothing is there."""
    if settings.inbox.is_dir() and any(settings.inbox.iterdir()):
        return
    _say(f"the inbox is empty: writing the synthetic municipality ({size.value}) into {settings.inbox}")
    with step(settings, "generate_inbox", run="generate_inbox"):
        _generate(settings.inbox, size, DEFAULT_SEED)


def _through_airflow(settings: Settings, connections: Mapping[str, str]) -> None:
    """Run the night in a child process, which tells its progress on stderr."""
    environment = {**os.environ, **settings.environment(), **connections, "WAREHOUSE_NIGHT_PARENT": str(os.getpid())}
    command = [sys.executable, str(PROJECT_ROOT / "dags" / "in_one_process.py")]
    with subprocess.Popen(command, cwd=PROJECT_ROOT, env=environment, stdin=subprocess.DEVNULL) as process:
        try:
            process.wait()
        except KeyboardInterrupt:
            process.terminate()
            raise typer.Abort() from None


@contextlib.contextmanager
def _stand_ins(settings: Settings) -> Iterator[dict[str, str]]:
    """For a synthetic inbox alone: stand-ins for the outside APIs, as the connections that they are asked through."""
    if not settings.is_synthetic:
        yield {}
        return
    from include.demo.stand_ins import stand_ins

    with stand_ins(settings.inbox) as connections:
        yield connections


@contextlib.contextmanager
def _environment(added: Mapping[str, str]) -> Iterator[None]:
    """Variables for this process and no longer."""
    before = {name: os.environ.get(name) for name in added}
    os.environ.update(added)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@app.command()
def extract(
    domain: Annotated[Domain, typer.Argument(help="The domain whose deliveries are taken in.")],
    retry_rejected: Annotated[
        bool, typer.Option("--retry-rejected", help="Also take deliveries that were rejected before.")
    ] = False,
) -> None:
    """Land and judge the new deliveries of one domain. Exit code 1 if somebody has to act.

    Examples: [bold]warehouse extract budget[/] · [bold]warehouse extract referrals --retry-rejected[/]
    """
    settings = _settings()
    with _stand_ins(settings) as connections, _environment(connections):
        lines = night.extract_plain(settings, domain.value, _say, retry_rejected=retry_rejected)
    if lines:
        report.console().print(report.to_act_on(lines))
        raise typer.Exit(1)


@app.command()
def refresh(
    as_of: AsOf = None,
    corrects: Annotated[
        bool,
        typer.Option("--correct", help="Figures about persons may change before the month's end: an error was mended."),
    ] = False,
) -> None:
    """Build from landing, pass the gates, publish; as a run of `refresh_warehouse` by hand.

    Examples: [bold]warehouse refresh[/] · [bold]warehouse refresh --correct[/]
    """
    night.refresh_plain(_settings(as_of).model_copy(update={"corrects": corrects}), _say)


@app.command()
def up(
    port: Annotated[int, typer.Option(min=1024, max=65535, help="Of Airflow's page, on this machine alone.")] = 8080,
) -> None:
    """Start Airflow on this machine: from now on its scheduler runs the nights. `warehouse down` ends it.

    Waits until it is healthy, and says where it is and how to log in. If it is up already, nothing is started.

    Examples: [bold]warehouse up[/] · [bold]warehouse up --port 8090[/]
    """
    from include.operations import standalone

    settings = _settings()
    if not settings.inbox.is_dir() or not any(settings.inbox.iterdir()):
        _say(f"the inbox {settings.inbox} is empty; `warehouse demo` writes the synthetic municipality into a folder")
    supervisor = [sys.executable, "-c", "from include.cli import app; app()", "supervise", str(port)]
    running = standalone.up(settings, supervisor=supervisor, port=port, say=_say)
    typer.echo("\n".join(running.lines(settings)))


@app.command()
def down() -> None:
    """End the Airflow that `warehouse up` started, with all its processes.

    Example: [bold]warehouse down[/]
    """
    from include.operations import standalone

    _say("Airflow is down" if standalone.down(_settings(), _say) else "Airflow was not up")


@app.command(hidden=True)
def supervise(port: Annotated[int, typer.Argument(help="Of Airflow's page.")]) -> None:
    """Be the process that `warehouse up` starts: Airflow's parts, and stand-ins for the APIs of a synthetic inbox."""
    from include.operations import standalone

    settings = _settings()
    with _stand_ins(settings) as connections:
        raise typer.Exit(standalone.supervise(settings, port, connections))


@app.command()
def status(
    of_night: Annotated[
        dt.datetime | None,
        typer.Option("--night", formats=["%Y-%m-%d"], help="As that night was left; default: tonight."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="For machines; `must_act` is what the exit code says.")
    ] = False,
) -> None:
    """Tonight and the last thirty nights: must somebody act, every dataset, the gates, rows and seconds.

    Exit code 1 only if somebody must act: no release came, a step failed for good, a domain was not taken in, a
    rejected delivery was not replaced, a dataset is overdue. That is red; yellow is worth knowing.

    Examples: [bold]warehouse status[/] · [bold]warehouse status --night 2026-06-18[/] ·
    [bold]warehouse status --json[/]
    """
    from include.operations.status import status as status_of

    found = status_of(_settings(), of_night.date() if of_night else None)
    if as_json:
        typer.echo(found.as_json())
    else:
        report.console().print(report.status_report(found))
    if found.to_act:
        raise typer.Exit(1)


@app.command()
def releases() -> None:
    """List the kept releases; a star marks the one that readers get."""
    from include.warehouse import release

    found = release.releases(_settings())
    if not found:
        _say("no release yet: `warehouse run` makes one")
        return
    report.console().print(report.releases_table(found))


@app.command()
def rollback(
    release_id: Annotated[str, typer.Argument(metavar="RELEASE", help="A release that `warehouse releases` lists.")],
) -> None:
    """Put a kept release back: readers that open `current` from now on get it.

    Example: [bold]warehouse rollback 20260619T013000Z-000042[/]
    """
    from include.warehouse import release

    settings = _settings()
    release.rollback(settings, release_id)
    _say(f"{settings.current_release} is release {release_id}")


vault = typer.Typer(name="vault", no_args_is_help=True, help="The pseudonyms: which key they are under; a new key.")
app.add_typer(vault)


@vault.command("status")
def vault_status() -> None:
    """Each vault's municipality, purpose and key id. Of persons nothing is told, not even how many there are.

    Example: [bold]warehouse vault status[/]
    """
    from include.landing import vaults

    report.console().print(report.vaults_table(vaults.vault_status(_settings())))


@vault.command("rotate")
def vault_rotate() -> None:
    """Make a new secret key and wrap all vaults in it. No person's key in the data changes.

    Waits until no landing runs. If a rotation was killed, it is finished, by this command or by the next landing.
    Copy the key file to the safe afterwards: an older copy does not open the vaults any more.

    Example: [bold]warehouse vault rotate[/]
    """
    from include.landing import vaults

    settings = _settings()
    found = vaults.rotate(settings)
    _say("an earlier rotation was not finished; now it is" if found.has_finished_another else "the key was rotated")
    _say(f"copy {settings.key_file} to the safe: older copies do not open the vaults any more")
    report.console().print(report.vaults_table(found))


@app.command()
def quarantine(
    dataset: Annotated[str | None, typer.Argument(help="One dataset; default: all.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many places, the newest deliveries' last.")] = 200,
) -> None:
    """List what did not land: file, line, column, reason, remedy. Never a value.

    Examples: [bold]warehouse quarantine[/] · [bold]warehouse quarantine absence_days --limit 1000[/]
    """
    if dataset is not None and dataset not in load_contracts():
        raise WarehouseError(f"{dataset} is no dataset", remedy=f"use one of {', '.join(load_contracts())}")
    with Ledger(_settings()) as ledger:
        problems = ledger.problems(dataset=dataset)
    if not problems:
        _say("the quarantine is empty")
        return
    report.console().print(report.quarantine_table(problems[-limit:]))
    if len(problems) > limit:
        _say(f"{len(problems) - limit:,} earlier places are not shown; --limit {len(problems)} shows all")


erase_app = typer.Typer(no_args_is_help=True, help="Erase a person or what is past its retention, and see the proof.")
app.add_typer(erase_app, name="erase")


@erase_app.command("person")
def erase_person() -> None:
    """Erase one person: landing, vault, the home's inbox, builds and releases. Asks for the CPR number, without echo.

    The number is read by the landing process alone (or from standard input); give it in no other way. A new release is
    made and all earlier ones are removed. Have the person erased at the source too, else the next extract brings them
    anew. Exit code 1 if something remains; starting it again finishes.

    Example: [bold]warehouse erase person[/]
    """
    settings = _settings()
    found = night.erase(settings, "person", _say)
    _tell_erased(found)
    _say("have the person erased at the source as well: a new delivery that holds them lands as a new person")
    for dataset, files in found.elsewhere.items():
        _say(f"the inbox is not the home's own: {files} file(s) of {dataset} in it hold the person; erase them there")
    for earlier in found.broke_off:
        _say(f"erasure {earlier} had broken off; if it was for another person, start it for that person too")


@erase_app.command("retention")
def erase_retention(
    as_of: AsOf = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell datasets and rows.")] = False,
) -> None:
    """Erase every row that is past its dataset's retention, as `erase_personal_data` does each month.

    Examples: [bold]warehouse erase retention --dry-run[/] · [bold]warehouse erase retention[/]
    """
    settings = _settings(as_of)
    _tell_erased(night.past_retention(settings) if dry_run else night.erase(settings, "retention", _say))


def _tell_erased(found: ErasureReport) -> None:
    if found.datasets:
        report.console().print(report.erased_table(found))
    else:
        _say("no landed or quarantined row was found")


@erase_app.command("proofs")
def erase_proofs() -> None:
    """List the erasures: when, why, how many rows of which dataset. Never who.

    Example: [bold]warehouse erase proofs[/]
    """
    from include.landing.erasures import Erasures

    with Erasures(_settings()) as erasures:
        found = erasures.proofs()
    if not found:
        _say("nothing has been erased")
        return
    report.console().print(report.proofs_table(found))


follow_up_app = typer.Typer(
    no_args_is_help=True, help="The budget follow-ups: forms to the centres, frozen editions with their document."
)
app.add_typer(follow_up_app, name="follow-up")

_COMING = 4
"""How many of the coming follow-ups are listed: a year of them."""

FollowUpCode = Annotated[str, typer.Argument(metavar="CODE", help="Such as BO2-2026; YE-2026 is 31.12.")]
EditionName = Annotated[str, typer.Argument(metavar="EDITION", help="One that `warehouse follow-up list` shows.")]


@follow_up_app.command("forms")
def follow_up_forms(code: FollowUpCode) -> None:
    """Write the form of each centre for a follow-up: an Excel workbook with its open milestones and economies.

    What comes back is put into the folder milestone_status of the inbox; the next night takes it in.

    Example: [bold]warehouse follow-up forms BO2-2026[/]
    """
    for path in night.forms_step(_settings(), code):
        typer.echo(path)


@follow_up_app.command("replies")
def follow_up_replies() -> None:
    """Write the answers to senders whose forms could not be taken in, or in part: file, row, reason, remedy, in Danish.

    Example: [bold]warehouse follow-up replies[/]
    """
    from include.follow_up.replies import write_replies

    written = write_replies(_settings())
    for path in written:
        typer.echo(path)
    if not written:
        _say("no form waits for an answer: whatever came was taken in whole")


@follow_up_app.command("freeze")
def follow_up_freeze(code: FollowUpCode) -> None:
    """Freeze the current release as the follow-up's edition: figures, manifest, and document.html, .pdf and .xlsx.

    Frozen again, it is a correction that names the edition before it and lists what changed; if nothing of the
    follow-up changed, the edition stands and none is made.

    Example: [bold]warehouse follow-up freeze BO1-2017[/]
    """
    found = night.freeze_step(_settings(), code)
    if not found.is_new:
        _say(f"nothing of {code} has changed since {found.edition} was frozen; it stands")
    elif found.corrects:
        _say(f"{found.edition} corrects {found.corrects}: {found.changes} change(s), told in its document")
    typer.echo(found.path)


@follow_up_app.command("list")
def follow_up_list() -> None:
    """List the editions, and the follow-ups that the calendar has next.

    Exit code 1 if a file of an edition is no longer what it was when it was frozen.
    """
    from include.follow_up import calendar, edition

    settings = _settings()
    found = edition.editions(settings)
    damage = {one.edition: edition.damaged(settings, one.edition) for one in found}
    today = settings.night
    known = calendar.read_calendar(settings.municipality_code, today)
    coming = [one for one in known if one.data_cut_off_date >= today]
    report.console().print(report.editions_table(found, damage))
    report.console().print(report.calendar_table(coming[:_COMING]))
    if any(damage.values()):
        raise typer.Exit(1)


@follow_up_app.command("diff")
def follow_up_diff(before: EditionName, after: EditionName) -> None:
    """Show what changed from one edition to another, initiative by initiative.

    Example: [bold]warehouse follow-up diff BO1-2026-1 BO1-2026-2[/]
    """
    from include.follow_up import edition

    changes = edition.diff(_settings(), before, after)
    if not changes:
        _say(f"{before} and {after} say the same of every initiative")
        return
    report.console().print(report.changes_table(changes))


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where to; must not hold anything yet.")],
    size: Annotated[Size, typer.Option(help="small: two schools; city: Ballerup.")] = Size.CITY,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = DEFAULT_SEED,
) -> None:
    """Write the synthetic municipality: every dataset in its native format, with the planted truth beside it.

    Example: [bold]warehouse demo --size small /tmp/inbox[/]
    """
    target = folder.absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise WarehouseError("the folder is not empty", where=str(target), remedy="name a new folder or empty this one")
    _generate(target, size, seed)


def _generate(folder: Path, size: Size, seed: int) -> None:
    from include.demo.municipality import generate

    generate(folder, size=size.value, seed=seed, progress=lambda dataset: _say(f"  {dataset}"))


@app.command()
def contracts() -> None:
    """Write dbt's source files from the contracts in `include/landing/contracts`."""
    from include.warehouse.sources_yaml import write_sources

    changed = write_sources()
    for file in changed:
        _say(f"written: {file.relative_to(PROJECT_ROOT)}")
    if not changed:
        _say("dbt's sources are as the contracts say")
