"""Uddannelsesstatistik, the data warehouse of the Ministry of Children and Education: its API and its answers.

`fetch` asks what a contract's `request` says and saves the answers as one file; `read` turns such a file into rows.

Protocol (`POST /Api/v1/statistik`): pages of JSON objects; a dimension stands under its level's name doubled
(`[Tid].[Skoleår].[Skoleår]`), a measure under its own name; all numbers are Danish texts (`2.351`, `7,3`, `16,7 %`).

A request has `queries`, each with the cube (`område`, `emne`, `underemne`), its measures (`nøgletal`), the levels that
it is asked by (`detaljering`) and `filtre`, all in the API's own words; and `published_month`, the month of the school
year's last calendar year in which the ministry publishes these figures.

Cells below the ministry's limits for discretion are left out of the answer without a mark, so that a cell that is not
there can mean two things. `read` builds for each query the grid over what was served (places x everything else x
measures asked for) and infers, cell by cell:

- `missing`: nobody has a value for that combination and measure in that year (not published, or not yet); or the year
  lies more than one year before the first or after the last year for which the place has any value for that part of the
  school (it does not have it, as many municipalities have no 10. klasse);
- `suppressed`: all others. The place has another value for that part of the school in the same year, or values in
  neighbouring years: there are pupils, and the ministry tells nothing of them. Where a measure is told by intervals of
  answers, an interval in which nobody is looks the same: there `suppressed` is "too few, or none".

It is an inference, with limits: a place that did not report a year looks `suppressed`, and so does the year right
before a stage opened or after it closed; where all cells of a place and stage are always below the limit they look
`missing`; a place of which nothing at all is served is not in the grid: neither a department, whose values stand at its
main school, nor an institution without values is made up.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from include.errors import DeliveryRejected
from include.sources.api import (
    ASK_AGAIN,
    Api,
    ApiConnection,
    FetchFailed,
    Patience,
    json_of,
    read_saved,
    rejected,
    save,
    unexpected,
)
from include.sources.reading import Headers, Layout, Problem, Reading, table_from_rows

__all__ = ["ADDRESS", "PATH", "WHOLE", "ApiConnection", "FetchFailed", "Patience", "doubled", "fetch", "read"]

NAME = "Uddannelsesstatistik"
ADDRESS = "https://api.uddannelsesstatistik.dk"
"""Where the ministry's API is; a connection names it, tests and the synthetic municipality name another."""

PATH = "/Api/v1/statistik"
RENEWAL = f"sign in to the Online Tool, {ADDRESS}/OnlineTool, and copy the key"

WHOLE = "I alt"
"""The member of a level that a query is not asked by: its figures are of all members together."""

_YEARS = ("[Tid].[Skoleår]", "[Skoleår].[Skoleår]")
"""The school year: the cubes do not agree on the name of its dimension."""

_FORM: Mapping[str, Any] = {"indlejret": False, "tomme_rækker": False, "formattering": "json"}
_ASKED = ("område", "emne", "underemne", "nøgletal", "detaljering", "filtre")
_MEASURE_COLUMNS = ("measure_name", "measure_value", "value_status")
_SOURCE = "Kilde: Uddannelsesstatistik.dk"
_NUMBER = re.compile(r"[-−]?(\d{1,3}(\.\d{3})+|\d+)(,\d{1,3})?", re.ASCII)  # more decimals would be rounded away
_MARK = re.compile(r"<.*>")
_PAGE_LIMIT = 100_000
_FIRST_ROW_LINE = 6
"""The line of the first row of a saved file: before it stand two brackets, source, request and the list of answers."""

_LINES_BETWEEN = 2
"""Lines between the last row of an answer and the first of the next."""

Key = tuple[str, ...]
"""The members of one cell, in the order of the levels that its query is asked by."""

Row = dict[str, str | None]
"""One object of an answer, as served."""


