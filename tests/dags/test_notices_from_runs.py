"""Notices through Airflow to real sinks on loopback: a mail server and a webhook. Who is told, how often, and what not.

The night's work is faked, the runs, notifiers and sinks are real.
"""

from __future__ import annotations

import datetime as dt
import email
import json
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from include.errors import WarehouseError
from include.landing.contract import Period, load_contracts
from include.landing.ledger import Ledger
from include.operations.run_log import notices
from include.operations.status import status
from include.settings import DOMAINS, Settings
from include.sources.reading import Problem

TOKEN = "token-of-the-webhook"
VALUE = "1.234.567,89"
PERSON = "Karla_Sandberg"
FILE = f"referrals_20260601-20260618_20260619_{PERSON}.csv"


@dataclass
class Sinks:
    """What came, as text: mails with their headers, and bodies of posts. `answer` is the webhook's status."""

    mails: list[str] = field(default_factory=list)
    posts: list[dict[str, str]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    answer: int = 200

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:
        assert envelope.rcpt_tos == ["vagt@example.dk", "leder@example.dk"]
        mail = email.message_from_bytes(envelope.content, policy=default)
        (part,) = mail.iter_parts()  # type: ignore[union-attr]
        self.mails.append(f"{mail['From']} {mail['Subject']}\n{part.get_content()}")
        return "250 OK"

    @property
    def subjects(self) -> list[str]:
        return [post["subject"] for post in self.posts]

    @property
    def all_text(self) -> str:
        return "\n".join([*self.mails, *(json.dumps(post, ensure_ascii=False) for post in self.posts)])


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Sinks, int, int]]:
    """A mail server and a webhook, each on a port of its own."""
    sinks = Sinks()

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if sinks.answer == 200:
                sinks.posts.append(json.loads(body))
                sinks.keys.append(self.headers["Authorization"])
            self.send_response(sinks.answer)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    mail = Controller(sinks, hostname="127.0.0.1", port=free_port())
    mail.start()
    yield sinks, mail.port, web.server_address[1]
    mail.stop()
    web.shutdown()
    web.server_close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch, servers: tuple[Sinks, int, int]) -> Callable[..., None]:
    """Points Airflow's connections at the sinks; `is_up=False` at ports where nobody listens."""
    _, mail_port, web_port = servers

    def connecting(*, is_up: bool = True) -> None:
        smtp_at = mail_port if is_up else free_port()
        hook_at = web_port if is_up else free_port()
        extra = {"disable_ssl": True, "disable_tls": True, "from_email": "varehus@example.dk"}
        smtp = {"conn_type": "smtp", "host": "127.0.0.1", "port": smtp_at, "extra": extra}
        hook = {"conn_type": "http", "host": f"http://127.0.0.1:{hook_at}/in?key=1", "password": TOKEN}
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(smtp))
        monkeypatch.setenv("AIRFLOW_CONN_NOTICES", json.dumps(hook))

    return connecting


@pytest.fixture
def sinks(
    servers: tuple[Sinks, int, int], connect: Callable[..., None], home: Settings, monkeypatch: pytest.MonkeyPatch
) -> Sinks:
    """Empty sinks, to which the test's home sends its notices."""
    found = servers[0]
    found.mails.clear()
    found.posts.clear()
    found.keys.clear()
    found.answer = 200
    connect()
    monkeypatch.setenv("WAREHOUSE_NOTICE_MAIL", "vagt@example.dk, leder@example.dk")
    monkeypatch.setenv("WAREHOUSE_NOTICE_WEBHOOK", "notices")
    return found


@pytest.fixture(scope="module")
def own_dags(night_runner: ModuleType, dags: dict[str, Any]) -> dict[str, Any]:
    """DAG objects whose tasks are not tried again, since `dag.test()` would wait."""
    found: dict[str, Any] = night_runner.load_dags()
    for dag in found.values():
        for task in dag.tasks:
            task.retries = 0
    return found


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> dict[str, Exception]:
    """The refresh's functions, which do nothing but publish a manifest, or raise what is set for them."""
    raised: dict[str, Exception] = {}

    def fake(name: str) -> Callable[..., Any]:
        def work(settings: Settings, run_id: str, **_: object) -> Any:
            if name in raised:
                raise raised[name]
            if name == "publish":
                folder = settings.releases / run_id
                folder.mkdir(parents=True)
                content = {"release_id": run_id, "as_of": settings.night.isoformat(), "landing_fingerprint": "x"}
                (folder / "manifest.json").write_text(json.dumps(content), "utf-8")
                settings.current_release.unlink(missing_ok=True)
                settings.current_release.symlink_to(run_id)
            return SimpleNamespace(release_id=run_id, models=1, tests=1, seeds=1, warnings=(), suites=1, checks=1)

        return work

    for module, name in (("build",) * 2, ("validate",) * 2, ("protect",) * 2, ("release", "publish")):
        monkeypatch.setattr(f"include.warehouse.{module}.{name}", fake(name))
    return raised


