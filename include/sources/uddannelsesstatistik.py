"""Uddannelsesstatistik, the data warehouse of the Ministry of Children and Education: its API and its answers.

`fetch` asks for absence in all municipalities and saves the answer as one file; `read` turns such a file into rows.

Protocol (`POST /Api/v1/statistik`): pages of JSON objects; a dimension stands under its level's name doubled
(`[Tid].[Skoleår].[Skoleår]`), a measure under its own name; all numbers are Danish texts (`2.351`, `7,3`, `16,7 %`).

Cells below the ministry's limits for discretion are left out of the answer without a mark, so that a cell that is not
there can mean two things. `read` builds the grid of municipality x stage x school year x measure over what was served
and infers, cell by cell:

- `missing`: nobody has a value for that stage, year and measure (not published, or not yet); or the year lies more than
  one year before the first or after the last year for which the municipality has any value for that stage (it does not
  have the stage, as many have no 10. klasse);
- `suppressed`: all others. The municipality has another measure for the stage in the same year, or values for it in
  neighbouring years: there are pupils, and the ministry tells nothing of them.

It is an inference, with limits: a municipality that did not report a year looks `suppressed`, and so does the year
right before a stage opened or after it closed; where all of a municipality's cells of a stage are always below the
limit it looks `missing`; a municipality of which nothing at all is served is not in the grid.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from include.errors import DeliveryRejected
from include.sources.api import Api, ApiConnection, FetchFailed, Patience
from include.sources.reading import Headers, Layout, Problem, Reading, table_from_rows

__all__ = [
    "ADDRESS",
    "ALL_YEARS",
    "DIMENSIONS",
    "MEASURES",
    "PATH",
    "QUERY",
    "STAGES",
    "ApiConnection",
    "FetchFailed",
    "Patience",
    "fetch",
    "read",
]

NAME = "Uddannelsesstatistik"
ADDRESS = "https://api.uddannelsesstatistik.dk"
"""Where the ministry's API is; a connection names it, tests and the synthetic municipality name another."""

PATH = "/Api/v1/statistik"
RENEWAL = f"sign in to the Online Tool, {ADDRESS}/OnlineTool, and copy the key"

MEASURES = (
    "Gennemsnitligt fravær per skoleår",
    "Sygefravær per skoleår",
    "Ulovligt fravær per skoleår",
    "Over 10 procent",
)
STAGES = ("Indskoling", "Mellemtrin", "Udskoling", "10. klasse mv.")

_MUNICIPALITY = "[Institution].[Beliggenhedskommune]"
_STAGE = "[Klassetrin].[Skoletrin]"
_YEAR = "[Tid].[Skoleår]"
DIMENSIONS = (_MUNICIPALITY, _STAGE, _YEAR)

QUERY: Mapping[str, Any] = {
    "område": "GS",
    "emne": "ELEVFRAV",
    "underemne": "FRAVAAR",
    "nøgletal": list(MEASURES),
    "detaljering": list(DIMENSIONS),
    "filtre": {_STAGE: list(STAGES)},
    "indlejret": False,
    "tomme_rækker": False,
    "formattering": "json",
}
"""The cube's whole absence by municipality and stage, all school years that it holds."""

ALL_YEARS = "20100801-20990731"
"""The period of every answer. Each answer holds all school years there are, so each replaces the one before; that takes
a label that stays the same when a year is added. Both ends are further out than the figures, on purpose."""

_SPELLINGS = {
    "municipality_name": (_MUNICIPALITY,),
    "school_stage": (_STAGE,),
    "school_year": (_YEAR, "[Skoleår].[Skoleår]"),  # the cubes do not agree on the name of the year's dimension
}
_COLUMNS = ("municipality_name", "school_stage", "school_year", "measure_name", "measure_value", "value_status")
_SOURCE = "Kilde: Uddannelsesstatistik.dk"
_NUMBER = re.compile(r"[-−]?(\d{1,3}(\.\d{3})+|\d+)(,\d{1,3})?", re.ASCII)  # more decimals would be rounded away
_MARK = re.compile(r"<.*>")
_PAGE_LIMIT = 100_000
_FIRST_ROW_LINE = 5
"""The line of the first row in a saved answer: before it stand the bracket, source, request and the rows' bracket."""

