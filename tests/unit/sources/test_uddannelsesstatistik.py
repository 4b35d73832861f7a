"""The ministry's API, asked over real HTTP on the loopback: every documented error, paging, saving, and the reader."""

from __future__ import annotations

import csv
import datetime as dt
import json
import logging
import time
from collections.abc import Sequence
from decimal import Decimal
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from include.demo.loopback import STUB_ANSWERS, Fault
from include.demo.ministry import ABSENCE, MEASURES, STAGES, WELLBEING, load_answers, run, serve, write_statistics
from include.errors import DeliveryRejected, WarehouseError
from include.landing.contract import load_contracts
from include.sources import uddannelsesstatistik
from include.sources.api import ApiConnection, FetchFailed, Patience
from include.sources.reading import Reading
from include.sources.uddannelsesstatistik import doubled

TOKEN = "secret-token-of-a-test-7f3a"
QUICK = Patience(
    connect=1,
    answer=1,
    attempts=3,
    first_wait=0.01,
    longest_wait=0.02,
    longest_retry_after=2,
    largest_answer_bytes=10**6,
)
CONTRACT = load_contracts()["absence_statistics"]
assert CONTRACT.request is not None
# municipalities by stage, the first of its queries; what is of several together: see below, and test_public_statistics
REQUEST = {**CONTRACT.request, "queries": CONTRACT.request["queries"][:1]}
HEADERS = {column.source_name: True for column in CONTRACT.columns}
MUNICIPALITY = "[Institution].[Beliggenhedskommune].[Beliggenhedskommune]"
STAGE = "[Klassetrin].[Skoletrin].[Skoletrin]"
YEAR = "[Tid].[Skoleår].[Skoleår]"
AVERAGE, SICK, UNEXCUSED, OVER_TEN = MEASURES


def row(municipality: str, stage: str, year: str, **measures: str) -> dict[str, str]:
    names = {"average": AVERAGE, "sick": SICK, "unexcused": UNEXCUSED, "over_ten": OVER_TEN}
    values = {names[name]: value for name, value in measures.items()}
    return {MUNICIPALITY: municipality, STAGE: stage, YEAR: year} | values


ROWS = [
    row(municipality, stage, year, average="7,3", over_ten="16,7 %")
    for municipality in ("Ballerup", "Herlev", "Aabenraa")
    for stage in STAGES[:3]
    for year in ("2023/2024", "2024/2025")
]


def everything_below(folder: Path) -> list[Path]:
    return list(folder.rglob("*"))


def fails(
    tmp_path: Path,
    faults: Sequence[Fault | None],
    *,
    requests: int,
    rows: Sequence[dict[str, str]] = tuple(ROWS),
    patience: Patience = QUICK,
    **options: int,
) -> FetchFailed:
    """Fetch with these faults: it fails after so many requests, leaves nothing behind and tells no token."""
    with run({ABSENCE: rows}, TOKEN, faults=faults) as ministry:
        with pytest.raises(FetchFailed) as caught:
            uddannelsesstatistik.fetch(ministry.connection, tmp_path / "fetched", REQUEST, patience=patience, **options)
        assert ministry.count == requests
    assert everything_below(tmp_path) == []
    error: BaseException | None = caught.value
    while error is not None:
        assert TOKEN not in str(error) + repr(error) + repr(vars(error))
        error = error.__cause__ or error.__context__
    assert caught.value.remedy
    return caught.value


def load(path: Path) -> tuple[Reading, dict[tuple[str, str, str, str], tuple[str | None, str]]]:
    with duckdb.connect() as connection:
        reading = uddannelsesstatistik.read(path, connection, HEADERS, None)
        found = connection.execute(
            'select "[Institution].[Beliggenhedskommune]", "[Klassetrin].[Skoletrin]", "[Tid].[Skoleår]", '
            "measure_name, measure_value, value_status from raw"
        ).fetchall()
    return reading, {(a, b, c, d): (value, status) for a, b, c, d, value, status in found}


def read_rows(tmp_path: Path, rows: Sequence[dict[str, str]]) -> tuple[Reading, dict[Any, Any]]:
    with run({ABSENCE: rows}, TOKEN) as ministry:
        return load(uddannelsesstatistik.fetch(ministry.connection, tmp_path, REQUEST, patience=QUICK))


# ---- fetch: what is asked and saved


def test_asks_for_all_measures_stages_and_years(tmp_path: Path) -> None:
    with run({ABSENCE: ROWS}, TOKEN) as ministry:
        uddannelsesstatistik.fetch(ministry.connection, tmp_path, REQUEST, patience=QUICK)
    (request,) = ministry.requests
    assert request["nøgletal"] == list(MEASURES)
    assert request["filtre"] == {"[Klassetrin].[Skoletrin]": list(STAGES)}
    assert (request["side"], request["side_størrelse"]) == (1, 100_000)
    assert (request["indlejret"], request["tomme_rækker"], request["formattering"]) == (False, False, "json")


