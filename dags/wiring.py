"""What the eight DAGs have in common: tasks, order, retries, time limits, schedule, docs. Wiring only.

What a task does is a function of `include/night.py`; what is decided, decide `include/operations/decision.py` and
`include/follow_up/calendar.py`.
Airflow does not read this file as a DAG (`.airflowignore`); it lies here because it is the one place, beside the DAG
files, that may import airflow.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.providers.smtp.notifications.smtp import SmtpNotifier
from airflow.sdk import (
    DAG,
    Asset,
    AssetOrTimeSchedule,
    BaseNotifier,
    Connection,
    CronTriggerTimetable,
    Param,
    TriggerRule,
    chain,
    get_current_context,
    task,
    timezone,
)
from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowNotFoundException,
    AirflowRescheduleException,
    AirflowSkipException,
)
from airflow.timetables.events import EventsTimetable

from include import night
from include.errors import WarehouseError
from include.follow_up import calendar
from include.landing.contract import Contract, contracts_of
from include.operations import notices
from include.settings import COPENHAGEN, DOMAINS, Settings

if TYPE_CHECKING:
    from include.follow_up.calendar import Action
    from include.operations.decision import Trigger
    from include.sources.api import ApiConnection

OWNER = "data-warehouse"
START = dt.datetime(2026, 1, 1, tzinfo=COPENHAGEN)
ZONE = COPENHAGEN.key

DEFAULTS = {
    "owner": OWNER,
    "retries": 2,
    "retry_delay": dt.timedelta(minutes=5),
    "retry_exponential_backoff": True,
    "max_retry_delay": dt.timedelta(minutes=20),
}
LAND_TIMEOUT = dt.timedelta(minutes=45)
JUDGE_TIMEOUT = dt.timedelta(minutes=20)
LOOK_TIMEOUT = dt.timedelta(minutes=5)
STEP_TIMEOUT = dt.timedelta(minutes=90)

LATE = dt.timedelta(minutes=15)
PATIENCE = dt.timedelta(minutes=45)
LOOK_AGAIN = dt.timedelta(seconds=20)
"""From when on a run of the clock is one that is made up for; how long and how often a refresh looks whether a domain
that lands right now is done."""

REFRESH_WITHIN = dt.timedelta(hours=3)
FREEZE_WITHIN = dt.timedelta(hours=2)
"""How long a refresh may take after it was asked for, and a freeze after its moment, until somebody is told."""

_log = logging.getLogger(__name__)


def asset_of(domain: str) -> Asset:
    """The asset that says: this domain's deliveries of a night have been taken in and judged."""
    return Asset(name=f"landed_{domain}", uri=f"warehouse://landed/{domain}", group="landing")


# ---- notices

Event = Literal["not taken in", "looked", "failed", "published", "not made", "lacking"]
"""What a task has to tell: a domain that failed for good, the look in the ledger, a step that failed, a release; what
was not made for a follow-up, and what a follow-up lacks."""


class BriefSmtpHook(SmtpHook):
    """Airflow's hook that does not wait longer for the mail server than a task's process is left to live."""

    @property
    def timeout(self) -> int:
        """Seconds for an answer, whatever the connection allows."""
        return int(notices.SECONDS)

    @property
    def smtp_retry_limit(self) -> int:
        """A notice that does not go is tried again by the next task that has something to tell."""
        return 0


class MailNotifier(SmtpNotifier):
    """A message by mail, through the connection `smtp_default`; its extra `from_email` is the sender."""

    @property
    def hook(self) -> SmtpHook:
        """The way to the mail server."""
        return BriefSmtpHook(smtp_conn_id=self.smtp_conn_id)


class WebhookNotifier(BaseNotifier):
    """A message to the webhook of a connection of type http: host, and a token as password if it wants one."""

    def __init__(self, message: notices.Message, http_conn_id: str) -> None:
        super().__init__()
        self.message = message
        self.http_conn_id = http_conn_id

    def notify(self, context: Any) -> None:
        """Post it."""
        found = Connection.get(self.http_conn_id)
        notices.post(self.message, found.host, found.schema, found.port, found.password)