@dataclass(frozen=True)
class _Query:
    """One query of a request: the body that is sent, but for the pages."""

    body: Mapping[str, Any]

    @classmethod
    def of(cls, query: Mapping[str, Any]) -> _Query:
        """A query of a contract. Raises ValueError where it is not what the API can be asked."""
        if unknown := sorted(set(query) - set(_ASKED)):
            raise ValueError(f"a query of {NAME} knows no {', '.join(unknown)}")
        found = cls({**query, **_FORM})
        if not all(query.get(name) for name in _ASKED[:-1]) or len(found._at(_YEARS.__contains__)) != 1:
            raise ValueError(f"a query of {NAME} has a cube, measures and levels, one of which is the school year")
        return found

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels that it is asked by."""
        return tuple(self.body["detaljering"])

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures that it is asked for."""
        return tuple(self.body["nøgletal"])

    @property
    def names(self) -> list[str]:
        """All that a refusal may name."""
        filters: Mapping[str, Sequence[str]] = self.body.get("filtre", {})
        members = itertools.chain.from_iterable(filters.values())
        return [*self.levels, *self.measures, *members, self.body["emne"], self.body["underemne"]]

    @property
    def year(self) -> int:
        """The place of the school year among the levels."""
        return self._at(_YEARS.__contains__)[0]

    @property
    def places(self) -> list[int]:
        """The places of the levels that say whose figures they are."""
        return self._at(lambda level: level.startswith("[Institution]."))

    @property
    def units(self) -> list[int]:
        """The places of the levels that say of which part of which school or municipality: what has pupils or not."""
        return self._at(lambda level: level.startswith(("[Institution].", "[Klassetrin].")))

    @property
    def spellings(self) -> dict[str, int]:
        """By the names that an answer may use the place of the level."""
        return {
            doubled(name): place
            for place, level in enumerate(self.levels)
            for name in (_YEARS if level in _YEARS else (level,))
        }

    def _at(self, condition: Callable[[str], bool]) -> list[int]:
        return [place for place, level in enumerate(self.body["detaljering"]) if condition(level)]


class _Served(NamedTuple):
    """One row of a saved answer: its line, its key and the values that it has by measure."""

    line: int
    key: Key
    cells: dict[str, str]


def fetch(
    connection: ApiConnection,
    folder: Path,
    request: Mapping[str, Any],
    *,
    patience: Patience | None = None,
    page_size: int = _PAGE_LIMIT,
    first_page: int = 1,
    max_pages: int = 50,
) -> Path:
    """Ask all queries of `request`, all school years, and save the answers in `folder`, which bears the dataset's name.

    The file is canonical JSON without any time: the same answers give the same bytes and the same name,
    `<dataset>_<first year>-<last year>_<digest>.json`; other answers get a file beside it. It is written whole or not
    at all. `page_size` is rows a page, at most 100,000.

    Clients of the API differ on whether pages count from 0 or 1. From 1: so does the request that the ministry's own
    Online Tool writes, and an answer published from such a request (98 municipalities, six years) is complete. Where
    that is wrong, the only page would be empty, which is an error here.

    Raises FetchFailed: besides what `Api.post` raises, for an answer that is not a list of objects as documented, a key
    that repeats (a page served twice is not data), more than `max_pages` pages, and an answer without rows.
    """
    if not 1 <= page_size <= _PAGE_LIMIT:
        raise ValueError(f"a page has 1 to {_PAGE_LIMIT} rows")
    queries = _queries(request)
    answers: list[list[Row]] = []
    years: set[tuple[int, int]] = set()
    with Api(connection, patience or Patience(), name=NAME, renewal=RENEWAL) as api:
        for number, query in enumerate(queries, start=1):
            what = f"query {number} of {len(queries)}, " if len(queries) > 1 else ""
            rows = _all_pages(api, query, what, page_size, first_page, max_pages)
            answers.append([row for _, row in sorted(rows.items())])
            years.update(span for key in rows if (span := _years(key[query.year])))
    if not years:
        raise unexpected("no row has a school year such as 2024/2025", f"{NAME}, the whole answer")
    content = _canonical(request, answers)
    digest = hashlib.sha256(content).hexdigest()[:12]
    target = folder / f"{folder.name}_{min(years)[0]}-{max(years)[1]}_{digest}.json"
    save(target, content)
    return target