def test_the_same_answer_is_the_same_file_in_any_order_and_page_size(tmp_path: Path) -> None:
    with run({ABSENCE: ROWS}, TOKEN) as ministry:
        first = uddannelsesstatistik.fetch(ministry.connection, tmp_path / "a", REQUEST, patience=QUICK)
        again = uddannelsesstatistik.fetch(ministry.connection, tmp_path / "a", REQUEST, patience=QUICK)
    with run({ABSENCE: ROWS[::-1]}, TOKEN) as ministry:
        other = uddannelsesstatistik.fetch(ministry.connection, tmp_path / "b", REQUEST, patience=QUICK, page_size=4)
        assert ministry.count == 5
    assert first == again
    assert everything_below(tmp_path / "a") == [first]
    assert first.name.removeprefix("a") == other.name.removeprefix("b")
    assert first.name.startswith("a_2023-2025_")
    assert first.read_bytes() == other.read_bytes()


def test_another_answer_stands_beside_the_first(tmp_path: Path) -> None:
    for rows in (ROWS, [*ROWS[1:], {**ROWS[0], AVERAGE: "7,4"}]):
        with run({ABSENCE: rows}, TOKEN) as ministry:
            uddannelsesstatistik.fetch(ministry.connection, tmp_path, REQUEST, patience=QUICK)
    assert len(everything_below(tmp_path)) == 2


def test_the_file_holds_request_and_rows_as_served_and_no_secret(tmp_path: Path) -> None:
    with run({ABSENCE: ROWS}, TOKEN) as ministry:
        path = uddannelsesstatistik.fetch(ministry.connection, tmp_path, REQUEST, patience=QUICK)
    content = json.loads(path.read_text("utf-8"))
    assert content["request"] == REQUEST
    (answer,) = content["answers"]
    assert sorted(answer["rows"], key=str) == sorted(ROWS, key=str)
    assert content["source"] == "Kilde: Uddannelsesstatistik.dk"
    assert TOKEN not in path.read_text("utf-8") + path.name
    assert "127.0.0.1" not in path.read_text("utf-8")


@pytest.mark.parametrize(("page_size", "requests"), [(18, 2), (6, 4), (5, 4), (19, 1)])
def test_a_full_page_is_followed_by_another_until_a_short_or_empty_one(
    tmp_path: Path, page_size: int, requests: int
) -> None:
    with run({ABSENCE: ROWS}, TOKEN) as ministry:
        path = uddannelsesstatistik.fetch(ministry.connection, tmp_path, REQUEST, patience=QUICK, page_size=page_size)
    assert ministry.count == requests
    assert [request["side"] for request in ministry.requests] == list(range(1, requests + 1))
    assert len(json.loads(path.read_text("utf-8"))["answers"][0]["rows"]) == len(ROWS)


def test_an_api_that_counts_from_zero_is_asked_so(tmp_path: Path) -> None:
    with run({ABSENCE: ROWS}, TOKEN, first_page=0) as ministry:
        path = uddannelsesstatistik.fetch(
            ministry.connection, tmp_path, REQUEST, patience=QUICK, page_size=5, first_page=0
        )
    assert len(json.loads(path.read_text("utf-8"))["answers"][0]["rows"]) == len(ROWS)


def test_an_api_that_counts_from_zero_is_found_out(tmp_path: Path) -> None:
    with (
        run({ABSENCE: ROWS}, TOKEN, first_page=0) as ministry,
        pytest.raises(FetchFailed, match="pages were counted from 1"),
    ):
        uddannelsesstatistik.fetch(ministry.connection, tmp_path, REQUEST, patience=QUICK)


# ---- fetch: errors that may pass


PASSING = [
    pytest.param(Fault("status", 429), "rate_limited", id="429"),
    pytest.param(Fault("status", 500), "server_down", id="500"),
    pytest.param(Fault("status", 503, retry_after="0"), "server_down", id="503"),
    pytest.param(Fault("slow", seconds=5), "timeout", id="slow"),
    pytest.param(Fault("drip", seconds=0.05), "timeout", id="drip"),
    pytest.param(Fault("hang_up"), "cut_short", id="hang_up"),
    pytest.param(Fault("cut"), "cut_short", id="cut"),
]


@pytest.mark.parametrize(("fault", "kind"), PASSING)
def test_what_may_pass_is_asked_again_and_then_given_up(tmp_path: Path, fault: Fault, kind: str) -> None:
    patience = Patience(connect=1, answer=0.15, attempts=3, first_wait=0.01, longest_wait=0.02)
    error = fails(tmp_path, [fault] * 3, requests=3, patience=patience)
    assert error.kind == kind