class NightNotifier(BaseNotifier):
    """Tells mail and webhook what has come of the night with this task; what is told says `notices`.

    A callback of tasks, so that it runs where the warehouse's home is, and after the last try only.
    """

    def __init__(self, event: Event, domain: str = "") -> None:
        super().__init__()
        self.event = event
        self.domain = domain

    def notify(self, context: Any) -> None:
        """Tell what is due; a channel that does not answer fails nothing."""
        settings = _of_night(Settings(), _night_of_run(context))
        notices.tell(settings, self._message(settings, context), _senders(settings, context))

    def _message(self, settings: Settings, context: Any) -> notices.Message | None:
        match self.event:
            case "not taken in":
                return notices.not_taken_in(settings, [self.domain])
            case "failed":
                return notices.step_failed(settings, context["ti"].task_id)
            case "published":
                return notices.published(settings)
            case "looked":
                # Only the clock's run is late enough to miss a domain.
                is_clock = _started_by(context["dag_run"].run_type.value) == "clock"
                missing = night.missing_domains(settings) if is_clock else ()
                return notices.not_taken_in(settings, missing) if missing else None
            case "not made":
                return notices.not_made(settings, context["ti"].task_id)
            case "lacking":
                return notices.follow_ups(settings)


def _senders(settings: Settings, context: Any) -> dict[str, notices.Sender]:
    return {
        "mail": lambda message: _mail_notifier(message, settings.notice_mail).notify(context),
        "webhook": lambda message: WebhookNotifier(message, settings.notice_webhook.strip()).notify(context),
    }


def _mail_notifier(message: notices.Message, to: str) -> MailNotifier:
    """Sends a message when its `notify` is called; as a callback it would take the texts for templates."""
    return MailNotifier(
        to=[address.strip() for address in to.split(",") if address.strip()],
        subject=message.subject,
        html_content=message.as_html,
        custom_headers={"Auto-Submitted": "auto-generated"},
        smtp_conn_id=SmtpHook.default_conn_name,
    )


def _night_of_run(context: Any) -> str | None:
    """The business date of a run, as its first task gave it out or was given it; None for an extract."""
    pull = context["ti"].xcom_pull
    run = pull(task_ids="look_in_ledger") or pull(task_ids="look_in_calendar")
    return str(run["night"]) if run else _night_of_events(context)


def tell_of_late_run(context: Any) -> None:
    """Tell that a run is not finished in time: what Airflow calls when a deadline has passed.

    Called by the scheduler's executor, as tasks are, so that home, connections and notices are at hand; the context is
    no task's but has the run as the API shows it.
    """
    run = context["dag_run"]
    since = dt.datetime.fromisoformat(run["run_after"])
    settings = _of_night(Settings(), since.astimezone(COPENHAGEN).date().isoformat())
    notices.tell(settings, notices.not_finished(settings, run["dag_id"], since), _senders(settings, context))


# ---- extract


def extract(domain: str, *, purpose: str, description: str, when_it_fails: str) -> DAG:
    """The DAG `extract_<domain>`; the three texts are its own parts of the Danish page.

    land_<dataset> … → judge_deliveries → account_for_domain. The middle task runs whatever became of the landings and
    gives out the asset, so that one bad dataset holds nothing up. The last task is the only leaf: it is red if a
    landing failed or a delivery was rejected, so that a green middle task can't hide it.
    """
    contracts = contracts_of(domain)
    with DAG(
        dag_id=f"extract_{domain}",
        description=f"Deliveries of the domain {domain}: from the inbox to landing",
        schedule=CronTriggerTimetable(Settings().extract_at, timezone=ZONE),
        start_date=START,
        catchup=False,
        max_active_runs=1,
        default_args=DEFAULTS,
        tags=["extract", domain],
        doc_md=_page(
            purpose, description, _sources(contracts), _extract_schedule(), when_it_fails.strip() + _EXTRACT_TRIAGE
        ),
    ) as dag:
        landings = [_landing(contract) for contract in contracts]
        chain(landings, _judge_deliveries(domain), _account_for_domain(domain, [_landing_id(c) for c in contracts]))
    return dag


