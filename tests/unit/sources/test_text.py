"""The delimited reader: encodings, headers, ends of files, rows of another width, Danish numbers and dates."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from include.errors import DeliveryRejected
from include.sources import text
from include.sources.reading import RAW, Layout, Reading

HEADERS = ["Navn", "Beløb", "Dato"]


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def read(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, content: str | bytes, layout: Layout | None = None
) -> Reading:
    """Read as landing does: the view once, into a table, and then what is known after that."""
    file = tmp_path / "delivery.csv"
    file.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    for relation in (
        f"view if exists {RAW}",
        "table if exists scanned",
        "table if exists _rejects",
        "table if exists _scans",
    ):
        connection.execute(f"drop {relation}")
    reading = text.read(file, connection, dict.fromkeys(HEADERS, True), layout)
    connection.execute(f"create temp table scanned as from {RAW}")
    (rows,) = connection.execute("select count(*) from scanned").fetchone() or (0,)
    settled = reading.settled(rows)
    return dataclasses.replace(settled, total=reading.total)


def rejected(connection: duckdb.DuckDBPyConnection, tmp_path: Path, content: str | bytes, **layout: Any) -> str:
    with pytest.raises(DeliveryRejected) as caught:
        read(connection, tmp_path, content, Layout(**layout))
    assert caught.value.remedy
    assert caught.value.file == "delivery.csv"
    return str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_letter_survives_each_encoding(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, encoding: str, end: str
) -> None:
    letters = "æøåÆØÅ–’“”…é€š"
    content = end.join(["Navn;Beløb;Dato", f"{letters};1;01-02-2026", "x;007;"]) + end
    reading = read(connection, tmp_path, content.encode(encoding))
    assert reading.rows_in == 2
    assert connection.execute("from scanned").fetchall() == [(letters, "1", "01-02-2026"), ("x", "007", None)]


def test_letters_beyond_the_first_block_decide_too(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "_BLOCK", 7)
    content = "Navn;Beløb;Dato\n" + "a;1;\n" * 40 + "Ærø – ø;2;\n"
    for encoding in ("utf-8", "utf-8-sig", "cp1252"):
        read(connection, tmp_path, content.encode(encoding))
        assert connection.execute('select "Navn" from scanned where rowid = 40').fetchone() == ("Ærø – ø",)
    mixed = content.encode("utf-8") + "Grøn;3;\n".encode("cp1252")
    assert "line 43" in rejected(connection, tmp_path, mixed) or "mixes" in rejected(connection, tmp_path, mixed)


def test_damaged_encodings_are_rejected_with_their_line(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    head = "Navn;Beløb;Dato\n"
    assert "UTF-16" in rejected(connection, tmp_path, (head + "a;1;\n").encode("utf-16"))
    assert "line 2" in rejected(connection, tmp_path, b"Navn;Bel\xf8b;Dato\n\x81;1;\n")
    assert "line 3: there is a NUL" in rejected(connection, tmp_path, (head + "a;1;\n\0;2;\n").encode())
    with_mark = (head + "a;1;\n").encode("utf-8-sig") + b"\xe6;2;\n"
    assert "line 3: the file begins as UTF-8" in rejected(connection, tmp_path, with_mark)
    # Neither encoding gives this file its letters back, so neither is guessed.
    both = head.encode("cp1252") + "Sørensen;1;\n".encode()
    assert "mixes the two" in rejected(connection, tmp_path, both)


def test_header_is_checked_by_name(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    read(connection, tmp_path, "Dato;Navn;Beløb\n01-02-2026;x;1\n")
    assert connection.execute('select "Navn", "Beløb", "Dato" from scanned').fetchone() == ("x", "1", "01-02-2026")
    message = rejected(connection, tmp_path, "Navn;Ny kolonne;Dato\nx;1;\n")
    assert "line 1" in message
    assert "missing: Beløb" in message
    assert "unknown: column 2 `Ny kolonne`)" in message
    message = rejected(connection, tmp_path, "Navn;Ny kolonne;Gade\nx;1;\n")
    assert "Ny kolonne" not in message, "a file without a header shows a row there"
    assert "twice: Navn" in rejected(connection, tmp_path, "Navn;Beløb;Dato;Navn\nx;1;;y\n")


def test_each_version_of_a_layout_is_read_and_an_unseen_one_is_not(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    grown = Layout(versions={1: ["Beløb"], 2: ["Dato"]})
    for header, row, shown in (
        ("Navn", "x", ("x", None, None)),
        ("Navn;Beløb", "x;1", ("x", "1", None)),
        ("Navn;Beløb;Dato", "x;1;01-02-2026", ("x", "1", "01-02-2026")),
    ):
        read(connection, tmp_path, f"{header}\n{row}\n", grown)
        assert connection.execute('select "Navn", "Beløb", "Dato" from scanned').fetchone() == shown
    message = rejected(connection, tmp_path, "Navn;Beløb;Dag;Sted\nx;1;2;3\n", versions={1: ["Beløb"], 2: ["Dato"]})
    assert "unknown: column 3, column 4, newest known version 2)" in message, "half known: it could be a row"
    message = rejected(connection, tmp_path, "Navn;Beløb;Dato;Sted\nx;1;;3\n", versions={1: ["Beløb"], 2: ["Dato"]})
    assert "(unknown: column 4 `Sted`, newest known version 2)" in message
    message = rejected(connection, tmp_path, "Navn;Dato\nx;\n", versions={1: ["Beløb"], 2: ["Dato"]})
    assert "missing: Beløb" in message


def test_a_name_that_states_another_version_is_rejected(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    file = tmp_path / "register_2_20260619.csv"
    file.write_text("Navn;Beløb\nx;1\n", "utf-8")
    grown = Layout(versions={1: ["Beløb"], 2: ["Dato"]})
    with pytest.raises(DeliveryRejected, match="its name says version 2, its columns are those of version 1"):
        text.read(file, connection, dict.fromkeys(HEADERS, True), grown)


def test_a_row_in_place_of_the_header_is_not_shown(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    number = "0101" + "99" + "9999"
    message = rejected(connection, tmp_path, f"{number};17,5;01-02-2026\nx;1;\n")
    assert number not in message
    assert "17,5" not in message


def test_a_file_cut_short_is_found_out(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    assert "line 3: the last line has no end" in rejected(connection, tmp_path, "Navn;Beløb;Dato\na;1;\nb;12")
    assert "empty" in rejected(connection, tmp_path, "")
    # Whether no row is an answer, the contract decides.
    assert read(connection, tmp_path, "Navn;Beløb;Dato\n").rows_in == 0


def test_the_total_is_held_against_the_rows(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    layout = Layout(total="Beløb")
    good = "Navn;Beløb;Dato\na;1.000,50;\nb;0,25-;\nTotal;1.000,25;"
    for content in (good, good + "\n", good.replace("\n", "\r\n") + "\r\n\r\n"):
        reading = read(connection, tmp_path, content, layout)
        assert reading.rows_in == 2
        assert reading.total is not None
        assert (reading.total.column, reading.total.amount) == ("Beløb", Decimal("1000.25"))
    assert "not the `Total` line" in rejected(connection, tmp_path, "Navn;Beløb;Dato\na;1;\nb;2;\n", total="Beløb")
    assert "not the `Total` line" in rejected(connection, tmp_path, good[:-9], total="Beløb")
    twice = "Navn;Beløb;Dato\na;1;\nTotal;1;\nb;1;\nTotal;2;\n"
    assert "2 `Total` lines" in rejected(connection, tmp_path, twice, total="Beløb")
    assert "no number" in rejected(connection, tmp_path, "Navn;Beløb;Dato\na;1;\nTotal;tre;\n", total="Beløb")


def test_columns_that_do_not_land_are_read_past(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    file = tmp_path / "delivery.csv"
    file.write_text("Navn;Beløb;Dato\nhemmelig;1;\n", encoding="utf-8")
    text.read(file, connection, {"Navn": False, "Beløb": True, "Dato": True}, None)
    assert [name for name, *_ in connection.execute(f"describe {RAW}").fetchall()] == ["Beløb", "Dato"]


def test_rows_of_another_width_are_named_by_line(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    reading = read(connection, tmp_path, 'Navn;Beløb;Dato\r\n"to\r\nlinjer";1;\r\nb;2\r\n\r\nc;3;;4\r\nd;4;\r\n')
    assert [(problem.line, problem.reason) for problem in reading.problems] == [
        (4, "the row has fewer columns than the header"),
        (6, "the row has more columns than the header"),
    ]
    assert reading.rows_in == 4
    assert reading.lines([1, 2]) == {1: 2, 2: 7}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1.234,50-", "-1234.50"),
        ("-1.234,50", "-1234.50"),
        ("−5,1", "-5.1"),
        ("1234,5 -", "-1234.5"),
        ("+3", "3"),
        ("12", "12"),
        ("1.234.567,8", "1234567.8"),
        ("1,2345", None),
        ("1.23", None),
        ("12.34,5", None),
        ("1,234.50", None),
        ("-5-", None),
        ("5,-", None),
        (".5", None),
        ("1e5", None),
        ("abc", None),
        ("", None),
    ],
)
def test_danish_numbers(connection: duckdb.DuckDBPyConnection, written: str, value: str | None) -> None:
    found = connection.execute(
        f"select try_cast({text.number_sql('written', 2)} as decimal(15, 2)) from (select ? as written)", [written]
    ).fetchone()
    assert found == (Decimal(value) if value is not None else None,)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("01-02-2026", "2026-02-01"),
        ("01.02.2026", "2026-02-01"),
        ("20260201", "2026-02-01"),
        ("31-02-2026", None),
        ("2026-02-01", None),
        ("1/2/26", None),
    ],
)
def test_danish_dates(connection: duckdb.DuckDBPyConnection, written: str, value: str | None) -> None:
    formats = ["%d-%m-%Y", "%d.%m.%Y", "%Y%m%d"]
    found = connection.execute(
        f"select ({text.date_sql('written', formats)})::varchar from (select ? as written)", [written]
    ).fetchone()
    assert found == (value,)
