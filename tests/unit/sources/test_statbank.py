"""Statistics Denmark's API, asked over real HTTP on the loopback: tableinfo, CSV and BULK, every error, the reader."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import json
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from include.demo.loopback import Fault
from include.demo.statbank import Table, Variable, run, table_of
from include.errors import DeliveryRejected
from include.landing.contract import load_contracts
from include.sources import statbank
from include.sources.api import ApiConnection, FetchFailed, Patience
from include.sources.reading import Reading

CONTRACT = load_contracts()["municipal_accounts"]
assert CONTRACT.request is not None
REQUEST = CONTRACT.request
HEADERS = {column.source_name: True for column in CONTRACT.columns}
QUICK = Patience(connect=1, answer=1, attempts=3, first_wait=0.01, longest_wait=0.02, longest_retry_after=2)
FUNCTIONS = ("52820", "52821", "52822", "52823", "52824")
PLACES = {"000": "Hele landet", "084": "Region Hovedstaden", "151": "Ballerup", "163": "Herlev", "910": "Ballerup"}
"""Two values share one text."""


def table(code: str = "BUDK32", years: Sequence[str] = ("2024", "2025"), **changes: Any) -> Table:
    """A table with one amount a cell, of two municipalities and of what holds them once more."""
    place = Variable("REGI07A" if code.startswith("BUDK") else "OMRÅDE", "område", PLACES, can_be_left_out=True)
    variables = (
        place,
        Variable("FUNKTION", "funktion", dict.fromkeys((*FUNCTIONS, "32201"), "Foranstaltninger")),
        Variable("DRANST", "dranst", {"1": "Drift", "2": "Refusion"}),
        Variable("ART", "art", {"TOT": "I alt", "UE": "Bruttoudgifter", "I": "Indtægter"}),
        Variable("PRISENHED", "prisenhed", {"LOBM": "Løbende priser", "INDL": "Pr. indbygger"}),
        Variable("Tid", "tid", {year: year for year in years}, is_time=True),
    )
    cells: dict[tuple[str, ...], str] = {
        (place_code, function, "1", "TOT", "LOBM", year): str(
            int(place_code) * 100 + number * 10 + int(year[:4]) - 2000
        )
        for place_code in PLACES
        for number, function in enumerate(FUNCTIONS)
        for year in years
    }
    made = Table(code, "Tabel", "-", "2026-01-16T08:00:00", variables, cells)
    return dataclasses.replace(made, **changes)


TABLES = (table(), table("REGK31", updated="2025-05-08T08:00:00"))
CELLS = 2 * 2 * len(FUNCTIONS) * 2
"""Tables x municipalities x functions x years."""


def with_cells(made: Table, changed: Mapping[tuple[str, str, str], str | None]) -> Table:
    """The table with other texts by place, function and year; None takes the cell out."""
    cells = dict(made.cells)
    for (place, function, year), text in changed.items():
        key = (place, function, "1", "TOT", "LOBM", year)
        cells.pop(key)
        if text is not None:
            cells[key] = text
    return dataclasses.replace(made, cells=cells)


def load(path: Path) -> tuple[Reading, dict[tuple[str, str, str, str], tuple[str | None, str]]]:
    with duckdb.connect() as connection:
        reading = statbank.read(path, connection, HEADERS, None)
        found = connection.execute(
            "select table_code, place_code, FUNKTION, year, value, value_status from raw"
        ).fetchall()
    return reading, {(a, b, c, d): (value, status) for a, b, c, d, value, status in found}


def fetched(tmp_path: Path, tables: Sequence[Table] = TABLES, request: Mapping[str, Any] = REQUEST) -> Path:
    with run(tables) as api:
        return statbank.fetch(api.connection, tmp_path / "municipal_accounts", request, patience=QUICK)


def fails(
    tmp_path: Path,
    faults: Sequence[Fault | None] = (),
    *,
    requests: int,
    tables: Sequence[Table] = TABLES,
    request: Mapping[str, Any] = REQUEST,
    patience: Patience = QUICK,
    **options: int,
) -> FetchFailed:
    """Fetch with these faults: it fails after so many requests, leaves nothing behind and says what to do."""
    with run(tables, faults=faults, **options) as api:
        with pytest.raises(FetchFailed) as caught:
            statbank.fetch(api.connection, tmp_path / "fetched", request, patience=patience)
        assert api.count == requests
    assert list(tmp_path.rglob("*")) == []
    assert caught.value.remedy
    return caught.value


# ---- fetch: what is asked and saved


def test_asks_tableinfo_first_and_for_codes_of_municipalities_alone(tmp_path: Path) -> None:
    with run(TABLES) as api:
        statbank.fetch(api.connection, tmp_path, REQUEST, patience=QUICK)
    assert api.paths == ["/v1/tableinfo", "/v1/data"] * 2
    assert api.requests[0] == {"table": "BUDK32", "lang": "da"}
    asked = [{part["code"]: part["values"] for part in body["variables"]} for body in api.requests[1::2]]
    assert [(body["format"], body["lang"], body["valuePresentation"]) for body in api.requests[1::2]] == [
        ("CSV", "da", "Code")
    ] * 2
    assert asked[0]["REGI07A"] == asked[1]["OMRÅDE"] == ["151", "163"]
    assert "OMRÅDE" not in asked[0]
    assert asked[0]["Tid"] == ["2024", "2025"]
    assert asked[0]["FUNKTION"] == list(FUNCTIONS)
    assert (asked[0]["ART"], asked[0]["PRISENHED"], asked[0]["DRANST"]) == (["TOT"], ["LOBM"], ["1"])


def test_a_token_is_not_sent_where_none_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []

    def lets_in(_: object, authorization: str) -> bool:
        heard.append(authorization)
        return True

    with run(TABLES) as api:
        monkeypatch.setattr("include.demo.loopback._Server.lets_in", lets_in)
        connection = ApiConnection(api.connection.base_url, "a-token-of-another-api")
        statbank.fetch(connection, tmp_path, REQUEST, patience=QUICK)
    assert heard == [""] * 4


def test_the_same_answer_is_the_same_file_and_a_revised_one_stands_beside_it(tmp_path: Path) -> None:
    first = fetched(tmp_path)
    assert fetched(tmp_path) == first
    assert first.name.startswith("municipal_accounts_20260116_")
    revised = with_cells(TABLES[1], {("151", "52821", "2024"): "15001"})
    second = fetched(tmp_path, (TABLES[0], dataclasses.replace(revised, updated="2026-05-08T08:00:00")))
    assert second.name.startswith("municipal_accounts_20260508_")
    assert sorted((tmp_path / "municipal_accounts").iterdir()) == sorted([first, second])


def test_the_file_holds_request_source_and_rows_as_served(tmp_path: Path) -> None:
    path = fetched(tmp_path)
    content = json.loads(path.read_text("utf-8"))
    assert content["request"] == REQUEST
    assert "Danmarks Statistik" in content["source"]
    assert content["tables"][0]["info"]["updated"] == "2026-01-16T08:00:00"
    assert "151;52821;1;TOT;LOBM;2025;15135" in content["tables"][0]["rows"]
    assert "127.0.0.1" not in path.read_text("utf-8")


def test_above_the_limit_bulk_is_asked_for_and_gives_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = (with_cells(TABLES[0], {("151", "52824", "2024"): None}), TABLES[1])
    _, csv_cells = load(fetched(tmp_path / "csv", tables))
    # 20 rows x 7 columns are 140 cells.
    monkeypatch.setattr(statbank, "CELL_LIMIT", 139)
    with run(tables, cell_limit=139) as api:
        path = statbank.fetch(api.connection, tmp_path / "bulk", REQUEST, patience=QUICK)
    assert {body["format"] for body in api.requests[1::2]} == {"BULK"}
    reading, bulk_cells = load(path)
    assert bulk_cells == csv_cells
    assert bulk_cells["BUDK32", "151", "52824", "2024"] == ("0", "suppressed_or_zero")
    assert reading.rows_in == CELLS
    assert len(json.loads(path.read_text("utf-8"))["tables"][0]["rows"]) == 19, "BULK leaves the cell out"
    monkeypatch.setattr(statbank, "CELL_LIMIT", 140)
    with run(tables, cell_limit=140) as api:
        statbank.fetch(api.connection, tmp_path / "at_the_limit", REQUEST, patience=QUICK)
    assert {body["format"] for body in api.requests[1::2]} == {"CSV"}


# ---- fetch: the API's own errors


def error(code: str, message: str, status: int = 400) -> Fault:
    return Fault("status", status, body=json.dumps({"errorTypeCode": code, "message": message}).encode())


def test_too_many_cells_by_the_apis_own_count(tmp_path: Path) -> None:
    caught = fails(tmp_path, requests=2, cell_limit=100)
    assert caught.kind == "too_many_cells"
    assert "EXTRACT-TOOBIG" in caught.reason
    assert "BULK" in caught.remedy
    assert "data of BUDK32" in str(caught)


@pytest.mark.parametrize(
    ("fault", "kind", "told"),
    [
        (error("REQUEST-LIMIT", "Forespørgslen returnerer for mange observationer"), "too_many_cells", "REQUEST-LIMIT"),
        (
            error("EXTRACT-NOTALLOWED", "Der skal vælges værdier for variabel: PRISENHED"),
            "request_refused",
            "EXTRACT-NOTALLOWED): PRISENHED.",
        ),
        (error("EXTRACT-NOTFOUND", "Værdi findes ikke: 52824 (FUNKTION)"), "not_found", "FUNKTION, 52824"),
        (error("EXTRACT-NOTFOUND", "Variabel findes ikke: REGI07A"), "not_found", "REGI07A"),
        (error("REQUEST-MISSING", "Format ikke angivet, eller ikke gyldigt"), "request_refused", "REQUEST-MISSING"),
        (Fault("status", 400), "request_refused", "(400)"),
        (Fault("status", 401), "unexpected_answer", "status 401"),
        (Fault("status", 404), "address_unknown", "(404)"),
        (Fault("status", 302, location="https://www.dst.dk/"), "unexpected_answer", "status 302"),
    ],
)
def test_a_refusal_is_not_asked_again_and_named(tmp_path: Path, fault: Fault, kind: str, told: str) -> None:
    caught = fails(tmp_path, [None, fault], requests=2)
    assert caught.kind == kind
    assert told in caught.reason
    assert "findes ikke" not in str(caught), "the answer is not quoted"


def test_an_unknown_table(tmp_path: Path) -> None:
    request = {"tables": [{**REQUEST["tables"][0], "table": "REGK53"}]}
    caught = fails(tmp_path, requests=1, request=request)
    assert caught.kind == "not_found"
    assert "EXTRACT-NOTFOUND): REGK53" in caught.reason


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"EJER": ["1"]}, "no variable EJER"),
        ({"FUNKTION": ["52821", "52899"]}, "FUNKTION has no value 52899"),
        ({"ART": ["NETTO"]}, "ART has no value NETTO"),
    ],
)
def test_what_tableinfo_does_not_know_is_not_asked_for(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    first = REQUEST["tables"][0]
    request = {"tables": [{**first, "variables": {**first["variables"], **change}}]}
    caught = fails(tmp_path, requests=1, request=request)
    assert caught.kind == "not_found"
    assert told in caught.reason
    assert "contract's `request`" in caught.remedy


def test_a_variable_that_nobody_named_is_told(tmp_path: Path) -> None:
    first = REQUEST["tables"][0]
    few = {name: codes for name, codes in first["variables"].items() if name != "PRISENHED"}
    caught = fails(tmp_path, requests=1, request={"tables": [{"table": "BUDK32", "variables": few}]})
    assert "there is REGI07A, PRISENHED" in caught.reason


def test_a_table_without_municipalities(tmp_path: Path) -> None:
    place = Variable("OMRÅDE", "område", {"000": "Hele landet", "084": "Region", "411": "Christiansø", "910": "Gruppe"})
    made = dataclasses.replace(TABLES[0], variables=(place, *TABLES[0].variables[1:]))
    assert "no value of OMRÅDE is a municipality" in fails(tmp_path, requests=1, tables=[made]).reason


# ---- fetch: errors that may pass, and answers that are none


@pytest.mark.parametrize("at", [0, 1, 3])
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault("status", 429), "rate_limited"),
        (Fault("status", 500), "server_down"),
        (Fault("status", 503, body=b"<html>Service Unavailable</html>"), "server_down"),
        (Fault("slow", seconds=5), "timeout"),
        (Fault("drip", seconds=0.05), "timeout"),
        (Fault("hang_up"), "cut_short"),
        (Fault("cut"), "cut_short"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else value,
)
def test_what_may_pass_is_asked_again_and_then_given_up(tmp_path: Path, fault: Fault, kind: str, at: int) -> None:
    patience = Patience(connect=1, answer=0.15, attempts=2, first_wait=0.01, longest_wait=0.02)
    caught = fails(tmp_path, [*[None] * at, fault, fault], requests=at + 2, patience=patience)
    assert caught.kind == kind
    with run(TABLES, faults=[*[None] * at, fault]) as api:
        patience = dataclasses.replace(patience, answer=0.7)
        path = statbank.fetch(api.connection, tmp_path / "fetched", REQUEST, patience=patience)
    assert api.count == 5
    assert len(load(path)[1]) == CELLS


def test_retry_after_is_honoured(tmp_path: Path) -> None:
    begin = time.monotonic()
    with run(TABLES, faults=[None, Fault("status", 429, retry_after="1")]) as api:
        statbank.fetch(api.connection, tmp_path, REQUEST, patience=QUICK)
    assert time.monotonic() - begin >= 1
    caught = fails(tmp_path / "none", [Fault("status", 429, retry_after="3600")], requests=1)
    assert "left alone for 3600 seconds" in caught.reason
    assert "token" not in str(caught)


@pytest.mark.parametrize(
    ("body", "kind", "told"),
    [
        (b"", "cut_short", "not whole JSON"),
        (b'{"id": "BUDK32"', "cut_short", "not whole JSON"),
        (b"<!DOCTYPE html><html></html>", "unexpected_answer", "a web page"),
        (b"[]", "unexpected_answer", "lacks what is documented"),
        (b'{"id": "BUDK32"}', "unexpected_answer", "lacks what is documented"),
        (json.dumps(table("REGK31").info()).encode(), "unexpected_answer", "of another table"),
        (json.dumps(table(updated="i går").info()).encode(), "unexpected_answer", "lacks what is documented"),
    ],
)
def test_a_tableinfo_that_is_none(tmp_path: Path, body: bytes, kind: str, told: str) -> None:
    caught = fails(tmp_path, [Fault("body", body=body)], requests=1)
    assert caught.kind == kind
    assert told in caught.reason
    assert "tableinfo of BUDK32" in str(caught)


def lines_of(*changes: tuple[str, str]) -> bytes:
    """The whole answer for BUDK32, with texts changed."""
    rows = [
        f"{place};{function};1;TOT;LOBM;{year};{place}7"
        for place in ("151", "163")
        for function in FUNCTIONS
        for year in ("2024", "2025")
    ]
    text = "\r\n".join(["REGI07A;FUNKTION;DRANST;ART;PRISENHED;TID;INDHOLD", *rows, ""])
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text.encode()


LINE = "151;52820;1;TOT;LOBM;2024;1517"


@pytest.mark.parametrize(
    ("body", "kind", "told"),
    [
        (lines_of()[:-2], "cut_short", "the last line has no end"),
        (lines_of()[: len(lines_of()) // 2], "cut_short", "the last line has no end"),
        (lines_of((f"{LINE}\r\n", "")), "cut_short", "19 of the 20 cells"),
        (b"\r\n".join(lines_of().split(b"\r\n")[:11]) + b"\r\n", "cut_short", "10 of the 20 cells"),
        (lines_of((LINE, f"{LINE}\r\n{LINE}")), "unexpected_answer", "line 3 holds a cell that has come before"),
        (lines_of(("151;52820", "000;52820")), "unexpected_answer", "line 2 holds a code that was not asked for"),
        (lines_of(("LOBM;2024;1517", "2024;1517")), "unexpected_answer", "line 2 has another number of columns"),
        (lines_of(("REGI07A", "OMRÅDE")), "unexpected_answer", "the header is not REGI07A;FUNKTION"),
        (lines_of(("TID;INDHOLD", "INDHOLD;TID")), "unexpected_answer", "the header is not"),
        (b"", "unexpected_answer", "the header is not"),
        (b"\n<html><body>Fejl</body></html>\n", "unexpected_answer", "a web page"),
        (lines_of(("REGI07A", "OMRÅDE")).decode().encode("latin-1"), "cut_short", "not UTF-8 from byte 3"),
        (lines_of().decode().encode("utf-16"), "cut_short", "not UTF-8 from byte 0"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_an_answer_that_is_cut_or_not_what_was_asked_for(tmp_path: Path, body: bytes, kind: str, told: str) -> None:
    caught = fails(tmp_path, [None, Fault("body", body=body)], requests=2)
    assert caught.kind == kind
    assert told in caught.reason
    assert "data of BUDK32" in str(caught)
    assert "1517" not in str(caught), "no value"


@pytest.mark.parametrize(("at", "told"), [(1, "the header is not"), (2, "not whole JSON"), (3, "the header is not")])
def test_the_answer_before_once_more_is_no_data(tmp_path: Path, at: int, told: str) -> None:
    assert told in fails(tmp_path, [*[None] * at, Fault("repeat")], requests=at + 1).reason


def test_a_bulk_answer_that_is_cut_at_the_end_of_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statbank, "CELL_LIMIT", 100)
    half = b"\r\n".join(lines_of().split(b"\r\n")[:11]) + b"\r\n"
    caught = fails(tmp_path, [None, Fault("body", body=half)], requests=2)
    assert caught.kind == "cut_short"
    assert "1 of the 2 values of REGI07A do not occur at all" in caught.reason


def test_a_connection_that_is_not_https_is_refused() -> None:
    with pytest.raises(Exception, match="not https") as caught:
        ApiConnection.from_parts("api.statbank.dk", "http", None, None)
    assert "changed on the way" in str(caught.value)
    assert ApiConnection.from_parts("https://api.statbank.dk/", None, None, "") == ApiConnection(statbank.ADDRESS)


# ---- read


def test_statuses_of_values(tmp_path: Path) -> None:
    changed = with_cells(
        TABLES[0],
        {
            ("151", "52820", "2024"): "..",
            ("151", "52821", "2024"): "0",
            ("151", "52822", "2024"): "-12,5",
            ("151", "52823", "2024"): "1234567",
        },
    )
    other = with_cells(dataclasses.replace(TABLES[1], suppressed="-1"), {("151", "52821", "2024"): "0"})
    other = with_cells(other, {("163", "52821", "2024"): "-1"})
    reading, cells = load(fetched(tmp_path, (changed, other)))
    assert reading.problems == []
    assert cells["BUDK32", "151", "52820", "2024"] == (None, "missing")
    assert cells["BUDK32", "151", "52821", "2024"] == ("0", "suppressed_or_zero")
    assert cells["BUDK32", "151", "52822", "2024"] == ("-12.5", "published")
    assert cells["BUDK32", "151", "52823", "2024"] == ("1234567", "published")
    # What a suppressed value looks like is told by each table.
    assert cells["REGK31", "151", "52821", "2024"] == ("0", "published")
    assert cells["REGK31", "163", "52821", "2024"] == ("-1", "suppressed_or_zero")
    assert len(cells) == reading.rows_in == CELLS


@pytest.mark.parametrize("text", ["12.5", "1.234", "12,3456", "x", "1 234", "٣"])
def test_what_is_no_danish_number_is_a_problem_with_its_line(tmp_path: Path, text: str) -> None:
    path = fetched(tmp_path, (with_cells(TABLES[0], {("151", "52820", "2024"): text}), TABLES[1]))
    reading, cells = load(path)
    (problem,) = reading.problems
    assert (problem.column, problem.rule) == ("value", "danish_number")
    assert problem.line is not None
    assert f';{text}"' in path.read_text("utf-8").splitlines()[problem.line - 1]
    assert text not in problem.reason
    assert len(cells) == CELLS - 1
    assert reading.rows_in == CELLS


@pytest.mark.parametrize(
    ("code", "year"),
    [
        ("2017", "2017"), ("2017K4", "2017"), ("2017Q4", "2017"), ("2017M12", "2017"), ("2017H2", "2017"),
        ("2015M12D24", "2015"), ("2014U30", "2014"), ("2021:2022", "2021"), ("2014/2015", "2014"),
    ],
)  # fmt: skip
def test_time_codes(tmp_path: Path, code: str, year: str) -> None:
    path = fetched(tmp_path, (table(years=[code]), TABLES[1]))
    reading, cells = load(path)
    assert reading.problems == []
    assert {cell[3] for cell in cells if cell[0] == "BUDK32"} == {year}


def test_a_time_that_is_none_is_a_problem(tmp_path: Path) -> None:
    made = table(years=["2024", "2024X1"])
    reading, cells = load(fetched(tmp_path, (made, TABLES[1])))
    assert {(problem.column, problem.rule) for problem in reading.problems} == {("time_code", "time_code")}
    assert len(reading.problems) == 10
    assert len(cells) == CELLS - 10


def test_a_closed_table_is_noted(tmp_path: Path) -> None:
    path = fetched(tmp_path, (dataclasses.replace(TABLES[0], is_active=False), TABLES[1]))
    reading, _ = load(path)
    assert [note for note in reading.notes if "BUDK32 is closed" in note]
    assert load(fetched(tmp_path))[0].notes == []


def test_date_and_lines(tmp_path: Path) -> None:
    path = fetched(tmp_path)
    lines = path.read_text("utf-8").splitlines()
    with duckdb.connect() as connection:
        reading = statbank.read(path, connection, HEADERS, None)
        found = connection.execute("select rowid + 1, place_code, FUNKTION, year, value from raw").fetchall()
    assert reading.as_of == dt.date(2026, 1, 16)
    places = reading.lines([number for number, *_ in found])
    assert len(places) == CELLS
    for number, place, function, year, value in found:
        assert lines[places[number] - 1].strip('",') == f"{place};{function};1;TOT;LOBM;{year};{value}"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: text[: len(text) // 2], "cut short"),
        (lambda _: "[]", "no saved answer"),
        (lambda _: '{"tables": [{"rows": []}]}', "no saved answer"),
        (lambda _: '{"tables": []}', "no table"),
        (lambda text: text.replace('"151;52820;1;TOT;LOBM;2024;15124",\n', "", 1), "1 of 20 cells are not there"),
        (lambda text: text.replace('"151;52820;1', '"000;52820;1', 1), "others than were asked for"),
        (lambda text: text.replace("PRISENHED", "ENHED"), "another request"),
    ],
)
def test_a_damaged_file_is_rejected(tmp_path: Path, change: Any, reason: str) -> None:
    path = fetched(tmp_path)
    text = path.read_text("utf-8")
    path.write_text(change(text), "utf-8")
    assert path.read_text("utf-8") != text
    with pytest.raises(DeliveryRejected, match=reason) as caught:
        load(path)
    assert caught.value.file == path.name


def test_a_file_in_another_encoding_is_rejected(tmp_path: Path) -> None:
    path = fetched(tmp_path)
    path.write_bytes(path.read_text("utf-8").encode("cp1252"))
    with pytest.raises(DeliveryRejected, match="not UTF-8"):
        load(path)


# ---- real material


def test_the_real_municipalities_and_tables_of_the_catalogue(tmp_path: Path, shared: Path) -> None:
    """All municipalities of Statistics Denmark's own list, in tables as its catalogue of February 2025 has them."""
    folder = shared / "reference" / "statbank"
    with (folder / "dst_komgrp.csv").open(encoding="utf-8-sig", newline="") as stream:
        listed = list(csv.DictReader(stream, delimiter=";"))
    municipalities = {row["KODE"]: row["TITEL"] for row in listed if row["NIVEAU"] == "2"}
    groups = {f"9{row['KODE']}0": row["TITEL"] for row in listed if row["NIVEAU"] == "1"}
    assert (len(municipalities), len(groups)) == (98, 5)
    with (folder / "statbank_tables_2025-02.csv").open(encoding="utf-8", newline="") as stream:
        catalogue = {row["id"]: row for row in csv.DictReader(stream)}
    tables: list[Table] = []
    served: dict[tuple[str, ...], Decimal] = {}
    for number, code in enumerate(("BUDK32", "REGK31")):
        entry = catalogue[code]
        years = [str(year) for year in range(int(entry["firstPeriod"]), int(entry["latestPeriod"]) + 1)]
        made = table(code, years, updated=entry["updated"])
        place = dataclasses.replace(made.variables[0], values={"000": "Hele landet"} | municipalities | groups)
        values = {
            (municipality, function, year): (int(municipality) * 1000 + index * 10) * (-1) ** index + int(year) + number
            for municipality in municipalities
            for index, function in enumerate(FUNCTIONS)
            for year in years
        }
        served |= {(code, *key): Decimal(value) for key, value in values.items()}
        cells: dict[tuple[str, ...], str] = {
            (where, function, "1", "TOT", "LOBM", year): str(value) for (where, function, year), value in values.items()
        }
        tables.append(dataclasses.replace(made, variables=(place, *made.variables[1:]), cells=cells))
    assert len(served) == 98 * 5 * (19 + 17)
    reading, cells_ = load(fetched(tmp_path, tables))
    assert reading.problems == []
    assert reading.as_of == dt.date(2025, 1, 17)
    assert {key: Decimal(str(value)) for key, (value, _) in cells_.items()} == served