@dataclass(frozen=True)
class Night:
    """A night's work: the home it works in, where its notices go, and the errors that steps of a refresh raise."""

    home: Settings
    sinks: Sinks
    steps: dict[str, Exception]
    dags: dict[str, Any]
    runner: ModuleType

    def run(self, name: str) -> str:
        """The state in which a run of the DAG ends."""
        return str(self.runner.run_dag(self.dags[name], logical_date=None).state)

    def refresh(self) -> str:
        return self.run("refresh_warehouse")


@pytest.fixture
def night(
    home: Settings, sinks: Sinks, steps: dict[str, Exception], own_dags: dict[str, Any], night_runner: ModuleType
) -> Night:
    return Night(home, sinks, steps, own_dags, night_runner)


def land_all(settings: Settings, *, without: str | None = None) -> None:
    with Ledger(settings) as ledger:
        for domain in DOMAINS:
            if domain != without:
                ledger.finish_domain(domain, settings.night)


def reject(settings: Settings) -> None:
    """A rejected delivery whose quarantine and file name hold what no notice may say."""
    problem = Problem(17, "Beløb", "type", f"not a number: {VALUE}", f"ask {PERSON}")
    with Ledger(settings) as ledger:
        ledger.record(
            load_contracts()["referrals"],
            "ab" * 32,
            FILE,
            status="rejected",
            period=Period.parse("20260601-20260618"),
            as_of=settings.night,
            row_count=1,
            landed_count=0,
            parquet_file=None,
            key_id=None,
            is_synthetic=True,
            problems=[problem],
        )


def assert_tells_nothing_personal(sinks: Sinks) -> None:
    text = sinks.all_text
    assert text
    for hidden in (VALUE, PERSON, FILE, "referrals_2026", ".csv", "line 17", "linje 17", "Beløb", TOKEN):
        assert hidden not in text, hidden
    assert not re.search(r"\b\d{6}[- ]?\d{4}\b", text), "a number in the form of a CPR number"
    assert not re.search(r"\b\d+ (rækker|leverancer|elever|børn|rows)", text), "a count"


def test_a_good_night_with_a_rejected_delivery_gives_one_warning_to_each(night: Night) -> None:
    land_all(night.home)
    reject(night.home)
    assert night.refresh() == "success"
    assert night.refresh() == "success"
    assert len(night.sinks.mails) == len(night.sinks.posts) == 1
    mail, post = night.sinks.mails[0], night.sinks.posts[0]
    assert mail.startswith("varehus@example.dk Advarsel: varehuset, Ballerup, natten ")
    assert post["severity"] == "warning"
    assert post["night"] == night.home.night.isoformat()
    named = "`referrals` (Henvisninger, område `referrals`)"
    for told in ("Nattens udgivelse er kommet", named, "en rettet leverance"):
        assert told in post["text"]
        assert told in mail
    assert "Forældede" not in post["text"]
    assert night.sinks.keys == [f"Bearer {TOKEN}"]
    assert_tells_nothing_personal(night.sinks)
    assert status(Settings()).nights[0].notices == ["warning mail", "warning webhook"]


