"""A stand-in for the ministry's API on this machine, and the made-up absence that it serves.

`serve` speaks the protocol of Uddannelsesstatistik over real HTTP on 127.0.0.1, its errors included, so that a night
on the synthetic municipality and the tests ask as they would ask the ministry. It holds several cubes, each by the
combinations of levels that its rows have. `write_statistics` makes the figures of the absence cube.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from include.demo import loopback
from include.demo.loopback import STUB_ANSWERS, Fault, Reply, StandIn, json_reply
from include.demo.municipalities import MUNICIPALITIES
from include.sources.api import ApiConnection
from include.sources.uddannelsesstatistik import PATH, WHOLE, doubled

__all__ = ["ABSENCE", "MEASURES", "STAGES", "STUB_ANSWERS", "WELLBEING", "Fault", "run", "serve", "write_statistics"]

SCHOOL_YEARS = tuple(f"{year}/{year + 1}" for year in range(2019, 2025))

_LARGEST_PAGE = 100_000

Row = dict[str, str]


# ---- the stand-in


@dataclass(frozen=True)
class Cube:
    """A cube of the ministry's: where it is, its measures, and the levels that its figures are held by."""

    area: str
    topic: str
    subtopic: str
    measures: tuple[str, ...]
    levels: tuple[str, ...]

    @property
    def place(self) -> dict[str, str]:
        """How a request names it."""
        return {"område": self.area, "emne": self.topic, "underemne": self.subtopic}


MUNICIPALITY = "[Institution].[Beliggenhedskommune]"
MEASURES = (
    "Gennemsnitligt fravær per skoleår",
    "Sygefravær per skoleår",
    "Ulovligt fravær per skoleår",
    "Over 10 procent",
)
STAGES = ("Indskoling", "Mellemtrin", "Udskoling", "10. klasse mv.")

ABSENCE = Cube("GS", "ELEVFRAV", "FRAVAAR", MEASURES, (MUNICIPALITY, "[Klassetrin].[Skoletrin]", "[Tid].[Skoleår]"))
WELLBEING = Cube(
    "GS",
    "TRIV",
    "TRIVIND",
    ("Indikatorsvar", "Andel Indikatorsvar", "Totale antal elever - indikatorsvar"),
    (
        MUNICIPALITY,
        "[Institution].[Institutionsnummer]",
        "[Klassetrin].[Klassetringruppe]",
        "[Skoleår].[Skoleår]",
        "[Trivselsindikator].[Trivselsindikator]",
        "[Trivselsindikator Svarintervaller].[Trivselsindikator Svarintervaller]",
    ),
)
CUBES = (ABSENCE, WELLBEING)

Cubes = Mapping[Cube, Sequence[Mapping[str, str]]]
"""The rows of each cube, as the ministry serves them: levels doubled, numbers as Danish texts."""


@contextlib.contextmanager
def run(cubes: Cubes, token: str, *, faults: Sequence[Fault | None] = (), first_page: int = 1) -> Iterator[StandIn]:
    """Serve `cubes` until the block ends. `first_page` is how pages are counted (clients of the real API differ)."""
    rows = {cube: [dict(row) for row in held] for cube, held in cubes.items()}

    def answer(_: str, body: dict[str, Any] | None) -> Reply:
        if body is None:
            return json_reply({"message": "Forespørgslen er ikke JSON."}, 400)
        try:
            return json_reply(page(rows, body, first_page))
        except _Refused as refusal:
            return json_reply({"message": str(refusal)}, 400)

    with loopback.serve(answer, token=token, paths=[PATH], faults=faults) as stand_in:
        yield stand_in


@contextlib.contextmanager
def serve(files: Sequence[Path], token: str) -> Iterator[ApiConnection]:
    """Serve the cubes of files that `write_answers` wrote; gives the connection to ask with."""
    with run(dict(load_answers(file) for file in files), token) as stand_in:
        yield stand_in.connection


