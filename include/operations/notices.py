"""What the engineer is told in the night, by mail and webhook: at most one message a night, severity and channel.

Critical: tonight's release did not come, or a domain could not be taken in. Warning, sent with the published release:
deliveries that were rejected, landings that failed, datasets that went stale and gates that warned since the release of
the night before. Deadline: what a budget follow-up lacks while there is still time (`include.follow_up.deadlines`), and
what was to be done for it and failed. Nothing is kept here but what went out (`run_log`); how things stand says
`warehouse status`.

The texts are Danish, as the pages of the DAGs are, and leave the house: datasets, domains, gates, reasons in general
words, remedies, where to look. No counts, no file names, no lines, no texts of errors: one notification tonight is one
child. How a message is sent, the caller says; this module knows nothing of Airflow.
"""

from __future__ import annotations

import datetime as dt
import html
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from include.errors import WarehouseError
from include.follow_up.deadlines import DATASET, Lack, lacks, owner
from include.landing.contract import Contract
from include.landing.ledger import Delivery, Ledger
from include.operations.freshness import newest_day, state_of
from include.operations.run_log import Step, claim_notice, end_notice, notices, steps
from include.operations.status import FINAL, Book, gate_warnings
from include.settings import COPENHAGEN, Settings

SECONDS = 5.0
"""How long a channel is waited for: Airflow ends a task's process twenty seconds after its work is done."""

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}

_log = logging.getLogger(__name__)

# It logs the whole address of each request, and in the address of a webhook there may be a secret.
logging.getLogger("httpx").setLevel(logging.WARNING)


@dataclass(frozen=True)
class Message:
    """What is said of a night; `severity` is critical, deadline or warning."""

    night: dt.date
    severity: str
    subject: str
    body: str

    @property
    def as_html(self) -> str:
        """The body for a mail."""
        return f'<pre style="font-family: inherit; white-space: pre-wrap">{html.escape(self.body)}</pre>'

    @property
    def as_json(self) -> dict[str, str]:
        """The message for a webhook; `text` is what chat programs show."""
        return {
            "night": self.night.isoformat(),
            "severity": self.severity,
            "subject": self.subject,
            "text": f"{self.subject}\n\n{self.body}",
        }


Sender = Callable[[Message], None]


def tell(settings: Settings, message: Message | None, senders: Mapping[str, Sender]) -> None:
    """Send a message to every channel that has not had one of its night and severity; None if there is none.

    What could not be sent earlier in this night is tried again. A channel that fails is noted and fails nothing else.
    """
    for channel in settings.notice_channels:
        due = {} if message is None else {message.severity: message}
        for old in notices(settings, settings.night):
            if old.channel == channel and old.outcome == "failed":
                due.setdefault(old.severity, Message(old.night, old.severity, old.subject, old.body))
        for one in due.values():
            if claim_notice(settings, one.night, one.severity, channel, one.subject, one.body):
                end_notice(settings, one.night, one.severity, channel, _try(senders[channel], one, channel))


def _try(send: Sender, message: Message, channel: str) -> str | None:
    """Send; None, or the kind of what went wrong. Its text may hold an address with a secret in it."""
    try:
        send(message)
    except Exception as error:
        failed = type(error).__name__
        if isinstance(error, httpx.HTTPStatusError):
            failed = f"answered {error.response.status_code}"
        _log.warning("the %s notice of %s did not go by %s: %s", message.severity, message.night, channel, failed)
        return failed
    return None


def post(message: Message, host: str | None, schema: str | None, port: int | None, token: str | None) -> None:
    """Post a message as JSON to the webhook of an Airflow connection; the password, if any, goes as bearer token.

    `host` may be the whole address. Raises WarehouseError for an address that is not https (http on the loopback
    only), and httpx's errors for an answer that is no success.
    """
    address = host or ""
    if "://" not in address:
        address = f"{schema or 'https'}://{address}" + (f":{port}" if port else "")
    parts = urlsplit(address)
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)):
        raise WarehouseError("the webhook's address is not https", remedy="correct the host of its connection")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    httpx.post(address, json=message.as_json, headers=headers, timeout=SECONDS).raise_for_status()


# ---- critical

_STEPS = {
    "look_in_ledger": "opslaget i leveranceregistret",
    "build": "opbygningen (dbt: modeller og test)",
    "validate": "kontrollen af de færdige tabeller (Great Expectations)",
    "protect": "porten, der holder personoplysninger inde",
    "publish": "selve udgivelsen",
    "erase_past_retention": "sletningen af det, der er for gammelt",
}

