"""The command line: helpful, one panel an error, an exit code that tells the truth."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from include import cli, night
from include.demo.ministry import ABSENCE, write_answers
from include.errors import WarehouseError
from include.landing.contract import load_contracts
from include.landing.erase import ErasedDataset, ErasureReport
from include.landing.erasures import Erasures
from include.landing.ledger import Ledger
from include.landing.persons import Vault, read_key
from include.operations import report
from include.operations.run_log import step
from include.operations.status import Counts
from include.settings import DOMAINS, SYNTHETIC_MARKER, Settings
from include.sources.reading import Problem

COMMANDS = ("run", "extract", "refresh", "status", "releases", "rollback", "quarantine", "demo", "contracts", "erase")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    settings = Settings(home=tmp_path / "home", key_file=tmp_path / "key" / "person.key", as_of=dt.date(2026, 6, 19))
    for name in [name for name in os.environ if name.startswith(("WAREHOUSE_", "AIRFLOW_CONN_"))]:
        monkeypatch.delenv(name)
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    return settings


def warehouse(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, arguments)


def publish(settings: Settings, release: str = "20260619T013000Z-000001") -> None:
    """What a night leaves that has published: the release's folder, the link, and the step in the run log."""
    (settings.releases / release).mkdir(parents=True)
    link = settings.current_release
    link.unlink(missing_ok=True)
    link.symlink_to(release)
    with step(settings, "publish", run=release) as detail:
        detail["release"] = release


def test_help_lists_every_command_with_an_example_where_one_helps() -> None:
    shown = warehouse("--help")
    assert shown.exit_code == 0
    for command in COMMANDS:
        assert command in shown.output
        page = warehouse(command, "--help")
        assert page.exit_code == 0
        if command not in ("releases", "contracts", "erase"):
            assert "Example" in page.output, command


def test_the_domains_of_the_command_line_are_those_of_the_settings() -> None:
    assert tuple(domain.value for domain in cli.Domain) == DOMAINS


def test_an_error_is_one_panel_and_no_traceback(home: Settings) -> None:
    shown = warehouse("quarantine", "no_such_dataset")
    assert shown.exit_code == 1
    assert "no_such_dataset is no dataset" in shown.output
    assert "remedy" in shown.output
    assert "Traceback" not in shown.output


def test_debug_shows_the_error_itself(home: Settings) -> None:
    shown = warehouse("--debug", "quarantine", "no_such_dataset")
    assert isinstance(shown.exception, WarehouseError)


