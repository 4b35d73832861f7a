"""A stand-in for an outside API: real HTTP on 127.0.0.1, and whatever can go wrong with a request, by script.

An API's own module says what is answered (`ministry.py`, `statbank.py`); how it is served, who is let in and what
befalls a request is the same for all of them and stands here.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, NamedTuple

from include.sources.api import ApiConnection

STUB_ANSWERS = "stub_answers.json"
"""What a stand-in answers from, in the inbox folder of the dataset that is asked for."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request.

    `status` answers with that status, `body` and, where given, `retry_after` and `location`; `slow` waits `seconds`
    first; `drip` sends a byte every `seconds`; `hang_up` closes without an answer; `cut` sends half of the answer under
    the whole length; `truncate` sends half of it as if it were whole; `body` sends `body` in its place; `repeat` sends
    the answer before once more; `expire` makes the token invalid from here on.
    """

    kind: Literal["status", "slow", "drip", "hang_up", "cut", "truncate", "body", "repeat", "expire"]
    status: int = 500
    retry_after: str | None = None
    location: str | None = None
    seconds: float = 0.0
    body: bytes = b""


class Reply(NamedTuple):
    """What is answered to a request."""

    content: bytes
    status: int = 200
    content_type: str = "application/json; charset=utf-8"


def json_reply(content: object, status: int = 200) -> Reply:
    """An answer as JSON."""
    return Reply(json.dumps(content, ensure_ascii=False).encode(), status)


Answerer = Callable[[str, dict[str, Any] | None], Reply]
"""From a path and the body of a POST (None if it is no JSON object) to the answer."""


@dataclass
class StandIn:
    """A running stand-in: where it is, and what it was asked."""

    connection: ApiConnection
    requests: list[dict[str, Any]] = field(default_factory=list)
    """The body of every request that was JSON, in order, whatever was answered."""
    paths: list[str] = field(default_factory=list)
    """The path of every request, in order."""

    @property
    def count(self) -> int:
        """The number of all requests."""
        return len(self.paths)


@contextlib.contextmanager
def serve(
    answer: Answerer, *, token: str | None, paths: Sequence[str], faults: Sequence[Fault | None] = ()
) -> Iterator[StandIn]:
    """Serve `paths` on a free port of 127.0.0.1 until the block ends; without a `token` everybody is let in.

    `faults[i]` befalls request i; None and all requests after the last are answered as they should be.
    """
    server = _Server(answer, token, tuple(paths), list(faults))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.stand_in
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answer: Answerer, token: str | None, paths: tuple[str, ...], faults: list[Fault | None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.token = token
        self.paths = paths
        self.faults = faults
        self.before = Reply(b"")
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self.stand_in = StandIn(ApiConnection(f"http://127.0.0.1:{self.server_address[1]}", token))

    def next_fault(self, path: str, body: dict[str, Any] | None) -> Fault | None:
        """Note a request; what goes wrong with it."""
        with self.lock:
            number = self.stand_in.count
            self.stand_in.paths.append(path)
            if body is not None:
                self.stand_in.requests.append(body)
            fault = self.faults[number] if number < len(self.faults) else None
            if fault is not None and fault.kind == "expire":
                self.token = ""
            return fault

    def lets_in(self, authorization: str) -> bool:
        """Whether a request with this header may be answered."""
        if self.token is None:
            return True
        given = authorization.encode("latin-1", "replace")
        return self.token != "" and hmac.compare_digest(given, f"Bearer {self.token}".encode())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes; else each answer waits 40 ms for the client's nod
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: standard error belongs to the night."""

    def do_GET(self) -> None:
        """What is asked for, is asked for by POST only."""
        self._send(json_reply({"message": "Brug POST."}, 405 if self.path in self.server.paths else 404))

    def do_POST(self) -> None:
        """Answer one request, or let happen to it what the script of faults says."""
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            body = json.loads(content.decode("utf-8"))
        except ValueError:
            body = None
        body = body if isinstance(body, dict) else None
        fault = self.server.next_fault(self.path, body)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            if fault is None or not self._happens(fault):
                self._deliver(self._reply(body), fault)

    def _reply(self, body: dict[str, Any] | None) -> Reply:
        if self.path not in self.server.paths:
            return json_reply({"message": "Findes ikke."}, 404)
        if not self.server.lets_in(self.headers.get("Authorization", "")):
            return json_reply({"message": "Ugyldig nøgle."}, 401)
        return self.server.answer(self.path, body)

    def _happens(self, fault: Fault) -> bool:
        """Let a fault happen that needs no answer; True if that was it."""
        if fault.kind == "status":
            self._send(Reply(fault.body or b'{"message": "fejl"}', fault.status), fault=fault)
        elif fault.kind == "hang_up":
            self.close_connection = True
        elif fault.kind == "body":
            self._send(Reply(fault.body))
        elif fault.kind == "slow":
            self.server.closing.wait(fault.seconds)
            return False
        else:
            return False
        return True

    def _deliver(self, reply: Reply, fault: Fault | None) -> None:
        kind = fault.kind if fault is not None and reply.status == HTTPStatus.OK else None
        content = reply.content
        if kind == "repeat":
            self._send(self.server.before)
        elif kind == "cut":
            self._send(reply._replace(content=content[: len(content) // 2]), length=len(content))
            self.close_connection = True
        elif kind == "truncate":
            self._send(reply._replace(content=content[: len(content) // 2]))
        elif kind == "drip":
            assert fault is not None, "it has a kind"
            self._send(reply._replace(content=b""), length=len(content))
            for byte in content:
                if self.server.closing.wait(fault.seconds):
                    break
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
        else:
            self.server.before = reply
            self._send(reply)

    def _send(self, reply: Reply, *, length: int | None = None, fault: Fault | None = None) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.content) if length is None else length))
        if fault is not None and fault.retry_after is not None:
            self.send_header("Retry-After", fault.retry_after)
        if fault is not None and fault.location is not None:
            self.send_header("Location", fault.location)
        self.end_headers()
        self.wfile.write(reply.content)
        self.wfile.flush()