def _landing_id(contract: Contract) -> str:
    return f"land_{contract.dataset}"


def _landing(contract: Contract) -> Any:
    """The task that lands one dataset: skipped if there is nothing new, failed if the dataset could not be asked."""

    @task(task_id=_landing_id(contract), execution_timeout=LAND_TIMEOUT)
    def land_dataset() -> dict[str, int]:
        connection = _connection(contract.connection) if contract.connection else None
        report = night.land_dataset(Settings(), contract.dataset, connection=connection)
        if not report.deliveries and not report.rejected:
            raise AirflowSkipException(f"nothing new for {contract.dataset}")
        return night.counts(report)

    return land_dataset()


def _connection(name: str) -> ApiConnection | None:
    """Airflow's connection of this name, None if there is none: the dataset is then simply not delivered."""
    from include.sources.api import ApiConnection

    try:
        found = Connection.get(name)
    except AirflowNotFoundException:
        return None
    return ApiConnection.from_parts(found.host, found.schema, found.port, found.password)


def _judge_deliveries(domain: str) -> Any:
    asset = asset_of(domain)

    @task(
        trigger_rule=TriggerRule.ALL_DONE,
        execution_timeout=JUDGE_TIMEOUT,
        outlets=[asset],
        on_failure_callback=NightNotifier("not taken in", domain),
    )
    def judge_deliveries() -> dict[str, int]:
        settings = Settings()
        verdicts = night.judge_domain(settings, domain)
        # The run that this event starts has no date of its own.
        get_current_context()["outlet_events"][asset].extra = {"night": settings.night.isoformat()}
        return {"judged": len(verdicts), "accepted": sum(verdict.is_accepted for verdict in verdicts)}

    return judge_deliveries()


def _account_for_domain(domain: str, landings: list[str]) -> Any:
    @task(execution_timeout=LOOK_TIMEOUT, retries=0)
    def account_for_domain() -> None:
        context = get_current_context()
        run = context["dag_run"]
        states = context["ti"].get_task_states(dag_id=run.dag_id, task_ids=landings, run_ids=[run.run_id])
        failed = [name for name, state in sorted(states.get(run.run_id, {}).items()) if state == "failed"]
        # `run_after` stays when the run is cleared: a rejection of this night is not forgotten by clearing a task.
        since = run.run_after or run.start_date
        assert since is not None, "a run that runs has begun"
        if lines := night.account(Settings(), domain, since, failed):
            raise AirflowFailException("somebody has to act:\n" + "\n".join(f"- {line}" for line in lines))

    return account_for_domain()


# ---- refresh


def refresh(*, purpose: str, description: str, when_it_fails: str) -> DAG:
    """The DAG `refresh_warehouse`: look_in_ledger → build → validate → protect → publish."""
    with DAG(
        dag_id="refresh_warehouse",
        description="From landing to a published release: build, gates, publication",
        schedule=AssetOrTimeSchedule(
            timetable=CronTriggerTimetable(Settings().refresh_at, timezone=ZONE),
            assets=[asset_of(domain) for domain in DOMAINS],
        ),
        start_date=START,
        catchup=False,
        max_active_runs=1,
        deadline=DeadlineAlert(
            # A run by deliveries has no logical date.
            reference=DeadlineReference.DAGRUN_QUEUED_AT,
            interval=REFRESH_WITHIN,
            callback=SyncCallback(tell_of_late_run),
        ),
        default_args=DEFAULTS,
        tags=["refresh", *DOMAINS],
        doc_md=_page(purpose, description, _REFRESH_SOURCES, _refresh_schedule(), when_it_fails),
    ) as dag:
        run = _look_in_ledger()
        chain(run, *[_step(name, work)(run) for name, work in night.REFRESH_STEPS.items()])
    return dag


