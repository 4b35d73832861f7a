"""What the sender of a status form is told, in Danish, when the form or rows of it could not be taken.

One reply is one file: the row and column as Excel shows them, what is wrong, and what to do. The sentences are in
`replies.yaml`, one for each rule that a form can break; no reply holds a value from the form.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from include.landing.contract import load_contracts
from include.landing.ledger import Delivery, Ledger, QuarantinedRow
from include.settings import COPENHAGEN, Settings
from include.sources import status_form

DATASET = "milestone_status"
SENTENCES = Path(__file__).with_suffix(".yaml")

_ANY_FILE = "delivery"
"""The rule of a file that can't be read and of which nothing more is known."""
_EXPECTATION = "expectation"


@dataclass(frozen=True)
class Reply:
    """The answer to who sent a file: `follow_up_code` is None where the file did not tell it."""

    file_name: str
    follow_up_code: str | None
    is_rejected: bool
    text: str


def replies(settings: Settings, code: str | None = None) -> tuple[Reply, ...]:
    """A reply for each form that was rejected or has rows in quarantine, in the order in which the forms came.

    Of files of one name the newest counts. With `code` those of a follow-up, and those that tell none.
    """
    return tuple(
        reply for _, reply in _answered(settings) if reply and (code is None or reply.follow_up_code in (code, None))
    )


def write_replies(settings: Settings, code: str | None = None) -> tuple[Path, ...]:
    """Write the replies to `follow_up/replies/<file name>.txt` of the home; gives the files.

    A reply to a file that has since come right under the same name is removed.
    """
    folder = settings.follow_up / "replies"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file_name, reply in _answered(settings):
        if reply is None:
            _place(folder, file_name).unlink(missing_ok=True)
    return tuple(_write(_place(folder, reply.file_name), reply.text) for reply in replies(settings, code))


def _place(folder: Path, file_name: str) -> Path:
    return folder / f"{file_name}.txt"


def _write(file: Path, text: str) -> Path:
    """Whole or not at all."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    unfinished.write_text(text, "utf-8")
    unfinished.replace(file)
    return file


def _answered(settings: Settings) -> Iterator[tuple[str, Reply | None]]:
    """Each file by name, with the reply that it wants."""
    with Ledger(settings) as ledger:
        for file_name, delivery in ledger.by_name(DATASET).items():
            problems = ledger.problems(delivery.delivery_id, DATASET)
            yield file_name, _reply(file_name, delivery, problems) if problems else None


def _reply(file_name: str, delivery: Delivery, problems: Sequence[QuarantinedRow]) -> Reply:
    is_rejected = delivery.status == "rejected"
    # What stopped the whole file comes first, then single rows.
    ordered = sorted(problems, key=lambda one: (one.line is not None, one.line or 0))
    points = dict.fromkeys(_point(problem) for problem in ordered)
    text = "\n\n".join(
        [
            f"Svar på skemaet: {file_name}\nModtaget {delivery.received_at.astimezone(COPENHAGEN):%d.%m.%Y}",
            _outcome(delivery),
            *points,
            "Det seneste svar på en milepæl gælder, så I kan altid sende et rettet skema.",
            f"Venlig hilsen\n{load_contracts()[DATASET].owner}",
        ]
    )
    return Reply(file_name, _follow_up_of(delivery), is_rejected, f"{text}\n")


def _outcome(delivery: Delivery) -> str:
    if delivery.status == "rejected":
        return "Skemaet er ikke taget ind, og ingen af svarene tæller med:"
    return f"{delivery.landed_count} af {delivery.row_count} svar er taget ind. Resten skal rettes:"


def _follow_up_of(delivery: Delivery) -> str | None:
    """The follow-up as the period `BO2-2026-<centre>-<digest>` tells it."""
    return "-".join(delivery.period_label.split("-")[:2]) if delivery.period_label else None


def _point(problem: QuarantinedRow) -> str:
    sentence = _sentence(problem)
    where = _where(problem)
    return f"{where + ': ' if where else ''}{sentence['what']}\n  Gør sådan: {sentence['do']}"


def _where(problem: QuarantinedRow) -> str:
    """Row and column as Excel shows them; of the contract's columns those that people see."""
    if problem.line is None:
        return ""
    column = problem.column or ""
    if column in status_form.COLUMNS:
        column = status_form.place(status_form.COLUMNS[column])
    elif set(column.split(", ")) <= {one.name for one in load_contracts()[DATASET].columns}:
        column = ""
    return f"Række {problem.line}" + (f", kolonne {column}" if column else "")


def _sentence(problem: QuarantinedRow) -> dict[str, str]:
    told = sentences()
    if problem.rule == _EXPECTATION:
        for description, sentence in told["expectations"].items():
            if f"expected: {description}" in problem.reason:
                return sentence
    return told["rules"].get(problem.rule, told["rules"][_ANY_FILE])


@cache
def sentences() -> dict[str, dict[str, dict[str, str]]]:
    """What is told of each rule (`rules`) and of each critical expectation (`expectations`): `what` and `do`."""
    found: dict[str, Any] = yaml.safe_load(SENTENCES.read_text("utf-8"))
    return found