_FETCH_AGAIN = "fetch the statistics again; if it stays, the API has changed and the reader must follow"

Key = tuple[str, str, str]
"""Municipality, school stage, school year."""

Row = dict[str, str | None]
"""One object of an answer, as served."""


class _Served(NamedTuple):
    """One row of a saved answer: its line, its key and the values that it has by measure."""

    line: int
    key: Key
    cells: dict[str, str]


def fetch(
    connection: ApiConnection,
    folder: Path,
    *,
    patience: Patience | None = None,
    page_size: int = _PAGE_LIMIT,
    first_page: int = 1,
    max_pages: int = 50,
) -> Path:
    """Ask for absence in all municipalities, stages and school years, and save the answer in `folder`.

    The file is canonical JSON without any time: the same answer gives the same bytes and the same name,
    `absence_statistics_<first year>-<last year>_<digest>.json`; another answer gets a file beside it. It is written
    whole or not at all. `page_size` is rows a page, at most 100,000.

    Clients of the API differ on whether pages count from 0 or 1. From 1: so does the request that the ministry's own
    Online Tool writes, and an answer published from such a request (98 municipalities, six years) is complete. Where
    that is wrong, the only page would be empty, which is an error here.

    Raises FetchFailed: besides what `Api.post` raises, for an answer that is not a list of objects as documented, a key
    that repeats (a page served twice is not data), more than `max_pages` pages, and an answer without rows.
    """
    if not 1 <= page_size <= _PAGE_LIMIT:
        raise ValueError(f"a page has 1 to {_PAGE_LIMIT} rows")
    rows: dict[Key, Row] = {}
    with Api(connection, patience or Patience(), name=NAME, renewal=RENEWAL) as api:
        for count, page in enumerate(_pages(api, page_size, first_page, max_pages), start=first_page):
            for row in page:
                key = _key(row)
                if key is None:
                    raise _unexpected("a row lacks municipality, school stage or school year", f"page {count}")
                if key in rows:
                    raise _unexpected("a key comes twice, so a page was repeated or pages overlap", f"page {count}")
                rows[key] = row
    if not rows:
        raise _unexpected(f"there are no rows at all (pages were counted from {first_page})", "the whole answer")
    years = sorted(years for key in rows if (years := _years(key[2])))
    if not years:
        raise _unexpected("no row has a school year such as 2024/2025", "the whole answer")
    content = _canonical([row for _, row in sorted(rows.items())])
    digest = hashlib.sha256(content).hexdigest()[:12]
    target = folder / f"absence_statistics_{years[0][0]}-{years[-1][1]}_{digest}.json"
    _save(target, content)
    return target


