"""The stand-in of StatBank speaks the documented protocol: tableinfo, CSV, BULK, limits and error codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from include.demo.statbank import Table, Variable, load_answers, run, serve, write_answers
from include.sources.statbank import DATA, TABLEINFO

TABLE = Table(
    "FOLK1A",
    "Folketal",
    "Antal",
    "2026-02-11T08:00:00",
    (
        Variable("OMRÅDE", "område", {"000": "Hele landet", "151": "Ballerup"}, can_be_left_out=True),
        Variable("KØN", "køn", {"TOT": "I alt", "1": "Mænd"}),
        Variable("Tid", "tid", {"2025K4": "2025K4", "2026K1": "2026K1"}, is_time=True),
    ),
    {
        ("151", "TOT", "2025K4"): "52000",
        ("151", "TOT", "2026K1"): "52100,5",
        ("151", "1", "2025K4"): "..",
        ("000", "TOT", "2026K1"): "6000000",
    },
)


def ask(base_url: str, path: str = DATA, **changes: Any) -> httpx.Response:
    every = [{"code": code, "values": ["*"]} for code in ("OMRÅDE", "KØN", "Tid")]
    body = {"table": "FOLK1A", "format": "CSV", "valuePresentation": "Code", "variables": every, **changes}
    return httpx.post(base_url + path, json=body, trust_env=False)


def test_tells_what_the_table_is() -> None:
    with run([TABLE]) as api:
        info = ask(api.connection.base_url, TABLEINFO, table="folk1a").json()
    assert info["id"] == "FOLK1A"
    assert (info["suppressedDataValue"], info["updated"], info["active"]) == ("0", "2026-02-11T08:00:00", True)
    assert [(part["id"], part["elimination"], part["time"]) for part in info["variables"]] == [
        ("OMRÅDE", True, False),
        ("KØN", False, False),
        ("Tid", False, True),
    ]
    assert info["variables"][0]["values"][1] == {"id": "151", "text": "Ballerup"}


def test_csv_has_every_cell_and_bulk_leaves_some_out() -> None:
    with run([TABLE]) as api:
        lines = ask(api.connection.base_url).text.splitlines()
        bulk = ask(api.connection.base_url, format="BULK").text.splitlines()
    assert lines[0] == bulk[0] == "OMRÅDE;KØN;TID;INDHOLD"
    assert len(lines) == 1 + 8
    assert "151;1;2026K1;0" in lines, "a cell that is not held has the table's suppressed value"
    assert sorted(bulk[1:]) == [
        "000;TOT;2026K1;6000000",
        "151;1;2025K4;..",
        "151;TOT;2025K4;52000",
        "151;TOT;2026K1;52100,5",
    ]


def test_shows_values_as_asked() -> None:
    some = [{"code": "OMRÅDE", "values": ["151"]}, {"code": "KØN", "values": ["TOT"]}, {"code": "Tid", "values": ["*"]}]
    with run([TABLE]) as api:
        url = api.connection.base_url
        texts = ask(url, variables=some, valuePresentation="Value").text.splitlines()
        both = ask(url, variables=some, valuePresentation="CodeAndValue").text.splitlines()
        english = ask(url, variables=some, lang="en").text.splitlines()
    assert texts[1] == "Ballerup;I alt;2025K4;52000"
    assert both[1].startswith("151 Ballerup;TOT I alt;")
    assert english[1:] == ["151;TOT;2025Q4;52000", "151;TOT;2026Q1;52100.5"]


@pytest.mark.parametrize(
    ("changes", "status", "code", "named"),
    [
        ({"table": "REGK53"}, 404, "EXTRACT-NOTFOUND", "REGK53"),
        ({"table": ""}, 400, "REQUEST-MISSING", "tabel"),
        ({"format": "PARQUET"}, 400, "REQUEST-MISSING", "Format"),
        ({"variables": [{"code": "Tid", "values": ["*"]}]}, 400, "EXTRACT-NOTALLOWED", "OMRÅDE"),
        ({"variables": [{"code": "EJER", "values": ["*"]}]}, 400, "EXTRACT-NOTFOUND", "EJER"),
        ({"variables": [{"code": "OMRÅDE", "values": ["999"]}]}, 400, "EXTRACT-NOTFOUND", "999 (OMRÅDE)"),
    ],
)
def test_refuses_what_statbank_refuses(changes: dict[str, Any], status: int, code: str, named: str) -> None:
    with run([TABLE]) as api:
        answer = ask(api.connection.base_url, **changes)
    assert answer.status_code == status
    assert answer.json()["errorTypeCode"] == code
    assert named in answer.json()["message"]


def test_the_limit_counts_rows_and_columns_and_is_not_for_bulk() -> None:
    with run([TABLE], cell_limit=8 * 4) as api:
        assert ask(api.connection.base_url).status_code == 200
    with run([TABLE], cell_limit=8 * 4 - 1) as api:
        assert ask(api.connection.base_url).json()["errorTypeCode"] == "EXTRACT-TOOBIG"
        assert ask(api.connection.base_url, format="BULK").status_code == 200


def test_knows_two_addresses_and_post_only() -> None:
    with run([TABLE]) as api:
        url = api.connection.base_url
        assert httpx.post(url + DATA, content=b"{", trust_env=False).json()["errorTypeCode"] == "REQUEST-EMPTY"
        assert ask(url, "/v2/data").status_code == 404
        assert httpx.get(url + TABLEINFO, trust_env=False).status_code == 405


def test_serves_written_files(tmp_path: Path) -> None:
    file = write_answers(tmp_path, [TABLE])
    assert load_answers(file) == [TABLE]
    with serve([file]) as connection:
        assert connection.token is None
        assert len(ask(connection.base_url).text.splitlines()) == 9
    file.write_text("{}", "utf-8")
    with pytest.raises(ValueError, match="holds no tables"):
        load_answers(file)
