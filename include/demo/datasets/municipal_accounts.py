"""The budgets and accounts of all municipalities that a stand-in for Statistics Denmark's API serves.

Net running costs for children and young people with special needs (5.28.20-24), in 1,000 kr.: lognormal over the
municipalities, placements falling and prevention rising a little each year. Planted: small municipalities without any
place in a secured institution (5.28.24), whose cell the table does not hold; accounts that a municipality has not
handed in (`..`); and, in the tables as they come in June 2026, accounts of 2024 that have been revised and of 2025 that
are new. The tables also hold what must not be added: the country, a region, a group, gross spending and income beside
net, kroner per inhabitant.
"""

from __future__ import annotations

import csv
import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np

from include.demo.deliveries import Ints, Mask
from include.demo.stand_ins import came_on, file_of
from include.demo.statbank import Table, Variable, write_answers
from include.demo.world import World
from include.settings import PROJECT_ROOT

DATASET = "municipal_accounts"
BUDGETS, ACCOUNTS = "BUDK32", "REGK31"
FIRST_YEAR = 2016
FUNCTIONS = {
    "52820": "5.28.20 Opholdssteder mv. for børn og unge",
    "52821": "5.28.21 Forebyggende foranstaltninger for børn og unge",
    "52822": "5.28.22 Plejefamilier",
    "52823": "5.28.23 Døgninstitutioner for børn og unge",
    "52824": "5.28.24 Sikrede døgninstitutioner mv. for børn og unge",
}
_PREVENTIVE, _SECURED = 1, 4
_OTHER_FUNCTION = {"32201": "3.22.01 Folkeskoler"}
_KINDS = {"1": "1 Driftskonti", "2": "2 Statsrefusion", "3": "3 Anlægskonti"}
_ARTS = {"TOT": "I alt (netto)", "UE": "Bruttoudgifter", "I": "Indtægter"}
_UNITS = {"LOBM": "Løbende priser (1.000 kr.)", "INDL": "Pr. indbygger, løbende priser (kr.)"}
_TOGETHER = {"000": "Hele landet", "084": "Region Hovedstaden", "910": "Hovedstadskommuner"}
_BALLERUP, _COPENHAGEN = "151", "101"
_BALLERUP_TOTAL, _MEDIAN_TOTAL = 165_000, 90_000
"""Net running costs of a year in 1,000 kr."""

_SHARES = np.array([0.24, 0.31, 0.27, 0.15, 0.03])
_SHIFT = np.array([-0.004, 0.012, -0.002, -0.005, -0.001])
"""How a year moves the shares of the functions."""

_WITHOUT_SECURED, _SECURED_NOW_AND_THEN, _REVISED = 0.25, 0.3, 0.15
_NOT_HANDED_IN = 3
_MISSING = ".."


@dataclass(frozen=True)
class Release:
    """The tables as they stand from a day on: when each was updated, and its last year."""

    budgets_updated: dt.date
    last_budget: int
    accounts_updated: dt.date
    last_accounts: int

    @property
    def date(self) -> dt.date:
        """The day from which the tables stand so."""
        return max(self.budgets_updated, self.accounts_updated)


RELEASES = (
    Release(dt.date(2025, 1, 17), 2025, dt.date(2025, 5, 8), 2024),
    Release(dt.date(2026, 1, 16), 2026, dt.date(2025, 5, 8), 2024),
    Release(dt.date(2026, 1, 16), 2026, dt.date(2026, 6, 16), 2025),
)
"""Budgets come in January, accounts in spring."""

_YEARS = np.arange(FIRST_YEAR, RELEASES[-1].last_budget + 1)


@dataclass(frozen=True)
class _Figures:
    """Amounts by municipality, function and year, 1,000 kr.; `held` is False where a table has no cell."""

    codes: list[str]
    names: list[str]
    budgets: Ints
    accounts: Ints
    revised: Ints
    held: Mask
    handed_in: Mask
    """By municipality and year."""