def read(path: Path, connection: duckdb.DuckDBPyConnection, headers: Headers, layout: Layout | None) -> Reading:
    """Read an answer that `fetch` saved into the table `raw`: one row a municipality, stage, school year and measure.

    All columns are text; `measure_value` is per cent with a decimal point, such as `16.7`. The rows are the cells of
    the grid (see the module), so left-out cells are rows too. A record is a cell: cells whose municipality, stage or
    year is one of the ministry's marks (`<fejl>`, `<uoplyst>`), whose year is none or whose value is no Danish number
    of at most three decimals are in `problems`. `lines` knows served cells only: what was left out stands nowhere.
    Christiansø, which is no municipality but may be served as one, is read as served. `as_of` is 1 November after the
    last school year with a value, when the ministry publishes absence.

    Raises DeliveryRejected for a file that is cut, is not what `fetch` writes, or repeats a key.
    """
    if unknown := sorted(set(headers) ^ set(_COLUMNS)):
        raise ValueError(f"the contract and the reader of {NAME} differ on columns: {', '.join(unknown)}")
    served = _load(path)
    problems: list[Problem] = []
    values: dict[tuple[Key, str], str] = {}
    lines: dict[tuple[Key, str], int] = {}
    known: set[tuple[Key, str]] = set()
    for line, key, cells in served:
        key_problem = _key_problem(line, key)
        for measure, text in cells.items():
            if key_problem is not None:
                problems.append(key_problem)
                continue
            known.add((key, measure))
            if (number := _number(text)) is None:
                problems.append(
                    Problem(line, "measure_value", "danish_number", "the value is no Danish number", _FETCH_AGAIN)
                )
            else:
                values[key, measure] = f"{number:f}"
                lines[key, measure] = line
    if not values:
        raise DeliveryRejected("there is no value in the answer.", remedy=_FETCH_AGAIN, file=path.name)
    records, places = [], []
    for key, measure, status in _grid(known):
        if status == "published" and (key, measure) not in values:
            continue
        value = values.get((key, measure))
        records.append(dict(zip(_COLUMNS, (*key, measure, value, status), strict=True)))
        places.append(lines.get((key, measure)))
    count = table_from_rows(connection, records, pa.schema([(header, pa.string()) for header in headers]))
    last = max(years[1] for key, _ in values if (years := _years(key[2])))
    return Reading(
        rows_in=count + len(problems),
        problems=problems,
        lines=lambda rows: {row: line for row in rows if (line := places[row - 1]) is not None},
        period_label=ALL_YEARS,
        as_of=dt.date(last, 11, 1),
    )


def _pages(api: Api, page_size: int, first_page: int, max_pages: int) -> Iterator[list[Row]]:
    fields = [*DIMENSIONS, *MEASURES, *STAGES]
    for page in range(first_page, first_page + max_pages):
        body = {**QUERY, "side": page, "side_størrelse": page_size}
        rows = _rows(api.post(PATH, body, what=f"page {page}", fields=fields), f"page {page}")
        if len(rows) > page_size:
            raise _unexpected(f"there are {len(rows)} rows where {page_size} were asked for", f"page {page}")
        yield rows
        if len(rows) < page_size:
            return
    raise _unexpected(f"after {max_pages} pages there is no end", f"page {first_page + max_pages - 1}")


def _rows(content: bytes, what: str) -> list[Row]:
    """The rows of one page. Raises FetchFailed, saying where the JSON breaks, without quoting it."""
    failure = None
    rows: Any = None
    try:
        rows = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        failure = f"the answer is not UTF-8 from byte {error.start} on"
    except json.JSONDecodeError as error:
        failure = f"the answer is not whole JSON: it breaks at line {error.lineno}, column {error.colno}"
    except RecursionError:
        failure = "the answer is not rows but deeply nested"
    if failure is not None:
        raise FetchFailed(
            "cut_short",
            f"{failure}.",
            remedy="start the task again; if it stays, the API or a proxy on the way cuts its answers",
            where=f"{NAME}, {what}",
        )
    if not isinstance(rows, list):
        raise _unexpected("the answer is not a list of rows", what)
    if not all(isinstance(row, dict) and all(isinstance(v, str | None) for v in row.values()) for row in rows):
        raise _unexpected("a row is not an object of texts", what)
    return rows


def _unexpected(reason: str, what: str) -> FetchFailed:
    return FetchFailed("unexpected_answer", f"{reason}.", remedy=_FETCH_AGAIN, where=f"{NAME}, {what}")


def _doubled(level: str) -> str:
    """`[Tid].[Skoleår]` as answers spell it, `[Tid].[Skoleår].[Skoleår]`."""
    return f"{level}.{level.rpartition('.')[2]}"


_KEY_COLUMNS = {_doubled(spelling): column for column, spellings in _SPELLINGS.items() for spelling in spellings}


def _key(row: Mapping[str, str | None]) -> Key | None:
    found = {column: row[name] for name, column in _KEY_COLUMNS.items() if row.get(name)}
    municipality, stage, year = (found.get(column) for column in _SPELLINGS)
    return (municipality, stage, year) if municipality and stage and year else None


def _years(school_year: str) -> tuple[int, int] | None:
    """First and last calendar year of `2024/2025`; None for anything else."""
    match = re.fullmatch(r"(\d{4})/(\d{4})", school_year)
    years = (int(match[1]), int(match[2])) if match else (0, 0)
    return years if years[1] == years[0] + 1 and match else None


