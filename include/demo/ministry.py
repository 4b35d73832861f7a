"""A stand-in for the ministry's API on this machine, and the made-up figures that it serves.

`serve` speaks the protocol of Uddannelsesstatistik over real HTTP on 127.0.0.1, its errors included, so that a night
on the synthetic municipality and the tests ask as they would ask the ministry. `write_statistics` makes the figures.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

import numpy as np

from include.demo.municipalities import MUNICIPALITIES
from include.sources.uddannelsesstatistik import DIMENSIONS, MEASURES, PATH, STAGES, ApiConnection

STUB_ANSWERS = "stub_answers.json"
"""The figures that the stand-in serves, in the inbox folder of `absence_statistics`."""

SCHOOL_YEARS = tuple(f"{year}/{year + 1}" for year in range(2019, 2025))

_CUBE = {"område": "GS", "emne": "ELEVFRAV", "underemne": "FRAVAAR"}
_LARGEST_PAGE = 100_000

Row = dict[str, str]


# ---- the stand-in


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request.

    `status` answers with that status (and `Retry-After`, where given) and `body`; `slow` waits `seconds` first; `drip`
    sends a byte every `seconds`; `hang_up` closes without an answer; `cut` sends half of the body under the whole
    length; `truncate` sends half of the body as if it were whole; `body` sends `body` in place of the rows; `repeat`
    serves the page before; `expire` makes the token invalid from here on.
    """

    kind: Literal["status", "slow", "drip", "hang_up", "cut", "truncate", "body", "repeat", "expire"]
    status: int = 500
    retry_after: str | None = None
    seconds: float = 0.0
    body: bytes = b""


@dataclass
class Ministry:
    """A running stand-in: where it is, and what it was asked."""

    connection: ApiConnection
    requests: list[dict[str, Any]] = field(default_factory=list)
    """The body of every request that was JSON, in order, whatever was answered."""
    count: int = 0
    """The number of all requests."""


@contextlib.contextmanager
def run(
    rows: Sequence[Mapping[str, str]],
    token: str,
    *,
    faults: Sequence[Fault | None] = (),
    first_page: int = 1,
) -> Iterator[Ministry]:
    """Serve `rows` on a free port of 127.0.0.1 until the block ends.

    `faults[i]` befalls request i; None and all requests after the last are answered as they should be. `first_page` is
    how pages are counted (clients of the real API differ).
    """
    server = _Server([dict(row) for row in rows], token, list(faults), first_page)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.ministry
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def serve(data_file: Path, token: str) -> Iterator[ApiConnection]:
    """Serve the figures of a file that `write_statistics` wrote; gives the connection to ask with."""
    with run(load_rows(data_file), token) as ministry:
        yield ministry.connection


def load_rows(data_file: Path) -> list[Row]:
    """The rows of a file of figures. Raises ValueError if it is none."""
    content = json.loads(data_file.read_text("utf-8"))
    if not isinstance(content, dict) or not isinstance(content.get("rows"), list):
        raise ValueError(f"{data_file.name} holds no rows to serve")
    return list(content["rows"])


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, rows: list[Row], token: str, faults: list[Fault | None], first_page: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.rows = rows
        self.token = token
        self.faults = faults
        self.first_page = first_page
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self.ministry = Ministry(ApiConnection(f"http://127.0.0.1:{self.server_address[1]}", token))

    def next_fault(self, body: dict[str, Any] | None) -> Fault | None:
        """Note a request; what goes wrong with it."""
        with self.lock:
            number = self.ministry.count
            self.ministry.count += 1
            if body is not None:
                self.ministry.requests.append(body)
            fault = self.faults[number] if number < len(self.faults) else None
            if fault is not None and fault.kind == "expire":
                self.token = ""
            return fault