def test_a_night_with_nothing_to_tell_and_a_night_without_recipients_send_nothing(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_all(night.home)
    assert night.refresh() == "success"
    for name in ("MAIL", "WEBHOOK"):
        monkeypatch.setenv(f"WAREHOUSE_NOTICE_{name}", "")
    night.steps["build"] = ValueError(VALUE)
    assert night.refresh() == "failed"
    assert not night.sinks.mails
    assert not night.sinks.posts
    assert notices(night.home) == []
    assert status(night.home).told == ["nobody is told (set WAREHOUSE_NOTICE_MAIL or WAREHOUSE_NOTICE_WEBHOOK)"]


def test_a_gate_that_refuses_gives_one_critical_message_to_each(night: Night) -> None:
    from include.warehouse.protect import DisclosureFound

    land_all(night.home)
    night.steps["protect"] = DisclosureFound(f"it holds {VALUE}", remedy=f"ask {PERSON}", where="mart_x")
    assert night.refresh() == "failed"
    assert len(night.sinks.mails) == len(night.sinks.posts) == 1
    (post,) = night.sinks.posts
    assert post["severity"] == "critical"
    for told in ("Nattens udgivelse er ikke kommet", "Porten sagde nej", "`protect`", "Der står ingen udgivelse"):
        assert told in post["text"]
    assert_tells_nothing_personal(night.sinks)


def test_three_failing_tasks_in_three_dags_are_one_message(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    def judge(settings: Settings, domain: str) -> None:
        raise WarehouseError(f"the suite holds {VALUE}", remedy="correct the suite")

    monkeypatch.setattr("include.landing.judge.judge", judge)
    monkeypatch.setattr("include.landing.process.land", lambda settings, dataset, **_: empty_report(dataset))
    night.steps["build"] = ValueError(VALUE)
    assert [night.run(name) for name in ("extract_budget", "extract_trivsel", "refresh_warehouse")] == ["failed"] * 3
    assert len(night.sinks.mails) == len(night.sinks.posts) == 1
    assert "`extract_budget`" in night.sinks.posts[0]["text"]
    assert_tells_nothing_personal(night.sinks)


def empty_report(dataset: str) -> object:
    from include.landing.process import LandReport

    return LandReport(dataset)


def test_the_clock_misses_a_domain_whose_extract_never_ran(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    land_all(night.home, without="school_absence")
    assert night.refresh() == "success"
    assert not night.sinks.posts, "who starts a run by hand knows what is there"
    monkeypatch.setitem(sys.modules["wiring"].__dict__, "_started_by", lambda run_type: "clock")
    assert night.refresh() == "success"
    assert [post["severity"] for post in night.sinks.posts] == ["critical"]
    assert "`extract_school_absence`" in night.sinks.posts[0]["text"]
    assert "`extract_budget`" not in night.sinks.posts[0]["text"]


def test_sinks_that_are_down_fail_nothing_and_are_tried_again(night: Night, connect: Callable[..., None]) -> None:
    land_all(night.home)
    reject(night.home)
    connect(is_up=False)
    assert night.refresh() == "success"
    told = status(Settings()).told
    assert told == ["warning mail NOT SENT: ConnectionRefusedError", "warning webhook NOT SENT: ConnectError"]
    connect()
    night.sinks.answer = 503
    assert night.refresh() == "success"
    assert status(Settings()).told == ["warning mail", "warning webhook NOT SENT: answered 503"]
    night.sinks.answer = 200
    assert night.refresh() == "success"
    assert len(night.sinks.mails) == len(night.sinks.posts) == 1
    assert status(Settings()).told == ["warning mail", "warning webhook"]
    # The webhook: once while nobody listened, twice refused (first and last task of the second night), then taken.
    assert [notice.attempts for notice in notices(night.home)] == [2, 4]


def test_a_mail_server_that_takes_the_call_and_says_nothing_is_not_waited_for(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    wiring = sys.modules["wiring"]
    assert wiring.notices.SECONDS * 2 < 20, "both channels within the time that Airflow leaves a task's process"
    monkeypatch.setattr(wiring.notices, "SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        smtp = {"conn_type": "smtp", "host": "127.0.0.1", "port": silent.getsockname()[1]}
        smtp["extra"] = {"disable_ssl": True, "disable_tls": True, "from_email": "a@example.dk", "timeout": 60}
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(smtp))
        night.steps["build"] = OSError(VALUE)
        begun = time.monotonic()
        assert night.refresh() == "failed"
        assert time.monotonic() - begun < 30
    assert len(night.sinks.posts) == 1
    told = status(Settings()).told
    assert told[0].startswith("critical mail NOT SENT: ")
    assert told[1] == "critical webhook"


def test_a_connection_that_is_not_there_is_told_by_status(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_SMTP_DEFAULT")
    monkeypatch.delenv("AIRFLOW_CONN_NOTICES")
    night.steps["build"] = OSError(VALUE)
    assert night.refresh() == "failed"
    assert [one.outcome for one in notices(night.home)] == ["failed", "failed"]
    assert all("NOT SENT: Airflow" in line for line in status(Settings()).told)


def test_a_second_try_that_succeeds_tells_nobody(
    night: Night, night_runner: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_all(night.home)
    dag = night_runner.load_dags()["refresh_warehouse"]
    for task in dag.tasks:
        task.retries, task.retry_delay, task.retry_exponential_backoff = 1, dt.timedelta(0), False
    tries: list[int] = []

    def build(settings: Settings, run_id: str) -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("no room on the disk")
        return SimpleNamespace(models=1, tests=1, seeds=1, warnings=())

    monkeypatch.setattr("include.warehouse.build.build", build)
    assert str(night_runner.run_dag(dag, logical_date=None).state) == "success"
    assert len(tries) == 2
    assert not night.sinks.mails
    assert not night.sinks.posts


def test_every_step_of_a_refresh_and_every_judge_can_tell(dags: dict[str, Any]) -> None:
    notifier = sys.modules["wiring"].NightNotifier

    def events(callbacks: Any) -> list[str]:
        return [one.event for one in callbacks if isinstance(one, notifier)]

    for task in dags["refresh_warehouse"].tasks:
        assert events(task.on_failure_callback) == ["failed"], task.task_id
        assert events(task.on_retry_callback) == []
    assert events(dags["refresh_warehouse"].get_task("publish").on_success_callback) == ["published"]
    for domain in DOMAINS:
        judge = dags[f"extract_{domain}"].get_task("judge_deliveries")
        assert events(judge.on_failure_callback) == ["not taken in"]
        assert [one.domain for one in judge.on_failure_callback] == [domain]