@task(
    task_id="look_in_ledger",
    execution_timeout=LOOK_TIMEOUT,
    on_success_callback=NightNotifier("looked"),
    on_skipped_callback=NightNotifier("looked"),
    on_failure_callback=NightNotifier("failed"),
)
def _look_in_ledger() -> dict[str, str]:
    """The id and business date of the run that follows; skips it where there is nothing to publish.

    Looks again later (the task is up for reschedule and holds no place) while a domain lands that the run needs.
    """
    from include.warehouse.run_folder import new_run_id

    context = get_current_context()
    trigger = _started_by(context["dag_run"].run_type.value)
    settings = _of_night(Settings(), _night_of_events(context))
    decision = night.look_in_ledger(settings, trigger)
    if being_landed := _worth_waiting_for(context, trigger, decision.missing):
        _log.info("%s: landing right now, looking again in %s s", ", ".join(being_landed), LOOK_AGAIN.seconds)
        raise AirflowRescheduleException(dt.datetime.now(dt.UTC) + LOOK_AGAIN)  # type: ignore[no-untyped-call]
    if not decision.goes_on:
        raise AirflowSkipException(decision.reason)
    return {"run_id": new_run_id(), "night": settings.night.isoformat(), "reason": decision.reason}


def _worth_waiting_for(context: Any, trigger: Trigger, missing: tuple[str, ...]) -> list[str]:
    """The missing domains whose extract runs right now, if the run may wait for them; else none.

    A run by deliveries can be early, on what the others gave out the night before; if it ended, its events would be
    used up and the night would wait for the clock. A run of the clock is on time and takes what is there, unless
    Airflow was down at its time: then the extracts are made up for beside it.
    """
    run = context["dag_run"]
    is_late = run.start_date - run.run_after > LATE
    if trigger == "hand" or (trigger == "clock" and not is_late):
        return []
    if dt.datetime.now(dt.UTC) - run.start_date > PATIENCE:
        return []
    count = context["ti"].get_dr_count
    return [domain for domain in missing if count(dag_id=f"extract_{domain}", states=["queued", "running"])]


def _started_by(run_type: str) -> Trigger:
    """Who started a run of this type. What is neither the assets nor the clock, a person has asked for."""
    triggers: dict[str, Trigger] = {"asset_triggered": "deliveries", "scheduled": "clock"}
    return triggers.get(run_type, "hand")


def _night_of_events(context: Any) -> str | None:
    """The business date in the events that started the run; the newest if they differ, None without events."""
    by_asset = context.get("triggering_asset_events") or {}
    extras = [event.extra or {} for events in by_asset.values() for event in events]
    return max((str(extra["night"]) for extra in extras if "night" in extra), default=None)


def _of_night(settings: Settings, date: str | None) -> Settings:
    """The settings with the business date of the run, so that all its tasks have the same, whenever they run."""
    return settings.model_copy(update={"as_of": dt.date.fromisoformat(date)}) if date else settings


def _step(name: str, work: Callable[[Settings, str], Any]) -> Any:
    """A task that does one step's work on the run; a gate that refuses is not tried again."""

    @task(
        task_id=name,
        execution_timeout=STEP_TIMEOUT,
        on_success_callback=[NightNotifier("published")] if name == "publish" else [],
        on_failure_callback=NightNotifier("failed"),
    )
    def step(run: dict[str, str]) -> None:
        _work(work, _of_night(Settings(), run["night"]), run["run_id"])

    return step


def _work(work: Callable[..., Any], *arguments: Any) -> None:
    """Call what a task does; what fails for good is not tried again."""
    try:
        work(*arguments)
    except WarehouseError as error:
        if isinstance(error, night.final_failures()):
            raise AirflowFailException(str(error)) from None
        raise


# ---- erasure