_LAST_LINE = """
Hvor: `warehouse status` viser, hvad der er galt og hvad der skal gøres. Der kommer ikke flere beskeder af denne slags
om {night}, heller ikke hvis mere går galt.
"""


def step_failed(settings: Settings, name: str) -> Message:
    """Critical: a step of the refresh has failed for good."""
    is_refusal = _last_error(settings, name) in FINAL
    stands, as_of = _standing(settings)
    came = stands and as_of == settings.night
    happened = "Nattens udgivelse er ikke kommet" if not came else "En senere udgivelse i nat er ikke kommet"
    still = f"Udgivelsen med data pr. {_day(as_of)} står, hel." if as_of else "Der står ingen udgivelse."
    if is_refusal:
        why = "Porten sagde nej og prøves ikke igen af sig selv: de samme data giver det samme svar."
        remedy = "Ret modellen, eller få leverancen sendt igen; kør derefter `warehouse refresh`."
    else:
        why = "Opgaven er prøvet så mange gange, som den må."
        remedy = "Læs opgavens log, ret årsagen, og ryd opgaven (Clear)."
    dag = "erase_personal_data" if name == "erase_past_retention" else "refresh_warehouse"
    if name == "erase_past_retention":
        happened = "Den månedlige sletning er ikke ført til ende"
    body = f"""
{happened}: {_STEPS[name]} fejlede. {why} {still}

Hvad der skal gøres: {remedy}
Triage: DAG'en `{dag}`, opgaven `{name}`, afsnittet »Når den fejler«.
"""
    return _message(settings, "critical", happened.lower(), body)


def not_taken_in(settings: Settings, missing: Sequence[str]) -> Message:
    """Critical: domains that could not be taken in tonight."""
    listed = "\n".join(
        f"- `{domain}`: se DAG'en `extract_{domain}` (opgaven `judge_deliveries`, eller om den overhovedet er startet)"
        for domain in missing
    )
    body = f"""
Områder, der ikke er modtaget i nat. Udgivelsen kommer med deres tidligere tal, så snart den kan.
{listed}

Hvad der skal gøres: ret årsagen og ryd opgaven, eller kør `warehouse extract <område>`; derefter `warehouse refresh`.
Triage: afsnittet »Når den fejler« på DAG'ens side.
"""
    return _message(settings, "critical", "et område er ikke modtaget", body)


def _message(settings: Settings, severity: str, subject: str, body: str) -> Message:
    kind = {"critical": "Kritisk", "deadline": "Frist", "warning": "Advarsel"}[severity]
    night = f"{'dagen' if severity == 'deadline' else 'natten'} {_day(settings.night)}"
    last = _LAST_LINE.format(night=night)
    made_up = "\nOpdigtede data: den syntetiske kommune.\n" if settings.is_synthetic else ""
    return Message(
        settings.night,
        severity,
        f"{kind}: varehuset, {settings.municipality_name}, {night}: {subject}",
        body.strip() + "\n" + last + made_up,
    )


def _day(day: dt.date | None) -> str:
    return f"{day:%d.%m.%Y}" if day else "ukendt dag"


def _last_error(settings: Settings, name: str) -> str | None:
    found = [step for step in steps(settings) if step.name == name and step.night == settings.night]
    return found[-1].detail.get("error") if found else None


def _standing(settings: Settings) -> tuple[str | None, dt.date | None]:
    """The release that readers get and its business date."""
    try:
        content = json.loads((settings.current_release / "manifest.json").read_text("utf-8"))
        return str(content["release_id"]), dt.date.fromisoformat(content["as_of"])
    except (OSError, ValueError, KeyError):
        return None, None


def not_finished(settings: Settings, dag: str, since: dt.datetime) -> Message:
    """A run that is not finished in time, by Airflow's deadline: critical for the refresh, else of a follow-up."""
    began = f"{since.astimezone(COPENHAGEN):%d.%m.%Y kl. %H:%M}"
    body = f"""
Kørslen af DAG'en `{dag}` fra {began} er ikke nået i mål i den tid, den må tage. Den kan stadig være i gang, den kan
hænge, eller en opgave er fejlet.

Hvad der skal gøres: se kørslen i Airflow, læs loggen for den opgave, der er rød eller kører, og ret årsagen.
Triage: DAG'en `{dag}`, afsnittet »Når den fejler«.
"""
    severity = "critical" if dag == "refresh_warehouse" else "deadline"
    return _message(settings, severity, f"`{dag}` er ikke færdig til tiden", body)