def generate(world: World) -> dict[str, Any]:
    """Write what the stand-in answers, release by release, and tell what stands after the last."""
    figures = _figures(world.rng)
    last_before = max(i for i, release in enumerate(RELEASES) if release.date <= world.calendar.backfill)
    for release in RELEASES[last_before:]:
        came = came_on(world.calendar, release.date)
        file = file_of(DATASET, came, is_first=release is RELEASES[last_before])
        tables = [_table(figures, BUDGETS, release), _table(figures, ACCOUNTS, release)]
        write_answers(world.inbox / DATASET, tables, file_name=file.name)
        world.came(str(file), came)
    return {"figures": _truth(figures)}


def _figures(rng: np.random.Generator) -> _Figures:
    with (PROJECT_ROOT / "dbt_project" / "seeds" / "municipality.csv").open(encoding="utf-8", newline="") as stream:
        known = [(row["municipality_code"], row["municipality_name"]) for row in csv.DictReader(stream)]
    codes, names = [code for code, _ in known], [name for _, name in known]
    shape = (len(codes), len(FUNCTIONS), len(_YEARS))
    total = rng.lognormal(np.log(_MEDIAN_TOTAL), 0.7, len(codes))
    total[codes.index(_BALLERUP)] = _BALLERUP_TOTAL
    total[codes.index(_COPENHAGEN)] = total.max() * 2
    later = np.arange(len(_YEARS))
    shares = _SHARES[None, :, None] + _SHIFT[None, :, None] * later[None, None, :]
    shares = np.clip(shares * rng.normal(1.0, 0.15, (*shape[:2], 1)), 0.005, None)
    growth = 1.025 ** later[None, None, :]
    accounts = np.rint(total[:, None, None] * shares * growth * rng.normal(1.0, 0.04, shape)).astype(np.int64)
    budgets = np.rint(accounts * rng.normal(0.97, 0.03, shape)).astype(np.int64)
    changes = rng.random(shape) < _REVISED
    changes[:, :, np.flatnonzero(RELEASES[0].last_accounts != _YEARS)] = False
    revised = np.where(changes, np.rint(accounts * rng.normal(1.01, 0.01, shape)), accounts).astype(np.int64)
    held = np.ones(shape, dtype=bool)
    small = total < np.quantile(total, _WITHOUT_SECURED)
    held[small, _SECURED, :] = rng.random((int(small.sum()), len(_YEARS))) < _SECURED_NOW_AND_THEN
    handed_in = np.ones((len(codes), len(_YEARS)), dtype=bool)
    others = [place for place, code in enumerate(codes) if code != _BALLERUP]
    for place in rng.choice(others, _NOT_HANDED_IN, replace=False):
        handed_in[place, int(rng.integers(RELEASES[0].last_accounts - FIRST_YEAR))] = False
    return _Figures(codes, names, budgets, accounts, revised, held, handed_in)


def _table(figures: _Figures, code: str, release: Release) -> Table:
    """One of the two tables as a release has it."""
    is_budget = code == BUDGETS
    last = release.last_budget if is_budget else release.last_accounts
    updated = release.budgets_updated if is_budget else release.accounts_updated
    years = {str(year): str(year) for year in range(FIRST_YEAR, last + 1)}
    place = Variable(
        "REGI07A" if is_budget else "OMRÅDE",
        "kommune" if is_budget else "område",
        _TOGETHER | dict(zip(figures.codes, figures.names, strict=True)),
        can_be_left_out=True,
    )
    variables = (
        place,
        Variable("FUNKTION", "funktion", FUNCTIONS | _OTHER_FUNCTION),
        Variable("DRANST", "dranst", _KINDS),
        Variable("ART", "art", _ARTS),
        Variable("PRISENHED", "prisenhed", _UNITS),
        Variable("Tid", "tid", years, is_time=True),
    )
    text = "Kommunernes budgetter, funktioner" if is_budget else "Kommunernes regnskaber på funktioner"
    cells = _cells(figures, amounts_of(figures, code, release), list(years), is_budget=is_budget)
    return Table(code, text, "-", f"{updated:%Y-%m-%d}T08:00:00", variables, cells)


