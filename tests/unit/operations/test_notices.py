"""What a notice says and when there is none; tests/dags/test_notices_from_runs.py tries real sinks."""

from __future__ import annotations

import datetime as dt
import json
import logging
import multiprocessing
import sqlite3
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from include.errors import WarehouseError
from include.landing.contract import Period, load_contracts
from include.landing.ledger import Ledger
from include.operations import notices
from include.operations.run_log import claim_notice, end_notice, step
from include.operations.run_log import notices as noted
from include.settings import Settings
from include.sources.reading import Problem

NIGHT = dt.date(2026, 6, 19)
WARNING = "enrolments: expect_table_row_count_to_be_between: expected: at least 17 rows"
RELEASES = ("20260618T013000Z-000001", "20260619T013000Z-000001")


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", key_file=tmp_path / "key", as_of=NIGHT, notice_mail="a@example.dk")


def at(settings: Settings, night: dt.date) -> Settings:
    return settings.model_copy(update={"as_of": night})


def publish(settings: Settings, release: str, *, marts: tuple[str, ...] = (), tests: tuple[str, ...] = ()) -> None:
    """A release with warnings about marts and of dbt's tests."""
    operations = settings.releases / release / "operations"
    operations.mkdir(parents=True)
    results = [{"suite": mart, "failures": [{"severity": "warning", "message": f"{mart}: 3 rows"}]} for mart in marts]
    (operations / "validation.json").write_text(json.dumps({"results": results}), "utf-8")
    warned = [{"status": "warn", "unique_id": f"test.municipal_warehouse.{name}.abc"} for name in tests]
    (operations / "dbt_run_results.json").write_text(json.dumps({"results": warned}), "utf-8")
    manifest = {"release_id": release, "as_of": settings.night.isoformat()}
    (settings.releases / release / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    settings.current_release.unlink(missing_ok=True)
    settings.current_release.symlink_to(release)
    with step(settings, "publish", run=release) as detail:
        detail["release"] = release


def deliver(
    settings: Settings, dataset: str = "enrolments", *, notes: tuple[str, ...] = (), rejected: str | None = None
) -> None:
    contract = load_contracts()[dataset]
    problems = [Problem(None, None, rejected, "the reason", "the remedy")] if rejected else []
    run = f"extract_{contract.domain}_{settings.night:%Y%m%d}"
    with step(settings, f"land_{dataset}", run=run, domain=contract.domain), Ledger(settings) as ledger:
        name = f"{dataset}_2025-2026_{settings.night:%Y%m%d}.csv"
        identity = f"{name}{rejected}".encode().hex().ljust(64, "0")[-64:]
        ledger.record(
            contract,
            identity,
            name,
            status="rejected" if rejected else "landed",
            period=Period.parse("2025-2026"),
            as_of=settings.night,
            row_count=1,
            landed_count=0 if rejected else 1,
            parquet_file=None,
            key_id=None,
            is_synthetic=True,
            problems=problems,
        )
        known = ledger.known(dataset, identity)
        assert known is not None
        ledger.decide(known, is_accepted=True, notes=notes, problems=[])


def text(settings: Settings) -> str:
    found = notices.published(settings)
    assert found is not None
    assert found.severity == "warning"
    return found.body


def test_a_night_with_nothing_new_has_no_warning(home: Settings) -> None:
    deliver(at(home, NIGHT - dt.timedelta(days=1)), notes=(WARNING,))
    publish(at(home, NIGHT - dt.timedelta(days=1)), RELEASES[0], marts=("mart_x",), tests=("unique_a",))
    deliver(home, notes=(WARNING, "person_key: 17 of 17 numbers fail modulus 11"))
    publish(home, RELEASES[1], marts=("mart_x",), tests=("unique_a",))
    assert notices.published(home) is None


def test_what_is_new_since_the_night_before_is_told_without_its_words(home: Settings) -> None:
    publish(at(home, NIGHT - dt.timedelta(days=1)), RELEASES[0], marts=("mart_x",))
    deliver(home, notes=(WARNING,))
    deliver(home, "wellbeing_answers", rejected="expectation")
    deliver(home, "absence_days", rejected="header")
    with pytest.raises(OSError, match="broken"), step(home, "land_referrals", run="r", domain="referrals"):
        raise OSError("broken")
    publish(home, RELEASES[1], marts=("mart_x", "mart_y"), tests=("unique_a",))
    said = text(home)
    assert "leverancen af `enrolments` (Indskrivninger, område `school_absence`)" in said
    assert "`wellbeing_answers`" in said
    assert "kontrollen som helhed" in said
    assert "den er ikke som aftalt" in said
    assert "`land_referrals`" in said
    assert "tabellen `mart_y`" in said
    assert "tabellen `unique_a`" in said
    for hidden in ("mart_x", "17", "3 rows", "the reason", "the remedy", "broken", ".csv"):
        assert hidden not in said, hidden


def test_what_came_after_the_first_release_of_a_night_is_told_in_the_next(home: Settings) -> None:
    before = at(home, NIGHT - dt.timedelta(days=1))
    publish(before, RELEASES[0])
    deliver(before, rejected="header")
    publish(before, "20260618T033000Z-000001")
    publish(home, RELEASES[1])
    assert "`enrolments`" in text(home)


def test_a_dataset_is_told_when_it_goes_stale_and_when_overdue_and_not_in_between(home: Settings) -> None:
    patience = load_contracts()["enrolments"].rhythm.stale_after_days
    deliver(home)
    told = []
    for days in range(3 * patience):
        tonight = at(home, NIGHT + dt.timedelta(days=days))
        publish(tonight, f"{tonight.night:%Y%m%d}T013000Z-000001")
        found = notices.published(tonight)
        if found:
            assert "Forældede datasæt" in found.body
            assert "nyeste data er fra 19.06.2026" in found.body
            told.append(days)
    assert told == [patience + 1, 2 * patience + 1]


def test_a_failed_step_says_what_stands(home: Settings) -> None:
    assert "Der står ingen udgivelse." in notices.step_failed(home, "build").body
    publish(at(home, NIGHT - dt.timedelta(days=1)), RELEASES[0])
    first = notices.step_failed(home, "publish")
    assert first.subject == "Kritisk: varehuset, Ballerup, natten 19.06.2026: nattens udgivelse er ikke kommet"
    assert "Udgivelsen med data pr. 18.06.2026 står, hel." in first.body
    assert "prøvet så mange gange" in first.body
    publish(home, RELEASES[1])
    assert "En senere udgivelse i nat er ikke kommet" in notices.step_failed(home, "build").body


def test_every_step_of_a_refresh_has_words(home: Settings) -> None:
    for name in ("look_in_ledger", "build", "validate", "protect", "publish"):
        assert f"`{name}`" in notices.step_failed(home, name).body


def test_made_up_data_are_told_as_such(home: Settings, tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "SYNTHETIC.json").write_text('{"as_of": "2026-06-19"}', "utf-8")
    synthetic = home.model_copy(update={"inputs": tmp_path / "inbox"})
    assert "Opdigtede data" in notices.not_taken_in(synthetic, ["budget"]).body
    assert "Opdigtede data" not in notices.not_taken_in(home, ["budget"]).body


def test_the_mail_shows_text_as_text() -> None:
    message = notices.Message(NIGHT, "warning", "s", "<b>&\nx")
    assert "&lt;b&gt;&amp;\nx" in message.as_html


@pytest.mark.parametrize(
    "host", ["http://hooks.example.dk/x", "ftp://127.0.0.1/x", "", None, "http://127.0.0.1.example.dk/"]
)
def test_a_webhook_is_posted_to_by_https_alone(host: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("httpx.post", lambda *_, **__: pytest.fail("it was posted"))
    with pytest.raises(WarehouseError, match="not https"):
        notices.post(notices.Message(NIGHT, "warning", "s", "b"), host, None, None, None)


def test_the_address_of_a_webhook_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    class Sink(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    caplog.set_level(logging.INFO)
    with HTTPServer(("127.0.0.1", 0), Sink) as server:
        Thread(target=server.handle_request, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/services/a-secret"
        notices.post(notices.Message(NIGHT, "warning", "s", "b"), address, None, None, None)
    assert "a-secret" not in caplog.text


# --- once ------------------------------------------------------------------------------------------------------------


def _claim(home: str, start: Any, won: Any) -> None:
    start.wait()
    settings = Settings(home=Path(home), key_file=Path("x"), as_of=NIGHT)
    won.put(claim_notice(settings, NIGHT, "critical", "mail", "s", "b"))


def test_of_several_that_want_to_tell_at_once_one_does(home: Settings) -> None:
    context = multiprocessing.get_context("fork")
    start, won = context.Event(), context.Queue()
    workers = [context.Process(target=_claim, args=(str(home.home), start, won)) for _ in range(6)]
    for worker in workers:
        worker.start()
    start.set()
    claimed = [won.get(timeout=30) for _ in workers]
    for worker in workers:
        worker.join(timeout=30)
    assert sorted(claimed) == [False] * 5 + [True]


def test_a_notice_is_tried_again_only_if_it_failed(home: Settings) -> None:
    claim = (home, NIGHT, "critical", "mail", "s", "b")
    assert claim_notice(*claim)
    assert not claim_notice(*claim), "cut off while it was sent: it may have arrived"
    end_notice(home, NIGHT, "critical", "mail", "TimeoutError")
    assert claim_notice(*claim)
    end_notice(home, NIGHT, "critical", "mail", None)
    assert not claim_notice(*claim)
    assert claim_notice(home, NIGHT, "warning", "mail", "s", "b"), "another severity"
    assert claim_notice(home, NIGHT + dt.timedelta(days=1), "critical", "mail", "s", "b"), "another night"


def test_a_notice_of_an_earlier_night_is_not_sent_any_more(home: Settings) -> None:
    sent: list[notices.Message] = []
    message = notices.not_taken_in(home, ["budget"])

    def broken(_: notices.Message) -> None:
        raise OSError("nobody there")

    notices.tell(home, message, {"mail": broken})
    assert [one.reason for one in noted(home)] == ["OSError"]
    notices.tell(at(home, NIGHT + dt.timedelta(days=1)), None, {"mail": sent.append})
    assert sent == []
    notices.tell(home, None, {"mail": sent.append})
    assert sent == [message]


def test_a_deadline_is_told_beside_the_night_s_own_notices(home: Settings) -> None:
    for severity in ("critical", "warning", "deadline"):
        assert claim_notice(home, NIGHT, severity, "mail", "s", "b")
    assert not claim_notice(home, NIGHT, "deadline", "mail", "s", "b")
    assert [one.severity for one in noted(home)] == ["critical", "deadline", "warning"]


def _old_log(home: Settings) -> None:
    """A log of before follow-ups had notices, with one notice that was sent."""
    home.prepare()
    with sqlite3.connect(home.operations / "run_log.sqlite") as log:
        log.execute(
            """
            create table notice (
                night text not null,
                severity text not null check (severity in ('critical', 'warning')),
                channel text not null, subject text not null, body text not null, attempted_at text not null,
                attempts integer not null default 1,
                outcome text not null default 'sending' check (outcome in ('sending', 'sent', 'failed')),
                reason text,
                unique (night, severity, channel)
            )
            """
        )
        values = (NIGHT.isoformat(), "warning", "mail", "s", "b", "2026-06-19T01:40:00+00:00", 2, "sent", None)
        log.execute(f"insert into notice values ({', '.join('?' * len(values))})", values)


def test_a_log_of_before_deadlines_keeps_its_notices_and_takes_new_ones(home: Settings) -> None:
    _old_log(home)
    context = multiprocessing.get_context("fork")
    start, won = context.Event(), context.Queue()
    workers = [context.Process(target=_claim, args=(str(home.home), start, won)) for _ in range(6)]
    for worker in workers:
        worker.start()
    start.set()
    assert sorted(won.get(timeout=30) for _ in workers) == [False] * 5 + [True]
    for worker in workers:
        worker.join(timeout=30)
    assert claim_notice(home, NIGHT, "deadline", "mail", "s", "b")
    assert not claim_notice(home, NIGHT, "warning", "mail", "s", "b"), "it was sent"
    assert [(one.severity, one.attempts) for one in noted(home)] == [("critical", 1), ("deadline", 1), ("warning", 2)]
