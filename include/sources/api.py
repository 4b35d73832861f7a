"""Asking an outside API over HTTPS: the connection, patience, errors that say what to do, saving and reading what came.

One request is one `Api.post`: it waits and asks again where waiting can help (429, 5xx, timeouts, a connection that
breaks) and nowhere else. The token, where an API wants one, goes into one header and never into a message, a log record
or a file. `save` writes an answer whole or not at all.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import json
import logging
import os
import re
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import httpx
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential,
    wait_random,
)

from include.disk import fsync
from include.errors import DeliveryRejected, WarehouseError

log = logging.getLogger(__name__)

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_ERROR_BODY_BYTES = 64 * 1024

ASK_AGAIN = "fetch the figures again; if it stays, the API has changed and the reader must follow"

Kind = Literal[
    "request_refused",
    "too_many_cells",
    "not_found",
    "token_refused",
    "access_refused",
    "address_unknown",
    "rate_limited",
    "server_down",
    "timeout",
    "connection",
    "cut_short",
    "unexpected_answer",
]
"""Why a fetch failed; the remedy follows from it."""


class FetchFailed(WarehouseError):
    """An API did not give the answer that was asked for. `kind` says why, so that code need not read the message."""

    def __init__(self, kind: Kind, reason: str, *, remedy: str, where: str) -> None:
        self.kind = kind
        super().__init__(reason, remedy=remedy, where=where)


class _Passing(FetchFailed):
    """A failure that may pass by itself; `retry_after` is how many seconds the server asks to be left alone."""

    def __init__(self, kind: Kind, reason: str, *, remedy: str, where: str, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(kind, reason, remedy=remedy, where=where)


@dataclass(frozen=True)
class ApiConnection:
    """Where an API is and the token that opens it, None if it is open to all. The token is in no `repr`.

    Raises WarehouseError for an address that is not https (plain http is taken on the loopback only, since the token
    would be readable and figures could be changed on the way) and for a token that can't stand in a header.
    """

    base_url: str
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse what would send the token in the clear or make a library quote it in an error."""
        parts = _split(self.base_url)
        if parts is None or not parts.hostname or parts.username or parts.password or parts.query or parts.fragment:
            raise WarehouseError(
                "the address of the API is not of the form https://host.",
                remedy="correct the connection's host; the token belongs into its password",
            )
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise WarehouseError(
                "the address of the API is not https, so the token could be read and the answer changed on the way.",
                remedy="write the connection's host as https://host, or its schema as https",
            )
        if self.token is not None and not re.fullmatch(r"[\x21-\x7e]+", self.token):
            raise WarehouseError(
                "the connection's token is empty or holds blanks, line ends or letters that no token has.",
                remedy="copy the token again, without blanks or quotes, into the connection's password",
            )

    @property
    def is_loopback(self) -> bool:
        """True if the API runs on this machine."""
        return urlsplit(self.base_url).hostname in _LOOPBACK

    @classmethod
    def from_parts(cls, host: str | None, schema: str | None, port: int | None, password: str | None) -> ApiConnection:
        """A connection from the fields of an Airflow connection of type `http`: token in `password`, if it has one.

        `host` may carry its scheme (`https://host`); else `schema` is taken, and https without one. Raises
        WarehouseError as the class does, and without a host. Whether a token is missing, the API that is asked knows.
        """
        if not host:
            raise WarehouseError(
                "the connection has no host.",
                remedy="give the connection the API's address as host and the token, if the API wants one, as password",
            )
        address = host if "://" in host else f"{schema or 'https'}://{host}"
        has_port = (parts := _split(address)) is not None and parts.port is not None
        return cls(address.rstrip("/") + (f":{port}" if port and not has_port else ""), password or None)

    @classmethod
    def from_environment(cls, name: str) -> ApiConnection | None:
        """The connection in `AIRFLOW_CONN_<NAME>`, in Airflow's JSON or URI form; None if the variable is not set.

        So that the program also runs without Airflow. Raises WarehouseError, without the content, if it can't be read.
        """
        variable = f"AIRFLOW_CONN_{name.upper()}"
        text = os.environ.get(variable, "").strip()
        if not text:
            return None
        fields = _json_fields(text) if text.startswith("{") else _uri_fields(text)
        if fields is None:
            raise WarehouseError(
                f"{variable} is neither an Airflow connection as JSON nor as URI.",
                remedy='write it as {"conn_type": "http", "host": "https://…", "password": "<token>"}',
            )
        return cls.from_parts(*fields)


