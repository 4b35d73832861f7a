"""Delimited text: strict about encoding, header, width of rows, end of file, numbers and dates.

Decoding is ours because no CSV reader does what a municipality's files need: a byte order mark, else UTF-8, else
cp1252, and never a guess that loses or bends a letter. Reading is DuckDB's. What DuckDB would take in silence (swapped
columns, a file cut short) is looked for here.
"""

from __future__ import annotations

import codecs
import csv
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, TextIO

import duckdb

from include.errors import DeliveryRejected
from include.sources.reading import RAW, Headers, Layout, Problem, Reading, Total

TOTAL = "Total"
"""What stands in the first column of a last line that states the sum of a column."""

_UTF8_READ_AS_CP1252 = re.compile("Ã[\u00a0-¿†˜…‰˜‘’–—]|â€")
"""Traces of UTF-8 in a text decoded as cp1252 (no Danish word has an Ã): the file holds both encodings."""

_WIDE_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

_PLACES = 20
"""Columns that one message names at the most."""

_BLOCK = 1 << 24
"""Bytes that are looked at in one go."""

_STATED_VERSION = re.compile(r"_(\d+)_\d{8}\.")
"""The version of the layout in a file's name, before the day of the extract."""

_COLUMN_NAME = re.compile(r"(?!.*\d{4})[^\W\d]\w*( \w+){0,3}")
"""An unknown column's name that may be told: up to four words, nothing like a number of a person."""

_SEND_AGAIN = "have the source send the whole file again"


@dataclass(frozen=True)
class TextFile:
    """A text file whose encoding is known for certain: `utf-8`, `utf-8-sig` (with a mark) or `cp1252`."""

    path: Path
    encoding: Literal["utf-8", "utf-8-sig", "cp1252"]

    def open(self) -> TextIO:
        """Open the text for reading, line ends as they stand."""
        return self.path.open(encoding=self.encoding, errors="strict", newline="")

    def first_line(self) -> str:
        """The header line, without its end."""
        with self.open() as stream:
            return stream.readline().rstrip("\r\n")

    def last_line(self) -> str:
        """The last line that is not blank, without its end; lines of up to 64 KiB."""
        with self.path.open("rb") as stream:
            stream.seek(max(0, self.path.stat().st_size - 65_536))
            lines = stream.read().decode(self.encoding, errors="replace").splitlines()
        return next((line for line in reversed(lines) if line.strip()), "")

    def ends_with_line_end(self) -> bool:
        """False if the last line has no end, as in a file cut short."""
        with self.path.open("rb") as stream:
            stream.seek(-1, os.SEEK_END)
            return stream.read(1) in {b"\n", b"\r"}

    def count_lines(self) -> int:
        """The number of lines, a last one without an end included."""
        with self.path.open("rb") as stream:
            ends = sum(block.count(b"\n") for block in iter(lambda: stream.read(_BLOCK), b""))
        return ends + (not self.ends_with_line_end())


def recognise(path: Path) -> TextFile:
    """Find a file's encoding: UTF-8 with or without byte order mark, else cp1252; in blocks, so of any size.

    cp1252 and not ISO 8859-1, because Danish systems write dashes and quotes that only the former has. Raises
    DeliveryRejected, with the line, for UTF-16 and UTF-32, for NUL bytes, for bytes that cp1252 does not have, and for
    a file that mixes UTF-8 and cp1252.
    """
    file = path.name
    with path.open("rb") as stream:
        start = stream.read(4)
    if start.startswith(_WIDE_MARKS):
        raise DeliveryRejected(
            "the file is UTF-16 or UTF-32.", remedy="export it as UTF-8 or Windows-1252", file=file, line=1
        )
    has_mark = start.startswith(codecs.BOM_UTF8)
    if (line := _first_bad_line(path, "utf-8")) is None:
        return TextFile(path, "utf-8-sig" if has_mark else "utf-8")
    if has_mark:
        raise DeliveryRejected(
            "the file begins as UTF-8 and holds bytes that are not.",
            remedy="export it again, in one encoding",
            file=file,
            line=line,
        )
    if (line := _first_bad_line(path, "cp1252")) is not None:
        raise DeliveryRejected(
            "there is a byte that neither UTF-8 nor Windows-1252 has, or the file mixes the two.",
            remedy="export it again, in one of the two",
            file=file,
            line=line,
        )
    return TextFile(path, "cp1252")