def amounts_of(figures: _Figures, code: str, release: Release) -> Ints:
    """The amounts of a table as a release has them, revised ones from the last release on."""
    if code == BUDGETS:
        return figures.budgets
    return figures.revised if release is RELEASES[-1] else figures.accounts


def _cells(figures: _Figures, amounts: Ints, years: list[str], *, is_budget: bool) -> dict[tuple[str, ...], str]:
    cells: dict[tuple[str, ...], str] = {}
    functions = list(FUNCTIONS)
    for index in np.ndindex(len(figures.codes), len(functions), len(years)):
        if figures.held[index]:
            code, function, year = figures.codes[index[0]], functions[index[1]], years[index[2]]
            is_there = is_budget or figures.handed_in[index[0], index[2]]
            cells[code, function, "1", "TOT", "LOBM", year] = str(amounts[index]) if is_there else _MISSING
    whole = amounts.sum(axis=0)
    ballerup = figures.codes.index(_BALLERUP)
    for index in np.ndindex(len(functions), len(years)):
        function, year = functions[index[0]], years[index[1]]
        for code in _TOGETHER:
            cells[code, function, "1", "TOT", "LOBM", year] = str(whole[index])
        net = int(amounts[ballerup][index])
        cells[_BALLERUP, function, "1", "UE", "LOBM", year] = str(net + net // 10)
        cells[_BALLERUP, function, "1", "I", "LOBM", year] = str(net // 10)
        cells[_BALLERUP, function, "1", "TOT", "INDL", year] = str(net // 48)
    return cells


def _truth(figures: _Figures) -> dict[str, list[dict[str, Any]]]:
    """What the newest tables say, added up over the municipalities alone, net and in current prices."""
    release = RELEASES[-1]
    functions = list(FUNCTIONS)
    ballerup = figures.codes.index(_BALLERUP)
    by_status, by_function, of_ballerup, shares = [], [], [], []
    for code, last in ((BUDGETS, release.last_budget), (ACCOUNTS, release.last_accounts)):
        count = last - FIRST_YEAR + 1
        held = figures.held[:, :, :count]
        there = held & (figures.handed_in[:, None, :count] if code == ACCOUNTS else True)
        amounts = np.where(there, amounts_of(figures, code, release)[:, :, :count], 0)
        for status, cells in (
            ("published", there),
            ("missing", held & ~there),
            ("suppressed_or_zero", ~held),
        ):
            if cells.any():
                by_status.append({"table_code": code, "value_status": status, "cells": int(cells.sum())})
        for index in np.ndindex(len(functions), count):
            key = {"table_code": code, "function_code": functions[index[0]], "accounting_year": FIRST_YEAR + index[1]}
            by_function.append(key | {"amount": f"{int(amounts[:, index[0], index[1]].sum())}.000"})
        for place in range(count):
            year = {"table_code": code, "accounting_year": FIRST_YEAR + place}
            whole, preventive = int(amounts[ballerup, :, place].sum()), int(amounts[ballerup, _PREVENTIVE, place])
            of_ballerup.append(year | {"amount": f"{whole}.000"})
            shares.append(year | {"per_mille": (2000 * preventive + whole) // (2 * whole)})
    tables = [
        {"table_code": BUDGETS, "updated": f"{release.budgets_updated:%Y-%m-%d} 08:00:00", "places": 98},
        {"table_code": ACCOUNTS, "updated": f"{release.accounts_updated:%Y-%m-%d} 08:00:00", "places": 98},
    ]
    return {
        "cells_by_status": by_status,
        "amount_by_function": by_function,
        "amount_of_ballerup": of_ballerup,
        "preventive_share_of_ballerup": shares,
        "tables": tables,
    }