class _Refused(Exception):
    """The request is wrong; the text names what."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes; else each answer waits 40 ms for the client's nod
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: standard error belongs to the night."""

    def do_GET(self) -> None:
        """Statistics are asked for by POST only."""
        self._send(405 if self.path == PATH else 404, {"message": "Brug POST."})

    def do_POST(self) -> None:
        """Answer one request for statistics, or let happen to it what the script of faults says."""
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            body = json.loads(content.decode("utf-8"))
        except ValueError:
            body = None
        body = body if isinstance(body, dict) else None
        fault = self.server.next_fault(body)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            if fault is not None and self._happens(fault):
                return
            self._answer(body, fault)

    def _happens(self, fault: Fault) -> bool:
        """Let a fault happen that needs no rows; True if that was the answer."""
        if fault.kind == "status":
            self._send_bytes(fault.status, fault.body or b'{"message": "fejl"}', fault.retry_after)
        elif fault.kind == "hang_up":
            self.close_connection = True
        elif fault.kind == "body":
            self._send_bytes(200, fault.body)
        elif fault.kind == "slow":
            self.server.closing.wait(fault.seconds)
            return False
        else:
            return False
        return True

    def _answer(self, body: dict[str, Any] | None, fault: Fault | None) -> None:
        if self.path != PATH:
            self._send(404, {"message": "Findes ikke."})
            return
        given = self.headers.get("Authorization", "").encode("latin-1", "replace")
        if not self.server.token or not hmac.compare_digest(given, f"Bearer {self.server.token}".encode()):
            self._send(401, {"message": "Ugyldig nøgle."})
            return
        if body is None:
            self._send(400, {"message": "Forespørgslen er ikke JSON."})
            return
        if fault is not None and fault.kind == "repeat":
            body = {**body, "side": body["side"] - 1}
        try:
            answer = page(self.server.rows, body, self.server.first_page)
        except _Refused as refusal:
            self._send(400, {"message": str(refusal)})
            return
        content = json.dumps(answer, ensure_ascii=False).encode()
        kind = fault.kind if fault is not None else None
        if kind == "cut":
            self._send_bytes(200, content[: len(content) // 2], length=len(content))
            self.close_connection = True
        elif kind == "truncate":
            self._send_bytes(200, content[: len(content) // 2])
        elif kind == "drip":
            assert fault is not None, "it has a kind"
            self._send_bytes(200, b"", length=len(content))
            for byte in content:
                if self.server.closing.wait(fault.seconds):
                    break
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
        else:
            self._send_bytes(200, content)

    def _send(self, status: int, content: object) -> None:
        self._send_bytes(status, json.dumps(content, ensure_ascii=False).encode())

    def _send_bytes(
        self, status: int, content: bytes, retry_after: str | None = None, length: int | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content) if length is None else length))
        if retry_after is not None:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()


def page(rows: Sequence[Row], body: Mapping[str, Any], first_page: int) -> list[Row] | dict[str, Any]:
    """What the ministry answers to a request over `rows`: one page, flat or nested, rows without a value left out.

    Raises an error that names the field for all that the API would refuse, and for what the figures can't answer: they
    are held by municipality, stage and school year only.
    """
    _check(body)
    measures: list[str] = body["nøgletal"]
    chosen = []
    for row in rows:
        if all(row[_doubled(level)] in members for level, members in body.get("filtre", {}).items()):
            values = {measure: row[measure] for measure in measures if measure in row}
            if values:
                chosen.append({_doubled(level): row[_doubled(level)] for level in body["detaljering"]} | values)
    size = body.get("side_størrelse", _LARGEST_PAGE)
    start = (body.get("side", first_page) - first_page) * size
    flat = chosen[start : start + size] if start >= 0 else []
    if not body.get("indlejret", False):
        return flat
    nested: dict[str, Any] = {}
    for row in flat:
        inner = nested
        for level in body["detaljering"]:
            inner = inner.setdefault(row[_doubled(level)], {})
        inner.update({measure: row[measure] for measure in measures if measure in row})
    return nested


def _check(body: Mapping[str, Any]) -> None:
    for name, value in _CUBE.items():
        if body.get(name) != value:
            raise _Refused(f"Ukendt {name}.")
    for name, known in (("nøgletal", MEASURES), ("detaljering", DIMENSIONS)):
        asked = body.get(name)
        if not isinstance(asked, list) or not asked:
            raise _Refused(f"{name} mangler.")
        for item in asked:
            if item not in known:
                raise _Refused(f"Ukendt værdi i {name}: {item}")
    if set(body["detaljering"]) != set(DIMENSIONS):
        raise _Refused("detaljering: tallene findes kun efter kommune, skoletrin og skoleår.")
    if body.get("tomme_rækker"):
        raise _Refused("tomme_rækker findes ikke her.")
    _check_filters(body.get("filtre", {}))
    size, side = body.get("side_størrelse", _LARGEST_PAGE), body.get("side", 1)
    if not isinstance(size, int) or not 1 <= size <= _LARGEST_PAGE:
        raise _Refused(f"side_størrelse skal være 1 til {_LARGEST_PAGE}.")
    if not isinstance(side, int) or side < 0:
        raise _Refused("side skal være et tal.")


def _check_filters(filters: object) -> None:
    if not isinstance(filters, dict) or not all(isinstance(members, list) for members in filters.values()):
        raise _Refused("filtre er ikke lister.")
    for level in filters:
        if level not in DIMENSIONS:
            raise _Refused(f"Ukendt felt i filtre: {level}")


def _doubled(level: str) -> str:
    """`[Tid].[Skoleår]` is answered under `[Tid].[Skoleår].[Skoleår]`."""
    return f"{level}.{level.rpartition('.')[2]}"


# ---- the figures

Cell = tuple[str, str, str, str]
"""Municipality, school stage, school year, measure."""


@dataclass(frozen=True)
class StatisticsTruth:
    """What the made-up statistics say: each cell is in exactly one of the three."""

    published: Mapping[Cell, Decimal]
    suppressed: frozenset[Cell]
    missing: frozenset[Cell]

    def status(self, cell: Cell) -> str:
        """`published`, `suppressed` or `missing`. Raises KeyError for a cell that is not in the statistics."""
        if cell in self.published:
            return "published"
        if cell in self.suppressed:
            return "suppressed"
        if cell in self.missing:
            return "missing"
        raise KeyError(cell)

    def records(self) -> list[dict[str, str | None]]:
        """All cells in the contract's columns, sorted by key; values as texts such as `16.7`."""
        return [
            {
                "municipality_name": cell[0],
                "school_stage": cell[1],
                "school_year": cell[2],
                "measure_name": cell[3],
                "measure_value": f"{self.published[cell]:.1f}" if cell in self.published else None,
                "value_status": self.status(cell),
            }
            for cell in sorted({*self.published, *self.suppressed, *self.missing})
        ]


WITHOUT_TENTH_GRADE = frozenset({"Dragør", "Fanø", "Hørsholm", "Læsø", "Samsø", "Solrød", "Vallensbæk", "Ærø"})
"""Municipalities that have no 10. klasse in the made-up figures."""

_SMALL = ("Fanø", "Læsø", "Samsø", "Ærø")
"""The smallest municipalities: where few pupils make the ministry leave cells out."""

# Per cent of days absent: by stage, the municipality's level and the year (few in 2019/2020, many in 2021/2022).
_STAGE_LEVEL = np.array([6.0, 6.4, 8.6, 12.0])
_YEAR_FACTOR = np.array([0.72, 0.80, 1.22, 1.08, 1.05, 1.02])


def write_statistics(folder: Path, rng: np.random.Generator) -> StatisticsTruth:
    """Make up absence of all 98 municipalities and write it as `stub_answers.json` into `folder`; tell the truth of it.

    Four stages x six school years x four measures, texts as the ministry writes them, cells that it would leave out
    left out: Læsø's 2021/2022 whole, single cells of the smallest municipalities, `Over 10 procent` of small 10.
    klasser; eight municipalities have no 10. klasse. `folder` is the inbox folder of `absence_statistics`.
    """
    values = _figures(rng)
    suppressed = _planted(rng)
    published: dict[Cell, Decimal] = {}
    missing: set[Cell] = set()
    for index in np.ndindex(values.shape):
        municipality, stage, year = MUNICIPALITIES[index[0]], STAGES[index[1]], SCHOOL_YEARS[index[2]]
        cell = (municipality, stage, year, MEASURES[index[3]])
        if stage == STAGES[3] and municipality in WITHOUT_TENTH_GRADE:
            missing.add(cell)
        elif cell not in suppressed:
            published[cell] = Decimal(int(values[index])) / 10
    truth = StatisticsTruth(published, frozenset(suppressed), frozenset(missing))
    folder.mkdir(parents=True, exist_ok=True)
    rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows_of(published))
    (folder / STUB_ANSWERS).write_text(f'{{"synthetic": true,\n"rows": [\n{rows}\n]}}\n', "utf-8")
    return truth


def rows_of(published: Mapping[Cell, Decimal]) -> list[Row]:
    """Cells as the ministry's rows: one a municipality, stage and year, its measures side by side, in Danish texts."""
    rows: dict[tuple[str, str, str], Row] = {}
    for (*key, measure), value in sorted(published.items()):
        municipality, stage, year = key
        names = dict(zip((_doubled(level) for level in DIMENSIONS), key, strict=True))
        number = f"{value:.1f}".replace(".", ",")
        rows.setdefault((municipality, stage, year), names)[measure] = (
            f"{number} %" if measure == MEASURES[3] else number
        )
    return list(rows.values())


def _figures(rng: np.random.Generator) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Tenths of a per cent by municipality, stage, year and measure; sick and unexcused days are parts of all days."""
    shape = (len(MUNICIPALITIES), len(STAGES), len(SCHOOL_YEARS))
    level = rng.normal(1.0, 0.09, (shape[0], 1, 1)) * rng.normal(1.0, 0.05, (shape[0], shape[1], 1))
    absent = _STAGE_LEVEL[None, :, None] * _YEAR_FACTOR[None, None, :] * level * rng.normal(1.0, 0.03, shape)
    sick = absent * np.clip(rng.normal(0.62, 0.03, shape), 0.5, 0.75)
    unexcused = absent * np.clip(rng.normal(0.16, 0.03, shape), 0.05, 0.25)
    # Of pupils with a mean absence m, the share above ten per cent follows m closely in the public figures.
    over_ten = 100 / (1 + np.exp(-(absent - 14.0) / 4.2))
    figures: np.ndarray[Any, np.dtype[np.int64]] = np.rint(
        np.clip(np.stack([absent, sick, unexcused, over_ten], axis=-1), 0.1, 99.0) * 10
    ).astype(np.int64)
    return figures


def _planted(rng: np.random.Generator) -> set[Cell]:
    """The cells that are left out though there are pupils, so that a reader can tell (values beside them remain)."""
    cells = {("Læsø", stage, "2021/2022", measure) for stage in STAGES[:3] for measure in MEASURES}
    for municipality in _SMALL:
        for stage in STAGES[:3]:
            year = SCHOOL_YEARS[int(rng.integers(len(SCHOOL_YEARS)))]
            cells |= {(municipality, stage, year, MEASURES[2]), (municipality, stage, year, MEASURES[3])}
    with_tenth = sorted(set(MUNICIPALITIES) - WITHOUT_TENTH_GRADE - {"Ballerup"})
    chosen = rng.choice(len(with_tenth), math.ceil(len(with_tenth) / 8), replace=False)
    for place in sorted(int(number) for number in chosen):
        year = SCHOOL_YEARS[int(rng.integers(len(SCHOOL_YEARS)))]
        cells.add((with_tenth[place], STAGES[3], year, MEASURES[3]))
    return cells
