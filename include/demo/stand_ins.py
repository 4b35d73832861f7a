"""All stand-ins that a synthetic inbox needs: one for each connection whose answers lie in it.

A dataset that comes from an API has a file `stub_answers.json` in its inbox folder, and where its figures change while
nights are played, `stub_answers_<YYYYMMDD>.json` from that day on. The stand-in of a connection answers from the newest
file of each dataset that shares it. Who runs a night on a synthetic inbox (the command line, tests, a
scheduler) asks through the connections that `stand_ins` gives, as it would ask the real APIs through real ones.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib
import json
import secrets
from collections.abc import Iterator
from pathlib import Path

from include.demo.deliveries import Calendar
from include.demo.loopback import STUB_ANSWERS
from include.landing.contract import load_contracts
from include.sources.api import ApiConnection

_MODULES = {"uddannelsesstatistik": "include.demo.ministry", "statbank": "include.demo.statbank"}
"""By connection the module whose `serve(files, token)` stands in for its API."""

_WITHOUT_TOKEN = frozenset({"statbank"})


@contextlib.contextmanager
def stand_ins(inbox: Path) -> Iterator[dict[str, str]]:
    """Serve all APIs of a synthetic inbox until the block ends; gives the connections as environment variables.

    `AIRFLOW_CONN_<NAME>` in Airflow's JSON form, each with a token of its own, made for this block. Nothing is served
    for a connection without answers. The caller sees to it that the inbox is synthetic.
    """
    with contextlib.ExitStack() as open_ones:
        variables: dict[str, str] = {}
        for name, files in _answers(inbox).items():
            token = None if name in _WITHOUT_TOKEN else secrets.token_urlsafe(24)
            module = importlib.import_module(_MODULES[name])
            connection: ApiConnection = open_ones.enter_context(module.serve(files, token))
            variables |= as_variable(name, connection)
        yield variables


def as_variable(name: str, connection: ApiConnection) -> dict[str, str]:
    """A connection as the environment variable that Airflow and the program read."""
    fields = {"conn_type": "http", "host": connection.base_url}
    if connection.token is not None:
        fields["password"] = connection.token
    return {f"AIRFLOW_CONN_{name.upper()}": json.dumps(fields)}


def _answers(inbox: Path) -> dict[str, list[Path]]:
    """By connection the files with answers that the inbox holds, the newest of each dataset."""
    found: dict[str, list[Path]] = {}
    pattern = f"{Path(STUB_ANSWERS).stem}*.json"
    for contract in load_contracts().values():
        files = (inbox / contract.dataset).glob(pattern) if contract.connection is not None else ()
        if newest := max(files, key=lambda file: file.stem, default=None):
            found.setdefault(str(contract.connection), []).append(newest)
    return found


def came_on(calendar: Calendar, published: dt.date) -> dt.date:
    """When an answer can be had that is published on a day: with all before, or from the first night after.

    Raises ValueError if no night is late enough.
    """
    if published <= calendar.backfill:
        return calendar.backfill
    later = [night for night in calendar.nights if night >= published]
    if not later:
        raise ValueError(f"no night is played from {published} on")
    return later[0]


def file_of(dataset: str, came: dt.date, *, is_first: bool) -> Path:
    """The file with the answers of a dataset from the day `came` on, below the inbox."""
    name = Path(STUB_ANSWERS)
    return Path(dataset) / (name.name if is_first else f"{name.stem}_{came:%Y%m%d}{name.suffix}")