def erasure(*, purpose: str, description: str, when_it_fails: str) -> DAG:
    """The DAG `erase_personal_data`: one task, since the lock of the refresh is held from the first row to the end."""
    with DAG(
        dag_id="erase_personal_data",
        description="Rows past their dataset's retention leave landing, vaults, inbox and releases",
        schedule=CronTriggerTimetable(Settings().erase_at, timezone=ZONE),
        start_date=START,
        catchup=False,
        max_active_runs=1,
        default_args=DEFAULTS,
        tags=["erasure", *DOMAINS],
        doc_md=_page(purpose, description, _ERASURE_SOURCES, _erasure_schedule(), when_it_fails),
    ) as dag:
        _erase_past_retention()
    return dag


@task(task_id="erase_past_retention", execution_timeout=STEP_TIMEOUT, on_failure_callback=NightNotifier("failed"))
def _erase_past_retention() -> None:
    _work(lambda: night.erase(Settings(), "retention", _log.info))


# ---- follow-ups


def send_forms(*, purpose: str, description: str, when_it_fails: str) -> DAG:
    """The DAG `send_status_forms`: look_in_calendar → write_forms, check_forms."""
    page = [purpose, description, _FORMS_SOURCES, _calendar_schedule(calendar.SENDING), when_it_fails]
    with _on_the_calendar(
        "send_status_forms", calendar.SENDING, page, "Status forms for the centres, and who has not answered"
    ) as dag:
        plan = _look_in_calendar(calendar.SENDING)
        chain(plan, [_make("write_forms")(plan), _check("check_forms")(plan)])
    return dag


def freeze(*, purpose: str, description: str, when_it_fails: str) -> DAG:
    """The DAG `freeze_follow_up`: look_in_calendar → check_release, freeze."""
    page = [purpose, description, _FREEZE_SOURCES, _calendar_schedule(calendar.FREEZING), when_it_fails]
    late = DeadlineAlert(
        reference=DeadlineReference.DAGRUN_LOGICAL_DATE,
        interval=FREEZE_WITHIN,
        callback=SyncCallback(tell_of_late_run),
    )
    with _on_the_calendar(
        "freeze_follow_up", calendar.FREEZING, page, "The figures of a budget follow-up become an edition", late
    ) as dag:
        plan = _look_in_calendar(calendar.FREEZING)
        chain(plan, [_check("check_release")(plan), _make("freeze")(plan)])
    return dag


def _on_the_calendar(
    name: str, actions: Sequence[Action], page: list[str], description: str, late: DeadlineAlert | None = None
) -> DAG:
    """A DAG that runs on moments of the follow-up calendar, which is read anew each time its file is.

    `catchup`, on a schedule that begins today: without it an EventsTimetable drops a moment that has passed when the
    file is read, by a second or by a morning without power, and these moments don't come again tomorrow. What is older
    than today is not on the schedule, so nothing of it is made up for.
    """
    return DAG(
        dag_id=name,
        description=description,
        # Airflow's own class: that of `airflow.sdk` can't be serialized in 3.3.2, and leaves the moments unsorted.
        schedule=EventsTimetable(timezone.coerce_datetime(moment.at) for moment in _moments(actions)),
        start_date=START,
        catchup=True,
        max_active_runs=1,
        deadline=late,
        params={
            "follow_up": Param(
                None,
                type=["null", "string"],
                description="In a run by hand: the follow-up's code, such as BO1-2027. Empty: what is due today.",
            )
        },
        default_args=DEFAULTS,
        tags=["follow_up"],
        doc_md=_page(*page),
    )


def _moments(actions: Sequence[Action]) -> tuple[calendar.Moment, ...]:
    return calendar.moments(Settings(), actions, dt.datetime.now(COPENHAGEN).date())