def test_the_real_tableinfo_is_understood(tmp_path: Path, shared: Path) -> None:
    """FOLK1A as it was served, with a place and a time, which the sample left out."""
    sample = shared / "reference" / "statbank" / "denstatbank_mock_tableinfo_resp.json"
    info = json.loads(sample.read_text("utf-8"))
    assert info["suppressedDataValue"] == "0"
    named = [{"id": code, "text": code} for code in ("2019K4", "2020K1")]
    info["variables"] += [
        {
            "id": "OMRÅDE",
            "text": "region",
            "elimination": True,
            "time": False,
            "values": [{"id": "151", "text": "Ballerup"}],
        },
        {"id": "Tid", "text": "time", "elimination": False, "time": True, "values": named},
    ]
    rows = ["TOT;151;2019K4;48602", "TOT;151;2020K1;48458"]
    request = {"tables": [{"table": "FOLK1A", "variables": {"KØN": ["TOT"]}}]}
    path = fetched(tmp_path, [table_of(info, rows)], request)
    headers = dict.fromkeys(statbank._OWN_COLUMNS, True) | {"KØN": True}
    with duckdb.connect() as connection:
        reading = statbank.read(path, connection, headers, None)
        found = connection.execute('select place_code, "KØN", time_code, year, value from raw order by all').fetchall()
    assert found == [("151", "TOT", "2019K4", "2019", "48602"), ("151", "TOT", "2020K1", "2020", "48458")]
    assert reading.as_of == dt.date(2020, 2, 11)