def _first_bad_line(path: Path, encoding: str) -> int | None:
    """The first line that is not of this encoding, or None. Raises DeliveryRejected for a NUL byte."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    lines, tail = 1, ""
    with path.open("rb") as stream:
        while True:
            block = stream.read(_BLOCK)
            if (nul := block.find(b"\0")) >= 0:
                raise DeliveryRejected(
                    "there is a NUL byte: the file is damaged or no text.",
                    remedy=_SEND_AGAIN,
                    file=path.name,
                    line=lines + block.count(b"\n", 0, nul),
                )
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                # A character cut by the block's edge is kept by the decoder, so the place may lie a little before.
                return lines + bytes(error.object).count(b"\n", 0, error.start)
            if encoding == "cp1252" and (bent := _UTF8_READ_AS_CP1252.search(tail + text)):
                return lines + (tail + text).count("\n", 0, bent.start()) - tail.count("\n")
            if not block:
                return None
            lines += block.count(b"\n")
            tail = text[-1:]


def decode(path: Path) -> str:
    """The whole text of a small file, every line end a line feed. Raises as `recognise`."""
    with recognise(path).open() as stream:
        return stream.read().replace("\r\n", "\n").replace("\r", "\n")


def number_sql(column: str, decimals: int, decimal: str = ",") -> str:
    """SQL that turns a text such as `1.234,50-` into a text that casts to a number, and anything else into null.

    Minus before or after the number, thousands grouped or not; more decimals than the type has are no number, since a
    cast would round them away.
    """
    thousands = "." if decimal == "," else ","
    whole = rf"([0-9]{{1,3}}(\{thousands}[0-9]{{3}})+|[0-9]+)"
    fraction = rf"(\{decimal}[0-9]{{1,{decimals}}})?" if decimals else ""
    pattern = rf"[-−+]?\s*{whole}{fraction}|{whole}{fraction}\s*[-−+]"
    digits = f"replace(regexp_replace({column}, '[^0-9{decimal}]', '', 'g'), '{decimal}', '.')"
    sign = f"if(contains({column}, '-') or contains({column}, '−'), '-', '')"
    return f"if(regexp_full_match({column}, '{pattern}'), {sign} || {digits}, null)"


def date_sql(column: str, formats: Sequence[str]) -> str:
    """SQL that turns a text into a date by the first format that fits, and anything else into null."""
    listed = ", ".join(f"'{form}'" for form in formats)
    return f"try_strptime({column}, [{listed}])::date"


def read(
    path: Path,
    connection: duckdb.DuckDBPyConnection,
    headers: Headers,
    layout: Layout | None,
    *,
    computed: Mapping[str, str] | None = None,
) -> Reading:
    """Make the view `raw` over a delimited text, all columns as trimmed text, empty as null.

    `headers` are the columns that must be there, by name, in any order, and no others; of a layout with versions, those
    of one version, and what came later is null. `computed` adds columns from SQL over the others. A view, so that the
    text is parsed once, together with what the contract does to it; records of another width are known after that.
    Raises DeliveryRejected for a wrong encoding or header and for a file cut short: a last line without its end, or
    where the layout has a total, no `Total` line.
    """
    layout = layout or Layout()
    if path.stat().st_size == 0:
        raise DeliveryRejected("the file is empty.", remedy=_SEND_AGAIN, file=path.name)
    source = recognise(path)
    names, absent = _header(source.first_line(), headers, layout, path.name)
    if layout.total is None and not source.ends_with_line_end():
        raise DeliveryRejected(
            "the last line has no end: the file is cut short.",
            remedy=_SEND_AGAIN,
            file=path.name,
            line=source.count_lines(),
        )
    memory = _in_memory(source) if source.encoding == "cp1252" else None
    place = f"/proc/self/fd/{memory.fileno()}" if memory else str(source.path)
    # What came with a later version of the layout is empty in an earlier one.
    more = {name: "null::varchar" for name in absent if headers[name]} | dict(computed or {})
    _make_view(connection, place, names, headers, layout, more)

    def after_scan(rows: int) -> Reading:
        if memory is not None:
            memory.close()
        return _after_scan(connection, source, layout, rows)

    total = _total(source, names, layout) if layout.total is not None else None
    return Reading(rows_in=0, total=total, after_scan=after_scan)


def _header(line: str, headers: Headers, layout: Layout, file: str) -> tuple[list[str], list[str]]:
    """The names of the columns in the file's order, and those that its version of the layout does not have yet.

    Raises DeliveryRejected if they are the names of no version.
    """
    found = [name.strip() for name in next(csv.reader([line], delimiter=layout.delimiter, quotechar=layout.quote), [])]
    double = sorted({name for name in found if found.count(name) > 1})
    version, absent = _version(found, headers, layout)
    missing = [name for name in headers if name not in found and name not in absent]
    unknown = [name for name in found if name not in headers]
    if missing or unknown or double:
        said = []
        if missing:
            said.append(f"missing: {', '.join(missing)}")
        if unknown:
            said.append(f"unknown: {_told(found, headers)}")
        if double:
            said.append(f"twice: {', '.join(name for name in double if name in headers) or 'unknown names'}")
        newest = f", newest known version {max(layout.versions)}" if layout.versions else ""
        raise DeliveryRejected(
            f"the header is not the contract's ({'; '.join(said)}{newest}).",
            remedy="send the agreed columns, or agree a new contract before the format changes",
            file=file,
            line=1,
        )
    stated = _STATED_VERSION.search(file) if layout.versions else None
    if stated and int(stated[1]) != version:
        raise DeliveryRejected(
            f"its name says version {stated[1]}, its columns are those of version {version}.",
            remedy="name the file after the version that it has, or have the source send the right one",
            file=file,
            line=1,
        )
    return found, absent


def _version(found: Sequence[str], headers: Headers, layout: Layout) -> tuple[int, list[str]]:
    """The version of the layout to which the columns come nearest, and the columns that it does not have yet."""
    candidates = []
    for version in range(max(layout.versions, default=0), -1, -1):
        absent = [name for later, names in layout.versions.items() if later > version for name in names]
        distance = len({name for name in headers if name not in absent} ^ {name for name in found if name in headers})
        candidates.append((distance, -version, absent))
    _, version, absent = min(candidates)
    return -version, absent


def _told(found: Sequence[str], headers: Headers) -> str:
    """The unknown columns: by name where the line is clearly a header, else by place, since it may be a row."""
    is_header = 2 * sum(name in headers for name in found) > len(found)
    told = [
        f"column {place} `{name}`" if is_header and _COLUMN_NAME.fullmatch(name) else f"column {place}"
        for place, name in enumerate(found, start=1)
        if name not in headers
    ]
    return ", ".join(told[:_PLACES]) + (" …" if len(told) > _PLACES else "")


def _in_memory(source: TextFile) -> BinaryIO:
    """The text as UTF-8 in memory only, never on disk, since it may hold persons."""
    memory = os.fdopen(os.memfd_create(source.path.name), "w+b")
    with source.open() as stream:
        while block := stream.read(_BLOCK):
            memory.write(block.encode("utf-8"))
    memory.flush()
    return memory


def _make_view(
    connection: duckdb.DuckDBPyConnection,
    place: str,
    names: Sequence[str],
    headers: Headers,
    layout: Layout,
    computed: Mapping[str, str],
) -> None:
    types = ", ".join(f"'{name}': 'varchar'" for name in names)
    trimmed = ", ".join(f'nullif(trim("{name}"), \'\') as "{name}"' for name in names if headers[name])
    more = "".join(f', {sql} as "{name}"' for name, sql in computed.items())
    # The line with the total is no record; there is one, at the end, or the file is rejected.
    records = f"where \"{names[0]}\" is distinct from '{TOTAL}'" if layout.total is not None else ""
    quoted = place.replace("'", "''")
    connection.execute(
        f"""
        create temp view {RAW} as
        with read as (
            select * from read_csv(
                '{quoted}', delim = '{layout.delimiter}', quote = '{layout.quote}', escape = '{layout.quote}',
                header = true, auto_detect = false, columns = {{{types}}}, nullstr = '', strict_mode = true,
                null_padding = false, store_rejects = true, rejects_table = '_rejects', rejects_scan = '_scans'
            )
            {records}
        ),
        trimmed as (select {trimmed} from read)
        select *{more} from trimmed
        """
    )


def _after_scan(connection: duckdb.DuckDBPyConnection, source: TextFile, layout: Layout, rows: int) -> Reading:
    """What is known once DuckDB has read the text: the records that it could not read, and where they stand."""
    rejected: dict[int, str] = dict(
        connection.execute("select line, error_type from _rejects order by line").fetchall()
    )
    places = _places(source, layout, rejected)
    problems = [
        Problem(
            line=places(record),
            column=None,
            rule="row_form",
            reason=_REASONS.get(kind, "the row can't be read"),
            remedy="correct the row at the source (a delimiter inside a text must stand in quotes) and send it again",
        )
        for record, kind in rejected.items()
    ]
    return Reading(
        rows_in=rows + len(problems), problems=problems, lines=lambda wanted: _lines(source, layout, rejected, wanted)
    )


_REASONS = {
    "TOO MANY COLUMNS": "the row has more columns than the header",
    "MISSING COLUMNS": "the row has fewer columns than the header",
    "UNQUOTED VALUE": "a quote in the row is not closed as it should be",
    "LINE SIZE OVER MAXIMUM": "the row is longer than 2 MB",
    "INVALID ENCODING": "the row holds bytes that are no text",
}


def _records(source: TextFile, layout: Layout) -> Iterator[tuple[int, int, bool]]:
    """Every record behind the header: its number as DuckDB counts (header 1), its first line, whether it is blank."""
    with source.open() as stream:
        reader = csv.reader(stream, delimiter=layout.delimiter, quotechar=layout.quote)
        next(reader)
        line = reader.line_num + 1
        for number, record in enumerate(reader, start=2):
            yield number, line, not record
            line = reader.line_num + 1


def _places(source: TextFile, layout: Layout, rejected: Mapping[int, str]) -> Callable[[int], int]:
    """Line numbers of the records that DuckDB rejected: it counts records, and a text in quotes may hold line ends."""
    lines = {number: line for number, line, _ in _records(source, layout) if number in rejected} if rejected else {}
    return lambda number: lines.get(number, number)


def _lines(source: TextFile, layout: Layout, rejected: Mapping[int, str], wanted: Sequence[int]) -> dict[int, int]:
    """Line numbers of rows of `raw`: a second look at the file, which only quarantined rows cost."""
    found: dict[int, int] = {}
    remaining = set(wanted)
    row = 0
    for number, line, is_blank in _records(source, layout) if remaining else ():
        if is_blank or number in rejected:
            continue
        row += 1
        if row in remaining:
            found[row] = line
            if len(found) == len(remaining):
                break
    return found


def _total(source: TextFile, names: Sequence[str], layout: Layout) -> Total:
    """The sum that the last line states. Raises DeliveryRejected if the last line is another: the file is cut short."""
    assert layout.total is not None, "called for layouts with a total"
    *_, last = csv.reader([source.last_line()], delimiter=layout.delimiter, quotechar=layout.quote)
    line = source.count_lines()
    if last[0] != TOTAL or len(last) != len(names):
        raise DeliveryRejected(
            f"the last line is not the `{TOTAL}` line: the file is cut short.",
            remedy=_SEND_AGAIN,
            file=source.path.name,
            line=line,
        )
    with source.open() as stream:
        totals = sum(text_line.startswith(TOTAL + layout.delimiter) for text_line in stream)
    if totals > 1:
        raise DeliveryRejected(
            f"there are {totals} `{TOTAL}` lines: files have been put together.",
            remedy="send each extract as a file of its own",
            file=source.path.name,
            line=line,
        )
    stated = duckdb.execute(
        f"select try_cast({number_sql('stated', 2, layout.decimal)} as decimal(18, 2)) from (select ? as stated)",
        [last[names.index(layout.total)].strip()],
    ).fetchone()
    if stated is None or stated[0] is None:
        raise DeliveryRejected(
            f"the `{TOTAL}` line states no number.",
            remedy=_SEND_AGAIN,
            file=source.path.name,
            line=line,
            column=layout.total,
        )
    return Total(layout.total, stated[0], line)