# ---- deadline

_MAKING = {
    "write_forms": ("send_status_forms", "skemaerne til budgetopfølgningen er ikke skrevet", "forms"),
    "freeze": ("freeze_follow_up", "tallene til budgetopfølgningen er ikke frosset", "freeze"),
}


def not_made(settings: Settings, name: str) -> Message:
    """What was to be made for a follow-up, and failed for good."""
    dag, happened, command = _MAKING[name]
    body = f"""
{happened.capitalize()}: opgaven `{name}` fejlede.

Hvad der skal gøres: læs opgavens log, ret årsagen, og ryd opgaven (Clear), eller kør `warehouse follow-up {command}`
med opfølgningens kode. Sig det til {owner()}, hvis det ikke når at ske i dag.
Triage: DAG'en `{dag}`, opgaven `{name}`, afsnittet »Når den fejler«.
"""
    return _message(settings, "deadline", happened, body)


def follow_ups(settings: Settings) -> Message | None:
    """What the follow-ups lack on the day while there is still time; None if nothing."""
    found = lacks(settings, settings.night)
    if not found:
        return None
    told = "\n\n".join(f"{lack.follow_up.name}: {_lacking(lack)}" for lack in found)
    return _message(settings, "deadline", "en budgetopfølgning mangler noget", f"{told}\n")


def _lacking(lack: Lack) -> str:
    code, frozen = lack.follow_up.code, f"tallene fryses den {_day(lack.follow_up.data_cut_off_date)}"
    match lack.what:
        case "release":
            stands = f"den, der står, har data pr. {_day(lack.as_of)}" if lack.as_of else "der står slet ingen"
            return (
                f"{frozen}, og der er ingen udgivelse fra i nat ({stands}).\n"
                "Hvad der skal gøres: se DAG'en `refresh_warehouse`, ret årsagen, og udgiv med `warehouse refresh`. "
                f"Når det ikke, så aftal en anden dato med {owner()} (en ny række i kalenderen `follow_up_calendar`)."
            )
        case "answers":
            centers = "\n".join(f"- {center}" for center in lack.centers)
            return (
                f"fristen for svar er den {_day(lack.follow_up.form_deadline_date)}, {frozen}, og disse centre har "
                f"ikke svaret:\n{centers}\nHvad der skal gøres: ryk dem gennem {owner()}. Det, der ligger i "
                f"`inbox/{DATASET}/` natten før, kommer med. Et skema, der er afvist, viser `warehouse status`."
            )
        case "forms":
            return (
                f"skemaerne skulle være skrevet den {_day(lack.follow_up.forms_sent_date)}, og det er de ikke.\n"
                f"Hvad der skal gøres: `warehouse follow-up forms {code}`. Sig til {owner()}, at de kommer senere."
            )
        case "edition":
            return (
                f"tallene skulle være frosset den {_day(lack.follow_up.data_cut_off_date)}, og det er de ikke.\n"
                f"Hvad der skal gøres: `warehouse follow-up freeze {code}`. Sig til {owner()}, hvilken dag tallene er "
                "fra."
            )


# ---- warning

_RHYTHMS = {
    "nightly": "hver nat",
    "monthly": "hver måned",
    "quarterly": "hvert kvartal",
    "yearly": "hvert år",
    "follow_up": "før hver budgetopfølgning",
}


def published(settings: Settings) -> Message | None:
    """Warning: with what the release of tonight goes out that somebody should see to; None if there is nothing new."""
    book = Book(settings, settings.night)
    release, as_of = _standing(settings)
    before = _first_release_of_the_night_before(book, settings.night)
    parts = {
        "Afviste leverancer; tallene står på det, der kom før": _rejected(settings, book, before),
        "Datasæt, der ikke kunne hentes eller læses": _not_landed(book, settings.night),
        "Forældede datasæt": _gone_stale(book, settings.night, before),
        "Porte, der advarede": [*_warned_deliveries(book, before), *_warned_tables(settings, release, before)],
    }
    if not any(parts.values()):
        return None
    told = [f"{heading}:\n" + "\n".join(f"- {line}" for line in lines) for heading, lines in parts.items() if lines]
    said = "\n\n".join(told)
    body = f"""
Nattens udgivelse er kommet, med data pr. {_day(as_of)}. Dette bør nogen se på i åbningstiden:

{said}
"""
    return _message(settings, "warning", "udgivet med advarsler", body)