def read(path: Path, connection: duckdb.DuckDBPyConnection, headers: Headers, layout: Layout | None) -> Reading:
    """Read answers that `fetch` saved into the table `raw`: one row a cell of the grid (see the module).

    Its columns are the levels that the queries are asked by, `I alt` where a query is not asked by a level, and
    `measure_name`, `measure_value` (a text with a decimal point, such as `16.7`; of a share in per cent) and
    `value_status`. Left-out cells are rows too. A record is a cell: cells of which a member is one of the ministry's
    marks (`<fejl>`, `<uoplyst>`), whose year is none or whose value is no Danish number of at most three decimals are
    in `problems`. `lines` knows served cells only: what was left out stands nowhere. Christiansø, which is no
    municipality but may be served as one, is read as served. `as_of` is the first of the month in which the ministry
    publishes the last school year that has a value.

    Raises DeliveryRejected for a file that is cut, is not what `fetch` writes, or repeats a key.
    """
    saved = _load(path)
    asked = {level for query, _ in saved.answers for level in query.levels}
    if asked | set(_MEASURE_COLUMNS) != set(headers):
        raise rejected(path, "it was asked for with another request than the contract's.")
    records: list[dict[str, str | None]] = []
    places: list[int | None] = []
    problems: list[Problem] = []
    last_year = 0
    for query, served in saved.answers:
        values, lines, known = _sorted_out(query, served, problems)
        last_year = max([last_year, *(years[1] for key, _ in values if (years := _years(key[query.year])))])
        elsewhere = dict.fromkeys(sorted(asked - set(query.levels)), WHOLE)
        for key, measure, status in _grid(query, known):
            value = values.get((key, measure))
            if status == "published" and value is None:
                continue
            measured = {"measure_name": measure, "measure_value": value, "value_status": status}
            records.append({**dict(zip(query.levels, key, strict=True)), **elsewhere, **measured})
            places.append(lines.get((key, measure)))
    if last_year == 0:
        raise DeliveryRejected("there is no value in the answer.", remedy=ASK_AGAIN, file=path.name)
    count = table_from_rows(connection, records, pa.schema([(header, pa.string()) for header in headers]))
    return Reading(
        rows_in=count + len(problems),
        problems=problems,
        lines=lambda rows: {row: line for row in rows if (line := places[row - 1]) is not None},
        as_of=dt.date(last_year, saved.published_month, 1),
    )


def doubled(level: str) -> str:
    """`[Tid].[Skoleår]` as answers spell it, `[Tid].[Skoleår].[Skoleår]`."""
    return f"{level}.{level.rpartition('.')[2]}"


def _queries(request: Mapping[str, Any]) -> list[_Query]:
    """The queries of a contract's request. Raises ValueError where it can't be asked."""
    queries, month = request.get("queries"), request.get("published_month")
    if not isinstance(queries, list) or not queries or month not in range(1, 13):
        raise ValueError(f"a request of {NAME} has `queries` and a `published_month` from 1 to 12")
    return [_Query.of(query) for query in queries]


def _all_pages(api: Api, query: _Query, what: str, page_size: int, first_page: int, max_pages: int) -> dict[Key, Row]:
    rows: dict[Key, Row] = {}
    for number in range(first_page, first_page + max_pages):
        where = f"{NAME}, {what}page {number}"
        body = {**query.body, "side": number, "side_størrelse": page_size}
        page = _page(api.post(PATH, body, what=f"{what}page {number}", fields=query.names), where)
        if len(page) > page_size:
            raise unexpected(f"there are {len(page)} rows where {page_size} were asked for", where)
        for row in page:
            key = _key(query, row)
            if key is None:
                raise unexpected(f"a row lacks one of {', '.join(query.levels)}", where)
            if key in rows:
                raise unexpected("a key comes twice, so a page was repeated or pages overlap", where)
            rows[key] = row
        if len(page) < page_size:
            break
    else:
        raise unexpected(f"after {max_pages} pages there is no end", where)
    if not rows:
        raise unexpected(f"there are no rows at all (pages were counted from {first_page})", where)
    return rows


def _page(content: bytes, where: str) -> list[Row]:
    """The rows of one page. Raises FetchFailed."""
    rows = json_of(content, where)
    if not isinstance(rows, list):
        raise unexpected("the answer is not a list of rows", where)
    if not all(isinstance(row, dict) and all(isinstance(v, str | None) for v in row.values()) for row in rows):
        raise unexpected("a row is not an object of texts", where)
    return rows


def _key(query: _Query, row: Mapping[str, str | None]) -> Key | None:
    found = {place: value for name, place in query.spellings.items() if (value := row.get(name))}
    return tuple(found[place] for place in range(len(query.levels))) if len(found) == len(query.levels) else None


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


def _sorted_out(
    query: _Query, served: Sequence[_Served], problems: list[Problem]
) -> tuple[dict[tuple[Key, str], str], dict[tuple[Key, str], int], set[tuple[Key, str]]]:
    """Values and lines of the good cells, and all cells that the answer holds under a good key; notes the bad ones."""
    values: dict[tuple[Key, str], str] = {}
    lines: dict[tuple[Key, str], int] = {}
    known: set[tuple[Key, str]] = set()
    for line, key, cells in served:
        key_problem = _key_problem(query, line, key)
        for measure, text in cells.items():
            if key_problem is not None:
                problems.append(key_problem)
                continue
            known.add((key, measure))
            if (number := _number(text)) is None:
                problems.append(
                    Problem(line, "measure_value", "danish_number", "the value is no Danish number", ASK_AGAIN)
                )
            else:
                values[key, measure] = f"{number:f}"
                lines[key, measure] = line
    return values, lines, known