@dataclass(frozen=True)
class Patience:
    """How long to wait for an answer, and how often and after how long to ask again. All times in seconds.

    `answer` is for the whole answer, not from byte to byte: a server that drips must not hold the night. A server
    that asks (`Retry-After`) for more than `longest_retry_after` is not waited for; the task is started again later.
    """

    connect: float = 10.0
    answer: float = 120.0
    attempts: int = 5
    first_wait: float = 2.0
    longest_wait: float = 60.0
    longest_retry_after: float = 300.0
    largest_answer_bytes: int = 256 * 1024 * 1024


@dataclass(frozen=True)
class Refusal:
    """An answer that is no success, for an API's own explanation: its status and the beginning of its text.

    `fields` are the names that the request held and the text repeats; nothing else of the text may be told.
    """

    status: int
    text: str
    fields: tuple[str, ...]
    where: str


Explain = Callable[[Refusal], FetchFailed | None]
"""What an API's own error codes mean; None where its answer says no more than the status."""


class Api:
    """An open client of one API; a context manager.

    `name` is what messages call the API and `renewal` where a person gets a new token; None for an API that is open to
    all, which is then sent none. `explain` is asked first about every refusal that waiting does not help. Raises
    WarehouseError if the API wants a token and the connection has none.
    """

    def __init__(
        self,
        connection: ApiConnection,
        patience: Patience,
        *,
        name: str,
        renewal: str | None,
        explain: Explain | None = None,
    ) -> None:
        if renewal is not None and connection.token is None:
            raise WarehouseError(
                "the connection has no password, and the API wants a token.",
                remedy=f"get a token ({renewal}) and put it into the connection's password",
                where=name,
            )
        self._patience = patience
        self._name = name
        self._renewal = renewal
        self._explain = explain
        token = {"Authorization": f"Bearer {connection.token}"} if renewal is not None else {}
        self._client = httpx.Client(
            base_url=connection.base_url,
            headers={**token, "Accept": "application/json, text/csv"},
            timeout=httpx.Timeout(patience.answer, connect=patience.connect),
            # Plain http is on the loopback alone and has no certificates to load; https is always verified.
            verify=not connection.base_url.startswith("http://"),
            follow_redirects=False,  # the token is for this address alone
            trust_env=not connection.is_loopback,  # a proxy of the network, never for this machine
        )

    def __enter__(self) -> Api:
        """The client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self._client.close()

    def post(self, path: str, body: Mapping[str, Any], *, what: str, fields: Sequence[str] = ()) -> bytes:
        """The bytes that the API answers to `body` as JSON.

        `what` names the request in messages; of `fields`, the names that the request holds, a refusal (400) repeats
        those that the server names. Asking again after 429, 5xx, timeouts and broken connections: exponential back-off
        with jitter, never earlier than `Retry-After` says. Raises FetchFailed.
        """
        patience = self._patience
        backoff = wait_exponential(multiplier=patience.first_wait, max=patience.longest_wait)
        jitter = wait_random(0, patience.first_wait)

        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = error.retry_after if isinstance(error, _Passing) else None
            return max(backoff(state) + jitter(state), asked or 0.0)

        def note(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            reason = error.reason if isinstance(error, FetchFailed) else "failed."
            seconds = state.next_action.sleep if state.next_action else 0.0
            log.warning(
                "%s, %s: %s Attempt %d of %d, the next in %.1f s.",
                self._name,
                what,
                reason,
                state.attempt_number,
                patience.attempts,
                seconds,
            )

        retrying = Retrying(
            retry=retry_if_exception_type(_Passing),
            stop=stop_after_attempt(patience.attempts),
            wait=wait,
            before_sleep=note,
            reraise=True,
        )
        content: bytes = retrying(self._once, path, json.dumps(body, ensure_ascii=False).encode(), what, fields)
        return content

    def _once(self, path: str, body: bytes, what: str, fields: Sequence[str]) -> bytes:
        where = f"{self._name}, {what}"
        again = "start the task again later; if it stays, look whether the service is announced to be down"
        failure: FetchFailed
        # Errors of httpx hold the request with its headers: ours are raised outside of `except`, so that none hangs on.
        try:
            deadline = time.monotonic() + self._patience.answer
            with self._client.stream(
                "POST", path, content=body, headers={"Content-Type": "application/json"}
            ) as response:
                if response.status_code == HTTPStatus.OK:
                    return self._body(response, deadline, where)
                text = _beginning(response)
            failure = self._refusal(response, text, where, fields)
        except httpx.TimeoutException:
            failure = _Passing(
                "timeout", f"no whole answer within {self._patience.answer:g} seconds.", remedy=again, where=where
            )
        except httpx.RemoteProtocolError:
            failure = _Passing(
                "cut_short", "the connection broke before the answer was whole.", remedy=again, where=where
            )
        except (httpx.NetworkError, httpx.ProxyError):
            failure = _Passing(
                "connection",
                "the server could not be reached or hung up.",
                remedy=f"check the connection's host and the way out to the net (proxy, firewall), then {again}",
                where=where,
            )
        except httpx.HTTPError:
            failure = FetchFailed("unexpected_answer", "the answer is no readable HTTP.", remedy=again, where=where)
        raise failure

    def _body(self, response: httpx.Response, deadline: float, where: str) -> bytes:
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout("the whole answer took too long")
            if len(content) > self._patience.largest_answer_bytes:
                raise FetchFailed(
                    "unexpected_answer",
                    f"the answer is larger than {self._patience.largest_answer_bytes} bytes.",
                    remedy="ask for fewer rows a page",
                    where=where,
                )
        return bytes(content)

    def _refusal(self, response: httpx.Response, text: str, where: str, fields: Sequence[str]) -> FetchFailed:
        status = response.status_code
        if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return self._busy(response, where)
        names = tuple(name for name in fields if name in text)
        explained = self._explain(Refusal(status, text, names, where)) if self._explain else None
        return explained or self._by_status(status, names, where)

    def _by_status(self, status: int, names: Sequence[str], where: str) -> FetchFailed:
        if status == HTTPStatus.BAD_REQUEST:
            named = ", ".join(names)
            return FetchFailed(
                "request_refused",
                f"the API refuses the request (400){': it names ' + named if named else ''}.",
                remedy="the API's fields have changed: compare the request with the API's schema and correct it",
                where=where,
            )
        if status == HTTPStatus.UNAUTHORIZED and self._renewal is not None:
            return FetchFailed(
                "token_refused",
                "the API does not accept the token (401): it has expired or is not whole.",
                remedy=f"make a new token ({self._renewal}) and put it into the connection's password",
                where=where,
            )
        if status == HTTPStatus.FORBIDDEN and self._renewal is not None:
            return FetchFailed(
                "access_refused",
                "the token is known but has no access to these figures (403).",
                remedy=f"ask for access or make a new token ({self._renewal})",
                where=where,
            )
        if status == HTTPStatus.NOT_FOUND:
            return FetchFailed(
                "address_unknown",
                "the address does not exist (404).",
                remedy="check the connection's host: it is the API's address without a path",
                where=where,
            )
        return FetchFailed(
            "unexpected_answer",
            f"the API answers with status {status}.",
            remedy="check the connection's host; if it is right, the API has changed and the client must follow",
            where=where,
        )

    def _busy(self, response: httpx.Response, where: str) -> FetchFailed:
        retry_after = _seconds(response.headers.get("Retry-After"))
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            kind: Kind = "rate_limited"
            reason = f"the API gets too many requests {'with this token' if self._renewal else 'from here'} (429)"
            remedy = "start the task again later; look whether another program asks the API as well"
        else:
            kind = "server_down"
            reason = f"the API has an error of its own ({response.status_code})"
            remedy = "start the task again later; if it stays, report it to the API's support"
        if retry_after is not None and retry_after > self._patience.longest_retry_after:
            return FetchFailed(
                kind, f"{reason} and wants to be left alone for {retry_after:.0f} seconds.", remedy=remedy, where=where
            )
        return _Passing(kind, f"{reason}.", remedy=remedy, where=where, retry_after=retry_after)


def save(target: Path, content: bytes) -> None:
    """Write whole or not at all; what already stands there with the same bytes is left alone."""
    if target.is_file() and target.read_bytes() == content:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".part")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    fsync(target.parent)


def read_saved(path: Path) -> Any:
    """The content of a file that was saved as JSON. Raises DeliveryRejected for what is not whole, or not UTF-8."""
    try:
        return json.loads(path.read_bytes().decode("utf-8"))
    except UnicodeDecodeError:
        raise rejected(path, "the file is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise rejected(path, "the file is cut short or damaged: it is no whole JSON.", error.lineno) from None


def rejected(path: Path, reason: str, line: int | None = None) -> DeliveryRejected:
    """Why a saved file can't be landed; the remedy is always to fetch it again."""
    return DeliveryRejected(reason, remedy="take the file away and fetch the figures again", file=path.name, line=line)