def _first_release_of_the_night_before(book: Book, night: dt.date) -> Step | None:
    """The first publication of the last night that had one: what came after it has not been told."""
    made = [one for one in book.steps if one.name == "publish" and one.outcome == "succeeded" and one.night < night]
    return next((one for one in made if one.night == made[-1].night), None)


def _new(deliveries: Iterable[Delivery], before: Step | None) -> list[Delivery]:
    """Deliveries that were decided since."""
    return [one for one in deliveries if one.decided_at and (before is None or one.decided_at >= before.started_at)]


def _named(contract: Contract) -> str:
    return f"`{contract.dataset}` ({contract.title.da}, område `{contract.domain}`)"


def _rejected(settings: Settings, book: Book, before: Step | None) -> list[str]:
    lines: list[str] = []
    with Ledger(settings) as ledger:
        for dataset, contract in book.contracts.items():
            found = _new(book.open_rejections(dataset), before)
            rules = {problem.rule for one in found for problem in ledger.problems(one.delivery_id, dataset, limit=1)}
            if found:
                why = "den bestod ikke kontrollen som helhed" if rules == {"expectation"} else "den er ikke som aftalt"
                lines.append(
                    f"{_named(contract)}: {why}. `warehouse quarantine {dataset}` nævner stederne; bed "
                    f"{contract.owner} om en rettet leverance"
                )
    return lines


def _not_landed(book: Book, night: dt.date) -> list[str]:
    last = {one.name: one for one in book.steps_of(night) if one.name.startswith("land_")}
    return [
        f"{_named(contract)}: se loggen for opgaven `land_{dataset}`, ret årsagen, og ryd opgaven (Clear)"
        for dataset, contract in book.contracts.items()
        if f"land_{dataset}" in last and last[f"land_{dataset}"].outcome != "succeeded"
    ]


_WORSE = ("fresh", "stale", "overdue")


def _gone_stale(book: Book, night: dt.date, before: Step | None) -> list[str]:
    """Datasets that stand worse tonight than they did on the night that was told before."""
    lines: list[str] = []
    for dataset, contract in book.contracts.items():
        newest = newest_day(contract, book.deliveries[dataset])
        if newest is None:
            continue
        then = "fresh" if before is None else state_of(contract, newest, before.night)
        if _WORSE.index(state_of(contract, newest, night)) > _WORSE.index(then):
            lines.append(
                f"{_named(contract)}: nyeste data er fra {_day(newest)}, og det leveres "
                f"{_RHYTHMS[contract.rhythm.expected]}. Spørg {contract.owner}"
            )
    return lines


def _warned_deliveries(book: Book, before: Step | None) -> list[str]:
    """Datasets whose new deliveries the gate warned of, where it did not warn of the same in the delivery before."""
    lines: list[str] = []
    for dataset, contract in book.contracts.items():
        accepted = [one for one in book.deliveries[dataset] if one.status == "accepted"]
        new = _new(accepted, before)
        old = sorted((one for one in accepted if one not in new), key=lambda one: one.newest_first)
        known = {warning for one in old[-1:] for warning in gate_warnings(one)}
        if {warning for one in new for warning in gate_warnings(one)} - known:
            lines.append(f"leverancen af {_named(contract)}: en forventning er ikke opfyldt, men den er modtaget")
    return lines


def _warned_tables(settings: Settings, release: str | None, before: Step | None) -> list[str]:
    """Tables about which the gates warn that did not warn of the same in the release that was told before."""
    if release is None:
        return []
    known = _warnings(settings.releases / str(before.detail.get("release"))) if before else set()
    tables = sorted({table for table, _ in _warnings(settings.releases / release) - known})
    return [f"tabellen `{table}`: se `operations/` i udgivelsen" for table in tables]


def _warnings(release: Path) -> set[tuple[str, str]]:
    """Table and warning, of the expectations on marts and of dbt's tests; empty if the release is not kept any more."""
    found: set[tuple[str, str]] = set()
    for result in _read(release / "operations" / "validation.json"):
        for failure in result["failures"]:
            if failure["severity"] == "warning":
                found.add((result["suite"], failure["message"]))
    for result in _read(release / "operations" / "dbt_run_results.json"):
        if result["status"] == "warn":
            name = str(result["unique_id"]).split(".")[2]
            found.add((name, result["unique_id"]))
    return found


def _read(file: Path) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))["results"]
    except (OSError, ValueError, KeyError):
        return []
    return found