def _look_in_calendar(actions: Sequence[Action]) -> Any:
    @task(task_id="look_in_calendar", execution_timeout=LOOK_TIMEOUT)
    def look_in_calendar() -> dict[str, Any]:
        """The day that the run stands for, and by action the codes of the follow-ups; skips it if nothing is due."""
        context = get_current_context()
        run, code = context["dag_run"], context["params"]["follow_up"]
        plan = calendar.plan(Settings(), actions, moment=run.logical_date or run.run_after, code=code)
        if not any(plan.codes.values()):
            raise AirflowSkipException(f"nothing is due on {plan.night} by the follow-up calendar")
        return {"night": plan.night.isoformat()} | {action: list(codes) for action, codes in plan.codes.items()}

    return look_in_calendar()


def _make(action: Action) -> Any:
    """A task that makes something for each follow-up that is due; skipped if there is none."""

    @task(task_id=action, execution_timeout=STEP_TIMEOUT, on_failure_callback=NightNotifier("not made"))
    def make(plan: dict[str, Any]) -> None:
        for code in _due(plan, action):
            _work(night.FOLLOW_UP_STEPS[action], _of_night(Settings(), plan["night"]), code)

    return make


def _check(action: Action) -> Any:
    """A task that is red if a follow-up lacks something; looking again changes nothing."""

    @task(task_id=action, execution_timeout=LOOK_TIMEOUT, on_failure_callback=NightNotifier("lacking"))
    def check(plan: dict[str, Any]) -> None:
        settings = _of_night(Settings(), plan["night"])
        if lines := [line for code in _due(plan, action) for line in night.check_follow_up(settings, code)]:
            raise AirflowFailException("somebody has to act:\n" + "\n".join(f"- {line}" for line in lines))

    return check


def _due(plan: dict[str, Any], action: Action) -> list[str]:
    """The codes of the follow-ups for which something is due; skips the task if there are none."""
    if not plan.get(action):
        raise AirflowSkipException(f"not due on {plan['night']}")
    return list(plan[action])


# ---- the pages


def _page(purpose: str, description: str, depends_on: str, schedule: str, when_it_fails: str) -> str:
    parts = {
        "Formål": purpose,
        "Beskrivelse": description,
        "Afhængigheder": depends_on,
        "Schedule": schedule,
        "Når den fejler": when_it_fails,
    }
    return "\n\n".join(f"## {heading}\n\n{text.strip()}" for heading, text in parts.items()) + "\n"


def _sources(contracts: list[Contract]) -> str:
    rhythms = {
        "nightly": "hver nat",
        "monthly": "hver måned",
        "quarterly": "hvert kvartal",
        "yearly": "hvert år",
        "follow_up": "før hver budgetopfølgning",
    }
    rows = [
        f"| `{contract.dataset}` | {contract.title.da} | {contract.owner} | {rhythms[contract.rhythm.expected]} | "
        f"{f'forbindelsen `{contract.connection}`' if contract.connection else f'`inbox/{contract.dataset}/`'} |"
        for contract in contracts
    ]
    return "\n".join(
        [
            "| datasæt | titel | ejer | leveres | kommer fra |",
            "|---|---|---|---|---|",
            *rows,
            "",
            "Efter den: `refresh_warehouse`, som venter på alle fire områder.",
        ]
    )


def _clock(cron: str) -> str:
    """A cron schedule in words where it names one time of day (of a month's first), else as it is."""
    minute, hour, *days = cron.split()
    if minute.isdigit() and hour.isdigit() and days in (["*", "*", "*"], ["1", "*", "*"]):
        return f"kl. {int(hour):02}:{int(minute):02} dansk tid"
    return f"efter uret `{cron}` (cron, dansk tid)"


def _first_of_month(cron: str) -> str:
    is_monthly = cron.split()[2:] == ["1", "*", "*"]
    return f"{'Den første i hver måned' if is_monthly else 'Kører'} {_clock(cron)}"


def _extract_schedule() -> str:
    return f"""
Hver nat {_clock(Settings().extract_at)}, én kørsel ad gangen, uden efterkørsel af tidligere nætter. En kørsel i hånden
gør det samme: det, der allerede er modtaget, springes over, så den kan gentages frit.
"""