def _number(text: str) -> Decimal | None:
    """`2.351`, `7,3` or `16,7 %` as a number; None for anything else."""
    bare = text.replace("\u00a0", " ").strip().removesuffix("%").rstrip()
    if not _NUMBER.fullmatch(bare):
        return None
    return Decimal(bare.replace("−", "-").replace(".", "").replace(",", "."))


def _key_problem(line: int, key: Key) -> Problem | None:
    for column, member in zip(_SPELLINGS, key, strict=True):
        if _MARK.fullmatch(member):
            return Problem(
                line,
                column,
                "ministry_mark",
                "the ministry could not place these pupils and serves them under a mark",
                "nothing to do: they are in no municipality's figures",
            )
    if _years(key[2]) is None:
        return Problem(line, "school_year", "school_year", "the year is no school year such as 2024/2025", _FETCH_AGAIN)
    return None


def _grid(known: set[tuple[Key, str]]) -> Iterator[tuple[Key, str, str]]:
    """All cells over the served municipalities, stages, years and measures with their status; the rule: see the module.

    `known` are the cells that the answer holds. All four measures are in the grid, since all four are asked for.
    """
    published = {(stage, year, measure) for (_, stage, year), measure in known}
    spans: dict[tuple[str, str], list[int]] = {}
    for (municipality, stage, year), _ in known:
        spans.setdefault((municipality, stage), []).append(int(year[:4]))
    near = {place: (min(starts) - 1, max(starts) + 1) for place, starts in spans.items()}
    municipalities, stages, years = (sorted({key[i] for key, _ in known}) for i in range(3))
    for municipality in municipalities:
        for stage in stages:
            first, last = near.get((municipality, stage), (1, 0))
            for year in years:
                for measure in MEASURES:
                    key = (municipality, stage, year)
                    if (key, measure) in known:
                        status = "published"
                    elif (stage, year, measure) in published and first <= int(year[:4]) <= last:
                        status = "suppressed"
                    else:
                        status = "missing"
                    yield key, measure, status


def _canonical(rows: Sequence[Mapping[str, str | None]]) -> bytes:
    """A saved answer: sorted, one row a line so that a problem can name its line, no time, no token, no page."""

    def text(value: object) -> str:
        return json.dumps(value, ensure_ascii=False, sort_keys=True)

    head = f'{{\n"source": {text(_SOURCE)},\n"request": {text(QUERY)},\n"rows": [\n'
    return (head + ",\n".join(text(row) for row in rows) + "\n]\n}\n").encode()


def _save(target: Path, content: bytes) -> None:
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
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _load(path: Path) -> list[_Served]:
    def rejected(reason: str, line: int | None = None, column: str | None = None) -> DeliveryRejected:
        return DeliveryRejected(
            reason,
            remedy="take the file away and fetch the statistics again",
            file=path.name,
            line=line,
            column=column,
        )

    try:
        content = json.loads(path.read_bytes().decode("utf-8"))
    except UnicodeDecodeError:
        raise rejected("the file is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise rejected("the file is cut short or damaged: it is no whole JSON.", error.lineno) from None
    rows = content.get("rows") if isinstance(content, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise rejected("the file holds no list of rows: it is no saved answer.")
    found: dict[Key, _Served] = {}
    for line, row in enumerate(rows, start=_FIRST_ROW_LINE):
        if unknown := sorted(set(row) - set(_KEY_COLUMNS) - set(MEASURES)):
            raise rejected(f"there are fields that were not asked for ({len(unknown)}).", line)
        if not all(isinstance(value, str | None) for value in row.values()):
            raise rejected("a value is no text, so it can't be told what its point or comma means.", line)
        key = _key(row)
        if key is None:
            raise rejected("municipality, school stage or school year is not given.", line)
        if key in found:
            raise rejected("municipality, school stage and school year have come before.", line)
        found[key] = _Served(line, key, {m: text for m in MEASURES if (text := (row.get(m) or "").strip())})
    return list(found.values())