def write_answers(
    folder: Path, cube: Cube, rows: Sequence[Mapping[str, str]], *, file_name: str = STUB_ANSWERS
) -> Path:
    """Write the rows of a cube into a file of `folder`, the inbox folder of the dataset that asks for them."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    place = json.dumps(cube.place, ensure_ascii=False)
    file = folder / file_name
    file.write_text(f'{{"synthetic": true,\n"cube": {place},\n"rows": [\n{lines}\n]}}\n', "utf-8")
    return file


def load_answers(file: Path) -> tuple[Cube, list[Row]]:
    """Cube and rows of a file of figures. Raises ValueError if it is none."""
    content = json.loads(file.read_text("utf-8"))
    cubes = [cube for cube in CUBES if isinstance(content, dict) and content.get("cube") == cube.place]
    if not cubes or not isinstance(content.get("rows"), list):
        raise ValueError(f"{file.name} holds no rows of a known cube to serve")
    return cubes[0], list(content["rows"])


class _Refused(Exception):
    """The request is wrong; the text names what."""


def page(cubes: Mapping[Cube, Sequence[Row]], body: Mapping[str, Any], first_page: int) -> list[Row] | dict[str, Any]:
    """What the ministry answers to a request over `cubes`: one page, flat or nested, rows without a value left out.

    Raises an error that names the field for all that the API would refuse, and for what the figures can't answer: they
    are held by certain combinations of levels only.
    """
    cube = _cube(cubes, body)
    _check(cube, body)
    levels = {doubled(level) for level in body["detaljering"]}
    held = [row for row in cubes[cube] if set(row) - set(cube.measures) == levels]
    if not held and cubes[cube]:
        raise _Refused("detaljering: tallene findes ikke efter netop disse felter.")
    measures: list[str] = body["nøgletal"]
    chosen = []
    for row in held:
        if all(row.get(doubled(level)) in members for level, members in body.get("filtre", {}).items()):
            values = {measure: row[measure] for measure in measures if measure in row}
            if values:
                chosen.append({doubled(level): row[doubled(level)] for level in body["detaljering"]} | values)
    size = body.get("side_størrelse", _LARGEST_PAGE)
    start = (body.get("side", first_page) - first_page) * size
    flat = chosen[start : start + size] if start >= 0 else []
    if not body.get("indlejret", False):
        return flat
    nested: dict[str, Any] = {}
    for row in flat:
        inner = nested
        for level in body["detaljering"]:
            inner = inner.setdefault(row[doubled(level)], {})
        inner.update({measure: row[measure] for measure in measures if measure in row})
    return nested


def _cube(cubes: Mapping[Cube, Sequence[Row]], body: Mapping[str, Any]) -> Cube:
    candidates = list(cubes)
    for name in ("område", "emne", "underemne"):
        candidates = [cube for cube in candidates if cube.place[name] == body.get(name)]
        if not candidates:
            raise _Refused(f"Ukendt {name}.")
    return candidates[0]


def _check(cube: Cube, body: Mapping[str, Any]) -> None:
    for name, known in (("nøgletal", cube.measures), ("detaljering", cube.levels)):
        asked = body.get(name)
        if not isinstance(asked, list) or not asked:
            raise _Refused(f"{name} mangler.")
        for item in asked:
            if item not in known:
                raise _Refused(f"Ukendt værdi i {name}: {item}")
    if body.get("tomme_rækker"):
        raise _Refused("tomme_rækker findes ikke her.")
    _check_filters(cube, body.get("filtre", {}))
    size, side = body.get("side_størrelse", _LARGEST_PAGE), body.get("side", 1)
    if not isinstance(size, int) or not 1 <= size <= _LARGEST_PAGE:
        raise _Refused(f"side_størrelse skal være 1 til {_LARGEST_PAGE}.")
    if not isinstance(side, int) or side < 0:
        raise _Refused("side skal være et tal.")


def _check_filters(cube: Cube, filters: object) -> None:
    if not isinstance(filters, dict) or not all(isinstance(members, list) for members in filters.values()):
        raise _Refused("filtre er ikke lister.")
    for level in filters:
        if level not in cube.levels:
            raise _Refused(f"Ukendt felt i filtre: {level}")


# ---- the figures

Cell = tuple[str, str, str, str]
"""Municipality, school stage, school year, measure; `I alt` for the country, and for all stages."""


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
_STAGE_WEIGHT = np.array([0.38, 0.30, 0.29, 0.03])
"""The stages' parts of all pupils."""


def write_statistics(folder: Path, rng: np.random.Generator) -> StatisticsTruth:
    """Make up absence of all 98 municipalities and write it as `stub_answers.json` into `folder`; tell the truth of it.

    Four stages x six school years x four measures, texts as the ministry writes them, cells that it would leave out
    left out: Læsø's 2021/2022 whole, single cells of the smallest municipalities, `Over 10 procent` of small 10.
    klasser; eight municipalities have no 10. klasse. Beside them each municipality's figure of all stages, and the
    country's by stage and in all. `folder` is the inbox folder of `absence_statistics`.
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
    for cell, tenths in _totals(values):
        if cell[0] == "Læsø" and cell[2] == "2021/2022":
            suppressed.add(cell)
        else:
            published[cell] = Decimal(tenths) / 10
    truth = StatisticsTruth(published, frozenset(suppressed), frozenset(missing))
    write_answers(folder, ABSENCE, rows_of(published))
    return truth


def rows_of(published: Mapping[Cell, Decimal]) -> list[Row]:
    """Cells as the ministry's rows: one a municipality, stage and year, its measures side by side, in Danish texts.

    What is of all municipalities or stages has no such level, as where a query is not asked by it.
    """
    rows: dict[tuple[str, str, str], Row] = {}
    for (*key, measure), value in sorted(published.items()):
        municipality, stage, year = key
        levels = zip(ABSENCE.levels, key, strict=True)
        names = {doubled(level): member for level, member in levels if member != WHOLE}
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


def _totals(values: np.ndarray[Any, np.dtype[np.int64]]) -> Iterator[tuple[Cell, int]]:
    """Tenths of a per cent of all stages of each municipality, and of the country by stage and in all."""
    has_stage = np.array(
        [[name not in WITHOUT_TENTH_GRADE or stage != STAGES[3] for stage in STAGES] for name in MUNICIPALITIES]
    )
    weights = has_stage * _STAGE_WEIGHT
    of_municipality = np.einsum("ms,msyk->myk", weights / weights.sum(axis=1, keepdims=True), values)
    of_stage = np.einsum("ms,msyk->syk", weights / weights.sum(axis=0), values)
    of_country = np.einsum("s,syk->yk", _STAGE_WEIGHT, of_stage)
    for place, name in enumerate(MUNICIPALITIES):
        yield from _cells(name, WHOLE, of_municipality[place])
    for place, stage in enumerate(STAGES):
        yield from _cells(WHOLE, stage, of_stage[place])
    yield from _cells(WHOLE, WHOLE, of_country)


def _cells(name: str, stage: str, tenths: np.ndarray[Any, np.dtype[np.float64]]) -> Iterator[tuple[Cell, int]]:
    for (year, measure), value in np.ndenumerate(tenths):
        yield (name, stage, SCHOOL_YEARS[year], MEASURES[measure]), round(float(value))


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