def _refresh_schedule() -> str:
    return f"""
Når alle fire områder har meldt sig, og senest {_clock(Settings().refresh_at)}. Første opgave ser i leveranceregistret:
en kørsel startet af leverancer går kun videre, når alle fire er modtaget i nat, og venter på dem, der er i gang; en
startet af uret tager det, der er (har Airflow været nede, venter den på dem, der indhentes). Begge slutter straks, hvis
nattens udgivelse allerede har de samme leverancer. En startet i hånden udgiver altid. Én kørsel ad gangen.
"""


def _erasure_schedule() -> str:
    return f"""
{_first_of_month(Settings().erase_at)}, når nattens udgivelse er ude; `WAREHOUSE_ERASE_AT` flytter det.
Én kørsel ad gangen, uden efterkørsel. En kørsel i hånden gør det samme og er færdig straks, hvis intet er for gammelt.
"""


_ACTIONS: dict[Action, str] = {
    "write_forms": "skemaerne skrives",
    "check_forms": "er alle svar kommet?",
    "check_release": "er der en frisk udgivelse?",
    "freeze": "tallene fryses",
}
_SHOWN_MOMENTS = 6


def _calendar_schedule(actions: Sequence[Action]) -> str:
    rows = "\n".join(
        f"- {moment.at:%d.%m.%Y kl. %H:%M}: {_ACTIONS[moment.action]} ({moment.name})"
        for moment in _moments(actions)[:_SHOWN_MOMENTS]
    )
    return f"""
Efter opfølgningernes kalender (`dbt_project/seeds/follow_up_calendar.csv`), kl. {calendar.AT:%H:%M} dansk tid. En
ændret dato er en ny række; den gælder, så snart filen er lagt ind. Det, Airflow har sovet over sig til, indhentes samme
dag; ældre datoer kører ikke, og `warehouse status` siger det. I hånden: skriv opfølgningens kode, eller lad feltet stå
tomt for det, der er at gøre i dag. Én kørsel ad gangen.

{rows or "- Kalenderen har ingen kommende datoer."}
"""


_EXTRACT_TRIAGE = """
- **Kun `account_for_domain` er rød:** natten er gået videre uden det, der mangler. Opgavens log nævner hver fil med
  linje, kolonne, årsag og hvad der skal gøres. Bed ejeren om en rettet fil, læg den i samme mappe; næste nat tager den.
  Samme fil igen: `warehouse extract <område> --retry-rejected`.
- **`land_…` er rød:** opgaven er prøvet tre gange. Læs dens egen log; ret årsagen; ryd opgaven (Clear) med de følgende.
- **`judge_deliveries` er rød:** området er ikke meldt klar; urets kørsel udgiver med områdets tidligere tal, og
  `marts.data_freshness` viser, hvor gamle de er. Ryd opgaven, når årsagen er rettet.
- **En opgave er sprunget over (pink):** der var intet nyt til datasættet. Det er ikke en fejl.
- Sætter du et område igennem, efter at uret har udgivet, så start `refresh_warehouse` i hånden.
"""

_REFRESH_SOURCES = """
Før den: `extract_budget`, `extract_school_absence`, `extract_referrals` og `extract_trivsel`, som hver melder et asset
(`landed_…`), når områdets leverancer er modtaget og bedømt. Efter den: alt, der læser `releases/current`.
"""

_FORMS_SOURCES = """
Nattens udgivelse (`refresh_warehouse`), som milepælene står i. Svarene kommer den anden vej, gennem indbakken og
`extract_budget`. Efter den: `freeze_follow_up`.
"""

_FREEZE_SOURCES = """
Nattens udgivelse (`refresh_warehouse`) og de svar, som centrene har sendt på skemaerne (`send_status_forms`).
Efter den: dokumentet til udvalg og kommunalbestyrelse.
"""

_ERASURE_SOURCES = """
Den venter ikke på andre. Den holder samme lås som `refresh_warehouse`, så ingen nat bygger imens, og udgiver selv et
nyt varehus uden rækkerne, gennem de samme porte. Fristerne står i datasættenes kontrakter (`retention`).
"""