@pytest.mark.parametrize(("fault", "kind"), PASSING)
def test_what_passes_is_data_in_the_end(
    tmp_path: Path, fault: Fault, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = 0.7 if kind == "timeout" else 5.0
    patience = Patience(connect=1, answer=answer, attempts=2, first_wait=0.01, longest_wait=0.02)
    caplog.set_level(logging.DEBUG)
    with run({ABSENCE: ROWS}, TOKEN, faults=[fault, None, fault]) as ministry:
        path = uddannelsesstatistik.fetch(ministry.connection, tmp_path, REQUEST, patience=patience, page_size=10)
    assert ministry.count == 4, "each page once in vain"
    assert len(json.loads(path.read_text("utf-8"))["answers"][0]["rows"]) == len(ROWS)
    ours = [record for record in caplog.records if record.name == "include.sources.api"]
    assert [record.levelname for record in ours] == ["WARNING"] * 2
    assert "Attempt 1 of 2" in ours[0].getMessage()
    assert all(TOKEN not in record.getMessage() for record in caplog.records)


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with run({ABSENCE: ROWS}, TOKEN) as ministry:
        connection = ministry.connection
    with pytest.raises(FetchFailed) as caught:
        uddannelsesstatistik.fetch(connection, tmp_path / "fetched", REQUEST, patience=QUICK)
    assert caught.value.kind == "connection"
    assert everything_below(tmp_path) == []


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_honoured(tmp_path: Path, form: str) -> None:
    in_two_seconds = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2)
    retry_after = "1" if form == "seconds" else format_datetime(in_two_seconds, usegmt=True)
    begin = time.monotonic()
    with run({ABSENCE: ROWS}, TOKEN, faults=[Fault("status", 429, retry_after=retry_after)]) as ministry:
        uddannelsesstatistik.fetch(ministry.connection, tmp_path, REQUEST, patience=QUICK)
    assert ministry.count == 2
    # A date has whole seconds, so two from now is one at least.
    assert time.monotonic() - begin >= 0.9


@pytest.mark.parametrize("retry_after", ["3600", "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_a_long_retry_after_is_left_to_a_later_start(tmp_path: Path, retry_after: str) -> None:
    error = fails(tmp_path, [Fault("status", 429, retry_after=retry_after)], requests=1)
    assert error.kind == "rate_limited"
    assert "left alone for" in error.reason


def test_a_retry_after_that_is_neither_is_passed_over(tmp_path: Path) -> None:
    with run({ABSENCE: ROWS}, TOKEN, faults=[Fault("status", 503, retry_after="soon")]) as ministry:
        uddannelsesstatistik.fetch(ministry.connection, tmp_path, REQUEST, patience=QUICK)
    assert ministry.count == 2


# ---- fetch: errors that do not pass


@pytest.mark.parametrize(
    ("status", "kind", "remedy"),
    [
        (400, "request_refused", "schema"),
        (401, "token_refused", "make a new token"),
        (403, "access_refused", "ask for access"),
        (404, "address_unknown", "connection's host"),
        (302, "unexpected_answer", "connection's host"),
        (418, "unexpected_answer", "connection's host"),
    ],
)
def test_a_refusal_is_not_asked_again(tmp_path: Path, status: int, kind: str, remedy: str) -> None:
    error = fails(tmp_path, [Fault("status", status)], requests=1)
    assert error.kind == kind
    assert remedy in error.remedy


def test_a_refused_field_is_named_and_the_answer_not_quoted(tmp_path: Path) -> None:
    body = json.dumps({"message": f"Ukendt nøgletal: {SICK}. Bearer {TOKEN}"}).encode()
    error = fails(tmp_path, [Fault("status", 400, body=body)], requests=1)
    assert f"it names {SICK}." in error.reason
    assert "Ukendt" not in str(error)


def test_a_token_that_expires_midway_leaves_nothing(tmp_path: Path) -> None:
    error = fails(tmp_path, [None, Fault("expire")], requests=2, page_size=10)
    assert error.kind == "token_refused"
    assert "page 2" in str(error)


def test_a_wrong_token(tmp_path: Path) -> None:
    with run({ABSENCE: ROWS}, TOKEN) as ministry, pytest.raises(FetchFailed) as caught:
        uddannelsesstatistik.fetch(
            ApiConnection(ministry.connection.base_url, "another"), tmp_path, REQUEST, patience=QUICK
        )
    assert (caught.value.kind, ministry.count) == ("token_refused", 1)


def test_a_page_served_twice_is_no_data(tmp_path: Path) -> None:
    error = fails(tmp_path, [None, Fault("repeat")], requests=2, page_size=9)
    assert "a key comes twice" in error.reason
    assert "page 2" in str(error)


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        (b"", "cut_short", "line 1, column 1"),
        (b'[{"a": "1"', "cut_short", "not whole JSON"),
        (b"<!DOCTYPE html><html></html>", "unexpected_answer", "a web page"),
        (b"[" * 200_000, "cut_short", "nested"),
        ('[{"a": "ø"}]'.encode("latin-1"), "cut_short", "not UTF-8 from byte 8"),
        (b'{"message": "ok"}', "unexpected_answer", "not a list"),
        (b"null", "unexpected_answer", "not a list"),
        (b"[1, 2]", "unexpected_answer", "not an object of texts"),
        (b'[{"a": 7.3}]', "unexpected_answer", "not an object of texts"),
        (b'[{"a": "1"}]', "unexpected_answer", "lacks one of [Institution].[Beliggenhedskommune]"),
        (b"[]", "unexpected_answer", "no rows at all"),
    ],
)
def test_an_answer_that_is_no_list_of_rows(tmp_path: Path, body: bytes, kind: str, reason: str) -> None:
    error = fails(tmp_path, [Fault("body", body=body)], requests=1)
    assert error.kind == kind
    assert reason in error.reason


def test_a_body_cut_as_if_it_were_whole(tmp_path: Path) -> None:
    assert fails(tmp_path, [Fault("truncate")], requests=1).kind == "cut_short"