def test_an_unforeseen_error_does_not_show_its_text(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("could not convert the secret value")

    monkeypatch.setattr(night, "refresh_plain", broken)
    shown = warehouse("refresh")
    assert shown.exit_code == 1
    assert "ValueError" in shown.output
    assert "secret value" not in shown.output


@pytest.mark.parametrize("said", [[], ["--correct"]])
def test_only_who_says_so_changes_figures_within_their_month(
    home: Settings, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(night, "refresh_plain", lambda settings, _: asked.append(settings.corrects))
    assert warehouse("refresh", *said).exit_code == 0
    assert asked == [bool(said)]


def test_a_setting_that_can_not_be_read_is_named_without_its_value(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE_THREADS", "plenty")
    shown = warehouse("releases")
    assert shown.exit_code == 1
    assert "WAREHOUSE_THREADS" in shown.output
    assert "plenty" not in shown.output


def test_an_inbox_that_is_not_there_stops_the_night(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAREHOUSE_INPUTS", str(home.home / "nowhere"))
    shown = warehouse("run", "--plain")
    assert shown.exit_code == 1
    assert "there is no such inbox" in shown.output


@pytest.fixture
def plain(home: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Settings], list[str]]], None]:
    """Replaces the night itself, and the generator, which would take its time."""

    def generate(folder: Path, **_: Any) -> None:
        (folder / "enrolments").mkdir(parents=True)
        (folder / SYNTHETIC_MARKER).write_text('{"as_of": "2026-06-19"}', "utf-8")

    monkeypatch.setattr("include.demo.municipality.generate", generate)

    def replace(work: Callable[[Settings], list[str]]) -> None:
        monkeypatch.setattr(night, "run_plain", lambda settings, say: work(settings))

    return replace


def test_a_night_that_publishes_ends_with_zero_and_the_tables(home: Settings, plain: Any) -> None:
    plain(lambda settings: publish(settings) or [])
    shown = warehouse("run", "--plain")
    assert shown.exit_code == 0, shown.output
    for dataset in load_contracts():
        assert dataset in shown.output
    for part in ("never delivered", "Gates", "whole night", "Release 20260619T013000Z-000001", "generate_inbox"):
        assert part in shown.output


def test_a_night_without_a_new_release_is_no_success_though_an_old_one_stands(home: Settings, plain: Any) -> None:
    publish(home)
    plain(lambda settings: [])
    shown = warehouse("run", "--plain")
    assert shown.exit_code == 1
    assert "No new release" in shown.output


def test_a_night_whose_gate_refuses_shows_the_tables_and_the_reason(home: Settings, plain: Any) -> None:
    def refuse(settings: Settings) -> list[str]:
        raise WarehouseError("mart_x has no rows", remedy="look into the deliveries")

    plain(refuse)
    shown = warehouse("run", "--plain")
    assert shown.exit_code == 1
    assert "whole night" in shown.output
    assert "mart_x has no rows" in shown.output


def test_what_somebody_has_to_act_on_is_shown_though_the_night_published(home: Settings, plain: Any) -> None:
    plain(lambda settings: publish(settings) or ["referrals/a.csv, line 3: no such code. Remedy: correct it"])
    shown = warehouse("run", "--plain")
    assert shown.exit_code == 0
    assert "Somebody has to act" in shown.output
    assert "referrals/a.csv, line 3" in shown.output


def test_only_the_homes_own_inbox_is_filled(home: Settings, plain: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    given = home.home.parent / "given"
    given.mkdir()
    monkeypatch.setenv("WAREHOUSE_INPUTS", str(given))
    plain(lambda settings: publish(settings) or [])
    assert warehouse("run", "--plain").exit_code == 0
    assert list(given.iterdir()) == []
    assert list(home.inbox.iterdir()) == []


MINISTRY = "AIRFLOW_CONN_UDDANNELSESSTATISTIK"


def test_stand_ins_of_outside_apis_are_there_for_the_synthetic_inbox_alone(home: Settings) -> None:
    write_answers(home.inbox / "absence_statistics", ABSENCE, [])
    with cli._stand_ins(home) as connections:
        assert connections == {}, "a real inbox with a file of that name must not be answered by a stand-in"

    (home.inbox / SYNTHETIC_MARKER).write_text('{"as_of": "2026-06-19"}', "utf-8")
    synthetic = Settings(home=home.home)
    with cli._stand_ins(synthetic) as connections, cli._environment(connections):
        assert list(connections) == [MINISTRY], "nothing is served for a connection without answers"
        fields = json.loads(os.environ[MINISTRY])
        assert fields["host"].startswith("http://127.0.0.1:")
        assert len(fields["password"]) > 20
    assert MINISTRY not in os.environ


def record(settings: Settings, name: str, problems: list[Problem], *, status: str = "accepted") -> None:
    with Ledger(settings) as ledger:
        ledger.record(
            load_contracts()["referrals"],
            name.ljust(64, "0"),
            f"{name}.csv",
            status=status,
            period=None,
            as_of=dt.date(2026, 6, 18),
            row_count=10,
            landed_count=10 - len(problems),
            parquet_file=None,
            key_id=None,
            is_synthetic=True,
            problems=problems,
        )


def test_quarantine_names_place_reason_and_remedy(home: Settings) -> None:
    assert "the quarantine is empty" in warehouse("quarantine").output
    record(home, "abc", [Problem(7, "Henvist dato", "type", "no date", "write it as 31-12-2025")])
    shown = warehouse("quarantine", "referrals")
    assert shown.exit_code == 0
    for part in ("referrals/abc.csv", "7", "Henvist dato", "no date", "31-12-2025"):
        assert part in shown.output
    assert "the quarantine is empty" in warehouse("quarantine", "enrolments").output


def test_a_rotation_says_that_the_key_file_must_be_copied_and_tells_no_person(home: Settings) -> None:
    """Through the landing process, as people start it."""
    Vault(home, "school", read_key(home)).person_keys([])
    before = read_key(home)
    shown = warehouse("vault", "rotate")
    assert shown.exit_code == 0
    after = read_key(home)
    assert after.parts[:1] == before.parts
    for part in ("the key was rotated", "to the safe", after.ids[-1], "school"):
        assert part in shown.output
    assert after.ids[-1] in warehouse("vault", "status").output
    home.key_file.write_text(before.text)
    failed = warehouse("vault", "status")
    assert failed.exit_code == 1
    assert "another key" in " ".join(failed.output.split())


def test_the_summary_counts_what_the_ledger_holds(home: Settings) -> None:
    before = dt.datetime.now(dt.UTC)
    record(home, "abc", [Problem(7, "Henvist dato", "type", "no date", "write it as 31-12-2025")])
    record(home, "def", [], status="rejected")
    lines = {line.dataset: line for line in night.summary(home, before).datasets}
    line = lines["referrals"]
    assert (line.deliveries, line.new, line.rejected) == (2, 2, 1)
    assert (line.rows_in, line.landed, line.quarantined) == (20, 19, 1)
    assert (line.newest, line.state) == (dt.date(2026, 6, 18), "fresh")
    assert lines["enrolments"].state == "never delivered"

    later = home.model_copy(update={"as_of": dt.date(2026, 6, 22)})
    states = {line.dataset: line.state for line in night.summary(later, before).datasets}
    assert states["referrals"] == "stale"


def test_extract_ends_with_one_if_somebody_has_to_act(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bool]] = []

    def extract(settings: Settings, domain: str, say: object, *, retry_rejected: bool) -> list[str]:
        asked.append((domain, retry_rejected))
        return ["a place to look at"] if retry_rejected else []

    monkeypatch.setattr(night, "extract_plain", extract)
    assert warehouse("extract", "budget").exit_code == 0
    shown = warehouse("extract", "budget", "--retry-rejected")
    assert shown.exit_code == 1
    assert "a place to look at" in shown.output
    assert asked == [("budget", False), ("budget", True)]


def test_demo_does_not_write_over_anything(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", "utf-8")
    shown = warehouse("demo", str(tmp_path))
    assert shown.exit_code == 1
    assert "not empty" in shown.output
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


# ---- erase


@pytest.mark.parametrize("command", ["person", "retention", "proofs"])
def test_each_way_to_erase_has_an_example(command: str) -> None:
    page = warehouse("erase", command, "--help")
    assert page.exit_code == 0
    assert "Example" in page.output


def test_a_number_can_not_be_an_argument(home: Settings) -> None:
    assert warehouse("erase", "person", "020312-4001").exit_code == 2
    assert warehouse("erase", "person", "--help").output.count("--") == warehouse(
        "erase", "proofs", "--help"
    ).output.count("--"), "no option but --help"


def test_proofs_tell_when_and_how_many_and_never_who(home: Settings) -> None:
    assert "nothing has been erased" in warehouse("erase", "proofs").stderr
    with Ledger(home) as ledger:
        ledger.record(
            load_contracts()["cases"],
            "ab" * 32,
            "cases_0_20260619.csv",
            status="accepted",
            period=None,
            as_of=dt.date(2026, 6, 19),
            row_count=1200,
            landed_count=1200,
            parquet_file=None,
            key_id=None,
            is_synthetic=False,
        )
        (delivery,) = ledger.deliveries()
    with Erasures(home) as erasures:
        erasures.account(erasures.begin("person"), delivery, 0, file_id="ab" * 32, lines=[2])
        erasures.landing_done(1)
        erasures.begin("retention")
    shown = warehouse("erase", "proofs").output
    rows = [line for line in shown.splitlines() if "person" in line or "retention" in line]
    assert [cell.strip() for cell in rows[0].split("│")[3:-1]] == ["person", "open", "", "cases", "1", "1,200", "0"]
    assert [cell.strip() for cell in rows[1].split("│")[3:-1]] == [
        *("retention", "broke off", "", "nothing found", "0", "0", "0")
    ]
    line = next(line for line in night.summary(home, dt.datetime.now(dt.UTC)).datasets if line.dataset == "cases")
    assert (line.rows_in, line.landed, line.quarantined, line.erased) == (1200, 0, 0, 1200)
    assert report._rows(Counts(1, 1200, 900, 100, 200)) == "1,200 (100) -200"


def test_a_dry_run_tells_datasets_and_rows_and_changes_nothing(home: Settings) -> None:
    file = home.inbox / "surveys" / "x"
    file.parent.mkdir(parents=True)
    shown = warehouse("erase", "retention", "--dry-run")
    assert shown.exit_code == 0, shown.output
    assert "no landed or quarantined row was found" in shown.stderr
    assert "nothing has been erased" in warehouse("erase", "proofs").stderr


def test_an_erasure_tells_what_the_source_and_an_inbox_elsewhere_still_have(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = ErasureReport("person", 2, [ErasedDataset("cases", 3, 41, 1)], 1, 0, {"cases": 6}, [], [1])
    monkeypatch.setattr(night, "erase", lambda settings, purpose, say: found)
    shown = warehouse("erase", "person")
    assert shown.exit_code == 0
    assert "│ cases   │          3 │     41 │           1 │" in shown.stdout
    assert "a new delivery that holds them lands as a new person" in shown.stderr
    assert "6 file(s) of cases in it hold the person" in shown.stderr
    assert "erasure 1 had broken off" in shown.stderr