def text_of(content: bytes, where: str) -> str:
    """The text of an answer. Raises FetchFailed for what is not UTF-8, and for a web page in the place of figures."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        start = error.start
    else:
        if not text.lstrip().startswith("<"):
            return text
        raise FetchFailed(
            "unexpected_answer",
            "the answer is a web page, not figures.",
            remedy="check the connection's host and whether a proxy or a log-in page answers in the API's place",
            where=where,
        )
    raise cut_short(f"the answer is not UTF-8 from byte {start} on", where)


def json_of(content: bytes, where: str) -> Any:
    """The JSON of an answer. Raises FetchFailed, saying where it breaks, without quoting it."""
    text = text_of(content, where)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        reason = f"the answer is not whole JSON: it breaks at line {error.lineno}, column {error.colno}"
    except RecursionError:
        reason = "the answer is not figures but deeply nested"
    raise cut_short(reason, where)


def cut_short(reason: str, where: str) -> FetchFailed:
    """The failure of an API whose answer is not whole."""
    return FetchFailed(
        "cut_short",
        f"{reason}.",
        remedy="start the task again; if it stays, the API or a proxy on the way cuts its answers",
        where=where,
    )


def unexpected(reason: str, where: str) -> FetchFailed:
    """The failure of an API whose answer is not of the documented form."""
    return FetchFailed("unexpected_answer", f"{reason}.", remedy=ASK_AGAIN, where=where)


def _beginning(response: httpx.Response) -> str:
    """The beginning of an error's body: what is looked at for names of fields, never quoted."""
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > _ERROR_BODY_BYTES:
            break
    text = content.decode("utf-8", "replace")
    try:
        return str(json.loads(text))  # undo escapes such as \u00f8
    except ValueError:
        return text