def test_pages_without_end(tmp_path: Path) -> None:
    assert "after 3 pages" in fails(tmp_path, [], requests=3, page_size=2, max_pages=3).reason


def test_more_rows_than_asked_for(tmp_path: Path) -> None:
    body = json.dumps(ROWS).encode()
    assert "where 5 were asked for" in fails(tmp_path, [Fault("body", body=body)], requests=1, page_size=5).reason


def test_an_answer_too_large(tmp_path: Path) -> None:
    patience = Patience(largest_answer_bytes=100)
    assert "larger than 100 bytes" in fails(tmp_path, [], requests=1, patience=patience).reason


def test_no_school_year(tmp_path: Path) -> None:
    rows = [row("Ballerup", "Indskoling", "<uoplyst>", average="7,3")]
    assert "no row has a school year" in fails(tmp_path, [], requests=1, rows=rows).reason


def test_a_disk_that_fails_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("include.sources.api.os.fsync", full)
    with run({ABSENCE: ROWS}, TOKEN) as ministry, pytest.raises(OSError, match="No space left"):
        uddannelsesstatistik.fetch(ministry.connection, tmp_path / "fetched", REQUEST, patience=QUICK)
    assert everything_below(tmp_path) == [tmp_path / "fetched"]


# ---- the connection


@pytest.mark.parametrize(
    ("text", "base_url"),
    [
        ('{"conn_type": "http", "host": "https://api.example.dk/", "password": "T"}', "https://api.example.dk"),
        ('{"conn_type": "http", "host": "api.example.dk", "password": "T"}', "https://api.example.dk"),
        (
            '{"conn_type": "http", "schema": "http", "host": "127.0.0.1", "port": 81, "password": "T"}',
            "http://127.0.0.1:81",
        ),
        ("http://:T@api.example.dk:8443/https", "https://api.example.dk:8443"),
        ("https://:T@api.example.dk", "https://api.example.dk"),
        ("http://:T@https%3A%2F%2Fapi.example.dk/", "https://api.example.dk"),
        ("http://:T@127.0.0.1:81/http", "http://127.0.0.1:81"),
    ],
)
def test_connection_from_airflows_forms(monkeypatch: pytest.MonkeyPatch, text: str, base_url: str) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SOURCE", text.replace("T", "T%3D" if "://:" in text else "T="))
    assert ApiConnection.from_environment("source") == ApiConnection(base_url, "T=")


def test_without_a_variable_there_is_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_SOURCE", raising=False)
    assert ApiConnection.from_environment("source") is None


