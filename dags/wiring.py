"""What the five DAGs have in common: tasks, order, retries, time limits, schedule, docs. Wiring only.

What a task does is a function of `include/night.py`; what is decided, decides `include/operations/decision.py`.
Airflow does not read this file as a DAG (`.airflowignore`); it lies here because it is the one place, beside the DAG
files, that may import airflow.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow.sdk import (
    DAG,
    Asset,
    AssetOrTimeSchedule,
    CronTriggerTimetable,
    TriggerRule,
    chain,
    get_current_context,
    task,
)
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException, AirflowSkipException

from include import night
from include.errors import WarehouseError
from include.landing.contract import Contract, contracts_of
from include.settings import COPENHAGEN, DOMAINS, Settings

if TYPE_CHECKING:
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


def asset_of(domain: str) -> Asset:
    """The asset that says: this domain's deliveries of a night have been taken in and judged."""
    return Asset(name=f"landed_{domain}", uri=f"warehouse://landed/{domain}", group="landing")


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
    from airflow.sdk import Connection

    from include.sources.api import ApiConnection

    try:
        found = Connection.get(name)
    except AirflowNotFoundException:
        return None
    return ApiConnection.from_parts(found.host, found.schema, found.port, found.password)


def _judge_deliveries(domain: str) -> Any:
    asset = asset_of(domain)

    @task(trigger_rule=TriggerRule.ALL_DONE, execution_timeout=JUDGE_TIMEOUT, outlets=[asset])
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
        default_args=DEFAULTS,
        tags=["refresh", *DOMAINS],
        doc_md=_page(purpose, description, _REFRESH_SOURCES, _refresh_schedule(), when_it_fails),
    ) as dag:
        run = _look_in_ledger()
        chain(run, *[_step(name, work)(run) for name, work in night.REFRESH_STEPS.items()])
    return dag


@task(task_id="look_in_ledger", execution_timeout=LOOK_TIMEOUT)
def _look_in_ledger() -> dict[str, str]:
    """The id and business date of the run that follows; skips it where there is nothing to publish."""
    from include.warehouse.run_folder import new_run_id

    context = get_current_context()
    trigger = _started_by(context["dag_run"].run_type.value)
    settings = _of_night(Settings(), _night_of_events(context))
    decision = night.look_in_ledger(settings, trigger)
    if not decision.goes_on:
        raise AirflowSkipException(decision.reason)
    return {"run_id": new_run_id(), "night": settings.night.isoformat(), "reason": decision.reason}


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

    @task(task_id=name, execution_timeout=STEP_TIMEOUT)
    def step(run: dict[str, str]) -> None:
        settings = _of_night(Settings(), run["night"])
        try:
            work(settings, run["run_id"])
        except WarehouseError as error:
            if isinstance(error, night.final_failures()):
                raise AirflowFailException(str(error)) from None
            raise

    return step


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
    """A cron schedule in words where it names one time of day, else as it is."""
    minute, hour, *days = cron.split()
    if minute.isdigit() and hour.isdigit() and days == ["*", "*", "*"]:
        return f"kl. {int(hour):02}:{int(minute):02} dansk tid"
    return f"efter uret `{cron}` (cron, dansk tid)"


def _extract_schedule() -> str:
    return f"""
Hver nat {_clock(Settings().extract_at)}, én kørsel ad gangen, uden efterkørsel af tidligere nætter. En kørsel i hånden
gør det samme: det, der allerede er modtaget, springes over, så den kan gentages frit.
"""


def _refresh_schedule() -> str:
    return f"""
Når alle fire områder har meldt sig, og senest {_clock(Settings().refresh_at)}. Første opgave ser i leveranceregistret:
en kørsel startet af leverancer går kun videre, når alle fire er modtaget i nat; en startet af uret slutter straks, hvis
nattens udgivelse allerede har de samme leverancer, og tager ellers det, der er; en startet i hånden udgiver altid.
Én kørsel ad gangen.
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