def _seconds(retry_after: str | None) -> float | None:
    """`Retry-After` in seconds: a number or an HTTP date (RFC 9110, 10.2.3); None if there is none or it is neither."""
    if retry_after is None:
        return None
    if re.fullmatch(r"\s*\d{1,9}\s*", retry_after):
        return float(retry_after)
    try:
        moment = email.utils.parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return max(0.0, (moment - dt.datetime.now(dt.UTC)).total_seconds())


def _split(address: str) -> Any:
    """The parts of an address, or None if it is none."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _json_fields(text: str) -> tuple[str | None, str | None, int | None, str | None] | None:
    try:
        content = json.loads(text)
        host, schema, password = (content.get(name) or None for name in ("host", "schema", "password"))
        port = int(content["port"]) if content.get("port") else None
    except (ValueError, TypeError, AttributeError):
        return None
    if not all(isinstance(value, str | None) for value in (host, schema, password)):
        return None
    return host, schema, port, password


def _uri_fields(text: str) -> tuple[str | None, str | None, int | None, str | None] | None:
    """Airflow's URI form: `http://:<token>@host:port/https`, parts percent-encoded; the path is the schema."""
    parts = _split(text)
    if parts is None or "://" not in text:
        return None
    host = unquote(parts.netloc.rpartition("@")[2].partition(":")[0])
    schema = parts.path.strip("/") or ("https" if parts.scheme == "https" else None)
    return host or None, schema, parts.port, unquote(parts.password) if parts.password else None