def _key_problem(query: _Query, line: int, key: Key) -> Problem | None:
    for level, member in zip(query.levels, key, strict=True):
        if _MARK.fullmatch(member):
            return Problem(
                line,
                level,
                "ministry_mark",
                "the ministry could not place these pupils and serves them under a mark",
                "nothing to do: they are in nobody's figures",
            )
    if _years(key[query.year]) is None:
        level = query.levels[query.year]
        return Problem(line, level, "school_year", "the year is no school year such as 2024/2025", ASK_AGAIN)
    return None


def _grid(query: _Query, known: set[tuple[Key, str]]) -> Iterator[tuple[Key, str, str]]:
    """All cells over the served places and everything else with their status; the rule: see the module.

    `known` are the cells that the answer holds. All measures that are asked for are in the grid.
    """
    of_place, of_unit = query.places, query.units
    others = [place for place in range(len(query.levels)) if place not in of_place]

    def part(key: Key, of: Sequence[int]) -> Key:
        return tuple(key[place] for place in of)

    published = {(part(key, others), measure) for key, measure in known}
    spans: dict[Key, list[int]] = {}
    for key, _ in known:
        spans.setdefault(part(key, of_unit), []).append(int(key[query.year][:4]))
    near = {unit: (min(starts) - 1, max(starts) + 1) for unit, starts in spans.items()}
    members = [sorted({key[place] for key, _ in known}) for place in others]
    for whose in sorted({part(key, of_place) for key, _ in known}):
        for rest in itertools.product(*members):
            placed = dict(zip([*of_place, *others], [*whose, *rest], strict=True))
            key = tuple(placed[place] for place in range(len(query.levels)))
            first, last = near.get(part(key, of_unit), (1, 0))
            for measure in query.measures:
                if (key, measure) in known:
                    status = "published"
                elif (rest, measure) in published and first <= int(key[query.year][:4]) <= last:
                    status = "suppressed"
                else:
                    status = "missing"
                yield key, measure, status


def _canonical(request: Mapping[str, Any], answers: Sequence[Sequence[Row]]) -> bytes:
    """Saved answers: sorted, one row a line so that a problem can name its line, no time, no token, no page."""

    def text(value: object) -> str:
        return json.dumps(value, ensure_ascii=False, sort_keys=True)

    head = f'{{\n"source": {text(_SOURCE)},\n"request": {text(request)},\n"answers": [\n'
    rows = ",\n".join('{"rows": [\n' + ",\n".join(text(row) for row in answer) + "\n]}" for answer in answers)
    return f"{head}{rows}\n]\n}}\n".encode()


class _Saved(NamedTuple):
    """What a saved file holds: each query with its rows, and the month of publication."""

    answers: list[tuple[_Query, list[_Served]]]
    published_month: int


def _load(path: Path) -> _Saved:
    content = read_saved(path)
    try:
        queries = _queries(content["request"])
        answers = [answer["rows"] for answer in content["answers"]]
        month: int = content["request"]["published_month"]
    except (KeyError, TypeError, AttributeError, ValueError):
        raise rejected(path, "the file holds no request with its rows: it is no saved answer.") from None
    if len(queries) != len(answers) or not all(isinstance(rows, list) for rows in answers):
        raise rejected(path, "the file does not hold one list of rows a query: it is no saved answer.")
    found: list[tuple[_Query, list[_Served]]] = []
    line = _FIRST_ROW_LINE
    for query, rows in zip(queries, answers, strict=True):
        found.append((query, _load_rows(path, query, rows, line)))
        line += len(rows) + _LINES_BETWEEN
    return _Saved(found, month)


def _load_rows(path: Path, query: _Query, rows: Sequence[object], first_line: int) -> list[_Served]:
    known = {*query.spellings, *query.measures}
    found: dict[Key, _Served] = {}
    for line, row in enumerate(rows, start=first_line):
        if not isinstance(row, dict):
            raise rejected(path, "the row is no object.", line)
        if unknown := sorted(set(row) - known):
            raise rejected(path, f"there are fields that were not asked for ({len(unknown)}).", line)
        if not all(isinstance(value, str | None) for value in row.values()):
            raise rejected(path, "a value is no text, so it can't be told what its point or comma means.", line)
        key = _key(query, row)
        if key is None:
            raise rejected(path, f"one of {', '.join(query.levels)} is not given.", line)
        if key in found:
            raise rejected(path, "the same key has come before.", line)
        found[key] = _Served(line, key, {m: text for m in query.measures if (text := (row.get(m) or "").strip())})
    return list(found.values())