@pytest.mark.parametrize(
    "text",
    [
        f'{{"host": "https://api.example.dk", "password": "{TOKEN}"',
        f'{{"host": "https://api.example.dk", "password": ["{TOKEN}"]}}',
        f'{{"host": "https://api.example.dk", "port": "{TOKEN}", "password": "{TOKEN}"}}',
        f'{{"host": "api.example.dk", "schema": "http", "password": "{TOKEN}"}}',
        f'{{"host": "https://user:{TOKEN}@api.example.dk", "password": "{TOKEN}"}}',
        f'{{"host": "https://api.example.dk", "password": "{TOKEN}\\n"}}',
        f'{{"host": "https://api.example.dk", "password": "{TOKEN}ø"}}',
        f'{{"password": "{TOKEN}"}}',
        TOKEN,
        f"http://:x@api.example.dk:{TOKEN}/",
    ],
)
def test_a_bad_connection_is_refused_without_its_content(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SOURCE", text)
    with pytest.raises(WarehouseError) as caught:
        ApiConnection.from_environment("source")
    assert TOKEN not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_a_connection_without_a_token_is_refused_where_one_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SOURCE", '{"host": "https://api.example.dk"}')
    connection = ApiConnection.from_environment("source")
    assert connection == ApiConnection("https://api.example.dk", None)
    with pytest.raises(WarehouseError, match="wants a token") as caught:
        uddannelsesstatistik.fetch(connection, tmp_path / "fetched", REQUEST, patience=QUICK)
    assert "sign in to the Online Tool" in caught.value.remedy
    assert everything_below(tmp_path) == []


def test_the_token_is_in_no_repr() -> None:
    assert TOKEN not in repr(ApiConnection("https://api.example.dk", TOKEN))


# ---- read


def test_danish_numbers(tmp_path: Path) -> None:
    texts = {
        "7,3": "7.3",
        "16,7 %": "16.7",
        "16,7\u00a0%": "16.7",
        "2.351": "2351",
        "0": "0",
        "-0,5": "-0.5",
        "100,0 %": "100.0",
    }
    rows = [row("Ballerup", "Indskoling", f"{2000 + i}/{2001 + i}", average=text) for i, text in enumerate(texts)]
    reading, cells = read_rows(tmp_path, rows)
    assert reading.problems == []
    assert [cells["Ballerup", "Indskoling", r[YEAR], AVERAGE][0] for r in rows] == list(texts.values())


@pytest.mark.parametrize("text", ["7.3", "7,3,1", "ca. 7", "1.23", "..", "7,3456", "٧", "%"])
def test_what_is_no_danish_number_is_a_problem_with_its_line(tmp_path: Path, text: str) -> None:
    reading, cells = read_rows(tmp_path, [*ROWS, row("Varde", "Indskoling", "2024/2025", average=text, sick="4,0")])
    (problem,) = reading.problems
    assert (problem.column, problem.rule) == ("measure_value", "danish_number")
    assert text not in problem.reason
    (file,) = tmp_path.iterdir()
    assert problem.line is not None
    assert "Varde" in file.read_text("utf-8").splitlines()[problem.line - 1]
    assert ("Varde", "Indskoling", "2024/2025", AVERAGE) not in cells, "it was served, so it is not suppressed"
    assert cells["Varde", "Indskoling", "2024/2025", SICK] == ("4.0", "published")
    assert reading.rows_in == len(cells) + 1


def test_suppressed_and_missing_are_told_apart(tmp_path: Path) -> None:
    years = [f"{year}/{year + 1}" for year in range(2018, 2025)]
    rows = [
        row("Ballerup", stage, year, average="7,3", sick="4,0")
        if year == years[-1]
        else row("Ballerup", stage, year, average="7,3", sick="4,0", over_ten="16,7 %")
        for stage in STAGES
        for year in years
    ]
    rows += [
        row("Læsø", "Mellemtrin", year, average="7,3", sick="4,0", over_ten="9,0 %") for year in (years[3], years[5])
    ]
    rows += [row("Fanø", "Indskoling", years[0], average="7,3", over_ten="9,0 %")]
    reading, cells = read_rows(tmp_path, rows)

    def status(municipality: str, stage: str, year: int, measure: str = AVERAGE) -> str:
        return str(cells[municipality, stage, years[year], measure][1])

    assert reading.rows_in == len(cells) == 3 * 4 * 7 * 4
    # No other measure than asked for, and nobody has the measure: not published.
    assert {status(m, s, y, UNEXCUSED) for m in ("Ballerup", "Læsø") for s in STAGES for y in range(7)} == {"missing"}
    # Published up to the year before: nobody has it for the last year yet.
    assert status("Ballerup", "Indskoling", 6, OVER_TEN) == "missing"
    assert status("Ballerup", "Indskoling", 5, OVER_TEN) == "published"
    # The year between two, the year right before and after: there are pupils.
    assert [status("Læsø", "Mellemtrin", year) for year in range(7)] == [
        "missing", "missing", "suppressed", "published", "suppressed", "published", "suppressed",
    ]  # fmt: skip
    # Another measure in the same year.
    assert status("Fanø", "Indskoling", 0, SICK) == "suppressed"
    assert status("Fanø", "Indskoling", 1, SICK) == "suppressed"
    assert status("Fanø", "Indskoling", 2, SICK) == "missing"
    # Never that stage.
    assert {status("Fanø", "10. klasse mv.", year) for year in range(7)} == {"missing"}
    assert all((value is None) == (found != "published") for value, found in cells.values())


def test_marks_of_the_ministry_are_set_aside_and_christiansoe_is_read(tmp_path: Path) -> None:
    rows = [
        *ROWS,
        row("<uoplyst>", "Indskoling", "2024/2025", average="5,0", sick="3,0"),
        row("Ballerup", "<fejl>", "2024/2025", average="5,0"),
        row("Ballerup", "Indskoling", "<uoplyst>", average="5,0"),
        row("Ballerup", "Indskoling", "2024/2026", average="5,0"),
        row("Christiansø", "Indskoling", "2024/2025", average="5,0"),
    ]
    # The stand-in filters by stage as asked, so the marked stage is put into the file that was saved.
    with run({ABSENCE: rows}, TOKEN) as ministry:
        path = uddannelsesstatistik.fetch(ministry.connection, tmp_path, REQUEST, patience=QUICK)
    text = path.read_text("utf-8")
    marked = json.dumps(rows[-4], ensure_ascii=False)
    path.write_text(text.replace('"rows": [\n', f'"rows": [\n{marked},\n'), "utf-8")
    reading, cells = load(path)
    assert sorted((problem.column, problem.rule) for problem in reading.problems) == [
        ("[Institution].[Beliggenhedskommune]", "ministry_mark"),
        ("[Institution].[Beliggenhedskommune]", "ministry_mark"),
        ("[Klassetrin].[Skoletrin]", "ministry_mark"),
        ("[Tid].[Skoleår]", "ministry_mark"),
        ("[Tid].[Skoleår]", "school_year"),
    ]
    assert {cell[0] for cell in cells} == {"Ballerup", "Herlev", "Aabenraa", "Christiansø"}
    assert {cell[1] for cell in cells} == set(STAGES[:3])
    assert {cell[2] for cell in cells} == {"2023/2024", "2024/2025"}
    assert cells["Christiansø", "Indskoling", "2024/2025", AVERAGE] == ("5.0", "published")
    assert reading.rows_in == len(cells) + 5


def test_both_names_of_the_years_dimension(tmp_path: Path) -> None:
    with run({ABSENCE: ROWS}, TOKEN) as ministry:
        path = uddannelsesstatistik.fetch(ministry.connection, tmp_path, REQUEST, patience=QUICK)
    _, cells = load(path)
    text = path.read_text("utf-8")
    path.write_text(text.replace("[Tid].[Skoleår].[Skoleår]", "[Skoleår].[Skoleår].[Skoleår]"), "utf-8")
    assert load(path)[1] == cells


def test_the_date_comes_from_the_answer(tmp_path: Path) -> None:
    reading, _ = read_rows(tmp_path, ROWS)
    assert reading.as_of == dt.date(2025, 11, 1)


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    with run({ABSENCE: ROWS}, TOKEN) as ministry:
        path = uddannelsesstatistik.fetch(ministry.connection, tmp_path, REQUEST, patience=QUICK)
    lines = path.read_text("utf-8").splitlines()
    with duckdb.connect() as connection:
        reading = uddannelsesstatistik.read(path, connection, HEADERS, None)
        found = connection.execute(
            'select rowid + 1, "[Institution].[Beliggenhedskommune]", "[Tid].[Skoleår]", value_status from raw'
        ).fetchall()
    places = reading.lines([number for number, *_ in found])
    for number, municipality, year, status in found:
        assert (number in places) == (status == "published")
        if number in places:
            assert municipality in lines[places[number] - 1]
            assert year in lines[places[number] - 1]


@pytest.mark.parametrize(
    ("change", "reason", "line"),
    [
        (lambda text: text[: len(text) // 2], "cut short", None),
        (lambda _: '{"rows": 1}', "no saved answer", None),
        (lambda _: "[]", "no saved answer", None),
        (lambda text: text.replace('"answers": [', '"answers": [{"rows": []},'), "one list of rows a query", None),
        (lambda text: text.replace("[Klassetrin]", "[Trin]"), "another request", None),
        (lambda text: text.replace('"rows": [\n', '"rows": [\n7,\n'), "is no object", 6),
        (lambda text: text.replace('"rows": [\n', '"rows": [\n{"a": "1"},\n'), "fields that were not asked for", 6),
        (lambda text: text.replace('"7,3"', "7.3", 1), "a value is no text", 6),
        (lambda text: text.replace(f'"{STAGE}": "Indskoling", ', "", 1), "is not given", 6),
        (lambda text: text.replace('"2024/2025"', '"2023/2024"', 1), "has come before", 7),
        (lambda text: text.replace('"7,3"', '""').replace('"16,7 %"', "null"), "no value", None),
    ],
)  # fmt: skip
def test_a_damaged_file_is_rejected(tmp_path: Path, change: Any, reason: str, line: int | None) -> None:
    with run({ABSENCE: ROWS}, TOKEN) as ministry:
        path = uddannelsesstatistik.fetch(ministry.connection, tmp_path, REQUEST, patience=QUICK)
    path.write_text(change(path.read_text("utf-8")), "utf-8")
    with pytest.raises(DeliveryRejected, match=reason) as caught:
        load(path)
    assert caught.value.file == path.name
    if line is not None:
        assert caught.value.line == line


def test_a_file_in_another_encoding_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_bytes('{"rows": [{"Skoleår": "1"}]}'.encode("cp1252"))
    with pytest.raises(DeliveryRejected, match="not UTF-8"):
        load(path)


# ---- whole answers


def test_the_synthetic_statistics_are_read_as_the_truth_says(tmp_path: Path) -> None:
    truth = write_statistics(tmp_path, np.random.default_rng(20260619))
    with serve([tmp_path / STUB_ANSWERS], TOKEN) as connection:
        path = uddannelsesstatistik.fetch(
            connection, tmp_path / "fetched", CONTRACT.request or {}, patience=QUICK, page_size=500
        )
    reading, cells = load(path)
    assert reading.problems == []
    assert {cell[:2] for cell in cells} >= {("Ballerup", "I alt"), ("I alt", "Mellemtrin"), ("I alt", "I alt")}
    assert cells == {
        (r["municipality_name"], r["school_stage"], r["school_year"], r["measure_name"]): (
            r["measure_value"],
            r["value_status"],
        )
        for r in truth.records()
    }
    assert len(load_answers(tmp_path / STUB_ANSWERS)[1]) > 500, "more than one page"


def test_the_real_figures_of_all_municipalities_land_as_served(tmp_path: Path, shared: Path) -> None:
    file = shared / "reference" / "uddannelsesstatistik" / "trivsel_fravaer_time_merged.csv"
    with file.open(encoding="utf-8", newline="") as stream:
        real = {
            (r["kommune"], r["klassetrin"], r["skoleår"]): Decimal(r["fravaer_pct"]) for r in csv.DictReader(stream)
        }
    rows = [row(*key, average=str(value).replace(".", ",")) for key, value in real.items()]
    with run({ABSENCE: rows}, TOKEN) as ministry:
        path = uddannelsesstatistik.fetch(ministry.connection, tmp_path, REQUEST, patience=QUICK, page_size=250)
    reading, cells = load(path)
    average = {cell[:3]: found for cell, found in cells.items() if cell[3] == AVERAGE}
    assert reading.problems == []
    assert len(real) == 1174
    assert {key: Decimal(value) for key, (value, _) in average.items() if value is not None} == real
    assert len({key[0] for key in average}) == 98
    left_out = {key: status for key, (_, status) in average.items() if key not in real}
    assert left_out == {("Læsø", stage, "2021/2022"): "suppressed" for stage in ("Mellemtrin", "Udskoling")}
    assert {status for cell, (_, status) in cells.items() if cell[3] != AVERAGE} == {"missing"}


# ---- several queries: municipalities, intervals and schools of the wellbeing cube


WELLBEING_CONTRACT = load_contracts()["wellbeing_statistics"]
_WHOLE_REQUEST: dict[str, Any] = WELLBEING_CONTRACT.request or {}
# municipalities, intervals and schools; the country is asked for like the municipalities, by one level less
WELLBEING_REQUEST: dict[str, Any] = {**_WHOLE_REQUEST, "queries": _WHOLE_REQUEST["queries"][:3]}
MEAN, SHARE, PUPILS = WELLBEING.measures
PLACE, NUMBER, GROUP, WELLBEING_YEAR, INDICATOR, INTERVAL = map(doubled, WELLBEING.levels)
GENERAL = "Generel trivsel"


def wellbeing(place: str, group: str, year: str, indicator: str = GENERAL, **values: str) -> dict[str, str]:
    names = {"mean": MEAN, "pupils": PUPILS}
    key = {PLACE: place, GROUP: group, WELLBEING_YEAR: year, INDICATOR: indicator}
    return key | {names[name]: value for name, value in values.items()}


def interval(place: str, group: str, year: str, which: str, share: str) -> dict[str, str]:
    return wellbeing(place, group, year) | {INTERVAL: which, SHARE: share}


def school(number: str, year: str, indicator: str = GENERAL, **values: str) -> dict[str, str]:
    whole = wellbeing("Ballerup", "", year, indicator, **values)
    return {name: value for name, value in whole.items() if name != GROUP} | {NUMBER: number}


WELLBEING_ROWS = [
    *(
        wellbeing(place, group, year, mean="3,6", pupils="1.204")
        for place in ("Ballerup", "Herlev")
        for group in ("Mellemtrin", "Udskoling")
        for year in ("2022/2023", "2023/2024", "2024/2025")
    ),
    *(
        interval("Ballerup", "Mellemtrin", year, which, "25,0 %")
        for which in ("1 til 2", "4,1 til 5")
        for year in ("2023/2024", "2024/2025")
    ),
    interval("Herlev", "Mellemtrin", "2024/2025", "4,1 til 5", "40,2 %"),
    school("281843", "2023/2024", mean="3,7", pupils="507"),
    school("281843", "2024/2025", mean="3,6", pupils="515"),
    school("151028", "2024/2025", mean="3,6", pupils="71"),
]

WellbeingCell = tuple[str, ...]


def load_wellbeing(path: Path) -> tuple[Reading, dict[WellbeingCell, tuple[str | None, str]]]:
    """Cells by municipality, school, group, year, indicator, interval and measure."""
    headers = {column.source_name: True for column in WELLBEING_CONTRACT.columns}
    with duckdb.connect() as connection:
        reading = uddannelsesstatistik.read(path, connection, headers, None)
        names = ", ".join(f'"{header}"' for header in headers)
        found = connection.execute(f"select {names} from raw").fetchall()
    cells = {tuple(row[:7]): (row[7], row[8]) for row in found}
    assert len(cells) == len(found)
    return reading, cells


def fetch_wellbeing(tmp_path: Path, rows: Sequence[dict[str, str]] = WELLBEING_ROWS) -> Path:
    with run({WELLBEING: rows, ABSENCE: ROWS}, TOKEN) as ministry:
        return uddannelsesstatistik.fetch(ministry.connection, tmp_path, WELLBEING_REQUEST, patience=QUICK)


def test_each_query_is_asked_by_its_own_levels(tmp_path: Path) -> None:
    with run({WELLBEING: WELLBEING_ROWS}, TOKEN) as ministry:
        uddannelsesstatistik.fetch(ministry.connection, tmp_path, WELLBEING_REQUEST, patience=QUICK, page_size=5)
    assert [(len(body["detaljering"]), body["side"]) for body in ministry.requests] == [
        *[(4, 1), (4, 2), (4, 3)],
        *[(5, 1), (5, 2)],
        (4, 1),
    ]
    assert all("[Skoleår].[Skoleår]" in body["detaljering"] for body in ministry.requests)
    assert ministry.requests[-1]["filtre"] == {"[Institution].[Beliggenhedskommune]": ["Ballerup"]}
    assert len({frozenset(body["filtre"]) for body in ministry.requests}) == 2


def test_one_query_that_fails_leaves_nothing_of_the_others(tmp_path: Path) -> None:
    for at, fault in ((2, Fault("truncate")), (1, Fault("repeat")), (2, Fault("status", 403))):
        with (
            run({WELLBEING: WELLBEING_ROWS}, TOKEN, faults=[*[None] * at, fault]) as ministry,
            pytest.raises(FetchFailed, match=f"query {at + 1} of 3, page 1"),
        ):
            uddannelsesstatistik.fetch(ministry.connection, tmp_path / "f", WELLBEING_REQUEST, patience=QUICK)
    without_schools = [row for row in WELLBEING_ROWS if NUMBER not in row] + [school("1", "<uoplyst>", pupils="9")]
    without_schools[-1][PLACE] = "Herlev"
    with run({WELLBEING: without_schools}, TOKEN) as ministry, pytest.raises(FetchFailed, match="no rows at all"):
        uddannelsesstatistik.fetch(ministry.connection, tmp_path / "f", WELLBEING_REQUEST, patience=QUICK)
    assert everything_below(tmp_path) == []


def test_levels_that_a_query_is_not_asked_by_are_of_all(tmp_path: Path) -> None:
    reading, cells = load_wellbeing(fetch_wellbeing(tmp_path))
    assert reading.problems == []
    assert reading.as_of == dt.date(2025, 5, 1), "the ministry publishes wellbeing in May"
    year = "2024/2025"
    assert cells["Herlev", "I alt", "Udskoling", year, GENERAL, "I alt", MEAN] == ("3.6", "published")
    assert cells["Herlev", "I alt", "Udskoling", year, GENERAL, "I alt", PUPILS] == ("1204", "published")
    assert cells["Herlev", "I alt", "Mellemtrin", year, GENERAL, "4,1 til 5", SHARE] == ("40.2", "published")
    assert cells["Ballerup", "281843", "I alt", year, GENERAL, "I alt", PUPILS] == ("515", "published")


def test_left_out_cells_of_municipalities_intervals_and_schools(tmp_path: Path) -> None:
    rows = [
        *WELLBEING_ROWS,
        wellbeing("Christiansø", "Mellemtrin", "2023/2024", mean="3,9", pupils="5"),
        school("281843", "2024/2025", "Ro og orden", mean="3,7", pupils="515"),
        wellbeing("Ballerup", "Mellemtrin", "2024/2025", "Ro og orden", mean="3,8", pupils="600"),
    ]
    _, cells = load_wellbeing(fetch_wellbeing(tmp_path, rows))

    def status(*key: str) -> str:
        return cells[key][1]

    years = ("2022/2023", "2023/2024", "2024/2025")
    # The year served and those beside it: there are pupils. No other group of grades, and no schools of its own.
    assert [status("Christiansø", "I alt", "Mellemtrin", y, GENERAL, "I alt", MEAN) for y in years] == [
        "suppressed", "published", "suppressed",
    ]  # fmt: skip
    assert {status("Christiansø", "I alt", "Udskoling", y, GENERAL, "I alt", MEAN) for y in years} == {"missing"}
    assert not [key for key in cells if key[0] == "Christiansø" and (key[5] != "I alt" or key[1] != "I alt")]
    # An interval in which there are too few, or nobody.
    assert status("Herlev", "I alt", "Mellemtrin", "2024/2025", GENERAL, "1 til 2", SHARE) == "suppressed"
    # Indicators that only some have: the special school is there, its second indicator is not told.
    assert status("Ballerup", "151028", "I alt", "2024/2025", "Ro og orden", "I alt", MEAN) == "suppressed"
    assert status("Herlev", "I alt", "Mellemtrin", "2024/2025", "Ro og orden", "I alt", MEAN) == "suppressed"
    assert status("Herlev", "I alt", "Udskoling", "2024/2025", "Ro og orden", "I alt", MEAN) == "missing"
    # Neither departments nor schools of which nothing is told are made up.
    assert {key[1] for key in cells} == {"I alt", "281843", "151028"}
    assert all((value is None) == (found != "published") for value, found in cells.values())


def test_lines_are_right_in_every_answer(tmp_path: Path) -> None:
    rows = [dict(row) for row in WELLBEING_ROWS]
    rows[0][MEAN] = rows[12][SHARE] = rows[-1][MEAN] = "?"
    path = fetch_wellbeing(tmp_path, rows)
    lines = path.read_text("utf-8").splitlines()
    reading, cells = load_wellbeing(path)
    assert len(reading.problems) == 3
    assert all(problem.line and '"?"' in lines[problem.line - 1] for problem in reading.problems)
    assert reading.rows_in == len(cells) + 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"published_month": 13}, "published_month"),
        ({"queries": []}, "queries"),
        ({"queries": [{**WELLBEING_REQUEST["queries"][0], "side": 2}]}, "knows no side"),
        ({"queries": [{**WELLBEING_REQUEST["queries"][0], "nøgletal": []}]}, "a cube, measures and levels"),
        ({"queries": [{**WELLBEING_REQUEST["queries"][0], "detaljering": [PLACE]}]}, "one of which is the school year"),
    ],
)
def test_a_request_that_can_not_be_asked_is_refused_before_asking(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    connection = ApiConnection("http://127.0.0.1:9", TOKEN)
    with pytest.raises(ValueError, match=said):
        uddannelsesstatistik.fetch(connection, tmp_path, {**WELLBEING_REQUEST, **change}, patience=QUICK)


def test_the_same_wellbeing_in_another_order_is_the_same_file(tmp_path: Path) -> None:
    assert fetch_wellbeing(tmp_path).read_bytes() == fetch_wellbeing(tmp_path, WELLBEING_ROWS[::-1]).read_bytes()
    assert len(everything_below(tmp_path)) == 1
